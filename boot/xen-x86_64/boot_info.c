/* SPDX-License-Identifier: ISC */
/* boot_info.c - ranges of memory: what the maps of all three ways to boot become. Pure, so that it
 * can be tested anywhere. */
#include "boot_info.h"

#include <xen/arch-x86/hvm/start_info.h>

#define CMDLINE_MAX 4097u /* one more than args.h takes: a longer one is refused, not cut */
#define APIC_AREA                                                                                  \
    UINT64_C(0xfec00000) /* from here on an x86 machine has its interrupt controllers */

static void add_ram(struct boot_info *info, uint64_t addr, uint64_t size)
{
    struct range r;

    if (size > UINT64_MAX - addr)
        return;
    r = range_pages_in((struct range){addr, addr + size});
    info->ram_bytes += r.end - r.start;
    if (r.start < GIB4)
        info->ram_count = range_add(info->ram, info->ram_count, BOOT_RAM_MAX,
                                    (struct range){r.start, u64_min(r.end, GIB4)});
}

void boot_add_entry(struct boot_info *info, uint64_t addr, uint64_t size, uint32_t type)
{
    if (type == XEN_HVM_MEMMAP_TYPE_RAM) {
        add_ram(info, addr, size);
    } else if (size > 0 && addr < GIB4 && info->other_count < BOOT_OTHER_MAX) {
        uint64_t end = addr + u64_min(size, GIB4 - addr);

        info->other[info->other_count++] = (struct range){addr, end};
    }
}

static bool touches(const struct range *list, unsigned n, struct range r)
{
    for (unsigned i = 0; i < n; i++) {
        if (range_touches(list[i], r))
            return true;
    }
    return false;
}

uint64_t boot_hole(const struct boot_info *info, uint64_t size)
{
    for (uint64_t at = APIC_AREA - size; at > 0; at -= size) {
        struct range r = {at, at + size};

        if (!touches(info->ram, info->ram_count, r) && !touches(info->other, info->other_count, r))
            return at;
    }
    return 0;
}

bool boot_copy_from(struct cs_ro memory, uint64_t addr, void *to, size_t n)
{
    struct cs_ro from;

    if (!cs_try_sub(memory, addr, n, &from))
        return false;
    memcpy(to, from.base, n);
    return true;
}

struct cs_ro boot_string(struct cs_ro text)
{
    size_t len;

    for (len = 0; len < text.len && len < CMDLINE_MAX && text.base[len] != 0; len++)
        ;
    return cs_head(text, len);
}
