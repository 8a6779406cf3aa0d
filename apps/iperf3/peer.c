/* SPDX-License-Identifier: ISC */
/* peer.c - the control connection: bytes out that wait for room, bytes in until they make a
 * whole. */
#include "apps/iperf3/iperf3.h"

void peer_open(struct peer *peer, tcp_t conn, uint64_t now)
{
    peer->conn = conn;
    peer->in_len = peer->out_len = peer->out_sent = 0;
    peer->heard_ns = now;
}

void peer_close(struct peer *peer, struct tcp *tcp, uint64_t now)
{
    if (peer->conn != 0)
        tcp_close(tcp, peer->conn, now);
    peer->conn = 0;
}

bool peer_flush(struct peer *peer, struct tcp *tcp, uint64_t now)
{
    int n;

    if (peer->out_sent < peer->out_len) {
        n = tcp_send(tcp, peer->conn,
                     cs_ro_of(peer->out + peer->out_sent, peer->out_len - peer->out_sent), now);
        if (n > 0)
            peer->out_sent += (size_t)n;
        else if (n != -E_AGAIN)
            return false;
    }
    if (peer->out_sent == peer->out_len)
        peer->out_sent = peer->out_len = 0;
    return true;
}

bool peer_poll(struct peer *peer, struct tcp *tcp, uint64_t now)
{
    struct cs room = cs_of(peer->in + peer->in_len, sizeof(peer->in) - peer->in_len);
    int n;

    if (!peer_flush(peer, tcp, now))
        return false;
    if (room.len == 0)
        return true;
    n = tcp_recv(tcp, peer->conn, room, now);
    if (n > 0) {
        peer->in_len += (size_t)n;
        peer->heard_ns = now;
    }
    /* What came before the end is read first. */
    return n > 0 || n == -E_AGAIN || peer->in_len != 0;
}

void peer_bytes(struct peer *peer, struct cs_ro bytes)
{
    ASSERT(bytes.len <= sizeof(peer->out) - peer->out_len);
    memcpy(peer->out + peer->out_len, bytes.base, bytes.len);
    peer->out_len += bytes.len;
}

void peer_state(struct peer *peer, enum test_state state)
{
    uint8_t byte = (uint8_t)state;

    peer_bytes(peer, cs_ro_of(&byte, 1));
}

void peer_text(struct peer *peer, struct cs_ro text)
{
    uint8_t len[4];

    cs_set_be32(cs_of(len, sizeof(len)), 0, (uint32_t)text.len);
    peer_bytes(peer, cs_ro_of(len, sizeof(len)));
    peer_bytes(peer, text);
}

static void drop(struct peer *peer, size_t n)
{
    memmove(peer->in, peer->in + n, peer->in_len - n);
    peer->in_len -= n;
}

bool peer_take(struct peer *peer, void *to, size_t n)
{
    if (peer->in_len < n)
        return false;
    memcpy(to, peer->in, n);
    drop(peer, n);
    return true;
}

int peer_take_text(struct peer *peer, struct cs_ro *text)
{
    struct cs_ro in = cs_ro_of(peer->in, peer->in_len);
    uint32_t len;

    if (!cs_try_get_be32(in, 0, &len))
        return 0;
    if (len > sizeof(peer->in) - 4)
        return -E_MSGSIZE;
    return cs_try_sub(in, 4, len, text) ? 1 : 0;
}

void peer_drop_text(struct peer *peer, struct cs_ro text)
{
    drop(peer, 4 + text.len);
}
