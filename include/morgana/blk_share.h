/* SPDX-License-Identifier: ISC */
/* blk_share.h - one device, several users: each has a window, which is a blkdev of its own.
 *
 * A window is a list of extents of the device, in the order in which they make up the window's
 * bytes: one for a partition, several for a file whose clusters lie apart. No request reaches
 * outside them. A request that straddles extents is split. Whichever window reaps or arms looks at
 * the device; what it finds for another window waits there: so a loop must arm each window, and
 * sleeps only where none found work.
 *
 * A flush is the whole device's: it covers what was written through any window. Two windows may lie
 * over the same bytes (a file system and a file of it); their users see to what that means.
 *
 * A window's counters are its own requests'; ring_requests counts parts of them. */
#ifndef MORGANA_BLK_SHARE_H
#define MORGANA_BLK_SHARE_H

#include <morgana/blkdev.h>

/* A stretch of the device: both multiples of its block. */
struct blk_extent {
    uint64_t start; /* byte on the device */
    uint64_t bytes; /* at least a block */
};

/* Most extents of a window that do not lie in ascending order. */
#define BLK_EXTENTS_MAX 8192u
/* Segments of a part that has its own: a request of more is split further where it straddles. */
#define BLK_SHARE_PART_SEGS 16u

/* A piece of some window's request, on its way. Storage; treat as opaque. */
struct blk_share_part {
    struct blk_req req; /* the device's; req.user is the part */
    struct blk_seg segs[BLK_SHARE_PART_SEGS];
    struct blk_share_part *next;  /* in the free list */
    struct blk_share_part *first; /* the part that stands for the whole request */
    /* Of that one: */
    struct blk_window *window;
    struct blk_req *parent; /* the window's request */
    uint64_t sent;          /* bytes of it */
    uint32_t seg, seg_off;  /* the place in its segments that comes next */
    uint32_t left;          /* parts on their way */
    int status;
};

struct blk_share {
    struct blkdev *dev;
    struct blk_share_part *free;
    struct blk_share_part *rest; /* the request of which not all has been sent, or NULL */
    uint32_t parts_max, windows;
};

/* The caller's storage; treat as opaque. */
struct blk_window {
    struct blkdev dev;
    struct blk_share *share;
    const struct blk_extent *extents;
    uint32_t extent_count;
    uint32_t hint;                    /* the extent looked into last, */
    uint64_t hint_start;              /* and the window's byte at which it begins */
    struct blk_req *done, **done_end; /* finished, not yet reaped */
    uint32_t in_flight;               /* taken and not reaped */
    bool read_only, wants_room;
};

/* Keeps `dev`, which is the share's alone from now on, and `parts`, which bound the requests in
 * flight of all windows together (n: at least 2). */
void blk_share_init(struct blk_share *share, struct blkdev *dev, struct blk_share_part *parts,
                    uint32_t n);

/* Gives a window over `extents` (Kept; n: at least 1) in *dev. read_only: refuse writes there even
 * where the device takes them. -E_INVAL: an extent that is not aligned or past the device's end,
 * or two that overlap; -E_2BIG: more than BLK_EXTENTS_MAX in no order. */
int blk_window_open(struct blk_window *window, struct blk_share *share,
                    const struct blk_extent *extents, uint32_t n, bool read_only,
                    struct blkdev **dev);
/* No request may be in flight (asserted). */
void blk_window_close(struct blk_window *window);

#endif
