/* SPDX-License-Identifier: ISC */
/* test_blkfront_io.c - requests: what comes into the ring of each op, cut, joined, in order of
 * units of 512 bytes, in place or copied. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include "blkrig.h"

static struct blkrig_io io[160];
static struct blkrig_req got, more;

static void start(const struct blkrig_conf *conf)
{
    blkrig_start(conf);
    assert_int_equal(blkrig_open(), 0);
    memset(io, 0, sizeof(io));
}

/* The next request shown, of queue 0. */
static void take(struct blkrig_req *req)
{
    assert_true(blkrig_take(0, req));
}

static void assert_reaped(struct blkrig_io *want, int status)
{
    struct blk_req *done = NULL;

    assert_int_equal(blkdev_reap(blkrig.dev, &done, 1), 1);
    assert_ptr_equal(done, &want->req);
    assert_int_equal(done->status, status);
}

/* ---- ops ------------------------------------------------------------------------------------- */

static void test_write(void **state)
{
    (void)state;
    start(&(struct blkrig_conf){0});
    blkrig_submit_pieces(&io[0], BLK_WRITE, 1536, 1024, 1024, 9);
    assert_false(blkrig_take(0, &got)); /* not before the kick */
    memset((uint8_t *)blkrig.queue[0].shared + RING_SLOTS_AT, 0xff, 32 * BLKFRONT_SLOT_BYTES);
    blkdev_kick(blkrig.dev);
    take(&got);
    assert_int_equal(got.op, BLKIF_OP_WRITE);
    assert_int_equal(got.sector, 3);
    assert_int_equal(got.handle, 51712);
    assert_int_equal(got.segs, 1);
    assert_int_equal(got.seg[0].first, 6);
    assert_int_equal(got.seg[0].last, 7);
    /* XSA-216: nothing old is in what a request does not use. */
    for (unsigned i = 4; i < BLKFRONT_SLOT_BYTES; i++)
        assert_true((i >= 8 && i < 30) || got.raw[i] == 0);
    blkrig_check_pages();
    blkrig_answer(&got, blkrig_do(&got));
    assert_true(blkrig_disk_is(1536, 1024, 9));
    assert_reaped(&io[0], 0);
    assert_int_equal(blkrig.dev->stats.writes, 1);
    assert_int_equal(blkrig.dev->stats.written_bytes, 1024);
    assert_int_equal(blkrig.dev->stats.copied_bytes, 0);
    assert_int_equal(blkrig.dev->stats.ring_requests, 1);
    blkrig_stop(0);
}

/* A write's pages are granted for reading only; both ends of a grant are those of its request. */
static void test_grants_are_for_one_request(void **state)
{
    int16_t status;

    (void)state;
    for (unsigned version = 1; version <= 2; version++) {
        start(&(struct blkrig_conf){.gnttab_version = version});
        blkrig_submit(&io[0], BLK_WRITE, 0, 4096, 1);
        blkrig_submit(&io[1], BLK_READ, 8192, 4096, 1);
        blkdev_kick(blkrig.dev);
        take(&got);
        take(&more);
        assert_null(sim_grant_use(got.seg[0].gref, 0, 1, true, &status));
        assert_non_null(sim_grant_use(got.seg[0].gref, 0, 1, false, &status));
        assert_non_null(sim_grant_use(more.seg[0].gref, 0, 1, true, &status));
        blkrig_answer(&got, blkrig_do(&got));
        blkrig_answer(&more, blkrig_do(&more));
        assert_reaped(&io[0], 0);
        assert_reaped(&io[1], 0);
        assert_null(sim_grant_use(got.seg[0].gref, 0, 1, false, &status));
        assert_null(sim_grant_use(more.seg[0].gref, 0, 1, false, &status));
        blkrig_put(&io[1]);
        blkrig_stop(0);
    }
}

static void test_read(void **state)
{
    (void)state;
    start(&(struct blkrig_conf){0});
    blkrig_disk_fill(0, BLKRIG_DISK_BYTES, 3);
    for (uint32_t piece = 512; piece <= 4096; piece += 512) {
        blkrig_submit_pieces(&io[0], BLK_READ, 8192 + piece, 5 * piece, piece, 0);
        assert_int_equal(blkrig_finish(&io[0]), 0);
        assert_true(blkrig_read_is(&io[0], 3));
    }
    assert_int_equal(blkrig.dev->stats.reads, 8);
    assert_int_equal(blkrig.dev->stats.copied_bytes, 0);
    blkrig_stop(0);
}

