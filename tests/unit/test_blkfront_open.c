/* SPDX-License-Identifier: ISC */
/* test_blkfront_open.c - the handshake: what is agreed with every kind of backend, and what is no
 * disk. */
#include <stdio.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include "blkrig.h"

static struct blkrig_io io;

/* A MiB each way. */
static void assert_traffic(void)
{
    for (unsigned i = 0; i < 3; i++) {
        blkrig_submit(&io, BLK_WRITE, i * 65536, 1 << 20, (uint8_t)(i + 1));
        assert_int_equal(blkrig_finish(&io), 0);
        blkrig_submit(&io, BLK_READ, i * 65536, 1 << 20, 0);
        assert_int_equal(blkrig_finish(&io), 0);
        assert_true(blkrig_read_is(&io, (uint8_t)(i + 1)));
    }
}

static void test_keys_of_a_backend_of_old(void **state)
{
    char protocol[32];

    (void)state;
    blkrig_start(&(struct blkrig_conf){.bf = {.queues = 4, .ring_order = 4, .persistent = true}});
    assert_int_equal(blkrig_open(), 0);
    assert_int_equal(blkrig_front_state(), XENBUS_CONNECTED);
    assert_int_equal(sim_xs_read(BLKRIG_FRONT "/protocol", protocol, sizeof(protocol)),
                     strlen(XEN_IO_PROTO_ABI_NATIVE));
    assert_string_equal(protocol, XEN_IO_PROTO_ABI_NATIVE);
    assert_int_equal(blkrig_front_key("feature-persistent"), 1);
    assert_int_equal(blkrig_front_key("feature-large-sector-size"), 0);
    assert_int_not_equal(blkrig_front_key("ring-ref"), UINT32_MAX);
    assert_int_equal(blkrig_front_key("ring-page-order"), UINT32_MAX);
    assert_int_equal(blkrig_front_key("multi-queue-num-queues"), UINT32_MAX);
    assert_int_equal(blkrig.bf->queue_count, 1);
    assert_int_equal(blkrig.bf->queue[0].ring.slots, 32);
    assert_false(blkrig.bf->persistent);
    assert_false(blkrig.dev->caps.flush);
    assert_false(blkrig.dev->caps.discard);
    assert_false(blkrig.dev->caps.read_only);
    assert_false(blkrig.dev->caps.removable);
    assert_int_equal(blkrig.dev->caps.bytes, BLKRIG_DISK_BYTES);
    assert_int_equal(blkrig.dev->caps.requests_max, BLKFRONT_REQUESTS_MAX);
    assert_traffic();
    assert_int_equal(blkrig.dev->stats.copied_bytes, 0);
    blkrig_stop(0);
}

/* Rings of several pages by the key of today and by the one of old; as many as both sides want. */
static void test_ring_pages(void **state)
{
    static const struct {
        const char *order_max, *pages_max;
        uint8_t wanted, order;
    } cases[] = {{"4", NULL, 2, 2},  {"1", NULL, 4, 1}, {"0", NULL, 3, 0},
                 {NULL, "1", 4, 0},  {NULL, "2", 4, 1}, {NULL, "16", 4, 4},
                 {NULL, "15", 4, 3}, {"1", "4", 4, 2},  {"3", "2", 4, 3},
                 {"99", "99", 4, 4}, {"x", NULL, 4, 0}, {NULL, "-1", 4, 0},
                 {"4", NULL, 0, 0},  {NULL, "0", 4, 0}, {"4294967295", "4294967295", 4, 4}};
    static const uint32_t slots[] = {32, 64, 128, 256, 512};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        uint8_t order = cases[i].order;

        blkrig_start(&(struct blkrig_conf){.ring_order_max = cases[i].order_max,
                                           .ring_pages_max = cases[i].pages_max,
                                           .bf.ring_order = cases[i].wanted});
        assert_int_equal(blkrig_open(), 0);
        assert_int_equal(blkrig.bf->ring_order, order);
        assert_int_equal(blkrig.bf->queue[0].ring.slots, slots[order]);
        assert_int_equal(blkrig_front_key("ring-page-order"), order != 0 ? order : UINT32_MAX);
        assert_int_equal(blkrig_front_key("num-ring-pages"), order != 0 ? 1u << order : UINT32_MAX);
        assert_traffic();
        blkrig_stop(0);
    }
}

/* Where the pool has no row of so many pages, a shorter ring does. */
static void test_a_pool_without_a_row(void **state)
{
    struct page *got[40];

    (void)state;
    blkrig_start(&(struct blkrig_conf){
        .pages = 40, .ring_order_max = "4", .bf = {.ring_order = 4, .no_indirect = true}});
    for (unsigned i = 0; i < 40; i++)
        got[i] = page_get(&blkrig.pages);
    for (unsigned i = 0; i < 40; i++) {
        if (i % 8 != 3)
            page_put(got[i]);
    }
    assert_int_equal(blkrig_open(), 0);
    assert_int_equal(blkrig.bf->ring_order, 2);
    for (unsigned i = 3; i < 40; i += 8)
        page_put(got[i]);
    blkrig_submit(&io, BLK_WRITE, 0, 65536, 1);
    assert_int_equal(blkrig_finish(&io), 0);
    blkrig_stop(0);
}

