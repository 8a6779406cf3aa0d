/* SPDX-License-Identifier: ISC */
/* test_blkdev_xen.c - the program's block devices as boot/common/xen finds them in xenstore, and
 * blkfront_find's names. */
#include <string.h>

#include "simguest.h"
#include "support.h"

#include <cmocka.h>

#include "boot/common/xen/blkdev_xen.c"

enum { PAGES = 512, SECTORS = 128 };

static _Alignas(PAGE_BYTES) uint8_t memory[PAGES * PAGE_BYTES];
static struct page headers[PAGES];
static struct page_pool pool;
static uint8_t disks[4][SECTORS * 512];

static void boot(struct sim_conf *conf, char *word)
{
    static char name[] = "test";
    static char *argv[] = {name, NULL, NULL}; /* kept */

    argv[1] = word;
    for (unsigned i = 0; i < conf->vbd_count; i++) {
        conf->vbd[i].sectors = SECTORS;
        conf->vbd[i].memory = disks[i];
        disks[i][0] = (uint8_t)(0xa0 + i);
    }
    conf->seed = 1;
    simguest_boot(conf, word != NULL ? 2 : 1, argv);
    page_pool_init(&pool, headers, memory, PAGES);
}

/* Which disk a name opens: its first byte; or the error. */
static int opens(const char *name)
{
    struct page *page = page_get(&pool);
    struct blk_seg seg = {.page = page, .len = 512};
    struct blk_req req = {.segs = &seg, .seg_count = 1, .bytes = 512}, *done = NULL;
    struct blkdev *dev = NULL;
    int what = start_vbd_open(name, &pool, &dev);

    if (what == 0) {
        assert_int_equal(blkdev_submit(dev, &req), 0);
        blkdev_kick(dev);
        while (blkdev_reap(dev, &done, 1) == 0)
            if (!blkdev_arm(dev))
                plat_wait(NS_NEVER);
        assert_int_equal(done->status, 0);
        what = page->base[0];
        assert_true(start_vbd_close(dev));
    }
    page_put(page);
    assert_int_equal(pool.free_count, PAGES);
    return what;
}

static void test_names(void **state)
{
    struct sim_conf conf = {.vbd_count = 3,
                            .vbd = {{.devid = 51728, .params = "aio:/srv/b.img"},
                                    {.devid = 51712, .params = "/dev/vg/a"},
                                    {.devid = (1u << 28) + (26 << 8), .params = "phy:loop7"}}};

    (void)state;
    boot(&conf, NULL);
    assert_int_equal(start_vbd_count(), 3);
    assert_string_equal(start_vbd_name(0), "xvda");
    assert_string_equal(start_vbd_name(1), "xvdb");
    assert_string_equal(start_vbd_name(2), "xvdaa");
    assert_null(start_vbd_name(3));
    assert_int_equal(opens("xvda"), 0xa1);
    assert_int_equal(opens("/dev/xvda"), 0xa1);
    assert_int_equal(opens("51712"), 0xa1);
    assert_int_equal(opens("d0"), 0xa1);
    assert_int_equal(opens("/dev/vg/a"), 0xa1);
    assert_int_equal(opens("phy:/dev/vg/a"), 0xa1);
    assert_int_equal(opens("xvdb"), 0xa0);
    assert_int_equal(opens("d1p0"), 0xa0);
    assert_int_equal(opens("/srv/b.img"), 0xa0);
    assert_int_equal(opens("file:/srv/b.img"), 0xa0);
    assert_int_equal(opens("tap2:aio:/srv/b.img"), 0xa0);
    assert_int_equal(opens("xvdaa"), 0xa2);
    assert_int_equal(opens("d26"), 0xa2);
    assert_int_equal(opens("loop7"), 0xa2);
    assert_int_equal(opens("xvdc"), -E_NODEV);
    assert_int_equal(opens("xvda1"), -E_NODEV);
    assert_int_equal(opens("sda"), -E_NODEV);
    assert_int_equal(opens("/srv/c.img"), -E_NODEV);
    assert_int_equal(opens("srv/b.img"), -E_NODEV);
    assert_int_equal(opens("bad:/srv/b.img"), -E_NODEV);
    assert_int_equal(opens(""), -E_EXIST);
    simguest_shutdown();
}

