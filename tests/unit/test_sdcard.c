/* SPDX-License-Identifier: ISC */
/* test_sdcard.c - the SD card's driver and its host's against a device made of C (sdhw.h). */
#include "sdhw.h"

#include "boot/cubieboard/sdcard.c"
#include "boot/cubieboard/sdcard_start.c"
#include "boot/cubieboard/sdhost.c"

static struct page headers[SDHW_PAGES];
static struct page_pool pages;
static struct blkdev *dev;
static const char *why;
static struct blk_req reqs[SDCARD_REQUESTS_MAX + 1];
static struct blk_seg segs[SDCARD_REQUESTS_MAX + 1][SDHOST_SEGS_MAX];

static int open_it(void)
{
    const struct sdhost_conf conf = {.base = SDHW_BASE, .clock = sdhw_clock};

    return sdcard_open(&reach->card, &conf, &dev, &why);
}

static int setup_kind(bool by_blocks)
{
    vplat_reset(1);
    sdhw_power_on(by_blocks);
    page_pool_init(&pages, headers, reach->memory, SDHW_PAGES);
    assert_int_equal(open_it(), 0);
    return 0;
}

static int setup_blocks(void **state)
{
    (void)state;
    return setup_kind(true);
}

static int setup_bytes(void **state)
{
    (void)state;
    return setup_kind(false);
}

/* Every page has come back. */
static int teardown(void **state)
{
    (void)state;
    return pages.free_count == SDHW_PAGES ? 0 : -1;
}

/* A request of whole segments: `n` pieces of `len` bytes, each in a page of its own. */
static struct blk_req *ask(unsigned which, enum blk_op op, uint64_t start, unsigned n, unsigned len)
{
    struct blk_req *req = &reqs[which];

    for (unsigned i = 0; i < n; i++) {
        struct page *page = page_get(&pages);

        assert_non_null(page);
        segs[which][i] = (struct blk_seg){page, (uint16_t)(PAGE_BYTES - len), (uint16_t)len};
    }
    *req = (struct blk_req){.op = (uint8_t)op,
                            .start = start,
                            .bytes = (uint64_t)n * len,
                            .segs = segs[which],
                            .seg_count = (uint16_t)n};
    return req;
}

static uint8_t *bytes_of(const struct blk_req *req, unsigned i)
{
    return req->segs[i].page->base + req->segs[i].off;
}

static void let_go(const struct blk_req *req)
{
    for (unsigned i = 0; i < req->seg_count; i++)
        page_put(req->segs[i].page);
}

/* Waits for its end, as a program does: a device that sleeps for ever, or never, fails. */
static int outcome(const struct blk_req *req)
{
    for (int i = 0; i < 1000000; i++) {
        struct blk_req *done;

        if (blkdev_reap(dev, &done, 1) == 1) {
            assert_ptr_equal(done, req);
            return done->status;
        }
        if (!blkdev_arm(dev) && !sdhw_line())
            sdhw_now_ns += u64_min(sdcard_nap_ns(&reach->card), 10 * NS_PER_MS);
    }
    fail_msg("the request never ended");
    return 1;
}

static int do_it(struct blk_req *req)
{
    assert_int_equal(blkdev_submit(dev, req), 0);
    blkdev_kick(dev);
    return outcome(req);
}

static bool is_card(const struct blk_req *req)
{
    const uint8_t *card = sdhw.blocks[req->start / 512];

    for (unsigned i = 0; i < req->seg_count; card += req->segs[i++].len) {
        if (memcmp(bytes_of(req, i), card, req->segs[i].len) != 0)
            return false;
    }
    return true;
}

/* ---- opening --------------------------------------------------------------------------------- */

static void test_open_makes_the_card_ready(void **state)
{
    (void)state;
    assert_true(dev->online);
    assert_true(dev->caps.bytes == SDHW_BLOCKS * 512);
    assert_int_equal(dev->caps.block_bytes, 512);
    assert_int_equal(dev->caps.segs_max, SDHOST_SEGS_MAX);
    assert_false(dev->caps.read_only || dev->caps.flush || dev->caps.discard);
    assert_int_equal(sdhw.lines, 4);
    assert_int_equal(*sdhw_reg(SD_BWDR), SD_BWDR_4_BITS);
    assert_true(sdhw.fast_clock);
    assert_int_equal(sdhw.commands[16], 1);
    assert_false(sdhw_line());
}

