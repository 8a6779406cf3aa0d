/* SPDX-License-Identifier: ISC */
/* test_tcp_attack_ack.c - receivers that lie to make our sender send too much (Savage et al.
 * 1999, RFC 3465, RFC 5961 section 5), and SACK used as a weapon (CVE-2019-11477, -11478,
 * -11479). */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tcp_raw.h"

#define PORT 80

struct bench {
    struct raw *raw;
    tcp_t listener;
    struct raw_conn c;
};

/* A connection over which our stack would send a megabyte, if it may. Its window is wide. */
static void setup(struct bench *b, struct tcp_tuning *tuning, bool sack)
{
    struct tlink_conf conf = {.seed = 51, .tuning = {tuning}};
    static uint8_t bytes[4096];

    vplat_reset(1);
    tuning->sndbuf = tuning->sndbuf_max = 4u << 20;
    b->raw = raw_new(conf);
    b->listener = tlink_listen(b->raw->link, 0, PORT);
    b->c = (struct raw_conn){.addr = IP4_ADDR(192, 0, 2, 100),
                             .port = 5000,
                             .our_port = PORT,
                             .wnd = 60000,
                             .seq = 0xfffffff0u,
                             .ws = true,
                             .sack = sack};
    raw_connect(b->raw, b->listener, &b->c);
    raw_clear(b->raw);
    for (unsigned i = 0; i < 256; i++)
        tcp_send(tlink_tcp(b->raw->link, 0), b->c.conn, cs_ro_of(bytes, sizeof(bytes)),
                 plat_now_ns());
    tlink_settle(b->raw->link);
}

static void teardown(struct bench *b)
{
    struct tcp *tcp = tlink_tcp(b->raw->link, 0);

    tcp_abort(tcp, b->c.conn, plat_now_ns());
    assert_int_equal(tcp_close(tcp, b->listener, plat_now_ns()), 0);
    tlink_settle(b->raw->link);
    raw_free(b->raw);
}

/* New bytes that came since raw_clear, counted from the first of the stream. */
static uint32_t highest(const struct bench *b)
{
    uint32_t max = 0;

    for (uint32_t i = 0; i < b->raw->count; i++) {
        const struct raw_seg *s = raw_at(b->raw, i);
        uint32_t end = s->seq + s->len - (b->c.irs + 1);

        if (end > max)
            max = end;
    }
    return max;
}

static void send_ack(struct bench *b, uint32_t off)
{
    struct tcp_frame f = raw_next(&b->c, F_ACK, 0);

    f.ack = b->c.irs + 1 + off;
    raw_send(b->raw, &f);
}

/* RFC 3465: a segment acknowledged in 1,448 pieces opens the window no further than in one. */
static void test_ack_division_gains_nothing(void **state)
{
    struct tcp_tuning tuning = tcp_tuning_default;
    struct bench b;
    uint32_t first, whole;

    (void)state;
    setup(&b, &tuning, true);
    first = highest(&b);
    send_ack(&b, 1460);
    whole = highest(&b) - first;
    teardown(&b);

    setup(&b, &tuning, true);
    assert_int_equal(highest(&b), first);
    for (uint32_t i = 1; i <= 1460; i += 10)
        send_ack(&b, i);
    send_ack(&b, 1460);
    assert_true(highest(&b) - first <= whole);
    teardown(&b);
}

/* RFC 9293 3.10.7.4, RFC 5961 section 5: an ACK of what was not sent is answered, not believed. */
static void test_optimistic_acks_are_not_believed(void **state)
{
    struct tcp_tuning tuning = tcp_tuning_default;
    struct bench b;
    uint32_t first;

    (void)state;
    setup(&b, &tuning, true);
    first = highest(&b);
    for (uint32_t i = 1; i < 100; i++)
        send_ack(&b, first + i * 1460);
    assert_int_equal(highest(&b), first);
    teardown(&b);
}

/* Old and repeated ACKs neither grow the window nor, past the three that mean loss, make a
 * flood. */
