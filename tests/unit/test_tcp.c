/* SPDX-License-Identifier: ISC */
/* test_tcp.c - TCP's life on an interface: storage, handles, news. */
#include <stdlib.h>
#include <string.h>

#include <morgana/platform.h>

#include "tcpwire.h"
#include "tcpip/tcp_priv.h"

static struct tcp_conf good(struct netrig *rig)
{
    return (struct tcp_conf){.nif = &rig->nif,
                             .key = {1, 2},
                             .conns_max = 4,
                             .pages_max = 16,
                             .tuning = tcp_tuning_default};
}

/* ---- limits ---- */

static void test_memory_bytes_refuses_limits_out_of_range(void **state)
{
    static const struct {
        uint32_t conns, listeners, syns, tws, segs, pages;
    } bad[] = {{0, 0, 0, 0, 0, 16},
               {(1u << 20) + 1, 0, 0, 0, 0, 16},
               {1, 0, 0, 0, 0, 0},
               {1, 0, 0, 0, 0, 15},
               {1, 0, 0, 0, 0, (1u << 24) + 1},
               {1, UINT32_MAX, 0, 0, 0, 16},
               {1, 0, UINT32_MAX, 0, 0, 16},
               {1, 0, 0, UINT32_MAX, 0, 16},
               {1, 0, 0, 0, UINT32_MAX, 16}};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        struct tcp_conf conf = {.conns_max = bad[i].conns,
                                .listeners_max = bad[i].listeners,
                                .syns_max = bad[i].syns,
                                .time_waits_max = bad[i].tws,
                                .segs_max = bad[i].segs,
                                .pages_max = bad[i].pages};

        if (tcp_memory_bytes(&conf) != 0)
            fail_msg("limits %u", i);
    }
}

static void test_memory_bytes_of_the_largest_limits_does_not_overflow(void **state)
{
    struct tcp_conf small = {.conns_max = 1, .pages_max = 16}, large = {.conns_max = 1u << 20,
                                                                        .listeners_max = 1u << 20,
                                                                        .syns_max = 1u << 24,
                                                                        .time_waits_max = 1u << 24,
                                                                        .segs_max = 1u << 28,
                                                                        .pages_max = 1u << 24};

    (void)state;
    assert_true(tcp_memory_bytes(&small) > sizeof(struct tcp_conn));
    assert_true(tcp_memory_bytes(&small) < 64 * 1024);
    assert_true(tcp_memory_bytes(&large) > (size_t)1 << 32);
}

static void test_init_refuses_what_is_out_of_range(void **state)
{
    static uint8_t memory[256 * 1024] __attribute__((aligned(64)));
    struct netrig *rig = netrig_new(true);
    struct tcp_conf conf = good(rig);
    struct tcp tcp, other;

    (void)state;
    conf.memory = memory;
    conf.memory_bytes = tcp_memory_bytes(&conf) - 1;
    assert_int_equal(tcp_init(&tcp, &conf, 0), -E_INVAL);
    conf.memory_bytes = sizeof(memory);
    conf.memory = memory + 8;
    assert_int_equal(tcp_init(&tcp, &conf, 0), -E_INVAL);
    conf.memory = NULL;
    assert_int_equal(tcp_init(&tcp, &conf, 0), -E_INVAL);
    conf.memory = memory;
    conf.nif = NULL;
    assert_int_equal(tcp_init(&tcp, &conf, 0), -E_INVAL);
    conf = good(rig);
    conf.memory = memory;
    conf.memory_bytes = sizeof(memory);
    conf.tuning.iw_segments = 11;
    assert_int_equal(tcp_init(&tcp, &conf, 0), -E_INVAL);
    conf.tuning.iw_segments = 10;
    conf.tuning.window_initial = 65536;
    assert_int_equal(tcp_init(&tcp, &conf, 0), -E_INVAL);
    conf.tuning.window_initial = 65535;
    conf.tuning.delack_ns = 501 * NS_PER_MS;
    assert_int_equal(tcp_init(&tcp, &conf, 0), -E_INVAL);
    conf.tuning.delack_ns = 500 * NS_PER_MS;
    conf.tuning.mss_max = 65496;
    assert_int_equal(tcp_init(&tcp, &conf, 0), -E_INVAL);
    conf.tuning.mss_max = 65495;
    assert_int_equal(tcp_init(&tcp, &conf, 0), 0);
    assert_int_equal(tcp_init(&other, &conf, 0), -E_BUSY);
    tcp_fini(&tcp);
    assert_int_equal(tcp_init(&other, &conf, 0), 0);
    tcp_fini(&other);
    netrig_free(rig);
}

