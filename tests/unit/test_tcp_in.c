/* SPDX-License-Identifier: ISC */
/* test_tcp_in.c - a segment's way in: what is no segment, and RFC 9293 section 3.10.7.4 as a
 * table of its own: each synchronised state against each flag set at each edge of the window. */
#include <stdlib.h>
#include <string.h>

#include "tcpip/tcp_priv.h"
#include "tcpwire.h"

#define IRS 0xfffffff0u /* numbers wrap soon */
#define WINDOW 65535u

static struct tcpwire w;
static tcp_t listener, conn;
static uint32_t una, nxt, rcv; /* of the connection under test */
static uint16_t port = TCPWIRE_PEER_PORT;

static void open_stack(const struct tcp_tuning *tuning)
{
    tcpwire_open(&w, tuning);
    listener = tcpwire_listen(&w, 0);
}

static struct tcp_frame segment(uint32_t seq, uint32_t ack, uint8_t flags, uint32_t len)
{
    return (struct tcp_frame){
        .sport = port, .seq = seq, .ack = ack, .flags = flags, .wnd = 65535, .len = len};
}

static void in(uint32_t seq, uint32_t ack, uint8_t flags, uint32_t len)
{
    tcpwire_in(&w, segment(seq, ack, flags, len));
}

static void establish(void)
{
    port++;
    una = nxt = tcpwire_handshake(&w, port, IRS, false).seq + 1;
    rcv = IRS + 1;
    assert_int_equal(tcp_accept(&w.tcp, listener, &conn), 0);
    in(rcv, nxt, F_ACK, 0);
    tcpwire_skip(&w);
}

static void give_up(void)
{
    tcp_abort(&w.tcp, conn, w.rig->now);
    tcpwire_skip(&w);
}

static uint8_t state_now(void)
{
    struct tcp_info info;

    return tcp_info(&w.tcp, conn, w.rig->now, &info) == 0 ? info.state : TCP_CLOSED;
}

static void our_fin(void)
{
    assert_int_equal(tcp_shutdown(&w.tcp, conn, w.rig->now), 0);
    netrig_poll(w.rig);
    nxt++;
}

static void their_fin(uint32_t ack)
{
    in(rcv, ack, F_FIN | F_ACK, 0);
    rcv++;
}

static void bring_to(uint8_t state)
{
    establish();
    if (state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK)
        their_fin(nxt);
    if (state != TCP_ESTABLISHED && state != TCP_CLOSE_WAIT)
        our_fin();
    if (state == TCP_FIN_WAIT_2) {
        in(rcv, nxt, F_ACK, 0);
        una = nxt;
    }
    if (state == TCP_CLOSING)
        their_fin(una);
    assert_int_equal(state_now(), state);
    tcpwire_skip(&w);
}

/* ---- what is no segment ---- */

static void test_lengths_that_contradict_are_malformed(void **state)
{
    static uint8_t bytes[TCP_FRAME_MAX], payload[80];
    uint64_t drops = 0;

    (void)state;
    open_stack(&tcp_tuning_default);
    for (size_t real = 0; real <= 64; real++)
        for (unsigned offset = 0; offset < 16; offset++) {
            struct netrig_ip ip = {.protocol = 6};
            uint32_t sum = 10 * 256 + 1 + 10 * 256 + 2 + 6 + (uint32_t)real;
            size_t len;

            memset(payload, 0, sizeof(payload));
            memset(payload + 20, 1, 44); /* options: nothing but nops */
            payload[3] = 99;             /* nobody's port */
            payload[12] = (uint8_t)(offset << 4);
            payload[13] = F_ACK | F_URG; /* so that it does not wait to be joined */
            if (real >= 20)
                netrig_put16(payload + 16, netrig_checksum(payload, real, sum));
            len = netrig_ip(bytes, &ip, payload, real);
            netrig_input_exact(w.rig, bytes, len);
            drops += real < 20 || offset < 5 || offset * 4u > real;
            assert_int_equal(w.tcp.stats.malformed, drops);
        }
    assert_int_equal(w.tcp.stats.checksum, 0);
    tcpwire_close(&w);
}

