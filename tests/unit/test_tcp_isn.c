/* SPDX-License-Identifier: ISC */
/* test_tcp_isn.c - initial sequence numbers (RFC 6528), timestamps' offsets (RFC 7323 section 7.1),
 * ports (RFC 6056). */
#include <string.h>

#include "tcpwire.h"
#include "tcpip/tcp_priv.h"

static const struct tcp_key key = {NETRIG_US, NETRIG_PEER, 40000, 80};

/* RFC 9293 section 3.4.1: one number every 4 us. */
static void test_isns_of_one_pair_of_ends_follow_the_clock(void **state)
{
    struct tcpwire w;
    uint32_t isn;

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    isn = tcp_isn(&w.tcp, &key, NS_PER_S);
    assert_int_equal(tcp_isn(&w.tcp, &key, NS_PER_S + 4000), isn + 1);
    assert_int_equal(tcp_isn(&w.tcp, &key, 2 * NS_PER_S), isn + 250000);
    tcpwire_close(&w);
}

/* RFC 6528 section 3: nobody who sees one pair's numbers learns another's. */
static void test_isns_of_other_ends_and_keys_are_unrelated(void **state)
{
    struct tcpwire w;
    uint32_t isn, close = 0;

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    isn = tcp_isn(&w.tcp, &key, NS_PER_S);
    for (unsigned bit = 0; bit < 96; bit++) {
        struct tcp_key other = key;

        if (bit < 32)
            other.src ^= UINT32_C(1) << bit;
        else if (bit < 64)
            other.dst ^= UINT32_C(1) << (bit - 32);
        else if (bit < 80)
            other.src_port = (uint16_t)(other.src_port ^ 1u << (bit - 64));
        else
            other.dst_port = (uint16_t)(other.dst_port ^ 1u << (bit - 80));
        close += tcp_isn(&w.tcp, &other, NS_PER_S) - isn + 0x1000000 < 0x2000000;
    }
    assert_in_range(close, 0, 5);
    w.tcp.conf.key[0] ^= 1;
    assert_true(tcp_isn(&w.tcp, &key, NS_PER_S) - isn + 0x1000 > 0x2000);
    tcpwire_close(&w);
}

/* RFC 7323 section 7.1; one clock for a pair of hosts, so that TIME-WAIT can be told by it (RFC
 * 6191). */
static void test_timestamps_of_a_pair_of_hosts_have_one_offset(void **state)
{
    struct tcpwire w;
    struct tcp_key other = key;
    uint32_t offset;

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    offset = tcp_ts_offset(&w.tcp, &key);
    other.src_port++;
    other.dst_port++;
    assert_int_equal(tcp_ts_offset(&w.tcp, &other), offset);
    other.dst++;
    assert_true(tcp_ts_offset(&w.tcp, &other) != offset);
    tcpwire_close(&w);
}

static void test_ports_are_of_the_range_and_never_the_same_twice_running(void **state)
{
    struct tcpwire w;
    uint16_t last = 0;

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    for (unsigned i = 0; i < 1000; i++) {
        uint16_t port = tcp_port_choose(&w.tcp, &key);

        assert_in_range(port, 32768, 60999);
        assert_true(port != last);
        last = port;
    }
    tcpwire_close(&w);
}

/* RFC 6056 section 3.3.3: where the ports to one peer begin says nothing of another's. */
static void test_ports_to_different_peers_start_in_different_places(void **state)
{
    struct tcpwire w;
    unsigned near = 0;

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    for (unsigned i = 0; i < 200; i++) {
        struct tcp_key a = key, b = key;

        a.dst += i;
        b.dst += i + 1;
        near += (unsigned)(tcp_port_choose(&w.tcp, &a) - tcp_port_choose(&w.tcp, &b) + 100) < 200;
    }
    assert_in_range(near, 0, 10);
    tcpwire_close(&w);
}

/* Ports in use are passed over; when all are, the search ends. */
static void test_the_search_finds_the_last_free_port_and_ends_without_one(void **state)
{
    enum { PORTS = 60999 - 32768 + 1 };
    static struct tcp_link links[PORTS];
    struct tcpwire w;
    unsigned last = 0;

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    memset(links, 0, sizeof(links));
    for (unsigned i = 0; i < PORTS; i++) {
        links[i].key = key;
        links[i].key.src_port = (uint16_t)(32768 + i);
        if (i != 12345)
            tcp_demux_add(&w.tcp, &links[i]);
    }
    for (unsigned at = 12345, i = 0; i < 16; i++) {
        assert_int_equal(tcp_port_choose(&w.tcp, &key), 32768 + at);
        tcp_demux_add(&w.tcp, &links[at]);
        at = (at + PORTS / 5) % PORTS;
        tcp_demux_remove(&w.tcp, &links[at]);
        last = at;
    }
    tcp_demux_add(&w.tcp, &links[last]);
    assert_int_equal(tcp_port_choose(&w.tcp, &key), 0);
    tcpwire_close(&w);
}

/* When nothing else is free: ends in TIME-WAIT that may be used again. */
static void test_ports_in_time_wait_are_the_last_choice(void **state)
{
    enum { PORTS = 60999 - 32768 + 1 };
    static struct tcp_tw tws[PORTS];
    struct tcpwire w;
    uint32_t at;

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    memset(tws, 0, sizeof(tws));
    for (unsigned i = 0; i < PORTS; i++) {
        tws[i].link.key = key;
        tws[i].link.key.src_port = (uint16_t)(32768 + i);
        tws[i].link.kind = TCP_LINK_TW;
        tws[i].state = TCP_TIME_WAIT;
        tws[i].ts_ok = i % 2 == 0;
        tws[i].ts_recent_at = w.rig->now - 2 * NS_PER_S;
        tcp_demux_add(&w.tcp, &tws[i].link);
    }
    at = tcp_port_choose(&w.tcp, &key);
    assert_true(at != 0 && at % 2 == 0);
    at = (at - 32768u + 5000) % PORTS;
    tcp_demux_remove(&w.tcp, &tws[at].link);
    assert_int_equal(tcp_port_choose(&w.tcp, &key), 32768 + at);
    tcpwire_close(&w);
}

static void test_ports_of_listeners_are_not_chosen(void **state)
{
    struct tcp_listen_conf conf = {.port = 0};
    struct tcpwire w;
    tcp_t listener;

    (void)state;
    tcpwire_open(&w, &tcp_tuning_default);
    conf.port = (uint16_t)(tcp_port_choose(&w.tcp, &key) + 1);
    assert_int_equal(tcp_listen(&w.tcp, &conf, &listener), 0);
    assert_int_equal(tcp_port_choose(&w.tcp, &key), conf.port + 1);
    tcpwire_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_isns_of_one_pair_of_ends_follow_the_clock),
        cmocka_unit_test(test_isns_of_other_ends_and_keys_are_unrelated),
        cmocka_unit_test(test_timestamps_of_a_pair_of_hosts_have_one_offset),
        cmocka_unit_test(test_ports_are_of_the_range_and_never_the_same_twice_running),
        cmocka_unit_test(test_ports_to_different_peers_start_in_different_places),
        cmocka_unit_test(test_the_search_finds_the_last_free_port_and_ends_without_one),
        cmocka_unit_test(test_ports_in_time_wait_are_the_last_choice),
        cmocka_unit_test(test_ports_of_listeners_are_not_chosen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
