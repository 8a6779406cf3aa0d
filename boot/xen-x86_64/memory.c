/* SPDX-License-Identifier: ISC */
/* memory.c - who gets which page, and the page tables.
 *
 * Theory of operation. The memory map is the only source of how much memory there is. Virtual =
 * guest-physical, below 4 GiB (what is above is not used, and said). The page tables replace
 * entry.S's: the four directories are the same frames, their entries are rewritten one by one. A
 * page has rights by what it is:
 *
 *     the first page                none: a NULL pointer faults
 *     text                          read, execute
 *     read-only data, the module    read
 *     the page below the stack      none: an overflow faults
 *     all other RAM                 read, write
 *     no RAM                        none, until memory_map_page() asks for a page of it
 *
 * Where 2 MiB have the same rights they are one large page; else the frame for a page table comes
 * from the heap's end. The heap is the largest pieces of RAM that nothing else is in: in a guest of
 * 2 MiB, what is below the image and what is behind it.
 */
#include <morgana/log.h>

#include "asm.h"
#include "boot.h"
#include "boot/common/bare/bare.h"
#include "x86.h"

#define GIB4 (UINT64_C(4) << 30)
#define LARGE_PAGE (UINT64_C(2) << 20)
#define PTE_NX (UINT64_C(1) << 63)
#define PTE_ADDR UINT64_C(0x000ffffffffff000)

extern uint64_t boot_page_top[512], boot_page_directories[2048];

/* What is left, the largest piece first. Frames for page tables come off the first one's end. */
static struct pvh_range heaps[BARE_HEAPS_MAX];
static uint64_t window;
static uint64_t nx; /* PTE_NX where the CPU has it */

/* What has other rights than RAM in general; whole pages, rights 0: not mapped. First match wins.
 */
static struct special {
    struct pvh_range range;
    uint64_t rights;
} specials[5];
static unsigned special_count;

static void add_special(uint64_t start, uint64_t end, uint64_t rights)
{
    start &= ~(uint64_t)(PVH_PAGE - 1);
    end = (end + PVH_PAGE - 1) & ~(uint64_t)(PVH_PAGE - 1);
    if (start < end) {
        ASSERT(special_count < ARRAY_SIZE(specials));
        specials[special_count++] = (struct special){{start, end}, rights};
    }
}

/* The rights of the page at `addr`, and up to where all pages have the same. */
static uint64_t rights_at(const struct pvh_info *info, uint64_t addr, uint64_t *until)
{
    uint64_t rights = 0;

    *until = GIB4;
    for (unsigned i = 0; i < info->ram_count; i++) {
        if (addr >= info->ram[i].start && addr < info->ram[i].end) {
            rights = PTE_PRESENT | PTE_WRITE | nx;
            *until = info->ram[i].end;
        } else if (info->ram[i].start > addr) {
            *until = u64_min(*until, info->ram[i].start);
        }
    }
    for (unsigned i = 0; i < special_count; i++) {
        const struct special *s = &specials[i];

        if (addr >= s->range.start && addr < s->range.end) {
            *until = s->range.end;
            return s->rights;
        }
        if (s->range.start > addr)
            *until = u64_min(*until, s->range.start);
    }
    return rights;
}

/* A zeroed frame off the heap's end, or NULL. */
static uint64_t *take_frame(void)
{
    uint64_t *frame;

    if (heaps[0].end - heaps[0].start < PVH_PAGE)
        return NULL;
    heaps[0].end -= PVH_PAGE;
    frame = (uint64_t *)(uintptr_t)heaps[0].end;
    memset(frame, 0, PVH_PAGE);
    return frame;
}

static int map_region(const struct pvh_info *info, uint64_t base)
{
    uint64_t until, rights = rights_at(info, base, &until);
    uint64_t *table;

    if (until >= base + LARGE_PAGE) {
        boot_page_directories[base / LARGE_PAGE] = rights != 0 ? base | PTE_LARGE | rights : 0;
        return 0;
    }
    table = take_frame();
    if (table == NULL)
        return -E_NOMEM;
    for (uint64_t addr = base; addr < base + LARGE_PAGE; addr += PVH_PAGE) {
        if (addr >= until || addr == base)
            rights = rights_at(info, addr, &until);
        table[addr / PVH_PAGE % 512] = rights != 0 ? addr | rights : 0;
    }
    boot_page_directories[base / LARGE_PAGE] = (uintptr_t)table | PTE_PRESENT | PTE_WRITE;
    return 0;
}

int memory_init(const struct pvh_info *info, const char **why)
{
    const struct pvh_range image = {(uintptr_t)boot_image_start, (uintptr_t)boot_image_end};
    const struct pvh_range module = {(uintptr_t)info->module.base,
                                     (uintptr_t)info->module.base + info->module.len};
    const struct pvh_range null_page = {0, PVH_PAGE};
    struct pvh_range taken[3 + BARE_HEAPS_MAX] = {null_page, image, module};

    if (!pvh_is_ram(info, image)) {
        *why = "too little memory: the image does not fit";
        return -E_NOMEM;
    }
    if (info->module.len > 0 &&
        (!pvh_is_ram(info, module) || (module.start < image.end && module.end > image.start))) {
        *why = "start info: the module is not in memory, or in the image";
        return -E_INVAL;
    }
    window = pvh_hole(info, LARGE_PAGE);
    if (window == 0) {
        *why = "memory map: no room for Xen's frames below 4 GiB";
        return -E_INVAL;
    }
    for (unsigned i = 0; i < BARE_HEAPS_MAX; i++)
        taken[3 + i] = heaps[i] = pvh_largest_gap(info, taken, 3 + i);

    nx = cpu_has_nx() ? PTE_NX : 0;
    add_special(null_page.start, null_page.end, 0);
    add_special((uintptr_t)boot_image_start, (uintptr_t)boot_rodata_start, PTE_PRESENT);
    add_special((uintptr_t)boot_rodata_start, (uintptr_t)boot_data_start, PTE_PRESENT | nx);
    add_special((uintptr_t)boot_stack_guard, (uintptr_t)boot_stack, 0);
    add_special(module.start, module.end, PTE_PRESENT | nx);
    for (uint64_t base = 0; base < GIB4; base += LARGE_PAGE) {
        if (map_region(info, base) < 0) {
            *why = "too little memory: no page for a page table";
            return -E_NOMEM;
        }
    }
    x86_set_cr3((uintptr_t)boot_page_top);
    return 0;
}

void *memory_map_page(uint64_t addr)
{
    uint64_t *entry = &boot_page_directories[addr / LARGE_PAGE], *table;

    ASSERT(addr < GIB4);
    if ((*entry & PTE_LARGE) != 0)
        return (void *)(uintptr_t)addr; /* RAM, of which there is an equal page already */
    if ((*entry & PTE_PRESENT) == 0) {
        table = take_frame();
        if (table == NULL)
            return NULL;
        *entry = (uintptr_t)table | PTE_PRESENT | PTE_WRITE;
    }
    table = (uint64_t *)(uintptr_t)(*entry & PTE_ADDR);
    table[addr / PVH_PAGE % 512] = addr | PTE_PRESENT | PTE_WRITE | nx;
    x86_invlpg((void *)(uintptr_t)addr);
    return (void *)(uintptr_t)addr;
}

uint64_t memory_window(void)
{
    return window;
}

struct cs bare_heap(unsigned i)
{
    return cs_of((void *)(uintptr_t)heaps[i].start, heaps[i].end - heaps[i].start);
}
