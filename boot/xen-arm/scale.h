/* SPDX-License-Identifier: ISC */
/* scale.h - the arithmetic of the generic timer's clock. */
#ifndef BOOT_XEN_ARM_SCALE_H
#define BOOT_XEN_ARM_SCALE_H

#include <morgana/base.h>

/* Nanoseconds of one tick, times 2^32; hz: 1.. */
static inline uint64_t scale_of(uint32_t hz)
{
    return (NS_PER_S << 32) / hz;
}

/* ticks * scale / 2^32. The product has up to 128 bits: in pieces, so that none is lost. Wraps
 * where the result has more than 64. */
static inline uint64_t scale_ns(uint64_t ticks, uint64_t scale)
{
    uint64_t low = ticks & UINT32_MAX;

    return (ticks >> 32) * scale + low * (scale >> 32) + (low * (scale & UINT32_MAX) >> 32);
}

/* The ticks at which scale_ns() gives `ns` or a little more; UINT64_MAX where there are none. */
static inline uint64_t scale_ticks(uint64_t ns, uint32_t hz)
{
    uint64_t s = ns / NS_PER_S, rest = ns % NS_PER_S;

    if (s >= UINT64_MAX / hz - 1)
        return UINT64_MAX;
    return s * hz + rest * hz / NS_PER_S + 2; /* one for each rounding */
}

#endif
