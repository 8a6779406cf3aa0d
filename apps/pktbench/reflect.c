/* SPDX-License-Identifier: ISC */
/* reflect.c - frames that go on: back to where they came from (echo), or out of the other device
 * (forward), in the pages they came in. What finds no room is dropped, and counted. */
#include <morgana/platform.h>

#include "pktbench.h"

static void count(struct row *row, uint32_t frame_bytes, int err, uint64_t now)
{
    bench_count_rx(row, frame_bytes, now);
    if (err != 0) {
        row->refused++;
        return;
    }
    row->tx_packets++;
    row->tx_bytes += frame_bytes;
    row->tx_ns = now - row->rx_first_ns;
}

static void echo_all(struct bench *bench, uint64_t now)
{
    struct port *port = &bench->ports[0];
    struct arrival got[PORT_BATCH];
    unsigned n;

    while ((n = port->ops->recv(port, got, PORT_BATCH)) != 0) {
        for (unsigned i = 0; i < n; i++) {
            struct row *row = bench_row(bench, got[i].frame_bytes);
            int err = port->ops->answer(port, &got[i], now);

            if (err != 0)
                pkt_put(got[i].pkt);
            if (row != NULL)
                count(row, got[i].frame_bytes, err, now);
            else
                bench->strangers++;
        }
    }
}

/* What the other device cannot do for this frame is done here, or the frame is dropped. */
static int make_fit(const struct netdev *to, struct pkt *pkt)
{
    if (pkt->gso_size != 0)
        return netdev_gso_ok(to, pkt) ? 0 : -E_MSGSIZE;
    if (pkt->csum == PKT_CSUM_BLANK && !to->caps.csum_tx)
        return pkt_csum_complete(pkt);
    return 0;
}

static bool forward_some(struct bench *bench, unsigned from, uint64_t now)
{
    struct netdev *in = bench->ports[from].dev, *out = bench->ports[1 - from].dev;
    struct pkt *pkts[PORT_BATCH];
    unsigned n = netdev_rx(in, pkts, PORT_BATCH);

    for (unsigned i = 0; i < n; i++) {
        uint32_t len = pkts[i]->len;
        struct row *row = bench_row(bench, len);
        int err = make_fit(out, pkts[i]);

        if (err == 0)
            err = netdev_tx(out, pkts[i]);
        if (err != 0)
            pkt_put(pkts[i]);
        if (row != NULL)
            count(row, len, err, now);
        else
            bench->strangers++;
    }
    return n == PORT_BATCH;
}

static int run(struct bench *bench, bool forward)
{
    uint64_t end = bench->load.ns != 0 ? bench->began_ns + bench->load.ns : NS_NEVER, now;

    while ((now = plat_now_ns()) < end && plat_request() == PLAT_RUN) {
        bool busy = bench_poll(bench, now);

        if (forward) {
            busy |= forward_some(bench, 0, now);
            busy |= forward_some(bench, 1, now);
        } else {
            echo_all(bench, now);
        }
        bench_sleep(bench, busy, end);
    }
    return 0;
}

int run_echo(struct bench *bench)
{
    return run(bench, false);
}

int run_forward(struct bench *bench)
{
    return run(bench, true);
}
