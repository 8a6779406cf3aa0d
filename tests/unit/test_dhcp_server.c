/* SPDX-License-Identifier: ISC */
/* test_dhcp_server.c - what the server answers to each message in each state (RFC 2131 section 4.3), on virtual time. */
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include "dhcprig.h"

static struct rig rig;

static int fini(void **state)
{
    (void)state;
    rig_fini(&rig);
    return 0;
}

#define TEST(name) cmocka_unit_test_teardown(name, fini)

#define PLAIN                                                                                      \
    "default-lease-time 600; max-lease-time 7200; min-lease-time 60; authoritative;"               \
    "option domain-name-servers 10.0.0.53, 10.0.0.54; option domain-name \"example.org\";"         \
    "subnet 10.0.0.0 netmask 255.255.255.0 { option routers 10.0.0.254;"                           \
    " range 10.0.0.10 10.0.0.19; }"

static void expect(enum dhcp_verdict v, enum dhcp_reason reason)
{
    enum dhcp_verdict got = rig_send(&rig);

    if (got != v || rig.out.reason != reason)
        fail_msg("%s %s, not %s %s", dhcp_verdict_name(got), dhcp_reason_name(rig.out.reason),
                 dhcp_verdict_name(v), dhcp_reason_name(reason));
}

static bool reply_is(enum dhcp_type type)
{
    return rig.out.len && rig.reply.type == type;
}

static bool in_pool(uint32_t addr)
{
    return addr >= IP(10, 0, 0, 10) && addr <= IP(10, 0, 0, 19);
}

static struct dhcp_lease *lease_at(uint32_t addr)
{
    return dhcp_leases_by_addr(&rig.leases, addr);
}

static enum dhcp_lease_state state_at(uint32_t addr)
{
    return lease_at(addr) ? dhcp_lease_state(&rig.leases, lease_at(addr)) : DHCP_LEASE_FREE;
}

/* ---- DISCOVER, OFFER, REQUEST, ACK ----------------------------------------------------------------------------------- */

static void test_four_messages_make_a_lease(void **state)
{
    uint32_t addr;

    (void)state;
    rig_init(&rig, PLAIN, 16);
    addr = rig_discover(&rig, 1);
    assert_true(in_pool(addr));
    assert_int_equal(rig.reply.op, BOOTREPLY);
    assert_int_equal(rig.reply.xid, 7919 + 1);
    assert_int_equal(rig.reply.ciaddr, 0);
    assert_int_equal(rig.reply.siaddr, 0);
    assert_int_equal(rig_reply_u32(&rig, DHCP_OPT_LEASE_TIME), 600);
    assert_int_equal(rig_reply_u32(&rig, DHCP_OPT_T1), 300);
    assert_int_equal(rig_reply_u32(&rig, DHCP_OPT_T2), 525);
    assert_int_equal(state_at(addr), DHCP_LEASE_OFFERED);

    assert_int_equal(rig_select(&rig, 1, addr), addr);
    assert_int_equal(state_at(addr), DHCP_LEASE_BOUND);
    assert_true(rig.out.is_new);
    assert_int_equal(rig_select(&rig, 1, addr), addr); /* a retransmission */
    assert_false(rig.out.is_new);
}

/* mirage#37, charrua#157: the server identifier is our address, not siaddr. */
static void test_the_server_identifier_is_our_address(void **state)
{
    (void)state;
    rig_init(&rig, "next-server 10.0.0.77;" PLAIN, 16);
    assert_true(in_pool(rig_discover(&rig, 1)));
    assert_int_equal(rig_reply_u32(&rig, DHCP_OPT_SERVER_ID), RIG_ADDR);
    assert_int_equal(rig.reply.siaddr, IP(10, 0, 0, 77));
}

/* A lease is committed only after its reply went out. */
static void test_a_reply_that_does_not_go_out_commits_nothing(void **state)
{
    uint32_t addr;

    (void)state;
    rig_init(&rig, "ping-check off;" PLAIN, 16);
    rig.lose_reply = true;
    addr = rig_discover(&rig, 1);
    assert_true(addr);
    assert_int_equal(state_at(addr), DHCP_LEASE_FREE);
    rig.lose_reply = false;
    addr = rig_discover(&rig, 1);
    rig.lose_reply = true;
    assert_int_equal(rig_select(&rig, 1, addr), addr);
    assert_int_equal(state_at(addr), DHCP_LEASE_OFFERED);
}

static void test_an_offer_is_reserved_for_seconds(void **state)
{
    uint32_t first, seen[10];

    (void)state;
    rig_init(&rig, PLAIN, 16);
    for (uint32_t n = 0; n < 10; n++) {
        seen[n] = rig_discover(&rig, n);
        assert_true(in_pool(seen[n]));
        for (uint32_t i = 0; i < n; i++)
            assert_int_not_equal(seen[n], seen[i]);
    }
    assert_int_equal(rig_discover(&rig, 10), 0);
    assert_int_equal(rig.out.reason, DHCP_REASON_no_free_address);
    rig_advance(&rig, 29);
    assert_int_equal(rig_discover(&rig, 10), 0);
    rig_advance(&rig, 3);
    first = rig_discover(&rig, 10);
    assert_true(in_pool(first));
}

