/* SPDX-License-Identifier: ISC */
/* test_dhcp_server_reply.c - what is in a reply, and where it goes. */
#include "dhcptest.h"

/* ---- where replies go (RFC 2131 section 4.1) ------------------------------------------------- */

static void test_a_client_without_an_address_is_sent_to_without_arp(void **state)
{
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
    uint32_t addr;

    (void)state;
    rig_init(&rig, PLAIN, 16);
    addr = rig_discover(&rig, 1);
    assert_int_equal(rig.out.to.addr, addr);
    assert_int_equal(rig.out.to.port, 68);
    assert_true(rig.out.to.use_eth);
    assert_memory_equal(rig.out.to.eth, mac, 6);
}

static void test_the_broadcast_flag_is_honoured(void **state)
{
    (void)state;
    rig_init(&rig, PLAIN, 16);
    rig_msg(&rig, DHCPDISCOVER, 1);
    rig_set(&rig, flags, DHCP_FLAG_BROADCAST);
    expect(DHCP_REPLY, DHCP_REASON_offered);
    assert_int_equal(rig.out.to.addr, RIG_BROADCAST);
    assert_false(rig.out.to.use_eth);
    assert_int_equal(rig.reply.flags, DHCP_FLAG_BROADCAST);
}

static void test_hardware_that_is_not_ethernet_is_broadcast_to(void **state)
{
    (void)state;
    rig_init(&rig, PLAIN, 16);
    rig_msg(&rig, DHCPDISCOVER, 1); /* InfiniBand, RFC 4390: hlen 0, and a client id */
    rig_set(&rig, htype, 32);
    rig_set(&rig, hlen, 0);
    rig_opt(&rig, DHCP_OPT_CLIENT_ID, "\xff\x01\x02\x03", 4);
    expect(DHCP_REPLY, DHCP_REASON_offered);
    assert_int_equal(rig.out.to.addr, RIG_BROADCAST);
    rig_msg(&rig, DHCPDISCOVER, 1); /* nameless */
    rig_set(&rig, hlen, 0);
    expect(DHCP_WARNING, DHCP_REASON_no_client_id);
}

static void test_a_nak_is_broadcast(void **state)
{
    (void)state;
    rig_init(&rig, PLAIN, 16);
    assert_int_equal(rig_renew(&rig, 1, IP(10, 0, 0, 15)), DHCP_REPLY);
    assert_true(reply_is(DHCPNAK));
    assert_int_equal(rig.out.to.addr, RIG_BROADCAST);
    assert_int_equal(rig.reply.yiaddr, 0);
    assert_int_equal(rig.reply.ciaddr, 0);
    assert_int_equal(rig.reply.siaddr, 0);
    assert_false(dhcp_msg_has(&rig.reply, DHCP_OPT_LEASE_TIME)); /* table 3: MUST NOT */
    assert_false(dhcp_msg_has(&rig.reply, DHCP_OPT_ROUTERS));
    assert_int_equal(rig_reply_u32(&rig, DHCP_OPT_SERVER_ID), RIG_ADDR);
    /* Through a relay: to it, with the broadcast bit. */
    init_reboot(1, IP(10, 0, 0, 15));
    rig_set(&rig, giaddr, IP(10, 0, 0, 9));
    expect(DHCP_REPLY, DHCP_REASON_refused);
    assert_int_equal(rig.out.to.addr, IP(10, 0, 0, 9));
    assert_int_equal(rig.out.to.port, 67);
    assert_int_equal(rig.reply.flags, DHCP_FLAG_BROADCAST);
}

/* ---- options of the reply -------------------------------------------------------------------- */

static unsigned place(uint8_t code)
{
    return rig.reply.slot[code];
}

