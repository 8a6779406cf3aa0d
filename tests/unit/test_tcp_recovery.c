/* SPDX-License-Identifier: ISC */
/* test_tcp_recovery.c - what a sender does about loss: duplicate ACKs, SACK, RACK, PRR, undo,
 * ECN, a smaller MTU. Each test names the rule it proves. */
#include "txtest.h"

/* ---- three duplicate ACKs -------------------------------------------------------------------- */

/* RFC 6675 section 5, RFC 8985 section 6.2.1: three SACKed segments, nothing ever reordered. */
static void test_three_sacked_segments_are_a_loss(void **state)
{
    uint32_t at;

    (void)state;
    open_with((struct txrig_conf){0}, 10);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 0, 1, SEGS(1, 2));
    txrig_ack(&rig, 0, 1, SEGS(1, 3));
    assert_int_equal(state_now(), TCP_CA_DISORDER);
    assert_int_equal(txrig_resend(&rig, &at), 0);
    txrig_ack(&rig, 0, 1, SEGS(1, 4));
    assert_int_equal(state_now(), TCP_CA_RECOVERY);
    assert_int_equal(rig.flight->lost, 1);
    assert_int_equal(txrig_resend(&rig, &at), 1);
    assert_int_equal(at, 0);
    assert_int_equal(ssthresh(), 7);
    assert_int_equal(rig.conn->recoveries, 1);
}

/* RFC 8985 section 6.2: two are not, but a quarter of the round trip later they are. */
static void test_reordering_timer(void **state)
{
    uint32_t at;

    (void)state;
    open_with((struct txrig_conf){0}, 4);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 0, 1, SEGS(3, 4));
    assert_int_equal(state_now(), TCP_CA_DISORDER);
    assert_int_equal(txrig_timer(&rig, TCP_TIMER_REORDER), 27 * MS);
    assert_true(txrig_timer(&rig, TCP_TIMER_RETRANSMIT) == NS_NEVER);
    txrig_expire(&rig, TCP_TIMER_REORDER);
    assert_int_equal(state_now(), TCP_CA_RECOVERY);
    assert_int_equal(rig.flight->lost, 3);
    assert_true(txrig_resend(&rig, &at) >= 1);
    assert_int_equal(at, 0);
    assert_true(txrig_timer(&rig, TCP_TIMER_RETRANSMIT) != NS_NEVER);
}

/* The segments came before the timer: it was reordering, and is remembered as that. */
static void test_reordering_is_seen(void **state)
{
    (void)state;
    open_with((struct txrig_conf){0}, 8);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 0, 1, SEGS(6, 7));
    txrig_pass(&rig, 5 * MS);
    txrig_ack(&rig, 7 * TXRIG_MSS, 0);
    assert_int_equal(state_now(), TCP_CA_OPEN);
    assert_int_equal(rig.flight->reord_seen, 1);
    assert_int_equal(rig.flight->reordering, 7);
    assert_true(cwnd() >= 10);
    /* From now on three SACKed segments are not enough. */
    txrig_ack(&rig, 8 * TXRIG_MSS, 0);
    txrig_send(&rig, 6);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 8 * TXRIG_MSS, 1, SEGS(10, 14));
    assert_int_equal(state_now(), TCP_CA_DISORDER);
}

/* RFC 8985 section 6.2 step 4: D-SACKs widen the window, sixteen recoveries without narrow it. */
static void test_dsacks_widen_the_reordering_window(void **state)
{
    (void)state;
    open_with((struct txrig_conf){0}, 8);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 0, 1, SEGS(6, 7));
    txrig_ack(&rig, 7 * TXRIG_MSS, 0);
    rig.conn->total_retrans = 5;
    assert_int_equal(rig.flight->rack_reo_mult, 1);
    txrig_ack(&rig, 8 * TXRIG_MSS, 1, SEGS(6, 7));
    assert_int_equal(rig.flight->rack_reo_mult, 2);
    assert_int_equal(rig.flight->rack_reo_persist, 16);
    /* One more in the same round trip counts no more. */
    txrig_send(&rig, 1);
    rig.flight->rack_adapted += 100;
    txrig_ack(&rig, 9 * TXRIG_MSS, 1, SEGS(6, 7));
    assert_int_equal(rig.flight->rack_reo_mult, 2);
}

