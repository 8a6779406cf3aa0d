/* SPDX-License-Identifier: ISC */
/* prop_tcp_out.c - whatever way a program writes, whatever the device takes and loses, and
 * whatever windows the peer offers: the peer gets the bytes that were written, in segments that
 * fit, within the window it offered; then FIN, and everything is given back. */
#include <stdlib.h>
#include <string.h>

#include "tcpip/tcp_priv.h"
#include "tcpwire.h"

enum { ROUNDS = 150, BYTES = 120000, PEER_SEQ = 101, STEPS_MAX = 40000 };

static uint64_t seed;
static struct tcpwire w;
static tcp_t conn;
static uint32_t iss; /* of the first byte */

/* The peer. */
static uint32_t got;  /* bytes in order */
static uint32_t edge; /* right edge of the window, of all that was ever offered */
static uint32_t mss;
static bool fin, lossy;

/* The program. */
static uint32_t written;
static bool closed;

static uint32_t below(uint32_t n)
{
    return test_random_below(&seed, n);
}

/* ---- the peer ------------------------------------------------------------------------------- */

static void say(uint32_t wnd)
{
    uint32_t acked = got + fin;

    if (acked + wnd > edge)
        edge = acked + wnd;
    else
        wnd = edge - acked; /* it never takes back what it offered */
    tcpwire_in_only(&w,
                    (struct tcp_frame){
                        .seq = PEER_SEQ, .ack = iss + acked, .flags = F_ACK, .wnd = (uint16_t)wnd});
}

static void hear(const struct tcpwire_seg *seg)
{
    uint32_t at = seg->seq - iss, end = at + seg->len;
    bool probe = at == UINT32_MAX || (at < got + fin && seg->len == 0);

    assert_true((seg->flags & F_ACK) != 0 && (seg->flags & (F_RST | F_SYN)) == 0);
    if (seg->len != 0) {
        assert_true(seg->gso_size == 0 ? seg->len <= mss : seg->gso_size <= mss);
        assert_true(end <= written);
        assert_true(end <= edge);
        for (uint32_t i = 0; i < seg->len; i++)
            assert_int_equal(seg->text[i], tcp_frame_byte(at + i));
        if ((seg->flags & F_PSH) != 0)
            assert_true(end <= written);
    }
    if ((seg->flags & F_FIN) != 0)
        assert_true(closed && end == written && end < edge + 1);
    if (probe || (lossy && below(20) == 0) || at > got || end < got)
        return;
    /* It may take a part, having no room for all. */
    if (below(15) == 0 && end > got) {
        got += below(end - got);
        return;
    }
    got = end;
    if ((seg->flags & F_FIN) != 0)
        fin = true;
}

static void peer(void)
{
    struct tcpwire_seg seg;
    bool heard = false;

    while (tcpwire_try_out(&w, &seg)) {
        hear(&seg);
        heard = true;
    }
    netrig_clear(w.rig);
    w.seen = 0;
    if ((heard && below(3) != 0) || below(20) == 0)
        say(below(4) == 0 ? below(3) * below(2000) : 2 * mss + below(30000));
}

/* ---- the program ---------------------------------------------------------------------------- */

static void fill(uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = tcp_frame_byte(written + (uint32_t)i);
}

static void write_copy(uint32_t n)
{
    static uint8_t bytes[BYTES];
    int sent;

    fill(bytes, n);
    sent = tcp_send(&w.tcp, conn, cs_ro_of(bytes, n), w.rig->now);
    if (sent > 0)
        written += (uint32_t)sent;
    else
        assert_int_equal(sent, n == 0 ? 0 : -E_AGAIN);
}

static void write_room(uint32_t n)
{
    struct cs room;

    if (tcp_send_reserve(&w.tcp, conn, &room) != 0)
        return;
    n = u32_min(n, (uint32_t)room.len);
    fill(room.base, n);
    /* The peer may be heard in between. */
    if (below(3) == 0) {
        netrig_poll(w.rig);
        peer();
    }
    assert_int_equal(tcp_send_commit(&w.tcp, conn, n, w.rig->now), 0);
    written += n;
}

