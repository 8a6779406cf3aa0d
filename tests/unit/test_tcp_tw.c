/* SPDX-License-Identifier: ISC */
/* test_tcp_tw.c - TIME-WAIT, and FIN-WAIT-2 without a program. */
#include "tcpwire.h"
#include "tcpip/tcp_priv.h"

#define IRS 0xfffffff0u

static struct tcp_key key = {NETRIG_US, NETRIG_PEER, TCPWIRE_PORT, TCPWIRE_PEER_PORT};

struct closed {
    struct tcpwire w;
    tcp_t listener;
    uint32_t snd_nxt, rcv_nxt, tsval; /* tsval: the peer's last */
};

static struct tcp_tuning tuning_of(bool rfc1337)
{
    struct tcp_tuning tuning = tcp_tuning_default;

    tuning.rfc1337 = rfc1337;
    tuning.invalid_ack_ns = 0;
    return tuning;
}

static struct tcp_frame seg(const struct closed *c, uint8_t flags)
{
    return (struct tcp_frame){.seq = c->rcv_nxt,
                              .ack = c->snd_nxt,
                              .flags = flags,
                              .wnd = 500,
                              .ts = c->tsval != 0,
                              .tsval = c->tsval};
}

static const struct tcp_tw *record(const struct closed *c)
{
    struct tcp_link *link = tcp_demux_find(&c->w.tcp, &key);

    return link != NULL && link->kind == TCP_LINK_TW ? (const struct tcp_tw *)(void *)link : NULL;
}

/* We close first, and the peer has acknowledged it: FIN-WAIT-2. */
static void half_closed(struct closed *c, const struct tcp_tuning *tuning, bool ts)
{
    struct tcpwire_seg synack, fin;
    tcp_t conn;

    tcpwire_open(&c->w, tuning);
    c->listener = tcpwire_listen(&c->w, 4);
    synack = tcpwire_handshake(&c->w, TCPWIRE_PEER_PORT, IRS, ts);
    tcpwire_skip(&c->w);
    assert_int_equal(tcp_accept(&c->w.tcp, c->listener, &conn), 0);
    assert_int_equal(tcp_close(&c->w.tcp, conn, c->w.rig->now), 0);
    netrig_poll(c->w.rig);
    fin = tcpwire_out(&c->w);
    assert_int_equal(fin.flags & F_FIN, F_FIN);
    c->rcv_nxt = IRS + 1;
    c->snd_nxt = synack.seq + 2;
    c->tsval = ts ? 1002 : 0;
    tcpwire_in(&c->w, seg(c, F_ACK));
    tcpwire_quiet(&c->w);
    assert_non_null(record(c));
    assert_int_equal(record(c)->state, TCP_FIN_WAIT_2);
    assert_int_equal(tcp_usage(&c->w.tcp).conns, 0);
}

static void both_closed(struct closed *c, const struct tcp_tuning *tuning, bool ts)
{
    struct tcpwire_seg ack;

    half_closed(c, tuning, ts);
    tcpwire_in(&c->w, seg(c, F_FIN | F_ACK));
    c->rcv_nxt++;
    ack = tcpwire_out(&c->w);
    assert_int_equal(ack.flags, F_ACK);
    assert_int_equal(ack.seq, c->snd_nxt);
    assert_int_equal(ack.ack, c->rcv_nxt);
    assert_int_equal(ack.ts, ts);
    assert_non_null(record(c));
    assert_int_equal(record(c)->state, TCP_TIME_WAIT);
}

static void end(struct closed *c)
{
    tcpwire_close(&c->w);
}

/* ---- FIN-WAIT-2 ---- */

static void test_fin_wait_2_ends_when_its_time_is_over(void **state)
{
    struct closed c;

    (void)state;
    half_closed(&c, &tcp_tuning_default, true);
    tcpwire_pass(&c.w, tcp_tuning_default.fin_wait_2_ns - 1);
    assert_non_null(record(&c));
    tcpwire_pass(&c.w, 1);
    assert_null(record(&c));
    assert_int_equal(tcp_usage(&c.w.tcp).time_waits, 0);
    end(&c);
}

/* RFC 1122 section 4.2.2.13: data that no program will read. */
static void test_fin_wait_2_data_for_nobody_is_reset(void **state)
{
    (void)state;
    for (unsigned fin = 0; fin < 2; fin++) {
        struct closed c;
        struct tcp_frame f;
        struct tcpwire_seg s;

        half_closed(&c, &tcp_tuning_default, true);
        f = seg(&c, (uint8_t)(F_ACK | (fin ? F_FIN : 0)));
        f.len = 10;
        tcpwire_in(&c.w, f);
        s = tcpwire_out(&c.w);
        assert_int_equal(s.flags, F_RST);
        assert_int_equal(s.seq, c.snd_nxt);
        assert_null(record(&c));
        assert_int_equal(c.w.tcp.stats.after_close, 1);
        end(&c);
    }
}

