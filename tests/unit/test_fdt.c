/* SPDX-License-Identifier: ISC */
/* test_fdt.c - the device tree reader: what is in a tree is found, what is broken is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <morgana/err.h>

#include "boot/common/fdt.h"
#include "fdt_blob.h"

static struct fdt_blob blob;
static struct cs tree;

static int setup(void **state)
{
    (void)state;
    memset(&blob, 0, sizeof(blob));
    tree = cs_of(NULL, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(tree.base);
    return 0;
}

static void make(void)
{
    free(tree.base);
    tree = fdt_blob_make(&blob);
}

static void opens(struct fdt *fdt)
{
    const char *why = NULL;

    make();
    if (fdt_open(cs_as_ro(tree), fdt, &why) < 0)
        fail_msg("refused: %s", why);
}

static void refused(const char *what)
{
    const char *why = NULL;
    struct fdt fdt;

    assert_int_equal(fdt_open(cs_as_ro(tree), &fdt, &why), -E_INVAL);
    assert_non_null(why);
    if (strstr(why, what) == NULL)
        fail_msg("\"%s\", not \"...%s...\"", why, what);
}

/* A root with a memory node, and one below another. */
static void small_tree(void)
{
    fdt_blob_begin(&blob, "");
    FDT_BLOB_CELLS(&blob, "#address-cells", 2);
    FDT_BLOB_CELLS(&blob, "#size-cells", 2);
    fdt_blob_begin(&blob, "memory@40000000");
    fdt_blob_string(&blob, "device_type", "memory");
    FDT_BLOB_CELLS(&blob, "reg", 0, 0x40000000, 0, 0x1000000, 2, 0, 0, 0x5000);
    fdt_blob_end(&blob);
    fdt_blob_begin(&blob, "bus");
    FDT_BLOB_CELLS(&blob, "#address-cells", 1);
    FDT_BLOB_CELLS(&blob, "#size-cells", 0);
    fdt_blob_begin(&blob, "device@7");
    fdt_blob_prop(&blob, "compatible", "one,a\0two,b", 12);
    FDT_BLOB_CELLS(&blob, "reg", 7);
    fdt_blob_end(&blob);
    fdt_blob_end(&blob);
    fdt_blob_begin(&blob, "last");
    fdt_blob_prop(&blob, "empty", "", 0);
    fdt_blob_end(&blob);
    fdt_blob_end(&blob);
}

static void test_nodes_are_visited_in_order(void **state)
{
    static const struct {
        const char *name;
        unsigned depth;
    } want[] = {{"", 1}, {"memory@40000000", 2}, {"bus", 2}, {"device@7", 3}, {"last", 2}};
    struct fdt fdt;
    struct fdt_node node;

    (void)state;
    small_tree();
    opens(&fdt);
    node = fdt_root(&fdt);
    for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
        assert_true(cs_equal_str(node.name, want[i].name));
        assert_int_equal(node.depth, want[i].depth);
        assert_int_equal(fdt_next(&fdt, &node), i + 1 < ARRAY_SIZE(want));
    }
    assert_false(fdt_next(&fdt, &node));
}

static void test_reg_is_in_the_cells_of_the_parent(void **state)
{
    struct fdt fdt;
    struct fdt_node node;
    uint64_t start = 1, size = 1;

    (void)state;
    small_tree();
    opens(&fdt);
    node = fdt_root(&fdt);
    assert_false(fdt_reg(&fdt, &node, 0, &start, &size));
    fdt_next(&fdt, &node);
    assert_true(fdt_reg(&fdt, &node, 0, &start, &size));
    assert_int_equal(start, 0x40000000);
    assert_int_equal(size, 0x1000000);
    assert_true(fdt_reg(&fdt, &node, 1, &start, &size));
    assert_int_equal(start, UINT64_C(0x200000000));
    assert_int_equal(size, 0x5000);
    assert_false(fdt_reg(&fdt, &node, 2, &start, &size));
    assert_false(fdt_reg(&fdt, &node, UINT32_MAX, &start, &size));
    fdt_next(&fdt, &node);
    fdt_next(&fdt, &node);
    assert_true(fdt_reg(&fdt, &node, 0, &start, &size));
    assert_int_equal(start, 7);
    assert_int_equal(size, 0);
}

static void test_reg_that_wraps_or_has_too_many_bits_is_none(void **state)
{
    struct fdt fdt;
    struct fdt_node node;
    uint64_t start, size;

    (void)state;
    fdt_blob_begin(&blob, "");
    FDT_BLOB_CELLS(&blob, "#address-cells", 3);
    FDT_BLOB_CELLS(&blob, "#size-cells", 2);
    fdt_blob_begin(&blob, "x");
    FDT_BLOB_CELLS(&blob, "reg", 0, 0xffffffff, 0xfffff000, 0, 0x1000, 1, 0, 0, 0, 0);
    fdt_blob_end(&blob);
    fdt_blob_end(&blob);
    opens(&fdt);
    node = fdt_root(&fdt);
    fdt_next(&fdt, &node);
    assert_false(fdt_reg(&fdt, &node, 0, &start, &size)); /* ends at 2^64 */
    assert_false(fdt_reg(&fdt, &node, 1, &start, &size)); /* 65 bits */
}

