/* SPDX-License-Identifier: ISC */
/* test_tcp_pmtu.c - paths that carry less than the link: those that say so (tcp_icmp.c), and those
 * that do not (tcp_pmtu.c); and a link that comes to carry less. */
#include <stdlib.h>
#include <string.h>

#include "tcpip/tcp_priv.h"
#include "tcpip/wire/icmp4.h"
#include "tcpwire.h"

enum { PEER_SEQ = 101, FULL = 1460 };

static struct tcpwire w;
static tcp_t conn, listener;
static uint32_t iss; /* of our first byte */
static uint8_t bytes[65536];

static void end(void)
{
    assert_int_equal(tcp_abort(&w.tcp, conn, w.rig->now), 0);
    tcpwire_close(&w);
}

static void send(uint32_t n)
{
    assert_int_equal(tcp_send(&w.tcp, conn, cs_ro_of(bytes, n), w.rig->now), n);
    netrig_poll(w.rig);
}

static void ack(uint32_t n)
{
    tcpwire_in(&w,
               (struct tcp_frame){.seq = PEER_SEQ, .ack = iss + n, .flags = F_ACK, .wnd = 65535});
}

static void begin_mss(const struct tcp_tuning *tuning, uint16_t mss)
{
    struct tcp_frame syn = {.seq = PEER_SEQ - 1, .flags = F_SYN, .wnd = 65535, .mss = mss};

    tcpwire_open(&w, tuning);
    listener = tcpwire_listen(&w, 0);
    tcpwire_in(&w, syn);
    iss = tcpwire_out(&w).seq + 1;
    ack(0); /* opens the window, too */
    assert_int_equal(tcp_accept(&w.tcp, listener, &conn), 0);
}

static void begin(const struct tcp_tuning *tuning)
{
    begin_mss(tuning, FULL);
}

static uint32_t pmtu(void)
{
    struct tcp_info info;

    assert_int_equal(tcp_info(&w.tcp, conn, w.rig->now, &info), 0);
    return info.pmtu;
}

/* The longest segment sent since the last look; 0: none was. */
static uint32_t longest(void)
{
    struct tcpwire_seg seg;
    uint32_t most = 0;

    while (tcpwire_try_out(&w, &seg))
        most = seg.len > most ? seg.len : most;
    return most;
}

static void pass(uint64_t ns)
{
    for (; ns > 5 * NS_PER_S; ns -= 5 * NS_PER_S) {
        tcpwire_pass(&w, 5 * NS_PER_S);
        netrig_peer_answers(w.rig, NETRIG_PEER, NETRIG_PEER_MAC);
    }
    tcpwire_pass(&w, ns);
}

/* ---- black holes ---- */

/* Answers what is short enough, until all of `total` bytes are acknowledged. */
static void hole(uint32_t mtu, uint32_t total)
{
    uint32_t acked = 0;

    for (unsigned i = 0; i < 400 && acked < total; i++) {
        struct tcpwire_seg seg;
        bool moved = false;

        while (tcpwire_try_out(&w, &seg)) {
            uint32_t off = seg.seq - iss;

            if (seg.len + 40 <= mtu && off <= acked && off + seg.len > acked) {
                acked = off + seg.len;
                moved = true;
            }
        }
        if (moved)
            ack(acked);
        else
            pass(NS_PER_S);
    }
    assert_int_equal(acked, total);
}

static void test_a_path_that_swallows_full_segments_is_found(void **state)
{
    const uint32_t mtus[] = {1450, 1400, 1300, 1100, 600};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(mtus); i++) {
        begin(&tcp_tuning_default);
        send(4 * FULL);
        hole(mtus[i], 4 * FULL);
        assert_true(pmtu() <= mtus[i]);
        assert_true(w.tcp.stats.black_holes > 0);
        /* What comes after has no timeouts to pay. */
        longest();
        send(2000);
        assert_true(longest() <= mtus[i] - 40);
        ack(4 * FULL + 2000);
        end();
    }
}

/* RFC 8899 section 4.4: the path may have changed. */
static void test_the_former_length_is_tried_again_after_ten_minutes(void **state)
{
    (void)state;
    begin(&tcp_tuning_default);
    send(4 * FULL);
    hole(1450, 4 * FULL);
    assert_int_equal(pmtu(), 1400);
    pass(601 * NS_PER_S);
    longest();
    send(100);
    ack(4 * FULL + 100);
    assert_int_equal(pmtu(), 1500);
    send(3000);
    assert_int_equal(longest(), FULL);
    end();
}

