/* SPDX-License-Identifier: ISC */
/* hostile_tx.c - lies told in transmit responses. */
#include "hostile_priv.h"

static void answer(struct sim_netq *q, uint16_t id, int16_t status)
{
    q->tx->ring[q->tx_prod++ % NETBACK_SLOTS].rsp = (struct netif_tx_response){id, status};
    sim_ids_remove(q->tx_ids, id);
    sim_vif_tx_push(q);
}

/* The next request, which is a frame's and not extra info as far as one can see. False: none. */
static bool take(struct sim_netq *q, struct netif_tx_request *r)
{
    if (q->tx_cons == READ_ONCE(q->tx->req_prod))
        return false;
    *r = q->tx->ring[q->tx_cons++ % NETBACK_SLOTS].req;
    return true;
}

bool sim_lie_tx_unknown_id(struct sim_netq *q)
{
    answer(q, sim_random(2) == 0 ? (uint16_t)word() : (uint16_t)(NETBACK_SLOTS + sim_random(4)),
           NETIF_RSP_OKAY);
    return true;
}

bool sim_lie_tx_twice(struct sim_netq *q)
{
    struct netif_tx_response last = q->tx->ring[(q->tx_prod - 1) % NETBACK_SLOTS].rsp;
    answer(q, last.id, last.status);
    return true;
}

/* The id of the next request, which stays to be taken. */
bool sim_lie_tx_unasked(struct sim_netq *q)
{
    if (q->tx_cons == READ_ONCE(q->tx->req_prod))
        return false;
    answer(q, q->tx->ring[q->tx_cons % NETBACK_SLOTS].req.id, NETIF_RSP_OKAY);
    return true;
}

static bool take_and_say(struct sim_netq *q, int16_t status)
{
    struct netif_tx_request r;
    if (!take(q, &r))
        return false;
    answer(q, r.id, status);
    return true;
}

bool sim_lie_tx_status(struct sim_netq *q)
{
    return take_and_say(q, (int16_t)word());
}

bool sim_lie_tx_error(struct sim_netq *q)
{
    return take_and_say(q, sim_random(2) == 0 ? NETIF_RSP_ERROR : NETIF_RSP_DROPPED);
}

/* More of them than there can be slots of extra info in flight. */
bool sim_lie_tx_null(struct sim_netq *q)
{
    struct netif_tx_request r;
    bool any = false;
    for (uint32_t n = 1 + sim_random(20); n != 0 && take(q, &r); n--) {
        q->tx->ring[q->tx_prod++ % NETBACK_SLOTS].rsp =
            (struct netif_tx_response){r.id, NETIF_RSP_NULL};
        any = true;
    }
    sim_vif_tx_push(q);
    return any;
}

bool sim_lie_tx_other_queue(struct sim_netq *q)
{
    struct sim_netq *other = &q->vif->queue[sim_random(q->vif->queue_count)];
    struct netif_tx_request r;
    if (other == q || !take(q, &r))
        return false;
    answer(other, r.id, NETIF_RSP_OKAY);
    return true;
}

bool sim_lie_tx_mapped(struct sim_netq *q)
{
    struct netif_tx_request r;
    if (q->tx_cons == READ_ONCE(q->tx->req_prod))
        return false;
    r = q->tx->ring[q->tx_cons % NETBACK_SLOTS].req;
    if (!sim_keep_map(sim_kept, SIM_KEPT_MAX, r.gref, false))
        return false;
    q->tx_cons++;
    answer(q, r.id, NETIF_RSP_OKAY);
    return true;
}

bool sim_lie_tx_ahead(struct sim_netq *q)
{
    q->tx_prod += distance();
    sim_vif_tx_push(q);
    return true;
}

bool sim_lie_tx_back(struct sim_netq *q)
{
    q->tx_prod -= distance();
    sim_vif_tx_push(q);
    return true;
}

bool sim_lie_tx_swallow(struct sim_netq *q)
{
    struct netif_tx_request r;
    return take(q, &r);
}
