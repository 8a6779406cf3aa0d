/* SPDX-License-Identifier: ISC */
/* test_dhcp_wire.c - messages in and out: every code, every length, fields that lie. */
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/dhcp_wire.h>

static struct dhcp_msg msg;
static uint8_t buf[DHCP_BYTES_MAX + 512];
static size_t len;

static void begin(void)
{
    memset(buf, 0, sizeof(buf));
    buf[0] = BOOTREQUEST;
    buf[1] = DHCP_HTYPE_ETHERNET;
    buf[2] = 6;
    memcpy(buf + dhcp_hdr_SIZE, "\x63\x82\x53\x63", 4);
    len = DHCP_OPTIONS_OFF;
}

static void put(uint8_t code, size_t n, uint8_t fill)
{
    buf[len++] = code;
    buf[len++] = (uint8_t)n;
    memset(buf + len, fill, n);
    len += n;
}

/* In a heap block of exactly its size. */
static enum dhcp_wire_error parse(void)
{
    static uint8_t *exact;

    free(exact);
    exact = malloc(len ? len : 1);
    assert_non_null(exact);
    memcpy(exact, buf, len);
    return dhcp_parse(cs_ro_of(exact, len), &msg);
}

/* A table indexed by a byte has 256 entries, not 255: a code is a byte, so there are 256, and
 * PAD and END have no length. */
static void test_all_256_codes_parse(void **state)
{
    (void)state;
    for (unsigned code = 0; code < 256; code++) {
        size_t n = code == 53 || code == 52 ? 1 : code == 57 ? 2 : 4;

        begin();
        if (code == DHCP_OPT_PAD || code == DHCP_OPT_END) {
            buf[len++] = (uint8_t)code;
            put(12, 1, 'x');
            assert_int_equal(parse(), DHCP_WIRE_ok);
            assert_int_equal(dhcp_msg_has(&msg, 12), code == DHCP_OPT_PAD);
        } else {
            put((uint8_t)code, n, 1);
            assert_int_equal(parse(), DHCP_WIRE_ok);
            assert_true(dhcp_msg_has(&msg, (uint8_t)code));
            assert_int_equal(dhcp_msg_opt(&msg, (uint8_t)code).len, n);
            assert_int_equal(msg.opt_count, 1);
        }
    }
    /* All of them in one message. */
    begin();
    for (unsigned code = 1; code < 255; code++)
        put((uint8_t)code, code == 53 || code == 52 ? 1 : code == 57 ? 2 : 4, 1);
    assert_int_equal(parse(), DHCP_WIRE_ok);
    assert_int_equal(msg.opt_count, 254);
}

static void test_options_of_length_0_and_255(void **state)
{
    (void)state;
    begin();
    put(43, 0, 0);
    put(60, 255, 'v');
    assert_int_equal(parse(), DHCP_WIRE_ok);
    assert_true(dhcp_msg_has(&msg, 43));
    assert_int_equal(dhcp_msg_opt(&msg, 43).len, 0);
    assert_int_equal(dhcp_msg_opt(&msg, 60).len, 255);
    assert_int_equal(dhcp_msg_opt(&msg, 60).base[254], 'v');
}

static void test_a_missing_end_is_the_end_of_the_message(void **state)
{
    (void)state;
    begin();
    put(12, 3, 'h');
    assert_int_equal(parse(), DHCP_WIRE_ok);
    assert_int_equal(dhcp_msg_opt(&msg, 12).len, 3);
    buf[len++] = DHCP_OPT_PAD;
    buf[len++] = DHCP_OPT_PAD;
    assert_int_equal(parse(), DHCP_WIRE_ok);
}

static void test_what_follows_end_is_not_read(void **state)
{
    (void)state;
    begin();
    buf[len++] = DHCP_OPT_END;
    buf[len++] = 12;
    buf[len++] = 200;
    assert_int_equal(parse(), DHCP_WIRE_ok);
    assert_int_equal(msg.opt_count, 0);
}

/* AMNESIA:33, NUCLEUS:13: each pair of claimed and real length. */
static void test_every_claimed_and_real_length(void **state)
{
    (void)state;
    for (size_t real = 0; real <= 64; real++)
        for (unsigned claimed = 0; claimed < 256; claimed++) {
            begin();
            buf[len++] = 12;
            buf[len++] = (uint8_t)claimed;
            memset(buf + len, 'a', real);
            len += real;
            /* What is left over is one more option, 'a' = 97 of 97 bytes, which overruns too. */
            if (claimed == real)
                assert_int_equal(parse(), DHCP_WIRE_ok);
            else
                assert_int_equal(parse(), DHCP_WIRE_option_overrun);
        }
}

