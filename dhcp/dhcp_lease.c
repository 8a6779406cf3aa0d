/* SPDX-License-Identifier: ISC */
/* dhcp_lease.c - the table of leases.
 *
 * Theory of operation
 *
 * Records lie in one array and are named by their index. Each is in a hash chain by address; one
 * that has a client is in a chain by client too, unless that client has moved to another
 * address. And each is in exactly one list:
 *
 *     FREE      its pool's `spare` (nobody had it) or `past` (its last client is remembered), or
 *               `loose` (a fixed address)
 *     others    a bucket of the expiry heap, or none where they never expire
 *
 * ABANDONED ones, which have no client, stand in their pool's list by age as well: its links are
 * those that a client would need.
 *
 * Expiry is a radix heap (Ahuja, Mehlhorn, Orlin, Tarjan, 1990): time only goes forward, so a
 * lease lies in the bucket numbered by the highest bit in which its expires_s differs from
 * swept_s. Adding and removing are one list operation, whatever the number of leases. All times
 * of a lower bucket come before all of a higher one. When the first moment of the lowest
 * occupied bucket has come, swept_s moves there and the bucket is drained: what has expired is
 * FREE, the rest falls into lower buckets, at most once for each bit. Draining is done a few
 * records a call; until it is finished swept_s stands still, and nothing new can fall into the
 * bucket being drained. Being late with it costs nothing but freshness, because
 * dhcp_lease_state() looks at the time itself. */
#include "dhcp_lease_priv.h"

enum { LIST_SPARE = DHCP_LEASE_BUCKETS, LIST_PAST, LIST_LOOSE, LIST_NONE };

/* ---- lists ----------------------------------------------------------------------------------- */

static uint32_t index_of(const struct dhcp_leases *ls, const struct dhcp_lease *lease)
{
    return (uint32_t)(lease - ls->lease);
}

static struct dhcp_lease_list *list_of(struct dhcp_leases *ls, const struct dhcp_lease *lease)
{
    if (lease->list < DHCP_LEASE_BUCKETS)
        return &ls->bucket[lease->list];
    if (lease->list == LIST_LOOSE)
        return &ls->loose;
    ASSERT(lease->pool < ls->pool_count);
    return lease->list == LIST_SPARE ? &ls->pools[lease->pool].spare : &ls->pools[lease->pool].past;
}

static void list_add(struct dhcp_leases *ls, struct dhcp_lease *lease, uint8_t which)
{
    struct dhcp_lease_list *list;
    uint32_t i = index_of(ls, lease);

    lease->list = which;
    if (which == LIST_NONE)
        return;
    list = list_of(ls, lease);
    lease->prev = list->tail;
    lease->next = DHCP_LEASE_NONE;
    if (list->tail == DHCP_LEASE_NONE)
        list->head = i;
    else
        ls->lease[list->tail].next = i;
    list->tail = i;
    if (which < DHCP_LEASE_BUCKETS)
        ls->occupied |= UINT64_C(1) << which;
}

static void list_remove(struct dhcp_leases *ls, struct dhcp_lease *lease)
{
    struct dhcp_lease_list *list;

    if (lease->list == LIST_NONE)
        return;
    list = list_of(ls, lease);
    if (lease->prev == DHCP_LEASE_NONE)
        list->head = lease->next;
    else
        ls->lease[lease->prev].next = lease->next;
    if (lease->next == DHCP_LEASE_NONE)
        list->tail = lease->prev;
    else
        ls->lease[lease->next].prev = lease->prev;
    if (lease->list < DHCP_LEASE_BUCKETS && list->head == DHCP_LEASE_NONE) {
        ls->occupied &= ~(UINT64_C(1) << lease->list);
        if (ls->draining == lease->list)
            ls->draining = DHCP_LEASE_BUCKETS;
    }
    lease->list = LIST_NONE;
}

/* ---- hash chains ----------------------------------------------------------------------------- */

