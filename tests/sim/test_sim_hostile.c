/* SPDX-License-Identifier: ISC */
/* test_sim_hostile.c - a whole guest (start, netfront, the loop of a program) against the hostile
 * netback of platform/sim, which tells its lies over a connection that otherwise works.
 *
 * After every few steps each page that an open grant or a mapping lets the backend use must not be
 * free. When the link went down, and from time to time, the guest closes the device, the backend is
 * healed, maybe to be one that can do other things, and frames must pass again. And each lie that
 * can be known for one must close the device at the first look.
 *
 *     MORGANA_STEPS=100000 MORGANA_SEED=7 build/san/tests/sim/test_sim_hostile
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simguest.h"
#include "support.h"

#include <cmocka.h>

#include <morgana/cksum.h>
#include <morgana/log.h>
#include <morgana/netfront.h>

#include "platform/sim/hostile.h"
#include "tcp_frame.h"

enum {
    PAGES = 2048,
    PKTS = 1024,
    STEPS = 500000,
    CHECK_EVERY = 32,
    LIFE_MAX = 3000,
    LAST = 8,
    PLAIN_ROUNDS = 40,
    QUEUES = 3
};

static _Alignas(PAGE_BYTES) uint8_t memory[PAGES * PAGE_BYTES];
static _Alignas(16) uint8_t storage[NETFRONT_BYTES];
static struct page headers[PAGES];
static struct pkt pkts[PKTS];
static struct page_pool pages;
static struct pkt_pool pool;
static struct gnttab_quarantine quarantine;
static struct netdev *dev;
static struct sim_queue wire;

static uint64_t seed;
static enum sim_hostile last[LAST];
static uint64_t step, told[SIM_HOSTILE_COUNT], downs, lives, received, sent, supers, refused_opens;

static void describe(void)
{
    fprintf(stderr, "seed %#llx, step %llu, the last lies:", (unsigned long long)seed,
            (unsigned long long)step);
    for (unsigned i = 0; i < LAST; i++)
        fprintf(stderr, " %s", sim_hostile_name(last[(step + i) % LAST]));
    fputc('\n', stderr);
}

static gref_t tx_grants[PAGES];
static bool may_persist; /* pages stay granted, read-only, from one frame to the next */

static int open_device(void)
{
    struct start *s = start_get();
    struct netfront_conf conf = {
        .ev = &s->ev, .gt = &s->gt, .xs = &s->xs, .pool = &pool, .quarantine = &quarantine};
    conf.queues_max = sim_random(4) == 0 ? 0 : QUEUES;
    conf.rx_slots = sim_random(2) == 0 ? 64 : 0;
    conf.no_split = sim_random(8) == 0;
    conf.no_gso = sim_random(8) == 0;
    conf.tx_grants = may_persist && sim_random(2) == 0 ? tx_grants : NULL;
    conf.timeout_ns = 3 * NS_PER_S;
    return netfront_open(storage, &conf, &dev);
}

/* ---- what must hold -------------------------------------------------------------------------- */

static void check_page(void *arg, uint32_t gref, void *page, bool read_only, bool mapped)
{
    const uint8_t *at = page;
    (void)arg;
    if (at < memory || at >= memory + sizeof(memory))
        return; /* not of the pool */
    const struct page *p = &headers[(size_t)(at - memory) / PAGE_BYTES];
    if (p->state == PAGE_FREE && !(may_persist && read_only)) {
        describe();
        fail_msg("page %zu is free, and grant %u (%s%s) lets the backend use it",
                 (size_t)(at - memory) / PAGE_BYTES, gref, read_only ? "read" : "write",
                 mapped ? ", mapped" : "");
    }
}

static void check(void)
{
    sim_grants(check_page, NULL);
    if (sim_fault_count() != 0) {
        describe();
        fail_msg("the guest is at fault: %s", sim_fault_text());
    }
}

/* ---- the guest ------------------------------------------------------------------------------ */

enum { HEADERS = 54, PAYLOAD_MAX = 60000 };

/* A super-segment of TCP with `n` bytes of payload, whose headers alone are made anew. */
static uint32_t make_super(uint8_t *frame, uint32_t n)
{
    struct cs f = cs_of(frame, HEADERS + n);
    struct cs_ro ip = cs_ro_of(frame + 14, 20);
    cs_set_be16(f, 16, (uint16_t)(40 + n));
    cs_set_be32(f, 30, 0x0a000002 + sim_random(8)); /* a flow, and so a queue */
    cs_set_be16(f, 24, 0);
    cs_set_be16(f, 24, cksum_finish(cksum_partial(ip, 0)));
    uint32_t sum = cksum_pseudo4(cs_get_be32(ip, 12), cs_get_be32(ip, 16), 6, (uint16_t)(20 + n));
    cs_set_be16(f, 50, (uint16_t)~cksum_finish(sum));
    return HEADERS + n;
}

