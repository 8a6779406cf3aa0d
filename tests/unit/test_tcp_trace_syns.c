/* SPDX-License-Identifier: ISC */
/* test_tcp_trace_syns.c - the trace checker where several SYNs came, and any may be the one that
 * was taken; and where the device refused what was sent. */
#include "playtest.h"

/* End 0's SYN, and a copy of it that was changed on its way. */
static void two_syns(struct tcp_frame *syn, struct tcp_frame *changed)
{
    *syn = *changed = play_pass_syn(&p, 0, 0);
}

static void answer(bool ts)
{
    p.ts = ts;
    play_pass_syn(&p, 1, F_ACK);
    play_pass_ack(&p, 0);
}

/* End 1's, lost on its way. */
static void send_syn_ack(void)
{
    struct tcp_frame f = play_syn(&p, 1, F_ACK);

    play_sent(&p, 1, &f);
}

static void test_of_two_syns_either_may_be_answered(void **state)
{
    (void)state;
    for (unsigned ts = 0; ts < 2; ts++) {
        struct tcp_frame syn, changed;

        play_again(&p);
        two_syns(&syn, &changed);
        changed.ts = false;
        play_delivered(&p, 0, &changed);
        p.told[1] = syn.tsval;
        answer(ts);
        play_must_be_clean(&p);
    }
}

/* RFC 7323 section 3.2: once it has told, both SYNs had timestamps, or not. */
static void test_the_one_that_was_taken_stays(void **state)
{
    (void)state;
    for (unsigned ts = 0; ts < 2; ts++) {
        struct tcp_frame f, changed;

        play_again(&p);
        play_pass_syn(&p, 0, 0);
        f = play_pass_syn(&p, 1, F_ACK);
        changed = f;
        changed.ts = false;
        play_delivered(&p, 1, &changed);
        p.told[0] = f.tsval;
        p.ts = ts;
        play_pass_ack(&p, 0);
        play_pass_data(&p, 0, 10);
        play_must_be_clean(&p);
        p.ts = !ts;
        p.told[0] = changed.tsval;
        play_pass_ack(&p, 0);
        assert_int_equal(
            tcp_trace_count(p.trace, ts ? TCP_TRACE_TS_MISSING : TCP_TRACE_OPTION_NOT_OFFERED), 1);
    }
}

/* Of an answer with another number nothing is taken; what came before it counts. */
static void test_an_answer_with_another_number_is_let_be(void **state)
{
    struct tcp_frame f, changed;

    (void)state;
    play_pass_syn(&p, 0, 0);
    f = play_pass_syn(&p, 1, F_ACK);
    changed = f;
    changed.seq -= 12345;
    changed.tsval += 5;
    play_delivered(&p, 1, &changed);
    play_delivered(&p, 1, &f);
    play_pass_ack(&p, 0);
    play_must_be_clean(&p);
}

/* A RST without ACK means nothing in SYN-SENT (RFC 9293 section 3.10.7.3), and text may come with
 * the answer. */
static void test_an_answer_counts_after_a_rst_that_does_not(void **state)
{
    struct tcp_frame f;

    (void)state;
    play_pass_syn(&p, 0, 0);
    f = play_next(&p, 1, F_RST);
    play_delivered(&p, 1, &f);
    f = play_syn(&p, 1, F_ACK);
    f.len = 100;
    play_delivered(&p, 1, &f);
    p.ack[0] = f.seq + 101;
    f = play_ack(&p, 0);
    play_sent(&p, 0, &f);
    play_must_be_clean(&p);
}

/* A SYN without ACK is answered by a SYN-ACK before all: where none went, the other was taken,
 * though its number lies in the first's text. */
static void test_an_answer_is_likelier_than_a_syn(void **state)
{
    struct tcp_frame f;

    (void)state;
    p.ecn = true;
    f = play_pass_syn(&p, 0, 0);
    p.ecn = false;
    f = play_syn(&p, 1, 0);
    f.len = 6;
    play_delivered(&p, 1, &f);
    p.ecn = true;
    f = play_syn(&p, 1, F_ACK);
    f.seq += 3;
    play_delivered(&p, 1, &f);
    p.ack[0] = f.seq + 1;
    f = play_data(&p, 0, 10);
    f.ecn = 2;
    play_sent(&p, 0, &f);
    play_must_be_clean(&p);
}

