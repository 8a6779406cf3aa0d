/* SPDX-License-Identifier: ISC */
/* test_route.c - several addresses, several routes: which neighbour, which source. */
#include "netrig.h"

static struct udp_sock sock;

static struct netrig *new_rig(void)
{
    struct netrig *rig = netrig_blank();
    struct udp_conf conf = {.port = 7};

    netrig_start(rig);
    assert_int_equal(udp_open(&sock, &rig->nif, &conf), 0);
    return rig;
}

static void free_rig(struct netrig *rig)
{
    udp_close(&sock);
    netrig_free(rig);
}

static void add(struct netrig *rig, uint32_t addr, uint8_t prefix_len)
{
    assert_int_equal(netif_addr_add(&rig->nif, addr, prefix_len, false, rig->now), 0);
}

/* Sends and says for whom ARP asked, and from which address. */
static int send_to(struct netrig *rig, uint32_t src, uint32_t dst, uint32_t *next_hop,
                   uint32_t *from)
{
    struct udp_meta meta = {.src = src, .dst = dst, .dst_port = 9};
    struct pkt *pkt = pkt_alloc(&rig->pool, PKT_HEADROOM_BYTES, 1);
    int err;

    netrig_clear(rig);
    err = udp_send(&sock, &meta, pkt, rig->now);
    if (err != 0) {
        pkt_put(pkt);
        return err;
    }
    assert_true(netrig_is_arp(netrig_last(rig)));
    *from = netrig_get32(netrig_last(rig)->bytes + 14 + 14);
    *next_hop = netrig_get32(netrig_last(rig)->bytes + 14 + 24);
    netrig_pass(rig, 4 * NS_PER_S); /* nobody answers: the neighbour is forgotten */
    return 0;
}

static void expect(struct netrig *rig, uint32_t dst, uint32_t next_hop, uint32_t from)
{
    uint32_t hop = 0, src = 0;

    assert_int_equal(send_to(rig, IP4_ANY, dst, &hop, &src), 0);
    assert_int_equal(hop, next_hop);
    assert_int_equal(src, from);
}

static void test_the_longest_prefix_wins_whatever_the_order(void **state)
{
    const uint32_t g1 = IP4_ADDR(10, 0, 0, 254), g2 = IP4_ADDR(10, 0, 0, 253),
                   g3 = IP4_ADDR(192, 168, 5, 1);

    (void)state;
    for (int order = 0; order < 2; order++) {
        struct netrig *rig = new_rig();

        add(rig, NETRIG_US, 24);
        add(rig, IP4_ADDR(192, 168, 5, 2), 30);
        if (order == 0)
            assert_int_equal(netif_route_add(&rig->nif, 0, 0, g1), 0);
        assert_int_equal(netif_route_add(&rig->nif, IP4_ADDR(172, 16, 0, 0), 12, g2), 0);
        assert_int_equal(netif_route_add(&rig->nif, IP4_ADDR(172, 16, 9, 0), 24, g3), 0);
        assert_int_equal(netif_route_add(&rig->nif, IP4_ADDR(172, 16, 9, 9), 32, g1), 0);
        if (order == 1)
            assert_int_equal(netif_route_add(&rig->nif, 0, 0, g1), 0);
        expect(rig, IP4_ADDR(10, 0, 0, 7), IP4_ADDR(10, 0, 0, 7), NETRIG_US);
        expect(rig, IP4_ADDR(8, 8, 8, 8), g1, NETRIG_US);
        expect(rig, IP4_ADDR(172, 17, 0, 1), g2, NETRIG_US);
        expect(rig, IP4_ADDR(172, 16, 9, 1), g3, IP4_ADDR(192, 168, 5, 2));
        expect(rig, IP4_ADDR(172, 16, 9, 9), g1, NETRIG_US);
        expect(rig, IP4_ADDR(192, 168, 5, 1), g3, IP4_ADDR(192, 168, 5, 2));
        free_rig(rig);
    }
}

static void test_a_network_within_a_network(void **state)
{
    struct netrig *rig = new_rig();

    (void)state;
    add(rig, IP4_ADDR(10, 0, 0, 1), 8);
    add(rig, IP4_ADDR(10, 9, 0, 1), 16);
    expect(rig, IP4_ADDR(10, 9, 3, 3), IP4_ADDR(10, 9, 3, 3), IP4_ADDR(10, 9, 0, 1));
    expect(rig, IP4_ADDR(10, 8, 3, 3), IP4_ADDR(10, 8, 3, 3), IP4_ADDR(10, 0, 0, 1));
    free_rig(rig);
}