/* Kinds of disks that hardware has: SCSI and IDE. */
static void test_other_kinds(void **state)
{
    struct sim_conf conf = {.vbd_count = 3,
                            .vbd = {{.devid = 2048}, {.devid = 5632}, {.devid = 51713}}};

    (void)state;
    boot(&conf, NULL);
    assert_int_equal(opens("sda"), 0xa0);
    assert_int_equal(opens("/dev/hdc"), 0xa1);
    assert_int_equal(opens("d0p1"), 0xa2);
    assert_int_equal(opens("xvda1"), 0xa2);
    assert_int_equal(opens("0xca01"), 0xa2);
    assert_int_equal(opens("xvda"), -E_NODEV);
    simguest_shutdown();
}

static void test_what_means_two_is_an_error(void **state)
{
    struct sim_conf conf = {
        .vbd_count = 3,
        .vbd = {{.params = "/srv/same"}, {.params = "aio:/srv/same"}, {.params = "xvda"}}};

    (void)state;
    boot(&conf, NULL);
    assert_int_equal(opens("/srv/same"), -E_EXIST);
    assert_int_equal(opens("xvda"), -E_EXIST); /* the name of one, what another serves */
    assert_int_equal(opens("51712"), 0xa0);
    assert_int_equal(opens("xvdb"), 0xa1);
    simguest_shutdown();
}

static void test_none_and_only_one(void **state)
{
    struct sim_conf none = {0}, one = {.vbd_count = 1};

    (void)state;
    boot(&none, NULL);
    assert_int_equal(start_vbd_count(), 0);
    assert_int_equal(opens(""), -E_NODEV);
    assert_int_equal(opens("xvda"), -E_NODEV);
    simguest_shutdown();
    boot(&one, NULL);
    assert_int_equal(opens(""), 0xa0);
    simguest_shutdown();
}

static void test_open_once(void **state)
{
    struct sim_conf conf = {.vbd_count = 3};
    struct blkdev *a, *b, *c;

    (void)state;
    boot(&conf, NULL);
    assert_int_equal(start_vbd_open("xvda", &pool, &a), 0);
    assert_int_equal(start_vbd_open("51712", &pool, &b), -E_BUSY);
    assert_int_equal(start_vbd_open("xvdb", &pool, &b), 0);
    assert_int_equal(start_vbd_open("xvdc", &pool, &c), -E_NOMEM);
    assert_true(start_vbd_close(a));
    assert_false(start_vbd_close(a));
    assert_int_equal(start_vbd_open("xvdc", &pool, &c), 0);
    assert_true(start_vbd_close(b));
    assert_true(start_vbd_close(c));
    assert_int_equal(pool.free_count, PAGES);
    simguest_shutdown();
}

/* The words that say how a disk is driven. */
static void test_words(void **state)
{
    static char queues[] = "vbd-queues=3", order[] = "vbd-ring-order=1", bad[] = "vbd-queues=5",
                persistent[] = "vbd-persistent=1";
    char *words[] = {queues, order, persistent, bad};
    struct blkdev *dev;

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
        struct sim_conf conf = {
            .vbd_count = 1, .vbd = {{.queues_max = 4, .ring_order_max = 4, .persistent = true}}};

        boot(&conf, words[i]);
        if (i == 3) {
            assert_int_equal(start_vbd_open("", &pool, &dev), -E_INVAL);
            simguest_shutdown();
            continue;
        }
        assert_int_equal(start_vbd_open("", &pool, &dev), 0);
        assert_int_equal(sim_vbd_queues(0), i == 0 ? 3 : 1);
        assert_int_equal(sim_vbd_ring_pages(0), i == 1 ? 2 : 4);
        assert_true(start_vbd_close(dev));
        assert_int_equal(opens("xvda"), 0xa0);
        simguest_shutdown();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_other_kinds),
        cmocka_unit_test(test_what_means_two_is_an_error),
        cmocka_unit_test(test_none_and_only_one),
        cmocka_unit_test(test_open_once),
        cmocka_unit_test(test_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
