/* SPDX-License-Identifier: ISC */
/* test_tcp_syn.c - half-open connections: the SYN-ACK, the end of the handshake, no room. */
#include "tcpsyntest.h"

/* ---- the SYN-ACK ---- */

static void test_synack_answers_what_the_syn_offers(void **state)
{
    struct tcpwire w;
    struct tcpwire_seg s = begin(&w, &tcp_tuning_default);

    (void)state;
    assert_int_equal(s.ack, IRS + 1);
    assert_int_equal(s.mss, 1460);
    assert_true(s.sackok && s.ts && s.ws);
    assert_int_equal(s.tsecr, 1000);
    assert_int_equal(s.wnd, 65535);
    assert_int_equal(s.ttl, 64);
    /* 6 MiB of buffer in 16 bits. */
    assert_int_equal(s.ws_shift, 7);
    tcpwire_close(&w);
}

/* RFC 7323 sections 2.2 and 3.2, RFC 2018 section 2: only what the SYN had. */
static void test_synack_offers_nothing_that_the_syn_did_not(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 16; bits++) {
        struct tcp_frame f = {.seq = IRS, .flags = F_SYN, .wnd = 1000};
        struct tcpwire_seg s;
        struct tcpwire w;

        f.mss = bits & 1 ? 1000 : 0;
        f.sackok = (bits & 2) != 0;
        f.ts = (bits & 4) != 0;
        f.ws = (bits & 8) != 0;
        tcpwire_open(&w, &tcp_tuning_default);
        tcpwire_listen(&w, 4);
        tcpwire_in(&w, f);
        s = tcpwire_out(&w);
        assert_int_equal(s.mss, 1460);
        assert_int_equal(s.sackok, f.sackok);
        assert_int_equal(s.ts, f.ts);
        assert_int_equal(s.ws, f.ws);
        tcpwire_close(&w);
    }
}

/* Nor what we do not have, be it kept in a record or by a cookie. */
static void test_synack_agrees_to_nothing_that_is_switched_off(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 16; bits++)
        for (uint8_t cookies = TCP_COOKIES_OFF; cookies <= TCP_COOKIES_ALWAYS; cookies += 2) {
            struct tcp_tuning tuning = tcp_tuning_default;
            struct tcp_frame f = syn, ack;
            struct tcpwire_seg s;
            struct tcpwire w;
            bool places;

            tuning.sack = bits & 1;
            tuning.timestamps = (bits & 2) != 0;
            tuning.window_scale = (bits & 4) != 0;
            tuning.ecn = bits & 8 ? TCP_ECN_PASSIVE : TCP_ECN_OFF;
            tuning.syn_cookies = cookies;
            /* Without timestamps a cookie has no place for options. */
            places = tuning.timestamps || cookies == TCP_COOKIES_OFF;
            tcpwire_open(&w, &tuning);
            tcpwire_listen(&w, 4);
            f.flags |= F_ECE | F_CWR;
            tcpwire_in(&w, f);
            s = tcpwire_out(&w);
            assert_int_equal(s.sackok, tuning.sack && places);
            assert_int_equal(s.ts, tuning.timestamps);
            assert_int_equal(s.ws, tuning.window_scale && places);
            assert_int_equal((s.flags & F_ECE) != 0, tuning.ecn != TCP_ECN_OFF && places);
            ack = with(syn, F_ACK, IRS + 1, s.seq + 1);
            ack.tsecr = s.tsval;
            tcpwire_in(&w, ack);
            assert_int_equal(tcp_usage(&w.tcp).conns, 1);
            assert_int_equal(w.tcp.conns[0].sack_ok, tuning.sack && places);
            assert_int_equal(w.tcp.conns[0].ts_ok, tuning.timestamps);
            assert_int_equal(w.tcp.conns[0].wscale_ok, tuning.window_scale && places);
            assert_int_equal(w.tcp.conns[0].ecn_ok, tuning.ecn != TCP_ECN_OFF && places);
            tcpwire_close(&w);
        }
}