static void test_every_byte_is_under_the_checksum(void **state)
{
    static uint8_t bytes[TCP_FRAME_MAX];
    struct tcp_frame f;
    uint64_t wrong = 0;
    size_t len;

    (void)state;
    open_stack(&tcp_tuning_default);
    establish();
    f = segment(rcv, nxt, F_ACK, 33);
    f.dst_mac = NETRIG_US_MAC;
    f.src_mac = NETRIG_PEER_MAC;
    f.src = NETRIG_PEER;
    f.dst = NETRIG_US;
    f.dport = TCPWIRE_PORT;
    len = tcp_frame_make(bytes, &f);
    for (size_t i = 34; i < len; i++) {
        bytes[i] ^= 0x04;
        netrig_input(w.rig, bytes, len);
        netrig_poll(w.rig);
        wrong += w.tcp.stats.checksum == wrong + 1;
        bytes[i] ^= 0x04;
    }
    /* The data offset's byte may make it malformed first. */
    assert_true(wrong >= len - 34 - 1);
    assert_int_equal(tcp_recv_pending(&w.tcp, conn, NULL), 0);
    netrig_input_csum(w.rig, bytes, len, PKT_CSUM_UNKNOWN);
    netrig_poll(w.rig);
    assert_int_equal(tcp_recv_pending(&w.tcp, conn, NULL), 33);
    bytes[len - 1] ^= 1;
    f.seq += 33;
    tcp_frame_make(bytes, &f);
    bytes[len - 1] ^= 1;
    netrig_input_csum(w.rig, bytes, len, PKT_CSUM_VALIDATED); /* the device vouches for it */
    netrig_poll(w.rig);
    assert_int_equal(tcp_recv_pending(&w.tcp, conn, NULL), 66);
    give_up();
    tcpwire_close(&w);
}

/* RFC 1122 section 4.2.3.10. */
static void test_tcp_is_between_two_hosts(void **state)
{
    struct tcp_frame f = segment(1, 0, F_SYN, 0);

    (void)state;
    open_stack(&tcp_tuning_default);
    f.dst = IP4_ADDR(10, 0, 0, 255);
    f.dst_mac = NETRIG_BROADCAST_MAC;
    tcpwire_in(&w, f);
    assert_int_equal(w.tcp.stats.not_unicast, 1);
    tcpwire_quiet(&w);
    tcpwire_close(&w);
}

static void test_a_segment_in_pieces_is_one(void **state)
{
    static uint8_t bytes[TCP_FRAME_MAX];
    struct tcp_frame f;

    (void)state;
    open_stack(&tcp_tuning_default);
    for (size_t piece = 1; piece <= 80; piece++) {
        establish();
        f = segment(rcv, nxt, F_ACK | F_PSH, 100);
        f.dst_mac = NETRIG_US_MAC;
        f.src_mac = NETRIG_PEER_MAC;
        f.src = NETRIG_PEER;
        f.dst = NETRIG_US;
        f.dport = TCPWIRE_PORT;
        if (piece >= 12) /* fewer pages than a packet has places */
            netrig_input_pieces(w.rig, bytes, tcp_frame_make(bytes, &f), piece);
        netrig_poll(w.rig);
        assert_int_equal(tcp_recv_pending(&w.tcp, conn, NULL), piece >= 12 ? 100 : 0);
        give_up();
    }
    tcpwire_close(&w);
}

/* ---- RFC 9293 section 3.10.7.4 ---- */

enum answer { NOTHING, ACK, ENDED, ENDED_WITH_RST, TAKEN };

static bool has_their_fin(uint8_t state)
{
    return state == TCP_CLOSE_WAIT || state == TCP_CLOSING || state == TCP_LAST_ACK;
}

/* What the standard asks for, with RFC 5961's stricter rules. */
static enum answer expected(uint8_t state, const struct tcp_frame *f)
{
    uint32_t len = f->len + ((f->flags & F_SYN) != 0) + ((f->flags & F_FIN) != 0);
    uint32_t off = f->seq - rcv; /* from RCV.NXT */
    bool inside = off < WINDOW;

