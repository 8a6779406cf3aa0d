/* SPDX-License-Identifier: ISC */
/* test_tcp_emit.c - what segments look like: super-segments, pieces, urgent data (RFC 9293 section
 * 3.8.5), ECN (RFC 3168). */
#include "tcpouttest.h"

/* ---- super-segments ---- */

static void gso_window(uint32_t max, uint8_t frags, uint16_t wnd)
{
    tcpwire_blank(&w, &tcp_tuning_default);
    w.rig->dev.caps.csum_tx = true;
    w.rig->dev.caps.gso_max_bytes = max;
    w.rig->dev.caps.frags_max = frags;
    tcpwire_start(&w);
    accept_one(wnd);
}

static void gso(uint32_t max, uint8_t frags)
{
    gso_window(max, frags, 65535);
}

static void test_super_segment(void **state)
{
    struct tcpwire_seg seg;

    (void)state;
    gso(65535, PKT_FRAGS_MAX);
    write_and_poll(5 * MSS + 100);
    seg = expect(0, 5 * MSS + 100, F_ACK | F_PSH);
    assert_int_equal(seg.gso_size, MSS);
    assert_int_equal(priv()->flight.out, 6);
    assert_int_equal(w.tcp.stats.gso_out, 1);
    write_and_poll(2 * MSS); /* Nagle: 100 small bytes are out */
    seg = expect(5 * MSS + 100, 2 * MSS, F_ACK | F_PSH);
    assert_int_equal(priv()->flight.out, 8);
    end();
}

static void test_super_segments_are_whole_and_within_limits(void **state)
{
    (void)state;
    gso(4000, PKT_FRAGS_MAX); /* two segments and headers fit */
    write_and_poll(5 * MSS);
    expect(0, 2 * MSS, F_ACK);
    expect(2 * MSS, 2 * MSS, F_ACK);
    expect(4 * MSS, MSS, F_ACK | F_PSH);
    end();

    written = 0;
    gso(2 * MSS + 39, PKT_FRAGS_MAX); /* a byte too few */
    write_and_poll(2 * MSS);
    expect(0, MSS, F_ACK);
    expect(MSS, MSS, F_ACK | F_PSH);
    end();
}

/* IPv4's total length has 16 bits, and the headers are part of it. */
static void test_longest_super_segment(void **state)
{
    enum { FIT = 1365 }; /* 48 of them are 65,520 bytes */
    tcp_t listener;

    (void)state;
    tcpwire_blank(&w, &tcp_tuning_default);
    w.rig->dev.caps.csum_tx = true;
    w.rig->dev.caps.gso_max_bytes = 65535;
    tcpwire_start(&w);
    listener = tcpwire_listen(&w, 0);
    tcpwire_in(&w, (struct tcp_frame){.seq = PEER_SEQ - 1,
                                      .flags = F_SYN,
                                      .wnd = 65535,
                                      .mss = FIT,
                                      .ws = true,
                                      .ws_shift = 2});
    iss = tcpwire_out(&w).seq + 1;
    tcpwire_in(&w, (struct tcp_frame){.seq = PEER_SEQ, .ack = iss, .flags = F_ACK, .wnd = 65535});
    assert_int_equal(tcp_accept(&w.tcp, listener, &conn), 0);
    priv()->cc.cwnd = 100;
    priv()->snd.limit = 1 << 20;
    send(60000);
    write_and_poll(60000);
    expect(0, 47 * FIT, F_ACK);
    end();
}

/* The device takes two views of payload: 8,192 bytes at most, five whole segments. */
static void test_super_segment_has_no_more_pieces_than_the_device_takes(void **state)
{
    struct tcpwire_seg seg;

    (void)state;
    gso(65535, 3);
    write_and_poll(9 * MSS);
    seg = expect(0, 5 * MSS, F_ACK);
    assert_int_equal(seg.gso_size, MSS);
    seg = expect(5 * MSS, 3 * MSS, F_ACK); /* from 7,300: 892 and 4,096, then 4,948 */
    expect(8 * MSS, MSS, F_ACK | F_PSH);
    end();
}

