/* SPDX-License-Identifier: ISC */
/* test_udp.c - UDP sockets (RFC 768, RFC 1122 section 4.1). */
#include <stdlib.h>
#include <string.h>

#include "netrig.h"
#include "support.h"
#include "tcpip/wire/udp.h"

static uint8_t frame[65536], data[2048];

static struct pkt *make(struct netrig *rig, size_t n)
{
    struct pkt *pkt = pkt_alloc(&rig->pool, PKT_HEADROOM_BYTES, (uint32_t)n);

    assert_non_null(pkt);
    for (size_t i = 0; i < n; i++)
        pkt->frag[0].page->base[PKT_HEADROOM_BYTES + i] = data[i] = (uint8_t)(i * 11 + 3);
    return pkt;
}

static void open_sock(struct netrig *rig, struct udp_sock *sock, struct udp_conf conf)
{
    assert_int_equal(udp_open(sock, &rig->nif, &conf), 0);
}

static int send(struct netrig *rig, struct udp_sock *sock, struct udp_meta meta, size_t n)
{
    struct pkt *pkt = make(rig, n);
    int err = udp_send(sock, &meta, pkt, rig->now);

    if (err != 0) {
        assert_int_equal(pkt->len, n); /* the caller's, as it was */
        pkt_put(pkt);
    }
    return err;
}

static unsigned drain(struct udp_sock *sock)
{
    struct udp_meta meta;
    struct pkt *pkt;
    unsigned n = 0;

    for (; udp_recv(sock, &meta, &pkt) == 0; n++)
        pkt_put(pkt);
    return n;
}

/* ---- the wire ---- */

static void test_every_claimed_length_against_every_real_length(void **state)
{
    (void)state;
    for (size_t real = 0; real <= 64; real++)
        for (uint32_t claimed = 0; claimed <= 64; claimed++) {
            uint8_t *block = calloc(1, real == 0 ? 1 : real);
            struct udp_hdr hdr;

            if (real >= 6)
                netrig_put16(block + 4, claimed);
            assert_int_equal(udp_parse(&hdr, cs_ro_of(block, real), real),
                             real >= 8 && claimed >= 8 && claimed <= real);
            free(block);
        }
}

static void test_every_claimed_length_in_a_received_frame(void **state)
{
    struct netrig *rig = netrig_new(true);
    struct netrig_ip ip = {.protocol = 17};
    struct udp_sock sock;

    (void)state;
    open_sock(rig, &sock, (struct udp_conf){.port = 7});
    for (size_t real = 0; real <= 64; real++)
        for (uint32_t claimed = 0; claimed <= 64; claimed++) {
            uint8_t bytes[64] = {0, 1, 0, 7};
            struct udp_meta meta;
            struct pkt *pkt;

            netrig_put16(bytes + 4, claimed); /* and no checksum */
            netrig_input(rig, frame, netrig_ip(frame, &ip, bytes, real));
            if (real >= 8 && claimed >= 8 && claimed <= real) {
                assert_int_equal(udp_recv(&sock, &meta, &pkt), 0);
                assert_int_equal(pkt->len, claimed - 8);
                pkt_put(pkt);
            }
            assert_int_equal(udp_recv(&sock, &meta, &pkt), -E_AGAIN);
        }
    udp_close(&sock);
    netrig_free(rig);
}

/* ---- checksums ---- */

static void test_a_wrong_checksum_is_dropped_unless_the_device_vouches(void **state)
{
    struct netrig *rig = netrig_new(true);
    struct netrig_ip ip = {0};
    struct udp_sock sock;
    size_t len = netrig_udp(frame, &ip, 1, 7, data, 33);

    (void)state;
    open_sock(rig, &sock, (struct udp_conf){.port = 7});
    for (size_t i = 42; i < len; i++) {
        frame[i] ^= 0x80;
        netrig_input(rig, frame, len);
        assert_int_equal(drain(&sock), 0);
        netrig_input_csum(rig, frame, len, PKT_CSUM_VALIDATED);
        assert_int_equal(drain(&sock), 1);
        netrig_input_csum(rig, frame, len,
                          PKT_CSUM_BLANK); /* only the pseudo-header's sum stands there */
        assert_int_equal(drain(&sock), 1);
        frame[i] ^= 0x80;
    }
    assert_int_equal(rig->nif.stats.udp_checksum, len - 42);
    netrig_put16(frame + 40, 0); /* none was made */
    netrig_input(rig, frame, len);
    assert_int_equal(drain(&sock), 1);
    udp_close(&sock);
    netrig_free(rig);
}

