/* SPDX-License-Identifier: ISC */
/* test_blkfront_pages.c - whose pages the backend sees: in place, copies for one it may not trust,
 * persistent grants; several rings; and what happens where pages or grants run out. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include "blkrig.h"

static struct blkrig_io io[200];
static struct blkrig_req got;

static void start(const struct blkrig_conf *conf)
{
    blkrig_start(conf);
    assert_int_equal(blkrig_open(), 0);
    memset(io, 0, sizeof(io));
}

static unsigned reap_all(void)
{
    struct blk_req *done[BLKFRONT_REQUESTS_MAX];
    unsigned n = blkdev_reap(blkrig.dev, done, ARRAY_SIZE(done));

    for (unsigned i = 0; i < n; i++)
        assert_int_equal(done[i]->status, 0);
    return n;
}

/* ---- untrusted ------------------------------------------------------------------------------- */

static uint32_t seen_strange;

/* Bytes under grants that are as those the rig puts around data. */
static void look(void *arg, uint32_t gref, void *page, bool read_only, bool mapped)
{
    const uint8_t *at = page;

    (void)arg, (void)gref, (void)read_only, (void)mapped;
    for (unsigned i = 0; i < PAGE_BYTES; i++) {
        seen_strange += at[i] == 0xee;
    }
}

/* XSA-403: a backend that is not to be trusted sees only pages made for it, with nothing else in
 * them. */
static void test_untrusted_sees_only_copies(void **state)
{
    (void)state;
    start(&(struct blkrig_conf){
        .trusted = "0", .indirect = 64, .persistent = true, .bf.persistent = true});
    assert_int_equal(blkrig_front_key("feature-persistent"), 0);
    assert_false(blkrig.bf->persistent);
    for (unsigned round = 0; round < 3; round++) {
        uint64_t copied = blkrig.dev->stats.copied_bytes;

        blkrig_submit_pieces(&io[0], BLK_WRITE, 512, 20 * 512, 512, 3);
        blkdev_kick(blkrig.dev);
        seen_strange = 0;
        sim_grants(look, NULL);
        assert_int_equal(seen_strange, 20 * 2); /* the pattern's own: two in each sector */
        assert_int_equal(blkrig_finish(&io[0]), 0);
        assert_true(blkrig_disk_is(512, 20 * 512, 3));
        blkrig_submit_pieces(&io[0], BLK_READ, 512, 20 * 512, 1024, 0);
        blkdev_kick(blkrig.dev);
        assert_true(blkrig_take(0, &got));
        /* Not the program's pages: a backend that writes past the data reaches nothing. */
        for (unsigned i = 0; i < got.segs; i++) {
            int16_t status;
            uint8_t *page = sim_grant_use(got.seg[i].gref, 0, PAGE_BYTES, true, &status);

            for (unsigned n = 0; n < PAGE_BYTES; n++)
                assert_int_equal(page[n], 0);
        }
        blkrig_answer(&got, blkrig_do(&got));
        assert_int_equal(reap_all(), 1);
        assert_true(blkrig_read_is(&io[0], 3));
        assert_int_equal(blkrig.dev->stats.copied_bytes - copied, 40 * 512);
    }
    blkrig_stop(0);
}

/* ---- persistent grants ----------------------------------------------------------------------- */

/* Only where both sides offer. */
static void test_persistent_only_if_both_offer(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        bool ours = i & 1, theirs = i & 2, both = ours && theirs;

        start(&(struct blkrig_conf){.persistent = theirs, .indirect = 256, .bf.persistent = ours});
        assert_int_equal(blkrig_front_key("feature-persistent"), ours);
        assert_int_equal(blkrig.bf->persistent, both);
        blkrig_submit(&io[0], BLK_WRITE, 0, 1 << 20, 1);
        assert_int_equal(blkrig_finish(&io[0]), 0);
        assert_int_equal(blkrig.dev->stats.copied_bytes, both ? 1 << 20 : 0);
        assert_int_equal(blkrig.kept_count, both ? 257 : 0);
        blkrig_stop(0);
    }
}

/* The backend maps a page once, and the same pages serve again: those used last first, lists of
 * segments among them. */
