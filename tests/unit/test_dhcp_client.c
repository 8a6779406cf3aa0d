/* SPDX-License-Identifier: ISC */
/* test_dhcp_client.c - the DHCP client's states, message by message (RFC 2131). */
#include "dhcpclienttest.h"

#define S(seconds) ((seconds)*NS_PER_S)

/* The link's next retransmissions are `seconds` apart, each one second more or less. */
static void expect_backoff(enum dhcp_type type, const unsigned *seconds, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint64_t waited = to_deadline();

        assert_in_range(waited, S(seconds[i] - 1), S(seconds[i] + 1));
        expect_send(type);
    }
}

/* ---- the way to a lease ---------------------------------------------------------------------- */

static void test_a_lease_is_discover_offer_request_ack_probe_use(void **state)
{
    (void)state;
    start_plain();
    to_bound();
    assert_int_equal(client.lease.addr, ADDR);
    assert_int_equal(client.lease.server, SERVER);
    assert_int_equal(client.lease.prefix_len, 24);
    assert_true(dhcp_client_has_lease(&client));
    assert_int_equal(client.stats.leases, 1);
    assert_int_equal(client.stats.sent[DHCPDISCOVER], 1);
    assert_int_equal(client.stats.sent[DHCPREQUEST], 1);
    assert_int_equal(client.stats.received, 2);
}

/* RFC 2131 table 5, RFC 2132 section 9.14, RFC 3442: 121 is asked for before 3. */
static void test_discover_is_as_table_5_has_it(void **state)
{
    struct cs_ro list, id;

    (void)state;
    start(&(struct dhcp_client_conf){.host_name = cs_of_str("guest")});
    expect_send(DHCPDISCOVER);
    assert_int_equal(step.src, 0);
    assert_int_equal(step.dst, UINT32_MAX);
    assert_int_equal(sent.htype, 1);
    assert_int_equal(sent.hlen, 6);
    assert_int_equal(sent.ciaddr | sent.yiaddr | sent.siaddr | sent.giaddr, 0);
    assert_int_equal(sent.flags, 0);
    assert_memory_equal(sent.chaddr.base, mac, 6);
    id = dhcp_msg_opt(&sent, DHCP_OPT_CLIENT_ID);
    assert_int_equal(id.len, 7);
    assert_int_equal(id.base[0], 1);
    assert_memory_equal(id.base + 1, mac, 6);
    assert_false(dhcp_msg_has(&sent, DHCP_OPT_SERVER_ID));
    assert_false(dhcp_msg_has(&sent, DHCP_OPT_REQUESTED_ADDR));
    assert_int_equal(cs_get_be16(dhcp_msg_opt(&sent, DHCP_OPT_MAX_SIZE), 0), 576);
    assert_true(cs_equal_str(dhcp_msg_opt(&sent, DHCP_OPT_HOST_NAME), "guest"));
    list = dhcp_msg_opt(&sent, DHCP_OPT_PARAMETERS);
    assert_non_null(memchr(list.base, 121, list.len));
    assert_true(memchr(list.base, 121, list.len) < memchr(list.base, 3, list.len));
    for (unsigned i = 0; i < 10; i++) {
        static const uint8_t wanted[10] = {1, 3, 6, 12, 15, 26, 28, 42, 58, 59};

        assert_non_null(memchr(list.base, wanted[i], list.len));
    }
}

static void test_client_id_broadcast_and_size_are_as_configured(void **state)
{
    (void)state;
    start(&(struct dhcp_client_conf){.client_id = cs_of_str("\xff"
                                                            "abc"),
                                     .broadcast = true,
                                     .reply_max = 1472});
    expect_send(DHCPDISCOVER);
    assert_true(cs_equal_str(dhcp_msg_opt(&sent, DHCP_OPT_CLIENT_ID), "\xff"
                                                                      "abc"));
    assert_int_equal(sent.flags, DHCP_FLAG_BROADCAST);
    assert_int_equal(cs_get_be16(dhcp_msg_opt(&sent, DHCP_OPT_MAX_SIZE), 0), 1500);
}

