/* SPDX-License-Identifier: ISC */
/* tcp_flight.c - records of what was sent and is not acknowledged.
 *
 * A record is a segment, or several that went to the device as one. It stands in a tree by
 * sequence number, and, as long as it is held to be in the network, in a list by time of last
 * transmission: new transmissions go to its end, so it is sorted by itself, and RACK reads it
 * from the front.
 *
 *     flags                 in the network      in the list
 *     (none)                1                   yes
 *     SACKED                0                   no
 *     LOST                  0                   no      (`resend` counts these)
 *     RETRANS               2                   yes     (sent again though perhaps not lost)
 *     LOST RETRANS          1                   yes
 *     SACKED RETRANS        1                   no      (the first came, the second flies)
 *
 * `out`, `sacked`, `lost` and `retrans` count segments by these flags, so that out - sacked -
 * lost + retrans is what is in the network: RFC 6675's pipe.
 */
#include "tcpip/tcp_flight.h"

void tcp_flight_init(struct tcp_conn *conn)
{
    conn->flight = (struct tcp_flight){
        .undo_count = UINT32_MAX,
        .reordering = conn->tcp->conf.tuning.dupthresh,
        .rack_reo_mult = 1,
        .high_seq = conn->snd_nxt,
        .random = (conn->generation << 16 ^ conn->link.key.src_port) | 1,
    };
}

/* Priorities of the tree: what is in it is ours to choose, so any spread will do (xorshift32). */
static uint32_t priority(struct tcp_flight *flight)
{
    uint32_t x = flight->random;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    flight->random = x;
    return x;
}

/* ---- the list by time ------------------------------------------------------------------------ */

void tcp_flight_unlist(struct tcp_flight *flight, struct tcp_seg *seg)
{
    if ((seg->flags & TCP_SEG_LISTED) == 0)
        return;
    if (seg->sent_prev != NULL)
        seg->sent_prev->sent_next = seg->sent_next;
    else
        flight->sent_first = seg->sent_next;
    if (seg->sent_next != NULL)
        seg->sent_next->sent_prev = seg->sent_prev;
    else
        flight->sent_last = seg->sent_prev;
    seg->flags &= (uint8_t)~TCP_SEG_LISTED;
}

/* Right after `after`; NULL: at the front. */
static void list_after(struct tcp_flight *flight, struct tcp_seg *after, struct tcp_seg *seg)
{
    seg->sent_prev = after;
    seg->sent_next = after == NULL ? flight->sent_first : after->sent_next;
    if (seg->sent_next != NULL)
        seg->sent_next->sent_prev = seg;
    else
        flight->sent_last = seg;
    if (after != NULL)
        after->sent_next = seg;
    else
        flight->sent_first = seg;
    seg->flags |= TCP_SEG_LISTED;
}

static bool sent_before(const struct tcp_seg *a, const struct tcp_seg *b)
{
    return a->sent_ns < b->sent_ns ||
           (a->sent_ns == b->sent_ns && seq_lt(a->node.end, b->node.end));
}

/* ---- counting -------------------------------------------------------------------------------- */

/* `seg`'s flags and number of segments enter the counters, or leave them: sign 1 or -1. */
static void count(struct tcp_flight *flight, const struct tcp_seg *seg, uint32_t segs, bool add)
{
    uint32_t n = add ? segs : 0u - segs;

    flight->out += n;
    if (UNLIKELY((seg->flags & (TCP_SEG_SACKED | TCP_SEG_LOST | TCP_SEG_RETRANS)) != 0)) {
        if ((seg->flags & TCP_SEG_SACKED) != 0) {
            flight->sacked += n;
            if (seq_ge(seg->node.seq, flight->lost_end))
                flight->sacked_above += n;
        }
        if ((seg->flags & TCP_SEG_LOST) != 0)
            flight->lost += n;
        if ((seg->flags & TCP_SEG_RETRANS) != 0)
            flight->retrans += n;
        if ((seg->flags & (TCP_SEG_LOST | TCP_SEG_RETRANS)) == TCP_SEG_LOST)
            flight->resend += n;
    }
}

/* A FIN without data is a segment; with data it is part of the last one. */
static uint32_t segs_of(uint32_t len, uint32_t mss)
{
    return len <= mss ? 1 : (len + mss - 1) / mss;
}

/* A record's number of segments changes: so do the counters it is in. */
static void set_segs(struct tcp_flight *flight, struct tcp_seg *seg, uint32_t segs)
{
    if (segs > seg->segs)
        count(flight, seg, segs - seg->segs, true);
    else if (segs < seg->segs)
        count(flight, seg, seg->segs - segs, false);
    seg->segs = (uint16_t)segs;
}

