/* SPDX-License-Identifier: ISC */
/* test_blkfront_lies.c - what a backend may say that is not true: the device closes, requests in
 * flight end, nothing is corrupted, and what the backend keeps is not used again. Responses are
 * validated against a private copy (XSA-155, -391, -396, -403). */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include "blkrig.h"

static struct blkrig_io io[8];
static struct blkrig_req got[8];

static void start(const struct blkrig_conf *conf)
{
    blkrig_start(conf);
    assert_int_equal(blkrig_open(), 0);
    memset(io, 0, sizeof(io));
}

static void assert_reaped(struct blkrig_io *want, int status)
{
    struct blk_req *done = NULL;

    assert_int_equal(blkdev_reap(blkrig.dev, &done, 1), 1);
    assert_ptr_equal(done, &want->req);
    assert_int_equal(done->status, status);
}

/* How often a text stands in the log. */
static unsigned logged(const char *text)
{
    unsigned n = 0;

    for (const char *at = vplat_console(); (at = strstr(at, text)) != NULL; at++)
        n++;
    return n;
}

/* Three requests are in flight, and one in the queue (for want of a kick). */
static void prepare(const struct blkrig_conf *conf)
{
    start(conf);
    blkrig_submit(&io[0], BLK_WRITE, 0, 4096, 1);
    blkrig_submit(&io[1], BLK_READ, 65536, 4096, 1);
    blkrig_submit(&io[2], BLK_WRITE, 131072, 30 * 4096, 1);
    blkdev_kick(blkrig.dev);
    blkrig_submit(&io[3], BLK_WRITE, 0, 4096, 1);
    for (unsigned i = 0; i < 3; i++)
        assert_true(blkrig_take(0, &got[i]));
}

/* The lie has been told: all that is in flight ends, the device is closed and stays so until the
 * program opens it again. */
static void assert_closed(const char *text, unsigned finished)
{
    struct blk_req *done[8], probe = {.op = BLK_FLUSH};
    unsigned n = 0, ok = 0;

    n = blkdev_reap(blkrig.dev, done, 8);
    assert_int_equal(n, 4);
    assert_true(blkdev_arm(blkrig.dev)); /* the device went away */
    for (unsigned i = 0; i < n; i++) {
        assert_true(done[i]->status == 0 || done[i]->status == -E_NODEV);
        ok += done[i]->status == 0;
    }
    assert_int_equal(ok, finished);
    assert_false(blkrig.dev->online);
    assert_int_equal(blkdev_submit(blkrig.dev, &probe), -E_NODEV);
    assert_int_equal(blkrig.dev->stats.violations, 1);
    assert_int_equal(logged("broke the protocol"), 1);
    assert_int_equal(logged(text), 1);
    blkrig_check_pages();
    blkrig_put(&io[1]);
    for (unsigned i = 0; i < 20; i++) {
        blkrig_run();
        (void)blkdev_reap(blkrig.dev, done, 8);
        (void)blkdev_arm(blkrig.dev);
    }
    assert_false(blkrig.dev->online);
    assert_false(blkdev_arm(blkrig.dev)); /* no spinning */
    blkrig_close();
    /* The program may open it anew. */
    blkrig_disconnect();
    blkrig_set_state(XENBUS_INIT_WAIT);
    assert_int_equal(blkrig_open(), 0);
    blkrig_submit(&io[0], BLK_WRITE, 0, 1 << 20, 6);
    assert_int_equal(blkrig_finish(&io[0]), 0);
    assert_true(blkrig_disk_is(0, 1 << 20, 6));
    blkrig_stop(0);
}

static const struct blkrig_conf usual = {.indirect = 256};

static void test_rsp_prod_beyond_the_requests(void **state)
{
    static const uint32_t beyond[] = {4, 5, 33, 1000, 0x7fffffff, 0x80000000, 0xffffffff};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(beyond); i++) {
        prepare(&usual);
        blkrig.queue[0].shared->rsp_prod += beyond[i];
        assert_closed("more responses than requests", 0);
    }
}

/* A response to what was queued, and not shown. */
static void test_rsp_prod_beyond_what_was_pushed(void **state)
{
    (void)state;
    prepare(&usual);
    blkfront_io_fill(blkrig.bf); /* in the ring, not pushed */
    blkrig.queue[0].shared->rsp_prod += 4;
    assert_closed("more responses than requests", 0);
}

