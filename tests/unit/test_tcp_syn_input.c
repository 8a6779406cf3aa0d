/* SPDX-License-Identifier: ISC */
/* test_tcp_syn_input.c - segments for a half-open connection: SYN-RECEIVED of a passive open. */
#include "tcpsyntest.h"

/* A duplicate SYN makes neither a second connection nor a second number. */
static void test_duplicate_syn_gets_the_same_synack(void **state)
{
    struct tcp_tuning tuning = tuning_of(true);
    struct tcpwire w;
    struct tcpwire_seg first = begin(&w, &tuning), again;

    (void)state;
    tcpwire_pass(&w, 300 * NS_PER_MS);
    for (unsigned i = 0; i < 3; i++) {
        tcpwire_in(&w, syn);
        again = tcpwire_out(&w);
        same_but_for_the_clock(&first, &again);
    }
    assert_int_equal(tcp_usage(&w.tcp).syns, 1);
    /* The wait begins anew, and tries are not used up. */
    assert_int_equal(tcp_syn_next(&w.tcp), w.rig->now + NS_PER_S);
    tcpwire_close(&w);
}

static void test_duplicate_syns_are_not_answered_more_often_than_the_limit(void **state)
{
    struct tcp_tuning tuning = tcp_tuning_default;
    struct tcpwire w;

    (void)state;
    tuning.invalid_ack_ns = 500 * NS_PER_MS;
    begin(&w, &tuning);
    tcpwire_in(&w, syn);
    tcpwire_out(&w);
    tcpwire_pass(&w, 499 * NS_PER_MS);
    tcpwire_in(&w, syn);
    tcpwire_quiet(&w);
    tcpwire_pass(&w, NS_PER_MS);
    tcpwire_in(&w, syn);
    tcpwire_out(&w);
    tcpwire_close(&w);
}

/* RFC 9293 section 3.10.7.4, first. */
static void test_segments_outside_the_window_are_answered_by_where_we_are(void **state)
{
    static const uint32_t seqs[] = {IRS, IRS - 1, IRS + 1 + 65535, IRS + 0x80000000u};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(seqs); i++) {
        struct tcp_tuning tuning = tuning_of(true);
        struct tcpwire w;
        struct tcpwire_seg synack = begin(&w, &tuning), s;

        tcpwire_in(&w, with(syn, F_ACK, seqs[i], synack.seq + 1));
        s = tcpwire_out(&w);
        assert_int_equal(s.flags, F_ACK);
        assert_int_equal(s.seq, synack.seq + 1);
        assert_int_equal(s.ack, IRS + 1);
        assert_int_equal(s.wnd, 65535 >> 7);
        assert_true(s.ts);
        assert_int_equal(tcp_usage(&w.tcp).syns, 1);
        /* A RST there is dropped without a word. */
        tcpwire_in(&w, with(syn, F_RST, seqs[i], 0));
        tcpwire_quiet(&w);
        assert_int_equal(tcp_usage(&w.tcp).syns, 1);
        tcpwire_close(&w);
    }
}

/* RFC 7323 section 5.3, R1. */
static void test_older_timestamps_are_answered_and_dropped(void **state)
{
    struct tcp_tuning tuning = tuning_of(true);
    struct tcpwire w;
    struct tcpwire_seg synack = begin(&w, &tuning);
    struct tcp_frame ack = with(syn, F_ACK, IRS + 1, synack.seq + 1);

    (void)state;
    ack.tsval = 999;
    tcpwire_in(&w, ack);
    assert_int_equal(tcpwire_out(&w).flags, F_ACK);
    assert_int_equal(w.tcp.stats.paws, 1);
    assert_int_equal(tcp_usage(&w.tcp).conns, 0);
    ack.tsval = 1000;
    tcpwire_in(&w, ack);
    assert_int_equal(tcp_usage(&w.tcp).conns, 1);
    tcpwire_close(&w);
}

static void test_timestamps_agreed_upon_must_be_there(void **state)
{
    (void)state;
    for (unsigned required = 0; required < 2; required++) {
        struct tcp_tuning tuning = tuning_of(true);
        struct tcpwire w;
        struct tcpwire_seg synack;
        struct tcp_frame ack;

        tuning.timestamps_required = required;
        synack = begin(&w, &tuning);
        ack = with(syn, F_ACK, IRS + 1, synack.seq + 1);
        ack.ts = false;
        tcpwire_in(&w, ack);
        assert_int_equal(w.tcp.stats.no_timestamp, required);
        assert_int_equal(tcp_usage(&w.tcp).conns, !required);
        tcpwire_close(&w);
    }
}

/* RFC 5961 section 3.2: exactly the next number, or a challenge. */
static void test_rst_ends_it_only_with_exactly_the_next_number(void **state)
{
    (void)state;
    for (unsigned exact = 0; exact < 2; exact++) {
        struct tcp_tuning tuning = tuning_of(true);
        struct tcpwire w;

        begin(&w, &tuning);
        tcpwire_in(&w, with(syn, F_RST, IRS + (exact ? 1 : 2), 0));
        if (exact) {
            tcpwire_quiet(&w);
            assert_int_equal(tcp_usage(&w.tcp).syns, 0);
            assert_int_equal(w.tcp.stats.reset_in, 1);
        } else {
            assert_int_equal(tcpwire_out(&w).flags, F_ACK);
            assert_int_equal(tcp_usage(&w.tcp).syns, 1);
            assert_int_equal(w.tcp.stats.rst_in_window, 1);
        }
        tcpwire_close(&w);
    }
}

