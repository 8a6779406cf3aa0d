/* SPDX-License-Identifier: ISC */
/* test_igmp.c - IGMPv2's host side (RFC 2236): joins, reports, queries, leaves. */
#include <stdlib.h>
#include <string.h>

#include "netrig.h"
#include "tcpip/wire/igmp.h"

#define GROUP IP4_ADDR(239, 1, 2, 3)
#define ALL_HOSTS IP4_ADDR(224, 0, 0, 1)
#define ALL_ROUTERS IP4_ADDR(224, 0, 0, 2)

static uint8_t frame[2048];

static void input(struct netrig *rig, uint8_t type, uint8_t max_resp, uint32_t group, uint32_t dst)
{
    static const uint8_t router_alert[4] = {0x94, 4, 0, 0};
    struct netrig_ip ip = {.dst = dst,
                           .eth_dst = 0x01005e000000 | (dst & 0x7fffff),
                           .protocol = 2,
                           .ttl = 1,
                           .options = router_alert,
                           .options_len = 4};
    uint8_t message[8] = {type, max_resp};

    netrig_put32(message + 4, group);
    netrig_put16(message + 2, netrig_checksum(message, 8, 0));
    netrig_input(rig, frame, netrig_ip(frame, &ip, message, 8));
}

static void check_sent(const struct netrig_frame *sent, uint8_t type, uint32_t group, uint32_t to)
{
    size_t len;
    const uint8_t *igmp = netrig_check_ip(sent, 2, NETRIG_US, to, &len);

    assert_int_equal(netrig_get48(sent->bytes), 0x01005e000000 | (to & 0x7fffff));
    assert_int_equal(len, 8);
    assert_int_equal(sent->bytes[14 + 8], 1);                     /* TTL: RFC 2236 section 2 */
    assert_int_equal(netrig_get32(sent->bytes + 34), 0x94040000); /* router alert: RFC 2113 */
    assert_int_equal(netrig_checksum(igmp, 8, 0), 0);
    assert_int_equal(igmp[0], type);
    assert_int_equal(igmp[1], 0);
    assert_int_equal(netrig_get32(igmp + 4), group);
}

static struct netrig *joined_rig(void)
{
    struct netrig *rig = netrig_new(false);

    assert_int_equal(netif_multicast_join(&rig->nif, GROUP, rig->now), 0);
    netrig_pass(rig, 20 * NS_PER_S);
    netrig_clear(rig);
    return rig;
}

static void test_parse_of_every_length(void **state)
{
    (void)state;
    for (size_t len = 0; len <= 64; len++) {
        uint8_t *block = calloc(1, len == 0 ? 1 : len);
        struct igmp_msg msg;

        if (len >= 8) {
            block[0] = 0x11;
            netrig_put16(block + 2, netrig_checksum(block, len, 0));
        }
        assert_int_equal(igmp_parse(&msg, cs_ro_of(block, len)), len >= 8 ? IGMP_OK : IGMP_SHORT);
        if (len >= 8)
            block[len - 1] ^= 1;
        assert_int_equal(igmp_parse(&msg, cs_ro_of(block, len)),
                         len >= 8 ? IGMP_CHECKSUM : IGMP_SHORT);
        free(block);
    }
}

static void test_nonmember_join_reports_at_once_and_again_within_ten_seconds(void **state)
{
    struct netrig *rig = netrig_new(false);

    (void)state;
    assert_int_equal(netif_multicast_join(&rig->nif, GROUP, rig->now), 0);
    assert_int_equal(rig->group_macs_joined, 0x01005e010203);
    check_sent(netrig_last(rig), 0x16, GROUP, GROUP);
    netrig_pass(rig, 30 * NS_PER_S);
    assert_int_equal(rig->sent_count, 2);
    check_sent(netrig_last(rig), 0x16, GROUP, GROUP);
    assert_true(rig->sent[1].at - rig->sent[0].at <= 10 * NS_PER_S);
    assert_int_equal(netif_poll_at(&rig->nif), NS_NEVER);
    netrig_free(rig);
}

static void test_idle_query_answers_within_its_time(void **state)
{
    struct netrig *rig = joined_rig();
    uint64_t start = rig->now, least = NS_NEVER, most = 0;

    (void)state;
    for (int i = 0; i < 200; i++) {
        start = rig->now;
        if (i % 2 == 0)
            input(rig, 0x11, 50, 0, ALL_HOSTS);
        else
            input(rig, 0x11, 50, GROUP, GROUP);
        netrig_pass(rig, 6 * NS_PER_S);
        assert_int_equal(rig->sent_count, 1);
        check_sent(netrig_last(rig), 0x16, GROUP, GROUP);
        least = u64_min(least, rig->sent[0].at - start);
        if (rig->sent[0].at - start > most)
            most = rig->sent[0].at - start;
        netrig_clear(rig);
    }
    assert_true(most <= 5 * NS_PER_S);
    assert_true(least < NS_PER_S / 2 && most > 4 * NS_PER_S); /* spread over it */
    input(rig, 0x11, 50, IP4_ADDR(239, 9, 9, 9), ALL_HOSTS);
    netrig_pass(rig, 6 * NS_PER_S);
    assert_int_equal(rig->sent_count, 0);
    netrig_free(rig);
}