static void test_without_a_parameter_list_the_defaults_are_sent(void **state)
{
    (void)state;
    rig_init(&rig, PLAIN, 16);
    rig_discover(&rig, 1);
    assert_int_equal(rig_reply_u32(&rig, DHCP_OPT_SUBNET_MASK), IP(255, 255, 255, 0));
    assert_int_equal(rig_reply_u32(&rig, DHCP_OPT_ROUTERS), IP(10, 0, 0, 254));
    assert_int_equal(dhcp_msg_opt(&rig.reply, DHCP_OPT_DNS).len, 8);
    assert_true(cs_equal_str(dhcp_msg_opt(&rig.reply, DHCP_OPT_DOMAIN_NAME), "example.org"));
    assert_true(place(DHCP_OPT_SUBNET_MASK) < place(DHCP_OPT_ROUTERS)); /* RFC 2132 section 3.3 */
}

static void test_a_parameter_list_is_followed_in_its_order(void **state)
{
    (void)state;
    rig_init(&rig, PLAIN, 16);
    rig_msg(&rig, DHCPDISCOVER, 1);
    rig_opt(&rig, DHCP_OPT_PARAMETERS, "\x03\x0f\x01\x1c\x03\x36\x33\x35\x00\xff\x52\x3d", 12);
    expect(DHCP_REPLY, DHCP_REASON_offered);
    assert_true(place(15) && place(3) && place(1));
    assert_true(place(3) < place(15));
    assert_true(place(1) < place(3)); /* RFC 2132 section 3.3: the netmask first all the same */
    assert_int_equal(rig_reply_u32(&rig, DHCP_OPT_BROADCAST), IP(10, 0, 0, 255));
    assert_false(dhcp_msg_has(&rig.reply, DHCP_OPT_DNS)); /* not asked for */
    assert_int_equal(dhcp_msg_opt(&rig.reply, 3).len, 4); /* once */
    assert_int_equal(dhcp_msg_opt(&rig.reply, 53).len, 1);
    assert_false(place(82) || place(61));
}

static void test_options_pass_through_whatever_they_are(void **state)
{
    (void)state;
    rig_init(
        &rig,
        "option weird code 224 = string; option rfc3442 code 121 = array of unsigned integer 8;"
        "option weird 00:ff:07; option rfc3442 24, 192, 168, 7, 10, 0, 0, 2;" PLAIN,
        16);
    rig_msg(&rig, DHCPDISCOVER, 1);
    rig_opt(&rig, DHCP_OPT_PARAMETERS, "\xe0\x79\x03\x01\xe1", 5);
    expect(DHCP_REPLY, DHCP_REASON_offered);
    assert_true(cs_equal(dhcp_msg_opt(&rig.reply, 224), cs_ro_of("\0\xff\x07", 3)));
    assert_int_equal(dhcp_msg_opt(&rig.reply, 121).len, 8); /* RFC 3442 */
    assert_true(place(121) < place(3));
    assert_false(place(225));
}

/* The innermost scope wins: host, group, class, pool, subnet, shared-network, global. */
static void test_the_innermost_scope_wins(void **state)
{
    static const char conf[] =
        "option domain-name \"global\"; option host-name \"global\"; option root-path \"global\";"
        "option merit-dump \"global\"; option nis-domain \"global\"; option tftp-server-name "
        "\"global\";"
        "option extensions-path \"global\";"
        "class \"c\" { match if option vendor-class-identifier = \"vc\"; option host-name "
        "\"class\";"
        " option domain-name \"class\"; option tftp-server-name \"class\"; }"
        "shared-network s { option root-path \"shared\"; option merit-dump \"shared\";"
        " option nis-domain \"shared\"; option host-name \"shared\";"
        " subnet 10.0.0.0 netmask 255.255.255.0 { option merit-dump \"subnet\"; option nis-domain "
        "\"subnet\";"
        "  option domain-name \"subnet\"; pool { range 10.0.0.10 10.0.0.19; option nis-domain "
        "\"pool\"; } } }"
        "group { option domain-name \"group\"; option tftp-server-name \"group\";"
        " host h { hardware ethernet 02:00:00:00:00:01; option domain-name \"host\"; } }";
    static const struct {
        uint8_t code;
        const char *from;
    } want[] = {{15, "host"},   {66, "group"},  {12, "class"}, {40, "pool"},
                {14, "subnet"}, {17, "shared"}, {18, "global"}};

    (void)state;
    rig_init(&rig, conf, 16);
    rig_msg(&rig, DHCPDISCOVER, 1);
    rig_opt(&rig, 60, "vc", 2);
    expect(DHCP_REPLY, DHCP_REASON_offered);
    for (size_t i = 0; i < ARRAY_SIZE(want); i++)
        if (!cs_equal_str(dhcp_msg_opt(&rig.reply, want[i].code), want[i].from))
            fail_msg("option %u is not the %s's but \"%.*s\"", want[i].code, want[i].from,
                     (int)dhcp_msg_opt(&rig.reply, want[i].code).len,
                     (const char *)dhcp_msg_opt(&rig.reply, want[i].code).base);
}

