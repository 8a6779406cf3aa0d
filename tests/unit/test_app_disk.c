/* SPDX-License-Identifier: ISC */
/* test_app_disk.c - what disk= opens, and the one line for each disk that will not do. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/log.h>

#include "apps/common/disk.h"
#include "diskrig.h"

static struct disk disk;
static struct args args;
static struct diskrig *rig;
static bool is_there;
static unsigned opened, closed;

/* ---- the platform has the rig's disk, or none ------------------------------------------------ */

int plat_blkdev_open(const char *name, struct page_pool *pool, struct blkdev **dev)
{
    assert_ptr_equal(pool, &rig->pages);
    if (!is_there || strcmp(name, "xvda") != 0) {
        LOG_ERROR("%s: no such disk", name);
        return -E_NODEV;
    }
    opened++;
    *dev = rig->disk;
    return 0;
}

void plat_blkdev_close(struct blkdev *dev)
{
    assert_ptr_equal(dev, rig->disk);
    closed++;
}

static bool begins_with_x(struct cs_ro first)
{
    assert_int_equal(first.len, DISK_LOOK_BYTES);
    return first.base[0] == 'X';
}

static void start(const struct blk_mem_conf *conf)
{
    rig = diskrig_open(conf);
    memset(rig->medium, 0, DISKRIG_BYTES);
    disk = (struct disk){.name = "prog", .pages = &rig->pages, .is_ours = begins_with_x};
    is_there = true;
    opened = closed = 0;
}

static int open_by(const char *line)
{
    char error[64];

    vplat_reset(1);
    log_init(plat_console_write, LOG_WARN);
    assert_int_equal(args_split(&args, "prog", cs_of_str(line), error, sizeof(error)), 0);
    return disk_open(&disk, args.argc, args.argv);
}

static void stop(void)
{
    disk_close(&disk);
    assert_int_equal(opened, closed);
    diskrig_close(rig);
}

