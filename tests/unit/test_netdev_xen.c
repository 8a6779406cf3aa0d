/* SPDX-License-Identifier: ISC */
/* test_netdev_xen.c - the program's network devices as boot/common/xen finds them in xenstore. */
#include <stdlib.h>
#include <string.h>

#include "simguest.h"
#include "support.h"

#include <cmocka.h>

#include "boot/common/xen/netdev_xen.c"

enum { PAGES = 256, KEPT = 5 };

static _Alignas(PAGE_BYTES) uint8_t memory[PAGES * PAGE_BYTES];
static struct page headers[PAGES];
static struct pkt pkts[PAGES];
static struct page_pool pages;
static struct pkt_pool pool;

static void boot(const struct sim_conf *conf)
{
    static char name[] = "test";
    static char *argv[] = {name, NULL};

    simguest_boot(conf, 1, argv);
    page_pool_init(&pages, headers, memory, PAGES);
    pkt_pool_init(&pool, pkts, PAGES, &pages);
}

static uint32_t kept[KEPT], kept_count;

static void keep(void *arg, uint32_t gref, void *page, bool read_only, bool mapped)
{
    const uint8_t *at = page;

    (void)arg;
    if (kept_count < KEPT && !read_only && !mapped && at >= memory && at < memory + sizeof(memory))
        kept[kept_count++] = gref;
}

/* Maps some of the device's pages once more, behind netback's back; closes it. */
static void close_with_pages_kept(void)
{
    struct netdev *dev = NULL;
    int16_t status;

    assert_int_equal(start_vif_open(0, 0, &pool, &dev), 0);
    kept_count = 0;
    sim_grants(keep, NULL);
    assert_int_equal(kept_count, KEPT);
    for (unsigned i = 0; i < KEPT; i++)
        assert_non_null(sim_grant_map(kept[i], true, &status));
    assert_true(start_vif_close(dev));
    assert_int_equal(pages.quarantined, KEPT);
    assert_int_equal(pages.free_count, PAGES - KEPT);
}

/* The device's storage is gone, but not what is known of its pages. */
static void test_pages_that_a_backend_keeps_come_back_at_the_next_open(void **state)
{
    const struct sim_conf conf = {.seed = 1, .vif_count = 1};
    struct netdev *dev = NULL;

    (void)state;
    boot(&conf);
    for (unsigned round = 0; round < 3; round++) {
        close_with_pages_kept();
        for (unsigned i = 0; i < KEPT; i++)
            sim_grant_unmap(kept[i], true);
        assert_int_equal(start_vif_open(0, 0, &pool, &dev), 0);
        assert_int_equal(pages.quarantined, 0);
        assert_true(start_vif_close(dev));
        assert_int_equal(pages.free_count, PAGES);
    }
    simguest_shutdown();
}

/* The next machine's grants have nothing to do with the last one's. */
static void test_the_end_of_the_program_forgets_the_quarantine(void **state)
{
    const struct sim_conf conf = {.seed = 1, .vif_count = 1};
    struct netdev *dev = NULL;

    (void)state;
    boot(&conf);
    close_with_pages_kept();
    simguest_shutdown();
    boot(&conf);
    assert_int_equal(start_vif_open(0, 0, &pool, &dev), 0);
    assert_true(start_vif_close(dev));
    assert_int_equal(pages.free_count, PAGES);
    simguest_shutdown();
}

static void test_no_device_says_how_to_get_one(void **state)
{
    struct netdev *dev = NULL;

    (void)state;
    boot(NULL);
    assert_int_equal(start_vif_count(), 0);
    assert_int_equal(start_vif_open(0, 0, &pool, &dev), -E_NODEV);
    assert_null(dev);
    assert_non_null(strstr(vplat_console(), "network device 0: there is none (Linux process: "
                                            "tap=NAME; Xen: vif=[...])\n"));
    simguest_shutdown();
}