static void test_cwnd_cuts_super_segments(void **state)
{
    (void)state;
    gso(65535, PKT_FRAGS_MAX);
    write_and_poll(15 * MSS);
    expect(0, 10 * MSS, F_ACK);
    tcpwire_quiet(&w);
    ack(MSS, 65535);
    expect(10 * MSS, 2 * MSS, F_ACK);
    end();
}

static void test_window_cuts_super_segments_at_whole_ones(void **state)
{
    (void)state;
    gso_window(65535, PKT_FRAGS_MAX, 5 * MSS - 1);
    write_and_poll(8 * MSS);
    expect(0, 4 * MSS, F_ACK);
    tcpwire_quiet(&w);
    end();
}

static void test_fin_in_a_super_segment(void **state)
{
    struct tcpwire_seg seg;

    (void)state;
    gso(65535, PKT_FRAGS_MAX);
    send(3 * MSS + 10);
    assert_int_equal(tcp_shutdown(&w.tcp, conn, w.rig->now), 0);
    netrig_poll(w.rig);
    seg = expect(0, 3 * MSS + 10, F_ACK | F_PSH | F_FIN);
    assert_int_equal(seg.gso_size, MSS);
    assert_int_equal(priv()->flight.out, 4);
    end();
}

/* More pieces than a packet has places: the last ones are copied, and counted. */
static void test_many_pieces_in_one_segment(void **state)
{
    struct page *page;

    (void)state;
    begin(&tcp_tuning_default, 65535);
    page = page_get(&w.rig->pages);
    for (uint32_t i = 0; i < 40; i++) {
        page->base[i] = tcp_frame_byte(i);
        page_ref(page);
        assert_int_equal(tcp_send_page(&w.tcp, conn, page, i, 1, w.rig->now), 0);
    }
    page_put(page);
    netrig_poll(w.rig);
    expect(0, 40, F_ACK | F_PSH);
    assert_int_equal(w.rig->pool.stats.copied_bytes, 40 - 16);
    end();
}

static void test_blank_checksum_where_the_device_completes_it(void **state)
{
    (void)state;
    gso(0, PKT_FRAGS_MAX);
    write_and_poll(2 * MSS);
    expect(0, MSS, F_ACK);
    assert_int_equal(w.rig->sent[w.seen - 1].csum, PKT_CSUM_BLANK);
    expect(MSS, MSS, F_ACK | F_PSH);
    end();
}

/* ---- urgent data (RFC 9293 section 3.8.5, RFC 6093) ---- */

static void test_urgent_pointer(void **state)
{
    struct tcpwire_seg seg;

    (void)state;
    begin(&tcp_tuning_default, 65535);
    send(MSS + 10);
    assert_int_equal(tcp_send_urgent(&w.tcp, conn), 0);
    send(5);
    netrig_poll(w.rig);
    seg = expect(0, MSS, F_ACK | F_URG);
    assert_int_equal(seg.urg, MSS + 10);
    seg = expect(MSS, 15, F_ACK | F_PSH | F_URG);
    assert_int_equal(seg.urg, 10);
    ack(MSS + 15, 65535);
    write_and_poll(5);
    seg = expect(MSS + 15, 5, F_ACK | F_PSH);
    assert_int_equal(seg.urg, 0);
    end();
}

/* Each segment of a super-segment would have the same pointer. */
static void test_no_super_segments_while_data_is_urgent(void **state)
{
    (void)state;
    gso(65535, PKT_FRAGS_MAX);
    send(3 * MSS);
    assert_int_equal(tcp_send_urgent(&w.tcp, conn), 0);
    netrig_poll(w.rig);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(expect(i * MSS, MSS, (uint8_t)(F_ACK | F_URG | (i == 2 ? F_PSH : 0))).urg,
                         (3 - i) * MSS);
    ack(3 * MSS, 65535);
    assert_false(priv()->urgent_out);
    write_and_poll(2 * MSS);
    expect(3 * MSS, 2 * MSS, F_ACK | F_PSH);
    end();
}

