/* SPDX-License-Identifier: ISC */
/* blkdev.h - what a block device is: an operations record, capabilities and counters. No code of
 * its own.
 *
 * Both halves of the contract:
 *   the driver provides  submit, kick, reap, arm, and keeps `online`, `caps`, `stats` true
 *   the driver may call  page_*, and its bus; never the file system or program above it
 *
 * A driver never calls up. Its event upcall only wakes plat_wait; the main loop polls:
 *
 *     blkdev_submit(dev, &req);  ...  blkdev_kick(dev);
 *     for (;;) {
 *         n = blkdev_reap(dev, done, 16);
 *         ... look at done[i]->status ...
 *         if (n == 0 && !blkdev_arm(dev))              asks for the wake-up, then looks again
 *             plat_wait(deadline);
 *     }
 *
 * Places and lengths are in bytes throughout: what unit a ring or a controller counts in stays in
 * its driver. Requests in flight have no order among each other. A device has one user: whoever
 * reaps gets every finished request. Several users share one through blk_share.h; requests that
 * are not aligned to the device's blocks go through blk_align.h; blk_io.h waits for one request.
 */
#ifndef MORGANA_BLKDEV_H
#define MORGANA_BLKDEV_H

#include <morgana/err.h>
#include <morgana/page.h>

/* Every device's blocks are a multiple of this. */
#define BLK_SECTOR_BYTES 512u

/* FLUSH: what was written by requests reaped with status 0 before this one was submitted outlasts a
 * loss of power from the moment it is reaped with status 0. DISCARD: the range is no longer needed,
 * reads there give anything; SECURE_DISCARD: and nothing can bring the old bytes back. After
 * WRITE_ZEROES reads there give zeroes. */
#define BLK_OPS_TABLE(O) O(READ) O(WRITE) O(FLUSH) O(DISCARD) O(SECURE_DISCARD) O(WRITE_ZEROES)
#define BLK_OP_CONST(name) BLK_##name,
enum blk_op { BLK_OPS_TABLE(BLK_OP_CONST) BLK_OP_COUNT };
#define BLK_OP_NAME(name) #name,
static const UNUSED char *const blk_op_names[] = {BLK_OPS_TABLE(BLK_OP_NAME)};
STATIC_ASSERT(sizeof(blk_op_names) / sizeof(blk_op_names[0]) == BLK_OP_COUNT, "a name for each");

/* A piece of a request's data: in a page, so that a device can be granted it. */
struct blk_seg {
    struct page *page;
    uint16_t off; /* first byte in the page: a multiple of BLK_SECTOR_BYTES */
    uint16_t len; /* bytes: a multiple of BLK_SECTOR_BYTES, 512..4096; off + len <= PAGE_BYTES */
};

/* A request: the submitter's storage. From submit until it is reaped all of it is the driver's but
 * for `user`. */
struct blk_req {
    struct blk_req *next; /* for whoever has the request */
    void *user;           /* the submitter's: no driver looks at it */
    uint64_t start;       /* byte on the device: a multiple of caps.block_bytes */
    /* A multiple of caps.block_bytes; READ and WRITE: the sum of the segments', at least a block;
     * FLUSH: 0, as are start and seg_count; else at least a block, and no segments */
    uint64_t bytes;
    struct blk_seg *segs; /* Lent until reaped; READ: the device writes there */
    uint16_t seg_count;   /* 1..caps.segs_max */
    uint8_t op;           /* enum blk_op */
    /* Once reaped: 0: all of it was done. -E_IO: the device failed, any part may have been done.
     * -E_NODEV: the device went away, as -E_IO. -E_NOSYS: it cannot do this op after all (caps has
     * changed). -E_NOSPC: a thin device is full. */
    int status;
};

struct blkdev_caps {
    uint64_t bytes; /* of the device: a multiple of block_bytes */
    /* Least unit of a request: a power of two, 512..4096; 1 where any is taken (blk_align.h) */
    uint32_t block_bytes;
    /* Unit that the medium writes without reading it first: a power of two times block_bytes */
    uint32_t physical_bytes;
    /* Where discards should start and how long they should be; 0 where there are none. Others are
     * taken too; parts outside whole units may be left undone */
    uint32_t discard_unit_bytes, discard_align_bytes;
    uint16_t segs_max;     /* segments of one request: at least 16 */
    uint16_t requests_max; /* in flight: at least 1 */
    bool read_only;        /* everything but READ and FLUSH is refused with -E_ROFS */
    bool flush; /* has a cache that FLUSH empties; without: a reaped write is durable as far as is
                   known, and FLUSH does nothing, with status 0 */
    bool discard, secure_discard;
    bool write_zeroes; /* in one request, without data */
    bool removable;
};

/* What happened, by name. A table of names is blkdev_stat_names. */
#define BLKDEV_STATS(S)                                                                            \
    S(reads) /* requests reaped with status 0 */                                                   \
    S(read_bytes)                                                                                  \
    S(writes)                                                                                      \
    S(written_bytes)                                                                               \
    S(flushes)                                                                                     \
    S(discards)      /* with SECURE_DISCARD and WRITE_ZEROES */                                    \
    S(errors)        /* reaped with a status other than 0 */                                       \
    S(full)          /* submit refused with -E_AGAIN */                                            \
    S(refused)       /* submit refused for another reason */                                       \
    S(ring_requests) /* what the driver told its device: after splitting and merging */            \
    S(merged)        /* requests that went along with a neighbour */                               \
    S(split)         /* requests that needed more than one */                                      \
    S(copied_bytes)  /* through a page of the driver's */                                          \
    S(rmw)           /* blocks read first because only a part of them was written */               \
    S(notify)        /* events sent to the device */                                               \
    S(violations)    /* the device broke its protocol: it was closed */                            \
    S(quarantined)   /* pages that the device would not let go */
