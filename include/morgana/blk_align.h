/* SPDX-License-Identifier: ISC */
/* blk_align.h - a block device that takes any start, any length and any memory, before one that
 * takes whole blocks only.
 *
 * Its caps.block_bytes is 1, and its segments may begin anywhere in a page and have any length. What
 * is aligned already passes through untouched and uncopied. The rest is copied through a page
 * (copied_bytes), and a block of which only a part is written is read first (rmw). Requests in
 * flight that touch the same block are put in order, so that no part of it is lost. */
#ifndef MORGANA_BLK_ALIGN_H
#define MORGANA_BLK_ALIGN_H

#include <morgana/blkdev.h>

struct blk_align_conf {
    struct blkdev *inner;   /* Kept; this is its only user from now on */
    struct page_pool *pool; /* what is copied through: up to `requests` times 18 pages; Kept */
    void *requests;         /* Kept: `requests_max` times BLK_ALIGN_REQUEST_BYTES, 16-aligned */
    uint32_t requests_max;  /* unaligned requests in flight: at least 1 */
};
#define BLK_ALIGN_REQUEST_BYTES 512u

/* The caller's storage; treat as opaque. */
struct blk_align {
    struct blkdev dev;
    struct blk_align_conf conf;
    void *priv[8];
};

/* Gives the device in *dev. -E_INVAL for conf. */
int blk_align_open(struct blk_align *align, const struct blk_align_conf *conf, struct blkdev **dev);
/* No request may be in flight (asserted). */
void blk_align_close(struct blk_align *align);

#endif
