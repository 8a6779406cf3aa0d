/* SPDX-License-Identifier: ISC */
/* fuzz_fdt.c - any bytes as a device tree: what is accepted can be walked, and what a Xen guest
 * reads of it holds what tree.h promises. */
#include <morgana/err.h>

#include "boot/common/fdt.h"
#include "boot/arm/tree.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const struct fdt *fdt)
{
    struct fdt_node node = fdt_root(fdt);
    unsigned nodes = 0;

    do {
        struct cs_ro value;
        uint64_t start, bytes;

        ASSERT(++nodes <= FDT_NODES_MAX);
        ASSERT(node.depth >= 1 && node.depth <= FDT_DEPTH_MAX);
        for (unsigned i = 0; fdt_reg(fdt, &node, i, &start, &bytes); i++)
            ASSERT(start + bytes >= start);
        (void)fdt_prop_has(fdt, &node, "compatible", "xen,xen");
        if (fdt_prop_string(fdt, &node, "device_type", &value))
            ASSERT(value.base[value.len] == 0);
        (void)fdt_is_named(&node, "memory");
    } while (fdt_next(fdt, &node));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tree tree;
    const char *why = NULL;
    struct fdt fdt;
    bool opens = fdt_open(cs_ro_of(data, size), &fdt, &why) == 0;

    ASSERT(opens == (why == NULL));
    if (opens)
        walk(&fdt);
    if (tree_read(cs_ro_of(data, size), &tree, &why) < 0) {
        ASSERT(why != NULL);
        return 0;
    }
    ASSERT(opens && tree.ram_count > 0 && tree.ram_count <= TREE_RAM_MAX);
    for (unsigned i = 0; i < tree.ram_count; i++) {
        ASSERT(tree.ram[i].start < tree.ram[i].end && tree.ram[i].start % PAGE_BYTES == 0 &&
               tree.ram[i].end % PAGE_BYTES == 0);
        ASSERT(i == 0 || tree.ram[i - 1].end < tree.ram[i].start);
    }
    ASSERT(tree.module.start <= tree.module.end && tree.reserved_count <= TREE_RESERVED_MAX);
    return 0;
}
