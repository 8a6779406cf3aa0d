/* SPDX-License-Identifier: ISC */
/* test_tcp_synsent.c - SYN-SENT: what answers a SYN may get (RFC 9293 section 3.10.7.3), what is
 * agreed upon, and SYNs that cross. */
#include <stdlib.h>
#include <string.h>

#include "tcpip/tcp_priv.h"
#include "tcpwire.h"

#define IRS 0xfffffff0u

static struct tcpwire w;
static struct tcpwire_seg syn;
static tcp_t conn;

static void connect(void)
{
    struct tcp_connect_conf conf = {
        .src_port = 4000, .dst = NETRIG_PEER, .dst_port = TCPWIRE_PEER_PORT};

    assert_int_equal(tcp_connect(&w.tcp, &conf, w.rig->now, &conn), 0);
}

static void send_syn(void)
{
    connect();
    netrig_poll(w.rig);
    syn = tcpwire_out(&w);
    assert_int_equal(syn.flags & F_ACK, 0);
    tcpwire_quiet(&w);
}

static void begin(const struct tcp_tuning *tuning)
{
    tcpwire_open(&w, tuning);
    send_syn();
}

static void end(void)
{
    assert_int_equal(tcp_abort(&w.tcp, conn, w.rig->now), 0);
    tcpwire_close(&w);
}

static struct tcp_frame answer(uint8_t flags, uint32_t ack)
{
    return (struct tcp_frame){.dport = 4000,
                              .seq = IRS,
                              .ack = ack,
                              .flags = flags,
                              .wnd = 1000,
                              .mss = (flags & F_SYN) != 0 ? 1400 : 0};
}

static uint8_t state_now(void)
{
    struct tcp_info info;

    assert_int_equal(tcp_info(&w.tcp, conn, w.rig->now, &info), 0);
    return info.state;
}

/* ---- every flag set, every ACK ---- */

enum verdict { PASSED_OVER, RESET, REFUSED, ESTABLISHED, CROSSED };

static enum verdict expected(uint8_t flags, int32_t ack)
{
    bool good = ack == 1;

    if ((flags & F_ACK) != 0 && !good)
        return (flags & F_RST) != 0 ? PASSED_OVER : RESET;
    if ((flags & F_RST) != 0)
        return (flags & F_ACK) != 0 ? REFUSED : PASSED_OVER;
    if ((flags & F_SYN) == 0)
        return PASSED_OVER;
    if ((flags & F_ACK) != 0)
        return ESTABLISHED;
    return (flags & F_FIN) != 0 ? PASSED_OVER : CROSSED;
}

static void test_each_flag_set_with_each_ack(void **state)
{
    const int32_t acks[] = {-1, 0, 1, 2};

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    for (unsigned flags = 0; flags < 256; flags++)
        for (unsigned i = 0; i < ARRAY_SIZE(acks); i++) {
            enum verdict want = expected((uint8_t)flags, acks[i]);
            struct tcpwire_seg seg;
            bool answered;

            send_syn();
            tcpwire_in(&w, answer((uint8_t)flags, syn.seq + (uint32_t)acks[i]));
            answered = tcpwire_try_out(&w, &seg);
            switch (want) {
            case PASSED_OVER:
                assert_false(answered);
                assert_int_equal(state_now(), TCP_SYN_SENT);
                break;
            case RESET:
                assert_true(answered);
                assert_int_equal(seg.flags, F_RST);
                assert_int_equal(seg.seq, syn.seq + (uint32_t)acks[i]);
                assert_int_equal(state_now(), TCP_SYN_SENT);
                break;
            case REFUSED:
                assert_false(answered);
                assert_int_equal(tcp_error(&w.tcp, conn), -E_CONNREFUSED);
                break;
            case ESTABLISHED:
                assert_true(answered);
                assert_int_equal(seg.flags, F_ACK);
                assert_int_equal(seg.seq, syn.seq + 1);
                assert_int_equal(seg.ack, IRS + 1 + ((flags & F_FIN) != 0));
                assert_int_equal(state_now(),
                                 (flags & F_FIN) != 0 ? TCP_CLOSE_WAIT : TCP_ESTABLISHED);
                break;
            case CROSSED:
                assert_true(answered);
                assert_int_equal(seg.flags & (F_SYN | F_ACK), F_SYN | F_ACK);
                assert_int_equal(seg.seq, syn.seq);
                assert_int_equal(seg.ack, IRS + 1);
                assert_int_equal(state_now(), TCP_SYN_RECEIVED);
                break;
            }
            assert_int_equal(tcp_abort(&w.tcp, conn, w.rig->now), 0);
            tcpwire_skip(&w);
            netrig_clear(w.rig);
            w.seen = 0;
        }
    tcpwire_close(&w);
}

