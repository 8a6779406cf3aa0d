/* SPDX-License-Identifier: ISC */
/* tcp_ackgen.c - when to acknowledge (RFC 9293 section 3.8.6.3, RFC 5681 section 4.2).
 *
 * At once: what is out of order or old, each segment by an ACK of its own; what fills a gap;
 * every second full segment; a change of congestion marks. All else may wait for data to ride
 * on, or for more to come, half a second at most.
 *
 * How long, the tuning's habit says. TCP_HABIT_EVERY_OTHER waits delack_ns, for one segment at
 * most. The adaptive ones have a picture of the peer:
 *
 *     quick      so many ACKs more go at once: a connection begins so, and begins again so after
 *                silence or loss, for the sender is in slow start then and waits for each
 *     pingpong   the program answers what it reads, within the delay: then ACKs wait, to ride
 *     ato_ns     the delay: follows the time between segments, half of what it was and half of new
 *
 * The ACK itself is sent at the end of the poll; a segment that carries it for another reason
 * does as well (tcp_ackgen_sent).
 */
#include "tcpip/tcp_priv.h"

#define QUICK_MAX 16u
/* RFC 9293 section 3.8.6.3: less than half a second. */
#define DELAY_MAX_NS (500 * NS_PER_MS)
/* A segment this short says nothing of the window that the peer can use. */
#define GROW_LEAST 128u

static inline bool is_adaptive(const struct tcp_conn *conn)
{
    return tcp_conn_tuning(conn)->ack_habit != TCP_HABIT_EVERY_OTHER;
}

void tcp_ackgen_now(struct tcp_conn *conn)
{
    conn->owed |= TCP_OWE_ACK;
    tcp_poll_mark(conn);
}

void tcp_ackgen_dup(struct tcp_conn *conn, uint32_t n)
{
    uint32_t owed = conn->dup_acks_owed + n;

    conn->dup_acks_owed = (uint8_t)u32_min(owed, UINT8_MAX);
    conn->owed |= TCP_OWE_DUPACKS;
    conn->rcv.ack |= TCP_ACKGEN_DUE;
    tcp_poll_mark(conn);
}

/* ---- the picture of the peer ---------------------------------------------------------------- */

static void more_quick(struct tcp_conn *conn, uint32_t max)
{
    struct tcp_rcv *rcv = &conn->rcv;
    uint32_t n = (conn->rcv_adv - conn->rcv_wup) / (2 * rcv->mss);

    n = u32_min(n == 0 ? 2 : n, u32_min(max, tcp_conn_tuning(conn)->quickack_segments));
    if (n > rcv->quick)
        rcv->quick = (uint8_t)n;
}

void tcp_ackgen_quick(struct tcp_conn *conn, uint32_t max)
{
    if (!is_adaptive(conn))
        return;
    more_quick(conn, max);
    conn->rcv.pingpong = false;
    conn->rcv.ato_ns = tcp_conn_tuning(conn)->delack_ns;
}

void tcp_ackgen_set_quick(struct tcp_conn *conn, bool on)
{
    conn->quickack_set = on;
    conn->rcv.pingpong = !on;
    if (on && (conn->rcv.ack & TCP_ACKGEN_DUE) != 0)
        tcp_ackgen_now(conn);
}

/* How long are the peer's full segments? A longer one says so at once; a shorter one where two of
 * its length come in a row, and it is long enough to be full, or does not end what was written. */
static inline void measure_mss(struct tcp_conn *conn, const struct tcp_rx *rx)
{
    struct tcp_rcv *rcv = &conn->rcv;
    uint32_t seen = rcv->mss_seen, len = rx->mss;
    bool rest = (rx->hdr.flags & (TCP_PSH | TCP_FIN | TCP_URG)) != 0;

    rcv->mss_seen = 0;
    if (LIKELY(len >= rcv->mss)) {
        rcv->mss = len;
        return;
    }
    /* Without the options that come and go. */
    len += rx->hdr.header_len - tcp_SIZE;
    if (len >= TCP_MSS_DEFAULT || (len >= TCP_MSS_CREDIBLE && !rest)) {
        len -= tcp_options_len(conn);
        rcv->mss_seen = len;
        if (len == seen) {
            rcv->mss = len;
            return;
        }
    }
    rcv->ack |= (rcv->ack & TCP_ACKGEN_PUSHED) != 0 ? TCP_ACKGEN_PUSHED2 : TCP_ACKGEN_PUSHED;
}

