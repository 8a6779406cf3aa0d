/* SPDX-License-Identifier: ISC */
/* test_part.c - partition tables: what is read, how it is numbered, what is refused, and why. */
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include <morgana/blk_mem.h>
#include <morgana/part.h>

#include "fatimage.h"

#include <cmocka.h>

#define DISK_BYTES (1u << 20)

static uint8_t disk[DISK_BYTES];
static struct part_table table;
static struct page the_page;
static uint8_t memory[PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));

static void put16(size_t at, uint32_t x)
{
    disk[at] = (uint8_t)x;
    disk[at + 1] = (uint8_t)(x >> 8);
}

static void put32(size_t at, uint32_t x)
{
    put16(at, x & 0xffff);
    put16(at + 2, x >> 16);
}

static void put64(size_t at, uint64_t x)
{
    put32(at, (uint32_t)x);
    put32(at + 4, (uint32_t)(x >> 32));
}

static int scan(uint32_t block)
{
    struct blk_mem_conf conf = {.memory = disk, .bytes = DISK_BYTES, .block_bytes = block};
    struct page_pool pool;
    struct blk_mem mem;
    struct blkdev *dev;
    struct page *page;
    int err;

    vplat_reset(1);
    page_pool_init(&pool, &the_page, memory, 1);
    assert_int_equal(blk_mem_open(&mem, &conf, &dev), 0);
    page = page_get(&pool);
    err = part_scan(dev, page, &table);
    page_put(page);
    assert_int_equal(mem.writes, 0);
    blk_mem_close(&mem);
    return err;
}

static void blank(void)
{
    memset(disk, 0, sizeof(disk));
}

/* Entry i of the MBR or link at block `lba`. */
static void entry(uint32_t block, uint32_t lba, unsigned i, uint8_t type, uint32_t first,
                  uint32_t n)
{
    size_t at = (size_t)lba * block + 446 + 16 * (size_t)i;

    memset(disk + at, 0, 16);
    disk[at + 4] = type;
    put32(at + 8, first);
    put32(at + 12, n);
    put16((size_t)lba * block + 510, 0xaa55);
}

static void is_part(uint32_t i, uint32_t number, uint64_t start, uint64_t bytes)
{
    assert_true(i < table.count);
    assert_int_equal(table.parts[i].number, number);
    assert_int_equal(table.parts[i].extent.start, start);
    assert_int_equal(table.parts[i].extent.bytes, bytes);
    assert_ptr_equal(part_find(&table, number), &table.parts[i]);
}

static void test_no_table(void **state)
{
    static const struct fatimage fat = {12, 512, 1, 100, 16, 2, NULL};

    (void)state;
    blank();
    assert_int_equal(scan(512), 0);
    assert_int_equal(table.scheme, PART_NONE);
    assert_true(table.blank && !table.file_system);
    assert_string_equal(table.why, "");
    disk[100] = 1;
    assert_int_equal(scan(512), 0);
    assert_int_equal(table.scheme, PART_NONE);
    assert_false(table.blank);
    blank();
    fatimage_make(&fat, disk);
    assert_int_equal(scan(512), 0);
    assert_int_equal(table.scheme, PART_NONE);
    assert_true(table.file_system && !table.blank);
    assert_null(part_find(&table, 1));
    /* The whole disk as a partition, as mkfs.fat --mbr makes it */
    entry(512, 0, 0, 0x0c, 0, DISK_BYTES / 512);
    assert_int_equal(scan(512), 0);
    assert_int_equal(table.scheme, PART_NONE);
    assert_true(table.file_system);
    /* An MBR whose code looks like a boot sector: partitions there are partitions */
    entry(512, 0, 0, 0x0c, 10, 20);
    assert_int_equal(scan(512), 0);
    assert_int_equal(table.scheme, PART_MBR);
    is_part(0, 1, 5120, 10240);
}