/* A retransmission that is lost is found by what is sent after it. */
static void test_lost_retransmission(void **state)
{
    uint32_t at;

    (void)state;
    open_with((struct txrig_conf){.cwnd = 20}, 20);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 0, 1, SEGS(1, 6));
    assert_true(txrig_resend(&rig, &at) >= 1);
    for (unsigned i = 7; i < 14; i++) {
        txrig_pass(&rig, 10 * MS);
        txrig_ack(&rig, 0, 1, SEGS(1, i));
        txrig_resend(&rig, NULL);
        txrig_send(&rig, tcp_reduce_quota(rig.conn));
    }
    assert_int_equal(rig.flight->retrans, 1);
    /* What was sent after the retransmission comes, and that does not. */
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 0, 2, SEGS(1, 14), SEGS(20, 21));
    assert_int_equal(rig.flight->resend, 1 + 6);
    assert_true(txrig_resend(&rig, &at) >= 1);
    assert_int_equal(at, 0);
}

/* ---- without SACK ---------------------------------------------------------------------------- */

/* RFC 5681 section 3.2: the third duplicate ACK. RFC 3042: the first two let new segments out. */
static void test_reno(void **state)
{
    uint32_t at;

    (void)state;
    open_with((struct txrig_conf){.no_sack = true}, 10);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 0, 0);
    assert_int_equal(tcp_reduce_quota(rig.conn), 1);
    txrig_send(&rig, 1);
    txrig_ack(&rig, 0, 0);
    assert_int_equal(tcp_reduce_quota(rig.conn), 1);
    txrig_send(&rig, 1);
    assert_int_equal(txrig_resend(&rig, &at), 0);
    txrig_ack(&rig, 0, 0);
    assert_int_equal(state_now(), TCP_CA_RECOVERY);
    assert_int_equal(txrig_resend(&rig, &at), 1);
    assert_int_equal(at, 0);
    assert_int_equal(rig.conn->tcp->stats.dup_acks_in, 3);
}

static void test_no_limited_transmit(void **state)
{
    struct txrig_conf conf = with_tuning();

    (void)state;
    conf.tuning.limited_transmit = false;
    conf.no_sack = true;
    open_with(conf, 10);
    txrig_ack(&rig, 0, 0);
    assert_int_equal(tcp_reduce_quota(rig.conn), 0);
    txrig_ack(&rig, 0, 0);
    assert_int_equal(tcp_reduce_quota(rig.conn), 0);
}

/* RFC 6582 section 3.2: a partial ACK means that the next one is lost as well; the full ACK ends
 * it, but duplicates of that begin no new recovery. */
static void test_newreno_partial_acks(void **state)
{
    uint32_t at;

    (void)state;
    open_with((struct txrig_conf){.no_sack = true}, 10);
    txrig_pass(&rig, 100 * MS);
    for (unsigned i = 0; i < 3; i++)
        txrig_ack(&rig, 0, 0);
    txrig_resend(&rig, NULL);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 4 * TXRIG_MSS, 0);
    assert_int_equal(state_now(), TCP_CA_RECOVERY);
    assert_int_equal(txrig_resend(&rig, &at), 1);
    assert_int_equal(at, 4 * TXRIG_MSS);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 10 * TXRIG_MSS, 0);
    assert_int_equal(state_now(), TCP_CA_RECOVERY); /* nothing above high_seq yet */
    txrig_send(&rig, 4);
    for (unsigned i = 0; i < 5; i++)
        txrig_ack(&rig, 10 * TXRIG_MSS, 0);
    assert_int_equal(rig.flight->resend, 0);
    txrig_ack(&rig, 11 * TXRIG_MSS, 0);
    assert_int_equal(state_now(), TCP_CA_OPEN);
    assert_int_equal(cwnd(), ssthresh());
    assert_int_equal(rig.conn->recoveries, 1);
}

/* RFC 5681 section 2: not with data, not with another window, not with nothing outstanding. */
static void test_what_is_no_duplicate_ack(void **state)
{
    (void)state;
    open_with((struct txrig_conf){.no_sack = true}, 10);
    rig.flags = TCP_FIN;
    txrig_ack(&rig, 0, 0);
    rig.flags = 0;
    rig.conn->snd_wnd--;
    txrig_ack(&rig, 0, 0);
    assert_int_equal(rig.flight->sacked, 0);
    txrig_ack(&rig, 10 * TXRIG_MSS, 0);
    txrig_ack(&rig, 10 * TXRIG_MSS, 0);
    assert_int_equal(rig.conn->tcp->stats.dup_acks_in, 0);
    assert_int_equal(state_now(), TCP_CA_OPEN);
}

