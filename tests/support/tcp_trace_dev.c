/* SPDX-License-Identifier: ISC */
/* tcp_trace_dev.c - the trace checker as a device that stands before another. */
#include <stdlib.h>

#include "tcp_trace_check.h"

static struct tcp_trace_dev *of(struct netdev *dev)
{
    return CONTAINER_OF(dev, struct tcp_trace_dev, dev);
}

/* What may change behind our back. */
static void follow(struct tcp_trace_dev *t)
{
    t->dev.stats = t->inner->stats;
    t->dev.caps = t->inner->caps;
    t->dev.link_up = t->inner->link_up;
}

static uint8_t *bytes_of(const struct pkt *pkt, unsigned *flags)
{
    uint8_t *bytes = malloc(pkt->len == 0 ? 1 : pkt->len);

    pkt_read(pkt, 0, cs_of(bytes, pkt->len));
    *flags = pkt->csum == PKT_CSUM_BLANK       ? TCP_TRACE_CSUM_BLANK
             : pkt->csum == PKT_CSUM_VALIDATED ? TCP_TRACE_CSUM_OK
                                               : 0;
    *flags |= TCP_TRACE_GSO(pkt->gso_size);
    return bytes;
}

static int dev_tx(struct netdev *dev, struct pkt *pkt)
{
    struct tcp_trace_dev *t = of(dev);
    unsigned flags;
    uint32_t len = pkt->len;
    /* Before: where the device takes the packet it may be gone. Sent packets vouch for nothing. */
    uint8_t *bytes = bytes_of(pkt, &flags);
    int err = netdev_tx(t->inner, pkt);

    flags &= ~(unsigned)TCP_TRACE_CSUM_OK;
    if (err != 0)
        flags |= TCP_TRACE_REFUSED;
    tcp_trace_sent(t->trace, t->end, bytes, len, t->now_ns(), flags);
    free(bytes);
    follow(t);
    return err;
}

static void dev_tx_flush(struct netdev *dev)
{
    netdev_tx_flush(of(dev)->inner);
}

static unsigned dev_rx(struct netdev *dev, struct pkt **pkts, unsigned n)
{
    struct tcp_trace_dev *t = of(dev);
    unsigned count = netdev_rx(t->inner, pkts, n), flags;

    for (unsigned i = 0; i < count; i++) {
        uint8_t *bytes = bytes_of(pkts[i], &flags);

        tcp_trace_received(t->trace, !t->end, bytes, pkts[i]->len, t->now_ns(), flags);
        free(bytes);
    }
    follow(t);
    return count;
}

static bool dev_arm(struct netdev *dev)
{
    struct tcp_trace_dev *t = of(dev);
    bool work = netdev_arm(t->inner);

    follow(t);
    return work;
}

static int dev_multicast(struct netdev *dev, const uint8_t mac[6], bool join)
{
    struct netdev *inner = of(dev)->inner;

    return inner->ops->multicast == NULL ? 0 : inner->ops->multicast(inner, mac, join);
}

static const struct netdev_ops ops = {
    .name = "tcp_trace",
    .tx = dev_tx,
    .tx_flush = dev_tx_flush,
    .rx = dev_rx,
    .arm = dev_arm,
    .multicast = dev_multicast,
};

void tcp_trace_dev_open(struct tcp_trace_dev *tdev, struct tcp_trace *trace, unsigned end,
                        uint64_t (*now_ns)(void), struct netdev *inner, struct netdev **dev)
{
    *tdev = (struct tcp_trace_dev){
        .dev = *inner, .inner = inner, .trace = trace, .end = end, .now_ns = now_ns};
    tdev->dev.ops = &ops;
    *dev = &tdev->dev;
}