static void test_a_computed_zero_is_sent_as_ffff(void **state)
{
    struct netrig *rig = netrig_new(true);
    struct udp_sock sock;
    bool seen = false;

    (void)state;
    open_sock(rig, &sock, (struct udp_conf){.port = 7});
    for (uint32_t x = 0; x <= 0xffff; x++) {
        struct udp_meta meta = {.dst = NETRIG_PEER, .dst_port = 9};
        struct pkt *pkt = make(rig, 2);
        const uint8_t *udp;
        size_t len;
        uint32_t sum = 10 * 256 + 1 + 10 * 256 + 2 + 17 + 10;

        netrig_put16(pkt->frag[0].page->base + PKT_HEADROOM_BYTES, x);
        assert_int_equal(udp_send(&sock, &meta, pkt, rig->now), 0);
        udp = netrig_check_ip(netrig_last(rig), 17, NETRIG_US, NETRIG_PEER, &len);
        assert_int_not_equal(netrig_get16(udp + 6), 0);
        assert_int_equal(netrig_checksum(udp, len, sum), 0);
        seen = seen || netrig_get16(udp + 6) == 0xffff;
        netrig_clear(rig);
    }
    assert_true(seen);
    udp_close(&sock);
    netrig_free(rig);
}

static void test_a_device_that_completes_checksums_gets_them_blank(void **state)
{
    struct netrig *rig = netrig_new(true);
    struct udp_sock sock;
    struct udp_meta meta = {.dst = NETRIG_PEER, .dst_port = 9};
    const uint8_t *udp;
    size_t len;

    (void)state;
    open_sock(rig, &sock, (struct udp_conf){.port = 7});
    rig->dev.caps.csum_tx = true;
    rig->hold_tx = true;
    assert_int_equal(send(rig, &sock, meta, 101), 0);
    assert_int_equal(netrig_last(rig)->csum, PKT_CSUM_BLANK);
    assert_int_equal(rig->kept.head->csum_start, 34);
    assert_int_equal(rig->kept.head->csum_off, 6);
    assert_int_equal(pkt_csum_complete(rig->kept.head), 0);
    pkt_read(rig->kept.head, 0, cs_of(frame, 34 + 8 + 101));
    assert_int_equal(netrig_checksum(frame + 34, 109, 10 * 256 + 1 + 10 * 256 + 2 + 17 + 109), 0);
    /* Over fragments it cannot: the sum is ours. */
    netrig_clear(rig);
    assert_int_equal(send(rig, &sock, meta, 2000), 0);
    assert_int_equal(rig->sent_count, 2);
    udp = netrig_check_ip(&rig->sent[0], 17, NETRIG_US, NETRIG_PEER, &len);
    memcpy(frame, udp, len);
    udp = netrig_check_ip(&rig->sent[1], 17, NETRIG_US, NETRIG_PEER, &len);
    memcpy(frame + 1480, udp, len);
    assert_int_equal(rig->sent[0].csum, PKT_CSUM_UNKNOWN);
    assert_int_equal(netrig_checksum(frame, 2008, 10 * 256 + 1 + 10 * 256 + 2 + 17 + 2008), 0);
    udp_close(&sock);
    netrig_free(rig);
}

/* ---- sockets ---- */

