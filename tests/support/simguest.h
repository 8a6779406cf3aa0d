/* SPDX-License-Identifier: ISC */
/* simguest.h - the usual guest of a simulation (platform/sim): waits that run domain 0, and the
 * whole start of a program. */
#ifndef TESTS_SIMGUEST_H
#define TESTS_SIMGUEST_H

#include <morgana/start.h>

#include "platform/sim/sim.h"

/* A fresh machine on virtual time; plat_wait runs domain 0, its timers, and the upcall of
 * simguest_ev. NULL: the usual one. */
void simguest_init(const struct sim_conf *conf);
/* Fails the test where the guest did what no correct guest does. */
void simguest_fini(void);

/* Whose upcall plat_wait makes; NULL: nobody's. */
extern struct evtchn *simguest_ev;

/* simguest_init, then start_xen with a program's command line; start_fini, then simguest_fini. */
void simguest_boot(const struct sim_conf *conf, int argc, char **argv);
void simguest_shutdown(void);

#endif
