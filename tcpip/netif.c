/* SPDX-License-Identifier: ISC */
/* netif.c - an interface's life: addresses, the loop, frames to and from the device. */
#include <morgana/log.h>

#include "tcpip/siphash.h"
#include "tcpip/tcpip_priv.h"

#define NETIF_STAT_NAME(name) #name,
const char *const netif_stat_names[NETIF_STAT_COUNT] = {NETIF_DROPS(NETIF_STAT_NAME)
                                                            NETIF_EVENTS(NETIF_STAT_NAME)};
#define NETIF_STAT_ONE(name) +1u
const unsigned netif_drop_count = 0u NETIF_DROPS(NETIF_STAT_ONE);
STATIC_ASSERT(NETIF_STAT_COUNT == (0u NETIF_DROPS(NETIF_STAT_ONE) NETIF_EVENTS(NETIF_STAT_ONE)),
              "one name for each counter");

enum { NETIF_RX_BATCH = 32, NETIF_LOOP_MAX = 64 };

uint64_t netif_stat(const struct netif *nif, unsigned i)
{
    uint64_t value;

    ASSERT(i < NETIF_STAT_COUNT);
    memcpy(&value, (const char *)&nif->stats + i * sizeof(value), sizeof(value));
    return value;
}

uint64_t netif_random(struct netif *nif)
{
    uint64_t words[2] = {nif->random_count++, 0x72616e646f6d};

    return siphash_words(nif->conf.key, words, 2);
}

/* ---- life ----------------------------------------------------------------------------------- */

static int bad_conf(const char *field, const char *why)
{
    LOG_ERROR("netif: %s: %s", field, why);
    return -E_INVAL;
}

static int check_conf(const struct netif_conf *conf)
{
    if (conf->dev == NULL)
        return bad_conf("dev", "missing");
    if (conf->dev->caps.mtu_bytes < IP4_MTU_MIN)
        return bad_conf("dev", "its MTU is below 68 bytes");
    if (conf->pool == NULL)
        return bad_conf("pool", "missing");
    if (conf->arp == NULL || conf->arp_max < 4 || conf->arp_max > 65536)
        return bad_conf("arp_max", "must be 4..65536, with storage");
    if (conf->frags_max > 256 || (conf->frags_max != 0 && conf->frags == NULL))
        return bad_conf("frags_max", "must be 0..256, with storage");
    if (conf->frag_bytes_max > 16u << 20)
        return bad_conf("frag_bytes_max", "must be at most 16 MiB");
    return 0;
}

int netif_init(struct netif *nif, const struct netif_conf *conf, uint64_t now_ns)
{
    int err = check_conf(conf);

    if (err != 0)
        return err;
    memset(nif, 0, sizeof(*nif));
    nif->conf = *conf;
    nif->mac = eth_mac_of_bytes(conf->dev->mac);
    nif->timer_at = NS_NEVER;
    nif->mtu_limit = UINT16_MAX;
    nif->icmp_tokens_at = now_ns;
    nif->link_was_up = conf->dev->link_up;
    arp_init(nif);
    ip4_frag_init(nif);
    igmp_init(nif);
    return 0;
}

void netif_fini(struct netif *nif)
{
    ASSERT(nif->udp_count == 0 && nif->tcp_ops == NULL);
    igmp_fini(nif);
    arp_fini(nif);
    ip4_frag_fini(nif);
    pkt_queue_clear(&nif->tx_wait);
    pkt_queue_clear(&nif->loop);
}

/* ---- addresses ------------------------------------------------------------------------------ */

/* Which of our addresses it is; addr_count: none. */
static uint32_t find_addr(const struct netif *nif, uint32_t addr)
{
    uint32_t i = 0;

    while (i < nif->addr_count && nif->addrs[i].addr != addr)
        i++;
    return i;
}

