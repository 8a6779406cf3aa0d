/* SPDX-License-Identifier: ISC */
/* simguest.c - the usual guest of a simulation: plat_wait is domain 0's turn. */
#include <stdio.h>

#include "support.h"

#include "simguest.h"

struct evtchn *simguest_ev;

static bool upcall(void)
{
    return simguest_ev != NULL && evtchn_upcall(simguest_ev) != 0;
}

static void step(uint64_t deadline_ns)
{
    if (upcall())
        return;
    sim_timer(plat_now_ns());
    sim_run_until_idle();
    if (upcall())
        return;
    uint64_t until = u64_min(deadline_ns, sim_timer_at());
    vplat_set_now(u64_min(until, plat_now_ns() + VPLAT_WAIT_NS_MAX));
    sim_timer(plat_now_ns());
    upcall();
}

void simguest_init(const struct sim_conf *conf)
{
    static const struct sim_conf usual = {.seed = 1};
    simguest_ev = NULL;
    vplat_reset(1);
    vplat_step = step;
    int err = sim_init(conf != NULL ? conf : &usual);
    ASSERT(err == 0);
}

void simguest_fini(void)
{
    simguest_ev = NULL;
    vplat_step = NULL;
    uint32_t faults = sim_fault_count();
    if (faults != 0)
        fprintf(stderr, "%u faults, the first: %s\n", faults, sim_fault_text());
    sim_fini();
    ASSERT(faults == 0);
}

void simguest_boot(const struct sim_conf *conf, int argc, char **argv)
{
    simguest_init(conf);
    simguest_ev = &start_get()->ev;
    int err = start_xen(argc, argv);
    ASSERT(err == 0);
}

void simguest_shutdown(void)
{
    start_fini();
    simguest_fini();
}
