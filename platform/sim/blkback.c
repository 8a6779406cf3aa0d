/* SPDX-License-Identifier: ISC */
/* blkback.c - the simulated blkback's life: what the toolstack and the driver write, and the
 * handshake.
 *
 * The state machine is that of Linux's xen-blkback: the backend waits in InitWait; when the
 * frontend is Initialised it attaches to the rings, publishes the device and is Connected; it
 * follows the frontend to Closing, keeping the rings mapped, and to Closed, letting them go; and
 * begins again only when a frontend that was Closed is Initialising.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blkback.h"

struct sim_vbd sim_vbds[SIM_VBDS_MAX];

/* ---- what the toolstack and the driver write ------------------------------------------------ */

static void write_frontend(const struct sim_vbd *vbd)
{
    sim_back_make_front(&vbd->b);
    sim_xs_write(sim_vbd_front(vbd, "virtual-device"), "%u", vbd->b.devid);
    sim_xs_write(sim_vbd_front(vbd, "device-type"), vbd->conf->cdrom ? "cdrom" : "disk");
    if (vbd->conf->untrusted)
        sim_xs_write(sim_vbd_front(vbd, "trusted"), "0");
    sim_xs_write(sim_vbd_front(vbd, "state"), "%u", XenbusStateInitialising);
}

/* The numbers of one feature: written where it is there, else left out, as both are done. */
static void write_number(const struct sim_vbd *vbd, const char *key, uint32_t value)
{
    if (value != 0)
        sim_xs_write(sim_vbd_back(vbd, key), "%u", value);
}

/* What xen-blkback publishes with Connected. */
static void write_device(const struct sim_vbd *vbd)
{
    const struct sim_vbd_conf *conf = vbd->conf;
    uint32_t sector = sim_u32_max(conf->sector_bytes, BLKBACK_SECTOR);
    sim_xs_write(sim_vbd_back(vbd, "feature-flush-cache"), "%d", conf->flush);
    sim_xs_write(sim_vbd_back(vbd, "feature-barrier"), "%d", conf->barrier);
    if (conf->discard) {
        write_number(vbd, "discard-granularity", conf->discard_granularity);
        if (conf->discard_granularity != 0)
            sim_xs_write(sim_vbd_back(vbd, "discard-alignment"), "%u", conf->discard_alignment);
        write_number(vbd, "discard-secure", conf->discard_secure);
        sim_xs_write(sim_vbd_back(vbd, "feature-discard"), "1");
    }
    write_number(vbd, "feature-persistent", conf->persistent);
    sim_xs_write(sim_vbd_back(vbd, "sectors"), "%llu", (unsigned long long)conf->sectors);
    sim_xs_write(sim_vbd_back(vbd, "info"), "%u",
                 (conf->cdrom ? VDISK_CDROM : 0u) | (conf->removable ? VDISK_REMOVABLE : 0u) |
                     (conf->read_only ? VDISK_READONLY : 0u));
    sim_xs_write(sim_vbd_back(vbd, "sector-size"), "%u", sector);
    write_number(vbd, "physical-sector-size", conf->physical_bytes);
}

void sim_vbd_write_backend(struct sim_vbd *vbd)
{
    const struct sim_vbd_conf *conf = vbd->conf;
    char params[32];
    snprintf(params, sizeof(params), "/dev/loop%u", vbd->b.index);
    sim_back_make_back(&vbd->b);
    sim_xs_write(sim_vbd_back(vbd, "params"), "%s", conf->params != NULL ? conf->params : params);
    sim_xs_write(sim_vbd_back(vbd, "physical-device"), "7:%u", vbd->b.index);
    sim_xs_write(sim_vbd_back(vbd, "bootable"), "1");
    sim_xs_write(sim_vbd_back(vbd, "removable"), "%d", conf->removable);
    sim_xs_write(sim_vbd_back(vbd, "type"), "phy");
    sim_xs_write(sim_vbd_back(vbd, "mode"), conf->read_only ? "r" : "w");
    sim_xs_write(sim_vbd_back(vbd, "device-type"), conf->cdrom ? "cdrom" : "disk");
    write_number(vbd, "feature-max-indirect-segments", conf->indirect_max);
    write_number(vbd, "multi-queue-max-queues", conf->queues_max);
    write_number(vbd, "max-ring-page-order", conf->ring_order_max);
    write_number(vbd, "max-ring-pages", conf->ring_pages_max);
    if (conf->keys_early)
        write_device(vbd);
    if (vbd->spoil != NULL)
        vbd->spoil(vbd);
    sim_vbd_set_state(vbd, XenbusStateInitWait);
}