static void test_datagrams_come_whole_in_order_with_their_addresses(void **state)
{
    struct netrig *rig = netrig_new(true);
    struct netrig_ip ip = {.ttl = 33};
    struct udp_sock sock;
    struct udp_meta meta;
    struct pkt *pkt;

    (void)state;
    open_sock(rig, &sock, (struct udp_conf){.port = 7});
    for (size_t n = 0; n < 50; n++)
        netrig_input(rig, frame, netrig_udp(frame, &ip, (uint16_t)(1000 + n), 7, data, n * 20));
    for (size_t n = 0; n < 50; n++) {
        static uint8_t got[1000];

        assert_int_equal(udp_recv(&sock, &meta, &pkt), 0);
        assert_int_equal(pkt->len, n * 20);
        assert_true(pkt_read(pkt, 0, cs_of(got, n * 20)));
        assert_memory_equal(got, data, n * 20);
        assert_int_equal(meta.src, NETRIG_PEER);
        assert_int_equal(meta.dst, NETRIG_US);
        assert_int_equal(meta.src_port, 1000 + n);
        assert_int_equal(meta.dst_port, 7);
        assert_int_equal(meta.ttl, 33);
        assert_false(meta.link_broadcast);
        assert_int_equal(netrig_get48(meta.eth_src), NETRIG_PEER_MAC);
        assert_int_equal(netrig_get48(meta.eth_dst), NETRIG_US_MAC);
        pkt_put(pkt);
    }
    assert_int_equal(udp_recv(&sock, &meta, &pkt), -E_AGAIN);
    udp_close(&sock);
    netrig_free(rig);
}

static void test_an_answer_leaves_in_the_page_its_question_came_in(void **state)
{
    struct netrig *rig = netrig_new(true);
    struct netrig_ip ip = {0};
    struct udp_sock sock;
    struct udp_meta from;
    struct pkt *pkt;
    struct page *page;

    (void)state;
    open_sock(rig, &sock, (struct udp_conf){.port = 7});
    rig->hold_tx = true;
    netrig_input(rig, frame, netrig_udp(frame, &ip, 1, 7, data, 700));
    assert_int_equal(udp_recv(&sock, &from, &pkt), 0);
    page = pkt->frag[0].page;
    assert_int_equal(
        udp_send(&sock,
                 &(struct udp_meta){.dst = from.src, .src = from.dst, .dst_port = from.src_port},
                 pkt, rig->now),
        0);
    assert_ptr_equal(rig->kept.head, pkt);
    assert_int_equal(pkt->frag_count, 1);
    assert_ptr_equal(pkt->frag[0].page, page);
    assert_int_equal(rig->pool.stats.copied_bytes, 0);
    udp_close(&sock);
    netrig_free(rig);
}

static void test_a_full_queue_drops_and_counts(void **state)
{
    struct netrig *rig = netrig_new(true);
    struct netrig_ip ip = {0};
    struct udp_sock sock;

    (void)state;
    open_sock(rig, &sock, (struct udp_conf){.port = 7, .queue_max = 3});
    for (int i = 0; i < 10; i++)
        netrig_input(rig, frame, netrig_udp(frame, &ip, 1, 7, data, 10));
    assert_int_equal(sock.queue_full, 7);
    assert_int_equal(rig->nif.stats.udp_queue_full, 7);
    assert_int_equal(drain(&sock), 3);
    udp_close(&sock);
    netrig_free(rig);
}

/* A datagram of many pages does not count as one: what waits is bounded in memory. */
static void test_a_queue_is_bounded_in_pages(void **state)
{
    static const struct {
        uint32_t queue_max, pages_max, long_ones, short_ones;
    } cases[] = {{100, 20, 2, 6}, {100, 7, 1, 0}, {100, 6, 0, 6}, {15, 0, 2, 4}, {1, 0, 1, 0}};
    struct netrig *rig = netrig_new(true);
    struct netrig_ip ip = {0};
    struct udp_sock sock;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t drops = rig->nif.stats.udp_queue_full;

        open_sock(rig, &sock,
                  (struct udp_conf){
                      .port = 7, .queue_max = cases[i].queue_max, .pages_max = cases[i].pages_max});
        for (int round = 0; round < 2; round++) { /* what was read holds nothing any more */
            size_t len = netrig_udp(frame, &ip, 1, 7, data, 1458);

            for (int k = 0; k < 4; k++)
                netrig_input_pieces(rig, frame, len, 220);
            assert_int_equal(sock.queue.count, cases[i].long_ones);
            for (int k = 0; k < 30; k++)
                netrig_input(rig, frame, netrig_udp(frame, &ip, 1, 7, data, 10));
            assert_int_equal(drain(&sock), cases[i].long_ones + cases[i].short_ones);
        }
        assert_int_equal(sock.queue_full, 2 * (34 - cases[i].long_ones - cases[i].short_ones));
        assert_int_equal(rig->nif.stats.udp_queue_full - drops, sock.queue_full);
        udp_close(&sock);
    }
    netrig_free(rig);
}

