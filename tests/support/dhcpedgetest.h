/* SPDX-License-Identifier: ISC */
/* dhcpedgetest.h - the DHCP client's edge on a bench: one interface, whose frames the test reads
 * and makes. Each test program includes it once.
 *
 *     start(); to_lease();                      from nothing to an address that serves
 *     pass(NS_PER_S); expect_broadcast(type)    time passes; the client's last message, in `sent`
 *     reply(DHCPACK, ADDR); give();             a server's answer to that; options between them */
#ifndef TESTS_DHCPEDGETEST_H
#define TESTS_DHCPEDGETEST_H

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

static UNUSED void begin(const struct dhcp_client_udp_conf *with)
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

static UNUSED int setup(void **state)
{
    (void)state;
    net = netrig_blank();
    return 0;
}

static UNUSED int stop(void **state)
{
    (void)state;
    dhcp_client_udp_close(&edge, false, net->now);
    udp_close(&other);
    net->tx_room = NETRIG_SENT_MAX;
    netrig_free(net); /* every page and packet is back */
    return 0;
}

/* So that what every test does at its end can be done. */
static UNUSED void reopen(void)
{
    struct dhcp_client_udp_conf conf = edge.conf;

    assert_int_equal(dhcp_client_udp_open(&edge, &conf, net->now), 0);
}

static UNUSED void start(void)
{
    begin(&(struct dhcp_client_udp_conf){.probe_ns = 0});
}

static UNUSED void poll(void)
{
    netrig_poll(net);
    dhcp_client_udp_poll(&edge, net->now);
    netrig_poll(net);
}

/* Time passes as a program would sleep. */
static UNUSED void pass(uint64_t ns)
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
static UNUSED const struct netrig_frame *last_message(uint32_t src, uint32_t dst)
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

static UNUSED void expect_broadcast(enum dhcp_type type)
{
    const struct netrig_frame *frame = last_message(0, IP4_BROADCAST);

    assert_non_null(frame);
    assert_int_equal(netrig_get48(frame->bytes), NETRIG_BROADCAST_MAC);
    assert_int_equal(sent.type, type);
}

/* ---- the server ------------------------------------------------------------------------------ */

static uint8_t msg[600];
static struct dhcp_writer w;

static UNUSED void reply(enum dhcp_type type, uint32_t yiaddr)
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
static UNUSED void give_from(const struct netrig_ip *ip, uint16_t port)
{
    static uint8_t frame[1024];
    size_t len = dhcp_write_end(&w);

    netrig_input(net, frame, netrig_udp(frame, ip, port, 68, msg, len));
    dhcp_client_udp_poll(&edge, net->now);
}

static UNUSED void give(void)
{
    give_from(&(struct netrig_ip){.dst = ADDR}, 67);
}

static UNUSED void to_ack(void)
{
    poll();
    expect_broadcast(DHCPDISCOVER);
    reply(DHCPOFFER, ADDR);
    give();
    expect_broadcast(DHCPREQUEST);
    reply(DHCPACK, ADDR);
}

static UNUSED void to_lease(void)
{
    to_ack();
    dhcp_write_u32(&w, DHCP_OPT_ROUTERS, IP4_ADDR(10, 0, 0, 254));
    give();
    pass(NS_PER_S);
    assert_int_equal(netif_addr_state(&net->nif, ADDR), NETIF_ADDR_READY);
    assert_true(dhcp_client_udp_has_lease(&edge));
}

static UNUSED bool said(const char *text)
{
    return strstr(vplat_console(), text) != NULL;
}

static UNUSED void claim(uint32_t addr)
{
    uint8_t arp[64];

    netrig_input(net, arp, netrig_arp(arp, 2, OTHER_MAC, addr, NETRIG_US_MAC, 0, NETRIG_US_MAC));
}

static UNUSED void to_renewing(void)
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, stop)

#endif
