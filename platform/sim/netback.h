/* SPDX-License-Identifier: ISC */
/* netback.h - the simulated netback's state, for its own files and for the hostile one.
 *
 *     netback.c        what the toolstack and the driver write, the state machine
 *     netback_queue.c  attaching to the guest's rings; responses and events
 *     netback_tx.c     frames from the guest
 *     netback_rx.c     frames to the guest
 *     netback_gso.c    cutting super-segments, for a wire or a guest that takes none
 *     netback_ctrl.c   the control ring, and multicast
 */
#ifndef PLATFORM_SIM_NETBACK_H
#define PLATFORM_SIM_NETBACK_H

#include "backend.h"

#include <barrier.h>
#include <xen/io/netif.h>

#define NETBACK_SLOTS 256u
#define NETBACK_FRAME_MAX 65536u
#define NETBACK_QUEUES_MAX 8u
#define NETBACK_EXTRAS_MAX (XEN_NETIF_EXTRA_TYPE_MAX - 1u) /* one of each type */

struct sim_vif;

/* A transmit ring and a receive ring. */
struct sim_netq {
    struct sim_vif *vif;
    unsigned index;
    int tx_port, rx_port; /* domain 0's; the same one where the guest gave one channel for both */
    uint32_t tx_gref, rx_gref;
    struct netif_tx_sring *tx;
    struct netif_rx_sring *rx;
    uint32_t tx_cons, tx_prod; /* requests taken, responses made */
    uint32_t tx_pushed;        /* responses the guest was told of */
    uint32_t rx_cons, rx_prod, rx_pushed;
    bool tx_due;                 /* there was an event, or the last step ended early */
    uint64_t tx_ids[65536 / 64]; /* in flight */
    struct sim_vifq_stats stats;
};

/* A super-segment that is being cut. */
struct sim_gso {
    const uint8_t *frame;
    uint32_t len, headers; /* bytes; of which before the payload */
    uint32_t done;         /* bytes of payload that were given */
    struct sim_meta meta;
};

struct sim_vif {
    struct sim_backend b;
    struct sim_vif_conf *conf;
    struct sim_wire *wire;
    unsigned queue_count; /* 1 .. NETBACK_QUEUES_MAX, while connected */
    bool rx_wait;         /* the receive side stopped: the guest's next event may bring slots */
    bool rx_full;         /* it stopped because there were no slots */
    bool guest_sg, guest_csum, guest_gso;
    struct sim_netq queue[NETBACK_QUEUES_MAX];
    /* A frame for the guest that could not be given at once: */
    uint8_t *held; /* NETBACK_FRAME_MAX bytes, and the rest of a frame longer than a page */
    struct sim_gso cut;
    uint8_t *segment;    /* NETBACK_FRAME_MAX bytes: the piece of `cut` that comes next */
    const uint8_t *give; /* held or segment; NULL: none waits */
    uint32_t give_len;
    struct sim_meta give_meta;
    /* Called where it has published keys, before the state that shows them; NULL */
    void (*spoil)(struct sim_vif *vif);
    struct sim_vif_stats stats;
};

extern struct sim_vif sim_vifs[SIM_VIFS_MAX];

static inline const char *sim_vif_front(const struct sim_vif *vif, const char *key)
{
    return sim_back_front(&vif->b, key);
}

static inline const char *sim_vif_back(const struct sim_vif *vif, const char *key)
{
    return sim_back_back(&vif->b, key);
}

static inline bool sim_vif_offers_gso(const struct sim_vif *vif)
{
    return !vif->conf->no_sg && !vif->conf->no_gso;
}

/* What the toolstack and the driver write; the backend waits for the guest. */
void sim_vif_write_keys(struct sim_vif *vif);

/* ---- netback_queue.c ------------------------------------------------------------------------ */

/* Attaches to, and lets go of, the guest's rings. */
bool sim_vif_connect(struct sim_vif *vif);
void sim_vif_disconnect(struct sim_vif *vif);
/* Tells the guest of the responses made, by an event where it asked for one. */
void sim_vif_tx_push(struct sim_netq *q);
void sim_vif_rx_push(struct sim_netq *q);

/* A set of 16-bit ids. True: the id was not in it. */
static inline bool sim_ids_add(uint64_t *ids, uint16_t id)
{
    uint64_t bit = UINT64_C(1) << (id % 64);
    bool is_new = (ids[id / 64] & bit) == 0;
    ids[id / 64] |= bit;
    return is_new;
}

static inline void sim_ids_remove(uint64_t *ids, uint16_t id)
{
    ids[id / 64] &= ~(UINT64_C(1) << (id % 64));
}

/* ---- netback_gso.c -------------------------------------------------------------------------- */

/* Begins to cut a super-segment of TCP over IPv4, whose bytes are Kept until the last piece. False:
 * it is none, or malformed. */
bool sim_gso_begin(struct sim_gso *g, const uint8_t *frame, uint32_t len,
                   const struct sim_meta *meta);
/* Writes the next piece to `to` (NETBACK_FRAME_MAX bytes), its checksum blank: its length; 0 after
 * the last one. */
uint32_t sim_gso_next(struct sim_gso *g, uint8_t *to, struct sim_meta *meta);
/* Completes a blank checksum. */
void sim_csum_complete(uint8_t *frame, uint32_t len, struct sim_meta *meta);

/* ---- netback_ctrl.c ------------------------------------------------------------------------- */

/* Keys of its features, with the others. */
void sim_vif_ctrl_keys(struct sim_vif *vif);
/* After the queues were attached, before they are let go. */
void sim_vif_ctrl_connect(struct sim_vif *vif);
void sim_vif_ctrl_disconnect(struct sim_vif *vif);
/* Answers what is in the control ring: its events ask for a step of the state. */
void sim_vif_ctrl_step(struct sim_vif *vif);
/* Which queue a frame for the guest goes to, by the guest's key and table; -1: it gave none.
 * *extra is filled in where it is to be told the hash: then its type is not 0. */
int sim_vif_ctrl_queue(struct sim_vif *vif, const uint8_t *frame, uint32_t len,
                       struct netif_extra_info *extra);
/* Extra info of the guest's: XEN_NETIF_EXTRA_TYPE_MCAST_ADD, _DEL. False: refused. */
bool sim_vif_mcast_change(struct sim_vif *vif, const struct netif_extra_info *extra);
/* Is a frame for the guest one that it wants? */
bool sim_vif_mcast_wants(const struct sim_vif *vif, const uint8_t *frame);

#endif
