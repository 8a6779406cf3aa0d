/* SPDX-License-Identifier: ISC */
/* A field's setter needs a writable view.
 * wrong: struct cs_ro
 * right: struct cs
 */
#include <morgana/field.h>

#define PAIR_FIELDS(F, p) F(p, be16, port) F(p, b4, addr)
FIELD_TABLE(pair, PAIR_FIELDS)

void f(KIND v)
{
    pair_set_port(v, 1);
}
