/* SPDX-License-Identifier: ISC */
/* test_dhcp_udp.c - the edge of the DHCP server, frame by frame: probes, full devices, missing
 * memory. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/dhcp_udp.h>
#include <morgana/log.h>

#include "dhcprig.h"
#include "netrig.h"

#define CONF                                                                                       \
    "authoritative; default-lease-time 600; min-lease-time 60; subnet 10.0.0.0 netmask "           \
    "255.255.255.0 {"                                                                              \
    " range 10.0.0.100 10.0.0.199; option routers 10.0.0.1; }"                                     \
    "subnet 10.7.0.0 netmask 255.255.255.0 { range 10.7.0.10 10.7.0.20; }"

static struct rig rig; /* its server, and its way to build messages */
static struct netrig *net;
static struct dhcp_udp edge;

static void start(const char *conf)
{
    struct dhcp_udp_conf uc = {.server = &rig.server, .leases = &rig.leases, .addr = NETRIG_US};

    rig_init(&rig, conf, 256);
    net = netrig_new(true);
    uc.nif = &net->nif;
    assert_int_equal(dhcp_udp_open(&edge, &uc), 0);
}

static int stop(void **state)
{
    (void)state;
    dhcp_udp_close(&edge);
    net->tx_room = NETRIG_SENT_MAX;
    netrig_free(net); /* every page and packet is back */
    rig_fini(&rig);
    return 0;
}

#define TEST(name) cmocka_unit_test_teardown(name, stop)

static uint64_t mac_of(uint32_t n)
{
    return UINT64_C(0x020000000000) | n;
}

/* Puts the message that is being built on the wire: as a broadcast of a client without an
 * address, or from `src` to us. */
static void on_wire(uint32_t n, uint32_t src)
{
    static uint8_t frame[2048];
    struct netrig_ip ip = {.eth_src = mac_of(n)};
    static const uint8_t end = DHCP_OPT_END;
    size_t len;

    rig_bytes(&rig, &end, 1);
    if (src) {
        ip.src = src;
    } else {
        ip.src_any = true;
        ip.dst = IP4_BROADCAST;
        ip.eth_dst = NETRIG_BROADCAST_MAC;
    }
    len = netrig_udp(frame, &ip, 68, 67, rig.buf, rig.len);
    netrig_input(net, frame, len);
}

static void poll_edge(void)
{
    for (int i = 0; i < 200; i++) {
        netrig_poll(net);
        if (!dhcp_udp_poll(&edge, net->now, 64))
            return;
    }
}

/* Time passes, in steps of a main loop that is woken now and then. */
static void pass_ms(unsigned ms)
{
    for (unsigned i = 0; i < ms; i += 10) {
        netrig_pass(net, 10 * NS_PER_MS);
        poll_edge();
    }
}

static unsigned replies(void)
{
    return (unsigned)edge.stats.replies;
}

/* The last frame that is no ARP. */
static const struct netrig_frame *last_reply(void)
{
    for (unsigned i = net->sent_count; i-- > 0;)
        if (!netrig_is_arp(&net->sent[i]))
            return &net->sent[i];
    fail_msg("nothing was sent");
    return NULL;
}

/* It is a reply to dst:port with the frame's destination `mac`; parsed into rig.reply. */
static void expect_reply(enum dhcp_type type, uint32_t dst, uint16_t port, uint64_t mac)
{
    const struct netrig_frame *frame = last_reply();
    const uint8_t *udp;
    size_t len;

    udp = netrig_check_ip(frame, 17, NETRIG_US, dst, &len);
    assert_int_equal(netrig_get48(frame->bytes), mac);
    assert_int_equal(netrig_get16(udp), 67);
    assert_int_equal(netrig_get16(udp + 2), port);
    assert_int_equal(dhcp_parse(cs_ro_of(udp + 8, len - 8), &rig.reply), DHCP_WIRE_ok);
    assert_int_equal(rig.reply.type, type);
}

