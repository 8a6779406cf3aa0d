/* SPDX-License-Identifier: ISC */
/* loopback.c - network devices in memory: packets go from one end's tx to the other's rx by
 * reference. */
#include <morgana/loopback.h>

static struct loopback *of(struct netdev *dev)
{
    return CONTAINER_OF(dev, struct loopback, dev);
}

static int loopback_tx(struct netdev *dev, struct pkt *pkt)
{
    struct loopback *l = of(dev), *peer = l->peer;

    if (peer == NULL || !dev->link_up) {
        dev->stats.tx_link_down++;
        return -E_NETDOWN;
    }
    if (pkt->gso_size != 0 && !netdev_gso_ok(dev, pkt)) {
        dev->stats.tx_errors++;
        return -E_INVAL;
    }
    if (pkt->gso_size == 0 && pkt->len > dev->caps.mtu_bytes + NETDEV_ETH_BYTES) {
        dev->stats.tx_too_long++;
        return -E_MSGSIZE;
    }
    if (peer->queue.count >= peer->queue_max) {
        l->refused = true;
        dev->stats.tx_full++;
        return -E_AGAIN;
    }
    if (pkt->csum == PKT_CSUM_BLANK && !dev->caps.csum_tx && pkt_csum_complete(pkt) < 0) {
        dev->stats.tx_errors++;
        return -E_INVAL;
    }
    dev->stats.tx_packets++;
    dev->stats.tx_bytes += pkt->len;
    if (!peer->dev.caps.csum_rx)
        pkt->csum = PKT_CSUM_UNKNOWN;
    pkt_queue_push(&peer->queue, pkt);
    return 0;
}

static void loopback_tx_flush(struct netdev *dev)
{
    (void)dev; /* nobody sleeps at the other end */
}

static unsigned loopback_rx(struct netdev *dev, struct pkt **pkts, unsigned n)
{
    struct loopback *l = of(dev);
    unsigned count = 0;

    while (count < n) {
        struct pkt *pkt = pkt_queue_pop(&l->queue);
        if (pkt == NULL)
            break;
        dev->stats.rx_packets++;
        dev->stats.rx_bytes += pkt->len;
        pkts[count++] = pkt;
    }
    return count;
}

static bool loopback_arm(struct netdev *dev)
{
    struct loopback *l = of(dev);
    bool room = l->refused && l->peer != NULL && l->peer->queue.count < l->peer->queue_max;

    if (room)
        l->refused = false;
    return room || l->queue.count != 0;
}

static const struct netdev_ops loopback_ops = {
    .name = "loopback",
    .tx = loopback_tx,
    .tx_flush = loopback_tx_flush,
    .rx = loopback_rx,
    .arm = loopback_arm,
};

int loopback_open(struct loopback *l, const struct loopback_conf *conf, struct netdev **dev)
{
    uint16_t mtu = conf->mtu_bytes == 0 ? 1500 : conf->mtu_bytes;
    uint8_t frags = (uint8_t)(conf->frags_max == 0 ? PKT_FRAGS_MAX : conf->frags_max);

    if (mtu < 68 || frags > PKT_FRAGS_MAX || conf->gso_max_bytes > UINT16_MAX ||
        (conf->gso_max_bytes != 0 && !conf->csum))
        return -E_INVAL;
    *l = (struct loopback){
        .dev = {.ops = &loopback_ops,
                .caps = {.mtu_bytes = mtu,
                         .frags_max = frags,
                         .csum_tx = conf->csum,
                         .csum_rx = conf->csum,
                         .gso_rx = conf->gso_max_bytes != 0,
                         .gso_max_bytes = conf->gso_max_bytes},
                .link_up = true},
        .queue_max = conf->queue_max == 0 ? 256 : conf->queue_max,
    };
    memcpy(l->dev.mac, conf->mac, sizeof(l->dev.mac));
    l->peer = l;
    *dev = &l->dev;
    return 0;
}

/* Sends only what the other end may be given. */
static void agree(struct netdev_caps *caps, const struct netdev_caps *peer)
{
    if (!peer->gso_rx)
        caps->gso_max_bytes = 0;
}

void loopback_join(struct loopback *a, struct loopback *b)
{
    agree(&a->dev.caps, &b->dev.caps);
    agree(&b->dev.caps, &a->dev.caps);
    a->peer = b;
    b->peer = a;
    a->dev.link_up = b->dev.link_up = true;
}

void loopback_close(struct loopback *l)
{
    pkt_queue_clear(&l->queue);
    if (l->peer != NULL) {
        l->peer->dev.link_up = false;
        l->peer->peer = NULL;
    }
    l->peer = NULL;
    l->dev.link_up = false;
}
