/* SPDX-License-Identifier: ISC */
/* rtt.c - round trips to an echo: so many unanswered at once, and so many a second or the next one
 * when an answer comes. What is not answered within a second makes room for another. When it was
 * sent is kept here: what the answer says of it is not believed. */
#include <morgana/log.h>
#include <morgana/platform.h>

#include "pace.h"
#include "pktbench.h"

#define LOST_NS NS_PER_S
#define ARP_NS (300 * NS_PER_MS)

enum { OUT_MAX = 1 << 16 }; /* numbers between the oldest that is out and the next */

static struct {
    struct row *row;
    struct pace pace;
    uint32_t oldest, number; /* that may be out; of the next */
    uint32_t out;
    uint64_t sent_ns[OUT_MAX]; /* of number % OUT_MAX; 0: it is not out */
} rtt;

static void take(struct bench *bench, const struct arrival *a, uint64_t now)
{
    uint64_t *sent_ns;
    struct payload p;

    if (!payload_read(a->pkt, a->at, &p) || a->frame_bytes != rtt.row->frame_bytes ||
        p.magic != PAYLOAD_DATA) {
        bench->strangers++;
        return;
    }
    bench_count_rx(rtt.row, a->frame_bytes, now);
    seq_take(&rtt.row->seqs[0], p.number);
    sent_ns = &rtt.sent_ns[p.number % OUT_MAX];
    if (p.number - rtt.oldest < rtt.number - rtt.oldest && *sent_ns != 0) {
        hist_add(&rtt.row->latency, now - *sent_ns);
        *sent_ns = 0;
        rtt.out--;
    }
}

/* Those that were sent a second ago are given up: the oldest first, for so they were sent. */
static void give_up(uint64_t now)
{
    for (; rtt.oldest != rtt.number; rtt.oldest++) {
        uint64_t *sent_ns = &rtt.sent_ns[rtt.oldest % OUT_MAX];

        if (*sent_ns != 0 && now - *sent_ns < LOST_NS)
            return;
        rtt.out -= *sent_ns != 0;
        *sent_ns = 0;
    }
}

static void take_all(struct bench *bench)
{
    struct port *port = &bench->ports[0];
    struct arrival got[PORT_BATCH];
    unsigned n;

    while ((n = port->ops->recv(port, got, PORT_BATCH)) != 0) {
        uint64_t now = plat_now_ns();

        for (unsigned i = 0; i < n; i++) {
            take(bench, &got[i], now);
            pkt_put(got[i].pkt);
        }
    }
}

/* As many as may go. Gives when the next may, if no answer comes before. */
static uint64_t send_due(struct bench *bench, int *err)
{
    for (;;) {
        uint64_t now = plat_now_ns();
        struct payload p = {.magic = PAYLOAD_DATA, .number = rtt.number, .time_ns = now};

        give_up(now);
        if (rtt.out == bench->load.window || rtt.number - rtt.oldest == OUT_MAX)
            return rtt.sent_ns[rtt.oldest % OUT_MAX] + LOST_NS;
        if (pace_due(&rtt.pace, now) == 0)
            return pace_at(&rtt.pace);
        *err = bench_send(bench, rtt.row, &p, now);
        if (*err != 0)
            return now + NS_PER_MS;
        rtt.sent_ns[rtt.number++ % OUT_MAX] = now;
        rtt.out++;
        pace_sent(&rtt.pace, 1);
        rtt.row->tx_packets++;
        rtt.row->tx_bytes += rtt.row->frame_bytes;
    }
}

static int run_size(struct bench *bench)
{
    uint64_t begin = plat_now_ns(), now = begin, end = begin + bench->load.ns;

    rtt.number = rtt.oldest = rtt.out = 0;
    memset(rtt.sent_ns, 0, sizeof(rtt.sent_ns));
    pace_begin(&rtt.pace, bench->load.rate, begin);
    while ((now < end || rtt.out != 0) && plat_request() == PLAT_RUN) {
        uint64_t next = end + LOST_NS;
        bool busy = bench_poll(bench, now);
        int err = 0;

        take_all(bench); /* before: an answer makes room for the next */
        give_up(now);
        if (now < end) {
            next = u64_min(end, send_due(bench, &err));
            rtt.row->tx_ns = now - begin;
        }
        if (err != 0 && err != -E_AGAIN && err != -E_NETDOWN) {
            LOG_ERROR("pktbench: frames of %u bytes cannot be sent: %s", rtt.row->frame_bytes,
                      err_name(err));
            return err;
        }
        bench_sleep(bench, busy, next);
        now = plat_now_ns();
    }
    return 0;
}

/* One that is not counted, for ARP. */
static void warm_up(struct bench *bench)
{
    const struct payload p = {.magic = PAYLOAD_END};
    uint64_t now = plat_now_ns(), end = now + ARP_NS;

    (void)bench_send(bench, rtt.row, &p, now);
    for (; now < end && plat_request() == PLAT_RUN; now = plat_now_ns()) {
        bool busy = bench_poll(bench, now);
        take_all(bench);
        bench_sleep(bench, busy, end);
    }
    bench->strangers = 0;
}

int run_rtt(struct bench *bench)
{
    int err = 0;

    for (uint32_t i = 0; err == 0 && i < bench->load.size_count; i++) {
        rtt.row = bench_row(bench, bench->load.sizes[i]);
        if (i == 0)
            warm_up(bench);
        err = run_size(bench);
    }
    return err;
}
