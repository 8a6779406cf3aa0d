/* SPDX-License-Identifier: ISC */
/* tcp_reass.c - data that came before its turn: ranges by sequence number.
 *
 * Theory of operation
 *
 * A range is contiguous, and between two of them there is a hole: a segment that touches or
 * fills makes one range of its neighbours. Its bytes are a list of packets, as they came; lists
 * are joined at their ends, whatever their length, at no cost. Of what overlaps, the bytes that
 * came first stay: a segment is cut into the parts that lie in holes.
 *
 * A sender chooses how many ranges there are and how small. What it cannot choose:
 *   - what a segment costs: O(log n) to find its place, and each range it swallows was paid for
 *     by the segment that made it;
 *   - pages out of proportion: so few bytes as TCP_CRUMB_BYTES stand in the range's own record;
 *     small segments that touch a range are copied into room that its pages have (counted:
 *     collapsed, copied_bytes). What is left is bounded by pages (by the receive buffer and the
 *     budget of all) and by OOO_RANGES_MAX;
 *   - that others have no ranges: who holds the most lets go for who holds fewer;
 *   - whom it hurts: over a limit the range furthest from rcv_nxt goes, for it is needed last.
 *     RFC 2018 section 8 lets us; the sender learns from what later SACKs leave out.
 *
 * SACK blocks are ranges, latest grown first (RFC 2018 section 4): a list through them all.
 */
#include "tcpip/tcp_priv.h"

#define OOO_RANGES_MAX 1024u
/* Pages beyond those that the buffer's bytes are worth. */
#define OOO_PAGES_SPARE 64u

static inline struct tcp_ooo *ooo_of(struct seq_node *node)
{
    return (struct tcp_ooo *)node; /* NULL stays NULL */
}

static inline uint32_t ooo_len(const struct tcp_ooo *ooo)
{
    return ooo->node.end - ooo->node.seq;
}

/* ---- the list by age ------------------------------------------------------------------------ */

static void recent_remove(struct tcp_rcv *rcv, struct tcp_ooo *ooo)
{
    if (ooo->recent_prev != NULL)
        ooo->recent_prev->recent_next = ooo->recent_next;
    else
        rcv->recent = ooo->recent_next;
    if (ooo->recent_next != NULL)
        ooo->recent_next->recent_prev = ooo->recent_prev;
}

static void recent_first(struct tcp_rcv *rcv, struct tcp_ooo *ooo)
{
    ooo->recent_prev = NULL;
    ooo->recent_next = rcv->recent;
    if (rcv->recent != NULL)
        rcv->recent->recent_prev = ooo;
    rcv->recent = ooo;
}

static inline void touch(struct tcp_rcv *rcv, struct tcp_ooo *ooo)
{
    if (rcv->recent == ooo)
        return;
    recent_remove(rcv, ooo);
    recent_first(rcv, ooo);
}

/* ---- ranges --------------------------------------------------------------------------------- */

static void put_list(struct pkt *pkt)
{
    while (pkt != NULL) {
        struct pkt *next = pkt->next;

        pkt->next = NULL;
        pkt_put(pkt);
        pkt = next;
    }
}

/* Takes it out of tree and list; its packets are still its own. */
static void unlink_range(struct tcp_conn *conn, struct tcp_ooo *ooo)
{
    struct tcp_rcv *rcv = &conn->rcv;

    seq_tree_remove(&rcv->ooo, &ooo->node);
    recent_remove(rcv, ooo);
    rcv->ooo_pages -= ooo->pages;
}

static void drop_range(struct tcp_conn *conn, struct tcp_ooo *ooo)
{
    uint32_t pages = ooo->pages;

    unlink_range(conn, ooo);
    put_list(ooo->first);
    tcp_ooo_put(conn->tcp, ooo);
    if (pages != 0)
        tcp_mem_release(conn, pages);
}

void tcp_reass_clear(struct tcp_conn *conn)
{
    while (conn->rcv.ooo.last != NULL)
        drop_range(conn, ooo_of(conn->rcv.ooo.last));
    if (conn->state == TCP_CLOSED)
        tcp_window_end(conn);
}

bool tcp_reass_evict(struct tcp_conn *conn, uint32_t beyond)
{
    struct tcp_ooo *last = ooo_of(conn->rcv.ooo.last);

    if (last == NULL || seq_le(last->node.seq, beyond))
        return false;
    conn->tcp->stats.ooo_limit++;
    drop_range(conn, last);
    return true;
}

/* Of `ooo`'s packets. Charged before. */
static void add_pages(struct tcp_conn *conn, struct tcp_ooo *ooo, uint32_t pages)
{
    ooo->pages += pages;
    conn->rcv.ooo_pages += pages;
}

