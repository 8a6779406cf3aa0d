/* SPDX-License-Identifier: ISC */
/* Tests of netfront.c and netfront_xs.c: the handshake over every pair of states, closing, coming
 * back. */
#include "tests/netfront/life.h"

/* ---- the table, whole ------------------------------------------------------------------------ */

#define UP 0x10 /* link_up */

/* What our state (and link) becomes when the backend's is seen. Rows: ours; columns: theirs, then
 * nonsense. A row that starts with link_up is Connected, where frames flow. */
static const uint8_t outcome[XENBUS_STATES][XENBUS_STATES + 1] = {
    /*                 Unk Ini IWt Ied Con     Cng Csd Rng Red     nonsense */
    /* Unknown */ {0, 0, 0, 0, 0, 0, 0, 0, 0, 6},
    /* Initialising */ {6, 1, 4, 1, 1, 1, 1, 1, 1, 6},
    /* InitWait */ {6, 2, 4, 2, 2, 2, 2, 2, 2, 6},
    /* Initialised */ {6, 3, 3, 3, UP | 4, 6, 6, 3, 3, 6},
    /* Connected */ {6, 5, 5, 5, UP | 4, 6, 6, 4, 4, 6},
    /* Closing */ {6, 5, 5, 5, 5, 6, 6, 5, 5, 6},
    /* Closed */ {6, 6, 4, 6, 6, 6, 6, 6, 6, 6},
    /* Reconfiguring */ {6, 7, 7, 7, 7, 6, 6, 7, 7, 6},
    /* Reconfigured */ {6, 8, 8, 8, UP | 8, 6, 6, 8, 8, 6},
};

static void test_every_pair_of_states(void **state)
{
    (void)state;
    for (unsigned ours = 0; ours < XENBUS_STATES; ours++) {
        for (unsigned theirs = 0; theirs <= XENBUS_STATES; theirs++) {
            bool has_rings = ours >= XENBUS_INITIALISED && ours != XENBUS_CLOSED;

            start(&(struct peer_conf){.seed = 1});
            peer.automatic = false;
            if (!has_rings) {
                peer_disconnect();
                assert_true(netfront_queues_destroy(peer.nf));
            }
            peer.dev->link_up = ours == XENBUS_CONNECTED;
            peer.nf->front.xb.state = ours;
            if (theirs == XENBUS_UNKNOWN)
                sim_xs_rm(PEER_BACK "/state");
            else if (theirs == XENBUS_STATES)
                sim_xs_write(PEER_BACK "/state", "garbage");
            else
                sim_xs_write(PEER_BACK "/state", "%u", theirs);
            peer_run();
            peer.nf->front.attention = true;
            netdev_arm(peer.dev);
            if ((peer.nf->front.xb.state | (peer.dev->link_up ? UP : 0)) != outcome[ours][theirs])
                fail_msg("ours %s, theirs %s: became %s%s", xenbus_state_name(ours),
                         xenbus_state_name(theirs), xenbus_state_name(peer.nf->front.xb.state),
                         peer.dev->link_up ? ", up" : "");
            /* Nothing moves by itself after that, whatever is called. */
            peer_run();
            netdev_arm(peer.dev);
            assert_int_equal(peer.nf->front.xb.state | (peer.dev->link_up ? UP : 0),
                             outcome[ours][theirs]);
            peer_disconnect();
            peer_stop(0);
        }
    }
}

/* The first frame waits for the backend's Connected, at first and after coming back. */
static void test_no_frame_before_backend_is_connected(void **state)
{
    struct pkt *pkt;

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    peer.automatic = false;
    peer_set_state(XENBUS_CLOSING);
    peer_run();
    assert_true(netdev_arm(peer.dev)); /* a changed link is work */
    assert_false(netdev_arm(peer.dev));
    assert_int_equal(peer_front_state(), XENBUS_CLOSED);
    peer_disconnect();
    peer_set_state(XENBUS_INIT_WAIT);
    peer_run();
    assert_true(netdev_arm(peer.dev)); /* xenstore was asked */
    assert_int_equal(peer_front_state(), XENBUS_CONNECTED);
    assert_false(peer.dev->link_up);
    pkt = peer_packet(100, 0);
    assert_int_equal(netdev_tx(peer.dev, pkt), -E_NETDOWN);
    assert_int_equal(peer.dev->stats.tx_link_down, 1);
    netdev_tx_flush(peer.dev);
    assert_true(peer_connect());
    assert_int_equal(peer.tx.shared->req_prod, 0);
    peer_set_state(XENBUS_CONNECTED);
    peer_run();
    assert_true(netdev_arm(peer.dev));
    assert_true(peer.dev->link_up);
    assert_int_equal(netdev_tx(peer.dev, pkt), 0);
    netdev_tx_flush(peer.dev);
    assert_int_equal(peer.tx.shared->req_prod, 1);
    assert_int_equal(peer_tx_all(), 1);
    assert_traffic();
    peer.automatic = true;
    peer_stop(0);
}