static void test_presets_are_in_range(void **state)
{
    static const struct tcp_tuning *const presets[] = {&tcp_tuning_default, &tcp_tuning_linux,
                                                       &tcp_tuning_freebsd};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(presets); i++) {
        struct tcpwire w;

        tcpwire_open(&w, presets[i]);
        tcpwire_close(&w);
    }
}

/* Every record can be had, no more than that, and had again. */
static void test_pools_give_what_was_configured(void **state)
{
    struct tcp_conn *conns[4];
    struct tcp_seg *segs[64];
    struct tcp_ooo *ooo[16];
    struct tcpwire w;

    (void)state;
    tcpwire_blank(&w, &tcp_tuning_default);
    w.conf.conns_max = 4;
    w.conf.pages_max = 16;
    tcpwire_start(&w);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 4; i++)
            assert_non_null(conns[i] = tcp_conn_get(&w.tcp));
        assert_null(tcp_conn_get(&w.tcp));
        for (unsigned i = 0; i < 64; i++)
            assert_non_null(segs[i] = tcp_seg_get(&w.tcp));
        assert_null(tcp_seg_get(&w.tcp));
        for (unsigned i = 0; i < 16; i++)
            assert_non_null(ooo[i] = tcp_ooo_get(&w.tcp));
        assert_null(tcp_ooo_get(&w.tcp));
        assert_int_equal(tcp_usage(&w.tcp).conns, 4);
        assert_int_equal(tcp_usage(&w.tcp).segs, 64);
        assert_int_equal(tcp_usage(&w.tcp).ooo, 16);
        for (unsigned i = 0; i < 4; i++)
            tcp_conn_put(&w.tcp, conns[i]);
        for (unsigned i = 0; i < 64; i++)
            tcp_seg_put(&w.tcp, segs[i]);
        for (unsigned i = 0; i < 16; i++)
            tcp_ooo_put(&w.tcp, ooo[i]);
    }
    assert_int_equal(tcp_usage(&w.tcp).conns, 0);
    tcpwire_close(&w);
}

/* ---- handles ---- */

static void is_bad(struct tcp *tcp, tcp_t handle)
{
    struct tcp_ends ends;
    struct tcp_info info;
    struct cs_ro view;
    struct cs room;
    uint64_t value;
    tcp_t conn;

    assert_int_equal(tcp_ready(tcp, handle), 0);
    assert_int_equal(tcp_accept(tcp, handle, &conn), -E_BADF);
    assert_int_equal(tcp_error(tcp, handle), -E_BADF);
    assert_int_equal(tcp_recv_peek(tcp, handle, &view, 1), -E_BADF);
    assert_int_equal(tcp_recv_consume(tcp, handle, 0, 0), -E_BADF);
    assert_int_equal(tcp_recv_pending(tcp, handle, NULL), -E_BADF);
    assert_int_equal(tcp_send_reserve(tcp, handle, &room), -E_BADF);
    assert_int_equal(tcp_send_commit(tcp, handle, 0, 0), -E_BADF);
    assert_int_equal(tcp_send_pending(tcp, handle, NULL), -E_BADF);
    assert_int_equal(tcp_shutdown(tcp, handle, 0), -E_BADF);
    assert_int_equal(tcp_close(tcp, handle, 0), -E_BADF);
    assert_int_equal(tcp_abort(tcp, handle, 0), -E_BADF);
    assert_int_equal(tcp_set(tcp, handle, TCP_OPT_NODELAY, 1, 0), -E_BADF);
    assert_int_equal(tcp_get(tcp, handle, TCP_OPT_NODELAY, &value), -E_BADF);
    assert_int_equal(tcp_info(tcp, handle, 0, &info), -E_BADF);
    assert_int_equal(tcp_ends(tcp, handle, &ends), -E_BADF);
}

static tcp_t open_one(struct tcpwire *w, tcp_t listener)
{
    tcp_t conn;

    tcpwire_handshake(w, 1, 100, true);
    assert_int_equal(tcp_accept(&w->tcp, listener, &conn), 0);
    return conn;
}

