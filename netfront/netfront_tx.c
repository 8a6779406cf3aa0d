/* SPDX-License-Identifier: ISC */
/* netfront_tx.c - the transmit ring: frames out, and pages back when the backend has read them.
 *
 * A frame takes one slot for each fragment. Its references to pages move from the packet to the
 * slots, so the packet itself is free at once. Each slot has a read-only grant (netfront_grant.c);
 * a page may be in several frames. Ids are places in our table, taken
 * from a free list: unique in flight. What comes back is looked up there, never trusted.
 */
#include "netfront_priv.h"

int netfront_tx_ring_create(struct netfront_queue *q)
{
    struct netfront_tx *tx = &q->tx;
    uint32_t id = NETFRONT_RING_SLOTS;

    tx->ring_page = netfront_ring_page_get(q->nf, &tx->ring, NETFRONT_TX_SLOT_BYTES);
    if (tx->ring_page == NULL)
        return -E_NOMEM;
    tx->wanted = 0;
    tx->hold = 0;
    tx->free_head = NETFRONT_TX_NO_ID;
    tx->free_count = 0;
    tx->extras = 0;
    /* An id whose page a former backend would not let go (destroy) stays out of use. */
    while (id-- > 0) {
        if (tx->slot[id].page != NULL)
            continue;
        tx->slot[id].mcast = false;
        tx->slot[id].next_free = tx->free_head;
        tx->free_head = (uint16_t)id;
        tx->free_count++;
    }
    return 0;
}

/* ---- fill ------------------------------------------------------------------------------------ */

/* Grants the page under a new id; there is one free. The caller's reference to the page is the
 * slot's when the frame is queued. False: no grant is left. */
ALWAYS_INLINE bool slot_take(struct netfront *nf, struct netfront_tx *tx, struct page *page,
                             uint16_t *id)
{
    struct netfront_tx_slot *slot;

    *id = tx->free_head;
    slot = &tx->slot[*id];
    slot->kept = false;
    if (UNLIKELY(nf->keep_grants ? netfront_grant_page(nf, page, slot) != 0
                                 : gnttab_grant(nf->conf.gt, nf->front.xb.otherend_id,
                                                virt_to_gfn(page->base), true, &slot->gref) != 0))
        return false;
    tx->free_head = slot->next_free;
    tx->free_count--;
    slot->page = page;
    return true;
}

static void slot_free(struct netfront_tx *tx, uint16_t id)
{
    tx->slot[id].page = NULL;
    tx->slot[id].mcast = false;
    tx->slot[id].gref = 0;
    tx->slot[id].next_free = tx->free_head;
    tx->free_head = id;
    tx->free_count++;
}

/* Ends the grant of a slot's request, if it is that one's only. False: the backend maps it. */
static bool slot_end(struct netfront *nf, const struct netfront_tx_slot *slot)
{
    return slot->kept || LIKELY(gnttab_end(nf->conf.gt, slot->gref) == 0);
}

/* Takes back slots that the backend was never shown. It may have guessed a grant and mapped it:
 * then the slot keeps the page, with a reference of its own. */
static void slots_untake(struct netfront_queue *q, const uint16_t *ids, unsigned n)
{
    while (n-- > 0) {
        struct netfront_tx_slot *slot = &q->tx.slot[ids[n]];

        if (LIKELY(slot_end(q->nf, slot))) {
            slot_free(&q->tx, ids[n]);
            continue;
        }
        page_ref(slot->page);
        netfront_violate(q->nf, NETFRONT_TX_MAPPED, ids[n], slot->gref, 0);
    }
}

static void drop_empty_frags(struct pkt *pkt)
{
    uint8_t n = 0;

    for (uint8_t i = 0; i < pkt->frag_count; i++) {
        if (pkt->frag[i].len == 0)
            page_put(pkt->frag[i].page);
        else
            pkt->frag[n++] = pkt->frag[i];
    }
    pkt->frag_count = n;
}

/* Makes all protocol headers lie in the first fragment: headers split over slots have crashed
 * netback (XSA-423). */