/* Where the device takes them; it comes back on the wire. */
static struct pkt *super_segment(void)
{
    static uint8_t frame[TCP_FRAME_MAX];
    static const struct tcp_frame usual = {
        .src = 0x0a000001, .dst = 0x0a000002, .flags = F_ACK, .len = PAYLOAD_MAX};
    if (frame[12] == 0)
        tcp_frame_make(frame, &usual);
    uint32_t len = make_super(frame, sim_random(16) == 0 ? PAYLOAD_MAX : 1001 + sim_random(6000));
    struct pkt *pkt = pkt_alloc(&pool, 0, HEADERS);
    if (pkt == NULL)
        return NULL;
    memcpy(pkt->frag[0].page->base, frame, HEADERS);
    if (pkt_append_copy(pkt, cs_ro_of(frame + HEADERS, len - HEADERS)) < 0) {
        pkt_put(pkt);
        return NULL;
    }
    pkt->csum = PKT_CSUM_BLANK;
    pkt->csum_start = 34;
    pkt->csum_off = 16;
    pkt->gso_size = 1000;
    return pkt;
}

static void send_one(struct pkt *pkt)
{
    if (pkt == NULL)
        return;
    if (netdev_tx(dev, pkt) < 0)
        pkt_put(pkt);
    else
        sent++;
}

static void send_some(void)
{
    if (dev->caps.gso_max_bytes != 0 && sim_random(8) == 0)
        send_one(super_segment());
    for (uint32_t n = sim_random(6); n != 0; n--) {
        struct pkt *pkt = pkt_alloc(&pool, 0, 60 + sim_random(1400));
        if (pkt == NULL)
            return;
        memset(pkt->frag[0].page->base + pkt->frag[0].off, 0xa4, pkt->len);
        for (uint32_t more = sim_random(3); more != 0; more--) {
            struct page *page = page_get(&pages);
            if (page != NULL && pkt_append_take(pkt, page, 0, 1 + sim_random(40)) < 0)
                page_put(page);
        }
        send_one(pkt);
    }
    netdev_tx_flush(dev);
}

static void receive_some(void)
{
    struct pkt *got[16];
    unsigned n = netdev_rx(dev, got, 16);
    for (unsigned i = 0; i < n; i++) {
        uint8_t bytes[64];
        pkt_read(got[i], 0, cs_of(bytes, u32_min(got[i]->len, 64)));
        supers += got[i]->gso_size != 0;
        pkt_put(got[i]);
    }
    received += n;
}

/* Joins or leaves a group; has flows go other ways. */
static void change_something(void)
{
    uint8_t mac[6] = {0x01, 0x00, 0x5e, 0, 0, (uint8_t)sim_random(70)}, table[128];
    uint32_t n = 1 + sim_random(sizeof(table));
    dev->ops->multicast(dev, mac, sim_random(3) != 0);
    for (uint32_t i = 0; i < n; i++)
        table[i] = (uint8_t)sim_random(2);
    (void)netfront_steer(dev, table, n);
}

static void run_guest(void)
{
    if (sim_random(8) == 0)
        change_something();
    send_some();
    receive_some();
    if (!netdev_arm(dev))
        plat_wait(plat_now_ns() + NS_PER_MS);
}

/* A good backend, new, of one kind or another. */
static void heal(void)
{
    struct sim_vif_conf conf = {.wire = &wire.wire,
                                .no_sg = sim_random(16) == 0,
                                .no_csum = sim_random(8) == 0,
                                .no_gso = sim_random(8) == 0,
                                .no_split = sim_random(4) == 0,
                                .segment = sim_random(8) == 0,
                                .ctrl_ring = sim_random(2) == 0,
                                .multicast = sim_random(4) == 0,
                                .queues_max = sim_random(QUEUES + 2)};
    sim_hostile_heal(0);
    sim_vif_attach(0, &conf);
}

/* Opens, where the backend lies in the handshake too: any answer is right but a
 * crash. */
static bool open_badly(void)
{
    sim_hostile_greet(0, 3);
    heal();
    bool open = open_device() == 0;
    sim_hostile_greet(0, 0);
    refused_opens += !open;
    check();
    return open;
}

/* Closes, heals, opens: and frames pass both ways. */
static void live_again(void)
{
    uint8_t frame[100] = {0};
    lives++;
    netfront_close(dev);
    check();
    if (sim_random(4) == 0 && open_badly())
        return;
    heal();
    gnttab_quarantine_poll(&quarantine, &start_get()->gt, PAGES);
    while (sim_queue_take(&wire, frame, sizeof(frame), NULL) != 0)
        ;
    int err = open_device();
    if (err != 0) {
        describe();
        fail_msg("a good backend, and the device does not open: %s", err_name(err));
    }
    assert_true(dev->link_up);
    uint64_t before = received;
    memset(frame, 0, sizeof(frame));
    assert_true(sim_queue_put(&wire, frame, sizeof(frame), NULL));
    for (int i = 0; i < 4 && received == before; i++) {
        sim_run_until_idle();
        receive_some();
        netdev_arm(dev);
    }
    if (received == before) {
        describe();
        fail_msg("a good backend, and no frame arrives");
    }
}

