/* SPDX-License-Identifier: ISC */
/* test_fat_dir.c - names and directories of FAT: long and short names, case, what is refused,
 * mkdir, rmdir, unlink, rename. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include "fatrig.h"

#include <cmocka.h>

static const struct fatimage image12 = {.bits = 12,
                                        .sector_bytes = 512,
                                        .cluster_sectors = 1,
                                        .clusters = 1500,
                                        .label = "MY DISK    "};
static const struct fatimage image32 = {
    .bits = 32, .sector_bytes = 512, .cluster_sectors = 1, .clusters = 3000};

/* The names of a directory, "a b c". */
static const char *names(const char *path)
{
    static char text[20000];
    struct fat_info info;
    struct fat_dir dir;

    text[0] = '\0';
    assert_int_equal(fat_opendir(&fatrig.fs, path, &dir), 0);
    while (fat_readdir(&dir, &info) > 0) {
        if (text[0])
            strcat(text, "|");
        strcat(text, info.name);
        if (info.directory)
            strcat(text, "/");
    }
    return text;
}

static const char *alias(const char *path)
{
    static struct fat_info info;

    assert_int_equal(fat_stat(&fatrig.fs, path, &info), 0);
    return info.short_name;
}

static void test_names_keep_their_case_and_are_found_without_it(void **state)
{
    static const char *const made[] = {"lower.txt",
                                       "UPPER.TXT",
                                       "Mixed.Txt",
                                       "lower.TXT2",
                                       "NAME.ext",
                                       ".hidden",
                                       "a.b.c",
                                       "noext",
                                       "with space",
                                       "\xc3\x9cml\xc3\xa4ut.txt",
                                       "x+y=z;[1],2.txt",
                                       "\xe6\x97\xa5\xe6\x9c\xac.txt",
                                       "\xf0\x9f\x98\x80.txt"};
    char all[1000] = "";

    (void)state;
    fatrig_start(&image12, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(made); i++) {
        fatrig_make(made[i], i, (uint8_t)i);
        sprintf(all + strlen(all), "%s%s", i ? "|" : "", made[i]);
    }
    fatrig_remount();
    assert_string_equal(names("/"), all);
    for (unsigned i = 0; i < ARRAY_SIZE(made); i++)
        assert_true(fatrig_has(made[i], i, (uint8_t)i));
    assert_true(fatrig_has("LOWER.txt", 0, 0));
    assert_true(fatrig_has("mIXED.tXT", 2, 2));
    assert_true(fatrig_has("\xc3\xbcML\xc3\x84UT.TXT", 9, 9)); /* Latin-1 without case */
    assert_string_equal(alias("lower.txt"), "LOWER.TXT");
    assert_string_equal(alias("Mixed.Txt"), "MIXED.TXT");
    assert_string_equal(alias("lower.TXT2"), "LOWER~1.TXT");
    assert_string_equal(alias(".hidden"), "HIDDEN~1");
    assert_string_equal(alias("a.b.c"), "AB~1.C");
    assert_string_equal(alias("with space"), "WITHSP~1");
    assert_true(fatrig_has("withsp~1", 8, 8)); /* by the short name too */
    assert_string_equal(fatrig.fs.label, "MY DISK");
    fatrig_unmount(0);
    fatrig_stop();
}

static void test_names_that_fat_cannot_have_are_refused(void **state)
{
    static const char *const bad[] = {"a?b",
                                      "a*b",
                                      "a:b",
                                      "a\\b",
                                      "a|b",
                                      "a<b",
                                      "a>b",
                                      "a\"b",
                                      "end.",
                                      "end ",
                                      "a\x01"
                                      "b",
                                      ".",
                                      "..",
                                      "\xff",
                                      "\xc0\x80",
                                      "\xed\xa0\x80",
                                      "a/../b"};
    char longest[300] = "/";
    struct fat_file file;

    (void)state;
    fatrig_start(&image12, 0);
    assert_int_equal(fat_mkdir(&fatrig.fs, "a", 0), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        int err = fat_open(&fatrig.fs, bad[i], FAT_WRITE | FAT_CREATE, 0, &file);

        assert_int_equal(err, -E_INVAL);
    }
    memset(longest + 1, 'x', 255);
    fatrig_make(longest, 10, 1);
    assert_true(fatrig_has(longest, 10, 1));
    longest[256] = 'x';
    assert_int_equal(fat_open(&fatrig.fs, longest, FAT_WRITE | FAT_CREATE, 0, &file), -E_2BIG);
    fatrig_unmount(0);
    fatrig_stop();
}

