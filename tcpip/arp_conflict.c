/* SPDX-License-Identifier: ISC */
/* arp_conflict.c - whose address is it? Probe, announce, defend (RFC 5227), and ask for others
 * (RFC 2131 section 2.2). */
#include <morgana/log.h>

#include "tcpip/tcpip_priv.h"
#include "tcpip/wire/arp.h"

/* RFC 5227 section 1.1 */
enum { PROBE_NUM = 3, ANNOUNCE_NUM = 2, MAX_CONFLICTS = 10 };
#define PROBE_WAIT_NS (1 * NS_PER_S)
#define PROBE_MIN_NS (1 * NS_PER_S)
#define PROBE_MAX_NS (2 * NS_PER_S)
#define ANNOUNCE_WAIT_NS (2 * NS_PER_S)
#define ANNOUNCE_INTERVAL_NS (2 * NS_PER_S)
#define RATE_LIMIT_INTERVAL_NS (60 * NS_PER_S)
#define DEFEND_INTERVAL_NS (10 * NS_PER_S)

static void probe(struct netif *nif, uint32_t addr)
{
    arp_send(nif, ARP_REQUEST, IP4_ANY, 0, addr, ETH_MAC_BROADCAST);
}

static void announce(struct netif *nif, uint32_t addr)
{
    arp_send(nif, ARP_REQUEST, addr, 0, addr, ETH_MAC_BROADCAST);
}

/* ---- our own addresses ---------------------------------------------------------------------- */

void arp_conflict_start(struct netif *nif, struct netif_addr *addr, uint64_t now)
{
    if (addr->state == NETIF_ADDR_CONFLICT)
        return;
    /* RFC 5227 section 2.1: probed before it is used, and so again on what may be another link. */
    if (addr->state == NETIF_ADDR_READY && addr->probed) {
        addr->state = NETIF_ADDR_PROBING;
        route_refresh(nif);
    }
    addr->sent = 0;
    addr->defended_at = NS_NEVER;
    addr->next_at = now;
    if (addr->state == NETIF_ADDR_PROBING) {
        if (addr->probe_ns == 0)
            addr->next_at += netif_random(nif) % PROBE_WAIT_NS;
        if (nif->conflicts >= MAX_CONFLICTS)
            addr->next_at += RATE_LIMIT_INTERVAL_NS;
    }
    netif_timer(nif, addr->next_at);
}

static void probing_step(struct netif *nif, struct netif_addr *addr, uint64_t now)
{
    if (addr->sent == PROBE_NUM) {
        addr->state = NETIF_ADDR_READY;
        addr->sent = 0;
        nif->conflicts = 0; /* section 2.1.1 counts them while an address is looked for */
        route_refresh(nif);
        return;
    }
    probe(nif, addr->addr);
    addr->sent++;
    if (addr->probe_ns != 0)
        addr->next_at = now + addr->probe_ns / PROBE_NUM;
    else if (addr->sent == PROBE_NUM)
        addr->next_at = now + ANNOUNCE_WAIT_NS;
    else
        addr->next_at = now + PROBE_MIN_NS + netif_random(nif) % (PROBE_MAX_NS - PROBE_MIN_NS);
}

static void ready_step(struct netif *nif, struct netif_addr *addr, uint64_t now)
{
    announce(nif, addr->addr);
    addr->sent++;
    addr->next_at = addr->sent == ANNOUNCE_NUM ? NS_NEVER : now + ANNOUNCE_INTERVAL_NS;
}

static void give_up(struct netif *nif, struct netif_addr *addr, uint64_t mac)
{
    uint8_t bytes[6];

    eth_mac_to_bytes(mac, bytes);
    LOG_WARN("netif: %s is in use by %s: given up", fmt_ip4(addr->addr).text, fmt_mac(bytes).text);
    addr->state = NETIF_ADDR_CONFLICT;
    addr->next_at = NS_NEVER;
    route_refresh(nif);
}

/* Somebody uses a READY address of ours: RFC 5227 section 2.4. */
static void defend(struct netif *nif, struct netif_addr *addr, uint64_t mac, uint64_t now)
{
    uint8_t bytes[6];

    nif->stats.arp_conflicts++;
    if (addr->defended_at != NS_NEVER && now - addr->defended_at < DEFEND_INTERVAL_NS) {
        /* (b) gives up; (c), an address that was set to be ours come what may, is silent for
         * now. */
        if (addr->probed)
            give_up(nif, addr, mac);
        return;
    }
    eth_mac_to_bytes(mac, bytes);
    LOG_WARN("netif: %s claims our address %s", fmt_mac(bytes).text, fmt_ip4(addr->addr).text);
    addr->defended_at = now;
    announce(nif, addr->addr);
}