/* The SYN came several times: it is answered with the timestamp of any (RFC 7323 section 4.3 has
 * the first, while it waits for an ACK). */
static void test_the_first_syns_timestamp_may_be_echoed(void **state)
{
    struct tcp_frame syn, f;

    (void)state;
    again_conf((struct tcp_trace_conf){.cookies = true});
    two_syns(&syn, &f);
    f.seq -= 12345; /* of another connection, which ends */
    play_delivered(&p, 0, &f);
    f = play_syn(&p, 1, F_ACK);
    f.ack -= 12345;
    play_sent(&p, 1, &f);
    f = play_next(&p, 0, F_RST);
    play_delivered(&p, 0, &f);
    for (unsigned i = 0; i < 2; i++) {
        syn.tsval += 1000;
        play_sent(&p, 0, &syn);
        play_delivered(&p, 0, &syn);
    }
    p.told[1] = syn.tsval - 1000;
    p.seq[1] += 77;
    send_syn_ack();
    play_must_be_clean(&p);
    p.told[1] = syn.tsval - 1; /* but not with what nobody said */
    send_syn_ack();
    assert_int_equal(p.last, TCP_TRACE_TSECR);
}

/* End 0's SYN-ACK to a SYN that crossed its own. */
static void answer_crossing(uint32_t irs, uint32_t tsval)
{
    struct tcp_frame f;

    p.ack[0] = irs + 1;
    p.told[0] = tsval;
    f = play_crossed(&p, 0);
    play_sent(&p, 0, &f);
}

/* Both open at once; of the three SYNs that cross ours, the first is taken. */
static void test_the_first_of_crossing_syns_may_be_taken(void **state)
{
    struct tcp_frame first, f;

    (void)state;
    play_pass_syn(&p, 0, 0);
    first = play_syn(&p, 1, 0);
    play_delivered(&p, 1, &first);
    f = first;
    f.seq -= 100;
    f.tsval++;
    play_delivered(&p, 1, &f);
    f = first;
    f.ts = false;
    play_delivered(&p, 1, &f);
    answer_crossing(first.seq, first.tsval);
    play_must_be_clean(&p);
}

/* A RST whose ACK is not of our SYN ends nothing (RFC 9293 section 3.10.7.3); of the SYNs that
 * cross ours after it the first is taken, and its timestamp echoed (RFC 7323 section 4.3). */
static void test_a_rst_in_syn_sent_that_acks_nothing_ends_nothing(void **state)
{
    struct tcp_frame first, f;

    (void)state;
    play_pass_syn(&p, 0, 0);
    f = play_next(&p, 1, F_RST | F_ACK);
    f.ack = ISS0 - 99;
    play_delivered(&p, 1, &f);
    first = play_syn(&p, 1, 0);
    play_delivered(&p, 1, &first);
    f = first;
    f.flags |= F_ECE | F_CWR;
    f.tsval -= 16;
    play_delivered(&p, 1, &f);
    f.ts = false;
    play_delivered(&p, 1, &f);
    answer_crossing(first.seq, first.tsval);
    play_must_be_clean(&p);
    answer_crossing(first.seq, first.tsval + 1);
    assert_int_equal(p.last, TCP_TRACE_TSECR);
}

/* A SYN that is sent again with other options is another one: its SYN-ACK may bear the number of
 * the first's, and have other options. Without such a SYN it may not. */
