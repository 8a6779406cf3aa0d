/* SPDX-License-Identifier: ISC */
/* tcp_in.c - a segment's way in: is it whole, whose is it, and RFC 9293 section 3.10.7.4's steps
 * for a connection that is past its SYN.
 *
 * The steps stand in tcp_in_conn in the RFC's order, each a function that says whether the
 * segment goes on. What the peer is owed is noted in conn->owed and sent at the end of the poll. A
 * connection may end on the way: after each step that can do that `is_over` is asked.
 */
#include "tcpip/tcp_priv.h"

/* The options that all segments but SYNs carry in practice: nop, nop, timestamps. */
#define USUAL_OPTIONS 0x0101080au
#define USUAL_OPTIONS_BYTES 12u

/* ---- the wire ------------------------------------------------------------------------------- */

static inline bool parse_options(struct tcp_options *opts, struct cs_ro bytes, bool syn)
{
    if (LIKELY(bytes.len == USUAL_OPTIONS_BYTES && cs_get_be32(bytes, 0) == USUAL_OPTIONS)) {
        opts->has = TCP_HAS_TS;
        opts->sack_count = 0;
        opts->ts_val = cs_get_be32(bytes, 4);
        opts->ts_ecr = cs_get_be32(bytes, 8);
        return true;
    }
    if (bytes.len == 0) {
        opts->has = 0;
        opts->sack_count = 0;
        return true;
    }
    return tcp_options_parse(opts, bytes, syn);
}

/* Header and options, all in one view afterwards. A counter where it goes no further. */
static inline uint64_t *parse(struct tcp *tcp, struct pkt *pkt, const struct ip4_rx *ip,
                              struct tcp_rx *rx)
{
    struct cs_ro front;

    if (UNLIKELY(ip->len < tcp_SIZE))
        return &tcp->stats.malformed;
    if (UNLIKELY(!pkt_pull_up(pkt, ip->off + tcp_SIZE, &front)))
        return &tcp->stats.no_memory;
    if (UNLIKELY(!tcp_parse(&rx->hdr, cs_shift(front, ip->off), ip->len)))
        return &tcp->stats.malformed;
    if (UNLIKELY(!pkt_pull_up(pkt, ip->off + rx->hdr.header_len, &front)))
        return &tcp->stats.no_memory;
    if (UNLIKELY(!parse_options(
            &rx->opts, cs_sub(front, ip->off + tcp_SIZE, rx->hdr.header_len - (size_t)tcp_SIZE),
            (rx->hdr.flags & TCP_SYN) != 0)))
        return &tcp->stats.malformed;
    return NULL;
}

/* Verified unless the device vouches for it. */
static inline bool checksum_ok(const struct pkt *pkt, const struct ip4_rx *ip)
{
    uint32_t sum;

    if (pkt->csum != PKT_CSUM_UNKNOWN)
        return true;
    sum = cksum_pseudo4(ip->src, ip->dst, IP4_TCP, (uint16_t)ip->len);
    return cksum_finish(netif_cksum(pkt, ip->off, ip->len, sum)) == 0;
}

void tcp_input(struct netif *nif, struct pkt *pkt, const struct ip4_rx *ip, uint64_t now)
{
    struct tcp *tcp = nif->tcp;
    struct tcp_rx rx;
    uint64_t *reason = parse(tcp, pkt, ip, &rx);

    if (UNLIKELY(reason == NULL && !checksum_ok(pkt, ip)))
        reason = &tcp->stats.checksum;
    /* RFC 1122 section 4.2.3.10: TCP is between two hosts. */
    if (UNLIKELY(reason == NULL && ip->cast != IP4_UNICAST))
        reason = &tcp->stats.not_unicast;
    if (UNLIKELY(reason != NULL)) {
        tcp->stats.segs_in++;
        netif_drop(pkt, reason);
        return;
    }
    rx.pkt = pkt;
    rx.ip = ip;
    rx.key = (struct tcp_key){ip->dst, ip->src, rx.hdr.dst_port, rx.hdr.src_port};
    rx.text_off = ip->off + rx.hdr.header_len;
    rx.len = ip->len - rx.hdr.header_len;
    rx.segs = 1;
    rx.mss = rx.len;
    rx.ecn = ip->tos & 3;
    rx.now = now;
    if (pkt->gso_size != 0 && rx.len > pkt->gso_size) {
        rx.segs = (rx.len + pkt->gso_size - 1) / pkt->gso_size;
        rx.mss = pkt->gso_size;
    }
    tcp->stats.segs_in += rx.segs;
    tcp_lro_input(tcp, &rx);
}

