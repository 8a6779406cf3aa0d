/* SPDX-License-Identifier: ISC */
/* hostile_ring.c - a netback's lies by shared memory and by grants. */
#include <string.h>

#include "hostile_priv.h"

struct sim_keep sim_kept[SIM_KEPT_MAX];

bool sim_lie_ring_rewrite(struct sim_netq *q)
{
    for (uint32_t n = 1 + sim_random(16); n != 0; n--) {
        noise(&q->tx->ring[sim_random(NETBACK_SLOTS)], sizeof(q->tx->ring[0]));
        noise(&q->rx->ring[sim_random(NETBACK_SLOTS)], sizeof(q->rx->ring[0]));
    }
    return true;
}

bool sim_lie_ring_events(struct sim_netq *q)
{
    q->tx->req_event = word();
    q->tx->rsp_event = word();
    q->rx->req_event = word();
    q->rx->rsp_event = word();
    return true;
}

bool sim_lie_ring_producer(struct sim_netq *q)
{
    if (sim_random(2) == 0)
        q->tx->req_prod += distance();
    else
        q->rx->req_prod += distance();
    return true;
}

bool sim_lie_ring_noise(struct sim_netq *q)
{
    noise(sim_random(2) == 0 ? (void *)q->tx : (void *)q->rx, SIM_PAGE);
    return true;
}

uint8_t *sim_lie_posted_page(const struct sim_netq *q, uint32_t at)
{
    int16_t status;
    struct netif_rx_request r;
    memcpy(&r, &q->rx->ring[at % NETBACK_SLOTS], sizeof(r));
    return sim_grant_use(r.gref, 0, SIM_PAGE, true, &status);
}

bool sim_lie_page_scribble(struct sim_netq *q)
{
    sim_keep_scribble(sim_kept, SIM_KEPT_MAX);
    uint8_t *page = sim_lie_posted_page(q, word());
    if (page != NULL)
        noise(page, 64);
    return true;
}

bool sim_lie_grant_keep(struct sim_netq *q)
{
    struct netif_tx_request tx;
    struct netif_rx_request rx;
    memcpy(&tx, &q->tx->ring[sim_random(NETBACK_SLOTS)], sizeof(tx));
    memcpy(&rx, &q->rx->ring[sim_random(NETBACK_SLOTS)], sizeof(rx));
    if (sim_random(2) == 0)
        return sim_keep_map(sim_kept, SIM_KEPT_MAX, tx.gref, false);
    return sim_keep_map(sim_kept, SIM_KEPT_MAX, rx.gref, true);
}

bool sim_lie_grant_release(struct sim_vif *vif)
{
    (void)vif;
    return sim_keep_release(sim_kept, SIM_KEPT_MAX);
}
