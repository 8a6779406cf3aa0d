/* SPDX-License-Identifier: ISC */
/* netback_tx.c - frames from the guest: requests of the TX ring, checked as Linux's netback
 * checks them, and handed to the wire.
 *
 * What a guest may not do ends the vif and is a fault of the test: too many slots, a slot across
 * a page's end, an id twice in flight, a page that was not granted, headers that are not all in
 * the first slot (XSA-423), extra info of no known type or cut short, segments of no size.
 */
#include <string.h>

#include <morgana/cksum.h>

#include "netback.h"

#define ETH_HEADER 14u
#define SLOTS_MAX XEN_NETIF_NR_SLOTS_MIN
#define BATCH_MAX NETBACK_SLOTS

/* One frame being collected. */
struct gather {
    struct netif_tx_request first;
    struct netif_extra_info extra[XEN_NETIF_EXTRA_TYPE_MAX]; /* by type; type 0: not there */
    struct iovec iov[SLOTS_MAX];
    unsigned pieces;
    size_t len;
    bool bad_grant;
    uint16_t id[SLOTS_MAX];
    unsigned slots, extras;
};

/* Responses of one step, where they come in any order. */
static struct {
    struct netif_tx_response response[BATCH_MAX];
    unsigned count;
} batch;

/* ---- responses ------------------------------------------------------------------------------ */

static void put_response(struct sim_netq *q, struct netif_tx_response response)
{
    struct netif_tx_response *slot = &q->tx->ring[q->tx_prod++ % NETBACK_SLOTS].rsp;
    if (response.status == NETIF_RSP_NULL) {
        slot->status = response.status; /* as Linux: the id is what stood there */
        return;
    }
    *slot = response;
    sim_ids_remove(q->tx_ids, response.id);
}

/* Responses may come in any order: with a random domain 0 they do. */
static void publish(struct sim_netq *q)
{
    for (unsigned i = 0; i < batch.count; i++) {
        unsigned j = i + sim_random(batch.count - i);
        put_response(q, batch.response[j]);
        batch.response[j] = batch.response[i];
    }
    batch.count = 0;
    sim_vif_tx_push(q);
}

static void answer(struct sim_netq *q, uint16_t id, int16_t status)
{
    struct netif_tx_response response = {id, status};
    if (!sim_state.conf.random) {
        put_response(q, response);
        return;
    }
    ASSERT(batch.count < BATCH_MAX);
    batch.response[batch.count++] = response;
}

/* Each slot has a response: those with extra info one that says nothing, after the first slot's. */
static void respond(struct sim_netq *q, const struct gather *g, int16_t status)
{
    answer(q, g->id[0], status);
    for (unsigned i = 0; i < g->extras; i++)
        answer(q, 0, NETIF_RSP_NULL);
    for (unsigned i = 1; i < g->slots; i++)
        answer(q, g->id[i], status);
}

/* ---- collecting a frame --------------------------------------------------------------------- */

static void add_piece(const struct sim_netq *q, struct gather *g, const struct netif_tx_request *r,
                      uint32_t size)
{
    int16_t status;
    uint8_t *bytes = sim_grant_use(r->gref, r->offset, size, false, &status);
    if (bytes == NULL) {
        g->bad_grant = true;
        sim_back_fault(&q->vif->b,
                       "transmit slot %u: grant %u does not allow %u bytes at %u: status %d", r->id,
                       r->gref, size, r->offset, status);
        return;
    }
    g->iov[g->pieces++] = (struct iovec){bytes, size};
    g->len += size;
}

static bool fatal(struct sim_netq *q, const char *what, uint32_t number)
{
    sim_back_fatal(&q->vif->b, what, number);
    return false;
}

static bool add_slot(struct sim_netq *q, struct gather *g, const struct netif_tx_request *r)
{
    if (!sim_ids_add(q->tx_ids, r->id))
        return fatal(q, "transmit id is in flight already", r->id);
    g->id[g->slots++] = r->id;
    return true;
}

/* Takes the first slot of a frame, and those of extra info, which follow it. False: the vif is
 * dead. */
