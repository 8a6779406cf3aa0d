/* SPDX-License-Identifier: ISC */
/* test_netif_tcp.c - the interface's door for TCP, with a made-up TCP behind it. */
#include <string.h>

#include "netrig.h"
#include "support.h"
#include "tcpip/tcpip_priv.h"

static struct {
    unsigned inputs, errors, polls;
    struct tcp_key key;
    uint32_t seq, mtu, len;
    int error;
    uint8_t tos;
    bool believes, pending;
    uint64_t at;
} seen;

static void seen_input(struct netif *nif, struct pkt *pkt, const struct ip4_rx *rx, uint64_t now)
{
    (void)nif;
    (void)now;
    seen.inputs++;
    seen.len = rx->len;
    seen.tos = rx->tos;
    pkt_put(pkt);
}

static bool seen_error(struct netif *nif, const struct tcp_key *key, uint32_t seq, int error,
                       uint32_t mtu, uint64_t now)
{
    (void)nif;
    (void)now;
    seen.errors++;
    seen.key = *key;
    seen.seq = seq;
    seen.error = error;
    seen.mtu = mtu;
    return seen.believes;
}

static void seen_poll(struct netif *nif, uint64_t now)
{
    (void)nif;
    (void)now;
    seen.polls++;
}

static uint64_t seen_poll_at(const struct netif *nif)
{
    (void)nif;
    return seen.at;
}

static bool seen_pending(const struct netif *nif)
{
    (void)nif;
    return seen.pending;
}

static const struct netif_tcp_ops ops = {seen_input, seen_error, seen_poll, seen_poll_at,
                                         seen_pending};

static struct netrig *begin(void)
{
    struct netrig *rig = netrig_new(true);

    memset(&seen, 0, sizeof(seen));
    seen.at = NS_NEVER;
    rig->nif.tcp_ops = &ops;
    netrig_clear(rig);
    return rig;
}

static void end(struct netrig *rig)
{
    rig->nif.tcp_ops = NULL;
    netrig_free(rig);
}

/* An ICMP error about a segment 10.0.0.1:7 > 10.0.0.2:1000, seq 0xfffffff0, `total` bytes long,
 * of which `quoted` bytes after the IPv4 header come back. */
static void icmp(struct netrig *rig, uint8_t type, uint8_t code, uint16_t mtu, uint16_t total,
                 unsigned quoted, bool df)
{
    struct netrig_ip ours = {
        .src = NETRIG_US, .dst = NETRIG_PEER, .protocol = IP4_TCP, .flags_off = df ? IP4_DF : 0};
    struct netrig_ip error = {.protocol = IP4_ICMP};
    uint8_t segment[20] = {0, 7, 1000 >> 8, 1000 & 255, 0xff, 0xff, 0xff, 0xf0};
    uint8_t frame[200], message[100] = {type, code};

    netrig_ip(frame, &ours, segment, sizeof(segment));
    netrig_put16(frame + 16, total);
    netrig_put16(message + 6, mtu);
    memcpy(message + 8, frame + 14, 20 + quoted);
    netrig_put16(message + 2, netrig_checksum(message, 28 + quoted, 0));
    netrig_input(rig, frame, netrig_ip(frame, &error, message, 28 + quoted));
}

static void test_tcp_gets_its_packets_and_turn(void **state)
{
    struct netrig_ip ip = {.protocol = IP4_TCP};
    uint8_t frame[100], segment[20] = {0};
    struct netrig *rig = begin();
    size_t len = netrig_ip(frame, &ip, segment, sizeof(segment));

    (void)state;
    netrig_input(rig, frame, len);
    assert_int_equal(seen.inputs, 1);
    assert_int_equal(seen.len, 20);
    frame[15] = 0xbb; /* type of service, and its sum */
    netrig_put16(frame + 24, 0);
    netrig_put16(frame + 24, netrig_checksum(frame + 14, 20, 0));
    netrig_input(rig, frame, len);
    assert_int_equal(seen.tos, 0xbb);
    netrig_poll(rig);
    assert_int_equal(seen.polls, 1);
    assert_int_equal(rig->nif.stats.ip4_protocol, 0);
    end(rig);
}

static void test_tcps_deadline_and_work_are_the_interfaces(void **state)
{
    struct netrig *rig = begin();
    uint64_t own = netif_poll_at(&rig->nif);

    (void)state;
    seen.at = 5;
    assert_int_equal(netif_poll_at(&rig->nif), 5);
    seen.at = NS_NEVER;
    assert_int_equal(netif_poll_at(&rig->nif), own);
    assert_false(netif_arm(&rig->nif));
    assert_false(netif_poll(&rig->nif, rig->now, 8));
    seen.pending = true;
    assert_true(netif_arm(&rig->nif));
    assert_true(netif_poll(&rig->nif, rig->now, 8));
    end(rig);
}

