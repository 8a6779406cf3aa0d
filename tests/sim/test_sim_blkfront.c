/* SPDX-License-Identifier: ISC */
/* test_sim_blkfront.c - blkfront and the simulated blkback, whole: every combination of features
 * under a random load compared with a model; and what a single feature promises, told by the
 * backend's own counters.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <xen/grant_table.h>
#include <xen/event_channel.h>
#include <xen/io/blkif.h>

#include "blkpair.h"

#define MIB_PAGES 256u

static struct page *page[MIB_PAGES];

static const struct sim_vbd_stats *back(void)
{
    return sim_vbd_stats(0);
}

static const struct blkdev_stats *front(void)
{
    return &blkpair.dev->stats;
}

static void begin(const struct sim_vbd_conf *vbd, const struct blkfront_conf *bf)
{
    blkpair_start(vbd, bf, false, 1);
    assert_int_equal(blkpair_open(), 0);
}

static int flush(void)
{
    return blkpair_request(&(struct blk_req){.op = BLK_FLUSH});
}

static int discard(enum blk_op op, uint64_t start, uint64_t bytes)
{
    return blkpair_request(&(struct blk_req){.op = (uint8_t)op, .start = start, .bytes = bytes});
}

/* ---- all features together ------------------------------------------------------------------- */

/* What a combination was, where it fails. */
static struct sim_vbd_conf vbd;
static struct blkfront_conf bf;

static void describe(unsigned combination)
{
    fprintf(stderr,
            "combination %u: blocks %u/%u, indirect %u, order %u, pages %u, queues %u, persistent "
            "%d, untrusted %d, early %d\n",
            combination, vbd.sector_bytes, vbd.physical_bytes, vbd.indirect_max, vbd.ring_order_max,
            vbd.ring_pages_max, vbd.queues_max, vbd.persistent, vbd.untrusted, vbd.keys_early);
}

static unsigned digit(unsigned *number, unsigned base)
{
    unsigned value = *number % base;

    *number /= base;
    return value;
}

enum { COMBINATIONS = 3 * 3 * 3 * 3 * 3 * 2 * 2 };

static void set_combination(unsigned n)
{
    static const uint32_t blocks[][2] = {{512, 512}, {4096, 4096}, {512, 4096}};
    static const uint32_t indirect[] = {0, 32, 256}, queues[] = {0, 2, 4};
    unsigned size = digit(&n, 3), trust, rings, ops;

    memset(&vbd, 0, sizeof(vbd));
    memset(&bf, 0, sizeof(bf));
    vbd.sector_bytes = blocks[size][0];
    vbd.physical_bytes = blocks[size][1];
    vbd.indirect_max = indirect[digit(&n, 3)];
    vbd.queues_max = queues[digit(&n, 3)];
    trust = digit(&n, 3); /* in place, persistent, untrusted */
    rings = digit(&n, 3);
    ops = digit(&n, 2);
    vbd.keys_early = vbd.unmap_early = digit(&n, 2) == 1;
    vbd.persistent = trust == 1;
    vbd.persistent_max = 40;
    vbd.untrusted = trust == 2;
    vbd.ring_order_max = rings == 1 ? 3 : 0;
    vbd.ring_pages_max = rings == 2 ? 4 : 0;
    vbd.flush = vbd.discard = vbd.discard_secure = ops == 1;
    vbd.barrier = ops == 0;
    vbd.discard_granularity = 8192;
    vbd.discard_alignment = 4096;
    bf.queues = 3;
    bf.ring_order = 2;
    bf.persistent = true;
}

