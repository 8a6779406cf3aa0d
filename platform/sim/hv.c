/* SPDX-License-Identifier: ISC */
/* hv.c - the hypervisor's other hypercalls, and the symbols of morgana/xen.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <morgana/platform.h>

#include "reservation.h"
#include "sim_priv.h"

#include <xen/features.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>

static struct xen_start start;
static uint32_t store_port, console_port;

void sim_hv_init(void)
{
    for (unsigned i = SIM_FRAME_STORE; i <= SIM_FRAME_CONSOLE; i++)
        memset(sim_frame(i), 0, SIM_PAGE);
    /* A domain that is restored gets other ports than it had. */
    if (sim_state.lives % 2 == 0)
        console_port = sim_evtchn_builder_port();
    store_port = sim_evtchn_builder_port();
    if (sim_state.lives % 2 != 0)
        console_port = sim_evtchn_builder_port();
    start = (struct xen_start){
        .store_ring = sim_frame(SIM_FRAME_STORE),
        .store_port = store_port,
        .console_ring = sim_frame(SIM_FRAME_CONSOLE),
        .console_port = console_port,
    };
}

const struct xen_start *xen_start(void)
{
    return &start;
}

struct shared_info *xen_shared_info(void)
{
    return sim_frame(SIM_FRAME_SHARED_INFO);
}

static unsigned space_frame(unsigned space, unsigned long index)
{
    if (space == XENMAPSPACE_shared_info)
        return index == 0 ? SIM_FRAME_SHARED_INFO : SIM_FRAMES;
    return space == XENMAPSPACE_grant_table ? sim_gnttab_frame(index) : SIM_FRAMES;
}

void *xen_map_frame(unsigned space, unsigned long index)
{
    unsigned frame = space_frame(space, index);
    return frame == SIM_FRAMES ? NULL : sim_frame(frame);
}

/* ---- sched_op ------------------------------------------------------------------------------- */

static long shut_down(unsigned reason)
{
    if (reason == SHUTDOWN_suspend) {
        bool cancelled = sim_state.cancel_suspends;
        sim_suspend(cancelled);
        return cancelled;
    }
    sim_state.shutdown_reason = (int)reason;
    return 0; /* on Xen it does not return; here the caller's target ends the process */
}

static long sched_op(unsigned cmd, void *arg)
{
    switch (cmd) {
    case SCHEDOP_yield:
        sim_step();
        return 0;
    case SCHEDOP_block:
    case SCHEDOP_poll:
        sim_timer(plat_now_ns());
        sim_run_until_idle();
        return 0;
    case SCHEDOP_shutdown:
        return shut_down(((struct sched_shutdown *)arg)->reason);
    default:
        return -E_NOSYS;
    }
}

/* ---- hvm_op --------------------------------------------------------------------------------- */

static long hvm_op(unsigned cmd, void *arg)
{
    if (cmd == HVMOP_set_param)
        return 0; /* the callback vector: upcalls are polled here */
    if (cmd != HVMOP_get_param)
        return -E_NOSYS;
    struct xen_hvm_param *op = arg;
    if (op->domid != DOMID_SELF && op->domid != SIM_GUEST_DOMID)
        return -E_PERM;
    switch (op->index) {
    case HVM_PARAM_STORE_PFN:
        op->value = sim_frame_gfn(SIM_FRAME_STORE);
        return 0;
    case HVM_PARAM_STORE_EVTCHN:
        op->value = store_port;
        return 0;
    case HVM_PARAM_CONSOLE_PFN:
        op->value = sim_frame_gfn(SIM_FRAME_CONSOLE);
        return 0;
    case HVM_PARAM_CONSOLE_EVTCHN:
        op->value = console_port;
        return 0;
    default:
        return -E_INVAL;
    }
}

/* ---- memory_op ------------------------------------------------------------------------------ */

static long memory_op(unsigned cmd, void *arg)
{
    if (cmd == XENMEM_add_to_physmap) {
        const struct xen_add_to_physmap *op = arg;
        unsigned frame = space_frame(op->space, op->idx);
        uint8_t *page = sim_gfn_page(op->gpfn);
        if (frame == SIM_FRAMES || page == NULL)
            return -E_INVAL;
        return sim_frame_map_at(frame, page, false) ? 0 : -E_INVAL;
    }
    if (cmd == XENMEM_remove_from_physmap) {
        const struct xen_remove_from_physmap *op = arg;
        uint8_t *page = sim_gfn_page(op->gpfn);
        return page != NULL && sim_frame_unmap_at(page) ? 0 : -E_INVAL;
    }
    return sim_reservation_op(cmd, arg);
}

