/* SPDX-License-Identifier: ISC */
/* test_tcp_out.c - what leaves, when, and in what segments (RFC 9293 sections 3.7.4, 3.8.6.2.1). */
#include "tcpouttest.h"

/* ---- segments ---- */

static void test_full_segments_and_push_at_the_end(void **state)
{
    (void)state;
    begin(&tcp_tuning_default, 65535);
    write_and_poll(3 * MSS + 100);
    expect(0, MSS, F_ACK);
    expect(MSS, MSS, F_ACK);
    expect(2 * MSS, MSS, F_ACK);
    expect(3 * MSS, 100, F_ACK | F_PSH);
    tcpwire_quiet(&w);
    end();
}

static void test_nothing_leaves_before_the_poll(void **state)
{
    (void)state;
    begin(&tcp_tuning_default, 65535);
    send(100);
    send(100);
    tcpwire_quiet(&w);
    assert_true(netif_arm(&w.rig->nif));
    netrig_poll(w.rig);
    expect(0, 200, F_ACK | F_PSH);
    assert_false(netif_arm(&w.rig->nif));
    end();
}

static void test_initial_window_is_ten(void **state)
{
    (void)state;
    begin(&tcp_tuning_default, 65535);
    write_and_poll(12 * MSS);
    assert_int_equal(tcpwire_skip(&w), 10);
    ack(MSS, 65535); /* slow start: one that left, and one more */
    expect(10 * MSS, MSS, F_ACK);
    expect(11 * MSS, MSS, F_ACK | F_PSH);
    end();
}

/* Sequence numbers go round (RFC 9293 section 3.4): an ISN right before the end of them. */
static void test_numbers_go_round(void **state)
{
    struct tcp_key key = {NETRIG_US, NETRIG_PEER, TCPWIRE_PORT, TCPWIRE_PEER_PORT};
    uint32_t isn;

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    isn = tcp_isn(&w.tcp, &key, w.rig->now);
    tcpwire_pass(&w, (uint64_t)(0xfffffff0u - isn) * 4 * NS_PER_US / 1);
    for (unsigned i = 0; i < 64 && tcp_isn(&w.tcp, &key, w.rig->now) < 0xffff0000u; i++)
        tcpwire_pass(&w, (uint64_t)(0xfffffff0u - tcp_isn(&w.tcp, &key, w.rig->now)) * 100);
    netrig_peer_answers(w.rig, NETRIG_PEER, NETRIG_PEER_MAC);
    tcpwire_skip(&w);
    accept_one(65535);
    assert_true(iss > 0xffff0000u);
    for (uint32_t at = 0; at < 100000; at += 10 * 1000) {
        write_and_poll(10 * 1000);
        for (uint32_t i = 0; i < 6; i++)
            expect(at + i * MSS, MSS, F_ACK);
        expect(at + 6 * MSS, 10 * 1000 - 6 * MSS, F_ACK | F_PSH);
        ack(at + 10 * 1000, 65535);
        tcpwire_quiet(&w);
        assert_int_equal(tcp_usage(&w.tcp).segs, 0);
        assert_int_equal(tcp_usage(&w.tcp).chunks, 0);
    }
    assert_true(priv()->snd_nxt < 0x80000000u);
    end();
}

static void test_timestamps_take_their_room(void **state)
{
    tcp_t listener;
    struct tcpwire_seg seg;

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    listener = tcpwire_listen(&w, 0);
    synack = tcpwire_handshake(&w, TCPWIRE_PEER_PORT, PEER_SEQ - 1, true);
    iss = synack.seq + 1;
    assert_int_equal(tcp_accept(&w.tcp, listener, &conn), 0);
    write_and_poll(3000);
    seg = expect(0, 1448, F_ACK);
    assert_true(seg.ts && seg.options_len == 12);
    assert_int_equal(seg.tsecr, 1001);
    expect(1448, 1448, F_ACK);
    expect(2896, 104, F_ACK | F_PSH);
    end();
}

