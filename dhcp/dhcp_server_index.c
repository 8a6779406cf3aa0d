/* SPDX-License-Identifier: ISC */
/* dhcp_server_index.c - a configuration made searchable: subnets sorted by address, hosts and
 * subclasses in one hash table, pools numbered network by network. */
#include "dhcp_server_priv.h"

#define INDEX_NUMBERS_MAX 65000u
#define LEASES_MAX (1u << 24) /* dhcp_server.h */

/* ---- what goes where in the storage ---------------------------------------------------------- */

struct counts {
    uint32_t nets, subnets, pools, index_slots, leases, heads;
};

static uint32_t power_of_two(uint32_t at_least)
{
    uint32_t n = 1;

    while (n < at_least)
        n <<= 1;
    return n;
}

static uint32_t host_keys(const struct dhcp_host *host)
{
    return host->addr_count + (host->has_hardware ? 1u : 0u) + (host->client_id.len ? 1u : 0u) +
           (host->circuit_id.len ? 1u : 0u) + (host->remote_id.len ? 1u : 0u);
}

static struct counts count(const struct dhcp_conf *conf, uint32_t leases_max)
{
    struct counts c = {.leases = leases_max, .heads = power_of_two(leases_max)};
    uint32_t keys = 0;

    for (const struct dhcp_shared *s = conf->shareds; s; s = s->next)
        c.nets++;
    for (const struct dhcp_subnet *s = conf->subnets; s; s = s->next) {
        c.subnets++;
        if (!s->shared)
            c.nets++;
        for (const struct dhcp_pool *p = s->pools; p; p = p->next)
            c.pools++;
    }
    for (const struct dhcp_host *h = conf->hosts; h; h = h->next)
        keys += host_keys(h);
    for (const struct dhcp_class *k = conf->classes; k; k = k->next)
        for (const struct dhcp_subclass *s = k->subclasses; s; s = s->next)
            keys++;
    c.index_slots = power_of_two(2 * keys + 1);
    return c;
}

static size_t round8(size_t bytes)
{
    return (bytes + 7) & ~(size_t)7;
}

size_t dhcp_server_storage_bytes(const struct dhcp_conf *conf, uint32_t leases_max)
{
    /* Of more dhcp_server_init will refuse to make a server: no size to be worked out. */
    struct counts c = count(conf, u32_min(leases_max, LEASES_MAX));

    return round8(c.nets * sizeof(struct dhcp_net)) +
           round8(c.subnets * sizeof(struct dhcp_subnet_ref)) +
           round8(c.pools * sizeof(struct dhcp_lease_pool)) +
           round8(c.index_slots * sizeof(struct dhcp_index_slot)) +
           round8(c.leases * sizeof(struct dhcp_lease)) + 2 * round8(c.heads * sizeof(uint32_t));
}

static void *carve(struct cs *storage, size_t count_of, size_t each)
{
    void *at = storage->base;

    *storage = cs_shift(*storage, round8(count_of * each));
    memset(at, 0, count_of * each);
    return at;
}

/* ---- the hash of hosts and subclasses -------------------------------------------------------- */

static uint32_t key_hash(const struct dhcp_server *server, enum dhcp_index_kind kind,
                         const void *class, struct cs_ro key)
{
    uint64_t h = dhcp_hash(server->key, (uint64_t)(uintptr_t) class << 8 | kind, key);

    return (uint32_t)(h ^ h >> 32);
}

static void index_add(struct dhcp_server *server, enum dhcp_index_kind kind, const void *class,
                      struct cs_ro key, const void *object)
{
    uint32_t hash = key_hash(server, kind, class, key);
    uint32_t i = hash;

    while (server->index[i & (server->index_slots - 1)].kind != DHCP_INDEX_EMPTY)
        i++;
    server->index[i & (server->index_slots - 1)] = (struct dhcp_index_slot){
        .object = object, .class = class, .hash = hash, .kind = (uint8_t)kind};
}

static struct cs_ro addr_key(const uint32_t *addr)
{
    return cs_ro_of(addr, sizeof(*addr));
}

