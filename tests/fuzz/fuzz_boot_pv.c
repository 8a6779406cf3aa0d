/* SPDX-License-Identifier: ISC */
/* fuzz_boot_pv.c - struct start_info of a PV domain, as anything. */
#include "boot_fuzz.h"

#include "boot/xen-x86_64/pv_info.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct boot_info info;
    struct pv_start start;
    const char *why = NULL;
    struct cs_ro memory;
    uint64_t at;
    int err;

    if (!boot_fuzz_memory(data, size, &memory, &at))
        return 0;
    err = pv_parse(memory, at, &info, &start, &why);
    boot_fuzz_check(memory, &info, err, why);
    boot_fuzz_inside(memory, start.p2m);
    if (err == 0 && (start.tables.end > memory.len || start.tables.start >= start.tables.end ||
                     start.used_end < start.tables.end || start.used_end > memory.len + PAGE_BYTES))
        abort();
    if ((start.console_pfn + 1) * PAGE_BYTES > memory.len + PAGE_BYTES)
        abort();
    free((void *)(uintptr_t)memory.base);
    return 0;
}
