/* SPDX-License-Identifier: ISC */
/* test_page.c - the pool and the four states of a page; every change that is not in the picture of
 * page.h asserts. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/page.h>

#define PAGES 3u

static _Alignas(PAGE_BYTES) uint8_t memory[(PAGES + 1) * PAGE_BYTES];
static struct page pages[PAGES];
static struct page_pool pool;

static int setup(void **state)
{
    (void)state;
    memset(memory, 0xee, sizeof(memory));
    page_pool_init(&pool, pages, memory, PAGES);
    return 0;
}

static void test_pool_gives_each_page_once(void **state)
{
    struct page *got[PAGES];

    (void)state;
    for (size_t i = 0; i < PAGES; i++) {
        got[i] = page_get(&pool);
        assert_non_null(got[i]);
        assert_int_equal(got[i]->state, PAGE_HELD);
        assert_int_equal(got[i]->refs, 1);
        assert_ptr_equal(page_view(got[i]).base, got[i]->base);
        assert_int_equal(page_view(got[i]).len, PAGE_BYTES);
        assert_true(cs_is_aligned(page_view(got[i]), PAGE_BYTES));
        for (size_t j = 0; j < i; j++)
            assert_ptr_not_equal(got[i]->base, got[j]->base);
    }
    assert_int_equal(pool.free_count, 0);
    assert_int_equal(pool.free_min, 0);
    for (size_t i = 0; i < PAGES; i++)
        page_put(got[i]);
    assert_int_equal(pool.free_count, PAGES);
    assert_int_equal(pool.free_min, 0);
}

/* Rows are found between pages in use, come off the free list, and go back one by one. */
static void test_a_row_of_pages(void **state)
{
    static _Alignas(PAGE_BYTES) uint8_t row_memory[8 * PAGE_BYTES];
    struct page headers[8], *got[8], *row;

    (void)state;
    page_pool_init(&pool, headers, row_memory, 8);
    for (size_t i = 0; i < 8; i++)
        got[i] = page_get(&pool);
    for (size_t i = 0; i < 8; i++) {
        if (got[i] != &headers[2])
            page_put(got[i]); /* the last put is the first of the list */
    }
    assert_null(page_get_row(&pool, 6));
    assert_int_equal(pool.empty, 1);
    row = page_get_row(&pool, 5);
    assert_ptr_equal(row, &headers[3]);
    assert_int_equal(pool.free_count, 2);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(row[i].state, PAGE_HELD);
        assert_int_equal(row[i].refs, 1);
        assert_ptr_equal(row[i].base, row_memory + (3 + i) * PAGE_BYTES);
    }
    assert_int_equal(pool.free_min, 0);
    assert_non_null(page_get(&pool));
    assert_non_null(page_get(&pool));
    assert_null(page_get(&pool));
    for (size_t i = 0; i < 5; i++)
        page_put(&row[i]);
    assert_int_equal(pool.free_count, 5);
    assert_ptr_equal(page_get_row(&pool, 1), &headers[3]);
    assert_null(page_get_row(&pool, 5));
    assert_ptr_equal(page_get_row(&pool, 4), &headers[4]);
    assert_int_equal(pool.free_count, 0);
}

static void test_empty_pool_refuses_and_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < PAGES; i++)
        page_get(&pool);
    assert_null(page_get(&pool));
    assert_null(page_get(&pool));
    assert_int_equal(pool.empty, 2);
    page_pool_init(&pool, NULL, NULL, 0);
    assert_null(page_get(&pool));
}

/* A page may be granted to a backend before it is written: it must not carry old data (XSA-403). */
static void test_pool_memory_is_zeroed_at_start_and_nothing_beyond(void **state)
{
    (void)state;
    for (size_t i = 0; i < PAGES * PAGE_BYTES; i++)
        assert_int_equal(memory[i], 0);
    for (size_t i = PAGES * PAGE_BYTES; i < sizeof(memory); i++)
        assert_int_equal(memory[i], 0xee);
}

static void test_pool_memory_must_be_page_aligned(void **state)
{
    (void)state;
    expect_assert_failure(page_pool_init(&pool, pages, memory + 8, 1));
}

static void test_last_put_returns_the_page(void **state)
{
    struct page *p = page_get(&pool);

    (void)state;
    page_ref(p);
    page_ref(p);
    page_put(p);
    page_put(p);
    assert_int_equal(p->state, PAGE_HELD);
    assert_int_equal(pool.free_count, PAGES - 1);
    page_put(p);
    assert_int_equal(p->state, PAGE_FREE);
    assert_int_equal(pool.free_count, PAGES);
}

static void test_put_twice_asserts(void **state)
{
    struct page *p = page_get(&pool);

    (void)state;
    page_put(p);
    expect_assert_failure(page_put(p));
}

/* ---- the table of changes -------------------------------------------------------------------- */

enum change { REF, PUT, POST, UNPOST, QUARANTINE, RELEASE, CHANGES };
/* Where a page is; HELD_TWICE is HELD by two references. */
enum place { FREE, HELD, HELD_TWICE, POSTED, QUARANTINED, PLACES };

#define NO PLACES /* asserts */
static const enum place becomes[PLACES][CHANGES] = {
    /*               REF         PUT   POST    UNPOST QUARANTINE   RELEASE */
    [FREE] = {NO, NO, NO, NO, NO, NO},
    [HELD] = {HELD_TWICE, FREE, POSTED, NO, QUARANTINED, NO},
    [HELD_TWICE] = {NO, HELD, NO, NO, NO, NO}, /* REF: see below */
    [POSTED] = {NO, NO, NO, HELD, QUARANTINED, NO},
    [QUARANTINED] = {NO, NO, NO, NO, NO, FREE},
};