/* ---- vcpu_op: the guest's timers ------------------------------------------------------------ */

static long vcpu_op(unsigned cmd, unsigned long vcpu, void *arg)
{
    if (vcpu != 0)
        return -E_NOENT;
    switch (cmd) {
    case VCPUOP_is_up:
        return 1;
    case VCPUOP_set_singleshot_timer: {
        const struct vcpu_set_singleshot_timer *op = arg;
        if ((op->flags & VCPU_SSHOTTMR_future) != 0 && op->timeout_abs_ns <= plat_now_ns())
            return -62; /* ETIME */
        sim_state.timer_at = op->timeout_abs_ns;
        return 0;
    }
    case VCPUOP_stop_singleshot_timer:
        sim_state.timer_at = NS_NEVER;
        return 0;
    case VCPUOP_set_periodic_timer:
        sim_state.timer_period = ((const struct vcpu_set_periodic_timer *)arg)->period_ns;
        if (sim_state.timer_period < NS_PER_MS) {
            sim_state.timer_period = 0;
            return -E_INVAL;
        }
        sim_state.timer_at = plat_now_ns() + sim_state.timer_period;
        return 0;
    case VCPUOP_stop_periodic_timer:
        sim_state.timer_period = 0;
        return 0;
    default:
        return -E_NOSYS;
    }
}

void sim_timer(uint64_t now_ns)
{
    if (sim_state.timer_at == NS_NEVER || now_ns < sim_state.timer_at)
        return;
    sim_state.timer_at = sim_state.timer_period == 0 ? NS_NEVER : now_ns + sim_state.timer_period;
    sim_virq_raise(VIRQ_TIMER);
}

uint64_t sim_timer_at(void)
{
    return sim_state.timer_at;
}

/* ---- xen_version, console_io ---------------------------------------------------------------- */

static long version_op(unsigned cmd, void *arg)
{
    switch (cmd) {
    case XENVER_version:
        return 4 << 16 | 17;
    case XENVER_extraversion:
        memcpy(arg, ".sim", 5);
        return 0;
    case XENVER_capabilities:
        memcpy(arg, "hvm-3.0-x86_64 ", 16);
        return 0;
    case XENVER_get_features: {
        struct xen_feature_info *op = arg;
        if (op->submap_idx != 0)
            return -E_INVAL;
        op->submap = 1u << XENFEAT_auto_translated_physmap | 1u << XENFEAT_hvm_callback_vector |
                     1u << XENFEAT_writable_page_tables | 1u << XENFEAT_not_direct_mapped;
        return 0;
    }
    case XENVER_pagesize:
        return SIM_PAGE;
    default:
        return -E_NOSYS;
    }
}

static long console_io(unsigned cmd, unsigned long count, const void *text)
{
    if (cmd != CONSOLEIO_write)
        return cmd == CONSOLEIO_read ? 0 : -E_NOSYS;
    fwrite(text, 1, count, stderr);
    return 0;
}

long xen_hypercall(unsigned op, unsigned long a1, unsigned long a2, unsigned long a3,
                   unsigned long a4, unsigned long a5)
{
    (void)a4;
    (void)a5;
    ASSERT(sim_state.running);
    if (op < ARRAY_SIZE(sim_state.hypercalls))
        sim_state.hypercalls[op]++;
    switch (op) {
    case __HYPERVISOR_event_channel_op:
        return sim_evtchn_op((unsigned)a1, (void *)a2);
    case __HYPERVISOR_grant_table_op:
        return sim_gnttab_op((unsigned)a1, (void *)a2, (unsigned)a3);
    case __HYPERVISOR_sched_op:
        return sched_op((unsigned)a1, (void *)a2);
    case __HYPERVISOR_hvm_op:
        return hvm_op((unsigned)a1, (void *)a2);
    case __HYPERVISOR_memory_op:
        return memory_op((unsigned)a1, (void *)a2);
    case __HYPERVISOR_vcpu_op:
        return vcpu_op((unsigned)a1, a2, (void *)a3);
    case __HYPERVISOR_xen_version:
        return version_op((unsigned)a1, (void *)a2);
    case __HYPERVISOR_console_io:
        return console_io((unsigned)a1, a2, (void *)a3);
    default:
        return -E_NOSYS;
    }
}