void tcp_in_segment(struct tcp *tcp, struct tcp_rx *rx)
{
    struct tcp_link *link = tcp_demux_find(tcp, &rx->key);

    if (LIKELY(link != NULL && link->kind == TCP_LINK_CONN)) {
        struct tcp_conn *conn = (struct tcp_conn *)link;

        conn->segs_in += rx->segs;
        if (LIKELY(conn->state != TCP_SYN_SENT))
            tcp_in_conn(conn, rx);
        else
            tcp_synsent_input(conn, rx);
    } else if (link == NULL) {
        tcp_listen_input(tcp, rx);
    } else if (link->kind == TCP_LINK_SYN) {
        tcp_syn_input(tcp, (struct tcp_syn *)link, rx);
    } else {
        tcp_tw_input(tcp, (struct tcp_tw *)link, rx);
    }
    if (rx->pkt != NULL)
        pkt_put(rx->pkt);
}

/* ---- the steps of RFC 9293 section 3.10.7.4 -------------------------------------------------- */

/* Did the last step end it? Its storage may be another's by the next poll, not before. */
static inline bool is_over(const struct tcp_conn *conn)
{
    return !conn->used || conn->state == TCP_CLOSED;
}

/* ACKs that arrive late say nothing new and do no harm: not worth an answer (Linux does likewise).
 * All else that is older than what we know is from an old connection, or a copy. */
static COLD bool is_late_ack(const struct tcp_conn *conn, const struct tcp_rx *rx)
{
    uint32_t rto = (uint32_t)(tcp_rtt_rto(&conn->rtt, &conn->tcp->conf.tuning) /
                              conn->tcp->conf.tuning.timestamp_unit_ns);

    return (rx->hdr.flags & (TCP_ACK | TCP_SYN | TCP_FIN | TCP_RST)) == TCP_ACK && rx->len == 0 &&
           rx->hdr.seq == conn->rcv_nxt && rx->hdr.ack == conn->snd_una &&
           (uint32_t)rx->hdr.window << conn->snd_wscale == conn->snd_wnd &&
           conn->ts_recent - rx->opts.ts_val <= rto;
}

/* Has so much time passed that the peer's clock may have gone round? */
static inline bool is_ts_forgotten(const struct tcp_conn *conn, const struct tcp_rx *rx)
{
    return UNLIKELY(rx->now - conn->ts_recent_at >= TCP_PAWS_IDLE_NS);
}

/* RFC 7323 sections 5.2 and 5.5. The one step of grace is for clocks that two processors read. */
static inline bool paws_passes(const struct tcp_conn *conn, const struct tcp_rx *rx)
{
    return (int32_t)(conn->ts_recent - rx->opts.ts_val) <= 1 || is_ts_forgotten(conn, rx) ||
           conn->ts_recent == 0;
}

/* Before the first step: timestamps (RFC 7323 section 5.3, R1). RSTs need none. */
static inline bool step_timestamp(struct tcp_conn *conn, struct tcp_rx *rx)
{
    struct tcp *tcp = conn->tcp;

    if (!conn->ts_ok || UNLIKELY((rx->hdr.flags & TCP_RST) != 0))
        return true;
    if (UNLIKELY((rx->opts.has & TCP_HAS_TS) == 0)) {
        /* RFC 7323 section 3.2. */
        if (!tcp->conf.tuning.timestamps_required)
            return true;
        tcp->stats.no_timestamp++;
        return false;
    }
    if (LIKELY(paws_passes(conn, rx)) || is_late_ack(conn, rx))
        return true;
    tcp->stats.paws++;
    if (rx->len != 0)
        tcp_data_duplicate(conn, rx);
    else
        tcp_reset_challenge(conn, rx->now);
    return false;
}

/* RFC 9293 section 3.10.7.4, first step's table, with two liberties. What ends at or after the last
 * ACK is no duplicate to a peer that has not seen that ACK. And a segment at the window's right
 * edge, or in a window of zero, is let in for its ACK: its text will find no room. */
static inline bool in_window(const struct tcp_conn *conn, const struct tcp_rx *rx)
{
    return seq_ge(tcp_rx_end(rx), conn->rcv_wup) &&
           seq_le(rx->hdr.seq, conn->rcv_nxt + tcp_window_offered(conn));
}

/* RCV.WND. */
static uint32_t window(const struct tcp_conn *conn)
{
    uint32_t offered = tcp_window_offered(conn), limit = conn->rcv.limit;

    if (!conn->tcp->conf.tuning.window_is_room || limit < conn->rcv.bytes + offered)
        return offered;
    return limit - conn->rcv.bytes;
}

/* The same without liberties: for what ends a connection. */
static COLD bool in_window_exactly(const struct tcp_conn *conn, const struct tcp_rx *rx)
{
    return rx->hdr.seq == conn->rcv_nxt || seq_in(rx->hdr.seq, conn->rcv_nxt, window(conn));
}