static void test_a_message_cut_at_every_byte(void **state)
{
    size_t whole;

    (void)state;
    begin();
    put(53, 1, 1);
    put(61, 7, 1);
    put(55, 10, 3);
    whole = len;
    for (len = 0; len <= whole; len++) {
        enum dhcp_wire_error e = parse();

        if (len < dhcp_hdr_SIZE)
            assert_int_equal(e, DHCP_WIRE_short_header);
        else if (len < DHCP_OPTIONS_OFF)
            assert_false(msg.has_cookie);
        else
            assert_true(e == DHCP_WIRE_ok || e == DHCP_WIRE_option_overrun);
    }
    len = DHCP_BYTES_MAX + 1;
    assert_int_equal(parse(), DHCP_WIRE_too_long);
}

static void test_a_hardware_length_over_16_is_refused(void **state)
{
    (void)state;
    for (unsigned hlen = 0; hlen < 256; hlen++) {
        begin();
        buf[2] = (uint8_t)hlen;
        assert_int_equal(parse(), hlen > 16 ? DHCP_WIRE_hardware_length : DHCP_WIRE_ok);
    }
}

static void test_options_of_fixed_length_have_it(void **state)
{
    static const uint8_t codes[][2] = {{50, 4}, {51, 4}, {53, 1}, {54, 4}, {57, 2}, {118, 4}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
        for (size_t n = 0; n < 10; n++) {
            begin();
            put(codes[i][0], n, 1);
            assert_int_equal(parse(), n == codes[i][1] ? DHCP_WIRE_ok : DHCP_WIRE_option_length);
        }
}

/* RFC 2132 section 9.14; ISC dhcpd crashed on an empty one: CVE-2010-2156. */
static void test_client_ids_of_no_or_one_byte_are_refused(void **state)
{
    (void)state;
    for (size_t n = 0; n < 4; n++) {
        begin();
        put(61, n, 0);
        assert_int_equal(parse(), n < 2 ? DHCP_WIRE_client_id_length : DHCP_WIRE_ok);
    }
    begin();
    put(61, 255, 1);
    put(61, 1, 1);
    assert_int_equal(parse(), DHCP_WIRE_client_id_length);
}

/* RFC 3396 section 7: the pieces of an option are joined in the order in which they come. */
static void test_a_repeated_option_is_joined(void **state)
{
    struct cs_ro v;

    (void)state;
    begin();
    put(43, 255, 'a');
    put(12, 2, 'h');
    put(43, 0, 0);
    put(43, 200, 'b');
    put(12, 3, 'i');
    assert_int_equal(parse(), DHCP_WIRE_ok);
    v = dhcp_msg_opt(&msg, 43);
    assert_int_equal(v.len, 455);
    assert_int_equal(v.base[254], 'a');
    assert_int_equal(v.base[255], 'b');
    assert_true(cs_equal_str(dhcp_msg_opt(&msg, 12), "hhiii"));
}

/* RFC 3396 section 5: first the options field, then file, then sname. */
static void test_overloaded_fields_are_read_and_joined_in_order(void **state)
{
    (void)state;
    for (uint8_t overload = 1; overload <= 3; overload++) {
        begin();
        memcpy(buf + dhcp_hdr_file_OFF,
               "\x0c\x01"
               "F\x43\x01"
               "x\xff\x0c\xff",
               9);
        memcpy(buf + dhcp_hdr_sname_OFF,
               "\x0c\x01"
               "S\xff",
               4);
        put(12, 1, 'O');
        put(52, 1, overload);
        assert_int_equal(parse(), DHCP_WIRE_ok);
        assert_true(cs_equal_str(dhcp_msg_opt(&msg, 12), overload == 1   ? "OF"
                                                         : overload == 2 ? "OS"
                                                                         : "OFS"));
        assert_int_equal(dhcp_msg_has(&msg, 0x43), overload & 1);
        assert_int_equal(msg.file.len, overload & 1 ? 0 : 128);
        assert_int_equal(msg.sname.len, overload & 2 ? 0 : 64);
    }
}

static void test_overload_that_lies_is_refused(void **state)
{
    (void)state;
    for (unsigned value = 0; value < 256; value++) {
        begin();
        put(52, 1, (uint8_t)value);
        assert_int_equal(parse(),
                         value >= 1 && value <= 3 ? DHCP_WIRE_ok : DHCP_WIRE_option_overload);
    }
    begin(); /* twice */
    put(52, 1, 1);
    put(52, 1, 1);
    assert_int_equal(parse(), DHCP_WIRE_option_length);
    begin(); /* an option that would reach from file into the options */
    buf[dhcp_hdr_file_OFF + 120] = 12;
    buf[dhcp_hdr_file_OFF + 121] = 200;
    put(52, 1, 1);
    assert_int_equal(parse(), DHCP_WIRE_option_overrun);
    begin(); /* option 52 in an overloaded field does not start over: no loop */
    memcpy(buf + dhcp_hdr_file_OFF, "\x34\x01\x03\xff", 4);
    put(52, 1, 1);
    assert_int_equal(parse(), DHCP_WIRE_option_length);
}

static void test_without_the_cookie_there_are_no_options(void **state)
{
    (void)state;
    begin();
    buf[dhcp_hdr_SIZE] ^= 1;
    put(53, 1, 1);
    assert_int_equal(parse(), DHCP_WIRE_ok);
    assert_false(msg.has_cookie);
    assert_int_equal(msg.opt_count, 0);
    assert_int_equal(msg.type, DHCP_NONE);
}

/* RFC 3046 section 2.0: no PAD, no END; overruns end the search. */
static void test_sub_options_of_option_82(void **state)
{
    static const uint8_t agent[] = {1, 3, 'a', 'b', 'c', 0, 0, 2, 1,   'r', 255,
                                    0, 5, 4,   10,  0,   0, 1, 9, 200, 1};
    struct cs_ro v;

    (void)state;
    begin();
    buf[len++] = 82;
    buf[len++] = sizeof(agent);
    memcpy(buf + len, agent, sizeof(agent));
    len += sizeof(agent);
    assert_int_equal(parse(), DHCP_WIRE_ok);
    assert_true(dhcp_msg_agent(&msg, 1, &v) && cs_equal_str(v, "abc"));
    assert_true(dhcp_msg_agent(&msg, 2, &v) && cs_equal_str(v, "r"));
    assert_true(dhcp_msg_agent(&msg, 5, &v) && cs_get_be32(v, 0) == 0x0a000001);
    assert_true(dhcp_msg_agent(&msg, 255, &v) && v.len == 0);
    assert_false(dhcp_msg_agent(&msg, 9, &v));
    assert_false(dhcp_msg_agent(&msg, 7, &v));
}

/* ---- out ------------------------------------------------------------------------------------- */

static const uint8_t chaddr[16] = {2, 0, 0, 0, 0, 1};
static uint8_t out[2048];

static struct dhcp_hdr header(void)
{
    return (struct dhcp_hdr){
        .op = BOOTREPLY, .htype = 1, .hlen = 6, .chaddr = cs_ro_of(chaddr, 16)};
}

static void reparse(size_t n)
{
    assert_true(n <= sizeof(buf));
    memcpy(buf, out, n);
    len = n;
    assert_int_equal(parse(), DHCP_WIRE_ok);
}

static void test_a_header_comes_back_as_it_was(void **state)
{
    struct dhcp_hdr h = header();
    struct dhcp_writer w;

    (void)state;
    h.hops = 3;
    h.xid = 0x01020304;
    h.secs = 0x0506;
    h.flags = 0x8007;
    h.ciaddr = 0x0a000001;
    h.yiaddr = 0x0a000002;
    h.siaddr = 0x0a000003;
    h.giaddr = 0x0a000004;
    h.sname = cs_of_str("server");
    h.file = cs_of_str("/boot/file");
    dhcp_write_begin(&w, cs_of(out, sizeof(out)), 548, &h, false, NULL);
    reparse(dhcp_write_end(&w));
    assert_int_equal(len, DHCP_BYTES_MIN); /* RFC 1542 section 2.1 */
    assert_int_equal(msg.op, h.op);
    assert_int_equal(msg.hops, h.hops);
    assert_int_equal(msg.xid, h.xid);
    assert_int_equal(msg.secs, h.secs);
    assert_int_equal(msg.flags, h.flags);
    assert_int_equal(msg.ciaddr, h.ciaddr);
    assert_int_equal(msg.yiaddr, h.yiaddr);
    assert_int_equal(msg.siaddr, h.siaddr);
    assert_int_equal(msg.giaddr, h.giaddr);
    assert_true(cs_equal(msg.chaddr, h.chaddr));
    assert_string_equal((const char *)msg.sname.base, "server");
    assert_string_equal((const char *)msg.file.base, "/boot/file");
}

/* Names longer than their field are cut and keep their NUL (CVE-2022-2929's class). */
static void test_boot_names_are_cut_to_their_fields(void **state)
{
    static uint8_t longer[300];
    struct dhcp_hdr h = header();
    struct dhcp_writer w;

    (void)state;
    memset(longer, 'n', sizeof(longer));
    h.sname = h.file = cs_ro_of(longer, sizeof(longer));
    dhcp_write_begin(&w, cs_of(out, sizeof(out)), 548, &h, true, NULL);
    reparse(dhcp_write_end(&w));
    assert_int_equal(strlen((const char *)msg.sname.base), 63);
    assert_int_equal(strlen((const char *)msg.file.base), 127);
}

/* RFC 3396: above 255 bytes an option is split, and comes back in one piece. */
static void test_long_options_are_split(void **state)
{
    static uint8_t data[1000];
    struct dhcp_hdr h = header();
    struct dhcp_writer w;

    (void)state;
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 31);
    for (size_t n = 250; n <= 1000; n += 5) {
        dhcp_write_begin(&w, cs_of(out, sizeof(out)), 1472, &h, false, NULL);
        assert_true(dhcp_write_opt(&w, 43, cs_ro_of(data, n)));
        assert_true(dhcp_write_u8(&w, 53, 5));
        reparse(dhcp_write_end(&w));
        assert_true(cs_equal(dhcp_msg_opt(&msg, 43), cs_ro_of(data, n)));
        assert_int_equal(msg.type, 5);
    }
}

