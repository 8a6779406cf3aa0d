/* SPDX-License-Identifier: ISC */
/* arch.c - what boot/xen-arm's files about memory, device tree and entropy want from below
 * (arch.h there). They know no hypervisor; here virtual addresses are physical ones. */
#include "boot/xen-arm/arch.h"

#include "board.h"
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

/* No more than time: for those who take the risk. */
uint64_t arch_counter(void)
{
    return timer_ticks();
}

bool arch_random(uint64_t *out)
{
    (void)out;
    return false; /* what the A10 calls a random number generator is a shift register */
}
