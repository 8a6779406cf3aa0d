/* SPDX-License-Identifier: ISC */
/* blk_fault.c - a block device that fails, by a seed.
 *
 * A request's fate is drawn when it is submitted. It is begun at the kick, or, where it is to be
 * overtaken, at the reap or arm after that; what comes back is spoiled, and waits where it is late.
 * A part of a request is its first blocks: its list of segments, ours while it is in flight, ends
 * early for that time.
 */
#include <morgana/blk_fault.h>
#include <morgana/random.h>

enum { BATCH = 16 };
enum fate { GOOD, FAILED, SHORT, TORN };

static struct blk_fault *of(struct blkdev *dev)
{
    return CONTAINER_OF(dev, struct blk_fault, dev);
}

static void follow(struct blk_fault *f)
{
    f->dev.online = f->inner->online;
    f->dev.caps = f->inner->caps;
    f->dev.caps.requests_max = f->conf.entries_max;
}

/* No number is drawn for a chance of zero: turning one fault on does not change where the others
 * strike. */
static bool chance(struct blk_fault *f, uint32_t ppm)
{
    return ppm != 0 && random_next(&f->rng) % BLK_FAULT_MILLION < ppm;
}

static bool moves_data(const struct blk_req *req)
{
    return req->op == BLK_READ || req->op == BLK_WRITE;
}

/* ---- what is done to a request -------------------------------------------------------------- */

/* Only the first blocks, at least one and not all. False: it has only one. */
static bool shorten(struct blk_fault *f, struct blk_fault_entry *e)
{
    uint64_t unit = f->dev.caps.block_bytes, blocks = e->parent->bytes / unit, bytes, left;
    uint16_t n = 0;

    if (blocks < 2)
        return false;
    bytes = left = (1 + random_next(&f->rng) % (blocks - 1)) * unit;
    while (left > e->req.segs[n].len)
        left -= e->req.segs[n++].len;
    e->cut_len = e->req.segs[n].len;
    e->req.segs[n].len = (uint16_t)left;
    e->req.seg_count = (uint16_t)(n + 1);
    e->req.bytes = bytes;
    return true;
}

static void draw_fate(struct blk_fault *f, struct blk_fault_entry *e)
{
    const struct blk_fault_rates *r = &f->conf.rates;
    const struct blk_req *req = e->parent;
    uint32_t error_ppm = req->op == BLK_READ    ? r->read_error_ppm
                         : req->op == BLK_FLUSH ? r->flush_error_ppm
                                                : r->write_error_ppm;

    e->held = chance(f, r->reorder_ppm);
    e->late = chance(f, r->late_ppm);
    f->stats.reordered += e->held;
    f->stats.late += e->late;
    e->fate = GOOD;
    if (chance(f, error_ppm)) {
        e->fate = FAILED;
        f->stats.failed++;
    } else if (moves_data(req) && chance(f, r->short_ppm) && shorten(f, e)) {
        e->fate = SHORT;
        f->stats.cut_short++;
    } else if (req->op == BLK_WRITE && chance(f, r->torn_ppm) && shorten(f, e)) {
        e->fate = TORN;
        f->stats.torn++;
    }
}

/* Turns a bit over in the bad sectors of what was read. */
static void rot(struct blk_fault *f, const struct blk_req *req)
{
    const struct blk_fault_rates *r = &f->conf.rates;
    uint64_t at = req->start;

    for (unsigned i = 0; i < req->seg_count; i++) {
        const struct blk_seg *seg = &req->segs[i];
        for (uint32_t off = 0; off < seg->len; off++, at++) {
            uint64_t hash = f->conf.seed ^ at / BLK_SECTOR_BYTES;
            if (at < r->rot_start || at - r->rot_start >= r->rot_bytes ||
                random_next(&hash) % BLK_FAULT_MILLION >= r->rot_ppm)
                continue;
            hash = random_next(&hash);
            if (hash % BLK_SECTOR_BYTES != at % BLK_SECTOR_BYTES)
                continue;
            uint8_t *byte = seg->page->base + seg->off + off;
            *byte = (uint8_t)(*byte ^ 1u << (hash >> 61));
            f->stats.rotten++;
        }
    }
}

/* ---- its way -------------------------------------------------------------------------------- */

static void give(struct blk_fault *f, struct blk_fault_entry *e)
{
    struct blk_req *req = e->parent;

    for (unsigned i = 0; moves_data(req) && i < req->seg_count; i++)
        page_put(req->segs[i].page);
    req->next = NULL;
    *f->done_end = req;
    f->done_end = &req->next;
    blkdev_count(&f->dev.stats, req);
    e->next = f->free;
    f->free = e;
}

