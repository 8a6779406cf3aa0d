/* SPDX-License-Identifier: ISC */
/* diskrig.h - for tests of block devices: a disk in memory, pages, and requests made in a line. */
#ifndef TESTS_DISKRIG_H
#define TESTS_DISKRIG_H

#include <morgana/blk_mem.h>

#include "support.h"

enum { DISKRIG_PAGES = 256, DISKRIG_BYTES = 1 << 20, DISKRIG_UNDO = 8192, DISKRIG_SEGS = 64 };

/* A request with its segments, and what it was told when it came back. */
struct diskrig_req {
    struct blk_req req;
    struct blk_seg segs[DISKRIG_SEGS];
    bool in_flight;
};

struct diskrig {
    struct page_pool pages;
    struct blk_mem mem;
    struct blkdev *disk; /* the medium */
    uint8_t *medium;     /* its bytes: DISKRIG_BYTES */
    struct page *page[DISKRIG_PAGES];
};

/* A disk of DISKRIG_BYTES filled with a pattern, as `conf` says (its memory, bytes and undo log are
 * the rig's; NULL: 512-byte blocks with a volatile cache), and a pool of pages. There is one. */
struct diskrig *diskrig_open(const struct blk_mem_conf *conf);
/* Every page is back (asserted). */
void diskrig_close(struct diskrig *rig);

/* Fills in a request whose data are `bytes` bytes in pages of the pool, whole pages but for the
 * last, beginning `off` into the first. The pages are the request's until diskrig_free. */
void diskrig_make(struct diskrig *rig, struct diskrig_req *r, enum blk_op op, uint64_t start,
                  uint32_t bytes, uint32_t off);
/* Cuts its segments up at random places that are multiples of `unit`. */
void diskrig_chop(struct diskrig_req *r, uint32_t unit, uint64_t *seed);
void diskrig_free(struct diskrig_req *r);
/* The request's data, to and from plain memory. */
void diskrig_fill(const struct diskrig_req *r, const uint8_t *from);
void diskrig_read(const struct diskrig_req *r, uint8_t *to);

/* Submits, kicks, and polls until it is back; its status, or what submit said. */
int diskrig_do(struct blkdev *dev, struct diskrig_req *r);
/* Reaps one that is finished, polling (arm counts as a poll) up to 100 times; NULL: none came. */
struct diskrig_req *diskrig_reap(struct blkdev *dev);

#endif
