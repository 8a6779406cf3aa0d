/* SPDX-License-Identifier: ISC */
/* test_tcp_attack_blind.c - attackers who see nothing: RFC 5961 (RST, SYN, data), no side
 * channel by a shared limit (CVE-2016-5696), PAWS (RFC 7323 section 5), ISNs (RFC 6528) and
 * ports (RFC 6056). */
#include "support.h"

#include <stdlib.h>

#include <cmocka.h>

#include "tcp_raw.h"

#define PORT 80

struct bench {
    struct raw *raw;
    tcp_t listener;
    struct raw_conn c, other;
};

static struct raw_conn peer(unsigned i)
{
    return (struct raw_conn){.addr = IP4_ADDR(192, 0, 2, 100) + i,
                             .port = (uint16_t)(5000 + i),
                             .our_port = PORT,
                             .wnd = 60000,
                             .seq = 0xfffffff0u,
                             .ts = true,
                             .tsval = 0x7ffffff0u,
                             .ws = true,
                             .sack = true};
}

static void setup(struct bench *b)
{
    struct tlink_conf conf = {.seed = 71};

    vplat_reset(1);
    b->raw = raw_new(conf);
    b->listener = tlink_listen(b->raw->link, 0, PORT);
    b->c = peer(0);
    b->other = peer(1);
    raw_connect(b->raw, b->listener, &b->c);
    raw_connect(b->raw, b->listener, &b->other);
    raw_clear(b->raw);
}

static void teardown(struct bench *b)
{
    struct tcp *tcp = tlink_tcp(b->raw->link, 0);

    tcp_abort(tcp, b->c.conn, plat_now_ns());
    tcp_abort(tcp, b->other.conn, plat_now_ns());
    assert_int_equal(tcp_close(tcp, b->listener, plat_now_ns()), 0);
    tlink_settle(b->raw->link);
    raw_free(b->raw);
}

static bool alive(const struct bench *b, const struct raw_conn *c)
{
    struct tcp_info info;

    return tcp_info(tlink_tcp(b->raw->link, 0), c->conn, plat_now_ns(), &info) == 0 &&
           info.state == TCP_ESTABLISHED;
}

/* RFC 5961 section 3.2: exactly rcv_nxt resets; in the window is challenged; outside is dropped. */
static void test_rst_must_hit_exactly(void **state)
{
    struct bench b;
    struct tcp_frame rst;

    (void)state;
    setup(&b);
    for (uint32_t off = 1; off < 60000; off += 997) {
        raw_clear(b.raw);
        rst = raw_next(&b.c, F_RST, 0);
        rst.seq += off;
        raw_send(b.raw, &rst);
        assert_true(raw_at(b.raw, 0)->flags == F_ACK && raw_last(b.raw)->ack == b.c.seq);
        tlink_pass(b.raw->link, NS_PER_S); /* challenges have a limit */
    }
    raw_clear(b.raw);
    for (uint32_t off = 1; off < 0x70000000u; off += 0x1234567u) {
        rst = raw_next(&b.c, F_RST, 0);
        rst.seq -= off;
        raw_send(b.raw, &rst);
    }
    assert_int_equal(b.raw->rsts, 0);
    assert_true(alive(&b, &b.c));
    rst = raw_next(&b.c, F_RST, 0);
    raw_send(b.raw, &rst);
    assert_false(alive(&b, &b.c));
    assert_int_equal(tcp_error(tlink_tcp(b.raw->link, 0), b.c.conn), -E_CONNRESET);
    teardown(&b);
}

/* RFC 5961 section 4.2: a SYN never resets; its sequence number does not matter. */
static void test_syn_is_challenged(void **state)
{
    struct bench b;

    (void)state;
    setup(&b);
    for (uint32_t i = 0; i < 50; i++) {
        struct tcp_frame syn = raw_next(&b.c, F_SYN, 0);

        syn.seq += i * 0x5555555u;
        raw_clear(b.raw);
        raw_send(b.raw, &syn);
        assert_int_equal(raw_last(b.raw)->flags, F_ACK);
        assert_int_equal(raw_last(b.raw)->ack, b.c.seq);
        assert_true(alive(&b, &b.c));
        tlink_pass(b.raw->link, NS_PER_S);
    }
    teardown(&b);
}

