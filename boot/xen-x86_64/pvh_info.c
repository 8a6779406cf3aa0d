/* SPDX-License-Identifier: ISC */
/* pvh_info.c - checks the start information. Pure: it sees guest memory as a view, so that it can
 * be tested anywhere. */
#include "pvh_info.h"

#include <morgana/err.h>

#include <xen/arch-x86/hvm/start_info.h>

#define GIB4 (UINT64_C(4) << 30)
#define APIC_AREA                                                                                  \
    UINT64_C(0xfec00000)  /* from here on an x86 machine has its interrupt controllers */
#define CMDLINE_MAX 4097u /* one more than args.h takes: a longer one is refused, not cut */

STATIC_ASSERT(sizeof(struct hvm_start_info) == 56, "as start_info.h draws it");
STATIC_ASSERT(sizeof(struct hvm_modlist_entry) == 32, "as start_info.h draws it");
STATIC_ASSERT(sizeof(struct hvm_memmap_table_entry) == 24, "as start_info.h draws it");

/* A copy of `n` bytes at guest-physical `addr`; false where memory does not have them. */
static bool copy_from(struct cs_ro memory, uint64_t addr, void *to, size_t n)
{
    struct cs_ro from;

    if (!cs_try_sub(memory, addr, n, &from))
        return false;
    memcpy(to, from.base, n);
    return true;
}

static uint64_t page_up(uint64_t addr)
{
    return (addr + PVH_PAGE - 1) & ~(uint64_t)(PVH_PAGE - 1);
}

static uint64_t page_down(uint64_t addr)
{
    return addr & ~(uint64_t)(PVH_PAGE - 1);
}

static void add_ram(struct pvh_info *info, uint64_t addr, uint64_t size)
{
    struct pvh_range r;
    unsigned i;

    if (size > UINT64_MAX - PVH_PAGE || addr > UINT64_MAX - PVH_PAGE - size)
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
        if (info->ram_count == PVH_RAM_MAX)
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

void pvh_add_entry(struct pvh_info *info, uint64_t addr, uint64_t size, uint32_t type)
{
    if (type == XEN_HVM_MEMMAP_TYPE_RAM) {
        add_ram(info, addr, size);
    } else if (size > 0 && addr < GIB4 && info->other_count < PVH_OTHER_MAX) {
        uint64_t end = addr + u64_min(size, GIB4 - addr);

        info->other[info->other_count++] = (struct pvh_range){addr, end};
    }
}

static bool touches(const struct pvh_range *list, unsigned n, struct pvh_range r)
{
    for (unsigned i = 0; i < n; i++) {
        if (r.start < list[i].end && r.end > list[i].start)
            return true;
    }
    return false;
}

uint64_t pvh_hole(const struct pvh_info *info, uint64_t size)
{
    for (uint64_t at = APIC_AREA - size; at > 0; at -= size) {
        struct pvh_range r = {at, at + size};

        if (!touches(info->ram, info->ram_count, r) && !touches(info->other, info->other_count, r))
            return at;
    }
    return 0;
}

bool pvh_is_ram(const struct pvh_info *info, struct pvh_range range)
{
    for (unsigned i = 0; i < info->ram_count; i++) {
        if (range.start >= info->ram[i].start && range.end <= info->ram[i].end)
            return range.start <= range.end;
    }
    return false;
}

struct pvh_range pvh_largest_gap(const struct pvh_info *info, const struct pvh_range *taken,
                                 unsigned n)
{
    struct pvh_range best = {0, 0};

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
                best = (struct pvh_range){at, next};
            at = next;
        }
    }
    return best;
}

static int read_map(struct cs_ro memory, uint64_t at, uint32_t count, struct pvh_info *info,
                    const char **why)
{
    if (count > PVH_MAP_MAX) {
        *why = "start info: more entries in the memory map than can be";
        return -E_INVAL;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct hvm_memmap_table_entry entry;

        if (at > UINT64_MAX - i * sizeof(entry) ||
            !copy_from(memory, at + i * sizeof(entry), &entry, sizeof(entry))) {
            *why = "start info: the memory map is outside memory";
            return -E_INVAL;
        }
        pvh_add_entry(info, entry.addr, entry.size, entry.type);
    }
    return 0;
}

static int read_cmdline(struct cs_ro memory, uint64_t at, struct pvh_info *info, const char **why)
{
    struct cs_ro rest;
    size_t len;

    if (at == 0)
        return 0;
    if (!cs_try_shift(memory, at, &rest)) {
        *why = "start info: the command line is outside memory";
        return -E_INVAL;
    }
    for (len = 0; len < rest.len && len < CMDLINE_MAX && rest.base[len] != 0; len++)
        ;
    info->cmdline = cs_head(rest, len);
    return 0;
}

static int read_module(struct cs_ro memory, uint64_t at, struct pvh_info *info, const char **why)
{
    struct hvm_modlist_entry entry;

    if (info->module_count == 0)
        return 0;
    if (!copy_from(memory, at, &entry, sizeof(entry))) {
        *why = "start info: the list of modules is outside memory";
        return -E_INVAL;
    }
    if (!cs_try_sub(memory, entry.paddr, entry.size, &info->module)) {
        *why = "start info: the module is outside memory";
        return -E_INVAL;
    }
    return 0;
}

int pvh_parse(struct cs_ro memory, uint64_t at, struct pvh_info *info, const char **why)
{
    const size_t version0_bytes = offsetof(struct hvm_start_info, memmap_paddr);
    struct hvm_start_info si = {0};
    int err = 0;

    *info = (struct pvh_info){.cmdline = CS_RO_EMPTY, .module = CS_RO_EMPTY};
    if (!copy_from(memory, at, &si, version0_bytes)) {
        *why = "start info: outside memory";
        return -E_INVAL;
    }
    if (si.magic != XEN_HVM_START_MAGIC_VALUE) {
        *why = "start info: wrong magic number";
        return -E_INVAL;
    }
    if (si.version >= 1) {
        if (!copy_from(memory, at, &si, sizeof(si))) {
            *why = "start info: it ends too early";
            return -E_INVAL;
        }
        info->map_count = si.memmap_entries;
        err = read_map(memory, si.memmap_paddr, si.memmap_entries, info, why);
    }
    info->module_count = si.nr_modules;
    if (err == 0)
        err = read_module(memory, si.modlist_paddr, info, why);
    if (err == 0)
        err = read_cmdline(memory, si.cmdline_paddr, info, why);
    return err;
}
