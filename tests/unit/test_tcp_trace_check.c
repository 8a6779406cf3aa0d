/* SPDX-License-Identifier: ISC */
/* test_tcp_trace_check.c - the trace checker lets pass what the RFCs allow. */
#include <stdlib.h>
#include <string.h>

#include "playtest.h"

/* ---- what is allowed ------------------------------------------------------------------------ */

static void finish(unsigned from)
{
    struct tcp_frame f = play_next(&p, from, F_FIN | F_ACK);

    play_echo(&p, from, &f);
    play_pass(&p, from, &f);
    play_pass_ack(&p, !from);
}

static void exchange(void)
{
    play_open(&p);
    for (unsigned i = 0; i < 20; i++) {
        play_pass_data(&p, i % 2, 1000);
        play_pass_ack(&p, !(i % 2));
    }
    finish(0);
    finish(1);
    play_must_be_clean(&p);
}

static void test_an_exchange_passes_with_and_without_options(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 16; i++) {
        play_again(&p);
        p.ts = i & 1;
        p.ws = i & 2;
        p.sack = i & 4;
        p.ecn = i & 8;
        exchange();
        assert_true(tcp_trace_stats(p.trace)->judged > 40);
    }
}

/* A segment is lost, the next is selectively acknowledged, the first sent again. */
static void test_loss_sack_and_retransmission_pass(void **state)
{
    struct tcp_frame lost, f;

    (void)state;
    play_open(&p);
    lost = play_data(&p, 0, 1000);
    play_sent(&p, 0, &lost);
    p.seq[0] += 1000;
    f = play_data(&p, 0, 1000);
    play_sent(&p, 0, &f);
    play_delivered(&p, 0, &f);
    p.seq[0] += 1000;
    f = play_ack(&p, 1);
    f.tsecr = (uint32_t)(p.now / NS_PER_MS) - 3; /* of the last in order */
    f.sacks = 1;
    f.left[0] = lost.seq + 1000;
    f.right[0] = lost.seq + 2000;
    play_pass(&p, 1, &f);
    lost.tsval += 3;
    lost.tsecr = f.tsval;
    p.now += NS_PER_MS;
    play_sent(&p, 0, &lost);
    play_delivered(&p, 0, &lost);
    p.ack[1] = lost.seq + 2000;
    f = play_ack(&p, 1);
    f.tsecr = lost.tsval;
    play_pass(&p, 1, &f);
    play_must_be_clean(&p);
    assert_int_equal(tcp_trace_stats(p.trace)->retransmissions, 1);
    assert_int_equal(tcp_trace_stats(p.trace)->sack_blocks, 1);
}

static void test_a_duplicate_may_be_told_by_dsack_once(void **state)
{
    struct tcp_frame f, d;

    (void)state;
    play_open(&p);
    f = play_pass_data(&p, 0, 1000);
    play_delivered(&p, 0, &f);
    d = play_ack(&p, 1);
    d.tsecr = f.tsval;
    d.sacks = 1;
    d.left[0] = f.seq;
    d.right[0] = f.seq + 1000;
    play_pass(&p, 1, &d);
    play_must_be_clean(&p);
    d.tsval++;
    play_sent(&p, 1, &d);
    assert_int_equal(p.last, TCP_TRACE_DSACK);
}

static void test_probes_of_a_closed_window_pass(void **state)
{
    struct tcp_frame f;

    (void)state;
    play_open(&p);
    while (p.seq[0] - (ISS0 + 1) < 4 * WND) {
        play_pass_data(&p, 0, 1000);
        f = play_ack(&p, 1);
        f.wnd = (uint16_t)((4 * WND - (p.ack[1] - (ISS0 + 1))) / 4);
        play_pass(&p, 1, &f);
    }
    f = play_ack(&p, 1);
    f.wnd = 0;
    play_pass(&p, 1, &f);
    play_pass_data(&p, 0, 1);
    play_must_be_clean(&p);
    assert_int_equal(tcp_trace_stats(p.trace)->probes, 1);
}

static void test_a_keepalive_with_a_byte_of_garbage_passes(void **state)
{
    static const uint8_t garbage = 0x5a;
    struct tcp_frame f;

    (void)state;
    play_open(&p);
    play_pass_data(&p, 0, 100);
    play_pass_ack(&p, 1);
    f = play_data(&p, 0, 1);
    f.seq--;
    f.data = &garbage;
    play_sent(&p, 0, &f);
    f.len = 0;
    play_sent(&p, 0, &f);
    play_must_be_clean(&p);
}

static void test_simultaneous_open_passes(void **state)
{
    (void)state;
    play_cross(&p);
    for (unsigned end = 0; end < 2; end++) {
        struct tcp_frame f = play_crossed(&p, end);

        play_pass(&p, end, &f);
    }
    play_pass_data(&p, 0, 10);
    play_must_be_clean(&p);
}

