/* SPDX-License-Identifier: ISC */
/* test_sim_restore_hostile.c - a domain is restored in the middle of the lies that hostile netback
 * and blkback tell, and meets a backend that lies from the first key on. Whatever happens: no
 * crash, no fault, no page that a backend may use is free; and after all of it good backends serve
 * the same program, and every page and grant is back.
 *
 *     MORGANA_STEPS=100000 MORGANA_SEED=7 build/san/tests/sim/test_sim_restore_hostile
 */
#include <stdlib.h>
#include <string.h>

#include "simguest.h"
#include "support.h"

#include <cmocka.h>

#include <morgana/blkfront.h>
#include <morgana/netfront.h>

#include "platform/sim/hostile.h"
#include "platform/sim/hostile_blk.h"
#include "platform/sim/sim_priv.h"

#include "restore.h"

enum { PAGES = 1024, PKTS = 300, REQS = 16, SEGS = 16, SECTORS = 4096, STEPS = 8000 };

static _Alignas(PAGE_BYTES) uint8_t memory[PAGES * PAGE_BYTES];
static _Alignas(16) uint8_t vif_storage[NETFRONT_BYTES], vbd_storage[BLKFRONT_BYTES];
static uint8_t disk[SECTORS * 512];
static struct page headers[PAGES];
static struct pkt pkts[PKTS];
static struct page_pool pages;
static struct pkt_pool pool;
static struct gnttab_quarantine quarantine;
static struct netdev *vif;
static struct blkdev *vbd;
static struct sim_queue wire;
static gref_t tx_grants[PAGES];
static uint64_t rng, seed, restores, violations;
static uint32_t grants_free;
static struct {
    struct blk_req req;
    struct blk_seg seg[SEGS];
    bool flying;
} reqs[REQS];

static uint32_t below(uint32_t n)
{
    return test_random_below(&rng, n);
}

/* ---- what must hold -------------------------------------------------------------------------- */

/* Grants for sending are kept, read-only, though their pages are free. */
static void check_page(void *arg, uint32_t gref, void *page, bool read_only, bool mapped)
{
    const uint8_t *at = page;

    (void)arg, (void)mapped;
    if (read_only || at < memory || at >= memory + sizeof(memory))
        return;
    if (headers[(size_t)(at - memory) / PAGE_BYTES].state == PAGE_FREE)
        fail_msg("seed %#llx: grant %u lets a backend use a page that is free",
                 (unsigned long long)seed, gref);
}

static void check(void)
{
    sim_grants(check_page, NULL);
    if (sim_fault_count() != 0)
        fail_msg("seed %#llx: the guest is at fault: %s", (unsigned long long)seed,
                 sim_fault_text());
}

static void restore(void)
{
    struct start *start = start_get();

    restores++;
    sim_hostile_lose();
    sim_hostile_blk_lose();
    restore_domain(&start->ev, &start->gt, &start->xs);
}

/* ---- the network ----------------------------------------------------------------------------- */

static int open_vif(void)
{
    struct start *start = start_get();
    struct netfront_conf conf = {.ev = &start->ev,
                                 .gt = &start->gt,
                                 .xs = &start->xs,
                                 .pool = &pool,
                                 .rx_slots = 64,
                                 .queues_max = 2,
                                 .timeout_ns = NS_PER_S,
                                 .tx_grants = tx_grants,
                                 .quarantine = &quarantine};

    return netfront_open(vif_storage, &conf, &vif);
}

static void send_some(void)
{
    for (uint32_t n = below(6); vif->link_up && n > 0; n--) {
        uint8_t frame[200] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88};
        struct pkt *pkt = pkt_get(&pool);

        if (pkt == NULL)
            return;
        if (pkt_append_copy(pkt, cs_ro_of(frame, 60 + below(140))) != 0 || netdev_tx(vif, pkt) != 0)
            pkt_put(pkt);
    }
    netdev_tx_flush(vif);
}

static void look_vif(void)
{
    struct pkt *got[32];
    unsigned n = netdev_rx(vif, got, ARRAY_SIZE(got));

    for (unsigned i = 0; i < n; i++)
        pkt_put(got[i]);
    send_some();
    (void)netdev_arm(vif);
}

/* What the program does with a device that broke the protocol: it closes it, and opens it when it
 * is good again. */
static void reopen_vif(void)
{
    violations += vif->stats.violations;
    netfront_close(vif);
    sim_hostile_greet(0, 0);
    sim_hostile_heal(0);
    assert_int_equal(open_vif(), 0);
}

/* ---- the disk -------------------------------------------------------------------------------- */

static int open_vbd(void)
{
    struct start *start = start_get();
    struct blkfront_conf conf = {.ev = &start->ev,
                                 .gt = &start->gt,
                                 .xs = &start->xs,
                                 .pool = &pages,
                                 .index = 51712,
                                 .queues = 2,
                                 .persistent = seed % 2 != 0,
                                 .timeout_ns = NS_PER_S,
                                 .quarantine = &quarantine};

    return blkfront_open(vbd_storage, &conf, &vbd);
}

static void end_req(unsigned i)
{
    for (unsigned s = 0; s < reqs[i].req.seg_count; s++)
        page_put(reqs[i].seg[s].page);
    reqs[i].req.seg_count = 0;
    reqs[i].flying = false;
}

