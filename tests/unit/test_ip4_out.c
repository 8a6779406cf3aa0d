/* SPDX-License-Identifier: ISC */
/* test_ip4_out.c - IPv4 sent: fragments, identifications, packets to ourselves (RFC 791, RFC 1122
 * sections 3.2 and 3.3, RFC 6864). */
#include <stdlib.h>
#include <string.h>

#include "ip4test.h"
#include "support.h"

static void send_bytes(struct netrig *rig, uint32_t dst, size_t n)
{
    struct udp_meta meta = {.dst = dst, .dst_port = 9};
    struct pkt *pkt = pkt_alloc(&rig->pool, PKT_HEADROOM_BYTES, (uint32_t)size_min(n, 1000));
    uint8_t *bytes = malloc(n + 1);

    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 256);
    memcpy(pkt->frag[0].page->base + PKT_HEADROOM_BYTES, bytes, pkt->len);
    assert_int_equal(pkt_append_copy(pkt, cs_ro_of(bytes + pkt->len, n - pkt->len)), 0);
    free(bytes);
    assert_int_equal(udp_send(&sock, &meta, pkt, rig->now), 0);
}

/* Puts fragments together by hand and checks the datagram. */
static void check_datagram(struct netrig *rig, size_t n, uint32_t mtu)
{
    uint8_t *whole = calloc(1, 65536);
    size_t next = 0, len;
    uint32_t id = netrig_get16(rig->sent[0].bytes + 18);

    for (unsigned i = 0; i < rig->sent_count; i++) {
        const uint8_t *part = netrig_check_ip(&rig->sent[i], 17, NETRIG_US, NETRIG_PEER, &len);
        uint32_t flags_off = netrig_get16(rig->sent[i].bytes + 20);

        assert_int_equal((flags_off & 0x1fff) * 8, next);
        assert_int_equal((flags_off & 0x2000) != 0, i + 1 < rig->sent_count);
        assert_int_equal(flags_off & 0x4000, 0);
        assert_int_equal(netrig_get16(rig->sent[i].bytes + 18), id);
        assert_true(rig->sent[i].len <= mtu + 14);
        /* All protocol headers of a frame in its first fragment: a Xen backend wants them there
         * (XSA-423). */
        assert_true(rig->sent[i].first_len >= (i == 0 ? 42u : 34u));
        memcpy(whole + next, part, len);
        next += len;
    }
    assert_int_equal(next, 8 + n);
    assert_int_equal(netrig_get16(whole + 4), 8 + n);
    assert_int_equal(
        netrig_checksum(whole, 8 + n, 10 * 256 + 1 + 10 * 256 + 2 + 17 + (uint32_t)(8 + n)), 0);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(whole[8 + i], (uint8_t)(i * 31 + i / 256));
    free(whole);
}

static void test_fragments_sent_share_the_datagrams_pages(void **state)
{
    static const size_t sizes[] = {1473, 1480, 2952, 2953, 8000, 60000, 65507};
    struct netrig *rig = new_rig();

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        uint64_t copied = rig->pool.stats.copied_bytes;

        netrig_clear(rig);
        send_bytes(rig, NETRIG_PEER, sizes[i]);
        assert_int_equal(rig->sent_count, (8 + sizes[i] + 1479) / 1480);
        check_datagram(rig, sizes[i], 1500);
        /* Only the bytes that send_bytes itself appended. */
        assert_int_equal(rig->pool.stats.copied_bytes - copied, sizes[i] - 1000);
    }
    free_rig(rig);
}

/* A packet of as many views as it can have, most of them within one fragment: with its headers
 * that fragment would have one too many. */
static void test_a_fragment_of_too_many_views_is_copied_together(void **state)
{
    struct netrig *rig = new_rig();
    struct udp_meta meta = {.dst = NETRIG_PEER, .dst_port = 9};
    struct pkt *pkt = pkt_alloc(&rig->pool, PKT_HEADROOM_BYTES, 40);
    uint32_t n = 0;

    (void)state;
    while (pkt->frag_count < PKT_FRAGS_MAX) {
        struct page *page = page_get(&rig->pages);
        bool last = pkt->frag_count == PKT_FRAGS_MAX - 1;

        assert_int_equal(pkt_append_take(pkt, page, 0, last ? 3000 : 40), 0);
    }
    for (unsigned i = 0; i < pkt->frag_count; i++)
        for (uint32_t at = 0; at < pkt->frag[i].len; at++, n++)
            pkt->frag[i].page->base[pkt->frag[i].off + at] = (uint8_t)(n * 31 + n / 256);
    assert_int_equal(udp_send(&sock, &meta, pkt, rig->now), 0);
    assert_int_equal(rig->sent_count, (8 + n + 1479) / 1480);
    check_datagram(rig, n, 1500);
    assert_true(rig->pool.stats.copied_bytes < 1480);
    free_rig(rig);
}

