/* SPDX-License-Identifier: ISC */
/* test_blkfront_restore.c - blkfront in a restored domain, request by request: what is asked for
 * again, in which order, and what is not; from every state that it can be in. */
#include <stdio.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include "blkrig.h"
#include "silence.h"

#define KIB 1024u

static struct blkrig_io ios[32];

static void begin(const struct blkrig_conf *conf)
{
    blkrig_start(conf);
    assert_int_equal(blkrig_open(), 0);
}

static void wait_live(void)
{
    unsigned i = 0;

    do {
        (void)blkdev_arm(blkrig.dev);
        blkrig_run();
    } while (!blkrig.bf->live && i++ < 20);
    assert_true(blkrig.bf->live);
    assert_true(blkrig.dev->online);
}

/* What lies in the rings: its number. */
static unsigned take_all(struct blkrig_req *reqs, unsigned max)
{
    unsigned n = 0;

    while (n < max && blkrig_take(0, &reqs[n]))
        n++;
    return n;
}

static struct blkrig_req first[64], again[64];

/* Reaps one: which must be `io`, done well. */
static void must_end(struct blkrig_io *io)
{
    struct blk_req *done = NULL;

    for (unsigned i = 0; i < 20 && done == NULL; i++) {
        (void)blkrig_serve();
        (void)blkdev_reap(blkrig.dev, &done, 1);
    }
    assert_ptr_equal(done, &io->req);
    assert_int_equal(done->status, 0);
}

/* ---- requests -------------------------------------------------------------------------------- */

static void test_all_in_flight_is_asked_for_again_in_its_order_under_new_ids(void **state)
{
    struct blk_req *done = NULL;
    unsigned n;

    (void)state;
    begin(&(struct blkrig_conf){.flush = "1", .index = 32 * 1000});
    /* Cut in six, joined with its neighbour, alone, without data. */
    blkrig_submit(&ios[0], BLK_WRITE, 0, 256 * KIB, 1);
    blkrig_submit(&ios[1], BLK_READ, 1024 * KIB, 8 * KIB, 0);
    blkrig_submit(&ios[2], BLK_READ, 1032 * KIB, 4 * KIB, 0);
    blkrig_submit(&ios[3], BLK_FLUSH, 0, 0, 0);
    blkrig_submit(&ios[4], BLK_WRITE, 2048 * KIB, 20 * KIB, 2);
    blkdev_kick(blkrig.dev);
    n = take_all(first, ARRAY_SIZE(first));
    assert_int_equal(n, 6 + 1 + 1 + 1);
    blkrig_restore();
    assert_int_equal(blkdev_reap(blkrig.dev, &done, 1), 0);
    wait_live();
    blkdev_kick(blkrig.dev);
    assert_int_equal(take_all(again, ARRAY_SIZE(again)), n);
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(again[i].op, first[i].op);
        assert_int_equal(again[i].sector, first[i].sector);
        assert_int_equal(again[i].segs, first[i].segs);
        for (unsigned k = 0; k < n; k++)
            assert_true(again[i].id != first[k].id);
        blkrig_answer(&again[i], blkrig_do(&again[i]));
    }
    for (unsigned i = 0; i < 5; i++)
        must_end(&ios[i]);
    assert_true(blkrig_disk_is(0, 256 * KIB, 1));
    assert_true(blkrig_disk_is(2048 * KIB, 20 * KIB, 2));
    blkrig_put(&ios[1]);
    blkrig_put(&ios[2]);
    blkrig_stop(0);
}

/* The ring has 32 slots: the second write lies there with a part only, and the third waits. */
static void test_a_request_half_in_the_ring_begins_anew(void **state)
{
    unsigned n;

    (void)state;
    begin(&(struct blkrig_conf){.index = 32});
    blkrig_submit(&ios[0], BLK_WRITE, 0, 1024 * KIB, 1);
    blkrig_submit(&ios[1], BLK_WRITE, 1024 * KIB, 1024 * KIB, 2);
    blkrig_submit(&ios[2], BLK_WRITE, 2048 * KIB, 4 * KIB, 3);
    blkdev_kick(blkrig.dev);
    n = take_all(first, ARRAY_SIZE(first));
    assert_int_equal(n, 32);
    /* Parts of both are done already: one of the second has failed, which does not count. */
    blkrig_answer(&first[3], blkrig_do(&first[3]));
    blkrig_answer(&first[25], BLKIF_RSP_ERROR);
    assert_int_equal(blkdev_reap(blkrig.dev, (struct blk_req *[1]){NULL}, 1), 0);
    blkrig_restore();
    wait_live();
    for (unsigned i = 0; i < 3; i++)
        must_end(&ios[i]);
    for (unsigned i = 0; i < 2; i++)
        assert_true(blkrig_disk_is(1024 * KIB * i, 1024 * KIB, (uint8_t)(1 + i)));
    assert_true(blkrig_disk_is(2048 * KIB, 4 * KIB, 3));
    blkrig_stop(0);
}

