/* SPDX-License-Identifier: ISC */
/* test_tcp_trace_rules.c - the trace checker finds each thing that the RFCs forbid, under its own
 * name, in hand-made frames. */
#include "support.h"

#include <cmocka.h>

#include "tcp_play.h"

/* ---- what is forbidden: each after a handshake, data from 0 as a rule ------------------------ */

static void bad_flags(struct play *p)
{
    struct tcp_frame f = play_next(p, 0, F_SYN | F_FIN | F_ACK);
    play_echo(p, 0, &f);
    play_sent(p, 0, &f);
}

static void bad_no_ack(struct play *p)
{
    struct tcp_frame f = play_next(p, 0, F_PSH);
    play_sent(p, 0, &f);
}

static void bad_checksum(struct play *p)
{
    struct tcp_frame f = play_data(p, 0, 10);
    f.bad_sum = true;
    play_sent(p, 0, &f);
}

static void bad_option(struct play *p)
{
    static const uint8_t raw[] = {5, 9, 0, 0};
    struct tcp_frame f = play_ack(p, 0);
    p->ts = false;
    f.raw = raw;
    f.raw_len = sizeof(raw);
    play_sent(p, 0, &f);
}

static void bad_option_later(struct play *p)
{
    struct tcp_frame f = play_ack(p, 0);
    f.mss = 1000;
    play_sent(p, 0, &f);
}

static void bad_window_scale(struct play *p)
{
    struct tcp_frame f = play_syn(p, 0, 0);
    f.sport = 41000;
    f.ws_shift = 15;
    play_sent(p, 0, &f);
}

static void bad_mss_offered(struct play *p)
{
    struct tcp_frame f = play_syn(p, 0, 0);
    f.sport = 41000;
    f.mss = 1461;
    play_sent(p, 0, &f);
}

static void bad_no_syn(struct play *p)
{
    struct tcp_frame f = play_data(p, 0, 10);
    f.sport = 41000;
    play_sent(p, 0, &f);
}

static void bad_syn_data(struct play *p)
{
    struct tcp_frame f = play_syn(p, 0, 0);
    f.sport = 41000;
    f.len = 5;
    play_sent(p, 0, &f);
}

/* A SYN from port 41000 is answered, and answered again. */
static struct tcp_frame twice_answered(struct play *p)
{
    struct tcp_frame f = play_syn(p, 0, 0), s;

    f.sport = 41000;
    f.seq = ISS0;
    play_sent(p, 0, &f);
    play_delivered(p, 0, &f);
    s = play_syn(p, 1, F_ACK);
    s.dport = 41000;
    s.seq = ISS1;
    s.ack = ISS0 + 1;
    s.tsecr = f.tsval;
    play_sent(p, 1, &s);
    assert_int_equal(p->found, 0);
    p->now += NS_PER_S;
    s.tsval += 1000;
    play_sent(p, 1, &s); /* the same: right */
    assert_int_equal(p->found, 0);
    return s;
}

static void bad_isn_changed(struct play *p)
{
    struct tcp_frame f = twice_answered(p);
    f.seq++;
    play_sent(p, 1, &f);
}

static void bad_synack_options(struct play *p)
{
    struct tcp_frame f = twice_answered(p);
    f.ws = false;
    play_sent(p, 1, &f);
}

static void bad_seq_unsent(struct play *p)
{
    struct tcp_frame f = play_data(p, 0, 100);
    f.seq += 1;
    play_sent(p, 0, &f);
}

static void bad_ack_seq_unsent(struct play *p)
{
    struct tcp_frame f = play_ack(p, 0);
    f.seq += 1;
    play_sent(p, 0, &f);
}

static void bad_seq_old(struct play *p)
{
    struct tcp_frame f = play_data(p, 0, 100);
    f.seq -= 2;
    play_sent(p, 0, &f);
}