static void write_page(uint32_t n)
{
    struct page *page = page_get(&w.rig->pages);
    uint32_t off = below(PAGE_BYTES - 1);

    if (page == NULL)
        return;
    n = u32_min(n == 0 ? 1 : n, PAGE_BYTES - off);
    fill(page->base + off, n);
    if (tcp_send_page(&w.tcp, conn, page, off, n, w.rig->now) == 0)
        written += n;
    else
        page_put(page);
}

static void program(void)
{
    uint32_t n = u32_min(below(4) == 0 ? below(9000) : below(700), BYTES - written);

    if (closed)
        return;
    if (written == BYTES) {
        assert_int_equal(tcp_shutdown(&w.tcp, conn, w.rig->now), 0);
        closed = true;
    } else if (below(3) == 0) {
        write_copy(n);
    } else if (below(2) == 0) {
        write_room(n);
    } else if (n != 0) {
        write_page(n);
    }
    if (below(50) == 0)
        assert_int_equal(tcp_set(&w.tcp, conn, TCP_OPT_NODELAY, below(2), w.rig->now), 0);
    if (below(100) == 0)
        assert_int_equal(tcp_set(&w.tcp, conn, TCP_OPT_CORK, below(2), w.rig->now), 0);
}

/* The device came back with other abilities, as after a guest's migration. */
static void change_device(void)
{
    struct netdev_caps *caps = &w.rig->dev.caps;

    if (!caps->csum_tx)
        return;
    caps->gso_max_bytes = below(2) == 0 ? 0 : 3000 + below(60000);
    caps->frags_max = (uint8_t)(1 + below(PKT_FRAGS_MAX));
}

/* ---- a round -------------------------------------------------------------------------------- */

static void open_one(void)
{
    static const struct tcp_tuning *const presets[] = {&tcp_tuning_default, &tcp_tuning_linux,
                                                       &tcp_tuning_freebsd};
    tcp_t listener;

    tcpwire_blank(&w, presets[below(3)]);
    if (below(2) == 0) {
        w.rig->dev.caps.csum_tx = true;
        w.rig->dev.caps.gso_max_bytes = below(2) == 0 ? 65535 : 3000 + below(20000);
        w.rig->dev.caps.frags_max = (uint8_t)(1 + below(PKT_FRAGS_MAX));
    }
    w.conf.tuning.minshall = below(2) == 0;
    w.conf.tuning.sndbuf = 2048 + below(60000);
    tcpwire_start(&w);
    listener = tcpwire_listen(&w, 0);
    mss = below(2) == 0 ? 1460 : 300 + below(1100); /* presets floor smaller ones */
    tcpwire_in(&w, (struct tcp_frame){
                       .seq = PEER_SEQ - 1, .flags = F_SYN, .wnd = 65535, .mss = (uint16_t)mss});
    iss = tcpwire_out(&w).seq + 1;
    got = edge = written = 0;
    fin = closed = false;
    lossy = below(2) == 0;
    say(2 * mss + below(30000));
    netrig_poll(w.rig);
    assert_int_equal(tcp_accept(&w.tcp, listener, &conn), 0);
}

static void test_the_peer_gets_what_was_written(void **state)
{
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned step = 0;

        open_one();
        while (!fin || tcp_send_pending(&w.tcp, conn, NULL) != 0) {
            assert_true(step++ < STEPS_MAX);
            w.rig->tx_room = below(5) == 0 ? below(4) : 1000;
            program();
            if (below(100) == 0)
                change_device();
            netrig_poll(w.rig);
            peer();
            if (below(4) == 0) {
                netrig_pass(w.rig, below(below(10) == 0 ? 60000 : 400) * NS_PER_MS);
                w.rig->tx_room = 1000;
                netrig_peer_answers(w.rig, NETRIG_PEER, NETRIG_PEER_MAC);
            }
        }
        assert_int_equal(got, BYTES);
        say(20000); /* of the FIN, perhaps once more */
        netrig_poll(w.rig);
        assert_int_equal(tcp_usage(&w.tcp).chunks, 0);
        assert_int_equal(tcp_usage(&w.tcp).segs, 0);
        assert_int_equal(tcp_usage(&w.tcp).pages, 0);
        assert_int_equal(tcp_error(&w.tcp, conn), 0);
        assert_int_equal(tcp_abort(&w.tcp, conn, w.rig->now), 0);
        tcpwire_close(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_peer_gets_what_was_written),
    };

    seed = test_seed(0x6f757470);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