static void test_another_server_was_chosen(void **state)
{
    uint32_t addr;

    (void)state;
    rig_init(&rig, PLAIN, 16);
    addr = rig_discover(&rig, 1);
    rig_msg(&rig, DHCPREQUEST, 1);
    rig_u32(&rig, DHCP_OPT_SERVER_ID, IP(10, 0, 0, 2));
    rig_u32(&rig, DHCP_OPT_REQUESTED_ADDR, IP(10, 0, 0, 99));
    expect(DHCP_UPDATE, DHCP_REASON_chose_another);
    assert_int_equal(state_at(addr), DHCP_LEASE_FREE);
    /* But a lease that is acknowledged stays. */
    assert_int_equal(rig_lease(&rig, 1), addr);
    rig_msg(&rig, DHCPREQUEST, 1);
    rig_u32(&rig, DHCP_OPT_SERVER_ID, IP(10, 0, 0, 2));
    rig_u32(&rig, DHCP_OPT_REQUESTED_ADDR, addr);
    expect(DHCP_SILENCE, DHCP_REASON_other_server);
    assert_int_equal(state_at(addr), DHCP_LEASE_BOUND);
}

static void test_selecting_what_was_not_offered_is_refused(void **state)
{
    uint32_t addr;

    (void)state;
    rig_init(&rig, PLAIN, 16);
    addr = rig_discover(&rig, 1);
    assert_int_equal(rig_select(&rig, 1, addr == IP(10, 0, 0, 11) ? addr + 1 : IP(10, 0, 0, 11)),
                     0);
    assert_true(reply_is(DHCPNAK));
    /* Somebody else's. */
    assert_int_equal(rig_lease(&rig, 1), addr);
    assert_int_equal(rig_select(&rig, 2, addr), 0);
    assert_true(reply_is(DHCPNAK));
    assert_int_equal(rig_renew(&rig, 1, addr), DHCP_REPLY);
    assert_true(reply_is(DHCPACK));
}

static void test_the_client_gets_the_address_it_had(void **state)
{
    uint32_t addr[5];

    (void)state;
    rig_init(&rig, PLAIN, 16);
    for (uint32_t n = 0; n < 5; n++)
        addr[n] = rig_lease(&rig, n);
    assert_int_equal(rig_discover(&rig, 2), addr[2]);      /* while it is valid */
    assert_int_equal(state_at(addr[2]), DHCP_LEASE_BOUND); /* and the offer takes nothing away */
    rig_advance(&rig, 10000);
    assert_int_equal(rig_lease(&rig, 7) == addr[3], false);
    assert_int_equal(rig_lease(&rig, 3), addr[3]);                 /* long after */
    assert_int_equal(rig_release(&rig, 4, addr[4]), DHCP_WARNING); /* its lease is over */
}

static void test_the_wish_for_an_address_is_granted_if_it_is_free(void **state)
{
    (void)state;
    rig_init(&rig, PLAIN, 16);
    rig_msg(&rig, DHCPDISCOVER, 1);
    rig_u32(&rig, DHCP_OPT_REQUESTED_ADDR, IP(10, 0, 0, 17));
    expect(DHCP_REPLY, DHCP_REASON_offered);
    assert_int_equal(rig.reply.yiaddr, IP(10, 0, 0, 17));
    rig_msg(&rig, DHCPDISCOVER, 2);
    rig_u32(&rig, DHCP_OPT_REQUESTED_ADDR, IP(10, 0, 0, 17));
    expect(DHCP_REPLY, DHCP_REASON_offered);
    assert_int_not_equal(rig.reply.yiaddr, IP(10, 0, 0, 17));
    /* Not outside the pool, and nothing beside it (charrua#154). */
    rig_msg(&rig, DHCPDISCOVER, 3);
    rig_u32(&rig, DHCP_OPT_REQUESTED_ADDR, IP(10, 0, 0, 20));
    expect(DHCP_REPLY, DHCP_REASON_offered);
    assert_true(in_pool(rig.reply.yiaddr));
}

