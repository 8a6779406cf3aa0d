/* SPDX-License-Identifier: ISC */
/* test_blk_share.c - windows: each reaches its own extents and nothing else, in the order in which
 * they make it up; requests that straddle are split; nobody loses a wake-up. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/blk_share.h>

#include "diskrig.h"

enum { PARTS = 6, K = 1024 };

static struct blk_share share;
static struct blk_share_part parts[PARTS];
static struct blk_window wa, wb;
static struct blkdev *a, *b;
static struct diskrig_req q, r;
static uint8_t data[64 * K], back[64 * K];

static const struct blk_extent a_extents[] = {{64 * K, 8 * K}, {16 * K, 4 * K}, {40 * K, 12 * K}};
static const struct blk_extent b_extents[] = {{128 * K, 64 * K}};

static struct diskrig *start(const struct blk_mem_conf *conf)
{
    struct diskrig *rig = diskrig_open(conf);

    vplat_reset(1);
    blk_share_init(&share, rig->disk, parts, PARTS);
    assert_int_equal(blk_window_open(&wa, &share, a_extents, ARRAY_SIZE(a_extents), false, &a), 0);
    assert_int_equal(blk_window_open(&wb, &share, b_extents, ARRAY_SIZE(b_extents), false, &b), 0);
    return rig;
}

static void stop(struct diskrig *rig)
{
    blk_window_close(&wa);
    blk_window_close(&wb);
    diskrig_close(rig);
}

/* The bytes of window a, from the medium. */
static void bytes_of_a(const struct diskrig *rig, uint8_t *to)
{
    for (unsigned i = 0; i < ARRAY_SIZE(a_extents); to += a_extents[i].bytes, i++)
        memcpy(to, rig->medium + a_extents[i].start, a_extents[i].bytes);
}

static void test_a_window_is_its_extents_in_order(void **state)
{
    struct diskrig *rig = start(NULL);

    (void)state;
    assert_int_equal(a->caps.bytes, 24 * K);
    diskrig_make(rig, &q, BLK_READ, 0, 24 * K, 512);
    assert_int_equal(diskrig_do(a, &q), 0);
    diskrig_read(&q, back);
    bytes_of_a(rig, data);
    assert_memory_equal(back, data, 24 * K);
    assert_int_equal(a->stats.split, 1);
    assert_int_equal(a->stats.ring_requests, 3);
    assert_int_equal(a->stats.reads, 1);
    diskrig_free(&q);
    stop(rig);
}

static void test_no_request_reaches_outside(void **state)
{
    struct diskrig *rig = start(NULL);

    (void)state;
    diskrig_make(rig, &q, BLK_WRITE, 23 * K, 2 * K, 0);
    assert_int_equal(blkdev_submit(a, &q.req), -E_INVAL);
    q.req.start = UINT64_MAX - 511;
    assert_int_equal(blkdev_submit(a, &q.req), -E_INVAL);
    assert_int_equal(a->stats.refused, 2);
    diskrig_free(&q);
    stop(rig);
}

/* The backend may have been replaced by one of larger blocks. */
static void test_extents_that_no_longer_suit_the_device_are_refused(void **state)
{
    static const struct blk_extent odd[] = {{512, 6144}, {16384, 6144}};
    struct diskrig *rig = start(NULL);
    struct blk_window w;
    struct blkdev *dev;

    (void)state;
    assert_int_equal(blk_window_open(&w, &share, odd, ARRAY_SIZE(odd), false, &dev), 0);
    rig->disk->caps.block_bytes = 4096;
    diskrig_make(rig, &q, BLK_READ, 4096, 4096, 0);
    assert_int_equal(diskrig_do(dev, &q), -E_INVAL);
    diskrig_free(&q);
    rig->disk->caps.block_bytes = 512;
    blk_window_close(&w);
    stop(rig);
}

static void test_bad_extents_are_refused(void **state)
{
    static const struct {
        struct blk_extent e[3];
        uint32_t n;
    } bad[] = {
        {{{0, 0}}, 0},
        {{{0, 0}}, 1},
        {{{100, 512}}, 1},
        {{{0, 100}}, 1},
        {{{DISKRIG_BYTES, 512}}, 1},
        {{{DISKRIG_BYTES - 512, 1024}}, 1},
        {{{UINT64_MAX - 511, 512}}, 1},
        {{{512, UINT64_MAX - 511}}, 1},
        {{{0, 1024}, {512, 512}}, 2},
        {{{4096, 512}, {0, 512}, {4096, 512}}, 3},
        {{{4096, 1024}, {0, 512}, {3584, 1024}}, 3},
    };
    struct diskrig *rig = start(NULL);
    struct blk_window w;
    struct blkdev *dev;

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(blk_window_open(&w, &share, bad[i].e, bad[i].n, false, &dev), -E_INVAL);
    stop(rig);
}

