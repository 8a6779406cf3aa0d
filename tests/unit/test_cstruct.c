/* SPDX-License-Identifier: ISC */
/* test_cstruct.c - views: bounds, integers, copying, comparing, text.
 *
 * "Bounds are the view's": every view here is a window into a larger buffer with a fence on both
 * sides, so that an operation that trusts the buffer and not the view reads or changes the fence
 * (ocaml-cstruct #244 to #253). Offsets and lengths near SIZE_MAX stand for overflowing sums
 * (ocaml-cstruct #159 to #164). */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/cstruct.h>
#include <morgana/err.h>

#define FENCE 0xee

static uint8_t buffer[64];

/* Ten bytes 0..9, eight bytes of fence before, and fence to the end of the buffer. */
static struct cs window(void)
{
    memset(buffer, FENCE, sizeof(buffer));
    for (uint8_t i = 0; i < 10; i++)
        buffer[8 + i] = i;
    return cs_of(buffer + 8, 10);
}

static void assert_fence_stands(void)
{
    for (size_t i = 0; i < sizeof(buffer); i++) {
        if (i < 8 || i >= 18)
            assert_int_equal(buffer[i], FENCE);
    }
}

/* ---- views ----------------------------------------------------------------------------------- */

static void test_sub_views_share_memory(void **state)
{
    struct cs v = window(), s = cs_sub(v, 2, 5);

    (void)state;
    assert_ptr_equal(s.base, v.base + 2);
    assert_int_equal(s.len, 5);
    cs_set_u8(s, 0, 0x77);
    assert_int_equal(cs_get_u8(v, 2), 0x77);
}

static void test_bounds_are_the_views(void **state)
{
    struct cs s = cs_sub(window(), 2, 5), out = CS_EMPTY;

    (void)state;
    assert_false(cs_try_sub(s, 0, 6, &out)); /* in the buffer, not in the view */
    assert_false(cs_try_sub(s, 6, 0, &out));
    assert_false(cs_try_shift(s, 6, &out));
    assert_false(cs_try_head(s, 6, &out));
    assert_null(out.base);
    expect_assert_failure(cs_sub(s, 0, 6));
    expect_assert_failure(cs_sub(s, 6, 0));
    expect_assert_failure(cs_shift(s, 6));
    expect_assert_failure(cs_head(s, 6));
    expect_assert_failure(cs_tail(s, 6));
    assert_true(cs_try_sub(s, 5, 0, &out)); /* empty at the end is inside */
    assert_int_equal(out.len, 0);
}

static void test_sums_that_would_overflow_are_out_of_bounds(void **state)
{
    const size_t huge[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 9, SIZE_MAX / 2 + 1};
    struct cs v = window(), out = CS_EMPTY;
    uint32_t x = 5;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(huge); i++) {
        for (size_t off = 0; off <= 11; off++) {
            assert_false(cs_try_sub(v, off, huge[i], &out));
            assert_false(cs_try_sub(v, huge[i], off, &out));
        }
        assert_false(cs_try_sub(v, huge[i], huge[i], &out));
        assert_false(cs_try_shift(v, huge[i], &out));
        assert_false(cs_try_get_be32(v, huge[i], &x));
        assert_false(cs_try_set_be32(v, huge[i], x));
        assert_false(cs_try_blit(v, huge[i], v));
        expect_assert_failure(cs_tail(v, huge[i]));
        expect_assert_failure(cs_blit(v, huge[i], v));
    }
    assert_null(out.base);
    assert_int_equal(x, 5);
    assert_fence_stands();
}

static void test_split_head_and_tail(void **state)
{
    struct cs v = window(), a = CS_EMPTY, b = CS_EMPTY;

    (void)state;
    for (size_t n = 0; n <= 10; n++) {
        cs_split(v, n, &a, &b);
        assert_int_equal(a.len, n);
        assert_int_equal(b.len, 10 - n);
        assert_true(cs_equal(a, cs_head(v, n)));
        assert_true(cs_equal(b, cs_tail(v, 10 - n)));
        assert_ptr_equal(b.base, a.base + n);
    }
    a = b = CS_EMPTY;
    assert_false(cs_try_split(v, 11, &a, &b));
    assert_null(a.base);
    assert_null(b.base);
    expect_assert_failure(cs_split(v, 11, &a, &b));
}

