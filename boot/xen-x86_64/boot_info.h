/* SPDX-License-Identifier: ISC */
/* boot_info.h - what the three ways to boot say about the machine, checked, in one form: struct
 * hvm_start_info (PVH), struct start_info (PV), the information of Multiboot. */
#ifndef BOOT_BOOT_INFO_H
#define BOOT_BOOT_INFO_H

#include <morgana/cstruct.h>

#include "boot/common/range.h"

#define GIB4 (UINT64_C(4) << 30) /* memory above is not used */

#define BOOT_RAM_MAX 16u   /* ranges of memory that we keep */
#define BOOT_OTHER_MAX 32u /* other ranges of the map that we keep */
#define BOOT_MAP_MAX 128u  /* entries of a memory map that we read */

struct boot_info {
    struct cs_ro cmdline; /* in guest memory, without its NUL; empty where there is none */
    struct cs_ro module;  /* the first one; empty where there is none */
    uint32_t module_count;
    uint32_t map_count;             /* entries of the memory map; 0: the structure has none */
    struct range ram[BOOT_RAM_MAX]; /* whole pages below 4 GiB, ascending, disjoint */
    unsigned ram_count;
    struct range other[BOOT_OTHER_MAX]; /* what the map has beside RAM below 4 GiB */
    unsigned other_count;
    uint64_t ram_bytes; /* all of it, what lies above 4 GiB too */
};

/* ---- boot_info.c ---- */

/* Adds an entry of a memory map. Anything is allowed: RAM that is no whole page, overlaps, or is
 * too much is left out. */
void boot_add_entry(struct boot_info *info, uint64_t addr, uint64_t size, uint32_t type);

/* The highest `size` bytes (a power of two, and their alignment) below the APICs that no entry of
 * the map touches, for frames of Xen's own; 0 where there are none. */
uint64_t boot_hole(const struct boot_info *info, uint64_t size);

/* A copy of `n` bytes at guest-physical `addr`; false where memory does not have them. */
bool boot_copy_from(struct cs_ro memory, uint64_t addr, void *to, size_t n);

/* The text up to its NUL, the view's end, or one byte more than args.h takes: a longer one is
 * refused there, not cut. */
struct cs_ro boot_string(struct cs_ro text);

/* ---- pvh_info.c, multiboot_info.c, pv_info.c ---- */

/* These read the structure at `at` of `memory`, which is the guest-physical memory from 0 up that
 * can be read. They fill info, the RAM too where the structure tells. 0, or -E_INVAL with one
 * sentence in *why (a literal). Nothing is believed: all addresses are checked. */
int pvh_parse(struct cs_ro memory, uint64_t at, struct boot_info *info, const char **why);
int multiboot_parse(struct cs_ro memory, uint64_t at, struct boot_info *info, const char **why);

/* What else a PV domain is told. Frames are page numbers: of ours, `pfn`, which is also the virtual
 * address / 4096; of the machine, `mfn`. */
struct pv_start {
    struct cs_ro p2m;                /* mfn of each of our pages: uint64_t; empty: not found */
    uint64_t console_pfn, store_pfn; /* 0: none */
    uint32_t console_port, store_port;
    uint64_t shared_info_mfn;
    struct range tables; /* the domain builder's page tables, the top one first */
    uint64_t used_end;   /* the builder put nothing of use from here on */
};

/* `memory` is what the builder's page tables map. Also where it fails, p2m and console are right or
 * empty. */
int pv_parse(struct cs_ro memory, uint64_t at, struct boot_info *info, struct pv_start *start,
             const char **why);

/* Are there behind used_end, in what the builder's page tables map (0 .. mapped_end-1), the pages
 * with which new tables begin? Its interface promises 512 KiB. */
#define PV_ROOM_PAGES 2u
bool pv_has_room(const struct pv_start *start, uint64_t mapped_end);

#endif
