/* SPDX-License-Identifier: ISC */
/* pattern.h - bytes that are known by a seed and by where they lie: eight at a time, the output of
 * SplitMix64 that is number `at / 8` of the seed's sequence, little end first. */
#ifndef APPS_BLKCAT_PATTERN_H
#define APPS_BLKCAT_PATTERN_H

#include <morgana/cstruct.h>

/* Fills `bytes` with those from byte `at` on. */
void pattern_fill(uint64_t seed, uint64_t at, struct cs bytes);
/* How many bytes are others; the first of them is in *first (untouched where there is none). */
uint64_t pattern_differs(uint64_t seed, uint64_t at, struct cs_ro bytes, uint64_t *first);

#endif
