/* SPDX-License-Identifier: ISC */
/* test_tcp_listen.c - listeners, accept queues, and segments for none of our connections (RFC 9293
 * sections 3.10.7.1 and 3.10.7.2). */
#include "tcpwire.h"
#include "tcpip/tcp_priv.h"

static struct tcp_frame plain(uint8_t flags, uint32_t seq, uint32_t ack)
{
    return (struct tcp_frame){.flags = flags, .seq = seq, .ack = ack, .wnd = 1000};
}

/* ---- the program's side ---- */

static void test_listen_says_what_is_wrong(void **state)
{
    struct tcpwire w;
    tcp_t one, two, handle = 77;

    (void)state;
    tcpwire_blank(&w, &tcp_tuning_default);
    w.conf.listeners_max = 2;
    tcpwire_start(&w);
    assert_int_equal(tcp_listen(&w.tcp, &(struct tcp_listen_conf){.port = 0}, &handle), -E_INVAL);
    assert_int_equal(
        tcp_listen(&w.tcp, &(struct tcp_listen_conf){.port = 1, .backlog = 65536}, &handle),
        -E_INVAL);
    assert_int_equal(
        tcp_listen(&w.tcp, &(struct tcp_listen_conf){.port = 1, .addr = NETRIG_PEER}, &handle),
        -E_ADDRNOTAVAIL);
    assert_int_equal(tcp_listen(&w.tcp, &(struct tcp_listen_conf){.port = 1}, &one), 0);
    assert_int_equal(tcp_listen(&w.tcp, &(struct tcp_listen_conf){.port = 1}, &handle),
                     -E_ADDRINUSE);
    assert_int_equal(
        tcp_listen(&w.tcp, &(struct tcp_listen_conf){.port = 1, .addr = NETRIG_US}, &two), 0);
    assert_int_equal(tcp_listen(&w.tcp, &(struct tcp_listen_conf){.port = 2}, &handle), -E_NOMEM);
    assert_int_equal(handle, 77);
    assert_int_equal(tcp_close(&w.tcp, one, 0), 0);
    assert_int_equal(tcp_close(&w.tcp, one, 0), -E_BADF);
    assert_int_equal(tcp_listen(&w.tcp, &(struct tcp_listen_conf){.port = 1}, &handle), 0);
    assert_true(handle != one);
    tcpwire_close(&w);
}

static void test_one_address_goes_before_all(void **state)
{
    struct tcpwire w;
    tcp_t any, own, conn;

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    assert_int_equal(tcp_listen(&w.tcp, &(struct tcp_listen_conf){.port = TCPWIRE_PORT}, &any), 0);
    assert_int_equal(tcp_listen(&w.tcp,
                                &(struct tcp_listen_conf){.port = TCPWIRE_PORT, .addr = NETRIG_US},
                                &own),
                     0);
    tcpwire_handshake(&w, 1, 100, true);
    assert_int_equal(tcp_accept(&w.tcp, any, &conn), -E_AGAIN);
    assert_int_equal(tcp_accept(&w.tcp, own, &conn), 0);
    assert_int_equal(tcp_close(&w.tcp, own, w.rig->now), 0);
    tcpwire_skip(&w);
    tcpwire_handshake(&w, 2, 100, true);
    assert_int_equal(tcp_accept(&w.tcp, any, &conn), 0);
    tcpwire_close(&w);
}

static void test_connections_are_accepted_in_the_order_of_their_handshakes(void **state)
{
    struct tcpwire w;
    tcp_t listener, conn;

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    listener = tcpwire_listen(&w, 10);
    for (uint16_t port = 5; port > 0; port--) {
        tcpwire_handshake(&w, port, 100, true);
        tcpwire_skip(&w);
    }
    assert_int_equal(tcp_ready(&w.tcp, listener), TCP_READY_ACCEPT);
    for (uint16_t port = 5; port > 0; port--) {
        struct tcp_ends ends;

        assert_int_equal(tcp_accept(&w.tcp, listener, &conn), 0);
        assert_int_equal(tcp_ends(&w.tcp, conn, &ends), 0);
        assert_int_equal(ends.dst_port, port);
        assert_int_equal(ends.src_port, TCPWIRE_PORT);
    }
    assert_int_equal(tcp_accept(&w.tcp, listener, &conn), -E_AGAIN);
    assert_int_equal(tcp_ready(&w.tcp, listener), 0);
    assert_int_equal(w.tcp.stats.accepted, 5);
    assert_int_equal(w.tcp.stats.opened_passive, 5);
    tcpwire_close(&w);
}

