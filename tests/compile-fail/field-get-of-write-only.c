/* SPDX-License-Identifier: ISC */
/* A field's getter needs a readable view.
 * wrong: struct cs_wo
 * right: struct cs_ro
 */
#include <morgana/field.h>

#define PAIR_FIELDS(F, p) F(p, be16, port) F(p, b4, addr)
FIELD_TABLE(pair, PAIR_FIELDS)

uint16_t f(KIND v)
{
    return pair_ro_get_port(v);
}