static void test_persistent_pages_serve_again(void **state)
{
    uint64_t grants = 0;

    (void)state;
    for (unsigned version = 1; version <= 2; version++) {
        start(&(struct blkrig_conf){
            .persistent = true, .indirect = 256, .gnttab_version = version, .bf.persistent = true});
        for (unsigned i = 0; i < 10; i++) {
            blkrig_submit_pieces(&io[0], BLK_WRITE, 4096 * i, 1 << 18, 1024, (uint8_t)i);
            assert_int_equal(blkrig_finish(&io[0]), 0);
            blkrig_submit_pieces(&io[0], BLK_READ, 4096 * i, 1 << 18, 2048, 0);
            assert_int_equal(blkrig_finish(&io[0]), 0);
            assert_true(blkrig_read_is(&io[0], (uint8_t)i));
            if (i == 0)
                grants = blkrig.gt.stats.grants;
        }
        assert_int_equal(blkrig.gt.stats.grants, grants);
        assert_int_equal(blkrig.kept_count, 65);
        assert_int_equal(blkrig.bf->kept_count, 65);
        blkrig_check_pages();
        blkrig_stop(0);
    }
}

/* ---- several rings --------------------------------------------------------------------------- */

static void test_requests_go_round_the_queues(void **state)
{
    (void)state;
    start(&(struct blkrig_conf){.queues_max = "4", .bf.queues = 4});
    for (unsigned i = 0; i < 8; i++)
        blkrig_submit(&io[i], BLK_WRITE, i * 8192, 4096, 1);
    blkdev_kick(blkrig.dev);
    for (unsigned q = 0; q < 4; q++) {
        for (unsigned i = 0; i < 2; i++) {
            assert_true(blkrig_take(q, &got));
            assert_int_equal(got.sector, (q + 4 * i) * 16);
            blkrig_answer(&got, blkrig_do(&got));
        }
        assert_false(blkrig_take(q, &got));
    }
    assert_int_equal(blkrig.dev->stats.notify, 4);
    assert_int_equal(reap_all(), 8);
    blkrig_stop(0);
}

/* arm looks at every queue. */
static void test_arm_sees_each_queue(void **state)
{
    (void)state;
    start(&(struct blkrig_conf){.queues_max = "4", .bf.queues = 4});
    for (unsigned q = 0; q < 4; q++) {
        blkrig_submit(&io[0], BLK_WRITE, 0, 4096, 1);
        blkdev_kick(blkrig.dev);
        assert_false(blkdev_arm(blkrig.dev));
        assert_true(blkrig_take(q, &got));
        blkrig.events_to = 0;
        blkrig_answer(&got, blkrig_do(&got));
        assert_int_equal(blkrig.events_to, 1);
        assert_true(blkdev_arm(blkrig.dev));
        assert_int_equal(reap_all(), 1);
        assert_false(blkdev_arm(blkrig.dev));
    }
    blkrig_stop(0);
}

/* ---- rings that are full --------------------------------------------------------------------- */

/* More than the table holds is refused, and arm says when there is room; indices near wrap. */
static void test_full(void **state)
{
    static const uint32_t starts[] = {0, UINT32_MAX - 31, UINT32_MAX - 127, 1u << 31};

    (void)state;
    for (unsigned s = 0; s < ARRAY_SIZE(starts); s++) {
        struct blk_req req = {.op = BLK_READ, .bytes = 512, .seg_count = 1};
        struct blk_seg seg = {.len = 512};

        start(&(struct blkrig_conf){.index = starts[s] & ~31u});
        for (unsigned i = 0; i < BLKFRONT_REQUESTS_MAX; i++)
            blkrig_submit(&io[i], BLK_WRITE, i * 8192, 4096, 1);
        req.segs = &seg;
        seg.page = page_get(&blkrig.pages);
        assert_int_equal(blkdev_submit(blkrig.dev, &req), -E_AGAIN);
        assert_int_equal(blkrig.dev->stats.full, 1);
        blkdev_kick(blkrig.dev);
        assert_false(blkdev_arm(blkrig.dev));
        /* The ring has 32; the rest goes in as there is room. */
        for (unsigned i = 0; i < 32; i++)
            assert_true(blkrig_take(0, &got));
        assert_false(blkrig_take(0, &got));
        blkrig_answer(&got, blkrig_do(&got));
        assert_true(blkdev_arm(blkrig.dev));
        assert_int_equal(reap_all(), 1);
        assert_true(blkdev_arm(blkrig.dev)); /* room for what was refused */
        assert_int_equal(blkdev_submit(blkrig.dev, &req), 0);
        assert_int_equal(seg.page->refs, 2);
        blkrig_close(); /* what was not answered is given up */
        page_put(seg.page);
        blkrig_stop(0);
    }
}

