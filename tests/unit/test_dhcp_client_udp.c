/* SPDX-License-Identifier: ISC */
/* test_dhcp_client_udp.c - the edge of the DHCP client, frame by frame: what comes before there is
 * an address, what the interface gets, and what it loses. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/dhcp_client_udp.h>
#include <morgana/log.h>

#include "netrig.h"

#define ADDR IP4_ADDR(10, 0, 0, 100)
#define SERVER NETRIG_PEER
#define SERVER_MAC NETRIG_PEER_MAC
#define OTHER_MAC UINT64_C(0x020000000077)

static struct netrig *net;
static struct dhcp_client_udp edge;
static struct dhcp_msg sent;
static struct udp_sock other; /* any program's */
static uint32_t mask;         /* in replies */

static void begin(const struct dhcp_client_udp_conf *with)
{
    struct dhcp_client_udp_conf conf = *with;
    struct udp_conf udp = {.port = 7, .broadcast = true};

    mask = 0xffffff00;
    vplat_reset(1);
    log_init(plat_console_write, LOG_INFO);
    netrig_start(net);
    conf.nif = &net->nif;
    conf.key[0] = 1;
    assert_int_equal(udp_open(&other, &net->nif, &udp), 0);
    assert_int_equal(dhcp_client_udp_open(&edge, &conf, net->now), 0);
}

static int setup(void **state)
{
    (void)state;
    net = netrig_blank();
    return 0;
}

static int stop(void **state)
{
    (void)state;
    dhcp_client_udp_close(&edge, false, net->now);
    udp_close(&other);
    net->tx_room = NETRIG_SENT_MAX;
    netrig_free(net); /* every page and packet is back */
    return 0;
}

/* So that what every test does at its end can be done. */
static void reopen(void)
{
    struct dhcp_client_udp_conf conf = edge.conf;

    assert_int_equal(dhcp_client_udp_open(&edge, &conf, net->now), 0);
}

static void start(void)
{
    begin(&(struct dhcp_client_udp_conf){.probe_ns = 0});
}

static void poll(void)
{
    netrig_poll(net);
    dhcp_client_udp_poll(&edge, net->now);
    netrig_poll(net);
}

/* Time passes as a program would sleep. */
static void pass(uint64_t ns)
{
    uint64_t end = net->now + ns;

    for (;;) {
        uint64_t at;

        poll();
        at = u64_min(netif_poll_at(&net->nif), dhcp_client_udp_poll_at(&edge));
        if (at > end)
            break;
        net->now = at > net->now ? at : net->now + 1;
    }
    net->now = end;
    poll();
}

/* The last message sent, in `sent`: checks headers; NULL: none since netrig_clear. */
static const struct netrig_frame *last_message(uint32_t src, uint32_t dst)
{
    for (unsigned i = net->sent_count; i-- > 0;) {
        const struct netrig_frame *frame = &net->sent[i];
        const uint8_t *udp;
        size_t len;

        if (netrig_is_arp(frame) || netrig_get16(frame->bytes + 34) != 68)
            continue;
        udp = netrig_check_ip(frame, 17, src, dst, &len);
        assert_int_equal(netrig_get16(udp + 2), 67);
        assert_int_equal(dhcp_parse(cs_ro_of(udp + 8, len - 8), &sent), DHCP_WIRE_ok);
        return frame;
    }
    return NULL;
}

static void expect_broadcast(enum dhcp_type type)
{
    const struct netrig_frame *frame = last_message(0, IP4_BROADCAST);

    assert_non_null(frame);
    assert_int_equal(netrig_get48(frame->bytes), NETRIG_BROADCAST_MAC);
    assert_int_equal(sent.type, type);
}

/* ---- the server ------------------------------------------------------------------------------ */

static uint8_t msg[600];
static struct dhcp_writer w;

