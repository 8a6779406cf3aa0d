/* SPDX-License-Identifier: ISC */
/* netif.h - one IPv4 interface on one netdev: Ethernet, ARP, IPv4, ICMP; and the door of UDP.
 *
 * Addresses are uint32_t in host order everywhere above tcpip/wire. Nothing here reads a clock, a
 * random number or an allocator: `now_ns` and storage are arguments.
 *
 *     static struct netif nif;
 *     static struct arp_entry arp[256];
 *     static struct ip4_frag_queue frags[8];
 *     struct netif_conf conf = {.dev = dev, .pool = &pool, .arp = arp, .arp_max = 256,
 *                               .frags = frags, .frags_max = 8, .frag_bytes_max = 512 * 1024};
 *     plat_entropy(cs_of(conf.key, sizeof(conf.key)));
 *     netif_init(&nif, &conf, now);
 *     netif_addr_add(&nif, IP4_ADDR(10, 0, 0, 1), 24, false, now);
 */
#ifndef MORGANA_NETIF_H
#define MORGANA_NETIF_H

#include <morgana/netdev.h>

#define IP4_ADDR(a, b, c, d)                                                                       \
    (((uint32_t)(a) << 24) | ((uint32_t)(b) << 16) | ((uint32_t)(c) << 8) | (uint32_t)(d))
#define IP4_ANY 0u
#define IP4_BROADCAST 0xffffffffu

struct netif;
struct udp_sock;
struct arp_entry;
struct ip4_frag_queue;
struct ip4_route;
struct ip4_rx;
struct tcp;
struct tcp_key;

/* Sizes for the caller's storage. */
struct netif_conf {
    struct netdev *dev;    /* Kept */
    struct pkt_pool *pool; /* for packets we make; Kept */
    uint64_t key[2];       /* secret for unpredictable ids and hashes: from plat_entropy */
    struct arp_entry *arp; /* storage of the ARP cache; Kept */
    /* entries: 4..65536; a multiple of 4 wastes none; 256 is plenty for a /24. 72 bytes each */
    uint32_t arp_max;
    struct ip4_frag_queue *frags; /* storage of datagrams in reassembly; Kept */
    /* datagrams at once: 0 (none is reassembled)..256; 8 is usual. 1.3 KiB each */
    uint32_t frags_max;
    /* memory of all fragments held, counted in whole pages: 0..16 MiB. A datagram of 60,000 bytes
     * needs 72 KiB */
    uint32_t frag_bytes_max;
};

/* ---- counters -------------------------------------------------------------------------------- */

/* Why a received frame or packet went no further. Names come from the same table. */
#define NETIF_DROPS(S)                                                                             \
    S(eth_short)                                                                                   \
    S(eth_not_ours)                                                                                \
    S(eth_type)                                                                                    \
    S(arp_malformed)                                                                               \
    S(ip4_short)                                                                                   \
    S(ip4_header)                                                                                  \
    S(ip4_checksum)                                                                                \
    S(ip4_too_long) /* longer than the device's MTU */                                             \
    S(ip4_options)  /* malformed, or a source route */                                             \
    S(ip4_martian)                                                                                 \
    S(ip4_not_ours)                                                                                \
    S(ip4_protocol)                                                                                \
    S(frag_malformed) /* empty, or not a multiple of 8 bytes with more to come */                  \
    S(frag_duplicate) /* the very bytes that are there already: harmless */                        \
    S(frag_overlap)   /* other bytes, or ends that contradict: the whole datagram is given up */   \
    S(frag_too_long)                                                                               \
    S(frag_limit) /* datagrams given up because frags_max or frag_bytes_max was reached */         \
    S(frag_timeout)                                                                                \
    S(icmp_malformed)                                                                              \
    S(icmp_checksum)                                                                               \
    S(icmp_ignored)                                                                                \
    S(icmp_rate) /* errors not sent: too many */                                                   \
    S(udp_malformed)                                                                               \
    S(udp_checksum)                                                                                \
    S(udp_no_port)                                                                                 \
    S(udp_queue_full)                                                                              \
    S(igmp_malformed)                                                                              \
    S(no_memory)