/* Multiplication by a secret odd number: a universal hash (Dietzfelbinger et al., 1997). */
static uint32_t *addr_head(const struct dhcp_leases *ls, uint32_t addr)
{
    uint64_t h = addr * ls->addr_factor;

    return &ls->addrs[(uint32_t)(h >> 32) & (ls->heads - 1)];
}

static uint32_t *client_head(const struct dhcp_leases *ls, uint32_t hash)
{
    return &ls->clients[hash & (ls->heads - 1)];
}

static void addr_chain_remove(struct dhcp_leases *ls, const struct dhcp_lease *lease)
{
    uint32_t *link = addr_head(ls, lease->addr);

    while (*link != index_of(ls, lease))
        link = &ls->lease[*link].addr_next;
    *link = lease->addr_next;
}

static void client_chain_remove(struct dhcp_leases *ls, struct dhcp_lease *lease)
{
    uint32_t *link;

    if (!lease->in_clients)
        return;
    link = client_head(ls, lease->client_hash);
    while (*link != index_of(ls, lease))
        link = &ls->lease[*link].client_next;
    *link = lease->client_next;
    lease->in_clients = false;
}

void dhcp_lease_chain(struct dhcp_leases *ls, struct dhcp_lease *lease)
{
    uint32_t *head = client_head(ls, lease->client_hash);

    lease->client_next = *head;
    *head = index_of(ls, lease);
    lease->in_clients = true;
}

struct dhcp_lease *dhcp_lease_by_kept(const struct dhcp_leases *ls, const struct dhcp_lease *like)
{
    uint32_t i = *client_head(ls, like->client_hash);

    for (; i != DHCP_LEASE_NONE; i = ls->lease[i].client_next) {
        struct dhcp_lease *lease = &ls->lease[i];

        if (lease->client_hash == like->client_hash && lease->net == like->net &&
            lease->by_id == like->by_id && lease->id_len == like->id_len &&
            memcmp(lease->id, like->id, size_min(like->id_len, DHCP_LEASE_ID_BYTES)) == 0)
            return lease;
    }
    return NULL;
}

/* What a record keeps of a client id: all of it, or its first bytes and a hash of all. */
struct kept_id {
    uint8_t bytes[DHCP_LEASE_ID_BYTES];
    size_t n;
};

static struct kept_id keep_id(const struct dhcp_leases *ls, struct cs_ro id)
{
    struct kept_id kept;
    struct cs bytes = cs_of(kept.bytes, sizeof(kept.bytes));

    kept.n = size_min(id.len, sizeof(kept.bytes));
    cs_blit(bytes, 0, cs_head(id, kept.n));
    if (id.len > sizeof(kept.bytes)) {
        cs_set_le64(bytes, DHCP_LEASE_ID_BYTES - 16, dhcp_hash(ls->id_key, 1, id));
        cs_set_le64(bytes, DHCP_LEASE_ID_BYTES - 8, dhcp_hash(ls->id_key, 2, id));
    }
    return kept;
}

uint32_t dhcp_lease_client_hash(const struct dhcp_leases *ls, uint16_t net, bool by_id,
                                struct cs_ro kept_id)
{
    uint64_t h = dhcp_hash(ls->key, (uint64_t)net << 8 | by_id, kept_id);

    return (uint32_t)(h ^ h >> 32);
}

struct dhcp_lessee dhcp_leases_client(const struct dhcp_leases *ls, uint16_t net, bool by_id,
                                      struct cs_ro id)
{
    struct dhcp_lessee client = {.net = net, .by_id = by_id, .id = id};
    struct kept_id kept;

    ASSERT(id.len >= 1 && id.len <= 255);
    /* Of what records keep, so that it can be told from a record alone. */
    if (id.len > DHCP_LEASE_ID_BYTES) {
        kept = keep_id(ls, id);
        id = cs_ro_of(kept.bytes, kept.n);
    }
    client.hash = dhcp_lease_client_hash(ls, net, by_id, id);
    return client;
}