static void bad_seq_window(struct play *p)
{
    struct tcp_frame f = play_ack(p, 1);
    f.wnd = 10; /* smaller is a shrunk window, but not the sender's fault */
    p->found = 0;
    for (uint32_t n = 0; n < 4 * WND; n += 1000) {
        f = play_data(p, 0, 1000);
        play_pass(p, 0, &f);
        if (n % 4000 == 0) {
            f = play_ack(p, 1);
            f.wnd = (uint16_t)((4 * WND - n - 1000) / 4);
            play_pass(p, 1, &f);
        }
    }
    play_must_be_clean(p);
    f = play_data(p, 0, 2);
    play_sent(p, 0, &f);
}

static void bad_mss(struct play *p)
{
    struct tcp_frame f = play_data(p, 0, 1449); /* and 12 of timestamps */
    play_sent(p, 0, &f);
}

static void bad_initial_window(struct play *p)
{
    for (unsigned i = 0; i < 13; i++) { /* two more may be probes */
        struct tcp_frame f = play_data(p, 0, 1448);
        play_pass(p, 0, &f);
    }
}

static void bad_bytes(struct play *p)
{
    struct tcp_frame f = play_data(p, 0, 100);
    play_pass(p, 0, &f);
    f.seq += 50;
    f.len = 50;
    f.first = f.seq; /* right, from the middle on */
    play_sent(p, 0, &f);
    assert_int_equal(p->found, 0);
    f.first++;
    play_sent(p, 0, &f);
}

static struct tcp_frame with_fin(struct play *p)
{
    struct tcp_frame f = play_data(p, 0, 100);
    f.flags |= F_FIN;
    play_pass(p, 0, &f);
    assert_int_equal(p->found, 0);
    return f;
}

static void bad_fin_moved(struct play *p)
{
    struct tcp_frame f = with_fin(p);
    f.len = 90;
    play_sent(p, 0, &f);
}

static void bad_beyond_fin(struct play *p)
{
    struct tcp_frame f = with_fin(p);
    f.seq += 100;
    f.flags = F_ACK;
    f.len = 1;
    play_sent(p, 0, &f);
}

static void bad_ack_undelivered(struct play *p)
{
    struct tcp_frame f = play_ack(p, 1);
    f.ack++;
    play_sent(p, 1, &f);
}

/* It was sent, but has not arrived. */
static void bad_ack_lost(struct play *p)
{
    struct tcp_frame f = play_data(p, 0, 100);
    play_sent(p, 0, &f);
    f = play_ack(p, 1);
    f.ack += 100;
    play_sent(p, 1, &f);
}

static void bad_ack_back(struct play *p)
{
    struct tcp_frame f = play_data(p, 0, 100);
    play_pass(p, 0, &f);
    f = play_ack(p, 1);
    play_pass(p, 1, &f);
    f.ack -= 1;
    f.wnd++;
    play_sent(p, 1, &f);
}

static void bad_ack_late(struct play *p)
{
    struct tcp_frame f = play_data(p, 0, 100), a;
    play_pass(p, 0, &f);
    p->now += 600 * NS_PER_MS;
    a = play_ack(p, 1);
    a.tsecr = f.tsval;
    play_sent(p, 1, &a);
}

static void bad_window_shrunk(struct play *p)
{
    struct tcp_frame f = play_ack(p, 1);
    play_pass(p, 1, &f);
    f.wnd--;
    f.tsval++;
    play_sent(p, 1, &f);
}

static void bad_ts_missing(struct play *p)
{
    struct tcp_frame f = play_ack(p, 0);
    f.ts = false;
    play_sent(p, 0, &f);
}

static void bad_ts_back(struct play *p)
{
    struct tcp_frame f = play_ack(p, 0);
    f.tsval -= 100;
    play_sent(p, 0, &f);
}

static void bad_tsecr(struct play *p)
{
    struct tcp_frame f = play_ack(p, 0);
    f.tsecr += 5;
    play_sent(p, 0, &f);
}

