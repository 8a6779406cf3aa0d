/* SPDX-License-Identifier: ISC */
/* test_tcp_ack.c - RFC 9293 section 3.10.7.4's fifth step: which ACKs are taken, the window,
 * samples of the round trip and of the delivery rate, and what the program is told. */
#include "txtest.h"

/* ---- which are taken ------------------------------------------------------------------------- */

/* RFC 5961 section 5.2: too old is challenged, merely old is not; of the future is dropped. */
static void test_ack_range(void **state)
{
    struct txrig_conf conf = {.tuning = tcp_tuning_default};

    (void)state;
    open_with(conf, 10);
    txrig_ack(&rig, 5 * TXRIG_MSS, 0);
    rig.conn->snd_wnd_max = 2 * TXRIG_MSS;
    assert_true(txrig_ack(&rig, 4 * TXRIG_MSS, 0));
    assert_true(txrig_ack(&rig, 3 * TXRIG_MSS, 0));
    assert_int_equal(rig.conn->tcp->stats.challenge_acks, 0);
    assert_false(txrig_ack(&rig, 3 * TXRIG_MSS - 1, 0));
    assert_int_equal(rig.conn->tcp->stats.bad_ack, 1);
    assert_int_equal(rig.conn->tcp->stats.challenge_acks, 1);
    vplat_advance(NS_PER_S);
    assert_false(txrig_ack(&rig, 10 * TXRIG_MSS + 1, 0));
    assert_int_equal(rig.conn->tcp->stats.bad_ack, 2);
    assert_int_equal(rig.conn->tcp->stats.challenge_acks, 2);
    assert_int_equal(rig.conn->snd_una - rig.first, 5 * TXRIG_MSS);
}

/* RFC 3465: many ACKs of a part of a segment each are worth one. */
static void test_ack_division(void **state)
{
    (void)state;
    open_with((struct txrig_conf){0}, 10);
    txrig_pass(&rig, 100 * MS);
    for (uint32_t i = 1; i <= 1000; i++)
        txrig_ack(&rig, i, 0);
    assert_int_equal(cwnd(), 11);
    assert_int_equal(rig.flight->out, 9);
}

/* Linux drops what acknowledges the future, in ESTABLISHED only. */
static void test_future_ack_in_silence(void **state)
{
    (void)state;
    open_with((struct txrig_conf){0}, 10);
    assert_false(txrig_ack(&rig, 10 * TXRIG_MSS + 1, 0));
    assert_int_equal(rig.conn->tcp->stats.challenge_acks, 0);
    rig.conn->state = TCP_CLOSE_WAIT;
    assert_false(txrig_ack(&rig, 10 * TXRIG_MSS + 1, 0));
    assert_int_equal(rig.conn->tcp->stats.challenge_acks, 1);
}

/* A part of a record of several segments: what came whole is counted, the rest stays. */
static void test_part_of_a_record(void **state)
{
    (void)state;
    txrig_open(&rig, NULL);
    txrig_send_super(&rig, 5);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 2 * TXRIG_MSS, 0);
    assert_int_equal(rig.flight->out, 3);
    assert_int_equal(rig.conn->delivered, 2);
    txrig_ack(&rig, 2 * TXRIG_MSS + 1, 0);
    assert_int_equal(rig.flight->out, 3);
    txrig_ack(&rig, 3 * TXRIG_MSS + 1, 0);
    assert_int_equal(rig.flight->out, 2);
    txrig_ack(&rig, 5 * TXRIG_MSS - 1, 0);
    assert_int_equal(rig.flight->out, 1);
    txrig_ack(&rig, 5 * TXRIG_MSS, 0);
    assert_int_equal(rig.flight->out, 0);
    assert_int_equal(rig.conn->delivered, 5);
    assert_int_equal(rig.conn->bytes_acked, 5 * TXRIG_MSS);
}

/* ---- the window ------------------------------------------------------------------------------ */

static bool tell(uint32_t seq, uint32_t bytes, uint16_t window)
{
    struct tcp_rx rx = {.ip = &rig.rx.ip,
                        .hdr = {.seq = seq,
                                .ack = rig.first + bytes,
                                .flags = TCP_ACK,
                                .window = window,
                                .header_len = 20},
                        .segs = 1,
                        .now = tcprig_now()};

    return tcp_ack_input(rig.conn, &rx);
}