static void test_made_up_and_stale_handles_are_badf_everywhere(void **state)
{
    struct tcpwire w;
    tcp_t listener, conn, again;
    uint64_t random = 88172645463325252u;

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    is_bad(&w.tcp, 0);
    is_bad(&w.tcp, UINT64_MAX);
    listener = tcpwire_listen(&w, 4);
    conn = open_one(&w, listener);
    assert_true(conn != 0 && conn != listener);
    for (unsigned i = 0; i < 20000; i++) {
        tcp_t made_up;

        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        /* Some are near the real ones. */
        made_up = i % 3 == 0 ? random : (i % 3 == 1 ? conn : listener) ^ 1ull << random % 64;
        is_bad(&w.tcp, made_up);
    }
    assert_int_equal(tcp_abort(&w.tcp, conn, w.rig->now), 0);
    tcpwire_skip(&w);
    is_bad(&w.tcp, conn);
    again = open_one(&w, listener);
    assert_true(again != conn);
    is_bad(&w.tcp, conn);
    assert_int_equal(tcp_close(&w.tcp, listener, w.rig->now), 0);
    is_bad(&w.tcp, listener);
    tcpwire_close(&w);
}

/* Even of a stack with the same key. */
static void test_handles_of_another_stack_are_badf(void **state)
{
    struct tcpwire a, b;
    tcp_t la, lb, conn;

    (void)state;
    tcpwire_open(&a, &tcp_tuning_default);
    tcpwire_open(&b, &tcp_tuning_default);
    la = tcpwire_listen(&a, 4);
    lb = tcpwire_listen(&b, 4);
    conn = open_one(&a, la);
    open_one(&b, lb);
    is_bad(&b.tcp, conn);
    is_bad(&b.tcp, la);
    is_bad(&a.tcp, lb);
    tcpwire_close(&a);
    tcpwire_close(&b);
}

/* What waits to be accepted has no handle yet, what was closed has none any more. */
static void test_only_who_has_the_handle_finds_a_connection(void **state)
{
    struct tcpwire w;
    tcp_t listener, conn;

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    listener = tcpwire_listen(&w, 4);
    tcpwire_handshake(&w, 1, 100, true);
    is_bad(&w.tcp, tcp_conn_handle(&w.tcp.conns[0]));
    assert_int_equal(tcp_accept(&w.tcp, listener, &conn), 0);
    assert_int_equal(conn, tcp_conn_handle(&w.tcp.conns[0]));
    assert_int_equal(tcp_close(&w.tcp, conn, w.rig->now), 0);
    assert_true(w.tcp.conns[0].used); /* its FIN is still to be sent */
    is_bad(&w.tcp, conn);
    tcpwire_close(&w);
}

/* ---- news ---- */

static void test_each_with_news_is_told_of_once_in_order(void **state)
{
    struct tcpwire w;
    struct tcpwire_seg synack[4];
    tcp_t listener, conn[4];

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    listener = tcpwire_listen(&w, 4);
    for (uint16_t i = 0; i < 4; i++) {
        synack[i] = tcpwire_handshake(&w, (uint16_t)(i + 1), 100, false);
        assert_int_equal(tcp_accept(&w.tcp, listener, &conn[i]), 0);
        tcpwire_skip(&w);
    }
    while (tcp_next_ready(&w.tcp) != 0)
        continue;
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 4; i-- > 1;)
            tcpwire_in(&w, (struct tcp_frame){.sport = (uint16_t)(i + 1),
                                              .flags = F_ACK,
                                              .seq = 101 + 10 * round,
                                              .ack = synack[i].seq + 1,
                                              .wnd = 1000,
                                              .len = 10});
    assert_int_equal(tcp_next_ready(&w.tcp), conn[3]);
    assert_int_equal(tcp_next_ready(&w.tcp), conn[2]);
    /* One that is closed meanwhile is not told of. */
    assert_int_equal(tcp_abort(&w.tcp, conn[1], w.rig->now), 0);
    assert_int_equal(tcp_next_ready(&w.tcp), 0);
    /* More data are news again. */
    tcpwire_in(&w, (struct tcp_frame){.sport = 4,
                                      .flags = F_ACK,
                                      .seq = 121,
                                      .ack = synack[3].seq + 1,
                                      .wnd = 1000,
                                      .len = 10});
    assert_int_equal(tcp_next_ready(&w.tcp), conn[3]);
    assert_int_equal(tcp_next_ready(&w.tcp), 0);
    tcpwire_close(&w);
}

static void test_news_that_are_told_twice_are_one(void **state)
{
    struct tcpwire w;
    tcp_t listener, one, two;

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    listener = tcpwire_listen(&w, 4);
    tcpwire_handshake(&w, 1, 100, false);
    tcpwire_handshake(&w, 2, 100, false);
    assert_int_equal(tcp_accept(&w.tcp, listener, &one), 0);
    assert_int_equal(tcp_accept(&w.tcp, listener, &two), 0);
    while (tcp_next_ready(&w.tcp) != 0)
        continue;
    tcp_news(&w.tcp, &tcp_conn_of(&w.tcp, one)->news);
    tcp_news(&w.tcp, &tcp_conn_of(&w.tcp, two)->news);
    tcp_news(&w.tcp, &tcp_conn_of(&w.tcp, one)->news);
    assert_int_equal(tcp_next_ready(&w.tcp), one);
    assert_int_equal(tcp_next_ready(&w.tcp), two);
    assert_int_equal(tcp_next_ready(&w.tcp), 0);
    tcpwire_close(&w);
}

