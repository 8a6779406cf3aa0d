/* SPDX-License-Identifier: ISC */
/* test_sim_blkback.c - the simulated blkback alone: what it publishes, moves, and refuses. What
 * a frontend must never ask is asked, and must be a fault. */
#include "blkbacktest.h"

/* ---- what it publishes ---------------------------------------------------------------------- */

static void test_keys_of_a_device_with_everything(void **state)
{
    struct sim_vbd_conf conf = {.sector_bytes = 4096,
                                .physical_bytes = 8192,
                                .read_only = true,
                                .cdrom = true,
                                .removable = true,
                                .flush = true,
                                .barrier = true,
                                .discard = true,
                                .discard_secure = true,
                                .persistent = true,
                                .discard_granularity = 65536,
                                .discard_alignment = 4096,
                                .indirect_max = 256,
                                .ring_order_max = 4,
                                .ring_pages_max = 16,
                                .queues_max = 4,
                                .untrusted = true,
                                .keys_early = true};
    static const struct {
        const char *name;
        uint32_t value;
    } keys[] = {
        {"state", XenbusStateInitWait},
        {"sectors", SECTORS}, /* of 512 bytes, though */
        {"sector-size", 4096},
        {"physical-sector-size", 8192},
        {"info", 7},
        {"feature-flush-cache", 1},
        {"feature-barrier", 1},
        {"feature-discard", 1},
        {"discard-secure", 1},
        {"discard-granularity", 65536},
        {"discard-alignment", 4096},
        {"feature-persistent", 1},
        {"max-ring-page-order", 4},
        {"feature-max-indirect-segments", 256},
        {"max-ring-pages", 16},
        {"multi-queue-max-queues", 4},
    };
    char text[64];
    (void)state;
    start(&conf, false);
    for (unsigned i = 0; i < ARRAY_SIZE(keys); i++)
        assert_int_equal(key(keys[i].name), keys[i].value);
    assert_int_equal(sim_xs_read_u32(FRONT "/trusted", 9), 0);
    assert_int_equal(sim_xs_read_u32(FRONT "/virtual-device", 0), DEVID);
    sim_xs_read(BACK "/mode", text, sizeof(text));
    assert_string_equal(text, "r");
    sim_xs_read(FRONT "/device-type", text, sizeof(text));
    assert_string_equal(text, "cdrom");
    finish(0);
}

static void test_a_bare_device_publishes_itself_when_connected(void **state)
{
    struct sim_vbd_conf conf = {.params = "file:/srv/disk.img"};
    static const char *const absent[] = {
        "physical-sector-size", "feature-discard",     "discard-secure",
        "feature-persistent",   "max-ring-page-order", "feature-max-indirect-segments",
        "max-ring-pages",       "discard-granularity", "multi-queue-max-queues"};
    char text[64];
    (void)state;
    start(&conf, false);
    assert_int_equal(key("sectors"), UINT32_MAX);
    sim_xs_read(BACK "/params", text, sizeof(text));
    assert_string_equal(text, "file:/srv/disk.img");
    join(1, 0, false);
    assert_int_equal(sim_vbd_state(0), XenbusStateConnected);
    assert_int_equal(key("sectors"), SECTORS);
    assert_int_equal(key("sector-size"), 512);
    assert_int_equal(key("info"), 0);
    assert_int_equal(key("feature-flush-cache"), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(absent); i++)
        assert_int_equal(key(absent[i]), UINT32_MAX);
    assert_int_equal(sim_xs_read_u32(FRONT "/trusted", 1), 1);
    finish(0);
}

/* ---- data ----------------------------------------------------------------------------------- */