/* ---- life of a record ------------------------------------------------------------------------ */

/* Records are all connections' together, and a peer chooses how short its segments are: no more of
 * them for one connection than are left for the others. */
static bool has_share(const struct tcp_conn *conn)
{
    const struct tcp *tcp = conn->tcp;

    return conn->flight.tree.count < tcp->conf.segs_max - tcp->used.segs;
}

struct tcp_seg *tcp_flight_add(struct tcp_conn *conn, uint32_t len, bool fin, uint64_t now)
{
    struct tcp_flight *flight = &conn->flight;
    struct tcp_seg *seg;

    ASSERT(len != 0 || fin);
    if (UNLIKELY(!has_share(conn)))
        return NULL;
    seg = tcp_seg_get(conn->tcp);
    seg->node.seq = conn->snd_nxt;
    seg->node.end = conn->snd_nxt + len + fin;
    seg->chunk = len != 0 ? conn->snd.next : NULL;
    seg->sent_ns = now;
    seg->mss = (uint16_t)conn->mss;
    seg->segs = (uint16_t)segs_of(len, conn->mss);
    seg->flags = fin ? TCP_SEG_FIN : 0;
    seg->times = 0;
    seq_tree_append(&flight->tree, &seg->node, priority(flight));
    return seg;
}

void tcp_flight_cancel(struct tcp_conn *conn, struct tcp_seg *seg)
{
    ASSERT(seg->times == 0);
    seq_tree_remove(&conn->flight.tree, &seg->node);
    tcp_seg_put(conn->tcp, seg);
}

void tcp_flight_remove(struct tcp_conn *conn, struct tcp_seg *seg)
{
    struct tcp_flight *flight = &conn->flight;

    if (UNLIKELY(flight->retrans_hint == seg))
        flight->retrans_hint = tcp_seg_of(seg->node.prev);
    tcp_flight_unlist(flight, seg);
    seq_tree_remove(&flight->tree, &seg->node);
    tcp_seg_put(conn->tcp, seg);
}

void tcp_flight_clear(struct tcp_conn *conn)
{
    struct tcp_flight *flight = &conn->flight;
    struct tcp_seg *seg;

    while ((seg = tcp_flight_first(flight)) != NULL)
        tcp_flight_remove(conn, seg);
    flight->out = flight->sacked = flight->lost = flight->retrans = 0;
    flight->resend = flight->sacked_above = 0;
    flight->undo = flight->retrans_any = flight->tlp_out = false;
    flight->ca_state = TCP_CA_OPEN;
}

/* The chunk that holds `seq`, at `chunk` or after it. */
static struct tcp_chunk *chunk_at(struct tcp_chunk *chunk, uint32_t seq)
{
    while (chunk != NULL && seq_ge(seq, chunk->seq + chunk->len))
        chunk = chunk->next;
    return chunk;
}

/* For the first time: the numbers are used now. */
static void sent_new(struct tcp_conn *conn, struct tcp_seg *seg)
{
    struct tcp_flight *flight = &conn->flight;

    conn->snd_nxt = seg->node.end;
    conn->snd.next = chunk_at(conn->snd.next, conn->snd_nxt);
    if ((seg->flags & TCP_SEG_FIN) != 0)
        conn->fin_sent = true;
    flight->out += seg->segs;
    list_after(flight, flight->sent_last, seg);
}

static void sent_again(struct tcp_conn *conn, struct tcp_seg *seg, uint64_t now)
{
    struct tcp_flight *flight = &conn->flight;
    bool probe = (conn->owed & TCP_OWE_TLP) != 0 && tcp_seg_in_flight(seg);

    conn->total_retrans += seg->segs;
    conn->bytes_retrans += tcp_seg_len(seg);
    conn->tcp->stats.retransmits += seg->segs;
    seg->flags |= TCP_SEG_EVER;
    tcp_flight_unlist(flight, seg);
    if ((seg->flags & TCP_SEG_SACKED) == 0)
        list_after(flight, flight->sent_last, seg);
    if (probe)
        return; /* it replaces nothing: what becomes of it tells of a loss (tcp_recovery.c) */
    if ((seg->flags & TCP_SEG_RETRANS) == 0) {
        if ((seg->flags & TCP_SEG_LOST) != 0)
            flight->resend -= seg->segs;
        seg->flags |= TCP_SEG_RETRANS;
        flight->retrans += seg->segs;
    }
    if (!flight->retrans_any) {
        flight->retrans_any = true;
        flight->retrans_ts = tcp_ts_now(conn->tcp, conn->ts_offset, now);
    }
    if (flight->undo_count == UINT32_MAX)
        flight->undo_count = 0;
    flight->undo_count += seg->segs;
}

