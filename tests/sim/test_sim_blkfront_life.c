/* SPDX-License-Identifier: ISC */
/* test_sim_blkfront_life.c - blkfront and the simulated blkback: coming and going, under load. What
 * was in flight comes back once, what was written is what is read afterwards, and at the end every
 * page and every grant is back.
 */
#include <stdio.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <xen/grant_table.h>
#include <xen/event_channel.h>
#include <xen/io/blkif.h>
#include <xen/io/xenbus.h>

#include "blkpair.h"

static const struct sim_vbd_conf kinds[] = {
    {.indirect_max = 64, .flush = true},
    {.sector_bytes = 4096, .ring_order_max = 2, .unmap_early = true, .discard = true},
    {.persistent = true, .indirect_max = 32, .queues_max = 2, .keys_early = true},
    {.untrusted = true, .indirect_max = 256, .unmap_early = true, .keys_early = true},
};
static const struct blkfront_conf front = {.queues = 2, .ring_order = 2, .persistent = true};

static void begin(const struct sim_vbd_conf *vbd, uint64_t seed)
{
    blkpair_start(vbd, &front, true, seed);
    assert_int_equal(blkpair_open(), 0);
}

static void wait_online(bool online)
{
    for (unsigned i = 0; i < 100 && blkpair.dev->online != online; i++) {
        blkpair_turn();
        plat_wait(plat_now_ns() + NS_PER_MS);
    }
    assert_int_equal(blkpair.dev->online, online);
}

/* ---- the backend goes ------------------------------------------------------------------------ */

/* Some requests are in the rings, some wait in the driver, some were answered and not reaped. */
static void load_half(unsigned n)
{
    blkpair_submit(n);
    for (unsigned i = 0; i < n; i++)
        sim_step();
}

static void test_detached_under_load_and_attached_again(void **state)
{
    uint64_t seed = test_seed(41), given_up = 0;

    (void)state;
    for (unsigned n = 0; n < 60; n++) {
        begin(&kinds[n % ARRAY_SIZE(kinds)], seed + n);
        for (unsigned round = 0; round < 3; round++) {
            load_half(10 + n % 30);
            sim_vbd_detach(0);
            blkpair_submit(3); /* it does not know yet */
            wait_online(false);
            blkpair_drain();
            assert_int_equal(blkpair.failed, 0);
            assert_int_equal(blkpair.dev->stats.violations, 0);
            sim_vbd_attach(0, NULL);
            wait_online(true);
            blkpair_load(40);
        }
        given_up += blkpair.nodev;
        assert_int_equal(blkpair.done, blkpair.submitted);
        blkpair_stop();
    }
    assert_true(given_up > 20);
}

static void test_another_disk_comes(void **state)
{
    struct sim_vbd_conf other = {.sectors = 8192,
                                 .sector_bytes = 4096,
                                 .physical_bytes = 8192,
                                 .read_only = true,
                                 .removable = true};

    (void)state;
    begin(&kinds[0], 1);
    blkpair_load(50);
    other.memory = blkpair.disk;
    sim_vbd_detach(0);
    wait_online(false);
    assert_int_equal(blkpair_request(&(struct blk_req){.op = BLK_FLUSH}), -E_NODEV);
    sim_vbd_attach(0, &other);
    wait_online(true);
    const struct blkdev_caps *caps = &blkpair.dev->caps;
    assert_true(caps->bytes == 8192 * 512 && caps->block_bytes == 4096);
    assert_true(caps->physical_bytes == 8192 && caps->read_only && caps->removable && !caps->flush);
    blkpair_load(50);
    assert_int_equal(blkpair.failed + blkpair.nodev, 0);
    blkpair_stop();
}

/* Its domain is gone: no state, no rings, no word. */
static void test_the_backends_domain_is_destroyed(void **state)
{
    uint64_t seed = test_seed(42);

    (void)state;
    for (unsigned n = 0; n < 40; n++) {
        begin(&kinds[n % ARRAY_SIZE(kinds)], seed + n);
        load_half(30);
        sim_vbd_attach(0, NULL); /* lets everything go, and a new one stands there */
        if (n % 2 == 0) {
            sim_xs_rm("/local/domain/0/backend/vbd/1/51712");
            wait_online(false);
            sim_vbd_attach(0, NULL);
        }
        blkpair_drain();
        for (unsigned i = 0; i < 50 && !blkpair.dev->online; i++)
            blkpair_turn();
        if (!blkpair.dev->online) {
            blkpair_close();
            sim_vbd_attach(0, NULL);
            assert_int_equal(blkpair_open(), 0);
        }
        blkpair_load(40);
        assert_int_equal(blkpair.failed, 0);
        blkpair_stop();
    }
}

