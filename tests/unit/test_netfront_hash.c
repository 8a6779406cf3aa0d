/* SPDX-License-Identifier: ISC */
/* test_netfront_hash.c - the Toeplitz hash against Microsoft's "Verifying the RSS hash
 * calculation", and against the function in Xen's io/netif.h; a frame's flow. */
#define XEN_NETIF_DEFINE_TOEPLITZ
#include "netfront/netfront_priv.h"
#include "tests/support/support.h"

#include <cmocka.h>

static const uint8_t rss_key[NETFRONT_HASH_KEY_BYTES] = {
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
    0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
    0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

/* Of a packet that is received: from src to dst. */
static const struct {
    uint32_t dst;
    uint16_t dst_port;
    uint32_t src;
    uint16_t src_port;
    uint32_t addresses, all;
} ip4_vectors[] = {
    {IP(161, 142, 100, 80), 1766, IP(66, 9, 149, 187), 2794, 0x323e8fc2, 0x51ccc178},
    {IP(65, 69, 140, 83), 4739, IP(199, 92, 111, 2), 14230, 0xd718262a, 0xc626b0ea},
    {IP(12, 22, 207, 184), 38024, IP(24, 19, 198, 95), 12898, 0xd2d0a5de, 0x5c2b394a},
    {IP(209, 142, 163, 6), 2217, IP(38, 27, 205, 30), 48228, 0x82989176, 0xafc7327f},
    {IP(202, 188, 127, 2), 1303, IP(153, 39, 163, 191), 44251, 0x5d1809c5, 0x10e828a2},
};

static const struct {
    uint16_t dst[8], dst_port, src[8], src_port;
    uint32_t addresses, all;
} ip6_vectors[] = {
    {{0x3ffe, 0x2501, 0x200, 3, 0, 0, 0, 1},
     1766,
     {0x3ffe, 0x2501, 0x200, 0x1fff, 0, 0, 0, 7},
     2794,
     0x2cc18cd5,
     0x40207d3d},
    {{0xff02, 0, 0, 0, 0, 0, 0, 1},
     4739,
     {0x3ffe, 0x501, 8, 0, 0x260, 0x97ff, 0xfe40, 0xefab},
     14230,
     0x0f0c461c,
     0xdde51bbf},
    {{0xfe80, 0, 0, 0, 0x200, 0xf8ff, 0xfe21, 0x67cf},
     38024,
     {0x3ffe, 0x1900, 0x4545, 3, 0x200, 0xf8ff, 0xfe21, 0x67cf},
     44251,
     0x4b61e985,
     0x02d1feef},
};

static struct netfront_hash hash;

static uint32_t rss(struct cs_ro bytes)
{
    return netfront_hash_toeplitz(cs_ro_of(rss_key, sizeof(rss_key)), bytes);
}

static void test_toeplitz_of_ipv4_is_as_published(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(ip4_vectors); i++) {
        uint8_t b[12];
        struct cs v = cs_of(b, sizeof(b));

        cs_set_be32(v, 0, ip4_vectors[i].src);
        cs_set_be32(v, 4, ip4_vectors[i].dst);
        cs_set_be16(v, 8, ip4_vectors[i].src_port);
        cs_set_be16(v, 10, ip4_vectors[i].dst_port);
        assert_int_equal(rss(cs_ro_of(b, 8)), ip4_vectors[i].addresses);
        assert_int_equal(rss(cs_ro_of(b, 12)), ip4_vectors[i].all);
    }
}

static void test_toeplitz_of_ipv6_is_as_published(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(ip6_vectors); i++) {
        uint8_t b[36];
        struct cs v = cs_of(b, sizeof(b));

        for (unsigned w = 0; w < 8; w++) {
            cs_set_be16(v, 2 * w, ip6_vectors[i].src[w]);
            cs_set_be16(v, 16 + 2 * w, ip6_vectors[i].dst[w]);
        }
        cs_set_be16(v, 32, ip6_vectors[i].src_port);
        cs_set_be16(v, 34, ip6_vectors[i].dst_port);
        assert_int_equal(rss(cs_ro_of(b, 32)), ip6_vectors[i].addresses);
        assert_int_equal(rss(cs_ro_of(b, 36)), ip6_vectors[i].all);
    }
}

/* Keys and bytes of any length: past the key's end there are zeros. */
static void test_toeplitz_is_what_netif_h_says(void **state)
{
    uint64_t seed = test_seed(7);
    uint8_t key[64], bytes[80];

    (void)state;
    for (unsigned i = 0; i < 300; i++) {
        uint32_t key_len = test_random_below(&seed, sizeof(key) + 1);
        uint32_t len = test_random_below(&seed, sizeof(bytes) + 1);

        for (unsigned j = 0; j < sizeof(key); j++)
            key[j] = (uint8_t)test_random(&seed);
        for (unsigned j = 0; j < sizeof(bytes); j++)
            bytes[j] = (uint8_t)test_random(&seed);
        assert_int_equal(netfront_hash_toeplitz(cs_ro_of(key, key_len), cs_ro_of(bytes, len)),
                         xen_netif_toeplitz_hash(key, key_len, bytes, len));
    }
}

/* ---- frames ---------------------------------------------------------------------------------- */

enum { ETH = 14, TCP = 6, UDP = 17, GRE = 47 };

