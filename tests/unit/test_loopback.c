/* SPDX-License-Identifier: ISC */
/* test_loopback.c - devices in memory: no copy, back-pressure that wakes up, links that go down. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/loopback.h>

enum { PAGES = 16, PKTS = 16 };

static _Alignas(PAGE_BYTES) uint8_t memory[PAGES * PAGE_BYTES];
static struct page headers[PAGES];
static struct pkt pkts[PKTS];
static struct page_pool pages;
static struct pkt_pool pool;
static struct loopback a, b;
static struct netdev *a_dev, *b_dev;

static int start(void **state)
{
    (void)state;
    struct loopback_conf conf = {.mac = {2, 0, 0, 0, 0, 1}, .queue_max = 2};
    page_pool_init(&pages, headers, memory, PAGES);
    pkt_pool_init(&pool, pkts, PKTS, &pages);
    assert_int_equal(loopback_open(&a, &conf, &a_dev), 0);
    conf.mac[5] = 2;
    assert_int_equal(loopback_open(&b, &conf, &b_dev), 0);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    loopback_close(&a);
    loopback_close(&b);
    assert_int_equal(pages.free_count, PAGES);
    assert_int_equal(pool.free_count, PKTS);
    return 0;
}

static void test_one_end_hears_itself(void **state)
{
    (void)state;
    struct pkt *pkt = pkt_alloc(&pool, 0, 60), *got;
    assert_false(netdev_arm(a_dev));
    assert_int_equal(netdev_tx(a_dev, pkt), 0);
    assert_true(netdev_arm(a_dev));
    assert_int_equal(netdev_rx(a_dev, &got, 1), 1);
    assert_ptr_equal(got, pkt); /* the same: nothing was copied */
    pkt_put(got);
    assert_int_equal(a_dev->stats.tx_packets, 1);
    assert_int_equal(a_dev->stats.rx_bytes, 60);
}

static void test_two_ends_hear_each_other_in_order(void **state)
{
    (void)state;
    struct pkt *got[4], *first = pkt_alloc(&pool, 0, 60), *second = pkt_alloc(&pool, 0, 61);
    loopback_join(&a, &b);
    assert_int_equal(netdev_tx(a_dev, first), 0);
    assert_int_equal(netdev_tx(a_dev, second), 0);
    assert_int_equal(netdev_rx(a_dev, got, 4), 0);
    assert_int_equal(netdev_rx(b_dev, got, 4), 2);
    assert_ptr_equal(got[0], first);
    assert_ptr_equal(got[1], second);
    pkt_put(first);
    pkt_put(second);
}

static void test_a_full_queue_refuses_and_wakes_when_there_is_room(void **state)
{
    (void)state;
    struct pkt *got, *pkt = NULL;
    loopback_join(&a, &b);
    for (int i = 0; i < 3; i++) {
        pkt = pkt_alloc(&pool, 0, 60);
        assert_int_equal(netdev_tx(a_dev, pkt), i < 2 ? 0 : -E_AGAIN);
    }
    assert_false(netdev_arm(a_dev));
    assert_int_equal(netdev_rx(b_dev, &got, 1), 1);
    pkt_put(got);
    assert_true(netdev_arm(a_dev));
    assert_false(netdev_arm(a_dev)); /* told once */
    assert_int_equal(netdev_tx(a_dev, pkt), 0);
}

static void test_too_long_and_link_down_stay_the_callers(void **state)
{
    (void)state;
    struct pkt *pkt = pkt_alloc(&pool, 0, 1515);
    assert_int_equal(netdev_tx(a_dev, pkt), -E_MSGSIZE);
    loopback_join(&a, &b);
    loopback_close(&b);
    assert_false(a_dev->link_up);
    pkt_trim(pkt, 60);
    assert_int_equal(netdev_tx(a_dev, pkt), -E_NETDOWN);
    pkt_put(pkt);
}

static void test_a_blank_checksum_is_completed_where_it_may_not_be(void **state)
{
    (void)state;
    struct pkt *pkt = pkt_alloc(&pool, 0, 60), *got;
    uint8_t field[2];
    memset(pkt->frag[0].page->base, 0, 60);
    pkt->csum = PKT_CSUM_BLANK;
    pkt->csum_start = 34;
    pkt->csum_off = 6;
    assert_int_equal(netdev_tx(a_dev, pkt), 0);
    assert_int_equal(netdev_rx(a_dev, &got, 1), 1);
    assert_int_equal(got->csum, PKT_CSUM_UNKNOWN);
    assert_true(pkt_read(got, 40, cs_of(field, 2)));
    assert_memory_equal(field, "\xff\xff", 2);
    pkt_put(got);
}

