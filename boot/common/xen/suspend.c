/* SPDX-License-Identifier: ISC */
/* suspend.c - the domain is saved and restored, or migrated: how it sleeps and how it wakes.
 *
 * Theory of operation. The toolstack writes "suspend" into control/shutdown; the domain answers
 * there, and makes the hypercall SCHEDOP_shutdown with SHUTDOWN_suspend. It returns in a new
 * domain, which has our memory and registers and nothing else: no event channels, no grants, a new
 * xenstore connection, new backends, another machine's clock. Or it returns 1: nothing of that has
 * happened, and we go on.
 *
 * It happens here and nowhere else: when the program asks plat_request(). There it is outside of
 * every driver, handshake and request to xenstore, so none of them can find the world changed
 * between two of its lines (docs/decisions, 26). After a restore the services are rebuilt from the
 * ground up: what each one needs stands before it. Devices look after themselves: they see another
 * gnttab_epoch() the next time they are polled, and connect anew.
 */
#include "start_priv.h"

#include <morgana/log.h>
#include <morgana/platform.h>
#include <morgana/xen.h>

#include <xen/io/console.h>

/* How long the console's reader may take. A restored domain's ring is empty (HVM and PVH): what was
 * left in it is lost. */
#define DRAIN_NS NS_PER_S

static void drain_console(void)
{
    const struct xencons_interface *ring = xen_start()->console_ring;
    uint64_t end = plat_now_ns() + DRAIN_NS;

    while (ring != NULL && READ_ONCE(ring->out_cons) != READ_ONCE(ring->out_prod) &&
           plat_now_ns() < end)
        plat_wait(plat_now_ns() + NS_PER_MS);
}

/* A domain without one of these would be there and do nothing: it says why, and ends. */
static void need(const char *what, int err)
{
    if (err < 0) {
        LOG_ERROR("resume: no %s: %s", what, err_name(err));
        plat_exit(1);
    }
}

static void adopt(struct start *start, const char *what, evtchn_port_t port)
{
    if (evtchn_adopt(&start->ev, port) < 0)
        LOG_WARN("resume: %s: port %u cannot be used", what, port);
}

static void resume(struct start *start)
{
    const struct xen_start *from = xen_start();
    int err;

    if (start->has_cons) {
        start->has_cons = from->console_ring != NULL;
        if (start->has_cons)
            xencons_resume(&start->cons, from->console_ring, from->console_port);
    }
    if (start->has_evtchn)
        need("event channels", evtchn_resume(&start->ev));
    if (start->has_evtchn && start->has_cons)
        adopt(start, "console", from->console_port);
    if (start->has_gnttab)
        need("grant table", gnttab_resume(&start->gt));
    if (start->has_xs) {
        adopt(start, "xenstore", from->store_port);
        err = xs_resume(&start->xs, from->store_ring, from->store_port);
        need("xenstore", from->store_ring == NULL ? err : xs_broken(&start->xs));
        if (err < 0)
            LOG_WARN("resume: a watch is not back yet: %s", err_name(err));
    }
}

void start_suspend(void)
{
    struct start *start = start_get();
    uint64_t began = plat_now_ns();
    int result;

    LOG_INFO("suspending");
    drain_console();
    result = start->suspend_machine != NULL ? start->suspend_machine() : -E_NOSYS;
    if (result == 0)
        resume(start);
    if (start->has_ctl)
        xenctl_resume(&start->ctl);
    if (result < 0)
        LOG_ERROR("suspend: refused: %s", err_name(result));
    else
        LOG_INFO("%s after %lu ms", result == 0 ? "resumed" : "suspend cancelled",
                 (unsigned long)((plat_now_ns() - began) / NS_PER_MS));
}
