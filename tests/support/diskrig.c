/* SPDX-License-Identifier: ISC */
/* diskrig.c - see diskrig.h. */
#include "diskrig.h"

#include <string.h>

static _Alignas(PAGE_BYTES) uint8_t memory[DISKRIG_PAGES * PAGE_BYTES];
static _Alignas(PAGE_BYTES) uint8_t medium[DISKRIG_BYTES];
static struct page headers[DISKRIG_PAGES];
static struct blk_mem_undo undo[DISKRIG_UNDO];
static struct diskrig rig;

struct diskrig *diskrig_open(const struct blk_mem_conf *conf)
{
    struct blk_mem_conf c = conf != NULL ? *conf : (struct blk_mem_conf){0};
    uint64_t seed = 7;

    for (size_t i = 0; i < sizeof(medium); i++)
        medium[i] = (uint8_t)test_random(&seed);
    page_pool_init(&rig.pages, headers, memory, DISKRIG_PAGES);
    c.memory = medium;
    c.bytes = DISKRIG_BYTES;
    c.undo = undo;
    c.undo_max = DISKRIG_UNDO;
    rig.medium = medium;
    ASSERT(blk_mem_open(&rig.mem, &c, &rig.disk) == 0);
    return &rig;
}

void diskrig_close(struct diskrig *r)
{
    blk_mem_close(&r->mem);
    ASSERT(r->pages.free_count == r->pages.total);
}

void diskrig_make(struct diskrig *r, struct diskrig_req *q, enum blk_op op, uint64_t start,
                  uint32_t bytes, uint32_t off)
{
    uint32_t left = bytes;

    q->req = (struct blk_req){.user = q, .start = start, .bytes = bytes, .op = (uint8_t)op};
    q->in_flight = false;
    if (op != BLK_READ && op != BLK_WRITE)
        return;
    q->req.segs = q->segs;
    while (left != 0) {
        uint32_t len = u32_min(left, PAGE_BYTES - off);
        struct page *page = page_get(&r->pages);
        ASSERT(page != NULL && q->req.seg_count < DISKRIG_SEGS);
        q->segs[q->req.seg_count++] =
            (struct blk_seg){.page = page, .off = (uint16_t)off, .len = (uint16_t)len};
        left -= len;
        off = 0;
    }
}

void diskrig_chop(struct diskrig_req *q, uint32_t unit, uint64_t *seed)
{
    for (unsigned i = 0; i < q->req.seg_count && q->req.seg_count < DISKRIG_SEGS; i++) {
        struct blk_seg *s = &q->segs[i];
        uint32_t units = s->len / unit, first;
        if (units < 2 || test_random_below(seed, 2) == 0)
            continue;
        first = (1 + test_random_below(seed, units - 1)) * unit;
        memmove(s + 1, s, (q->req.seg_count - i) * sizeof(*s));
        s[1].off = (uint16_t)(s->off + first);
        s[1].len = (uint16_t)(s->len - first);
        s->len = (uint16_t)first;
        page_ref(s->page);
        q->req.seg_count++;
    }
}

void diskrig_free(struct diskrig_req *q)
{
    ASSERT(!q->in_flight);
    for (unsigned i = 0; i < q->req.seg_count; i++)
        page_put(q->segs[i].page);
    q->req.seg_count = 0;
}

void diskrig_fill(const struct diskrig_req *q, const uint8_t *from)
{
    for (unsigned i = 0; i < q->req.seg_count; from += q->segs[i].len, i++)
        memcpy(q->segs[i].page->base + q->segs[i].off, from, q->segs[i].len);
}

void diskrig_read(const struct diskrig_req *q, uint8_t *to)
{
    for (unsigned i = 0; i < q->req.seg_count; to += q->segs[i].len, i++)
        memcpy(to, q->segs[i].page->base + q->segs[i].off, q->segs[i].len);
}

struct diskrig_req *diskrig_reap(struct blkdev *dev)
{
    struct blk_req *req;

    for (unsigned i = 0; i < 100; i++) {
        if (blkdev_reap(dev, &req, 1) == 1) {
            struct diskrig_req *q = req->user;
            q->in_flight = false;
            return q;
        }
        (void)blkdev_arm(dev);
    }
    return NULL;
}

int diskrig_do(struct blkdev *dev, struct diskrig_req *q)
{
    int err = blkdev_submit(dev, &q->req);

    if (err != 0)
        return err;
    q->in_flight = true;
    blkdev_kick(dev);
    while (q->in_flight)
        if (diskrig_reap(dev) == NULL)
            return -E_TIMEDOUT;
    return q->req.status;
}
