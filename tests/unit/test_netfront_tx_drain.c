/* SPDX-License-Identifier: ISC */
/* Tests of netfront_tx.c, drain and arm: back-pressure and its wake-up, lies in responses. */
#include "tests/netfront/tx.h"

/* ---- back-pressure --------------------------------------------------------------------------- */

static void fill_ring(void)
{
    while (peer.nf->queue[0].tx.free_count != 0)
        send(peer_packet(60, 0));
    netdev_tx_flush(peer.dev);
}

static void test_full_ring_refuses_then_wakes(void **state)
{
    struct pkt *pkt;
    struct netfront_tx_req req;

    (void)state;
    start(&(struct peer_conf){.seed = 1, .index = 0xffffff00});
    for (unsigned round = 0; round < 6; round++) {
        fill_ring();
        pkt = peer_packet(60, 1);
        assert_int_equal(netdev_tx(peer.dev, pkt), -E_AGAIN);
        assert_int_equal(pkt->frag_count, 1);
        assert_false(netdev_arm(peer.dev));
        peer.events_to = 0;
        for (unsigned i = 0; i < NETFRONT_RING_SLOTS; i++) {
            assert_true(peer_tx_take(&req));
            peer_tx_answer(req.id, NETIF_RSP_OKAY);
            peer_tx_push(); /* each by itself: still one event */
            if (i < 100)
                assert_int_equal(peer.events_to, 0);
        }
        assert_int_equal(peer.events_to, 1);
        assert_true(netdev_arm(peer.dev));
        send(pkt);
        netdev_tx_flush(peer.dev);
        peer_tx_all();
        netdev_arm(peer.dev);
    }
    assert_int_equal(peer.dev->stats.tx_full, 6);
    peer_stop(0);
}

/* The answer comes between the refusal and arm, when rsp_event is an old one: arm looks again, so
 * nothing is lost. */
static void test_no_lost_wakeup(void **state)
{
    struct pkt *pkt;

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    fill_ring();
    pkt = peer_packet(60, 1);
    assert_int_equal(netdev_tx(peer.dev, pkt), -E_AGAIN);
    peer_tx_all();
    assert_true(netdev_arm(peer.dev));
    send(pkt);
    netdev_tx_flush(peer.dev);
    peer_tx_all();
    peer_stop(0);
}

/* A frame of 18 slots needs 18 answers: that many, and no fewer, wake. */
static void test_wakes_when_a_large_frame_fits(void **state)
{
    uint32_t lens[18];
    struct netfront_tx_req req;
    struct pkt *pkt;

    (void)state;
    start(&(struct peer_conf){.seed = 1, .mtu = "9000"});
    for (unsigned i = 0; i < 18; i++)
        lens[i] = 100;
    fill_ring();
    pkt = pieces(lens, 18);
    assert_int_equal(netdev_tx(peer.dev, pkt), -E_AGAIN);
    for (unsigned i = 0; i < 17; i++) {
        assert_true(peer_tx_take(&req));
        peer_tx_answer(req.id, NETIF_RSP_OKAY);
        peer_tx_push();
        assert_false(netdev_arm(peer.dev));
    }
    assert_true(peer_tx_take(&req));
    peer_tx_answer(req.id, NETIF_RSP_OKAY);
    peer_tx_push();
    assert_true(netdev_arm(peer.dev));
    send(pkt);
    netdev_tx_flush(peer.dev);
    peer_tx_all();
    peer_stop(0);
}

/* An old backend keeps so many ids that a long frame never fits: who was told to wait for room is
 * told that waiting is over, and then that there is none. */
