/* SPDX-License-Identifier: ISC */
/* test_tcp_hystart.c - slow start ends where round trips grow (RFC 9406), or at once as Linux
 * does. */
#include "txtest.h"

static void begin(enum tcp_hystart_mode mode)
{
    struct txrig_conf conf = {.tuning = tcp_tuning_linux, .cwnd = 20};

    conf.tuning.hystart = (uint8_t)mode;
    txrig_open(&rig, &conf);
}

/* A round: all of a window is sent, its ACKs come `rtt` later, each 3 ms after the last. */
static void window(uint64_t rtt)
{
    uint32_t at = rig.conn->snd_nxt - rig.first, n = tcp_reduce_quota(rig.conn);

    for (uint32_t i = 0; i < n; i++) {
        txrig_send(&rig, 1);
        txrig_pass(&rig, 3 * MS);
    }
    txrig_pass(&rig, rtt - n * 3 * MS);
    for (uint32_t i = 1; i <= n; i++) {
        txrig_ack(&rig, at + i * TXRIG_MSS, 0);
        txrig_pass(&rig, 3 * MS);
    }
}

static void test_steady_round_trips_end_nothing(void **state)
{
    (void)state;
    for (int mode = TCP_HYSTART_OFF; mode <= TCP_HYSTART_LINUX; mode++) {
        begin((enum tcp_hystart_mode)mode);
        for (unsigned i = 0; i < 4; i++)
            window(1000 * MS);
        assert_int_equal(ssthresh(), UINT32_MAX);
        assert_int_equal(rig.conn->cc.cwnd, 320);
        if (mode != TCP_HYSTART_LINUX)
            txrig_close(&rig);
    }
}

/* RFC 9406 section 4.2: longer by 16 ms: growth at a quarter for five rounds, then it ends. */
static void test_longer_round_trips_slow_it_down(void **state)
{
    uint32_t cwnd;

    (void)state;
    begin(TCP_HYSTART_RFC);
    window(600 * MS);
    window(600 * MS);
    assert_int_equal(rig.conn->cc.cwnd, 80);
    window(615 * MS);
    assert_int_equal(rig.conn->cc.cwnd, 160);
    assert_int_equal(rig.conn->cc.hystart.css_rounds, 0);
    window(700 * MS);
    assert_int_equal(rig.conn->cc.hystart.css_rounds, 5);
    /* The first seven of the round were before the eighth sample. */
    cwnd = rig.conn->cc.cwnd;
    assert_in_range(cwnd, 160 + 7 + 152 / 4, 160 + 9 + 154 / 4);
    for (unsigned i = 4; i > 0; i--) {
        window(2000 * MS);
        assert_int_equal(rig.conn->cc.hystart.css_rounds, i);
    }
    assert_int_equal(ssthresh(), UINT32_MAX);
    cwnd = rig.conn->cc.cwnd;
    window(4000 * MS);
    assert_in_range(ssthresh(), cwnd, cwnd + 1);
    assert_in_range(rig.conn->cc.cwnd, cwnd, cwnd + cwnd / 8);
}

/* It was chance: round trips are short again, and so slow start goes on. */
static void test_chance_is_taken_back(void **state)
{
    (void)state;
    begin(TCP_HYSTART_RFC);
    window(600 * MS);
    window(600 * MS);
    window(660 * MS);
    assert_int_equal(rig.conn->cc.hystart.css_rounds, 5);
    window(600 * MS);
    assert_int_equal(rig.conn->cc.hystart.css_rounds, 0);
    assert_int_equal(ssthresh(), UINT32_MAX);
}

/* An eighth of the round trip, 4 ms at least and 16 at most. */
static void test_threshold(void **state)
{
    (void)state;
    begin(TCP_HYSTART_RFC);
    window(100 * MS);
    window(200 * MS);
    assert_int_equal(rig.conn->cc.hystart.css_rounds, 5);
    txrig_close(&rig);
    begin(TCP_HYSTART_RFC);
    window(100 * MS);
    window(124 * MS);
    txrig_close(&rig);
    begin(TCP_HYSTART_RFC);
    window(600 * MS);
    window(615 * MS);
    assert_int_equal(rig.conn->cc.hystart.css_rounds, 0);
    txrig_close(&rig);
    begin(TCP_HYSTART_RFC);
    window(600 * MS);
    window(616 * MS);
    assert_int_equal(rig.conn->cc.hystart.css_rounds, 5);
}

/* After a loss the bound is known: it is for the first slow start only. */
static void test_not_below_a_known_threshold(void **state)
{
    (void)state;
    begin(TCP_HYSTART_RFC);
    rig.conn->cc.ssthresh = 1000;
    window(600 * MS);
    window(800 * MS);
    window(900 * MS);
    assert_int_equal(rig.conn->cc.hystart.css_rounds, 0);
    assert_int_equal(ssthresh(), 1000);
}

/* Linux: against the least ever, and at once. */
static void test_at_once(void **state)
{
    (void)state;
    begin(TCP_HYSTART_LINUX);
    window(600 * MS);
    assert_int_equal(ssthresh(), UINT32_MAX);
    window(617 * MS);
    assert_in_range(ssthresh(), 40 + 7, 40 + 10);
}

/* Linux: ACKs less than 2 ms apart for more than half the least round trip. */
static void test_train_of_acks(void **state)
{
    (void)state;
    begin(TCP_HYSTART_LINUX);
    window(100 * MS);
    assert_int_equal(rig.conn->cc.cwnd, 40);
    txrig_send(&rig, 40);
    txrig_pass(&rig, 100 * MS);
    for (uint32_t i = 21; i <= 60; i++) {
        txrig_ack(&rig, i * TXRIG_MSS, 0);
        txrig_send(&rig, tcp_reduce_quota(rig.conn));
        txrig_pass(&rig, 19 * MS / 10);
    }
    assert_in_range(ssthresh(), 40 + 25, 40 + 31);
}

/* NewReno with Linux's habits has none; with RFC 9406's it has. */
static void test_of_cubic_only_with_linux(void **state)
{
    (void)state;
    begin(TCP_HYSTART_LINUX);
    rig.conn->cc.ops = &tcp_cc_newreno;
    window(600 * MS);
    window(900 * MS);
    assert_int_equal(ssthresh(), UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_steady_round_trips_end_nothing),
        TEST(test_longer_round_trips_slow_it_down),
        TEST(test_chance_is_taken_back),
        TEST(test_threshold),
        TEST(test_not_below_a_known_threshold),
        TEST(test_at_once),
        TEST(test_train_of_acks),
        TEST(test_of_cubic_only_with_linux),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
