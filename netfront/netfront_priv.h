/* SPDX-License-Identifier: ISC */
/* netfront_priv.h - the frontend's insides. netfront.c opens with how they work together.
 *
 * Receive and transmit have the same verbs where nothing else is said: transmit's events may wait
 * for one another, and its pages may outlast the ring.
 *     create   makes the ring, in a page of the pool
 *     fill     puts requests into it: pages to receive into; a frame to send
 *     push     receive: shows them to the backend, and sends the event that it wants for them
 *     show     transmit: shows them, no more
 *     tell     transmit: sends the event that the backend wants for these, or puts it off
 *     drain    takes responses: frames received; pages no longer read
 *     arm      asks for a wake-up and looks again
 *     destroy  takes everything back from the backend; transmit: what it lets go
 *     abandon  transmit: the same for good: what the backend keeps is quarantined
 */
#ifndef NETFRONT_PRIV_H
#define NETFRONT_PRIV_H

#include <morgana/gnttab.h>
#include <morgana/netfront.h>

#include "netfront_ctrl.h"
#include "netfront_hash.h"
#include "netfront_mcast.h"
#include "netfront_wire.h"
#include "xen/ring.h"
#include "xen/xenbus_front.h"

#define NETFRONT_ETH_BYTES 14u     /* Ethernet header */
#define NETFRONT_HEADERS_MAX 134u  /* Ethernet 14 + IPv4 60 + TCP 60 */
#define NETFRONT_MTU_DEFAULT 1500u /* io/netif.h: where there is no key */
#define NETFRONT_MTU_MIN 68u       /* RFC 791 section 3.2 */
#define NETFRONT_MTU_MAX (XEN_NETIF_MAX_TX_SIZE - NETFRONT_ETH_BYTES)
#define NETFRONT_GSO_SIZE_MIN 8u /* an MSS of 48 (Linux's least) less 40 of TCP options */
#define NETFRONT_RX_BATCH 32u    /* pages that must be missing before the receive ring is filled */
#define NETFRONT_TX_BATCH 32u    /* slots sent for an event, where several queues share the load */
/* Linux's netback keeps half a ring of pages for a queue (XENVIF_RX_QUEUE_BYTES). */
#define NETFRONT_BACKEND_QUEUE (NETFRONT_RING_SLOTS / 2 * PAGE_BYTES)
#define NETFRONT_EXTRAS_MAX 4u /* slots of extra info a frame: one of each type */
/* Slots of the longest frame that a backend may want to give: it waits until as many are posted. */
#define NETFRONT_LONGEST_CHAIN (PKT_FRAGS_MAX + NETFRONT_EXTRAS_MAX)
#define NETFRONT_TCP_CSUM_OFF 16u /* RFC 9293 section 3.1: of the checksum in TCP's header */
#define NETFRONT_TX_NO_ID UINT16_MAX

/* How a backend can break the protocol, each with what the log says. */
#define NETFRONT_VIOLATIONS(V)                                                                     \
    V(TX_RSP_PROD, "more transmit responses than requests")                                        \
    V(TX_ID, "a transmit response's id is not in flight")                                          \
    V(TX_STATUS, "a transmit response's status has no meaning here")                               \
    V(TX_MAPPED, "a transmitted page is still mapped after its response")                          \
    V(RX_RSP_PROD, "more receive responses than requests")                                         \
    V(RX_ID, "a receive response's id is not its slot's")                                          \
    V(RX_RANGE, "received data reach past the page")                                               \
    V(RX_CHAIN, "a received frame has too many slots")                                             \
    V(RX_EXTRA, "extra info or a GSO prefix that was not negotiated, or out of place")             \
    V(RX_GSO, "a super-segment of no size")                                                        \
    V(RX_MAPPED, "a received page is still mapped after its response")                             \
    V(CTRL_RSP_PROD, "more control responses than requests")                                       \
    V(CTRL_ID, "a control response's id or type is not that of the request")                       \
    V(CTRL_STATUS, "a control response's status is none")                                          \
    V(CTRL_MAPPED, "a page of the control ring's is still mapped after its response")              \
    V(KEPT, "pages of earlier connections are still mapped")                                       \
    V(STATE, "its XenbusState is none")

#define NETFRONT_KEPT_MAX NETFRONT_RING_SLOTS /* pages that former backends may keep mapped */

/* A slot holds a request or its response: as wide as the wider of the two. */
#define NETFRONT_TX_SLOT_BYTES 12u
#define NETFRONT_RX_SLOT_BYTES 8u
STATIC_ASSERT(NETFRONT_TX_SLOT_BYTES == sizeof(union netif_tx_sring_entry), "io/netif.h");
STATIC_ASSERT(NETFRONT_RX_SLOT_BYTES == sizeof(union netif_rx_sring_entry), "io/netif.h");
STATIC_ASSERT(RING_SLOTS_AT == offsetof(struct netif_tx_sring, ring), "io/ring.h");
STATIC_ASSERT(__CONST_RING_SIZE(netif_tx, PAGE_BYTES) == NETFRONT_RING_SLOTS, "TX slots in a page");
STATIC_ASSERT(__CONST_RING_SIZE(netif_rx, PAGE_BYTES) == NETFRONT_RING_SLOTS, "RX slots in a page");

