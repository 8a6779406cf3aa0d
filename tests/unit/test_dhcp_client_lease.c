/* SPDX-License-Identifier: ISC */
/* test_dhcp_client_lease.c - what the client makes of the options in an offer or acknowledgement,
 * all of which a hostile server may have made up. */
#include "dhcpclienttest.h"

/* An acknowledgement is awaited. */
static int setup(void **state)
{
    (void)state;
    start_plain();
    to_requesting();
    memset(&client.stats, 0, sizeof(client.stats));
    reply(DHCPACK, ADDR);
    return 0;
}

static uint64_t notes(enum dhcp_client_note note)
{
    return client.stats.notes[note];
}
#define NOTES(name) notes(DHCP_CLIENT_NOTE_##name)

static uint64_t all_notes(void)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < DHCP_CLIENT_NOTE_COUNT; i++)
        n += notes((enum dhcp_client_note)i);
    return n;
}

static void text(uint8_t code, const char *value)
{
    reply_opt(code, value, strlen(value));
}

#define BYTES(code, ...)                                                                           \
    reply_opt(code, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* ---- good ones ------------------------------------------------------------------------------- */

static void test_every_option_is_read(void **state)
{
    const struct dhcp_client_lease *l = &client.lease;

    (void)state;
    BYTES(DHCP_OPT_ROUTERS, 10, 0, 0, 254, 10, 0, 0, 253);
    BYTES(DHCP_OPT_DNS, 10, 0, 0, 53, 10, 0, 0, 54);
    BYTES(DHCP_OPT_NTP, 10, 0, 0, 123);
    text(DHCP_OPT_HOST_NAME, "guest-1");
    text(DHCP_OPT_DOMAIN_NAME, "example.org");
    BYTES(DHCP_OPT_MTU, 0x05, 0x78);
    reply_u32(DHCP_OPT_BROADCAST, IP(10, 0, 0, 255));
    reply_u32(DHCP_OPT_T1, 1000);
    reply_u32(DHCP_OPT_T2, 2000);
    EXPECT_ANSWER(acknowledged);
    assert_int_equal(l->route_count, 1);
    assert_int_equal(l->routes[0].gateway, IP(10, 0, 0, 254));
    assert_int_equal(l->routes[0].dst | l->routes[0].prefix_len, 0);
    assert_int_equal(l->dns_count, 2);
    assert_int_equal(l->dns[1], IP(10, 0, 0, 54));
    assert_int_equal(l->ntp_count, 1);
    assert_int_equal(l->ntp[0], IP(10, 0, 0, 123));
    assert_string_equal(l->host_name, "guest-1");
    assert_string_equal(l->domain, "example.org");
    assert_int_equal(l->mtu, 1400);
    assert_int_equal(l->broadcast, IP(10, 0, 0, 255));
    assert_int_equal(l->lease_s, LEASE);
    assert_int_equal(l->t1_s, 1000);
    assert_int_equal(l->t2_s, 2000);
    assert_int_equal(all_notes(), 0);
}

/* RFC 2132 section 9.3: options in sname and file. */
static void test_options_in_file_and_sname_are_read(void **state)
{
    static const uint8_t in_file[] = {DHCP_OPT_ROUTERS, 4, 10, 0, 0, 254, DHCP_OPT_END};
    static const uint8_t in_sname[] = {DHCP_OPT_DNS, 4, 10, 0, 0, 53, DHCP_OPT_END};

    (void)state;
    BYTES(DHCP_OPT_OVERLOAD, 3);
    memcpy(in + dhcp_hdr_file_OFF, in_file, sizeof(in_file));
    memcpy(in + dhcp_hdr_sname_OFF, in_sname, sizeof(in_sname));
    EXPECT_ANSWER(acknowledged);
    assert_int_equal(client.lease.routes[0].gateway, IP(10, 0, 0, 254));
    assert_int_equal(client.lease.dns[0], IP(10, 0, 0, 53));
}

/* ---- address, mask, server ------------------------------------------------------------------- */

static void test_address_that_is_no_hosts_is_dropped(void **state)
{
    static const uint32_t bad[] = {0,
                                   IP(0, 0, 0, 1),
                                   IP(127, 0, 0, 1),
                                   IP(224, 0, 0, 1),
                                   IP(240, 0, 0, 1),
                                   UINT32_MAX,
                                   IP(10, 0, 0, 0),
                                   IP(10, 0, 0, 255),
                                   SERVER};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        start_plain();
        expect_send(DHCPDISCOVER);
        reply(DHCPOFFER, bad[i]);
        EXPECT_ANSWER(bad_address);
    }
}

