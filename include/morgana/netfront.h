/* SPDX-License-Identifier: ISC */
/* netfront.h - Xen's paravirtual network frontend (public/io/netif.h) as a netdev.
 *
 * The caller owns the storage. Opening shakes hands with the backend and waits for it, within a
 * deadline; afterwards the backend's state is followed inside rx and arm: when it leaves, link_up
 * is false, and when it comes back the device opens again by itself; where that fails for want of
 * memory or of xenstore's answer, again when the backend next waits, or after a second, then two,
 * and so on to 64. What xenstore did not let us read or write of the states is tried a few times
 * more, a second apart. Both by the next rx or arm: nothing wakes the program for that. A backend
 * that breaks the protocol is closed: link down, counted, logged once; the program goes on, and may
 * close the device and open it anew. Of an honest one that leaves, pages and references of grants
 * come back when it is gone, not before.
 *
 * How long rx and arm may take. Where the backend's state changed, or it broke the protocol, or the
 * domain was restored, the call asks xenstore and waits for each answer, by plat_wait,
 * xs_conf.timeout_ns (5 s) at most; meanwhile no frame moves and no timer of the program's runs. To
 * close takes 3 requests, to open again 30, of which 19 are a transaction that is tried
 * XS_TXN_TRIES times at most; each queue beyond the first makes that longer by 5, and the second by
 * 6 more; to find a restored domain's backend takes 7 before; to give up the multicast filter 1. A
 * xenstored that falls silent costs four timeouts at most (20 s), as a key that fails ends the
 * attempt. One that answers each request at the last moment holds the call for all of them: 150 s,
 * or 815 s with eight transactions. A program that cannot bear that sets xs_conf.timeout_ns lower;
 * conf.timeout_ns is how long open and close wait for the backend, and has no part in this.
 *
 * Beyond netdev.h:
 *   tx   The references to pages move from the packet to the ring, so the packet is free at once.
 *        -E_NOMEM: nothing can be granted or copied, and the backend owes no answer that would
 *        help. -E_INVAL: shorter than an Ethernet header, or BLANK with csum_start/off outside.
 *        Where there are several queues a flow has one of them: its frames stay in order.
 *   tx_flush  Where there are several queues and it shows more than 32 slots, a queue that had an
 *        event just before may get the next one by a later call: the 2n-th of rx and tx_flush where
 *        the queues are n, or arm, whichever comes first.
 *   rx   BLANK only where csum_start and csum_off could be found (whole IPv4 datagrams of TCP and
 *        UDP); any other frame that the backend calls blank is UNKNOWN. Oldest first in each queue.
 *   multicast  At most 64 groups (io/netif.h: multicast control). What does not fit our list or the
 *        backend's, makes it pass all multicast where it can be told so at once. Else a group too
 *        many for our list is -E_NOSPC; one that the backend does not take, which its answer tells
 *        later, is counted (multicast_refused) and told again to the next backend.
 *   caps may change when the device opens again by itself: another backend can do other things.
 *        mtu_bytes is 1500 at most where it cannot gather. Super-segments: gso_max_bytes where it
 *        takes them (feature-gso-tcpv4), gather and complete checksums; gso_rx unless no_gso.
 *
 *   restore  In a domain that was saved and restored, or migrated, the link is down until the new
 *        backend is connected; frames on their way are lost, the address stays. The program does
 *        nothing for it. A device that was closed for a violation stays closed.
 *
 * Each device of mutually distrusting backends wants a pool of its own: what a posted page held
 * before can be read by the backend (docs/decisions/0010). Where the toolstack
 * wrote `trusted` = 0 for the device, every page is zeroed first and frames are sent from copies.
 */
#ifndef MORGANA_NETFRONT_H
#define MORGANA_NETFRONT_H

#include <morgana/evtchn.h>
#include <morgana/gnttab.h>
#include <morgana/netdev.h>
#include <morgana/xenstore.h>

#define NETFRONT_RING_SLOTS 256u
#define NETFRONT_QUEUES_MAX 8u
/* What a device has granted at most: of each queue a page for each slot, both ways, and two rings;
 * the control ring, and the page that it tells of. With tx_grants, what is sent counts by the
 * pool's pages instead. */
#define NETFRONT_GRANTS_MAX (NETFRONT_QUEUES_MAX * (2 * NETFRONT_RING_SLOTS + 2) + 2)

