/* SPDX-License-Identifier: ISC */
/* arp_cache.c - who has which MAC: a bounded cache of neighbours (RFC 826, RFC 1122 section 2.3.2).
 *
 * Theory of operation
 *
 * The cache is a table of sets of four entries; a secret hash of the address picks the set, so that
 * nobody can aim at a neighbour's set. Work per packet is four compares at most, and one for the
 * neighbour used last.
 *
 *     FREE --a packet for it--> INCOMPLETE --answer--> REACHABLE --60 s without a sign--> FREE
 *                                   |
 *                                   +--3 requests, a second apart, unanswered--> FREE
 *
 * Only packets that we send make entries: an unasked claim is believed for a neighbour that is in
 * the table already and for no other. When a set is full, an unresolved neighbour makes room first,
 * then the one unused for longest; a gateway never does, nor one used in the last 5 s. So spoofed
 * sources push out each other.
 *
 * An entry in use is refreshed before it expires: from 45 s on its user asks the neighbour itself,
 * every 5 s. An unused entry costs nothing: there are no timers for it, its age is looked at when
 * somebody wants it.
 *
 * Each unresolved neighbour keeps its last twelve packets, all of them together 64: so there are
 * never more than 64 unresolved neighbours, and they stand in one list ordered by their next
 * deadline.
 */
#include "tcpip/age_list.h"
#include "tcpip/tcpip_priv.h"
#include "tcpip/wire/arp.h"

enum arp_state { ARP_FREE, ARP_INCOMPLETE, ARP_REACHABLE };

enum {
    ARP_WAYS = 4,
    ARP_TRIES = 3,
    ARP_QUEUE_MAX = 12,  /* packets that wait for one neighbour: TCP begins with ten (RFC 6928) */
    ARP_QUEUED_MAX = 64, /* for all of them */
};

#define ARP_RETRY_NS (1 * NS_PER_S)
#define ARP_REACHABLE_NS (60 * NS_PER_S)
#define ARP_REFRESH_NS (45 * NS_PER_S)
#define ARP_POLL_NS (5 * NS_PER_S)
#define ARP_IN_USE_NS (5 * NS_PER_S)

void arp_init(struct netif *nif)
{
    memset(nif->conf.arp, 0, nif->conf.arp_max * sizeof(*nif->conf.arp));
    nif->arp_sets = nif->conf.arp_max / ARP_WAYS;
}

/* ---- the list of unresolved neighbours, earliest deadline first ------------------------------ */

static uint32_t index1(const struct netif *nif, const struct arp_entry *entry)
{
    return (uint32_t)(entry - nif->conf.arp) + 1;
}

static struct arp_entry *at1(const struct netif *nif, uint32_t i)
{
    return i == 0 ? NULL : &nif->conf.arp[i - 1];
}

static struct age_array ages(const struct netif *nif)
{
    return (struct age_array){nif->conf.arp, sizeof(struct arp_entry),
                              offsetof(struct arp_entry, age)};
}

static void list_append(struct netif *nif, struct arp_entry *entry)
{
    struct age_array array = ages(nif);

    age_list_add(&array, &nif->arp_waiting, index1(nif, entry));
}

static void list_remove(struct netif *nif, struct arp_entry *entry)
{
    struct age_array array = ages(nif);

    age_list_remove(&array, &nif->arp_waiting, index1(nif, entry));
}

/* ---- entries -------------------------------------------------------------------------------- */

static struct arp_entry *set_of(const struct netif *nif, uint32_t addr)
{
    return nif->conf.arp + (size_t)netif_hash(nif, addr, nif->arp_sets) * ARP_WAYS;
}

static struct arp_entry *find(const struct netif *nif, uint32_t addr)
{
    struct arp_entry *set = set_of(nif, addr);

    for (unsigned i = 0; i < ARP_WAYS; i++)
        if (set[i].addr == addr && set[i].state != ARP_FREE)
            return &set[i];
    return NULL;
}

static bool is_gateway(const struct netif *nif, uint32_t addr)
{
    for (uint32_t i = 0; i < nif->route_count; i++)
        if (nif->routes[i].gateway == addr)
            return true;
    return false;
}

/* Forgets a neighbour, and the packets that wait for it. */
static void forget(struct netif *nif, struct arp_entry *entry)
{
    if (entry->state == ARP_INCOMPLETE) {
        list_remove(nif, entry);
        nif->arp_queued -= entry->queue.count;
        nif->stats.arp_queue_drops += entry->queue.count;
        pkt_queue_clear(&entry->queue);
    }
    entry->state = ARP_FREE;
}