static void test_a_route_whose_network_is_gone_sleeps_until_it_is_back(void **state)
{
    const uint32_t gateway = IP4_ADDR(10, 0, 0, 254);
    struct netrig *rig = new_rig();
    uint32_t hop, src;

    (void)state;
    add(rig, NETRIG_US, 24);
    assert_int_equal(netif_route_add(&rig->nif, 0, 0, gateway), 0);
    expect(rig, IP4_ADDR(8, 8, 8, 8), gateway, NETRIG_US);
    assert_int_equal(netif_addr_remove(&rig->nif, NETRIG_US), 0);
    assert_int_equal(send_to(rig, IP4_ANY, IP4_ADDR(8, 8, 8, 8), &hop, &src), -E_HOSTUNREACH);
    add(rig, IP4_ADDR(10, 0, 0, 5), 24);
    expect(rig, IP4_ADDR(8, 8, 8, 8), gateway, IP4_ADDR(10, 0, 0, 5));
    assert_int_equal(netif_route_remove(&rig->nif, 0, 0), 0);
    assert_int_equal(send_to(rig, IP4_ANY, IP4_ADDR(8, 8, 8, 8), &hop, &src), -E_HOSTUNREACH);
    assert_int_equal(netif_route_remove(&rig->nif, 0, 0), -E_NOENT);
    free_rig(rig);
}

static void test_what_is_no_address_and_no_route(void **state)
{
    struct netrig *rig = new_rig();
    struct netif *nif = &rig->nif;

    (void)state;
    assert_int_equal(netif_addr_add(nif, IP4_ADDR(10, 0, 0, 0), 24, false, 0), -E_INVAL);
    assert_int_equal(netif_addr_add(nif, IP4_ADDR(10, 0, 0, 255), 24, false, 0), -E_INVAL);
    assert_int_equal(netif_addr_add(nif, IP4_ADDR(10, 0, 0, 1), 0, false, 0), -E_INVAL);
    assert_int_equal(netif_addr_add(nif, IP4_ADDR(10, 0, 0, 1), 33, false, 0), -E_INVAL);
    assert_int_equal(netif_addr_add(nif, IP4_ADDR(127, 0, 0, 1), 8, false, 0), -E_INVAL);
    assert_int_equal(netif_addr_add(nif, IP4_ADDR(224, 0, 0, 5), 24, false, 0), -E_INVAL);
    assert_int_equal(netif_addr_add(nif, IP4_ADDR(0, 0, 0, 5), 24, false, 0), -E_INVAL);
    add(rig, IP4_ADDR(10, 0, 1, 0), 31); /* RFC 3021 */
    add(rig, IP4_ADDR(10, 0, 2, 9), 32);
    add(rig, NETRIG_US, 24);
    assert_int_equal(netif_addr_add(nif, NETRIG_US, 24, false, 0), -E_EXIST);
    assert_int_equal(netif_addr_remove(nif, NETRIG_PEER), -E_ADDRNOTAVAIL);
    assert_int_equal(netif_route_add(nif, 0, 0, IP4_ADDR(192, 0, 2, 1)), -E_HOSTUNREACH);
    assert_int_equal(netif_route_add(nif, 0, 0, NETRIG_US), -E_INVAL);
    assert_int_equal(netif_route_add(nif, 0, 0, IP4_ADDR(10, 0, 0, 255)), -E_INVAL);
    assert_int_equal(netif_route_add(nif, IP4_ADDR(10, 9, 9, 9), 24, NETRIG_PEER), -E_INVAL);
    assert_int_equal(netif_route_add(nif, 0, 33, NETRIG_PEER), -E_INVAL);
    assert_int_equal(netif_route_add(nif, 0, 0, NETRIG_PEER), 0);
    assert_int_equal(netif_route_add(nif, 0, 0, NETRIG_PEER), -E_EXIST);
    free_rig(rig);
}

static void test_tables_are_bounded(void **state)
{
    struct netrig *rig = new_rig();

    (void)state;
    for (uint32_t i = 0; i < NETIF_ADDRS_MAX; i++)
        add(rig, IP4_ADDR(10, i, 0, 1), 16);
    assert_int_equal(netif_addr_add(&rig->nif, IP4_ADDR(10, 99, 0, 1), 16, false, 0), -E_NOSPC);
    for (uint32_t i = 0; i < NETIF_ROUTES_MAX; i++)
        assert_int_equal(
            netif_route_add(&rig->nif, IP4_ADDR(172, 16, i, 0), 24, IP4_ADDR(10, i % 8, 0, 2)), 0);
    assert_int_equal(netif_route_add(&rig->nif, 0, 0, IP4_ADDR(10, 0, 0, 2)), -E_NOSPC);
    for (uint32_t i = 0; i < NETIF_ROUTES_MAX; i++)
        expect(rig, IP4_ADDR(172, 16, i, 1), IP4_ADDR(10, i % 8, 0, 2), IP4_ADDR(10, i % 8, 0, 1));
    free_rig(rig);
}