/* What a program sets on a listener holds for its SYN-ACKs. */
static void test_synack_has_what_was_set_on_the_listener(void **state)
{
    struct tcpwire_seg s;
    struct tcpwire w;
    tcp_t listener;

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    listener = tcpwire_listen(&w, 4);
    assert_int_equal(tcp_set(&w.tcp, listener, TCP_OPT_MSS, 1000, 0), 0);
    assert_int_equal(tcp_set(&w.tcp, listener, TCP_OPT_WINDOW_CLAMP, 5000, 0), 0);
    assert_int_equal(tcp_set(&w.tcp, listener, TCP_OPT_TTL, 9, 0), 0);
    assert_int_equal(tcp_set(&w.tcp, listener, TCP_OPT_TOS, 0x20, 0), 0);
    tcpwire_in(&w, syn);
    s = tcpwire_out(&w);
    assert_int_equal(s.mss, 1000);
    assert_int_equal(s.wnd, 5000);
    assert_int_equal(s.ws_shift, 0);
    assert_int_equal(s.ttl, 9);
    assert_int_equal(s.tos, 0x20);
    assert_int_equal(tcp_set(&w.tcp, listener, TCP_OPT_WINDOW_CLAMP, UINT32_MAX, 0), 0);
    assert_int_equal(tcp_set(&w.tcp, listener, TCP_OPT_RCVBUF, 4096, 0), 0);
    tcpwire_handshake(&w, 2, 100, true);
    assert_true(w.tcp.conns[0].rcv_adv - w.tcp.conns[0].rcv_nxt <= 4096);
    tcpwire_close(&w);
}

/* RFC 3168 section 6.1.1. */
static void test_synack_agrees_to_ecn_where_the_syn_asks_in_an_unmarked_packet(void **state)
{
    (void)state;
    for (unsigned flags = 0; flags < 4; flags++)
        for (uint8_t ecn = 0; ecn < 4; ecn++) {
            struct tcp_frame f = syn;
            struct tcpwire_seg s;
            struct tcpwire w;

            f.flags |= (uint8_t)((flags & 1 ? F_ECE : 0) | (flags & 2 ? F_CWR : 0));
            f.ecn = ecn;
            tcpwire_open(&w, &tcp_tuning_default);
            tcpwire_listen(&w, 4);
            tcpwire_in(&w, f);
            s = tcpwire_out(&w);
            assert_int_equal(s.flags, F_SYN | F_ACK | (flags == 3 && ecn == 0 ? F_ECE : 0));
            tcpwire_close(&w);
        }
}

static void test_synack_is_sent_again_with_its_options_until_given_up(void **state)
{
    struct tcpwire w;
    struct tcpwire_seg first = begin(&w, &tcp_tuning_default), again;
    uint64_t at = first.at, wait = tcp_tuning_default.synack_rto_ns;

    (void)state;
    for (unsigned i = 0; i < tcp_tuning_default.synack_retries; i++) {
        assert_int_equal(netif_poll_at(&w.rig->nif), at + wait);
        tcpwire_pass(&w, wait - 1);
        tcpwire_quiet(&w);
        tcpwire_pass(&w, 1);
        again = tcpwire_out(&w);
        assert_int_equal(again.at, at + wait);
        same_but_for_the_clock(&first, &again);
        at += wait;
        wait *= 2;
    }
    tcpwire_pass(&w, wait);
    tcpwire_quiet(&w);
    assert_int_equal(tcp_usage(&w.tcp).syns, 0);
    assert_int_equal(w.tcp.stats.synack_retransmits, tcp_tuning_default.synack_retries);
    assert_int_equal(netif_poll_at(&w.rig->nif), NS_NEVER);
    tcpwire_close(&w);
}

/* What a program sets on the listener then holds for the next. */
static void test_synack_is_sent_again_as_it_was(void **state)
{
    struct tcpwire_seg first, again;
    struct tcpwire w;
    tcp_t listener;

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    listener = tcpwire_listen(&w, 4);
    tcpwire_in(&w, syn);
    first = tcpwire_out(&w);
    assert_int_equal(tcp_set(&w.tcp, listener, TCP_OPT_MSS, 172, w.rig->now), 0);
    tcpwire_pass(&w, tcp_tuning_default.synack_rto_ns);
    again = tcpwire_out(&w);
    same_but_for_the_clock(&first, &again);
    tcpwire_in(&w, syn); /* and where the SYN comes again */
    again = tcpwire_out(&w);
    same_but_for_the_clock(&first, &again);
    tcpwire_close(&w);
}

/* ---- the handshake's end ---- */

static void test_the_last_ack_may_bring_text_and_fin(void **state)
{
    struct tcpwire w;
    struct tcpwire_seg synack;
    struct tcp_frame f;
    struct cs_ro view;
    tcp_t listener, conn;

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    listener = tcpwire_listen(&w, 4);
    tcpwire_in(&w, syn);
    synack = tcpwire_out(&w);
    f = with(syn, F_ACK | F_PSH | F_FIN, IRS + 1, synack.seq + 1);
    f.len = 100;
    f.wnd = 500;
    tcpwire_in(&w, f);
    assert_int_equal(tcpwire_out(&w).ack, IRS + 1 + 100 + 1);
    assert_int_equal(tcp_accept(&w.tcp, listener, &conn), 0);
    assert_int_equal(tcp_ready(&w.tcp, conn) & (TCP_READY_RECV | TCP_READY_EOF),
                     TCP_READY_RECV | TCP_READY_EOF);
    assert_int_equal(tcp_recv_peek(&w.tcp, conn, &view, 1), 1);
    assert_int_equal(view.len, 100);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(cs_get_u8(view, i), tcp_frame_byte(i));
    tcpwire_close(&w);
}

