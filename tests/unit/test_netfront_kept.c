/* SPDX-License-Identifier: ISC */
/* test_netfront_kept.c - what the backend was shown, and when it is ours again: not while an honest
 * one is at work on it, but not for ever either. */
#include "tests/netfront/life.h"

static void turns(unsigned n)
{
    while (n-- > 0) {
        peer_run();
        netdev_arm(peer.dev);
    }
}

/* The toolstack says Closing for the backend, as xl network-detach does: the backend itself is at
 * work on its rings until it has seen us leave, with the references that it read there. */
static void test_no_reference_is_used_anew_before_the_backend_is_gone(void **state)
{
    uint32_t grants;

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    grants = peer.gt.stats.free_count;
    peer.automatic = false;
    peer_set_state(XENBUS_CLOSING);
    turns(4);
    assert_int_equal(peer_front_state(), XENBUS_CLOSED);
    assert_false(peer.dev->link_up);
    assert_int_equal(peer.gt.stats.free_count, grants);
    peer_disconnect();
    peer_set_state(XENBUS_CLOSED);
    turns(4);
    assert_int_equal(peer.pages.free_count, peer.pages.total);
    assert_int_equal(peer.gt.stats.free_count, 4096 - GNTTAB_RESERVED);
    peer.automatic = true;
    peer_set_state(XENBUS_INIT_WAIT);
    turns(8);
    assert_traffic();
    peer_stop(0);
}

static void close_and_wait(void)
{
    peer_set_state(XENBUS_CLOSING);
    turns(4);
    peer_set_state(XENBUS_INIT_WAIT);
    turns(8);
}

/* A backend that maps what is posted, and keeps it while it begins anew, gets a ring's worth and
 * what one connection has; then it is closed. */
static void test_a_backend_that_keeps_pages_has_not_all_in_the_end(void **state)
{
    static uint32_t gref[PEER_PAGES];
    uint32_t n = 0, lives = 0;
    struct peer_rx_req req;
    int16_t status;

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    for (; peer.dev->link_up; lives++) {
        assert_true(n <= NETFRONT_KEPT_MAX);
        while (n < (lives + 1) * 200 && peer_rx_take(&req)) {
            assert_non_null(sim_grant_map(req.gref, true, &status));
            gref[n++] = req.gref;
        }
        assert_int_equal(n, (lives + 1) * 200);
        close_and_wait();
    }
    assert_int_equal(lives, 2);
    assert_int_equal(logged("pages of earlier connections are still mapped"), 1);
    assert_int_equal(peer_front_state(), XENBUS_CLOSED);
    close_and_wait();
    assert_int_equal(peer_front_state(), XENBUS_CLOSED);
    while (n > 0)
        sim_grant_unmap(gref[--n], true);
    peer_stop(0);
}

/* An honest one may be a moment late: what it kept of one connection is not held against it. */
static void test_a_page_that_is_let_go_late_is_no_lie(void **state)
{
    struct peer_rx_req req;
    int16_t status;

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    for (unsigned i = 0; i < 2 * NETFRONT_KEPT_MAX; i++) {
        assert_true(peer_rx_take(&req));
        assert_non_null(sim_grant_map(req.gref, true, &status));
        close_and_wait();
        assert_true(peer.dev->link_up);
        assert_int_equal(peer.quarantine.count, 1);
        sim_grant_unmap(req.gref, true);
    }
    assert_traffic();
    peer_stop(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_reference_is_used_anew_before_the_backend_is_gone),
        cmocka_unit_test(test_a_backend_that_keeps_pages_has_not_all_in_the_end),
        cmocka_unit_test(test_a_page_that_is_let_go_late_is_no_lie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
