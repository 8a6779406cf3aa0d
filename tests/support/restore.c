/* SPDX-License-Identifier: ISC */
/* restore.c - see restore.h. */
#include <morgana/xen.h>

#include <xen/event_channel.h>

#include "platform/sim/sim.h"

#include "restore.h"

/* Ports that have the numbers which devices had before: theirs to leave alone. */
static evtchn_port_t others[16];
static unsigned others_count;

void restore_forget(void)
{
    others_count = 0;
}

void restore_check(struct evtchn *ev)
{
    struct evtchn_info info;

    for (unsigned i = 0; i < others_count; i++) {
        int err = evtchn_status(ev, others[i], &info);

        ASSERT(err == 0 && info.status == EVTCHNSTAT_unbound);
        err = evtchn_close(ev, others[i]);
        ASSERT(err == 0);
    }
    others_count = 0;
}

void restore_domain(struct evtchn *ev, struct gnttab *gt, struct xs *xs)
{
    const struct xen_start *from = xen_start();
    int err;

    restore_check(ev);
    sim_suspend(false);
    err = evtchn_resume(ev);
    ASSERT(err == 0);
    err = gnttab_resume(gt);
    ASSERT(err == 0);
    err = evtchn_adopt(ev, from->store_port);
    ASSERT(err == 0);
    err = xs_resume(xs, from->store_ring, from->store_port);
    ASSERT(err == 0);
    while (others_count < ARRAY_SIZE(others)) {
        err = evtchn_alloc_unbound(ev, 0, &others[others_count++]);
        ASSERT(err == 0);
    }
}
