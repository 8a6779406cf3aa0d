/* SPDX-License-Identifier: ISC */
/* blkback_ring.c - the rings: attaching to them, taking requests, checking them as Linux's backend
 * does and more strictly, answering.
 *
 * A request is copied out of its slot once, checked, and its grants are mapped; then it is in
 * flight until it is executed and answered: at once, or with a random domain 0 at any later step
 * and in any order, but never across a barrier.
 *
 * What Linux's backend answers with an error, because no correct guest asks it, is a fault of the
 * test too. What would end the connection there (an index ahead of the ring, an id twice in
 * flight) ends it here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blkback.h"

#include <xen/io/protocols.h>

#define SLOT_BYTES sizeof(union blkif_sring_entry)
#define HEADER_BYTES offsetof(struct blkif_sring, ring)

STATIC_ASSERT(SLOT_BYTES == 112 && HEADER_BYTES == 64, "the 64-bit layout");

/* ---- slots ---------------------------------------------------------------------------------- */

/* The bytes of a slot, which may lie across two pages: calls memcpy for each part. */
static void slot_copy(const struct sim_blk_queue *q, uint32_t index, uint8_t *in,
                      const uint8_t *out, size_t len)
{
    size_t at = HEADER_BYTES + (index & (q->slots - 1)) * SLOT_BYTES;
    for (size_t done = 0; done < len;) {
        uint8_t *byte = q->page[(at + done) / SIM_PAGE] + (at + done) % SIM_PAGE;
        size_t n = size_min(len - done, SIM_PAGE - (at + done) % SIM_PAGE);
        if (in != NULL)
            memcpy(in + done, byte, n);
        else
            memcpy(byte, out + done, n);
        done += n;
    }
}

void sim_blk_slot_read(const struct sim_blk_queue *q, uint32_t index, void *to, size_t len)
{
    slot_copy(q, index, to, NULL, len);
}

void sim_blk_slot_write(const struct sim_blk_queue *q, uint32_t index, const void *from, size_t len)
{
    slot_copy(q, index, NULL, from, len);
}

void sim_blk_put(struct sim_blk_queue *q, uint64_t id, uint8_t op, int16_t status)
{
    struct blkif_response response;
    memset(&response, 0, sizeof(response)); /* its padding too: XSA-216 */
    response.id = id;
    response.operation = op;
    response.status = status;
    sim_blk_slot_write(q, q->prod++, &response, sizeof(response));
}

void sim_blk_push(struct sim_vbd *vbd, struct sim_blk_queue *q)
{
    struct blkif_sring *ring = sim_blk_sring(q);
    uint32_t old = q->pushed;
    if (q->prod == old)
        return;
    wmb(); /* the responses before the index that publishes them */
    WRITE_ONCE(ring->rsp_prod, q->prod);
    mb(); /* the index before reading whether the guest wants an event */
    q->pushed = q->prod;
    if (q->prod - READ_ONCE(ring->rsp_event) < q->prod - old) {
        vbd->stats.events_to++;
        sim_dom0_send((uint32_t)q->port);
    }
}

/* ---- connecting ----------------------------------------------------------------------------- */

static uint32_t pages_allowed(const struct sim_vbd_conf *conf)
{
    uint32_t pages = sim_u32_max(1, conf->ring_pages_max);
    return sim_u32_max(pages, 1u << u32_min(conf->ring_order_max, BLKBACK_RING_ORDER_MAX));
}

/* Pages of each ring, by the two schemes (io/blkif.h, notes 1 and 2); 0: refused. `many`: the
 * references' keys are numbered. */
