/* SPDX-License-Identifier: ISC */
/* tcp_data.c - text and FIN of a segment (RFC 9293 section 3.10.7.4, seventh and eighth step).
 *
 * A segment comes here with its ACK processed. Its text is cut to the window on both sides; then
 * it is one of these:
 *
 *     next        it begins at rcv_nxt: to the receive queue, and what waited behind it follows
 *     early       it begins after rcv_nxt: to the out-of-order ranges (tcp_reass.c)
 *     old         all of it was here before: nothing is kept, the sender is told (RFC 2883)
 *
 * Payload is not touched: the packet, cut down to its text, is what the queues hold. Where text
 * that is next overlaps text that came early, it takes the way of early text: what came first is
 * kept.
 */
#include "tcpip/tcp_priv.h"

/* Makes the packet its text alone: without headers, link padding, and what was cut off. */
static inline void strip(struct tcp_rx *rx)
{
    struct pkt *pkt = rx->pkt;

    /* Nobody asks for its checksum any more, and it is no super-segment. */
    pkt->csum = PKT_CSUM_VALIDATED;
    pkt->gso_size = 0;
    pkt_pull(pkt, rx->text_off);
    if (UNLIKELY(pkt->len != rx->len))
        pkt_trim(pkt, rx->len);
    rx->text_off = 0;
}

/* All of the segment's text is at rcv_nxt and new. False: no room. */
static inline bool take_next(struct tcp_conn *conn, struct tcp_rx *rx)
{
    strip(rx);
    /* What is next is worth more than what is early: that can be sent again. */
    while (UNLIKELY(!tcp_rcvbuf_push(conn, rx->pkt))) {
        if (!tcp_reass_evict(conn, conn->rcv_nxt)) {
            conn->tcp->stats.rcvbuf_limit++;
            tcp_ackgen_dup(conn, 1);
            return false;
        }
    }
    rx->pkt = NULL;
    conn->rcv_nxt += rx->len;
    return true;
}

void tcp_data_duplicate(struct tcp_conn *conn, const struct tcp_rx *rx)
{
    uint32_t end = rx->hdr.seq + rx->len;

    conn->tcp->stats.duplicate++;
    if (seq_lt(rx->hdr.seq, conn->rcv_nxt))
        tcp_reass_dsack(conn, rx->hdr.seq,
                        seq_min(end + ((rx->hdr.flags & TCP_FIN) != 0), conn->rcv_nxt));
    tcp_ackgen_quick(conn, 16);
    tcp_ackgen_dup(conn, 1);
}

/* Nothing of the text fits the window: a zero-window probe, or a sender that is wrong. It is told
 * where we are (RFC 9293 section 3.8.6.1). */
static COLD void refuse(struct tcp_conn *conn)
{
    if (tcp_window_offered(conn) == 0)
        conn->tcp->stats.zero_window++;
    else
        conn->tcp->stats.out_of_window++;
    tcp_ackgen_quick(conn, 16);
    tcp_ackgen_dup(conn, 1);
}

/* Cuts off what is not new or not wanted. False: nothing is left. *fin: it has one, in place. */
static bool trim(struct tcp_conn *conn, struct tcp_rx *rx, bool *fin)
{
    uint32_t nxt = conn->rcv_nxt, edge = nxt + tcp_window_offered(conn);
    uint32_t end = rx->hdr.seq + rx->len;

    *fin = (rx->hdr.flags & TCP_FIN) != 0;
    if (!seq_gt(end + *fin, nxt)) {
        tcp_data_duplicate(conn, rx);
        return false;
    }
    if (seq_lt(rx->hdr.seq, nxt)) {
        uint32_t old = nxt - rx->hdr.seq;

        tcp_reass_dsack(conn, rx->hdr.seq, nxt);
        /* Sent again in vain: the sooner it knows the better. Linux has no haste. */
        if (conn->tcp->conf.tuning.ack_habit != TCP_HABIT_LINUX)
            conn->rcv.ack |= TCP_ACKGEN_NOW;
        rx->text_off += old;
        rx->len -= old;
        rx->hdr.seq = nxt;
    }
    /* There is nothing after a FIN; the first one that came counts. */
    if (conn->rcv.fin && seq_gt(end, conn->rcv.fin_seq))
        edge = seq_min(edge, conn->rcv.fin_seq);
    if (seq_gt(end, edge)) {
        bool whole = conn->tcp->conf.tuning.overrun_taken && !conn->rcv.fin;

        if (whole && conn->rcv.bytes == 0 && seq_le(rx->hdr.seq, edge))
            return true;
        if (whole || seq_ge(rx->hdr.seq, edge)) {
            refuse(conn);
            return false;
        }
        rx->len = edge - rx->hdr.seq;
        *fin = false;
    }
    return true;
}

