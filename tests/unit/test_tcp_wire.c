/* SPDX-License-Identifier: ISC */
/* test_tcp_wire.c - the TCP header and its options (RFC 9293 section 3.1). */
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>
#include <morgana/tcp.h>

#include "tcpip/wire/tcp.h"

/* Options parsed from a block of exactly their length, so that a byte too far is seen. */
static bool parse(struct tcp_options *out, const uint8_t *bytes, size_t n, bool syn)
{
    uint8_t *block = malloc(n == 0 ? 1 : n);
    bool ok;

    memcpy(block, bytes, n);
    memset(out, 0xa5, sizeof(*out));
    ok = tcp_options_parse(out, cs_ro_of(block, n), syn);
    free(block);
    return ok;
}

/* ---- the header ---- */

static void test_every_data_offset_against_every_length(void **state)
{
    (void)state;
    for (size_t real = 0; real <= 64; real++)
        for (unsigned offset = 0; offset < 16; offset++) {
            uint8_t *block = calloc(1, real == 0 ? 1 : real);
            struct tcp_hdr hdr;

            if (real > 12)
                block[12] = (uint8_t)(offset << 4);
            assert_int_equal(tcp_parse(&hdr, cs_ro_of(block, real), real),
                             real >= 20 && offset >= 5 && offset * 4 <= real);
            free(block);
        }
}

static void test_header_len_may_pass_the_view_but_not_the_segment(void **state)
{
    uint8_t bytes[20] = {[12] = 0xf0};
    struct tcp_hdr hdr;

    (void)state;
    assert_false(tcp_parse(&hdr, cs_ro_of(bytes, 20), 59));
    assert_true(tcp_parse(&hdr, cs_ro_of(bytes, 20), 60));
    assert_int_equal(hdr.header_len, 60);
}

static void test_known_header(void **state)
{
    static const uint8_t bytes[20] = {0x30, 0x39, 0x00, 0x50, 0xff, 0xff, 0xff, 0xf0, 0x00, 0x00,
                                      0x00, 0x01, 0x51, 0xd2, 0x72, 0x10, 0xab, 0xcd, 0x00, 0x09};
    struct tcp_hdr hdr;
    uint8_t out[20];

    (void)state;
    assert_true(tcp_parse(&hdr, cs_ro_of(bytes, 20), 20));
    assert_int_equal(hdr.src_port, 12345);
    assert_int_equal(hdr.dst_port, 80);
    assert_int_equal(hdr.seq, 0xfffffff0);
    assert_int_equal(hdr.ack, 1);
    assert_int_equal(hdr.header_len, 20);
    assert_int_equal(hdr.flags, TCP_AE | TCP_CWR | TCP_ECE | TCP_ACK | TCP_SYN);
    assert_int_equal(hdr.window, 0x7210);
    assert_int_equal(hdr.checksum, 0xabcd);
    assert_int_equal(hdr.urgent, 9);
    tcp_emit(cs_of(out, 20), &hdr);
    assert_memory_equal(out, bytes, 20);
}

/* ---- options in ---- */

/* RFC 9293 section 3.1 (MUST-7), CVE-2020-24337: every kind, every length, at every place. */
static void test_every_kind_every_length_everywhere(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 256; kind++)
        for (unsigned len = 0; len <= 41; len++)
            for (unsigned at = 0; at < 40; at++) {
                uint8_t bytes[40];
                struct tcp_options out;
                bool ok;

                memset(bytes, 1, sizeof(bytes));
                bytes[at] = (uint8_t)kind;
                if (at < 39)
                    bytes[at + 1] = (uint8_t)len;
                ok = parse(&out, bytes, 40, (len & 1) != 0);
                if (kind == 0)
                    assert_true(ok);
                else if (kind == 1) /* a nop: the length is an option of its own, and nops follow */
                    assert_true(ok || len > 1);
                else
                    assert_int_equal(ok, at < 39 && len >= 2 && len <= 40 - at);
                assert_true(out.sack_count <= TCP_SACK_BLOCKS_MAX);
            }
}

