/* SPDX-License-Identifier: ISC */
/* blk_random.h - the dice of devices that fail. */
#ifndef PLATFORM_BLKDEV_BLK_RANDOM_H
#define PLATFORM_BLKDEV_BLK_RANDOM_H

#include <stdint.h>

/* splitmix64: any seed is good. */
static inline uint64_t blk_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

#endif