static void start(void)
{
    static char *argv[] = {(char *)(uintptr_t) "test", (char *)(uintptr_t) "log=quiet", NULL};
    seed = test_seed(20);
    assert_int_equal(sim_queue_init(&wire), 0);
    wire.wire.gso = true;
    struct sim_conf conf = {
        .seed = seed,
        .random = true,
        .vif_count = 1,
        .vif[0] = {.wire = &wire.wire, .ctrl_ring = true, .queues_max = QUEUES}};
    simguest_boot(&conf, 2, argv);
    page_pool_init(&pages, headers, memory, PAGES);
    pkt_pool_init(&pool, pkts, PKTS, &pages);
    assert_int_equal(open_device(), 0);
    sim_hostile_begin(0);
}

static void stop(void)
{
    netfront_close(dev);
    sim_hostile_heal(0);
    gnttab_quarantine_poll(&quarantine, &start_get()->gt, PAGES);
    assert_int_equal(pages.free_count, PAGES);
    assert_int_equal(pool.free_count, PKTS);
    simguest_shutdown();
    sim_queue_fini(&wire);
}

static void run(void)
{
    const char *text = getenv("MORGANA_STEPS");
    uint64_t steps = (text != NULL ? strtoull(text, NULL, 0) : STEPS) / 2;
    memset(told, 0, sizeof(told));
    downs = lives = received = sent = supers = refused_opens = 0;
    start();
    unsigned down_for = 0, life = 0;
    bool was_told;
    for (step = 0; step < steps; step++) {
        last[step % LAST] = sim_hostile_step(0, 15, &was_told);
        told[last[step % LAST]] += was_told;
        run_guest();
        if (step % CHECK_EVERY == 0)
            check();
        down_for = dev->link_up ? 0 : down_for + 1;
        downs += down_for == 1;
        if (down_for == 4 || ++life == LIFE_MAX) {
            down_for = life = 0;
            live_again();
        }
    }
    printf("%llu steps: the link went down %llu times, %llu lives, %llu opens "
           "refused, %llu frames "
           "sent, %llu received, %llu of them super-segments\n",
           (unsigned long long)step, (unsigned long long)downs, (unsigned long long)lives,
           (unsigned long long)refused_opens, (unsigned long long)sent,
           (unsigned long long)received, (unsigned long long)supers);
    if (steps >= 200000) {
        for (unsigned i = 0; i < SIM_HOSTILE_COUNT; i++) {
            if (told[i] == 0)
                fail_msg("%s was never told", sim_hostile_name(i));
        }
        assert_true(downs > steps / 1000);
        assert_true(supers != 0 && refused_opens != 0);
    }
    stop();
}

static void test_no_lie_crashes_the_guest_or_gets_a_page(void **state)
{
    (void)state;
    may_persist = false;
    run();
}

static void test_nor_where_grants_for_sending_are_kept(void **state)
{
    (void)state;
    may_persist = true;
    run();
}

/* Traffic, the lie, one look: the link is down, and a violation is counted, and logged. */
static void tell_and_look(enum sim_hostile what)
{
    for (unsigned i = 0; i < 3; i++)
        run_guest();
    send_some();
    last[step % LAST] = what;
    uint64_t before = dev->stats.violations;
    vplat_console_clear();
    if (!dev->link_up || !sim_hostile_act(0, what))
        return;
    told[what]++;
    for (unsigned i = 0; i < 3 * NETFRONT_RING_SLOTS && dev->link_up; i++) {
        receive_some();
        netdev_arm(dev);
    }
    if (dev->link_up || dev->stats.violations != before + 1) {
        describe();
        fail_msg("a lie went unnoticed: %s", sim_hostile_name(what));
    }
    if (strstr(vplat_console(), "broke the protocol") == NULL)
        fail_msg("%s was not logged: \"%s\"", sim_hostile_name(what), vplat_console());
}

static void test_a_plain_lie_closes_the_device_at_the_first_look(void **state)
{
    (void)state;
    memset(told, 0, sizeof(told));
    may_persist = false;
    start();
    log_set_level(LOG_ERROR);
    for (step = 0; step < PLAIN_ROUNDS * (uint64_t)SIM_HOSTILE_COUNT; step++) {
        enum sim_hostile what = (enum sim_hostile)(step % SIM_HOSTILE_COUNT);
        if (!sim_hostile_plain(what))
            continue;
        tell_and_look(what);
        live_again();
    }
    for (unsigned i = 0; i < SIM_HOSTILE_COUNT; i++) {
        if (sim_hostile_plain(i) && told[i] == 0)
            fail_msg("%s was never told", sim_hostile_name(i));
    }
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_lie_crashes_the_guest_or_gets_a_page),
        cmocka_unit_test(test_nor_where_grants_for_sending_are_kept),
        cmocka_unit_test(test_a_plain_lie_closes_the_device_at_the_first_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