static void submit_some(void)
{
    for (unsigned i = 0; i < REQS; i++) {
        struct blk_req *req = &reqs[i].req;

        if (reqs[i].flying || below(3) != 0)
            continue;
        *req = (struct blk_req){.op = below(2) == 0 ? BLK_READ : BLK_WRITE, .segs = reqs[i].seg};
        for (uint32_t n = 1 + below(SEGS - 1); n > 0; n--) {
            struct page *page = page_get(&pages);

            if (page == NULL)
                break;
            reqs[i].seg[req->seg_count++] = (struct blk_seg){.page = page, .len = PAGE_BYTES};
            req->bytes += PAGE_BYTES;
        }
        req->start = (uint64_t)below(64) * PAGE_BYTES;
        reqs[i].flying = req->bytes != 0 && blkdev_submit(vbd, req) == 0;
        if (!reqs[i].flying)
            end_req(i);
    }
    blkdev_kick(vbd);
}

static void look_vbd(void)
{
    struct blk_req *done[REQS];
    unsigned n = blkdev_reap(vbd, done, REQS);

    for (unsigned k = 0; k < n; k++) {
        unsigned i = 0;

        while (i < REQS && done[k] != &reqs[i].req)
            i++;
        assert_true(i < REQS && reqs[i].flying);
        end_req(i);
    }
    submit_some();
    (void)blkdev_arm(vbd);
}

static void reopen_vbd(void)
{
    violations += vbd->stats.violations;
    blkfront_close(vbd);
    for (unsigned i = 0; i < REQS; i++) {
        if (reqs[i].flying)
            end_req(i);
    }
    sim_hostile_blk_greet(0, 0);
    sim_hostile_blk_heal(0);
    assert_int_equal(open_vbd(), 0);
}

/* ---- the test -------------------------------------------------------------------------------- */

static void begin(void)
{
    static char *argv[] = {(char *)(uintptr_t) "test", (char *)(uintptr_t) "log=quiet", NULL};
    struct sim_conf conf = {
        .seed = seed,
        .random = true,
        .vif_count = 1,
        .vif = {{.wire = &wire.wire, .queues_max = 2, .multicast = true, .ctrl_ring = true}},
        .vbd_count = 1,
        .vbd = {{.sectors = SECTORS, .memory = disk, .indirect_max = 32, .persistent = true}}};

    rng = seed;
    assert_int_equal(sim_queue_init(&wire), 0);
    sim_queue_join(&wire, &wire);
    restore_forget();
    simguest_boot(&conf, 2, argv);
    page_pool_init(&pages, headers, memory, PAGES);
    pkt_pool_init(&pool, pkts, PKTS, &pages);
    quarantine = (struct gnttab_quarantine){.count = 0};
    grants_free = start_get()->gt.stats.free_count;
    assert_int_equal(open_vif(), 0);
    assert_int_equal(open_vbd(), 0);
    sim_hostile_begin(0);
    sim_hostile_blk_begin(0);
}

static void end(void)
{
    struct start *start = start_get();

    reopen_vif();
    reopen_vbd();
    for (unsigned i = 0; i < 50; i++) {
        look_vif();
        look_vbd();
        plat_wait(plat_now_ns());
    }
    assert_true(vif->link_up && vbd->online);
    assert_int_equal(vif->stats.violations + vbd->stats.violations, 0);
    netfront_close(vif);
    blkfront_close(vbd);
    for (unsigned i = 0; i < REQS; i++) {
        if (reqs[i].flying)
            end_req(i);
    }
    gnttab_quarantine_poll(&quarantine, &start->gt, PAGES);
    assert_int_equal(quarantine.count, 0);
    assert_int_equal(pages.free_count + pages.quarantined, PAGES);
    assert_int_equal(start->gt.stats.free_count, grants_free);
    check();
    simguest_shutdown();
    sim_queue_fini(&wire);
}

static void test_restored_among_lies(void **state)
{
    const char *wanted = getenv("MORGANA_STEPS");
    uint64_t steps = wanted != NULL ? strtoull(wanted, NULL, 0) : STEPS;
    uint64_t first = test_seed(81);
    bool told;

    (void)state;
    for (unsigned life = 0; life < 8; life++) {
        seed = first + life;
        begin();
        for (uint64_t step = 0; step < steps / 8; step++) {
            (void)sim_hostile_step(0, 12, &told);
            (void)sim_hostile_blk_step(0, 12, &told);
            for (uint32_t n = below(5); n > 0; n--)
                sim_step();
            while (sim_upcall_pending() && evtchn_upcall(&start_get()->ev) != 0) {
            }
            if (below(12) == 0) {
                sim_hostile_greet(0, below(3));
                sim_hostile_blk_greet(0, below(3));
                restore();
            }
            look_vif();
            look_vbd();
            if (vif->stats.violations != 0 && below(8) == 0)
                reopen_vif();
            if (vbd->stats.violations != 0 && below(8) == 0)
                reopen_vbd();
            if (step % 16 == 0)
                check();
        }
        end();
    }
    assert_true(restores > steps / 20);
    assert_true(violations > steps / 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_restored_among_lies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
