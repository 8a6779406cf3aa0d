/* SPDX-License-Identifier: ISC */
/* tcp_rto.c - the timers of retransmission (RFC 6298 section 5, RFC 8985 section 7).
 *
 * Of three timers one runs at a time: the probe's, where a tail loss probe may yet make SACKs come,
 * the reordering one, where RACK waits for what may only be late, or RTO. Whatever comes first is
 * followed by RTO, which counts from the first outstanding segment's last transmission.
 */
#include "tcpip/tcp_flight.h"

enum { TICK_MS = 1 };

void tcp_rto_arm(struct tcp_conn *conn, enum tcp_timer timer, uint64_t at)
{
    if (timer != TCP_TIMER_RETRANSMIT)
        tcp_timer_stop(conn, TCP_TIMER_RETRANSMIT);
    if (timer != TCP_TIMER_PROBE)
        tcp_timer_stop(conn, TCP_TIMER_PROBE);
    if (timer != TCP_TIMER_REORDER)
        tcp_timer_stop(conn, TCP_TIMER_REORDER);
    tcp_timer_set(conn, timer, at);
    conn->flight.armed_at = 0;
}

static void stop(struct tcp_conn *conn)
{
    tcp_timer_stop(conn, TCP_TIMER_RETRANSMIT);
    tcp_timer_stop(conn, TCP_TIMER_PROBE);
    tcp_timer_stop(conn, TCP_TIMER_REORDER);
    conn->flight.armed_at = 0;
}

static uint64_t rto(const struct tcp_conn *conn)
{
    return tcp_rtt_rto(&conn->rtt, &conn->tcp->conf.tuning);
}

/* RTO of the first outstanding segment; not before the next tick. */
static uint64_t head_due(const struct tcp_conn *conn, uint64_t now)
{
    const struct tcp_seg *first = tcp_flight_first(&conn->flight);
    uint64_t at = (first == NULL ? now : first->sent_ns) + rto(conn);

    return at > now ? at : now + TICK_MS * NS_PER_MS;
}

void tcp_rto_from_head(struct tcp_conn *conn, uint64_t now)
{
    if (conn->flight.out == 0)
        stop(conn);
    else
        tcp_rto_arm(conn, TCP_TIMER_RETRANSMIT, head_due(conn, now));
}

void tcp_rto_rearm(struct tcp_conn *conn, uint64_t now)
{
    if (conn->flight.out == 0 ||
        !(tcp_timer_runs(conn, TCP_TIMER_RETRANSMIT) || tcp_timer_runs(conn, TCP_TIMER_PROBE) ||
          tcp_timer_runs(conn, TCP_TIMER_REORDER)))
        tcp_rto_from_head(conn, now);
}

/* RFC 8985 section 7.2: the probe goes two round trips after the last transmission or ACK, but not
 * later than RTO would come, `rto_at`. False: there is to be none. */
static bool arm_probe(struct tcp_conn *conn, uint64_t rto_at, uint64_t now)
{
    const struct tcp_tuning *tuning = &conn->tcp->conf.tuning;
    const struct tcp_flight *flight = &conn->flight;
    uint64_t ns = tuning->rto_initial_ns;

    if (!tuning->tlp || !conn->sack_ok || flight->out == 0 ||
        (flight->ca_state != TCP_CA_OPEN && flight->ca_state != TCP_CA_CWR) ||
        tcp_timer_runs(conn, TCP_TIMER_REORDER))
        return false;
    if (conn->rtt.srtt_ns != 0) {
        bool super = flight->out > flight->tree.count; /* segments, and records of them */

        ns = 2 * conn->rtt.srtt_ns;
        /* The ACK of a lone segment may be a delayed one, and that of a super-segment. */
        if (flight->out == 1)
            ns += tuning->tlp_delack_ns;
        else
            ns += super ? tuning->tlp_super_ns : tuning->tlp_min_ns;
        ns = (ns + TICK_MS * NS_PER_MS - 1) / (TICK_MS * NS_PER_MS) * (TICK_MS * NS_PER_MS);
    }
    tcp_rto_arm(conn, TCP_TIMER_PROBE, u64_min(now + ns, rto_at));
    return true;
}

void tcp_rto_acked(struct tcp_conn *conn, uint64_t now)
{
    bool other = tcp_timer_runs(conn, TCP_TIMER_PROBE) || tcp_timer_runs(conn, TCP_TIMER_REORDER);

    if (conn->flight.out == 0) {
        stop(conn); /* RFC 6298 section 5.2 */
        return;
    }
    tcp_timer_stop(conn, TCP_TIMER_REORDER);
    if (!arm_probe(conn, now + rto(conn), now))
        tcp_rto_arm(conn, TCP_TIMER_RETRANSMIT, other ? head_due(conn, now) : now + rto(conn));
}

