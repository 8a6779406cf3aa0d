/* SPDX-License-Identifier: ISC */
/* test_tcp_sndbuf.c - the send buffer and the calls that fill it. */
#include <stdlib.h>
#include <string.h>

#include "tcpip/tcp_priv.h"
#include "tcpwire.h"

static struct tcpwire w;
static struct tcpwire_seg synack;
static tcp_t conn;
static uint32_t peer_seq;

static struct tcp_conn *priv(void)
{
    return tcp_conn_of(&w.tcp, conn);
}

static void ack(uint32_t n, uint16_t wnd)
{
    tcpwire_in(&w, (struct tcp_frame){
                       .seq = peer_seq, .ack = synack.seq + 1 + n, .flags = F_ACK, .wnd = wnd});
}

/* An accepted connection with a send buffer of so many bytes; 0: the usual one. */
static void begin(const struct tcp_tuning *tuning, uint32_t sndbuf)
{
    struct tcp_tuning mine = *tuning;
    tcp_t listener;

    if (sndbuf != 0)
        mine.sndbuf = mine.sndbuf_max = sndbuf;
    tcpwire_open(&w, &mine);
    listener = tcpwire_listen(&w, 0);
    synack = tcpwire_handshake(&w, TCPWIRE_PEER_PORT, 100, false);
    peer_seq = 101;
    assert_int_equal(tcp_accept(&w.tcp, listener, &conn), 0);
    (void)tcp_next_ready(&w.tcp);
    ack(0, 65535);
}

static void end(void)
{
    assert_int_equal(tcp_abort(&w.tcp, conn, w.rig->now), 0);
    assert_int_equal(tcp_usage(&w.tcp).chunks, 0);
    assert_int_equal(tcp_usage(&w.tcp).pages, 0);
    tcpwire_close(&w);
}

static int send(size_t n)
{
    static uint8_t bytes[1 << 20];

    return tcp_send(&w.tcp, conn, cs_ro_of(bytes, n), w.rig->now);
}

static struct cs reserve(void)
{
    struct cs room;

    assert_int_equal(tcp_send_reserve(&w.tcp, conn, &room), 0);
    return room;
}

static void commit(uint32_t n)
{
    assert_int_equal(tcp_send_commit(&w.tcp, conn, n, w.rig->now), 0);
}

/* ---- room ---- */

static void test_room_stays_the_same_until_commit(void **state)
{
    struct cs a, b;

    (void)state;
    begin(&tcp_tuning_default, 0);
    a = reserve();
    b = reserve();
    assert_ptr_equal(a.base, b.base);
    assert_int_equal(a.len, b.len);
    commit(0);
    assert_int_equal(tcp_send_pending(&w.tcp, conn, NULL), 0);
    assert_int_equal(tcp_send_commit(&w.tcp, conn, 1, w.rig->now), -E_INVAL);
    b = reserve();
    assert_int_equal(tcp_send_commit(&w.tcp, conn, (uint32_t)b.len + 1, w.rig->now), -E_INVAL);
    commit((uint32_t)b.len);
    assert_int_equal(tcp_send_pending(&w.tcp, conn, NULL), (int)b.len);
    end();
}

static void test_small_writes_share_a_page(void **state)
{
    struct cs a;
    uint8_t *next;

    (void)state;
    begin(&tcp_tuning_default, 0);
    a = reserve();
    next = a.base;
    for (int i = 0; i < 40; i++) {
        a = reserve();
        assert_ptr_equal(a.base, next);
        commit(100);
        next += 100;
    }
    assert_int_equal(tcp_usage(&w.tcp).chunks, 1);
    assert_int_equal(tcp_usage(&w.tcp).pages, 1);
    a = reserve();
    assert_int_equal(a.len, 96);
    commit(96);
    a = reserve();
    assert_int_equal(a.len, PAGE_BYTES);
    commit(0);
    end();
}

/* What the program is writing is not taken away by an ACK. */
static void test_room_outlives_the_bytes_before_it(void **state)
{
    struct cs a;

    (void)state;
    begin(&tcp_tuning_default, 0);
    a = reserve();
    commit(500);
    a = reserve();
    netrig_poll(w.rig);
    assert_int_equal(tcpwire_out(&w).len, 500);
    memset(a.base, 0x77, 10);
    ack(500, 65535);
    assert_ptr_equal(reserve().base, a.base);
    memset(a.base + 10, 0x77, 10);
    commit(20);
    netrig_poll(w.rig);
    assert_int_equal(tcpwire_out(&w).len, 20);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(netrig_last(w.rig)->bytes[54 + i], 0x77);
    ack(520, 65535);
    assert_int_equal(tcp_usage(&w.tcp).chunks, 0);
    end();
}

