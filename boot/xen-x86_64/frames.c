/* SPDX-License-Identifier: ISC */
/* frames.c - Xen's own frames in our address space: shared info, the rings of console and
 * xenstore, grant frames.
 *
 * All of memory is mapped where it is: virtual address = guest-physical address. What another
 * domain is told of a page is the number of its frame: in PVH the address / 4096, in PV the
 * machine's frame by the builder's list. The rings have frames of their own among our memory or
 * beside it; shared info and grant frames appear where we ask, in a window that is no RAM.
 */
#include "boot.h"
#include "boot/common/xenguest/xenguest.h"

#include <xen/memory.h>

#define FRAMES_MAX 128u /* shared info, and of grant tables what gnttab.h may ask for */
STATIC_ASSERT(FRAMES_MAX <= MEMORY_WINDOW_PAGES, "they are in the window");

static struct xen_start start;
static struct shared_info *shared_info;
static const uint64_t *machine_frames; /* PV only */
/* What is in the window, page by page. Shared info is first. */
static struct {
    uint32_t space, index;
} placed[FRAMES_MAX];
static unsigned placed_count;

void frames_find_console(uint64_t start_info)
{
    boot_get_mode()->find_console(start_info, &start);
}

int frames_init(void)
{
    boot_get_mode()->find_rings(&start);
    shared_info = xen_map_frame(XENMAPSPACE_shared_info, 0);
    return shared_info != NULL ? 0 : -E_NODEV;
}

void frames_set_p2m(const uint64_t *p2m)
{
    machine_frames = p2m;
}

int frames_resume(void)
{
    boot_get_mode()->find_console_anew(&start);
    boot_get_mode()->find_rings(&start);
    return xen_map_frame(XENMAPSPACE_shared_info, 0) != NULL ? 0 : -E_NODEV;
}

unsigned frames_placed(void)
{
    return placed_count;
}

static uint64_t place_of(unsigned i)
{
    return memory_window() + i * (uint64_t)PAGE_BYTES;
}

int frames_place_all(void)
{
    int err = 0;

    for (unsigned i = 0; i < placed_count && err == 0; i++)
        err = boot_get_mode()->place_frame(placed[i].space, placed[i].index, place_of(i));
    return err;
}

void *xen_map_frame(unsigned space, unsigned long index)
{
    unsigned i = 0;

    while (i < placed_count && (placed[i].space != space || placed[i].index != index))
        i++;
    if (i == FRAMES_MAX || boot_get_mode()->place_frame(space, index, place_of(i)) < 0)
        return NULL;
    if (i == placed_count) {
        placed[placed_count].space = space;
        placed[placed_count++].index = (uint32_t)index;
    }
    return (void *)(uintptr_t)place_of(i);
}

struct shared_info *xen_shared_info(void)
{
    return shared_info;
}

uint64_t virt_to_gfn(const void *virt)
{
    uintptr_t page = (uintptr_t)virt / PAGE_BYTES;

    return machine_frames != NULL ? machine_frames[page] : page;
}

uint64_t frames_leave(void *page)
{
    return boot_get_mode()->page_leave((uintptr_t)page);
}

uint64_t frames_number(const void *page)
{
    return (uintptr_t)page / PAGE_BYTES;
}

int frames_come(void *page, uint64_t frame)
{
    return boot_get_mode()->page_come((uintptr_t)page, frame);
}

const struct xen_start *xen_start(void)
{
    return &start;
}
