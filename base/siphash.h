/* SPDX-License-Identifier: ISC */
/* siphash.h - SipHash-c-d (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012): the
 * rounds, for keyed hashes of more than one length and strength. */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <morgana/base.h>

struct siphash {
    uint64_t v0, v1, v2, v3;
};

static inline struct siphash siphash_begin(const uint64_t key[2])
{
    return (struct siphash){
        key[0] ^ UINT64_C(0x736f6d6570736575),
        key[1] ^ UINT64_C(0x646f72616e646f6d),
        key[0] ^ UINT64_C(0x6c7967656e657261),
        key[1] ^ UINT64_C(0x7465646279746573),
    };
}

static inline uint64_t siphash_rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static inline void siphash_rounds(struct siphash *s, unsigned n)
{
    while (n-- != 0) {
        s->v0 += s->v1;
        s->v1 = siphash_rotate(s->v1, 13) ^ s->v0;
        s->v0 = siphash_rotate(s->v0, 32);
        s->v2 += s->v3;
        s->v3 = siphash_rotate(s->v3, 16) ^ s->v2;
        s->v0 += s->v3;
        s->v3 = siphash_rotate(s->v3, 21) ^ s->v0;
        s->v2 += s->v1;
        s->v1 = siphash_rotate(s->v1, 17) ^ s->v2;
        s->v2 = siphash_rotate(s->v2, 32);
    }
}

/* Takes eight bytes, lowest first; c rounds. The last word of all has what is left of the bytes,
 * and their number modulo 256 in its top byte. */
static inline void siphash_absorb(struct siphash *s, uint64_t word, unsigned c)
{
    s->v3 ^= word;
    siphash_rounds(s, c);
    s->v0 ^= word;
}

/* The hash; d rounds. */
static inline uint64_t siphash_end(struct siphash *s, unsigned d)
{
    s->v2 ^= 0xff;
    siphash_rounds(s, d);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

#endif
