/* SPDX-License-Identifier: ISC */
/* test_base.c - base.h, err.h and log.h. */
#include <errno.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/err.h>
#include <morgana/log.h>

static void test_assert_reaches_the_target(void **state)
{
    (void)state;
    ASSERT(1 + 1 == 2);
    expect_assert_failure(ASSERT(1 + 1 == 3));
}

static void test_error_numbers_are_errnos(void **state)
{
    (void)state;
    assert_int_equal(E_PERM, EPERM);
    assert_int_equal(E_NOENT, ENOENT);
    assert_int_equal(E_IO, EIO);
    assert_int_equal(E_2BIG, E2BIG);
    assert_int_equal(E_AGAIN, EAGAIN);
    assert_int_equal(E_NOMEM, ENOMEM);
    assert_int_equal(E_ACCES, EACCES);
    assert_int_equal(E_BUSY, EBUSY);
    assert_int_equal(E_EXIST, EEXIST);
    assert_int_equal(E_NODEV, ENODEV);
    assert_int_equal(E_INVAL, EINVAL);
    assert_int_equal(E_NOSPC, ENOSPC);
    assert_int_equal(E_NOSYS, ENOSYS);
    assert_int_equal(E_PROTO, EPROTO);
    assert_int_equal(E_MSGSIZE, EMSGSIZE);
    assert_int_equal(E_ADDRINUSE, EADDRINUSE);
    assert_int_equal(E_ADDRNOTAVAIL, EADDRNOTAVAIL);
    assert_int_equal(E_NETDOWN, ENETDOWN);
    assert_int_equal(E_TIMEDOUT, ETIMEDOUT);
    assert_int_equal(E_CONNREFUSED, ECONNREFUSED);
    assert_int_equal(E_HOSTUNREACH, EHOSTUNREACH);
}

static void test_error_names(void **state)
{
    (void)state;
    assert_string_equal(err_name(-E_AGAIN), "EAGAIN");
    assert_string_equal(err_name(E_AGAIN), "EAGAIN");
    assert_string_equal(err_name(-E_HOSTUNREACH), "EHOSTUNREACH");
    assert_string_equal(err_name(0), "0");
    assert_string_equal(err_name(4711), "E?");
    assert_string_equal(err_name(INT32_MIN), "E?");
}

static void test_small_helpers(void **state)
{
    struct outer {
        int a, b;
    } o = {1, 2};

    (void)state;
    assert_int_equal(ARRAY_SIZE("abc"), 4);
    assert_ptr_equal(CONTAINER_OF(&o.b, struct outer, b), &o);
    assert_int_equal(size_min(3, 4), 3);
    assert_int_equal(u32_min(5, 4), 4);
    assert_int_equal(u64_min(NS_NEVER, NS_PER_S), 1000000000);
    WRITE_ONCE(o.a, 9);
    assert_int_equal(READ_ONCE(o.a), 9);
}

/* ---- log ------------------------------------------------------------------------------------- */

static int log_setup(void **state)
{
    (void)state;
    vplat_reset(1);
    log_init(plat_console_write, LOG_INFO);
    return 0;
}

static void test_log_line_has_its_level_and_a_newline(void **state)
{
    (void)state;
    LOG_WARN("disk %u of %s", 3u, "five");
    LOG_ERROR("gone");
    assert_string_equal(vplat_console(), "warn: disk 3 of five\nerror: gone\n");
}

static void test_log_below_the_level_is_dropped(void **state)
{
    (void)state;
    LOG_DEBUG("not this");
    LOG_INFO("this");
    log_set_level(LOG_DEBUG);
    LOG_DEBUG("and this");
    log_set_level(LOG_QUIET);
    LOG_ERROR("nor this");
    assert_string_equal(vplat_console(), "info: this\ndebug: and this\n");
}

static void test_log_before_init_is_dropped(void **state)
{
    (void)state;
    log_init(NULL, LOG_DEBUG);
    LOG_ERROR("nobody listens");
    assert_string_equal(vplat_console(), "");
}