/* A RST for the FIN that we have had, from a peer whose program has ended since: some count it at
 * the FIN's number. */
static bool is_reset_at_fin(const struct tcp_conn *conn, const struct tcp_rx *rx)
{
    return conn->tcp->conf.tuning.reset_at_fin && rx->hdr.seq == conn->rcv_nxt - 1 &&
           tcp_conn_eof(conn);
}

/* All of it was here before, or it is beyond the window: an ACK says where we are. The ACK of an
 * empty one is limited: two ends that disagree would answer each other for ever. */
static COLD bool answer_unacceptable(struct tcp_conn *conn, const struct tcp_rx *rx)
{
    struct tcp *tcp = conn->tcp;

    tcp->stats.out_of_window++;
    if (rx->len == 0) {
        tcp_reset_challenge(conn, rx->now);
        return false;
    }
    /* RFC 2883 section 4.1. */
    if (seq_lt(rx->hdr.seq, conn->rcv_nxt))
        tcp_data_duplicate(conn, rx);
    else
        tcp_ackgen_dup(conn, 1);
    return false;
}

/* First: the sequence number. */
static inline bool step_sequence(struct tcp_conn *conn, struct tcp_rx *rx)
{
    if (UNLIKELY((rx->hdr.flags & TCP_RST) != 0)) {
        if (in_window_exactly(conn, rx) || is_reset_at_fin(conn, rx))
            return true;
        conn->tcp->stats.out_of_window++;
        return false;
    }
    /* RFC 5961 section 4: a SYN's number is nothing to go by. step_syn answers. */
    if (LIKELY(in_window(conn, rx)) || (rx->hdr.flags & TCP_SYN) != 0)
        return true;
    return answer_unacceptable(conn, rx);
}

/* RFC 5961 section 3.2; and at the end of what we have SACKed, which is where a peer that does not
 * count what we miss sends it from. */
static bool is_reset_exact(const struct tcp_conn *conn, const struct tcp_rx *rx)
{
    const struct seq_node *last = conn->rcv.ooo.last;

    return rx->hdr.seq == conn->rcv_nxt || is_reset_at_fin(conn, rx) ||
           (conn->sack_ok && last != NULL && rx->hdr.seq == last->end);
}

/* Second: RST. */
static inline bool step_reset(struct tcp_conn *conn, struct tcp_rx *rx)
{
    struct tcp *tcp = conn->tcp;
    int error = -E_CONNRESET;

    if (LIKELY((rx->hdr.flags & TCP_RST) == 0))
        return true;
    if (tcp->conf.tuning.challenge_acks && !is_reset_exact(conn, rx)) {
        tcp->stats.rst_in_window++;
        tcp_reset_challenge(conn, rx->now);
        return false;
    }
    tcp->stats.reset_in++;
    /* Only an active open has a connection in this state. */
    if (conn->state == TCP_SYN_RECEIVED)
        error = -E_CONNREFUSED;
    /* Both sides had closed. */
    if (conn->state == TCP_CLOSING || conn->state == TCP_LAST_ACK)
        error = conn->orphan ? 0 : -E_CONNRESET;
    tcp_conn_end(conn, error);
    return false;
}

/* As RFC 793 had it: in the window it ends the connection. */
static COLD bool refuse_syn(struct tcp_conn *conn, const struct tcp_rx *rx)
{
    if (!in_window_exactly(conn, rx))
        return answer_unacceptable(conn, rx);
    conn->tcp->stats.syn_in_window++;
    tcp_emit_bare(conn, conn->snd_nxt, TCP_RST | TCP_ACK, rx->now);
    tcp_conn_end(conn, -E_CONNRESET);
    return false;
}

/* Third would be security. Fourth: SYN (RFC 5961 section 4). The peer's SYN-ACK where both opened
 * at once repeats the SYN that we have (RFC 9293 figure 7): its ACK is what is new. */
static inline bool step_syn(struct tcp_conn *conn, struct tcp_rx *rx)
{
    if (LIKELY((rx->hdr.flags & TCP_SYN) == 0))
        return true;
    if (conn->state == TCP_SYN_RECEIVED && (rx->hdr.flags & TCP_ACK) != 0 &&
        rx->hdr.seq == conn->irs && rx->hdr.ack == conn->snd_nxt)
        return true;
    if (!conn->tcp->conf.tuning.challenge_acks)
        return refuse_syn(conn, rx);
    conn->tcp->stats.syn_in_window++;
    tcp_reset_challenge(conn, rx->now);
    return false;
}