/* charrua#154: the scan of a pool stays in the pool; and it skips what is not to be given away. */
static void test_every_address_of_the_pools_is_given_once(void **state)
{
    uint32_t given = 0;
    bool seen[16] = {false};

    (void)state;
    rig_init(&rig,
             "ping-check off; subnet 10.0.0.0 netmask 255.255.255.240 {"
             " range 10.0.0.1 10.0.0.4; range 10.0.0.6 10.0.0.7; range 10.0.0.14; }"
             "host h { hardware ethernet 02:00:00:00:00:63; fixed-address 10.0.0.6; }",
             16);
    for (uint32_t n = 0; n < 40; n++) {
        uint32_t addr = rig_lease(&rig, n);

        if (!addr)
            continue;
        given++;
        assert_true(addr > IP(10, 0, 0, 0) && addr < IP(10, 0, 0, 15));
        assert_false(seen[addr & 15]);
        seen[addr & 15] = true;
    }
    /* 2, 3, 4, 7, 14: not ours, not the host's. */
    assert_int_equal(given, 5);
    assert_true(seen[2] && seen[3] && seen[4] && seen[7] && seen[14]);
}

/* ---- INIT-REBOOT, RENEWING, REBINDING (RFC 2131 section 4.3.2, table 4) ------------------------------------------------ */

static void init_reboot(uint32_t n, uint32_t addr)
{
    rig_msg(&rig, DHCPREQUEST, n);
    rig_u32(&rig, DHCP_OPT_REQUESTED_ADDR, addr);
}

static void test_init_reboot_with_the_right_address_is_acknowledged(void **state)
{
    uint32_t addr;

    (void)state;
    rig_init(&rig, PLAIN, 16);
    addr = rig_lease(&rig, 1);
    init_reboot(1, addr);
    expect(DHCP_REPLY, DHCP_REASON_acknowledged);
    assert_true(reply_is(DHCPACK));
    assert_int_equal(rig.reply.yiaddr, addr);
    rig_advance(&rig, 100000); /* over, but not given to another */
    init_reboot(1, addr);
    expect(DHCP_REPLY, DHCP_REASON_acknowledged);
    assert_int_equal(state_at(addr), DHCP_LEASE_BOUND);
}

static void test_init_reboot_with_a_wrong_address_is_refused(void **state)
{
    uint32_t addr;

    (void)state;
    rig_init(
        &rig,
        "not authoritative; subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.10 10.0.0.19; }",
        16);
    addr = rig_lease(&rig, 1);
    init_reboot(1, addr ^ 1);
    expect(DHCP_REPLY, DHCP_REASON_refused);
    init_reboot(1, IP(192, 168, 1, 1));
    expect(DHCP_REPLY, DHCP_REASON_refused);
}

static void test_unknown_clients_are_refused_by_the_authority_only(void **state)
{
    (void)state;
    for (int authoritative = 0; authoritative < 2; authoritative++) {
        rig_init(&rig,
                 authoritative
                     ? "authoritative; subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.10 "
                       "10.0.0.19; }"
                     : "subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.10 10.0.0.19; }",
                 16);
        init_reboot(1, IP(10, 0, 0, 15));
        rig_send(&rig);
        assert_int_equal(rig.out.reason,
                         authoritative ? DHCP_REASON_refused : DHCP_REASON_unknown_client);
        init_reboot(1, IP(172, 16, 0, 1));
        rig_send(&rig);
        assert_int_equal(rig.out.reason,
                         authoritative ? DHCP_REASON_refused : DHCP_REASON_unknown_client);
        rig_renew(&rig, 1, IP(10, 0, 0, 15));
        assert_int_equal(rig.out.reason,
                         authoritative ? DHCP_REASON_refused : DHCP_REASON_unknown_client);
        if (!authoritative)
            rig_fini(&rig);
    }
}

static void test_renewing_and_rebinding_extend_the_lease(void **state)
{
    uint32_t addr;

    (void)state;
    rig_init(&rig, PLAIN, 16);
    addr = rig_lease(&rig, 1);
    rig_advance(&rig, 300);
    assert_int_equal(rig_renew(&rig, 1, addr), DHCP_REPLY);
    assert_true(reply_is(DHCPACK));
    assert_int_equal(rig.reply.ciaddr, addr); /* table 3 */
    assert_int_equal(rig.out.to.addr, addr);  /* section 4.1: unicast, by ARP */
    assert_int_equal(rig.out.to.port, 68);
    assert_false(rig.out.to.use_eth);
    assert_int_equal(dhcp_lease_left_s(&rig.leases, lease_at(addr)), 600);
    rig_advance(&rig, 550);
    rig_msg(&rig, DHCPREQUEST, 1); /* REBINDING: broadcast */
    rig_set(&rig, ciaddr, addr);
    rig.packet.src = addr;
    expect(DHCP_REPLY, DHCP_REASON_acknowledged);
    assert_int_equal(dhcp_lease_left_s(&rig.leases, lease_at(addr)), 600);
    /* Another client's. */
    rig_lease(&rig, 2);
    assert_int_equal(rig_renew(&rig, 2, addr), DHCP_REPLY);
    assert_true(reply_is(DHCPNAK));
}

