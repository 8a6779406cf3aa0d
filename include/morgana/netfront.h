/* SPDX-License-Identifier: ISC */
/* netfront.h - Xen's paravirtual network frontend (public/io/netif.h) as a netdev.
 *
 * The caller owns the storage (struct netfront is large: rings' private tables). Opening writes our half of the handshake and
 * waits for the backend, within a deadline; afterwards state changes of the backend are followed inside rx and arm. A backend that breaks the
 * protocol is closed: link down, counted, logged once; the program goes on.
 */
#ifndef MORGANA_NETFRONT_H
#define MORGANA_NETFRONT_H

#include <morgana/evtchn.h>
#include <morgana/gnttab.h>
#include <morgana/netdev.h>
#include <morgana/xenstore.h>

#define NETFRONT_RING_SLOTS 256u

struct netfront_conf {
    struct evtchn *ev;     /* Kept, all of them */
    struct gnttab *gt;
    struct xs *xs;
    struct pkt_pool *pool; /* receive pages come from here */
    unsigned index;        /* device/vif/<index> */
    void *rings;           /* 2 pages, page-aligned: tx and rx shared rings */
    uint32_t rx_slots;     /* pages to keep posted: 18..NETFRONT_RING_SLOTS; 0: NETFRONT_RING_SLOTS */
    const uint8_t *mac;    /* overrides the backend's; NULL: the one in xenstore */
    uint64_t timeout_ns;   /* for the backend to connect; 0: 10 s */
};

struct netfront; /* netfront_priv.h; size for static storage below */
#define NETFRONT_BYTES 16384u

/* Opens device/vif/<index> in `storage` (NETFRONT_BYTES, 16-byte aligned; Kept) and Gives the device. Errors as plat_netdev_open. */
int netfront_open(void *storage, const struct netfront_conf *conf, struct netdev **dev);
/* Closing, waits (bounded) for the backend, Closed; ends grants; pages the backend keeps are quarantined. */
void netfront_close(struct netdev *dev);

#endif
