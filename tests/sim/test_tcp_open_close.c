/* SPDX-License-Identifier: ISC */
/* test_tcp_open_close.c - the ends of a connection's life, where stacks have erred: SYN-ACKs
 * sent again with their options, duplicate SYNs, simultaneous open, data on a SYN, TIME-WAIT's
 * assassination (RFC 1337) and reuse (RFC 6191), links that come and go. */
#include "support.h"

#include <cmocka.h>

#include "tcp_raw.h"

#define PORT 80

struct bench {
    struct raw *raw;
    struct tcp *tcp;
    tcp_t listener;
    struct raw_conn c;
};

static void setup(struct bench *b)
{
    struct tlink_conf conf = {.seed = 101};

    vplat_reset(1);
    b->raw = raw_new(conf);
    b->tcp = tlink_tcp(b->raw->link, 0);
    b->listener = tlink_listen(b->raw->link, 0, PORT);
    b->c = (struct raw_conn){.raw = b->raw,
                             .addr = IP4_ADDR(192, 0, 2, 100),
                             .port = 5000,
                             .our_port = PORT,
                             .wnd = 60000,
                             .seq = 0xffffffffu,
                             .ts = true,
                             .ws = true,
                             .sack = true};
}

static void teardown(struct bench *b)
{
    tcp_abort(b->tcp, b->c.conn, plat_now_ns());
    assert_int_equal(tcp_close(b->tcp, b->listener, plat_now_ns()), 0);
    tlink_pass(b->raw->link, 400 * NS_PER_S);
    raw_free(b->raw);
}

static struct tcp_frame syn_of(const struct raw_conn *c)
{
    struct tcp_frame syn = raw_next(c, F_SYN, 0);

    syn.mss = 1460;
    syn.sackok = syn.ws = true;
    return syn;
}

/* RFC 9293 3.8.1, RFC 7323 1.3: the SYN-ACK that is sent again is the one before, options and
 * all. */
static void test_a_syn_ack_is_sent_again_with_its_options(void **state)
{
    struct bench b;
    struct tcp_frame syn;
    struct raw_seg first;

    (void)state;
    setup(&b);
    syn = syn_of(&b.c);
    raw_clear(b.raw);
    raw_send(b.raw, &syn);
    first = *raw_last(b.raw);
    tlink_pass(b.raw->link, 30 * NS_PER_S);
    assert_true(b.raw->count >= 4);
    for (uint32_t i = 1; i < b.raw->count; i++) {
        const struct raw_seg *s = raw_at(b.raw, i);

        assert_int_equal(s->flags, first.flags);
        assert_int_equal(s->seq, first.seq);
        assert_int_equal(s->mss, first.mss);
        assert_int_equal(s->sackok, first.sackok);
        assert_int_equal(s->ws, first.ws);
        assert_int_equal(s->ws_shift, first.ws_shift);
        assert_true(s->ts);
    }
    assert_true(first.mss == 1460 && first.sackok && first.ws && first.ts);
    teardown(&b);
}

/* A duplicate of the SYN makes neither a second connection nor another ISN. */
static void test_a_duplicate_syn_makes_nothing_new(void **state)
{
    struct bench b;
    struct tcp_frame syn;
    uint32_t isn;

    (void)state;
    setup(&b);
    syn = syn_of(&b.c);
    raw_send(b.raw, &syn);
    isn = raw_last(b.raw)->seq;
    for (unsigned i = 0; i < 50; i++) {
        raw_send(b.raw, &syn);
        assert_int_equal(raw_last(b.raw)->seq, isn);
        assert_int_equal(tcp_usage(b.tcp).syns, 1);
        tlink_pass(b.raw->link, 10 * NS_PER_MS);
    }
    raw_connect(b.raw, b.listener, &b.c);
    raw_send(b.raw, &syn);
    assert_int_equal(tcp_usage(b.tcp).conns, 1);
    teardown(&b);
}

