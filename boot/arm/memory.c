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
#include "memory.h"

#include <morgana/err.h>

#include "boot/common/bare/bare.h"
#include "boot/common/bare/image.h"

#define POOL_PAGES 12u
#define TAKEN_MAX (4u + TREE_RESERVED_MAX + BARE_HEAPS_MAX)

static _Alignas(PAGE_BYTES) uint8_t pool[POOL_PAGES][PAGE_BYTES];
static unsigned pool_used;

/* What is left, the largest piece first. */
static struct range heaps[BARE_HEAPS_MAX];
static bool heap_is_mapped;

void *memory_take_page(void)
{
    void *page;

    if (pool_used < POOL_PAGES)
        return pool[pool_used++]; /* zero: .bss */
    if (!heap_is_mapped || heaps[0].end - heaps[0].start < PAGE_BYTES)
        return NULL;
    heaps[0].end -= PAGE_BYTES;
    page = arch_virt(heaps[0].end);
    memset(page, 0, PAGE_BYTES);
    return page;
}

static bool map(struct range r, enum arch_rights rights)
{
    r.end = u64_min(r.end, arch_phys_end);
    return r.start >= r.end || arch_map(r.start, r.end - r.start, rights);
}

static bool map_all(const struct tree *tree, struct range module)
{
    if (!map(heaps[0], ARCH_RW))
        return false;
    heap_is_mapped = true;
    if (!map(module, ARCH_R))
        return false;
    for (unsigned i = 0; i < tree->reserved_count; i++) {
        if (!map(range_pages_of(tree->reserved[i]), ARCH_NONE))
            return false;
    }
    for (unsigned i = 0; i < tree->ram_count; i++) {
        if (!map(tree->ram[i], ARCH_RW))
            return false;
    }
    return true;
}

/* What a device has, or Xen's frames will have: no byte of it may be RAM's, or in the page that a
 * NULL pointer means. */
static bool is_apart(const struct tree *tree, struct range r)
{
    const uint64_t null = arch_phys(NULL);

    r = range_pages_of(r);
    for (unsigned i = 0; i < tree->ram_count; i++) {
        if (range_touches(r, tree->ram[i]))
            return false;
    }
    return !range_touches(r, (struct range){null, null + PAGE_BYTES});
}

int memory_init(const struct tree *tree, struct range fdt, const char **why)
{
    const struct range image = {arch_phys(boot_image_start), arch_phys(boot_image_end)};
    const struct range module = range_pages_of(tree->module);
    const uint64_t null = arch_phys(NULL);
    struct range taken[TAKEN_MAX] = {image, module, range_pages_of(fdt), {null, null + PAGE_BYTES}};
    unsigned n = 4;

    *why = "memory: the image is not in it";
    if (!range_is_in(tree->ram, tree->ram_count, image))
        return -E_INVAL;
    *why = "device tree: it lies in the image";
    if (range_touches(taken[2], image))
        return -E_INVAL;
    *why = "device tree: the module is not in memory, or where something else is";
    if (tree->module.start < tree->module.end &&
        (!range_is_in(tree->ram, tree->ram_count, module) || module.end > arch_phys_end ||
         range_touches(module, image) || range_touches(module, taken[2]) ||
         range_touches(module, taken[3])))
        return -E_INVAL;
    *why =
        "device tree: the interrupt controller, or Xen's range, is where memory is, or in page 0";
    if (!is_apart(tree, tree->gic_dist) || !is_apart(tree, tree->gic_cpu) ||
        !is_apart(tree, tree->window))
        return -E_INVAL;
    for (unsigned i = 0; i < tree->reserved_count; i++)
        taken[n++] = range_pages_of(tree->reserved[i]);
    for (unsigned i = 0; i < BARE_HEAPS_MAX; i++) {
        heaps[i] = range_largest_gap(tree->ram, tree->ram_count, arch_phys_end, taken, n);
        taken[n++] = heaps[i];
    }
    *why = "too little memory: no page for a page table";
    return map_all(tree, module) ? 0 : -E_NOMEM;
}

struct cs bare_heap(unsigned i)
{
    return cs_of(arch_virt(heaps[i].start), (size_t)(heaps[i].end - heaps[i].start));
}

void bare_heap_resize(unsigned i, size_t len)
{
    heaps[i].end = heaps[i].start + len;
}