static void test_server_id_that_is_no_hosts_is_dropped(void **state)
{
    static const uint32_t bad[] = {0, IP(127, 0, 0, 1), IP(224, 0, 0, 1), UINT32_MAX};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        reply(DHCPACK, ADDR);
        reply_u32(DHCP_OPT_SERVER_ID, bad[i]);
        EXPECT_ANSWER(no_server_id);
    }
}

static void test_mask_with_holes_is_dropped(void **state)
{
    static const uint32_t bad[] = {0, 1, 0xff00ff00, 0x7fffffff, 0xfffffffd};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        reply(DHCPACK, ADDR);
        reply_u32(DHCP_OPT_SUBNET_MASK, bad[i]);
        EXPECT_ANSWER(bad_mask);
    }
    reply(DHCPACK, ADDR);
    BYTES(DHCP_OPT_SUBNET_MASK, 255, 255, 255);
    EXPECT_ANSWER(bad_mask);
}

static void test_every_good_mask_is_taken(void **state)
{
    (void)state;
    for (uint8_t len = 1; len <= 32; len++) {
        start_plain();
        expect_send(DHCPDISCOVER);
        reply(DHCPOFFER, ADDR);
        reply_u32(DHCP_OPT_SUBNET_MASK, UINT32_MAX << (32 - len));
        if (len == 30) { /* 10.0.0.100/30 is the network itself */
            EXPECT_ANSWER(bad_address);
            continue;
        }
        EXPECT_ANSWER(offer_taken);
    }
    setup(NULL);
    reply_u32(DHCP_OPT_SUBNET_MASK, UINT32_MAX); /* as clouds do */
    EXPECT_ANSWER(acknowledged);
    assert_int_equal(client.lease.prefix_len, 32);
}

static void test_missing_mask_is_that_of_the_class(void **state)
{
    static const struct {
        uint32_t addr;
        uint8_t len;
    } of[] = {{IP(10, 0, 0, 9), 8}, {IP(172, 16, 0, 9), 16}, {IP(192, 168, 0, 9), 24}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(of); i++) {
        start(&(struct dhcp_client_conf){.remembered = of[i].addr});
        expect_send(DHCPREQUEST);
        reply(DHCPACK, of[i].addr);
        reply_without(DHCP_OPT_SUBNET_MASK);
        EXPECT_ANSWER(acknowledged);
        assert_int_equal(client.lease.prefix_len, of[i].len);
        assert_int_equal(NOTES(mask_missing), 1);
    }
}

/* ---- times ----------------------------------------------------------------------------------- */

static void test_lease_time_that_is_none_is_dropped(void **state)
{
    (void)state;
    reply_without(DHCP_OPT_LEASE_TIME);
    EXPECT_ANSWER(bad_lease_time);
    for (uint32_t s = 0; s < DHCP_CLIENT_LEASE_MIN_S; s++) {
        reply(DHCPACK, ADDR);
        reply_u32(DHCP_OPT_LEASE_TIME, s);
        EXPECT_ANSWER(bad_lease_time);
    }
    reply(DHCPACK, ADDR);
    reply_u32(DHCP_OPT_LEASE_TIME, DHCP_CLIENT_LEASE_MIN_S);
    EXPECT_ANSWER(acknowledged);
}

