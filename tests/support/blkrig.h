/* SPDX-License-Identifier: ISC */
/* blkrig.h - for tests of block devices: a disk in memory, pages, and requests made in a line. */
#ifndef TESTS_BLKRIG_H
#define TESTS_BLKRIG_H

#include <morgana/blk_mem.h>

#include "support.h"

enum { BLKRIG_PAGES = 256, BLKRIG_BYTES = 1 << 20, BLKRIG_UNDO = 8192, BLKRIG_SEGS = 64 };

/* A request with its segments, and what it was told when it came back. */
struct blkrig_req {
    struct blk_req req;
    struct blk_seg segs[BLKRIG_SEGS];
    bool in_flight;
};

struct blkrig {
    struct page_pool pages;
    struct blk_mem mem;
    struct blkdev *disk; /* the medium */
    uint8_t *medium;     /* its bytes: BLKRIG_BYTES */
    struct page *page[BLKRIG_PAGES];
};

/* A disk of BLKRIG_BYTES filled with a pattern, as `conf` says (its memory, bytes and undo log are
 * the rig's; NULL: 512-byte blocks with a volatile cache), and a pool of pages. There is one. */
struct blkrig *blkrig_open(const struct blk_mem_conf *conf);
/* Every page is back (asserted). */
void blkrig_close(struct blkrig *rig);

/* Fills in a request whose data are `bytes` bytes in pages of the pool, whole pages but for the
 * last, beginning `off` into the first. The pages are the request's until blkrig_free. */
void blkrig_make(struct blkrig *rig, struct blkrig_req *r, enum blk_op op, uint64_t start,
                 uint32_t bytes, uint32_t off);
/* Cuts its segments up at random places that are multiples of `unit`. */
void blkrig_chop(struct blkrig_req *r, uint32_t unit, uint64_t *seed);
void blkrig_free(struct blkrig_req *r);
/* The request's data, to and from plain memory. */
void blkrig_fill(const struct blkrig_req *r, const uint8_t *from);
void blkrig_read(const struct blkrig_req *r, uint8_t *to);

/* Submits, kicks, and polls until it is back; its status, or what submit said. */
int blkrig_do(struct blkdev *dev, struct blkrig_req *r);
/* Reaps one that is finished, polling (arm counts as a poll) up to 100 times; NULL: none came. */
struct blkrig_req *blkrig_reap(struct blkdev *dev);

#endif
