/* SPDX-License-Identifier: ISC */
/* quietdev.h - a device from which nothing comes: fuzz targets and benchmarks put their frames into
 * the stack themselves, and look at what leaves. */
#ifndef TESTS_QUIETDEV_H
#define TESTS_QUIETDEV_H

#include <morgana/netdev.h>

static inline void quietdev_tx_flush(struct netdev *dev)
{
    (void)dev;
}

static inline unsigned quietdev_rx(struct netdev *dev, struct pkt **got, unsigned n)
{
    (void)dev;
    (void)got;
    (void)n;
    return 0;
}

static inline bool quietdev_arm(struct netdev *dev)
{
    (void)dev;
    return false;
}

/* Of a struct netdev_ops: frames that leave go to `transmit`. */
#define QUIETDEV_OPS(transmit)                                                                     \
    {                                                                                              \
        .name = "quiet", .tx = (transmit), .tx_flush = quietdev_tx_flush, .rx = quietdev_rx,       \
        .arm = quietdev_arm                                                                        \
    }

#endif
