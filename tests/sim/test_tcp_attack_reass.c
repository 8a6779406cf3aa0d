/* SPDX-License-Identifier: ISC */
/* test_tcp_attack_reass.c - out-of-order data as a weapon: SegmentSmack (CVE-2018-5390). One-byte
 * segments, in whatever order, cost the same however many are queued, and hold a bounded amount of
 * memory. */
#include "support.h"

#include <time.h>

#include <cmocka.h>

#include "tcp_raw.h"

#define PORT 80

struct bench {
    struct raw *raw;
    tcp_t listener;
    struct raw_conn c;
};

static void setup(struct bench *b, uint32_t port, bool trace)
{
    struct tlink_conf conf = {.seed = 61, .pages = 16384, .no_trace = !trace};

    vplat_reset(1);
    b->raw = raw_new(conf);
    b->listener = tlink_listen(b->raw->link, 0, PORT);
    b->c = (struct raw_conn){.addr = IP4_ADDR(192, 0, 2, 100),
                             .port = (uint16_t)port,
                             .our_port = PORT,
                             .wnd = 60000,
                             .seq = 0xffffff00u,
                             .ws = true,
                             .sack = true};
    raw_connect(b->raw, b->listener, &b->c);
}

static void teardown(struct bench *b)
{
    struct tcp *tcp = tlink_tcp(b->raw->link, 0);

    tcp_abort(tcp, b->c.conn, plat_now_ns());
    assert_int_equal(tcp_close(tcp, b->listener, plat_now_ns()), 0);
    tlink_settle(b->raw->link);
    raw_free(b->raw);
}

/* A byte of the stream, `off` after what comes next. */
static void send_byte(struct bench *b, uint32_t off)
{
    struct tcp_frame f = raw_next(&b->c, F_ACK, 1);

    f.seq += off;
    f.first = f.seq;
    raw_send(b->raw, &f);
}

typedef uint32_t order(uint32_t i, uint32_t n);

static uint32_t descending(uint32_t i, uint32_t n)
{
    return 2 * (n - i);
}

static uint32_t alternating(uint32_t i, uint32_t n)
{
    return i % 2 == 0 ? n + i : n - i;
}

static uint32_t ascending_with_gaps(uint32_t i, uint32_t n)
{
    (void)n;
    return 2 + 2 * i;
}

static uint32_t scattered(uint32_t i, uint32_t n)
{
    return 2 + 2 * (i * 7919u % n);
}

static uint64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

#define PART 256u
#define PARTS 40u

/* The cheapest of the parts of a queue that is short, and of one that is long. A list would be
 * forty times dearer at its end; a factor of six is noise, caches and logarithms. */
static void cost_is_flat(order *at)
{
    uint64_t short_ns = UINT64_MAX, long_ns = UINT64_MAX;
    const uint32_t n = PART * PARTS;
    struct bench b;

    setup(&b, 5000, false); /* the checker keeps a list */
    for (uint32_t part = 0; part < PARTS; part++) {
        uint64_t start = cpu_ns(), took;

        for (uint32_t i = part * PART; i < (part + 1) * PART; i++)
            send_byte(&b, at(i, n));
        took = cpu_ns() - start;
        if (part < 4)
            short_ns = u64_min(short_ns, took);
        else if (part >= PARTS - 8)
            long_ns = u64_min(long_ns, took);
    }
    if (long_ns > 6 * short_ns)
        fail_msg("%u segments: %llu ns at first, %llu ns at the end", PART,
                 (unsigned long long)short_ns, (unsigned long long)long_ns);
    teardown(&b);
}

static void test_descending_bytes_cost_the_same(void **state)
{
    (void)state;
    cost_is_flat(descending);
}

static void test_alternating_bytes_cost_the_same(void **state)
{
    (void)state;
    cost_is_flat(alternating);
}

static void test_ascending_bytes_with_gaps_cost_the_same(void **state)
{
    (void)state;
    cost_is_flat(ascending_with_gaps);
}

static void test_scattered_bytes_cost_the_same(void **state)
{
    (void)state;
    cost_is_flat(scattered);
}

