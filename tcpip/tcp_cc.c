/* SPDX-License-Identifier: ISC */
/* tcp_cc.c - the congestion window: slow start, what every algorithm shares, and whether the window
 * is used at all.
 *
 * A window that does not limit what is sent says nothing of the path, so it does not grow (RFC 7661
 * section 4, RFC 9438 section 5.8). Whether the last flight filled it is found at the end of each
 * output round and holds until all that was outstanding then is acknowledged.
 */
#include "tcpip/tcp_flight.h"

enum { CWND_MAX = 1u << 22, CSS_GROWTH_DIVISOR = 4 };

static const struct tcp_cc_ops *const kinds[TCP_CC_KINDS] = {
    [TCP_CC_CUBIC] = &tcp_cc_cubic,
    [TCP_CC_NEWRENO] = &tcp_cc_newreno,
    [TCP_CC_WESTWOOD] = &tcp_cc_westwood,
};

void tcp_cc_init(struct tcp_cc *cc, enum tcp_cc_kind kind, uint32_t cwnd)
{
    *cc = (struct tcp_cc){.ops = kinds[kind], .cwnd = cwnd, .ssthresh = UINT32_MAX};
    cc->ops->init(cc);
    tcp_hystart_reset(cc);
}

void tcp_cc_switch(struct tcp_cc *cc, enum tcp_cc_kind kind)
{
    if (cc->ops == kinds[kind])
        return;
    cc->ops = kinds[kind];
    cc->ops->init(cc);
}

/* RFC 5681 section 3.1, counting what was acknowledged, not ACKs (RFC 3465): who splits his ACKs
 * gains nothing. */
static uint32_t slow_start(struct tcp_cc *cc, const struct tcp_tuning *tuning, uint32_t acked)
{
    uint32_t grow = u32_min(acked, tuning->abc_limit);

    /* Conservative slow start (RFC 9406 section 4.2). */
    if (UNLIKELY(cc->hystart.css_rounds != 0)) {
        grow += cc->hystart.credit;
        cc->hystart.credit = (uint8_t)(grow % CSS_GROWTH_DIVISOR);
        grow /= CSS_GROWTH_DIVISOR;
        if (cc->cwnd + grow < cc->ssthresh)
            acked = 0;
    }
    grow = u32_min(grow, cc->ssthresh - cc->cwnd);
    cc->cwnd = u32_min(cc->cwnd + grow, CWND_MAX);
    return cc->cwnd < cc->ssthresh || acked < grow ? 0 : acked - grow;
}

void tcp_cc_grow(struct tcp_cc *cc, uint32_t per_segment, uint32_t acked)
{
    uint32_t steps;

    /* What was saved up for a larger divisor counts once. */
    if (cc->cwnd_count >= per_segment) {
        cc->cwnd_count = 0;
        cc->cwnd++;
    }
    cc->cwnd_count += acked;
    if (cc->cwnd_count >= per_segment) {
        steps = cc->cwnd_count / per_segment;
        cc->cwnd_count -= steps * per_segment;
        cc->cwnd += steps;
    }
    cc->cwnd = u32_min(cc->cwnd, CWND_MAX);
}

static bool is_limited(const struct tcp_cc *cc)
{
    /* In slow start it may grow to twice what was acknowledged. */
    return cc->limited || (tcp_cc_in_slow_start(cc) && cc->cwnd < 2 * cc->flight_max);
}

void tcp_cc_acked(struct tcp_cc *cc, const struct tcp_tuning *tuning, uint32_t acked,
                  uint64_t rtt_ns, uint64_t now)
{
    if (tuning->cwnd_validation && !is_limited(cc))
        return;
    if (tcp_cc_in_slow_start(cc)) {
        acked = slow_start(cc, tuning, acked);
        if (acked == 0)
            return;
    }
    cc->ops->acked(cc, acked, rtt_ns, now);
}

