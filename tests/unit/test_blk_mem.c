/* SPDX-License-Identifier: ISC */
/* test_blk_mem.c - the disk in memory: it does what it is told, asynchronously, and loses with its
 * power only what no flush has covered. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include "diskrig.h"

static struct diskrig_req q;
static uint8_t data[64 * 1024], back[64 * 1024];

static void fill(uint64_t seed, size_t n)
{
    for (size_t i = 0; i < n; i++)
        data[i] = (uint8_t)test_random(&seed);
}

static void test_write_then_read(void **state)
{
    struct diskrig *rig = diskrig_open(NULL);

    (void)state;
    fill(1, 10240);
    diskrig_make(rig, &q, BLK_WRITE, 1024, 10240, 512);
    diskrig_fill(&q, data);
    assert_int_equal(diskrig_do(rig->disk, &q), 0);
    diskrig_free(&q);
    assert_memory_equal(rig->medium + 1024, data, 10240);
    diskrig_make(rig, &q, BLK_READ, 1024, 10240, 1024);
    assert_int_equal(diskrig_do(rig->disk, &q), 0);
    diskrig_read(&q, back);
    assert_memory_equal(back, data, 10240);
    diskrig_free(&q);
    assert_int_equal(rig->disk->stats.reads, 1);
    assert_int_equal(rig->disk->stats.written_bytes, 10240);
    diskrig_close(rig);
}

static void test_nothing_happens_before_the_kick(void **state)
{
    struct diskrig *rig = diskrig_open(NULL);
    struct blk_req *done;

    (void)state;
    diskrig_make(rig, &q, BLK_READ, 0, 512, 0);
    assert_int_equal(blkdev_submit(rig->disk, &q.req), 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(blkdev_reap(rig->disk, &done, 1), 0);
        assert_false(blkdev_arm(rig->disk));
    }
    blkdev_kick(rig->disk);
    assert_int_equal(blkdev_reap(rig->disk, &done, 1), 0); /* begun now */
    assert_true(blkdev_arm(rig->disk));
    assert_int_equal(blkdev_reap(rig->disk, &done, 1), 1);
    diskrig_free(&q);
    diskrig_close(rig);
}

static void test_a_full_device_says_so_and_wakes(void **state)
{
    struct diskrig *rig = diskrig_open(&(struct blk_mem_conf){.requests_max = 2});
    struct diskrig_req three[3];
    struct blk_req *done;

    (void)state;
    for (int i = 0; i < 3; i++)
        diskrig_make(rig, &three[i], BLK_READ, 0, 512, 0);
    assert_int_equal(blkdev_submit(rig->disk, &three[0].req), 0);
    assert_int_equal(blkdev_submit(rig->disk, &three[1].req), 0);
    assert_int_equal(blkdev_submit(rig->disk, &three[2].req), -E_AGAIN);
    assert_int_equal(rig->disk->stats.full, 1);
    blkdev_kick(rig->disk);
    assert_true(blkdev_arm(rig->disk));
    assert_int_equal(blkdev_reap(rig->disk, &done, 1), 1);
    assert_int_equal(blkdev_reap(rig->disk, &done, 1), 1);
    assert_true(blkdev_arm(rig->disk)); /* room */
    assert_false(blkdev_arm(rig->disk));
    for (int i = 0; i < 3; i++)
        diskrig_free(&three[i]);
    diskrig_close(rig);
}

static int judged(struct diskrig *rig, enum blk_op op, uint64_t start, uint32_t bytes, uint32_t off)
{
    diskrig_make(rig, &q, op, start, bytes, off);
    int err = blkdev_submit(rig->disk, &q.req);
    diskrig_free(&q);
    return err;
}

static void test_bad_requests_are_refused(void **state)
{
    struct diskrig *rig = diskrig_open(&(struct blk_mem_conf){.block_bytes = 4096});

    (void)state;
    assert_int_equal(judged(rig, BLK_READ, 512, 4096, 0), -E_INVAL);
    assert_int_equal(judged(rig, BLK_READ, 0, 512, 0), -E_INVAL);
    assert_int_equal(judged(rig, BLK_READ, 0, 4096, 100), -E_INVAL);
    assert_int_equal(judged(rig, BLK_READ, DISKRIG_BYTES, 4096, 0), -E_INVAL);
    assert_int_equal(judged(rig, BLK_READ, UINT64_MAX - 4095, 4096, 0), -E_INVAL);
    assert_int_equal(judged(rig, BLK_FLUSH, 0, 4096, 0), -E_INVAL);
    diskrig_close(rig);
    rig = diskrig_open(&(struct blk_mem_conf){.read_only = true, .no_discard = true});
    assert_int_equal(judged(rig, BLK_WRITE, 0, 512, 0), -E_ROFS);
    assert_int_equal(judged(rig, BLK_DISCARD, 0, 512, 0), -E_ROFS);
    diskrig_close(rig);
    rig = diskrig_open(&(struct blk_mem_conf){.no_discard = true, .no_write_zeroes = true});
    assert_int_equal(judged(rig, BLK_DISCARD, 0, 512, 0), -E_NOSYS);
    assert_int_equal(judged(rig, BLK_WRITE_ZEROES, 0, 512, 0), -E_NOSYS);
    diskrig_close(rig);
}