/* RFC 2132 section 9.3, and RFC 3396 section 5: what the options field cannot hold goes on in
 * file and sname. */
static void test_options_overflow_into_file_and_sname(void **state)
{
    static uint8_t data[600];
    struct dhcp_hdr h = header();
    struct dhcp_writer w;

    (void)state;
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)i;
    /* 60 bytes of room in the options field: 40 + 100 + 50 do not fit there. */
    dhcp_write_begin(&w, cs_of(out, sizeof(out)), 300, &h, true, NULL);
    assert_true(dhcp_write_opt(&w, 12, cs_ro_of(data, 40)));
    assert_true(dhcp_write_opt(&w, 15, cs_ro_of(data, 100)));
    assert_true(dhcp_write_opt(&w, 17, cs_ro_of(data, 50)));
    assert_false(dhcp_write_opt(&w, 40, cs_ro_of(data, 70)));
    assert_int_equal(w.left_out, 1);
    reparse(dhcp_write_end(&w));
    assert_int_equal(len, 300);
    assert_int_equal(dhcp_msg_opt(&msg, 52).base[0], 3);
    assert_int_equal(dhcp_msg_opt(&msg, 12).len, 40);
    assert_int_equal(dhcp_msg_opt(&msg, 15).len, 100);
    assert_int_equal(dhcp_msg_opt(&msg, 17).len, 50);
    assert_false(dhcp_msg_has(&msg, 40));                         /* left out whole */
    assert_int_equal(out[dhcp_hdr_file_OFF + 102], DHCP_OPT_END); /* each field has its END */
    assert_int_equal(out[dhcp_hdr_sname_OFF + 52], DHCP_OPT_END);

    /* A long one over all three fields. */
    dhcp_write_begin(&w, cs_of(out, sizeof(out)), 548, &h, true, NULL);
    assert_true(dhcp_write_opt(&w, 43, cs_ro_of(data, 450)));
    reparse(dhcp_write_end(&w));
    assert_true(cs_equal(dhcp_msg_opt(&msg, 43), cs_ro_of(data, 450)));

    /* Not where they are in use. */
    h.file = cs_of_str("f");
    h.sname = cs_of_str("s");
    dhcp_write_begin(&w, cs_of(out, sizeof(out)), 300, &h, true, NULL);
    assert_false(dhcp_write_opt(&w, 15, cs_ro_of(data, 100)));
    reparse(dhcp_write_end(&w));
    assert_false(dhcp_msg_has(&msg, 52));
}