    if ((f->flags & F_RST) != 0)
        return f->seq == rcv ? ENDED : inside ? ACK : NOTHING;
    if ((f->flags & F_SYN) != 0)
        return ACK;
    /* Our two liberties: what ends at RCV.NXT, and what begins at the right edge. */
    if ((int32_t)(off + len) < 0 || ((int32_t)off > 0 && off > WINDOW))
        return ACK;
    if ((f->flags & F_ACK) == 0)
        return NOTHING;
    if ((int32_t)(f->ack - nxt) > 0)
        return ACK;
    if (f->ack == nxt && state == TCP_LAST_ACK)
        return ENDED;
    /* TIME-WAIT: the connection's record is a small one. */
    if (f->ack == nxt && state == TCP_CLOSING)
        return ENDED;
    if (f->len + ((f->flags & F_FIN) != 0) == 0)
        return TAKEN;
    if (has_their_fin(state))
        return ACK;
    if ((f->flags & F_FIN) != 0 && (int32_t)off <= 0 && (int32_t)(off + f->len) >= 0 &&
        (state == TCP_FIN_WAIT_2 || (state == TCP_FIN_WAIT_1 && f->ack == nxt)))
        return ENDED; /* into TIME-WAIT, with an ACK */
    return off + f->len > 0 && off >= WINDOW && (int32_t)off > 0 ? ACK : TAKEN;
}

static void check(uint8_t state, struct tcp_frame f)
{
    enum answer want = expected(state, &f);
    uint32_t resets = 0, acks = 0;
    struct tcpwire_seg seg;

    tcpwire_in(&w, f);
    while (tcpwire_try_out(&w, &seg)) {
        resets += (seg.flags & F_RST) != 0;
        acks += (seg.flags & (F_ACK | F_RST | F_SYN)) == F_ACK;
    }
    if ((state_now() == TCP_CLOSED) != (want == ENDED) || resets != 0 ||
        (want == ACK && acks != 1) || (want == NOTHING && acks != 0))
        fail_msg("%s: flags %02x seq %+d ack %+d len %u: %u ACKs, %u RSTs, %s; wanted %d",
                 tcp_state_name(state), f.flags, (int)(f.seq - rcv), (int)(f.ack - nxt), f.len,
                 acks, resets, tcp_state_name(state_now()), want);
}

static const uint8_t states[] = {TCP_ESTABLISHED, TCP_FIN_WAIT_1, TCP_FIN_WAIT_2,
                                 TCP_CLOSE_WAIT,  TCP_CLOSING,    TCP_LAST_ACK};

static void test_each_state_each_flag_set_each_edge(void **state)
{
    struct tcp_tuning tuning = tcp_tuning_default;
    const uint32_t offs[] = {-2u, -1u, 0, 1, 1000, WINDOW - 1, WINDOW, WINDOW + 1, 1u << 31};
    const uint32_t acks[] = {-1u, 0, 1, 2};
    const uint32_t lens[] = {0, 1, 2};

    (void)state;
    tuning.invalid_ack_ns = 0;
    tuning.challenge_per_s = 1000;
    open_stack(&tuning);
    for (unsigned s = 0; s < ARRAY_SIZE(states); s++)
        for (unsigned flags = 0; flags < 64; flags++)
            for (unsigned i = 0; i < ARRAY_SIZE(offs) * ARRAY_SIZE(acks) * ARRAY_SIZE(lens); i++) {
                uint32_t off = offs[i % ARRAY_SIZE(offs)];
                uint32_t ack = acks[i / ARRAY_SIZE(offs) % ARRAY_SIZE(acks)];
                uint32_t len = lens[i / ARRAY_SIZE(offs) / ARRAY_SIZE(acks)];

                if (i % 7 != flags % 7) /* each pair, not each combination: seconds, not minutes */
                    continue;
                bring_to(states[s]);
                check(states[s], segment(rcv + off, nxt + ack, (uint8_t)flags, len));
                give_up();
            }
    tcpwire_pass(&w, 100 * NS_PER_S);
    tcpwire_close(&w);
}

/* The same with challenges off: as RFC 793 had it. */
static void test_without_rfc_5961_what_is_in_the_window_ends_it(void **state)
{
    struct tcp_tuning tuning = tcp_tuning_default;

    (void)state;
    tuning.challenge_acks = false;
    tuning.invalid_ack_ns = 0;
    open_stack(&tuning);
    for (unsigned s = 0; s < ARRAY_SIZE(states); s++) {
        for (unsigned i = 0; i < 2; i++) {
            uint8_t flags = i == 0 ? F_RST : F_SYN;

            bring_to(states[s]);
            in(rcv + WINDOW, nxt, flags, 0);
            in(rcv - 2, nxt, flags, 0);
            assert_int_equal(state_now(), states[s]);
            in(rcv + WINDOW - 1, nxt, flags, 0);
            assert_int_equal(state_now(), TCP_CLOSED);
            assert_int_equal(tcp_error(&w.tcp, conn), -E_CONNRESET);
            give_up();
        }
    }
    tcpwire_pass(&w, 100 * NS_PER_S);
    tcpwire_close(&w);
}