static void test_zeroes_and_discard(void **state)
{
    struct diskrig *rig = diskrig_open(NULL);

    (void)state;
    diskrig_make(rig, &q, BLK_WRITE_ZEROES, 512, 65536, 0);
    assert_int_equal(diskrig_do(rig->disk, &q), 0);
    for (unsigned i = 0; i < 65536; i++)
        assert_int_equal(rig->medium[512 + i], 0);
    diskrig_make(rig, &q, BLK_DISCARD, 0, 512, 0);
    assert_int_equal(diskrig_do(rig->disk, &q), 0);
    assert_int_equal(rig->medium[0], BLK_MEM_DISCARDED);
    diskrig_close(rig);
}

/* What a power cut may leave of a sector: what it was at the last flush, or anything since. */
static void test_a_power_cut_loses_only_what_was_not_flushed(void **state)
{
    unsigned kept = 0, lost = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 64; seed++) {
        struct diskrig *rig = diskrig_open(NULL);
        diskrig_make(rig, &q, BLK_WRITE, 0, 4096, 0);
        memset(data, 'a', 4096);
        diskrig_fill(&q, data);
        assert_int_equal(diskrig_do(rig->disk, &q), 0);
        struct diskrig_req flush;
        diskrig_make(rig, &flush, BLK_FLUSH, 0, 0, 0);
        assert_int_equal(diskrig_do(rig->disk, &flush), 0);
        for (int v = 'b'; v <= 'c'; v++) {
            memset(data, v, 2048);
            diskrig_fill(&q, data);
            q.req.bytes = q.segs[0].len = 2048;
            assert_int_equal(diskrig_do(rig->disk, &q), 0);
        }
        blk_mem_power_cut(&rig->mem, seed);
        assert_false(rig->disk->online);
        assert_int_equal(diskrig_do(rig->disk, &q), -E_NODEV);
        for (unsigned i = 0; i < 4096; i++) {
            int is = rig->medium[i];
            assert_true(i < 2048 ? is >= 'a' && is <= 'c' : is == 'a');
            assert_int_equal(is, rig->medium[i / 512 * 512]);
        }
        kept += rig->medium[0] == 'c';
        lost += rig->medium[0] == 'a';
        blk_mem_power_on(&rig->mem);
        q.req.op = BLK_READ;
        assert_int_equal(diskrig_do(rig->disk, &q), 0);
        diskrig_free(&q);
        diskrig_close(rig);
    }
    assert_true(kept > 8 && lost > 8);
}

static void test_power_goes_at_the_write_that_was_named(void **state)
{
    unsigned torn = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 64; seed++) {
        struct diskrig *rig = diskrig_open(NULL);
        blk_mem_cut_after(&rig->mem, 2, seed);
        memset(data, 'x', 4096);
        for (uint64_t i = 0; i < 4; i++) {
            diskrig_make(rig, &q, BLK_WRITE, i * 4096, 4096, 0);
            diskrig_fill(&q, data);
            assert_int_equal(diskrig_do(rig->disk, &q), i < 2 ? 0 : -E_NODEV);
            diskrig_free(&q);
            diskrig_make(rig, &q, BLK_FLUSH, 0, 0, 0);
            assert_int_equal(diskrig_do(rig->disk, &q), i < 2 ? 0 : -E_NODEV);
        }
        assert_memory_equal(rig->medium, data, 4096);
        assert_memory_equal(rig->medium + 4096, data, 4096);
        torn += memcmp(rig->medium + 8192, data, 512) == 0 &&
                memcmp(rig->medium + 8192, data, 4096) != 0;
        assert_true(memcmp(rig->medium + 12288, data, 512) != 0);
        diskrig_close(rig);
    }
    assert_true(torn > 4);
}

static void test_rot_turns_bits_over_where_it_is_told(void **state)
{
    struct diskrig *rig = diskrig_open(NULL);
    unsigned changed = 0;

    (void)state;
    memcpy(data, rig->medium, 8192);
    blk_mem_rot(&rig->mem, 4096, 512, 3, 9);
    for (unsigned i = 0; i < 8192; i++) {
        changed += data[i] != rig->medium[i];
        assert_true(data[i] == rig->medium[i] || (i >= 4096 && i < 4608));
    }
    assert_in_range(changed, 1, 3);
    diskrig_close(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_then_read),
        cmocka_unit_test(test_nothing_happens_before_the_kick),
        cmocka_unit_test(test_a_full_device_says_so_and_wakes),
        cmocka_unit_test(test_bad_requests_are_refused),
        cmocka_unit_test(test_zeroes_and_discard),
        cmocka_unit_test(test_a_power_cut_loses_only_what_was_not_flushed),
        cmocka_unit_test(test_power_goes_at_the_write_that_was_named),
        cmocka_unit_test(test_rot_turns_bits_over_where_it_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