/* What else happened. */
#define NETIF_EVENTS(S)                                                                            \
    S(rx_frames)                                                                                   \
    S(tx_frames)                                                                                   \
    S(tx_fragments)    /* of them, fragments */                                                    \
    S(tx_refused)      /* answers of our own given up because the device was full or down */       \
    S(rx_reassembled)  /* datagrams */                                                             \
    S(arp_requests)    /* sent */                                                                  \
    S(arp_replies)     /* sent */                                                                  \
    S(arp_conflicts)   /* somebody else claimed an address of ours */                              \
    S(arp_full)        /* neighbours not asked for because all entries of their set are in use */  \
    S(arp_queue_drops) /* packets given up while they waited for a neighbour */                    \
    S(arp_timeouts)    /* neighbours that did not answer */                                        \
    S(icmp_echoes)     /* answered */                                                              \
    S(icmp_errors_sent)                                                                            \
    S(icmp_errors_received)                                                                        \
    S(path_mtu_changes)                                                                            \
    S(igmp_reports) /* sent */

#define NETIF_STAT_FIELD(name) uint64_t name;
struct netif_stats {
    NETIF_DROPS(NETIF_STAT_FIELD)
    NETIF_EVENTS(NETIF_STAT_FIELD)
};

#define NETIF_STAT_COUNT (sizeof(struct netif_stats) / sizeof(uint64_t))
/* Names in the order of struct netif_stats; the first NETIF_DROP_COUNT are drops. */
extern const char *const netif_stat_names[NETIF_STAT_COUNT];
extern const unsigned netif_drop_count;
/* The i-th counter; i < NETIF_STAT_COUNT. */
uint64_t netif_stat(const struct netif *nif, unsigned i);

/* ---- storage --------------------------------------------------------------------------------- */

#define NETIF_ADDRS_MAX 8u
#define NETIF_ROUTES_MAX 16u
#define NETIF_PROBES_MAX 64u
#define NETIF_GROUPS_MAX 16u    /* multicast groups joined at once */
#define NETIF_PATH_MTUS_MAX 32u /* destinations whose path is known to be narrower than the link */
#define NETIF_UDP_BUCKETS 64u   /* hash buckets of open sockets; a power of two */

/* An element's place in a list by age, and the list: index + 1 of others, 0: none. */
struct netif_age {
    uint32_t newer, older;
};
struct netif_age_list {
    uint32_t newest, oldest;
};

/* A neighbour. Fields are arp_cache.c's. */
struct arp_entry {
    uint32_t addr; /* host order */
    uint8_t state; /* enum arp_state */
    uint8_t tries; /* requests sent since the last answer */
    uint64_t mac;
    uint64_t confirmed_at, used_at, next_at;
    struct netif_age age;   /* among the unresolved */
    struct pkt_queue queue; /* packets that wait for it */
};

#define IP4_FRAG_PAGES 17u /* pages that hold the longest datagram and its headers */

/* A datagram in reassembly. Fields are ip4_frag.c's. */
struct ip4_frag_queue {
    uint32_t src, dst;
    uint16_t id;
    uint8_t protocol, state; /* enum frag_state */
    uint32_t bucket;         /* index + 1 of the first queue whose hash is this one's index */
    /* index + 1 of the next queue of the same bucket, or of the free list */
    uint32_t next;
    struct netif_age age;
    uint64_t expires_at;
    /* bytes of payload that are here; all of them, 0 while not known */
    uint32_t have, total;
    uint32_t end;                /* of the fragment that reaches furthest */
    uint32_t pages;              /* that it holds: what it is charged for */
    uint32_t count;              /* SHARED: fragments held */
    uint8_t header_len;          /* PLACED: of the first fragment's IPv4 header, 0: not here */
    uint16_t off[PKT_FRAGS_MAX]; /* SHARED: bytes from the datagram's start */
    union {
        struct pkt *frag[PKT_FRAGS_MAX];
        struct page *page[IP4_FRAG_PAGES];
    } u;
    uint64_t map[128]; /* PLACED: which units of 8 bytes are here */
};

/* A way to a network. Fields are route.c's. */
struct ip4_route {
    uint32_t dst, mask;
    uint32_t gateway; /* 0: the network is connected */
    bool on_link;     /* netif_route_add_on_link */
    /* our address on the network that leads there; 0: none, the route is asleep */
    uint32_t src;
    uint8_t prefix_len;
};

struct netif_addr {
    uint32_t addr, mask;
    uint8_t prefix_len;
    uint8_t state;        /* enum netif_addr_state */
    uint8_t sent;         /* probes (PROBING) or announcements (READY) so far */
    bool probed;          /* it was probed for: give it up when contested */
    uint64_t probe_ns;    /* how long in all; 0: RFC 5227's times */
    uint64_t next_at;     /* of the next one; NS_NEVER: all sent */
    uint64_t defended_at; /* 0: never */
};

/* A READY address, as receiving wants it. */
struct netif_own {
    uint32_t addr;
    uint32_t broadcast; /* of its network; addr itself where a network of one or two has none */
};

