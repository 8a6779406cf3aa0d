/* SPDX-License-Identifier: ISC */
/* test_tcp_opt.c - options of connections and listeners; the presets and their names. */
#include <stdlib.h>
#include <string.h>

#include "tcprig.h"

#include <cmocka.h>

#include "tcpip/tcp_priv.h"

static struct tcprig rig;
static tcp_t a, b;

static const struct {
    uint64_t min, max, usual;
    bool fixed; /* not once the SYN has gone */
    bool conn_only;
} options[TCP_OPTS] = {
    [TCP_OPT_NODELAY] = {0, 1, 0, false, false},
    [TCP_OPT_CORK] = {0, 1, 0, false, false},
    [TCP_OPT_QUICKACK] = {0, 1, 0, false, true},
    [TCP_OPT_KEEPALIVE] = {0, 1, 0, false, false},
    [TCP_OPT_KEEPALIVE_IDLE] = {NS_PER_MS, 365 * 86400 * NS_PER_S, 7200 * NS_PER_S, false, false},
    [TCP_OPT_KEEPALIVE_INTERVAL] = {NS_PER_MS, 365 * 86400 * NS_PER_S, 75 * NS_PER_S, false, false},
    [TCP_OPT_KEEPALIVE_PROBES] = {1, 127, 9, false, false},
    [TCP_OPT_USER_TIMEOUT] = {0, 365 * 86400 * NS_PER_S, 0, false, false},
    [TCP_OPT_USER_TIMEOUT_SEND] = {0, 1, 0, false, false},
    [TCP_OPT_LINGER] = {0, NS_NEVER, NS_NEVER, false, false},
    [TCP_OPT_MSS] = {64, 65495, 65495, true, false},
    [TCP_OPT_RCVBUF] = {2048, 1u << 30, 128 * 1024, false, false},
    [TCP_OPT_SNDBUF] = {2048, 1u << 30, 0, false, false},
    [TCP_OPT_WINDOW_CLAMP] = {1, UINT32_MAX, UINT32_MAX, false, false},
    [TCP_OPT_NOTSENT_LOWAT] = {1, UINT32_MAX, UINT32_MAX, false, false},
    [TCP_OPT_CC] = {0, TCP_CC_KINDS - 1, TCP_CC_CUBIC, false, false},
    [TCP_OPT_TTL] = {1, 255, 64, false, false},
    [TCP_OPT_TOS] = {0, 252, 0, false, false},
    [TCP_OPT_ECN] = {0, TCP_ECN_ON, TCP_ECN_PASSIVE, true, false},
    [TCP_OPT_CONNECT_TIMEOUT] = {0, 365 * 86400 * NS_PER_S, 0, false, true},
};

static struct tcp *tcp_of(unsigned end)
{
    return &rig.end[end].tcp;
}

static int set(tcp_t handle, unsigned opt, uint64_t value)
{
    return tcp_set(tcp_of(1), handle, (enum tcp_opt)opt, value, tcprig_now());
}

static uint64_t get(tcp_t handle, unsigned opt)
{
    uint64_t value = 77;

    assert_int_equal(tcp_get(tcp_of(1), handle, (enum tcp_opt)opt, &value), 0);
    return value;
}

static void test_values_at_first(void **state)
{
    (void)state;
    tcprig_open(&rig, NULL);
    tcprig_connect(&rig, &a, &b);
    for (unsigned i = 0; i < TCP_OPTS; i++)
        if (options[i].usual != 0)
            assert_int_equal(get(b, i), options[i].usual);
    /* A listener tells what those that it accepts begin with, set or not. */
    for (unsigned i = 0; i < TCP_OPTS; i++)
        if (options[i].usual != 0 && !options[i].conn_only)
            assert_int_equal(get(rig.listener, i), options[i].usual);
    assert_int_equal(get(rig.listener, TCP_OPT_SNDBUF), tcp_tuning_default.sndbuf);
    tcprig_close(&rig);
}

