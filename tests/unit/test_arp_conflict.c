/* SPDX-License-Identifier: ISC */
/* test_arp_conflict.c - probe, announce, defend (RFC 5227); addresses asked for on behalf of
 * others. */
#include "netrig.h"
#include "support.h"

#define OTHER_MAC UINT64_C(0x020000000099)

static void test_probing_follows_the_timings_of_rfc_5227(void **state)
{
    struct netrig *rig = netrig_blank();
    uint64_t start = rig->now, gap;

    (void)state;
    netrig_start(rig);
    assert_int_equal(netif_addr_add(&rig->nif, NETRIG_US, 24, true, rig->now), 0);
    assert_int_equal(netif_addr_state(&rig->nif, NETRIG_US), NETIF_ADDR_PROBING);
    netrig_pass(rig, 15 * NS_PER_S);
    assert_int_equal(rig->sent_count, 5);
    for (unsigned i = 0; i < 3; i++)
        netrig_check_arp(&rig->sent[i], 1, 0, NETRIG_US, NETRIG_BROADCAST_MAC);
    assert_true(rig->sent[0].at - start <= NS_PER_S);
    for (unsigned i = 1; i < 3; i++) {
        gap = rig->sent[i].at - rig->sent[i - 1].at;
        assert_true(gap >= NS_PER_S && gap <= 2 * NS_PER_S);
    }
    for (unsigned i = 3; i < 5; i++) {
        netrig_check_arp(&rig->sent[i], 1, NETRIG_US, NETRIG_US, NETRIG_BROADCAST_MAC);
        assert_int_equal(rig->sent[i].at - rig->sent[i - 1].at, 2 * NS_PER_S);
    }
    assert_int_equal(netif_addr_state(&rig->nif, NETRIG_US), NETIF_ADDR_READY);
    assert_int_equal(netif_poll_at(&rig->nif), NS_NEVER);
    netrig_free(rig);
}

static void test_an_address_being_probed_does_not_serve(void **state)
{
    struct netrig *rig = netrig_blank();
    struct netrig_ip ip = {0};
    uint8_t frame[64], data[8] = {0};

    (void)state;
    netrig_start(rig);
    assert_int_equal(netif_addr_add(&rig->nif, NETRIG_US, 24, true, rig->now), 0);
    netrig_arp_request(rig, NETRIG_PEER_MAC, NETRIG_PEER, NETRIG_US);
    netrig_input(rig, frame, netrig_echo(frame, &ip, 1, 1, data, 8));
    assert_int_equal(rig->sent_count, 0);
    assert_int_equal(rig->nif.stats.ip4_not_ours, 1);
    assert_int_equal(netif_addr_state(&rig->nif, NETRIG_US), NETIF_ADDR_PROBING);
    netrig_free(rig);
}

static void check_conflict_while_probing(uint16_t op, uint32_t spa, uint32_t tpa)
{
    struct netrig *rig = netrig_blank();
    uint8_t frame[42];

    netrig_start(rig);
    assert_int_equal(netif_addr_add(&rig->nif, NETRIG_US, 24, true, rig->now), 0);
    netrig_pass(rig, 2 * NS_PER_S);
    netrig_clear(rig);
    netrig_input(rig, frame, netrig_arp(frame, op, OTHER_MAC, spa, 0, tpa, NETRIG_BROADCAST_MAC));
    assert_int_equal(netif_addr_state(&rig->nif, NETRIG_US), NETIF_ADDR_CONFLICT);
    netrig_pass(rig, 10 * NS_PER_S);
    assert_int_equal(rig->sent_count, 0);
    assert_int_equal(netif_addr_remove(&rig->nif, NETRIG_US), 0);
    assert_int_equal(netif_addr_state(&rig->nif, NETRIG_US), NETIF_ADDR_NONE);
    netrig_free(rig);
}

static void test_conflicts_while_probing(void **state)
{
    (void)state;
    check_conflict_while_probing(2, NETRIG_US, NETRIG_PEER); /* a reply to our probe */
    check_conflict_while_probing(1, NETRIG_US, NETRIG_US);   /* an announcement */
    check_conflict_while_probing(1, 0, NETRIG_US);           /* somebody probes at the same time */
}