/* SACK blocks make segments shorter, but never so short that nothing is left (CVE-2019-11479). */
static void test_sack_blocks_leave_room_for_text(void **state)
{
    (void)state;
    for (uint32_t mss = 8; mss <= 100; mss++) {
        tcp_t listener;
        struct tcpwire_seg seg;

        tcpwire_open(&w, &tcp_tuning_default);
        listener = tcpwire_listen(&w, 0);
        synack = tcpwire_handshake(&w, TCPWIRE_PEER_PORT, PEER_SEQ - 1, true);
        iss = synack.seq + 1;
        assert_int_equal(tcp_accept(&w.tcp, listener, &conn), 0);
        for (uint32_t i = 1; i <= 4; i++)
            tcpwire_in(&w, (struct tcp_frame){.seq = PEER_SEQ + 100 * i,
                                              .ack = iss,
                                              .flags = F_ACK,
                                              .wnd = 500,
                                              .ts = true,
                                              .tsval = 1002,
                                              .tsecr = synack.tsval,
                                              .len = 50});
        tcpwire_skip(&w);
        priv()->mss = mss;
        write_and_poll(200);
        seg = tcpwire_out(&w);
        assert_true(seg.len >= 8 && seg.len + seg.options_len <= mss + 12);
        assert_int_equal(seg.options_len > 12, mss >= 28 + 8);
        end();
    }
}

/* ---- the peer's window (RFC 9293 section 3.8.6.2.1) ---- */

static void test_no_small_segment_for_the_rest_of_a_window(void **state)
{
    (void)state;
    begin(&tcp_tuning_default, 4000);
    write_and_poll(6000);
    expect(0, MSS, F_ACK);
    expect(MSS, MSS, F_ACK);
    tcpwire_quiet(&w); /* 1,080 would fit */
    ack(2 * MSS, 4000);
    expect(2 * MSS, MSS, F_ACK);
    expect(3 * MSS, MSS, F_ACK);
    expect(4 * MSS, 160, F_ACK | F_PSH); /* all there is: it fits, and no small one is out */
    end();
}

static void test_all_that_is_left_goes_where_it_fits(void **state)
{
    (void)state;
    begin(&tcp_tuning_default, 4000);
    write_and_poll(2 * MSS + 500);
    expect(0, MSS, F_ACK);
    expect(MSS, MSS, F_ACK);
    expect(2 * MSS, 500, F_ACK | F_PSH);
    end();
}

/* Linux bounds its segments by half the largest window; FreeBSD sends what is at least that
 * much. */
static void test_small_windows_as_linux(void **state)
{
    (void)state;
    begin(&tcp_tuning_linux, 1000);
    /* The handshake's window was 500: not above 536, so taken whole, then half of 1,000. */
    write_and_poll(3000);
    expect(0, 500, F_ACK);
    expect(500, 500, F_ACK | F_PSH); /* the end of what would be a super-segment */
    tcpwire_quiet(&w);
    ack(500, 999); /* 499 left: less than a segment */
    tcpwire_quiet(&w);
    ack(1000, 1000);
    expect(1000, 500, F_ACK);
    expect(1500, 500, F_ACK | F_PSH);
    end();
}

static void test_small_windows_as_freebsd(void **state)
{
    (void)state;
    begin(&tcp_tuning_freebsd, 1000);
    write_and_poll(3000);
    expect(0, 1000, F_ACK);
    tcpwire_quiet(&w);
    ack(1000, 499);
    tcpwire_quiet(&w);
    ack(1000, 500);
    expect(1000, 500, F_ACK);
    end();
}

static void test_window_that_shrank_lets_nothing_out(void **state)
{
    (void)state;
    begin(&tcp_tuning_default, 5 * MSS);
    write_and_poll(4 * MSS);
    assert_int_equal(tcpwire_skip(&w), 4);
    ack(MSS, MSS); /* right edge from 5 to 2 segments */
    send(2 * MSS);
    netrig_poll(w.rig);
    tcpwire_quiet(&w);
    ack(4 * MSS, 2 * MSS);
    expect(4 * MSS, MSS, F_ACK);
    expect(5 * MSS, MSS, F_ACK | F_PSH);
    end();
}

/* ---- Nagle (RFC 9293 section 3.7.4) ---- */

static void test_small_waits_behind_small(void **state)
{
    (void)state;
    begin(&tcp_tuning_default, 65535);
    write_and_poll(100);
    expect(0, 100, F_ACK | F_PSH);
    write_and_poll(100);
    write_and_poll(100);
    tcpwire_quiet(&w);
    ack(100, 65535);
    expect(100, 200, F_ACK | F_PSH);
    end();
}

