/* SPDX-License-Identifier: ISC */
/* ip4.h - the IPv4 header (RFC 791): pure parse and emit.
 *
 * Parse and emit are inline: they run for every packet, and a caller that needs three fields pays
 * for three.
 */
#ifndef TCPIP_WIRE_IP4_H
#define TCPIP_WIRE_IP4_H

#include <morgana/field.h>

#define IP4_FIELDS(F, p)                                                                           \
    F(p, u8, version_ihl)                                                                          \
    F(p, u8, tos)                                                                                  \
    F(p, be16, total_len)                                                                          \
    F(p, be16, id)                                                                                 \
    F(p, be16, flags_off)                                                                          \
    F(p, u8, ttl)                                                                                  \
    F(p, u8, protocol)                                                                             \
    F(p, be16, checksum)                                                                           \
    F(p, be32, src)                                                                                \
    F(p, be32, dst)
FIELD_TABLE(ip4, IP4_FIELDS)
STATIC_ASSERT(ip4_SIZE == 20 && ip4_flags_off_OFF == 6 && ip4_checksum_OFF == 10 &&
                  ip4_src_OFF == 12 && ip4_dst_OFF == 16,
              "RFC 791 section 3.1");

#define IP4_HEADER_MAX 60u /* IHL is four bits of 32-bit words */
#define IP4_TOTAL_MAX 65535u
#define IP4_MTU_MIN 68u /* RFC 791 section 3.2: every link carries this much */

#define IP4_PROTOCOLS(E)                                                                           \
    E(IP4_ICMP, 1)                                                                                 \
    E(IP4_IGMP, 2)                                                                                 \
    E(IP4_TCP, 6)                                                                                  \
    E(IP4_UDP, 17)
FIELD_ENUM(ip4_protocol, IP4_PROTOCOLS)

enum ip4_flags { IP4_RESERVED = 0x8000, IP4_DF = 0x4000, IP4_MF = 0x2000, IP4_OFF_MASK = 0x1fff };

struct ip4_hdr {
    uint32_t src, dst;  /* host order */
    uint16_t total_len; /* bytes, header included */
    uint16_t id;
    uint16_t flags_off; /* enum ip4_flags, and the offset in units of 8 bytes */
    uint8_t tos, ttl, protocol;
    uint8_t header_len; /* bytes, options included: 20..60 */
};

/* Where a fragment belongs, in bytes. */
static inline uint32_t ip4_frag_off(uint16_t flags_off)
{
    return (flags_off & IP4_OFF_MASK) * 8u;
}

/* Is it a part of a datagram: more to come, or something before? */
static inline bool ip4_is_fragment(uint16_t flags_off)
{
    return (flags_off & (IP4_MF | IP4_OFF_MASK)) != 0;
}

enum ip4_result { IP4_OK, IP4_SHORT, IP4_HEADER, IP4_CHECKSUM };

/* Folds a sum of 32-bit words to 16 bits of ones' complement: 0xffff where a right checksum was
 * summed too. */
static inline uint16_t ip4_fold(uint64_t sum)
{
    uint32_t half = (uint32_t)sum + (uint32_t)(sum >> 32);

    half += half < (uint32_t)sum;
    half += half >> 16 | half << 16;
    return (uint16_t)(half >> 16);
}

/* `in` views the header, options included, or as much as there is of it; `avail` is how many
 * bytes the packet has from the header on. Bytes past total_len are not payload. IP4_SHORT:
 * fewer bytes than claimed; IP4_HEADER: not version 4, or lengths that contradict each other. */