static void test_fin_wait_2_old_data_are_acknowledged(void **state)
{
    struct closed c;
    struct tcp_frame f;

    (void)state;
    half_closed(&c, &tcp_tuning_default, true);
    f = seg(&c, F_ACK);
    f.seq -= 10;
    f.len = 10;
    tcpwire_in(&c.w, f);
    assert_int_equal(tcpwire_out(&c.w).ack, c.rcv_nxt);
    assert_non_null(record(&c));
    /* Nor do bare ACKs change anything. */
    tcpwire_in(&c.w, seg(&c, F_ACK));
    tcpwire_quiet(&c.w);
    assert_int_equal(record(&c)->state, TCP_FIN_WAIT_2);
    end(&c);
}

/* An ACK that overtook the peer's FIN bears the number after it, and no data: RFC 1122 section
 * 4.2.2.13 asks for a RST where data come. */
static void test_fin_wait_2_an_ack_that_overtook_the_fin_is_no_data(void **state)
{
    struct closed c;
    struct tcp_frame f;

    (void)state;
    half_closed(&c, &tcp_tuning_default, true);
    f = seg(&c, F_ACK);
    f.seq++;
    tcpwire_in(&c.w, f);
    tcpwire_quiet(&c.w);
    assert_non_null(record(&c));
    tcpwire_in(&c.w, seg(&c, F_FIN | F_ACK));
    assert_int_equal(tcpwire_out(&c.w).ack, c.rcv_nxt + 1);
    assert_int_equal(record(&c)->state, TCP_TIME_WAIT);
    end(&c);
}

/* RFC 5961 section 3.2. */
static void test_fin_wait_2_rst_must_be_exact(void **state)
{
    (void)state;
    for (unsigned off = 0; off < 3; off++) {
        struct closed c;
        struct tcp_frame f;

        half_closed(&c, &tcp_tuning_default, true);
        f = seg(&c, F_RST);
        f.seq += off == 2 ? UINT32_MAX : off;
        tcpwire_in(&c.w, f);
        assert_int_equal(record(&c) == NULL, off == 0);
        if (off == 1) /* in the window: challenged */
            assert_int_equal(tcpwire_out(&c.w).flags, F_ACK);
        tcpwire_quiet(&c.w);
        end(&c);
    }
}

static void test_fin_wait_2_syn_is_challenged(void **state)
{
    struct closed c;

    (void)state;
    half_closed(&c, &tcp_tuning_default, true);
    tcpwire_in(&c.w, seg(&c, F_SYN));
    assert_int_equal(tcpwire_out(&c.w).flags, F_ACK);
    assert_int_equal(record(&c)->state, TCP_FIN_WAIT_2);
    end(&c);
}

/* ---- TIME-WAIT ---- */

static void test_time_wait_lasts_2msl(void **state)
{
    struct closed c;

    (void)state;
    both_closed(&c, &tcp_tuning_default, true);
    tcpwire_pass(&c.w, tcp_tuning_default.time_wait_ns - 1);
    assert_non_null(record(&c));
    tcpwire_pass(&c.w, 1);
    assert_null(record(&c));
    assert_int_equal(netif_poll_at(&c.w.rig->nif), NS_NEVER);
    end(&c);
}

/* RFC 9293 section 3.10.7.4, eighth. */
static void test_a_fin_that_comes_again_is_acknowledged_and_the_wait_starts_anew(void **state)
{
    struct closed c;
    struct tcp_frame f;

    (void)state;
    both_closed(&c, &tcp_tuning_default, true);
    tcpwire_pass(&c.w, 59 * NS_PER_S);
    f = seg(&c, F_FIN | F_ACK);
    f.seq--;
    tcpwire_in(&c.w, f);
    assert_int_equal(tcpwire_out(&c.w).ack, c.rcv_nxt);
    assert_int_equal(record(&c)->age.at, c.w.rig->now + tcp_tuning_default.time_wait_ns);
    end(&c);
}

/* RFC 9293 section 3.10.7.4, fifth. */
static void test_without_ack_nothing_happens(void **state)
{
    struct closed c;
    struct tcp_frame f;

    (void)state;
    both_closed(&c, &tcp_tuning_default, true);
    tcpwire_pass(&c.w, NS_PER_S);
    f = seg(&c, F_FIN);
    f.seq--;
    tcpwire_in(&c.w, f);
    tcpwire_quiet(&c.w);
    assert_int_equal(record(&c)->age.at, c.w.rig->now - NS_PER_S + tcp_tuning_default.time_wait_ns);
    end(&c);
}