static void check_combination(unsigned n)
{
    assert_int_equal(sim_vbd_queues(0), vbd.queues_max == 0 ? 1 : u32_min(vbd.queues_max, 3));
    assert_int_equal(sim_vbd_ring_pages(0), vbd.ring_order_max | vbd.ring_pages_max ? 4 : 1);
    assert_int_equal(blkpair.dev->caps.bytes, BLKPAIR_SECTORS * 512u);
    assert_int_equal(blkpair.dev->caps.block_bytes, vbd.sector_bytes);
    assert_int_equal(blkpair.dev->caps.physical_bytes, vbd.physical_bytes);
    assert_int_equal(blkpair.dev->caps.discard, vbd.discard);
    assert_true(blkpair.dev->caps.flush);
    blkpair_load(120);
    if (sim_fault_count() != 0 || blkpair.failed + blkpair.unsupported + blkpair.nodev != 0) {
        describe(n);
        fail_msg("%llu requests failed; fault: %s",
                 (unsigned long long)(blkpair.failed + blkpair.unsupported + blkpair.nodev),
                 sim_fault_text());
    }
    assert_true(blkpair.done == blkpair.submitted && blkpair.done > 60);
    assert_true(vbd.indirect_max != 0 || back()->indirect == 0);
    assert_int_equal(front()->ring_requests, back()->reads + back()->writes + back()->flushes +
                                                 back()->barriers + back()->discards);
    assert_int_equal(sim_vbd_persistent(0) != 0, vbd.persistent);
    if (vbd.sector_bytes == 512 && !vbd.persistent && !vbd.untrusted)
        assert_int_equal(front()->copied_bytes, 0);
}

static void test_every_combination_of_features_keeps_what_is_written(void **state)
{
    const char *only = getenv("MORGANA_COMBINATION");
    uint64_t seed = test_seed(31);

    (void)state;
    for (unsigned n = 0; n < COMBINATIONS; n++) {
        if (only != NULL && strtoul(only, NULL, 0) != n)
            continue;
        set_combination(n);
        blkpair_start(&vbd, &bf, n % 3 != 0, seed + n);
        if (blkpair_open() != 0) {
            describe(n);
            fail_msg("it does not open");
        }
        check_combination(n);
        blkpair_stop();
    }
}

/* ---- reads and writes ------------------------------------------------------------------------ */

static void test_an_aligned_mebibyte_is_one_request_and_no_copy(void **state)
{
    static const uint32_t blocks[][2] = {{512, 512}, {4096, 4096}, {512, 4096}};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(blocks); i++) {
        begin(&(struct sim_vbd_conf){.indirect_max = 256,
                                     .sector_bytes = blocks[i][0],
                                     .physical_bytes = blocks[i][1]},
              NULL);
        blkpair_take(page, MIB_PAGES);
        blkpair_fill(page, MIB_PAGES, 2048, 5);
        assert_int_equal(blkpair_do(BLK_WRITE, 1 << 20, page, MIB_PAGES), 0);
        assert_int_equal(front()->ring_requests, 1);
        assert_int_equal(back()->indirect, 1);
        assert_int_equal(back()->segments, 256);
        assert_true(blkpair_disk_is(2048, 2048, 5));
        assert_true(blkpair_disk_is(0, 2048, 0));
        assert_true(blkpair_disk_is(4096, 2048, 0));
        blkpair_fill(page, MIB_PAGES, 0, 9);
        assert_int_equal(blkpair_do(BLK_READ, 1 << 20, page, MIB_PAGES), 0);
        assert_true(blkpair_is(page, MIB_PAGES, 2048, 5));
        assert_int_equal(front()->ring_requests, 2);
        assert_int_equal(front()->copied_bytes, 0);
        assert_int_equal(front()->split + front()->merged, 0);
        blkpair_put(page, MIB_PAGES);
        blkpair_stop();
    }
}

static void test_without_indirect_segments_a_mebibyte_is_cut(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 2; how++) {
        begin(&(struct sim_vbd_conf){.indirect_max = how == 0 ? 0 : 256},
              &(struct blkfront_conf){.no_indirect = how == 1});
        blkpair_take(page, MIB_PAGES);
        assert_int_equal(blkpair_do(BLK_READ, 0, page, MIB_PAGES), 0);
        assert_true(blkpair_is(page, MIB_PAGES, 0, 0));
        assert_int_equal(back()->indirect, 0);
        assert_int_equal(back()->reads, 24); /* of 11 segments, the last of 3 */
        assert_int_equal(front()->split, 1);
        assert_int_equal(front()->copied_bytes, 0);
        blkpair_put(page, MIB_PAGES);
        blkpair_stop();
    }
}