static void test_operations_keep_the_kind_of_view(void **state)
{
    struct cs v = window();
    struct cs_ro r = cs_as_ro(v), r2 = cs_sub(r, 1, 2), r3 = cs_shift(cs_as_ro(r), 3), r4, r5;
    struct cs_wo w = cs_as_wo(v), w2 = cs_sub(w, 1, 2), w3 = cs_shift(cs_as_wo(w), 3), w4, w5;

    (void)state;
    assert_int_equal(r2.len + r3.len, 9);
    assert_int_equal(w2.len + w3.len, 9);
    cs_split(r, 4, &r4, &r5);
    cs_split(w, 4, &w4, &w5);
    assert_ptr_equal(r5.base, w5.wo_base);
    cs_set_u8(w2, 0, 0x55);
    assert_int_equal(cs_get_u8(r2, 0), 0x55);
}

static void test_empty_views_without_memory_are_good_everywhere(void **state)
{
    struct cs e = CS_EMPTY, a, b;
    struct cs_ro list[2] = {CS_RO_EMPTY, CS_RO_EMPTY};
    char text[4];

    (void)state;
    cs_split(cs_sub(cs_shift(e, 0), 0, 0), 0, &a, &b);
    assert_int_equal(cs_tail(e, 0).len, 0);
    cs_fill(e, 1);
    cs_blit(e, 0, e);
    assert_true(cs_try_blit(e, 0, e));
    assert_int_equal(cs_fillv(e, list, 2), 0);
    assert_int_equal(cs_concat(e, list, 2, &a), 0);
    assert_int_equal(cs_append(e, list[0], list[1], &a), 0);
    assert_int_equal(cs_copyv(NULL, 0, list, 2), 0);
    assert_true(cs_equal(e, CS_RO_EMPTY));
    assert_int_equal(cs_compare(e, e), 0);
    assert_true(cs_equal_str(e, ""));
    assert_true(cs_has_prefix(e, e));
    assert_true(cs_has_suffix(e, e));
    assert_int_equal(cs_find(e, 0, e), 0);
    assert_int_equal(cs_find(e, 1, e), CS_NOT_FOUND);
    assert_int_equal(cs_find_byte(e, 0, 0), CS_NOT_FOUND);
    assert_int_equal(cs_hexdump(e, text, sizeof(text)), 0);
    assert_int_equal(cs_to_hex(e, text, sizeof(text)), 0);
    assert_int_equal(cs_of_hex(e, ""), 0);
}

static void test_alignment(void **state)
{
    static _Alignas(16) uint8_t aligned[32];
    struct cs v = cs_of(aligned, sizeof(aligned));

    (void)state;
    assert_true(cs_is_aligned(v, 16));
    for (size_t off = 1; off < 16; off++) {
        assert_true(cs_is_aligned(cs_shift(v, off), 1));
        assert_int_equal(cs_is_aligned(cs_shift(cs_as_ro(v), off), 2), off % 2 == 0);
        assert_int_equal(cs_is_aligned(cs_shift(cs_as_wo(v), off), 8), off % 8 == 0);
        assert_false(cs_is_aligned(cs_shift(v, off), 16));
    }
    expect_assert_failure(cs_is_aligned(v, 0));
    expect_assert_failure(cs_is_aligned(v, 12));
}

/* ---- integers -------------------------------------------------------------------------------- */

static void test_byte_orders(void **state)
{
    struct cs v = window();

    (void)state;
    assert_int_equal(cs_get_u8(v, 9), 9);
    assert_int_equal(cs_get_be16(v, 1), 0x0102);
    assert_int_equal(cs_get_le16(v, 1), 0x0201);
    assert_int_equal(cs_get_be32(v, 1), 0x01020304);
    assert_int_equal(cs_get_le32(v, 1), 0x04030201);
    assert_true(cs_get_be64(v, 1) == UINT64_C(0x0102030405060708));
    assert_true(cs_get_le64(v, 1) == UINT64_C(0x0807060504030201));
    cs_set_be16(v, 0, 0xa1a2);
    cs_set_le16(v, 2, 0xa1a2);
    cs_set_be32(v, 4, 0xb1b2b3b4);
    assert_memory_equal(v.base, "\xa1\xa2\xa2\xa1\xb1\xb2\xb3\xb4\x08\x09", 10);
    cs_set_le32(v, 4, 0xb1b2b3b4);
    assert_memory_equal(v.base + 4, "\xb4\xb3\xb2\xb1", 4);
    cs_set_be64(v, 2, UINT64_C(0xc1c2c3c4c5c6c7c8));
    assert_memory_equal(v.base + 2, "\xc1\xc2\xc3\xc4\xc5\xc6\xc7\xc8", 8);
    cs_set_le64(v, 2, UINT64_C(0xc1c2c3c4c5c6c7c8));
    assert_memory_equal(v.base + 2, "\xc8\xc7\xc6\xc5\xc4\xc3\xc2\xc1", 8);
    assert_fence_stands();
}

