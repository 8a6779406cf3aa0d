/* SPDX-License-Identifier: ISC */
/* test_sim_blk_hostile.c - a whole guest (start, blkfront, the loop of a program) against the
 * hostile blkback of platform/sim, which tells its lies over a connection that otherwise works, and
 * in the handshake.
 *
 * What must hold, whatever happens:
 *   - no crash, no sanitizer's report, no assertion of ours, no fault that the simulated hypervisor
 *     sees in the guest
 *   - every request is reaped once, or given up by close; none is lost or comes twice
 *   - no page that an open grant or a mapping lets the backend use is free (XSA-396); none that is
 *     written to the disk may be changed, and none of the program's is shown to an untrusted one
 *   - a lie that can be known for one is known: counted, and the device is offline
 *   - after all of it a good backend serves the same program: what is written is read
 *   - at the end, when the backend has let go, every page and grant is back
 *
 *     MORGANA_STEPS=100000 MORGANA_SEED=7 build/san/tests/sim/test_sim_blk_hostile
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simguest.h"
#include "support.h"

#include <cmocka.h>

#include <morgana/blkfront.h>

#include "blkfront/blkfront_priv.h"
#include "platform/sim/hostile_blk.h"

enum {
    PAGES = 1536,
    REQS = 40,
    SEGS = 256,
    SECTORS = 16384,
    STEPS = 1000000,
    CHECK_EVERY = 32,
    LIFE_MAX = 3000,
    LAST = 8,
};

static _Alignas(PAGE_BYTES) uint8_t memory[PAGES * PAGE_BYTES];
static _Alignas(16) uint8_t storage[BLKFRONT_BYTES];
static uint8_t disk[SECTORS * 512];
static struct page headers[PAGES];
static struct page_pool pages;
static struct gnttab_quarantine quarantine;
static struct blkdev *dev;

static struct {
    struct blk_req req;
    struct blk_seg seg[SEGS];
    bool flying;
} reqs[REQS];

static bool untrusted;
static uint8_t owned[PAGES]; /* by a request of the program's: 1 + its op; 0: not */
static uint64_t seed;
static enum sim_hostile_blk last[LAST];
static uint64_t step, told[SIM_HOSTILE_BLK_COUNT];
#define VIOLATION_NAME(name, text) [BLKFRONT_##name] = #name,
static const char *const violation_names[] = {BLKFRONT_VIOLATIONS(VIOLATION_NAME)};
static uint64_t by_violation[BLKFRONT_VIOLATION_COUNT];

static struct {
    uint64_t downs, lives, submitted, reaped, failed, unsupported, refused_opens, given_up,
        violations, came_back;
} seen;

