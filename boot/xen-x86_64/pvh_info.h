/* SPDX-License-Identifier: ISC */
/* pvh_info.h - what the domain builder says in struct hvm_start_info (Xen's
 * public/arch-x86/hvm/start_info.h), checked. */
#ifndef BOOT_PVH_INFO_H
#define BOOT_PVH_INFO_H

#include <morgana/cstruct.h>

#define PVH_PAGE 4096u
#define PVH_RAM_MAX 16u   /* ranges of memory that we keep */
#define PVH_OTHER_MAX 32u /* other ranges of the map that we keep */
#define PVH_MAP_MAX 128u  /* entries of a memory map that we read */

/* Bytes start .. end-1 of guest-physical memory. */
struct pvh_range {
    uint64_t start, end;
};

struct pvh_info {
    struct cs_ro cmdline; /* in guest memory, without its NUL; empty where there is none */
    struct cs_ro module;  /* the first one; empty where there is none */
    uint32_t module_count;
    uint32_t map_count;                /* entries of the memory map; 0: the structure has none */
    struct pvh_range ram[PVH_RAM_MAX]; /* whole pages below 4 GiB, ascending, disjoint */
    unsigned ram_count;
    struct pvh_range other[PVH_OTHER_MAX]; /* what the map lists beside RAM below 4 GiB, as it is */
    unsigned other_count;
    uint64_t ram_bytes; /* all of it, what lies above 4 GiB too */
};

/* Reads the structure at `at` of `memory`, which is the guest-physical memory from 0 up that can
 * be read. Fills info, the RAM too where the structure has a memory map. 0, or -E_INVAL with one
 * sentence in *why (a literal). Nothing in it is believed: all addresses are checked. */
int pvh_parse(struct cs_ro memory, uint64_t at, struct pvh_info *info, const char **why);

/* Adds an entry of a memory map. Anything is allowed: RAM that is no whole page, overlaps, or is
 * too much is left out. */
void pvh_add_entry(struct pvh_info *info, uint64_t addr, uint64_t size, uint32_t type);

/* Does one range of RAM hold all of `range`? */
bool pvh_is_ram(const struct pvh_info *info, struct pvh_range range);

/* The largest piece of RAM that none of `taken` (n of them) touches, in whole pages; start == end
 * where there is none. */
struct pvh_range pvh_largest_gap(const struct pvh_info *info, const struct pvh_range *taken,
                                 unsigned n);

/* The highest `size` bytes (a power of two, and their alignment) below the APICs that no entry of
 * the map touches, for frames of Xen's own; 0 where there are none. */
uint64_t pvh_hole(const struct pvh_info *info, uint64_t size);

#endif