/* ---- counting instead of RACK ---------------------------------------------------------------- */

/* RFC 6675's IsLost: three segments above it. */
static void test_counting(void **state)
{
    struct txrig_conf conf = with_tuning();
    uint32_t at;

    (void)state;
    conf.tuning.rack = conf.tuning.tlp = false;
    open_with(conf, 10);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 0, 1, SEGS(1, 2));
    txrig_ack(&rig, 0, 2, SEGS(5, 6), SEGS(1, 2));
    assert_int_equal(state_now(), TCP_CA_DISORDER);
    txrig_ack(&rig, 0, 2, SEGS(5, 7), SEGS(1, 2));
    assert_int_equal(state_now(), TCP_CA_RECOVERY);
    assert_int_equal(rig.flight->lost, 1); /* above 2..5 there are but two */
    assert_int_equal(txrig_resend(&rig, &at), 1);
    txrig_ack(&rig, 0, 2, SEGS(5, 8), SEGS(1, 2));
    assert_int_equal(rig.flight->lost, 4);
    txrig_resend(&rig, &at);
    assert_int_equal(at, 2 * TXRIG_MSS);
}

/* ---- PRR ------------------------------------------------------------------------------------- */

/* RFC 6937 section 3: over one round trip ssthresh segments go for prior_cwnd that are delivered,
 * whatever order they are reported in. */
static void test_prr_is_proportional(void **state)
{
    uint32_t sent = 0, prior = 100;

    (void)state;
    open_with((struct txrig_conf){.cwnd = 100}, 100);
    txrig_pass(&rig, 100 * MS);
    for (uint32_t i = 2; i <= 96; i++) {
        txrig_ack(&rig, 0, 1, SEGS(1, i));
        sent += txrig_resend(&rig, NULL);
        while (tcp_reduce_quota(rig.conn) != 0) {
            txrig_send(&rig, 1);
            sent++;
        }
        if (state_now() != TCP_CA_RECOVERY)
            sent = 0;
        else if (i > 6)
            assert_in_range(sent, (i - 4) * ssthresh() / prior, (i - 2) * ssthresh() / prior + 3);
    }
    assert_int_equal(ssthresh(), 70);
    assert_in_range(tcp_flight_pipe(rig.flight), 66, 74);
}

/* Below ssthresh: as much as was delivered, and one more where SND.UNA moves and nothing more was
 * lost (the slow start part). */
static void test_prr_below_ssthresh(void **state)
{
    (void)state;
    open_with((struct txrig_conf){.cwnd = 20}, 20);
    txrig_pass(&rig, 100 * MS);
    /* Sixteen are lost at once. */
    txrig_ack(&rig, 0, 1, SEGS(16, 20));
    assert_int_equal(state_now(), TCP_CA_RECOVERY);
    assert_int_equal(rig.flight->lost, 16);
    assert_int_equal(tcp_flight_pipe(rig.flight), 0);
    assert_int_equal(cwnd(), 4);
    assert_int_equal(txrig_resend(&rig, NULL), 4);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 1 * TXRIG_MSS, 1, SEGS(16, 20));
    assert_int_equal(cwnd(), tcp_flight_pipe(rig.flight) + 2);
    assert_int_equal(txrig_resend(&rig, NULL), 2);
}

/* RFC 6675 alone: cwnd is ssthresh at once, but the first retransmission waits for nothing. */
static void test_without_prr(void **state)
{
    struct txrig_conf conf = with_tuning();

    (void)state;
    conf.tuning.prr = false;
    conf.cwnd = 20;
    open_with(conf, 20);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 0, 1, SEGS(1, 4));
    assert_int_equal(cwnd(), 14);
    assert_int_equal(txrig_resend(&rig, NULL), 1);
    assert_int_equal(tcp_reduce_quota(rig.conn), 0);
}

/* ---- undo ------------------------------------------------------------------------------------ */

