/* SPDX-License-Identifier: ISC */
/* test_sim_restore_net.c - netfront in a domain that is saved and restored, at any moment, and with
 * a backend that is started again and again: TCP connections go on, every byte arrives, and at the
 * end every page and every grant is back.
 *
 *     TCP of end 0 -> netfront -> simulated netback -> cable of tcp_link.h <- TCP of end 1
 */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/netfront.h>

#include "platform/sim/netback.h"

#include "restore.h"
#include "simguest.h"
#include "tcp_link.h"

#define PAGES 1024u
#define PKTS 600u

/* End 0's device: netfront, and domain 0's turn at each look. */
static struct machine {
    struct netdev dev;
    struct netdev *front, *cable;
    struct sim_wire wire;
    struct page_pool pages;
    struct pkt_pool pool;
    struct gnttab_quarantine quarantine;
    uint32_t grants_free, watches;
    void (*on_turn)(void);
    uint64_t rng;
    uint32_t restores, restarts;
} machine;

static struct page page_headers[PAGES];
static struct pkt pkts[PKTS];
static _Alignas(PAGE_BYTES) uint8_t memory[PAGES][PAGE_BYTES];
static _Alignas(16) uint8_t storage[NETFRONT_BYTES];
static gref_t tx_grants[PAGES];

static uint32_t below(uint32_t n)
{
    return test_random_below(&machine.rng, n);
}

static void restore(void)
{
    machine.restores++;
    restore_domain(&start_get()->ev, &start_get()->gt, &start_get()->xs);
}

/* ---- the device ------------------------------------------------------------------------------ */

/* What comes while nobody listens is lost, as at a bridge's port that is down. */
static void drain_cable(void)
{
    struct pkt *pkt;

    while (machine.cable != NULL && netdev_rx(machine.cable, &pkt, 1) != 0)
        pkt_put(pkt);
}

/* A few pieces of domain 0's work at a time, so that what happens falls between any two. */
static void turn(void)
{
    sim_wires_ready();
    for (uint32_t n = below(6); n > 0; n--)
        sim_step();
    while (sim_upcall_pending() && evtchn_upcall(&start_get()->ev) != 0) {
    }
    if (machine.on_turn != NULL)
        machine.on_turn();
    if (!sim_vif_wants_frames(0))
        drain_cable();
}

static int machine_tx(struct netdev *dev, struct pkt *pkt)
{
    (void)dev;
    return netdev_tx(machine.front, pkt);
}

static void machine_tx_flush(struct netdev *dev)
{
    (void)dev;
    netdev_tx_flush(machine.front);
}

static unsigned machine_rx(struct netdev *dev, struct pkt **out, unsigned n)
{
    unsigned got;

    turn();
    got = netdev_rx(machine.front, out, n);
    dev->link_up = machine.front->link_up;
    return got;
}

static bool machine_arm(struct netdev *dev)
{
    bool work = netdev_arm(machine.front);

    dev->link_up = machine.front->link_up;
    return work || sim_state.work != 0 || sim_upcall_pending();
}

static const struct netdev_ops machine_ops = {
    .name = "machine",
    .tx = machine_tx,
    .tx_flush = machine_tx_flush,
    .rx = machine_rx,
    .arm = machine_arm,
};

/* ---- the wire -------------------------------------------------------------------------------- */

static bool wire_send(struct sim_wire *wire, const struct sim_frame *frame)
{
    uint8_t bytes[2048];
    struct pkt *pkt = machine.cable != NULL ? pkt_get(&machine.pool) : NULL;
    int err;

    (void)wire;
    assert_true(frame->len <= sizeof(bytes));
    sim_iov_read(frame->iov, frame->iov_count, bytes, frame->len);
    if (pkt == NULL)
        return false;
    err = pkt_append_copy(pkt, cs_ro_of(bytes, frame->len));
    if (err == 0)
        err = netdev_tx(machine.cable, pkt);
    if (err != 0)
        pkt_put(pkt);
    netdev_tx_flush(machine.cable);
    return err == 0;
}

static size_t wire_recv(struct sim_wire *wire, const struct iovec *iov, unsigned iov_count,
                        struct sim_meta *meta)
{
    uint8_t bytes[2048];
    struct pkt *pkt;
    size_t len = 0;

    (void)wire;
    memset(meta, 0, sizeof(*meta));
    if (machine.cable == NULL || netdev_rx(machine.cable, &pkt, 1) == 0)
        return 0;
    for (unsigned i = 0; i < pkt->frag_count; i++) {
        struct cs_ro view = pkt_frag_view(pkt, i);

        memcpy(bytes + len, view.base, view.len);
        len += view.len;
    }
    pkt_put(pkt);
    return sim_iov_fill(iov, iov_count, bytes, len);
}

/* ---- machine --------------------------------------------------------------------------------- */

static void open_front(void)
{
    struct netfront_conf conf = {.ev = &start_get()->ev,
                                 .gt = &start_get()->gt,
                                 .xs = &start_get()->xs,
                                 .pool = &machine.pool,
                                 .rx_slots = 64,
                                 .queues_max = 2,
                                 .tx_grants = tx_grants,
                                 .quarantine = &machine.quarantine};

    assert_int_equal(netfront_open(storage, &conf, &machine.front), 0);
}

