/* SPDX-License-Identifier: ISC */
/* test_tcp_conn.c - a connection's whole life between two stacks: opened from either side and from
 * both, used, closed in every order (tcp_conn.c, tcp_synsent.c). */
#include "tcplifetest.h"

#define BULK (UINT32_C(1) << 20)

/* ---- opening ---- */

static void test_handshake_agrees_on_every_option(void **state)
{
    struct tcp_info info[2];
    tcp_t conn[2];

    (void)state;
    tcprig_open(&rig, NULL);
    tcprig_connect(&rig, &conn[0], &conn[1]);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(tcp_info(tcp_of(i), conn[i], tcprig_now(), &info[i]), 0);
        assert_int_equal(info[i].state, TCP_ESTABLISHED);
        assert_true(info[i].ts_ok && info[i].sack_ok && info[i].wscale_ok);
        assert_false(info[i].ecn_ok); /* nobody asked */
        assert_int_equal(info[i].snd_mss, 1448);
        assert_int_equal(info[i].cwnd, 10);
        assert_int_equal(info[i].src, tcprig_addr(i));
        assert_int_equal(info[i].dst, tcprig_addr(1 - i));
        assert_true(tcp_ready(tcp_of(i), conn[i]) & TCP_READY_SEND);
        assert_int_equal(tcp_of(i)->stats.segs_out, i == 0 ? 2 : 1);
    }
    assert_int_equal(info[0].rcv_wscale, 7);
    assert_int_equal(info[1].rcv_wscale, 7);
    assert_int_equal(info[0].src_port, info[1].dst_port);
    tcp_abort(tcp_of(0), conn[0], tcprig_now());
    tcprig_poll(&rig);
    close_end(1, conn[1]);
    assert_all_gone(0);
    tcprig_close(&rig);
}

static void test_connect_to_a_port_where_nobody_listens_is_refused(void **state)
{
    struct tcp_connect_conf conf = {.dst = tcprig_addr(1), .dst_port = 9};
    tcp_t conn;

    (void)state;
    tcprig_open(&rig, NULL);
    assert_int_equal(tcp_connect(tcp_of(0), &conf, tcprig_now(), &conn), 0);
    assert_int_equal(tcp_ready(tcp_of(0), conn), 0);
    assert_int_equal(tcp_next_ready(tcp_of(0)), 0);
    tcprig_poll(&rig);
    assert_int_equal(tcp_next_ready(tcp_of(0)), conn);
    assert_int_equal(tcp_ready(tcp_of(0), conn), TCP_READY_ERROR);
    assert_int_equal(tcp_error(tcp_of(0), conn), -E_CONNREFUSED);
    assert_int_equal(tcp_error(tcp_of(0), conn), -E_CONNREFUSED);
    assert_int_equal(tcp_of(1)->stats.no_port, 1);
    close_end(0, conn);
    assert_all_gone(0);
    tcprig_close(&rig);
}

static void test_connect_to_nobody_gives_up_after_its_retries(void **state)
{
    struct tcp_connect_conf conf = {.dst = tcprig_addr(1), .dst_port = 9};
    tcp_t conn;

    (void)state;
    tcprig_open(&rig, NULL);
    netif_addr_remove(&rig.end[1].nif, tcprig_addr(1));
    assert_int_equal(tcp_connect(tcp_of(0), &conf, tcprig_now(), &conn), 0);
    tcprig_run(&rig, 126 * NS_PER_S); /* 1 + 2 + 4 + 8 + 16 + 32 + 64 = 127 s */
    assert_int_equal(tcp_ready(tcp_of(0), conn), 0);
    tcprig_run(&rig, 2 * NS_PER_S);
    assert_int_equal(tcp_ready(tcp_of(0), conn), TCP_READY_ERROR);
    assert_true(tcp_error(tcp_of(0), conn) == -E_TIMEDOUT ||
                tcp_error(tcp_of(0), conn) == -E_HOSTUNREACH);
    close_end(0, conn);
    assert_all_gone(0);
    tcprig_close(&rig);
}