bool dhcp_lease_is_of(const struct dhcp_leases *ls, const struct dhcp_lease *lease,
                      const struct dhcp_lessee *client)
{
    struct kept_id kept;

    if (lease->client_hash != client->hash || lease->net != client->net ||
        lease->by_id != client->by_id || lease->id_len != client->id.len)
        return false;
    kept = keep_id(ls, client->id);
    return memcmp(lease->id, kept.bytes, kept.n) == 0;
}

struct dhcp_lease *dhcp_leases_by_addr(const struct dhcp_leases *ls, uint32_t addr)
{
    uint32_t i = *addr_head(ls, addr);

    while (i != DHCP_LEASE_NONE && ls->lease[i].addr != addr)
        i = ls->lease[i].addr_next;
    return i == DHCP_LEASE_NONE ? NULL : &ls->lease[i];
}

struct dhcp_lease *dhcp_leases_by_client(const struct dhcp_leases *ls,
                                         const struct dhcp_lessee *client)
{
    uint32_t i = *client_head(ls, client->hash);

    while (i != DHCP_LEASE_NONE && !dhcp_lease_is_of(ls, &ls->lease[i], client))
        i = ls->lease[i].client_next;
    return i == DHCP_LEASE_NONE ? NULL : &ls->lease[i];
}

struct dhcp_lease *dhcp_leases_claimed(const struct dhcp_leases *ls,
                                       const struct dhcp_lessee *client, uint32_t addr)
{
    struct dhcp_lease *there = dhcp_leases_by_addr(ls, addr);

    if (there && dhcp_lease_state(ls, there) == DHCP_LEASE_BOUND &&
        dhcp_lease_is_of(ls, there, client))
        return there;
    return dhcp_leases_by_client(ls, client);
}

/* ---- states and time ------------------------------------------------------------------------- */

void dhcp_lease_forget(struct dhcp_leases *ls, struct dhcp_lease *lease)
{
    client_chain_remove(ls, lease);
    lease->id_len = 0;
    lease->name_len = 0;
    lease->mac_len = 0;
    lease->had_lease = false;
}

static void abandoned_add(struct dhcp_leases *ls, struct dhcp_lease *lease)
{
    uint32_t i = index_of(ls, lease);
    struct dhcp_lease_list *list;

    if (lease->pool == DHCP_LEASE_STATIC)
        return;
    list = &ls->pools[lease->pool].abandoned;
    lease->abandoned_prev = list->tail;
    lease->abandoned_next = DHCP_LEASE_NONE;
    if (list->tail == DHCP_LEASE_NONE)
        list->head = i;
    else
        ls->lease[list->tail].abandoned_next = i;
    list->tail = i;
}

static void abandoned_remove(struct dhcp_leases *ls, const struct dhcp_lease *lease)
{
    struct dhcp_lease_list *list;

    if (lease->pool == DHCP_LEASE_STATIC)
        return;
    list = &ls->pools[lease->pool].abandoned;
    if (lease->abandoned_prev == DHCP_LEASE_NONE)
        list->head = lease->abandoned_next;
    else
        ls->lease[lease->abandoned_prev].abandoned_next = lease->abandoned_next;
    if (lease->abandoned_next == DHCP_LEASE_NONE)
        list->tail = lease->abandoned_prev;
    else
        ls->lease[lease->abandoned_next].abandoned_prev = lease->abandoned_prev;
}

/* The bucket of a moment after swept_s: one more than its highest bit that differs. */
static uint8_t bucket_of(const struct dhcp_leases *ls, uint32_t expires_s)
{
    uint32_t differ = expires_s ^ ls->swept_s;

    return differ ? (uint8_t)(32 - __builtin_clz(differ)) : 0;
}

