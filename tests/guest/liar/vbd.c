/* SPDX-License-Identifier: ISC */
/* vbd.c - the disk, with memory of its own. Requests of several shapes are in flight all the time.
 * Every 8 bytes that are written hold the number of them that are before on the disk, and so must
 * what is read with success: the backend lies about everything but the data. */
#include <morgana/log.h>
#include <morgana/platform.h>

#include "liar.h"

enum { PAGES = 512, JOBS = 12, SEGS = 20 };

static const struct {
    uint8_t op, pages;
} shapes[JOBS] = {
    {BLK_READ, 1}, {BLK_WRITE, 1}, {BLK_READ, SEGS}, {BLK_WRITE, SEGS},
    {BLK_READ, 3}, {BLK_WRITE, 3}, {BLK_FLUSH, 0},   {BLK_DISCARD, 1},
    {BLK_READ, 1}, {BLK_WRITE, 1}, {BLK_READ, SEGS}, {BLK_WRITE, SEGS},
};

static struct job {
    struct blk_req req;
    struct blk_seg segs[SEGS];
    bool flying;
} jobs[JOBS];
static _Alignas(PAGE_BYTES) uint8_t memory[PAGES * PAGE_BYTES];
static struct page headers[PAGES];
static struct page_pool pages;
static struct blkdev *dev; /* NULL: closed */
static uint64_t open_at, submit_at, serial;
static unsigned opened, refused, down_for;
static uint64_t violations, quarantined, submitted, done, failed, given_up, strange;

/* ---- requests -------------------------------------------------------------------------------- */

static void put_pages(struct job *job)
{
    while (job->req.seg_count != 0)
        page_put(job->segs[--job->req.seg_count].page);
    job->flying = false;
}

/* Where the next request goes: never behind one of the last, so that none are joined. */
static uint64_t place(void)
{
    return serial++ * (SEGS + 1) % (dev->caps.bytes / PAGE_BYTES - SEGS) * PAGE_BYTES;
}

static bool get_pages(struct job *job, unsigned n)
{
    uint64_t word = job->req.start / sizeof(word);

    while (job->req.seg_count < n) {
        struct page *page = page_get(&pages);

        if (page == NULL)
            return false;
        job->segs[job->req.seg_count++] = (struct blk_seg){.page = page, .len = PAGE_BYTES};
        for (unsigned i = 0; i < PAGE_BYTES / sizeof(word); i++, word++)
            ((uint64_t *)(void *)page->base)[i] = job->req.op == BLK_WRITE ? word : ~word;
    }
    return true;
}

static void submit(struct job *job, uint8_t op, unsigned n)
{
    job->req = (struct blk_req){.op = op, .segs = job->segs};
    if (op != BLK_FLUSH) {
        job->req.bytes = (uint64_t)n * PAGE_BYTES;
        job->req.start = place();
    }
    if ((op <= BLK_WRITE && !get_pages(job, n)) || blkdev_submit(dev, &job->req) != 0) {
        put_pages(job);
        return;
    }
    job->flying = true;
    submitted++;
}

static void submit_all(void)
{
    if (dev->caps.bytes / PAGE_BYTES <= SEGS)
        return;
    for (unsigned i = 0; i < JOBS; i++)
        if (!jobs[i].flying)
            submit(&jobs[i], shapes[i].op, shapes[i].pages);
    blkdev_kick(dev);
}

static bool is_right(const struct job *job)
{
    uint64_t word = job->req.start / sizeof(word);

    for (unsigned s = 0; s < job->req.seg_count; s++)
        for (unsigned i = 0; i < PAGE_BYTES / sizeof(word); i++, word++)
            if (((const uint64_t *)(const void *)job->segs[s].page->base)[i] != word)
                return false;
    return true;
}

static unsigned reap(void)
{
    struct blk_req *got[JOBS];
    unsigned n = blkdev_reap(dev, got, JOBS);

    for (unsigned i = 0; i < n; i++) {
        struct job *job = CONTAINER_OF(got[i], struct job, req);

        if (job->req.status != 0)
            failed++;
        else if (job->req.op == BLK_READ && !is_right(job))
            strange++;
        else
            done++;
        put_pages(job);
    }
    return n;
}

/* ---- the device ------------------------------------------------------------------------------ */

/* Where it lied all requests ended with that. */
static void close_it(void)
{
    while (reap() != 0)
        ;
    violations += dev->stats.violations;
    quarantined += dev->stats.quarantined;
    plat_blkdev_close(dev);
    dev = NULL;
    open_at = plat_now_ns() + PAUSE_NS;
    for (unsigned i = 0; i < JOBS; i++) {
        given_up += jobs[i].flying;
        put_pages(&jobs[i]);
    }
}

static void open_it(void)
{
    if (plat_blkdev_open("", &pages, &dev) == 0) {
        opened++;
    } else {
        dev = NULL;
        refused++;
    }
    down_for = 0;
    open_at = plat_now_ns() + PAUSE_NS;
}

void vbd_start(void)
{
    page_pool_init(&pages, headers, memory, PAGES);
}

bool vbd_turn(uint64_t now)
{
    unsigned n;

    if (dev == NULL) {
        if (now >= open_at)
            open_it();
        return dev != NULL;
    }
    n = reap();
    if (dev->stats.violations != 0 || down_for > DOWN_TICKS) {
        close_it();
        return true;
    }
    if (now >= submit_at) {
        submit_at = now + TICK_NS;
        down_for = dev->online ? 0 : down_for + 1;
        submit_all();
    }
    return n != 0;
}

bool vbd_arm(void)
{
    return dev != NULL && blkdev_arm(dev);
}

uint64_t vbd_due(void)
{
    return dev != NULL ? submit_at : open_at;
}

bool vbd_end(void)
{
    if (dev != NULL)
        close_it();
    LOG_INFO("liar: disk: opened %u times, refused %u times, %llu violations, %llu pages "
             "quarantined; %llu requests, %llu done, %llu failed, %llu given up, %llu strange",
             opened, refused, (unsigned long long)violations, (unsigned long long)quarantined,
             (unsigned long long)submitted, (unsigned long long)done, (unsigned long long)failed,
             (unsigned long long)given_up, (unsigned long long)strange);
    LOG_INFO("liar: disk: pages: %u of %u free", pages.free_count, pages.total);
    return pages.free_count == pages.total && strange == 0 && submitted == done + failed + given_up;
}