struct netif_probe_slot {
    uint32_t addr;
    uint8_t state; /* enum netif_probe */
    bool asked_twice;
    uint64_t again_at, ends_at;
};

struct netif_group {
    uint32_t group;
    uint8_t reports_left; /* unsolicited ones (RFC 2236 section 3) */
    bool last_reporter;
    uint64_t report_at; /* NS_NEVER: idle member */
};

struct netif_path_mtu {
    uint32_t dst;
    uint16_t mtu;
    uint64_t expires_at;
};

/* What an interface asks of TCP, where a program has it: tcp_init hangs it in. A program that does
 * not call that does not link TCP. */
struct netif_tcp_ops {
    /* A whole TCP packet, its headers in front. Takes pkt. */
    void (*input)(struct netif *nif, struct pkt *pkt, const struct ip4_rx *rx, uint64_t now_ns);
    /* An ICMP error, or a neighbour's silence, about a segment from our end of `key` that began
     * with `seq`. -E_MSGSIZE: mtu is what would have fitted, by RFC 1191's plateaus where the
     * router did not say. True: it is believed; then the path's MTU is noted. */
    bool (*error)(struct netif *nif, const struct tcp_key *key, uint32_t seq, int error,
                  uint32_t mtu, uint64_t now_ns);
    /* The end of netif_poll: timers, and everything that is to be sent. */
    void (*poll)(struct netif *nif, uint64_t now_ns);
    /* As netif_poll_at. */
    uint64_t (*poll_at)(const struct netif *nif);
    /* Is there something to send that poll has not tried yet? */
    bool (*pending)(const struct netif *nif);
};

/* Caller's storage; everything in it is tcpip's but `stats`, which may be read. */
struct netif {
    struct netif_conf conf;
    uint64_t mac;
    struct netif_stats stats;
    uint16_t mtu_limit; /* netif_mtu_limit */

    struct netif_addr addrs[NETIF_ADDRS_MAX];
    struct ip4_route routes[NETIF_ROUTES_MAX + NETIF_ADDRS_MAX]; /* longest prefix first */
    struct netif_own own[NETIF_ADDRS_MAX];
    uint32_t addr_count, own_count, route_count, gateway_count;
    uint32_t route_epoch; /* counts changes of addresses and routes */
    uint32_t conflicts;   /* while probing, since an address last passed */

    uint64_t random_count;  /* makes each random number another */
    uint16_t id_counts[64]; /* IPv4 ids given out, by hash of the destination */
    uint64_t timer_at;      /* the earliest deadline of all below */
    bool link_was_up;

    struct arp_entry *arp_last; /* the neighbour used last */
    uint32_t arp_sets;
    struct netif_age_list arp_waiting; /* the unresolved */
    uint32_t arp_queued;               /* packets that wait for neighbours */
    struct netif_probe_slot probes[NETIF_PROBES_MAX];
    uint32_t probe_count;

    uint32_t frag_free; /* index + 1 */
    struct netif_age_list frag_ages;
    uint32_t frag_pages; /* held by all of them */

    uint64_t icmp_tokens_at; /* token bucket of errors sent */
    uint32_t icmp_tokens;
    struct netif_path_mtu path_mtus[NETIF_PATH_MTUS_MAX];
    uint32_t path_mtu_count;

    struct netif_group groups[NETIF_GROUPS_MAX];
    uint32_t group_count;
    uint64_t igmp_v1_until; /* a version 1 router was heard: answer it in its version */

    struct pkt_queue tx_wait; /* fragments that the device had no room for */
    struct pkt_queue loop;    /* packets to ourselves */
    struct udp_sock *udp[NETIF_UDP_BUCKETS];
    uint32_t udp_count;
    uint32_t udp_unclaimed;              /* sockets that take what is for no address of ours */
    const struct netif_tcp_ops *tcp_ops; /* NULL: no TCP */
    struct tcp *tcp;
};

/* ---- life ------------------------------------------------------------------------------------ */

/* Makes an interface without an address. Keeps what conf says. -E_INVAL names the field in the
 * log. */
int netif_init(struct netif *nif, const struct netif_conf *conf, uint64_t now_ns);
/* Puts every packet it holds; tells the device that no multicast group is wanted any more. Sockets
 * must be closed, and TCP ended, before; the device after. */
void netif_fini(struct netif *nif);

/* ---- addresses and routes (up to NETIF_ADDRS_MAX, NETIF_ROUTES_MAX) -------------------------- */

enum netif_addr_state {
    NETIF_ADDR_NONE,
    NETIF_ADDR_PROBING,
    NETIF_ADDR_READY,
    NETIF_ADDR_CONFLICT
};

