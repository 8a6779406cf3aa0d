/* SPDX-License-Identifier: ISC */
/* netdev.c - the program's network devices: every one is a vif. */
#include <morgana/platform.h>
#include <morgana/start.h>

unsigned plat_netdev_count(void)
{
    return start_vif_count();
}

int plat_netdev_open(unsigned index, struct pkt_pool *pool, struct netdev **dev)
{
    return start_vif_open(index, index, pool, dev);
}

void plat_netdev_close(struct netdev *dev)
{
    (void)start_vif_close(dev);
}
