/* SPDX-License-Identifier: ISC */
/* mem.c - the functions that the compiler itself may call, so that an image needs no C library
 * for them.
 *
 * Small sizes by two moves that may overlap (no loop, no branch on each byte); large ones by REP
 * MOVSB / STOSB, which CPUs since 2013 do at the width of a cache line. Compiled so that the
 * compiler does not find memcpy in memcpy (mk/target-xen-x86_64.mk).
 */
#include <morgana/base.h>

#define REP_BYTES 256u /* from here on starting REP MOVSB pays */

typedef uint64_t word __attribute__((may_alias, aligned(1)));
typedef uint32_t half __attribute__((may_alias, aligned(1)));
typedef uint16_t quarter __attribute__((may_alias, aligned(1)));

size_t strlen(const char *s);

/* Up to 16 bytes: everything is read before anything is written, so that overlap does no harm. */
static inline void move_16(uint8_t *to, const uint8_t *from, size_t n)
{
    if (n >= 8) {
        uint64_t head = *(const word *)from, tail = *(const word *)(from + n - 8);

        *(word *)to = head;
        *(word *)(to + n - 8) = tail;
    } else if (n >= 4) {
        uint32_t head = *(const half *)from, tail = *(const half *)(from + n - 4);

        *(half *)to = head;
        *(half *)(to + n - 4) = tail;
    } else if (n >= 2) {
        uint16_t head = *(const quarter *)from, tail = *(const quarter *)(from + n - 2);

        *(quarter *)to = head;
        *(quarter *)(to + n - 2) = tail;
    } else if (n == 1) {
        *to = *from;
    }
}

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
        uint64_t a = *(const word *)f, b = *(const word *)(f + 8);

        *(word *)t = a;
        *(word *)(t + 8) = b;
    }
    move_16(t, f, n);
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
        uint64_t a = *(const word *)(f + n - 16), b = *(const word *)(f + n - 8);

        *(word *)(t + n - 16) = a;
        *(word *)(t + n - 8) = b;
    }
    move_16(t, f, n);
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
        *(word *)t = value;
    for (; n > 0; n--)
        *t++ = (uint8_t)byte;
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;

    for (; n >= 8 && *(const word *)x == *(const word *)y; n -= 8) {
        x += 8;
        y += 8;
    }
    for (; n > 0; n--, x++, y++) {
        if (*x != *y)
            return *x < *y ? -1 : 1;
    }
    return 0;
}

size_t strlen(const char *s)
{
    const char *end = s;

    while (*end != '\0')
        end++;
    return (size_t)(end - s);
}