/* ---- what is agreed upon ---- */

static void test_an_option_holds_where_both_have_it(void **state)
{
    (void)state;
    for (unsigned mask = 0; mask < 64; mask++) {
        struct tcp_tuning tuning = tcp_tuning_default;
        struct tcp_info info;
        struct tcp_frame f;

        tuning.timestamps = (mask & 1) != 0;
        tuning.sack = (mask & 2) != 0;
        tuning.window_scale = (mask & 4) != 0;
        begin(&tuning);
        assert_int_equal(syn.ts, tuning.timestamps);
        assert_int_equal(syn.sackok, tuning.sack);
        assert_int_equal(syn.ws, tuning.window_scale);
        f = answer(F_SYN | F_ACK, syn.seq + 1);
        f.ts = (mask & 8) != 0;
        f.tsval = 77;
        f.tsecr = syn.tsval;
        f.sackok = (mask & 16) != 0;
        f.ws = (mask & 32) != 0;
        f.ws_shift = 3;
        tcpwire_in(&w, f);
        assert_int_equal(tcp_info(&w.tcp, conn, w.rig->now, &info), 0);
        assert_int_equal(info.ts_ok, syn.ts && f.ts);
        assert_int_equal(info.sack_ok, syn.sackok && f.sackok);
        assert_int_equal(info.wscale_ok, syn.ws && f.ws);
        assert_int_equal(info.snd_wscale, info.wscale_ok ? 3 : 0);
        assert_int_equal(info.rcv_wscale, info.wscale_ok ? syn.ws_shift : 0);
        assert_int_equal(info.snd_mss, info.ts_ok ? 1388 : 1400);
        assert_int_equal(info.snd_wnd, 1000); /* of a SYN: never scaled */
        assert_int_equal(tcpwire_out(&w).ts, info.ts_ok);
        end();
    }
}

/* RFC 3168 section 6.1.1: ECE without CWR agrees; both is a broken echo. */
static void test_ecn_is_agreed_upon_by_ece_alone(void **state)
{
    struct tcp_tuning tuning = tcp_tuning_default;
    const uint8_t flags[] = {0, F_ECE, F_CWR, F_ECE | F_CWR};

    (void)state;
    tuning.ecn = TCP_ECN_ON;
    for (unsigned i = 0; i < ARRAY_SIZE(flags); i++) {
        struct tcp_info info;

        begin(&tuning);
        assert_int_equal(syn.flags, F_SYN | F_ECE | F_CWR);
        tcpwire_in(&w, answer((uint8_t)(F_SYN | F_ACK | flags[i]), syn.seq + 1));
        assert_int_equal(tcp_info(&w.tcp, conn, w.rig->now, &info), 0);
        assert_int_equal(info.ecn_ok, flags[i] == F_ECE);
        end();
        /* A crossing SYN asks with both; whose own SYN, or the second, did not ask may not mark. */
        for (unsigned asked = 0; asked < 3; asked++) {
            tuning.ecn = asked == 0 ? TCP_ECN_PASSIVE : TCP_ECN_ON;
            begin(&tuning);
            if (asked == 1) {
                tcpwire_pass(&w, 3500 * NS_PER_MS);
                assert_int_equal(tcpwire_out(&w).flags, F_SYN);
                tcpwire_skip(&w);
            }
            tcpwire_in(&w, answer((uint8_t)(F_SYN | flags[i]), 0));
            assert_int_equal((tcpwire_out(&w).flags & F_ECE) != 0,
                             asked == 2 && flags[i] == (F_ECE | F_CWR));
            end();
        }
    }
}

static void test_an_mss_below_the_floor_is_taken_for_the_floor(void **state)
{
    const struct {
        uint16_t says;
        uint32_t mss;
    } cases[] = {{1, 88}, {47, 88}, {87, 88}, {88, 88}, {536, 536}, {65535, 1460}};
    struct tcp_info info;

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        struct tcp_frame f;

        begin(&tcp_tuning_default);
        f = answer(F_SYN | F_ACK, syn.seq + 1);
        f.mss = cases[i].says;
        tcpwire_in(&w, f);
        assert_int_equal(tcp_info(&w.tcp, conn, w.rig->now, &info), 0);
        assert_int_equal(info.snd_mss, cases[i].mss);
        end();
    }
}

