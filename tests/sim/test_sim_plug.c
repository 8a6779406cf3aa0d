/* SPDX-License-Identifier: ISC */
/* test_sim_plug.c - a network device that is detached and attached again, 200 times under traffic,
 * from any moment to any other: after each time every page, packet and grant is back, and it is the
 * same device, open all the while. */
#include <string.h>

#include "simguest.h"
#include "support.h"

#include <cmocka.h>

#include "platform/sim/sim_priv.h"
#include "platform/sim/wire.h"

enum { PAGES = 600, PKTS = 900, CYCLES = 200, TURNS = 20000, FRAME = 60 };

static _Alignas(PAGE_BYTES) uint8_t memory[PAGES * PAGE_BYTES];
static struct page headers[PAGES];
static struct pkt pkts[PKTS];
static struct page_pool pages;
static struct pkt_pool pool;
static struct sim_queue back, far;
static struct netdev *dev;
static uint64_t rng, received;

static uint32_t below(uint32_t n)
{
    return test_random_below(&rng, n);
}

static void send_one(void)
{
    static const uint8_t frame[FRAME] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5};
    struct pkt *pkt = pkt_get(&pool);

    if (pkt == NULL)
        return;
    if (pkt_append_copy(pkt, cs_ro_of(frame, FRAME)) != 0 || netdev_tx(dev, pkt) != 0)
        pkt_put(pkt);
}

/* The program's and domain 0's turn: frames both ways, and a few pieces of domain 0's work. */
static void turn(void)
{
    static const uint8_t frame[FRAME] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5};
    uint8_t taken[2048];
    struct pkt *pkt;

    for (uint32_t n = below(5); n > 0; n--)
        send_one();
    netdev_tx_flush(dev);
    for (uint32_t n = below(5); n > 0; n--)
        (void)sim_queue_put(&back, frame, FRAME, NULL);
    sim_wires_ready();
    for (uint32_t n = below(8); n > 0; n--)
        (void)sim_step();
    (void)evtchn_upcall(&start_get()->ev);
    while (netdev_rx(dev, &pkt, 1) == 1) {
        received++;
        pkt_put(pkt);
    }
    (void)netdev_arm(dev);
    while (sim_queue_take(&far, taken, sizeof(taken), NULL) != 0)
        ;
}

static bool is_full(void)
{
    return pages.free_count == PAGES && pool.free_count == PKTS && pages.quarantined == 0;
}

static void until_link(bool up)
{
    for (unsigned i = 0; i < TURNS && dev->link_up != up; i++)
        turn();
    assert_int_equal(dev->link_up, up);
}

static void until_full(void)
{
    for (unsigned i = 0; i < TURNS && !is_full(); i++)
        turn();
    assert_true(is_full());
}

static void begin(uint64_t seed)
{
    static char *argv[] = {(char *)(uintptr_t) "test", (char *)(uintptr_t) "log=error", NULL};
    const struct sim_conf conf = {.seed = seed, .random = true, .vif_count = 1};

    assert_int_equal(sim_queue_init(&back), 0);
    assert_int_equal(sim_queue_init(&far), 0);
    sim_queue_join(&back, &far);
    simguest_boot(&conf, 2, argv);
    sim_vif_wire(0, &back.wire);
    page_pool_init(&pages, headers, memory, PAGES);
    pkt_pool_init(&pool, pkts, PKTS, &pages);
    rng = seed;
}

static void end(void)
{
    assert_true(start_vif_close(dev));
    assert_true(is_full());
    assert_int_equal(sim_fault_count(), 0);
    simguest_shutdown();
    sim_queue_fini(&back);
    sim_queue_fini(&far);
}

static void until_received(void)
{
    uint64_t before = received;

    for (unsigned i = 0; i < TURNS && received == before; i++)
        turn();
    assert_true(received > before);
}

static void test_200_times_detached_and_attached_under_traffic(void **state)
{
    uint32_t grants_free;
    uint8_t mac[6];

    (void)state;
    begin(test_seed(1));
    grants_free = start_get()->gt.stats.free_count;
    assert_int_equal(start_vif_open(0, 0, &pool, &dev), 0);
    memcpy(mac, dev->mac, sizeof(mac));
    until_link(true);
    for (unsigned cycle = 0; cycle < CYCLES; cycle++) {
        for (uint32_t n = below(20); n > 0; n--)
            turn();
        sim_vif_detach(0);
        until_link(false);
        until_full();
        assert_int_equal(start_get()->gt.stats.free_count, grants_free);
        assert_int_equal(start_vif_count(), 1);
        sim_vif_attach(0, NULL);
        until_link(true);
        assert_memory_equal(dev->mac, mac, sizeof(mac));
        until_received();
    }
    end();
}

/* dom0's driver is unbound from the device and bound again: the backend is in InitWait without a
 * word of leaving. When we have left, Linux's netback has followed to Closed, and waits for us. */
static void test_backend_that_is_bound_anew_is_connected_again(void **state)
{
    (void)state;
    begin(test_seed(1));
    assert_int_equal(start_vif_open(0, 0, &pool, &dev), 0);
    until_link(true);
    for (unsigned i = 0; i < 20; i++) {
        until_received();
        sim_xs_write("/local/domain/0/backend/vif/1/0/state", "2");
        until_link(false);
        until_link(true);
    }
    until_received();
    end();
}

/* By force, as xl does it too when nobody has answered for 10 s: there is no directory left to
 * write our states in. */
static void test_forced_detach_and_attach(void **state)
{
    static const char perms[] = "n0\0r1"; /* as xl has it */
    uint32_t grants_free;

    (void)state;
    begin(test_seed(1));
    sim_store_set_perms(0, NULL, "/local/domain/1/device/vif", cs_ro_of(perms, sizeof(perms)));
    grants_free = start_get()->gt.stats.free_count;
    assert_int_equal(start_vif_open(0, 0, &pool, &dev), 0);
    until_link(true);
    for (unsigned i = 0; i < 20; i++) {
        until_received();
        sim_vif_tear_out(0);
        until_link(false);
        until_full();
        assert_int_equal(start_get()->gt.stats.free_count, grants_free);
        sim_vif_attach(0, NULL);
        until_link(true);
    }
    until_received();
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_200_times_detached_and_attached_under_traffic),
        cmocka_unit_test(test_backend_that_is_bound_anew_is_connected_again),
        cmocka_unit_test(test_forced_detach_and_attach),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
