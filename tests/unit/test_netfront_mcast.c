/* SPDX-License-Identifier: ISC */
/* test_netfront_mcast.c - multicast control against a backend that is worked by hand. */
#include "tests/netfront/life.h"

#define MAC(n) ((const uint8_t[6]){0x01, 0x00, 0x5e, 0x00, (uint8_t)((n) >> 8), (uint8_t)(n)})

struct wish {
    uint16_t id;
    uint8_t type;
    uint8_t mac[6];
};

static void offer(bool dynamic)
{
    sim_xs_write(PEER_BACK "/feature-multicast-control", "1");
    if (dynamic)
        sim_xs_write(PEER_BACK "/feature-dynamic-multicast-control", "1");
}

static void begin(bool dynamic)
{
    peer_start(&(struct peer_conf){.seed = 1});
    offer(dynamic);
    assert_int_equal(peer_open(), 0);
    assert_int_equal(front_key("request-multicast-control"), 1);
}

static int join(unsigned n)
{
    return peer.dev->ops->multicast(peer.dev, MAC(n), true);
}

static int leave(unsigned n)
{
    return peer.dev->ops->multicast(peer.dev, MAC(n), false);
}

/* The next wish: two slots, of which the first has no data and the second is padded with zeros. */
static bool take(struct wish *wish)
{
    struct netif_extra_info extra;
    struct netfront_tx_req req;

    if (!peer_tx_take(&req))
        return false;
    assert_int_equal(req.txf, TXF_EXTRA_INFO);
    assert_int_equal(req.gref, 0);
    assert_int_equal(req.size, 0);
    assert_int_equal(req.offset, 0);
    assert_true(peer_tx_take_extra(&extra));
    assert_int_equal(extra.flags, 0);
    *wish = (struct wish){.id = req.id, .type = extra.type};
    memcpy(wish->mac, extra.u.mcast.addr, 6);
    return true;
}

static void answer(const struct wish *wish, int16_t status)
{
    peer_tx_answer(wish->id, status);
    peer_tx_answer(0xdead, NETIF_RSP_NULL); /* extra info has no id */
    peer_tx_push();
}

static void expect(uint8_t type, unsigned n, int16_t status)
{
    struct wish wish;

    assert_true(take(&wish));
    assert_int_equal(wish.type, type);
    assert_memory_equal(wish.mac, MAC(n), 6);
    answer(&wish, status);
}

static void turn(void)
{
    struct pkt *none;

    assert_int_equal(netdev_rx(peer.dev, &none, 1), 0);
    netdev_arm(peer.dev);
}

/* The wish to join a first group is on its way. */
static void begin_joining(struct wish *wish)
{
    begin(false);
    assert_int_equal(join(1), 0);
    turn();
    assert_true(take(wish));
}

static void assert_quiet(void)
{
    struct wish wish;

    turn();
    assert_false(take(&wish));
}

static uint32_t free_slots(void)
{
    return peer.nf->queue[0].tx.free_count;
}

/* ---- the list -------------------------------------------------------------------------------- */

static void test_join_and_leave_reach_the_backend(void **state)
{
    (void)state;
    begin(false);
    assert_quiet();
    assert_int_equal(join(1), 0);
    assert_int_equal(join(2), 0);
    turn();
    expect(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 1, NETIF_RSP_OKAY);
    expect(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 2, NETIF_RSP_OKAY);
    turn();
    assert_int_equal(join(1), 0); /* it is there */
    assert_quiet();
    assert_int_equal(leave(1), 0);
    turn();
    expect(XEN_NETIF_EXTRA_TYPE_MCAST_DEL, 1, NETIF_RSP_OKAY);
    assert_int_equal(leave(1), 0);
    assert_int_equal(leave(77), 0);
    assert_quiet();
    assert_int_equal(free_slots(), NETFRONT_RING_SLOTS);
    assert_int_equal(peer.dev->stats.tx_packets, 0);
    assert_traffic();
    peer_stop(0);
}