/* RFC 7323 section 3.2. */
static void test_the_echo_must_be_of_a_syn_of_ours(void **state)
{
    const struct {
        uint32_t off; /* from the SYN's clock */
        bool good;
    } cases[] = {{-1u, false}, {0, true}, {500, true}, {1000, true}, {1001, false}};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        struct tcp_frame f;

        begin(&tcp_tuning_default);
        tcpwire_pass(&w, NS_PER_S); /* and the SYN goes again */
        tcpwire_skip(&w);
        f = answer(F_SYN | F_ACK, syn.seq + 1);
        f.ts = true;
        f.tsval = 5;
        f.tsecr = syn.tsval + cases[i].off;
        tcpwire_in(&w, f);
        assert_int_equal(state_now(), cases[i].good ? TCP_ESTABLISHED : TCP_SYN_SENT);
        assert_int_equal(tcpwire_out(&w).flags, cases[i].good ? F_ACK : F_RST);
        end();
    }
    /* An echo of 0 says nothing: some never fill it in on a SYN-ACK. */
    begin(&tcp_tuning_default);
    struct tcp_frame f = answer(F_SYN | F_ACK, syn.seq + 1);
    f.ts = true;
    tcpwire_in(&w, f);
    assert_int_equal(state_now(), TCP_ESTABLISHED);
    end();
}

/* ---- SYNs that go again ---- */

/* Milliseconds between the SYNs until it is given up. */
static unsigned spaces(const struct tcp_tuning *tuning, unsigned *ms)
{
    struct tcpwire_seg seg;
    uint64_t last;
    unsigned n = 0;

    begin(tuning);
    last = syn.at;
    for (unsigned i = 0; i < 4000 && state_now() == TCP_SYN_SENT; i++) {
        tcpwire_pass(&w, 100 * NS_PER_MS);
        if (i % 50 == 0)
            netrig_peer_answers(w.rig, NETRIG_PEER, NETRIG_PEER_MAC);
        while (tcpwire_try_out(&w, &seg)) {
            assert_int_equal(seg.flags & F_SYN, F_SYN);
            assert_int_equal(seg.seq, syn.seq);
            ms[n++] = (unsigned)((seg.at - last) / NS_PER_MS);
            last = seg.at;
        }
    }
    assert_int_equal(tcp_error(&w.tcp, conn), -E_TIMEDOUT);
    assert_int_equal(w.tcp.stats.timed_out, 1);
    end();
    return n;
}

static void test_the_timeout_doubles_as_each_preset_has_it(void **state)
{
    const unsigned ours[] = {1000, 2000, 4000, 8000, 16000, 32000};
    const unsigned linux_6[] = {1000, 1000, 1000, 1000, 1000, 2000};
    const unsigned freebsd[] = {1000, 2200, 4200, 8200, 16200, 32200};
    unsigned ms[32];

    (void)state;
    assert_int_equal(spaces(&tcp_tuning_default, ms), 6);
    assert_memory_equal(ms, ours, sizeof(ours));
    assert_int_equal(spaces(&tcp_tuning_linux, ms), 6);
    assert_memory_equal(ms, linux_6, sizeof(linux_6));
    assert_int_equal(spaces(&tcp_tuning_freebsd, ms), 6); /* then its 75 s are up */
    assert_memory_equal(ms, freebsd, sizeof(freebsd));
}

/* RFC 6298 section 5.7, RFC 5681 section 3.1. */
static void test_a_lost_syn_makes_the_beginning_careful(void **state)
{
    struct tcp_info info;
    struct tcp_frame f;

    (void)state;
    for (unsigned ts = 0; ts < 2; ts++) {
        begin(&tcp_tuning_default);
        tcpwire_pass(&w, 1050 * NS_PER_MS);
        tcpwire_skip(&w);
        f = answer(F_SYN | F_ACK, syn.seq + 1);
        f.ts = ts != 0;
        f.tsval = 5;
        f.tsecr = syn.tsval + 1000; /* the second's */
        tcpwire_in(&w, f);
        assert_int_equal(tcp_info(&w.tcp, conn, w.rig->now, &info), 0);
        assert_int_equal(info.cwnd, 1);
        assert_int_equal(info.srtt_ns, ts != 0 ? 50 * NS_PER_MS : 0);
        if (ts == 0)
            assert_int_equal(info.rto_ns, 3 * NS_PER_S);
        end();
    }
}