/* A super-segment of 66 bytes of headers and `payload` more. */
static struct pkt *super_segment(uint32_t payload, uint16_t gso_size)
{
    struct pkt *pkt = pkt_alloc(&pool, 0, 66);
    memset(pkt->frag[0].page->base, 0, 66);
    pkt->frag[0].page->base[12] = 8; /* IPv4 */
    pkt->frag[0].page->base[46] = 8 << 4;
    for (uint32_t n; payload != 0; payload -= n) {
        n = u32_min(payload, PAGE_BYTES);
        assert_int_equal(pkt_append_take(pkt, page_get(&pages), 0, n), 0);
    }
    pkt->csum = PKT_CSUM_BLANK;
    pkt->csum_start = 34;
    pkt->csum_off = 16;
    pkt->gso_size = gso_size;
    return pkt;
}

static void open_pair(uint32_t a_max, uint32_t b_max)
{
    struct loopback_conf conf = {.csum = true, .gso_max_bytes = a_max};
    assert_int_equal(loopback_open(&a, &conf, &a_dev), 0);
    conf.gso_max_bytes = b_max;
    assert_int_equal(loopback_open(&b, &conf, &b_dev), 0);
    loopback_join(&a, &b);
}

static void test_a_super_segment_arrives_as_it_was_sent(void **state)
{
    (void)state;
    struct pkt *pkt = super_segment(20000, 1448), *got;
    open_pair(20052, 65535);
    assert_int_equal(netdev_tx(a_dev, pkt), 0);
    assert_int_equal(netdev_rx(b_dev, &got, 1), 1);
    assert_ptr_equal(got, pkt);
    assert_int_equal(got->gso_size, 1448);
    assert_int_equal(got->csum, PKT_CSUM_BLANK);
    assert_int_equal(pool.stats.copied_bytes, 0);
    pkt_put(got);
}

static void assert_refused(struct pkt *pkt, int err)
{
    uint64_t errors = a_dev->stats.tx_errors;
    assert_int_equal(netdev_tx(a_dev, pkt), err);
    assert_int_equal(a_dev->stats.tx_errors, errors + (err == -E_INVAL));
    pkt_put(pkt);
}

static void test_a_super_segment_that_caps_do_not_allow_is_refused(void **state)
{
    (void)state;
    open_pair(20052, 65535);
    assert_refused(super_segment(20001, 1448), -E_INVAL); /* longer than gso_max_bytes */
    assert_refused(super_segment(20000, 1449), -E_INVAL); /* its segments do not fit the MTU */
    struct pkt *pkt = super_segment(20000, 1448);
    pkt->csum = PKT_CSUM_UNKNOWN;
    assert_refused(pkt, -E_INVAL);
    pkt = super_segment(20000, 1448);
    pkt->gso_size = 0;
    assert_refused(pkt, -E_MSGSIZE);
    open_pair(0, 65535);
    assert_int_equal(b_dev->caps.gso_max_bytes, 0); /* a would not take it */
    assert_true(b_dev->caps.gso_rx);
    open_pair(65535, 0);
    assert_int_equal(a_dev->caps.gso_max_bytes, 0);
    assert_refused(super_segment(3000, 1448), -E_INVAL);
}

static void test_conf_is_checked(void **state)
{
    (void)state;
    struct loopback l;
    struct netdev *dev;
    assert_int_equal(loopback_open(&l, &(struct loopback_conf){.mtu_bytes = 67}, &dev), -E_INVAL);
    assert_int_equal(loopback_open(&l, &(struct loopback_conf){.frags_max = 19}, &dev), -E_INVAL);
    assert_int_equal(
        loopback_open(&l, &(struct loopback_conf){.csum = true, .gso_max_bytes = 65536}, &dev),
        -E_INVAL);
    assert_int_equal(loopback_open(&l, &(struct loopback_conf){.gso_max_bytes = 9000}, &dev),
                     -E_INVAL); /* needs csum */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_end_hears_itself, start, stop),
        cmocka_unit_test_setup_teardown(test_two_ends_hear_each_other_in_order, start, stop),
        cmocka_unit_test_setup_teardown(test_a_full_queue_refuses_and_wakes_when_there_is_room,
                                        start, stop),
        cmocka_unit_test_setup_teardown(test_too_long_and_link_down_stay_the_callers, start, stop),
        cmocka_unit_test_setup_teardown(test_a_blank_checksum_is_completed_where_it_may_not_be,
                                        start, stop),
        cmocka_unit_test_setup_teardown(test_a_super_segment_arrives_as_it_was_sent, start, stop),
        cmocka_unit_test_setup_teardown(test_a_super_segment_that_caps_do_not_allow_is_refused,
                                        start, stop),
        cmocka_unit_test(test_conf_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
