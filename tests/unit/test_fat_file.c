/* SPDX-License-Identifier: ISC */
/* test_fat_file.c - files on FAT12, FAT16 and FAT32: what is written is read, after a remount too,
 * and an independent judge finds nothing wrong. */
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include "fatrig.h"

#include <cmocka.h>

static const struct fatimage images[] = {
    {.bits = 12, .sector_bytes = 512, .cluster_sectors = 1, .clusters = 2000},
    {.bits = 12, .sector_bytes = 4096, .cluster_sectors = 1, .clusters = 100},
    {.bits = 16, .sector_bytes = 512, .cluster_sectors = 2, .clusters = 4200},
    {.bits = 32, .sector_bytes = 512, .cluster_sectors = 8, .clusters = 1000},
    {.bits = 32, .sector_bytes = 4096, .cluster_sectors = 1, .clusters = 700},
};
static const uint32_t blocks[] = {512, 4096, 512, 512, 4096};

static const struct fatimage *const small = &images[0];

static void test_files_of_all_sizes_come_back(void **state)
{
    static const uint32_t sizes[] = {0, 1, 511, 512, 513, 4095, 4096, 4097, 20000, 70001};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(images); i++) {
        fatrig_start(&images[i], blocks[i]);
        assert_int_equal(fatrig.fs.bits, images[i].bits);
        for (unsigned k = 0; k < ARRAY_SIZE(sizes); k++) {
            char path[] = "/file0.bin";

            path[5] = (char)('0' + k);
            fatrig_make(path, sizes[k], (uint8_t)k);
        }
        fatrig_remount();
        for (unsigned k = 0; k < ARRAY_SIZE(sizes); k++) {
            char path[] = "/FILE0.BIN";
            struct fat_info info;

            path[5] = (char)('0' + k);
            assert_true(fatrig_has(path, sizes[k], (uint8_t)k));
            assert_int_equal(fat_stat(&fatrig.fs, path, &info), 0);
            assert_int_equal(info.bytes, sizes[k]);
            assert_int_equal(info.modified_s, FATRIG_WALL_NS / NS_PER_S);
            assert_string_equal(info.short_name, path + 1);
        }
        fatrig_unmount(0);
        fatrig_stop();
    }
}

static void test_a_write_past_the_end_leaves_zeroes_between(void **state)
{
    struct fat_file file;
    uint8_t back[9000];

    (void)state;
    fatrig_start(small, 0);
    fatrig_make("/old", 30000, 9); /* so that free clusters are not zeroes */
    assert_int_equal(fat_unlink(&fatrig.fs, "/old"), 0);
    assert_int_equal(fat_open(&fatrig.fs, "/f", FAT_WRITE | FAT_CREATE, 0, &file), 0);
    assert_int_equal(fat_write(&file, 8000, cs_of_str("end"), 0), 3);
    assert_int_equal(file.size, 8003);
    assert_int_equal(fat_read(&file, 0, cs_of(back, sizeof(back))), 8003);
    for (unsigned i = 0; i < 8000; i++)
        assert_int_equal(back[i], 0);
    assert_memory_equal(back + 8000, "end", 3);
    assert_int_equal(fat_read(&file, 8003, cs_of(back, 1)), 0);
    assert_int_equal(fat_read(&file, 8002, cs_of(back, 10)), 1);
    assert_int_equal(fat_close(&file), 0);
    fatrig_unmount(0);
    fatrig_stop();
}

