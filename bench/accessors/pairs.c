/* SPDX-License-Identifier: ISC */
/* pairs.c - the same little functions twice: NAME_view with views and field tables, NAME_hand as
 * one writes them with pointers.
 *
 * Never run: bench/accessors/run compiles this file and counts the instructions of each. Those up
 * to the marker below check the length once, as all our parsers do, and then read or write fields:
 * there views must cost nothing. Those after it check at each access. */
#include <morgana/field.h>

#define UDP_FIELDS(F, p)                                                                           \
    F(p, be16, src_port)                                                                           \
    F(p, be16, dst_port)                                                                           \
    F(p, be16, length)                                                                             \
    F(p, be16, checksum)
FIELD_TABLE(udp, UDP_FIELDS)

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

#define SLOT_FIELDS(F, p)                                                                          \
    F(p, he32, gref)                                                                               \
    F(p, he16, offset)                                                                             \
    F(p, he16, flags)                                                                              \
    F(p, he16, id)                                                                                 \
    F(p, he16, size)
FIELD_TABLE(slot, SLOT_FIELDS)

struct udp {
    uint16_t src_port, dst_port, length, checksum;
};

struct arp {
    uint16_t op;
    uint32_t spa, tpa;
    uint8_t sha[6], tha[6];
};

static inline uint16_t hand_be16(const uint8_t *p)
{
    uint16_t x;

    __builtin_memcpy(&x, p, sizeof(x));
    return __builtin_bswap16(x);
}

static inline uint32_t hand_be32(const uint8_t *p)
{
    uint32_t x;

    __builtin_memcpy(&x, p, sizeof(x));
    return __builtin_bswap32(x);
}

static inline void hand_set_be16(uint8_t *p, uint16_t x)
{
    x = __builtin_bswap16(x);
    __builtin_memcpy(p, &x, sizeof(x));
}

/* ---- checked once ---------------------------------------------------------------------------- */

bool parse_udp_view(struct cs_ro v, struct udp *out);
bool parse_udp_view(struct cs_ro v, struct udp *out)
{
    if (v.len < udp_SIZE)
        return false;
    out->src_port = udp_ro_get_src_port(v);
    out->dst_port = udp_ro_get_dst_port(v);
    out->length = udp_ro_get_length(v);
    out->checksum = udp_ro_get_checksum(v);
    return true;
}

bool parse_udp_hand(const uint8_t *p, size_t len, struct udp *out);
bool parse_udp_hand(const uint8_t *p, size_t len, struct udp *out)
{
    if (len < 8)
        return false;
    out->src_port = hand_be16(p);
    out->dst_port = hand_be16(p + 2);
    out->length = hand_be16(p + 4);
    out->checksum = hand_be16(p + 6);
    return true;
}

bool emit_udp_view(struct cs v, const struct udp *in);
bool emit_udp_view(struct cs v, const struct udp *in)
{
    if (v.len < udp_SIZE)
        return false;
    udp_set_src_port(v, in->src_port);
    udp_set_dst_port(v, in->dst_port);
    udp_set_length(v, in->length);
    udp_set_checksum(v, in->checksum);
    return true;
}

bool emit_udp_hand(uint8_t *p, size_t len, const struct udp *in);
bool emit_udp_hand(uint8_t *p, size_t len, const struct udp *in)
{
    if (len < 8)
        return false;
    hand_set_be16(p, in->src_port);
    hand_set_be16(p + 2, in->dst_port);
    hand_set_be16(p + 4, in->length);
    hand_set_be16(p + 6, in->checksum);
    return true;
}

bool parse_arp_view(struct cs_ro v, struct arp *out);
bool parse_arp_view(struct cs_ro v, struct arp *out)
{
    if (v.len < arp_SIZE || arp_ro_get_hrd(v) != 1 || arp_ro_get_pro(v) != 0x800 ||
        arp_ro_get_hln(v) != 6 || arp_ro_get_pln(v) != 4)
        return false;
    out->op = arp_ro_get_op(v);
    out->spa = arp_ro_get_spa(v);
    out->tpa = arp_ro_get_tpa(v);
    __builtin_memcpy(out->sha, arp_ro_get_sha(v).base, 6);
    __builtin_memcpy(out->tha, arp_ro_get_tha(v).base, 6);
    return true;
}