/* SND.WL1 and SND.WL2; and a smaller window is not believed of what says nothing else, but that it
 * is shut is. */
static void test_window(void **state)
{
    uint32_t seq;

    (void)state;
    open_with((struct txrig_conf){0}, 10);
    rig.conn->snd_wscale = 2;
    seq = rig.conn->snd_wl1 = rig.conn->rcv_nxt;
    tell(seq, 1000, 100);
    assert_int_equal(rig.conn->snd_wnd, 400);
    tell(seq, 1000, 90);
    assert_int_equal(rig.conn->snd_wnd, 400);
    tell(seq, 1000, 110);
    assert_int_equal(rig.conn->snd_wnd, 440);
    tell(seq - 1, 1000, 2000); /* older */
    assert_int_equal(rig.conn->snd_wnd, 440);
    tell(seq + 1, 1000, 50); /* newer */
    assert_int_equal(rig.conn->snd_wnd, 200);
    tell(seq, 2000, 70); /* older, but it acknowledges more */
    assert_int_equal(rig.conn->snd_wnd, 280);
    tell(seq, 2000, 0);
    assert_int_equal(rig.conn->snd_wnd, 0);
    assert_int_equal(rig.conn->snd_wnd_max, 4u << 20);
    tell(seq, 3000, 65535);
    assert_int_equal(rig.conn->snd_wnd, 65535 * 4);
}

/* ---- the round trip -------------------------------------------------------------------------- */

static uint64_t srtt(void)
{
    return rig.conn->rtt.srtt_ns;
}

/* The segment sent first of those acknowledged is the sample; the last one's is the least. */
static void test_sample(void **state)
{
    (void)state;
    txrig_open(&rig, NULL);
    txrig_send(&rig, 1);
    txrig_pass(&rig, 80 * MS);
    txrig_send(&rig, 1);
    txrig_pass(&rig, 100 * MS);
    rig.conn->rtt.min_ns = UINT64_MAX;
    txrig_ack(&rig, 2 * TXRIG_MSS, 0);
    assert_int_equal(srtt(), 110 * MS); /* 7/8 of 100, 1/8 of 180 */
    assert_int_equal(rig.conn->rtt.min_ns, 100 * MS);
}

/* RFC 6298 section 3: nothing that was sent twice; unless timestamps tell. */
static void test_karn(void **state)
{
    (void)state;
    for (int ts = 0; ts < 2; ts++) {
        open_with((struct txrig_conf){.ts = ts != 0}, 2);
        rig.flight->tlp_out = true;
        txrig_expire(&rig, TCP_TIMER_PROBE);
        txrig_expire(&rig, TCP_TIMER_RETRANSMIT);
        txrig_resend(&rig, NULL);
        rig.ts_ecr = tcp_ts_now(rig.tcp, rig.conn->ts_offset, tcprig_now());
        txrig_pass(&rig, 180 * MS);
        txrig_ack(&rig, 2 * TXRIG_MSS, 0);
        assert_int_equal(srtt(), ts != 0 ? 110 * MS : 100 * MS);
        assert_int_equal(rig.conn->rtt.backoff, ts != 0 ? 0 : 1);
        if (ts == 0)
            txrig_close(&rig);
    }
}

/* RFC 7323 section 4.1: an echo counts where something new is acknowledged only. */
static void test_echo_of_a_duplicate(void **state)
{
    (void)state;
    open_with((struct txrig_conf){.ts = true}, 4);
    rig.ts_ecr = tcp_ts_now(rig.tcp, rig.conn->ts_offset, tcprig_now());
    txrig_pass(&rig, 90000 * MS);
    txrig_ack(&rig, 0, 0);
    assert_int_equal(srtt(), 100 * MS);
}

/* A SACKed segment is a sample too. */
static void test_sample_of_sack(void **state)
{
    (void)state;
    open_with((struct txrig_conf){0}, 4);
    txrig_pass(&rig, 180 * MS);
    txrig_ack(&rig, 0, 1, SEGS(2, 3));
    assert_int_equal(srtt(), 110 * MS);
}