static void test_host_order_is_the_cpus(void **state)
{
    struct cs v = window();
    uint16_t a = 0x1234;
    uint32_t b = 0x12345678;
    uint64_t c = UINT64_C(0x123456789abcdef0);

    (void)state;
    cs_set_he16(v, 1, a);
    assert_memory_equal(v.base + 1, &a, 2);
    assert_int_equal(cs_get_he16(v, 1), a);
    cs_set_he32(v, 1, b);
    assert_memory_equal(v.base + 1, &b, 4);
    assert_int_equal(cs_get_he32(v, 1), b);
    cs_set_he64(v, 1, c);
    assert_memory_equal(v.base + 1, &c, 8);
    assert_true(cs_get_he64(v, 1) == c);
}

/* Every offset from 0 past the end, for every accessor: good exactly where the integer lies in the
 * view. */
#define CHECK_INT(name, type)                                                                      \
    for (size_t off = 0; off <= 12; off++) {                                                       \
        struct cs v = window();                                                                    \
        bool fits = off + sizeof(type) <= 10;                                                      \
        type x = 1, x0 = 1;                                                                        \
        assert_int_equal(cs_try_get_##name(v, off, &x), fits);                                     \
        if (fits) {                                                                                \
            assert_true(x == cs_get_##name(v, off));                                               \
            assert_true(cs_try_set_##name(v, off, (type)(x ^ (type)-1)));                          \
            assert_true((type)(cs_get_##name(v, off) ^ x) == (type)-1);                            \
            cs_set_##name(v, off, x);                                                              \
            assert_true(cs_equal(v, cs_of((uint8_t[]){0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 10)));        \
        } else {                                                                                   \
            assert_true(x == x0);                                                                  \
            assert_false(cs_try_set_##name(v, off, x));                                            \
            expect_assert_failure(cs_get_##name(v, off));                                          \
            expect_assert_failure(cs_set_##name(v, off, x));                                       \
        }                                                                                          \
        assert_fence_stands();                                                                     \
    }

static void test_integers_at_every_offset(void **state)
{
    (void)state;
    CHECK_INT(u8, uint8_t)
    CHECK_INT(be16, uint16_t)
    CHECK_INT(le16, uint16_t)
    CHECK_INT(he16, uint16_t)
    CHECK_INT(be32, uint32_t)
    CHECK_INT(le32, uint32_t)
    CHECK_INT(he32, uint32_t)
    CHECK_INT(be64, uint64_t)
    CHECK_INT(le64, uint64_t)
    CHECK_INT(he64, uint64_t)
}

/* ---- moving bytes ---------------------------------------------------------------------------- */

static void test_blit_stays_in_the_view(void **state)
{
    struct cs v = window();

    (void)state;
    cs_blit(v, 8, cs_of_str("XY"));
    assert_memory_equal(v.base + 8, "XY", 2);
    assert_false(cs_try_blit(v, 9, cs_of_str("XY")));
    assert_int_equal(v.base[9], 'Y');
    assert_false(cs_try_blit(v, 11, CS_RO_EMPTY));
    assert_true(cs_try_blit(v, 10, CS_RO_EMPTY));
    expect_assert_failure(cs_blit(v, 9, cs_of_str("XY")));
    assert_fence_stands();
}

static void test_blit_may_overlap(void **state)
{
    struct cs v = window();

    (void)state;
    cs_blit(v, 2, cs_head(v, 8));
    assert_memory_equal(v.base, "\0\1\0\1\2\3\4\5\6\7", 10);
    v = window();
    cs_blit(v, 0, cs_tail(v, 8));
    assert_memory_equal(v.base, "\2\3\4\5\6\7\10\11\10\11", 10);
    assert_fence_stands();
}

static void test_fill(void **state)
{
    struct cs v = window();

    (void)state;
    cs_fill(cs_as_wo(cs_sub(v, 1, 3)), 0xaa);
    assert_memory_equal(v.base, "\0\xaa\xaa\xaa\4", 5);
    cs_fill(v, 0);
    assert_fence_stands();
}

/* Views of the list may be empty, at each place: first, middle, last (an ocaml-cstruct bug in
 * fillv). */
static void test_fillv_takes_empty_views_and_advances(void **state)
{
    struct cs v = window();
    struct cs_ro list[] = {CS_RO_EMPTY,   cs_of_str("abc"),   CS_RO_EMPTY, cs_of_str("defgh"),
                           cs_of_str(""), cs_of_str("ijklm"), CS_RO_EMPTY};
    size_t n = ARRAY_SIZE(list);

    (void)state;
    assert_int_equal(cs_fillv(cs_head(v, 4), list, n), 4);
    assert_memory_equal(v.base, "abcd\4", 5);
    assert_int_equal(list[1].len, 0);
    assert_true(cs_equal_str(list[3], "efgh"));
    assert_int_equal(cs_fillv(v, list, n), 9); /* the list is used up first */
    assert_memory_equal(v.base, "efghijklm\11", 10);
    assert_int_equal(cs_fillv(v, list, n), 0);
    assert_int_equal(cs_fillv(v, NULL, 0), 0);
    assert_fence_stands();
}

static void test_append_and_concat(void **state)
{
    struct cs v = window(), out = CS_EMPTY;
    const struct cs_ro list[] = {cs_of_str("ab"), CS_RO_EMPTY, cs_of_str("cde"), cs_of_str("f")};

    (void)state;
    assert_int_equal(cs_append(v, cs_of_str("one"), cs_of_str("two"), &out), 0);
    assert_true(cs_equal_str(out, "onetwo"));
    assert_ptr_equal(out.base, v.base);
    assert_int_equal(cs_concat(v, list, 4, &out), 0);
    assert_true(cs_equal_str(out, "abcdef"));
    out = CS_EMPTY;
    v = window();
    assert_int_equal(cs_concat(cs_head(v, 5), list, 4, &out), -E_NOSPC);
    assert_int_equal(cs_append(cs_head(v, 5), list[2], list[2], &out), -E_NOSPC);
    assert_null(out.base);
    assert_int_equal(v.base[0], 0); /* nothing copied */
    assert_int_equal(cs_concat(v, NULL, 0, &out), 0);
    assert_int_equal(out.len, 0);
    assert_fence_stands();
}

static void test_lengths_that_overflow_do_not_fit(void **state)
{
    struct cs v = window(), out;
    /* Views that claim most of the address space; their bytes are never touched. */
    const struct cs_ro list[] = {{buffer, SIZE_MAX / 2 + 1}, {buffer, SIZE_MAX / 2 + 1}};

    (void)state;
    expect_assert_failure(cs_lenv(list, 2));
    assert_int_equal(cs_concat(v, list, 2, &out), -E_NOSPC);
    assert_int_equal(cs_append(v, list[0], list[1], &out), -E_NOSPC);
    assert_int_equal(cs_copyv(v.base, v.len, list, 2), -E_NOSPC);
    assert_fence_stands();
}

static void test_copyv(void **state)
{
    uint8_t to[6];
    const struct cs_ro list[] = {cs_of_str("ab"), CS_RO_EMPTY, cs_of_str("cde")};

    (void)state;
    assert_int_equal(cs_lenv(list, 3), 5);
    assert_int_equal(cs_lenv(list, 0), 0);
    memset(to, '#', sizeof(to));
    assert_int_equal(cs_copyv(to, 4, list, 3), -E_NOSPC);
    assert_memory_equal(to, "######", 6);
    assert_int_equal(cs_copyv(to, 5, list, 3), 5);
    assert_memory_equal(to, "abcde#", 6);
}

/* ---- comparing and finding ------------------------------------------------------------------- */

static void test_equal_and_compare(void **state)
{
    (void)state;
    assert_true(cs_equal(cs_of_str("abc"), cs_of_str("abc")));
    assert_false(cs_equal(cs_of_str("abc"), cs_of_str("abd")));
    assert_false(cs_equal(cs_of_str("abc"), cs_of_str("ab")));
    assert_true(cs_equal_str(cs_of_str("abc"), "abc"));
    assert_false(cs_equal_str(cs_of_str("abc"), "abcd"));
    assert_true(cs_compare(cs_of_str("abc"), cs_of_str("abd")) < 0);
    assert_true(cs_compare(cs_of_str("abd"), cs_of_str("abc")) > 0);
    assert_int_equal(cs_compare(cs_of_str("abc"), cs_of_str("abc")), 0);
    assert_true(cs_compare(cs_of_str("z"), cs_of_str("aa")) < 0); /* shorter first */
    assert_true(cs_compare(cs_of_str("aa"), cs_of_str("z")) > 0);
    assert_true(cs_compare(cs_of_str("\x7f"), cs_of_str("\x80")) < 0); /* bytes, not chars */
}

static void test_is_zero_looks_at_every_byte(void **state)
{
    uint8_t bytes[33] = {0};

    (void)state;
    assert_true(cs_is_zero(CS_RO_EMPTY));
    for (size_t len = 1; len <= sizeof(bytes); len++) {
        assert_true(cs_is_zero(cs_of(bytes, len)));
        for (size_t i = 0; i < sizeof(bytes); i++) {
            bytes[i] = 0x80;
            assert_int_equal(cs_is_zero(cs_of(bytes, len)), i >= len);
            bytes[i] = 0;
        }
    }
}

static void test_find(void **state)
{
    struct cs_ro v = cs_of_str("abcabd");

    (void)state;
    assert_int_equal(cs_find_byte(v, 0, 'b'), 1);
    assert_int_equal(cs_find_byte(v, 2, 'b'), 4);
    assert_int_equal(cs_find_byte(v, 5, 'b'), CS_NOT_FOUND);
    assert_int_equal(cs_find_byte(v, SIZE_MAX, 'b'), CS_NOT_FOUND);
    assert_int_equal(cs_find(v, 0, cs_of_str("ab")), 0);
    assert_int_equal(cs_find(v, 1, cs_of_str("ab")), 3);
    assert_int_equal(cs_find(v, 0, cs_of_str("abd")), 3); /* after a false start */
    assert_int_equal(cs_find(v, 4, cs_of_str("ab")), CS_NOT_FOUND);
    assert_int_equal(cs_find(v, 0, cs_of_str("bdx")), CS_NOT_FOUND); /* runs off the end */
    assert_int_equal(cs_find(v, 0, cs_of_str("abcabde")), CS_NOT_FOUND);
    assert_int_equal(cs_find(v, 6, CS_RO_EMPTY), 6);
    assert_int_equal(cs_find(v, 7, CS_RO_EMPTY), CS_NOT_FOUND);
    assert_int_equal(cs_find(cs_of_str("aab"), 0, cs_of_str("ab")), 1);
}

static void test_find_does_not_look_past_the_view(void **state)
{
    struct cs_ro v = cs_head(cs_of_str("abcd"), 2);

    (void)state;
    assert_int_equal(cs_find(v, 0, cs_of_str("bc")), CS_NOT_FOUND);
    assert_int_equal(cs_find_byte(v, 0, 'c'), CS_NOT_FOUND);
    assert_false(cs_has_prefix(v, cs_of_str("abc")));
}

static void test_prefix_and_suffix(void **state)
{
    struct cs_ro v = cs_of_str("abcabd");

    (void)state;
    assert_true(cs_has_prefix(v, cs_of_str("abc")));
    assert_true(cs_has_prefix(v, CS_RO_EMPTY));
    assert_false(cs_has_prefix(v, cs_of_str("abd")));
    assert_false(cs_has_prefix(v, cs_of_str("abcabdx")));
    assert_true(cs_has_suffix(v, cs_of_str("abd")));
    assert_true(cs_has_suffix(v, CS_RO_EMPTY));
    assert_true(cs_has_suffix(v, v));
    assert_false(cs_has_suffix(v, cs_of_str("abc")));
    assert_false(cs_has_suffix(v, cs_of_str("xabcabd")));
}

/* ---- text ------------------------------------------------------------------------------------ */

static void test_hexdump(void **state)
{
    char out[CS_HEXDUMP_BYTES(20)];
    const char *expected =
        "00000000  4d 6f 72 67 61 6e 61 00  01 02 03 04 05 06 07 08 |Morgana.........|\n"
        "00000010  ff 20 7e 7f                                      |. ~.|\n";

    (void)state;
    assert_int_equal(
        cs_hexdump(cs_ro_of("Morgana\0\1\2\3\4\5\6\7\10\xff ~\x7f", 20), out, sizeof(out)),
        strlen(expected));
    assert_string_equal(out, expected);
}

static void test_hexdump_leaves_out_whole_lines(void **state)
{
    char out[200];
    struct cs_ro v = cs_ro_of(buffer, 40);

    (void)state;
    for (size_t size = 1; size < sizeof(out); size++) {
        size_t n = cs_hexdump(v, out, size);

        assert_true(n < size);
        assert_int_equal(strlen(out), n);
        assert_true(n == 0 || out[n - 1] == '\n');
        assert_int_equal(n, size > 156 ? 156 : size > 78 ? 78 : 0);
    }
    out[0] = '#';
    assert_int_equal(cs_hexdump(v, out, 0), 0);
    assert_int_equal(out[0], '#');
}

static void test_to_hex(void **state)
{
    char out[7];

    (void)state;
    assert_int_equal(cs_to_hex(cs_ro_of("\x00\xff\x1a", 3), out, sizeof(out)), 6);
    assert_string_equal(out, "00ff1a");
    assert_int_equal(cs_to_hex(cs_ro_of("\x00\xff\x1a", 3), out, 6), -E_NOSPC);
    assert_int_equal(cs_to_hex(cs_ro_of("", SIZE_MAX), out, 6), -E_NOSPC);
    assert_int_equal(cs_to_hex(cs_ro_of("", SIZE_MAX / 2 + 1), out, 6), -E_NOSPC);
}

static void test_of_hex(void **state)
{
    uint8_t to[4] = {0};

    (void)state;
    assert_int_equal(cs_of_hex(cs_of(to, 4), "  00 fF\n1a\t9B "), 4);
    assert_memory_equal(to, "\x00\xff\x1a\x9b", 4);
    assert_int_equal(cs_of_hex(cs_of(to, 4), ""), 0);
    assert_int_equal(cs_of_hex(cs_of(to, 3), "00ff1a9b"), -E_NOSPC);
    assert_int_equal(cs_of_hex(cs_of(to, 4), "0"), -E_INVAL);
    assert_int_equal(cs_of_hex(cs_of(to, 4), "00f"), -E_INVAL);
    assert_int_equal(cs_of_hex(cs_of(to, 4), "0 0"), -E_INVAL);
    assert_int_equal(cs_of_hex(cs_of(to, 4), "0g"), -E_INVAL);
    assert_int_equal(cs_of_hex(cs_of(to, 4), "xx"), -E_INVAL);
}

static void test_hex_there_and_back(void **state)
{
    uint8_t all[256], back[256];
    char text[513];

    (void)state;
    for (unsigned i = 0; i < 256; i++)
        all[i] = (uint8_t)i;
    assert_int_equal(cs_to_hex(cs_of(all, 256), text, sizeof(text)), 512);
    assert_int_equal(cs_of_hex(cs_of(back, 256), text), 256);
    assert_memory_equal(all, back, 256);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sub_views_share_memory),
        cmocka_unit_test(test_bounds_are_the_views),
        cmocka_unit_test(test_sums_that_would_overflow_are_out_of_bounds),
        cmocka_unit_test(test_split_head_and_tail),
        cmocka_unit_test(test_operations_keep_the_kind_of_view),
        cmocka_unit_test(test_empty_views_without_memory_are_good_everywhere),
        cmocka_unit_test(test_alignment),
        cmocka_unit_test(test_byte_orders),
        cmocka_unit_test(test_host_order_is_the_cpus),
        cmocka_unit_test(test_integers_at_every_offset),
        cmocka_unit_test(test_blit_stays_in_the_view),
        cmocka_unit_test(test_blit_may_overlap),
        cmocka_unit_test(test_fill),
        cmocka_unit_test(test_fillv_takes_empty_views_and_advances),
        cmocka_unit_test(test_append_and_concat),
        cmocka_unit_test(test_lengths_that_overflow_do_not_fit),
        cmocka_unit_test(test_copyv),
        cmocka_unit_test(test_equal_and_compare),
        cmocka_unit_test(test_is_zero_looks_at_every_byte),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_find_does_not_look_past_the_view),
        cmocka_unit_test(test_prefix_and_suffix),
        cmocka_unit_test(test_hexdump),
        cmocka_unit_test(test_hexdump_leaves_out_whole_lines),
        cmocka_unit_test(test_to_hex),
        cmocka_unit_test(test_of_hex),
        cmocka_unit_test(test_hex_there_and_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
