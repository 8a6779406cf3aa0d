/* SPDX-License-Identifier: ISC */
/* pv_paging.c - page tables under Xen's eye (PV).
 *
 * Theory of operation. Page tables hold the machine's frame numbers, are read-only for us, and
 * change by hypercalls, which Xen checks: no frame is a page table and writable at a time. The
 * domain builder's tables map memory from 0 up to some 4 MiB boundary at least 512 KiB behind the
 * last thing it made, page n at virtual n * 4096, everything writable and executable. So
 *
 *     what it mapped          each entry that shall be another is changed by mmu_update
 *     memory behind it        a page table is filled while it is still an ordinary page of ours,
 *     and the window          sealed (mapped read-only), and then put into the directory above it
 *
 * The new tables are consecutive pages (`fresh`) behind what the builder made. Each one makes 512
 * further pages accessible, so the next one always lies in memory that is mapped already, if the
 * first two do (a directory and a table): pv_has_room() sees to that.
 */
#include "pv.h"

#include "pv_hypercall.h"

#define GIB (UINT64_C(1) << 30)
#define GIBS_MAX 5u /* 4 GiB of memory, and the window behind it */
#define BATCH 128u

/* A directory is of one GiB, a table of 2 MiB. Virtual addresses; 0: there is none. */
static const uint64_t *pointers; /* the builder's third level */
static const uint64_t *directories[GIBS_MAX];
static const struct pv_start *from;
static struct range fresh; /* new tables: start .. those in use .. end */
static uint64_t fresh_next;

static struct mmu_update batch[BATCH];
static unsigned batched;

/* ---- the builder's tables -------------------------------------------------------------------- */

/* The table that an entry names: among the builder's. NULL: none. */
static const uint64_t *table_of(const struct pv_start *start, uint64_t entry)
{
    if ((entry & PTE_PRESENT) == 0)
        return NULL;
    for (uint64_t at = start->tables.start; at < start->tables.end; at += PAGE_BYTES) {
        if (pv_frame(at) == (entry & PTE_ADDR) / PAGE_BYTES)
            return (const uint64_t *)(uintptr_t)at;
    }
    return NULL;
}

static void find_tables(const struct pv_start *start)
{
    from = start;
    pointers = table_of(start, *(const uint64_t *)(uintptr_t)start->tables.start);
    for (unsigned i = 0; i < GIBS_MAX; i++)
        directories[i] = pointers != NULL ? table_of(start, pointers[i]) : NULL;
}

/* The builder's page table for the 2 MiB at `base`, or NULL. */
static const uint64_t *old_table(uint64_t base)
{
    const uint64_t *directory = directories[base / GIB];

    return directory != NULL ? table_of(from, directory[base / MEMORY_LARGE_PAGE % 512]) : NULL;
}

uint64_t pv_mapped_end(const struct pv_start *start)
{
    uint64_t base = 0;

    find_tables(start);
    while (base < GIBS_MAX * GIB && old_table(base) != NULL)
        base += MEMORY_LARGE_PAGE;
    return base;
}

/* ---- entries --------------------------------------------------------------------------------- */

static uint64_t entry_of(uint64_t mfn, uint64_t rights)
{
    return rights == 0 ? 0 : mfn * PAGE_BYTES | rights | PTE_USER | PTE_ACCESSED | PTE_DIRTY;
}

static bool is_table(uint64_t addr)
{
    return (addr >= from->tables.start && addr < from->tables.end) ||
           (addr >= fresh.start && addr < fresh_next);
}

static uint64_t nx(void)
{
    return cpu_has_nx() ? PTE_NX : 0;
}

/* What the entry of the page at `addr` shall be; `rights` of an ordinary page there. */
static uint64_t wanted(uint64_t addr, uint64_t rights)
{
    if (rights == 0)
        return 0;
    return entry_of(pv_frame(addr), is_table(addr) ? PTE_PRESENT | nx() : rights);
}

static uint64_t machine_address(const uint64_t *entry)
{
    uint64_t addr = (uintptr_t)entry;

    return pv_frame(addr) * PAGE_BYTES + addr % PAGE_BYTES;
}

static int flush(void)
{
    unsigned n = batched;

    batched = 0;
    return n == 0 ? 0 : hypercall_mmu_update(batch, n);
}

static int change(const uint64_t *entry, uint64_t to)
{
    batch[batched++] =
        (struct mmu_update){.ptr = machine_address(entry) | MMU_NORMAL_PT_UPDATE, .val = to};
    return batched == BATCH ? flush() : 0;
}

