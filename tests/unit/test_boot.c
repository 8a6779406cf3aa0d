/* SPDX-License-Identifier: ISC */
/* test_boot.c - the parts of the guest image that are pure: the start information, and the
 * clock's arithmetic. */
#include "boot/xen-x86_64/clock.h"
#include "boot/xen-x86_64/boot_info.c"
#include "boot/xen-x86_64/pvh_info.c"

#include "boottest.h"

#define KIB UINT64_C(1024)
#define GIB (MIB * KIB)

/* What xl makes: the structure at 0x1000, memory map at 0x2000, list of modules at 0x3000,
 * command line at 0x4000, module at 0x5000. */
static struct hvm_start_info good(void)
{
    const struct hvm_start_info si = {
        .magic = XEN_HVM_START_MAGIC_VALUE,
        .version = 1,
        .nr_modules = 1,
        .modlist_paddr = 0x3000,
        .cmdline_paddr = 0x4000,
        .memmap_paddr = 0x2000,
        .memmap_entries = 2,
    };
    const struct hvm_modlist_entry module = {.paddr = 0x5000, .size = 3};
    const struct hvm_memmap_table_entry map[] = {
        {.addr = 0, .size = 8 * MIB, .type = XEN_HVM_MEMMAP_TYPE_RAM},
        {.addr = 0xfc000000, .size = MIB, .type = XEN_HVM_MEMMAP_TYPE_RESERVED},
    };

    memcpy(memory + 0x2000, map, sizeof(map));
    memcpy(memory + 0x3000, &module, sizeof(module));
    strcpy((char *)memory + 0x4000, "ip=10.0.0.2/24 x");
    memcpy(memory + 0x5000, "abc", 3);
    return si;
}

static int parse_at(const struct hvm_start_info *si, uint64_t at)
{
    size_t n = size_min(sizeof(*si), MEMORY_BYTES - at);

    memcpy(memory + at, si, n);
    return pvh_parse(cs_ro_of(memory, MEMORY_BYTES), at, &info, &why);
}

static int parse(const struct hvm_start_info *si)
{
    return parse_at(si, 0x1000);
}

static void test_good_start_info(void **state)
{
    struct hvm_start_info si = good();

    (void)state;
    assert_int_equal(parse(&si), 0);
    assert_int_equal(info.ram_count, 1);
    assert_true(info.ram[0].start == 0 && info.ram[0].end == 8 * MIB && info.ram_bytes == 8 * MIB);
    assert_int_equal(info.cmdline.len, 16);
    assert_memory_equal(info.cmdline.base, "ip=10.0.0.2/24 x", 16);
    assert_int_equal(info.module.len, 3);
    assert_memory_equal(info.module.base, "abc", 3);
}

static void test_no_command_line_and_no_module(void **state)
{
    struct hvm_start_info si = good();

    (void)state;
    si.nr_modules = 0;
    si.modlist_paddr = UINT64_MAX; /* not looked at */
    si.cmdline_paddr = 0;
    assert_int_equal(parse(&si), 0);
    assert_int_equal(info.cmdline.len, 0);
    assert_int_equal(info.module.len, 0);
}

/* Version 0 ends before the memory map: what stands behind it is not read. */
static void test_version_0_has_no_memory_map(void **state)
{
    struct hvm_start_info si = good();

    (void)state;
    si.version = 0;
    si.memmap_paddr = UINT64_MAX;
    si.memmap_entries = UINT32_MAX;
    assert_int_equal(parse_at(&si, MEMORY_BYTES - 40), 0);
    assert_int_equal(info.map_count, 0);
    assert_int_equal(info.ram_count, 0);
}

static void refused(const struct hvm_start_info *si, const char *because)
{
    why = NULL;
    assert_int_equal(parse(si), -E_INVAL);
    assert_non_null(why);
    assert_non_null(strstr(why, because));
}

static void test_wrong_magic_short_and_outside(void **state)
{
    struct hvm_start_info si = good();

    (void)state;
    assert_int_equal(parse_at(&si, MEMORY_BYTES - 55), -E_INVAL);
    assert_non_null(strstr(why, "ends too early"));
    assert_int_equal(parse_at(&si, MEMORY_BYTES - 39), -E_INVAL);
    assert_non_null(strstr(why, "outside memory"));
    assert_int_equal(pvh_parse(cs_ro_of(memory, MEMORY_BYTES), UINT64_MAX - 8, &info, &why),
                     -E_INVAL);
    assert_int_equal(pvh_parse(CS_RO_EMPTY, 0, &info, &why), -E_INVAL);
    si.magic++;
    refused(&si, "magic");
}

