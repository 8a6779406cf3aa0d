/* SPDX-License-Identifier: ISC */
/* test_blkfront_life.c - the backend leaves, dies, returns with another disk; what becomes of
 * requests meanwhile; the device closes. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include "blkrig.h"

static struct blkrig_io io[BLKFRONT_REQUESTS_MAX];
static struct blkrig_req got, more;

static void start(const struct blkrig_conf *conf)
{
    blkrig_start(conf);
    assert_int_equal(blkrig_open(), 0);
    memset(io, 0, sizeof(io));
}

/* Reaps what there is: how many, all with that status. */
static unsigned reap(int status)
{
    struct blk_req *done[BLKFRONT_REQUESTS_MAX];
    unsigned n = blkdev_reap(blkrig.dev, done, ARRAY_SIZE(done));

    for (unsigned i = 0; i < n; i++)
        assert_int_equal(done[i]->status, status);
    return n;
}

/* The loop of a program with nothing to do. */
static void idle(unsigned turns)
{
    while (turns-- > 0) {
        if (!blkdev_arm(blkrig.dev))
            plat_wait(plat_now_ns() + NS_PER_MS);
    }
}

static void assert_traffic(void)
{
    blkrig_submit(&io[0], BLK_WRITE, 65536, 1 << 20, 4);
    assert_int_equal(blkrig_finish(&io[0]), 0);
    assert_true(blkrig_disk_is(65536, 1 << 20, 4));
}

/* ---- leaving --------------------------------------------------------------------------------- */

static void test_the_backend_leaves_and_returns(void **state)
{
    struct blk_req probe = {.op = BLK_FLUSH};

    (void)state;
    start(&(struct blkrig_conf){.indirect = 256, .flush = "1"});
    for (unsigned round = 0; round < 3; round++) {
        blkrig_submit(&io[1], BLK_WRITE, 0, 1 << 20, 1);
        blkrig_submit(&io[2], BLK_READ, 3 << 19, 4096, 1);
        blkdev_kick(blkrig.dev);
        blkrig_submit(&io[3], BLK_WRITE, 0, 4096, 1); /* in the queue */
        blkrig_set_state(XENBUS_CLOSING);
        idle(10);
        assert_false(blkrig.dev->online);
        assert_int_equal(blkdev_submit(blkrig.dev, &probe), -E_NODEV);
        assert_int_equal(reap(-E_NODEV), 3);
        blkrig_put(&io[2]);
        assert_int_equal(blkrig_front_state(), XENBUS_CLOSED);
        assert_int_equal(blkrig.state, XENBUS_CLOSED);
        idle(10);
        assert_false(blkdev_arm(blkrig.dev));
        assert_int_equal(blkrig.pages.free_count, blkrig.pages.total);

        /* Another disk. */
        blkrig_key("sectors", "4096");
        blkrig_key("mode", round % 2 == 0 ? "w" : "r");
        blkrig_key("feature-flush-cache", round % 2 == 0 ? "0" : "1");
        blkrig_set_state(XENBUS_INIT_WAIT);
        idle(10);
        assert_true(blkrig.dev->online);
        assert_int_equal(blkrig.dev->caps.bytes, 4096 * 512);
        assert_int_equal(blkrig.dev->caps.read_only, round % 2 != 0);
        assert_int_equal(blkrig.dev->caps.flush, round % 2 != 0);
        if (round % 2 == 0)
            assert_traffic();
        else
            blkrig_set_state(XENBUS_CLOSING), idle(10), blkrig_key("mode", "w"),
                blkrig_set_state(XENBUS_INIT_WAIT), idle(10);
    }
    assert_int_equal(blkrig.dev->stats.violations, 0);
    blkrig_stop(0);
}

