/* SPDX-License-Identifier: ISC */
/* tcpip_priv.h - what the files of tcpip/ know of each other.
 *
 * A frame's way in:     netif_input -> arp_input
 *                                   -> ip4_input (-> ip4_frag_input) -> udp_input, icmp_input,
 *                                                                       igmp_input, and where the
 *                                                       program has TCP, by nif->tcp_ops: tcp_input
 * A packet's way out:   udp_send, icmp, igmp -> route_find, then ip4_send -> arp_lookup -> netif_tx
 *     neighbour unknown:                             ... -> arp_queue -> ip4_link_send -> netif_tx
 *
 * A received packet keeps its Ethernet and IPv4 headers at the front all the way up: struct ip4_rx
 * says where the transport begins. So an ICMP error can quote it, and udp_recv reads the addresses
 * when somebody asks, not before.
 */
#ifndef TCPIP_PRIV_H
#define TCPIP_PRIV_H

#include <morgana/cksum.h>
#include <morgana/netif.h>
#include <morgana/udp.h>

#include "tcpip/wire/eth.h"
#include "tcpip/wire/ip4.h"

/* Kept out of the way of what runs for every packet: not inlined, far from it in memory. */
#define COLD __attribute__((cold, noinline))

/* UNCLAIMED: for a unicast address that is none of ours, in a frame to us alone. */
enum ip4_cast { IP4_UNICAST, IP4_BROADCASTED, IP4_MULTICASTED, IP4_UNCLAIMED };

/* A received packet on its way up. What else its header says is read from the packet by whoever
 * wants it. */
struct ip4_rx {
    uint32_t src, dst; /* host order */
    uint32_t off;      /* of the transport header from the packet's first byte */
    uint32_t len;      /* transport bytes */
    uint8_t protocol, tos;
    uint8_t cast;    /* enum ip4_cast: what the destination address is */
    bool link_group; /* the frame went to a broadcast or multicast MAC */
    bool df; /* its sender wants to hear if it is too long for the path; an answer's likewise */
};

/* A TCP connection's two ends; src is ours. */
struct tcp_key {
    uint32_t src, dst;
    uint16_t src_port, dst_port;
};

/* A packet to send. */
struct ip4_tx {
    uint32_t src, dst;
    uint32_t next_hop; /* route_find fills this, cast, and src where it is IP4_ANY */
    uint64_t eth_dst;  /* where use_eth: the frame's destination, without ARP */
    uint8_t protocol, ttl;
    uint8_t tos;  /* its last two bits are ECN's */
    uint8_t cast; /* enum ip4_cast */
    bool use_eth;
    /* do not fragment on the way; longer than the path's MTU it is fragmented here all the same */
    bool df;
    uint8_t options_len; /* bytes of IPv4 options, which stand after the room for the header */
};

#define IP4_TX_BYTES (eth_SIZE + ip4_SIZE) /* what a transport pushes in front of its header */

/* Drops a packet under a reason. */
static inline void netif_drop(struct pkt *pkt, uint64_t *reason)
{
    (*reason)++;
    pkt_put(pkt);
}

/* The partial checksum of `n` bytes from `off`. */
static inline uint32_t netif_cksum(const struct pkt *pkt, uint32_t off, uint32_t n, uint32_t sum)
{
    if (LIKELY(pkt->frag_count == 1))
        return cksum_partial(cs_sub(pkt_frag_view(pkt, 0), off, n), sum);
    return pkt_cksum(pkt, off, n, sum);
}

/* netif.c */
/* An unpredictable number. */
uint64_t netif_random(struct netif *nif);
/* A spread number below `n`, secret but cheap: for hash tables. Multiply-shift with a secret odd
 * factor (Dietzfelbinger and others, 1997). */
