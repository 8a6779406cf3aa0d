/* SPDX-License-Identifier: ISC */
/* test_boot_arm64.c - the page tables of 64-bit ARM, judged by a walker of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "boot/xen-arm64/tables.c"

#define KIB4 UINT64_C(0x1000)
#define MIB2 UINT64_C(0x200000)
#define GIB1 UINT64_C(0x40000000)
#define PAGES 64u

static _Alignas(4096) uint64_t top[TABLES_ENTRIES];
static _Alignas(4096) uint8_t pages[PAGES][4096];
static unsigned used, allowed;

void *memory_take_page(void)
{
    return used < allowed ? pages[used++] : NULL;
}

static int setup(void **state)
{
    (void)state;
    memset(top, 0, sizeof(top));
    memset(pages, 0, sizeof(pages));
    used = 0;
    allowed = PAGES;
    return 0;
}

/* What the CPU finds for an address, by the architecture's words: the descriptor of the page or
 * block, 0 where it faults. Checks that it leads to the address itself. */
static uint64_t walk(uint64_t addr)
{
    const uint64_t *table = top;

    for (unsigned shift = 30;; shift -= 9) {
        uint64_t entry = table[addr >> shift & 511];
        const uint64_t inside = (UINT64_C(1) << shift) - 1;

        if ((entry & 1) == 0)
            return 0;
        if (shift > 12 && (entry & 2) != 0) {
            table = (const uint64_t *)(uintptr_t)(entry & UINT64_C(0xfffffffff000));
            continue;
        }
        assert_true(shift > 12 || (entry & 2) != 0); /* in the last level a block is reserved */
        assert_int_equal(entry & UINT64_C(0xfffffffff000), addr & ~inside);
        assert_true((entry & 1 << 10) != 0); /* the access flag: else the first access faults */
        return entry;
    }
}

static enum arch_rights rights_at(uint64_t addr)
{
    uint64_t entry = walk(addr);
    bool normal = (entry >> 2 & 7) == MAIR_NORMAL, read_only = (entry >> 7 & 1) != 0;
    bool execute = (entry >> 53 & 1) == 0;

    if (entry == 0)
        return ARCH_NONE;
    assert_true((entry >> 6 & 1) == 0);  /* never for EL0 */
    assert_true((entry >> 54 & 1) != 0); /* nor executable there */
    if (normal)
        assert_int_equal(entry >> 8 & 3, 3); /* inner shareable, as Xen wants shared memory */
    else
        assert_true(!read_only && !execute);
    assert_true(!execute || read_only); /* W^X */
    if (!normal)
        return ARCH_DEVICE;
    return execute ? ARCH_RX : read_only ? ARCH_R : ARCH_RW;
}

static void test_each_right_is_what_the_cpu_takes_it_for(void **state)
{
    (void)state;
    for (int r = ARCH_NONE; r <= ARCH_DEVICE; r++) {
        assert_true(tables_map(top, GIB1 + (uint64_t)r * KIB4, KIB4, (enum arch_rights)r));
        assert_int_equal(rights_at(GIB1 + (uint64_t)r * KIB4 + 123), r);
    }
    assert_int_equal(rights_at(GIB1 - 1), ARCH_NONE);
    assert_int_equal(rights_at(GIB1 + 5 * KIB4), ARCH_NONE);
}

static void test_the_first_call_wins(void **state)
{
    (void)state;
    assert_true(tables_map(top, GIB1 + 3 * KIB4, 2 * KIB4, ARCH_R));
    assert_true(tables_map(top, GIB1 + 7 * KIB4, KIB4, ARCH_NONE));
    assert_true(tables_map(top, GIB1, 4 * MIB2, ARCH_RW));
    assert_true(tables_map(top, GIB1, 8 * MIB2, ARCH_DEVICE));
    for (uint64_t page = 0; page < 600; page++) {
        enum arch_rights want = page == 3 || page == 4 ? ARCH_R : page == 7 ? ARCH_NONE : ARCH_RW;

        assert_int_equal(rights_at(GIB1 + page * KIB4), want);
    }
    assert_int_equal(rights_at(GIB1 + 4 * MIB2 - 1), ARCH_RW);
    assert_int_equal(rights_at(GIB1 + 4 * MIB2), ARCH_DEVICE);
    assert_int_equal(rights_at(GIB1 + 8 * MIB2), ARCH_NONE);
}

