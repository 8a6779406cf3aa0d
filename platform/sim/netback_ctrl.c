/* SPDX-License-Identifier: ISC */
/* netback_ctrl.c - the control ring and the multicast filter of the simulated netback: limits and
 * errors are those of Linux's xen-netback.
 */
#include <string.h>

#define XEN_NETIF_DEFINE_TOEPLITZ
#include "netback.h"
#include "netback_ctrl.h"

#define TYPES_ALL                                                                                  \
    (XEN_NETIF_CTRL_HASH_TYPE_IPV4 | XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP |                           \
     XEN_NETIF_CTRL_HASH_TYPE_IPV6 | XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP)

static struct sim_vif_ctrl ctrls[SIM_VIFS_MAX];

struct sim_vif_ctrl *sim_vif_ctrl_of(uint32_t index)
{
    ASSERT(index < SIM_VIFS_MAX);
    return &ctrls[index];
}

static struct sim_vif_ctrl *of(const struct sim_vif *vif)
{
    return &ctrls[vif->b.index];
}

void sim_vif_ctrl_keys(struct sim_vif *vif)
{
    const struct sim_vif_conf *conf = vif->conf;
    memset(of(vif), 0, sizeof(*of(vif)));
    if (conf->ctrl_ring)
        sim_xs_write(sim_vif_back(vif, "feature-ctrl-ring"), "1");
    if (conf->multicast)
        sim_xs_write(sim_vif_back(vif, "feature-multicast-control"), "1");
    if (conf->multicast_dynamic)
        sim_xs_write(sim_vif_back(vif, "feature-dynamic-multicast-control"), "1");
}

/* ---- connecting ----------------------------------------------------------------------------- */

static void attach(struct sim_vif *vif)
{
    struct sim_vif_ctrl *ctrl = of(vif);
    int16_t status;
    ctrl->gref = sim_xs_read_u32(sim_vif_front(vif, "ctrl-ring-ref"), 0);
    if (ctrl->gref == 0)
        return; /* the guest wants none */
    if (!vif->conf->ctrl_ring)
        sim_back_fault(&vif->b, "a control ring, which was not offered");
    ctrl->ring = (void *)sim_grant_map(ctrl->gref, true, &status);
    if (ctrl->ring == NULL) {
        sim_back_refuse(&vif->b, "ctrl-ring-ref", "not a grant that may be mapped for writing");
        return;
    }
    uint32_t port = sim_xs_read_u32(sim_vif_front(vif, "event-channel-ctrl"), 0);
    ctrl->port = sim_dom0_bind_work(port, (uint8_t)SIM_WORK_VIF_STATE(vif->b.index));
    if (ctrl->port <= 0) {
        sim_grant_unmap(ctrl->gref, true);
        ctrl->ring = NULL;
        sim_back_refuse(&vif->b, "event-channel-ctrl", "not an unbound port for domain 0");
        return;
    }
    ctrl->cons = ctrl->prod = ctrl->pushed = READ_ONCE(ctrl->ring->rsp_prod);
    sim_work_set(SIM_WORK_VIF_STATE(vif->b.index));
}

void sim_vif_ctrl_connect(struct sim_vif *vif)
{
    struct sim_vif_ctrl *ctrl = of(vif);
    ctrl->ring = NULL;
    ctrl->mute = false;
    ctrl->alg = XEN_NETIF_CTRL_HASH_ALGORITHM_NONE;
    ctrl->flags = 0;
    ctrl->map_size = 0;
    memset(ctrl->key, 0, sizeof(ctrl->key));
    ctrl->mcast_count = 0;
    ctrl->filtering = vif->conf->multicast &&
                      sim_xs_read_u32(sim_vif_front(vif, "request-multicast-control"), 0) == 1;
    attach(vif);
}

void sim_vif_ctrl_disconnect(struct sim_vif *vif)
{
    struct sim_vif_ctrl *ctrl = of(vif);
    if (ctrl->ring == NULL)
        return;
    sim_dom0_close((uint32_t)ctrl->port);
    sim_grant_unmap(ctrl->gref, true);
    ctrl->ring = NULL;
}

/* ---- control requests ----------------------------------------------------------------------- */

/* Reads `len` bytes of the page that a request names. */
static bool read_page(uint32_t gref, void *to, size_t len)
{
    int16_t status;
    const uint8_t *page = sim_grant_use(gref, 0, (uint32_t)len, false, &status);
    if (page == NULL)
        return false;
    memcpy(to, page, len);
    return true;
}

static uint32_t set_key(struct sim_vif_ctrl *ctrl, uint32_t gref, uint32_t len)
{
    uint8_t key[SIM_HASH_KEY_MAX] = {0};
    if (len > sizeof(key) || (len != 0 && !read_page(gref, key, len)))
        return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
    memcpy(ctrl->key, key, sizeof(key));
    return XEN_NETIF_CTRL_STATUS_SUCCESS;
}