/* The page was full, so the room is in another one. */
static void test_room_in_a_new_page_outlives_the_bytes_before_it(void **state)
{
    struct cs a;

    (void)state;
    begin(&tcp_tuning_default, 0);
    (void)reserve();
    commit(PAGE_BYTES);
    a = reserve();
    assert_int_equal(a.len, PAGE_BYTES);
    netrig_poll(w.rig);
    tcpwire_skip(&w);
    ack(PAGE_BYTES, 65535);
    assert_ptr_equal(reserve().base, a.base);
    memset(a.base, 0x33, 20);
    commit(20);
    netrig_poll(w.rig);
    assert_int_equal(tcpwire_out(&w).len, 20);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(netrig_last(w.rig)->bytes[54 + i], 0x33);
    end();
}

static void test_nothing_goes_between_reserve_and_commit(void **state)
{
    struct page *page;

    (void)state;
    begin(&tcp_tuning_default, 0);
    page = page_get(&w.rig->pages);
    reserve();
    assert_int_equal(send(1), -E_BUSY);
    assert_int_equal(tcp_send_page(&w.tcp, conn, page, 0, 1, w.rig->now), -E_BUSY);
    commit(0);
    assert_int_equal(send(1), 1);
    page_put(page);
    end();
}

/* ---- pages given ---- */

static void test_page_is_taken_and_put_when_all_have_done_with_it(void **state)
{
    struct page *page;

    (void)state;
    begin(&tcp_tuning_default, 0);
    w.rig->hold_tx = true;
    page = page_get(&w.rig->pages);
    memset(page->base, 0x5a, PAGE_BYTES);
    page_ref(page);
    assert_int_equal(tcp_send_page(&w.tcp, conn, page, 96, 1000, w.rig->now), 0);
    assert_int_equal(page->refs, 2);
    netrig_poll(w.rig);
    assert_int_equal(tcpwire_out(&w).len, 1000);
    assert_int_equal(page->refs, 3);
    assert_int_equal(netrig_last(w.rig)->bytes[54], 0x5a);
    ack(1000, 65535);
    assert_int_equal(page->refs, 2); /* the device has not done with it */
    pkt_queue_clear(&w.rig->kept);
    assert_int_equal(page->refs, 1);
    assert_int_equal(w.tcp.stats.copied_bytes, 0);
    page_put(page);
    end();
}

static void test_page_arguments(void **state)
{
    struct page *page;
    static const struct {
        uint32_t off, len;
    } bad[] = {{0, 0}, {PAGE_BYTES, 1}, {1, PAGE_BYTES}, {UINT32_MAX, 2}, {4, UINT32_MAX}};

    (void)state;
    begin(&tcp_tuning_default, 0);
    page = page_get(&w.rig->pages);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(tcp_send_page(&w.tcp, conn, page, bad[i].off, bad[i].len, w.rig->now),
                         -E_INVAL);
    assert_int_equal(page->refs, 1);
    page_put(page);
    end();
}

static void test_a_page_between_writes_keeps_the_order(void **state)
{
    struct page *page;
    struct cs room;

    (void)state;
    begin(&tcp_tuning_default, 0);
    page = page_get(&w.rig->pages);
    memset(page->base, 2, PAGE_BYTES);
    room = reserve();
    memset(room.base, 1, 10);
    commit(10);
    assert_int_equal(tcp_send_page(&w.tcp, conn, page, 0, 10, w.rig->now), 0);
    room = reserve();
    memset(room.base, 3, 10);
    commit(10);
    for (unsigned i = 10; i < PAGE_BYTES; i++)
        assert_int_equal(page->base[i], 2); /* the rest of it is the program's */
    netrig_poll(w.rig);
    assert_int_equal(tcpwire_out(&w).len, 30);
    for (unsigned i = 0; i < 30; i++)
        assert_int_equal(netrig_last(w.rig)->bytes[54 + i], 1 + i / 10);
    end();
}

/* ---- limits ---- */

