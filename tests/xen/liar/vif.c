/* SPDX-License-Identifier: ISC */
/* vif.c - a network backend's rings, those of public/io/netif.h from the backend's side: the honest
 * part. */
#include <stdio.h>
#include <string.h>

#include "liar.h"

#define PATIENCE_MS 5000u

/* ---- connect --------------------------------------------------------------------------------- */

static void connect_queue(struct device *d, struct vif_queue *q, const char *dir)
{
    uint32_t tx = store_number(dir, "tx-ring-ref", 0);
    uint32_t rx = store_number(dir, "rx-ring-ref", 0);
    unsigned both = store_number(dir, "event-channel", 0);

    q->tx = device_map(d, &tx, 1, true, &q->tx_at);
    q->rx = device_map(d, &rx, 1, true, &q->rx_at);
    q->tx_cons = q->tx_prod = q->tx->rsp_prod;
    q->rx_cons = q->rx_prod = q->rx->rsp_prod;
    q->tx_port = device_bind(d, both != 0 ? both : store_number(dir, "event-channel-tx", 0));
    if (both == 0)
        q->rx_port = device_bind(d, store_number(dir, "event-channel-rx", 0));
}

/* The guest takes what it was offered, as far as it has use for it. */
static void check_offer(const struct device *d)
{
    unsigned most = store_number(d->back, "multi-queue-max-queues", 1);
    bool split = store_number(d->back, "feature-split-event-channels", 0) == 1;
    bool ctrl = store_number(d->back, "feature-ctrl-ring", 0) == 1;

    if (d->pairs != (most > 1 ? VIF_QUEUES_MAX : 1))
        die("%u queues, where it may have %u", d->pairs, most);
    if ((d->pair[0].rx_port != 0) != split)
        die("event channels are split, or not, against what was offered");
    if ((d->ctrl.ring != NULL) != (ctrl && d->pairs > 1))
        die("a control ring, or none, against what was offered");
}

void vif_connect(struct device *d)
{
    char dir[128];

    d->pairs = store_number(d->front, "multi-queue-num-queues", 1);
    if (d->pairs == 0 || d->pairs > VIF_QUEUES_MAX)
        die("%u queues", d->pairs);
    for (unsigned i = 0; i < d->pairs; i++) {
        snprintf(dir, sizeof(dir), "%s/queue-%u", d->front, i);
        connect_queue(d, &d->pair[i], d->pairs > 1 ? dir : d->front);
    }
    vif_ctrl_connect(d);
    check_offer(d);
    d->q = &d->pair[d->pairs - 1];
}

void vif_unbind(struct device *d)
{
    for (unsigned i = 0; i < d->pairs; i++) {
        device_unbind(d, &d->pair[i].tx_port);
        device_unbind(d, &d->pair[i].rx_port);
    }
    device_unbind(d, &d->ctrl.port);
}

void vif_disconnect(struct device *d)
{
    vif_unbind(d);
    for (unsigned i = 0; i < d->pairs; i++) {
        device_unmap(d, d->pair[i].tx, 1, d->pair[i].tx_at);
        device_unmap(d, d->pair[i].rx, 1, d->pair[i].rx_at);
    }
    device_unmap(d, d->ctrl.ring, 1, d->ctrl.at);
    d->ctrl.ring = NULL;
}

/* ---- requests and responses ------------------------------------------------------------------ */

static bool tx_waits(const struct vif_queue *q)
{
    return *(volatile uint32_t *)&q->tx->req_prod != q->tx_cons;
}

void vif_wait_for(volatile uint32_t *prod, uint32_t cons, const char *ring)
{
    uint64_t end = now_ms() + PATIENCE_MS;

    while (*prod == cons) {
        if (now_ms() > end)
            die("no request in the %s ring", ring);
        sleep_ms(2);
    }
    __sync_synchronize();
}

netif_tx_request_t vif_tx_next(struct device *d)
{
    vif_wait_for(&d->q->tx->req_prod, d->q->tx_cons, "transmit");
    return d->q->tx->ring[d->q->tx_cons++ % VIF_SLOTS].req;
}

netif_tx_request_t vif_tx_take(struct device *d)
{
    netif_tx_request_t req = vif_tx_next(d);

    while ((req.flags & NETTXF_extra_info) != 0) {
        vif_mcast_put(d, req.id, NETIF_RSP_OKAY);
        req = vif_tx_next(d);
    }
    return req;
}

netif_rx_request_t vif_rx_take(struct device *d)
{
    vif_wait_for(&d->q->rx->req_prod, d->q->rx_cons, "receive");
    return d->q->rx->ring[d->q->rx_cons++ % VIF_SLOTS].req;
}

void vif_tx_put(struct device *d, uint16_t id, int16_t status)
{
    d->q->tx->ring[d->q->tx_prod++ % VIF_SLOTS].rsp =
        (netif_tx_response_t){.id = id, .status = status};
}

void vif_rx_put(struct device *d, uint16_t id, uint16_t offset, uint16_t flags, int16_t status)
{
    d->q->rx->ring[d->q->rx_prod++ % VIF_SLOTS].rsp =
        (netif_rx_response_t){.id = id, .offset = offset, .flags = flags, .status = status};
}

void vif_rx_put_extra(struct device *d, netif_extra_info_t extra)
{
    (void)vif_rx_take(d);
    memcpy(&d->q->rx->ring[d->q->rx_prod++ % VIF_SLOTS], &extra, sizeof(extra));
}

void vif_push(struct device *d)
{
    struct vif_queue *q = d->q;

    __sync_synchronize();
    q->tx->rsp_prod = q->tx_prod;
    q->rx->rsp_prod = q->rx_prod;
    __sync_synchronize();
    device_notify(d, q->tx_port);
    if (q->rx_port != 0)
        device_notify(d, q->rx_port);
}

/* ---- an honest backend ----------------------------------------------------------------------- */

uint16_t vif_rx_fill(struct device *d)
{
    netif_rx_request_t req = vif_rx_take(d);
    uint64_t at;
    uint8_t *page = device_map(d, &req.gref, 1, true, &at);

    memset(page, 0, 64);
    memset(page, 0xff, 6);
    page[6] = 2;
    page[12] = 0x88; /* of the experimental types, IEEE 802: nobody reads it */
    page[13] = 0xb5;
    device_unmap(d, page, 1, at);
    return req.id;
}

static void serve(struct device *d)
{
    while (tx_waits(d->q)) { /* after a silence it is much */
        vif_tx_put(d, vif_tx_take(d).id, NETIF_RSP_OKAY);
        vif_push(d);
    }
    for (unsigned i = 0; i < 4; i++) {
        vif_tx_put(d, vif_tx_take(d).id, NETIF_RSP_OKAY);
        vif_rx_put(d, vif_rx_fill(d), 0, 0, 60);
        vif_push(d);
    }
}

/* The guest sleeps until the next frame, so it has taken all that were before, and what was shown
 * before them in the transmit ring. */
static bool is_settled(const struct device *d)
{
    for (unsigned i = 0; i < d->pairs; i++)
        if (*(volatile uint32_t *)&d->pair[i].rx->rsp_event != d->pair[i].rx_prod + 1)
            return false;
    return true;
}

bool vif_is_served(struct device *d)
{
    uint64_t end;

    for (d->q = d->pair; d->q < d->pair + d->pairs; d->q++)
        serve(d);
    d->q--;
    vif_ctrl_serve(d);
    end = now_ms() + PATIENCE_MS;
    while (!is_settled(d)) {
        if (now_ms() > end)
            return false;
        sleep_ms(2);
    }
    return device_front_state(d) == XenbusStateConnected;
}
