/* SPDX-License-Identifier: ISC */
/* Rights are never gained: write-only does not become read-only.
 * wrong: struct cs_wo
 * right: struct cs
 */
#include <morgana/cstruct.h>

struct cs_ro f(KIND v)
{
    return cs_as_ro(v);
}
