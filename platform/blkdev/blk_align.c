/* SPDX-License-Identifier: ISC */
/* blk_align.c - any start, any length, any memory.
 *
 * Each request has a slot. It waits until no earlier one in flight touches a block of its own (two
 * that only read do not mind each other), then goes to the device: as it is, where it is aligned;
 * else piece by piece, through pages of ours:
 *
 *     read     whole blocks into our pages -> bytes to the request's memory
 *     write    the first block, where it is not all written, into our pages; the last one too;
 *              bytes from the request's memory over that -> whole blocks to the device
 *
 * A slot has one request of its own to the device at a time. What finds no page or no room there
 * waits; whatever comes back makes it try again.
 */
#include <morgana/blk_align.h>

enum { BATCH = 16 };

enum phase {
    WAITING,    /* for earlier ones, for pages, or for room in the device: `next_phase` follows */
    PASSING,    /* as it is */
    READING,    /* blocks of a read */
    READ_FIRST, /* a block of which only a part is written */
    READ_LAST,
    WRITING,
    PHASES
};

struct blk_align_slot {
    struct blk_align_slot *next;
    struct blk_req *parent;
    struct blk_req req; /* to the device; its user is the slot */
    uint64_t done;      /* bytes of the parent */
    uint32_t bytes;     /* of the piece on its way, or to be sent */
    uint32_t room;      /* the same in whole blocks */
    uint16_t seg_count; /* pages */
    uint8_t phase, next_phase;
    bool begun, has_reserve;
    struct blk_seg segs[BLK_ALIGN_PAGES];
};
STATIC_ASSERT(sizeof(struct blk_align_slot) <= BLK_ALIGN_REQUEST_BYTES, "as the header says");

static struct blk_align *of(struct blkdev *dev)
{
    return CONTAINER_OF(dev, struct blk_align, dev);
}

static uint32_t block_of(const struct blk_align *a)
{
    return a->conf.inner->caps.block_bytes;
}

static void follow(struct blk_align *a)
{
    const struct blkdev *inner = a->conf.inner;

    a->dev.online = inner->online;
    a->dev.caps = inner->caps;
    a->dev.caps.block_bytes = 1;
    a->dev.caps.requests_max = a->conf.requests_max;
}

static bool moves_data(const struct blk_req *req)
{
    return req->op == BLK_READ || req->op == BLK_WRITE;
}

static bool is_aligned(const struct blk_align *a, const struct blk_req *req)
{
    uint32_t off = 0;

    if (((req->start | req->bytes) & (block_of(a) - 1)) != 0)
        return false;
    for (unsigned i = 0; i < req->seg_count; i++)
        off |= (uint32_t)req->segs[i].off | req->segs[i].len;
    return (off & (u32_min(block_of(a), BLK_SECTOR_BYTES) - 1)) == 0;
}

/* ---- order ---------------------------------------------------------------------------------- */

static bool conflict(const struct blk_align *a, const struct blk_req *x, const struct blk_req *y)
{
    uint64_t mask = ~(uint64_t)(block_of(a) - 1);
    uint64_t x_last = x->start + x->bytes - 1, y_last = y->start + y->bytes - 1;

    if (x->op == BLK_FLUSH || y->op == BLK_FLUSH || (x->op == BLK_READ && y->op == BLK_READ))
        return false;
    return (x->start & mask) <= (y_last | ~mask) && (y->start & mask) <= (x_last | ~mask);
}

static bool may_begin(const struct blk_align *a, const struct blk_align_slot *slot)
{
    for (const struct blk_align_slot *s = a->active; s != slot; s = s->next)
        if (conflict(a, s->parent, slot->parent))
            return false;
    return true;
}

/* ---- pages ---------------------------------------------------------------------------------- */

/* Enough for `room` bytes. False: wait. */
static bool pages_get(struct blk_align *a, struct blk_align_slot *slot)
{
    unsigned n = (slot->room + PAGE_BYTES - 1) / PAGE_BYTES;

    slot->has_reserve = !a->reserve_used && a->conf.pool->free_count < n;
    if (!slot->has_reserve && a->conf.pool->free_count < n)
        return false;
    for (unsigned i = 0; i < n; i++)
        slot->segs[i].page = slot->has_reserve ? a->reserve[i] : page_get(a->conf.pool);
    a->reserve_used |= slot->has_reserve;
    slot->seg_count = (uint16_t)n;
    return true;
}