static struct netdev *wrap(void *arg, struct netdev *inner)
{
    (void)arg;
    machine.cable = inner;
    machine.dev = *machine.front;
    machine.dev.ops = &machine_ops;
    memcpy(machine.dev.mac, inner->mac, 6);
    return &machine.dev;
}

static void begin(uint64_t seed)
{
    static char *argv[] = {(char *)(uintptr_t) "test", (char *)(uintptr_t) "log=quiet", NULL};
    struct sim_conf conf = {.seed = seed,
                            .random = true,
                            .vif_count = 1,
                            .vif = {{.wire = &machine.wire, .queues_max = 2, .no_csum = true}}};

    memset(&machine, 0, sizeof(machine));
    machine.wire = (struct sim_wire){.send = wire_send, .recv = wire_recv};
    machine.rng = seed;
    restore_forget();
    simguest_boot(&conf, 2, argv);
    page_pool_init(&machine.pages, page_headers, memory, PAGES);
    pkt_pool_init(&machine.pool, pkts, PKTS, &machine.pages);
    machine.grants_free = start_get()->gt.stats.free_count;
    machine.watches = sim_xs_watches();
    open_front();
}

static void end(void)
{
    restore_check(&start_get()->ev);
    assert_int_equal(machine.front->stats.violations, 0);
    netfront_close(machine.front);
    assert_int_equal(machine.quarantine.count, 0);
    assert_int_equal(machine.pages.free_count, PAGES);
    assert_int_equal(start_get()->gt.stats.free_count, machine.grants_free);
    assert_int_equal(sim_xs_watches(), machine.watches);
    if (sim_fault_count() != 0)
        fail_msg("the guest is at fault: %s", sim_fault_text());
    simguest_shutdown();
}

/* So many bytes each way, checked; what happens meanwhile is on_turn's. */
static void transfer(uint64_t seed, uint64_t bytes, void (*on_turn)(void))
{
    /* The trace checker stands at the cable, where what a restore loses was never seen. */
    struct tlink_conf conf = {
        .seed = seed, .pages = 1024, .wrap = {wrap, NULL}, .trace = {.watch = 2, .tx_loses = true}};
    struct tlink_bulk bulk = {.total = {bytes, bytes}};
    struct tlink *link;

    for (unsigned e = 0; e < 2; e++)
        conf.dir[e] = (struct fault_dir){.delay_ns = NS_PER_MS};
    link = tlink_new(&conf);
    assert_true(tlink_bulk_open(&bulk, link, 80));
    machine.on_turn = on_turn;
    assert_true(tlink_bulk_run(&bulk, plat_now_ns() + 600 * NS_PER_S));
    machine.on_turn = NULL;
    tlink_bulk_close(&bulk);
    tlink_pass(link, 200 * NS_PER_S);
    /* What is in the ring has the link's pages. */
    for (unsigned i = 0; i < 200; i++)
        tlink_settle(link);
    machine.cable = NULL;
    tlink_free(link);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void look(unsigned n)
{
    struct pkt *pkt;

    while (n-- > 0) {
        turn();
        while (netdev_rx(machine.front, &pkt, 1) != 0)
            pkt_put(pkt);
        (void)netdev_arm(machine.front);
    }
}

static void wait_link(void)
{
    for (unsigned i = 0; i < 200 && !machine.front->link_up; i++) {
        look(1);
        plat_wait(plat_now_ns() + 50 * NS_PER_MS);
    }
    assert_true(machine.front->link_up);
}

/* ---- restored -------------------------------------------------------------------------------- */

static void restore_now_and_then(void)
{
    if (below(20) == 0)
        restore();
}

static void test_a_connection_goes_on_through_restores(void **state)
{
    uint64_t seed = test_seed(71);
    uint32_t restores = 0;

    (void)state;
    for (unsigned n = 0; n < 8; n++) {
        begin(seed + n);
        transfer(seed + n, 400000, restore_now_and_then);
        restores += machine.restores;
        end();
    }
    assert_true(restores > 30);
}

/* One step later each time; the second restore meets what the first one began. */
static void test_restored_at_every_step_of_the_handshake(void **state)
{
    uint64_t seed = test_seed(72);

    (void)state;
    for (unsigned n = 0; n < 100; n++) {
        begin(seed);
        restore();
        look(n / 4);
        for (unsigned i = 0; i < n % 4; i++)
            sim_step();
        restore();
        if (n % 5 == 0)
            restore(); /* nobody looked between */
        wait_link();
        if (n % 20 == 0)
            transfer(seed + n, 3000, NULL);
        end();
    }
}

static void attach(void)
{
    if (sim_vif_state(0) == XenbusStateUnknown)
        sim_vif_write_keys(&sim_vifs[0]);
}

static void test_restored_at_every_step_of_a_detach(void **state)
{
    uint64_t seed = test_seed(73);
    unsigned down = 0;

    (void)state;
    for (unsigned n = 0; n < 100; n++) {
        begin(seed + n);
        sim_vif_detach(0);
        for (unsigned i = 0; i < n / 4; i++) {
            look(1);
            if (i > 10)
                attach();
        }
        down += !machine.front->link_up;
        restore();
        wait_link();
        end();
    }
    assert_true(down > 20);
}

/* XSA-465: a frontend that is resumed meets its new backend in any state, and then a device that is
 * taken away before it was connected. */
static void test_the_new_backend_is_in_any_state(void **state)
{
    uint64_t seed = test_seed(74);

    (void)state;
    for (unsigned theirs = 0; theirs <= XenbusStateReconfigured; theirs++) {
        begin(seed);
        restore();
        sim_back_set_state(&sim_vifs[0].b, theirs);
        look(30);
        sim_vif_detach(0);
        look(60);
        sim_xs_rm("/local/domain/1/device/vif/0");
        sim_xs_rm("/local/domain/0/backend/vif/2/0");
        sim_vifs[0].b.state = XenbusStateUnknown;
        sim_vif_write_keys(&sim_vifs[0]);
        wait_link();
        transfer(seed, 3000, NULL);
        end();
    }
}

static void test_the_new_backend_comes_late(void **state)
{
    (void)state;
    begin(1);
    restore();
    sim_xs_rm("/local/domain/1/device/vif/0");
    for (unsigned i = 0; i < 20; i++) {
        look(3);
        plat_wait(plat_now_ns() + NS_PER_S / 4);
    }
    assert_false(machine.front->link_up);
    sim_vif_write_keys(&sim_vifs[0]);
    wait_link();
    transfer(1, 3000, NULL);
    end();
}

/* Frames from the device's own pool: their pages' grants are kept. */
static void send_some(unsigned n)
{
    static const uint8_t frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88};

    while (n-- > 0) {
        struct pkt *pkt = pkt_get(&machine.pool);

        assert_non_null(pkt);
        assert_int_equal(pkt_append_copy(pkt, cs_ro_of(frame, sizeof(frame))), 0);
        if (netdev_tx(machine.front, pkt) != 0)
            pkt_put(pkt);
    }
    netdev_tx_flush(machine.front);
}