void sim_vbd_write_keys(struct sim_vbd *vbd)
{
    write_frontend(vbd);
    sim_vbd_write_backend(vbd);
}

static void check_conf(const struct sim_vbd_conf *conf)
{
    ASSERT(conf->sector_bytes == 0 || conf->sectors % (conf->sector_bytes / BLKBACK_SECTOR) == 0);
    ASSERT(conf->indirect_max <= BLKBACK_INDIRECT_PAGES * BLKBACK_PAGE_SEGMENTS);
    ASSERT(conf->ring_order_max <= BLKBACK_RING_ORDER_MAX);
    ASSERT(conf->ring_pages_max <= BLKBACK_RING_PAGES_MAX);
    ASSERT(conf->queues_max <= BLKBACK_QUEUES_MAX);
}

static uint32_t devid_of(const struct sim_vbd_conf *conf, uint32_t index)
{
    return conf->devid != 0 ? conf->devid : 51712 + 16 * index;
}

void sim_blkback_init(void)
{
    memset(sim_vbds, 0, sizeof(sim_vbds));
    for (unsigned i = 0; i < sim_state.conf.vbd_count; i++) {
        struct sim_vbd *vbd = &sim_vbds[i];
        vbd->conf = &sim_state.conf.vbd[i];
        vbd->b = (struct sim_backend){.kind = "vbd", .index = i, .devid = devid_of(vbd->conf, i)};
        check_conf(vbd->conf);
        sim_vbd_write_keys(vbd);
    }
}

void sim_blkback_fini(void)
{
    for (unsigned i = 0; i < SIM_VBDS_MAX; i++) {
        if (sim_vbds[i].b.connected)
            sim_vbd_disconnect(&sim_vbds[i]);
    }
}

void sim_blkback_restore(void)
{
    for (unsigned i = 0; i < sim_state.conf.vbd_count; i++) {
        struct sim_vbd *vbd = &sim_vbds[i];
        vbd->b.dead = false;
        sim_vbd_write_keys(vbd);
    }
}

void sim_blkback_lose(void)
{
    for (unsigned i = 0; i < sim_state.conf.vbd_count; i++) {
        struct sim_vbd *vbd = &sim_vbds[i];
        if (vbd->b.connected)
            sim_vbd_disconnect(vbd);
        sim_xs_rm(sim_vbd_back(vbd, ""));
    }
}

/* ---- the state machine ---------------------------------------------------------------------- */

void sim_blkback_changed(const char *path)
{
    uint32_t devid;
    if (!sim_back_is_front_state(path, "vbd", &devid))
        return;
    for (unsigned i = 0; i < sim_state.conf.vbd_count; i++) {
        if (sim_vbds[i].b.devid == devid)
            sim_work_set(SIM_WORK_VBD_STATE(i));
    }
}

static void disconnect(struct sim_vbd *vbd)
{
    if (vbd->b.connected && !vbd->b.dead)
        sim_vbd_drain(vbd);
    if (vbd->b.connected)
        sim_vbd_disconnect(vbd);
}

static void on_initialised(struct sim_vbd *vbd)
{
    if (vbd->b.state != XenbusStateInitWait)
        return;
    if (!sim_vbd_connect(vbd)) {
        sim_vbd_set_state(vbd, XenbusStateClosing);
        return;
    }
    write_device(vbd);
    if (vbd->spoil != NULL)
        vbd->spoil(vbd);
    sim_vbd_set_state(vbd, XenbusStateConnected);
}

