/* SPDX-License-Identifier: ISC */
/* netfront_mcast.h - multicast control: which groups' frames the backend lets through.
 * netfront_mcast.c opens with how it works. */
#ifndef NETFRONT_MCAST_H
#define NETFRONT_MCAST_H

#include <morgana/xenstore.h>

struct netdev;
struct netfront;

#define NETFRONT_MCAST_MAX 64u /* as many as Linux's netback keeps */

struct netfront_group {
    uint8_t mac[6];
    bool wanted;  /* the program has joined */
    bool told;    /* what the backend was told last: add, or delete */
    bool flying;  /* its answer has not come */
    bool refused; /* it did not add it: told again after the next connect */
};

struct netfront_mcast {
    struct netfront_group group[NETFRONT_MCAST_MAX]; /* the first `count` */
    uint32_t count;
    bool offered, dynamic; /* feature-multicast-control, feature-dynamic-multicast-control */
    bool filtering;        /* request-multicast-control as it was last written */
    bool flood;            /* more groups than fit, or than the backend takes: all multicast */
    bool pending;          /* some group's wanted is not told, or `filtering` is not what it should
                              be: netfront_mcast_poll has work */
    uint64_t full;         /* joins that did not fit the list */
    uint64_t refused;      /* groups that the backend did not add */
};

/* netfront_xs.c, before the keys are written: what the backend offers. */
void netfront_mcast_begin(struct netfront *nf, bool offered, bool dynamic);
/* In the transaction of the keys: request-multicast-control. */
int netfront_mcast_publish(struct netfront *nf, xs_txn_t txn);
/* rx and arm, while the link is up: tells the backend of groups, as far as there is room. */
void netfront_mcast_poll(struct netfront *nf);
/* The transmit ring: the answer to netfront_tx_ring_mcast's request. `ok`: NETIF_RSP_OKAY. */
void netfront_mcast_answer(struct netfront *nf, uint16_t token, bool ok);
/* netdev_ops.multicast. */
int netfront_mcast(struct netdev *dev, const uint8_t mac[6], bool join);

#endif