/* "00" would be device 0 once more; what is no number is somebody else's. */
static void test_only_numbers_as_xen_writes_them_are_devices(void **state)
{
    static const char *const no_devices[] = {"00", "01", "-1", "0x", "x", "4294967296"};
    const struct sim_conf conf = {.seed = 1, .vif_count = 2};

    (void)state;
    boot(&conf);
    for (unsigned i = 0; i < ARRAY_SIZE(no_devices); i++) {
        char path[64];

        (void)fmt_buf(path, sizeof(path), "/local/domain/1/device/vif/%s", no_devices[i]);
        sim_xs_write(path, "%s", "");
        assert_int_equal(start_vif_count(), 2);
    }
    simguest_shutdown();
}

static void test_opening_twice_is_said(void **state)
{
    const struct sim_conf conf = {.seed = 1, .vif_count = 1};
    struct netdev *dev = NULL, *again = NULL;

    (void)state;
    boot(&conf);
    assert_int_equal(start_vif_open(0, 0, &pool, &dev), 0);
    assert_int_equal(start_vif_open(0, 0, &pool, &again), -E_BUSY);
    assert_null(again);
    assert_non_null(strstr(vplat_console(), "network device 0: open already\n"));
    assert_true(start_vif_close(dev));
    simguest_shutdown();
}

/* All slots of all queues, though the disks have all of theirs. */
static void test_the_table_has_a_grant_for_every_slot(void **state)
{
    enum { MANY = 2 * NETFRONT_QUEUES_MAX * NETFRONT_RING_SLOTS };
    static char name[] = "test", queues[] = "netfront=queues=8";
    static char *argv[] = {name, queues, NULL};
    static struct page many_headers[MANY];
    static struct pkt many_pkts[MANY];
    const struct sim_conf conf = {.seed = 1, .vif_count = 1, .vif = {{.queues_max = 8}}};
    const struct gnttab_stats *stats = &start_get()->gt.stats;
    uint8_t *many_memory = aligned_alloc(PAGE_BYTES, (size_t)MANY * PAGE_BYTES);
    struct netdev *dev = NULL;
    uint32_t before;

    (void)state;
    assert_non_null(many_memory);
    simguest_boot(&conf, 2, argv);
    page_pool_init(&pages, many_headers, many_memory, MANY);
    pkt_pool_init(&pool, many_pkts, MANY, &pages);
    before = stats->free_count;
    assert_int_equal(start_vif_open(0, 0, &pool, &dev), 0);
    assert_int_equal(sim_vif_queues(0), NETFRONT_QUEUES_MAX);
    /* what is received into, and the rings */
    assert_int_equal(before - stats->free_count, NETFRONT_QUEUES_MAX * (NETFRONT_RING_SLOTS + 2));
    /* what is sent */
    assert_true(stats->free_count >= NETFRONT_QUEUES_MAX * NETFRONT_RING_SLOTS +
                                         START_BLKDEVS_MAX * BLKFRONT_GRANTS_MAX);
    assert_true(start_vif_close(dev));
    simguest_shutdown();
    free(many_memory);
}

/* netfront=txgrants: a page that was sent from has its grant until the device is closed. The words
 * lie in a page of the pool, which comes back then. */
static void test_grants_for_sending_are_kept_if_asked_for(void **state)
{
    static char name[] = "test", txgrants[] = "netfront=txgrants";
    static char *argv[] = {name, txgrants, NULL};
    const struct sim_conf conf = {.seed = 1, .vif_count = 1};
    const struct gnttab_stats *stats = &start_get()->gt.stats;

    (void)state;
    for (int words = 1; words <= 2; words++) {
        struct netdev *dev = NULL;
        uint32_t before;

        simguest_boot(&conf, words, argv);
        page_pool_init(&pages, headers, memory, PAGES);
        pkt_pool_init(&pool, pkts, PAGES, &pages);
        assert_int_equal(start_vif_open(0, 0, &pool, &dev), 0);
        before = stats->free_count;
        for (unsigned i = 0; i < 3; i++) {
            struct pkt *pkt = pkt_alloc(&pool, 0, 60);

            memset(pkt->frag[0].page->base, 2, 60);
            assert_int_equal(netdev_tx(dev, pkt), 0);
            netdev_tx_flush(dev);
            sim_run_until_idle();
            (void)netdev_arm(dev);
        }
        assert_int_equal(before - stats->free_count, words == 2);
        assert_true(start_vif_close(dev));
        assert_int_equal(pages.free_count, PAGES);
        simguest_shutdown();
    }
}

