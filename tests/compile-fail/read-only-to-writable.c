/* SPDX-License-Identifier: ISC */
/* Must not compile: rights are never gained: read-only does not become writable again. */
#include <morgana/field.h>

#define PAIR_FIELDS(F, p) F(p, be16, port) F(p, b4, addr)
FIELD_TABLE(pair, PAIR_FIELDS)

#ifdef CONTROL
struct cs f(struct cs v)
{
    return v;
}
#else
struct cs f(struct cs_ro v)
{
    return v;
}
#endif
