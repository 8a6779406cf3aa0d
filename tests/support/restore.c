/* SPDX-License-Identifier: ISC */
/* restore.c - see restore.h. */
#include <morgana/xen.h>

#include "platform/sim/sim.h"

#include "restore.h"

void restore_domain(struct evtchn *ev, struct gnttab *gt, struct xs *xs)
{
    const struct xen_start *from = xen_start();
    int err;

    sim_suspend(false);
    err = evtchn_resume(ev);
    ASSERT(err == 0);
    err = gnttab_resume(gt);
    ASSERT(err == 0);
    err = evtchn_adopt(ev, from->store_port);
    ASSERT(err == 0);
    err = xs_resume(xs, from->store_ring, from->store_port);
    ASSERT(err == 0);
}
