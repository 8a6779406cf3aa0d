/* SPDX-License-Identifier: ISC */
/* tcp_icmp.c - what ICMP says of a segment of ours, and whether it is believed (RFC 5927).
 *
 * Anybody can send such a message. It is taken for true only where the sequence number that it
 * quotes is one that is on its way now; and then it ends a connection only in SYN-SENT, where it
 * may say that nobody listens there (RFC 5461). Later it is a reason to give when the connection
 * times out, no more. Source quench does not get here (RFC 6633). */
#include "tcpip/tcp_priv.h"

/* Is the segment in flight? Our SYN counts, and the FIN. */
static bool in_flight(const struct tcp_conn *conn, uint32_t seq)
{
    return seq_ge(seq, conn->snd_una) && seq_lt(seq, conn->snd_nxt);
}

/* The path cannot carry it: RFC 1191 section 6.4, RFC 5927 section 7.2. mtu: icmp.c has replaced
 * 0 by a plateau, raised what is absurd to a floor, and turned what would have fitted into 0. */
static bool too_long(struct tcp_conn *conn, uint32_t mtu, uint64_t now)
{
    if (mtu == 0 || mtu >= conn->mtu || !conn->tcp->conf.tuning.pmtu_discovery)
        return false;
    conn->tcp->stats.pmtu_changes++;
    tcp_pmtu_set(conn, mtu, now);
    return true;
}

/* icmp.c's words for its kinds of errors. */
static uint8_t kind(int error)
{
    switch (error) {
    case -E_ACCES:
        return TCP_ICMP_PROHIBITED;
    case -E_TIMEDOUT:
        return TCP_ICMP_TTL;
    case -E_CONNREFUSED:
        return TCP_ICMP_REFUSED;
    default:
        return TCP_ICMP_UNREACHABLE;
    }
}

/* What the program is told. */
static int told(int error)
{
    if (error == -E_ACCES)
        return -E_CONNREFUSED;
    return error == -E_TIMEDOUT ? -E_HOSTUNREACH : error;
}

static bool conn_error(struct tcp_conn *conn, uint32_t seq, int error, uint32_t mtu, uint64_t now)
{
    if (!in_flight(conn, seq)) {
        conn->tcp->stats.icmp_ignored++;
        return false;
    }
    if (error == -E_MSGSIZE)
        return conn->state >= TCP_ESTABLISHED && too_long(conn, mtu, now);
    if (conn->state < TCP_ESTABLISHED && (conn->tcp->conf.tuning.syn_icmp_ends & kind(error)) != 0)
        tcp_conn_end(conn, told(error));
    else
        conn->soft_error = told(error);
    return true;
}

bool tcp_icmp_error(struct netif *nif, const struct tcp_key *key, uint32_t seq, int error,
                    uint32_t mtu, uint64_t now)
{
    struct tcp *tcp = nif->tcp;
    struct tcp_link *link = tcp_demux_find(tcp, key);

    if (link != NULL && link->kind == TCP_LINK_CONN)
        return conn_error((struct tcp_conn *)link, seq, error, mtu, now);
    if (link != NULL && link->kind == TCP_LINK_SYN && error != -E_MSGSIZE &&
        seq == ((struct tcp_syn *)link)->iss) {
        tcp_syn_error(tcp, (struct tcp_syn *)link, error);
        return true;
    }
    tcp->stats.icmp_ignored++;
    return false;
}
