/* SPDX-License-Identifier: ISC */
/* arch.c - what boot/arm/memory.h asks of the machine. Virtual addresses are physical ones. */
#include "boot/arm/memory.h"
#include "boot/armv7/armv7.h"

uintptr_t arch_offset = 0;
const uint64_t arch_phys_end = UINT64_C(1) << 32;

bool arch_map(uint64_t phys, uint64_t size, enum arch_rights rights)
{
    static const enum armv7_rights of[] = {
        [ARCH_NONE] = ARMV7_NONE, [ARCH_RX] = ARMV7_RX,         [ARCH_R] = ARMV7_R,
        [ARCH_RW] = ARMV7_RW,     [ARCH_DEVICE] = ARMV7_DEVICE,
    };
    struct armv7_region region = {(uint32_t)phys, (uint32_t)phys, (uint32_t)size, of[rights]};

    return size == 0 || armv7_mmu_map(region) == 0;
}