/* It is done as far as the device is concerned. */
static void finish(struct blk_fault *f, struct blk_fault_entry *e, int status)
{
    struct blk_fault_entry **at = &f->late;

    if (e->fate == SHORT || e->fate == TORN)
        e->req.segs[e->req.seg_count - 1].len = e->cut_len;
    if (status == 0 && e->fate == SHORT)
        status = -E_IO;
    e->parent->status = status;
    if (status == 0 && e->parent->op == BLK_READ && f->conf.rates.rot_ppm != 0)
        rot(f, e->parent);
    if (!e->late) {
        give(f, e);
        return;
    }
    e->due_ns = f->conf.now_ns() + f->conf.rates.late_ns;
    while (*at != NULL && (*at)->due_ns <= e->due_ns)
        at = &(*at)->next;
    e->next = *at;
    *at = e;
}

/* Begins what waits; `all`: also what is to be overtaken. */
static void begin(struct blk_fault *f, bool all)
{
    struct blk_fault_entry **at = &f->queue, *e;
    bool sent = false;

    while ((e = *at) != NULL) {
        int err = 0;
        if (!e->held || all) {
            err = e->fate == FAILED ? -E_IO : blkdev_submit(f->inner, &e->req);
        }
        if ((e->held && !all) || err == -E_AGAIN) {
            at = &e->next;
            continue;
        }
        *at = e->next;
        sent |= err == 0;
        f->dev.stats.ring_requests += err == 0;
        if (err != 0)
            finish(f, e, err);
    }
    f->queue_end = at;
    if (sent)
        blkdev_kick(f->inner);
}

static void pull(struct blk_fault *f)
{
    struct blk_req *done[BATCH];

    for (uint32_t taken = 0; taken < f->conf.entries_max;) {
        unsigned n = blkdev_reap(f->inner, done, BATCH);
        for (unsigned i = 0; i < n; i++)
            finish(f, done[i]->user, done[i]->status);
        taken += n;
        if (n < BATCH)
            break;
    }
    begin(f, true);
    while (f->late != NULL && f->late->due_ns <= f->conf.now_ns()) {
        struct blk_fault_entry *e = f->late;
        f->late = e->next;
        give(f, e);
    }
}

/* ---- the device ----------------------------------------------------------------------------- */

static int fault_submit(struct blkdev *dev, struct blk_req *req)
{
    struct blk_fault *f = of(dev);
    struct blk_fault_entry *e = f->free;

    follow(f);
    int err = blkdev_judge(dev, req);
    if (err != 0) {
        dev->stats.refused++;
        return err;
    }
    if (e == NULL) {
        f->wants_room = true;
        dev->stats.full++;
        return -E_AGAIN;
    }
    f->free = e->next;
    *e = (struct blk_fault_entry){.parent = req, .req = *req};
    e->req.user = e;
    for (unsigned i = 0; moves_data(req) && i < req->seg_count; i++)
        page_ref(req->segs[i].page);
    draw_fate(f, e);
    *f->queue_end = e;
    f->queue_end = &e->next;
    f->in_flight++;
    return 0;
}

static void fault_kick(struct blkdev *dev)
{
    begin(of(dev), false);
}

static unsigned fault_reap(struct blkdev *dev, struct blk_req **reqs, unsigned n)
{
    struct blk_fault *f = of(dev);
    unsigned got = 0;

    pull(f);
    for (; got < n && f->done != NULL; got++) {
        reqs[got] = f->done;
        f->done = f->done->next;
    }
    if (f->done == NULL)
        f->done_end = &f->done;
    f->in_flight -= got;
    follow(f);
    return got;
}

static bool fault_arm(struct blkdev *dev)
{
    struct blk_fault *f = of(dev);
    bool room = f->wants_room && f->free != NULL;
    bool work;

    begin(f, true);
    work = blkdev_arm(f->inner);
    pull(f);
    if (room)
        f->wants_room = false;
    follow(f);
    return work || room || f->done != NULL;
}

static const struct blkdev_ops fault_ops = {
    .name = "fault",
    .submit = fault_submit,
    .kick = fault_kick,
    .reap = fault_reap,
    .arm = fault_arm,
};

/* ---- life ----------------------------------------------------------------------------------- */

int blk_fault_open(struct blk_fault *f, const struct blk_fault_conf *conf, struct blkdev *inner,
                   struct blkdev **dev)
{
    if (conf->now_ns == NULL || conf->entries == NULL || conf->entries_max == 0)
        return -E_INVAL;
    *f = (struct blk_fault){
        .dev = {.ops = &fault_ops}, .inner = inner, .conf = *conf, .rng = conf->seed};
    for (uint32_t i = 0; i < conf->entries_max; i++) {
        conf->entries[i].next = f->free;
        f->free = &conf->entries[i];
    }
    f->queue_end = &f->queue;
    f->done_end = &f->done;
    follow(f);
    *dev = &f->dev;
    return 0;
}

void blk_fault_close(struct blk_fault *f)
{
    ASSERT(f->in_flight == 0);
}

uint64_t blk_fault_poll_at(const struct blk_fault *f)
{
    return f->late != NULL ? f->late->due_ns : NS_NEVER;
}
