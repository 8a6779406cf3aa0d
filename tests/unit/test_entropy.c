/* SPDX-License-Identifier: ISC */
/* test_entropy.c - bytes for keys on a bare machine: where they come from, and that there are none
 * where they could be guessed, unless the operator says so. */
#include <string.h>

#define plat_entropy bare_entropy /* tests have their own */

#include "support.h"

#include <cmocka.h>

#include "boot/common/bare/entropy.c"

static bool cpu_has;
static uint64_t cpu_step, cpu_next, ticks;

static bool cpu(uint64_t *out)
{
    *out = cpu_next;
    cpu_next += cpu_step;
    return cpu_has;
}

static uint64_t count(void)
{
    return ticks += 7;
}

static int setup(void **state)
{
    (void)state;
    source = SOURCE_NONE;
    key[0] = key[1] = given = 0;
    cpu_has = true;
    cpu_step = 3;
    cpu_next = ticks = 0;
    vplat_reset(1);
    return 0;
}

static void init(const char *seed, uint64_t more, bool weak)
{
    const struct entropy_sources sources = {
        .cpu = cpu, .counter = count, .seed = cs_of_str(seed), .more = more, .missing = "test"};

    entropy_init(&sources, weak);
}

static bool draws(uint8_t out[40])
{
    memset(out, 0x55, 40);
    return bare_entropy(cs_of(out, 40)) == 0;
}

static void test_the_cpus_numbers_are_given_as_they_are(void **state)
{
    uint8_t out[40];
    uint64_t first;

    (void)state;
    init("", 0, false);
    cpu_next = 1000;
    assert_true(draws(out));
    memcpy(&first, out, 8);
    assert_true(first == 1000);
    cpu_has = false; /* used up: nothing of what was drawn before is left */
    assert_false(draws(out));
    assert_int_equal(out[0] | out[39], 0);
}

/* A CPU that gives the same number for ever, as some have, is none. */
static void test_a_cpu_that_repeats_itself_is_no_source(void **state)
{
    uint8_t out[40];

    (void)state;
    cpu_step = 0;
    init("", 0, false);
    assert_false(draws(out));
    cpu_step = 1;
    cpu_next = UINT64_MAX;
    init("", 0, false);
    assert_false(draws(out));
}

static void test_a_seed_of_16_bytes_is_a_key(void **state)
{
    uint8_t out[40], again[40], other[40];

    (void)state;
    cpu_has = false;
    init("0123456789abcde", 0, false); /* 15 */
    assert_false(draws(out));
    setup(state);
    cpu_has = false;
    init("0123456789abcdef", 0, false);
    assert_true(draws(out));
    assert_true(draws(again));
    assert_memory_not_equal(out, again, 40);
    setup(state);
    cpu_has = false;
    init("0123456789abcdeg", 0, false);
    assert_true(draws(other));
    assert_memory_not_equal(out, other, 40);
    setup(state); /* and the same again: time does not go in */
    cpu_has = false;
    ticks = 12345;
    init("0123456789abcdef", 0, false);
    assert_true(draws(other));
    assert_memory_equal(out, other, 40);
}

static void test_a_weak_source_only_where_it_is_allowed(void **state)
{
    uint8_t out[40], other[40];

    (void)state;
    cpu_has = false;
    init("", 99, false);
    assert_false(draws(out));
    setup(state);
    cpu_has = false;
    init("", 99, true);
    assert_true(draws(out));
    setup(state);
    cpu_has = false;
    ticks = 1; /* started at another time */
    init("", 99, true);
    assert_true(draws(other));
    assert_memory_not_equal(out, other, 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_the_cpus_numbers_are_given_as_they_are, setup),
        cmocka_unit_test_setup(test_a_cpu_that_repeats_itself_is_no_source, setup),
        cmocka_unit_test_setup(test_a_seed_of_16_bytes_is_a_key, setup),
        cmocka_unit_test_setup(test_a_weak_source_only_where_it_is_allowed, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