static void test_refused_frame_that_can_never_fit_is_not_waited_for(void **state)
{
    enum { KEPT = NETFRONT_RING_SLOTS - 6 };
    static gref_t kept[KEPT];
    struct netfront_tx_req req;
    struct pkt *pkt, *none[1];
    int16_t status;

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    for (unsigned i = 0; i < KEPT; i++) {
        send(peer_packet(60, 0));
        kept[i] = take().gref;
        assert_non_null(sim_grant_map(kept[i], false, &status));
    }
    peer_set_state(XENBUS_CLOSING);
    for (unsigned i = 0; i < 20 && (i < 10 || !peer.dev->link_up); i++) {
        if (i == 9)
            peer_set_state(XENBUS_INIT_WAIT);
        peer_run();
        netdev_arm(peer.dev);
    }
    assert_true(peer.dev->link_up);
    assert_int_equal(peer.nf->queue[0].tx.free_count, NETFRONT_RING_SLOTS - KEPT);
    send(peer_packet(60, 0));
    pkt = peer_packet(60, 0);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(pkt_append_take(pkt, page_get(&peer.pages), 0, 60), 0);
    assert_int_equal(netdev_tx(peer.dev, pkt), -E_AGAIN);
    req = take();
    peer_tx_answer(req.id, NETIF_RSP_OKAY);
    peer_tx_push();
    assert_int_equal(netdev_rx(peer.dev, none, 1), 0);
    assert_true(netdev_arm(peer.dev));
    assert_int_equal(netdev_tx(peer.dev, pkt), -E_NOMEM);
    assert_false(netdev_arm(peer.dev));
    pkt_put(pkt);
    for (unsigned i = 0; i < KEPT; i++)
        sim_grant_unmap(kept[i], false);
    peer_stop(0);
}

/* Nobody waits for room, and the program sleeps: an event when all is sent, so that pages come
 * back. */
static void test_pages_come_back_while_asleep(void **state)
{
    struct netfront_tx_req req;

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    for (unsigned i = 0; i < 5; i++)
        send(peer_packet(60, 0));
    assert_false(netdev_arm(peer.dev)); /* arm flushes too */
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(peer.events_to, 0);
        assert_true(peer_tx_take(&req));
        peer_tx_answer(req.id, NETIF_RSP_OKAY);
        peer_tx_push();
    }
    assert_int_equal(peer.events_to, 1);
    /* arm itself took them, so it says so: no event will tell whoever waits for pages. */
    assert_true(netdev_arm(peer.dev));
    assert_int_equal(peer.pages.free_count, BASE);
    assert_false(netdev_arm(peer.dev));
    peer_stop(0);
}

/* At most one event for 32 slots, each way, in bulk. */
static void test_events_in_bulk(void **state)
{
    uint64_t slots = 0;

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    for (unsigned round = 0; round < 1000; round++) {
        struct pkt *pkt;

        for (unsigned i = 0; i < 64; i++, slots++) {
            pkt = peer_packet(60, 0);
            if (netdev_tx(peer.dev, pkt) != 0) {
                pkt_put(pkt);
                break;
            }
        }
        netdev_tx_flush(peer.dev);
        if (round % 2 == 0 && !netdev_arm(peer.dev))
            peer_tx_all();
    }
    assert_true(peer.dev->stats.tx_notify * 32 <= slots);
    assert_true(peer.events_to * 32 <= slots);
    peer_tx_all();
    peer_stop(0);
}

static void test_indices_wrap(void **state)
{
    (void)state;
    start(&(struct peer_conf){.seed = 1, .index = 0xffffff00});
    for (unsigned i = 0; i < 600; i++) {
        struct netfront_tx_req req;

        send(peer_packet(60 + i % 100, (uint8_t)i));
        req = take();
        assert_int_equal(req.size, 60 + i % 100);
        assert_int_equal(peer_tx_bytes(&req, 60)[20], (uint8_t)(i + 20));
        answer(req.id);
    }
    assert_int_equal(peer.nf->queue[0].tx.ring.req_prod, 600 - 256);
    assert_int_equal(peer.dev->stats.violations, 0);
    peer_stop(0);
}

/* ---- responses ------------------------------------------------------------------------------- */

