/* SPDX-License-Identifier: ISC */
/* test_dhcp_client_udp_link.c - the edge of the DHCP client where the link goes, memory is short,
 * or the device full. */
#include "dhcpedgetest.h"

/* ---- the link, memory, the device ------------------------------------------------------------ */

static void test_nothing_is_sent_while_the_link_is_down(void **state)
{
    (void)state;
    net->dev.link_up = false;
    start();
    pass(5 * NS_PER_S);
    assert_int_equal(net->sent_count, 0);
    assert_int_equal(edge.client.stats.sent[DHCPDISCOVER], 0);
    net->dev.link_up = true;
    poll();
    expect_broadcast(DHCPDISCOVER);
}

static void test_a_link_that_comes_again_has_the_lease_verified(void **state)
{
    (void)state;
    start();
    to_lease();
    net->dev.link_up = false;
    pass(NS_PER_S);
    netrig_clear(net);
    net->dev.link_up = true;
    poll();
    expect_broadcast(DHCPREQUEST);
    assert_int_equal(netif_addr_state(&net->nif, ADDR), NETIF_ADDR_PROBING);
    reply(DHCPACK, ADDR);
    give(); /* to an address that does not serve yet */
    assert_int_equal(edge.client.state, DHCP_CLIENT_BOUND);
    pass(NS_PER_S);
    assert_int_equal(netif_addr_state(&net->nif, ADDR), NETIF_ADDR_READY);
}

static void test_a_lease_that_ends_while_the_link_is_down_ends(void **state)
{
    (void)state;
    start();
    to_lease();
    net->dev.link_up = false;
    pass(601 * NS_PER_S);
    assert_int_equal(net->nif.addr_count, 0);
    assert_false(dhcp_client_udp_has_lease(&edge));
}

static void test_a_refusal_just_before_the_link_went_takes_all_away(void **state)
{
    (void)state;
    start();
    to_renewing();
    reply(DHCPNAK, 0);
    net->dev.link_up = false;
    give();
    assert_int_equal(net->nif.addr_count, 0);
}

static void test_a_full_device_is_a_message_lost(void **state)
{
    (void)state;
    net->tx_room = 0;
    start();
    poll();
    assert_int_equal(edge.stats.send_failed, 1);
    net->tx_room = UINT32_MAX;
    pass(6 * NS_PER_S);
    expect_broadcast(DHCPDISCOVER);
    assert_int_equal(edge.client.stats.sent[DHCPDISCOVER], 2);
}

static void test_without_memory_it_waits_for_some(void **state)
{
    struct pkt *all = NULL, *pkt;

    (void)state;
    start();
    while ((pkt = pkt_alloc(&net->pool, 0, 1)) != NULL) {
        pkt->next = all;
        all = pkt;
    }
    poll();
    assert_int_equal(edge.stats.no_memory, 1);
    assert_int_equal(dhcp_client_udp_poll_at(&edge), net->now + 100 * NS_PER_MS);
    while ((pkt = all) != NULL) {
        all = pkt->next;
        pkt->next = NULL;
        pkt_put(pkt);
    }
    pass(100 * NS_PER_MS);
    expect_broadcast(DHCPDISCOVER);
}

static void test_that_there_is_no_address_yet_is_said_now_and_then(void **state)
{
    unsigned lines = 0;

    (void)state;
    start();
    pass(100 * NS_PER_S);
    for (const char *at = vplat_console(); (at = strstr(at, "no address yet")) != NULL; at++)
        lines++;
    assert_int_equal(lines, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_is_sent_while_the_link_is_down),
        TEST(test_a_link_that_comes_again_has_the_lease_verified),
        TEST(test_a_lease_that_ends_while_the_link_is_down_ends),
        TEST(test_a_refusal_just_before_the_link_went_takes_all_away),
        TEST(test_a_full_device_is_a_message_lost),
        TEST(test_without_memory_it_waits_for_some),
        TEST(test_that_there_is_no_address_yet_is_said_now_and_then),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