/* RFC 9293 figure 7. */
static void test_simultaneous_open_makes_one_connection(void **state)
{
    tcp_t conn[2];

    (void)state;
    tcprig_open(&rig, NULL);
    for (unsigned i = 0; i < 2; i++) {
        struct tcp_connect_conf conf = {.src_port = (uint16_t)(1000 + i),
                                        .dst = tcprig_addr(1 - i),
                                        .dst_port = (uint16_t)(1001 - i)};

        assert_int_equal(tcp_connect(tcp_of(i), &conf, tcprig_now(), &conn[i]), 0);
    }
    tcprig_poll(&rig);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(state_of(i, conn[i]), TCP_ESTABLISHED);
    assert_int_equal(tcprig_send(&rig, 0, conn[0], 0, 5000), 5000);
    tcprig_poll(&rig);
    assert_int_equal(tcprig_recv(&rig, 1, conn[1], 0), 5000);
    close_end(0, conn[0]);
    close_end(1, conn[1]);
    tcprig_poll(&rig);
    assert_all_gone(2);
    tcprig_close(&rig);
}

/* ---- use ---- */

static void bulk(const struct tcprig_conf *conf)
{
    uint64_t sent[2] = {0, 0}, got[2] = {0, 0};
    tcp_t conn[2];

    tcprig_open(&rig, conf);
    tcprig_connect(&rig, &conn[0], &conn[1]);
    for (unsigned spins = 0; (got[0] < BULK || got[1] < BULK) && spins < 100000; spins++) {
        for (unsigned i = 0; i < 2; i++) {
            sent[i] += tcprig_send(&rig, i, conn[i], sent[i], (uint32_t)(BULK - sent[i]));
            tcprig_poll_end(&rig, i);
            got[i] += tcprig_recv(&rig, i, conn[i], got[i]);
        }
        if (spins % 64 == 0)
            tcprig_run(&rig, NS_PER_MS);
    }
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(got[i], BULK);
        assert_int_equal(tcp_of(i)->stats.copied_bytes, 0);
        assert_int_equal(rig.end[i].pkts.stats.copied_bytes, 0);
        assert_int_equal(tcp_of(i)->stats.retransmits, 0);
    }
    tcprig_run(&rig, NS_PER_S);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(tcp_ready(tcp_of(i), conn[i]) & TCP_READY_ACKED);
        close_end(i, conn[i]);
    }
    tcprig_poll(&rig);
    assert_all_gone(2);
    tcprig_close(&rig);
}

static void test_bulk_both_ways_without_a_copy(void **state)
{
    (void)state;
    bulk(NULL);
}

static void test_bulk_in_super_segments_without_a_copy(void **state)
{
    struct tcprig_conf conf = {.csum = true, .gso_max_bytes = 65535};

    (void)state;
    bulk(&conf);
}

static void test_bulk_with_each_preset(void **state)
{
    struct tcprig_conf linux_bsd = {.tuning = {&tcp_tuning_linux, &tcp_tuning_freebsd}};
    struct tcprig_conf bsd_ours = {.tuning = {&tcp_tuning_freebsd, &tcp_tuning_default}};

    (void)state;
    bulk(&linux_bsd);
    bulk(&bsd_ours);
}

/* One stack, both ends: what it sends to itself goes by the interface's own queue. */
static void test_a_connection_to_ourselves(void **state)
{
    struct tcp_connect_conf conf = {.dst = tcprig_addr(0), .dst_port = TCPRIG_PORT};
    uint64_t sent = 0, got = 0;
    tcp_t conn[2], listener;

    (void)state;
    tcprig_open(&rig, NULL);
    assert_int_equal(
        tcp_listen(tcp_of(0), &(struct tcp_listen_conf){.port = TCPRIG_PORT}, &listener), 0);
    assert_int_equal(tcp_connect(tcp_of(0), &conf, tcprig_now(), &conn[0]), 0);
    tcprig_poll(&rig);
    assert_int_equal(tcp_accept(tcp_of(0), listener, &conn[1]), 0);
    for (unsigned spins = 0; got < BULK && spins < 100000; spins++) {
        sent += tcprig_send(&rig, 0, conn[0], sent, (uint32_t)(BULK - sent));
        tcprig_run(&rig, NS_PER_MS);
        got += tcprig_recv(&rig, 0, conn[1], got);
    }
    assert_int_equal(got, BULK);
    close_end(0, conn[0]);
    close_end(0, conn[1]);
    tcprig_poll(&rig);
    assert_all_gone(2);
    tcprig_close(&rig);
}

