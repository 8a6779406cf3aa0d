/* SPDX-License-Identifier: ISC */
/* arp.h - ARP for IPv4 over Ethernet (RFC 826): pure parse and emit. */
#ifndef TCPIP_WIRE_ARP_H
#define TCPIP_WIRE_ARP_H

#include <morgana/field.h>

#define ARP_FIELDS(F, p)                                                                           \
    F(p, be16, hrd)                                                                                \
    F(p, be16, pro)                                                                                \
    F(p, u8, hln)                                                                                  \
    F(p, u8, pln)                                                                                  \
    F(p, be16, op)                                                                                 \
    F(p, b6, sha)                                                                                  \
    F(p, be32, spa)                                                                                \
    F(p, b6, tha)                                                                                  \
    F(p, be32, tpa)
FIELD_TABLE(arp, ARP_FIELDS)
STATIC_ASSERT(arp_SIZE == 28 && arp_op_OFF == 6 && arp_spa_OFF == 14 && arp_tpa_OFF == 24,
              "RFC 826 with 6-byte and 4-byte addresses");

#define ARP_OPS(E)                                                                                 \
    E(ARP_REQUEST, 1)                                                                              \
    E(ARP_REPLY, 2)
FIELD_ENUM(arp_op, ARP_OPS)

struct arp_msg {
    uint16_t op;       /* enum arp_op */
    uint64_t sha, tha; /* sender's and target's MAC, see eth.h */
    uint32_t spa, tpa; /* sender's and target's address, host order */
};

/* False where `in` is short, not IPv4 over Ethernet, or neither request nor reply. */
bool arp_parse(struct arp_msg *out, struct cs_ro in);

/* Writes the first arp_SIZE bytes of `to`. */
void arp_emit(struct cs to, const struct arp_msg *msg);

#endif