static void test_queues(void **state)
{
    static const struct {
        const char *max;
        uint8_t wanted, queues;
    } cases[] = {{"4", 4, 4}, {"4", 2, 2}, {"2", 4, 2},  {"1", 4, 1},
                 {"0", 4, 1}, {"x", 4, 1}, {"64", 3, 3}, {"8", 0, 1}};

    (void)state;
    for (unsigned i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
        uint32_t queues = cases[i / 2].queues, order = i % 2;

        blkrig_start(&(struct blkrig_conf){
            .queues_max = cases[i / 2].max,
            .ring_order_max = "1",
            .bf = {.queues = cases[i / 2].wanted, .ring_order = (uint8_t)order}});
        assert_int_equal(blkrig_open(), 0);
        assert_int_equal(blkrig.queues, queues);
        assert_int_equal(blkrig_front_key("multi-queue-num-queues"),
                         queues > 1 ? queues : UINT32_MAX);
        assert_int_equal(blkrig.queue[0].pages, 1u << order);
        assert_traffic();
        blkrig_stop(0);
    }
}

/* What a boot loader, or another driver, wrote there before does not reach the backend. */
static void test_stale_keys(void **state)
{
    (void)state;
    blkrig_start(&(struct blkrig_conf){0});
    sim_xs_write(BLKRIG_FRONT "/ring-page-order", "3");
    sim_xs_write(BLKRIG_FRONT "/num-ring-pages", "8");
    sim_xs_write(BLKRIG_FRONT "/multi-queue-num-queues", "2");
    sim_xs_write(BLKRIG_FRONT "/feature-persistent", "1");
    sim_xs_write(BLKRIG_FRONT "/feature-large-sector-size", "1");
    assert_int_equal(blkrig_open(), 0);
    assert_int_equal(blkrig_front_key("feature-persistent"), 0);
    assert_traffic();
    blkrig_stop(0);
    blkrig_start(
        &(struct blkrig_conf){.queues_max = "2", .ring_order_max = "1", .bf = {.queues = 2}});
    sim_xs_write(BLKRIG_FRONT "/ring-ref", "9");
    sim_xs_write(BLKRIG_FRONT "/event-channel", "7");
    assert_int_equal(blkrig_open(), 0);
    assert_traffic();
    blkrig_stop(0);
}

static void test_mode_and_info(void **state)
{
    static const struct {
        const char *mode, *info;
        bool read_only, removable;
    } cases[] = {{"w", NULL, false, false},
                 {"w", "0", false, false},
                 {"r", "0", true, false},
                 {NULL, "4", true, false},
                 {"w", "4", true, false},
                 {"w", "2", false, true},
                 {"w", "1", true, true},
                 {"w", "7", true, true},
                 {"", NULL, true, false},
                 {"rw", NULL, true, false},
                 {"w!", NULL, false, false},
                 {"w", "x", false, false},
                 {"wwwwwwwwwwwwwwwwwww", NULL, true, false}};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        blkrig_start(&(struct blkrig_conf){.mode = cases[i].mode, .info = cases[i].info});
        assert_int_equal(blkrig_open(), 0);
        assert_int_equal(blkrig.dev->caps.read_only, cases[i].read_only);
        assert_int_equal(blkrig.dev->caps.removable, cases[i].removable);
        blkrig_stop(0);
    }
}

/* Sizes that are no disk's: the device does not open. */
static void test_no_disk(void **state)
{
    static const struct blkrig_conf cases[] = {
        {.sectors = "x"},
        {.sectors = ""},
        {.sectors = "-1"},
        {.sectors = "18014398509481985"},
        {.sectors = "18446744073709551616"},
        {.sector_size = "0"},
        {.sector_size = "256"},
        {.sector_size = "1000"},
        {.sector_size = "513"},
        {.sector_size = "8192"},
        {.sector_size = "x"},
        {.sector_size = "4294967808"},
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        blkrig_start(&cases[i]);
        assert_int_equal(blkrig_open(), -E_PROTO);
        blkrig_stop(0);
    }
    blkrig_start(&(struct blkrig_conf){0});
    blkrig_key("sectors", NULL);
    assert_int_equal(blkrig_open(), -E_PROTO);
    assert_non_null(strstr(vplat_console(), "make no disk"));
    blkrig_stop(0);
}