static void test_only_the_right_length_counts(void **state)
{
    static const struct {
        uint8_t kind, len, bit;
    } known[] = {{2, 4, TCP_HAS_MSS},
                 {3, 3, TCP_HAS_WSCALE},
                 {4, 2, TCP_HAS_SACK_OK},
                 {8, 10, TCP_HAS_TS},
                 {28, 4, TCP_HAS_USER_TIMEOUT}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        for (uint8_t len = 2; len <= 40; len++) {
            uint8_t bytes[40] = {known[i].kind, len};
            struct tcp_options out;

            assert_true(parse(&out, bytes, 40, true));
            assert_int_equal(out.has, len == known[i].len ? known[i].bit : 0);
        }
}

static void test_options_of_syns_are_taken_only_there(void **state)
{
    static const uint8_t bytes[] = {2, 4, 5, 0xb4, 4, 2, 3, 3, 7, 0, 0, 0};
    struct tcp_options out;

    (void)state;
    assert_true(parse(&out, bytes, sizeof(bytes), false));
    assert_int_equal(out.has, 0);
    assert_true(parse(&out, bytes, sizeof(bytes), true));
    assert_int_equal(out.has, TCP_HAS_MSS | TCP_HAS_SACK_OK | TCP_HAS_WSCALE);
    assert_int_equal(out.mss, 1460);
    assert_int_equal(out.wscale, 7);
}

/* RFC 2018 section 3: 8*n+2 bytes. */
static void test_sack_lengths(void **state)
{
    (void)state;
    for (uint8_t len = 2; len <= 40; len++) {
        uint8_t bytes[40] = {5, len};
        struct tcp_options out;
        bool right = len == 10 || len == 18 || len == 26 || len == 34;

        for (uint8_t i = 2; i < 40; i++)
            bytes[i] = i;
        if (len < 40)
            bytes[len] = 0;
        assert_true(parse(&out, bytes, 40, false));
        assert_int_equal(out.has, right ? TCP_HAS_SACK : 0);
        assert_int_equal(out.sack_count, right ? len / 8 : 0);
        if (right) {
            assert_int_equal(out.sack[0].start, 0x02030405);
            assert_int_equal(out.sack[0].end, 0x06070809);
        }
        assert_true(parse(&out, bytes, 40, true));
        assert_int_equal(out.has, 0);
    }
}

/* However long the view: the data offset bounds it, but a caller's mistake must not. */
static void test_five_sack_blocks_are_none(void **state)
{
    uint8_t bytes[44] = {1, 1, 5, 42};
    struct tcp_options out;

    (void)state;
    assert_true(parse(&out, bytes, 44, false));
    assert_int_equal(out.has, 0);
}

static void test_usual_timestamps_and_the_same_in_another_place(void **state)
{
    static const uint8_t usual[] = {1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8};
    static const uint8_t other[] = {8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1};
    const uint8_t *both[] = {usual, other};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct tcp_options out;

        assert_true(parse(&out, both[i], 12, false));
        assert_int_equal(out.has, TCP_HAS_TS);
        assert_int_equal(out.ts_val, 0x01020304);
        assert_int_equal(out.ts_ecr, 0x05060708);
        assert_int_equal(out.sack_count, 0);
    }
}

static void test_what_comes_before_a_bad_length_is_there(void **state)
{
    static const uint8_t bytes[] = {2, 4, 2, 0x18, 3, 9, 7, 0};
    struct tcp_options out;

    (void)state;
    assert_false(parse(&out, bytes, sizeof(bytes), true));
    assert_int_equal(out.has, TCP_HAS_MSS);
    assert_int_equal(out.mss, 536);
}

static void test_nothing_after_the_end(void **state)
{
    static const uint8_t bytes[] = {0, 2, 4, 1};
    struct tcp_options out;

    (void)state;
    assert_true(parse(&out, bytes, sizeof(bytes), true));
    assert_int_equal(out.has, 0);
    assert_true(parse(&out, bytes, 0, true));
    assert_int_equal(out.has, 0);
}

/* ---- options out ---- */

static void expect(const struct tcp_options *options, bool syn, uint8_t order, uint32_t room,
                   const char *hex)
{
    uint8_t bytes[TCP_OPTIONS_MAX], want[TCP_OPTIONS_MAX];
    uint32_t len;
    int n = cs_of_hex(cs_of(want, sizeof(want)), hex);

    memset(bytes, 0xee, sizeof(bytes));
    len = tcp_options_emit(cs_of(bytes, sizeof(bytes)), options, syn, order, room);
    assert_int_equal(len, n);
    assert_memory_equal(bytes, want, len);
    for (uint32_t i = len; i < sizeof(bytes); i++)
        assert_int_equal(bytes[i], 0xee);
}