/* Adds an address with its connected route. probe: RFC 5227 probes first and the address serves
 * when nobody answered (4 to 7 s after the link is up); contested later, it is defended once in
 * 10 s and then given up: CONFLICT. When the link comes up again it is PROBING again and does not
 * serve until nobody answered: it may be another network. Otherwise it is announced, serves at
 * once, and is never given up: defended once in 10 s (RFC 5227 section 2.4 (b) and (c)). -E_INVAL
 * not a unicast host address of the prefix, -E_EXIST, -E_NOSPC. */
int netif_addr_add(struct netif *nif, uint32_t addr, uint8_t prefix_len, bool probe,
                   uint64_t now_ns);
/* The same with probes, of wait_ns in all (1 ms..10 s, else -E_INVAL): three, evenly spaced. For an
 * address that a server has asked for itself before it gave it to us (RFC 2131 section 2.2). */
int netif_addr_add_probed(struct netif *nif, uint32_t addr, uint8_t prefix_len, uint64_t wait_ns,
                          uint64_t now_ns);
/* The address stays as it is, probed or not, in a network of another size. -E_ADDRNOTAVAIL,
 * -E_INVAL as above. */
int netif_addr_prefix(struct netif *nif, uint32_t addr, uint8_t prefix_len);
/* -E_ADDRNOTAVAIL where it is not ours. Routes by gateways of its network sleep until such an
 * address is back. */
int netif_addr_remove(struct netif *nif, uint32_t addr);
/* NETIF_ADDR_NONE: not ours. PROBING: it does not serve yet. CONFLICT: somebody else has it, and it
 * was given up. */
enum netif_addr_state netif_addr_state(const struct netif *nif, uint32_t addr);

/* Packets for dst/prefix_len go by the neighbour `gateway`. prefix_len 0: the default route.
 * -E_HOSTUNREACH where the gateway is not on a connected network. -E_INVAL: bits of dst beyond
 * the prefix, or a gateway that is ours or no host; -E_EXIST; -E_NOSPC. */
int netif_route_add(struct netif *nif, uint32_t dst, uint8_t prefix_len, uint32_t gateway);
/* The same where the gateway need not be on a connected network: it is asked for on the link all
 * the same. gateway 0: all of dst/prefix_len is on the link (RFC 3442). Clouds give addresses of
 * /32 with such routes. The source is the first address that serves. */
int netif_route_add_on_link(struct netif *nif, uint32_t dst, uint8_t prefix_len, uint32_t gateway);
/* -E_NOENT */
int netif_route_remove(struct netif *nif, uint32_t dst, uint8_t prefix_len);

/* Packets that we send are no longer than this, even where the device would take more (DHCP
 * option 26): 576..65535, else -E_INVAL; 0: as the device has it. What comes may be longer. TCP
 * connections that stand keep to a lower limit at once, to a higher one only those to come. */
int netif_mtu_limit(struct netif *nif, uint16_t mtu_bytes);

/* ---- the loop -------------------------------------------------------------------------------- */

/* Takes at most `budget` frames from the device, answers what is answered here, runs timers,
 * sends what waits, flushes the device. True: there is more to do now. */
bool netif_poll(struct netif *nif, uint64_t now_ns, unsigned budget);
/* When it must be polled again though nothing comes: an absolute time, or NS_NEVER. */
uint64_t netif_poll_at(const struct netif *nif);
/* netdev_arm of its device; true also where packets to ourselves wait, or TCP has something to
 * send. */
bool netif_arm(struct netif *nif);

/* One frame as if it had come from the device. Takes pkt. For tests, fuzzers and benchmarks;
 * netif_poll uses it. */
void netif_input(struct netif *nif, struct pkt *pkt, uint64_t now_ns);

/* ---- is an address in use? (for a DHCP server's offers, RFC 2131 section 2.2) ---------------- */

enum netif_probe { NETIF_PROBE_NONE, NETIF_PROBE_PENDING, NETIF_PROBE_FREE, NETIF_PROBE_USED };

/* Begins to ask by ARP probes whether `addr` (on a connected network) is in use, for wait_ns: at
 * once and at half the time. Stalls nobody. -E_NOSPC: too many at once (NETIF_PROBES_MAX;
 * results nobody asked for make room), -E_EXIST: already asked and pending, -E_HOSTUNREACH: not
 * on a connected network. */
int netif_probe_start(struct netif *nif, uint32_t addr, uint64_t wait_ns, uint64_t now_ns);
/* The result so far; once it is FREE or USED the slot is given back (the next call says NONE). */
enum netif_probe netif_probe_result(struct netif *nif, uint32_t addr);

#endif