/* RFC 7323 section 2.2: a SYN's window is not scaled. What a scaled ACK told, a SYN-ACK that is
 * sent again cannot say; but what it can, it must. */
static void test_a_syn_ack_tells_as_much_window_as_it_can(void **state)
{
    (void)state;
    for (unsigned less = 0; less < 2; less++) {
        struct tcp_frame f;

        play_again(&p);
        play_cross(&p);
        f = play_crossed(&p, 0);
        f.wnd = 65535;
        play_sent(&p, 0, &f);
        f = play_ack(&p, 0);
        f.seq = ISS0 + 1;
        f.wnd = 16484;
        play_sent(&p, 0, &f);
        f = play_crossed(&p, 0);
        f.wnd = (uint16_t)(65535 - less);
        play_sent(&p, 0, &f);
        assert_int_equal(tcp_trace_count(p.trace, TCP_TRACE_WINDOW_SHRUNK), less);
        assert_int_equal(p.found, less);
    }
}

static void test_rsts_that_answer_pass(void **state)
{
    struct tcp_frame f;

    (void)state;
    play_pass_syn(&p, 0, 0);
    f = play_next(&p, 1, F_RST | F_ACK);
    f.seq = 0;
    play_sent(&p, 1, &f); /* no one listens */
    play_must_be_clean(&p);
    play_again(&p);
    play_open(&p);
    f = play_next(&p, 1, F_RST);
    play_pass(&p, 1, &f); /* an abort */
    play_pass_data(&p, 0, 10);
    f = play_next(&p, 1, F_RST);
    f.seq = p.ack[0];
    play_pass(&p, 1, &f); /* nobody there any more */
    play_must_be_clean(&p);
}

static void test_the_same_ports_serve_again(void **state)
{
    (void)state;
    exchange();
    p.seq[0] = 5000;
    p.seq[1] = 90000;
    exchange();
}

static void test_a_capture_from_the_middle_is_let_be(void **state)
{
    (void)state;
    again_conf((struct tcp_trace_conf){.middle = true});
    play_pass_data(&p, 0, 1000);
    play_must_be_clean(&p);
}

static void test_only_the_watched_end_is_judged(void **state)
{
    struct tcp_frame f;

    (void)state;
    again_conf((struct tcp_trace_conf){.watch = 1 << 0});
    play_open(&p);
    f = play_ack(&p, 1);
    f.ack += 999;
    play_sent(&p, 1, &f);
    play_must_be_clean(&p);
    f = play_ack(&p, 0);
    f.ack += 999;
    play_sent(&p, 0, &f);
    assert_int_equal(p.last, TCP_TRACE_ACK_UNDELIVERED);
}

static void test_memory_is_bounded(void **state)
{
    struct tcp_frame f;

    (void)state;
    again_conf((struct tcp_trace_conf){.conns_max = 64});
    for (unsigned i = 0; i < 1000; i++) {
        f = play_syn(&p, 0, 0);
        f.sport = (uint16_t)(1000 + i);
        play_sent(&p, 0, &f);
        play_delivered(&p, 0, &f);
    }
    play_must_be_clean(&p);
    assert_int_equal(tcp_trace_stats(p.trace)->forgotten, 1000 - 64);
}

/* What is not TCP over IPv4 is nobody's business; what is, at any length, is read within bounds. */
static void test_any_length_is_read_within_bounds(void **state)
{
    static uint8_t bytes[TCP_FRAME_MAX];
    struct tcp_frame f;
    size_t len;

    (void)state;
    play_open(&p);
    f = play_data(&p, 0, 100);
    play_sent(&p, 0, &f);
    f = play_ack(&p, 1);
    f.sacks = 2;
    f.left[0] = f.left[1] = f.ack;
    len = tcp_frame_make(bytes, &f);
    for (size_t n = 0; n <= len; n++) {
        uint8_t *exact = malloc(n == 0 ? 1 : n);

        memcpy(exact, bytes, n);
        tcp_trace_delivered(p.trace, 1, exact, n, p.now);
        tcp_trace_frame(p.trace, 1, exact, n, p.now);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_exchange_passes_with_and_without_options),
        TEST(test_loss_sack_and_retransmission_pass),
        TEST(test_a_duplicate_may_be_told_by_dsack_once),
        TEST(test_probes_of_a_closed_window_pass),
        TEST(test_a_keepalive_with_a_byte_of_garbage_passes),
        TEST(test_simultaneous_open_passes),
        TEST(test_a_syn_ack_tells_as_much_window_as_it_can),
        TEST(test_rsts_that_answer_pass),
        TEST(test_the_same_ports_serve_again),
        TEST(test_a_capture_from_the_middle_is_let_be),
        TEST(test_only_the_watched_end_is_judged),
        TEST(test_memory_is_bounded),
        TEST(test_any_length_is_read_within_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
