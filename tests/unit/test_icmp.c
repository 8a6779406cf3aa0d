/* SPDX-License-Identifier: ISC */
/* test_icmp.c - echoes, errors sent and received, path MTU (RFC 792, RFC 1122 section 3.2.2, RFC
 * 1191). */
#include <stdlib.h>
#include <string.h>

#include "netrig.h"
#include "support.h"
#include "tcpip/wire/icmp4.h"

static struct udp_sock sock;
static uint8_t frame[65536], data[65536];

static struct netrig *new_rig(void)
{
    struct netrig *rig = netrig_new(true);
    struct udp_conf conf = {.port = 5000, .broadcast = true};

    assert_int_equal(udp_open(&sock, &rig->nif, &conf), 0);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 5 + 1);
    return rig;
}

static void free_rig(struct netrig *rig)
{
    udp_close(&sock);
    netrig_free(rig);
}

static void test_parse_of_every_length(void **state)
{
    (void)state;
    for (size_t len = 0; len <= 64; len++) {
        uint8_t *block = calloc(1, len == 0 ? 1 : len);
        struct icmp4_hdr hdr;

        assert_int_equal(icmp4_parse(&hdr, cs_ro_of(block, len)), len >= 8);
        free(block);
    }
}

/* ---- echo ---- */

static void test_an_echo_reply_is_the_request_byte_for_byte(void **state)
{
    struct netrig *rig = new_rig();
    struct netrig_ip ip = {0};

    (void)state;
    for (size_t n = 0; n <= 1472; n += n < 70 ? 1 : 67) {
        size_t len = netrig_echo(frame, &ip, 0x1234, (uint16_t)n, data, n);
        const uint8_t *reply;

        netrig_clear(rig);
        netrig_input(rig, frame, len);
        assert_int_equal(rig->sent_count, 1);
        assert_int_equal(netrig_get48(netrig_last(rig)->bytes), NETRIG_PEER_MAC);
        reply = netrig_check_ip(netrig_last(rig), 1, NETRIG_US, NETRIG_PEER, &len);
        assert_int_equal(len, 8 + n);
        assert_int_equal(netrig_get16(reply), 0);
        assert_int_equal(netrig_checksum(reply, len, 0), 0);
        assert_int_equal(netrig_get32(reply + 4), 0x12340000u + n);
        assert_memory_equal(reply + 8, data, n);
    }
    assert_int_equal(rig->pool.stats.copied_bytes, 0);
    free_rig(rig);
}

/* All zero but the checksum, which is then 0xffff: by RFC 1624's equation it would be 0, which
 * does not verify. */
static void test_an_echo_reply_of_zeros_has_a_checksum_that_verifies(void **state)
{
    static const uint8_t zeros[56];
    struct netrig *rig = new_rig();
    struct netrig_ip ip = {0};

    (void)state;
    for (size_t n = 0; n <= sizeof(zeros); n++) {
        size_t len = netrig_echo(frame, &ip, 0, 0, zeros, n);
        const uint8_t *reply;

        netrig_input(rig, frame, len);
        reply = netrig_check_ip(netrig_last(rig), 1, NETRIG_US, NETRIG_PEER, &len);
        assert_int_equal(netrig_checksum(reply, len, 0), 0);
    }
    free_rig(rig);
}

static void test_a_shared_page_is_not_written(void **state)
{
    struct netrig *rig = new_rig();
    struct netrig_ip ip = {0};
    size_t len = netrig_echo(frame, &ip, 1, 1, data, 100);
    struct pkt *pkt = pkt_alloc(&rig->pool, 64, (uint32_t)len), *other;
    uint8_t *copy = malloc(PAGE_BYTES), *base = pkt->frag[0].page->base;

    (void)state;
    memcpy(base + 64, frame, len);
    memcpy(copy, base, PAGE_BYTES);
    other = pkt_share(pkt, 0, pkt->len);
    netif_input(&rig->nif, pkt, rig->now);
    assert_int_equal(rig->sent_count, 1);
    assert_memory_equal(copy, base, PAGE_BYTES);
    pkt_put(other);
    free(copy);
    free_rig(rig);
}

