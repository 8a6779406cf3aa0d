/* SPDX-License-Identifier: ISC */
/* test_fat_damage.c - file systems that were made badly, by others or by accident: what each kind
 * of damage is called, and what is never brought back to life. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include "fatrig.h"

#include <cmocka.h>

static const struct fatimage image16 = {
    .bits = 16, .sector_bytes = 512, .cluster_sectors = 1, .clusters = 4100};

#define TABLE_AT 512u
#define ROOT_AT (512u + 2u * 17u * 512u)

/* Where the entry of that short name is on the disk. */
static uint8_t *slot_of(const char *short_name)
{
    for (size_t at = 0; at + 32 <= fatrig.size; at += 32)
        if (memcmp(fatrig.bytes + at, short_name, 11) == 0 && fatrig.bytes[at + 11] != 0x0f)
            return fatrig.bytes + at;
    fail_msg("no entry %s", short_name);
    return NULL;
}

static unsigned count(const char *path)
{
    struct fat_info info;
    struct fat_dir dir;
    unsigned n = 0;

    assert_int_equal(fat_opendir(&fatrig.fs, path, &dir), 0);
    while (fat_readdir(&dir, &info) > 0)
        n++;
    return n;
}

static void test_each_way_a_chain_can_end_badly_has_its_name(void **state)
{
    static const struct {
        uint16_t next;
        const char *why;
    } ends[] = {
        {0, "a chain leads into a free cluster"},
        {0xfff7, "a chain leads into a bad cluster"},
        {1, "a chain leads out of the file system"},
        {4102, "a chain leads out of the file system"},
        {0xffef, "a chain leads out of the file system"},
    };
    struct fat_file file;

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(ends); i++) {
        uint8_t *entry;

        fatrig_start(&image16, 0);
        fatrig_make("/F", 2000, 1);
        fatrig_unmount(0);
        entry = slot_of("F          ");
        fatrig.bytes[TABLE_AT + 2u * entry[26] + 2] = (uint8_t)ends[i].next;
        fatrig.bytes[TABLE_AT + 2u * entry[26] + 3] = (uint8_t)(ends[i].next >> 8);
        assert_int_equal(fatrig_mount(), 0);
        assert_int_equal(fat_open(&fatrig.fs, "/F", 0, 0, &file), -E_PROTO);
        assert_string_equal(fatrig.fs.why, ends[i].why);
        assert_true(fatrig.fs.spoiled);
        fat_unmount(&fatrig.fs);
        /* Removing it frees what there is of it, and keeps the mark of a bad cluster. */
        assert_int_equal(fatrig_mount(), 0);
        assert_int_equal(fat_unlink(&fatrig.fs, "/F"), 0);
        fatrig_unmount(FATCHECK_LOST | FATCHECK_COPIES); /* the damage is in one copy */
        fatrig_stop();
    }
}

static void test_what_lies_after_the_end_of_a_directory_stays_hidden(void **state)
{
    char name[40];

    (void)state;
    fatrig_start(&image16, 0);
    fatrig_make("/FIRST", 10, 1);
    fatrig_unmount(0);
    for (unsigned i = 2; i < 64; i++) { /* [1] is the mark of the end */
        memset(fatrig.bytes + ROOT_AT + 32 * (size_t)i, 'A' + (int)(i % 26), 11);
        fatrig.bytes[ROOT_AT + 32 * (size_t)i + 11] = 0x20;
    }
    assert_int_equal(fatrig_mount(), 0);
    assert_int_equal(count("/"), 1);
    for (unsigned i = 0; i < 12; i++) {
        sprintf(name, "/A long name, number %u", i);
        fatrig_make(name, i, (uint8_t)i);
        assert_int_equal(count("/"), 2 + i);
    }
    /* In place, into slots after the end */
    assert_int_equal(fat_rename(&fatrig.fs, name, "/A long name of three slots at least"), 0);
    assert_int_equal(count("/"), 13);
    assert_true(fatrig_has("/a long name of three slots at least", 11, 11));
    assert_int_equal(fat_unmount(&fatrig.fs), 0);
    fatrig_stop();
}