#define BLKDEV_STAT_FIELD(name) uint64_t name;
struct blkdev_stats {
    BLKDEV_STATS(BLKDEV_STAT_FIELD)
};
#define BLKDEV_STAT_NAME(name) #name,
/* In the order of struct blkdev_stats, which is an array of uint64_t in disguise. */
static const UNUSED char *const blkdev_stat_names[] = {BLKDEV_STATS(BLKDEV_STAT_NAME)};
STATIC_ASSERT(sizeof(blkdev_stat_names) / sizeof(blkdev_stat_names[0]) ==
                  sizeof(struct blkdev_stats) / sizeof(uint64_t),
              "a name for each counter");

struct blkdev;

struct blkdev_ops {
    const char *name; /* of the driver: "blkfront" */

    /* Queues a request. Takes req on 0, until it is reaped, with a reference of its own to each
     * page. On failure the caller still owns it: -E_AGAIN no room now (reap, or arm will wake when
     * there is); -E_ROFS; -E_NODEV offline; -E_NOSYS an op that caps does not offer; -E_INVAL past
     * the end, not aligned, no or too many segments. A flush is never refused with -E_NOSYS. */
    int (*submit)(struct blkdev *dev, struct blk_req *req);

    /* Tells the device of everything queued since the last call (one notification for a batch). */
    void (*kick)(struct blkdev *dev);

    /* Gives up to n finished requests, in the order they finished; returns how many. Never more
     * work than n requests plus a round of its rings; but when the device comes or goes, reap and
     * arm may wait for the device's bus, as long as the driver's header says. */
    unsigned (*reap)(struct blkdev *dev, struct blk_req **reqs, unsigned n);

    /* Asks for a wake-up, then looks again. True: there is work now (finished requests, room for
     * a refused submit, a device that came or went): do not sleep. False: plat_wait will return
     * when there is. */
    bool (*arm)(struct blkdev *dev);
};

struct blkdev {
    const struct blkdev_ops *ops;
    struct blkdev_caps caps; /* may change when the device was away and is back, or with -E_NOSYS */
    struct blkdev_stats stats;
    bool online; /* false: requests in flight end with -E_NODEV, new ones are refused */
};

/* Each calls the operation of that name: struct blkdev_ops above is their contract. */
static inline int blkdev_submit(struct blkdev *dev, struct blk_req *req)
{
    return dev->ops->submit(dev, req);
}

static inline void blkdev_kick(struct blkdev *dev)
{
    dev->ops->kick(dev);
}

static inline unsigned blkdev_reap(struct blkdev *dev, struct blk_req **reqs, unsigned n)
{
    return dev->ops->reap(dev, reqs, n);
}

static inline bool blkdev_arm(struct blkdev *dev)
{
    return dev->ops->arm(dev);
}

/* Counts a request that is finished, by its op and status. For drivers. */
static inline void blkdev_count(struct blkdev_stats *stats, const struct blk_req *req)
{
    if (req->status != 0) {
        stats->errors++;
    } else if (req->op == BLK_READ) {
        stats->reads++;
        stats->read_bytes += req->bytes;
    } else if (req->op == BLK_WRITE) {
        stats->writes++;
        stats->written_bytes += req->bytes;
    } else if (req->op == BLK_FLUSH) {
        stats->flushes++;
    } else {
        stats->discards++;
    }
}

/* What submit says of a request before it asks whether there is room: 0, -E_NODEV, -E_INVAL,
 * -E_ROFS, -E_NOSYS. For drivers, so that all judge alike. */
static inline int blkdev_judge(const struct blkdev *dev, const struct blk_req *req)
{
    const struct blkdev_caps *caps = &dev->caps;
    bool data = req->op == BLK_READ || req->op == BLK_WRITE;
    uint32_t seg_mask =
        (caps->block_bytes < BLK_SECTOR_BYTES ? caps->block_bytes : BLK_SECTOR_BYTES) - 1;
    uint64_t sum = 0;

    if (!dev->online)
        return -E_NODEV;
    if (req->op >= BLK_OP_COUNT)
        return -E_INVAL;
    if (req->op == BLK_FLUSH)
        return req->start || req->bytes || req->seg_count ? -E_INVAL : 0;
    if (caps->read_only && req->op != BLK_READ)
        return -E_ROFS;
    if ((req->op == BLK_DISCARD && !caps->discard) ||
        (req->op == BLK_SECURE_DISCARD && !caps->secure_discard) ||
        (req->op == BLK_WRITE_ZEROES && !caps->write_zeroes))
        return -E_NOSYS;
    if (((req->start | req->bytes) & (caps->block_bytes - 1)) != 0 || req->bytes == 0 ||
        req->start > caps->bytes || req->bytes > caps->bytes - req->start)
        return -E_INVAL;
    if (req->seg_count > caps->segs_max || (req->seg_count != 0) != data)
        return -E_INVAL;
    for (unsigned i = 0; i < req->seg_count; i++) {
        const struct blk_seg *seg = &req->segs[i];

        if (((seg->off | seg->len) & seg_mask) != 0 || seg->len == 0 || seg->off > PAGE_BYTES ||
            seg->len > PAGE_BYTES - seg->off)
            return -E_INVAL;
        sum += seg->len;
    }
    return data && sum != req->bytes ? -E_INVAL : 0;
}

#endif
