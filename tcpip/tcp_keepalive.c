/* SPDX-License-Identifier: ISC */
/* tcp_keepalive.c - is the peer of an idle connection still there (RFC 9293 section 3.8.4)?
 *
 * A probe is a segment without data whose number was acknowledged already, which the peer must
 * answer by an ACK. While data is unacknowledged, its retransmissions ask the same. */
#include "tcpip/tcp_priv.h"

/* Something of the peer's came last at: */
static uint64_t heard_at(const struct tcp_conn *conn)
{
    return conn->received_at > conn->ack_at ? conn->received_at : conn->ack_at;
}

void tcp_keepalive_start(struct tcp_conn *conn, uint64_t now)
{
    conn->keepalives = 0;
    if (conn->keepalive)
        tcp_timer_set(conn, TCP_TIMER_KEEPALIVE, now + conn->keepalive_idle_ns);
    else
        tcp_timer_stop(conn, TCP_TIMER_KEEPALIVE);
}

/* Enough probes went unanswered, or for so long as the user timeout says (RFC 5482 section 4.2). */
static bool is_dead(const struct tcp_conn *conn, uint64_t idle)
{
    if (conn->user_timeout_ns != 0)
        return conn->keepalives != 0 && idle >= conn->user_timeout_ns;
    return conn->keepalives >= conn->keepalive_probes_max;
}

void tcp_keepalive_expired(struct tcp_conn *conn, uint64_t now)
{
    uint64_t idle = now - heard_at(conn);

    if (!conn->keepalive || conn->state == TCP_SYN_SENT || conn->state == TCP_SYN_RECEIVED)
        return;
    if (conn->flight.out != 0 || conn->snd.next != NULL) {
        tcp_keepalive_start(conn, now);
        return;
    }
    if (idle < conn->keepalive_idle_ns) {
        conn->keepalives = 0;
        tcp_timer_set(conn, TCP_TIMER_KEEPALIVE, heard_at(conn) + conn->keepalive_idle_ns);
        return;
    }
    if (is_dead(conn, idle)) {
        tcp_conn_abort(conn, -E_TIMEDOUT, now);
        return;
    }
    conn->keepalives++;
    conn->tcp->stats.keepalives++;
    conn->owed |= TCP_OWE_PROBE;
    tcp_poll_mark(conn);
    tcp_timer_set(conn, TCP_TIMER_KEEPALIVE, now + conn->keepalive_interval_ns);
}