#define NETFRONT_VIOLATION_CONST(name, text) NETFRONT_##name,
enum netfront_violation {
    NETFRONT_NO_VIOLATION,
    NETFRONT_VIOLATIONS(NETFRONT_VIOLATION_CONST) NETFRONT_VIOLATION_COUNT
};

/* ---- one direction, one queue, the device ---------------------------------------------------- */

/* A request on its way, found by its id. */
struct netfront_tx_slot {
    struct page *page;  /* ours until the response, with one reference; NULL: the id is free, */
    gref_t gref;        /* read-only; ended by the response, but where it is `kept` */
    uint16_t next_free; /* the id is free: the next free one; `mcast`: its token */
    bool mcast;         /* ... unless its request had no data, but a multicast group's address */
    bool kept;          /* the grant is the page's, and outlasts the request */
};

struct netfront_tx {
    struct ring ring;
    struct page *ring_page; /* HELD, granted under its gref; NULL: there is no ring */
    uint32_t wanted; /* free ids before a refused frame is tried again; 0: none was refused */
    /* Slots there is room for: free ids, less slots of extra info, which have none. Ids are as many
     * as the ring has slots, less what an old backend keeps. */
    uint32_t free_count;
    uint32_t extras; /* slots of extra info that were not answered */
    uint32_t hold;   /* calls of rx or tx_flush that the next event may be put off for */
    uint16_t free_head;
    struct netfront_tx_slot slot[NETFRONT_RING_SLOTS];
};

struct netfront_rx {
    struct ring ring;
    struct page *ring_page;
    struct pkt *partial;    /* a frame whose last slot has not come */
    uint32_t partial_slots; /* how many have; 0: none begun */
    uint32_t extras_seen;   /* types of extra info that it had, a bit each */
    uint16_t partial_rxf;   /* flags of its first slot */
    uint16_t partial_gso;   /* gso_size of it */
    bool partial_bad;       /* it will be dropped: counted already */
    bool more_data;         /* it goes on, after extra info if that comes first */
    bool extra_next;        /* the next slot is extra info */
    /* By index in the ring. io/netif.h: a response lies in the slot of its request, so the index is
     * the id. */
    struct page *page[NETFRONT_RING_SLOTS];
};

struct netfront_queue {
    struct netfront *nf;
    evtchn_port_t tx_port, rx_port; /* the same one where they are not split; 0: none */
    struct netfront_queue_stats stats;
    struct netfront_tx tx;
    struct netfront_rx rx;
};

struct netfront {
    struct netdev dev;
    struct netfront_conf conf;

    /* The connection: netfront.c and netfront_xs.c. */
    struct xenbus_front front;
    bool untrusted;          /* `trusted` = 0: a page is zeroed before the backend may see it */
    bool split;              /* an event channel for each direction */
    bool keep_grants;        /* netfront_grant.c */
    uint32_t grants_reserve; /* free grants below which none is kept */
    uint32_t rx_extras;      /* types of extra info that may come, a bit each */
    uint32_t rx_slots;       /* pages to keep posted, in each queue */
    uint32_t tx_hold;        /* netfront_tx.hold after an event; 0: none is put off */
    uint8_t violation;       /* enum netfront_violation: the first one */
    uint8_t queue_count;     /* queues that exist */
    uint8_t queue_room;      /* queues there is memory for: 1, or conf.queues_max */
    uint8_t rx_turn;         /* the queue that rx looks at first */
    struct gnttab_quarantine *quarantine; /* the caller's, or our own */
    struct gnttab_quarantine own_quarantine;

    struct netfront_ctrl ctrl;
    struct netfront_hash hash;
    struct netfront_mcast mcast;
    struct netfront_queue *queue; /* own_queue, or in queue_row */
    struct page *queue_row;       /* the first page of a row of the pool's; NULL: none */
    struct netfront_queue own_queue;
};
STATIC_ASSERT(sizeof(struct netfront) <= NETFRONT_BYTES,
              "NETFRONT_BYTES is what callers set aside");

/* Counts for the queue and for the device, so that the queues add up to it. */
#define NETFRONT_COUNT(q, counter, n)                                                              \
    ((void)((q)->stats.counter += (n), (q)->nf->dev.stats.counter += (n)))

/* ---- netfront.c ------------------------------------------------------------------------------ */

/* The backend broke the protocol: link down, counted, logged once; the next xenbus_front_follow
 * closes the device. `a`, `b`, `c` are the numbers it gave. */
void netfront_violate(struct netfront *nf, enum netfront_violation what, uint32_t a, uint32_t b,
                      uint32_t c);

/* Traffic begins. */
void netfront_link_up(struct netfront *nf);

/* ---- netfront_queue.c ------------------------------------------------------------------------ */

/* There is memory for one queue. */
void netfront_queues_init(struct netfront *nf);
/* At the end of the device's life, behind netfront_queues_destroy: what the backend still maps is
 * quarantined, the memory for queues goes back to the pool. May be called again. */