/* A backend that uses a page may write to it: a request ends when it has let go, not before. */
static void test_a_request_ends_when_its_pages_are_let_go(void **state)
{
    int16_t status;

    (void)state;
    for (unsigned version = 1; version <= 2; version++) {
        start(&(struct blkrig_conf){.gnttab_version = version});
        blkrig.automatic = false;
        blkrig_submit(&io[0], BLK_READ, 0, 4096, 1);
        blkrig_submit(&io[1], BLK_WRITE, 65536, 4096, 1);
        blkdev_kick(blkrig.dev);
        assert_true(blkrig_take(0, &got));
        assert_non_null(sim_grant_map(got.seg[0].gref, true, &status));
        blkrig_set_state(XENBUS_CLOSING);
        idle(5);
        assert_int_equal(blkrig_front_state(), XENBUS_CLOSED);
        assert_false(blkrig.dev->online);
        /* Closing: it may be at work on any of them. */
        assert_int_equal(reap(-E_NODEV), 0);
        blkrig_disconnect();
        blkrig_set_state(XENBUS_CLOSED);
        idle(5);
        assert_int_equal(reap(-E_NODEV), 1);
        assert_int_equal(io[0].req.status, 77);
        idle(5);
        assert_int_equal(reap(-E_NODEV), 0);
        sim_grant_unmap(got.seg[0].gref, true);
        assert_int_equal(reap(-E_NODEV), 1);
        assert_int_equal(io[0].req.status, -E_NODEV);
        blkrig_put(&io[0]);
        assert_int_equal(blkrig.pages.free_count, blkrig.pages.total);
        blkrig_set_state(XENBUS_INIT_WAIT);
        blkrig.automatic = true;
        idle(10);
        assert_true(blkrig.dev->online);
        assert_traffic();
        blkrig_stop(0);
    }
}

/* One that never lets go: nobody waits longer than the configuration says, and the page is not used
 * again. */
static void test_a_backend_that_never_lets_go(void **state)
{
    int16_t status;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        start(&(struct blkrig_conf){.bf.timeout_ns = 3 * NS_PER_S});
        blkrig.automatic = false;
        blkrig_submit(&io[0], BLK_READ, 0, 4096, 1);
        blkdev_kick(blkrig.dev);
        assert_true(blkrig_take(0, &got));
        assert_non_null(sim_grant_map(got.seg[0].gref, true, &status));
        blkrig_set_state(XENBUS_CLOSING);
        idle(5);
        assert_int_equal(reap(-E_NODEV), 0);
        vplat_advance(3 * NS_PER_S);
        assert_int_equal(reap(-E_NODEV), 1);
        assert_int_equal(io[0].segs[0].page->refs, 2);
        blkrig_put(&io[0]);
        blkrig_check_pages();
        if (i == 0) { /* it comes back, and still has the page */
            blkrig_disconnect();
            blkrig.automatic = true;
            blkrig_set_state(XENBUS_INIT_WAIT);
            idle(10);
            assert_true(blkrig.dev->online);
            assert_traffic();
            /* Its answer to the old request is no answer to anything. */
            blkrig_check_pages();
        }
        blkrig_close();
        blkrig_disconnect();
        gnttab_quarantine_poll(&blkrig.quarantine, &blkrig.gt, 100);
        assert_int_equal(blkrig.pages.quarantined, 1);
        sim_grant_unmap(got.seg[0].gref, true);
        blkrig_stop(0);
    }
}

/* One that is slow: the program's requests end in time, but what it was shown and has not mapped
 * yet stays in force. It may map it still, and must meet no other page under its reference. */
static void test_no_reference_is_used_anew_while_a_slow_backend_may_map_it(void **state)
{
    int16_t status;
    uint32_t grants;

    (void)state;
    start(&(struct blkrig_conf){.bf.timeout_ns = 3 * NS_PER_S});
    grants = blkrig.gt.stats.free_count;
    blkrig.automatic = false;
    blkrig_submit(&io[0], BLK_READ, 0, 4096, 1);
    blkdev_kick(blkrig.dev);
    assert_true(blkrig_take(0, &got));
    blkrig_set_state(XENBUS_CLOSING);
    idle(5);
    vplat_advance(3 * NS_PER_S);
    assert_int_equal(reap(-E_NODEV), 1);
    assert_int_equal(blkrig.gt.stats.free_count, grants - 1);
    assert_int_equal(io[0].segs[0].page->refs, 2);
    assert_non_null(sim_grant_map(got.seg[0].gref, true, &status));
    sim_grant_unmap(got.seg[0].gref, true);
    blkrig_put(&io[0]);
    idle(5);
    assert_int_equal(blkrig.gt.stats.free_count, grants - 1);
    blkrig_disconnect();
    blkrig_set_state(XENBUS_CLOSED);
    idle(5);
    assert_int_equal(blkrig.pages.free_count, blkrig.pages.total);
    blkrig.automatic = true;
    blkrig_set_state(XENBUS_INIT_WAIT);
    idle(10);
    assert_traffic();
    blkrig_stop(0);
}