/* Puts the pages of reads that are not among these: they were given up. */
static void put_others(struct blkrig_io *const *done, unsigned n)
{
    for (unsigned i = 0; i < 60; i++) {
        bool is_done = false;

        for (unsigned j = 0; j < n; j++)
            is_done = is_done || done[j] == &io[i];
        if (!is_done && io[i].req.op == BLK_READ)
            blkrig_put(&io[i]);
    }
}

/* All that is submitted is done, whatever the order of answers, through rings that wrap. */
static void test_many_requests_in_any_order(void **state)
{
    uint64_t seed = test_seed(7);

    (void)state;
    for (unsigned mode = 0; mode < 4; mode++) {
        static struct blkrig_req reqs[BLKFRONT_REQUESTS_MAX * 4];
        unsigned submitted = 0, done = 0, held = 0, free_count = 0;
        struct blkrig_io *free_io[ARRAY_SIZE(io)];
        struct blkrig_conf conf = {.indirect = mode == 0 ? 0 : 64,
                                   .index = UINT32_MAX - 511,
                                   .queues_max = "2",
                                   .ring_order_max = "2",
                                   .persistent = mode == 2,
                                   .trusted = mode == 3 ? "0" : "1",
                                   .bf = {.queues = (uint8_t)(1 + mode % 2),
                                          .ring_order = (uint8_t)mode % 3,
                                          .persistent = true}};

        conf.index &= ~511u;
        start(&conf);
        blkrig_disk_fill(0, BLKRIG_DISK_BYTES, 5);
        for (unsigned i = 0; i < 60; i++)
            free_io[free_count++] = &io[i];
        while (done < 1500) {
            struct blk_req *finished[8];
            unsigned n;

            for (unsigned i = test_random_below(&seed, 6); i > 0 && free_count > 0; i--) {
                uint32_t bytes = 512 * (1 + test_random_below(&seed, 100));
                uint64_t at = 512 * test_random_below(&seed, (BLKRIG_DISK_BYTES - bytes) / 512);
                struct blkrig_io *one = free_io[--free_count];

                /* Every write writes what is there: so that any order gives the same. */
                blkrig_submit_pieces(one, test_random(&seed) & 1 ? BLK_READ : BLK_WRITE, at, bytes,
                                     512 * (1 + test_random_below(&seed, 8)), 5);
                submitted++;
            }
            if (test_random(&seed) & 1)
                blkdev_kick(blkrig.dev);
            for (unsigned q = 0; q < blkrig.queues; q++)
                while (blkrig_take(q, &reqs[held]))
                    held++;
            for (unsigned i = test_random_below(&seed, 8); i > 0 && held > 0; i--) {
                unsigned pick = test_random_below(&seed, held);

                blkrig_answer(&reqs[pick], blkrig_do(&reqs[pick]));
                reqs[pick] = reqs[--held];
            }
            n = blkdev_reap(blkrig.dev, finished, 1 + test_random_below(&seed, 8));
            for (unsigned i = 0; i < n; i++) {
                struct blkrig_io *one = finished[i]->user;

                assert_int_equal(finished[i]->status, 0);
                if (one->req.op == BLK_READ)
                    assert_true(blkrig_read_is(one, 5));
                free_io[free_count++] = one;
                done++;
            }
        }
        assert_true(blkrig_disk_is(0, BLKRIG_DISK_BYTES, 5));
        assert_int_equal(blkrig.dev->stats.violations, 0);
        /* What is on its way when the program closes the device is given up. */
        blkrig_close();
        put_others(free_io, free_count);
        blkrig_stop(0);
    }
}

/* ---- what runs out --------------------------------------------------------------------------- */