static int join_headers(struct pkt *pkt)
{
    struct netfront_l4 l4;
    struct cs_ro front;
    uint32_t need;

    while (pkt->frag[0].len < u32_min(pkt->len, NETFRONT_HEADERS_MAX)) {
        need = u32_min(netfront_headers(pkt_frag_view(pkt, 0), &l4), pkt->len);
        if (need <= pkt->frag[0].len)
            return 0;
        if (!pkt_pull_up(pkt, need, &front))
            return -E_NOMEM;
    }
    return 0;
}

/* Makes the frame what this backend can take. */
static int prepare(struct netfront_queue *q, struct pkt *pkt)
{
    struct netfront *nf = q->nf;
    int err;

    if (pkt->csum == PKT_CSUM_BLANK && !nf->dev.caps.csum_tx) {
        err = pkt_csum_complete(pkt);
        if (err != 0) {
            NETFRONT_COUNT(q, tx_errors, 1);
            return err;
        }
    }
    if (pkt->frag_count == 1)
        return 0;
    drop_empty_frags(pkt);
    if (pkt->frag_count > nf->dev.caps.frags_max) {
        err = pkt_linearise(pkt);
        if (err == -E_MSGSIZE)
            nf->dev.stats.tx_too_long++;
        else if (err == 0)
            nf->dev.stats.tx_linearised++;
        return err;
    }
    return join_headers(pkt);
}

/* No room, or nothing to grant or copy with: the backend's next answers bring some. When it owes us
 * none, waiting would be for ever. `free_ids`: how many there must be before it is worth trying
 * again. */
static int refuse(struct netfront_queue *q, uint32_t free_ids)
{
    if (!q->nf->dev.link_up) {
        q->nf->dev.stats.tx_link_down++;
        return -E_NETDOWN;
    }
    NETFRONT_COUNT(q, tx_full, 1);
    if (ring_in_flight(&q->tx.ring) == 0)
        return -E_NOMEM;
    q->tx.wanted = free_ids;
    return -E_AGAIN;
}

/* io/netif.h: a blank checksum comes with "validated", as nothing on the way here could have
 * corrupted it. */
#define TXF_BLANK (TXF_CSUM_BLANK | TXF_DATA_VALIDATED)

/* io/netif.h: the first slot's size is the whole frame's. */
static int put_slots(struct netfront_queue *q, const struct pkt *pkt)
{
    struct netfront *nf = q->nf;
    struct netfront_tx *tx = &q->tx;
    uint16_t ids[PKT_FRAGS_MAX];
    uint32_t n = pkt->frag_count;
    uint32_t extra = pkt->gso_size != 0; /* extra info comes behind the first slot */
    uint16_t txf = 0;

    if (pkt->csum == PKT_CSUM_BLANK)
        txf = TXF_BLANK;
    if (extra != 0)
        txf |= TXF_EXTRA_INFO;
    for (uint32_t i = 0; i < n; i++) {
        const struct pkt_frag *frag = &pkt->frag[i];

        if (UNLIKELY(!slot_take(nf, tx, frag->page, &ids[i]))) {
            slots_untake(q, ids, i);
            return refuse(q, tx->free_count + 1);
        }
        if (i + 1 < n)
            txf |= TXF_MORE_DATA;
        netfront_tx_req_put(
            ring_request(&tx->ring, i == 0 ? 0 : i + extra),
            (struct netfront_tx_req){.gref = tx->slot[ids[i]].gref,
                                     .offset = frag->off,
                                     .txf = txf,
                                     .id = ids[i],
                                     .size = i == 0 ? (uint16_t)pkt->len : frag->len});
        txf = 0;
    }
    if (extra != 0)
        netfront_tx_gso_put(ring_request(&tx->ring, 1), pkt->gso_size);
    tx->extras += extra;
    q->stats.tx_gso_packets += extra;
    tx->free_count -= extra;
    ring_commit(&tx->ring, n + extra);
    return 0;
}

