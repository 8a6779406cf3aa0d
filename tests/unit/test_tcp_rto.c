/* SPDX-License-Identifier: ISC */
/* test_tcp_rto.c - timeouts (RFC 6298), mistaken ones (RFC 5682), and tail loss probes (RFC
 * 8985). */
#include "txtest.h"

/* ---- timeout --------------------------------------------------------------------------------- */

/* RFC 6298 section 5, RFC 5681 section 3.1. */
static void test_timeout(void **state)
{
    struct txrig_conf conf = with_tuning();
    uint32_t at;

    (void)state;
    conf.tuning.tlp = conf.tuning.f_rto = false;
    open_with(conf, 10);
    assert_int_equal(txrig_timer(&rig, TCP_TIMER_RETRANSMIT), 300 * MS);
    txrig_expire(&rig, TCP_TIMER_RETRANSMIT);
    assert_int_equal(state_now(), TCP_CA_LOSS);
    assert_int_equal(rig.flight->lost, 10);
    assert_int_equal(cwnd(), 1);
    assert_int_equal(ssthresh(), 7);
    assert_int_equal(txrig_resend(&rig, &at), 1);
    assert_int_equal(at, 0);
    assert_int_equal(txrig_timer(&rig, TCP_TIMER_RETRANSMIT), 600 * MS);
    /* Again: it doubles, and ssthresh falls once only. */
    txrig_expire(&rig, TCP_TIMER_RETRANSMIT);
    assert_int_equal(ssthresh(), 7);
    assert_int_equal(txrig_resend(&rig, &at), 1);
    assert_int_equal(txrig_timer(&rig, TCP_TIMER_RETRANSMIT), 1200 * MS);
    assert_int_equal(rig.conn->rtos_total, 2);
    /* Karn: the ACK gives no sample, so backing off goes on; slow start begins. */
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 1 * TXRIG_MSS, 0);
    assert_int_equal(rig.conn->rtt.backoff, 2);
    assert_int_equal(cwnd(), 2);
    assert_int_equal(txrig_resend(&rig, &at), 2);
    assert_int_equal(at, 1 * TXRIG_MSS);
    txrig_ack(&rig, 10 * TXRIG_MSS, 0);
    assert_int_equal(state_now(), TCP_CA_OPEN);
}

/* What was sent a moment ago is not lost with the rest (RFC 8985 section 6.3). */
static void test_timeout_spares_the_recent(void **state)
{
    struct txrig_conf conf = with_tuning();

    (void)state;
    conf.tuning.tlp = false;
    open_with(conf, 1);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 1 * TXRIG_MSS, 0);
    txrig_send(&rig, 3);
    txrig_pass(&rig, 290 * MS);
    txrig_send(&rig, 2);
    txrig_expire(&rig, TCP_TIMER_RETRANSMIT);
    assert_int_equal(rig.flight->lost, 3);
    assert_int_equal(cwnd(), 3);
}

/* ---- F-RTO (RFC 5682) ------------------------------------------------------------------------ */

static void time_out(bool no_sack)
{
    struct txrig_conf conf = with_tuning();

    conf.tuning.tlp = false;
    conf.no_sack = no_sack;
    open_with(conf, 6);
    txrig_expire(&rig, TCP_TIMER_RETRANSMIT);
    assert_int_equal(txrig_resend(&rig, NULL), 1);
    assert_true(rig.flight->frto);
}

/* Section 3.1: the ACKs were late. The first lets new data out; the second, of what was not sent
 * again, takes everything back. */
static void test_frto_spurious(void **state)
{
    for (int no_sack = 0; no_sack < 2; no_sack++) {
        time_out(no_sack != 0);
        txrig_pass(&rig, 10 * MS);
        txrig_ack(&rig, 1 * TXRIG_MSS, 0);
        assert_int_equal(txrig_resend(&rig, NULL), 0);
        txrig_send(&rig, 2);
        txrig_ack(&rig, 2 * TXRIG_MSS, 0);
        assert_int_equal(state_now(), TCP_CA_OPEN);
        assert_true(cwnd() >= 10);
        assert_true(ssthresh() > 1000);
        assert_int_equal(rig.flight->lost, 0);
        if (no_sack == 0)
            txrig_close(&rig);
    }
    (void)state;
}

/* A duplicate ACK instead: it was loss, and what is lost is sent again. */
static void test_frto_real(void **state)
{
    uint32_t at;

    (void)state;
    time_out(true);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 1 * TXRIG_MSS, 0);
    txrig_send(&rig, 2);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 1 * TXRIG_MSS, 0);
    assert_int_equal(state_now(), TCP_CA_LOSS);
    assert_true(txrig_resend(&rig, &at) >= 1);
    assert_int_equal(at, 1 * TXRIG_MSS);
}