static bool slot_matches(const struct dhcp_index_slot *slot, const void *class, struct cs_ro key)
{
    const struct dhcp_host *host = slot->object;

    switch ((enum dhcp_index_kind)slot->kind) {
    case DHCP_INDEX_HARDWARE:
        return cs_equal(cs_ro_of(host->hardware, sizeof(host->hardware)), key);
    case DHCP_INDEX_CLIENT_ID:
        return cs_equal(host->client_id, key);
    case DHCP_INDEX_CIRCUIT_ID:
        return cs_equal(host->circuit_id, key);
    case DHCP_INDEX_REMOTE_ID:
        return cs_equal(host->remote_id, key);
    case DHCP_INDEX_ADDR:
        for (uint32_t i = 0; i < host->addr_count; i++)
            if (cs_equal(addr_key(&host->addrs[i]), key))
                return true;
        return false;
    case DHCP_INDEX_SUBCLASS: {
        const struct dhcp_subclass *subclass = slot->object;

        return slot->class == class && cs_equal(subclass->key, key);
    }
    case DHCP_INDEX_EMPTY:
        break;
    }
    return false;
}

const void *dhcp_index_find(const struct dhcp_server *server, enum dhcp_index_kind kind,
                            const void *class, struct cs_ro key, uint32_t *at)
{
    uint32_t hash = key_hash(server, kind, class, key);

    for (;; ++*at) {
        const struct dhcp_index_slot *slot =
            &server->index[(hash + *at) & (server->index_slots - 1)];

        if (slot->kind == DHCP_INDEX_EMPTY)
            return NULL;
        if (slot->hash == hash && slot->kind == kind && slot_matches(slot, class, key)) {
            ++*at;
            return slot->object;
        }
    }
}

const struct dhcp_host *dhcp_index_fixed(const struct dhcp_server *server, uint32_t addr)
{
    uint32_t at = 0;

    return dhcp_index_find(server, DHCP_INDEX_ADDR, NULL, addr_key(&addr), &at);
}

static void index_hosts(struct dhcp_server *server)
{
    for (const struct dhcp_host *h = server->conf->hosts; h; h = h->next) {
        if (h->has_hardware)
            index_add(server, DHCP_INDEX_HARDWARE, NULL, cs_ro_of(h->hardware, sizeof(h->hardware)),
                      h);
        if (h->client_id.len)
            index_add(server, DHCP_INDEX_CLIENT_ID, NULL, h->client_id, h);
        if (h->circuit_id.len)
            index_add(server, DHCP_INDEX_CIRCUIT_ID, NULL, h->circuit_id, h);
        if (h->remote_id.len)
            index_add(server, DHCP_INDEX_REMOTE_ID, NULL, h->remote_id, h);
        for (uint32_t i = 0; i < h->addr_count; i++)
            index_add(server, DHCP_INDEX_ADDR, NULL, addr_key(&h->addrs[i]), h);
    }
    for (const struct dhcp_class *k = server->conf->classes; k; k = k->next)
        for (const struct dhcp_subclass *s = k->subclasses; s; s = s->next)
            index_add(server, DHCP_INDEX_SUBCLASS, k, s->key, s);
}

/* ---- subnets, networks, pools ---------------------------------------------------------------- */

const struct dhcp_subnet_ref *dhcp_index_subnet(const struct dhcp_server *server, uint32_t addr)
{
    uint32_t low = 0, high = server->subnet_count;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;

        if (addr > server->subnets[mid].last)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == server->subnet_count || addr < server->subnets[low].net)
        return NULL;
    return &server->subnets[low];
}

/* Heap sort: in place, and no worse for an order that somebody wrote on purpose. */
static void sift_down(struct dhcp_subnet_ref *a, uint32_t i, uint32_t n)
{
    for (;;) {
        uint32_t child = 2 * i + 1;
        struct dhcp_subnet_ref swap = a[i];

        if (child >= n)
            return;
        if (child + 1 < n && a[child + 1].net > a[child].net)
            child++;
        if (a[i].net >= a[child].net)
            return;
        a[i] = a[child];
        a[child] = swap;
        i = child;
    }
}

static void sort_subnets(struct dhcp_subnet_ref *a, uint32_t n)
{
    for (uint32_t i = n / 2; i-- > 0;)
        sift_down(a, i, n);
    for (uint32_t end = n; end-- > 1;) {
        struct dhcp_subnet_ref largest = a[0];

        a[0] = a[end];
        a[end] = largest;
        sift_down(a, 0, end);
    }
}

static void add_pool(struct dhcp_lease_pool *to, const struct dhcp_pool *pool, uint16_t net)
{
    *to = (struct dhcp_lease_pool){.conf = pool, .net = net, .range = pool->ranges};
    if (pool->ranges)
        to->addr = pool->ranges->low;
    for (const struct dhcp_range *r = pool->ranges; r; r = r->next)
        to->size += u32_min(r->high - r->low, UINT32_MAX - 1 - to->size) + 1;
}

