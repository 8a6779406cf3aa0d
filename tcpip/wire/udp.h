/* SPDX-License-Identifier: ISC */
/* udp.h - the UDP header (RFC 768): pure parse and emit. */
#ifndef TCPIP_WIRE_UDP_H
#define TCPIP_WIRE_UDP_H

#include <morgana/field.h>

#define UDP_FIELDS(F, p)                                                                           \
    F(p, be16, src_port)                                                                           \
    F(p, be16, dst_port)                                                                           \
    F(p, be16, length)                                                                             \
    F(p, be16, checksum)
FIELD_TABLE(udp, UDP_FIELDS)
STATIC_ASSERT(udp_SIZE == 8 && udp_length_OFF == 4 && udp_checksum_OFF == 6, "RFC 768");

struct udp_hdr {
    uint16_t src_port, dst_port;
    uint16_t length;   /* bytes, header included */
    uint16_t checksum; /* 0: the sender made none */
};

/* `avail`: bytes the datagram has from the header on. False where the header is not all there or
 * its length is less than a header or more than avail. What follows `length` is not payload. */
static inline bool udp_parse(struct udp_hdr *out, struct cs_ro in, size_t avail)
{
    uint32_t ports, rest;

    if (in.len < udp_SIZE || avail < udp_SIZE)
        return false;
    ports = cs_get_be32(in, udp_src_port_OFF);
    rest = cs_get_be32(in, udp_length_OFF);
    if (rest >> 16 < udp_SIZE || rest >> 16 > avail)
        return false;
    out->src_port = (uint16_t)(ports >> 16);
    out->dst_port = (uint16_t)ports;
    out->length = (uint16_t)(rest >> 16);
    out->checksum = (uint16_t)rest;
    return true;
}

static inline void udp_emit(struct cs to, const struct udp_hdr *hdr)
{
    cs_set_be32(to, udp_src_port_OFF, (uint32_t)hdr->src_port << 16 | hdr->dst_port);
    cs_set_be32(to, udp_length_OFF, (uint32_t)hdr->length << 16 | hdr->checksum);
}

#endif