static inline uint32_t netif_hash(const struct netif *nif, uint32_t value, uint32_t n)
{
    uint64_t mixed = (value ^ nif->conf.key[0]) * (nif->conf.key[1] | 1);

    return (uint32_t)((mixed >> 32) * n >> 32);
}
/* netif_poll must run timers at `at` or before. */
static inline void netif_timer(struct netif *nif, uint64_t at)
{
    if (at < nif->timer_at)
        nif->timer_at = at;
}
/* Hands a whole frame to the device. Takes pkt on 0. */
int netif_tx(struct netif *nif, struct pkt *pkt);
/* For our own answers: Takes pkt in any case; what the device refuses is counted and dropped. */
void netif_tx_or_drop(struct netif *nif, struct pkt *pkt);
/* Is it a READY address of ours? */
static inline bool netif_is_own(const struct netif *nif, uint32_t addr)
{
    for (uint32_t i = 0; i < nif->own_count; i++)
        if (nif->own[i].addr == addr)
            return true;
    return false;
}

/* route.c */
/* After any change of addresses: which are ours, which routes are awake and from which address
 * they send. */
void route_refresh(struct netif *nif);
/* Our address whose network holds `addr`, also while it is PROBING; NULL: not connected. */
const struct netif_addr *route_connected(const struct netif *nif, uint32_t addr);
/* Our READY address whose network holds `addr`, or 0. */
uint32_t route_source(const struct netif *nif, uint32_t addr);
/* The same, or where it is on no network of ours any address that serves. */
uint32_t route_any_source(const struct netif *nif, uint32_t addr);
/* Fills next_hop and cast, and src where it is IP4_ANY. -E_HOSTUNREACH, -E_ADDRNOTAVAIL. */
int route_find(const struct netif *nif, struct ip4_tx *tx);

/* arp_cache.c */
void arp_init(struct netif *nif);
void arp_fini(struct netif *nif);
/* The body of an ARP frame. Takes pkt. */
void arp_input(struct netif *nif, struct pkt *pkt, uint64_t now);
/* The neighbour's MAC, where it is known. */
bool arp_lookup(struct netif *nif, uint32_t addr, uint64_t *mac, uint64_t now);
/* Queues a whole frame, its destination yet blank, until the neighbour answers; asks for it.
 * Takes pkt on 0. -E_NOMEM. */
int arp_queue(struct netif *nif, uint32_t addr, struct pkt *pkt, uint64_t now);
/* Sends one ARP message. to: the frame's destination. */
void arp_send(struct netif *nif, uint16_t op, uint32_t spa, uint64_t tha, uint32_t tpa,
              uint64_t to);
uint64_t arp_timers(struct netif *nif, uint64_t now);

/* arp_conflict.c */
struct arp_msg;
/* What a received message says about addresses of ours and addresses asked about. True: its
 * sender claims an address of ours. */
bool arp_conflict_input(struct netif *nif, const struct arp_msg *msg, uint64_t now);
void arp_conflict_start(struct netif *nif, struct netif_addr *addr, uint64_t now);
uint64_t arp_conflict_timers(struct netif *nif, uint64_t now);

/* ip4_in.c */
/* A frame whose type is IPv4, its Ethernet header still in front. Takes pkt. from_us: it came
 * through nif->loop. */
void ip4_input(struct netif *nif, struct pkt *pkt, bool link_group, bool from_us, uint64_t now);

/* ip4_out.c */
/* pkt begins with IP4_TX_BYTES of room, then options where tx says so, then the transport, with
 * all headers in the first fragment; tx has been through route_find. Fills the room and sends,
 * queues, or fragments. Takes pkt on 0. -E_MSGSIZE, -E_NOMEM, and the device's errors: the room is
 * there still. */
int ip4_send(struct netif *nif, struct pkt *pkt, const struct ip4_tx *tx, uint64_t now);
/* route_find and ip4_send for messages of our own: Takes pkt in any case; what is refused is
 * counted and dropped. */
