/* SPDX-License-Identifier: ISC */
/* vif_ctrl.c - what a network backend does beyond frames, honest and not: the control ring, by
 * which the guest says how flows are spread over queues, and multicast control. The guest of
 * tests/guest/liar asks for something of both all the time. */
#include <stdio.h>
#include <string.h>

#include "liar.h"

#define SLOTS 128u
#define HASH_TYPES 3u /* IPv4, and with TCP: what the guest knows of those that we offer */
#define TABLE_MAX 128u
#define TIMEOUT_MS 5300u /* the guest waits for 5 s */

typedef struct xen_netif_ctrl_request ctrl_req;

/* ---- the control ring: the honest part ------------------------------------------------------- */

void vif_ctrl_connect(struct device *d)
{
    struct vif_ctrl *c = &d->ctrl;
    uint32_t gref = store_number(d->front, "ctrl-ring-ref", 0);

    memset(c, 0, sizeof(*c));
    if (gref == 0)
        return;
    c->ring = device_map(d, &gref, 1, true, &c->at);
    c->cons = c->prod = c->ring->rsp_prod;
    c->port = device_bind(d, store_number(d->front, "event-channel-ctrl", 0));
}

static bool asks(const struct vif_ctrl *c)
{
    return *(volatile uint32_t *)&c->ring->req_prod != c->cons;
}

static ctrl_req take(struct device *d)
{
    struct vif_ctrl *c = &d->ctrl;

    vif_wait_for(&c->ring->req_prod, c->cons, "control");
    return c->ring->ring[c->cons++ % SLOTS].req;
}

static void put(struct device *d, uint16_t id, uint16_t type, uint32_t status, uint32_t data)
{
    struct vif_ctrl *c = &d->ctrl;

    c->ring->ring[c->prod++ % SLOTS].rsp =
        (struct xen_netif_ctrl_response){.id = id, .type = type, .status = status, .data = data};
    __sync_synchronize();
    c->ring->rsp_prod = c->prod;
    __sync_synchronize();
    device_notify(d, c->port);
}

static void check_table(struct device *d, const ctrl_req *req)
{
    uint64_t at;
    uint32_t *table = device_map(d, &req->data[0], 1, false, &at);

    for (unsigned i = 0; i < req->data[1] && i < TABLE_MAX; i++)
        if (table[i] >= d->pairs)
            die("the guest's table says queue %u", table[i]);
    device_unmap(d, table, 1, at);
}

/* Has more types and a longer table to offer than there are. */
static void answer(struct device *d, const ctrl_req *req)
{
    if (req->type == XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING)
        check_table(d, req);
    if (req->type == XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE && req->data[0] > TABLE_MAX)
        die("the guest's table has %u entries", req->data[0]);
    if (req->type == XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS) {
        if (req->data[0] != HASH_TYPES)
            die("the guest asks for types %x of hash", req->data[0]);
        d->ctrl.hashes = true;
    }
    put(d, req->id, req->type, XEN_NETIF_CTRL_STATUS_SUCCESS, UINT32_MAX);
}

void vif_ctrl_serve(struct device *d)
{
    while (d->ctrl.ring != NULL && (!d->ctrl.hashes || asks(&d->ctrl))) {
        ctrl_req req = take(d);

        answer(d, &req);
    }
}

/* ---- the control ring: lies ------------------------------------------------------------------ */

void tell_ctrl_ahead(struct device *d)
{
    (void)take(d);
    d->ctrl.prod++;
    put(d, 0, 0, XEN_NETIF_CTRL_STATUS_SUCCESS, 0);
}

void tell_ctrl_id(struct device *d)
{
    ctrl_req req = take(d);

    put(d, req.id + 1, req.type, XEN_NETIF_CTRL_STATUS_SUCCESS, 0);
}

void tell_ctrl_type(struct device *d)
{
    ctrl_req req = take(d);

    put(d, req.id, req.type + 1, XEN_NETIF_CTRL_STATUS_SUCCESS, 0);
}

void tell_ctrl_status(struct device *d)
{
    ctrl_req req = take(d);

    put(d, req.id, req.type, XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW + 1, 0);
}

void tell_ctrl_mapped(struct device *d)
{
    ctrl_req req = take(d);

    while (req.type != XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING) {
        answer(d, &req);
        req = take(d);
    }
    device_keep(d, req.data[0], false);
    answer(d, &req);
}

void tell_ctrl_refused(struct device *d)
{
    ctrl_req req = take(d);

    put(d, req.id, req.type, XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER, 0);
}

void tell_storm(struct device *d)
{
    const unsigned ports[] = {d->pair[0].tx_port, d->pair[0].rx_port, d->pair[1].tx_port,
                              d->pair[1].rx_port, d->ctrl.port};
    uint64_t end = now_ms() + TIMEOUT_MS;
    unsigned n;

    vif_wait_for(&d->ctrl.ring->req_prod, d->ctrl.cons, "control");
    for (n = 0; now_ms() < end; n += 500)
        device_storm(d, ports, sizeof(ports) / sizeof(ports[0]), 500);
    printf("told: %u events\n", n);
}

/* ---- multicast control ----------------------------------------------------------------------- */

void vif_mcast_put(struct device *d, uint16_t id, int16_t status)
{
    (void)vif_tx_next(d); /* the extra info */
    vif_tx_put(d, id, status);
    vif_tx_put(d, id, NETIF_RSP_NULL);
}

/* The next request to add a group; what is before it is served. */
static uint16_t take_add(struct device *d)
{
    d->q = d->pair; /* they come by the first queue */
    for (;;) {
        netif_tx_request_t req = vif_tx_next(d);
        const netif_extra_info_t *extra;

        if ((req.flags & NETTXF_extra_info) == 0) {
            vif_tx_put(d, req.id, NETIF_RSP_OKAY);
        } else {
            extra = (const void *)&d->q->tx->ring[d->q->tx_cons % VIF_SLOTS];
            if (extra->type == XEN_NETIF_EXTRA_TYPE_MCAST_ADD)
                return req.id;
            vif_mcast_put(d, req.id, NETIF_RSP_OKAY);
        }
        vif_push(d);
    }
}

void tell_mcast_refused(struct device *d)
{
    vif_mcast_put(d, take_add(d), NETIF_RSP_ERROR);
    vif_push(d);
}

void tell_mcast_twice(struct device *d)
{
    uint16_t id = take_add(d);

    vif_mcast_put(d, id, NETIF_RSP_OKAY);
    (void)vif_tx_take(d);
    vif_tx_put(d, id, NETIF_RSP_OKAY);
    vif_push(d);
}

/* The status that extra info has, for the request too. */
void tell_mcast_null(struct device *d)
{
    vif_mcast_put(d, take_add(d), NETIF_RSP_NULL);
    vif_push(d);
}
