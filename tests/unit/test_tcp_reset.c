/* SPDX-License-Identifier: ISC */
/* test_tcp_reset.c - challenge ACKs and their limits (RFC 5961). RSTs to closed and listening
 * ports are in test_tcp_listen.c. */
#include "tcpwire.h"
#include "tcpip/tcp_priv.h"

#define IRS 0xfffffff0u

struct one {
    struct tcpwire w;
    tcp_t conn;
    uint32_t ack;
};

static void open_one(struct one *o, struct tcp_tuning tuning)
{
    tcp_t listener;

    tcpwire_open(&o->w, &tuning);
    listener = tcpwire_listen(&o->w, 10);
    o->ack = tcpwire_handshake(&o->w, TCPWIRE_PEER_PORT, IRS, false).seq + 1;
    assert_int_equal(tcp_accept(&o->w.tcp, listener, &o->conn), 0);
    tcpwire_skip(&o->w);
}

static struct tcp_tuning tuning_of(uint32_t per_s, uint64_t apart_ns)
{
    struct tcp_tuning tuning = tcp_tuning_default;

    tuning.challenge_per_s = per_s;
    tuning.invalid_ack_ns = apart_ns;
    return tuning;
}

/* How many of `n` RSTs within the window are challenged, all at one instant. */
static unsigned challenged(struct one *o, unsigned n)
{
    unsigned sent;

    tcpwire_skip(&o->w);
    for (unsigned i = 0; i < n; i++)
        tcpwire_in(&o->w, (struct tcp_frame){.flags = F_RST, .seq = IRS + 100 + i});
    sent = tcpwire_skip(&o->w);
    assert_int_equal(tcp_ready(&o->w.tcp, o->conn) & TCP_READY_ERROR, 0);
    return sent;
}

/* RFC 5961 section 3.2: exactly the next number ends it, another in the window is challenged,
 * one outside is dropped. */
static void test_rst_is_taken_only_at_exactly_the_next_number(void **state)
{
    struct tcpwire_seg s;
    struct one o;

    (void)state;
    open_one(&o, tuning_of(1000, 0));
    tcpwire_in(&o.w, (struct tcp_frame){.flags = F_RST, .seq = IRS});
    tcpwire_quiet(&o.w);
    tcpwire_in(&o.w, (struct tcp_frame){.flags = F_RST, .seq = IRS + 2});
    s = tcpwire_out(&o.w);
    assert_int_equal(s.flags, F_ACK);
    assert_int_equal(s.seq, o.ack);
    assert_int_equal(s.ack, IRS + 1);
    assert_int_equal(o.w.tcp.stats.rst_in_window, 1);
    tcpwire_in(&o.w, (struct tcp_frame){.flags = F_RST, .seq = IRS + 1});
    assert_int_equal(tcp_error(&o.w.tcp, o.conn), -E_CONNRESET);
    tcpwire_close(&o.w);
}

/* RFC 5961 section 4.2: whatever its number. */
static void test_syn_of_any_number_is_challenged(void **state)
{
    static const uint32_t seqs[] = {IRS, IRS + 1, IRS + 1000, IRS + 0x80000000u, 0};
    struct one o;

    (void)state;
    open_one(&o, tuning_of(1000, 0));
    for (unsigned i = 0; i < ARRAY_SIZE(seqs); i++) {
        tcpwire_in(&o.w, (struct tcp_frame){.flags = F_SYN, .seq = seqs[i]});
        assert_int_equal(tcpwire_out(&o.w).flags, F_ACK);
        tcpwire_quiet(&o.w);
    }
    assert_int_equal(o.w.tcp.stats.challenge_acks, ARRAY_SIZE(seqs));
    tcpwire_close(&o.w);
}

/* RFC 5961 section 7, and so that nobody can count: a number between half the limit and one and
 * a half of it, another in each second. */
static void test_challenges_a_second_are_limited_and_jittered(void **state)
{
    unsigned least = 1000, most = 0;
    struct one o;

    (void)state;
    open_one(&o, tuning_of(20, 0));
    for (unsigned s = 0; s < 50; s++) {
        unsigned n = challenged(&o, 60);

        assert_in_range(n, 10, 29);
        least = n < least ? n : least;
        most = n > most ? n : most;
        assert_int_equal(challenged(&o, 10), 0);
        tcpwire_pass(&o.w, NS_PER_S);
    }
    assert_true(most > least + 5);
    assert_true(o.w.tcp.stats.challenge_limited > 1000);
    tcpwire_close(&o.w);
}

/* CVE-2016-5696: what is spent on one connection is not missing on another. */
static void test_the_limit_is_each_connections_own(void **state)
{
    struct tcp_frame other = {.sport = 55, .flags = F_RST, .seq = 5000 + 100};
    struct one o;

    (void)state;
    open_one(&o, tuning_of(4, 0));
    tcpwire_handshake(&o.w, 55, 5000, false);
    assert_in_range(challenged(&o, 100), 2, 5);
    assert_int_equal(challenged(&o, 100), 0);
    tcpwire_in(&o.w, other);
    assert_int_equal(tcpwire_out(&o.w).dport, 55);
    tcpwire_close(&o.w);
}

/* RSTs to nobody's segments: somebody else's address may stand in those. */
static void test_resets_a_second_are_limited(void **state)
{
    struct tcp_tuning tuning = tcp_tuning_default;
    struct tcpwire w;

    (void)state;
    tuning.resets_per_s = 100;
    tcpwire_open(&w, &tuning);
    for (unsigned s = 0; s < 5; s++) {
        unsigned sent;

        for (unsigned i = 0; i < 300; i++)
            tcpwire_in(&w, (struct tcp_frame){.flags = F_SYN, .seq = i});
        sent = tcpwire_skip(&w);
        assert_in_range(sent, 50, 149);
        assert_int_equal(w.tcp.stats.reset_out + w.tcp.stats.reset_limited, 300 * (s + 1));
        tcpwire_pass(&w, NS_PER_S);
    }
    w.tcp.conf.tuning.resets_per_s = 0;
    for (unsigned i = 0; i < 300; i++)
        tcpwire_in(&w, (struct tcp_frame){.flags = F_SYN, .seq = i});
    assert_int_equal(tcpwire_skip(&w), 300);
    tcpwire_close(&w);
}

static void test_answers_to_invalid_segments_keep_their_distance(void **state)
{
    struct one o;

    (void)state;
    open_one(&o, tuning_of(1000, 500 * NS_PER_MS));
    assert_int_equal(challenged(&o, 10), 1);
    tcpwire_pass(&o.w, 499 * NS_PER_MS);
    assert_int_equal(challenged(&o, 10), 0);
    tcpwire_pass(&o.w, NS_PER_MS);
    assert_int_equal(challenged(&o, 10), 1);
    tcpwire_close(&o.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rst_is_taken_only_at_exactly_the_next_number),
        cmocka_unit_test(test_syn_of_any_number_is_challenged),
        cmocka_unit_test(test_challenges_a_second_are_limited_and_jittered),
        cmocka_unit_test(test_the_limit_is_each_connections_own),
        cmocka_unit_test(test_resets_a_second_are_limited),
        cmocka_unit_test(test_answers_to_invalid_segments_keep_their_distance),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