static unsigned arps_for(uint32_t addr)
{
    unsigned n = 0;

    for (unsigned i = 0; i < net->sent_count; i++)
        if (netrig_is_arp(&net->sent[i]) && netrig_get32(net->sent[i].bytes + 38) == addr)
            n++;
    return n;
}

static void request(uint32_t n, uint32_t addr)
{
    rig_msg(&rig, DHCPREQUEST, n);
    rig_u32(&rig, DHCP_OPT_SERVER_ID, NETRIG_US);
    rig_u32(&rig, DHCP_OPT_REQUESTED_ADDR, addr);
    on_wire(n, 0);
    poll_edge();
}

static uint32_t lease(uint32_t n)
{
    uint32_t addr;

    rig_msg(&rig, DHCPDISCOVER, n);
    on_wire(n, 0);
    pass_ms(600);
    addr = netrig_get32(net->sent[net->sent_count - 1].bytes + 14 + 16);
    expect_reply(DHCPOFFER, addr, 68, mac_of(n));
    request(n, addr);
    expect_reply(DHCPACK, addr, 68, mac_of(n));
    return addr;
}

/* RFC 2131 section 2.2: asked for by ARP before it is offered; section 4.1: the client is never
 * asked for by ARP. */
static void test_a_lease_over_the_wire(void **state)
{
    uint32_t addr;

    (void)state;
    start(CONF);
    rig_msg(&rig, DHCPDISCOVER, 9);
    on_wire(9, 0);
    poll_edge();
    assert_int_equal(replies(), 0);
    assert_int_equal(arps_for(IP(10, 0, 0, 100)), 1);
    pass_ms(400);
    assert_int_equal(replies(), 0);
    pass_ms(200);
    assert_int_equal(replies(), 1);
    addr = IP(10, 0, 0, 100);
    expect_reply(DHCPOFFER, addr, 68, mac_of(9));
    assert_int_equal(rig.reply.yiaddr, addr);
    netrig_clear(net);
    request(9, addr);
    expect_reply(DHCPACK, addr, 68, mac_of(9));
    assert_int_equal(arps_for(addr), 0);
    assert_int_equal(edge.stats.probes, 1);
    assert_int_equal(edge.stats.reasons[DHCP_REASON_acknowledged], 1);
}

static void test_a_probe_stalls_nobody(void **state)
{
    uint32_t addr;

    (void)state;
    start(CONF);
    addr = lease(1);
    rig_msg(&rig, DHCPDISCOVER, 2);
    on_wire(2, 0);
    poll_edge();
    rig_msg(&rig, DHCPREQUEST, 1); /* a renewal in the meantime */
    rig_set(&rig, ciaddr, addr);
    on_wire(1, addr);
    poll_edge();
    netrig_peer_answers(net, addr, mac_of(1)); /* who has an address is asked for by ARP */
    poll_edge();
    expect_reply(DHCPACK, addr, 68, mac_of(1));
    assert_int_equal(edge.parked_count, 1);
    pass_ms(600);
    assert_int_equal(edge.parked_count, 0);
    assert_int_equal(edge.stats.reasons[DHCP_REASON_offered], 2);
}

static void test_an_address_in_use_is_not_offered(void **state)
{
    uint8_t arp[64];
    size_t len;

    (void)state;
    start(CONF);
    rig_msg(&rig, DHCPDISCOVER, 1);
    on_wire(1, 0);
    poll_edge();
    assert_int_equal(edge.parked[0].addr, IP(10, 0, 0, 100));
    len = netrig_arp(arp, 2, 0x020000000077, IP(10, 0, 0, 100), NETRIG_US_MAC, 0, NETRIG_US_MAC);
    netrig_input(net, arp, len);
    pass_ms(50);
    assert_int_equal(edge.stats.conflicts, 1);
    assert_int_equal(dhcp_leases_by_addr(&rig.leases, IP(10, 0, 0, 100))->state,
                     DHCP_LEASE_ABANDONED);
    pass_ms(600);
    assert_int_equal(netrig_get32(netrig_last(net)->bytes + 30), IP(10, 0, 0, 101));
}

