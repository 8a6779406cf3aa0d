/* SPDX-License-Identifier: ISC */
/* clock.c - Xen's paravirtual clock: struct vcpu_time_info (Xen's public/xen.h).
 *
 * Xen writes while we read: a version that is odd, or that changed, means read again. Xen never
 * needs long, but a loop on another's word has a bound all the same: then the clock stands still
 * for that call.
 */
#include <morgana/platform.h>
#include <morgana/xen.h>

#include "barrier.h"
#include "boot.h"
#include "boot/common/xenguest/xenguest.h"
#include "clock.h"
#include "x86.h"

#include <xen/xen.h>

#define TRIES 10000

static uint64_t last_ns;

uint64_t clock_system_ns(void)
{
    const struct vcpu_time_info *shared = &xen_shared_info()->vcpu_info[0].time;

    for (int i = 0; i < TRIES; i++) {
        struct vcpu_time_info t;
        uint64_t now;

        t.version = READ_ONCE(shared->version);
        rmb(); /* the version before what it stands for */
        t.tsc_timestamp = READ_ONCE(shared->tsc_timestamp);
        t.system_time = READ_ONCE(shared->system_time);
        t.tsc_to_system_mul = READ_ONCE(shared->tsc_to_system_mul);
        t.tsc_shift = READ_ONCE(shared->tsc_shift);
        now = x86_rdtsc();
        rmb(); /* what it stands for before the version */
        if ((t.version & 1) != 0 || t.version != READ_ONCE(shared->version))
            continue;
        now = clock_at(now, t.tsc_timestamp, t.system_time, t.tsc_to_system_mul, t.tsc_shift);
        if (now > last_ns) /* a new scale may begin a little behind the old one's end */
            last_ns = now;
        break;
    }
    return last_ns;
}

uint64_t plat_now_ns(void)
{
    return clock_system_ns();
}

uint64_t plat_wall_ns(void)
{
    uint64_t start = xenguest_wall_ns();

    return start == 0 ? 0 : start + clock_system_ns();
}
