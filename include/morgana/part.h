/* SPDX-License-Identifier: ISC */
/* part.h - what partitions a disk has: MBR (with logical partitions) and GPT (UEFI 2.10, ch. 5).
 *
 * A table is only what the disk says of itself. Nothing in it is believed before it was checked:
 * every partition handed out lies wholly on the disk, behind the table, and overlaps no other.
 * What does not is left out, counted, and the reason of the first is in `why`. */
#ifndef MORGANA_PART_H
#define MORGANA_PART_H

#include <morgana/blk_share.h>

#define PART_MAX 64u          /* partitions that a table holds; further ones are counted */
#define PART_NAME_BYTES 109   /* 36 UTF-16 units as UTF-8, and a NUL */
#define PART_LOGICAL_MAX 256u /* links of the chain of logical partitions */
#define PART_GPT_BYTES_MAX (512u * 1024u) /* of GPT's array: Debian's tools make 16 KiB */

#define PART_SCHEMES(S)                                                                            \
    S(NONE, "none") /* the disk is blank, or holds something else from its first sector on */      \
    S(MBR, "mbr")                                                                                  \
    S(GPT, "gpt")
#define PART_SCHEME_CONST(name, text) PART_##name,
enum part_scheme { PART_SCHEMES(PART_SCHEME_CONST) PART_SCHEME_COUNT };
/* "?" for a number that is no scheme. Never NULL. */
const char *part_scheme_name(enum part_scheme scheme);

struct part {
    struct blk_extent extent;   /* on the scanned device */
    uint32_t number;            /* as Linux numbers them: from 1; logical ones from 5 */
    uint8_t mbr_type;           /* MBR: the type byte, not 0; GPT: 0 */
    bool fat;                   /* the type is one that FAT file systems have */
    uint8_t type[16], id[16];   /* GPT: the GUIDs as they lie on the disk; MBR: zeroes */
    char name[PART_NAME_BYTES]; /* GPT: UTF-8; MBR: "" */
};

struct part_table {
    enum part_scheme scheme;
    bool backup;      /* GPT: the primary was bad, this is what the backup at the disk's end says */
    bool hybrid;      /* GPT: the MBR lists partitions of its own besides; they are not looked at */
    bool file_system; /* NONE: the first sector is a FAT boot sector */
    bool blank;       /* NONE: the first sector is all zeroes */
    uint32_t refused; /* entries left out, because they lie: see why */
    uint32_t left_out; /* good entries left out, because there are more than PART_MAX */
    uint32_t count;
    /* Never NULL: "" or what is wrong, first of all with the table as a whole; of a table that was
     * accepted: why the backup was needed, or why the first entry was refused */
    const char *why;
    struct part parts[PART_MAX]; /* `count` of them, by number */
};

/* Reads the partition table of `dev` (nothing else may be in flight on it) through `page` (Lent).
 * 0: *out is filled; a disk without a table is one of scheme NONE. -E_PROTO: there is a table, but
 * it is corrupt: `why` says how, count is 0. -E_IO and what else blk_io says: count is 0. *out is
 * written in every case. Bounded: at most PART_LOGICAL_MAX sectors of logical partitions, or twice
 * PART_GPT_BYTES_MAX of GPT entries, are read. */
int part_scan(struct blkdev *dev, struct page *page, struct part_table *out);

/* The partition of that number, or NULL. */
const struct part *part_find(const struct part_table *table, uint32_t number);

/* Short text for messages: MBR "type 0x0c", GPT the name, or its type's GUID where the
 * name is empty. Characters written; cut where it does not fit. */
size_t part_describe(const struct part *part, char *out, size_t size);

/* The CRC-32 of IEEE 802.3, as GPT has it, of `bytes`; crc: 0, or the result of what was before. */
uint32_t part_crc32(uint32_t crc, struct cs_ro bytes);

#endif
