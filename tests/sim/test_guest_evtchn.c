/* SPDX-License-Identifier: ISC */
/* test_guest_evtchn.c - the suite of tests/guest/evtchn, on the simulator. */
#include "support.h"

#include <cmocka.h>

#include "simguest.h"

#define main suite_main
#include "tests/guest/evtchn/main.c"
#undef main

static void run(const struct sim_conf *conf, char *option)
{
    char name[] = "evtchn";
    char *argv[] = {name, option, NULL};
    simguest_boot(conf, 2, argv);
    assert_int_equal(suite_main(2, argv), 0);
    simguest_shutdown();
}

static void test_suite_passes_on_2l(void **state)
{
    char option[] = "evtchn=2l";
    (void)state;
    run(NULL, option);
}

static void test_suite_passes_on_fifo(void **state)
{
    char option[] = "evtchn=fifo";
    (void)state;
    run(NULL, option);
}

/* All the channels that each ABI has, not only those a small image has room for. */
#define PAGES 128u

static void run_large(bool fifo)
{
    static uint32_t counts[EVTCHN_PORTS_FIFO];
    static _Alignas(4096) uint8_t control[4096];
    static _Alignas(4096) uint32_t array[PAGES * 1024];
    static struct start start;
    char name[] = "evtchn", option_2l[] = "evtchn=2l", option_fifo[] = "evtchn=fifo";
    char *argv[] = {name, fifo ? option_fifo : option_2l, NULL};
    struct evtchn_conf conf = {.force_2l = !fifo,
                               .counts = counts,
                               .ports_max = EVTCHN_PORTS_FIFO,
                               .fifo_control = control,
                               .fifo_array = array,
                               .fifo_pages = PAGES};
    simguest_init(NULL);
    start = (struct start){.argc = 2, .argv = argv, .has_evtchn = true};
    assert_int_equal(evtchn_init(&start.ev, &conf), 0);
    simguest_ev = &start.ev;
    assert_int_equal(suite_run(&start, cases, ARRAY_SIZE(cases)), 0);
    simguest_fini();
}

static void test_suite_passes_with_4096_ports(void **state)
{
    (void)state;
    run_large(false);
}

static void test_suite_passes_with_131072_ports(void **state)
{
    (void)state;
    run_large(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suite_passes_on_2l),
        cmocka_unit_test(test_suite_passes_on_fifo),
        cmocka_unit_test(test_suite_passes_with_4096_ports),
        cmocka_unit_test(test_suite_passes_with_131072_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