/* Few grants: a request goes in such pieces as there are grants for. */
static void test_few_grants(void **state)
{
    (void)state;
    for (uint32_t grants = 1; grants < 40; grants += grants < 14 ? 1 : 6) {
        start(&(struct blkrig_conf){.indirect = 256, .grants_max = 8 + 1 + grants});
        blkrig_submit(&io[0], BLK_WRITE, 0, 30 * 4096, 9);
        assert_int_equal(blkrig_finish(&io[0]), 0);
        assert_true(blkrig_disk_is(0, 30 * 4096, 9));
        blkrig_stop(0);
    }
}

/* No grant at all: requests wait until another user of the table gives some back. */
static void test_no_grant_for_a_while(void **state)
{
    gref_t grefs[4];
    struct page *page;

    (void)state;
    start(&(struct blkrig_conf){.grants_max = 8 + 1 + 4});
    page = page_get(&blkrig.pages);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(gnttab_grant(&blkrig.gt, 0, virt_to_gfn(page->base), true, &grefs[i]), 0);
    blkrig_submit(&io[0], BLK_WRITE, 0, 8192, 9);
    blkdev_kick(blkrig.dev);
    assert_false(blkrig_take(0, &got));
    assert_false(blkdev_arm(blkrig.dev)); /* no work: nobody may spin */
    for (unsigned i = 0; i < 4; i++)
        gnttab_end(&blkrig.gt, grefs[i]);
    assert_false(blkdev_arm(blkrig.dev));
    assert_int_equal(blkrig_finish(&io[0]), 0);
    assert_true(blkrig_disk_is(0, 8192, 9));
    page_put(page);
    blkrig_stop(0);
}

/* Few pages for copies, or for lists of segments. */
static void test_few_pages(void **state)
{
    (void)state;
    for (unsigned mode = 0; mode < 3; mode++) {
        for (uint32_t spare = mode == 0 ? 0 : 1; spare < 20; spare++) {
            struct page *page;
            unsigned taken = 0;
            struct page *others[400];

            start(&(struct blkrig_conf){.indirect = 256,
                                        .pages = 400,
                                        .trusted = mode == 1 ? "0" : "1",
                                        .persistent = true,
                                        .bf.persistent = mode == 2});
            blkrig_submit(&io[0], BLK_READ, 0, 100 * 4096, 9);
            blkrig_disk_fill(0, 100 * 4096, 9);
            while (blkrig.pages.free_count > spare && (page = page_get(&blkrig.pages)) != NULL)
                others[taken++] = page;
            assert_int_equal(blkrig_finish(&io[0]), 0);
            assert_true(blkrig_read_is(&io[0], 9));
            while (taken > 0)
                page_put(others[--taken]);
            blkrig_stop(0);
        }
    }
}

/* The same page in two requests at once; in two devices' worth of segments of one. */
static void test_one_page_twice(void **state)
{
    struct blk_seg segs[3];
    struct blk_req req = {.op = BLK_WRITE, .bytes = 3 * 512, .segs = segs, .seg_count = 3};
    struct blk_req again = {
        .op = BLK_WRITE, .start = 65536, .bytes = 512, .segs = segs, .seg_count = 1};
    struct page *page;

    (void)state;
    start(&(struct blkrig_conf){0});
    page = page_get(&blkrig.pages);
    memset(page->base, 0x11, 512);
    for (unsigned i = 0; i < 3; i++)
        segs[i] = (struct blk_seg){.page = page, .len = 512};
    assert_int_equal(blkdev_submit(blkrig.dev, &req), 0);
    assert_int_equal(blkdev_submit(blkrig.dev, &again), 0);
    page_put(page);
    blkdev_kick(blkrig.dev);
    assert_int_equal(blkrig_serve(), 2);
    assert_int_equal(reap_all(), 2);
    for (unsigned i = 0; i < 3 * 512; i++)
        assert_int_equal(blkrig.disk[i], 0x11);
    blkrig_stop(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_untrusted_sees_only_copies),
        cmocka_unit_test(test_persistent_only_if_both_offer),
        cmocka_unit_test(test_persistent_pages_serve_again),
        cmocka_unit_test(test_requests_go_round_the_queues),
        cmocka_unit_test(test_arm_sees_each_queue),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_many_requests_in_any_order),
        cmocka_unit_test(test_few_grants),
        cmocka_unit_test(test_no_grant_for_a_while),
        cmocka_unit_test(test_few_pages),
        cmocka_unit_test(test_one_page_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
