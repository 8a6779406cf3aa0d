/* SPDX-License-Identifier: ISC */
/* wait.c - plat_wait: sleep until an event or a deadline.
 *
 * Theory of operation. The program runs with interrupts off, always. Xen says that an event channel became pending by a byte in
 * shared info (evtchn_upcall_pending) and by raising VECTOR_UPCALL, which is delivered where interrupts are on: only inside wait_halt(),
 * between STI and HLT. So
 *
 *     an event before we look        the byte is set: we see it and do not sleep
 *     an event after we looked       the interrupt is held back until HLT, and ends it at once
 *
 * and none is lost: looking and sleeping need no lock, because nothing of ours runs in between. While the program works, events cost it no
 * interrupt at all, and the upcall's handler need not save a register (trap_entry.S).
 *
 * Why not SCHEDOP_poll: it takes a list of at most 128 ports, by copy, at each sleep; the FIFO ABI alone has 131,072. Its one advantage, the time-out
 * in the same hypercall, is had here by leaving a timer that is early enough alone: a sleep costs a hypercall for the timer only
 * where its deadline is earlier than the one armed, or that one has passed.
 */
#include <morgana/log.h>
#include <morgana/platform.h>
#include <morgana/start.h>
#include <morgana/xen.h>

#include "boot.h"

#define VIRQ_OF_TIMER 0u /* VIRQ_TIMER of Xen's public/xen.h */

static enum { TIMER_UNTRIED, TIMER_BOUND, TIMER_NONE } timer;
static uint64_t armed_ns; /* when the timer will fire; in the past: it is not armed */

/* The timer's event channel, as soon as there are event channels. */
static void bind_timer(struct evtchn *ev)
{
    evtchn_port_t port;
    int err = evtchn_bind_virq(ev, VIRQ_OF_TIMER, 0, &port);

    timer = err == 0 ? TIMER_BOUND : TIMER_NONE;
    if (err < 0)
        LOG_WARN("no timer: %s: the program polls", err_name(err));
}

void plat_wait(uint64_t deadline_ns)
{
    struct start *start = start_get();
    uint64_t now;

    if (start->has_evtchn) {
        if (timer == TIMER_UNTRIED)
            bind_timer(&start->ev);
        if (evtchn_upcall(&start->ev) > 0)
            return;
    }
    now = clock_system_ns();
    if (now >= deadline_ns)
        return;
    if (!start->has_evtchn || timer != TIMER_BOUND) {
        timer_sleep(deadline_ns);
    } else {
        if (deadline_ns != NS_NEVER && (armed_ns <= now || armed_ns > deadline_ns)) {
            if (timer_arm(deadline_ns) < 0)
                return; /* the caller looks again: slow, but not deaf */
            armed_ns = deadline_ns;
        }
        wait_halt();
    }
    if (start->has_evtchn)
        evtchn_upcall(&start->ev);
}