static void test_the_socket_of_an_address_goes_before_the_one_of_all(void **state)
{
    const uint32_t second = IP4_ADDR(10, 0, 0, 77);
    struct netrig *rig = netrig_new(true);
    struct netrig_ip ip = {0};
    struct udp_sock any, exact;

    (void)state;
    assert_int_equal(netif_addr_add(&rig->nif, second, 24, false, rig->now), 0);
    for (int order = 0; order < 2; order++) {
        open_sock(rig, order == 0 ? &any : &exact,
                  (struct udp_conf){.port = 7, .addr = order == 0 ? IP4_ANY : second});
        open_sock(rig, order == 0 ? &exact : &any,
                  (struct udp_conf){.port = 7, .addr = order == 0 ? second : IP4_ANY});
        ip.dst = second;
        netrig_input(rig, frame, netrig_udp(frame, &ip, 1, 7, data, 10));
        ip.dst = NETRIG_US;
        netrig_input(rig, frame, netrig_udp(frame, &ip, 1, 7, data, 10));
        assert_int_equal(drain(&any), 1);
        assert_int_equal(drain(&exact), 1);
        udp_close(&any);
        udp_close(&exact);
    }
    netrig_free(rig);
}

static void test_broadcasts_go_to_all_who_asked(void **state)
{
    static const uint32_t groups[] = {IP4_BROADCAST, IP4_ADDR(10, 0, 0, 255)};
    struct netrig *rig = netrig_new(true);
    struct netrig_ip ip = {.eth_dst = NETRIG_BROADCAST_MAC};
    struct udp_sock asked, exact;

    (void)state;
    open_sock(rig, &asked, (struct udp_conf){.port = 7, .broadcast = true});
    open_sock(rig, &exact, (struct udp_conf){.port = 7, .addr = NETRIG_US, .broadcast = true});
    for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
        ip.dst = groups[i];
        netrig_input(rig, frame, netrig_udp(frame, &ip, 1, 7, data, 10));
        assert_int_equal(drain(&asked), 1);
        assert_int_equal(drain(&exact), 0);
    }
    udp_close(&asked);
    open_sock(rig, &asked, (struct udp_conf){.port = 7});
    netrig_input(rig, frame, netrig_udp(frame, &ip, 1, 7, data, 10));
    assert_int_equal(drain(&asked), 0);
    assert_int_equal(rig->nif.stats.udp_no_port, 1);
    assert_int_equal(rig->sent_count, 0);
    udp_close(&asked);
    udp_close(&exact);
    netrig_free(rig);
}

