/* SPDX-License-Identifier: ISC */
/* blk_mem.h - a block device in memory: a RAM disk, and the medium of tests.
 *
 * It behaves as a real one does: a request begins with the kick after its submit, its bytes move
 * in the reap or arm after that, and it is given out by the next reap. Requests begin and end in
 * order.
 *
 * With an undo log it has a volatile cache, and loses power when told to, or when the write of a
 * number begins: each sector written since the last flush is then what it was before, or anything
 * written to it since, by a seed, sector by sector, and the device is offline. So a write in flight
 * at that moment may have reached the medium in part, or not at all, and writes of before it may be
 * lost though it is not. What a flush has covered stays.
 */
#ifndef MORGANA_BLK_MEM_H
#define MORGANA_BLK_MEM_H

#include <morgana/blkdev.h>

/* What a sector was before a write since the last flush. */
struct blk_mem_undo {
    uint64_t sector;
    uint8_t was[BLK_SECTOR_BYTES];
};

/* What discarded bytes are from then on. */
#define BLK_MEM_DISCARDED 0xdd

struct blk_mem_conf {
    void *memory;            /* Kept: `bytes` of it, and as they are */
    uint64_t bytes;          /* a multiple of block_bytes, at least one */
    uint32_t block_bytes;    /* 0: 512 */
    uint32_t physical_bytes; /* 0: block_bytes */
    uint16_t segs_max;       /* 0: 256 */
    uint16_t requests_max;   /* 0: 32 */
    bool read_only, no_discard, no_write_zeroes;
    /* Kept. NULL: no cache, and power is lost only between requests. A write that finds no room in
     * the log flushes first, as a cache does that is full */
    struct blk_mem_undo *undo;
    uint32_t undo_max; /* sectors: where there are any at least as many as a request's */
};

/* The caller's storage; treat as opaque but for `writes`. */
struct blk_mem {
    struct blkdev dev;
    struct blk_mem_conf conf;
    struct blk_req *queue, **queue_end; /* submitted; `kicked` of them have begun */
    struct blk_req *done, **done_end;
    uint32_t in_flight, queued, kicked, undo_count;
    uint64_t writes; /* that began, WRITE_ZEROES and discards among them */
    uint64_t cut_at, cut_seed;
    bool has_cut, wants_room;
};

/* Gives the device in *dev, online. -E_INVAL for conf. */
int blk_mem_open(struct blk_mem *mem, const struct blk_mem_conf *conf, struct blkdev **dev);
/* No request may be in flight (asserted). */
void blk_mem_close(struct blk_mem *mem);

/* Power is lost now: requests in flight end with -E_NODEV, online is false. */
void blk_mem_power_cut(struct blk_mem *mem, uint64_t seed);
/* Power is lost when write number `writes` (0: the next; counted from now) begins, which may reach
 * the medium in part. */
void blk_mem_cut_after(struct blk_mem *mem, uint64_t writes, uint64_t seed);
/* Online again, when every request was reaped (asserted). Also takes back blk_mem_cut_after. */
void blk_mem_power_on(struct blk_mem *mem);

/* Turns one bit over in each of `n` bytes from `start`, by the seed. */
void blk_mem_rot(struct blk_mem *mem, uint64_t start, uint64_t bytes, uint32_t n, uint64_t seed);

#endif