static void test_syn_as_linux_orders_it(void **state)
{
    struct tcp_options options = {.mss = 1460, .wscale = 7, .ts_val = 1, .ts_ecr = 2};

    (void)state;
    options.has = TCP_HAS_MSS | TCP_HAS_SACK_OK | TCP_HAS_TS | TCP_HAS_WSCALE;
    expect(&options, true, TCP_ORDER_LINUX, 40, "020405b4 0402080a 00000001 00000002 01030307");
    options.has = TCP_HAS_MSS | TCP_HAS_SACK_OK | TCP_HAS_WSCALE;
    expect(&options, true, TCP_ORDER_LINUX, 40, "020405b4 01010402 01030307");
    options.has = TCP_HAS_MSS | TCP_HAS_TS | TCP_HAS_WSCALE;
    expect(&options, true, TCP_ORDER_LINUX, 40, "020405b4 0101080a 00000001 00000002 01030307");
    options.has = TCP_HAS_MSS;
    expect(&options, true, TCP_ORDER_LINUX, 40, "020405b4");
    options.has = TCP_HAS_MSS | TCP_HAS_SACK_OK;
    expect(&options, true, TCP_ORDER_LINUX, 40, "020405b4 01010402");
}

static void test_syn_as_freebsd_orders_it(void **state)
{
    struct tcp_options options = {.mss = 1460, .wscale = 6, .ts_val = 1, .ts_ecr = 2};

    (void)state;
    options.has = TCP_HAS_MSS | TCP_HAS_SACK_OK | TCP_HAS_TS | TCP_HAS_WSCALE;
    expect(&options, true, TCP_ORDER_FREEBSD, 40, "020405b4 01030306 0402080a 00000001 00000002");
    options.has = TCP_HAS_MSS | TCP_HAS_SACK_OK | TCP_HAS_WSCALE;
    expect(&options, true, TCP_ORDER_FREEBSD, 40, "020405b4 01030306 04020000");
    options.has = TCP_HAS_MSS | TCP_HAS_TS;
    expect(&options, true, TCP_ORDER_FREEBSD, 40, "020405b4 0101080a 00000001 00000002");
    options.has = TCP_HAS_MSS | TCP_HAS_TS | TCP_HAS_WSCALE;
    expect(&options, true, TCP_ORDER_FREEBSD, 40, "020405b4 01030306 0101080a 00000001 00000002");
}

static void test_sack_blocks_as_many_as_fit(void **state)
{
    struct tcp_options options = {.has = TCP_HAS_SACK, .sack_count = 4, .ts_val = 1, .ts_ecr = 2};

    (void)state;
    for (uint32_t i = 0; i < 4; i++)
        options.sack[i] = (struct tcp_sack_block){2 * i + 1, 2 * i + 2};
    expect(&options, false, 0, 40,
           "0101 0522 00000001 00000002 00000003 00000004 00000005 00000006 00000007 00000008");
    expect(&options, false, 0, 35,
           "0101 051a 00000001 00000002 00000003 00000004 00000005 00000006");
    expect(&options, false, 0, 12, "0101 050a 00000001 00000002");
    expect(&options, false, 0, 11, "");
    options.has |= TCP_HAS_TS;
    expect(&options, false, 0, 40,
           "0101080a 00000001 00000002 0101 051a 00000001 00000002 00000003 00000004 00000005 "
           "00000006");
    expect(&options, false, 0, 23, "0101080a 00000001 00000002");
    expect(&options, false, 0, 11, "");
}

static void test_user_timeout(void **state)
{
    struct tcp_options options = {.has = TCP_HAS_USER_TIMEOUT, .user_timeout = 0x8005};

    (void)state;
    expect(&options, true, TCP_ORDER_LINUX, 40, "1c048005");
    expect(&options, false, TCP_ORDER_FREEBSD, 40, "1c048005");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_data_offset_against_every_length),
        cmocka_unit_test(test_header_len_may_pass_the_view_but_not_the_segment),
        cmocka_unit_test(test_known_header),
        cmocka_unit_test(test_every_kind_every_length_everywhere),
        cmocka_unit_test(test_only_the_right_length_counts),
        cmocka_unit_test(test_options_of_syns_are_taken_only_there),
        cmocka_unit_test(test_sack_lengths),
        cmocka_unit_test(test_five_sack_blocks_are_none),
        cmocka_unit_test(test_usual_timestamps_and_the_same_in_another_place),
        cmocka_unit_test(test_what_comes_before_a_bad_length_is_there),
        cmocka_unit_test(test_nothing_after_the_end),
        cmocka_unit_test(test_syn_as_linux_orders_it),
        cmocka_unit_test(test_syn_as_freebsd_orders_it),
        cmocka_unit_test(test_sack_blocks_as_many_as_fit),
        cmocka_unit_test(test_user_timeout),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