static void test_a_reset_at_the_fin_is_exact_where_the_tuning_says_so(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        open_stack(i == 0 ? &tcp_tuning_default : &tcp_tuning_linux);
        bring_to(TCP_CLOSE_WAIT);
        in(rcv - 1, 0, F_RST, 0);
        assert_int_equal(state_now(), i == 0 ? TCP_CLOSE_WAIT : TCP_CLOSED);
        give_up();
        tcpwire_close(&w);
    }
}

/* RFC 9293 section 3.6.1: text that no program will read. */
static void test_text_after_close_is_reset_in_every_state(void **state)
{
    const uint8_t closed[] = {TCP_FIN_WAIT_1, TCP_FIN_WAIT_2};

    (void)state;
    open_stack(&tcp_tuning_default);
    for (unsigned i = 0; i < ARRAY_SIZE(closed); i++) {
        bring_to(closed[i]);
        assert_int_equal(tcp_close(&w.tcp, conn, w.rig->now), 0);
        in(rcv - 1, una, F_ACK, 1); /* old text is no reason */
        assert_int_equal(tcpwire_out(&w).flags, F_ACK);
        tcpwire_skip(&w);
        in(rcv, una, F_ACK, 1);
        assert_int_equal(tcpwire_out(&w).flags, F_RST);
        assert_int_equal(tcp_usage(&w.tcp).conns, 0);
        assert_int_equal(tcp_usage(&w.tcp).time_waits, 0);
    }
    tcpwire_close(&w);
}

/* Where nobody holds it a small record is enough for FIN-WAIT-2. */
static void test_fin_wait_2_of_nobody_is_a_small_record(void **state)
{
    (void)state;
    open_stack(&tcp_tuning_default);
    bring_to(TCP_FIN_WAIT_1);
    assert_int_equal(tcp_close(&w.tcp, conn, w.rig->now), 0);
    in(rcv, nxt, F_ACK, 0);
    assert_int_equal(tcp_usage(&w.tcp).conns, 0);
    assert_int_equal(tcp_usage(&w.tcp).time_waits, 1);
    tcpwire_pass(&w, 100 * NS_PER_S);
    assert_int_equal(tcp_usage(&w.tcp).time_waits, 0);
    tcpwire_close(&w);
}

/* RFC 9293 section 3.10.7.4, first: a window of zero still lets ACK, URG and RST in. */
static void test_a_window_of_zero_lets_the_reset_in(void **state)
{
    (void)state;
    open_stack(&tcp_tuning_default);
    establish();
    assert_int_equal(tcp_set(&w.tcp, conn, TCP_OPT_RCVBUF, 2048, w.rig->now), 0);
    while (rcv != IRS + 1 + WINDOW) { /* what was offered before is taken */
        uint32_t len = u32_min(IRS + 1 + WINDOW - rcv, 1460);

        in(rcv, nxt, F_ACK, len);
        rcv += len;
    }
    tcpwire_skip(&w);
    in(rcv, nxt, F_ACK, 1);
    assert_int_equal(tcpwire_out(&w).wnd, 0);
    in(rcv + 1, nxt, F_RST, 0);
    assert_int_equal(state_now(), TCP_ESTABLISHED);
    in(rcv, nxt, F_RST, 0);
    assert_int_equal(state_now(), TCP_CLOSED);
    give_up();
    tcpwire_close(&w);
}