static void test_mbr(void **state)
{
    char text[32];

    (void)state;
    for (uint32_t block = 512; block <= 4096; block *= 8) {
        blank();
        entry(block, 0, 0, 0x0c, 10, 20);
        entry(block, 0, 2, 0x83, 40, 10);
        entry(block, 0, 3, 0x05, 60, 60);
        entry(block, 60, 0, 0x83, 1, 5);
        entry(block, 60, 1, 0x05, 20, 20);
        entry(block, 80, 0, 0x06, 2, 8);
        entry(block, 80, 1, 0x05, 10, 5); /* back towards the beginning */
        entry(block, 70, 0, 0x83, 1, 2);
        assert_int_equal(scan(block), 0);
        assert_int_equal(table.scheme, PART_MBR);
        assert_int_equal(table.refused, 0);
        assert_int_equal(table.count, 5);
        is_part(0, 1, 10 * block, 20 * block);
        is_part(1, 3, 40 * block, 10 * block);
        is_part(2, 5, 61 * block, 5 * block);
        is_part(3, 6, 82 * block, 8 * block);
        is_part(4, 7, 71 * block, 2 * block);
        assert_true(table.parts[0].fat && !table.parts[1].fat && table.parts[3].fat);
        assert_int_equal(part_describe(&table.parts[0], text, sizeof(text)), 9);
        assert_string_equal(text, "type 0x0c");
    }
    blank();
    put16(510, 0xaa55);
    assert_int_equal(scan(512), 0);
    assert_int_equal(table.scheme, PART_MBR);
    assert_int_equal(table.count, 0);
}

static void test_mbr_that_lies(void **state)
{
    (void)state;
    blank();
    entry(512, 0, 0, 0x83, 2000, 49); /* one block too many */
    entry(512, 0, 1, 0x83, 0, 5);
    entry(512, 0, 2, 0x83, 100, 10);
    assert_int_equal(scan(512), 0);
    assert_int_equal(table.refused, 2);
    assert_int_equal(table.count, 1);
    is_part(0, 3, 51200, 5120);
    assert_string_equal(table.why, "a partition reaches past the disk's end");
    entry(512, 0, 0, 0x83, 0xffffffff, 0xffffffff);
    entry(512, 0, 1, 0x83, 109, 1);
    assert_int_equal(scan(512), 0);
    assert_int_equal(table.refused, 3);
    assert_int_equal(table.count, 0);
    disk[446] = 0x7f;
    assert_int_equal(scan(512), -E_PROTO);
    assert_string_equal(table.why, "a boot flag of the MBR is neither 00 nor 80");
    assert_int_equal(table.count, 0);
}

static void chain_is(uint32_t count, const char *why)
{
    assert_int_equal(scan(512), 0);
    assert_int_equal(table.count, count);
    assert_string_equal(table.why, why);
}

static void test_chains_that_lie(void **state)
{
    (void)state;
    blank();
    entry(512, 0, 0, 0x05, 100, 1000);
    entry(512, 100, 0, 0x83, 1, 5);
    entry(512, 100, 1, 0x05, 0, 10);
    chain_is(1, "the chain of logical partitions comes back to itself");
    entry(512, 100, 1, 0x05, 1000, 10);
    chain_is(1, "the chain of logical partitions leaves the extended one");
    entry(512, 100, 1, 0x05, 0xffffff00, 10);
    chain_is(1, "the chain of logical partitions leaves the extended one");
    entry(512, 100, 1, 0x05, 50, 10);
    chain_is(1, "a link of the chain of logical partitions has no 55 AA");
    entry(512, 150, 0, 0x83, 1, 950);
    chain_is(1, "a logical partition reaches out of its extended one");
    entry(512, 150, 0, 0x83, 0xffffffce, 5); /* over the beginning, by overflow */
    chain_is(1, "a logical partition reaches out of its extended one");
    entry(512, 150, 0, 0x83, 1, 949);
    chain_is(2, "");
    entry(512, 0, 1, 0x83, 1099, 5); /* a primary over the extended one */
    chain_is(0, "a partition overlaps the extended one");
    entry(512, 0, 2, 0x83, 500, 20); /* and one more */
    chain_is(0, "a partition overlaps the extended one");
    entry(512, 0, 2, 0, 0, 0);
    entry(512, 0, 1, 0x83, 90, 10);
    chain_is(3, "");
    entry(512, 0, 0, 0x05, 100, 2000);
    chain_is(1, "the extended partition reaches past the disk's end");
    /* More links than anybody has */
    blank();
    entry(512, 0, 0, 0x05, 100, 1000);
    for (uint32_t i = 0; i < 300; i++)
        entry(512, 100 + 2 * i, 1, 0x05, 2 * (i + 1), 2);
    chain_is(0, "too many logical partitions");
    /* More partitions than there is room for */
    for (uint32_t i = 0; i < PART_MAX + 6; i++)
        entry(512, 100 + 2 * i, 0, 0x83, 1, 1);
    chain_is(PART_MAX, "too many logical partitions");
    assert_int_equal(table.left_out, 6);
    assert_string_equal(part_scheme_name(table.scheme), "mbr");
}

