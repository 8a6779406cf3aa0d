/* SPDX-License-Identifier: ISC */
/* netdev.h - what a network device is: an operations record, capabilities and counters. No code of
 * its own.
 *
 * Both halves of the contract:
 *   the driver provides  tx, rx, arm, and keeps `link_up`, `caps`, `mac`, `stats` true
 *   the driver may call  page_*, pkt_*, and its bus; never the protocol code above it
 *
 * A driver never calls up. Its event upcall only wakes plat_wait; the main loop polls:
 *
 *     for (;;) {
 *         now = plat_now_ns();
 *         busy = netif_poll(nif, now, budget);          polls rx, feeds the stack, sends, tx_flush
 *         if (!busy && !netif_arm(nif))                 asks for the wake-up, then looks again
 *             plat_wait(netif_poll_at(nif));
 *     }
 */
#ifndef MORGANA_NETDEV_H
#define MORGANA_NETDEV_H

#include <morgana/err.h>
#include <morgana/pkt.h>

#define NETDEV_ETH_BYTES 14u /* of an Ethernet header */

struct netdev;

struct netdev_caps {
    uint16_t mtu_bytes; /* largest IPv4 packet: 68..65535; Ethernet's 14 bytes come on top */
    uint8_t frags_max;  /* of a transmitted packet: 1..PKT_FRAGS_MAX; 1: it cannot gather */
    bool csum_tx;       /* completes PKT_CSUM_BLANK of TCP and UDP over IPv4 itself */
    bool csum_rx;       /* may give packets as VALIDATED or BLANK */
    bool gso_rx;        /* may give super-segments, longer than the MTU: pkt.h */
    /* Longest IPv4 packet that tx accepts as a super-segment: up to 65535; 0: none. Needs csum_tx.
     * frags_max holds for it too: where payload lies so that it needs more, make it shorter */
    uint32_t gso_max_bytes;
    /* What the other side keeps for us while we are busy, in bytes of frames; more is lost. 0: not
     * known. TCP lets a near peer have three quarters of it on its way */
    uint32_t rx_queue_bytes;
};

/* What happened, by name. A table of names is netdev_stat_names. */
#define NETDEV_STATS(S)                                                                            \
    S(tx_packets)                                                                                  \
    S(tx_bytes)                                                                                    \
    S(tx_full)       /* refused by tx: no room (-E_AGAIN, -E_NOMEM) */                             \
    S(tx_errors)     /* refused by tx as malformed (-E_INVAL), or not sent by the device */        \
    S(tx_too_long)   /* longer than the MTU, or more fragments than can be joined */               \
    S(tx_linearised) /* joined because the device cannot gather that many: copied */               \
    S(tx_link_down)                                                                                \
    S(tx_notify) /* events sent to the peer for tx */                                              \
    S(rx_packets)                                                                                  \
    S(rx_bytes)                                                                                    \
    S(rx_short)          /* shorter than an Ethernet header */                                     \
    S(rx_errors)         /* the device reported an error for the packet */                         \
    S(rx_no_buffer)      /* no page to receive into, or no packet for what came */                 \
    S(rx_notify)         /* events sent to the peer for rx */                                      \
    S(violations)        /* the peer broke the device's protocol: it was closed */                 \
    S(quarantined)       /* pages the peer would not let go */                                     \
    S(rx_hashed)         /* frames that came with the peer's hash of their flow */                 \
    S(multicast_full)    /* joins of a group that did not fit the device's list */                 \
    S(multicast_refused) /* groups that the peer did not take */

#define NETDEV_STAT_FIELD(name) uint64_t name;
struct netdev_stats {
    NETDEV_STATS(NETDEV_STAT_FIELD)
};

#define NETDEV_STAT_NAME(name) #name,
/* In the order of struct netdev_stats, which is an array of uint64_t in disguise. */
static const UNUSED char *const netdev_stat_names[] = {NETDEV_STATS(NETDEV_STAT_NAME)};
STATIC_ASSERT(sizeof(netdev_stat_names) / sizeof(netdev_stat_names[0]) ==
                  sizeof(struct netdev_stats) / sizeof(uint64_t),
              "a name for each counter");