static void test_lies_are_refused_by_name(void **state)
{
    const uint64_t outside[] = {MEMORY_BYTES - 3, MEMORY_BYTES, GIB, UINT64_MAX - 30, UINT64_MAX};
    struct hvm_modlist_entry module = {.paddr = 0x5000, .size = 3};
    struct hvm_start_info si;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(outside); i++) {
        si = good();
        si.memmap_paddr = outside[i];
        refused(&si, "memory map is outside");
        si = good();
        si.modlist_paddr = outside[i];
        refused(&si, "list of modules is outside");
        si = good();
        module.paddr = outside[i];
        module.size = 4;
        memcpy(memory + 0x3000, &module, sizeof(module));
        refused(&si, "module is outside");
        si = good();
        module.paddr = 0x5000;
        module.size = outside[i];
        memcpy(memory + 0x3000, &module, sizeof(module));
        refused(&si, "module is outside");
    }
    si = good();
    si.memmap_entries = BOOT_MAP_MAX + 1;
    refused(&si, "more entries");
    si = good();
    si.memmap_entries = UINT32_MAX;
    refused(&si, "more entries");
    si = good();
    si.cmdline_paddr = UINT64_MAX;
    refused(&si, "command line is outside");
}

static void test_command_line_without_an_end(void **state)
{
    struct hvm_start_info si = good();

    (void)state;
    memset(memory + MEMORY_BYTES - 10, 'x', 10);
    si.cmdline_paddr = MEMORY_BYTES - 10;
    assert_int_equal(parse(&si), 0);
    assert_int_equal(info.cmdline.len, 10);
    memset(memory + 0x4000, 'x', 5000); /* longer than args.h takes: it must see that, not a part */
    si.cmdline_paddr = 0x4000;
    assert_int_equal(parse(&si), 0);
    assert_int_equal(info.cmdline.len, 4097);
}

/* ---- memory maps ----------------------------------------------------------------------------- */

static void boot_add_ram(struct boot_info *to, uint64_t addr, uint64_t size)
{
    boot_add_entry(to, addr, size, XEN_HVM_MEMMAP_TYPE_RAM);
}

static void test_ram_is_sorted_joined_and_in_whole_pages(void **state)
{
    (void)state;
    memset(&info, 0, sizeof(info));
    boot_add_ram(&info, 2 * MIB, MIB);
    boot_add_ram(&info, 100, 640 * KIB);    /* 4096 .. 640 KiB */
    boot_add_ram(&info, 8 * MIB + 1, 4096); /* no whole page */
    boot_add_ram(&info, 5 * MIB, 0);
    assert_int_equal(info.ram_count, 2);
    assert_true(info.ram[0].start == 4096 && info.ram[0].end == 640 * KIB);
    assert_true(info.ram[1].start == 2 * MIB && info.ram[1].end == 3 * MIB);
    boot_add_ram(&info, 3 * MIB, MIB);       /* goes on */
    boot_add_ram(&info, 512 * KIB, 2 * MIB); /* joins both */
    assert_int_equal(info.ram_count, 1);
    assert_true(info.ram[0].start == 4096 && info.ram[0].end == 4 * MIB);
}

static void test_ram_that_cannot_be_is_left_out(void **state)
{
    (void)state;
    memset(&info, 0, sizeof(info));
    boot_add_ram(&info, UINT64_MAX - 4096, 8192);
    boot_add_ram(&info, 4096, UINT64_MAX);
    boot_add_ram(&info, UINT64_MAX, UINT64_MAX);
    assert_int_equal(info.ram_count, 0);
    boot_add_ram(&info, 3 * GIB, 2 * GIB); /* what is above 4 GiB counts, but is not used */
    boot_add_ram(&info, 6 * GIB, GIB);
    assert_int_equal(info.ram_count, 1);
    assert_true(info.ram[0].end == 4 * GIB && info.ram_bytes == 3 * GIB);
    memset(&info, 0, sizeof(info));
    for (uint64_t i = 0; i < 2 * BOOT_RAM_MAX; i++)
        boot_add_ram(&info, i * 8192, 4096);
    assert_int_equal(info.ram_count, BOOT_RAM_MAX);
}

static void test_largest_gap(void **state)
{
    const struct range taken[] = {
        {0, 4096}, {MIB, MIB + 200 * KIB}, {MIB + 204 * KIB + 7, MIB + 208 * KIB + 1}};
    const struct range nothing[] = {{MIB, MIB}};
    struct range gap;

    (void)state;
    memset(&info, 0, sizeof(info));
    boot_add_ram(&info, 0,
                 2 * MIB); /* the smallest guest: below the image is more room than behind it */
    gap = range_largest_gap(info.ram, info.ram_count, GIB4, taken, 3);
    assert_true(gap.start == 4096 && gap.end == MIB);
    boot_add_ram(&info, 2 * MIB, 6 * MIB);
    gap = range_largest_gap(info.ram, info.ram_count, GIB4, taken, 3);
    assert_true(gap.start == MIB + 212 * KIB && gap.end == 8 * MIB);
    gap = range_largest_gap(info.ram, info.ram_count, GIB4, nothing,
                            1); /* an empty range takes nothing */
    assert_true(gap.start == 0 && gap.end == 8 * MIB);
    memset(&info, 0, sizeof(info));
    gap = range_largest_gap(info.ram, info.ram_count, GIB4, taken, 3);
    assert_true(gap.start == gap.end);
    assert_false(range_is_in(info.ram, info.ram_count, (struct range){0, 4096}));
}