static bool collect_first(struct sim_netq *q, struct gather *g, uint32_t prod)
{
    struct netif_extra_info extra = {.flags = XEN_NETIF_EXTRA_FLAG_MORE};
    memcpy(&g->first, &q->tx->ring[q->tx_cons++ % NETBACK_SLOTS], sizeof(g->first));
    if (!add_slot(q, g, &g->first))
        return false;
    if ((g->first.flags & NETTXF_extra_info) == 0)
        return true;
    while ((extra.flags & XEN_NETIF_EXTRA_FLAG_MORE) != 0) {
        if (q->tx_cons == prod)
            return fatal(q, "extra info was not all published", g->extras);
        memcpy(&extra, &q->tx->ring[q->tx_cons++ % NETBACK_SLOTS], sizeof(extra));
        if (extra.type == XEN_NETIF_EXTRA_TYPE_NONE || extra.type >= XEN_NETIF_EXTRA_TYPE_MAX)
            return fatal(q, "extra info of no known type", extra.type);
        if (++g->extras > NETBACK_EXTRAS_MAX)
            return fatal(q, "too many slots of extra info", g->extras);
        g->extra[extra.type] = extra;
    }
    return true;
}

/* Takes the rest of the frame's slots, and uses all their grants. */
static bool collect_rest(struct sim_netq *q, struct gather *g, uint32_t prod)
{
    struct netif_tx_request r, rest[SLOTS_MAX];
    unsigned more = 0;
    /* The first request's size is the frame's; what the others hold is not in the first slot. */
    uint32_t first_size = g->first.size;
    for (r = g->first; (r.flags & NETTXF_more_data) != 0;) {
        if (q->tx_cons == prod)
            return fatal(q, "a frame's slots were not all published", more);
        memcpy(&r, &q->tx->ring[q->tx_cons++ % NETBACK_SLOTS], sizeof(r));
        if (++more >= SLOTS_MAX)
            return fatal(q, "too many slots", more);
        if (r.size > first_size)
            return fatal(q, "slots exceed the frame", more);
        if (!add_slot(q, g, &r))
            return false;
        if (!cs_in(SIM_PAGE, r.offset, r.size))
            return fatal(q, "a slot crosses a page's end", r.offset + 0u + r.size);
        first_size -= r.size;
        rest[more - 1] = r;
    }
    if (!cs_in(SIM_PAGE, g->first.offset, first_size))
        return fatal(q, "the first slot crosses a page's end", first_size);
    add_piece(q, g, &g->first, first_size);
    for (unsigned i = 0; i < more; i++)
        add_piece(q, g, &rest[i], rest[i].size);
    return true;
}

/* ---- what is in the frame ------------------------------------------------------------------- */

/* The end of the protocol headers, and where a checksum would stand: from the first piece alone. */
static uint32_t headers_end(const struct gather *g, struct sim_meta *meta)
{
    const uint8_t *p = g->iov[0].iov_base;
    size_t n = g->iov[0].iov_len;
    if (n < ETH_HEADER || p[12] != 0x08 || p[13] != 0x00)
        return ETH_HEADER;
    if (n < ETH_HEADER + 20)
        return ETH_HEADER + 20;
    uint32_t l4 = ETH_HEADER + (p[ETH_HEADER] & 15u) * 4;
    bool fragment = (p[ETH_HEADER + 6] & 0x1f) != 0 || p[ETH_HEADER + 7] != 0;
    uint8_t protocol = p[ETH_HEADER + 9];
    if (fragment || (protocol != 6 && protocol != 17))
        return l4;
    meta->start = (uint16_t)l4;
    meta->off = protocol == 6 ? 16 : 6;
    return l4 + (protocol == 6 ? 20 : 8);
}

