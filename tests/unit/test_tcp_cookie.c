/* SPDX-License-Identifier: ISC */
/* test_tcp_cookie.c - SYN cookies (RFC 4987 section 3.6). */
#include "tcpwire.h"
#include "tcpip/tcp_priv.h"

#define EPOCH_NS (64 * NS_PER_S)

static struct tcp_frame syn_from(uint16_t port, bool ts)
{
    return (struct tcp_frame){.sport = port,
                              .seq = 0xfffffff0u + port,
                              .flags = F_SYN,
                              .wnd = 65535,
                              .mss = 1460,
                              .sackok = true,
                              .ts = ts,
                              .tsval = 5000,
                              .ws = true,
                              .ws_shift = 9};
}

static struct tcp_frame ack_of(const struct tcp_frame *syn, const struct tcpwire_seg *synack)
{
    return (struct tcp_frame){.sport = syn->sport,
                              .seq = syn->seq + 1,
                              .ack = synack->seq + 1,
                              .flags = F_ACK,
                              .wnd = 300,
                              .ts = syn->ts,
                              .tsval = syn->tsval + 1,
                              .tsecr = synack->tsval};
}

/* One record, which port 1 takes: everybody else gets a cookie. */
static tcp_t begin(struct tcpwire *w)
{
    tcp_t listener;

    tcpwire_blank(w, &tcp_tuning_default);
    w->conf.syns_max = 1;
    tcpwire_start(w);
    listener = tcpwire_listen(w, 1000);
    tcpwire_in(w, syn_from(1, true));
    tcpwire_out(w);
    return listener;
}

static struct tcpwire_seg ask(struct tcpwire *w, struct tcp_frame syn)
{
    struct tcpwire_seg synack;

    tcpwire_in(w, syn);
    synack = tcpwire_out(w);
    assert_int_equal(synack.flags & (F_SYN | F_ACK), F_SYN | F_ACK);
    assert_int_equal(synack.ack, syn.seq + 1);
    assert_int_equal(tcp_usage(&w->tcp).syns, 1);
    return synack;
}

/* RFC 7323 section 2.3: more than 14 is 14; it must not spill over into the bits beside it. */
static void test_wscale_beyond_14_is_14(void **state)
{
    static const uint8_t shifts[] = {14, 15, 16, 255};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(shifts); i++) {
        struct tcp_frame syn = syn_from(2, true);
        struct tcpwire_seg synack;
        struct tcp_info info;
        struct tcpwire w;
        tcp_t listener, conn;

        syn.sackok = false;
        syn.ws_shift = shifts[i];
        listener = begin(&w);
        synack = ask(&w, syn);
        tcpwire_in(&w, ack_of(&syn, &synack));
        assert_int_equal(tcp_accept(&w.tcp, listener, &conn), 0);
        assert_int_equal(tcp_info(&w.tcp, conn, w.rig->now, &info), 0);
        assert_true(info.wscale_ok && !info.sack_ok && !info.ecn_ok);
        assert_int_equal(info.snd_wscale, 14);
        tcpwire_close(&w);
    }
}

static void test_options_come_back_in_the_timestamp(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 8; bits++) {
        struct tcp_frame syn = syn_from(2, true);
        struct tcpwire_seg synack;
        struct tcp_info info;
        struct tcpwire w;
        tcp_t listener, conn;

        syn.sackok = bits & 1;
        syn.ws = (bits & 2) != 0;
        if (bits & 4)
            syn.flags |= F_ECE | F_CWR;
        listener = begin(&w);
        synack = ask(&w, syn);
        assert_int_equal(synack.sackok, syn.sackok);
        assert_int_equal(synack.ws, syn.ws);
        assert_int_equal(synack.flags & F_ECE, bits & 4 ? F_ECE : 0);
        tcpwire_in(&w, ack_of(&syn, &synack));
        assert_int_equal(tcp_accept(&w.tcp, listener, &conn), 0);
        assert_int_equal(tcp_info(&w.tcp, conn, w.rig->now, &info), 0);
        assert_true(info.ts_ok);
        assert_int_equal(info.sack_ok, syn.sackok);
        assert_int_equal(info.wscale_ok, syn.ws);
        assert_int_equal(info.ecn_ok, (bits & 4) != 0);
        assert_int_equal(info.snd_wscale, syn.ws ? 9 : 0);
        assert_int_equal(info.snd_wnd, syn.ws ? 300 << 9 : 300);
        assert_int_equal(w.tcp.stats.syn_cookies_ok, 1);
        tcpwire_close(&w);
    }
}