/* ---- the backend goes, and comes back -------------------------------------------------------- */

static void fill_tx(unsigned n)
{
    while (n-- > 0)
        assert_int_equal(netdev_tx(peer.dev, peer_packet(100, 0)), 0);
    netdev_tx_flush(peer.dev);
}

static void test_backend_leaves_in_mid_traffic_and_returns(void **state)
{
    struct pkt *pkts[4];

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    for (unsigned round = 0; round < 10; round++) {
        fill_tx(50);
        peer_set_state(
            XENBUS_CLOSING); /* the toolstack does that, while the backend still has the rings */
        peer.automatic = false;
        peer_run();
        assert_int_equal(netdev_rx(peer.dev, pkts, 4), 0);
        assert_false(peer.dev->link_up);
        assert_int_equal(netdev_rx(peer.dev, pkts, 4), 0);
        peer.automatic = true;
        peer_run();
        assert_int_equal(peer_front_state(), XENBUS_CLOSED);
        peer_run();
        netdev_arm(peer.dev);
        peer_disconnect();
        peer_set_state(XENBUS_INIT_WAIT);
        for (unsigned i = 0; i < 6; i++) {
            peer_run();
            netdev_arm(peer.dev);
        }
        assert_true(peer.dev->link_up);
        assert_traffic();
    }
    assert_int_equal(peer.dev->stats.violations, 0);
    peer_stop(0);
}

static void test_backend_directory_vanishes(void **state)
{
    (void)state;
    start(&(struct peer_conf){.seed = 1});
    fill_tx(20);
    peer.automatic = false;
    peer_disconnect(); /* its domain died: Xen unmaps */
    sim_xs_rm(PEER_BACK);
    peer_run();
    assert_true(netdev_arm(peer.dev));
    assert_false(peer.dev->link_up);
    assert_int_equal(peer_front_state(), XENBUS_CLOSED);
    assert_int_equal(peer.pages.free_count, peer.pages.total);
    peer_stop(0);
}

/* It starts anew without saying Closing: our rings are unknown to it. */
static void test_backend_restarts_without_a_word(void **state)
{
    (void)state;
    start(&(struct peer_conf){.seed = 1});
    fill_tx(20);
    peer.automatic = false;
    peer_disconnect();
    peer_set_state(XENBUS_INIT_WAIT);
    peer_run();
    assert_true(netdev_arm(peer.dev));
    assert_int_equal(peer_front_state(), XENBUS_CLOSING);
    peer.automatic = true;
    for (unsigned i = 0; i < 6; i++) {
        peer_run();
        netdev_arm(peer.dev);
    }
    /* It closed because we did, and waits there, as Linux's: we begin. */
    assert_traffic();
    peer_stop(0);
}

/* A request of xenstore sleeps, and what wakes it may be another's event: everyone must look once
 * more before the program sleeps. */
static void test_arm_reports_work_after_xenstore_was_asked(void **state)
{
    struct pkt *pkt;

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    while (netdev_arm(peer.dev))
        peer_run();
    for (unsigned by_rx = 0; by_rx < 2; by_rx++) {
        uint64_t asked = peer.xs.stats.requests;

        peer_set_state(XENBUS_CONNECTED); /* the same again: the watch fires all the same */
        peer_run();
        if (by_rx != 0)
            assert_int_equal(netdev_rx(peer.dev, &pkt, 1), 0);
        assert_true(netdev_arm(peer.dev));
        assert_int_not_equal(peer.xs.stats.requests, asked);
        assert_false(netdev_arm(peer.dev));
    }
    peer_stop(0);
}

/* ---- closing --------------------------------------------------------------------------------- */

static uint32_t seen_states[16], seen_count;

static void note_front_state(void)
{
    uint32_t now = peer_front_state();

    if (seen_count == 0 || seen_states[seen_count - 1] != now)
        seen_states[seen_count++ % 16] = now;
}

/* Closing, wait, Closed: a backend of Windows' hangs when Closing is left out. */
static void test_close_goes_through_closing(void **state)
{
    (void)state;
    start(&(struct peer_conf){.seed = 1});
    seen_count = 0;
    peer.on_wait = note_front_state;
    peer_close();
    note_front_state();
    assert_int_equal(seen_count, 2);
    assert_int_equal(seen_states[0], XENBUS_CLOSING);
    assert_int_equal(seen_states[1], XENBUS_CLOSED);
    peer_stop(0);
}

/* A backend that answers nothing more is waited for until the deadline, no longer; what it maps is
 * not used again. */