/* What a SYN carries is not taken, nor acknowledged: it comes again. */
static void test_text_of_a_syn_is_not_taken(void **state)
{
    struct tcpwire w;
    struct tcp_frame f = syn;
    struct tcpwire_seg synack;
    tcp_t listener, conn;

    (void)state;
    f.len = 50;
    tcpwire_open(&w, &tcp_tuning_default);
    listener = tcpwire_listen(&w, 4);
    tcpwire_in(&w, f);
    synack = tcpwire_out(&w);
    assert_int_equal(synack.ack, IRS + 1);
    tcpwire_in(&w, with(syn, F_ACK, IRS + 1, synack.seq + 1));
    assert_int_equal(tcp_accept(&w.tcp, listener, &conn), 0);
    assert_int_equal(tcp_recv_pending(&w.tcp, conn, NULL), 0);
    tcpwire_close(&w);
}

/* A smaller one would make us send crumbs (CVE-2019-11479, CVE-2018-16523); without the option
 * it is 536 (RFC 9293 section 3.7.1). */
static void test_the_peers_mss_is_never_below_the_floor(void **state)
{
    static const struct {
        bool has;
        uint16_t mss;
        uint32_t want;
    } cases[] = {{false, 0, 536}, {true, 0, 88},      {true, 1, 88},      {true, 87, 88},
                 {true, 88, 88},  {true, 1460, 1460}, {true, 9000, 9000}, {true, 65535, 65535}};
    struct tcp tcp = {.conf.tuning = tcp_tuning_default};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        struct tcp_options options = {.has = cases[i].has ? TCP_HAS_MSS : 0, .mss = cases[i].mss};

        assert_int_equal(tcp_syn_peer_mss(&tcp, &options), cases[i].want);
    }
}

/* ---- when all records are in use ---- */

static void test_without_cookies_the_longest_waiting_makes_room(void **state)
{
    struct tcp_tuning tuning = tcp_tuning_default;
    struct tcpwire w;
    struct tcp_frame f = syn;

    (void)state;
    tuning.syn_cookies = TCP_COOKIES_OFF;
    tcpwire_blank(&w, &tuning);
    w.conf.syns_max = 4;
    tcpwire_start(&w);
    tcpwire_listen(&w, 100);
    for (uint16_t port = 1; port <= 3; port++) {
        f.sport = port;
        tcpwire_in(&w, f);
    }
    tcpwire_pass(&w, NS_PER_S); /* 1, 2, 3 are in their second round */
    for (uint16_t port = 4; port <= 6; port++) {
        f.sport = port;
        tcpwire_in(&w, f);
    }
    assert_int_equal(tcp_usage(&w.tcp).syns, 4);
    assert_int_equal(w.tcp.stats.syn_evicted, 2);
    assert_int_equal(w.tcp.stats.syn_cookies_sent, 0);
    for (uint16_t port = 1; port <= 6; port++) {
        struct tcp_key key = {NETRIG_US, NETRIG_PEER, TCPWIRE_PORT, port};

        assert_int_equal(tcp_demux_find(&w.tcp, &key) != NULL, port >= 3);
    }
    tcpwire_close(&w);
}

/* With no place for a connection, none is begun. */
static void test_without_a_free_connection_syns_are_not_answered(void **state)
{
    struct tcpwire w;
    tcp_t listener, conn;
    struct tcp_frame f = syn;

    (void)state;
    tcpwire_blank(&w, &tcp_tuning_default);
    w.conf.conns_max = 1;
    tcpwire_start(&w);
    listener = tcpwire_listen(&w, 4);
    tcpwire_handshake(&w, 1, 100, true);
    f.sport = 2;
    tcpwire_in(&w, f);
    tcpwire_quiet(&w);
    assert_int_equal(w.tcp.stats.no_memory, 1);
    assert_int_equal(tcp_accept(&w.tcp, listener, &conn), 0);
    assert_int_equal(tcp_abort(&w.tcp, conn, w.rig->now), 0);
    tcpwire_skip(&w);
    tcpwire_in(&w, f);
    assert_int_equal(tcpwire_out(&w).flags, F_SYN | F_ACK);
    tcpwire_close(&w);
}

