/* SPDX-License-Identifier: ISC */
/* cksum.c - the internet checksum over bytes in memory.
 *
 * Ones'-complement addition does not care in what order, at what width, or in which byte order
 * words are added (RFC 1071 section 2), as long as carries come back in: so 64-bit words are added
 * as the CPU loads them, and the sum's bytes are put right at the end. Sums of data that are not
 * all zero never become 0, only 0xffff; the folding below keeps that, so results are bit-exact. */
#include <morgana/cksum.h>

#include <cksum_arch.h>

enum { VECTOR_UNKNOWN, VECTOR_NO, VECTOR_YES };
static uint8_t vector;

bool cksum_init(bool allow_vector)
{
    vector = allow_vector && cksum_arch_vector_usable() ? VECTOR_YES : VECTOR_NO;
    return vector == VECTOR_YES;
}

static inline uint64_t load64(const uint8_t *p)
{
    uint64_t x;

    __builtin_memcpy(&x, p, sizeof(x));
    return x;
}

static inline uint64_t add64(uint64_t a, uint64_t b)
{
    uint64_t sum;
    bool carry = __builtin_add_overflow(a, b, &sum);

    return sum + carry;
}

/* Fewer than 8 bytes, as the low end of a word whose rest is zero. */
static inline uint64_t load_short(const uint8_t *p, size_t n)
{
    uint64_t x = 0;
    uint32_t four;
    uint16_t two;

    if (n & 1)
        x = p[n - 1];
    if (n & 2) {
        __builtin_memcpy(&two, p + (n & 4), sizeof(two));
        x = x << 16 | two;
    }
    if (n & 4) {
        __builtin_memcpy(&four, p, sizeof(four));
        x = x << 32 | four;
    }
    return x;
}

/* At least 8 bytes, in memory's byte order, added to `sum`. */
static inline uint64_t sum_short(const uint8_t *p, size_t n, uint64_t sum)
{
    const uint8_t *end = p + n;

    for (; n >= 8; p += 8, n -= 8)
        sum = add64(sum, load64(p));
    /* The last bytes, by a load that ends where they end: there are at least 8 before that end. */
    return n == 0 ? sum : add64(sum, load64(end - 8) >> (64 - 8 * n));
}

/* At least 64 bytes. Four chains of additions, so that the CPU need not wait for one carry before
 * the next. */
static inline uint64_t sum_blocks(const uint8_t *p, size_t n)
{
    const uint8_t *end = p + (n & ~(size_t)31);
    uint64_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;

    for (; p != end; p += 32) {
        s0 = add64(s0, load64(p));
        s1 = add64(s1, load64(p + 8));
        s2 = add64(s2, load64(p + 16));
        s3 = add64(s3, load64(p + 24));
    }
    return sum_short(p, n & 31, add64(add64(s0, s1), add64(s2, s3)));
}

/* At least CKSUM_ARCH_VECTOR_MIN bytes. Out of line, so that shorter sums need no stack. */
__attribute__((noinline)) static uint64_t sum_long(const uint8_t *p, size_t n)
{
    size_t part = n & ~(size_t)(CKSUM_ARCH_VECTOR_BYTES - 1);

    if (vector == VECTOR_UNKNOWN)
        cksum_init(true);
    if (vector == VECTOR_NO)
        return sum_blocks(p, n);
    return sum_short(p + part, n - part, cksum_arch_vector_sum(p, part));
}

/* The sum in memory's byte order. */
static inline uint64_t sum_bytes(const uint8_t *p, size_t n)
{
    if (n < 8)
        return load_short(p, n);
    if (LIKELY(n < 64))
        return sum_short(p, n, 0);
    return n < CKSUM_ARCH_VECTOR_MIN ? sum_blocks(p, n) : sum_long(p, n);
}

static inline uint32_t fold(uint64_t sum)
{
    sum += sum >> 32 | sum << 32;
    return (uint32_t)(sum >> 32);
}

/* Swapping all four bytes swaps those of each half, and the halves, whose order does not matter.
 * Little-endian: cstruct.h asserts it. */
uint32_t cksum_partial(struct cs_ro v, uint32_t sum)
{
    return cksum_add(sum, __builtin_bswap32(fold(sum_bytes(v.base, v.len))));
}

/* Each byte stands in the other half of its word: just not swapping does it. */
uint32_t cksum_partial_odd(struct cs_ro v, uint32_t sum)
{
    return cksum_add(sum, fold(sum_bytes(v.base, v.len)));
}
