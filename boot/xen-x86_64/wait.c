/* SPDX-License-Identifier: ISC */
/* wait.c - plat_wait: sleep until an event or a deadline.
 *
 * Theory of operation. The program runs with interrupts off, always. Xen says that an event channel
 * became pending by a byte in shared info (evtchn_upcall_pending) and by an upcall: PVH, the
 * interrupt VECTOR_UPCALL, which is delivered where interrupts are on; PV, a call of the entry that
 * we registered, where evtchn_upcall_mask is 0. Both are so only inside the mode's halt(): between
 * STI and HLT, or in SCHEDOP_block, which clears the mask and looks in one step. So
 *
 *     an event before we look        the byte is set: we see it and do not sleep
 *     an event after we looked       the upcall is held back until the sleep, and ends it at once
 *
 * and none is lost: looking and sleeping need no lock, because nothing of ours runs in between.
 * While the program works, events cost it no interrupt at all, and the upcall's handler need not
 * save a register (pvh_trap_entry.S, pv_entry.S).
 *
 * Why not SCHEDOP_poll: it takes a list of at most 128 ports, by copy, at each sleep; the FIFO
 * ABI alone has 131,072. Its one advantage, the time-out in the same hypercall, is had here by
 * leaving a timer that is early enough alone: a sleep costs a hypercall for the timer only where
 * its deadline is earlier than the one armed, or that one has passed.
 */
#include <morgana/log.h>
#include <morgana/platform.h>
#include <morgana/start.h>
#include <morgana/xen.h>

#include "boot.h"

#define VIRQ_OF_TIMER 0u /* VIRQ_TIMER of Xen's public/xen.h */

static enum { TIMER_UNTRIED, TIMER_BOUND, TIMER_NONE } timer;
static evtchn_port_t timer_port;
static uint32_t timer_seen; /* its count when the timer was armed */
static uint64_t armed_ns;

/* The timer's event channel, as soon as there are event channels. */
static void bind_timer(struct evtchn *ev)
{
    int err = evtchn_bind_virq(ev, VIRQ_OF_TIMER, 0, &timer_port);

    timer = err == 0 ? TIMER_BOUND : TIMER_NONE;
    if (err < 0)
        LOG_WARN("no timer: %s: the program polls", err_name(err));
}

/* Is a timer running that fires by the deadline? Whether it has fired is asked of its event, not
 * of the clock: Xen's clock, by which it fires, may be a little ahead of ours, and then "armed
 * for later than now" would be a sleep without an end. */
static bool is_armed(const struct evtchn *ev, uint64_t deadline_ns)
{
    return armed_ns != 0 && armed_ns <= deadline_ns && evtchn_count(ev, timer_port) == timer_seen;
}

static bool arm(const struct evtchn *ev, uint64_t deadline_ns)
{
    if (deadline_ns == NS_NEVER || is_armed(ev, deadline_ns))
        return true;
    timer_seen = evtchn_count(ev, timer_port);
    armed_ns = timer_arm(clock_system_at(deadline_ns)) == 0 ? deadline_ns : 0;
    return armed_ns != 0;
}

void wait_resume(bool anew)
{
    armed_ns = 0;
    if (anew)
        timer = TIMER_UNTRIED;
}

void plat_wait(uint64_t deadline_ns)
{
    struct start *start = start_get();

    if (start->has_evtchn) {
        if (timer == TIMER_UNTRIED)
            bind_timer(&start->ev);
        if (evtchn_upcall(&start->ev) > 0)
            return;
    }
    if (plat_now_ns() >= deadline_ns || start->balloon.busy)
        return;
    if (!start->has_evtchn || timer != TIMER_BOUND)
        timer_sleep(deadline_ns == NS_NEVER ? NS_NEVER : clock_system_at(deadline_ns));
    else if (arm(&start->ev, deadline_ns)) /* else the caller looks again: slow, but not deaf */
        boot_get_mode()->halt();
    if (start->has_evtchn)
        evtchn_upcall(&start->ev);
}