static void test_icmp_errors_are_told_with_ends_and_sequence_number(void **state)
{
    static const struct {
        uint8_t type, code;
        int error;
    } kinds[] = {
        {3, 0, -E_HOSTUNREACH}, {3, 1, -E_HOSTUNREACH}, {3, 3, -E_CONNREFUSED}, {12, 0, -E_PROTO}};
    struct netrig *rig = begin();

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
        icmp(rig, kinds[i].type, kinds[i].code, 0, 40, 8, true);
        assert_int_equal(seen.errors, i + 1);
        assert_int_equal(seen.error, kinds[i].error);
        assert_int_equal(seen.key.src, NETRIG_US);
        assert_int_equal(seen.key.dst, NETRIG_PEER);
        assert_int_equal(seen.key.src_port, 7);
        assert_int_equal(seen.key.dst_port, 1000);
        assert_int_equal(seen.seq, 0xfffffff0u);
    }
    /* Source quench: RFC 6633. */
    icmp(rig, 4, 0, 0, 40, 8, true);
    assert_int_equal(seen.errors, ARRAY_SIZE(kinds));
    /* Fewer than eight bytes quoted say too little. */
    for (unsigned quoted = 0; quoted < 8; quoted++)
        icmp(rig, 3, 1, 0, 40, quoted, true);
    assert_int_equal(seen.errors, ARRAY_SIZE(kinds));
    end(rig);
}

/* RFC 5927 section 7: the path is narrower only where TCP believes it. */
static void test_a_smaller_path_mtu_is_noted_where_tcp_believes_it(void **state)
{
    (void)state;
    for (unsigned believes = 0; believes < 2; believes++) {
        struct netrig *rig = begin();

        seen.believes = believes;
        icmp(rig, 3, 4, 1000, 1500, 8, true);
        assert_int_equal(seen.error, -E_MSGSIZE);
        assert_int_equal(seen.mtu, 1000);
        assert_int_equal(ip4_path_mtu(&rig->nif, NETRIG_PEER, rig->now), believes ? 1000 : 1500);
        assert_int_equal(rig->nif.stats.icmp_errors_received, believes);
        end(rig);
    }
}

static void test_the_mtu_told_is_a_plateau_a_floor_or_none(void **state)
{
    struct netrig *rig = begin();

    (void)state;
    icmp(rig, 3, 4, 0, 1500, 8, true); /* RFC 1191 section 7.1 */
    assert_int_equal(seen.mtu, 1492);
    icmp(rig, 3, 4, 68, 1500, 8, true);
    assert_int_equal(seen.mtu, IP4_PATH_MTU_FLOOR);
    icmp(rig, 3, 4, 1500, 1500, 8, true); /* it would have fitted */
    assert_int_equal(seen.mtu, 0);
    assert_int_equal(seen.errors, 3);
    icmp(rig, 3, 4, 1000, 1500, 8, false); /* it was allowed to be cut */
    assert_int_equal(seen.errors, 3);
    end(rig);
}

/* A neighbour that does not answer is as good as unreachable. */
static void test_a_silent_neighbour_is_told(void **state)
{
    struct netrig *rig = begin();
    struct pkt *pkt = pkt_alloc(&rig->pool, 0, IP4_TX_BYTES + 20);
    struct ip4_tx tx = {.dst = IP4_ADDR(10, 0, 0, 77), .protocol = IP4_TCP, .ttl = 64};
    uint8_t *segment = pkt->frag[0].page->base + IP4_TX_BYTES;

    (void)state;
    memset(segment, 0, 20);
    segment[1] = 7;
    segment[3] = 9;
    netrig_put32(segment + 4, 12345);
    assert_int_equal(route_find(&rig->nif, &tx), 0);
    assert_int_equal(ip4_send(&rig->nif, pkt, &tx, rig->now), 0);
    netrig_pass(rig, 4 * NS_PER_S);
    assert_int_equal(seen.errors, 1);
    assert_int_equal(seen.error, -E_HOSTUNREACH);
    assert_int_equal(seen.key.dst, IP4_ADDR(10, 0, 0, 77));
    assert_int_equal(seen.key.src_port, 7);
    assert_int_equal(seen.key.dst_port, 9);
    assert_int_equal(seen.seq, 12345);
    end(rig);
}

/* Whoever has looked a route up knows when to look again. */
static void test_every_change_of_routes_and_addresses_is_counted(void **state)
{
    struct netrig *rig = begin();
    uint32_t epoch = rig->nif.route_epoch;

    (void)state;
    assert_int_equal(netif_route_add(&rig->nif, 0, 0, NETRIG_PEER), 0);
    assert_int_equal(rig->nif.route_epoch, ++epoch);
    assert_int_equal(netif_route_add(&rig->nif, 0, 0, NETRIG_PEER), -E_EXIST);
    assert_int_equal(rig->nif.route_epoch, epoch);
    assert_int_equal(netif_route_remove(&rig->nif, 0, 0), 0);
    assert_int_equal(rig->nif.route_epoch, ++epoch);
    assert_int_equal(netif_addr_add(&rig->nif, IP4_ADDR(10, 9, 0, 1), 24, false, rig->now), 0);
    assert_int_not_equal(rig->nif.route_epoch, epoch);
    epoch = rig->nif.route_epoch;
    assert_int_equal(netif_addr_remove(&rig->nif, IP4_ADDR(10, 9, 0, 1)), 0);
    assert_int_not_equal(rig->nif.route_epoch, epoch);
    end(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tcp_gets_its_packets_and_turn),
        cmocka_unit_test(test_tcps_deadline_and_work_are_the_interfaces),
        cmocka_unit_test(test_icmp_errors_are_told_with_ends_and_sequence_number),
        cmocka_unit_test(test_a_smaller_path_mtu_is_noted_where_tcp_believes_it),
        cmocka_unit_test(test_the_mtu_told_is_a_plateau_a_floor_or_none),
        cmocka_unit_test(test_a_silent_neighbour_is_told),
        cmocka_unit_test(test_every_change_of_routes_and_addresses_is_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
