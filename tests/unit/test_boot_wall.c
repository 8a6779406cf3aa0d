/* SPDX-License-Identifier: ISC */
/* test_boot_wall.c - the wall clock of a Xen guest, on every architecture. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#define xen_shared_info fake_shared_info /* the simulated Xen has one */
#include "boot/common/xenguest/wall.c"

static struct shared_info info;

struct shared_info *xen_shared_info(void)
{
    return &info;
}

static void says(uint64_t s, uint32_t ns)
{
    memset(&info, 0, sizeof(info));
    info.wc_sec = (uint32_t)s;
    info.wc_sec_hi = (uint32_t)(s >> 32);
    info.wc_nsec = ns;
}

static void test_wall_clock_at_the_start(void **state)
{
    (void)state;
    says(1700000000, 5);
    assert_true(xenguest_wall_ns() == UINT64_C(1700000000000000005));
    says(UINT64_C(1) << 33, 0);
    assert_true(xenguest_wall_ns() == (UINT64_C(1) << 33) * NS_PER_S);
}

/* Then Xen's clock began in 1970, or cannot be told in nanoseconds: there is none. */
static void test_no_wall_clock(void **state)
{
    (void)state;
    says(0, 0);
    assert_true(xenguest_wall_ns() == 0);
    says(86400, 0);
    assert_true(xenguest_wall_ns() == 0);
    says(UINT64_MAX, 0);
    assert_true(xenguest_wall_ns() == 0);
}

/* Xen is writing, and never ends: no time, but no hang. */
static void test_an_odd_version_is_not_waited_for_without_end(void **state)
{
    (void)state;
    says(1700000000, 0);
    info.wc_version = 1;
    assert_true(xenguest_wall_ns() == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wall_clock_at_the_start),
        cmocka_unit_test(test_no_wall_clock),
        cmocka_unit_test(test_an_odd_version_is_not_waited_for_without_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