/* SACK-enhanced: new data is SACKed, what was outstanding is not. */
static void test_frto_real_by_sack(void **state)
{
    uint32_t at;

    (void)state;
    time_out(false);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 1 * TXRIG_MSS, 0);
    txrig_send(&rig, 2);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 1 * TXRIG_MSS, 1, SEGS(6, 7));
    assert_true(txrig_resend(&rig, &at) >= 1);
    assert_int_equal(at, 1 * TXRIG_MSS);
    /* That the others had come all the time takes nothing back. */
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 7 * TXRIG_MSS, 0);
    assert_int_equal(rig.conn->tcp->stats.undos, 0);
    assert_int_equal(ssthresh(), 7);
}

/* Step 2b where there is nothing new to send: what is lost goes. */
static void test_frto_without_new_data(void **state)
{
    uint32_t at;

    (void)state;
    time_out(false);
    rig.conn->snd_wnd = 6 * TXRIG_MSS;
    txrig_pass(&rig, 100 * MS);
    rig.conn->snd_wscale = 0; /* the next ACK's window: 256 bytes */
    txrig_ack(&rig, 1 * TXRIG_MSS, 0);
    assert_true(txrig_resend(&rig, &at) >= 1);
    assert_int_equal(at, 1 * TXRIG_MSS);
}

/* ---- tail loss probe (RFC 8985 section 7) ---------------------------------------------------- */

/* Two round trips and the timer's grain; new data if there is some. */
static void test_probe_of_new_data(void **state)
{
    (void)state;
    open_with((struct txrig_conf){0}, 3);
    assert_int_equal(txrig_timer(&rig, TCP_TIMER_PROBE), 202 * MS);
    txrig_expire(&rig, TCP_TIMER_PROBE);
    assert_true((rig.conn->owed & TCP_OWE_TLP) != 0);
    assert_null(tcp_rto_tlp_seg(rig.conn));
    txrig_send(&rig, 1);
    assert_true(rig.flight->tlp_out);
    assert_int_equal(txrig_timer(&rig, TCP_TIMER_RETRANSMIT), 300 * MS);
    txrig_ack(&rig, 4 * TXRIG_MSS, 0);
    assert_false(rig.flight->tlp_out);
    assert_int_equal(ssthresh(), UINT32_MAX);
}

/* A lone segment's ACK may be delayed; the probe is not later than RTO. */
static void test_probe_of_a_lone_segment(void **state)
{
    (void)state;
    open_with((struct txrig_conf){.rtt_ns = 10 * MS}, 1);
    assert_int_equal(txrig_timer(&rig, TCP_TIMER_PROBE), 210 * MS);
}

/* Linux leaves the ACK of a super-segment to the program's reading where the window could not open
 * before. */
static void test_probe_behind_super_segments(void **state)
{
    (void)state;
    open_with((struct txrig_conf){.rtt_ns = 10 * MS, .tuning = tcp_tuning_default}, 0);
    txrig_send_super(&rig, 3);
    assert_int_equal(txrig_timer(&rig, TCP_TIMER_PROBE), (2 * 10 + 40) * MS);
    txrig_ack(&rig, 3 * TXRIG_MSS, 0);
    txrig_send(&rig, 3);
    assert_true(txrig_timer(&rig, TCP_TIMER_PROBE) <= (2 * 10 + 10) * MS);
}

static void probe_last(void)
{
    uint32_t at;

    open_with((struct txrig_conf){0}, 3);
    rig.conn->snd_wnd = 3 * TXRIG_MSS;
    txrig_expire(&rig, TCP_TIMER_PROBE);
    assert_int_equal(txrig_resend(&rig, &at), 1);
    assert_int_equal(at, 2 * TXRIG_MSS);
    assert_int_equal(rig.flight->retrans, 0);
    assert_int_equal(rig.conn->tcp->stats.tlps, 1);
}

/* Section 7.4: the ACK goes beyond the probe, no D-SACK: it repaired a loss, cwnd pays for it. */
static void test_probe_that_repaired(void **state)
{
    (void)state;
    probe_last();
    txrig_pass(&rig, 100 * MS);
    rig.conn->snd_wnd = 1u << 20;
    txrig_ack(&rig, 3 * TXRIG_MSS, 0);
    assert_true(rig.flight->tlp_out);
    txrig_send(&rig, 1);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 4 * TXRIG_MSS, 0);
    assert_false(rig.flight->tlp_out);
    assert_int_equal(ssthresh(), 7);
    assert_int_equal(cwnd(), 7);
    assert_int_equal(state_now(), TCP_CA_OPEN);
}

