/* SPDX-License-Identifier: ISC */
/* test_fmt.c - the small printf against the C library's, format by format. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/log.h>

#define SAME(...)                                                                                  \
    do {                                                                                           \
        char ours_[256], theirs_[256];                                                             \
        size_t n_ = fmt_buf(ours_, sizeof(ours_), __VA_ARGS__);                                    \
        int m_ = snprintf(theirs_, sizeof(theirs_), __VA_ARGS__);                                  \
        assert_string_equal(ours_, theirs_);                                                       \
        assert_int_equal(n_, m_);                                                                  \
    } while (0)

/* Flags that C ignores, or calls odd, are part of what is compared. */
#pragma GCC diagnostic ignored "-Wformat"

static void test_integers_print_as_in_c(void **state)
{
    static const long long values[] = {0,       1,       -1,        9,         10,
                                       255,     -128,    65535,     -32768,    99999,
                                       INT_MAX, INT_MIN, 1ll << 40, LLONG_MAX, LLONG_MIN};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        long long v = values[i];

        SAME("%d|%i|%u|%x|%X", (int)v, (int)v, (unsigned)v, (unsigned)v, (unsigned)v);
        SAME("%hhd|%hd|%hhu|%hu|%hhx", (int)v, (int)v, (unsigned)v, (unsigned)v, (unsigned)v);
        SAME("%ld|%lu|%lx", (long)v, (unsigned long)v, (unsigned long)v);
        SAME("%lld|%llu|%llX", v, (unsigned long long)v, (unsigned long long)v);
        SAME("%zd|%zu|%zx", (ssize_t)v, (size_t)v, (size_t)v);
        SAME("[%8d][%-8d][%08d][% d][% 08d]", (int)v, (int)v, (int)v, (int)v, (int)v);
        SAME("[%.5d][%8.5d][%-8.5x][%08.3d][%.0d]", (int)v, (int)v, (unsigned)v, (int)v, (int)v);
        SAME("[%*d][%-*d][%*d][%.*d]", 9, (int)v, 9, (int)v, -9, (int)v, 4, (int)v);
        SAME("[%.*d]", -1, (int)v);
        SAME("[%-08d]", (int)v);
    }
    SAME("[%.0d][%.0x][%5.0u]", 0, 0u, 0u);
}

static void test_strings_and_characters_print_as_in_c(void **state)
{
    const char unterminated[3] = {'a', 'b', 'c'};

    (void)state;
    SAME("%s", "");
    SAME("[%s][%8s][%-8s][%.2s][%8.2s][%.*s]", "hello", "hello", "hello", "hello", "hello", 3,
         "hello");
    SAME("[%.3s]", unterminated);
    SAME("[%c][%3c][%-3c]%%", 'x', 'y', 'z');
    SAME("no conversion");
    SAME("%p", (void *)(uintptr_t)0xdeadbeef);
    SAME("[%20p]", (void *)(uintptr_t)0xdeadbeef);
}

static void test_null_string_is_printed_not_followed(void **state)
{
    char out[16];
    const char *volatile nothing = NULL;

    (void)state;
    fmt_buf(out, sizeof(out), "%s", nothing);
    assert_string_equal(out, "(null)");
}

static void test_text_is_cut_and_its_length_told(void **state)
{
    char out[8];

    (void)state;
    for (size_t size = 0; size <= sizeof(out); size++) {
        memset(out, '#', sizeof(out));
        assert_int_equal(fmt_buf(out, size, "%s-%d", "abcdef", 42), 9);
        if (size > 0) {
            assert_memory_equal(out, "abcdef-42", size - 1);
            assert_int_equal(out[size - 1], '\0');
        }
        for (size_t i = size; i < sizeof(out); i++)
            assert_int_equal(out[i], '#');
    }
    assert_int_equal(fmt_buf(NULL, 0, "%s", "abc"), 3);
}

static void test_unknown_conversion_is_shown_as_it_stands(void **state)
{
    char out[32];
    const char *volatile odd = "a %k %", *volatile bare = "%", *volatile length = "%l";

    (void)state;
    fmt_buf(out, sizeof(out), odd);
    assert_string_equal(out, "a %k %");
    fmt_buf(out, sizeof(out), bare);
    assert_string_equal(out, "%");
    fmt_buf(out, sizeof(out), length);
    assert_string_equal(out, "%l");
}

