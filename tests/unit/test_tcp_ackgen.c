/* SPDX-License-Identifier: ISC */
/* test_tcp_ackgen.c - which segments are acknowledged at once, which wait and how long. */
#include "rxrig.h"

#include <cmocka.h>

static struct rxrig rig;
static uint32_t at;

static int open_rig(void **state)
{
    (void)state;
    rxrig_open(&rig, NULL);
    at = 0;
    return 0;
}

static int close_rig(void **state)
{
    (void)state;
    rxrig_close(&rig);
    return 0;
}

static void reopen(const struct tcp_tuning *tuning)
{
    rxrig_close(&rig);
    rxrig_open(&rig, &(struct rxrig_conf){.tuning = tuning});
    at = 0;
}

/* The next segment, read at once; is an ACK owed now? */
static bool segment(uint32_t len, uint16_t flags)
{
    bool acked;

    rxrig_segment(&rig, at, len, flags);
    at += len;
    acked = rxrig_acked(&rig);
    /* So that nothing is owed for what the program did. */
    rig.conn->rcv.ack &= (uint8_t) ~(TCP_ACKGEN_PUSHED | TCP_ACKGEN_PUSHED2);
    rxrig_read(&rig, at - len);
    return rxrig_acked(&rig) || acked;
}

static void end_quick_start(void)
{
    rig.conn->rcv.quick = 0;
    rig.conn->rcv.ato_ns = rig.tcp->conf.tuning.delack_ns;
    rig.conn->rcv.mss = 1460;
    rig.conn->rcv.ssthresh = rig.conn->rcv.limit; /* growing it makes ACKs quick, too */
    tcp_window_offer(rig.conn);
    rig.conn->received_at = tcprig_now();
}

/* ---- every second full segment --------------------------------------------------------------- */

static void test_second_full_segment_is_acknowledged_at_once(void **state)
{
    (void)state;
    end_quick_start();
    for (unsigned i = 0; i < 10; i++) {
        assert_false(segment(1460, 0));
        assert_int_equal(rxrig_delay(&rig), 40 * NS_PER_MS);
        assert_true(segment(1460, 0));
        assert_int_equal(rxrig_delay(&rig), NS_NEVER);
    }
}

/* RFC 9293 section 3.8.6.3 counts full segments; FreeBSD any. */
static void test_small_segments_may_wait(void **state)
{
    (void)state;
    end_quick_start();
    for (unsigned i = 0; i < 14; i++)
        assert_false(segment(100, TCP_PSH));
    assert_true(segment(100, TCP_PSH));
}

static void test_joined_segments_count_as_so_many(void **state)
{
    (void)state;
    end_quick_start();
    rxrig_super(&rig, 0, 1460, 2);
    assert_true(rxrig_acked(&rig));
    rxrig_super(&rig, 2920, 1460, 10);
    assert_true(rxrig_acked(&rig));
}

static void test_one_segment_each_where_tuning_says(void **state)
{
    struct tcp_tuning tuning = tcp_tuning_default;

    (void)state;
    tuning.delack_segments = 1;
    reopen(&tuning);
    end_quick_start();
    assert_true(segment(1460, 0));
    assert_true(segment(1460, 0));
}

static void test_delayed_ack_goes_when_its_time_is_up(void **state)
{
    (void)state;
    end_quick_start();
    assert_false(segment(1000, 0));
    rxrig_wait(&rig, 39 * NS_PER_MS);
    assert_false(rxrig_acked(&rig));
    rxrig_wait(&rig, 1 * NS_PER_MS);
    assert_true(rxrig_acked(&rig));
    assert_int_equal(rig.tcp->stats.delayed_acks, 1);
    /* In vain: it waits longer next time. */
    assert_int_equal(rig.conn->rcv.ato_ns, 80 * NS_PER_MS);
    rxrig_wait(&rig, 500 * NS_PER_MS);
    assert_false(rxrig_acked(&rig));
}

