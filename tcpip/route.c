/* SPDX-License-Identifier: ISC */
/* route.c - which neighbour gets a packet, and which of our addresses it comes from (RFC 1122
 * section 3.3.1).
 *
 * One table, longest prefix first, so that the first match is the best. Routes by gateways are kept
 * as they were added; the connected ones follow the addresses: route_refresh lays both out anew
 * after any change, which is rare. A route whose gateway is on no network of ours at the moment
 * sleeps: its src is 0.
 */
#include "tcpip/tcpip_priv.h"

static void insert(struct netif *nif, struct ip4_route route)
{
    uint32_t at = nif->route_count++;

    /* Before the first shorter one: among equals the older goes first. */
    while (at > 0 && nif->routes[at - 1].prefix_len < route.prefix_len) {
        nif->routes[at] = nif->routes[at - 1];
        at--;
    }
    nif->routes[at] = route;
}

uint32_t route_source(const struct netif *nif, uint32_t addr)
{
    const struct netif_addr *best = NULL;

    for (uint32_t i = 0; i < nif->addr_count; i++) {
        const struct netif_addr *own = &nif->addrs[i];

        if (own->state == NETIF_ADDR_READY && ((addr ^ own->addr) & own->mask) == 0 &&
            (best == NULL || own->prefix_len > best->prefix_len))
            best = own;
    }
    return best == NULL ? 0 : best->addr;
}

uint32_t route_any_source(const struct netif *nif, uint32_t addr)
{
    uint32_t source = route_source(nif, addr);

    for (uint32_t i = 0; source == 0 && i < nif->addr_count; i++)
        if (nif->addrs[i].state == NETIF_ADDR_READY)
            source = nif->addrs[i].addr;
    return source;
}

static uint32_t source_of(const struct netif *nif, uint32_t gateway, bool on_link)
{
    return on_link ? route_any_source(nif, gateway) : route_source(nif, gateway);
}

void route_refresh(struct netif *nif)
{
    struct ip4_route old[ARRAY_SIZE(nif->routes)];
    uint32_t count = nif->route_count;

    memcpy(old, nif->routes, sizeof(old));
    nif->route_epoch++;
    nif->route_count = nif->own_count = 0;
    for (uint32_t i = 0; i < nif->addr_count; i++) {
        const struct netif_addr *addr = &nif->addrs[i];
        bool pair = addr->prefix_len >= 31; /* RFC 3021: no broadcast address */

        if (addr->state != NETIF_ADDR_READY)
            continue;
        nif->own[nif->own_count++] =
            (struct netif_own){addr->addr, pair ? addr->addr : addr->addr | ~addr->mask};
        insert(nif, (struct ip4_route){.dst = addr->addr & addr->mask,
                                       .mask = addr->mask,
                                       .src = addr->addr,
                                       .prefix_len = addr->prefix_len});
    }
    for (uint32_t i = 0; i < count; i++) {
        if (old[i].gateway == 0 && !old[i].on_link)
            continue;
        old[i].src = source_of(nif, old[i].gateway, old[i].on_link);
        insert(nif, old[i]);
    }
}

const struct netif_addr *route_connected(const struct netif *nif, uint32_t addr)
{
    const struct netif_addr *best = NULL;

    for (uint32_t i = 0; i < nif->addr_count; i++) {
        const struct netif_addr *own = &nif->addrs[i];

        if (((addr ^ own->addr) & own->mask) == 0 &&
            (best == NULL || own->prefix_len > best->prefix_len))
            best = own;
    }
    return best;
}

static struct ip4_route *find_gateway_route(struct netif *nif, uint32_t dst, uint8_t prefix_len)
{
    for (uint32_t i = 0; i < nif->route_count; i++) {
        struct ip4_route *route = &nif->routes[i];

        if ((route->gateway != 0 || route->on_link) && route->dst == dst &&
            route->prefix_len == prefix_len)
            return route;
    }
    return NULL;
}