static void leave_and_wait(void)
{
    blkrig_set_state(XENBUS_CLOSING);
    idle(10);
    blkrig_set_state(XENBUS_INIT_WAIT);
    idle(10);
}

/* One that keeps pages of each connection has not all there are in the end. */
static void test_a_backend_that_keeps_more_each_time(void **state)
{
    uint32_t gref[BLKFRONT_KEPT_MAX + 1], n = 0;
    int16_t status;

    (void)state;
    start(&(struct blkrig_conf){.ring_order_max = "4", .bf.ring_order = 4});
    while (n + 16 <= BLKFRONT_KEPT_MAX) {
        assert_true(blkrig.dev->online);
        for (unsigned i = 0; i < 16; i++) {
            gref[n] = blkrig.queue[0].grefs[i];
            assert_non_null(sim_grant_map(gref[n++], true, &status));
        }
        leave_and_wait();
    }
    assert_true(blkrig.dev->online);
    gref[n] = blkrig.queue[0].grefs[0];
    assert_non_null(sim_grant_map(gref[n++], true, &status));
    leave_and_wait();
    assert_false(blkrig.dev->online);
    assert_int_equal(blkrig.dev->stats.violations, 1);
    assert_int_equal(blkrig_front_state(), XENBUS_CLOSED);
    while (n > 0)
        sim_grant_unmap(gref[--n], true);
    blkrig_stop(0);
}

/* A long request, part of it in the ring, part of it not: it ends once, when both have. */
static void test_a_request_half_in_the_ring(void **state)
{
    (void)state;
    start(&(struct blkrig_conf){0});
    for (unsigned i = 0; i < 31; i++)
        blkrig_submit(&io[i], BLK_WRITE, 8192 * i, 4096, 1);
    blkrig_submit(&io[31], BLK_WRITE, 1 << 20, 200 * 4096, 1);
    blkdev_kick(blkrig.dev);
    blkrig_set_state(XENBUS_CLOSING);
    idle(10);
    assert_int_equal(reap(-E_NODEV), 32);
    assert_int_equal(blkrig.pages.free_count, blkrig.pages.total);
    blkrig_stop(0);
}

/* Its directory is gone: a driver domain that died. */
static void test_the_backend_dies(void **state)
{
    (void)state;
    start(&(struct blkrig_conf){.persistent = true, .bf.persistent = true});
    assert_traffic();
    blkrig_submit(&io[0], BLK_WRITE, 0, 65536, 1);
    blkdev_kick(blkrig.dev);
    blkrig_disconnect();
    blkrig.automatic = false;
    sim_xs_rm(BLKRIG_BACK);
    idle(10);
    assert_false(blkrig.dev->online);
    assert_int_equal(reap(-E_NODEV), 1);
    assert_int_equal(blkrig.pages.free_count, blkrig.pages.total);
    blkrig_stop(0);
}

/* It starts anew without a word: our rings are unknown to it. */
static void test_the_backend_starts_anew_without_a_word(void **state)
{
    (void)state;
    start(&(struct blkrig_conf){.queues_max = "2", .bf.queues = 2});
    blkrig_submit(&io[0], BLK_WRITE, 0, 65536, 1);
    blkdev_kick(blkrig.dev);
    blkrig_disconnect();
    blkrig_set_state(XENBUS_INIT_WAIT);
    idle(5);
    assert_false(blkrig.dev->online);
    assert_int_equal(reap(-E_NODEV), 1);
    idle(20);
    blkrig_set_state(XENBUS_INIT_WAIT);
    idle(20);
    assert_true(blkrig.dev->online);
    assert_traffic();
    blkrig_stop(0);
}

