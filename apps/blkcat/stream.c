/* SPDX-License-Identifier: ISC */
/* stream.c - a ring of requests: the next one is made in the slot of the oldest, when that is
 * back. */
#include <morgana/blk_io.h>
#include <morgana/platform.h>

#include "stream.h"

enum { SLOTS = 8, SLOT_PAGES = 16 };

struct slot {
    struct blk_req req;
    struct blk_seg segs[SLOT_PAGES];
    struct page *pages[SLOT_PAGES];
    bool sent, back;
};

static struct slot slots[SLOTS];

/* How many slots have their pages: at least one, or 0 where there are none. */
static unsigned take_pages(struct page_pool *pool, unsigned per_slot)
{
    unsigned n = 0;

    while (n < SLOTS && pool->free_count >= per_slot) {
        for (unsigned i = 0; i < per_slot; i++)
            slots[n].pages[i] = page_get(pool);
        n++;
    }
    return n;
}

static void put_pages(unsigned n, unsigned per_slot)
{
    for (unsigned s = 0; s < n; s++)
        for (unsigned i = 0; i < per_slot; i++)
            page_put(slots[s].pages[i]);
}

static void each_page(const struct slot *slot, stream_each *each, void *arg)
{
    uint64_t at = slot->req.start;

    for (unsigned i = 0; i < slot->req.seg_count; at += slot->segs[i].len, i++)
        each(arg, at, cs_head(page_view(slot->segs[i].page), slot->segs[i].len));
}

static void make(struct slot *slot, enum blk_op op, uint64_t at, uint64_t bytes)
{
    uint16_t n = 0;

    slot->req = (struct blk_req){
        .user = slot, .start = at, .bytes = bytes, .segs = slot->segs, .op = (uint8_t)op};
    for (; bytes != 0; n++) {
        uint16_t len = (uint16_t)u64_min(bytes, PAGE_BYTES);
        slot->segs[n] = (struct blk_seg){.page = slot->pages[n], .len = len};
        bytes -= len;
    }
    slot->req.seg_count = n;
    slot->back = false;
}

/* Takes what is back; sleeps where nothing is. */
static int wait_some(struct blkdev *dev)
{
    uint64_t end = plat_now_ns() + BLK_IO_TIMEOUT_NS;
    struct blk_req *done[SLOTS];
    unsigned n;

    while ((n = blkdev_reap(dev, done, SLOTS)) == 0) {
        if (blkdev_arm(dev))
            continue;
        if (plat_now_ns() >= end)
            return -E_TIMEDOUT;
        plat_wait(end);
    }
    while (n-- > 0)
        ((struct slot *)done[n]->user)->back = true;
    return 0;
}

/* The ring: slots first .. first+count-1 are on their way, oldest first. */
struct ring {
    unsigned slots, first, count, per_slot;
    uint64_t at, end;
};

/* Sends as many as there is room for. */
static int fill_ring(struct ring *ring, struct blkdev *dev, enum blk_op op, stream_each *each,
                     void *arg)
{
    while (ring->count < ring->slots && ring->at != ring->end) {
        struct slot *slot = &slots[(ring->first + ring->count) % ring->slots];
        if (!slot->sent) {
            make(slot, op, ring->at,
                 u64_min(ring->end - ring->at, (uint64_t)ring->per_slot * PAGE_BYTES));
            if (op == BLK_WRITE)
                each_page(slot, each, arg);
            slot->sent = true; /* filled, at least */
        }
        int err = blkdev_submit(dev, &slot->req);
        if (err == -E_AGAIN)
            break;
        if (err != 0) {
            slot->sent = false;
            return err;
        }
        ring->at += slot->req.bytes;
        ring->count++;
    }
    blkdev_kick(dev);
    return 0;
}

/* Takes the oldest out, where it is back. */
static int drain_ring(struct ring *ring, enum blk_op op, stream_each *each, void *arg, bool use,
                      uint64_t *failed_at)
{
    struct slot *slot = &slots[ring->first];

    ring->first = (ring->first + 1) % ring->slots;
    ring->count--;
    slot->sent = false;
    if (slot->req.status != 0) {
        *failed_at = slot->req.start;
        return slot->req.status;
    }
    if (op == BLK_READ && use)
        each_page(slot, each, arg);
    return 0;
}

int stream(struct blkdev *dev, struct page_pool *pages, enum blk_op op, uint64_t start,
           uint64_t bytes, stream_each *each, void *arg, uint64_t *failed_at)
{
    struct ring ring = {.per_slot = SLOT_PAGES, .at = start, .end = start + bytes};
    int err = 0;

    ring.slots = take_pages(pages, SLOT_PAGES);
    if (ring.slots == 0) {
        ring.per_slot = 1;
        ring.slots = take_pages(pages, 1);
    }
    if (ring.slots == 0)
        return -E_NOMEM;
    for (unsigned i = 0; i < SLOTS; i++)
        slots[i].sent = slots[i].back = false;
    *failed_at = start;
    while (ring.count != 0 || (err == 0 && ring.at != ring.end)) {
        if (err == 0 && plat_request() != PLAT_RUN)
            err = -E_AGAIN;
        if (err == 0 && (err = fill_ring(&ring, dev, op, each, arg)) != 0)
            *failed_at = ring.at;
        if (ring.count == 0)
            continue;
        int waited = wait_some(dev);
        if (waited != 0)
            return waited; /* the device has the pages still */
        while (ring.count != 0 && slots[ring.first].back) {
            uint64_t at;
            int drained = drain_ring(&ring, op, each, arg, err == 0, &at);
            if (drained != 0 && err == 0) {
                err = drained;
                *failed_at = at;
            }
        }
    }
    put_pages(ring.slots, ring.per_slot);
    return err;
}
