/* SPDX-License-Identifier: ISC */
/* fuzz_atags.c - any bytes as a loader's ATAGs: what is accepted holds what atags.h promises. */
#include "boot/cubieboard/atags.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tree tree;
    const char *why = NULL;
    bool good = atags_read(cs_ro_of(data, size), &tree, &why) == 0;

    ASSERT(good || why != NULL);
    if (!good)
        return 0;
    ASSERT(tree.ram_count > 0 && tree.ram_count <= TREE_RAM_MAX);
    for (unsigned i = 0; i < tree.ram_count; i++) {
        ASSERT(tree.ram[i].start < tree.ram[i].end && tree.ram[i].end <= UINT64_C(1) << 32);
        ASSERT((tree.ram[i].start | tree.ram[i].end) % PAGE_BYTES == 0);
        ASSERT(i == 0 || tree.ram[i - 1].end <= tree.ram[i].start);
    }
    if (tree.bootargs.len > 0)
        ASSERT(tree.bootargs.base > data && tree.bootargs.base[tree.bootargs.len] == 0);
    ASSERT(tree.module.end >= tree.module.start);
    return 0;
}
