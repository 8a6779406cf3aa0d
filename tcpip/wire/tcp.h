/* SPDX-License-Identifier: ISC */
/* tcp.h - the TCP header and its options (RFC 9293 section 3.1): pure parse and emit. */
#ifndef TCPIP_WIRE_TCP_H
#define TCPIP_WIRE_TCP_H

#include <morgana/field.h>

#define TCP_FIELDS(F, p)                                                                           \
    F(p, be16, src_port)                                                                           \
    F(p, be16, dst_port)                                                                           \
    F(p, be32, seq)                                                                                \
    F(p, be32, ack)                                                                                \
    F(p, be16, off_flags)                                                                          \
    F(p, be16, window)                                                                             \
    F(p, be16, checksum)                                                                           \
    F(p, be16, urgent)
FIELD_TABLE(tcp, TCP_FIELDS)
STATIC_ASSERT(tcp_SIZE == 20 && tcp_off_flags_OFF == 12 && tcp_checksum_OFF == 16, "RFC 9293");

#define TCP_HEADER_MAX 60u
#define TCP_OPTIONS_MAX 40u
#define TCP_SACK_BLOCKS_MAX 4u

enum tcp_flags {
    TCP_FIN = 0x01,
    TCP_SYN = 0x02,
    TCP_RST = 0x04,
    TCP_PSH = 0x08,
    TCP_ACK = 0x10,
    TCP_URG = 0x20,
    TCP_ECE = 0x40,
    TCP_CWR = 0x80,
    TCP_AE = 0x100, /* RFC 9768 */
};

struct tcp_sack_block {
    uint32_t start, end;
};

/* A header in host order, options included. */
struct tcp_hdr {
    uint16_t src_port, dst_port;
    uint32_t seq, ack;
    uint16_t flags;  /* enum tcp_flags */
    uint16_t window; /* as it stands, unscaled */
    uint16_t checksum, urgent;
    uint8_t header_len; /* bytes, options included: 20..60 */
};

enum tcp_option_bits {
    TCP_HAS_MSS = 1,
    TCP_HAS_WSCALE = 2,
    TCP_HAS_SACK_OK = 4,
    TCP_HAS_TS = 8,
    TCP_HAS_SACK = 16,
    TCP_HAS_USER_TIMEOUT = 32,
};

struct tcp_options {
    uint8_t has; /* enum tcp_option_bits */
    uint8_t wscale;
    uint8_t sack_count;
    uint16_t mss;
    uint16_t user_timeout; /* as on the wire: RFC 5482 */
    uint32_t ts_val, ts_ecr;
    struct tcp_sack_block sack[TCP_SACK_BLOCKS_MAX];
};

/* `in`: the header with all its options, or at least 20 bytes of it; `avail`: bytes of the segment.
 * False where data offset is below 5 or beyond avail. Options are parsed by tcp_options_parse. */
bool tcp_parse(struct tcp_hdr *out, struct cs_ro in, size_t avail);
/* `options`: the bytes between header and data. An unknown option is skipped, one of a wrong length is
 * as if it were not there; false where a length runs past the end or is below 2. Options of SYNs
 * are taken only where `syn`. */
bool tcp_options_parse(struct tcp_options *out, struct cs_ro options, bool syn);
/* Fills the header; hdr->header_len says where data begin. */
void tcp_emit(struct cs to, const struct tcp_hdr *hdr);
/* Options' bytes in the order that `order` (enum tcp_option_order) gives to SYNs; all other
 * segments: nop, nop, TS, nop, nop, SACK. Returns the length, a multiple of 4; at most room, which
 * bounds the SACK blocks. `to`: TCP_OPTIONS_MAX bytes. */
uint32_t tcp_options_emit(struct cs to, const struct tcp_options *options, bool syn, uint8_t order,
                          uint32_t room);

#endif