/* What one queue of a device counted: numbers and their names, in the same order. */
struct netdev_counters {
    const char *const *names;
    const uint64_t *counts;
    unsigned n;
};

struct netdev_ops {
    const char *name; /* of the driver: "netfront" */

    /* Queues a whole Ethernet frame for sending. Takes pkt on 0. On failure the caller still owns
     * it: -E_AGAIN no room now (arm will wake when there is), -E_MSGSIZE too long, -E_NETDOWN link
     * down, -E_INVAL a super-segment that caps does not allow or that is malformed (counted as
     * tx_errors), -E_NOMEM where the driver says so; any but -E_AGAIN: drop it. The first
     * fragment should hold all protocol headers (XSA-423): where it does not, they are copied
     * there, counted. The bytes must not change until the pages' last reference is put. */
    int (*tx)(struct netdev *dev, struct pkt *pkt);

    /* Tells the device of everything queued since the last call (one notification for a batch). In
     * bulk it may put some of that off, until a later call or arm: who sleeps calls arm first. */
    void (*tx_flush)(struct netdev *dev);

    /* Gives up to n received frames, oldest first; returns how many. Never more work than n frames
     * plus a round of its rings; but when the link comes or goes, rx and arm may wait for the
     * device's bus, as long as the driver's header says. */
    unsigned (*rx)(struct netdev *dev, struct pkt **pkts, unsigned n);

    /* Asks for a wake-up, then looks again. True: there is work now (received frames, room for a
     * refused tx, a changed link): do not sleep. False: plat_wait will return when there is. */
    bool (*arm)(struct netdev *dev);

    /* Receive frames to this multicast group's MAC too, or no more. Lends mac. 0; -E_INVAL: no
     * group's; -E_NOSPC: too many, where the device cannot pass all of them instead. May be NULL:
     * it passes all of them. */
    int (*multicast)(struct netdev *dev, const uint8_t mac[6], bool join);

    /* Counters of queue 0, 1, ... since the device was opened. What *out points to is the driver's:
     * to be read before the next call of rx or arm. False, and *out untouched: there is no such
     * queue now. May be NULL: it does not count by queue. */
    bool (*queue_counters)(const struct netdev *dev, unsigned queue, struct netdev_counters *out);
};

struct netdev {
    const struct netdev_ops *ops;
    struct netdev_caps caps;
    struct netdev_stats stats;
    uint8_t mac[6];
    bool link_up;
};

/* Each calls the operation of that name: struct netdev_ops above is their contract. */
static inline int netdev_tx(struct netdev *dev, struct pkt *pkt)
{
    return dev->ops->tx(dev, pkt);
}

static inline void netdev_tx_flush(struct netdev *dev)
{
    dev->ops->tx_flush(dev);
}

static inline unsigned netdev_rx(struct netdev *dev, struct pkt **pkts, unsigned n)
{
    return dev->ops->rx(dev, pkts, n);
}

static inline bool netdev_arm(struct netdev *dev)
{
    return dev->ops->arm(dev);
}

static inline bool netdev_queue_counters(const struct netdev *dev, unsigned queue,
                                         struct netdev_counters *out)
{
    return dev->ops->queue_counters != NULL && dev->ops->queue_counters(dev, queue, out);
}

/* Whether tx may take this super-segment (pkt->gso_size != 0): it is IPv4, caps allow its length,
 * and each of its segments fits the MTU. For drivers. */
static inline bool netdev_gso_ok(const struct netdev *dev, const struct pkt *pkt)
{
    uint32_t headers = pkt_gso_headers(pkt); /* 0, or Ethernet's header is in the first fragment */

    return headers != 0 && cs_get_be16(pkt_frag_view(pkt, 0), NETDEV_ETH_BYTES - 2) == 0x0800 &&
           pkt->len - NETDEV_ETH_BYTES <= dev->caps.gso_max_bytes &&
           headers - NETDEV_ETH_BYTES + pkt->gso_size <= dev->caps.mtu_bytes;
}

#endif
