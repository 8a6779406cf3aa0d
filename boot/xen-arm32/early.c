/* SPDX-License-Identifier: ISC */
/* early.c - a line on the console and the end, for an image that cannot start. It runs with the MMU
 * off, and not where it was linked: no address but what it is given, no data, no unaligned access.
 */
#include <morgana/xen.h>

#include "boot/armv7/armv7.h"

#include <xen/event_channel.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/io/console.h>
#include <xen/sched.h>

_Noreturn void boot_early_refuse(const char *text);

#define LINE 16u /* no cache line is shorter */

/* What others read through their caches: without the stale copies there. */
static void invalidate(const void *start, uint32_t bytes)
{
    for (uint32_t at = 0; at < bytes; at += LINE)
        ARMV7_CP15_WRITE((uint32_t)start + at, 0, c7, c14, 1); /* DCCIMVAC */
    armv7_dsb();
}

static uint64_t param(uint32_t index)
{
    struct xen_hvm_param p = {.domid = DOMID_SELF, .index = index};

    if (xen_hypercall(__HYPERVISOR_hvm_op, HVMOP_get_param, (unsigned long)&p, 0, 0, 0) != 0)
        return 0;
    return p.value;
}

_Noreturn void boot_early_refuse(const char *text)
{
    const uint64_t frame = param(HVM_PARAM_CONSOLE_PFN);
    struct evtchn_send send = {.port = (evtchn_port_t)param(HVM_PARAM_CONSOLE_EVTCHN)};
    struct sched_shutdown shutdown = {.reason = SHUTDOWN_poweroff};

    if (frame != 0 && frame < UINT64_C(1) << 20) {
        struct xencons_interface *ring = (struct xencons_interface *)((uint32_t)frame << 12);
        uint32_t i = 0;

        invalidate(ring, sizeof(*ring));
        for (; text[i] != '\0'; i++)
            ((volatile char *)ring->out)[i] = text[i];
        WRITE_ONCE(ring->out_prod, i);
        invalidate(ring, sizeof(*ring));
        (void)xen_hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_send, (unsigned long)&send, 0,
                            0, 0);
    }
    for (;;)
        (void)xen_hypercall(__HYPERVISOR_sched_op, SCHEDOP_shutdown, (unsigned long)&shutdown, 0, 0,
                            0);
}
