/* SPDX-License-Identifier: ISC */
/* test_dhcp_server_who.c - who asks: relays, names, hosts, classes, pools. */
#include "dhcptest.h"

#include <morgana/log.h>

#include "dhcp/dhcp_server_priv.h"

/* ---- relays ---------------------------------------------------------------------------------- */

#define RELAYED                                                                                    \
    "subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.10 10.0.0.19; }"                         \
    "subnet 10.1.0.0 netmask 255.255.0.0 { range 10.1.2.10 10.1.2.19; option routers 10.1.0.1; }"  \
    "subnet 10.2.0.0 netmask 255.255.0.0 { range 10.2.2.10 10.2.2.19; }"                           \
    "subnet 10.3.0.0 netmask 255.255.0.0 { range 10.3.2.10 10.3.2.19; }"

static void relayed(uint32_t n, uint32_t giaddr)
{
    rig_msg(&rig, DHCPDISCOVER, n);
    rig_set(&rig, giaddr, giaddr);
    rig_set(&rig, hops, 3);
    rig.packet.src = giaddr;
    rig.packet.dst = RIG_ADDR;
}

static void test_relays_are_served(void **state)
{
    (void)state;
    rig_init(&rig, RELAYED, 16);
    relayed(1, IP(10, 1, 0, 1));
    expect(DHCP_REPLY, DHCP_REASON_offered);
    assert_int_equal(rig.reply.yiaddr >> 16, 0x0a01);
    assert_int_equal(rig.reply.giaddr, IP(10, 1, 0, 1));
    assert_int_equal(rig_reply_u32(&rig, DHCP_OPT_ROUTERS), IP(10, 1, 0, 1));
    assert_int_equal(rig_reply_u32(&rig, DHCP_OPT_SUBNET_MASK), IP(255, 255, 0, 0));
    assert_int_equal(rig.out.to.addr, IP(10, 1, 0, 1));
    assert_int_equal(rig.out.to.port, 67);
    assert_false(rig.out.to.use_eth);
    /* The same client on another network is another lease. */
    relayed(1, IP(10, 2, 0, 1));
    expect(DHCP_REPLY, DHCP_REASON_offered);
    assert_int_equal(rig.reply.yiaddr >> 16, 0x0a02);
    relayed(1, IP(10, 99, 0, 1));
    expect(DHCP_WARNING, DHCP_REASON_no_subnet);
}

/* What is sent to a relay goes to one host, not to everybody at the word of a stranger. */
static void test_a_relay_is_one_host(void **state)
{
    static const uint32_t nobody[] = {IP(10, 0, 0, 0),  IP(10, 0, 0, 255), IP(255, 255, 255, 255),
                                      IP(224, 0, 0, 1), IP(127, 0, 0, 1),  IP(0, 0, 0, 1)};

    (void)state;
    rig_init(&rig, "ping-check off;" PLAIN, 16);
    for (size_t i = 0; i < ARRAY_SIZE(nobody); i++) {
        rig_msg(&rig, DHCPDISCOVER, 1);
        rig_set(&rig, giaddr, nobody[i]);
        rig_u32(&rig, DHCP_OPT_SUBNET_SELECTION, IP(10, 0, 0, 0));
        expect(DHCP_WARNING, DHCP_REASON_bad_request);
    }
    rig_msg(&rig, DHCPDISCOVER, 1);
    rig_set(&rig, giaddr, IP(192, 0, 2, 1));
    rig_u32(&rig, DHCP_OPT_SUBNET_SELECTION, IP(10, 0, 0, 0));
    expect(DHCP_REPLY, DHCP_REASON_offered);
}

static void test_subnet_selection_comes_before_giaddr(void **state)
{
    (void)state;
    rig_init(&rig, RELAYED, 16);
    relayed(1, IP(10, 1, 0, 1));
    rig_u32(&rig, DHCP_OPT_SUBNET_SELECTION, IP(10, 2, 0, 0)); /* RFC 3011 */
    expect(DHCP_REPLY, DHCP_REASON_offered);
    assert_int_equal(rig.reply.yiaddr >> 16, 0x0a02);
    assert_int_equal(rig_reply_u32(&rig, DHCP_OPT_SUBNET_SELECTION), IP(10, 2, 0, 0));
    assert_int_equal(rig.out.to.addr,
                     IP(10, 1, 0, 1)); /* the reply goes the way the question came */
    relayed(2, IP(10, 1, 0, 1));
    rig_u32(&rig, DHCP_OPT_SUBNET_SELECTION, IP(10, 2, 0, 0));
    rig_opt(&rig, DHCP_OPT_AGENT, "\x05\x04\x0a\x03\x00\x00", 6); /* RFC 3527 */
    expect(DHCP_REPLY, DHCP_REASON_offered);
    assert_int_equal(rig.reply.yiaddr >> 16, 0x0a03);
    relayed(3, IP(10, 1, 0, 1));
    rig_opt(&rig, DHCP_OPT_AGENT, "\x05\x04\x0b\x03\x00\x00", 6);
    expect(DHCP_WARNING, DHCP_REASON_no_subnet);
    /* Without a relay nobody vouches for option 82. */
    rig_msg(&rig, DHCPDISCOVER, 4);
    rig_opt(&rig, DHCP_OPT_AGENT, "\x05\x04\x0a\x03\x00\x00", 6);
    expect(DHCP_REPLY, DHCP_REASON_offered);
    assert_int_equal(rig.reply.yiaddr >> 16, 0x0a00);
}

