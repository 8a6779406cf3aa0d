/* SPDX-License-Identifier: ISC */
/* Operations on views take views.
 * wrong: int
 * right: struct cs_ro
 */
#include <morgana/cstruct.h>

uint8_t f(KIND v)
{
    return cs_get_u8(v, 0);
}