/* A renewal is sent straight to us, past the relay: giaddr is 0 though the client is on another network (section 4.4.5). */
static void test_a_client_behind_a_relay_renews_directly(void **state)
{
    uint32_t addr;

    (void)state;
    rig_init(&rig,
             "subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.10 10.0.0.19; }"
             "class \"far\" { match if option agent.circuit-id = \"port7\"; }"
             "subnet 10.9.0.0 netmask 255.255.255.0 { pool { allow members of \"far\"; range "
             "10.9.0.10 10.9.0.19; } }",
             16);
    rig_msg(&rig, DHCPDISCOVER, 1);
    rig_set(&rig, giaddr, IP(10, 9, 0, 1));
    rig_opt(&rig, DHCP_OPT_AGENT, "\x01\x05port7", 7);
    expect(DHCP_REPLY, DHCP_REASON_offered);
    addr = rig.reply.yiaddr;
    assert_int_equal(addr >> 8, 0x0a0900);
    rig_msg(&rig, DHCPREQUEST, 1);
    rig_set(&rig, giaddr, IP(10, 9, 0, 1));
    rig_u32(&rig, DHCP_OPT_SERVER_ID, RIG_ADDR);
    rig_u32(&rig, DHCP_OPT_REQUESTED_ADDR, addr);
    rig_opt(&rig, DHCP_OPT_AGENT, "\x01\x05port7", 7);
    expect(DHCP_REPLY, DHCP_REASON_acknowledged);
    /* The renewal has no option 82: the class that let the client in is not seen, the lease is. */
    assert_int_equal(rig_renew(&rig, 1, addr), DHCP_REPLY);
    assert_true(reply_is(DHCPACK));
    assert_int_equal(rig.out.to.addr, addr);
}

/* Table 5: fields that contradict each other. */
static void test_requests_that_contradict_themselves_are_dropped(void **state)
{
    uint32_t addr;

    (void)state;
    rig_init(&rig, PLAIN, 16);
    addr = rig_lease(&rig, 1);
    rig_msg(&rig, DHCPREQUEST, 1);
    expect(DHCP_WARNING, DHCP_REASON_bad_request);
    rig_msg(&rig, DHCPREQUEST, 1);
    rig_set(&rig, ciaddr, addr);
    rig_u32(&rig, DHCP_OPT_REQUESTED_ADDR, addr ^ 1);
    expect(DHCP_WARNING, DHCP_REASON_bad_request);
    rig_msg(&rig, DHCPREQUEST, 1);
    rig_u32(&rig, DHCP_OPT_SERVER_ID, RIG_ADDR);
    expect(DHCP_WARNING, DHCP_REASON_bad_request);
}

/* ---- where replies go (RFC 2131 section 4.1) -------------------------------------------------------------------------------- */

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

/* ---- relays ---------------------------------------------------------------------------------------------------------------------- */

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

/* ---- names ------------------------------------------------------------------------------------------------------------------------- */

/* RFC 6842: the client id comes back in every reply. RFC 4361: two clients with one MAC and different ids are two (charrua#84, #98: so are
 * two whose ids differ in the type byte only). */
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

/* ---- DECLINE, RELEASE, INFORM ----------------------------------------------------------------------------------------------------------- */

static void test_a_declined_address_is_out_of_use_for_a_time(void **state)
{
    uint32_t addr, again;

    (void)state;
    rig_init(&rig,
             "ping-check off; subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.10 10.0.0.11; }",
             16);
    addr = rig_lease(&rig, 1);
    assert_int_equal(rig_decline(&rig, 1, addr), DHCP_UPDATE);
    assert_int_equal(rig.out.reason, DHCP_REASON_declined);
    assert_int_equal(state_at(addr), DHCP_LEASE_ABANDONED);
    again = rig_lease(&rig, 1);
    assert_true(again && again != addr);
    assert_int_equal(rig_lease(&rig, 2), 0);
    init_reboot(1, addr);
    assert_true(rig_send(&rig) == DHCP_REPLY && reply_is(DHCPNAK));
    rig_msg(&rig, DHCPDISCOVER, 3); /* not by asking for it either */
    rig_u32(&rig, DHCP_OPT_REQUESTED_ADDR, addr);
    expect(DHCP_WARNING, DHCP_REASON_no_free_address);
    rig_advance(&rig, 3602);
    assert_int_equal(rig_lease(&rig, 2), addr);
}

static void test_only_its_client_may_decline_or_release_a_lease(void **state)
{
    uint32_t addr;

    (void)state;
    rig_init(&rig, PLAIN, 16);
    addr = rig_lease(&rig, 1);
    assert_int_equal(rig_decline(&rig, 2, addr), DHCP_WARNING);
    assert_int_equal(rig_decline(&rig, 1, addr ^ 1), DHCP_WARNING);
    assert_int_equal(rig_release(&rig, 2, addr), DHCP_WARNING);
    assert_int_equal(rig_release(&rig, 1, addr ^ 1), DHCP_WARNING);
    rig_msg(&rig, DHCPRELEASE, 1); /* another server's */
    rig_set(&rig, ciaddr, addr);
    rig_u32(&rig, DHCP_OPT_SERVER_ID, IP(10, 0, 0, 2));
    expect(DHCP_SILENCE, DHCP_REASON_other_server);
    assert_int_equal(state_at(addr), DHCP_LEASE_BOUND);
}

