/* SPDX-License-Identifier: ISC */
/* tcp_ack.c - the fifth step of RFC 9293 section 3.10.7.4: what an acceptable ACK changes.
 *
 * In this order: is the number one that can be; the window; SACK blocks (tcp_sack.c); records that
 * are acknowledged in order go, and what they tell of the round trip and the delivery rate is kept;
 * loss and recovery, if anything is unusual (tcp_recovery.c); timers (tcp_rto.c); the congestion
 * window; buffers. In bulk transfer, nothing unusual, that is one record or two, a sample, and a
 * comparison for each other step.
 */
#include "tcpip/tcp_flight.h"

/* ---- delivery rate (draft-cheng-iccrg-delivery-rate-estimation) ------------------------------ */

/* Of all that one ACK delivered, the segment sent last speaks. */
void tcp_ack_delivered(struct tcp_conn *conn, struct tcp_ack *ack, const struct tcp_seg *seg)
{
    if (ack->rate && (seg->sent_ns < ack->rate_sent_ns ||
                      (seg->sent_ns == ack->rate_sent_ns && seq_lt(seg->node.end, ack->rate_end))))
        return;
    ack->rate = true;
    ack->rate_delivered = seg->delivered;
    ack->rate_at = seg->delivered_ns;
    ack->rate_sent_ns = seg->sent_ns;
    ack->rate_send_ns = seg->sent_ns - seg->flight_ns;
    ack->rate_end = seg->node.end;
    ack->rate_app_limited = (seg->flags & TCP_SEG_APP_LIMITED) != 0;
    conn->flight.rate_first_ns = seg->sent_ns;
}

/* rate_bytes in rate_ns. What was limited by the program counts only where it is more. */
static void rate_sample(struct tcp_conn *conn, const struct tcp_ack *ack)
{
    struct tcp_flight *flight = &conn->flight;
    uint64_t ns = ack->now - ack->rate_at, bytes;

    if (flight->app_limited_until != 0 && conn->delivered > flight->app_limited_until)
        flight->app_limited_until = 0;
    if (conn->delivered != ack->prior_delivered)
        conn->delivered_ns = ack->now;
    if (!ack->rate || flight->reneged)
        return;
    if (ns < ack->rate_send_ns)
        ns = ack->rate_send_ns;
    if (ns == 0 || (ns < conn->rtt.min_ns && conn->rtt.min_ns != UINT64_MAX))
        return;
    bytes = (conn->delivered - ack->rate_delivered) * conn->mss;
    /* bytes / ns >= rate_bytes / rate_ns, products of 2^32 by 2^40 at most being compared in
     * parts */
    if (ack->rate_app_limited && conn->rate_ns != 0 &&
        bytes * (NS_PER_S / 1000) / ns < conn->rate_bytes * (NS_PER_S / 1000) / conn->rate_ns)
        return;
    conn->rate_bytes = bytes;
    conn->rate_ns = ns;
    flight->rate_app_limited = ack->rate_app_limited;
}

/* Less than a segment waits, and cwnd would let it go: what comes now is as fast as the program. */
static inline void watch_program(struct tcp_conn *conn)
{
    struct tcp_flight *flight = &conn->flight;

    if (LIKELY(tcp_sndbuf_unsent(conn) >= conn->mss) || flight->lost > flight->retrans ||
        tcp_flight_pipe(flight) >= conn->cc.cwnd)
        return;
    flight->app_limited_until = conn->delivered + tcp_flight_pipe(flight);
    if (flight->app_limited_until == 0)
        flight->app_limited_until = 1;
}

/* ---- records that are acknowledged ----------------------------------------------------------- */

struct gone {
    uint32_t segs;
    uint64_t first_ns,
        last_ns; /* when those were sent that were sent only once; UINT64_MAX: none */
    uint32_t reorder;
    bool whole; /* the last of them */
};

static COLD void gone_unusual(struct tcp_conn *conn, struct tcp_seg *seg, uint32_t segs)
{
    struct tcp_flight *flight = &conn->flight;

    if ((seg->flags & TCP_SEG_SACKED) != 0) {
        flight->sacked -= segs;
        if (seq_ge(seg->node.seq, flight->lost_end))
            flight->sacked_above -= segs;
    }
    if ((seg->flags & TCP_SEG_LOST) != 0)
        flight->lost -= segs;
    if ((seg->flags & TCP_SEG_RETRANS) != 0)
        flight->retrans -= segs;
    if ((seg->flags & (TCP_SEG_LOST | TCP_SEG_RETRANS)) == TCP_SEG_LOST)
        flight->resend -= segs;
}

