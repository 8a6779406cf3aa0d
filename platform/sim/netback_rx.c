/* SPDX-License-Identifier: ISC */
/* netback_rx.c - frames to the guest: the wire's frames are received straight into the pages
 * that the guest granted.
 *
 * With one queue the wire scatters a frame over the next posted page and a buffer of ours; a frame
 * that fits the page and needs nothing else is done then. Every other is given from the buffer: a
 * longer one, one whose queue has to be chosen first, one that is cut or whose checksum is
 * completed because the guest takes it no other way. Where there are too few slots for it, it waits
 * until the guest has posted more, and what comes behind it too.
 *
 * Slots of a frame, as Linux's netback fills them: the first response with the frame's flags, then
 * a slot for each piece of extra info, then the other responses.
 */
#include <string.h>

#include "netback.h"

static struct netif_rx_request request(const struct sim_netq *q, uint32_t at)
{
    struct netif_rx_request r;
    memcpy(&r, &q->rx->ring[at % NETBACK_SLOTS], sizeof(r));
    return r;
}

/* Requests that wait; asks for an event, and looks again, where there are fewer than `want`. */
static uint32_t available(struct sim_netq *q, uint32_t want)
{
    uint32_t prod = READ_ONCE(q->rx->req_prod);
    if (prod - q->rx_cons < want) {
        WRITE_ONCE(q->rx->req_event, q->rx_cons + want);
        mb(); /* ask for an event before looking again */
        prod = READ_ONCE(q->rx->req_prod);
    }
    rmb(); /* the index before the requests it publishes */
    if (prod - q->rx_prod > NETBACK_SLOTS) {
        sim_back_fatal(&q->vif->b, "receive requests run ahead of the ring", prod - q->rx_cons);
        return 0;
    }
    return prod - q->rx_cons;
}

/* ---- slots ---------------------------------------------------------------------------------- */

/* The page of the next request; NULL, and the fault is recorded, where its grant is bad. */
static uint8_t *take_page(struct sim_netq *q, uint16_t *id)
{
    struct netif_rx_request r = request(q, q->rx_cons);
    int16_t status;
    if (r.pad != 0)
        sim_back_fault(&q->vif->b, "a receive request's padding is not zero (XSA-216)");
    uint8_t *page = sim_grant_use(r.gref, 0, SIM_PAGE, true, &status);
    if (page == NULL)
        sim_back_fault(&q->vif->b, "receive request %u: grant %u is not writable: status %d", r.id,
                       r.gref, status);
    *id = r.id;
    return page;
}

/* Responses take the slots of the requests, so these must be read before. */
static void respond(struct sim_netq *q, uint16_t id, uint16_t flags, int32_t status)
{
    q->vif->stats.rx_slots++;
    q->rx_cons++;
    q->rx->ring[q->rx_prod++ % NETBACK_SLOTS].rsp =
        (struct netif_rx_response){.id = id, .flags = flags, .status = (int16_t)status};
}

static void respond_extra(struct sim_netq *q, struct netif_extra_info extra, bool more)
{
    extra.flags = more ? XEN_NETIF_EXTRA_FLAG_MORE : 0;
    q->rx_cons++; /* the page that was posted there is not used */
    memcpy(&q->rx->ring[q->rx_prod++ % NETBACK_SLOTS], &extra, sizeof(extra));
}

/* ---- a frame -------------------------------------------------------------------------------- */

/* What a frame's slots are made of. */
struct plan {
    struct sim_netq *q;
    struct netif_extra_info extra[2];
    unsigned extras;
    uint32_t slots; /* all of them */
};

static uint16_t flags_of(const struct sim_meta *meta)
{
    if (meta->blank)
        return NETRXF_csum_blank | NETRXF_data_validated;
    return meta->validated ? NETRXF_data_validated : 0;
}

/* Without a table of the guest's: by what differs between flows, addresses and ports. */
static unsigned choose_queue(const struct sim_vif *vif, const uint8_t *frame, uint32_t len)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (uint32_t i = 26; i < 38 && i < len; i++)
        hash = (hash ^ frame[i]) * 16777619u;
    return (hash ^ hash >> 16) % vif->queue_count;
}

static struct plan plan(struct sim_vif *vif, const uint8_t *frame, uint32_t len,
                        const struct sim_meta *meta)
{
    struct plan p = {.extras = 0};
    struct netif_extra_info hash = {.type = XEN_NETIF_EXTRA_TYPE_NONE};
    int queue = sim_vif_ctrl_queue(vif, frame, len, &hash);
    p.q = &vif->queue[queue >= 0 ? (unsigned)queue : choose_queue(vif, frame, len)];
    if (meta->gso_size != 0)
        p.extra[p.extras++] =
            (struct netif_extra_info){.type = XEN_NETIF_EXTRA_TYPE_GSO,
                                      .u.gso = {meta->gso_size, XEN_NETIF_GSO_TYPE_TCPV4, 0, 0}};
    if (hash.type != XEN_NETIF_EXTRA_TYPE_NONE)
        p.extra[p.extras++] = hash;
    p.slots = (len + SIM_PAGE - 1) / SIM_PAGE + p.extras;
    return p;
}