static void test_sectors_go_where_they_should(void **state)
{
    (void)state;
    start(&(struct sim_vbd_conf){0}, false);
    join(1, 0, false);
    memset(page[3], 0x33, 4096);
    memset(page[4], 0x44, 4096);
    struct blkif_request *r = next(0, BLKIF_OP_WRITE, 101);
    segment(r, 3, 6, 7);
    segment(r, 4, 0, 0);
    assert_int_equal(one(), BLKIF_RSP_OKAY);
    assert_int_equal(disk[101 * 512 - 1], (uint8_t)(100 * 7 + 101 * 512 - 1));
    assert_int_equal(disk[101 * 512], 0x33);
    assert_int_equal(disk[103 * 512 - 1], 0x33);
    assert_int_equal(disk[103 * 512], 0x44);
    assert_int_equal(disk[104 * 512], (uint8_t)(104 * 7 + 104 * 512));
    memset(page[5], 0, 4096);
    assert_int_equal(simple(BLKIF_OP_READ, 102, 5, 2, 4), BLKIF_RSP_OKAY);
    assert_int_equal(page[5][1023], 0);
    assert_int_equal(page[5][1024], 0x33);
    assert_int_equal(page[5][1536], 0x44);
    assert_int_equal(page[5][2048], (uint8_t)(104 * 7 + 104 * 512));
    assert_int_equal(page[5][2560], 0);
    const struct sim_vbd_stats *s = sim_vbd_stats(0);
    assert_true(s->reads == 1 && s->writes == 1 && s->segments == 3);
    assert_true(s->read_bytes == 1536 && s->written_bytes == 1536);
    assert_true(s->maps == 3 && s->unmaps == 3 && s->errors == 0);
    finish(0);
}

static void test_an_indirect_request_moves_a_mebibyte_and_more(void **state)
{
    (void)state;
    start(&(struct sim_vbd_conf){.indirect_max = 512 + 8}, false);
    join(1, 0, false);
    for (unsigned i = 0; i < PAGES; i++)
        memset(page[i], (int)i & 255, 4096);
    assert_int_equal(indirect(BLKIF_OP_WRITE, 8, 256), BLKIF_RSP_OKAY);
    for (unsigned i = 0; i < 256; i++)
        assert_int_equal(disk[4096 + i * 4096 + 4095], i);
    assert_int_equal(indirect(BLKIF_OP_READ, 0, 511), BLKIF_RSP_OKAY);
    assert_int_equal(sim_vbd_stats(0)->indirect, 2);
    assert_int_equal(sim_vbd_stats(0)->segments, 256 + 511);
    assert_int_equal(sim_vbd_stats(0)->maps, 256 + 1 + 511 + 1);
    finish(0);
}

static void test_flush_barrier_and_discard(void **state)
{
    struct sim_vbd_conf conf = {.flush = true,
                                .barrier = true,
                                .discard = true,
                                .discard_secure = true,
                                .discard_granularity = 8192,
                                .discard_alignment = 4096};
    (void)state;
    start(&conf, false);
    join(1, 0, false);
    next(0, BLKIF_OP_FLUSH_DISKCACHE, 0);
    assert_int_equal(one(), BLKIF_RSP_OKAY);
    next(0, BLKIF_OP_WRITE_BARRIER, 0);
    assert_int_equal(one(), BLKIF_RSP_OKAY);
    assert_int_equal(simple(BLKIF_OP_WRITE_BARRIER, 9, 0, 0, 7), BLKIF_RSP_OKAY);
    /* Units are 4096..12287, 12288..20479, ... */
    assert_int_equal(discard(2, 30, 0), BLKIF_RSP_OKAY);
    assert_int_equal(disk[4095], (uint8_t)(7 * 7 + 4095));
    assert_int_equal(disk[4096], 0xdd);
    assert_int_equal(disk[12287], 0xdd);
    assert_int_equal(disk[12288], (uint8_t)(24 * 7 + 12288));
    assert_int_equal(discard(0, 8, 0), BLKIF_RSP_OKAY); /* no whole unit */
    assert_int_equal(disk[0], 0);
    assert_int_equal(discard(8, SECTORS - 8, BLKIF_DISCARD_SECURE), BLKIF_RSP_OKAY);
    assert_int_equal(disk[sizeof(disk) - 4097], 0xdd);
    assert_int_not_equal(disk[sizeof(disk) - 4096], 0xdd);
    const struct sim_vbd_stats *s = sim_vbd_stats(0);
    assert_true(s->flushes == 1 && s->barriers == 2 && s->discards == 3);
    finish(0);
}