static uint32_t set_map(struct sim_vif *vif, uint32_t gref, uint32_t len, uint32_t off)
{
    struct sim_vif_ctrl *ctrl = of(vif);
    uint32_t map[SIM_HASH_MAP_MAX];
    if (!cs_in(ctrl->map_size, off, len) || (len != 0 && !read_page(gref, map, len * sizeof(*map))))
        return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
    for (uint32_t i = 0; i < len; i++) {
        if (map[i] >= vif->queue_count)
            return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
    }
    memcpy(ctrl->map + off, map, len * sizeof(*map));
    return XEN_NETIF_CTRL_STATUS_SUCCESS;
}

static uint32_t map_max(const struct sim_vif *vif)
{
    return vif->conf->hash_map_max != 0 ? vif->conf->hash_map_max : SIM_HASH_MAP_MAX;
}

static uint32_t serve(struct sim_vif *vif, const struct xen_netif_ctrl_request *req, uint32_t *data)
{
    struct sim_vif_ctrl *ctrl = of(vif);
    switch (req->type) {
    case XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM:
        if (vif->conf->no_hash)
            return XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED;
        if (req->data[0] > XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ)
            return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
        ctrl->alg = req->data[0];
        return XEN_NETIF_CTRL_STATUS_SUCCESS;
    case XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS:
        if (ctrl->alg == XEN_NETIF_CTRL_HASH_ALGORITHM_NONE)
            return XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED;
        *data = TYPES_ALL;
        return XEN_NETIF_CTRL_STATUS_SUCCESS;
    case XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS:
        if ((req->data[0] & ~(uint32_t)TYPES_ALL) != 0 ||
            ctrl->alg == XEN_NETIF_CTRL_HASH_ALGORITHM_NONE)
            return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
        ctrl->flags = req->data[0];
        return XEN_NETIF_CTRL_STATUS_SUCCESS;
    case XEN_NETIF_CTRL_TYPE_SET_HASH_KEY:
        return set_key(ctrl, req->data[0], req->data[1]);
    case XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE:
        *data = vif->conf->no_hash_map ? 0 : map_max(vif);
        return XEN_NETIF_CTRL_STATUS_SUCCESS;
    case XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE:
        if (req->data[0] > u32_min(map_max(vif), SIM_HASH_MAP_MAX))
            return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
        ctrl->map_size = req->data[0];
        memset(ctrl->map, 0, sizeof(ctrl->map));
        return XEN_NETIF_CTRL_STATUS_SUCCESS;
    case XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING:
        return set_map(vif, req->data[0], req->data[1], req->data[2]);
    default:
        return XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED;
    }
}

static void answer(struct sim_vif *vif, const struct xen_netif_ctrl_request *req)
{
    struct sim_vif_ctrl *ctrl = of(vif);
    struct xen_netif_ctrl_response rsp = {.id = req->id, .type = req->type};
    rsp.status = serve(vif, req, &rsp.data);
    if (ctrl->spoil != NULL)
        ctrl->spoil(vif, req, &rsp);
    ctrl->spoil = NULL;
    ctrl->requests++;
    ctrl->failed += rsp.status != XEN_NETIF_CTRL_STATUS_SUCCESS;
    if (ctrl->mute)
        return;
    ctrl->ring->ring[ctrl->prod++ % SIM_CTRL_SLOTS].rsp = rsp;
}

void sim_vif_ctrl_push(struct sim_vif *vif)
{
    struct sim_vif_ctrl *ctrl = of(vif);
    uint32_t old = ctrl->pushed;
    if (old == ctrl->prod)
        return;
    wmb(); /* the responses before the index that publishes them */
    WRITE_ONCE(ctrl->ring->rsp_prod, ctrl->prod);
    mb(); /* the index before reading whether the guest wants an event */
    ctrl->pushed = ctrl->prod;
    if (ctrl->prod - READ_ONCE(ctrl->ring->rsp_event) < ctrl->prod - old)
        sim_dom0_send((uint32_t)ctrl->port);
}

void sim_vif_ctrl_step(struct sim_vif *vif)
{
    struct sim_vif_ctrl *ctrl = of(vif);
    if (ctrl->ring == NULL || vif->b.dead)
        return;
    sim_dom0_events((uint32_t)ctrl->port);
    for (;;) {
        uint32_t ready = READ_ONCE(ctrl->ring->req_prod);
        rmb(); /* the index before the requests it publishes */
        if (ready - ctrl->prod > SIM_CTRL_SLOTS) {
            sim_back_fatal(&vif->b, "control requests run ahead of the ring", ready - ctrl->prod);
            return;
        }
        if (ready == ctrl->cons) {
            WRITE_ONCE(ctrl->ring->req_event, ctrl->cons + 1);
            mb(); /* ask for an event before looking again */
            if (READ_ONCE(ctrl->ring->req_prod) == ctrl->cons)
                break;
            continue;
        }
        struct xen_netif_ctrl_request req;
        memcpy(&req, &ctrl->ring->ring[ctrl->cons++ % SIM_CTRL_SLOTS], sizeof(req));
        answer(vif, &req);
    }
    sim_vif_ctrl_push(vif);
}

