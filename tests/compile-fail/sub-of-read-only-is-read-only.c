/* SPDX-License-Identifier: ISC */
/* A sub-view has the rights of its view.
 * wrong: struct cs_ro
 * right: struct cs
 */
#include <morgana/cstruct.h>

struct cs f(KIND v)
{
    return cs_sub(v, 0, 1);
}
