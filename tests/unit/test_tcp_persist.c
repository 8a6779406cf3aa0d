/* SPDX-License-Identifier: ISC */
/* test_tcp_persist.c - zero windows are probed (RFC 9293 section 3.8.6.1). */
#include <stdlib.h>
#include <string.h>

#include "tcpip/tcp_priv.h"
#include "tcpwire.h"

enum { PEER_SEQ = 101, MSS = 1460 };

static struct tcpwire w;
static tcp_t conn;
static uint32_t iss; /* of the first byte */

/* The window was 500 and is full now: what is left waits. */
static void begin(const struct tcp_tuning *tuning, uint32_t left)
{
    static const uint8_t bytes[65536];
    tcp_t listener;

    tcpwire_open(&w, tuning);
    listener = tcpwire_listen(&w, 0);
    iss = tcpwire_handshake(&w, TCPWIRE_PEER_PORT, PEER_SEQ - 1, false).seq + 1;
    assert_int_equal(tcp_accept(&w.tcp, listener, &conn), 0);
    assert_int_equal(tcp_send(&w.tcp, conn, cs_ro_of(bytes, 500 + left), w.rig->now), 500 + left);
    netrig_poll(w.rig);
    assert_int_equal(tcpwire_out(&w).len, 500);
    tcpwire_quiet(&w);
}

static void ack(uint32_t n, uint16_t wnd)
{
    tcpwire_in(&w, (struct tcp_frame){.seq = PEER_SEQ, .ack = iss + n, .flags = F_ACK, .wnd = wnd});
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
    netrig_peer_answers(w.rig, NETRIG_PEER, NETRIG_PEER_MAC);
}

static void end(void)
{
    assert_int_equal(tcp_abort(&w.tcp, conn, w.rig->now), 0);
    tcpwire_close(&w);
}

/* After so many ns, give or take a tick, and not before. */
static void expect_probe_after(uint64_t ns)
{
    struct tcpwire_seg seg;

    pass(ns - NS_PER_MS);
    tcpwire_quiet(&w);
    pass(2 * NS_PER_MS);
    seg = tcpwire_out(&w);
    assert_int_equal(seg.seq, iss + 499); /* acknowledged already: it must be answered */
    assert_int_equal(seg.len, 0);
    assert_int_equal(seg.flags, F_ACK);
    tcpwire_quiet(&w);
}

static void test_probes_double(void **state)
{
    uint64_t rto;

    (void)state;
    begin(&tcp_tuning_default, 1000);
    ack(500, 0);
    tcpwire_quiet(&w);
    rto = tcp_conn_of(&w.tcp, conn)->rtt.rto_ns;
    expect_probe_after(rto);
    expect_probe_after(2 * rto - NS_PER_MS);
    expect_probe_after(4 * rto - NS_PER_MS);
    assert_int_equal(w.tcp.stats.window_probes, 3);
    end();
}

static void test_freebsds_least_interval(void **state)
{
    struct tcpwire_seg seg;

    (void)state;
    begin(&tcp_tuning_freebsd, 1000);
    ack(500, 0);
    pass(5 * NS_PER_S - NS_PER_MS);
    tcpwire_quiet(&w);
    pass(2 * NS_PER_MS);
    seg = tcpwire_out(&w);
    assert_int_equal(seg.seq, iss + 500); /* a byte of new data */
    assert_int_equal(seg.len, 1);
    end();
}

/* The window opens: by an answer to a probe, or by itself. */
static void test_open_window_ends_it(void **state)
{
    (void)state;
    begin(&tcp_tuning_default, 1000);
    ack(500, 0);
    pass(3 * NS_PER_S);
    assert_true(tcpwire_skip(&w) >= 2);
    ack(500, 65535);
    assert_int_equal(tcpwire_out(&w).len, 1000);
    ack(1500, 0);
    pass(300 * NS_PER_S);
    tcpwire_quiet(&w); /* there is nothing to send */
    assert_int_equal(tcp_conn_of(&w.tcp, conn)->persist_backoff, 0);
    end();
}

/* RFC 9293 section 3.8.6.1 (MUST-37): as long as it answers, the window may stay closed. */
static void test_answered_probes_keep_the_connection(void **state)
{
    unsigned probes = 0;

    (void)state;
    begin(&tcp_tuning_default, 1000);
    ack(500, 0);
    for (unsigned i = 0; i < 4000; i++) {
        pass(NS_PER_S);
        if (tcpwire_skip(&w) != 0) {
            probes++;
            ack(500, 0);
        }
    }
    assert_true(probes >= 60 && probes <= 80); /* a minute apart at last */
    assert_int_equal(tcp_error(&w.tcp, conn), 0);
    end();
}

