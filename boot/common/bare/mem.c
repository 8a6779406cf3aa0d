/* SPDX-License-Identifier: ISC */
/* mem.c - those functions that the compiler itself may call which are alike on all machines; each
 * machine has its own memcpy, memmove and memset. Compiled so that none is found inside itself
 * (mk/image.mk).
 */
#include "mem.h"

typedef size_t word __attribute__((may_alias, aligned(1)));

size_t strlen(const char *s);

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;

    for (; n >= sizeof(word) && *(const word *)x == *(const word *)y; n -= sizeof(word)) {
        x += sizeof(word);
        y += sizeof(word);
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
