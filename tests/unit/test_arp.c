/* SPDX-License-Identifier: ISC */
/* test_arp.c - the ARP cache (RFC 826, RFC 1122 section 2.3.2). */
#include <stdlib.h>
#include <string.h>

#include "netrig.h"
#include "support.h"
#include "tcpip/wire/arp.h"

#define OTHER_MAC UINT64_C(0x020000000099)

static struct udp_sock sock;
static const struct udp_conf conf = {.port = 5000, .broadcast = true};

static struct netrig *new_rig(void)
{
    struct netrig *rig = netrig_new(false);

    assert_int_equal(udp_open(&sock, &rig->nif, &conf), 0);
    return rig;
}

static void free_rig(struct netrig *rig)
{
    udp_close(&sock);
    netrig_free(rig);
}

static int send_to(struct netrig *rig, uint32_t addr, uint8_t byte)
{
    struct udp_meta meta = {.dst = addr, .dst_port = 9};
    struct pkt *pkt = pkt_alloc(&rig->pool, PKT_HEADROOM_BYTES, 1);
    int err;

    assert_non_null(pkt);
    pkt->frag[0].page->base[pkt->frag[0].off] = byte;
    err = udp_send(&sock, &meta, pkt, rig->now);
    if (err != 0)
        pkt_put(pkt);
    return err;
}

static unsigned count_arp(const struct netrig *rig)
{
    unsigned n = 0;

    for (unsigned i = 0; i < rig->sent_count; i++)
        n += netrig_is_arp(&rig->sent[i]);
    return n;
}

/* ---- the wire ---- */

static void test_parse_of_every_length(void **state)
{
    uint8_t frame[42];

    (void)state;
    netrig_arp(frame, 1, OTHER_MAC, NETRIG_PEER, 0, NETRIG_US, NETRIG_BROADCAST_MAC);
    for (size_t len = 0; len <= 28; len++) {
        uint8_t *block = malloc(len == 0 ? 1 : len);
        struct arp_msg msg;

        memcpy(block, frame + 14, len);
        assert_int_equal(arp_parse(&msg, cs_ro_of(block, len)), len == 28);
        free(block);
    }
}

static void test_short_and_odd_messages_are_dropped(void **state)
{
    /* offset in the message, and a value that makes it none of ours */
    static const uint8_t odd[][2] = {{1, 2}, {2, 0x86}, {4, 8},    {5, 16},  {7, 3},
                                     {7, 0}, {8, 1},    {14, 224}, {14, 127}};
    struct netrig *rig = new_rig();
    uint8_t frame[42];

    (void)state;
    for (size_t len = 14; len < 42; len++) {
        netrig_arp(frame, 1, OTHER_MAC, NETRIG_PEER, 0, NETRIG_US, NETRIG_BROADCAST_MAC);
        netrig_input_exact(rig, frame, len);
    }
    for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
        netrig_arp(frame, 1, OTHER_MAC, NETRIG_PEER, 0, NETRIG_US, NETRIG_BROADCAST_MAC);
        frame[14 + odd[i][0]] = odd[i][1];
        netrig_input(rig, frame, 42);
    }
    assert_int_equal(rig->nif.stats.arp_malformed, 28 + ARRAY_SIZE(odd));
    assert_int_equal(rig->sent_count, 0);
    free_rig(rig);
}

/* ---- answering ---- */

static void test_requests_for_our_address_are_answered_to_the_asker(void **state)
{
    struct netrig *rig = new_rig();

    (void)state;
    netrig_arp_request(rig, OTHER_MAC, NETRIG_PEER, NETRIG_US);
    netrig_check_arp(netrig_last(rig), 2, NETRIG_US, NETRIG_PEER, OTHER_MAC);
    assert_int_equal(netrig_get48(netrig_last(rig)->bytes + 14 + 18), OTHER_MAC);
    netrig_arp_request(rig, OTHER_MAC, 0,
                       NETRIG_US); /* a probe is answered too: the address is taken */
    netrig_check_arp(netrig_last(rig), 2, NETRIG_US, 0, OTHER_MAC);
    netrig_arp_request(rig, OTHER_MAC, NETRIG_PEER, IP4_ADDR(10, 0, 0, 77));
    assert_int_equal(rig->sent_count, 2);
    free_rig(rig);
}

static void test_an_unasked_claim_makes_no_entry(void **state)
{
    struct netrig *rig = new_rig();

    (void)state;
    netrig_arp_request(rig, OTHER_MAC, NETRIG_PEER, NETRIG_US);
    netrig_arp_reply(rig, NETRIG_PEER, OTHER_MAC);
    netrig_clear(rig);
    assert_int_equal(send_to(rig, NETRIG_PEER, 1), 0);
    netrig_check_arp(netrig_last(rig), 1, NETRIG_US, NETRIG_PEER, NETRIG_BROADCAST_MAC);
    assert_int_equal(rig->sent_count, 1);
    free_rig(rig);
}