/* RFC 9293 section 3.8.6.3 (MUST-40). */
static void test_delay_is_less_than_half_a_second(void **state)
{
    struct tcp_tuning tuning = tcp_tuning_default;

    (void)state;
    tuning.delack_max_ns = 500 * NS_PER_MS;
    reopen(&tuning);
    end_quick_start();
    for (unsigned i = 0; i < 10; i++) {
        segment(100, 0);
        assert_true(rxrig_delay(&rig) == NS_NEVER || rxrig_delay(&rig) <= 500 * NS_PER_MS);
        rxrig_wait(&rig, 500 * NS_PER_MS);
        rxrig_acked(&rig);
    }
}

/* ---- quick at first -------------------------------------------------------------------------- */

static void test_first_segments_are_acknowledged_at_once(void **state)
{
    uint32_t n = 0;

    (void)state;
    rig.conn->rcv.ssthresh = rig.conn->rcv.limit;
    while (segment(1460, 0))
        n++;
    assert_in_range(n, 15, 17);
}

/* After silence the sender is in slow start again (RFC 5681 section 4.1). */
static void test_quick_again_after_silence(void **state)
{
    (void)state;
    end_quick_start();
    assert_false(segment(100, 0));
    rxrig_wait(&rig, 3 * NS_PER_S);
    rxrig_acked(&rig);
    assert_true(segment(100, 0));
    assert_true(segment(100, 0));
}

static void test_old_segment_makes_quick(void **state)
{
    (void)state;
    end_quick_start();
    rig.conn->rcv.pingpong = true;
    assert_false(segment(1000, 0));
    rxrig_text(&rig, 0, 1000);
    assert_int_equal(rxrig_dup_acks(&rig), 1);
    assert_false(rig.conn->rcv.pingpong);
    assert_true(segment(1000, 0));
}

static void test_quickack_option(void **state)
{
    (void)state;
    end_quick_start();
    tcp_ackgen_set_quick(rig.conn, true);
    for (unsigned i = 0; i < 40; i++)
        assert_true(segment(10, 0));
    tcp_ackgen_set_quick(rig.conn, false);
    rig.conn->rcv.quick = 0;
    assert_false(segment(10, 0));
    /* What waits goes when it is set. */
    tcp_ackgen_set_quick(rig.conn, true);
    assert_true(rxrig_acked(&rig));
}

/* ---- a dialogue ------------------------------------------------------------------------------ */

static void test_answer_carries_the_ack(void **state)
{
    (void)state;
    assert_true(segment(100, TCP_PSH)); /* quick */
    rxrig_answer(&rig);
    assert_true(rig.conn->rcv.pingpong);
    assert_false(segment(100, TCP_PSH));
    assert_int_equal(rxrig_delay(&rig), 40 * NS_PER_MS);
    rxrig_answer(&rig);
    assert_int_equal(rxrig_delay(&rig), NS_NEVER);
    assert_false(rxrig_acked(&rig));
}

static void test_dialogue_ends_when_no_answer_comes(void **state)
{
    (void)state;
    segment(100, TCP_PSH);
    rxrig_answer(&rig);
    assert_false(segment(100, TCP_PSH));
    rxrig_wait(&rig, 40 * NS_PER_MS);
    assert_true(rxrig_acked(&rig));
    assert_false(rig.conn->rcv.pingpong);
    assert_int_equal(rig.conn->rcv.ato_ns, 40 * NS_PER_MS);
}

/* Its timer is about to expire: a second one need not wait for that. */
static void test_delay_that_is_nearly_over_is_over(void **state)
{
    (void)state;
    end_quick_start();
    assert_false(segment(100, TCP_PSH));
    vplat_advance(31 * NS_PER_MS);
    assert_true(segment(100, TCP_PSH));
}