static void test_flush(void **state)
{
    (void)state;
    start(&(struct blkrig_conf){.flush = "1", .barrier = "1"});
    assert_true(blkrig.dev->caps.flush);
    blkrig_submit(&io[0], BLK_FLUSH, 0, 0, 0);
    blkdev_kick(blkrig.dev);
    take(&got);
    assert_int_equal(got.op, BLKIF_OP_FLUSH_DISKCACHE);
    assert_int_equal(got.segs, 0);
    /* Never reported before its response. */
    struct blk_req *done;
    assert_int_equal(blkdev_reap(blkrig.dev, &done, 1), 0);
    blkrig_answer(&got, BLKIF_RSP_OKAY);
    assert_reaped(&io[0], 0);
    assert_int_equal(blkrig.dev->stats.flushes, 1);
    blkrig_stop(0);
}

/* A failed flush is never reported as done. */
static void test_flush_fails(void **state)
{
    (void)state;
    start(&(struct blkrig_conf){.flush = "1"});
    blkrig_submit(&io[0], BLK_FLUSH, 0, 0, 0);
    blkdev_kick(blkrig.dev);
    take(&got);
    blkrig_answer(&got, BLKIF_RSP_ERROR);
    assert_reaped(&io[0], -E_IO);
    assert_true(blkrig.dev->caps.flush);
    assert_int_equal(blkrig.dev->stats.flushes, 0);
    assert_int_equal(blkrig.dev->stats.errors, 1);
    blkrig_stop(0);
}

static void test_barrier_where_there_is_no_flush(void **state)
{
    (void)state;
    start(&(struct blkrig_conf){.barrier = "1"});
    assert_true(blkrig.dev->caps.flush);
    blkrig_submit(&io[0], BLK_FLUSH, 0, 0, 0);
    blkdev_kick(blkrig.dev);
    take(&got);
    assert_int_equal(got.op, BLKIF_OP_WRITE_BARRIER);
    assert_int_equal(got.segs, 0);
    blkrig_answer(&got, BLKIF_RSP_OKAY);
    assert_reaped(&io[0], 0);
    blkrig_stop(0);
}

/* Without either, a flush does nothing, and says so by its cap. */
static void test_no_flush(void **state)
{
    (void)state;
    start(&(struct blkrig_conf){0});
    assert_false(blkrig.dev->caps.flush);
    blkrig_submit(&io[0], BLK_FLUSH, 0, 0, 0);
    assert_true(blkdev_arm(blkrig.dev));
    assert_reaped(&io[0], 0);
    assert_int_equal(blkrig.dev->stats.ring_requests, 0);
    blkrig_stop(0);
}

static void test_discard(void **state)
{
    struct blk_req zeroes = {.op = BLK_WRITE_ZEROES, .bytes = 4096};

    (void)state;
    start(&(struct blkrig_conf){.discard = "1",
                                .discard_secure = "1",
                                .discard_granularity = "65536",
                                .discard_alignment = "512"});
    assert_true(blkrig.dev->caps.discard);
    assert_true(blkrig.dev->caps.secure_discard);
    assert_int_equal(blkrig.dev->caps.discard_unit_bytes, 65536);
    assert_int_equal(blkrig.dev->caps.discard_align_bytes, 512);
    /* io/blkif.h promises nothing of what a discarded range reads as. */
    assert_false(blkrig.dev->caps.write_zeroes);
    assert_int_equal(blkdev_submit(blkrig.dev, &zeroes), -E_NOSYS);

    blkrig_submit(&io[0], BLK_DISCARD, 1024, 1 << 20, 0);
    blkrig_submit(&io[1], BLK_SECURE_DISCARD, 4 << 20, 512, 0);
    blkdev_kick(blkrig.dev);
    take(&got);
    assert_int_equal(got.op, BLKIF_OP_DISCARD);
    assert_int_equal(got.flag, 0);
    assert_int_equal(got.sector, 2);
    assert_int_equal(got.sectors, 2048);
    assert_int_equal(got.handle, 51712);
    take(&more);
    assert_int_equal(more.flag, BLKIF_DISCARD_SECURE);
    assert_int_equal(more.sectors, 1);
    blkrig_answer(&more, blkrig_do(&more));
    blkrig_answer(&got, blkrig_do(&got));
    assert_reaped(&io[1], 0); /* in the order they finished */
    assert_reaped(&io[0], 0);
    assert_int_equal(blkrig.disk[1023], 0);
    assert_int_equal(blkrig.disk[1024], 0xdd);
    assert_int_equal(blkrig.dev->stats.discards, 2);
    blkrig_stop(0);
}

