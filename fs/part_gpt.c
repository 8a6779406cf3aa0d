/* SPDX-License-Identifier: ISC */
/* part_gpt.c - the GUID partition table: a header and an array, each with a CRC-32, at the disk's
 * beginning and once more at its end (UEFI 2.10, section 5.3). */
#include "fs/part_priv.h"
#include "fs/utf16.h"

#define HEADER_BYTES_MIN 92u
#define ENTRY_BYTES_MIN 128u
#define REVISION_MAJOR 1u

struct crc_table {
    uint32_t nibble[16];
};

/* CRC-32 of IEEE 802.3, reflected: what four bits add. */
static const struct crc_table crc_table = {{0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
                                            0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
                                            0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                            0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c}};

uint32_t part_crc32(uint32_t crc, struct cs_ro bytes)
{
    crc = ~crc;
    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= bytes.base[i];
        crc = crc >> 4 ^ crc_table.nibble[crc & 15];
        crc = crc >> 4 ^ crc_table.nibble[crc & 15];
    }
    return ~crc;
}

/* The header's CRC is made with its own field zero. */
static uint32_t header_crc(struct cs_ro v, uint32_t bytes)
{
    static const uint8_t zeroes[4];
    uint32_t crc = part_crc32(0, cs_head(v, part_gpt_header_crc_OFF));

    crc = part_crc32(crc, cs_ro_of(zeroes, sizeof(zeroes)));
    return part_crc32(crc,
                      cs_sub(v, part_gpt_header_crc_OFF + 4, bytes - part_gpt_header_crc_OFF - 4));
}

static uint64_t array_blocks(const struct part_scan *scan, const struct part_gpt_header *h)
{
    return ((uint64_t)h->entries * h->entry_bytes + scan->block_bytes - 1) / scan->block_bytes;
}

/* What is wrong with the header that block `lba` holds, or NULL. */
static const char *header_judge(const struct part_scan *scan, uint64_t lba, struct cs_ro v,
                                struct part_gpt_header *h)
{
    uint64_t blocks;

    *h = part_gpt_parse(v);
    if (!cs_equal_str(part_gpt_ro_get_signature(v), PART_GPT_SIGNATURE))
        return "the GPT header is not there";
    if (h->revision >> 16 != REVISION_MAJOR || h->header_bytes < HEADER_BYTES_MIN ||
        h->header_bytes > scan->block_bytes)
        return "the GPT header is of an unknown kind";
    if (header_crc(v, h->header_bytes) != h->header_crc)
        return "the GPT header's checksum is wrong";
    if (h->my_lba != lba)
        return "the GPT header belongs elsewhere";
    if (h->entry_bytes < ENTRY_BYTES_MIN || h->entry_bytes > PAGE_BYTES ||
        (h->entry_bytes & (h->entry_bytes - 1)) != 0 || h->entries == 0 ||
        h->entries > PART_GPT_BYTES_MAX / h->entry_bytes)
        return "the GPT's array has impossible sizes";
    blocks = array_blocks(scan, h);
    if (h->first_usable < 2 || h->first_usable > h->last_usable || h->last_usable >= scan->blocks)
        return "the GPT's usable blocks are not on the disk";
    if (h->entries_lba < 2 || h->entries_lba >= scan->blocks ||
        blocks > scan->blocks - h->entries_lba)
        return "the GPT's array is not on the disk";
    if (h->entries_lba <= h->last_usable && h->first_usable < h->entries_lba + blocks)
        return "the GPT's array is where partitions may be";
    if (lba >= h->first_usable && lba <= h->last_usable)
        return "the GPT header is where partitions may be";
    if (lba >= h->entries_lba && lba - h->entries_lba < blocks)
        return "the GPT's array lies over its header";
    return NULL;
}

static bool is_fat_guid(struct cs_ro type)
{
    static const uint8_t fat[2][16] = {/* EFI system partition, and Microsoft's basic data */
                                       {0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b,
                                        0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b},
                                       {0xa2, 0xa0, 0xd0, 0xeb, 0xe5, 0xb9, 0x33, 0x44, 0x87, 0xc0,
                                        0x68, 0xb6, 0xb7, 0x26, 0x99, 0xc7}};

    return memcmp(type.base, fat[0], 16) == 0 || memcmp(type.base, fat[1], 16) == 0;
}

