/* SPDX-License-Identifier: ISC */
/* tcp_reset.c - answers to what should not have come: RST (RFC 9293 section 3.5.2), challenge ACKs
 * (RFC 5961). */
#include "tcpip/tcp_priv.h"

/* So many a second, as nobody can count: half of the limit up to one and a half of it. `at`: this
 * second's begin, 0 before the first; `left`: how many may still go. */
static bool within(struct tcp *tcp, uint32_t limit, uint64_t *at, uint32_t *left, uint64_t now)
{
    if (*at == 0 || now - *at >= NS_PER_S) {
        *at = now;
        *left = (limit + 1) / 2 + tcp_random(tcp) % limit;
    }
    if (*left == 0)
        return false;
    --*left;
    return true;
}

/* RFC 9293 section 3.10.7.1. */
void tcp_reset_answer(struct tcp *tcp, const struct tcp_rx *rx)
{
    struct tcp_bare bare = {.key = rx->key, .flags = TCP_RST};
    uint32_t limit = tcp->conf.tuning.resets_per_s;

    if ((rx->hdr.flags & TCP_RST) != 0)
        return;
    if (limit != 0 && !within(tcp, limit, &tcp->reset_at, &tcp->resets, rx->now)) {
        tcp->stats.reset_limited++;
        return;
    }
    if ((rx->hdr.flags & TCP_ACK) != 0) {
        bare.seq = rx->hdr.ack;
    } else {
        bare.flags |= TCP_ACK;
        bare.ack = tcp_rx_end(rx);
    }
    tcp->stats.reset_out++;
    tcp_emit_stray(tcp, &bare, rx->now);
}

bool tcp_reset_may_answer(const struct tcp *tcp, uint64_t *at, uint64_t now)
{
    if (*at != 0 && now - *at < tcp->conf.tuning.invalid_ack_ns)
        return false;
    *at = now;
    return true;
}

/* A limit that connections share tells an attacker of one what happens to another (CVE-2016-5696):
 * this one is conn's own. */
static bool may_challenge(struct tcp_conn *conn, uint64_t now)
{
    struct tcp *tcp = conn->tcp;

    return tcp_reset_may_answer(tcp, &conn->invalid_at, now) &&
           within(tcp, tcp->conf.tuning.challenge_per_s, &conn->challenge_at, &conn->challenges,
                  now);
}

void tcp_reset_challenge(struct tcp_conn *conn, uint64_t now)
{
    if (!may_challenge(conn, now)) {
        conn->tcp->stats.challenge_limited++;
        return;
    }
    conn->tcp->stats.challenge_acks++;
    conn->owed |= TCP_OWE_CHALLENGE;
    tcp_poll_mark(conn);
}
