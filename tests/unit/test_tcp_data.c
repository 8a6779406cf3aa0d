/* SPDX-License-Identifier: ISC */
/* test_tcp_data.c - text and FIN: what is cut off, what is kept, what is answered. */
#include "rxtest.h"

static void test_text_in_order_is_kept_by_reference(void **state)
{
    const struct pkt *pkt;

    (void)state;
    rxrig_text(&rig, 0, 1448);
    pkt = rig.conn->rcv.head;
    assert_int_equal(pkt->len, 1448);
    assert_int_equal(pkt->frag[0].off, 40 + 54);
    assert_int_equal(rxrig_next(&rig), 1448);
    assert_int_equal(rxrig_read(&rig, 0), 1448);
    assert_int_equal(rig.tcp->stats.copied_bytes, 0);
    assert_int_equal(rig.conn->bytes_received, 1448);
}

/* Link padding, which the IPv4 length leaves out, is no text. */
static void test_padding_is_cut_off(void **state)
{
    struct tcp_rx rx = {.pkt = pkt_alloc(&rig.rig.end[0].pkts, 0, 60),
                        .hdr = {.seq = RXRIG_FIRST, .header_len = 20, .flags = TCP_ACK},
                        .text_off = 54,
                        .len = 2,
                        .segs = 1,
                        .mss = 2,
                        .now = tcprig_now()};

    (void)state;
    tcp_data_input(rig.conn, &rx);
    assert_null(rx.pkt);
    assert_int_equal(rig.conn->rcv.bytes, 2);
    assert_int_equal(rig.conn->rcv.head->len, 2);
}

static void test_old_front_is_cut_off_and_told(void **state)
{
    struct tcp_sack_block block[4];

    (void)state;
    rxrig_text(&rig, 0, 1000);
    rxrig_ack(&rig);
    rig.salt = 0x55; /* the old bytes differ: those that came first stay */
    rxrig_text(&rig, 0, 1000);
    assert_int_equal(rxrig_next(&rig), 1000);
    rig.salt = 0;
    rxrig_ack(&rig);
    rxrig_sack(&rig, block, 4);
    rxrig_text(&rig, 400, 1000);
    assert_int_equal(rxrig_next(&rig), 1400);
    /* RFC 2883 section 4.1. */
    assert_int_equal(rxrig_sack(&rig, block, 4), 1);
    assert_int_equal(block[0].start, 400);
    assert_int_equal(block[0].end, 1000);
    assert_int_equal(rxrig_read(&rig, 0), 1400);
}

static void test_old_text_is_answered_by_d_sack(void **state)
{
    struct tcp_sack_block block[4];

    (void)state;
    rxrig_text(&rig, 0, 1000);
    rxrig_ack(&rig);
    rxrig_text(&rig, 200, 300);
    assert_int_equal(rig.tcp->stats.duplicate, 1);
    assert_int_equal(rxrig_sack(&rig, block, 4), 1);
    assert_int_equal(block[0].start, 200);
    assert_int_equal(block[0].end, 500);
    /* It is told once. */
    assert_int_equal(rxrig_sack(&rig, block, 4), 0);
    assert_int_equal(rxrig_dup_acks(&rig), 1);
    assert_int_equal(rxrig_read(&rig, 0), 1000);
}

static void test_text_is_cut_to_the_right_edge(void **state)
{
    uint32_t window = tcp_window_offered(rig.conn), at = 0;

    (void)state;
    while (window - at > 3000) {
        rxrig_text(&rig, at, 3000);
        at += 3000;
    }
    rxrig_segment(&rig, at, 3000, TCP_FIN);
    assert_int_equal(rxrig_next(&rig), window);
    /* With what was cut off its FIN went too. */
    assert_false(rig.conn->rcv.fin);
    assert_int_equal(tcp_window_offered(rig.conn), 0);
    assert_int_equal(rxrig_read(&rig, 0), window);
}

/* Linux takes all of it or nothing. */
static void test_linux_takes_what_overruns_an_empty_queue(void **state)
{
    (void)state;
    rxrig_close(&rig);
    rxrig_open(&rig, &(struct rxrig_conf){.tuning = &tcp_tuning_linux, .rcvbuf = 5000});
    assert_int_equal(tcp_window_offered(rig.conn), 5000 - 5000 % 1460);
    rxrig_text(&rig, 0, 1000);
    rxrig_ack(&rig);
    rxrig_text(&rig, 1000, 5000);
    rxrig_text(&rig, 2000, 5000);
    assert_int_equal(rxrig_dup_acks(&rig), 2);
    assert_int_equal(rxrig_next(&rig), 1000);
    rxrig_read(&rig, 0);
    rxrig_text(&rig, 1000, 6000);
    assert_int_equal(rxrig_next(&rig), 7000);
    assert_int_equal(rxrig_read(&rig, 1000), 6000);
}

