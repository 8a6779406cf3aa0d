/* SPDX-License-Identifier: ISC */
/* tcp_bulk.c - moves bytes over a connection of the simulated link, both ways, and checks each. */
#include "support.h"

#include <cmocka.h>

#include "pattern.h"
#include "tcp_link.h"

/* The two directions carry different parts of the pattern. */
static uint64_t phase(unsigned from)
{
    return from * 12345u;
}

static bool gone(struct tlink_bulk *b, unsigned e, int err)
{
    if (err == -E_AGAIN)
        return false;
    b->failed[e] = true;
    return true;
}

/* ---- sending -------------------------------------------------------------------------------- */

static int send_copy(struct tlink_bulk *b, unsigned e, uint64_t left)
{
    struct tcp *tcp = tlink_tcp(b->link, e);
    struct cs room;
    int err = tcp_send_reserve(tcp, b->conn[e], &room);
    uint32_t n;

    if (err < 0)
        return err;
    n = (uint32_t)u64_min(room.len, left);
    pattern_fill(room.base, n, b->sent[e] + phase(e));
    assert_int_equal(tcp_send_commit(tcp, b->conn[e], n, plat_now_ns()), 0);
    return (int)n;
}

static int send_page(struct tlink_bulk *b, unsigned e, uint64_t left)
{
    struct tlink_end *end = &b->link->end[e];
    struct page *page;
    uint32_t n = (uint32_t)u64_min(PAGE_BYTES, left);
    int err;

    if (end->pages.free_count < end->pages.total / 4 || (page = page_get(&end->pages)) == NULL)
        return -E_AGAIN;
    pattern_fill(page->base, n, b->sent[e] + phase(e));
    err = tcp_send_page(&end->tcp, b->conn[e], page, 0, n, plat_now_ns());
    if (err < 0) {
        page_put(page);
        return err;
    }
    return (int)n;
}

static bool pump_send(struct tlink_bulk *b, unsigned e)
{
    bool any = false;

    while (b->sent[e] < b->total[e]) {
        uint64_t left = b->total[e] - b->sent[e];
        int n = b->by_page ? send_page(b, e, left) : send_copy(b, e, left);

        if (n < 0)
            return gone(b, e, n) || any;
        b->sent[e] += (uint64_t)n;
        any = true;
    }
    if (!b->shut[e] && !b->keep_open) {
        b->shut[e] = true;
        assert_int_equal(tcp_shutdown(tlink_tcp(b->link, e), b->conn[e], plat_now_ns()), 0);
        any = true;
    }
    return any;
}

/* ---- receiving ------------------------------------------------------------------------------ */

static void took(struct tlink_bulk *b, unsigned e, const uint8_t *bytes, size_t len)
{
    if (!b->any_bytes && !pattern_check(bytes, len, b->got[e] + phase(!e)))
        fail_msg("end %u: wrong bytes after %llu", e, (unsigned long long)b->got[e]);
    b->got[e] += len;
    if (b->got[e] == b->total[!e])
        b->done_at[e] = plat_now_ns();
}

static int recv_views(struct tlink_bulk *b, unsigned e)
{
    struct tcp *tcp = tlink_tcp(b->link, e);
    struct cs_ro views[8];
    uint32_t taken = 0, most = b->read_max == 0 ? UINT32_MAX : b->read_max;
    int n = tcp_recv_peek(tcp, b->conn[e], views, 8);

    if (n <= 0)
        return n;
    for (int i = 0; i < n && taken < most; i++) {
        uint32_t len = (uint32_t)size_min(views[i].len, most - taken);

        took(b, e, views[i].base, len);
        taken += len;
    }
    assert_int_equal(tcp_recv_consume(tcp, b->conn[e], taken, plat_now_ns()), 0);
    return (int)taken;
}

static int recv_page(struct tlink_bulk *b, unsigned e)
{
    struct page *page;
    uint32_t off, len;
    int n = tcp_recv_page(tlink_tcp(b->link, e), b->conn[e], &page, &off, &len, plat_now_ns());

    if (n <= 0)
        return n;
    took(b, e, page->base + off, len);
    page_put(page);
    return (int)len;
}