static void test_properties_are_found(void **state)
{
    struct fdt fdt;
    struct fdt_node node;
    struct cs_ro value;
    uint64_t number;

    (void)state;
    small_tree();
    opens(&fdt);
    node = fdt_root(&fdt);
    assert_true(fdt_prop_number(&fdt, &node, "#size-cells", &number));
    assert_int_equal(number, 2);
    assert_false(fdt_prop(&fdt, &node, "device_type", &value)); /* the child's */
    assert_false(fdt_prop(&fdt, &node, "#size", &value));
    fdt_next(&fdt, &node);
    assert_true(fdt_prop_string(&fdt, &node, "device_type", &value));
    assert_true(cs_equal_str(value, "memory"));
    assert_false(fdt_prop_number(&fdt, &node, "reg", &number)); /* 32 bytes are no number */
    fdt_next(&fdt, &node);
    fdt_next(&fdt, &node);
    assert_true(fdt_prop_has(&fdt, &node, "compatible", "one,a"));
    assert_true(fdt_prop_has(&fdt, &node, "compatible", "two,b"));
    assert_false(fdt_prop_has(&fdt, &node, "compatible", "two"));
    assert_false(fdt_prop_has(&fdt, &node, "compatible", ""));
    fdt_next(&fdt, &node);
    assert_true(fdt_prop(&fdt, &node, "empty", &value));
    assert_int_equal(value.len, 0);
    assert_false(fdt_prop_string(&fdt, &node, "empty", &value));
}

static void test_a_string_without_its_end_is_none(void **state)
{
    struct fdt fdt;
    struct fdt_node node;
    struct cs_ro value;

    (void)state;
    fdt_blob_begin(&blob, "");
    fdt_blob_prop(&blob, "text", "abcd", 4);
    fdt_blob_end(&blob);
    opens(&fdt);
    node = fdt_root(&fdt);
    assert_false(fdt_prop_string(&fdt, &node, "text", &value));
    assert_false(fdt_prop_has(&fdt, &node, "text", "abcd"));
}

static void test_reservations_end_at_the_zero_entry(void **state)
{
    struct fdt fdt;
    uint64_t start, size;

    (void)state;
    small_tree();
    blob.reserved[0] = UINT64_C(0x140000000);
    blob.reserved[1] = 0x2000;
    blob.reserved_count = 2;
    opens(&fdt);
    assert_true(fdt_reserved(&fdt, 0, &start, &size));
    assert_int_equal(start, UINT64_C(0x140000000));
    assert_int_equal(size, 0x2000);
    assert_false(fdt_reserved(&fdt, 1, &start, &size));
    assert_false(fdt_reserved(&fdt, UINT32_MAX, &start, &size));
}

static void test_reservations_that_wrap_or_do_not_end_are_refused(void **state)
{
    (void)state;
    small_tree();
    blob.reserved[0] = UINT64_MAX;
    blob.reserved[1] = 1;
    blob.reserved_count = 2;
    make();
    refused("reserved memory that cannot be");
    cs_set_be32(tree, 16, (uint32_t)tree.len & ~7u); /* the list begins at the very end */
    refused("the list of reserved memory has no end");
}

static void test_header_that_lies_is_refused(void **state)
{
    /* each word of the header: a value, and what is said of it */
    static const struct {
        unsigned word;
        uint32_t value;
        const char *why;
    } lies[] = {
        {0, 0xd00dfeee, "there is none"},
        {1, 0, "there is none"},
        {1, 39, "there is none"},
        {1, UINT32_MAX, "too large"},
        {1, FDT_BYTES_MAX, "cut off"},
        {2, UINT32_MAX - 3, "points outside"},
        {2, FDT_BLOB_HEADER + FDT_BLOB_RESERVATIONS + 2, "points outside"},
        {3, UINT32_MAX, "points outside"},
        {4, UINT32_MAX - 7, "points outside"},
        {4, FDT_BLOB_HEADER + 4, "points outside"},
        {5, 16, "version"},
        {6, 18, "version"},
        {6, 2, "version"},
        {8, UINT32_MAX, "points outside"},
        {9, UINT32_MAX, "points outside"},
        {9, 0, "token"},
    };

    (void)state;
    small_tree();
    make();
    for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
        uint8_t *at = tree.base + (size_t)4 * lies[i].word, was[4];

        memcpy(was, at, 4);
        fdt_blob_be32(at, lies[i].value);
        refused(lies[i].why);
        memcpy(at, was, 4);
    }
}