/* Minshall's change: a small one behind full ones goes; classic: it waits. */
static void test_small_behind_full_ones(void **state)
{
    struct tcp_tuning classic = tcp_tuning_default;

    (void)state;
    classic.minshall = false;
    begin(&tcp_tuning_default, 65535);
    write_and_poll(2 * MSS);
    assert_int_equal(tcpwire_skip(&w), 2);
    write_and_poll(100);
    expect(2 * MSS, 100, F_ACK | F_PSH);
    end();

    written = 0;
    begin(&classic, 65535);
    write_and_poll(2 * MSS + 50); /* idle when the round began: all goes */
    assert_int_equal(tcpwire_skip(&w), 3);
    write_and_poll(MSS + 100);
    expect(2 * MSS + 50, MSS, F_ACK);
    tcpwire_quiet(&w);
    ack(3 * MSS + 50, 65535);
    expect(3 * MSS + 50, 100, F_ACK | F_PSH);
    end();
}

static void test_nodelay(void **state)
{
    (void)state;
    begin(&tcp_tuning_default, 65535);
    assert_int_equal(tcp_set(&w.tcp, conn, TCP_OPT_NODELAY, 1, w.rig->now), 0);
    for (uint32_t i = 0; i < 3; i++) {
        write_and_poll(100);
        expect(100 * i, 100, F_ACK | F_PSH);
    }
    end();
}

static void test_nodelay_set_late_lets_go(void **state)
{
    (void)state;
    begin(&tcp_tuning_default, 65535);
    write_and_poll(100);
    write_and_poll(100);
    assert_int_equal(tcpwire_skip(&w), 1);
    assert_int_equal(tcp_set(&w.tcp, conn, TCP_OPT_NODELAY, 1, w.rig->now), 0);
    netrig_poll(w.rig);
    expect(100, 100, F_ACK | F_PSH);
    end();
}

static void test_cork_holds_small_ones_for_200_ms(void **state)
{
    (void)state;
    begin(&tcp_tuning_default, 65535);
    assert_int_equal(tcp_set(&w.tcp, conn, TCP_OPT_CORK, 1, w.rig->now), 0);
    write_and_poll(MSS + 100);
    expect(0, MSS, F_ACK);
    tcpwire_quiet(&w);
    ack(MSS, 65535);
    tcpwire_quiet(&w);
    tcpwire_pass(&w, 199 * NS_PER_MS);
    tcpwire_quiet(&w);
    tcpwire_pass(&w, 3 * NS_PER_MS);
    expect(MSS, 100, F_ACK | F_PSH);
    ack(MSS + 100, 65535);
    write_and_poll(100); /* and again */
    tcpwire_quiet(&w);
    assert_int_equal(tcp_set(&w.tcp, conn, TCP_OPT_CORK, 0, w.rig->now), 0);
    netrig_poll(w.rig);
    expect(MSS + 100, 100, F_ACK | F_PSH);
    end();
}

/* ---- FIN ---- */

static void test_fin_rides_on_the_last_segment(void **state)
{
    (void)state;
    begin(&tcp_tuning_default, 65535);
    send(MSS + 100);
    assert_int_equal(tcp_shutdown(&w.tcp, conn, w.rig->now), 0);
    netrig_poll(w.rig);
    expect(0, MSS, F_ACK);
    expect(MSS, 100, F_ACK | F_PSH | F_FIN);
    tcpwire_quiet(&w);
    end();
}

static void test_fin_alone(void **state)
{
    (void)state;
    begin(&tcp_tuning_default, 65535);
    write_and_poll(100);
    expect(0, 100, F_ACK | F_PSH);
    assert_int_equal(tcp_shutdown(&w.tcp, conn, w.rig->now), 0);
    netrig_poll(w.rig);
    expect(100, 0, F_ACK | F_FIN);
    tcpwire_quiet(&w);
    end();
}

/* Nagle and cork hold back what may yet grow: this does not. */
static void test_fin_lets_held_data_go(void **state)
{
    (void)state;
    begin(&tcp_tuning_default, 65535);
    write_and_poll(100);
    write_and_poll(100);
    assert_int_equal(tcpwire_skip(&w), 1);
    assert_int_equal(tcp_shutdown(&w.tcp, conn, w.rig->now), 0);
    netrig_poll(w.rig);
    expect(100, 100, F_ACK | F_PSH | F_FIN);
    end();
}

static void test_fin_waits_for_the_window(void **state)
{
    (void)state;
    begin(&tcp_tuning_default, 2 * MSS);
    send(2 * MSS);
    assert_int_equal(tcp_shutdown(&w.tcp, conn, w.rig->now), 0);
    netrig_poll(w.rig);
    expect(0, MSS, F_ACK);
    expect(MSS, MSS, F_ACK | F_PSH);
    tcpwire_quiet(&w); /* no number is left for it */
    ack(2 * MSS, 1);
    expect(2 * MSS, 0, F_ACK | F_FIN);
    end();
}