static bool own_input(struct netif *nif, const struct arp_msg *msg, uint64_t now)
{
    bool claims_ours = false;

    for (uint32_t i = 0; i < nif->addr_count; i++) {
        struct netif_addr *addr = &nif->addrs[i];
        /* Another host that probes for it at the same time counts too (section 2.1.1). */
        bool probes = msg->op == ARP_REQUEST && msg->spa == IP4_ANY && msg->tpa == addr->addr;

        if (addr->state == NETIF_ADDR_PROBING && (msg->spa == addr->addr || probes)) {
            nif->conflicts++;
            nif->stats.arp_conflicts++;
            give_up(nif, addr, msg->sha);
        } else if (addr->state == NETIF_ADDR_READY && msg->spa == addr->addr) {
            defend(nif, addr, msg->sha, now);
            claims_ours = true;
        }
    }
    return claims_ours;
}

static uint64_t own_timers(struct netif *nif, uint64_t now)
{
    uint64_t at = NS_NEVER;

    /* Nobody hears us: netif_poll starts again when the link is up. */
    if (!nif->conf.dev->link_up)
        return NS_NEVER;
    for (uint32_t i = 0; i < nif->addr_count; i++) {
        struct netif_addr *addr = &nif->addrs[i];

        if (addr->next_at <= now && addr->state == NETIF_ADDR_PROBING)
            probing_step(nif, addr, now);
        if (addr->next_at <= now && addr->state == NETIF_ADDR_READY)
            ready_step(nif, addr, now);
        at = u64_min(at, addr->next_at);
    }
    return at;
}

/* ---- addresses that somebody asked about ---------------------------------------------------- */

static struct netif_probe_slot *find_slot(struct netif *nif, uint32_t addr)
{
    for (uint32_t i = 0; i < NETIF_PROBES_MAX; i++)
        if (nif->probes[i].state != NETIF_PROBE_NONE && nif->probes[i].addr == addr)
            return &nif->probes[i];
    return NULL;
}

/* A free slot, or the one whose result nobody has asked for for longest. */
static struct netif_probe_slot *free_slot(struct netif *nif)
{
    struct netif_probe_slot *best = NULL;

    for (uint32_t i = 0; i < NETIF_PROBES_MAX; i++) {
        struct netif_probe_slot *slot = &nif->probes[i];

        if (slot->state == NETIF_PROBE_NONE)
            return slot;
        if (slot->state != NETIF_PROBE_PENDING && (best == NULL || slot->ends_at < best->ends_at))
            best = slot;
    }
    return best;
}

int netif_probe_start(struct netif *nif, uint32_t addr, uint64_t wait_ns, uint64_t now_ns)
{
    struct netif_probe_slot *slot = find_slot(nif, addr);

    if (slot != NULL && slot->state == NETIF_PROBE_PENDING)
        return -E_EXIST;
    if (route_connected(nif, addr) == NULL)
        return -E_HOSTUNREACH;
    if (slot == NULL)
        slot = free_slot(nif);
    if (slot == NULL)
        return -E_NOSPC;
    *slot = (struct netif_probe_slot){.addr = addr,
                                      .state = NETIF_PROBE_PENDING,
                                      .again_at = now_ns + wait_ns / 2,
                                      .ends_at = wait_ns < NS_NEVER - now_ns ? now_ns + wait_ns
                                                                             : NS_NEVER - 1};
    if (netif_addr_state(nif, addr) != NETIF_ADDR_NONE) {
        slot->state = NETIF_PROBE_USED;
        return 0;
    }
    nif->probe_count++;
    probe(nif, addr);
    netif_timer(nif, slot->again_at);
    return 0;
}

enum netif_probe netif_probe_result(struct netif *nif, uint32_t addr)
{
    struct netif_probe_slot *slot = find_slot(nif, addr);
    enum netif_probe result;

    if (slot == NULL)
        return NETIF_PROBE_NONE;
    result = (enum netif_probe)slot->state;
    if (result != NETIF_PROBE_PENDING)
        slot->state = NETIF_PROBE_NONE;
    return result;
}

static uint64_t probe_timers(struct netif *nif, uint64_t now)
{
    uint64_t at = NS_NEVER;

    for (uint32_t i = 0; nif->probe_count != 0 && i < NETIF_PROBES_MAX; i++) {
        struct netif_probe_slot *slot = &nif->probes[i];

        if (slot->state != NETIF_PROBE_PENDING)
            continue;
        if (now >= slot->ends_at) {
            slot->state = NETIF_PROBE_FREE;
            nif->probe_count--;
            continue;
        }
        if (now >= slot->again_at && !slot->asked_twice) {
            slot->asked_twice = true;
            probe(nif, slot->addr);
        }
        at = u64_min(at, slot->asked_twice ? slot->ends_at : slot->again_at);
    }
    return at;
}

/* ---- both ----------------------------------------------------------------------------------- */

bool arp_conflict_input(struct netif *nif, const struct arp_msg *msg, uint64_t now)
{
    for (uint32_t i = 0; nif->probe_count != 0 && i < NETIF_PROBES_MAX; i++) {
        struct netif_probe_slot *slot = &nif->probes[i];

        if (slot->state == NETIF_PROBE_PENDING && slot->addr == msg->spa) {
            slot->state = NETIF_PROBE_USED;
            nif->probe_count--;
        }
    }
    return own_input(nif, msg, now);
}

uint64_t arp_conflict_timers(struct netif *nif, uint64_t now)
{
    return u64_min(own_timers(nif, now), probe_timers(nif, now));
}
