/* SPDX-License-Identifier: ISC */
/* test_tcp_keepalive.c - probes of idle connections (RFC 9293 section 3.8.4). */
#include <stdlib.h>
#include <string.h>

#include "tcpip/tcp_priv.h"
#include "tcpwire.h"

enum { PEER_SEQ = 101 };

static struct tcpwire w;
static tcp_t conn;
static uint32_t iss; /* of the first byte */

static void set(enum tcp_opt opt, uint64_t value)
{
    assert_int_equal(tcp_set(&w.tcp, conn, opt, value, w.rig->now), 0);
}

static void begin(void)
{
    tcp_t listener;

    tcpwire_open(&w, &tcp_tuning_default);
    listener = tcpwire_listen(&w, 0);
    iss = tcpwire_handshake(&w, TCPWIRE_PEER_PORT, PEER_SEQ - 1, false).seq + 1;
    assert_int_equal(tcp_accept(&w.tcp, listener, &conn), 0);
}

/* 60 s idle, 10 s apart, 3 probes. */
static void begin_short(void)
{
    begin();
    set(TCP_OPT_KEEPALIVE_IDLE, 60 * NS_PER_S);
    set(TCP_OPT_KEEPALIVE_INTERVAL, 10 * NS_PER_S);
    set(TCP_OPT_KEEPALIVE_PROBES, 3);
    set(TCP_OPT_KEEPALIVE, 1);
}

/* The peer answers ARP meanwhile. */
static void pass(uint64_t ns)
{
    const uint64_t step = 10 * NS_PER_S;

    for (; ns > step; ns -= step) {
        tcpwire_pass(&w, step);
        netrig_peer_answers(w.rig, NETRIG_PEER, NETRIG_PEER_MAC);
    }
    tcpwire_pass(&w, ns);
}

static void end(void)
{
    assert_int_equal(tcp_abort(&w.tcp, conn, w.rig->now), 0);
    tcpwire_close(&w);
}

static void ack(uint32_t n)
{
    tcpwire_in(&w,
               (struct tcp_frame){.seq = PEER_SEQ, .ack = iss + n, .flags = F_ACK, .wnd = 65535});
}

static void expect_probe(uint32_t n)
{
    struct tcpwire_seg seg = tcpwire_out(&w);

    assert_int_equal(seg.seq, iss + n - 1);
    assert_int_equal(seg.len, 0);
    assert_int_equal(seg.flags, F_ACK);
    assert_int_equal(seg.ack, PEER_SEQ);
    tcpwire_quiet(&w);
}

/* MUST-25: off unless asked for; MUST-26: two hours at least. */
static void test_off_by_default_and_two_hours(void **state)
{
    uint64_t idle;

    (void)state;
    begin();
    pass(3 * 3600 * NS_PER_S);
    tcpwire_quiet(&w);
    assert_int_equal(tcp_get(&w.tcp, conn, TCP_OPT_KEEPALIVE_IDLE, &idle), 0);
    assert_int_equal(idle, 7200 * NS_PER_S);
    end();
}

static void test_probes_come_after_the_idle_time(void **state)
{
    (void)state;
    begin_short();
    pass(60 * NS_PER_S - NS_PER_MS);
    tcpwire_quiet(&w);
    pass(2 * NS_PER_MS);
    expect_probe(0);
    pass(9 * NS_PER_S);
    tcpwire_quiet(&w);
    pass(NS_PER_S);
    expect_probe(0);
    assert_int_equal(w.tcp.stats.keepalives, 2);
    end();
}

static void test_an_answer_begins_the_idle_time_anew(void **state)
{
    (void)state;
    begin_short();
    for (unsigned i = 0; i < 10; i++) {
        pass(60 * NS_PER_S + NS_PER_MS);
        expect_probe(0);
        ack(0);
        tcpwire_quiet(&w);
        pass(59 * NS_PER_S);
        tcpwire_quiet(&w);
        pass(NS_PER_S + NS_PER_MS);
        expect_probe(0);
        ack(0);
    }
    assert_int_equal(tcp_error(&w.tcp, conn), 0);
    end();
}

static void test_silence_ends_it_with_a_reset(void **state)
{
    struct tcpwire_seg seg;

    (void)state;
    begin_short();
    pass(89 * NS_PER_S);
    assert_int_equal(tcpwire_skip(&w), 3);
    assert_int_equal(tcp_error(&w.tcp, conn), 0);
    pass(2 * NS_PER_S);
    seg = tcpwire_out(&w);
    assert_int_equal(seg.flags, F_RST | F_ACK);
    assert_int_equal(seg.seq, iss);
    assert_int_equal(tcp_error(&w.tcp, conn), -E_TIMEDOUT);
    assert_true((tcp_ready(&w.tcp, conn) & TCP_READY_ERROR) != 0);
    end();
}

static void test_user_timeout_takes_the_counts_place(void **state)
{
    (void)state;
    begin_short();
    set(TCP_OPT_USER_TIMEOUT, 75 * NS_PER_S);
    pass(79 * NS_PER_S);
    assert_int_equal(tcpwire_skip(&w), 2);
    pass(2 * NS_PER_S);
    assert_int_equal(tcpwire_out(&w).flags, F_RST | F_ACK);
    assert_int_equal(tcp_error(&w.tcp, conn), -E_TIMEDOUT);
    end();
}

/* What is in flight asks the same question by being sent again. */
static void test_no_probes_while_data_is_in_flight(void **state)
{
    struct tcpwire_seg seg;

    (void)state;
    begin_short();
    pass(59 * NS_PER_S);
    assert_int_equal(tcp_send(&w.tcp, conn, cs_ro_of("x", 1), w.rig->now), 1);
    netrig_poll(w.rig);
    pass(10 * NS_PER_S);
    while (tcpwire_try_out(&w, &seg))
        assert_int_equal(seg.len, 1);
    assert_int_equal(w.tcp.stats.keepalives, 0);
    end();
}

static void test_turned_off_again(void **state)
{
    (void)state;
    begin_short();
    pass(61 * NS_PER_S);
    expect_probe(0);
    set(TCP_OPT_KEEPALIVE, 0);
    pass(1000 * NS_PER_S);
    tcpwire_quiet(&w);
    assert_int_equal(tcp_error(&w.tcp, conn), 0);
    end();
}

/* Of a listener: those it accepts have it, and it counts from when they are established. */
static void test_inherited_from_the_listener(void **state)
{
    tcp_t listener;

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    listener = tcpwire_listen(&w, 0);
    conn = listener;
    set(TCP_OPT_KEEPALIVE, 1);
    set(TCP_OPT_KEEPALIVE_IDLE, 5 * NS_PER_S);
    iss = tcpwire_handshake(&w, TCPWIRE_PEER_PORT, PEER_SEQ - 1, false).seq + 1;
    assert_int_equal(tcp_accept(&w.tcp, listener, &conn), 0);
    pass(5 * NS_PER_S + NS_PER_MS);
    expect_probe(0);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_off_by_default_and_two_hours),
        cmocka_unit_test(test_probes_come_after_the_idle_time),
        cmocka_unit_test(test_an_answer_begins_the_idle_time_anew),
        cmocka_unit_test(test_silence_ends_it_with_a_reset),
        cmocka_unit_test(test_user_timeout_takes_the_counts_place),
        cmocka_unit_test(test_no_probes_while_data_is_in_flight),
        cmocka_unit_test(test_turned_off_again),
        cmocka_unit_test(test_inherited_from_the_listener),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
