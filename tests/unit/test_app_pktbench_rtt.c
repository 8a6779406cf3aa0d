/* SPDX-License-Identifier: ISC */
/* test_app_pktbench_rtt.c - pktbench's round trips to its own echo, over a link of a known delay,
 * in virtual time. */
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/fault.h>
#include <morgana/log.h>
#include <morgana/loopback.h>

#include "apps/pktbench/bench.c"
#include "apps/pktbench/pace.c"
#include "apps/pktbench/payload.c"
#include "apps/pktbench/port_eth.c"
#include "apps/pktbench/ports.c"
#include "apps/pktbench/rtt.c"
#include "apps/pktbench/seq.c"

enum { PAGES = 512, ENTRIES = 64 };
#define DELAY_NS (2 * NS_PER_MS)

static _Alignas(PAGE_BYTES) uint8_t memory[PAGES * PAGE_BYTES];
static struct page headers[PAGES];
static struct pkt pkts[PAGES];
static struct page_pool pages;
static struct pkt_pool pool;
static struct loopback ends[2];
static struct fault fault;
static struct fault_entry entries[ENTRIES];
static struct bench bench;
static struct port far;

/* While the program sleeps: time goes to what is next, and the far end answers. */
static void step(uint64_t deadline)
{
    struct arrival got[PORT_BATCH];
    unsigned n;

    vplat_set_now(u64_min(deadline, u64_min(fault_poll_at(&fault), plat_now_ns() + NS_PER_S)));
    netdev_tx_flush(bench.ports[0].dev);
    n = far.ops->recv(&far, got, PORT_BATCH);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(far.ops->answer(&far, &got[i], plat_now_ns()), 0);
}

static void start(uint32_t rate, uint32_t window, uint32_t loss_ppm)
{
    struct fault_conf conf = {.seed = 5,
                              .now_ns = plat_now_ns,
                              .entries = entries,
                              .entries_max = ENTRIES,
                              .tx = {.delay_ns = DELAY_NS, .loss_ppm = loss_ppm}};
    struct netdev *dev[2], *spoiled;

    vplat_reset(1);
    vplat_step = step;
    log_init(plat_console_write, LOG_INFO);
    page_pool_init(&pages, headers, memory, PAGES);
    pkt_pool_init(&pool, pkts, PAGES, &pages);
    for (unsigned i = 0; i < 2; i++) {
        struct loopback_conf end = {.mac = {2, 0, 0, 0, 0, (uint8_t)i}};
        assert_int_equal(loopback_open(&ends[i], &end, &dev[i]), 0);
    }
    loopback_join(&ends[0], &ends[1]);
    assert_int_equal(fault_open(&fault, &conf, dev[0], &spoiled), 0);
    bench = (struct bench){.port_count = 1};
    bench.load = (struct load){.mode = MODE_RTT,
                               .eth = true,
                               .sizes = {60, 1514},
                               .size_count = 2,
                               .rate = rate,
                               .window = window,
                               .ns = NS_PER_S,
                               .port = {.flows = 1, .port = 9}};
    port_eth_init(&bench.ports[0], &bench.load.port, spoiled, &pool);
    port_eth_init(&far, &bench.load.port, dev[1], &pool);
    bench.filler = page_get(&pages);
    assert_int_equal(run_rtt(&bench), 0);
    assert_int_equal(bench.row_count, 2);
    page_put(bench.filler);
    fault_close(&fault);
    loopback_close(&ends[0]);
    loopback_close(&ends[1]);
    assert_int_equal(pages.free_count, PAGES);
}

/* The next goes when the answer comes, not when something else wakes us. */
static void test_one_at_a_time_takes_a_delay_each(void **state)
{
    (void)state;
    start(0, 1, 0);
    for (unsigned i = 0; i < 2; i++) {
        const struct row *row = &bench.rows[i];
        assert_in_range(row->tx_packets, NS_PER_S / DELAY_NS - 2, NS_PER_S / DELAY_NS + 1);
        assert_int_equal(row_lost(row), 0);
        assert_int_equal(row->latency.count, row->tx_packets);
        assert_int_equal(row->latency.min_ns, DELAY_NS);
        assert_int_equal(row->latency.max_ns, DELAY_NS);
    }
}

static void test_a_rate_is_kept_where_the_window_allows_it(void **state)
{
    (void)state;
    start(2000, 16, 0);
    assert_in_range(bench.rows[0].tx_packets, 1990, 2001);
    assert_int_equal(row_lost(&bench.rows[0]), 0);
    start(2000, 2, 0); /* which allows only 1,000 */
    assert_in_range(bench.rows[0].tx_packets, 900, 1010);
}

static void test_what_is_not_answered_is_lost_and_the_others_go_on(void **state)
{
    uint64_t lost;

    (void)state;
    start(1000, 64, 50000);
    lost = row_lost(&bench.rows[0]) + row_lost(&bench.rows[1]);
    assert_in_range(lost, fault.tx_stats.lost - 1, fault.tx_stats.lost); /* one was for ARP */
    assert_in_range(lost, 20, 100);
    assert_int_equal(bench.rows[0].latency.count, bench.rows[0].rx_packets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_at_a_time_takes_a_delay_each),
        cmocka_unit_test(test_a_rate_is_kept_where_the_window_allows_it),
        cmocka_unit_test(test_what_is_not_answered_is_lost_and_the_others_go_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
