/* SPDX-License-Identifier: ISC */
/* netif.h - one IPv4 interface on one netdev: Ethernet, ARP, IPv4, ICMP; and the door of UDP.
 *
 * Addresses are uint32_t in host order everywhere above tcpip/wire. Nothing here reads a clock, a random number or an
 * allocator: `now_ns` and storage are arguments.
 */
#ifndef MORGANA_NETIF_H
#define MORGANA_NETIF_H

#include <morgana/netdev.h>

#define IP4_ADDR(a, b, c, d) (((uint32_t)(a) << 24) | ((uint32_t)(b) << 16) | ((uint32_t)(c) << 8) | (uint32_t)(d))
#define IP4_ANY 0u
#define IP4_BROADCAST 0xffffffffu

struct netif;
struct udp_sock;
struct arp_entry;
struct ip4_frag_queue;
struct ip4_route;

/* Sizes for the caller's storage. */
struct netif_conf {
    struct netdev *dev;        /* Kept */
    struct pkt_pool *pool;     /* for packets we make; Kept */
    uint64_t key[2];           /* secret for unpredictable ids and hashes: from plat_entropy */
    struct arp_entry *arp;     /* storage of the ARP cache; Kept */
    uint32_t arp_max;          /* entries: 4..65536 */
    struct ip4_frag_queue *frags; /* storage of datagrams in reassembly; Kept */
    uint32_t frags_max;        /* datagrams at once: 0 (none is reassembled)..256 */
    uint32_t frag_bytes_max;   /* bytes of all fragments held: 0..16 MiB */
};


/* Why a received frame or packet went no further. Names come from the same table. */
#define NETIF_DROPS(S)                                                                                                 \
    S(eth_short)                                                                                                       \
    S(eth_not_ours)                                                                                                    \
    S(eth_type)                                                                                                        \
    S(arp_malformed)                                                                                                   \
    S(ip4_short)                                                                                                       \
    S(ip4_header)                                                                                                      \
    S(ip4_checksum)                                                                                                    \
    S(ip4_options)                                                                                                     \
    S(ip4_martian)                                                                                                     \
    S(ip4_not_ours)                                                                                                    \
    S(ip4_protocol)                                                                                                    \
    S(frag_overlap)                                                                                                    \
    S(frag_too_long)                                                                                                   \
    S(frag_limit)                                                                                                      \
    S(frag_timeout)                                                                                                    \
    S(icmp_malformed)                                                                                                  \
    S(icmp_checksum)                                                                                                   \
    S(icmp_ignored)                                                                                                    \
    S(icmp_rate)                                                                                                       \
    S(udp_malformed)                                                                                                   \
    S(udp_checksum)                                                                                                    \
    S(udp_no_port)                                                                                                     \
    S(udp_queue_full)                                                                                                  \
    S(igmp_malformed)                                                                                                  \
    S(no_memory)

/* ---- life ---------------------------------------------------------------------------------------------------------- */

/* Makes an interface without an address. Keeps what conf says. -E_INVAL names the field in the log. */
int netif_init(struct netif *nif, const struct netif_conf *conf, uint64_t now_ns);
/* Puts every packet it holds. Sockets must be closed before. */
void netif_fini(struct netif *nif);

/* ---- addresses and routes (up to NETIF_ADDRS_MAX, NETIF_ROUTES_MAX) -------------------------------------------------- */

#define NETIF_ADDRS_MAX 8u
#define NETIF_ROUTES_MAX 16u

enum netif_addr_state { NETIF_ADDR_NONE, NETIF_ADDR_PROBING, NETIF_ADDR_READY, NETIF_ADDR_CONFLICT };

/* Adds an address with its connected route. probe: RFC 5227 probes first and the address serves when nobody answered (about 3-5 s);
 * otherwise it is announced and serves at once. -E_INVAL not a unicast host address of the prefix, -E_EXIST, -E_NOSPC. */
int netif_addr_add(struct netif *nif, uint32_t addr, uint8_t prefix_len, bool probe, uint64_t now_ns);
int netif_addr_remove(struct netif *nif, uint32_t addr);
enum netif_addr_state netif_addr_state(const struct netif *nif, uint32_t addr);

/* Packets for dst/prefix_len go by the neighbour `gateway`. prefix_len 0: the default route. -E_HOSTUNREACH where the gateway is not on
 * a connected network. */
int netif_route_add(struct netif *nif, uint32_t dst, uint8_t prefix_len, uint32_t gateway);
int netif_route_remove(struct netif *nif, uint32_t dst, uint8_t prefix_len);

/* ---- the loop -------------------------------------------------------------------------------------------------------- */

/* Takes at most `budget` frames from the device, answers what is answered here, runs timers, sends what waits, flushes the device.
 * True: there is more to do now. */
bool netif_poll(struct netif *nif, uint64_t now_ns, unsigned budget);
/* When it must be polled again though nothing comes: an absolute time, or NS_NEVER. */
uint64_t netif_poll_at(const struct netif *nif);
/* netdev_arm of its device. */
bool netif_arm(struct netif *nif);

/* One frame as if it had come from the device. Takes pkt. For tests, fuzzers and benchmarks; netif_poll uses it. */
void netif_input(struct netif *nif, struct pkt *pkt, uint64_t now_ns);

/* ---- is an address in use? (for a DHCP server's offers, RFC 2131 section 2.2) ----------------------------------------- */

enum netif_probe { NETIF_PROBE_NONE, NETIF_PROBE_PENDING, NETIF_PROBE_FREE, NETIF_PROBE_USED };

/* Begins to ask by ARP probes whether `addr` (on a connected network) is in use, for wait_ns. Stalls nobody. -E_NOSPC: too many at once
 * (NETIF_PROBES_MAX), -E_EXIST: already asked and pending. */
#define NETIF_PROBES_MAX 64u
int netif_probe_start(struct netif *nif, uint32_t addr, uint64_t wait_ns, uint64_t now_ns);
/* The result so far; once it is FREE or USED the slot is given back (the next call says NONE). */
enum netif_probe netif_probe_result(struct netif *nif, uint32_t addr);

#endif