static void times(uint32_t t1, uint32_t t2)
{
    setup(NULL);
    reply_u32(DHCP_OPT_T1, t1);
    reply_u32(DHCP_OPT_T2, t2);
    EXPECT_ANSWER(acknowledged);
}

static void test_times_out_of_order_are_half_and_seven_eighths(void **state)
{
    static const uint32_t bad[][2] = {
        {2000, 1000}, {100, LEASE + 1}, {LEASE + 1, LEASE + 2}, {UINT32_MAX, UINT32_MAX}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        times(bad[i][0], bad[i][1]);
        assert_int_equal(client.lease.t1_s, LEASE / 2);
        assert_int_equal(client.lease.t2_s, LEASE / 8 * 7);
        assert_int_equal(NOTES(times_bounded), 1);
        assert_true(client.t1_at < client.t2_at && client.t2_at < client.ends_at);
    }
}

/* A renewal time of nothing would be a message after the other. */
static void test_times_of_nothing_are_half_and_seven_eighths(void **state)
{
    (void)state;
    times(0, 0);
    assert_int_equal(client.lease.t1_s, LEASE / 2);
    assert_int_equal(client.lease.t2_s, LEASE / 8 * 7);
}

static void test_longest_lease_is_kept_to(void **state)
{
    (void)state;
    reply_u32(DHCP_OPT_LEASE_TIME, DHCP_INFINITE - 1);
    EXPECT_ANSWER(acknowledged);
    assert_int_equal(client.ends_at, now + (DHCP_INFINITE - 1) * NS_PER_S);
}

/* ---- routes ---------------------------------------------------------------------------------- */

static void expect_route(unsigned i, uint32_t dst, uint8_t len, uint32_t gateway)
{
    assert_true(i < client.lease.route_count);
    assert_int_equal(client.lease.routes[i].dst, dst);
    assert_int_equal(client.lease.routes[i].prefix_len, len);
    assert_int_equal(client.lease.routes[i].gateway, gateway);
}

/* RFC 3442: every width of destination; and then option 3 does not count. */
static void test_classless_routes_stand_before_option_3(void **state)
{
    (void)state;
    BYTES(DHCP_OPT_ROUTERS, 10, 0, 0, 253);
    BYTES(DHCP_OPT_ROUTES, 0, 10, 0, 0, 254, /* default */
          8, 11, 10, 0, 0, 1,                /* 11/8 */
          12, 172, 16, 10, 0, 0, 2,          /* 172.16/12 */
          24, 192, 168, 7, 10, 0, 0, 3,      /* 192.168.7/24 */
          32, 192, 168, 8, 9, 0, 0, 0, 0);   /* one host, on the link */
    EXPECT_ANSWER(acknowledged);
    assert_int_equal(client.lease.route_count, 5);
    expect_route(0, 0, 0, IP(10, 0, 0, 254));
    expect_route(1, IP(11, 0, 0, 0), 8, IP(10, 0, 0, 1));
    expect_route(2, IP(172, 16, 0, 0), 12, IP(10, 0, 0, 2));
    expect_route(3, IP(192, 168, 7, 0), 24, IP(10, 0, 0, 3));
    expect_route(4, IP(192, 168, 8, 9), 32, 0);
}

/* RFC 3442: the client masks what the server did not. */
static void test_bits_beyond_a_routes_prefix_are_cleared(void **state)
{
    (void)state;
    BYTES(DHCP_OPT_ROUTES, 25, 129, 210, 177, 132, 10, 0, 0, 1);
    EXPECT_ANSWER(acknowledged);
    expect_route(0, IP(129, 210, 177, 128), 25, IP(10, 0, 0, 1));
}