/* The peer's SYN-ACK: what its SYN said of ECN it has to confirm (RFC 3168 section 6.1.1). */
static COLD void take_syn_ack(struct tcp_conn *conn, struct tcp_rx *rx)
{
    conn->ecn_ok = conn->ecn_ok && (rx->hdr.flags & (TCP_ECE | TCP_CWR)) == TCP_ECE;
    rx->hdr.flags &= (uint16_t)~TCP_SYN;
    rx->hdr.seq++;
}

/* Fifth: ACK. In SYN-RECEIVED, which only a simultaneous open leads to here. */
static COLD bool ack_of_syn(struct tcp_conn *conn, struct tcp_rx *rx)
{
    uint32_t wnd = rx->hdr.window;

    if (seq_le(rx->hdr.ack, conn->snd_una) || seq_gt(rx->hdr.ack, conn->snd_nxt)) {
        conn->tcp->stats.bad_ack++;
        tcp_reset_answer(conn->tcp, rx);
        return false;
    }
    /* Our SYN-ACK has not left: the peer's SYN is to be acknowledged all the same. */
    if ((conn->owed & TCP_OWE_SYN) != 0)
        tcp_ackgen_now(conn);
    if ((rx->hdr.flags & TCP_SYN) != 0)
        take_syn_ack(conn, rx);
    else /* RFC 7323 section 2.2: a SYN's is not scaled */
        wnd <<= conn->snd_wscale;
    tcp_conn_established(conn, rx, wnd);
    tcp_data_release(conn, rx->now);
    return true;
}

static inline bool step_ack(struct tcp_conn *conn, struct tcp_rx *rx)
{
    if (UNLIKELY((rx->hdr.flags & TCP_ACK) == 0)) {
        conn->tcp->stats.bad_flags++;
        return false;
    }
    if (UNLIKELY(conn->state == TCP_SYN_RECEIVED))
        return ack_of_syn(conn, rx);
    /* RFC 7323 section 4.3 (2): what the next ACK will echo. A forgery that is refused below must
     * not make all that comes later look old. */
    if ((rx->opts.has & TCP_HAS_TS) != 0 && conn->ts_ok &&
        seq_le(rx->hdr.seq, conn->last_ack_sent) && tcp_ack_may_be(conn, rx->hdr.ack) &&
        (seq_ge(rx->opts.ts_val, conn->ts_recent) || is_ts_forgotten(conn, rx))) {
        conn->ts_recent = rx->opts.ts_val;
        conn->ts_recent_at = rx->now;
    }
    return tcp_ack_input(conn, rx) && !is_over(conn);
}

/* Sixth: URG. The mark only moves on; the data is in line (RFC 6093). */
static inline void step_urgent(struct tcp_conn *conn, const struct tcp_rx *rx)
{
    uint32_t up, read = conn->rcv_nxt - conn->rcv.bytes;

    if (LIKELY((rx->hdr.flags & TCP_URG) == 0) || tcp_conn_eof(conn))
        return;
    up = rx->hdr.seq + rx->hdr.urgent;
    if (seq_le(up, read) || (conn->urgent_in && seq_le(up, conn->rcv_up)))
        return;
    conn->rcv_up = up;
    conn->urgent_in = true;
    conn->tcp->stats.urgent_in++;
    tcp_news(conn->tcp, &conn->news);
}

/* New data and nobody to read them: RFC 9293 section 3.6.1, RFC 2525 section 2.17. */
static COLD bool refuse_text(struct tcp_conn *conn, const struct tcp_rx *rx)
{
    if (!seq_gt(rx->hdr.seq + rx->len, conn->rcv_nxt))
        return false;
    conn->tcp->stats.after_close++;
    tcp_reset_answer(conn->tcp, rx);
    tcp_conn_end(conn, -E_CONNRESET);
    return true;
}

/* Seventh and eighth: text and FIN. */
static inline void step_text(struct tcp_conn *conn, struct tcp_rx *rx)
{
    if (rx->len == 0 && (rx->hdr.flags & TCP_FIN) == 0)
        return;
    if (UNLIKELY(conn->orphan) && rx->len != 0 && refuse_text(conn, rx))
        return;
    tcp_data_input(conn, rx);
}

void tcp_in_conn(struct tcp_conn *conn, struct tcp_rx *rx)
{
    if (!step_timestamp(conn, rx) || !step_sequence(conn, rx) || !step_reset(conn, rx) ||
        !step_syn(conn, rx))
        return;
    /* The peer is there, whatever ICMP or silence said. */
    conn->keepalives = 0;
    conn->soft_error = 0;
    if (!step_ack(conn, rx))
        return;
    step_urgent(conn, rx);
    step_text(conn, rx);
    /* Nobody waits for what comes but the FIN. */
    if (UNLIKELY(conn->orphan && conn->used && conn->state == TCP_FIN_WAIT_2))
        tcp_tw_begin(conn, TCP_FIN_WAIT_2, rx->now);
}