bool parse_arp_hand(const uint8_t *p, size_t len, struct arp *out);
bool parse_arp_hand(const uint8_t *p, size_t len, struct arp *out)
{
    if (len < 28 || hand_be16(p) != 1 || hand_be16(p + 2) != 0x800 || p[4] != 6 || p[5] != 4)
        return false;
    out->op = hand_be16(p + 6);
    out->spa = hand_be32(p + 14);
    out->tpa = hand_be32(p + 24);
    __builtin_memcpy(out->sha, p + 8, 6);
    __builtin_memcpy(out->tha, p + 18, 6);
    return true;
}

/* UDP in IPv4 without options in Ethernet: sub-views of a frame of a checked length. */
uint32_t nested_view(struct cs_ro frame);
uint32_t nested_view(struct cs_ro frame)
{
    struct cs_ro ip, udp;

    if (frame.len < 42)
        return 0;
    ip = cs_shift(frame, 14);
    udp = cs_shift(cs_head(ip, 28), 20);
    return cs_get_be32(ip, 12) + udp_ro_get_dst_port(udp);
}

uint32_t nested_hand(const uint8_t *p, size_t len);
uint32_t nested_hand(const uint8_t *p, size_t len)
{
    if (len < 42)
        return 0;
    return hand_be32(p + 26) + hand_be16(p + 36);
}

/* A ring slot: no check is needed, the length is a constant. */
uint32_t read_slot_view(const void *slot);
uint32_t read_slot_view(const void *slot)
{
    struct cs_ro v = cs_ro_of(slot, slot_SIZE);

    return slot_ro_get_gref(v) + slot_ro_get_offset(v) + slot_ro_get_id(v) + slot_ro_get_size(v);
}

uint32_t read_slot_hand(const void *slot);
uint32_t read_slot_hand(const void *slot)
{
    struct {
        uint32_t gref;
        uint16_t offset, flags, id, size;
    } s;

    __builtin_memcpy(&s, slot, sizeof(s));
    return s.gref + s.offset + s.id + s.size;
}

/* All bytes of a view: the loop's own condition is the check. */
uint32_t sum_bytes_view(struct cs_ro v);
uint32_t sum_bytes_view(struct cs_ro v)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < v.len; i++)
        sum += cs_get_u8(v, i);
    return sum;
}

uint32_t sum_bytes_hand(const uint8_t *p, size_t len);
uint32_t sum_bytes_hand(const uint8_t *p, size_t len)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < len; i++)
        sum += p[i];
    return sum;
}

/* ---- checked at each access ------------------------------------------------------------------ */

/* A peer's offset. */
bool try_get_view(struct cs_ro v, size_t off, uint32_t *out);
bool try_get_view(struct cs_ro v, size_t off, uint32_t *out)
{
    return cs_try_get_be32(v, off, out);
}

bool try_get_hand(const uint8_t *p, size_t len, size_t off, uint32_t *out);
bool try_get_hand(const uint8_t *p, size_t len, size_t off, uint32_t *out)
{
    if (off > len || len - off < 4)
        return false;
    *out = hand_be32(p + off);
    return true;
}

/* Our own offset: asserted, where by hand nothing is checked at all. */
uint32_t get_view(struct cs_ro v, size_t off);
uint32_t get_view(struct cs_ro v, size_t off)
{
    return cs_get_be32(v, off);
}

uint32_t get_hand(const uint8_t *p, size_t len, size_t off);
uint32_t get_hand(const uint8_t *p, size_t len, size_t off)
{
    (void)len;
    return hand_be32(p + off);
}
