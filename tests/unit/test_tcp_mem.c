/* SPDX-License-Identifier: ISC */
/* test_tcp_mem.c - one budget of pages for all buffers, and who lets go when it is spent. */
#include "tcpwire.h"
#include "tcpip/tcp_priv.h"

#define IRS 100u

struct mem {
    struct tcpwire w;
    tcp_t listener, conn[8];
    uint32_t ack[8]; /* the peer's */
};

static void open_all(struct mem *m, unsigned n, uint32_t pages)
{
    tcpwire_blank(&m->w, &tcp_tuning_default);
    m->w.conf.pages_max = pages;
    tcpwire_start(&m->w);
    m->listener = tcpwire_listen(&m->w, 20);
    for (uint16_t i = 0; i < n; i++) {
        struct tcpwire_seg synack = tcpwire_handshake(&m->w, (uint16_t)(i + 1), IRS, false);

        assert_int_equal(tcp_accept(&m->w.tcp, m->listener, &m->conn[i]), 0);
        m->ack[i] = synack.seq + 1;
        tcpwire_skip(&m->w);
    }
}

static struct tcp_conn *conn_of(struct mem *m, unsigned i)
{
    return tcp_conn_of(&m->w.tcp, m->conn[i]);
}

/* `n` segments that do not touch each other: each holds a page. */
static void send_ooo(struct mem *m, unsigned i, unsigned n)
{
    for (unsigned k = 0; k < n; k++)
        tcpwire_in(&m->w, (struct tcp_frame){.sport = (uint16_t)(i + 1),
                                             .flags = F_ACK,
                                             .seq = IRS + 1 + 3000 + 2000 * k,
                                             .ack = m->ack[i],
                                             .wnd = 1000,
                                             .len = 1400});
    tcpwire_skip(&m->w);
}

static void test_level_follows_what_is_in_use(void **state)
{
    struct mem m;
    struct tcp_conn *conn;

    (void)state;
    open_all(&m, 1, 100);
    conn = conn_of(&m, 0);
    assert_int_equal(tcp_mem_level(&m.w.tcp), TCP_MEM_LOW);
    assert_true(tcp_mem_charge(conn, 49));
    assert_int_equal(tcp_mem_level(&m.w.tcp), TCP_MEM_LOW);
    assert_true(tcp_mem_charge(conn, 1));
    assert_int_equal(tcp_mem_level(&m.w.tcp), TCP_MEM_PRESSURE);
    assert_true(tcp_mem_charge(conn, 40));
    assert_int_equal(tcp_mem_level(&m.w.tcp), TCP_MEM_FULL);
    assert_true(tcp_mem_charge(conn, 10));
    assert_int_equal(tcp_usage(&m.w.tcp).pages, 100);
    assert_false(tcp_mem_charge(conn, 1));
    assert_int_equal(tcp_usage(&m.w.tcp).pages, 100);
    tcp_mem_release(conn, 100);
    assert_int_equal(tcp_usage(&m.w.tcp).pages, 0);
    tcpwire_close(&m.w);
}

/* What the peer sends again goes first, and the greediest's before others'. */
static void test_the_greediest_lets_go_of_its_out_of_order_data(void **state)
{
    struct mem m;

    (void)state;
    open_all(&m, 4, 40);
    send_ooo(&m, 0, 2);
    send_ooo(&m, 1, 20);
    send_ooo(&m, 2, 9);
    assert_int_equal(conn_of(&m, 1)->rcv.ooo.count, 20);
    assert_int_equal(tcp_usage(&m.w.tcp).pages, 31);
    assert_true(tcp_mem_charge(conn_of(&m, 3), 15));
    assert_int_equal(conn_of(&m, 0)->rcv.ooo.count, 2);
    assert_int_equal(conn_of(&m, 1)->rcv.ooo.count, 0);
    assert_int_equal(conn_of(&m, 2)->rcv.ooo.count, 9);
    assert_int_equal(m.w.tcp.stats.ooo_limit, 1);
    assert_int_equal(tcp_usage(&m.w.tcp).pages, 26);
    tcp_mem_release(conn_of(&m, 3), 15);
    tcpwire_close(&m.w);
}