static void test_configuration_out_of_range_is_refused(void **state)
{
    static char text[80];
    const struct dhcp_client_conf bad[] = {
        {.client_id = cs_ro_of("x", 1)},
        {.client_id = cs_ro_of(text, DHCP_CLIENT_ID_MAX + 1)},
        {.host_name = cs_ro_of(text, DHCP_CLIENT_NAME_BYTES)},
        {.reply_max = DHCP_BYTES_DEFAULT - 1},
        {.reply_max = DHCP_BYTES_MAX + 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(dhcp_client_init(&client, &bad[i], 0), -E_INVAL);
}

/* RFC 2131 section 4.4.1: the offer's xid, server and address, and the DISCOVER's secs. */
static void test_request_takes_up_the_offer(void **state)
{
    uint32_t xid;

    (void)state;
    start_plain();
    expect_send(DHCPDISCOVER);
    to_deadline();
    expect_send(DHCPDISCOVER);
    xid = sent.xid;
    assert_in_range(sent.secs, 3, 5);
    now += S(2);
    reply(DHCPOFFER, ADDR);
    EXPECT_ANSWER(offer_taken);
    expect_send(DHCPREQUEST);
    assert_int_equal(sent.xid, xid);
    assert_in_range(sent.secs, 3, 5);
    assert_int_equal(sent_u32(DHCP_OPT_REQUESTED_ADDR), ADDR);
    assert_int_equal(sent_u32(DHCP_OPT_SERVER_ID), SERVER);
    assert_int_equal(sent.ciaddr, 0);
    assert_int_equal(step.src, 0);
    assert_int_equal(step.dst, UINT32_MAX);
}

static void test_first_offer_is_taken_and_others_are_not(void **state)
{
    (void)state;
    start_plain();
    to_requesting();
    reply(DHCPOFFER, IP(10, 0, 0, 101));
    reply_u32(DHCP_OPT_SERVER_ID, OTHER);
    EXPECT_ANSWER(unexpected);
    expect_wait();
    assert_int_equal(client.offered_addr, ADDR);
}

static void test_xid_differs_from_exchange_to_exchange(void **state)
{
    uint32_t xid;

    (void)state;
    start_plain();
    expect_send(DHCPDISCOVER);
    xid = sent.xid;
    start_plain();
    expect_send(DHCPDISCOVER);
    assert_int_not_equal(sent.xid, xid);
    xid = sent.xid;
    to_deadline();
    expect_send(DHCPDISCOVER); /* again: the same exchange */
    assert_int_equal(sent.xid, xid);
}

static void test_no_probe_uses_the_address_at_once(void **state)
{
    (void)state;
    start(&(struct dhcp_client_conf){.no_probe = true});
    to_requesting();
    reply(DHCPACK, ADDR);
    EXPECT_ANSWER(acknowledged);
    assert_int_equal(next(), DHCP_CLIENT_USE);
}

/* ---- retransmission: RFC 2131 section 4.1 ---------------------------------------------------- */

static void test_discover_is_sent_again_after_4_8_16_32_64_64_s(void **state)
{
    static const unsigned seconds[] = {4, 8, 16, 32, 64, 64, 64, 64};

    (void)state;
    for (int i = 0; i < 20; i++) {
        start_plain();
        expect_send(DHCPDISCOVER);
        expect_wait();
        expect_backoff(DHCPDISCOVER, seconds, ARRAY_SIZE(seconds));
    }
}

/* Two clients that begin together do not go on together. */
static void test_retransmissions_are_random(void **state)
{
    uint64_t first;

    (void)state;
    start_plain();
    expect_send(DHCPDISCOVER);
    first = to_deadline();
    start_plain();
    expect_send(DHCPDISCOVER);
    assert_true(to_deadline() != first);
}

/* RFC 2131 section 3.1.5: four times, about a minute, and INIT. */
static void test_request_unanswered_begins_anew(void **state)
{
    static const unsigned seconds[] = {4, 8, 16};

    (void)state;
    start_plain();
    to_requesting();
    expect_backoff(DHCPREQUEST, seconds, 3);
    assert_in_range(to_deadline(), S(31), S(33));
    expect_send(DHCPDISCOVER);
    assert_int_equal(client.stats.timeouts, 1);
    assert_int_equal(client.stats.retransmitted, 3);
}

/* ---- whose answer is it? --------------------------------------------------------------------- */

static void test_answers_to_others_are_dropped(void **state)
{
    (void)state;
    start_plain();
    expect_send(DHCPDISCOVER);
    reply(DHCPOFFER, ADDR);
    reply_set(xid, client.xid + 1);
    EXPECT_ANSWER(other_xid);
    reply(DHCPOFFER, ADDR);
    in[dhcp_hdr_chaddr_OFF + 5] ^= 1;
    EXPECT_ANSWER(other_client);
    reply(DHCPOFFER, ADDR);
    reply_set(hlen, 5);
    EXPECT_ANSWER(other_client);
    reply(DHCPOFFER, ADDR);
    reply_set(htype, 6);
    EXPECT_ANSWER(other_client);
    reply(DHCPOFFER, ADDR);
    reply_set(op, BOOTREQUEST);
    EXPECT_ANSWER(not_a_reply);
    reply(DHCPOFFER, ADDR);
    reply_without(DHCP_OPT_TYPE);
    EXPECT_ANSWER(bootp);
    in_len = 100;
    assert_int_equal(give_raw(), DHCP_CLIENT_ANSWER_malformed);
    assert_int_equal(client.stats.malformed[DHCP_WIRE_short_header], 1);
    expect_state(DHCP_CLIENT_SELECTING);
    expect_wait();
}

/* RFC 6842 section 3. */
static void test_answer_with_another_client_id_is_dropped(void **state)
{
    (void)state;
    start_plain();
    expect_send(DHCPDISCOVER);
    reply(DHCPOFFER, ADDR);
    reply_opt(DHCP_OPT_CLIENT_ID, "\1\2\0\0\0\0\7", 7);
    EXPECT_ANSWER(other_client_id);
    reply(DHCPOFFER, ADDR);
    reply_opt(DHCP_OPT_CLIENT_ID, "\1\2\0\0\0\0\11", 7);
    EXPECT_ANSWER(offer_taken);
}

static void test_answers_nobody_waits_for_are_dropped(void **state)
{
    static const uint8_t types[] = {DHCPDISCOVER, DHCPREQUEST, DHCPDECLINE, DHCPACK, DHCPNAK,
                                    DHCPRELEASE,  DHCPINFORM,  9,           200};

    (void)state;
    start_plain();
    reply(DHCPOFFER, ADDR);
    EXPECT_ANSWER(other_xid); /* nothing was asked yet */
    expect_send(DHCPDISCOVER);
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        reply_bare(types[i], ADDR);
        reply_u32(DHCP_OPT_SERVER_ID, SERVER);
        EXPECT_ANSWER(unexpected);
    }
    start_plain();
    to_bound();
    reply(DHCPNAK, 0);
    EXPECT_ANSWER(other_xid);
    expect_wait();
}

static void test_acknowledgement_comes_from_the_server_that_was_asked(void **state)
{
    (void)state;
    start_plain();
    to_requesting();
    reply(DHCPACK, ADDR);
    reply_u32(DHCP_OPT_SERVER_ID, OTHER);
    EXPECT_ANSWER(other_server);
    reply(DHCPACK, ADDR);
    reply_without(DHCP_OPT_SERVER_ID);
    EXPECT_ANSWER(no_server_id);
    reply(DHCPNAK, 0);
    reply_u32(DHCP_OPT_SERVER_ID, OTHER);
    EXPECT_ANSWER(other_server);
    reply(DHCPNAK, 0);
    reply_without(DHCP_OPT_SERVER_ID);
    EXPECT_ANSWER(no_server_id);
    expect_state(DHCP_CLIENT_REQUESTING);
}

static void test_acknowledgement_of_another_address_is_dropped(void **state)
{
    (void)state;
    start_plain();
    to_requesting();
    reply(DHCPACK, IP(10, 0, 0, 101));
    EXPECT_ANSWER(other_address);
    expect_state(DHCP_CLIENT_REQUESTING);
    start_plain();
    to_renewing();
    reply(DHCPACK, IP(10, 0, 0, 101));
    EXPECT_ANSWER(other_address);
    expect_state(DHCP_CLIENT_RENEWING);
}

/* RFC 2131 section 4.4.1: a lease counts from when it was asked for. */
static void test_lease_that_ended_before_it_came_is_dropped(void **state)
{
    (void)state;
    start_plain();
    to_requesting();
    now += S(3);
    reply(DHCPACK, ADDR);
    reply_u32(DHCP_OPT_LEASE_TIME, 3);
    EXPECT_ANSWER(lease_over);
    expect_state(DHCP_CLIENT_REQUESTING);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void test_nak_in_requesting_begins_anew(void **state)
{
    (void)state;
    start_plain();
    to_requesting();
    reply(DHCPNAK, 0);
    EXPECT_ANSWER(refused);
    expect_send(DHCPDISCOVER);
}

static void test_refusals_in_a_row_are_no_storm(void **state)
{
    uint64_t waited[9];

    (void)state;
    start_plain();
    for (unsigned i = 0; i < 9; i++) {
        to_requesting();
        reply(DHCPNAK, 0);
        EXPECT_ANSWER(refused);
        waited[i] = 0;
        if (i > 0) {
            expect_wait();
            waited[i] = to_deadline();
        }
    }
    for (unsigned i = 1; i < 9; i++)
        assert_int_equal(waited[i], S(i < 6 ? 1u << i : 64));
    to_bound(); /* and a lease ends the row */
    assert_int_equal(client.failures, 0);
}

static void test_nak_takes_the_address_away(void **state)
{
    (void)state;
    for (int rebinding = 0; rebinding < 2; rebinding++) {
        start_plain();
        if (rebinding)
            to_rebinding();
        else
            to_renewing();
        reply(DHCPNAK, 0);
        EXPECT_ANSWER(refused);
        assert_int_equal(next(), DHCP_CLIENT_DROP);
        assert_int_equal(step.addr, ADDR);
        assert_false(dhcp_client_has_lease(&client));
        expect_send(DHCPDISCOVER);
        expect_wait();
    }
}

/* Only the server that gave the lease is asked in RENEWING; any may answer in REBINDING. */
static void test_another_server_answers_rebinding_only(void **state)
{
    (void)state;
    start_plain();
    to_renewing();
    reply(DHCPNAK, 0);
    reply_u32(DHCP_OPT_SERVER_ID, OTHER);
    EXPECT_ANSWER(other_server);
    reply(DHCPACK, ADDR);
    reply_u32(DHCP_OPT_SERVER_ID, OTHER);
    EXPECT_ANSWER(other_server);
    start_plain();
    to_rebinding();
    reply(DHCPACK, ADDR);
    reply_u32(DHCP_OPT_SERVER_ID, OTHER);
    EXPECT_ANSWER(acknowledged);
    assert_int_equal(client.lease.server, OTHER);
}

/* ---- the lease's times ----------------------------------------------------------------------- */

/* RFC 2131 table 4: RENEWING and REBINDING name the address in ciaddr and nowhere else. */
static void test_renewal_is_asked_of_its_server_from_the_address(void **state)
{
    (void)state;
    start_plain();
    to_renewing();
    assert_int_equal(sent.ciaddr, ADDR);
    assert_false(dhcp_msg_has(&sent, DHCP_OPT_REQUESTED_ADDR));
    assert_false(dhcp_msg_has(&sent, DHCP_OPT_SERVER_ID));
    assert_int_equal(step.src, ADDR);
    assert_int_equal(step.dst, SERVER);
    assert_int_equal(sent.secs, 0);
}

static void test_rebinding_is_asked_of_all_from_the_address(void **state)
{
    (void)state;
    start_plain();
    to_rebinding();
    assert_int_equal(sent.ciaddr, ADDR);
    assert_false(dhcp_msg_has(&sent, DHCP_OPT_REQUESTED_ADDR));
    assert_false(dhcp_msg_has(&sent, DHCP_OPT_SERVER_ID));
    assert_int_equal(step.src, ADDR);
    assert_int_equal(step.dst, UINT32_MAX);
    assert_int_equal(sent.secs, (client.t2_at - client.t1_at) / NS_PER_S);
}

/* Half and seven eighths, T1 up to a sixty-fourth earlier. */
static void test_times_are_half_and_seven_eighths(void **state)
{
    uint64_t asked;

    (void)state;
    start_plain();
    to_requesting();
    asked = now;
    now += S(2);
    reply(DHCPACK, ADDR);
    EXPECT_ANSWER(acknowledged);
    assert_in_range(client.t1_at - asked, S(LEASE / 2 - LEASE / 128 - 1), S(LEASE / 2));
    assert_int_equal(client.t2_at - asked, S(LEASE / 8 * 7));
    assert_int_equal(client.ends_at - asked, S(LEASE));
}

/* RFC 2131 section 4.4.5: half of what is left, but not under 60 s. */
static void test_renewals_come_at_half_of_what_is_left(void **state)
{
    (void)state;
    start_plain();
    to_renewing();
    for (unsigned i = 0; i < 20; i++) {
        uint64_t left = client.t2_at - now, wanted = left / 2 < S(60) ? S(60) : left / 2;

        if (wanted >= left) {
            assert_int_equal(to_deadline(), left);
            expect_send(DHCPREQUEST);
            expect_state(DHCP_CLIENT_REBINDING);
            assert_true(i > 2);
            return;
        }
        assert_int_equal(to_deadline(), wanted);
        expect_send(DHCPREQUEST);
        expect_state(DHCP_CLIENT_RENEWING);
    }
    fail_msg("it renews for ever");
}

static void test_each_renewal_has_its_own_xid(void **state)
{
    uint32_t xid;

    (void)state;
    start_plain();
    to_renewing();
    xid = client.xid;
    to_deadline();
    expect_send(DHCPREQUEST);
    assert_int_not_equal(client.xid, xid);
    reply(DHCPACK, ADDR);
    reply_set(xid, xid);
    EXPECT_ANSWER(other_xid); /* who knows since when that counts */
    reply(DHCPACK, ADDR);
    EXPECT_ANSWER(acknowledged);
    assert_int_equal(client.ends_at, now + S(LEASE));
}

static void test_renewal_prolongs_the_lease(void **state)
{
    (void)state;
    start_plain();
    to_renewing();
    reply(DHCPACK, ADDR);
    reply_u32(DHCP_OPT_LEASE_TIME, 7200);
    EXPECT_ANSWER(acknowledged);
    expect_state(DHCP_CLIENT_BOUND);
    assert_int_equal(next(), DHCP_CLIENT_USE);
    expect_wait();
    assert_int_equal(client.ends_at, now + S(7200));
    assert_int_equal(client.stats.renewals, 1);
    assert_int_equal(client.stats.leases, 1);
}

static void test_lease_that_ends_takes_the_address_away(void **state)
{
    (void)state;
    start_plain();
    to_rebinding();
    while (client.ends_at - now > S(60)) {
        to_deadline();
        if (now < client.ends_at)
            expect_send(DHCPREQUEST);
    }
    now = client.ends_at - 1;
    assert_true(dhcp_client_has_lease(&client));
    now++;
    assert_int_equal(next(), DHCP_CLIENT_DROP);
    assert_int_equal(step.addr, ADDR);
    expect_send(DHCPDISCOVER);
    assert_int_equal(client.stats.expiries, 1);
}

/* Which of the two was answered nobody knows: the lease is thought the shorter. */
static void test_lease_counts_from_the_first_request(void **state)
{
    uint64_t first;

    (void)state;
    start_plain();
    to_requesting();
    first = now;
    to_deadline();
    expect_send(DHCPREQUEST);
    reply(DHCPACK, ADDR);
    EXPECT_ANSWER(acknowledged);
    assert_int_equal(client.ends_at, first + S(LEASE));
}

/* A main loop that was away for longer than the lease. */
static void test_lease_that_ended_unseen_takes_the_address_away_first(void **state)
{
    (void)state;
    start_plain();
    to_renewing();
    reply(DHCPACK, ADDR);
    now = client.ends_at;
    EXPECT_ANSWER(other_xid);
    assert_int_equal(next(), DHCP_CLIENT_DROP);
    expect_send(DHCPDISCOVER);
}

static void test_infinite_lease_is_never_renewed(void **state)
{
    (void)state;
    start_plain();
    to_requesting();
    reply(DHCPACK, ADDR);
    reply_u32(DHCP_OPT_LEASE_TIME, DHCP_INFINITE);
    reply_u32(DHCP_OPT_T1, 10);
    EXPECT_ANSWER(acknowledged);
    assert_int_equal(next(), DHCP_CLIENT_PROBE);
    dhcp_client_probed(&client, false, now);
    assert_int_equal(next(), DHCP_CLIENT_USE);
    assert_true(dhcp_client_poll_at(&client) == NS_NEVER);
    now += S(UINT64_C(100000000));
    expect_wait();
}

/* ---- somebody else has the address ----------------------------------------------------------- */

/* RFC 2131 sections 3.1.5 and 4.4.4, table 5. */
static void test_address_in_use_is_declined_and_ten_seconds_pass(void **state)
{
    (void)state;
    start_plain();
    to_probing();
    dhcp_client_probed(&client, true, now);
    assert_int_equal(next(), DHCP_CLIENT_DROP);
    expect_send(DHCPDECLINE);
    assert_int_equal(sent_u32(DHCP_OPT_REQUESTED_ADDR), ADDR);
    assert_int_equal(sent_u32(DHCP_OPT_SERVER_ID), SERVER);
    assert_int_equal(sent.ciaddr, 0);
    assert_int_equal(sent.flags | sent.secs, 0);
    assert_true(dhcp_msg_has(&sent, DHCP_OPT_CLIENT_ID));
    assert_false(dhcp_msg_has(&sent, DHCP_OPT_PARAMETERS));
    assert_false(dhcp_msg_has(&sent, DHCP_OPT_MAX_SIZE));
    assert_int_equal(step.src, 0);
    assert_int_equal(step.dst, UINT32_MAX);
    expect_wait();
    assert_int_equal(to_deadline(), S(10));
    expect_send(DHCPDISCOVER);
    assert_int_equal(client.stats.conflicts, 1);
    assert_int_equal(client.stats.leases, 0);
}

static void test_address_claimed_later_is_declined_too(void **state)
{
    (void)state;
    start_plain();
    to_renewing();
    dhcp_client_probed(&client, true, now);
    assert_int_equal(next(), DHCP_CLIENT_DROP);
    expect_send(DHCPDECLINE);
    expect_wait();
    reply(DHCPACK, ADDR); /* of the renewal: too late */
    EXPECT_ANSWER(other_xid);
    assert_int_equal(to_deadline(), S(10));
}

static void test_answer_of_a_probe_that_nobody_waits_for_is_ignored(void **state)
{
    (void)state;
    start_plain();
    dhcp_client_probed(&client, true, now);
    dhcp_client_probed(&client, false, now);
    to_requesting();
    dhcp_client_probed(&client, true, now);
    expect_wait();
    expect_state(DHCP_CLIENT_REQUESTING);
    start_plain();
    to_renewing();
    dhcp_client_probed(&client, false, now);
    expect_wait();
    expect_state(DHCP_CLIENT_RENEWING);
}

static void test_lease_that_ends_while_it_is_probed_is_none(void **state)
{
    (void)state;
    start_plain();
    to_requesting();
    reply(DHCPACK, ADDR);
    reply_u32(DHCP_OPT_LEASE_TIME, 2);
    EXPECT_ANSWER(acknowledged);
    assert_int_equal(next(), DHCP_CLIENT_PROBE);
    assert_int_equal(to_deadline(), S(2));
    assert_int_equal(next(), DHCP_CLIENT_DROP);
    expect_send(DHCPDISCOVER);
}

/* ---- INIT-REBOOT ----------------------------------------------------------------------------- */

/* RFC 2131 section 4.3.2: option 50, no server id, ciaddr 0. */
static void test_remembered_address_is_asked_for_first(void **state)
{
    (void)state;
    start(&(struct dhcp_client_conf){.remembered = ADDR});
    expect_send(DHCPREQUEST);
    expect_state(DHCP_CLIENT_REBOOTING);
    assert_int_equal(sent_u32(DHCP_OPT_REQUESTED_ADDR), ADDR);
    assert_false(dhcp_msg_has(&sent, DHCP_OPT_SERVER_ID));
    assert_int_equal(sent.ciaddr, 0);
    assert_int_equal(step.src, 0);
    assert_int_equal(step.dst, UINT32_MAX);
    reply(DHCPACK, IP(10, 0, 0, 101));
    EXPECT_ANSWER(other_address);
    reply(DHCPACK, ADDR);
    reply_u32(DHCP_OPT_SERVER_ID, OTHER);
    EXPECT_ANSWER(acknowledged);
    assert_int_equal(next(), DHCP_CLIENT_PROBE);
}

static void test_remembered_address_refused_is_forgotten(void **state)
{
    (void)state;
    start(&(struct dhcp_client_conf){.remembered = ADDR});
    expect_send(DHCPREQUEST);
    reply(DHCPNAK, 0);
    EXPECT_ANSWER(refused);
    expect_send(DHCPDISCOVER);
}

static void test_remembered_address_nobody_knows_is_forgotten(void **state)
{
    static const unsigned seconds[] = {4};

    (void)state;
    start(&(struct dhcp_client_conf){.remembered = ADDR});
    expect_send(DHCPREQUEST);
    expect_backoff(DHCPREQUEST, seconds, 1);
    assert_in_range(to_deadline(), S(7), S(9));
    to_requesting();
    for (int i = 0; i < 3; i++) {
        to_deadline();
        expect_send(DHCPREQUEST);
    }
    to_deadline();
    expect_send(DHCPDISCOVER); /* and not for that address again */
}

/* RFC 2131 section 3.7. */
static void test_link_that_comes_again_has_the_lease_verified(void **state)
{
    uint64_t ends;

    (void)state;
    start_plain();
    to_bound();
    now += S(10);
    dhcp_client_link_up(&client, now);
    expect_send(DHCPREQUEST);
    expect_state(DHCP_CLIENT_REBOOTING);
    assert_int_equal(sent_u32(DHCP_OPT_REQUESTED_ADDR), ADDR);
    assert_int_equal(sent.ciaddr, 0);
    assert_true(dhcp_client_has_lease(&client));
    ends = client.ends_at;
    reply(DHCPACK, ADDR);
    EXPECT_ANSWER(acknowledged);
    assert_int_equal(next(), DHCP_CLIENT_USE);
    expect_state(DHCP_CLIENT_BOUND);
    assert_int_equal(client.ends_at, ends + S(10));
}

static void test_link_to_another_network_takes_the_address_away(void **state)
{
    (void)state;
    start_plain();
    to_bound();
    dhcp_client_link_up(&client, now);
    expect_send(DHCPREQUEST);
    reply(DHCPNAK, 0);
    reply_u32(DHCP_OPT_SERVER_ID, OTHER);
    EXPECT_ANSWER(refused);
    assert_int_equal(next(), DHCP_CLIENT_DROP);
    expect_send(DHCPDISCOVER);
}

/* RFC 2131 section 3.2: the rest of the lease may be used. */
static void test_link_without_servers_keeps_what_is_left_of_the_lease(void **state)
{
    (void)state;
    start_plain();
    to_bound();
    dhcp_client_link_up(&client, now);
    expect_send(DHCPREQUEST);
    to_deadline();
    expect_send(DHCPREQUEST);
    to_deadline();
    expect_wait();
    expect_state(DHCP_CLIENT_BOUND);
    assert_int_equal(dhcp_client_poll_at(&client), client.t1_at);
}

static void test_link_that_comes_up_ends_the_waiting(void **state)
{
    (void)state;
    start_plain();
    expect_send(DHCPDISCOVER);
    dhcp_client_link_up(&client, now);
    expect_send(DHCPDISCOVER);
    reply(DHCPOFFER, ADDR);
    EXPECT_ANSWER(offer_taken);
    expect_send(DHCPREQUEST);
    dhcp_client_link_up(&client, now);
    expect_send(DHCPDISCOVER);
}

/* ---- the end --------------------------------------------------------------------------------- */

/* RFC 2131 section 4.4.6, table 5. */
static void test_release_gives_the_address_back_and_stops(void **state)
{
    (void)state;
    start_plain();
    to_bound();
    dhcp_client_release(&client);
    expect_send(DHCPRELEASE);
    assert_int_equal(sent.ciaddr, ADDR);
    assert_int_equal(sent_u32(DHCP_OPT_SERVER_ID), SERVER);
    assert_false(dhcp_msg_has(&sent, DHCP_OPT_REQUESTED_ADDR));
    assert_int_equal(step.src, ADDR);
    assert_int_equal(step.dst, SERVER);
    assert_int_equal(next(), DHCP_CLIENT_DROP);
    expect_wait();
    expect_state(DHCP_CLIENT_STOPPED);
    assert_true(dhcp_client_poll_at(&client) == NS_NEVER);
    dhcp_client_link_up(&client, now);
    now += S(1000000);
    expect_wait();
}

static void test_release_without_a_lease_says_nothing(void **state)
{
    (void)state;
    start_plain();
    to_requesting();
    dhcp_client_release(&client);
    expect_wait();
    reply(DHCPACK, ADDR);
    EXPECT_ANSWER(other_xid);
    start_plain();
    to_probing();
    dhcp_client_release(&client);
    assert_int_equal(next(), DHCP_CLIENT_DROP);
    expect_wait();
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_lease_is_discover_offer_request_ack_probe_use),
        TEST(test_discover_is_as_table_5_has_it),
        TEST(test_client_id_broadcast_and_size_are_as_configured),
        TEST(test_configuration_out_of_range_is_refused),
        TEST(test_request_takes_up_the_offer),
        TEST(test_first_offer_is_taken_and_others_are_not),
        TEST(test_xid_differs_from_exchange_to_exchange),
        TEST(test_no_probe_uses_the_address_at_once),
        TEST(test_discover_is_sent_again_after_4_8_16_32_64_64_s),
        TEST(test_retransmissions_are_random),
        TEST(test_request_unanswered_begins_anew),
        TEST(test_answers_to_others_are_dropped),
        TEST(test_answer_with_another_client_id_is_dropped),
        TEST(test_answers_nobody_waits_for_are_dropped),
        TEST(test_acknowledgement_comes_from_the_server_that_was_asked),
        TEST(test_acknowledgement_of_another_address_is_dropped),
        TEST(test_lease_that_ended_before_it_came_is_dropped),
        TEST(test_nak_in_requesting_begins_anew),
        TEST(test_refusals_in_a_row_are_no_storm),
        TEST(test_nak_takes_the_address_away),
        TEST(test_another_server_answers_rebinding_only),
        TEST(test_renewal_is_asked_of_its_server_from_the_address),
        TEST(test_rebinding_is_asked_of_all_from_the_address),
        TEST(test_times_are_half_and_seven_eighths),
        TEST(test_renewals_come_at_half_of_what_is_left),
        TEST(test_each_renewal_has_its_own_xid),
        TEST(test_renewal_prolongs_the_lease),
        TEST(test_lease_that_ends_takes_the_address_away),
        TEST(test_lease_counts_from_the_first_request),
        TEST(test_lease_that_ended_unseen_takes_the_address_away_first),
        TEST(test_infinite_lease_is_never_renewed),
        TEST(test_address_in_use_is_declined_and_ten_seconds_pass),
        TEST(test_address_claimed_later_is_declined_too),
        TEST(test_answer_of_a_probe_that_nobody_waits_for_is_ignored),
        TEST(test_lease_that_ends_while_it_is_probed_is_none),
        TEST(test_remembered_address_is_asked_for_first),
        TEST(test_remembered_address_refused_is_forgotten),
        TEST(test_remembered_address_nobody_knows_is_forgotten),
        TEST(test_link_that_comes_again_has_the_lease_verified),
        TEST(test_link_to_another_network_takes_the_address_away),
        TEST(test_link_without_servers_keeps_what_is_left_of_the_lease),
        TEST(test_link_that_comes_up_ends_the_waiting),
        TEST(test_release_gives_the_address_back_and_stops),
        TEST(test_release_without_a_lease_says_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
