/* SPDX-License-Identifier: ISC */
/* test_ip4.c - IPv4 received: headers, options, addresses (RFC 791, RFC 1122 sections 3.2 and
 * 3.3). */
#include <stdlib.h>
#include <string.h>

#include "ip4test.h"
#include "support.h"
#include "tcpip/wire/ip4.h"

/* ---- the wire ---- */

/* Each pair of a claimed total length and bytes that are there, the header in a heap block of
 * its size. */
static void test_every_claimed_length_against_every_real_length(void **state)
{
    (void)state;
    for (size_t real = 0; real <= 64; real++) {
        for (uint32_t claimed = 0; claimed <= 64; claimed++) {
            uint8_t *block = calloc(1, real == 0 ? 1 : real);
            struct ip4_hdr hdr;
            enum ip4_result want = IP4_OK;

            if (real >= 20) {
                block[0] = 0x45;
                netrig_put16(block + 2, claimed);
                netrig_put16(block + 10, netrig_checksum(block, 20, 0));
            }
            if (real < 20 || (claimed >= 20 && claimed > real))
                want = IP4_SHORT;
            else if (claimed < 20)
                want = IP4_HEADER;
            assert_int_equal(ip4_parse(&hdr, cs_ro_of(block, real), real), want);
            free(block);
        }
    }
}

static void test_every_version_and_header_length(void **state)
{
    (void)state;
    for (unsigned first = 0; first <= 0xff; first++) {
        for (size_t real = 20; real <= 64; real += 4) {
            uint8_t *block = calloc(1, real);
            size_t header_len = (first & 0xf) * 4u;
            struct ip4_hdr hdr;
            enum ip4_result want = IP4_OK;

            block[0] = (uint8_t)first;
            netrig_put16(block + 2, (uint32_t)real);
            netrig_put16(block + 10, netrig_checksum(block, size_min(header_len, real), 0));
            if (first >> 4 != 4 || header_len < 20)
                want = IP4_HEADER;
            else if (header_len > real)
                want = IP4_SHORT;
            assert_int_equal(ip4_parse(&hdr, cs_ro_of(block, real), real), want);
            if (want == IP4_OK)
                assert_int_equal(hdr.header_len, header_len);
            free(block);
        }
    }
}