/* RFC 3046: echoed last and verbatim, in every reply, junk sub-options and all. */
static void test_option_82_is_echoed_last(void **state)
{
    static const uint8_t agent[] = {1, 4, 'e', 't', 'h', '0', 0, 0, 255, 3, 1, 2, 3, 77, 200};
    uint32_t addr = 0;

    (void)state;
    rig_init(&rig, PLAIN, 16);
    for (int step = 0; step < 3; step++) {
        size_t end;

        if (step == 0)
            rig_msg(&rig, DHCPDISCOVER, 1);
        else
            rig_msg(&rig, DHCPREQUEST, 1);
        if (step)
            rig_u32(&rig, DHCP_OPT_REQUESTED_ADDR, step == 1 ? addr : addr ^ 1);
        rig_set(&rig, giaddr, IP(10, 0, 0, 9));
        rig_opt(&rig, DHCP_OPT_AGENT, agent, sizeof(agent));
        rig_opt(&rig, DHCP_OPT_CLIENT_ID, "\0abc", 4);
        assert_int_equal(rig_send(&rig), DHCP_REPLY);
        assert_true(reply_is(step == 0 ? DHCPOFFER : step == 1 ? DHCPACK : DHCPNAK));
        addr = step == 0 ? rig.reply.yiaddr : addr;
        assert_true(
            cs_equal(dhcp_msg_opt(&rig.reply, DHCP_OPT_AGENT), cs_ro_of(agent, sizeof(agent))));
        end = rig.reply.opts[rig.reply.slot[DHCP_OPT_AGENT] - 1].off + sizeof(agent);
        assert_int_equal(rig.reply_buf[end], DHCP_OPT_END);
    }
}

/* ---- names ----------------------------------------------------------------------------------- */

/* RFC 6842: the client id comes back in every reply. RFC 4361: two clients with one MAC and
 * different ids are two (charrua#84, #98: so are two whose ids differ in the type byte only). */
static void test_client_ids_are_opaque_and_echoed(void **state)
{
    uint32_t addr[3];
    static const char *const ids[] = {"\x01\x02\x00\x00\x00\x00\x01",
                                      "\xff\x02\x00\x00\x00\x00\x01",
                                      "\x00\x02\x00\x00\x00\x00\x01"};

    (void)state;
    rig_init(&rig, PLAIN, 16);
    for (int i = 0; i < 3; i++) {
        rig_msg(&rig, DHCPDISCOVER, 1);
        rig_opt(&rig, DHCP_OPT_CLIENT_ID, ids[i], 7);
        expect(DHCP_REPLY, DHCP_REASON_offered);
        assert_true(cs_equal(dhcp_msg_opt(&rig.reply, DHCP_OPT_CLIENT_ID), cs_ro_of(ids[i], 7)));
        addr[i] = rig.reply.yiaddr;
    }
    assert_true(addr[0] != addr[1] && addr[1] != addr[2] && addr[0] != addr[2]);
    assert_int_not_equal(rig_discover(&rig, 1), addr[0]);
    rig_msg(&rig, DHCPREQUEST, 1); /* also in a NAK */
    rig_u32(&rig, DHCP_OPT_REQUESTED_ADDR, IP(1, 2, 3, 4));
    rig_opt(&rig, DHCP_OPT_CLIENT_ID, ids[0], 7);
    expect(DHCP_REPLY, DHCP_REASON_refused);
    assert_true(dhcp_msg_has(&rig.reply, DHCP_OPT_CLIENT_ID));
}

