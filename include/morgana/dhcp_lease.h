/* SPDX-License-Identifier: ISC */
/* dhcp_lease.h - the table of leases: found by address and by client in constant time, expiring
 * by themselves.
 *
 * One record an address. Time is seconds of a clock that never goes back (plat_now_ns); the wall
 * clock plays no part. No function here does more than a bounded amount of work, whatever the
 * number of leases. */
#ifndef MORGANA_DHCP_LEASE_H
#define MORGANA_DHCP_LEASE_H

#include <morgana/dhcp_conf.h>
#include <morgana/dhcp_wire.h>

/* A lease's states:
 *
 *     FREE ---> PROBING ---> OFFERED ---> BOUND
 *      ^           |            |           |
 *      |           v            v           v
 *      +------ ABANDONED <------+-----------+      somebody else has it: a probe, or DHCPDECLINE
 *
 * An address that need not be probed goes from FREE to OFFERED. Each is FREE again when its time is
 * up, BOUND also by DHCPRELEASE, ABANDONED also when its pool has nothing else left. FREE remembers
 * its last client until the address is needed. */
#define DHCP_LEASE_STATES(S)                                                                       \
    S(FREE)                                                                                        \
    S(PROBING)   /* being asked for on the wire before it is offered */                            \
    S(OFFERED)   /* reserved for the client of an offer */                                         \
    S(BOUND)     /* acknowledged, and valid until it expires */                                    \
    S(ABANDONED) /* out of use for a time */
#define DHCP_LEASE_STATE_CONST(name) DHCP_LEASE_##name,
enum dhcp_lease_state { DHCP_LEASE_STATES(DHCP_LEASE_STATE_CONST) DHCP_LEASE_STATE_COUNT };
/* "?" for a number that is no state. Never NULL. */
const char *dhcp_lease_state_name(enum dhcp_lease_state state);

#define DHCP_LEASE_NONE UINT32_MAX   /* no record */
#define DHCP_LEASE_NEVER UINT32_MAX  /* expires never */
#define DHCP_LEASE_STATIC UINT16_MAX /* pool number of a fixed address: it has no pool */
/* A longer client id is kept as its first 20 bytes and a keyed hash of 128 bits of all. */
#define DHCP_LEASE_ID_BYTES 36u
#define DHCP_LEASE_NAME_BYTES 28u

/* Who a client is, on one network: its client id, opaque and with the type byte (RFC 4361), else
 * its hardware type and address. */
struct dhcp_lessee {
    uint16_t net; /* network number of dhcp_server.h */
    bool by_id;
    struct cs_ro id; /* 1..255 bytes, Lent */
    uint32_t hash;
};

/* A record: 112 bytes. Read it; only dhcp_lease.c writes it. */
struct dhcp_lease {
    uint32_t addr;
    uint32_t expires_s; /* on the leases' clock: it is over when this comes; DHCP_LEASE_NEVER */
    /* its client's hash and chain; ABANDONED, which has no client: its pool's list by age */
    union {
        uint32_t client_hash, abandoned_prev;
    };
    union {
        uint32_t client_next, abandoned_next;
    };
    uint32_t addr_next;  /* hash chain */
    uint32_t prev, next; /* the list it is in */
    uint16_t pool, net;
    uint8_t state; /* enum dhcp_lease_state; use dhcp_lease_state() */
    uint8_t list;
    uint8_t id_len;            /* 0: nobody's */
    uint8_t name_len, mac_len; /* mac_len: 6, or 0 where the hardware is not Ethernet-like */
    bool by_id, in_clients, had_lease;
    uint8_t mac[6];
    uint8_t id[DHCP_LEASE_ID_BYTES];
    char name[DHCP_LEASE_NAME_BYTES]; /* what the client calls itself, printable */
};

STATIC_ASSERT(sizeof(struct dhcp_lease) <= 112, "what a lease costs is documented");

struct dhcp_lease_list {
    uint32_t head, tail;
};

/* A pool's addresses and what is known of them. */
struct dhcp_lease_pool {
    const struct dhcp_pool *conf;
    uint16_t net;
    bool fresh; /* there may be addresses without a record */
    const struct dhcp_range *range;
    uint32_t addr;                /* next address to look at, in `range` */
    uint32_t size;                /* addresses of all ranges */
    uint32_t lap;                 /* addresses looked at that will never do, since one that did */
    struct dhcp_lease_list spare; /* FREE and never bound: reused first */
    /* FREE, with a client to remember; the one longest out of use first */
    struct dhcp_lease_list past;
    struct dhcp_lease_list abandoned; /* the longest ago first: reused when there is nothing else */
};

