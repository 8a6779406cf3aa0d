/* SPDX-License-Identifier: ISC */
/* dhcp_server.h - a DHCP server that does no I/O: from (configuration, leases, message, time) to
 * a decision.
 *
 *     out.buf = room for a reply;
 *     switch (dhcp_server_input(&server, &leases, &packet, now_ns, &out)) {
 *     case DHCP_REPLY:    send the first out.len bytes of out.buf to out.to; when that went out,
 *                         dhcp_server_sent(&server, &leases, &out, now_ns) commits the lease
 *     case DHCP_SILENCE:  nothing to send. Where out.probe is set: ask whether that address is in
 *                         use, tell dhcp_server_probed(), and give the same packet again
 *     case DHCP_UPDATE:   leases have changed (a release, a decline)
 *     case DHCP_WARNING:  the message breaks a rule or cannot be served: out.reason
 *     case DHCP_ERROR:    it is not a DHCP message: out.error
 *     }
 *
 * RFC 2131, 2132, 3011, 3046, 3396, 3442, 3527, 4361, 6842. dhcp_udp.h is the edge that does the
 * I/O. */
#ifndef MORGANA_DHCP_SERVER_H
#define MORGANA_DHCP_SERVER_H

#include <morgana/dhcp_conf.h>
#include <morgana/dhcp_lease.h>
#include <morgana/dhcp_wire.h>

enum dhcp_verdict { DHCP_SILENCE, DHCP_UPDATE, DHCP_REPLY, DHCP_WARNING, DHCP_ERROR };

/* Why. Names come from the same table. */
#define DHCP_REASONS(S)                                                                            \
    /* REPLY */                                                                                    \
    S(offered)                                                                                     \
    S(acknowledged)                                                                                \
    S(refused) /* DHCPNAK */                                                                       \
    S(informed)                                                                                    \
    S(bootp_answered)                                                                              \
    /* UPDATE */                                                                                   \
    S(released)                                                                                    \
    S(declined)                                                                                    \
    S(chose_another) /* the client took another server's offer: ours is free again */              \
    /* SILENCE */                                                                                  \
    S(probing)        /* out.probe: ask first; or it is being asked for already */                 \
    S(other_server)   /* meant for another server */                                               \
    S(not_a_request)  /* op is not BOOTREQUEST */                                                  \
    S(unknown_client) /* not ours to judge: we are not authoritative */                            \
    S(unknown_denied) /* deny unknown-clients */                                                   \
    S(booting_denied)                                                                              \
    S(bootp_denied)                                                                                \
    S(declines_denied)                                                                             \
    /* WARNING */                                                                                  \
    S(no_subnet) /* no configured subnet for giaddr, link selection, or our address */             \
    S(no_free_address)                                                                             \
    S(no_record)      /* the table of leases is full */                                            \
    S(no_client_id)   /* neither client id nor hardware address */                                 \
    S(bad_type)       /* a message type that clients do not send, or we do not serve */            \
    S(bad_request)    /* fields that RFC 2131 table 5 forbids together, or a missing address */    \
    S(not_your_lease) /* RELEASE or DECLINE of an address that is not this client's */             \
    /* ERROR */                                                                                    \
    S(malformed) /* out.error says more */
#define DHCP_REASON_CONST(name) DHCP_REASON_##name,
enum dhcp_reason { DHCP_REASONS(DHCP_REASON_CONST) DHCP_REASON_COUNT };
/* "?" for a number that is no reason. Never NULL. */
const char *dhcp_reason_name(enum dhcp_reason reason);
/* "?" for a number that is no verdict. Never NULL. */
const char *dhcp_verdict_name(enum dhcp_verdict verdict);

/* A received UDP payload. */
struct dhcp_packet {
    struct cs_ro bytes; /* Lent: until dhcp_server_sent, where that follows */
    uint32_t src, dst;  /* of the IP header, host order */
    uint32_t our_addr;  /* our address on the interface it came by: our server identifier there */
    /* Longest reply that the interface carries, its MTU less 28: 300..DHCP_REPLY_MAX;
     * 0: DHCP_REPLY_MAX. */
    uint16_t reply_max;
};

/* Where a reply goes. */
struct dhcp_to {
    uint32_t addr; /* 255.255.255.255 is sent to the broadcast MAC */
    uint16_t port; /* to a relay 67, to a client 68 */
    bool use_eth;  /* in a frame to `eth`, without ARP: the client has no address yet */
    uint8_t eth[6];
};

