/* SPDX-License-Identifier: ISC */
/* test_netfront_retry.c - what fails for a while and must not last: connecting again, and writing
 * our state. */
#include "tests/netfront/life.h"

static void begin(void)
{
    start(&(struct peer_conf){.seed = 1});
}

static void turns(unsigned n)
{
    while (n-- > 0) {
        peer_run();
        netdev_arm(peer.dev);
    }
}

/* ---- connecting again ------------------------------------------------------------------------ */

static void leave_and_wait_again(void)
{
    peer_set_state(XENBUS_CLOSING);
    turns(4);
    assert_int_equal(peer_front_state(), XENBUS_CLOSED);
    assert_int_equal(peer.pages.free_count, peer.pages.total);
}

static void assert_connects(void)
{
    peer_set_state(XENBUS_INIT_WAIT);
    turns(8);
    assert_int_equal(peer_front_state(), XENBUS_CONNECTED);
    assert_true(peer.dev->link_up);
}

static void assert_refused_for_now(const char *says)
{
    turns(8);
    assert_int_equal(logged(says), 1);
    assert_false(peer.dev->link_up);
    assert_int_equal(peer_front_state(), XENBUS_CLOSED);
    assert_int_equal(peer.nf->queue_count, 0);
}

static void test_reconnect_without_pages_is_tried_again(void **state)
{
    static struct page *held[PEER_PAGES + 1];
    uint32_t n = 0;

    (void)state;
    begin();
    leave_and_wait_again();
    while ((held[n] = page_get(&peer.pages)) != NULL)
        n++;
    peer_set_state(XENBUS_INIT_WAIT);
    assert_refused_for_now("no connection: ENOMEM");
    while (n > 0)
        page_put(held[--n]);
    assert_connects();
    peer_stop(0);
}

static void test_reconnect_in_others_transactions_is_tried_again(void **state)
{
    (void)state;
    begin();
    leave_and_wait_again();
    sim_xs_fail_commits(XS_TXN_TRIES);
    peer_set_state(XENBUS_INIT_WAIT);
    assert_refused_for_now("no connection: EAGAIN");
    assert_connects();
    peer_stop(0);
}

static uint64_t silent_until_ns;

/* xenstored is silent for six seconds from the moment that we say Initialising. */
static void fall_silent(void)
{
    if (silent_until_ns == 0 && peer_front_state() == XENBUS_INITIALISING) {
        silent_until_ns = plat_now_ns() + 6 * NS_PER_S;
        sim_xs_stop(true);
    } else if (silent_until_ns != 0 && plat_now_ns() >= silent_until_ns) {
        sim_xs_stop(false);
    }
}

static void test_reconnect_with_silent_xenstored_is_tried_again(void **state)
{
    (void)state;
    begin();
    leave_and_wait_again();
    silent_until_ns = 0;
    peer.on_wait = fall_silent;
    peer_set_state(XENBUS_INIT_WAIT);
    /* The silence is longer than the pause before we begin anew. */
    turns(16);
    assert_int_equal(logged("no connection: ETIMEDOUT"), 1);
    assert_true(peer.dev->link_up);
    peer.on_wait = NULL;
    assert_traffic();
    peer_stop(0);
}

/* Linux's backends follow us to Closed when we give up, and wait there: the next word is ours, each
 * time after a longer pause. */
static void test_what_failed_is_begun_anew_by_us(void **state)
{
    uint64_t pause = XENBUS_FRONT_FIND_PAUSE_NS;

    (void)state;
    begin();
    leave_and_wait_again();
    sim_xs_fail_commits(4 * XS_TXN_TRIES);
    peer_set_state(XENBUS_INIT_WAIT);
    for (unsigned i = 1; i <= 4; i++, pause *= 2) {
        turns(8);
        assert_int_equal(logged("no connection: EAGAIN"), i);
        peer_set_state(XENBUS_CLOSED);
        vplat_advance(pause - NS_PER_MS);
        turns(8);
        assert_int_equal(peer_front_state(), XENBUS_CLOSED);
        vplat_advance(NS_PER_MS);
    }
    turns(8);
    assert_int_equal(logged("no connection: EAGAIN"), 4);
    assert_true(peer.dev->link_up);
    assert_traffic();
    peer_stop(0);
}

