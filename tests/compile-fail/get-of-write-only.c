/* SPDX-License-Identifier: ISC */
/* Must not compile: a write-only view is not readable. */
#include <morgana/field.h>

#define PAIR_FIELDS(F, p) F(p, be16, port) F(p, b4, addr)
FIELD_TABLE(pair, PAIR_FIELDS)

#ifdef CONTROL
uint32_t f(struct cs v)
{
    return cs_get_be32(v, 0);
}
#else
uint32_t f(struct cs_wo v)
{
    return cs_get_be32(v, 0);
}
#endif
