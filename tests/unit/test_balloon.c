/* SPDX-License-Identifier: ISC */
/* test_balloon.c - memory/target is followed, in steps, within what the program leaves free. */
#include <string.h>

#include "simguest.h"
#include "support.h"

#include <cmocka.h>

#include <morgana/balloon.h>
#include <morgana/xen.h>

#include "platform/sim/reservation.h"

#define TARGET "/local/domain/1/memory/target"

enum { TOP = 4096 }; /* pages of the machine: 16 MiB */

/* The machine: pages 0 .. here-1 are the program's, of which it uses 0 .. used-1. */
static uint32_t here, used, come_max;
static struct balloon b;

static unsigned leave(uint64_t *frames, unsigned n)
{
    unsigned i = 0;

    for (; i < n && here > used; i++)
        frames[i] = --here + 1000;
    return i;
}

static unsigned gone(uint64_t *frames, unsigned n)
{
    unsigned i = 0;

    for (; i < n && here + i < TOP; i++)
        frames[i] = here + i + 1000;
    return i;
}

static unsigned come(const uint64_t *frames, unsigned n)
{
    unsigned i = 0;

    for (; i < u32_min(n, come_max); i++, here++)
        assert_int_equal(frames[i], here + 1000);
    return i;
}

static const struct balloon_memory memory = {leave, gone, come};

static int init(uint32_t ram_kib)
{
    const struct balloon_conf conf = {
        .xs = &start_get()->xs, .memory = &memory, .ram_kib = ram_kib};

    return balloon_init(&b, &conf);
}

static int setup(void **state)
{
    static char name[] = "test";
    static char *argv[] = {name, NULL};

    (void)state;
    simguest_boot(NULL, 1, argv); /* its target is 16 MiB */
    sim_reservation_reset(UINT32_MAX, UINT32_MAX);
    here = TOP;
    used = 1000;
    come_max = UINT32_MAX;
    assert_int_equal(init(4 * TOP), 0);
    vplat_console_clear();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    /* Xen has just what the program does not. */
    assert_int_equal(sim_reservation_count(), TOP - here);
    for (uint32_t i = here; i < TOP; i++)
        assert_true(sim_reservation_has(i + 1000));
    balloon_fini(&b);
    simguest_shutdown();
    sim_reservation_reset(UINT32_MAX, UINT32_MAX);
    return 0;
}

/* How many steps said that there is more to do. */
static unsigned run(void)
{
    unsigned steps = 0;

    sim_run_until_idle();
    xs_poll(&start_get()->xs);
    while (balloon_poll(&b, plat_now_ns()))
        steps++;
    assert_false(b.busy);
    return steps;
}

static unsigned ask(const char *target)
{
    sim_xs_write(TARGET, "%s", target);
    return run();
}

static bool said(const char *text)
{
    return strstr(vplat_console(), text) != NULL;
}

static void test_target_of_the_start_gives_nothing(void **state)
{
    (void)state;
    assert_int_equal(run(), 0);
    assert_int_equal(b.given, 0);
    assert_string_equal(vplat_console(), "");
}

static void test_less_is_given_back_in_steps_and_more_taken_again(void **state)
{
    (void)state;
    assert_int_equal(ask("8192"), 2048 / BALLOON_STEP - 1);
    assert_int_equal(here, 2048);
    assert_true(said("info: balloon: asked for 8192 KiB of 16384\n"));
    assert_true(said("info: balloon: 8192 KiB given back\n"));
    ask("12288");
    assert_int_equal(here, 3072);
    ask("16384");
    assert_int_equal(here, TOP);
    assert_int_equal(b.stats.given, 2048);
    assert_int_equal(b.stats.taken, 2048);
    assert_int_equal(b.stats.refused, 0);
}

/* Pages are of 4 KiB: never more than asked for is given. */
static void test_part_of_a_page_stays(void **state)
{
    (void)state;
    ask("16383");
    assert_int_equal(here, TOP);
    ask("16379");
    assert_int_equal(here, TOP - 1);
}

static void test_more_than_the_start_is_all_there_is(void **state)
{
    (void)state;
    ask("8192");
    ask("999999");
    assert_int_equal(here, TOP);
    assert_int_equal(b.given, 0);
}

/* What the program uses stays, whatever is asked; it is said once, and the next target holds. */
static void test_never_below_what_is_used(void **state)
{
    (void)state;
    ask("0");
    assert_int_equal(here, used);
    assert_int_equal(b.stats.limits, 1);
    assert_true(said("warn: balloon: 0 KiB cannot be"));
    vplat_console_clear();
    run();
    assert_string_equal(vplat_console(), "");
    ask("8192");
    assert_int_equal(here, 2048);
    ask("1");
    assert_int_equal(here, used);
    assert_int_equal(b.stats.limits, 2);
}

static void test_no_number_is_ignored_and_counted(void **state)
{
    static const char *const words[] = {"x", "", "-1", "8192 KiB", "99999999999999999999"};

    (void)state;
    ask("8192");
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        ask(words[i]);
        assert_int_equal(here, 2048);
        assert_int_equal(b.stats.malformed, i + 1);
    }
    sim_xs_rm(TARGET);
    run();
    assert_int_equal(here, 2048);
}