/* One line was said, with this in it. */
static void said(const char *text)
{
    const char *console = vplat_console(), *end = strchr(console, '\n');

    if (strstr(console, text) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", text, console);
    assert_non_null(end);
    assert_int_equal(end[1], '\0');
}

/* An entry of an MBR, in sectors. */
static void mbr_entry(unsigned i, uint8_t type, uint32_t start, uint32_t sectors)
{
    uint8_t *e = rig->medium + 446 + 16 * i;

    e[4] = type;
    memcpy(e + 8, &start, 4);
    memcpy(e + 12, &sectors, 4);
    rig->medium[510] = 0x55;
    rig->medium[511] = 0xaa;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void test_no_word_is_no_disk(void **state)
{
    (void)state;
    start(NULL);
    assert_int_equal(open_by("ip=10.0.0.1/24"), 0);
    assert_string_equal(vplat_console(), "");
    assert_int_equal(opened, 0);
    stop();
}

static void test_an_empty_disk(void **state)
{
    (void)state;
    start(NULL);
    assert_int_equal(open_by("disk=xvda"), 1);
    assert_int_equal(disk.kind, DISK_BLANK);
    assert_int_equal(disk.part->caps.bytes, DISKRIG_BYTES);
    assert_string_equal(vplat_console(), "");
    stop();
    start(NULL);
    rig->medium[DISK_BLANK_BYTES] = 1; /* behind what is looked at */
    assert_int_equal(open_by("disk=xvda"), 1);
    assert_int_equal(disk.kind, DISK_BLANK);
    stop();
}

static void test_a_file_system_that_begins_later_is_not_blank(void **state)
{
    (void)state;
    start(NULL);
    memcpy(rig->medium + 0x10040, "_BHRfS_M", 8); /* btrfs */
    assert_true(open_by("disk=xvda") < 0);
    assert_non_null(strstr(vplat_console(), "not ours"));
    stop();
}

static void test_its_own(void **state)
{
    (void)state;
    start(NULL);
    rig->medium[0] = 'X';
    assert_int_equal(open_by("disk=xvda"), 1);
    assert_int_equal(disk.kind, DISK_OURS);
    stop();
}

static void test_what_is_somebody_else_s_is_not_touched(void **state)
{
    static uint8_t before[DISKRIG_BYTES];

    (void)state;
    start(NULL);
    rig->medium[DISK_LOOK_BYTES - 1] = 1;
    memcpy(before, rig->medium, sizeof(before));
    disk.writes = true;
    assert_int_equal(open_by("disk=xvda"), -E_INVAL);
    said("prog: disk=xvda: not ours");
    assert_memory_equal(before, rig->medium, sizeof(before));
    assert_int_equal(open_by("disk=xvda,optional"), 0);
    said("warn: prog: disk=xvda: not ours");
    disk.raw = true; /* one that shows or measures disks takes any */
    assert_int_equal(open_by("disk=xvda"), 1);
    assert_int_equal(disk.kind, DISK_RAW);
    stop();
}

static void test_an_absent_disk(void **state)
{
    (void)state;
    start(NULL);
    is_there = false;
    assert_int_equal(open_by("disk=xvda"), -E_NODEV);
    said("xvda: no such disk");
    assert_int_equal(open_by("disk=xvda,optional"), 0);
    assert_non_null(strstr(vplat_console(), "warn: prog: disk=xvda: goes on without"));
    assert_int_equal(open_by("disk=xvda:0"), -E_INVAL);
    said("disk=xvda:0");
    stop();
}

static void test_one_that_is_read_only(void **state)
{
    (void)state;
    start(&(struct blk_mem_conf){.read_only = true});
    assert_int_equal(open_by("disk=xvda"), 1); /* it is not to be written */
    disk_close(&disk);
    disk.writes = true;
    assert_int_equal(open_by("disk=xvda"), -E_ROFS);
    said("error: prog: disk=xvda: read-only");
    assert_int_equal(open_by("disk=xvda,optional"), 0);
    said("warn: prog: disk=xvda: read-only");
    stop();
}

static void test_partitions(void **state)
{
    (void)state;
    start(NULL);
    mbr_entry(0, 0x83, 8, 1024);
    mbr_entry(2, 0x0c, 1040, 1000);
    assert_int_equal(open_by("disk=xvda"), -E_INVAL);
    said("it has partitions, name one of :1 (type 0x83, 0 MiB), :3 (type 0x0c, 0 MiB)");
    assert_int_equal(open_by("disk=xvda:2"), -E_NODEV);
    said("prog: disk=xvda:2: no such partition; there are :1");
    rig->medium[8 * 512] = 'X';
    assert_int_equal(open_by("disk=xvda:1"), 1);
    assert_int_equal(disk.kind, DISK_OURS);
    assert_int_equal(disk.extent.start, 8 * 512);
    assert_int_equal(disk.part->caps.bytes, 1024 * 512);
    assert_string_equal(disk_called(&disk).text, "xvda:1");
    disk_close(&disk);
    assert_int_equal(open_by("disk=xvda:3"), 1);
    assert_int_equal(disk.kind, DISK_BLANK);
    stop();
    start(NULL);
    assert_int_equal(open_by("disk=xvda:1"), -E_NODEV);
    said("it has no partitions");
    stop();
}

static void test_a_damaged_table(void **state)
{
    (void)state;
    start(NULL);
    mbr_entry(0, 0xee, 1, 0xffffffff); /* GPT's, and there is none */
    assert_true(open_by("disk=xvda") < 0);
    said("prog: disk=xvda: ");
    stop();
}

static void test_a_disk_that_fails(void **state)
{
    (void)state;
    start(NULL);
    blk_mem_power_cut(&rig->mem, 1);
    assert_true(open_by("disk=xvda") < 0);
    said("ENODEV");
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_word_is_no_disk),
        cmocka_unit_test(test_an_empty_disk),
        cmocka_unit_test(test_a_file_system_that_begins_later_is_not_blank),
        cmocka_unit_test(test_its_own),
        cmocka_unit_test(test_what_is_somebody_else_s_is_not_touched),
        cmocka_unit_test(test_an_absent_disk),
        cmocka_unit_test(test_one_that_is_read_only),
        cmocka_unit_test(test_partitions),
        cmocka_unit_test(test_a_damaged_table),
        cmocka_unit_test(test_a_disk_that_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
