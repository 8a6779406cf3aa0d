/* SPDX-License-Identifier: ISC */
/* netfront_queue.c - queues: a pair of rings each, with their event channels.
 *
 * One queue lies in the device's record. Where the backend has more, and the program asked for
 * more, all lie in a row of the pool's pages, taken when it is first needed and kept until the
 * device closes: what a backend would not let go of is noted in its queue, and must outlast it.
 */
#include <morgana/log.h>

#include "netfront_priv.h"

#define QUEUE_PAGES(n)                                                                             \
    (((n) * (uint32_t)sizeof(struct netfront_queue) + PAGE_BYTES - 1) / PAGE_BYTES)

/* ---- pages of rings -------------------------------------------------------------------------- */

struct page *netfront_ring_page_get(struct netfront *nf, struct ring *ring, uint32_t slot_bytes)
{
    struct page *page = page_get(nf->conf.pool->pages);

    if (page == NULL)
        return NULL;
    ring_init(ring, page->base, PAGE_BYTES, slot_bytes, 0);
    if (gnttab_grant(nf->conf.gt, nf->front.xb.otherend_id, virt_to_gfn(page->base), false,
                     &page->gref) == 0)
        return page;
    ring->shared = NULL;
    page_put(page);
    return NULL;
}

void netfront_ring_page_put(struct netfront *nf, struct page *page)
{
    if (page == NULL)
        return;
    if (gnttab_end(nf->conf.gt, page->gref) != 0) {
        nf->dev.stats.quarantined++;
        gnttab_quarantine_add(nf->quarantine, page);
        return;
    }
    page->gref = 0;
    page_put(page);
}

/* ---- memory for queues ----------------------------------------------------------------------- */

void netfront_queues_init(struct netfront *nf)
{
    nf->queue = &nf->own_queue;
    nf->queue_room = 1;
    nf->own_queue.nf = nf;
}

/* Room for as many queues as the configuration allows: in the pool, if there is a row of pages. */
static void make_room(struct netfront *nf)
{
    uint32_t pages = QUEUE_PAGES(nf->conf.queues_max);
    struct page *row = page_get_row(nf->conf.pool->pages, pages);

    if (row == NULL) {
        LOG_WARN("netfront: %s: no row of %u free pages for %u queues: one is used",
                 nf->front.xb.path, pages, nf->conf.queues_max);
        return;
    }
    memset(row->base, 0, (size_t)pages * PAGE_BYTES);
    nf->queue_row = row;
    nf->queue = (struct netfront_queue *)(void *)row->base;
    nf->queue[0].stats = nf->own_queue.stats; /* they count since the device was opened */
    nf->queue_room = (uint8_t)nf->conf.queues_max;
    for (unsigned i = 0; i < nf->queue_room; i++)
        nf->queue[i].nf = nf;
}

void netfront_queues_fini(struct netfront *nf)
{
    uint32_t pages = QUEUE_PAGES(nf->conf.queues_max);

    for (unsigned i = 0; i < nf->queue_room; i++)
        netfront_tx_ring_abandon(&nf->queue[i]);
    nf->queue_count = 0;
    if (nf->queue_row == NULL)
        return;
    for (uint32_t i = 0; i < pages; i++)
        page_put(&nf->queue_row[i]);
    nf->queue_row = NULL;
    netfront_queues_init(nf);
}

/* ---- create and destroy ---------------------------------------------------------------------- */

static int create_one(struct netfront_queue *q, bool split)
{
    struct netfront *nf = q->nf;
    uint16_t domid = nf->front.xb.otherend_id;
    int err = netfront_tx_ring_create(q);

    if (err == 0)
        err = netfront_rx_ring_create(q);
    if (err == 0)
        err = evtchn_alloc_unbound(nf->conf.ev, domid, &q->tx_port);
    if (err == 0 && split)
        err = evtchn_alloc_unbound(nf->conf.ev, domid, &q->rx_port);
    else if (err == 0)
        q->rx_port = q->tx_port;
    return err;
}

