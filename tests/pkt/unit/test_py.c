/* SPDX-License-Identifier: ISC */
/* test_py.c - the little of Python that scripts assert with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../py.h"

static bool lookup(void *arg, const char *name, int64_t *value)
{
    (void)arg;
    if (strcmp(name, "tcpi_snd_cwnd") != 0)
        return false;
    *value = 10;
    return true;
}

static struct py py;

static bool run(const char *code)
{
    py = (struct py){.lookup = lookup};
    return py_run(&py, code, strlen(code));
}

static void test_true_assertions_hold(void **state)
{
    static const char *const cases[] = {
        "assert tcpi_snd_cwnd == 10",
        "assert tcpi_snd_cwnd == 10, tcpi_snd_cwnd",
        " assert tcpi_snd_cwnd == 10, 'cwnd=%d' % tcpi_snd_cwnd ",
        "assert 5 <= tcpi_snd_cwnd <= 15",
        "assert not (5 <= tcpi_snd_cwnd < 10)",
        "assert (tcpi_snd_cwnd & 2) != 0",
        "assert tcpi_snd_cwnd & 8 | 1 == 9 | 1",
        "assert 1 + 2 * 3 == 7 and (1 + 2) * 3 == 9",
        "assert 7 // 2 == 3 and -7 // 2 == -4 and 7 / 2 == 3.5 and -7 % 3 == 2",
        "assert 2 ** 10 == 1024 and 1 << 4 == 16 and 0x7fffffff == 2147483647",
        "assert 1 == 2 or 3 == 3",
        "assert not 1 == 2",
        "assert abs(-3) == 3 and min(4, 2, 3) == 2 and max(4, 2) == 4 and int(2.9) == 2",
        "assert 3 in (1, 2, 3) and 4 not in [1, 2, 3]",
        "assert 'a' == \"a\" and 'a' < 'b'",
        "cwnd = 9; cwnd += 1\nassert tcpi_snd_cwnd == cwnd, tcpi_snd_cwnd",
        "print(tcpi_snd_cwnd); print tcpi_snd_cwnd",
        "if tcpi_snd_cwnd == 11: assert False",
        "# nothing\n\nimport sys\npass",
        "assert (tcpi_snd_cwnd ==\n   10), 'a %d b %d' % (tcpi_snd_cwnd, 5)",
        "assert True and 1.5 > 1",
        "assert tcpi_snd_cwnd - 1 == 9 and tcpi_snd_cwnd == +10 and ~0 == -1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (!run(cases[i]))
            fail_msg("%s: %s", cases[i], py.error);
}

static void test_false_assertions_and_nonsense_do_not(void **state)
{
    static const struct {
        const char *code, *words;
    } cases[] = {
        {"assert tcpi_snd_cwnd == 11", "assertion failed"},
        {"assert tcpi_snd_cwnd == 11, 'cwnd=%d' % tcpi_snd_cwnd", "cwnd=%d % 10"},
        {"assert tcpi_snd_cwnd == 10 and 0", "assertion failed"},
        {"assert 1 < 2 < 2", "assertion failed"},
        {"assert ''", "assertion failed"},
        {"pass; assert 0; pass", "assertion failed"},
        {"if tcpi_snd_cwnd == 10: assert False", "assertion failed"},
        {"assert tcpi_frob == 1", "tcpi_frob"},
        {"assert", "expected a value"},
        {"assert 1 +", "expected a value"},
        {"assert (1", "expected ')'"},
        {"assert 1 1", "not understood"},
        {"assert frob(1)", "frob()"},
        {"assert 1 / 0", "division by zero"},
        {"assert 1 // 0", "division by zero"},
        {"assert 'a' == 1", "string compared"},
        {"for x in y: pass", "not"},
        {"x = ", "expected a value"},
        {"assert 'no end", "without an end"},
        {"assert (1, 2)", "a tuple"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (run(cases[i].code))
            fail_msg("%s: passed", cases[i].code);
        if (strstr(py.error, cases[i].words) == NULL)
            fail_msg("%s: %s", cases[i].code, py.error);
    }
}

static void test_names_live_from_block_to_block(void **state)
{
    (void)state;
    assert_true(run("BIG = 0x7fffffff"));
    assert_true(py_run(&py, "assert BIG == 2147483647", 24));
    assert_false(py_run(&py, "assert BIG == 1", 15));
}

static void test_deep_nesting_ends(void **state)
{
    static char code[5000] = "assert ";

    (void)state;
    memset(code + 7, '(', sizeof(code) - 8);
    assert_false(run(code));
    assert_true(py.error[0] != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_true_assertions_hold),
        cmocka_unit_test(test_false_assertions_and_nonsense_do_not),
        cmocka_unit_test(test_names_live_from_block_to_block),
        cmocka_unit_test(test_deep_nesting_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
