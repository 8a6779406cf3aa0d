/* SPDX-License-Identifier: ISC */
/* vif.c - a backend's honest part: what the guest granted is mapped by /dev/xen/gntdev, its event
 * channel bound by /dev/xen/evtchn. The rings are those of public/io/netif.h, from the backend's
 * side. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "liar.h"

typedef uint32_t grant_ref;
#include <xen/sys/evtchn.h>
#include <xen/sys/gntdev.h>

#define SLOTS 256u /* of either ring */
#define PATIENCE_MS 5000u

/* ---- states ---------------------------------------------------------------------------------- */

void vif_open(struct vif *v, unsigned domid, unsigned index)
{
    memset(v, 0, sizeof(*v));
    v->domid = domid;
    snprintf(v->front, sizeof(v->front), "/local/domain/%u/device/vif/%u", domid, index);
    /* Not where Linux's own netback looks for work. */
    snprintf(v->back, sizeof(v->back), "/local/domain/0/liar/%u/%u", domid, index);
    v->gntdev = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);
    v->evtchn = open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC);
    if (v->gntdev < 0 || v->evtchn < 0)
        die("/dev/xen: %s", strerror(errno));
}

unsigned vif_front_state(const struct vif *v)
{
    return store_number(v->front, "state", XenbusStateUnknown);
}

void vif_state(const struct vif *v, const char *state)
{
    store_write(v->back, "state", state);
}

bool vif_wait_front(const struct vif *v, unsigned states, unsigned ms)
{
    uint64_t end = now_ms() + ms;

    while ((states >> vif_front_state(v) & 1) == 0) {
        if (now_ms() > end)
            return false;
        sleep_ms(5);
    }
    return true;
}

/* ---- pages and events ------------------------------------------------------------------------ */

void *vif_map(struct vif *v, uint32_t gref, bool writable, uint64_t *at)
{
    struct ioctl_gntdev_map_grant_ref map = {.count = 1, .refs = {{v->domid, gref}}};
    void *page;

    if (ioctl(v->gntdev, IOCTL_GNTDEV_MAP_GRANT_REF, &map) < 0)
        die("gntdev: reference %u: %s", gref, strerror(errno));
    page = mmap(NULL, PAGE, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, v->gntdev,
                (off_t)map.index);
    if (page == MAP_FAILED)
        die("gntdev: reference %u cannot be mapped: %s", gref, strerror(errno));
    *at = map.index;
    return page;
}

void vif_unmap(struct vif *v, void *page, uint64_t at)
{
    struct ioctl_gntdev_unmap_grant_ref unmap = {.index = at, .count = 1};

    if (page == NULL)
        return;
    munmap(page, PAGE);
    (void)ioctl(v->gntdev, IOCTL_GNTDEV_UNMAP_GRANT_REF, &unmap);
}

void vif_notify(struct vif *v)
{
    struct ioctl_evtchn_notify notify = {v->port};

    (void)ioctl(v->evtchn, IOCTL_EVTCHN_NOTIFY, &notify); /* the guest may have closed it */
}

void vif_connect(struct vif *v)
{
    struct ioctl_evtchn_bind_interdomain bind = {v->domid,
                                                 store_number(v->front, "event-channel", 0)};
    int port;

    v->tx = vif_map(v, store_number(v->front, "tx-ring-ref", 0), true, &v->tx_at);
    v->rx = vif_map(v, store_number(v->front, "rx-ring-ref", 0), true, &v->rx_at);
    v->tx_cons = v->tx_prod = v->tx->rsp_prod;
    v->rx_cons = v->rx_prod = v->rx->rsp_prod;
    port = ioctl(v->evtchn, IOCTL_EVTCHN_BIND_INTERDOMAIN, &bind);
    if (port < 0)
        die("evtchn: port %u of the guest's: %s", bind.remote_port, strerror(errno));
    v->port = (unsigned)port;
}

void vif_disconnect(struct vif *v)
{
    struct ioctl_evtchn_unbind unbind = {v->port};

    if (v->port != 0)
        (void)ioctl(v->evtchn, IOCTL_EVTCHN_UNBIND, &unbind);
    v->port = 0;
    vif_unmap(v, v->kept, v->kept_at);
    vif_unmap(v, v->tx, v->tx_at);
    vif_unmap(v, v->rx, v->rx_at);
    v->kept = NULL;
    v->tx = NULL;
    v->rx = NULL;
}

/* ---- rings ----------------------------------------------------------------------------------- */

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

netif_tx_request_t vif_tx_take(struct vif *v)
{
    wait_for(&v->tx->req_prod, v->tx_cons, "transmit");
    return v->tx->ring[v->tx_cons++ % SLOTS].req;
}

netif_rx_request_t vif_rx_take(struct vif *v)
{
    wait_for(&v->rx->req_prod, v->rx_cons, "receive");
    return v->rx->ring[v->rx_cons++ % SLOTS].req;
}

void vif_tx_put(struct vif *v, uint16_t id, int16_t status)
{
    v->tx->ring[v->tx_prod++ % SLOTS].rsp = (netif_tx_response_t){.id = id, .status = status};
}

void vif_rx_put(struct vif *v, uint16_t id, uint16_t offset, uint16_t flags, int16_t status)
{
    v->rx->ring[v->rx_prod++ % SLOTS].rsp =
        (netif_rx_response_t){.id = id, .offset = offset, .flags = flags, .status = status};
}

void vif_rx_put_extra(struct vif *v, netif_extra_info_t extra)
{
    (void)vif_rx_take(v);
    memcpy(&v->rx->ring[v->rx_prod++ % SLOTS], &extra, sizeof(extra));
}

void vif_push(struct vif *v)
{
    __sync_synchronize();
    v->tx->rsp_prod = v->tx_prod;
    v->rx->rsp_prod = v->rx_prod;
    __sync_synchronize();
    vif_notify(v);
}

uint16_t vif_rx_fill(struct vif *v)
{
    netif_rx_request_t req = vif_rx_take(v);
    uint64_t at;
    uint8_t *page = vif_map(v, req.gref, true, &at);

    memset(page, 0, 64);
    memset(page, 0xff, 6);
    page[6] = 2;
    page[12] = 0x88; /* of the experimental types, IEEE 802: nobody reads it */
    page[13] = 0xb5;
    vif_unmap(v, page, at);
    return req.id;
}

bool vif_is_served(struct vif *v)
{
    for (unsigned i = 0; i < 4; i++) {
        vif_tx_put(v, vif_tx_take(v).id, NETIF_RSP_OKAY);
        vif_rx_put(v, vif_rx_fill(v), 0, 0, 60);
        vif_push(v);
    }
    return vif_front_state(v) == XenbusStateConnected;
}
