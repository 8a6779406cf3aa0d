/* SPDX-License-Identifier: ISC */
/* test_tcp_lro.c - large receive: what is joined, what is not, and that nothing else is to be seen
 * of it. */
#include <stdlib.h>
#include <string.h>

#include "tcpip/tcp_priv.h"
#include "tcpwire.h"

enum { MSS = 1448, TSVAL = 1001 };
#define FIRST 0xffffff00u /* the peer's first byte: numbers wrap soon */

static struct tcpwire w;
static tcp_t conn, listener;
static uint32_t iss; /* of our first byte */

static void begin(bool ts)
{
    tcpwire_open(&w, &tcp_tuning_default);
    listener = tcpwire_listen(&w, 0);
    iss = tcpwire_handshake(&w, TCPWIRE_PEER_PORT, FIRST - 1, ts).seq + 1;
    assert_int_equal(tcp_accept(&w.tcp, listener, &conn), 0);
}

static void end(void)
{
    assert_int_equal(tcp_abort(&w.tcp, conn, w.rig->now), 0);
    tcpwire_close(&w);
}

static struct tcp_frame text(uint32_t at, uint32_t len)
{
    return (struct tcp_frame){.seq = FIRST + at,
                              .ack = iss,
                              .flags = F_ACK,
                              .wnd = 500,
                              .ts = true,
                              .tsval = TSVAL,
                              .first = at,
                              .len = len};
}

/* Reads `n` bytes, which must be the stream's from `at` on. */
static void read_all(uint32_t at, uint32_t n)
{
    static uint8_t bytes[65536];

    for (uint32_t done = 0; done < n;) {
        int got = tcp_recv(&w.tcp, conn, cs_of(bytes, n - done), w.rig->now);

        assert_true(got > 0);
        for (int i = 0; i < got; i++)
            assert_int_equal(bytes[i], tcp_frame_byte(at + done + (uint32_t)i));
        done += (uint32_t)got;
    }
    assert_int_equal(tcp_recv_pending(&w.tcp, conn, NULL), 0);
}

static uint64_t merged(void)
{
    return w.tcp.stats.merged_in;
}

/* ---- joined ---- */

static void test_segments_that_follow_each_other_are_one(void **state)
{
    (void)state;
    begin(true);
    for (uint32_t i = 0; i < 8; i++)
        tcpwire_in_only(&w, text(i * MSS, MSS));
    assert_int_equal(tcp_recv_pending(&w.tcp, conn, NULL), 0); /* they wait for the poll's end */
    netrig_poll(w.rig);
    assert_int_equal(merged(), 7);
    assert_int_equal(tcpwire_out(&w).ack, FIRST + 8 * MSS);
    tcpwire_quiet(&w);
    read_all(0, 8 * MSS);
    end();
}

static void test_without_timestamps_too(void **state)
{
    (void)state;
    begin(false);
    for (uint32_t i = 0; i < 3; i++) {
        struct tcp_frame f = text(i * MSS, MSS);

        f.ts = false;
        tcpwire_in_only(&w, f);
    }
    netrig_poll(w.rig);
    assert_int_equal(merged(), 2);
    read_all(0, 3 * MSS);
    end();
}

static void test_push_does_not_part_them(void **state)
{
    struct tcp_frame f;

    (void)state;
    begin(true);
    f = text(0, 100);
    f.flags |= F_PSH;
    tcpwire_in_only(&w, f);
    tcpwire_in_only(&w, text(100, 100));
    netrig_poll(w.rig);
    assert_int_equal(merged(), 1);
    read_all(0, 200);
    end();
}

/* The newest ACK and window count, and the first timestamp is echoed (RFC 7323 section 4.3). */
static void test_ack_and_window_are_the_last_ones_the_echo_is_the_first(void **state)
{
    struct tcpwire_seg seg;
    struct tcp_info info;
    struct tcp_frame f;
    uint8_t bytes[100] = {0};

    (void)state;
    begin(true);
    assert_int_equal(tcp_send(&w.tcp, conn, cs_ro_of(bytes, sizeof(bytes)), w.rig->now), 100);
    netrig_poll(w.rig);
    tcpwire_skip(&w);
    for (uint32_t i = 0; i < 4; i++) {
        f = text(i * MSS, MSS);
        f.tsval = TSVAL + i;
        f.ack = iss + 25 * (i + 1);
        f.wnd = (uint16_t)(600 + i);
        tcpwire_in_only(&w, f);
    }
    netrig_poll(w.rig);
    assert_int_equal(merged(), 3);
    assert_int_equal(tcp_info(&w.tcp, conn, w.rig->now, &info), 0);
    assert_int_equal(info.snd_wnd, 603 << 7);
    assert_true(tcp_ready(&w.tcp, conn) & TCP_READY_ACKED);
    seg = tcpwire_out(&w);
    assert_int_equal(seg.tsecr, TSVAL);
    assert_int_equal(info.data_segs_in, 4);
    assert_int_equal(info.segs_in, 4 + 1);
    read_all(0, 4 * MSS);
    end();
}