/* Is it one host's address in its prefix? RFC 3021 allows both ends of a /31. */
static bool is_host(uint32_t addr, uint8_t prefix_len)
{
    uint32_t host;

    if (prefix_len == 0 || prefix_len > 32 || !ip4_is_unicast(addr))
        return false;
    host = addr & ~ip4_mask(prefix_len);
    return prefix_len >= 31 || (host != 0 && host != ~ip4_mask(prefix_len));
}

static int add_addr(struct netif *nif, uint32_t addr, uint8_t prefix_len, bool probe,
                    uint64_t probe_ns, uint64_t now_ns)
{
    struct netif_addr *slot;

    if (!is_host(addr, prefix_len))
        return -E_INVAL;
    if (find_addr(nif, addr) < nif->addr_count)
        return -E_EXIST;
    if (nif->addr_count == NETIF_ADDRS_MAX)
        return -E_NOSPC;
    slot = &nif->addrs[nif->addr_count++];
    *slot = (struct netif_addr){.addr = addr,
                                .mask = ip4_mask(prefix_len),
                                .prefix_len = prefix_len,
                                .state = probe ? NETIF_ADDR_PROBING : NETIF_ADDR_READY,
                                .probed = probe,
                                .probe_ns = probe_ns};
    arp_conflict_start(nif, slot, now_ns);
    route_refresh(nif);
    return 0;
}

int netif_addr_add(struct netif *nif, uint32_t addr, uint8_t prefix_len, bool probe,
                   uint64_t now_ns)
{
    return add_addr(nif, addr, prefix_len, probe, 0, now_ns);
}

int netif_addr_add_probed(struct netif *nif, uint32_t addr, uint8_t prefix_len, uint64_t wait_ns,
                          uint64_t now_ns)
{
    if (wait_ns < NS_PER_MS || wait_ns > 10 * NS_PER_S)
        return -E_INVAL;
    return add_addr(nif, addr, prefix_len, true, wait_ns, now_ns);
}

int netif_addr_prefix(struct netif *nif, uint32_t addr, uint8_t prefix_len)
{
    uint32_t i = find_addr(nif, addr);

    if (i == nif->addr_count)
        return -E_ADDRNOTAVAIL;
    if (!is_host(addr, prefix_len))
        return -E_INVAL;
    nif->addrs[i].mask = ip4_mask(prefix_len);
    nif->addrs[i].prefix_len = prefix_len;
    route_refresh(nif);
    return 0;
}

int netif_addr_remove(struct netif *nif, uint32_t addr)
{
    uint32_t i = find_addr(nif, addr);

    if (i == nif->addr_count)
        return -E_ADDRNOTAVAIL;
    nif->addrs[i] = nif->addrs[--nif->addr_count];
    route_refresh(nif);
    return 0;
}

enum netif_addr_state netif_addr_state(const struct netif *nif, uint32_t addr)
{
    uint32_t i = find_addr(nif, addr);

    return i < nif->addr_count ? (enum netif_addr_state)nif->addrs[i].state : NETIF_ADDR_NONE;
}

int netif_mtu_limit(struct netif *nif, uint16_t mtu_bytes)
{
    if (mtu_bytes != 0 && mtu_bytes < 576)
        return -E_INVAL;
    nif->mtu_limit = mtu_bytes == 0 ? UINT16_MAX : mtu_bytes;
    return 0;
}

/* ---- frames --------------------------------------------------------------------------------- */

int netif_tx(struct netif *nif, struct pkt *pkt)
{
    int err = netdev_tx(nif->conf.dev, pkt);

    nif->stats.tx_frames += err == 0;
    return err;
}

void netif_tx_or_drop(struct netif *nif, struct pkt *pkt)
{
    if (netif_tx(nif, pkt) != 0)
        netif_drop(pkt, &nif->stats.tx_refused);
}