static void test_append_overwrite_and_extend(void **state)
{
    uint8_t model[40000] = {0}, back[40000];
    struct fat_file file;
    uint64_t seed = 5;
    uint32_t size = 0;

    (void)state;
    fatrig_start(&images[2], 0);
    assert_int_equal(fat_open(&fatrig.fs, "f", FAT_WRITE | FAT_CREATE, 0, &file), 0);
    for (unsigned i = 0; i < 200; i++) {
        uint32_t off = test_random_below(&seed, 30000), n = 1 + test_random_below(&seed, 9000);
        uint8_t piece[9001];

        for (uint32_t k = 0; k < n; k++)
            piece[k] = model[off + k] = (uint8_t)test_random(&seed);
        assert_int_equal(fat_write(&file, off, cs_ro_of(piece, n), 0), n);
        size = off + n > size ? off + n : size;
        if (i % 17 == 0)
            assert_int_equal(fat_file_sync(&file), 0);
        assert_int_equal(fat_read(&file, 0, cs_of(back, sizeof(back))), size);
        assert_memory_equal(back, model, size);
    }
    assert_int_equal(fat_close(&file), 0);
    fatrig_remount();
    assert_int_equal(fat_open(&fatrig.fs, "F", 0, 0, &file), 0);
    assert_int_equal(fat_read(&file, 0, cs_of(back, sizeof(back))), size);
    assert_memory_equal(back, model, size);
    fat_close(&file);
    fatrig_unmount(0);
    fatrig_stop();
}

static void test_truncate_shorter_and_longer(void **state)
{
    struct fat_file file;
    uint64_t before, after;

    (void)state;
    fatrig_start(small, 0);
    assert_int_equal(fat_free_bytes(&fatrig.fs, &before), 0);
    fatrig_make("/f", 50000, 1);
    assert_int_equal(fat_open(&fatrig.fs, "/f", FAT_WRITE, 0, &file), 0);
    assert_int_equal(fat_truncate(&file, 10000, 0), 0);
    assert_int_equal(fat_close(&file), 0);
    assert_true(fatrig_has("/f", 10000, 1));
    fatrig_remount();
    assert_true(fatrig_has("/f", 10000, 1));
    assert_int_equal(fat_open(&fatrig.fs, "/f", FAT_WRITE, 0, &file), 0);
    assert_int_equal(fat_truncate(&file, 10700, 0), 0);
    for (uint32_t off = 10000; off < 10700; off += 50) {
        uint8_t back[50], zero[50] = {0};

        assert_int_equal(fat_read(&file, off, cs_of(back, 50)), 50);
        assert_memory_equal(back, zero, 50);
    }
    assert_int_equal(fat_truncate(&file, 0, 0), 0);
    assert_int_equal(fat_close(&file), 0);
    assert_true(fatrig_has("/f", 0, 0));
    assert_int_equal(fat_free_bytes(&fatrig.fs, &after), 0);
    assert_int_equal(before, after);
    fatrig_unmount(0);
    fatrig_stop();
}

static void test_a_full_disk_keeps_what_there_was(void **state)
{
    static uint8_t big[60000];
    struct fat_file file;
    uint64_t space;

    (void)state;
    fatrig_start(&(struct fatimage){12, 512, 1, 100, 0, 0, NULL}, 0);
    fatrig_make("/a", 20000, 1);
    assert_int_equal(fat_open(&fatrig.fs, "/b", FAT_WRITE | FAT_CREATE, 0, &file), 0);
    assert_int_equal(fat_write(&file, 0, cs_ro_of(big, 1000), 0), 1000);
    assert_int_equal(fat_write(&file, 1000, cs_ro_of(big, 59000), 0), -E_NOSPC);
    assert_int_equal(file.size, 1000);
    assert_int_equal(fat_close(&file), 0);
    assert_int_equal(fat_preallocate(&fatrig.fs, "/c", 40000, 0), -E_NOSPC);
    assert_int_equal(fat_free_bytes(&fatrig.fs, &space), 0);
    assert_int_equal(space, (100 - 40 - 2) * 512);
    assert_true(fatrig_has("/a", 20000, 1));
    fatrig_unmount(0);
    fatrig_stop();
}

