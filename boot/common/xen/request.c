/* SPDX-License-Identifier: ISC */
/* request.c - what the toolstack wants of the domain, as the program asks for it. */
#include <morgana/platform.h>

#include "start_priv.h"

enum plat_request plat_request(void)
{
    static const enum plat_request of[] = {
        [XENCTL_RUN] = PLAT_RUN,
        [XENCTL_POWEROFF] = PLAT_POWEROFF,
        [XENCTL_REBOOT] = PLAT_REBOOT,
        [XENCTL_SUSPEND] = PLAT_RUN, /* not the program's to do */
    };
    struct start *start = start_get();
    enum xenctl_request request;

    start_turn(); /* a program that is never idle never comes to plat_wait */
    if (!start->has_ctl)
        return PLAT_RUN;
    request = xenctl_poll(&start->ctl);
    start_sysrq(start, xenctl_sysrq(&start->ctl));
    if (request == XENCTL_SUSPEND)
        start_suspend();
    if (start->has_balloon && balloon_has_work(&start->balloon))
        (void)balloon_poll(&start->balloon, plat_now_ns());
    return of[request];
}