/* What a device said of the request's checksum does not hold for the reply's. */
static void test_a_reply_goes_out_with_its_checksum_in_it(void **state)
{
    struct netrig *rig = new_rig();
    struct netrig_ip ip = {0};

    (void)state;
    for (int csum = 0; csum < PKT_CSUM_STATES; csum++) {
        netrig_input_csum(rig, frame, netrig_echo(frame, &ip, 1, 1, data, 100),
                          (enum pkt_csum)csum);
        assert_int_equal(netrig_last(rig)->csum, PKT_CSUM_UNKNOWN);
    }
    free_rig(rig);
}

static void test_echoes_to_groups_are_not_answered(void **state)
{
    static const uint32_t groups[] = {IP4_BROADCAST, IP4_ADDR(10, 0, 0, 255),
                                      IP4_ADDR(224, 0, 0, 1)};
    struct netrig *rig = new_rig();
    struct netrig_ip ip = {.eth_dst = NETRIG_BROADCAST_MAC};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
        ip.dst = groups[i];
        netrig_input(rig, frame, netrig_echo(frame, &ip, 1, 1, data, 8));
    }
    assert_int_equal(rig->nif.stats.icmp_ignored, 3);
    assert_int_equal(rig->sent_count, 0);
    free_rig(rig);
}

static void test_a_wrong_checksum_is_noticed_wherever_it_comes_from(void **state)
{
    struct netrig *rig = new_rig();
    struct netrig_ip ip = {0};
    size_t len = netrig_echo(frame, &ip, 1, 1, data, 32);

    (void)state;
    for (size_t i = 34; i < len; i++) {
        frame[i] ^= 0x10;
        netrig_input(rig, frame, len);
        /* Devices vouch for TCP and UDP only. */
        netrig_input_csum(rig, frame, len, PKT_CSUM_VALIDATED);
        frame[i] ^= 0x10;
    }
    assert_int_equal(rig->nif.stats.icmp_checksum, 2 * (len - 34));
    assert_int_equal(rig->sent_count, 0);
    free_rig(rig);
}

static void test_short_messages_and_unknown_types(void **state)
{
    struct netrig *rig = new_rig();
    struct netrig_ip ip = {.protocol = 1};

    (void)state;
    for (size_t n = 0; n < 8; n++)
        netrig_input_exact(rig, frame, netrig_ip(frame, &ip, data, n));
    assert_int_equal(rig->nif.stats.icmp_malformed, 8);
    for (unsigned type = 0; type <= 0xff; type++) {
        uint8_t message[8] = {(uint8_t)type};

        netrig_put16(message + 2, netrig_checksum(message, 8, 0));
        netrig_input(rig, frame, netrig_ip(frame, &ip, message, 8));
    }
    assert_int_equal(rig->nif.stats.icmp_ignored, 255);
    assert_int_equal(rig->sent_count, 1);
    free_rig(rig);
}

/* ---- errors we send ---- */

static const uint8_t *last_error(struct netrig *rig, size_t *len)
{
    const uint8_t *icmp = netrig_check_ip(netrig_last(rig), 1, NETRIG_US, NETRIG_PEER, len);

    assert_int_equal(netrig_checksum(icmp, *len, 0), 0);
    return icmp;
}

static void test_a_closed_port_is_told_with_a_quote_of_bounded_length(void **state)
{
    static const size_t sizes[] = {0, 1, 8, 20, 28, 29, 100, 520, 548, 1000, 1472};
    struct netrig *rig = new_rig();
    struct netrig_ip ip = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        size_t len = netrig_udp(frame, &ip, 1, 9999, data, sizes[i]), n;
        const uint8_t *icmp;

        netrig_input(rig, frame, len);
        assert_int_equal(rig->sent_count, i + 1);
        icmp = last_error(rig, &n);
        assert_int_equal(netrig_get32(icmp) >> 16, 0x0303);
        assert_int_equal(netrig_get32(icmp + 4), 0);
        assert_memory_equal(icmp + 8, frame + 14, n - 8);
        assert_true(n - 8 >= 28);                   /* header and eight bytes: RFC 792 */
        assert_true(20 + n <= 576);                 /* RFC 1812 section 4.3.2.3 */
        assert_true(20 + n <= len - 14 || n == 36); /* and no amplifier */
        netrig_pass(rig, NS_PER_S / 10);
    }
    assert_int_equal(rig->nif.stats.icmp_errors_sent, ARRAY_SIZE(sizes));
    free_rig(rig);
}

