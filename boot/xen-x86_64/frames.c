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

#include <xen/memory.h>

static struct xen_start start;
static struct shared_info *shared_info;
static const uint64_t *machine_frames; /* PV only */
static unsigned window_used;

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

void *xen_map_frame(unsigned space, unsigned long index)
{
    uint64_t addr = memory_window() + window_used * (uint64_t)PAGE_BYTES;

    if (window_used == MEMORY_WINDOW_PAGES)
        return NULL;
    if (boot_get_mode()->place_frame(space, index, addr) < 0)
        return NULL;
    window_used++;
    return (void *)(uintptr_t)addr;
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

const struct xen_start *xen_start(void)
{
    return &start;
}
