/* SPDX-License-Identifier: ISC */
/* mem.c - the functions that the compiler itself may call (boot/common/bare/mem.c has the others),
 * so that an image needs no C library for them.
 *
 * Small sizes by two moves that may overlap (no loop, no branch on each byte); large ones by REP
 * MOVSB / STOSB, which CPUs since 2013 do at the width of a cache line. Compiled so that the
 * compiler does not find memcpy in memcpy (mk/target-xen-x86_64.mk).
 */
#include "boot/common/bare/mem.h"

#define REP_BYTES 256u /* from here on starting REP MOVSB pays */

static inline void rep_movsb(uint8_t *to, const uint8_t *from, size_t n)
{
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}

/* From the start; `to` may lie below `from`. Not memcpy: its `restrict` would allow the compiler to
 * read after it has written. */
static inline void *move_up(void *to, const void *from, size_t n)
{
    uint8_t *t = to;
    const uint8_t *f = from;

    if (n >= REP_BYTES) {
        rep_movsb(t, f, n);
        return to;
    }
    for (; n > 16; t += 16, f += 16, n -= 16) {
        uint64_t a = *(const mem_word *)f, b = *(const mem_word *)(f + 8);

        *(mem_word *)t = a;
        *(mem_word *)(t + 8) = b;
    }
    mem_move_16(t, f, n);
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
    for (; n > 16; n -= 16) { /* from the end */
        uint64_t a = *(const mem_word *)(f + n - 16), b = *(const mem_word *)(f + n - 8);

        *(mem_word *)(t + n - 16) = a;
        *(mem_word *)(t + n - 8) = b;
    }
    mem_move_16(t, f, n);
    return to;
}

void *memset(void *to, int byte, size_t n)
{
    uint8_t *t = to;
    uint64_t value = (uint8_t)byte * UINT64_C(0x0101010101010101);

    if (n >= REP_BYTES) {
        __asm__ volatile("rep stosb" : "+D"(t), "+c"(n) : "a"(byte) : "memory");
        return to;
    }
    for (; n >= 8; t += 8, n -= 8)
        *(mem_word *)t = value;
    for (; n > 0; n--)
        *t++ = (uint8_t)byte;
    return to;
}
