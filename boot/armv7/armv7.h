/* SPDX-License-Identifier: ISC */
/* armv7.h - what every ARMv7-A machine needs, be it a guest of Xen or a board: start, MMU, caches,
 * traps, memory functions. References are to ARM DDI 0406.
 *
 * How a target uses it. Its own entry.S holds what the loader wants to see (a zImage header, ...)
 * and branches to armv7_start, in any mode, MMU and caches in any state:
 *
 *     r0, r1, r2     handed through to boot_start()
 *     loaded at      its link address plus a multiple of 1 MiB ("the offset"), which is 0 or so
 *                    large that load and link addresses do not overlap
 *
 * armv7_start leaves HYP mode, masks interrupts, clears .bss, switches MMU and caches on (with all
 * rights for the image, which is where it was linked), sets the exception vectors, and calls the
 * target's
 *
 *     _Noreturn void boot_start(uint32_t r0, uint32_t r1, uint32_t r2, uint32_t load);
 *
 * `load`: the physical address of boot_image_start. Only the image is mapped then, nothing of a
 * device's; armv7_mmu_init() makes the real tables, with devices.
 *
 * Interrupts stay masked always: WFI ends on a masked interrupt too (B1.8.13), so that looking and
 * sleeping need no lock and no handler. An interrupt taken is a trap like any other.
 *
 * The linker script supplies boot_image_start, boot_rodata_start, boot_data_start (page-aligned:
 * each piece has other rights), boot_bss_start, boot_bss_end (4-byte aligned; .bss.boot_pages lies
 * outside, before boot_bss_start), boot_image_end (page-aligned), boot_init_array_start and _end;
 * start.S the stack. The target supplies bare_emergency() and bare_shutdown() (bare.h).
 *
 * Code is compiled for ARM state with frame pointers (-marm -fno-omit-frame-pointer): backtraces
 * follow r11. */
#ifndef ARMV7_H
#define ARMV7_H

#include <morgana/base.h>

#include "boot/armv7/asm.h"
#include "boot/armv7/tables.h"
#include "boot/common/bare/image.h"

/* ---- the target's ---- */

_Noreturn void boot_start(uint32_t r0, uint32_t r1, uint32_t r2, uint32_t load);
/* ---- mmu.c ---- */

/* Makes the real tables from `regions` (tables.h: later ones win over earlier ones) and switches
 * to them. What no region covers is not mapped. Regions must cover the image; the page at virtual
 * address 0 and the one at boot_stack_guard are taken away by this. `load`: as boot_start() has
 * it. 0; -E_NOMEM: no page table left; -E_INVAL: a region that is unaligned or wraps. */
int armv7_mmu_init(uint32_t load, const struct armv7_region *regions, unsigned count);
/* Maps one more region, later on. Here the first one wins: a page that has been mapped, or taken
 * away, stays as it is. Errors as above. */
int armv7_mmu_map(struct armv7_region region);

/* ---- cache.c: upkeep by address, to the point of coherency. Ends with a barrier. ---- */

/* Writes dirty lines back: before a device, or a CPU without caches, reads. */
void armv7_dcache_clean(const void *start, size_t bytes);
/* The same, and forgets them: before reading what a device, or a CPU without caches, wrote. */
void armv7_dcache_clean_invalidate(const void *start, size_t bytes);
/* All levels, by set and way: only where no hypervisor is (it would have to walk all of memory)
 * and before the memory goes to something that runs with caches off. In start.S. */
void armv7_dcache_clean_invalidate_all(void);

/* ---- single instructions ---- */

/* Sleeps until an interrupt is pending, masked or not. */
static inline void armv7_wfi(void)
{
    __asm__ volatile("dsb\n\twfi" : : : "memory");
}

static inline void armv7_dsb(void)
{
    __asm__ volatile("dsb" : : : "memory");
}

static inline void armv7_isb(void)
{
    __asm__ volatile("isb" : : : "memory");
}

/* Stops for good. */
static inline _Noreturn void armv7_stop(void)
{
    for (;;)
        __asm__ volatile("cpsid aif\n\twfi" : : : "memory");
}

/* A register of coprocessor 15: ARMV7_CP15_READ(0, c0, c0, 5) is MPIDR. */
#define ARMV7_CP15_READ(op1, crn, crm, op2)                                                        \
    ({                                                                                             \
        uint32_t value_;                                                                           \
        __asm__ volatile("mrc p15, " #op1 ", %0, " #crn ", " #crm ", " #op2                        \
                         : "=r"(value_)                                                            \
                         :                                                                         \
                         : "memory");                                                              \
        value_;                                                                                    \
    })
#define ARMV7_CP15_WRITE(value, op1, crn, crm, op2)                                                \
    __asm__ volatile("mcr p15, " #op1 ", %0, " #crn ", " #crm ", " #op2                            \
                     :                                                                             \
                     : "r"((uint32_t)(value))                                                      \
                     : "memory")

/* Does another CPU see our caches (Multiprocessing Extensions, MPIDR bit 31)? */
static inline bool armv7_is_multiprocessor(void)
{
    return (ARMV7_CP15_READ(0, c0, c0, 5) >> 31) != 0;
}

#endif