static void test_bytes_are_limited_and_ready_rises_at_a_third(void **state)
{
    uint32_t unsent;

    (void)state;
    begin(&tcp_tuning_default, 9000);
    assert_true((tcp_ready(&w.tcp, conn) & TCP_READY_SEND) != 0);
    assert_int_equal(send(20000), 9000);
    assert_int_equal(send(1), -E_AGAIN);
    assert_int_equal(tcp_ready(&w.tcp, conn) & TCP_READY_SEND, 0);
    assert_int_equal(tcp_send_pending(&w.tcp, conn, &unsent), 9000);
    assert_int_equal(unsent, 9000);
    netrig_poll(w.rig);
    assert_int_equal(tcp_send_pending(&w.tcp, conn, &unsent), 9000);
    assert_int_equal(unsent, 0);
    ack(1460, 65535);
    assert_int_equal(tcp_ready(&w.tcp, conn) & TCP_READY_SEND, 0);
    assert_int_equal(tcp_next_ready(&w.tcp), 0);
    ack(2999, 65535);
    assert_int_equal(tcp_next_ready(&w.tcp), 0);
    ack(3000, 65535);
    assert_int_equal(tcp_next_ready(&w.tcp), conn);
    assert_true((tcp_ready(&w.tcp, conn) & TCP_READY_SEND) != 0);
    assert_int_equal(send(20000), 3000);
    end();
}

static void test_page_longer_than_the_buffer_goes_alone(void **state)
{
    struct page *page;

    (void)state;
    begin(&tcp_tuning_default, 2048);
    page = page_get(&w.rig->pages);
    page_ref(page);
    assert_int_equal(tcp_send_page(&w.tcp, conn, page, 0, 4096, w.rig->now), 0);
    assert_int_equal(tcp_send_page(&w.tcp, conn, page, 0, 1, w.rig->now), -E_AGAIN);
    assert_int_equal(page->refs, 2);
    page_put(page);
    end();
}

/* One-byte pages cost a page each: they end long before the bytes do. */
static void test_crumbs_are_limited(void **state)
{
    struct page *page;
    unsigned n = 0;

    (void)state;
    begin(&tcp_tuning_default, 65536);
    page = page_get(&w.rig->pages);
    for (; n < 10000; n++) {
        page_ref(page);
        if (tcp_send_page(&w.tcp, conn, page, 0, 1, w.rig->now) != 0)
            break;
    }
    page_put(page);
    assert_true(n >= 64 && n <= 64 + 64);
    page_put(page);
    end();
}

static void test_not_sent_low_water_mark(void **state)
{
    (void)state;
    begin(&tcp_tuning_default, 0);
    assert_int_equal(tcp_set(&w.tcp, conn, TCP_OPT_NOTSENT_LOWAT, 1000, w.rig->now), 0);
    assert_int_equal(send(999), 999);
    assert_true((tcp_ready(&w.tcp, conn) & TCP_READY_SEND) != 0);
    assert_int_equal(send(1), 1);
    assert_int_equal(tcp_ready(&w.tcp, conn) & TCP_READY_SEND, 0);
    netrig_poll(w.rig);
    assert_true((tcp_ready(&w.tcp, conn) & TCP_READY_SEND) != 0);
    end();
}

/* No page is left, and no ACK will come that could tell of one: the program is told all the
 * same. */
static void test_starved_for_pages_wakes_by_itself(void **state)
{
    struct page *taken = NULL, *page;
    struct cs room;

    (void)state;
    begin(&tcp_tuning_default, 0);
    while ((page = page_get(&w.rig->pages)) != NULL) {
        page->next = taken;
        taken = page;
    }
    assert_int_equal(tcp_send_reserve(&w.tcp, conn, &room), -E_AGAIN);
    assert_int_equal(send(10), -E_AGAIN);
    while ((page = taken) != NULL) {
        taken = page->next;
        page->next = NULL;
        page_put(page);
    }
    assert_int_equal(tcp_next_ready(&w.tcp), 0);
    tcpwire_pass(&w, 100 * NS_PER_MS);
    assert_int_equal(tcp_next_ready(&w.tcp), conn);
    assert_int_equal(tcp_send_reserve(&w.tcp, conn, &room), 0);
    commit(0);
    end();
}

static void test_buffer_grows_with_cwnd(void **state)
{
    uint32_t before, sent = 0;

    (void)state;
    begin(&tcp_tuning_default, 0);
    before = priv()->snd.limit;
    /* Twice what the first window lets out (what Linux grants it). */
    assert_true(before >= 2 * 10 * 1460);
    for (unsigned i = 0; i < 200; i++) {
        int n = send(1 << 20);

        netrig_poll(w.rig);
        sent += n > 0 ? (uint32_t)n : 0;
        if (priv()->snd_nxt != priv()->snd_una)
            ack(priv()->snd_nxt - synack.seq - 1, 65535);
        tcpwire_skip(&w);
    }
    assert_true(priv()->cc.cwnd > 40);
    assert_true(priv()->snd.limit > before);
    assert_true(priv()->snd.limit <= tcp_tuning_default.sndbuf_max);
    assert_int_equal(tcp_set(&w.tcp, conn, TCP_OPT_SNDBUF, 4096, w.rig->now), 0);
    tcp_sndbuf_tune(priv());
    assert_int_equal(priv()->snd.limit, 4096); /* what the program fixed stays */
    end();
}

