/* SPDX-License-Identifier: ISC */
/* Copying out of a write-only view would read it.
 * wrong: struct cs_wo
 * right: struct cs
 */
#include <morgana/cstruct.h>

void f(struct cs to, KIND from)
{
    cs_blit(to, 0, from);
}
