/* SPDX-License-Identifier: ISC */
/* test_blk_align.c - any start, length and memory: what is aligned passes uncopied, the rest is as
 * on plain memory, and no part of a block is lost between requests that share it. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/blk_align.h>

#include "diskrig.h"

enum { REQUESTS = 8 };

static _Alignas(16) uint8_t storage[REQUESTS * BLK_ALIGN_REQUEST_BYTES];
static struct blk_align align;
static struct blkdev *dev;
static struct diskrig *rig;
static struct diskrig_req q, r;
static uint8_t data[256 * 1024], back[256 * 1024], want[256 * 1024];

static void start(const struct blk_mem_conf *mem)
{
    rig = diskrig_open(mem);
    struct blk_align_conf conf = {
        .inner = rig->disk, .pool = &rig->pages, .requests = storage, .requests_max = REQUESTS};
    assert_int_equal(blk_align_open(&align, &conf, &dev), 0);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7 + i / 251);
}

static void stop(void)
{
    blk_align_close(&align);
    diskrig_close(rig);
}

static void test_what_is_aligned_is_not_copied(void **state)
{
    (void)state;
    start(&(struct blk_mem_conf){.block_bytes = 4096});
    diskrig_make(rig, &q, BLK_WRITE, 8192, 65536, 512); /* memory by sectors will do */
    diskrig_fill(&q, data);
    assert_int_equal(diskrig_do(dev, &q), 0);
    assert_memory_equal(rig->medium + 8192, data, 65536);
    q.req.op = BLK_READ;
    assert_int_equal(diskrig_do(dev, &q), 0);
    assert_int_equal(dev->stats.copied_bytes, 0);
    assert_int_equal(dev->stats.rmw, 0);
    assert_int_equal(dev->stats.ring_requests, 2);
    assert_int_equal(rig->pages.free_min, DISKRIG_PAGES - BLK_ALIGN_PAGES - 17);
    diskrig_free(&q);
    stop();
}

static void test_a_part_of_a_block_is_read_before_it_is_written(void **state)
{
    static const struct {
        uint32_t start, bytes, rmw;
    } rows[] = {
        {4096 + 100, 50, 1},   /* inside one block */
        {4096, 50, 1},         /* its begin */
        {8192 - 50, 50, 1},    /* its end */
        {8192 - 50, 100, 2},   /* across two */
        {4096, 4096 + 1, 1},   /* all of one, and a byte */
        {4095, 4096 + 1, 1},   /* a byte, and all of one */
        {4095, 4096 + 2, 2},   /* a byte at either side */
        {4000, 150000, 2},     /* in several pieces */
        {8192, 131072 + 5, 1}, /* whole pieces, and a bit */
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        start(&(struct blk_mem_conf){.block_bytes = 4096});
        memcpy(want, rig->medium, sizeof(want));
        memcpy(want + rows[i].start, data, rows[i].bytes);
        diskrig_make(rig, &q, BLK_WRITE, rows[i].start, rows[i].bytes, 3);
        diskrig_fill(&q, data);
        assert_int_equal(diskrig_do(dev, &q), 0);
        assert_memory_equal(rig->medium, want, sizeof(want));
        assert_int_equal(dev->stats.rmw, rows[i].rmw);
        assert_int_equal(dev->stats.copied_bytes, rows[i].bytes);
        diskrig_free(&q);
        diskrig_make(rig, &q, BLK_READ, rows[i].start, rows[i].bytes, 1001);
        assert_int_equal(diskrig_do(dev, &q), 0);
        diskrig_read(&q, back);
        assert_memory_equal(back, data, rows[i].bytes);
        assert_int_equal(dev->stats.rmw, rows[i].rmw);
        diskrig_free(&q);
        stop();
    }
}

static void test_aligned_bytes_in_odd_memory_are_copied(void **state)
{
    (void)state;
    start(NULL);
    diskrig_make(rig, &q, BLK_READ, 1024, 512, 1);
    assert_int_equal(diskrig_do(dev, &q), 0);
    diskrig_read(&q, back);
    assert_memory_equal(back, rig->medium + 1024, 512);
    assert_int_equal(dev->stats.copied_bytes, 512);
    diskrig_free(&q);
    stop();
}