static void test_hundreds_of_like_names_get_short_names_of_their_own(void **state)
{
    char name[64], seen[300][13];

    (void)state;
    fatrig_start(&image32, 0);
    assert_int_equal(fat_mkdir(&fatrig.fs, "/d", 0), 0);
    for (unsigned i = 0; i < 300; i++) {
        sprintf(name, "/d/A long name, number %u.text", i);
        fatrig_make(name, i % 7, (uint8_t)i);
    }
    fatrig_remount(); /* the judge looks for short names that are there twice */
    for (unsigned i = 0; i < 300; i++) {
        sprintf(name, "/d/a LONG name, number %u.text", i);
        assert_true(fatrig_has(name, i % 7, (uint8_t)i));
        strcpy(seen[i], alias(name));
        for (unsigned k = 0; k < i; k++)
            assert_string_not_equal(seen[i], seen[k]);
    }
    for (unsigned i = 0; i < 300; i += 2) {
        sprintf(name, "/d/A long name, number %u.text", i);
        assert_int_equal(fat_unlink(&fatrig.fs, name), 0);
    }
    assert_int_equal(fat_rmdir(&fatrig.fs, "/d"), -E_BUSY);
    for (unsigned i = 1; i < 300; i += 2) {
        sprintf(name, "/d/A long name, number %u.text", i);
        assert_int_equal(fat_unlink(&fatrig.fs, name), 0);
    }
    assert_string_equal(names("/d"), "");
    assert_int_equal(fat_rmdir(&fatrig.fs, "/d"), 0);
    fatrig_unmount(0);
    fatrig_stop();
}

static void test_a_full_root_directory_is_no_space(void **state)
{
    struct fat_file file;
    char name[20];
    unsigned n = 0;

    (void)state;
    fatrig_start(&image12, 0); /* 64 slots, of which the label has one */
    for (;; n++) {
        int err;

        sprintf(name, "/F%u", n);
        err = fat_open(&fatrig.fs, name, FAT_WRITE | FAT_CREATE, 0, &file);
        if (err < 0) {
            assert_int_equal(err, -E_NOSPC);
            break;
        }
        fat_close(&file);
    }
    assert_int_equal(n, 63);
    assert_int_equal(fat_unlink(&fatrig.fs, "/F7"), 0);
    assert_int_equal(fat_unlink(&fatrig.fs, "/F8"), 0);
    fatrig_make("/Two slots", 5, 5);
    assert_true(fatrig_has("/two slots", 5, 5));
    assert_int_equal(fat_mkdir(&fatrig.fs, "/no", 0), -E_NOSPC);
    fatrig_unmount(0);
    fatrig_stop();
}

static void test_directories_in_directories(void **state)
{
    struct fat_info info;
    struct fat_dir dir;

    (void)state;
    fatrig_start(&image32, 0);
    assert_int_equal(fat_mkdir(&fatrig.fs, "/one", 0), 0);
    assert_int_equal(fat_mkdir(&fatrig.fs, "/one/Two of it", 0), 0);
    assert_int_equal(fat_mkdir(&fatrig.fs, "one//Two of it/three/", 0), 0);
    assert_int_equal(fat_mkdir(&fatrig.fs, "/ONE", 0), -E_EXIST);
    assert_int_equal(fat_mkdir(&fatrig.fs, "/", 0), -E_EXIST);
    assert_int_equal(fat_mkdir(&fatrig.fs, "/none/x", 0), -E_NOENT);
    fatrig_make("/one/two OF it/three/f", 1000, 1);
    assert_string_equal(names("/one/Two of it"), "three/");
    assert_int_equal(fat_unlink(&fatrig.fs, "/one"), -E_INVAL);
    assert_int_equal(fat_rmdir(&fatrig.fs, "/one"), -E_BUSY);
    assert_int_equal(fat_rmdir(&fatrig.fs, "/one/two of it/three/f"), -E_INVAL);
    assert_int_equal(fat_rmdir(&fatrig.fs, "/"), -E_INVAL);
    assert_int_equal(fat_opendir(&fatrig.fs, "/one/two of it/three/f", &dir), -E_NOENT);
    assert_int_equal(fat_stat(&fatrig.fs, "/", &info), 0);
    assert_true(info.directory);
    fatrig_unmount(0);
    fatrig_stop();
}