/* `segs` of `seg` were acknowledged: what that tells. */
static inline void gone_tells(struct tcp_conn *conn, struct tcp_seg *seg, uint32_t segs,
                              struct gone *gone, struct tcp_ack *ack)
{
    const uint8_t sacked = seg->flags & TCP_SEG_SACKED;

    gone->segs += segs;
    if (UNLIKELY((seg->flags & TCP_SEG_EVER) != 0)) {
        ack->flags |= TCP_TOLD_RETRANS_ACKED;
    } else if (LIKELY(!sacked)) {
        if (gone->first_ns == UINT64_MAX)
            gone->first_ns = seg->sent_ns;
        gone->last_ns = seg->sent_ns;
        if (seq_lt(seg->node.seq, gone->reorder))
            gone->reorder = seg->node.seq;
        if (seq_le(seg->node.end, conn->flight.high_seq))
            ack->flags |= TCP_TOLD_ORIGINAL;
    }
    if (sacked)
        return; /* it was counted then */
    tcp_ack_delivered(conn, ack, seg);
    if (UNLIKELY(!conn->sack_ok))
        return; /* duplicate ACKs were counted */
    conn->delivered += segs;
    /* Not what was sent again for nothing. */
    if (LIKELY((seg->flags & TCP_SEG_EVER) == 0) ||
        !tcp_ack_echoes_before(ack, tcp_ts_now(conn->tcp, conn->ts_offset, seg->sent_ns)))
        tcp_rack_delivered(conn, seg, ack->now);
}

static void take_records(struct tcp_conn *conn, struct gone *gone, struct tcp_ack *ack)
{
    struct tcp_flight *flight = &conn->flight;
    struct tcp_seg *seg;
    uint32_t segs;

    while ((seg = tcp_flight_first(flight)) != NULL && seq_le(seg->node.end, conn->snd_una)) {
        segs = seg->segs;
        gone_tells(conn, seg, segs, gone, ack);
        if (UNLIKELY((seg->flags & (TCP_SEG_SACKED | TCP_SEG_LOST | TCP_SEG_RETRANS)) != 0))
            gone_unusual(conn, seg, segs);
        flight->out -= segs;
        tcp_flight_remove(conn, seg);
    }
    gone->whole = true;
    if (seg == NULL)
        return;
    if (seq_lt(seg->node.seq, conn->snd_una)) {
        uint32_t left = seg->node.end - conn->snd_una - ((seg->flags & TCP_SEG_FIN) != 0);

        /* What it tells is as of before; then it is cut. */
        segs = seg->segs - (left <= seg->mss ? 1u : (left + seg->mss - 1) / seg->mss);
        if (segs != 0) {
            gone_tells(conn, seg, segs, gone, ack);
            gone->whole = false;
        }
        tcp_flight_trim(conn, seg, conn->snd_una);
    }
    if (UNLIKELY((seg->flags & TCP_SEG_SACKED) != 0))
        ack->flags |= TCP_TOLD_RENEGED;
    if (UNLIKELY(seq_lt(flight->lost_end, conn->snd_una)))
        flight->lost_end = conn->snd_una;
}

/* ---- round trips ----------------------------------------------------------------------------- */

/* Times of sending come before echoed timestamps, which are coarse and which others can change; but
 * of what was sent twice only the timestamp tells (RFC 6298 section 3, Karn). A TSecr counts only
 * where SND.UNA moves (RFC 7323 section 4.1). True: there was a sample. */
