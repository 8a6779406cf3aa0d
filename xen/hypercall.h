/* SPDX-License-Identifier: ISC */
/* hypercall.h - typed hypercalls over the one symbol xen_hypercall().
 *
 * Two tiers: hypercall__x_op(cmd, arg) is raw and used in this file only; everybody else calls the
 * typed functions. Results are 0 or a positive number, or a negative errno, whose numbers are
 * err.h's. A struct that Xen fills is ours, on the stack: out-parameters are written on success
 * only. Comments name the struct or the list in Xen's public headers.
 */
#ifndef XEN_HYPERCALL_H
#define XEN_HYPERCALL_H

#include <morgana/xen.h>

#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/xen.h>

/* ---- raw ------------------------------------------------------------------------------------- */

static inline int hypercall__event_channel_op(unsigned cmd, void *arg)
{
    return (int)xen_hypercall(__HYPERVISOR_event_channel_op, cmd, (unsigned long)arg, 0, 0, 0);
}

static inline int hypercall__grant_table_op(unsigned cmd, void *args, unsigned count)
{
    return (int)xen_hypercall(__HYPERVISOR_grant_table_op, cmd, (unsigned long)args, count, 0, 0);
}

static inline int hypercall__sched_op(unsigned cmd, void *arg)
{
    return (int)xen_hypercall(__HYPERVISOR_sched_op, cmd, (unsigned long)arg, 0, 0, 0);
}

static inline int hypercall__hvm_op(unsigned cmd, void *arg)
{
    return (int)xen_hypercall(__HYPERVISOR_hvm_op, cmd, (unsigned long)arg, 0, 0, 0);
}

static inline int hypercall__memory_op(unsigned cmd, void *arg)
{
    return (int)xen_hypercall(__HYPERVISOR_memory_op, cmd, (unsigned long)arg, 0, 0, 0);
}

static inline int hypercall__vcpu_op(unsigned cmd, unsigned vcpu, void *arg)
{
    return (int)xen_hypercall(__HYPERVISOR_vcpu_op, cmd, vcpu, (unsigned long)arg, 0, 0);
}

static inline int hypercall__console_io(unsigned cmd, unsigned count, void *buffer)
{
    return (int)xen_hypercall(__HYPERVISOR_console_io, cmd, count, (unsigned long)buffer, 0, 0);
}

/* ---- event channels: event_channel.h --------------------------------------------------------- */

static inline int hypercall_evtchn_alloc_unbound(domid_t remote, evtchn_port_t *port)
{
    struct evtchn_alloc_unbound op = {.dom = DOMID_SELF, .remote_dom = remote};
    int err = hypercall__event_channel_op(EVTCHNOP_alloc_unbound, &op);
    if (err == 0)
        *port = op.port;
    return err;
}

static inline int hypercall_evtchn_bind_interdomain(domid_t remote, evtchn_port_t remote_port,
                                                    evtchn_port_t *port)
{
    struct evtchn_bind_interdomain op = {.remote_dom = remote, .remote_port = remote_port};
    int err = hypercall__event_channel_op(EVTCHNOP_bind_interdomain, &op);
    if (err == 0)
        *port = op.local_port;
    return err;
}

static inline int hypercall_evtchn_bind_virq(uint32_t virq, uint32_t vcpu, evtchn_port_t *port)
{
    struct evtchn_bind_virq op = {.virq = virq, .vcpu = vcpu};
    int err = hypercall__event_channel_op(EVTCHNOP_bind_virq, &op);
    if (err == 0)
        *port = op.port;
    return err;
}

static inline int hypercall_evtchn_bind_ipi(uint32_t vcpu, evtchn_port_t *port)
{
    struct evtchn_bind_ipi op = {.vcpu = vcpu};
    int err = hypercall__event_channel_op(EVTCHNOP_bind_ipi, &op);
    if (err == 0)
        *port = op.port;
    return err;
}

static inline int hypercall_evtchn_close(evtchn_port_t port)
{
    struct evtchn_close op = {.port = port};
    return hypercall__event_channel_op(EVTCHNOP_close, &op);
}

