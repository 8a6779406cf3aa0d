/* SPDX-License-Identifier: ISC */
/* test_tcp_window.c - the receive window: its scale, its edge, silly windows, growth, its pages. */
#include "rxtest.h"

static void reopen(const struct rxrig_conf *conf)
{
    rxrig_close(&rig);
    rxrig_open(&rig, conf);
}

/* ---- scale ---------------------------------------------------------------------------------- */

static void test_scale_is_the_least_that_can_say_the_buffer(void **state)
{
    struct tcp_tuning tuning = tcp_tuning_default;

    (void)state;
    assert_int_equal(tcp_window_scale(&tuning, 2048), 0);
    assert_int_equal(tcp_window_scale(&tuning, 65535), 0);
    assert_int_equal(tcp_window_scale(&tuning, 65536), 1);
    assert_int_equal(tcp_window_scale(&tuning, 131070), 1);
    assert_int_equal(tcp_window_scale(&tuning, 131071), 2);
    /* What Linux offers for its tcp_rmem, FreeBSD for its maxsockbuf. */
    assert_int_equal(tcp_window_scale(&tuning, 6291456), 7);
    assert_int_equal(tcp_window_scale(&tuning, 2097152), 6);
    /* RFC 7323 section 2.3. */
    assert_int_equal(tcp_window_scale(&tuning, UINT32_C(1) << 30), 14);
    tuning.window_scale_max = 3;
    assert_int_equal(tcp_window_scale(&tuning, 6291456), 3);
    tuning.window_scale_max = 255;
    assert_int_equal(tcp_window_scale(&tuning, UINT32_MAX), 14);
}

/* The field cannot say less than a unit: what is said must not be less than what was. */
static void test_rounding_does_not_shrink_the_window(void **state)
{
    uint32_t edge = rig.conn->rcv_adv;

    (void)state;
    assert_int_equal(rig.conn->rcv_wscale, 7);
    for (uint32_t at = 0; at < 60000; at += 37) {
        uint32_t window;

        rxrig_text(&rig, at, 37);
        window = tcp_window_offer(rig.conn);
        assert_int_equal(window % 128, 0);
        assert_int_equal(rig.conn->rcv_adv, rig.conn->rcv_nxt + window);
        assert_true(seq_ge(rig.conn->rcv_adv, edge));
        edge = rig.conn->rcv_adv;
    }
}

/* A peer that sends single bytes cannot have the edge rounded away from us for ever. */
static void test_rounding_has_an_end(void **state)
{
    uint32_t at = 0;

    (void)state;
    reopen(&(struct rxrig_conf){.rcvbuf = 8192});
    for (; tcp_window_offered(rig.conn) > 0 && at < 20000; at++) {
        rxrig_text(&rig, at, 1);
        tcp_window_offer(rig.conn);
    }
    assert_in_range(rig.conn->rcv.bytes, 8192, 8192 + 8192 / 4 + 128);
}

static void test_window_fits_its_field(void **state)
{
    (void)state;
    reopen(&(struct rxrig_conf){.no_scale = true});
    for (uint32_t at = 0; at < 2000000; at += 1460) {
        rxrig_text(&rig, at, 1460);
        rxrig_read(&rig, at);
        assert_true(tcp_window_offer(rig.conn) <= 65535);
    }
}

/* ---- the edge ------------------------------------------------------------------------------- */

static void fill_window(void)
{
    while (tcp_window_offered(rig.conn) > 0) {
        rxrig_text(&rig, rxrig_next(&rig), u32_min(1460, tcp_window_offered(rig.conn)));
        rxrig_ack(&rig);
    }
}

/* RFC 9293 section 3.8.6.2.2: until there is room for a segment, or half the buffer, it stays
 * shut. */
static void test_window_does_not_open_by_silly_steps(void **state)
{
    uint32_t at = 0;

    (void)state;
    reopen(&(struct rxrig_conf){.rcvbuf = 16384});
    fill_window();
    assert_int_equal(tcp_window_offer(rig.conn), 0);
    for (; at < 1000; at += 100) {
        tcp_recv_consume(rig.tcp, rig.handle, 100, tcprig_now());
        assert_int_equal(tcp_window_offer(rig.conn), 0);
        assert_false(rxrig_acked(&rig));
    }
    tcp_recv_consume(rig.tcp, rig.handle, 2000, tcprig_now());
    /* And the peer is told at once. */
    assert_true(rxrig_acked(&rig));
    assert_true(tcp_window_offered(rig.conn) >= 1460);
}

