/* SPDX-License-Identifier: ISC */
/* cstruct.h - views of bytes, after Mirage's cstruct.
 *
 * A view is a base and a length, nothing else; sub-views share memory. Every operation is checked
 * against the view, never against the memory behind it. There are three kinds, and rights can only
 * be lost:
 *
 *     struct cs      read and write     cs_as_ro(v), cs_as_wo(v)
 *     struct cs_ro   read only          (no way back)
 *     struct cs_wo   write only         (no way back)
 *
 * Two spellings of each checked operation:
 *     cs_sub(v, off, n)            our own numbers: out of range is our bug and asserts
 *     cs_try_sub(v, off, n, &out)  a peer's numbers: out of range is false, and leaves `out` alone
 *
 * Operations that change only which bytes are viewed take any of the three kinds (_Generic picks
 * the function); getters take a readable view and setters a writable one, so reading a write-only
 * view does not compile. Bounds are written `off <= len && n <= len - off`: no sum can overflow. */
#ifndef MORGANA_CSTRUCT_H
#define MORGANA_CSTRUCT_H

#include <morgana/base.h>

struct cs {
    uint8_t *base;
    size_t len; /* bytes */
};

struct cs_ro {
    const uint8_t *base;
    size_t len;
};

struct cs_wo {
    uint8_t *wo_base; /* for cstruct's own setters only */
    size_t len;
};

/* ---- making views ---------------------------------------------------------------------------- */

/* The `len` bytes at `base`: to be read and written, or only read. Keeps the memory for as long as
 * the view is used. */
ALWAYS_INLINE struct cs cs_of(void *base, size_t len)
{
    return (struct cs){base, len};
}

ALWAYS_INLINE struct cs_ro cs_ro_of(const void *base, size_t len)
{
    return (struct cs_ro){base, len};
}

/* For memory that may be written but, by this view, never read. */
ALWAYS_INLINE struct cs_wo cs_wo_of(void *base, size_t len)
{
    return (struct cs_wo){base, len};
}

/* A view of a C string's characters, without its terminator. */
ALWAYS_INLINE struct cs_ro cs_of_str(const char *s)
{
    return (struct cs_ro){(const uint8_t *)s, __builtin_strlen(s)};
}

#define CS_EMPTY ((struct cs){NULL, 0})
#define CS_RO_EMPTY ((struct cs_ro){NULL, 0})
#define CS_WO_EMPTY ((struct cs_wo){NULL, 0})

/* For the two macros below. */
ALWAYS_INLINE struct cs_ro cs_rw_as_ro(struct cs v)
{
    return (struct cs_ro){v.base, v.len};
}

ALWAYS_INLINE struct cs_ro cs_ro_as_ro(struct cs_ro v)
{
    return v;
}

ALWAYS_INLINE struct cs_wo cs_rw_as_wo(struct cs v)
{
    return (struct cs_wo){v.base, v.len};
}

ALWAYS_INLINE struct cs_wo cs_wo_as_wo(struct cs_wo v)
{
    return v;
}

/* Drops the right to write. Takes cs or cs_ro. */
#define cs_as_ro(v) _Generic((v), struct cs : cs_rw_as_ro, struct cs_ro : cs_ro_as_ro)(v)
/* Drops the right to read. Takes cs or cs_wo. */
#define cs_as_wo(v) _Generic((v), struct cs : cs_rw_as_wo, struct cs_wo : cs_wo_as_wo)(v)

/* ---- bounds ---------------------------------------------------------------------------------- */

/* Are the `n` bytes from `off` inside `len`? */
ALWAYS_INLINE bool cs_in(size_t len, size_t off, size_t n)
{
    /* The same in one comparison where both are known to the compiler, and so is that their sum
     * does not overflow: then it sees that one check of a header's length does for all its fields.
     */
    if (__builtin_constant_p(off) && __builtin_constant_p(n) && n <= SIZE_MAX - off)
        return off + n <= len;
    return off <= len && n <= len - off;
}

/* ---- sub, shift, split, head, tail ----------------------------------------------------------- */

/* `n` bytes past a base that may be NULL, when the view is empty: adding 0 to NULL as a pointer
 * would be undefined. */
#define CS_AT(v, field, n) ((__typeof__((v).field))((uintptr_t)(v).field + (n)))

