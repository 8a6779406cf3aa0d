/* SPDX-License-Identifier: ISC */
/* test_tcp_rtt.c - the round trip's time and RTO (RFC 6298), against the RFC's formulas in floating
 * point. */
#include "support.h"

#include <cmocka.h>

#include "tcpip/tcp_priv.h"

#define MS NS_PER_MS

static struct tcp_tuning tuning;
static struct tcp_rtt rtt;
static uint32_t una, nxt;

static void begin(bool floored)
{
    tuning = tcp_tuning_default;
    tuning.rto_variance_floor = floored;
    tuning.rto_min_ns = 200 * MS;
    tuning.rto_max_ns = 120 * NS_PER_S;
    tuning.rto_initial_ns = NS_PER_S;
    tcp_rtt_init(&rtt, &tuning);
    una = nxt = 0xfffffff0;
}

/* A sample in a round of its own. */
static void sample(uint64_t ns, uint64_t now)
{
    nxt += 1000;
    tcp_rtt_sample(&rtt, &tuning, ns, una, nxt, now);
    una = nxt;
}

static void test_before_a_sample_it_is_the_initial_one(void **state)
{
    (void)state;
    begin(false);
    assert_int_equal(tcp_rtt_rto(&rtt, &tuning), NS_PER_S);
    assert_true(rtt.min_ns == UINT64_MAX);
}

/* RFC 6298 section 2.2: SRTT = R, RTTVAR = R/2, so RTO = 3R. */
static void test_first_sample(void **state)
{
    (void)state;
    for (int floored = 0; floored < 2; floored++) {
        begin(floored != 0);
        sample(100 * MS, 0);
        assert_int_equal(rtt.srtt_ns, 100 * MS);
        assert_int_equal(rtt.rttvar_ns, 50 * MS);
        assert_int_equal(tcp_rtt_rto(&rtt, &tuning), 300 * MS);
    }
}

/* Section 2.3, for a thousand samples of every kind. */
static void test_formula(void **state)
{
    double srtt = 0, var = 0, rto;

    (void)state;
    begin(false);
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t ns = (i * 7919u % 400 + 1) * MS;
        double r = (double)ns;

        sample(ns, i * NS_PER_S);
        if (i == 0) {
            srtt = r;
            var = r / 2;
        } else {
            var = 0.75 * var + 0.25 * (srtt > r ? srtt - r : r - srtt);
            srtt = 0.875 * srtt + 0.125 * r;
        }
        rto = srtt + 4 * var;
        if (rto < 2e8)
            rto = 2e8;
        assert_true((double)rtt.srtt_ns > srtt - 100 && (double)rtt.srtt_ns < srtt + 100);
        assert_true((double)rtt.rto_ns > rto - 1e3 && (double)rtt.rto_ns < rto + 1.001e6);
    }
}

/* Section 2.4: a second there, rto_min here: of the sum. */
static void test_minimum_of_the_sum(void **state)
{
    (void)state;
    begin(false);
    for (unsigned i = 0; i < 50; i++)
        sample(MS, i);
    assert_int_equal(rtt.rto_ns, 200 * MS);
}

/* With the floor under the variance RTO is SRTT and the floor, however steady the path is. */
static void test_minimum_of_the_variance(void **state)
{
    (void)state;
    begin(true);
    for (unsigned i = 0; i < 100; i++)
        sample(100 * MS, i);
    assert_int_equal(rtt.rto_ns, 300 * MS);
    assert_true(rtt.rttvar_ns < MS);
}

/* It grows at once and falls by quarters at the ends of rounds. */
static void test_variance_falls_by_rounds(void **state)
{
    uint64_t high;

    (void)state;
    begin(true);
    for (unsigned i = 0; i < 20; i++)
        sample(100 * MS, i);
    sample(500 * MS, 20);
    high = rtt.spread_ns;
    assert_true(high >= 400 * MS);
    /* In the same round nothing is let go. */
    for (unsigned i = 0; i < 50; i++)
        tcp_rtt_sample(&rtt, &tuning, rtt.srtt_ns, rtt.round_end, nxt, 21);
    assert_true(rtt.spread_ns == high);
    for (unsigned i = 0; i < 60; i++)
        sample(100 * MS, 22 + i);
    assert_true(rtt.spread_ns < 210 * MS && rtt.spread_ns >= 200 * MS);
}

/* A much shorter round trip must not lengthen RTO: it counts an eighth as much. */
static void test_a_good_surprise_is_gentle(void **state)
{
    uint64_t before;

    (void)state;
    begin(true);
    for (unsigned i = 0; i < 40; i++)
        sample(1000 * MS, i);
    before = rtt.rto_ns;
    sample(10 * MS, 40);
    assert_true(rtt.rto_ns <= before);
}

/* Section 5.5: doubling, within the bound; 5.7: a sample ends it. */
static void test_backoff(void **state)
{
    (void)state;
    begin(true);
    sample(100 * MS, 0);
    rtt.backoff = 3;
    assert_int_equal(tcp_rtt_rto(&rtt, &tuning), 2400 * MS);
    rtt.backoff = 200;
    assert_int_equal(tcp_rtt_rto(&rtt, &tuning), 120 * NS_PER_S);
    sample(100 * MS, 1);
    assert_int_equal(rtt.backoff, 0);
}

static void test_a_sample_of_zero_is_a_sample(void **state)
{
    (void)state;
    begin(true);
    sample(0, 0);
    assert_int_equal(rtt.srtt_ns, 1);
    assert_int_equal(rtt.rto_ns, 201 * MS);
    assert_int_equal(rtt.min_ns, 0);
}

/* The least of the last five minutes. */
static void test_least(void **state)
{
    (void)state;
    begin(true);
    sample(50 * MS, 0);
    sample(80 * MS, 10 * NS_PER_S);
    assert_int_equal(rtt.min_ns, 50 * MS);
    sample(80 * MS, 301 * NS_PER_S);
    assert_int_equal(rtt.min_ns, 80 * MS);
    sample(20 * MS, 302 * NS_PER_S);
    assert_int_equal(rtt.min_ns, 20 * MS);
}

static void test_longest(void **state)
{
    (void)state;
    begin(false);
    sample(300 * NS_PER_S, 0);
    assert_int_equal(rtt.rto_ns, 120 * NS_PER_S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_before_a_sample_it_is_the_initial_one),
        cmocka_unit_test(test_first_sample),
        cmocka_unit_test(test_formula),
        cmocka_unit_test(test_minimum_of_the_sum),
        cmocka_unit_test(test_minimum_of_the_variance),
        cmocka_unit_test(test_variance_falls_by_rounds),
        cmocka_unit_test(test_a_good_surprise_is_gentle),
        cmocka_unit_test(test_backoff),
        cmocka_unit_test(test_a_sample_of_zero_is_a_sample),
        cmocka_unit_test(test_least),
        cmocka_unit_test(test_longest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
