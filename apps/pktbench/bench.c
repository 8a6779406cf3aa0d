/* SPDX-License-Identifier: ISC */
/* bench.c - what the modes of pktbench have in common. */
#include "pktbench.h"

const char *const mode_names[MODES + 1] = {"tx", "rx", "echo", "rtt", "forward", "loop", NULL};

struct row *bench_row(struct bench *bench, uint32_t frame_bytes)
{
    if (bench->last_row != NULL && bench->last_row->frame_bytes == frame_bytes)
        return bench->last_row;
    for (unsigned i = 0; i < bench->row_count; i++)
        if (bench->rows[i].frame_bytes == frame_bytes)
            return bench->last_row = &bench->rows[i];
    if (bench->row_count == ROWS_MAX)
        return NULL;
    bench->last_row = &bench->rows[bench->row_count++];
    bench->last_row->frame_bytes = frame_bytes;
    return bench->last_row;
}

bool bench_poll(struct bench *bench, uint64_t now)
{
    bool busy = false;

    for (unsigned i = 0; i < bench->port_count; i++)
        busy |= bench->ports[i].ops->poll(&bench->ports[i], now);
    return busy;
}

void bench_sleep(struct bench *bench, bool busy, uint64_t deadline)
{
    for (unsigned i = 0; i < bench->port_count; i++)
        netdev_tx_flush(bench->ports[i].dev);
    if (!busy)
        bench->idle_ns += ports_wait(bench->ports, bench->port_count, deadline);
}

int bench_send(struct bench *bench, struct row *row, const struct payload *payload, uint64_t now)
{
    struct port *port = &bench->ports[0];
    struct pkt *pkt = payload_make(port->pool, bench->filler, row->frame_bytes, payload);
    int err;

    if (pkt == NULL)
        return -E_AGAIN; /* all of them are on their way: some come back */
    err = port->ops->send(port, pkt, payload->flow, now);
    if (err != 0)
        pkt_put(pkt);
    return err;
}

void bench_count_rx(struct row *row, uint32_t frame_bytes, uint64_t now)
{
    if (row->rx_packets++ == 0)
        row->rx_first_ns = now;
    row->rx_last_ns = now;
    row->rx_bytes += frame_bytes;
}

static void look(const struct netdev *dev, struct counted *out)
{
    struct netdev_counters c;

    *out = (struct counted){.stats = dev->stats};
    for (unsigned q = 0; q < QUEUES_MAX && netdev_queue_counters(dev, q, &c); q++)
        memcpy(out->queues[q], c.counts, u32_min(c.n, QUEUE_COUNTERS_MAX) * sizeof(uint64_t));
}

void count_begin(struct bench *bench)
{
    for (unsigned i = 0; i < bench->port_count; i++)
        look(bench->ports[i].dev, &bench->devices[i]);
}

void count_end(struct bench *bench)
{
    for (unsigned i = 0; i < bench->port_count; i++) {
        struct counted is;
        uint64_t *counts = (uint64_t *)&bench->devices[i];

        look(bench->ports[i].dev, &is);
        for (unsigned k = 0; k < sizeof(is) / sizeof(uint64_t); k++)
            counts[k] = ((const uint64_t *)&is)[k] - counts[k];
    }
}

static uint64_t came(const struct row *row)
{
    return row->rx_packets - row_duplicates(row);
}

uint64_t row_lost(const struct row *row)
{
    uint64_t sent = row->tx_packets != 0 ? row->tx_packets : row->told_sent, lost = 0;

    if (sent != 0)
        return sent > came(row) ? sent - came(row) : 0;
    for (unsigned i = 0; i < PORT_FLOWS_MAX; i++)
        lost += seq_lost(&row->seqs[i]);
    return lost;
}

uint64_t row_reordered(const struct row *row)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < PORT_FLOWS_MAX; i++)
        n += row->seqs[i].reordered;
    return n;
}

uint64_t row_duplicates(const struct row *row)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < PORT_FLOWS_MAX; i++)
        n += row->seqs[i].duplicates;
    return n;
}
