/* SPDX-License-Identifier: ISC */
/* cksum_arch.h (x86-64) - the vector part of the internet checksum, for cstruct/cksum.c only: AVX2,
 * where CPU and boot code have it.
 *
 * Compiled for AVX2 by an attribute, whatever the file's flags are, and reached only after a look
 * at the CPU: one image runs everywhere. */
#ifndef MORGANA_ARCH_CKSUM_H
#define MORGANA_ARCH_CKSUM_H

#include <cpuid.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CKSUM_ARCH_VECTOR_BYTES 32u /* sums whole vectors */
#define CKSUM_ARCH_VECTOR_MIN 192u  /* bytes from which it is faster than the scalar sum */

/* Does the CPU have AVX2, and did somebody enable the registers' upper halves (XCR0; Intel SDM
 * volume 1, 14.3)? */
static inline bool cksum_arch_vector_usable(void)
{
    const uint32_t xmm_and_ymm = 6;
    uint32_t a, b, c, d, xcr0, high;

    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & bit_OSXSAVE) == 0 || (c & bit_AVX) == 0)
        return false;
    __asm__("xgetbv" : "=a"(xcr0), "=d"(high) : "c"(0));
    return (xcr0 & xmm_and_ymm) == xmm_and_ymm && __get_cpuid_count(7, 0, &a, &b, &c, &d) &&
           (b & bit_AVX2) != 0;
}

#define CKSUM_ARCH_AVX2 __attribute__((target("avx2"), noinline))
typedef uint64_t cksum_v4 __attribute__((vector_size(32)));
typedef uint64_t cksum_v4_mem __attribute__((vector_size(32), aligned(1), may_alias));

/* The ones'-complement sum, in memory's byte order, of `n` bytes: a multiple of
 * CKSUM_ARCH_VECTOR_BYTES, less than 2^36.
 *
 * Each 64-bit lane keeps two plain sums: `all`, of its words x modulo 2^64, and `high`, of their
 * upper halves, which cannot overflow. As x = high * 2^32 + low, the lower halves' sum is all -
 * high * 2^32: no lane needs a carry, and no word a mask. */
CKSUM_ARCH_AVX2 static uint64_t cksum_arch_vector_sum(const uint8_t *p, size_t n)
{
    const uint8_t *end = p + n;
    cksum_v4 all0 = {0}, all1 = {0}, high0 = {0}, high1 = {0}, a, b, c, d;
    uint64_t sum = 0;

    for (; (size_t)(end - p) >= 128; p += 128) {
        a = *(const cksum_v4_mem *)(const void *)p;
        b = *(const cksum_v4_mem *)(const void *)(p + 32);
        c = *(const cksum_v4_mem *)(const void *)(p + 64);
        d = *(const cksum_v4_mem *)(const void *)(p + 96);
        all0 += a;
        all1 += b;
        high0 += a >> 32;
        high1 += b >> 32;
        all0 += c;
        all1 += d;
        high0 += c >> 32;
        high1 += d >> 32;
    }
    for (; p != end; p += 32) {
        a = *(const cksum_v4_mem *)(const void *)p;
        all0 += a;
        high0 += a >> 32;
    }
    all0 += all1;
    high0 += high1;
    all0 -= high0 << 32;
    /* 2^32 is 1 modulo 2^16 - 1. Both are below 2^63, so this cannot overflow either. */
    all0 += high0;
    for (int lane = 0; lane < 4; lane++)
        sum += all0[lane];
    return sum;
}

#endif