/* ---- what is sent again ---- */

/* The same bytes, in a slot of its own: what a device may still read does not change. */
static void test_retransmission_leaves_sent_frames_alone(void **state)
{
    static uint8_t before[8][2048];
    unsigned n = 0;
    struct pkt *pkt;

    (void)state;
    begin(&tcp_tuning_default, 65535);
    w.rig->hold_tx = true;
    write_and_poll(3 * MSS);
    assert_int_equal(tcpwire_skip(&w), 3);
    for (pkt = w.rig->kept.head; pkt != NULL; pkt = pkt->next)
        assert_true(pkt_read(pkt, 0, cs_of(before[n++], pkt->len)));
    send(500); /* the chunk that they lie in grows */
    tcpwire_pass(&w, 2 * NS_PER_S);
    assert_true(w.tcp.stats.retransmits != 0);
    expect(3 * MSS, 500, F_ACK | F_PSH);
    while (n-- > 0) {
        pkt = pkt_queue_pop(&w.rig->kept);
        assert_true(pkt->frag[0].page->base + pkt->frag[0].off !=
                    w.rig->kept.tail->frag[0].page->base + w.rig->kept.tail->frag[0].off);
        for (uint32_t i = 0, at = 0; i < pkt->frag_count; i++) {
            static const unsigned first = 3;

            assert_memory_equal(pkt->frag[i].page->base + pkt->frag[i].off,
                                before[first - 1 - n] + at, pkt->frag[i].len);
            at += pkt->frag[i].len;
        }
        pkt_put(pkt);
    }
    end();
}

static void test_timeout_sends_the_same_bytes(void **state)
{
    (void)state;
    begin(&tcp_tuning_default, 65535);
    write_and_poll(500);
    expect(0, 500, F_ACK | F_PSH);
    tcpwire_pass(&w, 1100 * NS_PER_MS);
    expect(0, 500, F_ACK | F_PSH);
    ack(200, 65535); /* part of it */
    tcpwire_skip(&w);
    tcpwire_pass(&w, 4 * NS_PER_S);
    expect(200, 300, F_ACK | F_PSH);
    end();
}

/* ---- routes ---- */

static void test_no_segment_from_an_address_that_is_gone(void **state)
{
    (void)state;
    begin(&tcp_tuning_default, 65535);
    assert_int_equal(netif_addr_remove(&w.rig->nif, NETRIG_US), 0);
    write_and_poll(100);
    tcpwire_quiet(&w);
    netrig_add_us(w.rig);
    tcpwire_pass(&w, 1100 * NS_PER_MS);
    expect(0, 100, F_ACK | F_PSH);
    end();
}

static void test_a_path_that_became_narrower_for_others(void **state)
{
    (void)state;
    begin(&tcp_tuning_default, 65535);
    ip4_path_mtu_update(&w.rig->nif, NETRIG_PEER, 1000, 1500, w.rig->now);
    write_and_poll(2000);
    expect(0, 960, F_ACK);
    expect(960, 960, F_ACK);
    expect(1920, 80, F_ACK | F_PSH);
    end();
}

/* ---- ACKs of their own ---- */

static void test_each_out_of_order_segment_has_its_ack(void **state)
{
    struct tcpwire_seg seg;

    (void)state;
    begin(&tcp_tuning_default, 65535);
    for (uint32_t i = 1; i <= 3; i++)
        tcpwire_in_only(
            &w,
            (struct tcp_frame){
                .seq = PEER_SEQ + 100 * i, .ack = iss, .flags = F_ACK, .wnd = 65535, .len = 100});
    netrig_poll(w.rig);
    for (unsigned i = 0; i < 3; i++)
        expect(0, 0, F_ACK);
    assert_false(tcpwire_try_out(&w, &seg));
    end();
}

static void test_data_carries_the_ack(void **state)
{
    struct tcpwire_seg seg;

    (void)state;
    begin(&tcp_tuning_default, 65535);
    tcpwire_in_only(
        &w, (struct tcp_frame){
                .seq = PEER_SEQ, .ack = iss, .flags = F_ACK | F_PSH, .wnd = 65535, .len = 100});
    write_and_poll(10);
    seg = tcpwire_out(&w);
    assert_int_equal(seg.len, 10);
    assert_int_equal(seg.ack, PEER_SEQ + 100);
    tcpwire_quiet(&w);
    tcpwire_pass(&w, 100 * NS_PER_MS);
    tcpwire_quiet(&w); /* no delayed ACK is left */
    end();
}