static uint32_t read_ring_pages(struct sim_vbd *vbd, bool *many)
{
    uint32_t order = sim_xs_read_u32(sim_vbd_front(vbd, "ring-page-order"), UINT32_MAX);
    uint32_t pages = sim_xs_read_u32(sim_vbd_front(vbd, "num-ring-pages"), UINT32_MAX);
    *many = order != UINT32_MAX || pages != UINT32_MAX;
    if (!*many)
        return 1;
    if (order != UINT32_MAX && order > BLKBACK_RING_ORDER_MAX)
        return sim_back_refuse(&vbd->b, "ring-page-order", "too large"), 0u;
    if (order != UINT32_MAX && pages != UINT32_MAX && pages != 1u << order)
        return sim_back_refuse(&vbd->b, "num-ring-pages", "differs from ring-page-order"), 0u;
    /* A frontend may write both keys (note 3); one of those that it wrote we know. */
    if ((order == UINT32_MAX || vbd->conf->ring_order_max == 0) &&
        (pages == UINT32_MAX || vbd->conf->ring_pages_max == 0))
        return sim_back_refuse(&vbd->b, "ring-page-order", "was not offered"), 0u;
    if (order != UINT32_MAX)
        pages = 1u << order;
    if (pages == 0 || (pages & (pages - 1)) != 0 || pages > pages_allowed(vbd->conf))
        return sim_back_refuse(&vbd->b, "num-ring-pages", "more than was offered"), 0u;
    return pages;
}

static void queue_unmap(struct sim_blk_queue *q)
{
    for (unsigned i = 0; i < q->pages; i++)
        sim_grant_unmap(q->gref[i], true);
    q->pages = 0;
}

static bool queue_map(struct sim_vbd *vbd, struct sim_blk_queue *q, const char *prefix,
                      uint32_t pages, bool many)
{
    char key[64];
    int16_t status;
    for (unsigned i = 0; i < pages; i++) {
        if (many)
            snprintf(key, sizeof(key), "%sring-ref%u", prefix, i);
        else
            snprintf(key, sizeof(key), "%sring-ref", prefix);
        q->gref[i] = sim_xs_read_u32(sim_vbd_front(vbd, key), 0);
        q->page[i] = q->gref[i] == 0 ? NULL : sim_grant_map(q->gref[i], true, &status);
        if (q->page[i] == NULL)
            return sim_back_refuse(&vbd->b, key, "not a grant that may be mapped for writing");
        q->pages = i + 1;
    }
    snprintf(key, sizeof(key), "%sevent-channel", prefix);
    uint32_t port = sim_xs_read_u32(sim_vbd_front(vbd, key), 0);
    q->port = sim_dom0_bind_work(port, (uint8_t)SIM_WORK_VBD_RINGS(vbd->b.index));
    if (q->port > 0)
        return true;
    q->port = 0;
    return sim_back_refuse(&vbd->b, key, "not an unbound port for domain 0");
}

static unsigned segments_max(const struct sim_vbd *vbd)
{
    return (unsigned)sim_u32_max(BLKIF_MAX_SEGMENTS_PER_REQUEST, vbd->conf->indirect_max);
}

static void queue_start(struct sim_vbd *vbd, struct sim_blk_queue *q)
{
    uint32_t slots = 1;
    unsigned segs = segments_max(vbd);
    while (slots * 2 * SLOT_BYTES + HEADER_BYTES <= q->pages * (size_t)SIM_PAGE)
        slots *= 2;
    q->slots = slots;
    q->reqs = sim_alloc(slots * sizeof(*q->reqs));
    q->reqs[0].segs = sim_alloc(slots * segs * sizeof(struct sim_blk_seg));
    q->free = q->first = NULL;
    q->last = &q->first;
    q->in_flight = 0;
    for (uint32_t i = 0; i < slots; i++) {
        q->reqs[i].segs = q->reqs[0].segs + (size_t)i * segs;
        q->reqs[i].next = q->free;
        q->free = &q->reqs[i];
    }
    /* As BACK_RING_ATTACH of io/ring.h: a ring may begin at any index. */
    q->cons = q->prod = q->pushed = READ_ONCE(sim_blk_sring(q)->rsp_prod);
}

