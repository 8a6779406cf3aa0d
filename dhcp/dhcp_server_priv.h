/* SPDX-License-Identifier: ISC */
/* dhcp_server_priv.h - the parts of the DHCP server, for each other.
 *
 *     dhcp_server.c        messages: what to do with each type (RFC 2131 section 4.3)
 *     dhcp_server_index.c  the configuration made searchable
 *     dhcp_server_who.c    who asks: its network, host declaration, classes, and what holds for it
 *     dhcp_server_addr.c   which address it gets
 *     dhcp_server_reply.c  the message it is answered with, and where that goes
 */
#ifndef DHCP_SERVER_PRIV_H
#define DHCP_SERVER_PRIV_H

#include <morgana/dhcp_server.h>

#define DHCP_BROADCAST_ADDR UINT32_C(0xffffffff)

/* May an address of the subnet be a host's? The first is the network's own and the last is for
 * everybody, but where there are only one or two (RFC 3021). */
static inline bool dhcp_subnet_is_host(const struct dhcp_subnet *s, uint32_t addr)
{
    uint32_t host = addr & ~s->mask;

    return ~s->mask <= 1 || (host != 0 && host != ~s->mask);
}

/* Pools of network n are pools[first_pool .. first_pool + pool_count) of the leases. */
struct dhcp_net {
    uint16_t first_pool, pool_count;
};

struct dhcp_subnet_ref {
    uint32_t net, last; /* first and last address, host order */
    const struct dhcp_subnet *subnet;
    uint16_t net_number;
};

/* What a slot of the index is found by. */
enum dhcp_index_kind {
    DHCP_INDEX_EMPTY,
    DHCP_INDEX_HARDWARE,   /* host: Ethernet address */
    DHCP_INDEX_CLIENT_ID,  /* host */
    DHCP_INDEX_CIRCUIT_ID, /* host */
    DHCP_INDEX_REMOTE_ID,  /* host */
    DHCP_INDEX_ADDR,       /* host: fixed address */
    DHCP_INDEX_SUBCLASS,   /* subclass: key within its class */
};

struct dhcp_index_slot {
    const void *object; /* struct dhcp_host or struct dhcp_subclass */
    const void *class;  /* of a subclass */
    uint32_t hash;
    uint8_t kind;
};

#define DHCP_CLASSES_MAX 16u /* classes of one client; more are ignored and counted */
/* Scopes of one client: around its host, of classes and subclasses, around its pool. */
#define DHCP_SCOPES_MAX (2 * (DHCP_CONF_DEPTH_MAX + 1) + 2 * DHCP_CLASSES_MAX)

/* Everything about the message in hand. */
struct dhcp_ctx {
    const struct dhcp_server *server;
    struct dhcp_leases *leases;
    const struct dhcp_packet *packet;
    const struct dhcp_msg *msg;
    struct dhcp_out *out;

    struct cs_ro hardware; /* type byte and address */
    struct dhcp_lessee client;
    const uint8_t *mac;               /* 6 bytes, or NULL: not Ethernet */
    const struct dhcp_subnet *subnet; /* where the client is; later: of the address it gets */
    uint16_t net;                     /* its number */
    const struct dhcp_host *host;     /* its declaration, or NULL: unknown */
    uint32_t fixed_addr;              /* the host's address on this network, or 0 */
    const struct dhcp_class *classes[DHCP_CLASSES_MAX];
    const struct dhcp_subclass *subclasses[DHCP_CLASSES_MAX]; /* or NULL */
    unsigned class_count;
    const struct dhcp_pool *pool;                     /* of the address it gets, or NULL */
    const struct dhcp_scope *scopes[DHCP_SCOPES_MAX]; /* innermost first */
    unsigned scope_count;
};

/* ---- dhcp_server_index.c */
const struct dhcp_subnet_ref *dhcp_index_subnet(const struct dhcp_server *server, uint32_t addr);
/* Walks the objects found by a key: start with *at = 0; NULL after the last. */
const void *dhcp_index_find(const struct dhcp_server *server, enum dhcp_index_kind kind,
                            const void *class, struct cs_ro key, uint32_t *at);
/* The host that has this fixed address, or NULL. */
const struct dhcp_host *dhcp_index_fixed(const struct dhcp_server *server, uint32_t addr);

/* ---- dhcp_server_who.c */
/* All of who asks. False: out->reason says why it cannot be told. */
bool dhcp_who(struct dhcp_ctx *ctx);
/* Lists the scopes that apply, for the pool and subnet that ctx has now. */
void dhcp_who_scopes(struct dhcp_ctx *ctx);
/* The innermost scope that sets `setting`, or NULL. */
const struct dhcp_scope *dhcp_who_setting(const struct dhcp_ctx *ctx, enum dhcp_setting setting);
bool dhcp_who_in_class(const struct dhcp_ctx *ctx, const struct dhcp_class *class);

/* ---- dhcp_server_addr.c */
/* May this client have this address, which lies in pool number `pool`? */
bool dhcp_addr_permitted(const struct dhcp_ctx *ctx, uint16_t pool, uint32_t addr);
/* Chooses an address to offer (RFC 2131 section 4.3.1); false: none, with out->reason. ctx gets
 * pool and subnet. *lease: its record, NULL where there is none yet. */
bool dhcp_addr_choose(struct dhcp_ctx *ctx, uint32_t *addr, struct dhcp_lease **lease);
/* What we know of the client's claim to have `addr`. Right: ctx gets pool and subnet. */
enum dhcp_claim { DHCP_CLAIM_RIGHT, DHCP_CLAIM_WRONG, DHCP_CLAIM_UNKNOWN };
enum dhcp_claim dhcp_addr_claim(struct dhcp_ctx *ctx, uint32_t addr);

/* ---- dhcp_server_reply.c */
enum dhcp_verdict dhcp_reply_lease(struct dhcp_ctx *ctx, enum dhcp_type type, uint32_t addr,
                                   uint32_t lease_s);
enum dhcp_verdict dhcp_reply_inform(struct dhcp_ctx *ctx, uint32_t addr);
enum dhcp_verdict dhcp_reply_nak(struct dhcp_ctx *ctx, const char *why);
enum dhcp_verdict dhcp_reply_bootp(struct dhcp_ctx *ctx, uint32_t addr);

#endif
