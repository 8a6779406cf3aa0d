/* SPDX-License-Identifier: ISC */
/* rtt.c - round trips to an echo: so many unanswered at once, and so many a second or the next one
 * when an answer comes. What is not answered within a second is lost. When it was sent is kept
 * here: what the answer says of it is not believed. */
#include <morgana/log.h>
#include <morgana/platform.h>

#include "pace.h"
#include "pktbench.h"

#define LOST_NS NS_PER_S
#define ARP_NS (300 * NS_PER_MS)

static struct {
    struct row *row;
    struct pace pace;
    uint32_t number;              /* of the next */
    uint64_t sent_ns[WINDOW_MAX]; /* of number % window; 0: nothing is out */
    uint32_t sent_number[WINDOW_MAX];
} rtt;

static void take(struct bench *bench, const struct arrival *a, uint64_t now)
{
    uint32_t slot;
    struct payload p;

    if (!payload_read(a->pkt, a->at, &p) || a->frame_bytes != rtt.row->frame_bytes ||
        p.magic != PAYLOAD_DATA) {
        bench->strangers++;
        return;
    }
    slot = p.number % bench->load.window;
    bench_count_rx(rtt.row, a->frame_bytes, now);
    seq_take(&rtt.row->seqs[0], p.number);
    if (rtt.sent_ns[slot] != 0 && rtt.sent_number[slot] == p.number) {
        hist_add(&rtt.row->latency, now - rtt.sent_ns[slot]);
        rtt.sent_ns[slot] = 0;
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
        uint32_t slot = rtt.number % bench->load.window;
        struct payload p = {.magic = PAYLOAD_DATA, .number = rtt.number, .time_ns = now};

        if (rtt.sent_ns[slot] != 0 && now - rtt.sent_ns[slot] < LOST_NS)
            return rtt.sent_ns[slot] + LOST_NS;
        if (pace_due(&rtt.pace, now) == 0)
            return pace_at(&rtt.pace);
        *err = bench_send(bench, rtt.row, &p, now);
        if (*err != 0)
            return now + NS_PER_MS;
        rtt.sent_ns[slot] = now;
        rtt.sent_number[slot] = rtt.number++;
        pace_sent(&rtt.pace, 1);
        rtt.row->tx_packets++;
        rtt.row->tx_bytes += rtt.row->frame_bytes;
    }
}

static bool is_out(const struct bench *bench, uint64_t now)
{
    for (uint32_t i = 0; i < bench->load.window; i++)
        if (rtt.sent_ns[i] != 0 && now - rtt.sent_ns[i] < LOST_NS)
            return true;
    return false;
}

static int run_size(struct bench *bench)
{
    uint64_t begin = plat_now_ns(), now = begin, end = begin + bench->load.ns;

    rtt.number = 0;
    memset(rtt.sent_ns, 0, sizeof(rtt.sent_ns));
    pace_begin(&rtt.pace, bench->load.rate, begin);
    while ((now < end || is_out(bench, now)) && plat_request() == PLAT_RUN) {
        uint64_t next = end + LOST_NS;
        int err = 0;

        if (now < end) {
            next = u64_min(end, send_due(bench, &err));
            rtt.row->tx_ns = now - begin;
        }
        if (err != 0 && err != -E_AGAIN && err != -E_NETDOWN) {
            LOG_ERROR("pktbench: frames of %u bytes cannot be sent: %s", rtt.row->frame_bytes,
                      err_name(err));
            return err;
        }
        bool busy = bench_poll(bench, now);
        take_all(bench);
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
