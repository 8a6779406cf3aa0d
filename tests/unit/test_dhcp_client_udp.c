/* SPDX-License-Identifier: ISC */
/* test_dhcp_client_udp.c - the edge of the DHCP client, frame by frame: what it hears before there
 * is an address, and how an address comes to serve. */
#include "dhcpedgetest.h"

/* ---- before there is an address -------------------------------------------------------------- */

static void test_an_answer_to_the_address_to_come_is_heard(void **state)
{
    (void)state;
    start();
    to_lease();
    assert_true(
        said("info: dhcp: address 10.0.0.100/24 from 10.0.0.2 for 600 s, router 10.0.0.254\n"));
}

static void test_an_answer_to_all_is_heard(void **state)
{
    (void)state;
    start();
    poll();
    reply(DHCPOFFER, ADDR);
    give_from(&(struct netrig_ip){.dst = IP4_BROADCAST, .eth_dst = NETRIG_BROADCAST_MAC}, 67);
    expect_broadcast(DHCPREQUEST);
}

static void test_what_does_not_come_from_a_server_is_not_read(void **state)
{
    (void)state;
    start();
    poll();
    reply(DHCPOFFER, ADDR);
    give_from(&(struct netrig_ip){.dst = ADDR}, 68);
    assert_int_equal(edge.stats.other_port, 1);
    assert_int_equal(edge.client.state, DHCP_CLIENT_SELECTING);
}

/* The door is open for the client's socket alone, and for frames to us alone. */
static void test_nobody_else_hears_what_is_for_an_address_to_come(void **state)
{
    uint8_t frame[256];
    struct netrig_ip ip = {.dst = ADDR};
    struct udp_meta meta;
    struct pkt *pkt;

    (void)state;
    start();
    netrig_input(net, frame, netrig_udp(frame, &ip, 9, 7, (const uint8_t *)"x", 1));
    assert_int_equal(udp_recv(&other, &meta, &pkt), -E_AGAIN);
    assert_int_equal(net->nif.stats.udp_no_port, 1);
    netrig_input(net, frame, netrig_echo(frame, &ip, 1, 1, (const uint8_t *)"x", 1));
    assert_int_equal(net->nif.stats.ip4_not_ours, 1);
    ip.eth_dst = NETRIG_BROADCAST_MAC;
    netrig_input(net, frame, netrig_udp(frame, &ip, 67, 68, (const uint8_t *)"x", 1));
    assert_int_equal(net->nif.stats.ip4_not_ours, 2);
    netrig_poll(net);
    assert_int_equal(net->sent_count, 0); /* and nobody is told of an error */
}

static void test_without_a_client_the_door_is_shut(void **state)
{
    uint8_t frame[256];
    struct netrig_ip ip = {.dst = ADDR};

    (void)state;
    start();
    dhcp_client_udp_close(&edge, false, net->now);
    netrig_input(net, frame, netrig_udp(frame, &ip, 67, 68, (const uint8_t *)"x", 1));
    assert_int_equal(net->nif.stats.ip4_not_ours, 1);
    reopen();
}

static void test_messages_too_short_or_long_are_counted(void **state)
{
    static uint8_t frame[DHCP_BYTES_MAX + 100];
    struct netrig_ip ip = {.dst = ADDR};

    (void)state;
    net->dev.caps.mtu_bytes = 9000;
    start();
    netrig_input(net, frame, netrig_udp(frame, &ip, 67, 68, frame, 0));
    netrig_input_pieces(net, frame, netrig_udp(frame, &ip, 67, 68, frame, DHCP_BYTES_MAX + 1),
                        2048);
    poll();
    assert_int_equal(edge.client.stats.answers[DHCP_CLIENT_ANSWER_malformed], 2);
}

/* ---- the address ----------------------------------------------------------------------------- */