static void test_a_read_only_window_refuses_writes(void **state)
{
    struct diskrig *rig = start(NULL);
    struct blk_window w;
    struct blkdev *dev;

    (void)state;
    assert_int_equal(blk_window_open(&w, &share, b_extents, 1, true, &dev), 0);
    diskrig_make(rig, &q, BLK_WRITE, 0, 512, 0);
    assert_int_equal(blkdev_submit(dev, &q.req), -E_ROFS);
    q.req.op = BLK_READ;
    assert_int_equal(diskrig_do(dev, &q), 0);
    diskrig_free(&q);
    blk_window_close(&w);
    stop(rig);
}

/* What one window finds for the other is work: the loop may have armed that one before. */
static void test_a_wakeup_for_another_window_is_not_lost(void **state)
{
    struct diskrig *rig = start(NULL);
    struct blk_req *done;

    (void)state;
    diskrig_make(rig, &q, BLK_READ, 0, 512, 0);
    assert_int_equal(blkdev_submit(a, &q.req), 0);
    blkdev_kick(a);
    assert_true(blkdev_arm(b));
    assert_int_equal(blkdev_reap(b, &done, 1), 0);
    assert_false(blkdev_arm(b)); /* nothing new: whoever waits for b only may sleep */
    assert_true(blkdev_arm(a));
    assert_int_equal(blkdev_reap(a, &done, 1), 1);
    assert_ptr_equal(done, &q.req);
    diskrig_free(&q);
    stop(rig);
}

/* A request of more parts than there are, on a device that takes two at a time. */
static void test_a_request_of_many_parts_goes_as_room_comes(void **state)
{
    struct diskrig *rig = start(&(struct blk_mem_conf){.requests_max = 2});
    static struct blk_extent scattered[32];
    struct blk_window w;
    struct blkdev *dev;

    (void)state;
    for (unsigned i = 0; i < 32; i++)
        scattered[i] = (struct blk_extent){(512 + 31 - i) * K, 512};
    assert_int_equal(blk_window_open(&w, &share, scattered, 32, false, &dev), 0);
    diskrig_make(rig, &q, BLK_READ, 0, 16 * K, 0);
    assert_int_equal(blkdev_submit(dev, &q.req), 0);
    q.in_flight = true;
    blkdev_kick(dev);
    /* Nobody overtakes the rest; who was refused is woken. */
    diskrig_make(rig, &r, BLK_READ, 0, 512, 0);
    assert_int_equal(blkdev_submit(b, &r.req), -E_AGAIN);
    assert_ptr_equal(diskrig_reap(dev), &q);
    assert_int_equal(q.req.status, 0);
    assert_true(blkdev_arm(b));
    assert_int_equal(diskrig_do(b, &r), 0);
    diskrig_read(&q, back);
    for (unsigned i = 0; i < 32; i++)
        assert_memory_equal(back + i * 512, rig->medium + scattered[i].start, 512);
    assert_int_equal(dev->stats.ring_requests, 32);
    diskrig_free(&q);
    diskrig_free(&r);
    blk_window_close(&w);
    stop(rig);
}

static void test_discards_are_split_without_segments(void **state)
{
    struct diskrig *rig = start(NULL);

    (void)state;
    memset(data, 0, sizeof(data));
    diskrig_make(rig, &q, BLK_WRITE_ZEROES, 0, 24 * K, 0);
    assert_int_equal(diskrig_do(a, &q), 0);
    bytes_of_a(rig, back);
    assert_memory_equal(back, data, 24 * K);
    assert_int_equal(a->stats.discards, 1);
    stop(rig);
}

static void test_a_device_that_goes_ends_what_is_left(void **state)
{
    struct diskrig *rig = start(&(struct blk_mem_conf){.requests_max = 1});

    (void)state;
    diskrig_make(rig, &q, BLK_READ, 0, 24 * K, 0);
    assert_int_equal(blkdev_submit(a, &q.req), 0);
    q.in_flight = true;
    blk_mem_power_cut(&rig->mem, 1);
    assert_ptr_equal(diskrig_reap(a), &q);
    assert_int_equal(q.req.status, -E_NODEV);
    assert_false(a->online);
    assert_int_equal(blkdev_submit(a, &q.req), -E_NODEV);
    (void)blkdev_arm(a); /* the disk tells of the room that the rest was refused */
    assert_false(blkdev_arm(a));
    diskrig_free(&q);
    stop(rig);
}