/* Who asks is in the middle of what it holds: that is its own to give up. */
static void test_whoever_asks_keeps_its_own(void **state)
{
    struct mem m;

    (void)state;
    open_all(&m, 2, 16);
    send_ooo(&m, 0, 12);
    assert_int_equal(conn_of(&m, 0)->rcv.ooo.count, 12);
    assert_false(tcp_mem_charge(conn_of(&m, 0), 5));
    assert_int_equal(conn_of(&m, 0)->rcv.ooo.count, 12);
    assert_true(tcp_mem_charge(conn_of(&m, 1), 5));
    assert_int_equal(conn_of(&m, 0)->rcv.ooo.count, 0);
    tcp_mem_release(conn_of(&m, 1), 5);
    tcpwire_close(&m.w);
}

/* Then those whose programs have gone: RST, and the storage is free. */
static void test_then_the_greediest_without_a_program_is_reset(void **state)
{
    struct mem m;
    struct tcp_conn *small, *large;
    struct tcpwire_seg s;

    (void)state;
    open_all(&m, 3, 16);
    small = conn_of(&m, 0);
    large = conn_of(&m, 1);
    assert_int_equal(tcp_send(&m.w.tcp, m.conn[0], cs_ro_of("x", 1), m.w.rig->now), 1);
    for (unsigned i = 0; i < 8; i++) {
        struct page *page = page_get(&m.w.rig->pages);

        assert_int_equal(tcp_send_page(&m.w.tcp, m.conn[1], page, 0, 1000, m.w.rig->now), 0);
    }
    netrig_poll(m.w.rig);
    assert_int_equal(tcp_close(&m.w.tcp, m.conn[0], m.w.rig->now), 0);
    assert_int_equal(tcp_close(&m.w.tcp, m.conn[1], m.w.rig->now), 0);
    netrig_poll(m.w.rig);
    tcpwire_skip(&m.w);
    assert_true(tcp_mem_charge(conn_of(&m, 2), 14));
    assert_true(small->used);
    assert_false(large->used);
    assert_int_equal(m.w.tcp.stats.evicted, 1);
    s = tcpwire_out(&m.w);
    assert_int_equal(s.flags & F_RST, F_RST);
    assert_int_equal(s.dport, 2);
    tcp_mem_release(conn_of(&m, 2), 14);
    tcpwire_close(&m.w);
}

/* New work is refused, what is established goes on. */
static void test_over_budget_new_connections_are_refused(void **state)
{
    struct tcp_connect_conf conf = {.dst = NETRIG_PEER, .dst_port = 9};
    struct tcp_frame syn = {.sport = 99, .flags = F_SYN, .seq = 5, .wnd = 1000};
    struct mem m;
    tcp_t other;

    (void)state;
    open_all(&m, 1, 20);
    assert_true(tcp_mem_charge(conn_of(&m, 0), 18));
    tcpwire_in(&m.w, syn);
    tcpwire_quiet(&m.w);
    assert_int_equal(m.w.tcp.stats.no_memory, 1);
    assert_int_equal(tcp_connect(&m.w.tcp, &conf, m.w.rig->now, &other), -E_NOMEM);
    tcpwire_in(
        &m.w,
        (struct tcp_frame){
            .sport = 1, .flags = F_ACK, .seq = IRS + 1, .ack = m.ack[0], .wnd = 1000, .len = 100});
    assert_int_equal(tcp_recv_pending(&m.w.tcp, m.conn[0], NULL), 100);
    tcp_mem_release(conn_of(&m, 0), 18);
    tcpwire_close(&m.w);
}

