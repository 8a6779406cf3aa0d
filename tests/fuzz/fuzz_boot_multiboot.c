/* SPDX-License-Identifier: ISC */
/* fuzz_boot_multiboot.c - a Multiboot loader's information, as anything. */
#include "boot_fuzz.h"

#include "boot/xen-x86_64/multiboot_info.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct boot_info info;
    const char *why = NULL;
    struct cs_ro memory;
    uint64_t at;

    if (!boot_fuzz_memory(data, size, &memory, &at))
        return 0;
    boot_fuzz_check(memory, &info, multiboot_parse(memory, at, &info, &why), why);
    free((void *)(uintptr_t)memory.base);
    return 0;
}