static void test_client_ids_of_no_or_one_byte_are_refused(void **state)
{
    (void)state;
    rig_init(&rig, PLAIN, 16);
    for (size_t n = 0; n < 2; n++) {
        rig_msg(&rig, DHCPDISCOVER, 1);
        rig_opt(&rig, DHCP_OPT_CLIENT_ID, "\0", n);
        expect(DHCP_ERROR, DHCP_REASON_malformed);
        assert_int_equal(rig.out.error, DHCP_WIRE_client_id_length);
    }
}

/* ---- hosts, classes, pools ------------------------------------------------------------------- */

static void test_fixed_hosts_by_every_selector(void **state)
{
    static const char conf[] =
        "subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.10 10.0.0.12; }"
        "subnet 10.1.0.0 netmask 255.255.255.0 { }"
        "host m { hardware ethernet 02:00:00:00:00:01; fixed-address 10.1.0.51, 10.0.0.51; }"
        "host i { option dhcp-client-identifier 01:02:03; fixed-address 10.0.0.52; }"
        "host c { host-identifier option agent.circuit-id \"c1\"; fixed-address 10.0.0.53; }"
        "host r { host-identifier option agent.remote-id \"r1\"; fixed-address 10.0.0.54; }";

    (void)state;
    rig_init(&rig, conf, 16);
    assert_int_equal(rig_lease(&rig, 1), IP(10, 0, 0, 51));         /* the one on its network */
    assert_int_equal(state_at(IP(10, 0, 0, 51)), DHCP_LEASE_BOUND); /* it is in the table, too */
    rig_msg(&rig, DHCPDISCOVER, 2);
    rig_opt(&rig, DHCP_OPT_CLIENT_ID, "\1\2\3", 3);
    rig_send(&rig);
    assert_int_equal(rig.reply.yiaddr, IP(10, 0, 0, 52));
    rig_msg(&rig, DHCPDISCOVER, 3);
    rig_opt(&rig, DHCP_OPT_AGENT, "\1\2c1", 4);
    rig_send(&rig);
    assert_int_equal(rig.reply.yiaddr, IP(10, 0, 0, 53));
    rig_msg(&rig, DHCPDISCOVER, 4);
    rig_opt(&rig, DHCP_OPT_AGENT, "\2\2r1", 4);
    rig_send(&rig);
    assert_int_equal(rig.reply.yiaddr, IP(10, 0, 0, 54));
    init_reboot(1, IP(10, 0, 0, 10)); /* not its own */
    expect(DHCP_REPLY, DHCP_REASON_refused);
    init_reboot(1, IP(10, 0, 0, 51));
    expect(DHCP_REPLY, DHCP_REASON_acknowledged);
    assert_int_equal(rig_release(&rig, 1, IP(10, 0, 0, 51)), DHCP_UPDATE);
}

/* A host known by option 82 renews past the relay, which adds none. */
static void test_a_host_known_by_its_relay_renews_directly(void **state)
{
    (void)state;
    rig_init(&rig,
             "authoritative; subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.10 10.0.0.12; }"
             "host c { host-identifier option agent.circuit-id \"c1\"; fixed-address 10.0.0.53; }",
             16);
    rig_msg(&rig, DHCPREQUEST, 3);
    rig_opt(&rig, DHCP_OPT_AGENT, "\1\2c1", 4);
    rig_set(&rig, giaddr, IP(10, 0, 0, 2));
    rig_u32(&rig, DHCP_OPT_REQUESTED_ADDR, IP(10, 0, 0, 53));
    expect(DHCP_REPLY, DHCP_REASON_acknowledged);
    assert_int_equal(rig_renew(&rig, 3, IP(10, 0, 0, 53)), DHCP_REPLY);
    assert_true(reply_is(DHCPACK));
}

static void test_unknown_clients_and_booting_can_be_denied(void **state)
{
    (void)state;
    rig_init(
        &rig,
        "deny unknown-clients; subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.10 10.0.0.12; }"
        "host a { hardware ethernet 02:00:00:00:00:01; }"
        "host b { hardware ethernet 02:00:00:00:00:02; deny booting; }",
        16);
    assert_true(in_pool(rig_lease(&rig, 1)));
    assert_int_equal(rig_lease(&rig, 2), 0);
    assert_int_equal(rig.out.reason, DHCP_REASON_booting_denied);
    assert_int_equal(rig_lease(&rig, 3), 0);
    assert_int_equal(rig.out.reason, DHCP_REASON_unknown_denied);
}