/* RFC 9293 3.10.7.2: data that comes with the SYN is for later; what was not taken is not
 * acknowledged. */
static void test_data_on_a_syn_is_not_lost(void **state)
{
    struct bench b;
    struct tcp_frame syn;
    uint8_t got[100];

    (void)state;
    setup(&b);
    syn = syn_of(&b.c);
    syn.len = 50;
    syn.first = syn.seq + 1;
    raw_send(b.raw, &syn);
    b.c.seq++;
    raw_hear(&b.c);
    assert_int_equal(raw_last(b.raw)->flags, F_SYN | F_ACK);
    assert_true(raw_last(b.raw)->ack - b.c.seq <= 50);
    b.c.tsval++;
    raw_say(&b.c, F_ACK, 100);
    assert_int_equal(tcp_accept(b.tcp, b.listener, &b.c.conn), 0);
    assert_int_equal(tcp_recv(b.tcp, b.c.conn, cs_of(got, 100), plat_now_ns()), 100);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(got[i], tcp_frame_byte(i));
    teardown(&b);
}

/* RFC 9293 3.5 figure 8. */
static void test_simultaneous_open(void **state)
{
    struct bench b;
    struct tcp_connect_conf conf = {
        .src_port = 4000, .dst = IP4_ADDR(192, 0, 2, 100), .dst_port = 5000};
    struct tcp_frame syn;
    struct tcp_info info;

    (void)state;
    setup(&b);
    assert_int_equal(tcp_connect(b.tcp, &conf, plat_now_ns(), &b.c.conn), 0);
    tlink_settle(b.raw->link);
    b.c.our_port = 4000;
    assert_int_equal(raw_last(b.raw)->flags, F_SYN);
    syn = syn_of(&b.c);
    raw_send(b.raw, &syn);
    assert_int_equal(raw_last(b.raw)->flags, F_SYN | F_ACK);
    raw_hear(&b.c);
    syn = syn_of(&b.c);
    syn.flags = F_SYN | F_ACK;
    syn.ack = b.c.ack;
    syn.tsecr = b.c.tsecr;
    raw_send(b.raw, &syn);
    assert_int_equal(tcp_info(b.tcp, b.c.conn, plat_now_ns(), &info), 0);
    assert_int_equal(info.state, TCP_ESTABLISHED);
    b.c.seq++;
    raw_say(&b.c, F_ACK, 10);
    assert_int_equal(tcp_recv_pending(b.tcp, b.c.conn, NULL), 10);
    teardown(&b);
}

/* Our end closes first and is in TIME-WAIT when this returns. */
static void to_time_wait(struct bench *b)
{
    raw_connect(b->raw, b->listener, &b->c);
    assert_int_equal(tcp_close(b->tcp, b->c.conn, plat_now_ns()), 0);
    tlink_settle(b->raw->link);
    raw_hear(&b->c);
    raw_say(&b->c, F_ACK | F_FIN, 0);
    assert_int_equal(tcp_usage(b->tcp).time_waits, 1);
}

/* RFC 1337: neither a RST nor an old segment ends TIME-WAIT. */
static void test_time_wait_is_not_assassinated(void **state)
{
    struct bench b;
    struct tcp_frame f;

    (void)state;
    setup(&b);
    to_time_wait(&b);
    f = raw_next(&b.c, F_RST, 0);
    raw_send(b.raw, &f);
    assert_int_equal(tcp_usage(b.tcp).time_waits, 1);
    raw_clear(b.raw);
    f = raw_next(&b.c, F_ACK, 10);
    f.seq -= 100; /* an old duplicate: an ACK answers, the peer's RST to that changes nothing */
    raw_send(b.raw, &f);
    assert_int_equal(b.raw->rsts, 0);
    f = raw_next(&b.c, F_RST, 0);
    f.seq = b.c.seq;
    raw_send(b.raw, &f);
    assert_int_equal(tcp_usage(b.tcp).time_waits, 1);
    tlink_pass(b.raw->link, tcp_tuning_default.time_wait_ns + NS_PER_S);
    assert_int_equal(tcp_usage(b.tcp).time_waits, 0);
    teardown(&b);
}

