/* SPDX-License-Identifier: ISC */
/* boot_fuzz.h - what must hold of boot information, whoever it came from. Input of these targets:
 * two bytes where the structure stands; the rest is memory. */
#ifndef BOOT_FUZZ_H
#define BOOT_FUZZ_H

#include <stdlib.h>

#include "boot/xen-x86_64/boot_info.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Memory of its own, so that a read outside is seen; *at where the structure stands. False: the
 * input is too short. */
static inline bool boot_fuzz_memory(const uint8_t *data, size_t size, struct cs_ro *memory,
                                    uint64_t *at)
{
    uint8_t *copy;

    if (size < 3)
        return false;
    copy = malloc(size - 2);
    if (copy == NULL)
        return false;
    memcpy(copy, data + 2, size - 2);
    *memory = cs_ro_of(copy, size - 2);
    *at = (uint64_t)data[0] | (uint64_t)data[1] << 8;
    return true;
}

static inline void boot_fuzz_inside(struct cs_ro memory, struct cs_ro part)
{
    if (part.len > 0 &&
        (part.base < memory.base || part.base + part.len > memory.base + memory.len))
        abort();
}

static inline void boot_fuzz_check(struct cs_ro memory, const struct boot_info *info, int err,
                                   const char *why)
{
    const struct range taken[] = {{0, 4096}, {1 << 20, 3 << 20}};
    struct range gap;

    if ((err < 0) != (why != NULL))
        abort();
    if (err < 0)
        return;
    boot_fuzz_inside(memory, info->cmdline);
    boot_fuzz_inside(memory, info->module);
    for (unsigned i = 0; i < info->ram_count; i++) {
        if (info->ram[i].start >= info->ram[i].end || info->ram[i].end > GIB4 ||
            (i > 0 && info->ram[i - 1].end >= info->ram[i].start))
            abort();
    }
    gap = range_largest_gap(info->ram, info->ram_count, GIB4, taken, 2);
    if (gap.start != gap.end && !range_is_in(info->ram, info->ram_count, gap))
        abort();
    if (boot_hole(info, 2 << 20) % (2 << 20) != 0)
        abort();
}

#endif