/* What dhcp_server_sent will do. */
enum dhcp_change_what { DHCP_CHANGE_NONE, DHCP_CHANGE_OFFER, DHCP_CHANGE_BIND };
struct dhcp_change {
    enum dhcp_change_what what;
    struct dhcp_lessee client;
    uint32_t addr;
    uint16_t pool, net;
    uint32_t lease_s;
};

struct dhcp_out {
    struct cs buf; /* set by the caller: room for the reply, at least DHCP_REPLY_MAX bytes */
    size_t len;    /* of the reply */
    struct dhcp_to to;
    uint8_t type; /* of the reply: enum dhcp_type; DHCP_NONE for BOOTP */
    enum dhcp_reason reason;
    enum dhcp_wire_error error; /* reason malformed */
    uint32_t probe;             /* SILENCE: the address to ask for, or 0 */
    bool reclaims;              /* probe: it was ABANDONED, so if it can be asked for, it must be */
    uint32_t addr;              /* the address this is about, or 0 */
    uint32_t lease_s;           /* acknowledged */
    bool is_new;                /* acknowledged: the client did not have this lease before */
    uint32_t left_out;          /* options that did not fit into the reply */
    uint32_t classes_left_out;  /* that the client is in, beyond the 16 that are looked at */
    struct dhcp_change change;
    uint8_t hardware[1 + DHCP_CHADDR_BYTES]; /* hardware type and address, as one name */
    struct dhcp_msg msg;                     /* the parsed request: scratch, and for log lines */
};

struct dhcp_server_conf {
    const struct dhcp_conf *conf; /* Kept */
    /* dhcp_server_storage_bytes(), 8-byte aligned; Kept. About 125 bytes a lease, 48 to 96 for each
     * way by which a host is known. */
    struct cs storage;
    uint32_t leases_max; /* records: 1..2^24. With fewer than addresses, the oldest are forgotten */
    uint32_t offer_s;    /* an offer is reserved so long: 1..3600 s; 0: 30 */
    /* a declined or conflicting address is out of use, unless its pool has nothing else left:
     * 1..2^31 s; 0: 3600 */
    uint32_t abandon_s;
    uint64_t key[2]; /* secret: from plat_entropy */
};

struct dhcp_net;
struct dhcp_subnet_ref;
struct dhcp_index_slot;

/* The configuration, indexed for constant-time look-ups. Read-only once made. */
struct dhcp_server {
    const struct dhcp_conf *conf;
    struct dhcp_net *nets;           /* networks: a shared-network, or a subnet that is in none */
    struct dhcp_subnet_ref *subnets; /* sorted by address */
    struct dhcp_index_slot *index;   /* hash of hosts and subclasses */
    uint32_t net_count, subnet_count, index_slots;
    uint32_t offer_s, abandon_s;
    uint64_t key[2];
};

/* How much storage dhcp_server_init needs. */
size_t dhcp_server_storage_bytes(const struct dhcp_conf *conf, uint32_t leases_max);
/* Makes a server with an empty table of leases; Keeps what conf says. -E_INVAL: a number out of
 * its range; -E_NOSPC: storage too small or not aligned; -E_2BIG: more than 65,000 pools or
 * networks. */
int dhcp_server_init(struct dhcp_server *server, struct dhcp_leases *leases,
                     const struct dhcp_server_conf *conf);

/* Where an address is now: its pool's number (DHCP_LEASE_STATIC: some host's own) and its
 * network's. False: the configuration gives it to nobody. */
bool dhcp_server_place(const struct dhcp_server *server, const struct dhcp_leases *leases,
                       uint32_t addr, uint16_t *pool, uint16_t *net);

/* Decides. Changes `leases` only as far as time passes, for UPDATE, and to mark an address as
 * being probed. */
enum dhcp_verdict dhcp_server_input(const struct dhcp_server *server, struct dhcp_leases *leases,
                                    const struct dhcp_packet *packet, uint64_t now_ns,
                                    struct dhcp_out *out);
/* The reply of `out` went out: commits its lease. Without this call nothing was promised and
 * nothing is kept. */
void dhcp_server_sent(const struct dhcp_server *server, struct dhcp_leases *leases,
                      const struct dhcp_out *out, uint64_t now_ns);
/* The answer to out.probe. used: somebody has the address; it is abandoned for a time. Otherwise
 * (also where it could not be asked) it may be offered. Then give the packet to
 * dhcp_server_input again. */
void dhcp_server_probed(const struct dhcp_server *server, struct dhcp_leases *leases, uint32_t addr,
                        bool used, uint64_t now_ns);

#endif