static void queue_stop(struct sim_vbd *vbd, struct sim_blk_queue *q)
{
    for (struct sim_blk_req *r = q->first; r != NULL; r = r->next)
        sim_blk_release(vbd, r);
    if (q->reqs != NULL)
        free(q->reqs[0].segs);
    free(q->reqs);
    q->reqs = q->first = q->free = NULL;
    q->in_flight = 0;
    if (q->port > 0)
        sim_dom0_close((uint32_t)q->port);
    q->port = 0;
    queue_unmap(q);
}

static bool attach(struct sim_vbd *vbd)
{
    bool many;
    uint32_t pages = read_ring_pages(vbd, &many);
    if (pages == 0)
        return false;
    for (unsigned i = 0; i < vbd->queues_count; i++) {
        char prefix[24] = "";
        if (vbd->queues_count > 1)
            snprintf(prefix, sizeof(prefix), "queue-%u/", i);
        vbd->queue[i].index = i;
        if (!queue_map(vbd, &vbd->queue[i], prefix, pages, many))
            return false;
    }
    return true;
}

bool sim_vbd_connect(struct sim_vbd *vbd)
{
    char protocol[32];
    uint32_t queues = sim_xs_read_u32(sim_vbd_front(vbd, "multi-queue-num-queues"), 1);
    if (queues == 0 || queues > sim_u32_max(1, u32_min(vbd->conf->queues_max, BLKBACK_QUEUES_MAX)))
        return sim_back_refuse(&vbd->b, "multi-queue-num-queues", "more than were offered");
    if (sim_xs_read(sim_vbd_front(vbd, "protocol"), protocol, sizeof(protocol)) >= 0 &&
        strcmp(protocol, XEN_IO_PROTO_ABI_NATIVE) != 0)
        return sim_back_refuse(&vbd->b, "protocol", "not this machine's");
    vbd->queues_count = queues;
    vbd->use_persistent =
        vbd->conf->persistent && sim_xs_read_u32(sim_vbd_front(vbd, "feature-persistent"), 0) == 1;
    if (!attach(vbd)) {
        for (unsigned i = 0; i < queues; i++)
            queue_stop(vbd, &vbd->queue[i]);
        return false;
    }
    for (unsigned i = 0; i < queues; i++)
        queue_start(vbd, &vbd->queue[i]);
    vbd->b.connected = true;
    vbd->b.dead = false;
    vbd->stats.connects++;
    sim_work_set(SIM_WORK_VBD_RINGS(vbd->b.index));
    return true;
}

void sim_vbd_disconnect(struct sim_vbd *vbd)
{
    for (unsigned i = 0; i < vbd->queues_count; i++)
        queue_stop(vbd, &vbd->queue[i]);
    sim_blk_persistent_drop(vbd);
    vbd->b.connected = false;
}

/* ---- taking requests ------------------------------------------------------------------------ */

/* What is wrong with a request: a fault, and answered with an error. */
static void spoil(const struct sim_vbd *vbd, struct sim_blk_req *r, int16_t status,
                  const char *what, uint64_t number)
{
    sim_back_fault(&vbd->b, "operation %u: %s (%llu)", r->ring_op, what,
                   (unsigned long long)number);
    if (!r->bad)
        r->status = status;
    r->bad = true;
}

static bool offered(const struct sim_vbd_conf *conf, uint8_t op)
{
    const bool has[] = {
        [BLKIF_OP_READ] = true,
        [BLKIF_OP_WRITE] = true,
        [BLKIF_OP_WRITE_BARRIER] = conf->barrier,
        [BLKIF_OP_FLUSH_DISKCACHE] = conf->flush,
        [BLKIF_OP_RESERVED_1] = false,
        [BLKIF_OP_DISCARD] = conf->discard,
        [BLKIF_OP_INDIRECT] = conf->indirect_max != 0,
    };
    return op < ARRAY_SIZE(has) && has[op];
}

