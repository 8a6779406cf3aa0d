/* SPDX-License-Identifier: ISC */
/* udp.h - UDP over IPv4 (RFC 768, RFC 1122 section 4.1). Readiness is polled; payload is never
 * copied. */
#ifndef MORGANA_UDP_H
#define MORGANA_UDP_H

#include <morgana/netif.h>

/* Who sent a datagram to whom; or, for sending, who is to get it. */
struct udp_meta {
    uint32_t src, dst;           /* host order */
    uint16_t src_port, dst_port; /* host order */
    uint8_t ttl;                 /* send: 0 means 64, to a multicast group 1 */
    bool link_broadcast;         /* recv: it came in a broadcast or multicast frame */
    /* send: to eth_dst without ARP (RFC 2131 section 4.1: a client without an address) */
    bool use_eth;
    uint8_t eth_src[6], eth_dst[6];
};

struct udp_conf {
    /* receive only for this address of ours; IP4_ANY: all of them, and broadcasts */
    uint32_t addr;
    uint16_t port;      /* 1..65535; 0: an unpredictable free one from 49152 up (RFC 6056) */
    uint32_t queue_max; /* datagrams held until read; more are dropped and counted; 0: 64 */
    /* pages of memory that those datagrams hold, of which the longest holds 17; likewise; 0: as
     * many as queue_max, and at least PKT_FRAGS_MAX, so that any one datagram is held */
    uint32_t pages_max;
    bool broadcast; /* receive and send to broadcast addresses */
    /* receive also what comes in a frame to us alone for a unicast address that is none of ours:
     * a DHCP server's answer goes to the address that it gives (RFC 2131 section 4.1). addr is
     * IP4_ANY */
    bool unclaimed;
};

/* Caller's storage, linked into its netif while open. Fields are udp.c's. */
struct udp_sock {
    struct udp_sock *next;
    struct netif *nif;
    struct udp_conf conf;
    struct pkt_queue queue;
    uint32_t pages; /* that the queue holds */
    uint64_t received, sent, queue_full;
    int error; /* last ICMP error delivered to its owner as an E_ code, cleared by udp_error */
};

/* -E_ADDRINUSE (also: port 0 and none is free), -E_ADDRNOTAVAIL (addr neither ours nor a
 * multicast group). One socket of an address and one of IP4_ANY may have the same port: the
 * first gets what is sent to its address. Keeps sock until udp_close. */
int udp_open(struct udp_sock *sock, struct netif *nif, const struct udp_conf *conf);
/* Puts what was not read. The storage is the caller's again. */
void udp_close(struct udp_sock *sock);
/* Its own port: the one that was chosen, where conf said 0. */
uint16_t udp_port(const struct udp_sock *sock);

/* The oldest datagram: Gives a packet of exactly its payload, whole (reassembled), and fills
 * meta. -E_AGAIN: none. */
int udp_recv(struct udp_sock *sock, struct udp_meta *meta, struct pkt **pkt);

/* Sends the packet's bytes as one datagram to meta->dst:dst_port, from the socket's port and
 * meta->src (IP4_ANY: the right one is chosen). Takes pkt on 0; leave PKT_HEADROOM_BYTES in
 * front (pkt_alloc) or a page more is used. Fragmented where longer than the MTU. Waits in the
 * ARP queue where the neighbour is unknown. -E_MSGSIZE (over 65507), -E_HOSTUNREACH, -E_ACCES
 * (broadcast without conf.broadcast), -E_ADDRNOTAVAIL (meta->src is no READY address of ours),
 * -E_AGAIN (device full: try after the next poll), -E_NOMEM (also: all neighbours of the ARP
 * cache's set are in use), -E_NOSPC (PKT_FRAGS_MAX fragments and no headroom), -E_NETDOWN. On
 * failure pkt is as it was. A datagram that fits the path's MTU goes with DF set (RFC 1191); to
 * an address of ours it comes back at the next poll. */
int udp_send(struct udp_sock *sock, const struct udp_meta *meta, struct pkt *pkt, uint64_t now_ns);

/* The last ICMP error for a datagram of this socket, once: -E_HOSTUNREACH (also: its neighbour
 * does not answer ARP), -E_CONNREFUSED, -E_PROTO, -E_MSGSIZE (too long for the path; sent again
 * it will be fragmented), 0 for none. */
int udp_error(struct udp_sock *sock);

/* Multicast receive with IGMPv2 (RFC 2236): datagrams to the group go to the sockets of its port
 * whose addr is IP4_ANY or the group. -E_NOSPC (NETIF_GROUPS_MAX), -E_INVAL (no group that can
 * be joined), -E_EXIST (joined already), or the device's error. */
int netif_multicast_join(struct netif *nif, uint32_t group, uint64_t now_ns);
/* Routers are told where the last report was ours (section 3). -E_INVAL: not joined. */
int netif_multicast_leave(struct netif *nif, uint32_t group, uint64_t now_ns);

#endif