static void test_grants_that_are_kept_for_sending_end_with_the_domain(void **state)
{
    (void)state;
    begin(1);
    for (unsigned i = 0; i < 20; i++) {
        send_some(40);
        look(i % 5);
        restore();
        send_some(10); /* it does not know yet */
        wait_link();
        send_some(10);
        look(3);
    }
    assert_true(machine.front->stats.tx_packets > 1000);
    end();
}

static void cancel_now_and_then(void)
{
    if (below(4) != 0)
        return;
    machine.restores++;
    sim_suspend(true);
    assert_true(machine.front->link_up);
}

static void test_of_a_cancelled_suspend_nothing_is_seen(void **state)
{
    (void)state;
    begin(1);
    transfer(1, 100000, cancel_now_and_then);
    assert_true(machine.restores > 5);
    assert_int_equal(gnttab_epoch(&start_get()->gt), 0);
    end();
}

static void test_closed_in_the_restored_domain(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 24; n++) {
        begin(n);
        look(n % 4);
        restore();
        look(n % 3);
        netfront_close(machine.front);
        open_front();
        transfer(n, 2000, NULL);
        end();
    }
}

/* ---- a backend that is started again --------------------------------------------------------- */

/* With a word, as a driver that is unloaded; or without, as a domain that is gone. */
static void restart_now_and_then(void)
{
    struct sim_vif *vif = &sim_vifs[0];
    uint32_t front = sim_xs_read_u32("/local/domain/1/device/vif/0/state", 0);

    attach();
    if (vif->b.state == XenbusStateClosed && front == XenbusStateClosed)
        sim_back_set_state(&vif->b, XenbusStateInitWait); /* the driver is loaded again */
    if (below(12) != 0 || !vif->b.connected || machine.restarts >= 200)
        return;
    machine.restarts++;
    if (machine.restarts % 3 == 0) {
        sim_vif_detach(0);
        return;
    }
    sim_vif_disconnect(vif);
    sim_back_set_state(&vif->b,
                       machine.restarts % 3 == 1 ? XenbusStateClosed : XenbusStateInitWait);
}

static void test_a_connection_goes_on_through_200_backends(void **state)
{
    uint64_t seed = test_seed(75);

    (void)state;
    begin(seed);
    while (machine.restarts < 200)
        transfer(seed + machine.restarts, 300000, restart_now_and_then);
    wait_link();
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_connection_goes_on_through_restores),
        cmocka_unit_test(test_restored_at_every_step_of_the_handshake),
        cmocka_unit_test(test_restored_at_every_step_of_a_detach),
        cmocka_unit_test(test_the_new_backend_is_in_any_state),
        cmocka_unit_test(test_the_new_backend_comes_late),
        cmocka_unit_test(test_grants_that_are_kept_for_sending_end_with_the_domain),
        cmocka_unit_test(test_of_a_cancelled_suspend_nothing_is_seen),
        cmocka_unit_test(test_closed_in_the_restored_domain),
        cmocka_unit_test(test_a_connection_goes_on_through_200_backends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