static void test_ids(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 12; i++) {
        uint64_t id;

        prepare(&usual);
        id = got[0].id;
        const uint64_t ids[] = {0,
                                UINT64_MAX,
                                id + 1,
                                id ^ 1u << 16,
                                id & 0xffff,
                                id | 1ull << 63,
                                got[2].id + 1,
                                id - (1u << 16),
                                127,
                                128,
                                1u << 16 | 128,
                                65535};

        blkrig_answer_raw(0, ids[i], BLKIF_OP_WRITE, BLKIF_RSP_OKAY);
        blkrig_push(0);
        assert_closed("a response's id is not in flight", 0);
    }
}

/* The same request answered twice: the second answer is a lie, even when its place is in use
 * again. */
static void test_an_answer_twice(void **state)
{
    (void)state;
    prepare(&usual);
    blkrig_answer(&got[0], BLKIF_RSP_OKAY);
    blkrig_answer(&got[0], BLKIF_RSP_OKAY);
    assert_closed("a response's id is not in flight", 1);

    prepare(&usual);
    blkrig_answer(&got[0], BLKIF_RSP_OKAY);
    assert_reaped(&io[0], 0);
    /* The place serves the next request. */
    blkdev_kick(blkrig.dev);
    assert_true(blkrig_take(0, &got[3]));
    assert_int_equal(got[3].id & 0xffff, got[0].id & 0xffff);
    assert_true(got[3].id != got[0].id);
    blkrig_submit(&io[0], BLK_WRITE, 0, 4096, 1);
    blkrig_answer(&got[0], BLKIF_RSP_OKAY);
    assert_closed("a response's id is not in flight", 0);
}

/* An answer in another queue's ring. */
static void test_the_wrong_ring(void **state)
{
    (void)state;
    start(&(struct blkrig_conf){.queues_max = "2", .bf.queues = 2});
    blkrig_submit(&io[0], BLK_WRITE, 0, 4096, 1);
    blkrig_submit(&io[1], BLK_WRITE, 8192, 4096, 1);
    blkdev_kick(blkrig.dev);
    assert_true(blkrig_take(0, &got[0]));
    assert_true(blkrig_take(1, &got[1]));
    blkrig_answer_raw(1, got[0].id, BLKIF_OP_WRITE, BLKIF_RSP_OKAY);
    blkrig_push(1);
    (void)blkdev_arm(blkrig.dev);
    assert_reaped(&io[0], -E_NODEV);
    assert_reaped(&io[1], -E_NODEV);
    assert_int_equal(blkrig.dev->stats.violations, 1);
    blkrig_stop(0);
}

static void test_operations(void **state)
{
    (void)state;
    for (unsigned op = 0; op < 256; op++) {
        for (unsigned i = 0; i < 3; i++) {
            bool good = op == got[i].meant || (i == 2 && op == BLKIF_OP_INDIRECT);

            if (op > 8 && (op + i) % 60 != 0)
                continue;
            prepare(&usual);
            good = op == got[i].meant || (i == 2 && op == BLKIF_OP_INDIRECT);
            if (!good) {
                blkrig_answer_raw(0, got[i].id, (uint8_t)op, BLKIF_RSP_OKAY);
                blkrig_push(0);
                assert_closed("a response's operation is not its request's", 0);
            } else {
                blkrig_put(&io[1]);
                blkrig_stop(0);
            }
        }
    }
}

static void test_statuses(void **state)
{
    static const int16_t statuses[] = {1, 2, 512, INT16_MAX, -3, -4, -512, INT16_MIN};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(statuses); i++) {
        prepare(&usual);
        blkrig_answer(&got[i % 3], statuses[i]);
        assert_closed("a response's status has no meaning", 0);
    }
}

static void test_a_state_that_is_none(void **state)
{
    (void)state;
    prepare(&usual);
    sim_xs_write(BLKRIG_BACK "/state", "17");
    blkrig_run();
    blkrig.state = XENBUS_CONNECTED;
    assert_closed("its XenbusState is none", 0);
}