void dhcp_lease_until(struct dhcp_leases *ls, struct dhcp_lease *lease, enum dhcp_lease_state state,
                      uint32_t expires_s)
{
    list_remove(ls, lease);
    if (lease->state == DHCP_LEASE_ABANDONED)
        abandoned_remove(ls, lease);
    ls->stats.by_state[lease->state]--;
    ls->stats.by_state[state]++;
    lease->state = (uint8_t)state;
    if (state == DHCP_LEASE_ABANDONED) {
        dhcp_lease_forget(ls, lease);
        abandoned_add(ls, lease);
    }
    if (state == DHCP_LEASE_FREE) {
        lease->expires_s = ls->now_s;
        if (lease->pool == DHCP_LEASE_STATIC)
            list_add(ls, lease, LIST_LOOSE);
        else
            list_add(ls, lease, lease->had_lease ? LIST_PAST : LIST_SPARE);
        return;
    }
    if (state == DHCP_LEASE_BOUND)
        lease->had_lease = true;
    lease->expires_s = expires_s;
    list_add(ls, lease, expires_s == DHCP_LEASE_NEVER ? LIST_NONE : bucket_of(ls, expires_s));
}

void dhcp_leases_set(struct dhcp_leases *ls, struct dhcp_lease *lease, enum dhcp_lease_state state,
                     uint32_t seconds)
{
    bool ends = seconds < DHCP_LEASE_NEVER - 1 - ls->now_s;

    /* One more than promised: now_s was rounded down, and the client's clock began at its
     * request. */
    dhcp_lease_until(ls, lease, state, ends ? ls->now_s + seconds + 1 : DHCP_LEASE_NEVER);
}

static void expire(struct dhcp_leases *ls, struct dhcp_lease *lease)
{
    if (lease->state == DHCP_LEASE_BOUND)
        ls->stats.expired++;
    /* A client that moved on, and left this address to run out, is no longer to be found by it. */
    if (!lease->in_clients)
        dhcp_lease_forget(ls, lease);
    dhcp_leases_set(ls, lease, DHCP_LEASE_FREE, 0);
}

/* One step of the sweep; false where nothing is due. */
static bool sweep_step(struct dhcp_leases *ls)
{
    struct dhcp_lease *lease;

    if (ls->draining == DHCP_LEASE_BUCKETS) {
        unsigned b;
        uint32_t first;

        if (!ls->occupied)
            return false;
        b = (unsigned)__builtin_ctzll(ls->occupied);
        first = b ? (ls->swept_s >> (b - 1) | 1) << (b - 1) : ls->swept_s;
        if (first > ls->now_s)
            return false;
        ls->swept_s = first;
        ls->draining = (uint8_t)b;
    }
    lease = &ls->lease[ls->bucket[ls->draining].head];
    if (lease->expires_s <= ls->now_s) {
        expire(ls, lease);
    } else {
        list_remove(ls, lease);
        list_add(ls, lease, bucket_of(ls, lease->expires_s));
    }
    return true;
}

bool dhcp_leases_tick(struct dhcp_leases *ls, uint64_t now_ns, unsigned budget)
{
    if (now_ns > ls->now_ns) {
        ls->now_ns = now_ns;
        ls->now_s = (uint32_t)u64_min(now_ns / NS_PER_S, DHCP_LEASE_NEVER - 2);
    }
    while (budget--)
        if (!sweep_step(ls))
            return false;
    return true;
}

uint32_t dhcp_lease_left_s(const struct dhcp_leases *ls, const struct dhcp_lease *lease)
{
    if (lease->expires_s == DHCP_LEASE_NEVER)
        return DHCP_INFINITE;
    /* The second that was added when it was set is not the client's. */
    return lease->expires_s > ls->now_s + 1 ? lease->expires_s - ls->now_s - 1 : 0;
}

/* ---- records --------------------------------------------------------------------------------- */