static gref_t sent_gref;

static void find_sent(void *arg, uint32_t gref, void *page, bool read_only, bool mapped)
{
    (void)arg, (void)page, (void)mapped;
    if (read_only)
        sent_gref = gref;
}

static void test_words_of_grants_outlast_what_the_backend_maps(void **state)
{
    static char name[] = "test", txgrants[] = "netfront=txgrants";
    static char *argv[] = {name, txgrants, NULL};
    const struct sim_conf conf = {.seed = 1, .vif_count = 1};
    int16_t status;

    (void)state;
    simguest_boot(&conf, 2, argv);
    page_pool_init(&pages, headers, memory, PAGES);
    pkt_pool_init(&pool, pkts, PAGES, &pages);
    for (unsigned life = 0; life < 2; life++) {
        struct netdev *dev = NULL;
        struct pkt *pkt;

        assert_int_equal(start_vif_open(0, 0, &pool, &dev), 0);
        pkt = pkt_alloc(&pool, 0, 60);
        memset(pkt->frag[0].page->base, 2, 60);
        assert_int_equal(netdev_tx(dev, pkt), 0);
        netdev_tx_flush(dev);
        sim_run_until_idle();
        if (life == 0) {
            sim_grants(find_sent, NULL);
            assert_non_null(sim_grant_map(sent_gref, false, &status));
        }
        assert_true(start_vif_close(dev));
        assert_int_equal(pages.free_count, life == 0 ? PAGES - 1 : PAGES);
        if (life == 0)
            sim_grant_unmap(sent_gref, false);
    }
    sim_fault_clear();
    simguest_shutdown();
}

/* ---- hot-plug -------------------------------------------------------------------------------- */

#define VIF "/local/domain/1/device/vif/"

static unsigned count(void)
{
    sim_run_until_idle();
    return start_vif_count();
}

static void test_count_follows_what_is_attached_and_asks_only_then(void **state)
{
    const struct sim_conf conf = {.seed = 1, .vif_count = 1};
    uint64_t requests;

    (void)state;
    boot(&conf);
    assert_int_equal(count(), 1);
    assert_int_equal(count(), 1);
    requests = start_get()->xs.stats.requests;
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(count(), 1);
    assert_int_equal(start_get()->xs.stats.requests, requests);
    sim_xs_write(VIF "2", "%s", "");
    assert_int_equal(count(), 2);
    sim_xs_write(VIF "1", "%s", "");
    assert_int_equal(count(), 3);
    sim_xs_rm(VIF "2");
    sim_xs_rm(VIF "1");
    assert_int_equal(count(), 1);
    simguest_shutdown();
}

/* Attached again, it is the same device: its place is kept, and nobody else's number changes. */
static void test_device_that_is_open_and_detached_keeps_its_place(void **state)
{
    const struct sim_conf conf = {.seed = 1, .vif_count = 2};
    struct netdev *dev = NULL, *second = NULL;

    (void)state;
    boot(&conf);
    assert_int_equal(start_vif_open(0, 0, &pool, &dev), 0);
    sim_xs_rm(VIF "0");
    assert_int_equal(count(), 2);
    assert_int_equal(start_vif_open(1, 1, &pool, &second), 0);
    assert_int_equal(start_get()->vifs[1].id, 1);
    assert_int_equal(start_vif_open(0, 0, &pool, &second), -E_BUSY);
    assert_true(start_vif_close(dev));
    sim_xs_rm(VIF "0"); /* the device's last state: on Xen it may not make its directory anew */
    assert_int_equal(count(), 1);
    assert_int_equal(start_vif_open(0, 0, &pool, &dev), -E_BUSY);
    assert_true(start_vif_close(second));
    assert_int_equal(pages.free_count, PAGES);
    simguest_shutdown();
}