/* ---- small ones ----------------------------------------------------------------------------- */

static void count_copy(struct tcp_conn *conn, uint32_t n)
{
    conn->tcp->stats.collapsed++;
    conn->tcp->stats.copied_bytes += n;
}

/* A packet of its own for `n` bytes to be filled in, `headroom` bytes into a page: charged. */
static struct pkt *new_pkt(struct tcp_conn *conn, uint32_t headroom, uint32_t n)
{
    struct pkt *pkt;

    if (!tcp_mem_charge(conn, 1))
        return NULL;
    pkt = pkt_alloc(conn->tcp->conf.nif->conf.pool, headroom, n);
    if (pkt == NULL)
        tcp_mem_release(conn, 1);
    return pkt;
}

/* A range whose bytes stand in its record gets a page for them: in its middle, for it can grow at
 * both ends. False: there is none. */
static bool materialise(struct tcp_conn *conn, struct tcp_ooo *ooo)
{
    uint32_t n = ooo_len(ooo);

    if (ooo->first != NULL)
        return true;
    ooo->first = ooo->last = new_pkt(conn, PAGE_BYTES / 2, n);
    if (ooo->first == NULL)
        return false;
    memcpy(pkt_frag_rw(ooo->first, 0).base, ooo->crumb, n);
    count_copy(conn, n);
    add_pages(conn, ooo, 1);
    return true;
}

static bool fits_crumb(const struct tcp_ooo *ooo, uint32_t n)
{
    return ooo->first == NULL && ooo_len(ooo) + n <= TCP_CRUMB_BYTES;
}

/* Copies pkt's bytes before the first of `first`, where that page is nobody else's and has room. */
static bool join_front(struct tcp_conn *conn, struct pkt *first, const struct pkt *pkt)
{
    struct pkt_frag *frag = &first->frag[0];

    if (pkt->len > frag->off || frag->page->refs != 1)
        return false;
    pkt_read(pkt, 0, cs_of(frag->page->base + frag->off - pkt->len, pkt->len));
    frag->off = (uint16_t)(frag->off - pkt->len);
    frag->len = (uint16_t)(frag->len + pkt->len);
    first->len += pkt->len;
    count_copy(conn, pkt->len);
    return true;
}

/* A copy of a small packet at the end of a page, so that more can come before it; pkt itself
 * where there is no memory. Takes pkt. Charged as it was: one page at least. */
static struct pkt *repack(struct tcp_conn *conn, struct pkt *pkt)
{
    struct pkt *copy = pkt_alloc(conn->tcp->conf.nif->conf.pool, PAGE_BYTES - pkt->len, pkt->len);

    if (copy == NULL)
        return pkt;
    pkt_read(pkt, 0, pkt_frag_rw(copy, 0));
    count_copy(conn, pkt->len);
    tcp_mem_release(conn, pkt->frag_count - 1u);
    pkt_put(pkt);
    return copy;
}

/* ---- growing -------------------------------------------------------------------------------- */

/* pkt follows `ooo`. Takes pkt on true. */
static bool append(struct tcp_conn *conn, struct tcp_ooo *ooo, struct pkt *pkt)
{
    uint32_t n = pkt->len;

    if (fits_crumb(ooo, n)) {
        pkt_read(pkt, 0, cs_of(ooo->crumb + ooo_len(ooo), n));
        count_copy(conn, n);
        pkt_put(pkt);
    } else if (!materialise(conn, ooo)) {
        return false;
    } else if (tcp_rcvbuf_sparse(pkt) && tcp_rcvbuf_join(conn->tcp, ooo->last, pkt)) {
        pkt_put(pkt);
    } else {
        if (!tcp_mem_charge(conn, pkt->frag_count))
            return false;
        add_pages(conn, ooo, pkt->frag_count);
        ooo->last->next = pkt;
        ooo->last = pkt;
    }
    ooo->node.end += n;
    return true;
}

/* pkt comes right before `ooo`. Takes pkt on true. */
static bool prepend(struct tcp_conn *conn, struct tcp_ooo *ooo, struct pkt *pkt)
{
    uint32_t n = pkt->len;

    if (fits_crumb(ooo, n)) {
        memmove(ooo->crumb + n, ooo->crumb, ooo_len(ooo));
        pkt_read(pkt, 0, cs_of(ooo->crumb, n));
        count_copy(conn, n);
        pkt_put(pkt);
    } else if (!materialise(conn, ooo)) {
        return false;
    } else if (tcp_rcvbuf_sparse(pkt) && join_front(conn, ooo->first, pkt)) {
        pkt_put(pkt);
    } else {
        if (!tcp_mem_charge(conn, pkt->frag_count))
            return false;
        if (pkt->len < PAGE_BYTES / 4)
            pkt = repack(conn, pkt);
        add_pages(conn, ooo, pkt->frag_count);
        pkt->next = ooo->first;
        ooo->first = pkt;
    }
    ooo->node.seq -= n;
    return true;
}

