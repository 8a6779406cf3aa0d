/* SPDX-License-Identifier: ISC */
/* tcp_persist.c - zero windows are probed (RFC 9293 section 3.8.6.1), however long they stay zero.
 *
 * The timer runs while there is something to send, nothing is in flight, and the window does not
 * let it out: else the ACK that opens the window could be lost, and both sides would wait. It also
 * is what overrides the avoidance of silly windows (section 3.8.6.2.1): where the window is smaller
 * than the segment, the probe is as much data as fits.
 *
 * A peer that answers keeps the connection, even with a window of zero (MUST-37): answers reset the
 * count of probes, but not how far apart they are. A connection that the program has closed is kept
 * so for minutes, not for ever. */
#include "tcpip/tcp_priv.h"

/* Is there something that only the window keeps back? */
static bool blocked(const struct tcp_conn *conn)
{
    return conn->flight.out == 0 && tcp_sndbuf_has_new(conn);
}

/* RTO, and for FreeBSD about twice as much, without RTO's own bounds. */
static uint64_t first_interval(const struct tcp_conn *conn)
{
    const struct tcp_rtt *rtt = &conn->rtt;

    if (!conn->tcp->conf.tuning.probe_data)
        return rtt->rto_ns;
    return rtt->srtt_ns == 0 ? 2 * rtt->rto_ns : 4 * rtt->srtt_ns + 8 * rtt->rttvar_ns;
}

static uint64_t interval(const struct tcp_conn *conn)
{
    const struct tcp_tuning *tuning = &conn->tcp->conf.tuning;
    uint64_t ns = first_interval(conn);

    /* The longest is reached well before this could overflow. */
    for (unsigned i = 0; i < conn->persist_backoff && ns < tuning->persist_max_ns; i++)
        ns *= 2;
    if (ns < tuning->persist_min_ns)
        ns = tuning->persist_min_ns;
    return u64_min(ns, tuning->persist_max_ns);
}

void tcp_persist_stop(struct tcp_conn *conn)
{
    tcp_timer_stop(conn, TCP_TIMER_PERSIST);
    conn->probes = 0;
    conn->persist_backoff = 0;
}

void tcp_persist_start(struct tcp_conn *conn, uint64_t now)
{
    if (!tcp_timer_runs(conn, TCP_TIMER_PERSIST))
        tcp_timer_set(conn, TCP_TIMER_PERSIST, now + interval(conn));
}

void tcp_persist_update(struct tcp_conn *conn, uint64_t now)
{
    if (LIKELY(!tcp_timer_runs(conn, TCP_TIMER_PERSIST)))
        return;
    conn->probes = 0;
    conn->unanswered_since = 0;
    if (!blocked(conn))
        tcp_persist_stop(conn);
    else
        tcp_timer_set(conn, TCP_TIMER_PERSIST, now + interval(conn));
    /* Output finds out whether the window is wide enough now. */
    tcp_poll_mark(conn);
}

/* Probes in vain. Where the program has let go, nobody could end what a peer keeps alive with a
 * window of zero (RFC 6429 section 5): answers count for nothing once the interval has grown to
 * its end. */
static uint32_t tries(const struct tcp_conn *conn)
{
    bool worn_out = conn->persist_backoff >= conn->tcp->conf.tuning.data_retries;

    return conn->orphan && worn_out ? UINT32_MAX : conn->probes;
}

void tcp_persist_expired(struct tcp_conn *conn, uint64_t now)
{
    if (!blocked(conn)) {
        tcp_persist_stop(conn);
        return;
    }
    if (conn->unanswered_since == 0)
        conn->unanswered_since = now;
    if (tcp_conn_give_up(conn, tries(conn), now))
        return;
    if (conn->probes != UINT8_MAX)
        conn->probes++;
    if (conn->persist_backoff < conn->tcp->conf.tuning.data_retries)
        conn->persist_backoff++;
    conn->tcp->stats.window_probes++;
    conn->owed |= TCP_OWE_PROBE;
    tcp_poll_mark(conn);
    tcp_timer_set(conn, TCP_TIMER_PERSIST, now + interval(conn));
}