static void test_sending_to_groups(void **state)
{
    struct netrig *rig = netrig_new(true);
    struct udp_sock yes, no;
    struct udp_meta meta = {.dst = IP4_BROADCAST, .dst_port = 68};
    size_t len;

    (void)state;
    open_sock(rig, &yes, (struct udp_conf){.port = 67, .broadcast = true});
    open_sock(rig, &no, (struct udp_conf){.port = 69});
    assert_int_equal(send(rig, &no, meta, 5), -E_ACCES);
    assert_int_equal(send(rig, &yes, meta, 5), 0);
    assert_int_equal(netrig_get48(netrig_last(rig)->bytes), NETRIG_BROADCAST_MAC);
    netrig_check_ip(netrig_last(rig), 17, NETRIG_US, IP4_BROADCAST, &len);
    meta.dst = IP4_ADDR(10, 0, 0, 255);
    assert_int_equal(send(rig, &no, meta, 5), -E_ACCES);
    assert_int_equal(send(rig, &yes, meta, 5), 0);
    assert_int_equal(netrig_get48(netrig_last(rig)->bytes), NETRIG_BROADCAST_MAC);
    meta.dst = IP4_ADDR(239, 1, 2, 3);
    assert_int_equal(send(rig, &no, meta, 5), 0);
    assert_int_equal(netrig_get48(netrig_last(rig)->bytes), 0x01005e010203);
    assert_int_equal(netrig_last(rig)->bytes[14 + 8], 1); /* RFC 1112 section 6.1 */
    meta.ttl = 9;
    assert_int_equal(send(rig, &no, meta, 5), 0);
    assert_int_equal(netrig_last(rig)->bytes[14 + 8], 9);
    udp_close(&yes);
    udp_close(&no);
    netrig_free(rig);
}

static void test_a_client_without_an_address_is_reached_by_its_mac(void **state)
{
    struct netrig *rig = netrig_new(false);
    struct udp_sock sock;
    struct udp_meta meta = {.dst = IP4_ADDR(10, 0, 0, 99),
                            .dst_port = 68,
                            .use_eth = true,
                            .eth_dst = {2, 0, 0, 0, 0, 0x63}};
    size_t len;

    (void)state;
    open_sock(rig, &sock, (struct udp_conf){.port = 67, .broadcast = true});
    assert_int_equal(send(rig, &sock, meta, 300), 0);
    assert_int_equal(rig->sent_count, 1);
    assert_int_equal(netrig_get48(netrig_last(rig)->bytes), 0x020000000063);
    netrig_check_ip(netrig_last(rig), 17, NETRIG_US, meta.dst, &len);
    meta.dst = IP4_ADDR(192, 0, 2, 1); /* even one that no route leads to */
    assert_int_equal(send(rig, &sock, meta, 300), 0);
    udp_close(&sock);
    netrig_free(rig);
}

static void test_without_an_address_only_the_limited_broadcast(void **state)
{
    struct netrig *rig = netrig_blank();
    struct udp_sock sock;
    struct udp_meta meta = {.dst = IP4_BROADCAST, .dst_port = 67};
    size_t len;

    (void)state;
    netrig_start(rig);
    open_sock(rig, &sock, (struct udp_conf){.port = 68, .broadcast = true});
    assert_int_equal(send(rig, &sock, meta, 300), 0);
    netrig_check_ip(netrig_last(rig), 17, 0, IP4_BROADCAST, &len);
    meta.dst = NETRIG_PEER;
    assert_int_equal(send(rig, &sock, meta, 300), -E_HOSTUNREACH);
    meta.dst = IP4_ADDR(239, 1, 2, 3);
    assert_int_equal(send(rig, &sock, meta, 300), -E_HOSTUNREACH);
    udp_close(&sock);
    netrig_free(rig);
}

static void test_what_cannot_be_sent_stays_with_the_caller(void **state)
{
    struct netrig *rig = netrig_new(true);
    struct udp_sock sock;
    struct udp_meta meta = {.dst = NETRIG_PEER, .dst_port = 9};
    struct pkt *pkt;

    (void)state;
    open_sock(rig, &sock, (struct udp_conf){.port = 7});
    meta.dst = IP4_ADDR(8, 8, 8, 8);
    assert_int_equal(send(rig, &sock, meta, 5), -E_HOSTUNREACH);
    meta.dst = IP4_ADDR(127, 0, 0, 1);
    assert_int_equal(send(rig, &sock, meta, 5), -E_HOSTUNREACH);
    meta.dst = IP4_ANY;
    assert_int_equal(send(rig, &sock, meta, 5), -E_HOSTUNREACH);
    meta.dst = NETRIG_PEER;
    meta.src = NETRIG_PEER;
    assert_int_equal(send(rig, &sock, meta, 5), -E_ADDRNOTAVAIL);
    meta.src = IP4_ANY;
    rig->tx_room = 0;
    assert_int_equal(send(rig, &sock, meta, 5), -E_AGAIN);
    rig->tx_room = UINT32_MAX;
    rig->dev.link_up = false;
    assert_int_equal(send(rig, &sock, meta, 5), -E_NETDOWN);
    rig->dev.link_up = true;
    pkt = make(rig, 1900);
    while (pkt->len < 65508)
        assert_int_equal(pkt_append_copy(pkt, cs_ro_of(frame, size_min(4096, 65508 - pkt->len))),
                         0);
    assert_int_equal(udp_send(&sock, &meta, pkt, rig->now), -E_MSGSIZE);
    pkt_trim(pkt, 65507);
    assert_int_equal(udp_send(&sock, &meta, pkt, rig->now), 0);
    assert_int_equal(sock.sent, 1);
    udp_close(&sock);
    netrig_free(rig);
}