static void test_neighbours_in_a_batch_become_one_request(void **state)
{
    struct blk_req req[8];
    struct blk_seg seg[8];
    struct blk_req *got[8];
    unsigned done = 0;

    (void)state;
    begin(&(struct sim_vbd_conf){0}, NULL);
    blkpair_take(page, 8);
    for (unsigned i = 0; i < 8; i++) {
        seg[i] = (struct blk_seg){.page = page[i], .len = PAGE_BYTES};
        req[i] = (struct blk_req){.op = BLK_READ,
                                  .start = i * PAGE_BYTES,
                                  .bytes = PAGE_BYTES,
                                  .segs = &seg[i],
                                  .seg_count = 1};
        assert_int_equal(blkdev_submit(blkpair.dev, &req[i]), 0);
    }
    blkdev_kick(blkpair.dev);
    sim_run_until_idle();
    while (done < 8)
        done += blkdev_reap(blkpair.dev, got, 8);
    assert_true(blkpair_is(page, 8, 0, 0));
    assert_int_equal(back()->reads, 1);
    assert_int_equal(front()->merged, 7);
    assert_int_equal(front()->notify, 1);
    blkpair_put(page, 8);
    blkpair_stop();
}

/* One page, in pieces of 512 bytes in the wrong places of eight pages. */
static void pieces(bool in_place)
{
    struct blk_seg seg[8];
    struct blk_req req = {
        .op = BLK_READ, .start = 40960, .bytes = PAGE_BYTES, .segs = seg, .seg_count = 8};

    blkpair_take(page, 8);
    for (unsigned i = 0; i < 8; i++)
        seg[i] = (struct blk_seg){.page = page[i], .off = (uint16_t)(3584 - i * 512), .len = 512};
    assert_int_equal(blkpair_request(&req), 0);
    for (unsigned i = 0; i < 8; i++) {
        assert_memory_equal(page[i]->base + 3584 - i * 512, blkpair.disk + 40960 + i * 512, 512);
        for (unsigned b = 0; b < PAGE_BYTES; b++)
            assert_true(b / 512 == 7 - i || page[i]->base[b] == 0xee);
    }
    assert_int_equal(front()->copied_bytes, in_place ? 0 : 4096);
    blkpair_put(page, 8);
}

static void test_pieces_of_a_sector_are_in_place_where_blocks_are_that_small(void **state)
{
    (void)state;
    begin(&(struct sim_vbd_conf){.sector_bytes = 512, .physical_bytes = 4096}, NULL);
    pieces(true);
    blkpair_stop();
    begin(&(struct sim_vbd_conf){.sector_bytes = 4096}, NULL);
    pieces(false);
    blkpair_stop();
}

/* io/blkif.h: `sectors` and sector_number are in units of 512 bytes whatever sector-size says. */
static uint64_t asked_off;

static int on_read(void *arg, uint64_t off, void *to, size_t len)
{
    (void)arg;
    asked_off = off;
    memset(to, 0x77, len);
    return 0;
}

static void test_places_beyond_2_TiB_with_blocks_of_any_size(void **state)
{
    (void)state;
    for (uint32_t block = 512; block <= 4096; block *= 2) {
        begin(&(struct sim_vbd_conf){.sectors = UINT64_C(1) << 36,
                                     .sector_bytes = block,
                                     .disk = {.read = on_read}},
              NULL);
        assert_int_equal(blkpair.dev->caps.bytes, UINT64_C(1) << 45);
        assert_int_equal(blkpair.dev->caps.block_bytes, block);
        blkpair_take(page, 1);
        assert_int_equal(blkpair_do(BLK_READ, (UINT64_C(1) << 45) - PAGE_BYTES, page, 1), 0);
        assert_int_equal(asked_off, (UINT64_C(1) << 45) - PAGE_BYTES);
        assert_int_equal(page[0]->base[4095], 0x77);
        assert_int_equal(blkpair_do(BLK_READ, UINT64_C(1) << 45, page, 1), -E_INVAL);
        blkpair_put(page, 1);
        blkpair_stop();
    }
}

