/* SPDX-License-Identifier: ISC */
/* rx.c - the sink: counts what comes, by length and by number. It ends when the sender says that it
 * was the last, when `seconds` are over, or when nothing came for `idle` after something had. */
#include <morgana/platform.h>

#include "pktbench.h"

#define AFTER_LAST_NS (100 * NS_PER_MS)

static void take(struct bench *bench, const struct arrival *a, bool clock, uint64_t now)
{
    struct payload p;
    struct row *row;

    if (!payload_read(a->pkt, a->at, &p) || p.flow >= PORT_FLOWS_MAX ||
        (row = bench_row(bench, a->frame_bytes)) == NULL) {
        bench->strangers++;
        return;
    }
    if (p.magic == PAYLOAD_END || p.magic == PAYLOAD_LAST) {
        row->told_sent = p.number;
        bench->last_seen |= p.magic == PAYLOAD_LAST;
        return;
    }
    bench->came++;
    bench_count_rx(row, a->frame_bytes, now);
    seq_take(&row->seqs[p.flow], p.number);
    if (clock && p.time_ns <= now)
        hist_add(&row->latency, now - p.time_ns);
}

void sink_take_all(struct bench *bench, struct port *port, bool clock, uint64_t now)
{
    struct arrival got[PORT_BATCH];
    unsigned n;

    while ((n = port->ops->recv(port, got, PORT_BATCH)) != 0) {
        for (unsigned i = 0; i < n; i++) {
            take(bench, &got[i], clock, now);
            pkt_put(got[i].pkt);
        }
    }
}

/* When it ends if nothing more comes. */
static uint64_t end_at(const struct bench *bench, uint64_t last_ns)
{
    uint64_t end = bench->load.ns != 0 ? bench->began_ns + bench->load.ns : NS_NEVER;

    if (bench->last_seen)
        return u64_min(end, last_ns + AFTER_LAST_NS);
    if (bench->load.idle_ns != 0 && bench->came != 0)
        return u64_min(end, last_ns + bench->load.idle_ns);
    return end;
}

int run_rx(struct bench *bench)
{
    uint64_t now = bench->began_ns, last_ns = now, seen = 0;

    while (plat_request() == PLAT_RUN && now < end_at(bench, last_ns)) {
        bool busy = bench_poll(bench, now);

        sink_take_all(bench, &bench->ports[0], false, now);
        if (bench->came != seen) {
            seen = bench->came;
            last_ns = now;
        }
        bench_sleep(bench, busy, end_at(bench, last_ns));
        now = plat_now_ns();
    }
    return 0;
}
