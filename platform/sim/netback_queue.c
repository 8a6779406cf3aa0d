/* SPDX-License-Identifier: ISC */
/* netback_queue.c - attaching to the guest's rings, and telling it of responses.
 *
 * What the frontend writes is judged as Linux's xen-netback does: more queues than were offered, a
 * ring that cannot be mapped, or a channel that cannot be bound end the attempt. One queue has its
 * keys in the device's own directory, several have them in queue-N/.
 */
#include <stdio.h>
#include <string.h>

#include "netback.h"

/* The path of a queue's key in the frontend's directory. */
static const char *queue_key(const struct sim_netq *q, unsigned count, const char *key)
{
    char name[64];
    if (count == 1)
        return sim_vif_front(q->vif, key);
    snprintf(name, sizeof(name), "queue-%u/%s", q->index, key);
    return sim_vif_front(q->vif, name);
}

/* Maps a ring page whose grant the frontend wrote under `key`. */
static void *map_ring(struct sim_netq *q, unsigned count, const char *key, uint32_t *gref)
{
    int16_t status;
    *gref = sim_xs_read_u32(queue_key(q, count, key), 0);
    void *ring = *gref == 0 ? NULL : sim_grant_map(*gref, true, &status);
    if (ring == NULL)
        sim_back_refuse(&q->vif->b, key, "not a grant that may be mapped for writing");
    return ring;
}

static bool map_rings(struct sim_netq *q, unsigned count)
{
    q->tx = map_ring(q, count, "tx-ring-ref", &q->tx_gref);
    if (q->tx == NULL)
        return false;
    q->rx = map_ring(q, count, "rx-ring-ref", &q->rx_gref);
    if (q->rx == NULL)
        sim_grant_unmap(q->tx_gref, true);
    return q->rx != NULL;
}

static int bind_key(struct sim_netq *q, unsigned count, const char *key, unsigned work)
{
    uint32_t port = sim_xs_read_u32(queue_key(q, count, key), 0);
    int ours = port == 0 ? -E_NOENT : sim_dom0_bind_work(port, (uint8_t)work);
    if (port != 0 && ours <= 0)
        sim_back_refuse(&q->vif->b, key, "not an unbound port for domain 0");
    return ours;
}

/* One channel for each direction; or, where one of those keys is missing, one for both. */
static bool bind_ports(struct sim_netq *q, unsigned count)
{
    unsigned tx_work = SIM_WORK_VIF_TX(q->vif->b.index), rx_work = SIM_WORK_VIF_RX(q->vif->b.index);
    if (sim_xs_read_u32(queue_key(q, count, "event-channel-tx"), 0) == 0 ||
        sim_xs_read_u32(queue_key(q, count, "event-channel-rx"), 0) == 0) {
        q->tx_port = q->rx_port = bind_key(q, count, "event-channel", tx_work);
        return q->tx_port > 0 ||
               (q->tx_port == -E_NOENT && sim_back_refuse(&q->vif->b, "event-channel", "missing"));
    }
    if (q->vif->conf->no_split)
        sim_back_fault(&q->vif->b, "split event channels, which were not offered");
    q->tx_port = bind_key(q, count, "event-channel-tx", tx_work);
    if (q->tx_port <= 0)
        return false;
    q->rx_port = bind_key(q, count, "event-channel-rx", rx_work);
    if (q->rx_port <= 0)
        sim_dom0_close((uint32_t)q->tx_port);
    return q->rx_port > 0;
}

static void detach(struct sim_netq *q)
{
    sim_dom0_close((uint32_t)q->tx_port);
    if (q->rx_port != q->tx_port)
        sim_dom0_close((uint32_t)q->rx_port);
    sim_grant_unmap(q->tx_gref, true);
    sim_grant_unmap(q->rx_gref, true);
    q->tx = NULL;
    q->rx = NULL;
}

