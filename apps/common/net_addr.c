/* SPDX-License-Identifier: ISC */
/* net_addr.c - an interface's address and gateway as ip= and gw= said: an error is the operator's,
 * and names the key. */
#include <morgana/log.h>

#include "net.h"

int net_add_address(const char *name, struct netif *nif, const struct net_address *a, uint64_t now)
{
    int err = netif_addr_add(nif, a->addr, a->prefix_len, false, now);

    if (err != 0) {
        LOG_ERROR("%s: ip=%s/%u: no host can have this address: %s", name, fmt_ip4(a->addr).text,
                  a->prefix_len, err_name(err));
        return err;
    }
    err = a->gateway == IP4_ANY ? 0 : netif_route_add(nif, 0, 0, a->gateway);
    if (err != 0)
        LOG_ERROR("%s: gw=%s: no other host of this network: %s", name, fmt_ip4(a->gateway).text,
                  err_name(err));
    return err;
}
