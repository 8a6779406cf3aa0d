/* SPDX-License-Identifier: ISC */
/* test_trace.c - lines of the tracer: what they say, and that any bytes give a line. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/loopback.h>
#include <morgana/trace.h>

enum { PAGES = 16, PKTS = 16 };

static _Alignas(PAGE_BYTES) uint8_t memory[PAGES * PAGE_BYTES];
static struct page headers[PAGES];
static struct pkt pkts[PKTS];
static struct page_pool pages;
static struct pkt_pool pool;
static char lines[4][TRACE_LINE_BYTES];
static unsigned line_count;

static void keep_line(void *arg, const char *text)
{
    (void)arg;
    strncpy(lines[line_count++ % 4], text, TRACE_LINE_BYTES - 1);
}

static int setup(void **state)
{
    (void)state;
    vplat_reset(1);
    line_count = 0;
    page_pool_init(&pages, headers, memory, PAGES);
    pkt_pool_init(&pool, pkts, PKTS, &pages);
    return 0;
}

static struct pkt *packet(const char *hex)
{
    struct pkt *pkt = pkt_alloc(&pool, 0, 1500);
    int n = cs_of_hex(cs_of(pkt->frag[0].page->base, 1500), hex);
    assert_true(n >= 0);
    pkt_trim(pkt, (uint32_t)n);
    return pkt;
}

static void assert_line(const char *hex, const char *expected)
{
    char text[TRACE_LINE_BYTES];
    struct pkt *pkt = packet(hex);
    size_t len = trace_format(pkt, text, sizeof(text));
    assert_string_equal(text, expected);
    assert_int_equal(len, strlen(expected));
    pkt_put(pkt);
}

#define MACS "ffffffffffff 00163e000001 "

static void test_lines_say_what_is_in_the_frame(void **state)
{
    (void)state;
    assert_line(MACS "0806 0001080006040001 00163e000001 0a000001 000000000000 0a000009",
                "42 00:16:3e:00:00:01 > ff:ff:ff:ff:ff:ff arp request 10.0.0.1 > 10.0.0.9");
    assert_line(
        MACS "0800 4500001c000000004011 0000 00000000 ffffffff 00440043 00080000",
        "42 00:16:3e:00:00:01 > ff:ff:ff:ff:ff:ff ip4 0.0.0.0 > 255.255.255.255 udp 68 > 67");
    assert_line(MACS "0800 4500001c000020b94001 0000 0a000001 0a000009 0000000000000000",
                "42 00:16:3e:00:00:01 > ff:ff:ff:ff:ff:ff ip4 10.0.0.1 > 10.0.0.9 icmp fragment at "
                "1480");
    assert_line(MACS "86dd 60", "15 00:16:3e:00:00:01 > ff:ff:ff:ff:ff:ff type 86dd");
    assert_line("ffff", "2 short");
}

static void test_a_super_segment_is_told_of(void **state)
{
    (void)state;
    char text[TRACE_LINE_BYTES];
    struct pkt *pkt = packet(MACS "0800 45000028000040004006 0000 0a000001 0a000009 00509c40");
    pkt->csum = PKT_CSUM_BLANK;
    pkt->gso_size = 1448;
    (void)trace_format(pkt, text, sizeof(text));
    assert_string_equal(text, "38 00:16:3e:00:00:01 > ff:ff:ff:ff:ff:ff ip4 10.0.0.1 > 10.0.0.9 "
                              "tcp 80 > 40000 csum=blank gso=1448");
    pkt_put(pkt);
}

static void test_every_length_and_byte_gives_a_line(void **state)
{
    (void)state;
    uint64_t rng = test_seed(5);
    char text[TRACE_LINE_BYTES];
    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t len = 1 + test_random_below(&rng, 70);
        struct pkt *pkt = pkt_alloc(&pool, PAGE_BYTES - len, len); /* ends at the page's end */
        uint8_t *bytes = pkt->frag[0].page->base + PAGE_BYTES - len;
        for (uint32_t k = 0; k < len; k++)
            bytes[k] = (uint8_t)test_random(&rng);
        if (len > 14) {
            bytes[12] = 8;
            bytes[13] = i % 2 == 0 ? 0 : 6;
        }
        pkt->csum = (uint8_t)(i % PKT_CSUM_STATES);
        pkt->gso_size = (uint16_t)(i % 4 == 0 ? UINT16_MAX : 0);
        size_t size = test_random_below(&rng, sizeof(text)) + 1;
        size_t n = trace_format(pkt, text, size);
        assert_true(n < size);
        assert_int_equal(text[n], '\0');
        pkt_put(pkt);
    }
}

static void test_the_device_tells_of_both_directions_and_not_of_refusals(void **state)
{
    (void)state;
    struct loopback loop;
    struct netdev *inner, *dev;
    struct trace trace;
    struct pkt *got;
    struct trace_conf conf = {.line = keep_line, .now_ns = plat_now_ns};
    assert_int_equal(loopback_open(&loop, &(struct loopback_conf){.queue_max = 1}, &inner), 0);
    assert_int_equal(trace_open(&trace, &(struct trace_conf){0}, inner, &dev), -E_INVAL);
    assert_int_equal(trace_open(&trace, &conf, inner, &dev), 0);
    assert_int_equal(netdev_tx(dev, packet(MACS "86dd")), 0);
    struct pkt *refused = packet(MACS "86dd");
    assert_int_equal(netdev_tx(dev, refused), -E_AGAIN);
    pkt_put(refused);
    vplat_advance(2 * NS_PER_US);
    assert_int_equal(netdev_rx(dev, &got, 1), 1);
    pkt_put(got);
    assert_int_equal(line_count, 2);
    assert_string_equal(lines[0],
                        "1000.000000 tx 14 00:16:3e:00:00:01 > ff:ff:ff:ff:ff:ff type 86dd");
    assert_string_equal(lines[1],
                        "1000.000002 rx 14 00:16:3e:00:00:01 > ff:ff:ff:ff:ff:ff type 86dd");
    loopback_close(&loop);
    assert_int_equal(pool.free_count, PKTS);
}

/* A device that opened again by itself may be able to do other things than before. */
static void test_what_the_device_behind_can_do_is_followed(void **state)
{
    (void)state;
    struct loopback loop;
    struct netdev *inner, *dev;
    struct trace trace;
    struct trace_conf conf = {.line = keep_line};
    assert_int_equal(loopback_open(&loop, &(struct loopback_conf){.csum = true}, &inner), 0);
    assert_int_equal(trace_open(&trace, &conf, inner, &dev), 0);
    inner->caps.csum_tx = false;
    inner->caps.frags_max = 1;
    inner->link_up = false;
    (void)netdev_arm(dev);
    assert_false(dev->caps.csum_tx);
    assert_int_equal(dev->caps.frags_max, 1);
    assert_false(dev->link_up);
    loopback_close(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_lines_say_what_is_in_the_frame, setup),
        cmocka_unit_test_setup(test_a_super_segment_is_told_of, setup),
        cmocka_unit_test_setup(test_every_length_and_byte_gives_a_line, setup),
        cmocka_unit_test_setup(test_the_device_tells_of_both_directions_and_not_of_refusals, setup),
        cmocka_unit_test_setup(test_what_the_device_behind_can_do_is_followed, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
