/* SPDX-License-Identifier: ISC */
/* Tests of netfront_wire.h and netfront_frame.c: slots byte for byte, flags of each direction,
 * where headers end. */
#include "support.h"

#include <cmocka.h>

#include "netfront/netfront_priv.h"

static void test_tx_request_bytes(void **state)
{
    const uint8_t want[12] = {0x44, 0x33, 0x22, 0x11, 0x66, 0x55,
                              0x88, 0x77, 0xaa, 0x99, 0xcc, 0xbb};
    uint8_t slot[13];
    struct netif_tx_request xen;

    (void)state;
    memset(slot, 0xee, sizeof(slot));
    netfront_tx_req_put(
        slot,
        (struct netfront_tx_req){
            .gref = 0x11223344, .offset = 0x5566, .txf = 0x7788, .id = 0x99aa, .size = 0xbbcc});
    assert_memory_equal(slot, want, sizeof(want));
    assert_int_equal(slot[12], 0xee);
    memcpy(&xen, slot, sizeof(xen));
    assert_int_equal(xen.gref, 0x11223344);
    assert_int_equal(xen.offset, 0x5566);
    assert_int_equal(xen.flags, 0x7788);
    assert_int_equal(xen.id, 0x99aa);
    assert_int_equal(xen.size, 0xbbcc);
}

/* XSA-216: padding of a request does not carry stale bytes to the backend. */
static void test_rx_request_padding_is_zero(void **state)
{
    const uint8_t want[8] = {0x34, 0x12, 0, 0, 0x44, 0x33, 0x22, 0x11};
    uint8_t slot[9];

    (void)state;
    memset(slot, 0xee, sizeof(slot));
    netfront_rx_req_put(slot, 0x1234, 0x11223344);
    assert_memory_equal(slot, want, sizeof(want));
    assert_int_equal(slot[8], 0xee);
}

static void test_responses_parse(void **state)
{
    _Alignas(8) const uint8_t rx[8] = {1, 2, 3, 4, 5, 6, 0xfe, 0xff};
    _Alignas(8) const uint8_t tx[12] = {1, 2, 0xff, 0xff, 9, 9, 9, 9, 9, 9, 9, 9};
    struct netfront_rx_rsp rx_rsp = netfront_rx_rsp_get(rx);
    struct netfront_tx_rsp tx_rsp = netfront_tx_rsp_get(tx);

    (void)state;
    assert_int_equal(rx_rsp.id, 0x0201);
    assert_int_equal(rx_rsp.offset, 0x0403);
    assert_int_equal(rx_rsp.rxf, 0x0605);
    assert_int_equal(rx_rsp.status, NETIF_RSP_DROPPED);
    assert_int_equal(tx_rsp.id, 0x0201);
    assert_int_equal(tx_rsp.status, NETIF_RSP_ERROR);
}

/* io/netif.h: bits 0 and 1 change places between transmit requests and receive responses. */
static void test_flags_are_swapped_between_directions(void **state)
{
    (void)state;
    assert_int_equal(TXF_CSUM_BLANK, 1);
    assert_int_equal(TXF_DATA_VALIDATED, 2);
    assert_int_equal(RXF_DATA_VALIDATED, 1);
    assert_int_equal(RXF_CSUM_BLANK, 2);
    assert_string_equal(netfront_tx_flag_name(1), "TXF_CSUM_BLANK");
    assert_string_equal(netfront_rx_flag_name(1), "RXF_DATA_VALIDATED");
    assert_string_equal(netfront_rx_flag_name(16), "RXF_GSO_PREFIX");
    assert_string_equal(netfront_rx_flag_name(32), "?");
}

/* ---- headers --------------------------------------------------------------------------------- */

/* A frame: Ethernet type, IPv4 first byte, fragment field, protocol, and TCP's data offset byte if
 * there is one. */
static void make(uint8_t frame[134], uint16_t type, uint8_t vihl, uint16_t fragment,
                 uint8_t protocol, uint8_t doff)
{
    struct cs v = cs_of(frame, 134);
    size_t l4 = 14 + 4u * (vihl & 15u);

    memset(frame, 0, 134);
    cs_set_be16(v, 12, type);
    cs_set_u8(v, 14, vihl);
    cs_set_be16(v, 20, fragment);
    cs_set_u8(v, 23, protocol);
    if (protocol == 6)
        cs_set_u8(v, l4 + 12, (uint8_t)(doff << 4));
}

