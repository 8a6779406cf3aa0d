/* SPDX-License-Identifier: ISC */
/* part_mbr.c - the MBR's four partitions, and the chain of logical ones in an extended partition:
 * each link is a sector like an MBR, with a partition (counted from the link) and the place of the
 * next link (counted from the extended partition). */
#include "fs/part_priv.h"

#define LOGICAL_FIRST 5u /* as Linux numbers them */

static bool is_extended(uint8_t type)
{
    return type == 0x05 || type == 0x0f || type == 0x85;
}

static bool is_fat_type(uint8_t type)
{
    static const uint8_t types[] = {0x01, 0x04, 0x06, 0x0b, 0x0c, 0x0e, 0xef};

    for (unsigned i = 0; i < ARRAY_SIZE(types); i++)
        if (type == types[i])
            return true;
    return false;
}

static void add(struct part_scan *scan, uint32_t number, uint64_t lba,
                const struct part_mbr_entry *entry)
{
    struct part *part = part_add(scan, number, lba, entry->blocks);

    if (part) {
        part->mbr_type = entry->type;
        part->fat = is_fat_type(entry->type);
    }
}

struct chain {
    uint64_t start, blocks; /* the extended partition */
    uint32_t number;        /* of the next logical partition */
    uint32_t links;
    uint32_t seen[PART_LOGICAL_MAX]; /* counted from `start` */
};

/* The partitions of one link; *next: the place of the next link, 0: none. */
static void link_take(struct part_scan *scan, struct chain *chain, uint64_t lba,
                      struct cs_ro sector, uint64_t *next)
{
    *next = 0;
    for (unsigned i = 0; i < PART_MBR_ENTRIES; i++) {
        struct part_mbr_entry entry = part_mbr_parse(sector, i);
        uint64_t at = lba + entry.first_lba;

        if (entry.blocks == 0 || entry.type == PART_TYPE_EMPTY)
            continue;
        if (is_extended(entry.type)) {
            if (*next == 0)
                *next = chain->start + entry.first_lba;
            continue;
        }
        if (entry.first_lba == 0 || at - chain->start > chain->blocks ||
            entry.blocks > chain->blocks - (at - chain->start))
            part_refuse(scan, "a logical partition reaches out of its extended one");
        else
            add(scan, chain->number, at, &entry);
        chain->number++;
    }
}

static int chain_scan(struct part_scan *scan, struct chain *chain)
{
    uint64_t lba = chain->start;

    while (lba != 0) {
        struct cs_ro sector;
        int err;

        if (chain->links == PART_LOGICAL_MAX || lba - chain->start >= chain->blocks) {
            part_refuse(scan, chain->links == PART_LOGICAL_MAX
                                  ? "too many logical partitions"
                                  : "the chain of logical partitions leaves the extended one");
            return 0;
        }
        for (uint32_t i = 0; i < chain->links; i++)
            if (chain->seen[i] == lba - chain->start) {
                part_refuse(scan, "the chain of logical partitions comes back to itself");
                return 0;
            }
        chain->seen[chain->links++] = (uint32_t)(lba - chain->start);
        err = part_read(scan, lba, scan->block_bytes, &sector);
        if (err < 0)
            return err;
        if (cs_get_le16(sector, PART_MBR_MARK_OFF) != PART_MBR_MARK) {
            part_refuse(scan, "a link of the chain of logical partitions has no 55 AA");
            return 0;
        }
        link_take(scan, chain, lba, sector, &lba);
    }
    return 0;
}

static bool inside(const struct part *part, uint64_t start, uint64_t bytes)
{
    return part->extent.start < start + bytes && start < part->extent.start + part->extent.bytes;
}

/* A primary partition over the extended one: neither its bytes nor the chain can be trusted. */
static bool crossed(struct part_scan *scan, const struct part_mbr_entry *extended)
{
    struct part_table *out = scan->out;
    bool any = false;

    for (uint32_t i = 0; i < out->count;) {
        if (inside(&out->parts[i], (uint64_t)extended->first_lba * scan->block_bytes,
                   (uint64_t)extended->blocks * scan->block_bytes)) {
            out->parts[i] = out->parts[--out->count];
            part_refuse(scan, "a partition overlaps the extended one");
            any = true;
        } else {
            i++;
        }
    }
    return any;
}

static int extended_scan(struct part_scan *scan, const struct part_mbr_entry *extended,
                         uint32_t *number)
{
    struct chain chain = {.start = extended->first_lba, .number = *number};
    int err;

    chain.blocks = extended->blocks;
    if (chain.start >= scan->blocks || chain.blocks > scan->blocks - chain.start) {
        part_refuse(scan, "the extended partition reaches past the disk's end");
        return 0;
    }
    err = chain_scan(scan, &chain);
    *number = chain.number;
    return err;
}

int part_mbr_scan(struct part_scan *scan, struct cs_ro sector)
{
    struct part_mbr_entry entries[PART_MBR_ENTRIES];
    uint32_t number = LOGICAL_FIRST;
    int err = 0;

    for (unsigned i = 0; i < PART_MBR_ENTRIES; i++) {
        entries[i] = part_mbr_parse(sector, i);
        if (entries[i].boot & 0x7f) {
            scan->out->why = "a boot flag of the MBR is neither 00 nor 80";
            return -E_PROTO;
        }
    }
    for (unsigned i = 0; i < PART_MBR_ENTRIES; i++) {
        if (entries[i].type == PART_TYPE_EMPTY || entries[i].blocks == 0)
            entries[i].type = PART_TYPE_EMPTY;
        else if (entries[i].first_lba == 0) {
            part_refuse(scan, "a partition overlaps the partition table");
            entries[i].type = PART_TYPE_EMPTY;
        } else if (!is_extended(entries[i].type)) {
            add(scan, i + 1, entries[i].first_lba, &entries[i]);
        }
    }
    for (unsigned i = 0; i < PART_MBR_ENTRIES && err == 0; i++)
        if (is_extended(entries[i].type) && !crossed(scan, &entries[i]))
            err = extended_scan(scan, &entries[i], &number);
    return err;
}
