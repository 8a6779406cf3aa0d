/* SPDX-License-Identifier: ISC */
/* atomic.h (64-bit ARM) - the compiler's builtins make the exclusive loads and stores that one
 * would write by hand. */
#include "../generic/atomic.h"