static void test_rfc_1122_no_error_about(void **state)
{
    struct netrig *rig = new_rig();
    struct netrig_ip group = {.dst = IP4_ADDR(10, 0, 0, 255), .eth_dst = NETRIG_BROADCAST_MAC},
                     multicast = group;
    struct netrig_ip second = {.protocol = 99, .flags_off = 10},
                     nobody = {.src_any = true, .dst = IP4_BROADCAST};
    uint8_t unreachable[40] = {3, 3};
    struct netrig_ip error = {.protocol = 1};

    (void)state;
    netrig_input(rig, frame, netrig_udp(frame, &group, 1, 9999, data, 8)); /* a broadcast */
    multicast.dst = IP4_ADDR(224, 0, 0, 1);
    netrig_input(rig, frame, netrig_udp(frame, &multicast, 1, 9999, data, 8));
    netrig_input(rig, frame, netrig_udp(frame, &nobody, 1, 9999, data, 8));
    netrig_input(rig, frame, netrig_ip(frame, &second, data, 8)); /* a fragment but the first */
    netrig_put16(unreachable + 2, netrig_checksum(unreachable, 40, 0));
    netrig_input(rig, frame, netrig_ip(frame, &error, unreachable, 40)); /* an ICMP error */
    assert_int_equal(rig->sent_count, 0);
    free_rig(rig);
}

static void test_errors_are_limited_and_nobody_can_count_them(void **state)
{
    unsigned burst[2] = {0};
    struct netrig_ip ip = {0};

    (void)state;
    for (int key = 0; key < 2; key++) {
        struct netrig *rig = netrig_blank();
        unsigned second = 0;

        rig->conf.key[0] += (uint64_t)key;
        netrig_start(rig);
        netrig_add_us(rig);
        netrig_peer_answers(rig, NETRIG_PEER, NETRIG_PEER_MAC);
        netrig_pass(rig, 3 * NS_PER_S);
        netrig_clear(rig);
        for (int i = 0; i < 1000; i++)
            netrig_input(rig, frame, netrig_udp(frame, &ip, 1, 9999, data, 8));
        burst[key] = rig->sent_count;
        assert_in_range(burst[key], 34, 100);
        netrig_clear(rig);
        for (int ms = 0; ms < 10000; ms++) {
            rig->now += NS_PER_MS;
            netrig_input(rig, frame, netrig_udp(frame, &ip, 1, 9999, data, 8));
        }
        second = rig->sent_count / 10;
        assert_in_range(second, 80, 120);
        assert_int_equal(rig->nif.stats.icmp_rate + rig->nif.stats.icmp_errors_sent, 11000);
        netrig_free(rig);
    }
}

/* ---- errors we get ---- */

/* An ICMP message about a UDP datagram of ours. */
static size_t error_about(uint8_t *out, uint8_t type, uint8_t code, uint32_t rest, uint32_t src,
                          uint32_t dst, uint16_t port, uint16_t flags_off, uint32_t total)
{
    struct netrig_ip ours = {.src = src, .dst = dst, .protocol = 17, .flags_off = flags_off},
                     ip = {.protocol = 1};
    uint8_t quoted[100], message[100];

    netrig_put16(data, port);
    netrig_ip(quoted, &ours, data, 8);
    netrig_put16(quoted + 16, total);
    message[0] = type;
    message[1] = code;
    netrig_put16(message + 2, 0);
    netrig_put32(message + 4, rest);
    memcpy(message + 8, quoted + 14, 28);
    netrig_put16(message + 2, netrig_checksum(message, 36, 0));
    return netrig_ip(out, &ip, message, 36);
}

