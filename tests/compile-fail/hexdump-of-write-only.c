/* SPDX-License-Identifier: ISC */
/* Printing a write-only view would read it.
 * wrong: struct cs_wo
 * right: struct cs_ro
 */
#include <morgana/cstruct.h>

size_t f(KIND v, char out[80])
{
    return cs_hexdump(v, out, 80);
}
