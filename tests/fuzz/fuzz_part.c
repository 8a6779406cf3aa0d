/* SPDX-License-Identifier: ISC */
/* fuzz_part.c - a partition table made of patches: whatever a disk says of itself, nothing outside
 * it is read, and what is handed out lies on it, apart from each other.
 *
 *     the input: flags, then patches: where (2 bytes, big-endian, times 2), n (1 byte), n bytes
 *     flags & 3: nothing, an MBR with logical partitions, a GPT, a FAT boot sector, before patches
 *     flags & 4: blocks of 4096 bytes   & 8: GPT's checksums are made right after the patches */
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include <morgana/part.h>

#include "fatimage.h"
#include "fuzz_disk.h"

#define DISK_BYTES (96u * 1024u)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t *disk; /* exactly as large as it says, for the sanitizer */
static uint32_t block = 512;
static struct page the_page;
static uint8_t memory[PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));
static struct page_pool pool;
static uint32_t reads;

static int submit(struct blkdev *dev, struct blk_req *req)
{
    int err = blkdev_judge(dev, req);
    uint64_t at = req->start;

    ASSERT(err == 0 && req->op == BLK_READ); /* all that part_scan asks for is on the disk */
    for (unsigned i = 0; i < req->seg_count; at += req->segs[i++].len)
        memcpy(req->segs[i].page->base + req->segs[i].off, disk + at, req->segs[i].len);
    fuzz_disk_done(req);
    reads++;
    return 0;
}

static const struct blkdev_ops ops = {"fuzz", submit, fuzz_disk_kick, fuzz_disk_reap,
                                      fuzz_disk_arm};

static void put32(size_t at, uint32_t x)
{
    for (unsigned i = 0; i < 4; i++)
        disk[at + i] = (uint8_t)(x >> 8 * i);
}

static void put64(size_t at, uint64_t x)
{
    put32(at, (uint32_t)x);
    put32(at + 4, (uint32_t)(x >> 32));
}

static void entry(size_t at, uint8_t type, uint32_t first, uint32_t blocks)
{
    disk[at + 4] = type;
    put32(at + 8, first);
    put32(at + 12, blocks);
}

static void mark(size_t sector)
{
    disk[sector + 510] = 0x55;
    disk[sector + 511] = 0xaa;
}

static void make_mbr(void)
{
    entry(446, 0x0c, 2, 2);
    entry(462, 0x05, 6, 12);
    entry(478, 0x83, 4, 2);
    mark(0);
    for (uint32_t i = 0; i < 3; i++) {
        size_t at = (size_t)(6 + 4 * i) * block;

        entry(at + 446, 0x83, 1, 2);
        if (i < 2)
            entry(at + 462, 0x05, 4 * (i + 1), 4);
        mark(at);
    }
}

#define GPT_ENTRIES 8u

static uint32_t gpt_array_blocks(void)
{
    return (GPT_ENTRIES * 128 + block - 1) / block;
}

static void make_header(uint32_t lba, uint32_t other, uint32_t array)
{
    size_t at = (size_t)lba * block;
    uint32_t blocks = DISK_BYTES / block;

    memcpy(disk + at, "EFI PART", 8);
    put32(at + 8, 0x10000);
    put32(at + 12, 92);
    put64(at + 24, lba);
    put64(at + 32, other);
    put64(at + 40, 2 + gpt_array_blocks());
    put64(at + 48, blocks - 2 - gpt_array_blocks());
    put64(at + 72, array);
    put32(at + 80, GPT_ENTRIES);
    put32(at + 84, 128);
    for (uint32_t i = 0; i < 3; i++) {
        size_t e = (size_t)array * block + 128 * (size_t)i;

        memset(disk + e, (int)(0x11 * (i + 1)), 32);
        put64(e + 32, 2 + gpt_array_blocks() + 2 * i);
        put64(e + 40, 2 + gpt_array_blocks() + 2 * i + 1);
        disk[e + 56] = (uint8_t)('a' + i);
    }
}

