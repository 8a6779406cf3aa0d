/* SPDX-License-Identifier: ISC */
/* atomic.h (ARMv7) - the compiler's builtins make loops of LDREX and STREX (LDREXD for 64 bits)
 * between two DMB ISH. */
#define ATOMIC_AFTER() ((void)0)

#include "../generic/atomic.h"