static void test_declines_can_be_denied(void **state)
{
    uint32_t addr;

    (void)state;
    rig_init(&rig, "deny declines;" PLAIN, 16);
    addr = rig_lease(&rig, 1);
    assert_int_equal(rig_decline(&rig, 1, addr), DHCP_SILENCE);
    assert_int_equal(state_at(addr), DHCP_LEASE_BOUND);
}

static void test_a_release_keeps_the_binding_for_its_client(void **state)
{
    uint32_t addr;

    (void)state;
    rig_init(&rig, PLAIN, 16);
    addr = rig_lease(&rig, 1);
    assert_int_equal(rig_release(&rig, 1, addr), DHCP_UPDATE);
    assert_int_equal(state_at(addr), DHCP_LEASE_FREE);
    for (uint32_t n = 2; n < 11; n++)
        assert_int_not_equal(rig_lease(&rig, n), addr);
    assert_int_equal(rig_lease(&rig, 1), addr);
    /* Until there is no other. */
    assert_int_equal(rig_release(&rig, 1, addr), DHCP_UPDATE);
    assert_int_equal(rig_lease(&rig, 11), addr);
}

static void test_inform_gets_parameters_and_no_lease(void **state)
{
    (void)state;
    rig_init(&rig, PLAIN, 16);
    rig_msg(&rig, DHCPINFORM, 1);
    rig_set(&rig, ciaddr, IP(10, 0, 0, 200));
    expect(DHCP_REPLY, DHCP_REASON_informed);
    assert_true(reply_is(DHCPACK));
    assert_int_equal(rig.reply.yiaddr, 0);
    assert_int_equal(rig.reply.ciaddr, IP(10, 0, 0, 200));
    assert_false(dhcp_msg_has(&rig.reply, DHCP_OPT_LEASE_TIME)); /* section 4.3.5: MUST NOT */
    assert_false(dhcp_msg_has(&rig.reply, DHCP_OPT_T1));
    assert_int_equal(rig_reply_u32(&rig, DHCP_OPT_ROUTERS), IP(10, 0, 0, 254));
    assert_int_equal(rig.out.to.addr, IP(10, 0, 0, 200));
    assert_int_equal(rig.out.to.port, 68);
    assert_int_equal(rig.leases.used, 0);
    /* Without ciaddr, whom it came from; nobody outside our networks; not a whole network. */
    rig_msg(&rig, DHCPINFORM, 1);
    rig.packet.src = IP(10, 0, 0, 201);
    expect(DHCP_REPLY, DHCP_REASON_informed);
    assert_int_equal(rig.out.to.addr, IP(10, 0, 0, 201));
    rig_msg(&rig, DHCPINFORM, 1);
    rig_set(&rig, ciaddr, IP(192, 0, 2, 1));
    expect(DHCP_WARNING, DHCP_REASON_no_subnet);
    rig_msg(&rig, DHCPINFORM, 1);
    rig_set(&rig, ciaddr, IP(10, 0, 0, 255));
    expect(DHCP_WARNING, DHCP_REASON_bad_request);
    rig_msg(&rig, DHCPINFORM, 1);
    expect(DHCP_WARNING, DHCP_REASON_bad_request);
}

static void test_messages_that_clients_do_not_send(void **state)
{
    (void)state;
    rig_init(&rig, PLAIN, 16);
    for (unsigned type = 0; type < 256; type++) {
        if (type == DHCPDISCOVER || (type >= DHCPREQUEST && type <= DHCPDECLINE) ||
            type == DHCPRELEASE || type == DHCPINFORM)
            continue;
        rig_msg(&rig, DHCP_NONE, 1);
        rig_u8(&rig, DHCP_OPT_TYPE, (uint8_t)type);
        expect(DHCP_WARNING, DHCP_REASON_bad_type);
    }
    rig_msg(&rig, DHCPDISCOVER, 1);
    rig_set(&rig, op, BOOTREPLY);
    expect(DHCP_SILENCE, DHCP_REASON_not_a_request);
}

/* ---- options of the reply ------------------------------------------------------------------------------------------------------------- */

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

/* ---- hosts, classes, pools -------------------------------------------------------------------------------------------------------------- */

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

/* A host may be declared inside a subnet and turn up on another: that subnet's options are not its own there. */
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

/* ---- BOOTP --------------------------------------------------------------------------------------------------------------------------------- */

