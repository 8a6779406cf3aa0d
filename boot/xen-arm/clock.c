/* SPDX-License-Identifier: ISC */
/* clock.c - time since the start by the generic timer's virtual counter, which begins at 0 when Xen
 * makes the domain.
 *
 * On ARM Xen keeps no system time of a vcpu in shared info: the wall clock there is that of the
 * counter's 0.
 */
#include <morgana/platform.h>

#include "boot.h"
#include "boot/common/xenguest/xenguest.h"
#include "scale.h"

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
    uint64_t start = xenguest_wall_ns();

    return start == 0 ? 0 : start + plat_now_ns();
}