/* PLS 4.3.13: a card of version 1 does not know CMD8. */
static void test_open_of_an_old_card(void **state)
{
    (void)state;
    sdhw_power_on(false);
    sdhw.old = true;
    sdhw.ready_after = 3;
    assert_int_equal(open_it(), 0);
    assert_false(reach->card.by_blocks);
}

static void test_open_without_host_or_card(void **state)
{
    (void)state;
    sdhw.no_host = true;
    assert_int_equal(open_it(), -E_NODEV);
    assert_string_equal(why, "no host answers");
    sdhw_power_on(true);
    sdhw.no_card = true;
    assert_int_equal(open_it(), -E_NODEV);
    assert_string_equal(why, "no card");
    assert_true(sdhw_now_ns - VPLAT_START_NS < NS_PER_S);
    assert_int_equal(*sdhw_reg(SD_CKCR) & SD_CKCR_ON, 0);
}

static void test_open_of_a_card_that_never_comes_up(void **state)
{
    (void)state;
    sdhw_power_on(true);
    sdhw.ready_after = UINT32_MAX;
    assert_int_equal(open_it(), -E_TIMEDOUT);
    assert_string_equal(why, "the card does not come up");
    assert_true(sdhw_now_ns - VPLAT_START_NS < 2 * SDCARD_START_NS);
}

static void test_open_of_a_card_of_another_kind(void **state)
{
    (void)state;
    sdhw_power_on(true);
    sdhw.csd[3] = 2u << 30;
    assert_int_equal(open_it(), -E_NOSYS);
}

/* Registers of cards as they are sold: 7.9 GB and 2 GB; and what cannot be. */
static void test_csd(void **state)
{
    static const uint32_t high[4] = {0x0a4000d7, 0x3afb7f80, 0x5b590000, 0x400e0032};
    static const uint32_t standard[4] = {0x16800095, 0xedcbff80, 0x5f5a83c1, 0x002f0032};
    uint32_t words[4] = {0};
    struct sdcard_csd csd;

    (void)state;
    assert_true(sdcard_read_csd(high, &csd));
    assert_true(csd.bytes == UINT64_C(15100) << 19 && !csd.read_only);
    assert_true(sdcard_read_csd(standard, &csd));
    assert_true(csd.bytes == UINT64_C(3848) << 19);
    assert_false(sdcard_read_csd(words, &csd)); /* blocks of one byte */
    words[2] = 12u << 16;
    assert_false(sdcard_read_csd(words, &csd));
    words[3] = 3u << 30;
    assert_false(sdcard_read_csd(words, &csd));
    memset(words, 0xff, sizeof(words)); /* the largest that there can be */
    words[3] = 1u << 30;
    assert_true(sdcard_read_csd(words, &csd));
    assert_true(csd.bytes == UINT64_C(1) << 41 && csd.read_only);
}

static void test_write_protected_card(void **state)
{
    struct blk_req *req;

    (void)state;
    sdhw_power_on(true);
    sdhw.csd[0] = 1u << 12;
    assert_int_equal(open_it(), 0);
    assert_true(dev->caps.read_only);
    req = ask(0, BLK_WRITE, 0, 1, 512);
    assert_int_equal(blkdev_submit(dev, req), -E_ROFS);
    assert_int_equal(dev->stats.refused, 1);
    let_go(req);
}

/* ---- reading and writing --------------------------------------------------------------------- */

static void test_read_every_shape(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= SDHOST_SEGS_MAX; n++) {
        for (unsigned len = 512; len <= PAGE_BYTES; len += 512) {
            struct blk_req *req = ask(0, BLK_READ, 512u * n, n, len);

            assert_int_equal(do_it(req), 0);
            assert_true(is_card(req));
            let_go(req);
        }
    }
    assert_int_equal(sdhw.commands[17], 1); /* one block */
    assert_int_equal(sdhw.commands[18], SDHOST_SEGS_MAX * 8 - 1);
    assert_int_equal(dev->stats.reads, SDHOST_SEGS_MAX * 8);
    assert_int_equal(dev->stats.copied_bytes, 0);
}

