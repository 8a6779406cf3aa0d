/* SPDX-License-Identifier: ISC */
/* memory.c - who gets which page.
 *
 * Theory of operation. The memory map is the only source of how much memory there is. Virtual =
 * guest-physical, below 4 GiB (what is above is not used, and said). A page has rights by what it
 * is:
 *
 *     the first page                none: a NULL pointer faults
 *     text                          read, execute
 *     read-only data, the module    read
 *     the page below the stack      none: an overflow faults
 *     all other RAM                 read, write
 *     no RAM                        none, but Xen's own frames in a window of it
 *
 * pvh_paging.c and pv_paging.c make page tables of that. The heap is the largest pieces of RAM that
 * nothing else is in: in a guest of 2 MiB, what is below the image and what is behind it.
 */
#include <morgana/log.h>

#include "asm.h"
#include "boot.h"
#include "boot/common/bare/bare.h"

#define TAKEN_MAX 4u

/* What is left, the largest piece first. */
static struct range heaps[BARE_HEAPS_MAX];
static uint64_t window;
static uint64_t nx; /* PTE_NX where the CPU has it */

/* What has other rights than RAM in general; whole pages, rights 0: not mapped. First match wins.
 */
static struct special {
    struct range range;
    uint64_t rights;
} specials[5];
static unsigned special_count;

static void add_special(uint64_t start, uint64_t end, uint64_t rights)
{
    const struct range pages = range_pages_of((struct range){start, end});

    if (pages.start < pages.end) {
        ASSERT(special_count < ARRAY_SIZE(specials));
        specials[special_count++] = (struct special){pages, rights};
    }
}

uint64_t memory_rights(const struct boot_info *info, uint64_t addr, uint64_t *until)
{
    uint64_t rights = 0;

    *until = UINT64_MAX;
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

uint64_t memory_take_page(void)
{
    if (heaps[0].end - heaps[0].start < PAGE_BYTES)
        return 0;
    heaps[0].end -= PAGE_BYTES;
    return heaps[0].end;
}

int memory_plan(const struct boot_info *info, const struct range *more, unsigned n,
                uint64_t window_at, const char **why)
{
    const struct range image = {(uintptr_t)boot_image_start, (uintptr_t)boot_image_end};
    const struct range module = {(uintptr_t)info->module.base,
                                 (uintptr_t)info->module.base + info->module.len};
    const struct range null_page = {0, PAGE_BYTES};
    struct range taken[3 + TAKEN_MAX + BARE_HEAPS_MAX] = {null_page, image, module};
    unsigned count = 3;

    if (!range_is_in(info->ram, info->ram_count, image)) {
        *why = "too little memory: the image does not fit";
        return -E_NOMEM;
    }
    if (info->module.len > 0 &&
        (!range_is_in(info->ram, info->ram_count, module) || range_touches(module, null_page) ||
         range_touches(module, image))) {
        *why = "the module is not in memory, or where something else is";
        return -E_INVAL;
    }
    ASSERT(n <= TAKEN_MAX);
    for (unsigned i = 0; i < n; i++)
        taken[count++] = more[i];
    for (unsigned i = 0; i < BARE_HEAPS_MAX; i++, count++)
        taken[count] = heaps[i] = range_largest_gap(info->ram, info->ram_count, GIB4, taken, count);

    window = window_at;
    nx = cpu_has_nx() ? PTE_NX : 0;
    add_special(null_page.start, null_page.end, 0);
    add_special((uintptr_t)boot_image_start, (uintptr_t)boot_rodata_start, PTE_PRESENT);
    add_special((uintptr_t)boot_rodata_start, (uintptr_t)boot_data_start, PTE_PRESENT | nx);
    add_special((uintptr_t)boot_stack_guard, (uintptr_t)boot_stack, 0);
    add_special(module.start, module.end, PTE_PRESENT | nx);
    return 0;
}

uint64_t memory_window(void)
{
    return window;
}

struct cs bare_heap(unsigned i)
{
    return cs_of((void *)(uintptr_t)heaps[i].start, heaps[i].end - heaps[i].start);
}

void bare_heap_resize(unsigned i, size_t len)
{
    heaps[i].end = heaps[i].start + len;
}
