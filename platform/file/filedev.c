/* SPDX-License-Identifier: ISC */
/* filedev.c - requests to a file, by io_uring.
 *
 * A slot has the request's list of memory. Linux may do a part of a request only (a signal, a full
 * disk): the slot goes again with what is left, until all is done, nothing more comes, or an error.
 * The ring has an entry for each slot, so there is always one to be had.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <unistd.h>

#include "filedev.h"

static struct filedev *of(struct blkdev *dev)
{
    return CONTAINER_OF(dev, struct filedev, dev);
}

static bool moves_data(const struct blk_req *req)
{
    return req->op == BLK_READ || req->op == BLK_WRITE;
}

static int status_of(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT:
        return -E_NOSPC;
    case EOPNOTSUPP:
    case ENOSYS:
        return -E_NOSYS;
    case ENODEV:
    case ENXIO:
        return -E_NODEV;
    default:
        return -E_IO;
    }
}

/* Zeroes that stay allocated; a file system that has none such makes a hole, which reads as zeroes
 * too. */
static int mode_of(const struct filedev_slot *slot)
{
    bool hole = slot->req->op != BLK_WRITE_ZEROES || slot->hole;

    return FALLOC_FL_KEEP_SIZE | (hole ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE);
}

/* Is it to be tried by a hole now? */
static bool try_hole(struct filedev *file, struct filedev_slot *slot)
{
    if (slot->req->op != BLK_WRITE_ZEROES || slot->hole)
        return false;
    file->zeroes_by_holes = true;
    slot->hole = true;
    return true;
}

/* ---- a request and its memory --------------------------------------------------------------- */

/* Neighbours in memory become one. */
static void fill(const struct filedev *file, struct filedev_slot *slot, struct blk_req *req)
{
    slot->req = req;
    slot->at = req->start;
    slot->left = req->bytes;
    slot->iov_first = slot->iov_count = 0;
    slot->hole = file->zeroes_by_holes;
    for (unsigned i = 0; moves_data(req) && i < req->seg_count; i++) {
        const struct blk_seg *seg = &req->segs[i];
        uint8_t *base = seg->page->base + seg->off;
        struct iovec *last = &slot->iov[slot->iov_count - (slot->iov_count != 0)];

        page_ref(seg->page);
        if (slot->iov_count != 0 && (uint8_t *)last->iov_base + last->iov_len == base)
            last->iov_len += seg->len;
        else
            slot->iov[slot->iov_count++] = (struct iovec){base, seg->len};
    }
}

/* Moves on by `n` bytes that were done. */
static void advance(struct filedev_slot *slot, uint64_t n)
{
    slot->at += n;
    slot->left -= n;
    while (n != 0) {
        struct iovec *first = &slot->iov[slot->iov_first];
        size_t part = (size_t)u64_min(first->iov_len, n);
        first->iov_base = (uint8_t *)first->iov_base + part;
        first->iov_len -= part;
        n -= part;
        if (first->iov_len == 0) {
            slot->iov_first++;
            slot->iov_count--;
        }
    }
}

static void finish(struct filedev *file, struct filedev_slot *slot, int status)
{
    struct blk_req *req = slot->req;

    for (unsigned i = 0; moves_data(req) && i < req->seg_count; i++)
        page_put(req->segs[i].page);
    if (status == -E_NOSYS && req->op == BLK_DISCARD)
        file->dev.caps.discard = false;
    if (status == -E_NOSYS && req->op == BLK_WRITE_ZEROES)
        file->dev.caps.write_zeroes = false;
    req->status = status;
    req->next = NULL;
    *file->done_end = req;
    file->done_end = &req->next;
    blkdev_count(&file->dev.stats, req);
    slot->next = file->free;
    file->free = slot;
}

/* What Linux says of a slot: true where it is to go again. */
static bool judge(struct filedev *file, struct filedev_slot *slot, int64_t result)
{
    if (result == -EINTR || result == -EAGAIN)
        return true;
    if (result == -EOPNOTSUPP && try_hole(file, slot))
        return true;
    if (result < 0) {
        finish(file, slot, status_of((int)-result));
    } else if (!moves_data(slot->req)) {
        finish(file, slot, 0);
    } else if (result == 0) {
        finish(file, slot, -E_IO); /* the file has become shorter */
    } else {
        advance(slot, (uint64_t)result);
        if (slot->left != 0)
            return true;
        finish(file, slot, 0);
    }
    return false;
}

/* ---- by io_uring ---------------------------------------------------------------------------- */

static void prepare(struct filedev *file, struct filedev_slot *slot)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&file->ring);
    const struct blk_req *req = slot->req;
    int fd = file->conf.fd;

    ASSERT(sqe != NULL);
    switch ((enum blk_op)req->op) {
    case BLK_READ:
        io_uring_prep_readv(sqe, fd, &slot->iov[slot->iov_first], slot->iov_count, slot->at);
        break;
    case BLK_WRITE:
        io_uring_prep_writev(sqe, fd, &slot->iov[slot->iov_first], slot->iov_count, slot->at);
        break;
    case BLK_FLUSH:
        io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
        break;
    default:
        io_uring_prep_fallocate(sqe, fd, mode_of(slot), (off_t)slot->at, (off_t)slot->left);
        break;
    }
    io_uring_sqe_set_data(sqe, slot);
    file->unsent++;
}

static void tell(struct filedev *file)
{
    int n;

    if (file->unsent != 0 && (n = io_uring_submit(&file->ring)) > 0) {
        file->unsent -= (unsigned)n;
        file->dev.stats.notify++;
        file->dev.stats.ring_requests += (unsigned)n;
    }
}