/* ---- tables ---------------------------------------------------------------------------------- */

/* Fills or changes the 512 entries of the 2 MiB at `base`. */
static int write_entries(const struct boot_info *info, uint64_t base, uint64_t *table,
                         const uint64_t *old)
{
    const uint64_t compared = PTE_ADDR | PTE_NX | PTE_WRITE | PTE_PRESENT;
    uint64_t rights = 0, until = 0;
    int err = 0;

    for (unsigned i = 0; i < 512 && err == 0; i++) {
        uint64_t addr = base + i * (uint64_t)PAGE_BYTES, to;

        if (addr >= until)
            rights = memory_rights(info, addr, &until);
        to = wanted(addr, rights);
        if (table != NULL)
            table[i] = to;
        else if (((old[i] ^ to) & compared) != 0)
            err = change(&old[i], to);
    }
    return err;
}

static uint64_t *take_table(void)
{
    uint64_t *table = (uint64_t *)(uintptr_t)fresh_next;

    ASSERT(fresh_next < fresh.end);
    fresh_next += PAGE_BYTES;
    memset(table, 0, PAGE_BYTES);
    return table;
}

/* Makes a table read-only and puts it into the entry above it. */
static int hook(const uint64_t *above, const uint64_t *table)
{
    uint64_t addr = (uintptr_t)table;
    int err = flush(); /* or what waits there makes the page writable again */

    if (err == 0)
        err = hypercall_update_va_mapping(addr, entry_of(pv_frame(addr), PTE_PRESENT | nx()));
    if (err == 0)
        err = change(above, entry_of(pv_frame(addr), PTE_PRESENT | PTE_WRITE));
    return err == 0 ? flush() : err;
}

static int map_region(const struct boot_info *info, uint64_t base)
{
    const uint64_t **directory = &directories[base / GIB];
    const uint64_t *old = old_table(base);
    uint64_t *table;
    int err = 0;

    if (old != NULL)
        return write_entries(info, base, NULL, old);
    if (*directory == NULL) {
        *directory = take_table();
        err = hook(&pointers[base / GIB], *directory);
    }
    table = take_table();
    if (err == 0)
        err = write_entries(info, base, table, NULL);
    return err == 0 ? hook(&(*directory)[base / MEMORY_LARGE_PAGE % 512], table) : err;
}

/* How many pages of tables are missing for what is below `end`. */
static uint64_t missing_tables(uint64_t end)
{
    uint64_t n = 0;

    for (uint64_t base = 0; base < end; base += MEMORY_LARGE_PAGE) {
        if (base % GIB == 0 && directories[base / GIB] == NULL)
            n++;
        if (old_table(base) == NULL)
            n++;
    }
    return n;
}

int pv_map_memory(const struct boot_info *info, const struct pv_start *start, const char **why)
{
    const uint64_t ram_end = info->ram[info->ram_count - 1].end;
    uint64_t window = (ram_end + MEMORY_LARGE_PAGE - 1) & ~(MEMORY_LARGE_PAGE - 1);
    uint64_t used_end = (start->used_end + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
    struct range taken[] = {{(uintptr_t)boot_image_start, used_end}, {0, 0}};
    int err;

    find_tables(start);
    fresh.start = fresh_next = used_end;
    fresh.end = used_end + missing_tables(window + MEMORY_LARGE_PAGE) * PAGE_BYTES;
    taken[1] = fresh;
    if (!range_is_in(info->ram, info->ram_count, fresh)) {
        *why = "too little memory: no page for a page table";
        return -E_NOMEM;
    }
    err = memory_plan(info, taken, ARRAY_SIZE(taken), window, why);
    if (err < 0)
        return err;
    for (uint64_t base = 0; base <= window && err == 0; base += MEMORY_LARGE_PAGE)
        err = map_region(info, base);
    if (err == 0)
        err = flush();
    if (err == 0)
        err = hypercall_tlb_flush();
    if (err < 0)
        *why = "Xen refuses a page table";
    return err;
}

int pv_map_frame(uint64_t addr, uint64_t mfn)
{
    return hypercall_update_va_mapping(addr, entry_of(mfn, PTE_PRESENT | PTE_WRITE | nx()));
}

int pv_unmap_frame(uint64_t addr)
{
    return hypercall_update_va_mapping(addr, 0);
}