/* Pages to keep posted in each of n queues: what was configured, and where they are several half
 * of the pool and of the grants at most for all of them: the rest is for sending. */
static uint32_t share(const struct netfront *nf, unsigned n)
{
    uint32_t pages = nf->conf.pool->pages->total, grants = nf->conf.gt->stats.free_count;

    return n == 1 ? nf->conf.rx_slots : u32_min(nf->conf.rx_slots, u32_min(pages, grants) / 2 / n);
}

int netfront_queues_create(struct netfront *nf, unsigned n, bool split)
{
    int err = 0;

    /* What an old backend keeps is noted in the queue there is. */
    if (n > 1 && nf->queue_row == NULL && nf->queue_count == 0)
        make_room(nf);
    if (n > nf->queue_room)
        n = nf->queue_room;
    while (n > 1 && share(nf, n) < NETFRONT_LONGEST_CHAIN)
        n--;
    nf->rx_slots = share(nf, n);
    nf->tx_hold = n > 1 ? 2 * n : 0;
    nf->rx_turn = 0;
    nf->split = split;
    nf->queue_count = (uint8_t)n;
    for (unsigned i = 0; err == 0 && i < n; i++)
        err = create_one(&nf->queue[i], split);
    if (err != 0) {
        LOG_ERROR("netfront: %s: no page, grant or event channel for the rings: %s",
                  nf->front.xb.path, err_name(err));
        (void)netfront_queues_destroy(nf);
        return err;
    }
    for (unsigned i = 0; i < n; i++) {
        netfront_rx_ring_fill(&nf->queue[i]);
        netfront_rx_ring_push(&nf->queue[i]);
    }
    netfront_grants_begin(nf);
    return 0;
}

static bool destroy_one(struct netfront_queue *q)
{
    struct evtchn *ev = q->nf->conf.ev;

    if (q->rx_port != 0 && q->rx_port != q->tx_port)
        (void)evtchn_close(ev, q->rx_port);
    if (q->tx_port != 0)
        (void)evtchn_close(ev, q->tx_port);
    q->tx_port = q->rx_port = 0;
    netfront_rx_ring_destroy(q);
    return netfront_tx_ring_destroy(q);
}

bool netfront_queues_destroy(struct netfront *nf)
{
    bool all = true;

    (void)gnttab_quarantine_poll(nf->quarantine, nf->conf.gt, NETFRONT_RING_SLOTS);
    if (nf->queue_count == 0)
        return true;
    netfront_ctrl_destroy(nf);
    /* All there is room for: an earlier connection may have had more queues than this one. */
    for (unsigned i = 0; i < nf->queue_room; i++)
        all = destroy_one(&nf->queue[i]) && all;
    netfront_grants_end(nf);
    if (all)
        nf->queue_count = 0;
    return all;
}

void netfront_queues_forget(struct netfront *nf)
{
    /* A page quarantined for several grants of which it remembers none stays so. */
    (void)gnttab_quarantine_poll(nf->quarantine, nf->conf.gt, nf->quarantine->count);
    for (unsigned i = 0; i < nf->queue_room; i++)
        nf->queue[i].tx_port = nf->queue[i].rx_port = 0;
    nf->ctrl.port = 0;
    (void)netfront_queues_destroy(nf);
}

void netfront_queues_kick(struct netfront *nf)
{
    for (unsigned i = 0; i < nf->queue_count; i++) {
        (void)evtchn_send(nf->conf.ev, nf->queue[i].tx_port);
        if (nf->split)
            (void)evtchn_send(nf->conf.ev, nf->queue[i].rx_port);
    }
}

bool netfront_queue_stats(const struct netdev *dev, unsigned queue,
                          struct netfront_queue_stats *stats)
{
    const struct netfront *nf = CONTAINER_OF(dev, const struct netfront, dev);

    if (queue >= nf->queue_count)
        return false;
    *stats = nf->queue[queue].stats;
    return true;
}