/* ---- the program goes ------------------------------------------------------------------------ */

static void test_closed_under_load_and_opened_again(void **state)
{
    uint64_t seed = test_seed(43);

    (void)state;
    for (unsigned n = 0; n < 60; n++) {
        begin(&kinds[n % ARRAY_SIZE(kinds)], seed + n);
        for (unsigned round = 0; round < 4; round++) {
            load_half(30);
            blkpair_close();
            assert_int_equal(blkpair.pages.free_count, BLKPAIR_PAGES);
            assert_int_equal(blkpair.pages.quarantined, 0);
            assert_int_equal(blkpair_open(), 0);
            blkpair_load(30);
        }
        blkpair_stop();
    }
}

/* A backend that answers nothing lets go all the same when it is told to close. */
static void test_closed_while_the_backend_answers_nothing(void **state)
{
    (void)state;
    for (unsigned n = 0; n < ARRAY_SIZE(kinds); n++) {
        begin(&kinds[n], 1);
        blkpair_load(20);
        sim_vbd_pause(0, true);
        blkpair_submit(40);
        sim_run_until_idle();
        assert_true(sim_vbd_in_flight(0) > 4);
        blkpair_close();
        sim_vbd_pause(0, false);
        assert_int_equal(blkpair_open(), 0);
        blkpair_load(20);
        blkpair_stop();
    }
}

static void test_a_thousand_lives_cost_nothing(void **state)
{
    (void)state;
    blkpair_start(&kinds[2], &front, false, 1);
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(blkpair_open(), 0);
        if (i % 100 == 0)
            blkpair_load(10);
        blkpair_close();
    }
    assert_int_equal(sim_vbd_stats(0)->connects, 1000);
    blkpair_stop();
}

/* Others write to xenstore too: a transaction that fails with EAGAIN is run again, bounded. */
static void test_transactions_that_fail_are_run_again(void **state)
{
    (void)state;
    blkpair_start(&kinds[1], &front, false, 1);
    sim_xs_fail_commits(3);
    assert_int_equal(blkpair_open(), 0);
    blkpair_load(20);
    blkpair_close();
    sim_xs_fail_commits(100000);
    assert_true(blkpair_open() < 0);
    assert_int_equal(sim_xs_transactions(), 0);
    sim_xs_fail_commits(0);
    assert_int_equal(blkpair_open(), 0);
    blkpair_load(20);
    blkpair_stop();
}

/* ---- limits ---------------------------------------------------------------------------------- */

static void test_full_is_told_and_ends(void **state)
{
    enum { MANY = BLKFRONT_REQUESTS_MAX + 8 };
    static struct blk_req req[MANY], *got[MANY];
    static struct blk_seg seg[MANY];
    struct page *page;
    unsigned taken = 0, done = 0;
    int err = 0;

    (void)state;
    blkpair_start(&(struct sim_vbd_conf){0}, NULL, false, 1);
    assert_int_equal(blkpair_open(), 0);
    blkpair_take(&page, 1);
    sim_vbd_pause(0, true);
    for (; taken < MANY; taken++) {
        seg[taken] = (struct blk_seg){.page = page, .len = 512};
        req[taken] = (struct blk_req){.op = BLK_READ,
                                      .start = taken * 4096u,
                                      .bytes = 512,
                                      .segs = &seg[taken],
                                      .seg_count = 1};
        err = blkdev_submit(blkpair.dev, &req[taken]);
        if (err != 0)
            break;
    }
    assert_int_equal(err, -E_AGAIN);
    assert_int_equal(taken, blkpair.dev->caps.requests_max);
    assert_int_equal(blkpair.dev->stats.full, 1);
    blkdev_kick(blkpair.dev);
    sim_run_until_idle();
    assert_int_equal(sim_vbd_in_flight(0), 32); /* a ring of one page */
    assert_false(blkdev_arm(blkpair.dev));
    sim_vbd_pause(0, false);
    sim_run_until_idle();
    assert_true(blkdev_arm(blkpair.dev)); /* responses are there */
    for (unsigned i = 0; i < 100 && done < taken; i++) {
        done += blkdev_reap(blkpair.dev, got, 16);
        if (done > 0 && i == 0)
            assert_true(blkdev_arm(blkpair.dev)); /* room for what was refused */
        sim_run_until_idle();
    }
    assert_int_equal(done, taken);
    blkpair_put(&page, 1);
    blkpair_stop();
}

