/* SPDX-License-Identifier: ISC */
/* run.c - keeps so many requests in flight. */
#include <stdlib.h>

#include <morgana/blk_io.h>
#include <morgana/platform.h>
#include <morgana/random.h>

#include "blkbench.h"

enum { BATCH = 32 };

/* A request and its memory, used again and again. */
struct slot {
    struct slot *next;
    struct blk_req req;
    uint64_t began_ns;
};

static struct {
    const struct load *load;
    struct blkdev *dev;
    struct result *result;
    struct slot *slots, *free;
    struct blk_seg *segs;
    uint32_t slot_pages, in_flight;
    uint64_t rng, begun, next_at, unflushed, end_ns;
    int err;
} run;

static uint64_t draw(void)
{
    return random_next(&run.rng);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static int take_slots(struct page_pool *pages)
{
    uint32_t n = run.load->iodepth;
    uint32_t per_slot = (run.load->bs + PAGE_BYTES - 1) / PAGE_BYTES;

    run.slots = calloc(n, sizeof(*run.slots));
    run.segs = calloc((size_t)n * per_slot, sizeof(*run.segs));
    if (run.slots == NULL || run.segs == NULL || pages->free_count < n * per_slot)
        return -E_NOMEM;
    run.slot_pages = per_slot;
    for (uint32_t i = 0; i < n * per_slot; i++) {
        uint32_t off = i % per_slot * PAGE_BYTES;
        struct page *page = page_get(pages);
        for (uint32_t k = 0; k < PAGE_BYTES; k += 8)
            cs_set_le64(page_view(page), k, draw());
        run.segs[i] = (struct blk_seg){.page = page,
                                       .len = (uint16_t)u32_min(PAGE_BYTES, run.load->bs - off)};
    }
    for (uint32_t i = 0; i < n; i++) {
        run.slots[i].next = run.free;
        run.free = &run.slots[i];
    }
    return 0;
}

static void put_slots(void)
{
    for (uint32_t i = 0; i < run.load->iodepth * run.slot_pages; i++)
        page_put(run.segs[i].page);
    free(run.slots);
    free(run.segs);
}

/* ---- requests -------------------------------------------------------------------------------- */

static uint64_t next_place(void)
{
    const struct load *load = run.load;
    uint64_t places = load->size / load->bs, at;

    if (load->random)
        return load->at + draw() % places * load->bs;
    at = load->at + run.next_at;
    run.next_at = (run.next_at + load->bs) % (places * load->bs);
    return at;
}

static bool is_over(uint64_t now)
{
    const struct load *load = run.load;

    return run.err != 0 || (load->ops != 0 && run.begun >= load->ops) || now >= run.end_ns;
}

static void make(struct slot *slot)
{
    const struct load *load = run.load;
    bool write = load->writes && (!load->reads || draw() % 2 == 0);

    slot->req = (struct blk_req){.user = slot};
    if (load->flush_every != 0 && run.unflushed >= load->flush_every) {
        run.unflushed -= load->flush_every;
        slot->req.op = BLK_FLUSH;
        return;
    }
    slot->req.op = write ? BLK_WRITE : BLK_READ;
    slot->req.start = next_place();
    slot->req.bytes = load->bs;
    slot->req.segs = &run.segs[(size_t)(slot - run.slots) * run.slot_pages];
    slot->req.seg_count = (uint16_t)run.slot_pages;
}

/* As many as there is room for. `held`: a request that found none. */
static void submit_all(struct slot **held, uint64_t now)
{
    while (run.free != NULL && (*held != NULL || !is_over(now))) {
        struct slot *slot = run.free;
        if (*held == NULL)
            make(slot);
        slot->began_ns = now;
        int err = blkdev_submit(run.dev, &slot->req);
        *held = err == -E_AGAIN ? slot : NULL;
        if (err == -E_AGAIN)
            break;
        if (err != 0) {
            run.err = err;
            return;
        }
        run.begun += slot->req.op != BLK_FLUSH;
        run.free = slot->next;
        run.in_flight++;
    }
    blkdev_kick(run.dev);
}

static void account(struct slot *slot, uint64_t now)
{
    const struct blk_req *req = &slot->req;
    uint64_t took = now - slot->began_ns;

    slot->next = run.free;
    run.free = slot;
    run.in_flight--;
    if (req->status != 0) {
        run.err = run.err == 0 ? req->status : run.err;
        return;
    }
    if (req->op == BLK_FLUSH) {
        hist_add(&run.result->flush_lat, took);
        return;
    }
    run.unflushed += req->op == BLK_WRITE;
    run.result->ops++;
    run.result->bytes += req->bytes;
    hist_add(&run.result->lat, took);
}

static unsigned take_done(void)
{
    struct blk_req *done[BATCH];
    unsigned n = blkdev_reap(run.dev, done, BATCH);
    uint64_t now = n != 0 ? plat_now_ns() : 0;

    for (unsigned i = 0; i < n; i++)
        account(done[i]->user, now);
    return n;
}

static int loop(void)
{
    uint64_t dead_at = plat_now_ns() + BLK_IO_TIMEOUT_NS;
    struct slot *held = NULL;

    for (;;) {
        uint64_t now = plat_now_ns();
        if (plat_request() != PLAT_RUN)
            run.end_ns = now;
        if (is_over(now))
            held = NULL;
        submit_all(&held, now);
        if (run.in_flight == 0 && held == NULL && is_over(now))
            return run.err;
        if (take_done() != 0)
            dead_at = now + BLK_IO_TIMEOUT_NS;
        else if (now >= dead_at)
            return -E_TIMEDOUT;
        else if (!blkdev_arm(run.dev))
            plat_wait(dead_at);
    }
}

int run_load(const struct load *load, struct blkdev *dev, struct page_pool *pages,
             struct result *result)
{
    struct blkdev_stats before = dev->stats;
    const uint64_t *was = (const uint64_t *)&before, *is = (const uint64_t *)&dev->stats;
    uint64_t began;
    int err;

    run.load = load;
    run.dev = dev;
    run.result = result;
    run.rng = load->seed;
    err = take_slots(pages);
    if (err != 0)
        return err;
    began = plat_now_ns();
    run.end_ns = load->ns != 0 ? began + load->ns : NS_NEVER;
    err = loop();
    result->ns = plat_now_ns() - began;
    for (unsigned i = 0; i < ARRAY_SIZE(blkdev_stat_names); i++)
        ((uint64_t *)&result->stats)[i] = is[i] - was[i];
    if (err != -E_TIMEDOUT)
        put_slots();
    return err;
}