/* The slots have the packet's references to pages. */
ALWAYS_INLINE void queued(struct netfront_queue *q, struct pkt *pkt)
{
    NETFRONT_COUNT(q, tx_packets, 1);
    NETFRONT_COUNT(q, tx_bytes, pkt->len);
    pkt->frag_count = 0;
    pkt->len = 0;
}

/* The same for the usual frame: it is of one piece, and there is a slot. */
static int fill_one(struct netfront_queue *q, struct pkt *pkt)
{
    struct netfront_tx *tx = &q->tx;
    uint16_t id;

    if (UNLIKELY(!slot_take(q->nf, tx, pkt->frag[0].page, &id)))
        return refuse(q, tx->free_count + 1);
    netfront_tx_req_put(ring_request(&tx->ring, 0),
                        (struct netfront_tx_req){.gref = tx->slot[id].gref,
                                                 .offset = pkt->frag[0].off,
                                                 .txf = pkt->csum == PKT_CSUM_BLANK ? TXF_BLANK : 0,
                                                 .id = id,
                                                 .size = (uint16_t)pkt->len});
    ring_commit(&tx->ring, 1);
    queued(q, pkt);
    pkt_put(pkt);
    return 0;
}

/* For a backend that is not to be trusted: the frame in pages of its own, which have nothing else
 * in them. NULL: no memory. */
static struct pkt *copy_of(struct netfront *nf, const struct pkt *pkt)
{
    struct pkt *copy = pkt_get(nf->conf.pool);

    if (copy == NULL)
        return NULL;
    for (unsigned i = 0; i < pkt->frag_count; i++) {
        if (pkt_append_copy(copy, pkt_frag_view(pkt, i)) != 0) {
            pkt_put(copy);
            return NULL;
        }
    }
    for (unsigned i = 0; i < copy->frag_count; i++) {
        const struct pkt_frag *frag = &copy->frag[i];
        uint32_t end = (uint32_t)frag->off + frag->len;

        memset(frag->page->base, 0, frag->off);
        memset(frag->page->base + end, 0, PAGE_BYTES - end);
    }
    pkt_copy_meta(copy, pkt);
    return copy;
}

/* Queues the frame as it is; on 0 the slots have its references to pages, and it is empty. */
static int fill(struct netfront_queue *q, struct pkt *pkt)
{
    struct netfront_tx *tx = &q->tx;
    uint32_t need;
    int err = 0;

    if (pkt->frag_count > 1 || pkt->csum == PKT_CSUM_BLANK)
        err = prepare(q, pkt);
    if (UNLIKELY(err != 0))
        return err == -E_NOMEM ? refuse(q, tx->free_count + 1) : err;
    need = pkt->frag_count + (pkt->gso_size != 0 ? 1u : 0u);
    if (UNLIKELY(tx->free_count < need)) {
        netfront_tx_ring_drain(q);
        if (tx->free_count < need)
            return refuse(q, need);
    }
    err = put_slots(q, pkt);
    if (LIKELY(err == 0))
        queued(q, pkt);
    return err;
}

/* The same by a copy, for a backend that is not to be trusted. Takes pkt on 0. */
static int fill_copy(struct netfront_queue *q, struct pkt *pkt)
{
    struct pkt *copy = copy_of(q->nf, pkt);
    int err;

    if (copy == NULL)
        return refuse(q, q->tx.free_count + 1);
    err = fill(q, copy);
    pkt_put(copy);
    if (err == 0)
        pkt_put(pkt);
    return err;
}

int netfront_tx_ring_fill(struct netfront_queue *q, struct pkt *pkt)
{
    struct netfront *nf = q->nf;
    int err;

    if (UNLIKELY(pkt->len < NETFRONT_ETH_BYTES ||
                 (pkt->gso_size != 0 && !netdev_gso_ok(&nf->dev, pkt)))) {
        NETFRONT_COUNT(q, tx_errors, 1);
        return -E_INVAL;
    }
    if (UNLIKELY(pkt->gso_size == 0 && pkt->len > nf->dev.caps.mtu_bytes + NETFRONT_ETH_BYTES)) {
        nf->dev.stats.tx_too_long++;
        return -E_MSGSIZE;
    }
    if (UNLIKELY(nf->untrusted))
        return fill_copy(q, pkt);
    if (pkt->frag_count == 1 && pkt->gso_size == 0 && q->tx.free_count != 0 &&
        (pkt->csum != PKT_CSUM_BLANK || nf->dev.caps.csum_tx))
        return fill_one(q, pkt);
    err = fill(q, pkt);
    if (LIKELY(err == 0))
        pkt_put(pkt);
    return err;
}

