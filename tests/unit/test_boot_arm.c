/* SPDX-License-Identifier: ISC */
/* test_boot_arm.c - the parts of the ARM guest images that are pure: what is read of the device
 * tree, who gets which page, the clock's arithmetic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "boot/arm/memory.c"
#include "boot/xen-arm/scale.h"
#include "boot/arm/tree.c"
#include "fdt_blob.h"

#define MIB (UINT64_C(1) << 20)
#define RAM_AT UINT64_C(0x40000000)
#define RAM_BYTES (4 * MIB)
#define IMAGE_BYTES (256u << 10)

/* The machine's memory, and the image at its start. */
_Alignas(4096) uint8_t test_ram[RAM_BYTES];
__asm__(".globl boot_image_start, boot_image_end\n"
        ".set boot_image_start, test_ram\n"
        ".set boot_image_end, test_ram + 0x40000\n");
STATIC_ASSERT(IMAGE_BYTES == 0x40000, "as above");

uintptr_t arch_offset;
const uint64_t arch_phys_end = UINT64_C(1) << 32;

#define MAPS_MAX 64u
static struct {
    struct range range;
    enum arch_rights rights;
} maps[MAPS_MAX];
static unsigned map_count;

/* Every mapping needs a page for a table. */
bool arch_map(uint64_t phys, uint64_t size, enum arch_rights rights)
{
    assert_true(phys % PAGE_BYTES == 0 && size % PAGE_BYTES == 0 && size > 0);
    assert_true(phys < arch_phys_end && size <= arch_phys_end - phys);
    assert_true(map_count < MAPS_MAX);
    maps[map_count].range = (struct range){phys, phys + size};
    maps[map_count++].rights = rights;
    return memory_take_page() != NULL;
}

/* The first mapping wins. */
static enum arch_rights rights_of(uint64_t phys)
{
    for (unsigned i = 0; i < map_count; i++) {
        if (phys >= maps[i].range.start && phys < maps[i].range.end)
            return maps[i].rights;
    }
    return ARCH_NONE;
}

static struct fdt_blob blob;
static struct cs bytes;
static struct tree tree;
static const char *why;

static int setup(void **state)
{
    (void)state;
    memset(&blob, 0, sizeof(blob));
    memset(&tree, 0, sizeof(tree));
    memset(heaps, 0, sizeof(heaps));
    heap_is_mapped = false;
    pool_used = map_count = 0;
    arch_offset = (uintptr_t)test_ram - RAM_AT;
    why = NULL;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(bytes.base);
    bytes = cs_of(NULL, 0);
    return 0;
}

/* ---- the device tree ------------------------------------------------------------------------- */

static void begin_root(void)
{
    fdt_blob_begin(&blob, "");
    FDT_BLOB_CELLS(&blob, "#address-cells", 2);
    FDT_BLOB_CELLS(&blob, "#size-cells", 2);
}

static void add_memory(uint32_t start, uint32_t size)
{
    fdt_blob_begin(&blob, "memory");
    fdt_blob_string(&blob, "device_type", "memory");
    FDT_BLOB_CELLS(&blob, "reg", 0, start, 0, size);
    fdt_blob_end(&blob);
}

static int read_tree(void)
{
    fdt_blob_end(&blob);
    bytes = fdt_blob_make(&blob);
    return tree_read(cs_as_ro(bytes), &tree, &why);
}

