/* SPDX-License-Identifier: ISC */
/* blk_io.h - one request at a time: submits it and waits, by plat_wait, until it is done.
 *
 * For what a program does before its loop begins, and for file-system metadata. While it waits,
 * nothing else of the program runs. The device must have no other request in flight: where it has
 * other users, give this one a window of its own (blk_share.h). */
#ifndef MORGANA_BLK_IO_H
#define MORGANA_BLK_IO_H

#include <morgana/blkdev.h>

/* How long a request may take before the device counts as dead. */
#define BLK_IO_TIMEOUT_NS (30ull * 1000000000ull)

/* Does req (Lent until it returns) and returns its status. The request's storage is the caller's
 * again, but for -E_TIMEDOUT: then the device has it still, and must be closed before the storage
 * goes.
 * submit's errors but -E_AGAIN; -E_BUSY: there was no room for it all the time. */
int blk_io(struct blkdev *dev, struct blk_req *req);

/* The same for READ or WRITE of `bytes` (a multiple of the block; at most a page) at `start`, to or
 * from the beginning of `page`. The request is not on the stack: after -E_TIMEDOUT nothing needs to
 * be closed, the device keeps a reference to the page, and four times later no more are begun:
 * -E_BUSY. */
int blk_io_page(struct blkdev *dev, enum blk_op op, uint64_t start, struct page *page,
                uint32_t bytes);
/* Makes what was written outlast a loss of power. Errors: as blk_io_page. */
int blk_io_flush(struct blkdev *dev);

#endif
