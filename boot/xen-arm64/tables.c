/* SPDX-License-Identifier: ISC */
/* tables.c - page tables, the largest block that fits. Pure, so that it can be tested anywhere.
 *
 * Virtual = physical. An entry that is 0 has not been decided yet; one that is REFUSED never will
 * be. Entries change once, from 0, so that no translation has to be invalidated: one that faults is
 * kept in no TLB. The first calls come with the MMU off: accesses are aligned, see entry.S.
 */
#include "tables.h"

#include <barrier.h>

#include "asm.h"

#define LEVELS 3
#define ENTRY_TABLE 3u
#define ENTRY_BLOCK 1u /* levels 1 and 2 */
#define ENTRY_PAGE 3u  /* level 3 */
#define ENTRY_ATTRIBUTE(n) ((uint64_t)(n) << 2)
#define ENTRY_READ_ONLY (UINT64_C(1) << 7)
#define ENTRY_INNER_SHAREABLE (UINT64_C(3) << 8)
#define ENTRY_ACCESSED (UINT64_C(1) << 10)
#define ENTRY_NX_EL1 (UINT64_C(1) << 53)
#define ENTRY_NX_EL0 (UINT64_C(1) << 54) /* always: nothing of ours runs there */
#define ENTRY_ADDR UINT64_C(0x0000fffffffff000)
#define REFUSED UINT64_C(0x5a5a5a5a00000000) /* bit 0 is 0: it faults */

static uint64_t attributes(enum arch_rights rights)
{
    const uint64_t normal =
        ENTRY_ATTRIBUTE(MAIR_NORMAL) | ENTRY_INNER_SHAREABLE | ENTRY_ACCESSED | ENTRY_NX_EL0;

    switch (rights) {
    case ARCH_RX:
        return normal | ENTRY_READ_ONLY;
    case ARCH_R:
        return normal | ENTRY_READ_ONLY | ENTRY_NX_EL1;
    case ARCH_RW:
        return normal | ENTRY_NX_EL1;
    case ARCH_DEVICE:
        return ENTRY_ATTRIBUTE(MAIR_DEVICE) | ENTRY_ACCESSED | ENTRY_NX_EL1 | ENTRY_NX_EL0;
    case ARCH_NONE:
        break;
    }
    return 0;
}

static bool is_table(uint64_t entry, int level)
{
    return level < LEVELS && (entry & 3) == ENTRY_TABLE;
}

/* The part of phys .. end-1 that one entry of `table`, of that level, covers. False: no page for a
 * table. */
static bool map_entry(uint64_t **table, int *level, uint64_t phys, uint64_t end,
                      enum arch_rights rights, uint64_t *covered)
{
    const unsigned shift = 12 + 9 * (unsigned)(LEVELS - *level);
    const uint64_t size = UINT64_C(1) << shift;
    volatile uint64_t *entry = &(*table)[phys >> shift & (TABLES_ENTRIES - 1)];

    *covered = size - (phys & (size - 1));
    if (*entry == 0 && (phys & (size - 1)) == 0 && end - phys >= size) {
        *entry = rights == ARCH_NONE
                     ? REFUSED
                     : phys | attributes(rights) | (*level < LEVELS ? ENTRY_BLOCK : ENTRY_PAGE);
        return true;
    }
    if (*entry == 0) {
        void *page = memory_take_page();

        if (page == NULL)
            return false;
        wmb(); /* it is empty before it is reachable */
        *entry = (uintptr_t)page | ENTRY_TABLE;
    }
    if (is_table(*entry, *level)) {
        *table = (uint64_t *)(uintptr_t)(*entry & ENTRY_ADDR);
        (*level)++;
        *covered = 0; /* further down */
    }
    return true;
}

bool tables_map(uint64_t top[TABLES_ENTRIES], uint64_t phys, uint64_t size, enum arch_rights rights)
{
    const uint64_t end = phys + size;

    while (phys < end) {
        uint64_t *table = top, covered = 0;

        for (int level = 1; covered == 0;) {
            if (!map_entry(&table, &level, phys, end, rights, &covered))
                return false;
        }
        phys += covered;
    }
    return true;
}
