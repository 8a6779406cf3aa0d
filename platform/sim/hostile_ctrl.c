/* SPDX-License-Identifier: ISC */
/* hostile_ctrl.c - lies on the control ring. Requests are answered as soon as they come, so a lie
 * waits for the next one.
 */
#include "hostile_priv.h"
#include "netback_ctrl.h"

typedef struct xen_netif_ctrl_request req_t;
typedef struct xen_netif_ctrl_response rsp_t;

static void wrong_id(struct sim_vif *vif, const req_t *req, rsp_t *rsp)
{
    (void)vif, (void)req;
    rsp->id = (uint16_t)(rsp->id + distance());
}

static void wrong_type(struct sim_vif *vif, const req_t *req, rsp_t *rsp)
{
    (void)vif, (void)req;
    rsp->type = (uint16_t)(rsp->type + distance());
}

static void any_status(struct sim_vif *vif, const req_t *req, rsp_t *rsp)
{
    (void)vif, (void)req;
    rsp->status = distance();
}

static void any_data(struct sim_vif *vif, const req_t *req, rsp_t *rsp)
{
    (void)vif, (void)req;
    rsp->status = XEN_NETIF_CTRL_STATUS_SUCCESS;
    rsp->data = distance();
}

/* And none after it, until the next connection. */
static void silence(struct sim_vif *vif, const req_t *req, rsp_t *rsp)
{
    (void)req, (void)rsp;
    sim_vif_ctrl_of(vif->b.index)->mute = true;
}

static void ahead(struct sim_vif *vif, const req_t *req, rsp_t *rsp)
{
    (void)req, (void)rsp;
    sim_vif_ctrl_of(vif->b.index)->prod += distance();
}

/* The page of a key or a table stays mapped. */
static void mapped(struct sim_vif *vif, const req_t *req, rsp_t *rsp)
{
    (void)vif, (void)rsp;
    if (req->type == XEN_NETIF_CTRL_TYPE_SET_HASH_KEY ||
        req->type == XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING)
        sim_keep_map(sim_kept, SIM_KEPT_MAX, req->data[0], false);
}

bool sim_lie_ctrl_answer(struct sim_vif *vif)
{
    static sim_ctrl_spoil *const spoils[] = {wrong_id, wrong_type, any_status, any_data,
                                             silence,  ahead,      mapped};
    sim_vif_ctrl_of(vif->b.index)->spoil = spoils[sim_random(ARRAY_SIZE(spoils))];
    return true;
}

bool sim_lie_ctrl_index(struct sim_vif *vif)
{
    struct sim_vif_ctrl *ctrl = sim_vif_ctrl_of(vif->b.index);
    if (ctrl->ring == NULL)
        return false;
    ctrl->prod += distance();
    sim_vif_ctrl_push(vif);
    return true;
}

bool sim_lie_ctrl_noise(struct sim_vif *vif)
{
    struct sim_vif_ctrl *ctrl = sim_vif_ctrl_of(vif->b.index);
    if (ctrl->ring == NULL)
        return false;
    noise(ctrl->ring, SIM_PAGE);
    return true;
}