static void test_write_every_shape(void **state)
{
    static uint8_t before[SDHW_BLOCKS][512];

    (void)state;
    for (unsigned n = 1; n <= SDHOST_SEGS_MAX; n++) {
        for (unsigned len = 512; len <= PAGE_BYTES; len += 512) {
            struct blk_req *req = ask(0, BLK_WRITE, 512u * n, n, len);
            const size_t first = n, behind = n + (size_t)n * len / 512;

            memcpy(before, sdhw.blocks, sizeof(before));
            for (unsigned i = 0; i < n; i++)
                memset(bytes_of(req, i), (int)(n * 3 + len / 512 + i), len);
            assert_int_equal(do_it(req), 0);
            assert_true(is_card(req));
            assert_memory_equal(before, sdhw.blocks, first * 512);
            assert_memory_equal(before + behind, sdhw.blocks + behind,
                                (SDHW_BLOCKS - behind) * 512);
            let_go(req);
        }
    }
    assert_int_equal(sdhw.commands[24], 1);
    assert_int_equal(sdhw.commands[13], SDHOST_SEGS_MAX * 8); /* each one is asked after */
}

static void test_both_ends_of_the_card(void **state)
{
    struct blk_req *req = ask(0, BLK_READ, (SDHW_BLOCKS - 1) * 512, 1, 512);

    (void)state;
    assert_int_equal(do_it(req), 0);
    assert_true(is_card(req));
    req->start += 512;
    assert_int_equal(blkdev_submit(dev, req), -E_INVAL);
    let_go(req);
}

/* While data moves nothing of ours runs: the interrupt's line is down until the end. */
static void test_a_sleep_until_the_data_is_there(void **state)
{
    struct blk_req *req = ask(0, BLK_READ, 0, 4, 4096), *done;

    (void)state;
    sdhw.holds = true;
    assert_int_equal(blkdev_submit(dev, req), 0);
    blkdev_kick(dev);
    assert_false(blkdev_arm(dev));
    assert_false(sdhw_line());
    assert_true(sdcard_nap_ns(&reach->card) == NS_NEVER);
    sdhw_release();
    assert_true(sdhw_line());
    assert_true(blkdev_arm(dev));
    assert_false(sdhw_line());
    assert_int_equal(blkdev_reap(dev, &done, 1), 1);
    assert_int_equal(done->status, 0);
    assert_true(is_card(req));
    let_go(req);
}

/* A write is done when the card has done writing; nothing interrupts then, so it is looked at. */
static void test_a_write_waits_for_the_card(void **state)
{
    struct blk_req *req = ask(0, BLK_WRITE, 0, 4, 4096), *done;

    (void)state;
    sdhw.busy_ns = 20 * NS_PER_MS;
    assert_int_equal(blkdev_submit(dev, req), 0);
    blkdev_kick(dev);
    assert_int_equal(blkdev_reap(dev, &done, 1), 0);
    assert_false(blkdev_arm(dev));
    assert_false(sdhw_line());
    assert_true(sdcard_nap_ns(&reach->card) <= NS_PER_MS);
    sdhw_now_ns += 20 * NS_PER_MS;
    assert_true(blkdev_arm(dev));
    assert_int_equal(blkdev_reap(dev, &done, 1), 1);
    assert_int_equal(done->status, 0);
    let_go(req);
}

static void test_flush_and_what_a_card_cannot(void **state)
{
    struct blk_req flush = {.op = BLK_FLUSH}, discard = {.op = BLK_DISCARD, .bytes = 512};

    (void)state;
    assert_int_equal(do_it(&flush), 0);
    assert_int_equal(dev->stats.flushes, 1);
    assert_int_equal(blkdev_submit(dev, &discard), -E_NOSYS);
}

