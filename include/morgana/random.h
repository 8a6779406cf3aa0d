/* SPDX-License-Identifier: ISC */
/* random.h - SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators",
 * 2014): dice for faults, tests and benchmarks, the same for the same seed. Not for keys: those are
 * plat_entropy's. */
#ifndef MORGANA_RANDOM_H
#define MORGANA_RANDOM_H

#include <morgana/base.h>

#define RANDOM_STEP UINT64_C(0x9e3779b97f4a7c15)

/* The number that a state stands for. */
ALWAYS_INLINE uint64_t random_of(uint64_t state)
{
    state = (state ^ state >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    state = (state ^ state >> 27) * UINT64_C(0x94d049bb133111eb);
    return state ^ state >> 31;
}

/* The next number: any seed is good as the first state. */
ALWAYS_INLINE uint64_t random_next(uint64_t *state)
{
    return random_of(*state += RANDOM_STEP);
}

/* Number `index` of a seed's sequence, from 0 on. */
ALWAYS_INLINE uint64_t random_at(uint64_t seed, uint64_t index)
{
    return random_of(seed + (index + 1) * RANDOM_STEP);
}

#endif