static void bad_tsecr_back(struct play *p)
{
    struct tcp_frame f = play_data(p, 1, 10);
    uint32_t before = f.tsval;
    play_pass(p, 1, &f);
    f = play_ack(p, 0);
    play_pass(p, 0, &f);
    f = play_data(p, 1, 10);
    play_pass(p, 1, &f);
    f = play_ack(p, 0);
    play_pass(p, 0, &f);
    play_must_be_clean(p);
    f = play_ack(p, 0);
    f.tsecr = before;
    play_sent(p, 0, &f);
}

/* End 1 has bytes 200 to 300 and 400 to 500 after what it acknowledges. */
static struct tcp_frame with_holes(struct play *p)
{
    uint32_t base = p->seq[0];
    struct tcp_frame f = play_data(p, 0, 500);

    play_sent(p, 0, &f);
    for (uint32_t at = 200; at <= 400; at += 200) {
        f.len = 100;
        f.seq = base + at;
        f.first = f.seq;
        play_sent(p, 0, &f);
        play_delivered(p, 0, &f);
    }
    p->ack[1] = base;
    f = play_ack(p, 1);
    f.sacks = 2;
    f.left[0] = base + 400;
    f.right[0] = base + 500;
    f.left[1] = base + 200;
    f.right[1] = base + 300;
    play_sent(p, 1, &f);
    assert_int_equal(p->found, 0);
    f.tsval++;
    return f;
}

static void bad_sack_undelivered(struct play *p)
{
    struct tcp_frame f = with_holes(p);
    f.right[1]++;
    play_sent(p, 1, &f);
}

static void bad_sack_turned(struct play *p)
{
    struct tcp_frame f = with_holes(p);
    f.left[1] = f.right[1];
    play_sent(p, 1, &f);
}

static void bad_sack_overlap(struct play *p)
{
    struct tcp_frame f = with_holes(p);
    f.left[1] = f.left[0];
    f.right[1] = f.right[0] - 1;
    play_sent(p, 1, &f);
}

static void bad_sack_below_ack(struct play *p)
{
    struct tcp_frame f;
    p->found = 0;
    f = play_data(p, 0, 300);
    play_pass(p, 0, &f);
    f = play_ack(p, 1);
    f.sacks = 2;
    f.left[0] = f.ack - 300;
    f.right[0] = f.ack - 200;
    f.left[1] = f.ack - 200;
    f.right[1] = f.ack;
    play_delivered(p, 0,
                   &(struct tcp_frame){.src = f.dst,
                                       .dst = f.src,
                                       .sport = f.dport,
                                       .dport = f.sport,
                                       .seq = f.left[0],
                                       .first = f.left[0],
                                       .ack = p->seq[1],
                                       .flags = F_ACK,
                                       .ts = true,
                                       .tsval = f.tsecr,
                                       .len = 100});
    play_sent(p, 1, &f); /* the first is a D-SACK */
}

static void bad_dsack(struct play *p)
{
    struct tcp_frame f = play_data(p, 0, 100);
    play_pass(p, 0, &f);
    f = play_ack(p, 1);
    f.sacks = 1;
    f.left[0] = f.ack - 100;
    f.right[0] = f.ack;
    play_sent(p, 1, &f);
}

static void bad_rst_seq(struct play *p)
{
    struct tcp_frame f = play_next(p, 0, F_RST);
    f.seq += 5;
    play_sent(p, 0, &f);
}

static void bad_rst_ack(struct play *p)
{
    struct tcp_frame f = play_next(p, 0, F_RST | F_ACK);
    f.ack += 5;
    play_sent(p, 0, &f);
}

static void bad_after_rst(struct play *p)
{
    struct tcp_frame f = play_next(p, 0, F_RST);
    play_sent(p, 0, &f);
    f = play_data(p, 0, 10);
    play_sent(p, 0, &f);
}

static void bad_ecn_unasked(struct play *p)
{
    struct tcp_frame f = play_data(p, 0, 10);
    f.ecn = 2;
    play_sent(p, 0, &f);
}

