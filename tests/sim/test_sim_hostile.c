/* SPDX-License-Identifier: ISC */
/* test_sim_hostile.c - a whole guest (start, netfront, the loop of a program) against the hostile
 * netback of platform/sim, which tells its lies over a connection that otherwise works.
 *
 * After every few steps each page that an open grant or a mapping lets the backend use must not be
 * free. When the link went down, and from time to time, the guest closes the device, the backend is
 * healed, and frames must pass again.
 *
 *     MORGANA_STEPS=100000 MORGANA_SEED=7 build/san/tests/sim/test_sim_hostile
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simguest.h"
#include "support.h"

#include <cmocka.h>

#include <morgana/netfront.h>

#include "platform/sim/hostile.h"

enum { PAGES = 1024, PKTS = 1024, STEPS = 1000000, CHECK_EVERY = 32, LIFE_MAX = 3000, LAST = 8 };

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
static uint64_t step, told[SIM_HOSTILE_COUNT], downs, lives, received, sent;

static void describe(void)
{
    fprintf(stderr, "seed %#llx, step %llu, the last lies:", (unsigned long long)seed,
            (unsigned long long)step);
    for (unsigned i = 0; i < LAST; i++)
        fprintf(stderr, " %s", sim_hostile_name(last[(step + i) % LAST]));
    fputc('\n', stderr);
}

static int open_device(void)
{
    struct start *s = start_get();
    struct netfront_conf conf = {
        .ev = &s->ev, .gt = &s->gt, .xs = &s->xs, .pool = &pool, .quarantine = &quarantine};
    return netfront_open(storage, &conf, &dev);
}

/* ---- what must hold ------------------------------------------------------------------------- */

static void check_page(void *arg, uint32_t gref, void *page, bool read_only, bool mapped)
{
    const uint8_t *at = page;
    (void)arg;
    if (at < memory || at >= memory + sizeof(memory))
        return; /* not of the pool */
    const struct page *p = &headers[(size_t)(at - memory) / PAGE_BYTES];
    if (p->state == PAGE_FREE) {
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

static void send_some(void)
{
    for (uint32_t n = sim_random(6); n != 0; n--) {
        struct pkt *pkt = pkt_alloc(&pool, 0, 60 + sim_random(1400));
        if (pkt == NULL)
            return;
        memset(pkt->frag[0].page->base + pkt->frag[0].off, 0xa5, pkt->len);
        for (uint32_t more = sim_random(3); more != 0; more--) {
            struct page *page = page_get(&pages);
            if (page != NULL && pkt_append_take(pkt, page, 0, 1 + sim_random(40)) < 0)
                page_put(page);
        }
        if (netdev_tx(dev, pkt) < 0)
            pkt_put(pkt);
        else
            sent++;
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
        pkt_put(got[i]);
    }
    received += n;
}

static void run_guest(void)
{
    send_some();
    receive_some();
    if (!netdev_arm(dev))
        plat_wait(plat_now_ns() + NS_PER_MS);
}

/* Closes, heals, opens: and frames pass both ways. */
static void live_again(void)
{
    uint8_t frame[100] = {0};
    lives++;
    netfront_close(dev);
    check();
    sim_hostile_heal(0);
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

static void test_no_lie_crashes_the_guest_or_gets_a_page(void **state)
{
    (void)state;
    static char *argv[] = {(char *)(uintptr_t) "test", (char *)(uintptr_t) "log=quiet", NULL};
    const char *text = getenv("MORGANA_STEPS");
    uint64_t steps = text != NULL ? strtoull(text, NULL, 0) : STEPS;
    seed = test_seed(20);
    assert_int_equal(sim_queue_init(&wire), 0);
    struct sim_conf conf = {.seed = seed, .vif_count = 1, .vif[0].wire = &wire.wire};
    simguest_boot(&conf, 2, argv);
    page_pool_init(&pages, headers, memory, PAGES);
    pkt_pool_init(&pool, pkts, PKTS, &pages);
    assert_int_equal(open_device(), 0);
    sim_hostile_begin(0);

    unsigned down_for = 0, life = 0;
    bool was_told;
    for (step = 0; step < steps; step++) {
        last[step % LAST] = sim_hostile_step(0, 15, &was_told);
        told[last[step % LAST]]++;
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
    printf(
        "%llu steps: the link went down %llu times, %llu lives, %llu frames sent, %llu received\n",
        (unsigned long long)step, (unsigned long long)downs, (unsigned long long)lives,
        (unsigned long long)sent, (unsigned long long)received);
    if (steps >= 10000) {
        for (unsigned i = 0; i < SIM_HOSTILE_COUNT; i++)
            assert_true(told[i] != 0);
        assert_true(downs > steps / 1000);
    }

    netfront_close(dev);
    sim_hostile_heal(0);
    gnttab_quarantine_poll(&quarantine, &start_get()->gt, PAGES);
    assert_int_equal(pages.free_count, PAGES);
    assert_int_equal(pool.free_count, PKTS);
    simguest_shutdown();
    sim_queue_fini(&wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_lie_crashes_the_guest_or_gets_a_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