/* A record that is used again while its old news are in the list. */
static void test_news_survive_the_connection_they_were_of(void **state)
{
    struct tcpwire w;
    tcp_t listener, conn;

    (void)state;
    tcpwire_blank(&w, &tcp_tuning_default);
    w.conf.conns_max = 1;
    tcpwire_start(&w);
    listener = tcpwire_listen(&w, 4);
    for (unsigned i = 0; i < 5; i++) {
        conn = open_one(&w, listener);
        assert_int_equal(tcp_abort(&w.tcp, conn, w.rig->now), 0);
        tcpwire_skip(&w);
    }
    conn = open_one(&w, listener);
    assert_int_equal(tcp_next_ready(&w.tcp), conn);
    assert_int_equal(tcp_next_ready(&w.tcp), 0);
    tcpwire_close(&w);
}

/* ---- the end ---- */

/* tcpwire_close checks that every page and packet is back. */
static void test_fini_puts_everything_in_every_state(void **state)
{
    struct tcp_connect_conf conf = {.dst = NETRIG_PEER, .dst_port = 9};
    struct tcp_frame syn = {.sport = 99, .flags = F_SYN, .seq = 5, .wnd = 1000};
    struct tcpwire w;
    tcp_t listener, conn, other;
    struct cs room;

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    listener = tcpwire_listen(&w, 4);
    for (uint16_t port = 1; port <= 3; port++) {
        struct tcpwire_seg synack = tcpwire_handshake(&w, port, 100, false);

        assert_int_equal(tcp_accept(&w.tcp, listener, &conn), 0);
        for (unsigned i = 0; i < 3; i++) /* in order, and not */
            tcpwire_in(&w, (struct tcp_frame){.sport = port,
                                              .flags = F_ACK,
                                              .seq = 101 + 200 * i,
                                              .ack = synack.seq + 1,
                                              .wnd = 1000,
                                              .len = 100});
        assert_int_equal(tcp_send(&w.tcp, conn, cs_ro_of("hello", 5), w.rig->now), 5);
        assert_int_equal(tcp_send_reserve(&w.tcp, conn, &room), 0);
        if (port == 2)
            assert_int_equal(tcp_shutdown(&w.tcp, conn, w.rig->now), 0);
        netrig_poll(w.rig);
        tcpwire_skip(&w);
    }
    assert_int_equal(tcp_connect(&w.tcp, &conf, w.rig->now, &other), 0);
    tcpwire_in(&w, syn);
    tcpwire_skip(&w);
    tcpwire_handshake(&w, 50, 100, true);
    tcpwire_close(&w);
}

/* A program without TCP is as it was: protocol 6 is unreachable. */
static void test_without_tcp_the_protocol_is_unreachable(void **state)
{
    struct tcpwire w;

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    tcp_fini(&w.tcp);
    tcpwire_in(&w, (struct tcp_frame){.flags = F_SYN});
    tcpwire_quiet(&w);
    assert_int_equal(w.rig->nif.stats.ip4_protocol, 1);
    assert_int_equal(w.rig->nif.stats.icmp_errors_sent, 1);
    netrig_free(w.rig);
    free(w.memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_bytes_refuses_limits_out_of_range),
        cmocka_unit_test(test_memory_bytes_of_the_largest_limits_does_not_overflow),
        cmocka_unit_test(test_init_refuses_what_is_out_of_range),
        cmocka_unit_test(test_presets_are_in_range),
        cmocka_unit_test(test_pools_give_what_was_configured),
        cmocka_unit_test(test_made_up_and_stale_handles_are_badf_everywhere),
        cmocka_unit_test(test_handles_of_another_stack_are_badf),
        cmocka_unit_test(test_only_who_has_the_handle_finds_a_connection),
        cmocka_unit_test(test_each_with_news_is_told_of_once_in_order),
        cmocka_unit_test(test_news_that_are_told_twice_are_one),
        cmocka_unit_test(test_news_survive_the_connection_they_were_of),
        cmocka_unit_test(test_fini_puts_everything_in_every_state),
        cmocka_unit_test(test_without_tcp_the_protocol_is_unreachable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