/* RFC 9293 section 3.5: a SYN to the very port it comes from opens at both ends at once. */
static void test_a_port_connected_to_itself(void **state)
{
    struct tcp_connect_conf conf = {.src_port = 77, .dst = tcprig_addr(0), .dst_port = 77};
    tcp_t conn;

    (void)state;
    tcprig_open(&rig, NULL);
    assert_int_equal(tcp_connect(tcp_of(0), &conf, tcprig_now(), &conn), 0);
    tcprig_run(&rig, NS_PER_S);
    assert_int_equal(state_of(0, conn), TCP_ESTABLISHED);
    assert_int_equal(tcprig_send(&rig, 0, conn, 0, 5000), 5000);
    tcprig_run(&rig, NS_PER_S);
    assert_int_equal(tcprig_recv(&rig, 0, conn, 0), 5000);
    close_end(0, conn);
    tcprig_run(&rig, NS_PER_S);
    assert_all_gone(1);
    tcprig_close(&rig);
}

/* ---- closing, in every order ---- */

static void test_the_one_who_closes_first_waits(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 2; first++) {
        tcp_t conn[2];

        tcprig_open(&rig, NULL);
        tcprig_connect(&rig, &conn[0], &conn[1]);
        close_end(first, conn[first]);
        tcprig_poll(&rig);
        assert_int_equal(state_of(1 - first, conn[1 - first]), TCP_CLOSE_WAIT);
        assert_true(tcp_ready(tcp_of(1 - first), conn[1 - first]) & TCP_READY_EOF);
        close_end(1 - first, conn[1 - first]);
        tcprig_poll(&rig);
        assert_int_equal(tcp_usage(tcp_of(first)).time_waits, 1);
        assert_all_gone(1);
        tcprig_close(&rig);
    }
}

static void test_both_close_at_once(void **state)
{
    tcp_t conn[2];

    (void)state;
    tcprig_open(&rig, NULL);
    tcprig_connect(&rig, &conn[0], &conn[1]);
    close_end(0, conn[0]);
    close_end(1, conn[1]);
    tcprig_poll(&rig);
    assert_all_gone(2);
    tcprig_close(&rig);
}

static void test_half_closed_the_other_way_goes_on(void **state)
{
    struct cs_ro view;
    struct cs room;
    tcp_t conn[2];

    (void)state;
    tcprig_open(&rig, NULL);
    tcprig_connect(&rig, &conn[0], &conn[1]);
    assert_int_equal(tcprig_send(&rig, 0, conn[0], 0, 3000), 3000);
    shutdown_end(0, conn[0]);
    assert_int_equal(tcp_send_reserve(tcp_of(0), conn[0], &room), -E_PIPE);
    tcprig_poll(&rig);
    assert_int_equal(state_of(0, conn[0]), TCP_FIN_WAIT_2);
    assert_int_equal(state_of(1, conn[1]), TCP_CLOSE_WAIT);
    assert_true(tcp_ready(tcp_of(1), conn[1]) & TCP_READY_EOF);
    assert_int_equal(tcprig_recv(&rig, 1, conn[1], 0), 3000);
    assert_int_equal(tcp_recv_peek(tcp_of(1), conn[1], &view, 1), 0);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(tcprig_send(&rig, 1, conn[1], i * 4000, 4000), 4000);
        tcprig_run(&rig, 10 * NS_PER_S); /* no timer ends the half that is open */
        assert_int_equal(tcprig_recv(&rig, 0, conn[0], i * 4000), 4000);
    }
    shutdown_end(1, conn[1]);
    tcprig_poll(&rig);
    assert_int_equal(tcp_usage(tcp_of(0)).time_waits, 1);
    /* Both handles live until they are closed, and say that it is over. */
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(tcp_of(i)->rcv_promised, 0);
        assert_int_equal(state_of(i, conn[i]), TCP_CLOSED);
        assert_int_equal(tcp_error(tcp_of(i), conn[i]), 0);
        assert_int_equal(tcp_recv_peek(tcp_of(i), conn[i], &view, 1), 0);
        close_end(i, conn[i]);
    }
    assert_all_gone(1);
    tcprig_close(&rig);
}

static void test_data_that_came_before_the_end_can_still_be_read(void **state)
{
    tcp_t conn[2];

    (void)state;
    tcprig_open(&rig, NULL);
    tcprig_connect(&rig, &conn[0], &conn[1]);
    shutdown_end(1, conn[1]);
    tcprig_poll(&rig);
    assert_int_equal(tcprig_send(&rig, 0, conn[0], 0, 5000), 5000);
    close_end(0, conn[0]);
    tcprig_poll(&rig);
    assert_int_equal(state_of(1, conn[1]), TCP_CLOSED);
    assert_int_equal(tcprig_recv(&rig, 1, conn[1], 0), 5000);
    close_end(1, conn[1]);
    assert_all_gone(1);
    tcprig_close(&rig);
}