/* RFC 5227: three probes with nothing in them of the address we do not have. */
static void test_the_address_serves_when_three_probes_went_unanswered(void **state)
{
    uint64_t since;
    unsigned probes = 0;

    (void)state;
    start();
    to_ack();
    netrig_clear(net);
    since = net->now;
    give();
    pass(599 * NS_PER_MS);
    assert_int_equal(netif_addr_state(&net->nif, ADDR), NETIF_ADDR_PROBING);
    assert_false(dhcp_client_udp_has_lease(&edge));
    for (unsigned i = 0; i < net->sent_count; i++) {
        netrig_check_arp(&net->sent[i], 1, 0, ADDR, NETRIG_BROADCAST_MAC);
        assert_int_equal(net->sent[i].at - since, probes++ * 200 * NS_PER_MS);
    }
    assert_int_equal(probes, 3);
    pass(2 * NS_PER_MS);
    assert_int_equal(netif_addr_state(&net->nif, ADDR), NETIF_ADDR_READY);
}

static void test_an_address_in_use_is_declined(void **state)
{
    (void)state;
    start();
    to_ack();
    give();
    pass(300 * NS_PER_MS);
    claim(ADDR);
    pass(NS_PER_MS);
    expect_broadcast(DHCPDECLINE);
    assert_int_equal(netif_addr_state(&net->nif, ADDR), NETIF_ADDR_NONE);
    netrig_clear(net);
    pass(9 * NS_PER_S);
    assert_null(last_message(0, IP4_BROADCAST));
    pass(2 * NS_PER_S);
    expect_broadcast(DHCPDISCOVER);
}

/* RFC 5227 section 2.4 (b): defended once, then given up. */
static void test_an_address_contested_later_is_given_up(void **state)
{
    (void)state;
    start();
    to_lease();
    claim(ADDR);
    pass(NS_PER_MS);
    assert_true(dhcp_client_udp_has_lease(&edge));
    claim(ADDR);
    pass(NS_PER_MS);
    assert_false(dhcp_client_udp_has_lease(&edge));
    expect_broadcast(DHCPDECLINE);
    assert_int_equal(net->nif.addr_count, 0);
    assert_true(said("warn: dhcp: address 10.0.0.100 is lost"));
}

/* An interface may have addresses of its own; the same one is no other host's. */
static void test_an_address_that_the_interface_has_is_declined(void **state)
{
    (void)state;
    start();
    assert_int_equal(netif_addr_add(&net->nif, ADDR, 24, false, net->now), 0);
    poll();
    reply(DHCPOFFER, ADDR);
    give();
    reply(DHCPACK, ADDR);
    give();
    assert_true(said("10.0.0.100/24 cannot be used"));
    assert_int_equal(edge.client.stats.conflicts, 1);
    assert_int_equal(netif_addr_state(&net->nif, ADDR), NETIF_ADDR_READY);
}

/* ---- limits ---------------------------------------------------------------------------------- */

static void test_numbers_out_of_range_are_refused(void **state)
{
    struct dhcp_client_udp bad;
    struct dhcp_client_udp_conf conf;

    (void)state;
    start();
    conf = edge.conf;
    conf.probe_ns = NS_PER_MS - 1;
    assert_int_equal(dhcp_client_udp_open(&bad, &conf, net->now), -E_INVAL);
    conf.probe_ns = 10 * NS_PER_S + 1;
    assert_int_equal(dhcp_client_udp_open(&bad, &conf, net->now), -E_INVAL);
    conf.probe_ns = 0;
    net->dev.caps.mtu_bytes = 575;
    assert_int_equal(dhcp_client_udp_open(&bad, &conf, net->now), -E_INVAL);
    net->dev.caps.mtu_bytes = 576;
    assert_int_equal(dhcp_client_udp_open(&bad, &conf, net->now), -E_ADDRINUSE); /* by edge */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_answer_to_the_address_to_come_is_heard),
        TEST(test_an_answer_to_all_is_heard),
        TEST(test_what_does_not_come_from_a_server_is_not_read),
        TEST(test_nobody_else_hears_what_is_for_an_address_to_come),
        TEST(test_without_a_client_the_door_is_shut),
        TEST(test_messages_too_short_or_long_are_counted),
        TEST(test_the_address_serves_when_three_probes_went_unanswered),
        TEST(test_an_address_in_use_is_declined),
        TEST(test_an_address_contested_later_is_given_up),
        TEST(test_an_address_that_the_interface_has_is_declined),
        TEST(test_numbers_out_of_range_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