#define CS_DEFINE_VIEW_OPS(kind, type, field)                                                      \
    ALWAYS_INLINE type kind##_sub(type v, size_t off, size_t n)                                    \
    {                                                                                              \
        ASSERT(cs_in(v.len, off, n));                                                              \
        return (type){CS_AT(v, field, off), n};                                                    \
    }                                                                                              \
    ALWAYS_INLINE bool kind##_try_sub(type v, size_t off, size_t n, type *out)                     \
    {                                                                                              \
        if (!cs_in(v.len, off, n))                                                                 \
            return false;                                                                          \
        *out = (type){CS_AT(v, field, off), n};                                                    \
        return true;                                                                               \
    }                                                                                              \
    ALWAYS_INLINE type kind##_shift(type v, size_t n)                                              \
    {                                                                                              \
        ASSERT(n <= v.len);                                                                        \
        return (type){CS_AT(v, field, n), v.len - n};                                              \
    }                                                                                              \
    ALWAYS_INLINE bool kind##_try_shift(type v, size_t n, type *out)                               \
    {                                                                                              \
        if (n > v.len)                                                                             \
            return false;                                                                          \
        *out = (type){CS_AT(v, field, n), v.len - n};                                              \
        return true;                                                                               \
    }                                                                                              \
    ALWAYS_INLINE bool kind##_try_split(type v, size_t n, type *head, type *tail)                  \
    {                                                                                              \
        if (n > v.len)                                                                             \
            return false;                                                                          \
        *head = (type){v.field, n};                                                                \
        *tail = (type){CS_AT(v, field, n), v.len - n};                                             \
        return true;                                                                               \
    }                                                                                              \
    ALWAYS_INLINE void kind##_split(type v, size_t n, type *head, type *tail)                      \
    {                                                                                              \
        bool fits = kind##_try_split(v, n, head, tail);                                            \
        ASSERT(fits);                                                                              \
    }                                                                                              \
    ALWAYS_INLINE type kind##_tail(type v, size_t n)                                               \
    {                                                                                              \
        ASSERT(n <= v.len);                                                                        \
        return (type){CS_AT(v, field, v.len - n), n};                                              \
    }                                                                                              \
    ALWAYS_INLINE bool kind##_is_aligned(type v, size_t align)                                     \
    {                                                                                              \
        ASSERT(align != 0 && (align & (align - 1)) == 0);                                          \
        return ((uintptr_t)v.field & (align - 1)) == 0;                                            \
    }

/* One set of functions for each kind: cs_rw_sub, cs_ro_sub, cs_wo_sub, ... reached through the
 * macros below. */
CS_DEFINE_VIEW_OPS(cs_rw, struct cs, base)
CS_DEFINE_VIEW_OPS(cs_ro, struct cs_ro, base)
CS_DEFINE_VIEW_OPS(cs_wo, struct cs_wo, wo_base)