static void test_few_grants_slow_it_down_and_no_more(void **state)
{
    struct sim_conf conf = {
        .seed = 5, .random = true, .vbd_count = 1, .gnttab_frames = 1, .vbd[0] = kinds[3]};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
        conf.vbd[0] = kinds[i];
        blkpair_start_sim(&conf, &front);
        assert_int_equal(blkpair_open(), 0);
        gref_t taken[440];
        for (unsigned g = 0; g < ARRAY_SIZE(taken); g++)
            assert_int_equal(gnttab_grant(&start_get()->gt, 0, 1u << 20, true, &taken[g]), 0);
        blkpair_load(300);
        assert_int_equal(blkpair.done, blkpair.submitted);
        assert_int_equal(blkpair.failed + blkpair.nodev, 0);
        for (unsigned g = 0; g < ARRAY_SIZE(taken); g++)
            assert_int_equal(gnttab_end(&start_get()->gt, taken[g]), 0);
        blkpair_stop();
    }
}

/* Every event is asked for: a program that only sleeps after arm said so misses nothing. */
static void test_sleeping_after_arm_misses_nothing(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 20; seed++) {
        begin(&kinds[seed % ARRAY_SIZE(kinds)], seed);
        uint64_t before = plat_now_ns();
        blkpair_load(200);
        assert_true(plat_now_ns() == before); /* a sleep that nothing ends takes 100 ms */
        blkpair_stop();
    }
}

/* ---- several --------------------------------------------------------------------------------- */

static void test_two_disks_share_what_they_are_given(void **state)
{
    static _Alignas(16) uint8_t storage[BLKFRONT_BYTES];
    static uint8_t second[4096];
    struct sim_conf conf = {
        .seed = 1, .vbd_count = 2, .vbd = {{.devid = 51712}, {.sectors = 8, .memory = second}}};
    struct blk_seg seg = {.len = 4096};
    struct blk_req req = {.op = BLK_READ, .bytes = 4096, .segs = &seg, .seg_count = 1}, *got = NULL;
    struct blkfront_conf bf;
    struct blkdev *dev;

    (void)state;
    memset(second, 0x22, sizeof(second));
    blkpair_start_sim(&conf, NULL);
    assert_int_equal(blkpair_open(), 0);
    bf = blkpair.conf;
    bf.index = 51728;
    assert_int_equal(blkfront_open(storage, &bf, &dev), 0);
    assert_int_equal(dev->caps.bytes, 4096);
    blkpair_take(&seg.page, 1);
    assert_int_equal(blkdev_submit(dev, &req), 0);
    blkdev_kick(dev);
    blkpair_load(50);
    for (unsigned i = 0; i < 10 && blkdev_reap(dev, &got, 1) == 0; i++)
        plat_wait(plat_now_ns());
    assert_ptr_equal(got, &req);
    assert_int_equal(req.status, 0);
    assert_int_equal(seg.page->base[4095], 0x22);
    blkpair_put(&seg.page, 1);
    sim_vbd_detach(1);
    blkpair_load(50);
    assert_true(blkpair.dev->online);
    blkfront_close(dev);
    blkpair_load(50);
    assert_int_equal(blkpair.failed + blkpair.nodev, 0);
    blkpair_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_detached_under_load_and_attached_again),
        cmocka_unit_test(test_another_disk_comes),
        cmocka_unit_test(test_the_backends_domain_is_destroyed),
        cmocka_unit_test(test_closed_under_load_and_opened_again),
        cmocka_unit_test(test_closed_while_the_backend_answers_nothing),
        cmocka_unit_test(test_a_thousand_lives_cost_nothing),
        cmocka_unit_test(test_transactions_that_fail_are_run_again),
        cmocka_unit_test(test_full_is_told_and_ends),
        cmocka_unit_test(test_few_grants_slow_it_down_and_no_more),
        cmocka_unit_test(test_sleeping_after_arm_misses_nothing),
        cmocka_unit_test(test_two_disks_share_what_they_are_given),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