void arp_fini(struct netif *nif)
{
    while (nif->arp_waiting.oldest != 0)
        forget(nif, at1(nif, nif->arp_waiting.oldest));
}

/* How gladly an entry is given up: 0 not at all. Among equals the one unused for longest goes. */
static unsigned worthless(const struct netif *nif, const struct arp_entry *entry, uint64_t now)
{
    if (entry->state == ARP_FREE)
        return 4;
    if (is_gateway(nif, entry->addr))
        return 0;
    if (entry->state == ARP_INCOMPLETE)
        return 2;
    if (now - entry->confirmed_at >= ARP_REACHABLE_NS)
        return 3;
    return now - entry->used_at >= ARP_IN_USE_NS ? 1 : 0;
}

static struct arp_entry *claim(struct netif *nif, uint32_t addr, uint64_t now)
{
    struct arp_entry *set = set_of(nif, addr), *best = NULL;
    unsigned best_worth = 0;

    for (unsigned i = 0; i < ARP_WAYS; i++) {
        unsigned worth = worthless(nif, &set[i], now);

        if (worth > best_worth ||
            (worth != 0 && worth == best_worth && set[i].used_at < best->used_at)) {
            best = &set[i];
            best_worth = worth;
        }
    }
    if (best != NULL)
        forget(nif, best);
    return best;
}

/* ---- asking --------------------------------------------------------------------------------- */

void arp_send(struct netif *nif, uint16_t op, uint32_t spa, uint64_t tha, uint32_t tpa, uint64_t to)
{
    struct arp_msg msg = {.op = op, .sha = nif->mac, .spa = spa, .tha = tha, .tpa = tpa};
    struct eth_hdr eth = {to, nif->mac, ETH_TYPE_ARP};
    struct pkt *pkt = pkt_alloc(nif->conf.pool, 0, eth_SIZE + arp_SIZE);
    struct cs frame;

    if (pkt == NULL) {
        nif->stats.no_memory++;
        return;
    }
    frame = pkt_frag_rw(pkt, 0);
    eth_emit(frame, &eth);
    arp_emit(cs_shift(frame, eth_SIZE), &msg);
    if (op == ARP_REQUEST)
        nif->stats.arp_requests++;
    else
        nif->stats.arp_replies++;
    netif_tx_or_drop(nif, pkt);
}

static void ask(struct netif *nif, uint32_t addr, uint64_t to)
{
    arp_send(nif, ARP_REQUEST, route_any_source(nif, addr), 0, addr, to);
}

/* A neighbour whose time to be refreshed, or to expire, has come (RFC 1122 section 2.3.2.1, (2)
 * unicast poll). */
static bool still_good(struct netif *nif, struct arp_entry *entry, uint64_t now)
{
    if (now - entry->confirmed_at >= ARP_REACHABLE_NS) {
        entry->state = ARP_FREE;
        return false;
    }
    entry->next_at = now + ARP_POLL_NS;
    ask(nif, entry->addr, entry->mac);
    return true;
}

bool arp_lookup(struct netif *nif, uint32_t addr, uint64_t *mac, uint64_t now)
{
    struct arp_entry *entry = nif->arp_last;

    if (entry == NULL || entry->addr != addr || entry->state != ARP_REACHABLE) {
        entry = find(nif, addr);
        if (entry == NULL || entry->state != ARP_REACHABLE)
            return false;
        nif->arp_last = entry;
    }
    if (UNLIKELY(now >= entry->next_at) && !still_good(nif, entry, now))
        return false;
    entry->used_at = now;
    *mac = entry->mac;
    return true;
}

/* Makes room for one more waiting packet, when there are too many: the neighbour silent for
 * longest loses its packets. */
static void bound_queued(struct netif *nif, const struct arp_entry *keep)
{
    struct arp_entry *entry = at1(nif, nif->arp_waiting.oldest);

    if (nif->arp_queued < ARP_QUEUED_MAX)
        return;
    while (entry != NULL && (entry == keep || is_gateway(nif, entry->addr)))
        entry = at1(nif, entry->age.newer);
    if (entry != NULL)
        forget(nif, entry);
}

