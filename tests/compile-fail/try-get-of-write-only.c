/* SPDX-License-Identifier: ISC */
/* A write-only view is not readable, by the checked form either.
 * wrong: struct cs_wo
 * right: struct cs_ro
 */
#include <morgana/cstruct.h>

bool f(KIND v, uint8_t *x)
{
    return cs_try_get_u8(v, 0, x);
}