/* Longer than a round trip makes the sender wait for nothing. */
static void test_delay_is_a_round_trip_at_most(void **state)
{
    (void)state;
    end_quick_start();
    rig.conn->rcv.ato_ns = 190 * NS_PER_MS;
    rig.conn->rtt.srtt_ns = 60 * NS_PER_MS;
    segment(100, 0);
    assert_int_equal(rxrig_delay(&rig), 60 * NS_PER_MS);
    rxrig_answer(&rig);
    rig.conn->rcv.ato_ns = 190 * NS_PER_MS;
    rig.conn->rcv.pingpong = false;
    rig.conn->rtt.srtt_ns = 1 * NS_PER_MS;
    segment(100, 0);
    assert_int_equal(rxrig_delay(&rig), 40 * NS_PER_MS);
}

static void test_late_answer_is_no_dialogue(void **state)
{
    (void)state;
    segment(100, TCP_PSH);
    vplat_advance(50 * NS_PER_MS);
    rxrig_answer(&rig);
    assert_false(rig.conn->rcv.pingpong);
}

/* The delay follows the time between segments. */
static void test_delay_follows_the_pace(void **state)
{
    (void)state;
    end_quick_start();
    rig.conn->rcv.ato_ns = 160 * NS_PER_MS;
    vplat_advance(100 * NS_PER_MS);
    segment(100, 0);
    assert_int_equal(rig.conn->rcv.ato_ns, 180 * NS_PER_MS);
    vplat_advance(10 * NS_PER_MS);
    segment(100, 0);
    assert_int_equal(rig.conn->rcv.ato_ns, 110 * NS_PER_MS);
}

/* Who has read all of a short message, and answers nothing, acknowledges it. */
static void test_small_message_read_whole_is_acknowledged(void **state)
{
    (void)state;
    end_quick_start();
    rxrig_segment(&rig, 0, 100, TCP_PSH);
    assert_false(rxrig_acked(&rig));
    rxrig_read(&rig, 0);
    assert_true(rxrig_acked(&rig));
}

/* ---- habits ---------------------------------------------------------------------------------- */

static void test_bsd_acknowledges_every_other_segment(void **state)
{
    (void)state;
    reopen(&tcp_tuning_freebsd);
    for (unsigned i = 0; i < 5; i++) {
        assert_false(segment(10, TCP_PSH));
        assert_int_equal(rxrig_delay(&rig), 40 * NS_PER_MS);
        assert_true(segment(10, TCP_PSH));
    }
    assert_false(segment(1460, 0));
    rxrig_wait(&rig, 40 * NS_PER_MS);
    assert_true(rxrig_acked(&rig));
    /* An answer makes no difference. */
    assert_false(segment(10, TCP_PSH));
    rxrig_answer(&rig);
    assert_false(segment(10, TCP_PSH));
    assert_int_equal(rxrig_delay(&rig), 40 * NS_PER_MS);
}

/* Linux: a FIN's ACK may ride on an answer; the RFC's advice is at once. */
static void test_ack_of_a_fin(void **state)
{
    (void)state;
    reopen(&tcp_tuning_linux);
    segment(100, 0);
    rxrig_segment(&rig, 100, 0, TCP_FIN);
    assert_false(rxrig_acked(&rig));
    assert_int_equal(rxrig_delay(&rig), 40 * NS_PER_MS);
    reopen(&tcp_tuning_linux);
    rxrig_segment(&rig, 0, 0, TCP_FIN); /* nothing came before: nothing to wait for */
    assert_true(rxrig_acked(&rig));
    reopen(&tcp_tuning_freebsd);
    rxrig_segment(&rig, 0, 0, TCP_FIN);
    assert_true(rxrig_acked(&rig));
    reopen(&tcp_tuning_default);
    segment(100, 0);
    rxrig_segment(&rig, 100, 0, TCP_FIN);
    assert_true(rxrig_acked(&rig));
}

/* Linux: where the program does not read, the window cannot open, and its reading will tell. */
static void test_linux_waits_for_the_reader(void **state)
{
    const struct tcp_tuning *habits[] = {&tcp_tuning_default, &tcp_tuning_linux};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        reopen(habits[i]);
        end_quick_start();
        rig.conn->rcv.limit = 40000;
        rig.conn->rcv.ssthresh = 40000;
        rig.conn->rcv_adv = rig.conn->rcv_nxt + 40000;
        rxrig_text(&rig, 0, 1460);
        rxrig_text(&rig, 1460, 1460);
        assert_int_equal(rxrig_acked(&rig), i == 0);
        rxrig_read(&rig, 0);
        assert_int_equal(rxrig_acked(&rig), i == 1);
    }
}