static void test_room_for_so_many_requests(void **state)
{
    struct blk_req *done[SDCARD_REQUESTS_MAX];
    unsigned got = 0;

    (void)state;
    sdhw.holds = true;
    for (unsigned i = 0; i <= SDCARD_REQUESTS_MAX; i++)
        (void)ask(i, BLK_READ, 512u * i, 1, 512);
    for (unsigned i = 0; i < SDCARD_REQUESTS_MAX; i++)
        assert_int_equal(blkdev_submit(dev, &reqs[i]), 0);
    blkdev_kick(dev);
    assert_int_equal(blkdev_submit(dev, &reqs[SDCARD_REQUESTS_MAX]), -E_AGAIN);
    assert_int_equal(dev->stats.full, 1);
    assert_false(blkdev_arm(dev));
    sdhw_release();
    got = blkdev_reap(dev, done, 1);
    assert_true(blkdev_arm(dev)); /* there is room, and there is more */
    assert_int_equal(blkdev_submit(dev, &reqs[SDCARD_REQUESTS_MAX]), 0);
    while (got <= SDCARD_REQUESTS_MAX)
        got += blkdev_reap(dev, done, 5);
    assert_int_equal(got, SDCARD_REQUESTS_MAX + 1);
    for (unsigned i = 0; i <= SDCARD_REQUESTS_MAX; i++) {
        assert_true(reqs[i].status == 0 && is_card(&reqs[i]));
        let_go(&reqs[i]);
    }
}

/* Any requests in any order against a model of the card. */
static void test_random_requests(void **state)
{
    static uint8_t model[SDHW_BLOCKS][512];
    uint64_t random = test_seed(0x5dca2d);

    (void)state;
    memcpy(model, sdhw.blocks, sizeof(model));
    for (int round = 0; round < 3000; round++) {
        const bool write = test_random(&random) % 2 == 0;
        const unsigned n = 1 + (unsigned)(test_random(&random) % SDHOST_SEGS_MAX);
        const unsigned len = 512 * (1 + (unsigned)(test_random(&random) % 8));
        const unsigned blocks = n * len / 512;
        const uint64_t first = test_random(&random) % (SDHW_BLOCKS - blocks + 1);
        struct blk_req *req = ask(0, write ? BLK_WRITE : BLK_READ, first * 512, n, len);

        sdhw.busy_ns = test_random(&random) % NS_PER_MS;
        for (unsigned i = 0; i < n && write; i++) {
            memset(bytes_of(req, i), (int)(test_random(&random) & 0xff), len);
            memcpy((uint8_t *)model[first] + (size_t)i * len, bytes_of(req, i), len);
        }
        assert_int_equal(do_it(req), 0);
        assert_true(is_card(req));
        let_go(req);
    }
    assert_memory_equal(model, sdhw.blocks, sizeof(model));
}

/* ---- what goes wrong ------------------------------------------------------------------------- */

/* Whatever it is, the request fails, the transfer is ended at the card too, the next is good. */
static void test_a_transfer_that_fails(void **state)
{
    static const uint32_t how[] = {0x40, 0x80, 0x100, 0x200, 0x800, 0x2000, 0x8000, 0x2};

    (void)state;
    for (unsigned i = 0; i < 2 * ARRAY_SIZE(how); i++) {
        struct blk_req *req = ask(0, i % 2 == 0 ? BLK_READ : BLK_WRITE, 0, 2, 4096);

        sdhw.fails_with = how[i / 2];
        sdhw.stopped = false;
        assert_int_equal(do_it(req), -E_IO);
        assert_true(sdhw.stopped);
        assert_int_equal(do_it(req), 0);
        assert_true(is_card(req));
        let_go(req);
    }
    assert_int_equal(dev->stats.errors, 2 * ARRAY_SIZE(how));
    assert_true(dev->online);
}