/* RFC 5961 section 5.2: data whose ACK is out of range is not taken. */
static void test_data_with_an_impossible_ack_is_not_taken(void **state)
{
    struct bench b;
    uint32_t urgent;

    (void)state;
    setup(&b);
    for (uint32_t off = 1; off < 31; off++) {
        struct tcp_frame f = raw_next(&b.c, F_ACK, 10);

        f.ts = false;
        f.ack += 1u << off;
        raw_send(b.raw, &f);
        f = raw_next(&b.c, F_ACK, 10);
        f.ack += 1u << off;
        f.tsval += 1;
        raw_send(b.raw, &f);
        f.ack = b.c.ack - 0x10000000u - (1u << off) / 2;
        raw_send(b.raw, &f);
    }
    assert_int_equal(tcp_recv_pending(tlink_tcp(b.raw->link, 0), b.c.conn, &urgent), 0);
    assert_true(alive(&b, &b.c));
    teardown(&b);
}

/* CVE-2016-5696: how many challenges one connection provoked cannot be seen on another, and they
 * are bounded. */
static void test_challenge_limits_are_each_connections_own(void **state)
{
    struct bench b;
    struct tcp_frame rst;
    uint32_t answered;

    (void)state;
    setup(&b);
    for (unsigned i = 0; i < 5000; i++) {
        rst = raw_next(&b.c, F_RST, 0);
        rst.seq += 100;
        raw_send(b.raw, &rst);
    }
    answered = b.raw->count;
    assert_true(answered > 0 && answered <= 2000);
    raw_clear(b.raw);
    rst = raw_next(&b.other, F_RST, 0);
    rst.seq += 100;
    raw_send(b.raw, &rst);
    assert_int_equal(b.raw->count, 1);
    teardown(&b);
}

/* RFC 7323 section 5.3: an old timestamp is dropped and acknowledged; but RSTs are not looked at
 * so. */
static void test_paws_drops_what_is_old(void **state)
{
    struct bench b;
    struct tcp_frame f;
    uint32_t urgent;
    struct tcp *tcp;

    (void)state;
    setup(&b);
    tcp = tlink_tcp(b.raw->link, 0);
    b.c.tsval += 100; /* past 2^31 */
    raw_say(&b.c, F_ACK, 10);
    assert_int_equal(tcp_recv_pending(tcp, b.c.conn, &urgent), 10);
    /* One step of grace is for clocks that two processors read. */
    for (uint32_t old = 3; old < 0x40000000u; old *= 3) {
        f = raw_next(&b.c, F_ACK, 10);
        f.tsval -= old;
        raw_send(b.raw, &f);
        assert_int_equal(tcp_recv_pending(tcp, b.c.conn, &urgent), 10);
    }
    assert_int_equal(raw_last(b.raw)->ack, b.c.seq);
    raw_say(&b.c, F_ACK, 10);
    assert_int_equal(tcp_recv_pending(tcp, b.c.conn, &urgent), 20);
    f = raw_next(&b.c, F_RST, 0);
    f.ts = true;
    f.tsval -= 1000000;
    raw_send(b.raw, &f);
    assert_false(alive(&b, &b.c));
    teardown(&b);
}

/* RFC 7323 section 4.3: a segment outside the window does not change TS.Recent. */
static void test_only_segments_in_the_window_set_ts_recent(void **state)
{
    struct bench b;
    struct tcp_frame f;
    uint32_t urgent;

    (void)state;
    setup(&b);
    f = raw_next(&b.c, F_ACK, 10);
    f.seq += 0x40000000u;
    f.tsval += 0x30000000u;
    raw_send(b.raw, &f);
    f = raw_next(&b.c, F_ACK, 10);
    f.seq += 5000; /* in the window, but not what is expected next */
    f.first = f.seq;
    f.tsval += 0x20000000u;
    raw_send(b.raw, &f);
    assert_int_equal(raw_last(b.raw)->tsecr, b.c.tsval - 1);
    raw_say(&b.c, F_ACK, 10);
    assert_int_equal(tcp_recv_pending(tlink_tcp(b.raw->link, 0), b.c.conn, &urgent), 10);
    teardown(&b);
}

/* RFC 7323 section 5.5: after 24 days of silence an old timestamp may be a clock that went
 * round. */
