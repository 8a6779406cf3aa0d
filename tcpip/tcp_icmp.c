/* SPDX-License-Identifier: ISC */
/* tcp_icmp.c - what ICMP says of a segment of ours, and whether it is believed (RFC 5927).
 *
 * Anybody can send such a message. It is taken for true only where the sequence number that it
 * quotes is one that is on its way now; and then it ends a connection only in SYN-SENT, where it may
 * say that nobody listens there (RFC 5461). Later it is a reason to give when the connection times
 * out, no more. Source quench does not get here (RFC 6633).
 */
#include "tcpip/tcp_priv.h"

/* Is the segment in flight? Our SYN counts, and the FIN. */
static bool in_flight(const struct tcp_conn *conn, uint32_t seq)
{
    return seq_ge(seq, conn->snd_una) && seq_lt(seq, conn->snd_nxt);
}

/* The path cannot carry it: RFC 1191 section 6.4, RFC 5927 section 7.2. mtu: icmp.c has replaced 0 by
 * a plateau, raised what is absurd to a floor, and turned what would have fitted into 0. */
static bool too_long(struct tcp_conn *conn, uint32_t mtu, uint64_t now)
{
    if (mtu == 0 || mtu >= conn->mtu || !conn->tcp->conf.tuning.pmtu_discovery)
        return false;
    conn->tcp->stats.pmtu_changes++;
    tcp_conn_mtu_set(conn, mtu, now);
    return true;
}

static bool conn_error(struct tcp_conn *conn, uint32_t seq, int error, uint32_t mtu, uint64_t now)
{
    if (!in_flight(conn, seq)) {
        conn->tcp->stats.icmp_ignored++;
        return false;
    }
    if (error == -E_MSGSIZE)
        return conn->state >= TCP_ESTABLISHED && too_long(conn, mtu, now);
    /* RFC 1122 section 4.2.3.9: an unreachable network or host may come back. */
    if ((conn->state == TCP_SYN_SENT || conn->state == TCP_SYN_RECEIVED) &&
        (error != -E_HOSTUNREACH || conn->tcp->conf.tuning.syn_unreachable_ends))
        tcp_conn_end(conn, error);
    else
        conn->soft_error = error;
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
