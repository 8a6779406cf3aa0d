/* SPDX-License-Identifier: ISC */
/* netfront_mcast.h - multicast control: which groups' frames the backend lets through.
 * netfront_mcast.c opens with how it works. */
#ifndef NETFRONT_MCAST_H
#define NETFRONT_MCAST_H

#include <morgana/xenstore.h>

struct netdev;
struct netfront;

#define NETFRONT_MCAST_MAX 64u /* as many as Linux's netback keeps */

/* A place in the list; free where nothing of it is set. */
struct netfront_group {
    uint8_t mac[6];
    bool wanted;  /* the program has joined */
    bool told;    /* what the backend heard last: add (true), or delete, or nothing */
    bool flying;  /* its answer has not come */
    bool refused; /* it did not add it: not asked again in this connection */
};

struct netfront_mcast {
    struct netfront_group group[NETFRONT_MCAST_MAX];
    bool offered, dynamic; /* feature-multicast-control, feature-dynamic-multicast-control */
    bool filtering;        /* request-multicast-control, as it was written */
    bool flood;            /* all multicast is to come: more groups than someone's list holds */
    bool pending;          /* netfront_mcast_poll has work */
};

/* netfront_xs.c, before the keys are written: what the backend offers. Its list is empty. */
void netfront_mcast_begin(struct netfront *nf, bool offered, bool dynamic);
/* In the transaction of the keys: request-multicast-control. */
int netfront_mcast_publish(struct netfront *nf, xs_txn_t txn);
/* rx and arm, while the link is up: tells the backend of groups, as far as there is room. May wait
 * for xenstore once, where the filter is to be switched off. Cheap where nothing is to be told. */
void netfront_mcast_poll(struct netfront *nf);
/* The transmit ring: the answer to netfront_tx_ring_mcast's request; `ok`: NETIF_RSP_OKAY. */
void netfront_mcast_answer(struct netfront *nf, uint16_t token, bool ok);
/* netdev_ops.multicast. 0; -E_INVAL: not a group's address; -E_NOSPC: the list is full and the
 * filter cannot be switched off. */
int netfront_mcast(struct netdev *dev, const uint8_t mac[6], bool join);

#endif
