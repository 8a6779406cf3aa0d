/* SPDX-License-Identifier: ISC */
/* part_priv.h - what the readers of the two kinds of table share. int: 0, else an error of
 * part.h's. */
#ifndef FS_PART_PRIV_H
#define FS_PART_PRIV_H

#include <morgana/part.h>

#include "fs/part_wire.h"

struct part_scan {
    struct blkdev *dev;
    struct page *page;
    struct part_table *out;
    uint32_t block_bytes; /* what an LBA counts */
    uint64_t blocks;      /* of the disk */
};

/* Reads `bytes` (a multiple of the block, at most a page) from block `lba` on: *v is the page. */
int part_read(struct part_scan *scan, uint64_t lba, uint32_t bytes, struct cs_ro *v);
/* An entry is left out because of `why`. */
void part_refuse(struct part_scan *scan, const char *why);
/* The next entry, where its blocks (at least 1) are on the disk and there is room; else NULL. Its
 * extent and number are set, the rest is zero. */
struct part *part_add(struct part_scan *scan, uint32_t number, uint64_t lba, uint64_t blocks);

/* The MBR in `sector`, and the chain of logical partitions. */
int part_mbr_scan(struct part_scan *scan, struct cs_ro sector);
/* The GPT by its primary header, else by its backup. */
int part_gpt_scan(struct part_scan *scan);

#endif
