/* SPDX-License-Identifier: ISC */
/* xenctl.h - what the toolstack asks of the domain through xenstore's control/shutdown (Xen's
 * docs/misc/xenstore-paths.pandoc). */
#ifndef MORGANA_XENCTL_H
#define MORGANA_XENCTL_H

#include <morgana/xenstore.h>

enum xenctl_request { XENCTL_RUN, XENCTL_POWEROFF, XENCTL_REBOOT };

struct xenctl {
    struct xs *xs;
    struct xs_watch watch;
    uint32_t seen;               /* watch.fired as of the last look */
    enum xenctl_request request; /* stays set once asked */
    uint64_t unknown;            /* requests that we cannot follow: logged and acknowledged */
};

/* Says what we can do (control/feature-poweroff, control/feature-reboot) and watches
 * control/shutdown. Keeps ctl and xs until fini. Xenstore's errors; a domain that may not write the
 * features is served all the same. */
int xenctl_init(struct xenctl *ctl, struct xs *xs);
/* Removes the watch. The storage is the caller's again. */
void xenctl_fini(struct xenctl *ctl);

/* Takes watch events and looks what was asked; acknowledges by writing "" in a transaction. Cheap
 * where nothing came. "poweroff" and "halt" are XENCTL_POWEROFF, "reboot" is XENCTL_REBOOT. The
 * first request stays. */
enum xenctl_request xenctl_poll(struct xenctl *ctl);

#endif