/* What a delivery rate needs to know of the moment of sending. */
static void sent_rate(struct tcp_conn *conn, struct tcp_seg *seg, bool was_idle, uint64_t now)
{
    if (was_idle) {
        conn->flight.rate_first_ns = now;
        conn->delivered_ns = now;
    }
    seg->flight_ns = conn->flight.rate_first_ns;
    seg->delivered_ns = conn->delivered_ns;
    seg->delivered = conn->delivered;
    if (conn->flight.app_limited_until != 0)
        seg->flags |= TCP_SEG_APP_LIMITED;
    else
        seg->flags &= (uint8_t)~TCP_SEG_APP_LIMITED;
}

void tcp_flight_sent(struct tcp_conn *conn, struct tcp_seg *seg, uint64_t now)
{
    struct tcp_flight *flight = &conn->flight;
    bool first = seg->times == 0, was_idle = flight->out == 0;

    sent_rate(conn, seg, was_idle, now);
    seg->sent_ns = now;
    if (seg->times < UINT8_MAX)
        seg->times++;
    if (LIKELY(first))
        sent_new(conn, seg);
    else
        sent_again(conn, seg, now);
    if (UNLIKELY(tcp_in_reduction(flight)))
        flight->prr_out += seg->segs;
    conn->sent_at = now;
    tcp_rto_sent(conn, seg, first, was_idle, now);
}

/* ---- cutting and joining --------------------------------------------------------------------- */

uint32_t tcp_flight_trim(struct tcp_conn *conn, struct tcp_seg *seg, uint32_t una)
{
    uint32_t before = seg->segs;

    seg->node.seq = una;
    seg->chunk = tcp_seg_len(seg) != 0 ? chunk_at(seg->chunk, una) : NULL;
    set_segs(&conn->flight, seg, segs_of(tcp_seg_len(seg), seg->mss));
    return before - seg->segs;
}

bool tcp_flight_split(struct tcp_conn *conn, struct tcp_seg *seg, uint32_t len)
{
    struct tcp_flight *flight = &conn->flight;
    struct tcp_seg *rest;
    uint32_t segs = segs_of(len, seg->mss);

    ASSERT(len != 0 && len < seg->node.end - seg->node.seq);
    rest = tcp_seg_get(conn->tcp);
    if (rest == NULL) {
        conn->tcp->stats.no_memory++;
        return false;
    }
    count(flight, seg, seg->segs, false);
    rest->node.seq = seg->node.seq + len;
    rest->node.end = seg->node.end;
    rest->flags = seg->flags & (uint8_t)~TCP_SEG_LISTED;
    rest->chunk = tcp_seg_len(rest) != 0 ? chunk_at(seg->chunk, rest->node.seq) : NULL;
    rest->sent_ns = seg->sent_ns;
    rest->delivered_ns = seg->delivered_ns;
    rest->delivered = seg->delivered;
    rest->flight_ns = seg->flight_ns;
    rest->mss = seg->mss;
    rest->times = seg->times;
    rest->segs = (uint16_t)segs_of(tcp_seg_len(rest), rest->mss);
    seg->node.end = rest->node.seq;
    seg->flags &= (uint8_t) ~(TCP_SEG_FIN | TCP_SEG_PSH);
    seg->segs = (uint16_t)segs;
    seq_tree_add_after(&flight->tree, &seg->node, &rest->node, priority(flight));
    if ((seg->flags & TCP_SEG_LISTED) != 0)
        list_after(flight, seg, rest);
    count(flight, seg, seg->segs, true);
    count(flight, rest, rest->segs, true);
    return true;
}

/* `next` becomes part of `seg`, which is before it. */
static void absorb(struct tcp_conn *conn, struct tcp_seg *seg, struct tcp_seg *next)
{
    struct tcp_flight *flight = &conn->flight;

    count(flight, next, next->segs, false);
    if (seg->chunk == NULL)
        seg->chunk = next->chunk;
    seg->node.end = next->node.end;
    seg->flags |= next->flags & (TCP_SEG_FIN | TCP_SEG_PSH | TCP_SEG_EVER);
    if (flight->retrans_hint == next)
        flight->retrans_hint = seg;
    tcp_flight_remove(conn, next);
}

