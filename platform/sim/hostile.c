/* SPDX-License-Identifier: ISC */
/* hostile.c - which lies of hostile.h there are, and drawing them. */
#include <string.h>

#include "hostile_priv.h"

static unsigned greeting[SIM_VIFS_MAX];

#define CALM 1u  /* need not end the connection */
#define PLAIN 2u /* sim_hostile_plain */

/* A lie is told in one queue of a connection, or by the device as a whole. */
static const struct {
    const char *name;
    sim_lie_queue *in_queue;
    sim_lie_vif *by_vif;
    unsigned flags;
} lies[SIM_HOSTILE_COUNT] = {
#define QUEUE(kind, act, flags) [SIM_HOSTILE_##kind] = {#kind, sim_lie_##act, NULL, flags}
#define VIF(kind, act, flags) [SIM_HOSTILE_##kind] = {#kind, NULL, sim_lie_##act, flags}
    QUEUE(TX_UNKNOWN_ID, tx_unknown_id, 0),
    QUEUE(TX_TWICE, tx_twice, 0),
    QUEUE(TX_UNASKED, tx_unasked, 0),
    QUEUE(TX_STATUS, tx_status, 0),
    QUEUE(TX_ERROR, tx_error, CALM),
    QUEUE(TX_NULL, tx_null, 0),
    QUEUE(TX_OTHER_QUEUE, tx_other_queue, 0),
    QUEUE(TX_MAPPED, tx_mapped, PLAIN),
    QUEUE(TX_AHEAD, tx_ahead, PLAIN),
    QUEUE(TX_BACK, tx_back, 0),
    QUEUE(TX_SWALLOW, tx_swallow, 0),
    QUEUE(RX_UNKNOWN_ID, rx_unknown_id, PLAIN),
    QUEUE(RX_RANGE, rx_range, PLAIN),
    QUEUE(RX_STATUS, rx_status, CALM),
    QUEUE(RX_ENDLESS, rx_endless, 0),
    QUEUE(RX_FLAGS, rx_flags, 0),
    QUEUE(RX_OTHER_QUEUE, rx_other_queue, PLAIN),
    QUEUE(RX_AHEAD, rx_ahead, 0),
    QUEUE(RX_BACK, rx_back, 0),
    QUEUE(RX_NOISE, rx_noise, CALM),
    QUEUE(RX_EMPTY, rx_empty, CALM),
    QUEUE(EXTRA_NOISE, extra_noise, 0),
    QUEUE(EXTRA_ENDLESS, extra_endless, PLAIN),
    QUEUE(EXTRA_TYPE, extra_type, PLAIN),
    QUEUE(EXTRA_TWICE, extra_twice, PLAIN),
    QUEUE(EXTRA_HALF, extra_half, 0),
    QUEUE(EXTRA_LATE, extra_late, PLAIN),
    QUEUE(EXTRA_HASH, extra_hash, 0),
    QUEUE(GSO_ZERO, gso_zero, PLAIN),
    QUEUE(GSO_TYPE, gso_type, 0),
    QUEUE(GSO_CSUM, gso_csum, 0),
    QUEUE(GSO_FRAME, gso_frame, 0),
    QUEUE(GSO_SIZE, gso_size, 0),
    QUEUE(GSO_PREFIX, gso_prefix, PLAIN),
    VIF(CTRL_ANSWER, ctrl_answer, CALM),
    VIF(CTRL_INDEX, ctrl_index, CALM),
    VIF(CTRL_NOISE, ctrl_noise, CALM),
    QUEUE(RING_REWRITE, ring_rewrite, 0),
    QUEUE(RING_EVENTS, ring_events, CALM),
    QUEUE(RING_PRODUCER, ring_producer, 0),
    QUEUE(RING_NOISE, ring_noise, 0),
    QUEUE(PAGE_SCRIBBLE, page_scribble, CALM),
    QUEUE(GRANT_KEEP, grant_keep, 0),
    VIF(GRANT_RELEASE, grant_release, CALM),
    QUEUE(EVENT_STORM, vif_event_storm, CALM),
    VIF(EVENT_STRANGE, vif_event_strange, CALM),
    QUEUE(EVENT_LOST, vif_event_lost, CALM),
    QUEUE(EVENT_CLOSED, vif_event_closed, 0),
    VIF(STATE_JUMP, vif_state_jump, 0),
    VIF(STATE_GARBAGE, vif_state_garbage, 0),
    VIF(KEY_MAC, key_mac, CALM),
    VIF(KEY_MTU, key_mtu, CALM),
    VIF(KEY_FEATURE, key_feature, CALM),
    VIF(KEY_QUEUES, key_queues, CALM),
    VIF(KEY_QUEUE_DIRS, key_queue_dirs, CALM),
    VIF(KEY_BACKEND, vif_key_backend, 0),
    VIF(KEY_CARRIER, key_carrier, CALM),
    VIF(DIRECTORY_GONE, vif_directory_gone, 0),
    VIF(STUCK, stuck, 0),
    VIF(UNSTUCK, unstuck, CALM),
    VIF(RECONNECT, reconnect, 0),
    VIF(VANISH, vanish, 0),
#undef QUEUE
#undef VIF
};

const char *sim_hostile_name(enum sim_hostile what)
{
    return what < SIM_HOSTILE_COUNT ? lies[what].name : "?";
}

bool sim_hostile_plain(enum sim_hostile what)
{
    return (lies[what].flags & PLAIN) != 0;
}

void sim_hostile_begin(unsigned index)
{
    sim_vifs[index].b.hostile = true;
    memset(sim_kept, 0, sizeof(sim_kept));
}

bool sim_hostile_act(unsigned index, enum sim_hostile what)
{
    struct sim_vif *vif = &sim_vifs[index];
    if (lies[what].by_vif != NULL)
        return lies[what].by_vif(vif);
    return vif->b.connected && lies[what].in_queue(&vif->queue[sim_random(vif->queue_count)]);
}

enum sim_hostile sim_hostile_step(unsigned index, unsigned calm, bool *told)
{
    bool want = sim_random(16) < calm;
    enum sim_hostile what;
    do {
        what = (enum sim_hostile)sim_random(SIM_HOSTILE_COUNT);
    } while (want && (lies[what].flags & CALM) == 0);
    *told = sim_hostile_act(index, what);
    return what;
}

/* Called where the keys were published, before the state that shows them. */
static void spoil(struct sim_vif *vif)
{
    static sim_lie_vif *const keys[] = {sim_lie_key_mac, sim_lie_key_mtu, sim_lie_key_feature,
                                        sim_lie_key_feature, sim_lie_key_queues};
    for (uint32_t n = sim_random(greeting[vif->b.index] + 1); n != 0; n--)
        keys[sim_random(ARRAY_SIZE(keys))](vif);
}

void sim_hostile_greet(unsigned index, unsigned lies_max)
{
    greeting[index] = lies_max;
    sim_vifs[index].spoil = lies_max == 0 ? NULL : spoil;
}

void sim_hostile_lose(void)
{
    sim_keep_clear(sim_kept, SIM_KEPT_MAX);
}

void sim_hostile_heal(unsigned index)
{
    sim_keep_clear(sim_kept, SIM_KEPT_MAX);
    sim_vif_attach(index, NULL);
}
