/* SPDX-License-Identifier: ISC */
/* xen.h - the seam between Morgana's Xen code and whatever stands under it: a real hypervisor or
 * the simulator.
 *
 * boot/xen-* and platform/sim each define these symbols; nothing else of Xen's is target-specific.
 */
#ifndef MORGANA_XEN_H
#define MORGANA_XEN_H

/* Which names Xen's public headers declare: without this they declare those of 2003. So this header
 * is included before any <xen/...>; a file that does it the other way round does not compile. */
#define __XEN_INTERFACE_VERSION__ __XEN_LATEST_INTERFACE_VERSION__

#include <morgana/base.h>

struct shared_info; /* Xen's public/xen.h */

/* One hypercall: `op` is a __HYPERVISOR_* number of public/xen.h. Returns what the hypervisor
 * returned: negative errno or a result. */
long xen_hypercall(unsigned op, unsigned long a1, unsigned long a2, unsigned long a3,
                   unsigned long a4, unsigned long a5);

/* The page shared with the hypervisor, mapped. */
struct shared_info *xen_shared_info(void);

/* The guest frame number of the page at `virt` (a page of ours that we may grant). */
uint64_t virt_to_gfn(const void *virt);

/* Makes one of Xen's own frames visible: `space` is a XENMAPSPACE_* of public/memory.h (grant
 * table, `index` with XENMAPIDX_grant_table_status for status frames). NULL where there is no such
 * frame. Where a domain can be restored (not on ARM), a second call for the same one gives the same
 * address: Xen's frame is another one after that, and is placed where the old one was. */
void *xen_map_frame(unsigned space, unsigned long index);

/* What the domain builder left for us. */
struct xen_start {
    void *store_ring;    /* struct xenstore_domain_interface, mapped; NULL: none */
    uint32_t store_port; /* event channel */
    void *console_ring;  /* struct xencons_interface, mapped; NULL: none */
    uint32_t console_port;
};
/* Never NULL, the same for as long as the program runs; after a restore its fields are the new
 * domain's. From the HVM_PARAM_STORE_* and _CONSOLE_* of public/hvm/params.h, or a PV domain's
 * struct start_info (public/xen.h). */
const struct xen_start *xen_start(void);

#endif