/* ---- steering ------------------------------------------------------------------------------- */

/* The flow of an IPv4 frame, and the type of hash that is asked for it; 0: none. */
static uint32_t flow_of(const struct sim_vif_ctrl *ctrl, const uint8_t *frame, size_t len,
                        uint8_t flow[12], uint8_t *htype)
{
    const uint8_t *ip = frame + 14;
    if (len < 14 + 20 || frame[12] != 0x08 || frame[13] != 0x00 || ip[0] < 0x45 || ip[0] > 0x4f)
        return 0;
    size_t l4 = 14 + 4 * (size_t)(ip[0] & 15);
    memcpy(flow, ip + 12, 8);
    if ((ctrl->flags & XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP) != 0 && ip[9] == 6 &&
        (ip[6] & 0x3f) == 0 && ip[7] == 0 && len >= l4 + 4) {
        memcpy(flow + 8, frame + l4, 4);
        *htype = _XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP;
        return 12;
    }
    *htype = _XEN_NETIF_CTRL_HASH_TYPE_IPV4;
    return (ctrl->flags & XEN_NETIF_CTRL_HASH_TYPE_IPV4) != 0 ? 8 : 0;
}

int sim_vif_ctrl_queue(struct sim_vif *vif, const uint8_t *frame, uint32_t len,
                       struct netif_extra_info *extra)
{
    const struct sim_vif_ctrl *ctrl = of(vif);
    uint8_t flow[12], htype = 0;
    uint32_t hash = 0;
    if (ctrl->alg == XEN_NETIF_CTRL_HASH_ALGORITHM_NONE)
        return -1;
    uint32_t n = flow_of(ctrl, frame, len, flow, &htype);
    if (n != 0) {
        hash = xen_netif_toeplitz_hash(ctrl->key, sizeof(ctrl->key), flow, n);
        extra->type = XEN_NETIF_EXTRA_TYPE_HASH;
        extra->u.hash.type = htype;
        extra->u.hash.algorithm = XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ;
        memcpy(extra->u.hash.value, &hash, sizeof(hash));
    }
    return (int)(ctrl->map_size != 0 ? ctrl->map[hash % ctrl->map_size] : hash % vif->queue_count);
}

/* ---- the multicast filter ------------------------------------------------------------------- */

static uint32_t find(const struct sim_vif_ctrl *ctrl, const uint8_t addr[6])
{
    uint32_t i = 0;
    while (i < ctrl->mcast_count && memcmp(ctrl->mcast[i], addr, 6) != 0)
        i++;
    return i;
}

bool sim_vif_mcast_change(struct sim_vif *vif, const struct netif_extra_info *extra)
{
    struct sim_vif_ctrl *ctrl = of(vif);
    uint32_t limit = vif->conf->multicast_max != 0 ? vif->conf->multicast_max : SIM_MCAST_MAX;
    uint32_t at = find(ctrl, extra->u.mcast.addr);
    if (!vif->conf->multicast)
        sim_back_fault(&vif->b, "a multicast request that no feature allows");
    if (extra->type == XEN_NETIF_EXTRA_TYPE_MCAST_DEL) {
        ctrl->mcast_dels++;
        if (at == ctrl->mcast_count)
            sim_back_fault(&vif->b, "a multicast group is deleted that was not added");
        else
            memmove(ctrl->mcast[at], ctrl->mcast[--ctrl->mcast_count], 6);
        return true;
    }
    ctrl->mcast_adds++;
    if (at < ctrl->mcast_count)
        sim_back_fault(&vif->b, "a multicast group is added twice");
    if (ctrl->mcast_count >= u32_min(limit, SIM_MCAST_MAX))
        return false;
    memcpy(ctrl->mcast[ctrl->mcast_count++], extra->u.mcast.addr, 6);
    return true;
}

bool sim_vif_mcast_wants(const struct sim_vif *vif, const uint8_t *frame)
{
    static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct sim_vif_ctrl *ctrl = of(vif);
    if ((frame[0] & 1) == 0 || memcmp(frame, broadcast, 6) == 0 || !vif->conf->multicast)
        return true;
    /* A driver that watches the key goes by what it is now. */
    if (vif->conf->multicast_dynamic)
        ctrl->filtering = sim_xs_read_u32(sim_vif_front(vif, "request-multicast-control"), 0) == 1;
    return !ctrl->filtering || find(ctrl, frame) < ctrl->mcast_count;
}