static void test_small_segments_that_are_lost_say_nothing_of_lengths(void **state)
{
    (void)state;
    begin(&tcp_tuning_default);
    send(500);
    pass(60 * NS_PER_S);
    assert_int_equal(w.tcp.stats.black_holes, 0);
    assert_int_equal(pmtu(), 1500);
    end();
}

/* The peer takes short segments only: a step that would not shorten them finds out nothing, and
 * where no step does there is nothing to find. */
static void test_each_step_shortens_the_segments(void **state)
{
    (void)state;
    begin_mss(&tcp_tuning_default, 1000);
    send(3000);
    hole(900, 3000);
    assert_int_equal(w.tcp.stats.black_holes, 1);
    assert_int_equal(pmtu(), IP4_PATH_MTU_FLOOR);
    end();

    begin_mss(&tcp_tuning_default, IP4_PATH_MTU_FLOOR - 40);
    send(3000);
    pass(60 * NS_PER_S);
    assert_int_equal(w.tcp.stats.black_holes, 0);
    assert_int_equal(pmtu(), 1500);
    end();
}

static void test_two_losses_are_no_black_hole(void **state)
{
    (void)state;
    begin(&tcp_tuning_default);
    send(2 * FULL);
    while (w.tcp.stats.rtos < 2)
        pass(50 * NS_PER_MS);
    assert_int_equal(pmtu(), 1500);
    ack(2 * FULL);
    send(2 * FULL);
    while (w.tcp.stats.rtos < 4)
        pass(50 * NS_PER_MS);
    assert_int_equal(w.tcp.stats.black_holes, 0);
    end();
}

static void test_nothing_is_suspected_where_the_tuning_says_so(void **state)
{
    struct tcp_tuning tuning = tcp_tuning_default;

    (void)state;
    tuning.black_holes = false;
    begin(&tuning);
    send(2 * FULL);
    pass(100 * NS_PER_S);
    assert_int_equal(w.tcp.stats.black_holes, 0);
    assert_int_equal(longest(), FULL);
    end();
    /* Without DF whoever is in the way cuts it up. */
    tuning.black_holes = true;
    tuning.pmtu_discovery = false;
    begin(&tuning);
    send(2 * FULL);
    pass(100 * NS_PER_S);
    assert_int_equal(w.tcp.stats.black_holes, 0);
    end();
}

/* ---- the link ---- */

/* A DHCP server's renewal gives a shorter MTU (netif_mtu_limit): what is new and what is sent again
 * keeps to it, whole, whether path MTUs are looked for or not. */
static void test_a_link_that_becomes_narrower_is_seen(void **state)
{
    struct tcp_tuning tuning = tcp_tuning_default;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        tuning.pmtu_discovery = i == 0;
        begin(&tuning);
        send(2 * FULL);
        assert_int_equal(longest(), FULL);
        assert_int_equal(netif_mtu_limit(&w.rig->nif, 1000), 0);
        pass(NS_PER_S); /* lost: again */
        assert_int_equal(longest(), 960);
        ack(2 * FULL);
        send(4 * FULL);
        assert_int_equal(longest(), 960);
        assert_int_equal(pmtu(), 1000);
        assert_int_equal(w.rig->nif.stats.tx_fragments, 0);
        end();
    }
}

/* ---- ICMP ---- */

/* An ICMP error that quotes a segment of ours with this number. */
static void icmp(uint8_t type, uint8_t code, uint16_t mtu, uint32_t seq, uint16_t port)
{
    uint8_t message[8 + 20 + 8] = {type, code}, frame[128], *ip = message + 8, *tcp = ip + 20;
    struct netrig_ip outer = {.protocol = 1};

    netrig_put16(message + 6, mtu);
    ip[0] = 0x45;
    netrig_put16(ip + 2, 1500);
    netrig_put16(ip + 6, 0x4000);
    ip[8] = 60;
    ip[9] = 6;
    netrig_put32(ip + 12, NETRIG_US);
    netrig_put32(ip + 16, NETRIG_PEER);
    netrig_put16(ip + 10, netrig_checksum(ip, 20, 0));
    netrig_put16(tcp, TCPWIRE_PORT);
    netrig_put16(tcp + 2, port);
    netrig_put32(tcp + 4, seq);
    netrig_put16(message + 2, netrig_checksum(message, sizeof(message), 0));
    netrig_input(w.rig, frame, netrig_ip(frame, &outer, message, sizeof(message)));
    netrig_poll(w.rig);
}

