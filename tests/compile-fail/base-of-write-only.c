/* SPDX-License-Identifier: ISC */
/* Must not compile: a write-only view has no base to read through. */
#include <morgana/field.h>

#define PAIR_FIELDS(F, p) F(p, be16, port) F(p, b4, addr)
FIELD_TABLE(pair, PAIR_FIELDS)

#ifdef CONTROL
uint8_t f(struct cs v)
{
    return v.base[0];
}
#else
uint8_t f(struct cs_wo v)
{
    return v.base[0];
}
#endif