static void on_closing(struct sim_vbd *vbd)
{
    if (vbd->conf->unmap_early)
        disconnect(vbd);
    if (vbd->b.state != XenbusStateClosing && vbd->b.state != XenbusStateClosed)
        sim_vbd_set_state(vbd, XenbusStateClosing);
}

static void on_closed(struct sim_vbd *vbd)
{
    disconnect(vbd);
    if (vbd->b.state != XenbusStateClosed)
        sim_vbd_set_state(vbd, XenbusStateClosed);
    if (sim_xs_read_u32(sim_vbd_back(vbd, "online"), 0) != 0)
        return;
    sim_back_remove(&vbd->b);
}

void sim_vbd_step_state(unsigned index)
{
    struct sim_vbd *vbd = &sim_vbds[index];
    switch (sim_xs_read_u32(sim_vbd_front(vbd, "state"), XenbusStateUnknown)) {
    case XenbusStateInitialising:
        if (vbd->b.state == XenbusStateClosed)
            sim_vbd_set_state(vbd, XenbusStateInitWait);
        break;
    case XenbusStateInitialised:
    case XenbusStateConnected:
        on_initialised(vbd);
        break;
    case XenbusStateClosing:
        on_closing(vbd);
        break;
    case XenbusStateUnknown:
    case XenbusStateClosed:
        on_closed(vbd);
        break;
    default:
        break;
    }
}

/* ---- for tests ------------------------------------------------------------------------------ */

const struct sim_vbd_stats *sim_vbd_stats(uint32_t index)
{
    ASSERT(index < SIM_VBDS_MAX);
    return &sim_vbds[index].stats;
}

uint32_t sim_vbd_in_flight(uint32_t index)
{
    uint32_t n = 0;
    for (unsigned i = 0; i < BLKBACK_QUEUES_MAX; i++)
        n += sim_vbds[index].queue[i].in_flight;
    return n;
}

uint32_t sim_vbd_queues(uint32_t index)
{
    return sim_vbds[index].queues_count;
}

uint32_t sim_vbd_ring_pages(uint32_t index)
{
    return sim_vbds[index].queue[0].pages;
}

uint32_t sim_vbd_state(uint32_t index)
{
    ASSERT(index < SIM_VBDS_MAX);
    return sim_xs_read_u32(sim_vbd_back(&sim_vbds[index], "state"), XenbusStateUnknown);
}

void sim_vbd_detach(uint32_t index)
{
    struct sim_vbd *vbd = &sim_vbds[index];
    sim_xs_write(sim_vbd_back(vbd, "online"), "0");
    sim_vbd_set_state(vbd, XenbusStateClosing);
    sim_work_set(SIM_WORK_VBD_STATE(index)); /* a frontend that is Closed already says nothing */
}

void sim_vbd_attach(uint32_t index, const struct sim_vbd_conf *conf)
{
    struct sim_vbd *vbd = &sim_vbds[index];
    if (vbd->b.connected)
        sim_vbd_disconnect(vbd);
    sim_back_remove(&vbd->b);
    if (conf != NULL) {
        check_conf(conf);
        *vbd->conf = *conf;
        vbd->b.devid = devid_of(conf, index);
    }
    vbd->b.dead = false;
    sim_vbd_write_keys(vbd);
}

void sim_vbd_fail(uint32_t index, uint8_t op, int16_t status, uint32_t count)
{
    struct sim_vbd *vbd = &sim_vbds[index];
    ASSERT(op < ARRAY_SIZE(vbd->fail));
    vbd->fail[op].status = status;
    vbd->fail[op].count = count;
}

void sim_vbd_pause(uint32_t index, bool paused)
{
    sim_vbds[index].paused = paused;
    sim_work_set(SIM_WORK_VBD_RINGS(index));
}

void sim_vbd_trace(uint32_t index, sim_vbd_seen *seen, void *arg)
{
    sim_vbds[index].seen = seen;
    sim_vbds[index].seen_arg = arg;
}