static void test_unanswered_probes_end_it(void **state)
{
    struct tcp_tuning tuning = tcp_tuning_default;

    (void)state;
    tuning.data_retries = 4;
    begin(&tuning, 1000);
    ack(500, 0);
    pass(1000 * NS_PER_S);
    assert_int_equal(w.tcp.stats.window_probes, 4);
    assert_int_equal(tcp_error(&w.tcp, conn), -E_TIMEDOUT);
    assert_int_equal(tcp_usage(&w.tcp).chunks, 0);
    end();
}

static void test_user_timeout(void **state)
{
    (void)state;
    begin(&tcp_tuning_default, 1000);
    assert_int_equal(tcp_set(&w.tcp, conn, TCP_OPT_USER_TIMEOUT, 10 * NS_PER_S, w.rig->now), 0);
    ack(500, 0);
    pass(9 * NS_PER_S);
    assert_int_equal(tcp_error(&w.tcp, conn), 0);
    pass(10 * NS_PER_S);
    assert_int_equal(tcp_error(&w.tcp, conn), -E_TIMEDOUT);
    end();
}

/* A window too small for a segment and for half the largest: after a while what fits goes. */
static void test_small_window_is_used_at_last(void **state)
{
    struct tcpwire_seg seg;

    (void)state;
    begin(&tcp_tuning_default, 4000);
    ack(500, 65535);
    tcpwire_skip(&w); /* all 4,000 */
    ack(4500, 100);
    assert_int_equal(tcp_send(&w.tcp, conn, cs_ro_of("0123456789", 10), w.rig->now), 10);
    netrig_poll(w.rig);
    assert_int_equal(tcpwire_out(&w).len, 10); /* all there is fits */
    ack(4510, 100);
    {
        static const uint8_t bytes[1000];

        assert_int_equal(tcp_send(&w.tcp, conn, cs_ro_of(bytes, 1000), w.rig->now), 1000);
    }
    netrig_poll(w.rig);
    tcpwire_quiet(&w);
    pass(3 * NS_PER_S);
    seg = tcpwire_out(&w);
    assert_int_equal(seg.seq, iss + 4510);
    assert_int_equal(seg.len, 100);
    assert_int_equal(seg.flags, F_ACK | F_PSH);
    end();
}

static void test_fin_waits_and_is_probed_for(void **state)
{
    (void)state;
    begin(&tcp_tuning_default, 0);
    assert_int_equal(tcp_shutdown(&w.tcp, conn, w.rig->now), 0);
    netrig_poll(w.rig);
    tcpwire_quiet(&w);
    ack(500, 0);
    pass(300 * NS_PER_MS);
    assert_int_equal(tcpwire_out(&w).seq, iss + 499);
    ack(500, 1);
    assert_int_equal(tcpwire_out(&w).flags, F_ACK | F_FIN);
    end();
}

/* RFC 9293 section 3.8.5: the urgent pointer is told although the window is shut. */
static void test_urgent_pointer_passes_a_closed_window(void **state)
{
    struct tcpwire_seg seg;

    (void)state;
    begin(&tcp_tuning_default, 1000);
    assert_int_equal(tcp_send_urgent(&w.tcp, conn), 0);
    ack(500, 0);
    tcpwire_skip(&w);
    pass(300 * NS_PER_MS);
    seg = tcpwire_out(&w);
    assert_int_equal(seg.seq, iss + 500);
    assert_int_equal(seg.flags, F_ACK | F_URG);
    assert_int_equal(seg.urg, 1000);
    seg = tcpwire_out(&w);
    assert_int_equal(seg.seq, iss + 499);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probes_double),
        cmocka_unit_test(test_freebsds_least_interval),
        cmocka_unit_test(test_open_window_ends_it),
        cmocka_unit_test(test_answered_probes_keep_the_connection),
        cmocka_unit_test(test_unanswered_probes_end_it),
        cmocka_unit_test(test_user_timeout),
        cmocka_unit_test(test_small_window_is_used_at_last),
        cmocka_unit_test(test_fin_waits_and_is_probed_for),
        cmocka_unit_test(test_urgent_pointer_passes_a_closed_window),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
