/* SPDX-License-Identifier: ISC */
/* pattern.c - see pattern.h. */
#include "pattern.h"

#include <morgana/random.h>

static uint8_t byte_at(uint64_t seed, uint64_t at)
{
    return (uint8_t)(random_at(seed, at / 8) >> 8 * (at % 8));
}

void pattern_fill(uint64_t seed, uint64_t at, struct cs bytes)
{
    size_t i = 0;

    for (; i < bytes.len && (at + i) % 8 != 0; i++)
        bytes.base[i] = byte_at(seed, at + i);
    for (; i + 8 <= bytes.len; i += 8)
        cs_set_le64(bytes, i, random_at(seed, (at + i) / 8));
    for (; i < bytes.len; i++)
        bytes.base[i] = byte_at(seed, at + i);
}

uint64_t pattern_differs(uint64_t seed, uint64_t at, struct cs_ro bytes, uint64_t *first)
{
    uint64_t n = 0;

    for (size_t i = 0; i < bytes.len;) {
        bool whole = (at + i) % 8 == 0 && bytes.len - i >= 8;
        if (whole && cs_get_le64(bytes, i) == random_at(seed, (at + i) / 8)) {
            i += 8;
            continue;
        }
        if (bytes.base[i] != byte_at(seed, at + i) && n++ == 0)
            *first = at + i;
        i++;
    }
    return n;
}