static void test_a_window_with_requests_cannot_be_closed(void **state)
{
    struct diskrig *rig = start(NULL);

    (void)state;
    diskrig_make(rig, &q, BLK_READ, 0, 512, 0);
    assert_int_equal(blkdev_submit(a, &q.req), 0);
    q.in_flight = true;
    expect_assert_failure(blk_window_close(&wa));
    blkdev_kick(a);
    assert_ptr_equal(diskrig_reap(a), &q);
    diskrig_free(&q);
    stop(rig);
}

/* ---- pages ---------------------------------------------------------------------------------- */

static uint32_t pages_in_use(const struct diskrig *rig)
{
    return rig->pages.total - rig->pages.free_count;
}

/* Submits a write to window a whose pages its caller lets go of at once; how many those are. */
static uint32_t submit_and_forget(struct diskrig *rig, uint64_t start, uint32_t bytes)
{
    uint32_t pages;

    diskrig_make(rig, &q, BLK_WRITE, start, bytes, 512);
    pages = q.req.seg_count;
    assert_int_equal(pages_in_use(rig), pages);
    assert_int_equal(blkdev_submit(a, &q.req), 0);
    for (unsigned i = 0; i < pages; i++)
        page_put(q.segs[i].page);
    assert_int_equal(pages_in_use(rig), pages);
    blkdev_kick(a);
    return pages;
}

/* Until it is back all of its pages are in use, then none. In how many polls it was not back. */
static unsigned await_with_pages(const struct diskrig *rig, uint32_t pages, int status)
{
    struct blk_req *done;
    unsigned polls = 0;

    while (blkdev_reap(a, &done, 1) == 0) {
        assert_int_equal(pages_in_use(rig), pages);
        assert_true(++polls < 100);
    }
    assert_ptr_equal(done, &q.req);
    assert_int_equal(done->status, status);
    assert_int_equal(pages_in_use(rig), 0);
    return polls;
}

/* Also those of parts not yet sent, and of parts that are back before the others. */
static void test_a_request_has_its_pages_until_it_is_done(void **state)
{
    static const struct {
        uint64_t start;
        uint32_t bytes;
        unsigned polls; /* at least */
    } cases[] = {{0, 8 * K, 1}, {9 * K, 2 * K, 1}, {4 * K, 8 * K, 2}, {0, 24 * K, 3}};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        struct diskrig *rig = start(&(struct blk_mem_conf){.requests_max = 1});
        uint32_t pages = submit_and_forget(rig, cases[i].start, cases[i].bytes);
        assert_true(await_with_pages(rig, pages, 0) >= cases[i].polls);
        stop(rig);
    }
}

static void test_a_request_that_fails_lets_go_of_its_pages(void **state)
{
    (void)state;
    for (unsigned before = 0; before < 3; before++) {
        struct diskrig *rig = start(&(struct blk_mem_conf){.requests_max = 1});
        uint32_t pages = submit_and_forget(rig, 0, 24 * K);
        struct blk_req *done;
        for (unsigned i = 0; i < before; i++)
            assert_int_equal(blkdev_reap(a, &done, 1), 0);
        blk_mem_power_cut(&rig->mem, 1);
        assert_int_equal(pages_in_use(rig), pages);
        (void)await_with_pages(rig, pages, -E_NODEV);
        stop(rig);
    }
}

/* The rest finds a device whose blocks have grown, when the first part is on its way. */
static void test_a_rest_that_is_refused_lets_go_of_its_pages(void **state)
{
    static const struct blk_extent odd[] = {{4096, 4096}, {16384 + 512, 4096}};
    struct diskrig *rig = start(&(struct blk_mem_conf){.requests_max = 1});
    struct blkdev *whole = a;
    struct blk_window w;
    uint32_t pages;

    (void)state;
    assert_int_equal(blk_window_open(&w, &share, odd, ARRAY_SIZE(odd), false, &a), 0);
    pages = submit_and_forget(rig, 0, 8 * K);
    rig->disk->caps.block_bytes = 4096;
    (void)await_with_pages(rig, pages, -E_INVAL);
    rig->disk->caps.block_bytes = 512;
    blk_window_close(&w);
    a = whole;
    stop(rig);
}

static void test_a_request_that_is_refused_keeps_no_page(void **state)
{
    struct diskrig *rig = start(&(struct blk_mem_conf){.requests_max = 1});
    uint32_t pages = submit_and_forget(rig, 0, 24 * K);

    (void)state;
    diskrig_make(rig, &r, BLK_READ, 0, 8 * K, 0);
    assert_int_equal(blkdev_submit(b, &r.req), -E_AGAIN); /* no room */
    r.req.start = 64 * K;
    assert_int_equal(blkdev_submit(b, &r.req), -E_INVAL); /* past the end */
    diskrig_free(&r);
    (void)await_with_pages(rig, pages, 0);
    stop(rig);
}

