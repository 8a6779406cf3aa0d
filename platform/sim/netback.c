/* SPDX-License-Identifier: ISC */
/* netback.c - the simulated netback's life: what the toolstack writes, the handshake, attaching
 * to the guest's rings.
 *
 * The state machine is that of Linux's xen-netback: a change of the frontend's state names a
 * target for the backend's state, which is reached in steps, and connecting and disconnecting
 * happen on the way.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netback.h"

struct sim_vif sim_vifs[SIM_VIFS_MAX];

static const char *key_of(const char *directory, unsigned index, const char *key)
{
    static char text[4][128];
    static unsigned turn;
    char *out = text[turn++ % 4];
    snprintf(out, sizeof(text[0]), "%s/%u%s%s", directory, index, *key == '\0' ? "" : "/", key);
    return out;
}

const char *sim_vif_front(const struct sim_vif *vif, const char *key)
{
    return key_of("/local/domain/1/device/vif", vif->index, key);
}

const char *sim_vif_back(const struct sim_vif *vif, const char *key)
{
    char directory[64];
    snprintf(directory, sizeof(directory), "/local/domain/0/backend/vif/%u", sim_state.lives);
    return key_of(directory, vif->index, key);
}

void sim_vif_set_state(struct sim_vif *vif, uint32_t state)
{
    vif->state = state;
    sim_xs_write(sim_vif_back(vif, "state"), "%u", state);
}

/* ---- what the toolstack and the driver write ------------------------------------------------ */

static void directory(const char *path, const char *perms, size_t perms_len)
{
    sim_store_mkdir(0, NULL, path);
    sim_store_set_perms(0, NULL, path, cs_ro_of(perms, perms_len));
}

static void write_frontend(const struct sim_vif *vif, const char *mac)
{
    static const char perms[] = "n1\0r0";
    directory(sim_vif_front(vif, ""), perms, sizeof(perms));
    sim_xs_write(sim_vif_front(vif, "backend"), "%s", sim_vif_back(vif, ""));
    sim_xs_write(sim_vif_front(vif, "backend-id"), "0");
    sim_xs_write(sim_vif_front(vif, "handle"), "%u", vif->index);
    sim_xs_write(sim_vif_front(vif, "mac"), "%s", mac);
    if (vif->conf->mtu_bytes != 0)
        sim_xs_write(sim_vif_front(vif, "mtu"), "%u", vif->conf->mtu_bytes);
    sim_xs_write(sim_vif_front(vif, "state"), "%u", XenbusStateInitialising);
}

static void write_backend(struct sim_vif *vif, const char *mac)
{
    static const char perms[] = "n0\0r1";
    const struct sim_vif_conf *conf = vif->conf;
    directory(sim_vif_back(vif, ""), perms, sizeof(perms));
    sim_xs_write(sim_vif_back(vif, "frontend"), "%s", sim_vif_front(vif, ""));
    sim_xs_write(sim_vif_back(vif, "frontend-id"), "%u", SIM_GUEST_DOMID);
    sim_xs_write(sim_vif_back(vif, "handle"), "%u", vif->index);
    sim_xs_write(sim_vif_back(vif, "mac"), "%s", mac);
    sim_xs_write(sim_vif_back(vif, "online"), "1");
    sim_xs_write(sim_vif_back(vif, "type"), "vif");
    sim_xs_write(sim_vif_back(vif, "feature-sg"), "%d", !conf->no_sg);
    sim_xs_write(sim_vif_back(vif, "feature-rx-copy"), "%d", !conf->no_rx_copy);
    sim_xs_write(sim_vif_back(vif, "feature-rx-flip"), "0");
    if (conf->no_csum)
        sim_xs_write(sim_vif_back(vif, "feature-no-csum-offload"), "1");
    if (conf->queues_max != 0)
        sim_xs_write(sim_vif_back(vif, "multi-queue-max-queues"), "%u", conf->queues_max);
    sim_xs_write(sim_vif_back(vif, "hotplug-status"), "connected");
    sim_vif_set_state(vif, XenbusStateInitWait);
}

