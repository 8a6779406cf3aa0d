/* SPDX-License-Identifier: ISC */
/* test_blk_fault.c - each fault does what it says, the seed decides, nothing leaks; and the tracer
 * tells of it. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/blk_fault.h>
#include <morgana/blk_trace.h>

#include "diskrig.h"

enum { ENTRIES = 16 };

static struct blk_fault_entry entries[ENTRIES];
static struct blk_fault fault;
static struct blkdev *dev;
static struct diskrig *rig;
static struct diskrig_req q;
static uint8_t data[16384], back[16384], was[16384];

static void start(struct blk_fault_rates rates, uint64_t seed)
{
    struct blk_fault_conf conf = {.seed = seed,
                                  .now_ns = plat_now_ns,
                                  .entries = entries,
                                  .entries_max = ENTRIES,
                                  .rates = rates};

    vplat_reset(1);
    rig = diskrig_open(NULL);
    assert_int_equal(blk_fault_open(&fault, &conf, rig->disk, &dev), 0);
    memset(data, 'd', sizeof(data));
}

static void stop(void)
{
    blk_fault_close(&fault);
    diskrig_close(rig);
}

static int doing(enum blk_op op, uint64_t at, uint32_t bytes)
{
    diskrig_make(rig, &q, op, at, bytes, 0);
    if (op == BLK_WRITE)
        diskrig_fill(&q, data);
    int status = diskrig_do(dev, &q);
    if (op == BLK_READ)
        diskrig_read(&q, back);
    diskrig_free(&q);
    return status;
}

static void test_without_rates_nothing_fails(void **state)
{
    (void)state;
    start((struct blk_fault_rates){0}, 1);
    assert_int_equal(doing(BLK_WRITE, 4096, 8192), 0);
    assert_int_equal(doing(BLK_READ, 4096, 8192), 0);
    assert_memory_equal(back, data, 8192);
    assert_int_equal(doing(BLK_FLUSH, 0, 0), 0);
    assert_int_equal(doing(BLK_READ, DISKRIG_BYTES, 512), -E_INVAL);
    stop();
}

static void test_errors_are_each_op_s_own_and_do_nothing(void **state)
{
    (void)state;
    start((struct blk_fault_rates){.write_error_ppm = BLK_FAULT_MILLION}, 1);
    memcpy(was, rig->medium, 8192);
    assert_int_equal(doing(BLK_WRITE, 0, 8192), -E_IO);
    assert_int_equal(doing(BLK_DISCARD, 0, 8192), -E_IO);
    assert_memory_equal(was, rig->medium, 8192);
    assert_int_equal(doing(BLK_READ, 0, 8192), 0);
    assert_int_equal(doing(BLK_FLUSH, 0, 0), 0);
    fault.conf.rates = (struct blk_fault_rates){.flush_error_ppm = BLK_FAULT_MILLION};
    assert_int_equal(doing(BLK_FLUSH, 0, 0), -E_IO);
    fault.conf.rates = (struct blk_fault_rates){.read_error_ppm = BLK_FAULT_MILLION};
    assert_int_equal(doing(BLK_READ, 0, 512), -E_IO);
    assert_int_equal(fault.stats.failed, 4);
    assert_int_equal(dev->stats.errors, 4);
    stop();
}

/* How much of a write of 8192 bytes is there: a part from the begin, and the rest as it was. */
static unsigned part_written(void)
{
    unsigned n = 0;

    while (n < 8192 && rig->medium[n] == 'd')
        n++;
    n -= n % 512;
    assert_memory_equal(rig->medium + n, was + n, 8192 - n);
    return n;
}

static void test_short_and_torn_writes_do_the_first_part(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 20; seed++) {
        start((struct blk_fault_rates){.short_ppm = BLK_FAULT_MILLION}, seed);
        memcpy(was, rig->medium, 8192);
        assert_int_equal(doing(BLK_WRITE, 0, 8192), -E_IO);
        assert_in_range(part_written(), 512, 8192 - 512);
        assert_int_equal(doing(BLK_WRITE, 0, 512), 0); /* a single block is whole or not */
        stop();
        start((struct blk_fault_rates){.torn_ppm = BLK_FAULT_MILLION}, seed);
        memcpy(was, rig->medium, 8192);
        assert_int_equal(doing(BLK_WRITE, 0, 8192), 0);
        assert_in_range(part_written(), 512, 8192 - 512);
        stop();
    }
}

static void test_the_list_of_segments_is_as_it_was(void **state)
{
    struct blk_seg before[DISKRIG_SEGS];
    uint64_t seed = 4;

    (void)state;
    start((struct blk_fault_rates){.short_ppm = BLK_FAULT_MILLION}, 5);
    diskrig_make(rig, &q, BLK_READ, 0, 16384, 512);
    diskrig_chop(&q, 512, &seed);
    memcpy(before, q.segs, sizeof(before));
    assert_int_equal(diskrig_do(dev, &q), -E_IO);
    assert_memory_equal(before, q.segs, q.req.seg_count * sizeof(before[0]));
    assert_int_equal(q.req.bytes, 16384);
    diskrig_free(&q);
    stop();
}

