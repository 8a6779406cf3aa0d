/* SPDX-License-Identifier: ISC */
/* test_dhcp_server.c - what the server answers to each message in each state (RFC 2131 section
 * 4.3), on virtual time. */
#include "dhcptest.h"

/* ---- DISCOVER, OFFER, REQUEST, ACK ----------------------------------------------------------- */

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

/* ---- INIT-REBOOT, RENEWING, REBINDING (RFC 2131 section 4.3.2, table 4) ---------------------- */

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

/* A renewal is sent straight to us, past the relay: giaddr is 0 though the client is on another
 * network (section 4.4.5). */
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

/* ---- DECLINE, RELEASE, INFORM ---------------------------------------------------------------- */

static void test_a_declined_address_is_out_of_use_for_a_time(void **state)
{
    uint32_t addr, again;

    (void)state;
    rig_init(&rig,
             "ping-check off; subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.10 10.0.0.13; }",
             16);
    addr = rig_lease(&rig, 1);
    assert_int_equal(rig_decline(&rig, 1, addr), DHCP_UPDATE);
    assert_int_equal(rig.out.reason, DHCP_REASON_declined);
    assert_int_equal(state_at(addr), DHCP_LEASE_ABANDONED);
    again = rig_lease(&rig, 1);
    assert_true(again && again != addr);
    assert_int_not_equal(rig_lease(&rig, 2), addr);
    init_reboot(1, addr);
    assert_true(rig_send(&rig) == DHCP_REPLY && reply_is(DHCPNAK));
    rig_msg(&rig, DHCPDISCOVER, 3); /* not by asking for it either */
    rig_u32(&rig, DHCP_OPT_REQUESTED_ADDR, addr);
    expect(DHCP_REPLY, DHCP_REASON_offered);
    assert_int_not_equal(rig.reply.yiaddr, addr);
    assert_int_equal(state_at(addr), DHCP_LEASE_ABANDONED);
    rig_advance(&rig, 3602);
    rig_msg(&rig, DHCPDISCOVER, 4);
    rig_u32(&rig, DHCP_OPT_REQUESTED_ADDR, addr);
    expect(DHCP_REPLY, DHCP_REASON_offered);
    assert_int_equal(rig.reply.yiaddr, addr);
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
    rig_set(&rig, ciaddr, IP(10, 0, 0, 0));
    expect(DHCP_WARNING, DHCP_REASON_bad_request);
    rig_msg(&rig, DHCPINFORM, 1);
    expect(DHCP_WARNING, DHCP_REASON_bad_request);
    rig_fini(&rig);
    /* RFC 3021: both addresses of a pair are hosts. */
    rig_init(&rig, "subnet 10.0.0.0 netmask 255.255.255.254 { }", 16);
    for (uint32_t addr = IP(10, 0, 0, 0); addr <= IP(10, 0, 0, 1); addr++) {
        rig_msg(&rig, DHCPINFORM, 1);
        rig_set(&rig, ciaddr, addr);
        expect(DHCP_REPLY, DHCP_REASON_informed);
    }
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

/* ---- BOOTP ----------------------------------------------------------------------------------- */

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

/* ---- probing (RFC 2131 section 2.2) ---------------------------------------------------------- */

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
        TEST(test_a_declined_address_is_out_of_use_for_a_time),
        TEST(test_only_its_client_may_decline_or_release_a_lease),
        TEST(test_declines_can_be_denied),
        TEST(test_a_release_keeps_the_binding_for_its_client),
        TEST(test_inform_gets_parameters_and_no_lease),
        TEST(test_messages_that_clients_do_not_send),
        TEST(test_bootp_clients),
        TEST(test_a_probe_stalls_nobody),
        TEST(test_a_conflict_takes_the_address_out_of_use),
        TEST(test_a_probe_without_an_answer_is_given_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
