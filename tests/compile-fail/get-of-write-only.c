/* SPDX-License-Identifier: ISC */
/* A write-only view is not readable.
 * wrong: struct cs_wo
 * right: struct cs
 */
#include <morgana/cstruct.h>

uint32_t f(KIND v)
{
    return cs_get_be32(v, 0);
}