static void test_read_only(void **state)
{
    struct blk_req req = {.op = BLK_DISCARD, .bytes = 4096};

    (void)state;
    start(&(struct blkrig_conf){.mode = "r", .discard = "1", .flush = "1"});
    assert_true(blkrig.dev->caps.read_only);
    assert_int_equal(blkdev_submit(blkrig.dev, &req), -E_ROFS);
    req.op = BLK_WRITE;
    assert_int_equal(blkdev_submit(blkrig.dev, &req), -E_ROFS);
    blkdev_kick(blkrig.dev);
    assert_false(blkrig_take(0, &got)); /* refused before the ring */
    blkrig_submit(&io[0], BLK_READ, 0, 4096, 0);
    assert_int_equal(blkrig_finish(&io[0]), 0);
    blkrig_put(&io[0]);
    blkrig_submit(&io[0], BLK_FLUSH, 0, 0, 0);
    assert_int_equal(blkrig_finish(&io[0]), 0);
    blkrig_stop(0);
}

static void test_an_error_is_an_io_error(void **state)
{
    static const int16_t statuses[] = {BLKIF_RSP_ERROR, BLKIF_RSP_EOPNOTSUPP};

    (void)state;
    start(&(struct blkrig_conf){0});
    for (unsigned i = 0; i < ARRAY_SIZE(statuses); i++) {
        blkrig_submit(&io[0], BLK_WRITE, 0, 4096, 0);
        blkdev_kick(blkrig.dev);
        take(&got);
        blkrig_answer(&got, statuses[i]);
        assert_reaped(&io[0], -E_IO);
    }
    assert_int_equal(blkrig.dev->stats.errors, 2);
    assert_int_equal(blkrig.dev->stats.writes, 0);
    assert_true(blkrig.dev->online);
    blkrig_stop(0);
}

/* ---- cut and joined -------------------------------------------------------------------------- */

/* One request of the ring for a MiB. */
static void test_one_mib_is_one_indirect_request(void **state)
{
    int16_t status;

    (void)state;
    start(&(struct blkrig_conf){.indirect = 256});
    blkrig_submit(&io[0], BLK_WRITE, 4096, 1 << 20, 5);
    memset((uint8_t *)blkrig.queue[0].shared + RING_SLOTS_AT, 0xff, 32 * BLKFRONT_SLOT_BYTES);
    blkdev_kick(blkrig.dev);
    take(&got);
    assert_int_equal(got.op, BLKIF_OP_INDIRECT);
    assert_int_equal(got.meant, BLKIF_OP_WRITE);
    assert_int_equal(got.segs, 256);
    assert_int_equal(got.sector, 8);
    assert_int_equal(got.handle, 51712);
    assert_null(sim_grant_use(got.list, 0, 1, true, &status)); /* the list is ours to write */
    for (unsigned i = 32; i < BLKFRONT_SLOT_BYTES; i++)
        assert_int_equal(got.raw[i], 0);
    blkrig_check_pages();
    blkrig_answer(&got, blkrig_do(&got));
    assert_reaped(&io[0], 0);
    assert_true(blkrig_disk_is(4096, 1 << 20, 5));
    blkrig_submit(&io[1], BLK_READ, 4096, 1 << 20, 5);
    assert_int_equal(blkrig_finish(&io[1]), 0);
    assert_true(blkrig_read_is(&io[1], 5));
    assert_int_equal(blkrig.dev->stats.ring_requests, 2);
    assert_int_equal(blkrig.dev->stats.split, 0);
    assert_int_equal(blkrig.dev->stats.copied_bytes, 0);
    blkrig_stop(0);
}

/* Backends copy either operation of an indirect request into its response. */
static void test_indirect_response_may_say_indirect(void **state)
{
    (void)state;
    start(&(struct blkrig_conf){.indirect = 32});
    blkrig_submit(&io[0], BLK_WRITE, 0, 32 * 4096, 5);
    blkdev_kick(blkrig.dev);
    take(&got);
    blkrig_answer_raw(0, got.id, BLKIF_OP_INDIRECT, BLKIF_RSP_OKAY);
    blkrig_push(0);
    assert_reaped(&io[0], 0);
    blkrig_stop(0);
}