static bool all_zero(const void *bytes, size_t len)
{
    const uint8_t *b = bytes;
    while (len-- != 0) {
        if (*b++ != 0)
            return false;
    }
    return true;
}

static uint32_t block_sectors(const struct sim_vbd *vbd)
{
    return sim_u32_max(vbd->conf->sector_bytes, BLKBACK_SECTOR) / BLKBACK_SECTOR;
}

static void add_segment(struct sim_vbd *vbd, struct sim_blk_req *r,
                        const struct blkif_request_segment *s)
{
    struct sim_blk_seg *seg = &r->segs[r->segs_count++];
    memset(seg, 0, sizeof(*seg));
    seg->first = s->first_sect;
    seg->last = s->last_sect;
    if (!all_zero((const uint8_t *)s + 6, sizeof(*s) - 6))
        spoil(vbd, r, BLKIF_RSP_ERROR, "a segment's padding is not zero (XSA-216)", 0);
    if (s->first_sect > s->last_sect || s->last_sect >= BLKBACK_PAGE_SECTORS) {
        spoil(vbd, r, BLKIF_RSP_ERROR, "a segment is outside its page",
              s->first_sect * 256u + s->last_sect);
        return;
    }
    if ((seg->last - seg->first + 1u) % block_sectors(vbd) != 0)
        spoil(vbd, r, BLKIF_RSP_ERROR, "a segment is no whole blocks of sector-size", s->last_sect);
    r->sectors += seg->last - seg->first + 1u;
    if (!sim_blk_map(vbd, &seg->map, s->gref, r->op == BLKIF_OP_READ))
        spoil(vbd, r, BLKIF_RSP_ERROR, "a segment's grant", s->gref);
}

static void take_direct(struct sim_vbd *vbd, struct sim_blk_req *r,
                        const struct blkif_request *slot)
{
    bool may_be_empty = r->op == BLKIF_OP_FLUSH_DISKCACHE || r->op == BLKIF_OP_WRITE_BARRIER;
    if (!all_zero((const uint8_t *)slot + 4, 4))
        spoil(vbd, r, BLKIF_RSP_ERROR, "the slot's padding is not zero (XSA-216)", 0);
    if (slot->nr_segments > BLKIF_MAX_SEGMENTS_PER_REQUEST ||
        (slot->nr_segments == 0 && !may_be_empty)) {
        spoil(vbd, r, BLKIF_RSP_ERROR, "number of segments", slot->nr_segments);
        return;
    }
    for (unsigned i = 0; i < slot->nr_segments; i++)
        add_segment(vbd, r, &slot->seg[i]);
}

static void take_indirect(struct sim_vbd *vbd, struct sim_blk_req *r,
                          const struct blkif_request_indirect *slot)
{
    r->op = slot->indirect_op;
    if (r->op != BLKIF_OP_READ && r->op != BLKIF_OP_WRITE) {
        spoil(vbd, r, BLKIF_RSP_EOPNOTSUPP, "an indirect operation that is none", r->op);
        r->op = BLKIF_OP_READ;
        return;
    }
    vbd->stats.indirect++;
    if (!all_zero((const uint8_t *)slot + 4, 4) || !all_zero((const uint8_t *)slot + 26, 2) ||
        !all_zero((const uint8_t *)slot + 60, sizeof(*slot) - 60))
        spoil(vbd, r, BLKIF_RSP_ERROR, "the slot's padding is not zero (XSA-216)", 0);
    if (slot->nr_segments == 0 || slot->nr_segments > vbd->conf->indirect_max) {
        spoil(vbd, r, BLKIF_RSP_ERROR, "number of indirect segments", slot->nr_segments);
        return;
    }
    for (unsigned i = 0; i < slot->nr_segments; i++) {
        struct blkif_request_segment s;
        unsigned page = i / BLKBACK_PAGE_SEGMENTS;
        if (i % BLKBACK_PAGE_SEGMENTS == 0) {
            r->pages_count = page + 1;
            if (!sim_blk_map(vbd, &r->pages[page], slot->indirect_grefs[page], false)) {
                r->pages_count = page;
                spoil(vbd, r, BLKIF_RSP_ERROR, "the grant of a page of segments", page);
                return;
            }
        }
        memcpy(&s, r->pages[page].page + i % BLKBACK_PAGE_SEGMENTS * sizeof(s), sizeof(s));
        add_segment(vbd, r, &s);
    }
}