/* The same, but all of its parts that were in the ring are back: none is in flight. */
static void test_a_request_whose_parts_are_back_begins_anew(void **state)
{
    unsigned n;

    (void)state;
    begin(&(struct blkrig_conf){.index = 32});
    blkrig_submit(&ios[0], BLK_WRITE, 0, 1024 * KIB, 1);
    blkrig_submit(&ios[1], BLK_WRITE, 1024 * KIB, 1024 * KIB, 2);
    blkdev_kick(blkrig.dev);
    n = take_all(first, ARRAY_SIZE(first));
    blkrig.bf->shadow_free = BLKFRONT_NONE; /* nothing more goes into the ring */
    for (unsigned i = 24; i < n; i++)
        blkrig_answer(&first[i], i == 25 ? BLKIF_RSP_ERROR : BLKIF_RSP_OKAY);
    assert_int_equal(blkdev_reap(blkrig.dev, (struct blk_req *[1]){NULL}, 1), 0);
    blkrig_restore();
    wait_live();
    must_end(&ios[0]);
    must_end(&ios[1]);
    assert_true(blkrig_disk_is(1024 * KIB, 1024 * KIB, 2));
    blkrig_stop(0);
}

static void test_what_was_answered_is_not_asked_for_again(void **state)
{
    struct blk_req *done = NULL;
    unsigned n;

    (void)state;
    begin(&(struct blkrig_conf){.index = 0});
    for (unsigned i = 0; i < 4; i++)
        blkrig_submit(&ios[i], BLK_WRITE, i * 64 * KIB, 4 * KIB, (uint8_t)i);
    blkdev_kick(blkrig.dev);
    n = take_all(first, ARRAY_SIZE(first));
    assert_int_equal(n, 4);
    blkrig_answer(&first[2], blkrig_do(&first[2]));
    assert_int_equal(blkdev_reap(blkrig.dev, &done, 1), 1);
    assert_ptr_equal(done, &ios[2].req);
    /* An answer that nobody looked at before the domain was saved is lost. */
    blkrig_answer(&first[0], blkrig_do(&first[0]));
    blkrig_restore();
    wait_live();
    blkdev_kick(blkrig.dev);
    assert_int_equal(take_all(again, ARRAY_SIZE(again)), 3);
    assert_int_equal(again[0].sector, first[0].sector);
    for (unsigned i = 0; i < 3; i++)
        blkrig_answer(&again[i], blkrig_do(&again[i]));
    must_end(&ios[0]);
    must_end(&ios[1]);
    must_end(&ios[3]);
    blkrig_stop(0);
}

static void test_requests_that_come_before_the_new_backend_wait_for_it(void **state)
{
    (void)state;
    begin(&(struct blkrig_conf){.index = 0});
    blkrig_restore();
    blkrig.automatic = false;
    blkrig_submit(&ios[0], BLK_WRITE, 0, 4 * KIB, 1);
    blkdev_kick(blkrig.dev);
    (void)blkdev_arm(blkrig.dev);
    assert_true(blkrig.dev->online);
    blkrig_submit(&ios[1], BLK_WRITE, 4 * KIB, 4 * KIB, 1);
    blkdev_kick(blkrig.dev);
    assert_false(blkrig.bf->live);
    blkrig.automatic = true;
    wait_live();
    must_end(&ios[0]);
    must_end(&ios[1]);
    assert_true(blkrig_disk_is(0, 8 * KIB, 1));
    blkrig_stop(0);
}

