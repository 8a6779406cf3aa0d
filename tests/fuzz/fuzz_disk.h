/* SPDX-License-Identifier: ISC */
/* fuzz_disk.h - a fuzz target's disk, but for its submit: one request at a time, which is done at
 * once. submit fills it, or takes what is in it, and hands it to fuzz_disk_done. */
#ifndef TESTS_FUZZ_DISK_H
#define TESTS_FUZZ_DISK_H

#include <morgana/blkdev.h>

static struct blk_req *fuzz_disk_req;

static inline void fuzz_disk_done(struct blk_req *req)
{
    req->status = 0;
    fuzz_disk_req = req;
}

static void fuzz_disk_kick(struct blkdev *dev)
{
    (void)dev;
}

static unsigned fuzz_disk_reap(struct blkdev *dev, struct blk_req **reqs, unsigned n)
{
    (void)dev;
    if (fuzz_disk_req == NULL || n == 0)
        return 0;
    reqs[0] = fuzz_disk_req;
    fuzz_disk_req = NULL;
    return 1;
}

static bool fuzz_disk_arm(struct blkdev *dev)
{
    (void)dev;
    return fuzz_disk_req != NULL;
}

#endif