/* Makes the checksums of the header at block `lba` right, as far as its numbers let us. */
static void seal(uint32_t lba)
{
    size_t at = (size_t)lba * block;
    struct cs_ro header = cs_ro_of(disk + at, block);
    uint64_t array = cs_get_le64(header, 72), bytes;
    uint32_t header_bytes = cs_get_le32(header, 12);

    bytes = (uint64_t)cs_get_le32(header, 80) * cs_get_le32(header, 84);
    if (array < DISK_BYTES / block && bytes <= DISK_BYTES - array * block)
        put32(at + 88, part_crc32(0, cs_ro_of(disk + array * block, (size_t)bytes)));
    put32(at + 16, 0);
    if (header_bytes <= block)
        put32(at + 16, part_crc32(0, cs_head(header, header_bytes)));
}

static void make_gpt(void)
{
    uint32_t last = DISK_BYTES / block - 1;

    entry(446, 0xee, 1, last);
    mark(0);
    make_header(1, last, 2);
    make_header(last, 1, last - gpt_array_blocks());
}

static void check(const struct part_table *table, int err)
{
    ASSERT(table->why != NULL && table->count <= PART_MAX);
    ASSERT(err == 0 || (err == -E_PROTO && table->count == 0 && table->why[0] != '\0'));
    ASSERT(table->refused == 0 || table->why[0] != '\0');
    ASSERT(reads <= 2 * (2 + PART_GPT_BYTES_MAX / PAGE_BYTES) + 5 * PART_LOGICAL_MAX);
    for (uint32_t i = 0; i < table->count; i++) {
        const struct part *p = &table->parts[i];
        char text[PART_NAME_BYTES + 16];

        ASSERT(p->extent.bytes >= block && p->extent.start >= block);
        ASSERT((p->extent.start | p->extent.bytes) % block == 0);
        ASSERT(p->extent.start <= DISK_BYTES && p->extent.bytes <= DISK_BYTES - p->extent.start);
        ASSERT(part_find(table, p->number) != NULL);
        ASSERT(memchr(p->name, 0, sizeof(p->name)) != NULL);
        part_describe(p, text, sizeof(text));
        for (uint32_t k = 0; k < i; k++) {
            const struct blk_extent *q = &table->parts[k].extent;

            ASSERT(p->extent.start >= q->start + q->bytes ||
                   q->start >= p->extent.start + p->extent.bytes);
        }
    }
}

static void patch(const uint8_t *data, size_t size)
{
    while (size >= 3) {
        size_t at = ((size_t)data[0] << 8 | data[1]) * 2, n = size_min(data[2], size - 3);

        at %= DISK_BYTES;
        n = size_min(n, DISK_BYTES - at);
        memcpy(disk + at, data + 3, n);
        data += 3 + n;
        size -= 3 + n;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct part_table table;
    static const struct fatimage fat = {12, 512, 1, 20, 16, 1, NULL};
    struct blkdev dev = {.ops = &ops, .online = true};
    struct page *page;
    int err;

    if (size == 0)
        return 0;
    if (!disk)
        disk = malloc(DISK_BYTES);
    memset(disk, 0, DISK_BYTES);
    block = data[0] & 4 ? 4096 : 512;
    dev.caps = (struct blkdev_caps){
        .bytes = DISK_BYTES, .block_bytes = block, .segs_max = 16, .requests_max = 1};
    page_pool_init(&pool, &the_page, memory, 1);
    if ((data[0] & 3) == 1)
        make_mbr();
    else if ((data[0] & 3) == 2)
        make_gpt();
    else if ((data[0] & 3) == 3)
        fatimage_make(&fat, disk);
    if ((data[0] & 3) == 2 && !(data[0] & 8)) {
        seal(1);
        seal(DISK_BYTES / block - 1);
    }
    patch(data + 1, size - 1);
    if (data[0] & 8) {
        seal(1);
        seal(DISK_BYTES / block - 1);
    }
    page = page_get(&pool);
    reads = 0;
    err = part_scan(&dev, page, &table);
    check(&table, err);
    page_put(page);
    return 0;
}