#define DHCP_LEASE_BUCKETS 33u

struct dhcp_leases_stats {
    /* as last written: an expired lease counts until it is swept */
    uint32_t by_state[DHCP_LEASE_STATE_COUNT];
    uint64_t expired;
    uint64_t evicted; /* remembered clients forgotten because an address was needed */
};

struct dhcp_leases {
    struct dhcp_lease *lease;  /* `max` records */
    uint32_t max, used;        /* records never used begin at `used` */
    uint32_t *clients, *addrs; /* hash heads: `heads` each, a power of two */
    uint32_t heads;
    struct dhcp_lease_pool *pools;
    uint16_t pool_count;
    uint64_t key[2], addr_factor;
    uint64_t id_key[2]; /* of the hash that stands for the end of a long client id */
    uint64_t now_ns;
    uint32_t now_s;

    /* Expiry: a radix heap, see dhcp_lease.c. */
    uint32_t swept_s;
    uint8_t draining;  /* the bucket being emptied, or DHCP_LEASE_BUCKETS */
    uint64_t occupied; /* bit b: bucket[b] is not empty */
    struct dhcp_lease_list bucket[DHCP_LEASE_BUCKETS];
    struct dhcp_lease_list loose; /* FREE records of fixed addresses */
    struct dhcp_leases_stats stats;
};

/* Storage. `lease` max records, `clients` and `addrs` heads (a power of two, at least max),
 * `pools` with conf, net, range, addr, size set; all Kept. key: secret, from plat_entropy,
 * against clients that choose colliding names. */
struct dhcp_leases_conf {
    struct dhcp_lease *lease;
    uint32_t max;
    uint32_t *clients, *addrs;
    uint32_t heads;
    struct dhcp_lease_pool *pools;
    uint16_t pool_count;
    uint64_t key[2];
};
/* Makes an empty table. */
void dhcp_leases_init(struct dhcp_leases *ls, const struct dhcp_leases_conf *conf);

/* Tells the time and sweeps at most `budget` steps of expiry. A time before the last one is
 * ignored: leases never jump. Returns true where more is due. */
bool dhcp_leases_tick(struct dhcp_leases *ls, uint64_t now_ns, unsigned budget);

/* The state now: what has expired is FREE even before it is swept. */
static inline enum dhcp_lease_state dhcp_lease_state(const struct dhcp_leases *ls,
                                                     const struct dhcp_lease *lease)
{
    if (lease->expires_s != DHCP_LEASE_NEVER && lease->expires_s <= ls->now_s)
        return DHCP_LEASE_FREE;
    return (enum dhcp_lease_state)lease->state;
}
/* Seconds it is still valid; DHCP_INFINITE. */
uint32_t dhcp_lease_left_s(const struct dhcp_leases *ls, const struct dhcp_lease *lease);

/* The record of an address (host order), or NULL. Records stay the table's: a FREE one may become
 * another address's at the next dhcp_leases_get. */
struct dhcp_lease *dhcp_leases_by_addr(const struct dhcp_leases *ls, uint32_t addr);
/* Names a client: the only way to fill a struct dhcp_lessee. id: 1..255 bytes, Lent for as long as
 * the result is used. */
struct dhcp_lessee dhcp_leases_client(const struct dhcp_leases *ls, uint16_t net, bool by_id,
                                      struct cs_ro id);
/* The record that this client has or had last, or NULL. */
struct dhcp_lease *dhcp_leases_by_client(const struct dhcp_leases *ls,
                                         const struct dhcp_lessee *client);
/* Is the client the one that has the record, or had it last? */
bool dhcp_lease_is_of(const struct dhcp_leases *ls, const struct dhcp_lease *lease,
                      const struct dhcp_lessee *client);
/* The record by which to judge the client's claim to have `addr`: its lease there as long as that
 * is valid, even if it was offered or given another address since; else as by_client. */
struct dhcp_lease *dhcp_leases_claimed(const struct dhcp_leases *ls,
                                       const struct dhcp_lessee *client, uint32_t addr);

/* The next address of the pool without a record, as the pool's cursor comes along; each step
 * takes one of *tries. False: not found this time. */
bool dhcp_leases_fresh(struct dhcp_leases *ls, struct dhcp_lease_pool *pool, unsigned *tries,
                       uint32_t *addr);
