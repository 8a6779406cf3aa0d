/* SPDX-License-Identifier: ISC */
/* part.c - which kind of table a disk has, and what holds for all of its entries. */
#include <morgana/blk_io.h>

#include "fs/fat_wire.h"
#include "fs/part_priv.h"

#define PART_SCHEME_NAME(name, text) text,
static const char *const scheme_names[] = {PART_SCHEMES(PART_SCHEME_NAME)};
STATIC_ASSERT(ARRAY_SIZE(scheme_names) == PART_SCHEME_COUNT, "a name for each");

const char *part_scheme_name(enum part_scheme scheme)
{
    return (unsigned)scheme < PART_SCHEME_COUNT ? scheme_names[scheme] : "?";
}

int part_read(struct part_scan *scan, uint64_t lba, uint32_t bytes, struct cs_ro *v)
{
    int err;

    ASSERT(bytes <= PAGE_BYTES && lba < scan->blocks);
    if (bytes / scan->block_bytes > scan->blocks - lba)
        return -E_IO;
    err = blk_io_page(scan->dev, BLK_READ, lba * scan->block_bytes, scan->page, bytes);
    if (err < 0)
        return err;
    *v = cs_ro_of(scan->page->base, bytes);
    return 0;
}

void part_refuse(struct part_scan *scan, const char *why)
{
    scan->out->refused++;
    if (scan->out->why[0] == '\0')
        scan->out->why = why;
}

struct part *part_add(struct part_scan *scan, uint32_t number, uint64_t lba, uint64_t blocks)
{
    struct part *part = &scan->out->parts[scan->out->count];

    if (lba > scan->blocks || blocks > scan->blocks - lba) {
        part_refuse(scan, "a partition reaches past the disk's end");
        return NULL;
    }
    if (scan->out->count == PART_MAX) {
        scan->out->left_out++;
        return NULL;
    }
    *part = (struct part){.number = number};
    part->extent.start = lba * scan->block_bytes;
    part->extent.bytes = blocks * scan->block_bytes;
    scan->out->count++;
    return part;
}

static bool overlap(const struct blk_extent *a, const struct blk_extent *b)
{
    return a->start < b->start + b->bytes && b->start < a->start + a->bytes;
}

/* Neither of two that overlap can be trusted. */
static void drop_overlaps(struct part_scan *scan)
{
    struct part_table *out = scan->out;
    bool bad[PART_MAX] = {false};
    uint32_t kept = 0;

    for (uint32_t i = 0; i < out->count; i++)
        for (uint32_t k = i + 1; k < out->count; k++)
            if (overlap(&out->parts[i].extent, &out->parts[k].extent))
                bad[i] = bad[k] = true;
    for (uint32_t i = 0; i < out->count; i++) {
        if (bad[i]) {
            part_refuse(scan, "two partitions overlap");
            continue;
        }
        if (kept != i)
            out->parts[kept] = out->parts[i];
        kept++;
    }
    out->count = kept;
}

/* A FAT boot sector has the mark that an MBR has. Where there are entries too, they are not
 * believed where one would begin at the boot sector itself (mkfs.fat --mbr writes such a one), or
 * has a flag that no MBR has: then the bytes are the boot sector's code. */
static bool is_fat(struct cs_ro sector)
{
    struct fat_boot boot;
    bool entries = false;

    if (fat_boot_parse(&boot, sector) != NULL)
        return false;
    for (unsigned i = 0; i < PART_MBR_ENTRIES; i++) {
        struct part_mbr_entry entry = part_mbr_parse(sector, i);

        if (entry.boot & 0x7f)
            return true;
        if (entry.type == PART_TYPE_EMPTY || entry.blocks == 0)
            continue;
        if (entry.first_lba == 0)
            return true;
        entries = true;
    }
    return !entries;
}

