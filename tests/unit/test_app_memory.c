/* SPDX-License-Identifier: ISC */
/* test_app_memory.c - how many pages a program's pool gets of the memory there is. */
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>

static size_t room; /* the largest block that malloc gives */
static void *last;

static void *scarce(size_t bytes)
{
    last = bytes <= room ? malloc(bytes) : NULL;
    return last;
}

#define malloc scarce
#include "apps/common/memory.c"
#undef malloc

#define BYTES(n) ((size_t)(n) * (PAGE_BYTES + sizeof(struct page) + 2 * sizeof(struct pkt)))

static struct page_pool pages;
static struct pkt_pool pool;
static struct args args;

/* The pool's pages, or an error. */
static int start(const char *line, size_t bytes, uint32_t less)
{
    struct memory_pool_conf conf = {
        .name = "prog", .pages = 100, .min = 20, .max = 200, .less = less, .pkts_a_page = 2};
    char error[64];
    int err;

    room = bytes + PAGE_BYTES; /* to find a page's beginning */
    vplat_reset(1);
    log_init(plat_console_write, LOG_INFO);
    assert_int_equal(args_split(&args, "prog", cs_of_str(line), error, sizeof(error)), 0);
    err = memory_pool(&pages, &pool, &conf, args.argc, args.argv);
    if (err != 0)
        return err;
    assert_int_equal(pages.total, pages.free_count);
    assert_int_equal(pool.free_count, 2 * pages.total);
    assert_true((uintptr_t)pages.pages[0].base % PAGE_BYTES == 0);
    free(last);
    return (int)pages.total;
}

static void test_a_program_has_the_pages_it_wants(void **state)
{
    (void)state;
    assert_int_equal(start("", BYTES(100), 2), 100);
    assert_int_equal(start("pages=150", BYTES(150), 2), 150);
    assert_int_equal(start("pages=20", BYTES(20), 2), 20);
}

static void test_where_memory_is_short_it_has_fewer(void **state)
{
    (void)state;
    assert_int_equal(start("", BYTES(99), 2), 50);
    assert_int_equal(start("", BYTES(99), 8), 88);
    assert_int_equal(start("", BYTES(87), 8), 77);
    assert_int_equal(start("", BYTES(24), 2), 20);
    assert_int_equal(start("", BYTES(20), 8), 20); /* the least there may be */
    assert_int_equal(start("", BYTES(19), 8), -E_NOMEM);
    assert_non_null(strstr(vplat_console(), "error: prog: not enough memory for pages=20\n"));
}

static void test_pages_that_were_asked_for_are_there_or_nothing_is(void **state)
{
    (void)state;
    assert_int_equal(start("pages=100", BYTES(99), 2), -E_NOMEM);
    assert_non_null(strstr(vplat_console(), "error: prog: not enough memory for pages=100\n"));
    assert_int_equal(start("pages=19", BYTES(100), 2), -E_INVAL);
    assert_int_equal(start("pages=201", BYTES(300), 2), -E_INVAL);
}

static void test_memory_lies_as_it_is_asked_for(void **state)
{
    (void)state;
    room = SIZE_MAX;
    for (size_t align = 1; align <= PAGE_BYTES; align *= 2) {
        assert_true((uintptr_t)memory_take(10, align) % align == 0);
        free(last);
    }
    assert_null(memory_take(SIZE_MAX, 16));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_program_has_the_pages_it_wants),
        cmocka_unit_test(test_where_memory_is_short_it_has_fewer),
        cmocka_unit_test(test_pages_that_were_asked_for_are_there_or_nothing_is),
        cmocka_unit_test(test_memory_lies_as_it_is_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
