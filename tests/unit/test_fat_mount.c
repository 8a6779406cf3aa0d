/* SPDX-License-Identifier: ISC */
/* test_fat_mount.c - what a boot sector must say to be believed; hints and marks; time stamps. */
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include "fatrig.h"
#include "fs/fat_priv.h"

#include <cmocka.h>

static const struct fatimage image12 = {
    .bits = 12, .sector_bytes = 512, .cluster_sectors = 1, .clusters = 500};
static const struct fatimage image16 = {
    .bits = 16, .sector_bytes = 512, .cluster_sectors = 1, .clusters = 5000};
static const struct fatimage image32 = {
    .bits = 32, .sector_bytes = 512, .cluster_sectors = 1, .clusters = 500};

/* An image on a disk, not mounted. */
static void start(const struct fatimage *image)
{
    fatrig_start(image, 0);
    fatrig_unmount(0);
}

struct lie {
    uint16_t at;
    uint8_t n, bytes[4];
    const char *why;
};

static void refuse(const struct fatimage *image, const struct lie *lies, unsigned n)
{
    uint8_t boot[512];

    start(image);
    memcpy(boot, fatrig.bytes, sizeof(boot));
    for (unsigned i = 0; i < n; i++) {
        memcpy(fatrig.bytes, boot, sizeof(boot));
        memcpy(fatrig.bytes + lies[i].at, lies[i].bytes, lies[i].n);
        assert_int_equal(fatrig_mount(), -E_INVAL);
        assert_string_equal(fatrig.fs.why, lies[i].why);
        assert_int_equal(fatrig.pool.free_count, fatrig.pool.total);
    }
    memcpy(fatrig.bytes, boot, sizeof(boot));
    assert_int_equal(fatrig_mount(), 0);
    fatrig_unmount(0);
    fatrig_stop();
}

static void test_a_boot_sector_that_lies_is_refused(void **state)
{
    static const struct lie lies16[] = {
        {510, 1, {0}, "no boot sector: 55 AA is missing"},
        {11, 2, {0, 1}, "boot sector: sectors are not of 512, 1024, 2048 or 4096 bytes"},
        {11, 2, {0, 3}, "boot sector: sectors are not of 512, 1024, 2048 or 4096 bytes"},
        {11, 2, {0, 0x20}, "boot sector: sectors are not of 512, 1024, 2048 or 4096 bytes"},
        {13, 1, {0}, "boot sector: sectors in a cluster are not a power of two"},
        {13, 1, {3}, "boot sector: sectors in a cluster are not a power of two"},
        {14, 2, {0, 0}, "boot sector: no reserved sectors"},
        {16, 1, {0}, "boot sector: not 1 to 4 tables"},
        {16, 1, {5}, "boot sector: not 1 to 4 tables"},
        {17, 2, {0, 0}, "boot sector: no root directory"},
        {17, 2, {3, 0}, "boot sector: the root directory does not fill its sectors"},
        {21, 1, {0}, "boot sector: an unknown media byte"},
        {19, 2, {0, 0}, "boot sector: no sectors"},
        {19, 2, {0xff, 0xff}, "it reaches past the device's end"},
        {19, 2, {20, 0}, "no room for files"},
        {22, 2, {5, 0}, "its table is too short for its clusters"},
        {14, 2, {0xff, 0xff}, "no room for files"},
        {22, 2, {0xff, 0xff}, "no room for files"},
    };
    static const struct lie lies32[] = {
        {36, 4, {0, 0, 0, 0}, "boot sector: a table of 0 sectors"},
        {36, 4, {1, 0, 0, 0}, "its table is too short for its clusters"},
        {36, 4, {0xff, 0xff, 0xff, 0xff}, "no room for files"},
        {42, 2, {1, 0}, "boot sector: an unknown version of FAT32"},
        {17, 2, {16, 0}, "boot sector: FAT32 with a fixed root directory"},
        {44, 4, {1, 0, 0, 0}, "boot sector: the root directory's cluster is less than 2"},
        {44, 4, {0xf6, 1, 0, 0}, "its root directory's first cluster is none"},
        {40, 2, {0x82, 0}, "its current table is none of those it has"},
    };

    (void)state;
    refuse(&image16, lies16, ARRAY_SIZE(lies16));
    refuse(&image32, lies32, ARRAY_SIZE(lies32));
}

