/* SPDX-License-Identifier: ISC */
/* Rights are never gained: read-only does not become write-only.
 * wrong: struct cs_ro
 * right: struct cs
 */
#include <morgana/cstruct.h>

struct cs_wo f(KIND v)
{
    return cs_as_wo(v);
}
