/* SPDX-License-Identifier: ISC */
/* Must not compile: a read-only view is not writable. */
#include <morgana/field.h>

#define PAIR_FIELDS(F, p) F(p, be16, port) F(p, b4, addr)
FIELD_TABLE(pair, PAIR_FIELDS)

#ifdef CONTROL
int f(struct cs to, const struct cs_ro *list, struct cs *out)
{
    return cs_concat(to, list, 1, out);
}
#else
int f(struct cs_ro to, const struct cs_ro *list, struct cs *out)
{
    return cs_concat(to, list, 1, out);
}
#endif