static void test_rename(void **state)
{
    (void)state;
    fatrig_start(&image32, 0);
    assert_int_equal(fat_mkdir(&fatrig.fs, "/d", 0), 0);
    assert_int_equal(fat_mkdir(&fatrig.fs, "/e", 0), 0);
    fatrig_make("/f", 3000, 1);
    assert_int_equal(fat_rename(&fatrig.fs, "/f", "/F"), 0); /* only the case */
    assert_string_equal(names("/"), "d/|e/|F");
    assert_int_equal(fat_rename(&fatrig.fs, "/F", "/A much longer name than before"), 0);
    assert_true(fatrig_has("/a much longer name than before", 3000, 1));
    assert_int_equal(fat_rename(&fatrig.fs, "/A much longer name than before", "/d/x.y"), 0);
    assert_true(fatrig_has("/d/x.y", 3000, 1));
    fatrig_make("/old", 9000, 2);
    assert_int_equal(fat_rename(&fatrig.fs, "/d/x.y", "/old"), 0);
    assert_true(fatrig_has("/old", 3000, 1));
    assert_int_equal(fat_rename(&fatrig.fs, "/old", "/d"), -E_INVAL);
    assert_int_equal(fat_rename(&fatrig.fs, "/d", "/old"), -E_INVAL);
    assert_int_equal(fat_rename(&fatrig.fs, "/d", "/d/in itself"), -E_INVAL);
    assert_int_equal(fat_rename(&fatrig.fs, "/none", "/x"), -E_NOENT);
    assert_int_equal(fat_rename(&fatrig.fs, "/", "/x"), -E_INVAL);
    assert_int_equal(fat_rename(&fatrig.fs, "/old", "/"), -E_INVAL);
    fatrig_make("/d/g", 10, 3);
    assert_int_equal(fat_rename(&fatrig.fs, "/d", "/e"), 0); /* over an empty directory */
    assert_true(fatrig_has("/e/g", 10, 3));
    assert_int_equal(fat_mkdir(&fatrig.fs, "/top", 0), 0);
    assert_int_equal(fat_rename(&fatrig.fs, "/e", "/top/E with a long name"), 0);
    assert_int_equal(fat_mkdir(&fatrig.fs, "/e", 0), 0);
    assert_int_equal(fat_rename(&fatrig.fs, "/e", "/top"), -E_BUSY);
    assert_true(fatrig_has("/top/e with a long name/G", 10, 3));
    fatrig_remount(); /* the judge looks at ".." */
    assert_string_equal(names("/"), "top/|e/|old");
    fatrig_unmount(0);
    fatrig_stop();
}

/* Where the entry of that short name is on the disk. */
static uint8_t *slot_of(const char *short_name)
{
    for (size_t at = 0; at + 32 <= fatrig.size; at += 32)
        if (memcmp(fatrig.bytes + at, short_name, 11) == 0 && fatrig.bytes[at + 11] != 0x0f)
            return fatrig.bytes + at;
    fail_msg("no entry %s", short_name);
    return NULL;
}

static void test_a_damaged_long_name_leaves_the_short_one(void **state)
{
    uint8_t *entry;

    (void)state;
    fatrig_start(&image12, 0);
    fatrig_make("/A long name.text", 100, 1);
    fatrig_unmount(0);
    entry = slot_of("ALONGN~1TEX");
    entry[-32 + 13] ^= 1; /* the checksum */
    assert_int_equal(fatrig_mount(), 0);
    assert_string_equal(names("/"), "ALONGN~1.TEX");
    assert_true(fatrig.fs.stats.bad_name > 0);
    assert_true(fatrig_has("/alongn~1.tex", 100, 1));
    fatrig_unmount(~0u);
    fatrig_stop();
}