static void test_malformed_routes_leave_option_3(void **state)
{
    static const struct {
        uint8_t len, bytes[12];
    } bad[] = {{0, {0}},
               {1, {0}},
               {4, {0, 10, 0, 0}},
               {6, {24, 10, 0, 10, 0, 0}},
               {6, {0, 10, 0, 0, 1, 0}},
               {10, {33, 1, 2, 3, 4, 5, 10, 0, 0, 1}},
               {10, {255, 1, 2, 3, 4, 5, 6, 7, 8, 9}}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        setup(NULL);
        BYTES(DHCP_OPT_ROUTERS, 10, 0, 0, 253);
        reply_opt(DHCP_OPT_ROUTES, bad[i].bytes, bad[i].len);
        EXPECT_ANSWER(acknowledged);
        assert_int_equal(client.lease.route_count, 1);
        expect_route(0, 0, 0, IP(10, 0, 0, 253));
        assert_int_equal(NOTES(routes_malformed), 1);
    }
}

static void test_routes_by_no_host_and_too_many_are_left_out(void **state)
{
    uint8_t many[5 * (DHCP_CLIENT_ROUTES_MAX + 2)] = {0};

    (void)state;
    BYTES(DHCP_OPT_ROUTES, 0, 224, 0, 0, 1, 0, 127, 0, 0, 1, 8, 11, 10, 0, 0, 1);
    EXPECT_ANSWER(acknowledged);
    assert_int_equal(client.lease.route_count, 1);
    assert_int_equal(NOTES(routes_left_out), 2);
    setup(NULL);
    for (size_t i = 0; i < sizeof(many); i += 5)
        many[i + 1] = 10;
    reply_opt(DHCP_OPT_ROUTES, many, sizeof(many));
    EXPECT_ANSWER(acknowledged);
    assert_int_equal(client.lease.route_count, DHCP_CLIENT_ROUTES_MAX);
    assert_int_equal(NOTES(routes_left_out), 2);
}

/* ---- the rest -------------------------------------------------------------------------------- */

static void test_servers_that_are_no_hosts_and_too_many_are_left_out(void **state)
{
    (void)state;
    BYTES(DHCP_OPT_DNS, 0, 0, 0, 0, 10, 0, 0, 1, 255, 255, 255, 255, 10, 0, 0, 2, 10, 0, 0, 3, 10,
          0, 0, 4, 10, 0, 0, 5);
    EXPECT_ANSWER(acknowledged);
    assert_int_equal(client.lease.dns_count, DHCP_CLIENT_SERVERS_MAX);
    assert_int_equal(client.lease.dns[0], IP(10, 0, 0, 1));
    assert_int_equal(NOTES(servers_left_out), 3);
}

static void test_options_of_a_wrong_length_do_not_count(void **state)
{
    static const uint8_t codes[] = {DHCP_OPT_ROUTERS, DHCP_OPT_DNS, DHCP_OPT_NTP,      DHCP_OPT_MTU,
                                    DHCP_OPT_T1,      DHCP_OPT_T2,  DHCP_OPT_BROADCAST};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
        for (uint8_t len = 0; len <= 7; len++) {
            if (len == (codes[i] == DHCP_OPT_MTU ? 2 : 4))
                continue;
            setup(NULL);
            reply_opt(codes[i], "\12\0\0\1\12\0\0\1", len);
            EXPECT_ANSWER(acknowledged);
            assert_int_equal(NOTES(option_length), 1);
            assert_int_equal(all_notes(), 1);
            assert_int_equal(client.lease.route_count + client.lease.dns_count +
                                 client.lease.ntp_count + client.lease.mtu,
                             0);
            assert_int_equal(client.lease.t1_s, LEASE / 2);
            assert_int_equal(client.lease.t2_s, LEASE / 8 * 7);
        }
}

