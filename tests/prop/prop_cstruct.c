/* SPDX-License-Identifier: ISC */
/* prop_cstruct.c - random sequences of operations on views do what a naive model does, and never
 * leave the buffer (the sanitizer watches). The interpreter and the model are those of the fuzz
 * target; here random programs from a printed seed drive them. */
#include "support.h"

#include <cmocka.h>

#include "tests/fuzz/fuzz_cstruct.c"

static void test_random_operations_agree_with_the_model(void **state)
{
    uint64_t seed = test_seed(0xc5);
    uint8_t program[400];

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        size_t n = 1 + test_random_below(&seed, sizeof(program));

        for (size_t j = 0; j < n; j++)
            program[j] = (uint8_t)test_random(&seed);
        LLVMFuzzerTestOneInput(program, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_operations_agree_with_the_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