static void test_preallocate_is_zeroes_in_one_piece(void **state)
{
    struct blk_extent extents[8];
    struct fat_file file;
    uint8_t back[4096], zero[4096] = {0};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(images); i++) {
        uint32_t bytes = 150000;

        fatrig_start(&images[i], blocks[i]);
        fatrig.dev->caps.write_zeroes = i % 2; /* in one request, or page by page */
        fatrig_make("/hole", 9000, 3);
        fatrig_make("/after", 9000, 4);
        assert_int_equal(fat_unlink(&fatrig.fs, "/hole"), 0);
        assert_int_equal(fat_preallocate(&fatrig.fs, "/leases.jnl", bytes, 0), 0);
        assert_int_equal(fat_preallocate(&fatrig.fs, "/LEASES.JNL", bytes, 0), -E_EXIST);
        assert_int_equal(fat_open(&fatrig.fs, "/leases.jnl", 0, 0, &file), 0);
        assert_int_equal(file.size, bytes);
        for (uint32_t off = 0; off + 4096 < bytes; off += 4096) {
            assert_int_equal(fat_read(&file, off, cs_of(back, 4096)), 4096);
            assert_memory_equal(back, zero, 4096);
        }
        assert_int_equal(fat_extents(&file, 1 << 20, extents, ARRAY_SIZE(extents)), 1);
        assert_int_equal(extents[0].bytes, (bytes + fatrig.fs.block_bytes - 1) /
                                               fatrig.fs.block_bytes * fatrig.fs.block_bytes);
        assert_true(extents[0].start >= (1 << 20) + fatrig.fs.data_at);
        fat_close(&file);
        fatrig_unmount(0);
        fatrig_stop();
    }
}

static void test_extents_are_where_the_bytes_are(void **state)
{
    struct blk_extent extents[32];
    struct fat_file file;
    uint32_t off = 0;
    int n;

    (void)state;
    fatrig_start(small, 0);
    for (unsigned i = 0; i < 5; i++) { /* two files, by turns: pieces */
        struct fat_file both[2];

        for (unsigned k = 0; k < 2; k++) {
            uint8_t bytes[1500];

            for (uint32_t j = 0; j < 1500; j++)
                bytes[j] = fatrig_byte(i * 1500 + j, (uint8_t)k);
            assert_int_equal(
                fat_open(&fatrig.fs, k ? "b" : "a", FAT_WRITE | FAT_CREATE, 0, both + k), 0);
            assert_int_equal(fat_write(both + k, i * 1500, cs_ro_of(bytes, 1500), 0), 1500);
            assert_int_equal(fat_close(both + k), 0);
        }
    }
    assert_int_equal(fat_open(&fatrig.fs, "a", 0, 0, &file), 0);
    assert_int_equal(fat_extents(&file, 0, extents, 1), -E_NOSPC);
    n = fat_extents(&file, 0, extents, ARRAY_SIZE(extents));
    assert_in_range(n, 3, 6);
    for (int i = 0; i < n; i++)
        for (uint64_t k = 0; k < extents[i].bytes && off < 7500; k++, off++)
            assert_int_equal(fatrig.bytes[extents[i].start + k], fatrig_byte(off, 0));
    assert_int_equal(off, 7500);
    fat_close(&file);
    fatrig_unmount(0);
    fatrig_stop();
}

static void test_one_writer_or_many_readers(void **state)
{
    struct fat_file a, b;

    (void)state;
    fatrig_start(small, 0);
    fatrig_make("/f", 100, 1);
    assert_int_equal(fat_open(&fatrig.fs, "/f", 0, 0, &a), 0);
    assert_int_equal(fat_open(&fatrig.fs, "/f", 0, 0, &b), 0);
    fat_close(&b);
    assert_int_equal(fat_open(&fatrig.fs, "/f", FAT_WRITE, 0, &b), -E_BUSY);
    assert_int_equal(fat_unlink(&fatrig.fs, "/f"), -E_BUSY);
    assert_int_equal(fat_rename(&fatrig.fs, "/f", "/g"), -E_BUSY);
    assert_int_equal(fat_write(&a, 0, cs_of_str("x"), 0), -E_BADF);
    assert_int_equal(fat_truncate(&a, 0, 0), -E_BADF);
    fat_close(&a);
    assert_int_equal(fat_open(&fatrig.fs, "/f", FAT_WRITE, 0, &a), 0);
    assert_int_equal(fat_open(&fatrig.fs, "/f", 0, 0, &b), -E_BUSY);
    fat_close(&a);
    assert_int_equal(fat_open(&fatrig.fs, "/f", FAT_WRITE | FAT_CREATE | FAT_EXCL, 0, &a),
                     -E_EXIST);
    assert_int_equal(fat_open(&fatrig.fs, "/nein", 0, 0, &a), -E_NOENT);
    assert_int_equal(fat_open(&fatrig.fs, "/f/g", 0, 0, &a), -E_NOENT);
    assert_int_equal(fat_open(&fatrig.fs, "/", 0, 0, &a), -E_INVAL);
    fatrig_unmount(0);
    fatrig_stop();
}