static void test_spoofed_duplicate_acks_gain_a_bounded_amount(void **state)
{
    struct tcp_tuning tuning = tcp_tuning_default;
    struct bench b;
    uint32_t first, before;

    (void)state;
    setup(&b, &tuning, false);
    first = highest(&b);
    send_ack(&b, 1460);
    before = b.raw->count;
    for (unsigned i = 0; i < 2000; i++)
        send_ack(&b, 1460);
    /* One retransmission and what limited transmit and inflation allow: no more than was in
     * flight. */
    assert_true(b.raw->count - before < 40);
    assert_true(highest(&b) < 3 * first);
    teardown(&b);
}

/* With SACK a duplicate ACK without news in its blocks says nothing (RFC 6675 section 2). */
static void test_duplicate_acks_without_sack_news_gain_nothing(void **state)
{
    struct tcp_tuning tuning = tcp_tuning_default;
    struct bench b;
    uint32_t before;

    (void)state;
    setup(&b, &tuning, true);
    send_ack(&b, 1460);
    before = b.raw->count;
    for (unsigned i = 0; i < 2000; i++)
        send_ack(&b, 1460);
    assert_true(b.raw->count - before <= 3);
    teardown(&b);
}

static void send_sack(struct bench *b, unsigned n, const uint32_t *edges)
{
    struct tcp_frame f = raw_next(&b->c, F_ACK, 0);

    f.ack = b->c.irs + 1;
    f.sacks = n;
    for (unsigned i = 0; i < n; i++) {
        f.left[i] = b->c.irs + 1 + edges[2 * i];
        f.right[i] = b->c.irs + 1 + edges[2 * i + 1];
    }
    raw_send(b->raw, &f);
}

/* RFC 2018: blocks that are empty, turned round, of what was not sent, below the ACK or overlapping
 * do nothing worse than nothing. */
static void test_malformed_sack_blocks_are_ignored(void **state)
{
    static const uint32_t edges[][8] = {
        {1460, 1460},
        {2920, 1460},
        {100000, 200000},
        {0xfffff000u, 1460},
        {1460, 0x7fffffffu},
        {0x80000000u, 0x80000001u},
        {1460, 2920, 1460, 2920, 1460, 4380, 2000, 2100},
        {1, 2, 3, 4, 5, 6, 7, 8},
    };
    struct tcp_tuning tuning = tcp_tuning_default;
    struct bench b;
    struct tcp_info info;

    (void)state;
    setup(&b, &tuning, true);
    for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
        send_sack(&b, i < 6 ? 1 : 4, edges[i]);
    assert_int_equal(tcp_info(tlink_tcp(b.raw->link, 0), b.c.conn, plat_now_ns(), &info), 0);
    assert_true(info.sacked_out <= info.packets_out);
    assert_int_equal(info.state, TCP_ESTABLISHED);
    /* It still works: all that was sent is acknowledged, and more comes. */
    raw_clear(b.raw);
    send_ack(&b, 14600);
    assert_true(b.raw->count > 5);
    teardown(&b);
}

/* CVE-2019-11477, -11478: an 8-byte MSS and blocks that split everything: bounded work and
 * memory. */