static void test_only_what_is_in_flight_is_believed(void **state)
{
    (void)state;
    begin(&tcp_tuning_default);
    send(2 * FULL);
    icmp(3, 4, 1000, iss - 1, TCPWIRE_PEER_PORT);
    icmp(3, 4, 1000, iss + 2 * FULL, TCPWIRE_PEER_PORT);
    icmp(3, 4, 1000, iss, TCPWIRE_PEER_PORT + 1);
    assert_int_equal(w.tcp.stats.icmp_ignored, 3);
    assert_int_equal(pmtu(), 1500);
    icmp(3, 4, 1000, iss + FULL, TCPWIRE_PEER_PORT);
    assert_int_equal(pmtu(), 1000);
    assert_int_equal(w.tcp.stats.pmtu_changes, 1);
    icmp(3, 4, 1400, iss, TCPWIRE_PEER_PORT); /* never wider */
    assert_int_equal(pmtu(), 1000);
    end();
}

/* What a router said of the path holds for the next connection too (RFC 1191 section 6.3). */
static void test_the_path_is_remembered(void **state)
{
    struct tcpwire_seg synack;
    tcp_t other;

    (void)state;
    begin(&tcp_tuning_default);
    send(2 * FULL);
    icmp(3, 4, 1200, iss, TCPWIRE_PEER_PORT);
    tcpwire_skip(&w);
    synack = tcpwire_handshake(&w, 1001, 5000, false);
    assert_int_equal(tcp_accept(&w.tcp, listener, &other), 0);
    tcpwire_in(
        &w, (struct tcp_frame){
                .sport = 1001, .seq = 5001, .ack = synack.seq + 1, .flags = F_ACK, .wnd = 65535});
    tcpwire_skip(&w);
    assert_int_equal(tcp_send(&w.tcp, other, cs_ro_of(bytes, 5000), w.rig->now), 5000);
    netrig_poll(w.rig);
    assert_int_equal(longest(), 1160);
    tcp_abort(&w.tcp, other, w.rig->now);
    end();
}

/* RFC 5927 section 5.2: in a synchronised state an error is soft, and told once. */
static void test_errors_are_soft_once_established(void **state)
{
    const struct {
        uint8_t type, code;
        int error;
    } errors[] = {
        {3, 0, -E_HOSTUNREACH}, {3, 1, -E_HOSTUNREACH},  {3, 2, -E_CONNREFUSED},
        {3, 3, -E_CONNREFUSED}, {3, 13, -E_CONNREFUSED}, {11, 0, -E_HOSTUNREACH},
        {12, 0, -E_PROTO},
    };

    (void)state;
    begin(&tcp_tuning_default);
    send(FULL);
    for (unsigned i = 0; i < ARRAY_SIZE(errors); i++) {
        icmp(errors[i].type, errors[i].code, 0, iss, TCPWIRE_PEER_PORT);
        assert_false(tcp_ready(&w.tcp, conn) & TCP_READY_ERROR);
        assert_int_equal(tcp_error(&w.tcp, conn), errors[i].error);
        assert_int_equal(tcp_error(&w.tcp, conn), 0);
    }
    icmp(4, 0, 0, iss, TCPWIRE_PEER_PORT); /* source quench: RFC 6633 */
    assert_int_equal(tcp_error(&w.tcp, conn), 0);
    end();
}

/* It is the reason to give when the connection times out (RFC 1122 section 4.2.3.9). */
static void test_a_soft_error_is_told_at_the_end(void **state)
{
    struct tcp_tuning tuning = tcp_tuning_default;

    (void)state;
    tuning.data_retries = 2;
    begin(&tuning);
    send(FULL);
    icmp(3, 1, 0, iss, TCPWIRE_PEER_PORT);
    pass(20 * NS_PER_S);
    assert_int_equal(tcp_error(&w.tcp, conn), -E_HOSTUNREACH);
    assert_int_equal(w.tcp.stats.timed_out, 1);
    end();
}