static void test_another_syn_has_another_answer(void **state)
{
    for (unsigned other = 0; other < 2; other++) {
        struct tcp_frame syn, f;

        (void)state;
        play_again(&p);
        two_syns(&syn, &f);
        send_syn_ack();
        if (other == 1) {
            syn.ws = false;
            syn.tsval++;
            play_delivered(&p, 0, &syn);
        }
        p.ws = false;
        f = play_syn(&p, 1, F_ACK);
        f.wnd = WND / 2;
        play_sent(&p, 1, &f);
        if (other == 1)
            play_must_be_clean(&p);
        assert_int_equal(p.found != 0, other == 0);
    }
}

/* In SYN-RECEIVED a wrong ACK is answered by RST, and nothing ends (RFC 9293 section 3.10.7.4,
 * fifth). */
static void test_a_rst_from_syn_received_ends_nothing(void **state)
{
    struct tcp_frame f;

    (void)state;
    play_pass_syn(&p, 0, 0);
    play_pass_syn(&p, 1, F_ACK);
    f = play_ack(&p, 1); /* an answer to something old */
    play_sent(&p, 1, &f);
    f = play_ack(&p, 0);
    f.ack += 47;
    play_delivered(&p, 0, &f);
    f = play_next(&p, 1, F_RST);
    f.seq = p.seq[1] + 47;
    play_sent(&p, 1, &f);
    play_must_be_clean(&p);
    f = play_ack(&p, 1);
    play_sent(&p, 1, &f);
    play_must_be_clean(&p);
}

static void refused(const struct tcp_frame *f)
{
    static uint8_t bytes[TCP_FRAME_MAX];

    tcp_trace_sent(p.trace, 0, bytes, tcp_frame_make(bytes, f), p.now, TCP_TRACE_REFUSED);
}

/* What the device refused never left: it is no retransmission when it does (RFC 3168 section
 * 6.1.5), but it has a place: after it comes what is new, and the FIN stays where it is. */
static void test_what_the_device_refused_is_sent_anew(void **state)
{
    struct tcp_frame f;

    (void)state;
    p.ecn = true;
    f = play_syn(&p, 0, 0);
    refused(&f);
    play_pass_syn(&p, 0, 0);
    play_pass_syn(&p, 1, F_ACK);
    f = play_data(&p, 0, 100);
    f.ecn = 2;
    refused(&f);
    f = play_data(&p, 0, 50);
    f.ecn = 2;
    play_pass(&p, 0, &f);
    f = play_data(&p, 0, 50);
    f.ecn = 2;
    play_pass(&p, 0, &f);
    f = play_next(&p, 0, F_FIN | F_ACK);
    play_echo(&p, 0, &f);
    refused(&f);
    play_pass(&p, 0, &f);
    play_must_be_clean(&p);
}

/* Nor does an ACK of it acknowledge anything (RFC 9293 section 3.10.7.4, fifth: it is of something
 * not yet sent); the RST of an abort stands before it. */
static void test_an_ack_of_what_the_device_refused_counts_for_nothing(void **state)
{
    struct tcp_frame f;

    (void)state;
    play_open(&p);
    play_pass_data(&p, 0, 50);
    f = play_data(&p, 0, 36);
    refused(&f);
    f = play_ack(&p, 1);
    f.ack++;
    play_delivered(&p, 1, &f);
    play_pass_ack(&p, 0);
    f = play_next(&p, 0, F_RST | F_ACK);
    play_sent(&p, 0, &f);
    play_must_be_clean(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_of_two_syns_either_may_be_answered),
        TEST(test_the_one_that_was_taken_stays),
        TEST(test_an_answer_with_another_number_is_let_be),
        TEST(test_an_answer_counts_after_a_rst_that_does_not),
        TEST(test_an_answer_is_likelier_than_a_syn),
        TEST(test_the_first_syns_timestamp_may_be_echoed),
        TEST(test_the_first_of_crossing_syns_may_be_taken),
        TEST(test_a_rst_in_syn_sent_that_acks_nothing_ends_nothing),
        TEST(test_another_syn_has_another_answer),
        TEST(test_a_rst_from_syn_received_ends_nothing),
        TEST(test_what_the_device_refused_is_sent_anew),
        TEST(test_an_ack_of_what_the_device_refused_counts_for_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