static void test_small_steps_do_not_move_the_edge_of_a_small_window(void **state)
{
    uint32_t edge, moved;

    (void)state;
    reopen(&(struct rxrig_conf){.rcvbuf = 16384});
    fill_window();
    tcp_recv_consume(rig.tcp, rig.handle, 4000, tcprig_now());
    tcp_window_offer(rig.conn);
    edge = rig.conn->rcv_adv;
    tcp_recv_consume(rig.tcp, rig.handle, 100, tcprig_now());
    tcp_window_offer(rig.conn);
    moved = rig.conn->rcv_adv - edge;
    assert_true(moved == 0 || moved >= 1460);
}

/* A window that was shut opens again, whatever buffer, scale and clamp. */
static void test_window_always_opens_again(void **state)
{
    static const uint32_t buffers[] = {2048, 2049, 4000, 65536, 6291456};
    static const uint32_t clamps[] = {0, 1, 100, 1460, 5000};

    (void)state;
    for (unsigned b = 0; b < ARRAY_SIZE(buffers); b++) {
        for (unsigned c = 0; c < ARRAY_SIZE(clamps); c++) {
            for (uint8_t scale = 0; scale <= 14; scale += 7) {
                reopen(&(struct rxrig_conf){.rcvbuf = buffers[b], .pages_max = 8192});
                rig.conn->rcv_wscale = scale;
                if (clamps[c] != 0)
                    rig.conn->rcv.clamp = clamps[c];
                rig.conn->rcv_adv = rig.conn->rcv_nxt;
                rig.conn->rcv.mss = 1460;
                assert_true(tcp_window_offer(rig.conn) > 0);
            }
        }
    }
}

static void test_full_budget_leaves_a_window(void **state)
{
    uint32_t edge;

    (void)state;
    reopen(&(struct rxrig_conf){.pages_max = 16});
    rig.tcp->used.pages += 15;
    assert_int_equal(tcp_mem_level(rig.tcp), TCP_MEM_FULL);
    edge = rig.conn->rcv_adv;
    rxrig_text(&rig, 0, 1000);
    tcp_window_offer(rig.conn);
    assert_in_range(rig.conn->rcv_adv - edge, 0,
                    127); /* it stays but for rounding, and does not move back */
    rxrig_read(&rig, 0);
    rig.conn->rcv_adv = rig.conn->rcv_nxt;
    assert_true(tcp_window_offer(rig.conn) >= rig.conn->rcv.mss);
    assert_true(tcp_window_offered(rig.conn) <= 2 * rig.conn->rcv.mss + 128);
    rig.tcp->used.pages -= 15;
}

static void test_clamp_bounds_what_is_offered(void **state)
{
    (void)state;
    rig.conn->rcv.clamp = 20000;
    rig.conn->rcv_adv = rig.conn->rcv_nxt;
    assert_int_equal(tcp_window_offer(rig.conn), (20000 + 127) / 128 * 128);
    /* Not what was offered before. */
    rig.conn->rcv.clamp = 5000;
    assert_int_equal(tcp_window_offer(rig.conn), (20000 + 127) / 128 * 128);
}

/* Linux: without scale, whole segments, and no change by less. */
static void test_unscaled_window_is_whole_segments(void **state)
{
    uint32_t first;

    (void)state;
    reopen(&(struct rxrig_conf){.no_scale = true, .rcvbuf = 30500});
    rig.conn->rcv.mss = 1000;
    first = tcp_window_offered(rig.conn);
    assert_int_equal(first, 30500);
    rxrig_text(&rig, 0, 1000);
    rxrig_ack(&rig);
    assert_int_equal(tcp_window_offer(rig.conn), 29500); /* what is left of it */
    rxrig_read(&rig, 0);
    assert_int_equal(tcp_window_offer(rig.conn), 30000);
}

static void assert_offered(void)
{
    uint32_t window = tcp_window_now(rig.conn);

    assert_int_equal(window, tcp_window_offered(rig.conn));
}

/* A window that was offered is not worked out anew for each segment sent, until something
 * changes. */
static void test_window_is_known_until_something_changes(void **state)
{
    (void)state;
    rxrig_text(&rig, 0, 1448);
    rxrig_ack(&rig);
    assert_true(rig.conn->rcv.window_known);
    assert_offered();
    rxrig_text(&rig, 1448, 100);
    assert_offered();
    rxrig_read(&rig, 0);
    assert_false(rig.conn->rcv.window_known);
    tcp_window_now(rig.conn);
    rxrig_segment(&rig, 1548, 0, TCP_FIN);
    assert_offered();
    /* What others hold back they may give. */
    rig.tcp->rcv_promised += 100000;
    rig.conn->rcv.window_known = false;
    rig.conn->rcv.ssthresh = rig.conn->rcv.limit;
    tcp_window_now(rig.conn);
    assert_false(rig.conn->rcv.window_known);
    rig.tcp->rcv_promised -= 100000;
}

