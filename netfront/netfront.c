/* SPDX-License-Identifier: ISC */
/* netfront.c - Xen's network frontend: the life of the device.
 *
 * Theory of operation
 *
 * Goal: Ethernet frames to and from a backend in another domain, without a copy of ours, while
 * nothing that the backend writes can crash, corrupt, or busy this program. It is trusted with the
 * frames, and with nothing else.
 *
 * Parts: xen/xenbus_front.c leads the life that every frontend has, and netfront_xs.c says what is
 * a network device's own in it, the handshake through xenstore; netfront_queue.c makes and ends
 * queues; netfront_tx.c and netfront_rx.c are a queue's two rings (their verbs: netfront_priv.h);
 * netfront_grant.c says under which grants is sent; netfront_ctrl.c, netfront_hash.c and
 * netfront_mcast.c are what the backend does for us beyond frames; netfront_wire.h turns slots into
 * structs; this file opens, closes, and joins them to netdev.h.
 *
 * Data flow. The program's loop calls rx, which takes responses off each queue's receive ring as
 * packets (and fills it again a batch at a time), and tx, which puts slots into the transmit ring
 * of the queue that the frame's flow goes by; tx_flush shows them to the backend. Nothing happens
 * in the upcall. Before the loop sleeps it calls arm, which asks all rings for an event and looks
 * at all again.
 *
 * Events. A flush sends one for each queue that it has frames for, if the backend wants it. Where n
 * queues share a heavy load that would be n times as many as with one: so when a flush shows more
 * than 32 slots, a queue whose last event is fewer than 2n calls (of rx and tx_flush) ago is told
 * when it is owed one for more than 32 slots, or those calls are over. Its slots are shown at once
 * all the same. arm tells all: no program sleeps on an event that was put off.
 *
 * Super-segments. Both ways a frame of TCP over IPv4 may be up to 64 KiB long: it takes a slot a
 * page, and one of extra info behind the first that says how long its segments are. What we send,
 * the backend or whoever takes it from there cuts up; what comes in was put together, or never cut
 * up, in the host.
 *
 * States. Ours is the XenbusState we last wrote. link_up is true exactly while both sides are
 * Connected and neither has broken the protocol. Two roads lead down: the backend leaves (Closing,
 * or its directory goes), then we go Closing, Closed, take our pages back, and open again when it
 * waits for a frontend; or it lies, then we do the same but stay closed until the program closes
 * and opens the device. Checks are in the place where a number is read; all end in
 * netfront_violate. What fails on our side while we open again (no page, xenstore) leads down the
 * first road: the backend's next InitWait is another try, or our own, a pause later.
 *
 * Limits. Eight queues; rings of one page, 256 slots; 18 slots a frame, and one of extra info for
 * each type there is; no super-segments of IPv6, no room for headers in front of received frames
 * (XDP). A call does at most one ring's worth of work for each queue. xenstore is asked only when
 * the backend's state changed, at most XENBUS_STATES steps a call, and where multicast's filter is
 * switched; then the call waits for the answers (netfront.h says how long at worst).
 */
#include <morgana/log.h>

#include "netfront_priv.h"

static struct netfront *of_dev(struct netdev *dev)
{
    return CONTAINER_OF(dev, struct netfront, dev);
}

/* ---- violations ------------------------------------------------------------------------------ */

#define NETFRONT_VIOLATION_TEXT(name, text) [NETFRONT_##name] = text,
static const char *const violation_text[] = {NETFRONT_VIOLATIONS(NETFRONT_VIOLATION_TEXT)};
STATIC_ASSERT(ARRAY_SIZE(violation_text) == NETFRONT_VIOLATION_COUNT, "a text for each violation");

void netfront_violate(struct netfront *nf, enum netfront_violation what, uint32_t a, uint32_t b,
                      uint32_t c)
{
    if (!xenbus_front_break(&nf->front))
        return; /* it is being closed already */
    nf->violation = (uint8_t)what;
    nf->dev.stats.violations++;
    LOG_ERROR("netfront: %s: backend broke the protocol: %s (%u, %u, %u): closed",
              nf->front.xb.path, violation_text[what], a, b, c);
}