/* RFC 6093: the mark only moves on, and what was read is behind it. */
static void test_the_urgent_mark_only_moves_on(void **state)
{
    uint8_t bytes[64];
    uint32_t urgent = 1;
    struct tcp_frame f;

    (void)state;
    open_stack(&tcp_tuning_default);
    establish();
    f = segment(rcv, nxt, F_ACK | F_URG, 0);
    f.urg = 0; /* nothing is marked */
    tcpwire_in(&w, f);
    assert_int_equal(tcp_recv_pending(&w.tcp, conn, &urgent), 0);
    assert_int_equal(urgent, 0);
    assert_int_equal(w.tcp.stats.urgent_in, 0);
    f = segment(rcv, nxt, F_ACK | F_URG, 10);
    f.urg = 20;
    tcpwire_in(&w, f);
    assert_true(tcp_ready(&w.tcp, conn) & TCP_READY_URGENT);
    assert_int_equal(tcp_recv_pending(&w.tcp, conn, &urgent), 10);
    assert_int_equal(urgent, 20);
    f = segment(rcv + 10, nxt, F_ACK | F_URG, 5);
    f.urg = 5; /* it would go back */
    tcpwire_in(&w, f);
    tcp_recv_pending(&w.tcp, conn, &urgent);
    assert_int_equal(urgent, 20);
    f.urg = 0; /* at what is there already */
    tcpwire_in(&w, f);
    f = segment(rcv + 15, nxt, F_ACK | F_URG, 5);
    f.urg = 9;
    tcpwire_in(&w, f);
    tcp_recv_pending(&w.tcp, conn, &urgent);
    assert_int_equal(urgent, 24);
    assert_int_equal(tcp_recv(&w.tcp, conn, cs_of(bytes, 20), w.rig->now), 20);
    tcp_recv_pending(&w.tcp, conn, &urgent);
    assert_int_equal(urgent, 4);
    in(rcv + 20, nxt, F_ACK, 10);
    assert_int_equal(tcp_recv(&w.tcp, conn, cs_of(bytes, 10), w.rig->now), 10);
    tcp_recv_pending(&w.tcp, conn, &urgent);
    assert_int_equal(urgent, 0);
    assert_false(tcp_ready(&w.tcp, conn) & TCP_READY_URGENT);
    /* After the FIN there is nothing to mark. */
    rcv += 30;
    their_fin(nxt);
    f = segment(rcv, nxt, F_ACK | F_URG, 0);
    f.urg = 50;
    tcpwire_in(&w, f);
    assert_false(tcp_ready(&w.tcp, conn) & TCP_READY_URGENT);
    assert_int_equal(w.tcp.stats.urgent_in, 2);
    give_up();
    tcpwire_close(&w);
}

/* RFC 7323 section 5: an ACK that arrives late is no reason to answer. */
static void test_a_late_ack_with_an_old_timestamp_is_let_in(void **state)
{
    struct tcp_frame f;
    uint32_t first;

    (void)state;
    open_stack(&tcp_tuning_default);
    port++;
    first = tcpwire_handshake(&w, port, IRS, true).seq + 1;
    assert_int_equal(tcp_accept(&w.tcp, listener, &conn), 0);
    f = segment(IRS + 1, first, F_ACK, 0);
    f.ts = true;
    f.wnd = 500;
    f.tsval = 2000;
    tcpwire_in(&w, f);
    tcpwire_skip(&w);
    f.tsval = 1990;
    tcpwire_in(&w, f);
    tcpwire_quiet(&w);
    assert_int_equal(w.tcp.stats.paws, 0);
    f.tsval = 1990;
    f.wnd = 600; /* it would say something new */
    tcpwire_in(&w, f);
    assert_int_equal(w.tcp.stats.paws, 1);
    f.tsval = 2000 - (1u << 31) + 5; /* far too old */
    f.wnd = 500;
    tcpwire_in(&w, f);
    assert_int_equal(w.tcp.stats.paws, 2);
    f.len = 10;
    tcpwire_in(&w, f);
    assert_int_equal(w.tcp.stats.paws, 3);
    assert_int_equal(tcp_recv_pending(&w.tcp, conn, NULL), 0);
    give_up();
    tcpwire_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths_that_contradict_are_malformed),
        cmocka_unit_test(test_every_byte_is_under_the_checksum),
        cmocka_unit_test(test_tcp_is_between_two_hosts),
        cmocka_unit_test(test_a_segment_in_pieces_is_one),
        cmocka_unit_test(test_each_state_each_flag_set_each_edge),
        cmocka_unit_test(test_without_rfc_5961_what_is_in_the_window_ends_it),
        cmocka_unit_test(test_a_reset_at_the_fin_is_exact_where_the_tuning_says_so),
        cmocka_unit_test(test_text_after_close_is_reset_in_every_state),
        cmocka_unit_test(test_fin_wait_2_of_nobody_is_a_small_record),
        cmocka_unit_test(test_a_window_of_zero_lets_the_reset_in),
        cmocka_unit_test(test_the_urgent_mark_only_moves_on),
        cmocka_unit_test(test_a_late_ack_with_an_old_timestamp_is_let_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