static void take_discard(struct sim_vbd *vbd, struct sim_blk_req *r,
                         const struct blkif_request_discard *slot)
{
    r->secure = (slot->flag & BLKIF_DISCARD_SECURE) != 0;
    r->sectors = slot->nr_sectors;
    if ((slot->flag & ~BLKIF_DISCARD_SECURE) != 0)
        spoil(vbd, r, BLKIF_RSP_ERROR, "flags of a discard", slot->flag);
    if (r->secure && !vbd->conf->discard_secure)
        spoil(vbd, r, BLKIF_RSP_EOPNOTSUPP, "a secure discard, which was not offered", 0);
    if (r->sectors == 0)
        spoil(vbd, r, BLKIF_RSP_ERROR, "a discard of nothing", 0);
}

/* Where on the disk: inside, whole blocks, and not written to where that is forbidden. */
static void check_place(struct sim_vbd *vbd, struct sim_blk_req *r)
{
    const struct sim_vbd_conf *conf = vbd->conf;
    if (r->op == BLKIF_OP_FLUSH_DISKCACHE && r->sectors == 0)
        return;
    if (r->sectors == 0 && r->op == BLKIF_OP_WRITE_BARRIER)
        return;
    if (r->op != BLKIF_OP_READ && conf->read_only)
        spoil(vbd, r, BLKIF_RSP_ERROR, "a write to a disk that is read-only", r->sector);
    if (r->sector > conf->sectors || r->sectors > conf->sectors - r->sector)
        spoil(vbd, r, BLKIF_RSP_ERROR, "past the end of the disk", r->sector);
    else if ((r->sector | r->sectors) % block_sectors(vbd) != 0)
        spoil(vbd, r, BLKIF_RSP_ERROR, "not whole blocks of sector-size", r->sector);
}

static void fill(struct sim_vbd *vbd, struct sim_blk_req *r, const union blkif_sring_entry *slot)
{
    struct blkif_request_indirect indirect;
    struct blkif_request_discard discard;
    struct sim_blk_seg *segs = r->segs;
    memcpy(&indirect, slot, sizeof(indirect));
    memcpy(&discard, slot, sizeof(discard));
    memset(r, 0, sizeof(*r));
    r->segs = segs;
    r->id = slot->req.id;
    r->sector = slot->req.sector_number;
    r->op = r->ring_op = slot->req.operation;
    if (!offered(vbd->conf, r->op))
        spoil(vbd, r, BLKIF_RSP_EOPNOTSUPP, "an operation that was not offered", r->op);
    else if (r->op == BLKIF_OP_INDIRECT)
        take_indirect(vbd, r, &indirect);
    else if (r->op == BLKIF_OP_DISCARD)
        take_discard(vbd, r, &discard);
    else
        take_direct(vbd, r, &slot->req);
    if (!r->bad)
        check_place(vbd, r);
    vbd->stats.segments += r->segs_count;
    if (!r->bad && vbd->fail[r->op].count != 0) {
        vbd->fail[r->op].count--;
        r->bad = true;
        r->status = vbd->fail[r->op].status;
    }
}

static bool id_in_flight(const struct sim_blk_queue *q, uint64_t id)
{
    for (const struct sim_blk_req *r = q->first; r != NULL; r = r->next) {
        if (r->id == id)
            return true;
    }
    return false;
}

