/* SPDX-License-Identifier: ISC */
/* The bytes of a read-only view are const.
 * wrong: struct cs_ro
 * right: struct cs
 */
#include <morgana/cstruct.h>

void f(KIND v)
{
    v.base[0] = 1;
}
