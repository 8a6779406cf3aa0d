/* SPDX-License-Identifier: ISC */
/* pv_hypercall.h - typed hypercalls that only PV domains make (xen/hypercall.h has the others).
 * Results are 0 or a negative errno. */
#ifndef BOOT_PV_HYPERCALL_H
#define BOOT_PV_HYPERCALL_H

#include "xen/hypercall.h"

/* A list that an entry with address 0 ends. */
static inline int hypercall_set_trap_table(const struct trap_info *traps)
{
    return (int)xen_hypercall(__HYPERVISOR_set_trap_table, (unsigned long)traps, 0, 0, 0, 0);
}

static inline int hypercall_set_callbacks(const void *event, const void *failsafe)
{
    return (int)xen_hypercall(__HYPERVISOR_set_callbacks, (unsigned long)event,
                              (unsigned long)failsafe, 0, 0, 0);
}

/* Changes page table entries: `ptr` is the machine address of one, `val` what it shall be. */
static inline int hypercall_mmu_update(struct mmu_update *updates, unsigned count)
{
    return (int)xen_hypercall(__HYPERVISOR_mmu_update, (unsigned long)updates, count, 0, DOMID_SELF,
                              0);
}

/* The entry of a virtual address for which there is a page table. */
static inline int hypercall_update_va_mapping(uint64_t addr, uint64_t entry)
{
    return (int)xen_hypercall(__HYPERVISOR_update_va_mapping, addr, entry, UVMF_INVLPG, 0, 0);
}

static inline int hypercall_tlb_flush(void)
{
    struct mmuext_op op = {.cmd = MMUEXT_TLB_FLUSH_LOCAL};
    return (int)xen_hypercall(__HYPERVISOR_mmuext_op, (unsigned long)&op, 1, 0, DOMID_SELF, 0);
}

/* The machine's frames of the grant table, which grows to `count` where it is smaller. */
static inline int hypercall_gnttab_setup_table(xen_pfn_t *frames, uint32_t count)
{
    struct gnttab_setup_table op = {.dom = DOMID_SELF, .nr_frames = count};
    set_xen_guest_handle(op.frame_list, frames);
    int err = hypercall__grant_table_op(GNTTABOP_setup_table, &op, 1);
    return err != 0 ? err : op.status == GNTST_okay ? 0 : -E_NOMEM;
}

static inline int hypercall_gnttab_status_frames(uint64_t *frames, uint32_t count)
{
    struct gnttab_get_status_frames op = {.dom = DOMID_SELF, .nr_frames = count};
    set_xen_guest_handle(op.frame_list, frames);
    int err = hypercall__grant_table_op(GNTTABOP_get_status_frames, &op, 1);
    return err != 0 ? err : op.status == GNTST_okay ? 0 : -E_NOMEM;
}

static inline int hypercall_sched_block(void)
{
    return hypercall__sched_op(SCHEDOP_block, NULL);
}

#endif
