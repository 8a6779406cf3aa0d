/* SPDX-License-Identifier: ISC */
/* test_iperf3_json.c - iperf3's JSON: what peers send is looked up, however it is written, and
 * nothing that is no JSON is believed. */
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "support.h"

#include "apps/iperf3/json.c"

static struct cs_ro text_of(const char *text)
{
    return cs_ro_of(text, strlen(text));
}

static void test_a_member_is_found_whatever_stands_before_it(void **state)
{
    struct cs_ro value;

    (void)state;
    assert_true(json_member(text_of(" { \"a\" : [1,{\"b\":2}] , \"c\\\"\":\"}\",\"b\":\t-7 } "),
                            "b", &value));
    assert_true(cs_equal_str(value, "-7"));
    assert_true(json_member(text_of("{\"a\":{},\"b\":[]}"), "b", &value));
    assert_true(cs_equal_str(value, "[]"));
}

static void test_a_member_of_a_member_is_not_ours(void **state)
{
    struct cs_ro value;

    (void)state;
    assert_false(json_member(text_of("{\"a\":{\"b\":1}}"), "b", &value));
}

static void test_what_is_no_json_has_no_members(void **state)
{
    static const char *const wrong[] = {
        "",         "{",          "[\"b\",1]", "{\"a\" 1,\"b\":1}", "{\"a\":1 \"b\":1}",
        "{\"b\":}", "{\"b\":\"x", "{\"b",      "{\"b\":[1,}",       "{\"a\":\"\n\",\"b\":1}",
    };
    struct cs_ro value;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        assert_false(json_member(text_of(wrong[i]), "b", &value));
}

static void test_every_cut_of_a_text_is_read_within_it(void **state)
{
    static const char text[] = "{\"a\":[{\"x\":\"\\\\\"},1.5e-3,true],\"b\":{\"c\":[[]]},\"z\":1}";
    struct cs_ro value;

    (void)state;
    for (size_t n = 0; n < sizeof(text) - 1; n++) {
        char *cut = malloc(n + 1); /* ASan watches its end */

        memcpy(cut, text, n);
        json_member(cs_ro_of(cut, n), "z", &value);
        free(cut);
    }
}

static void test_nesting_is_bounded(void **state)
{
    char text[64] = "{\"a\":";
    struct cs_ro value;

    (void)state;
    for (size_t i = 0; i < DEPTH_MAX; i++) {
        text[5 + i] = '[';
        text[5 + DEPTH_MAX + i] = ']';
    }
    text[5 + 2 * DEPTH_MAX] = '}';
    assert_true(json_member(text_of(text), "a", &value));
    memmove(text + 6, text + 5, 2 * DEPTH_MAX);
    text[6 + 2 * DEPTH_MAX] = ']';
    text[7 + 2 * DEPTH_MAX] = '}';
    assert_false(json_member(text_of(text), "a", &value));
}

static void test_elements_come_in_order(void **state)
{
    struct cs_ro array = text_of("[ 1, {\"a\":[2,3]} ,\"x\" ]"), value;
    size_t at = 0;

    (void)state;
    assert_true(json_element(array, &at, &value) && cs_equal_str(value, "1"));
    assert_true(json_element(array, &at, &value) && cs_equal_str(value, "{\"a\":[2,3]}"));
    assert_true(json_element(array, &at, &value) && cs_equal_str(value, "\"x\""));
    assert_false(json_element(array, &at, &value));
}

static void test_numbers_in_millionths(void **state)
{
    static const struct {
        const char *text;
        uint64_t micro;
    } rows[] = {{"0", 0},          {"1", 1000000},       {"1.5", 1500000},
                {"0.0000012", 1},  {"6.09e-05", 60},     {"3.98374012245431e-05", 39},
                {"1e1", 10000000}, {"2.5E+1", 25000000}, {"12.345678901234567890", 12345678}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint64_t micro = 99;

        assert_true(json_micro(text_of(rows[i].text), &micro));
        assert_int_equal(micro, rows[i].micro);
    }
}

static void test_minus_one_is_no_count(void **state)
{
    uint64_t value = 5;

    (void)state;
    /* iperf3 writes an unknown count as -1, or as 2^64 - 1. */
    json_member_u64(text_of("{\"retransmits\":-1}"), "retransmits", &value);
    assert_int_equal(value, 5);
    json_member_u64(text_of("{\"retransmits\":18446744073709551615}"), "retransmits", &value);
    assert_int_equal(value, 5);
}

static void test_text_that_does_not_fit_is_left_out_whole(void **state)
{
    char text[16];
    struct json_out out = {text, sizeof(text), 0, false};

    (void)state;
    json_add(&out, "%s", "0123456789");
    json_add(&out, "%s", "0123456789");
    assert_true(out.full);
    assert_int_equal(out.len, 10);
    assert_string_equal(text, "0123456789");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_member_is_found_whatever_stands_before_it),
        cmocka_unit_test(test_a_member_of_a_member_is_not_ours),
        cmocka_unit_test(test_what_is_no_json_has_no_members),
        cmocka_unit_test(test_every_cut_of_a_text_is_read_within_it),
        cmocka_unit_test(test_nesting_is_bounded),
        cmocka_unit_test(test_elements_come_in_order),
        cmocka_unit_test(test_numbers_in_millionths),
        cmocka_unit_test(test_minus_one_is_no_count),
        cmocka_unit_test(test_text_that_does_not_fit_is_left_out_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