static void pages_put(struct blk_align *a, struct blk_align_slot *slot)
{
    for (unsigned i = 0; i < slot->seg_count && !slot->has_reserve; i++)
        page_put(slot->segs[i].page);
    if (slot->has_reserve)
        a->reserve_used = false;
    slot->seg_count = 0;
    slot->has_reserve = false;
}

/* The piece's byte `at`, in our pages: they are filled from the first block's begin. */
static uint8_t *byte_of(const struct blk_align_slot *slot, uint32_t at)
{
    return slot->segs[at / PAGE_BYTES].page->base + at % PAGE_BYTES;
}

/* Moves the piece between our pages, from byte `off` on, and the request's memory. */
static void copy(struct blk_align *a, struct blk_align_slot *slot, uint32_t off)
{
    const struct blk_req *parent = slot->parent;
    uint64_t skip = slot->done;
    uint32_t left = slot->bytes;

    for (unsigned i = 0; left != 0; i++) {
        const struct blk_seg *seg = &parent->segs[i];
        if (skip >= seg->len) {
            skip -= seg->len;
            continue;
        }
        uint8_t *data = seg->page->base + seg->off + skip;
        uint32_t n = u32_min(seg->len - (uint32_t)skip, left);
        skip = 0;
        left -= n;
        while (n != 0) {
            uint32_t part = u32_min(n, PAGE_BYTES - off % PAGE_BYTES);
            uint8_t *own = byte_of(slot, off);
            if (parent->op == BLK_READ)
                memcpy(data, own, part);
            else
                memcpy(own, data, part);
            data += part;
            off += part;
            n -= part;
        }
    }
    a->dev.stats.copied_bytes += slot->bytes;
}

static void fill_zero(struct blk_align_slot *slot, uint32_t off)
{
    uint32_t end = off + slot->bytes;

    while (off != end) {
        uint32_t part = u32_min(end - off, PAGE_BYTES - off % PAGE_BYTES);
        memset(byte_of(slot, off), 0, part);
        off += part;
    }
}

/* ---- pieces --------------------------------------------------------------------------------- */

static uint64_t at_of(const struct blk_align_slot *slot)
{
    return slot->parent->start + slot->done;
}

/* Bytes of the piece's first block before it, and of its last one up to its end (0: all). */
static uint32_t before(const struct blk_align *a, const struct blk_align_slot *slot)
{
    return (uint32_t)at_of(slot) & (block_of(a) - 1);
}

static uint32_t into_last(const struct blk_align *a, const struct blk_align_slot *slot)
{
    return (uint32_t)(at_of(slot) + slot->bytes) & (block_of(a) - 1);
}

/* The request's next piece, and what is to be done with it first. */
static void next_piece(struct blk_align *a, struct blk_align_slot *slot)
{
    uint32_t block = block_of(a);
    uint64_t left = slot->parent->bytes - slot->done;
    uint32_t off = before(a, slot);
    uint64_t most = BLK_ALIGN_PAGES * PAGE_BYTES - off;

    if (slot->parent->op == BLK_WRITE_ZEROES && off == 0 && left >= block) {
        slot->next_phase = PASSING; /* its middle */
        return;
    }
    if (slot->parent->op == BLK_WRITE_ZEROES)
        most = block - off;
    slot->bytes = (uint32_t)u64_min(left, most);
    slot->room = (off + slot->bytes + block - 1) & ~(block - 1);
    if (slot->parent->op == BLK_READ)
        slot->next_phase = READING;
    else if (off != 0)
        slot->next_phase = READ_FIRST;
    else
        slot->next_phase = into_last(a, slot) != 0 ? READ_LAST : WRITING;
}

/* `bytes` of our pages from `off` on, both whole blocks, in the request to the device. */
static void use_pages(struct blk_align_slot *slot, uint32_t off, uint32_t bytes)
{
    unsigned first = off / PAGE_BYTES, n = 0;

    off %= PAGE_BYTES;
    for (uint32_t left = bytes; left != 0; off = 0, n++) {
        struct blk_seg *seg = &slot->segs[first + n];
        seg->off = (uint16_t)off;
        seg->len = (uint16_t)u32_min(left, PAGE_BYTES - off);
        left -= seg->len;
    }
    slot->req.segs = &slot->segs[first];
    slot->req.seg_count = (uint16_t)n;
    slot->req.bytes = bytes;
}

