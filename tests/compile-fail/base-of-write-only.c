/* SPDX-License-Identifier: ISC */
/* A write-only view has no base to read through.
 * wrong: struct cs_wo
 * right: struct cs
 */
#include <morgana/cstruct.h>

uint8_t f(KIND v)
{
    return v.base[0];
}