static void test_a_half_open_one_is_given_up_by_its_own_number_only(void **state)
{
    struct tcpwire_seg synack;

    (void)state;
    begin(&tcp_tuning_default);
    tcpwire_in(&w, (struct tcp_frame){.sport = 2000, .seq = 7, .flags = F_SYN, .wnd = 1000});
    synack = tcpwire_out(&w);
    icmp(3, 1, 0, synack.seq + 1, 2000);
    assert_int_equal(tcp_usage(&w.tcp).syns, 1);
    icmp(3, 1, 0, synack.seq, 2000);
    assert_int_equal(tcp_usage(&w.tcp).syns, 0);
    end();
}

/* RFC 1122 section 4.2.3.9, RFC 5461; and what other stacks make of it. */
static void test_in_syn_sent_each_preset_believes_other_errors(void **state)
{
    enum { OURS = 1, LINUX_6 = 2, FREEBSD = 4 };
    const struct {
        uint8_t type, code, ends; /* where */
        int error;
    } errors[] = {
        {3, 0, LINUX_6, -E_HOSTUNREACH},
        {3, 1, LINUX_6, -E_HOSTUNREACH},
        {3, 2, OURS | LINUX_6 | FREEBSD, -E_CONNREFUSED},
        {3, 3, OURS | LINUX_6 | FREEBSD, -E_CONNREFUSED},
        {3, 5, LINUX_6, -E_HOSTUNREACH},
        {3, 9, OURS | LINUX_6 | FREEBSD, -E_CONNREFUSED},
        {3, 10, OURS | LINUX_6 | FREEBSD, -E_CONNREFUSED},
        {3, 13, OURS | LINUX_6 | FREEBSD, -E_CONNREFUSED},
        {11, 0, LINUX_6 | FREEBSD, -E_HOSTUNREACH},
        {11, 1, LINUX_6, -E_HOSTUNREACH},
        {12, 0, LINUX_6, -E_PROTO},
    };
    const struct tcp_tuning *const presets[] = {&tcp_tuning_default, &tcp_tuning_linux,
                                                &tcp_tuning_freebsd};
    struct tcp_connect_conf conf = {
        .src_port = TCPWIRE_PORT, .dst = NETRIG_PEER, .dst_port = TCPWIRE_PEER_PORT};

    (void)state;
    for (unsigned p = 0; p < ARRAY_SIZE(presets); p++) {
        tcpwire_open(&w, presets[p]);
        for (unsigned i = 0; i < ARRAY_SIZE(errors); i++) {
            bool ends = (errors[i].ends & 1u << p) != 0;
            struct tcpwire_seg syn;

            assert_int_equal(tcp_connect(&w.tcp, &conf, w.rig->now, &conn), 0);
            netrig_poll(w.rig);
            syn = tcpwire_out(&w);
            icmp(errors[i].type, errors[i].code, 0, syn.seq + 1, TCPWIRE_PEER_PORT);
            icmp(3, 4, 600, syn.seq, TCPWIRE_PEER_PORT); /* a SYN is never too long */
            assert_int_equal(tcp_ready(&w.tcp, conn), 0);
            icmp(errors[i].type, errors[i].code, 0, syn.seq, TCPWIRE_PEER_PORT);
            assert_int_equal(tcp_ready(&w.tcp, conn), ends ? TCP_READY_ERROR : 0);
            assert_int_equal(tcp_error(&w.tcp, conn), errors[i].error);
            tcp_abort(&w.tcp, conn, w.rig->now);
        }
        tcpwire_close(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_path_that_swallows_full_segments_is_found),
        cmocka_unit_test(test_the_former_length_is_tried_again_after_ten_minutes),
        cmocka_unit_test(test_small_segments_that_are_lost_say_nothing_of_lengths),
        cmocka_unit_test(test_each_step_shortens_the_segments),
        cmocka_unit_test(test_two_losses_are_no_black_hole),
        cmocka_unit_test(test_nothing_is_suspected_where_the_tuning_says_so),
        cmocka_unit_test(test_a_link_that_becomes_narrower_is_seen),
        cmocka_unit_test(test_only_what_is_in_flight_is_believed),
        cmocka_unit_test(test_the_path_is_remembered),
        cmocka_unit_test(test_errors_are_soft_once_established),
        cmocka_unit_test(test_a_soft_error_is_told_at_the_end),
        cmocka_unit_test(test_in_syn_sent_each_preset_believes_other_errors),
        cmocka_unit_test(test_a_half_open_one_is_given_up_by_its_own_number_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
