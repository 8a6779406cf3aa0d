/* SPDX-License-Identifier: ISC */
/* vif.c - a network backend's rings, those of public/io/netif.h from the backend's side: the honest
 * part. */
#include <string.h>

#include "liar.h"

#define SLOTS 256u /* of either ring */
#define PATIENCE_MS 5000u

void vif_connect(struct device *d)
{
    uint32_t tx = store_number(d->front, "tx-ring-ref", 0);
    uint32_t rx = store_number(d->front, "rx-ring-ref", 0);

    d->tx = device_map(d, &tx, 1, true, &d->tx_at);
    d->rx = device_map(d, &rx, 1, true, &d->rx_at);
    d->tx_cons = d->tx_prod = d->tx->rsp_prod;
    d->rx_cons = d->rx_prod = d->rx->rsp_prod;
    d->port = device_bind(d, store_number(d->front, "event-channel", 0));
}

void vif_disconnect(struct device *d)
{
    device_unbind(d, &d->port);
    device_unmap(d, d->tx, 1, d->tx_at);
    device_unmap(d, d->rx, 1, d->rx_at);
}

static void wait_for(volatile uint32_t *prod, uint32_t cons, const char *ring)
{
    uint64_t end = now_ms() + PATIENCE_MS;

    while (*prod == cons) {
        if (now_ms() > end)
            die("no request in the %s ring", ring);
        sleep_ms(2);
    }
    __sync_synchronize();
}

netif_tx_request_t vif_tx_take(struct device *d)
{
    wait_for(&d->tx->req_prod, d->tx_cons, "transmit");
    return d->tx->ring[d->tx_cons++ % SLOTS].req;
}

netif_rx_request_t vif_rx_take(struct device *d)
{
    wait_for(&d->rx->req_prod, d->rx_cons, "receive");
    return d->rx->ring[d->rx_cons++ % SLOTS].req;
}

void vif_tx_put(struct device *d, uint16_t id, int16_t status)
{
    d->tx->ring[d->tx_prod++ % SLOTS].rsp = (netif_tx_response_t){.id = id, .status = status};
}

void vif_rx_put(struct device *d, uint16_t id, uint16_t offset, uint16_t flags, int16_t status)
{
    d->rx->ring[d->rx_prod++ % SLOTS].rsp =
        (netif_rx_response_t){.id = id, .offset = offset, .flags = flags, .status = status};
}

void vif_rx_put_extra(struct device *d, netif_extra_info_t extra)
{
    (void)vif_rx_take(d);
    memcpy(&d->rx->ring[d->rx_prod++ % SLOTS], &extra, sizeof(extra));
}

void vif_push(struct device *d)
{
    __sync_synchronize();
    d->tx->rsp_prod = d->tx_prod;
    d->rx->rsp_prod = d->rx_prod;
    __sync_synchronize();
    device_notify(d, d->port);
}

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

bool vif_is_served(struct device *d)
{
    for (unsigned i = 0; i < 4; i++) {
        vif_tx_put(d, vif_tx_take(d).id, NETIF_RSP_OKAY);
        vif_rx_put(d, vif_rx_fill(d), 0, 0, 60);
        vif_push(d);
    }
    sleep_ms(30); /* the guest takes what it was given so far */
    return device_front_state(d) == XenbusStateConnected;
}