/* Closed before the new backend was there: what waited for it is given up. */
static void test_a_device_that_waits_for_its_backend_is_closed(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        begin(&(struct blkrig_conf){.index = 0});
        blkrig_submit(&ios[0], BLK_WRITE, 0, 64 * KIB, 1);
        blkdev_kick(blkrig.dev);
        blkrig_submit(&ios[1], BLK_WRITE, 1024 * KIB, 64 * KIB, 1);
        blkrig_restore();
        blkrig.automatic = false;
        if (i == 1)
            sim_xs_rm(BLKRIG_FRONT "/backend");
        if (i != 0)
            (void)blkdev_arm(blkrig.dev);
        assert_false(blkrig.bf->live && i != 0);
        blkrig.automatic = true;
        blkrig_stop(0);
    }
}

/* ---- pages and grants ------------------------------------------------------------------------ */

static void test_persistent_and_indirect_pages_come_back(void **state)
{
    uint32_t grants;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct blkrig_conf conf = {
            .persistent = i % 2 != 0, .indirect = i / 2 != 0 ? 256 : 0, .bf = {.persistent = true}};

        begin(&conf);
        grants = blkrig.gt.stats.free_count;
        blkrig.keeps = conf.persistent;
        blkrig_submit(&ios[0], BLK_WRITE, 0, 512 * KIB, 1);
        assert_int_equal(blkrig_finish(&ios[0]), 0);
        blkrig_submit(&ios[0], BLK_WRITE, 0, 512 * KIB, 2);
        blkdev_kick(blkrig.dev);
        (void)take_all(first, 1);
        blkrig_restore();
        blkrig.automatic = false;
        (void)blkdev_arm(blkrig.dev); /* a new ring is there, and nothing of before */
        assert_int_equal(blkrig.gt.stats.free_count, grants);
        assert_int_equal(blkrig.bf->kept_count, 0);
        blkrig.automatic = true;
        wait_live();
        must_end(&ios[0]);
        assert_true(blkrig_disk_is(0, 512 * KIB, 2));
        blkrig_stop(0);
    }
}

static void test_what_a_liar_kept_comes_back_and_the_device_stays_closed(void **state)
{
    int16_t status;

    (void)state;
    begin(&(struct blkrig_conf){.index = 0});
    blkrig_submit(&ios[0], BLK_WRITE, 0, 4 * KIB, 1);
    blkdev_kick(blkrig.dev);
    assert_int_equal(take_all(first, 4), 1);
    assert_non_null(sim_grant_map(first[0].seg[0].gref, false, &status));
    blkrig_answer(&first[0], BLKIF_RSP_OKAY); /* and maps it still */
    (void)blkdev_reap(blkrig.dev, (struct blk_req *[1]){NULL}, 1);
    assert_int_equal(blkrig.dev->stats.violations, 1);
    assert_false(blkrig.dev->online);
    blkrig_restore();
    for (unsigned i = 0; i < 5; i++) {
        (void)blkdev_arm(blkrig.dev);
        blkrig_run();
    }
    assert_false(blkrig.dev->online);
    assert_int_equal(blkrig.bf->lent_free_count, BLKFRONT_SEG_RECORDS);
    assert_int_equal(blkrig.pages.free_count, blkrig.pages.total);
    blkrig_close();
    assert_int_equal(blkrig_open(), 0);
    blkrig_stop(0);
}

/* ---- states ---------------------------------------------------------------------------------- */

static uint32_t seen[16];
static unsigned seen_count;

static void note_state(void)
{
    uint32_t now = blkrig_front_state();

    if (seen_count == 0 || (seen[seen_count - 1] != now && seen_count < ARRAY_SIZE(seen)))
        seen[seen_count++] = now;
}

/* Whatever it said in its old life, in the new domain it says what a new frontend says. */
static void test_it_connects_from_every_pair_of_states(void **state)
{
    (void)state;
    for (unsigned ours = 0; ours < XENBUS_STATES; ours++) {
        for (unsigned theirs = 0; theirs <= XENBUS_INVALID; theirs++) {
            begin(&(struct blkrig_conf){.index = 0});
            blkrig_submit(&ios[0], BLK_WRITE, 0, 4 * KIB, 1);
            blkrig.bf->front.xb.state = ours;
            blkrig.bf->front.xb.otherend_state = theirs;
            blkrig.bf->front.owed = theirs % 2 == 0 ? XENBUS_CLOSING : XENBUS_UNKNOWN;
            blkrig.bf->front.owed_at_ns = plat_now_ns() + 100 * NS_PER_S;
            blkrig_restore();
            seen_count = 0;
            blkrig.on_wait = note_state;
            wait_live();
            blkrig.on_wait = NULL;
            assert_int_equal(seen_count, 3);
            assert_int_equal(seen[0], XENBUS_INITIALISING);
            assert_int_equal(seen[1], XENBUS_INITIALISED);
            assert_int_equal(seen[2], XENBUS_CONNECTED);
            must_end(&ios[0]);
            blkrig_stop(0);
        }
    }
}