static void test_bootp_clients(void **state)
{
    static const char conf[] =
        "option domain-name \"example.org\"; filename \"f\";"
        "subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.10 10.0.0.11;"
        " range dynamic-bootp 10.0.0.12 10.0.0.12; option routers 10.0.0.1; }"
        "host b { hardware ethernet 02:00:00:00:00:01; fixed-address 10.0.0.77; }";

    (void)state;
    rig_init(&rig, conf, 16);
    rig_msg(&rig, DHCP_NONE, 1);
    expect(DHCP_REPLY, DHCP_REASON_bootp_answered);
    assert_int_equal(rig.reply.yiaddr, IP(10, 0, 0, 77));
    assert_int_equal(rig.out.len, 300);
    assert_false(dhcp_msg_has(&rig.reply, 53) || dhcp_msg_has(&rig.reply, 54) ||
                 dhcp_msg_has(&rig.reply, 51));
    assert_int_equal(rig_reply_u32(&rig, 3), IP(10, 0, 0, 1));
    /* Without vendor data that we know. */
    rig_msg(&rig, DHCP_NONE, 2);
    cs_set_be32(cs_of(rig.buf, sizeof(rig.buf)), dhcp_hdr_SIZE, 0);
    expect(DHCP_REPLY, DHCP_REASON_bootp_answered);
    assert_int_equal(rig.reply.yiaddr, IP(10, 0, 0, 12)); /* only from where it may */
    rig_msg(&rig, DHCP_NONE, 3);
    expect(DHCP_WARNING, DHCP_REASON_no_free_address);
    rig_advance(&rig, 10000000); /* a BOOTP client never comes back */
    rig_msg(&rig, DHCP_NONE, 3);
    expect(DHCP_WARNING, DHCP_REASON_no_free_address);
    rig_fini(&rig);
    rig_init(&rig,
             "deny bootp; subnet 10.0.0.0 netmask 255.255.255.0 { range dynamic-bootp 10.0.0.12 "
             "10.0.0.12; }",
             16);
    rig_msg(&rig, DHCP_NONE, 3);
    expect(DHCP_SILENCE, DHCP_REASON_bootp_denied);
}

/* ---- probing (RFC 2131 section 2.2) ------------------------------------------------------------------------------------------------------------ */

static void test_a_probe_stalls_nobody(void **state)
{
    uint32_t first;

    (void)state;
    rig_init(&rig, PLAIN, 16);
    rig.answer_probes = false;
    rig_msg(&rig, DHCPDISCOVER, 1);
    expect(DHCP_SILENCE, DHCP_REASON_probing);
    first = rig.out.probe;
    assert_true(in_pool(first));
    assert_int_equal(state_at(first), DHCP_LEASE_PROBING);
    /* The same client again: not a second probe. */
    rig_msg(&rig, DHCPDISCOVER, 1);
    expect(DHCP_SILENCE, DHCP_REASON_probing);
    assert_int_equal(rig.out.probe, 0);
    /* Another client is served with another address meanwhile. */
    rig.answer_probes = true;
    assert_true(in_pool(rig_lease(&rig, 2)));
    assert_int_not_equal(rig.reply.yiaddr, first);
    /* The answer, and the same packet again. */
    dhcp_server_probed(&rig.server, &rig.leases, first, false, rig.now_ns);
    assert_int_equal(rig_discover(&rig, 1), first);
    assert_int_equal(rig_select(&rig, 1, first), first);
    /* No probe for what a client holds. */
    rig.answer_probes = false;
    assert_int_equal(rig_discover(&rig, 1), first);
    /* But again once it is over. */
    rig_advance(&rig, 1000);
    rig_msg(&rig, DHCPDISCOVER, 1);
    expect(DHCP_SILENCE, DHCP_REASON_probing);
    assert_int_equal(rig.out.probe, first);
}

static void test_a_conflict_takes_the_address_out_of_use(void **state)
{
    uint32_t addr;

    (void)state;
    rig_init(&rig, PLAIN, 16);
    rig.conflict = IP(10, 0, 0, 10);
    addr = rig_lease(&rig, 1);
    assert_true(in_pool(addr) && addr != rig.conflict);
    assert_int_equal(state_at(rig.conflict), DHCP_LEASE_ABANDONED);
    /* An answer to a question nobody asked changes nothing. */
    dhcp_server_probed(&rig.server, &rig.leases, addr, true, rig.now_ns);
    dhcp_server_probed(&rig.server, &rig.leases, IP(10, 0, 0, 200), true, rig.now_ns);
    assert_int_equal(state_at(addr), DHCP_LEASE_BOUND);
}

static void test_a_probe_without_an_answer_is_given_up(void **state)
{
    (void)state;
    rig_init(&rig, PLAIN, 16);
    rig.answer_probes = false;
    rig_msg(&rig, DHCPDISCOVER, 1);
    expect(DHCP_SILENCE, DHCP_REASON_probing);
    rig_advance(&rig, 12);
    rig_msg(&rig, DHCPDISCOVER, 1);
    expect(DHCP_SILENCE, DHCP_REASON_probing);
    assert_true(rig.out.probe);
}

