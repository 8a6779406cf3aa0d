/* SPDX-License-Identifier: ISC */
/* mem.c - the functions that the compiler itself may call (boot/common/bare/mem.c has the others),
 * so that an image needs no C library for them.
 *
 * Small sizes by two moves that may overlap (no loop, no branch on each byte); large ones 64 bytes
 * at a time, by pairs of vector registers. Compiled so that the compiler does not find memcpy in
 * memcpy (mk/target-xen-arm64.mk). Needs the MMU: words are not aligned.
 */
#include "boot/common/bare/mem.h"

typedef uint64_t wide __attribute__((vector_size(16), may_alias, aligned(1)));

/* Up to 32 bytes: everything is read before anything is written, so that overlap does no harm. */
static inline void move_32(uint8_t *to, const uint8_t *from, size_t n)
{
    if (n >= 16) {
        wide head = *(const wide *)from, tail = *(const wide *)(from + n - 16);

        *(wide *)to = head;
        *(wide *)(to + n - 16) = tail;
    } else {
        mem_move_16(to, from, n);
    }
}

/* As above: all four are read before one is written. */
static inline void move_64(uint8_t *to, const uint8_t *from)
{
    wide a = *(const wide *)from, b = *(const wide *)(from + 16);
    wide c = *(const wide *)(from + 32), d = *(const wide *)(from + 48);

    *(wide *)to = a;
    *(wide *)(to + 16) = b;
    *(wide *)(to + 32) = c;
    *(wide *)(to + 48) = d;
}

/* From the start; `to` may lie below `from`. Not memcpy: its `restrict` would allow the compiler to
 * read after it has written. */
static inline void *move_up(void *to, const void *from, size_t n)
{
    uint8_t *t = to;
    const uint8_t *f = from;

    for (; n >= 64; t += 64, f += 64, n -= 64)
        move_64(t, f);
    for (; n > 32; t += 16, f += 16, n -= 16)
        *(wide *)t = *(const wide *)f;
    move_32(t, f, n);
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    return move_up(to, from, n);
}

void *memmove(void *to, const void *from, size_t n)
{
    uint8_t *t = to;
    const uint8_t *f = from;

    if ((uintptr_t)to - (uintptr_t)from >= n) /* also where `to` is lower: the difference wraps */
        return move_up(to, from, n);
    for (; n >= 64; n -= 64) /* from the end */
        move_64(t + n - 64, f + n - 64);
    for (; n > 32; n -= 16)
        *(wide *)(t + n - 16) = *(const wide *)(f + n - 16);
    move_32(t, f, n);
    return to;
}

void *memset(void *to, int byte, size_t n)
{
    uint8_t *t = to;
    uint64_t value = (uint8_t)byte * UINT64_C(0x0101010101010101);
    wide both = {value, value};

    for (; n >= 32; t += 32, n -= 32) {
        *(wide *)t = both;
        *(wide *)(t + 16) = both;
    }
    for (; n >= 8; t += 8, n -= 8)
        *(mem_word *)t = value;
    for (; n > 0; n--)
        *t++ = (uint8_t)byte;
    return to;
}
