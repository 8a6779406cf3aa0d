/* SPDX-License-Identifier: ISC */
/* test_dhcp_client.c - the DHCP client's way to a lease, message by message (RFC 2131): what
 * it sends, and whose answers it takes. */
#include "dhcpclienttest.h"

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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
