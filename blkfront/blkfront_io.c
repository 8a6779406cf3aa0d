/* SPDX-License-Identifier: ISC */
/* blkfront_io.c - the program's requests: queued, cut to what the backend takes or joined with
 * their neighbours, put into rings; and given back when all of their parts have come.
 *
 * A request of the program's is an io, one in a ring a shadow. Of a long request several shadows
 * serve one io; of short neighbours one shadow serves several ios. In the queue and in a shadow the
 * ios are in the same order, so one link does for both: only the first io of a shadow may have been
 * begun by another, and only an io that is alone in its shadow may be left unfinished.
 */
#include "blkfront_priv.h"

void blkfront_io_init(struct blkfront *bf)
{
    for (unsigned i = BLKFRONT_REQUESTS_MAX; i-- > 0;) {
        bf->io[i].next = bf->io_free;
        bf->io_free = &bf->io[i];
    }
}

/* ---- done ------------------------------------------------------------------------------------ */

static void give(struct blkfront *bf, struct blk_req *req, int status)
{
    req->status = status;
    req->next = NULL;
    if (bf->done != NULL)
        bf->done_last->next = req;
    else
        bf->done = req;
    bf->done_last = req;
}

static void end(struct blkfront *bf, struct blkfront_io *io, int status)
{
    struct blk_req *req = io->req;

    for (unsigned i = 0; i < req->seg_count; i++)
        page_put(req->segs[i].page);
    *io = (struct blkfront_io){.next = bf->io_free};
    bf->io_free = io;
    give(bf, req, status);
}

void blkfront_io_part_done(struct blkfront *bf, struct blkfront_io *io, int error)
{
    ASSERT(io->parts > 0);
    if (error != 0 && io->error == 0)
        io->error = error;
    if (--io->parts == 0 && io->whole)
        end(bf, io, io->error);
}

unsigned blkfront_io_reap(struct blkfront *bf, struct blk_req **reqs, unsigned n)
{
    unsigned got = 0;

    while (got < n && bf->done != NULL) {
        struct blk_req *req = bf->done;

        bf->done = req->next;
        req->next = NULL;
        blkdev_count(&bf->dev.stats, req);
        reqs[got++] = req;
    }
    return got;
}

/* ---- the queue ------------------------------------------------------------------------------- */

static void enqueue(struct blkfront *bf, struct blkfront_io *io)
{
    io->next = NULL;
    if (bf->queued != NULL)
        bf->queued_last->next = io;
    else
        bf->queued = io;
    bf->queued_last = io;
}

/* The first one leaves. Its link stays: a shadow may go by it. */
static void dequeue(struct blkfront *bf)
{
    bf->queued->whole = true;
    bf->queued = bf->queued->next;
    bf->queued_at = 0;
}

/* Blocks of more than 512 bytes: each segment of a ring request must be whole blocks, which the
 * program's need not be. */
static bool is_ragged(const struct blkfront *bf, const struct blk_req *req)
{
    uint32_t mask = bf->dev.caps.block_bytes - 1;

    if (mask < BLK_SECTOR_BYTES)
        return false;
    for (unsigned i = 0; i < req->seg_count; i++) {
        if ((req->segs[i].len & mask) != 0)
            return true;
    }
    return false;
}

/* In place, or through pages of ours? */
static bool is_copied(const struct blkfront *bf, const struct blk_req *req)
{
    return bf->untrusted || bf->persistent || is_ragged(bf, req);
}

int blkfront_io_submit(struct blkfront *bf, struct blk_req *req)
{
    struct blkfront_io *io;
    int err = blkdev_judge(&bf->dev, req);

    if (UNLIKELY(err != 0)) {
        bf->dev.stats.refused++;
        return err;
    }
    if (req->op == BLK_FLUSH && !bf->dev.caps.flush) {
        give(bf, req, 0); /* what was reaped is as durable as it will be */
        return 0;
    }
    if (UNLIKELY(bf->io_free == NULL)) {
        bf->refused = true;
        bf->dev.stats.full++;
        return -E_AGAIN;
    }
    io = bf->io_free;
    bf->io_free = io->next;
    for (unsigned i = 0; i < req->seg_count; i++)
        page_ref(req->segs[i].page);
    *io = (struct blkfront_io){.req = req, .copied = is_copied(bf, req)};
    enqueue(bf, io);
    return 0;
}

