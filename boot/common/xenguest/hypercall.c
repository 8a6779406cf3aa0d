/* SPDX-License-Identifier: ISC */
/* hypercall.c - hypercalls for files whose own headers use names of Xen's (struct evtchn_status).
 */
#include "boot/common/bare/bare.h"
#include "xenguest.h"

#include "xen/hypercall.h"

int xenguest_memory_map(void *entries, unsigned count)
{
    return hypercall_memory_map(entries, count);
}

_Noreturn void bare_shutdown(enum bare_shutdown reason)
{
    static const unsigned of[] = {
        [BARE_POWEROFF] = SHUTDOWN_poweroff,
        [BARE_REBOOT] = SHUTDOWN_reboot,
        [BARE_CRASH] = SHUTDOWN_crash,
    };

    for (;;)
        hypercall_sched_shutdown(of[reason]);
}