/* 1, 0; or what the device said, where it is gone, or has the request still. */
static int is_gpt_header(struct part_scan *scan)
{
    struct cs_ro v;
    int err = scan->blocks > 1 ? part_read(scan, 1, scan->block_bytes, &v) : -E_IO;

    if (err == -E_TIMEDOUT || err == -E_NODEV)
        return err;
    return err == 0 && cs_equal_str(part_gpt_ro_get_signature(v), PART_GPT_SIGNATURE);
}

/* The sector has no MBR's mark. */
static int no_mark(struct part_scan *scan, struct cs_ro sector)
{
    int gpt;

    scan->out->blank = cs_is_zero(sector);
    gpt = is_gpt_header(scan); /* through the same page */
    if (gpt <= 0)
        return gpt;
    scan->out->why = "there is a GPT, but its protective MBR is gone";
    return -E_PROTO;
}

static int scan_table(struct part_scan *scan)
{
    struct part_table *out = scan->out;
    struct cs_ro sector;
    int err = part_read(scan, 0, scan->block_bytes, &sector);

    if (err < 0) {
        out->why = "the first sector cannot be read";
        return err;
    }
    sector = cs_head(sector, PART_MBR_BYTES);
    if (cs_get_le16(sector, PART_MBR_MARK_OFF) != PART_MBR_MARK)
        return no_mark(scan, sector);
    for (unsigned i = 0; i < PART_MBR_ENTRIES; i++)
        if (part_mbr_parse(sector, i).type == PART_TYPE_GPT) {
            for (unsigned k = 0; k < PART_MBR_ENTRIES; k++) {
                uint8_t type = part_mbr_parse(sector, k).type;

                out->hybrid = out->hybrid || (type != PART_TYPE_EMPTY && type != PART_TYPE_GPT);
            }
            out->scheme = PART_GPT;
            return part_gpt_scan(scan);
        }
    if (is_fat(sector)) {
        out->file_system = true;
        return 0;
    }
    out->scheme = PART_MBR;
    return part_mbr_scan(scan, sector);
}

int part_scan(struct blkdev *dev, struct page *page, struct part_table *out)
{
    struct part_scan scan = {.dev = dev, .page = page, .out = out};
    int err;

    scan.block_bytes =
        dev->caps.block_bytes < BLK_SECTOR_BYTES ? BLK_SECTOR_BYTES : dev->caps.block_bytes;
    scan.blocks = dev->caps.bytes / scan.block_bytes;
    *out = (struct part_table){.why = ""};
    if (scan.blocks == 0)
        return 0;
    err = scan_table(&scan);
    if (err < 0)
        out->count = 0;
    else
        drop_overlaps(&scan);
    return err;
}

const struct part *part_find(const struct part_table *table, uint32_t number)
{
    for (uint32_t i = 0; i < table->count; i++)
        if (table->parts[i].number == number)
            return &table->parts[i];
    return NULL;
}

static size_t put(char *out, size_t size, size_t at, char c)
{
    if (at + 1 < size)
        out[at] = c;
    return at + 1;
}

static size_t put_hex(char *out, size_t size, size_t at, uint8_t byte)
{
    static const char digits[] = "0123456789abcdef";

    at = put(out, size, at, digits[byte >> 4]);
    return put(out, size, at, digits[byte & 15]);
}

size_t part_describe(const struct part *part, char *out, size_t size)
{
    /* The first three groups of a GUID are little-endian numbers (UEFI 2.10, appendix A). */
    static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
    size_t at = 0;

    if (size == 0)
        return 0;
    if (part->mbr_type != 0) {
        for (const char *s = "type 0x"; *s; s++)
            at = put(out, size, at, *s);
        at = put_hex(out, size, at, part->mbr_type);
    } else if (part->name[0] != '\0') {
        for (const char *s = part->name; *s; s++)
            at = put(out, size, at, *s);
    } else {
        for (unsigned i = 0; i < sizeof(order); i++) {
            if (i == 4 || i == 6 || i == 8 || i == 10)
                at = put(out, size, at, '-');
            at = put_hex(out, size, at, part->type[order[i]]);
        }
    }
    at = size_min(at, size - 1);
    out[at] = '\0';
    return at;
}
