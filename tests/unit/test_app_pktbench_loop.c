/* SPDX-License-Identifier: ISC */
/* test_app_pktbench_loop.c - pktbench's generator and sink between two devices in virtual time:
 * what a device in between loses, doubles and holds back is what the sink says. */
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
#include "apps/pktbench/report.c"
#include "apps/pktbench/rx.c"
#include "apps/pktbench/seq.c"
#include "apps/pktbench/tx.c"

enum { PAGES = 2048, ENTRIES = 512, PORT = 9 };

static _Alignas(PAGE_BYTES) uint8_t memory[PAGES * PAGE_BYTES];
static struct page headers[PAGES];
static struct pkt pkts[PAGES];
static struct page_pool pages;
static struct pkt_pool pool;
static struct loopback ends[2];
static struct fault fault;
static struct fault_entry entries[ENTRIES];
static struct bench bench;

/* A clock that goes on a little each time it is looked at. */
static void start(const struct fault_dir *spoil)
{
    struct fault_conf conf = {
        .seed = 3, .now_ns = plat_now_ns, .entries = entries, .entries_max = ENTRIES, .tx = *spoil};
    struct netdev *dev[2], *spoiled;

    vplat_reset(1);
    log_init(plat_console_write, LOG_INFO);
    page_pool_init(&pages, headers, memory, PAGES);
    pkt_pool_init(&pool, pkts, PAGES, &pages);
    for (unsigned i = 0; i < 2; i++) {
        struct loopback_conf end = {.mac = {2, 0, 0, 0, 0, (uint8_t)i}, .queue_max = 512};
        assert_int_equal(loopback_open(&ends[i], &end, &dev[i]), 0);
    }
    loopback_join(&ends[0], &ends[1]);
    assert_int_equal(fault_open(&fault, &conf, dev[0], &spoiled), 0);
    bench = (struct bench){.port_count = 2};
    bench.load = (struct load){.mode = MODE_LOOP,
                               .eth = true,
                               .sizes = {60, 1514},
                               .size_count = 2,
                               .rate = 20000,
                               .ns = NS_PER_S / 4,
                               .port = {.flows = 3, .port = PORT}};
    port_eth_init(&bench.ports[0], &bench.load.port, spoiled, &pool);
    port_eth_init(&bench.ports[1], &bench.load.port, dev[1], &pool);
    bench.filler = page_get(&pages);
}

static void stop(void)
{
    page_put(bench.filler);
    fault_close(&fault);
    loopback_close(&ends[0]);
    loopback_close(&ends[1]);
    assert_int_equal(pages.free_count, PAGES);
    assert_int_equal(pool.free_count, PAGES);
}

static uint64_t sum(uint64_t (*of)(const struct row *))
{
    return of(&bench.rows[0]) + of(&bench.rows[1]);
}

static void test_a_clean_link_loses_nothing_and_keeps_the_pace(void **state)
{
    (void)state;
    start(&(struct fault_dir){0});
    assert_int_equal(run_tx(&bench), 0);
    assert_int_equal(bench.row_count, 2);
    for (unsigned i = 0; i < 2; i++) {
        const struct row *row = &bench.rows[i];
        assert_int_equal(row->tx_packets, 5000);
        assert_int_equal(row->rx_packets, 5000);
        assert_int_equal(row->told_sent, 5000);
        assert_int_equal(row->rx_bytes, 5000 * row->frame_bytes);
        assert_int_equal(row->latency.count, 5000);
    }
    assert_int_equal(sum(row_lost) + sum(row_reordered) + sum(row_duplicates), 0);
    assert_true(bench.last_seen);
    stop();
}

static void test_what_the_link_does_is_what_the_sink_says(void **state)
{
    const struct fault_dir spoil = {
        .loss_ppm = 30000, .duplicate_ppm = 20000, .reorder_ppm = 10000, .reorder_ns = NS_PER_MS};

    (void)state;
    start(&spoil);
    assert_int_equal(run_tx(&bench), 0);
    /* The six marks may be lost or doubled like others. */
    assert_in_range(sum(row_lost), fault.tx_stats.lost - 6, fault.tx_stats.lost);
    assert_in_range(sum(row_duplicates), fault.tx_stats.duplicated - 6, fault.tx_stats.duplicated);
    assert_in_range(sum(row_reordered), 1, fault.tx_stats.reordered);
    assert_in_range(fault.tx_stats.lost, 200, 400);
    stop();
}