static void test_probe_that_was_needless(void **state)
{
    (void)state;
    probe_last();
    txrig_pass(&rig, 10 * MS);
    txrig_ack(&rig, 3 * TXRIG_MSS, 1, SEGS(2, 3));
    assert_false(rig.flight->tlp_out);
    assert_int_equal(ssthresh(), UINT32_MAX);
}

/* One probe, then RTO. */
static void test_one_probe(void **state)
{
    (void)state;
    probe_last();
    assert_int_equal(txrig_timer(&rig, TCP_TIMER_RETRANSMIT), 300 * MS);
    txrig_expire(&rig, TCP_TIMER_RETRANSMIT);
    assert_int_equal(state_now(), TCP_CA_LOSS);
    assert_false(rig.flight->tlp_out);
}

/* Of a record of several segments the last goes. */
static void test_probe_of_a_super_segment(void **state)
{
    uint32_t at;

    (void)state;
    txrig_open(&rig, NULL);
    txrig_send_super(&rig, 5);
    rig.conn->snd_wnd = 5 * TXRIG_MSS;
    txrig_expire(&rig, TCP_TIMER_PROBE);
    assert_int_equal(txrig_resend(&rig, &at), 1);
    assert_int_equal(at, 4 * TXRIG_MSS);
    assert_int_equal(rig.flight->tree.count, 2);
}

/* The last timeout is no later than the user's patience (RFC 5482). */
static void test_user_timeout_bounds_the_timer(void **state)
{
    struct txrig_conf conf = with_tuning();

    (void)state;
    conf.tuning.tlp = false;
    open_with(conf, 1);
    rig.conn->user_timeout_ns = 1000 * MS;
    txrig_expire(&rig, TCP_TIMER_RETRANSMIT);
    txrig_resend(&rig, NULL);
    assert_int_equal(txrig_timer(&rig, TCP_TIMER_RETRANSMIT), 600 * MS);
    txrig_expire(&rig, TCP_TIMER_RETRANSMIT);
    assert_int_equal(txrig_timer(&rig, TCP_TIMER_RETRANSMIT), 400 * MS);
}

/* When all has come, no timer runs; one that is late does nothing. */
static void test_no_timer_without_need(void **state)
{
    (void)state;
    open_with((struct txrig_conf){0}, 3);
    txrig_ack(&rig, 3 * TXRIG_MSS, 0);
    assert_true(txrig_timer(&rig, TCP_TIMER_RETRANSMIT) == NS_NEVER);
    assert_true(txrig_timer(&rig, TCP_TIMER_PROBE) == NS_NEVER);
    assert_true(txrig_timer(&rig, TCP_TIMER_REORDER) == NS_NEVER);
    tcp_rto_expired(rig.conn, tcprig_now());
    tcp_rto_tlp_expired(rig.conn, tcprig_now());
    tcp_rto_rearm(rig.conn, tcprig_now());
    assert_int_equal(rig.conn->rtos_total, 0);
    assert_int_equal(rig.conn->owed & TCP_OWE_TLP, 0);
    assert_true(txrig_timer(&rig, TCP_TIMER_RETRANSMIT) == NS_NEVER);
}

/* A SACKed segment that is older than the first one's last transmission: RTO begins anew. */
static void test_sample_moves_the_timer(void **state)
{
    (void)state;
    open_with((struct txrig_conf){0}, 10);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 0, 1, SEGS(1, 4));
    assert_int_equal(txrig_resend(&rig, NULL), 1);
    assert_int_equal(rig.conn->tcp->stats.retransmits, 1);
    assert_int_equal(rig.conn->total_retrans, 1);
    txrig_pass(&rig, 20 * MS);
    txrig_ack(&rig, 0, 1, SEGS(1, 6));
    assert_in_range(txrig_timer(&rig, TCP_TIMER_RETRANSMIT), 300 * MS, 310 * MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_timeout),
        TEST(test_timeout_spares_the_recent),
        TEST(test_frto_spurious),
        TEST(test_frto_real),
        TEST(test_frto_real_by_sack),
        TEST(test_frto_without_new_data),
        TEST(test_probe_of_new_data),
        TEST(test_probe_of_a_lone_segment),
        TEST(test_probe_behind_super_segments),
        TEST(test_probe_that_repaired),
        TEST(test_probe_that_was_needless),
        TEST(test_one_probe),
        TEST(test_probe_of_a_super_segment),
        TEST(test_user_timeout_bounds_the_timer),
        TEST(test_no_timer_without_need),
        TEST(test_sample_moves_the_timer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