#define CS_PICK(v, op)                                                                             \
    _Generic((v), struct cs : cs_rw_##op, struct cs_ro : cs_ro_##op, struct cs_wo : cs_wo_##op)

/* The `n` bytes from `off`. */
#define cs_sub(v, off, n) CS_PICK(v, sub)(v, off, n)
#define cs_try_sub(v, off, n, out) CS_PICK(v, try_sub)(v, off, n, out)
/* All but the first `n` bytes. */
#define cs_shift(v, n) CS_PICK(v, shift)(v, n)
#define cs_try_shift(v, n, out) CS_PICK(v, try_shift)(v, n, out)
/* The first `n` bytes and the rest, as two views. */
#define cs_split(v, n, head, tail) CS_PICK(v, split)(v, n, head, tail)
#define cs_try_split(v, n, head, tail) CS_PICK(v, try_split)(v, n, head, tail)
/* The first `n` bytes. */
#define cs_head(v, n) cs_sub(v, 0, n)
#define cs_try_head(v, n, out) cs_try_sub(v, 0, n, out)
/* The last `n` bytes. */
#define cs_tail(v, n) CS_PICK(v, tail)(v, n)
/* Does the view begin at a multiple of `align` (a power of two)? */
#define cs_is_aligned(v, align) CS_PICK(v, is_aligned)(v, align)

/* ---- get and set: 8, 16, 32, 64 bits; be, le, and he (host) order ---------------------------- */

#define CS_DEFINE_INT(order, bits, type, to_order)                                                 \
    ALWAYS_INLINE type cs_ro_get_##order##bits(struct cs_ro v, size_t off)                         \
    {                                                                                              \
        type raw;                                                                                  \
        ASSERT(cs_in(v.len, off, sizeof(raw)));                                                    \
        __builtin_memcpy(&raw, v.base + off, sizeof(raw));                                         \
        return (type)to_order(raw);                                                                \
    }                                                                                              \
    ALWAYS_INLINE bool cs_ro_try_get_##order##bits(struct cs_ro v, size_t off, type *out)          \
    {                                                                                              \
        type raw;                                                                                  \
        if (!cs_in(v.len, off, sizeof(raw)))                                                       \
            return false;                                                                          \
        __builtin_memcpy(&raw, v.base + off, sizeof(raw));                                         \
        *out = (type)to_order(raw);                                                                \
        return true;                                                                               \
    }                                                                                              \
    ALWAYS_INLINE void cs_wo_set_##order##bits(struct cs_wo v, size_t off, type value)             \
    {                                                                                              \
        type raw = (type)to_order(value);                                                          \
        ASSERT(cs_in(v.len, off, sizeof(raw)));                                                    \
        __builtin_memcpy(v.wo_base + off, &raw, sizeof(raw));                                      \
    }                                                                                              \
    ALWAYS_INLINE bool cs_wo_try_set_##order##bits(struct cs_wo v, size_t off, type value)         \
    {                                                                                              \
        if (!cs_in(v.len, off, sizeof(value)))                                                     \
            return false;                                                                          \
        cs_wo_set_##order##bits(v, off, value);                                                    \
        return true;                                                                               \
    }

#define CS_SAME(x) (x)
/* Every target is little-endian; a big-endian one swaps these six. */
STATIC_ASSERT(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "byte order conversions below assume little-endian");
CS_DEFINE_INT(u, 8, uint8_t, CS_SAME)
CS_DEFINE_INT(be, 16, uint16_t, __builtin_bswap16)
CS_DEFINE_INT(be, 32, uint32_t, __builtin_bswap32)
CS_DEFINE_INT(be, 64, uint64_t, __builtin_bswap64)
CS_DEFINE_INT(le, 16, uint16_t, CS_SAME)
CS_DEFINE_INT(le, 32, uint32_t, CS_SAME)
CS_DEFINE_INT(le, 64, uint64_t, CS_SAME)
CS_DEFINE_INT(he, 16, uint16_t, CS_SAME)
CS_DEFINE_INT(he, 32, uint32_t, CS_SAME)
CS_DEFINE_INT(he, 64, uint64_t, CS_SAME)

/* The integer at byte `off` of a readable view (cs or cs_ro). */
#define cs_get_u8(v, off) cs_ro_get_u8(cs_as_ro(v), off)
#define cs_get_be16(v, off) cs_ro_get_be16(cs_as_ro(v), off)
#define cs_get_be32(v, off) cs_ro_get_be32(cs_as_ro(v), off)
#define cs_get_be64(v, off) cs_ro_get_be64(cs_as_ro(v), off)
#define cs_get_le16(v, off) cs_ro_get_le16(cs_as_ro(v), off)
#define cs_get_le32(v, off) cs_ro_get_le32(cs_as_ro(v), off)
#define cs_get_le64(v, off) cs_ro_get_le64(cs_as_ro(v), off)
#define cs_get_he16(v, off) cs_ro_get_he16(cs_as_ro(v), off)
#define cs_get_he32(v, off) cs_ro_get_he32(cs_as_ro(v), off)
#define cs_get_he64(v, off) cs_ro_get_he64(cs_as_ro(v), off)
/* The same, false and `out` untouched where the view is too short. */
#define cs_try_get_u8(v, off, out) cs_ro_try_get_u8(cs_as_ro(v), off, out)
#define cs_try_get_be16(v, off, out) cs_ro_try_get_be16(cs_as_ro(v), off, out)
#define cs_try_get_be32(v, off, out) cs_ro_try_get_be32(cs_as_ro(v), off, out)
#define cs_try_get_be64(v, off, out) cs_ro_try_get_be64(cs_as_ro(v), off, out)
#define cs_try_get_le16(v, off, out) cs_ro_try_get_le16(cs_as_ro(v), off, out)
#define cs_try_get_le32(v, off, out) cs_ro_try_get_le32(cs_as_ro(v), off, out)
#define cs_try_get_le64(v, off, out) cs_ro_try_get_le64(cs_as_ro(v), off, out)
#define cs_try_get_he16(v, off, out) cs_ro_try_get_he16(cs_as_ro(v), off, out)
#define cs_try_get_he32(v, off, out) cs_ro_try_get_he32(cs_as_ro(v), off, out)
#define cs_try_get_he64(v, off, out) cs_ro_try_get_he64(cs_as_ro(v), off, out)
/* Stores an integer at byte `off` of a writable view (cs or cs_wo). */
#define cs_set_u8(v, off, x) cs_wo_set_u8(cs_as_wo(v), off, x)
#define cs_set_be16(v, off, x) cs_wo_set_be16(cs_as_wo(v), off, x)
#define cs_set_be32(v, off, x) cs_wo_set_be32(cs_as_wo(v), off, x)
#define cs_set_be64(v, off, x) cs_wo_set_be64(cs_as_wo(v), off, x)
#define cs_set_le16(v, off, x) cs_wo_set_le16(cs_as_wo(v), off, x)
#define cs_set_le32(v, off, x) cs_wo_set_le32(cs_as_wo(v), off, x)
#define cs_set_le64(v, off, x) cs_wo_set_le64(cs_as_wo(v), off, x)
#define cs_set_he16(v, off, x) cs_wo_set_he16(cs_as_wo(v), off, x)
#define cs_set_he32(v, off, x) cs_wo_set_he32(cs_as_wo(v), off, x)
#define cs_set_he64(v, off, x) cs_wo_set_he64(cs_as_wo(v), off, x)
/* The same, false where the view is too short. */
#define cs_try_set_u8(v, off, x) cs_wo_try_set_u8(cs_as_wo(v), off, x)
#define cs_try_set_be16(v, off, x) cs_wo_try_set_be16(cs_as_wo(v), off, x)
#define cs_try_set_be32(v, off, x) cs_wo_try_set_be32(cs_as_wo(v), off, x)
#define cs_try_set_be64(v, off, x) cs_wo_try_set_be64(cs_as_wo(v), off, x)
#define cs_try_set_le16(v, off, x) cs_wo_try_set_le16(cs_as_wo(v), off, x)
#define cs_try_set_le32(v, off, x) cs_wo_try_set_le32(cs_as_wo(v), off, x)
#define cs_try_set_le64(v, off, x) cs_wo_try_set_le64(cs_as_wo(v), off, x)
#define cs_try_set_he16(v, off, x) cs_wo_try_set_he16(cs_as_wo(v), off, x)
#define cs_try_set_he32(v, off, x) cs_wo_try_set_he32(cs_as_wo(v), off, x)
#define cs_try_set_he64(v, off, x) cs_wo_try_set_he64(cs_as_wo(v), off, x)

/* ---- moving bytes: each of these copies, and says so ----------------------------------------- */

/* Copies all of `from` to `to` at `off`; the room must be there. The two may overlap. */
void cs_wo_blit(struct cs_wo to, size_t off, struct cs_ro from);
#define cs_blit(to, off, from) cs_wo_blit(cs_as_wo(to), off, cs_as_ro(from))
/* The same for a peer's lengths: false, and nothing copied, where `from` does not fit. */
bool cs_wo_try_blit(struct cs_wo to, size_t off, struct cs_ro from);
#define cs_try_blit(to, off, from) cs_wo_try_blit(cs_as_wo(to), off, cs_as_ro(from))

/* Sets every byte. */
void cs_wo_fill(struct cs_wo to, uint8_t byte);
#define cs_fill(to, byte) cs_wo_fill(cs_as_wo(to), byte)

/* Copies from a list of `n` views into `to` until either is used up; `from` is advanced past what
 * was copied (views may be empty, and may be left empty). Returns the bytes copied. Mirage's fillv.
 */
size_t cs_wo_fillv(struct cs_wo to, struct cs_ro *from, size_t n);
#define cs_fillv(to, from, n) cs_wo_fillv(cs_as_wo(to), from, n)

/* Joins two views, or a list of views, in `to`; none of them may overlap `to`. The filled part of
 * `to` is `out`; -E_NOSPC, with nothing copied, where it does not fit; 0 otherwise. */
int cs_append(struct cs to, struct cs_ro a, struct cs_ro b, struct cs *out);
int cs_concat(struct cs to, const struct cs_ro *list, size_t n, struct cs *out);

/* The summed length of a list of views; asserts that it does not overflow. */
size_t cs_lenv(const struct cs_ro *list, size_t n);

/* Copies a list of views to plain memory of `size` bytes: bytes copied, or -E_NOSPC (also past
 * INT32_MAX bytes) with nothing copied. */
int cs_copyv(void *to, size_t size, const struct cs_ro *list, size_t n);

/* ---- comparing and finding ------------------------------------------------------------------- */

#define CS_NOT_FOUND SIZE_MAX

/* Are they as long as each other, and of the same bytes? */
bool cs_ro_equal(struct cs_ro a, struct cs_ro b);
#define cs_equal(a, b) cs_ro_equal(cs_as_ro(a), cs_as_ro(b))
/* Shorter first, then byte by byte: negative, 0 or positive. */
int cs_ro_compare(struct cs_ro a, struct cs_ro b);
#define cs_compare(a, b) cs_ro_compare(cs_as_ro(a), cs_as_ro(b))
/* Does `v` equal the characters of `s`? */
bool cs_ro_equal_str(struct cs_ro v, const char *s);
#define cs_equal_str(v, s) cs_ro_equal_str(cs_as_ro(v), s)
/* Are all its bytes 0? An empty view's are. */
bool cs_ro_is_zero(struct cs_ro v);
#define cs_is_zero(v) cs_ro_is_zero(cs_as_ro(v))
/* The offset of the first byte, or of the first occurrence of a view, at or after `from`; else
 * CS_NOT_FOUND. */
size_t cs_ro_find_byte(struct cs_ro v, size_t from, uint8_t byte);
#define cs_find_byte(v, from, byte) cs_ro_find_byte(cs_as_ro(v), from, byte)
size_t cs_ro_find(struct cs_ro v, size_t from, struct cs_ro what);
#define cs_find(v, from, what) cs_ro_find(cs_as_ro(v), from, cs_as_ro(what))
/* Does it begin, or end, with those bytes? With none, always. */
bool cs_ro_has_prefix(struct cs_ro v, struct cs_ro prefix);
#define cs_has_prefix(v, prefix) cs_ro_has_prefix(cs_as_ro(v), cs_as_ro(prefix))
bool cs_ro_has_suffix(struct cs_ro v, struct cs_ro suffix);
#define cs_has_suffix(v, suffix) cs_ro_has_suffix(cs_as_ro(v), cs_as_ro(suffix))

/* ---- text ------------------------------------------------------------------------------------ */

/* Room for the hexdump of `n` bytes: a line of 16 bytes has at most 78 characters. */
#define CS_HEXDUMP_BYTES(n) (((n) + 15) / 16 * 78 + 1)
/* A hexdump of `v` as NUL-terminated text in `out` of `size` bytes: 16 bytes a line, offset, hex,
 * ASCII. Text that does not fit is left out whole lines at a time. Returns the characters written,
 * without the NUL. */
size_t cs_ro_hexdump(struct cs_ro v, char *out, size_t size);
#define cs_hexdump(v, out, size) cs_ro_hexdump(cs_as_ro(v), out, size)
/* "00ff10": two digits a byte, NUL-terminated. Characters written, or -E_NOSPC. */
int cs_ro_to_hex(struct cs_ro v, char *out, size_t size);
#define cs_to_hex(v, out, size) cs_ro_to_hex(cs_as_ro(v), out, size)
/* The value of a hex digit, upper or lower case, or -1. */
int cs_hex_digit(char c);
/* The bytes that hex text stands for; white space between bytes is skipped. Bytes written, -E_INVAL
 * for a wrong or odd digit, -E_NOSPC. On failure `to` may be partly written. */
int cs_of_hex(struct cs to, const char *hex);

#endif
