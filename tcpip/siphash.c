/* SPDX-License-Identifier: ISC */
/* siphash.c - SipHash-2-4 over whole 64-bit words. */
#include "base/siphash.h"
#include "tcpip/siphash.h"

uint64_t siphash_words(const uint64_t key[2], const uint64_t *words, unsigned n)
{
    struct siphash s = siphash_begin(key);

    for (unsigned i = 0; i < n; i++)
        siphash_absorb(&s, words[i], 2);
    siphash_absorb(&s, (uint64_t)n * 8 << 56, 2);
    return siphash_end(&s, 4);
}