static void test_a_xenstore_that_is_silent_is_asked_again(void **state)
{
    (void)state;
    begin(&(struct blkrig_conf){.bf = {.timeout_ns = 60 * NS_PER_S}});
    blkrig_submit(&ios[0], BLK_WRITE, 0, 4 * KIB, 1);
    blkrig_restore();
    sim_xs_stop(true);
    (void)blkdev_arm(blkrig.dev);
    assert_true(blkrig.bf->front.lost);
    sim_xs_stop(false);
    blkrig_run();
    (void)blkdev_arm(blkrig.dev);
    assert_true(blkrig.bf->front.lost); /* a pause later */
    vplat_advance(XENBUS_FRONT_FIND_PAUSE_NS);
    wait_live();
    must_end(&ios[0]);
    blkrig_stop(0);
}

/* Of what is asked when the new backend is known. What has no answer is asked again: whether it is
 * trusted (XSA-403) is not guessed. */
static void test_no_answer_does_not_make_the_backend_trusted(void **state)
{
    bool lost = true;
    unsigned n = 5; /* who the backend is was answered */

    (void)state;
    while (lost) {
        begin(&(struct blkrig_conf){.trusted = "0", .bf = {.timeout_ns = 60 * NS_PER_S}});
        blkrig_restore();
        silence_after(&blkrig.xs, n++);
        blkrig.on_wait = silence_turn;
        (void)blkdev_arm(blkrig.dev);
        lost = blkrig.bf->front.lost;
        vplat_advance(XENBUS_FRONT_FIND_PAUSE_NS);
        if (lost)
            wait_live();
        assert_null(strstr(vplat_console(), "taken as"));
        assert_true(blkrig.bf->untrusted);
        blkrig.on_wait = NULL;
        silence_end();
        blkrig_stop(0);
    }
    /* trusted, our state */
    assert_int_equal(n - 1, 7);
}

/* Refused, it is offline: what is asked for meanwhile fails, and no request comes back from the
 * dead. The next one is judged for itself. */
static void test_a_disk_that_is_none_is_not_held_against_the_next(void **state)
{
    struct blk_req probe = {.op = BLK_FLUSH};

    (void)state;
    begin(&(struct blkrig_conf){.flush = "1"});
    blkrig_restore();
    blkrig_key("sector-size", "513");
    for (unsigned i = 0; i < 20; i++) {
        (void)blkdev_arm(blkrig.dev);
        blkrig_run();
    }
    assert_false(blkrig.dev->online);
    assert_int_equal(blkdev_submit(blkrig.dev, &probe), -E_NODEV);
    blkrig_key("sector-size", "512");
    blkrig_restore();
    wait_live();
    blkrig_submit(&ios[0], BLK_WRITE, 0, 4 * KIB, 1);
    blkdev_kick(blkrig.dev);
    must_end(&ios[0]);
    assert_int_equal(blkrig.dev->stats.violations, 0);
    blkrig_stop(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_in_flight_is_asked_for_again_in_its_order_under_new_ids),
        cmocka_unit_test(test_a_request_half_in_the_ring_begins_anew),
        cmocka_unit_test(test_a_request_whose_parts_are_back_begins_anew),
        cmocka_unit_test(test_what_was_answered_is_not_asked_for_again),
        cmocka_unit_test(test_requests_that_come_before_the_new_backend_wait_for_it),
        cmocka_unit_test(test_a_device_that_waits_for_its_backend_is_closed),
        cmocka_unit_test(test_persistent_and_indirect_pages_come_back),
        cmocka_unit_test(test_what_a_liar_kept_comes_back_and_the_device_stays_closed),
        cmocka_unit_test(test_it_connects_from_every_pair_of_states),
        cmocka_unit_test(test_a_xenstore_that_is_silent_is_asked_again),
        cmocka_unit_test(test_no_answer_does_not_make_the_backend_trusted),
        cmocka_unit_test(test_a_disk_that_is_none_is_not_held_against_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