static void test_errors_are_told_and_counted(void **state)
{
    (void)state;
    begin(&(struct sim_vbd_conf){.indirect_max = 32}, NULL);
    blkpair_take(page, 64);
    sim_vbd_fail(0, BLKIF_OP_READ, BLKIF_RSP_ERROR, 1);
    assert_int_equal(blkpair_do(BLK_READ, 0, page, 64), -E_IO); /* one of two parts */
    assert_int_equal(blkpair_do(BLK_READ, 0, page, 64), 0);
    sim_vbd_fail(0, BLKIF_OP_WRITE, BLKIF_RSP_EOPNOTSUPP, 1);
    assert_int_equal(blkpair_do(BLK_WRITE, 0, page, 1), -E_IO);
    assert_int_equal(front()->errors, 2);
    assert_true(blkpair.dev->online);
    blkpair_put(page, 64);
    blkpair_stop();
}

static void test_a_read_only_disk_is_never_asked_to_write(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 2; how++) {
        begin(
            &(struct sim_vbd_conf){
                .read_only = how == 0, .cdrom = how == 1, .discard = true, .flush = true},
            NULL);
        blkpair_take(page, 1);
        assert_true(blkpair.dev->caps.read_only);
        assert_int_equal(blkpair_do(BLK_WRITE, 0, page, 1), -E_ROFS);
        assert_int_equal(discard(BLK_DISCARD, 0, 4096), -E_ROFS);
        assert_int_equal(blkpair_do(BLK_READ, 0, page, 1), 0);
        assert_int_equal(flush(), 0);
        assert_true(back()->writes == 0 && back()->discards == 0 && back()->errors == 0);
        blkpair_put(page, 1);
        blkpair_stop();
    }
}

/* ---- flush ----------------------------------------------------------------------------------- */

static uint8_t order[64];
static unsigned order_count;

static void on_seen(void *arg, uint8_t op, uint64_t sector, uint64_t sectors, int16_t status)
{
    (void)arg;
    (void)sector;
    (void)sectors;
    (void)status;
    assert_true(order_count < sizeof(order));
    order[order_count++] = op;
}

static void test_a_flush_comes_behind_what_was_reaped_before_it(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 2; how++) {
        blkpair_start(&(struct sim_vbd_conf){.flush = how == 0, .barrier = how == 1}, NULL, true,
                      3);
        assert_int_equal(blkpair_open(), 0);
        assert_true(blkpair.dev->caps.flush);
        blkpair_take(page, 4);
        order_count = 0;
        sim_vbd_trace(0, on_seen, NULL);
        for (unsigned i = 0; i < 8; i++) {
            assert_int_equal(blkpair_do(BLK_WRITE, i * 65536u, page, 4), 0);
            assert_int_equal(flush(), 0);
        }
        assert_int_equal(order_count, 16);
        for (unsigned i = 0; i < 16; i++) {
            assert_int_equal(order[i], i % 2 == 0 ? BLKIF_OP_WRITE
                                       : how == 0 ? BLKIF_OP_FLUSH_DISKCACHE
                                                  : BLKIF_OP_WRITE_BARRIER);
        }
        assert_int_equal(front()->flushes, 8);
        blkpair_put(page, 4);
        blkpair_stop();
    }
}

static void test_without_a_cache_a_flush_asks_nobody(void **state)
{
    (void)state;
    begin(&(struct sim_vbd_conf){0}, NULL);
    assert_false(blkpair.dev->caps.flush);
    assert_int_equal(flush(), 0);
    assert_int_equal(front()->ring_requests, 0);
    blkpair_stop();
}

