/* SPDX-License-Identifier: ISC */
/* test_tcp_hold.c - peers that hold what they were given: Sockstress (CVE-2008-4609), a window
 * kept at zero, FIN-WAIT-2 for ever, a reader of a byte a minute. Each has an end, and meanwhile
 * others are served. */
#include "support.h"

#include <stdlib.h>

#include <cmocka.h>

#include "tcp_raw.h"

#define PORT 80
#define HOLDERS 40u

struct bench {
    struct raw *raw;
    struct tcp *tcp;
    tcp_t listener;
    struct raw_conn c[HOLDERS];
};

static void setup(struct bench *b, const struct tcp_tuning *tuning, uint32_t pages)
{
    struct tlink_conf conf = {
        .seed = 81, .tuning = {tuning}, .conns_max = HOLDERS + 8, .pages = pages};

    vplat_reset(1);
    b->raw = raw_new(conf);
    b->tcp = tlink_tcp(b->raw->link, 0);
    b->listener = tlink_listen(b->raw->link, 0, PORT);
    for (unsigned i = 0; i < HOLDERS; i++) {
        b->c[i] = (struct raw_conn){.addr = IP4_ADDR(192, 0, 2, 100) + i,
                                    .port = (uint16_t)(5000 + i),
                                    .our_port = PORT,
                                    .wnd = 1000,
                                    .seq = i << 24,
                                    .ts = true,
                                    .sack = true};
        raw_connect(b->raw, b->listener, &b->c[i]);
    }
}

static void teardown(struct bench *b)
{
    for (unsigned i = 0; i < HOLDERS; i++)
        tcp_abort(b->tcp, b->c[i].conn, plat_now_ns());
    assert_int_equal(tcp_close(b->tcp, b->listener, plat_now_ns()), 0);
    tlink_pass(b->raw->link, 200 * NS_PER_S);
    raw_free(b->raw);
}

static void fill_all(struct bench *b)
{
    static const uint8_t bytes[4096];

    for (unsigned round = 0; round < 64; round++)
        for (unsigned i = 0; i < HOLDERS; i++)
            tcp_send(b->tcp, b->c[i].conn, cs_ro_of(bytes, sizeof(bytes)), plat_now_ns());
    tlink_settle(b->raw->link);
}

static void another_is_served(struct bench *b)
{
    struct raw_conn c = {
        .addr = IP4_ADDR(192, 0, 2, 99), .port = 999, .our_port = PORT, .wnd = 5000, .ts = true};
    uint8_t byte = 1;

    raw_connect(b->raw, b->listener, &c);
    raw_say(&c, F_ACK, 1);
    assert_int_equal(tcp_recv(b->tcp, c.conn, cs_of(&byte, 1), plat_now_ns()), 1);
    assert_int_equal(tcp_send(b->tcp, c.conn, cs_ro_of(&byte, 1), plat_now_ns()), 1);
    tlink_settle(b->raw->link);
    assert_int_equal(raw_last_of(&c)->len, 1);
    tcp_abort(b->tcp, c.conn, plat_now_ns());
    tlink_settle(b->raw->link);
}

/* Answers whatever our stack sends to holder `i` with an ACK and this window. */
static void answer(struct bench *b, unsigned i, uint16_t wnd)
{
    struct raw_conn *c = &b->c[i];
    const struct raw_seg *s = raw_last_of(c);

    if (s == NULL || (s->flags & F_RST) != 0)
        return;
    c->tsecr = s->tsval;
    c->wnd = wnd;
    raw_say(c, F_ACK, 0);
}

/* RFC 9293 3.8.6.1: as long as probes are answered the connection stays; with a user timeout
 * (RFC 5482) it does not. Others are served throughout. */
static void test_a_window_held_at_zero_ends_by_the_user_timeout(void **state)
{
    struct bench b;

    (void)state;
    setup(&b, &tcp_tuning_default, 4096);
    for (unsigned i = 0; i < HOLDERS; i++) {
        assert_int_equal(
            tcp_set(b.tcp, b.c[i].conn, TCP_OPT_USER_TIMEOUT, 120 * NS_PER_S, plat_now_ns()), 0);
        b.c[i].wnd = 0;
        raw_say(&b.c[i], F_ACK, 0);
    }
    fill_all(&b);
    for (unsigned t = 0; t < 60; t++) {
        raw_clear(b.raw);
        tlink_pass(b.raw->link, 5 * NS_PER_S);
        for (unsigned i = 0; i < HOLDERS && t < 24; i++)
            answer(&b, i, 0);
        if (t % 10 == 0)
            another_is_served(&b);
    }
    for (unsigned i = 0; i < HOLDERS; i++)
        assert_int_equal(tcp_error(b.tcp, b.c[i].conn), -E_TIMEDOUT);
    teardown(&b);
}

/* The program has closed: nobody waits for it any more, and a peer that keeps the window at zero
 * does not keep the memory. */