static void test_the_smallest_mtu(void **state)
{
    struct netrig *rig = netrig_blank();
    struct udp_conf conf = {.port = 7};

    (void)state;
    rig->dev.caps.mtu_bytes = 68;
    netrig_start(rig);
    netrig_add_us(rig);
    netrig_peer_answers(rig, NETRIG_PEER, NETRIG_PEER_MAC);
    netrig_pass(rig, 3 * NS_PER_S);
    netrig_clear(rig);
    assert_int_equal(udp_open(&sock, &rig->nif, &conf), 0);
    send_bytes(rig, NETRIG_PEER, 5000);
    assert_int_equal(rig->sent_count, (5008 + 47) / 48);
    check_datagram(rig, 5000, 68);
    free_rig(rig);
}

static void test_a_full_device_keeps_the_rest_of_the_fragments_in_order(void **state)
{
    struct netrig *rig = new_rig();
    struct udp_meta meta = {.dst = NETRIG_PEER, .dst_port = 9};
    struct pkt *pkt;

    (void)state;
    rig->tx_room = 3;
    send_bytes(rig, NETRIG_PEER, 20000);
    assert_int_equal(rig->sent_count, 3);
    rig->tx_room = 1; /* not for others */
    pkt = pkt_alloc(&rig->pool, PKT_HEADROOM_BYTES, 5);
    assert_int_equal(udp_send(&sock, &meta, pkt, rig->now), -E_AGAIN);
    assert_int_equal(pkt->len, 5); /* as it was */
    pkt_put(pkt);
    rig->tx_room = 4;
    netrig_poll(rig);
    assert_int_equal(rig->sent_count, 7);
    rig->tx_room = UINT32_MAX;
    netrig_poll(rig);
    check_datagram(rig, 20000, 1500);
    free_rig(rig);
}

static void test_a_datagram_waits_for_its_neighbour_whole(void **state)
{
    struct netrig *rig = netrig_new(false);
    struct udp_conf conf = {.port = 7};
    uint8_t frame[42];

    (void)state;
    assert_int_equal(udp_open(&sock, &rig->nif, &conf), 0);
    send_bytes(rig, NETRIG_PEER, 60000);
    assert_int_equal(rig->sent_count, 1);
    netrig_clear(rig);
    netrig_input(rig, frame,
                 netrig_arp(frame, 2, NETRIG_PEER_MAC, NETRIG_PEER, NETRIG_US_MAC, NETRIG_US,
                            NETRIG_US_MAC));
    check_datagram(rig, 60000, 1500);
    free_rig(rig);
}

static void test_no_identification_with_df_else_one_that_nobody_can_guess(void **state)
{
    struct netrig *rig = new_rig();
    struct netrig_ip ip = {0};
    uint8_t frame[100], data[8] = {0}, *seen = calloc(1, 65536);
    unsigned in_order = 0, parity = 0, last = 0;

    (void)state;
    send_bytes(rig, NETRIG_PEER, 100);
    assert_int_equal(netrig_get32(netrig_last(rig)->bytes + 18), 0x4000); /* id 0, DF */
    for (unsigned i = 0; i < 65536; i++) {
        unsigned id;

        netrig_input(rig, frame, netrig_echo(frame, &ip, 1, 1, data, 8)); /* without DF */
        id = netrig_get16(netrig_last(rig)->bytes + 18);
        assert_int_equal(netrig_get16(netrig_last(rig)->bytes + 20), 0);
        assert_false(seen[id]); /* none twice in 65,536: RFC 6864 */
        seen[id] = 1;
        in_order += id == ((last + 1) & 0xffff);
        parity += (id ^ last) & 1;
        last = id;
        netrig_clear(rig);
    }
    assert_true(in_order < 100);
    assert_in_range(parity, 65536 / 2 - 4096, 65536 / 2 + 4096);
    free(seen);
    free_rig(rig);
}