/* ---- a device without room, a pool without memory ---- */

static void test_device_without_room(void **state)
{
    (void)state;
    begin(&tcp_tuning_default, 65535);
    w.rig->tx_room = 2;
    write_and_poll(4 * MSS);
    expect(0, MSS, F_ACK);
    expect(MSS, MSS, F_ACK);
    tcpwire_quiet(&w);
    assert_int_equal(priv()->flight.out, 2);
    assert_int_equal(tcp_usage(&w.tcp).segs, 2);
    assert_false(netif_arm(&w.rig->nif)); /* the device wakes us */
    w.rig->tx_room = 100;
    netrig_poll(w.rig);
    expect(2 * MSS, MSS, F_ACK);
    expect(3 * MSS, MSS, F_ACK | F_PSH);
    end();
}

static void test_no_packet_left(void **state)
{
    struct pkt_queue taken = {NULL, NULL, 0};
    struct pkt *pkt;

    (void)state;
    begin(&tcp_tuning_default, 65535);
    while ((pkt = pkt_get(&w.rig->pool)) != NULL)
        pkt_queue_push(&taken, pkt);
    write_and_poll(100);
    tcpwire_quiet(&w);
    pkt_queue_clear(&taken);
    tcpwire_pass(&w, 10 * NS_PER_MS);
    expect(0, 100, F_ACK | F_PSH);
    assert_int_equal(priv()->flight.out, 1);
    end();
}

static void test_link_down_is_as_good_as_lost(void **state)
{
    (void)state;
    begin(&tcp_tuning_default, 65535);
    w.rig->dev.link_up = false;
    write_and_poll(100);
    tcpwire_quiet(&w);
    w.rig->dev.link_up = true;
    tcpwire_pass(&w, 1100 * NS_PER_MS);
    expect(0, 100, F_ACK | F_PSH);
    end();
}

/* ---- why not more ---- */

static void test_chronographs(void **state)
{
    struct tcp_info info;

    (void)state;
    begin(&tcp_tuning_default, 2 * MSS);
    tcpwire_pass(&w, 50 * NS_PER_MS); /* idle */
    write_and_poll(4 * MSS);
    tcpwire_pass(&w, 10 * NS_PER_MS);
    ack(2 * MSS, 2 * MSS);
    tcpwire_pass(&w, 5 * NS_PER_MS);
    ack(4 * MSS, 2 * MSS);
    tcpwire_pass(&w, 50 * NS_PER_MS);
    assert_int_equal(tcp_info(&w.tcp, conn, w.rig->now, &info), 0);
    assert_int_equal(info.busy_ns, 15 * NS_PER_MS);
    assert_int_equal(info.rwnd_limited_ns, 10 * NS_PER_MS);
    assert_int_equal(info.sndbuf_limited_ns, 0);
    assert_int_equal(info.bytes_sent, 4 * MSS);
    assert_int_equal(info.data_segs_out, 4);
    end();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
    const struct CMUnitTest tests[] = {
        TEST(test_full_segments_and_push_at_the_end),
        TEST(test_nothing_leaves_before_the_poll),
        TEST(test_initial_window_is_ten),
        TEST(test_numbers_go_round),
        TEST(test_timestamps_take_their_room),
        TEST(test_sack_blocks_leave_room_for_text),
        TEST(test_no_small_segment_for_the_rest_of_a_window),
        TEST(test_all_that_is_left_goes_where_it_fits),
        TEST(test_small_windows_as_linux),
        TEST(test_small_windows_as_freebsd),
        TEST(test_window_that_shrank_lets_nothing_out),
        TEST(test_small_waits_behind_small),
        TEST(test_small_behind_full_ones),
        TEST(test_nodelay),
        TEST(test_nodelay_set_late_lets_go),
        TEST(test_cork_holds_small_ones_for_200_ms),
        TEST(test_fin_rides_on_the_last_segment),
        TEST(test_fin_alone),
        TEST(test_fin_lets_held_data_go),
        TEST(test_fin_waits_for_the_window),
        TEST(test_retransmission_leaves_sent_frames_alone),
        TEST(test_timeout_sends_the_same_bytes),
        TEST(test_no_segment_from_an_address_that_is_gone),
        TEST(test_a_path_that_became_narrower_for_others),
        TEST(test_each_out_of_order_segment_has_its_ack),
        TEST(test_data_carries_the_ack),
        TEST(test_device_without_room),
        TEST(test_no_packet_left),
        TEST(test_link_down_is_as_good_as_lost),
        TEST(test_chronographs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
