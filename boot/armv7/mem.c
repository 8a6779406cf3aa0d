/* SPDX-License-Identifier: ISC */
/* mem.c - the other functions that the compiler itself may call (mem.S has memcpy and memset).
 * Compiled with -fno-builtin, so that none is found inside itself.
 */
#include <morgana/base.h>

typedef uint32_t word __attribute__((may_alias, aligned(1)));

size_t strlen(const char *s);

void *memmove(void *to, const void *from, size_t n)
{
    uint8_t *t = to;
    const uint8_t *f = from;

    /* Upwards is safe where the target does not begin inside the source. */
    if ((uintptr_t)to - (uintptr_t)from >= n) {
        if ((uintptr_t)from - (uintptr_t)to >= 4)
            return memcpy(to, from, n);
        for (size_t i = 0; i < n; i++)
            t[i] = f[i];
        return to;
    }
    for (; n >= 16; n -= 16) {
        const word *w = (const word *)(f + n);
        uint32_t a = w[-1], b = w[-2], c = w[-3], d = w[-4];
        word *x = (word *)(t + n);

        x[-1] = a;
        x[-2] = b;
        x[-3] = c;
        x[-4] = d;
    }
    while (n > 0) {
        n--;
        t[n] = f[n];
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;

    for (; n >= 4 && *(const word *)x == *(const word *)y; n -= 4) {
        x += 4;
        y += 4;
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