static void test_our_own_probe_come_back_is_no_conflict(void **state)
{
    struct netrig *rig = netrig_blank();

    (void)state;
    netrig_start(rig);
    assert_int_equal(netif_addr_add(&rig->nif, NETRIG_US, 24, true, rig->now), 0);
    netrig_pass(rig, NS_PER_S);
    netrig_arp_request(rig, NETRIG_US_MAC, 0, NETRIG_US);
    assert_int_equal(netif_addr_state(&rig->nif, NETRIG_US), NETIF_ADDR_PROBING);
    netrig_free(rig);
}

static void test_after_ten_conflicts_the_next_probe_waits_a_minute(void **state)
{
    struct netrig *rig = netrig_blank();
    uint64_t start;

    (void)state;
    netrig_start(rig);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(netif_addr_add(&rig->nif, NETRIG_US, 24, true, rig->now), 0);
        netrig_arp_request(rig, OTHER_MAC, NETRIG_US, NETRIG_US);
        assert_int_equal(netif_addr_remove(&rig->nif, NETRIG_US), 0);
    }
    start = rig->now;
    assert_int_equal(netif_addr_add(&rig->nif, NETRIG_US, 24, true, rig->now), 0);
    netrig_pass(rig, 100 * NS_PER_S);
    assert_true(rig->sent[0].at - start >= 60 * NS_PER_S);
    /* It passed: the next one is looked for afresh. */
    assert_int_equal(netif_addr_state(&rig->nif, NETRIG_US), NETIF_ADDR_READY);
    assert_int_equal(netif_addr_remove(&rig->nif, NETRIG_US), 0);
    netrig_clear(rig);
    start = rig->now;
    assert_int_equal(netif_addr_add(&rig->nif, NETRIG_US, 24, true, rig->now), 0);
    netrig_pass(rig, 10 * NS_PER_S);
    assert_true(rig->sent[0].at - start <= NS_PER_S);
    netrig_free(rig);
}

static void
test_an_address_set_to_be_ours_is_announced_twice_and_defended_once_in_10_s(void **state)
{
    struct netrig *rig = netrig_blank();

    (void)state;
    netrig_start(rig);
    netrig_add_us(rig);
    assert_int_equal(netif_addr_state(&rig->nif, NETRIG_US), NETIF_ADDR_READY);
    netrig_pass(rig, 5 * NS_PER_S);
    assert_int_equal(rig->sent_count, 2);
    assert_int_equal(rig->sent[1].at - rig->sent[0].at, 2 * NS_PER_S);
    netrig_clear(rig);
    for (int i = 0; i < 5; i++)
        netrig_arp_request(rig, OTHER_MAC, NETRIG_US, NETRIG_PEER);
    assert_int_equal(rig->sent_count, 1);
    netrig_check_arp(netrig_last(rig), 1, NETRIG_US, NETRIG_US, NETRIG_BROADCAST_MAC);
    assert_int_equal(netif_addr_state(&rig->nif, NETRIG_US), NETIF_ADDR_READY);
    assert_int_equal(rig->nif.stats.arp_conflicts, 5);
    netrig_pass(rig, 10 * NS_PER_S);
    netrig_arp_request(rig, OTHER_MAC, NETRIG_US, NETRIG_PEER);
    assert_int_equal(rig->sent_count, 2);
    netrig_free(rig);
}

