/* SPDX-License-Identifier: ISC */
/* cksum_arch.h (64-bit ARM) - the vector part of the internet checksum, for cstruct/cksum.c only:
 * Advanced SIMD, which every such CPU has; an image's entry enables it. */
#ifndef MORGANA_ARCH_CKSUM_H
#define MORGANA_ARCH_CKSUM_H

#include <arm_neon.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CKSUM_ARCH_VECTOR_BYTES 16u /* sums whole vectors */
#define CKSUM_ARCH_VECTOR_MIN 128u  /* bytes from which it is faster than the scalar sum */

static inline bool cksum_arch_vector_usable(void)
{
    return true;
}

static inline uint32x4_t cksum_arch_load(const uint8_t *p)
{
    return vreinterpretq_u32_u8(vld1q_u8(p));
}

/* The ones'-complement sum, in memory's byte order, of `n` bytes: a multiple of
 * CKSUM_ARCH_VECTOR_BYTES, less than 2^32. One instruction a vector (UADALP): two pairs of 32-bit
 * words are added to two 64-bit lanes, which cannot overflow. */
static inline uint64_t cksum_arch_vector_sum(const uint8_t *p, size_t n)
{
    const uint8_t *end = p + n;
    uint64x2_t a = vdupq_n_u64(0), b = a, c = a, d = a;

    for (; (size_t)(end - p) >= 64; p += 64) {
        a = vpadalq_u32(a, cksum_arch_load(p));
        b = vpadalq_u32(b, cksum_arch_load(p + 16));
        c = vpadalq_u32(c, cksum_arch_load(p + 32));
        d = vpadalq_u32(d, cksum_arch_load(p + 48));
    }
    for (; p != end; p += 16)
        a = vpadalq_u32(a, cksum_arch_load(p));
    return vaddvq_u64(vaddq_u64(vaddq_u64(a, b), vaddq_u64(c, d)));
}

#endif