/* A page that Xen does not take is the program's again; it is tried again in a second. */
static void test_xen_refuses_to_take(void **state)
{
    (void)state;
    sim_reservation_reset(BALLOON_STEP + 10, UINT32_MAX);
    ask("8192");
    assert_int_equal(b.given, BALLOON_STEP + 10);
    assert_int_equal(b.stats.refused, BALLOON_STEP - 10);
    assert_int_equal(here, TOP - b.given);
    run();
    assert_int_equal(b.stats.refused, BALLOON_STEP - 10); /* not yet */
    vplat_advance(BALLOON_RETRY_NS);
    run();
    assert_int_equal(b.given, BALLOON_STEP + 10);
    assert_int_equal(b.stats.refused, 2 * BALLOON_STEP - 10);
}

static void test_xen_refuses_to_give(void **state)
{
    (void)state;
    sim_reservation_reset(UINT32_MAX, 300);
    ask("8192");
    ask("16384");
    assert_int_equal(here, 2048 + 300);
    assert_int_equal(b.stats.taken, 300);
    assert_true(said("warn: balloon: Xen does not give"));
    ask("12288"); /* another target is another try */
    assert_int_equal(here, 2048 + 300);
}

/* memory= below maxmem= in an HVM or PVH guest: the map has more than there is. */
static void test_map_with_more_than_the_target_is_given_back_before_it_is_used(void **state)
{
    (void)state;
    balloon_fini(&b);
    sim_xs_write(TARGET, "8192");
    assert_int_equal(init(4 * TOP), 0);
    assert_true(b.busy);
    run();
    assert_int_equal(here, 2048);
    ask("16384");
    assert_int_equal(here, TOP);
}

/* An HVM guest's map lacks the hole for the BIOS. */
static void test_map_with_less_than_the_target_gives_nothing(void **state)
{
    (void)state;
    balloon_fini(&b);
    assert_int_equal(init(4 * TOP - 384), 0);
    run();
    assert_int_equal(here, TOP);
    ask("16384");
    assert_int_equal(here, TOP);
    ask("16380");
    assert_int_equal(here, TOP - 1);
}

static void test_without_a_target_there_is_no_balloon(void **state)
{
    (void)state;
    balloon_fini(&b);
    sim_xs_rm(TARGET);
    assert_int_equal(init(4 * TOP), -E_NOENT);
    sim_xs_write(TARGET, "16384");
    assert_int_equal(init(4 * TOP), 0);
}

static void test_poll_without_news_asks_nothing(void **state)
{
    uint64_t requests;

    (void)state;
    run();
    requests = start_get()->xs.stats.requests;
    for (unsigned i = 0; i < 100; i++)
        assert_false(balloon_poll(&b, plat_now_ns()));
    assert_int_equal(start_get()->xs.stats.requests, requests);
}

/* It is no malformed target, and is followed when xenstored works again. */
static void test_target_outlives_a_xenstored_that_does_not_answer(void **state)
{
    uint64_t requests;

    (void)state;
    run();
    sim_xs_write(TARGET, "8192");
    sim_run_until_idle();
    xs_poll(&start_get()->xs);
    sim_xs_stop(true);
    requests = start_get()->xs.stats.requests;
    for (unsigned i = 0; i < 100; i++)
        assert_false(balloon_poll(&b, plat_now_ns()));
    assert_int_equal(start_get()->xs.stats.requests, requests + 1);
    assert_true(balloon_has_work(&b));
    sim_xs_stop(false);
    vplat_advance(XS_RETRY_NS);
    run();
    assert_int_equal(here, 2048);
    assert_int_equal(b.stats.malformed, 0);
}

/* Xen may never grant a target: its first refusal is said, not each second's. */
static void test_refusal_of_a_target_is_said_once(void **state)
{
    (void)state;
    sim_reservation_reset(0, UINT32_MAX);
    ask("8192");
    assert_true(said("warn: balloon: Xen does not take"));
    vplat_console_clear();
    for (unsigned i = 0; i < 5; i++) {
        vplat_advance(BALLOON_RETRY_NS);
        run();
    }
    assert_int_equal(b.stats.refused, 6 * BALLOON_STEP);
    assert_string_equal(vplat_console(), "");
    ask("4096");
    assert_true(said("warn: balloon: Xen does not take"));
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_target_of_the_start_gives_nothing),
        TEST(test_less_is_given_back_in_steps_and_more_taken_again),
        TEST(test_part_of_a_page_stays),
        TEST(test_more_than_the_start_is_all_there_is),
        TEST(test_never_below_what_is_used),
        TEST(test_no_number_is_ignored_and_counted),
        TEST(test_xen_refuses_to_take),
        TEST(test_xen_refuses_to_give),
        TEST(test_map_with_more_than_the_target_is_given_back_before_it_is_used),
        TEST(test_map_with_less_than_the_target_gives_nothing),
        TEST(test_without_a_target_there_is_no_balloon),
        TEST(test_poll_without_news_asks_nothing),
        TEST(test_target_outlives_a_xenstored_that_does_not_answer),
        TEST(test_refusal_of_a_target_is_said_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