/* One is told of at a time, and none is forgotten. */
static void test_whoever_accepts_one_for_each_news_accepts_all(void **state)
{
    struct tcpwire w;
    tcp_t listener, conn, ready;
    unsigned accepted = 0;

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    listener = tcpwire_listen(&w, 10);
    for (uint16_t port = 1; port <= 4; port++)
        tcpwire_handshake(&w, port, 100, true);
    while ((ready = tcp_next_ready(&w.tcp)) != 0)
        if (ready == listener && tcp_accept(&w.tcp, listener, &conn) == 0)
            accepted++;
    assert_int_equal(accepted, 4);
    tcpwire_close(&w);
}

/* What came before a connection was accepted is news when it is. */
static void test_data_from_before_accept_are_news_after_it(void **state)
{
    struct tcpwire w;
    struct tcpwire_seg synack;
    tcp_t listener, conn;

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    listener = tcpwire_listen(&w, 10);
    synack = tcpwire_handshake(&w, 1, 100, false);
    tcpwire_in(&w, (struct tcp_frame){
                       .sport = 1, .flags = F_ACK, .seq = 101, .ack = synack.seq + 1, .len = 10});
    assert_int_equal(tcp_next_ready(&w.tcp), listener);
    assert_int_equal(tcp_next_ready(&w.tcp), 0);
    assert_int_equal(tcp_accept(&w.tcp, listener, &conn), 0);
    assert_int_equal(tcp_next_ready(&w.tcp), conn);
    assert_true((tcp_ready(&w.tcp, conn) & TCP_READY_RECV) != 0);
    tcpwire_close(&w);
}

/* ---- the backlog ---- */

static void test_with_a_full_queue_syns_are_not_answered(void **state)
{
    struct tcpwire w;
    tcp_t listener, conn;
    struct tcp_frame syn = plain(F_SYN, 100, 0);

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    listener = tcpwire_listen(&w, 2);
    tcpwire_handshake(&w, 1, 100, true);
    tcpwire_handshake(&w, 2, 100, true);
    syn.sport = 3;
    tcpwire_in(&w, syn);
    tcpwire_quiet(&w);
    assert_int_equal(w.tcp.stats.backlog_full, 1);
    assert_int_equal(tcp_accept(&w.tcp, listener, &conn), 0);
    tcpwire_in(&w, syn);
    assert_int_equal(tcpwire_out(&w).flags, F_SYN | F_ACK);
    tcpwire_close(&w);
}

/* The last ACK finds no room: it is as if it had been lost; our SYN-ACK is sent again, and the
 * peer's answer to that is taken. */
static void test_with_a_full_queue_the_last_ack_is_dropped_and_the_synack_repeated(void **state)
{
    struct tcpwire w;
    tcp_t listener, conn;
    struct tcp_frame syn = plain(F_SYN, 100, 0), ack = plain(F_ACK, 101, 0);
    struct tcpwire_seg first, again;

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    listener = tcpwire_listen(&w, 1);
    syn.sport = ack.sport = 1;
    tcpwire_in(&w, syn);
    first = tcpwire_out(&w);
    tcpwire_handshake(&w, 2, 100, true);
    ack.ack = first.seq + 1;
    tcpwire_in(&w, ack);
    tcpwire_quiet(&w);
    assert_int_equal(w.tcp.stats.backlog_full, 1);
    assert_int_equal(tcp_accept(&w.tcp, listener, &conn), 0);
    assert_int_equal(tcp_accept(&w.tcp, listener, &conn), -E_AGAIN);
    tcpwire_pass(&w, NS_PER_S);
    again = tcpwire_out(&w);
    assert_int_equal(again.seq, first.seq);
    tcpwire_in(&w, ack);
    assert_int_equal(tcp_accept(&w.tcp, listener, &conn), 0);
    tcpwire_close(&w);
}