static void reply(enum dhcp_type type, uint32_t yiaddr)
{
    uint8_t chaddr[16] = {2, 0, 0, 0, 0, 1};
    struct dhcp_hdr hdr = {.op = BOOTREPLY,
                           .htype = 1,
                           .hlen = 6,
                           .xid = edge.client.xid,
                           .yiaddr = yiaddr,
                           .chaddr = cs_ro_of(chaddr, 16)};

    dhcp_write_begin(&w, cs_of(msg, sizeof(msg)), sizeof(msg), &hdr, false, NULL);
    dhcp_write_u8(&w, DHCP_OPT_TYPE, (uint8_t)type);
    dhcp_write_u32(&w, DHCP_OPT_SERVER_ID, SERVER);
    if (type == DHCPNAK)
        return;
    dhcp_write_u32(&w, DHCP_OPT_LEASE_TIME, 600);
    dhcp_write_u32(&w, DHCP_OPT_SUBNET_MASK, mask);
}

/* As a server sends it to a client without an address: to that address, in a frame to its MAC. */
static void give_from(const struct netrig_ip *ip, uint16_t port)
{
    static uint8_t frame[1024];
    size_t len = dhcp_write_end(&w);

    netrig_input(net, frame, netrig_udp(frame, ip, port, 68, msg, len));
    dhcp_client_udp_poll(&edge, net->now);
}

static void give(void)
{
    give_from(&(struct netrig_ip){.dst = ADDR}, 67);
}

static void to_ack(void)
{
    poll();
    expect_broadcast(DHCPDISCOVER);
    reply(DHCPOFFER, ADDR);
    give();
    expect_broadcast(DHCPREQUEST);
    reply(DHCPACK, ADDR);
}

static void to_lease(void)
{
    to_ack();
    dhcp_write_u32(&w, DHCP_OPT_ROUTERS, IP4_ADDR(10, 0, 0, 254));
    give();
    pass(NS_PER_S);
    assert_int_equal(netif_addr_state(&net->nif, ADDR), NETIF_ADDR_READY);
    assert_true(dhcp_client_udp_has_lease(&edge));
}

static bool said(const char *text)
{
    return strstr(vplat_console(), text) != NULL;
}

static void claim(uint32_t addr)
{
    uint8_t arp[64];

    netrig_input(net, arp, netrig_arp(arp, 2, OTHER_MAC, addr, NETRIG_US_MAC, 0, NETRIG_US_MAC));
}

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

static void to_renewing(void)
{
    to_lease();
    netrig_peer_answers(net, SERVER, SERVER_MAC);
    netrig_clear(net);
    while (edge.client.state == DHCP_CLIENT_BOUND) {
        pass(NS_PER_S);
        netrig_peer_answers(net, SERVER, SERVER_MAC);
    }
    assert_non_null(last_message(ADDR, SERVER));
    assert_int_equal(sent.type, DHCPREQUEST);
    assert_int_equal(sent.ciaddr, ADDR);
}

static void test_a_renewal_goes_to_the_server_and_changes_what_differs(void **state)
{
    (void)state;
    start();
    to_renewing();
    reply(DHCPACK, ADDR);
    dhcp_write_u32(&w, DHCP_OPT_ROUTERS, IP4_ADDR(10, 0, 0, 253));
    give();
    pass(NS_PER_MS);
    assert_int_equal(edge.client.stats.renewals, 1);
    assert_int_equal(next_hop(IP4_ADDR(192, 0, 2, 1)), IP4_ADDR(10, 0, 0, 253));
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, stop)

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
        TEST(test_the_default_route_comes_and_goes_with_the_lease),
        TEST(test_a_router_outside_the_network_is_on_the_link),
        TEST(test_a_route_by_ourselves_is_refused),
        TEST(test_the_mtu_bounds_what_is_sent),
        TEST(test_a_renewal_goes_to_the_server_and_changes_what_differs),
        TEST(test_a_renewal_with_another_mask_is_taken_over),
        TEST(test_a_refusal_takes_all_away),
        TEST(test_nothing_is_sent_while_the_link_is_down),
        TEST(test_a_link_that_comes_again_has_the_lease_verified),
        TEST(test_a_lease_that_ends_while_the_link_is_down_ends),
        TEST(test_a_refusal_just_before_the_link_went_takes_all_away),
        TEST(test_a_full_device_is_a_message_lost),
        TEST(test_without_memory_it_waits_for_some),
        TEST(test_that_there_is_no_address_yet_is_said_now_and_then),
        TEST(test_release_goes_to_whence_the_lease_came),
        TEST(test_close_without_release_is_silent),
        TEST(test_numbers_out_of_range_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
