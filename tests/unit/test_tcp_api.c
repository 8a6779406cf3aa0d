/* SPDX-License-Identifier: ISC */
/* test_tcp_api.c - a program's side of connections: what connect wants, news, handles that are none
 * (tcp_api.c). */
#include "tcplifetest.h"

static void test_connect_wants_a_host_and_a_port(void **state)
{
    static const struct {
        struct tcp_connect_conf conf;
        int err;
    } wrong[] = {
        {{.dst = IP4_ADDR(10, 0, 0, 2)}, -E_INVAL},
        {{.dst = IP4_ADDR(224, 0, 0, 1), .dst_port = 1}, -E_INVAL},
        {{.dst = IP4_BROADCAST, .dst_port = 1}, -E_INVAL},
        {{.dst = IP4_ADDR(10, 0, 0, 255), .dst_port = 1}, -E_INVAL},
        {{.dst = 0, .dst_port = 1}, -E_INVAL},
        {{.dst = IP4_ADDR(11, 0, 0, 1), .dst_port = 1}, -E_HOSTUNREACH},
        {{.src = IP4_ADDR(10, 0, 0, 9), .dst = IP4_ADDR(10, 0, 0, 2), .dst_port = 1},
         -E_ADDRNOTAVAIL},
    };
    tcp_t conn = 77, again;

    (void)state;
    tcprig_open(&rig, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++)
        assert_int_equal(tcp_connect(tcp_of(0), &wrong[i].conf, tcprig_now(), &conn), wrong[i].err);
    assert_int_equal(conn, 77);
    struct tcp_connect_conf conf = {.src_port = 5, .dst = tcprig_addr(1), .dst_port = 1};
    assert_int_equal(tcp_connect(tcp_of(0), &conf, tcprig_now(), &conn), 0);
    assert_int_equal(tcp_connect(tcp_of(0), &conf, tcprig_now(), &again), -E_ADDRINUSE);
    close_end(0, conn);
    assert_all_gone(0);
    tcprig_close(&rig);
}

static void test_ends_are_told(void **state)
{
    struct tcp_ends ends[2], listener;
    tcp_t conn[2];

    (void)state;
    tcprig_open(&rig, NULL);
    tcprig_connect(&rig, &conn[0], &conn[1]);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(tcp_ends(tcp_of(i), conn[i], &ends[i]), 0);
    assert_int_equal(ends[0].src, tcprig_addr(0));
    assert_int_equal(ends[0].dst, tcprig_addr(1));
    assert_int_equal(ends[0].dst_port, TCPRIG_PORT);
    assert_int_equal(ends[0].src_port, ends[1].dst_port);
    assert_int_equal(ends[1].src, tcprig_addr(1));
    assert_int_equal(tcp_ends(tcp_of(1), rig.listener, &listener), 0);
    assert_int_equal(listener.src, IP4_ANY);
    assert_int_equal(listener.src_port, TCPRIG_PORT);
    assert_int_equal(listener.dst_port, 0);
    tcprig_close(&rig);
}

/* RFC 6191's reason at the other end: a clock that ran on tells old segments from new ones. */
static void test_ends_in_time_wait_are_free_a_second_later(void **state)
{
    struct tcp_connect_conf conf = {
        .src_port = 5000, .dst = tcprig_addr(1), .dst_port = TCPRIG_PORT};
    tcp_t conn[2], again;

    (void)state;
    tcprig_open(&rig, NULL);
    tcprig_connect(&rig, &conn[0], &conn[1]);
    assert_int_equal(tcp_connect(tcp_of(0), &conf, tcprig_now(), &again), 0);
    tcprig_poll(&rig);
    assert_int_equal(tcp_accept(tcp_of(1), rig.listener, &conn[1]), 0);
    close_end(0, again);
    tcprig_poll(&rig);
    close_end(1, conn[1]);
    tcprig_poll(&rig);
    assert_int_equal(tcp_usage(tcp_of(0)).time_waits, 1);
    assert_int_equal(tcp_connect(tcp_of(0), &conf, tcprig_now(), &again), -E_ADDRINUSE);
    tcprig_run(&rig, 1100 * NS_PER_MS);
    assert_int_equal(tcp_connect(tcp_of(0), &conf, tcprig_now(), &again), 0);
    assert_int_equal(tcp_of(0)->stats.time_wait_reused, 1);
    tcprig_poll(&rig);
    assert_int_equal(state_of(0, again), TCP_ESTABLISHED);
    tcprig_close(&rig);
}

