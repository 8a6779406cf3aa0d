/* SPDX-License-Identifier: ISC */
/* mmu.c - the tables that start.S's are replaced by, and what is mapped later.
 *
 * start.S's first-level table maps 1 MiB sections with all rights. It stays in use while the real
 * one is made beside it; then it is 16 second-level tables more.
 */
#include <morgana/err.h>

#include "armv7.h"

extern uint32_t armv7_l1_early[4096], armv7_l1[4096];
extern uint32_t armv7_l2[ARMV7_L2_TABLES + ARMV7_L1_BYTES / ARMV7_L2_BYTES][256];

/* Table walks need not look into the data cache (B3.10.1: without the Multiprocessing Extensions
 * they do not). */
static void written(const void *start, size_t bytes)
{
    armv7_dcache_clean(start, bytes);
}

static struct armv7_tables tables = {.l1 = armv7_l1, .l2 = armv7_l2, .l2_count = ARMV7_L2_TABLES};

static void flush_tlb(void)
{
    armv7_dsb();
    ARMV7_CP15_WRITE(0, 0, c8, c7, 0); /* TLBIALL */
    ARMV7_CP15_WRITE(0, 0, c7, c5, 6); /* BPIALL */
    armv7_dsb();
    armv7_isb();
}

static uint32_t ttbr_of(uint32_t phys)
{
    return phys | ARMV7_TTBR_RGN_WBWA |
           (tables.shareable ? ARMV7_TTBR_IRGN_WBWA | ARMV7_TTBR_S : ARMV7_TTBR_C);
}

static int take_away(uint32_t virt)
{
    const struct armv7_region page = {virt, virt, PAGE_BYTES, ARMV7_NONE};

    return armv7_tables_map(&tables, &page);
}

int armv7_mmu_init(uint32_t load, const struct armv7_region *regions, unsigned count)
{
    const uint32_t offset = load - (uint32_t)boot_image_start;
    int err = 0;

    memset(armv7_l1, 0, ARMV7_L1_BYTES); /* outside what start.S clears */
    tables.shareable = armv7_is_multiprocessor();
    tables.l2_phys = (uint32_t)armv7_l2 + offset;
    for (unsigned i = 0; i < count && err == 0; i++)
        err = armv7_tables_map(&tables, &regions[i]);
    if (err == 0)
        err = take_away(0);
    if (err == 0)
        err = take_away((uint32_t)boot_stack_guard);
    if (err < 0)
        return err;
    armv7_dcache_clean(armv7_l1, ARMV7_L1_BYTES);
    armv7_dcache_clean(armv7_l2, sizeof(armv7_l2));
    ARMV7_CP15_WRITE(ttbr_of((uint32_t)armv7_l1 + offset), 0, c2, c0, 0); /* TTBR0 */
    armv7_isb();
    flush_tlb();
    tables.written = written;
    tables.l2_count = ARRAY_SIZE(armv7_l2);
    return 0;
}

int armv7_mmu_map(struct armv7_region region)
{
    int err = armv7_tables_fill(&tables, &region);

    flush_tlb();
    return err;
}