static void test_close_with_a_dead_backend(void **state)
{
    uint64_t before;

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    fill_tx(20);
    peer.automatic = false;
    before = plat_now_ns();
    peer_close();
    assert_in_range(plat_now_ns() - before, 10 * NS_PER_S, 22 * NS_PER_S);
    assert_int_equal(peer_front_state(), XENBUS_CLOSED);
    assert_int_equal(logged("2 pages stay quarantined"), 1); /* the rings */
    assert_int_equal(peer.pages.free_count, peer.pages.total - 2);
    assert_int_equal(peer.gt.stats.free_count, 4096 - GNTTAB_RESERVED - 2); /* the rings' stand */
    peer_check_pages();
    peer_stop(0);
}

static void test_close_and_open_100_times(void **state)
{
    uint32_t grants, watches, port;

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    port = peer.nf->queue[0].tx_port;
    peer_close();
    grants = peer.gt.stats.free_count;
    watches = sim_xs_watches();
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(peer_open(), 0);
        assert_int_equal(peer.nf->queue[0].tx_port, port); /* closed ports are given again */
        assert_traffic();
        fill_tx(i);
        if (i % 2 == 0)
            peer_tx_all();
        peer_check_pages();
        peer_close();
        assert_int_equal(peer.pages.free_count, peer.pages.total);
        assert_int_equal(peer.pool.free_count, peer.pool.total);
        assert_int_equal(peer.gt.stats.free_count, grants);
        assert_int_equal(sim_xs_watches(), watches);
    }
    peer_stop(0);
}

/* ---- violations ------------------------------------------------------------------------------ */

static void test_violation_closes_once_and_program_goes_on(void **state)
{
    struct pkt *pkt, *pkts[4];

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    fill_tx(10);
    peer_tx_answer(77, NETIF_RSP_OKAY);
    peer_tx_push();
    peer_rx_answer(99, 0, 0, 100);
    peer_rx_push();
    assert_int_equal(netdev_rx(peer.dev, pkts, 4), 0);
    assert_false(peer.dev->link_up);
    assert_int_equal(peer.dev->stats.violations, 1);
    assert_int_equal(logged("backend broke the protocol"), 1);
    peer.automatic = false;
    assert_true(netdev_arm(peer.dev));
    assert_false(netdev_arm(peer.dev));
    assert_int_equal(peer_front_state(), XENBUS_CLOSING);
    assert_int_equal(peer.pages.free_count,
                     peer.pages.total - 2); /* all but the rings, before it says a word */
    peer_check_pages();
    peer_auto(); /* it sees Closing, goes Closing itself */
    peer_run();
    netdev_arm(peer.dev);
    assert_int_equal(peer_front_state(), XENBUS_CLOSED);
    peer.automatic = true;
    pkt = peer_packet(100, 0);
    assert_int_equal(netdev_tx(peer.dev, pkt), -E_NETDOWN);
    pkt_put(pkt);
    assert_int_equal(peer.pages.free_count, peer.pages.total);
    /* It does not come back by itself, ... */
    peer_run();
    peer_set_state(XENBUS_INIT_WAIT);
    peer_run();
    netdev_arm(peer.dev);
    assert_int_equal(peer_front_state(), XENBUS_CLOSED);
    /* ... but when the program says so. */
    peer_close();
    assert_int_equal(peer_open(), 0);
    assert_traffic();
    peer_stop(0);
}

/* xenstored is dead too: the data path does not wait for it for longer than one request's time,
 * once. */
static void test_violation_with_dead_xenstored(void **state)
{
    struct pkt *pkts[4];
    uint64_t before;

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    peer_tx_answer(77, NETIF_RSP_OKAY);
    peer.tx.shared->rsp_prod += 5;
    sim_xs_stop(true);
    assert_int_equal(netdev_rx(peer.dev, pkts, 4), 0);
    assert_false(peer.dev->link_up);
    before = plat_now_ns();
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(netdev_rx(peer.dev, pkts, 4), 0);
        netdev_arm(peer.dev);
    }
    assert_true(plat_now_ns() - before < 20 * NS_PER_S);
    sim_xs_stop(false);
    peer_disconnect();
    peer_drop();
}

static void test_statistics_have_names(void **state)
{
    (void)state;
    assert_string_equal(netdev_stat_names[0], "tx_packets");
    assert_string_equal(netdev_stat_names[ARRAY_SIZE(netdev_stat_names) - 1], "multicast_refused");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_pair_of_states),
        cmocka_unit_test(test_no_frame_before_backend_is_connected),
        cmocka_unit_test(test_backend_leaves_in_mid_traffic_and_returns),
        cmocka_unit_test(test_backend_directory_vanishes),
        cmocka_unit_test(test_backend_restarts_without_a_word),
        cmocka_unit_test(test_arm_reports_work_after_xenstore_was_asked),
        cmocka_unit_test(test_close_goes_through_closing),
        cmocka_unit_test(test_close_with_a_dead_backend),
        cmocka_unit_test(test_close_and_open_100_times),
        cmocka_unit_test(test_violation_closes_once_and_program_goes_on),
        cmocka_unit_test(test_violation_with_dead_xenstored),
        cmocka_unit_test(test_statistics_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
