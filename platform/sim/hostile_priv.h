/* SPDX-License-Identifier: ISC */
/* hostile_priv.h - what the files of the hostile backends share.
 *
 *     hostile_back.c   lies that any backend may tell: events, XenbusState, keys, pages kept
 *     hostile.c        netback: which lies there are, and drawing them
 *     hostile_tx.c     ... in transmit responses
 *     hostile_rx.c     ... in receive responses
 *     hostile_ctrl.c   ... on the control ring
 *     hostile_ring.c   ... by shared memory and grants
 *     hostile_xs.c     ... in xenstore and by its life
 *     hostile_blk.c    blkback: which lies there are, drawing them; those in rings and grants
 *     hostile_blk_xs.c ... by events and in xenstore
 */
#ifndef PLATFORM_SIM_HOSTILE_PRIV_H
#define PLATFORM_SIM_HOSTILE_PRIV_H

#include "hostile.h"
#include "netback.h"

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

/* ---- any backend (hostile_back.c) ----------------------------------------------------------- */

/* Pages that are mapped for no good reason. */
struct sim_keep {
    uint32_t gref;
    bool write;
    uint8_t *page; /* NULL: free */
};

/* Maps a page into a free one of `n` places, and keeps it. False: none is free, or it cannot be
 * mapped. */
bool sim_keep_map(struct sim_keep *kept, unsigned n, uint32_t gref, bool write);
/* Lets one go; false: there is none. All of them. */
bool sim_keep_release(struct sim_keep *kept, unsigned n);
void sim_keep_clear(struct sim_keep *kept, unsigned n);
/* Changes bytes of those mapped for writing; false: there are none. */
bool sim_keep_scribble(const struct sim_keep *kept, unsigned n);

/* The guest's end of a port of domain 0's; 0: there is none. */
uint32_t sim_lie_guest_port(int port);
/* Events on it: as many as an upcall may see between two instructions, each a new edge where the
 * guest clears; on ports that are others', or nobody's; one that was due does not come. */
bool sim_lie_event_storm(int port);
bool sim_lie_event_strange(void);
bool sim_lie_event_lost(int port);

bool sim_lie_state_jump(struct sim_backend *b);
bool sim_lie_state_garbage(struct sim_backend *b);
/* The frontend's `backend`, `backend-id`, or `other`. */
bool sim_lie_key_backend(struct sim_backend *b, const char *other);
bool sim_lie_directory_gone(struct sim_backend *b);

/* Writes what no such key may hold, or takes it away. */
void sim_lie_garbage(const char *path);

/* A key, and values of it that are wrong or odd in a way of their own; they end with NULL. */
struct sim_lie_key {
    const char *name;
    const char *const *values;
};
#define SIM_LIE_VALUES(...)                                                                        \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }
/* Writes one of the `n` keys into the backend's directory; a third of the times text that is no
 * number at all, or no key. */
bool sim_lie_key(const struct sim_backend *b, const struct sim_lie_key *keys, unsigned n);
#define SIM_LIE_KEY(b, keys) sim_lie_key(b, keys, ARRAY_SIZE(keys))

/* ---- netback; true: there was somebody to lie to -------------------------------------------- */

typedef bool sim_lie_queue(struct sim_netq *q);
typedef bool sim_lie_vif(struct sim_vif *vif);

/* hostile_tx.c */
sim_lie_queue sim_lie_tx_unknown_id, sim_lie_tx_twice, sim_lie_tx_unasked, sim_lie_tx_status,
    sim_lie_tx_error, sim_lie_tx_null, sim_lie_tx_other_queue, sim_lie_tx_mapped, sim_lie_tx_ahead,
    sim_lie_tx_back, sim_lie_tx_swallow;
/* hostile_rx.c */
sim_lie_queue sim_lie_rx_unknown_id, sim_lie_rx_range, sim_lie_rx_status, sim_lie_rx_endless,
    sim_lie_rx_flags, sim_lie_rx_other_queue, sim_lie_rx_ahead, sim_lie_rx_back, sim_lie_rx_noise,
    sim_lie_rx_empty, sim_lie_extra_noise, sim_lie_extra_endless, sim_lie_extra_type,
    sim_lie_extra_twice, sim_lie_extra_half, sim_lie_extra_late, sim_lie_extra_hash,
    sim_lie_gso_zero, sim_lie_gso_type, sim_lie_gso_csum, sim_lie_gso_frame, sim_lie_gso_size,
    sim_lie_gso_prefix;
/* hostile_ctrl.c */
sim_lie_vif sim_lie_ctrl_answer, sim_lie_ctrl_index, sim_lie_ctrl_noise;
/* hostile_ring.c */
sim_lie_queue sim_lie_ring_rewrite, sim_lie_ring_events, sim_lie_ring_producer, sim_lie_ring_noise,
    sim_lie_page_scribble, sim_lie_grant_keep;
sim_lie_vif sim_lie_grant_release;
extern struct sim_keep sim_kept[SIM_KEPT_MAX];
/* The page of a posted request, where it is granted for writing; else NULL. */
uint8_t *sim_lie_posted_page(const struct sim_netq *q, uint32_t at);
/* hostile_xs.c */
sim_lie_queue sim_lie_vif_event_storm, sim_lie_vif_event_lost, sim_lie_vif_event_closed;
sim_lie_vif sim_lie_vif_event_strange, sim_lie_vif_state_jump, sim_lie_vif_state_garbage,
    sim_lie_key_mac, sim_lie_key_mtu, sim_lie_key_feature, sim_lie_key_queues,
    sim_lie_key_queue_dirs, sim_lie_vif_key_backend, sim_lie_key_carrier,
    sim_lie_vif_directory_gone, sim_lie_stuck, sim_lie_unstuck, sim_lie_reconnect, sim_lie_vanish;

#endif