static inline enum ip4_result ip4_parse(struct ip4_hdr *out, struct cs_ro in, size_t avail)
{
    uint32_t w0, w1, w2, header_len;
    uint64_t sum;

    if (in.len < ip4_SIZE || avail < ip4_SIZE)
        return IP4_SHORT;
    w0 = cs_get_be32(in, 0);
    w1 = cs_get_be32(in, 4);
    w2 = cs_get_be32(in, 8);
    out->src = cs_get_be32(in, ip4_src_OFF);
    out->dst = cs_get_be32(in, ip4_dst_OFF);
    sum = (uint64_t)w0 + w1 + w2 + out->src + out->dst;
    header_len = ip4_SIZE;
    if (UNLIKELY(w0 >> 24 != 0x45)) {
        header_len = (w0 >> 24 & 0xf) * 4;
        if (w0 >> 28 != 4 || header_len < ip4_SIZE)
            return IP4_HEADER;
        if (header_len > in.len)
            return IP4_SHORT;
        for (uint32_t i = ip4_SIZE; i < header_len; i += 4)
            sum += cs_get_be32(in, i);
    }
    if (UNLIKELY((uint16_t)w0 < header_len))
        return IP4_HEADER;
    if (UNLIKELY((uint16_t)w0 > avail))
        return IP4_SHORT;
    if (UNLIKELY(ip4_fold(sum) != 0xffff))
        return IP4_CHECKSUM;
    out->total_len = (uint16_t)w0;
    out->id = (uint16_t)(w1 >> 16);
    out->flags_off = (uint16_t)w1;
    out->tos = (uint8_t)(w0 >> 16);
    out->ttl = (uint8_t)(w2 >> 24);
    out->protocol = (uint8_t)(w2 >> 16);
    out->header_len = (uint8_t)header_len;
    return IP4_OK;
}

/* The header that an ICMP error quotes: of a packet of ours, cut short, its checksum perhaps
 * stale. False where even the header is not whole. */
bool ip4_parse_quoted(struct ip4_hdr *out, struct cs_ro in);

/* Writes the header to the front of `to`. Options of header_len - 20 bytes must stand in `to`
 * already. */
static inline void ip4_emit(struct cs to, const struct ip4_hdr *hdr)
{
    uint32_t w0 =
        0x40000000u | (uint32_t)hdr->header_len << 22 | (uint32_t)hdr->tos << 16 | hdr->total_len;
    uint32_t w1 = (uint32_t)hdr->id << 16 | hdr->flags_off;
    uint32_t w2 = (uint32_t)hdr->ttl << 24 | (uint32_t)hdr->protocol << 16;
    uint64_t sum = (uint64_t)w0 + w1 + w2 + hdr->src + hdr->dst;
    struct cs fixed = cs_head(to, ip4_SIZE);

    for (uint32_t i = ip4_SIZE; UNLIKELY(i < hdr->header_len); i += 4)
        sum += cs_get_be32(to, i);
    cs_set_be32(fixed, 0, w0);
    cs_set_be32(fixed, 4, w1);
    cs_set_be32(fixed, 8, w2 | (uint16_t)~ip4_fold(sum));
    cs_set_be32(fixed, ip4_src_OFF, hdr->src);
    cs_set_be32(fixed, ip4_dst_OFF, hdr->dst);
}

enum ip4_options { IP4_OPTIONS_OK, IP4_OPTIONS_MALFORMED, IP4_OPTIONS_SOURCE_ROUTE };

/* Walks the options (RFC 791 section 3.1). What is well formed and no source route may be
 * skipped: RFC 1122 section 3.2.1.8. `where`, unless OK: the offset of the bad byte in
 * `options`. */
enum ip4_options ip4_options_check(struct cs_ro options, uint8_t *where);

/* ---- kinds of addresses (RFC 1122 section 3.2.1.3) ------------------------------------------- */

static inline bool ip4_is_multicast(uint32_t addr)
{
    return addr >> 28 == 0xe;
}

/* 0/8, 127/8, 224/4 and 240/4 are nobody's address on a wire. */
static inline bool ip4_is_unicast(uint32_t addr)
{
    return addr - 0x01000000u < 0xdf000000u && addr >> 24 != 127;
}

static inline uint32_t ip4_mask(uint8_t prefix_len)
{
    return prefix_len == 0 ? 0 : 0xffffffffu << (32 - prefix_len);
}

#endif
