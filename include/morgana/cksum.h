/* SPDX-License-Identifier: ISC */
/* cksum.h - the internet checksum (RFC 1071) and its incremental update (RFC 1624).
 *
 * A partial sum is a 32-bit ones'-complement sum of 16-bit words in host order, folded or not; sums
 * of parts that begin at even offsets may be chained by passing one's result to the next as `sum`.
 * cksum_finish gives the value of the header field in host order, to be stored with a big-endian
 * setter. */
#ifndef MORGANA_CKSUM_H
#define MORGANA_CKSUM_H

#include <morgana/cstruct.h>

/* Adds the bytes of `v` to the partial sum. An odd last byte is padded with zero: only the last
 * part may be odd, or use cksum_partial_odd. */
uint32_t cksum_partial(struct cs_ro v, uint32_t sum);
/* The same for bytes that begin at an odd offset of the summed data. */
uint32_t cksum_partial_odd(struct cs_ro v, uint32_t sum);

/* The vector unit is used for long data where the CPU has one that is enabled; this is found out at
 * the first such sum. An image that must leave it alone calls cksum_init(false) at its start. True:
 * the vector unit will be used. */
bool cksum_init(bool allow_vector);

/* a + b in ones' complement. */
static inline uint32_t cksum_add(uint32_t a, uint32_t b)
{
    uint32_t sum = a + b;

    return sum + (sum < a);
}

/* The same for a short header of whole 32-bit words (IPv4's: 20 to 60 bytes), without a call. */
ALWAYS_INLINE uint32_t cksum_header(struct cs_ro v, uint32_t sum)
{
    uint64_t words = 0;

    ASSERT(v.len % 4 == 0 && v.len <= 64);
    for (size_t off = 0; off < v.len; off += 4)
        words += cs_ro_get_he32(v, off);
    /* At most 16 words: the upper half counts their carries. 0 only where all of them are. */
    words += words >> 32 | words << 32;
    return cksum_add(sum, __builtin_bswap32((uint32_t)(words >> 32)));
}

/* Folds and complements: the header field, host order. */
static inline uint16_t cksum_finish(uint32_t sum)
{
    /* Plus itself with the halves swapped: the upper half gets both, and the lower one's carry. */
    sum += sum >> 16 | sum << 16;
    return (uint16_t)(~sum >> 16);
}

/* The pseudo-header of TCP and UDP over IPv4 (RFC 9293 section 3.1): addresses in host order, `len`
 * the transport length. */
static inline uint32_t cksum_pseudo4(uint32_t src, uint32_t dst, uint8_t protocol, uint16_t len)
{
    /* 2^16 is 1 modulo 2^16 - 1, so halves of addresses need not be taken apart. */
    return cksum_add(cksum_add(src, dst), (uint32_t)protocol + len);
}

/* The field after a 16-bit word that it covers changed from `was` to `is` (RFC 1624, eqn 3). */
static inline uint16_t cksum_update16(uint16_t field, uint16_t was, uint16_t is)
{
    return cksum_finish((uint32_t)(uint16_t)~field + (uint16_t)~was + is);
}

/* The same for 32 bits that begin at an even byte. */
static inline uint16_t cksum_update32(uint16_t field, uint32_t was, uint32_t is)
{
    return cksum_finish(cksum_add(cksum_add((uint16_t)~field, ~was), is));
}

#endif
