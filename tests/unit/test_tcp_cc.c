/* SPDX-License-Identifier: ISC */
/* test_tcp_cc.c - the congestion window: slow start by bytes (RFC 5681, RFC 3465), NewReno, and
 * CUBIC (RFC 9438) against the RFC's formulas in floating point. */
#include "support.h"

#include <cmocka.h>

#include "tcpip/tcp_flight.h"

static struct tcp_tuning tuning;
static struct tcp_cc cc;

static void begin(enum tcp_cc_kind kind, uint32_t cwnd)
{
    tuning = tcp_tuning_linux;
    tcp_cc_init(&cc, kind, cwnd);
    cc.limited = true;
}

static void acked(uint32_t segs)
{
    tcp_cc_acked(&cc, &tuning, segs, 100 * NS_PER_MS, NS_PER_S);
}

static double cube_root(double x)
{
    double r = x > 1 ? x / 3 : 1;

    for (int i = 0; i < 200; i++)
        r = (2 * r + x / (r * r)) / 3;
    return r;
}

/* ---- slow start ------------------------------------------------------------------------------ */

static void test_slow_start_doubles(void **state)
{
    (void)state;
    begin(TCP_CC_NEWRENO, 10);
    for (unsigned i = 0; i < 10; i++)
        acked(1);
    assert_int_equal(cc.cwnd, 20);
}

/* RFC 3465 section 2.2: an ACK of very much grows it by so much only. */
static void test_slow_start_limit(void **state)
{
    (void)state;
    begin(TCP_CC_NEWRENO, 10);
    tuning.abc_limit = 2;
    acked(9);
    assert_int_equal(cc.cwnd, 12);
}

/* What is left past ssthresh goes to congestion avoidance. */
static void test_slow_start_ends_at_ssthresh(void **state)
{
    (void)state;
    begin(TCP_CC_NEWRENO, 10);
    cc.ssthresh = 12;
    acked(6);
    assert_int_equal(cc.cwnd, 12);
    assert_int_equal(cc.cwnd_count, 4);
    acked(8);
    assert_int_equal(cc.cwnd, 13);
}

/* RFC 7661: what is not used does not grow; in slow start it may be twice what was in flight. */
static void test_unused_window_does_not_grow(void **state)
{
    (void)state;
    begin(TCP_CC_NEWRENO, 10);
    cc.limited = false;
    cc.flight_max = 5;
    acked(5);
    assert_int_equal(cc.cwnd, 10);
    cc.flight_max = 6;
    acked(1);
    assert_int_equal(cc.cwnd, 11);
    cc.limited = false;
    tuning.cwnd_validation = false;
    cc.flight_max = 1;
    acked(5);
    assert_int_equal(cc.cwnd, 16);
}

/* ---- NewReno --------------------------------------------------------------------------------- */

static void test_newreno_a_segment_for_each_window(void **state)
{
    (void)state;
    begin(TCP_CC_NEWRENO, 10);
    cc.ssthresh = 5;
    for (unsigned window = 10; window < 40; window++) {
        assert_int_equal(cc.cwnd, window);
        for (unsigned i = 0; i < window; i++)
            acked(1);
    }
}

static void test_newreno_halves_and_undoes(void **state)
{
    (void)state;
    begin(TCP_CC_NEWRENO, 20);
    cc.prior_ssthresh = 40;
    tcp_cc_reduce(&cc, cc.cwnd, 0);
    assert_int_equal(cc.ssthresh, 10);
    cc.cwnd = 3;
    tcp_cc_undo(&cc);
    assert_int_equal(cc.cwnd, 20);
    assert_int_equal(cc.ssthresh, 40);
    /* Never below two; and what ECN said stays. */
    cc.cwnd = 3;
    tcp_cc_reduce(&cc, cc.cwnd, 0);
    assert_int_equal(cc.ssthresh, 2);
    cc.cwnd = 2;
    cc.prior_ssthresh = 0;
    tcp_cc_undo(&cc);
    assert_int_equal(cc.cwnd, 2);
    assert_int_equal(cc.ssthresh, 2);
}

