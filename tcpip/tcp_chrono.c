/* SPDX-License-Identifier: ISC */
/* tcp_chrono.c - how long a connection had something to send, and what limited it: struct
 * tcp_info's busy_ns, rwnd_limited_ns and sndbuf_limited_ns (RFC 4898's SndLimTime). */
#include "tcpip/tcp_priv.h"

void tcp_chrono(const struct tcp_conn *conn, uint64_t now, uint64_t *busy_ns, uint64_t *rwnd_ns,
                uint64_t *sndbuf_ns)
{
    uint64_t ns = now - conn->chrono_at;

    *busy_ns = conn->busy_ns + (conn->chrono != TCP_CHRONO_IDLE ? ns : 0);
    *rwnd_ns = conn->rwnd_ns + (conn->chrono == TCP_CHRONO_WINDOW ? ns : 0);
    *sndbuf_ns = conn->sndbuf_ns + (conn->chrono == TCP_CHRONO_SNDBUF ? ns : 0);
}

void tcp_chrono_set(struct tcp_conn *conn, enum tcp_chrono_state state, uint64_t now)
{
    if (LIKELY(conn->chrono == state))
        return;
    tcp_chrono(conn, now, &conn->busy_ns, &conn->rwnd_ns, &conn->sndbuf_ns);
    conn->chrono = (uint8_t)state;
    conn->chrono_at = now;
}
