/* SPDX-License-Identifier: ISC */
/* hostile_priv.h - what the two files of the hostile backend share. */
#ifndef PLATFORM_SIM_HOSTILE_PRIV_H
#define PLATFORM_SIM_HOSTILE_PRIV_H

#include "hostile.h"
#include "netback.h"

#define SIM_KEEP_MAX 48u

/* Pages that are mapped for no good reason. */
struct sim_keep {
    uint32_t gref;
    bool write;
    uint8_t *page; /* NULL: free */
};
extern struct sim_keep sim_kept[SIM_KEEP_MAX];

/* hostile_xs.c */
void sim_lie_event_storm(struct sim_vif *vif);
void sim_lie_event_strange(struct sim_vif *vif);
void sim_lie_event_lost(struct sim_vif *vif);
void sim_lie_event_closed(struct sim_vif *vif);
void sim_lie_state_jump(struct sim_vif *vif);
void sim_lie_state_garbage(struct sim_vif *vif);
void sim_lie_key_mac(struct sim_vif *vif);
void sim_lie_key_mtu(struct sim_vif *vif);
void sim_lie_key_feature(struct sim_vif *vif);
void sim_lie_key_backend(struct sim_vif *vif);
void sim_lie_key_carrier(struct sim_vif *vif);
void sim_lie_directory_gone(struct sim_vif *vif);
void sim_lie_stuck(struct sim_vif *vif);
void sim_lie_unstuck(struct sim_vif *vif);
void sim_lie_reconnect(struct sim_vif *vif);
void sim_lie_vanish(struct sim_vif *vif);

#endif
