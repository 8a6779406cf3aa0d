/* SPDX-License-Identifier: ISC */
/* blkfront_ring.c - the rings and their event channels: made, shown to the backend, looked at,
 * taken back.
 *
 * A ring of several pages is a row of pages of the pool, one after the other in our memory; the
 * backend maps them by one grant each. Requests go round the queues in turn.
 */
#include <morgana/log.h>

#include "blkfront_priv.h"

/* ---- create ---------------------------------------------------------------------------------- */

/* Grants for all pages of the ring; on failure none. */
static int grant_pages(struct blkfront *bf, struct page *pages, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        int err = gnttab_grant(bf->conf.gt, bf->front.xb.otherend_id, virt_to_gfn(pages[i].base),
                               false, &pages[i].gref);

        if (err != 0) {
            pages[i].gref = 0;
            return err;
        }
    }
    return 0;
}

static void put_pages(struct blkfront *bf, struct page *pages, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (pages[i].gref != 0 && gnttab_end(bf->conf.gt, pages[i].gref) != 0) {
            bf->dev.stats.quarantined++;
            gnttab_quarantine_add(bf->quarantine, &pages[i]);
            continue;
        }
        pages[i].gref = 0;
        page_put(&pages[i]);
    }
}

static int queue_create(struct blkfront *bf, struct blkfront_queue *q)
{
    uint32_t n = 1u << bf->ring_order;
    int err;

    q->port = 0;
    q->ring_pages = page_get_row(bf->conf.pool, n);
    if (q->ring_pages == NULL)
        return -E_NOMEM;
    for (uint32_t i = 0; i < n; i++)
        q->ring_pages[i].gref = 0;
    /* All of it is zeroed before the backend may look (XSA-216). */
    ring_init(&q->ring, q->ring_pages->base, n * PAGE_BYTES, BLKFRONT_SLOT_BYTES, 0);
    err = grant_pages(bf, q->ring_pages, n);
    if (err == 0)
        err = evtchn_alloc_unbound(bf->conf.ev, bf->front.xb.otherend_id, &q->port);
    return err;
}

static int try_create(struct blkfront *bf, unsigned count)
{
    int err = 0;

    while (err == 0 && bf->queue_count < count)
        err = queue_create(bf, &bf->queue[bf->queue_count++]);
    if (err != 0)
        blkfront_rings_destroy(bf);
    return err;
}

int blkfront_rings_create(struct blkfront *bf, unsigned count, unsigned order)
{
    int err;

    bf->next_queue = 0;
    bf->ring_order = (uint8_t)order;
    err = try_create(bf, count);
    while (err == -E_NOMEM && bf->ring_order != 0) {
        bf->ring_order--;
        err = try_create(bf, count);
    }
    if (err != 0)
        LOG_ERROR("blkfront: %s: no page, grant or event channel for the rings: %s",
                  bf->front.xb.path, err_name(err));
    return err;
}

void blkfront_rings_forget(struct blkfront *bf)
{
    for (unsigned i = 0; i < bf->queue_count; i++)
        bf->queue[i].port = 0;
}

void blkfront_rings_destroy(struct blkfront *bf)
{
    while (bf->queue_count != 0) {
        struct blkfront_queue *q = &bf->queue[--bf->queue_count];

        if (q->port != 0)
            (void)evtchn_close(bf->conf.ev, q->port);
        q->port = 0;
        if (q->ring_pages != NULL)
            put_pages(bf, q->ring_pages, 1u << bf->ring_order);
        q->ring_pages = NULL;
        q->ring.shared = NULL;
    }
}

/* ---- traffic --------------------------------------------------------------------------------- */

struct blkfront_queue *blkfront_rings_room(struct blkfront *bf)
{
    for (unsigned i = 0; i < bf->queue_count; i++) {
        struct blkfront_queue *q = &bf->queue[bf->next_queue];

        bf->next_queue = (uint8_t)((bf->next_queue + 1u) % bf->queue_count);
        if (ring_in_flight(&q->ring) < q->ring.slots)
            return q;
    }
    return NULL;
}

void blkfront_rings_push(struct blkfront *bf)
{
    for (unsigned i = 0; i < bf->queue_count; i++) {
        struct blkfront_queue *q = &bf->queue[i];

        if (q->ring.req_pushed == q->ring.req_prod || !ring_push(&q->ring))
            continue;
        bf->dev.stats.notify++;
        /* It fails when the backend is gone: xenstore tells us so too. */
        (void)evtchn_send(bf->conf.ev, q->port);
    }
}

static void drain(struct blkfront *bf, unsigned i)
{
    struct ring *ring = &bf->queue[i].ring;
    int n = ring_responses(ring);

    if (UNLIKELY(n < 0)) {
        blkfront_violate(bf, BLKFRONT_RSP_PROD, ring->rsp_refused, ring->rsp_cons,
                         ring->req_pushed);
        return;
    }
    while (n-- > 0) {
        if (!blkfront_rsp_one(bf, i, blkfront_rsp_get(ring_next(ring))))
            return;
    }
}

void blkfront_rings_drain(struct blkfront *bf)
{
    for (unsigned i = 0; i < bf->queue_count && bf->live; i++)
        drain(bf, i);
}

bool blkfront_rings_arm(struct blkfront *bf)
{
    bool work = false;

    /* One event for each response: whoever waits for a disk waits for the next one. A lie about
     * rsp_prod is work too: drain finds out. */
    for (unsigned i = 0; i < bf->queue_count; i++)
        work = ring_final_check(&bf->queue[i].ring, 1) != 0 || work;
    return work;
}
