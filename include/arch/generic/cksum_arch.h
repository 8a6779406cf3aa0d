/* SPDX-License-Identifier: ISC */
/* cksum_arch.h (any CPU) - for cstruct/cksum.c only: there is no vector part, the scalar sum does
 * everything. */
#ifndef MORGANA_ARCH_CKSUM_H
#define MORGANA_ARCH_CKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CKSUM_ARCH_VECTOR_BYTES 1u
#define CKSUM_ARCH_VECTOR_MIN SIZE_MAX

static inline bool cksum_arch_vector_usable(void)
{
    return false;
}

static inline uint64_t cksum_arch_vector_sum(const uint8_t *p, size_t n)
{
    (void)p;
    (void)n;
    return 0;
}

#endif