static void test_errors_reach_the_socket_that_sent(void **state)
{
    static const struct {
        uint8_t type, code;
        int error;
    } cases[] = {{3, 0, -E_HOSTUNREACH},  {3, 1, -E_HOSTUNREACH}, {3, 2, -E_CONNREFUSED},
                 {3, 3, -E_CONNREFUSED},  {3, 5, -E_HOSTUNREACH}, {3, 13, -E_HOSTUNREACH},
                 {11, 0, -E_HOSTUNREACH}, {12, 0, -E_PROTO}};
    const uint32_t far = IP4_ADDR(8, 8, 8, 8);
    struct netrig *rig = new_rig();

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        netrig_input(
            rig, frame,
            error_about(frame, cases[i].type, cases[i].code, 0, NETRIG_US, far, 5000, 0, 100));
        assert_int_equal(udp_error(&sock), cases[i].error);
        assert_int_equal(udp_error(&sock), 0);
    }
    assert_int_equal(rig->nif.stats.icmp_errors_received, ARRAY_SIZE(cases));
    /* Not ours: another source, another port, a later fragment; redirects and source quenches
     * change nothing. */
    netrig_input(rig, frame, error_about(frame, 3, 3, 0, NETRIG_PEER, far, 5000, 0, 100));
    netrig_input(rig, frame, error_about(frame, 3, 3, 0, NETRIG_US, far, 5001, 0, 100));
    netrig_input(rig, frame, error_about(frame, 3, 3, 0, NETRIG_US, far, 5000, 1, 100));
    netrig_input(rig, frame, error_about(frame, 5, 1, NETRIG_PEER, NETRIG_US, far, 5000, 0, 100));
    netrig_input(rig, frame, error_about(frame, 4, 0, 0, NETRIG_US, far, 5000, 0, 100));
    assert_int_equal(udp_error(&sock), 0);
    assert_int_equal(rig->nif.stats.icmp_ignored, 5);
    assert_int_equal(rig->nif.route_count, 1);
    assert_int_equal(rig->sent_count, 0);
    free_rig(rig);
}

static void test_quotes_cut_short_at_every_byte(void **state)
{
    struct netrig *rig = new_rig();
    struct netrig_ip ip = {.protocol = 1};
    size_t len = error_about(frame, 3, 3, 0, NETRIG_US, NETRIG_PEER, 5000, 0, 100) - 34;
    uint8_t message[100];

    (void)state;
    memcpy(message, frame + 34, len);
    for (size_t n = 8; n <= len; n++) {
        netrig_put16(message + 2, 0);
        netrig_put16(message + 2, netrig_checksum(message, n, 0));
        netrig_input_exact(rig, frame, netrig_ip(frame, &ip, message, n));
        assert_int_equal(udp_error(&sock), n >= 8 + 20 + 2 ? -E_CONNREFUSED : 0);
    }
    free_rig(rig);
}

/* ---- path MTU ---- */

static unsigned frames_for(struct netrig *rig, uint32_t dst, size_t n, bool *df)
{
    struct udp_meta meta = {.dst = dst, .dst_port = 9};
    struct pkt *pkt = pkt_alloc(&rig->pool, PKT_HEADROOM_BYTES, (uint32_t)n);

    netrig_clear(rig);
    memset(pkt->frag[0].page->base, 0, PAGE_BYTES);
    assert_int_equal(udp_send(&sock, &meta, pkt, rig->now), 0);
    *df = (netrig_get16(rig->sent[0].bytes + 20) & 0x4000) != 0;
    return rig->sent_count;
}

static void test_a_narrow_path_is_learnt_kept_and_forgotten(void **state)
{
    struct netrig *rig = new_rig();
    bool df;

    (void)state;
    assert_int_equal(frames_for(rig, NETRIG_PEER, 1472, &df), 1);
    assert_true(df);
    netrig_input(rig, frame,
                 error_about(frame, 3, 4, 1000, NETRIG_US, NETRIG_PEER, 5000, 0x4000, 1500));
    assert_int_equal(udp_error(&sock), -E_MSGSIZE);
    assert_int_equal(frames_for(rig, NETRIG_PEER, 1472, &df), 2);
    assert_false(df);
    assert_true(rig->sent[0].len <= 1014);
    assert_int_equal(frames_for(rig, NETRIG_PEER, 972, &df), 1);
    assert_true(df);
    /* An answer never widens the path (RFC 1191 section 3). */
    netrig_input(rig, frame,
                 error_about(frame, 3, 4, 1400, NETRIG_US, NETRIG_PEER, 5000, 0x4000, 1500));
    assert_int_equal(frames_for(rig, NETRIG_PEER, 1472, &df), 2);
    netrig_pass(rig, 600 * NS_PER_S); /* section 6.3 */
    netrig_peer_answers(rig, NETRIG_PEER, NETRIG_PEER_MAC);
    assert_int_equal(frames_for(rig, NETRIG_PEER, 1472, &df), 1);
    free_rig(rig);
}

static void test_the_floor_of_a_path_is_552(void **state)
{
    static const uint32_t mtus[] = {1, 67, 68, 296, 540};
    struct netrig *rig = new_rig();
    bool df;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(mtus); i++) {
        netrig_input(rig, frame,
                     error_about(frame, 3, 4, mtus[i], NETRIG_US, NETRIG_PEER, 5000, 0x4000, 1500));
        assert_int_equal(frames_for(rig, NETRIG_PEER, 1472, &df), 3);
        assert_int_equal(rig->sent[0].len, 14 + 20 + 528);
    }
    free_rig(rig);
}

