/* SPDX-License-Identifier: ISC */
/* test_sim_restore_blk.c - blkfront in a domain that is saved and restored, at any moment: what was
 * in flight is done by the new backend, the program sees no failure, and at the end every page and
 * every grant is back. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include "platform/sim/blkback.h"

#include "blkpair.h"
#include "restore.h"

static const struct sim_vbd_conf kinds[] = {
    {.indirect_max = 64, .flush = true},
    {.sector_bytes = 4096, .ring_order_max = 2, .unmap_early = true, .discard = true},
    {.persistent = true, .indirect_max = 32, .queues_max = 2, .keys_early = true, .barrier = true},
    {.untrusted = true, .indirect_max = 256, .unmap_early = true, .keys_early = true},
    {.devid = 0}, /* 32 slots of 11 segments: the ring is full, and a request half in it */
};
static const struct blkfront_conf front = {.queues = 2, .ring_order = 2, .persistent = true};

static void begin(const struct sim_vbd_conf *vbd, uint64_t seed)
{
    restore_forget();
    blkpair_start(vbd, &front, true, seed);
    assert_int_equal(blkpair_open(), 0);
}

static void restore(void)
{
    restore_domain(&start_get()->ev, &start_get()->gt, &start_get()->xs);
}

/* So many pieces of domain 0's work, and perhaps a look of the guest's between. */
static void steps(unsigned n)
{
    while (n-- > 0)
        sim_step();
}

static void wait_online(bool online)
{
    for (unsigned i = 0; i < 100 && blkpair.dev->online != online; i++) {
        blkpair_turn();
        plat_wait(plat_now_ns() + NS_PER_MS);
    }
    assert_int_equal(blkpair.dev->online, online);
}

static void stop(void)
{
    restore_check(&start_get()->ev);
    blkpair_stop();
}

static void all_was_done(void)
{
    assert_int_equal(blkpair.failed + blkpair.nodev + blkpair.unsupported, 0);
    assert_int_equal(blkpair.done, blkpair.submitted);
    assert_int_equal(blkpair.dev->stats.violations, 0);
    assert_int_equal(blkpair.dev->stats.quarantined, 0);
}

/* ---- restored -------------------------------------------------------------------------------- */

static void test_restored_under_load(void **state)
{
    uint64_t seed = test_seed(61), again = 0;

    (void)state;
    for (unsigned n = 0; n < 40; n++) {
        begin(&kinds[n % ARRAY_SIZE(kinds)], seed + n);
        for (unsigned round = 0; round < 4; round++) {
            sim_vbd_pause(0, n % 3 == 0);
            blkpair_submit(10 + n % 30);
            steps(n * 3 + round);
            restore();
            sim_vbd_pause(0, false);
            again += blkpair_flying();
            assert_true(blkpair.dev->online);
            blkpair_submit(5); /* it does not know yet */
            if (round == 3)
                restore();
            blkpair_drain();
            assert_true(blkpair.dev->online);
        }
        assert_true(sim_vbd_stats(0)->connects >= 5);
        all_was_done();
        stop();
    }
    assert_true(again > 500);
}

/* From the first look of the new domain on, one step later each time, while the guest goes on. */
static void test_restored_at_every_step_of_the_handshake(void **state)
{
    uint64_t seed = test_seed(62);

    (void)state;
    for (unsigned n = 0; n < 120; n++) {
        begin(&kinds[n % ARRAY_SIZE(kinds)], seed);
        blkpair_submit(8);
        restore();
        for (unsigned i = 0; i < n / 4; i++) {
            if (i % 2 == 0)
                blkpair_turn();
            steps(1);
        }
        restore();
        blkpair_drain();
        blkpair_load(10);
        all_was_done();
        stop();
    }
}

/* The old backend was leaving, or away, or had come back half: the program knew, and what was in
 * flight ended or ends. The new backend is there at once. */
static void test_restored_at_every_step_of_a_detach(void **state)
{
    uint64_t seed = test_seed(63);
    unsigned offline = 0;

    (void)state;
    for (unsigned n = 0; n < 160; n++) {
        begin(&kinds[n % ARRAY_SIZE(kinds)], seed + n);
        blkpair_submit(8);
        steps(n % 7);
        sim_vbd_detach(0);
        for (unsigned i = 0; i < n / 8; i++) {
            if (i % 3 == 0)
                blkpair_turn();
            steps(1);
            if (i == 12)
                sim_vbd_attach(0, NULL);
        }
        offline += !blkpair.dev->online;
        restore();
        wait_online(true);
        blkpair_drain();
        assert_int_equal(blkpair.failed, 0);
        assert_int_equal(blkpair.done, blkpair.submitted);
        assert_int_equal(blkpair.dev->stats.violations, 0);
        blkpair_load(10);
        stop();
    }
    assert_true(offline > 20);
}

/* XSA-465: a frontend that is resumed meets its new backend in any state, and then a device that is
 * taken away before it was connected. */