/* Whatever a backend takes, all of a request comes, in requests that are as long as can be. */
static void test_split_to_the_backends_limit(void **state)
{
    static const struct {
        uint32_t indirect, limit;
        bool no_indirect;
    } cases[] = {{0, 11, false},           {1, 11, false},    {11, 11, false},   {12, 12, false},
                 {32, 32, false},          {255, 255, false}, {256, 256, false}, {4096, 256, false},
                 {UINT32_MAX, 256, false}, {256, 11, true}};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        uint32_t limit = cases[i].limit, left = 256, requests = (256 + limit - 1) / limit;

        start(&(struct blkrig_conf){.indirect = cases[i].indirect,
                                    .bf.no_indirect = cases[i].no_indirect});
        assert_int_equal(blkrig.dev->caps.segs_max, BLKFRONT_SEGS_MAX);
        blkrig_submit(&io[0], BLK_WRITE, 8192, 1 << 20, 5);
        blkdev_kick(blkrig.dev);
        for (uint32_t at = 0; at < requests; at++, left -= got.segs) {
            struct blk_req *done;

            assert_int_equal(blkdev_reap(blkrig.dev, &done, 1), 0);
            take(&got);
            assert_int_equal(got.segs, u32_min(left, limit));
            assert_int_equal(got.sector, 16 + (256 - left) * 8);
            assert_int_equal(got.op == BLKIF_OP_INDIRECT, got.segs > 11);
            blkrig_answer(&got, blkrig_do(&got));
        }
        assert_int_equal(left, 0);
        assert_reaped(&io[0], 0);
        assert_true(blkrig_disk_is(8192, 1 << 20, 5));
        assert_int_equal(blkrig.dev->stats.split, requests > 1);
        assert_int_equal(blkrig.dev->stats.ring_requests, requests);
        assert_int_equal(blkrig.dev->stats.writes, 1);
        blkrig_stop(0);
    }
}

/* A request of several parts fails where one of them does, and ends with the last of them. */
static void test_a_part_fails(void **state)
{
    struct blk_req *done;

    (void)state;
    start(&(struct blkrig_conf){0});
    blkrig_submit(&io[0], BLK_READ, 0, 30 * 4096, 5);
    blkdev_kick(blkrig.dev);
    take(&got);
    blkrig_answer(&got, BLKIF_RSP_ERROR);
    take(&got);
    blkrig_answer(&got, BLKIF_RSP_OKAY);
    assert_int_equal(blkdev_reap(blkrig.dev, &done, 1), 0);
    take(&got);
    blkrig_answer(&got, BLKIF_RSP_OKAY);
    assert_reaped(&io[0], -E_IO);
    blkrig_put(&io[0]);
    blkrig_stop(0);
}

static void test_neighbours_go_together(void **state)
{
    (void)state;
    start(&(struct blkrig_conf){.indirect = 64});
    blkrig_submit(&io[0], BLK_WRITE, 0, 8192, 1);
    blkrig_submit_pieces(&io[1], BLK_WRITE, 8192, 1536, 512, 1);
    blkrig_submit(&io[2], BLK_WRITE, 8192 + 1536, 4096, 1);
    blkrig_submit(&io[3], BLK_READ, 8192 + 1536 + 4096, 4096, 1); /* another op */
    blkrig_submit(&io[4], BLK_READ, 65536, 4096, 1);              /* elsewhere */
    blkrig_submit(&io[5], BLK_READ, 65536 - 4096, 4096, 1);       /* before, not behind */
    blkdev_kick(blkrig.dev);
    take(&got);
    assert_int_equal(got.segs, 6);
    assert_int_equal(got.sector, 0);
    blkrig_answer(&got, blkrig_do(&got));
    for (unsigned i = 0; i < 3; i++)
        assert_reaped(&io[i], 0);
    assert_true(blkrig_disk_is(0, 8192 + 1536 + 4096, 1));
    for (unsigned i = 3; i < 6; i++) {
        take(&got);
        assert_int_equal(got.segs, 1);
        assert_int_equal(got.sector, io[i].req.start / 512);
        blkrig_answer(&got, blkrig_do(&got));
        assert_reaped(&io[i], 0);
        blkrig_put(&io[i]);
    }
    assert_int_equal(blkrig.dev->stats.merged, 2);
    assert_int_equal(blkrig.dev->stats.ring_requests, 4);
    assert_int_equal(blkrig.dev->stats.writes, 3);
    blkrig_stop(0);
}

