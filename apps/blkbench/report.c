/* SPDX-License-Identifier: ISC */
/* report.c - what came of it: lines for people, or JSON for programs. */
#include <morgana/log.h>
#include <morgana/platform.h>

#include "apps/common/print.h"
#include "blkbench.h"

#define LLU(x) ((unsigned long long)(x))

/* a / b in hundredths, without a 128-bit product: both are made smaller first where a is large. */
static uint64_t hundredths(uint64_t a, uint64_t b)
{
    while (a > UINT64_MAX / 100) {
        a /= 2;
        b /= 2;
    }
    return b == 0 ? 0 : a * 100 / b;
}

/* Per second, in hundredths. */
static uint64_t rate(uint64_t n, uint64_t ns)
{
    uint64_t us = ns / NS_PER_US;

    return n > UINT64_MAX / 100000000 ? hundredths(n, us / 1000000 + (us == 0))
                                      : (us == 0 ? 0 : n * 100000000 / us);
}

/* What people read: IOPS, MiB/s, and the device's requests a MiB. */
static uint64_t mib_rate(const struct result *r)
{
    return rate(r->bytes >> 10, r->ns) / 1024;
}

static uint64_t per_mib(uint64_t n, const struct result *r)
{
    return hundredths(n * 1024, r->bytes >> 10);
}

static void print_times(const char *what, const struct hist *h)
{
    static const uint32_t at[] = {500000, 950000, 990000};
    uint64_t us[ARRAY_SIZE(at) + 2];

    for (unsigned i = 0; i < ARRAY_SIZE(at); i++)
        us[i] = hist_at(h, at[i]) / 10; /* hundredths */
    us[3] = h->max_ns / 10;
    us[4] = h->count == 0 ? 0 : h->sum_ns / h->count / 10;
    print_text("  %s us: p50 %llu.%02llu p95 %llu.%02llu p99 %llu.%02llu max %llu.%02llu mean "
               "%llu.%02llu\n",
               what, LLU(us[0] / 100), LLU(us[0] % 100), LLU(us[1] / 100), LLU(us[1] % 100),
               LLU(us[2] / 100), LLU(us[2] % 100), LLU(us[3] / 100), LLU(us[3] % 100),
               LLU(us[4] / 100), LLU(us[4] % 100));
}

void report_text(const struct load *load, const char *rw, const struct result *r)
{
    uint64_t iops = rate(r->ops, r->ns), mib = mib_rate(r),
             ring = per_mib(r->stats.ring_requests, r), notes = per_mib(r->stats.notify, r);

    print_text(
        "%s bs=%u iodepth=%u: %llu IOPS, %llu.%02llu MiB/s: %llu requests in %llu.%03llu s\n", rw,
        load->bs, load->iodepth, LLU(iops / 100), LLU(mib / 100), LLU(mib % 100), LLU(r->ops),
        LLU(r->ns / NS_PER_S), LLU(r->ns % NS_PER_S / NS_PER_MS));
    print_times("latency", &r->lat);
    if (r->flush_lat.count != 0) {
        print_text("  %llu flushes\n", LLU(r->flush_lat.count));
        print_times("flush", &r->flush_lat);
    }
    print_text(
        "  device: %llu.%02llu requests and %llu.%02llu notifications a MiB, %llu bytes copied\n",
        LLU(ring / 100), LLU(ring % 100), LLU(notes / 100), LLU(notes % 100),
        LLU(r->stats.copied_bytes));
}

static void print_times_json(const char *name, const struct hist *h)
{
    print_text("\"%s\":{\"count\":%llu,\"p50\":%llu,\"p95\":%llu,\"p99\":%llu,\"max\":%llu,"
               "\"mean\":%llu},",
               name, LLU(h->count), LLU(hist_at(h, 500000)), LLU(hist_at(h, 950000)),
               LLU(hist_at(h, 990000)), LLU(h->max_ns),
               LLU(h->count == 0 ? 0 : h->sum_ns / h->count));
}

void report_json(const struct load *load, const char *rw, const struct result *r)
{
    const uint64_t *stats = (const uint64_t *)&r->stats;
    uint64_t iops = rate(r->ops, r->ns), mib = mib_rate(r),
             ring = per_mib(r->stats.ring_requests, r);

    print_text("{\"rw\":\"%s\",\"bs\":%u,\"iodepth\":%u,\"ops\":%llu,\"bytes\":%llu,\"ns\":%llu,",
               rw, load->bs, load->iodepth, LLU(r->ops), LLU(r->bytes), LLU(r->ns));
    print_text(
        "\"iops\":%llu.%02llu,\"mib_per_s\":%llu.%02llu,\"device_requests_per_mib\":%llu.%02llu,",
        LLU(iops / 100), LLU(iops % 100), LLU(mib / 100), LLU(mib % 100), LLU(ring / 100),
        LLU(ring % 100));
    print_times_json("lat_ns", &r->lat);
    print_times_json("flush_lat_ns", &r->flush_lat);
    print_text("\"device\":{");
    for (unsigned i = 0; i < ARRAY_SIZE(blkdev_stat_names); i++)
        print_text("%s\"%s\":%llu", i == 0 ? "" : ",", blkdev_stat_names[i], LLU(stats[i]));
    print_text("}}\n");
}
