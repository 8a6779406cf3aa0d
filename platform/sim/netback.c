/* SPDX-License-Identifier: ISC */
/* netback.c - the simulated netback's life: what the toolstack and the driver write, and the
 * handshake.
 *
 * The state machine is that of Linux's xen-netback: a change of the frontend's state names a
 * target for the backend's state, which is reached in steps, and connecting and disconnecting
 * happen on the way.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netback.h"

struct sim_vif sim_vifs[SIM_VIFS_MAX];

/* ---- what the toolstack and the driver write ------------------------------------------------ */

static void write_frontend(const struct sim_vif *vif, const char *mac)
{
    sim_back_make_front(&vif->b);
    sim_xs_write(sim_vif_front(vif, "handle"), "%u", vif->b.index);
    sim_xs_write(sim_vif_front(vif, "mac"), "%s", mac);
    if (vif->conf->mtu_bytes != 0)
        sim_xs_write(sim_vif_front(vif, "mtu"), "%u", vif->conf->mtu_bytes);
    sim_xs_write(sim_vif_front(vif, "state"), "%u", XenbusStateInitialising);
}

static void write_backend(struct sim_vif *vif, const char *mac)
{
    const struct sim_vif_conf *conf = vif->conf;
    sim_back_make_back(&vif->b);
    sim_xs_write(sim_vif_back(vif, "handle"), "%u", vif->b.index);
    sim_xs_write(sim_vif_back(vif, "mac"), "%s", mac);
    sim_xs_write(sim_vif_back(vif, "type"), "vif");
    sim_xs_write(sim_vif_back(vif, "feature-sg"), "%d", !conf->no_sg);
    sim_xs_write(sim_vif_back(vif, "feature-gso-tcpv4"), "%d", sim_vif_offers_gso(vif));
    sim_xs_write(sim_vif_back(vif, "feature-gso-tcpv6"), "%d", sim_vif_offers_gso(vif));
    sim_xs_write(sim_vif_back(vif, "feature-ipv6-csum-offload"), "1");
    sim_xs_write(sim_vif_back(vif, "feature-rx-copy"), "%d", !conf->no_rx_copy);
    sim_xs_write(sim_vif_back(vif, "feature-rx-flip"), "0");
    sim_xs_write(sim_vif_back(vif, "feature-split-event-channels"), "%d", !conf->no_split);
    if (conf->no_csum)
        sim_xs_write(sim_vif_back(vif, "feature-no-csum-offload"), "1");
    if (conf->queues_max != 0)
        sim_xs_write(sim_vif_back(vif, "multi-queue-max-queues"), "%u", conf->queues_max);
    sim_vif_ctrl_keys(vif);
    if (vif->spoil != NULL)
        vif->spoil(vif);
    sim_back_set_state(&vif->b, XenbusStateInitWait);
}

void sim_vif_write_keys(struct sim_vif *vif)
{
    static const uint8_t usual[6] = {0x00, 0x16, 0x3e, 0x00, 0x00, 0x01};
    uint8_t m[6];
    char mac[18];
    memcpy(m, vif->conf->mac, sizeof(m));
    if (memcmp(m, (uint8_t[6]){0}, sizeof(m)) == 0) {
        memcpy(m, usual, sizeof(m));
        m[5] = (uint8_t)(m[5] + vif->b.index);
    }
    snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
    write_frontend(vif, mac);
    write_backend(vif, mac);
}

void sim_netback_init(void)
{
    memset(sim_vifs, 0, sizeof(sim_vifs));
    for (unsigned i = 0; i < sim_state.conf.vif_count; i++) {
        struct sim_vif *vif = &sim_vifs[i];
        vif->b = (struct sim_backend){.kind = "vif", .index = i, .devid = i};
        vif->conf = &sim_state.conf.vif[i];
        vif->wire = vif->conf->wire;
        vif->held = sim_alloc(NETBACK_FRAME_MAX);
        vif->segment = sim_alloc(NETBACK_FRAME_MAX);
        sim_vif_write_keys(vif);
    }
}

void sim_netback_fini(void)
{
    for (unsigned i = 0; i < SIM_VIFS_MAX; i++) {
        if (sim_vifs[i].b.connected)
            sim_vif_disconnect(&sim_vifs[i]);
        free(sim_vifs[i].held);
        free(sim_vifs[i].segment);
    }
    memset(sim_vifs, 0, sizeof(sim_vifs));
}

void sim_netback_restore(void)
{
    for (unsigned i = 0; i < sim_state.conf.vif_count; i++) {
        sim_vifs[i].b.dead = false;
        sim_vif_write_keys(&sim_vifs[i]);
    }
}

void sim_netback_lose(void)
{
    for (unsigned i = 0; i < sim_state.conf.vif_count; i++) {
        if (sim_vifs[i].b.connected)
            sim_vif_disconnect(&sim_vifs[i]);
        sim_xs_rm(sim_vif_back(&sim_vifs[i], ""));
    }
}