static inline int hypercall_evtchn_send(evtchn_port_t port)
{
    struct evtchn_send op = {.port = port};
    return hypercall__event_channel_op(EVTCHNOP_send, &op);
}

static inline int hypercall_evtchn_status(evtchn_port_t port, struct evtchn_status *status)
{
    struct evtchn_status op = {.dom = DOMID_SELF, .port = port};
    int err = hypercall__event_channel_op(EVTCHNOP_status, &op);
    if (err == 0)
        *status = op;
    return err;
}

static inline int hypercall_evtchn_unmask(evtchn_port_t port)
{
    struct evtchn_unmask op = {.port = port};
    return hypercall__event_channel_op(EVTCHNOP_unmask, &op);
}

/* The control block of a vcpu stands at the beginning of the page `gfn`. */
static inline int hypercall_evtchn_init_control(uint64_t gfn, uint32_t vcpu, uint8_t *link_bits)
{
    struct evtchn_init_control op = {.control_gfn = gfn, .offset = 0, .vcpu = vcpu};
    int err = hypercall__event_channel_op(EVTCHNOP_init_control, &op);
    if (err == 0)
        *link_bits = op.link_bits;
    return err;
}

static inline int hypercall_evtchn_expand_array(uint64_t gfn)
{
    struct evtchn_expand_array op = {.array_gfn = gfn};
    return hypercall__event_channel_op(EVTCHNOP_expand_array, &op);
}

static inline int hypercall_evtchn_set_priority(evtchn_port_t port, uint32_t priority)
{
    struct evtchn_set_priority op = {.port = port, .priority = priority};
    return hypercall__event_channel_op(EVTCHNOP_set_priority, &op);
}

/* ---- grant tables: grant_table.h ------------------------------------------------------------- */

/* *version is in effect afterwards. */
static inline int hypercall_gnttab_set_version(uint32_t wanted, uint32_t *version)
{
    struct gnttab_set_version op = {.version = wanted};
    int err = hypercall__grant_table_op(GNTTABOP_set_version, &op, 1);
    if (err == 0)
        *version = op.version;
    return err;
}

/* In frames. *status (GNTST_*) is written whenever the result is 0, the sizes only where it is
 * GNTST_okay. */
static inline int hypercall_gnttab_query_size(uint32_t *frames, uint32_t *frames_max,
                                              int16_t *status)
{
    struct gnttab_query_size op = {.dom = DOMID_SELF};
    int err = hypercall__grant_table_op(GNTTABOP_query_size, &op, 1);
    if (err != 0)
        return err;
    *status = op.status;
    if (op.status == GNTST_okay) {
        *frames = op.nr_frames;
        *frames_max = op.max_nr_frames;
    }
    return 0;
}

/* These three carry out `count` operations; each says how it went in its own status. */
static inline int hypercall_gnttab_copy(struct gnttab_copy *ops, unsigned count)
{
    return hypercall__grant_table_op(GNTTABOP_copy, ops, count);
}

static inline int hypercall_gnttab_map(struct gnttab_map_grant_ref *ops, unsigned count)
{
    return hypercall__grant_table_op(GNTTABOP_map_grant_ref, ops, count);
}

static inline int hypercall_gnttab_unmap(struct gnttab_unmap_grant_ref *ops, unsigned count)
{
    return hypercall__grant_table_op(GNTTABOP_unmap_grant_ref, ops, count);
}

/* ---- scheduling: sched.h --------------------------------------------------------------------- */

static inline int hypercall_sched_yield(void)
{
    return hypercall__sched_op(SCHEDOP_yield, NULL);
}

/* Until one of the ports is pending (masked ones too) or the system time reaches timeout_ns; 0: no
 * timeout. */
static inline int hypercall_sched_poll(evtchn_port_t *ports, unsigned count, uint64_t timeout_ns)
{
    struct sched_poll op = {.nr_ports = count, .timeout = timeout_ns};
    set_xen_guest_handle(op.ports, ports);
    return hypercall__sched_op(SCHEDOP_poll, &op);
}

/* SHUTDOWN_*. Returns only where it failed. */
static inline int hypercall_sched_shutdown(unsigned reason)
{
    struct sched_shutdown op = {.reason = reason};
    return hypercall__sched_op(SCHEDOP_shutdown, &op);
}

