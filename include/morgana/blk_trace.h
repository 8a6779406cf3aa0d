/* SPDX-License-Identifier: ISC */
/* blk_trace.h - a block device that tells of every request in one line, when it is back or was
 * refused, and does what the device behind it does.
 *
 *     1000.000250 READ 1048576+65536 16 segments 0.173 ms
 *     1000.000320 FLUSH 2.410 ms
 *     1000.000410 WRITE 4096+512 1 segment 0.090 ms EIO
 *     1000.000411 WRITE 4096+512 1 segment refused EROFS
 */
#ifndef MORGANA_BLK_TRACE_H
#define MORGANA_BLK_TRACE_H

#include <morgana/blkdev.h>

#define BLK_TRACE_LINE_BYTES 128u /* longest line, with its NUL */

/* A request in flight. Storage; treat as opaque. */
struct blk_trace_entry {
    struct blk_trace_entry *next;
    struct blk_req *parent;
    struct blk_req req; /* the device's; its user is the entry */
    uint64_t at_ns;
};

struct blk_trace_conf {
    /* Takes a line without a newline. Lends. Never NULL. */
    void (*line)(void *arg, const char *text);
    void *arg;
    uint64_t (*now_ns)(void); /* never NULL */
    struct blk_trace_entry *entries;
    uint16_t entries_max; /* requests in flight: at least 1 */
};

/* State; the caller's storage, treat as opaque. */
struct blk_trace {
    struct blkdev dev;
    struct blkdev *inner;
    struct blk_trace_conf conf;
    struct blk_trace_entry *free;
    bool wants_room;
};

/* Gives a device in *dev that stands before `inner`, which it Keeps and does not close. -E_INVAL
 * for conf. No request may be in flight when its storage goes. */
int blk_trace_open(struct blk_trace *trace, const struct blk_trace_conf *conf, struct blkdev *inner,
                   struct blkdev **dev);

#endif