static void test_a_delay_is_the_latency(void **state)
{
    (void)state;
    start(&(struct fault_dir){.delay_ns = 2 * NS_PER_MS});
    assert_int_equal(run_tx(&bench), 0);
    assert_int_equal(sum(row_lost), 0);
    assert_true(bench.rows[0].latency.min_ns >= 2 * NS_PER_MS);
    stop();
}

/* The names of docs: a program that reads this line must not break. */
static void test_the_report_says_it_as_a_table_and_as_json(void **state)
{
    (void)state;
    start(&(struct fault_dir){0});
    bench.load.size_count = 1;
    assert_int_equal(run_tx(&bench), 0);
    vplat_console_clear();
    report_text(&bench);
    report_json(&bench);
    assert_non_null(strstr(vplat_console(), "pktbench: mode=loop level=eth flows=3\n bytes "));
    assert_non_null(strstr(vplat_console(),
                           "\n{\"pktbench\":1,\"mode\":\"loop\",\"level\":\"eth\",\"flows\":3,"
                           "\"rate\":20000,"));
    assert_non_null(strstr(vplat_console(), "\"rows\":[{\"frame_bytes\":60,\"tx_packets\":5000,"
                                            "\"tx_bytes\":300000,"));
    assert_non_null(strstr(vplat_console(), "\"told_sent\":5000,\"lost\":0,\"reordered\":0,"
                                            "\"duplicates\":0,"));
    assert_non_null(strstr(vplat_console(), ",\"latency_ns\":{\"count\":5000,\"min\":"));
    assert_non_null(strstr(vplat_console(), "],\"devices\":[{\"driver\":\""));
    stop();
}

static uint64_t counted[2][2];

static bool queue_counters(const struct netdev *dev, unsigned queue, struct netdev_counters *out)
{
    static const char *const names[] = {"tx_packets", "rx_packets"};

    (void)dev;
    if (queue >= ARRAY_SIZE(counted))
        return false;
    *out = (struct netdev_counters){names, counted[queue], ARRAY_SIZE(names)};
    return true;
}

/* Of a device that counts by queue: what came in the run, under the driver's names. Of another one:
 * no queues. */
static void test_the_report_has_the_queues_of_each_device(void **state)
{
    struct netdev_ops counting;

    (void)state;
    start(&(struct fault_dir){0});
    counting = *bench.ports[1].dev->ops;
    counting.queue_counters = queue_counters;
    bench.ports[1].dev->ops = &counting;
    memcpy(counted, (uint64_t[2][2]){{1, 2}, {3, 4}}, sizeof(counted));
    bench.load.size_count = 1;
    count_begin(&bench);
    assert_int_equal(run_tx(&bench), 0);
    memcpy(counted, (uint64_t[2][2]){{11, 2}, {3, 24}}, sizeof(counted));
    count_end(&bench);
    vplat_console_clear();
    report_json(&bench);
    assert_non_null(
        strstr(vplat_console(), "],\"devices\":[{\"driver\":\"fault\",\"tx_packets\":5003,"));
    assert_non_null(strstr(vplat_console(), "\"queues\":[]},{\"driver\":\"loopback\",\"tx_"));
    assert_non_null(strstr(vplat_console(), "\"queues\":[{\"tx_packets\":10,\"rx_packets\":0},"
                                            "{\"tx_packets\":0,\"rx_packets\":20}]}]}\n"));
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_clean_link_loses_nothing_and_keeps_the_pace),
        cmocka_unit_test(test_what_the_link_does_is_what_the_sink_says),
        cmocka_unit_test(test_a_delay_is_the_latency),
        cmocka_unit_test(test_the_report_says_it_as_a_table_and_as_json),
        cmocka_unit_test(test_the_report_has_the_queues_of_each_device),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
