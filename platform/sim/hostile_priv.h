/* SPDX-License-Identifier: ISC */
/* hostile_priv.h - what the two files of the hostile backend share. */
#ifndef PLATFORM_SIM_HOSTILE_PRIV_H
#define PLATFORM_SIM_HOSTILE_PRIV_H

#include "hostile.h"
#include "netback.h"

#define SIM_KEEP_MAX 48u

static inline uint32_t word(void)
{
    return sim_random(UINT32_MAX);
}

/* A number of ring slots: small, or wild. */
static inline uint32_t distance(void)
{
    return sim_random(2) == 0 ? 1 + sim_random(8) : word();
}

static inline void noise(void *to, size_t len)
{
    uint8_t *bytes = to;
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)sim_random(256);
}

/* Pages that are mapped for no good reason. */
struct sim_keep {
    uint32_t gref;
    bool write;
    uint8_t *page; /* NULL: free */
};
extern struct sim_keep sim_kept[SIM_KEEP_MAX];

/* hostile_xs.c */
/* Writes what no such key may hold, or takes it away. */
void sim_lie_garbage(const char *path);
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
