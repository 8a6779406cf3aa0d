/* SPDX-License-Identifier: ISC */
/* mmio.h - device registers: the one door between drivers and hardware. The board has the real
 * ones (mmio.c); a test links its own, behind which a device is made of C. */
#ifndef BOOT_MMIO_H
#define BOOT_MMIO_H

#include <morgana/base.h>

/* One 32-bit register at a multiple of 4. */
uint32_t mmio_read(uintptr_t at);
void mmio_write(uintptr_t at, uint32_t value);

/* `words` times the same register, to or from memory of any alignment. */
void mmio_read_fifo(uintptr_t at, void *to, size_t words);
void mmio_write_fifo(uintptr_t at, const void *from, size_t words);

static inline void mmio_set_bits(uintptr_t at, uint32_t bits)
{
    mmio_write(at, mmio_read(at) | bits);
}

static inline void mmio_clear_bits(uintptr_t at, uint32_t bits)
{
    mmio_write(at, mmio_read(at) & ~bits);
}

#endif
