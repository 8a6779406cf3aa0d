/* SPDX-License-Identifier: ISC */
/* test_start.c - the start of a Xen guest: words of the command line that xenstore has, and which
 * console is written. */
#include <string.h>

#include "simguest.h"
#include "support.h"

#include <cmocka.h>

#include <morgana/args.h>
#include <morgana/log.h>

#define PATH "/local/domain/1/vm-data/cmdline"

static char name[] = "test";

/* The machine, with what the operator has put into xenstore; then the start. */
static int boot(int argc, char **argv, const char *words)
{
    simguest_init(NULL);
    if (words != NULL)
        sim_xs_write_bytes(PATH, cs_of_str(words));
    simguest_ev = &start_get()->ev;
    return start_xen(argc, argv);
}

static bool said(const char *text)
{
    return strstr(vplat_console(), text) != NULL;
}

static int fini(void **state)
{
    (void)state;
    simguest_shutdown();
    return 0;
}

static const char *get(const char *key)
{
    return args_get(start_get()->argc, start_get()->argv, key);
}

/* ---- words from xenstore --------------------------------------------------------------------- */

static void test_words_of_xenstore_stand_behind_the_others(void **state)
{
    char first[] = "ip=10.0.0.1/24", second[] = "port=7";
    char *argv[] = {name, first, second, NULL};

    (void)state;
    assert_int_equal(boot(3, argv, "ip=10.0.0.2/24  'text=a b' quiet"), 0);
    assert_int_equal(start_get()->argc, 6);
    assert_string_equal(start_get()->argv[0], "test");
    assert_string_equal(start_get()->argv[1], "ip=10.0.0.1/24");
    assert_string_equal(get("ip"), "10.0.0.2/24"); /* the later one holds */
    assert_string_equal(get("port"), "7");
    assert_string_equal(get("text"), "a b");
    assert_null(start_get()->argv[6]);
    assert_true(said("info: vm-data/cmdline: ip=10.0.0.2/24\n"));
}

static void test_without_words_in_xenstore_nothing_changes(void **state)
{
    char *argv[] = {name, NULL};

    (void)state;
    assert_int_equal(boot(1, argv, NULL), 0);
    assert_int_equal(start_get()->argc, 1);
    assert_ptr_equal(start_get()->argv, argv);
    assert_false(said("vm-data"));
    fini(NULL);
    assert_int_equal(boot(1, argv, " \t "), 0);
    assert_int_equal(start_get()->argc, 1);
}

static void test_log_level_may_come_from_xenstore(void **state)
{
    char *argv[] = {name, NULL};

    (void)state;
    assert_int_equal(boot(1, argv, "log=debug text=a"), 0);
    assert_true(log_shows(LOG_DEBUG));
    assert_true(said("info: vm-data/cmdline: text=a\n"));
    fini(NULL);
    vplat_reset(1);
    assert_int_equal(boot(1, argv, "log=warn text=a"), 0);
    assert_false(said("text=a"));
    fini(NULL);
    assert_int_equal(boot(1, argv, "log=loud"), -E_INVAL);
    assert_true(said("log=loud: expected"));
}

static void test_wrong_words_in_xenstore_are_refused_as_on_the_command_line(void **state)
{
    char *argv[] = {name, NULL};

    (void)state;
    assert_int_equal(boot(1, argv, "a 'b"), -E_INVAL);
    assert_true(said("error: vm-data/cmdline: command line: the quote at byte 2 is not closed\n"));
}

/* 4096 bytes is what xenstore's values have. */
static void test_longest_words_of_xenstore_fit(void **state)
{
    static char words[ARGS_BYTES_MAX + 1];
    char *argv[] = {name, NULL};

    (void)state;
    memset(words, 'x', sizeof(words) - 1);
    assert_int_equal(boot(1, argv, words), 0);
    assert_int_equal(start_get()->argc, 2);
    assert_int_equal(strlen(start_get()->argv[1]), ARGS_BYTES_MAX);
}

static void test_most_words_of_both_fit(void **state)
{
    static char words[2 * ARGS_WORDS_MAX], word[] = "w";
    char *argv[ARGS_WORDS_MAX + 1] = {name};

    (void)state;
    for (unsigned i = 1; i < ARGS_WORDS_MAX; i++) {
        argv[i] = word;
        strcat(words, "a ");
    }
    assert_int_equal(boot(ARGS_WORDS_MAX, argv, words), 0);
    assert_int_equal(start_get()->argc, 2 * ARGS_WORDS_MAX - 1);
    assert_string_equal(start_get()->argv[start_get()->argc - 1], "a");
}

/* A Linux process has as many words as its shell gave it. */
static void test_too_many_words_before_those_of_xenstore_are_refused(void **state)
{
    static char word[] = "w";
    char *argv[ARGS_WORDS_MAX + 2] = {name};

    (void)state;
    for (unsigned i = 1; i <= ARGS_WORDS_MAX; i++)
        argv[i] = word;
    assert_int_equal(boot(ARGS_WORDS_MAX + 1, argv, "a"), -E_INVAL);
    assert_true(said("too many words"));
}

/* ---- console= -------------------------------------------------------------------------------- */

static void with_console(const char *value)
{
    static char word[64];
    char *argv[] = {name, word, NULL};

    vplat_reset(1);
    strcpy(word, "console=");
    strcat(word, value);
    assert_int_equal(boot(2, argv, NULL), 0);
}

static void test_console_is_the_ring_by_every_name(void **state)
{
    static const char *const names[] = {"ring", "hvc0", "xen"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        with_console(names[i]);
        assert_true(start_get()->has_cons);
        assert_false(said("console="));
        if (i + 1 < ARRAY_SIZE(names))
            fini(NULL);
    }
}

static void test_console_emergency_leaves_the_ring_alone(void **state)
{
    (void)state;
    with_console("emergency");
    assert_false(start_get()->has_cons);
}

/* A menu made for Linux says console=ttyS0: one line, and the ring. */
static void test_unknown_console_is_one_line_and_the_ring(void **state)
{
    const char *first;

    (void)state;
    with_console("ttyS0");
    assert_true(start_get()->has_cons);
    first = strstr(vplat_console(), "console=");
    assert_non_null(first);
    assert_true(said("warn: console=ttyS0: there is ring, hvc0, xen, emergency; ring is used\n"));
    assert_null(strstr(first + 1, "console="));
}

#define TEST(name) cmocka_unit_test_teardown(name, fini)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_words_of_xenstore_stand_behind_the_others),
        TEST(test_without_words_in_xenstore_nothing_changes),
        TEST(test_log_level_may_come_from_xenstore),
        TEST(test_wrong_words_in_xenstore_are_refused_as_on_the_command_line),
        TEST(test_longest_words_of_xenstore_fit),
        TEST(test_most_words_of_both_fit),
        TEST(test_too_many_words_before_those_of_xenstore_are_refused),
        TEST(test_console_is_the_ring_by_every_name),
        TEST(test_console_emergency_leaves_the_ring_alone),
        TEST(test_unknown_console_is_one_line_and_the_ring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