/* RFC 2525 section 2.17, RFC 9293 section 3.6.1. */
static void test_close_with_data_unread_is_a_reset(void **state)
{
    tcp_t conn[2];

    (void)state;
    tcprig_open(&rig, NULL);
    tcprig_connect(&rig, &conn[0], &conn[1]);
    assert_int_equal(tcprig_send(&rig, 0, conn[0], 0, 100), 100);
    tcprig_poll(&rig);
    close_end(1, conn[1]);
    tcprig_poll(&rig);
    assert_int_equal(tcp_error(tcp_of(0), conn[0]), -E_CONNRESET);
    close_end(0, conn[0]);
    assert_all_gone(0);
    tcprig_close(&rig);
}

static void test_data_after_close_is_answered_by_reset(void **state)
{
    tcp_t conn[2];

    (void)state;
    for (unsigned acked = 0; acked < 2; acked++) { /* FIN-WAIT-1, FIN-WAIT-2 */
        tcprig_open(&rig, NULL);
        tcprig_connect(&rig, &conn[0], &conn[1]);
        close_end(1, conn[1]);
        if (acked != 0)
            tcprig_poll(&rig);
        assert_int_equal(tcprig_send(&rig, 0, conn[0], 0, 100), 100);
        tcprig_poll(&rig);
        assert_int_equal(tcp_error(tcp_of(0), conn[0]), -E_CONNRESET);
        assert_int_equal(tcp_of(1)->stats.after_close, 1);
        close_end(0, conn[0]);
        assert_all_gone(0);
        tcprig_close(&rig);
    }
}

static void test_abort_tells_the_peer(void **state)
{
    tcp_t conn[2];

    (void)state;
    for (unsigned end = 0; end < 2; end++) {
        tcprig_open(&rig, NULL);
        tcprig_connect(&rig, &conn[0], &conn[1]);
        assert_int_equal(tcprig_send(&rig, end, conn[end], 0, 30000), 30000);
        assert_int_equal(tcp_abort(tcp_of(end), conn[end], tcprig_now()), 0);
        tcprig_poll(&rig);
        assert_int_equal(tcp_ready(tcp_of(1 - end), conn[1 - end]), TCP_READY_ERROR);
        assert_int_equal(tcp_error(tcp_of(1 - end), conn[1 - end]), -E_CONNRESET);
        assert_int_equal(tcp_of(1 - end)->stats.reset_in, 1);
        close_end(1 - end, conn[1 - end]);
        assert_all_gone(0);
        tcprig_close(&rig);
    }
}

static void test_linger_zero_is_abort(void **state)
{
    tcp_t conn[2];

    (void)state;
    tcprig_open(&rig, NULL);
    tcprig_connect(&rig, &conn[0], &conn[1]);
    assert_int_equal(tcp_set(tcp_of(0), conn[0], TCP_OPT_LINGER, 0, tcprig_now()), 0);
    close_end(0, conn[0]);
    tcprig_poll(&rig);
    assert_int_equal(tcp_error(tcp_of(1), conn[1]), -E_CONNRESET);
    close_end(1, conn[1]);
    assert_all_gone(0);
    tcprig_close(&rig);
}

static void test_linger_resets_who_does_not_acknowledge_in_time(void **state)
{
    tcp_t conn[2];

    (void)state;
    tcprig_open(&rig, NULL);
    tcprig_connect(&rig, &conn[0], &conn[1]);
    assert_int_equal(tcp_set(tcp_of(0), conn[0], TCP_OPT_LINGER, 5 * NS_PER_S, tcprig_now()), 0);
    /* More than the peer has room for, and its program does not read. */
    while (tcprig_send(&rig, 0, conn[0], 0, 100000) != 0)
        tcprig_poll(&rig);
    close_end(0, conn[0]);
    tcprig_run(&rig, 4900 * NS_PER_MS);
    assert_int_equal(tcp_usage(tcp_of(0)).conns, 1);
    tcprig_run(&rig, 200 * NS_PER_MS);
    assert_int_equal(tcp_usage(tcp_of(0)).conns, 0);
    assert_int_equal(tcp_error(tcp_of(1), conn[1]), -E_CONNRESET);
    close_end(1, conn[1]);
    assert_all_gone(0);
    tcprig_close(&rig);
}