/* RFC 3046 sections 2.1 and 2.2: verbatim, whole or not at all, last, and never in file or
 * sname. */
static void test_option_82_is_last_and_verbatim(void **state)
{
    static uint8_t data[400];
    struct dhcp_hdr h = header();
    struct dhcp_writer w;

    (void)state;
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(255 - i);
    for (size_t n = 0; n <= 400; n++) {
        struct cs_ro agent = cs_ro_of(data, n);
        struct cs_ro v;

        dhcp_write_begin(&w, cs_of(out, sizeof(out)), 548, &h, true, &agent);
        (void)dhcp_write_u8(&w, 53, 2);
        while (dhcp_write_opt(&w, 12, cs_ro_of(data, 20)))
            ;
        reparse(dhcp_write_end(&w));
        v = dhcp_msg_opt(&msg, 82);
        if (!dhcp_msg_has(&msg, 82)) {
            assert_true(n > 200);
            assert_int_equal(w.left_out, 2);
            continue;
        }
        assert_true(cs_equal(v, agent));
        /* The very last thing before END. */
        assert_int_equal(w.area[DHCP_AREA_OPTIONS].base[0], DHCP_OPT_END);
        assert_int_equal(w.area[DHCP_AREA_OPTIONS].base - out <= 547, true);
        if (n && n < 256)
            assert_memory_equal(w.area[DHCP_AREA_OPTIONS].base - n, data, n);
    }
}