/* Random requests over both windows, several in flight, segments cut anywhere: as the same done to
 * plain memory in the order of submission, which a disk in memory keeps. */
static void run_random(uint32_t block, uint64_t seed)
{
    struct blk_mem_conf conf = {.block_bytes = block, .requests_max = 3, .segs_max = DISKRIG_SEGS};
    struct diskrig *rig = start(&conf);
    static struct blk_extent scattered[16];
    static uint8_t model[16 * 12 * K];
    struct diskrig_req reqs[4] = {0};
    static uint8_t want[4][64 * K];
    uint64_t at = 0, total = 0;
    struct blk_window w;
    struct blkdev *dev;

    for (unsigned i = 0; i < 16; i++) {
        uint64_t bytes = (1 + test_random_below(&seed, 3)) * 4096;
        scattered[i * 7 % 16] = (struct blk_extent){256 * K + at, bytes};
        at += bytes + test_random_below(&seed, 2) * 4096;
    }
    assert_int_equal(blk_window_open(&w, &share, scattered, 16, false, &dev), 0);
    for (unsigned i = 0; i < 16; total += scattered[i].bytes, i++)
        memcpy(model + total, rig->medium + scattered[i].start, scattered[i].bytes);
    assert_int_equal(dev->caps.bytes, total);
    for (unsigned step = 0; step < 3000; step++) {
        unsigned slot = test_random_below(&seed, 4);
        struct diskrig_req *x = &reqs[slot];
        if (!x->in_flight && x->req.seg_count == 0) {
            uint32_t bytes = (1 + test_random_below(&seed, 32 * K / block)) * block;
            uint64_t from = test_random(&seed) % ((total - bytes) / block + 1) * block;
            bool write = test_random_below(&seed, 2) == 0;
            diskrig_make(rig, x, write ? BLK_WRITE : BLK_READ, from, bytes,
                         test_random_below(&seed, 8) * 512);
            for (unsigned i = 0; i < 3; i++)
                diskrig_chop(x, 512, &seed);
            for (uint32_t i = 0; i < bytes; i++)
                data[i] = (uint8_t)test_random(&seed);
            if (write)
                diskrig_fill(x, data);
            int err = blkdev_submit(dev, &x->req);
            if (err == 0) {
                x->in_flight = true;
                if (write)
                    memcpy(model + from, data, bytes);
                else
                    memcpy(want[slot], model + from, bytes);
            } else {
                assert_int_equal(err, -E_AGAIN);
                diskrig_free(x);
            }
        } else {
            struct diskrig_req *y;
            blkdev_kick(dev);
            if ((y = diskrig_reap(dev)) == NULL)
                continue;
            assert_int_equal(y->req.status, 0);
            diskrig_read(y, back);
            if (y->req.op == BLK_READ)
                assert_memory_equal(back, want[y - reqs], y->req.bytes);
            diskrig_free(y);
        }
    }
    for (blkdev_kick(dev); w.in_flight != 0;)
        diskrig_free(diskrig_reap(dev));
    for (unsigned i = 0, off = 0; i < 16; off += (unsigned)scattered[i].bytes, i++)
        assert_memory_equal(model + off, rig->medium + scattered[i].start, scattered[i].bytes);
    assert_true(dev->stats.split > 100);
    blk_window_close(&w);
    stop(rig);
}

static void test_random_requests_are_as_on_plain_memory(void **state)
{
    uint64_t seed = test_seed(11);

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        run_random(512, seed + i);
        run_random(4096, seed + i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_window_is_its_extents_in_order),
        cmocka_unit_test(test_no_request_reaches_outside),
        cmocka_unit_test(test_extents_that_no_longer_suit_the_device_are_refused),
        cmocka_unit_test(test_bad_extents_are_refused),
        cmocka_unit_test(test_a_read_only_window_refuses_writes),
        cmocka_unit_test(test_a_wakeup_for_another_window_is_not_lost),
        cmocka_unit_test(test_a_request_of_many_parts_goes_as_room_comes),
        cmocka_unit_test(test_discards_are_split_without_segments),
        cmocka_unit_test(test_a_device_that_goes_ends_what_is_left),
        cmocka_unit_test(test_a_window_with_requests_cannot_be_closed),
        cmocka_unit_test(test_a_request_has_its_pages_until_it_is_done),
        cmocka_unit_test(test_a_request_that_fails_lets_go_of_its_pages),
        cmocka_unit_test(test_a_rest_that_is_refused_lets_go_of_its_pages),
        cmocka_unit_test(test_a_request_that_is_refused_keeps_no_page),
        cmocka_unit_test(test_random_requests_are_as_on_plain_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