static void test_a_failed_flush_is_never_reported_as_done(void **state)
{
    (void)state;
    begin(&(struct sim_vbd_conf){.flush = true, .barrier = true}, NULL);
    sim_vbd_fail(0, BLKIF_OP_FLUSH_DISKCACHE, BLKIF_RSP_ERROR, 1);
    assert_int_equal(flush(), -E_IO);
    assert_int_equal(front()->flushes, 0);
    assert_int_equal(flush(), 0);
    /* Not supported after all: as a barrier. */
    sim_vbd_fail(0, BLKIF_OP_FLUSH_DISKCACHE, BLKIF_RSP_EOPNOTSUPP, 1);
    assert_int_equal(flush(), 0);
    assert_int_equal(back()->barriers, 1);
    assert_true(blkpair.dev->caps.flush);
    sim_vbd_fail(0, BLKIF_OP_WRITE_BARRIER, BLKIF_RSP_ERROR, 1);
    assert_int_equal(flush(), -E_IO);
    /* That neither: the program is told, and the caps say so. */
    sim_vbd_fail(0, BLKIF_OP_WRITE_BARRIER, BLKIF_RSP_EOPNOTSUPP, 1);
    assert_int_equal(flush(), -E_NOSYS);
    assert_false(blkpair.dev->caps.flush);
    blkpair_stop();
}

/* ---- discard --------------------------------------------------------------------------------- */

static void test_discards_and_secure_ones(void **state)
{
    struct sim_vbd_conf conf = {.discard = true,
                                .discard_secure = true,
                                .discard_granularity = 16384,
                                .discard_alignment = 20480};

    (void)state;
    begin(&conf, NULL);
    assert_int_equal(blkpair.dev->caps.discard_unit_bytes, 16384);
    assert_int_equal(blkpair.dev->caps.discard_align_bytes, 4096);
    assert_true(blkpair.dev->caps.secure_discard);
    assert_int_equal(discard(BLK_DISCARD, 4096, 32768), 0);
    assert_int_equal(blkpair.disk[4096], 0xdd);
    assert_int_equal(blkpair.disk[36863], 0xdd);
    assert_true(blkpair_disk_is(0, 8, 0) && blkpair_disk_is(72, 100, 0));
    assert_int_equal(discard(BLK_SECURE_DISCARD, 36864, 16384), 0);
    assert_int_equal(back()->discards, 2);
    assert_int_equal(discard(BLK_WRITE_ZEROES, 0, 4096), -E_NOSYS);
    sim_vbd_fail(0, BLKIF_OP_DISCARD, BLKIF_RSP_EOPNOTSUPP, 1);
    assert_int_equal(discard(BLK_SECURE_DISCARD, 36864, 16384), -E_NOSYS);
    assert_true(blkpair.dev->caps.discard && !blkpair.dev->caps.secure_discard);
    sim_vbd_fail(0, BLKIF_OP_DISCARD, BLKIF_RSP_EOPNOTSUPP, 1);
    assert_int_equal(discard(BLK_DISCARD, 36864, 16384), -E_NOSYS);
    assert_false(blkpair.dev->caps.discard);
    assert_int_equal(discard(BLK_DISCARD, 0, 4096), -E_NOSYS);
    blkpair_stop();
}

/* ---- grants ---------------------------------------------------------------------------------- */

static void test_persistent_grants_are_used_again(void **state)
{
    (void)state;
    begin(&(struct sim_vbd_conf){.persistent = true, .indirect_max = 32},
          &(struct blkfront_conf){.persistent = true});
    blkpair_take(page, 20);
    for (unsigned i = 0; i < 50; i++)
        assert_int_equal(blkpair_do(i % 2 == 0 ? BLK_WRITE : BLK_READ, 0, page, 20), 0);
    assert_int_equal(back()->maps, 21); /* twenty pages and their list */
    assert_int_equal(front()->copied_bytes, 50 * 20 * PAGE_BYTES);
    sim_vbd_trim(0, 100);
    assert_int_equal(sim_vbd_persistent(0), 0);
    assert_int_equal(blkpair_do(BLK_READ, 0, page, 20), 0);
    blkpair_put(page, 20);
    blkpair_stop();
}

