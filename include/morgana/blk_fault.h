/* SPDX-License-Identifier: ISC */
/* blk_fault.h - a block device that fails, by a seed: errors, requests done in part, late or out of
 * order, torn writes, bits that rot.
 *
 * It stands before another device, on any target. What happens to a request is drawn from the seed,
 * so a run can be repeated; lateness is in the caller's time, so it costs none in a test. Losing
 * power is the medium's: blk_mem.h.
 *
 * A request that comes later than its time is given out at the next reap or arm: a loop that sleeps
 * takes blk_fault_poll_at into its deadline. */
#ifndef MORGANA_BLK_FAULT_H
#define MORGANA_BLK_FAULT_H

#include <morgana/blkdev.h>

#define BLK_FAULT_MILLION 1000000u

/* Chances are in requests of a million. All zero: nothing fails. */
struct blk_fault_rates {
    uint32_t read_error_ppm;  /* -E_IO, and nothing was done */
    uint32_t write_error_ppm; /* the same for writes, discards and zeroes */
    uint32_t flush_error_ppm; /* and for flushes: nothing became durable */
    uint32_t short_ppm;       /* reads and writes: the first part is done, then -E_IO */
    uint32_t torn_ppm;        /* writes: the first part is done, and the device says all was */
    uint32_t late_ppm;        /* given out late_ns after it was done */
    uint64_t late_ns;
    uint32_t reorder_ppm; /* begun only when later ones had a turn */
    /* Sectors of a million that are bad, in the stretch: reads turn a bit over, always the same */
    uint32_t rot_ppm;
    uint64_t rot_start, rot_bytes;
};

/* A request in flight. Storage; treat as opaque. */
struct blk_fault_entry {
    struct blk_fault_entry *next;
    struct blk_req *parent;
    struct blk_req req; /* the device's; its user is the entry */
    uint64_t due_ns;
    uint16_t cut_len; /* what the last segment was, of a part */
    uint8_t fate;
    bool late, held;
};

struct blk_fault_conf {
    uint64_t seed;
    uint64_t (*now_ns)(void); /* never goes back; never NULL */
    struct blk_fault_entry *entries;
    uint16_t entries_max; /* requests in flight: at least 1 */
    struct blk_fault_rates rates;
};

struct blk_fault_stats {
    uint64_t failed, cut_short, torn, late, reordered, rotten; /* rotten: sectors read so */
};

/* State; the caller's storage, treat as opaque but for conf.rates, which may be changed at any
 * time, and stats. */
struct blk_fault {
    struct blkdev dev;
    struct blkdev *inner;
    struct blk_fault_conf conf;
    struct blk_fault_stats stats;
    uint64_t rng;
    struct blk_fault_entry *free;
    struct blk_fault_entry *queue, **queue_end; /* to be begun */
    struct blk_fault_entry *late;               /* by due time */
    struct blk_req *done, **done_end;
    uint32_t in_flight;
    bool wants_room;
};

/* Gives a device in *dev that stands before `inner`, which it Keeps and does not close. -E_INVAL
 * for conf. */
int blk_fault_open(struct blk_fault *fault, const struct blk_fault_conf *conf, struct blkdev *inner,
                   struct blkdev **dev);
/* No request may be in flight (asserted). */
void blk_fault_close(struct blk_fault *fault);

/* When the next late request is due; NS_NEVER where none waits. */
uint64_t blk_fault_poll_at(const struct blk_fault *fault);

#endif