static void test_errors_are_counted(void **state)
{
    static const int16_t status[] = {NETIF_RSP_DROPPED, NETIF_RSP_ERROR, -3, INT16_MIN};

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    for (unsigned i = 0; i < ARRAY_SIZE(status); i++) {
        send(peer_packet(60, 0));
        peer_tx_answer(take().id, status[i]);
        peer_tx_push();
        netdev_arm(peer.dev);
        assert_int_equal(peer.dev->stats.tx_errors, i + 1);
    }
    assert_int_equal(peer.dev->stats.violations, 0);
    assert_int_equal(peer.pages.free_count, BASE);
    peer_stop(0);
}

static void assert_violation(enum netfront_violation what)
{
    struct pkt *none[1];

    assert_int_equal(netdev_rx(peer.dev, none, 1), 0);
    assert_int_equal(peer.nf->violation, what);
    assert_int_equal(peer.dev->stats.violations, 1);
    assert_false(peer.dev->link_up);
    netdev_arm(peer.dev);
    peer_check_pages();
    peer_stop(0);
}

static void test_ids_are_not_trusted(void **state)
{
    static const uint16_t ids[] = {1, 100, 255, 256, 257, 0x7fff, 0x8000, 0xffff};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(ids); i++) {
        start(&(struct peer_conf){.seed = 1});
        send(peer_packet(60, 0));
        assert_int_equal(take().id, 0);
        peer_tx_answer(ids[i], NETIF_RSP_OKAY);
        peer_tx_push();
        assert_violation(NETFRONT_TX_ID);
    }
    /* The same one twice. */
    start(&(struct peer_conf){.seed = 1});
    send(peer_packet(60, 0));
    send(peer_packet(60, 0));
    netdev_tx_flush(peer.dev);
    peer_tx_answer(0, NETIF_RSP_OKAY);
    peer_tx_answer(0, NETIF_RSP_OKAY);
    peer_tx_push();
    assert_violation(NETFRONT_TX_ID);
}

static void test_response_index_is_not_trusted(void **state)
{
    static const uint32_t ahead[] = {4, 256, 257, 1000, 0x7fffffff, 0x80000000, 0xffffffff};

    (void)state;
    for (unsigned wrap = 0; wrap < 2; wrap++) {
        for (unsigned i = 0; i < ARRAY_SIZE(ahead); i++) {
            start(&(struct peer_conf){.seed = 1, .index = wrap != 0 ? 0xffffff00 : 0});
            for (unsigned n = 0; n < 3; n++)
                send(peer_packet(60, 0));
            netdev_tx_flush(peer.dev);
            peer.tx.shared->rsp_prod += ahead[i];
            assert_violation(NETFRONT_TX_RSP_PROD);
        }
    }
}

/* What was not shown yet cannot have been answered. */
static void test_answer_before_push(void **state)
{
    (void)state;
    start(&(struct peer_conf){.seed = 1});
    send(peer_packet(60, 0));
    peer_tx_answer(0, NETIF_RSP_OKAY);
    peer_tx_push();
    assert_violation(NETFRONT_TX_RSP_PROD);
}

static void test_status_is_not_trusted(void **state)
{
    static const int16_t status[] = {NETIF_RSP_NULL, 2, INT16_MAX};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(status); i++) {
        start(&(struct peer_conf){.seed = 1});
        send(peer_packet(60, 0));
        peer_tx_answer(take().id, status[i]);
        peer_tx_push();
        assert_violation(NETFRONT_TX_STATUS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_ring_refuses_then_wakes),
        cmocka_unit_test(test_no_lost_wakeup),
        cmocka_unit_test(test_wakes_when_a_large_frame_fits),
        cmocka_unit_test(test_refused_frame_that_can_never_fit_is_not_waited_for),
        cmocka_unit_test(test_pages_come_back_while_asleep),
        cmocka_unit_test(test_events_in_bulk),
        cmocka_unit_test(test_indices_wrap),
        cmocka_unit_test(test_errors_are_counted),
        cmocka_unit_test(test_ids_are_not_trusted),
        cmocka_unit_test(test_response_index_is_not_trusted),
        cmocka_unit_test(test_answer_before_push),
        cmocka_unit_test(test_status_is_not_trusted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
