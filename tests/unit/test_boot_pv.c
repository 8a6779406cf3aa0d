/* SPDX-License-Identifier: ISC */
/* test_boot_pv.c - struct start_info of a PV domain, as Xen's builder makes it and as it could lie.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "boot/xen-x86_64/boot_info.c"
#include "boot/xen-x86_64/pv_info.c"

/* A domain of 64 pages, all of them mapped: module at page 16, list of frames at 17, start info 18,
 * xenstore 19, console 20, page tables 21 to 25. */
#define PAGES 64u
#define MEMORY_BYTES (PAGES * PAGE_BYTES)
#define MFN(pfn) (0x71000u + (pfn)*3)
static uint8_t *memory;
static struct boot_info info;
static struct pv_start start;
static const char *why;

static int setup(void **state)
{
    (void)state;
    memory = calloc(1, MEMORY_BYTES);
    memset(&info, 0xa5, sizeof(info));
    memset(&start, 0xa5, sizeof(start));
    return memory == NULL;
}

static int teardown(void **state)
{
    (void)state;
    free(memory);
    return 0;
}

static struct start_info good(void)
{
    struct start_info si = {
        .magic = "xen-3.0-x86_64",
        .nr_pages = PAGES,
        .shared_info = 0xabc000,
        .store_mfn = MFN(19),
        .store_evtchn = 1,
        .console.domU = {.mfn = MFN(20), .evtchn = 2},
        .pt_base = 21 * PAGE_BYTES,
        .nr_pt_frames = 5,
        .mfn_list = 17 * PAGE_BYTES,
        .mod_start = 16 * PAGE_BYTES,
        .mod_len = 3,
        .cmd_line = "ip=10.0.0.2/24 x",
    };

    for (uint64_t pfn = 0; pfn < PAGES; pfn++) {
        uint64_t mfn = MFN(pfn);

        memcpy(memory + 17 * PAGE_BYTES + pfn * sizeof(mfn), &mfn, sizeof(mfn));
    }
    memcpy(memory + 16 * PAGE_BYTES, "abc", 3);
    return si;
}

static int parse_at(const struct start_info *si, uint64_t at)
{
    memcpy(memory + at, si, size_min(sizeof(*si), MEMORY_BYTES - at));
    why = NULL;
    return pv_parse(cs_ro_of(memory, MEMORY_BYTES), at, &info, &start, &why);
}

static int parse(const struct start_info *si)
{
    return parse_at(si, 18 * PAGE_BYTES);
}

static void test_good_start_info(void **state)
{
    struct start_info si = good();

    (void)state;
    assert_int_equal(parse(&si), 0);
    assert_int_equal(info.ram_count, 1);
    assert_true(info.ram[0].start == 0 && info.ram[0].end == MEMORY_BYTES);
    assert_int_equal(info.cmdline.len, 16);
    assert_memory_equal(info.cmdline.base, "ip=10.0.0.2/24 x", 16);
    assert_int_equal(info.module.len, 3);
    assert_memory_equal(info.module.base, "abc", 3);
    assert_int_equal(info.module_count, 1);
    assert_int_equal(start.store_pfn, 19);
    assert_int_equal(start.store_port, 1);
    assert_int_equal(start.console_pfn, 20);
    assert_int_equal(start.console_port, 2);
    assert_int_equal(start.shared_info_mfn, 0xabc);
    assert_int_equal(start.p2m.len, PAGES * 8);
    assert_true(start.tables.start == 21 * PAGE_BYTES && start.tables.end == 26 * PAGE_BYTES);
    assert_int_equal(start.used_end, 26 * PAGE_BYTES);
}

/* Whatever comes last in memory, nothing of the builder's lies behind used_end. */
static void test_used_end_is_behind_everything(void **state)
{
    struct start_info si;

    (void)state;
    si = good();
    si.mod_start = 40 * PAGE_BYTES;
    si.mod_len = PAGE_BYTES + 1;
    assert_int_equal(parse(&si), 0);
    assert_int_equal(start.used_end, 41 * PAGE_BYTES + 1);
    si = good();
    si.console.domU.mfn = MFN(50);
    assert_int_equal(parse(&si), 0);
    assert_int_equal(start.used_end, 51 * PAGE_BYTES);
    si = good();
    si.store_mfn = MFN(51);
    assert_int_equal(parse(&si), 0);
    assert_int_equal(start.used_end, 52 * PAGE_BYTES);
    si = good();
    assert_int_equal(parse_at(&si, 60 * PAGE_BYTES), 0);
    assert_int_equal(start.used_end, 60 * PAGE_BYTES + sizeof(si));
}

