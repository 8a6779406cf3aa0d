/* SPDX-License-Identifier: ISC */
/* test_sim_blkback_rings.c - the simulated blkback alone: its rings, the order of its answers,
 * what it keeps mapped, and its life. */
#include "blkbacktest.h"

/* ---- rings ---------------------------------------------------------------------------------- */

static void fill_and_answer(unsigned queues)
{
    uint64_t seen = 0;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned q = 0; q < queues; q++) {
            while (!RING_FULL(&ring[q])) {
                uint64_t sector = next_id % (SECTORS / 8) * 8;
                segment(next(q, BLKIF_OP_WRITE, sector), (unsigned)(next_id % PAGES), 0, 7);
            }
            show(q);
        }
        sim_run_until_idle();
        for (unsigned q = 0; q < queues; q++) {
            struct blkif_response rsp;
            while (answer(q, &rsp)) {
                assert_int_equal(rsp.status, BLKIF_RSP_OKAY);
                assert_int_equal(rsp.operation, BLKIF_OP_WRITE);
                seen++;
            }
        }
    }
    assert_int_equal(seen, 3 * queues * RING_SIZE(&ring[0]));
}

static void test_rings_of_every_size_and_number(void **state)
{
    static const uint32_t slots[] = {32, 64, 128, 256, 512};
    (void)state;
    for (unsigned order = 0; order <= 4; order++) {
        for (unsigned queues = 1; queues <= 8; queues += 3) {
            for (unsigned old = 0; old <= 1; old++) {
                struct sim_vbd_conf conf = {
                    .queues_max = 8, .ring_order_max = old ? 0 : 4, .ring_pages_max = old ? 16 : 0};
                start(&conf, false);
                join(queues, order, old == 1);
                assert_int_equal(sim_vbd_state(0), XenbusStateConnected);
                assert_int_equal(sim_vbd_queues(0), queues);
                assert_int_equal(sim_vbd_ring_pages(0), 1u << order);
                assert_int_equal(RING_SIZE(&ring[0]), slots[order]);
                fill_and_answer(queues);
                finish(0);
            }
        }
    }
}

static void test_rings_that_were_not_offered_are_refused(void **state)
{
    static const struct {
        uint32_t order_max, pages_max, queues_max, order, queues;
        bool old_scheme;
    } wrong[] = {
        {0, 0, 0, 1, 1, false}, {0, 0, 0, 1, 1, true},  {0, 4, 0, 1, 1, false},
        {2, 0, 0, 1, 1, true},  {1, 0, 0, 2, 1, false}, {0, 2, 0, 2, 1, true},
        {0, 0, 0, 0, 2, false}, {0, 0, 2, 0, 3, false},
    };
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
        struct sim_vbd_conf conf = {.ring_order_max = wrong[i].order_max,
                                    .ring_pages_max = wrong[i].pages_max,
                                    .queues_max = wrong[i].queues_max};
        start(&conf, false);
        join(wrong[i].queues, wrong[i].order, wrong[i].old_scheme);
        assert_int_equal(sim_vbd_state(0), XenbusStateClosing);
        finish(1);
    }
}

static void test_events_are_sent_where_they_are_asked_for(void **state)
{
    (void)state;
    start(&(struct sim_vbd_conf){0}, false);
    join(1, 0, false);
    ring[0].sring->rsp_event = ring[0].rsp_cons + 3;
    for (unsigned i = 0; i < 6; i++) {
        segment(next(0, BLKIF_OP_READ, 0), 0, 0, 7);
        show(0);
        sim_run_until_idle();
        assert_int_equal(sim_vbd_stats(0)->events_to, i >= 2);
    }
    finish(0);
}

/* ---- order ---------------------------------------------------------------------------------- */

static uint64_t order[64];
static unsigned order_count;

static void on_seen(void *arg, uint8_t op, uint64_t sector, uint64_t sectors, int16_t status)
{
    (void)arg;
    (void)sectors;
    assert_int_equal(status, BLKIF_RSP_OKAY);
    order[order_count++] = op == BLKIF_OP_WRITE_BARRIER ? 1000 : sector;
}