static void test_only_groups_can_be_joined(void **state)
{
    (void)state;
    begin(false);
    assert_int_equal(peer.dev->ops->multicast(peer.dev, peer.dev->mac, true), -E_INVAL);
    assert_int_equal(
        peer.dev->ops->multicast(peer.dev, (const uint8_t *)"\xff\xff\xff\xff\xff\xff", true),
        -E_INVAL);
    assert_quiet();
    peer_stop(0);
}

/* One wish of a group's is in flight: what the program says meanwhile is told after the answer. */
static void test_changes_of_mind_wait_for_the_answer(void **state)
{
    struct wish wish;

    (void)state;
    begin_joining(&wish);
    assert_int_equal(leave(1), 0);
    assert_quiet();
    answer(&wish, NETIF_RSP_OKAY);
    turn();
    assert_true(take(&wish));
    assert_int_equal(wish.type, XEN_NETIF_EXTRA_TYPE_MCAST_DEL);
    assert_int_equal(join(1), 0);
    assert_int_equal(leave(1), 0);
    assert_int_equal(join(1), 0);
    assert_quiet();
    answer(&wish, NETIF_RSP_OKAY);
    turn();
    expect(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 1, NETIF_RSP_OKAY);
    assert_int_equal(leave(1), 0);
    assert_int_equal(join(1), 0); /* back before it was told */
    assert_quiet();
    peer_stop(0);
}

static void test_without_the_feature_nothing_is_told(void **state)
{
    (void)state;
    start(&(struct peer_conf){.seed = 1});
    assert_int_equal(front_key("request-multicast-control"), 0);
    for (unsigned i = 0; i < NETFRONT_MCAST_MAX; i++)
        assert_int_equal(join(i), 0);
    assert_quiet();
    assert_int_equal(leave(1), 0);
    assert_quiet();
    peer_stop(0);
}

static void test_all_multicast_asks_for_no_filter(void **state)
{
    (void)state;
    peer_start(&(struct peer_conf){.seed = 1, .off.all_multicast = true});
    offer(true);
    assert_int_equal(peer_open(), 0);
    assert_int_equal(front_key("request-multicast-control"), 0);
    peer_stop(0);
}

/* Where frames fill the ring, wishes wait, and are told in their turn. */
static void test_a_full_ring_delays_and_loses_nothing(void **state)
{
    struct netfront_tx_req reqs[NETFRONT_RING_SLOTS];
    struct wish wish;

    (void)state;
    begin(false);
    for (unsigned i = 0; i < NETFRONT_RING_SLOTS - 3; i++)
        assert_int_equal(netdev_tx(peer.dev, peer_packet(60, 1)), 0);
    assert_int_equal(join(1), 0);
    assert_int_equal(join(2), 0);
    turn();
    for (unsigned i = 0; i < NETFRONT_RING_SLOTS - 3; i++)
        assert_true(peer_tx_take(&reqs[i]));
    assert_true(take(&wish));
    assert_memory_equal(wish.mac, MAC(1), 6);
    assert_quiet();
    for (unsigned i = 0; i < NETFRONT_RING_SLOTS - 3; i++)
        peer_tx_answer(reqs[i].id, NETIF_RSP_OKAY);
    answer(&wish, NETIF_RSP_OKAY);
    turn();
    expect(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 2, NETIF_RSP_OKAY);
    assert_quiet();
    assert_int_equal(free_slots(), NETFRONT_RING_SLOTS);
    peer_stop(0);
}

/* ---- connections ----------------------------------------------------------------------------- */

static void reconnect(void)
{
    peer_set_state(XENBUS_CLOSING);
    for (unsigned i = 0; i < 8; i++) {
        peer_run();
        netdev_arm(peer.dev);
    }
    peer_set_state(XENBUS_INIT_WAIT);
    for (unsigned i = 0; i < 8; i++) {
        peer_run();
        netdev_arm(peer.dev);
    }
    assert_true(peer.dev->link_up);
}