static void describe(void)
{
    fprintf(stderr, "seed %#llx, step %llu, the last lies:", (unsigned long long)seed,
            (unsigned long long)step);
    for (unsigned i = 0; i < LAST; i++)
        fprintf(stderr, " %s", sim_hostile_blk_name(last[(step + 1 + i) % LAST]));
    fputc('\n', stderr);
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
    if (owned[p - headers] == 1 + BLK_WRITE && !read_only) {
        describe();
        fail_msg("page %zu is to be written to the disk, and grant %u lets the backend change it",
                 (size_t)(p - headers), gref);
    }
    if (untrusted && owned[p - headers] != 0) {
        describe();
        fail_msg("page %zu is the program's own, and an untrusted backend may use it by grant %u",
                 (size_t)(p - headers), gref);
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

static int open_device(void)
{
    struct start *s = start_get();
    struct blkfront_conf conf = {.ev = &s->ev,
                                 .gt = &s->gt,
                                 .xs = &s->xs,
                                 .pool = &pages,
                                 .index = 51712,
                                 .ring_order = (uint8_t)sim_random(3),
                                 .queues = (uint8_t)sim_random(3),
                                 .persistent = sim_random(2) == 0,
                                 .no_indirect = sim_random(4) == 0,
                                 .timeout_ns = 3 * NS_PER_S,
                                 .quarantine = &quarantine};
    return blkfront_open(storage, &conf, &dev);
}

static void put_pages(unsigned i)
{
    for (unsigned s = 0; s < reqs[i].req.seg_count; s++) {
        owned[reqs[i].seg[s].page - headers] = 0;
        page_put(reqs[i].seg[s].page);
    }
    reqs[i].flying = false;
}

/* Segments that any disk takes, and some that only small blocks allow. */
static bool fill_segs(unsigned i)
{
    struct blk_req *req = &reqs[i].req;
    uint32_t n = sim_random(32) == 0 ? 1 + sim_random(SEGS) : 1 + sim_random(12);
    bool whole = sim_random(2) == 0;
    for (req->seg_count = 0; req->seg_count < n; req->seg_count++) {
        struct blk_seg *seg = &reqs[i].seg[req->seg_count];
        if (req->seg_count != 0 && sim_random(16) == 0) {
            seg->page = seg[-1].page; /* one page twice: two grants of it */
            page_ref(seg->page);
        } else {
            seg->page = page_get(&pages);
        }
        if (seg->page == NULL)
            return false;
        owned[seg->page - headers] = (uint8_t)(1 + req->op);
        seg->off = whole ? 0 : (uint16_t)(sim_random(8) * 512);
        seg->len = whole ? PAGE_BYTES : (uint16_t)(512 + sim_random(8u - seg->off / 512u) * 512);
        req->bytes += seg->len;
    }
    return true;
}

static void submit_one(unsigned i)
{
    struct blk_req *req = &reqs[i].req;
    uint32_t draw = sim_random(16);
    *req = (struct blk_req){.segs = reqs[i].seg, .op = draw < 7 ? BLK_READ : BLK_WRITE};
    if (draw >= 13)
        req->op = draw == 13 ? BLK_FLUSH : draw == 14 ? BLK_DISCARD : BLK_SECURE_DISCARD;
    bool ok = true;
    if (req->op <= BLK_WRITE)
        ok = fill_segs(i);
    else if (req->op != BLK_FLUSH)
        req->bytes = (1 + sim_random(64)) * 512u;
    uint64_t block = dev->caps.block_bytes;
    if (req->op != BLK_FLUSH && dev->caps.bytes > req->bytes && block != 0)
        req->start = sim_random(1u << 30) % (dev->caps.bytes - req->bytes) / block * block;
    if (sim_random(64) == 0)
        req->start = dev->caps.bytes - u64_min(dev->caps.bytes, req->bytes);
    if (!ok || blkdev_submit(dev, req) != 0) {
        put_pages(i);
        return;
    }
    reqs[i].flying = true;
    seen.submitted++;
}

static void submit_some(void)
{
    for (uint32_t n = sim_random(5); n != 0; n--) {
        unsigned i = sim_random(REQS);
        if (!reqs[i].flying)
            submit_one(i);
    }
    blkdev_kick(dev);
}

static void reap_some(void)
{
    struct blk_req *got[16];
    unsigned n = blkdev_reap(dev, got, 16);
    for (unsigned i = 0; i < n; i++) {
        unsigned which = 0;
        while (which < REQS && got[i] != &reqs[which].req)
            which++;
        if (which == REQS || !reqs[which].flying) {
            describe();
            fail_msg("a request was reaped that is not in flight");
        }
        int status = got[i]->status;
        if (status != 0 && status != -E_IO && status != -E_NODEV && status != -E_NOSYS) {
            describe();
            fail_msg("a request was reaped with %d", status);
        }
        seen.failed += status == -E_IO || status == -E_NODEV;
        seen.unsupported += status == -E_NOSYS;
        put_pages(which);
    }
    seen.reaped += n;
}

static unsigned flying(void)
{
    unsigned n = 0;
    for (unsigned i = 0; i < REQS; i++)
        n += reqs[i].flying;
    return n;
}

/* Now and then the program has other things to do than to wait: requests stand in the rings when
 * the next lie is told. */
static void run_guest(void)
{
    submit_some();
    reap_some();
    if (!blkdev_arm(dev) && sim_random(4) != 0)
        plat_wait(plat_now_ns() + NS_PER_MS);
}

/* The driver promises that what is in flight comes back, whatever the backend does. */
static void drain(void)
{
    for (unsigned i = 0; i < 64 && flying() != 0; i++) {
        reap_some();
        if (!blkdev_arm(dev))
            plat_wait(plat_now_ns() + NS_PER_S);
    }
    if (flying() != 0) {
        describe();
        fail_msg("%u requests never come back: online %d, the backend is in %u", flying(),
                 dev->online, sim_vbd_state(0));
    }
}

static void close_device(void)
{
    if (!dev->online && sim_random(8) != 0)
        drain();
    seen.violations += dev->stats.violations;
    by_violation[((const struct blkfront *)(void *)storage)->violation]++;
    blkfront_close(dev);
    dev = NULL;
    check();
    for (unsigned i = 0; i < REQS; i++) {
        seen.given_up += reqs[i].flying;
        if (reqs[i].flying)
            put_pages(i);
    }
    check();
}

static int transfer(uint8_t op, struct page *page)
{
    struct blk_seg seg = {.page = page, .len = PAGE_BYTES};
    struct blk_req req = {
        .op = op, .start = 8192, .bytes = PAGE_BYTES, .segs = &seg, .seg_count = 1};
    struct blk_req *got = NULL;
    int err = blkdev_submit(dev, &req);
    if (err != 0)
        return err;
    blkdev_kick(dev);
    for (unsigned i = 0; i < 16 && blkdev_reap(dev, &got, 1) == 0; i++) {
        if (!blkdev_arm(dev))
            plat_wait(plat_now_ns() + NS_PER_MS);
    }
    return got == &req ? req.status : -E_TIMEDOUT;
}

/* Opens, where the backend may lie in the handshake too: any answer is right but a crash. */
static bool open_badly(void)
{
    sim_hostile_blk_greet(0, 3);
    sim_hostile_blk_heal(0);
    if (open_device() == 0)
        return true;
    seen.refused_opens++;
    check();
    sim_hostile_blk_greet(0, 0);
    return false;
}

/* Closes, heals, opens: and what is written is read. */
static void live_again(void)
{
    seen.lives++;
    close_device();
    if (sim_random(2) == 0 && open_badly())
        return;
    sim_hostile_blk_greet(0, 0);
    sim_hostile_blk_heal(0);
    gnttab_quarantine_poll(&quarantine, &start_get()->gt, PAGES);
    int err = open_device();
    if (err != 0) {
        describe();
        fail_msg("a good backend, and the device does not open: %s", err_name(err));
    }
    assert_true(dev->online);
    struct page *page = page_get(&pages);
    assert_non_null(page);
    uint8_t byte = (uint8_t)sim_random(256);
    memset(page->base, byte, PAGE_BYTES);
    err = transfer(BLK_WRITE, page);
    memset(page->base, ~byte & 255, PAGE_BYTES);
    if (err == 0)
        err = transfer(BLK_READ, page);
    if (err != 0 || page->base[0] != byte || page->base[PAGE_BYTES - 1] != byte) {
        describe();
        fail_msg("a good backend, and what was written is not read: %s", err_name(err));
    }
    page_put(page);
}

/* Pages that are not free again: the program closed the device while they were lent, and had them
 * still; see gnttab_quarantine_lent. */
static uint32_t lost_pages(void)
{
    uint32_t lost = 0;
    for (unsigned i = 0; i < PAGES; i++)
        lost += headers[i].state != PAGE_FREE;
    return lost;
}

static void start(const char *gnttab)
{
    static char *argv[] = {(char *)(uintptr_t) "test", (char *)(uintptr_t) "log=quiet", NULL, NULL};
    struct sim_conf conf = {.seed = seed,
                            .random = true,
                            .vbd_count = 1,
                            .vbd[0] = {.sectors = SECTORS,
                                       .memory = disk,
                                       .flush = true,
                                       .barrier = true,
                                       .discard = true,
                                       .discard_secure = true,
                                       .discard_granularity = 4096,
                                       .indirect_max = 64,
                                       .ring_order_max = 2,
                                       .queues_max = 2,
                                       .persistent = true,
                                       .untrusted = untrusted}};
    argv[2] = (char *)(uintptr_t)gnttab;
    memset(reqs, 0, sizeof(reqs));
    memset(told, 0, sizeof(told));
    memset(by_violation, 0, sizeof(by_violation));
    memset(&seen, 0, sizeof(seen));
    memset(&quarantine, 0, sizeof(quarantine));
    simguest_boot(&conf, 3, argv);
    page_pool_init(&pages, headers, memory, PAGES);
    assert_int_equal(open_device(), 0);
    sim_hostile_blk_begin(0);
}

static void report(void)
{
    printf("%llu steps, %llu lives: offline %llu times, and back by itself %llu; %llu violations; "
           "%llu requests, %llu reaped, %llu failed, %llu not supported, %llu given up; %llu opens "
           "refused; %u pages lost\n",
           (unsigned long long)step, (unsigned long long)seen.lives, (unsigned long long)seen.downs,
           (unsigned long long)seen.came_back, (unsigned long long)seen.violations,
           (unsigned long long)seen.submitted, (unsigned long long)seen.reaped,
           (unsigned long long)seen.failed, (unsigned long long)seen.unsupported,
           (unsigned long long)seen.given_up, (unsigned long long)seen.refused_opens, lost_pages());
    for (unsigned i = 1; i < BLKFRONT_VIOLATION_COUNT; i++)
        printf("    %-10s %llu\n", violation_names[i], (unsigned long long)by_violation[i]);
}

/* The device was online; the lie stands in the ring, and the program looks. */
static void find_out(enum sim_hostile_blk what)
{
    reap_some();
    if (!dev->online)
        return;
    describe();
    fail_msg("a lie went unnoticed: %s", sim_hostile_blk_name(what));
}

/* `share` of 10 parts of all steps. */
static void run(unsigned share, const char *gnttab, bool not_trusted)
{
    const char *text = getenv("MORGANA_STEPS");
    uint64_t steps = (text != NULL ? strtoull(text, NULL, 0) : STEPS) / 10 * share;
    unsigned down_for = 0, life = 0;
    seed = test_seed(21);
    untrusted = not_trusted;
    start(gnttab);
    for (step = 0; step < steps; step++) {
        bool was_online = dev->online, is_told;
        enum sim_hostile_blk what = sim_hostile_blk_step(0, 15, &is_told);
        last[step % LAST] = what;
        told[what] += is_told;
        if (is_told && was_online && sim_hostile_blk_plain(what))
            find_out(what);
        run_guest();
        if (step % CHECK_EVERY == 0)
            check();
        seen.came_back += down_for != 0 && dev->online;
        down_for = dev->online ? 0 : down_for + 1;
        seen.downs += down_for == 1;
        /* A restart takes two: gone, and back. */
        if (!dev->online && sim_random(4) == 0)
            sim_hostile_blk_act(0, SIM_HOSTILE_BLK_RECONNECT);
        if (down_for == (dev->stats.violations != 0 ? 2 : 12) || ++life == LIFE_MAX) {
            down_for = life = 0;
            live_again();
        }
    }
    close_device();
    sim_hostile_blk_heal(0);
    gnttab_quarantine_poll(&quarantine, &start_get()->gt, PAGES);
    report();
    if (steps >= 50000) {
        for (unsigned i = 0; i < SIM_HOSTILE_BLK_COUNT; i++) {
            if (told[i] == 0 && share > 5 && steps >= 200000)
                fail_msg("%s was never told", sim_hostile_blk_name(i));
        }
        assert_true(seen.downs > steps / 1000 && seen.violations > steps / 2000);
        /* The pages here are fewer than may be kept: test_a_backend_that_keeps_more_each_time. */
        for (unsigned i = 1; i < BLKFRONT_VIOLATION_COUNT; i++)
            assert_true(by_violation[i] != 0 || i == BLKFRONT_KEPT);
        assert_true(seen.refused_opens != 0 && seen.failed != 0 && seen.unsupported != 0);
    }
    assert_int_equal(seen.submitted, seen.reaped + seen.given_up);
    assert_true(lost_pages() <= seen.given_up);
    simguest_shutdown();
}

static void test_no_lie_crashes_the_guest_or_gets_a_page(void **state)
{
    (void)state;
    run(6, "gnttab=1", false);
}

static void test_nor_with_grants_of_version_2(void **state)
{
    (void)state;
    run(2, "gnttab=2", false);
}

static void test_an_untrusted_backend_never_gets_the_programs_pages(void **state)
{
    (void)state;
    run(2, "gnttab=1", true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_lie_crashes_the_guest_or_gets_a_page),
        cmocka_unit_test(test_nor_with_grants_of_version_2),
        cmocka_unit_test(test_an_untrusted_backend_never_gets_the_programs_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