/* ---- CUBIC ----------------------------------------------------------------------------------- */

static void test_cube_root(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 3000; i++) {
        assert_int_equal(tcp_cubic_root(i * i * i), i);
        assert_int_equal(tcp_cubic_root(i * i * i + 3 * i * i + 3 * i), i);
    }
    assert_int_equal(tcp_cubic_root(UINT64_MAX), 2642245);
}

/* W(t) = C (t - K)^3 + W_max: section 4.2, figure 1 and 2. */
static void test_cubic_curve(void **state)
{
    (void)state;
    for (uint32_t w_max = 10; w_max < 200000; w_max = w_max * 3 / 2) {
        double k = cube_root((w_max - (double)(w_max * 7 / 10)) / 0.4);

        begin(TCP_CC_CUBIC, w_max);
        tcp_cc_reduce(&cc, cc.cwnd, 0);
        assert_in_range(cc.ssthresh, w_max * 7 / 10 - 1, w_max * 7 / 10 + 1 + w_max / 1000);
        cc.cwnd = w_max * 7 / 10;
        cc.ssthresh = 2;
        tcp_cc_acked(&cc, &tuning, 1, 0, NS_PER_S);
        for (double t = 0; t < 2 * k; t += k / 16) {
            double w = 0.4 * (t - k) * (t - k) * (t - k) + w_max;
            double got = tcp_cubic_target(&cc, (uint64_t)(t * 1e9));

            if (got < w - 2 - w * 0.005 || got > w + 2 + w * 0.005)
                fail_msg("W_max %u t %f: %f, not %f", w_max, t, got, w);
        }
    }
}

/* The window follows the curve: a flow whose every segment is acknowledged, round by round, against
 * sections 4.2 to 4.5 in floating point. */
static void follow(uint32_t w_max, uint64_t rtt_ns, double seconds)
{
    double cwnd, est, k, t = 0, rtt = (double)rtt_ns / 1e9;
    uint64_t now = 5 * NS_PER_S;

    begin(TCP_CC_CUBIC, w_max);
    tcp_cc_reduce(&cc, cc.cwnd, now);
    cc.cwnd = cc.ssthresh;
    cwnd = est = cc.cwnd;
    k = cube_root((w_max - cwnd) / 0.4);
    while (t < seconds) {
        uint32_t window = cc.cwnd;
        double segs = cwnd;

        for (uint32_t i = 0; i < window; i++)
            tcp_cc_acked(&cc, &tuning, 1, rtt_ns, now + rtt_ns * i / window);
        now += rtt_ns;
        for (double i = 0; i < segs; i++) {
            double at = t + rtt * i / segs;
            double target = 0.4 * (at + rtt - k) * (at + rtt - k) * (at + rtt - k) + w_max;

            est += (est < w_max ? 9.0 / 17 : 1) / cwnd;
            target = target < cwnd ? cwnd : target > 1.5 * cwnd ? 1.5 * cwnd : target;
            cwnd += (target - cwnd) / cwnd;
            cwnd = cwnd < est ? est : cwnd;
        }
        t += rtt;
        if (cc.cwnd < cwnd * 0.93 - 3 || cc.cwnd > cwnd * 1.07 + 3)
            fail_msg("W_max %u RTT %f t %f: %u, not %f", w_max, rtt, t, cc.cwnd, cwnd);
    }
}

static void test_cubic_follows(void **state)
{
    (void)state;
    follow(100, 100 * NS_PER_MS, 12);
    follow(1000, 100 * NS_PER_MS, 20);
    follow(10000, 50 * NS_PER_MS, 30);
    /* Short round trips: the Reno-friendly region, section 4.3. */
    follow(50, 5 * NS_PER_MS, 1);
    follow(20, 10 * NS_PER_MS, 3);
}

/* Section 4.7. */
static void test_cubic_fast_convergence(void **state)
{
    (void)state;
    begin(TCP_CC_CUBIC, 1000);
    tcp_cc_reduce(&cc, 1000, 0);
    assert_int_equal(cc.cubic.w_max, 1000);
    tcp_cc_reduce(&cc, 900, 0);
    assert_in_range(cc.cubic.w_max, 764, 766); /* 900 * 0.85 */
    tcp_cc_reduce(&cc, 800, 0);
    assert_int_equal(cc.cubic.w_max, 800);
}