static void test_paws_forgets_after_24_days(void **state)
{
    struct bench b;
    uint32_t urgent;

    (void)state;
    setup(&b);
    tlink_pass(b.raw->link, UINT64_C(25) * 86400 * NS_PER_S);
    b.c.tsval -= 5;
    raw_say(&b.c, F_ACK, 10);
    assert_int_equal(tcp_recv_pending(tlink_tcp(b.raw->link, 0), b.c.conn, &urgent), 10);
    teardown(&b);
}

/* RFC 6528: ISNs of different connections have nothing to do with each other; of the same, they
 * go up with the clock. */
static void test_isns_are_not_to_be_guessed(void **state)
{
    struct bench b;
    uint32_t last = 0, near = 0;

    (void)state;
    setup(&b);
    for (unsigned i = 0; i < 400; i++) {
        struct raw_conn c = peer(10 + i % 20);
        struct tcp_frame syn;
        uint32_t isn;

        c.port = (uint16_t)(7000 + i);
        c.raw = b.raw;
        syn = raw_next(&c, F_SYN, 0);
        raw_send(b.raw, &syn);
        isn = raw_last(b.raw)->seq;
        near += isn - last + 0x1000000u < 0x2000000u;
        last = isn;
        syn = raw_next(&c, F_RST, 0);
        syn.seq++;
        raw_send(b.raw, &syn);
    }
    assert_true(near <= 12); /* 1/128 of them by chance */
    teardown(&b);
}

/* RFC 9293 3.4.1: a later incarnation of the same pair begins with a later ISN. */
static void test_isns_of_one_pair_grow_with_the_clock(void **state)
{
    struct bench b;
    uint32_t last = 0;

    (void)state;
    setup(&b);
    for (unsigned i = 0; i < 20; i++) {
        struct raw_conn c = peer(10);
        struct tcp_frame syn;

        c.raw = b.raw;
        syn = raw_next(&c, F_SYN, 0);
        raw_clear(b.raw);
        raw_send(b.raw, &syn);
        if (i != 0)
            assert_true((int32_t)(raw_last(b.raw)->seq - last) > 0);
        last = raw_last(b.raw)->seq;
        syn = raw_next(&c, F_RST, 0);
        syn.seq++;
        raw_send(b.raw, &syn);
        tlink_pass(b.raw->link, 10 * NS_PER_S);
    }
    teardown(&b);
}

static uint16_t port_of(struct raw *raw, uint16_t to)
{
    struct tcp_connect_conf conf = {.dst = IP4_ADDR(192, 0, 2, 200), .dst_port = to};
    tcp_t conn;
    struct tcp_ends ends;

    assert_int_equal(tcp_connect(tlink_tcp(raw->link, 0), &conf, plat_now_ns(), &conn), 0);
    assert_int_equal(tcp_ends(tlink_tcp(raw->link, 0), conn, &ends), 0);
    tcp_abort(tlink_tcp(raw->link, 0), conn, plat_now_ns());
    return ends.src_port;
}

/* RFC 6056: the next port cannot be told from those before, for another destination. */
static void test_ports_are_not_to_be_guessed(void **state)
{
    struct bench b;
    unsigned next = 0;
    uint16_t last = 0;

    (void)state;
    setup(&b);
    for (uint16_t i = 0; i < 500; i++) {
        uint16_t port = port_of(b.raw, (uint16_t)(1000 + i));

        assert_true(port >= 32768 && port <= 60999);
        next += (uint16_t)(port - last) <= 4;
        last = port;
    }
    assert_true(next <= 8);
    teardown(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rst_must_hit_exactly),
        cmocka_unit_test(test_syn_is_challenged),
        cmocka_unit_test(test_data_with_an_impossible_ack_is_not_taken),
        cmocka_unit_test(test_challenge_limits_are_each_connections_own),
        cmocka_unit_test(test_paws_drops_what_is_old),
        cmocka_unit_test(test_only_segments_in_the_window_set_ts_recent),
        cmocka_unit_test(test_paws_forgets_after_24_days),
        cmocka_unit_test(test_isns_are_not_to_be_guessed),
        cmocka_unit_test(test_isns_of_one_pair_grow_with_the_clock),
        cmocka_unit_test(test_ports_are_not_to_be_guessed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