void blkfront_io_again(struct blkfront *bf, struct blkfront_io *io)
{
    ASSERT(io->parts == 1 && io->whole);
    io->parts = 0;
    io->whole = false;
    enqueue(bf, io);
}

void blkfront_io_requeue(struct blkfront *bf, struct blkfront_io *const *ios, unsigned n)
{
    struct blkfront_io *rest = bf->queued, *next;

    /* Only the first one in the queue may have been begun. */
    if (rest != NULL)
        rest->error = 0;
    for (unsigned i = 0; rest != NULL && i < n; i++) {
        if (ios[i] == rest)
            rest = rest->next;
    }
    bf->queued = NULL;
    bf->queued_at = 0;
    for (unsigned i = 0; i < n; i++) {
        ios[i]->whole = false;
        ios[i]->error = 0;
        enqueue(bf, ios[i]);
    }
    for (; rest != NULL; rest = next) {
        next = rest->next;
        enqueue(bf, rest);
    }
}

void blkfront_io_judge_again(struct blkfront *bf)
{
    struct blkfront_io *io = bf->queued, *next;

    bf->queued = NULL;
    for (; io != NULL; io = next) {
        int err = blkdev_judge(&bf->dev, io->req);

        next = io->next;
        io->copied = is_copied(bf, io->req);
        if (io->req->op == BLK_FLUSH && !bf->dev.caps.flush)
            end(bf, io, 0);
        else if (err == 0)
            enqueue(bf, io);
        else
            end(bf, io, err == -E_NOSYS ? err : -E_IO); /* another disk, and smaller */
    }
}

void blkfront_io_drop(struct blkfront *bf)
{
    while (bf->queued != NULL) {
        struct blkfront_io *io = bf->queued;

        dequeue(bf);
        io->error = -E_NODEV;
        if (io->parts == 0)
            end(bf, io, -E_NODEV);
    }
}

/* ---- fill ------------------------------------------------------------------------------------ */

/* What the next ring request will be. */
struct plan {
    uint32_t bytes, segs;
    uint16_t ios;
};

/* Segments of a request in place, from `at` on: as many as go, and their bytes. */
static struct plan plan_in_place(const struct blk_req *req, uint32_t at, uint32_t limit)
{
    struct plan plan = {.ios = 1};
    unsigned i = 0;

    for (; at != 0; i++)
        at -= req->segs[i].len;
    for (; i < req->seg_count && plan.segs < limit; i++, plan.segs++)
        plan.bytes += req->segs[i].len;
    return plan;
}

static bool follows(const struct blkfront_io *next, const struct blkfront_io *io)
{
    return next->req->op == io->req->op && next->copied == io->copied &&
           next->req->start == io->req->start + io->req->bytes;
}

/* As much as goes into `limit` segments: a part of the first one in the queue, or what is left of
 * it and those that follow. */
static struct plan make_plan(const struct blkfront *bf, uint32_t limit)
{
    const struct blkfront_io *io = bf->queued;
    uint64_t left = io->req->bytes - bf->queued_at;
    uint64_t room = (uint64_t)limit * PAGE_BYTES; /* of copies */
    struct plan plan;

    if (io->copied)
        plan = (struct plan){.bytes = (uint32_t)u64_min(left, room), .ios = 1};
    else
        plan = plan_in_place(io->req, bf->queued_at, limit);
    if (plan.bytes == left) {
        for (; io->next != NULL && follows(io->next, io); io = io->next) {
            const struct blk_req *next = io->next->req;

            if (io->copied ? next->bytes > room - plan.bytes : next->seg_count > limit - plan.segs)
                break;
            plan.bytes += (uint32_t)next->bytes;
            plan.segs += next->seg_count;
            plan.ios++;
        }
    }
    if (io->copied)
        plan.segs = (plan.bytes + PAGE_BYTES - 1) / PAGE_BYTES;
    return plan;
}

static struct blkfront_head head_of(const struct blkfront *bf, const struct blkfront_shadow *sh)
{
    return (struct blkfront_head){.id = sh->id,
                                  .sector = (sh->first->req->start + sh->at) / BLK_SECTOR_BYTES,
                                  .handle = (uint16_t)bf->conf.index,
                                  .op = sh->op};
}

/* The slot is written: the backend will be shown it. */
static void commit(struct blkfront *bf, struct blkfront_queue *q, struct blkfront_shadow *sh)
{
    sh->queue = (uint8_t)(q - bf->queue);
    bf->flying++;
    ring_commit(&q->ring, 1);
    bf->dev.stats.ring_requests++;
    bf->dev.stats.merged += sh->ios - 1u;
}