/* What will not be otherwise next time is not tried again. */
static void test_reconnect_to_page_flipping_stays_closed(void **state)
{
    (void)state;
    begin();
    leave_and_wait_again();
    sim_xs_rm(PEER_BACK "/feature-rx-copy");
    peer_set_state(XENBUS_INIT_WAIT);
    assert_refused_for_now("no connection: EPROTO");
    sim_xs_write(PEER_BACK "/feature-rx-copy", "1");
    peer_set_state(XENBUS_INIT_WAIT);
    turns(8);
    assert_int_equal(peer_front_state(), XENBUS_CLOSED);
    peer_stop(0);
}

/* ---- writing our state ----------------------------------------------------------------------- */

static void let_write(bool may)
{
    static const char no[] = "n0\0r1", yes[] = "n1\0r0";

    sim_store_set_perms(0, NULL, PEER_FRONT "/state",
                        cs_ro_of(may ? yes : no, may ? sizeof(yes) : sizeof(no)));
}

static void second_turn(void)
{
    vplat_advance(XENBUS_FRONT_SAY_PAUSE_NS);
    turns(1);
}

static void test_closing_is_written_again(void **state)
{
    (void)state;
    for (unsigned restarts = 0; restarts < 2; restarts++) {
        begin();
        peer.automatic = false;
        let_write(false);
        /* A backend that starts anew without a word makes us leave too, once. */
        peer_set_state(restarts != 0 ? XENBUS_INIT_WAIT : XENBUS_CLOSING);
        turns(4);
        assert_int_equal(peer_front_state(), XENBUS_CONNECTED);
        assert_false(peer.dev->link_up);
        let_write(true);
        second_turn();
        assert_int_equal(peer_front_state(), restarts != 0 ? XENBUS_CLOSING : XENBUS_CLOSED);
        assert_int_equal(logged("given up"), 0);
        peer_disconnect();
        peer.automatic = true;
        turns(4);
        if (restarts == 0)
            assert_connects();
        peer_stop(0);
    }
}

static void refuse_closed(void)
{
    if (peer_front_state() == XENBUS_CLOSING)
        let_write(false);
}

static void test_closed_is_written_again(void **state)
{
    (void)state;
    begin();
    peer.automatic = false;
    peer.on_wait = refuse_closed;
    peer_set_state(XENBUS_CLOSING);
    turns(4);
    assert_int_equal(peer_front_state(), XENBUS_CLOSING);
    peer.on_wait = NULL;
    peer.automatic = true;
    let_write(true);
    second_turn();
    assert_int_equal(peer_front_state(), XENBUS_CLOSED);
    turns(4);
    assert_connects();
    peer_stop(0);
}

static void test_state_is_not_written_again_for_ever(void **state)
{
    uint64_t requests;

    (void)state;
    begin();
    turns(4);
    peer.automatic = false;
    let_write(false);
    requests = peer.xs.stats.requests;
    peer_set_state(XENBUS_CLOSING);
    for (unsigned i = 0; i < 100; i++)
        second_turn();
    assert_int_equal(peer.xs.stats.requests, requests + 1 + XENBUS_FRONT_SAY_TRIES);
    assert_int_equal(logged("given up"), 1);
    assert_false(netdev_arm(peer.dev));
    /* The backend's next word is answered as ever. */
    let_write(true);
    peer_disconnect();
    peer_set_state(XENBUS_CLOSED);
    turns(4);
    assert_int_equal(peer_front_state(), XENBUS_CLOSED);
    peer.automatic = true;
    assert_connects();
    peer_stop(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reconnect_without_pages_is_tried_again),
        cmocka_unit_test(test_reconnect_in_others_transactions_is_tried_again),
        cmocka_unit_test(test_reconnect_with_silent_xenstored_is_tried_again),
        cmocka_unit_test(test_what_failed_is_begun_anew_by_us),
        cmocka_unit_test(test_reconnect_to_page_flipping_stays_closed),
        cmocka_unit_test(test_closing_is_written_again),
        cmocka_unit_test(test_closed_is_written_again),
        cmocka_unit_test(test_state_is_not_written_again_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