/* Nobody else is offered an address at which somebody answered, not even when nothing else is
 * left, until it was asked for in vain. */
static void test_an_abandoned_address_is_never_offered_unasked(void **state)
{
    uint8_t arp[64];
    size_t len;

    (void)state;
    start("subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.100; }");
    len = netrig_arp(arp, 2, 0x020000000077, IP(10, 0, 0, 100), NETRIG_US_MAC, 0, NETRIG_US_MAC);
    rig_msg(&rig, DHCPDISCOVER, 1);
    on_wire(1, 0);
    for (unsigned i = 0; i < 8; i++) {
        poll_edge();
        netrig_input(net, arp, len);
        pass_ms(50);
    }
    assert_int_equal(edge.stats.conflicts, 4);
    assert_int_equal(replies(), 0);
    assert_int_equal(edge.stats.unprobed, 0);
    assert_int_equal(dhcp_leases_by_addr(&rig.leases, IP(10, 0, 0, 100))->state,
                     DHCP_LEASE_ABANDONED);
    assert_int_equal(lease(2), IP(10, 0, 0, 100)); /* whoever it was is gone */
}

static void test_relays_are_answered_on_port_67(void **state)
{
    (void)state;
    start(CONF);
    netrig_peer_answers(net, NETRIG_PEER, NETRIG_PEER_MAC);
    rig_msg(&rig, DHCPDISCOVER, 1);
    rig_set(&rig, giaddr, NETRIG_PEER);
    rig_set(&rig, hops, 1);
    rig_opt(&rig, 82, "\1\1x", 3);
    on_wire(2, NETRIG_PEER);
    pass_ms(600);
    expect_reply(DHCPOFFER, NETRIG_PEER, 67, NETRIG_PEER_MAC);
    assert_int_equal(dhcp_msg_opt(&rig.reply, 82).len, 3);
}

/* An address on a network that we are not on cannot be asked for by ARP: it is offered at once. */
static void test_addresses_beyond_a_relay_are_not_probed(void **state)
{
    (void)state;
    start(CONF);
    netrig_peer_answers(net, NETRIG_PEER, NETRIG_PEER_MAC);
    assert_int_equal(netif_route_add(&net->nif, 0, 0, NETRIG_PEER), 0);
    rig_msg(&rig, DHCPDISCOVER, 1);
    rig_set(&rig, giaddr, IP(10, 7, 0, 1));
    on_wire(2, NETRIG_PEER);
    poll_edge();
    expect_reply(DHCPOFFER, IP(10, 7, 0, 1), 67, NETRIG_PEER_MAC);
    assert_int_equal(edge.stats.unprobed, 1);
}

static void test_the_broadcast_flag_makes_a_broadcast(void **state)
{
    (void)state;
    start("ping-check off;" CONF);
    rig_msg(&rig, DHCPDISCOVER, 1);
    rig_set(&rig, flags, DHCP_FLAG_BROADCAST);
    on_wire(1, 0);
    poll_edge();
    expect_reply(DHCPOFFER, IP4_BROADCAST, 68, NETRIG_BROADCAST_MAC);
}

/* A backend that comes back may carry less, or more, than the one before. */
static void test_a_reply_is_as_long_as_the_link_carries_now(void **state)
{
    static const uint16_t mtus[] = {1500, 700, 576, 500, 1500};
    static char text[2048];
    uint8_t wish[2] = {0xff, 0xff};

    (void)state;
    strcpy(text, "ping-check off; option big code 230 = text; option big \"");
    memset(text + strlen(text), 'b', 700);
    strcat(text, "\";" CONF);
    start(text);
    for (size_t i = 0; i < ARRAY_SIZE(mtus); i++) {
        net->dev.caps.mtu_bytes = mtus[i];
        rig_msg(&rig, DHCPDISCOVER, 1);
        rig_opt(&rig, DHCP_OPT_MAX_SIZE, wish, 2);
        on_wire(1, 0);
        poll_edge();
        assert_int_equal(replies(), i + 1);
        assert_int_equal(edge.stats.options_left_out, i == 4 ? 3 : i);
    }
}

