/* SPDX-License-Identifier: ISC */
/* report.c - what came of it: a table for people, and one line of JSON for programs. */
#include <morgana/log.h>
#include <morgana/platform.h>

#include "apps/common/print.h"
#include "pktbench.h"

#define LLU(x) ((unsigned long long)(x))

/* n per second, where n < 2^44: in microseconds, so that the product fits. */
static uint64_t rate(uint64_t n, uint64_t ns)
{
    uint64_t us = ns / NS_PER_US;

    return us == 0 ? 0 : n * 1000000 / us;
}

/* From the first packet to the last: there is one time less than packets. */
static uint64_t rx_ns(const struct row *row)
{
    return row->rx_last_ns - row->rx_first_ns;
}

static uint64_t rx_rate(const struct row *row, uint64_t each)
{
    return row->rx_packets < 2 ? 0 : rate(row->rx_packets - 1, rx_ns(row)) * each;
}

static uint64_t tx_rate(const struct row *row, uint64_t each)
{
    return rate(row->tx_packets, row->tx_ns) * each;
}

/* ---- the table ------------------------------------------------------------------------------- */

static void print_us(uint64_t ns)
{
    print_text(" %7llu.%llu", LLU(ns / 1000), LLU(ns % 1000 / 100));
}

static const uint32_t percentiles_ppm[] = {500000, 900000, 990000, 999000};

static void print_latency(const struct hist *h)
{
    print_us(h->min_ns);
    for (unsigned i = 0; i < ARRAY_SIZE(percentiles_ppm); i++)
        print_us(hist_at(h, percentiles_ppm[i]));
    print_us(h->max_ns);
}

static bool has_latency(const struct bench *bench)
{
    return bench->load.mode == MODE_RTT || bench->load.mode == MODE_LOOP;
}

static void print_row(const struct bench *bench, const struct row *row)
{
    uint64_t bits = (uint64_t)row->frame_bytes * 8;

    print_text("%6u %10llu %8llu %10llu %8llu %9llu %8llu %8llu", row->frame_bytes,
               LLU(tx_rate(row, 1)), LLU(tx_rate(row, bits) / 1000000), LLU(rx_rate(row, 1)),
               LLU(rx_rate(row, bits) / 1000000), LLU(row_lost(row)), LLU(row_reordered(row)),
               LLU(row->refused));
    if (has_latency(bench))
        print_latency(&row->latency);
    print_text("\n");
}

void report_text(const struct bench *bench)
{
    print_text("pktbench: mode=%s level=%s flows=%u\n", mode_names[bench->load.mode],
               bench->load.eth ? "eth" : "udp", bench->load.port.flows);
    print_text(" bytes     tx pkt/s   Mbit/s   rx pkt/s   Mbit/s      lost  reorder  refused");
    if (has_latency(bench))
        print_text("    min us       p50       p90       p99     p99.9       max");
    print_text("\n");
    for (unsigned i = 0; i < bench->row_count; i++)
        print_row(bench, &bench->rows[i]);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void print_row_json(const struct row *row)
{
    const struct hist *h = &row->latency;
    uint64_t bits = (uint64_t)row->frame_bytes * 8;

    print_text("{\"frame_bytes\":%u,\"tx_packets\":%llu,\"tx_bytes\":%llu,\"tx_ns\":%llu,"
               "\"tx_pps\":%llu,\"tx_bps\":%llu,",
               row->frame_bytes, LLU(row->tx_packets), LLU(row->tx_bytes), LLU(row->tx_ns),
               LLU(tx_rate(row, 1)), LLU(tx_rate(row, bits)));
    print_text(
        "\"rx_packets\":%llu,\"rx_bytes\":%llu,\"rx_ns\":%llu,\"rx_pps\":%llu,\"rx_bps\":%llu,",
        LLU(row->rx_packets), LLU(row->rx_bytes), LLU(rx_ns(row)), LLU(rx_rate(row, 1)),
        LLU(rx_rate(row, bits)));
    print_text("\"told_sent\":%llu,\"lost\":%llu,\"reordered\":%llu,\"duplicates\":%llu,"
               "\"refused\":%llu,",
               LLU(row->told_sent), LLU(row_lost(row)), LLU(row_reordered(row)),
               LLU(row_duplicates(row)), LLU(row->refused));
    print_text("\"latency_ns\":{\"count\":%llu,\"min\":%llu,\"p50\":%llu,\"p90\":%llu,\"p99\":%llu,"
               "\"p999\":%llu,\"max\":%llu,\"mean\":%llu}}",
               LLU(h->count), LLU(h->min_ns), LLU(hist_at(h, percentiles_ppm[0])),
               LLU(hist_at(h, percentiles_ppm[1])), LLU(hist_at(h, percentiles_ppm[2])),
               LLU(hist_at(h, percentiles_ppm[3])), LLU(h->max_ns),
               LLU(h->count == 0 ? 0 : h->sum_ns / h->count));
}

static void print_counters_json(const char *const *names, const uint64_t *counts, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        print_text("%s\"%s\":%llu", i == 0 ? "" : ",", names[i], LLU(counts[i]));
}

static void print_device_json(const struct netdev *dev, const struct counted *counted)
{
    struct netdev_counters c;

    print_text("{\"driver\":\"%s\",", dev->ops->name);
    print_counters_json(netdev_stat_names, (const uint64_t *)&counted->stats,
                        ARRAY_SIZE(netdev_stat_names));
    print_text(",\"queues\":[");
    for (unsigned q = 0; q < QUEUES_MAX && netdev_queue_counters(dev, q, &c); q++) {
        print_text("%s{", q == 0 ? "" : ",");
        print_counters_json(c.names, counted->queues[q], u32_min(c.n, QUEUE_COUNTERS_MAX));
        print_text("}");
    }
    print_text("]}");
}

void report_json(const struct bench *bench)
{
    print_text("{\"pktbench\":1,\"mode\":\"%s\",\"level\":\"%s\",\"flows\":%u,\"rate\":%u,"
               "\"window\":%u,\"ns\":%llu,\"idle_ns\":%llu,\"strangers\":%llu,"
               "\"copied_bytes\":%llu,\"rows\":[",
               mode_names[bench->load.mode], bench->load.eth ? "eth" : "udp",
               bench->load.port.flows, bench->load.rate, bench->load.window,
               LLU(bench->end_ns - bench->began_ns), LLU(bench->idle_ns), LLU(bench->strangers),
               LLU(bench->ports[0].pool->stats.copied_bytes));
    for (unsigned i = 0; i < bench->row_count; i++) {
        print_text("%s", i == 0 ? "" : ",");
        print_row_json(&bench->rows[i]);
    }
    print_text("],\"devices\":[");
    for (unsigned i = 0; i < bench->port_count; i++) {
        print_text("%s", i == 0 ? "" : ",");
        print_device_json(bench->ports[i].dev, &bench->devices[i]);
    }
    print_text("]}\n");
}
