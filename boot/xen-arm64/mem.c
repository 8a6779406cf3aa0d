/* SPDX-License-Identifier: ISC */
/* mem.c - the functions that the compiler itself may call, so that an image needs no C library
 * for them.
 *
 * Small sizes by two moves that may overlap (no loop, no branch on each byte); large ones 64 bytes
 * at a time, by pairs of vector registers. Compiled so that the compiler does not find memcpy in
 * memcpy (mk/target-xen-arm64.mk). Needs the MMU: words are not aligned.
 */
#include <morgana/base.h>

typedef uint64_t wide __attribute__((vector_size(16), may_alias, aligned(1)));
typedef uint64_t word __attribute__((may_alias, aligned(1)));
typedef uint32_t half __attribute__((may_alias, aligned(1)));
typedef uint16_t quarter __attribute__((may_alias, aligned(1)));

size_t strlen(const char *s);

/* Up to 32 bytes: everything is read before anything is written, so that overlap does no harm. */
static inline void move_32(uint8_t *to, const uint8_t *from, size_t n)
{
    if (n >= 16) {
        wide head = *(const wide *)from, tail = *(const wide *)(from + n - 16);

        *(wide *)to = head;
        *(wide *)(to + n - 16) = tail;
    } else if (n >= 8) {
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
