/* SPDX-License-Identifier: ISC */
/* mem.h - what the machines' memcpy and memmove have in common: the few bytes at an end. Needs the
 * MMU: words are not aligned. */
#ifndef BOOT_BARE_MEM_H
#define BOOT_BARE_MEM_H

#include <morgana/base.h>

typedef uint64_t mem_word __attribute__((may_alias, aligned(1)));
typedef uint32_t mem_half __attribute__((may_alias, aligned(1)));
typedef uint16_t mem_quarter __attribute__((may_alias, aligned(1)));

/* Up to 16 bytes, by two moves that may overlap: no loop, no branch on each byte. Everything is
 * read before anything is written, so that an overlap of the two places does no harm. */
static inline void mem_move_16(uint8_t *to, const uint8_t *from, size_t n)
{
    if (n >= 8) {
        uint64_t head = *(const mem_word *)from, tail = *(const mem_word *)(from + n - 8);

        *(mem_word *)to = head;
        *(mem_word *)(to + n - 8) = tail;
    } else if (n >= 4) {
        uint32_t head = *(const mem_half *)from, tail = *(const mem_half *)(from + n - 4);

        *(mem_half *)to = head;
        *(mem_half *)(to + n - 4) = tail;
    } else if (n >= 2) {
        uint16_t head = *(const mem_quarter *)from, tail = *(const mem_quarter *)(from + n - 2);

        *(mem_quarter *)to = head;
        *(mem_quarter *)(to + n - 2) = tail;
    } else if (n == 1) {
        *to = *from;
    }
}

#endif