/* The new backend's list is empty: all that is joined is told again, and nothing else; one in
 * flight, too. */
static void test_groups_are_told_again_after_a_reconnect(void **state)
{
    struct wish wish;

    (void)state;
    begin(false);
    for (unsigned i = 1; i <= 3; i++)
        assert_int_equal(join(i), 0);
    turn();
    for (unsigned i = 1; i <= 3; i++)
        expect(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, i, NETIF_RSP_OKAY);
    turn();
    assert_int_equal(leave(2), 0);
    assert_int_equal(join(4), 0);
    turn();
    assert_true(take(&wish));
    assert_true(take(&wish)); /* neither is answered */
    reconnect();
    assert_int_equal(front_key("request-multicast-control"), 1);
    turn();
    expect(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 1, NETIF_RSP_OKAY);
    expect(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 3, NETIF_RSP_OKAY);
    expect(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 4, NETIF_RSP_OKAY);
    assert_quiet();
    peer_stop(0);
}

static void test_joins_while_the_link_is_down_are_told_when_it_comes(void **state)
{
    (void)state;
    begin(false);
    assert_int_equal(join(1), 0);
    turn();
    expect(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 1, NETIF_RSP_OKAY);
    peer_set_state(XENBUS_CLOSING);
    for (unsigned i = 0; i < 8; i++) {
        peer_run();
        netdev_arm(peer.dev);
    }
    assert_false(peer.dev->link_up);
    assert_int_equal(join(2), 0);
    assert_int_equal(leave(1), 0);
    peer_set_state(XENBUS_INIT_WAIT);
    for (unsigned i = 0; i < 8; i++) {
        peer_run();
        netdev_arm(peer.dev);
    }
    turn();
    expect(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 2, NETIF_RSP_OKAY);
    assert_quiet();
    peer_stop(0);
}

/* ---- more groups than fit -------------------------------------------------------------------- */

static void fill_list(void)
{
    for (unsigned i = 0; i < NETFRONT_MCAST_MAX; i++)
        assert_int_equal(join(i), 0);
    turn();
    for (unsigned i = 0; i < NETFRONT_MCAST_MAX; i++)
        expect(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, i, NETIF_RSP_OKAY);
    turn();
}

static void test_a_full_list_floods_where_the_backend_watches(void **state)
{
    (void)state;
    begin(true);
    fill_list();
    assert_int_equal(join(1000), 0);
    assert_int_equal(front_key("request-multicast-control"), 1); /* not inside join */
    turn();
    assert_int_equal(front_key("request-multicast-control"), 0);
    assert_int_equal(peer.dev->stats.multicast_full, 1);
    assert_int_equal(logged("all multicast is received"), 1);
    assert_int_equal(join(1001), 0);
    assert_quiet();
    assert_int_equal(peer.dev->stats.multicast_full, 2);
    assert_int_equal(logged("all multicast is received"), 1);
    reconnect();
    assert_int_equal(front_key("request-multicast-control"), 0);
    peer_stop(0);
}

static void test_a_full_list_refuses_where_it_does_not(void **state)
{
    (void)state;
    begin(false);
    fill_list();
    assert_int_equal(join(1000), -E_NOSPC);
    assert_int_equal(peer.dev->stats.multicast_full, 1);
    assert_quiet();
    assert_int_equal(front_key("request-multicast-control"), 1);
    /* A place is free when the leave was answered, not before: its request may be in flight. */
    assert_int_equal(leave(5), 0);
    assert_int_equal(join(1000), -E_NOSPC);
    turn();
    expect(XEN_NETIF_EXTRA_TYPE_MCAST_DEL, 5, NETIF_RSP_OKAY);
    turn();
    assert_int_equal(join(1000), 0);
    turn();
    expect(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 1000, NETIF_RSP_OKAY);
    peer_stop(0);
}