static void collect(struct filedev *file)
{
    struct io_uring_cqe *cqe;

    while (io_uring_peek_cqe(&file->ring, &cqe) == 0) {
        struct filedev_slot *slot = io_uring_cqe_get_data(cqe);
        int result = cqe->res;
        io_uring_cqe_seen(&file->ring, cqe);
        if (judge(file, slot, result))
            prepare(file, slot);
    }
}

/* ---- without -------------------------------------------------------------------------------- */

static int64_t perform(const struct filedev *file, const struct filedev_slot *slot)
{
    const struct iovec *iov = &slot->iov[slot->iov_first];
    int fd = file->conf.fd;
    int64_t n;

    switch ((enum blk_op)slot->req->op) {
    case BLK_READ:
        n = preadv(fd, iov, (int)slot->iov_count, (off_t)slot->at);
        break;
    case BLK_WRITE:
        n = pwritev(fd, iov, (int)slot->iov_count, (off_t)slot->at);
        break;
    case BLK_FLUSH:
        n = fdatasync(fd);
        break;
    default:
        n = fallocate(fd, mode_of(slot), (off_t)slot->at, (off_t)slot->left);
        break;
    }
    return n < 0 ? -errno : n;
}

static void perform_all(struct filedev *file)
{
    while (file->queue != NULL) {
        struct filedev_slot *slot = file->queue;
        file->queue = slot->next;
        while (judge(file, slot, perform(file, slot)))
            ;
        file->dev.stats.ring_requests++;
    }
    file->queue_end = &file->queue;
}

/* ---- the device ----------------------------------------------------------------------------- */

static int file_submit(struct blkdev *dev, struct blk_req *req)
{
    struct filedev *file = of(dev);
    struct filedev_slot *slot = file->free;
    int err = blkdev_judge(dev, req);

    if (err != 0) {
        dev->stats.refused++;
        return err;
    }
    if (slot == NULL) {
        file->wants_room = true;
        dev->stats.full++;
        return -E_AGAIN;
    }
    file->free = slot->next;
    fill(file, slot, req);
    file->in_flight++;
    if (file->has_ring) {
        prepare(file, slot);
    } else {
        slot->next = NULL;
        *file->queue_end = slot;
        file->queue_end = &slot->next;
    }
    return 0;
}

static void file_kick(struct blkdev *dev)
{
    struct filedev *file = of(dev);

    if (file->has_ring)
        tell(file);
    else
        perform_all(file);
}

static unsigned file_reap(struct blkdev *dev, struct blk_req **reqs, unsigned n)
{
    struct filedev *file = of(dev);
    unsigned got = 0;

    if (file->has_ring) {
        collect(file);
        tell(file); /* what goes again */
    }
    for (; got < n && file->done != NULL; got++) {
        reqs[got] = file->done;
        file->done = file->done->next;
    }
    if (file->done == NULL)
        file->done_end = &file->done;
    file->in_flight -= got;
    return got;
}

static bool file_arm(struct blkdev *dev)
{
    struct filedev *file = of(dev);
    bool room = file->wants_room && file->free != NULL;

    file_kick(dev);
    if (file->has_ring)
        collect(file);
    if (room)
        file->wants_room = false;
    /* unsent: Linux had no memory for them just now, or they go again */
    return room || file->done != NULL || file->unsent != 0;
}

static const struct blkdev_ops file_ops = {
    .name = "file",
    .submit = file_submit,
    .kick = file_kick,
    .reap = file_reap,
    .arm = file_arm,
};

/* ---- life ----------------------------------------------------------------------------------- */

int filedev_open(struct filedev *file, const struct filedev_conf *conf, struct blkdev **dev)
{
    uint32_t block = conf->block_bytes;

    if (block < BLK_SECTOR_BYTES || block > PAGE_BYTES || (block & (block - 1)) != 0 ||
        conf->bytes == 0 || conf->bytes % block != 0 || conf->physical_bytes % block != 0 ||
        conf->bytes > INT64_MAX)
        return -E_INVAL;
    memset(file, 0, sizeof(*file)); /* too large for a literal on the stack */
    file->dev.ops = &file_ops;
    file->dev.caps = (struct blkdev_caps){
        .bytes = conf->bytes,
        .block_bytes = block,
        .physical_bytes = conf->physical_bytes,
        .discard_unit_bytes = conf->read_only ? 0 : conf->physical_bytes,
        .segs_max = FILEDEV_SEGS,
        .requests_max = FILEDEV_REQUESTS,
        .read_only = conf->read_only,
        .flush = true,
        .discard = !conf->read_only,
        .write_zeroes = !conf->read_only,
    };
    file->dev.online = true;
    file->conf = *conf;
    for (unsigned i = FILEDEV_REQUESTS; i-- > 0;) {
        file->slots[i].next = file->free;
        file->free = &file->slots[i];
    }
    file->queue_end = &file->queue;
    file->done_end = &file->done;
    file->has_ring = !conf->plain && io_uring_queue_init(FILEDEV_REQUESTS, &file->ring, 0) == 0;
    *dev = &file->dev;
    return 0;
}

void filedev_close(struct filedev *file)
{
    struct blk_req *req;
    struct io_uring_cqe *cqe;

    file_kick(&file->dev);
    while (file->in_flight != 0) {
        if (file_reap(&file->dev, &req, 1) == 0 && file->has_ring)
            (void)io_uring_wait_cqe(&file->ring, &cqe);
    }
    if (file->has_ring)
        io_uring_queue_exit(&file->ring);
}

int filedev_wait_fd(const struct filedev *file)
{
    return file->has_ring && file->in_flight != 0 ? file->ring.ring_fd : -1;
}