static void test_what_was_read_is_acknowledged_when_it_is_closed(void **state)
{
    struct tcp_info info;
    tcp_t conn[2];

    (void)state;
    tcprig_open(&rig, NULL);
    tcprig_connect(&rig, &conn[0], &conn[1]);
    shutdown_end(0, conn[0]);
    tcprig_poll(&rig);
    assert_int_equal(tcp_set(tcp_of(0), conn[0], TCP_OPT_QUICKACK, 0, tcprig_now()), 0);
    assert_int_equal(tcprig_send(&rig, 1, conn[1], 0, 100), 100);
    tcprig_poll(&rig);
    assert_int_equal(tcprig_recv(&rig, 0, conn[0], 0), 100);
    close_end(0, conn[0]); /* its ACK was still being delayed */
    tcprig_poll(&rig);
    assert_int_equal(tcp_info(tcp_of(1), conn[1], tcprig_now(), &info), 0);
    assert_int_equal(info.packets_out, 0);
    close_end(1, conn[1]);
    tcprig_poll(&rig);
    assert_all_gone(1);
    tcprig_close(&rig);
}

/* RFC 6928 section 2: of long segments no more than 14,600 bytes, but two. */
static void test_initial_window_of_long_segments(void **state)
{
    const struct {
        uint16_t mtu;
        uint32_t cwnd;
    } cases[] = {{576, 10}, {1500, 10}, {3000, 4}, {9000, 2}, {65535, 2}};
    struct tcp_info info;
    tcp_t conn[2];

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        struct tcprig_conf conf = {.mtu_bytes = cases[i].mtu};

        tcprig_open(&rig, &conf);
        tcprig_connect(&rig, &conn[0], &conn[1]);
        for (unsigned k = 0; k < 2; k++) {
            assert_int_equal(tcp_info(tcp_of(k), conn[k], tcprig_now(), &info), 0);
            assert_int_equal(info.snd_mss, cases[i].mtu - 52u);
            assert_int_equal(info.cwnd, cases[i].cwnd);
        }
        tcprig_close(&rig);
    }
}

static void test_a_peer_that_is_given_up_hears_of_it_where_the_tuning_says_so(void **state)
{
    (void)state;
    for (unsigned resets = 0; resets < 2; resets++) {
        struct tcp_tuning tuning = tcp_tuning_default;
        struct tcprig_conf conf = {.tuning = {&tuning, NULL}};
        tcp_t conn[2];

        tuning.timeout_resets = resets != 0;
        tuning.data_retries = 2;
        tcprig_open(&rig, &conf);
        tcprig_connect(&rig, &conn[0], &conn[1]);
        netif_addr_remove(&rig.end[1].nif, tcprig_addr(1));
        assert_int_equal(tcprig_send(&rig, 0, conn[0], 0, 100), 100);
        tcprig_run(&rig, 10 * NS_PER_S);
        assert_int_equal(tcp_of(0)->stats.timed_out, 1);
        assert_true(tcp_ready(tcp_of(0), conn[0]) & TCP_READY_ERROR);
        assert_int_equal(tcp_of(0)->stats.aborted, resets);
        tcprig_close(&rig);
    }
}

/* ---- news ---- */

