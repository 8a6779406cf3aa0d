/* SPDX-License-Identifier: ISC */
/* tcp_reset.c - answers to what should not have come: RST (RFC 9293 section 3.5.2), challenge ACKs
 * (RFC 5961). */
#include "tcpip/tcp_priv.h"

/* RFC 9293 section 3.10.7.1. */
void tcp_reset_answer(struct tcp *tcp, const struct tcp_rx *rx)
{
    struct tcp_bare bare = {.key = rx->key, .flags = TCP_RST};

    if ((rx->hdr.flags & TCP_RST) != 0)
        return;
    if ((rx->hdr.flags & TCP_ACK) != 0) {
        bare.seq = rx->hdr.ack;
    } else {
        bare.flags |= TCP_ACK;
        bare.ack = tcp_rx_end(rx);
    }
    tcp->stats.reset_out++;
    tcp_emit_stray(tcp, &bare, rx->now);
}

bool tcp_may_answer(const struct tcp *tcp, uint64_t *at, uint64_t now)
{
    if (*at != 0 && now - *at < tcp->conf.tuning.invalid_ack_ns)
        return false;
    *at = now;
    return true;
}

/* So many a second for this connection, as nobody can count: half of the limit up to one and a half
 * of it. A limit that connections share tells an attacker of one what happens to another
 * (CVE-2016-5696). */
static bool may_challenge(struct tcp_conn *conn, uint64_t now)
{
    struct tcp *tcp = conn->tcp;
    uint32_t limit = tcp->conf.tuning.challenge_per_s;

    if (!tcp_may_answer(tcp, &conn->invalid_at, now))
        return false;
    if (conn->challenge_at == 0 || now - conn->challenge_at >= NS_PER_S) {
        conn->challenge_at = now;
        conn->challenges = (limit + 1) / 2 + tcp_random(tcp) % limit;
    }
    if (conn->challenges == 0)
        return false;
    conn->challenges--;
    return true;
}

void tcp_challenge(struct tcp_conn *conn, uint64_t now)
{
    if (!may_challenge(conn, now)) {
        conn->tcp->stats.challenge_limited++;
        return;
    }
    conn->tcp->stats.challenge_acks++;
    conn->owed |= TCP_OWE_CHALLENGE;
    tcp_mark(conn);
}