static void test_each_keeps_its_least_and_most_and_refuses_what_is_beyond(void **state)
{
    (void)state;
    tcprig_open(&rig, NULL);
    tcprig_connect(&rig, &a, &b);
    for (unsigned i = 0; i < TCP_OPTS; i++) {
        if (options[i].fixed) {
            assert_int_equal(set(b, i, options[i].min), -E_INVAL);
        } else {
            assert_int_equal(set(b, i, options[i].max), 0);
            assert_int_equal(get(b, i), options[i].max);
            assert_int_equal(set(b, i, options[i].min), 0);
            assert_int_equal(get(b, i), options[i].min);
        }
        if (options[i].min != 0)
            assert_int_equal(set(b, i, options[i].min - 1), -E_INVAL);
        if (options[i].max != NS_NEVER && i != TCP_OPT_TOS)
            assert_int_equal(set(b, i, options[i].max + 1), -E_INVAL);
        tcprig_poll(&rig);
    }
    assert_int_equal(set(b, TCP_OPTS, 0), -E_INVAL);
    assert_int_equal(tcp_get(tcp_of(1), b, TCP_OPTS, &(uint64_t){0}), -E_INVAL);
    tcprig_close(&rig);
}

static void test_accepted_connections_begin_with_the_listeners(void **state)
{
    (void)state;
    tcprig_open(&rig, NULL);
    tcprig_connect(&rig, &a, &b);
    for (unsigned i = 0; i < TCP_OPTS; i++) {
        uint64_t value = options[i].min + (options[i].max - options[i].min) / 2;

        if (options[i].conn_only) {
            assert_int_equal(set(rig.listener, i, options[i].min), -E_INVAL);
            assert_int_equal(tcp_get(tcp_of(1), rig.listener, (enum tcp_opt)i, &value), -E_INVAL);
            continue;
        }
        if (i == TCP_OPT_CORK || i == TCP_OPT_LINGER)
            value = options[i].max;
        value = i == TCP_OPT_TOS ? 0x20 : value;
        value = i == TCP_OPT_CC ? TCP_CC_NEWRENO : value;
        assert_int_equal(set(rig.listener, i, value), 0);
        assert_int_equal(get(rig.listener, i), value);
    }
    tcprig_connect(&rig, &a, &b);
    for (unsigned i = 0; i < TCP_OPTS; i++)
        if (!options[i].conn_only)
            assert_int_equal(get(b, i), get(rig.listener, i));
    tcprig_close(&rig);
}

/* RFC 3168: its two bits are not the program's. */
static void test_tos_leaves_ecn_alone(void **state)
{
    (void)state;
    tcprig_open(&rig, NULL);
    tcprig_connect(&rig, &a, &b);
    assert_int_equal(set(b, TCP_OPT_TOS, 0xff), 0);
    assert_int_equal(get(b, TCP_OPT_TOS), 0xfc);
    tcprig_close(&rig);
}

static void test_options_of_what_is_over_make_no_difference(void **state)
{
    (void)state;
    tcprig_open(&rig, NULL);
    tcprig_connect(&rig, &a, &b);
    tcp_abort(tcp_of(0), a, tcprig_now());
    tcprig_poll(&rig);
    for (unsigned i = 0; i < TCP_OPTS; i++)
        assert_int_equal(set(b, i, options[i].min), 0);
    tcprig_run(&rig, NS_PER_S);
    tcprig_close(&rig);
}