/* Joined as far as the backend's limit, and no request is cut to make one go along. */
static void test_joining_stops_at_the_limit(void **state)
{
    (void)state;
    start(&(struct blkrig_conf){0});
    for (unsigned i = 0; i < 5; i++)
        blkrig_submit(&io[i], BLK_WRITE, i * 16384, 16384, 1);
    blkdev_kick(blkrig.dev);
    for (unsigned i = 0; i < 3; i++) {
        take(&got);
        assert_int_equal(got.segs, i < 2 ? 8 : 4);
        blkrig_answer(&got, blkrig_do(&got));
    }
    for (unsigned i = 0; i < 5; i++)
        assert_reaped(&io[i], 0);
    assert_true(blkrig_disk_is(0, 5 * 16384, 1));
    blkrig_stop(0);
}

/* What is left of a request that was cut goes along with its neighbours. */
static void test_a_rest_joins(void **state)
{
    (void)state;
    start(&(struct blkrig_conf){0});
    blkrig_disk_fill(0, 1 << 20, 4);
    blkrig_submit(&io[0], BLK_READ, 0, 13 * 4096, 0);
    blkrig_submit(&io[1], BLK_READ, 13 * 4096, 4096, 0);
    blkdev_kick(blkrig.dev);
    take(&got);
    take(&more);
    assert_int_equal(got.segs, 11);
    assert_int_equal(more.segs, 3);
    blkrig_answer(&more, blkrig_do(&more)); /* the later one first */
    assert_reaped(&io[1], 0);
    blkrig_answer(&got, blkrig_do(&got));
    assert_reaped(&io[0], 0);
    assert_true(blkrig_read_is(&io[0], 4));
    assert_true(blkrig_read_is(&io[1], 4));
    blkrig_stop(0);
}

/* ---- units ----------------------------------------------------------------------------------- */

/* The ring counts in 512 bytes, and so does `sectors`, whatever sector-size says: a disk of 512,
 * one of 4096, and one of 512 on a medium of 4096. */
static void test_units_are_512_bytes(void **state)
{
    static const struct {
        const char *sector, *physical;
        uint32_t block, medium;
    } cases[] = {{NULL, NULL, 512, 512},       {"512", "512", 512, 512},
                 {"512", "4096", 512, 4096},   {"4096", NULL, 4096, 4096},
                 {"4096", "4096", 4096, 4096}, {"2048", "2048", 2048, 2048}};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        struct blk_req bad = {.op = BLK_READ, .start = 512, .bytes = 4096};

        start(&(struct blkrig_conf){
            .sector_size = cases[i].sector, .physical_size = cases[i].physical, .discard = "1"});
        assert_int_equal(blkrig.dev->caps.block_bytes, cases[i].block);
        assert_int_equal(blkrig.dev->caps.physical_bytes, cases[i].medium);
        assert_int_equal(blkrig.dev->caps.bytes, BLKRIG_DISK_BYTES);
        blkrig_submit(&io[0], BLK_WRITE, 3 * 4096, 8192, 7);
        blkdev_kick(blkrig.dev);
        take(&got);
        assert_int_equal(got.sector, 24);
        assert_int_equal(got.seg[0].first, 0);
        assert_int_equal(got.seg[0].last, 7);
        blkrig_answer(&got, blkrig_do(&got));
        assert_reaped(&io[0], 0);
        assert_true(blkrig_disk_is(3 * 4096, 8192, 7));
        blkrig_submit(&io[0], BLK_DISCARD, 3 * 4096, 8192, 0);
        blkdev_kick(blkrig.dev);
        take(&got);
        assert_int_equal(got.sector, 24);
        assert_int_equal(got.sectors, 16);
        blkrig_answer(&got, BLKIF_RSP_OKAY);
        assert_reaped(&io[0], 0);
        if (cases[i].block != 512)
            assert_int_equal(blkdev_submit(blkrig.dev, &bad), -E_INVAL);
        blkrig_stop(0);
    }
}

/* A disk of 4096-byte blocks and memory in smaller pieces: each segment of the ring must be whole
 * blocks, so the data are copied. */