static void test_log_long_line_is_cut_with_dots(void **state)
{
    char longer[400];
    const char *line = vplat_console();

    (void)state;
    memset(longer, 'x', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    LOG_INFO("%s", longer);
    assert_int_equal(strlen(line), 256);
    assert_string_equal(line + 252, "...\n");
    vplat_console_clear();
    longer[255 - strlen("info: ")] = '\0'; /* exactly fits */
    LOG_INFO("%s", longer);
    assert_int_equal(strlen(line), 256);
    assert_string_equal(line + 252, "xxx\n");
}

/* A host name that a peer sent must neither forge a line nor steer a terminal. */
static void test_log_control_characters_are_disarmed(void **state)
{
    (void)state;
    LOG_INFO("host '%s'", "a\nerror: forged\x1b[2J\x7f");
    assert_string_equal(vplat_console(), "info: host 'a?error: forged?[2J?'\n");
}

static void test_log_level_names(void **state)
{
    (void)state;
    assert_int_equal(log_level_of_name("quiet"), LOG_QUIET);
    assert_int_equal(log_level_of_name("error"), LOG_ERROR);
    assert_int_equal(log_level_of_name("warn"), LOG_WARN);
    assert_int_equal(log_level_of_name("info"), LOG_INFO);
    assert_int_equal(log_level_of_name("debug"), LOG_DEBUG);
    assert_int_equal(log_level_of_name("Debug"), -E_INVAL);
    assert_int_equal(log_level_of_name(""), -E_INVAL);
}

/* ---- the virtual platform itself ------------------------------------------------------------- */

static void test_virtual_time_moves_only_when_told(void **state)
{
    uint64_t start;

    (void)state;
    vplat_reset(7);
    start = plat_now_ns();
    assert_int_equal(plat_now_ns(), start);
    vplat_advance(5);
    assert_int_equal(plat_now_ns(), start + 5);
    plat_wait(start + 100);
    assert_int_equal(plat_now_ns(), start + 100);
    plat_wait(start); /* a deadline that has passed */
    assert_int_equal(plat_now_ns(), start + 100);
    plat_wait(NS_NEVER);
    assert_int_equal(plat_now_ns(), start + 100 + VPLAT_WAIT_NS_MAX);
}

static void test_entropy_repeats_by_seed(void **state)
{
    uint8_t a[16], b[16];

    (void)state;
    vplat_reset(7);
    assert_int_equal(plat_entropy(cs_of(a, sizeof(a))), 0);
    vplat_reset(7);
    assert_int_equal(plat_entropy(cs_of(b, sizeof(b))), 0);
    assert_memory_equal(a, b, sizeof(a));
    vplat_has_entropy = false;
    assert_int_equal(plat_entropy(cs_of(a, sizeof(a))), -E_NOSYS);
    assert_memory_equal(a, b, sizeof(a));
}

static void test_exit_comes_back_to_the_test(void **state)
{
    (void)state;
    vplat_reset(1);
    vplat_exit_armed = true;
    if (setjmp(vplat_exit_jmp) == 0)
        plat_exit(3);
    assert_int_equal(vplat_exit_status, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_assert_reaches_the_target),
        cmocka_unit_test(test_error_numbers_are_errnos),
        cmocka_unit_test(test_error_names),
        cmocka_unit_test(test_small_helpers),
        cmocka_unit_test_setup(test_log_line_has_its_level_and_a_newline, log_setup),
        cmocka_unit_test_setup(test_log_below_the_level_is_dropped, log_setup),
        cmocka_unit_test_setup(test_log_before_init_is_dropped, log_setup),
        cmocka_unit_test_setup(test_log_long_line_is_cut_with_dots, log_setup),
        cmocka_unit_test_setup(test_log_control_characters_are_disarmed, log_setup),
        cmocka_unit_test(test_log_level_names),
        cmocka_unit_test(test_virtual_time_moves_only_when_told),
        cmocka_unit_test(test_entropy_repeats_by_seed),
        cmocka_unit_test(test_exit_comes_back_to_the_test),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