/* Both are in flight at once, and share a block. */
static void test_no_part_of_a_shared_block_is_lost(void **state)
{
    (void)state;
    start(&(struct blk_mem_conf){.block_bytes = 4096});
    memcpy(want, rig->medium, 8192);
    memset(want + 10, 'a', 100);
    memset(want + 200, 'b', 100);
    memset(back, 'a', 100);
    diskrig_make(rig, &q, BLK_WRITE, 10, 100, 0);
    diskrig_fill(&q, back);
    memset(back, 'b', 100);
    diskrig_make(rig, &r, BLK_WRITE, 200, 100, 0);
    diskrig_fill(&r, back);
    assert_int_equal(blkdev_submit(dev, &q.req), 0);
    assert_int_equal(blkdev_submit(dev, &r.req), 0);
    blkdev_kick(dev);
    assert_ptr_equal(diskrig_reap(dev), &q);
    assert_ptr_equal(diskrig_reap(dev), &r);
    assert_memory_equal(rig->medium, want, 8192);
    diskrig_free(&q);
    diskrig_free(&r);
    stop();
}

static void test_zeroes_and_discards_of_any_length(void **state)
{
    (void)state;
    start(&(struct blk_mem_conf){.block_bytes = 4096});
    memcpy(want, rig->medium, 65536);
    memset(want + 100, 0, 30000);
    diskrig_make(rig, &q, BLK_WRITE_ZEROES, 100, 30000, 0);
    assert_int_equal(diskrig_do(dev, &q), 0);
    assert_memory_equal(rig->medium, want, 65536);
    assert_int_equal(dev->stats.rmw, 2);
    /* Whole blocks only. */
    memset(want + 36864, BLK_MEM_DISCARDED, 8192);
    diskrig_make(rig, &q, BLK_DISCARD, 36000, 9500, 0);
    assert_int_equal(diskrig_do(dev, &q), 0);
    assert_memory_equal(rig->medium, want, 65536);
    diskrig_make(rig, &q, BLK_DISCARD, 100, 4100, 0);
    assert_int_equal(diskrig_do(dev, &q), 0);
    assert_memory_equal(rig->medium, want, 65536);
    diskrig_make(rig, &q, BLK_SECURE_DISCARD, 100, 4096, 0);
    assert_int_equal(diskrig_do(dev, &q), -E_INVAL);
    diskrig_make(rig, &q, BLK_SECURE_DISCARD, 4096, 4096, 0);
    assert_int_equal(diskrig_do(dev, &q), 0);
    stop();
}

static void test_without_pages_it_goes_on_with_its_own(void **state)
{
    static struct diskrig_req all[REQUESTS];
    struct page *taken[DISKRIG_PAGES];
    unsigned n = 0;

    (void)state;
    start(NULL);
    for (unsigned i = 0; i < REQUESTS; i++) {
        diskrig_make(rig, &all[i], BLK_READ, i * 5000, 70000, 7);
        assert_int_equal(blkdev_submit(dev, &all[i].req), 0);
    }
    while ((taken[n] = page_get(&rig->pages)) != NULL)
        n++;
    blkdev_kick(dev);
    for (unsigned i = 0; i < REQUESTS; i++) {
        struct diskrig_req *x = diskrig_reap(dev);
        assert_non_null(x);
        diskrig_read(x, back);
        assert_memory_equal(back, rig->medium + x->req.start, 70000);
        diskrig_free(x);
    }
    while (n-- > 0)
        page_put(taken[n]);
    stop();
}

static void test_an_error_ends_the_request(void **state)
{
    (void)state;
    start(NULL);
    diskrig_make(rig, &q, BLK_WRITE, 100, 200, 0);
    assert_int_equal(blkdev_submit(dev, &q.req), 0);
    q.in_flight = true;
    blk_mem_power_cut(&rig->mem, 1);
    assert_ptr_equal(diskrig_reap(dev), &q);
    assert_int_equal(q.req.status, -E_NODEV);
    assert_int_equal(blkdev_submit(dev, &q.req), -E_NODEV);
    diskrig_free(&q);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_aligned_is_not_copied),
        cmocka_unit_test(test_a_part_of_a_block_is_read_before_it_is_written),
        cmocka_unit_test(test_aligned_bytes_in_odd_memory_are_copied),
        cmocka_unit_test(test_no_part_of_a_shared_block_is_lost),
        cmocka_unit_test(test_zeroes_and_discards_of_any_length),
        cmocka_unit_test(test_without_pages_it_goes_on_with_its_own),
        cmocka_unit_test(test_an_error_ends_the_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