static void test_sack_of_every_other_byte_costs_a_bounded_amount(void **state)
{
    struct tcp_tuning tuning = tcp_tuning_default;
    struct tlink_conf conf = {.seed = 52, .tuning = {&tuning}};
    static uint8_t bytes[4096];
    struct raw *raw;
    struct raw_conn c = {.addr = IP4_ADDR(192, 0, 2, 100),
                         .port = 5000,
                         .our_port = PORT,
                         .wnd = 60000,
                         .ws = true,
                         .sack = true};
    struct tcp_frame f;
    struct tcp *tcp;
    tcp_t listener;
    uint32_t segs;

    (void)state;
    vplat_reset(1);
    raw = raw_new(conf);
    tcp = tlink_tcp(raw->link, 0);
    listener = tlink_listen(raw->link, 0, PORT);
    raw_connect(raw, listener, &c);
    for (unsigned i = 0; i < 64; i++)
        tcp_send(tcp, c.conn, cs_ro_of(bytes, sizeof(bytes)), plat_now_ns());
    tlink_settle(raw->link);
    segs = tcp_usage(tcp).segs;
    for (uint32_t i = 1; i < 14000; i += 8) {
        f = raw_next(&c, F_ACK, 0);
        f.sacks = 4;
        for (unsigned k = 0; k < 4; k++) {
            f.left[k] = c.irs + 1 + i + 2 * k;
            f.right[k] = f.left[k] + 1;
        }
        raw_send(raw, &f);
    }
    /* Pieces of segments are not told apart, or only a few. */
    assert_true(tcp_usage(tcp).segs <= segs + 64);
    assert_int_equal(tcp_abort(tcp, c.conn, plat_now_ns()), 0);
    assert_int_equal(tcp_close(tcp, listener, plat_now_ns()), 0);
    tlink_settle(raw->link);
    raw_free(raw);
}

/* CVE-2019-11479, CVE-2018-16523: an MSS of 0, 1, 47, 48 is raised to the floor; no division by
 * zero, and no more than so many segments for what is sent. */
static void test_tiny_mss_has_a_floor(void **state)
{
    static const uint16_t tiny[] = {1, 8, 47, 48, 64};

    (void)state;
    for (size_t i = 0; i <= sizeof(tiny) / sizeof(tiny[0]); i++) {
        static const uint8_t zero[] = {2, 4, 0, 0};
        static uint8_t bytes[4096];
        struct tlink_conf conf = {.seed = 53, .trace = {.mss_floor_bytes = 536}};
        struct raw *raw;
        struct raw_conn c = {
            .addr = IP4_ADDR(192, 0, 2, 100), .port = 5000, .our_port = PORT, .wnd = 60000};
        struct tcp_frame syn;
        struct tcp *tcp;
        tcp_t listener;
        uint32_t floor = tcp_tuning_default.mss_floor;

        vplat_reset(1);
        raw = raw_new(conf);
        tcp = tlink_tcp(raw->link, 0);
        c.raw = raw;
        listener = tlink_listen(raw->link, 0, PORT);
        syn = raw_next(&c, F_SYN, 0);
        if (i == 0) {
            syn.raw = zero;
            syn.raw_len = sizeof(zero);
        } else {
            syn.mss = tiny[i - 1];
            floor = tiny[i - 1] > floor ? tiny[i - 1] : floor;
        }
        raw_send(raw, &syn);
        c.seq++;
        raw_hear(&c);
        raw_say(&c, F_ACK, 0);
        assert_int_equal(tcp_accept(tcp, listener, &c.conn), 0);
        raw_clear(raw);
        tcp_send(tcp, c.conn, cs_ro_of(bytes, sizeof(bytes)), plat_now_ns());
        tlink_settle(raw->link);
        assert_true(raw->count >= 1 && raw->count <= 10);
        for (uint32_t s = 0; s < raw->count; s++)
            assert_int_equal(raw_at(raw, s)->len, floor);
        assert_int_equal(tcp_abort(tcp, c.conn, plat_now_ns()), 0);
        assert_int_equal(tcp_close(tcp, listener, plat_now_ns()), 0);
        tlink_settle(raw->link);
        raw_free(raw);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ack_division_gains_nothing),
        cmocka_unit_test(test_optimistic_acks_are_not_believed),
        cmocka_unit_test(test_spoofed_duplicate_acks_gain_a_bounded_amount),
        cmocka_unit_test(test_duplicate_acks_without_sack_news_gain_nothing),
        cmocka_unit_test(test_malformed_sack_blocks_are_ignored),
        cmocka_unit_test(test_sack_of_every_other_byte_costs_a_bounded_amount),
        cmocka_unit_test(test_tiny_mss_has_a_floor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
