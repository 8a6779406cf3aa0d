/* SPDX-License-Identifier: ISC */
/* Must not compile: operations on views take views. */
#include <morgana/field.h>

#define PAIR_FIELDS(F, p) F(p, be16, port) F(p, b4, addr)
FIELD_TABLE(pair, PAIR_FIELDS)

#ifdef CONTROL
uint8_t f(struct cs_ro v)
{
    return cs_get_u8(v, 0);
}
#else
uint8_t f(uint8_t *v)
{
    return cs_get_u8(v, 0);
}
#endif
