/* SPDX-License-Identifier: ISC */
/* prop_cksum.c - properties of the internet checksum, on random data with a printed seed.
 *
 * The reference adds 16-bit words one by one as RFC 1071 section 1 says. Scalar and vector sums
 * must agree with it bit for bit, at 10^6 random lengths, alignments and starting sums each (this
 * takes seconds under the sanitizers, so there are no fewer). */
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/cksum.h>

#define ROUNDS 1000000

static uint64_t seed;

static uint16_t reference(const uint8_t *p, size_t n, bool odd, uint32_t start)
{
    uint64_t sum = start;

    if (odd && n > 0) {
        sum += *p++;
        n--;
    }
    for (; n >= 2; p += 2, n -= 2)
        sum += (uint32_t)p[0] << 8 | p[1];
    if (n > 0)
        sum += (uint32_t)p[0] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static uint16_t cksum_of(const uint8_t *p, size_t n)
{
    return cksum_finish(cksum_partial(cs_ro_of(p, n), 0));
}

static void fill_random(uint8_t *p, size_t n)
{
    /* All ones and all zeros are where carries are lost: runs of them are as likely as noise. */
    while (n > 0) {
        size_t run = 1 + test_random_below(&seed, 40);
        unsigned kind = test_random_below(&seed, 3);

        for (; run > 0 && n > 0; run--, n--)
            *p++ = kind == 0 ? 0xff : kind == 1 ? 0 : (uint8_t)test_random(&seed);
    }
}

/* Mostly short, sometimes up to the longest datagram's size. */
static size_t random_length(void)
{
    uint64_t r = test_random(&seed);
    size_t max = r % 1000 == 0 ? 65536 : r % 10 == 0 ? 2048 : 300;

    return (size_t)(r >> 32) % max;
}

static void agrees_with_the_reference(bool vector)
{
    enum { BYTES = 65536 + 64 };
    uint8_t *bytes = malloc(BYTES);

    if (cksum_init(vector) != vector) {
        free(bytes);
        skip(); /* this CPU has no such unit */
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        size_t n = random_length(), off = test_random_below(&seed, 64);
        uint32_t start = (uint32_t)test_random(&seed);
        uint32_t even, odd;

        if (i % 1000 == 0)
            fill_random(bytes, BYTES);
        bytes[off] = (uint8_t)i;
        even = cksum_partial(cs_ro_of(bytes + off, n), start);
        odd = cksum_partial_odd(cs_ro_of(bytes + off, n), start);
        if (cksum_finish(even) != reference(bytes + off, n, false, start) ||
            cksum_finish(odd) != reference(bytes + off, n, true, start))
            fail_msg("round %u: %zu bytes at alignment %zu, start 0x%x", i, n, off, start);
    }
    free(bytes);
}

static void test_scalar_agrees_with_the_reference(void **state)
{
    (void)state;
    agrees_with_the_reference(false);
}

static void test_vector_agrees_with_the_reference(void **state)
{
    (void)state;
    agrees_with_the_reference(true);
}

/* In a heap block of exactly that size, so that the sanitizer sees a read of one byte too many, at
 * either end. */
static void test_nothing_outside_the_view_is_read(void **state)
{
    (void)state;
    for (int vector = 0; vector < 2; vector++) {
        cksum_init(vector);
        for (size_t n = 0; n <= 600; n++) {
            uint8_t *exact = malloc(n + 1);

            memset(exact, 0x5a, n + 1);
            assert_int_equal(cksum_of(exact, n + 1), reference(exact, n + 1, false, 0));
            assert_int_equal(cksum_of(exact + 1, n), reference(exact + 1, n, false, 0));
            free(exact);
        }
    }
}

/* Except 00 00 for ff ff as a whole word, which one changed byte cannot make. */
static void test_any_single_changed_byte_is_caught(void **state)
{
    uint8_t data[1500];

    (void)state;
    cksum_init(true);
    for (unsigned i = 0; i < 20000; i++) {
        size_t n = 1 + test_random_below(&seed, sizeof(data)),
               at = test_random_below(&seed, (uint32_t)n);
        uint16_t before;
        uint8_t change = (uint8_t)(1 + test_random_below(&seed, 255));

        if (i % 16 == 0)
            fill_random(data, sizeof(data));
        before = cksum_of(data, n);
        data[at] ^= change;
        if (cksum_of(data, n) == before)
            fail_msg("round %u: byte %zu of %zu changed by 0x%02x", i, at, n, change);
    }
}

/* The known ambiguity: a word 0000 for ffff goes unseen, where other data are not all zero. */
static void test_zero_for_all_ones_is_the_only_blind_spot(void **state)
{
    uint8_t data[6] = {0, 0, 0, 1, 0, 0};
    uint16_t before = cksum_of(data, 6);
    unsigned unseen = 0;

    (void)state;
    for (uint32_t word = 0; word <= UINT16_MAX; word++) {
        cs_set_be16(cs_of(data, 6), 4, (uint16_t)word);
        unseen += cksum_of(data, 6) == before;
    }
    assert_int_equal(unseen, 2); /* 0000 itself, and ffff */
}

/* RFC 1624, also through many updates in a row; but where all data become zero, recomputing gives
 * ffff and updating 0000. */
static void test_incremental_update_equals_recomputation(void **state)
{
    uint8_t data[64];
    uint16_t field;

    (void)state;
    fill_random(data, sizeof(data));
    data[0] = 1;
    field = cksum_of(data, sizeof(data));
    for (unsigned i = 0; i < 200000; i++) {
        struct cs v = cs_of(data, sizeof(data));
        size_t at = 2 + 2 * test_random_below(&seed, 30);
        uint64_t r = test_random(&seed);
        /* Words at the edges come often. */
        uint32_t is = r & 1 ? (uint32_t)(r >> 32) : r & 2 ? 0 : r & 4 ? UINT32_MAX : 0xffff;

        if (r & 8) {
            field = cksum_update16(field, cs_get_be16(v, at), (uint16_t)is);
            cs_set_be16(v, at, (uint16_t)is);
        } else {
            field = cksum_update32(field, cs_get_be32(v, at), is);
            cs_set_be32(v, at, is);
        }
        if (field != cksum_of(data, sizeof(data)))
            fail_msg("round %u at %zu, new value 0x%x", i, at, is);
    }
}

static void test_parts_in_any_cut_sum_to_the_whole(void **state)
{
    uint8_t data[4096];

    (void)state;
    cksum_init(true);
    fill_random(data, sizeof(data));
    for (unsigned i = 0; i < 20000; i++) {
        struct cs_ro left = cs_ro_of(data, 1 + test_random_below(&seed, sizeof(data)));
        uint16_t whole = cksum_of(left.base, left.len);
        uint32_t sum = 0;
        bool odd = false;

        while (left.len > 0) {
            size_t n = 1 + test_random_below(&seed, (uint32_t)left.len);

            sum = odd ? cksum_partial_odd(cs_head(left, n), sum)
                      : cksum_partial(cs_head(left, n), sum);
            odd ^= n & 1;
            left = cs_shift(left, n);
        }
        assert_int_equal(cksum_finish(sum), whole);
    }
}

static int start(void **state)
{
    (void)state;
    seed = test_seed(0x1071);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_scalar_agrees_with_the_reference, start),
        cmocka_unit_test_setup(test_vector_agrees_with_the_reference, start),
        cmocka_unit_test(test_nothing_outside_the_view_is_read),
        cmocka_unit_test_setup(test_any_single_changed_byte_is_caught, start),
        cmocka_unit_test(test_zero_for_all_ones_is_the_only_blind_spot),
        cmocka_unit_test_setup(test_incremental_update_equals_recomputation, start),
        cmocka_unit_test_setup(test_parts_in_any_cut_sum_to_the_whole, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