void netfront_link_up(struct netfront *nf)
{
    nf->dev.link_up = true;
    /* The backend looks when it connects, but what it saw may be older than what we posted: one
     * event too many is cheap. */
    netfront_queues_kick(nf);
    netfront_ctrl_start(nf);
}

/* ---- netdev_ops ------------------------------------------------------------------------------ */

/* The queue that the frame's flow goes by: the one that its answers come by, where the backend
 * hashes as we do. */
static struct netfront_queue *queue_of(struct netfront *nf, const struct pkt *pkt)
{
    uint32_t hash;

    if (LIKELY(nf->queue_count == 1) || pkt->frag_count == 0)
        return &nf->queue[0];
    hash = netfront_hash_answer(&nf->hash, pkt_frag_view(pkt, 0));
    return &nf->queue[netfront_hash_queue(&nf->hash, hash, nf->queue_count)];
}

static int netfront_tx(struct netdev *dev, struct pkt *pkt)
{
    struct netfront *nf = of_dev(dev);

    if (UNLIKELY(!dev->link_up)) {
        dev->stats.tx_link_down++;
        return -E_NETDOWN;
    }
    return netfront_tx_ring_fill(queue_of(nf, pkt), pkt);
}

static void netfront_tx_flush(struct netdev *dev)
{
    struct netfront *nf = of_dev(dev);
    uint32_t n = 0;

    if (UNLIKELY(!dev->link_up))
        return;
    for (unsigned i = 0; i < nf->queue_count; i++)
        n += netfront_tx_ring_show(&nf->queue[i]);
    for (unsigned i = 0; i < nf->queue_count; i++)
        netfront_tx_ring_tell(&nf->queue[i], n > NETFRONT_TX_BATCH);
}

/* Takes what queue q has received, as far as there is room, and posts pages again. */
static unsigned receive(struct netfront_queue *q, struct pkt **pkts, unsigned n)
{
    unsigned got = netfront_rx_ring_drain(q, pkts, n);

    if (LIKELY(q->nf->dev.link_up) && netfront_rx_ring_is_low(q)) {
        netfront_rx_ring_fill(q);
        netfront_rx_ring_push(q);
    }
    return got;
}

static unsigned netfront_rx(struct netdev *dev, struct pkt **pkts, unsigned n)
{
    struct netfront *nf = of_dev(dev);
    unsigned got = 0;

    xenbus_front_follow(&nf->front);
    for (unsigned i = 0; LIKELY(dev->link_up) && i < nf->queue_count; i++) {
        (void)netfront_tx_ring_drain(&nf->queue[i]);
        netfront_tx_ring_tell(&nf->queue[i], true);
    }
    if (LIKELY(dev->link_up)) {
        netfront_mcast_poll(nf);
        netfront_ctrl_poll(nf);
    }
    /* Each call begins with the queue behind the last one's: a busy one starves none. */
    for (unsigned i = 0; LIKELY(dev->link_up) && i < nf->queue_count && got < n; i++) {
        unsigned turn = nf->rx_turn;

        nf->rx_turn = (uint8_t)(turn + 1 < nf->queue_count ? turn + 1 : 0);
        got += receive(&nf->queue[turn], pkts + got, n - got);
    }
    return got;
}

static bool netfront_arm(struct netdev *dev)
{
    struct netfront *nf = of_dev(dev);
    bool work = false;

    xenbus_front_follow(&nf->front);
    if (LIKELY(dev->link_up))
        netfront_mcast_poll(nf);
    for (unsigned i = 0; LIKELY(dev->link_up) && i < nf->queue_count; i++) {
        (void)netfront_tx_ring_show(&nf->queue[i]);
        work = netfront_tx_ring_arm(&nf->queue[i]) || work;
        if (LIKELY(dev->link_up))
            work = netfront_rx_ring_arm(&nf->queue[i]) || work;
    }
    if (LIKELY(dev->link_up))
        work = netfront_ctrl_arm(nf) || work;
    else
        (void)gnttab_quarantine_poll(nf->quarantine, nf->conf.gt, NETFRONT_RX_BATCH);
    return xenbus_front_news(&nf->front) || work;
}

