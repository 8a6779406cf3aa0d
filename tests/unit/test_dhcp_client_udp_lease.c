/* SPDX-License-Identifier: ISC */
/* test_dhcp_client_udp_lease.c - what an interface gets with a DHCP lease: routes and MTU, what a
 * renewal changes, and what the end takes away. */
#include "dhcpedgetest.h"

/* ---- routes and MTU -------------------------------------------------------------------------- */

/* Whom is asked for by ARP when something is sent there? */
static uint32_t next_hop(uint32_t dst)
{
    struct udp_meta meta = {.dst = dst, .dst_port = 9};
    struct pkt *pkt = pkt_alloc(&net->pool, PKT_HEADROOM_BYTES, 1);

    netrig_clear(net);
    if (udp_send(&other, &meta, pkt, net->now) != 0) {
        pkt_put(pkt);
        return 0;
    }
    assert_true(netrig_is_arp(netrig_last(net)));
    assert_int_equal(netrig_get32(netrig_last(net)->bytes + 14 + 14), ADDR);
    return netrig_get32(netrig_last(net)->bytes + 14 + 24);
}

static void test_the_default_route_comes_and_goes_with_the_lease(void **state)
{
    (void)state;
    start();
    to_ack();
    dhcp_write_u32(&w, DHCP_OPT_ROUTERS, IP4_ADDR(10, 0, 0, 254));
    give();
    pass(NS_PER_S);
    assert_int_equal(next_hop(IP4_ADDR(192, 0, 2, 1)), IP4_ADDR(10, 0, 0, 254));
    assert_true(said("for 600 s, router 10.0.0.254\n"));
    pass(601 * NS_PER_S);
    assert_int_equal(net->nif.addr_count, 0);
    assert_int_equal(next_hop(IP4_ADDR(192, 0, 2, 1)), 0);
    assert_int_equal(net->nif.gateway_count, 0);
}

/* As clouds do it: an address of /32, its router on the link. */
static void test_a_router_outside_the_network_is_on_the_link(void **state)
{
    static const uint8_t routes[] = {32, 10, 9, 9, 1, 0, 0, 0, 0, 0, 10, 9, 9, 1};

    (void)state;
    start();
    to_ack();
    mask = UINT32_MAX;
    reply(DHCPACK, ADDR);
    dhcp_write_opt(&w, DHCP_OPT_ROUTES, cs_ro_of(routes, sizeof(routes)));
    give();
    pass(NS_PER_S);
    assert_int_equal(next_hop(IP4_ADDR(192, 0, 2, 1)), IP4_ADDR(10, 9, 9, 1));
    pass(4 * NS_PER_S); /* nobody answers: it is asked for anew */
    assert_int_equal(next_hop(IP4_ADDR(10, 9, 9, 1)), IP4_ADDR(10, 9, 9, 1));
    assert_int_equal(edge.stats.routes_refused, 0);
}

static void test_a_route_by_ourselves_is_refused(void **state)
{
    (void)state;
    start();
    to_ack();
    dhcp_write_u32(&w, DHCP_OPT_ROUTERS, ADDR);
    give();
    pass(NS_PER_S);
    assert_true(dhcp_client_udp_has_lease(&edge));
    assert_int_equal(edge.stats.routes_refused, 1);
    assert_int_equal(net->nif.gateway_count, 0);
}

/* Fragments of that size, and none larger, while what comes may still be as long as the link
 * carries. */
static void test_the_mtu_bounds_what_is_sent(void **state)
{
    static const uint8_t mtu[] = {600 >> 8, 600 & 255};
    struct udp_meta meta = {.dst = NETRIG_PEER, .dst_port = 9};
    struct netrig_ip ip = {.dst = ADDR};
    static uint8_t frame[1600], data[1400];
    struct pkt *pkt;

    (void)state;
    start();
    to_ack();
    dhcp_write_opt(&w, DHCP_OPT_MTU, cs_ro_of(mtu, 2));
    give();
    pass(NS_PER_S);
    netrig_peer_answers(net, NETRIG_PEER, NETRIG_PEER_MAC);
    netrig_clear(net);
    pkt = pkt_alloc(&net->pool, PKT_HEADROOM_BYTES, 1000);
    assert_int_equal(udp_send(&other, &meta, pkt, net->now), 0);
    assert_int_equal(net->sent_count, 2);
    assert_true(net->sent[0].len <= 614);
    netrig_input(net, frame, netrig_udp(frame, &ip, 9, 7, data, sizeof(data)));
    assert_int_equal(udp_recv(&other, &meta, &pkt), 0);
    pkt_put(pkt);
    pass(601 * NS_PER_S); /* and the lease's end lifts it */
    assert_int_equal(net->nif.mtu_limit, UINT16_MAX);
}

