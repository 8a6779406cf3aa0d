/* SPDX-License-Identifier: ISC */
/* atomic.h (any CPU, by the compiler's builtins) - read-modify-write of words that another domain
 * changes at the same time.
 *
 * All are sequentially consistent, and full barriers for every other access too: who includes this
 * defines ATOMIC_AFTER(), what the builtins lack for that. Bit `n` of an array of words is bit
 * n % 64 of word n / 64 (n % 32 of n / 32), as in Xen's bitmaps. The 32-bit forms are for words the
 * ABI makes 32 bits wide (FIFO event words, status words). */
#ifndef MORGANA_ARCH_ATOMIC_H
#define MORGANA_ARCH_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#define ATOMIC_DEFINE(bits)                                                                        \
    /* Stores `value`; the old value. */                                                           \
    static inline uint##bits##_t atomic_xchg##bits(volatile uint##bits##_t *word,                  \
                                                   uint##bits##_t value)                           \
    {                                                                                              \
        value = __atomic_exchange_n(word, value, __ATOMIC_SEQ_CST);                                \
        ATOMIC_AFTER();                                                                            \
        return value;                                                                              \
    }                                                                                              \
    /* Stores `is` if the word is `*was`: true; else false, and the word's value in `*was`. */     \
    static inline bool atomic_cmpxchg##bits(volatile uint##bits##_t *word, uint##bits##_t *was,    \
                                            uint##bits##_t is)                                     \
    {                                                                                              \
        bool done =                                                                                \
            __atomic_compare_exchange_n(word, was, is, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
        ATOMIC_AFTER();                                                                            \
        return done;                                                                               \
    }                                                                                              \
    /* The old value. */                                                                           \
    static inline uint##bits##_t atomic_fetch_and##bits(volatile uint##bits##_t *word,             \
                                                        uint##bits##_t mask)                       \
    {                                                                                              \
        mask = __atomic_fetch_and(word, mask, __ATOMIC_SEQ_CST);                                   \
        ATOMIC_AFTER();                                                                            \
        return mask;                                                                               \
    }                                                                                              \
    static inline uint##bits##_t atomic_fetch_or##bits(volatile uint##bits##_t *word,              \
                                                       uint##bits##_t mask)                        \
    {                                                                                              \
        mask = __atomic_fetch_or(word, mask, __ATOMIC_SEQ_CST);                                    \
        ATOMIC_AFTER();                                                                            \
        return mask;                                                                               \
    }                                                                                              \
    static inline uint##bits##_t atomic_fetch_add##bits(volatile uint##bits##_t *word,             \
                                                        uint##bits##_t n)                          \
    {                                                                                              \
        n = __atomic_fetch_add(word, n, __ATOMIC_SEQ_CST);                                         \
        ATOMIC_AFTER();                                                                            \
        return n;                                                                                  \
    }                                                                                              \
    /* Sets, clears or looks at bit `n` of an array of words; true: it was set. */                 \
    static inline bool atomic_set_bit##bits(volatile uint##bits##_t *words, uint32_t n)            \
    {                                                                                              \
        uint##bits##_t mask = (uint##bits##_t)(1ull << (n % bits));                                \
        return (atomic_fetch_or##bits(&words[n / bits], mask) & mask) != 0;                        \
    }                                                                                              \
    static inline bool atomic_clear_bit##bits(volatile uint##bits##_t *words, uint32_t n)          \
    {                                                                                              \
        uint##bits##_t mask = (uint##bits##_t)(1ull << (n % bits));                                \
        return (atomic_fetch_and##bits(&words[n / bits], (uint##bits##_t) ~mask) & mask) != 0;     \
    }                                                                                              \
    static inline bool atomic_test_bit##bits(const volatile uint##bits##_t *words, uint32_t n)     \
    {                                                                                              \
        return (__atomic_load_n(&words[n / bits], __ATOMIC_ACQUIRE) >> (n % bits) & 1) != 0;       \
    }

ATOMIC_DEFINE(8)
ATOMIC_DEFINE(16)
ATOMIC_DEFINE(32)
ATOMIC_DEFINE(64)

#endif