static void test_each_turn_of_a_life_is_news_once(void **state)
{
    struct tcp_connect_conf conf = {.dst = tcprig_addr(1), .dst_port = TCPRIG_PORT};
    tcp_t conn[2], listener;

    (void)state;
    tcprig_open(&rig, NULL);
    assert_int_equal(
        tcp_listen(tcp_of(1), &(struct tcp_listen_conf){.port = TCPRIG_PORT}, &listener), 0);
    assert_int_equal(tcp_connect(tcp_of(0), &conf, tcprig_now(), &conn[0]), 0);
    assert_int_equal(tcp_next_ready(tcp_of(0)), 0);
    tcprig_poll(&rig);
    assert_int_equal(tcp_next_ready(tcp_of(0)), conn[0]); /* established */
    assert_int_equal(tcp_next_ready(tcp_of(0)), 0);
    assert_int_equal(tcp_next_ready(tcp_of(1)), listener);
    assert_int_equal(tcp_next_ready(tcp_of(1)), 0);
    assert_int_equal(tcp_accept(tcp_of(1), listener, &conn[1]), 0);
    assert_int_equal(tcp_next_ready(tcp_of(1)), conn[1]);
    shutdown_end(0, conn[0]);
    tcprig_poll(&rig);
    assert_int_equal(tcp_next_ready(tcp_of(1)), conn[1]); /* the peer's FIN */
    assert_true(tcp_ready(tcp_of(1), conn[1]) & TCP_READY_EOF);
    assert_int_equal(tcp_next_ready(tcp_of(1)), 0);
    while (tcp_next_ready(tcp_of(0)) != 0)
        ;
    assert_int_equal(tcp_abort(tcp_of(1), conn[1], tcprig_now()), 0);
    tcprig_poll(&rig);
    assert_int_equal(tcp_next_ready(tcp_of(0)), conn[0]); /* reset */
    assert_true(tcp_ready(tcp_of(0), conn[0]) & TCP_READY_ERROR);
    assert_int_equal(tcp_next_ready(tcp_of(0)), 0);
    close_end(0, conn[0]);
    close_end(1, listener);
    assert_all_gone(0);
    tcprig_close(&rig);
}

static void test_keepalive_of_the_listener_is_the_connections(void **state)
{
    tcp_t conn[2];

    (void)state;
    tcprig_open(&rig, NULL);
    tcprig_connect(&rig, &conn[0], &conn[1]);
    assert_int_equal(tcp_set(tcp_of(1), rig.listener, TCP_OPT_KEEPALIVE, 1, tcprig_now()), 0);
    assert_int_equal(
        tcp_set(tcp_of(1), rig.listener, TCP_OPT_KEEPALIVE_IDLE, NS_PER_S, tcprig_now()), 0);
    tcprig_connect(&rig, &conn[0], &conn[1]);
    tcprig_run(&rig, 1500 * NS_PER_MS);
    assert_int_equal(tcp_of(1)->stats.keepalives, 1);
    assert_int_equal(state_of(1, conn[1]), TCP_ESTABLISHED);
    tcprig_close(&rig);
}

/* ---- handles ---- */

static void assert_bad(struct tcp *tcp, tcp_t bad)
{
    struct tcp_info info;
    struct tcp_ends ends;
    struct page *page;
    struct cs_ro view;
    struct cs room;
    uint64_t value;
    uint32_t a, b;
    uint8_t byte;
    tcp_t conn;

    assert_int_equal(tcp_ready(tcp, bad), 0);
    assert_int_equal(tcp_error(tcp, bad), -E_BADF);
    assert_int_equal(tcp_accept(tcp, bad, &conn), -E_BADF);
    assert_int_equal(tcp_recv_peek(tcp, bad, &view, 1), -E_BADF);
    assert_int_equal(tcp_recv_consume(tcp, bad, 0, tcprig_now()), -E_BADF);
    assert_int_equal(tcp_recv_page(tcp, bad, &page, &a, &b, tcprig_now()), -E_BADF);
    assert_int_equal(tcp_recv(tcp, bad, cs_of(&byte, 1), tcprig_now()), -E_BADF);
    assert_int_equal(tcp_recv_pending(tcp, bad, &a), -E_BADF);
    assert_int_equal(tcp_send_reserve(tcp, bad, &room), -E_BADF);
    assert_int_equal(tcp_send_commit(tcp, bad, 0, tcprig_now()), -E_BADF);
    assert_int_equal(tcp_send(tcp, bad, cs_ro_of(&byte, 1), tcprig_now()), -E_BADF);
    assert_int_equal(tcp_send_urgent(tcp, bad), -E_BADF);
    assert_int_equal(tcp_send_pending(tcp, bad, &a), -E_BADF);
    assert_int_equal(tcp_shutdown(tcp, bad, tcprig_now()), -E_BADF);
    assert_int_equal(tcp_close(tcp, bad, tcprig_now()), -E_BADF);
    assert_int_equal(tcp_abort(tcp, bad, tcprig_now()), -E_BADF);
    assert_int_equal(tcp_set(tcp, bad, TCP_OPT_NODELAY, 1, tcprig_now()), -E_BADF);
    assert_int_equal(tcp_get(tcp, bad, TCP_OPT_NODELAY, &value), -E_BADF);
    assert_int_equal(tcp_info(tcp, bad, tcprig_now(), &info), -E_BADF);
    assert_int_equal(tcp_ends(tcp, bad, &ends), -E_BADF);
}