/* ---- GPT ------------------------------------------------------------------------------------- */

#define ENTRIES 8u

static uint32_t array_blocks(uint32_t block)
{
    return (ENTRIES * 128 + block - 1) / block;
}

static void seal(uint32_t block, uint32_t lba)
{
    size_t at = (size_t)lba * block;
    struct cs_ro header = cs_ro_of(disk + at, block);

    put32(at + 88, part_crc32(0, cs_ro_of(disk + cs_get_le64(header, 72) * block,
                                          cs_get_le32(header, 80) * cs_get_le32(header, 84))));
    put32(at + 16, 0);
    put32(at + 16, part_crc32(0, cs_head(header, 92)));
}

static void header(uint32_t block, uint32_t lba, uint32_t other, uint32_t array)
{
    size_t at = (size_t)lba * block;

    memcpy(disk + at, "EFI PART", 8);
    put32(at + 8, 0x10000);
    put32(at + 12, 92);
    put64(at + 24, lba);
    put64(at + 32, other);
    put64(at + 40, 2 + array_blocks(block));
    put64(at + 48, DISK_BYTES / block - 2 - array_blocks(block));
    put64(at + 72, array);
    put32(at + 80, ENTRIES);
    put32(at + 84, 128);
}

static void gpt_entry(uint32_t block, uint32_t i, uint64_t first, uint64_t last, const char *name)
{
    static const uint8_t esp[16] = {0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11,
                                    0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b};
    uint32_t end = DISK_BYTES / block - 1;

    for (unsigned k = 0; k < 2; k++) {
        uint32_t array = k == 0 ? 2 : end - array_blocks(block);
        size_t at = (size_t)array * block + 128 * (size_t)i;

        memcpy(disk + at, esp, 16);
        put64(at + 32, first);
        put64(at + 40, last);
        for (size_t c = 0; c < strlen(name); c++)
            put16(at + 56 + 2 * c, (uint8_t)name[c]);
    }
    seal(block, 1);
    seal(block, end);
}

static void gpt(uint32_t block)
{
    uint32_t end = DISK_BYTES / block - 1;

    blank();
    entry(block, 0, 0, 0xee, 1, end);
    header(block, 1, end, 2);
    header(block, end, 1, end - array_blocks(block));
    gpt_entry(block, 0, 10, 19, "boot");
    gpt_entry(block, 5, 40, 49, "");
}

