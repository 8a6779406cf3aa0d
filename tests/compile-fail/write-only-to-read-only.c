/* SPDX-License-Identifier: ISC */
/* Must not compile: rights are never gained: write-only does not become read-only. */
#include <morgana/field.h>

#define PAIR_FIELDS(F, p) F(p, be16, port) F(p, b4, addr)
FIELD_TABLE(pair, PAIR_FIELDS)

#ifdef CONTROL
struct cs_ro f(struct cs v)
{
    return cs_as_ro(v);
}
#else
struct cs_ro f(struct cs_wo v)
{
    return cs_as_ro(v);
}
#endif