static void test_delaying_query_shortens_the_delay_and_never_extends_it(void **state)
{
    struct netrig *rig = joined_rig();
    uint64_t start = rig->now;

    (void)state;
    input(rig, 0x11, 250, 0, ALL_HOSTS);
    input(rig, 0x11, 1, 0, ALL_HOSTS);
    input(rig, 0x11, 250, 0, ALL_HOSTS);
    netrig_pass(rig, 30 * NS_PER_S);
    assert_int_equal(rig->sent_count, 1);
    assert_true(rig->sent[0].at - start <= NS_PER_S / 10);
    netrig_free(rig);
}

/* A query that comes with the poll in which the report is due does not put it off. */
static void test_delaying_query_does_not_put_off_a_report_that_is_due(void **state)
{
    struct netrig *rig = joined_rig();

    (void)state;
    input(rig, 0x11, 10, 0, ALL_HOSTS);
    rig->now += 2 * NS_PER_S;
    input(rig, 0x11, 10, 0, ALL_HOSTS);
    netrig_poll(rig);
    assert_int_equal(rig->sent_count, 1);
    netrig_free(rig);
}

static void test_delaying_report_of_another_cancels_ours(void **state)
{
    struct netrig *rig = joined_rig();

    (void)state;
    input(rig, 0x11, 100, 0, ALL_HOSTS);
    input(rig, 0x16, 0, GROUP, GROUP);
    netrig_pass(rig, 20 * NS_PER_S);
    assert_int_equal(rig->sent_count, 0);
    /* Who did not report last leaves without a word. */
    assert_int_equal(netif_multicast_leave(&rig->nif, GROUP, rig->now), 0);
    assert_int_equal(rig->sent_count, 0);
    netrig_free(rig);
}

static void test_member_leave_tells_the_routers(void **state)
{
    struct netrig *rig = joined_rig();

    (void)state;
    assert_int_equal(netif_multicast_leave(&rig->nif, GROUP, rig->now), 0);
    check_sent(netrig_last(rig), 0x17, GROUP, ALL_ROUTERS);
    assert_int_equal(rig->group_macs_left, 0x01005e010203);
    assert_int_equal(netif_multicast_leave(&rig->nif, GROUP, rig->now), -E_INVAL);
    input(rig, 0x11, 10, 0, ALL_HOSTS);
    netrig_pass(rig, 5 * NS_PER_S);
    assert_int_equal(rig->sent_count, 1);
    netrig_free(rig);
}

static void test_a_version_1_router_gets_version_1_reports_and_no_leaves(void **state)
{
    struct netrig *rig = joined_rig();
    uint64_t start = rig->now;

    (void)state;
    input(rig, 0x11, 0, 0, ALL_HOSTS);
    netrig_pass(rig, 11 * NS_PER_S);
    assert_int_equal(rig->sent_count, 1);
    check_sent(netrig_last(rig), 0x12, GROUP, GROUP);
    assert_true(rig->sent[0].at - start <= 10 * NS_PER_S);
    netrig_pass(rig, 400 * NS_PER_S); /* it is gone: RFC 2236 section 8.11 */
    input(rig, 0x11, 10, 0, ALL_HOSTS);
    netrig_pass(rig, 2 * NS_PER_S);
    check_sent(netrig_last(rig), 0x16, GROUP, GROUP);
    input(rig, 0x11, 0, 0, ALL_HOSTS);
    netrig_clear(rig);
    assert_int_equal(netif_multicast_leave(&rig->nif, GROUP, rig->now), 0);
    assert_int_equal(rig->sent_count, 0);
    netrig_free(rig);
}

static void test_groups_that_cannot_be_joined_and_bounds(void **state)
{
    struct netrig *rig = netrig_new(false);

    (void)state;
    assert_int_equal(netif_multicast_join(&rig->nif, NETRIG_PEER, rig->now), -E_INVAL);
    assert_int_equal(netif_multicast_join(&rig->nif, ALL_HOSTS, rig->now), -E_INVAL);
    for (uint32_t i = 0; i < NETIF_GROUPS_MAX; i++)
        assert_int_equal(netif_multicast_join(&rig->nif, GROUP + i, rig->now), 0);
    assert_int_equal(netif_multicast_join(&rig->nif, GROUP, rig->now), -E_EXIST);
    assert_int_equal(netif_multicast_join(&rig->nif, GROUP + 99, rig->now), -E_NOSPC);
    netrig_free(rig);
}