/* The data went well, and then the card could not write it: its status says so, once. */
static void test_a_card_that_cannot_write(void **state)
{
    static const uint32_t how[] = {1u << 31, 1u << 26, 1u << 21, 1u << 20, 1u << 19};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(how); i++) {
        struct blk_req *req = ask(0, BLK_WRITE, 0, 1, 512);

        sdhw.status_errors = how[i];
        assert_int_equal(do_it(req), -E_IO);
        assert_int_equal(do_it(req), 0);
        let_go(req);
    }
}

static void test_a_transfer_that_never_ends(void **state)
{
    struct blk_req *req = ask(0, BLK_READ, 0, 1, 512);
    uint64_t before = sdhw_now_ns;

    (void)state;
    sdhw.holds = true;
    assert_int_equal(do_it(req), -E_IO);
    assert_true(sdhw_now_ns - before < 2 * SDCARD_TRANSFER_NS);
    sdhw.holds = false;
    sdhw.held = 0;
    assert_int_equal(do_it(req), 0);
    let_go(req);
}

/* Pulled out: what is asked of it ends, and no more is taken. */
static void test_a_card_that_goes(void **state)
{
    struct blk_req *first = ask(0, BLK_READ, 0, 1, 512), *second = ask(1, BLK_WRITE, 512, 1, 512);
    struct blk_req *done;

    (void)state;
    sdhw.silent = true;
    assert_int_equal(blkdev_submit(dev, first), 0);
    assert_int_equal(blkdev_submit(dev, second), 0);
    blkdev_kick(dev);
    assert_int_equal(outcome(first), -E_NODEV);
    assert_false(dev->online);
    assert_int_equal(blkdev_reap(dev, &done, 1), 1);
    assert_int_equal(second->status, -E_NODEV);
    assert_int_equal(blkdev_submit(dev, first), -E_NODEV);
    assert_false(blkdev_arm(dev));
    let_go(first);
    let_go(second);
}

static void test_a_card_that_writes_for_ever(void **state)
{
    struct blk_req *req = ask(0, BLK_WRITE, 0, 1, 512);
    uint64_t before = sdhw_now_ns;

    (void)state;
    sdhw.busy_ns = NS_NEVER / 2;
    assert_int_equal(do_it(req), -E_NODEV);
    assert_true(sdhw_now_ns - before < 2 * SDCARD_BUSY_NS);
    let_go(req);
}

static void test_close_lets_go_of_everything(void **state)
{
    (void)state;
    sdhw.holds = true;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(blkdev_submit(dev, ask(i, BLK_READ, 512u * i, 2, 512)), 0);
        let_go(&reqs[i]); /* the driver has references of its own */
    }
    blkdev_kick(dev);
    sdcard_close(&reach->card);
    assert_false(dev->online);
    assert_false(sdhw_line());
    assert_int_equal(*sdhw_reg(SD_DMAC), 0);
    assert_int_equal(*sdhw_reg(SD_CKCR) & SD_CKCR_ON, 0);
    sdhw.holds = false;
    assert_int_equal(open_it(), 0);
}

#define BOTH(test)                                                                                 \
    cmocka_unit_test_setup_teardown(test, setup_blocks, teardown),                                 \
        cmocka_unit_test_setup_teardown(test, setup_bytes, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_open_makes_the_card_ready),
        BOTH(test_open_of_an_old_card),
        BOTH(test_open_without_host_or_card),
        BOTH(test_open_of_a_card_that_never_comes_up),
        BOTH(test_open_of_a_card_of_another_kind),
        BOTH(test_csd),
        BOTH(test_write_protected_card),
        BOTH(test_read_every_shape),
        BOTH(test_write_every_shape),
        BOTH(test_both_ends_of_the_card),
        BOTH(test_a_sleep_until_the_data_is_there),
        BOTH(test_a_write_waits_for_the_card),
        BOTH(test_flush_and_what_a_card_cannot),
        BOTH(test_room_for_so_many_requests),
        BOTH(test_random_requests),
        BOTH(test_a_transfer_that_fails),
        BOTH(test_a_card_that_cannot_write),
        BOTH(test_a_transfer_that_never_ends),
        BOTH(test_a_card_that_goes),
        BOTH(test_a_card_that_writes_for_ever),
        BOTH(test_close_lets_go_of_everything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