/* A refused block stays so, whatever comes. */
static void test_what_is_refused_stays_refused(void **state)
{
    (void)state;
    assert_true(tables_map(top, 2 * GIB1, GIB1, ARCH_NONE));
    assert_true(tables_map(top, 2 * GIB1 + 5 * KIB4, MIB2, ARCH_RW));
    assert_int_equal(rights_at(2 * GIB1 + 6 * KIB4), ARCH_NONE);
    assert_int_equal(used, 0);
}

static void test_large_pieces_need_few_tables(void **state)
{
    (void)state;
    assert_true(tables_map(top, GIB1, 3 * GIB1, ARCH_RW));
    assert_int_equal(used, 0);
    assert_true(tables_map(top, 8 * GIB1 + KIB4, 2 * GIB1, ARCH_RW));
    assert_int_equal(used, 4); /* a level 2 and a level 3 at each end */
    assert_int_equal(rights_at(8 * GIB1), ARCH_NONE);
    assert_int_equal(rights_at(8 * GIB1 + KIB4), ARCH_RW);
    assert_int_equal(rights_at(10 * GIB1 + KIB4 - 1), ARCH_RW);
    assert_int_equal(rights_at(10 * GIB1 + KIB4), ARCH_NONE);
}

static void test_the_last_address_can_be_mapped(void **state)
{
    const uint64_t end = UINT64_C(1) << ADDRESS_BITS;

    (void)state;
    assert_true(tables_map(top, end - KIB4, KIB4, ARCH_RW));
    assert_int_equal(rights_at(end - 1), ARCH_RW);
    assert_int_equal(rights_at(end - KIB4 - 1), ARCH_NONE);
}

static void test_without_a_page_for_a_table_it_says_so(void **state)
{
    (void)state;
    allowed = 1;
    assert_false(tables_map(top, GIB1 + KIB4, KIB4, ARCH_RW));
    allowed = 2;
    assert_true(tables_map(top, GIB1 + KIB4, KIB4, ARCH_RW));
    assert_int_equal(rights_at(GIB1 + KIB4), ARCH_RW);
}

/* Any calls in any order: each page has what the first call for it said. */
static void test_a_thousand_calls_agree_with_a_list(void **state)
{
    static uint8_t want[4096]; /* pages from 2 GiB - 8 MiB on; 0: nobody spoke */
    const uint64_t base = 2 * GIB1 - 4 * MIB2;
    uint32_t seed = 12345;

    (void)state;
    memset(want, 0, sizeof(want));
    for (int call = 0; call < 1000; call++) {
        uint64_t first, count, before = used;

        seed = seed * 1664525 + 1013904223;
        first = (seed >> 8) % 4096;
        seed = seed * 1664525 + 1013904223;
        count = 1 + (seed >> 8) % (call % 7 == 0 ? 1500 : 9);
        count = count > 4096 - first ? 4096 - first : count;
        seed = seed * 1664525 + 1013904223;
        assert_true(tables_map(top, base + first * KIB4, count * KIB4,
                               (enum arch_rights)((seed >> 16) % 5)));
        for (uint64_t p = first; p < first + count; p++) {
            if (want[p] == 0)
                want[p] = (uint8_t)(1 + (seed >> 16) % 5);
        }
        assert_true(used - before <= 10);
    }
    for (uint64_t p = 0; p < 4096; p++)
        assert_int_equal(rights_at(base + p * KIB4), want[p] == 0 ? 0 : want[p] - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_each_right_is_what_the_cpu_takes_it_for, setup),
        cmocka_unit_test_setup(test_the_first_call_wins, setup),
        cmocka_unit_test_setup(test_what_is_refused_stays_refused, setup),
        cmocka_unit_test_setup(test_large_pieces_need_few_tables, setup),
        cmocka_unit_test_setup(test_the_last_address_can_be_mapped, setup),
        cmocka_unit_test_setup(test_without_a_page_for_a_table_it_says_so, setup),
        cmocka_unit_test_setup(test_a_thousand_calls_agree_with_a_list, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