/* Who holds less than it did stands where it belongs by the time somebody looks. */
static void test_who_has_let_go_is_not_taken_for_greedy(void **state)
{
    struct mem m;

    (void)state;
    open_all(&m, 4, 60);
    send_ooo(&m, 0, 1);
    send_ooo(&m, 1, 10);
    assert_true(tcp_mem_charge(conn_of(&m, 0), 30));
    assert_true(tcp_mem_charge(conn_of(&m, 2), 16));
    tcp_mem_release(conn_of(&m, 0), 30);
    tcp_mem_release(conn_of(&m, 2), 16);
    assert_true(tcp_mem_charge(conn_of(&m, 3), 55));
    assert_int_equal(conn_of(&m, 0)->rcv.ooo.count, 1);
    assert_int_equal(conn_of(&m, 1)->rcv.ooo.count, 0);
    tcp_mem_release(conn_of(&m, 3), 55);
    tcpwire_close(&m.w);
}

/* The search does not look at all connections; what one does not find, the next ones do. */
static void test_a_search_looks_at_few_and_the_next_goes_on_from_there(void **state)
{
    enum { MANY = 1000, LOOKS = 64 };
    static struct tcp_conn *conns[MANY];
    struct tcp_preset preset;
    struct mem m;
    unsigned refused = 0;

    (void)state;
    tcpwire_blank(&m.w, &tcp_tuning_default);
    m.w.conf.conns_max = MANY + 2;
    m.w.conf.pages_max = MANY * 2 + 2;
    tcpwire_start(&m.w);
    m.listener = tcpwire_listen(&m.w, 4);
    m.ack[0] = tcpwire_handshake(&m.w, 1, IRS, false).seq + 1;
    assert_int_equal(tcp_accept(&m.w.tcp, m.listener, &m.conn[0]), 0);
    tcp_conn_preset(&m.w.tcp, &preset);
    for (uint16_t i = 0; i < MANY; i++) {
        struct tcp_key key = {NETRIG_US, NETRIG_PEER, TCPWIRE_PORT, (uint16_t)(i + 100)};

        conns[i] = tcp_conn_get(&m.w.tcp);
        tcp_conn_init(conns[i], &key, &preset, 0);
        if (i == MANY / 2)
            send_ooo(&m, 0, 2);
        assert_true(tcp_mem_charge(conns[i], 2));
    }
    while (!tcp_mem_charge(conns[0], 1)) {
        refused++;
        assert_in_range(refused, 1, MANY / LOOKS + 1);
    }
    assert_true(refused != 0);
    assert_int_equal(conn_of(&m, 0)->rcv.ooo.count, 0);
    tcp_mem_release(conns[0], 1);
    for (unsigned i = 0; i < MANY; i++) {
        tcp_mem_release(conns[i], 2);
        tcp_conn_put(&m.w.tcp, conns[i]);
    }
    tcpwire_close(&m.w);
}

/* Records of ranges are everybody's: who holds most of them, a byte in each, lets go for who holds
 * few; and not the other way round. */
static void test_who_hoards_ranges_lets_go_for_others(void **state)
{
    struct mem m;

    (void)state;
    open_all(&m, 3, 40);
    for (unsigned k = 0; k < 50; k++)
        tcpwire_in(&m.w, (struct tcp_frame){.sport = 1,
                                            .flags = F_ACK,
                                            .seq = IRS + 1 + 3000 - 2 * k,
                                            .ack = m.ack[0],
                                            .wnd = 1000,
                                            .len = 1});
    assert_int_equal(tcp_usage(&m.w.tcp).ooo, 40);
    assert_int_equal(tcp_usage(&m.w.tcp).pages, 0);
    send_ooo(&m, 1, 3);
    assert_int_equal(conn_of(&m, 0)->rcv.ooo.count, 0);
    assert_int_equal(conn_of(&m, 1)->rcv.ooo.count, 3);
    for (unsigned k = 0; k < 50; k++)
        tcpwire_in(&m.w, (struct tcp_frame){.sport = 1,
                                            .flags = F_ACK,
                                            .seq = IRS + 1 + 3000 - 2 * k,
                                            .ack = m.ack[0],
                                            .wnd = 1000,
                                            .len = 1});
    assert_int_equal(conn_of(&m, 0)->rcv.ooo.count, 37);
    assert_int_equal(conn_of(&m, 1)->rcv.ooo.count, 3);
    tcpwire_close(&m.w);
}

