/* SPDX-License-Identifier: ISC */
/* blk_io.c - one request at a time.
 *
 * A request that is given up after its time is the device's still. So those of the shorter forms
 * live in a table, not on the stack: one that is given up is lost to it until the device brings it
 * back after all.
 */
#include <morgana/blk_io.h>
#include <morgana/platform.h>

enum { IOS = 4 };

static struct io {
    struct blk_req req;
    struct blk_seg seg;
    bool busy;
} ios[IOS];

/* A request that came late: the caller's storage is nobody's business any more. */
static void forget(const struct blk_req *late)
{
    for (unsigned i = 0; i < IOS; i++)
        if (late == &ios[i].req)
            ios[i].busy = false;
}

/* Everything that is finished now: true where `req` is. */
static bool reap(struct blkdev *dev, const struct blk_req *req)
{
    struct blk_req *done;

    while (blkdev_reap(dev, &done, 1) == 1) {
        if (done == req)
            return true;
        forget(done);
    }
    return false;
}

int blk_io(struct blkdev *dev, struct blk_req *req)
{
    uint64_t deadline = 0;
    bool taken = false;

    for (;;) {
        if (!taken) {
            int err = blkdev_submit(dev, req);
            if (err != 0 && err != -E_AGAIN)
                return err;
            taken = err == 0;
            blkdev_kick(dev);
        }
        if (reap(dev, req))
            return req->status;
        if (blkdev_arm(dev))
            continue;
        uint64_t now = plat_now_ns();
        if (deadline == 0)
            deadline = now + BLK_IO_TIMEOUT_NS;
        if (now >= deadline)
            return taken ? -E_TIMEDOUT : -E_BUSY;
        plat_wait(deadline);
    }
}

static int io(struct blkdev *dev, enum blk_op op, uint64_t start, uint32_t bytes, struct page *page)
{
    struct io *own = NULL;

    for (unsigned i = 0; own == NULL && i < IOS; i++)
        if (!ios[i].busy)
            own = &ios[i];
    if (own == NULL)
        return -E_BUSY;
    own->busy = true;
    own->seg = (struct blk_seg){.page = page, .len = (uint16_t)bytes};
    own->req = (struct blk_req){.start = start,
                                .bytes = bytes,
                                .segs = page != NULL ? &own->seg : NULL,
                                .seg_count = page != NULL,
                                .op = (uint8_t)op};
    int err = blk_io(dev, &own->req);
    own->busy = err == -E_TIMEDOUT;
    return err;
}

int blk_io_page(struct blkdev *dev, enum blk_op op, uint64_t start, struct page *page,
                uint32_t bytes)
{
    ASSERT((op == BLK_READ || op == BLK_WRITE) && bytes <= PAGE_BYTES);
    return io(dev, op, start, bytes, page);
}

int blk_io_flush(struct blkdev *dev)
{
    return io(dev, BLK_FLUSH, 0, 0, NULL);
}