static bool round_trip(struct tcp_conn *conn, const struct gone *gone, struct tcp_ack *ack)
{
    const struct tcp_tuning *tuning = &conn->tcp->conf.tuning;
    uint64_t sample_ns = UINT64_MAX, latest_ns = UINT64_MAX;
    uint32_t ticks;

    if (gone->first_ns != UINT64_MAX && (ack->flags & TCP_TOLD_RETRANS_ACKED) == 0) {
        sample_ns = ack->now - gone->first_ns;
        latest_ns = ack->now - gone->last_ns;
        /* A lone short segment: its ACK was delayed perhaps. */
        if (gone->segs == 1 && gone->whole && conn->snd_una - ack->prior_una < conn->mss &&
            conn->delivered == ack->prior_delivered + 1 &&
            ack->prior_sacked_end == ack->prior_una && (ack->flags & TCP_TOLD_ECE) == 0)
            ack->flags |= TCP_TOLD_MAYBE_DELAYED;
    }
    if (ack->sack_first_ns != UINT64_MAX) {
        if (sample_ns == UINT64_MAX)
            sample_ns = ack->now - ack->sack_first_ns;
        latest_ns = ack->now - ack->sack_last_ns;
    }
    if (sample_ns == UINT64_MAX && ack->ts && (ack->flags & TCP_TOLD_ACKED) != 0) {
        ticks = tcp_ts_now(conn->tcp, conn->ts_offset, ack->now) - ack->ts_ecr;
        if (ticks < UINT32_MAX / 2)
            sample_ns = latest_ns = (ticks != 0 ? ticks : 1) * tuning->timestamp_unit_ns;
    }
    if (sample_ns == UINT64_MAX)
        return false;
    if ((ack->flags & TCP_TOLD_MAYBE_DELAYED) == 0 || latest_ns <= conn->rtt.min_ns)
        tcp_rtt_least(&conn->rtt, latest_ns, ack->now);
    tcp_rtt_smooth(&conn->rtt, tuning, sample_ns, conn->snd_una, conn->snd_nxt);
    if (UNLIKELY(tcp_cc_in_slow_start(&conn->cc)))
        tcp_hystart_sample(conn, latest_ns, ack->now);
    return true;
}

/* ---- the window ------------------------------------------------------------------------------ */

/* RFC 9293 section 3.10.7.4 with SND.WL1. There is no SND.WL2: it is never beyond SND.UNA, and
 * older ACKs do not get here. Of a segment with the same numbers a smaller window is not believed,
 * it may have been overtaken; unless it is shut. */
static inline void window_update(struct tcp_conn *conn, const struct tcp_rx *rx,
                                 struct tcp_ack *ack)
{
    uint32_t wnd = (uint32_t)rx->hdr.window << conn->snd_wscale;

    if (!(seq_gt(rx->hdr.ack, conn->snd_una) || seq_gt(rx->hdr.seq, conn->snd_wl1) ||
          (rx->hdr.seq == conn->snd_wl1 && (wnd > conn->snd_wnd || wnd == 0))))
        return;
    ack->flags |= TCP_TOLD_WINDOW;
    conn->snd_wl1 = rx->hdr.seq;
    if (wnd == conn->snd_wnd)
        return;
    conn->snd_wnd = wnd;
    if (wnd > conn->snd_wnd_max)
        conn->snd_wnd_max = wnd;
}

/* ---- congestion control ---------------------------------------------------------------------- */

/* Where much is reordered, what is SACKed counts as well: else cwnd would hardly ever grow. */
static inline bool may_grow(const struct tcp_conn *conn, const struct tcp_ack *ack)
{
    if (UNLIKELY(conn->flight.reordering > conn->tcp->conf.tuning.dupthresh))
        return (ack->flags & (TCP_TOLD_ACKED | TCP_TOLD_SACKED)) != 0;
    return (ack->flags & TCP_TOLD_ACKED) != 0;
}

static void congestion(struct tcp_conn *conn, const struct tcp_ack *ack)
{
    uint32_t delivered = (uint32_t)(conn->delivered - ack->prior_delivered);
    uint64_t rtt_ns = u64_min(conn->rtt.min_ns, conn->rtt.srtt_ns);
    uint32_t cwnd = conn->cc.cwnd;

    if (UNLIKELY(conn->cc.ops->delivered != NULL) && delivered != 0)
        conn->cc.ops->delivered(&conn->cc, delivered, rtt_ns, ack->now);
    if (UNLIKELY(tcp_in_reduction(&conn->flight)))
        tcp_reduce_acked(conn, delivered, conn->flight.lost_ever - ack->prior_lost,
                         (ack->flags & TCP_TOLD_ADVANCED) != 0);
    else if (may_grow(conn, ack))
        tcp_cc_acked(&conn->cc, &conn->tcp->conf.tuning, delivered, rtt_ns, ack->now);
    if (conn->cc.cwnd > cwnd)
        tcp_sndbuf_tune(conn);
}