/* Section 4.9: a spurious reduction leaves the curve where it was. */
static void test_cubic_undo(void **state)
{
    uint32_t target;

    (void)state;
    begin(TCP_CC_CUBIC, 1000);
    tcp_cc_reduce(&cc, 1000, 0);
    cc.cwnd = cc.ssthresh;
    tcp_cc_acked(&cc, &tuning, 1, 0, NS_PER_S);
    target = tcp_cubic_target(&cc, 9 * NS_PER_S);
    cc.prior_ssthresh = tcp_cc_proved(&cc);
    tcp_cc_reduce(&cc, cc.cwnd, 2 * NS_PER_S);
    cc.ops->timeout(&cc);
    tcp_cc_undo(&cc);
    assert_int_equal(cc.cwnd, 699 + 1);
    assert_int_equal(cc.cubic.epoch_ns, NS_PER_S);
    assert_int_equal(tcp_cubic_target(&cc, 9 * NS_PER_S), target);
}

/* Section 5.8: time without sending is no part of the epoch. */
static void test_cubic_idle(void **state)
{
    (void)state;
    begin(TCP_CC_CUBIC, 100);
    tcp_cc_reduce(&cc, 100, 0);
    cc.cwnd = cc.ssthresh;
    tcp_cc_acked(&cc, &tuning, 1, 0, NS_PER_S);
    cc.ops->restart(&cc, 60 * NS_PER_S, 100 * NS_PER_S);
    assert_int_equal(cc.cubic.epoch_ns, 61 * NS_PER_S);
    cc.ops->restart(&cc, 60 * NS_PER_S, 100 * NS_PER_S);
    assert_int_equal(cc.cubic.epoch_ns, 100 * NS_PER_S);
}

/* A clock that ran for years, a window that is huge: nothing overflows. */
static void test_cubic_far(void **state)
{
    (void)state;
    begin(TCP_CC_CUBIC, 1u << 20);
    tcp_cc_reduce(&cc, 1u << 20, 0);
    cc.cwnd = 2;
    cc.ssthresh = 2;
    tcp_cc_acked(&cc, &tuning, 1, 0, 1);
    assert_true(tcp_cubic_target(&cc, UINT64_C(20) * 365 * 86400 * NS_PER_S) > 1u << 20);
    for (unsigned i = 0; i < 100; i++)
        tcp_cc_acked(&cc, &tuning, 1000, NS_PER_S, (uint64_t)i * 86400 * NS_PER_S * 365);
    assert_true(cc.cwnd > 2 && cc.cwnd <= 1u << 22);
}

/* Section 4.8: after a timeout the curve begins where congestion avoidance does. */
static void test_cubic_after_a_timeout(void **state)
{
    (void)state;
    begin(TCP_CC_CUBIC, 100);
    tcp_cc_reduce(&cc, 100, 0);
    cc.ops->timeout(&cc);
    cc.cwnd = cc.ssthresh = 70;
    acked(1);
    assert_int_equal(tcp_cubic_target(&cc, 0), 70);
    assert_int_equal(tcp_cubic_target(&cc, 5 * NS_PER_S), 70 + 50);
}

/* Another algorithm goes on from the same window and threshold. */
static void test_switch(void **state)
{
    (void)state;
    begin(TCP_CC_CUBIC, 40);
    tcp_cc_reduce(&cc, 40, 0);
    cc.cwnd = cc.ssthresh;
    acked(1);
    tcp_cc_switch(&cc, TCP_CC_CUBIC);
    assert_int_equal(cc.cubic.w_max, 40);
    tcp_cc_switch(&cc, TCP_CC_NEWRENO);
    assert_ptr_equal(cc.ops, &tcp_cc_newreno);
    assert_int_equal(cc.cwnd, 28);
    assert_int_equal(cc.ssthresh, 28);
    tcp_cc_switch(&cc, TCP_CC_CUBIC);
    assert_int_equal(cc.cubic.w_max, 0);
    assert_int_equal(cc.cwnd, 28);
}