static void test_an_ack_of_our_fin_is_not_answered(void **state)
{
    struct closed c;

    (void)state;
    both_closed(&c, &tcp_tuning_default, true);
    tcpwire_in(&c.w, seg(&c, F_ACK));
    tcpwire_quiet(&c.w);
    end(&c);
}

/* Two ends that disagree do not answer each other for ever. */
static void test_stray_acks_are_answered_not_more_often_than_the_limit(void **state)
{
    struct tcp_tuning tuning = tuning_of(true);
    struct closed c;
    struct tcp_frame f;

    (void)state;
    tuning.invalid_ack_ns = 500 * NS_PER_MS;
    both_closed(&c, &tuning, true);
    f = seg(&c, F_ACK);
    f.seq -= 100;
    tcpwire_in(&c.w, f);
    assert_int_equal(tcpwire_out(&c.w).flags, F_ACK);
    tcpwire_in(&c.w, f);
    tcpwire_quiet(&c.w);
    /* What has text is no answer to such an ACK. */
    f.len = 1;
    tcpwire_in(&c.w, f);
    assert_int_equal(tcpwire_out(&c.w).flags, F_ACK);
    end(&c);
}

/* RFC 1337 section 3, and the older habit. */
static void test_rst_does_not_end_time_wait(void **state)
{
    (void)state;
    for (unsigned rfc1337 = 0; rfc1337 < 2; rfc1337++)
        for (unsigned off = 0; off < 2; off++) {
            struct tcp_tuning tuning = tuning_of(rfc1337);
            struct closed c;
            struct tcp_frame f;

            both_closed(&c, &tuning, true);
            f = seg(&c, F_RST);
            f.seq += off;
            tcpwire_in(&c.w, f);
            tcpwire_quiet(&c.w);
            assert_int_equal(record(&c) == NULL, !rfc1337 && off == 0);
            end(&c);
        }
}

/* ---- reuse: RFC 6191 section 2 ---- */

static bool reopened(struct closed *c, struct tcp_frame syn)
{
    struct tcpwire_seg s;

    syn.wnd = 65535;
    syn.mss = 1460;
    tcpwire_in(&c->w, syn);
    s = tcpwire_out(&c->w);
    tcpwire_quiet(&c->w);
    if (s.flags == F_ACK) {
        assert_int_equal(s.ack, c->rcv_nxt);
        assert_non_null(record(c));
        return false;
    }
    assert_int_equal(s.flags, F_SYN | F_ACK);
    assert_int_equal(s.ack, syn.seq + 1);
    /* RFC 1122 section 4.2.2.13: beyond all that was used before. */
    assert_true((int32_t)(s.seq - c->snd_nxt) > 65535);
    assert_int_equal(c->w.tcp.stats.time_wait_reused, 1);
    assert_null(record(c));
    return true;
}

static void test_a_syn_with_a_later_timestamp_or_higher_number_reopens(void **state)
{
    static const struct {
        bool old_ts, new_ts;
        int32_t clock, number; /* against the old connection's last */
        bool opens;
    } cases[] = {
        {true, true, 1, -1000, true}, {true, true, 1, 1000, true},   {true, true, 0, 1, true},
        {true, true, 0, 0, false},    {true, true, 0, -1000, false}, {true, true, -1, 1000, false},
        {true, false, 0, 1, true},    {true, false, 0, -1, false},   {false, true, 5, 1, true},
        {false, true, 5, -1, false},  {false, false, 0, 1, true},    {false, false, 0, 0, false},
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        struct tcp_tuning tuning = tuning_of(true);
        struct closed c;
        struct tcp_frame syn;

        both_closed(&c, &tuning, cases[i].old_ts);
        syn = seg(&c, F_SYN);
        syn.ack = 0;
        syn.ts = cases[i].new_ts;
        syn.tsval = c.tsval + (uint32_t)cases[i].clock;
        syn.seq += (uint32_t)cases[i].number;
        if (reopened(&c, syn) != cases[i].opens)
            fail_msg("case %u", i);
        end(&c);
    }
}

/* Where nobody listens any more there is nothing to open. */
static void test_a_syn_without_a_listener_does_not_end_time_wait(void **state)
{
    struct tcp_tuning tuning = tuning_of(true);
    struct closed c;
    struct tcp_frame syn;

    (void)state;
    both_closed(&c, &tuning, true);
    assert_int_equal(tcp_close(&c.w.tcp, c.listener, c.w.rig->now), 0);
    syn = seg(&c, F_SYN);
    syn.seq += 100000;
    syn.tsval += 100;
    assert_false(reopened(&c, syn));
    end(&c);
}