/* As clouds have it: an address of /32, and a router that only a route says is on the link. */
static void test_a_route_on_the_link_needs_no_network(void **state)
{
    const uint32_t us = IP4_ADDR(172, 16, 5, 9), router = IP4_ADDR(172, 16, 0, 1);
    struct netrig *rig = new_rig();
    uint32_t hop, src;

    (void)state;
    add(rig, us, 32);
    assert_int_equal(netif_route_add(&rig->nif, 0, 0, router), -E_HOSTUNREACH);
    assert_int_equal(netif_route_add_on_link(&rig->nif, router, 32, 0), 0);
    expect(rig, router, router, us);
    assert_int_equal(send_to(rig, 0, IP4_ADDR(192, 0, 2, 1), &hop, &src), -E_HOSTUNREACH);
    assert_int_equal(netif_route_add_on_link(&rig->nif, 0, 0, router), 0);
    expect(rig, IP4_ADDR(192, 0, 2, 1), router, us);
    assert_int_equal(netif_route_add_on_link(&rig->nif, 0, 0, router), -E_EXIST);
    /* they sleep without an address, and wake with one */
    assert_int_equal(netif_addr_remove(&rig->nif, us), 0);
    assert_int_equal(send_to(rig, 0, router, &hop, &src), -E_HOSTUNREACH);
    add(rig, IP4_ADDR(172, 16, 5, 10), 32);
    expect(rig, IP4_ADDR(192, 0, 2, 1), router, IP4_ADDR(172, 16, 5, 10));
    assert_int_equal(netif_route_remove(&rig->nif, 0, 0), 0);
    assert_int_equal(netif_route_remove(&rig->nif, router, 32), 0);
    assert_int_equal(netif_route_remove(&rig->nif, router, 32), -E_NOENT);
    assert_int_equal(send_to(rig, 0, router, &hop, &src), -E_HOSTUNREACH);
    free_rig(rig);
}

static void test_bad_routes_on_the_link_are_refused(void **state)
{
    struct netrig *rig = new_rig();

    (void)state;
    add(rig, NETRIG_US, 24);
    assert_int_equal(netif_route_add_on_link(&rig->nif, 0, 33, 0), -E_INVAL);
    assert_int_equal(netif_route_add_on_link(&rig->nif, 1, 24, 0), -E_INVAL);
    assert_int_equal(netif_route_add_on_link(&rig->nif, 0, 0, NETRIG_US), -E_INVAL);
    assert_int_equal(netif_route_add_on_link(&rig->nif, 0, 0, IP4_BROADCAST), -E_INVAL);
    assert_int_equal(netif_route_add_on_link(&rig->nif, 0, 0, NETRIG_US | 255), -E_INVAL);
    assert_int_equal(netif_route_add_on_link(&rig->nif, 0, 0, IP4_ADDR(127, 0, 0, 1)), -E_INVAL);
    assert_int_equal(rig->nif.gateway_count, 0);
    free_rig(rig);
}

static void test_a_source_must_be_ours(void **state)
{
    struct netrig *rig = new_rig();
    uint32_t hop, src;

    (void)state;
    add(rig, NETRIG_US, 24);
    add(rig, IP4_ADDR(192, 168, 0, 1), 24);
    assert_int_equal(send_to(rig, NETRIG_PEER, IP4_ADDR(10, 0, 0, 9), &hop, &src), -E_ADDRNOTAVAIL);
    assert_int_equal(send_to(rig, IP4_ADDR(192, 168, 0, 1), IP4_ADDR(10, 0, 0, 9), &hop, &src), 0);
    free_rig(rig);
}

static void test_every_address_answers(void **state)
{
    struct netrig *rig = new_rig();
    uint8_t frame[64], data[8] = {0};

    (void)state;
    for (uint32_t i = 0; i < NETIF_ADDRS_MAX; i++)
        add(rig, IP4_ADDR(10, i, 0, 1), 16);
    for (uint32_t i = 0; i < NETIF_ADDRS_MAX; i++) {
        struct netrig_ip ip = {.src = IP4_ADDR(10, i, 0, 2), .dst = IP4_ADDR(10, i, 0, 1)};
        size_t len;

        netrig_peer_answers(rig, ip.src, NETRIG_PEER_MAC);
        netrig_input(rig, frame, netrig_echo(frame, &ip, 1, 1, data, 8));
        netrig_check_ip(netrig_last(rig), 1, ip.dst, ip.src, &len);
    }
    free_rig(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_longest_prefix_wins_whatever_the_order),
        cmocka_unit_test(test_a_network_within_a_network),
        cmocka_unit_test(test_a_route_whose_network_is_gone_sleeps_until_it_is_back),
        cmocka_unit_test(test_what_is_no_address_and_no_route),
        cmocka_unit_test(test_tables_are_bounded),
        cmocka_unit_test(test_a_route_on_the_link_needs_no_network),
        cmocka_unit_test(test_bad_routes_on_the_link_are_refused),
        cmocka_unit_test(test_a_source_must_be_ours),
        cmocka_unit_test(test_every_address_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