/* A lease is committed only after its reply went out, and while it waits nothing else is
 * promised. */
static void test_a_full_device_holds_the_reply_and_the_promise(void **state)
{
    (void)state;
    start("ping-check off;" CONF);
    rig_msg(&rig, DHCPDISCOVER, 1);
    on_wire(1, 0);
    rig_msg(&rig, DHCPDISCOVER, 2);
    on_wire(2, 0);
    net->tx_room = 0;
    poll_edge();
    poll_edge();
    assert_int_equal(edge.stats.received, 1);
    assert_int_equal(replies(), 0);
    assert_int_equal(rig.leases.used, 0);
    assert_true(dhcp_udp_poll_at(&edge) > net->now);
    assert_true(dhcp_udp_poll_at(&edge) <= net->now + 10 * NS_PER_MS);
    net->tx_room = 100;
    poll_edge();
    assert_int_equal(replies(), 2);
    assert_int_equal(rig.leases.used, 2);
    assert_int_equal(rig.leases.stats.by_state[DHCP_LEASE_OFFERED], 2);
    assert_true(dhcp_udp_poll_at(&edge) == NS_NEVER);
}

static void test_a_reply_that_never_goes_out_is_given_up(void **state)
{
    (void)state;
    start("ping-check off;" CONF);
    rig_msg(&rig, DHCPDISCOVER, 1);
    on_wire(1, 0);
    net->tx_room = 0;
    for (unsigned i = 0; i < 2 * DHCP_UDP_SEND_TRIES; i++)
        poll_edge();
    assert_int_equal(edge.stats.send_failed, 1);
    assert_int_equal(rig.leases.used, 0);
    net->tx_room = 100;
    rig_msg(&rig, DHCPDISCOVER, 2);
    on_wire(2, 0);
    poll_edge();
    assert_int_equal(replies(), 1);
}

static void test_more_probes_than_slots_are_offered_unasked(void **state)
{
    (void)state;
    start(CONF);
    for (uint32_t n = 0; n < DHCP_UDP_PARKED_MAX + 6; n++) {
        rig_msg(&rig, DHCPDISCOVER, n);
        on_wire(n, 0);
        poll_edge();
    }
    assert_int_equal(edge.parked_count, DHCP_UDP_PARKED_MAX);
    assert_int_equal(edge.stats.unprobed, 6);
    assert_int_equal(replies(), 6);
    pass_ms(600);
    assert_int_equal(replies(), DHCP_UDP_PARKED_MAX + 6);
}

static void test_messages_that_are_none_are_counted(void **state)
{
    static uint8_t junk[1400], frame[1600];
    static const size_t sizes[] = {0, 1, 235, 1400};
    struct netrig_ip ip = {.eth_src = mac_of(1)};

    (void)state;
    start(CONF);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
        netrig_input(net, frame, netrig_udp(frame, &ip, 68, 67, junk, sizes[i]));
    poll_edge();
    assert_int_equal(edge.stats.received, 4);
    assert_int_equal(edge.stats.malformed[DHCP_WIRE_short_header], 3);
    assert_int_equal(edge.stats.reasons[DHCP_REASON_not_a_request], 1);
    assert_int_equal(replies(), 0);
}