static void test_fin_wait_2_of_a_closed_one_ends_by_itself(void **state)
{
    tcp_t conn[2];

    (void)state;
    tcprig_open(&rig, NULL);
    tcprig_connect(&rig, &conn[0], &conn[1]);
    close_end(0, conn[0]);
    tcprig_poll(&rig);
    assert_int_equal(tcp_usage(tcp_of(0)).conns, 0); /* a small record is enough */
    assert_int_equal(tcp_usage(tcp_of(0)).time_waits, 1);
    tcprig_run(&rig, 61 * NS_PER_S);
    assert_int_equal(tcp_usage(tcp_of(0)).time_waits, 0);
    /* The peer, which never closed, finds out. */
    assert_int_equal(tcprig_send(&rig, 1, conn[1], 0, 10), 10);
    tcprig_poll(&rig);
    assert_int_equal(tcp_error(tcp_of(1), conn[1]), -E_CONNRESET);
    close_end(1, conn[1]);
    assert_all_gone(0);
    tcprig_close(&rig);
}

/* ---- limits ---- */

static void test_connections_end_where_storage_does(void **state)
{
    struct tcprig_conf limits = {.conns_max = 4};
    tcp_t a[4], b[4], more;
    struct tcp_connect_conf conf = {.dst = tcprig_addr(1), .dst_port = TCPRIG_PORT};

    (void)state;
    tcprig_open(&rig, &limits);
    for (unsigned i = 0; i < 4; i++)
        tcprig_connect(&rig, &a[i], &b[i]);
    assert_int_equal(tcp_connect(tcp_of(0), &conf, tcprig_now(), &more), -E_NOMEM);
    for (unsigned i = 0; i < 4; i++) {
        close_end(0, a[i]);
        close_end(1, b[i]);
    }
    tcprig_poll(&rig);
    assert_int_equal(tcp_connect(tcp_of(0), &conf, tcprig_now(), &more), 0);
    close_end(0, more);
    tcprig_run(&rig, 100 * NS_PER_S);
    tcprig_close(&rig);
}

/* Whatever is opened and closed, and in which order, everything is given back. */
static void test_thousands_of_lives_leave_nothing(void **state)
{
    uint64_t seed = test_seed(11);

    (void)state;
    tcprig_open(&rig, NULL);
    for (unsigned i = 0; i < 3000; i++) {
        uint32_t how = test_random_below(&seed, 64);
        unsigned first = how & 1;
        tcp_t conn[2];

        tcprig_connect(&rig, &conn[0], &conn[1]);
        if ((how & 2) != 0)
            tcprig_send(&rig, 0, conn[0], 0, test_random_below(&seed, 20000));
        if ((how & 4) != 0)
            tcprig_send(&rig, 1, conn[1], 0, test_random_below(&seed, 20000));
        if ((how & 8) != 0)
            tcprig_poll(&rig);
        if (how < 4)
            tcp_abort(tcp_of(first), conn[first], tcprig_now());
        else
            close_end(first, conn[first]);
        if ((how & 16) != 0)
            tcprig_poll(&rig);
        close_end(1 - first, conn[1 - first]);
        tcprig_run(&rig, 20 * NS_PER_MS);
    }
    tcprig_run(&rig, 200 * NS_PER_S);
    assert_all_gone(0);
    tcprig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handshake_agrees_on_every_option),
        cmocka_unit_test(test_connect_to_a_port_where_nobody_listens_is_refused),
        cmocka_unit_test(test_connect_to_nobody_gives_up_after_its_retries),
        cmocka_unit_test(test_simultaneous_open_makes_one_connection),
        cmocka_unit_test(test_bulk_both_ways_without_a_copy),
        cmocka_unit_test(test_bulk_in_super_segments_without_a_copy),
        cmocka_unit_test(test_bulk_with_each_preset),
        cmocka_unit_test(test_a_connection_to_ourselves),
        cmocka_unit_test(test_a_port_connected_to_itself),
        cmocka_unit_test(test_the_one_who_closes_first_waits),
        cmocka_unit_test(test_both_close_at_once),
        cmocka_unit_test(test_half_closed_the_other_way_goes_on),
        cmocka_unit_test(test_data_that_came_before_the_end_can_still_be_read),
        cmocka_unit_test(test_close_with_data_unread_is_a_reset),
        cmocka_unit_test(test_data_after_close_is_answered_by_reset),
        cmocka_unit_test(test_abort_tells_the_peer),
        cmocka_unit_test(test_linger_zero_is_abort),
        cmocka_unit_test(test_linger_resets_who_does_not_acknowledge_in_time),
        cmocka_unit_test(test_fin_wait_2_of_a_closed_one_ends_by_itself),
        cmocka_unit_test(test_connections_end_where_storage_does),
        cmocka_unit_test(test_thousands_of_lives_leave_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