/* ---- what the program's reading tells the peer ----------------------------------------------- */

static void test_update_is_sent_when_the_window_doubles(void **state)
{
    uint32_t told = 0;

    (void)state;
    reopen(&(struct rxrig_conf){.rcvbuf = 32768});
    fill_window();
    rxrig_ack(&rig);
    for (uint32_t at = 0; at < 32000; at += 500) {
        uint32_t before = tcp_window_offered(rig.conn);

        tcp_recv_consume(rig.tcp, rig.handle, 500, tcprig_now());
        if (rxrig_acked(&rig)) {
            assert_true(tcp_window_offered(rig.conn) >= 2 * before);
            told++;
        }
    }
    assert_in_range(told, 3, 6);
}

static void test_bsd_update_is_sent_for_two_segments_and_a_quarter(void **state)
{
    uint32_t told = 0;

    (void)state;
    reopen(&(struct rxrig_conf){.tuning = &tcp_tuning_freebsd, .rcvbuf = 32768});
    fill_window();
    rxrig_ack(&rig);
    for (uint32_t at = 0; at < 32000; at += 500) {
        uint32_t before = rig.conn->rcv_adv;

        tcp_recv_consume(rig.tcp, rig.handle, 500, tcprig_now());
        if (rxrig_acked(&rig)) {
            assert_true(rig.conn->rcv_adv - before >= 2 * 1460);
            told++;
        }
    }
    assert_in_range(told, 3, 6);
}

static void test_nothing_is_told_after_the_fin(void **state)
{
    (void)state;
    reopen(&(struct rxrig_conf){.rcvbuf = 16384});
    fill_window();
    rxrig_segment(&rig, rxrig_next(&rig), 0, TCP_FIN);
    rxrig_ack(&rig);
    tcp_recv_consume(rig.tcp, rig.handle, 16000, tcprig_now());
    assert_false(rxrig_acked(&rig));
}

/* What came before the FIN is acknowledged when it is read, no later. */
static void test_what_came_before_the_fin_is_acknowledged(void **state)
{
    (void)state;
    reopen(&(struct rxrig_conf){.tuning = &tcp_tuning_linux});
    rig.conn->rcv.quick = 0;
    rig.conn->rcv.ato_ns = 40 * NS_PER_MS;
    rxrig_segment(&rig, 0, 100, TCP_FIN);
    assert_false(rxrig_acked(&rig));
    rig.conn->rcv.mss = 50;
    rxrig_read(&rig, 0);
    assert_true(rxrig_acked(&rig));
}

/* ---- growth --------------------------------------------------------------------------------- */

/* A sender that doubles each round trip: the buffer keeps ahead of it. */
static void bulk(uint32_t rounds, bool read)
{
    uint32_t flight = 10, at = rxrig_next(&rig);

    for (uint32_t round = 0; round < rounds; round++) {
        uint32_t room = tcp_window_offered(rig.conn) / 1448;

        vplat_advance(100 * NS_PER_MS);
        for (uint32_t i = 0; i < u32_min(flight, room); i++) {
            rig.ts_ecr = tcp_ts_now(rig.tcp, rig.conn->ts_offset, tcprig_now() - 100 * NS_PER_MS);
            rxrig_text(&rig, at, 1448);
            if (read)
                rxrig_read(&rig, at);
            at += 1448;
            rxrig_ack(&rig);
        }
        flight *= 2;
    }
}

static void test_buffer_grows_with_what_is_read_in_a_round_trip(void **state)
{
    (void)state;
    reopen(&(struct rxrig_conf){.ts = true, .pages_max = 16384});
    bulk(12, true);
    assert_true(rig.conn->rcv.rtt_ns >= 90 * NS_PER_MS && rig.conn->rcv.rtt_ns < 110 * NS_PER_MS);
    assert_int_equal(rig.conn->rcv.limit, rig.tcp->conf.tuning.rcvbuf_max);
    assert_true(tcp_window_offered(rig.conn) > 5 * 1024 * 1024);
}

/* The buffer's size in the end, where the device's other side keeps 512 KiB for us and segments
 * took 100 ms, of which the path takes but some. */
static uint32_t grown_over_a_queue(uint64_t least_rtt_ns)
{
    struct netdev_caps *caps;

    reopen(&(struct rxrig_conf){.ts = true, .pages_max = 16384});
    caps = &rig.tcp->conf.nif->conf.dev->caps;
    caps->rx_queue_bytes = 512 * 1024;
    rig.conn->rtt.min_ns = least_rtt_ns;
    rig.conn->rtt.min_at = tcprig_now();
    bulk(12, true);
    caps->rx_queue_bytes = 0;
    return rig.conn->rcv.limit;
}