static bool pump_recv(struct tlink_bulk *b, unsigned e)
{
    bool any = false;

    if (plat_now_ns() < b->read_at[e]) {
        b->link->wake_at = u64_min(b->link->wake_at, b->read_at[e]);
        return false;
    }
    while (!b->eof[e]) {
        int n = b->by_page ? recv_page(b, e) : recv_views(b, e);

        if (n < 0)
            return gone(b, e, n) || any;
        any = true;
        b->eof[e] = n == 0;
        if (b->read_every_ns != 0) {
            b->read_at[e] = plat_now_ns() + b->read_every_ns;
            b->link->wake_at = u64_min(b->link->wake_at, b->read_at[e]);
            return true;
        }
    }
    return any;
}

/* ---- both ----------------------------------------------------------------------------------- */

static void pump_lwip(struct tlink_bulk *b, unsigned e)
{
    struct lwip_conn *conn = &b->lwip[e];

    lwip_conn_pump(conn);
    b->sent[e] = conn->sent;
    if (b->got[e] != conn->got && conn->got == b->total[!e])
        b->done_at[e] = plat_now_ns();
    b->got[e] = conn->got;
    b->eof[e] = conn->eof;
    b->failed[e] |= conn->failed && !conn->eof;
    assert_false(conn->wrong);
}

bool tlink_bulk_pump(struct tlink_bulk *b)
{
    bool any = false;

    for (unsigned e = 0; e < 2; e++) {
        if (b->link->end[e].kind == TLINK_LWIP) {
            pump_lwip(b, e);
        } else if (!b->failed[e]) {
            any |= pump_send(b, e);
            any |= !b->failed[e] && pump_recv(b, e);
        }
    }
    return any;
}

bool tlink_bulk_done(const struct tlink_bulk *b)
{
    return b->got[0] == b->total[1] && b->got[1] == b->total[0] && b->eof[0] && b->eof[1];
}

bool tlink_bulk_run(struct tlink_bulk *b, uint64_t until_ns)
{
    for (;;) {
        do
            tlink_settle(b->link);
        while (tlink_bulk_pump(b));
        if (tlink_bulk_done(b) || b->failed[0] || b->failed[1])
            break;
        if (!tlink_step(b->link, until_ns))
            break;
    }
    return tlink_bulk_done(b);
}

static void open_listener(struct tlink_bulk *b, uint16_t port, tcp_t *listener)
{
    if (b->link->end[1].kind == TLINK_OURS)
        *listener = tlink_listen(b->link, 1, port);
    else
        assert_true(lwip_end_listen(b->link->end[1].lwip, port, &b->lwip[1]));
}

static bool is_open(struct tlink_bulk *b, tcp_t listener)
{
    bool open = b->link->end[0].kind == TLINK_LWIP ||
                (tcp_ready(tlink_tcp(b->link, 0), b->conn[0]) & TCP_READY_SEND) != 0;

    if (b->link->end[1].kind == TLINK_OURS && b->conn[1] == 0)
        tcp_accept(tlink_tcp(b->link, 1), listener, &b->conn[1]);
    return open && (b->link->end[1].kind == TLINK_LWIP ? b->lwip[1].open : b->conn[1] != 0);
}

bool tlink_bulk_open(struct tlink_bulk *b, struct tlink *link, uint16_t port)
{
    tcp_t listener = 0;
    uint64_t until = plat_now_ns() + 300 * NS_PER_S;
    bool open;

    b->link = link;
    for (unsigned e = 0; e < 2; e++) {
        b->lwip[e].total = b->total[e];
        b->lwip[e].close = true;
        b->lwip[e].sent_phase = (uint32_t)phase(e);
        b->lwip[e].got_phase = (uint32_t)phase(!e);
    }
    open_listener(b, port, &listener);
    if (link->end[0].kind == TLINK_OURS)
        b->conn[0] = tlink_connect(link, 0, port);
    else
        assert_true(lwip_end_connect(link->end[0].lwip, port, &b->lwip[0]));
    tlink_settle(link);
    while (!(open = is_open(b, listener)) && tlink_step(link, until))
        ;
    b->opened_at = plat_now_ns();
    if (listener != 0)
        assert_int_equal(tcp_close(tlink_tcp(link, 1), listener, plat_now_ns()), 0);
    return open;
}

void tlink_bulk_close(struct tlink_bulk *b)
{
    for (unsigned e = 0; e < 2; e++)
        if (b->link->end[e].kind == TLINK_OURS)
            assert_int_equal(tcp_close(tlink_tcp(b->link, e), b->conn[e], plat_now_ns()), 0);
}