void sim_vif_write_keys(struct sim_vif *vif)
{
    static const uint8_t usual[6] = {0x00, 0x16, 0x3e, 0x00, 0x00, 0x01};
    uint8_t m[6];
    char mac[18];
    memcpy(m, vif->conf->mac, sizeof(m));
    if (memcmp(m, (uint8_t[6]){0}, sizeof(m)) == 0) {
        memcpy(m, usual, sizeof(m));
        m[5] = (uint8_t)(m[5] + vif->index);
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
        vif->conf = &sim_state.conf.vif[i];
        vif->wire = vif->conf->wire;
        vif->index = i;
        vif->held = sim_alloc(NETBACK_FRAME_MAX);
        sim_vif_write_keys(vif);
    }
}

void sim_netback_fini(void)
{
    for (unsigned i = 0; i < SIM_VIFS_MAX; i++) {
        if (sim_vifs[i].connected)
            sim_vif_disconnect(&sim_vifs[i]);
        free(sim_vifs[i].held);
    }
    memset(sim_vifs, 0, sizeof(sim_vifs));
}

void sim_netback_restore(void)
{
    for (unsigned i = 0; i < sim_state.conf.vif_count; i++) {
        struct sim_vif *vif = &sim_vifs[i];
        vif->dead = false;
        sim_vif_write_keys(vif);
    }
}

void sim_netback_lose(void)
{
    for (unsigned i = 0; i < sim_state.conf.vif_count; i++) {
        if (sim_vifs[i].connected)
            sim_vif_disconnect(&sim_vifs[i]);
        sim_xs_rm(sim_vif_back(&sim_vifs[i], ""));
    }
}

/* ---- connecting ----------------------------------------------------------------------------- */

static bool refuse(struct sim_vif *vif, const char *key, const char *why)
{
    sim_vif_fault(vif, "vif %u: %s: %s", vif->index, key, why);
    sim_xs_write(key_of("/local/domain/0/error/backend/vif/1", vif->index, "error"), "%s: %s", key,
                 why);
    return false;
}

/* Maps a ring page whose grant the frontend wrote under `key`. */
static void *map_ring(struct sim_vif *vif, const char *key, uint32_t *gref)
{
    int16_t status;
    *gref = sim_xs_read_u32(sim_vif_front(vif, key), 0);
    void *ring = *gref == 0 ? NULL : sim_grant_map(*gref, true, &status);
    if (ring == NULL)
        refuse(vif, key, "not a grant that may be mapped for writing");
    return ring;
}

static bool attach(struct sim_vif *vif)
{
    vif->tx = map_ring(vif, "tx-ring-ref", &vif->tx_gref);
    if (vif->tx == NULL)
        return false;
    vif->rx = map_ring(vif, "rx-ring-ref", &vif->rx_gref);
    if (vif->rx != NULL) {
        uint32_t port = sim_xs_read_u32(sim_vif_front(vif, "event-channel"), 0);
        vif->port = sim_dom0_bind_work(port, (uint8_t)SIM_WORK_VIF_TX(vif->index));
        if (vif->port > 0)
            return true;
        refuse(vif, "event-channel", "not an unbound port for domain 0");
        sim_grant_unmap(vif->rx_gref, true);
    }
    sim_grant_unmap(vif->tx_gref, true);
    return false;
}

bool sim_vif_connect(struct sim_vif *vif)
{
    if (sim_xs_read_u32(sim_vif_front(vif, "multi-queue-num-queues"), 1) != 1)
        return refuse(vif, "multi-queue-num-queues", "more than one queue");
    if (sim_xs_read_u32(sim_vif_front(vif, "request-rx-copy"), 0) != 1)
        return refuse(vif, "request-rx-copy", "must be 1");
    if (sim_xs_read_u32(sim_vif_front(vif, "feature-rx-notify"), 0) != 1)
        return refuse(vif, "feature-rx-notify", "must be 1");
    if (!attach(vif))
        return false;
    vif->guest_sg = sim_xs_read_u32(sim_vif_front(vif, "feature-sg"), 0) == 1;
    vif->guest_csum = sim_xs_read_u32(sim_vif_front(vif, "feature-no-csum-offload"), 0) == 0;
    /* As BACK_RING_ATTACH of io/ring.h: a ring may begin at any index. */
    vif->tx_cons = vif->tx_prod = vif->tx_pushed = READ_ONCE(vif->tx->rsp_prod);
    vif->rx_cons = vif->rx_prod = vif->rx_pushed = READ_ONCE(vif->rx->rsp_prod);
    memset(vif->tx_ids, 0, sizeof(vif->tx_ids));
    memset(vif->rx_ids, 0, sizeof(vif->rx_ids));
    vif->held_len = 0;
    vif->connected = true;
    vif->dead = false;
    vif->rx_wait = true;
    sim_work_set(SIM_WORK_VIF_TX(vif->index));
    return true;
}