static void test_random_formats_print_as_in_c(void **state)
{
    uint64_t seed = test_seed(0xf0f0);

    (void)state;
    for (int i = 0; i < 20000; i++) {
        static const char kinds[] = "diuxX";
        char format[32];
        uint64_t r = test_random(&seed), v = test_random(&seed) >> test_random_below(&seed, 64);
        int n = snprintf(format, sizeof(format), "<%%%s%s%s", r & 1 ? "-" : "", r & 2 ? "0" : "",
                         r & 4 ? " " : "");

        if (r & 8)
            n += snprintf(format + n, sizeof(format) - (size_t)n, "%d", (int)(r >> 8 & 31) + 1);
        if (r & 16)
            n += snprintf(format + n, sizeof(format) - (size_t)n, ".%d", (int)(r >> 16 & 31));
        snprintf(format + n, sizeof(format) - (size_t)n, "ll%c>", kinds[(r >> 24) % 5]);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        SAME(format, (unsigned long long)v);
#pragma GCC diagnostic pop
    }
}

static void test_addresses(void **state)
{
    const uint8_t mac[6] = {0x00, 0x16, 0x3e, 0xff, 0x0a, 0x01};

    (void)state;
    assert_string_equal(fmt_ip4(0x0a000001).text, "10.0.0.1");
    assert_string_equal(fmt_ip4(UINT32_MAX).text, "255.255.255.255");
    assert_string_equal(fmt_ip4(0).text, "0.0.0.0");
    assert_string_equal(fmt_mac(mac).text, "00:16:3e:ff:0a:01");
}

static void test_mac_parses_only_as_it_is_printed(void **state)
{
    static const char *const wrong[] = {
        "",
        "00:16:3e:ff:0a",
        "00:16:3e:ff:0a:0",
        "00:16:3e:ff:0a:01:",
        "00:16:3e:ff:0a:0g",
        "00:16:3e:ff:0a:g1",
        "00-16-3e-ff-0a-01",
        "0:016:3e:ff:0a:01",
        " 0:16:3e:ff:0a:01",
        "00:00:00:00:00:00",
        "01:16:3e:ff:0a:01",
        "ff:ff:ff:ff:ff:ff",
    };
    const uint8_t want[6] = {0x00, 0x16, 0x3e, 0xff, 0x0a, 0x01};
    uint8_t mac[6] = {0};

    (void)state;
    assert_true(fmt_parse_mac(cs_of_str("00:16:3E:ff:0a:01"), mac));
    assert_memory_equal(mac, want, sizeof(want));
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        assert_false(fmt_parse_mac(cs_of_str(wrong[i]), mac));
    assert_memory_equal(mac, want, sizeof(want));
}

static void test_numbers_parse_up_to_their_limit(void **state)
{
    static const struct {
        const char *text;
        uint64_t max;
        size_t digits;
        uint64_t value;
    } rows[] = {
        {"0", 0, 1, 0},
        {"1", 0, 0, 99},
        {"", UINT64_MAX, 0, 99},
        {"x1", UINT64_MAX, 0, 99},
        {"-1", UINT64_MAX, 0, 99},
        {"12x", 12, 2, 12},
        {"13x", 12, 0, 99},
        {"0000012", 12, 7, 12},
        {"255.0", 255, 3, 255},
        {"256.0", 255, 0, 99},
        {"18446744073709551615", UINT64_MAX, 20, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, 0, 99},
        {"99999999999999999999999", UINT64_MAX, 0, 99},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint64_t value = 99;

        assert_int_equal(fmt_parse_u64(cs_of_str(rows[i].text), rows[i].max, &value),
                         rows[i].digits);
        assert_true(value == rows[i].value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_print_as_in_c),
        cmocka_unit_test(test_strings_and_characters_print_as_in_c),
        cmocka_unit_test(test_null_string_is_printed_not_followed),
        cmocka_unit_test(test_text_is_cut_and_its_length_told),
        cmocka_unit_test(test_unknown_conversion_is_shown_as_it_stands),
        cmocka_unit_test(test_random_formats_print_as_in_c),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_mac_parses_only_as_it_is_printed),
        cmocka_unit_test(test_numbers_parse_up_to_their_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
