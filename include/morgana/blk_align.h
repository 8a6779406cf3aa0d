/* SPDX-License-Identifier: ISC */
/* blk_align.h - a block device that takes any start, any length and any memory, before one that
 * takes whole blocks only.
 *
 * Its caps.block_bytes is 1, and its segments may begin anywhere in a page and have any length. A
 * request that is aligned already passes through untouched and uncopied. The rest is copied through
 * pages (copied_bytes), and a block of which only a part is written is read first (rmw). Requests
 * in flight that touch the same block are put in order, by their submission, so that no part of it
 * is lost.
 *
 * A DISCARD is made smaller, to whole blocks; a SECURE_DISCARD must consist of them (-E_INVAL); at
 * either end of WRITE_ZEROES zeroes are written.
 *
 * A write of a part of a block is one of the whole block to the medium: where the power goes, what
 * was in the block before may be gone too, if the medium does not write it in one. */
#ifndef MORGANA_BLK_ALIGN_H
#define MORGANA_BLK_ALIGN_H

#include <morgana/blkdev.h>

/* A request is copied in pieces of so many pages. */
#define BLK_ALIGN_PAGES 16u

struct blk_align_conf {
    struct blkdev *inner; /* Kept; this is its only user from now on */
    /* What is copied through: BLK_ALIGN_PAGES are taken and kept, so that it always goes on; with
     * up to `requests_max` times as many, several requests are copied at once; Kept */
    struct page_pool *pool;
    void *requests;        /* Kept: `requests_max` times BLK_ALIGN_REQUEST_BYTES, 16-aligned */
    uint16_t requests_max; /* in flight: at least 1 */
};
#define BLK_ALIGN_REQUEST_BYTES 512u

struct blk_align_slot;

/* The caller's storage; treat as opaque. */
struct blk_align {
    struct blkdev dev;
    struct blk_align_conf conf;
    struct blk_align_slot *free;
    struct blk_align_slot *active, **active_end; /* in order of submission */
    struct blk_req *done, **done_end;
    struct page *reserve[BLK_ALIGN_PAGES];
    bool reserve_used, wants_room;
    uint32_t in_flight; /* taken and not reaped */
};

/* Gives the device in *dev. -E_INVAL for conf; -E_NOMEM: the pool has not the pages. */
int blk_align_open(struct blk_align *align, const struct blk_align_conf *conf, struct blkdev **dev);
/* Puts its pages. No request may be in flight (asserted). */
void blk_align_close(struct blk_align *align);

#endif