static void test_the_new_backend_is_in_any_state(void **state)
{
    uint64_t seed = test_seed(64);

    (void)state;
    for (unsigned theirs = 0; theirs <= XenbusStateReconfigured; theirs++) {
        begin(&kinds[theirs % ARRAY_SIZE(kinds)], seed);
        blkpair_submit(8);
        restore();
        sim_vbd_set_state(&sim_vbds[0], theirs);
        for (unsigned i = 0; i < 5; i++) {
            blkpair_turn();
            assert_true(blkpair.dev->online);
        }
        sim_vbd_detach(0);
        for (unsigned i = 0; i < 20; i++)
            blkpair_turn();
        sim_vbd_attach(0, NULL);
        blkpair_drain();
        all_was_done();
        blkpair_load(10);
        stop();
    }
}

static void test_the_new_backend_is_another_disk(void **state)
{
    uint64_t seed = test_seed(65);

    (void)state;
    for (unsigned from = 0; from < ARRAY_SIZE(kinds); from++) {
        for (unsigned to = 0; to < ARRAY_SIZE(kinds); to++) {
            struct sim_vbd_conf *conf;

            begin(&kinds[from], seed);
            blkpair_submit(20);
            conf = &sim_state.conf.vbd[0];
            conf->persistent = kinds[to].persistent;
            conf->untrusted = kinds[to].untrusted;
            conf->indirect_max = kinds[to].indirect_max;
            conf->queues_max = kinds[to].queues_max;
            conf->ring_order_max = kinds[to].ring_order_max;
            conf->flush = kinds[to].flush;
            conf->barrier = kinds[to].barrier;
            restore();
            blkpair_drain();
            all_was_done();
            blkpair_load(20);
            all_was_done();
            stop();
        }
    }
}

static void test_what_the_new_disk_cannot_do_fails(void **state)
{
    struct page *pages[1];
    struct blk_seg seg = {.len = PAGE_BYTES};
    struct blk_req write = {.op = BLK_WRITE, .bytes = PAGE_BYTES, .segs = &seg, .seg_count = 1};
    struct blk_req *done = NULL;

    (void)state;
    begin(&kinds[0], 1);
    blkpair_take(pages, 1);
    seg.page = pages[0];
    assert_int_equal(blkdev_submit(blkpair.dev, &write), 0);
    sim_state.conf.vbd[0].read_only = true;
    restore();
    for (unsigned i = 0; i < 20 && done == NULL; i++) {
        plat_wait(plat_now_ns());
        blkdev_reap(blkpair.dev, &done, 1);
    }
    assert_ptr_equal(done, &write);
    assert_int_equal(write.status, -E_IO);
    assert_true(blkpair.dev->caps.read_only);
    blkpair_put(pages, 1);
    stop();
}

static void test_without_a_new_backend_requests_end_in_time(void **state)
{
    uint64_t began;

    (void)state;
    begin(&kinds[0], 1);
    blkpair_submit(12);
    restore();
    sim_xs_rm("/local/domain/1/device/vbd/51712");
    began = plat_now_ns();
    while (blkpair_flying() != 0 && plat_now_ns() < began + 60 * NS_PER_S) {
        blkpair_turn();
        plat_wait(plat_now_ns() + NS_PER_S / 2);
    }
    assert_int_equal(blkpair_flying(), 0);
    assert_false(blkpair.dev->online);
    assert_true(plat_now_ns() - began >= 10 * NS_PER_S);
    assert_true(plat_now_ns() - began < 12 * NS_PER_S);
    assert_true(blkpair.nodev > 0);
    /* and it may come later */
    sim_vbd_attach(0, NULL);
    wait_online(true);
    blkpair_load(20);
    stop();
}

/* ---- cancelled, closed ----------------------------------------------------------------------- */

static void test_of_a_cancelled_suspend_nothing_is_seen(void **state)
{
    (void)state;
    begin(&kinds[2], 1);
    for (unsigned i = 0; i < 20; i++) {
        blkpair_submit(10);
        sim_suspend(true);
        blkpair_drain();
    }
    all_was_done();
    assert_int_equal(sim_vbd_stats(0)->connects, 1);
    stop();
}

static void test_closed_in_the_restored_domain(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 24; n++) {
        begin(&kinds[n % ARRAY_SIZE(kinds)], n);
        blkpair_submit(12);
        steps(n);
        restore();
        if (n % 3 == 1)
            blkpair_turn();
        blkpair_close();
        assert_int_equal(blkpair_open(), 0);
        blkpair_load(10);
        stop();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_restored_under_load),
        cmocka_unit_test(test_restored_at_every_step_of_the_handshake),
        cmocka_unit_test(test_restored_at_every_step_of_a_detach),
        cmocka_unit_test(test_the_new_backend_is_in_any_state),
        cmocka_unit_test(test_the_new_backend_is_another_disk),
        cmocka_unit_test(test_what_the_new_disk_cannot_do_fails),
        cmocka_unit_test(test_without_a_new_backend_requests_end_in_time),
        cmocka_unit_test(test_of_a_cancelled_suspend_nothing_is_seen),
        cmocka_unit_test(test_closed_in_the_restored_domain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