/* ---- the ACK --------------------------------------------------------------------------------- */

/* RFC 5681 section 2: nothing new in it at all. */
static bool is_duplicate(const struct tcp_ack *ack)
{
    return (ack->flags & (TCP_TOLD_DATA | TCP_TOLD_WINDOW | TCP_TOLD_ACKED | TCP_TOLD_ADVANCED)) ==
           0;
}

static inline bool is_unusual(const struct tcp_conn *conn, const struct tcp_ack *ack)
{
    return conn->flight.ca_state != TCP_CA_OPEN ||
           (ack->flags & (TCP_TOLD_ECE | TCP_TOLD_SACKED | TCP_TOLD_DSACK)) != 0 ||
           (ack->flags & (TCP_TOLD_DATA | TCP_TOLD_WINDOW | TCP_TOLD_ACKED)) == 0;
}

/* Whoever has something outstanding: records, samples, loss, timers, windows. */
static void outstanding(struct tcp_conn *conn, const struct tcp_rx *rx, struct tcp_ack *ack)
{
    struct gone gone = {.first_ns = UINT64_MAX, .reorder = conn->snd_nxt};
    bool ece = (ack->flags & TCP_TOLD_ECE) != 0, sample;

    if (LIKELY((ack->flags & TCP_TOLD_ADVANCED) != 0))
        take_records(conn, &gone, ack);
    if (gone.segs != 0)
        ack->flags |= TCP_TOLD_ACKED | TCP_TOLD_TIMER;
    sample = round_trip(conn, &gone, ack);
    if (UNLIKELY(!conn->sack_ok)) {
        if (gone.segs != 0)
            tcp_recovery_reno_acked(conn, gone.segs, ece);
        /* Without SACK nobody knows which copy it was. */
        if ((ack->flags & TCP_TOLD_RETRANS_ACKED) != 0)
            ack->flags &= ~(uint32_t)TCP_TOLD_ORIGINAL;
    } else if (UNLIKELY(seq_lt(gone.reorder, ack->prior_sacked_end))) {
        tcp_sack_reordered(conn, gone.reorder, ack->prior_sacked_end);
    }
    /* The sample is of something sent after the first outstanding one: RTO may move on. */
    if (gone.segs == 0 && sample && ack->sack_first_ns != UINT64_MAX &&
        conn->flight.tree.first != NULL &&
        ack->sack_first_ns < tcp_flight_first(&conn->flight)->sent_ns)
        ack->flags |= TCP_TOLD_TIMER;
    tcp_rack_adapt(conn, ack);
    if (UNLIKELY(conn->flight.tlp_out))
        tcp_recovery_probe_acked(conn, ack, rx->hdr.ack);
    if (UNLIKELY(is_unusual(conn, ack))) {
        if (is_duplicate(ack) && (ack->flags & TCP_TOLD_DSACK) == 0) {
            ack->dup_acks = rx->segs;
            conn->tcp->stats.dup_acks_in += rx->segs;
        }
        tcp_recovery_ack(conn, ack);
    }
    if ((ack->flags & TCP_TOLD_TIMER) != 0)
        tcp_rto_acked(conn, ack->now);
    if (ece)
        conn->delivered_ce += conn->sack_ok ? conn->delivered - ack->prior_delivered : 0;
    rate_sample(conn, ack);
    congestion(conn, ack);
}

/* Nothing was outstanding: all it can tell is of the window, and that something came twice. */
static COLD void nothing_outstanding(struct tcp_conn *conn, const struct tcp_rx *rx,
                                     struct tcp_ack *ack)
{
    if ((ack->flags & TCP_TOLD_DSACK) != 0)
        tcp_recovery_ack(conn, ack);
    if (conn->flight.tlp_out)
        tcp_recovery_probe_acked(conn, ack, rx->hdr.ack);
}