/* ---- when it may not ---- */

static void test_errors(void **state)
{
    struct tcp_connect_conf to = {.dst = NETRIG_PEER, .dst_port = 9};
    struct cs room;
    tcp_t other;

    (void)state;
    begin(&tcp_tuning_default, 0);
    assert_int_equal(tcp_send_reserve(&w.tcp, conn + 1, &room), -E_BADF);
    assert_int_equal(tcp_send(&w.tcp, 0, cs_ro_of("x", 1), w.rig->now), -E_BADF);
    assert_int_equal(tcp_connect(&w.tcp, &to, w.rig->now, &other), 0);
    assert_int_equal(tcp_send_reserve(&w.tcp, other, &room), -E_AGAIN);
    assert_int_equal(tcp_send(&w.tcp, other, cs_ro_of("x", 1), w.rig->now), -E_AGAIN);
    assert_int_equal(tcp_abort(&w.tcp, other, w.rig->now), 0);
    assert_int_equal(send(10), 10);
    assert_int_equal(tcp_shutdown(&w.tcp, conn, w.rig->now), 0);
    assert_int_equal(send(1), -E_PIPE);
    assert_int_equal(tcp_send_reserve(&w.tcp, conn, &room), -E_PIPE);
    assert_int_equal(tcp_send_urgent(&w.tcp, conn), -E_PIPE);
    netrig_poll(w.rig);
    tcpwire_skip(&w);
    tcpwire_in(&w, (struct tcp_frame){.seq = peer_seq, .flags = F_RST});
    assert_int_equal(send(1), -E_CONNRESET);
    assert_int_equal(tcp_usage(&w.tcp).chunks, 0);
    end();
}

/* The program may be writing into it still: no peer makes its page another's. In a page of its own,
 * and in the rest of one that has bytes to send. */
static void test_room_lent_when_the_peer_resets(void **state)
{
    (void)state;
    for (uint32_t before = 0; before <= 100; before += 100) {
        struct page *page;
        struct cs room;

        begin(&tcp_tuning_default, 0);
        if (before != 0) {
            reserve();
            commit(before);
        }
        room = reserve();
        page = (priv()->snd.room != NULL ? priv()->snd.room : priv()->snd.tail)->page;
        tcpwire_in(&w, (struct tcp_frame){.seq = peer_seq, .flags = F_RST});
        tcpwire_skip(&w);
        assert_int_equal(page->refs, 1);
        memset(room.base, 1, room.len);
        assert_int_equal(tcp_send_commit(&w.tcp, conn, 1, w.rig->now), -E_CONNRESET);
        assert_int_equal(tcp_usage(&w.tcp).chunks, 1);
        end();
    }
}

static void test_copies_are_counted(void **state)
{
    (void)state;
    begin(&tcp_tuning_default, 0);
    assert_int_equal(send(5000), 5000);
    assert_int_equal(w.tcp.stats.copied_bytes, 5000);
    assert_int_equal(w.rig->pool.stats.copied_bytes, 0);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_room_stays_the_same_until_commit),
        cmocka_unit_test(test_small_writes_share_a_page),
        cmocka_unit_test(test_room_outlives_the_bytes_before_it),
        cmocka_unit_test(test_room_in_a_new_page_outlives_the_bytes_before_it),
        cmocka_unit_test(test_nothing_goes_between_reserve_and_commit),
        cmocka_unit_test(test_page_is_taken_and_put_when_all_have_done_with_it),
        cmocka_unit_test(test_page_arguments),
        cmocka_unit_test(test_a_page_between_writes_keeps_the_order),
        cmocka_unit_test(test_bytes_are_limited_and_ready_rises_at_a_third),
        cmocka_unit_test(test_page_longer_than_the_buffer_goes_alone),
        cmocka_unit_test(test_crumbs_are_limited),
        cmocka_unit_test(test_not_sent_low_water_mark),
        cmocka_unit_test(test_starved_for_pages_wakes_by_itself),
        cmocka_unit_test(test_buffer_grows_with_cwnd),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_room_lent_when_the_peer_resets),
        cmocka_unit_test(test_copies_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