static void test_what_the_backend_does_not_add(void **state)
{
    (void)state;
    for (unsigned dynamic = 0; dynamic < 2; dynamic++) {
        begin(dynamic != 0);
        assert_int_equal(join(1), 0);
        assert_int_equal(join(2), 0);
        turn();
        expect(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 1, NETIF_RSP_OKAY);
        expect(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 2, NETIF_RSP_ERROR);
        assert_quiet(); /* it is not asked again and again */
        assert_int_equal(peer.dev->stats.multicast_refused, 1);
        assert_int_equal(peer.dev->stats.tx_errors, 0);
        assert_int_equal(logged("does not add multicast group 01:00:5e:00:00:02"), 1);
        assert_int_equal(front_key("request-multicast-control"), dynamic == 0);
        assert_int_equal(leave(2), 0); /* it never had it */
        assert_quiet();
        assert_int_equal(join(2), 0);
        reconnect();
        turn();
        expect(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 1, NETIF_RSP_OKAY);
        expect(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 2, NETIF_RSP_OKAY);
        peer_stop(0);
    }
}

static void test_a_delete_that_fails_is_done(void **state)
{
    (void)state;
    begin(false);
    assert_int_equal(join(1), 0);
    turn();
    expect(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 1, NETIF_RSP_OKAY);
    turn();
    assert_int_equal(leave(1), 0);
    turn();
    expect(XEN_NETIF_EXTRA_TYPE_MCAST_DEL, 1, NETIF_RSP_ERROR);
    assert_quiet();
    assert_int_equal(peer.dev->stats.multicast_refused, 0);
    peer_stop(0);
}

/* ---- lies ------------------------------------------------------------------------------------ */

static void assert_closed(void)
{
    turn();
    assert_false(peer.dev->link_up);
    assert_int_equal(peer.dev->stats.violations, 1);
    peer_stop(0);
}

static void test_an_answer_twice_is_a_lie(void **state)
{
    struct wish wish;

    (void)state;
    begin_joining(&wish);
    peer_tx_answer(wish.id, NETIF_RSP_OKAY);
    peer_tx_answer(wish.id, NETIF_RSP_OKAY);
    peer_tx_push();
    assert_closed();
}

static void test_a_status_above_null_is_a_lie(void **state)
{
    struct wish wish;

    (void)state;
    begin_joining(&wish);
    peer_tx_answer(wish.id, NETIF_RSP_NULL + 1);
    peer_tx_push();
    assert_closed();
}

static void test_more_empty_answers_than_extra_info_are_a_lie(void **state)
{
    struct wish wish;

    (void)state;
    begin_joining(&wish);
    peer_tx_answer(wish.id, NETIF_RSP_NULL);
    peer_tx_answer(wish.id, NETIF_RSP_NULL);
    peer_tx_push();
    assert_closed();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_join_and_leave_reach_the_backend),
        cmocka_unit_test(test_only_groups_can_be_joined),
        cmocka_unit_test(test_changes_of_mind_wait_for_the_answer),
        cmocka_unit_test(test_without_the_feature_nothing_is_told),
        cmocka_unit_test(test_all_multicast_asks_for_no_filter),
        cmocka_unit_test(test_a_full_ring_delays_and_loses_nothing),
        cmocka_unit_test(test_groups_are_told_again_after_a_reconnect),
        cmocka_unit_test(test_joins_while_the_link_is_down_are_told_when_it_comes),
        cmocka_unit_test(test_a_full_list_floods_where_the_backend_watches),
        cmocka_unit_test(test_a_full_list_refuses_where_it_does_not),
        cmocka_unit_test(test_what_the_backend_does_not_add),
        cmocka_unit_test(test_a_delete_that_fails_is_done),
        cmocka_unit_test(test_an_answer_twice_is_a_lie),
        cmocka_unit_test(test_a_status_above_null_is_a_lie),
        cmocka_unit_test(test_more_empty_answers_than_extra_info_are_a_lie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
