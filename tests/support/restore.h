/* SPDX-License-Identifier: ISC */
/* restore.h - the guest's domain is saved and restored: what the simulated hypervisor does, and what
 * the services do before any device looks again. */
#ifndef TESTS_RESTORE_H
#define TESTS_RESTORE_H

#include <morgana/evtchn.h>
#include <morgana/gnttab.h>
#include <morgana/xenstore.h>

void restore_domain(struct evtchn *ev, struct gnttab *gt, struct xs *xs);

#endif