int netfront_tx_ring_mcast(struct netfront_queue *q, bool add, const uint8_t mac[6], uint16_t token)
{
    struct netfront_tx *tx = &q->tx;
    uint16_t id = tx->free_head;

    if (tx->free_count < 2)
        return -E_AGAIN;
    tx->free_head = tx->slot[id].next_free;
    tx->slot[id].mcast = true;
    tx->slot[id].next_free = token;
    tx->free_count -= 2;
    tx->extras++;
    netfront_tx_req_put(ring_request(&tx->ring, 0),
                        (struct netfront_tx_req){.txf = TXF_EXTRA_INFO, .id = id});
    netfront_tx_extra_put(ring_request(&tx->ring, 1),
                          add ? NETFRONT_EXTRA_MCAST_ADD : NETFRONT_EXTRA_MCAST_DEL, mac);
    ring_commit(&tx->ring, 2);
    return 0;
}

uint32_t netfront_tx_ring_show(struct netfront_queue *q)
{
    struct ring *ring = &q->tx.ring;
    uint32_t n = ring->req_prod - ring->req_pushed;

    if (n != 0)
        ring_show(ring);
    return n;
}

void netfront_tx_ring_tell(struct netfront_queue *q, bool may_wait)
{
    struct netfront_tx *tx = &q->tx;
    uint32_t owed = tx->ring.req_pushed - tx->ring.req_told;

    if (tx->hold != 0)
        tx->hold--;
    if (owed == 0 || (may_wait && tx->hold != 0 && owed <= NETFRONT_TX_BATCH))
        return;
    if (!ring_wants_event(&tx->ring))
        return;
    tx->hold = q->nf->tx_hold;
    NETFRONT_COUNT(q, tx_notify, 1);
    /* It fails when the backend is gone: xenstore tells us so too. */
    (void)evtchn_send(q->nf->conf.ev, q->tx_port);
}

/* ---- drain ----------------------------------------------------------------------------------- */

/* One response. False: it was a lie, and the device is being closed. */
static bool drain_one(struct netfront_queue *q, struct netfront_tx_rsp rsp)
{
    struct netfront_tx *tx = &q->tx;
    struct netfront_tx_slot *slot;

    /* Extra info has no id, so its answer has none. */
    if (UNLIKELY(rsp.status == NETFRONT_RSP_NULL && tx->extras != 0)) {
        tx->extras--;
        tx->free_count++;
        return true;
    }
    if (UNLIKELY(rsp.id >= NETFRONT_RING_SLOTS ||
                 (tx->slot[rsp.id].page == NULL && !tx->slot[rsp.id].mcast))) {
        netfront_violate(q->nf, NETFRONT_TX_ID, rsp.id, 0, 0);
        return false;
    }
    slot = &tx->slot[rsp.id];
    if (UNLIKELY(rsp.status > 0)) {
        /* Only NETIF_RSP_NULL, for slots of extra info: all of them were answered. */
        netfront_violate(q->nf, NETFRONT_TX_STATUS, rsp.id, (uint16_t)rsp.status, 0);
        return false;
    }
    if (UNLIKELY(slot->mcast)) {
        netfront_mcast_answer(q->nf, slot->next_free, rsp.status == NETFRONT_RSP_OKAY);
        slot_free(tx, rsp.id);
        return true;
    }
    if (UNLIKELY(rsp.status < 0))
        NETFRONT_COUNT(q, tx_errors, 1);
    if (UNLIKELY(!slot_end(q->nf, slot))) {
        netfront_violate(q->nf, NETFRONT_TX_MAPPED, rsp.id, slot->gref, 0);
        return false;
    }
    page_put(slot->page);
    slot_free(tx, rsp.id);
    return true;
}