static bool attach(struct sim_netq *q, unsigned count)
{
    if (!map_rings(q, count))
        return false;
    if (!bind_ports(q, count)) {
        sim_grant_unmap(q->tx_gref, true);
        sim_grant_unmap(q->rx_gref, true);
        return false;
    }
    /* As BACK_RING_ATTACH of io/ring.h: a ring may begin at any index. */
    q->tx_cons = q->tx_prod = q->tx_pushed = READ_ONCE(q->tx->rsp_prod);
    q->rx_cons = q->rx_prod = q->rx_pushed = READ_ONCE(q->rx->rsp_prod);
    memset(q->tx_ids, 0, sizeof(q->tx_ids));
    q->tx_due = true;
    return true;
}

static bool read_flags(struct sim_vif *vif)
{
    if (sim_xs_read_u32(sim_vif_front(vif, "request-rx-copy"), 0) != 1)
        return sim_back_refuse(&vif->b, "request-rx-copy", "must be 1");
    if (!vif->conf->rx_poll && sim_xs_read_u32(sim_vif_front(vif, "feature-rx-notify"), 0) != 1)
        return sim_back_refuse(&vif->b, "feature-rx-notify", "must be 1");
    vif->guest_sg = sim_xs_read_u32(sim_vif_front(vif, "feature-sg"), 0) == 1;
    vif->guest_csum = sim_xs_read_u32(sim_vif_front(vif, "feature-no-csum-offload"), 0) == 0;
    vif->guest_gso =
        vif->guest_sg && sim_xs_read_u32(sim_vif_front(vif, "feature-gso-tcpv4"), 0) == 1;
    return true;
}

bool sim_vif_connect(struct sim_vif *vif)
{
    uint32_t max = vif->conf->queues_max == 0 ? 1 : vif->conf->queues_max;
    uint32_t count = sim_xs_read_u32(sim_vif_front(vif, "multi-queue-num-queues"), 1);
    if (count == 0 || count > max || count > NETBACK_QUEUES_MAX)
        return sim_back_refuse(&vif->b, "multi-queue-num-queues", "not a number that was offered");
    if (!read_flags(vif))
        return false;
    for (unsigned i = 0; i < count; i++) {
        vif->queue[i] = (struct sim_netq){.vif = vif, .index = i};
        if (!attach(&vif->queue[i], count)) {
            while (i-- != 0)
                detach(&vif->queue[i]);
            return false;
        }
    }
    vif->queue_count = count;
    vif->give = NULL;
    vif->cut.len = 0;
    vif->b.connected = true;
    vif->b.dead = false;
    vif->rx_wait = true;
    vif->rx_full = false;
    sim_vif_ctrl_connect(vif);
    sim_work_set(SIM_WORK_VIF_TX(vif->b.index));
    return true;
}

void sim_vif_disconnect(struct sim_vif *vif)
{
    sim_vif_ctrl_disconnect(vif);
    for (unsigned i = 0; i < vif->queue_count; i++)
        detach(&vif->queue[i]);
    vif->queue_count = 0;
    vif->b.connected = false;
}

/* ---- responses ------------------------------------------------------------------------------ */

/* Responses were made up to `prod`; the guest was told of them up to *pushed. */
static void push(struct sim_netq *q, int port, uint32_t *rsp_prod, const uint32_t *rsp_event,
                 uint32_t prod, uint32_t *pushed)
{
    uint32_t old = *pushed;
    if (old == prod)
        return;
    wmb(); /* the responses before the index that publishes them */
    WRITE_ONCE(*rsp_prod, prod);
    mb(); /* the index before reading whether the guest wants an event */
    *pushed = prod;
    if (prod - READ_ONCE(*rsp_event) < prod - old) {
        q->vif->stats.events_to++;
        sim_dom0_send((uint32_t)port);
    }
}

void sim_vif_tx_push(struct sim_netq *q)
{
    push(q, q->tx_port, &q->tx->rsp_prod, &q->tx->rsp_event, q->tx_prod, &q->tx_pushed);
}

void sim_vif_rx_push(struct sim_netq *q)
{
    push(q, q->rx_port, &q->rx->rsp_prod, &q->rx->rsp_event, q->rx_prod, &q->rx_pushed);
}
