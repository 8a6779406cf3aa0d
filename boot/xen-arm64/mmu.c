/* SPDX-License-Identifier: ISC */
/* mmu.c - the page tables of the image, made before the MMU is on, and those that follow. */
#include "asm.h"
#include "cpu.h"
#include "tables.h"

struct boot_mmu {
    uint64_t ttbr, tcr;
};
struct boot_mmu boot_early(void);

uintptr_t arch_offset; /* 0 */
const uint64_t arch_phys_end = UINT64_C(1) << ADDRESS_BITS;

static _Alignas(PAGE_BYTES) uint64_t top[TABLES_ENTRIES];

bool arch_map(uint64_t phys, uint64_t size, enum arch_rights rights)
{
    bool mapped = tables_map(top, phys, size, rights);

    __asm__ volatile("dsb ishst; isb" : : : "memory"); /* walks see them */
    return mapped;
}

static void map_image(const uint8_t *from, const uint8_t *to, enum arch_rights rights)
{
    (void)arch_map((uintptr_t)from, (uintptr_t)to - (uintptr_t)from, rights); /* the pool is full */
}

/* Called by entry.S with the MMU off. */
struct boot_mmu boot_early(void)
{
    map_image(boot_image_start, boot_rodata_start, ARCH_RX);
    map_image(boot_rodata_start, boot_data_start, ARCH_R);
    map_image(boot_stack_guard, boot_stack, ARCH_NONE);
    map_image(boot_data_start, boot_image_end, ARCH_RW);
    (void)arch_map(0, PAGE_BYTES, ARCH_NONE);
    return (struct boot_mmu){
        .ttbr = (uintptr_t)top,
        .tcr = TCR | (cpu_read(id_aa64mmfr0_el1) & 7) << 32, /* PARange as IPS */
    };
}
