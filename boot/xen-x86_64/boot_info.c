/* SPDX-License-Identifier: ISC */
/* boot_info.c - ranges of memory: what the maps of all three ways to boot become. Pure, so that it
 * can be tested anywhere. */
#include "boot_info.h"

#include <xen/arch-x86/hvm/start_info.h>

#define GIB4 (UINT64_C(4) << 30)
#define CMDLINE_MAX 4097u /* one more than args.h takes: a longer one is refused, not cut */
#define APIC_AREA                                                                                  \
    UINT64_C(0xfec00000) /* from here on an x86 machine has its interrupt controllers */

static uint64_t page_up(uint64_t addr)
{
    return (addr + BOOT_PAGE - 1) & ~(uint64_t)(BOOT_PAGE - 1);
}

static uint64_t page_down(uint64_t addr)
{
    return addr & ~(uint64_t)(BOOT_PAGE - 1);
}

static void add_ram(struct boot_info *info, uint64_t addr, uint64_t size)
{
    struct boot_range r;
    unsigned i;

    if (size > UINT64_MAX - BOOT_PAGE || addr > UINT64_MAX - BOOT_PAGE - size)
        return;
    r.start = page_up(addr);
    r.end = page_down(addr + size);
    if (r.end <= r.start)
        return;
    info->ram_bytes += r.end - r.start;
    if (r.start >= GIB4)
        return;
    r.end = u64_min(r.end, GIB4);
    for (i = info->ram_count; i > 0 && info->ram[i - 1].start > r.start; i--)
        ; /* r belongs at i */
    if (i > 0 && info->ram[i - 1].end >= r.start) {
        /* it goes on, or overlaps, what is before it: one range */
        if (info->ram[i - 1].end < r.end)
            info->ram[i - 1].end = r.end;
        i--;
    } else {
        if (info->ram_count == BOOT_RAM_MAX)
            return;
        for (unsigned j = info->ram_count++; j > i; j--)
            info->ram[j] = info->ram[j - 1];
        info->ram[i] = r;
    }
    while (i + 1 < info->ram_count && info->ram[i + 1].start <= info->ram[i].end) {
        /* and it may reach what is behind it */
        if (info->ram[i + 1].end > info->ram[i].end)
            info->ram[i].end = info->ram[i + 1].end;
        info->ram_count--;
        for (unsigned j = i + 1; j < info->ram_count; j++)
            info->ram[j] = info->ram[j + 1];
    }
}

void boot_add_entry(struct boot_info *info, uint64_t addr, uint64_t size, uint32_t type)
{
    if (type == XEN_HVM_MEMMAP_TYPE_RAM) {
        add_ram(info, addr, size);
    } else if (size > 0 && addr < GIB4 && info->other_count < BOOT_OTHER_MAX) {
        uint64_t end = addr + u64_min(size, GIB4 - addr);

        info->other[info->other_count++] = (struct boot_range){addr, end};
    }
}

static bool touches(const struct boot_range *list, unsigned n, struct boot_range r)
{
    for (unsigned i = 0; i < n; i++) {
        if (r.start < list[i].end && r.end > list[i].start)
            return true;
    }
    return false;
}

uint64_t boot_hole(const struct boot_info *info, uint64_t size)
{
    for (uint64_t at = APIC_AREA - size; at > 0; at -= size) {
        struct boot_range r = {at, at + size};

        if (!touches(info->ram, info->ram_count, r) && !touches(info->other, info->other_count, r))
            return at;
    }
    return 0;
}

bool boot_is_ram(const struct boot_info *info, struct boot_range range)
{
    for (unsigned i = 0; i < info->ram_count; i++) {
        if (range.start >= info->ram[i].start && range.end <= info->ram[i].end)
            return range.start <= range.end;
    }
    return false;
}

struct boot_range boot_largest_gap(const struct boot_info *info, const struct boot_range *taken,
                                   unsigned n)
{
    struct boot_range best = {0, 0};

    for (unsigned i = 0; i < info->ram_count; i++) {
        uint64_t at = info->ram[i].start;

        while (at < info->ram[i].end) {
            uint64_t end = info->ram[i].end, next = end;
            bool inside = false;

            for (unsigned t = 0; t < n; t++) {
                uint64_t start = page_down(taken[t].start), stop = page_up(taken[t].end);

                if (taken[t].start == taken[t].end)
                    continue;
                if (at >= start && at < stop) {
                    inside = true;
                    next = u64_min(stop, end);
                    break;
                }
                if (start > at)
                    next = u64_min(next, start);
            }
            if (!inside && next - at > best.end - best.start)
                best = (struct boot_range){at, next};
            at = next;
        }
    }
    return best;
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
