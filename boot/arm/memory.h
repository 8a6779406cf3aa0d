/* SPDX-License-Identifier: ISC */
/* memory.h - who gets which page, and how the machine maps it.
 *
 * All that is mapped is mapped at one distance: virtual = physical + arch_offset, modulo the size
 * of a pointer. A 64-bit image is linked position-independent and relocates itself: 0. A 32-bit
 * image is linked at a fixed address: the distance to where it was loaded. */
#ifndef BOOT_ARM_MEMORY_H
#define BOOT_ARM_MEMORY_H

#include "tree.h"

/* ==== the machine supplies ==================================================================== */

/* Virtual minus physical. Set by the entry, constant from then on. */
extern uintptr_t arch_offset;
/* The first physical address that can not be mapped: 4 GiB where a pointer has 32 bits. */
extern const uint64_t arch_phys_end;

static inline void *arch_virt(uint64_t phys)
{
    return (void *)((uintptr_t)phys + arch_offset);
}

static inline uint64_t arch_phys(const void *virt)
{
    return (uintptr_t)virt - arch_offset; /* 32 bits wrap as the mapping does */
}

enum arch_rights {
    ARCH_NONE, /* faults, for ever */
    ARCH_RX,
    ARCH_R,
    ARCH_RW,     /* Normal memory, write-back, inner shareable; never executable */
    ARCH_DEVICE, /* nGnRE, read and write, never executable */
};

/* Maps physical pages: whole ones, below arch_phys_end. A page that has been mapped, or refused by
 * ARCH_NONE, keeps what it has: the first call wins. Takes frames for tables by memory_take_page.
 * False: there was none. The caller may use the pages at once. */
bool arch_map(uint64_t phys, uint64_t size, enum arch_rights rights);

/* ==== memory.c ================================================================================ */

/* Decides what each page is for, and maps it. 0, or -E_ with one sentence in *why. */
int memory_init(const struct tree *tree, struct range fdt, const char **why);

/* A zeroed page, for page tables: of a small pool in the image first (usable with the MMU off),
 * of the heap's end later. NULL: none. */
void *memory_take_page(void);

#endif