static void lose_first(void)
{
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 0, 1, SEGS(1, 4));
    assert_int_equal(txrig_resend(&rig, NULL), 1);
    assert_int_equal(state_now(), TCP_CA_RECOVERY);
    assert_int_equal(ssthresh(), 7);
}

/* RFC 3708: every retransmission came back as a D-SACK. */
static void test_undo_by_dsack(void **state)
{
    (void)state;
    open_with((struct txrig_conf){0}, 10);
    lose_first();
    txrig_pass(&rig, 10 * MS);
    txrig_ack(&rig, 10 * TXRIG_MSS, 1, SEGS(0, 1));
    assert_int_equal(state_now(), TCP_CA_OPEN);
    assert_true(cwnd() >= 10);
    assert_true(ssthresh() > 1000);
    assert_int_equal(rig.conn->tcp->stats.undos, 1);
    assert_int_equal(rig.conn->tcp->stats.dsacks_in, 1);
}

/* More duplicates than we sent are the network's doing: RFC 3708 section 3, C. */
static void test_a_made_up_dsack_undoes_nothing(void **state)
{
    (void)state;
    open_with((struct txrig_conf){0}, 10);
    lose_first();
    rig.flight->dsack_dups = 7;
    txrig_ack(&rig, 10 * TXRIG_MSS, 1, SEGS(0, 1));
    assert_in_range(cwnd(), 7, 8);
    assert_int_equal(rig.conn->tcp->stats.undos, 0);
}

/* RFC 3522: the ACK echoes what was sent before the retransmission. */
static void test_undo_by_timestamp(void **state)
{
    uint32_t before;

    (void)state;
    open_with((struct txrig_conf){.ts = true}, 10);
    before = tcp_ts_now(rig.tcp, rig.conn->ts_offset, tcprig_now());
    lose_first();
    txrig_pass(&rig, 10 * MS);
    rig.ts_ecr = before;
    txrig_ack(&rig, 10 * TXRIG_MSS, 0);
    assert_int_equal(state_now(), TCP_CA_OPEN);
    assert_true(cwnd() >= 10);
    assert_true(ssthresh() > 1000);
}

static void test_no_undo_of_a_real_loss(void **state)
{
    (void)state;
    open_with((struct txrig_conf){.ts = true}, 10);
    lose_first();
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 10 * TXRIG_MSS, 0);
    assert_int_equal(state_now(), TCP_CA_OPEN);
    assert_in_range(cwnd(), 7, 8);
    assert_int_equal(rig.conn->tcp->stats.undos, 0);
}

/* The count of one recovery does not go on in the next. */
static void test_second_recovery(void **state)
{
    (void)state;
    open_with((struct txrig_conf){.cwnd = 20}, 20);
    txrig_pass(&rig, 100 * MS);
    for (uint32_t i = 2; i <= 20; i++) {
        txrig_ack(&rig, 0, 1, SEGS(1, i));
        txrig_resend(&rig, NULL);
    }
    txrig_ack(&rig, 20 * TXRIG_MSS, 0);
    assert_int_equal(state_now(), TCP_CA_OPEN);
    assert_in_range(cwnd(), 14, 15);
    txrig_send(&rig, 14);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 20 * TXRIG_MSS, 1, SEGS(21, 24));
    assert_int_equal(rig.flight->prr_delivered, 3);
    assert_int_equal(txrig_resend(&rig, NULL), 1);
    assert_int_equal(rig.flight->prr_out, 1);
}

static void test_undo_where_segments_are_counted(void **state)
{
    struct txrig_conf conf = with_tuning();

    (void)state;
    conf.tuning.rack = conf.tuning.tlp = false;
    conf.ts = true;
    open_with(conf, 10);
    rig.ts_ecr = tcp_ts_now(rig.tcp, rig.conn->ts_offset, tcprig_now());
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 0, 1, SEGS(2, 5));
    assert_int_equal(txrig_resend(&rig, NULL), 2);
    /* The first two were late: what was taken for lost is not, and counting begins anew. */
    txrig_ack(&rig, 1 * TXRIG_MSS, 1, SEGS(2, 5));
    assert_int_equal(rig.conn->tcp->stats.undos, 0); /* one still flies */
    txrig_ack(&rig, 5 * TXRIG_MSS, 1, SEGS(6, 8));
    assert_int_equal(rig.conn->tcp->stats.undos, 1);
    assert_int_equal(rig.flight->lost, 0);
    assert_int_equal(rig.flight->sacked_above, 2);
    txrig_send(&rig, 10);
    txrig_ack(&rig, 5 * TXRIG_MSS, 1, SEGS(6, 10));
    assert_int_equal(rig.flight->lost, 0); /* five were overtaken before */
    txrig_ack(&rig, 5 * TXRIG_MSS, 1, SEGS(6, 13));
    assert_int_equal(rig.flight->lost, 1);
}

