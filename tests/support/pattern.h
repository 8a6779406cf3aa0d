/* SPDX-License-Identifier: ISC */
/* pattern.h - bytes for streams: any piece of the stream can be made, and checked, by its offset.
 * The period is a prime, so that no shift by a power of two or an MSS goes unnoticed. */
#ifndef TESTS_PATTERN_H
#define TESTS_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATTERN_BYTES 65521u

void pattern_fill(uint8_t *to, size_t len, uint64_t off);
bool pattern_check(const uint8_t *bytes, size_t len, uint64_t off);

#endif
