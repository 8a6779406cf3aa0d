/* SPDX-License-Identifier: ISC */
/* clock.c - time since the start by the generic timer's virtual counter, which begins at 0 when Xen
 * makes the domain; the wall clock by shared info (Xen's public/xen.h).
 *
 * On ARM Xen keeps no system time of a vcpu in shared info: the wall clock there is that of the
 * counter's 0.
 */
#include <morgana/platform.h>
#include <morgana/xen.h>

#include "barrier.h"
#include "boot.h"
#include "scale.h"

#include <xen/xen.h>

#define TRIES 10000 /* Xen writes while we read, never for long; but a bound all the same */
/* Earlier than this nobody has told Xen the time: then its clock began in 1970. */
#define WALL_MIN_S UINT64_C(1000000000)

static uint32_t ticks_hz;
static uint64_t scale;

int clock_init(uint32_t hz)
{
    ticks_hz = arch_counter_hz();
    if (ticks_hz == 0)
        ticks_hz = hz;
    if (ticks_hz == 0)
        return -E_INVAL;
    scale = scale_of(ticks_hz);
    return 0;
}

uint64_t clock_ticks_at(uint64_t ns)
{
    return scale_ticks(ns, ticks_hz);
}

uint64_t plat_now_ns(void)
{
    return scale_ns(arch_counter(), scale);
}

uint64_t plat_wall_ns(void)
{
    const struct shared_info *shared = xen_shared_info();

    for (int i = 0; i < TRIES; i++) {
        uint32_t version = READ_ONCE(shared->wc_version), ns;
        uint64_t s;

        rmb(); /* the version before what it stands for */
        s = (uint64_t)READ_ONCE(shared->wc_sec_hi) << 32 | READ_ONCE(shared->wc_sec);
        ns = READ_ONCE(shared->wc_nsec);
        rmb(); /* what it stands for before the version */
        if ((version & 1) == 0 && version == READ_ONCE(shared->wc_version))
            return s < WALL_MIN_S ? 0 : s * NS_PER_S + ns + plat_now_ns();
    }
    return 0;
}