static void test_pools_permit_by_class_and_knowledge(void **state)
{
    static const char conf[] =
        "class \"phone\" { match if substring(option vendor-class-identifier, 0, 5) = \"phone\"; }"
        "class \"mac\" { match hardware; }"
        "subclass \"mac\" 1:02:00:00:00:00:09;"
        "subnet 10.0.0.0 netmask 255.255.255.0 {"
        " pool { allow members of \"phone\"; range 10.0.0.10 10.0.0.10; }"
        " pool { allow members of \"mac\"; range 10.0.0.11 10.0.0.11; }"
        " pool { deny members of \"phone\"; deny unknown-clients; range 10.0.0.12 10.0.0.12; }"
        " pool { allow known-clients; allow unknown-clients; deny members of \"mac\"; range "
        "10.0.0.13 10.0.0.13; } }"
        "host k { hardware ethernet 02:00:00:00:00:01; }";

    (void)state;
    rig_init(&rig, conf, 16);
    rig_msg(&rig, DHCPDISCOVER, 5);
    rig_opt(&rig, 60, "phone-7", 7);
    expect(DHCP_REPLY, DHCP_REASON_offered);
    assert_int_equal(rig.reply.yiaddr, IP(10, 0, 0, 10));
    assert_int_equal(rig_lease(&rig, 9), IP(10, 0, 0, 11));
    assert_int_equal(rig_lease(&rig, 1), IP(10, 0, 0, 12));
    assert_int_equal(rig_lease(&rig, 2), IP(10, 0, 0, 13));
    assert_int_equal(rig_lease(&rig, 3), 0);
    rig_msg(&rig, DHCPDISCOVER, 6); /* a wish does not open a pool */
    rig_u32(&rig, DHCP_OPT_REQUESTED_ADDR, IP(10, 0, 0, 10));
    expect(DHCP_WARNING, DHCP_REASON_no_free_address);
}

/* A list that allows somebody denies everybody else; a pool without a list is for all. */
static void test_a_pool_that_allows_some_is_closed_to_others(void **state)
{
    (void)state;
    rig_init(&rig,
             "class \"phone\" { match if option vendor-class-identifier = \"phone\"; }"
             "subnet 10.0.0.0 netmask 255.255.255.0 {"
             " pool { allow members of \"phone\"; range 10.0.0.10 10.0.0.12; } }",
             16);
    assert_int_equal(rig_lease(&rig, 1), 0);
    rig_msg(&rig, DHCPDISCOVER, 1);
    rig_opt(&rig, 60, "phone", 5);
    expect(DHCP_REPLY, DHCP_REASON_offered);
}

/* A host may be declared inside a subnet and turn up on another: that subnet's options are not
 * its own there. */
static void test_a_host_declared_in_another_subnet(void **state)
{
    (void)state;
    rig_init(
        &rig,
        "subnet 10.5.0.0 netmask 255.255.255.0 { option routers 10.5.0.1; option host-name \"far\";"
        " host h { hardware ethernet 02:00:00:00:00:01; option domain-name \"its-own\"; } }"
        "subnet 10.0.0.0 netmask 255.255.255.0 { option routers 10.0.0.254; range 10.0.0.10 "
        "10.0.0.12; }",
        16);
    assert_true(in_pool(rig_discover(&rig, 1)));
    assert_int_equal(rig_reply_u32(&rig, DHCP_OPT_ROUTERS), IP(10, 0, 0, 254));
    assert_false(dhcp_msg_has(&rig.reply, DHCP_OPT_HOST_NAME));
    assert_true(cs_equal_str(dhcp_msg_opt(&rig.reply, DHCP_OPT_DOMAIN_NAME), "its-own"));
}

static void test_a_shared_network_lends_from_all_its_subnets(void **state)
{
    unsigned first = 0, second = 0;

    (void)state;
    rig_init(&rig,
             "shared-network s { subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.10 "
             "10.0.0.12; option routers 10.0.0.1; }"
             " subnet 10.5.0.0 netmask 255.255.255.0 { range 10.5.0.10 10.5.0.12; option routers "
             "10.5.0.1; } }",
             16);
    for (uint32_t n = 0; n < 6; n++) {
        uint32_t addr = rig_lease(&rig, n);

        assert_true(addr);
        assert_int_equal(rig_reply_u32(&rig, DHCP_OPT_ROUTERS), (addr & 0xffffff00) | 1);
        if (addr >> 8 == 0x0a0000)
            first++;
        else
            second++;
        if (n == 2)
            assert_int_equal(second, 0); /* its own subnet comes first */
    }
    assert_int_equal(first, 3);
    assert_int_equal(second, 3);
    assert_int_equal(rig_lease(&rig, 6), 0);
}