static void test_an_echo_reply_may_be_cut_where_its_request_might(void **state)
{
    struct netrig *rig = new_rig();
    struct netrig_ip ip = {.flags_off = 0x4000, .id = 77};
    uint8_t frame[100], data[8] = {0};

    (void)state;
    netrig_input(rig, frame, netrig_echo(frame, &ip, 1, 1, data, 8));
    assert_int_equal(netrig_get32(netrig_last(rig)->bytes + 18), 0x4000);
    free_rig(rig);
}

/* The identifications of ten replies to one host, while others are answered too or not. */
static void ids_of_peer(unsigned *ids, bool busy)
{
    struct netrig *rig = new_rig();
    struct netrig_ip a = {0}, b = {.src = IP4_ADDR(10, 0, 0, 3), .eth_src = 0x020000000003};
    uint8_t frame[100], data[8] = {0};

    netrig_peer_answers(rig, b.src, b.eth_src);
    for (unsigned i = 0; i < 10; i++) {
        for (unsigned k = 0; busy && k <= i; k++)
            netrig_input(rig, frame, netrig_echo(frame, &b, 1, 1, data, 8));
        netrig_input(rig, frame, netrig_echo(frame, &a, 1, 1, data, 8));
        ids[i] = netrig_get16(netrig_last(rig)->bytes + 18);
    }
    free_rig(rig);
}

/* Else a third party counts what we send to others (idle scan, RFC 7739 section 3). */
static void test_identifications_to_one_destination_do_not_tell_of_another(void **state)
{
    unsigned idle[10], busy[10];

    (void)state;
    ids_of_peer(idle, false);
    ids_of_peer(busy, true);
    assert_memory_equal(idle, busy, sizeof(idle));
}

static void test_packets_to_ourselves_come_back(void **state)
{
    struct netrig *rig = new_rig();
    struct udp_meta meta = {.dst = NETRIG_US, .dst_port = 7}, from;
    struct pkt *pkt = pkt_alloc(&rig->pool, PKT_HEADROOM_BYTES, 5);

    (void)state;
    assert_int_equal(udp_send(&sock, &meta, pkt, rig->now), 0);
    assert_true(netif_arm(&rig->nif));
    netrig_poll(rig);
    assert_int_equal(rig->sent_count, 0);
    assert_int_equal(udp_recv(&sock, &from, &pkt), 0);
    assert_int_equal(pkt->len, 5);
    assert_int_equal(from.src, NETRIG_US);
    pkt_put(pkt);
    assert_false(netif_arm(&rig->nif));
    free_rig(rig);
}

/* No wire, no MTU. */
static void test_packets_to_ourselves_may_be_longer_than_the_mtu(void **state)
{
    static const size_t sizes[] = {1472, 1473, 65507};
    struct netrig *rig = new_rig();
    struct udp_conf conf = {.port = 9};
    struct udp_sock to;
    struct udp_meta from;
    struct pkt *pkt;

    (void)state;
    assert_int_equal(udp_open(&to, &rig->nif, &conf), 0);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        send_bytes(rig, NETRIG_US, sizes[i]);
        netrig_poll(rig);
        assert_int_equal(udp_recv(&to, &from, &pkt), 0);
        assert_int_equal(pkt->len, sizes[i]);
        pkt_put(pkt);
    }
    udp_close(&to);
    free_rig(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fragments_sent_share_the_datagrams_pages),
        cmocka_unit_test(test_a_fragment_of_too_many_views_is_copied_together),
        cmocka_unit_test(test_the_smallest_mtu),
        cmocka_unit_test(test_a_full_device_keeps_the_rest_of_the_fragments_in_order),
        cmocka_unit_test(test_a_datagram_waits_for_its_neighbour_whole),
        cmocka_unit_test(test_no_identification_with_df_else_one_that_nobody_can_guess),
        cmocka_unit_test(test_an_echo_reply_may_be_cut_where_its_request_might),
        cmocka_unit_test(test_identifications_to_one_destination_do_not_tell_of_another),
        cmocka_unit_test(test_packets_to_ourselves_come_back),
        cmocka_unit_test(test_packets_to_ourselves_may_be_longer_than_the_mtu),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
