/* SPDX-License-Identifier: ISC */
/* test_board_loader.c - the memory that the Cubieboard's loader speaks of is looked at, and what is
 * reserved in it is left alone. Memory is at its physical address here too. */
#include <string.h>
#include <sys/mman.h>

#include "support.h"

#include <cmocka.h>

#include "boot/common/bare/image.h"
/* Where the image is linked. */
#define boot_image_start ((const uint8_t *)0x40010000)
#define boot_image_end ((const uint8_t *)0x40020000)
#include "boot/arm/tree.c"
#include "boot/cubieboard/atags.c"
#include "boot/cubieboard/loader.c"
#include "fdt_blob.h"

#define RAM_AT UINT64_C(0x40000000)
#define RAM_BYTES (UINT64_C(64) << 20)
#define SAID_AT UINT64_C(0x40100000)
#define MIB (UINT64_C(1) << 20)

static const struct board a_board = {.ram_start = RAM_AT,
                                     .ram_end = RAM_AT + 2 * RAM_BYTES,
                                     .ram_least = RAM_BYTES / 2,
                                     .ram_most = 2 * RAM_BYTES};
const uint64_t arch_phys_end = UINT64_C(1) << 32;
uintptr_t arch_offset;
static struct range mapped_rw[64];
static unsigned rw_count;
static uint64_t there_is; /* bytes of memory; what is above shows it again */

const struct board *board(void)
{
    return &a_board;
}

bool arch_map(uint64_t phys, uint64_t size, enum arch_rights rights)
{
    assert_true(phys % PAGE_BYTES == 0 && size % PAGE_BYTES == 0);
    if (rights == ARCH_RW) {
        assert_true(rw_count < ARRAY_SIZE(mapped_rw));
        mapped_rw[rw_count++] = (struct range){phys, phys + size};
    }
    return true;
}

/* The moment at which the memory's own words are seen: mirrors follow what was written. */
void armv7_dcache_clean_invalidate(const void *start, size_t bytes)
{
    uint64_t at = (uintptr_t)start - RAM_AT;

    if (at >= there_is)
        memcpy((void *)(uintptr_t)(RAM_AT + at % there_is), start, bytes);
}

static struct fdt_blob blob;
static struct tree tree;
static struct range said;
static const char *why;

static int setup(void **state)
{
    (void)state;
    memset(&blob, 0, sizeof(blob));
    rw_count = 0;
    there_is = 2 * RAM_BYTES;
    why = NULL;
    return mmap((void *)(uintptr_t)RAM_AT, 2 * RAM_BYTES, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1,
                0) == MAP_FAILED;
}

static int teardown(void **state)
{
    (void)state;
    return munmap((void *)(uintptr_t)RAM_AT, 2 * RAM_BYTES);
}

/* A tree that speaks of `bytes` of memory. */
static int read_said_of(uint64_t bytes)
{
    struct cs made;

    fdt_blob_begin(&blob, "");
    FDT_BLOB_CELLS(&blob, "#address-cells", 1);
    FDT_BLOB_CELLS(&blob, "#size-cells", 1);
    fdt_blob_begin(&blob, "memory");
    fdt_blob_string(&blob, "device_type", "memory");
    FDT_BLOB_CELLS(&blob, "reg", (uint32_t)RAM_AT, (uint32_t)bytes);
    fdt_blob_end(&blob);
    fdt_blob_end(&blob);
    made = fdt_blob_make(&blob);
    memcpy((void *)(uintptr_t)SAID_AT, made.base, made.len);
    free(made.base);
    return loader_read((uint32_t)SAID_AT, &tree, &said, &why);
}

static bool was_mapped_rw(struct range r)
{
    for (unsigned i = 0; i < rw_count; i++) {
        if (range_touches(mapped_rw[i], r))
            return true;
    }
    return false;
}

static void test_memory_that_is_there(void **state)
{
    (void)state;
    assert_int_equal(read_said_of(RAM_BYTES), 0);
    assert_int_equal(tree.ram_count, 1);
    assert_true(was_mapped_rw((struct range){RAM_AT + RAM_BYTES - 1, RAM_AT + RAM_BYTES}));
}

static void test_memory_that_is_a_mirror_of_lower_memory_is_refused(void **state)
{
    (void)state;
    there_is = RAM_BYTES;
    assert_int_equal(read_said_of(2 * RAM_BYTES), -E_INVAL);
    assert_string_equal(why, "the loader speaks of memory that is not there");
}

/* At the end of memory, and where its mirror would be: neither written, nor mapped. */
static void test_reserved_memory_is_left_alone(void **state)
{
    const struct range top = {RAM_AT + 2 * RAM_BYTES - MIB, RAM_AT + 2 * RAM_BYTES};
    const struct range lower = {RAM_AT + RAM_BYTES - 2 * MIB, RAM_AT + RAM_BYTES - MIB};

    (void)state;
    blob.reserved[0] = top.start;
    blob.reserved[1] = top.end - top.start;
    blob.reserved[2] = lower.start;
    blob.reserved[3] = lower.end - lower.start;
    blob.reserved_count = 4;
    assert_int_equal(read_said_of(2 * RAM_BYTES), 0);
    assert_false(was_mapped_rw(top));
    assert_false(was_mapped_rw(lower));
    assert_true(was_mapped_rw((struct range){top.start - PAGE_BYTES, top.start}));
}

static void test_memory_that_is_all_reserved_is_not_asked(void **state)
{
    (void)state;
    blob.reserved[0] = RAM_AT;
    blob.reserved[1] = 2 * RAM_BYTES;
    blob.reserved_count = 2;
    assert_int_equal(read_said_of(2 * RAM_BYTES), 0);
    assert_int_equal(rw_count, 0);
}

static void test_memory_that_nobody_speaks_of_is_found(void **state)
{
    (void)state;
    there_is = RAM_BYTES;
    assert_int_equal(loader_read(0, &tree, &said, &why), 0);
    assert_int_equal(tree.ram[0].end - tree.ram[0].start, RAM_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_memory_that_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory_that_is_a_mirror_of_lower_memory_is_refused,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_reserved_memory_is_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory_that_is_all_reserved_is_not_asked, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_memory_that_nobody_speaks_of_is_found, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
