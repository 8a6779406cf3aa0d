/* SPDX-License-Identifier: ISC */
/* atomic.h (64-bit ARM) - the compiler's builtins make loops of LDAXR and STLXR. Those order
 * themselves among each other, but a plain load after one may be done before its store: hence the
 * barrier. */
#define ATOMIC_AFTER() __asm__ __volatile__("dmb ish" ::: "memory")

#include "../generic/atomic.h"
