/* SPDX-License-Identifier: ISC */
/* Rights are never gained: read-only does not become writable again.
 * wrong: struct cs_ro
 * right: struct cs
 */
#include <morgana/cstruct.h>

struct cs f(KIND v)
{
    return v;
}