static void test_mtu_under_576_is_ignored(void **state)
{
    (void)state;
    BYTES(DHCP_OPT_MTU, 0x02, 0x3f);
    EXPECT_ANSWER(acknowledged);
    assert_int_equal(client.lease.mtu, 0);
    assert_int_equal(NOTES(mtu_ignored), 1);
    setup(NULL);
    BYTES(DHCP_OPT_MTU, 0x02, 0x40);
    EXPECT_ANSWER(acknowledged);
    assert_int_equal(client.lease.mtu, 576);
}

/* CVE-2011-0997: a host name that is a shell command. */
static void test_names_that_are_none_are_ignored(void **state)
{
    static const char *const bad[] = {"",     "a b",      "x;reboot", "$(x)", "`x`",
                                      "a\nb", "\xc3\xa9", "a/b",      "'"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        setup(NULL);
        text(DHCP_OPT_HOST_NAME, bad[i]);
        text(DHCP_OPT_DOMAIN_NAME, bad[i]);
        EXPECT_ANSWER(acknowledged);
        assert_string_equal(client.lease.host_name, "");
        assert_string_equal(client.lease.domain, "");
        assert_int_equal(NOTES(names_ignored), 2);
    }
}

static void test_names_fit_or_are_ignored(void **state)
{
    char name[255];

    (void)state;
    memset(name, 'x', sizeof(name));
    reply_opt(DHCP_OPT_HOST_NAME, name, DHCP_CLIENT_NAME_BYTES - 1);
    reply_opt(DHCP_OPT_DOMAIN_NAME, name, DHCP_CLIENT_DOMAIN_BYTES - 1);
    EXPECT_ANSWER(acknowledged);
    assert_int_equal(strlen(client.lease.host_name), DHCP_CLIENT_NAME_BYTES - 1);
    assert_int_equal(strlen(client.lease.domain), DHCP_CLIENT_DOMAIN_BYTES - 1);
    setup(NULL);
    reply_opt(DHCP_OPT_HOST_NAME, name, DHCP_CLIENT_NAME_BYTES);
    reply_opt(DHCP_OPT_DOMAIN_NAME, name, DHCP_CLIENT_DOMAIN_BYTES);
    EXPECT_ANSWER(acknowledged);
    assert_int_equal(NOTES(names_ignored), 2);
}

/* Some servers end a text with a NUL (RFC 2132 section 2 says they should not). */
static void test_a_names_last_nul_does_not_count(void **state)
{
    (void)state;
    reply_opt(DHCP_OPT_HOST_NAME, "guest", 6);
    reply_opt(DHCP_OPT_DOMAIN_NAME, "a\0b", 3);
    EXPECT_ANSWER(acknowledged);
    assert_string_equal(client.lease.host_name, "guest");
    assert_string_equal(client.lease.domain, "");
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_every_option_is_read),
        TEST(test_options_in_file_and_sname_are_read),
        TEST(test_address_that_is_no_hosts_is_dropped),
        TEST(test_server_id_that_is_no_hosts_is_dropped),
        TEST(test_mask_with_holes_is_dropped),
        TEST(test_every_good_mask_is_taken),
        TEST(test_missing_mask_is_that_of_the_class),
        TEST(test_lease_time_that_is_none_is_dropped),
        TEST(test_times_out_of_order_are_half_and_seven_eighths),
        TEST(test_times_of_nothing_are_half_and_seven_eighths),
        TEST(test_longest_lease_is_kept_to),
        TEST(test_classless_routes_stand_before_option_3),
        TEST(test_bits_beyond_a_routes_prefix_are_cleared),
        TEST(test_malformed_routes_leave_option_3),
        TEST(test_routes_by_no_host_and_too_many_are_left_out),
        TEST(test_servers_that_are_no_hosts_and_too_many_are_left_out),
        TEST(test_options_of_a_wrong_length_do_not_count),
        TEST(test_mtu_under_576_is_ignored),
        TEST(test_names_that_are_none_are_ignored),
        TEST(test_names_fit_or_are_ignored),
        TEST(test_a_names_last_nul_does_not_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
