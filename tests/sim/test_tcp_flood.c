/* SPDX-License-Identifier: ISC */
/* test_tcp_flood.c - floods: of SYNs (RFC 4987), of ACKs that guess cookies, of RSTs and of
 * garbage. What is in use stays bounded, and those who mean it get in. */
#include "support.h"

#include <stdlib.h>

#include <cmocka.h>

#include "tcp_raw.h"

#define PORT 80
#define FRIENDS 1000u /* connections that are meant */

static uint64_t rng;

static struct tcp_frame spoofed_syn(void)
{
    return (struct tcp_frame){
        .src = 0xc0000000u | ((uint32_t)test_random(&rng) & 0x0fffffffu),
        .dst = TLINK_ADDR(0),
        .sport = (uint16_t)(1024 + test_random_below(&rng, 60000)),
        .dport = PORT,
        .seq = (uint32_t)test_random(&rng),
        .flags = F_SYN,
        .wnd = 65535,
        .mss = 1460,
        .sackok = test_random(&rng) % 2,
        .ts = test_random(&rng) % 2,
        .ws = test_random(&rng) % 2,
        .ws_shift = 7,
    };
}

static unsigned wanted(const char *name, unsigned usual)
{
    const char *given = getenv(name);

    return given == NULL ? usual : (unsigned)strtoul(given, NULL, 0);
}

/* True: a legitimate client got through its handshake, a byte there, and one back. */
static bool friend_served(struct raw *raw, tcp_t listener, unsigned i)
{
    struct tcp *tcp = tlink_tcp(raw->link, 0);
    struct raw_conn c = {.raw = raw,
                         .addr = IP4_ADDR(192, 0, 2, 100) + i % 50,
                         .port = (uint16_t)(1024 + i),
                         .our_port = PORT,
                         .wnd = 1000,
                         .seq = (uint32_t)test_random(&rng),
                         .ts = i % 2,
                         .sack = i % 3 != 0,
                         .ws = i % 5 != 0,
                         .tsval = i};
    struct tcp_frame syn = raw_next(&c, F_SYN, 0);
    uint8_t byte = 0;
    tcp_t conn;
    bool ok;

    syn.mss = 1460;
    syn.sackok = c.sack;
    syn.ws = c.ws;
    raw_clear(raw);
    raw_send(raw, &syn);
    c.seq++;
    if (raw_last_of(&c) == NULL || (raw_last_of(&c)->flags & (F_SYN | F_ACK)) != (F_SYN | F_ACK))
        return false;
    raw_hear(&c);
    raw_say(&c, F_ACK | F_PSH, 1);
    if (tcp_accept(tcp, listener, &conn) != 0)
        return false;
    ok = tcp_recv(tcp, conn, cs_of(&byte, 1), plat_now_ns()) == 1 &&
         byte == tcp_frame_byte(c.seq - 1) &&
         tcp_send(tcp, conn, cs_ro_of(&byte, 1), plat_now_ns()) == 1;
    tlink_settle(raw->link);
    ok = ok && raw_last_of(&c) != NULL && raw_last_of(&c)->len == 1;
    assert_int_equal(tcp_abort(tcp, conn, plat_now_ns()), 0);
    tlink_settle(raw->link);
    return ok;
}

/* RFC 4987: 10^6 spoofed SYNs; MORGANA_FLOOD says how many. */
static void test_a_syn_flood_keeps_nobody_out_and_memory_flat(void **state)
{
    unsigned total = wanted("MORGANA_FLOOD", 1000000), served = 0;
    struct tlink_conf conf = {
        .seed = 41, .conns_max = 64, .syns_max = 256, .trace = {.cookies = true, .conns_max = 512}};
    struct raw *raw;
    struct tcp *tcp;
    tcp_t listener;
    uint32_t pages_min;

    (void)state;
    rng = test_seed(41);
    vplat_reset(1);
    raw = raw_new(conf);
    tcp = tlink_tcp(raw->link, 0);
    listener = tlink_listen(raw->link, 0, PORT);
    assert_true(friend_served(raw, listener, 0));
    pages_min = raw->link->end[0].pages.free_count;
    for (unsigned i = 0; i < total; i++) {
        struct tcp_frame syn = spoofed_syn();

        raw_queue(raw, &syn);
        if (i % 32 == 31)
            tlink_settle(raw->link);
        if (i % 1024 == 0)
            tlink_pass(raw->link, 10 * NS_PER_MS);
        if (i % (total / FRIENDS) == 0)
            served += friend_served(raw, listener, i % 60000);
        assert_true(tcp_usage(tcp).syns <= 256);
        pages_min = u32_min(pages_min, raw->link->end[0].pages.free_count);
    }
    if (served < FRIENDS * 99 / 100)
        fail_msg("%u of %u got in", served, FRIENDS);
    assert_true(tcp->stats.syn_cookies_sent > 0);
    assert_int_equal(tcp_usage(tcp).conns, 0);
    assert_true(pages_min > raw->link->end[0].pages.total - 256); /* flat */
    assert_int_equal(tcp_close(tcp, listener, plat_now_ns()), 0);
    tlink_pass(raw->link, 300 * NS_PER_S);
    assert_int_equal(tcp_usage(tcp).syns, 0);
    raw_free(raw);
}

