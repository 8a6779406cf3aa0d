/* SPDX-License-Identifier: ISC */
/* memory.c - who gets which page.
 *
 * Theory of operation. The device tree is the only source of how much memory there is. The per-arch
 * part has mapped the image; the first of these that claims a page decides (arch_map):
 *
 *     virtual page 0                none: a NULL pointer faults
 *     text                          read, execute
 *     read-only data                read
 *     the page below the stack      none: an overflow faults
 *     the device tree, the module   read
 *     reserved memory               none: others keep it
 *     all other RAM                 read, write
 *
 * The heap is the largest pieces of RAM that nothing else is in. Frames for page tables come from a
 * pool in the image until the first of them is mapped, and off its end after that.
 */
#include <morgana/log.h>

#include "boot.h"
#include "boot/common/bare/bare.h"

#define POOL_PAGES 12u
#define TAKEN_MAX (4u + TREE_RESERVED_MAX + BARE_HEAPS_MAX)

static _Alignas(ARM_PAGE) uint8_t pool[POOL_PAGES][ARM_PAGE];
static unsigned pool_used;

/* What is left, the largest piece first. */
static struct tree_range heaps[BARE_HEAPS_MAX];
static bool heap_is_mapped;

void *memory_take_page(void)
{
    void *page;

    if (pool_used < POOL_PAGES)
        return pool[pool_used++]; /* zero: .bss */
    if (!heap_is_mapped || heaps[0].end - heaps[0].start < ARM_PAGE)
        return NULL;
    heaps[0].end -= ARM_PAGE;
    page = arch_virt(heaps[0].end);
    memset(page, 0, ARM_PAGE);
    return page;
}

static bool touches(struct tree_range a, struct tree_range b)
{
    return a.start < b.end && b.start < a.end;
}

static bool is_ram(const struct tree *tree, struct tree_range r)
{
    for (unsigned i = 0; i < tree->ram_count; i++) {
        if (r.start >= tree->ram[i].start && r.end <= tree->ram[i].end)
            return true;
    }
    return false;
}

static struct tree_range whole_pages(struct tree_range r)
{
    const uint64_t mask = ARM_PAGE - 1;

    r.start &= ~mask;
    r.end = r.end > UINT64_MAX - mask ? ~mask : (r.end + mask) & ~mask;
    return r;
}

/* The largest piece of RAM below arch_phys_end that none of `taken` touches: it begins where RAM
 * begins, or where something taken ends. */
static struct tree_range largest_gap(const struct tree *tree, const struct tree_range *taken,
                                     unsigned n)
{
    struct tree_range best = {0, 0};

    for (unsigned r = 0; r < tree->ram_count; r++) {
        const uint64_t ram_end = u64_min(tree->ram[r].end, arch_phys_end);

        for (unsigned begin = 0; begin <= n; begin++) {
            struct tree_range gap = {begin == n ? tree->ram[r].start : taken[begin].end, ram_end};

            if (gap.start < tree->ram[r].start || gap.start >= gap.end)
                continue;
            for (unsigned i = 0; i < n; i++) {
                if (taken[i].start == taken[i].end || taken[i].end <= gap.start)
                    continue;
                gap.end = u64_min(gap.end, taken[i].start);
                if (gap.end <= gap.start)
                    break;
            }
            if (gap.end > gap.start && gap.end - gap.start > best.end - best.start)
                best = gap;
        }
    }
    return best;
}

static bool map(struct tree_range r, enum arch_rights rights)
{
    r.end = u64_min(r.end, arch_phys_end);
    return r.start >= r.end || arch_map(r.start, r.end - r.start, rights);
}

static bool map_all(const struct tree *tree, struct tree_range module)
{
    if (!map(heaps[0], ARCH_RW))
        return false;
    heap_is_mapped = true;
    if (!map(module, ARCH_R))
        return false;
    for (unsigned i = 0; i < tree->reserved_count; i++) {
        if (!map(whole_pages(tree->reserved[i]), ARCH_NONE))
            return false;
    }
    for (unsigned i = 0; i < tree->ram_count; i++) {
        if (!map(tree->ram[i], ARCH_RW))
            return false;
    }
    return true;
}

int memory_init(const struct tree *tree, struct tree_range fdt, const char **why)
{
    const struct tree_range image = {arch_phys(boot_image_start), arch_phys(boot_image_end)};
    const struct tree_range module = whole_pages(tree->module);
    const uint64_t null = arch_phys(NULL);
    struct tree_range taken[TAKEN_MAX] = {image, module, whole_pages(fdt), {null, null + ARM_PAGE}};
    unsigned n = 4;

    *why = "memory: the image is not in it";
    if (!is_ram(tree, image))
        return -E_INVAL;
    *why = "device tree: it lies in the image";
    if (touches(taken[2], image))
        return -E_INVAL;
    *why = "device tree: the module is not in memory, or where something else is";
    if (tree->module.start < tree->module.end &&
        (!is_ram(tree, module) || module.end > arch_phys_end || touches(module, image) ||
         touches(module, taken[2]) || touches(module, taken[3])))
        return -E_INVAL;
    for (unsigned i = 0; i < tree->reserved_count; i++)
        taken[n++] = whole_pages(tree->reserved[i]);
    for (unsigned i = 0; i < BARE_HEAPS_MAX; i++) {
        heaps[i] = largest_gap(tree, taken, n);
        taken[n++] = heaps[i];
    }
    *why = "too little memory: no page for a page table";
    return map_all(tree, module) ? 0 : -E_NOMEM;
}

struct cs bare_heap(unsigned i)
{
    return cs_of(arch_virt(heaps[i].start), (size_t)(heaps[i].end - heaps[i].start));
}
