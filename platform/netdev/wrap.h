/* SPDX-License-Identifier: ISC */
/* wrap.h - what every device that stands before another does: look like it. */
#ifndef PLATFORM_NETDEV_WRAP_H
#define PLATFORM_NETDEV_WRAP_H

#include <morgana/netdev.h>

/* What may change behind our back. */
static inline void wrap_follow(struct netdev *dev, const struct netdev *inner)
{
    dev->stats = inner->stats;
    dev->caps = inner->caps;
    dev->link_up = inner->link_up;
}

static inline void wrap_init(struct netdev *dev, const struct netdev *inner,
                             const struct netdev_ops *ops)
{
    *dev = *inner;
    dev->ops = ops;
}

static inline int wrap_multicast(struct netdev *inner, const uint8_t mac[6], bool join)
{
    return inner->ops->multicast == NULL ? 0 : inner->ops->multicast(inner, mac, join);
}

#endif
