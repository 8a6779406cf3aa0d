/* SPDX-License-Identifier: ISC */
/* prop_wire.c - headers: what is emitted is parsed to the same struct, and what is parsed is
 * emitted to the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>
#include <morgana/cksum.h>

#include "tcpip/wire/arp.h"
#include "tcpip/wire/eth.h"
#include "tcpip/wire/icmp4.h"
#include "tcpip/wire/igmp.h"
#include "tcpip/wire/ip4.h"
#include "tcpip/wire/udp.h"

enum { ROUNDS = 100000 };

static uint64_t seed;
static uint8_t bytes[64], out[64];

static void random_bytes(size_t n)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)test_random(&seed);
}

static void test_eth(void **state)
{
    struct eth_hdr hdr;

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        random_bytes(14);
        assert_true(eth_parse(&hdr, cs_ro_of(bytes, 14)));
        eth_emit(cs_of(out, 14), &hdr);
        assert_memory_equal(out, bytes, 14);
    }
}

static void test_arp(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        struct arp_msg msg = {.op = (uint16_t)(1 + test_random_below(&seed, 2)),
                              .sha = test_random(&seed) >> 16,
                              .tha = test_random(&seed) >> 16,
                              .spa = (uint32_t)test_random(&seed),
                              .tpa = (uint32_t)test_random(&seed)};
        struct arp_msg got = {0};

        arp_emit(cs_of(out, 28), &msg);
        assert_true(arp_parse(&got, cs_ro_of(out, 28)));
        assert_int_equal(got.op, msg.op);
        assert_int_equal(got.sha, msg.sha);
        assert_int_equal(got.tha, msg.tha);
        assert_int_equal(got.spa, msg.spa);
        assert_int_equal(got.tpa, msg.tpa);
    }
}

static void test_ip4(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        uint8_t header_len = (uint8_t)(20 + 4 * test_random_below(&seed, 11));
        struct ip4_hdr hdr, again;

        random_bytes(60);
        bytes[0] = (uint8_t)(0x40 | header_len / 4);
        bytes[2] = 0;
        if (bytes[3] < header_len)
            bytes[3] = header_len;
        bytes[10] = bytes[11] = 0;
        cs_set_be16(cs_of(bytes, 60), 10,
                    cksum_finish(cksum_partial(cs_ro_of(bytes, header_len), 0)));
        assert_int_equal(ip4_parse(&hdr, cs_ro_of(bytes, header_len), bytes[3]), IP4_OK);
        memcpy(out, bytes, 60);
        memset(out, 0, 20);
        ip4_emit(cs_of(out, header_len), &hdr);
        assert_memory_equal(out, bytes, header_len);
        assert_int_equal(ip4_parse(&again, cs_ro_of(out, header_len), bytes[3]), IP4_OK);
        assert_int_equal(again.src, hdr.src);
        assert_int_equal(again.flags_off, hdr.flags_off);
        /* A quote of it says the same. */
        assert_true(ip4_parse_quoted(&again, cs_ro_of(out, header_len)));
        assert_memory_equal(&again.src, &hdr.src, sizeof(hdr.src));
        assert_int_equal(again.total_len, hdr.total_len);
        assert_int_equal(again.protocol, hdr.protocol);
    }
}

static void test_icmp4(void **state)
{
    struct icmp4_hdr hdr;

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        random_bytes(8);
        assert_true(icmp4_parse(&hdr, cs_ro_of(bytes, 8)));
        icmp4_emit(cs_of(out, 8), &hdr);
        assert_memory_equal(out, bytes, 8);
    }
}

static void test_udp(void **state)
{
    struct udp_hdr hdr;

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        size_t avail = test_random_below(&seed, 65536);

        random_bytes(8);
        if (!udp_parse(&hdr, cs_ro_of(bytes, 8), avail)) {
            assert_true(bytes[4] * 256u + bytes[5] > avail || bytes[4] * 256u + bytes[5] < 8);
            continue;
        }
        udp_emit(cs_of(out, 8), &hdr);
        assert_memory_equal(out, bytes, 8);
    }
}

static void test_igmp(void **state)
{
    struct igmp_msg msg;

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        random_bytes(8);
        bytes[2] = bytes[3] = 0;
        cs_set_be16(cs_of(bytes, 8), 2, cksum_finish(cksum_partial(cs_ro_of(bytes, 8), 0)));
        assert_int_equal(igmp_parse(&msg, cs_ro_of(bytes, 8)), IGMP_OK);
        igmp_emit(cs_of(out, 8), &msg);
        assert_memory_equal(out, bytes, 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_eth),   cmocka_unit_test(test_arp), cmocka_unit_test(test_ip4),
        cmocka_unit_test(test_icmp4), cmocka_unit_test(test_udp), cmocka_unit_test(test_igmp),
    };

    seed = test_seed(0x77697265);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