/* A handshake that was completed is told of, also where the peer has reset it since. */
static void test_a_connection_that_ended_while_it_waited_is_accepted_with_its_error(void **state)
{
    struct tcpwire w;
    tcp_t listener, conn;

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    listener = tcpwire_listen(&w, 2);
    tcpwire_handshake(&w, 1, 100, false);
    tcpwire_in(&w, (struct tcp_frame){.sport = 1, .flags = F_RST, .seq = 101});
    assert_int_equal(tcp_accept(&w.tcp, listener, &conn), 0);
    assert_true((tcp_ready(&w.tcp, conn) & TCP_READY_ERROR) != 0);
    assert_int_equal(tcp_error(&w.tcp, conn), -E_CONNRESET);
    assert_int_equal(tcp_close(&w.tcp, conn, w.rig->now), 0);
    assert_int_equal(tcp_usage(&w.tcp).conns, 0);
    tcpwire_close(&w);
}

static void test_a_listener_that_closes_resets_who_waits_and_forgets_who_was_half_open(void **state)
{
    struct tcpwire w;
    tcp_t listener;
    struct tcpwire_seg synack, s;
    struct tcp_frame syn = plain(F_SYN, 500, 0);

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    listener = tcpwire_listen(&w, 2);
    synack = tcpwire_handshake(&w, 1, 100, false);
    syn.sport = 2;
    tcpwire_in(&w, syn);
    tcpwire_out(&w);
    assert_int_equal(tcp_close(&w.tcp, listener, w.rig->now), 0);
    netrig_poll(w.rig);
    s = tcpwire_out(&w);
    assert_int_equal(s.flags & F_RST, F_RST);
    assert_int_equal(s.seq, synack.seq + 1);
    assert_int_equal(s.dport, 1);
    assert_int_equal(tcp_usage(&w.tcp).conns, 0);
    assert_int_equal(tcp_usage(&w.tcp).syns, 0);
    assert_int_equal(tcp_usage(&w.tcp).listeners, 0);
    assert_int_equal(tcp_next_ready(&w.tcp), 0);
    /* And the last ACK of the half-open one finds nobody. */
    tcpwire_in(&w, (struct tcp_frame){.sport = 2, .flags = F_ACK, .seq = 501, .ack = 7});
    s = tcpwire_out(&w);
    assert_int_equal(s.flags, F_RST);
    assert_int_equal(s.seq, 7);
    tcpwire_close(&w);
}

/* Each forgets its own, and no other's. */
static void test_a_listener_that_closes_leaves_others_half_open_ones(void **state)
{
    struct tcp_frame syn = plain(F_SYN, 500, 0);
    struct tcpwire w;
    tcp_t one, two;

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    assert_int_equal(tcp_listen(&w.tcp, &(struct tcp_listen_conf){.port = 1}, &one), 0);
    /* Of the same bucket. */
    assert_int_equal(
        tcp_listen(&w.tcp, &(struct tcp_listen_conf){.port = 1 + TCP_LISTEN_BUCKETS}, &two), 0);
    for (uint16_t i = 0; i < 6; i++) {
        syn.sport = (uint16_t)(i + 1);
        syn.dport = i % 2 == 0 ? 1 : 1 + TCP_LISTEN_BUCKETS;
        tcpwire_in(&w, syn);
        if (i == 3)
            tcpwire_pass(&w, NS_PER_S); /* some are in their second round */
    }
    assert_int_equal(tcp_usage(&w.tcp).syns, 6);
    assert_int_equal(tcp_close(&w.tcp, one, w.rig->now), 0);
    assert_int_equal(tcp_usage(&w.tcp).syns, 3);
    assert_null(tcp_demux_listener(&w.tcp, NETRIG_US, 1));
    assert_int_equal(tcp_close(&w.tcp, two, w.rig->now), 0);
    assert_int_equal(tcp_usage(&w.tcp).syns, 0);
    tcpwire_close(&w);
}

/* ---- segments for nobody: all flags ---- */

static void check_reset(struct tcpwire *w, const struct tcp_frame *f)
{
    struct tcpwire_seg s;

    if ((f->flags & F_RST) != 0) { /* RFC 9293 section 3.10.7.1: is discarded */
        tcpwire_quiet(w);
        return;
    }
    s = tcpwire_out(w);
    if ((f->flags & F_ACK) != 0) {
        assert_int_equal(s.flags, F_RST);
        assert_int_equal(s.seq, f->ack);
    } else {
        assert_int_equal(s.flags, F_RST | F_ACK);
        assert_int_equal(s.seq, 0);
        assert_int_equal(s.ack,
                         f->seq + f->len + ((f->flags & F_SYN) != 0) + ((f->flags & F_FIN) != 0));
    }
    assert_int_equal(s.wnd, 0);
    assert_int_equal(s.options_len, 0);
    assert_int_equal(s.len, 0);
    tcpwire_quiet(w);
}