/* One answer at most for a segment, no longer than it (but for the SYN-ACK's options). */
static void test_answers_to_a_flood_are_no_amplifier(void **state)
{
    struct tlink_conf conf = {.seed = 42, .syns_max = 16, .trace = {.cookies = true}};
    struct raw *raw;
    tcp_t listener;

    (void)state;
    rng = test_seed(42);
    vplat_reset(1);
    raw = raw_new(conf);
    listener = tlink_listen(raw->link, 0, PORT);
    for (unsigned i = 0; i < 20000; i++) {
        struct tcp_frame f = spoofed_syn();

        f.flags = (uint8_t)(i % 64);
        f.dport = i % 3 == 0 ? PORT : (uint16_t)i;
        f.len = i % 7;
        f.ack = (uint32_t)test_random(&rng);
        raw_clear(raw);
        raw_send(raw, &f);
        assert_true(raw->count <= 1);
        if ((f.flags & F_RST) != 0)
            assert_int_equal(raw->count, 0); /* RFC 9293 3.10.7.1 */
    }
    assert_int_equal(tcp_usage(tlink_tcp(raw->link, 0)).conns, 0);
    assert_int_equal(tcp_close(tlink_tcp(raw->link, 0), listener, plat_now_ns()), 0);
    tlink_pass(raw->link, 300 * NS_PER_S);
    raw_free(raw);
}

/* ACKs that guess a cookie open nothing. */
static void test_guessed_cookies_open_nothing(void **state)
{
    struct tlink_conf conf = {
        .seed = 43, .syns_max = 16, .trace = {.cookies = true, .conns_max = 512}};
    struct raw *raw;
    struct tcp *tcp;
    tcp_t listener, conn;

    (void)state;
    rng = test_seed(43);
    vplat_reset(1);
    raw = raw_new(conf);
    tcp = tlink_tcp(raw->link, 0);
    listener = tlink_listen(raw->link, 0, PORT);
    for (unsigned i = 0; i < 1000; i++) {
        struct tcp_frame syn = spoofed_syn();
        raw_queue(raw, &syn); /* so that cookies are believed */
    }
    tlink_settle(raw->link);
    for (unsigned i = 0; i < 50000; i++) {
        struct tcp_frame f = spoofed_syn();

        f.flags = F_ACK;
        f.ack = (uint32_t)test_random(&rng);
        f.mss = 0;
        f.sackok = f.ws = false;
        raw_send(raw, &f);
        assert_int_equal(tcp_accept(tcp, listener, &conn), -E_AGAIN);
    }
    assert_int_equal(tcp_usage(tcp).conns, 0);
    assert_int_equal(tcp_close(tcp, listener, plat_now_ns()), 0);
    tlink_pass(raw->link, 300 * NS_PER_S);
    raw_free(raw);
}

/* A backlog that nobody accepts from is full: more handshakes do not make more connections. */
static void test_the_backlog_bounds_what_is_not_accepted(void **state)
{
    struct tlink_conf conf = {.seed = 44, .conns_max = 100, .trace = {.cookies = true}};
    struct tcp_listen_conf listen = {.port = PORT, .backlog = 8};
    struct raw *raw;
    struct tcp *tcp;
    tcp_t listener, conn;
    unsigned n = 0;

    (void)state;
    rng = test_seed(44);
    vplat_reset(1);
    raw = raw_new(conf);
    tcp = tlink_tcp(raw->link, 0);
    assert_int_equal(tcp_listen(tcp, &listen, &listener), 0);
    for (unsigned i = 0; i < 200; i++) {
        struct raw_conn c = {.raw = raw,
                             .addr = IP4_ADDR(192, 0, 2, 100),
                             .port = (uint16_t)(5000 + i),
                             .our_port = PORT,
                             .wnd = 1000};
        raw_clear(raw);
        raw_say(&c, F_SYN, 0);
        if (raw->count == 0 || (raw_last(raw)->flags & F_RST) != 0)
            continue;
        raw_hear(&c);
        raw_say(&c, F_ACK, 0);
    }
    assert_true(tcp_usage(tcp).conns <= 9);
    while (tcp_accept(tcp, listener, &conn) == 0) {
        assert_int_equal(tcp_abort(tcp, conn, plat_now_ns()), 0);
        n++;
    }
    assert_true(n >= 8 && n <= 9);
    assert_int_equal(tcp_close(tcp, listener, plat_now_ns()), 0);
    tlink_pass(raw->link, 300 * NS_PER_S);
    raw_free(raw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_syn_flood_keeps_nobody_out_and_memory_flat),
        cmocka_unit_test(test_answers_to_a_flood_are_no_amplifier),
        cmocka_unit_test(test_guessed_cookies_open_nothing),
        cmocka_unit_test(test_the_backlog_bounds_what_is_not_accepted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