/* The packets of `right` follow those of `left`; where the seam is small they become one. */
static void link_lists(struct tcp_conn *conn, struct tcp_ooo *left, struct tcp_ooo *right)
{
    struct pkt *first = right->first;

    add_pages(conn, left, right->pages);
    left->last->next = first;
    if (tcp_rcvbuf_sparse(first) && tcp_rcvbuf_join(conn->tcp, left->last, first)) {
        uint32_t pages = first->frag_count;

        left->last->next = first->next;
        first->next = NULL;
        pkt_put(first);
        left->pages -= pages;
        conn->rcv.ooo_pages -= pages;
        tcp_mem_release(conn, pages);
        if (right->last != first)
            left->last = right->last;
    } else {
        left->last = right->last;
    }
}

/* There is no hole any more between `left` and `right`: right is gone. */
static void join(struct tcp_conn *conn, struct tcp_ooo *left, struct tcp_ooo *right)
{
    uint32_t n = ooo_len(right);

    if (right->first == NULL && fits_crumb(left, n)) {
        memcpy(left->crumb + ooo_len(left), right->crumb, n);
        unlink_range(conn, right);
    } else if (materialise(conn, left) && materialise(conn, right)) {
        unlink_range(conn, right);
        link_lists(conn, left, right);
    } else {
        conn->tcp->stats.ooo_limit++;
        drop_range(conn, right);
        return;
    }
    left->node.end += n;
    tcp_ooo_put(conn->tcp, right);
}

/* A range of its own. Takes pkt where it is not NULL. */
static struct tcp_ooo *create(struct tcp_conn *conn, uint32_t seq, struct pkt *pkt)
{
    struct tcp *tcp = conn->tcp;
    struct tcp_ooo *ooo = tcp_ooo_get(tcp);
    bool small = pkt->len <= TCP_CRUMB_BYTES;

    if (ooo == NULL)
        return NULL;
    if (!small && !tcp_mem_charge(conn, pkt->frag_count)) {
        tcp_ooo_put(tcp, ooo);
        return NULL;
    }
    ooo->node.seq = seq;
    ooo->node.end = seq + pkt->len;
    ooo->first = ooo->last = NULL;
    ooo->pages = 0;
    if (small) {
        pkt_read(pkt, 0, cs_of(ooo->crumb, pkt->len));
        count_copy(conn, pkt->len);
        pkt_put(pkt);
    } else {
        ooo->first = ooo->last = pkt;
        add_pages(conn, ooo, pkt->frag_count);
    }
    seq_tree_add(&conn->rcv.ooo, &ooo->node, tcp_random(tcp));
    recent_first(&conn->rcv, ooo);
    return ooo;
}

/* ---- in ------------------------------------------------------------------------------------- */

void tcp_reass_dsack(struct tcp_conn *conn, uint32_t start, uint32_t end)
{
    struct tcp_sack_block *dsack = &conn->rcv.dsack;

    if (!conn->sack_ok)
        return;
    /* Two duplicates side by side before the next ACK are told as one. */
    if (dsack->start != dsack->end && seq_le(start, dsack->end) && seq_ge(end, dsack->start)) {
        dsack->start = seq_min(dsack->start, start);
        dsack->end = seq_max(dsack->end, end);
        return;
    }
    *dsack = (struct tcp_sack_block){start, end};
}

/* Makes room for `pages` more that end at `end`. False: what is there is needed sooner. */
static bool make_room(struct tcp_conn *conn, uint32_t pages, uint32_t end)
{
    const struct tcp_rcv *rcv = &conn->rcv;
    uint32_t most = rcv->limit / (PAGE_BYTES / 4) + OOO_PAGES_SPARE;

    while (UNLIKELY(rcv->ooo_pages + pages > most || rcv->ooo.count >= OOO_RANGES_MAX))
        if (!tcp_reass_evict(conn, end))
            return false;
    while (UNLIKELY(conn->tcp->ooo_free == NULL))
        if (!tcp_mem_range(conn) && !tcp_reass_evict(conn, end))
            return false;
    while (UNLIKELY(!tcp_mem_charge(conn, pages)))
        if (!tcp_reass_evict(conn, end))
            return false;
    /* Known to be there now: those who need it take it. */
    tcp_mem_release(conn, pages);
    return true;
}

/* The part [at, stop) of the segment, as a packet: the segment's own where it is the `last`
 * part. */
static struct pkt *cut(struct tcp_rx *rx, uint32_t at, uint32_t stop, bool last)
{
    struct pkt *pkt = rx->pkt;
    uint32_t skip = at - rx->hdr.seq;