static void add_guest_nodes(const char *gic)
{
    fdt_blob_begin(&blob, "chosen");
    fdt_blob_string(&blob, "bootargs", "ip=10.0.0.2/24 log=debug");
    FDT_BLOB_CELLS(&blob, "linux,initrd-start", 0, 0x48000000);
    FDT_BLOB_CELLS(&blob, "linux,initrd-end", 0x48000123);
    FDT_BLOB_CELLS(&blob, "rng-seed", 1, 2, 3, 4);
    fdt_blob_end(&blob);
    fdt_blob_begin(&blob, "interrupt-controller@3001000");
    fdt_blob_string(&blob, "compatible", gic);
    FDT_BLOB_CELLS(&blob, "reg", 0, 0x3001000, 0, 0x1000, 0, 0x3002000, 0, 0x2000);
    fdt_blob_end(&blob);
    fdt_blob_begin(&blob, "timer");
    fdt_blob_string(&blob, "compatible", "arm,armv8-timer");
    FDT_BLOB_CELLS(&blob, "interrupts", 1, 13, 0xf08, 1, 14, 0xf08, 1, 11, 0xf08);
    FDT_BLOB_CELLS(&blob, "clock-frequency", 62500000);
    fdt_blob_end(&blob);
    fdt_blob_begin(&blob, "hypervisor");
    fdt_blob_prop(&blob, "compatible", "xen,xen-4.17\0xen,xen", 21);
    FDT_BLOB_CELLS(&blob, "reg", 0, 0x38000000, 0, 0x1000000);
    FDT_BLOB_CELLS(&blob, "interrupts", 1, 15, 0xf08);
    fdt_blob_end(&blob);
    fdt_blob_begin(&blob, "psci");
    fdt_blob_string(&blob, "compatible", "arm,psci-1.0");
    fdt_blob_string(&blob, "method", "hvc");
    fdt_blob_end(&blob);
}

static void test_a_xen_guest_is_read(void **state)
{
    (void)state;
    begin_root();
    add_memory(0x40000000, 0x1000000);
    add_guest_nodes("arm,cortex-a15-gic");
    assert_int_equal(read_tree(), 0);
    assert_int_equal(tree.ram_count, 1);
    assert_int_equal(tree.ram[0].start, 0x40000000);
    assert_int_equal(tree.ram[0].end, 0x41000000);
    assert_true(cs_equal_str(tree.bootargs, "ip=10.0.0.2/24 log=debug"));
    assert_int_equal(tree.module.start, 0x48000000); /* 64 bits, */
    assert_int_equal(tree.module.end, 0x48000123);   /* and 32 */
    assert_int_equal(tree.rng_seed.len, 16);
    assert_true(tree.has_xen);
    assert_int_equal(tree.window.start, 0x38000000);
    assert_int_equal(tree.window.end, 0x39000000);
    assert_int_equal(tree.event_ppi, 31);
    assert_int_equal(tree.timer_ppi, 27);
    assert_int_equal(tree.timer_hz, 62500000);
    assert_int_equal(tree.gic_version, 2);
    assert_int_equal(tree.gic_cpu.start, 0x3002000);
    assert_true(tree.has_psci && !tree.psci_by_smc);
}

static void test_version_3_of_the_gic_is_known(void **state)
{
    (void)state;
    begin_root();
    add_memory(0x40000000, 0x1000000);
    add_guest_nodes("arm,gic-v3");
    assert_int_equal(read_tree(), 0);
    assert_int_equal(tree.gic_version, 3);
}

/* What is missing is empty, and said by who needs it. */
static void test_a_tree_of_memory_alone_is_enough(void **state)
{
    (void)state;
    begin_root();
    add_memory(0x40000000, 0x1000000);
    assert_int_equal(read_tree(), 0);
    assert_false(tree.has_xen);
    assert_int_equal(tree.bootargs.len, 0);
    assert_int_equal(tree.module.end, 0);
    assert_int_equal(tree.gic_version, 0);
    assert_int_equal(tree.event_ppi, TREE_PPI_NONE);
    assert_int_equal(tree.timer_ppi, TREE_PPI_NONE);
}

static void test_a_tree_without_memory_is_refused(void **state)
{
    (void)state;
    begin_root();
    add_guest_nodes("arm,gic-v3");
    assert_int_equal(read_tree(), -E_INVAL);
    assert_string_equal(why, "device tree: no memory");
}

