/* SPDX-License-Identifier: ISC */
/* blk_share.c - windows of one device.
 *
 * A window's request goes to the device in parts: one for each stretch of an extent that it
 * touches. A part needs room in the device and storage of the share's; where either is short after
 * the first part went, the request is taken all the same, and what is left of it (the share's
 * `rest`) goes as parts come back. While there is a rest no other request is taken: so there is
 * only one, and requests are begun in the order in which they were submitted.
 *
 * The first part stands for the request until all parts are back: it knows the window, how far the
 * request has been cut up, and what went wrong. One that lies in one extent goes with its own list
 * of segments; the others' segments are copied to the parts, for a boundary may lie inside one.
 */
#include <morgana/blk_share.h>

enum { BATCH = 16 };

static struct blk_window *of(struct blkdev *dev)
{
    return CONTAINER_OF(dev, struct blk_window, dev);
}

static bool moves_data(const struct blk_req *req)
{
    return req->op == BLK_READ || req->op == BLK_WRITE;
}

/* What may have changed behind our back. */
static void follow(struct blk_window *w)
{
    const struct blkdev *inner = w->share->dev;
    uint64_t bytes = w->dev.caps.bytes;
    uint32_t unit = inner->caps.discard_unit_bytes;

    w->dev.online = inner->online;
    w->dev.caps = inner->caps;
    w->dev.caps.bytes = bytes;
    w->dev.caps.read_only |= w->read_only;
    w->dev.caps.requests_max = (uint16_t)u32_min(inner->caps.requests_max, w->share->parts_max);
    /* The first extent's: each of several has its own. */
    if (unit != 0)
        w->dev.caps.discard_align_bytes =
            (uint32_t)((inner->caps.discard_align_bytes + unit - w->extents[0].start % unit) %
                       unit);
}

/* ---- parts ---------------------------------------------------------------------------------- */

static struct blk_share_part *part_get(struct blk_share *share)
{
    struct blk_share_part *part = share->free;

    if (part != NULL)
        share->free = part->next;
    return part;
}

static void part_put(struct blk_share *share, struct blk_share_part *part)
{
    part->next = share->free;
    share->free = part;
}

/* The extent in which byte `at` of the window lies, and where in it. Requests mostly go on where
 * the last one ended: so does the search. */
static const struct blk_extent *find(struct blk_window *w, uint64_t at, uint64_t *off)
{
    if (at < w->hint_start) {
        w->hint = 0;
        w->hint_start = 0;
    }
    while (at - w->hint_start >= w->extents[w->hint].bytes) {
        w->hint_start += w->extents[w->hint].bytes;
        w->hint++;
    }
    *off = at - w->hint_start;
    return &w->extents[w->hint];
}

/* Fills the part with segments from where `first` is, `max` bytes of them or what there is room
 * for: whole blocks. At most eight segments hold a block, so there is room for two at least. */
static void take_segs(const struct blk_share_part *first, struct blk_share_part *part, uint64_t max,
                      uint32_t block)
{
    const struct blk_req *parent = first->parent;
    uint32_t seg = first->seg, off = first->seg_off, n = 0;
    uint64_t bytes = 0, over;

    while (bytes < max && n < BLK_SHARE_PART_SEGS) {
        const struct blk_seg *from = &parent->segs[seg];
        uint32_t len = (uint32_t)u64_min(from->len - off, max - bytes);
        part->segs[n++] = (struct blk_seg){
            .page = from->page, .off = (uint16_t)(from->off + off), .len = (uint16_t)len};
        bytes += len;
        off += len;
        if (off == from->len) {
            seg++;
            off = 0;
        }
    }
    over = bytes % block;
    bytes -= over;
    while (over != 0) {
        struct blk_seg *last = &part->segs[n - 1];
        uint32_t cut = (uint32_t)u64_min(over, last->len);
        last->len = (uint16_t)(last->len - cut);
        over -= cut;
        n -= last->len == 0;
    }
    ASSERT(bytes != 0);
    part->req.segs = part->segs;
    part->req.seg_count = (uint16_t)n;
    part->req.bytes = bytes;
}

/* Moves the first part's place in the list of segments on. */
static void pass_segs(struct blk_share_part *first, uint64_t bytes)
{
    while (bytes != 0) {
        uint32_t len = first->parent->segs[first->seg].len - first->seg_off;
        uint32_t n = (uint32_t)u64_min(len, bytes);
        bytes -= n;
        first->seg_off += n;
        if (n == len) {
            first->seg++;
            first->seg_off = 0;
        }
    }
}

