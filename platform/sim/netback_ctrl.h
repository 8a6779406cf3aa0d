/* SPDX-License-Identifier: ISC */
/* netback_ctrl.h - what the simulated netback knows beside frames: the hash that the control ring
 * configures, and the multicast filter. netback.h says how its other files use them. */
#ifndef PLATFORM_SIM_NETBACK_CTRL_H
#define PLATFORM_SIM_NETBACK_CTRL_H

#include <morgana/base.h>

#include <xen/io/netif.h>

#define SIM_HASH_KEY_MAX 40u  /* as Linux's netback */
#define SIM_HASH_MAP_MAX 128u /* likewise */
#define SIM_MCAST_MAX 64u     /* likewise */
#define SIM_CTRL_SLOTS 128u

struct sim_vif;

/* Makes a lie of an answer. */
typedef void sim_ctrl_spoil(struct sim_vif *vif, const struct xen_netif_ctrl_request *req,
                            struct xen_netif_ctrl_response *rsp);

struct sim_vif_ctrl {
    struct xen_netif_ctrl_sring *ring; /* NULL: there is none */
    uint32_t gref;
    int port;
    uint32_t cons, prod, pushed;
    /* The hash: zero at each connect. */
    uint32_t alg, flags;
    uint8_t key[SIM_HASH_KEY_MAX];
    uint32_t map_size, map[SIM_HASH_MAP_MAX];
    /* The filter. */
    bool filtering; /* as sampled at the connect, or when it last changed */
    uint32_t mcast_count;
    uint8_t mcast[SIM_MCAST_MAX][6];
    /* For tests. */
    uint64_t requests, failed, mcast_adds, mcast_dels;
    bool mute;             /* control requests are taken and not answered */
    sim_ctrl_spoil *spoil; /* of the next answer; NULL: none */
};

/* Of vif `index`, for tests and lies. */
struct sim_vif_ctrl *sim_vif_ctrl_of(uint32_t index);
/* Shows the guest the answers made, by an event where it asked for one. */
void sim_vif_ctrl_push(struct sim_vif *vif);

#endif