/* A probe went: RTO begins anew, and the next ACK will tell (RFC 8985 section 7.3). */
static void sent_probe(struct tcp_conn *conn, bool first, uint64_t now)
{
    struct tcp_flight *flight = &conn->flight;

    flight->tlp_out = true;
    flight->tlp_end = conn->snd_nxt;
    flight->tlp_is_retrans = !first;
    conn->tcp->stats.tlps++;
    tcp_rto_arm(conn, TCP_TIMER_RETRANSMIT, now + rto(conn));
}

/* New data went, after other data or not. */
static void sent_new(struct tcp_conn *conn, bool was_idle, uint64_t now)
{
    if (arm_probe(conn, head_due(conn, now), now))
        return;
    if (was_idle) /* RFC 6298 section 5.1 */
        tcp_rto_arm(conn, TCP_TIMER_RETRANSMIT, now + rto(conn));
    else if (tcp_timer_runs(conn, TCP_TIMER_PROBE))
        tcp_rto_from_head(conn, now);
}

void tcp_rto_sent(struct tcp_conn *conn, const struct tcp_seg *seg, bool first, bool was_idle,
                  uint64_t now)
{
    struct tcp_flight *flight = &conn->flight;

    if (UNLIKELY((conn->owed & TCP_OWE_TLP) != 0)) {
        sent_probe(conn, first, now);
    } else if (first) {
        /* For the third and all others that leave at this moment nothing is new. */
        if (LIKELY(flight->armed_at == now && flight->out > seg->segs + 1u))
            return;
        sent_new(conn, was_idle, now);
        flight->armed_at = now;
    } else if (&seg->node == flight->tree.first && !tcp_timer_runs(conn, TCP_TIMER_REORDER)) {
        tcp_rto_arm(conn, TCP_TIMER_RETRANSMIT, now + rto(conn));
    }
}

/* ---- expiry ---------------------------------------------------------------------------------- */

/* The last moment at which the user's patience ends (RFC 5482). */
static uint64_t patience_ends(const struct tcp_conn *conn, uint64_t now)
{
    uint64_t at = now + TICK_MS * NS_PER_MS;

    if (conn->user_timeout_ns == 0 || conn->unanswered_since == 0)
        return NS_NEVER;
    return conn->unanswered_since + conn->user_timeout_ns > at
               ? conn->unanswered_since + conn->user_timeout_ns
               : at;
}

void tcp_rto_expired(struct tcp_conn *conn, uint64_t now)
{
    struct tcp_flight *flight = &conn->flight;

    if (conn->state < TCP_ESTABLISHED) {
        tcp_synsent_expired(conn, now);
        return;
    }
    if (flight->out == 0)
        return;
    if (tcp_conn_give_up(conn, flight->rtos, now))
        return;
    tcp_recovery_timeout(conn, now);
    if (conn->unanswered_since == 0)
        conn->unanswered_since = now;
    if (flight->rtos < UINT8_MAX)
        flight->rtos++;
    conn->rtos_total++;
    conn->tcp->stats.rtos++;
    if (rto(conn) < conn->tcp->conf.tuning.rto_max_ns)
        conn->rtt.backoff++; /* RFC 6298 section 5.5 */
    tcp_rto_arm(conn, TCP_TIMER_RETRANSMIT, u64_min(now + rto(conn), patience_ends(conn, now)));
    tcp_pmtu_rto(conn, now);
    tcp_poll_mark(conn);
}

/* ---- tail loss probe ------------------------------------------------------------------------- */

void tcp_rto_tlp_expired(struct tcp_conn *conn, uint64_t now)
{
    if (conn->flight.out == 0)
        return;
    tcp_rto_from_head(conn, now);
    /* One at a time; and not amid a recovery, which knows better what to send. */
    if (conn->flight.tlp_out || conn->flight.ca_state >= TCP_CA_RECOVERY)
        return;
    conn->owed |= TCP_OWE_TLP;
    tcp_poll_mark(conn);
}

/* Does the window let one more segment of new data out? */
static bool may_send_new(const struct tcp_conn *conn)
{
    uint32_t unsent = tcp_sndbuf_unsent(conn), used = conn->snd_nxt - conn->snd_una;

    if (unsent == 0)
        return tcp_sndbuf_has_new(conn);
    return used <= conn->snd_wnd && u32_min(unsent, conn->mss) <= conn->snd_wnd - used;
}

struct tcp_seg *tcp_rto_tlp_seg(struct tcp_conn *conn)
{
    struct tcp_seg *last = tcp_seg_of(conn->flight.tree.last);
    uint32_t before;

    if (may_send_new(conn) || last == NULL)
        return NULL;
    before = (last->segs - 1u) * last->mss;
    if (last->segs > 1 && tcp_seg_len(last) > before && tcp_flight_split(conn, last, before))
        return tcp_flight_next(last);
    return last->segs == 1 ? last : NULL;
}