/* Pieces that touch or overlap are one; what is no whole page is left out. */
static void test_memory_is_sorted_and_joined(void **state)
{
    (void)state;
    begin_root();
    add_memory(0x50000000, 0x2000);
    add_memory(0x40001000, 0x1000);
    add_memory(0x40000000, 0x1000);
    add_memory(0x50001000, 0x3000);
    add_memory(0x60000800, 0x1000); /* no whole page in it */
    add_memory(0x70000001, 0x2000); /* one */
    add_memory(0x4fff0000, 0x10000);
    assert_int_equal(read_tree(), 0);
    assert_int_equal(tree.ram_count, 3);
    assert_int_equal(tree.ram[0].start, 0x40000000);
    assert_int_equal(tree.ram[0].end, 0x40002000);
    assert_int_equal(tree.ram[1].start, 0x4fff0000);
    assert_int_equal(tree.ram[1].end, 0x50004000);
    assert_int_equal(tree.ram[2].start, 0x70001000);
    assert_int_equal(tree.ram[2].end, 0x70002000);
}

static void test_too_many_pieces_of_memory_are_left_out(void **state)
{
    (void)state;
    begin_root();
    for (uint32_t i = 0; i < TREE_RAM_MAX + 3; i++)
        add_memory(0x40000000 + i * 0x10000, 0x1000);
    assert_int_equal(read_tree(), 0);
    assert_int_equal(tree.ram_count, TREE_RAM_MAX);
}

static void test_reserved_memory_is_kept_in_mind(void **state)
{
    (void)state;
    begin_root();
    add_memory(0x40000000, 0x1000000);
    fdt_blob_begin(&blob, "reserved-memory");
    FDT_BLOB_CELLS(&blob, "#address-cells", 2);
    FDT_BLOB_CELLS(&blob, "#size-cells", 2);
    fdt_blob_begin(&blob, "firmware@40100000");
    FDT_BLOB_CELLS(&blob, "reg", 0, 0x40100000, 0, 0x3000);
    fdt_blob_end(&blob);
    fdt_blob_end(&blob);
    blob.reserved[0] = 0x40200000;
    blob.reserved[1] = 0x1000;
    blob.reserved_count = 2;
    assert_int_equal(read_tree(), 0);
    assert_int_equal(tree.reserved_count, 2);
    assert_int_equal(tree.reserved[0].start, 0x40200000);
    assert_int_equal(tree.reserved[1].end, 0x40103000);
}

/* A range that wraps, as an entry of the list or as a child's: who keeps what is not known then. */
static void test_reserved_memory_that_wraps_is_refused(void **state)
{
    (void)state;
    begin_root();
    add_memory(0x40000000, 0x1000000);
    blob.reserved[0] = UINT64_MAX - 0xfff;
    blob.reserved[1] = 0x2000;
    blob.reserved[2] = 0x40200000; /* was forgotten with it */
    blob.reserved[3] = 0x1000;
    blob.reserved_count = 4;
    assert_int_equal(read_tree(), -E_INVAL);
    assert_non_null(strstr(why, "reserved"));
    teardown(state);
    setup(state);
    begin_root();
    add_memory(0x40000000, 0x1000000);
    fdt_blob_begin(&blob, "reserved-memory");
    FDT_BLOB_CELLS(&blob, "#address-cells", 2);
    FDT_BLOB_CELLS(&blob, "#size-cells", 2);
    fdt_blob_begin(&blob, "firmware@ffffffff");
    FDT_BLOB_CELLS(&blob, "reg", UINT32_MAX, UINT32_MAX, 0, 0x3000, 0, 0x40100000, 0, 0x3000);
    fdt_blob_end(&blob);
    fdt_blob_end(&blob);
    assert_int_equal(read_tree(), -E_INVAL);
    assert_non_null(strstr(why, "reserved"));
}