/* Where is the end? A FIN takes no room: at the right edge it is welcome. */
static void note_fin(struct tcp_conn *conn, const struct tcp_rx *rx)
{
    const struct seq_node *last = conn->rcv.ooo.last;
    uint32_t at = rx->hdr.seq + rx->len;

    if (conn->rcv.fin || (last != NULL && seq_gt(last->end, at)))
        return;
    conn->rcv.fin = true;
    conn->rcv.fin_seq = at;
}

/* What begins after rcv_nxt. RFC 5681 section 4.2: an ACK at once, for each. */
static void take_early(struct tcp_conn *conn, struct tcp_rx *rx)
{
    uint32_t segs = conn->sack_ok ? 1 : rx->segs;

    conn->tcp->stats.ooo_in += rx->segs;
    conn->rcv_ooo += rx->segs;
    if (rx->len != 0) {
        tcp_ackgen_ecn(conn, rx);
        strip(rx);
        tcp_reass_input(conn, rx);
    }
    tcp_ackgen_dup(conn, segs);
}

/* rcv_nxt has reached the FIN. May end the connection. */
static COLD void finish(struct tcp_conn *conn, uint64_t now)
{
    conn->rcv_nxt++;
    /* Linux forgets what it would have told. */
    if (conn->tcp->conf.tuning.ack_habit == TCP_HABIT_LINUX)
        conn->rcv.dsack = (struct tcp_sack_block){0, 0};
    /* In CLOSE-WAIT the answer may carry the ACK; in FIN-WAIT there is none to wait for. */
    if (conn->state == TCP_ESTABLISHED && conn->tcp->conf.tuning.ack_habit == TCP_HABIT_LINUX)
        conn->rcv.pingpong = true;
    else
        conn->rcv.ack |= TCP_ACKGEN_NOW;
    conn->rcv.ack |= TCP_ACKGEN_DUE;
    tcp_ackgen_decide(conn, now);
    tcp_conn_fin_received(conn, now);
}

/* Text that is next and overlaps what came early. */
static bool take_overlapping(struct tcp_conn *conn, struct tcp_rx *rx)
{
    uint32_t nxt = conn->rcv_nxt;

    strip(rx);
    tcp_reass_input(conn, rx);
    tcp_reass_drain(conn);
    if (conn->rcv_nxt != nxt)
        return true;
    conn->tcp->stats.rcvbuf_limit++;
    tcp_ackgen_dup(conn, 1);
    return false;
}

static void take_any(struct tcp_conn *conn, struct tcp_rx *rx)
{
    const struct seq_node *first = conn->rcv.ooo.first;
    bool fin, taken = true;

    if (rx->len == 0 && (rx->hdr.flags & TCP_FIN) == 0)
        return;
    if (!trim(conn, rx, &fin))
        return;
    if (fin)
        note_fin(conn, rx);
    if (rx->hdr.seq != conn->rcv_nxt) {
        take_early(conn, rx);
        return;
    }
    if (rx->len != 0) {
        if (first != NULL && seq_gt(rx->hdr.seq + rx->len, first->seq))
            taken = take_overlapping(conn, rx);
        else
            taken = take_next(conn, rx);
        if (!taken)
            return;
        tcp_ackgen_data(conn, rx);
    }
    /* RFC 5681 section 4.2: at once too where it filled all or part of a gap. */
    if (first != NULL) {
        tcp_reass_drain(conn);
        conn->rcv.ack |= TCP_ACKGEN_NOW;
    }
    if (conn->rcv.fin && conn->rcv_nxt == conn->rcv.fin_seq)
        finish(conn, rx->now);
    else
        tcp_ackgen_decide(conn, rx->now);
}

void tcp_data_hold(struct tcp_conn *conn, struct tcp_rx *rx)
{
    if (rx->len == 0 || rx->len > tcp_window_offered(conn))
        return;
    strip(rx);
    tcp_reass_input(conn, rx);
}

void tcp_data_release(struct tcp_conn *conn, uint64_t now)
{
    if (conn->rcv.ooo.first == NULL)
        return;
    tcp_reass_drain(conn);
    conn->rcv.ack |= TCP_ACKGEN_DUE;
    tcp_ackgen_decide(conn, now);
}

void tcp_data_input(struct tcp_conn *conn, struct tcp_rx *rx)
{
    conn->data_segs_in += rx->len != 0 ? rx->segs : 0;
    /* The usual segment: text alone, next, wholly in the window, and nothing waits. */
    if (LIKELY(rx->hdr.seq == conn->rcv_nxt && rx->len - 1 < tcp_window_offered(conn) &&
               (rx->hdr.flags & TCP_FIN) == 0 && conn->rcv.ooo.first == NULL && !conn->rcv.fin)) {
        if (take_next(conn, rx)) {
            tcp_ackgen_data(conn, rx);
            tcp_ackgen_decide(conn, rx->now);
        }
        return;
    }
    take_any(conn, rx);
}