static void test_failures_on_demand(void **state)
{
    (void)state;
    start(&(struct sim_vbd_conf){.flush = true, .indirect_max = 32}, false);
    join(1, 0, false);
    sim_vbd_fail(0, BLKIF_OP_WRITE, BLKIF_RSP_ERROR, 2);
    sim_vbd_fail(0, BLKIF_OP_FLUSH_DISKCACHE, BLKIF_RSP_EOPNOTSUPP, 1);
    uint8_t before = disk[0];
    memset(page[0], before + 1, 4096);
    assert_int_equal(simple(BLKIF_OP_WRITE, 0, 0, 0, 7), BLKIF_RSP_ERROR);
    assert_int_equal(indirect(BLKIF_OP_WRITE, 0, 12), BLKIF_RSP_ERROR);
    assert_int_equal(disk[0], before);
    assert_int_equal(simple(BLKIF_OP_READ, 0, 1, 0, 7), BLKIF_RSP_OKAY);
    assert_int_equal(simple(BLKIF_OP_WRITE, 0, 0, 0, 7), BLKIF_RSP_OKAY);
    next(0, BLKIF_OP_FLUSH_DISKCACHE, 0);
    assert_int_equal(one(), BLKIF_RSP_EOPNOTSUPP);
    next(0, BLKIF_OP_FLUSH_DISKCACHE, 0);
    assert_int_equal(one(), BLKIF_RSP_OKAY);
    assert_int_equal(sim_vbd_stats(0)->errors, 3);
    finish(0);
}

/* Bytes that callbacks have. */
static struct {
    uint64_t off;
    size_t len;
    unsigned flushes, discards;
    int result;
} called;

static int on_read(void *arg, uint64_t off, void *to, size_t len)
{
    assert_ptr_equal(arg, &called);
    called.off = off;
    called.len = len;
    memset(to, 0x5a, len);
    return called.result;
}

static int on_flush(void *arg)
{
    (void)arg;
    called.flushes++;
    return called.result;
}

static void test_callbacks_may_be_the_disk_of_2_TiB_and_more(void **state)
{
    struct sim_vbd_conf conf = {.flush = true,
                                .sectors = UINT64_C(1) << 40,
                                .disk = {.read = on_read, .flush = on_flush, .arg = &called}};
    char text[64];
    (void)state;
    memset(&called, 0, sizeof(called));
    start(&conf, false);
    join(1, 0, false);
    sim_xs_read(BACK "/sectors", text, sizeof(text));
    assert_string_equal(text, "1099511627776");
    assert_int_equal(simple(BLKIF_OP_READ, (UINT64_C(1) << 40) - 8, 0, 0, 7), BLKIF_RSP_OKAY);
    assert_int_equal(called.off, (UINT64_C(1) << 49) - 4096);
    assert_int_equal(page[0][4095], 0x5a);
    called.result = -E_IO;
    assert_int_equal(simple(BLKIF_OP_READ, 0, 0, 0, 7), BLKIF_RSP_ERROR);
    next(0, BLKIF_OP_FLUSH_DISKCACHE, 0);
    assert_int_equal(one(), BLKIF_RSP_ERROR);
    assert_int_equal(called.flushes, 1);
    finish(0);
}

/* ---- what no frontend may ask --------------------------------------------------------------- */

static void spoilt(struct blkif_request *r, unsigned how)
{
    struct blkif_request_discard d;
    switch (how) {
    case 0:
        r->nr_segments = 0;
        break;
    case 1:
        r->nr_segments = 12;
        break;
    case 2:
        r->seg[0].last_sect = 8;
        break;
    case 3:
        r->seg[0].first_sect = 7;
        r->seg[0].last_sect = 0;
        break;
    case 4:
        r->seg[0].gref = 5000;
        break;
    case 5:
        r->sector_number = SECTORS - 7;
        break;
    case 6:
        r->sector_number = UINT64_MAX - 3;
        break;
    case 7:
        r->operation = 99;
        break;
    case 8:
        r->operation = BLKIF_OP_FLUSH_DISKCACHE; /* was not offered */
        break;
    case 9:
        r->operation = BLKIF_OP_INDIRECT; /* likewise */
        break;
    case 10:
        ((uint8_t *)r)[5] = 1; /* padding */
        break;
    case 11:
        ((uint8_t *)&r->seg[0])[7] = 1;
        break;
    default:
        memset(&d, 0, sizeof(d));
        d.operation = BLKIF_OP_DISCARD; /* not offered */
        d.id = r->id;
        d.nr_sectors = 8;
        memcpy(r, &d, sizeof(d));
        break;
    }
}

