/* SPDX-License-Identifier: ISC */
/* tcp_rack.c - loss by time (RFC 8985): a segment is lost when one that was sent after it came, and
 * it did not within the round trip's time and some more, the reordering window.
 *
 * Segments are asked in the order of last transmission, and only those before the latest that came:
 * so each ACK looks at the segments it condemns, and at a few that are still within the window.
 */
#include "tcpip/tcp_flight.h"

enum {
    PERSIST_ROUNDS = 16, /* recoveries for which a widened window stays: section 6.2 step 4 */
    REO_MULT_MAX = 255,
    WALK_MAX = 64, /* segments that one ACK looks at and leaves as they are */
};

static bool sent_after(uint64_t a_ns, uint32_t a_end, uint64_t b_ns, uint32_t b_end)
{
    return a_ns > b_ns || (a_ns == b_ns && seq_gt(a_end, b_end));
}

/* Section 6.2 step 2. */
void tcp_rack_delivered(struct tcp_conn *conn, const struct tcp_seg *seg, uint64_t now)
{
    struct tcp_flight *flight = &conn->flight;
    uint64_t rtt_ns = now - seg->sent_ns;

    /* Faster than ever, and sent twice: it is the first copy that came. */
    if ((seg->flags & TCP_SEG_EVER) != 0 && rtt_ns < conn->rtt.min_ns &&
        conn->rtt.min_ns != UINT64_MAX)
        return;
    flight->rack_advanced = true;
    flight->rack_rtt_ns = rtt_ns;
    if (sent_after(seg->sent_ns, seg->node.end, flight->rack_sent_ns, flight->rack_end)) {
        flight->rack_sent_ns = seg->sent_ns;
        flight->rack_end = seg->node.end;
    }
}

/* D-SACKs say that it was reordering that we took for loss: the window grows by a quarter of the
 * least RTT for each round trip with one, and falls back after 16 recoveries without. */
void tcp_rack_adapt(struct tcp_conn *conn, const struct tcp_ack *ack)
{
    struct tcp_flight *flight = &conn->flight;

    if (!ack->rate)
        return;
    if (ack->rate_delivered < flight->rack_adapted)
        flight->rack_dsack_seen = false; /* not a round trip since the last time */
    if (flight->rack_dsack_seen) {
        flight->rack_reo_mult = (uint8_t)u32_min(REO_MULT_MAX, (uint32_t)flight->rack_reo_mult + 1);
        flight->rack_dsack_seen = false;
        flight->rack_adapted = conn->delivered;
        flight->rack_reo_persist = PERSIST_ROUNDS;
    } else if (flight->rack_reo_persist == 0) {
        flight->rack_reo_mult = 1;
    }
}

static uint64_t reorder_window(const struct tcp_conn *conn)
{
    const struct tcp_flight *flight = &conn->flight;

    /* Where nothing was ever reordered, three duplicate ACKs are loss at once. */
    if (flight->reord_seen == 0 &&
        (flight->ca_state >= TCP_CA_RECOVERY || flight->sacked >= flight->reordering))
        return 0;
    if (conn->rtt.min_ns == UINT64_MAX)
        return conn->rtt.srtt_ns;
    return u64_min(conn->rtt.min_ns / 4 * flight->rack_reo_mult, conn->rtt.srtt_ns);
}

/* Was it sent before the latest that came? */
static bool is_before(const struct tcp_flight *flight, const struct tcp_seg *seg)
{
    return sent_after(flight->rack_sent_ns, flight->rack_end, seg->sent_ns, seg->node.end);
}

static uint64_t remaining(const struct tcp_flight *flight, const struct tcp_seg *seg,
                          uint64_t window_ns, uint64_t now)
{
    uint64_t due = seg->sent_ns + flight->rack_rtt_ns + window_ns;

    return due <= now ? 0 : due - now;
}

uint64_t tcp_rack_remaining(const struct tcp_conn *conn, const struct tcp_seg *seg, uint64_t now)
{
    return remaining(&conn->flight, seg, reorder_window(conn), now);
}

/* How long until the last of those before the latest that came would be lost. They are in order of
 * time, so that is the last one's; where it is far off, the time it could be at most. */
static uint64_t longest_wait(const struct tcp_flight *flight, const struct tcp_seg *seg,
                             uint64_t window_ns, uint64_t now)
{
    uint64_t ns = 0;
    unsigned n = 0;

    for (; seg != NULL && is_before(flight, seg); seg = seg->sent_next, n++) {
        if (n == WALK_MAX)
            return flight->rack_sent_ns + flight->rack_rtt_ns + window_ns - now;
        if (remaining(flight, seg, window_ns, now) > ns)
            ns = remaining(flight, seg, window_ns, now);
    }
    return ns;
}

/* Section 6.2 step 5: what is lost is marked; how long until there may be more, 0: there will not.
 * A peer that makes the window wide must not make us look at all that is within it for each ACK:
 * behind the first that is not due nothing is. */
static uint64_t detect(struct tcp_conn *conn, uint64_t now)
{
    struct tcp_flight *flight = &conn->flight;
    uint64_t window_ns = reorder_window(conn);
    struct tcp_seg *seg = flight->sent_first, *next;

    for (; seg != NULL && is_before(flight, seg); seg = next) {
        next = seg->sent_next;
        if (remaining(flight, seg, window_ns, now) != 0)
            return longest_wait(flight, seg, window_ns, now);
        tcp_flight_mark_gone(flight, seg);
    }
    return 0;
}

bool tcp_rack_mark_lost(struct tcp_conn *conn, uint64_t now)
{
    struct tcp_flight *flight = &conn->flight;
    uint64_t ns;

    if (!flight->rack_advanced)
        return false;
    flight->rack_advanced = false;
    ns = detect(conn, now);
    if (ns == 0)
        return false;
    ns = u64_min(ns + conn->tcp->conf.tuning.reorder_slack_ns, conn->rtt.rto_ns);
    tcp_rto_arm(conn, TCP_TIMER_REORDER, now + ns);
    return true;
}

/* The reordering timer. */
void tcp_rack_expired(struct tcp_conn *conn, uint64_t now)
{
    struct tcp_flight *flight = &conn->flight;
    uint32_t pipe = tcp_flight_pipe(flight), lost = flight->lost_ever;

    flight->hold = false;
    (void)detect(conn, now);
    if (pipe != tcp_flight_pipe(flight)) {
        if (flight->ca_state != TCP_CA_RECOVERY) {
            tcp_recovery_enter(conn, false, now);
            tcp_reduce_acked(conn, 1, flight->lost_ever - lost, false);
        }
        tcp_poll_mark(conn);
    }
    tcp_rto_from_head(conn, now);
}