static void run_sixteen(bool random)
{
    struct blkif_response rsp;
    start(&(struct sim_vbd_conf){.barrier = true}, random);
    join(1, 0, false);
    order_count = 0;
    sim_vbd_trace(0, on_seen, NULL);
    for (unsigned i = 0; i < 16; i++) {
        if (i == 8)
            next(0, BLKIF_OP_WRITE_BARRIER, 0);
        segment(next(0, BLKIF_OP_WRITE, i), i, 0, 0);
    }
    show(0);
    sim_run_until_idle();
    while (answer(0, &rsp))
        ;
    assert_int_equal(order_count, 17);
    assert_int_equal(sim_vbd_in_flight(0), 0);
    finish(0);
}

static void test_order_is_kept_or_the_seeds_but_for_barriers(void **state)
{
    unsigned moved = 0;
    (void)state;
    run_sixteen(false);
    for (unsigned i = 0; i < 17; i++)
        assert_int_equal(order[i], i < 8 ? i : i == 8 ? 1000 : i - 1);
    run_sixteen(true);
    assert_int_equal(order[8], 1000);
    for (unsigned i = 0; i < 17; i++) {
        assert_true(i == 8 || (order[i] < 8) == (i < 8));
        moved += i != 8 && order[i] != (i < 8 ? i : i - 1);
    }
    assert_true(moved > 4);
}

/* ---- persistent grants ---------------------------------------------------------------------- */

static void test_persistent_grants_stay_mapped_if_both_want_it(void **state)
{
    (void)state;
    start(&(struct sim_vbd_conf){.persistent = true, .persistent_max = 8, .indirect_max = 32},
          false);
    sim_xs_write(FRONT "/feature-persistent", "1");
    join(1, 0, false);
    for (unsigned round = 0; round < 4; round++) {
        for (unsigned i = 0; i < 6; i++)
            assert_int_equal(simple(round % 2 == 0 ? BLKIF_OP_READ : BLKIF_OP_WRITE, 0, i, 0, 7),
                             BLKIF_RSP_OKAY);
    }
    assert_int_equal(sim_vbd_stats(0)->maps, 6);
    assert_int_equal(sim_vbd_persistent(0), 6);
    assert_true(gnttab_is_mapped(&start_get()->gt, page_gref[0]));
    assert_int_equal(indirect(BLKIF_OP_READ, 0, 20), BLKIF_RSP_OKAY); /* more than it keeps */
    assert_int_equal(sim_vbd_persistent(0), 8);
    assert_int_equal(simple(BLKIF_OP_READ, 0, 1, 0, 7), BLKIF_RSP_OKAY);
    sim_vbd_trim(0, 7);
    assert_int_equal(sim_vbd_persistent(0), 1);
    assert_true(gnttab_is_mapped(&start_get()->gt, page_gref[1])); /* used last */
    assert_false(gnttab_is_mapped(&start_get()->gt, page_gref[0]));
    leave();
    assert_int_equal(sim_vbd_persistent(0), 0);
    finish(0);
}

static void test_no_persistent_grants_if_one_does_not_want_it(void **state)
{
    (void)state;
    for (unsigned who = 0; who < 2; who++) {
        start(&(struct sim_vbd_conf){.persistent = who == 0}, false);
        if (who == 1)
            sim_xs_write(FRONT "/feature-persistent", "1");
        join(1, 0, false);
        assert_int_equal(simple(BLKIF_OP_READ, 0, 0, 0, 7), BLKIF_RSP_OKAY);
        assert_int_equal(sim_vbd_persistent(0), 0);
        assert_false(gnttab_is_mapped(&start_get()->gt, page_gref[0]));
        finish(0);
    }
}

/* ---- life ----------------------------------------------------------------------------------- */

static void test_rings_are_let_go_in_closed_or_in_closing(void **state)
{
    (void)state;
    for (unsigned early = 0; early < 2; early++) {
        start(&(struct sim_vbd_conf){.unmap_early = early == 1}, false);
        join(1, 0, false);
        set_state(XenbusStateClosing);
        assert_int_equal(sim_vbd_state(0), XenbusStateClosing);
        assert_int_equal(sim_grant_maps(ring_gref[0][0]), early == 0);
        set_state(XenbusStateClosed);
        assert_int_equal(sim_grant_maps(ring_gref[0][0]), 0);
        forget_rings();
        set_state(XenbusStateInitialising);
        assert_int_equal(sim_vbd_state(0), XenbusStateInitWait);
        join(1, 0, false);
        assert_int_equal(sim_vbd_state(0), XenbusStateConnected);
        assert_int_equal(simple(BLKIF_OP_READ, 0, 0, 0, 7), BLKIF_RSP_OKAY);
        finish(0);
    }
}

