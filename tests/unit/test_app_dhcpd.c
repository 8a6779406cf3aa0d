/* SPDX-License-Identifier: ISC */
/* test_app_dhcpd.c - the DHCP appliance's own part: its console. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

int dhcpd_main(int argc, char **argv);
#define main dhcpd_main
#include "apps/dhcpd/main.c"
#undef main

static unsigned helps(void)
{
    unsigned n = 0;

    for (const char *at = vplat_console(); (at = strstr(at, "l: leases")) != NULL; at++)
        n++;
    return n;
}

/* Its event came with the first byte: none may be left when the program sleeps. */
static void test_all_input_that_waits_is_taken(void **state)
{
    (void)state;
    vplat_reset(1);
    vplat_console_type("?x?");
    assert_false(read_console());
    assert_int_equal(helps(), 2);
    assert_int_equal(plat_console_read(), -E_AGAIN);
}

static void test_endless_input_is_taken_in_turns(void **state)
{
    static char keys[2000];

    (void)state;
    vplat_reset(1);
    memset(keys, 'x', sizeof(keys) - 1);
    vplat_console_type(keys);
    assert_true(read_console());
    assert_int_not_equal(plat_console_read(), -E_AGAIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_input_that_waits_is_taken),
        cmocka_unit_test(test_endless_input_is_taken_in_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
