/* SPDX-License-Identifier: ISC */
/* atomic.h (x86-64) - the compiler's builtins make the locked instructions that one would write by
 * hand. */
#include "../generic/atomic.h"