/* A round trip by the echo of our timestamp; without them the time it takes to fill a window, of
 * which the least is kept. */
static inline void measure_rtt(struct tcp_conn *conn, const struct tcp_rx *rx)
{
    struct tcp_rcv *rcv = &conn->rcv;
    uint64_t unit = tcp_conn_tuning(conn)->timestamp_unit_ns, rtt;

    if (conn->ts_ok) {
        if ((rx->opts.has & TCP_HAS_TS) == 0 || rx->opts.ts_ecr == rcv->rtt_ecr ||
            rx->len < rcv->mss)
            return;
        rcv->rtt_ecr = rx->opts.ts_ecr;
        rtt = tcp_ts_now(conn->tcp, conn->ts_offset, rx->now) - rx->opts.ts_ecr;
        if (rtt > UINT32_MAX / 2)
            return;
        rtt = rtt == 0 ? unit : rtt * unit;
        if (rtt <= rcv->rtt_least_ns || rx->now - rcv->rtt_least_at > TCP_RTT_LEAST_NS) {
            rcv->rtt_least_ns = rtt;
            rcv->rtt_least_at = rx->now;
        }
        rcv->rtt_ns = rcv->rtt_ns == 0 ? rtt : rcv->rtt_ns - rcv->rtt_ns / 8 + rtt / 8;
        return;
    }
    if (rcv->rtt_at != 0) {
        if (seq_lt(conn->rcv_nxt, rcv->rtt_seq))
            return;
        rtt = rx->now - rcv->rtt_at;
        if (rcv->rtt_ns == 0 || rtt < rcv->rtt_ns)
            rcv->rtt_ns = rtt == 0 ? 1 : rtt;
    }
    rcv->rtt_seq = conn->rcv_adv;
    rcv->rtt_at = rx->now;
}

/* How long until the next segment? */
static inline void measure_pace(struct tcp_conn *conn, uint64_t now)
{
    const struct tcp_tuning *tuning = tcp_conn_tuning(conn);
    struct tcp_rcv *rcv = &conn->rcv;
    uint64_t gap = now - conn->received_at;

    if (UNLIKELY(rcv->ato_ns == 0)) {
        more_quick(conn, QUICK_MAX);
        rcv->ato_ns = tuning->delack_ns;
    } else if (LIKELY(gap <= tuning->delack_ns / 2)) {
        rcv->ato_ns = rcv->ato_ns / 2 + tuning->delack_ns / 2;
    } else if (gap < rcv->ato_ns) {
        rcv->ato_ns = u64_min(rcv->ato_ns / 2 + gap, tcp_rtt_rto(&conn->rtt, tuning));
    } else if (gap > tcp_rtt_rto(&conn->rtt, tuning)) {
        /* It begins again, in slow start. */
        more_quick(conn, QUICK_MAX);
    }
}

void tcp_ackgen_ecn(struct tcp_conn *conn, const struct tcp_rx *rx)
{
    if (LIKELY(!conn->ecn_ok))
        return;
    /* RFC 3168 section 6.1.3: ECE is said until the sender has heard it. Its window may be one
     * segment now, so it waits for this ACK. */
    if ((rx->hdr.flags & TCP_CWR) != 0) {
        conn->ecn_demand = false;
        conn->rcv.ack |= TCP_ACKGEN_NOW;
    }
    if (rx->ecn == 3) {
        conn->tcp->stats.ecn_ce_in++;
        if (!conn->ecn_demand)
            tcp_ackgen_quick(conn, 2);
        conn->ecn_demand = true;
    } else if (rx->ecn == 0 && conn->ecn_seen) {
        /* Unmarked among marked ones: sent again, so there was loss. */
        tcp_ackgen_quick(conn, 2);
    }
    if (rx->ecn != 0)
        conn->ecn_seen = true;
}

void tcp_ackgen_data(struct tcp_conn *conn, const struct tcp_rx *rx)
{
    struct tcp_rcv *rcv = &conn->rcv;
    uint32_t segs = rcv->segs + rx->segs;

    rcv->ack |= TCP_ACKGEN_DUE;
    rcv->segs = (uint8_t)u32_min(segs, UINT8_MAX);
    measure_mss(conn, rx);
    measure_rtt(conn, rx);
    if (is_adaptive(conn))
        measure_pace(conn, rx->now);
    conn->received_at = rx->now;
    tcp_ackgen_ecn(conn, rx);
    if (rx->len >= GROW_LEAST)
        tcp_window_grow(conn, rx->len);
}