/* A message that came in pieces is read all the same. */
static void test_a_message_in_pieces(void **state)
{
    static uint8_t frame[2048];
    struct netrig_ip ip = {.eth_src = mac_of(1),
                           .src_any = true,
                           .dst = IP4_BROADCAST,
                           .eth_dst = NETRIG_BROADCAST_MAC};
    static const uint8_t end = DHCP_OPT_END;

    (void)state;
    start("ping-check off;" CONF);
    for (size_t piece = 60; piece < 400; piece += 37) {
        unsigned before = replies();

        rig_msg(&rig, DHCPDISCOVER, 1);
        rig_opt(&rig, 12, "a-name", 6);
        rig_bytes(&rig, &end, 1);
        netrig_input_pieces(net, frame, netrig_udp(frame, &ip, 68, 67, rig.buf, rig.len), piece);
        poll_edge();
        assert_int_equal(replies(), before + 1);
    }
}

static void test_missing_memory_is_counted_and_passes(void **state)
{
    struct pkt *hold[NETRIG_PKTS];
    unsigned n = 0;

    (void)state;
    start("ping-check off;" CONF);
    rig_msg(&rig, DHCPDISCOVER, 1);
    on_wire(1, 0);
    while ((hold[n] = pkt_alloc(&net->pool, 0, 1)) != NULL)
        n++;
    poll_edge();
    assert_int_equal(edge.stats.no_memory, 1);
    assert_int_equal(replies(), 0);
    while (n > 0)
        pkt_put(hold[--n]);
    rig_msg(&rig, DHCPDISCOVER, 1);
    on_wire(1, 0);
    poll_edge();
    assert_int_equal(replies(), 1);
}

/* A flood of clients is not a flood of lines. */
static void test_log_lines_are_limited(void **state)
{
    unsigned lines = 0;

    (void)state;
    vplat_reset(1);
    log_init(plat_console_write, LOG_INFO);
    start("ping-check off;" CONF);
    vplat_console_clear();
    for (uint32_t n = 0; n < 100; n++) {
        rig_msg(&rig, DHCPDISCOVER, n);
        on_wire(n, 0);
        poll_edge();
        request(n, netrig_get32(netrig_last(net)->bytes + 30));
    }
    for (const char *p = vplat_console(); (p = strstr(p, "leased to")) != NULL; p++)
        lines++;
    assert_int_equal(edge.stats.reasons[DHCP_REASON_acknowledged], 100);
    assert_in_range(lines, 1, DHCP_UDP_LINES_PER_S * 2);
    assert_int_equal(lines + edge.stats.lines_left_out, 100);
}

static void test_open_refuses_bad_numbers(void **state)
{
    struct dhcp_udp_conf uc;
    struct dhcp_udp other;

    (void)state;
    start(CONF);
    uc = edge.conf;
    assert_int_equal(dhcp_udp_open(&other, &uc), -E_ADDRINUSE);
    uc.probe_ns = 1;
    assert_int_equal(dhcp_udp_open(&other, &uc), -E_INVAL);
    uc.probe_ns = 0;
    uc.addr = 0;
    assert_int_equal(dhcp_udp_open(&other, &uc), -E_INVAL);
    uc.addr = NETRIG_US;
    net->dev.caps.mtu_bytes = 575;
    assert_int_equal(dhcp_udp_open(&other, &uc), -E_INVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_lease_over_the_wire),
        TEST(test_a_probe_stalls_nobody),
        TEST(test_an_address_in_use_is_not_offered),
        TEST(test_an_abandoned_address_is_never_offered_unasked),
        TEST(test_relays_are_answered_on_port_67),
        TEST(test_addresses_beyond_a_relay_are_not_probed),
        TEST(test_the_broadcast_flag_makes_a_broadcast),
        TEST(test_a_reply_is_as_long_as_the_link_carries_now),
        TEST(test_a_full_device_holds_the_reply_and_the_promise),
        TEST(test_a_reply_that_never_goes_out_is_given_up),
        TEST(test_more_probes_than_slots_are_offered_unasked),
        TEST(test_messages_that_are_none_are_counted),
        TEST(test_a_message_in_pieces),
        TEST(test_missing_memory_is_counted_and_passes),
        TEST(test_log_lines_are_limited),
        TEST(test_open_refuses_bad_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
