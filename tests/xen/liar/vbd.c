/* SPDX-License-Identifier: ISC */
/* vbd.c - a block backend's rings, those of public/io/blkif.h from the backend's side, and a disk
 * that has no memory: the honest part. */
#include <stdio.h>
#include <string.h>

#include "liar.h"

#define PATIENCE_MS 5000u
#define SECTOR 512u
#define WAITING 2u /* requests that a lie may need, in each queue */

/* Shared with the guest. */
#define SHARED(x) (*(volatile __typeof__(x) *)&(x))

/* ---- connect --------------------------------------------------------------------------------- */

/* As many as fit, rounded down to a power of two (public/io/ring.h). */
static unsigned slots_of(unsigned pages)
{
    unsigned fit = (unsigned)((pages * PAGE - offsetof(struct blkif_sring, ring)) /
                              sizeof(union blkif_sring_entry));
    unsigned slots = 1;

    while (slots * 2 <= fit)
        slots *= 2;
    return slots;
}

static void connect_queue(struct device *d, struct vbd_queue *q, const char *dir, unsigned order)
{
    uint32_t grefs[16];
    char key[24];

    q->pages = 1u << order;
    if (q->pages > sizeof(grefs) / sizeof(grefs[0]))
        die("a ring of %u pages", q->pages);
    for (unsigned i = 0; i < q->pages; i++) {
        snprintf(key, sizeof(key), order != 0 ? "ring-ref%u" : "ring-ref", i);
        grefs[i] = store_number(dir, key, 0);
    }
    q->ring = device_map(d, grefs, q->pages, true, &q->at);
    q->slots = slots_of(q->pages);
    q->cons = q->prod = q->ring->rsp_prod;
    q->port = device_bind(d, store_number(dir, "event-channel", 0));
}

void vbd_connect(struct device *d)
{
    unsigned order = store_number(d->front, "ring-page-order", 0);
    char dir[128];

    d->queues = store_number(d->front, "multi-queue-num-queues", 1);
    if (d->queues > VBD_QUEUES_MAX)
        die("%u queues", d->queues);
    for (unsigned i = 0; i < d->queues; i++) {
        snprintf(dir, sizeof(dir), "%s/queue-%u", d->front, i);
        connect_queue(d, &d->queue[i], d->queues > 1 ? dir : d->front, order);
    }
}

void vbd_disconnect(struct device *d)
{
    for (unsigned i = 0; i < d->queues; i++) {
        device_unbind(d, &d->queue[i].port);
        device_unmap(d, d->queue[i].ring, d->queue[i].pages, d->queue[i].at);
    }
}

/* ---- requests -------------------------------------------------------------------------------- */

static uint32_t waiting(const struct vbd_queue *q)
{
    return SHARED(q->ring->req_prod) - q->cons;
}

static struct vbd_request take(struct device *d, unsigned queue)
{
    struct vbd_queue *q = &d->queue[queue];
    union blkif_sring_entry slot;
    struct blkif_request_indirect far;
    struct vbd_request r;
    uint64_t at;
    void *list;

    __sync_synchronize();
    slot = q->ring->ring[q->cons++ % q->slots];
    r = (struct vbd_request){.queue = queue,
                             .id = slot.req.id,
                             .op = slot.req.operation,
                             .sector = slot.req.sector_number};
    if (r.op == BLKIF_OP_INDIRECT) {
        memcpy(&far, &slot, sizeof(far));
        r.is_long = true;
        r.op = far.indirect_op;
        r.id = far.id;
        r.sector = far.sector_number;
        r.list = far.indirect_grefs[0];
        r.segs = far.nr_segments;
        if (r.segs > VBD_SEGS_MAX)
            die("a request of %u segments", r.segs);
        list = device_map(d, &r.list, 1, false, &at);
        memcpy(r.seg, list, r.segs * sizeof(r.seg[0]));
        device_unmap(d, list, 1, at);
    } else if (r.op == BLKIF_OP_READ || r.op == BLKIF_OP_WRITE) {
        r.segs = slot.req.nr_segments;
        if (r.segs > BLKIF_MAX_SEGMENTS_PER_REQUEST)
            die("a request of %u segments", r.segs);
        memcpy(r.seg, slot.req.seg, r.segs * sizeof(r.seg[0]));
    }
    return r;
}