static void name_take(struct part *part, struct cs_ro entry)
{
    uint16_t units[PART_GPT_NAME_UNITS];
    unsigned n = 0;

    for (; n < PART_GPT_NAME_UNITS; n++) {
        units[n] = cs_get_le16(entry, part_gpt_entry_name_OFF + 2 * n);
        if (units[n] == 0)
            break;
    }
    if (utf16_to_utf8(units, n, part->name, sizeof(part->name)) < 0)
        part->name[0] = '\0';
    /* It goes to messages: no control characters. */
    for (char *c = part->name; *c; c++)
        if ((uint8_t)*c < 0x20 || *c == 0x7f)
            *c = '?';
}

static void entry_take(struct part_scan *scan, const struct part_gpt_header *h, uint32_t number,
                       struct cs_ro entry)
{
    static const uint8_t unused[16];
    struct cs_ro type = part_gpt_entry_ro_get_type(entry);
    uint64_t first = part_gpt_entry_ro_get_first_lba(entry);
    uint64_t last = part_gpt_entry_ro_get_last_lba(entry);
    struct part *part;

    if (memcmp(type.base, unused, sizeof(unused)) == 0)
        return;
    if (first < h->first_usable || last > h->last_usable || first > last) {
        part_refuse(scan, "a partition is not in the GPT's usable blocks");
        return;
    }
    part = part_add(scan, number, first, last - first + 1);
    if (!part)
        return;
    memcpy(part->type, type.base, sizeof(part->type));
    memcpy(part->id, part_gpt_entry_ro_get_id(entry).base, sizeof(part->id));
    part->fat = is_fat_guid(type);
    name_take(part, entry);
}

/* Takes the entries; NULL in *why: and they are right. */
static int array_scan(struct part_scan *scan, const struct part_gpt_header *h, const char **why)
{
    uint32_t left = h->entries * h->entry_bytes, crc = 0, number = 1;
    uint64_t lba = h->entries_lba;

    while (left > 0) {
        uint32_t bytes = u32_min(left, PAGE_BYTES);
        uint32_t whole = (bytes + scan->block_bytes - 1) / scan->block_bytes * scan->block_bytes;
        struct cs_ro v;
        int err = part_read(scan, lba, whole, &v);

        if (err < 0)
            return err;
        v = cs_head(v, bytes);
        crc = part_crc32(crc, v);
        for (uint32_t off = 0; off < bytes; off += h->entry_bytes)
            entry_take(scan, h, number++, cs_sub(v, off, h->entry_bytes));
        lba += whole / scan->block_bytes;
        left -= bytes;
    }
    *why = crc == h->entries_crc ? NULL : "the checksum of the GPT's array is wrong";
    return 0;
}

/* The table whose header is at block `lba`; *other: where this one says the other is. */
static int table_scan(struct part_scan *scan, uint64_t lba, const char **why, uint64_t *other)
{
    struct part_gpt_header h;
    struct cs_ro v;
    int err;

    err = part_read(scan, lba, scan->block_bytes, &v);
    if (err < 0) {
        *why = "the GPT header cannot be read";
        return err;
    }
    *why = header_judge(scan, lba, v, &h);
    if (*why)
        return -E_PROTO;
    *other = h.other_lba;
    err = array_scan(scan, &h, why);
    if (err < 0)
        *why = "the GPT's array cannot be read";
    return err < 0 ? err : *why ? -E_PROTO : 0;
}

int part_gpt_scan(struct part_scan *scan)
{
    struct part_table *out = scan->out;
    uint64_t backup = scan->blocks - 1;
    const char *why, *backup_why;
    int err;

    if (scan->blocks < 4) {
        out->why = "the disk is too small for a GPT";
        return -E_PROTO;
    }
    err = table_scan(scan, 1, &why, &backup);
    if (err == 0)
        return 0;
    out->count = 0;
    out->refused = 0;
    out->left_out = 0;
    out->why = why;
    /* A header that is good says where the other is: the disk may have grown since. */
    if (err == -E_TIMEDOUT || err == -E_NODEV || backup < 2 || backup >= scan->blocks)
        return err;
    if (table_scan(scan, backup, &backup_why, &backup) == 0) {
        out->backup = true;
        return 0;
    }
    return err;
}