static void test_what_is_in_flight_is_answered_before_closed(void **state)
{
    struct blkif_response rsp;
    unsigned n = 0;
    (void)state;
    start(&(struct sim_vbd_conf){0}, false);
    join(1, 0, false);
    sim_vbd_pause(0, true);
    for (unsigned i = 0; i < 5; i++)
        segment(next(0, BLKIF_OP_READ, 0), i, 0, 7);
    show(0);
    sim_run_until_idle();
    assert_int_equal(sim_vbd_in_flight(0), 5);
    assert_true(gnttab_is_mapped(&start_get()->gt, page_gref[4]));
    set_state(XenbusStateClosing);
    set_state(XenbusStateClosed);
    while (answer(0, &rsp))
        n++;
    assert_int_equal(n, 5);
    forget_rings();
    finish(0);
}

static void test_detach_takes_the_keys_away_and_attach_brings_others(void **state)
{
    struct sim_vbd_conf other = {.sectors = 64, .memory = disk, .sector_bytes = 4096};
    char text[16];
    (void)state;
    start(&(struct sim_vbd_conf){0}, false);
    join(1, 0, false);
    sim_vbd_detach(0);
    sim_run_until_idle();
    assert_int_equal(sim_vbd_state(0), XenbusStateClosing);
    set_state(XenbusStateClosing);
    set_state(XenbusStateClosed);
    forget_rings();
    assert_true(sim_xs_read(FRONT "/backend", text, sizeof(text)) < 0);
    assert_true(sim_xs_read(BACK "/online", text, sizeof(text)) < 0);
    sim_vbd_attach(0, &other);
    assert_int_equal(sim_vbd_state(0), XenbusStateInitWait);
    join(1, 0, false);
    assert_int_equal(key("sectors"), 64);
    assert_int_equal(key("sector-size"), 4096);
    assert_int_equal(simple(BLKIF_OP_READ, 56, 0, 0, 7), BLKIF_RSP_OKAY);
    finish(0);
}

/* The backend's answer to each state of the frontend's, in each of its own. */
static void test_every_state_of_the_frontend_in_every_state(void **state)
{
    enum { ISE = 1, IW, ISD, CON, CLG, CLD, NONE = 0 };
    static const struct {
        unsigned own;
        uint8_t then[9]; /* after the frontend's state 0..8 */
    } table[] = {
        {IW, {CLD, IW, IW, CON, CON, CLG, CLD, IW, IW}},
        {CON, {CLD, CON, CON, CON, CON, CLG, CLD, CON, CON}},
        {CLG, {CLD, CLG, CLG, CLG, CLG, CLG, CLD, CLG, CLG}},
        {CLD, {CLD, IW, CLD, CLD, CLD, CLD, CLD, CLD, CLD}},
    };
    (void)state;
    for (unsigned row = 0; row < ARRAY_SIZE(table); row++) {
        for (unsigned front = 0; front <= 8; front++) {
            start(&(struct sim_vbd_conf){0}, false);
            give_ring(0, 1, "", false);
            queues_used = pages_used = 1;
            if (table[row].own >= CON)
                set_state(XenbusStateInitialised);
            if (table[row].own >= CLG)
                set_state(XenbusStateClosing);
            if (table[row].own >= CLD)
                set_state(XenbusStateClosed);
            assert_int_equal(sim_vbd_state(0), table[row].own);
            set_state(front);
            if (sim_vbd_state(0) != table[row].then[front])
                fail_msg("in %u, the frontend goes to %u: %u, should be %u", table[row].own, front,
                         sim_vbd_state(0), table[row].then[front]);
            set_state(XenbusStateClosed);
            forget_rings();
            finish(0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rings_of_every_size_and_number),
        cmocka_unit_test(test_rings_that_were_not_offered_are_refused),
        cmocka_unit_test(test_events_are_sent_where_they_are_asked_for),
        cmocka_unit_test(test_order_is_kept_or_the_seeds_but_for_barriers),
        cmocka_unit_test(test_persistent_grants_stay_mapped_if_both_want_it),
        cmocka_unit_test(test_no_persistent_grants_if_one_does_not_want_it),
        cmocka_unit_test(test_rings_are_let_go_in_closed_or_in_closing),
        cmocka_unit_test(test_what_is_in_flight_is_answered_before_closed),
        cmocka_unit_test(test_detach_takes_the_keys_away_and_attach_brings_others),
        cmocka_unit_test(test_every_state_of_the_frontend_in_every_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
