/* SPDX-License-Identifier: ISC */
/* net.h - what a program with TCP starts with: pages, an interface, a stack, all sized by the
 * command line.
 *
 *     ip=10.0.0.1/24  gw=ADDRESS     the interface's address, the default route
 *     pages=N                        pages of 4 KiB for packets and buffers
 *     conns=N                        most connections at once
 */
#ifndef APPS_COMMON_NET_H
#define APPS_COMMON_NET_H

#include <morgana/tcp.h>

/* The keys above, for args_check. */
#define NET_KEYS "pages", "conns"

#define NET_BUDGET 64u /* frames a turn */

struct net {
    const char *name; /* of the program: begins what is said */
    uint32_t conns;   /* most connections; the default, until net_start has read conns= */
    struct page_pool pages;
    struct pkt_pool pool;
    struct netif nif;
    struct tcp tcp;
};

/* Starts all of it; the program has filled in `name` and `conns`. What is wrong is said. */
int net_start(struct net *net, int argc, char **argv, uint64_t now_ns);
/* Ends it all; memory stays. Says what TCP did; with log=debug, every counter. */
void net_stop(struct net *net);

/* One turn of the loop: moves frames and timers. True: something happened, go on. */
static inline bool net_poll(struct net *net, uint64_t now_ns)
{
    return netif_poll(&net->nif, now_ns, NET_BUDGET);
}

/* Sleeps where there is nothing to do, until then or until something comes. */
void net_wait(struct net *net, uint64_t deadline_ns);

#endif