/* ---- length of the peer's segments ----------------------------------------------------------- */

static void test_segments_length_is_learnt(void **state)
{
    (void)state;
    assert_int_equal(rig.conn->rcv.mss, 536);
    segment(1000, 0);
    assert_int_equal(rig.conn->rcv.mss, 1000);
    segment(700, 0); /* one says nothing */
    assert_int_equal(rig.conn->rcv.mss, 1000);
    segment(700, 0); /* two do */
    assert_int_equal(rig.conn->rcv.mss, 700);
    segment(200, TCP_PSH); /* ends of what was written do not */
    segment(200, TCP_PSH);
    assert_int_equal(rig.conn->rcv.mss, 700);
    segment(200, 0);
    segment(200, 0);
    assert_int_equal(rig.conn->rcv.mss, 200);
    segment(10, 0);
    segment(10, 0);
    assert_int_equal(rig.conn->rcv.mss, 200);
}

/* ---- congestion marks (RFC 3168 section 6.1.3) ----------------------------------------------- */

static void test_ce_is_told_at_once_and_until_cwr(void **state)
{
    (void)state;
    rig.conn->ecn_ok = true;
    end_quick_start();
    rig.ecn = 2;
    assert_false(segment(100, 0));
    rig.ecn = 3;
    assert_true(segment(100, 0));
    assert_true(rig.conn->ecn_demand);
    rig.ecn = 2;
    segment(100, 0);
    assert_true(rig.conn->ecn_demand);
    rig.conn->rcv.quick = 0;
    assert_true(segment(100, TCP_CWR)); /* its window may be one segment: it waits */
    assert_false(rig.conn->ecn_demand);
    assert_int_equal(rig.tcp->stats.ecn_ce_in, 1);
    /* CE on the segment with CWR counts anew. */
    rig.ecn = 3;
    segment(100, TCP_CWR);
    assert_true(rig.conn->ecn_demand);
}

static void test_ce_of_early_segments_counts(void **state)
{
    (void)state;
    rig.conn->ecn_ok = true;
    rig.ecn = 3;
    rxrig_text(&rig, 1000, 100);
    assert_true(rig.conn->ecn_demand);
}

static void test_marks_are_nothing_where_not_agreed_upon(void **state)
{
    (void)state;
    rig.ecn = 3;
    segment(100, 0);
    assert_false(rig.conn->ecn_demand);
}

/* Sent again it is not marked: where all are, there was loss. */
static void test_unmarked_among_marked_makes_quick(void **state)
{
    (void)state;
    rig.conn->ecn_ok = true;
    end_quick_start();
    rig.ecn = 2;
    assert_false(segment(100, 0));
    rig.ecn = 0;
    assert_true(segment(100, 0));
}

/* ---- what an ACK resets ---------------------------------------------------------------------- */

static void test_any_segment_carries_the_ack(void **state)
{
    (void)state;
    end_quick_start();
    assert_false(segment(1000, 0));
    tcp_ackgen_sent(rig.conn, true, tcprig_now());
    assert_int_equal(rxrig_delay(&rig), NS_NEVER);
    assert_int_equal(rig.conn->rcv_wup, rig.conn->rcv_nxt);
    assert_int_equal(rig.conn->last_ack_sent, rig.conn->rcv_nxt);
    assert_int_equal(rig.conn->rcv.ack, 0);
}

/* A pure ACK of ours uses up a quick one only where something was to be acknowledged. */
static void test_quick_ones_are_spent_by_acks(void **state)
{
    (void)state;
    rig.conn->rcv.quick = 5;
    tcp_ackgen_sent(rig.conn, false, tcprig_now());
    assert_int_equal(rig.conn->rcv.quick, 5);
    rig.conn->rcv.ack = TCP_ACKGEN_DUE;
    tcp_ackgen_sent(rig.conn, false, tcprig_now());
    assert_int_equal(rig.conn->rcv.quick, 4);
}