/* A lone short segment's ACK may be a delayed one: it is not the path's least. */
static void test_maybe_delayed(void **state)
{
    struct tcp_seg *seg;

    (void)state;
    txrig_open(&rig, NULL);
    rig.conn->rtt.min_at = 0; /* the window of the least is over */
    seg = tcp_flight_add(rig.conn, 10, false, tcprig_now());
    tcp_flight_sent(rig.conn, seg, tcprig_now());
    txrig_pass(&rig, 140 * MS);
    txrig_ack(&rig, 10, 0);
    assert_int_equal(rig.conn->rtt.min_ns, 100 * MS);
    assert_true(srtt() > 100 * MS);
    rig.conn->rtt.min_at = 0;
    seg = tcp_flight_add(rig.conn, TXRIG_MSS, false, tcprig_now());
    tcp_flight_sent(rig.conn, seg, tcprig_now());
    txrig_pass(&rig, 140 * MS);
    txrig_ack(&rig, 10 + TXRIG_MSS, 0);
    assert_int_equal(rig.conn->rtt.min_ns, 140 * MS);
}

/* ---- delivery rate --------------------------------------------------------------------------- */

static void test_delivery_rate(void **state)
{
    (void)state;
    open_with((struct txrig_conf){.cwnd = 40}, 20);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 10 * TXRIG_MSS, 0);
    /* Ten segments in a round trip. */
    assert_int_equal(rig.conn->rate_bytes, 10 * TXRIG_MSS);
    assert_int_equal(rig.conn->rate_ns, 100 * MS);
    txrig_send(&rig, 10);
    txrig_pass(&rig, 50 * MS);
    txrig_ack(&rig, 20 * TXRIG_MSS, 0);
    assert_int_equal(rig.conn->rate_bytes, 20 * TXRIG_MSS);
    assert_int_equal(rig.conn->rate_ns, 150 * MS);
}

/* What was sent no faster than the program wrote is no sample, unless it is more. */
static void test_delivery_rate_of_a_slow_program(void **state)
{
    (void)state;
    open_with((struct txrig_conf){.cwnd = 40}, 10);
    txrig_pass(&rig, 100 * MS);
    rig.flight->app_limited_until = 1000;
    txrig_ack(&rig, 10 * TXRIG_MSS, 0);
    assert_int_equal(rig.conn->rate_bytes, 10 * TXRIG_MSS);
    txrig_send(&rig, 5);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 15 * TXRIG_MSS, 0);
    assert_int_equal(rig.conn->rate_bytes, 10 * TXRIG_MSS);
    txrig_send(&rig, 12);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 27 * TXRIG_MSS, 0);
    assert_int_equal(rig.conn->rate_bytes, 12 * TXRIG_MSS);
    assert_true(rig.flight->rate_app_limited);
    /* That is over as soon as what was in flight then has come. */
    rig.flight->app_limited_until = rig.conn->delivered + 3;
    txrig_send(&rig, 4);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 31 * TXRIG_MSS, 0);
    assert_int_equal(rig.flight->app_limited_until, 0);
}

/* Of all that one ACK delivers the segment sent last speaks. */
static void test_delivery_rate_is_of_the_latest(void **state)
{
    (void)state;
    open_with((struct txrig_conf){.cwnd = 40}, 2);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 1 * TXRIG_MSS, 0);
    txrig_send(&rig, 9);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 11 * TXRIG_MSS, 0);
    assert_int_equal(rig.conn->rate_bytes, 10 * TXRIG_MSS);
    assert_int_equal(rig.conn->rate_ns, 100 * MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ack_range),
        TEST(test_future_ack_in_silence),
        TEST(test_ack_division),
        TEST(test_part_of_a_record),
        TEST(test_window),
        TEST(test_sample),
        TEST(test_karn),
        TEST(test_echo_of_a_duplicate),
        TEST(test_sample_of_sack),
        TEST(test_maybe_delayed),
        TEST(test_delivery_rate),
        TEST(test_delivery_rate_of_a_slow_program),
        TEST(test_delivery_rate_is_of_the_latest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