static void test_a_known_neighbour_may_move(void **state)
{
    struct netrig *rig = new_rig();

    (void)state;
    netrig_peer_answers(rig, NETRIG_PEER, NETRIG_PEER_MAC);
    netrig_arp_request(rig, OTHER_MAC, NETRIG_PEER, NETRIG_PEER); /* an announcement */
    assert_int_equal(send_to(rig, NETRIG_PEER, 1), 0);
    assert_int_equal(netrig_get48(netrig_last(rig)->bytes), OTHER_MAC);
    free_rig(rig);
}

/* ---- waiting ---- */

static void test_the_latest_twelve_packets_wait_and_leave_in_order(void **state)
{
    struct netrig *rig = new_rig();

    (void)state;
    for (uint8_t i = 0; i < 14; i++)
        assert_int_equal(send_to(rig, NETRIG_PEER, i), 0);
    assert_int_equal(rig->sent_count, 1); /* one request, not 14: RFC 1122 section 2.3.2.1 */
    assert_int_equal(rig->nif.stats.arp_queue_drops, 2);
    netrig_clear(rig);
    netrig_arp_reply(rig, NETRIG_PEER, NETRIG_PEER_MAC);
    assert_int_equal(rig->sent_count, 12);
    for (unsigned i = 0; i < 12; i++) {
        size_t len;
        const uint8_t *udp = netrig_check_ip(&rig->sent[i], 17, NETRIG_US, NETRIG_PEER, &len);

        assert_int_equal(netrig_get48(rig->sent[i].bytes), NETRIG_PEER_MAC);
        assert_int_equal(len, 9);
        assert_int_equal(udp[8], i + 2);
    }
    free_rig(rig);
}

static void test_three_requests_a_second_apart_then_the_sender_is_told(void **state)
{
    struct netrig *rig = new_rig();
    uint64_t start = rig->now;

    (void)state;
    assert_int_equal(send_to(rig, NETRIG_PEER, 1), 0);
    netrig_pass(rig, 2900 * NS_PER_MS);
    assert_int_equal(count_arp(rig), 3);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(rig->sent[i].at - start, i * NS_PER_S);
    assert_int_equal(udp_error(&sock), 0);
    netrig_pass(rig, 200 * NS_PER_MS);
    assert_int_equal(udp_error(&sock), -E_HOSTUNREACH);
    assert_int_equal(udp_error(&sock), 0);
    assert_int_equal(rig->nif.stats.arp_timeouts, 1);
    assert_int_equal(rig->pool.free_count, rig->pool.total);
    assert_int_equal(netif_poll_at(&rig->nif), NS_NEVER);
    free_rig(rig);
}

static void test_packets_that_wait_are_bounded_over_all_neighbours(void **state)
{
    struct netrig *rig = netrig_blank();

    (void)state;
    rig->conf.arp_max = 4096;
    netrig_start(rig);
    netrig_add_us(rig);
    assert_int_equal(udp_open(&sock, &rig->nif, &conf), 0);
    for (uint32_t host = 2; host < 252; host++) {
        assert_int_equal(send_to(rig, IP4_ADDR(10, 0, 0, 0) + host, 1), 0);
        assert_true(rig->nif.arp_queued <= 64);
    }
    assert_int_equal(rig->pool.total - rig->pool.free_count, 64);
    /* The latest are there. */
    netrig_clear(rig);
    netrig_arp_reply(rig, IP4_ADDR(10, 0, 0, 251), NETRIG_PEER_MAC);
    assert_int_equal(rig->sent_count, 1);
    free_rig(rig);
}

/* ---- ageing ---- */

static void test_an_entry_in_use_is_refreshed_by_unicast_before_it_expires(void **state)
{
    struct netrig *rig = new_rig();

    (void)state;
    netrig_peer_answers(rig, NETRIG_PEER, NETRIG_PEER_MAC);
    netrig_pass(rig, 44 * NS_PER_S);
    netrig_clear(rig);
    assert_int_equal(send_to(rig, NETRIG_PEER, 1), 0);
    assert_int_equal(count_arp(rig), 0);
    netrig_pass(rig, 2 * NS_PER_S);
    assert_int_equal(send_to(rig, NETRIG_PEER, 2), 0);
    assert_int_equal(send_to(rig, NETRIG_PEER, 3), 0);
    assert_int_equal(count_arp(rig),
                     1); /* polled once in 5 s, and what is sent goes out meanwhile */
    netrig_check_arp(&rig->sent[1], 1, NETRIG_US, NETRIG_PEER, NETRIG_PEER_MAC);
    assert_int_equal(rig->sent_count, 4);
    netrig_arp_reply(rig, NETRIG_PEER, NETRIG_PEER_MAC);
    netrig_pass(rig, 40 * NS_PER_S); /* 86 s after the first answer, 40 s after the second */
    netrig_clear(rig);
    assert_int_equal(send_to(rig, NETRIG_PEER, 4), 0);
    assert_int_equal(count_arp(rig), 0);
    assert_int_equal(rig->sent_count, 1);
    free_rig(rig);
}