/* Further than 16 bits can say: as far as they can. */
static void test_urgent_pointer_far_away(void **state)
{
    (void)state;
    begin(&tcp_tuning_default, 65535);
    priv()->snd.limit = 1 << 20;
    send(60000);
    send(20000);
    assert_int_equal(tcp_send_urgent(&w.tcp, conn), 0);
    netrig_poll(w.rig);
    assert_int_equal(expect(0, MSS, F_ACK | F_URG).urg, 0xffff);
    tcpwire_skip(&w);
    ack(10 * MSS, 65535);
    assert_int_equal(expect(10 * MSS, MSS, F_ACK | F_URG).urg, 80000 - 10 * MSS);
    end();
}

/* ---- ECN (RFC 3168 section 6.1) ---- */

static void begin_ecn(void)
{
    tcp_t listener;

    tcpwire_open(&w, &tcp_tuning_default);
    listener = tcpwire_listen(&w, 0);
    tcpwire_in(&w,
               (struct tcp_frame){
                   .seq = PEER_SEQ - 1, .flags = F_SYN | F_ECE | F_CWR, .wnd = 65535, .mss = MSS});
    synack = tcpwire_out(&w);
    assert_int_equal(synack.flags, F_SYN | F_ACK | F_ECE);
    iss = synack.seq + 1;
    tcpwire_in(&w, (struct tcp_frame){.seq = PEER_SEQ, .ack = iss, .flags = F_ACK, .wnd = 65535});
    assert_int_equal(tcp_accept(&w.tcp, listener, &conn), 0);
    assert_int_equal(synack.tos & 3, 0); /* section 6.1.1 */
}

static void test_only_new_data_is_ect(void **state)
{
    (void)state;
    begin_ecn();
    write_and_poll(MSS);
    assert_int_equal(expect(0, MSS, F_ACK | F_PSH).tos & 3, 2);
    tcpwire_pass(&w, 1100 * NS_PER_MS);
    assert_int_equal(expect(0, MSS, F_ACK | F_PSH).tos & 3, 0);
    tcpwire_skip(&w);
    tcpwire_in(&w, (struct tcp_frame){.seq = PEER_SEQ + 10,
                                      .ack = iss,
                                      .flags = F_ACK,
                                      .wnd = 65535,
                                      .len = 10}); /* out of order: a pure ACK */
    assert_int_equal(expect(MSS, 0, F_ACK).tos & 3, 0);
    end();
}

static void test_cwr_goes_with_new_data_once(void **state)
{
    (void)state;
    begin_ecn();
    write_and_poll(4 * MSS);
    assert_int_equal(tcpwire_skip(&w), 4);
    send(2 * MSS);
    tcpwire_in(&w,
               (struct tcp_frame){
                   .seq = PEER_SEQ, .ack = iss + 2 * MSS, .flags = F_ACK | F_ECE, .wnd = 65535});
    ack(4 * MSS, 65535);
    expect(4 * MSS, MSS, F_ACK | F_CWR);
    ack(5 * MSS, 65535);
    expect(5 * MSS, MSS, F_ACK | F_PSH);
    end();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
    const struct CMUnitTest tests[] = {
        TEST(test_super_segment),
        TEST(test_super_segments_are_whole_and_within_limits),
        TEST(test_super_segment_has_no_more_pieces_than_the_device_takes),
        TEST(test_longest_super_segment),
        TEST(test_cwnd_cuts_super_segments),
        TEST(test_window_cuts_super_segments_at_whole_ones),
        TEST(test_fin_in_a_super_segment),
        TEST(test_many_pieces_in_one_segment),
        TEST(test_blank_checksum_where_the_device_completes_it),
        TEST(test_urgent_pointer),
        TEST(test_no_super_segments_while_data_is_urgent),
        TEST(test_urgent_pointer_far_away),
        TEST(test_only_new_data_is_ect),
        TEST(test_cwr_goes_with_new_data_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