static void test_linux_takes_any_rst_in_the_window(void **state)
{
    struct tcp_tuning tuning = tuning_of(false);
    struct tcpwire w;

    (void)state;
    begin(&w, &tuning);
    tcpwire_in(&w, with(syn, F_RST, IRS + 2, 0));
    tcpwire_quiet(&w);
    assert_int_equal(tcp_usage(&w.tcp).syns, 0);
    tcpwire_close(&w);
}

/* RFC 9293 section 3.10.7.4, fourth: back to LISTEN, where the peer's next try begins anew. */
static void test_another_syn_in_the_window_ends_it(void **state)
{
    (void)state;
    for (unsigned strict = 0; strict < 2; strict++) {
        struct tcp_tuning tuning = tuning_of(strict);
        struct tcpwire w;
        struct tcpwire_seg first = begin(&w, &tuning), s;

        tcpwire_in(&w, with(syn, F_SYN, IRS + 100, 0));
        if (strict) {
            tcpwire_quiet(&w);
        } else {
            s = tcpwire_out(&w);
            assert_int_equal(s.flags, F_RST | F_ACK);
            assert_int_equal(s.ack, IRS + 101);
        }
        assert_int_equal(tcp_usage(&w.tcp).syns, 0);
        tcpwire_pass(&w, 10 * NS_PER_MS);
        tcpwire_in(&w, with(syn, F_SYN, IRS + 100, 0));
        s = tcpwire_out(&w);
        assert_int_equal(s.flags, F_SYN | F_ACK);
        assert_int_equal(s.ack, IRS + 101);
        assert_true(s.seq != first.seq);
        tcpwire_close(&w);
    }
}

/* A peer that has forgotten: its new SYN is far outside; our ACK makes it reset what is left,
 * and then its SYN opens. */
static void test_another_syn_outside_the_window_is_answered_by_ack(void **state)
{
    struct tcp_tuning tuning = tuning_of(true);
    struct tcpwire w;
    struct tcpwire_seg s;

    (void)state;
    begin(&w, &tuning);
    tcpwire_in(&w, with(syn, F_SYN, 5000000, 0));
    s = tcpwire_out(&w);
    assert_int_equal(s.flags, F_ACK);
    tcpwire_in(&w, with(syn, F_RST, s.ack, 0));
    tcpwire_quiet(&w);
    tcpwire_in(&w, with(syn, F_SYN, 5000000, 0));
    assert_int_equal(tcpwire_out(&w).ack, 5000001);
    tcpwire_close(&w);
}

/* RFC 9293 section 3.10.7.4, fifth. */
static void test_ack_of_another_number_is_reset_and_changes_nothing(void **state)
{
    static const uint32_t wrong[] = {0, 2, 0x80000000u, UINT32_MAX};

    (void)state;
    for (unsigned strict = 0; strict < 2; strict++)
        for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
            struct tcp_tuning tuning = tuning_of(strict);
            struct tcpwire w;
            struct tcpwire_seg synack = begin(&w, &tuning), s;

            tcpwire_in(&w, with(syn, F_ACK, IRS + 1, synack.seq + wrong[i]));
            s = tcpwire_out(&w);
            assert_int_equal(s.flags, F_RST);
            assert_int_equal(s.seq, synack.seq + wrong[i]);
            assert_int_equal(tcp_usage(&w.tcp).syns, 1);
            tcpwire_in(&w, with(syn, F_ACK, IRS + 1, synack.seq + 1));
            assert_int_equal(tcp_usage(&w.tcp).conns, 1);
            assert_int_equal(tcp_usage(&w.tcp).syns, 0);
            tcpwire_close(&w);
        }
}

static void test_without_ack_nothing_happens(void **state)
{
    struct tcp_tuning tuning = tuning_of(true);
    struct tcp_frame f;
    struct tcpwire w;

    (void)state;
    begin(&w, &tuning);
    f = with(syn, F_PSH, IRS + 1, 0);
    f.len = 10;
    tcpwire_in(&w, f);
    tcpwire_in(&w, with(syn, F_FIN, IRS + 1, 0));
    tcpwire_quiet(&w);
    assert_int_equal(tcp_usage(&w.tcp).syns, 1);
    tcpwire_close(&w);
}

/* An old copy of the SYN is not answered by the SYN-ACK. */
static void test_an_older_copy_of_the_syn_is_answered_by_ack(void **state)
{
    struct tcp_tuning tuning = tuning_of(true);
    struct tcpwire w;
    struct tcp_frame f = syn;

    (void)state;
    begin(&w, &tuning);
    f.tsval = 999;
    tcpwire_in(&w, f);
    assert_int_equal(tcpwire_out(&w).flags, F_ACK);
    assert_int_equal(w.tcp.stats.paws, 1);
    tcpwire_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_duplicate_syn_gets_the_same_synack),
        cmocka_unit_test(test_duplicate_syns_are_not_answered_more_often_than_the_limit),
        cmocka_unit_test(test_segments_outside_the_window_are_answered_by_where_we_are),
        cmocka_unit_test(test_older_timestamps_are_answered_and_dropped),
        cmocka_unit_test(test_timestamps_agreed_upon_must_be_there),
        cmocka_unit_test(test_rst_ends_it_only_with_exactly_the_next_number),
        cmocka_unit_test(test_linux_takes_any_rst_in_the_window),
        cmocka_unit_test(test_another_syn_in_the_window_ends_it),
        cmocka_unit_test(test_another_syn_outside_the_window_is_answered_by_ack),
        cmocka_unit_test(test_ack_of_another_number_is_reset_and_changes_nothing),
        cmocka_unit_test(test_without_ack_nothing_happens),
        cmocka_unit_test(test_an_older_copy_of_the_syn_is_answered_by_ack),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
