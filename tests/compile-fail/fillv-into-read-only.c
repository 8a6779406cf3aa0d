/* SPDX-License-Identifier: ISC */
/* A read-only view is not writable.
 * wrong: struct cs_ro
 * right: struct cs
 */
#include <morgana/cstruct.h>

size_t f(KIND to, struct cs_ro *list)
{
    return cs_fillv(to, list, 1);
}