/* In the poll that connects the SYN has not gone. */
static void test_before_the_syn_mss_ecn_and_buffer_are_still_open(void **state)
{
    struct tcp_connect_conf conf = {.dst = tcprig_addr(1), .dst_port = TCPRIG_PORT};
    struct tcp_info info;
    tcp_t conn;

    (void)state;
    tcprig_open(&rig, NULL);
    tcprig_connect(&rig, &a, &b);
    assert_int_equal(tcp_connect(tcp_of(0), &conf, tcprig_now(), &conn), 0);
    assert_int_equal(tcp_set(tcp_of(0), conn, TCP_OPT_MSS, 1000, tcprig_now()), 0);
    assert_int_equal(tcp_set(tcp_of(0), conn, TCP_OPT_ECN, TCP_ECN_ON, tcprig_now()), 0);
    assert_int_equal(tcp_set(tcp_of(0), conn, TCP_OPT_RCVBUF, 40000, tcprig_now()), 0);
    tcprig_poll(&rig);
    assert_int_equal(tcp_set(tcp_of(0), conn, TCP_OPT_MSS, 900, tcprig_now()), -E_INVAL);
    assert_int_equal(tcp_info(tcp_of(0), conn, tcprig_now(), &info), 0);
    assert_true(info.ecn_ok);
    assert_int_equal(info.rcv_wscale, 0);
    assert_int_equal(info.rcvbuf, 40000);
    assert_int_equal(info.snd_mss, 1000 - 12);
    assert_int_equal(tcp_accept(tcp_of(1), rig.listener, &b), 0);
    assert_int_equal(tcp_info(tcp_of(1), b, tcprig_now(), &info), 0);
    assert_int_equal(info.snd_mss, 1000 - 12);
    assert_true(info.ecn_ok);
    tcprig_close(&rig);
}

static void test_connect_gives_up_at_its_timeout(void **state)
{
    struct tcp_connect_conf conf = {.dst = tcprig_addr(1), .dst_port = TCPRIG_PORT};
    const enum tcp_opt which[] = {TCP_OPT_CONNECT_TIMEOUT, TCP_OPT_USER_TIMEOUT};
    tcp_t conn;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        tcprig_open(&rig, NULL);
        netif_addr_remove(&rig.end[1].nif, tcprig_addr(1));
        assert_int_equal(tcp_connect(tcp_of(0), &conf, tcprig_now(), &conn), 0);
        assert_int_equal(tcp_set(tcp_of(0), conn, which[i], 5 * NS_PER_S, tcprig_now()), 0);
        tcprig_run(&rig, 5 * NS_PER_S - 1);
        assert_int_equal(tcp_ready(tcp_of(0), conn), 0);
        tcprig_run(&rig, NS_PER_MS);
        assert_int_equal(tcp_ready(tcp_of(0), conn), TCP_READY_ERROR);
        tcprig_close(&rig);
    }
}

/* ---- presets and names ---- */

static void test_every_preset_is_within_its_ranges(void **state)
{
    const struct tcp_tuning *const presets[] = {&tcp_tuning_default, &tcp_tuning_linux,
                                                &tcp_tuning_freebsd};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct tcprig_conf conf = {.tuning = {presets[i], presets[i]}};

        tcprig_open(&rig, &conf); /* tcp_init refuses what is out of range */
        tcprig_connect(&rig, &a, &b);
        tcprig_close(&rig);
    }
}

static void test_every_state_has_the_name_of_the_standard(void **state)
{
    (void)state;
    assert_string_equal(tcp_state_name(TCP_CLOSED), "CLOSED");
    assert_string_equal(tcp_state_name(TCP_SYN_RECEIVED), "SYN-RECEIVED");
    assert_string_equal(tcp_state_name(TCP_TIME_WAIT), "TIME-WAIT");
    assert_string_equal(tcp_state_name(TCP_STATES), "?");
    for (unsigned i = 0; i < TCP_STATES; i++)
        assert_string_not_equal(tcp_state_name((enum tcp_state)i), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_at_first),
        cmocka_unit_test(test_each_keeps_its_least_and_most_and_refuses_what_is_beyond),
        cmocka_unit_test(test_accepted_connections_begin_with_the_listeners),
        cmocka_unit_test(test_tos_leaves_ecn_alone),
        cmocka_unit_test(test_options_of_what_is_over_make_no_difference),
        cmocka_unit_test(test_before_the_syn_mss_ecn_and_buffer_are_still_open),
        cmocka_unit_test(test_connect_gives_up_at_its_timeout),
        cmocka_unit_test(test_every_preset_is_within_its_ranges),
        cmocka_unit_test(test_every_state_has_the_name_of_the_standard),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