static void test_damage_is_named_and_stops_changes(void **state)
{
    struct fat_file file;
    uint8_t *entry;

    (void)state;
    fatrig_start(&image12, 0);
    fatrig_make("/LOOP", 2000, 1);
    fatrig_make("/SHORT", 2000, 2);
    fatrig_make("/OUT", 100, 3);
    assert_int_equal(fat_mkdir(&fatrig.fs, "/DIR", 0), 0);
    fatrig_unmount(0);
    entry = slot_of("LOOP       ");
    { /* its second cluster leads back to its first: 12 bits each */
        uint32_t first = entry[26], second = first + 1;
        uint8_t *t = fatrig.bytes + 512 + second + second / 2;

        assert_int_equal(second % 2, 1);
        t[0] = (uint8_t)((t[0] & 0x0f) | (first & 15) << 4);
        t[1] = (uint8_t)(first >> 4);
    }
    slot_of("SHORT      ")[29] = 0x70; /* the size */
    slot_of("OUT        ")[27] = 0x0f; /* the first cluster */
    slot_of("DIR        ")[26] = 1;
    slot_of("DIR        ")[27] = 0;
    assert_int_equal(fatrig_mount(), 0);
    assert_int_equal(fat_open(&fatrig.fs, "/LOOP", 0, 0, &file), -E_PROTO);
    assert_string_equal(fatrig.fs.why, "a chain comes back to itself");
    assert_int_equal(fat_open(&fatrig.fs, "/SHORT", 0, 0, &file), -E_PROTO);
    assert_string_equal(fatrig.fs.why, "a chain is shorter than its file");
    assert_int_equal(fat_open(&fatrig.fs, "/OUT", 0, 0, &file), -E_PROTO);
    assert_string_equal(fatrig.fs.why, "an entry's first cluster is none");
    assert_int_equal(fat_open(&fatrig.fs, "/DIR/x", 0, 0, &file), -E_PROTO);
    assert_int_equal(fatrig.fs.stats.bad_chain, 3);
    assert_int_equal(fatrig.fs.stats.bad_entry, 1);
    assert_int_equal(fat_open(&fatrig.fs, "/x", FAT_WRITE | FAT_CREATE, 0, &file), -E_ROFS);
    assert_int_equal(fat_unmount(&fatrig.fs), 0);
    fatrig_stop();
}

static void test_a_directory_that_comes_back_to_itself_ends(void **state)
{
    struct fat_info info;
    struct fat_dir dir;
    unsigned n = 0;
    int err;

    (void)state;
    fatrig_start(&image32, 0);
    for (unsigned i = 0; i < 40; i++) {
        char name[20];

        sprintf(name, "/FILE%u", i);
        fatrig_make(name, 0, 0);
    }
    fatrig_unmount(0);
    fatrig.bytes[8 * 512 + 8] = 2; /* the root's first cluster leads to itself */
    memset(fatrig.bytes + 8 * 512 + 9, 0, 3);
    assert_int_equal(fatrig_mount(), 0);
    assert_int_equal(fat_opendir(&fatrig.fs, "/", &dir), 0);
    while ((err = fat_readdir(&dir, &info)) > 0)
        assert_true(++n < 200);
    assert_int_equal(err, -E_PROTO);
    assert_string_equal(fatrig.fs.why, "a directory comes back to itself");
    assert_int_equal(fat_unmount(&fatrig.fs), 0);
    fatrig_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_keep_their_case_and_are_found_without_it),
        cmocka_unit_test(test_names_that_fat_cannot_have_are_refused),
        cmocka_unit_test(test_hundreds_of_like_names_get_short_names_of_their_own),
        cmocka_unit_test(test_a_full_root_directory_is_no_space),
        cmocka_unit_test(test_directories_in_directories),
        cmocka_unit_test(test_rename),
        cmocka_unit_test(test_a_damaged_long_name_leaves_the_short_one),
        cmocka_unit_test(test_damage_is_named_and_stops_changes),
        cmocka_unit_test(test_a_directory_that_comes_back_to_itself_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