void netif_input(struct netif *nif, struct pkt *pkt, uint64_t now_ns)
{
    struct eth_hdr eth;
    struct cs_ro front;

    nif->stats.rx_frames++;
    if (UNLIKELY(!pkt_pull_up(pkt, eth_SIZE, &front) || !eth_parse(&eth, front))) {
        netif_drop(pkt, pkt->len < eth_SIZE ? &nif->stats.eth_short : &nif->stats.no_memory);
        return;
    }
    /* Our filter, not the device's: a bridge floods, and a backend may pass anything. */
    if (UNLIKELY(eth.dst != nif->mac && !eth_mac_is_group(eth.dst)))
        netif_drop(pkt, &nif->stats.eth_not_ours);
    else if (LIKELY(eth.type == ETH_TYPE_IP4))
        ip4_input(nif, pkt, eth_mac_is_group(eth.dst), false, now_ns);
    else if (eth.type == ETH_TYPE_ARP)
        arp_input(nif, pkt, now_ns);
    else
        netif_drop(pkt, &nif->stats.eth_type);
}

/* ---- the loop ------------------------------------------------------------------------------- */

static void run_timers(struct netif *nif, uint64_t now)
{
    uint64_t at;

    /* What runs may set earlier timers: they find timer_at free of old deadlines. */
    nif->timer_at = NS_NEVER;
    at = arp_timers(nif, now);
    at = u64_min(at, arp_conflict_timers(nif, now));
    at = u64_min(at, ip4_frag_timers(nif, now));
    at = u64_min(at, igmp_timers(nif, now));
    netif_timer(nif, at);
}

/* A link that comes up may be another network: ask again, or say again who we are (RFC 5227
 * section 2.1). */
static void watch_link(struct netif *nif, uint64_t now)
{
    bool up = nif->conf.dev->link_up;

    if (up && !nif->link_was_up)
        for (uint32_t i = 0; i < nif->addr_count; i++)
            arp_conflict_start(nif, &nif->addrs[i], now);
    nif->link_was_up = up;
}

static unsigned poll_loop(struct netif *nif, uint64_t now, unsigned budget)
{
    unsigned done = 0;
    struct pkt *pkt;

    while (done < budget && (pkt = pkt_queue_pop(&nif->loop)) != NULL) {
        ip4_input(nif, pkt, false, true, now);
        done++;
    }
    return done;
}

static unsigned poll_device(struct netif *nif, uint64_t now, unsigned budget)
{
    struct pkt *pkts[NETIF_RX_BATCH];
    unsigned done = 0;

    while (done < budget) {
        unsigned want = budget - done < NETIF_RX_BATCH ? budget - done : NETIF_RX_BATCH;
        unsigned got = netdev_rx(nif->conf.dev, pkts, want);

        for (unsigned i = 0; i < got; i++)
            netif_input(nif, pkts[i], now);
        done += got;
        if (got < want)
            break;
    }
    return done;
}

/* Is there work that waits neither for the device nor for a time? */
static bool has_work(const struct netif *nif)
{
    return nif->loop.count != 0 || (nif->tcp_ops != NULL && nif->tcp_ops->pending(nif));
}

bool netif_poll(struct netif *nif, uint64_t now_ns, unsigned budget)
{
    unsigned done;

    watch_link(nif, now_ns);
    ip4_tx_wait(nif);
    done = poll_loop(nif, now_ns, budget);
    done += poll_device(nif, now_ns, budget - done);
    if (now_ns >= nif->timer_at)
        run_timers(nif, now_ns);
    if (nif->tcp_ops != NULL)
        nif->tcp_ops->poll(nif, now_ns);
    netdev_tx_flush(nif->conf.dev);
    return done == budget || has_work(nif);
}

uint64_t netif_poll_at(const struct netif *nif)
{
    if (nif->tcp_ops == NULL)
        return nif->timer_at;
    return u64_min(nif->timer_at, nif->tcp_ops->poll_at(nif));
}

bool netif_arm(struct netif *nif)
{
    return netdev_arm(nif->conf.dev) || has_work(nif);
}