/* ---- renewals -------------------------------------------------------------------------------- */

static void test_a_renewal_goes_to_the_server_and_changes_what_differs(void **state)
{
    static const uint8_t mtu[] = {600 >> 8, 600 & 255};

    (void)state;
    start();
    to_renewing();
    reply(DHCPACK, ADDR);
    dhcp_write_u32(&w, DHCP_OPT_ROUTERS, IP4_ADDR(10, 0, 0, 253));
    dhcp_write_opt(&w, DHCP_OPT_MTU, cs_ro_of(mtu, 2));
    give();
    pass(NS_PER_MS);
    assert_int_equal(edge.client.stats.renewals, 1);
    assert_int_equal(next_hop(IP4_ADDR(192, 0, 2, 1)), IP4_ADDR(10, 0, 0, 253));
    assert_int_equal(net->nif.mtu_limit, 600);
}

/* The network has grown: the same address with another prefix serves on. */
static void test_a_renewal_with_another_mask_is_taken_over(void **state)
{
    (void)state;
    start();
    to_renewing();
    mask = 0xff000000;
    reply(DHCPACK, ADDR);
    give();
    pass(NS_PER_MS);
    assert_int_equal(netif_addr_state(&net->nif, ADDR), NETIF_ADDR_READY);
    assert_int_equal(net->nif.addr_count, 1);
    assert_int_equal(next_hop(IP4_ADDR(10, 200, 0, 1)), IP4_ADDR(10, 200, 0, 1));
    assert_true(said("address 10.0.0.100/8 from"));
    /* It is watched as before. */
    claim(ADDR);
    claim(ADDR);
    pass(NS_PER_MS);
    assert_false(dhcp_client_udp_has_lease(&edge));
    expect_broadcast(DHCPDECLINE);
}

static void test_a_refusal_takes_all_away(void **state)
{
    (void)state;
    start();
    to_renewing();
    reply(DHCPNAK, 0);
    give();
    assert_int_equal(net->nif.addr_count, 0);
    expect_broadcast(DHCPDISCOVER);
    assert_true(said("warn: dhcp: address 10.0.0.100 is lost (refused 1,"));
}

/* ---- the end --------------------------------------------------------------------------------- */

/* Without ARP: nobody is left to wait for an answer. */
static void test_release_goes_to_whence_the_lease_came(void **state)
{
    const struct netrig_frame *frame;

    (void)state;
    start();
    to_lease();
    netrig_clear(net);
    dhcp_client_udp_close(&edge, true, net->now);
    frame = last_message(ADDR, SERVER);
    assert_non_null(frame);
    assert_int_equal(netrig_get48(frame->bytes), SERVER_MAC);
    assert_int_equal(sent.type, DHCPRELEASE);
    assert_int_equal(net->nif.addr_count, 0);
    assert_false(said("is lost"));
    reopen();
}

static void test_close_without_release_is_silent(void **state)
{
    (void)state;
    start();
    to_lease();
    netrig_clear(net);
    dhcp_client_udp_close(&edge, false, net->now);
    assert_int_equal(net->sent_count, 0);
    assert_int_equal(net->nif.addr_count, 0);
    assert_int_equal(net->nif.udp_count, 1);
    reopen();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_default_route_comes_and_goes_with_the_lease),
        TEST(test_a_router_outside_the_network_is_on_the_link),
        TEST(test_a_route_by_ourselves_is_refused),
        TEST(test_the_mtu_bounds_what_is_sent),
        TEST(test_a_renewal_goes_to_the_server_and_changes_what_differs),
        TEST(test_a_renewal_with_another_mask_is_taken_over),
        TEST(test_a_refusal_takes_all_away),
        TEST(test_release_goes_to_whence_the_lease_came),
        TEST(test_close_without_release_is_silent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
