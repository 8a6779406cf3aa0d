/* SPDX-License-Identifier: ISC */
/* net.h - what a program with a network starts with: pages, an interface with an address, all
 * sized by the command line; and TCP, where it wants that.
 *
 *     net_open, net_close            without TCP
 *     net_start, net_stop            with TCP
 *     while (...) {
 *         bool busy = net_poll(&net, now);
 *         ...
 *         if (!busy)
 *             net_wait(&net, deadline);
 *     }
 *
 * It is network device 0, and no other: one that is plugged in later is not taken in its place, and
 * one that is unplugged is the same again when it comes back, with its address and connections. A
 * program that serves every device opens each that plat_netdev_count() tells of.
 *
 * The address is ip='s, or comes by DHCP: then the program runs before it is there, and while it is
 * lost. */
#ifndef APPS_COMMON_NET_H
#define APPS_COMMON_NET_H

#include <morgana/args.h>
#include <morgana/dhcp_client_udp.h>
#include <morgana/tcp.h>

/* The keys, for a program's table of these: without TCP, and with. */
#define NET_LINK_KEYS                                                                              \
    {"ip", "ip=10.0.0.1/24", "device 0's address and prefix; without it, they come by DHCP"},      \
        {"gw", "gw=10.0.0.254", "the default route's gateway, with ip="},                          \
        {"dhcp", "dhcp[=10.0.0.9]", "asks for an address by DHCP; for this one first"},            \
        {"dhcp-release", "dhcp-release", "gives it back at the end"},                              \
    {                                                                                              \
        "pages", "pages=NUMBER", "pages of 4 KiB for packets and buffers"                          \
    }
#define NET_KEYS                                                                                   \
    NET_LINK_KEYS,                                                                                 \
    {                                                                                              \
        "conns", "conns=NUMBER", "most connections at once"                                        \
    }
#define NET_KEYS_END                                                                               \
    {                                                                                              \
        NULL, NULL, NULL                                                                           \
    }

#define NET_BUDGET 64u /* frames a turn */

struct net {
    const char *name; /* of the program: begins what is said */
    /* The program's, before it starts; 0: as below. */
    uint32_t conns;      /* most connections, until net_start has read conns=; not 0 */
    uint32_t pages_want; /* pages, where pages= does not say; 8192 */
    uint32_t frag_pages; /* that datagrams in reassembly hold; 16 */

    bool by_dhcp, release;
    struct page_pool pages;
    struct pkt_pool pool;
    struct netif nif;
    struct dhcp_client_udp dhcp;
    struct tcp tcp;
};

/* The interface, with its address or asking for one; the program has filled in `name`. Keeps `net`
 * until net_close; Lends argv. 0, or a negative E_ code, and what is wrong is said in a line: then
 * the program ends, nothing is to be closed. */
int net_open(struct net *net, int argc, char **argv, uint64_t now_ns);
/* Ends it: `net` is the caller's again, but memory taken for it stays taken. With log=debug, says
 * every counter. Waits 100 ms at most, where a lease is given back. */
void net_close(struct net *net);
/* The same with TCP; the program has filled in `conns` too. Keeps `net` until net_stop, which says
 * what TCP did. Connections are closed by the program before. */
int net_start(struct net *net, int argc, char **argv, uint64_t now_ns);
void net_stop(struct net *net);

/* Has it an address that serves? */
static inline bool net_is_up(const struct net *net)
{
    return !net->by_dhcp || dhcp_client_udp_has_lease(&net->dhcp);
}
/* Its address for a line: "10.0.0.1", or "(DHCP)" while there is none. */
struct fmt_ip4 net_addr_text(const struct net *net);

/* One turn of the loop: moves frames and timers, keeps the lease. True: something happened, go
 * on. */
static inline bool net_poll(struct net *net, uint64_t now_ns)
{
    bool busy = netif_poll(&net->nif, now_ns, NET_BUDGET);

    if (net->by_dhcp)
        dhcp_client_udp_poll(&net->dhcp, now_ns);
    return busy;
}

/* Sleeps where there is nothing to do, until then or until something comes. */
void net_wait(struct net *net, uint64_t deadline_ns);

struct net_address {
    uint32_t addr; /* by DHCP: the one that it had before, or 0 */
    uint32_t gateway;
    uint8_t prefix_len;
};
/* What ip= and gw= said (gateway IP4_ANY: nothing); for programs that have an interface of their
 * own, too. 0, or a negative E_ code: said in a line that begins with `name`, and names the key. */
int net_add_address(const char *name, struct netif *nif, const struct net_address *address,
                    uint64_t now_ns);

/* Between the files of this folder: a line for what failed, whose error it returns. */
int net_failed(const struct net *net, const char *what, int err);

#endif
