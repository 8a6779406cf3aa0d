/* SPDX-License-Identifier: ISC */
/* net.c - a program's network, from the command line. All memory is taken once, at the start. */
#include <stdlib.h>

#include <morgana/args.h>
#include <morgana/log.h>
#include <morgana/platform.h>

#include "net.h"

enum { ARP_ENTRIES = 256, FRAG_QUEUES = 4 };
enum { PAGES_MIN = 320, PAGES_DEFAULT = 8192, PAGES_MAX = 1 << 20, CONNS_MAX = 1 << 20 };

static struct arp_entry arp[ARP_ENTRIES];
static struct ip4_frag_queue frags[FRAG_QUEUES];

static int failed(const struct net *net, const char *what, int err)
{
    LOG_ERROR("%s: %s: %s", net->name, what, err_name(err));
    return err;
}

static void *take(size_t bytes, size_t align)
{
    uint8_t *at = bytes <= SIZE_MAX - align ? malloc(bytes + align - 1) : NULL;

    return at != NULL ? at + (align - (uintptr_t)at % align) % align : NULL;
}

/* Where memory is short there are fewer pages, unless pages= says how many there must be. */
static int start_pool(struct net *net, int argc, char **argv)
{
    uint32_t n = PAGES_DEFAULT;
    int asked = args_get_u32(argc, argv, "pages", PAGES_MIN, PAGES_MAX, &n);
    struct page *headers;
    struct pkt *pkts;
    uint8_t *memory;

    if (asked < 0)
        return -E_INVAL;
    /* More packets than pages: TCP's headers share pages. */
    while ((memory = take((size_t)n * (PAGE_BYTES + sizeof(*headers) + 2 * sizeof(*pkts)),
                          PAGE_BYTES)) == NULL) {
        if (asked > 0 || n / 2 < PAGES_MIN) {
            LOG_ERROR("%s: not enough memory for pages=%u", net->name, n);
            return -E_NOMEM;
        }
        n /= 2;
    }
    headers = (struct page *)(memory + (size_t)n * PAGE_BYTES);
    pkts = (struct pkt *)(headers + n);
    page_pool_init(&net->pages, headers, memory, n);
    pkt_pool_init(&net->pool, pkts, 2 * n, &net->pages);
    return 0;
}

static int start_netif(struct net *net, int argc, char **argv, uint64_t now)
{
    struct netif_conf conf = {.pool = &net->pool,
                              .arp = arp,
                              .arp_max = ARP_ENTRIES,
                              .frags = frags,
                              .frags_max = FRAG_QUEUES,
                              .frag_bytes_max = 16 * PAGE_BYTES};
    uint32_t addr = IP4_ADDR(10, 0, 0, 1), gateway = IP4_ANY;
    uint8_t prefix_len = 24;
    int err;

    if (args_get_ip4_prefix(argc, argv, "ip", &addr, &prefix_len) < 0 ||
        args_get_ip4(argc, argv, "gw", &gateway) < 0)
        return -E_INVAL;
    err = plat_netdev_open(0, &net->pool, &conf.dev);
    if (err != 0)
        return err; /* it said why */
    if ((err = plat_entropy(cs_of(conf.key, sizeof(conf.key)))) != 0 ||
        (err = netif_init(&net->nif, &conf, now)) != 0)
        return failed(net, "cannot start the network", err);
    err = netif_addr_add(&net->nif, addr, prefix_len, false, now);
    if (err != 0) {
        LOG_ERROR("%s: ip=%s/%u: no host can have this address: %s", net->name, fmt_ip4(addr).text,
                  prefix_len, err_name(err));
        return err;
    }
    err = gateway == IP4_ANY ? 0 : netif_route_add(&net->nif, 0, 0, gateway);
    if (err != 0)
        LOG_ERROR("%s: gw=%s: no other host of this network: %s", net->name, fmt_ip4(gateway).text,
                  err_name(err));
    return err;
}

/* The device's ring keeps up to 256 pages, or half of a small pool; some are on their way. */
static uint32_t pages_for_tcp(uint32_t total)
{
    return total - u32_min(256, total / 2) - total / 8;
}

static int start_tcp(struct net *net, uint64_t now)
{
    struct tcp_conf conf = {.nif = &net->nif,
                            .conns_max = net->conns,
                            .pages_max = pages_for_tcp(net->pages.total),
                            .tuning = tcp_tuning_default};
    int err = plat_entropy(cs_of(conf.key, sizeof(conf.key)));

    conf.memory_bytes = tcp_memory_bytes(&conf);
    conf.memory = take(conf.memory_bytes, 64);
    if (conf.memory == NULL)
        return failed(net, "not enough memory for conns=", -E_NOMEM);
    if (err == 0)
        err = tcp_init(&net->tcp, &conf, now);
    return err == 0 ? 0 : failed(net, "cannot start TCP", err);
}

int net_start(struct net *net, int argc, char **argv, uint64_t now)
{
    int err = args_get_u32(argc, argv, "conns", 1, CONNS_MAX, &net->conns);

    if (err < 0 || (err = start_pool(net, argc, argv)) != 0 ||
        (err = start_netif(net, argc, argv, now)) != 0)
        return err;
    return start_tcp(net, now);
}

/* With log=debug: every counter that is not zero. */
static void tell_counters(const struct net *net)
{
    const uint64_t *dev = (const uint64_t *)&net->nif.conf.dev->stats;

    for (unsigned i = 0; i < TCP_STAT_COUNT; i++)
        if (tcp_stat(&net->tcp, i) != 0)
            LOG_DEBUG("tcp: %s %llu", tcp_stat_names[i],
                      (unsigned long long)tcp_stat(&net->tcp, i));
    for (unsigned i = 0; i < NETIF_STAT_COUNT; i++)
        if (netif_stat(&net->nif, i) != 0)
            LOG_DEBUG("netif: %s %llu", netif_stat_names[i],
                      (unsigned long long)netif_stat(&net->nif, i));
    for (unsigned i = 0; i < ARRAY_SIZE(netdev_stat_names); i++)
        if (dev[i] != 0)
            LOG_DEBUG("device: %s %llu", netdev_stat_names[i], (unsigned long long)dev[i]);
}

void net_stop(struct net *net)
{
    const struct tcp_stats *s = &net->tcp.stats;

    LOG_INFO("%s: tcp: %llu segments in, %llu out, %llu retransmitted, %llu bytes copied",
             net->name, (unsigned long long)s->segs_in, (unsigned long long)s->segs_out,
             (unsigned long long)s->retransmits, (unsigned long long)s->copied_bytes);
    tell_counters(net);
    tcp_fini(&net->tcp);
    netif_fini(&net->nif);
    plat_netdev_close(net->nif.conf.dev);
}

void net_wait(struct net *net, uint64_t deadline)
{
    if (!netif_arm(&net->nif))
        plat_wait(u64_min(deadline, netif_poll_at(&net->nif)));
}
