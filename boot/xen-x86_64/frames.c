/* SPDX-License-Identifier: ISC */
/* frames.c - Xen's own frames in our address space: shared info, the rings of console and
 * xenstore, grant frames.
 *
 * All of memory is mapped where it is: virtual address = guest-physical address. So a frame's
 * number is its address / 4096. The rings have frames of their own, which HVM parameters name;
 * shared info and grant frames appear where we ask, in a window that is no RAM.
 */
#include "boot.h"
#include "xen/hypercall.h"

static struct xen_start start;
static struct shared_info *shared_info;
static uint64_t store_gfn, console_gfn;
static unsigned window_used;

/* The frame that an HVM parameter names, 0 where there is none; the event channel that goes with
 * it in *port. */
static uint64_t ring_of(uint32_t pfn_param, uint32_t port_param, uint32_t *port)
{
    uint64_t gfn = 0, number = 0;

    if (hypercall_hvm_get_param(pfn_param, &gfn) < 0 ||
        hypercall_hvm_get_param(port_param, &number) < 0)
        return 0;
    if (gfn == 0 || gfn >= UINT64_C(1) << 20 || number == 0 || number > UINT32_MAX)
        return 0; /* none, or above the 4 GiB that we map */
    *port = (uint32_t)number;
    return gfn;
}

void frames_find_console(void)
{
    console_gfn = ring_of(HVM_PARAM_CONSOLE_PFN, HVM_PARAM_CONSOLE_EVTCHN, &start.console_port);
    if (console_gfn != 0) /* entry.S has mapped it */
        start.console_ring = (void *)(uintptr_t)(console_gfn * PVH_PAGE);
}

int frames_init(void)
{
    if (console_gfn != 0)
        start.console_ring = memory_map_page(console_gfn * PVH_PAGE);
    store_gfn = ring_of(HVM_PARAM_STORE_PFN, HVM_PARAM_STORE_EVTCHN, &start.store_port);
    if (store_gfn != 0)
        start.store_ring = memory_map_page(store_gfn * PVH_PAGE);
    shared_info = xen_map_frame(XENMAPSPACE_shared_info, 0);
    return shared_info != NULL ? 0 : -E_NODEV;
}

void *xen_map_frame(unsigned space, unsigned long index)
{
    uint64_t addr = memory_window() + window_used * (uint64_t)PVH_PAGE;
    void *page;

    if (window_used == MEMORY_WINDOW_PAGES)
        return NULL;
    if (hypercall_memory_add_to_physmap(space, index, addr / PVH_PAGE) < 0)
        return NULL;
    page = memory_map_page(addr);
    if (page != NULL)
        window_used++;
    return page;
}

struct shared_info *xen_shared_info(void)
{
    return shared_info;
}

uint64_t virt_to_gfn(const void *virt)
{
    return (uintptr_t)virt / PVH_PAGE;
}

const struct xen_start *xen_start(void)
{
    return &start;
}