struct vbd_request vbd_take_from(struct device *d, unsigned queue)
{
    uint64_t end = now_ms() + PATIENCE_MS;

    while (waiting(&d->queue[queue]) == 0) {
        if (now_ms() > end)
            die("no request in ring %u", queue);
        sleep_ms(2);
    }
    return take(d, queue);
}

struct vbd_request vbd_take(struct device *d)
{
    uint64_t end = now_ms() + PATIENCE_MS;

    for (;;) {
        unsigned longest = 0;

        for (unsigned i = 1; i < d->queues; i++)
            if (waiting(&d->queue[i]) > waiting(&d->queue[longest]))
                longest = i;
        if (waiting(&d->queue[longest]) != 0)
            return take(d, longest);
        if (now_ms() > end)
            die("no request in the rings");
        sleep_ms(2);
    }
}

static struct vbd_request take_such(struct device *d, uint8_t op, bool is_long)
{
    for (unsigned i = 0; i < 200; i++) {
        struct vbd_request r = vbd_take(d);

        if (is_long ? r.is_long : r.op == op)
            return r;
        (void)vbd_serve(d, &r);
        vbd_push(d);
    }
    die("no such request in the rings");
}

struct vbd_request vbd_take_op(struct device *d, uint8_t op)
{
    return take_such(d, op, false);
}

struct vbd_request vbd_take_long(struct device *d)
{
    return take_such(d, 0, true);
}

/* ---- responses ------------------------------------------------------------------------------- */

void vbd_put(struct device *d, unsigned queue, uint64_t id, uint8_t op, int16_t status)
{
    struct vbd_queue *q = &d->queue[queue];

    q->ring->ring[q->prod++ % q->slots].rsp =
        (struct blkif_response){.id = id, .operation = op, .status = status};
}

void vbd_push(struct device *d)
{
    __sync_synchronize();
    for (unsigned i = 0; i < d->queues; i++)
        SHARED(d->queue[i].ring->rsp_prod) = d->queue[i].prod;
    __sync_synchronize();
    for (unsigned i = 0; i < d->queues; i++)
        device_notify(d, d->queue[i].port);
}

/* ---- an honest backend ----------------------------------------------------------------------- */

bool vbd_move(struct device *d, const struct vbd_request *r)
{
    uint64_t word = r->sector * SECTOR / sizeof(word), at;
    uint32_t grefs[VBD_SEGS_MAX];
    bool reads = r->op == BLKIF_OP_READ, right = true;
    uint8_t *pages;

    for (unsigned i = 0; i < r->segs; i++)
        grefs[i] = r->seg[i].gref;
    if (r->segs == 0)
        return true;
    pages = device_map(d, grefs, r->segs, reads, &at);
    for (unsigned i = 0; i < r->segs; i++) {
        uint64_t *p = (uint64_t *)(pages + i * PAGE + r->seg[i].first_sect * SECTOR);
        uint64_t *end = (uint64_t *)(pages + i * PAGE + (r->seg[i].last_sect + 1) * SECTOR);

        for (; p < end; p++, word++) {
            if (reads)
                *p = word;
            else
                right = right && *p == word;
        }
    }
    device_unmap(d, pages, r->segs, at);
    return right;
}

bool vbd_serve(struct device *d, const struct vbd_request *r)
{
    bool right = vbd_move(d, r);

    vbd_put(d, r->queue, r->id, r->op, BLKIF_RSP_OKAY);
    return right;
}

/* The guest sleeps until the next response, so it has seen all that were before; and there are
 * requests to lie about. */
static bool is_settled(const struct device *d)
{
    for (unsigned i = 0; i < d->queues; i++) {
        const struct vbd_queue *q = &d->queue[i];

        if (SHARED(q->ring->rsp_event) != q->prod + 1 || waiting(q) < WAITING)
            return false;
    }
    return true;
}

bool vbd_is_served(struct device *d)
{
    uint64_t end = now_ms() + PATIENCE_MS;
    bool right = true;

    for (unsigned i = 0; i < 8; i++) {
        struct vbd_request r = vbd_take(d);

        right = vbd_serve(d, &r) && right;
        vbd_push(d);
    }
    while (!is_settled(d)) {
        if (now_ms() > end)
            return false;
        sleep_ms(2);
    }
    return right && device_front_state(d) == XenbusStateConnected;
}