void dhcp_leases_init(struct dhcp_leases *ls, const struct dhcp_leases_conf *conf)
{
    const struct dhcp_lease_list empty = {DHCP_LEASE_NONE, DHCP_LEASE_NONE};

    ASSERT(conf->max >= 1 && conf->heads >= 1 && (conf->heads & (conf->heads - 1)) == 0);
    *ls = (struct dhcp_leases){
        .lease = conf->lease,
        .max = conf->max,
        .clients = conf->clients,
        .addrs = conf->addrs,
        .heads = conf->heads,
        .pools = conf->pools,
        .pool_count = conf->pool_count,
        .key = {conf->key[0], conf->key[1]},
        .draining = DHCP_LEASE_BUCKETS,
        .loose = empty,
    };
    for (unsigned i = 0; i < ARRAY_SIZE(ls->id_key); i++)
        ls->id_key[i] = dhcp_hash(conf->key, 3 + i, CS_RO_EMPTY);
    /* Through the hash: a key may be any number, a factor must have bits everywhere. */
    ls->addr_factor = dhcp_hash(conf->key, 0, CS_RO_EMPTY) | 1;
    for (unsigned b = 0; b < DHCP_LEASE_BUCKETS; b++)
        ls->bucket[b] = empty;
    for (uint32_t i = 0; i < ls->heads; i++)
        ls->clients[i] = ls->addrs[i] = DHCP_LEASE_NONE;
    for (unsigned i = 0; i < ls->pool_count; i++) {
        struct dhcp_lease_pool *pool = &ls->pools[i];

        pool->spare = pool->past = pool->abandoned = empty;
        pool->fresh = pool->range != NULL;
        pool->lap = 0;
    }
}

bool dhcp_leases_fresh(struct dhcp_leases *ls, struct dhcp_lease_pool *pool, unsigned *tries,
                       uint32_t *addr)
{
    while (pool->fresh && *tries) {
        uint32_t candidate = pool->addr;

        --*tries;
        if (candidate < pool->range->high) {
            pool->addr++;
        } else {
            pool->range = pool->range->next ? pool->range->next : pool->conf->ranges;
            pool->addr = pool->range->low;
        }
        if (++pool->lap > pool->size) {
            pool->fresh = false;
            return false;
        }
        if (!dhcp_leases_by_addr(ls, candidate)) {
            *addr = candidate;
            return true;
        }
    }
    return false;
}

struct dhcp_lease *dhcp_leases_oldest_free(struct dhcp_leases *ls,
                                           const struct dhcp_lease_pool *pool)
{
    uint32_t i = pool->spare.head != DHCP_LEASE_NONE ? pool->spare.head : pool->past.head;

    return i == DHCP_LEASE_NONE ? NULL : &ls->lease[i];
}

struct dhcp_lease *dhcp_leases_next_free(struct dhcp_leases *ls, const struct dhcp_lease_pool *pool,
                                         const struct dhcp_lease *lease)
{
    uint32_t i = lease->next;

    ASSERT(lease->list == LIST_SPARE || lease->list == LIST_PAST);
    if (i == DHCP_LEASE_NONE && lease->list == LIST_SPARE)
        i = pool->past.head;
    return i == DHCP_LEASE_NONE ? NULL : &ls->lease[i];
}

struct dhcp_lease *dhcp_leases_next_abandoned(struct dhcp_leases *ls,
                                              const struct dhcp_lease_pool *pool,
                                              const struct dhcp_lease *lease)
{
    uint32_t i = lease ? lease->abandoned_next : pool->abandoned.head;

    ASSERT(!lease || lease->state == DHCP_LEASE_ABANDONED);
    return i == DHCP_LEASE_NONE ? NULL : &ls->lease[i];
}

/* Takes the record of some FREE address away from it, or NULL. */
static struct dhcp_lease *evict(struct dhcp_leases *ls, uint16_t pool)
{
    struct dhcp_lease *lease = NULL;