/* Sizes that are odd, and good. */
static void test_odd_disks(void **state)
{
    static const struct {
        const char *sectors, *size, *physical;
        uint64_t bytes;
        uint32_t medium;
    } cases[] = {{"0", "512", NULL, 0, 512},
                 {"1", "512", NULL, 512, 512},
                 {"7", "4096", NULL, 0, 4096},
                 {"15", "4096", "4096", 4096, 4096},
                 {"8", "512", "1000", 4096, 512},
                 {"8", "4096", "512", 4096, 4096},
                 {"8", "512", "x", 4096, 512},
                 {"8", "512", "0", 4096, 512},
                 {"18014398509481984", "512", NULL, 1ull << 63, 512}};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        blkrig_start(&(struct blkrig_conf){.sectors = cases[i].sectors,
                                           .sector_size = cases[i].size,
                                           .physical_size = cases[i].physical});
        assert_int_equal(blkrig_open(), 0);
        assert_true(blkrig.dev->caps.bytes == cases[i].bytes);
        assert_int_equal(blkrig.dev->caps.physical_bytes, cases[i].medium);
        blkrig_stop(0);
    }
}

/* A feature whose key is nonsense is not there. */
static void test_nonsense_features(void **state)
{
    (void)state;
    blkrig_start(&(struct blkrig_conf){.flush = "2",
                                       .barrier = "yes",
                                       .discard = "1",
                                       .discard_secure = "-1",
                                       .discard_granularity = "1000",
                                       .discard_alignment = "x"});
    blkrig_key("feature-max-indirect-segments", "many");
    blkrig_key("feature-persistent", "99999999999999999999");
    assert_int_equal(blkrig_open(), 0);
    assert_false(blkrig.dev->caps.flush);
    assert_true(blkrig.dev->caps.discard);
    assert_false(blkrig.dev->caps.secure_discard);
    assert_int_equal(blkrig.dev->caps.discard_unit_bytes, 512);
    assert_int_equal(blkrig.dev->caps.discard_align_bytes, 0);
    assert_int_equal(blkrig.bf->segs_max, 11);
    assert_traffic();
    blkrig_stop(0);
}

static void test_configuration(void **state)
{
    static _Alignas(16) uint8_t storage[BLKFRONT_BYTES];
    struct blkfront_conf conf;
    struct blkdev *dev;

    (void)state;
    blkrig_start(&(struct blkrig_conf){.bf.ring_order = 5});
    assert_int_equal(blkrig_open(), -E_INVAL);
    blkrig.conf.bf = (struct blkfront_conf){.queues = 5};
    assert_int_equal(blkrig_open(), -E_INVAL);
    conf = (struct blkfront_conf){.ev = &blkrig.ev, .gt = &blkrig.gt, .xs = &blkrig.xs};
    assert_int_equal(blkfront_open(storage, &conf, &dev), -E_INVAL);
    conf.pool = &blkrig.pages;
    conf.index = 1;
    assert_int_equal(blkfront_open(storage, &conf, &dev), -E_NODEV);
    blkrig_stop(0);
}

static void test_a_backend_that_never_connects(void **state)
{
    (void)state;
    blkrig_start(&(struct blkrig_conf){.bf.timeout_ns = NS_PER_S});
    blkrig.automatic = false;
    assert_int_equal(blkrig_open(), -E_TIMEDOUT);
    assert_non_null(strstr(vplat_console(), "no connection in time: the backend is InitWait"));
    assert_int_equal(blkrig_front_state(), XENBUS_CLOSED);
    blkrig_stop(0);
}

/* Too few pages, grants, or both: an error, and nothing is left. */
static void test_nothing_to_make_rings_of(void **state)
{
    (void)state;
    for (uint32_t pages = 0; pages < 6; pages++) {
        blkrig_start(&(struct blkrig_conf){.pages = pages + 1,
                                           .queues_max = "4",
                                           .ring_order_max = "2",
                                           .bf = {.queues = 4, .ring_order = 2}});
        assert_int_equal(blkrig_open(), pages + 1 < 4 ? -E_NOMEM : 0);
        blkrig_stop(0);
    }
    for (uint32_t grants = 9; grants < 9 + 5; grants++) {
        blkrig_start(
            &(struct blkrig_conf){.grants_max = grants, .queues_max = "4", .bf = {.queues = 4}});
        assert_int_equal(blkrig_open(), grants - 8 < 4 ? -E_NOMEM : 0);
        blkrig_stop(0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_of_a_backend_of_old),
        cmocka_unit_test(test_ring_pages),
        cmocka_unit_test(test_a_pool_without_a_row),
        cmocka_unit_test(test_queues),
        cmocka_unit_test(test_stale_keys),
        cmocka_unit_test(test_mode_and_info),
        cmocka_unit_test(test_no_disk),
        cmocka_unit_test(test_odd_disks),
        cmocka_unit_test(test_nonsense_features),
        cmocka_unit_test(test_configuration),
        cmocka_unit_test(test_a_backend_that_never_connects),
        cmocka_unit_test(test_nothing_to_make_rings_of),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