/* For those on the way who do not understand options. */
static void test_late_syns_may_be_plain(void **state)
{
    struct tcp_tuning tuning = tcp_tuning_default;
    struct tcp_info info;
    struct tcp_frame f;

    (void)state;
    tuning.syn_plain_after = 2;
    begin(&tuning);
    tcpwire_pass(&w, 1000 * NS_PER_MS);
    assert_true(tcpwire_out(&w).ts);
    tcpwire_pass(&w, 2000 * NS_PER_MS);
    assert_int_equal(tcpwire_out(&w).options_len, 4);
    f = answer(F_SYN | F_ACK, syn.seq + 1);
    f.ts = f.sackok = f.ws = true;
    tcpwire_in(&w, f);
    assert_int_equal(tcp_info(&w.tcp, conn, w.rig->now, &info), 0);
    assert_false(info.ts_ok || info.sack_ok || info.wscale_ok);
    end();
}

/* ---- SYNs that cross ---- */

static void test_the_crossing_syn_ack_goes_again_and_is_given_up(void **state)
{
    unsigned synacks = 0;
    struct tcpwire_seg seg;

    (void)state;
    begin(&tcp_tuning_default);
    tcpwire_in(&w, answer(F_SYN, 0));
    for (unsigned i = 0; i < 30; i++) {
        while (tcpwire_try_out(&w, &seg)) {
            assert_int_equal(seg.flags, F_SYN | F_ACK);
            synacks++;
        }
        tcpwire_pass(&w, 5 * NS_PER_S);
        netrig_peer_answers(w.rig, NETRIG_PEER, NETRIG_PEER_MAC);
    }
    assert_int_equal(synacks, 6);
    assert_int_equal(tcp_error(&w.tcp, conn), -E_TIMEDOUT);
    end();
}

/* RFC 3168 section 6.1.1: no ECT where one SYN-ACK came that does not agree, though the SYN before
 * it asked. RFC 7323 section 2.2: nor is that SYN-ACK's window scaled. */
static void test_where_syns_crossed_the_syn_ack_is_read_as_one(void **state)
{
    const uint8_t flags[] = {0, F_ECE, F_CWR, F_ECE | F_CWR};
    struct tcp_tuning tuning = tcp_tuning_default;

    (void)state;
    tuning.ecn = TCP_ECN_ON;
    for (unsigned i = 0; i < 2 * ARRAY_SIZE(flags); i++) {
        struct tcp_frame crossing = answer(F_SYN | F_ECE | F_CWR, 0), f;
        struct tcp_info info;

        begin(&tuning);
        crossing.ws = true;
        crossing.ws_shift = 3;
        f = crossing;
        f.flags = (uint8_t)(F_SYN | F_ACK | flags[i / 2]);
        f.ack = syn.seq + 1;
        tcpwire_in_only(&w, crossing);
        if (i % 2 != 0) { /* before our SYN-ACK has left, or after */
            netrig_poll(w.rig);
            assert_int_equal(tcpwire_out(&w).flags, F_SYN | F_ACK | F_ECE);
        }
        tcpwire_in(&w, f);
        assert_int_equal(state_now(), TCP_ESTABLISHED);
        assert_int_equal(tcp_info(&w.tcp, conn, w.rig->now, &info), 0);
        assert_int_equal(info.ecn_ok, flags[i / 2] == F_ECE);
        assert_int_equal(info.snd_wnd, 1000);
        end();
    }
}

/* RFC 9293 section 3.10.7.4, second and fifth, for who has opened actively. */
static void test_where_syns_crossed_a_reset_refuses_and_a_bad_ack_is_reset(void **state)
{
    (void)state;
    begin(&tcp_tuning_default);
    tcpwire_in(&w, answer(F_SYN, 0));
    tcpwire_out(&w);
    for (uint32_t off = 0; off < 4; off++) {
        if (off == 1)
            continue;
        tcpwire_in(&w, (struct tcp_frame){
                           .dport = 4000, .seq = IRS + 1, .ack = syn.seq + off, .flags = F_ACK});
        assert_int_equal(tcpwire_out(&w).seq, syn.seq + off);
        assert_int_equal(state_now(), TCP_SYN_RECEIVED);
    }
    assert_int_equal(w.tcp.stats.bad_ack, 3);
    tcpwire_in(&w, (struct tcp_frame){.dport = 4000, .seq = IRS + 1, .flags = F_RST});
    assert_int_equal(tcp_error(&w.tcp, conn), -E_CONNREFUSED);
    end();
}