/* ---- pages that it keeps --------------------------------------------------------------------- */

/* Still mapped after its response: closed, and the page is not used again before it lets go. */
static void test_a_page_still_mapped(void **state)
{
    (void)state;
    for (unsigned version = 1; version <= 2; version++) {
        for (unsigned which = 0; which < 3; which++) { /* a write's, a read's, a list */
            uint32_t gref, page_refs;
            int16_t status;

            prepare(&(struct blkrig_conf){.indirect = 256, .gnttab_version = version});
            gref = which < 2 ? got[which].seg[0].gref : got[2].list;
            assert_non_null(sim_grant_map(gref, which == 1, &status));
            blkrig_answer(&got[which], BLKIF_RSP_OKAY);
            (void)blkdev_arm(blkrig.dev);
            for (unsigned i = 0; i < 4; i++) {
                struct blk_req *done;

                assert_int_equal(blkdev_reap(blkrig.dev, &done, 1), 1);
                assert_int_equal(done->status, -E_NODEV);
            }
            assert_int_equal(logged("still mapped after its response"), 1);
            page_refs = io[1].segs[0].page->refs;
            assert_int_equal(page_refs, which == 1 ? 2 : 1); /* the driver holds on to it */
            blkrig_put(&io[1]);
            blkrig_check_pages();
            blkrig_close();
            assert_int_equal(blkrig.pages.quarantined, 1);
            assert_int_equal(blkrig.quarantine.count, 1);
            blkrig_check_pages();
            sim_grant_unmap(gref, which == 1);
            blkrig_stop(0);
        }
    }
}

/* The program has the page too: it goes on using it, and the page is free again when both have let
 * go, in either order. */
static void test_a_kept_page_that_the_program_holds(void **state)
{
    int16_t status;

    (void)state;
    for (unsigned first = 0; first < 2; first++) { /* 0: the program lets go first */
        prepare(&usual);
        assert_non_null(sim_grant_map(got[1].seg[0].gref, true, &status));
        blkrig_answer(&got[1], BLKIF_RSP_OKAY);
        (void)blkdev_arm(blkrig.dev);
        blkrig_close();
        assert_int_equal(blkrig.pages.quarantined, 0);
        assert_int_equal(io[1].segs[0].page->refs, 2);
        if (first == 0)
            blkrig_put(&io[1]);
        gnttab_quarantine_poll(&blkrig.quarantine, &blkrig.gt, BLKRIG_PAGES);
        assert_int_equal(blkrig.quarantine.count, 1);
        sim_grant_unmap(got[1].seg[0].gref, true);
        gnttab_quarantine_poll(&blkrig.quarantine, &blkrig.gt, BLKRIG_PAGES);
        if (first == 1) {
            assert_int_equal(io[1].segs[0].page->refs, 1);
            blkrig_put(&io[1]);
        }
        blkrig_stop(0);
    }
}

/* What a backend writes into the ring's request slots, or changes its answer while we look: only
 * our own table counts. */
static void test_requests_are_not_read_back(void **state)
{
    (void)state;
    prepare(&usual);
    memset((uint8_t *)blkrig.queue[0].shared + 64, 0xff, 32 * BLKFRONT_SLOT_BYTES);
    blkrig.queue[0].shared->req_prod = 77;
    for (unsigned i = 0; i < 3; i++)
        blkrig_answer(&got[i], blkrig_do(&got[i]));
    blkdev_kick(blkrig.dev);
    for (unsigned i = 0; i < 3; i++)
        assert_reaped(&io[i], 0);
    assert_int_equal(blkrig.queue[0].shared->req_prod, 4);
    assert_true(blkrig_take(0, &got[3]));
    blkrig_answer(&got[3], blkrig_do(&got[3]));
    assert_reaped(&io[3], 0);
    blkrig_put(&io[1]);
    blkrig_stop(0);
}

/* ---- what it cannot do after all ------------------------------------------------------------- */

/* A flush that it does not know becomes a barrier; where that is unknown too, there is no flush:
 * but the one that failed is not reported as done. */