    if (!last)
        return pkt_share(pkt, skip, stop - at);
    rx->pkt = NULL;
    if (skip != 0)
        pkt_pull(pkt, skip);
    if (pkt->len != stop - at)
        pkt_trim(pkt, stop - at);
    return pkt;
}

/* Fills the hole [at, stop), which `left` ends at and `right` begins at, or NULL. The range that
 * has it now; NULL: no memory. */
static struct tcp_ooo *fill(struct tcp_conn *conn, struct tcp_rx *rx, uint32_t at, uint32_t stop,
                            struct tcp_ooo *left, struct tcp_ooo *right)
{
    uint32_t end = rx->hdr.seq + rx->len;
    bool last = stop == end || (right != NULL && seq_ge(right->node.end, end));
    struct pkt *pkt = cut(rx, at, stop, last);
    bool done;

    if (pkt == NULL)
        return NULL;
    if (left != NULL) {
        done = append(conn, left, pkt);
        if (done && right != NULL)
            join(conn, left, right);
    } else if (right != NULL) {
        done = prepend(conn, right, pkt);
        left = right;
    } else {
        left = create(conn, at, pkt);
        done = left != NULL;
    }
    if (!done) {
        pkt_put(pkt);
        return NULL;
    }
    return left;
}

void tcp_reass_input(struct tcp_conn *conn, struct tcp_rx *rx)
{
    struct tcp_rcv *rcv = &conn->rcv;
    uint32_t at = rx->hdr.seq, end = at + rx->len;
    struct tcp_ooo *left = NULL, *node;
    bool fresh = false;

    if (!make_room(conn, rx->pkt->frag_count, end)) {
        conn->tcp->stats.ooo_limit++;
        return;
    }
    /* The first range that ends at the segment's start or later. */
    node = ooo_of(seq_tree_find(&rcv->ooo, at - 1));
    while (at != end) {
        struct tcp_ooo *right = NULL;
        uint32_t stop = end;

        if (node != NULL && seq_le(node->node.seq, at)) {
            uint32_t old = seq_min(node->node.end, end);

            /* RFC 2883 section 4: of several duplicate parts the first is told. */
            if (old != at && rcv->dsack.start == rcv->dsack.end)
                tcp_reass_dsack(conn, at, old);
            at = old;
            left = node;
            node = ooo_of(node->node.next);
            continue;
        }
        if (rx->pkt == NULL)
            break; /* what is left was to be covered by a range that had to go */
        if (node != NULL && seq_le(node->node.seq, end)) {
            stop = node->node.seq;
            right = node;
        }
        if (left != NULL && left->node.end != at)
            left = NULL;
        left = fill(conn, rx, at, stop, left, right);
        if (left == NULL)
            conn->tcp->stats.ooo_limit++;
        else if (right != NULL)
            node = left;
        at = stop;
        fresh = true;
    }
    conn->tcp->stats.duplicate += !fresh;
    if (left != NULL)
        touch(rcv, left);
}

/* ---- out ------------------------------------------------------------------------------------ */

void tcp_reass_drain(struct tcp_conn *conn)
{
    struct tcp_ooo *ooo = ooo_of(conn->rcv.ooo.first);

    if (ooo == NULL || seq_gt(ooo->node.seq, conn->rcv_nxt))
        return;
    ASSERT(ooo->node.seq == conn->rcv_nxt);
    if (!materialise(conn, ooo)) {
        conn->tcp->stats.ooo_limit++;
        drop_range(conn, ooo);
        return;
    }
    unlink_range(conn, ooo);
    tcp_rcvbuf_push_list(conn, ooo->first, ooo->last, ooo_len(ooo), ooo->pages);
    conn->rcv_nxt = ooo->node.end;
    tcp_ooo_put(conn->tcp, ooo);
}

unsigned tcp_reass_sack(struct tcp_conn *conn, struct tcp_sack_block *blocks, unsigned room)
{
    struct tcp_rcv *rcv = &conn->rcv;
    unsigned n = 0;

    if (LIKELY(rcv->recent == NULL && rcv->dsack.start == rcv->dsack.end))
        return 0;
    if (rcv->dsack.start != rcv->dsack.end && room != 0) {
        blocks[n++] = rcv->dsack;
        rcv->dsack.start = rcv->dsack.end;
        conn->tcp->stats.dsacks_out++;
    }
    for (const struct tcp_ooo *ooo = rcv->recent; ooo != NULL && n < room; ooo = ooo->recent_next)
        if (LIKELY(ooo->node.seq != conn->rcv_nxt)) /* in order: it waits for the ACK of our SYN */
            blocks[n++] = (struct tcp_sack_block){ooo->node.seq, ooo->node.end};
    return n;
}