static const struct tcp_connect_conf same_ends = {
    .src = NETRIG_US, .src_port = TCPWIRE_PORT, .dst = NETRIG_PEER, .dst_port = TCPWIRE_PEER_PORT};

/* Our own connect may take the pair of ends over once the clock has gone on. */
static void test_connect_reuses_the_ends_after_a_second(void **state)
{
    struct closed c;
    tcp_t conn;
    struct tcpwire_seg syn;

    (void)state;
    both_closed(&c, &tcp_tuning_default, true);
    assert_int_equal(tcp_connect(&c.w.tcp, &same_ends, c.w.rig->now, &conn), -E_ADDRINUSE);
    assert_non_null(record(&c));
    tcpwire_pass(&c.w, 1100 * NS_PER_MS);
    assert_int_equal(tcp_connect(&c.w.tcp, &same_ends, c.w.rig->now, &conn), 0);
    netrig_poll(c.w.rig);
    syn = tcpwire_out(&c.w);
    assert_int_equal(syn.flags & F_SYN, F_SYN);
    assert_true((int32_t)(syn.seq - c.snd_nxt) > 65535);
    end(&c);
}

static void test_connect_without_timestamps_does_not(void **state)
{
    struct closed c;
    tcp_t conn;

    (void)state;
    both_closed(&c, &tcp_tuning_default, false);
    tcpwire_pass(&c.w, 50 * NS_PER_S);
    assert_int_equal(tcp_connect(&c.w.tcp, &same_ends, c.w.rig->now, &conn), -E_ADDRINUSE);
    end(&c);
}

/* ---- when all records are in use ---- */

static void test_the_one_that_would_end_first_makes_room(void **state)
{
    struct tcpwire w;
    struct tcp_conn *conn;

    (void)state;
    tcpwire_blank(&w, &tcp_tuning_default);
    w.conf.time_waits_max = 3;
    tcpwire_start(&w);
    for (uint16_t port = 1; port <= 5; port++) {
        struct tcp_key at = {NETRIG_US, NETRIG_PEER, TCPWIRE_PORT, port};
        struct tcp_preset preset;

        tcp_conn_preset(&w.tcp, &preset);
        conn = tcp_conn_get(&w.tcp);
        tcp_conn_init(conn, &at, &preset, port);
        conn->state = TCP_FIN_WAIT_2;
        tcp_demux_add(&w.tcp, &conn->link);
        tcp_conn_orphan(conn);
        tcp_tw_begin(conn, port % 2 == 0 ? TCP_TIME_WAIT : TCP_FIN_WAIT_2, port);
    }
    assert_int_equal(tcp_usage(&w.tcp).time_waits, 3);
    assert_int_equal(tcp_usage(&w.tcp).conns, 0);
    assert_int_equal(w.tcp.stats.time_wait_evicted, 2);
    for (uint16_t port = 1; port <= 5; port++) {
        struct tcp_key at = {NETRIG_US, NETRIG_PEER, TCPWIRE_PORT, port};

        assert_int_equal(tcp_demux_find(&w.tcp, &at) != NULL, port >= 3);
    }
    tcpwire_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fin_wait_2_ends_when_its_time_is_over),
        cmocka_unit_test(test_fin_wait_2_data_for_nobody_is_reset),
        cmocka_unit_test(test_fin_wait_2_old_data_are_acknowledged),
        cmocka_unit_test(test_fin_wait_2_an_ack_that_overtook_the_fin_is_no_data),
        cmocka_unit_test(test_fin_wait_2_rst_must_be_exact),
        cmocka_unit_test(test_fin_wait_2_syn_is_challenged),
        cmocka_unit_test(test_time_wait_lasts_2msl),
        cmocka_unit_test(test_a_fin_that_comes_again_is_acknowledged_and_the_wait_starts_anew),
        cmocka_unit_test(test_without_ack_nothing_happens),
        cmocka_unit_test(test_an_ack_of_our_fin_is_not_answered),
        cmocka_unit_test(test_stray_acks_are_answered_not_more_often_than_the_limit),
        cmocka_unit_test(test_rst_does_not_end_time_wait),
        cmocka_unit_test(test_a_syn_with_a_later_timestamp_or_higher_number_reopens),
        cmocka_unit_test(test_a_syn_without_a_listener_does_not_end_time_wait),
        cmocka_unit_test(test_connect_reuses_the_ends_after_a_second),
        cmocka_unit_test(test_connect_without_timestamps_does_not),
        cmocka_unit_test(test_the_one_that_would_end_first_makes_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
