/* SPDX-License-Identifier: ISC */
/* Must not compile: a read-only view is not writable. */
#include <morgana/field.h>

#define PAIR_FIELDS(F, p) F(p, be16, port) F(p, b4, addr)
FIELD_TABLE(pair, PAIR_FIELDS)

#ifdef CONTROL
size_t f(struct cs to, struct cs_ro *list)
{
    return cs_fillv(to, list, 1);
}
#else
size_t f(struct cs_ro to, struct cs_ro *list)
{
    return cs_fillv(to, list, 1);
}
#endif