static void test_an_untrusted_backend_has_no_persistent_grants(void **state)
{
    (void)state;
    begin(&(struct sim_vbd_conf){.persistent = true, .untrusted = true},
          &(struct blkfront_conf){.persistent = true});
    blkpair_take(page, 4);
    assert_int_equal(blkpair_do(BLK_READ, 0, page, 4), 0);
    assert_true(blkpair_is(page, 4, 0, 0));
    assert_int_equal(sim_vbd_persistent(0), 0);
    assert_int_equal(front()->copied_bytes, 4 * PAGE_BYTES);
    blkpair_put(page, 4);
    blkpair_stop();
}

/* XSA-403: what an untrusted backend gets to see holds nothing else. */
static unsigned leaks, looked_at;

static int on_look(void *arg, uint64_t off, void *to, size_t len)
{
    uint8_t *page_of = (uint8_t *)((uintptr_t)to & ~(uintptr_t)(PAGE_BYTES - 1));

    (void)arg;
    (void)off;
    looked_at++;
    for (unsigned i = 0; i < PAGE_BYTES; i++)
        leaks += page_of[i] != 0;
    memset(to, 0x11, len);
    return 0;
}

static int on_write_look(void *arg, uint64_t off, const void *from, size_t len)
{
    const uint8_t *page_of = (const uint8_t *)((uintptr_t)from & ~(uintptr_t)(PAGE_BYTES - 1));

    (void)arg;
    (void)off;
    looked_at++;
    for (size_t i = len; i < PAGE_BYTES; i++)
        leaks += page_of[i] != 0;
    return 0;
}

static void test_an_untrusted_backend_sees_nothing_but_the_data(void **state)
{
    struct blk_seg seg = {.off = 1024, .len = 512};
    struct blk_req req = {.op = BLK_WRITE, .bytes = 512, .segs = &seg, .seg_count = 1};

    (void)state;
    leaks = looked_at = 0;
    begin(&(struct sim_vbd_conf){.untrusted = true,
                                 .sectors = 4096,
                                 .disk = {.read = on_look, .write = on_write_look}},
          NULL);
    blkpair_take(page, 40); /* 0xee all over */
    blkpair_put(page, 40);
    blkpair_take(page, 4);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(blkpair_do(BLK_READ, 0, page, 4), 0);
    seg.page = page[0];
    assert_int_equal(blkpair_request(&req), 0);
    assert_int_equal(looked_at, 33);
    assert_int_equal(leaks, 0);
    blkpair_put(page, 4);
    blkpair_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_combination_of_features_keeps_what_is_written),
        cmocka_unit_test(test_an_aligned_mebibyte_is_one_request_and_no_copy),
        cmocka_unit_test(test_without_indirect_segments_a_mebibyte_is_cut),
        cmocka_unit_test(test_neighbours_in_a_batch_become_one_request),
        cmocka_unit_test(test_pieces_of_a_sector_are_in_place_where_blocks_are_that_small),
        cmocka_unit_test(test_places_beyond_2_TiB_with_blocks_of_any_size),
        cmocka_unit_test(test_errors_are_told_and_counted),
        cmocka_unit_test(test_a_read_only_disk_is_never_asked_to_write),
        cmocka_unit_test(test_a_flush_comes_behind_what_was_reaped_before_it),
        cmocka_unit_test(test_without_a_cache_a_flush_asks_nobody),
        cmocka_unit_test(test_a_failed_flush_is_never_reported_as_done),
        cmocka_unit_test(test_discards_and_secure_ones),
        cmocka_unit_test(test_persistent_grants_are_used_again),
        cmocka_unit_test(test_an_untrusted_backend_has_no_persistent_grants),
        cmocka_unit_test(test_an_untrusted_backend_sees_nothing_but_the_data),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