/* With persistent grants a new connection begins with new ones. */
static void test_persistent_grants_end_with_the_connection(void **state)
{
    (void)state;
    start(&(struct blkrig_conf){.persistent = true, .indirect = 64, .bf.persistent = true});
    for (unsigned i = 0; i < 3; i++) {
        assert_traffic();
        assert_int_not_equal(blkrig.bf->kept_count, 0);
        blkrig_set_state(XENBUS_CLOSING);
        idle(10);
        assert_int_equal(blkrig.bf->kept_count, 0);
        assert_int_equal(blkrig.pages.free_count, blkrig.pages.total);
        blkrig_set_state(XENBUS_INIT_WAIT);
        idle(10);
        assert_true(blkrig.dev->online);
    }
    blkrig_stop(0);
}

/* Every state of the backend's, from every one of ours that lasts: no traffic but where both are
 * Connected, and the way back is open. */
static void test_every_state(void **state)
{
    (void)state;
    for (unsigned from = 0; from < 3; from++) {
        for (unsigned theirs = 0; theirs <= XENBUS_RECONFIGURED; theirs++) {
            start(&(struct blkrig_conf){0});
            blkrig_submit(&io[0], BLK_WRITE, 0, 4096, 1);
            blkdev_kick(blkrig.dev);
            if (from >= 1) {
                blkrig_set_state(XENBUS_CLOSING);
                idle(10);
                assert_int_equal(reap(-E_NODEV), 1);
                idle(10);
            }
            if (from >= 2) { /* Initialised: it has not connected yet */
                blkrig.automatic = false;
                blkrig_set_state(XENBUS_INIT_WAIT);
                idle(10);
                assert_int_equal(blkrig_front_state(), XENBUS_INITIALISED);
            }
            blkrig.automatic = false;
            blkrig_set_state(theirs);
            idle(10);
            assert_int_equal(blkrig.dev->online, theirs == XENBUS_CONNECTED && from != 1);
            blkrig.automatic = true;
            blkrig_set_state(XENBUS_CLOSING);
            while (reap(-E_NODEV) != 0)
                ;
            idle(10);
            while (reap(-E_NODEV) != 0)
                ;
            blkrig_set_state(XENBUS_CLOSED);
            idle(10);
            blkrig_disconnect();
            blkrig_set_state(XENBUS_INIT_WAIT);
            idle(20);
            assert_true(blkrig.dev->online);
            assert_traffic();
            blkrig_stop(0);
        }
    }
}

/* What fails while the device opens again by itself is tried again when the backend next waits. */
static void test_no_page_to_open_again(void **state)
{
    struct page *all = NULL, *page;

    (void)state;
    start(&(struct blkrig_conf){0});
    blkrig_set_state(XENBUS_CLOSING);
    idle(10);
    while ((page = page_get(&blkrig.pages)) != NULL) {
        page->next = all;
        all = page;
    }
    blkrig_set_state(XENBUS_INIT_WAIT);
    idle(20);
    assert_false(blkrig.dev->online);
    while ((page = all) != NULL) {
        all = page->next;
        page->next = NULL;
        page_put(page);
    }
    blkrig_set_state(XENBUS_INIT_WAIT);
    idle(20);
    assert_true(blkrig.dev->online);
    assert_traffic();
    blkrig_stop(0);
}

/* A state that xenstore did not take is written again. */
static void test_xenstore_falls_silent(void **state)
{
    (void)state;
    start(&(struct blkrig_conf){0});
    blkrig_set_state(XENBUS_CLOSING);
    for (unsigned i = 0; i < 5; i++)
        (void)sim_run_until_idle();
    sim_xs_stop(true);
    for (unsigned i = 0; i < 3; i++)
        (void)reap(0);
    sim_xs_stop(false);
    for (unsigned i = 0; i < 20; i++) {
        vplat_advance(NS_PER_S);
        idle(3);
    }
    assert_int_equal(blkrig_front_state(), XENBUS_CLOSED);
    blkrig_set_state(XENBUS_INIT_WAIT);
    for (unsigned i = 0; i < 20; i++) {
        vplat_advance(NS_PER_S);
        idle(3);
    }
    assert_true(blkrig.dev->online);
    assert_traffic();
    blkrig_stop(0);
}

/* ---- closing --------------------------------------------------------------------------------- */

