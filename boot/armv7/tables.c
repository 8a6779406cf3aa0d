/* SPDX-License-Identifier: ISC */
/* tables.c - page tables of ARMv7's short-descriptor format (ARM DDI 0406, B3.5.1).
 *
 * Where 1 MiB has one target and the same rights it is a section; else it gets a second-level
 * table, filled with what the section said before. So regions can be laid over each other, the
 * large before the small, and the last one wins (map); or only what nobody has spoken of is mapped
 * (fill), which never changes an entry that the CPU may have read.
 */
#include <morgana/err.h>

#include "boot/armv7/asm.h"
#include "boot/armv7/tables.h"

#define L1_TYPE 3u
#define L1_TABLE 1u
#define L1_SECTION 2u
#define L2_SMALL_PAGE 2u
#define L2_XN 1u
#define REFUSED 4u /* no type: it faults. Not 0: somebody wants it so */
#define PAGE_MASK (PAGE_BYTES - 1)
#define MIB_MASK (ARMV7_MIB - 1)

/* A section's bits for each kind. */
static const uint32_t section_bits[ARMV7_RIGHTS] = {
    [ARMV7_NONE] = REFUSED,
    [ARMV7_RX] = ARMV7_SECTION | ARMV7_SECTION_NORMAL | ARMV7_SECTION_AP_RO,
    [ARMV7_R] = ARMV7_SECTION | ARMV7_SECTION_NORMAL | ARMV7_SECTION_AP_RO | ARMV7_SECTION_XN,
    [ARMV7_RW] = ARMV7_SECTION | ARMV7_SECTION_NORMAL | ARMV7_SECTION_AP_RW | ARMV7_SECTION_XN,
    [ARMV7_DEVICE] = ARMV7_SECTION | ARMV7_SECTION_B | ARMV7_SECTION_AP_RW | ARMV7_SECTION_XN,
};

static void written(const struct armv7_tables *t, const void *start, size_t bytes)
{
    if (t->written != NULL)
        t->written(start, bytes);
}

static uint32_t bits_of(const struct armv7_tables *t, enum armv7_rights rights)
{
    uint32_t bits = section_bits[rights];

    return t->shareable && (bits & ARMV7_SECTION_C) != 0 ? bits | ARMV7_SECTION_S : bits;
}

/* The same rights as a small page's: B and C stay, the others move. */
static uint32_t page_bits_of(uint32_t section)
{
    if ((section & L1_TYPE) != L1_SECTION)
        return section; /* 0, REFUSED */
    return L2_SMALL_PAGE | (section & (ARMV7_SECTION_B | ARMV7_SECTION_C)) |
           ((section & ARMV7_SECTION_XN) != 0 ? L2_XN : 0) |
           (section >> 6 & 0x7f0); /* AP[1:0], TEX, AP[2], S */
}

static bool is_table(uint32_t entry)
{
    return (entry & L1_TYPE) == L1_TABLE;
}

/* The second-level table that a first-level entry names. */
static uint32_t *table_of(const struct armv7_tables *t, uint32_t entry)
{
    return t->l2[((entry & ~(ARMV7_L2_BYTES - 1u)) - t->l2_phys) / ARMV7_L2_BYTES];
}

/* The second-level table of the MiB at `virt`, made from its section where there is none. */
static uint32_t *split(struct armv7_tables *t, uint32_t virt)
{
    uint32_t *entry = &t->l1[virt / ARMV7_MIB];
    uint32_t section = *entry, bits = page_bits_of(section), *table;

    if (is_table(section))
        return table_of(t, section);
    if (t->l2_used == t->l2_count)
        return NULL;
    table = t->l2[t->l2_used];
    for (uint32_t i = 0; i < 256; i++)
        table[i] = bits > REFUSED ? ((section & ~MIB_MASK) + i * PAGE_BYTES) | bits : bits;
    written(t, table, ARMV7_L2_BYTES);
    *entry = (t->l2_phys + t->l2_used * ARMV7_L2_BYTES) | L1_TABLE;
    written(t, entry, sizeof(*entry));
    t->l2_used++;
    return table;
}

static bool is_valid(const struct armv7_region *r)
{
    return ((r->virt | r->phys | r->bytes) & PAGE_MASK) == 0 && r->bytes > 0 &&
           r->bytes - 1 <= UINT32_MAX - r->virt && r->bytes - 1 <= UINT32_MAX - r->phys &&
           r->rights < ARMV7_RIGHTS;
}

static int map(struct armv7_tables *t, struct armv7_region r, bool only_free)
{
    const uint32_t bits = is_valid(&r) ? bits_of(t, r.rights) : 0;
    uint32_t step;

    if (bits == 0)
        return -E_INVAL;
    for (; r.bytes > 0; r.virt += step, r.phys += step, r.bytes -= step) {
        uint32_t *entry = &t->l1[r.virt / ARMV7_MIB], target = bits;

        step = ARMV7_MIB - (r.virt & MIB_MASK); /* up to the next MiB */
        if (only_free && *entry != 0 && !is_table(*entry)) {
            step = u32_min(step, r.bytes);
            continue;
        }
        if (((r.virt | r.phys) & MIB_MASK) != 0 || r.bytes < ARMV7_MIB || is_table(*entry)) {
            entry = split(t, r.virt);
            if (entry == NULL)
                return -E_NOMEM;
            entry += r.virt / PAGE_BYTES % 256;
            target = page_bits_of(bits);
            step = PAGE_BYTES;
        }
        if (only_free && *entry != 0)
            continue;
        *entry = target > REFUSED ? r.phys | target : target;
        written(t, entry, sizeof(*entry));
    }
    return 0;
}

int armv7_tables_map(struct armv7_tables *t, const struct armv7_region *region)
{
    return map(t, *region, false);
}

int armv7_tables_fill(struct armv7_tables *t, const struct armv7_region *region)
{
    return map(t, *region, true);
}