static void (*const changes[CHANGES])(struct page *) = {
    [REF] = page_ref,
    [PUT] = page_put,
    [POST] = page_post,
    [UNPOST] = page_unpost,
    [QUARANTINE] = page_quarantine,
    [RELEASE] = page_release,
};

static struct page *page_at(enum place place)
{
    struct page *p;

    setup(NULL);
    p = page_get(&pool);
    switch (place) {
    case FREE:
        page_put(p);
        break;
    case HELD_TWICE:
        page_ref(p);
        break;
    case POSTED:
        page_post(p);
        break;
    case QUARANTINED:
        page_quarantine(p);
        break;
    default:
        break;
    }
    return p;
}

static enum place place_of(const struct page *p)
{
    static const enum place of_state[PAGE_STATES] = {
        [PAGE_FREE] = FREE,
        [PAGE_HELD] = HELD,
        [PAGE_POSTED] = POSTED,
        [PAGE_QUARANTINED] = QUARANTINED,
    };

    if (p->state == PAGE_HELD && p->refs == 2)
        return HELD_TWICE;
    assert_int_equal(p->refs, p->state == PAGE_HELD);
    return of_state[p->state];
}

static void test_every_change_from_every_state(void **state)
{
    (void)state;
    for (unsigned from = 0; from < PLACES; from++) {
        for (unsigned c = 0; c < CHANGES; c++) {
            struct page *p = page_at((enum place)from);
            enum place to = becomes[from][c];

            if (from == HELD_TWICE && c == REF)
                continue; /* good, and HELD by three: test_last_put_returns_the_page */
            if (to == NO) {
                expect_assert_failure(changes[c](p));
                continue;
            }
            changes[c](p);
            assert_int_equal(place_of(p), to);
            assert_int_equal(pool.quarantined, to == QUARANTINED);
            assert_int_equal(pool.free_count, to == FREE ? PAGES : PAGES - 1);
        }
    }
}

/* A page that a backend still maps is never given out, however often the pool is asked
 * (XSA-396). */
static void test_quarantined_page_is_not_reused_until_released(void **state)
{
    struct page *bad = page_get(&pool), *a, *b;

    (void)state;
    page_post(bad);
    page_quarantine(bad);
    a = page_get(&pool);
    b = page_get(&pool);
    assert_non_null(a);
    assert_non_null(b);
    assert_ptr_not_equal(a, bad);
    assert_ptr_not_equal(b, bad);
    assert_null(page_get(&pool));
    assert_int_equal(pool.quarantined, 1);
    page_release(bad);
    assert_int_equal(pool.quarantined, 0);
    assert_ptr_equal(page_get(&pool), bad);
}

static void test_a_page_corrupted_in_the_free_list_asserts(void **state)
{
    (void)state;
    pool.free->state = PAGE_POSTED;
    expect_assert_failure(page_get(&pool));
}

/* Memory that must not be written to: what is there stays, and nobody gets a page of it. */
static void test_wrapped_pages_are_held_and_never_given_out(void **state)
{
    (void)state;
    memset(memory, 0xee, sizeof(memory));
    page_pool_wrap(&pool, pages, memory, PAGES);
    assert_null(page_get(&pool));
    assert_int_equal(pool.total, PAGES);
    for (size_t i = 0; i < PAGES; i++) {
        assert_ptr_equal(pages[i].base, memory + i * PAGE_BYTES);
        page_ref(&pages[i]);
        page_put(&pages[i]);
        assert_int_equal(pages[i].state, PAGE_HELD);
        assert_int_equal(pages[i].refs, 1);
    }
    assert_null(page_get(&pool));
    for (size_t i = 0; i < sizeof(memory); i++)
        assert_int_equal(memory[i], 0xee);
    expect_assert_failure(page_pool_wrap(&pool, pages, memory + 1, PAGES - 1));
}

static void test_state_names(void **state)
{
    (void)state;
    assert_string_equal(page_state_name(PAGE_FREE), "FREE");
    assert_string_equal(page_state_name(PAGE_HELD), "HELD");
    assert_string_equal(page_state_name(PAGE_POSTED), "POSTED");
    assert_string_equal(page_state_name(PAGE_QUARANTINED), "QUARANTINED");
    assert_string_equal(page_state_name(PAGE_STATES), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_pool_gives_each_page_once, setup),
        cmocka_unit_test_setup(test_empty_pool_refuses_and_counts, setup),
        cmocka_unit_test_setup(test_a_row_of_pages, setup),
        cmocka_unit_test_setup(test_pool_memory_is_zeroed_at_start_and_nothing_beyond, setup),
        cmocka_unit_test_setup(test_pool_memory_must_be_page_aligned, setup),
        cmocka_unit_test_setup(test_last_put_returns_the_page, setup),
        cmocka_unit_test_setup(test_put_twice_asserts, setup),
        cmocka_unit_test_setup(test_every_change_from_every_state, setup),
        cmocka_unit_test_setup(test_quarantined_page_is_not_reused_until_released, setup),
        cmocka_unit_test_setup(test_a_page_corrupted_in_the_free_list_asserts, setup),
        cmocka_unit_test(test_wrapped_pages_are_held_and_never_given_out),
        cmocka_unit_test(test_state_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
