/* SPDX-License-Identifier: ISC */
/* test_dhcp_client_times.c - the DHCP client once it has a lease, message by message (RFC 2131):
 * renewing, losing and giving back what it has, and having it again. */
#include "dhcpclienttest.h"

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
    start(&(struct dhcp_client_conf){.broadcast = true});
    expect_send(DHCPDISCOVER);
    to_deadline();
    to_probing();
    assert_int_not_equal(client.secs, 0);
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

/* RFC 2131 section 3.1.5: ten seconds, however often the link comes and goes. */
static void test_link_that_comes_up_does_not_end_the_pause_after_a_decline(void **state)
{
    (void)state;
    start_plain();
    to_probing();
    dhcp_client_probed(&client, true, now);
    assert_int_equal(next(), DHCP_CLIENT_DROP);
    expect_send(DHCPDECLINE);
    dhcp_client_link_up(&client, now);
    expect_wait();
    assert_int_equal(to_deadline(), S(10));
    expect_send(DHCPDISCOVER);
}

static void test_link_to_another_network_ends_the_probing(void **state)
{
    (void)state;
    start_plain();
    to_probing();
    dhcp_client_link_up(&client, now);
    assert_int_equal(next(), DHCP_CLIENT_DROP);
    expect_send(DHCPDISCOVER);
}

/* Else a server whose leases are shorter than the probing would be asked without end. */
static void test_lease_over_before_it_was_probed_is_not_asked_for_without_end(void **state)
{
    (void)state;
    start_plain();
    for (unsigned i = 0; i < 2; i++) {
        to_probing();
        now = client.ends_at;
        assert_int_equal(next(), DHCP_CLIENT_DROP);
    }
    expect_wait();
    assert_int_equal(to_deadline(), S(2));
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
        TEST(test_link_that_comes_up_does_not_end_the_pause_after_a_decline),
        TEST(test_link_to_another_network_ends_the_probing),
        TEST(test_lease_over_before_it_was_probed_is_not_asked_for_without_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