static int add_route(struct netif *nif, uint32_t dst, uint8_t prefix_len, uint32_t gateway,
                     bool on_link)
{
    const struct netif_addr *on = route_connected(nif, gateway);
    bool is_host = ip4_is_unicast(gateway) || (on_link && gateway == 0);

    if (prefix_len > 32 || (dst & ~ip4_mask(prefix_len)) != 0 || !is_host)
        return -E_INVAL;
    if (on == NULL && !on_link)
        return -E_HOSTUNREACH;
    if (netif_addr_state(nif, gateway) != NETIF_ADDR_NONE ||
        (on != NULL && on->prefix_len < 31 && (gateway | on->mask) == IP4_BROADCAST))
        return -E_INVAL;
    if (find_gateway_route(nif, dst, prefix_len) != NULL)
        return -E_EXIST;
    if (nif->gateway_count == NETIF_ROUTES_MAX)
        return -E_NOSPC;
    nif->gateway_count++;
    nif->route_epoch++;
    insert(nif, (struct ip4_route){.dst = dst,
                                   .mask = ip4_mask(prefix_len),
                                   .gateway = gateway,
                                   .on_link = on_link,
                                   .src = source_of(nif, gateway, on_link),
                                   .prefix_len = prefix_len});
    return 0;
}

int netif_route_add(struct netif *nif, uint32_t dst, uint8_t prefix_len, uint32_t gateway)
{
    return add_route(nif, dst, prefix_len, gateway, false);
}

int netif_route_add_on_link(struct netif *nif, uint32_t dst, uint8_t prefix_len, uint32_t gateway)
{
    return add_route(nif, dst, prefix_len, gateway, true);
}

int netif_route_remove(struct netif *nif, uint32_t dst, uint8_t prefix_len)
{
    struct ip4_route *route = find_gateway_route(nif, dst, prefix_len);
    struct ip4_route *end = nif->routes + nif->route_count;

    if (route == NULL)
        return -E_NOENT;
    memmove(route, route + 1, (size_t)(end - route - 1) * sizeof(*route));
    nif->route_count--;
    nif->gateway_count--;
    nif->route_epoch++;
    return 0;
}

/* A packet for no single host, or for one whose MAC the caller knows: only a source is missing. */
static int find_any_source(const struct netif *nif, struct ip4_tx *tx)
{
    tx->next_hop = tx->dst;
    if (tx->src == IP4_ANY && nif->route_count != 0)
        tx->src = route_any_source(nif, tx->dst);
    /* "This host" may speak to all before it has an address (RFC 1122 section 3.2.1.3 (a)). */
    if (tx->src == IP4_ANY && tx->dst != IP4_BROADCAST && tx->protocol != IP4_IGMP)
        return -E_HOSTUNREACH;
    return 0;
}

int route_find(const struct netif *nif, struct ip4_tx *tx)
{
    if (tx->src != IP4_ANY && !netif_is_own(nif, tx->src))
        return -E_ADDRNOTAVAIL;
    tx->cast = IP4_UNICAST;
    if (UNLIKELY(tx->dst == IP4_BROADCAST || ip4_is_multicast(tx->dst))) {
        tx->cast = tx->dst == IP4_BROADCAST ? IP4_BROADCASTED : IP4_MULTICASTED;
        return find_any_source(nif, tx);
    }
    if (!ip4_is_unicast(tx->dst))
        return -E_HOSTUNREACH;
    for (uint32_t i = 0; i < nif->route_count; i++) {
        const struct ip4_route *route = &nif->routes[i];

        if (((tx->dst ^ route->dst) & route->mask) != 0 || route->src == 0)
            continue;
        tx->next_hop = route->gateway;
        if (route->gateway == 0) {
            tx->next_hop = tx->dst;
            if ((tx->dst | route->mask) == IP4_BROADCAST && route->prefix_len < 31)
                tx->cast = IP4_BROADCASTED;
        }
        if (tx->src == IP4_ANY)
            tx->src = route->src;
        return 0;
    }
    return tx->use_eth ? find_any_source(nif, tx) : -E_HOSTUNREACH;
}
