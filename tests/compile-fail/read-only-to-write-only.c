/* SPDX-License-Identifier: ISC */
/* Must not compile: rights are never gained: read-only does not become write-only. */
#include <morgana/field.h>

#define PAIR_FIELDS(F, p) F(p, be16, port) F(p, b4, addr)
FIELD_TABLE(pair, PAIR_FIELDS)

#ifdef CONTROL
struct cs_wo f(struct cs v)
{
    return cs_as_wo(v);
}
#else
struct cs_wo f(struct cs_ro v)
{
    return cs_as_wo(v);
}
#endif