static void test_closed_every_combination_of_flags(void **state)
{
    struct tcpwire w;

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    for (unsigned flags = 0; flags < 256; flags++)
        for (uint32_t len = 0; len < 20; len += 10) {
            struct tcp_frame f = plain((uint8_t)flags, 0xfffffffbu, 0x80000000u);

            f.len = len;
            tcpwire_in(&w, f);
            check_reset(&w, &f);
            tcpwire_skip(&w);
        }
    tcpwire_close(&w);
}

static void test_listen_every_combination_of_flags(void **state)
{
    struct tcpwire w;

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    tcpwire_listen(&w, 10);
    for (unsigned flags = 0; flags < 256; flags++) {
        struct tcp_frame f = plain((uint8_t)flags, 0xfffffffbu, 0x80000000u);

        f.sport = (uint16_t)(1 + flags);
        tcpwire_in(&w, f);
        if ((flags & (F_ACK | F_RST)) == F_ACK) {
            check_reset(&w, &f);
        } else if ((flags & (F_ACK | F_RST | F_SYN | F_FIN)) == F_SYN) {
            struct tcpwire_seg s = tcpwire_out(&w);

            assert_int_equal(s.flags & (F_SYN | F_ACK | F_RST), F_SYN | F_ACK);
            assert_int_equal(s.ack, f.seq + 1);
        }
        tcpwire_quiet(&w);
        tcpwire_skip(&w);
    }
    tcpwire_close(&w);
}

/* FreeBSD takes SYN with FIN for a SYN. */
static void test_syn_with_fin_opens_where_it_is_let(void **state)
{
    (void)state;
    for (unsigned let = 0; let < 2; let++) {
        struct tcp_tuning tuning = tcp_tuning_default;
        struct tcpwire w;

        tuning.syn_fin = let;
        tcpwire_open(&w, &tuning);
        tcpwire_listen(&w, 10);
        tcpwire_in(&w, plain(F_SYN | F_FIN, 100, 0));
        assert_int_equal(tcp_usage(&w.tcp).syns, let);
        if (let)
            assert_int_equal(tcpwire_out(&w).ack, 101);
        tcpwire_quiet(&w);
        tcpwire_close(&w);
    }
}

/* RFC 1122 section 4.2.3.10. */
static void test_segments_to_a_group_are_dropped_in_silence(void **state)
{
    static const uint32_t groups[] = {IP4_BROADCAST, IP4_ADDR(10, 0, 0, 255)};
    struct tcpwire w;

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    tcpwire_listen(&w, 10);
    for (unsigned i = 0; i < ARRAY_SIZE(groups); i++) {
        struct tcp_frame f = plain(F_SYN, 100, 0);

        f.dst = groups[i];
        f.dst_mac = NETRIG_BROADCAST_MAC;
        tcpwire_in(&w, f);
        f.flags = F_ACK;
        tcpwire_in(&w, f);
        tcpwire_quiet(&w);
    }
    assert_int_equal(w.tcp.stats.not_unicast, 4);
    assert_int_equal(tcp_usage(&w.tcp).syns, 0);
    tcpwire_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listen_says_what_is_wrong),
        cmocka_unit_test(test_one_address_goes_before_all),
        cmocka_unit_test(test_connections_are_accepted_in_the_order_of_their_handshakes),
        cmocka_unit_test(test_whoever_accepts_one_for_each_news_accepts_all),
        cmocka_unit_test(test_data_from_before_accept_are_news_after_it),
        cmocka_unit_test(test_with_a_full_queue_syns_are_not_answered),
        cmocka_unit_test(test_with_a_full_queue_the_last_ack_is_dropped_and_the_synack_repeated),
        cmocka_unit_test(test_a_connection_that_ended_while_it_waited_is_accepted_with_its_error),
        cmocka_unit_test(
            test_a_listener_that_closes_resets_who_waits_and_forgets_who_was_half_open),
        cmocka_unit_test(test_a_listener_that_closes_leaves_others_half_open_ones),
        cmocka_unit_test(test_syn_with_fin_opens_where_it_is_let),
        cmocka_unit_test(test_closed_every_combination_of_flags),
        cmocka_unit_test(test_listen_every_combination_of_flags),
        cmocka_unit_test(test_segments_to_a_group_are_dropped_in_silence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
