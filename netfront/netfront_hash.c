/* SPDX-License-Identifier: ISC */
/* netfront_hash.c - the Toeplitz hash, by definition and by table, and a frame's flow.
 *
 * The hash is linear: that of some bytes is the exclusive or of what each of their bits adds, and
 * that depends on the bit's place alone. So a table by half bytes, 24 places of 16 values (1.5
 * KiB), gives a flow's hash in 24 loads.
 */
#include <morgana/cstruct.h>

#include "netfront_headers.h"
#include "netfront_priv.h"

/* 32 bits of the key from this bit on; beyond its end are zeros. */
static uint32_t key_bits(struct cs_ro key, size_t bit)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < 5; i++) {
        size_t at = bit / 8 + i;

        bits = bits << 8 | (at < key.len ? cs_get_u8(key, at) : 0);
    }
    return (uint32_t)(bits >> (8 - bit % 8));
}

uint32_t netfront_hash_toeplitz(struct cs_ro key, struct cs_ro bytes)
{
    uint32_t hash = 0;

    for (size_t bit = 0; bit < 8 * bytes.len; bit++)
        if ((cs_get_u8(bytes, bit / 8) >> (7 - bit % 8) & 1) != 0)
            hash ^= key_bits(key, bit);
    return hash;
}

void netfront_hash_init(struct netfront_hash *hash, const uint8_t *key)
{
    struct cs_ro view = cs_ro_of(hash->key, sizeof(hash->key));

    memcpy(hash->key, key, sizeof(hash->key));
    hash->map_size = 0;
    for (size_t place = 0; place < 2 * (size_t)NETFRONT_HASH_FLOW_BYTES; place++) {
        for (unsigned value = 0; value < 16; value++) {
            uint32_t part = 0;

            for (unsigned bit = 0; bit < 4; bit++)
                if ((value >> (3 - bit) & 1) != 0)
                    part ^= key_bits(view, 4 * place + bit);
            hash->part[place][value] = part;
        }
    }
}

/* Four bytes at this place of the flow. */
static uint32_t word(const struct netfront_hash *hash, unsigned place, uint32_t value)
{
    uint32_t sum = 0;

    for (unsigned i = 0; i < 8; i++)
        sum ^= hash->part[2 * place + i][value >> (28 - 4 * i) & 15];
    return sum;
}

uint32_t netfront_hash_answer(const struct netfront_hash *hash, struct cs_ro first)
{
    uint32_t version_ihl, l4, sum, ports;
    struct cs_ro ip;
    uint8_t protocol;

    if (first.len < NETFRONT_ETH_BYTES + IP4_MIN ||
        cs_get_be16(first, ETH_TYPE_OFF) != ETH_TYPE_IP4)
        return 0;
    ip = cs_shift(first, NETFRONT_ETH_BYTES);
    version_ihl = cs_get_u8(ip, 0);
    if (version_ihl < 0x45 || version_ihl > 0x4f)
        return 0;
    sum = word(hash, 0, cs_get_be32(ip, IP4_DST_OFF)) ^ word(hash, 4, cs_get_be32(ip, IP4_SRC_OFF));
    protocol = cs_get_u8(ip, IP4_PROTOCOL_OFF);
    l4 = 4 * (version_ihl & 15);
    if ((protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP) ||
        (cs_get_be16(ip, IP4_FRAGMENT_OFF) & (IP4_FRAGMENT_MORE | IP4_FRAGMENT_OFFSET)) != 0 ||
        !cs_in(ip.len, l4, 4))
        return sum;
    ports = cs_get_be32(ip, l4);
    return sum ^ word(hash, 8, ports << 16 | ports >> 16);
}
