/* SPDX-License-Identifier: ISC */
/* test_app_blkbench.c - the histogram of times, and the pattern of blkcat. */
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>

/* tests/support/ has one of this name. */
#define pattern_fill blkcat_pattern_fill
#include "apps/blkcat/pattern.c"
#include "apps/common/hist.h"

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void test_a_percentile_is_known_to_one_part_in_64(void **state)
{
    static uint64_t times[10000];
    static struct hist hist;
    uint64_t seed = 5;

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(times); i++) {
        times[i] = test_random(&seed) >> (24 + test_random_below(&seed, 30));
        hist_add(&hist, times[i]);
    }
    qsort(times, ARRAY_SIZE(times), sizeof(times[0]), by_size);
    for (uint32_t ppm = 0; ppm <= 1000000; ppm += 12500) {
        uint64_t exact = times[u32_min(9999, ppm / 100)], got = hist_at(&hist, ppm);
        assert_true(got >= exact && got - exact <= exact / 64 + 1);
    }
    assert_int_equal(hist_at(&hist, 1000000), times[9999]);
    assert_int_equal(hist.max_ns, times[9999]);
    assert_int_equal(hist.min_ns, times[0]);
}

static void test_small_and_large_times(void **state)
{
    static struct hist none, one, far;

    (void)state;
    assert_int_equal(hist_at(&none, 500000), 0);
    hist_add(&one, 7);
    assert_int_equal(hist_at(&one, 0), 7);
    assert_int_equal(hist_at(&one, 990000), 7);
    hist_add(&far, UINT64_MAX);
    assert_true(hist_at(&far, 500000) >= UINT64_C(1) << 40);
}

static void test_the_pattern_is_the_same_however_it_is_cut(void **state)
{
    uint8_t whole[200], parts[200];
    uint64_t first = 99;

    (void)state;
    pattern_fill(3, 1000, cs_of(whole, sizeof(whole)));
    for (size_t cut = 0; cut <= sizeof(whole); cut++) {
        pattern_fill(3, 1000, cs_of(parts, cut));
        pattern_fill(3, 1000 + cut, cs_of(parts + cut, sizeof(parts) - cut));
        assert_memory_equal(whole, parts, sizeof(whole));
    }
    assert_int_equal(pattern_differs(3, 1000, cs_ro_of(whole, sizeof(whole)), &first), 0);
    assert_int_equal(first, 99);
    whole[77] ^= 1;
    whole[78] ^= 1;
    assert_int_equal(pattern_differs(3, 1000, cs_ro_of(whole, sizeof(whole)), &first), 2);
    assert_int_equal(first, 1077);
    /* SplitMix64's first numbers from seed 0: https://prng.di.unimi.it/splitmix64.c */
    pattern_fill(0, 0, cs_of(whole, 16));
    assert_true(cs_get_le64(cs_ro_of(whole, 16), 0) == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(cs_get_le64(cs_ro_of(whole, 16), 8) == UINT64_C(0x6e789e6aa1b965f4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_percentile_is_known_to_one_part_in_64),
        cmocka_unit_test(test_small_and_large_times),
        cmocka_unit_test(test_the_pattern_is_the_same_however_it_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