/* One network: the subnets of a shared-network, or a single subnet. */
static void add_net(struct dhcp_server *server, struct dhcp_lease_pool *pools, uint32_t *pool_count,
                    const struct dhcp_shared *shared, const struct dhcp_subnet *single)
{
    uint16_t number = (uint16_t)server->net_count++;
    struct dhcp_net *net = &server->nets[number];

    net->first_pool = (uint16_t)*pool_count;
    for (const struct dhcp_subnet *s = server->conf->subnets; s; s = s->next) {
        if (shared ? s->shared != shared : s != single)
            continue;
        server->subnets[server->subnet_count++] = (struct dhcp_subnet_ref){
            .net = s->net, .last = s->net | ~s->mask, .subnet = s, .net_number = number};
        for (const struct dhcp_pool *p = s->pools; p; p = p->next)
            add_pool(&pools[(*pool_count)++], p, number);
    }
    net->pool_count = (uint16_t)(*pool_count - net->first_pool);
}

bool dhcp_server_place(const struct dhcp_server *server, const struct dhcp_leases *leases,
                       uint32_t addr, uint16_t *pool, uint16_t *net)
{
    const struct dhcp_subnet_ref *ref = dhcp_index_subnet(server, addr);
    const struct dhcp_net *n;

    if (!ref)
        return false;
    n = &server->nets[ref->net_number];
    *net = ref->net_number;
    if (dhcp_index_fixed(server, addr)) {
        *pool = DHCP_LEASE_STATIC;
        return true;
    }
    for (uint32_t i = n->first_pool; i < (uint32_t)n->first_pool + n->pool_count; i++)
        for (const struct dhcp_range *r = leases->pools[i].conf->ranges; r; r = r->next)
            if (addr >= r->low && addr <= r->high) {
                *pool = (uint16_t)i;
                return true;
            }
    return false;
}

int dhcp_server_init(struct dhcp_server *server, struct dhcp_leases *leases,
                     const struct dhcp_server_conf *conf)
{
    struct dhcp_leases_conf lc = {.key = {conf->key[0], conf->key[1]}};
    struct cs storage = conf->storage;
    uint32_t pool_count = 0;
    struct counts c;

    if (!conf->leases_max || conf->leases_max > LEASES_MAX || conf->offer_s > 3600 ||
        conf->abandon_s > 1u << 31)
        return -E_INVAL;
    c = count(conf->conf, conf->leases_max);
    if (c.pools > INDEX_NUMBERS_MAX || c.nets > INDEX_NUMBERS_MAX)
        return -E_2BIG;
    if (!cs_is_aligned(storage, 8) ||
        storage.len < dhcp_server_storage_bytes(conf->conf, conf->leases_max))
        return -E_NOSPC;
    *server = (struct dhcp_server){
        .conf = conf->conf,
        .index_slots = c.index_slots,
        .offer_s = conf->offer_s ? conf->offer_s : 30,
        .abandon_s = conf->abandon_s ? conf->abandon_s : 3600,
        .key = {conf->key[0], conf->key[1]},
    };
    server->nets = carve(&storage, c.nets, sizeof(*server->nets));
    server->subnets = carve(&storage, c.subnets, sizeof(*server->subnets));
    lc.pools = carve(&storage, c.pools, sizeof(*lc.pools));
    server->index = carve(&storage, c.index_slots, sizeof(*server->index));
    lc.max = c.leases;
    lc.heads = c.heads;
    lc.lease = carve(&storage, c.leases, sizeof(*lc.lease));
    lc.clients = carve(&storage, c.heads, sizeof(*lc.clients));
    lc.addrs = carve(&storage, c.heads, sizeof(*lc.addrs));

    for (const struct dhcp_shared *s = conf->conf->shareds; s; s = s->next)
        add_net(server, lc.pools, &pool_count, s, NULL);
    for (const struct dhcp_subnet *s = conf->conf->subnets; s; s = s->next)
        if (!s->shared)
            add_net(server, lc.pools, &pool_count, NULL, s);
    lc.pool_count = (uint16_t)pool_count;
    sort_subnets(server->subnets, server->subnet_count);
    index_hosts(server);
    dhcp_leases_init(leases, &lc);
    return 0;
}
