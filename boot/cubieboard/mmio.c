/* SPDX-License-Identifier: ISC */
/* mmio.c - the board's registers. They are Device memory (main.c): the CPU neither repeats nor
 * reorders accesses to them among each other. */
#include "mmio.h"

uint32_t mmio_read(uintptr_t at)
{
    return *(const volatile uint32_t *)at;
}

void mmio_write(uintptr_t at, uint32_t value)
{
    *(volatile uint32_t *)at = value;
}

void mmio_read_fifo(uintptr_t at, void *to, size_t words)
{
    uint8_t *out = to;

    for (; words > 0; words--, out += sizeof(uint32_t)) {
        uint32_t word = *(const volatile uint32_t *)at;

        __builtin_memcpy(out, &word, sizeof(word));
    }
}

void mmio_write_fifo(uintptr_t at, const void *from, size_t words)
{
    const uint8_t *in = from;

    for (; words > 0; words--, in += sizeof(uint32_t)) {
        uint32_t word;

        __builtin_memcpy(&word, in, sizeof(word));
        *(volatile uint32_t *)at = word;
    }
}