/* Interrupts that are no private ones cannot wake us: none, not a wrong one. */
static void test_interrupts_that_are_not_private_are_none(void **state)
{
    (void)state;
    begin_root();
    add_memory(0x40000000, 0x1000000);
    fdt_blob_begin(&blob, "hypervisor");
    fdt_blob_string(&blob, "compatible", "xen,xen");
    FDT_BLOB_CELLS(&blob, "interrupts", 0, 15, 4);
    fdt_blob_end(&blob);
    fdt_blob_begin(&blob, "timer");
    fdt_blob_string(&blob, "compatible", "arm,armv7-timer");
    FDT_BLOB_CELLS(&blob, "interrupts", 1, 13, 4, 1, 14, 4, 1, 16, 4);
    fdt_blob_end(&blob);
    assert_int_equal(read_tree(), 0);
    assert_true(tree.has_xen);
    assert_int_equal(tree.event_ppi, TREE_PPI_NONE);
    assert_int_equal(tree.timer_ppi, TREE_PPI_NONE);
    assert_int_equal(tree.window.end, 0);
}

/* ---- who gets which page --------------------------------------------------------------------- */

/* RAM as test_ram has it, from `from` on; the tree at 1 MiB, a module at 2 MiB. */
static struct range small_machine(void)
{
    tree.ram[0] = (struct range){RAM_AT, RAM_AT + RAM_BYTES};
    tree.ram_count = 1;
    tree.module = (struct range){RAM_AT + 2 * MIB, RAM_AT + 2 * MIB + 0x1234};
    return (struct range){RAM_AT + MIB + 8, RAM_AT + MIB + 0x800};
}

static void test_each_page_has_the_rights_of_what_is_in_it(void **state)
{
    struct range fdt = small_machine();

    (void)state;
    tree.reserved[0] = (struct range){RAM_AT + 3 * MIB + 1, RAM_AT + 3 * MIB + 2};
    tree.reserved_count = 1;
    assert_int_equal(memory_init(&tree, fdt, &why), 0);
    assert_int_equal(rights_of(RAM_AT + 2 * MIB - 1), ARCH_RW);
    assert_int_equal(rights_of(RAM_AT + 2 * MIB), ARCH_R);
    assert_int_equal(rights_of(RAM_AT + 2 * MIB + 0x1fff), ARCH_R);
    assert_int_equal(rights_of(RAM_AT + 2 * MIB + 0x2000), ARCH_RW);
    assert_int_equal(rights_of(RAM_AT + 3 * MIB + 0xfff), ARCH_NONE);
    assert_int_equal(rights_of(RAM_AT + 3 * MIB + 0x1000), ARCH_RW);
    assert_int_equal(rights_of(RAM_AT + RAM_BYTES - 1), ARCH_RW);
    assert_int_equal(rights_of(RAM_AT + RAM_BYTES), ARCH_NONE);
}

/* The heaps are in RAM, apart from each other and from all else, and the largest pieces. */
static void test_the_heap_is_what_nobody_else_has(void **state)
{
    struct range fdt = small_machine();

    (void)state;
    assert_int_equal(memory_init(&tree, fdt, &why), 0);
    assert_int_equal(heaps[0].start, RAM_AT + 2 * MIB + 0x2000);
    assert_int_equal(heaps[0].end, RAM_AT + RAM_BYTES);
    assert_int_equal(heaps[1].start, RAM_AT + MIB + 0x1000);
    assert_int_equal(heaps[1].end, RAM_AT + 2 * MIB);
    assert_ptr_equal(bare_heap(1).base, test_ram + MIB + 0x1000);
    assert_int_equal(bare_heap(1).len, MIB - 0x1000);
}