static void test_any_changed_bit_of_a_header_is_noticed(void **state)
{
    static const uint8_t options[40] = {7, 39, 4};
    struct netrig_ip ip = {.id = 0x1234, .protocol = 17, .options = options};
    uint8_t frame[200], data[20] = {0};
    struct ip4_hdr hdr;

    (void)state;
    for (ip.options_len = 0; ip.options_len <= 40; ip.options_len = (uint8_t)(ip.options_len + 4)) {
        size_t len = netrig_ip(frame, &ip, data, sizeof(data)) - 14;

        for (size_t bit = 0; bit < (20u + ip.options_len) * 8; bit++) {
            frame[14 + bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_not_equal(ip4_parse(&hdr, cs_ro_of(frame + 14, len), len), IP4_OK);
            frame[14 + bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        assert_int_equal(ip4_parse(&hdr, cs_ro_of(frame + 14, len), len), IP4_OK);
    }
}

/* What options should come to, by a second reading of RFC 791: one step per option, everything
 * looked at before it is used. */
static enum ip4_options oracle(const uint8_t *o, size_t n)
{
    for (size_t i = 0; i < n;) {
        if (o[i] == 0)
            break;
        if (o[i] == 0x83 || o[i] == 0x89)
            return IP4_OPTIONS_SOURCE_ROUTE;
        if (o[i] == 1)
            i++;
        else if (i + 1 >= n || o[i + 1] < 2 || i + o[i + 1] > n)
            return IP4_OPTIONS_MALFORMED;
        else
            i += o[i + 1];
    }
    return IP4_OPTIONS_OK;
}

static void test_every_option_kind_and_length_at_each_offset(void **state)
{
    (void)state;
    for (size_t n = 0; n <= 40; n += 4) {
        uint8_t *block = malloc(n == 0 ? 1 : n), where;

        for (size_t off = 0; off < n; off++)
            for (unsigned kind = 0; kind <= 0xff; kind++)
                for (unsigned len = 0; len <= 41; len++) {
                    memset(block, 1, n);
                    block[off] = (uint8_t)kind;
                    if (off + 1 < n)
                        block[off + 1] = (uint8_t)(len == 41 ? 255 : len);
                    assert_int_equal(ip4_options_check(cs_ro_of(block, n), &where),
                                     oracle(block, n));
                }
        free(block);
    }
}

static void test_quoted_headers_of_every_length(void **state)
{
    (void)state;
    for (size_t real = 0; real <= 64; real++)
        for (unsigned first = 0; first <= 0xff; first++) {
            uint8_t *block = calloc(1, real == 0 ? 1 : real);
            size_t header_len = (first & 0xf) * 4u;
            struct ip4_hdr hdr;

            block[0] = (uint8_t)first;
            assert_int_equal(ip4_parse_quoted(&hdr, cs_ro_of(block, real)),
                             real >= 20 && first >> 4 == 4 && header_len >= 20 &&
                                 header_len <= real);
            free(block);
        }
}

/* ---- the way in ---- */

/* How many datagrams came up; they are put. */
static unsigned drain(void)
{
    struct udp_meta meta;
    struct pkt *pkt;
    unsigned n = 0;

    for (; udp_recv(&sock, &meta, &pkt) == 0; n++)
        pkt_put(pkt);
    return n;
}

static void test_truncated_packets_of_every_length_in_exact_blocks(void **state)
{
    struct netrig *rig = new_rig();
    struct netrig_ip ip = {0};
    uint8_t frame[100], data[20] = {0};
    size_t len = netrig_udp(frame, &ip, 1, 7, data, sizeof(data));

    (void)state;
    for (size_t n = 14; n < len; n++)
        netrig_input_exact(rig, frame, n);
    assert_int_equal(drain(), 0);
    assert_int_equal(rig->nif.stats.ip4_short, len - 14);
    netrig_input(rig, frame, len);
    assert_int_equal(drain(), 1);
    free_rig(rig);
}

static void test_bytes_after_the_total_length_are_not_payload(void **state)
{
    struct netrig *rig = new_rig();
    struct netrig_ip ip = {0};
    struct udp_meta meta;
    struct pkt *pkt;

    (void)state;
    for (size_t payload = 0; payload <= 30; payload++)
        for (size_t trailing = 0; trailing <= 30; trailing++) {
            uint8_t frame[200], data[30];
            size_t len;

            memset(data, 0x11, sizeof(data));
            memset(frame, 0xee, sizeof(frame));
            len = netrig_udp(frame, &ip, 1, 7, data, payload) + trailing;
            netrig_input(rig, frame, len);
            assert_int_equal(udp_recv(&sock, &meta, &pkt), 0);
            assert_int_equal(pkt->len, payload);
            pkt_put(pkt);
            netrig_input(rig, frame, netrig_echo(frame, &ip, 1, 1, data, payload) + trailing);
            assert_int_equal(netrig_last(rig)->len, 14 + 20 + 8 + payload);
            netrig_clear(rig);
        }
    free_rig(rig);
}

static void test_headers_in_many_pieces(void **state)
{
    struct netrig *rig = new_rig();
    static const uint8_t options[8] = {1, 1, 1, 0, 0, 0, 0, 0};
    struct netrig_ip ip = {.options = options, .options_len = 8};
    uint8_t frame[200], data[60] = {0};
    size_t len = netrig_udp(frame, &ip, 1, 7, data, sizeof(data));

    (void)state;
    for (size_t piece = 8; piece <= len; piece++)
        netrig_input_pieces(rig, frame, len, piece);
    assert_int_equal(sock.received + rig->nif.stats.udp_queue_full, len - 7);
    free_rig(rig);
}

static void test_packets_longer_than_the_mtu_are_dropped(void **state)
{
    struct netrig *rig = new_rig();
    struct netrig_ip ip = {0};
    uint8_t frame[3000], data[1473] = {0};

    (void)state;
    netrig_input(rig, frame, netrig_udp(frame, &ip, 1, 7, data, 1472));
    assert_int_equal(drain(), 1);
    netrig_input(rig, frame, netrig_udp(frame, &ip, 1, 7, data, 1473));
    assert_int_equal(drain(), 0);
    assert_int_equal(rig->nif.stats.ip4_too_long, 1);
    /* A long frame around a packet that fits is only long. */
    netrig_input(rig, frame, netrig_udp(frame, &ip, 1, 7, data, 1472) + 500);
    assert_int_equal(drain(), 1);
    free_rig(rig);
}

static void test_options_are_skipped_and_source_routes_dropped(void **state)
{
    static const uint8_t good[][8] = {{1, 1, 1, 1, 1, 1, 1, 1},
                                      {0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
                                      {7, 7, 4, 0, 0, 0, 0, 0},
                                      {0x94, 4, 0, 0, 0, 0, 0, 0},
                                      {0x44, 8, 5, 0, 0, 0, 0, 0}};
    static const uint8_t bad[][8] = {
        {0x83, 7, 4, 10, 0, 0, 9, 0}, {0x89, 7, 4, 10, 0, 0, 9, 0}, {7, 0}, {7, 1}, {7, 9}};
    struct netrig *rig = new_rig();
    struct netrig_ip ip = {.options_len = 8};
    uint8_t frame[200], data[9] = "12345678";

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        struct udp_meta meta;
        struct pkt *pkt;
        uint8_t got[8];

        ip.options = good[i];
        netrig_input(rig, frame, netrig_udp(frame, &ip, 1, 7, data, 8));
        assert_int_equal(udp_recv(&sock, &meta, &pkt), 0);
        assert_true(pkt_read(pkt, 0, cs_of(got, 8)));
        assert_memory_equal(got, data, 8);
        assert_int_equal(meta.src_port, 1);
        pkt_put(pkt);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        ip.options = bad[i];
        netrig_input(rig, frame, netrig_udp(frame, &ip, 1, 7, data, 8));
    }
    assert_int_equal(drain(), 0);
    assert_int_equal(rig->nif.stats.ip4_options, ARRAY_SIZE(bad));
    /* The malformed ones are answered: parameter problem, at the length byte (RFC 1122 section
     * 3.2.2.5). */
    assert_int_equal(rig->sent_count, 3);
    for (unsigned i = 0; i < 3; i++) {
        size_t len;
        const uint8_t *icmp = netrig_check_ip(&rig->sent[i], 1, NETRIG_US, NETRIG_PEER, &len);

        assert_int_equal(icmp[0], 12);
        assert_int_equal(icmp[4], 21);
    }
    free_rig(rig);
}

static void test_martians_are_dropped(void **state)
{
    static const uint32_t sources[] = {IP4_ADDR(127, 0, 0, 1),
                                       IP4_ADDR(224, 0, 0, 1),
                                       IP4_ADDR(240, 0, 0, 1),
                                       IP4_ADDR(255, 255, 255, 255),
                                       IP4_ADDR(10, 0, 0, 255),
                                       IP4_ADDR(0, 1, 2, 3),
                                       NETRIG_US};
    static const uint32_t destinations[] = {IP4_ADDR(127, 0, 0, 1), IP4_ADDR(240, 0, 0, 1),
                                            IP4_ADDR(0, 0, 0, 1)};
    struct netrig *rig = new_rig();
    struct netrig_ip ip = {0};
    uint8_t frame[100], data[8] = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
        ip.src = sources[i];
        netrig_input(rig, frame, netrig_udp(frame, &ip, 1, 7, data, 8));
        assert_int_equal(rig->nif.stats.ip4_martian, i + 1);
    }
    ip.src = 0;
    ip.src_any = true;
    netrig_input(rig, frame, netrig_udp(frame, &ip, 1, 7, data, 8)); /* 0.0.0.0 to one host */
    ip.src_any = false;
    for (size_t i = 0; i < ARRAY_SIZE(destinations); i++) {
        ip.dst = destinations[i];
        netrig_input(rig, frame, netrig_udp(frame, &ip, 1, 7, data, 8));
    }
    /* One host's packet in everybody's frame: RFC 1122 section 3.3.6. */
    ip.dst = 0;
    ip.eth_dst = NETRIG_BROADCAST_MAC;
    netrig_input(rig, frame, netrig_udp(frame, &ip, 1, 7, data, 8));
    assert_int_equal(rig->nif.stats.ip4_martian,
                     ARRAY_SIZE(sources) + 1 + ARRAY_SIZE(destinations) + 1);
    assert_int_equal(drain(), 0);
    assert_int_equal(rig->sent_count, 0);
    free_rig(rig);
}

static void test_a_client_without_an_address_reaches_a_server(void **state)
{
    struct netrig *rig = new_rig();
    struct netrig_ip ip = {.src_any = true, .dst = IP4_BROADCAST, .eth_dst = NETRIG_BROADCAST_MAC};
    uint8_t frame[100], data[8] = {0};
    struct udp_meta meta;
    struct pkt *pkt;

    (void)state;
    netrig_input(rig, frame, netrig_udp(frame, &ip, 68, 7, data, 8));
    assert_int_equal(udp_recv(&sock, &meta, &pkt), 0);
    assert_int_equal(meta.src, 0);
    assert_int_equal(meta.dst, IP4_BROADCAST);
    assert_true(meta.link_broadcast);
    pkt_put(pkt);
    netrig_input(rig, frame, netrig_echo(frame, &ip, 1, 1, data, 8));
    assert_int_equal(rig->sent_count, 0);
    free_rig(rig);
}

static void test_unknown_protocols_are_refused_and_nothing_is_decapsulated(void **state)
{
    struct netrig *rig = new_rig();
    struct netrig_ip ip = {.protocol = 4}, inner = {0};
    uint8_t frame[200], packet[100], data[8] = {0};
    size_t len = netrig_udp(packet, &inner, 1, 7, data, 8);
    const uint8_t *icmp;

    (void)state;
    netrig_input(rig, frame, netrig_ip(frame, &ip, packet + 14, len - 14));
    assert_int_equal(drain(), 0);
    assert_int_equal(rig->nif.stats.ip4_protocol, 1);
    icmp = netrig_check_ip(netrig_last(rig), 1, NETRIG_US, NETRIG_PEER, &len);
    assert_int_equal(netrig_get16(icmp), 0x0302);
    free_rig(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_claimed_length_against_every_real_length),
        cmocka_unit_test(test_every_version_and_header_length),
        cmocka_unit_test(test_any_changed_bit_of_a_header_is_noticed),
        cmocka_unit_test(test_every_option_kind_and_length_at_each_offset),
        cmocka_unit_test(test_quoted_headers_of_every_length),
        cmocka_unit_test(test_truncated_packets_of_every_length_in_exact_blocks),
        cmocka_unit_test(test_bytes_after_the_total_length_are_not_payload),
        cmocka_unit_test(test_headers_in_many_pieces),
        cmocka_unit_test(test_packets_longer_than_the_mtu_are_dropped),
        cmocka_unit_test(test_options_are_skipped_and_source_routes_dropped),
        cmocka_unit_test(test_martians_are_dropped),
        cmocka_unit_test(test_a_client_without_an_address_reaches_a_server),
        cmocka_unit_test(test_unknown_protocols_are_refused_and_nothing_is_decapsulated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
