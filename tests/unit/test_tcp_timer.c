/* SPDX-License-Identifier: ISC */
/* test_tcp_timer.c - the heap of connections by deadline, against a model that looks at all. */
#include "tcpwire.h"
#include "tcpip/tcp_priv.h"

enum { CONNS = 64, STEPS = 20000 };

/* TCP_TIMER_PACE marks its connection dirty: that is how we see that it expired. */
static const enum tcp_timer timers[] = {TCP_TIMER_PACE, TCP_TIMER_CORK};

static uint64_t seed;

static uint32_t rnd(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 32) % n;
}

static struct tcp_conn *make(struct tcpwire *w, uint16_t port)
{
    struct tcp_key key = {NETRIG_US, NETRIG_PEER, TCPWIRE_PORT, port};
    struct tcp_conn *conn = tcp_conn_get(&w->tcp);
    struct tcp_preset preset;

    assert_non_null(conn);
    tcp_conn_preset(&w->tcp, &preset);
    tcp_conn_init(conn, &key, &preset, 0);
    return conn;
}

static void check_heap(const struct tcp *tcp)
{
    for (uint32_t i = 0; i < tcp->heap_count; i++) {
        assert_int_equal(tcp->heap[i]->heap_index, i + 1);
        if (i != 0)
            assert_true(tcp->heap[(i - 1) / 2]->heap_at <= tcp->heap[i]->heap_at);
        for (unsigned t = 0; t < TCP_TIMERS; t++)
            assert_true(tcp->heap[i]->heap_at <= tcp->heap[i]->timer_at[t]);
    }
}

static void test_whoever_is_due_expires_and_nobody_else(void **state)
{
    uint64_t at[CONNS][2], now = 1000;
    struct tcp_conn *conns[CONNS];
    struct tcpwire w;

    (void)state;
    seed = 0x1234567887654321;
    tcpwire_blank(&w, &tcp_tuning_default);
    w.conf.conns_max = CONNS;
    tcpwire_start(&w);
    for (uint16_t i = 0; i < CONNS; i++) {
        conns[i] = make(&w, i);
        at[i][0] = at[i][1] = NS_NEVER;
    }
    for (unsigned step = 0; step < STEPS; step++) {
        uint32_t i = rnd(CONNS), t = rnd(2);

        switch (rnd(8)) {
        case 0:
            tcp_timer_stop(conns[i], timers[t]);
            at[i][t] = NS_NEVER;
            break;
        case 1:
            tcp_timer_stop_all(conns[i]);
            at[i][0] = at[i][1] = NS_NEVER;
            break;
        case 2:
            now += rnd(60);
            tcp_timer_run(&w.tcp, now);
            for (unsigned c = 0; c < CONNS; c++) {
                bool due = at[c][0] <= now || at[c][1] <= now;

                assert_int_equal(conns[c]->dirty, due);
                tcp_poll_unmark(conns[c]);
                for (unsigned k = 0; k < 2; k++)
                    if (at[c][k] <= now)
                        at[c][k] = NS_NEVER;
            }
            break;
        default:
            at[i][t] = now + 1 + rnd(500);
            tcp_timer_set(conns[i], timers[t], at[i][t]);
            assert_true(tcp_timer_runs(conns[i], timers[t]));
        }
        check_heap(&w.tcp);
        /* It may be early, never late. */
        for (unsigned c = 0; c < CONNS; c++)
            assert_true(tcp_timer_next(&w.tcp) <= u64_min(at[c][0], at[c][1]));
    }
    for (unsigned i = 0; i < CONNS; i++)
        tcp_conn_put(&w.tcp, conns[i]);
    assert_int_equal(w.tcp.heap_count, 0);
    assert_int_equal(tcp_timer_next(&w.tcp), NS_NEVER);
    tcpwire_close(&w);
}

/* A segment moves a timer to a later time: that touches nothing but its own number. */
static void test_a_later_deadline_costs_nothing_until_the_old_one_comes(void **state)
{
    struct tcpwire w;
    struct tcp_conn *conn;

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    conn = make(&w, 1);
    tcp_timer_set(conn, TCP_TIMER_PACE, 100);
    for (uint64_t at = 101; at < 200; at++) {
        tcp_timer_set(conn, TCP_TIMER_PACE, at);
        assert_int_equal(conn->heap_at, 100);
    }
    tcp_timer_run(&w.tcp, 150);
    assert_false(conn->dirty);
    assert_int_equal(tcp_timer_next(&w.tcp), 199);
    tcp_timer_run(&w.tcp, 199);
    assert_true(conn->dirty);
    tcp_conn_put(&w.tcp, conn);
    tcpwire_close(&w);
}

static void test_stopping_all_leaves_the_heap_in_order(void **state)
{
    enum { MANY = 1000 };
    static struct tcp_conn *conns[MANY];
    struct tcpwire w;

    (void)state;
    seed = 99;
    tcpwire_blank(&w, &tcp_tuning_default);
    w.conf.conns_max = MANY;
    tcpwire_start(&w);
    for (uint16_t i = 0; i < MANY; i++) {
        conns[i] = make(&w, i);
        tcp_timer_set(conns[i], TCP_TIMER_PACE, rnd(1000));
    }
    check_heap(&w.tcp);
    for (unsigned i = 0; i < MANY; i += 3) {
        tcp_conn_put(&w.tcp, conns[i]);
        conns[i] = NULL;
    }
    check_heap(&w.tcp);
    assert_int_equal(w.tcp.heap_count, MANY - (MANY + 2) / 3);
    tcp_timer_run(&w.tcp, 1000);
    assert_int_equal(w.tcp.heap_count, 0);
    for (unsigned i = 0; i < MANY; i++)
        if (conns[i] != NULL)
            tcp_conn_put(&w.tcp, conns[i]);
    tcpwire_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whoever_is_due_expires_and_nobody_else),
        cmocka_unit_test(test_a_later_deadline_costs_nothing_until_the_old_one_comes),
        cmocka_unit_test(test_stopping_all_leaves_the_heap_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