/* The FREE record of the pool to be reused next, or NULL. */
struct dhcp_lease *dhcp_leases_oldest_free(struct dhcp_leases *ls,
                                           const struct dhcp_lease_pool *pool);
/* The one after `lease`, which is such a record of the pool, or NULL. */
struct dhcp_lease *dhcp_leases_next_free(struct dhcp_leases *ls, const struct dhcp_lease_pool *pool,
                                         const struct dhcp_lease *lease);

/* The ABANDONED record of the pool after `lease` (NULL: the one abandoned longest ago), or NULL. */
struct dhcp_lease *dhcp_leases_next_abandoned(struct dhcp_leases *ls,
                                              const struct dhcp_lease_pool *pool,
                                              const struct dhcp_lease *lease);

/* The record of `addr`, made where there is none: from those never used, else from one of a FREE
 * address (but for a fixed address nobody's memory is taken). NULL: none left. pool: its number,
 * or DHCP_LEASE_STATIC. */
struct dhcp_lease *dhcp_leases_get(struct dhcp_leases *ls, uint32_t addr, uint16_t pool,
                                   uint16_t net);
/* Names its client. The client's other record, if any, is no longer found by it. A lease that is
 * valid keeps its time; an ABANDONED one is FREE by it. */
void dhcp_leases_assign(struct dhcp_leases *ls, struct dhcp_lease *lease,
                        const struct dhcp_lessee *client, const uint8_t *mac, struct cs_ro name);
/* Moves it to a state, for `seconds` (DHCP_INFINITE: for ever). FREE ends it now. */
void dhcp_leases_set(struct dhcp_leases *ls, struct dhcp_lease *lease, enum dhcp_lease_state state,
                     uint32_t seconds);

/* What stands above the lines of dhcp_lease_print. */
#define DHCP_LEASE_PRINT_HEAD                                                                      \
    "address          hardware address   client id             state        time left  host name"
/* One line about a lease as NUL-terminated text: address, hardware address, client id in hex,
 * state, time left, host name. Those that are not known are "-". Returns its length; 200 bytes
 * are enough. */
size_t dhcp_lease_print(const struct dhcp_leases *ls, const struct dhcp_lease *lease, char *out,
                        size_t size);

/* A record as it is written down. */
struct dhcp_lease_kept {
    uint64_t expires_s; /* on the leases' clock, or its keeper's; DHCP_LEASE_KEPT_NEVER */
    uint32_t left_s;    /* of its keeper: what it had left when it was written; UINT32_MAX: more */
    uint32_t addr;
    uint8_t state; /* FREE, BOUND, ABANDONED */
    uint8_t id_len, name_len, mac_len;
    bool by_id;
    bool is_current; /* its client finds it: it has no later one */
    uint8_t mac[6];
    uint8_t id[DHCP_LEASE_ID_BYTES];
    char name[DHCP_LEASE_NAME_BYTES];
};
#define DHCP_LEASE_KEPT_NEVER UINT64_MAX
/* Writes down what a server must know of the record after a restart. False: nothing, as of an
 * address that is free and was nobody's; *kept says that it is free then. */
bool dhcp_lease_keep(const struct dhcp_leases *ls, const struct dhcp_lease *lease,
                     struct dhcp_lease_kept *kept);
/* Puts into the table what was written down, later for earlier, with expires_s on the leases'
 * clock: what is over is FREE, and remembered while there is room. pool and net: whose the address
 * is now. False: no room for a lease that is valid. */
bool dhcp_leases_restore(struct dhcp_leases *ls, const struct dhcp_lease_kept *kept, uint16_t pool,
                         uint16_t net);
/* All is restored: pools go on from the highest addresses in use. */
void dhcp_leases_restored(struct dhcp_leases *ls);
/* Before there is any record: the key by which long client ids were written down (ls->id_key). */
void dhcp_leases_use_id_key(struct dhcp_leases *ls, const uint64_t key[2]);

/* For walking the table: every record that was ever used, in no order, NULL after the last. */
static inline const struct dhcp_lease *dhcp_leases_at(const struct dhcp_leases *ls, uint32_t i)
{
    return i < ls->used ? &ls->lease[i] : NULL;
}

/* Is it worth a line: in use, or somebody's before? */
static inline bool dhcp_lease_is_shown(const struct dhcp_lease *lease)
{
    return lease->id_len || lease->state != DHCP_LEASE_FREE;
}

/* SipHash-1-3 of `head` and `bytes` under a secret key. */
uint64_t dhcp_hash(const uint64_t key[2], uint64_t head, struct cs_ro bytes);

#endif