/* Without timestamps there is no place for them, so none is offered. */
static void test_without_timestamps_no_options_are_agreed_upon(void **state)
{
    struct tcp_frame syn = syn_from(2, false);
    struct tcpwire_seg synack;
    struct tcp_info info;
    struct tcpwire w;
    tcp_t listener = begin(&w), conn;

    (void)state;
    synack = ask(&w, syn);
    assert_false(synack.sackok || synack.ws || synack.ts);
    tcpwire_in(&w, ack_of(&syn, &synack));
    assert_int_equal(tcp_accept(&w.tcp, listener, &conn), 0);
    assert_int_equal(tcp_info(&w.tcp, conn, w.rig->now, &info), 0);
    assert_false(info.ts_ok || info.sack_ok || info.wscale_ok);
    assert_int_equal(info.snd_wnd, 300);
    tcpwire_close(&w);
}

/* The largest of eight that is not above the peer's. */
static void test_the_mss_is_kept_roughly(void **state)
{
    static const uint16_t said[] = {88,   535,  536,  1000, 1220, 1300,
                                    1360, 1400, 1440, 1459, 1460, 9000};
    static const uint16_t kept[] = {88,   88,   536,  536,  1220, 1220,
                                    1360, 1360, 1440, 1452, 1460, 8960};
    struct tcpwire w;

    (void)state;
    begin(&w);
    for (unsigned i = 0; i < ARRAY_SIZE(said); i++) {
        struct tcp_rx rx = {.now = w.rig->now, .key = {1, 2, 3, 4}, .hdr.seq = 78};
        struct tcp_syn syn = {.link.key = rx.key, .irs = 77, .mss = said[i]}, got;
        uint32_t ts;

        rx.hdr.ack = tcp_cookie_make(&w.tcp, &syn, w.rig->now, &ts) + 1;
        assert_true(tcp_cookie_check(&w.tcp, &rx, &got));
        assert_int_equal(got.mss, kept[i]);
    }
    tcpwire_close(&w);
}

static void test_a_cookie_is_good_for_its_epoch_and_the_next(void **state)
{
    struct tcpwire w;

    (void)state;
    begin(&w);
    for (unsigned s = 0; s < 64 * 8; s += 7) {
        uint64_t made = 1000 * EPOCH_NS + s % 64 * NS_PER_S;
        struct tcp_rx rx = {.now = made + s * NS_PER_S, .key = {1, 2, 3, 4}, .hdr.seq = 78};
        struct tcp_syn syn = {.link.key = rx.key, .irs = 77, .mss = 1460}, got;
        uint32_t ts;

        rx.hdr.ack = tcp_cookie_make(&w.tcp, &syn, made, &ts) + 1;
        assert_int_equal(tcp_cookie_check(&w.tcp, &rx, &got),
                         rx.now / EPOCH_NS - made / EPOCH_NS < 2);
    }
    tcpwire_close(&w);
}

/* Anything else than what was sent: a number that is not ours, other ends, another ISN. */
static void test_nothing_else_is_taken_for_a_cookie(void **state)
{
    struct tcp_frame syn = syn_from(2, true);
    struct tcpwire_seg synack, s;
    struct tcpwire w;

    (void)state;
    begin(&w);
    synack = ask(&w, syn);
    for (unsigned bit = 0; bit < 32 + 32 + 16; bit++) {
        struct tcp_frame f = ack_of(&syn, &synack);

        if (bit < 32)
            f.ack ^= UINT32_C(1) << bit;
        else if (bit < 64)
            f.seq ^= UINT32_C(1) << (bit - 32);
        else
            f.sport = (uint16_t)(f.sport ^ 1u << (bit - 64));
        if (f.sport == 1)
            continue; /* that one is in its record */
        tcpwire_in(&w, f);
        s = tcpwire_out(&w);
        assert_int_equal(s.flags, F_RST);
        assert_int_equal(s.seq, f.ack);
    }
    assert_int_equal(tcp_usage(&w.tcp).conns, 0);
    assert_true(w.tcp.stats.bad_cookie > 70);
    tcpwire_close(&w);
}

/* No cookie is out: no ACK is worth a hash. */
static void test_cookies_are_believed_only_where_some_were_sent(void **state)
{
    struct tcp_frame syn = syn_from(2, true);
    struct tcpwire_seg synack;
    struct tcpwire w;

    (void)state;
    begin(&w);
    tcpwire_in(&w, (struct tcp_frame){.sport = 9, .seq = 1, .ack = 1, .flags = F_ACK});
    assert_int_equal(tcpwire_out(&w).flags, F_RST);
    assert_int_equal(w.tcp.stats.bad_cookie, 0);
    synack = ask(&w, syn);
    tcpwire_pass(&w, 128 * NS_PER_S);
    netrig_peer_answers(w.rig, NETRIG_PEER, NETRIG_PEER_MAC);
    tcpwire_skip(&w);
    tcpwire_in(&w, ack_of(&syn, &synack));
    assert_int_equal(tcpwire_out(&w).flags, F_RST);
    assert_int_equal(w.tcp.stats.bad_cookie, 0);
    tcpwire_close(&w);
}

