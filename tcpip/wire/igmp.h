/* SPDX-License-Identifier: ISC */
/* igmp.h - IGMP messages, versions 1 and 2 (RFC 2236 section 2): pure parse and emit. */
#ifndef TCPIP_WIRE_IGMP_H
#define TCPIP_WIRE_IGMP_H

#include <morgana/field.h>

#define IGMP_FIELDS(F, p)                                                                          \
    F(p, u8, type)                                                                                 \
    F(p, u8, max_resp)                                                                             \
    F(p, be16, checksum)                                                                           \
    F(p, be32, group)
FIELD_TABLE(igmp, IGMP_FIELDS)
STATIC_ASSERT(igmp_SIZE == 8 && igmp_checksum_OFF == 2 && igmp_group_OFF == 4, "RFC 2236 2");

#define IGMP_TYPES(E)                                                                              \
    E(IGMP_QUERY, 0x11)                                                                            \
    E(IGMP_REPORT_V1, 0x12)                                                                        \
    E(IGMP_REPORT_V2, 0x16)                                                                        \
    E(IGMP_LEAVE, 0x17)
FIELD_ENUM(igmp_type, IGMP_TYPES)

struct igmp_msg {
    uint8_t type;
    uint8_t max_resp; /* tenths of a second; 0 in a query: it is from a version 1 router */
    uint32_t group;   /* host order; 0 in a general query */
};

enum igmp_result { IGMP_OK, IGMP_SHORT, IGMP_CHECKSUM };

/* `in` views the whole message: the checksum covers all of it, also what a later version put
 * after the eight bytes. */
enum igmp_result igmp_parse(struct igmp_msg *out, struct cs_ro in);

/* Writes the first igmp_SIZE bytes of `to`, checksum included. */
void igmp_emit(struct cs to, const struct igmp_msg *msg);

#endif