/* Takes `n` responses that are there; returns how many were good. */
static uint32_t drain_some(struct netfront_queue *q, int n)
{
    struct ring *ring = &q->tx.ring;

    if (UNLIKELY(n < 0)) {
        netfront_violate(q->nf, NETFRONT_TX_RSP_PROD, ring->rsp_refused, ring->rsp_cons,
                         ring->req_pushed);
        return 0;
    }
    for (int i = 0; i < n; i++) {
        if (!drain_one(q, netfront_tx_rsp_get(ring_next(ring))))
            return (uint32_t)i;
    }
    return (uint32_t)n;
}

uint32_t netfront_tx_ring_drain(struct netfront_queue *q)
{
    return drain_some(q, ring_responses(&q->tx.ring));
}

bool netfront_tx_ring_arm(struct netfront_queue *q)
{
    struct netfront_tx *tx = &q->tx;
    uint32_t flying, missing;
    bool came = false; /* pages, while we looked: no event will tell of them */

    /* The program may sleep: no event waits now, nor the first one after. */
    netfront_tx_ring_tell(q, false);
    tx->hold = 0;
    do {
        if (tx->wanted != 0 && tx->free_count >= tx->wanted) {
            tx->wanted = 0;
            return true;
        }
        flying = ring_in_flight(&tx->ring);
        if (flying == 0) {
            /* Nothing will come to make room: the refused frame is tried again, and told so. Nor
             * to bring pages: whoever waits for some looks now. */
            bool again = tx->wanted != 0 || came;

            tx->wanted = 0;
            return again;
        }
        /* Nobody waits for room: one event when all is sent, so that its pages come back. Else when
         * half of it is, or as much as is missing if that is more: one event for a batch, not one
         * for each slot. */
        missing = flying;
        if (tx->wanted != 0 && tx->wanted - tx->free_count < flying / 2)
            missing = flying / 2;
        else if (tx->wanted != 0)
            missing = u32_min(tx->wanted - tx->free_count, flying);
        /* Looks again, at most once for each slot in flight. */
        came = drain_some(q, ring_final_check(&tx->ring, missing)) != 0;
    } while (came);
    return false;
}

/* ---- destroy --------------------------------------------------------------------------------- */

bool netfront_tx_ring_destroy(struct netfront_queue *q)
{
    struct netfront_tx *tx = &q->tx;
    bool all = true;

    netfront_ring_page_put(q->nf, tx->ring_page);
    tx->ring_page = NULL;
    tx->ring.shared = NULL;
    for (uint16_t id = 0; id < NETFRONT_RING_SLOTS; id++) {
        if (tx->slot[id].page == NULL)
            continue;
        if (!slot_end(q->nf, &tx->slot[id])) {
            all = false;
            continue;
        }
        page_put(tx->slot[id].page);
        slot_free(tx, id);
    }
    return all;
}

/* The slots' memory goes away, and the backend still maps this page. Others may hold it too (a
 * program), and it may be in several slots under several grants. */
static void quarantine_slot(struct netfront_queue *q, uint16_t first)
{
    struct netfront_tx *tx = &q->tx;
    struct page *page = tx->slot[first].page;
    gref_t gref = tx->slot[first].gref;

    slot_free(tx, first);
    for (uint16_t id = first; id < NETFRONT_RING_SLOTS; id++) {
        if (tx->slot[id].page != page)
            continue;
        gref = 0;
        slot_free(tx, id);
        page_put(page);
    }
    q->nf->dev.stats.quarantined++;
    gnttab_quarantine_lent(q->nf->quarantine, page, gref);
}

void netfront_tx_ring_abandon(struct netfront_queue *q)
{
    if (netfront_tx_ring_destroy(q))
        return;
    for (uint16_t id = 0; id < NETFRONT_RING_SLOTS; id++) {
        if (q->tx.slot[id].page != NULL)
            quarantine_slot(q, id);
    }
}