/* A blank checksum field must hold the pseudo-header's sum: whoever completes it adds to that. */
static bool blank_is_right(const struct gather *g, const struct sim_meta *meta)
{
    struct cs_ro p = cs_ro_of(g->iov[0].iov_base, g->iov[0].iov_len);
    uint32_t total = cs_get_be16(p, ETH_HEADER + 2);
    uint32_t l4_len = total - (meta->start - ETH_HEADER);
    uint32_t sum = cksum_pseudo4(cs_get_be32(p, ETH_HEADER + 12), cs_get_be32(p, ETH_HEADER + 16),
                                 p.base[ETH_HEADER + 9], (uint16_t)l4_len);
    uint16_t expected = (uint16_t)~cksum_finish(sum);
    return cs_get_be16(p, meta->start + (size_t)meta->off) == expected;
}

static void check_csum(const struct sim_vif *vif, const struct gather *g, uint32_t end,
                       const struct sim_meta *meta)
{
    bool known = meta->start != 0 && end <= g->iov[0].iov_len;
    if (end > g->iov[0].iov_len && g->pieces > 1)
        sim_back_fault(&vif->b, "headers end at %u, the first slot at %zu (XSA-423)", end,
                       g->iov[0].iov_len);
    if (meta->blank && vif->conf->no_csum)
        sim_back_fault(&vif->b, "a blank checksum for a backend that refuses them");
    else if (meta->blank && (!known || !blank_is_right(g, meta)))
        sim_back_fault(&vif->b, "a blank checksum without the pseudo-header's sum");
}

/* What the GSO slot says. False: the vif is dead. */
static bool read_gso(struct sim_netq *q, const struct gather *g, struct sim_meta *meta)
{
    const struct netif_extra_info *extra = &g->extra[XEN_NETIF_EXTRA_TYPE_GSO];
    const unsigned both = NETTXF_csum_blank | NETTXF_data_validated;
    if (extra->type == 0)
        return true;
    if (extra->u.gso.size == 0)
        return fatal(q, "segments of no size", 0);
    if (extra->u.gso.type != XEN_NETIF_GSO_TYPE_TCPV4)
        return fatal(q, "segments of no protocol that anybody here has", extra->u.gso.type);
    if (!sim_vif_offers_gso(q->vif))
        sim_back_fault(&q->vif->b, "a super-segment, which was not offered");
    if ((g->first.flags & both) != both)
        sim_back_fault(&q->vif->b, "a super-segment's checksum is not blank and validated (%u)",
                       g->first.flags);
    meta->gso_size = extra->u.gso.size;
    return true;
}

/* ---- to the wire ---------------------------------------------------------------------------- */

static void send_cut(struct sim_vif *vif, const struct sim_frame *frame)
{
    static uint8_t whole[NETBACK_FRAME_MAX], piece[NETBACK_FRAME_MAX];
    struct sim_gso cut;
    struct sim_meta meta;
    uint32_t len = (uint32_t)sim_iov_read(frame->iov, frame->iov_count, whole, frame->len);
    if (!sim_gso_begin(&cut, whole, len, &frame->meta)) {
        sim_back_fault(&vif->b, "a super-segment that is no TCP over IPv4");
        return;
    }
    while ((len = sim_gso_next(&cut, piece, &meta)) != 0) {
        struct iovec iov = {piece, len};
        struct sim_frame one = {.iov = &iov, .iov_count = 1, .len = len, .meta = meta};
        vif->stats.tx_cut++;
        vif->wire->send(vif->wire, &one);
    }
}

static bool deliver(struct sim_netq *q, struct gather *g)
{
    struct sim_vif *vif = q->vif;
    struct sim_frame frame = {.iov = g->iov, .iov_count = g->pieces, .len = g->len};
    uint32_t end = headers_end(g, &frame.meta);
    frame.meta.blank = (g->first.flags & NETTXF_csum_blank) != 0;
    frame.meta.validated = (g->first.flags & NETTXF_data_validated) != 0;
    if (!read_gso(q, g, &frame.meta))
        return false;
    check_csum(vif, g, end, &frame.meta);
    vif->stats.tx_frames++;
    vif->stats.tx_bytes += g->len;
    vif->stats.tx_slots += g->slots;
    vif->stats.tx_gso += frame.meta.gso_size != 0;
    q->stats.tx_frames++;
    if (vif->wire == NULL)
        return true;
    if (frame.meta.gso_size != 0 && (vif->conf->segment || !vif->wire->gso))
        send_cut(vif, &frame);
    else
        vif->wire->send(vif->wire, &frame);
    return true;
}

