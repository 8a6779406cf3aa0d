/* SPDX-License-Identifier: ISC */
/* netfront_rx.c - the receive ring: pages out, and frames back in them.
 *
 * A page is granted for writing, posted, and belongs to the backend until its response. The backend
 * answers in the slot of the request (io/netif.h says it must), so the place in the ring is the key
 * to our table, and the id a response carries can only be right or a lie. A frame of several slots
 * may come in several looks: what has come of it waits in rx->partial. Nothing a backend can write
 * leads to more work than one ring's slots in one call.
 */
#include "netfront_priv.h"

STATIC_ASSERT(PKT_FRAGS_MAX == XEN_NETIF_NR_SLOTS_MIN, "the longest chain fits a packet");

int netfront_rx_ring_create(struct netfront_queue *q)
{
    struct netfront_rx *rx = &q->rx;

    rx->ring_page = netfront_ring_page_get(q->nf, &rx->ring, NETFRONT_RX_SLOT_BYTES);
    if (rx->ring_page == NULL)
        return -E_NOMEM;
    rx->partial = NULL;
    rx->partial_slots = 0;
    rx->partial_bad = false;
    rx->extra_next = false;
    return 0;
}

/* ---- fill ------------------------------------------------------------------------------------ */

static struct page *post_page(struct netfront *nf)
{
    struct page *page = page_get(nf->conf.pool->pages);
    gref_t gref;

    if (UNLIKELY(page == NULL))
        return NULL;
    /* The backend may read all of the page: docs/decisions/0010-netfront-grants.md says when old
     * bytes in it matter (XSA-403). */
    if (UNLIKELY(nf->untrusted))
        memset(page->base, 0, PAGE_BYTES);
    if (UNLIKELY(gnttab_grant(nf->conf.gt, nf->front.xb.otherend_id, virt_to_gfn(page->base), false,
                              &gref) != 0)) {
        page_put(page);
        return NULL;
    }
    page_post(page);
    page->gref = gref;
    return page;
}

void netfront_rx_ring_fill(struct netfront_queue *q)
{
    struct netfront_rx *rx = &q->rx;
    struct ring *ring = &rx->ring;

    while (ring_in_flight(ring) < q->nf->rx_slots) {
        uint16_t id = (uint16_t)(ring->req_prod & (NETFRONT_RING_SLOTS - 1));
        struct page *page = post_page(q->nf);

        if (page == NULL) {
            NETFRONT_COUNT(q, rx_no_buffer, 1);
            break;
        }
        rx->page[id] = page;
        netfront_rx_req_put(ring_request(ring, 0), id, page->gref);
        ring_commit(ring, 1);
    }
}

bool netfront_rx_ring_is_low(const struct netfront_queue *q)
{
    uint32_t missing = q->nf->rx_slots - ring_in_flight(&q->rx.ring);

    return missing >= u32_min(NETFRONT_RX_BATCH, q->nf->rx_slots / 4);
}

void netfront_rx_ring_push(struct netfront_queue *q)
{
    if (q->rx.ring.req_pushed == q->rx.ring.req_prod)
        return;
    if (ring_push(&q->rx.ring)) {
        NETFRONT_COUNT(q, rx_notify, 1);
        /* It fails when the backend is gone: xenstore tells us so too. */
        (void)evtchn_send(q->nf->conf.ev, q->rx_port);
    }
}

/* ---- drain ----------------------------------------------------------------------------------- */

/* Takes the page back from the backend. NULL: it would not let go. */
static struct page *unpost_page(struct netfront_queue *q, uint32_t index)
{
    struct page **place = &q->rx.page[index & (NETFRONT_RING_SLOTS - 1)];
    struct page *page = *place;

    ASSERT(page != NULL);
    *place = NULL;
    if (UNLIKELY(gnttab_end(q->nf->conf.gt, page->gref) != 0)) {
        q->nf->dev.stats.quarantined++;
        gnttab_quarantine_add(q->nf->quarantine, page);
        return NULL;
    }
    page->gref = 0;
    page_unpost(page);
    return page;
}

/* Validates what one response says, apart from errors in its status. Extra info comes with the
 * first slot of a frame; which types of it may come, add_extra knows. */