static void test_what_no_frontend_may_ask_is_an_error_and_a_fault(void **state)
{
    (void)state;
    start(&(struct sim_vbd_conf){0}, false);
    join(1, 0, false);
    for (unsigned how = 0; how <= 12; how++) {
        struct blkif_request *r = next(0, BLKIF_OP_READ, 0);
        segment(r, 0, 0, 7);
        spoilt(r, how);
        assert_true(one() != BLKIF_RSP_OKAY);
        assert_true(sim_fault_count() != 0);
        sim_fault_clear();
        assert_int_equal(simple(BLKIF_OP_READ, 0, 0, 0, 7), BLKIF_RSP_OKAY);
    }
    assert_int_equal(sim_vbd_stats(0)->maps, sim_vbd_stats(0)->unmaps);
    finish(0);
}

static void test_a_read_only_disk_is_not_written_to(void **state)
{
    (void)state;
    start(&(struct sim_vbd_conf){.read_only = true, .discard = true}, false);
    join(1, 0, false);
    assert_int_equal(simple(BLKIF_OP_READ, 0, 0, 0, 7), BLKIF_RSP_OKAY);
    assert_int_equal(sim_fault_count(), 0);
    assert_int_equal(simple(BLKIF_OP_WRITE, 0, 0, 0, 7), BLKIF_RSP_ERROR);
    assert_int_equal(discard(0, 8, 0), BLKIF_RSP_ERROR);
    finish(2);
}

static void test_blocks_of_4096_bytes_are_whole(void **state)
{
    (void)state;
    start(&(struct sim_vbd_conf){.sector_bytes = 4096}, false);
    join(1, 0, false);
    assert_int_equal(simple(BLKIF_OP_WRITE, 8, 0, 0, 7), BLKIF_RSP_OKAY);
    assert_int_equal(sim_fault_count(), 0);
    assert_int_equal(simple(BLKIF_OP_WRITE, 1, 0, 0, 7), BLKIF_RSP_ERROR);
    assert_int_equal(simple(BLKIF_OP_WRITE, 8, 0, 0, 6), BLKIF_RSP_ERROR);
    finish(2);
}

static void test_a_grant_for_reading_is_not_read_into(void **state)
{
    (void)state;
    start(&(struct sim_vbd_conf){0}, false);
    join(1, 0, false);
    assert_int_equal(gnttab_end(&start_get()->gt, page_gref[0]), 0);
    page_gref[0] = grant(page[0], true);
    assert_int_equal(simple(BLKIF_OP_WRITE, 0, 0, 0, 7), BLKIF_RSP_OKAY);
    assert_int_equal(sim_fault_count(), 0);
    assert_int_equal(simple(BLKIF_OP_READ, 0, 0, 0, 7), BLKIF_RSP_ERROR);
    assert_true(sim_fault_count() != 0);
    sim_fault_clear();
    finish(0);
}

static void test_an_id_twice_and_an_index_ahead_end_it(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 2; how++) {
        struct blkif_response rsp;
        start(&(struct sim_vbd_conf){0}, false);
        join(1, 0, false);
        sim_vbd_pause(0, true);
        segment(next(0, BLKIF_OP_READ, 0), 0, 0, 7);
        if (how == 0) {
            struct blkif_request *r = next(0, BLKIF_OP_READ, 0);
            segment(r, 0, 0, 7);
            r->id--;
        } else {
            ring[0].req_prod_pvt += 32;
        }
        show(0);
        sim_run_until_idle();
        sim_vbd_pause(0, false);
        sim_run_until_idle();
        assert_false(answer(0, &rsp));
        finish(1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_of_a_device_with_everything),
        cmocka_unit_test(test_a_bare_device_publishes_itself_when_connected),
        cmocka_unit_test(test_sectors_go_where_they_should),
        cmocka_unit_test(test_an_indirect_request_moves_a_mebibyte_and_more),
        cmocka_unit_test(test_flush_barrier_and_discard),
        cmocka_unit_test(test_failures_on_demand),
        cmocka_unit_test(test_callbacks_may_be_the_disk_of_2_TiB_and_more),
        cmocka_unit_test(test_what_no_frontend_may_ask_is_an_error_and_a_fault),
        cmocka_unit_test(test_a_read_only_disk_is_not_written_to),
        cmocka_unit_test(test_blocks_of_4096_bytes_are_whole),
        cmocka_unit_test(test_a_grant_for_reading_is_not_read_into),
        cmocka_unit_test(test_an_id_twice_and_an_index_ahead_end_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