/* ---- ECN, MTU, idle times -------------------------------------------------------------------- */

/* RFC 3168 section 6.1.2: once in a window, CWR with the next new data, and no undo. */
static void test_ece(void **state)
{
    (void)state;
    open_with((struct txrig_conf){.cwnd = 20}, 20);
    rig.conn->ecn_ok = true;
    txrig_pass(&rig, 100 * MS);
    rig.flags = TCP_ECE;
    txrig_ack(&rig, 1 * TXRIG_MSS, 0);
    assert_int_equal(state_now(), TCP_CA_CWR);
    assert_int_equal(ssthresh(), 14);
    assert_true(rig.flight->ecn_cwr);
    for (uint32_t i = 2; i <= 20; i++)
        txrig_ack(&rig, i * TXRIG_MSS, 0);
    assert_int_equal(ssthresh(), 14);
    rig.flags = 0;
    txrig_send(&rig, 1);
    txrig_ack(&rig, 21 * TXRIG_MSS, 0);
    assert_int_equal(state_now(), TCP_CA_OPEN);
    assert_int_equal(cwnd(), 14);
    assert_int_equal(rig.conn->tcp->stats.ecn_ece_in, 20);
    assert_int_equal(rig.conn->delivered_ce, 20);
    assert_int_equal(rig.conn->delivered, 21);
}

/* RFC 1191 section 6.4: what is too long now is sent again, and cwnd stays. */
static void test_smaller_mtu(void **state)
{
    (void)state;
    open_with((struct txrig_conf){0}, 10);
    rig.conn->mss = 500;
    tcp_recovery_mtu(rig.conn, tcprig_now());
    txrig_check(&rig);
    assert_int_equal(rig.flight->lost, 10);
    assert_int_equal(cwnd(), 10);
    assert_int_equal(txrig_resend(&rig, NULL), 10);
    rig.conn->mss = TXRIG_MSS;
    txrig_ack(&rig, 10 * TXRIG_MSS, 0);
    assert_int_equal(state_now(), TCP_CA_OPEN);
    assert_true(ssthresh() > 1000 || ssthresh() >= 7);
    assert_true(cwnd() >= 10);
}

/* RFC 5681 section 4.1. */
static void test_idle_time_shrinks_the_window(void **state)
{
    (void)state;
    open_with((struct txrig_conf){.cwnd = 80}, 80);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 80 * TXRIG_MSS, 0);
    assert_int_equal(cwnd(), 160);
    txrig_pass(&rig, 650 * MS); /* two RTOs */
    txrig_send(&rig, 1);
    assert_int_equal(cwnd(), 40);
    assert_true(ssthresh() > 1000);
    txrig_ack(&rig, 81 * TXRIG_MSS, 0);
    txrig_pass(&rig, 60000 * MS);
    txrig_send(&rig, 1);
    assert_int_equal(cwnd(), 10);
}

/* RFC 2861 section 3.2: what was not used for an RTO is given up by halves, down to the initial
 * window; ssthresh remembers. */
static void test_unused_window_is_given_up(void **state)
{
    uint32_t before = 40;

    (void)state;
    txrig_open(&rig, &(struct txrig_conf){.cwnd = 40});
    for (uint32_t i = 1; i <= 4; i++) {
        assert_int_equal(cwnd(), before);
        txrig_send(&rig, 1);
        txrig_pass(&rig, 100 * MS);
        txrig_ack(&rig, i * TXRIG_MSS, 0);
    }
    txrig_send(&rig, 1);
    assert_int_equal(cwnd(), 25);
    assert_true(ssthresh() > 1000);
}