/* What is queued is charged with what it really holds: a page for a byte, if it is a page. */
static void test_memory_of_one_byte_segments_is_accounted(void **state)
{
    struct bench b;
    struct tcp_info info;
    uint32_t used;

    (void)state;
    setup(&b, 5001, true);
    for (uint32_t i = 0; i < 10000; i++)
        send_byte(&b, ascending_with_gaps(i, 0));
    assert_int_equal(tcp_info(tlink_tcp(b.raw->link, 0), b.c.conn, plat_now_ns(), &info), 0);
    used = b.raw->link->end[0].pages.total - b.raw->link->end[0].pages.free_count;
    /* The rest of the frames' pages are the sender's here: the loopback passes them by
     * reference. */
    used += b.raw->link->end[1].pages.total - b.raw->link->end[1].pages.free_count;
    assert_true((uint64_t)used * PAGE_BYTES <=
                2 * (uint64_t)info.rcvbuf + 256 * (uint64_t)PAGE_BYTES);
    assert_true(tcp_usage(tlink_tcp(b.raw->link, 0)).pages <= 16384 - 256);
    teardown(&b);
}

/* After all that the hole is filled, and the stream is whole. */
static void test_the_stream_is_whole_when_the_hole_is_filled(void **state)
{
    struct bench b;
    uint8_t got[4000];
    uint32_t n = 0, filled = 0;

    (void)state;
    setup(&b, 5002, true);
    for (uint32_t i = 0; i < 2000; i++)
        send_byte(&b, 3999 - i);
    for (uint32_t i = 0; i < 2000; i++)
        send_byte(&b, i * 7 % 2000);
    for (unsigned round = 0; round < 10 && n < 4000; round++) {
        int more =
            tcp_recv(tlink_tcp(b.raw->link, 0), b.c.conn, cs_of(got + n, 4000 - n), plat_now_ns());
        n += more > 0 ? (uint32_t)more : 0;
        /* What was given up for want of room is sent again, as a sender would. */
        for (uint32_t i = n; i < 4000 && n < 4000; i++, filled++)
            send_byte(&b, i);
    }
    assert_int_equal(n, 4000);
    for (uint32_t i = 0; i < 4000; i++)
        assert_int_equal(got[i], tcp_frame_byte(b.c.seq + i));
    teardown(&b);
}

/* The queue is full: data in order still comes through, and the connection of somebody else too. */
static void test_a_full_queue_takes_data_in_order(void **state)
{
    struct bench b;
    struct raw_conn other = {
        .addr = IP4_ADDR(192, 0, 2, 101), .port = 6000, .our_port = PORT, .wnd = 60000, .ws = true};
    uint8_t byte;

    (void)state;
    setup(&b, 5003, true);
    for (uint32_t i = 0; i < 20000; i++)
        send_byte(&b, ascending_with_gaps(i, 0));
    send_byte(&b, 0);
    assert_int_equal(tcp_recv(tlink_tcp(b.raw->link, 0), b.c.conn, cs_of(&byte, 1), plat_now_ns()),
                     1);
    assert_int_equal(byte, tcp_frame_byte(b.c.seq));
    raw_connect(b.raw, b.listener, &other);
    raw_say(&other, F_ACK, 1);
    assert_int_equal(
        tcp_recv(tlink_tcp(b.raw->link, 0), other.conn, cs_of(&byte, 1), plat_now_ns()), 1);
    tcp_abort(tlink_tcp(b.raw->link, 0), other.conn, plat_now_ns());
    teardown(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_descending_bytes_cost_the_same),
        cmocka_unit_test(test_alternating_bytes_cost_the_same),
        cmocka_unit_test(test_ascending_bytes_with_gaps_cost_the_same),
        cmocka_unit_test(test_scattered_bytes_cost_the_same),
        cmocka_unit_test(test_memory_of_one_byte_segments_is_accounted),
        cmocka_unit_test(test_the_stream_is_whole_when_the_hole_is_filled),
        cmocka_unit_test(test_a_full_queue_takes_data_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