/* What ssthresh would be if slow start began anew: three quarters of what cwnd has proved. */
uint32_t tcp_cc_proved(const struct tcp_cc *cc)
{
    uint32_t part = cc->cwnd / 2 + cc->cwnd / 4;

    return part > cc->ssthresh ? part : cc->ssthresh;
}

void tcp_cc_reduce(struct tcp_cc *cc, uint32_t flight, uint64_t now)
{
    cc->prior_cwnd = cc->cwnd;
    cc->cwnd_count = 0;
    cc->ssthresh = cc->ops->ssthresh(cc, flight, now);
}

void tcp_cc_undo(struct tcp_cc *cc)
{
    if (cc->prior_ssthresh == 0)
        return; /* the path did say that it is congested */
    if (cc->cwnd < cc->prior_cwnd)
        cc->cwnd = cc->prior_cwnd;
    if (cc->ssthresh < cc->prior_ssthresh)
        cc->ssthresh = cc->prior_ssthresh;
    cc->ops->undo(cc);
}

/* RFC 5681 section 4.1: after an RTO without sending the window is the initial one; here it halves
 * for each RTO until it is (RFC 2861 section 3.1), and ssthresh remembers what there was. */
void tcp_cc_idle(struct tcp_conn *conn, uint64_t now)
{
    const struct tcp_tuning *tuning = &conn->tcp->conf.tuning;
    struct tcp_cc *cc = &conn->cc;
    uint64_t rto_ns = tcp_rtt_rto(&conn->rtt, tuning), idle_ns = now - conn->sent_at;
    uint32_t floor = u32_min(tuning->iw_segments, cc->cwnd);

    /* Behind a shut window it is the peer that is slow. */
    if (conn->flight.out != 0 || conn->sent_at == 0 ||
        seq_le(conn->snd_una + conn->snd_wnd, conn->snd_nxt))
        return;
    cc->ops->restart(cc, idle_ns, now);
    if (!tuning->cwnd_restart || idle_ns <= rto_ns)
        return;
    cc->ssthresh = tcp_in_reduction(&conn->flight) ? cc->ssthresh : tcp_cc_proved(cc);
    while (idle_ns > rto_ns && cc->cwnd > floor) {
        idle_ns -= rto_ns;
        cc->cwnd /= 2;
    }
    if (cc->cwnd < floor)
        cc->cwnd = floor;
    cc->full_at = now;
    cc->cwnd_max_used = 0;
}

/* An RTO went by in which the window was not filled: half of what was not used is given up. */
static void fit(struct tcp_conn *conn, uint64_t now)
{
    const struct tcp_tuning *tuning = &conn->tcp->conf.tuning;
    struct tcp_cc *cc = &conn->cc;
    uint32_t used = cc->cwnd_max_used;

    if (conn->flight.out > used)
        cc->cwnd_max_used = used = conn->flight.out;
    if (!tuning->cwnd_restart || now - cc->full_at < tcp_rtt_rto(&conn->rtt, tuning))
        return;
    if (used < tuning->iw_segments)
        used = tuning->iw_segments;
    if (conn->flight.ca_state == TCP_CA_OPEN && used < cc->cwnd) {
        cc->ssthresh = tcp_cc_proved(cc);
        cc->cwnd = (cc->cwnd + used) / 2;
        cc->cwnd_max_used = 0;
    }
    cc->full_at = now;
}

void tcp_cc_sent(struct tcp_conn *conn, bool limited, uint64_t now)
{
    struct tcp_cc *cc = &conn->cc;

    limited |= tcp_flight_pipe(&conn->flight) >= cc->cwnd;
    if (limited || seq_ge(conn->snd_una, cc->flight_end) ||
        (!cc->limited && conn->flight.out > cc->flight_max)) {
        cc->limited = limited;
        cc->flight_max = conn->flight.out;
        cc->flight_end = conn->snd_nxt;
    }
    if (is_limited(cc)) {
        cc->cwnd_max_used = 0;
        cc->full_at = now;
    } else {
        fit(conn, now);
    }
}