static void test_pieces_of_a_block_are_copied(void **state)
{
    (void)state;
    for (uint32_t indirect = 0; indirect <= 32; indirect += 32) {
        start(&(struct blkrig_conf){.sector_size = "4096", .indirect = indirect});
        blkrig_submit_pieces(&io[0], BLK_WRITE, 8192, 15 * 4096, 512, 2);
        blkdev_kick(blkrig.dev);
        while (blkrig_take(0, &got)) {
            for (unsigned i = 0; i < got.segs; i++) {
                assert_int_equal(got.seg[i].first, 0);
                assert_int_equal(got.seg[i].last, 7);
            }
            blkrig_answer(&got, blkrig_do(&got));
        }
        assert_reaped(&io[0], 0);
        assert_true(blkrig_disk_is(8192, 15 * 4096, 2));
        assert_int_equal(blkrig.dev->stats.copied_bytes, 15 * 4096);
        blkrig_submit_pieces(&io[0], BLK_READ, 8192, 12 * 4096, 1536, 2);
        assert_int_equal(blkrig_finish(&io[0]), 0);
        assert_true(blkrig_read_is(&io[0], 2));
        assert_int_equal(blkrig.dev->stats.copied_bytes, 27 * 4096);
        /* Whole pages go in place. */
        blkrig_submit(&io[0], BLK_READ, 8192, 12 * 4096, 2);
        assert_int_equal(blkrig_finish(&io[0]), 0);
        assert_true(blkrig_read_is(&io[0], 2));
        assert_int_equal(blkrig.dev->stats.copied_bytes, 27 * 4096);
        blkrig_stop(0);
    }
}

/* What is copied does not go along with what is in place: its segments are no whole blocks. */
static void test_pieces_do_not_join_what_is_in_place(void **state)
{
    (void)state;
    start(&(struct blkrig_conf){.sector_size = "4096"});
    blkrig_submit(&io[0], BLK_WRITE, 0, 4096, 2);
    blkrig_submit_pieces(&io[1], BLK_WRITE, 4096, 4096, 2048, 2);
    blkrig_submit(&io[2], BLK_WRITE, 8192, 4096, 2);
    blkdev_kick(blkrig.dev);
    for (unsigned i = 0; i < 3; i++) {
        take(&got);
        assert_int_equal(got.segs, 1);
        assert_int_equal(got.seg[0].last, 7);
        blkrig_answer(&got, blkrig_do(&got));
        assert_reaped(&io[i], 0);
    }
    assert_true(blkrig_disk_is(0, 3 * 4096, 2));
    assert_int_equal(blkrig.dev->stats.copied_bytes, 4096);
    blkrig_stop(0);
}

/* Places past 1, 2 and 16 TiB: 64-bit sector numbers. */
static void test_large_disks(void **state)
{
    static const uint64_t places[] = {(1ull << 31) * 512, (1ull << 32) * 512, 1ull << 44,
                                      (1ull << 63) - BLKRIG_DISK_BYTES};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
        start(&(struct blkrig_conf){
            .sectors = "18014398509481984", .disk_at = places[i], .discard = "1"});
        assert_true(blkrig.dev->caps.bytes == 1ull << 63);
        blkrig_submit(&io[0], BLK_WRITE, places[i] + 4096, 4096, 8);
        blkdev_kick(blkrig.dev);
        take(&got);
        assert_true(got.sector == places[i] / 512 + 8);
        blkrig_answer(&got, blkrig_do(&got));
        assert_reaped(&io[0], 0);
        assert_true(blkrig_disk_is(places[i] + 4096, 4096, 8));
        blkrig_submit(&io[0], BLK_DISCARD, 0, 1ull << 63, 0);
        blkdev_kick(blkrig.dev);
        take(&got);
        assert_true(got.sectors == 1ull << 54);
        blkrig_answer(&got, BLKIF_RSP_OKAY);
        assert_reaped(&io[0], 0);
        blkrig_stop(0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_grants_are_for_one_request),
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_flush),
        cmocka_unit_test(test_flush_fails),
        cmocka_unit_test(test_barrier_where_there_is_no_flush),
        cmocka_unit_test(test_no_flush),
        cmocka_unit_test(test_discard),
        cmocka_unit_test(test_read_only),
        cmocka_unit_test(test_an_error_is_an_io_error),
        cmocka_unit_test(test_one_mib_is_one_indirect_request),
        cmocka_unit_test(test_indirect_response_may_say_indirect),
        cmocka_unit_test(test_split_to_the_backends_limit),
        cmocka_unit_test(test_a_part_fails),
        cmocka_unit_test(test_neighbours_go_together),
        cmocka_unit_test(test_joining_stops_at_the_limit),
        cmocka_unit_test(test_a_rest_joins),
        cmocka_unit_test(test_units_are_512_bytes),
        cmocka_unit_test(test_pieces_of_a_block_are_copied),
        cmocka_unit_test(test_pieces_do_not_join_what_is_in_place),
        cmocka_unit_test(test_large_disks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
