/* SPDX-License-Identifier: ISC */
/* test_boot_clock.c - the clock of an x86 guest: by struct vcpu_time_info, and in a restored
 * domain, where that is another machine's. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#define x86_rdtsc x86_rdtsc_of_this_machine
#include "boot/xen-x86_64/x86.h"
#undef x86_rdtsc

static uint64_t counter;
uint64_t clock_now_ns(void), clock_wall_ns(void);

#define x86_rdtsc() counter
#define xen_shared_info fake_shared_info /* the simulated Xen has one, the tests a platform */
#define plat_now_ns clock_now_ns
#define plat_wall_ns clock_wall_ns
#include "boot/xen-x86_64/clock.c"

static struct shared_info info;
static uint64_t wall_at_0;

struct shared_info *xen_shared_info(void)
{
    return &info;
}

uint64_t xenguest_wall_ns(void)
{
    return wall_at_0;
}

/* A domain on a machine that has been up for `up_ns`; a tick is a nanosecond. */
static void machine(uint64_t up_ns, uint64_t wall_ns)
{
    struct vcpu_time_info *t = &info.vcpu_info[0].time;

    memset(&info, 0, sizeof(info));
    *t = (struct vcpu_time_info){.version = 2,
                                 .tsc_timestamp = counter,
                                 .system_time = up_ns,
                                 .tsc_to_system_mul = UINT32_C(1) << 31,
                                 .tsc_shift = 1};
    wall_at_0 = wall_ns == 0 ? 0 : wall_ns - up_ns;
}

static uint64_t begin(uint64_t up_ns, uint64_t wall_ns)
{
    last_ns = ahead_ns = 0;
    machine(up_ns, wall_ns);
    return clock_now_ns();
}

#define YEAR_NS (UINT64_C(31536000) * NS_PER_S)
#define WALL (50 * YEAR_NS)

static void test_time_goes_by_the_counter(void **state)
{
    (void)state;
    assert_true(begin(5 * NS_PER_S, WALL) == 5 * NS_PER_S);
    counter += 7;
    assert_true(clock_now_ns() == 5 * NS_PER_S + 7 && clock_wall_ns() == WALL + 7);
    assert_true(clock_system_at(clock_now_ns()) == clock_system_ns());
}

/* Never back, and on by what the wall clocks say, whether the other machine has been up for longer
 * or not. */
static void test_time_goes_on_in_a_restored_domain(void **state)
{
    static const uint64_t ups[] = {NS_PER_S, 100 * NS_PER_S, 100 * YEAR_NS / 1000};
    (void)state;
    for (unsigned from = 0; from < ARRAY_SIZE(ups); from++) {
        for (unsigned to = 0; to < ARRAY_SIZE(ups); to++) {
            uint64_t before = begin(ups[from], WALL);

            clock_suspend();
            machine(ups[to], WALL + 60 * NS_PER_S);
            clock_resume();
            assert_true(clock_now_ns() == before + 60 * NS_PER_S);
            assert_true(clock_wall_ns() == WALL + 60 * NS_PER_S);
            counter += NS_PER_S;
            assert_true(clock_now_ns() == before + 61 * NS_PER_S);
            /* The timer is set by Xen's clock. */
            assert_true(clock_system_at(clock_now_ns() + 5) == ups[to] + NS_PER_S + 5);
            /* And a second time. */
            clock_suspend();
            machine(ups[from], WALL + 70 * NS_PER_S);
            clock_resume();
            assert_true(clock_now_ns() == before + 70 * NS_PER_S);
        }
    }
}

static void test_a_wall_clock_that_is_behind_or_missing_does_not_count(void **state)
{
    uint64_t before;
    (void)state;
    before = begin(9 * NS_PER_S, WALL);
    clock_suspend();
    machine(3 * NS_PER_S, WALL - NS_PER_S);
    clock_resume();
    assert_true(clock_now_ns() == before);

    before = begin(9 * NS_PER_S, 0);
    clock_suspend();
    machine(3 * NS_PER_S, WALL);
    clock_resume();
    assert_true(clock_now_ns() == before);

    before = begin(9 * NS_PER_S, WALL);
    clock_suspend();
    machine(3 * NS_PER_S, 0);
    clock_resume();
    assert_true(clock_now_ns() == before && clock_wall_ns() == 0);
}

/* A deadline of before this domain's clock began has passed. */
static void test_a_moment_of_before_is_xens_0(void **state)
{
    uint64_t before;
    (void)state;
    before = begin(YEAR_NS, WALL);
    clock_suspend();
    machine(NS_PER_S, WALL);
    clock_resume();
    assert_true(clock_system_at(before - 2 * NS_PER_S) == 0);
    assert_true(clock_system_at(before) == NS_PER_S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time_goes_by_the_counter),
        cmocka_unit_test(test_time_goes_on_in_a_restored_domain),
        cmocka_unit_test(test_a_wall_clock_that_is_behind_or_missing_does_not_count),
        cmocka_unit_test(test_a_moment_of_before_is_xens_0),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