static bool netfront_queue_counters(const struct netdev *dev, unsigned queue,
                                    struct netdev_counters *out)
{
    const struct netfront *nf = CONTAINER_OF(dev, const struct netfront, dev);

    if (queue >= nf->queue_count)
        return false;
    *out = (struct netdev_counters){.names = netfront_queue_stat_names,
                                    .counts = (const uint64_t *)&nf->queue[queue].stats,
                                    .n = ARRAY_SIZE(netfront_queue_stat_names)};
    return true;
}

static const struct netdev_ops ops = {
    .name = "netfront",
    .tx = netfront_tx,
    .tx_flush = netfront_tx_flush,
    .rx = netfront_rx,
    .arm = netfront_arm,
    .multicast = netfront_mcast,
    .queue_counters = netfront_queue_counters,
};

/* ---- open and close -------------------------------------------------------------------------- */

static int check_conf(const struct netfront_conf *conf)
{
    const char *wrong = NULL;

    if (conf->ev == NULL || conf->gt == NULL || conf->xs == NULL || conf->pool == NULL)
        wrong = "ev, gt, xs or pool is missing";
    else if (conf->rx_slots > NETFRONT_RING_SLOTS ||
             (conf->rx_slots != 0 && conf->rx_slots < PKT_FRAGS_MAX))
        wrong = "rx_slots must be 0, or 18 to 256";
    else if (conf->queues_max > NETFRONT_QUEUES_MAX)
        wrong = "queues_max must be 0 to 8";
    else if (conf->mac != NULL && (conf->mac[0] & 1) != 0)
        wrong = "mac is a group's address";
    if (wrong == NULL)
        return 0;
    LOG_ERROR("netfront: configuration: %s", wrong);
    return -E_INVAL;
}

int netfront_open(void *storage, const struct netfront_conf *conf, struct netdev **dev)
{
    struct netfront *nf = storage;
    int err = check_conf(conf);

    if (err != 0)
        return err;
    memset(nf, 0, sizeof(*nf));
    nf->conf = *conf;
    if (nf->conf.rx_slots == 0)
        nf->conf.rx_slots = NETFRONT_RING_SLOTS;
    if (nf->conf.queues_max == 0)
        nf->conf.queues_max = 1;
    netfront_queues_init(nf);
    nf->dev.ops = &ops;
    nf->dev.caps.mtu_bytes = NETFRONT_MTU_DEFAULT;
    nf->front.ops = &netfront_life;
    nf->front.gt = conf->gt;
    nf->front.up = &nf->dev.link_up;
    nf->mcast.flood = conf->all_multicast;
    nf->front.timeout_ns = conf->timeout_ns != 0 ? conf->timeout_ns : XENBUS_FRONT_TIMEOUT_NS;
    nf->quarantine = conf->quarantine != NULL ? conf->quarantine : &nf->own_quarantine;
    (void)gnttab_quarantine_poll(nf->quarantine, conf->gt, NETFRONT_RING_SLOTS);

    err = xenbus_front_open(&nf->front, conf->xs, "vif", conf->index);
    if (err != 0)
        return err;
    LOG_INFO("netfront: %s: %s, mtu %u, backend %s%s%s", nf->front.xb.path,
             fmt_mac(nf->dev.mac).text, nf->dev.caps.mtu_bytes, nf->front.xb.otherend,
             nf->dev.caps.frags_max > 1 ? ", sg" : "", nf->dev.caps.csum_tx ? ", csum" : "");
    *dev = &nf->dev;
    return 0;
}

void netfront_close(struct netdev *dev)
{
    struct netfront *nf = of_dev(dev);

    for (unsigned i = 0; dev->link_up && i < nf->queue_count; i++)
        netfront_tx_ring_tell(&nf->queue[i], false);
    xenbus_front_close(&nf->front);
}