/* Puts a read or write of that much. False: no page or no grant. */
static bool put_data(struct blkfront *bf, struct blkfront_queue *q, struct plan plan)
{
    struct blkfront_shadow *sh = blkfront_shadow_get(bf, bf->queued);
    uint8_t *slot = ring_request(&q->ring, 0);
    uint32_t segs;

    sh->op = sh->first->req->op == BLK_READ ? BLKIF_OP_READ : BLKIF_OP_WRITE;
    sh->at = bf->queued_at;
    sh->bytes = plan.bytes;
    sh->ios = plan.ios;
    sh->copied = sh->first->copied;
    if (plan.segs > BLKFRONT_DIRECT_SEGS)
        sh->list = blkfront_data_list_get(bf);
    if ((plan.segs > BLKFRONT_DIRECT_SEGS && sh->list == NULL) ||
        blkfront_data_lend(bf, sh, sh->list != NULL ? sh->list->base : blkfront_slot_seg(slot, 0),
                           &segs) != 0) {
        sh->ios = 0;
        blkfront_shadow_put(bf, sh);
        return false;
    }
    ASSERT(segs == plan.segs);
    if (sh->list != NULL)
        blkfront_indirect_put(slot, head_of(bf, sh), segs, sh->list->gref);
    else
        blkfront_rw_put(slot, head_of(bf, sh), segs);
    commit(bf, q, sh);
    for (unsigned i = 0; i < plan.ios; i++) {
        bf->queued->parts++;
        if (bf->queued_at + plan.bytes < bf->queued->req->bytes) {
            bf->dev.stats.split += bf->queued_at == 0;
            bf->queued_at += plan.bytes;
        } else {
            plan.bytes -= (uint32_t)(bf->queued->req->bytes - bf->queued_at);
            dequeue(bf);
        }
    }
    return true;
}

static bool fill_data(struct blkfront *bf, struct blkfront_queue *q)
{
    struct plan plan = make_plan(bf, bf->segs_max);
    uint32_t room = blkfront_data_room(bf, bf->queued->copied);

    if (UNLIKELY(plan.segs > room)) {
        /* What is on its way comes back with its pages and grants. Where nothing is, the request
         * goes in such pieces as there is room for. */
        if (bf->flying != 0 || room == 0)
            return false;
        plan = make_plan(bf, room);
    }
    return put_data(bf, q, plan);
}

/* A request without data. */
static bool fill_other(struct blkfront *bf, struct blkfront_queue *q)
{
    struct blk_req *req = bf->queued->req;
    struct blkfront_shadow *sh = blkfront_shadow_get(bf, bf->queued);
    uint8_t *slot = ring_request(&q->ring, 0);

    if (req->op == BLK_FLUSH) {
        sh->op = bf->flush_op;
        blkfront_rw_put(slot, head_of(bf, sh), 0);
    } else {
        sh->op = BLKIF_OP_DISCARD;
        blkfront_discard_put(slot, head_of(bf, sh), req->bytes / BLK_SECTOR_BYTES,
                             req->op == BLK_SECURE_DISCARD);
    }
    commit(bf, q, sh);
    bf->queued->parts++;
    dequeue(bf);
    return true;
}

/* Can the backend still do it? It may have said no since the request was queued. */
static bool can_do(const struct blkfront *bf, uint8_t op)
{
    const struct blkdev_caps *caps = &bf->dev.caps;

    return op == BLK_READ || op == BLK_WRITE || (op == BLK_FLUSH && caps->flush) ||
           (op == BLK_DISCARD && caps->discard) ||
           (op == BLK_SECURE_DISCARD && caps->secure_discard);
}

void blkfront_io_fill(struct blkfront *bf)
{
    struct blkfront_queue *q;

    while (bf->queued != NULL) {
        struct blkfront_io *io = bf->queued;

        if (UNLIKELY(!can_do(bf, io->req->op))) {
            dequeue(bf);
            end(bf, io, -E_NOSYS);
            continue;
        }
        if (bf->shadow_free == BLKFRONT_NONE || (q = blkfront_rings_room(bf)) == NULL)
            return;
        if (io->req->op <= BLK_WRITE ? !fill_data(bf, q) : !fill_other(bf, q))
            return;
    }
}