/* ---- Westwood+ ------------------------------------------------------------------------------- */

/* `segs` segments arrive over a round trip of 100 ms, which ends at *now. */
static void round_trip(uint32_t segs, uint64_t *now)
{
    for (unsigned i = 0; i < 10; i++) {
        *now += 10 * NS_PER_MS;
        cc.ops->delivered(&cc, segs / 10, 100 * NS_PER_MS, *now);
    }
}

static void test_westwood_keeps_what_the_path_carried(void **state)
{
    uint64_t now = NS_PER_S;

    (void)state;
    begin(TCP_CC_WESTWOOD, 100);
    cc.ops->delivered(&cc, 1, 100 * NS_PER_MS, now);
    for (unsigned i = 0; i < 40; i++)
        round_trip(50, &now);
    tcp_cc_reduce(&cc, 100, now);
    assert_in_range(cc.ssthresh, 49, 51);
    /* Another rate is believed after a while, not at once. */
    round_trip(100, &now);
    tcp_cc_reduce(&cc, 100, now);
    assert_in_range(cc.ssthresh, 52, 60);
    for (unsigned i = 0; i < 60; i++)
        round_trip(100, &now);
    tcp_cc_reduce(&cc, 100, now);
    assert_in_range(cc.ssthresh, 97, 100);
}

/* A queue makes round trips longer: what counts is the path without it. */
static void test_westwood_leaves_the_queue_empty(void **state)
{
    uint64_t now = NS_PER_S;

    (void)state;
    begin(TCP_CC_WESTWOOD, 100);
    cc.ops->delivered(&cc, 1, 50 * NS_PER_MS, now);
    for (unsigned i = 0; i < 40; i++)
        round_trip(50, &now);
    tcp_cc_reduce(&cc, 100, now);
    assert_in_range(cc.ssthresh, 24, 26);
}

static void test_westwood_never_goes_above_what_was_lost(void **state)
{
    uint64_t now = NS_PER_S;

    (void)state;
    begin(TCP_CC_WESTWOOD, 30);
    tcp_cc_reduce(&cc, 30, now); /* before the first sample: as NewReno */
    assert_int_equal(cc.ssthresh, 15);
    cc.ops->delivered(&cc, 1, 100 * NS_PER_MS, now);
    for (unsigned i = 0; i < 40; i++)
        round_trip(50, &now);
    tcp_cc_reduce(&cc, 30, now);
    assert_int_equal(cc.ssthresh, 30);
    /* An idle time is no sample. */
    cc.ops->restart(&cc, 1, now);
    now += 10 * NS_PER_S;
    cc.ops->delivered(&cc, 1, 100 * NS_PER_MS, now);
    tcp_cc_reduce(&cc, 100, now);
    assert_in_range(cc.ssthresh, 49, 51);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slow_start_doubles),
        cmocka_unit_test(test_slow_start_limit),
        cmocka_unit_test(test_slow_start_ends_at_ssthresh),
        cmocka_unit_test(test_unused_window_does_not_grow),
        cmocka_unit_test(test_newreno_a_segment_for_each_window),
        cmocka_unit_test(test_newreno_halves_and_undoes),
        cmocka_unit_test(test_cube_root),
        cmocka_unit_test(test_cubic_curve),
        cmocka_unit_test(test_cubic_follows),
        cmocka_unit_test(test_cubic_fast_convergence),
        cmocka_unit_test(test_cubic_undo),
        cmocka_unit_test(test_cubic_idle),
        cmocka_unit_test(test_cubic_far),
        cmocka_unit_test(test_cubic_after_a_timeout),
        cmocka_unit_test(test_switch),
        cmocka_unit_test(test_westwood_keeps_what_the_path_carried),
        cmocka_unit_test(test_westwood_leaves_the_queue_empty),
        cmocka_unit_test(test_westwood_never_goes_above_what_was_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