/* SHUTDOWN_suspend. 0: in a new domain; 1: cancelled; else refused. A PV domain gives the frame of
 * its start information, which is told there what is new; others 0. */
static inline int hypercall_sched_suspend(uint64_t start_info_mfn)
{
    struct sched_shutdown op = {.reason = SHUTDOWN_suspend};
    return (int)xen_hypercall(__HYPERVISOR_sched_op, SCHEDOP_shutdown, (unsigned long)&op,
                              (unsigned long)start_info_mfn, 0, 0);
}

/* ---- HVM and PVH parameters: hvm/params.h ---------------------------------------------------- */

static inline int hypercall_hvm_get_param(uint32_t index, uint64_t *value)
{
    struct xen_hvm_param op = {.domid = DOMID_SELF, .index = index};
    int err = hypercall__hvm_op(HVMOP_get_param, &op);
    if (err == 0)
        *value = op.value;
    return err;
}

static inline int hypercall_hvm_set_param(uint32_t index, uint64_t value)
{
    struct xen_hvm_param op = {.domid = DOMID_SELF, .index = index, .value = value};
    return hypercall__hvm_op(HVMOP_set_param, &op);
}

/* ---- memory: memory.h ------------------------------------------------------------------------ */

/* XENMAPSPACE_*: Xen's frame `index` of that space appears at our frame `gfn`. */
static inline int hypercall_memory_add_to_physmap(unsigned space, unsigned long index, uint64_t gfn)
{
    struct xen_add_to_physmap op = {
        .domid = DOMID_SELF, .space = space, .idx = index, .gpfn = (xen_pfn_t)gfn};
    return hypercall__memory_op(XENMEM_add_to_physmap, &op);
}

/* The memory map, `count` entries at most; returns how many there are. */
static inline int hypercall_memory_map(void *entries, unsigned count)
{
    struct xen_memory_map op = {.nr_entries = count};
    set_xen_guest_handle(op.buffer, entries);
    int err = hypercall__memory_op(XENMEM_memory_map, &op);
    return err == 0 ? (int)op.nr_entries : err;
}

/* Xen takes `count` pages back, or gives as many where ours have none; how many it did. Frames as
 * Xen knows them; those it gives are told, too. */
static inline int hypercall__memory_reservation(unsigned cmd, uint64_t *frames, unsigned count)
{
    struct xen_memory_reservation op = {.nr_extents = count, .domid = DOMID_SELF};
    set_xen_guest_handle(op.extent_start, frames);
    return hypercall__memory_op(cmd, &op);
}

static inline int hypercall_memory_decrease_reservation(uint64_t *frames, unsigned count)
{
    return hypercall__memory_reservation(XENMEM_decrease_reservation, frames, count);
}

static inline int hypercall_memory_populate_physmap(uint64_t *frames, unsigned count)
{
    return hypercall__memory_reservation(XENMEM_populate_physmap, frames, count);
}

/* ---- vcpus: vcpu.h --------------------------------------------------------------------------- */

/* VIRQ_TIMER comes when the system time reaches at_ns. flags: VCPU_SSHOTTMR_future: -ETIME where
 * that has passed. */
static inline int hypercall_vcpu_set_singleshot_timer(unsigned vcpu, uint64_t at_ns, uint32_t flags)
{
    struct vcpu_set_singleshot_timer op = {.timeout_abs_ns = at_ns, .flags = flags};
    return hypercall__vcpu_op(VCPUOP_set_singleshot_timer, vcpu, &op);
}

static inline int hypercall_vcpu_stop_periodic_timer(unsigned vcpu)
{
    return hypercall__vcpu_op(VCPUOP_stop_periodic_timer, vcpu, NULL);
}

/* ---- the hypervisor itself: xen.h ------------------------------------------------------------ */

/* Xen's own console: for the hypervisor's operator; -EPERM on most release builds. */
static inline int hypercall_console_write(const void *text, unsigned len)
{
    return hypercall__console_io(CONSOLEIO_write, len, (void *)(uintptr_t)text);
}

#endif
