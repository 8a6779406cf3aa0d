/* SPDX-License-Identifier: ISC */
/* test_armv7_tables.c - the page tables of 32-bit ARM, judged by a walker that is written from the
 * manual's pictures (ARM DDI 0406, figures B3-4 and B3-5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "boot/armv7/tables.c"
#include "support.h"

#define L2_PHYS 0x80000000u
#define L2_COUNT 32

static uint32_t l1[4096];
static uint32_t l2[L2_COUNT][256];
static struct armv7_tables tables;

static int setup(void **state)
{
    (void)state;
    memset(l1, 0, sizeof(l1));
    memset(l2, 0xff, sizeof(l2)); /* what was in memory before: not zero */
    tables = (struct armv7_tables){
        .l1 = l1, .l2 = l2, .l2_phys = L2_PHYS, .l2_count = L2_COUNT, .shareable = true};
    return 0;
}

/* What the CPU would do with an address. */
struct walk {
    bool valid, write, execute, device, shareable;
    uint32_t phys;
};

static struct walk walk(uint32_t virt)
{
    uint32_t d = l1[virt >> 20], ap, tex_cb;
    struct walk w = {0};

    if ((d & 3) == 1) {
        assert_int_equal(d & 0x3fc, 0); /* domain 0, no bit that must be zero */
        assert_in_range((d & ~0x3ffu) - L2_PHYS, 0, L2_COUNT * 1024 - 1);
        d = l2[((d & ~0x3ffu) - L2_PHYS) / 1024][virt >> 12 & 0xff];
        if ((d & 2) == 0)
            return w;
        ap = (d >> 4 & 3) | (d >> 7 & 4);
        tex_cb = (d >> 4 & 0x1c) | (d >> 2 & 3);
        w.execute = (d & 1) == 0;
        w.shareable = (d >> 10 & 1) != 0;
        w.phys = (d & 0xfffff000) | (virt & 0xfff);
    } else if ((d & 3) == 2) {
        assert_int_equal(d & 0x401e0, 0); /* no supersection, domain 0 */
        ap = (d >> 10 & 3) | (d >> 13 & 4);
        tex_cb = (d >> 10 & 0x1c) | (d >> 2 & 3);
        w.execute = (d & 0x10) == 0;
        w.shareable = (d >> 16 & 1) != 0;
        w.phys = (d & 0xfff00000) | (virt & 0xfffff);
    } else {
        assert_int_equal(d & 3, 0);
        return w;
    }
    assert_true(ap == 1 || ap == 5); /* never for user mode */
    w.write = ap == 1;
    /* TEX, C, B: 00001 device, 00111 write-back write-allocate */
    assert_true(tex_cb == 1 || tex_cb == 7);
    w.device = tex_cb == 1;
    w.valid = true;
    return w;
}

static void expect(uint32_t virt, uint32_t phys, enum armv7_rights rights)
{
    struct walk w = walk(virt);

    assert_int_equal(w.valid, rights != ARMV7_NONE);
    if (!w.valid)
        return;
    assert_int_equal(w.phys, phys);
    assert_int_equal(w.execute, rights == ARMV7_RX);
    assert_int_equal(w.write, rights == ARMV7_RW || rights == ARMV7_DEVICE);
    assert_int_equal(w.device, rights == ARMV7_DEVICE);
    assert_int_equal(w.shareable, rights != ARMV7_DEVICE);
}

static int map_one(uint32_t virt, uint32_t phys, uint32_t bytes, enum armv7_rights rights)
{
    return armv7_tables_map(&tables, &(struct armv7_region){virt, phys, bytes, rights});
}

static int fill_one(uint32_t virt, uint32_t phys, uint32_t bytes, enum armv7_rights rights)
{
    return armv7_tables_fill(&tables, &(struct armv7_region){virt, phys, bytes, rights});
}

static void test_nothing_is_mapped_that_nobody_mapped(void **state)
{
    (void)state;
    assert_int_equal(map_one(0x40100000, 0x40100000, 0x1000, ARMV7_RW), 0);
    expect(0x400ff000, 0, ARMV7_NONE);
    expect(0x40100000, 0x40100000, ARMV7_RW);
    expect(0x40101000, 0, ARMV7_NONE);
    expect(0, 0, ARMV7_NONE);
    expect(0xffffffff, 0, ARMV7_NONE);
}