static void test_a_mac_that_two_groups_share_is_kept(void **state)
{
    struct netrig *rig = netrig_new(false);

    (void)state;
    assert_int_equal(netif_multicast_join(&rig->nif, IP4_ADDR(239, 1, 2, 3), rig->now), 0);
    assert_int_equal(netif_multicast_join(&rig->nif, IP4_ADDR(238, 129, 2, 3), rig->now), 0);
    assert_int_equal(netif_multicast_leave(&rig->nif, IP4_ADDR(239, 1, 2, 3), rig->now), 0);
    assert_int_equal(rig->group_macs_left, 0);
    assert_int_equal(netif_multicast_leave(&rig->nif, IP4_ADDR(238, 129, 2, 3), rig->now), 0);
    assert_int_equal(rig->group_macs_left, 0x01005e010203);
    netrig_free(rig);
}

/* RFC 1112 section 7.2. A device that filters passes queries only if it is told so. */
static void test_all_hosts_is_joined_at_the_device_from_start_to_end(void **state)
{
    struct netrig *rig = netrig_new(false);

    (void)state;
    assert_int_equal(rig->group_macs_joined, 0x01005e000001);
    /* Its MAC is 224.0.0.1's too. */
    assert_int_equal(netif_multicast_join(&rig->nif, IP4_ADDR(224, 128, 0, 1), rig->now), 0);
    assert_int_equal(netif_multicast_leave(&rig->nif, IP4_ADDR(224, 128, 0, 1), rig->now), 0);
    assert_int_equal(rig->group_macs_left, 0);
    netif_fini(&rig->nif);
    assert_int_equal(rig->group_macs_left, 0x01005e000001);
    netrig_free(rig);
}

static void test_datagrams_to_a_joined_group_are_received(void **state)
{
    struct netrig *rig = netrig_new(false);
    struct netrig_ip ip = {.dst = GROUP, .eth_dst = 0x01005e010203};
    struct udp_conf any = {.port = 7}, exact = {.port = 7, .addr = GROUP},
                    ours = {.port = 7, .addr = NETRIG_US};
    struct udp_sock socks[3];
    struct udp_meta meta;
    struct pkt *pkt;

    (void)state;
    assert_int_equal(udp_open(&socks[0], &rig->nif, &any), 0);
    assert_int_equal(udp_open(&socks[1], &rig->nif, &exact), 0);
    assert_int_equal(udp_open(&socks[2], &rig->nif, &ours), 0);
    netrig_input(rig, frame, netrig_udp(frame, &ip, 1, 7, (const uint8_t *)"hello", 5));
    assert_int_equal(rig->nif.stats.ip4_not_ours, 1);
    assert_int_equal(netif_multicast_join(&rig->nif, GROUP, rig->now), 0);
    netrig_input(rig, frame, netrig_udp(frame, &ip, 1, 7, (const uint8_t *)"hello", 5));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(udp_recv(&socks[i], &meta, &pkt), 0);
        assert_int_equal(pkt->len, 5);
        assert_int_equal(meta.dst, GROUP);
        pkt_put(pkt);
    }
    assert_int_equal(udp_recv(&socks[2], &meta, &pkt), -E_AGAIN);
    for (int i = 0; i < 3; i++)
        udp_close(&socks[i]);
    netrig_free(rig);
}

static void test_malformed_messages(void **state)
{
    struct netrig *rig = joined_rig();
    struct netrig_ip ip = {.dst = ALL_HOSTS, .eth_dst = 0x01005e000001, .protocol = 2};
    uint8_t message[1480] = {0x11, 100};

    (void)state;
    for (size_t n = 0; n < 8; n++)
        netrig_input_exact(rig, frame, netrig_ip(frame, &ip, message, n));
    netrig_input(rig, frame, netrig_ip(frame, &ip, message, 8)); /* no checksum */
    assert_int_equal(rig->nif.stats.igmp_malformed, 9);
    assert_int_equal(netif_poll_at(&rig->nif), NS_NEVER);
    /* A version 3 query is longer; the first eight bytes are ours, the checksum covers all. */
    netrig_put16(message + 2, netrig_checksum(message, 1480, 0));
    netrig_input(rig, frame, netrig_ip(frame, &ip, message, 1480));
    netrig_pass(rig, 11 * NS_PER_S);
    assert_int_equal(rig->sent_count, 1);
    netrig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_of_every_length),
        cmocka_unit_test(test_nonmember_join_reports_at_once_and_again_within_ten_seconds),
        cmocka_unit_test(test_idle_query_answers_within_its_time),
        cmocka_unit_test(test_delaying_query_shortens_the_delay_and_never_extends_it),
        cmocka_unit_test(test_delaying_query_does_not_put_off_a_report_that_is_due),
        cmocka_unit_test(test_delaying_report_of_another_cancels_ours),
        cmocka_unit_test(test_member_leave_tells_the_routers),
        cmocka_unit_test(test_a_version_1_router_gets_version_1_reports_and_no_leaves),
        cmocka_unit_test(test_groups_that_cannot_be_joined_and_bounds),
        cmocka_unit_test(test_a_mac_that_two_groups_share_is_kept),
        cmocka_unit_test(test_all_hosts_is_joined_at_the_device_from_start_to_end),
        cmocka_unit_test(test_datagrams_to_a_joined_group_are_received),
        cmocka_unit_test(test_malformed_messages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