static void test_every_cut_is_refused(void **state)
{
    const char *why;
    struct fdt fdt;

    (void)state;
    small_tree();
    make();
    for (size_t len = 0; len < tree.len; len++) {
        uint8_t *cut = malloc(len + (len == 0)); /* exactly so many bytes: ASan sees more */

        memcpy(cut, tree.base, len);
        assert_int_equal(fdt_open(cs_ro_of(cut, len), &fdt, &why), -E_INVAL);
        free(cut);
    }
}

/* The structure block ends early, at every token: the header says so. */
static void test_every_short_structure_is_refused(void **state)
{
    (void)state;
    small_tree();
    make();
    for (uint32_t len = 0; len < blob.structure_len; len += 4) {
        fdt_blob_be32(tree.base + 36, len);
        refused("device tree");
    }
}

static void test_too_deep_is_refused(void **state)
{
    struct fdt fdt;

    (void)state;
    for (unsigned extra = 0; extra < 2; extra++) {
        memset(&blob, 0, sizeof(blob));
        for (unsigned i = 0; i < FDT_DEPTH_MAX + extra; i++)
            fdt_blob_begin(&blob, "x");
        for (unsigned i = 0; i < FDT_DEPTH_MAX + extra; i++)
            fdt_blob_end(&blob);
        if (extra == 0) {
            opens(&fdt);
        } else {
            make();
            refused("too deep");
        }
    }
}

static void test_order_of_tokens_is_held_to(void **state)
{
    (void)state;
    /* no root */
    make();
    refused("ends inside");
    /* two roots */
    memset(&blob, 0, sizeof(blob));
    for (int i = 0; i < 2; i++) {
        fdt_blob_begin(&blob, "");
        fdt_blob_end(&blob);
    }
    make();
    refused("second root");
    /* an end too many */
    memset(&blob, 0, sizeof(blob));
    fdt_blob_begin(&blob, "");
    fdt_blob_end(&blob);
    fdt_blob_end(&blob);
    make();
    refused("did not begin");
    /* a property outside, and one behind a child */
    memset(&blob, 0, sizeof(blob));
    fdt_blob_string(&blob, "a", "b");
    make();
    refused("no node");
    memset(&blob, 0, sizeof(blob));
    fdt_blob_begin(&blob, "");
    fdt_blob_begin(&blob, "c");
    fdt_blob_end(&blob);
    fdt_blob_string(&blob, "a", "b");
    fdt_blob_end(&blob);
    make();
    refused("no node");
    /* a token that there is not */
    memset(&blob, 0, sizeof(blob));
    fdt_blob_begin(&blob, "");
    fdt_blob_token(&blob, 5);
    make();
    refused("token");
}

static void test_property_that_reaches_outside_is_refused(void **state)
{
    static const uint32_t lengths[] = {0x7fffffff, UINT32_MAX, UINT32_MAX - 2, 4096};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        memset(&blob, 0, sizeof(blob));
        fdt_blob_begin(&blob, "");
        fdt_blob_token(&blob, 3);
        fdt_blob_token(&blob, lengths[i]);
        fdt_blob_token(&blob, 0);
        fdt_blob_end(&blob);
        make();
        refused("reaches outside");
    }
    /* and its name does not end in the strings */
    memset(&blob, 0, sizeof(blob));
    fdt_blob_begin(&blob, "");
    fdt_blob_string(&blob, "name", "x");
    blob.strings_len--;
    fdt_blob_end(&blob);
    make();
    refused("reaches outside");
}

static void test_nops_are_ignored(void **state)
{
    struct fdt fdt;
    struct fdt_node node;
    struct cs_ro value;

    (void)state;
    fdt_blob_token(&blob, 4);
    fdt_blob_begin(&blob, "");
    fdt_blob_token(&blob, 4);
    fdt_blob_string(&blob, "a", "b");
    fdt_blob_token(&blob, 4);
    fdt_blob_string(&blob, "c", "d");
    fdt_blob_end(&blob);
    fdt_blob_token(&blob, 4);
    opens(&fdt);
    node = fdt_root(&fdt);
    assert_true(fdt_prop_string(&fdt, &node, "c", &value));
    assert_true(cs_equal_str(value, "d"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nodes_are_visited_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reg_is_in_the_cells_of_the_parent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reg_that_wraps_or_has_too_many_bits_is_none, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_properties_are_found, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_string_without_its_end_is_none, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reservations_end_at_the_zero_entry, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reservations_that_wrap_or_do_not_end_are_refused,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_header_that_lies_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_cut_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_short_structure_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_deep_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_order_of_tokens_is_held_to, setup, teardown),
        cmocka_unit_test_setup_teardown(test_property_that_reaches_outside_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_nops_are_ignored, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