static void test_a_neighbour_without_a_sign_for_60_s_is_asked_for_anew(void **state)
{
    struct netrig *rig = new_rig();
    unsigned polls = 0;

    (void)state;
    netrig_peer_answers(rig, NETRIG_PEER, NETRIG_PEER_MAC);
    for (int s = 0; s < 59; s++) {
        netrig_pass(rig, NS_PER_S);
        netrig_clear(rig);
        assert_int_equal(send_to(rig, NETRIG_PEER, 1), 0);
        assert_int_equal(rig->sent_count, 1 + count_arp(rig));
        polls += count_arp(rig);
    }
    assert_int_equal(polls, 3);
    netrig_pass(rig, 2 * NS_PER_S);
    netrig_clear(rig);
    assert_int_equal(send_to(rig, NETRIG_PEER, 1), 0);
    assert_int_equal(rig->sent_count, 1);
    netrig_check_arp(netrig_last(rig), 1, NETRIG_US, NETRIG_PEER, NETRIG_BROADCAST_MAC);
    free_rig(rig);
}

/* ---- spoofing ---- */

/* 65,536 pings with spoofed sources of our own network: each answer asks for a neighbour that is
 * not there. */
static void flood(struct netrig *rig, bool they_answer)
{
    for (uint32_t i = 0; i < 65536; i++) {
        struct netrig_ip ip = {.src = IP4_ADDR(10, 1, 0, 0) + i, .eth_src = 0x020000aa0000 + i};
        uint8_t frame[64], data[8] = {0};

        netrig_input(rig, frame, netrig_echo(frame, &ip, 1, 1, data, 8));
        netrig_arp_request(rig, 0x020000aa0000 + i, IP4_ADDR(10, 1, 0, 0) + i, NETRIG_US);
        if (they_answer)
            netrig_arp_reply(rig, IP4_ADDR(10, 1, 0, 0) + i, 0x020000aa0000 + i);
        if (i % 1000 == 0) { /* the neighbour in use stays in use */
            netrig_pass(rig, 500 * NS_PER_MS);
            assert_int_equal(send_to(rig, IP4_ADDR(10, 0, 0, 9), 1), 0);
            assert_int_equal(netrig_get48(netrig_last(rig)->bytes), 0x020000000009);
        }
        if (i % 256 == 0)
            netrig_clear(rig);
        assert_true(rig->nif.arp_queued <= 64);
    }
    netrig_clear(rig);
}

static void check_flood(bool they_answer)
{
    const uint32_t gateway = IP4_ADDR(10, 0, 0, 254), in_use = IP4_ADDR(10, 0, 0, 9);
    struct netrig *rig = netrig_blank();

    netrig_start(rig);
    assert_int_equal(netif_addr_add(&rig->nif, NETRIG_US, 8, false, rig->now), 0);
    assert_int_equal(netif_route_add(&rig->nif, 0, 0, gateway), 0);
    assert_int_equal(udp_open(&sock, &rig->nif, &conf), 0);
    netrig_pass(rig, 3 * NS_PER_S);
    netrig_peer_answers(rig, gateway, 0x0200000000fe);
    netrig_peer_answers(rig, in_use, 0x020000000009);
    flood(rig, they_answer);
    assert_int_equal(send_to(rig, IP4_ADDR(192, 0, 2, 1), 1), 0);
    assert_int_equal(send_to(rig, in_use, 1), 0);
    assert_int_equal(rig->sent_count, 2); /* no request among them */
    assert_int_equal(netrig_get48(rig->sent[0].bytes), 0x0200000000fe);
    assert_int_equal(netrig_get48(rig->sent[1].bytes), 0x020000000009);
    free_rig(rig);
}

static void test_65536_spoofed_sources_push_out_neither_gateway_nor_neighbour_in_use(void **state)
{
    (void)state;
    check_flood(false);
    check_flood(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_of_every_length),
        cmocka_unit_test(test_short_and_odd_messages_are_dropped),
        cmocka_unit_test(test_requests_for_our_address_are_answered_to_the_asker),
        cmocka_unit_test(test_an_unasked_claim_makes_no_entry),
        cmocka_unit_test(test_a_known_neighbour_may_move),
        cmocka_unit_test(test_the_latest_twelve_packets_wait_and_leave_in_order),
        cmocka_unit_test(test_three_requests_a_second_apart_then_the_sender_is_told),
        cmocka_unit_test(test_packets_that_wait_are_bounded_over_all_neighbours),
        cmocka_unit_test(test_an_entry_in_use_is_refreshed_by_unicast_before_it_expires),
        cmocka_unit_test(test_a_neighbour_without_a_sign_for_60_s_is_asked_for_anew),
        cmocka_unit_test(test_65536_spoofed_sources_push_out_neither_gateway_nor_neighbour_in_use),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
