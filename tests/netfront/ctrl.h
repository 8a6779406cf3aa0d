/* SPDX-License-Identifier: ISC */
/* ctrl.h - the control ring against a backend that is worked by hand; each test includes it once.
 */
#ifndef TESTS_NETFRONT_CTRL_H
#define TESTS_NETFRONT_CTRL_H

#include "tests/netfront/life.h"

#include "netfront/netfront_ctrl_wire.h"

/* The backend's end of the control ring. */
static struct {
    struct xen_netif_ctrl_sring *ring;
    uint32_t gref, port, cons, prod;
} back;

static unsigned queues = 2; /* as many as the frontend is to believe it has */

static UNUSED void poll(void)
{
    uint8_t real = peer.nf->queue_count;

    peer.nf->queue_count = (uint8_t)queues;
    netfront_ctrl_poll(peer.nf);
    peer.nf->queue_count = real;
}

static UNUSED int publish(struct xs *xs, xs_txn_t txn, void *arg)
{
    (void)xs;
    return netfront_ctrl_publish(arg, txn);
}

static UNUSED void create(bool offered)
{
    uint8_t real = peer.nf->queue_count;

    netfront_ctrl_destroy(peer.nf);
    peer.nf->queue_count = (uint8_t)queues;
    netfront_ctrl_create(peer.nf, offered);
    peer.nf->queue_count = real;
    assert_int_equal(xs_txn_run(&peer.xs, publish, peer.nf), 0);
}

static UNUSED void connect(void)
{
    int16_t status;

    back.gref = front_key("ctrl-ring-ref");
    back.ring = (void *)sim_grant_map(back.gref, true, &status);
    assert_non_null(back.ring);
    back.port = (uint32_t)sim_dom0_bind(front_key("event-channel-ctrl"));
    assert_int_not_equal(back.port, 0);
    back.cons = back.prod = back.ring->rsp_prod;
    netfront_ctrl_start(peer.nf);
}

/* A connected device whose first control request is on its way. */
static UNUSED void begin(void)
{
    queues = 2;
    start(&(struct peer_conf){.seed = 1});
    create(true);
    connect();
}

static UNUSED void let_go(void)
{
    sim_grant_unmap(back.gref, true);
    sim_dom0_close(back.port);
    back.ring = NULL;
}

static UNUSED void end(void)
{
    if (back.ring != NULL)
        let_go();
    netfront_ctrl_destroy(peer.nf);
    peer_stop(0);
}

/* The one request in flight, which is the only one. */
static UNUSED struct xen_netif_ctrl_request take(void)
{
    struct xen_netif_ctrl_request req;

    assert_int_equal(back.ring->req_prod, back.cons + 1);
    memcpy(&req, &back.ring->ring[back.cons++ % 128], sizeof(req));
    back.ring->req_event = back.cons + 1;
    return req;
}

static UNUSED void assert_idle(void)
{
    poll();
    assert_int_equal(back.ring->req_prod, back.cons);
    assert_false(netfront_ctrl_arm(peer.nf));
}

static UNUSED void answer_raw(uint16_t id, uint16_t type, uint32_t status, uint32_t data)
{
    back.ring->ring[back.prod++ % 128].rsp =
        (struct xen_netif_ctrl_response){.id = id, .type = type, .status = status, .data = data};
    back.ring->rsp_prod = back.prod;
}

static UNUSED void answer(const struct xen_netif_ctrl_request *req, uint32_t status, uint32_t data)
{
    answer_raw(req->id, req->type, status, data);
    poll();
}

/* Takes the next request, which is of this type, and answers it with success. */
static UNUSED struct xen_netif_ctrl_request serve(uint16_t type, uint32_t data)
{
    struct xen_netif_ctrl_request req = take();

    assert_int_equal(req.type, type);
    answer(&req, CTRL_SUCCESS, data);
    return req;
}

static UNUSED const uint8_t *page_of(uint32_t gref)
{
    int16_t status;

    assert_null(sim_grant_use(gref, 0, 4096, true, &status)); /* read-only */
    return sim_grant_use(gref, 0, 4096, false, &status);
}

/* What is asked of a backend that does all of it. */
static const uint16_t order[] = {CTRL_SET_HASH_ALGORITHM,    CTRL_GET_HASH_FLAGS,
                                 CTRL_SET_HASH_KEY,          CTRL_GET_HASH_MAPPING_SIZE,
                                 CTRL_SET_HASH_MAPPING_SIZE, CTRL_SET_HASH_MAPPING,
                                 CTRL_SET_HASH_FLAGS};

#endif
