/* SPDX-License-Identifier: ISC */
/* A read-only view is not writable.
 * wrong: struct cs_ro
 * right: struct cs
 */
#include <morgana/cstruct.h>

int f(KIND to, const struct cs_ro *list, struct cs *out)
{
    return cs_concat(to, list, 1, out);
}