/* ---- many ---------------------------------------------------------------------------------------------------------------------------------------- */

/* 65,536 DISCOVERs from random addresses: memory flat, known clients keep their leases, offers expire, reserved clients are served. */
static void test_starvation(void **state)
{
    static uint32_t addr[50];
    uint64_t seed = test_seed(40);

    (void)state;
    rig_init(&rig,
             "ping-check off; default-lease-time 3600; subnet 10.0.0.0 netmask 255.255.0.0 { range "
             "10.0.1.0 10.0.4.255; }"
             "host r { hardware ethernet 02:00:00:00:00:99; fixed-address 10.0.0.99; }",
             1024);
    for (uint32_t n = 0; n < 50; n++)
        addr[n] = rig_lease(&rig, n);
    for (uint32_t i = 0; i < 65536; i++) {
        rig_msg(&rig, DHCPDISCOVER, 0x1000000 + test_random_below(&seed, 1u << 30));
        (void)rig_send(&rig);
        rig.now_ns += NS_PER_MS / 4; /* 4,000 a second */
    }
    assert_int_equal(rig.leases.used, 1024);
    for (uint32_t n = 0; n < 50; n++) {
        assert_int_equal(rig_renew(&rig, n, addr[n]), DHCP_REPLY);
        assert_true(reply_is(DHCPACK));
        assert_int_equal(rig_discover(&rig, n), addr[n]);
    }
    assert_int_equal(rig_lease(&rig, 0x99), IP(10, 0, 0, 99));
    rig_advance(&rig, 32); /* and when it is over, anybody is served again */
    assert_true(rig_lease(&rig, 60) >= IP(10, 0, 1, 0));
}

/* Remembered clients outlive a flood of offers that nobody takes, as long as there is any other address. */
static void test_a_flood_of_offers_does_not_wear_out_memory(void **state)
{
    uint32_t addr;

    (void)state;
    rig_init(&rig, "ping-check off;" PLAIN, 16);
    addr = rig_lease(&rig, 1);
    rig_release(&rig, 1, addr);
    for (uint32_t n = 100; n < 200; n++) {
        assert_int_not_equal(rig_discover(&rig, n), addr);
        rig_advance(&rig, 10);
    }
    assert_int_equal(rig_lease(&rig, 1), addr);
}

static void test_fewer_records_than_addresses(void **state)
{
    (void)state;
    rig_init(&rig,
             "ping-check off; default-lease-time 60; min-lease-time 60;"
             "subnet 10.0.0.0 netmask 255.255.0.0 { range 10.0.1.0 10.0.1.99; range 10.0.2.0 "
             "10.0.2.99; }",
             8);
    for (uint32_t round = 0; round < 50; round++) {
        for (uint32_t n = 0; n < 8; n++)
            assert_true(rig_lease(&rig, round * 8 + n));
        assert_int_equal(rig_discover(&rig, 100000), 0);
        assert_int_equal(rig.out.reason, DHCP_REASON_no_record);
        rig_advance(&rig, 62);
    }
    assert_true(rig.leases.stats.evicted > 300);
}

/* A pool whose records went to another pool finds its addresses again. */
static void test_records_move_between_pools(void **state)
{
    (void)state;
    rig_init(&rig,
             "ping-check off; default-lease-time 60; min-lease-time 60;"
             "subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.10 10.0.0.13; }"
             "subnet 10.1.0.0 netmask 255.255.255.0 { range 10.1.0.10 10.1.0.13; }",
             4);
    for (uint32_t round = 0; round < 8; round++) {
        for (uint32_t n = 0; n < 4; n++) {
            rig_msg(&rig, DHCPDISCOVER, round * 10 + n);
            rig_set(&rig, giaddr, round % 2 ? IP(10, 1, 0, 1) : 0);
            expect(DHCP_REPLY, DHCP_REASON_offered);
        }
        rig_msg(&rig, DHCPDISCOVER, round * 10 + 5); /* and one too many */
        rig_set(&rig, giaddr, round % 2 ? IP(10, 1, 0, 1) : 0);
        assert_int_equal(rig_send(&rig), DHCP_WARNING);
        rig_advance(&rig, 100);
    }
}

/* A day forward or back on the wall clock is nothing to the server; a day back on its own is ignored. */
static void test_time_never_jumps_a_lease(void **state)
{
    uint32_t addr;

    (void)state;
    rig_init(&rig, PLAIN, 16);
    rig_advance(&rig, 200000);
    addr = rig_lease(&rig, 1);
    rig.now_ns -= 86400 * NS_PER_S;
    assert_int_equal(rig_renew(&rig, 1, addr), DHCP_REPLY);
    assert_int_equal(dhcp_lease_left_s(&rig.leases, lease_at(addr)), 600);
    rig.now_ns += 86400 * NS_PER_S;
    rig_advance(&rig, 599);
    assert_int_equal(state_at(addr), DHCP_LEASE_BOUND);
    rig_advance(&rig, 3);
    rig_discover(&rig, 2); /* tells it the time */
    assert_int_equal(state_at(addr), DHCP_LEASE_FREE);
}