/* Makes the request to the device of the slot's next phase. */
static void make(struct blk_align *a, struct blk_align_slot *slot)
{
    const struct blk_req *parent = slot->parent;
    uint32_t block = block_of(a), last = slot->room - block;
    uint64_t first = at_of(slot) - before(a, slot);

    slot->req = (struct blk_req){.user = slot, .start = first, .op = BLK_READ};
    switch ((enum phase)slot->next_phase) {
    case PASSING:
        slot->req.op = parent->op;
        slot->req.start = at_of(slot);
        slot->req.bytes = parent->bytes - slot->done;
        if (parent->op != BLK_FLUSH)
            slot->req.bytes &= ~(uint64_t)(block - 1);
        slot->req.segs = parent->segs;
        slot->req.seg_count = parent->seg_count;
        break;
    case READING:
        use_pages(slot, 0, slot->room);
        break;
    case READ_FIRST:
        use_pages(slot, 0, block);
        break;
    case READ_LAST:
        slot->req.start += last;
        use_pages(slot, last, block);
        break;
    default:
        slot->req.op = BLK_WRITE;
        use_pages(slot, 0, slot->room);
        break;
    }
}

/* ---- going on ------------------------------------------------------------------------------- */

static void finish(struct blk_align *a, struct blk_align_slot *slot, int status)
{
    struct blk_req *req = slot->parent;
    struct blk_align_slot **at = &a->active;

    while (*at != slot)
        at = &(*at)->next;
    *at = slot->next;
    if (*at == NULL)
        a->active_end = at;
    pages_put(a, slot);
    slot->next = a->free;
    a->free = slot;
    for (unsigned i = 0; moves_data(req) && i < req->seg_count; i++)
        page_put(req->segs[i].page);
    req->status = status;
    req->next = NULL;
    *a->done_end = req;
    a->done_end = &req->next;
    blkdev_count(&a->dev.stats, req);
}

/* Sends what comes next, as far as that can be. True: it was sent, or ended. */
static bool go(struct blk_align *a, struct blk_align_slot *slot)
{
    if (slot->next_phase != PASSING && slot->seg_count == 0 && !pages_get(a, slot))
        return false;
    if (slot->next_phase == WRITING) {
        if (slot->parent->op == BLK_WRITE)
            copy(a, slot, before(a, slot));
        else
            fill_zero(slot, before(a, slot));
    }
    make(a, slot);
    int err = blkdev_submit(a->conf.inner, &slot->req);
    if (err == -E_AGAIN) {
        /* A copy is made anew then: it is counted once. */
        if (slot->next_phase == WRITING && slot->parent->op == BLK_WRITE)
            a->dev.stats.copied_bytes -= slot->bytes;
        return false;
    }
    if (err != 0) {
        finish(a, slot, err);
        return true;
    }
    a->dev.stats.ring_requests++;
    slot->phase = slot->next_phase;
    return true;
}

/* What comes after the phase that the device has done. */
static void step(struct blk_align *a, struct blk_align_slot *slot)
{
    enum phase was = (enum phase)slot->phase;

    slot->phase = WAITING;
    if (slot->req.status != 0) {
        finish(a, slot, slot->req.status);
        return;
    }
    if (was == READ_FIRST || was == READ_LAST) {
        bool more = was == READ_FIRST && into_last(a, slot) != 0 && slot->room > block_of(a);
        a->dev.stats.rmw++;
        slot->next_phase = more ? READ_LAST : WRITING;
        return;
    }
    if (was == READING)
        copy(a, slot, before(a, slot));
    slot->done += was == PASSING ? slot->req.bytes : slot->bytes;
    pages_put(a, slot);
    /* What is left of a discard is no whole block. */
    if (slot->done == slot->parent->bytes || slot->parent->op == BLK_DISCARD)
        finish(a, slot, 0);
    else
        next_piece(a, slot);
}

/* Lets everything go on that can. */
static void push(struct blk_align *a)
{
    struct blk_align_slot *next;
    bool sent = false;

    for (struct blk_align_slot *slot = a->active; slot != NULL; slot = next) {
        next = slot->next;
        if (slot->phase != WAITING)
            continue;
        slot->begun = slot->begun || may_begin(a, slot);
        if (slot->begun)
            sent |= go(a, slot);
    }
    if (sent)
        blkdev_kick(a->conf.inner);
}

