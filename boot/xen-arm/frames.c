/* SPDX-License-Identifier: ISC */
/* frames.c - Xen's own frames in our address space: shared info, the rings of console and
 * xenstore, grant frames.
 *
 * The rings have frames of their own, which HVM parameters name; shared info and grant frames
 * appear where we ask, in the range that the hypervisor's node of the device tree keeps free.
 */
#include "boot.h"
#include "boot/common/xenguest/xenguest.h"
#include "xen/hypercall.h"

static struct xen_start start;
static struct shared_info *shared_info;
static struct range window; /* what is left of it */

/* Maps the ring that an HVM parameter names; NULL where there is none. The event channel that goes
 * with it in *port. */
static void *ring_of(uint32_t pfn_param, uint32_t port_param, uint32_t *port)
{
    uint64_t gfn = 0, number = 0;

    if (hypercall_hvm_get_param(pfn_param, &gfn) < 0 ||
        hypercall_hvm_get_param(port_param, &number) < 0)
        return NULL;
    if (gfn == 0 || gfn >= arch_phys_end / PAGE_BYTES || number == 0 || number > UINT32_MAX)
        return NULL;
    if (!arch_map(gfn * PAGE_BYTES, PAGE_BYTES, ARCH_RW))
        return NULL;
    *port = (uint32_t)number;
    return arch_virt(gfn * PAGE_BYTES);
}

void frames_find_console(void)
{
    start.console_ring =
        ring_of(HVM_PARAM_CONSOLE_PFN, HVM_PARAM_CONSOLE_EVTCHN, &start.console_port);
}

int frames_init(struct range free_range)
{
    window = free_range;
    window.start = (window.start + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
    window.end = u64_min(window.end, arch_phys_end);
    start.store_ring = ring_of(HVM_PARAM_STORE_PFN, HVM_PARAM_STORE_EVTCHN, &start.store_port);
    shared_info = xen_map_frame(XENMAPSPACE_shared_info, 0);
    return shared_info != NULL ? 0 : -E_NODEV;
}

void *xen_map_frame(unsigned space, unsigned long index)
{
    uint64_t at = window.start;

    if (at >= window.end || window.end - at < PAGE_BYTES)
        return NULL;
    if (hypercall_memory_add_to_physmap(space, index, at / PAGE_BYTES) < 0)
        return NULL;
    if (!arch_map(at, PAGE_BYTES, ARCH_RW))
        return NULL;
    window.start += PAGE_BYTES;
    return arch_virt(at);
}

struct shared_info *xen_shared_info(void)
{
    return shared_info;
}

uint64_t virt_to_gfn(const void *virt)
{
    return arch_phys(virt) / PAGE_BYTES;
}

uint64_t frames_leave(void *page)
{
    return virt_to_gfn(page);
}

uint64_t frames_number(const void *page)
{
    return virt_to_gfn(page);
}

int frames_come(void *page, uint64_t frame)
{
    (void)page;
    (void)frame;
    return 0; /* it is where it was */
}

const struct xen_start *xen_start(void)
{
    return &start;
}
