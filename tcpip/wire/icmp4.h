/* SPDX-License-Identifier: ISC */
/* icmp4.h - the ICMP header (RFC 792): pure parse and emit. */
#ifndef TCPIP_WIRE_ICMP4_H
#define TCPIP_WIRE_ICMP4_H

#include <morgana/field.h>

#define ICMP4_FIELDS(F, p)                                                                         \
    F(p, u8, type)                                                                                 \
    F(p, u8, code)                                                                                 \
    F(p, be16, checksum)                                                                           \
    F(p, be32, rest)
FIELD_TABLE(icmp4, ICMP4_FIELDS)
STATIC_ASSERT(icmp4_SIZE == 8 && icmp4_checksum_OFF == 2 && icmp4_rest_OFF == 4, "RFC 792");

#define ICMP4_TYPES(E)                                                                             \
    E(ICMP4_ECHO_REPLY, 0)                                                                         \
    E(ICMP4_UNREACHABLE, 3)                                                                        \
    E(ICMP4_SOURCE_QUENCH, 4)                                                                      \
    E(ICMP4_REDIRECT, 5)                                                                           \
    E(ICMP4_ECHO, 8)                                                                               \
    E(ICMP4_TIME_EXCEEDED, 11)                                                                     \
    E(ICMP4_PARAMETER, 12)
FIELD_ENUM(icmp4_type, ICMP4_TYPES)

#define ICMP4_UNREACHABLE_CODES(E)                                                                 \
    E(ICMP4_UNREACHABLE_NET, 0)                                                                    \
    E(ICMP4_UNREACHABLE_HOST, 1)                                                                   \
    E(ICMP4_UNREACHABLE_PROTOCOL, 2)                                                               \
    E(ICMP4_UNREACHABLE_PORT, 3)                                                                   \
    E(ICMP4_FRAGMENTATION_NEEDED, 4)                                                               \
    E(ICMP4_SOURCE_ROUTE_FAILED, 5)                                                                \
    E(ICMP4_UNREACHABLE_NET_PROHIBITED, 9)                                                         \
    E(ICMP4_UNREACHABLE_HOST_PROHIBITED, 10)                                                       \
    E(ICMP4_UNREACHABLE_PROHIBITED, 13)
FIELD_ENUM(icmp4_unreachable, ICMP4_UNREACHABLE_CODES)

enum { ICMP4_TIME_REASSEMBLY = 1 };

struct icmp4_hdr {
    uint8_t type, code;
    uint16_t checksum; /* covers all of the message: whoever has the bytes verifies it */
    /* echo: identifier and sequence; fragmentation needed: the next hop's MTU in the low half */
    uint32_t rest;
};

/* False where `in` is shorter than a header. */
static inline bool icmp4_parse(struct icmp4_hdr *out, struct cs_ro in)
{
    uint32_t w0;

    if (in.len < icmp4_SIZE)
        return false;
    w0 = cs_get_be32(in, 0);
    out->type = (uint8_t)(w0 >> 24);
    out->code = (uint8_t)(w0 >> 16);
    out->checksum = (uint16_t)w0;
    out->rest = icmp4_ro_get_rest(in);
    return true;
}

static inline void icmp4_emit(struct cs to, const struct icmp4_hdr *hdr)
{
    cs_set_be32(to, 0, (uint32_t)hdr->type << 24 | (uint32_t)hdr->code << 16 | hdr->checksum);
    icmp4_set_rest(to, hdr->rest);
}

#endif
