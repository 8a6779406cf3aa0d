/* SPDX-License-Identifier: ISC */
/* tcp_pmtu.c - paths that swallow long packets and do not say so (RFC 2923 section 2.1; after RFC
 * 4821 and RFC 8899).
 *
 * Where the ICMP message that path MTU discovery waits for is filtered, long segments vanish and
 * short ones pass. So when the same full segment was lost several times running, shorter ones are
 * tried, step by step: what then passes is what the path carries, as far as we know. Ten minutes
 * later the former length is tried again (RFC 8899 section 4.4), as the path may have changed. It
 * costs a few timeouts if it has not.
 */
#include "tcpip/tcp_priv.h"

enum {
    HOLE_TIMEOUTS = 2, /* of one segment, until it is suspected (RFC 4821 section 7.7) */
};
#define HOLE_RETRY_NS (600 * NS_PER_S)

/* Ethernet where frames were larger, what tunnels leave of it, what any path is held to carry (RFC
 * 8899 section 5.1.2), and the floor as for what ICMP says. */
static const uint16_t steps[] = {4352, 1500, 1400, 1200, IP4_PATH_MTU_FLOOR};

void tcp_pmtu_set(struct tcp_conn *conn, uint32_t mtu, uint64_t now)
{
    bool shrinks = mtu < conn->mtu;

    conn->mtu = mtu;
    tcp_conn_mss_refresh(conn, now);
    if (shrinks)
        tcp_recovery_mtu(conn, now);
    tcp_poll_mark(conn);
}

/* A full segment's packet: what the peer takes may be less than what the path carries. */
static uint32_t full_packet(const struct tcp_conn *conn)
{
    return ip4_SIZE + tcp_SIZE + tcp_options_len(conn) + conn->mss;
}

/* Only a segment that a shorter one could replace says anything about lengths. */
static bool is_suspect(const struct tcp_conn *conn)
{
    const struct seq_node *first = conn->flight.tree.first;

    return first != NULL && first->end - first->seq >= conn->mss &&
           full_packet(conn) > IP4_PATH_MTU_FLOOR;
}

void tcp_pmtu_rto(struct tcp_conn *conn, uint64_t now)
{
    unsigned i = 0;

    if (!conn->tcp->conf.tuning.black_holes || !conn->ip.df || !is_suspect(conn)) {
        conn->hole_tries = 0;
        return;
    }
    if (++conn->hole_tries <= HOLE_TIMEOUTS)
        return;
    while (steps[i] >= full_packet(conn))
        i++;
    conn->hole_tries = 0;
    if (conn->hole_mtu == 0)
        conn->hole_mtu = conn->mtu;
    conn->hole_at = now + HOLE_RETRY_NS;
    conn->tcp->stats.black_holes++;
    /* The path may be idle: a shorter segment need not wait as long as the last one. Nor is it the
     * retransmission that makes us give up: quick ones say little of a peer that is away. */
    conn->rtt.backoff = 0;
    if (conn->flight.rtos > HOLE_TIMEOUTS)
        conn->flight.rtos = (uint8_t)(conn->flight.rtos - HOLE_TIMEOUTS);
    tcp_pmtu_set(conn, steps[i], now);
}

void tcp_pmtu_acked(struct tcp_conn *conn, uint64_t now)
{
    conn->hole_tries = 0;
    if (LIKELY(conn->hole_mtu == 0) || now < conn->hole_at)
        return;
    /* The link may have become narrower since, or ICMP have told of the path. */
    tcp_pmtu_set(
        conn, u32_min(conn->hole_mtu, ip4_path_mtu(conn->tcp->conf.nif, conn->link.key.dst, now)),
        now);
    conn->hole_mtu = 0;
}
