/* SPDX-License-Identifier: ISC */
/* test_banner.c - a program's name in large letters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <morgana/banner.h>

static void test_name_in_five_lines(void **state)
{
    char text[BANNER_BYTES];
    size_t len = banner_format("hi1", text, sizeof(text));

    (void)state;
    assert_string_equal(text, "#   #  ###    #\n"
                              "#   #   #    ##\n"
                              "#####   #     #\n"
                              "#   #   #     #\n"
                              "#   #  ###   ###\n");
    assert_int_equal(len, strlen(text));
}

static void test_capitals_are_the_same(void **state)
{
    char a[BANNER_BYTES], b[BANNER_BYTES];

    (void)state;
    banner_format("dhcpd", a, sizeof(a));
    banner_format("DHCPD", b, sizeof(b));
    assert_string_equal(a, b);
}

static void test_long_name_is_cut_and_any_byte_is_allowed(void **state)
{
    char text[BANNER_BYTES];
    char name[300];

    (void)state;
    memset(name, 'm', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_in_range(banner_format(name, text, sizeof(text)), 5 * 6 * (BANNER_LETTERS - 1),
                    BANNER_BYTES - 1);
    for (int c = 1; c < 256; c++) {
        name[0] = (char)c;
        name[1] = '\0';
        banner_format(name, text, sizeof(text));
    }
    assert_int_equal(banner_format("", text, sizeof(text)), 5);
}

static void test_text_stays_in_its_buffer(void **state)
{
    (void)state;
    for (size_t size = 0; size < BANNER_BYTES; size++) {
        char *text = malloc(size > 0 ? size : 1);

        assert_non_null(text);
        banner_format("morgana-dhcpd", text, size);
        if (size > 0)
            assert_true(strlen(text) < size);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_name_in_five_lines),
        cmocka_unit_test(test_capitals_are_the_same),
        cmocka_unit_test(test_long_name_is_cut_and_any_byte_is_allowed),
        cmocka_unit_test(test_text_stays_in_its_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
