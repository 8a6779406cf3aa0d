/* SPDX-License-Identifier: ISC */
/* restore.h - the guest's domain is saved and restored: what the simulated hypervisor does, and
 * what the services do before any device looks again. Then others bind event channels: those
 * numbers may have been a device's.
 *
 *     restore_forget();       a new machine
 *     restore_domain(...);    as often as you like
 *     restore_check(...);     at the end: fails where a port of the others was closed
 */
#ifndef TESTS_RESTORE_H
#define TESTS_RESTORE_H

#include <morgana/evtchn.h>
#include <morgana/gnttab.h>
#include <morgana/xenstore.h>

void restore_forget(void);
void restore_check(struct evtchn *ev);
void restore_domain(struct evtchn *ev, struct gnttab *gt, struct xs *xs);

#endif
