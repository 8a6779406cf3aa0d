/* SPDX-License-Identifier: ISC */
/* Must not compile: a read-only view is not writable. */
#include <morgana/field.h>

#define PAIR_FIELDS(F, p) F(p, be16, port) F(p, b4, addr)
FIELD_TABLE(pair, PAIR_FIELDS)

#ifdef CONTROL
void f(struct cs_wo v)
{
    cs_set_be16(v, 0, 1);
}
#else
void f(struct cs_ro v)
{
    cs_set_be16(v, 0, 1);
}
#endif