static void test_a_handle_that_is_none_is_badf(void **state)
{
    uint64_t seed = test_seed(7);
    tcp_t conn[2], old;

    (void)state;
    tcprig_open(&rig, NULL);
    assert_bad(tcp_of(0), 0);
    tcprig_connect(&rig, &conn[0], &conn[1]);
    assert_bad(tcp_of(1), conn[0]); /* foreign */
    assert_bad(tcp_of(0), conn[1]);
    assert_bad(tcp_of(0), rig.listener);
    for (unsigned i = 0; i < 100000; i++) { /* made up: any, and near a good one */
        tcp_t made_up = i % 2 == 0 ? test_random(&seed) : conn[0] ^ UINT64_C(1) << (i / 2 % 64);

        if (tcp_ready(tcp_of(0), made_up) != 0 || i < 200)
            assert_bad(tcp_of(0), made_up);
    }
    /* Closed, while TCP still works for it, and after its place has another. */
    assert_int_equal(tcprig_send(&rig, 0, conn[0], 0, 100), 100);
    old = conn[0];
    close_end(0, conn[0]);
    assert_bad(tcp_of(0), old);
    tcprig_poll(&rig);
    assert_int_equal(tcprig_recv(&rig, 1, conn[1], 0), 100);
    close_end(1, conn[1]);
    tcprig_poll(&rig);
    assert_bad(tcp_of(0), old);
    for (unsigned i = 0; i < 3; i++) {
        tcprig_connect(&rig, &conn[0], &conn[1]);
        assert_int_not_equal(conn[0], old);
        assert_bad(tcp_of(0), old);
        assert_int_equal(tcp_abort(tcp_of(0), conn[0], tcprig_now()), 0);
        assert_bad(tcp_of(0), conn[0]);
        tcprig_poll(&rig);
        close_end(1, conn[1]);
    }
    assert_all_gone(1);
    tcprig_close(&rig);
}

static void test_closing_a_listener_resets_those_not_accepted(void **state)
{
    struct tcp_connect_conf conf = {.dst = tcprig_addr(1), .dst_port = TCPRIG_PORT};
    tcp_t conn[3], listener;

    (void)state;
    tcprig_open(&rig, NULL);
    assert_int_equal(
        tcp_listen(tcp_of(1), &(struct tcp_listen_conf){.port = TCPRIG_PORT}, &listener), 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(tcp_connect(tcp_of(0), &conf, tcprig_now(), &conn[i]), 0);
    tcprig_poll(&rig);
    assert_int_equal(tcp_ready(tcp_of(1), listener), TCP_READY_ACCEPT);
    tcp_abort(tcp_of(0), conn[0], tcprig_now()); /* one is gone already */
    tcprig_poll(&rig);
    close_end(1, listener);
    tcprig_poll(&rig);
    for (unsigned i = 1; i < 3; i++) {
        assert_int_equal(tcp_error(tcp_of(0), conn[i]), -E_CONNRESET);
        close_end(0, conn[i]);
    }
    assert_bad(tcp_of(1), listener);
    assert_all_gone(0);
    tcprig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connect_wants_a_host_and_a_port),
        cmocka_unit_test(test_ends_are_told),
        cmocka_unit_test(test_ends_in_time_wait_are_free_a_second_later),
        cmocka_unit_test(test_what_was_read_is_acknowledged_when_it_is_closed),
        cmocka_unit_test(test_initial_window_of_long_segments),
        cmocka_unit_test(test_a_peer_that_is_given_up_hears_of_it_where_the_tuning_says_so),
        cmocka_unit_test(test_each_turn_of_a_life_is_news_once),
        cmocka_unit_test(test_keepalive_of_the_listener_is_the_connections),
        cmocka_unit_test(test_a_handle_that_is_none_is_badf),
        cmocka_unit_test(test_closing_a_listener_resets_those_not_accepted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