static void test_text_beyond_the_window_is_answered(void **state)
{
    uint32_t window = tcp_window_offered(rig.conn);

    (void)state;
    rxrig_text(&rig, window, 10);
    assert_int_equal(rig.tcp->stats.out_of_window, 1);
    assert_int_equal(rxrig_dup_acks(&rig), 1);
    assert_int_equal(rig.tcp->used.pages, 0);
}

/* RFC 9293 section 3.8.6.1: a probe has no room, and is answered. */
static void test_zero_window_probe_is_answered(void **state)
{
    (void)state;
    rig.conn->rcv_adv = rig.conn->rcv_nxt;
    rxrig_text(&rig, 0, 1);
    assert_int_equal(rig.tcp->stats.zero_window, 1);
    assert_int_equal(rxrig_dup_acks(&rig), 1);
    assert_int_equal(rxrig_next(&rig), 0);
}

static void test_fin_in_order_ends_the_stream(void **state)
{
    struct cs_ro view;

    (void)state;
    rxrig_segment(&rig, 0, 100, TCP_FIN);
    assert_int_equal(rxrig_next(&rig), 101);
    assert_int_equal(rig.conn->state, TCP_CLOSE_WAIT);
    assert_true(rxrig_acked(&rig));
    assert_int_equal(rxrig_read(&rig, 0), 100);
    assert_int_equal(tcp_recv_peek(rig.tcp, rig.handle, &view, 1), 0);
}

/* A FIN takes no room: it must not wait for the program to read. */
static void test_fin_is_taken_in_a_window_of_zero(void **state)
{
    (void)state;
    rig.conn->rcv_adv = rig.conn->rcv_nxt;
    rxrig_segment(&rig, 0, 0, TCP_FIN);
    assert_int_equal(rig.conn->state, TCP_CLOSE_WAIT);
}

static void test_fin_out_of_order_waits_for_the_text_before(void **state)
{
    (void)state;
    rxrig_segment(&rig, 100, 50, TCP_FIN);
    assert_int_equal(rig.conn->state, TCP_ESTABLISHED);
    assert_int_equal(rxrig_dup_acks(&rig), 1);
    rxrig_text(&rig, 0, 100);
    assert_int_equal(rig.conn->state, TCP_CLOSE_WAIT);
    assert_int_equal(rxrig_next(&rig), 151);
    assert_int_equal(rxrig_read(&rig, 0), 150);
}

static void test_fin_alone_out_of_order_waits_too(void **state)
{
    (void)state;
    rxrig_segment(&rig, 100, 0, TCP_FIN);
    assert_int_equal(rxrig_dup_acks(&rig), 1);
    rxrig_text(&rig, 0, 100);
    assert_int_equal(rig.conn->state, TCP_CLOSE_WAIT);
    assert_int_equal(rxrig_next(&rig), 101);
}

static void test_there_is_no_text_after_a_fin(void **state)
{
    (void)state;
    rxrig_segment(&rig, 100, 50, TCP_FIN);
    rxrig_text(&rig, 140, 100);
    rxrig_text(&rig, 160, 100);
    /* Nor another FIN. */
    rxrig_segment(&rig, 50, 20, TCP_FIN);
    rxrig_text(&rig, 0, 100);
    assert_int_equal(rxrig_next(&rig), 151);
    assert_int_equal(rxrig_read(&rig, 0), 150);
}

static void test_first_fin_counts(void **state)
{
    (void)state;
    rxrig_segment(&rig, 100, 0, TCP_FIN);
    rxrig_segment(&rig, 50, 0, TCP_FIN);
    rxrig_segment(&rig, 200, 0, TCP_FIN);
    rxrig_text(&rig, 0, 100);
    assert_int_equal(rig.conn->state, TCP_CLOSE_WAIT);
    assert_int_equal(rxrig_next(&rig), 101);
}

/* Text is known after it: so there is no end here. */
static void test_fin_before_text_that_came_is_no_end(void **state)
{
    (void)state;
    rxrig_text(&rig, 200, 50);
    rxrig_segment(&rig, 0, 100, TCP_FIN);
    assert_int_equal(rig.conn->state, TCP_ESTABLISHED);
    assert_int_equal(rxrig_next(&rig), 100);
    rxrig_text(&rig, 100, 100);
    assert_int_equal(rxrig_read(&rig, 0), 250);
}

static void test_gap_filled_is_acknowledged_at_once(void **state)
{
    (void)state;
    rig.conn->rcv.pingpong = true;
    rig.conn->rcv.ato_ns = 40 * NS_PER_MS;
    rxrig_text(&rig, 1000, 100);
    assert_int_equal(rxrig_dup_acks(&rig), 1);
    rxrig_text(&rig, 0, 500);
    assert_true(rxrig_acked(&rig)); /* a part */
    rxrig_text(&rig, 500, 500);
    assert_true(rxrig_acked(&rig)); /* all of it */
    assert_int_equal(rxrig_next(&rig), 1100);
    rxrig_text(&rig, 1100, 100);
    assert_false(rxrig_acked(&rig));
    assert_int_equal(rxrig_read(&rig, 0), 1200);
}

