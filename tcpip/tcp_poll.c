/* SPDX-License-Identifier: ISC */
/* tcp_poll.c - what TCP does at the end of each netif_poll: timers, then output.
 *
 * All that wants to send marks its connection dirty; here each dirty connection sends once what it
 * may and must by then. When the device has no room, the connection goes to the end of the list and
 * the poll is over: those behind it come first next time. */
#include "tcpip/tcp_priv.h"

enum { TCP_POLL_MAX = 1024 /* connections that send in one poll */ };

/* ---- the dirty list ------------------------------------------------------------------------- */

static void append(struct tcp_conn *conn)
{
    struct tcp *tcp = conn->tcp;

    conn->dirty = true;
    conn->dirty_next = NULL;
    conn->dirty_prev = tcp->dirty_tail;
    if (tcp->dirty_tail != NULL)
        tcp->dirty_tail->dirty_next = conn;
    else
        tcp->dirty_head = conn;
    tcp->dirty_tail = conn;
    tcp->dirty_count++;
}

void tcp_poll_mark(struct tcp_conn *conn)
{
    conn->tcp->dirty_news = true;
    if (!conn->dirty)
        append(conn);
}

void tcp_poll_mark_blocked(struct tcp_conn *conn)
{
    conn->tcp->blocked = true;
    if (!conn->dirty)
        append(conn);
}

void tcp_poll_unmark(struct tcp_conn *conn)
{
    struct tcp *tcp = conn->tcp;

    if (!conn->dirty)
        return;
    if (conn->dirty_prev != NULL)
        conn->dirty_prev->dirty_next = conn->dirty_next;
    else
        tcp->dirty_head = conn->dirty_next;
    if (conn->dirty_next != NULL)
        conn->dirty_next->dirty_prev = conn->dirty_prev;
    else
        tcp->dirty_tail = conn->dirty_prev;
    conn->dirty = false;
    tcp->dirty_count--;
}

/* ---- the interface's door ------------------------------------------------------------------- */

static void send_dirty(struct tcp *tcp, uint64_t now)
{
    uint32_t n = u32_min(tcp->dirty_count, TCP_POLL_MAX);

    /* Whoever is marked from here on, by another's output, say, is news again. */
    tcp->dirty_news = tcp->dirty_count > n;
    tcp->blocked = false;
    while (n-- > 0 && tcp->dirty_head != NULL && !tcp->blocked) {
        struct tcp_conn *conn = tcp->dirty_head;

        tcp_poll_unmark(conn);
        tcp_out_conn(conn, now);
    }
}

static void poll(struct netif *nif, uint64_t now)
{
    struct tcp *tcp = nif->tcp;

    tcp->now = now;
    tcp_lro_flush(tcp);
    if (now >= tcp_timer_next(tcp))
        tcp_timer_run(tcp, now);
    if (now >= tcp_syn_next(tcp))
        tcp_syn_timers(tcp, now);
    if (now >= tcp_tw_next(tcp))
        tcp_tw_timers(tcp, now);
    if (tcp->dirty_head != NULL)
        send_dirty(tcp, now);
}

static uint64_t poll_at(const struct netif *nif)
{
    const struct tcp *tcp = nif->tcp;

    return u64_min(tcp_timer_next(tcp), u64_min(tcp_syn_next(tcp), tcp_tw_next(tcp)));
}

static bool pending(const struct netif *nif)
{
    return nif->tcp->dirty_news && nif->tcp->dirty_head != NULL;
}

const struct netif_tcp_ops tcp_netif_ops = {
    .input = tcp_input,
    .error = tcp_icmp_error,
    .poll = poll,
    .poll_at = poll_at,
    .pending = pending,
};