static void test_read_only_never_writes(void **state)
{
    struct fat_file file;
    uint64_t writes;

    (void)state;
    fatrig_start(small, 0);
    fatrig_make("/f", 100, 1);
    fatrig_unmount(0);
    writes = fatrig.mem.writes;
    fatrig.conf.read_only = true;
    assert_int_equal(fatrig_mount(), 0);
    assert_int_equal(fat_open(&fatrig.fs, "/f", FAT_WRITE, 0, &file), -E_ROFS);
    assert_int_equal(fat_open(&fatrig.fs, "/g", FAT_WRITE | FAT_CREATE, 0, &file), -E_ROFS);
    assert_int_equal(fat_mkdir(&fatrig.fs, "/d", 0), -E_ROFS);
    assert_int_equal(fat_unlink(&fatrig.fs, "/f"), -E_ROFS);
    assert_int_equal(fat_rename(&fatrig.fs, "/f", "/g"), -E_ROFS);
    assert_int_equal(fat_preallocate(&fatrig.fs, "/g", 1, 0), -E_ROFS);
    assert_true(fatrig_has("/f", 100, 1));
    assert_int_equal(fat_sync(&fatrig.fs), 0);
    fatrig_unmount(0);
    assert_int_equal(fatrig.mem.writes, writes);
    fatrig_stop();
}

static void test_the_dirty_mark_is_there_while_it_is_mounted_and_changed(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(images); i++) {
        fatrig_start(&images[i], blocks[i]);
        assert_int_equal(fatimage_check(fatrig.bytes, fatrig.size), 0);
        fatrig_make("/f", 1, 0);
        assert_true(fatimage_check(fatrig.bytes, fatrig.size) & FATCHECK_DIRTY);
        assert_int_equal(fat_sync(&fatrig.fs), 0);
        assert_int_equal(fatimage_check(fatrig.bytes, fatrig.size), 0);
        fatrig_make("/g", 1, 0);
        assert_true(fatimage_check(fatrig.bytes, fatrig.size) & FATCHECK_DIRTY);
        /* Power is lost: the next mount knows, and the mark stays for an fsck. */
        blk_mem_power_cut(&fatrig.mem, 1);
        fatrig.fs.spoiled = true;
        fat_unmount(&fatrig.fs);
        blk_mem_power_on(&fatrig.mem);
        assert_int_equal(fatrig_mount(), 0);
        assert_true(fatrig.fs.was_dirty);
        fatrig_unmount(~0u);
        assert_true(fatimage_check(fatrig.bytes, fatrig.size) & FATCHECK_DIRTY);
        fatrig_stop();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_of_all_sizes_come_back),
        cmocka_unit_test(test_a_write_past_the_end_leaves_zeroes_between),
        cmocka_unit_test(test_append_overwrite_and_extend),
        cmocka_unit_test(test_truncate_shorter_and_longer),
        cmocka_unit_test(test_a_full_disk_keeps_what_there_was),
        cmocka_unit_test(test_preallocate_is_zeroes_in_one_piece),
        cmocka_unit_test(test_extents_are_where_the_bytes_are),
        cmocka_unit_test(test_one_writer_or_many_readers),
        cmocka_unit_test(test_read_only_never_writes),
        cmocka_unit_test(test_the_dirty_mark_is_there_while_it_is_mounted_and_changed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
