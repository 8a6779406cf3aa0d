/* SPDX-License-Identifier: ISC */
/* mem.c - memmove, which the compiler itself may call (mem.S has memcpy and memset,
 * boot/common/bare/mem.c the others). Compiled so that it is not found inside itself.
 */
#include "boot/common/bare/mem.h"

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
        const mem_half *w = (const mem_half *)(f + n);
        uint32_t a = w[-1], b = w[-2], c = w[-3], d = w[-4];
        mem_half *x = (mem_half *)(t + n);

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
