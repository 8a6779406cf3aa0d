/* SPDX-License-Identifier: ISC */
/* dhcp_hash.c - SipHash-1-3 of a client's name: a client that does not know the key cannot choose
 * names that collide. */
#include <morgana/dhcp_lease.h>

#include "base/siphash.h"

uint64_t dhcp_hash(const uint64_t key[2], uint64_t head, struct cs_ro bytes)
{
    struct siphash s = siphash_begin(key);
    uint64_t last = (uint64_t)(bytes.len + sizeof(head)) << 56;
    size_t off = 0;

    siphash_absorb(&s, head, 1);
    for (; bytes.len - off >= 8; off += 8)
        siphash_absorb(&s, cs_get_le64(bytes, off), 1);
    for (unsigned shift = 0; off < bytes.len; off++, shift += 8)
        last |= (uint64_t)bytes.base[off] << shift;
    siphash_absorb(&s, last, 1);
    return siphash_end(&s, 3);
}