/* What a near peer has on its way beyond what the device's other side keeps for us is lost. */
static void test_near_peer_fills_no_more_than_the_devices_queue(void **state)
{
    (void)state;
    assert_int_equal(grown_over_a_queue(20 * NS_PER_MS), 384 * 1024);
}

static void test_queue_does_not_bound_what_a_long_path_holds(void **state)
{
    (void)state;
    assert_true(grown_over_a_queue(UINT64_MAX) > 2 * 1024 * 1024);
}

static void test_buffer_does_not_grow_for_who_does_not_read(void **state)
{
    uint32_t limit;

    (void)state;
    reopen(&(struct rxrig_conf){.ts = true, .pages_max = 16384});
    limit = rig.conn->rcv.limit;
    bulk(12, false);
    assert_int_equal(rig.conn->rcv.limit, limit);
    assert_true(rig.conn->rcv.bytes <= limit + limit / 10);
}

static void test_set_buffer_does_not_grow(void **state)
{
    (void)state;
    reopen(&(struct rxrig_conf){.ts = true, .pages_max = 16384, .rcvbuf = 100000});
    bulk(12, true);
    assert_int_equal(rig.conn->rcv.limit, 100000);
}

static void test_round_trip_is_measured_without_timestamps(void **state)
{
    (void)state;
    reopen(&(struct rxrig_conf){.pages_max = 16384});
    bulk(12, true);
    assert_true(rig.conn->rcv.rtt_ns >= 100 * NS_PER_MS);
    assert_true(rig.conn->rcv.limit > 1024 * 1024);
}

static void test_window_begins_slowly(void **state)
{
    uint32_t before = rig.conn->rcv.ssthresh;

    (void)state;
    assert_int_equal(before, 65535);
    rxrig_text(&rig, 0, 1448);
    assert_int_equal(rig.conn->rcv.ssthresh, before + 2 * 1448);
    rxrig_text(&rig, 1448, 100); /* too short to say that long ones fit */
    assert_int_equal(rig.conn->rcv.ssthresh, before + 2 * 1448);
    rxrig_read(&rig, 0);
}

/* What is offered beyond first windows has pages, for all connections together. */
static void test_growth_is_backed_by_pages(void **state)
{
    (void)state;
    reopen(&(struct rxrig_conf){.ts = true, .pages_max = 512});
    bulk(12, true);
    assert_true(tcp_window_offered(rig.conn) > 65535);
    assert_true((tcp_window_offered(rig.conn) - 65535) / 1448 <= 512);
    assert_true(rig.tcp->rcv_promised <= 512);
    assert_true(rig.tcp->rcv_promised > 100);
    /* Another connection has taken them: the edge stays. */
    rig.tcp->rcv_promised += 10000;
    {
        uint32_t edge = rig.conn->rcv_adv;

        rxrig_text(&rig, rxrig_next(&rig), 1448);
        rxrig_read(&rig, rxrig_next(&rig) - 1448);
        tcp_window_offer(rig.conn);
        assert_in_range(rig.conn->rcv_adv - edge, 0, 127);
    }
    rig.tcp->rcv_promised -= 10000;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)
    const struct CMUnitTest tests[] = {
        T(test_scale_is_the_least_that_can_say_the_buffer),
        T(test_rounding_does_not_shrink_the_window),
        T(test_rounding_has_an_end),
        T(test_window_fits_its_field),
        T(test_window_does_not_open_by_silly_steps),
        T(test_small_steps_do_not_move_the_edge_of_a_small_window),
        T(test_window_always_opens_again),
        T(test_full_budget_leaves_a_window),
        T(test_clamp_bounds_what_is_offered),
        T(test_unscaled_window_is_whole_segments),
        T(test_window_is_known_until_something_changes),
        T(test_update_is_sent_when_the_window_doubles),
        T(test_bsd_update_is_sent_for_two_segments_and_a_quarter),
        T(test_nothing_is_told_after_the_fin),
        T(test_what_came_before_the_fin_is_acknowledged),
        T(test_buffer_grows_with_what_is_read_in_a_round_trip),
        T(test_near_peer_fills_no_more_than_the_devices_queue),
        T(test_queue_does_not_bound_what_a_long_path_holds),
        T(test_buffer_does_not_grow_for_who_does_not_read),
        T(test_set_buffer_does_not_grow),
        T(test_round_trip_is_measured_without_timestamps),
        T(test_window_begins_slowly),
        T(test_growth_is_backed_by_pages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
