/* SPDX-License-Identifier: ISC */
/* test_field.c - what one table of fields makes: size, offsets, accessors, printers, names. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/field.h>

#define UDP_FIELDS(F, p)                                                                           \
    F(p, be16, src_port)                                                                           \
    F(p, be16, dst_port)                                                                           \
    F(p, be16, length)                                                                             \
    F(p, be16, checksum)
FIELD_TABLE(udp, UDP_FIELDS)

/* One of each type, at offsets that no compiler would choose. */
#define ALL_FIELDS(F, p)                                                                           \
    F(p, u8, a)                                                                                    \
    F(p, be16, b)                                                                                  \
    F(p, be32, c)                                                                                  \
    F(p, be64, d)                                                                                  \
    F(p, le16, e)                                                                                  \
    F(p, le32, f)                                                                                  \
    F(p, le64, g)                                                                                  \
    F(p, he16, h)                                                                                  \
    F(p, he32, i)                                                                                  \
    F(p, he64, j)                                                                                  \
    F(p, b2, k)                                                                                    \
    F(p, b3, l)                                                                                    \
    F(p, b4, m)                                                                                    \
    F(p, b6, n)                                                                                    \
    F(p, b8, o)                                                                                    \
    F(p, b10, q)                                                                                   \
    F(p, b12, r)                                                                                   \
    F(p, b16, s)                                                                                   \
    F(p, b20, t)                                                                                   \
    F(p, b64, u)                                                                                   \
    F(p, b128, w)
FIELD_TABLE(all, ALL_FIELDS)

#define OPS(E) E(OP_REQUEST, 1) E(OP_REPLY, 2) E(OP_FAR, 1000)
FIELD_ENUM(op, OPS)

STATIC_ASSERT(udp_SIZE == 8 && udp_FIELDS == 4, "RFC 768");
STATIC_ASSERT(udp_src_port_OFF == 0 && udp_dst_port_OFF == 2, "RFC 768");
STATIC_ASSERT(udp_length_OFF == 4 && udp_checksum_OFF == 6, "RFC 768");
STATIC_ASSERT(all_SIZE == 1 + 14 + 14 + 14 + 2 + 3 + 4 + 6 + 8 + 10 + 12 + 16 + 20 + 64 + 128,
              "no padding");
STATIC_ASSERT(all_FIELDS == 21, "one of each");

static void test_offsets_follow_from_the_widths(void **state)
{
    size_t off = 0;

    (void)state;
    for (size_t i = 0; i < all_FIELDS; i++) {
        assert_int_equal(all_fields[i].off, off);
        off += all_fields[i].size;
    }
    assert_int_equal(off, all_SIZE);
}

static void test_accessors_use_the_fields_byte_order(void **state)
{
    uint8_t bytes[all_SIZE] = {0};
    struct cs v = cs_of(bytes, sizeof(bytes));
    uint32_t host = 0x01020304;

    (void)state;
    all_set_a(v, 0x11);
    all_set_b(v, 0x2122);
    all_set_c(v, 0x31323334);
    all_set_d(v, UINT64_C(0x4142434445464748));
    assert_memory_equal(bytes, "\x11\x21\x22\x31\x32\x33\x34\x41\x42\x43\x44\x45\x46\x47\x48", 15);
    all_set_e(v, 0x2122);
    all_set_f(v, 0x31323334);
    all_set_g(v, UINT64_C(0x4142434445464748));
    assert_memory_equal(bytes + 15, "\x22\x21\x34\x33\x32\x31\x48\x47\x46\x45\x44\x43\x42\x41", 14);
    all_set_i(v, host);
    assert_memory_equal(bytes + all_i_OFF, &host, 4);
    assert_int_equal(all_ro_get_b(cs_as_ro(v)), 0x2122);
    assert_int_equal(all_ro_get_e(cs_as_ro(v)), 0x2122);
    assert_int_equal(all_ro_get_i(cs_as_ro(v)), host);
    assert_true(all_ro_get_g(cs_as_ro(v)) == UINT64_C(0x4142434445464748));
}

static void test_byte_arrays_are_views(void **state)
{
    uint8_t bytes[all_SIZE] = {0};
    struct cs v = cs_of(bytes, sizeof(bytes));
    struct cs_ro n;

    (void)state;
    all_set_n(v, cs_of_str("sixsix"));
    n = all_ro_get_n(cs_as_ro(v));
    assert_ptr_equal(n.base, bytes + all_n_OFF);
    assert_true(cs_equal_str(n, "sixsix"));
    expect_assert_failure(all_set_n(v, cs_of_str("seven77")));
    expect_assert_failure(all_set_n(v, cs_of_str("five5")));
}

