/* SPDX-License-Identifier: ISC */
/* tcp_timer.c - connections by their earliest deadline, in a binary heap.
 *
 * Most timers never expire: each segment moves one to a later time, or stops it. So the heap's
 * key is only a bound: it follows at once when a deadline comes nearer, and when the key's time
 * comes and nothing is due, it is set right then. A segment costs no work here, and a timer that
 * expires O(log n). */
#include "tcpip/tcp_priv.h"

static void resend_later(struct tcp_conn *conn, uint64_t now)
{
    (void)now;
    tcp_poll_mark(conn);
}

static void (*const expired[TCP_TIMERS])(struct tcp_conn *conn, uint64_t now) = {
    [TCP_TIMER_RETRANSMIT] = tcp_rto_expired,
    [TCP_TIMER_PROBE] = tcp_rto_tlp_expired,
    [TCP_TIMER_REORDER] = tcp_rack_expired,
    [TCP_TIMER_PERSIST] = tcp_persist_expired,
    [TCP_TIMER_DELACK] = tcp_ackgen_expired,
    [TCP_TIMER_KEEPALIVE] = tcp_keepalive_expired,
    [TCP_TIMER_LINGER] = tcp_conn_linger_expired,
    [TCP_TIMER_CORK] = tcp_out_cork_expired,
    [TCP_TIMER_PACE] = resend_later,
};

/* ---- the heap: no child's key is before its parent's ----------------------------------------- */

static void place(struct tcp *tcp, uint32_t i, struct tcp_conn *conn)
{
    tcp->heap[i] = conn;
    conn->heap_index = i + 1;
}

static void sift_up(struct tcp *tcp, uint32_t i, struct tcp_conn *conn)
{
    while (i > 0) {
        uint32_t parent = (i - 1) / 2;

        if (tcp->heap[parent]->heap_at <= conn->heap_at)
            break;
        place(tcp, i, tcp->heap[parent]);
        i = parent;
    }
    place(tcp, i, conn);
}

static void sift_down(struct tcp *tcp, uint32_t i, struct tcp_conn *conn)
{
    for (;;) {
        uint32_t child = 2 * i + 1;

        if (child >= tcp->heap_count)
            break;
        if (child + 1 < tcp->heap_count &&
            tcp->heap[child + 1]->heap_at < tcp->heap[child]->heap_at)
            child++;
        if (conn->heap_at <= tcp->heap[child]->heap_at)
            break;
        place(tcp, i, tcp->heap[child]);
        i = child;
    }
    place(tcp, i, conn);
}

static void leave(struct tcp_conn *conn)
{
    struct tcp *tcp = conn->tcp;
    uint32_t i = conn->heap_index - 1;
    struct tcp_conn *last = tcp->heap[--tcp->heap_count];

    conn->heap_index = 0;
    if (last == conn)
        return;
    if (last->heap_at < conn->heap_at)
        sift_up(tcp, i, last);
    else
        sift_down(tcp, i, last);
}

/* ---- timers --------------------------------------------------------------------------------- */

void tcp_timer_set(struct tcp_conn *conn, enum tcp_timer timer, uint64_t at)
{
    struct tcp *tcp = conn->tcp;

    conn->timer_at[timer] = at;
    if (LIKELY(conn->heap_index != 0 && at >= conn->heap_at))
        return;
    if (at == NS_NEVER)
        return;
    conn->heap_at = at;
    if (conn->heap_index == 0)
        sift_up(tcp, tcp->heap_count++, conn);
    else
        sift_up(tcp, conn->heap_index - 1, conn);
}

void tcp_timer_stop_all(struct tcp_conn *conn)
{
    for (unsigned i = 0; i < TCP_TIMERS; i++)
        conn->timer_at[i] = NS_NEVER;
    if (conn->heap_index != 0)
        leave(conn);
}

static uint64_t earliest(const struct tcp_conn *conn)
{
    uint64_t at = NS_NEVER;

    for (unsigned i = 0; i < TCP_TIMERS; i++)
        at = u64_min(at, conn->timer_at[i]);
    return at;
}

/* Sets the heap's bound right. */
static void settle(struct tcp_conn *conn)
{
    uint64_t at = earliest(conn);

    if (at == NS_NEVER) {
        leave(conn);
        return;
    }
    conn->heap_at = at;
    sift_down(conn->tcp, conn->heap_index - 1, conn);
}

/* Runs the timers of conn that are due. What runs may end it, and its place be taken. */
static void run(struct tcp_conn *conn, uint64_t now)
{
    uint32_t generation = conn->generation;

    for (unsigned i = 0; i < TCP_TIMERS; i++) {
        if (conn->timer_at[i] > now)
            continue;
        conn->timer_at[i] = NS_NEVER;
        expired[i](conn, now);
        if (!conn->used || conn->generation != generation)
            return;
    }
    if (conn->heap_index != 0)
        settle(conn);
}

void tcp_timer_run(struct tcp *tcp, uint64_t now)
{
    /* Each at most once: one that asks for no time at all waits for the next poll. */
    for (uint32_t n = tcp->heap_count; n > 0 && tcp->heap_count != 0; n--) {
        struct tcp_conn *conn = tcp->heap[0];

        if (conn->heap_at > now)
            return;
        run(conn, now);
    }
}

uint64_t tcp_timer_next(const struct tcp *tcp)
{
    return tcp->heap_count == 0 ? NS_NEVER : tcp->heap[0]->heap_at;
}
