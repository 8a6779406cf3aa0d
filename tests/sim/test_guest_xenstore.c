/* SPDX-License-Identifier: ISC */
/* test_guest_xenstore.c - the suite of tests/guest/xenstore, on the simulator. */
#include "support.h"

#include <cmocka.h>

#include "simguest.h"

#define main suite_main
#include "tests/guest/xenstore/main.c"
#undef main

static void test_suite_passes(void **state)
{
    struct sim_conf conf = {.seed = 1, .vif_count = 1};
    char name[] = "xenstore";
    char *argv[] = {name, NULL};
    (void)state;
    simguest_boot(&conf, 1, argv);
    assert_int_equal(suite_main(1, argv), 0);
    simguest_shutdown();
}

/* Domain 0 in small steps of random size and order: requests, replies and events cut anywhere. */
static void test_suite_passes_in_random_steps(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct sim_conf conf = {.seed = seed, .random = true, .vif_count = 1};
        char name[] = "xenstore";
        char *argv[] = {name, NULL};
        simguest_boot(&conf, 1, argv);
        int status = suite_main(1, argv);
        if (status != 0)
            fail_msg("seed %llu", (unsigned long long)seed);
        simguest_shutdown();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suite_passes),
        cmocka_unit_test(test_suite_passes_in_random_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