static void test_without_the_rule_segments_without_timestamps_are_let_in(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct tcp_frame f;

        begin(i == 0 ? &tcp_tuning_default : &tcp_tuning_linux);
        f = answer(F_SYN | F_ACK, syn.seq + 1);
        f.ts = true;
        f.tsval = 9;
        f.tsecr = syn.tsval;
        tcpwire_in(&w, f);
        f = answer(F_ACK, syn.seq + 1);
        f.seq = IRS + 1;
        f.len = 10;
        tcpwire_in(&w, f);
        assert_int_equal(tcp_recv_pending(&w.tcp, conn, NULL), i == 0 ? 0 : 10);
        assert_int_equal(w.tcp.stats.no_timestamp, i == 0);
        end();
    }
}

static void test_closed_while_syns_cross_the_fin_follows(void **state)
{
    (void)state;
    begin(&tcp_tuning_default);
    tcpwire_in(&w, answer(F_SYN, 0));
    tcpwire_out(&w);
    assert_int_equal(tcp_close(&w.tcp, conn, w.rig->now), 0);
    netrig_poll(w.rig);
    tcpwire_quiet(&w); /* not before it is established */
    tcpwire_in(&w,
               (struct tcp_frame){
                   .dport = 4000, .seq = IRS + 1, .ack = syn.seq + 1, .flags = F_ACK, .wnd = 99});
    assert_int_equal(tcpwire_out(&w).flags, F_FIN | F_ACK);
    tcpwire_in(
        &w,
        (struct tcp_frame){
            .dport = 4000, .seq = IRS + 1, .ack = syn.seq + 2, .flags = F_ACK | F_FIN, .wnd = 99});
    assert_int_equal(tcp_usage(&w.tcp).conns, 0);
    tcpwire_close(&w);
}

static void test_shutdown_before_it_is_established_is_notconn(void **state)
{
    (void)state;
    begin(&tcp_tuning_default);
    assert_int_equal(tcp_shutdown(&w.tcp, conn, w.rig->now), -E_NOTCONN);
    tcpwire_in(&w, answer(F_RST | F_ACK, syn.seq + 1));
    assert_int_equal(tcp_shutdown(&w.tcp, conn, w.rig->now), -E_CONNREFUSED);
    end();
}

/* The stack's own bound holds whatever the program sets, as it does for what a listener accepts. */
static void test_the_stacks_mss_bounds_the_programs(void **state)
{
    struct tcp_tuning tuning = tcp_tuning_default;
    struct tcp_info info;

    (void)state;
    tuning.mss_max = 1000;
    tcpwire_open(&w, &tuning);
    connect();
    assert_int_equal(tcp_set(&w.tcp, conn, TCP_OPT_MSS, 1200, w.rig->now), 0);
    netrig_poll(w.rig);
    syn = tcpwire_out(&w);
    assert_int_equal(syn.mss, 1000);
    tcpwire_in(&w, answer(F_SYN | F_ACK, syn.seq + 1));
    assert_int_equal(tcp_info(&w.tcp, conn, w.rig->now, &info), 0);
    assert_int_equal(info.advmss, 1000);
    assert_int_equal(info.snd_mss, 1000);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_flag_set_with_each_ack),
        cmocka_unit_test(test_an_option_holds_where_both_have_it),
        cmocka_unit_test(test_ecn_is_agreed_upon_by_ece_alone),
        cmocka_unit_test(test_an_mss_below_the_floor_is_taken_for_the_floor),
        cmocka_unit_test(test_the_stacks_mss_bounds_the_programs),
        cmocka_unit_test(test_the_echo_must_be_of_a_syn_of_ours),
        cmocka_unit_test(test_the_timeout_doubles_as_each_preset_has_it),
        cmocka_unit_test(test_a_lost_syn_makes_the_beginning_careful),
        cmocka_unit_test(test_late_syns_may_be_plain),
        cmocka_unit_test(test_the_crossing_syn_ack_goes_again_and_is_given_up),
        cmocka_unit_test(test_where_syns_crossed_the_syn_ack_is_read_as_one),
        cmocka_unit_test(test_where_syns_crossed_a_reset_refuses_and_a_bad_ack_is_reset),
        cmocka_unit_test(test_without_the_rule_segments_without_timestamps_are_let_in),
        cmocka_unit_test(test_closed_while_syns_cross_the_fin_follows),
        cmocka_unit_test(test_shutdown_before_it_is_established_is_notconn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
