/* SPDX-License-Identifier: ISC */
/* test_blk_io.c - one request at a time: done, refused, or given up after its time. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/blk_io.h>

#include "diskrig.h"

/* A device that takes everything and finishes nothing until it is told to. */
static struct blk_req *held[8];
static unsigned held_count;
static bool let_go, is_full;

static int dead_submit(struct blkdev *dev, struct blk_req *req)
{
    (void)dev;
    if (is_full)
        return -E_AGAIN;
    held[held_count++] = req;
    return 0;
}

static void dead_kick(struct blkdev *dev)
{
    (void)dev;
}

static unsigned dead_reap(struct blkdev *dev, struct blk_req **reqs, unsigned n)
{
    (void)dev;
    if (!let_go || held_count == 0 || n == 0)
        return 0;
    reqs[0] = held[0];
    reqs[0]->status = 0;
    memmove(held, held + 1, --held_count * sizeof(held[0]));
    return 1;
}

static bool dead_arm(struct blkdev *dev)
{
    (void)dev;
    return let_go && held_count != 0;
}

static const struct blkdev_ops dead_ops = {"dead", dead_submit, dead_kick, dead_reap, dead_arm};
static struct blkdev dead = {.ops = &dead_ops, .online = true};

static void start(void)
{
    vplat_reset(1);
    held_count = 0;
    let_go = is_full = false;
}

static void test_a_page_goes_there_and_back(void **state)
{
    struct diskrig *rig = diskrig_open(NULL);
    struct page *page = page_get(&rig->pages);

    (void)state;
    start();
    memset(page->base, 'p', PAGE_BYTES);
    assert_int_equal(blk_io_page(rig->disk, BLK_WRITE, 8192, page, 1024), 0);
    assert_int_equal(blk_io_flush(rig->disk), 0);
    assert_int_equal(rig->medium[8192 + 1023], 'p');
    memset(page->base, 0, PAGE_BYTES);
    assert_int_equal(blk_io_page(rig->disk, BLK_READ, 8192, page, PAGE_BYTES), 0);
    assert_memory_equal(page->base, rig->medium + 8192, PAGE_BYTES);
    assert_int_equal(rig->disk->stats.flushes, 1);
    page_put(page);
    diskrig_close(rig);
}

static void test_what_submit_refuses_is_told(void **state)
{
    struct diskrig *rig = diskrig_open(&(struct blk_mem_conf){.read_only = true});
    struct page *page = page_get(&rig->pages);

    (void)state;
    start();
    assert_int_equal(blk_io_page(rig->disk, BLK_WRITE, 0, page, 512), -E_ROFS);
    assert_int_equal(blk_io_page(rig->disk, BLK_READ, 1, page, 512), -E_INVAL);
    blk_mem_power_cut(&rig->mem, 1);
    assert_int_equal(blk_io_page(rig->disk, BLK_READ, 0, page, 512), -E_NODEV);
    page_put(page);
    diskrig_close(rig);
}

static void test_a_device_that_never_answers_times_out(void **state)
{
    uint64_t before;

    (void)state;
    start();
    before = plat_now_ns();
    assert_int_equal(blk_io_flush(&dead), -E_TIMEDOUT);
    assert_true(plat_now_ns() - before >= BLK_IO_TIMEOUT_NS);
    /* It has that request still: four of them, and no more are begun. */
    for (int i = 0; i < 3; i++)
        assert_int_equal(blk_io_flush(&dead), -E_TIMEDOUT);
    assert_int_equal(blk_io_flush(&dead), -E_BUSY);
    assert_int_equal(held_count, 4);
    /* Late answers are nobody's, and free what they used. */
    let_go = true;
    struct blk_req own = {.op = BLK_FLUSH};
    assert_int_equal(blk_io(&dead, &own), 0);
    assert_int_equal(blk_io_flush(&dead), 0);
}

static void test_a_full_device_is_waited_for(void **state)
{
    (void)state;
    start();
    is_full = true;
    assert_int_equal(blk_io_flush(&dead), -E_BUSY);
    is_full = false;
    let_go = true;
    assert_int_equal(blk_io_flush(&dead), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_page_goes_there_and_back),
        cmocka_unit_test(test_what_submit_refuses_is_told),
        cmocka_unit_test(test_a_device_that_never_answers_times_out),
        cmocka_unit_test(test_a_full_device_is_waited_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