void sim_vif_disconnect(struct sim_vif *vif)
{
    sim_dom0_close((uint32_t)vif->port);
    sim_grant_unmap(vif->tx_gref, true);
    sim_grant_unmap(vif->rx_gref, true);
    vif->tx = NULL;
    vif->rx = NULL;
    vif->connected = false;
}

void sim_vif_push(struct sim_vif *vif, uint32_t *rsp_prod, const uint32_t *rsp_event, uint32_t prod,
                  uint32_t *pushed)
{
    uint32_t old = *pushed;
    if (old == prod)
        return;
    wmb(); /* the responses before the index that publishes them */
    WRITE_ONCE(*rsp_prod, prod);
    mb(); /* the index before reading whether the guest wants an event */
    *pushed = prod;
    if (prod - READ_ONCE(*rsp_event) < prod - old) {
        vif->stats.events_to++;
        sim_dom0_send((uint32_t)vif->port);
    }
}

void sim_vif_fault(const struct sim_vif *vif, const char *format, ...)
{
    char text[256];
    va_list args;
    if (vif->hostile)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    sim_fault("%s", text);
}

void sim_vif_fatal(struct sim_vif *vif, const char *what, uint32_t number)
{
    sim_vif_fault(vif, "vif %u: %s (%u)", vif->index, what, number);
    vif->dead = true;
}

/* ---- the state machine ---------------------------------------------------------------------- */

void sim_netback_changed(const char *path)
{
    unsigned index;
    int end = 0;
    if (sscanf(path, "/local/domain/1/device/vif/%u/state%n", &index, &end) != 1 || end == 0 ||
        path[end] != '\0')
        return;
    if (index < sim_state.conf.vif_count)
        sim_work_set(SIM_WORK_VIF_STATE(index));
}

/* One step from the backend's state towards `target`. */
static void step_towards(struct sim_vif *vif, uint32_t target)
{
    switch (vif->state) {
    case XenbusStateClosed:
        sim_vif_set_state(vif, target == XenbusStateClosing ? target : XenbusStateInitWait);
        break;
    case XenbusStateInitWait:
        if (target == XenbusStateConnected && sim_vif_connect(vif))
            sim_vif_set_state(vif, XenbusStateConnected);
        else
            sim_vif_set_state(vif, XenbusStateClosing);
        break;
    case XenbusStateConnected:
        if (vif->connected)
            sim_vif_disconnect(vif);
        sim_vif_set_state(vif, XenbusStateClosing);
        break;
    default:
        sim_vif_set_state(vif, XenbusStateClosed);
        break;
    }
}

static void remove_if_detached(struct sim_vif *vif)
{
    if (sim_xs_read_u32(sim_vif_back(vif, "online"), 0) != 0)
        return;
    sim_xs_rm(sim_vif_back(vif, ""));
    sim_xs_rm(sim_vif_front(vif, ""));
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
    uint32_t front = sim_xs_read_u32(sim_vif_front(vif, "state"), XenbusStateUnknown);
    uint32_t target = front < ARRAY_SIZE(targets) ? targets[front] : 0;
    if (vif->state == target && target == XenbusStateClosed)
        remove_if_detached(vif);
    if (target == 0 || vif->state == target || (vif->dead && target == XenbusStateConnected))
        return;
    step_towards(vif, target);
    if (vif->state != XenbusStateClosing || target != XenbusStateConnected)
        sim_work_set(SIM_WORK_VIF_STATE(index));
}

/* ---- for tests ------------------------------------------------------------------------------ */

const struct sim_vif_stats *sim_vif_stats(uint32_t index)
{
    ASSERT(index < SIM_VIFS_MAX);
    return &sim_vifs[index].stats;
}

bool sim_vif_wants_frames(uint32_t index)
{
    const struct sim_vif *vif = &sim_vifs[index];
    return vif->connected && !vif->dead && !vif->rx_full;
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
        if (sim_vifs[i].connected && sim_vifs[i].wire != NULL)
            sim_work_set(SIM_WORK_VIF_RX(i));
    }
}