static void test_an_unreachable_peer_is_forgotten(void **state)
{
    struct tcp_key key = {NETRIG_US, NETRIG_PEER, TCPWIRE_PORT, TCPWIRE_PEER_PORT};
    struct tcpwire w;
    struct tcpwire_seg synack = begin(&w, &tcp_tuning_default);

    (void)state;
    /* RFC 5927: only about what we have sent. */
    assert_false(w.rig->nif.tcp_ops->error(&w.rig->nif, &key, synack.seq + 1, -E_HOSTUNREACH, 0,
                                           w.rig->now));
    assert_int_equal(tcp_usage(&w.tcp).syns, 1);
    assert_true(
        w.rig->nif.tcp_ops->error(&w.rig->nif, &key, synack.seq, -E_HOSTUNREACH, 0, w.rig->now));
    assert_int_equal(tcp_usage(&w.tcp).syns, 0);
    tcpwire_close(&w);
}

/* What our SYN-ACK said holds, whatever the program sets on the listener meanwhile. */
static void test_the_window_scale_is_what_the_synack_said(void **state)
{
    struct tcp_tuning tuning = tuning_of(true);
    struct tcpwire w;
    struct tcpwire_seg synack;
    struct tcp_info info;
    tcp_t listener, conn;

    (void)state;
    tcpwire_open(&w, &tuning);
    listener = tcpwire_listen(&w, 4);
    tcpwire_in(&w, syn);
    synack = tcpwire_out(&w);
    assert_true(synack.ws_shift != 0);
    assert_int_equal(tcp_set(&w.tcp, listener, TCP_OPT_RCVBUF, 4096, w.rig->now), 0);
    tcpwire_in(&w, with(syn, F_ACK, IRS + 1, synack.seq + 1));
    assert_int_equal(tcp_accept(&w.tcp, listener, &conn), 0);
    assert_int_equal(tcp_info(&w.tcp, conn, w.rig->now, &info), 0);
    assert_int_equal(info.rcv_wscale, synack.ws_shift);
    tcpwire_close(&w);
}

/* Which of two SYN-ACKs was answered only an echo tells; one of weeks ago, or none, is no sample
 * (RFC 7323 section 4.1, RFC 6298 section 5.7). */
static void test_an_echo_that_cannot_be_is_no_round_trip(void **state)
{
    (void)state;
    for (int forged = 0; forged < 2; forged++) {
        struct tcp_tuning tuning = tcp_tuning_linux;
        struct tcpwire w;
        struct tcpwire_seg synack;
        struct tcp_info info;
        struct tcp_frame f;
        tcp_t listener, conn;

        tuning.invalid_ack_ns = 0;
        tcpwire_open(&w, &tuning);
        listener = tcpwire_listen(&w, 4);
        tcpwire_in(&w, syn);
        tcpwire_in(&w, syn);
        synack = tcpwire_out(&w);
        f = with(syn, F_ACK, IRS + 1, synack.seq + 1);
        f.ts = forged;
        f.tsecr = synack.tsval + 1;
        tcpwire_in(&w, f);
        assert_int_equal(tcp_accept(&w.tcp, listener, &conn), 0);
        assert_int_equal(tcp_info(&w.tcp, conn, w.rig->now, &info), 0);
        assert_int_equal(info.srtt_ns, 0);
        assert_int_equal(info.rto_ns, tuning.rto_after_syn_loss_ns);
        tcpwire_close(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_synack_answers_what_the_syn_offers),
        cmocka_unit_test(test_synack_offers_nothing_that_the_syn_did_not),
        cmocka_unit_test(test_synack_agrees_to_nothing_that_is_switched_off),
        cmocka_unit_test(test_synack_has_what_was_set_on_the_listener),
        cmocka_unit_test(test_synack_agrees_to_ecn_where_the_syn_asks_in_an_unmarked_packet),
        cmocka_unit_test(test_synack_is_sent_again_with_its_options_until_given_up),
        cmocka_unit_test(test_synack_is_sent_again_as_it_was),
        cmocka_unit_test(test_the_last_ack_may_bring_text_and_fin),
        cmocka_unit_test(test_text_of_a_syn_is_not_taken),
        cmocka_unit_test(test_the_peers_mss_is_never_below_the_floor),
        cmocka_unit_test(test_without_cookies_the_longest_waiting_makes_room),
        cmocka_unit_test(test_without_a_free_connection_syns_are_not_answered),
        cmocka_unit_test(test_an_unreachable_peer_is_forgotten),
        cmocka_unit_test(test_the_window_scale_is_what_the_synack_said),
        cmocka_unit_test(test_an_echo_that_cannot_be_is_no_round_trip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
