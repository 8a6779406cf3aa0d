/* SPDX-License-Identifier: ISC */
/* wait.c - plat_wait: sleep until an event or a deadline.
 *
 * Theory of operation. Interrupts are masked always (arch.h). Xen says that an event channel became
 * pending by a byte in shared info (evtchn_upcall_pending), and, whenever that byte turns from 0 to
 * 1, by making the event interrupt pending. WFI ends when an interrupt is pending. So
 *
 *     acknowledge interrupts      from here on a new event makes the interrupt pending again
 *     look at the byte            and clear it, and see what is pending: do not sleep then
 *     WFI                         ends at once where an event came since the first step
 *
 * and none is lost. An event that comes between the first two steps is seen by the second, and
 * makes the next sleep short: plat_wait may return early. The timer is a register of the CPU, armed
 * at each sleep: that costs no hypercall.
 */
#include <morgana/platform.h>
#include <morgana/start.h>

#include "boot.h"

/* Without event channels nothing wakes us but time: look again this often. */
#define POLL_NS (10 * NS_PER_MS)

static uint32_t look(struct start *start)
{
    gic_acknowledge();
    return start->has_evtchn ? evtchn_upcall(&start->ev) : 0;
}

void plat_wait(uint64_t deadline_ns)
{
    struct start *start = start_get();
    uint64_t now;

    if (look(start) > 0)
        return;
    now = plat_now_ns();
    if (now >= deadline_ns || start->balloon.busy)
        return;
    if (!start->has_evtchn)
        deadline_ns = u64_min(deadline_ns, now + POLL_NS);
    if (deadline_ns != NS_NEVER)
        arch_timer_set(clock_ticks_at(deadline_ns));
    arch_wait();
    arch_timer_off();
    (void)look(start);
}