/* Frames of Xen's own need addresses that nothing has: also where RAM reaches up to what the domain
 * builder keeps for itself (a domain of 4 GiB). */
static void test_hole_for_xens_frames(void **state)
{
    (void)state;
    memset(&info, 0, sizeof(info));
    boot_add_ram(&info, 0, 8 * MIB);
    assert_true(boot_hole(&info, 2 * MIB) == 0xfea00000);
    boot_add_ram(&info, 8 * MIB, 0xfc000000 - 8 * MIB);
    boot_add_entry(&info, 0xfc000000, 36864, XEN_HVM_MEMMAP_TYPE_ACPI);
    assert_true(boot_hole(&info, 2 * MIB) == 0xfea00000);
    boot_add_entry(&info, 0xfeb00000, 1, XEN_HVM_MEMMAP_TYPE_RESERVED);
    assert_true(boot_hole(&info, 2 * MIB) == 0xfe800000);
    boot_add_entry(&info, 0xfc200000, UINT64_MAX, XEN_HVM_MEMMAP_TYPE_RESERVED);
    assert_true(boot_hole(&info, 2 * MIB) == 0);
    for (unsigned i = 0; i < 2 * BOOT_OTHER_MAX; i++) /* more than are kept */
        boot_add_entry(&info, i, i, XEN_HVM_MEMMAP_TYPE_RESERVED);
    assert_int_equal(info.other_count, BOOT_OTHER_MAX);
}

/* Properties of any map: what is kept is sorted, disjoint, in whole pages, and no gap touches
 * what is taken. */
static void test_any_map_keeps_the_rules(void **state)
{
    uint32_t seed = 20260101;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct range taken[3], gap;

        memset(&info, 0, sizeof(info));
        for (int i = 0; i < 12; i++) {
            uint64_t v[2];

            for (int j = 0; j < 2; j++) {
                seed = seed * 1664525 + 1013904223;
                v[j] = (uint64_t)(seed >> 8) * (1 + (seed >> 4) % 512);
            }
            if (i < 3)
                taken[i] = (struct range){v[0], v[0] + v[1]};
            else
                boot_add_ram(&info, v[0], v[1]);
        }
        for (unsigned i = 0; i < info.ram_count; i++) {
            assert_true(info.ram[i].start < info.ram[i].end && info.ram[i].end <= 4 * GIB);
            assert_true(info.ram[i].start % 4096 == 0 && info.ram[i].end % 4096 == 0);
            assert_true(i == 0 || info.ram[i - 1].end < info.ram[i].start);
        }
        gap = range_largest_gap(info.ram, info.ram_count, GIB4, taken, 3);
        assert_true(gap.start == gap.end || range_is_in(info.ram, info.ram_count, gap));
        for (int i = 0; i < 3 && gap.start != gap.end; i++)
            assert_true(taken[i].end <= gap.start || taken[i].start >= gap.end ||
                        taken[i].start == taken[i].end);
    }
}

/* ---- clock ----------------------------------------------------------------------------------- */

static void test_clock_scale(void **state)
{
    (void)state;
    assert_true(clock_scale(1000, UINT32_C(1) << 31, 0) == 500);
    assert_true(clock_scale(1000, UINT32_C(1) << 31, 1) == 1000);
    assert_true(clock_scale(1000, UINT32_C(1) << 31, -1) == 250);
    /* a year of a 4 GHz counter: the product has more than 64 bits */
    assert_true(clock_scale(UINT64_C(4000000000) * 31536000, UINT32_C(1) << 31, -1) ==
                UINT64_C(31536000000000000));
    assert_true(clock_scale(UINT64_MAX, UINT32_MAX, 0) == UINT64_MAX - (UINT64_C(1) << 32));
    assert_true(clock_scale(UINT64_MAX, UINT32_MAX, 100) == 0 && clock_scale(1, 1, -128) == 0);
}

/* A stamp from before the domain's counter was set to 0 is "negative"; one of another CPU may be
 * a little ahead. */
static void test_clock_stamp_is_modulo_2_64(void **state)
{
    const uint32_t half = UINT32_C(1) << 31;

    (void)state;
    assert_true(clock_at(3000, 1000, 7, half, 0) == 7 + 1000);
    assert_true(clock_at(1000, (uint64_t)-1000, 7, half, 0) == 7 + 1000);
    assert_true(clock_at(1000, 1010, 7, half, 0) == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_good_start_info, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_command_line_and_no_module, setup, teardown),
        cmocka_unit_test_setup_teardown(test_version_0_has_no_memory_map, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_magic_short_and_outside, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lies_are_refused_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(test_command_line_without_an_end, setup, teardown),
        cmocka_unit_test(test_ram_is_sorted_joined_and_in_whole_pages),
        cmocka_unit_test(test_ram_that_cannot_be_is_left_out),
        cmocka_unit_test(test_largest_gap),
        cmocka_unit_test(test_hole_for_xens_frames),
        cmocka_unit_test(test_any_map_keeps_the_rules),
        cmocka_unit_test(test_clock_scale),
        cmocka_unit_test(test_clock_stamp_is_modulo_2_64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