static void test_a_router_that_does_not_say_how_much_fits(void **state)
{
    struct netrig *rig = new_rig();
    bool df;

    (void)state;
    netrig_input(rig, frame,
                 error_about(frame, 3, 4, 0, NETRIG_US, NETRIG_PEER, 5000, 0x4000, 1500));
    frames_for(rig, NETRIG_PEER, 1472, &df);
    assert_true(rig->sent[0].len <= 14 + 1492 && rig->sent[0].len > 14 + 1400);
    netrig_input(rig, frame,
                 error_about(frame, 3, 4, 0, NETRIG_US, NETRIG_PEER, 5000, 0x4000, 1492));
    frames_for(rig, NETRIG_PEER, 1472, &df);
    assert_true(rig->sent[0].len <= 14 + 1006 && rig->sent[0].len > 14 + 900);
    free_rig(rig);
}

static void test_made_up_narrow_paths_are_not_believed(void **state)
{
    struct netrig *rig = new_rig();
    bool df;

    (void)state;
    /* No socket of that port; a packet that might be cut; one that would have fitted. */
    netrig_input(rig, frame,
                 error_about(frame, 3, 4, 600, NETRIG_US, NETRIG_PEER, 5001, 0x4000, 1500));
    netrig_input(rig, frame, error_about(frame, 3, 4, 600, NETRIG_US, NETRIG_PEER, 5000, 0, 1500));
    netrig_input(rig, frame,
                 error_about(frame, 3, 4, 600, NETRIG_US, NETRIG_PEER, 5000, 0x4000, 500));
    assert_int_equal(frames_for(rig, NETRIG_PEER, 1472, &df), 1);
    assert_int_equal(rig->nif.stats.path_mtu_changes, 0);
    /* And the table is bounded. */
    for (uint32_t i = 0; i < 1000; i++)
        netrig_input(
            rig, frame,
            error_about(frame, 3, 4, 600, NETRIG_US, IP4_ADDR(8, 0, 0, 0) + i, 5000, 0x4000, 1500));
    assert_int_equal(rig->nif.path_mtu_count, NETIF_PATH_MTUS_MAX);
    free_rig(rig);
}

static void test_a_reply_of_the_same_length_comes_back_in_fragments_on_a_narrow_path(void **state)
{
    struct netrig *rig = new_rig();
    struct netrig_ip ip = {.flags_off = 0x4000};

    (void)state;
    netrig_input(rig, frame,
                 error_about(frame, 3, 4, 1000, NETRIG_US, NETRIG_PEER, 5000, 0x4000, 1500));
    netrig_input(rig, frame, netrig_echo(frame, &ip, 1, 1, data, 1472));
    assert_int_equal(rig->sent_count, 2);
    free_rig(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_of_every_length),
        cmocka_unit_test(test_an_echo_reply_is_the_request_byte_for_byte),
        cmocka_unit_test(test_an_echo_reply_of_zeros_has_a_checksum_that_verifies),
        cmocka_unit_test(test_a_shared_page_is_not_written),
        cmocka_unit_test(test_a_reply_goes_out_with_its_checksum_in_it),
        cmocka_unit_test(test_echoes_to_groups_are_not_answered),
        cmocka_unit_test(test_a_wrong_checksum_is_noticed_wherever_it_comes_from),
        cmocka_unit_test(test_short_messages_and_unknown_types),
        cmocka_unit_test(test_a_closed_port_is_told_with_a_quote_of_bounded_length),
        cmocka_unit_test(test_rfc_1122_no_error_about),
        cmocka_unit_test(test_errors_are_limited_and_nobody_can_count_them),
        cmocka_unit_test(test_errors_reach_the_socket_that_sent),
        cmocka_unit_test(test_quotes_cut_short_at_every_byte),
        cmocka_unit_test(test_a_narrow_path_is_learnt_kept_and_forgotten),
        cmocka_unit_test(test_the_floor_of_a_path_is_552),
        cmocka_unit_test(test_a_router_that_does_not_say_how_much_fits),
        cmocka_unit_test(test_made_up_narrow_paths_are_not_believed),
        cmocka_unit_test(test_a_reply_of_the_same_length_comes_back_in_fragments_on_a_narrow_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