/* CVE-2025-40779's class: options for a client without a subnet. */
static void test_a_client_without_a_subnet_gets_no_answer(void **state)
{
    (void)state;
    rig_init(&rig,
             "option domain-name \"x\"; subnet 10.7.0.0 netmask 255.255.255.0 { range 10.7.0.10 "
             "10.7.0.12; }"
             "host h { hardware ethernet 02:00:00:00:00:01; option host-name \"h\"; fixed-address "
             "10.7.0.1; }",
             16);
    for (uint32_t n = 1; n < 3; n++) {
        static const enum dhcp_type types[] = {DHCP_NONE, DHCPDISCOVER, DHCPREQUEST, DHCPDECLINE,
                                               DHCPRELEASE};

        for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
            rig_msg(&rig, types[i], n);
            expect(DHCP_WARNING, DHCP_REASON_no_subnet);
        }
    }
}

/* However many scopes hold for a client, the outermost is among them. */
static void test_the_global_scope_is_never_out_of_reach(void **state)
{
    static char text[4096];
    size_t n;

    (void)state;
    n = fmt_buf(text, sizeof(text), "ping-check off; option domain-name-servers 10.0.0.53;");
    for (unsigned i = 0; i < DHCP_CLASSES_MAX; i++)
        n += fmt_buf(text + n, sizeof(text) - n,
                     "class \"%u\" { match hardware; }"
                     "subclass \"%u\" 1:02:00:00:00:00:01 { filename \"x\"; }",
                     i, i);
    for (unsigned i = 1; i < DHCP_CONF_DEPTH_MAX; i++)
        n += fmt_buf(text + n, sizeof(text) - n, "group {");
    n += fmt_buf(text + n, sizeof(text) - n,
                 "host h { hardware ethernet 02:00:00:00:00:01; filename \"y\"; }");
    for (unsigned i = 1; i < DHCP_CONF_DEPTH_MAX; i++)
        n += fmt_buf(text + n, sizeof(text) - n, "}");
    n += fmt_buf(text + n, sizeof(text) - n,
                 "subnet 10.0.0.0 netmask 255.255.255.0 { pool { range 10.0.0.10; } }");
    assert_true(n < sizeof(text));
    rig_init(&rig, text, 16);
    rig_msg(&rig, DHCPDISCOVER, 1);
    expect(DHCP_REPLY, DHCP_REASON_offered);
    assert_int_equal(rig_reply_u32(&rig, DHCP_OPT_DNS), IP(10, 0, 0, 53));
}

/* A client in more classes than are looked at is served, and what it misses is counted. */
static void test_classes_beyond_the_sixteenth_are_counted(void **state)
{
    static char text[4096];
    size_t n = 0;

    (void)state;
    for (unsigned i = 0; i < DHCP_CLASSES_MAX + 3; i++)
        n += fmt_buf(text + n, sizeof(text) - n,
                     "class \"%u\" { match if option vendor-class-identifier = \"%s\"; }", i,
                     i == 2 ? "other" : "vc");
    n += fmt_buf(text + n, sizeof(text) - n, "ping-check off;" PLAIN);
    assert_true(n < sizeof(text));
    rig_init(&rig, text, 16);
    rig_msg(&rig, DHCPDISCOVER, 1);
    rig_opt(&rig, 60, "vc", 2);
    expect(DHCP_REPLY, DHCP_REASON_offered);
    assert_int_equal(rig.out.classes_left_out, 2);
    rig_msg(&rig, DHCPDISCOVER, 1);
    rig_opt(&rig, 60, "other", 5);
    expect(DHCP_REPLY, DHCP_REASON_offered);
    assert_int_equal(rig.out.classes_left_out, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_relays_are_served),
        TEST(test_a_relay_is_one_host),
        TEST(test_subnet_selection_comes_before_giaddr),
        TEST(test_option_82_is_echoed_last),
        TEST(test_client_ids_are_opaque_and_echoed),
        TEST(test_client_ids_of_no_or_one_byte_are_refused),
        TEST(test_fixed_hosts_by_every_selector),
        TEST(test_a_host_known_by_its_relay_renews_directly),
        TEST(test_unknown_clients_and_booting_can_be_denied),
        TEST(test_pools_permit_by_class_and_knowledge),
        TEST(test_a_pool_that_allows_some_is_closed_to_others),
        TEST(test_a_host_declared_in_another_subnet),
        TEST(test_a_shared_network_lends_from_all_its_subnets),
        TEST(test_a_client_without_a_subnet_gets_no_answer),
        TEST(test_the_global_scope_is_never_out_of_reach),
        TEST(test_classes_beyond_the_sixteenth_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