/* A request that carries no frame, but a wish in its extra info. */
static bool is_wish(const struct gather *g)
{
    return g->extra[XEN_NETIF_EXTRA_TYPE_MCAST_ADD].type != 0 ||
           g->extra[XEN_NETIF_EXTRA_TYPE_MCAST_DEL].type != 0;
}

static int16_t grant_wish(struct sim_vif *vif, const struct gather *g)
{
    bool done = true;
    for (unsigned type = XEN_NETIF_EXTRA_TYPE_MCAST_ADD; type <= XEN_NETIF_EXTRA_TYPE_MCAST_DEL;
         type++) {
        if (g->extra[type].type != 0)
            done = sim_vif_mcast_change(vif, &g->extra[type]) && done;
    }
    return done ? NETIF_RSP_OKAY : NETIF_RSP_ERROR;
}

/* One frame, or one wish. False: the vif is dead. */
static bool take_one(struct sim_netq *q, uint32_t prod)
{
    struct gather g;
    int16_t status = NETIF_RSP_ERROR;
    memset(g.extra, 0, sizeof(g.extra));
    g.pieces = g.slots = g.extras = 0;
    g.len = 0;
    g.bad_grant = false;
    if (!collect_first(q, &g, prod))
        return false;
    if (is_wish(&g)) {
        respond(q, &g, grant_wish(q->vif, &g));
        return true;
    }
    if (!collect_rest(q, &g, prod))
        return false;
    if (!g.bad_grant && g.len < ETH_HEADER)
        sim_back_fault(&q->vif->b, "a frame of %zu bytes", g.len);
    else if (!g.bad_grant && !deliver(q, &g))
        return false;
    else if (!g.bad_grant)
        status = NETIF_RSP_OKAY;
    if (status != NETIF_RSP_OKAY)
        q->vif->stats.tx_errors++;
    respond(q, &g, status);
    return true;
}

/* ---- the step ------------------------------------------------------------------------------- */

static void step_queue(struct sim_netq *q, unsigned budget)
{
    q->tx_due = false;
    for (unsigned done = 0; !q->vif->b.dead; done++) {
        uint32_t prod = READ_ONCE(q->tx->req_prod);
        rmb(); /* the index before the requests it publishes */
        if (prod - q->tx_prod > NETBACK_SLOTS) {
            fatal(q, "transmit requests run ahead of the ring", prod - q->tx_prod);
            break;
        }
        if (prod == q->tx_cons) {
            WRITE_ONCE(q->tx->req_event, q->tx_cons + 1);
            mb(); /* ask for an event before looking again */
            if (READ_ONCE(q->tx->req_prod) == q->tx_cons)
                break;
            continue;
        }
        if (done >= budget || batch.count + SLOTS_MAX + NETBACK_EXTRAS_MAX > BATCH_MAX) {
            q->tx_due = true;
            break;
        }
        if (!take_one(q, prod))
            break;
    }
    publish(q);
}

void sim_vif_step_tx(unsigned index, unsigned budget)
{
    struct sim_vif *vif = &sim_vifs[index];
    if (!vif->b.connected || vif->b.dead)
        return;
    for (unsigned i = 0; i < vif->queue_count && !vif->b.dead; i++) {
        struct sim_netq *q = &vif->queue[i];
        uint32_t events = sim_dom0_events((uint32_t)q->tx_port);
        vif->stats.events_from += events;
        if (vif->rx_wait && events != 0 && q->rx_port == q->tx_port)
            sim_work_set(SIM_WORK_VIF_RX(index));
        if (events != 0 || q->tx_due)
            step_queue(q, budget);
        if (q->tx_due)
            sim_work_set(SIM_WORK_VIF_TX(index));
    }
}