void ip4_send_or_drop(struct netif *nif, struct pkt *pkt, struct ip4_tx *tx, uint64_t now);
/* A frame that waited for its neighbour: fills in the MAC and sends. Takes pkt in any case. */
void ip4_link_send(struct netif *nif, struct pkt *pkt, uint64_t mac, uint64_t now);
/* An identification for a packet to dst: no one else can guess it, none comes twice in 65,536
 * (RFC 6864, RFC 7739). */
uint16_t ip4_id(struct netif *nif, uint32_t dst);
/* Nobody answers for the frame's next hop: its sender is told. */
void ip4_undeliverable(struct netif *nif, const struct pkt *pkt, uint64_t now);
/* Sends fragments the device had no room for, as many as it has room for now. */
void ip4_tx_wait(struct netif *nif);

/* ip4_frag.c */
void ip4_frag_init(struct netif *nif);
void ip4_frag_fini(struct netif *nif);
/* A fragment, Ethernet and IPv4 headers in front. Takes pkt. Gives the whole datagram and
 * completes rx, or NULL. */
struct pkt *ip4_frag_input(struct netif *nif, struct pkt *pkt, const struct ip4_hdr *ip,
                           struct ip4_rx *rx, uint64_t now);
uint64_t ip4_frag_timers(struct netif *nif, uint64_t now);

/* icmp.c */
void icmp_input(struct netif *nif, struct pkt *pkt, const struct ip4_rx *rx, uint64_t now);
/* Answers a packet with an error, where RFC 1122 section 3.2.2 allows one. Lends pkt. rest: the
 * header's second word. */
void icmp_error(struct netif *nif, const struct pkt *pkt, const struct ip4_rx *rx, uint8_t type,
                uint8_t code, uint32_t rest, uint64_t now);

/* Tells whoever sent the packet that begins with `ip` and `transport`, whose first eight bytes
 * will do. mtu: for -E_MSGSIZE, as a router said. False: nobody of ours did, or who did does not
 * believe it. */
bool icmp_deliver_error(struct netif *nif, const struct ip4_hdr *ip, struct cs_ro transport,
                        int error, uint32_t mtu, uint64_t now);

/* path_mtu.c */
/* A smaller one is not believed: an attacker would make us send crumbs. */
#define IP4_PATH_MTU_FLOOR 552u
/* The largest packet that we send on our link. */
static inline uint32_t ip4_path_mtu_link(const struct netif *nif)
{
    return u32_min(nif->conf.dev->caps.mtu_bytes, nif->mtu_limit);
}
/* The largest packet to dst: the link's MTU, or less where a router said so. */
uint32_t ip4_path_mtu(struct netif *nif, uint32_t dst, uint64_t now);
/* What a router's answer says fits: `mtu`, or where it is 0 the plateau below `sent`; never less
 * than the floor. 0: nothing, for `sent` would have fitted. */
uint32_t ip4_path_mtu_answer(uint32_t mtu, uint32_t sent);
/* A router's answer: `mtu` as it said (0: an old one that did not), `sent` the length of the
 * packet that did not fit. */
void ip4_path_mtu_update(struct netif *nif, uint32_t dst, uint32_t mtu, uint32_t sent,
                         uint64_t now);

/* igmp.c */
void igmp_init(struct netif *nif);
void igmp_fini(struct netif *nif);
void igmp_input(struct netif *nif, struct pkt *pkt, const struct ip4_rx *rx, uint64_t now);
bool igmp_is_member(const struct netif *nif, uint32_t group);
uint64_t igmp_timers(struct netif *nif, uint64_t now);

/* udp.c */
void udp_input(struct netif *nif, struct pkt *pkt, const struct ip4_rx *rx, uint64_t now);
/* An ICMP error, or a neighbour's silence, about a datagram from src:src_port. True: a socket of
 * ours sent it. */
bool udp_deliver_error(struct netif *nif, uint32_t src, uint16_t src_port, int error);

#endif