/* Sends what comes next of the request of `first` as `part`. */
static int send(struct blk_share *share, struct blk_share_part *first, struct blk_share_part *part)
{
    struct blk_req *parent = first->parent;
    struct blk_req *req = &part->req;

    part->first = first;
    *req = (struct blk_req){.user = part, .op = parent->op};
    if (parent->op != BLK_FLUSH) {
        uint64_t off, left = parent->bytes - first->sent;
        const struct blk_extent *extent = find(first->window, parent->start + first->sent, &off);

        req->start = extent->start + off;
        req->bytes = u64_min(left, extent->bytes - off);
        /* A device that came back with larger blocks: extents need not suit it any more. */
        if (((req->start | req->bytes) & (share->dev->caps.block_bytes - 1)) != 0)
            return -E_INVAL;
        if (req->bytes == parent->bytes) {
            req->segs = parent->segs;
            req->seg_count = parent->seg_count;
        } else if (parent->seg_count != 0) {
            take_segs(first, part, req->bytes, share->dev->caps.block_bytes);
        }
    }
    int err = blkdev_submit(share->dev, req);
    if (err != 0)
        return err;
    first->window->dev.stats.ring_requests++;
    first->left++;
    first->sent += req->bytes;
    if (parent->seg_count != 0 && first->sent != parent->bytes)
        pass_segs(first, req->bytes);
    return 0;
}

/* ---- finished ------------------------------------------------------------------------------- */

/* The request is done where all of it was sent and came back. */
static void settle(struct blk_share *share, struct blk_share_part *first)
{
    struct blk_window *w = first->window;
    struct blk_req *req = first->parent;

    if (first->left != 0 || share->rest == first)
        return;
    for (unsigned i = 0; moves_data(req) && i < req->seg_count; i++)
        page_put(req->segs[i].page);
    req->status = first->status;
    req->next = NULL;
    blkdev_count(&w->dev.stats, req);
    *w->done_end = req;
    w->done_end = &req->next;
    part_put(share, first);
}

static void finish(struct blk_share *share, struct blk_share_part *part)
{
    struct blk_share_part *first = part->first;

    if (part->req.status != 0)
        first->status = part->req.status;
    first->left--;
    if (part != first)
        part_put(share, part);
    settle(share, first);
}

/* Sends the rest as far as there is room. */
static void push(struct blk_share *share)
{
    struct blk_share_part *first = share->rest, *part;
    bool sent = false;
    int err = 0;

    if (first == NULL)
        return;
    while (first->status == 0 && first->sent != first->parent->bytes &&
           (part = part_get(share)) != NULL) {
        err = send(share, first, part);
        if (err != 0) {
            part_put(share, part);
            break;
        }
        sent = true;
    }
    if (sent)
        blkdev_kick(share->dev);
    if (err != 0 && err != -E_AGAIN)
        first->status = err;
    /* What was not sent when a part failed never is. */
    if (first->status != 0 || first->sent == first->parent->bytes) {
        share->rest = NULL;
        settle(share, first);
    }
}

/* Takes from the device what is finished, for whichever window. True: there was something. */
static bool pull(struct blk_share *share)
{
    struct blk_req *done[BATCH];
    bool any = false;

    for (uint32_t taken = 0; taken < share->parts_max;) {
        unsigned n = blkdev_reap(share->dev, done, BATCH);
        for (unsigned i = 0; i < n; i++)
            finish(share, done[i]->user);
        any |= n != 0;
        taken += n;
        push(share);
        if (n < BATCH)
            break;
    }
    return any;
}

/* ---- the window as a device ----------------------------------------------------------------- */