static void test_headers_end_and_checksum_field(void **state)
{
    static const struct {
        uint16_t type;
        uint8_t vihl;
        uint16_t fragment;
        uint8_t protocol, doff;
        uint32_t need;
        uint16_t start, off;
    } cases[] = {
        {0x0800, 0x45, 0, 17, 0, 42, 34, 6},
        {0x0800, 0x45, 0x4000, 17, 0, 42, 34, 6}, /* don't fragment */
        {0x0800, 0x4f, 0, 17, 0, 82, 74, 6},
        {0x0800, 0x45, 0, 6, 5, 54, 34, 16},
        {0x0800, 0x45, 0, 6, 15, 94, 34, 16},
        {0x0800, 0x4f, 0, 6, 15, 134, 74, 16},
        {0x0800, 0x45, 0, 6, 0, 54, 34,
         16}, /* a data offset below 5 is no reason to look less far */
        {0x0800, 0x45, 0x2000, 17, 0, 42, 0,
         0}, /* first fragment: headers, but no whole datagram to sum */
        {0x0800, 0x45, 0x0001, 17, 0, 34, 0, 0}, /* later fragment */
        {0x0800, 0x45, 0x1fff, 6, 5, 34, 0, 0},
        {0x0800, 0x45, 0, 1, 0, 34, 0, 0}, /* ICMP */
        {0x0800, 0x44, 0, 17, 0, 34, 0, 0},
        {0x0800, 0x40, 0, 17, 0, 34, 0, 0},
        {0x0800, 0x55, 0, 17, 0, 34, 0, 0},
        {0x0800, 0x65, 0, 17, 0, 34, 0, 0},
        {0x0806, 0x45, 0, 17, 0, 14, 0, 0},
        {0x86dd, 0x60, 0, 17, 0, 14, 0, 0},
        {0x8100, 0x45, 0, 17, 0, 14, 0, 0},
    };
    uint8_t frame[134];

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        struct netfront_l4 l4 = {9, 9};

        make(frame, cases[i].type, cases[i].vihl, cases[i].fragment, cases[i].protocol,
             cases[i].doff);
        assert_int_equal(netfront_headers(cs_ro_of(frame, sizeof(frame)), &l4), cases[i].need);
        assert_int_equal(l4.start, cases[i].start);
        assert_int_equal(l4.off, cases[i].off);
    }
}

/* Every length of what is seen: never a read past it (exactly-sized heap blocks), and asking again
 * gets to the same end. */
static void test_headers_of_every_length(void **state)
{
    uint8_t frame[134];
    struct netfront_l4 l4;

    (void)state;
    for (unsigned vihl = 0; vihl < 256; vihl++) {
        make(frame, 0x0800, (uint8_t)vihl, 0, vihl & 16 ? 6 : 17, 15);
        uint32_t end = netfront_headers(cs_ro_of(frame, sizeof(frame)), &l4);
        for (size_t len = 0; len <= sizeof(frame); len++) {
            uint8_t *exact = test_malloc(len + 1);
            uint32_t need = 0, steps = 0;

            memcpy(exact + 1, frame, len);
            need = netfront_headers(cs_ro_of(exact + 1, len), &l4);
            if (len < end)
                assert_true(need > len && need <= end);
            else
                assert_int_equal(need, end);
            while (need < end && steps < 5) {
                uint32_t more = netfront_headers(cs_ro_of(frame, need), &l4);

                assert_true(more > need);
                need = more;
                steps++;
            }
            assert_true(steps < 5);
            test_free(exact);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tx_request_bytes),
        cmocka_unit_test(test_rx_request_padding_is_zero),
        cmocka_unit_test(test_responses_parse),
        cmocka_unit_test(test_flags_are_swapped_between_directions),
        cmocka_unit_test(test_headers_end_and_checksum_field),
        cmocka_unit_test(test_headers_of_every_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
