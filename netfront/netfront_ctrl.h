/* SPDX-License-Identifier: ISC */
/* netfront_ctrl.h - the control ring: what it keeps, and when netfront.c, netfront_xs.c and the
 * receive ring call it. netfront_ctrl.c opens with how it works. */
#ifndef NETFRONT_CTRL_H
#define NETFRONT_CTRL_H

#include <morgana/evtchn.h>
#include <morgana/page.h>
#include <morgana/xenstore.h>

#include "netfront_hash.h"
#include "xen/ring.h"

struct netfront;

#define NETFRONT_CTRL_TIMEOUT_NS (5 * NS_PER_S) /* for an answer */

struct netfront_ctrl {
    struct ring ring;
    struct page *ring_page; /* HELD, granted; NULL: there is no control ring */
    struct page *data;      /* key or table on its way, granted read-only; NULL: none */
    evtchn_port_t port;
    uint8_t step;         /* of the configuration: netfront_ctrl.c */
    bool waiting;         /* the step's request was sent, its answer has not come */
    bool may_hash;        /* hash info in received frames is no lie: it was asked for */
    bool steer;           /* it changed: it is to be sent, again if it was */
    uint16_t id;          /* of the request in flight, or of the next one */
    uint16_t type;        /* of the one in flight */
    uint32_t types;       /* XEN_NETIF_CTRL_HASH_TYPE_* asked for */
    uint32_t steered;     /* entries of the program's table (netfront_steer); 0: it has none */
    uint32_t map_max;     /* entries the backend's table may have, */
    uint32_t map_size;    /* ... and has */
    uint64_t deadline_ns; /* for the answer, by plat_now_ns */
    uint64_t refused, timeouts;
};

/* netfront_xs.c, with queue_count set: makes the ring where the backend offers one (`offered`:
 * feature-ctrl-ring) and there are queues to steer to. Where a page, a grant or a port is missing
 * there is none: no error. */
void netfront_ctrl_create(struct netfront *nf, bool offered);
/* In the transaction of the keys: ctrl-ring-ref and event-channel-ctrl, or removes old ones. */
int netfront_ctrl_publish(struct netfront *nf, xs_txn_t txn);
/* netfront_link_up: begins to configure the hash; asynchronous. */
void netfront_ctrl_start(struct netfront *nf);
/* rx, while the link is up: takes an answer, sends the next request. Cheap where nothing came. */
void netfront_ctrl_poll(struct netfront *nf);
/* arm: asks for an event and looks again. True: there is something to poll. */
bool netfront_ctrl_arm(struct netfront *nf);
/* With the queues: takes everything back; what the backend maps is quarantined. */
void netfront_ctrl_destroy(struct netfront *nf);

/* The backend hashes by our key and table now. */
bool netfront_ctrl_ready(const struct netfront *nf);
/* Judges hash info (XEN_NETIF_EXTRA_TYPE_HASH) of a received frame, of a private copy of the slot;
 * false: nobody asked for it, or it is nonsense. */
bool netfront_ctrl_hash_info(const struct netfront *nf, struct cs_ro extra);

#endif