static bool check(struct netfront_queue *q, uint32_t index, struct netfront_rx_rsp rsp)
{
    struct netfront *nf = q->nf;

    if (UNLIKELY(rsp.id != (index & (NETFRONT_RING_SLOTS - 1)))) {
        netfront_violate(nf, NETFRONT_RX_ID, rsp.id, index & (NETFRONT_RING_SLOTS - 1), 0);
        return false;
    }
    if (UNLIKELY((rsp.rxf & (RXF_EXTRA_INFO | RXF_GSO_PREFIX)) != 0) &&
        ((rsp.rxf & RXF_GSO_PREFIX) != 0 || q->rx.partial_slots != 0)) {
        netfront_violate(nf, NETFRONT_RX_EXTRA, rsp.id, rsp.rxf, 0);
        return false;
    }
    if (UNLIKELY(rsp.status > 0 && !cs_in(PAGE_BYTES, rsp.offset, (size_t)rsp.status))) {
        netfront_violate(nf, NETFRONT_RX_RANGE, rsp.id, rsp.offset, (uint16_t)rsp.status);
        return false;
    }
    if (UNLIKELY(q->rx.partial_slots == PKT_FRAGS_MAX)) {
        netfront_violate(nf, NETFRONT_RX_CHAIN, rsp.id, q->rx.partial_slots + 1, 0);
        return false;
    }
    return true;
}

/* What a frame's first slot and its extra info say of checksum and segments. False: a
 * super-segment that is none (pkt.h). */
static bool note_meta(struct pkt *pkt, uint16_t rxf, uint16_t gso_size)
{
    struct netfront_l4 l4 = {0, 0};

    if ((rxf & RXF_CSUM_BLANK) != 0 || gso_size != 0)
        (void)netfront_headers(pkt_frag_view(pkt, 0), &l4);
    if (gso_size != 0 && (l4.start == 0 || l4.off != NETFRONT_TCP_CSUM_OFF))
        return false;
    pkt->gso_size = gso_size;
    if ((rxf & RXF_CSUM_BLANK) == 0) {
        if ((rxf & RXF_DATA_VALIDATED) != 0)
            pkt->csum = PKT_CSUM_VALIDATED;
        return true;
    }
    /* Blank where there is no field to be blank: UNKNOWN, so that whoever reads it verifies it, and
     * drops it. */
    if (l4.start == 0 || l4.start + l4.off + sizeof(uint16_t) > pkt->len)
        return true;
    pkt->csum = PKT_CSUM_BLANK;
    pkt->csum_start = l4.start;
    pkt->csum_off = l4.off;
    return true;
}

/* The first slot of a frame: finds a packet for it. */
static void begin(struct netfront_queue *q, struct netfront_rx_rsp rsp)
{
    struct netfront_rx *rx = &q->rx;

    rx->partial_rxf = rsp.rxf;
    rx->partial_gso = 0;
    rx->extras_seen = 0;
    rx->extra_next = (rsp.rxf & RXF_EXTRA_INFO) != 0;
    rx->partial = pkt_get(q->nf->conf.pool);
    rx->partial_bad = rx->partial == NULL;
    if (UNLIKELY(rx->partial_bad))
        NETFRONT_COUNT(q, rx_no_buffer, 1);
}

/* The frame being put together will be dropped. */
static void spoil(struct netfront_queue *q)
{
    if (!q->rx.partial_bad)
        NETFRONT_COUNT(q, rx_errors, 1);
    q->rx.partial_bad = true;
}

/* Adds the page of one response to the frame being put together. Takes page. */
static void add(struct netfront_queue *q, struct page *page, struct netfront_rx_rsp rsp)
{
    struct netfront_rx *rx = &q->rx;

    rx->partial_slots++;
    rx->more_data = (rsp.rxf & RXF_MORE_DATA) != 0;
    if (LIKELY(rsp.status > 0 && !rx->partial_bad)) {
        int err = pkt_append_take(rx->partial, page, rsp.offset, (uint32_t)rsp.status);

        ASSERT(err == 0); /* check counted the slots */
        return;
    }
    page_put(page);
    spoil(q);
}

/* A slot of extra info, each type once a frame: so the chain is bounded. False: a lie. */
static bool add_extra(struct netfront_queue *q, uint64_t raw)
{
    struct netfront_rx *rx = &q->rx;
    struct cs_ro v = cs_ro_of(&raw, sizeof(raw));
    uint8_t type = netfront_extra_ro_get_type(v);
    uint32_t bit = type < 32 ? 1u << type : 0;
    struct netfront_gso gso;

    if ((q->nf->rx_extras & ~rx->extras_seen & bit) == 0) {
        netfront_violate(q->nf, NETFRONT_RX_EXTRA, type, rx->extras_seen, q->nf->rx_extras);
        return false;
    }
    rx->extras_seen |= bit;
    rx->extra_next = (netfront_extra_ro_get_flags(v) & NETFRONT_EXTRA_MORE) != 0;
    if (type == NETFRONT_EXTRA_HASH) {
        /* Nobody here needs its value: the queue says as much. */
        q->nf->dev.stats.rx_hashed += netfront_ctrl_hash_info(q->nf, v);
        return true;
    }
    gso = netfront_gso_of(raw);
    if (gso.size == 0) {
        netfront_violate(q->nf, NETFRONT_RX_GSO, gso.gso_type, 0, 0);
        return false;
    }
    /* TCP over IPv6 was not asked for; segments that no TCP makes, of thousands a frame, are some
     * other domain's trick, which the backend only passed on. */
    if (gso.gso_type == NETFRONT_GSO_TCP4 && gso.size >= NETFRONT_GSO_SIZE_MIN)
        rx->partial_gso = gso.size;
    else
        spoil(q);
    return true;
}

