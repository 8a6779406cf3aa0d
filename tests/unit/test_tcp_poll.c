/* SPDX-License-Identifier: ISC */
/* test_tcp_poll.c - what TCP does at the end of netif_poll: the dirty list, and the interface's
 * door. */
#include "tcpwire.h"
#include "tcpip/tcp_priv.h"

struct two {
    struct tcpwire w;
    tcp_t conn[4];
    uint32_t next[4]; /* the peer's next ACK */
};

static void open_four(struct two *t)
{
    tcp_t listener;

    tcpwire_open(&t->w, &tcp_tuning_default);
    listener = tcpwire_listen(&t->w, 10);
    for (uint16_t i = 0; i < 4; i++) {
        t->next[i] = tcpwire_handshake(&t->w, (uint16_t)(i + 1), 100, false).seq + 1;
        assert_int_equal(tcp_accept(&t->w.tcp, listener, &t->conn[i]), 0);
        tcpwire_skip(&t->w);
    }
    while (netif_arm(&t->w.rig->nif))
        netrig_poll(t->w.rig);
}

static void send_some(struct two *t, unsigned i)
{
    assert_int_equal(tcp_send(&t->w.tcp, t->conn[i], cs_ro_of("abc", 3), t->w.rig->now), 3);
}

/* What a call asks to be sent leaves at the next poll, and netif_arm asks for that. */
static void test_what_calls_ask_for_leaves_at_the_next_poll(void **state)
{
    struct two t;

    (void)state;
    open_four(&t);
    assert_false(netif_arm(&t.w.rig->nif));
    send_some(&t, 0);
    tcpwire_quiet(&t.w);
    assert_true(netif_arm(&t.w.rig->nif));
    netrig_poll(t.w.rig);
    assert_int_equal(tcpwire_out(&t.w).len, 3);
    tcpwire_quiet(&t.w);
    assert_false(netif_arm(&t.w.rig->nif));
    tcpwire_close(&t.w);
}

/* One notification for what a poll sends. */
static void test_all_that_is_dirty_goes_before_the_device_is_flushed(void **state)
{
    struct two t;
    unsigned flushes;

    (void)state;
    open_four(&t);
    for (unsigned i = 0; i < 4; i++)
        send_some(&t, i);
    flushes = t.w.rig->flushes;
    netrig_poll(t.w.rig);
    assert_int_equal(t.w.rig->flushes, flushes + 1);
    for (uint16_t i = 0; i < 4; i++)
        assert_int_equal(tcpwire_out(&t.w).dport, i + 1);
    tcpwire_close(&t.w);
}

/* The device wakes us when it has room: until then we do not say that there is work. */
static void test_a_full_device_is_waited_for(void **state)
{
    struct two t;

    (void)state;
    open_four(&t);
    t.w.rig->tx_room = 0;
    for (unsigned i = 0; i < 4; i++)
        send_some(&t, i);
    assert_true(netif_arm(&t.w.rig->nif));
    netrig_poll(t.w.rig);
    tcpwire_quiet(&t.w);
    assert_false(netif_arm(&t.w.rig->nif));
    assert_int_equal(t.w.tcp.stats.tx_refused, 1); /* the others were not tried */
    t.w.rig->tx_room = 1;
    netrig_poll(t.w.rig);
    tcpwire_out(&t.w);
    tcpwire_quiet(&t.w);
    t.w.rig->tx_room = 100;
    netrig_poll(t.w.rig);
    for (unsigned i = 0; i < 3; i++)
        tcpwire_out(&t.w);
    tcpwire_quiet(&t.w);
    tcpwire_close(&t.w);
}

/* Who was refused goes behind those who were not tried. */
static void test_turns_are_taken_at_a_full_device(void **state)
{
    unsigned sent[4] = {0};
    struct two t;
    struct tcpwire_seg s;

    (void)state;
    open_four(&t);
    for (unsigned i = 0; i < 4; i++)
        for (unsigned k = 0; k < 4; k++) {
            struct page *page = page_get(&t.w.rig->pages);

            assert_int_equal(tcp_send_page(&t.w.tcp, t.conn[i], page, 0, 1460, t.w.rig->now), 0);
        }
    /* Windows of 500 bytes: 3 segments each at most. */
    for (unsigned round = 0; round < 4; round++) {
        t.w.rig->tx_room = 1;
        netrig_poll(t.w.rig);
        while (tcpwire_try_out(&t.w, &s))
            sent[s.dport - 1]++;
    }
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(sent[i], 1);
    tcpwire_close(&t.w);
}

/* A connection that ends while it is dirty is in no list. */
static void test_what_ends_is_not_sent_for(void **state)
{
    struct two t;

    (void)state;
    open_four(&t);
    for (unsigned i = 0; i < 4; i++)
        send_some(&t, i);
    assert_int_equal(t.w.tcp.dirty_count, 4);
    assert_int_equal(tcp_abort(&t.w.tcp, t.conn[1], t.w.rig->now), 0);
    assert_int_equal(tcp_abort(&t.w.tcp, t.conn[3], t.w.rig->now), 0);
    assert_int_equal(tcp_abort(&t.w.tcp, t.conn[0], t.w.rig->now), 0);
    assert_int_equal(t.w.tcp.dirty_count, 1);
    tcpwire_skip(&t.w);
    netrig_poll(t.w.rig);
    assert_int_equal(tcpwire_out(&t.w).dport, 3);
    tcpwire_quiet(&t.w);
    assert_int_equal(t.w.tcp.dirty_count, 0);
    tcpwire_close(&t.w);
}

static void test_poll_at_is_the_earliest_of_all_deadlines(void **state)
{
    struct tcp_frame syn = {.sport = 99, .flags = F_SYN, .seq = 5, .wnd = 1000};
    struct tcpwire w;
    const struct netif *nif;
    uint64_t (*at)(const struct netif *nif) = tcp_netif_ops.poll_at;

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    nif = &w.rig->nif;
    tcpwire_listen(&w, 10);
    assert_int_equal(at(nif), NS_NEVER);
    tcpwire_in(&w, syn);
    assert_int_equal(at(nif), w.rig->now + NS_PER_S);
    assert_true(netif_poll_at(nif) <= at(nif));
    tcp_timer_set(tcp_conn_get(&w.tcp), TCP_TIMER_PACE, w.rig->now + 5);
    assert_int_equal(at(nif), w.rig->now + 5);
    assert_int_equal(netif_poll_at(nif), w.rig->now + 5);
    tcp_conn_put(&w.tcp, &w.tcp.conns[0]);
    tcpwire_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_calls_ask_for_leaves_at_the_next_poll),
        cmocka_unit_test(test_all_that_is_dirty_goes_before_the_device_is_flushed),
        cmocka_unit_test(test_a_full_device_is_waited_for),
        cmocka_unit_test(test_turns_are_taken_at_a_full_device),
        cmocka_unit_test(test_what_ends_is_not_sent_for),
        cmocka_unit_test(test_poll_at_is_the_earliest_of_all_deadlines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
