/* SPDX-License-Identifier: ISC */
/* field.h - field tables: one table of a wire header or ring slot, from which everything else
 * comes.
 *
 *     #define UDP_FIELDS(F, p)
 *         F(p, be16, src_port)
 *         F(p, be16, dst_port)
 *         F(p, be16, length)
 *         F(p, be16, checksum)
 *     FIELD_TABLE(udp, UDP_FIELDS)
 *
 * makes  udp_SIZE                       the size in bytes, a constant
 *        udp_src_port_OFF               the offset of a field, a constant
 *        udp_ro_get_src_port(v)         v: a struct cs_ro that holds the field, else it asserts
 *        udp_ro_try_get_src_port(v, &x) false, and x untouched, where v is too short
 *        udp_set_src_port(v, x)         v: a struct cs
 *        udp_wo_set_src_port(v, x)      v: a struct cs_wo
 *        udp_fields, udp_FIELDS         the table for field_print, and its number of rows
 *        udp_print(v, out, size)        field_print of this table
 *        udp_dump(v, out, size)         field_dump of this table
 *
 * Types: u8, be16, be32, be64, le16, le32, le64, he16, he32, he64, and byte arrays b2, b3, b4, b6,
 * b8, b10, b12, b16, b20, b64, b128 (get gives a struct cs_ro, set copies one of the same length).
 * Pads are fields too, so offsets cannot drift apart from the layout. The layout is of bytes: it
 * has no padding of the compiler's, and no alignment. */
#ifndef MORGANA_FIELD_H
#define MORGANA_FIELD_H

#include <morgana/cstruct.h>

enum field_type { FIELD_INT_LE, FIELD_INT_BE, FIELD_BYTES };

struct field {
    const char *name;
    uint16_t off, size; /* bytes */
    uint8_t type;       /* enum field_type */
};

/* "name=value name=value ..." of a header as NUL-terminated text: integers in decimal, byte arrays
 * in hex. Fields past the end of `v` are left out. Returns the characters written; the text is cut
 * where it does not fit. */
size_t field_print(const struct field *fields, size_t n, struct cs_ro v, char *out, size_t size);
/* The same as a hexdump with a line for each field: offset, name, bytes in wire order, and the
 * value of an integer. */
size_t field_dump(const struct field *fields, size_t n, struct cs_ro v, char *out, size_t size);

/* Per type: its width, kind, and accessor bodies. */
#define FIELD_W_u8 1
#define FIELD_W_be16 2
#define FIELD_W_le16 2
#define FIELD_W_he16 2
#define FIELD_W_be32 4
#define FIELD_W_le32 4
#define FIELD_W_he32 4
#define FIELD_W_be64 8
#define FIELD_W_le64 8
#define FIELD_W_he64 8
#define FIELD_W_b2 2
#define FIELD_W_b3 3
#define FIELD_W_b4 4
#define FIELD_W_b6 6
#define FIELD_W_b8 8
#define FIELD_W_b10 10
#define FIELD_W_b12 12
#define FIELD_W_b16 16
#define FIELD_W_b20 20
#define FIELD_W_b64 64
#define FIELD_W_b128 128

#define FIELD_K_u8 FIELD_INT_LE
#define FIELD_K_be16 FIELD_INT_BE
#define FIELD_K_be32 FIELD_INT_BE
#define FIELD_K_be64 FIELD_INT_BE
#define FIELD_K_le16 FIELD_INT_LE
#define FIELD_K_le32 FIELD_INT_LE
#define FIELD_K_le64 FIELD_INT_LE
#define FIELD_K_he16 FIELD_INT_LE
#define FIELD_K_he32 FIELD_INT_LE
#define FIELD_K_he64 FIELD_INT_LE
#define FIELD_K_b2 FIELD_BYTES
#define FIELD_K_b3 FIELD_BYTES
#define FIELD_K_b4 FIELD_BYTES
#define FIELD_K_b6 FIELD_BYTES
#define FIELD_K_b8 FIELD_BYTES
#define FIELD_K_b10 FIELD_BYTES
#define FIELD_K_b12 FIELD_BYTES
#define FIELD_K_b16 FIELD_BYTES
#define FIELD_K_b20 FIELD_BYTES
#define FIELD_K_b64 FIELD_BYTES
#define FIELD_K_b128 FIELD_BYTES

#define FIELD_INT_ACCESSORS(p, t, name, ctype)                                                     \
    ALWAYS_INLINE ctype p##_ro_get_##name(struct cs_ro v)                                          \
    {                                                                                              \
        return cs_ro_get_##t(v, p##_##name##_OFF);                                                 \
    }                                                                                              \
    ALWAYS_INLINE bool p##_ro_try_get_##name(struct cs_ro v, ctype *x)                             \
    {                                                                                              \
        return cs_ro_try_get_##t(v, p##_##name##_OFF, x);                                          \
    }                                                                                              \
    ALWAYS_INLINE void p##_wo_set_##name(struct cs_wo v, ctype x)                                  \
    {                                                                                              \
        cs_wo_set_##t(v, p##_##name##_OFF, x);                                                     \
    }                                                                                              \
    ALWAYS_INLINE void p##_set_##name(struct cs v, ctype x)                                        \
    {                                                                                              \
        cs_wo_set_##t(cs_as_wo(v), p##_##name##_OFF, x);                                           \
    }