/* The peer must not see our clock run backwards, nor forwards. */
static void test_the_timestamp_is_at_most_63_units_late(void **state)
{
    struct tcpwire w;

    (void)state;
    begin(&w);
    for (unsigned i = 0; i < 200; i++) {
        uint64_t now = w.rig->now + i * NS_PER_MS;
        struct tcp_syn syn = {.link.key = {1, 2, 3, 4},
                              .irs = 77,
                              .mss = 1460,
                              .ts_offset = 0xffffff00u + i,
                              .wscale_ok = true,
                              .wscale = (uint8_t)(i % 15),
                              .sack_ok = i & 1};
        uint32_t ts, clock = tcp_ts_now(&w.tcp, syn.ts_offset, now);

        tcp_cookie_make(&w.tcp, &syn, now, &ts);
        assert_true(clock - ts < 64);
        assert_int_equal(ts & 15, syn.wscale);
    }
    tcpwire_close(&w);
}

/* 10^6 spoofed SYNs: memory is flat, and whoever is there connects. */
static void test_a_flood_of_syns_costs_no_memory_and_shuts_nobody_out(void **state)
{
    struct tcp_usage before, after;
    struct tcpwire w;
    tcp_t listener, conn;
    unsigned connected = 0;

    (void)state;
    tcpwire_blank(&w, &tcp_tuning_default);
    w.conf.syns_max = 64;
    tcpwire_start(&w);
    listener = tcpwire_listen(&w, 1000);
    for (unsigned i = 0; i < 1000000; i++) {
        struct tcp_frame f = syn_from((uint16_t)(1 + i % 60000), true);

        f.src = IP4_ADDR(10, 0, 0, 2) + (i & 1);
        f.seq = i * 7919;
        tcpwire_in_only(&w, f);
        if (i % 4000 == 3999) {
            tcpwire_skip(&w);
            w.rig->now += NS_PER_MS;
        }
        if (i == 100)
            before = tcp_usage(&w.tcp);
        if (i % 10000 == 9999) {
            struct tcp_frame syn = syn_from((uint16_t)(60001 + i / 10000), true);
            struct tcpwire_seg synack;

            tcpwire_skip(&w);
            tcpwire_in(&w, syn);
            synack = tcpwire_out(&w);
            tcpwire_in(&w, ack_of(&syn, &synack));
            tcpwire_skip(&w);
            connected += tcp_accept(&w.tcp, listener, &conn) == 0;
            assert_int_equal(tcp_abort(&w.tcp, conn, w.rig->now), 0);
            tcpwire_skip(&w);
        }
    }
    after = tcp_usage(&w.tcp);
    assert_int_equal(connected, 100);
    assert_int_equal(after.syns, before.syns);
    assert_int_equal(after.pages, before.pages);
    assert_int_equal(after.conns, 0);
    tcpwire_close(&w);
}

/* What comes back is not signed: nobody switches on what the listener has switched off. */
static void test_ecn_that_is_off_stays_off(void **state)
{
    struct tcpwire w;
    tcp_t listener = begin(&w), conn;
    struct tcp_frame syn = syn_from(2, true), ack;
    struct tcpwire_seg synack;

    (void)state;
    assert_int_equal(tcp_set(&w.tcp, listener, TCP_OPT_ECN, TCP_ECN_OFF, w.rig->now), 0);
    synack = ask(&w, syn);
    ack = ack_of(&syn, &synack);
    ack.tsecr |= 32;
    tcpwire_in(&w, ack);
    assert_int_equal(tcp_accept(&w.tcp, listener, &conn), 0);
    assert_false(tcp_conn_of(&w.tcp, conn)->ecn_ok);
    assert_true(tcp_conn_of(&w.tcp, conn)->sack_ok);
    tcpwire_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wscale_beyond_14_is_14),
        cmocka_unit_test(test_options_come_back_in_the_timestamp),
        cmocka_unit_test(test_without_timestamps_no_options_are_agreed_upon),
        cmocka_unit_test(test_the_mss_is_kept_roughly),
        cmocka_unit_test(test_a_cookie_is_good_for_its_epoch_and_the_next),
        cmocka_unit_test(test_nothing_else_is_taken_for_a_cookie),
        cmocka_unit_test(test_cookies_are_believed_only_where_some_were_sent),
        cmocka_unit_test(test_the_timestamp_is_at_most_63_units_late),
        cmocka_unit_test(test_a_flood_of_syns_costs_no_memory_and_shuts_nobody_out),
        cmocka_unit_test(test_ecn_that_is_off_stays_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
