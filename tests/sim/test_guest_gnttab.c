/* SPDX-License-Identifier: ISC */
/* test_guest_gnttab.c - the suite of tests/guest/gnttab, on the simulator. */
#include "support.h"

#include <cmocka.h>

#include "simguest.h"

#define main suite_main
#include "tests/guest/gnttab/main.c"
#undef main

static void run(char *option)
{
    char name[] = "gnttab";
    char *argv[] = {name, option, NULL};
    simguest_boot(NULL, 2, argv);
    assert_int_equal(suite_main(2, argv), 0);
    simguest_shutdown();
}

static void test_suite_passes_on_version_1(void **state)
{
    char option[] = "gnttab=1";
    (void)state;
    run(option);
}

static void test_suite_passes_on_version_2(void **state)
{
    char option[] = "gnttab=2";
    (void)state;
    run(option);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suite_passes_on_version_1),
        cmocka_unit_test(test_suite_passes_on_version_2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
