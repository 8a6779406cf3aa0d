/* SPDX-License-Identifier: ISC */
/* A read-only view is not writable.
 * wrong: struct cs_ro
 * right: struct cs_wo
 */
#include <morgana/cstruct.h>

void f(KIND v)
{
    cs_set_be16(v, 0, 1);
}
