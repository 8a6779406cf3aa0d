/* SPDX-License-Identifier: ISC */
/* net.c - a program's network, from the command line. All memory is taken once, at the start. */
#include <morgana/args.h>
#include <morgana/log.h>
#include <morgana/platform.h>

#include "memory.h"
#include "net.h"

enum { ARP_ENTRIES = 256, FRAG_QUEUES = 8, FRAG_PAGES = 16 };
enum { PAGES_MIN = 320, PAGES_DEFAULT = 8192, PAGES_MAX = 1 << 20 };

#define LEAVE_NS (100 * NS_PER_MS)

static struct arp_entry arp[ARP_ENTRIES];
static struct ip4_frag_queue frags[FRAG_QUEUES];

int net_failed(const struct net *net, const char *what, int err)
{
    LOG_ERROR("%s: %s: %s", net->name, what, err_name(err));
    return err;
}

/* More packets than pages: TCP's headers share pages. */
static int start_pool(struct net *net, int argc, char **argv)
{
    const struct memory_pool_conf conf = {.name = net->name,
                                          .pages = net->pages_want != 0 ? net->pages_want
                                                                        : PAGES_DEFAULT,
                                          .min = PAGES_MIN,
                                          .max = PAGES_MAX,
                                          .less = 2,
                                          .pkts_a_page = 2};

    return memory_pool(&net->pages, &net->pool, &conf, argc, argv);
}

/* ---- the address ----------------------------------------------------------------------------- */

static bool is_word(const char *value, const char *word)
{
    return value != NULL && cs_equal_str(cs_of_str(value), word);
}

/* ip= or dhcp, whichever comes last; without either, DHCP. ip=dhcp is what Linux calls it. */
static int read_address(struct net *net, int argc, char **argv, struct net_address *a)
{
    const char *remembered = args_get(argc, argv, "dhcp");
    int ip = args_last(argc, argv, "ip"), dhcp = args_last(argc, argv, "dhcp");
    bool has_gw;

    net->release = args_last(argc, argv, "dhcp-release") != 0;
    net->by_dhcp = ip <= dhcp || is_word(args_get(argc, argv, "ip"), "dhcp");
    if (net->by_dhcp && remembered != NULL && *remembered != '\0' &&
        args_get_ip4(argc, argv, "dhcp", &a->addr) < 0)
        return -E_INVAL;
    if (!net->by_dhcp && args_get_ip4_prefix(argc, argv, "ip", &a->addr, &a->prefix_len) < 0)
        return -E_INVAL;
    has_gw = args_last(argc, argv, "gw") != 0;
    if (has_gw && args_get_ip4(argc, argv, "gw", &a->gateway) < 0)
        return -E_INVAL;
    if (has_gw && net->by_dhcp)
        LOG_WARN("%s: gw=: ignored: the routes come by DHCP", net->name);
    return 0;
}

static int ask_for_address(struct net *net, uint32_t remembered, uint64_t now)
{
    struct dhcp_client_udp_conf conf = {.nif = &net->nif, .remembered = remembered};
    int err = plat_entropy(cs_of(conf.key, sizeof(conf.key)));

    if (err == 0)
        err = dhcp_client_udp_open(&net->dhcp, &conf, now);
    return err == 0 ? 0 : net_failed(net, "cannot ask for an address by DHCP", err);
}

struct fmt_ip4 net_addr_text(const struct net *net)
{
    if (!net->by_dhcp)
        return fmt_ip4(net->nif.addrs[0].addr);
    return net_is_up(net) ? fmt_ip4(net->dhcp.client.lease.addr) : (struct fmt_ip4){"(DHCP)"};
}

/* ---- life ------------------------------------------------------------------------------------ */

int net_open(struct net *net, int argc, char **argv, uint64_t now_ns)
{
    uint32_t frag_pages = net->frag_pages != 0 ? net->frag_pages : FRAG_PAGES;
    struct netif_conf conf = {.pool = &net->pool,
                              .arp = arp,
                              .arp_max = ARP_ENTRIES,
                              .frags = frags,
                              .frags_max = FRAG_QUEUES,
                              .frag_bytes_max = frag_pages * PAGE_BYTES};
    struct net_address a = {.gateway = IP4_ANY};
    int err = read_address(net, argc, argv, &a);

    if (err != 0 || (err = start_pool(net, argc, argv)) != 0)
        return err;
    err = plat_netdev_open(0, &net->pool, &conf.dev);
    if (err != 0)
        return err; /* it said why */
    if ((err = plat_entropy(cs_of(conf.key, sizeof(conf.key)))) != 0 ||
        (err = netif_init(&net->nif, &conf, now_ns)) != 0)
        return net_failed(net, "cannot start the network", err);
    return net->by_dhcp ? ask_for_address(net, a.addr, now_ns)
                        : net_add_address(net->name, &net->nif, &a, now_ns);
}

/* With log=debug: every counter that is not zero. */
static void tell_counters(const struct net *net)
{
    const uint64_t *dev = (const uint64_t *)&net->nif.conf.dev->stats;

    for (unsigned i = 0; i < NETIF_STAT_COUNT; i++)
        if (netif_stat(&net->nif, i) != 0)
            LOG_DEBUG("netif: %s %llu", netif_stat_names[i],
                      (unsigned long long)netif_stat(&net->nif, i));
    for (unsigned i = 0; i < ARRAY_SIZE(netdev_stat_names); i++)
        if (dev[i] != 0)
            LOG_DEBUG("device: %s %llu", netdev_stat_names[i], (unsigned long long)dev[i]);
    for (unsigned i = 0; net->by_dhcp && i < DHCP_CLIENT_ANSWER_COUNT; i++)
        if (net->dhcp.client.stats.answers[i] != 0)
            LOG_DEBUG("dhcp: %s %llu", dhcp_client_answer_name((enum dhcp_client_answer)i),
                      (unsigned long long)net->dhcp.client.stats.answers[i]);
    for (unsigned i = 0; net->by_dhcp && i < DHCP_CLIENT_NOTE_COUNT; i++)
        if (net->dhcp.client.stats.notes[i] != 0)
            LOG_DEBUG("dhcp: %s %llu", dhcp_client_note_name((enum dhcp_client_note)i),
                      (unsigned long long)net->dhcp.client.stats.notes[i]);
}

/* The device is closed with what it has not sent: a last message gets time to leave. */
static void let_it_leave(struct net *net)
{
    uint64_t end = plat_now_ns() + LEAVE_NS, now;

    while ((now = plat_now_ns()) < end)
        if (!netif_poll(&net->nif, now, NET_BUDGET))
            plat_wait(end);
}

void net_close(struct net *net)
{
    bool had_lease = net->by_dhcp && net_is_up(net);

    tell_counters(net);
    if (net->by_dhcp)
        dhcp_client_udp_close(&net->dhcp, net->release, plat_now_ns());
    if (had_lease && net->release)
        let_it_leave(net);
    netif_fini(&net->nif);
    plat_netdev_close(net->nif.conf.dev);
}

void net_wait(struct net *net, uint64_t deadline)
{
    if (net->by_dhcp)
        deadline = u64_min(deadline, dhcp_client_udp_poll_at(&net->dhcp));
    if (!netif_arm(&net->nif))
        plat_wait(u64_min(deadline, netif_poll_at(&net->nif)));
}