/* Records of segments are everybody's too: one peer that takes crumbs, and acknowledges none,
 * leaves others enough to send by. */
static void test_no_connection_takes_all_records_of_segments(void **state)
{
    enum { RECORDS = 64, CRUMB = 88 };
    static const uint8_t bytes[60000];
    struct mem m;
    uint32_t held;

    (void)state;
    tcpwire_blank(&m.w, &tcp_tuning_default);
    m.w.conf.segs_max = RECORDS;
    tcpwire_start(&m.w);
    m.listener = tcpwire_listen(&m.w, 4);
    for (uint16_t i = 0; i < 2; i++) {
        struct tcp_frame f = {.sport = (uint16_t)(i + 1), .flags = F_SYN, .seq = IRS, .wnd = 65535};

        f.mss = i == 0 ? CRUMB : 1460;
        tcpwire_in(&m.w, f);
        m.ack[i] = tcpwire_out(&m.w).seq + 1;
        f = (struct tcp_frame){
            .sport = f.sport, .flags = F_ACK, .seq = IRS + 1, .ack = m.ack[i], .wnd = 65535};
        tcpwire_in(&m.w, f);
        assert_int_equal(tcp_accept(&m.w.tcp, m.listener, &m.conn[i]), 0);
        conn_of(&m, i)->cc.cwnd = 1000;
    }
    assert_int_equal(tcp_send(&m.w.tcp, m.conn[0], cs_ro_of(bytes, 50000), m.w.rig->now), 50000);
    netrig_poll(m.w.rig);
    held = tcp_usage(&m.w.tcp).segs;
    assert_in_range(held, RECORDS / 3, RECORDS / 2);
    assert_int_equal(tcpwire_skip(&m.w), held);
    assert_int_equal(tcp_send(&m.w.tcp, m.conn[1], cs_ro_of(bytes, 10 * 1460), m.w.rig->now),
                     10 * 1460);
    netrig_poll(m.w.rig);
    assert_int_equal(tcpwire_skip(&m.w), 10);
    /* What is acknowledged makes room for more: to the end. */
    for (uint32_t acked = 0; acked < 50000;) {
        struct tcpwire_seg seg;

        tcpwire_in(&m.w, (struct tcp_frame){.sport = 1,
                                            .flags = F_ACK,
                                            .seq = IRS + 1,
                                            .ack = conn_of(&m, 0)->snd_nxt,
                                            .wnd = 65535});
        acked = conn_of(&m, 0)->snd_una - m.ack[0];
        while (tcpwire_try_out(&m.w, &seg))
            assert_true(seg.len <= CRUMB);
        netrig_clear(m.w.rig);
        m.w.seen = 0;
    }
    tcpwire_close(&m.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_level_follows_what_is_in_use),
        cmocka_unit_test(test_the_greediest_lets_go_of_its_out_of_order_data),
        cmocka_unit_test(test_whoever_asks_keeps_its_own),
        cmocka_unit_test(test_then_the_greediest_without_a_program_is_reset),
        cmocka_unit_test(test_over_budget_new_connections_are_refused),
        cmocka_unit_test(test_who_has_let_go_is_not_taken_for_greedy),
        cmocka_unit_test(test_a_search_looks_at_few_and_the_next_goes_on_from_there),
        cmocka_unit_test(test_who_hoards_ranges_lets_go_for_others),
        cmocka_unit_test(test_no_connection_takes_all_records_of_segments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
