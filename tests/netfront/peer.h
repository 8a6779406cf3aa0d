/* SPDX-License-Identifier: ISC */
/* peer.h - for tests of netfront (which include peer.c, or name it in mk/tests.mk, and so link what
 * they need): a guest with one network device on the simulated Xen, and a backend for it that is
 * worked by hand.
 *
 * The simulator's own netback behaves. This one does what a test tells it: it has the rings mapped,
 * takes requests one by one, and answers with any bytes at all. Everything between (hypercalls,
 * grants, events, xenstore) is real.
 *
 *     peer_start(&(struct peer_conf){0});     machine, services, keys in xenstore; the backend in
 *                                             InitWait
 *     peer_open();                            netfront_open against peer_auto, the handshake of a
 *                                             good backend
 *     peer_rx_answer(...); peer_rx_push();    what the backend does
 *     netdev_rx(peer.dev, ...)                what the driver makes of it
 *     peer_stop(0);                           closes, and proves that every page and grant is back
 */
#ifndef TESTS_NETFRONT_PEER_H
#define TESTS_NETFRONT_PEER_H

#include <morgana/netfront.h>

#include "netfront/netfront_priv.h"
#include "platform/sim/sim.h"

#define PEER_PAGES 1024u
#define PEER_PKTS 600u
#define PEER_FRONT "/local/domain/1/device/vif/0"
#define PEER_BACK "/local/domain/0/backend/vif/1/0"

struct peer_conf {
    uint64_t seed;
    uint32_t gnttab_version;              /* 0: 1 */
    uint32_t grants_max;                  /* 0: 4096 */
    uint32_t pages, pkts;                 /* 0: PEER_PAGES, PEER_PKTS */
    uint32_t rx_slots;                    /* of netfront_conf */
    const uint8_t *conf_mac;              /* of netfront_conf */
    const char *mac;                      /* key; NULL: a good one; "": none */
    const char *mtu;                      /* key; NULL: none */
    const char *trusted;                  /* key; NULL: none */
    bool no_sg, no_csum, no_rx_copy, gso; /* the backend's features */
    bool gso6;                            /* ... feature-gso-tcpv6 */
    struct netfront_conf off;             /* of netfront_conf: what is not to be used */
    bool keep_grants;                     /* netfront_conf.tx_grants */
    bool no_quarantine;                   /* netfront_conf.quarantine stays NULL */
    struct sim_wire *wire; /* the simulator's own netback in place of this backend, on this wire */
    struct sim_vif_conf vif; /* of that netback, but for its wire */
    uint32_t index;          /* both rings begin there (a multiple of 256): for wrap */
};

/* One ring as the backend has it. */
struct peer_ring {
    uint32_t gref;
    struct ring_shared *shared; /* NULL: not mapped */
    uint32_t req_cons, rsp_prod;
};

struct peer {
    struct peer_conf conf;
    struct evtchn ev;
    struct gnttab gt;
    struct xs xs;
    struct page_pool pages;
    struct pkt_pool pool;
    struct gnttab_quarantine quarantine;
    struct netdev *dev;
    struct netfront *nf;
    /* the backend */
    bool automatic; /* shakes hands, and lets go when asked, inside every wait of the guest */
    uint32_t state;
    uint32_t port; /* domain 0's; 0: none */
    struct peer_ring tx, rx;
    uint64_t events_to;    /* sent to the guest because it asked */
    void (*on_wait)(void); /* after automatic's work; may be NULL */
};
extern struct peer peer;

void peer_start(const struct peer_conf *conf);
/* netfront_open; 0 and peer.dev, or its error. Moves both rings to conf.index. */
int peer_open(void);
void peer_close(void);
/* Closes what is open, ends the simulation. Fails the test where a page, packet or grant is
 * missing, or the simulator saw a fault; `pages_lost` pages are gone for good. */
void peer_stop(uint32_t pages_lost);
/* Frees everything without a word: for fuzzing and benchmarks. */
void peer_drop(void);

/* What the guest's plat_wait does; a test may call it to let domain 0 run. */
void peer_run(void);

/* The backend's side of the handshake. What the toolstack writes, and its own keys; it is in
 * InitWait: */
void peer_make_keys(void);
void peer_set_state(uint32_t state); /* writes it; no more */
uint32_t peer_front_state(void);
/* Maps the rings, binds the port. False: what the guest wrote is no good. */
bool peer_connect(void);
void peer_disconnect(void); /* unmaps, unbinds */
/* One step of a good backend. */
void peer_auto(void);

/* Transmit: requests the guest has shown, and answers to them. */
bool peer_tx_take(struct netfront_tx_req *req);
/* The next slot as extra info. */
bool peer_tx_take_extra(struct netif_extra_info *extra);
void peer_tx_answer(uint16_t id, int16_t status);
void peer_tx_push(void);
/* Takes and answers all; returns how many. Frames are not looked at. */
uint32_t peer_tx_all(void);
/* The bytes of a request's page. NULL: the grant is not good. */
const uint8_t *peer_tx_bytes(const struct netfront_tx_req *req, uint32_t len);

/* Receive: a page the guest posted; answers stand in the slot they are put in. */
struct peer_rx_req {
    uint16_t id;
    uint32_t gref;
};
uint32_t peer_rx_posted(void);
bool peer_rx_take(struct peer_rx_req *req);
void peer_rx_answer(uint16_t id, uint16_t offset, uint16_t rxf, int16_t status);
/* Extra info in place of a response. */
void peer_rx_extra(const struct netif_extra_info *extra);
void peer_rx_push(void);
/* A frame in one page, or in pieces of `piece` bytes where that is not 0; pushes. False: not enough
 * posted, or a request is nonsense. */
bool peer_rx_frame(const void *frame, uint32_t len, uint16_t rxf, uint32_t piece);

/* Fails the test where a page that domain 0 may use (an open grant, or a mapping) is free or in a
 * packet it should not be in. */
void peer_check_pages(void);

/* A frame of `len` bytes that says what it is: bytes count up from `first`, after an Ethernet
 * header of a type nobody knows. */
void peer_pattern(uint8_t *frame, uint32_t len, uint8_t first);
/* A packet with such a frame in one page. */
struct pkt *peer_packet(uint32_t len, uint8_t first);

#endif
