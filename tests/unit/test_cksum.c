/* SPDX-License-Identifier: ISC */
/* test_cksum.c - the internet checksum: the RFC's example, known packets, corners. Random ones are
 * in prop_cksum.c. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/cksum.h>

static uint16_t cksum_of(const void *bytes, size_t n)
{
    return cksum_finish(cksum_partial(cs_ro_of(bytes, n), 0));
}

/* RFC 1071 section 3: 00 01 f2 03 f4 f5 f6 f7 sums to ddf2. */
static void test_rfc1071_example(void **state)
{
    (void)state;
    assert_int_equal(cksum_of("\x00\x01\xf2\x03\xf4\xf5\xf6\xf7", 8), 0xffff & ~0xddf2);
}

static void test_ip4_header(void **state)
{
    const uint8_t header[20] = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
                                0x00, 0x00, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};

    (void)state;
    assert_int_equal(cksum_of(header, sizeof(header)), 0xb861);
}

static void test_header_form_agrees_at_each_length(void **state)
{
    uint8_t bytes[68];
    uint64_t seed = test_seed(0x20);

    (void)state;
    for (unsigned round = 0; round < 2000; round++) {
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = round % 3 == 0 ? 0xff : round % 3 == 1 ? 0 : (uint8_t)test_random(&seed);
        bytes[round % sizeof(bytes)] ^= (uint8_t)test_random(&seed);
        for (size_t n = 0; n <= 64; n += 4) {
            uint32_t start = (uint32_t)test_random(&seed);
            struct cs_ro v = cs_ro_of(bytes + round % 4, n);

            assert_int_equal(cksum_finish(cksum_header(v, start)),
                             cksum_finish(cksum_partial(v, start)));
        }
    }
    /* Words whose sum is 1ffffffff: folding it carries once more. */
    memset(bytes, 0xff, 8);
    memcpy(bytes + 8, (const uint32_t[]){1}, 4);
    assert_int_equal(cksum_finish(cksum_header(cs_ro_of(bytes, 12), 0)), cksum_of(bytes, 12));
    expect_assert_failure(cksum_header(cs_ro_of(bytes, 21), 0));
    expect_assert_failure(cksum_header(cs_ro_of(bytes, 68), 0));
}

/* 10.0.0.1:53 to 10.0.0.2:1024, 4 bytes "ping"; worked by hand. */
static void test_udp_with_pseudo_header(void **state)
{
    const uint8_t udp[12] = {0x00, 0x35, 0x04, 0x00, 0x00, 0x0c, 0x00, 0x00, 'p', 'i', 'n', 'g'};
    uint32_t sum = cksum_pseudo4(0x0a000001, 0x0a000002, 17, sizeof(udp));

    (void)state;
    /* 0a00+0001+0a00+0002+0011+000c = 1420; +0035+0400+000c = 1861; +7069+6e67 = f731 */
    assert_int_equal(cksum_finish(cksum_partial(cs_ro_of(udp, sizeof(udp)), sum)), 0x08ce);
}

static void test_a_packet_with_its_checksum_sums_to_zero(void **state)
{
    uint8_t data[21] = "twenty bytes of text";

    (void)state;
    cs_set_be16(cs_of(data, 20), 6, 0);
    cs_set_be16(cs_of(data, 20), 6, cksum_of(data, 20));
    assert_int_equal(cksum_of(data, 20), 0);
}

static void test_no_bytes(void **state)
{
    (void)state;
    assert_int_equal(cksum_of(NULL, 0), 0xffff);
    assert_int_equal(cksum_partial(CS_RO_EMPTY, 0x1234), 0x1234);
    assert_int_equal(cksum_partial_odd(CS_RO_EMPTY, 0x1234), 0x1234);
}

/* Only all zeros sum to 0; anything else that is 0 in ones' complement is 0xffff, at each length
 * and by each path. */
static void test_zero_has_two_forms_that_stay_apart(void **state)
{
    static uint8_t bytes[600];

    (void)state;
    for (int vector = 0; vector < 2; vector++) {
        cksum_init(vector);
        for (size_t n = 0; n <= sizeof(bytes); n++) {
            memset(bytes, 0, sizeof(bytes));
            assert_int_equal(cksum_of(bytes, n), 0xffff);
            memset(bytes, 0xff, sizeof(bytes));
            if (n > 0)
                assert_int_equal(cksum_of(bytes, n), n % 2 == 0 ? 0 : 0x00ff);
        }
    }
}

static void test_partial_sums_of_any_value_take_more(void **state)
{
    (void)state;
    assert_int_equal(cksum_finish(cksum_partial(cs_ro_of("\x00\x01", 2), UINT32_MAX)), 0xfffe);
    assert_int_equal(cksum_finish(cksum_partial(cs_ro_of("\xff\xff", 2), UINT32_MAX)), 0);
    assert_int_equal(cksum_finish(UINT32_MAX), 0);
    assert_int_equal(cksum_finish(0xffff0000), 0);
    assert_int_equal(cksum_finish(0x0001ffff), 0xfffe);
    assert_int_equal(cksum_finish(0), 0xffff);
}

static void test_odd_parts_chain(void **state)
{
    const char text[] = "an odd number of parts, each of odd length";
    size_t n = sizeof(text) - 1;

    (void)state;
    for (size_t cut = 0; cut <= n; cut++) {
        struct cs_ro a, b;
        uint32_t sum;

        cs_split(cs_of_str(text), cut, &a, &b);
        sum = cksum_partial(a, 0);
        sum = cut % 2 ? cksum_partial_odd(b, sum) : cksum_partial(b, sum);
        assert_int_equal(cksum_finish(sum), cksum_of(text, n));
    }
}

static void test_pseudo_header_carries(void **state)
{
    (void)state;
    /* 4 * ffff + ff + ffff = 500fa: folded 00ff */
    assert_int_equal(cksum_finish(cksum_pseudo4(UINT32_MAX, UINT32_MAX, 255, UINT16_MAX)),
                     0xffff & ~0x00ff);
    assert_int_equal(cksum_finish(cksum_pseudo4(0, 0, 0, 0)), 0xffff);
}

/* RFC 1624 section 4: the case that equation 2 of RFC 1141 gets wrong. */
static void test_rfc1624_example(void **state)
{
    (void)state;
    assert_int_equal(cksum_update16(0xdd2f, 0x5555, 0x3285), 0x0000);
}

static void test_update32(void **state)
{
    uint8_t data[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    uint16_t was = cksum_of(data, 8);

    (void)state;
    cs_set_be32(cs_of(data, 8), 4, 0xdeadbeef);
    assert_int_equal(cksum_update32(was, 0x05060708, 0xdeadbeef), cksum_of(data, 8));
}

static void test_init_may_forbid_the_vector_unit(void **state)
{
    (void)state;
    assert_false(cksum_init(false));
    cksum_init(true); /* what this machine has */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc1071_example),
        cmocka_unit_test(test_ip4_header),
        cmocka_unit_test(test_header_form_agrees_at_each_length),
        cmocka_unit_test(test_udp_with_pseudo_header),
        cmocka_unit_test(test_a_packet_with_its_checksum_sums_to_zero),
        cmocka_unit_test(test_no_bytes),
        cmocka_unit_test(test_zero_has_two_forms_that_stay_apart),
        cmocka_unit_test(test_partial_sums_of_any_value_take_more),
        cmocka_unit_test(test_odd_parts_chain),
        cmocka_unit_test(test_pseudo_header_carries),
        cmocka_unit_test(test_rfc1624_example),
        cmocka_unit_test(test_update32),
        cmocka_unit_test(test_init_may_forbid_the_vector_unit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
