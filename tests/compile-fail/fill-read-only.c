/* SPDX-License-Identifier: ISC */
/* A read-only view is not writable.
 * wrong: struct cs_ro
 * right: struct cs
 */
#include <morgana/cstruct.h>

void f(KIND v)
{
    cs_fill(v, 0);
}