static void test_every_right_is_what_it_says_as_a_section_and_as_a_page(void **state)
{
    (void)state;
    for (enum armv7_rights r = ARMV7_RX; r < ARMV7_RIGHTS; r++) {
        uint32_t at = (uint32_t)r << 24;

        assert_int_equal(map_one(at, at + 0x40000000, ARMV7_MIB + PAGE_BYTES, r), 0);
        expect(at + 0x12345, at + 0x40012345, r);
        expect(at + ARMV7_MIB + 0xfff, at + 0x40100fff, r);
        expect(at + ARMV7_MIB + 0x1000, 0, ARMV7_NONE);
    }
}

static void test_normal_memory_of_a_lone_cpu_is_not_shareable(void **state)
{
    (void)state;
    tables.shareable = false;
    assert_int_equal(map_one(0, 0, 2 * ARMV7_MIB + PAGE_BYTES, ARMV7_RW), 0);
    assert_false(walk(0).shareable);
    assert_false(walk(2 * ARMV7_MIB).shareable);
}

static void test_a_later_region_wins_and_leaves_its_neighbours(void **state)
{
    (void)state;
    assert_int_equal(map_one(0x40000000, 0x40000000, 0x10000000, ARMV7_RW), 0);
    assert_int_equal(map_one(0x40008000, 0x40008000, 0x5000, ARMV7_RX), 0);
    assert_int_equal(map_one(0x4000d000, 0x4000d000, 0x2000, ARMV7_R), 0);
    assert_int_equal(map_one(0x4000a000, 0x4000a000, 0x1000, ARMV7_NONE), 0);
    expect(0x40007fff, 0x40007fff, ARMV7_RW);
    expect(0x40008000, 0x40008000, ARMV7_RX);
    expect(0x4000a000, 0, ARMV7_NONE);
    expect(0x4000cfff, 0x4000cfff, ARMV7_RX);
    expect(0x4000d000, 0x4000d000, ARMV7_R);
    expect(0x4000f000, 0x4000f000, ARMV7_RW);
    expect(0x40100000, 0x40100000, ARMV7_RW);
    expect(0x4fffffff, 0x4fffffff, ARMV7_RW);
    assert_int_equal(tables.l2_used, 1);
}

static void test_filling_never_changes_what_was_said_before(void **state)
{
    (void)state;
    assert_int_equal(map_one(0x40008000, 0x40008000, 0x3000, ARMV7_RX), 0);
    assert_int_equal(map_one(0x4000c000, 0x4000c000, 0x1000, ARMV7_NONE), 0);
    assert_int_equal(map_one(0x40200000, 0x40200000, ARMV7_MIB, ARMV7_R), 0);
    assert_int_equal(map_one(0x40300000, 0x40300000, ARMV7_MIB, ARMV7_NONE), 0);
    assert_int_equal(fill_one(0x40000000, 0x40000000, 0x00501000, ARMV7_RW), 0);
    expect(0x40000000, 0x40000000, ARMV7_RW);
    expect(0x40008000, 0x40008000, ARMV7_RX);
    expect(0x4000b000, 0x4000b000, ARMV7_RW);
    expect(0x4000c000, 0, ARMV7_NONE);
    expect(0x4000d000, 0x4000d000, ARMV7_RW);
    expect(0x40100000, 0x40100000, ARMV7_RW);
    expect(0x40200000, 0x40200000, ARMV7_R);
    expect(0x40300000, 0, ARMV7_NONE);
    expect(0x40400000, 0x40400000, ARMV7_RW);
    expect(0x40500fff, 0x40500fff, ARMV7_RW);
    expect(0x40501000, 0, ARMV7_NONE);
}

static void test_an_offset_that_is_no_whole_mib_makes_pages(void **state)
{
    (void)state;
    assert_int_equal(map_one(0x00100000, 0x40001000, ARMV7_MIB, ARMV7_RW), 0);
    expect(0x00100000, 0x40001000, ARMV7_RW);
    expect(0x001fffff, 0x40100fff, ARMV7_RW);
    assert_int_equal(tables.l2_used, 1);
}

static void test_the_last_page_of_the_address_space(void **state)
{
    (void)state;
    assert_int_equal(map_one(0xfff00000, 0xfff00000, ARMV7_MIB, ARMV7_RW), 0);
    assert_int_equal(map_one(0xfffff000, 0x00000000, 0x1000, ARMV7_DEVICE), 0);
    expect(0xffffefff, 0xffffefff, ARMV7_RW);
    expect(0xffffffff, 0x00000fff, ARMV7_DEVICE);
}

