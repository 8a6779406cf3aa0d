/* SPDX-License-Identifier: ISC */
/* atomic.h (ARMv7) - the compiler's builtins make loops of LDREX and STREX (LDREXD for 64 bits)
 * between two DMB ISH. */
#include "../generic/atomic.h"