static const struct bad {
    const char *name;
    void (*run)(struct play *p);
    enum tcp_trace_rule rule;
} bads[] = {
    {"SYN and FIN", bad_flags, TCP_TRACE_FLAGS},
    {"no ACK", bad_no_ack, TCP_TRACE_FLAGS},
    {"checksum", bad_checksum, TCP_TRACE_TCP_CHECKSUM},
    {"option malformed", bad_option, TCP_TRACE_OPTION_MALFORMED},
    {"MSS after the SYN", bad_option_later, TCP_TRACE_OPTION_NOT_SYN},
    {"window scale 15", bad_window_scale, TCP_TRACE_WINDOW_SCALE},
    {"MSS 1461", bad_mss_offered, TCP_TRACE_MSS_OFFERED},
    {"no SYN", bad_no_syn, TCP_TRACE_NO_SYN},
    {"data on SYN", bad_syn_data, TCP_TRACE_SYN_DATA},
    {"another ISN", bad_isn_changed, TCP_TRACE_SYN_CHANGED},
    {"SYN-ACK without its options", bad_synack_options, TCP_TRACE_SYN_CHANGED},
    {"a hole", bad_seq_unsent, TCP_TRACE_SEQ_UNSENT},
    {"an ACK from beyond", bad_ack_seq_unsent, TCP_TRACE_SEQ_UNSENT},
    {"before the ISN", bad_seq_old, TCP_TRACE_SEQ_OLD},
    {"beyond the window", bad_seq_window, TCP_TRACE_SEQ_WINDOW},
    {"beyond the MSS", bad_mss, TCP_TRACE_MSS},
    {"beyond the initial window", bad_initial_window, TCP_TRACE_INITIAL_WINDOW},
    {"bytes changed", bad_bytes, TCP_TRACE_BYTES_DIFFER},
    {"FIN moved", bad_fin_moved, TCP_TRACE_FIN_MOVED},
    {"data beyond FIN", bad_beyond_fin, TCP_TRACE_BEYOND_FIN},
    {"ACK of nothing", bad_ack_undelivered, TCP_TRACE_ACK_UNDELIVERED},
    {"ACK of what was lost", bad_ack_lost, TCP_TRACE_ACK_UNDELIVERED},
    {"ACK went back", bad_ack_back, TCP_TRACE_ACK_BACK},
    {"ACK late", bad_ack_late, TCP_TRACE_ACK_LATE},
    {"window shrunk", bad_window_shrunk, TCP_TRACE_WINDOW_SHRUNK},
    {"no timestamp", bad_ts_missing, TCP_TRACE_TS_MISSING},
    {"timestamp back", bad_ts_back, TCP_TRACE_TS_BACK},
    {"TSecr made up", bad_tsecr, TCP_TRACE_TSECR},
    {"TSecr back", bad_tsecr_back, TCP_TRACE_TSECR_BACK},
    {"SACK of nothing", bad_sack_undelivered, TCP_TRACE_SACK_UNDELIVERED},
    {"SACK empty", bad_sack_turned, TCP_TRACE_SACK_EMPTY},
    {"SACK overlap", bad_sack_overlap, TCP_TRACE_SACK_OVERLAP},
    {"SACK below ACK", bad_sack_below_ack, TCP_TRACE_SACK_BELOW_ACK},
    {"D-SACK of what came once", bad_dsack, TCP_TRACE_DSACK},
    {"RST made up", bad_rst_seq, TCP_TRACE_RST_SEQ},
    {"RST's ACK made up", bad_rst_ack, TCP_TRACE_RST_SEQ},
    {"data after RST", bad_after_rst, TCP_TRACE_AFTER_RST},
    {"ECT unasked", bad_ecn_unasked, TCP_TRACE_ECN},
};

static void test_each_forbidden_thing_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
        struct play p;

        play_setup(&p);
        play_open(&p);
        play_must_be_clean(&p);
        bads[i].run(&p);
        if (tcp_trace_count(p.trace, bads[i].rule) == 0)
            fail_msg("%s: %s", bads[i].name, p.found == 0 ? "not found" : p.text);
        play_done(&p);
    }
}

