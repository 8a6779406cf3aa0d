/* SPDX-License-Identifier: ISC */
/* Comparing a write-only view would read it.
 * wrong: struct cs_wo
 * right: struct cs_ro
 */
#include <morgana/cstruct.h>

bool f(KIND a, struct cs b)
{
    return cs_equal(a, b);
}
