/* SPDX-License-Identifier: ISC */
/* test_eth.c - tcpip/wire/eth.h, and frames that end before they begin. */
#include <stdlib.h>
#include <string.h>

#include "netrig.h"
#include "tcpip/wire/eth.h"

static void test_parse_wants_fourteen_bytes_exactly(void **state)
{
    (void)state;
    for (size_t len = 0; len <= 64; len++) {
        uint8_t *block = calloc(1, len == 0 ? 1 : len);
        struct eth_hdr hdr;

        assert_int_equal(eth_parse(&hdr, cs_ro_of(block, len)), len >= 14);
        free(block);
    }
}

static void test_fields_lie_where_rfc_894_says(void **state)
{
    static const uint8_t bytes[14] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0x08, 0x06};
    uint8_t out[14];
    struct eth_hdr hdr;

    (void)state;
    assert_true(eth_parse(&hdr, cs_ro_of(bytes, 14)));
    assert_int_equal(hdr.dst, 0x010203040506);
    assert_int_equal(hdr.src, 0x0708090a0b0c);
    assert_int_equal(hdr.type, ETH_TYPE_ARP);
    eth_emit(cs_of(out, 14), &hdr);
    assert_memory_equal(out, bytes, 14);
}

static void test_macs(void **state)
{
    static const uint8_t bytes[6] = {0, 0x16, 0x3e, 1, 2, 3};
    uint8_t out[6];

    (void)state;
    assert_int_equal(eth_mac_of_bytes(bytes), 0x00163e010203);
    eth_mac_to_bytes(0x00163e010203, out);
    assert_memory_equal(out, bytes, 6);
    assert_false(eth_mac_is_group(0x00163e010203));
    assert_true(eth_mac_is_group(0x01005e000001));
    assert_true(eth_mac_is_group(ETH_MAC_BROADCAST));
    /* RFC 1112 section 6.4: the low 23 bits only. */
    assert_int_equal(eth_mac_of_group(IP4_ADDR(239, 255, 0, 1)), 0x01005e7f0001);
    assert_int_equal(eth_mac_of_group(IP4_ADDR(224, 127, 0, 1)), 0x01005e7f0001);
}

static void test_frames_shorter_than_a_header_are_dropped(void **state)
{
    struct netrig *rig = netrig_new(false);
    uint8_t bytes[14] = {2, 0, 0, 0, 0, 1};

    (void)state;
    for (size_t len = 0; len < 14; len++)
        netrig_input_exact(rig, bytes, len);
    assert_int_equal(rig->nif.stats.eth_short, 14);
    assert_int_equal(rig->sent_count, 0);
    netrig_free(rig);
}

static void test_frames_for_other_stations_and_of_other_types_are_dropped(void **state)
{
    struct netrig *rig = netrig_new(false);
    struct netrig_ip ip = {.eth_dst = NETRIG_PEER_MAC};
    uint8_t frame[64], data[8] = {0};
    size_t len = netrig_echo(frame, &ip, 1, 1, data, 8);

    (void)state;
    netrig_input(rig, frame, len);
    assert_int_equal(rig->nif.stats.eth_not_ours, 1);
    ip.eth_dst = 0;
    len = netrig_echo(frame, &ip, 1, 1, data, 8);
    netrig_put16(frame + 12, 0x86dd);
    netrig_input(rig, frame, len);
    netrig_put16(frame + 12, 46); /* an IEEE 802.3 length */
    netrig_input(rig, frame, len);
    assert_int_equal(rig->nif.stats.eth_type, 2);
    assert_int_equal(rig->sent_count, 0);
    netrig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_wants_fourteen_bytes_exactly),
        cmocka_unit_test(test_fields_lie_where_rfc_894_says),
        cmocka_unit_test(test_macs),
        cmocka_unit_test(test_frames_shorter_than_a_header_are_dropped),
        cmocka_unit_test(test_frames_for_other_stations_and_of_other_types_are_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
