/* SPDX-License-Identifier: ISC */
/* tcp_mem.c - one budget of pages for all buffers of a stack, and who lets go when it is spent.
 *
 * A connection that holds pages stands in a list by the logarithm of how many. It rises as soon as
 * it holds more; that it holds less is found out when somebody looks for the greediest. So a charge
 * costs a compare, and the search for who is to let go does not grow with the connections.
 *
 * Only what the peer will send again is taken from a connection that a program holds: out-of-order
 * data (RFC 2018 section 8 lets a receiver renege). If that is not enough, who asked is refused. */
#include "tcpip/tcp_priv.h"

enum { TCP_MEM_LOOK = 64 /* connections looked at in one search */ };

/* ---- ranks ---------------------------------------------------------------------------------- */

static uint8_t rank_of(uint32_t pages)
{
    uint8_t rank = 0;

    while (pages >>= 1)
        rank++;
    return rank;
}

/* The lists are rings: mem_ranks points at one of them, where the next search begins. */
static void leave(struct tcp_conn *conn)
{
    struct tcp_conn **ring = &conn->tcp->mem_ranks[conn->mem_rank - 1];

    conn->mem_next->mem_prev = conn->mem_prev;
    conn->mem_prev->mem_next = conn->mem_next;
    if (*ring == conn)
        *ring = conn->mem_next == conn ? NULL : conn->mem_next;
    conn->mem_rank = 0;
}

static void enter(struct tcp_conn *conn, uint8_t rank)
{
    struct tcp_conn **ring = &conn->tcp->mem_ranks[rank];

    if (*ring == NULL)
        *ring = conn->mem_prev = conn->mem_next = conn;
    conn->mem_next = *ring;
    conn->mem_prev = (*ring)->mem_prev;
    conn->mem_prev->mem_next = conn;
    conn->mem_next->mem_prev = conn;
    conn->mem_rank = (uint8_t)(rank + 1);
}

void tcp_mem_leave(struct tcp_conn *conn)
{
    if (conn->mem_rank != 0)
        leave(conn);
}

/* ---- who lets go ---------------------------------------------------------------------------- */

/* Where `conn`, of the ring of `rank`, holds less than that it sinks. */
static void settle(struct tcp_conn *conn, unsigned rank)
{
    uint8_t real = rank_of(conn->pages);

    if (conn->pages != 0 && real == rank)
        return;
    leave(conn);
    if (conn->pages != 0)
        enter(conn, real);
}

/* One of the greediest that has out-of-order data, or else that its program has closed; not `asks`,
 * who may be in the middle of what it holds. NULL: none was found in so many looks; the next search
 * goes on from there. */
static struct tcp_conn *find_greedy(struct tcp *tcp, const struct tcp_conn *asks)
{
    struct tcp_conn *orphan = NULL;
    unsigned looks = TCP_MEM_LOOK;

    for (unsigned rank = TCP_MEM_RANKS; rank-- > 0;) {
        const struct tcp_conn *first = NULL;
        struct tcp_conn *conn;

        while (looks > 0 && (conn = tcp->mem_ranks[rank]) != NULL && conn != first) {
            looks--;
            tcp->mem_ranks[rank] = conn->mem_next;
            settle(conn, rank);
            if (conn->mem_rank != rank + 1)
                continue;
            if (first == NULL)
                first = conn;
            if (conn == asks)
                continue;
            if (conn->rcv.ooo.count != 0)
                return conn;
            if (orphan == NULL && conn->orphan)
                orphan = conn;
        }
    }
    return orphan;
}

static bool make_room(struct tcp *tcp, const struct tcp_conn *asks, uint32_t pages)
{
    while (tcp->conf.pages_max - tcp->used.pages < pages) {
        struct tcp_conn *conn = find_greedy(tcp, asks);

        if (conn == NULL)
            return false;
        if (conn->rcv.ooo.count != 0) {
            tcp->stats.ooo_limit++;
            tcp_reass_clear(conn);
        } else {
            tcp->stats.evicted++;
            tcp_conn_abort(conn, -E_NOMEM, tcp->now);
        }
    }
    return true;
}

/* ---- ranges --------------------------------------------------------------------------------- */

/* Ranges of a few bytes hold no page, so no list says who holds many. */
bool tcp_mem_range(const struct tcp_conn *asks)
{
    struct tcp *tcp = asks->tcp;
    struct tcp_conn *greedy = NULL;
    uint32_t most = asks->rcv.ooo.count;

    for (uint32_t n = u32_min(tcp->conns_made, TCP_MEM_LOOK); n > 0; n--) {
        struct tcp_conn *conn = &tcp->conns[tcp->ooo_look++ % tcp->conns_made];

        if (!conn->used || conn->rcv.ooo.count <= most)
            continue;
        greedy = conn;
        most = conn->rcv.ooo.count;
    }
    if (greedy == NULL)
        return false;
    tcp->stats.ooo_limit++;
    tcp_reass_clear(greedy);
    return true;
}

/* ---- the budget ----------------------------------------------------------------------------- */

bool tcp_mem_charge(struct tcp_conn *conn, uint32_t pages)
{
    struct tcp *tcp = conn->tcp;

    if (UNLIKELY(pages > tcp->conf.pages_max - tcp->used.pages) && !make_room(tcp, conn, pages))
        return false;
    tcp->used.pages += pages;
    conn->pages += pages;
    /* It holds twice what its rank says, or had none. */
    if (UNLIKELY(conn->pages >> conn->mem_rank != 0)) {
        tcp_mem_leave(conn);
        enter(conn, rank_of(conn->pages));
    }
    return true;
}

void tcp_mem_release(struct tcp_conn *conn, uint32_t pages)
{
    ASSERT(pages <= conn->pages);
    conn->pages -= pages;
    conn->tcp->used.pages -= pages;
}

enum tcp_mem_level tcp_mem_level(const struct tcp *tcp)
{
    uint32_t used = tcp->used.pages, most = tcp->conf.pages_max;

    if (LIKELY(used < most / 2))
        return TCP_MEM_LOW;
    return used < most - most / 10 ? TCP_MEM_PRESSURE : TCP_MEM_FULL;
}