static void test_init_refuses_bad_numbers(void **state)
{
    static struct dhcp_server server;
    static struct dhcp_leases leases;
    struct dhcp_server_conf c;
    static _Alignas(8) uint8_t storage[65536];

    (void)state;
    rig_init(&rig, PLAIN, 16);
    c = (struct dhcp_server_conf){
        .conf = &rig.conf, .storage = cs_of(storage, sizeof(storage)), .leases_max = 16};
    assert_int_equal(dhcp_server_init(&server, &leases, &c), 0);
    c.leases_max = 0;
    assert_int_equal(dhcp_server_init(&server, &leases, &c), -E_INVAL);
    c.leases_max = 16;
    c.offer_s = 3601;
    assert_int_equal(dhcp_server_init(&server, &leases, &c), -E_INVAL);
    c.offer_s = 0;
    c.storage = cs_of(storage + 1, sizeof(storage) - 1);
    assert_int_equal(dhcp_server_init(&server, &leases, &c), -E_NOSPC);
    c.storage = cs_of(storage, dhcp_server_storage_bytes(&rig.conf, 16) - 1);
    assert_int_equal(dhcp_server_init(&server, &leases, &c), -E_NOSPC);
    c.storage.len++;
    assert_int_equal(dhcp_server_init(&server, &leases, &c), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_four_messages_make_a_lease),
        TEST(test_the_server_identifier_is_our_address),
        TEST(test_a_reply_that_does_not_go_out_commits_nothing),
        TEST(test_an_offer_is_reserved_for_seconds),
        TEST(test_another_server_was_chosen),
        TEST(test_selecting_what_was_not_offered_is_refused),
        TEST(test_the_client_gets_the_address_it_had),
        TEST(test_the_wish_for_an_address_is_granted_if_it_is_free),
        TEST(test_every_address_of_the_pools_is_given_once),
        TEST(test_init_reboot_with_the_right_address_is_acknowledged),
        TEST(test_init_reboot_with_a_wrong_address_is_refused),
        TEST(test_unknown_clients_are_refused_by_the_authority_only),
        TEST(test_renewing_and_rebinding_extend_the_lease),
        TEST(test_a_client_behind_a_relay_renews_directly),
        TEST(test_requests_that_contradict_themselves_are_dropped),
        TEST(test_a_client_without_an_address_is_sent_to_without_arp),
        TEST(test_the_broadcast_flag_is_honoured),
        TEST(test_hardware_that_is_not_ethernet_is_broadcast_to),
        TEST(test_a_nak_is_broadcast),
        TEST(test_relays_are_served),
        TEST(test_subnet_selection_comes_before_giaddr),
        TEST(test_option_82_is_echoed_last),
        TEST(test_client_ids_are_opaque_and_echoed),
        TEST(test_client_ids_of_no_or_one_byte_are_refused),
        TEST(test_a_declined_address_is_out_of_use_for_a_time),
        TEST(test_only_its_client_may_decline_or_release_a_lease),
        TEST(test_declines_can_be_denied),
        TEST(test_a_release_keeps_the_binding_for_its_client),
        TEST(test_inform_gets_parameters_and_no_lease),
        TEST(test_messages_that_clients_do_not_send),
        TEST(test_without_a_parameter_list_the_defaults_are_sent),
        TEST(test_a_parameter_list_is_followed_in_its_order),
        TEST(test_options_pass_through_whatever_they_are),
        TEST(test_the_innermost_scope_wins),
        TEST(test_option_57_limits_the_reply),
        TEST(test_options_overflow_into_file_and_sname),
        TEST(test_lease_times),
        TEST(test_boot_fields),
        TEST(test_fixed_hosts_by_every_selector),
        TEST(test_a_host_known_by_its_relay_renews_directly),
        TEST(test_unknown_clients_and_booting_can_be_denied),
        TEST(test_pools_permit_by_class_and_knowledge),
        TEST(test_a_pool_that_allows_some_is_closed_to_others),
        TEST(test_a_host_declared_in_another_subnet),
        TEST(test_a_shared_network_lends_from_all_its_subnets),
        TEST(test_a_client_without_a_subnet_gets_no_answer),
        TEST(test_bootp_clients),
        TEST(test_a_probe_stalls_nobody),
        TEST(test_a_conflict_takes_the_address_out_of_use),
        TEST(test_a_probe_without_an_answer_is_given_up),
        TEST(test_starvation),
        TEST(test_a_flood_of_offers_does_not_wear_out_memory),
        TEST(test_fewer_records_than_addresses),
        TEST(test_records_move_between_pools),
        TEST(test_time_never_jumps_a_lease),
        TEST(test_init_refuses_bad_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
