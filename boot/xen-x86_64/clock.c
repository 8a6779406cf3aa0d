/* SPDX-License-Identifier: ISC */
/* clock.c - Xen's paravirtual clock: struct vcpu_time_info (Xen's public/xen.h).
 *
 * Xen writes while we read: a version that is odd, or that changed, means read again. Xen never
 * needs long, but a loop on another's word has a bound all the same: then the clock stands still
 * for that call.
 *
 * plat_now_ns() is that clock and, after a resume, a difference: Xen's clock is the machine's, and
 * a domain that was restored may be on another. Xen tells no time that is common to both but the
 * wall clock.
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

static uint64_t last_ns;           /* of Xen's clock in this domain */
static uint64_t ahead_ns;          /* modulo 2^64: plat_now_ns() - clock_system_ns() */
static uint64_t asleep_at_ns;      /* when the suspend began, by plat_now_ns() */
static uint64_t asleep_at_wall_ns; /* and by the wall clock; 0: there is none */

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
    return clock_system_ns() + ahead_ns;
}

uint64_t clock_system_at(uint64_t now_ns)
{
    uint64_t at = now_ns - ahead_ns;

    /* A time of before this domain's clock is "negative". */
    return (int64_t)at < 0 ? 0 : at;
}

void clock_suspend(void)
{
    asleep_at_ns = plat_now_ns();
    asleep_at_wall_ns = plat_wall_ns();
}

void clock_resume(void)
{
    uint64_t wall, asleep;

    last_ns = 0;
    wall = plat_wall_ns();
    asleep = asleep_at_wall_ns != 0 && wall > asleep_at_wall_ns ? wall - asleep_at_wall_ns : 0;
    ahead_ns = asleep_at_ns + asleep - clock_system_ns();
}

uint64_t plat_wall_ns(void)
{
    uint64_t start = xenguest_wall_ns();

    return start == 0 ? 0 : start + clock_system_ns();
}