/* RFC 9293 3.6.1, RFC 6191: a SYN with a later timestamp takes its place; an old one does not. */
static void test_time_wait_is_reused_by_what_is_newer(void **state)
{
    struct bench b;
    struct tcp_frame syn;
    uint32_t old_seq;

    (void)state;
    setup(&b);
    to_time_wait(&b);
    tlink_pass(b.raw->link, NS_PER_S);
    old_seq = b.c.seq;
    syn = syn_of(&b.c);
    syn.tsval -= 1000; /* an old duplicate */
    syn.seq -= 1000;
    raw_clear(b.raw);
    raw_send(b.raw, &syn);
    for (uint32_t i = 0; i < b.raw->count; i++)
        assert_int_not_equal(raw_at(b.raw, i)->flags, F_SYN | F_ACK);
    b.c.tsval += 2000;
    b.c.seq = old_seq - 5000; /* a lower ISN is fine where the timestamp is higher */
    raw_connect(b.raw, b.listener, &b.c);
    assert_int_equal(tcp_usage(b.tcp).conns, 1);
    teardown(&b);
}

/* The same without timestamps: only a higher ISN (RFC 9293 3.6.1, RFC 1122 4.2.2.13). */
static void test_time_wait_without_timestamps_needs_a_higher_isn(void **state)
{
    struct bench b;
    struct tcp_frame syn;

    (void)state;
    setup(&b);
    b.c.ts = false;
    to_time_wait(&b);
    tlink_pass(b.raw->link, NS_PER_S);
    syn = syn_of(&b.c);
    syn.seq -= 1000;
    raw_clear(b.raw);
    raw_send(b.raw, &syn);
    for (uint32_t i = 0; i < b.raw->count; i++)
        assert_int_not_equal(raw_at(b.raw, i)->flags, F_SYN | F_ACK);
    b.c.seq += 70000;
    raw_connect(b.raw, b.listener, &b.c);
    teardown(&b);
}

/* A link that is down for a minute, and comes back: the connection goes on. */
static void test_a_link_that_comes_back(void **state)
{
    struct tlink_conf conf = {.seed = 102, .trace = {.tx_loses = true}};
    struct tlink_bulk bulk = {.total = {3000000, 3000000}};
    struct tlink *link;

    (void)state;
    for (unsigned e = 0; e < 2; e++)
        conf.dir[e].delay_ns = 20 * NS_PER_MS;
    vplat_reset(1);
    link = tlink_new(&conf);
    assert_true(tlink_bulk_open(&bulk, link, PORT));
    assert_false(tlink_bulk_run(&bulk, plat_now_ns() + 200 * NS_PER_MS));
    link->end[0].loopback.dev.link_up = link->end[1].loopback.dev.link_up = false;
    assert_false(tlink_bulk_run(&bulk, plat_now_ns() + 60 * NS_PER_S));
    link->end[0].loopback.dev.link_up = link->end[1].loopback.dev.link_up = true;
    assert_true(tlink_bulk_run(&bulk, plat_now_ns() + 300 * NS_PER_S));
    tlink_bulk_close(&bulk);
    tlink_pass(link, 300 * NS_PER_S);
    tlink_free(link);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_syn_ack_is_sent_again_with_its_options),
        cmocka_unit_test(test_a_duplicate_syn_makes_nothing_new),
        cmocka_unit_test(test_data_on_a_syn_is_not_lost),
        cmocka_unit_test(test_simultaneous_open),
        cmocka_unit_test(test_time_wait_is_not_assassinated),
        cmocka_unit_test(test_time_wait_is_reused_by_what_is_newer),
        cmocka_unit_test(test_time_wait_without_timestamps_needs_a_higher_isn),
        cmocka_unit_test(test_a_link_that_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