static void test_options_need_both_syns(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) { /* TS, SACK, ECN: the SYN had none */
        struct play p;
        struct tcp_frame f;

        play_setup(&p);
        p.ts = p.sack = p.ws = p.ecn = false;
        f = play_syn(&p, 0, 0);
        play_pass(&p, 0, &f);
        p.ts = i == 0;
        p.sack = i == 1;
        p.ecn = i == 2;
        f = play_syn(&p, 1, F_ACK);
        f.tsecr = 0;
        play_sent(&p, 1, &f);
        assert_int_not_equal(
            tcp_trace_count(p.trace, i == 2 ? TCP_TRACE_ECN : TCP_TRACE_OPTION_NOT_OFFERED), 0);
        play_done(&p);
    }
}

/* RFC 3168 6.1.4, 6.1.5: neither on pure ACKs nor on retransmissions; never CE from a sender. */
static void test_ecn_codepoints_where_they_may_not_be(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct play p;
        struct tcp_frame f;

        play_setup(&p);
        p.ecn = true;
        play_open(&p);
        f = play_data(&p, 0, 100);
        f.ecn = 2;
        play_pass(&p, 0, &f);
        play_must_be_clean(&p);
        if (i == 0)
            play_sent(&p, 0, &f); /* again */
        f = i == 1 ? play_ack(&p, 0) : play_data(&p, 0, 100);
        f.ecn = i == 2 ? 3 : 2;
        if (i == 3)
            f.flags |= F_ECE; /* no CE came */
        if (i != 0)
            play_sent(&p, 0, &f);
        assert_int_equal(tcp_trace_count(p.trace, TCP_TRACE_ECN), 1);
        play_done(&p);
    }
}

/* RFC 3168 6.1.1: nor where both opened at once, and the own SYN did not ask. */
static void test_ecn_needs_a_syn_that_asked_where_syns_crossed(void **state)
{
    (void)state;
    for (unsigned asked = 0; asked < 2; asked++) {
        struct play p;
        struct tcp_frame f;

        play_setup(&p);
        p.ecn = asked != 0;
        (void)play_pass_syn(&p, 0, 0);
        p.ecn = true;
        (void)play_pass_syn(&p, 1, 0);
        for (unsigned end = 0; end < 2; end++) {
            p.ecn = end == 0 || asked != 0; /* the answer to what end 0 said */
            f = play_crossed(&p, end);
            play_pass(&p, end, &f);
        }
        f = play_data(&p, 0, 100);
        f.ecn = 2;
        play_sent(&p, 0, &f);
        assert_int_equal(tcp_trace_count(p.trace, TCP_TRACE_ECN), asked == 0);
        play_done(&p);
    }
}

static void test_broken_headers_are_found(void **state)
{
    static uint8_t bytes[TCP_FRAME_MAX];
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct play p;
        struct tcp_frame f;
        size_t len;

        play_setup(&p);
        play_open(&p);
        f = play_data(&p, 0, 100);
        len = tcp_frame_make(bytes, &f);
        if (i == 0)
            bytes[14 + 8]++; /* TTL, checksum not */
        else if (i == 1)
            bytes[14 + 20 + 12] = 0x40; /* data offset 4 */
        else if (i == 2)
            bytes[14 + 20 + 12] = 0xf0; /* fine, but eats data as options */
        else
            bytes[14] = 0x44;
        tcp_trace_frame(p.trace, 0, bytes, len, p.now);
        assert_int_not_equal(p.found, 0);
        play_done(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_forbidden_thing_is_found),
        cmocka_unit_test(test_options_need_both_syns),
        cmocka_unit_test(test_ecn_codepoints_where_they_may_not_be),
        cmocka_unit_test(test_ecn_needs_a_syn_that_asked_where_syns_crossed),
        cmocka_unit_test(test_broken_headers_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