/* RFC 6842: a reply MUST echo the client's id; beside a long option 82 it is split (RFC 3396)
 * rather than left out. An id that fits whole somewhere stays whole. */
static void test_a_client_id_that_fits_nowhere_whole_is_split(void **state)
{
    static uint8_t data[255];
    struct cs_ro agent = cs_ro_of(data, 200), id = cs_ro_of(data, sizeof(data));
    struct dhcp_hdr h = header();
    struct dhcp_writer w;

    (void)state;
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)i;
    dhcp_write_begin(&w, cs_of(out, sizeof(out)), 548, &h, true, &agent);
    assert_true(dhcp_write_u8(&w, 53, 2));
    assert_false(dhcp_write_opt(&w, 12, id)); /* any other is left out */
    assert_int_equal(w.left_out, 1);
    assert_true(dhcp_write_opt(&w, 61, id));
    reparse(dhcp_write_end(&w));
    assert_int_equal(len, 548);
    assert_true(cs_equal(dhcp_msg_opt(&msg, 61), id));
    assert_true(cs_equal(dhcp_msg_opt(&msg, 82), agent));
    assert_memory_equal(w.area[DHCP_AREA_OPTIONS].base - agent.len, data, agent.len);

    dhcp_write_begin(&w, cs_of(out, sizeof(out)), 548, &h, true, NULL);
    assert_true(dhcp_write_opt(&w, 61, id));
    reparse(dhcp_write_end(&w));
    assert_int_equal(out[DHCP_OPTIONS_OFF + 1], 255);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_256_codes_parse),
        cmocka_unit_test(test_options_of_length_0_and_255),
        cmocka_unit_test(test_a_missing_end_is_the_end_of_the_message),
        cmocka_unit_test(test_what_follows_end_is_not_read),
        cmocka_unit_test(test_every_claimed_and_real_length),
        cmocka_unit_test(test_a_message_cut_at_every_byte),
        cmocka_unit_test(test_a_hardware_length_over_16_is_refused),
        cmocka_unit_test(test_options_of_fixed_length_have_it),
        cmocka_unit_test(test_client_ids_of_no_or_one_byte_are_refused),
        cmocka_unit_test(test_a_repeated_option_is_joined),
        cmocka_unit_test(test_overloaded_fields_are_read_and_joined_in_order),
        cmocka_unit_test(test_overload_that_lies_is_refused),
        cmocka_unit_test(test_without_the_cookie_there_are_no_options),
        cmocka_unit_test(test_sub_options_of_option_82),
        cmocka_unit_test(test_a_header_comes_back_as_it_was),
        cmocka_unit_test(test_boot_names_are_cut_to_their_fields),
        cmocka_unit_test(test_long_options_are_split),
        cmocka_unit_test(test_options_overflow_into_file_and_sname),
        cmocka_unit_test(test_option_82_is_last_and_verbatim),
        cmocka_unit_test(test_a_client_id_that_fits_nowhere_whole_is_split),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