static void test_no_more_than_a_packet_holds(void **state)
{
    (void)state;
    begin(true);
    for (uint32_t i = 0; i < 45; i++)
        tcpwire_in_only(&w, text(i * 100, 100));
    netrig_poll(w.rig);
    assert_int_equal(merged(), 45 - 3); /* of 18, 18 and 9 */
    read_all(0, 4500);
    end();
}

/* ---- not joined ---- */

static void test_what_differs_is_not_joined(void **state)
{
    struct tcp_frame next[12];

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(next); i++) {
        begin(true);
        for (unsigned k = 0; k < ARRAY_SIZE(next); k++)
            next[k] = text(100, 100);
        next[0] = text(101, 100); /* a gap */
        next[1] = text(99, 100);  /* an overlap */
        next[2].flags |= F_FIN;
        next[3].flags |= F_URG;
        next[3].urg = 1;
        next[4].tsval--;
        next[5].ts = false;
        next[6].ecn = 3;
        next[7].ack--;
        next[8].len = 0;
        next[9].sport = 999; /* somebody else's */
        next[10].src = NETRIG_PEER + 1;
        next[11].flags |= F_CWR;
        tcpwire_in_only(&w, text(0, 100));
        tcpwire_in_only(&w, next[i]);
        /* The first does not wait for whom it does not belong to. */
        assert_true(tcp_recv_pending(&w.tcp, conn, NULL) >= 100);
        netrig_poll(w.rig);
        assert_int_equal(merged(), 0);
        end();
    }
}

static void test_order_is_kept_between_joined_and_other_segments(void **state)
{
    struct tcp_frame fin;

    (void)state;
    begin(true);
    tcpwire_in_only(&w, text(0, 100));
    tcpwire_in_only(&w, text(100, 100));
    tcpwire_in_only(&w, text(200, 0));
    tcpwire_in_only(&w, text(200, 100));
    fin = text(300, 0);
    fin.flags |= F_FIN;
    tcpwire_in_only(&w, fin);
    netrig_poll(w.rig);
    assert_int_equal(merged(), 1);
    assert_int_equal(w.tcp.stats.ooo_in, 0);
    read_all(0, 300);
    assert_true(tcp_ready(&w.tcp, conn) & TCP_READY_EOF);
    end();
}

/* RFC 5681 section 4.2: each out-of-order segment has an ACK of its own. */
static void test_segments_out_of_order_are_counted_one_by_one(void **state)
{
    unsigned acks = 0;
    struct tcpwire_seg seg;

    (void)state;
    begin(true);
    for (uint32_t i = 0; i < 4; i++) {
        tcpwire_in_only(&w, text(5000 + i * 1000, 100)); /* gaps between them too */
    }
    netrig_poll(w.rig);
    while (tcpwire_try_out(&w, &seg))
        acks++;
    assert_int_equal(acks, 4);
    assert_int_equal(merged(), 0);
    end();
}

static void test_the_stack_may_end_while_one_waits(void **state)
{
    (void)state;
    begin(true);
    tcpwire_in_only(&w, text(0, 100));
    tcpwire_close(&w); /* checks that its page is back */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segments_that_follow_each_other_are_one),
        cmocka_unit_test(test_without_timestamps_too),
        cmocka_unit_test(test_push_does_not_part_them),
        cmocka_unit_test(test_ack_and_window_are_the_last_ones_the_echo_is_the_first),
        cmocka_unit_test(test_no_more_than_a_packet_holds),
        cmocka_unit_test(test_what_differs_is_not_joined),
        cmocka_unit_test(test_order_is_kept_between_joined_and_other_segments),
        cmocka_unit_test(test_segments_out_of_order_are_counted_one_by_one),
        cmocka_unit_test(test_the_stack_may_end_while_one_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