static void test_write_only_views_have_setters(void **state)
{
    uint8_t bytes[udp_SIZE] = {0};

    (void)state;
    udp_wo_set_length(cs_wo_of(bytes, sizeof(bytes)), 0x1234);
    assert_memory_equal(bytes, "\0\0\0\0\x12\x34\0\0", 8);
}

static void test_a_short_view_is_refused_at_every_length(void **state)
{
    uint8_t bytes[all_SIZE] = {0};

    (void)state;
    for (size_t len = 0; len <= udp_SIZE; len++) {
        struct cs v = cs_of(bytes, len);
        uint16_t x = 7;

        assert_int_equal(udp_ro_try_get_length(cs_as_ro(v), &x), len >= 6);
        assert_int_equal(x, len >= 6 ? 0 : 7);
        if (len < 6) {
            expect_assert_failure(udp_ro_get_length(cs_as_ro(v)));
            expect_assert_failure(udp_set_length(v, 1));
        }
    }
    for (size_t len = all_n_OFF; len < all_n_OFF + 6; len++) {
        struct cs v = cs_of(bytes, len);
        struct cs_ro x;

        assert_false(all_ro_try_get_n(cs_as_ro(v), &x));
        expect_assert_failure(all_ro_get_n(cs_as_ro(v)));
        expect_assert_failure(all_set_n(v, cs_of_str("sixsix")));
    }
}

static void test_print(void **state)
{
    char out[100];
    struct cs_ro v = cs_ro_of("\x00\x43\x00\x44\x01\x02\xff\xff", 8);
    const char *expected = "src_port=67 dst_port=68 length=258 checksum=65535";

    (void)state;
    assert_int_equal(udp_print(v, out, sizeof(out)), strlen(expected));
    assert_string_equal(out, expected);
    udp_print(cs_head(v, 5), out, sizeof(out)); /* fields past the end are left out */
    assert_string_equal(out, "src_port=67 dst_port=68");
    assert_int_equal(udp_print(CS_RO_EMPTY, out, sizeof(out)), 0);
    assert_string_equal(out, "");
}

static void test_print_is_cut_where_it_does_not_fit(void **state)
{
    char out[64];
    struct cs_ro v = cs_ro_of("\x00\x43\x00\x44\x01\x02\xff\xff", 8);
    const char *expected = "src_port=67 dst_port=68 length=258 checksum=65535";

    (void)state;
    for (size_t size = 0; size <= strlen(expected) + 1; size++) {
        size_t n;

        memset(out, '#', sizeof(out));
        n = udp_print(v, out, size);
        assert_int_equal(n, size == 0 ? 0 : size - 1);
        assert_memory_equal(out, expected, n);
        if (size > 0)
            assert_int_equal(out[n], '\0');
        assert_int_equal(out[size], '#');
    }
}

static void test_print_orders_and_arrays(void **state)
{
    uint8_t bytes[all_SIZE];
    char out[2048];

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)i;
    all_print(cs_ro_of(bytes, sizeof(bytes)), out, sizeof(out));
    assert_non_null(strstr(out, "a=0 b=258 c=50595078 "));
    assert_non_null(strstr(out, " e=4111 ")); /* 0x100f */
    assert_non_null(strstr(out, " n=343536373839 "));
}

static void test_dump_has_a_line_for_each_field(void **state)
{
    char out[512];
    struct cs_ro v = cs_ro_of("\x00\x43\x00\x44\x01\x02\xff\xff", 8);

    (void)state;
    udp_dump(v, out, sizeof(out));
    assert_string_equal(out, "0000  src_port             0043 = 67\n"
                             "0002  dst_port             0044 = 68\n"
                             "0004  length               0102 = 258\n"
                             "0006  checksum             ffff = 65535\n");
    assert_int_equal(udp_dump(v, out, 0), 0);
}

static void test_enum_names(void **state)
{
    (void)state;
    assert_int_equal(OP_REPLY, 2);
    assert_string_equal(op_name(OP_REQUEST), "OP_REQUEST");
    assert_string_equal(op_name(1000), "OP_FAR");
    assert_string_equal(op_name(3), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offsets_follow_from_the_widths),
        cmocka_unit_test(test_accessors_use_the_fields_byte_order),
        cmocka_unit_test(test_byte_arrays_are_views),
        cmocka_unit_test(test_write_only_views_have_setters),
        cmocka_unit_test(test_a_short_view_is_refused_at_every_length),
        cmocka_unit_test(test_print),
        cmocka_unit_test(test_print_is_cut_where_it_does_not_fit),
        cmocka_unit_test(test_print_orders_and_arrays),
        cmocka_unit_test(test_dump_has_a_line_for_each_field),
        cmocka_unit_test(test_enum_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