/* Short segments are joined when they are sent again. */
static void test_short_segments_are_joined(void **state)
{
    struct tcp_seg *seg;

    (void)state;
    txrig_open(&rig, NULL);
    for (unsigned i = 0; i < 5; i++) {
        seg = tcp_flight_add(rig.conn, 300, false, tcprig_now());
        tcp_flight_sent(rig.conn, seg, tcprig_now());
    }
    txrig_check(&rig);
    rig.flight->tlp_out = true;
    txrig_expire(&rig, TCP_TIMER_PROBE);
    txrig_expire(&rig, TCP_TIMER_RETRANSMIT);
    seg = tcp_recovery_next(rig.conn, tcprig_now());
    assert_int_equal(tcp_seg_len(seg), 900);
    assert_int_equal(rig.flight->out, 3);
    txrig_check(&rig);
}

/* A round trip that a peer's timestamps made weeks long does not keep the connection that long. */
static void test_reneging_waits_no_longer_than_rto(void **state)
{
    (void)state;
    open_with((struct txrig_conf){.cwnd = 20}, 20);
    txrig_pass(&rig, 100 * MS);
    rig.conn->rtt.srtt_ns = UINT64_C(20) * 86400 * NS_PER_S;
    txrig_ack(&rig, 0, 1, SEGS(1, 3));
    txrig_ack(&rig, 1 * TXRIG_MSS, 0);
    assert_int_equal(rig.flight->sacked, 2);
    assert_true(txrig_timer(&rig, TCP_TIMER_RETRANSMIT) <= rig.tcp->conf.tuning.rto_max_ns);
}

/* What a mark said is no mistake, even where the loss was (RFC 3168). */
static void test_ece_forbids_undoing(void **state)
{
    (void)state;
    open_with((struct txrig_conf){0}, 10);
    rig.conn->ecn_ok = true;
    lose_first();
    rig.flags = TCP_ECE;
    txrig_ack(&rig, 0, 1, SEGS(1, 5));
    rig.flags = 0;
    txrig_pass(&rig, 10 * MS);
    txrig_ack(&rig, 10 * TXRIG_MSS, 1, SEGS(0, 1));
    assert_int_equal(ssthresh(), 7);
    assert_true(cwnd() < 10);
}

/* More duplicate ACKs than there are segments above one hole: the order was not what we thought. */
static void test_reno_sees_reordering(void **state)
{
    struct txrig_conf conf = with_tuning();

    (void)state;
    conf.no_sack = true;
    conf.tuning.dupthresh = 8;
    open_with(conf, 5);
    for (unsigned i = 0; i < 5; i++)
        txrig_ack(&rig, 0, 0);
    assert_int_equal(rig.flight->sacked, 4);
    assert_int_equal(rig.flight->reord_seen, 1);
    assert_int_equal(rig.flight->reordering, 5);
}

/* An MTU that shrank, but not below what was sent. */
static void test_mtu_that_matters_not(void **state)
{
    (void)state;
    open_with((struct txrig_conf){0}, 5);
    tcp_recovery_mtu(rig.conn, tcprig_now());
    assert_int_equal(state_now(), TCP_CA_OPEN);
    assert_int_equal(rig.flight->lost, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_three_sacked_segments_are_a_loss),
        TEST(test_reordering_timer),
        TEST(test_reordering_is_seen),
        TEST(test_dsacks_widen_the_reordering_window),
        TEST(test_lost_retransmission),
        TEST(test_reno),
        TEST(test_no_limited_transmit),
        TEST(test_newreno_partial_acks),
        TEST(test_what_is_no_duplicate_ack),
        TEST(test_counting),
        TEST(test_prr_is_proportional),
        TEST(test_prr_below_ssthresh),
        TEST(test_without_prr),
        TEST(test_undo_by_dsack),
        TEST(test_a_made_up_dsack_undoes_nothing),
        TEST(test_undo_by_timestamp),
        TEST(test_no_undo_of_a_real_loss),
        TEST(test_ece),
        TEST(test_smaller_mtu),
        TEST(test_idle_time_shrinks_the_window),
        TEST(test_unused_window_is_given_up),
        TEST(test_short_segments_are_joined),
        TEST(test_second_recovery),
        TEST(test_undo_where_segments_are_counted),
        TEST(test_reneging_waits_no_longer_than_rto),
        TEST(test_ece_forbids_undoing),
        TEST(test_reno_sees_reordering),
        TEST(test_mtu_that_matters_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