static void test_module_by_page_number(void **state)
{
    struct start_info si = good();

    (void)state;
    si.flags = SIF_MOD_START_PFN;
    si.mod_start = 16;
    assert_int_equal(parse(&si), 0);
    assert_memory_equal(info.module.base, "abc", 3);
    si.mod_len = 0; /* none: where it would be does not matter */
    si.mod_start = UINT64_MAX;
    assert_int_equal(parse(&si), 0);
    assert_int_equal(info.module.len, 0);
}

/* No console, no store: the domain runs without. A frame that is not ours is none. */
static void test_rings_that_are_none(void **state)
{
    struct start_info si = good();

    (void)state;
    si.console.domU.mfn = 0;
    si.store_evtchn = 0;
    assert_int_equal(parse(&si), 0);
    assert_true(start.console_pfn == 0 && start.store_pfn == 0);
    si = good();
    si.console.domU.mfn = 7;
    si.store_mfn = MFN(0); /* the first page is never one */
    assert_int_equal(parse(&si), 0);
    assert_true(start.console_pfn == 0 && start.store_pfn == 0);
}

static void test_command_line_without_an_end(void **state)
{
    struct start_info si = good();

    (void)state;
    memset(si.cmd_line, 'x', sizeof(si.cmd_line));
    assert_int_equal(parse(&si), 0);
    assert_int_equal(info.cmdline.len, MAX_GUEST_CMDLINE);
    si.cmd_line[0] = 0;
    assert_int_equal(parse(&si), 0);
    assert_int_equal(info.cmdline.len, 0);
}

static void refused(const struct start_info *si, const char *because)
{
    assert_int_equal(parse(si), -E_INVAL);
    assert_non_null(why);
    assert_non_null(strstr(why, because));
}

static void test_short_and_wrong(void **state)
{
    struct start_info si = good();

    (void)state;
    assert_int_equal(parse_at(&si, MEMORY_BYTES - sizeof(si) + 1), -E_INVAL);
    assert_non_null(strstr(why, "outside memory"));
    assert_int_equal(pv_parse(cs_ro_of(memory, MEMORY_BYTES), UINT64_MAX, &info, &start, &why),
                     -E_INVAL);
    assert_int_equal(pv_parse(CS_RO_EMPTY, 0, &info, &start, &why), -E_INVAL);
    si.magic[0] = 'y';
    refused(&si, "magic");
}

static void test_lies_are_refused_by_name(void **state)
{
    const uint64_t outside[] = {MEMORY_BYTES - 2, MEMORY_BYTES, UINT64_C(1) << 40,
                                UINT64_MAX - 4095, UINT64_MAX};
    struct start_info si;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(outside); i++) {
        si = good();
        si.mod_start = outside[i];
        refused(&si, "module is outside");
        si.flags = SIF_MOD_START_PFN;
        refused(&si, "module is outside");
        assert_int_equal(start.console_pfn, 20); /* this can be said */
        si = good();
        si.mod_len = outside[i];
        refused(&si, "module is outside");
        si = good();
        si.pt_base = outside[i];
        refused(&si, "page tables are outside");
        si = good();
        si.nr_pt_frames = outside[i];
        refused(&si, "page tables are outside");
        si = good();
        si.mfn_list = outside[i];
        refused(&si, "list of page frames");
        si = good();
        si.nr_pages = outside[i];
        refused(&si, "start info: ");
        assert_int_equal(start.p2m.len, 0);
    }
    si = good();
    si.nr_pages = 0;
    refused(&si, "number of pages");
    si = good();
    si.nr_pt_frames = 3;
    refused(&si, "page tables are outside");
    si = good();
    si.shared_info = 0xabc008;
    refused(&si, "shared info");
    si.shared_info = 0;
    refused(&si, "shared info");
}

/* New page tables begin behind what the builder made: those pages must be mapped. */
static void test_there_must_be_room_for_the_first_tables(void **state)
{
    (void)state;
    start.used_end = 26 * PAGE_BYTES - 5;
    assert_false(pv_has_room(&start, 0));
    assert_false(pv_has_room(&start, 26 * PAGE_BYTES));
    assert_false(pv_has_room(&start, 28 * PAGE_BYTES - 1));
    assert_true(pv_has_room(&start, 28 * PAGE_BYTES));
    start.used_end = UINT64_MAX;
    assert_false(pv_has_room(&start, UINT64_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_good_start_info, setup, teardown),
        cmocka_unit_test_setup_teardown(test_there_must_be_room_for_the_first_tables, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_used_end_is_behind_everything, setup, teardown),
        cmocka_unit_test_setup_teardown(test_module_by_page_number, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rings_that_are_none, setup, teardown),
        cmocka_unit_test_setup_teardown(test_command_line_without_an_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_short_and_wrong, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lies_are_refused_by_name, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
