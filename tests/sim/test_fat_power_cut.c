/* SPDX-License-Identifier: ISC */
/* test_fat_power_cut.c - power is lost at every write of every script: what was written since the
 * last flush may be there or not, sector by sector. Then the file system mounts, what no script
 * touched is whole, the script's own file is as its promise says, the judge finds nothing that
 * fat.h does not name, and it can be written to again. */
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include "fatcuts.h"
#include "fatrig.h"

#include <cmocka.h>

#define SEEDS 4u

static const struct fatimage images[] = {
    {.bits = 12, .sector_bytes = 512, .cluster_sectors = 1, .clusters = 1500},
    {.bits = 12, .sector_bytes = 4096, .cluster_sectors = 1, .clusters = 80},
    {.bits = 16, .sector_bytes = 512, .cluster_sectors = 1, .clusters = 4100},
    {.bits = 32, .sector_bytes = 512, .cluster_sectors = 2, .clusters = 300},
};
static const uint32_t blocks[] = {512, 4096, 512, 512};

static unsigned twins; /* cuts that left both names */

/* The state before a script, and its size. */
static uint8_t *prepare(const struct fatcut *cut, unsigned i, size_t *size)
{
    uint8_t *bytes;

    fatrig_start(&images[i], blocks[i]);
    assert_int_equal(fatcut_bystanders_make(&fatrig.fs), 0);
    assert_int_equal(cut->before(&fatrig.fs), 0);
    fatrig_unmount(0);
    bytes = malloc(fatrig.size);
    memcpy(bytes, fatrig.bytes, fatrig.size);
    *size = fatrig.size;
    fatrig_stop();
    return bytes;
}

/* Where a rename was cut between its two names, either may go, and the rename may be done again. */
static void end_rename(const struct fatcut *cut, uint64_t seed)
{
    struct fat_info from, to;
    const char *why = "";

    if (!cut->from || fat_stat(&fatrig.fs, cut->from, &from) != 0 ||
        fat_stat(&fatrig.fs, cut->to, &to) != 0 || from.first_cluster != to.first_cluster)
        return;
    twins++;
    if (!from.directory) {
        struct fat_file file;

        assert_int_equal(fat_open(&fatrig.fs, cut->to, FAT_WRITE, 0, &file), -E_BUSY);
    }
    if (from.directory || seed % 3 == 0)
        assert_int_equal(fat_rename(&fatrig.fs, cut->from, cut->to), 0);
    else
        assert_int_equal(fat_unlink(&fatrig.fs, seed % 3 == 1 ? cut->from : cut->to), 0);
    if (!cut->holds(&fatrig.fs, &why))
        fail_msg("%s, seed %lu, one name gone: %s", cut->name, (unsigned long)seed, why);
    assert_int_equal(fat_sync(&fatrig.fs), 0);
    assert_int_equal(fatimage_check(fatrig.bytes, fatrig.size) & (FATCHECK_CROSS | FATCHECK_DOTS),
                     0);
}

static void judge(const struct fatcut *cut, unsigned i, uint64_t at, uint64_t seed)
{
    unsigned allowed = FATCUT_ALLOWED | cut->allowed;
    unsigned found = fatimage_check(fatrig.bytes, fatrig.size);
    const char *why = "";

    if (found & ~allowed)
        fail_msg("%s, image %u, write %lu, seed %lu: the judge finds %s", cut->name, i,
                 (unsigned long)at, (unsigned long)seed, fatcheck_text(found));
    if (fatrig_mount() != 0)
        fail_msg("%s, image %u, write %lu: mount: %s", cut->name, i, (unsigned long)at,
                 fatrig.fs.why);
    if (!fatcut_bystanders_whole(&fatrig.fs))
        fail_msg("%s, image %u, write %lu, seed %lu: another file was touched", cut->name, i,
                 (unsigned long)at, (unsigned long)seed);
    if (!cut->holds(&fatrig.fs, &why))
        fail_msg("%s, image %u, write %lu, seed %lu: %s", cut->name, i, (unsigned long)at,
                 (unsigned long)seed, why);
    end_rename(cut, seed);
    fatrig_make("/after.bin", 2500, 77);
    assert_true(fatrig_has("/after.bin", 2500, 77));
    assert_int_equal(fat_unlink(&fatrig.fs, "/after.bin"), 0);
    assert_true(fatcut_bystanders_whole(&fatrig.fs));
    fatrig_unmount(allowed);
}

/* True: the script came to its end before that write. */
static bool cut_at(const struct fatcut *cut, const uint8_t *bytes, size_t size, unsigned i,
                   uint64_t at, uint64_t seed)
{
    bool done;
    int err;

    fatrig_open(bytes, size, blocks[i]);
    assert_int_equal(fatrig_mount(), 0);
    blk_mem_cut_after(&fatrig.mem, at, seed);
    err = cut->run(&fatrig.fs);
    if (err == 0)
        err = fat_sync(&fatrig.fs);
    done = err == 0;
    if (!done)
        assert_int_equal(err, -E_NODEV);
    fatrig.fs.files = NULL;
    fatrig.fs.spoiled = true;
    fat_unmount(&fatrig.fs);
    blk_mem_power_on(&fatrig.mem);
    judge(cut, i, at, seed);
    fatrig_stop();
    return done;
}

static void test_a_cut_at_every_write(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(images); i++)
        for (unsigned c = 0; c < fatcut_count; c++) {
            size_t size;
            uint8_t *bytes = prepare(&fatcuts[c], i, &size);
            uint64_t at = 0;

            /* Scripts with many writes: a seed at each is enough. */
            for (bool done = false; !done; at++)
                for (uint64_t seed = 0; !done && seed < (at < 60 ? SEEDS : 1); seed++)
                    done = cut_at(&fatcuts[c], bytes, size, i, at, seed * 1000 + at);
            assert_true(at > 2);
            free(bytes);
        }
    assert_true(twins > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_cut_at_every_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
