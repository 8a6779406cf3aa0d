/* SPDX-License-Identifier: ISC */
/* test_random.c - SplitMix64 against its authors' numbers. */
#include "support.h"

#include <morgana/random.h>

#include <cmocka.h>

/* Of https://prng.di.unimi.it/splitmix64.c, from seeds 0 and 1234567. */
static const struct {
    uint64_t seed, numbers[5];
} published[] = {
    {0,
     {UINT64_C(0xe220a8397b1dcdaf), UINT64_C(0x6e789e6aa1b965f4), UINT64_C(0x06c45d188009454f),
      UINT64_C(0xf88bb8a8724c81ec), UINT64_C(0x1b39896a51a8749b)}},
    {1234567,
     {UINT64_C(6457827717110365317), UINT64_C(3203168211198807973), UINT64_C(9817491932198370423),
      UINT64_C(4593380528125082431), UINT64_C(16408922859458223821)}},
};

static void test_numbers_are_the_published_ones(void **state)
{
    (void)state;
    for (unsigned s = 0; s < ARRAY_SIZE(published); s++) {
        uint64_t at = published[s].seed;

        for (unsigned i = 0; i < 5; i++) {
            assert_int_equal(random_next(&at), published[s].numbers[i]);
            assert_int_equal(random_at(published[s].seed, i), published[s].numbers[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_the_published_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
