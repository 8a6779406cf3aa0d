/* SPDX-License-Identifier: ISC */
/* test_sysrq.c - what a letter of `xl sysrq` does in a running program: each goes the whole way,
 * from xenstore through plat_request(). */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include "boot/common/xen/start_priv.h"
#include "simguest.h"

#define SYSRQ "/local/domain/1/control/sysrq"

enum { PAGES = 256 };

static _Alignas(PAGE_BYTES) uint8_t memory[PAGES * PAGE_BYTES];
static struct page headers[PAGES];
static struct pkt pkts[PAGES];
static struct page_pool pages;
static struct pkt_pool pool;

static int setup(void **state)
{
    static char name[] = "test", queues[] = "netfront=queues=2";
    static char *argv[] = {name, queues, NULL};
    const struct sim_conf conf = {.seed = 1, .vif_count = 2, .vif[1] = {.queues_max = 2}};

    (void)state;
    simguest_boot(&conf, 2, argv);
    page_pool_init(&pages, headers, memory, PAGES);
    pkt_pool_init(&pool, pkts, PAGES, &pages);
    vplat_console_clear();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    simguest_shutdown();
    return 0;
}

static void poll(void)
{
    struct start *start = start_get();

    for (unsigned i = 0; i < 3; i++) {
        sim_run_until_idle();
        (void)xenctl_poll(&start->ctl);
        start_sysrq(start, xenctl_sysrq(&start->ctl));
    }
}

static void ask(char letter)
{
    sim_xs_write(SYSRQ, "%c", letter);
    poll();
}

static bool said(const char *text)
{
    return strstr(vplat_console(), text) != NULL;
}

static void test_nothing_asked_nothing_said(void **state)
{
    (void)state;
    poll();
    assert_string_equal(vplat_console(), "");
}

static void test_help_names_every_letter(void **state)
{
    (void)state;
    ask('h');
    assert_true(said("info: sysrq: b: reboot, c: crash, h: help, m: memory, o: poweroff, "
                     "t: devices' counters\n"));
}

static void test_unknown_letter_is_said_and_answered_by_the_list(void **state)
{
    (void)state;
    ask('z');
    assert_true(said("warn: sysrq: there is no z\n"));
    assert_true(said("sysrq: b: reboot"));
}

static void test_memory_and_counters_of_open_devices(void **state)
{
    struct netdev *dev = NULL;

    (void)state;
    ask('m');
    assert_false(said("vif"));
    assert_true(said("sysrq: grants: free "));
    assert_int_equal(start_vif_open(0, 0, &pool, &dev), 0);
    dev->stats.rx_packets = 42;
    ask('m');
    assert_true(said("sysrq: vif 0: pages: 256, free "));
    ask('t');
    assert_true(said("sysrq: vif 0: 00:16:3e:00:00:0"));
    assert_true(said("sysrq: vif 0: rx_packets 42\n"));
    assert_false(said("tx_errors"));
    assert_true(start_vif_close(dev));
}

static void test_counters_of_each_queue(void **state)
{
    struct netdev *one = NULL, *two = NULL;
    struct netfront_queue_stats stats;

    (void)state;
    assert_int_equal(start_vif_open(0, 0, &pool, &one), 0);
    assert_int_equal(start_vif_open(1, 1, &pool, &two), 0);
    assert_true(netfront_queue_stats(two, 1, &stats));
    assert_true(stats.rx_notify != 0);
    ask('t');
    assert_true(said("sysrq: vif 0: rx_notify "));
    assert_true(said("sysrq: vif 0 queue 0: rx_notify "));
    assert_false(said("vif 0 queue 1"));
    assert_true(said("sysrq: vif 1 queue 0: rx_notify "));
    assert_true(said("sysrq: vif 1 queue 1: rx_notify "));
    assert_false(said("queue 2"));
    assert_false(said("queue 1: tx_errors"));
    assert_true(start_vif_close(two));
    assert_true(start_vif_close(one));
}

static void test_poweroff_and_reboot_end_the_program_at_once(void **state)
{
    static const char letters[] = {'o', 'b'};
    static const int status[] = {0, -1};

    (void)state;
    for (volatile unsigned i = 0; i < 2; i++) {
        vplat_exit_armed = true;
        vplat_exit_status = 99;
        if (setjmp(vplat_exit_jmp) == 0) {
            ask(letters[i]);
            fail();
        }
        assert_int_equal(vplat_exit_status, status[i]);
    }
}

static void test_crash_is_an_assertion(void **state)
{
    (void)state;
    expect_assert_failure(ask('c'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_asked_nothing_said, setup, teardown),
        cmocka_unit_test_setup_teardown(test_help_names_every_letter, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unknown_letter_is_said_and_answered_by_the_list, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_memory_and_counters_of_open_devices, setup, teardown),
        cmocka_unit_test_setup_teardown(test_counters_of_each_queue, setup, teardown),
        cmocka_unit_test_setup_teardown(test_poweroff_and_reboot_end_the_program_at_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_crash_is_an_assertion, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
