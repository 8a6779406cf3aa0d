/* SPDX-License-Identifier: ISC */
/* pvh_paging.c - page tables where they are the CPU's (Intel SDM volume 3, chapter 4).
 *
 * They replace those of pvh_entry.S: the four directories are the same frames, their entries are
 * rewritten one by one. Where 2 MiB have the same rights they are one large page; else the frame
 * for a page table comes from the heap's end.
 */
#include "asm.h"
#include "boot.h"
#include "pvh.h"

extern uint64_t boot_page_top[512], boot_page_directories[2048];

/* A zeroed frame, or NULL. */
static uint64_t *take_table(void)
{
    uint64_t *table = (uint64_t *)(uintptr_t)memory_take_page();

    if (table != NULL)
        memset(table, 0, PAGE_BYTES);
    return table;
}

static int map_region(const struct boot_info *info, uint64_t base)
{
    uint64_t until, rights = memory_rights(info, base, &until);
    uint64_t *table;

    if (until >= base + MEMORY_LARGE_PAGE) {
        boot_page_directories[base / MEMORY_LARGE_PAGE] =
            rights != 0 ? base | PTE_LARGE | rights : 0;
        return 0;
    }
    table = take_table();
    if (table == NULL)
        return -E_NOMEM;
    for (uint64_t addr = base; addr < base + MEMORY_LARGE_PAGE; addr += PAGE_BYTES) {
        if (addr >= until || addr == base)
            rights = memory_rights(info, addr, &until);
        table[addr / PAGE_BYTES % 512] = rights != 0 ? addr | rights : 0;
    }
    boot_page_directories[base / MEMORY_LARGE_PAGE] = (uintptr_t)table | PTE_PRESENT | PTE_WRITE;
    return 0;
}

int pvh_map_memory(const struct boot_info *info, const char **why)
{
    uint64_t window = boot_hole(info, MEMORY_WINDOW_PAGES * PAGE_BYTES);
    int err;

    if (window == 0) {
        *why = "memory map: no room for Xen's frames below 4 GiB";
        return -E_INVAL;
    }
    err = memory_plan(info, NULL, 0, window, why);
    if (err < 0)
        return err;
    if (cpu_has_nx())
        x86_wrmsr(MSR_EFER, x86_rdmsr(MSR_EFER) | EFER_NXE);
    for (uint64_t base = 0; base < GIB4; base += MEMORY_LARGE_PAGE) {
        if (map_region(info, base) < 0) {
            *why = "too little memory: no page for a page table";
            return -E_NOMEM;
        }
    }
    x86_set_cr3((uintptr_t)boot_page_top);
    return 0;
}

void *pvh_map_page(uint64_t addr)
{
    uint64_t *entry = &boot_page_directories[addr / MEMORY_LARGE_PAGE], *table;

    ASSERT(addr < GIB4);
    if ((*entry & PTE_LARGE) != 0)
        return (void *)(uintptr_t)addr; /* RAM, of which there is an equal page already */
    if ((*entry & PTE_PRESENT) == 0) {
        table = take_table();
        if (table == NULL)
            return NULL;
        *entry = (uintptr_t)table | PTE_PRESENT | PTE_WRITE;
    }
    table = (uint64_t *)(uintptr_t)(*entry & PTE_ADDR);
    table[addr / PAGE_BYTES % 512] = addr | PTE_PRESENT | PTE_WRITE | (cpu_has_nx() ? PTE_NX : 0);
    x86_invlpg((void *)(uintptr_t)addr);
    return (void *)(uintptr_t)addr;
}