struct netfront_conf {
    struct evtchn *ev; /* Kept, all of them */
    struct gnttab *gt;
    struct xs *xs;
    /* Its pages become the rings (2 a queue), what is received into, and where there are several
     * queues the memory for them (2 each) and the control ring (2); Kept. */
    struct pkt_pool *pool;
    unsigned index; /* device/vif/<index> */
    /* Pages to keep posted in each queue: 18..NETFRONT_RING_SLOTS; 0: as many as go. Several queues
     * share half of the pool at most; below 22 no super-segments come in. */
    uint32_t rx_slots;
    const uint8_t *mac;  /* Lent until netfront_open returns; NULL: the one in xenstore */
    uint64_t timeout_ns; /* for the backend to connect, and to let go at close; 0: 10 s */
    unsigned queues_max; /* 1..NETFRONT_QUEUES_MAX, and as the backend has; 0: 1 */
    /* What is not to be used though the backend has it: to measure what it is worth, and for
     * backends with bugs. */
    bool no_gso;   /* no super-segments, either way */
    bool no_csum;  /* checksums are complete, either way */
    bool no_sg;    /* a frame sent is one slot; what comes in may be several */
    bool no_split; /* one event channel a queue, for both directions */
    /* Every group's frames are wanted: the backend is not asked to filter (multicast control), and
     * netdev_ops.multicast changes nothing. */
    bool all_multicast;
    /* One word for each page of the pool: a page's grant for sending is kept, read-only, until
     * the connection ends. A slot sent then costs 18 % less (20.2 ns where it was 24.7:
     * bench/results/netfront.txt), and the backend can read those pages whatever they are used for
     * meanwhile. Kept; zero at first, or what the last device with this pool left there; one open
     * device an array. NULL: a grant for each frame; so it is where `trusted` = 0, too. */
    gref_t *tx_grants;
    /* Where pages that a backend keeps wait; Kept. May be shared by devices and outlasts them, so
     * that a later open can free them. NULL: such pages are lost when the device is closed. */
    struct gnttab_quarantine *quarantine;
};

struct netfront; /* netfront_priv.h; size for static storage below */
#define NETFRONT_BYTES 12288u

/* Opens device/vif/<index> in `storage` (NETFRONT_BYTES, 16-byte aligned; Kept) and Gives the
 * device, connected. -E_INVAL: conf, or the MAC in xenstore; -E_NODEV: no such device; -E_TIMEDOUT;
 * -E_PROTO: the backend lacks rx-copy, or lied; -E_NOMEM: no grant left; xenstore's errors. The
 * reason is logged; nothing is left open. */
int netfront_open(void *storage, const struct netfront_conf *conf, struct netdev **dev);
/* Closing, waits (bounded) for the backend, Closed, waits again; ends grants; pages the backend
 * keeps are quarantined. Takes dev; the storage is the caller's again. */
void netfront_close(struct netdev *dev);

/* What happened in one queue. All queues that there were since the device was opened add up to its
 * netdev_stats, where that has a counter of the same name. Packets, bytes and errors are named as
 * in Linux's statistics of an interface (struct rtnl_link_stats64); for the rest neither it nor its
 * netfront has a name. */
#define NETFRONT_QUEUE_STATS(S)                                                                    \
    S(tx_packets)                                                                                  \
    S(tx_bytes)                                                                                    \
    S(tx_gso_packets) /* of tx_packets: super-segments */                                          \
    S(tx_full)        /* refused: no room (-E_AGAIN, -E_NOMEM) */                                  \
    S(tx_errors)      /* frames refused with -E_INVAL; slots that the backend did not send */      \
    S(tx_notify)      /* events sent to the backend */                                             \
    S(rx_packets)                                                                                  \
    S(rx_bytes)                                                                                    \
    S(rx_gso_packets)                                                                              \
    S(rx_errors)                                                                                   \
    S(rx_no_buffer) /* no page to post, or no packet for a frame */                                \
    S(rx_notify)

#define NETFRONT_QUEUE_STAT_FIELD(name) uint64_t name;
struct netfront_queue_stats {
    NETFRONT_QUEUE_STATS(NETFRONT_QUEUE_STAT_FIELD)
};

#define NETFRONT_QUEUE_STAT_NAME(name) #name,
/* In the order of struct netfront_queue_stats, an array of uint64_t in disguise. */
static const UNUSED char *const netfront_queue_stat_names[] = {
    NETFRONT_QUEUE_STATS(NETFRONT_QUEUE_STAT_NAME)};
STATIC_ASSERT(sizeof(netfront_queue_stat_names) / sizeof(netfront_queue_stat_names[0]) ==
                  sizeof(struct netfront_queue_stats) / sizeof(uint64_t),
              "a name for each counter");

/* Counters of queue 0, 1, ... of a device of netfront's, since it was opened. Lends dev; *stats is
 * a copy. False, and *stats untouched: there is no such queue now. */
bool netfront_queue_stats(const struct netdev *dev, unsigned queue,
                          struct netfront_queue_stats *stats);

/* Where there are several queues and the backend hashes (feature-ctrl-ring): flows whose Toeplitz
 * hash is i modulo `count` come by queue queues[i], and go by it. Lends queues. Asynchronous: the
 * backend is told in the next polls; meanwhile all may come by queue 0. Where the backend's table
 * is shorter, the first entries that it takes are all there are. Holds for the device's
 * life. -E_INVAL: count not 1..128, or a queue that there is not; -E_NOSYS: the backend does not
 * hash, or has no table. */
int netfront_steer(struct netdev *dev, const uint8_t *queues, uint32_t count);

#endif