/* The frame we send, whose answer is the vector's packet; returns its length. */
static uint32_t answer_to(unsigned vector, uint8_t *frame, uint8_t ihl, uint8_t protocol)
{
    struct cs v = cs_of(frame, ETH + 60 + 20);

    memset(frame, 0xee, v.len);
    cs_set_be16(v, 12, 0x0800);
    cs_set_u8(v, ETH, (uint8_t)(0x40 | ihl));
    cs_set_be16(v, ETH + 6, 0x4000); /* don't fragment: is no fragment */
    cs_set_u8(v, ETH + 9, protocol);
    cs_set_be32(v, ETH + 12, ip4_vectors[vector].dst);
    cs_set_be32(v, ETH + 16, ip4_vectors[vector].src);
    cs_set_be16(v, ETH + 4u * ihl, ip4_vectors[vector].dst_port);
    cs_set_be16(v, ETH + 4u * ihl + 2, ip4_vectors[vector].src_port);
    return ETH + 4u * ihl + 20;
}

static void test_what_we_send_hashes_as_its_answer(void **state)
{
    uint8_t frame[ETH + 60 + 20];

    (void)state;
    netfront_hash_init(&hash, rss_key);
    for (unsigned i = 0; i < ARRAY_SIZE(ip4_vectors); i++) {
        for (uint8_t ihl = 5; ihl <= 15; ihl++) {
            uint32_t len = answer_to(i, frame, ihl, TCP);

            assert_int_equal(netfront_hash_answer(&hash, cs_ro_of(frame, len)), ip4_vectors[i].all);
            answer_to(i, frame, ihl, UDP);
            assert_int_equal(netfront_hash_answer(&hash, cs_ro_of(frame, len)), ip4_vectors[i].all);
            answer_to(i, frame, ihl, GRE);
            assert_int_equal(netfront_hash_answer(&hash, cs_ro_of(frame, len)),
                             ip4_vectors[i].addresses);
        }
    }
}

/* The first fragment has ports, the others have not: all go by addresses. */
static void test_fragments_hash_by_addresses(void **state)
{
    uint8_t frame[ETH + 60 + 20];
    uint32_t len = answer_to(0, frame, 5, TCP);

    (void)state;
    netfront_hash_init(&hash, rss_key);
    cs_set_be16(cs_of(frame, len), ETH + 6, 0x2000);
    assert_int_equal(netfront_hash_answer(&hash, cs_ro_of(frame, len)), ip4_vectors[0].addresses);
    cs_set_be16(cs_of(frame, len), ETH + 6, 0x0001);
    assert_int_equal(netfront_hash_answer(&hash, cs_ro_of(frame, len)), ip4_vectors[0].addresses);
}

static void test_a_frame_cut_anywhere_is_hashed_as_far_as_it_goes(void **state)
{
    uint8_t frame[ETH + 60 + 20];
    uint32_t len = answer_to(0, frame, 5, TCP);

    (void)state;
    netfront_hash_init(&hash, rss_key);
    for (uint32_t cut = 0; cut <= len; cut++) {
        uint8_t *exact = test_malloc(cut + 1); /* so that ASan sees a byte read too far */
        uint32_t value;

        memcpy(exact + 1, frame, cut);
        value = netfront_hash_answer(&hash, cs_ro_of(exact + 1, cut));
        assert_int_equal(value, cut < ETH + 20   ? 0
                                : cut < ETH + 24 ? ip4_vectors[0].addresses
                                                 : ip4_vectors[0].all);
        test_free(exact);
    }
}

static void test_what_is_not_ipv4_hashes_to_zero(void **state)
{
    uint8_t frame[ETH + 60 + 20];
    uint32_t len = answer_to(0, frame, 5, TCP);

    (void)state;
    netfront_hash_init(&hash, rss_key);
    cs_set_be16(cs_of(frame, len), 12, 0x0806);
    assert_int_equal(netfront_hash_answer(&hash, cs_ro_of(frame, len)), 0);
    cs_set_be16(cs_of(frame, len), 12, 0x0800);
    cs_set_u8(cs_of(frame, len), ETH, 0x65);
    assert_int_equal(netfront_hash_answer(&hash, cs_ro_of(frame, len)), 0);
    cs_set_u8(cs_of(frame, len), ETH, 0x44);
    assert_int_equal(netfront_hash_answer(&hash, cs_ro_of(frame, len)), 0);
}

static void test_queue_is_the_tables_or_the_remainder(void **state)
{
    (void)state;
    netfront_hash_init(&hash, rss_key);
    assert_int_equal(netfront_hash_queue(&hash, 0x10e828a2, 3), 0x10e828a2 % 3);
    hash.map_size = 4;
    memcpy(hash.map, "\2\1\0\2", 4);
    assert_int_equal(netfront_hash_queue(&hash, 0xffffff00, 3), 2);
    assert_int_equal(netfront_hash_queue(&hash, 0xffffff02, 3), 0);
    assert_int_equal(netfront_hash_queue(&hash, 0xffffff03, 2), 0); /* fewer queues than it knew */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_toeplitz_of_ipv4_is_as_published),
        cmocka_unit_test(test_toeplitz_of_ipv6_is_as_published),
        cmocka_unit_test(test_toeplitz_is_what_netif_h_says),
        cmocka_unit_test(test_what_we_send_hashes_as_its_answer),
        cmocka_unit_test(test_fragments_hash_by_addresses),
        cmocka_unit_test(test_a_frame_cut_anywhere_is_hashed_as_far_as_it_goes),
        cmocka_unit_test(test_what_is_not_ipv4_hashes_to_zero),
        cmocka_unit_test(test_queue_is_the_tables_or_the_remainder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