/* A timer that was stopped too late finds nothing to do. */
static void test_nothing_due_is_not_acknowledged(void **state)
{
    (void)state;
    tcp_ackgen_expired(rig.conn, tcprig_now());
    tcp_ackgen_decide(rig.conn, tcprig_now());
    assert_false(rxrig_acked(&rig));
    assert_int_equal(rxrig_delay(&rig), NS_NEVER);
}

/* An echo of what we never said tells no round trip. */
static void test_absurd_echo_is_no_round_trip(void **state)
{
    (void)state;
    rxrig_close(&rig);
    rxrig_open(&rig, &(struct rxrig_conf){.ts = true});
    rig.ts_ecr = tcp_ts_now(rig.tcp, rig.conn->ts_offset, tcprig_now()) + 100000;
    rxrig_text(&rig, 0, 1448);
    assert_int_equal(rig.conn->rcv.rtt_ns, 0);
    rig.ts_ecr = tcp_ts_now(rig.tcp, rig.conn->ts_offset, tcprig_now()) - 30;
    rxrig_text(&rig, 1448, 1448);
    assert_int_equal(rig.conn->rcv.rtt_ns, 30 * NS_PER_MS);
    rxrig_read(&rig, 0);
}

/* Where a segment has none, there is no echo to learn a round trip from. */
static void test_no_round_trip_without_a_timestamp(void **state)
{
    struct tcp_rx rx = {.key = rig.conn->link.key,
                        .hdr = {.flags = TCP_ACK, .header_len = 20},
                        .opts = {.ts_ecr = 1},
                        .len = 1460,
                        .segs = 1,
                        .mss = 1460,
                        .now = tcprig_now()};

    (void)state;
    rig.conn->ts_ok = true;
    tcp_ackgen_data(rig.conn, &rx);
    assert_int_equal(rig.conn->rcv.rtt_ns, 0);
    rx.opts.has = TCP_HAS_TS;
    rx.opts.ts_ecr = tcp_ts_now(rig.tcp, rig.conn->ts_offset, rx.now) - 10;
    tcp_ackgen_data(rig.conn, &rx);
    assert_int_equal(rig.conn->rcv.rtt_ns, 10 * NS_PER_MS);
    rig.conn->rcv.ack = 0;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)
    const struct CMUnitTest tests[] = {
        T(test_second_full_segment_is_acknowledged_at_once),
        T(test_small_segments_may_wait),
        T(test_joined_segments_count_as_so_many),
        T(test_one_segment_each_where_tuning_says),
        T(test_delayed_ack_goes_when_its_time_is_up),
        T(test_delay_is_less_than_half_a_second),
        T(test_first_segments_are_acknowledged_at_once),
        T(test_quick_again_after_silence),
        T(test_old_segment_makes_quick),
        T(test_quickack_option),
        T(test_answer_carries_the_ack),
        T(test_dialogue_ends_when_no_answer_comes),
        T(test_delay_that_is_nearly_over_is_over),
        T(test_delay_is_a_round_trip_at_most),
        T(test_late_answer_is_no_dialogue),
        T(test_delay_follows_the_pace),
        T(test_small_message_read_whole_is_acknowledged),
        T(test_bsd_acknowledges_every_other_segment),
        T(test_ack_of_a_fin),
        T(test_linux_waits_for_the_reader),
        T(test_segments_length_is_learnt),
        T(test_ce_is_told_at_once_and_until_cwr),
        T(test_ce_of_early_segments_counts),
        T(test_marks_are_nothing_where_not_agreed_upon),
        T(test_unmarked_among_marked_makes_quick),
        T(test_any_segment_carries_the_ack),
        T(test_quick_ones_are_spent_by_acks),
        T(test_nothing_due_is_not_acknowledged),
        T(test_absurd_echo_is_no_round_trip),
        cmocka_unit_test_setup_teardown(test_no_round_trip_without_a_timestamp, open_rig,
                                        close_rig),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