#define FIELD_BYTES_ACCESSORS(p, t, name)                                                          \
    ALWAYS_INLINE struct cs_ro p##_ro_get_##name(struct cs_ro v)                                   \
    {                                                                                              \
        return cs_sub(v, p##_##name##_OFF, FIELD_W_##t);                                           \
    }                                                                                              \
    ALWAYS_INLINE bool p##_ro_try_get_##name(struct cs_ro v, struct cs_ro *x)                      \
    {                                                                                              \
        return cs_try_sub(v, p##_##name##_OFF, FIELD_W_##t, x);                                    \
    }                                                                                              \
    ALWAYS_INLINE void p##_wo_set_##name(struct cs_wo v, struct cs_ro x)                           \
    {                                                                                              \
        ASSERT(x.len == FIELD_W_##t && cs_in(v.len, p##_##name##_OFF, FIELD_W_##t));               \
        __builtin_memmove(v.wo_base + p##_##name##_OFF, x.base, FIELD_W_##t);                      \
    }                                                                                              \
    ALWAYS_INLINE void p##_set_##name(struct cs v, struct cs_ro x)                                 \
    {                                                                                              \
        p##_wo_set_##name(cs_as_wo(v), x);                                                         \
    }
#define FIELD_A_u8(p, name) FIELD_INT_ACCESSORS(p, u8, name, uint8_t)
#define FIELD_A_be16(p, name) FIELD_INT_ACCESSORS(p, be16, name, uint16_t)
#define FIELD_A_be32(p, name) FIELD_INT_ACCESSORS(p, be32, name, uint32_t)
#define FIELD_A_be64(p, name) FIELD_INT_ACCESSORS(p, be64, name, uint64_t)
#define FIELD_A_le16(p, name) FIELD_INT_ACCESSORS(p, le16, name, uint16_t)
#define FIELD_A_le32(p, name) FIELD_INT_ACCESSORS(p, le32, name, uint32_t)
#define FIELD_A_le64(p, name) FIELD_INT_ACCESSORS(p, le64, name, uint64_t)
#define FIELD_A_he16(p, name) FIELD_INT_ACCESSORS(p, he16, name, uint16_t)
#define FIELD_A_he32(p, name) FIELD_INT_ACCESSORS(p, he32, name, uint32_t)
#define FIELD_A_he64(p, name) FIELD_INT_ACCESSORS(p, he64, name, uint64_t)
#define FIELD_A_b2(p, name) FIELD_BYTES_ACCESSORS(p, b2, name)
#define FIELD_A_b3(p, name) FIELD_BYTES_ACCESSORS(p, b3, name)
#define FIELD_A_b4(p, name) FIELD_BYTES_ACCESSORS(p, b4, name)
#define FIELD_A_b6(p, name) FIELD_BYTES_ACCESSORS(p, b6, name)
#define FIELD_A_b8(p, name) FIELD_BYTES_ACCESSORS(p, b8, name)
#define FIELD_A_b10(p, name) FIELD_BYTES_ACCESSORS(p, b10, name)
#define FIELD_A_b12(p, name) FIELD_BYTES_ACCESSORS(p, b12, name)
#define FIELD_A_b16(p, name) FIELD_BYTES_ACCESSORS(p, b16, name)
#define FIELD_A_b20(p, name) FIELD_BYTES_ACCESSORS(p, b20, name)
#define FIELD_A_b64(p, name) FIELD_BYTES_ACCESSORS(p, b64, name)
#define FIELD_A_b128(p, name) FIELD_BYTES_ACCESSORS(p, b128, name)

#define FIELD_LAYOUT(p, t, name) uint8_t name[FIELD_W_##t];
#define FIELD_OFFSET(p, t, name) p##_##name##_OFF = offsetof(struct p##_layout, name),
#define FIELD_ACCESS(p, t, name) FIELD_A_##t(p, name)
#define FIELD_ROW(p, t, name) {#name, p##_##name##_OFF, FIELD_W_##t, FIELD_K_##t},

#define FIELD_TABLE(p, TABLE)                                                                      \
    struct p##_layout {                                                                            \
        TABLE(FIELD_LAYOUT, p)                                                                     \
    };                                                                                             \
    enum { TABLE(FIELD_OFFSET, p) p##_SIZE = sizeof(struct p##_layout) };                          \
    TABLE(FIELD_ACCESS, p)                                                                         \
    static const UNUSED struct field p##_fields[] = {TABLE(FIELD_ROW, p)};                         \
    enum { p##_FIELDS = ARRAY_SIZE(p##_fields) };                                                  \
    static inline UNUSED size_t p##_print(struct cs_ro v, char *out, size_t size)                  \
    {                                                                                              \
        return field_print(p##_fields, p##_FIELDS, v, out, size);                                  \
    }                                                                                              \
    static inline UNUSED size_t p##_dump(struct cs_ro v, char *out, size_t size)                   \
    {                                                                                              \
        return field_dump(p##_fields, p##_FIELDS, v, out, size);                                   \
    }

/* Enumerations with names:
 *
 *     #define ARP_OPS(E) E(ARP_REQUEST, 1) E(ARP_REPLY, 2)
 *     FIELD_ENUM(arp_op, ARP_OPS)
 *
 * makes  enum arp_op
 *        const char *arp_op_name(unsigned)       "?" for a number not listed
 */
#define FIELD_ENUM_CONST(name, value) name = (value),
#define FIELD_ENUM_CASE(name, value)                                                               \
    case value:                                                                                    \
        return #name;
#define FIELD_ENUM(p, TABLE)                                                                       \
    enum p { TABLE(FIELD_ENUM_CONST) };                                                            \
    static inline UNUSED const char *p##_name(unsigned value)                                      \
    {                                                                                              \
        switch (value) {                                                                           \
            TABLE(FIELD_ENUM_CASE)                                                                 \
        default:                                                                                   \
            return "?";                                                                            \
        }                                                                                          \
    }

#endif
