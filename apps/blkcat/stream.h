/* SPDX-License-Identifier: ISC */
/* stream.h - reads or writes a stretch of a device from its begin to its end, several requests at a
 * time. */
#ifndef APPS_BLKCAT_STREAM_H
#define APPS_BLKCAT_STREAM_H

#include <morgana/blkdev.h>

/* What was read, in order; or what is to be written, to be filled in. At most a page. */
typedef void stream_each(void *arg, uint64_t at, struct cs bytes);

/* Does it; op is READ or WRITE. 0, or the first error, and the byte at which that request began is
 * in *failed_at. -E_NOMEM: no page; -E_TIMEDOUT: the device did not answer for BLK_IO_TIMEOUT_NS;
 * -E_AGAIN: the operator wants the program to end. */
int stream(struct blkdev *dev, struct page_pool *pages, enum blk_op op, uint64_t start,
           uint64_t bytes, stream_each *each, void *arg, uint64_t *failed_at);

#endif