/* Behind the pool, tables come off the heap's end; when that is used up too, it is said. */
static void test_tables_come_off_the_heap(void **state)
{
    struct range fdt = small_machine();
    uint64_t end;

    (void)state;
    assert_int_equal(memory_init(&tree, fdt, &why), 0);
    end = heaps[0].end;
    while (pool_used < POOL_PAGES)
        (void)memory_take_page();
    memset(test_ram + RAM_BYTES - PAGE_BYTES, 0xa5, PAGE_BYTES);
    uint8_t *page = memory_take_page();

    assert_ptr_equal(page, test_ram + RAM_BYTES - PAGE_BYTES);
    assert_int_equal(page[0] | page[PAGE_BYTES - 1], 0);
    assert_int_equal(heaps[0].end, end - PAGE_BYTES);
    heaps[0].end = heaps[0].start;
    assert_null(memory_take_page());
}

/* Virtual page 0 may be one of RAM's where virtual is not physical: then nobody gets it. */
static void test_the_null_page_is_nobodys(void **state)
{
    struct range fdt = small_machine();
    const uint64_t null = arch_phys(NULL);

    (void)state;
    tree.ram[1] = (struct range){null - 3 * PAGE_BYTES, null + 3 * PAGE_BYTES};
    tree.ram_count = null < arch_phys_end - 3 * PAGE_BYTES ? 2 : 1;
    assert_int_equal(memory_init(&tree, fdt, &why), 0);
    for (unsigned i = 0; i < BARE_HEAPS_MAX; i++)
        assert_false(heaps[i].start <= null && heaps[i].end > null);
}

static void test_memory_beyond_the_page_tables_is_not_used(void **state)
{
    struct range fdt = small_machine();

    (void)state;
    tree.ram[1] = (struct range){arch_phys_end - MIB, arch_phys_end + 64 * MIB};
    tree.ram[2] = (struct range){arch_phys_end + 128 * MIB, arch_phys_end + 256 * MIB};
    tree.ram_count = 3;
    assert_int_equal(memory_init(&tree, fdt, &why), 0); /* arch_map checks its range */
    for (unsigned i = 0; i < BARE_HEAPS_MAX; i++)
        assert_true(heaps[i].end <= arch_phys_end);
}

static void test_lies_about_memory_are_refused(void **state)
{
    static const struct {
        struct range ram, module, fdt;
        const char *why;
    } lies[] = {
        {{RAM_AT + PAGE_BYTES, RAM_AT + RAM_BYTES},
         {0, 0},
         {RAM_AT + MIB, RAM_AT + MIB + 1},
         "image"},
        {{RAM_AT, RAM_AT + IMAGE_BYTES - PAGE_BYTES},
         {0, 0},
         {RAM_AT + MIB, RAM_AT + MIB + 1},
         "image"},
        {{RAM_AT, RAM_AT + RAM_BYTES}, {0, 0}, {RAM_AT + 4096, RAM_AT + 4100}, "in the image"},
        {{RAM_AT, RAM_AT + RAM_BYTES},
         {RAM_AT + IMAGE_BYTES - 1, RAM_AT + MIB},
         {RAM_AT + 2 * MIB, RAM_AT + 2 * MIB + 1},
         "module"},
        {{RAM_AT, RAM_AT + RAM_BYTES},
         {RAM_AT + MIB, RAM_AT + RAM_BYTES + 1},
         {RAM_AT + 2 * MIB, RAM_AT + 2 * MIB + 1},
         "module"},
        {{RAM_AT, RAM_AT + RAM_BYTES},
         {UINT64_MAX - 5, UINT64_MAX},
         {RAM_AT + 2 * MIB, RAM_AT + 2 * MIB + 1},
         "module"},
        {{RAM_AT, RAM_AT + RAM_BYTES},
         {RAM_AT + MIB, RAM_AT + MIB + 10},
         {RAM_AT + MIB + 16, RAM_AT + MIB + 20},
         "module"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
        setup(state);
        tree.ram[0] = lies[i].ram;
        tree.ram_count = 1;
        tree.module = lies[i].module;
        assert_true(memory_init(&tree, lies[i].fdt, &why) < 0);
        if (strstr(why, lies[i].why) == NULL)
            fail_msg("lie %zu: \"%s\"", i, why);
    }
}

/* What is mapped as a device's, or given to Xen for its frames, is nobody's memory; and not the
 * page that a NULL pointer means. */
static void test_ranges_of_devices_in_memory_are_refused(void **state)
{
    struct range *const ranges[] = {&tree.window, &tree.gic_dist, &tree.gic_cpu};
    const struct range in_ram[] = {{RAM_AT + RAM_BYTES - 1, RAM_AT + RAM_BYTES + MIB},
                                   {RAM_AT - MIB, RAM_AT + 1},
                                   {RAM_AT + 3 * MIB, RAM_AT + 3 * MIB + 1},
                                   {0, UINT64_MAX}};

    for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
        for (size_t k = 0; k <= ARRAY_SIZE(in_ram); k++) {
            struct range fdt;

            setup(state);
            fdt = small_machine();
            arch_offset = (uintptr_t)test_ram - RAM_AT;
            *ranges[i] = k < ARRAY_SIZE(in_ram)
                             ? in_ram[k]
                             : (struct range){arch_phys(NULL) + 5, arch_phys(NULL) + 6};
            assert_int_equal(memory_init(&tree, fdt, &why), -E_INVAL);
            assert_non_null(strstr(why, "interrupt controller"));
        }
    }
    setup(state);
    struct range fdt = small_machine();

    tree.window = (struct range){RAM_AT - MIB, RAM_AT};
    tree.gic_cpu = (struct range){RAM_AT + RAM_BYTES, RAM_AT + RAM_BYTES + MIB};
    assert_int_equal(memory_init(&tree, fdt, &why), 0);
}