static void test_the_number_of_clusters_says_the_type(void **state)
{
    static const uint32_t clusters[] = {1, 4084, 4085, 65524};
    static const unsigned bits[] = {12, 12, 16, 16};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(clusters); i++) {
        fatrig_start(&(struct fatimage){.bits = bits[i],
                                        .sector_bytes = 512,
                                        .cluster_sectors = 1,
                                        .clusters = clusters[i]},
                     0);
        assert_int_equal(fatrig.fs.bits, bits[i]);
        assert_int_equal(fatrig.fs.clusters, clusters[i]);
        fatrig_unmount(0);
        fatrig_stop();
    }
}

static void test_sectors_smaller_than_the_devices_blocks_are_refused(void **state)
{
    uint8_t *bytes = calloc(1, 1 << 20);

    (void)state;
    fatimage_make(&image12, bytes);
    fatrig_open(bytes, 1 << 20, 4096);
    assert_int_equal(fatrig_mount(), -E_INVAL);
    assert_string_equal(fatrig.fs.why, "its sectors are smaller than the device's blocks");
    fatrig_stop();
    free(bytes);
}

static void test_configuration(void **state)
{
    (void)state;
    start(&image12);
    fatrig.conf.cache_pages = FAT_CACHE_PAGES_MIN - 1;
    assert_int_equal(fatrig_mount(), -E_INVAL);
    fatrig.conf.cache_pages = FAT_CACHE_PAGES_MAX + 1;
    assert_int_equal(fatrig_mount(), -E_INVAL);
    fatrig.conf.cache_pages = 17; /* the pool has 16 */
    assert_int_equal(fatrig_mount(), -E_NOMEM);
    assert_int_equal(fatrig.pool.free_count, 16);
    fatrig.conf.cache_pages = FAT_CACHE_PAGES_MIN;
    assert_int_equal(fatrig_mount(), 0);
    fatrig_unmount(0);
    fatrig_stop();
}

static void test_a_device_that_fails_is_no_more_written(void **state)
{
    struct fat_file file;
    uint64_t writes;

    (void)state;
    fatrig_start(&image12, 0);
    assert_int_equal(fat_open(&fatrig.fs, "/f", FAT_WRITE | FAT_CREATE, 0, &file), 0);
    blk_mem_cut_after(&fatrig.mem, 0, 1);
    assert_int_equal(fat_write(&file, 0, cs_of_str("text"), 0), 4);
    assert_int_equal(fat_close(&file), -E_NODEV);
    assert_true(fatrig.fs.spoiled);
    blk_mem_power_on(&fatrig.mem);
    writes = fatrig.mem.writes;
    assert_int_equal(fat_mkdir(&fatrig.fs, "/d", 0), -E_ROFS);
    assert_true(fat_sync(&fatrig.fs) < 0);
    fat_unmount(&fatrig.fs);
    assert_int_equal(fatrig.mem.writes, writes);
    fatrig_stop();
}

static void test_fsinfo_is_a_hint_only(void **state)
{
    uint64_t space;

    (void)state;
    start(&image32);
    fatrig.bytes[512 + 488] = 7; /* the free count */
    fatrig.bytes[512 + 489] = 0;
    memset(fatrig.bytes + 512 + 492, 0xee, 4); /* the next free cluster */
    assert_int_equal(fatrig_mount(), 0);
    fatrig_make("/f", 60000, 1);
    assert_true(fatrig_has("/f", 60000, 1));
    assert_int_equal(fat_free_bytes(&fatrig.fs, &space), 0);
    assert_int_equal(space, (500 - 1 - 118) * 512);
    fatrig_unmount(0); /* right again */
    memset(fatrig.bytes + 512, 0, 512);
    assert_int_equal(fatrig_mount(), 0);
    assert_true(fatrig_has("/f", 60000, 1));
    fatrig_make("/g", 1, 1);
    fatrig_unmount(FATCHECK_FSINFO);
    fatrig_stop();
}