static void test_entries_that_make_no_sense_are_left_out(void **state)
{
    (void)state;
    fatrig_start(&image16, 0);
    fatrig_make("/ONE", 10, 1);
    fatrig_make("/TWO", 10, 2);
    fatrig_make("/THREE", 10, 3);
    fatrig_unmount(0);
    slot_of("ONE        ")[1] = '/';
    slot_of("TWO        ")[2] = 0x01;
    assert_int_equal(fatrig_mount(), 0);
    assert_int_equal(count("/"), 1);
    assert_int_equal(fatrig.fs.stats.bad_entry, 2);
    fat_unmount(&fatrig.fs);
    fatrig_stop();
}

static void test_short_names_of_other_alphabets(void **state)
{
    struct fat_info info;
    struct fat_dir dir;
    uint8_t *entry;

    (void)state;
    fatrig_start(&image16, 0);
    fatrig_make("/XBC.TXT", 10, 1);
    fatrig_unmount(0);
    entry = slot_of("XBC     TXT");
    entry[0] = 0x05; /* stands for e5, which would be a free slot */
    entry[1] = 0x9a;
    assert_int_equal(fatrig_mount(), 0);
    assert_int_equal(fat_opendir(&fatrig.fs, "/", &dir), 0);
    assert_int_equal(fat_readdir(&dir, &info), 1);
    assert_string_equal(info.name, "\xcf\x83\xc3\x9c"
                                   "C.TXT");
    assert_string_equal(info.short_name, "??C.TXT");
    assert_true(fatrig_has("/\xcf\x83\xc3\xbc"
                           "c.txt",
                           10, 1));
    fatrig_unmount(~0u);
    fatrig_stop();
}

static void test_arguments(void **state)
{
    static char path[FAT_NAME_BYTES * 8];
    struct fat_file file;

    (void)state;
    fatrig_start(&image16, 0);
    fatrig_make("/F", 10, 1);
    fatrig_unmount(0);
    slot_of("F          ")[11] |= 1;
    assert_int_equal(fatrig_mount(), 0);
    assert_int_equal(fat_open(&fatrig.fs, "/F", FAT_WRITE, 0, &file), -E_ACCES);
    assert_int_equal(fat_open(&fatrig.fs, "/F", FAT_CREATE, 0, &file), -E_INVAL);
    assert_int_equal(fat_open(&fatrig.fs, "/F", FAT_WRITE | FAT_EXCL, 0, &file), -E_INVAL);
    assert_int_equal(fat_open(&fatrig.fs, "/F", 8, 0, &file), -E_INVAL);
    assert_int_equal(fat_preallocate(&fatrig.fs, "/G", 0, 0), -E_INVAL);
    assert_int_equal(fat_open(&fatrig.fs, "/G", FAT_WRITE | FAT_CREATE, 0, &file), 0);
    assert_int_equal(fat_write(&file, UINT32_MAX - 2, cs_of_str("abc"), 0), -E_2BIG);
    assert_int_equal(fat_write(&file, 0, CS_RO_EMPTY, 0), 0);
    assert_int_equal(fat_sync(&fatrig.fs), 0); /* with a writer: no clean mark */
    assert_int_equal(fat_close(&file), 0);
    memset(path, '/', sizeof(path) - 1);
    assert_int_equal(fat_mkdir(&fatrig.fs, path, 0), -E_2BIG);
    fatrig_unmount(0);
    fatrig_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_way_a_chain_can_end_badly_has_its_name),
        cmocka_unit_test(test_what_lies_after_the_end_of_a_directory_stays_hidden),
        cmocka_unit_test(test_entries_that_make_no_sense_are_left_out),
        cmocka_unit_test(test_short_names_of_other_alphabets),
        cmocka_unit_test(test_arguments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