static void test_ports(void **state)
{
    struct netrig *rig = netrig_new(true);
    static struct udp_sock socks[16384], more;
    struct udp_conf conf = {.port = 0};
    unsigned ascending = 0;

    (void)state;
    for (unsigned i = 0; i < 16384; i++) {
        assert_int_equal(udp_open(&socks[i], &rig->nif, &conf), 0);
        assert_true(udp_port(&socks[i]) >= 49152);
        ascending += i > 0 && udp_port(&socks[i]) == udp_port(&socks[i - 1]) + 1;
    }
    assert_true(ascending < 8000); /* RFC 6056: not one after the other while there is a choice */
    assert_int_equal(udp_open(&more, &rig->nif, &conf), -E_ADDRINUSE); /* and the search ends */
    for (unsigned i = 0; i < 16384; i++)
        udp_close(&socks[i]);
    conf.port = 53;
    assert_int_equal(udp_open(&socks[0], &rig->nif, &conf), 0);
    assert_int_equal(udp_open(&more, &rig->nif, &conf), -E_ADDRINUSE);
    conf.addr = NETRIG_PEER;
    assert_int_equal(udp_open(&more, &rig->nif, &conf), -E_ADDRNOTAVAIL);
    udp_close(&socks[0]);
    netrig_free(rig);
}

static void test_a_close_puts_what_waits(void **state)
{
    struct netrig *rig = netrig_new(true);
    struct netrig_ip ip = {0};
    struct udp_sock sock;

    (void)state;
    open_sock(rig, &sock, (struct udp_conf){.port = 7});
    for (int i = 0; i < 10; i++)
        netrig_input(rig, frame, netrig_udp(frame, &ip, 1, 7, data, 10));
    udp_close(&sock);
    netrig_input(rig, frame, netrig_udp(frame, &ip, 1, 7, data, 10));
    assert_int_equal(rig->nif.stats.udp_no_port, 1);
    netrig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_claimed_length_against_every_real_length),
        cmocka_unit_test(test_every_claimed_length_in_a_received_frame),
        cmocka_unit_test(test_a_wrong_checksum_is_dropped_unless_the_device_vouches),
        cmocka_unit_test(test_a_computed_zero_is_sent_as_ffff),
        cmocka_unit_test(test_a_device_that_completes_checksums_gets_them_blank),
        cmocka_unit_test(test_datagrams_come_whole_in_order_with_their_addresses),
        cmocka_unit_test(test_an_answer_leaves_in_the_page_its_question_came_in),
        cmocka_unit_test(test_a_full_queue_drops_and_counts),
        cmocka_unit_test(test_a_queue_is_bounded_in_pages),
        cmocka_unit_test(test_the_socket_of_an_address_goes_before_the_one_of_all),
        cmocka_unit_test(test_broadcasts_go_to_all_who_asked),
        cmocka_unit_test(test_sending_to_groups),
        cmocka_unit_test(test_a_client_without_an_address_is_reached_by_its_mac),
        cmocka_unit_test(test_without_an_address_only_the_limited_broadcast),
        cmocka_unit_test(test_what_cannot_be_sent_stays_with_the_caller),
        cmocka_unit_test(test_ports),
        cmocka_unit_test(test_a_close_puts_what_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