/* RFC 2132 section 9.10; less than 576 means 576; what does not fit is left out whole. */
static void test_option_57_limits_the_reply(void **state)
{
    static char conf[4096];
    uint16_t sizes[] = {0, 100, 576, 700, 1000, 1500, 65535};

    (void)state;
    strcpy(conf, PLAIN "option big code 230 = text; option more code 231 = text; option big \"");
    memset(conf + strlen(conf), 'b', 600);
    strcat(conf, "\"; option more \"");
    memset(conf + strlen(conf), 'm', 600);
    strcat(conf, "\";");
    rig_init(&rig, conf, 16);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        uint8_t be[2] = {(uint8_t)(sizes[i] >> 8), (uint8_t)sizes[i]};
        size_t max = sizes[i] < 576 ? 548 : sizes[i] > 1500 ? 1472 : sizes[i] - 28u;

        rig_msg(&rig, DHCPDISCOVER, 1);
        if (sizes[i])
            rig_opt(&rig, DHCP_OPT_MAX_SIZE, be, 2);
        rig_opt(&rig, DHCP_OPT_PARAMETERS, "\xe6\xe7\x01\x03\x06", 5);
        expect(DHCP_REPLY, DHCP_REASON_offered);
        assert_true(rig.out.len <= max);
        assert_true(dhcp_msg_has(&rig.reply, 6)); /* what comes later and fits is there */
        assert_int_equal(dhcp_msg_opt(&rig.reply, 230).len, max < 700 ? 0 : 600);
        assert_int_equal(dhcp_msg_opt(&rig.reply, 231).len, max < 1472 ? 0 : 600);
        assert_int_equal(rig.out.left_out, max < 700 ? 2 : max < 1472 ? 1 : 0);
    }
}

static void test_options_overflow_into_file_and_sname(void **state)
{
    static char conf[4096];

    (void)state;
    strcpy(conf, PLAIN "option a code 230 = text; option b code 231 = text; option c code 232 = "
                       "text; option a \"");
    memset(conf + strlen(conf), 'a', 200);
    strcat(conf, "\"; option b \"");
    memset(conf + strlen(conf), 'b', 110);
    strcat(conf, "\"; option c \"");
    memset(conf + strlen(conf), 'c', 50);
    strcat(conf, "\";");
    rig_init(&rig, conf, 16);
    rig_discover(&rig, 1);
    assert_int_equal(dhcp_msg_opt(&rig.reply, 230).len, 200);
    assert_int_equal(dhcp_msg_opt(&rig.reply, 231).len, 110);
    assert_int_equal(dhcp_msg_opt(&rig.reply, 232).len, 50);
    assert_int_equal(dhcp_msg_opt(&rig.reply, DHCP_OPT_OVERLOAD).len, 1);
    assert_true(rig.out.len <= 548);
}

/* RFC 6842 and RFC 3046 section 2.1 both want an echo; the relay takes option 82 off, so what the
 * client reads is no longer than it can be. */
