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
#define TCP_WSCALE_MAX 14u      /* RFC 7323 section 2.3 */
#define TCP_TS_BYTES 12u        /* nop, nop, timestamps */
#define TCP_TS_WORD 0x0101080au /* how these begin */

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
    TCP_FLAGS = 0x1ff,
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
static inline bool tcp_parse(struct tcp_hdr *out, struct cs_ro in, size_t avail)
{
    uint32_t w3, header_len;

    if (UNLIKELY(in.len < tcp_SIZE || avail < tcp_SIZE))
        return false;
    w3 = cs_get_be32(in, tcp_off_flags_OFF);
    header_len = (w3 >> 28) * 4;
    if (UNLIKELY(header_len < tcp_SIZE || header_len > avail))
        return false;
    out->src_port = tcp_ro_get_src_port(in);
    out->dst_port = tcp_ro_get_dst_port(in);
    out->seq = tcp_ro_get_seq(in);
    out->ack = tcp_ro_get_ack(in);
    out->flags = (uint16_t)(w3 >> 16 & TCP_FLAGS);
    out->window = (uint16_t)w3;
    out->checksum = tcp_ro_get_checksum(in);
    out->urgent = tcp_ro_get_urgent(in);
    out->header_len = (uint8_t)header_len;
    return true;
}

/* The general case of tcp_options_parse. */
bool tcp_options_parse_all(struct tcp_options *out, struct cs_ro options, bool syn);
/* `options`: the bytes between header and data. An unknown option is skipped, one of a wrong length
 * is as if it were not there; false where a length runs past the end or is below 2: `out` has what
 * came before. Options of SYNs are taken only where `syn`, SACK only where not. Of what comes
 * twice the last counts. What `has` does not name is not set. */
static inline bool tcp_options_parse(struct tcp_options *out, struct cs_ro options, bool syn)
{
    out->sack_count = 0;
    /* What nearly every segment has: RFC 7323 appendix A. */
    if (LIKELY(options.len == TCP_TS_BYTES && cs_get_be32(options, 0) == TCP_TS_WORD)) {
        out->has = TCP_HAS_TS;
        out->ts_val = cs_get_be32(options, 4);
        out->ts_ecr = cs_get_be32(options, 8);
        return true;
    }
    out->has = 0;
    return options.len == 0 || tcp_options_parse_all(out, options, syn);
}

/* Fills the header; hdr->header_len says where data begin. */
static inline void tcp_emit(struct cs to, const struct tcp_hdr *hdr)
{
    struct cs fixed = cs_head(to, tcp_SIZE);

    cs_set_be32(fixed, tcp_src_port_OFF, (uint32_t)hdr->src_port << 16 | hdr->dst_port);
    tcp_set_seq(fixed, hdr->seq);
    tcp_set_ack(fixed, hdr->ack);
    cs_set_be32(fixed, tcp_off_flags_OFF,
                (uint32_t)hdr->header_len << 26 | (uint32_t)hdr->flags << 16 | hdr->window);
    cs_set_be32(fixed, tcp_checksum_OFF, (uint32_t)hdr->checksum << 16 | hdr->urgent);
}

/* The timestamp option as data segments carry it: TCP_TS_BYTES. */
static inline void tcp_emit_ts(struct cs to, uint32_t ts_val, uint32_t ts_ecr)
{
    struct cs fixed = cs_head(to, TCP_TS_BYTES);

    cs_set_be32(fixed, 0, TCP_TS_WORD);
    cs_set_be32(fixed, 4, ts_val);
    cs_set_be32(fixed, 8, ts_ecr);
}

/* Options' bytes in the order that `order` (enum tcp_option_order) gives to SYNs; all other
 * segments: nop, nop, TS, user timeout, nop, nop, SACK. Returns the length, a multiple of 4; at
 * most room, which bounds the SACK blocks; any other option that does not fit is left out. `to`:
 * TCP_OPTIONS_MAX bytes. */
uint32_t tcp_options_emit(struct cs to, const struct tcp_options *options, bool syn, uint8_t order,
                          uint32_t room);

#endif