static void test_attached_device_outlives_a_xenstored_that_does_not_answer(void **state)
{
    const struct sim_conf conf = {.seed = 1, .vif_count = 1};
    uint64_t requests;

    (void)state;
    boot(&conf);
    assert_int_equal(count(), 1);
    assert_int_equal(count(), 1);
    sim_xs_write(VIF "1", "%s", "");
    sim_run_until_idle();
    xs_poll(&start_get()->xs);
    sim_xs_stop(true);
    requests = start_get()->xs.stats.requests;
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(start_vif_count(), 1);
    assert_int_equal(start_get()->xs.stats.requests, requests + 1);
    sim_xs_stop(false);
    vplat_advance(XS_RETRY_NS);
    assert_int_equal(count(), 2);
    simguest_shutdown();
}

/* "There is none" is said only by a xenstored that answers. */
static void test_open_says_that_xenstored_does_not_answer(void **state)
{
    const struct sim_conf conf = {.seed = 1, .vif_count = 1};
    struct netdev *dev = NULL;

    (void)state;
    boot(&conf);
    sim_xs_stop(true);
    assert_int_equal(start_vif_open(0, 0, &pool, &dev), -E_TIMEDOUT);
    assert_null(dev);
    assert_null(strstr(vplat_console(), "there is none"));
    assert_non_null(strstr(vplat_console(), "network device 0: xenstore does not list it: "));
    sim_xs_stop(false);
    vplat_advance(XS_RETRY_NS);
    assert_int_equal(start_vif_open(0, 0, &pool, &dev), 0);
    assert_true(start_vif_close(dev));
    assert_int_equal(pages.free_count, PAGES);
    simguest_shutdown();
}

/* A domain that has used up its quota of watches. */
static void test_without_a_watch_devices_are_looked_for_with_a_pause(void **state)
{
    const struct sim_conf conf = {.seed = 1, .vif_count = 1, .xs_watches = 2};
    uint64_t requests;

    (void)state;
    boot(&conf);
    assert_int_equal(count(), 1);
    assert_false(start_get()->has_vif_watch);
    vplat_console_clear();
    requests = start_get()->xs.stats.requests;
    sim_xs_write(VIF "1", "%s", "");
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(start_vif_count(), 1);
    assert_int_equal(start_get()->xs.stats.requests, requests);
    vplat_advance(XS_RETRY_NS);
    assert_int_equal(start_vif_count(), 2);
    assert_int_equal(start_get()->xs.stats.requests, requests + 2);
    assert_string_equal(vplat_console(), "");
    simguest_shutdown();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages_that_a_backend_keeps_come_back_at_the_next_open),
        cmocka_unit_test(test_the_end_of_the_program_forgets_the_quarantine),
        cmocka_unit_test(test_no_device_says_how_to_get_one),
        cmocka_unit_test(test_only_numbers_as_xen_writes_them_are_devices),
        cmocka_unit_test(test_opening_twice_is_said),
        cmocka_unit_test(test_the_table_has_a_grant_for_every_slot),
        cmocka_unit_test(test_grants_for_sending_are_kept_if_asked_for),
        cmocka_unit_test(test_words_of_grants_outlast_what_the_backend_maps),
        cmocka_unit_test(test_count_follows_what_is_attached_and_asks_only_then),
        cmocka_unit_test(test_device_that_is_open_and_detached_keeps_its_place),
        cmocka_unit_test(test_attached_device_outlives_a_xenstored_that_does_not_answer),
        cmocka_unit_test(test_open_says_that_xenstored_does_not_answer),
        cmocka_unit_test(test_without_a_watch_devices_are_looked_for_with_a_pause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