static void test_a_probed_address_is_given_up_at_the_second_conflict_in_10_s(void **state)
{
    struct netrig *rig = netrig_blank();

    (void)state;
    netrig_start(rig);
    assert_int_equal(netif_addr_add(&rig->nif, NETRIG_US, 24, true, rig->now), 0);
    netrig_pass(rig, 15 * NS_PER_S);
    netrig_clear(rig);
    netrig_arp_request(rig, OTHER_MAC, NETRIG_US, NETRIG_PEER);
    assert_int_equal(rig->sent_count, 1);
    netrig_pass(rig, 11 * NS_PER_S);
    netrig_arp_request(rig, OTHER_MAC, NETRIG_US, NETRIG_PEER);
    assert_int_equal(netif_addr_state(&rig->nif, NETRIG_US), NETIF_ADDR_READY);
    netrig_pass(rig, 9 * NS_PER_S);
    netrig_arp_request(rig, OTHER_MAC, NETRIG_US, NETRIG_PEER);
    assert_int_equal(netif_addr_state(&rig->nif, NETRIG_US), NETIF_ADDR_CONFLICT);
    netrig_clear(rig);
    netrig_arp_request(rig, NETRIG_PEER_MAC, NETRIG_PEER, NETRIG_US);
    assert_int_equal(rig->sent_count, 0);
    netrig_free(rig);
}

static void test_a_link_that_comes_up_is_told_who_we_are(void **state)
{
    struct netrig *rig = netrig_blank();

    (void)state;
    rig->dev.link_up = false;
    netrig_start(rig);
    netrig_add_us(rig);
    netrig_pass(rig, 5 * NS_PER_S);
    assert_int_equal(rig->sent_count, 0);
    rig->dev.link_up = true;
    netrig_pass(rig, 5 * NS_PER_S);
    assert_int_equal(rig->sent_count, 2);
    netrig_free(rig);
}

/* RFC 5227 section 2.1: the link may be another network, where somebody else has the address. */
static void test_a_link_that_comes_up_has_probed_addresses_probed_again(void **state)
{
    const uint32_t fixed = IP4_ADDR(10, 0, 0, 77);

    (void)state;
    for (int taken = 0; taken < 2; taken++) {
        struct netrig *rig = netrig_blank();

        netrig_start(rig);
        assert_int_equal(netif_addr_add(&rig->nif, NETRIG_US, 24, true, rig->now), 0);
        assert_int_equal(netif_addr_add(&rig->nif, fixed, 24, false, rig->now), 0);
        netrig_pass(rig, 15 * NS_PER_S);
        assert_int_equal(netif_addr_state(&rig->nif, NETRIG_US), NETIF_ADDR_READY);
        rig->dev.link_up = false;
        netrig_pass(rig, NS_PER_S);
        assert_int_equal(netif_addr_state(&rig->nif, NETRIG_US), NETIF_ADDR_READY);
        netrig_clear(rig);
        rig->dev.link_up = true;
        netrig_poll(rig);
        assert_int_equal(netif_addr_state(&rig->nif, NETRIG_US), NETIF_ADDR_PROBING);
        assert_int_equal(netif_addr_state(&rig->nif, fixed), NETIF_ADDR_READY);
        netrig_pass(rig, 5 * NS_PER_S / 2); /* it does not serve meanwhile */
        netrig_clear(rig);
        netrig_arp_request(rig, NETRIG_PEER_MAC, NETRIG_PEER, NETRIG_US);
        assert_int_equal(rig->sent_count, 0);
        if (taken != 0)
            netrig_arp_request(rig, OTHER_MAC, NETRIG_US, NETRIG_US);
        netrig_pass(rig, 5 * NS_PER_S);
        assert_int_equal(netif_addr_state(&rig->nif, NETRIG_US),
                         taken != 0 ? NETIF_ADDR_CONFLICT : NETIF_ADDR_READY);
        netrig_clear(rig);
        netrig_arp_request(rig, NETRIG_PEER_MAC, NETRIG_PEER, NETRIG_US);
        assert_int_equal(rig->sent_count, taken == 0);
        netrig_free(rig);
    }
}

/* ---- netif_probe ---- */