    if (ls->loose.head != DHCP_LEASE_NONE)
        lease = &ls->lease[ls->loose.head];
    else if (pool == DHCP_LEASE_STATIC)
        return NULL;
    for (unsigned i = 0; !lease && i < ls->pool_count; i++)
        lease = dhcp_leases_oldest_free(ls, &ls->pools[(pool + i) % ls->pool_count]);
    if (!lease)
        return NULL;
    if (lease->had_lease)
        ls->stats.evicted++;
    if (lease->pool != DHCP_LEASE_STATIC) {
        ls->pools[lease->pool].fresh = true;
        ls->pools[lease->pool].lap = 0;
    }
    list_remove(ls, lease);
    dhcp_lease_forget(ls, lease);
    addr_chain_remove(ls, lease);
    ls->stats.by_state[DHCP_LEASE_FREE]--;
    return lease;
}

struct dhcp_lease *dhcp_leases_get(struct dhcp_leases *ls, uint32_t addr, uint16_t pool,
                                   uint16_t net)
{
    struct dhcp_lease *lease = dhcp_leases_by_addr(ls, addr);
    uint32_t *head = addr_head(ls, addr);

    if (lease)
        return lease;
    ASSERT(pool < ls->pool_count || pool == DHCP_LEASE_STATIC);
    lease = ls->used < ls->max ? &ls->lease[ls->used++] : evict(ls, pool);
    if (!lease)
        return NULL;
    *lease = (struct dhcp_lease){.addr = addr,
                                 .pool = pool,
                                 .net = net,
                                 .list = LIST_NONE,
                                 .state = DHCP_LEASE_FREE,
                                 .addr_next = *head};
    *head = index_of(ls, lease);
    ls->stats.by_state[DHCP_LEASE_FREE]++;
    dhcp_leases_set(ls, lease, DHCP_LEASE_FREE, 0);
    return lease;
}

/* The client has got another address: its old one is nobody's, but stays taken while it is
 * valid. */
void dhcp_lease_leave(struct dhcp_leases *ls, struct dhcp_lease *old)
{
    client_chain_remove(ls, old);
    if (old->state == DHCP_LEASE_BOUND && dhcp_lease_state(ls, old) == DHCP_LEASE_BOUND)
        return;
    dhcp_lease_forget(ls, old);
    dhcp_leases_set(ls, old, DHCP_LEASE_FREE, 0);
}

/* A client's name for itself: printable, without blanks, cut. It is only ever printed. */
static void keep_name(struct dhcp_lease *lease, struct cs_ro name)
{
    size_t n = size_min(name.len, DHCP_LEASE_NAME_BYTES);

    for (size_t i = 0; i < n; i++) {
        uint8_t c = name.base[i];

        lease->name[i] = c > ' ' && c < 0x7f ? (char)c : '?';
    }
    lease->name_len = (uint8_t)n;
}

void dhcp_leases_assign(struct dhcp_leases *ls, struct dhcp_lease *lease,
                        const struct dhcp_lessee *client, const uint8_t *mac, struct cs_ro name)
{
    struct dhcp_lease *old = dhcp_leases_by_client(ls, client);
    struct kept_id kept;

    if (lease->state == DHCP_LEASE_ABANDONED) /* that has no client */
        dhcp_leases_set(ls, lease, DHCP_LEASE_FREE, 0);
    if (old != lease) {
        if (old)
            dhcp_lease_leave(ls, old);
        dhcp_lease_forget(ls, lease);
        kept = keep_id(ls, client->id);
        memcpy(lease->id, kept.bytes, kept.n);
        lease->id_len = (uint8_t)client->id.len;
        lease->by_id = client->by_id;
        lease->net = client->net;
        lease->client_hash = client->hash;
        dhcp_lease_chain(ls, lease);
    }
    lease->mac_len = mac ? 6 : 0;
    if (mac)
        memcpy(lease->mac, mac, 6);
    if (name.len)
        keep_name(lease, name);
}