static void test_only_the_current_table_is_used_without_mirrors(void **state)
{
    (void)state;
    start(&image32);
    fatrig.bytes[40] = 0x81; /* the second one */
    memset(fatrig.bytes + 8 * 512, 0xaa, 4 * 512);
    assert_int_equal(fatrig_mount(), 0);
    fatrig_make("/f", 6000, 1);
    assert_true(fatrig_has("/f", 6000, 1));
    assert_int_equal(fat_unmount(&fatrig.fs), 0);
    for (unsigned i = 0; i < 4 * 512; i++)
        assert_int_equal(fatrig.bytes[8 * 512 + i], 0xaa);
    assert_int_equal(fatrig_mount(), 0);
    assert_true(fatrig_has("/f", 6000, 1));
    assert_int_equal(fat_unmount(&fatrig.fs), 0);
    fatrig_stop();
}

static void test_the_upper_bits_of_fat32_entries_stay(void **state)
{
    (void)state;
    start(&image32);
    for (unsigned c = 2; c < 502; c++)
        fatrig.bytes[8 * 512 + 4 * c + 3] |= 0xa0;
    assert_int_equal(fatrig_mount(), 0);
    fatrig_make("/f", 6000, 1);
    assert_true(fatrig_has("/f", 6000, 1));
    assert_int_equal(fat_unlink(&fatrig.fs, "/f"), 0);
    assert_int_equal(fat_unmount(&fatrig.fs), 0);
    for (unsigned c = 2; c < 502; c++)
        assert_int_equal(fatrig.bytes[8 * 512 + 4 * c + 3] & 0xf0, 0xa0);
    fatrig_stop();
}

static void test_fat12_entries_in_two_sectors_are_not_taken(void **state)
{
    struct fat_file file;
    uint64_t space;
    int err;

    (void)state;
    fatrig_start(&image12, 0);
    assert_int_equal(fat_open(&fatrig.fs, "/f", FAT_WRITE | FAT_CREATE, 0, &file), 0);
    do {
        err = fat_write(&file, file.size, cs_of_str("0123456789abcdef"), 0);
    } while (err > 0);
    assert_int_equal(err, -E_NOSPC);
    assert_int_equal(fat_close(&file), 0);
    assert_int_equal(fat_free_bytes(&fatrig.fs, &space), 0);
    assert_int_equal(space, 512); /* cluster 341, whose entry is bytes 511 and 512 */
    fatrig_unmount(0);
    fatrig_stop();
}

static void test_time_stamps(void **state)
{
    static const uint64_t seconds[] = {315532800,  951782400,  951868799,
                                       1709164801, 1700000001, 4354819198};
    uint16_t date, time;
    uint8_t ms10;

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(seconds); i++) {
        fat_time_stamp(seconds[i] * NS_PER_S + 250 * NS_PER_MS, &date, &time, &ms10);
        assert_int_equal(fat_time_seconds(date, time) + ms10 / 100, seconds[i]);
        assert_int_equal(ms10 % 100, 25);
    }
    fat_time_stamp(UINT64_C(1709164801) * NS_PER_S, &date, &time, &ms10); /* 2024-02-29 00:00:01 */
    assert_int_equal(date, 44 << 9 | 2 << 5 | 29);
    assert_int_equal(time, 0);
    fat_time_stamp(0, &date, &time, &ms10); /* no clock */
    assert_int_equal(date, 1 << 5 | 1);
    fat_time_stamp(UINT64_MAX, &date, &time, &ms10);
    assert_int_equal(fat_time_seconds(0, 0), 0);
    assert_int_equal(fat_time_seconds(43 << 9 | 2 << 5 | 29, 0), 0); /* 2023 has no such day */
    assert_int_equal(fat_time_seconds(1 << 5 | 1, 24 << 11), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_boot_sector_that_lies_is_refused),
        cmocka_unit_test(test_the_number_of_clusters_says_the_type),
        cmocka_unit_test(test_sectors_smaller_than_the_devices_blocks_are_refused),
        cmocka_unit_test(test_configuration),
        cmocka_unit_test(test_a_device_that_fails_is_no_more_written),
        cmocka_unit_test(test_fsinfo_is_a_hint_only),
        cmocka_unit_test(test_only_the_current_table_is_used_without_mirrors),
        cmocka_unit_test(test_the_upper_bits_of_fat32_entries_stay),
        cmocka_unit_test(test_fat12_entries_in_two_sectors_are_not_taken),
        cmocka_unit_test(test_time_stamps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
