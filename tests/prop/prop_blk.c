/* SPDX-License-Identifier: ISC */
/* prop_blk.c - unaligned, overlapping requests in flight, through windows over a device that does
 * them late and out of order: as the same done to plain memory one after the other.
 *
 * Requests that touch a common block are done in the order of their submission (blk_align.h), so
 * the model does each when it is submitted: a read expects what was there then.
 */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/blk_align.h>
#include <morgana/blk_fault.h>
#include <morgana/blk_share.h>

#include "diskrig.h"

enum { REQUESTS = 6, PARTS = 12, ENTRIES = 5, EXTENTS = 12, SPACE = 192 * 1024, STEPS = 4000 };

static _Alignas(16) uint8_t storage[REQUESTS * BLK_ALIGN_REQUEST_BYTES];
static struct blk_fault_entry entries[ENTRIES];
static struct blk_share_part parts[PARTS];
static struct blk_extent extents[EXTENTS];
static struct blk_fault fault;
static struct blk_share share;
static struct blk_window window;
static struct blk_align align;
static struct diskrig_req reqs[REQUESTS];
static uint8_t model[SPACE], want[REQUESTS][SPACE], data[SPACE];
static uint64_t seed;

static uint32_t below(uint32_t n)
{
    return test_random_below(&seed, n);
}

/* The window: pieces of the disk, in no order. */
static uint64_t make_extents(const struct diskrig *rig)
{
    uint64_t at = 0, total = 0;

    for (unsigned i = 0; i < EXTENTS; i++) {
        uint64_t bytes = (1 + below(4)) * 4096;
        extents[i * 5 % EXTENTS] = (struct blk_extent){at, bytes};
        at += bytes + below(3) * 4096;
    }
    for (unsigned i = 0; i < EXTENTS; total += extents[i].bytes, i++)
        memcpy(model + total, rig->medium + extents[i].start, extents[i].bytes);
    return total;
}

static void submit(struct diskrig *rig, struct blkdev *dev, unsigned slot, uint64_t total)
{
    static const enum blk_op ops[] = {BLK_READ, BLK_READ, BLK_WRITE, BLK_WRITE, BLK_WRITE_ZEROES};
    struct diskrig_req *r = &reqs[slot];
    bool odd = below(3) != 0; /* else by sectors */
    uint32_t unit = odd ? 1 : 512;
    uint32_t bytes = (1 + below(below(2) == 0 ? 2000 : 90000) / unit) * unit;
    enum blk_op op = ops[below(ARRAY_SIZE(ops))];

    bytes = u32_min(bytes, (uint32_t)total);
    uint64_t at = below((uint32_t)((total - bytes) / unit) + 1) * (uint64_t)unit;
    diskrig_make(rig, r, op, at, bytes, below(odd ? 4096 : 8) * (odd ? 1 : 512));
    diskrig_chop(r, unit, &seed);
    for (uint32_t i = 0; i < bytes && op == BLK_WRITE; i++)
        data[i] = (uint8_t)test_random(&seed);
    if (op == BLK_WRITE)
        diskrig_fill(r, data);
    assert_int_equal(blkdev_submit(dev, &r->req), 0);
    r->in_flight = true;
    if (op == BLK_WRITE)
        memcpy(model + at, data, bytes);
    else if (op == BLK_WRITE_ZEROES)
        memset(model + at, 0, bytes);
    else
        memcpy(want[slot], model + at, bytes);
}

static void take(struct blkdev *dev)
{
    struct diskrig_req *r;

    while ((r = diskrig_reap(dev)) == NULL)
        vplat_set_now(blk_fault_poll_at(&fault));
    assert_int_equal(r->req.status, 0);
    diskrig_read(r, data);
    if (r->req.op == BLK_READ)
        assert_memory_equal(data, want[r - reqs], r->req.bytes);
    diskrig_free(r);
}

static void run(uint32_t block)
{
    struct diskrig *rig =
        diskrig_open(&(struct blk_mem_conf){.block_bytes = block, .segs_max = 64});
    struct blk_fault_conf fc = {
        .seed = seed,
        .now_ns = plat_now_ns,
        .entries = entries,
        .entries_max = ENTRIES,
        .rates = {.late_ppm = 200000, .late_ns = NS_PER_MS, .reorder_ppm = 400000},
    };
    struct blk_align_conf ac = {.pool = &rig->pages, .requests = storage, .requests_max = REQUESTS};
    struct blkdev *dev;
    uint64_t total = make_extents(rig);

    vplat_reset(1);
    assert_int_equal(blk_fault_open(&fault, &fc, rig->disk, &dev), 0);
    blk_share_init(&share, dev, parts, PARTS);
    assert_int_equal(blk_window_open(&window, &share, extents, EXTENTS, false, &ac.inner), 0);
    assert_int_equal(blk_align_open(&align, &ac, &dev), 0);
    assert_int_equal(dev->caps.bytes, total);
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned slot = below(REQUESTS);
        blkdev_kick(dev);
        if (reqs[slot].in_flight)
            take(dev);
        else
            submit(rig, dev, slot, total);
    }
    blkdev_kick(dev);
    while (align.in_flight != 0)
        take(dev);
    for (unsigned i = 0, at = 0; i < EXTENTS; at += (unsigned)extents[i].bytes, i++)
        assert_memory_equal(model + at, rig->medium + extents[i].start, extents[i].bytes);
    assert_true(dev->stats.rmw > 500 && window.dev.stats.split > 200);
    assert_true(fault.stats.reordered > 200 && fault.stats.late > 200);
    blk_align_close(&align);
    blk_window_close(&window);
    blk_fault_close(&fault);
    diskrig_close(rig);
}

static void test_requests_are_as_on_plain_memory(void **state)
{
    (void)state;
    seed = test_seed(21);
    for (unsigned i = 0; i < 2; i++) {
        run(512);
        run(4096);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_are_as_on_plain_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