static void test_gpt(void **state)
{
    char text[64];

    (void)state;
    assert_int_equal(part_crc32(0, cs_of_str("123456789")), 0xcbf43926);
    for (uint32_t block = 512; block <= 4096; block *= 8) {
        gpt(block);
        assert_int_equal(scan(block), 0);
        assert_int_equal(table.scheme, PART_GPT);
        assert_false(table.backup || table.hybrid);
        assert_string_equal(table.why, "");
        assert_int_equal(table.count, 2);
        is_part(0, 1, 10 * block, 10 * block);
        is_part(1, 6, 40 * block, 10 * block);
        assert_string_equal(table.parts[0].name, "boot");
        assert_true(table.parts[0].fat);
        part_describe(&table.parts[1], text, sizeof(text));
        assert_string_equal(text, "c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
        entry(block, 0, 1, 0x0c, 10, 10);
        assert_int_equal(scan(block), 0);
        assert_true(table.hybrid);
        assert_int_equal(table.count, 2);
    }
}

struct damage {
    size_t at; /* in the header */
    uint32_t value;
    bool sealed;
    const char *why;
};

static void test_gpt_whose_primary_is_bad_is_read_from_its_backup(void **state)
{
    static const struct damage damages[] = {
        {0, 0, false, "the GPT header is not there"},
        {8, 0x20000, true, "the GPT header is of an unknown kind"},
        {12, 91, false, "the GPT header is of an unknown kind"},
        {12, 513, false, "the GPT header is of an unknown kind"},
        {56, 1, false, "the GPT header's checksum is wrong"},
        {24, 2, true, "the GPT header belongs elsewhere"},
        {80, 0, true, "the GPT's array has impossible sizes"},
        {80, 5000, false, "the GPT header's checksum is wrong"},
        {84, 64, true, "the GPT's array has impossible sizes"},
        {84, 136, true, "the GPT's array has impossible sizes"},
        {40, 1, true, "the GPT's usable blocks are not on the disk"},
        {48, 2048, true, "the GPT's usable blocks are not on the disk"},
        {72, 1, true, "the GPT's array is not on the disk"},
        {40, 3, true, "the GPT's array is where partitions may be"},
        {88, 1, false, "the GPT header's checksum is wrong"},
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(damages); i++) {
        gpt(512);
        put32(512 + damages[i].at, damages[i].value);
        if (damages[i].sealed)
            seal(512, 1);
        assert_int_equal(scan(512), 0);
        assert_true(table.backup);
        assert_string_equal(table.why, damages[i].why);
        assert_int_equal(table.count, 2);
        is_part(1, 6, 40 * 512, 10 * 512);
        /* And where the backup is bad too, there is nothing. */
        disk[DISK_BYTES - 512] = 0;
        assert_int_equal(scan(512), -E_PROTO);
        assert_string_equal(table.why, damages[i].why);
        assert_int_equal(table.count, 0);
    }
    gpt(512);
    disk[2 * 512 + 20] ^= 1; /* the array */
    assert_int_equal(scan(512), 0);
    assert_true(table.backup);
    assert_string_equal(table.why, "the checksum of the GPT's array is wrong");
    is_part(0, 1, 10 * 512, 10 * 512);
}

static void test_gpt_entries_that_lie(void **state)
{
    (void)state;
    gpt(512);
    gpt_entry(512, 1, 3, 9, "over the array");
    gpt_entry(512, 2, 60, 59, "backwards");
    gpt_entry(512, 3, 2040, UINT64_MAX, "past the end");
    gpt_entry(512, 4, 45, 60, "over another");
    gpt_entry(512, 7, 70, 70, "good\x01");
    assert_int_equal(scan(512), 0);
    assert_int_equal(table.refused, 5);
    assert_int_equal(table.count, 2);
    is_part(0, 1, 10 * 512, 10 * 512);
    is_part(1, 8, 70 * 512, 512);
    assert_string_equal(table.parts[1].name, "good?");
}

static void test_gpt_without_its_mbr_is_not_used(void **state)
{
    (void)state;
    gpt(512);
    memset(disk, 0, 512);
    assert_int_equal(scan(512), -E_PROTO);
    assert_string_equal(table.why, "there is a GPT, but its protective MBR is gone");
}

static void test_small_disks(void **state)
{
    struct blk_mem_conf conf = {.memory = disk, .bytes = 512};
    struct page_pool pool;
    struct blk_mem mem;
    struct blkdev *dev;
    struct page *page;

    (void)state;
    blank();
    entry(512, 0, 0, 0xee, 1, 100);
    page_pool_init(&pool, &the_page, memory, 1);
    page = page_get(&pool);
    for (conf.bytes = 512; conf.bytes <= 2048; conf.bytes += 512) {
        assert_int_equal(blk_mem_open(&mem, &conf, &dev), 0);
        assert_int_equal(part_scan(dev, page, &table), -E_PROTO);
        assert_true(table.why[0] != '\0');
        blk_mem_close(&mem);
    }
    page_put(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_table),
        cmocka_unit_test(test_mbr),
        cmocka_unit_test(test_mbr_that_lies),
        cmocka_unit_test(test_chains_that_lie),
        cmocka_unit_test(test_gpt),
        cmocka_unit_test(test_gpt_whose_primary_is_bad_is_read_from_its_backup),
        cmocka_unit_test(test_gpt_entries_that_lie),
        cmocka_unit_test(test_gpt_without_its_mbr_is_not_used),
        cmocka_unit_test(test_small_disks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