static void test_overlap_with_early_text_keeps_what_came_first(void **state)
{
    struct tcp_sack_block block[4];

    (void)state;
    rxrig_text(&rig, 300, 100);
    rxrig_text(&rig, 600, 100);
    rig.salt = 0x80;
    rxrig_sack(&rig, block, 4);
    rxrig_text(&rig, 0, 0);
    rig.salt = 0;
    rxrig_text(&rig, 0, 300); /* up to it */
    assert_int_equal(rxrig_next(&rig), 400);
    rxrig_text(&rig, 450, 50);
    rxrig_text(&rig, 380, 500); /* over all, and beyond */
    assert_int_equal(rxrig_next(&rig), 880);
    assert_int_equal(rxrig_read(&rig, 0), 880);
    assert_int_equal(rig.conn->rcv.ooo.count, 0);
}

static void test_bytes_that_came_first_stay(void **state)
{
    (void)state;
    rxrig_text(&rig, 300, 100);
    rig.salt = 0x80;
    rxrig_text(&rig, 300, 100);
    rig.salt = 0;
    rxrig_text(&rig, 0, 250);
    rig.salt = 0x80;
    rxrig_text(&rig, 100, 100);
    rig.salt = 0;
    rxrig_text(&rig, 250, 50);
    assert_int_equal(rxrig_read(&rig, 0), 400);
}

static void test_early_segments_have_an_ack_each(void **state)
{
    (void)state;
    rxrig_text(&rig, 100, 100);
    rxrig_text(&rig, 300, 100);
    rxrig_text(&rig, 500, 100);
    assert_int_equal(rxrig_dup_acks(&rig), 3);
    assert_int_equal(rig.tcp->stats.ooo_in, 3);
    assert_int_equal(rig.conn->rcv_ooo, 3);
    /* With SACK one says all of a super-segment. */
    rxrig_super(&rig, 1000, 100, 5);
    assert_int_equal(rxrig_dup_acks(&rig), 1);
    rig.conn->sack_ok = false;
    rxrig_super(&rig, 2000, 100, 5);
    assert_int_equal(rxrig_dup_acks(&rig), 5);
}

static void test_nothing_owes_nothing(void **state)
{
    (void)state;
    rxrig_text(&rig, 0, 0);
    assert_int_equal(rig.conn->owed, 0);
    assert_int_equal(rxrig_delay(&rig), NS_NEVER);
}

/* In-order text is worth more: what is early goes first when the budget is spent. */
static void test_budget_goes_to_what_is_next(void **state)
{
    (void)state;
    rxrig_close(&rig);
    rxrig_open(&rig, &(struct rxrig_conf){.pages_max = 16});
    for (uint32_t i = 0; i < 16; i++)
        rxrig_text(&rig, 2000 + i * 2000, 1000);
    assert_int_equal(rig.tcp->used.pages, 16);
    rxrig_text(&rig, 0, 1000);
    assert_int_equal(rxrig_next(&rig), 1000);
    assert_int_equal(rig.tcp->stats.ooo_limit, 1);
    assert_int_equal(rig.tcp->stats.rcvbuf_limit, 0);
    /* The furthest went. */
    assert_int_equal(rig.conn->rcv.ooo.last->end - RXRIG_FIRST, 2000 + 14 * 2000 + 1000);
    for (uint32_t i = 1; i < 17; i++)
        rxrig_text(&rig, rxrig_next(&rig), 1000);
    assert_int_equal(rig.tcp->used.pages, 16);
    assert_true(rig.tcp->stats.rcvbuf_limit > 0);
    assert_int_equal(rxrig_next(&rig), rig.conn->rcv.bytes);
    assert_true(rxrig_dup_acks(&rig) > 0);
    /* What was refused comes again when there is room. */
    rxrig_read(&rig, 0);
    rxrig_text(&rig, rxrig_next(&rig), 1000);
    assert_int_equal(rig.conn->rcv.bytes, 1000);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)
    const struct CMUnitTest tests[] = {
        T(test_text_in_order_is_kept_by_reference),
        T(test_padding_is_cut_off),
        T(test_old_front_is_cut_off_and_told),
        T(test_old_text_is_answered_by_d_sack),
        T(test_text_is_cut_to_the_right_edge),
        T(test_linux_takes_what_overruns_an_empty_queue),
        T(test_text_beyond_the_window_is_answered),
        T(test_zero_window_probe_is_answered),
        T(test_fin_in_order_ends_the_stream),
        T(test_fin_is_taken_in_a_window_of_zero),
        T(test_fin_out_of_order_waits_for_the_text_before),
        T(test_fin_alone_out_of_order_waits_too),
        T(test_there_is_no_text_after_a_fin),
        T(test_first_fin_counts),
        T(test_fin_before_text_that_came_is_no_end),
        T(test_gap_filled_is_acknowledged_at_once),
        T(test_overlap_with_early_text_keeps_what_came_first),
        T(test_bytes_that_came_first_stay),
        T(test_early_segments_have_an_ack_each),
        T(test_nothing_owes_nothing),
        T(test_budget_goes_to_what_is_next),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