/* Fills the slots. `bytes`: NULL where the frame, of one page, is there already. */
static void fill(const struct plan *p, const uint8_t *bytes, uint32_t len,
                 const struct sim_meta *meta)
{
    struct sim_netq *q = p->q;
    uint16_t flags = flags_of(meta) | (p->extras != 0 ? NETRXF_extra_info : 0);
    q->vif->stats.rx_frames++;
    q->vif->stats.rx_bytes += len;
    q->vif->stats.rx_gso += meta->gso_size != 0;
    q->stats.rx_frames++;
    for (uint32_t done = 0; done < len;) {
        uint16_t id;
        uint32_t n = u32_min(len - done, SIM_PAGE);
        uint8_t *page = take_page(q, &id);
        if (page != NULL && bytes != NULL)
            memcpy(page, bytes + done, n);
        done += n;
        uint16_t more = done < len ? NETRXF_more_data : 0;
        respond(q, id, (uint16_t)(flags | more), page == NULL ? NETIF_RSP_ERROR : (int32_t)n);
        for (unsigned i = 0; done == n && i < p->extras; i++)
            respond_extra(q, p->extra[i], i + 1 < p->extras);
        flags = 0; /* the checksum's state stands in the first response */
    }
}

/* ---- the frame that waits ------------------------------------------------------------------- */

/* Makes `bytes` what is given next. */
static void offer(struct sim_vif *vif, uint8_t *bytes, uint32_t len, struct sim_meta meta)
{
    if (meta.blank && !vif->guest_csum)
        sim_csum_complete(bytes, len, &meta);
    vif->give = bytes;
    vif->give_len = len;
    vif->give_meta = meta;
}

/* The next piece of a super-segment for a guest that takes none. */
static bool offer_piece(struct sim_vif *vif)
{
    struct sim_meta meta;
    uint32_t len = vif->cut.len == 0 ? 0 : sim_gso_next(&vif->cut, vif->segment, &meta);
    if (len == 0)
        return false;
    vif->stats.rx_cut++;
    offer(vif, vif->segment, len, meta);
    return true;
}

/* Gives the guest what waits, as far as it has room now. True: all of it. */
static bool release(struct sim_vif *vif)
{
    while (vif->give != NULL || offer_piece(vif)) {
        struct plan p = plan(vif, vif->give, vif->give_len, &vif->give_meta);
        vif->rx_full = available(p.q, p.slots) < p.slots;
        if (vif->rx_full)
            return false;
        fill(&p, vif->give, vif->give_len, &vif->give_meta);
        vif->give = NULL;
    }
    return true;
}

/* The frame of `len` bytes in `held` waits: whole, or to be cut. */
static void hold(struct sim_vif *vif, uint32_t len, const struct sim_meta *meta)
{
    bool take_whole = vif->guest_gso && !vif->conf->no_gso;
    if (len >
        (vif->guest_sg || (meta->gso_size != 0 && !take_whole) ? NETBACK_FRAME_MAX : SIM_PAGE))
        vif->stats.rx_dropped++;
    else if (meta->gso_size == 0 || take_whole)
        offer(vif, vif->held, len, *meta);
    else if (!sim_gso_begin(&vif->cut, vif->held, len, meta))
        vif->stats.rx_dropped++;
}

/* ---- from the wire -------------------------------------------------------------------------- */

/* Receives one frame. False: none waits, or there is no room for it. */
static bool receive(struct sim_vif *vif)
{
    struct sim_meta meta = {0};
    uint8_t *page = NULL;
    uint16_t id;
    if (vif->queue_count == 1) {
        vif->rx_full = available(&vif->queue[0], 1) == 0;
        if (vif->rx_full)
            return false;
        page = take_page(&vif->queue[0], &id);
    }
    struct iovec iov[2] = {{page != NULL ? page : vif->held, SIM_PAGE},
                           {vif->held + SIM_PAGE, NETBACK_FRAME_MAX - SIM_PAGE}};
    uint32_t len = (uint32_t)vif->wire->recv(vif->wire, iov, 2, &meta);
    if (len == 0)
        return false;
    if (!sim_vif_mcast_wants(vif, iov[0].iov_base)) {
        vif->stats.rx_filtered++;
        return true;
    }
    bool as_it_is = meta.gso_size == 0 && (!meta.blank || vif->guest_csum);
    if (page != NULL && len <= SIM_PAGE && as_it_is) {
        struct plan p = plan(vif, page, len, &meta);
        if (p.slots == 1) {
            fill(&p, NULL, len, &meta);
            return true;
        }
    }
    if (page != NULL)
        memcpy(vif->held, page, u32_min(len, SIM_PAGE));
    hold(vif, len, &meta);
    return true;
}

void sim_vif_step_rx(unsigned index, unsigned budget)
{
    struct sim_vif *vif = &sim_vifs[index];
    unsigned done = 0;
    if (!vif->b.connected || vif->b.dead)
        return;
    for (unsigned i = 0; i < vif->queue_count; i++) {
        if (vif->queue[i].rx_port != vif->queue[i].tx_port)
            vif->stats.events_from += sim_dom0_events((uint32_t)vif->queue[i].rx_port);
    }
    if (vif->wire == NULL || vif->wire->recv == NULL)
        return;
    while (done < budget && !vif->b.dead && release(vif) && receive(vif))
        done++;
    /* The guest's next event wakes this side too, where it stopped for want of slots. */
    vif->rx_wait = done < budget;
    for (unsigned i = 0; i < vif->queue_count && !vif->b.dead; i++)
        sim_vif_rx_push(&vif->queue[i]);
    if (done == budget)
        sim_work_set(SIM_WORK_VIF_RX(index));
}