static void test_probe_for_others_twice_then_free(void **state)
{
    struct netrig *rig = netrig_new(false);
    const uint32_t addr = IP4_ADDR(10, 0, 0, 50);

    (void)state;
    assert_int_equal(netif_probe_result(&rig->nif, addr), NETIF_PROBE_NONE);
    assert_int_equal(netif_probe_start(&rig->nif, addr, NS_PER_S, rig->now), 0);
    assert_int_equal(netif_probe_start(&rig->nif, addr, NS_PER_S, rig->now), -E_EXIST);
    netrig_pass(rig, 999 * NS_PER_MS);
    assert_int_equal(netif_probe_result(&rig->nif, addr), NETIF_PROBE_PENDING);
    netrig_pass(rig, 2 * NS_PER_MS);
    assert_int_equal(rig->sent_count, 2);
    netrig_check_arp(&rig->sent[1], 1, 0, addr, NETRIG_BROADCAST_MAC);
    assert_int_equal(rig->sent[1].at - rig->sent[0].at, 500 * NS_PER_MS);
    assert_int_equal(netif_probe_result(&rig->nif, addr), NETIF_PROBE_FREE);
    assert_int_equal(netif_probe_result(&rig->nif, addr), NETIF_PROBE_NONE);
    netrig_free(rig);
}

static void test_probe_for_others_used(void **state)
{
    struct netrig *rig = netrig_new(false);
    const uint32_t addr = IP4_ADDR(10, 0, 0, 50);

    (void)state;
    assert_int_equal(netif_probe_start(&rig->nif, addr, NS_PER_S, rig->now), 0);
    netrig_arp_request(rig, OTHER_MAC, 0, addr); /* another prober is no user */
    assert_int_equal(netif_probe_result(&rig->nif, addr), NETIF_PROBE_PENDING);
    netrig_arp_reply(rig, addr, OTHER_MAC);
    assert_int_equal(netif_probe_result(&rig->nif, addr), NETIF_PROBE_USED);
    assert_int_equal(netif_probe_start(&rig->nif, NETRIG_US, NS_PER_S, rig->now), 0);
    assert_int_equal(netif_probe_result(&rig->nif, NETRIG_US), NETIF_PROBE_USED);
    assert_int_equal(netif_probe_start(&rig->nif, IP4_ADDR(192, 0, 2, 1), NS_PER_S, rig->now),
                     -E_HOSTUNREACH);
    netrig_free(rig);
}

static void test_probe_slots_are_bounded_and_forgotten_results_make_room(void **state)
{
    struct netrig *rig = netrig_new(false);

    (void)state;
    for (uint32_t i = 0; i < NETIF_PROBES_MAX; i++)
        assert_int_equal(
            netif_probe_start(&rig->nif, IP4_ADDR(10, 0, 0, 100) + i, NS_PER_S, rig->now), 0);
    assert_int_equal(netif_probe_start(&rig->nif, IP4_ADDR(10, 0, 0, 99), NS_PER_S, rig->now),
                     -E_NOSPC);
    netrig_pass(rig, 2 * NS_PER_S);
    assert_int_equal(netif_probe_start(&rig->nif, IP4_ADDR(10, 0, 0, 99), NS_PER_S, rig->now), 0);
    assert_int_equal(netif_poll_at(&rig->nif), rig->now + NS_PER_S / 2);
    netrig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probing_follows_the_timings_of_rfc_5227),
        cmocka_unit_test(test_an_address_being_probed_does_not_serve),
        cmocka_unit_test(test_conflicts_while_probing),
        cmocka_unit_test(test_our_own_probe_come_back_is_no_conflict),
        cmocka_unit_test(test_after_ten_conflicts_the_next_probe_waits_a_minute),
        cmocka_unit_test(
            test_an_address_set_to_be_ours_is_announced_twice_and_defended_once_in_10_s),
        cmocka_unit_test(test_a_probed_address_is_given_up_at_the_second_conflict_in_10_s),
        cmocka_unit_test(test_a_link_that_comes_up_is_told_who_we_are),
        cmocka_unit_test(test_a_link_that_comes_up_has_probed_addresses_probed_again),
        cmocka_unit_test(test_probe_for_others_twice_then_free),
        cmocka_unit_test(test_probe_for_others_used),
        cmocka_unit_test(test_probe_slots_are_bounded_and_forgotten_results_make_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