/* Takes one request. False: the vbd is dead. */
static bool take(struct sim_vbd *vbd, struct sim_blk_queue *q)
{
    union blkif_sring_entry slot;
    sim_blk_slot_read(q, q->cons++, &slot, sizeof(slot));
    if (id_in_flight(q, slot.req.id)) {
        sim_back_fatal(&vbd->b, "an id is in flight already", slot.req.id);
        return false;
    }
    struct sim_blk_req *r = q->free;
    ASSERT(r != NULL);
    q->free = r->next;
    fill(vbd, r, &slot);
    *q->last = r;
    q->last = &r->next;
    q->in_flight++;
    return true;
}

/* ---- answering ------------------------------------------------------------------------------ */

void sim_blk_finish(struct sim_vbd *vbd, struct sim_blk_queue *q, struct sim_blk_req **link)
{
    struct sim_blk_req *r = *link;
    if (!r->bad)
        r->status = sim_blk_execute(vbd, r);
    vbd->stats.errors += r->status != BLKIF_RSP_OKAY;
    sim_blk_release(vbd, r);
    if (vbd->seen != NULL)
        vbd->seen(vbd->seen_arg, r->op, r->sector, r->sectors, r->status);
    sim_blk_put(q, r->id, r->ring_op, r->status);
    *link = r->next;
    if (q->last == &r->next)
        q->last = link;
    r->next = q->free;
    q->free = r;
    q->in_flight--;
}

/* One of those that may be next: any that stands before the first barrier, or that barrier. */
static struct sim_blk_req **choose(struct sim_blk_queue *q)
{
    struct sim_blk_req **link = &q->first;
    unsigned n = 0;
    if (!sim_state.conf.random)
        return link;
    for (struct sim_blk_req *r = q->first; r != NULL && r->op != BLKIF_OP_WRITE_BARRIER;
         r = r->next)
        n++;
    for (unsigned i = n > 1 ? sim_random(n) : 0; i != 0; i--)
        link = &(*link)->next;
    return link;
}

static void serve(struct sim_vbd *vbd, struct sim_blk_queue *q, unsigned budget)
{
    while (q->first != NULL && budget-- != 0)
        sim_blk_finish(vbd, q, choose(q));
    sim_blk_push(vbd, q);
}

void sim_vbd_drain(struct sim_vbd *vbd)
{
    for (unsigned i = 0; i < vbd->queues_count; i++)
        serve(vbd, &vbd->queue[i], UINT32_MAX);
}

/* Takes what the guest has shown, up to a ring of requests in flight. */
static bool step_queue(struct sim_vbd *vbd, struct sim_blk_queue *q, unsigned budget)
{
    struct blkif_sring *ring = sim_blk_sring(q);
    vbd->stats.events_from += sim_dom0_events((uint32_t)q->port);
    for (;;) {
        uint32_t prod = READ_ONCE(ring->req_prod);
        rmb(); /* the index before the requests it publishes */
        if (prod - q->prod > q->slots) {
            sim_back_fatal(&vbd->b, "requests run ahead of the ring", prod - q->prod);
            return false;
        }
        if (prod == q->cons) {
            WRITE_ONCE(ring->req_event, q->cons + 1);
            mb(); /* ask for an event before looking again */
            if (READ_ONCE(ring->req_prod) == q->cons)
                break;
            continue;
        }
        if (q->free == NULL)
            break; /* lies moved the indices: the ring's worth of requests is in flight */
        if (!take(vbd, q))
            return false;
    }
    if (!vbd->paused)
        serve(vbd, q, budget);
    return q->in_flight != 0 && !vbd->paused;
}

void sim_vbd_step_rings(unsigned index, unsigned budget)
{
    struct sim_vbd *vbd = &sim_vbds[index];
    bool more = false;
    for (unsigned i = 0; i < vbd->queues_count && vbd->b.connected && !vbd->b.dead; i++)
        more |= step_queue(vbd, &vbd->queue[i], budget);
    if (more)
        sim_work_set(SIM_WORK_VBD_RINGS(index));
}