static void test_the_longest_client_id_and_option_82_are_both_echoed(void **state)
{
    static uint8_t id[255], agent[255] = {1, 253};

    (void)state;
    memset(id, 0x5a, sizeof(id));
    rig_init(&rig, PLAIN, 16);
    rig_msg(&rig, DHCPDISCOVER, 1);
    rig_set(&rig, giaddr, IP(10, 0, 0, 9));
    rig_opt(&rig, DHCP_OPT_CLIENT_ID, id, sizeof(id));
    rig_opt(&rig, DHCP_OPT_AGENT, agent, sizeof(agent));
    expect(DHCP_REPLY, DHCP_REASON_offered);
    assert_true(cs_equal(dhcp_msg_opt(&rig.reply, 61), cs_ro_of(id, sizeof(id))));
    assert_true(cs_equal(dhcp_msg_opt(&rig.reply, 82), cs_ro_of(agent, sizeof(agent))));
    assert_true(rig.out.len <= 548 + 2 + sizeof(agent));
    assert_int_equal(rig.out.left_out, 0);
}

static void test_lease_times(void **state)
{
    static const struct {
        uint32_t ask, get;
    } cases[] = {{0, 60},
                 {30, 60},
                 {60, 60},
                 {1000, 1000},
                 {7200, 7200},
                 {7201, 7200},
                 {DHCP_INFINITE, 7200}};

    (void)state;
    rig_init(&rig, PLAIN, 16);
    rig_discover(&rig, 1);
    assert_int_equal(rig_reply_u32(&rig, DHCP_OPT_LEASE_TIME), 600);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        rig_msg(&rig, DHCPDISCOVER, 1);
        rig_u32(&rig, DHCP_OPT_LEASE_TIME, cases[i].ask);
        expect(DHCP_REPLY, DHCP_REASON_offered);
        assert_int_equal(rig_reply_u32(&rig, DHCP_OPT_LEASE_TIME), cases[i].get);
        assert_int_equal(rig_reply_u32(&rig, DHCP_OPT_T1), cases[i].get / 2);
    }
    rig_fini(&rig);
    rig_init(&rig,
             "default-lease-time 4294967295; max-lease-time 4294967295; subnet 10.0.0.0 netmask "
             "255.255.255.0 {"
             " range 10.0.0.10 10.0.0.19; }",
             16);
    rig_discover(&rig, 1);
    assert_int_equal(rig_reply_u32(&rig, DHCP_OPT_LEASE_TIME), DHCP_INFINITE);
    assert_false(dhcp_msg_has(&rig.reply, DHCP_OPT_T1));
    rig_fini(&rig);
    rig_init(&rig,
             "option dhcp-renewal-time 100; option dhcp-rebinding-time 200; default-lease-time 300;"
             "subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.10 10.0.0.19; }",
             16);
    rig_discover(&rig, 1);
    assert_int_equal(rig_reply_u32(&rig, DHCP_OPT_T1), 100);
    assert_int_equal(rig_reply_u32(&rig, DHCP_OPT_T2), 200);
}

static void test_boot_fields(void **state)
{
    (void)state;
    rig_init(&rig, "next-server 10.0.0.5; filename \"/pxe.0\"; server-name \"boot\";" PLAIN, 16);
    rig_discover(&rig, 1);
    assert_int_equal(rig.reply.siaddr, IP(10, 0, 0, 5));
    assert_string_equal((const char *)rig.reply.file.base, "/pxe.0");
    assert_string_equal((const char *)rig.reply.sname.base, "boot");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_client_without_an_address_is_sent_to_without_arp),
        TEST(test_the_broadcast_flag_is_honoured),
        TEST(test_hardware_that_is_not_ethernet_is_broadcast_to),
        TEST(test_a_nak_is_broadcast),
        TEST(test_without_a_parameter_list_the_defaults_are_sent),
        TEST(test_a_parameter_list_is_followed_in_its_order),
        TEST(test_options_pass_through_whatever_they_are),
        TEST(test_the_innermost_scope_wins),
        TEST(test_option_57_limits_the_reply),
        TEST(test_options_overflow_into_file_and_sname),
        TEST(test_the_longest_client_id_and_option_82_are_both_echoed),
        TEST(test_lease_times),
        TEST(test_boot_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