/* RFC 9293 section 3.10.8: what is sent again may be packed anew. */
void tcp_flight_join(struct tcp_conn *conn, struct tcp_seg *seg)
{
    struct tcp_seg *next;
    uint32_t wnd_end = conn->snd_una + conn->snd_wnd;

    while (seg->segs == 1 && (seg->flags & TCP_SEG_FIN) == 0 &&
           (next = tcp_flight_next(seg)) != NULL) {
        if (next->segs != 1 || next->times == 0 || (next->flags & TCP_SEG_SACKED) != 0 ||
            tcp_seg_len(seg) + tcp_seg_len(next) > seg->mss || seq_gt(next->node.end, wnd_end))
            return;
        absorb(conn, seg, next);
    }
}

struct tcp_seg *tcp_flight_merge(struct tcp_conn *conn, struct tcp_seg *seg)
{
    struct tcp_seg *prev = tcp_seg_of(seg->node.prev);
    const uint8_t mask = TCP_SEG_SACKED | TCP_SEG_LOST | TCP_SEG_RETRANS;
    uint32_t segs;

    if (prev == NULL || (prev->flags & (mask | TCP_SEG_FIN)) != TCP_SEG_SACKED ||
        (seg->flags & mask) != TCP_SEG_SACKED || prev->mss != seg->mss ||
        tcp_seg_len(prev) != (uint32_t)prev->segs * prev->mss ||
        prev->segs + (uint32_t)seg->segs > UINT16_MAX || prev->node.end == conn->flight.lost_end)
        return seg;
    segs = prev->segs + (uint32_t)seg->segs;
    absorb(conn, prev, seg);
    set_segs(&conn->flight, prev, segs);
    return prev;
}

/* ---- lost or not ----------------------------------------------------------------------------- */

void tcp_flight_mark_lost(struct tcp_flight *flight, struct tcp_seg *seg)
{
    if ((seg->flags & TCP_SEG_SACKED) != 0)
        return;
    if ((seg->flags & TCP_SEG_LOST) != 0) {
        if ((seg->flags & TCP_SEG_RETRANS) == 0)
            return;
        seg->flags &= (uint8_t)~TCP_SEG_RETRANS; /* the copy was lost as well */
        flight->retrans -= seg->segs;
    } else {
        seg->flags |= TCP_SEG_LOST;
        flight->lost += seg->segs;
        if ((seg->flags & TCP_SEG_RETRANS) != 0) {
            flight->lost_ever += seg->segs;
            return;
        }
    }
    if (flight->resend == 0 ||
        (flight->retrans_hint != NULL && seq_lt(seg->node.seq, flight->retrans_hint->node.seq)))
        flight->retrans_hint = seg;
    flight->resend += seg->segs;
    flight->lost_ever += seg->segs;
    tcp_flight_unlist(flight, seg);
}

/* All its copies. */
void tcp_flight_mark_gone(struct tcp_flight *flight, struct tcp_seg *seg)
{
    tcp_flight_mark_lost(flight, seg);
    if ((seg->flags & (TCP_SEG_LOST | TCP_SEG_RETRANS)) == (TCP_SEG_LOST | TCP_SEG_RETRANS))
        tcp_flight_mark_lost(flight, seg);
}

/* What comes back to the list by time belongs behind what was sent before it. Records that were
 * sent once are in the same order in both, so each search begins where the last one ended; one that
 * was sent again may so come to stand behind a later one, and is found lost with that. */
void tcp_flight_unmark_lost(struct tcp_flight *flight)
{
    struct tcp_seg *at = NULL, *next = flight->sent_first, *seg;

    for (seg = tcp_flight_first(flight); seg != NULL; seg = tcp_flight_next(seg)) {
        if ((seg->flags & TCP_SEG_LOST) == 0)
            continue;
        seg->flags &= (uint8_t)~TCP_SEG_LOST;
        if ((seg->flags & TCP_SEG_LISTED) != 0)
            continue;
        for (; next != NULL && sent_before(next, seg); next = next->sent_next)
            at = next;
        list_after(flight, at, seg);
        at = seg;
    }
    flight->lost = flight->resend = 0;
    flight->retrans_hint = NULL;
}

/* Is anything out that was sent again? The first is asked only: what is behind it will be first. */
bool tcp_any_retrans(const struct tcp_flight *flight)
{
    const struct tcp_seg *first = tcp_flight_first(flight);

    return flight->retrans != 0 || (first != NULL && (first->flags & TCP_SEG_EVER) != 0);
}