static void ack_begin(struct tcp_conn *conn, const struct tcp_rx *rx, struct tcp_ack *ack)
{
    const struct tcp_flight *flight = &conn->flight;

    ack->now = rx->now;
    ack->flags = 0;
    ack->prior_una = conn->snd_una;
    ack->prior_sacked_end = flight->sacked != 0 ? flight->sacked_end : conn->snd_una;
    ack->prior_out = flight->out;
    ack->prior_lost = flight->lost_ever;
    ack->prior_delivered = conn->delivered;
    ack->dup_acks = 0;
    ack->reorder = conn->snd_nxt;
    ack->ts = conn->ts_ok && (rx->opts.has & TCP_HAS_TS) != 0 && rx->opts.ts_ecr != 0;
    ack->ts_ecr = rx->opts.ts_ecr;
    ack->sack_first_ns = ack->sack_last_ns = UINT64_MAX;
    ack->rate = false;
}

/* An ACK that was overtaken: its SACK blocks may be news all the same. RFC 5961 section 5.2: one
 * that is older than any window there was is an attempt to inject data. */
static COLD bool old_ack(struct tcp_conn *conn, const struct tcp_rx *rx)
{
    struct tcp_ack ack;

    if (!tcp_ack_may_be(conn, rx->hdr.ack)) {
        conn->tcp->stats.bad_ack++;
        tcp_reset_challenge(conn, rx->now);
        return false;
    }
    if (conn->sack_ok && (rx->opts.has & TCP_HAS_SACK) != 0) {
        ack_begin(conn, rx, &ack);
        tcp_sack_input(conn, rx, &ack);
        tcp_recovery_ack(conn, &ack);
        tcp_poll_mark(conn);
    }
    return true;
}

/* RFC 9293 section 3.10.7.4: of something never sent. Optimistic ACKs come here. */
static COLD bool future_ack(struct tcp_conn *conn, const struct tcp_rx *rx)
{
    conn->tcp->stats.bad_ack++;
    if (conn->state != TCP_ESTABLISHED || !conn->tcp->conf.tuning.future_acks_silent)
        tcp_reset_challenge(conn, rx->now);
    return false;
}

/* What came of it for the program, and for the state. */
static inline void advanced(struct tcp_conn *conn, uint64_t now)
{
    bool all = conn->snd_una == conn->snd_nxt && conn->snd.next == NULL;

    tcp_sndbuf_acked(conn);
    if (UNLIKELY(conn->hole_tries != 0 || conn->hole_mtu != 0))
        tcp_pmtu_acked(conn, now);
    if (all && !conn->orphan)
        tcp_news(conn->tcp, &conn->news);
    if (UNLIKELY(conn->fin_sent) && all)
        tcp_conn_fin_acked(conn, now);
}

bool tcp_ack_input(struct tcp_conn *conn, struct tcp_rx *rx)
{
    struct tcp_ack ack;
    uint32_t una = conn->snd_una, n = rx->hdr.ack - una;

    if (UNLIKELY(n > conn->snd_nxt - una))
        return seq_lt(rx->hdr.ack, una) ? old_ack(conn, rx) : future_ack(conn, rx);
    ack_begin(conn, rx, &ack);
    watch_program(conn);
    window_update(conn, rx, &ack);
    if (rx->len != 0 || (rx->hdr.flags & TCP_FIN) != 0)
        ack.flags |= TCP_TOLD_DATA;
    if (n != 0) {
        ack.flags |= TCP_TOLD_ADVANCED;
        conn->snd_una = rx->hdr.ack;
        conn->bytes_acked += n;
        conn->flight.rtos = 0;
        conn->unanswered_since = 0;
    }
    if (UNLIKELY((rx->opts.has & TCP_HAS_SACK) != 0) && conn->sack_ok)
        tcp_sack_input(conn, rx, &ack);
    if (UNLIKELY((rx->hdr.flags & TCP_ECE) != 0) && conn->ecn_ok) {
        ack.flags |= TCP_TOLD_ECE;
        conn->tcp->stats.ecn_ece_in++;
    }
    conn->soft_error = 0;
    conn->probes = 0;
    conn->ack_at = rx->now;
    if (LIKELY(ack.prior_out != 0))
        outstanding(conn, rx, &ack);
    else
        nothing_outstanding(conn, rx, &ack);
    if (tcp_sndbuf_has_new(conn) || conn->flight.resend != 0)
        tcp_poll_mark(conn);
    if (UNLIKELY(conn->flight.out == 0))
        tcp_persist_update(conn, rx->now);
    if (n != 0)
        advanced(conn, rx->now);
    return true;
}
