/* SPDX-License-Identifier: ISC */
/* test_siphash.c - the published vectors of SipHash-2-4 (key 00..0f, input 00 01 02 ...) that
 * are whole words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tcpip/siphash.h"

static void test_reference_vectors(void **state)
{
    static const uint64_t key[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
    static const uint64_t words[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

    (void)state;
    assert_int_equal(siphash_words(key, words, 0), 0x726fdb47dd0e0e31);
    assert_int_equal(siphash_words(key, words, 1), 0x93f5f5799a932462);
    assert_int_equal(siphash_words(key, words, 2), 0x3f2acc7f57c29bdb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reference_vectors)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