/* The last slot of a frame has come: Gives it, or NULL where it was dropped (and counted). */
static struct pkt *finish(struct netfront_queue *q)
{
    struct netfront_rx *rx = &q->rx;
    struct pkt *pkt = rx->partial;

    rx->partial = NULL;
    rx->partial_slots = 0;
    if (LIKELY(!rx->partial_bad && pkt->len >= NETFRONT_ETH_BYTES)) {
        if ((rx->partial_rxf & (RXF_CSUM_BLANK | RXF_DATA_VALIDATED | RXF_EXTRA_INFO)) == 0 ||
            LIKELY(note_meta(pkt, rx->partial_rxf, rx->partial_gso))) {
            NETFRONT_COUNT(q, rx_packets, 1);
            NETFRONT_COUNT(q, rx_bytes, pkt->len);
            if (rx->partial_gso != 0)
                q->stats.rx_gso_packets++;
            return pkt;
        }
        spoil(q);
    }
    if (!rx->partial_bad)
        q->nf->dev.stats.rx_short++;
    pkt_put(pkt);
    return NULL;
}

/* One slot: a private copy of it, and its page, which it Takes. False: it was a lie. */
static bool take_slot(struct netfront_queue *q, uint32_t index, uint64_t raw, struct page *page)
{
    struct netfront_rx_rsp rsp;

    if (UNLIKELY(q->rx.extra_next)) {
        page_put(page); /* nothing was written there */
        return add_extra(q, raw);
    }
    rsp = netfront_rx_rsp_of(raw);
    if (UNLIKELY(!check(q, index, rsp))) {
        page_put(page);
        return false;
    }
    if (q->rx.partial_slots == 0)
        begin(q, rsp);
    add(q, page, rsp);
    return true;
}

unsigned netfront_rx_ring_drain(struct netfront_queue *q, struct pkt **pkts, unsigned n)
{
    struct netfront_rx *rx = &q->rx;
    struct ring *ring = &rx->ring;
    int waiting = ring_responses(ring);
    unsigned got = 0;

    if (UNLIKELY(waiting < 0)) {
        netfront_violate(q->nf, NETFRONT_RX_RSP_PROD, ring->rsp_refused, ring->rsp_cons,
                         ring->req_pushed);
        return 0;
    }
    while (waiting-- > 0 && got < n) {
        uint32_t index = ring->rsp_cons;
        uint64_t raw = netfront_rx_raw_get(ring_next(ring));
        struct page *page = unpost_page(q, index);

        if (UNLIKELY(page == NULL)) {
            netfront_violate(q->nf, NETFRONT_RX_MAPPED, (uint16_t)raw, 0, 0);
            break;
        }
        if (UNLIKELY(!take_slot(q, index, raw, page)))
            break;
        if (rx->extra_next || rx->more_data)
            continue;
        pkts[got] = finish(q);
        if (pkts[got] != NULL)
            got++;
    }
    return got;
}

bool netfront_rx_ring_arm(struct netfront_queue *q)
{
    netfront_rx_ring_fill(q);
    netfront_rx_ring_push(q);
    /* A lie about rsp_prod is work too: drain finds out. */
    return ring_final_check(&q->rx.ring, 1) != 0;
}

/* ---- destroy --------------------------------------------------------------------------------- */

void netfront_rx_ring_destroy(struct netfront_queue *q)
{
    struct netfront_rx *rx = &q->rx;

    for (uint32_t index = rx->ring.rsp_cons; index != rx->ring.req_prod; index++) {
        struct page *page = unpost_page(q, index);

        if (page != NULL)
            page_put(page);
    }
    rx->ring.rsp_cons = rx->ring.req_pushed = rx->ring.req_prod;
    netfront_ring_page_put(q->nf, rx->ring_page);
    rx->ring_page = NULL;
    rx->ring.shared = NULL;
    pkt_put(rx->partial);
    rx->partial = NULL;
    rx->partial_slots = 0;
    rx->extra_next = false;
}
