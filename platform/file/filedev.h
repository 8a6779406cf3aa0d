/* SPDX-License-Identifier: ISC */
/* filedev.h - a file, or a block device of Linux's, as a blkdev.
 *
 * Requests go to Linux by io_uring, and are on their way while the program goes on: a flush of a
 * real disk takes milliseconds. Where the kernel has no io_uring to give (a sandbox), the same
 * requests are done one after the other inside kick. Data go straight between the page cache and
 * the request's pages. A write is durable after a flush (fdatasync), not before.
 */
#ifndef PLATFORM_FILE_FILEDEV_H
#define PLATFORM_FILE_FILEDEV_H

#include <liburing.h>
#include <sys/uio.h>

#include <morgana/blkdev.h>

#define FILEDEV_REQUESTS 64u
#define FILEDEV_SEGS 256u

struct filedev_conf {
    int fd;                  /* not O_APPEND; Kept, not closed */
    uint64_t bytes;          /* a multiple of block_bytes */
    uint32_t block_bytes;    /* 512..4096 */
    uint32_t physical_bytes; /* a multiple of that */
    bool read_only;          /* the fd is */
    bool plain;              /* no io_uring: to compare, and to test */
};

/* A request on its way. */
struct filedev_slot {
    struct filedev_slot *next; /* in a list */
    struct blk_req *req;
    uint64_t at, left; /* what is still to be done of it */
    unsigned iov_first, iov_count;
    bool hole; /* zeroes as a hole */
    struct iovec iov[FILEDEV_SEGS];
};

/* State (about 260 KiB); the caller's storage, treat as opaque. */
struct filedev {
    struct blkdev dev;
    struct filedev_conf conf;
    struct io_uring ring;
    bool has_ring, wants_room, zeroes_by_holes;
    unsigned in_flight, unsent; /* unsent: of those in the ring that Linux has not been told of */
    struct filedev_slot *free, *queue, **queue_end; /* queue: without a ring, until kick */
    struct blk_req *done, **done_end;
    struct filedev_slot slots[FILEDEV_REQUESTS];
};

/* Gives a device in *dev, online. -E_INVAL for conf. */
int filedev_open(struct filedev *file, const struct filedev_conf *conf, struct blkdev **dev);
/* Waits for what is in flight; it is never reaped. */
void filedev_close(struct filedev *file);

/* A file descriptor that becomes readable when a request is finished, or -1: none is awaited. To be
 * slept on wherever arm was false. */
int filedev_wait_fd(const struct filedev *file);

#endif
