/* SPDX-License-Identifier: ISC */
/* clock.h - the arithmetic of Xen's clock (public/xen.h, struct vcpu_time_info). */
#ifndef BOOT_CLOCK_H
#define BOOT_CLOCK_H

#include <morgana/base.h>

/* Nanoseconds of `ticks`: ((ticks << shift) * mul) >> 32, where a negative shift goes right.
 * shift: -63..63, else 0 ns. The product has 96 bits: in two halves, so that none is lost. */
static inline uint64_t clock_scale(uint64_t ticks, uint32_t mul, int8_t shift)
{
    if (shift <= -64 || shift >= 64)
        return 0;
    ticks = shift < 0 ? ticks >> -shift : ticks << shift;
    return (ticks >> 32) * mul + ((ticks & UINT32_MAX) * mul >> 32);
}

/* The system time at `tsc`. The counter's value at the stamp is modulo 2^64: a domain's counter
 * begins at 0 when it is built, and a stamp from before that is "negative". One that is a little
 * ahead of us (another CPU wrote it) counts as now. */
static inline uint64_t clock_at(uint64_t tsc, uint64_t tsc_timestamp, uint64_t system_time,
                                uint32_t mul, int8_t shift)
{
    uint64_t ticks = tsc - tsc_timestamp;

    return system_time + ((int64_t)ticks < 0 ? 0 : clock_scale(ticks, mul, shift));
}

#endif
