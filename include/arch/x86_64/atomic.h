/* SPDX-License-Identifier: ISC */
/* atomic.h (x86-64) - the compiler's builtins make the locked instructions that one would write by
 * hand. */
#define ATOMIC_AFTER() ((void)0) /* a locked instruction is a full barrier */

#include "../generic/atomic.h"