/* ---- the decision --------------------------------------------------------------------------- */

static bool is_due_now(const struct tcp_conn *conn)
{
    const struct tcp_rcv *rcv = &conn->rcv;
    const struct tcp_tuning *tuning = tcp_conn_tuning(conn);

    if ((rcv->ack & TCP_ACKGEN_NOW) != 0 || conn->quickack_set)
        return true;
    if (tuning->ack_habit == TCP_HABIT_EVERY_OTHER)
        return rcv->segs >= tuning->delack_segments;
    if (rcv->quick != 0 && !rcv->pingpong)
        return true;
    if (conn->rcv_nxt - conn->rcv_wup <= (tuning->delack_segments - 1u) * rcv->mss)
        return false;
    /* Linux leaves it to the program's reading where the window could not open. */
    return tuning->ack_habit != TCP_HABIT_LINUX || rcv->bytes == 0 ||
           tcp_window_wanted(conn) >= conn->rcv_adv - conn->rcv_wup;
}

static uint64_t delay(const struct tcp_conn *conn)
{
    const struct tcp_tuning *tuning = tcp_conn_tuning(conn);
    const struct tcp_rcv *rcv = &conn->rcv;
    uint64_t most = DELAY_MAX_NS;

    if (tuning->ack_habit == TCP_HABIT_EVERY_OTHER)
        return tuning->delack_ns;
    if (rcv->ato_ns > tuning->delack_ns) {
        if (rcv->pingpong || (rcv->ack & TCP_ACKGEN_PUSHED) != 0)
            most = tuning->delack_max_ns;
        /* Who waits longer than a round trip makes the sender wait for nothing. */
        if (conn->rtt.srtt_ns != 0)
            most = u64_min(most, conn->rtt.srtt_ns > tuning->delack_ns ? conn->rtt.srtt_ns
                                                                       : tuning->delack_ns);
    }
    return u64_min(rcv->ato_ns, u64_min(most, tuning->delack_max_ns));
}

void tcp_ackgen_decide(struct tcp_conn *conn, uint64_t now)
{
    uint64_t wait, at;

    if ((conn->rcv.ack & TCP_ACKGEN_DUE) == 0)
        return;
    if (is_due_now(conn)) {
        tcp_ackgen_now(conn);
        return;
    }
    wait = delay(conn);
    at = now + wait;
    if (tcp_timer_runs(conn, TCP_TIMER_DELACK)) {
        uint64_t runs = conn->timer_at[TCP_TIMER_DELACK];

        /* It is about to expire: why wait? */
        if (runs <= now + wait / 4) {
            tcp_ackgen_now(conn);
            return;
        }
        at = u64_min(at, runs);
    }
    if (wait == 0)
        tcp_ackgen_now(conn);
    else
        tcp_timer_set(conn, TCP_TIMER_DELACK, at);
}

void tcp_ackgen_expired(struct tcp_conn *conn, uint64_t now)
{
    struct tcp_rcv *rcv = &conn->rcv;
    const struct tcp_tuning *tuning = tcp_conn_tuning(conn);

    (void)now;
    if ((rcv->ack & TCP_ACKGEN_DUE) == 0)
        return;
    conn->tcp->stats.delayed_acks++;
    if (is_adaptive(conn)) {
        /* We waited in vain: for more segments, so wait longer; or for an answer, so wait no
         * more. */
        if (rcv->pingpong) {
            rcv->pingpong = false;
            rcv->ato_ns = tuning->delack_ns;
        } else {
            rcv->ato_ns = u64_min(2 * rcv->ato_ns, tcp_rtt_rto(&conn->rtt, tuning));
        }
    }
    tcp_ackgen_now(conn);
}

void tcp_ackgen_sent(struct tcp_conn *conn, bool data, uint64_t now)
{
    struct tcp_rcv *rcv = &conn->rcv;

    conn->rcv_wup = conn->rcv_nxt;
    conn->last_ack_sent = conn->rcv_nxt;
    if (rcv->quick != 0 && (rcv->ack & TCP_ACKGEN_DUE) != 0) {
        if (--rcv->quick == 0)
            rcv->ato_ns = tcp_conn_tuning(conn)->delack_ns;
    }
    rcv->ack = 0;
    rcv->segs = 0;
    tcp_timer_stop(conn, TCP_TIMER_DELACK);
    /* An answer, within the delay. */
    if (data && is_adaptive(conn) && now - conn->received_at < rcv->ato_ns)
        rcv->pingpong = true;
}