/* ---- the clock ------------------------------------------------------------------------------- */

static void test_ticks_are_scaled_without_loss(void **state)
{
    static const uint32_t frequencies[] = {1000000, 24000000, 62500000, 1000000000, 3};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(frequencies); i++) {
        const uint32_t hz = frequencies[i];
        const uint64_t scale = scale_of(hz);

        for (uint64_t s = 1; s < UINT64_C(10000000000) / 4; s = s * 3 + 1) {
            uint64_t ns = scale_ns(s * hz, scale);

            /* 2^-32 of a nanosecond a tick is lost */
            assert_true(ns <= s * NS_PER_S);
            assert_true(s * NS_PER_S - ns <= 1 + (s * hz >> 32));
        }
        assert_int_equal(scale_ns(0, scale), 0);
    }
}

static void test_a_deadline_is_not_early_by_more_than_the_scale_loses(void **state)
{
    const uint32_t hz = 62500000;
    const uint64_t scale = scale_of(hz);

    (void)state;
    for (uint64_t ns = 1; ns < UINT64_C(1) << 60; ns = ns * 2 + 7) {
        uint64_t ticks = scale_ticks(ns, hz);

        assert_true(scale_ns(ticks, scale) + (ticks >> 32) + 1 >= ns);
        assert_true(scale_ns(ticks, scale) <= ns + 3 * NS_PER_S / hz + 1);
    }
    assert_true(scale_ticks(NS_NEVER - 1, 1000000) > 0);
    assert_int_equal(scale_ticks(NS_NEVER, UINT32_MAX), UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_xen_guest_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_version_3_of_the_gic_is_known, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_tree_of_memory_alone_is_enough, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_tree_without_memory_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory_is_sorted_and_joined, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_many_pieces_of_memory_are_left_out, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_reserved_memory_is_kept_in_mind, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reserved_memory_that_wraps_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_interrupts_that_are_not_private_are_none, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_each_page_has_the_rights_of_what_is_in_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_the_heap_is_what_nobody_else_has, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tables_come_off_the_heap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_null_page_is_nobodys, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory_beyond_the_page_tables_is_not_used, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_lies_about_memory_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ranges_of_devices_in_memory_are_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_ticks_are_scaled_without_loss, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_deadline_is_not_early_by_more_than_the_scale_loses,
                                        setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
