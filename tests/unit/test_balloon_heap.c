/* SPDX-License-Identifier: ISC */
/* test_balloon_heap.c - the machine's part of the balloon: which pages of the heap leave, in what
 * order they come back, and that those that malloc has asked for stay. */
#include <string.h>

#include "simguest.h"
#include "support.h"

#include <cmocka.h>

#include "boot/common/xenguest/balloon.c"
#include "platform/sim/reservation.h"

#define TARGET "/local/domain/1/memory/target"
#define KEEP (KEEP_BYTES / PAGE_BYTES)

enum { FIRST = 1024, SECOND = 100, AT0 = 0x100, AT1 = 0x4000 };

/* Pages; the addresses are numbers only. */
static size_t lens[BARE_HEAPS_MAX], used_bytes[BARE_HEAPS_MAX];
static const uintptr_t at[BARE_HEAPS_MAX] = {AT0, AT1};
static uintptr_t stuck; /* this page cannot leave */

struct cs bare_heap(unsigned i)
{
    return cs_of((void *)(at[i] * PAGE_BYTES), lens[i] * PAGE_BYTES);
}

void bare_heap_resize(unsigned i, size_t len)
{
    assert_int_equal(len % PAGE_BYTES, 0);
    assert_true(len >= used_bytes[i]);
    lens[i] = len / PAGE_BYTES;
}

size_t bare_heap_used(unsigned i)
{
    return used_bytes[i];
}

/* A frame is the number of its page. */
uint64_t frames_leave(void *page)
{
    return (uintptr_t)page / PAGE_BYTES == stuck ? UINT64_MAX : (uintptr_t)page / PAGE_BYTES;
}

uint64_t frames_number(const void *page)
{
    return (uintptr_t)page / PAGE_BYTES;
}

int frames_come(void *page, uint64_t frame)
{
    assert_int_equal(frame, (uintptr_t)page / PAGE_BYTES);
    return 0;
}

static int setup(void **state)
{
    static char name[] = "test";
    static char *argv[] = {name, NULL};

    (void)state;
    simguest_boot(NULL, 1, argv); /* its target is 16 MiB */
    sim_reservation_reset(UINT32_MAX, UINT32_MAX);
    lens[0] = FIRST;
    lens[1] = SECOND;
    memset(away, 0, sizeof(away));
    memset(used_bytes, 0, sizeof(used_bytes));
    stuck = 0;
    xenguest_balloon_start(16u << 20);
    assert_true(start_get()->has_balloon);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    /* What Xen has is what the heaps lack. */
    assert_int_equal(sim_reservation_count(), FIRST + SECOND - lens[0] - lens[1]);
    for (size_t page = lens[0]; page < FIRST; page++)
        assert_true(sim_reservation_has(AT0 + page));
    for (size_t page = lens[1]; page < SECOND; page++)
        assert_true(sim_reservation_has(AT1 + page));
    simguest_shutdown();
    sim_reservation_reset(UINT32_MAX, UINT32_MAX);
    return 0;
}

static void ask(uint32_t pages_less)
{
    struct start *start = start_get();

    sim_xs_write(TARGET, "%u", (16u << 10) - 4 * pages_less);
    sim_run_until_idle();
    xs_poll(&start->xs);
    while (balloon_poll(&start->balloon, plat_now_ns()))
        ;
}

static void test_last_heap_leaves_first_and_comes_back_last(void **state)
{
    (void)state;
    ask(60);
    assert_int_equal(lens[1], SECOND - 60);
    assert_int_equal(lens[0], FIRST);
    ask(SECOND + 300);
    assert_int_equal(lens[1], 0);
    assert_int_equal(lens[0], FIRST - 300);
    ask(SECOND + 1);
    assert_int_equal(lens[0], FIRST - 1);
    ask(SECOND - 1);
    assert_int_equal(lens[0], FIRST);
    assert_int_equal(lens[1], 1);
    ask(0);
    assert_int_equal(lens[1], SECOND);
}

static void test_what_malloc_has_asked_for_stays_and_a_little_more(void **state)
{
    (void)state;
    used_bytes[0] = 200 * PAGE_BYTES + 1;
    used_bytes[1] = 10 * PAGE_BYTES;
    ask(4000);
    assert_int_equal(lens[0], 201 + KEEP);
    assert_int_equal(lens[1], 10);
    assert_int_equal(start_get()->balloon.stats.limits, 1);
}

static void test_heap_smaller_than_what_is_kept_gives_nothing(void **state)
{
    (void)state;
    lens[0] = FIRST;
    used_bytes[0] = (FIRST - 10) * PAGE_BYTES;
    used_bytes[1] = SECOND * PAGE_BYTES;
    ask(1);
    assert_int_equal(start_get()->balloon.given, 0);
}

static void test_page_that_cannot_leave_ends_it(void **state)
{
    (void)state;
    stuck = AT1 + SECOND - 5;
    ask(50);
    assert_int_equal(lens[1], SECOND - 4);
    assert_int_equal(start_get()->balloon.stats.limits, 1);
}

static void test_page_that_xen_does_not_take_is_the_heaps_again(void **state)
{
    (void)state;
    sim_reservation_reset(SECOND + 10, UINT32_MAX);
    ask(SECOND + 20);
    assert_int_equal(lens[1], 0);
    assert_int_equal(lens[0], FIRST - 10);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_last_heap_leaves_first_and_comes_back_last),
        TEST(test_what_malloc_has_asked_for_stays_and_a_little_more),
        TEST(test_heap_smaller_than_what_is_kept_gives_nothing),
        TEST(test_page_that_cannot_leave_ends_it),
        TEST(test_page_that_xen_does_not_take_is_the_heaps_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
