/* SPDX-License-Identifier: ISC */
/* eth.h - the Ethernet II header (RFC 894): pure parse and emit.
 *
 * A MAC address above the wire is one number of 48 bits, first byte on the wire highest: equal is
 * one compare.
 */
#ifndef TCPIP_WIRE_ETH_H
#define TCPIP_WIRE_ETH_H

#include <morgana/field.h>

#define ETH_FIELDS(F, p)                                                                           \
    F(p, b6, dst)                                                                                  \
    F(p, b6, src)                                                                                  \
    F(p, be16, type)
FIELD_TABLE(eth, ETH_FIELDS)
STATIC_ASSERT(eth_SIZE == 14 && eth_type_OFF == 12, "RFC 894: two addresses, then the type");

#define ETH_TYPES(E)                                                                               \
    E(ETH_TYPE_IP4, 0x0800)                                                                        \
    E(ETH_TYPE_ARP, 0x0806)
FIELD_ENUM(eth_type, ETH_TYPES)

#define ETH_MAC_BROADCAST UINT64_C(0xffffffffffff)

struct eth_hdr {
    uint64_t dst, src;
    uint16_t type;
};

/* Is it a group address: broadcast or multicast? */
static inline bool eth_mac_is_group(uint64_t mac)
{
    return (mac >> 40 & 1) != 0;
}

static inline uint64_t eth_mac_of_bytes(const uint8_t bytes[6])
{
    struct cs_ro v = cs_ro_of(bytes, 6);

    return (uint64_t)cs_get_be16(v, 0) << 32 | cs_get_be32(v, 2);
}

static inline void eth_mac_set(struct cs to, size_t off, uint64_t mac)
{
    cs_set_be16(to, off, (uint16_t)(mac >> 32));
    cs_set_be32(to, off + 2, (uint32_t)mac);
}

static inline void eth_mac_to_bytes(uint64_t mac, uint8_t bytes[6])
{
    eth_mac_set(cs_of(bytes, 6), 0, mac);
}

/* The group address of an IPv4 multicast group (RFC 1112 section 6.4): its low 23 bits. */
static inline uint64_t eth_mac_of_group(uint32_t group)
{
    return UINT64_C(0x01005e000000) | (group & 0x7fffff);
}

/* False where `in` is shorter than a header. The payload begins at eth_SIZE. */
static inline bool eth_parse(struct eth_hdr *out, struct cs_ro in)
{
    if (in.len < eth_SIZE)
        return false;
    out->dst = cs_get_be64(in, eth_dst_OFF) >> 16;
    out->src = cs_get_be64(in, eth_src_OFF) >> 16;
    out->type = cs_get_be16(in, eth_type_OFF);
    return true;
}

/* Writes the first eth_SIZE bytes of `to`, which must be there. */
static inline void eth_emit(struct cs to, const struct eth_hdr *hdr)
{
    struct cs fixed = cs_head(to, eth_SIZE);

    cs_set_be64(fixed, eth_dst_OFF, hdr->dst << 16 | hdr->src >> 32);
    cs_set_be32(fixed, eth_src_OFF + 2, (uint32_t)hdr->src);
    cs_set_be16(fixed, eth_type_OFF, hdr->type);
}

#endif
