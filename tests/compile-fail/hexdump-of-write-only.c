/* SPDX-License-Identifier: ISC */
/* Must not compile: printing a write-only view would read it. */
#include <morgana/field.h>

#define PAIR_FIELDS(F, p) F(p, be16, port) F(p, b4, addr)
FIELD_TABLE(pair, PAIR_FIELDS)

#ifdef CONTROL
size_t f(struct cs_ro v, char out[80])
{
    return cs_hexdump(v, out, 80);
}
#else
size_t f(struct cs_wo v, char out[80])
{
    return cs_hexdump(v, out, 80);
}
#endif
