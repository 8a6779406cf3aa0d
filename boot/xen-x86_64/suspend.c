/* SPDX-License-Identifier: ISC */
/* suspend.c - the machine's part of a suspend (start.h). */
#include "boot.h"
#include "boot/common/bare/bare.h"

int suspend_machine(void)
{
    int result;

    clock_suspend();
    result = boot_get_mode()->suspend();
    if (result == 0) {
        /* Without these there is no time and no event: a domain that would hang silently. */
        if (frames_resume() < 0)
            bare_crash("resume: shared info cannot be mapped");
        if (timer_init() < 0)
            bare_crash("resume: event channels cannot be delivered: Xen refuses the upcall");
        clock_resume(); /* HVM, PVH: Xen writes the wall clock when the upcall is set */
    }
    wait_resume(result == 0);
    return result;
}