static void test_late_requests_come_at_their_time(void **state)
{
    struct blk_req *done;

    (void)state;
    start((struct blk_fault_rates){.late_ppm = BLK_FAULT_MILLION, .late_ns = 5 * NS_PER_MS}, 1);
    diskrig_make(rig, &q, BLK_READ, 0, 512, 0);
    assert_int_equal(blkdev_submit(dev, &q.req), 0);
    assert_int_equal(blk_fault_poll_at(&fault), NS_NEVER);
    blkdev_kick(dev);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(blkdev_reap(dev, &done, 1), 0);
        (void)blkdev_arm(dev);
    }
    assert_false(blkdev_arm(dev));
    assert_int_equal(blk_fault_poll_at(&fault), plat_now_ns() + 5 * NS_PER_MS);
    vplat_advance(5 * NS_PER_MS);
    assert_true(blkdev_arm(dev));
    assert_int_equal(blkdev_reap(dev, &done, 1), 1);
    diskrig_free(&q);
    stop();
}

static void test_some_are_overtaken(void **state)
{
    static struct diskrig_req all[8];
    unsigned out_of_order = 0;

    (void)state;
    start((struct blk_fault_rates){.reorder_ppm = 500000}, 3);
    for (unsigned i = 0; i < 8; i++) {
        diskrig_make(rig, &all[i], BLK_READ, i * 512, 512, 0);
        assert_int_equal(blkdev_submit(dev, &all[i].req), 0);
    }
    blkdev_kick(dev);
    for (unsigned i = 0; i < 8; i++) {
        struct diskrig_req *x = diskrig_reap(dev);
        assert_non_null(x);
        out_of_order += x != &all[i];
        diskrig_free(x);
    }
    assert_true(out_of_order > 0);
    assert_true(fault.stats.reordered > 0);
    stop();
}

static void test_rot_is_always_the_same(void **state)
{
    unsigned bad = 0;

    (void)state;
    start((struct blk_fault_rates){.rot_ppm = 300000, .rot_start = 4096, .rot_bytes = 8192}, 3);
    memcpy(was, rig->medium, sizeof(was));
    assert_int_equal(doing(BLK_READ, 0, 16384), 0);
    memcpy(data, back, sizeof(data));
    for (unsigned i = 0; i < 16384; i++) {
        unsigned bits = (unsigned)__builtin_popcount((unsigned)(back[i] ^ was[i]));
        assert_true(bits == 0 || (bits == 1 && i >= 4096 && i < 12288));
        bad += bits;
    }
    assert_in_range(bad, 1, 15);
    assert_int_equal(fault.stats.rotten, bad);
    assert_int_equal(doing(BLK_READ, 0, 16384), 0);
    assert_memory_equal(back, data, sizeof(data));
    assert_memory_equal(was, rig->medium, sizeof(was));
    stop();
}

static void test_the_same_seed_does_the_same(void **state)
{
    struct blk_fault_rates rates = {.read_error_ppm = 300000};
    int first[32];

    (void)state;
    for (int round = 0; round < 2; round++) {
        start(rates, 77);
        for (int i = 0; i < 32; i++) {
            int status = doing(BLK_READ, 0, 512);
            if (round == 0)
                first[i] = status;
            else
                assert_int_equal(status, first[i]);
        }
        assert_in_range(fault.stats.failed, 3, 20);
        stop();
    }
}

/* ---- the tracer ------------------------------------------------------------------------------ */

static char lines[8][BLK_TRACE_LINE_BYTES];
static unsigned line_count;

static void take_line(void *arg, const char *text)
{
    (void)arg;
    strcpy(lines[line_count++ % 8], text);
}

static void test_the_tracer_tells_of_each_request(void **state)
{
    struct blk_trace_entry two[2];
    struct blk_trace trace;
    struct blk_trace_conf conf = {
        .line = take_line, .now_ns = plat_now_ns, .entries = two, .entries_max = 2};
    struct blkdev *inner;

    (void)state;
    start((struct blk_fault_rates){.late_ppm = BLK_FAULT_MILLION, .late_ns = 2500 * NS_PER_US}, 1);
    inner = dev;
    assert_int_equal(blk_trace_open(&trace, &conf, inner, &dev), 0);
    diskrig_make(rig, &q, BLK_WRITE, 4096, 8192, 512);
    assert_int_equal(blkdev_submit(dev, &q.req), 0);
    blkdev_kick(dev);
    assert_null(diskrig_reap(dev));
    vplat_advance(2500 * NS_PER_US);
    assert_ptr_equal(diskrig_reap(dev), &q);
    diskrig_free(&q);
    fault.conf.rates = (struct blk_fault_rates){.flush_error_ppm = BLK_FAULT_MILLION};
    assert_int_equal(doing(BLK_FLUSH, 0, 0), -E_IO);
    assert_int_equal(doing(BLK_READ, 1, 512), -E_INVAL);
    assert_int_equal(line_count, 3);
    assert_string_equal(lines[0], "1000.002500 WRITE 4096+8192 3 segments 2.500 ms");
    assert_string_equal(lines[1], "1000.002500 FLUSH 0.000 ms EIO");
    assert_string_equal(lines[2], "1000.002500 READ 1+512 1 segment refused EINVAL");
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_rates_nothing_fails),
        cmocka_unit_test(test_errors_are_each_op_s_own_and_do_nothing),
        cmocka_unit_test(test_short_and_torn_writes_do_the_first_part),
        cmocka_unit_test(test_the_list_of_segments_is_as_it_was),
        cmocka_unit_test(test_late_requests_come_at_their_time),
        cmocka_unit_test(test_some_are_overtaken),
        cmocka_unit_test(test_rot_is_always_the_same),
        cmocka_unit_test(test_the_same_seed_does_the_same),
        cmocka_unit_test(test_the_tracer_tells_of_each_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