static void test_orphans_with_a_closed_window_end(void **state)
{
    struct bench b;
    unsigned minutes = 0;

    (void)state;
    setup(&b, &tcp_tuning_default, 4096);
    for (unsigned i = 0; i < HOLDERS; i++) {
        b.c[i].wnd = 0;
        raw_say(&b.c[i], F_ACK, 0);
    }
    fill_all(&b);
    for (unsigned i = 0; i < HOLDERS; i++)
        assert_int_equal(tcp_close(b.tcp, b.c[i].conn, plat_now_ns()), 0);
    while (tcp_usage(b.tcp).conns != 0 && minutes++ < 120) {
        raw_clear(b.raw);
        tlink_pass(b.raw->link, 60 * NS_PER_S);
        for (unsigned i = 0; i < HOLDERS; i++)
            answer(&b, i, 0);
    }
    assert_int_equal(tcp_usage(b.tcp).conns, 0);
    assert_int_equal(tcp_usage(b.tcp).pages, 0);
    teardown(&b);
}

/* RFC 9293 3.6: a peer that acknowledges our FIN and never sends its own. */
static void test_fin_wait_2_of_closed_handles_ends(void **state)
{
    struct bench b;

    (void)state;
    setup(&b, &tcp_tuning_default, 4096);
    for (unsigned i = 0; i < HOLDERS; i++) {
        assert_int_equal(tcp_close(b.tcp, b.c[i].conn, plat_now_ns()), 0);
        tlink_settle(b.raw->link);
        assert_true(raw_last(b.raw)->flags & F_FIN);
        raw_hear(&b.c[i]);
        raw_say(&b.c[i], F_ACK, 0);
    }
    another_is_served(&b);
    tlink_pass(b.raw->link, tcp_tuning_default.fin_wait_2_ns + NS_PER_S);
    assert_int_equal(tcp_usage(b.tcp).conns, 0);
    assert_int_equal(tcp_usage(b.tcp).time_waits, 0);
    teardown(&b);
}

/* Nobody answers at all: retransmissions end. */
static void test_silence_ends_a_connection(void **state)
{
    struct bench b;

    (void)state;
    setup(&b, &tcp_tuning_default, 4096);
    fill_all(&b);
    tlink_pass(b.raw->link, 3600 * NS_PER_S);
    for (unsigned i = 0; i < HOLDERS; i++)
        assert_int_equal(tcp_error(b.tcp, b.c[i].conn), -E_TIMEDOUT);
    assert_true(tcp_usage(b.tcp).pages == 0);
    teardown(&b);
}

/* RFC 9293 3.8.4: keepalive finds who is gone. */
static void test_keepalive_ends_who_is_gone(void **state)
{
    struct bench b;

    (void)state;
    setup(&b, &tcp_tuning_default, 4096);
    for (unsigned i = 0; i < HOLDERS; i++)
        assert_int_equal(tcp_set(b.tcp, b.c[i].conn, TCP_OPT_KEEPALIVE, 1, plat_now_ns()), 0);
    tlink_pass(b.raw->link,
               tcp_tuning_default.keepalive_idle_ns + (tcp_tuning_default.keepalive_probes + 1u) *
                                                          tcp_tuning_default.keepalive_interval_ns);
    for (unsigned i = 0; i < HOLDERS; i++)
        assert_int_equal(tcp_error(b.tcp, b.c[i].conn), -E_TIMEDOUT);
    teardown(&b);
}

/* Slow readers fill every buffer they can: the budget is kept, and others are served. */
static void test_slow_readers_keep_within_the_budget(void **state)
{
    struct bench b;

    (void)state;
    setup(&b, &tcp_tuning_default, 1024);
    for (unsigned t = 0; t < 30; t++) {
        fill_all(&b);
        assert_true(tcp_usage(b.tcp).pages <= 1024 - 256);
        for (unsigned i = 0; i < HOLDERS; i++) {
            raw_clear(b.raw);
            answer(&b, i, 10);
        }
        tlink_pass(b.raw->link, 10 * NS_PER_S);
        another_is_served(&b);
    }
    teardown(&b);
}

/* The other way: senders of data that our program does not read. */
static void test_unread_data_keeps_within_the_budget(void **state)
{
    struct bench b;

    (void)state;
    setup(&b, &tcp_tuning_default, 1024);
    for (unsigned round = 0; round < 100; round++) {
        for (unsigned i = 0; i < HOLDERS; i++) {
            raw_say(&b.c[i], F_ACK, 1000);
            assert_true(tcp_usage(b.tcp).pages <= 1024 - 256);
        }
    }
    /* No new work for now; when the program has read, there is room again. */
    for (unsigned i = 0; i < HOLDERS; i++) {
        uint8_t bytes[4096];

        while (tcp_recv(b.tcp, b.c[i].conn, cs_of(bytes, sizeof(bytes)), plat_now_ns()) > 0)
            ;
    }
    another_is_served(&b);
    teardown(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_window_held_at_zero_ends_by_the_user_timeout),
        cmocka_unit_test(test_orphans_with_a_closed_window_end),
        cmocka_unit_test(test_fin_wait_2_of_closed_handles_ends),
        cmocka_unit_test(test_silence_ends_a_connection),
        cmocka_unit_test(test_keepalive_ends_who_is_gone),
        cmocka_unit_test(test_slow_readers_keep_within_the_budget),
        cmocka_unit_test(test_unread_data_keeps_within_the_budget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
