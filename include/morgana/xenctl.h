/* SPDX-License-Identifier: ISC */
/* xenctl.h - what the toolstack asks of the domain through xenstore's control/shutdown and
 * control/sysrq (Xen's docs/misc/xenstore-paths.pandoc). */
#ifndef MORGANA_XENCTL_H
#define MORGANA_XENCTL_H

#include <morgana/xenstore.h>

enum xenctl_request { XENCTL_RUN, XENCTL_POWEROFF, XENCTL_REBOOT, XENCTL_SUSPEND };

struct xenctl {
    struct xs *xs;
    struct xs_watch watch, sysrq;
    uint32_t seen, sysrq_seen;   /* their `fired` as of the last look */
    enum xenctl_request request; /* stays set once asked, but for a suspend that is over */
    uint64_t look_ns;            /* not before: xenstored did not answer; 0: at once */
    bool can_suspend;
    uint64_t unknown; /* requests that we cannot follow: logged and acknowledged */
};

/* Says what we can do (control/feature-poweroff, control/feature-reboot, and
 * control/feature-suspend where the machine can) and watches control/shutdown and control/sysrq.
 * Keeps ctl and xs until fini. Xenstore's errors; a domain that may not write the features is
 * served all the same. */
int xenctl_init(struct xenctl *ctl, struct xs *xs, bool can_suspend);
/* Removes the watches. The storage is the caller's again. */
void xenctl_fini(struct xenctl *ctl);

/* Takes watch events and looks what was asked; acknowledges by writing "" in a transaction. Cheap
 * where nothing came. Where xenstored does not answer, the order stays due, for the call a pause
 * later. "poweroff" and "halt" are XENCTL_POWEROFF, "reboot" is XENCTL_REBOOT: the
 * first of these stays. "suspend" is XENCTL_SUSPEND, where the machine can, until xenctl_resume or
 * one of the others, which go before it. A suspend is acknowledged when it is taken: the toolstack
 * then waits for SCHEDOP_shutdown (public/sched.h). */
enum xenctl_request xenctl_poll(struct xenctl *ctl);

/* After a suspend, or one that was cancelled or failed: the request is taken back (but an end of
 * the domain that was asked for meanwhile is not), and what we can do is said again, as
 * xenstore's tree may be another. Waits for xenstored, which works again (xs_resume); the
 * watches are xenstore's to arm. */
void xenctl_resume(struct xenctl *ctl);

/* The letter that `xl sysrq` asked for since the last call, or '\0'. It is followed though it
 * cannot be acknowledged; what is no letter or digit is acknowledged, logged and counted as
 * unknown. After xenctl_poll: this takes no events. */
char xenctl_sysrq(struct xenctl *ctl);

#endif