static void test_flush_falls_back_to_barrier(void **state)
{
    (void)state;
    start(&(struct blkrig_conf){.flush = "1", .barrier = "1"});
    for (unsigned i = 0; i < 3; i++)
        blkrig_submit(&io[i], BLK_FLUSH, 0, 0, 0);
    blkdev_kick(blkrig.dev);
    for (unsigned i = 0; i < 3; i++)
        assert_true(blkrig_take(0, &got[i]));
    blkrig_answer(&got[0], BLKIF_RSP_EOPNOTSUPP);
    blkrig_answer(&got[1], BLKIF_RSP_EOPNOTSUPP);
    blkrig_answer(&got[2], BLKIF_RSP_OKAY);
    assert_reaped(&io[2], 0);
    assert_true(blkrig.dev->caps.flush);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(blkrig_take(0, &got[i]));
        assert_int_equal(got[i].op, BLKIF_OP_WRITE_BARRIER);
    }
    blkrig_answer(&got[0], BLKIF_RSP_OKAY);
    assert_reaped(&io[0], 0);
    blkrig_submit(&io[3], BLK_FLUSH, 0, 0, 0); /* queued as what it does not know */
    blkrig_answer(&got[1], BLKIF_RSP_EOPNOTSUPP);
    assert_reaped(&io[1], -E_NOSYS);
    assert_reaped(&io[3], -E_NOSYS);
    assert_false(blkrig.dev->caps.flush);
    assert_int_equal(blkrig.dev->stats.flushes, 2);
    assert_false(blkrig_take(0, &got[0]));
    assert_true(blkrig.dev->online);
    blkrig_stop(0);
}

static void test_flush_alone_is_switched_off(void **state)
{
    (void)state;
    start(&(struct blkrig_conf){.flush = "1"});
    blkrig_submit(&io[0], BLK_FLUSH, 0, 0, 0);
    blkdev_kick(blkrig.dev);
    assert_true(blkrig_take(0, &got[0]));
    blkrig_answer(&got[0], BLKIF_RSP_EOPNOTSUPP);
    assert_reaped(&io[0], -E_NOSYS);
    assert_false(blkrig.dev->caps.flush);
    assert_int_equal(blkrig.dev->stats.flushes, 0);
    blkrig_stop(0);
}

static void test_discard_is_switched_off(void **state)
{
    struct blk_req req = {.op = BLK_SECURE_DISCARD, .bytes = 4096};

    (void)state;
    start(&(struct blkrig_conf){.discard = "1", .discard_secure = "1"});
    blkrig_submit(&io[0], BLK_SECURE_DISCARD, 0, 4096, 0);
    blkdev_kick(blkrig.dev);
    assert_true(blkrig_take(0, &got[0]));
    blkrig_answer(&got[0], BLKIF_RSP_EOPNOTSUPP);
    assert_reaped(&io[0], -E_NOSYS);
    assert_false(blkrig.dev->caps.secure_discard);
    assert_true(blkrig.dev->caps.discard);
    assert_int_equal(blkdev_submit(blkrig.dev, &req), -E_NOSYS);
    blkrig_submit(&io[0], BLK_DISCARD, 0, 4096, 0);
    blkdev_kick(blkrig.dev);
    blkrig_submit(&io[1], BLK_DISCARD, 0, 4096, 0);
    assert_true(blkrig_take(0, &got[0]));
    blkrig_answer(&got[0], BLKIF_RSP_EOPNOTSUPP);
    assert_reaped(&io[0], -E_NOSYS);
    assert_reaped(&io[1], -E_NOSYS);
    assert_false(blkrig.dev->caps.discard);
    assert_int_equal(blkrig.dev->caps.discard_unit_bytes, 0);
    blkrig_stop(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rsp_prod_beyond_the_requests),
        cmocka_unit_test(test_rsp_prod_beyond_what_was_pushed),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_an_answer_twice),
        cmocka_unit_test(test_the_wrong_ring),
        cmocka_unit_test(test_operations),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_a_state_that_is_none),
        cmocka_unit_test(test_a_page_still_mapped),
        cmocka_unit_test(test_a_kept_page_that_the_program_holds),
        cmocka_unit_test(test_requests_are_not_read_back),
        cmocka_unit_test(test_flush_falls_back_to_barrier),
        cmocka_unit_test(test_flush_alone_is_switched_off),
        cmocka_unit_test(test_discard_is_switched_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