void netfront_queues_fini(struct netfront *nf);
/* Rings, grants and event channels of up to `n` queues: of as many as there is memory for, see
 * queue_count. Errors of gnttab_grant and evtchn_alloc_unbound: then nothing is left. */
int netfront_queues_create(struct netfront *nf, unsigned n, bool split);
/* Takes back what the backend lets go; what it keeps is quarantined or stays noted: to be called
 * again. True: nothing stayed. */
bool netfront_queues_destroy(struct netfront *nf);
/* The domain was restored: every grant can be ended, and no event channel is ours any more: they
 * are forgotten, not closed, since others may have their numbers. */
void netfront_queues_forget(struct netfront *nf);
/* An event on each channel. */
void netfront_queues_kick(struct netfront *nf);
/* A page of the pool that the backend may write, and we too, with an empty ring in it: all of it
 * zeroed before the backend may see it. NULL: no page, or no grant. */
struct page *netfront_ring_page_get(struct netfront *nf, struct ring *ring, uint32_t slot_bytes);
/* Takes it; NULL is allowed. A backend that still maps it never sees it used for anything else: it
 * is quarantined. */
void netfront_ring_page_put(struct netfront *nf, struct page *page);

/* ---- netfront_xs.c --------------------------------------------------------------------------- */

/* What is a network device's own in the life of a frontend. */
extern const struct xenbus_front_ops netfront_life;

/* ---- netfront_frame.c ------------------------------------------------------------------------ */

/* Where the transport checksum of a whole IPv4 TCP or UDP datagram lies. */
struct netfront_l4 {
    uint16_t start; /* bytes from the frame's first: the transport header; 0: not such a frame */
    uint16_t off;   /* of the checksum field from there */
};

/* How many bytes from the frame's first all protocol headers take, as far as `first` tells: a
 * result above first.len says to ask again with that many. *l4 is set when it is found. */
uint32_t netfront_headers(struct cs_ro first, struct netfront_l4 *l4);

/* ---- netfront_tx.c --------------------------------------------------------------------------- */

/* The ring in a page of the pool, granted. -E_NOMEM. */
int netfront_tx_ring_create(struct netfront_queue *q);
/* Takes pkt on 0; errors of netdev_ops.tx. */
int netfront_tx_ring_fill(struct netfront_queue *q, struct pkt *pkt);
/* Puts a request without data and an extra info after it, XEN_NETIF_EXTRA_TYPE_MCAST_ADD or _DEL of
 * this address: two slots. The first one's answer goes to netfront_mcast_answer with `token`.
 * -E_AGAIN: no room. */
int netfront_tx_ring_mcast(struct netfront_queue *q, bool add, const uint8_t mac[6],
                           uint16_t token);
/* Shows the backend what was put, and returns how many slots that is. An awake one takes them; else
 * it wants an event: netfront_tx_ring_tell. */
uint32_t netfront_tx_ring_show(struct netfront_queue *q);
/* Sends the event that the backend wants for what it was shown. `may_wait`: not yet where it had
 * one in the last few calls, and is owed one for NETFRONT_TX_BATCH slots at most. */
void netfront_tx_ring_tell(struct netfront_queue *q, bool may_wait);
/* Returns how many responses there were. */
uint32_t netfront_tx_ring_drain(struct netfront_queue *q);
/* Sends the event that is owed, and asks for one. True: there is room for the frame that was
 * refused. */
bool netfront_tx_ring_arm(struct netfront_queue *q);
/* True: nothing is left. What the backend still maps stays in its slot: call again. */
bool netfront_tx_ring_destroy(struct netfront_queue *q);
/* The same for good: what the backend still maps is quarantined. */
void netfront_tx_ring_abandon(struct netfront_queue *q);

/* ---- netfront_grant.c ------------------------------------------------------------------------ */

/* Lets the backend read the page: sets slot->gref and slot->kept. Errors of gnttab_grant. */
int netfront_grant_page(struct netfront *nf, struct page *page, struct netfront_tx_slot *slot);
/* A connection begins: its queues' pages have their grants. */
void netfront_grants_begin(struct netfront *nf);
/* It ended: so do the grants that were kept, as far as the backend lets go. */
void netfront_grants_end(struct netfront *nf);

/* ---- netfront_rx.c --------------------------------------------------------------------------- */

int netfront_rx_ring_create(struct netfront_queue *q);
void netfront_rx_ring_fill(struct netfront_queue *q);
/* So many pages are missing that filling is worth while. */
bool netfront_rx_ring_is_low(const struct netfront_queue *q);
/* Shows the backend the pages, with the event that it wants for them. */
void netfront_rx_ring_push(struct netfront_queue *q);
/* Gives up to n frames; returns how many. */
unsigned netfront_rx_ring_drain(struct netfront_queue *q, struct pkt **pkts, unsigned n);
/* True: there are responses. */
bool netfront_rx_ring_arm(struct netfront_queue *q);
void netfront_rx_ring_destroy(struct netfront_queue *q);

#endif
