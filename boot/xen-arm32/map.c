/* SPDX-License-Identifier: ISC */
/* map.c - boot/xen-arm/arch.h's addresses by boot/armv7's page tables, and the step from one to the
 * other. */
#include "boot/armv7/armv7.h"
#include "boot/xen-arm/arch.h"

uintptr_t arch_offset;
const uint64_t arch_phys_end = UINT64_C(1) << 32;

bool arch_map(uint64_t phys, uint64_t size, enum arch_rights rights)
{
    static const enum armv7_rights of[] = {
        [ARCH_NONE] = ARMV7_NONE, [ARCH_RX] = ARMV7_RX,         [ARCH_R] = ARMV7_R,
        [ARCH_RW] = ARMV7_RW,     [ARCH_DEVICE] = ARMV7_DEVICE,
    };

    while (size > 0) {
        const uint32_t virt = (uint32_t)(uintptr_t)arch_virt(phys);
        /* Virtual addresses wrap where the image is not where it was linked. */
        const uint64_t piece = u64_min(u64_min(size, arch_phys_end - virt), UINT64_C(1) << 31);

        if (armv7_mmu_map(
                (struct armv7_region){virt, (uint32_t)phys, (uint32_t)piece, of[rights]}) < 0)
            return false;
        phys += piece;
        size -= piece;
    }
    return true;
}

_Noreturn void boot_start(uint32_t r0, uint32_t r1, uint32_t r2, uint32_t load)
{
    const uint32_t text = (uint32_t)boot_image_start, rodata = (uint32_t)boot_rodata_start;
    const uint32_t data = (uint32_t)boot_data_start, end = (uint32_t)boot_image_end;
    const struct armv7_region regions[] = {
        {text, load, rodata - text, ARMV7_RX},
        {rodata, load + (rodata - text), data - rodata, ARMV7_R},
        {data, load + (data - text), end - data, ARMV7_RW},
    };

    (void)r0;
    (void)r1;
    arch_offset = text - load;
    if (armv7_mmu_init(load, regions, ARRAY_SIZE(regions)) < 0)
        armv7_stop(); /* cannot be: the image needs five tables at most */
    arm_main(r2);
}