static int window_submit(struct blkdev *dev, struct blk_req *req)
{
    struct blk_window *w = of(dev);
    struct blk_share *share = w->share;

    follow(w);
    int err = blkdev_judge(dev, req);
    if (err != 0) {
        dev->stats.refused++;
        return err;
    }
    push(share);
    struct blk_share_part *part = share->rest == NULL ? part_get(share) : NULL;
    err = -E_AGAIN;
    if (part != NULL) {
        part->window = w;
        part->parent = req;
        part->sent = 0;
        part->seg = part->seg_off = part->left = 0;
        part->status = 0;
        err = send(share, part, part);
        if (err != 0)
            part_put(share, part);
    }
    if (err != 0) {
        w->wants_room |= err == -E_AGAIN;
        dev->stats.full += err == -E_AGAIN;
        dev->stats.refused += err != -E_AGAIN;
        return err;
    }
    /* The device has references for the parts that it has; what is left of the request has none. */
    for (unsigned i = 0; moves_data(req) && i < req->seg_count; i++)
        page_ref(req->segs[i].page);
    w->in_flight++;
    if (part->sent != req->bytes) {
        dev->stats.split++;
        share->rest = part;
        push(share);
    }
    return 0;
}

static void window_kick(struct blkdev *dev)
{
    blkdev_kick(of(dev)->share->dev);
}

static unsigned window_reap(struct blkdev *dev, struct blk_req **reqs, unsigned n)
{
    struct blk_window *w = of(dev);
    unsigned got = 0;

    (void)pull(w->share);
    while (got < n && w->done != NULL) {
        reqs[got] = w->done;
        w->done = w->done->next;
        got++;
    }
    if (w->done == NULL)
        w->done_end = &w->done;
    w->in_flight -= got;
    follow(w);
    return got;
}

static bool has_room(const struct blk_window *w)
{
    return w->wants_room && w->share->rest == NULL && w->share->free != NULL;
}

static bool window_arm(struct blkdev *dev)
{
    struct blk_window *w = of(dev);
    bool work;

    /* What is found for another window is work too: that one may have been armed before. */
    push(w->share);
    work = blkdev_arm(w->share->dev);
    work |= pull(w->share);
    work |= w->done != NULL;
    if (has_room(w)) {
        work = true;
        w->wants_room = false;
    }
    follow(w);
    return work;
}

static const struct blkdev_ops window_ops = {
    .name = "window",
    .submit = window_submit,
    .kick = window_kick,
    .reap = window_reap,
    .arm = window_arm,
};

/* ---- life ----------------------------------------------------------------------------------- */

void blk_share_init(struct blk_share *share, struct blkdev *dev, struct blk_share_part *parts,
                    uint32_t n)
{
    ASSERT(n >= 2);
    *share = (struct blk_share){.dev = dev, .parts_max = n};
    for (uint32_t i = 0; i < n; i++)
        part_put(share, &parts[i]);
}

static bool overlaps(const struct blk_extent *a, const struct blk_extent *b)
{
    return a->start < b->start ? b->start - a->start < a->bytes : a->start - b->start < b->bytes;
}

/* Extents in ascending order, which is the usual, are compared with their neighbours only. */
static int judge_extents(const struct blkdev *dev, const struct blk_extent *extents, uint32_t n)
{
    bool ascending = true;

    for (uint32_t i = 0; i < n; i++) {
        const struct blk_extent *e = &extents[i];
        if (((e->start | e->bytes) & (dev->caps.block_bytes - 1)) != 0 || e->bytes == 0 ||
            e->start > dev->caps.bytes || e->bytes > dev->caps.bytes - e->start)
            return -E_INVAL;
        if (i != 0 && (e->start < e[-1].start || overlaps(&e[-1], e)))
            ascending = false;
    }
    if (ascending)
        return 0;
    if (n > BLK_EXTENTS_MAX)
        return -E_2BIG;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < i; k++)
            if (overlaps(&extents[i], &extents[k]))
                return -E_INVAL;
    return 0;
}

int blk_window_open(struct blk_window *window, struct blk_share *share,
                    const struct blk_extent *extents, uint32_t n, bool read_only,
                    struct blkdev **dev)
{
    uint64_t bytes = 0;
    int err = n == 0 ? -E_INVAL : judge_extents(share->dev, extents, n);

    if (err != 0)
        return err;
    for (uint32_t i = 0; i < n; i++)
        bytes += extents[i].bytes;
    *window = (struct blk_window){
        .dev = {.ops = &window_ops, .caps.bytes = bytes},
        .share = share,
        .extents = extents,
        .extent_count = n,
        .read_only = read_only,
    };
    window->done_end = &window->done;
    follow(window);
    share->windows++;
    *dev = &window->dev;
    return 0;
}

void blk_window_close(struct blk_window *window)
{
    ASSERT(window->in_flight == 0);
    window->share->windows--;
}
