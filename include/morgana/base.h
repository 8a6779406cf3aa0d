/* SPDX-License-Identifier: ISC */
/* base.h - what every other header stands on: integers, assertions, small helpers.
 *
 * Freestanding: needs only the compiler's own headers and the four memory functions the compiler
 * itself may call. */
#ifndef MORGANA_BASE_H
#define MORGANA_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Called when an ASSERT fails: our own bug. Supplied by the target: it prints to the emergency
 * console and ends the program as crashed. `expr`, `file` are string literals. */
_Noreturn void base_assert_failed(const char *expr, const char *file, int line);

/* Stays in release builds. For our own bugs only: never for a number that a peer, a backend or a
 * user supplied, and never with work inside. */
#define ASSERT(expr) ((expr) ? (void)0 : base_assert_failed(#expr, __FILE__, __LINE__))

#define STATIC_ASSERT(expr, why) _Static_assert(expr, why)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* One load or one store, which the compiler can neither repeat nor tear. For memory that another
 * domain shares. */
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define UNUSED __attribute__((unused))
/* For few instructions that the optimiser must see through, whatever it optimises for. */
#define ALWAYS_INLINE static inline __attribute__((always_inline, unused))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/* The lesser of two. */
static inline size_t size_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline uint32_t u32_min(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static inline uint64_t u64_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)
/* A deadline that never comes. */
#define NS_NEVER UINT64_MAX

/* The memory functions that a freestanding compiler may call by itself (GCC manual, "Standards"). A
 * hosted target has them from its C library, a bare one from boot/common. */
void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);

#endif