int arp_queue(struct netif *nif, uint32_t addr, struct pkt *pkt, uint64_t now)
{
    struct arp_entry *entry = find(nif, addr);

    if (entry == NULL) {
        entry = claim(nif, addr, now);
        if (entry == NULL) {
            nif->stats.arp_full++;
            return -E_NOMEM;
        }
        *entry = (struct arp_entry){
            .addr = addr, .state = ARP_INCOMPLETE, .tries = 1, .next_at = now + ARP_RETRY_NS};
        list_append(nif, entry);
        netif_timer(nif, entry->next_at);
        ask(nif, addr, ETH_MAC_BROADCAST);
    }
    entry->used_at = now;
    bound_queued(nif, entry);
    /* RFC 1122 section 2.3.2.2: the latest packets are kept. */
    if (entry->queue.count == ARP_QUEUE_MAX || nif->arp_queued >= ARP_QUEUED_MAX) {
        struct pkt *oldest = pkt_queue_pop(&entry->queue);

        if (oldest != NULL) {
            nif->arp_queued--;
            netif_drop(oldest, &nif->stats.arp_queue_drops);
        }
    }
    pkt_queue_push(&entry->queue, pkt);
    nif->arp_queued++;
    return 0;
}

/* ---- answers -------------------------------------------------------------------------------- */

static void learn(struct netif *nif, uint32_t addr, uint64_t mac, uint64_t now)
{
    struct arp_entry *entry = find(nif, addr);
    struct pkt_queue waiting;
    struct pkt *pkt;

    if (entry == NULL)
        return;
    waiting = entry->queue;
    if (entry->state == ARP_INCOMPLETE) {
        list_remove(nif, entry);
        nif->arp_queued -= waiting.count;
        entry->queue = (struct pkt_queue){NULL, NULL, 0};
    }
    entry->state = ARP_REACHABLE;
    entry->mac = mac;
    entry->confirmed_at = now;
    entry->next_at = now + ARP_REFRESH_NS;
    while ((pkt = pkt_queue_pop(&waiting)) != NULL)
        ip4_link_send(nif, pkt, mac, now);
}

void arp_input(struct netif *nif, struct pkt *pkt, uint64_t now)
{
    struct arp_msg msg;
    struct cs_ro front;
    bool claims_ours;

    if (!pkt_pull_up(pkt, eth_SIZE + arp_SIZE, &front)) {
        netif_drop(pkt, pkt->len < eth_SIZE + arp_SIZE ? &nif->stats.arp_malformed
                                                       : &nif->stats.no_memory);
        return;
    }
    if (!arp_parse(&msg, cs_shift(front, eth_SIZE)) || msg.sha == 0 || eth_mac_is_group(msg.sha) ||
        (msg.spa != IP4_ANY && !ip4_is_unicast(msg.spa))) {
        netif_drop(pkt, &nif->stats.arp_malformed);
        return;
    }
    pkt_put(pkt);
    /* Our own message, come back by a loop: no conflict (RFC 5227 section 2.1.1). */
    if (msg.sha == nif->mac)
        return;
    claims_ours = arp_conflict_input(nif, &msg, now);
    if (claims_ours)
        return;
    if (msg.spa != IP4_ANY)
        learn(nif, msg.spa, msg.sha, now);
    if (msg.op == ARP_REQUEST && netif_is_own(nif, msg.tpa))
        arp_send(nif, ARP_REPLY, msg.tpa, msg.sha, msg.spa, msg.sha);
}

/* ---- timers --------------------------------------------------------------------------------- */

static void give_up(struct netif *nif, struct arp_entry *entry, uint64_t now)
{
    for (const struct pkt *pkt = entry->queue.head; pkt != NULL; pkt = pkt->next)
        ip4_undeliverable(nif, pkt, now);
    nif->stats.arp_timeouts++;
    forget(nif, entry);
}

uint64_t arp_timers(struct netif *nif, uint64_t now)
{
    struct arp_entry *entry;

    while ((entry = at1(nif, nif->arp_waiting.oldest)) != NULL && entry->next_at <= now) {
        if (entry->tries == ARP_TRIES) {
            give_up(nif, entry, now);
            continue;
        }
        entry->tries++;
        entry->next_at = now + ARP_RETRY_NS;
        list_remove(nif, entry);
        list_append(nif, entry);
        ask(nif, entry->addr, ETH_MAC_BROADCAST);
    }
    return entry == NULL ? NS_NEVER : entry->next_at;
}
