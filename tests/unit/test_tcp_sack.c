/* SPDX-License-Identifier: ISC */
/* test_tcp_sack.c - what SACK blocks mark, and what they do not (RFC 2018, RFC 2883). */
#include "txtest.h"

/* ---- SACK blocks ----------------------------------------------------------------------------- */

/* A record of several segments is cut at their edges only, and what is SACKed whole is marked. */
static void test_super_segment_is_cut(void **state)
{
    struct tcp_seg *seg;

    (void)state;
    txrig_open(&rig, NULL);
    txrig_send_super(&rig, 8);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 0, 1, ((struct tcp_sack_block){2500, 6100}));
    assert_int_equal(rig.flight->sacked, 3);
    assert_int_equal(rig.flight->tree.count, 3);
    seg = tcp_flight_next(tcp_flight_first(rig.flight));
    assert_int_equal(seg->node.seq - rig.first, 3000);
    assert_int_equal(seg->node.end - rig.first, 6000);
    /* What lies between is one record again as soon as all of it is SACKed. */
    txrig_ack(&rig, 0, 1, SEGS(1, 8));
    assert_int_equal(rig.flight->tree.count, 2);
    assert_int_equal(rig.flight->sacked, 7);
}

/* CVE-2019-11477, -11478: thousands of SACKed segments are few records, and repeated blocks cost
 * nothing. */
static void test_sacked_segments_become_one_record(void **state)
{
    (void)state;
    txrig_open(&rig, &(struct txrig_conf){.cwnd = 500});
    txrig_send(&rig, 500);
    txrig_pass(&rig, 100 * MS);
    for (uint32_t i = 2; i < 500; i += 2)
        txrig_ack(&rig, 0, 1, SEGS(i - 1, i));
    assert_int_equal(rig.flight->tree.count, 500);
    for (uint32_t i = 3; i < 500; i += 2)
        txrig_ack(&rig, 0, 1, SEGS(i - 1, i));
    assert_in_range(rig.flight->tree.count, 2, 4);
    assert_int_equal(rig.flight->sacked, 498);
}

/* RFC 2018 section 4, and what is nonsense: counted, and no harm done. */
static void test_bad_blocks(void **state)
{
    (void)state;
    open_with((struct txrig_conf){0}, 10);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 1000, 0);
    txrig_ack(&rig, 1000, 4, SEGS(1, 3), SEGS(9, 12), SEGS(5, 4), SEGS(3, 3));
    txrig_ack(&rig, 1000, 1, ((struct tcp_sack_block){0x80000000u, 0x80001000u}));
    assert_int_equal(rig.flight->sacked, 0);
    assert_int_equal(rig.conn->tcp->stats.sack_ignored, 5);
    assert_int_equal(state_now(), TCP_CA_OPEN);
}

/* RFC 2018 section 8: what was SACKed may be thrown away; after a little while all is sent
 * again. */
static void test_reneging(void **state)
{
    uint32_t at;

    (void)state;
    open_with((struct txrig_conf){.cwnd = 20}, 20);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 0, 1, SEGS(1, 3));
    txrig_ack(&rig, 1 * TXRIG_MSS, 0);
    assert_int_equal(txrig_timer(&rig, TCP_TIMER_RETRANSMIT), 50 * MS);
    assert_int_equal(rig.flight->sacked, 2);
    txrig_expire(&rig, TCP_TIMER_RETRANSMIT);
    assert_int_equal(rig.flight->sacked, 0);
    assert_int_equal(rig.flight->lost, 19);
    assert_true(txrig_resend(&rig, &at) >= 1);
    assert_int_equal(at, 1 * TXRIG_MSS);
}

/* RFC 2883 section 4.2: a duplicate above SND.UNA stands within the second block. Both copies
 * came, so the second is not in flight any more. */
static void test_dsack_above(void **state)
{
    (void)state;
    open_with((struct txrig_conf){.cwnd = 20}, 20);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 0, 1, SEGS(4, 8));
    assert_int_equal(rig.flight->lost, 4);
    assert_true(txrig_resend(&rig, NULL) >= 2);
    assert_true(rig.flight->retrans >= 2);
    txrig_pass(&rig, 10 * MS);
    /* The first copies were late. */
    txrig_ack(&rig, 0, 1, SEGS(1, 8));
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 0, 2, SEGS(1, 2), SEGS(1, 8));
    assert_int_equal(rig.conn->tcp->stats.dsacks_in, 1);
    assert_int_equal(rig.flight->dsack_dups, 1);
}

/* Of data that is forgotten already, back to where recovery began. */
static void test_dsack_of_the_past(void **state)
{
    (void)state;
    open_with((struct txrig_conf){0}, 10);
    txrig_ack(&rig, 2 * TXRIG_MSS, 0);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 2 * TXRIG_MSS, 1, SEGS(3, 6));
    assert_int_equal(txrig_resend(&rig, NULL), 1);
    txrig_pass(&rig, 10 * MS);
    txrig_ack(&rig, 10 * TXRIG_MSS, 0);
    assert_int_equal(rig.conn->tcp->stats.undos, 0);
    txrig_ack(&rig, 10 * TXRIG_MSS, 1, SEGS(2, 3));
    assert_int_equal(rig.conn->tcp->stats.undos, 1);
    assert_true(rig.conn->cc.cwnd >= 10);
}

/* An ACK that was overtaken still tells what came. */
static void test_blocks_of_an_old_ack(void **state)
{
    (void)state;
    open_with((struct txrig_conf){0}, 10);
    txrig_pass(&rig, 100 * MS);
    txrig_ack(&rig, 3 * TXRIG_MSS, 0);
    assert_true(txrig_ack(&rig, 2 * TXRIG_MSS, 1, SEGS(5, 8)));
    assert_int_equal(rig.flight->sacked, 3);
    assert_int_equal(state_now(), TCP_CA_RECOVERY);
}

/* No memory for a record's second half: what it covers in part is not marked. */
static void test_no_memory_to_cut(void **state)
{
    struct tcp_seg *rest;

    (void)state;
    txrig_open(&rig, NULL);
    txrig_send_super(&rig, 8);
    rest = rig.tcp->segs_free;
    rig.tcp->segs_free = NULL;
    txrig_ack(&rig, 0, 1, SEGS(2, 4));
    assert_int_equal(rig.flight->sacked, 0);
    assert_int_equal(rig.conn->tcp->stats.no_memory, 1);
    rig.tcp->segs_free = rest;
    txrig_ack(&rig, 0, 1, SEGS(2, 4));
    assert_int_equal(rig.flight->sacked, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_super_segment_is_cut), TEST(test_sacked_segments_become_one_record),
        TEST(test_bad_blocks),           TEST(test_reneging),
        TEST(test_dsack_above),          TEST(test_dsack_of_the_past),
        TEST(test_blocks_of_an_old_ack), TEST(test_no_memory_to_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