static void test_regions_that_are_none_are_refused(void **state)
{
    static const struct armv7_region bad[] = {
        {0x1001, 0x1000, 0x1000, ARMV7_RW},     {0x1000, 0x1800, 0x1000, ARMV7_RW},
        {0x1000, 0x1000, 0x0fff, ARMV7_RW},     {0x1000, 0x1000, 0, ARMV7_RW},
        {0xfffff000, 0x1000, 0x2000, ARMV7_RW}, {0x1000, 0xfffff000, 0x2000, ARMV7_RW},
        {0x1000, 0x1000, 0x1000, ARMV7_RIGHTS},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(armv7_tables_map(&tables, &bad[i]), -E_INVAL);
        assert_int_equal(armv7_tables_fill(&tables, &bad[i]), -E_INVAL);
    }
    for (size_t i = 0; i < ARRAY_SIZE(l1); i++)
        assert_int_equal(l1[i], 0);
}

static void test_no_table_left_is_an_error(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < L2_COUNT; i++)
        assert_int_equal(map_one(i << 20, 0x1000, 0x1000, ARMV7_RW), 0);
    assert_int_equal(map_one(L2_COUNT << 20, 0x1000, 0x1000, ARMV7_RW), -E_NOMEM);
    assert_int_equal(map_one((L2_COUNT << 20) - 0x1000, 0x1000, 0x1000, ARMV7_RW), 0);
    assert_int_equal(map_one(L2_COUNT << 20, 0, ARMV7_MIB, ARMV7_RW), 0); /* a section needs none */
}

static uint32_t written_bytes;

static void count_written(const void *start, size_t bytes)
{
    (void)start;
    written_bytes += (uint32_t)bytes;
}

static void test_every_entry_that_changes_is_told(void **state)
{
    (void)state;
    written_bytes = 0;
    tables.written = count_written;
    assert_int_equal(map_one(0, 0, 2 * ARMV7_MIB, ARMV7_RW), 0);
    assert_int_equal(written_bytes, 2 * 4);
    assert_int_equal(map_one(0x1000, 0x1000, 0x2000, ARMV7_R), 0); /* and a table, and its entry */
    assert_int_equal(written_bytes, 2 * 4 + 1024 + 4 + 2 * 4);
}

/* Random regions over each other in 16 MiB, against a plain array of what each page must be. */
static void test_any_mix_of_maps_and_fills_is_what_an_array_says(void **state)
{
    enum { PAGES = 4096 };
    static struct {
        uint32_t phys;
        enum armv7_rights rights;
        bool said;
    } model[PAGES];
    uint64_t rng = test_seed(20261122);

    (void)state;
    memset(model, 0, sizeof(model));
    for (int n = 0; n < 300; n++) {
        bool coarse = test_random_below(&rng, 2) == 0, fill = test_random_below(&rng, 2) == 0;
        uint32_t unit = coarse ? 256 : 1, first = test_random_below(&rng, PAGES / unit) * unit;
        uint32_t pages = (1 + test_random_below(&rng, coarse ? 4 : 40)) * unit;
        uint32_t phys =
            0x40000000 +
            (test_random_below(&rng, 2) == 0 ? first : test_random_below(&rng, 9999)) * 4096;
        enum armv7_rights rights = test_random_below(&rng, ARMV7_RIGHTS);

        pages = u32_min(pages, PAGES - first);
        assert_int_equal(fill ? fill_one(first * 4096, phys, pages * 4096, rights)
                              : map_one(first * 4096, phys, pages * 4096, rights),
                         0);
        for (uint32_t i = 0; i < pages; i++) {
            if (fill && model[first + i].said)
                continue;
            model[first + i].phys = phys + i * 4096;
            model[first + i].rights = rights;
            model[first + i].said = true;
        }
    }
    for (uint32_t i = 0; i < PAGES; i++)
        expect(i * 4096, model[i].phys, model[i].rights);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_nothing_is_mapped_that_nobody_mapped, setup),
        cmocka_unit_test_setup(test_every_right_is_what_it_says_as_a_section_and_as_a_page, setup),
        cmocka_unit_test_setup(test_normal_memory_of_a_lone_cpu_is_not_shareable, setup),
        cmocka_unit_test_setup(test_a_later_region_wins_and_leaves_its_neighbours, setup),
        cmocka_unit_test_setup(test_filling_never_changes_what_was_said_before, setup),
        cmocka_unit_test_setup(test_an_offset_that_is_no_whole_mib_makes_pages, setup),
        cmocka_unit_test_setup(test_the_last_page_of_the_address_space, setup),
        cmocka_unit_test_setup(test_regions_that_are_none_are_refused, setup),
        cmocka_unit_test_setup(test_no_table_left_is_an_error, setup),
        cmocka_unit_test_setup(test_every_entry_that_changes_is_told, setup),
        cmocka_unit_test_setup(test_any_mix_of_maps_and_fills_is_what_an_array_says, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