/* ---- the state machine ---------------------------------------------------------------------- */

void sim_netback_changed(const char *path)
{
    uint32_t index;
    if (sim_back_is_front_state(path, "vif", &index) && index < sim_state.conf.vif_count)
        sim_work_set(SIM_WORK_VIF_STATE(index));
}

/* One step from the backend's state towards `target`. */
static void step_towards(struct sim_vif *vif, uint32_t target)
{
    uint32_t next = XenbusStateClosed;
    switch (vif->b.state) {
    case XenbusStateClosed:
        next = target == XenbusStateClosing ? target : XenbusStateInitWait;
        break;
    case XenbusStateInitWait:
        next = target == XenbusStateConnected && sim_vif_connect(vif) ? XenbusStateConnected
                                                                      : XenbusStateClosing;
        break;
    case XenbusStateConnected:
        if (vif->b.connected)
            sim_vif_disconnect(vif);
        next = XenbusStateClosing;
        break;
    default:
        break;
    }
    sim_back_set_state(&vif->b, next);
}

void sim_vif_step_state(unsigned index)
{
    /* What each state of the frontend's asks of the backend; 0: nothing. */
    static const uint8_t targets[] = {
        [XenbusStateUnknown] = XenbusStateClosed,
        [XenbusStateInitialising] = XenbusStateInitWait,
        [XenbusStateConnected] = XenbusStateConnected,
        [XenbusStateClosing] = XenbusStateClosing,
        [XenbusStateClosed] = XenbusStateClosed,
    };
    struct sim_vif *vif = &sim_vifs[index];
    sim_vif_ctrl_step(vif);
    uint32_t front = sim_xs_read_u32(sim_vif_front(vif, "state"), XenbusStateUnknown);
    uint32_t target = front < ARRAY_SIZE(targets) ? targets[front] : 0;
    if (vif->b.state == target && target == XenbusStateClosed &&
        sim_xs_read_u32(sim_vif_back(vif, "online"), 0) == 0)
        sim_back_remove(&vif->b);
    if (target == 0 || vif->b.state == target || (vif->b.dead && target == XenbusStateConnected))
        return;
    step_towards(vif, target);
    if (vif->b.state != XenbusStateClosing || target != XenbusStateConnected)
        sim_work_set(SIM_WORK_VIF_STATE(index));
}

/* ---- for tests ------------------------------------------------------------------------------ */

const struct sim_vif_stats *sim_vif_stats(uint32_t index)
{
    ASSERT(index < SIM_VIFS_MAX);
    return &sim_vifs[index].stats;
}

const struct sim_vifq_stats *sim_vifq_stats(uint32_t index, uint32_t queue)
{
    ASSERT(index < SIM_VIFS_MAX && queue < NETBACK_QUEUES_MAX);
    return &sim_vifs[index].queue[queue].stats;
}

uint32_t sim_vif_queues(uint32_t index)
{
    return sim_vifs[index].queue_count;
}

bool sim_vif_wants_frames(uint32_t index)
{
    const struct sim_vif *vif = &sim_vifs[index];
    return vif->b.connected && !vif->b.dead && !vif->rx_full;
}

uint32_t sim_vif_state(uint32_t index)
{
    ASSERT(index < SIM_VIFS_MAX);
    return sim_xs_read_u32(sim_vif_back(&sim_vifs[index], "state"), XenbusStateUnknown);
}

void sim_vif_detach(uint32_t index)
{
    struct sim_vif *vif = &sim_vifs[index];
    sim_xs_write(sim_vif_back(vif, "online"), "0");
    sim_xs_write(sim_vif_back(vif, "state"), "%u", XenbusStateClosing);
}

void sim_vif_tear_out(uint32_t index)
{
    struct sim_vif *vif = &sim_vifs[index];
    if (vif->b.connected)
        sim_vif_disconnect(vif);
    vif->b.state = XenbusStateClosed;
    sim_back_remove(&vif->b);
}

void sim_vif_attach(uint32_t index, const struct sim_vif_conf *conf)
{
    struct sim_vif *vif = &sim_vifs[index];
    if (vif->b.connected)
        sim_vif_disconnect(vif);
    sim_back_remove(&vif->b);
    if (conf != NULL) {
        *vif->conf = *conf;
        vif->wire = conf->wire;
    }
    vif->b.dead = false;
    sim_vif_write_keys(vif);
}

void sim_vif_wire(uint32_t index, struct sim_wire *wire)
{
    sim_vifs[index].wire = wire;
}

void sim_vif_carrier(uint32_t index, bool up)
{
    sim_xs_write(sim_vif_back(&sim_vifs[index], "carrier"), "%d", up);
}

void sim_vif_poll_wires(void)
{
    for (unsigned i = 0; i < sim_state.conf.vif_count; i++) {
        if (sim_vifs[i].b.connected && sim_vifs[i].wire != NULL)
            sim_work_set(SIM_WORK_VIF_RX(i));
    }
}