static void test_close_gives_up_what_is_in_flight(void **state)
{
    (void)state;
    start(&(struct blkrig_conf){.indirect = 256, .queues_max = "2", .bf.queues = 2});
    for (unsigned i = 0; i < 20; i++)
        blkrig_submit(&io[i], BLK_WRITE, 65536 * i, 65536, 1);
    blkdev_kick(blkrig.dev);
    for (unsigned i = 20; i < 30; i++)
        blkrig_submit(&io[i], BLK_WRITE, 65536 * i, 65536, 1);
    assert_true(blkrig_take(0, &got));
    assert_true(blkrig_take(1, &more));
    blkrig_answer(&got, BLKIF_RSP_OKAY);
    blkrig_close();
    assert_int_equal(blkrig.pages.free_count, blkrig.pages.total);
    assert_int_equal(blkrig_front_state(), XENBUS_CLOSED);
    blkrig_stop(0);
}

/* The rings lie in pages of the pool: one that the backend keeps is quarantined, and freed when a
 * device is next opened after it has let go. */
static void test_a_ring_that_is_kept(void **state)
{
    uint32_t gref;
    int16_t status;

    (void)state;
    start(&(struct blkrig_conf){.ring_order_max = "1", .bf.ring_order = 1});
    gref = blkrig.queue[0].grefs[1];
    assert_non_null(sim_grant_map(gref, true, &status));
    blkrig_close();
    assert_int_equal(blkrig.pages.quarantined, 1);
    sim_grant_unmap(gref, true);
    blkrig_set_state(XENBUS_INIT_WAIT);
    assert_int_equal(blkrig_open(), 0);
    assert_int_equal(blkrig.pages.quarantined, 0);
    assert_traffic();
    blkrig_stop(0);
}

/* ---- events ---------------------------------------------------------------------------------- */

/* One event for a batch, none where the backend is awake. */
static void test_notifications(void **state)
{
    (void)state;
    start(&(struct blkrig_conf){0});
    for (unsigned i = 0; i < 4; i++)
        blkrig_submit(&io[i], BLK_WRITE, 65536 * i, 4096, 1);
    assert_int_equal(blkrig.dev->stats.notify, 0);
    blkdev_kick(blkrig.dev);
    blkdev_kick(blkrig.dev);
    assert_int_equal(blkrig.dev->stats.notify, 1);
    blkrig_submit(&io[4], BLK_WRITE, 65536 * 4, 4096, 1);
    blkdev_kick(blkrig.dev);
    assert_int_equal(blkrig.dev->stats.notify, 1); /* it has not looked since */
    assert_int_equal(blkrig_serve(), 5);
    assert_int_equal(reap(0), 5);
    blkrig_submit(&io[5], BLK_WRITE, 65536 * 5, 4096, 1);
    blkdev_kick(blkrig.dev);
    assert_int_equal(blkrig.dev->stats.notify, 2);
    blkrig_stop(0);
}

/* A million spurious events are no work. */
static void test_event_storm(void **state)
{
    uint64_t requests;

    (void)state;
    start(&(struct blkrig_conf){0});
    requests = blkrig.xs.stats.requests;
    for (unsigned i = 0; i < 100000; i++) {
        sim_evtchn_raise(blkrig.bf->queue[0].port);
        (void)evtchn_upcall(&blkrig.ev);
        assert_false(blkdev_arm(blkrig.dev));
    }
    assert_int_equal(blkrig.xs.stats.requests, requests);
    assert_traffic();
    blkrig_stop(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_backend_leaves_and_returns),
        cmocka_unit_test(test_a_request_ends_when_its_pages_are_let_go),
        cmocka_unit_test(test_a_backend_that_never_lets_go),
        cmocka_unit_test(test_no_reference_is_used_anew_while_a_slow_backend_may_map_it),
        cmocka_unit_test(test_a_backend_that_keeps_more_each_time),
        cmocka_unit_test(test_a_request_half_in_the_ring),
        cmocka_unit_test(test_the_backend_dies),
        cmocka_unit_test(test_the_backend_starts_anew_without_a_word),
        cmocka_unit_test(test_persistent_grants_end_with_the_connection),
        cmocka_unit_test(test_every_state),
        cmocka_unit_test(test_no_page_to_open_again),
        cmocka_unit_test(test_xenstore_falls_silent),
        cmocka_unit_test(test_close_gives_up_what_is_in_flight),
        cmocka_unit_test(test_a_ring_that_is_kept),
        cmocka_unit_test(test_notifications),
        cmocka_unit_test(test_event_storm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
