/* SPDX-License-Identifier: ISC */
/* netback.h - the simulated netback's state, for its own files and for the hostile one. */
#ifndef PLATFORM_SIM_NETBACK_H
#define PLATFORM_SIM_NETBACK_H

#include "sim_priv.h"

#include <barrier.h>
#include <xen/io/netif.h>

#define NETBACK_SLOTS 256u
#define NETBACK_FRAME_MAX 65536u

struct sim_vif {
    const struct sim_vif_conf *conf;
    struct sim_wire *wire;
    unsigned index;
    uint32_t state; /* XenbusState of the backend */
    bool connected;
    bool hostile; /* lies are told (hostile.h): what the guest answers is not held against it */
    bool dead;    /* the guest broke the protocol: nothing is served any more */
    bool rx_wait; /* the receive side stopped: the guest's next event may bring slots */
    bool rx_full; /* it stopped because there were no slots */
    bool guest_sg, guest_csum;
    int port;
    uint32_t tx_gref, rx_gref;
    struct netif_tx_sring *tx;
    struct netif_rx_sring *rx;
    uint32_t tx_cons, tx_prod; /* requests taken, responses made */
    uint32_t tx_pushed;        /* responses the guest was told of */
    uint32_t rx_cons, rx_prod, rx_pushed;
    uint32_t held_len; /* a frame too long for the slots there were; 0: none */
    struct sim_csum held_csum;
    uint8_t *held; /* NETBACK_FRAME_MAX bytes, and the rest of a frame longer than a page */
    uint64_t tx_ids[65536 / 64], rx_ids[65536 / 64]; /* in flight */
    struct sim_vif_stats stats;
};

extern struct sim_vif sim_vifs[SIM_VIFS_MAX];

/* Keys of this vif: "<directory>/<key>" in a buffer that lives until the next call but three. */
const char *sim_vif_front(const struct sim_vif *vif, const char *key);
const char *sim_vif_back(const struct sim_vif *vif, const char *key);

/* Attaches to, and lets go of, the guest's rings. */
bool sim_vif_connect(struct sim_vif *vif);
void sim_vif_disconnect(struct sim_vif *vif);
void sim_vif_set_state(struct sim_vif *vif, uint32_t state);
/* The guest did what no guest may: recorded as a fault, and the vif is served no more. */
void sim_vif_fatal(struct sim_vif *vif, const char *what, uint32_t number);
/* Records a fault, but not where lies were told. */
void sim_vif_fault(const struct sim_vif *vif, const char *format, ...) PRINTF_LIKE(2, 3);
/* What the toolstack and the driver write; the backend waits for the guest. */
void sim_vif_write_keys(struct sim_vif *vif);
/* Tells the guest of the responses made, by an event where it asked for one. */
void sim_vif_tx_push(struct sim_vif *vif);
void sim_vif_rx_push(struct sim_vif *vif);
/* The same of either ring, whose indices are given: made up to `prod`, told up to *pushed. */
void sim_vif_push(struct sim_vif *vif, uint32_t *rsp_prod, const uint32_t *rsp_event, uint32_t prod,
                  uint32_t *pushed);

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

#endif
