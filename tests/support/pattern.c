/* SPDX-License-Identifier: ISC */
/* pattern.c - bytes for streams, by offset. */
#include <string.h>

#include "pattern.h"

static uint8_t block[PATTERN_BYTES];
static bool made;

static const uint8_t *make(void)
{
    uint64_t x = 1;

    for (size_t i = 0; !made && i < sizeof(block); i++) {
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        block[i] = (uint8_t)(x >> 56);
    }
    made = true;
    return block;
}

/* How much of `len` is in one piece from `off`, and where. */
static size_t piece(uint64_t off, size_t len, const uint8_t **from)
{
    size_t at = (size_t)(off % PATTERN_BYTES), room = PATTERN_BYTES - at;

    *from = make() + at;
    return len < room ? len : room;
}

void pattern_fill(uint8_t *to, size_t len, uint64_t off)
{
    const uint8_t *from;

    for (size_t n; len != 0; to += n, off += n, len -= n) {
        n = piece(off, len, &from);
        memcpy(to, from, n);
    }
}

bool pattern_check(const uint8_t *bytes, size_t len, uint64_t off)
{
    const uint8_t *from;

    for (size_t n; len != 0; bytes += n, off += n, len -= n) {
        n = piece(off, len, &from);
        if (memcmp(bytes, from, n) != 0)
            return false;
    }
    return true;
}