static bool pull(struct blk_align *a)
{
    struct blk_req *done[BATCH];
    bool any = false;

    for (uint32_t taken = 0; taken < a->conf.requests_max;) {
        unsigned n = blkdev_reap(a->conf.inner, done, BATCH);
        for (unsigned i = 0; i < n; i++)
            step(a, done[i]->user);
        any |= n != 0;
        taken += n;
        if (n < BATCH)
            break;
    }
    push(a);
    return any;
}

/* ---- the device ----------------------------------------------------------------------------- */

/* A discard's whole blocks. False: there are none. */
static bool shrink(const struct blk_align *a, const struct blk_req *req,
                   struct blk_align_slot *slot)
{
    uint64_t mask = block_of(a) - 1, first = (req->start + mask) & ~mask;

    slot->done = first - req->start;
    return slot->done < req->bytes && req->bytes - slot->done > mask;
}

static int align_submit(struct blkdev *dev, struct blk_req *req)
{
    struct blk_align *a = of(dev);
    struct blk_align_slot *slot = a->free;

    follow(a);
    int err = blkdev_judge(dev, req);
    bool aligned = err == 0 && is_aligned(a, req);
    if (err == 0 && req->op == BLK_SECURE_DISCARD && !aligned)
        err = -E_INVAL;
    if (err != 0) {
        dev->stats.refused++;
        return err;
    }
    if (slot == NULL) {
        a->wants_room = true;
        dev->stats.full++;
        return -E_AGAIN;
    }
    a->free = slot->next;
    *slot = (struct blk_align_slot){.parent = req};
    for (unsigned i = 0; moves_data(req) && i < req->seg_count; i++)
        page_ref(req->segs[i].page);
    *a->active_end = slot;
    a->active_end = &slot->next;
    a->in_flight++;
    if (aligned)
        slot->next_phase = PASSING;
    else if (req->op != BLK_DISCARD)
        next_piece(a, slot);
    else if (shrink(a, req, slot))
        slot->next_phase = PASSING;
    else
        finish(a, slot, 0);
    return 0;
}

static void align_kick(struct blkdev *dev)
{
    push(of(dev));
    blkdev_kick(of(dev)->conf.inner);
}

static unsigned align_reap(struct blkdev *dev, struct blk_req **reqs, unsigned n)
{
    struct blk_align *a = of(dev);
    unsigned got = 0;

    (void)pull(a);
    for (; got < n && a->done != NULL; got++) {
        reqs[got] = a->done;
        a->done = a->done->next;
    }
    if (a->done == NULL)
        a->done_end = &a->done;
    a->in_flight -= got;
    follow(a);
    return got;
}

static bool align_arm(struct blkdev *dev)
{
    struct blk_align *a = of(dev);
    bool work, room = a->wants_room && a->free != NULL;

    push(a);
    work = blkdev_arm(a->conf.inner);
    work |= pull(a);
    if (room)
        a->wants_room = false;
    follow(a);
    return work || room || a->done != NULL;
}

static const struct blkdev_ops align_ops = {
    .name = "align",
    .submit = align_submit,
    .kick = align_kick,
    .reap = align_reap,
    .arm = align_arm,
};

/* ---- life ----------------------------------------------------------------------------------- */

int blk_align_open(struct blk_align *a, const struct blk_align_conf *conf, struct blkdev **dev)
{
    if (conf->requests_max == 0 || ((uintptr_t)conf->requests & 15u) != 0)
        return -E_INVAL;
    if (conf->pool->free_count < BLK_ALIGN_PAGES)
        return -E_NOMEM;
    *a = (struct blk_align){.dev = {.ops = &align_ops}, .conf = *conf};
    for (unsigned i = 0; i < BLK_ALIGN_PAGES; i++)
        a->reserve[i] = page_get(conf->pool);
    for (uint32_t i = 0; i < conf->requests_max; i++) {
        struct blk_align_slot *slot =
            (void *)((uint8_t *)conf->requests + (size_t)i * BLK_ALIGN_REQUEST_BYTES);
        slot->next = a->free;
        a->free = slot;
    }
    a->active_end = &a->active;
    a->done_end = &a->done;
    follow(a);
    *dev = &a->dev;
    return 0;
}

void blk_align_close(struct blk_align *a)
{
    ASSERT(a->in_flight == 0);
    for (unsigned i = 0; i < BLK_ALIGN_PAGES; i++)
        page_put(a->reserve[i]);
}
