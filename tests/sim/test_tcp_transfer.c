/* SPDX-License-Identifier: ISC */
/* test_tcp_transfer.c - bytes arrive as they were sent: over good links and bad ones, ours
 * against ours and against lwIP, through every wrap of sequence numbers and clocks, without a
 * copy where the device gathers, and with a window that always opens again. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tcp_link.h"

#define DEADLINE (3600 * NS_PER_S)

static struct tlink_conf quick(uint64_t seed)
{
    struct tlink_conf conf = {.seed = seed};

    for (unsigned e = 0; e < 2; e++)
        conf.dir[e].delay_ns = NS_PER_MS;
    return conf;
}

static void move(struct tlink *link, struct tlink_bulk *bulk)
{
    if (!tlink_bulk_open(bulk, link, 80))
        fail_msg("the connection did not open");
    if (!tlink_bulk_run(bulk, plat_now_ns() + DEADLINE))
        fail_msg("%llu of %llu and %llu of %llu bytes came", (unsigned long long)bulk->got[1],
                 (unsigned long long)bulk->total[0], (unsigned long long)bulk->got[0],
                 (unsigned long long)bulk->total[1]);
    tlink_bulk_close(bulk);
}

/* Both ways over such a link; then everything is back. */
static void both_ways(const struct tlink_conf *conf, uint64_t bytes)
{
    struct tlink_bulk bulk = {.total = {bytes, bytes}};
    struct tlink *link;

    vplat_reset(conf->seed);
    link = tlink_new(conf);
    move(link, &bulk);
    tlink_pass(link, 300 * NS_PER_S);
    if (conf->kind[0] == TLINK_OURS && conf->kind[1] == TLINK_OURS)
        tlink_free(link);
    else
        tlink_drop(link);
}

static void test_a_clean_link(void **state)
{
    struct tlink_conf conf = quick(1);

    (void)state;
    both_ways(&conf, 8u << 20);
}

static void test_every_kind_of_fault(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10; i++) {
        struct tlink_conf conf = quick(100 + i);

        for (unsigned e = 0; e < 2; e++) {
            struct fault_dir *dir = &conf.dir[e];

            dir->loss_ppm = i % 3 == 0 || i >= 6 ? 50000 : 0;
            dir->duplicate_ppm = i % 3 == 1 || i >= 6 ? 100000 : 0;
            dir->reorder_ppm = i % 3 == 2 || i >= 6 ? 100000 : 0;
            dir->trailing_ppm = i % 2 == 0 ? 100000 : 0;
            dir->trailing_bytes = 20;
            dir->jitter_ns = i >= 3 ? 3 * NS_PER_MS : 0;
        }
        both_ways(&conf, 1u << 20);
    }
}

/* ---- a device that turns over one bit of every so many frames: what the checksum surely finds
 * - */

struct flipper {
    struct netdev dev;
    struct netdev *inner;
    uint64_t rng;
};

static int flip_tx(struct netdev *dev, struct pkt *pkt)
{
    struct flipper *f = CONTAINER_OF(dev, struct flipper, dev);
    struct pkt *copy;
    uint32_t where, before = 0;
    int err;

    if (test_random_below(&f->rng, 20) != 0)
        return netdev_tx(f->inner, pkt);
    copy = pkt_get(pkt->pool);
    assert_non_null(copy);
    pkt_csum_complete(pkt);
    for (unsigned i = 0; i < pkt->frag_count; i++)
        assert_int_equal(pkt_append_copy(copy, pkt_frag_view(pkt, i)), 0);
    where = 14 + test_random_below(&f->rng, copy->len - 14);
    for (unsigned i = 0; i < copy->frag_count; before += copy->frag[i++].len)
        if (where >= before && where - before < copy->frag[i].len)
            pkt_frag_rw(copy, i).base[where - before] ^=
                (uint8_t)(1 << test_random_below(&f->rng, 8));
    err = netdev_tx(f->inner, copy);
    pkt_put(err == 0 ? pkt : copy);
    return err;
}

static void flip_tx_flush(struct netdev *dev)
{
    netdev_tx_flush(CONTAINER_OF(dev, struct flipper, dev)->inner);
}

static unsigned flip_rx(struct netdev *dev, struct pkt **pkts, unsigned n)
{
    return netdev_rx(CONTAINER_OF(dev, struct flipper, dev)->inner, pkts, n);
}

static bool flip_arm(struct netdev *dev)
{
    return netdev_arm(CONTAINER_OF(dev, struct flipper, dev)->inner);
}

static struct netdev *flip_wrap(void *arg, struct netdev *inner)
{
    static const struct netdev_ops ops = {
        .name = "flip", .tx = flip_tx, .tx_flush = flip_tx_flush, .rx = flip_rx, .arm = flip_arm};
    static struct flipper flippers[2];
    struct flipper *f = &flippers[(*(unsigned *)arg)++ % 2];

    *f = (struct flipper){.dev = *inner, .inner = inner, .rng = 1};
    f->dev.ops = &ops;
    return &f->dev;
}

static void test_what_is_corrupted_is_found_by_its_checksum(void **state)
{
    unsigned count = 0;
    struct tlink_conf conf = quick(120);

    (void)state;
    conf.wrap[0] = conf.wrap[1] = flip_wrap;
    conf.wrap_arg = &count;
    conf.no_trace = true; /* which would see the corruption as the stack's */
    both_ways(&conf, 1u << 20);
}

static void test_half_of_everything_is_lost(void **state)
{
    struct tlink_conf conf = quick(2);

    (void)state;
    conf.dir[0].loss_ppm = conf.dir[1].loss_ppm = 400000;
    both_ways(&conf, 20000);
}

static void test_small_and_large_frames(void **state)
{
    static const uint16_t mtus[] = {576, 1006, 1500, 4000, 9000};

    (void)state;
    for (size_t i = 0; i < sizeof(mtus) / sizeof(mtus[0]); i++) {
        struct tlink_conf conf = quick(3 + i);

        conf.mtu_bytes = mtus[i];
        conf.dir[0].loss_ppm = 10000;
        both_ways(&conf, 1u << 20);
    }
}

/* One end has no timestamps, or no SACK, no window scale, nothing. */
static void test_options_that_one_end_lacks(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 16; i++) {
        struct tlink_conf conf = quick(20 + i);
        struct tcp_tuning tuning = tcp_tuning_default;

        tuning.timestamps = i & 1;
        tuning.sack = i & 2;
        tuning.window_scale = i & 4;
        tuning.rack = i & 8;
        tuning.tlp = i & 8;
        tuning.ecn = i % 3 == 0 ? TCP_ECN_ON : TCP_ECN_OFF;
        conf.tuning[i % 2] = &tuning;
        conf.dir[0].loss_ppm = conf.dir[1].loss_ppm = 20000;
        both_ways(&conf, 300000);
    }
}

static void test_presets(void **state)
{
    const struct tcp_tuning *presets[] = {&tcp_tuning_linux, &tcp_tuning_freebsd,
                                          &tcp_tuning_default};

    (void)state;
    for (unsigned i = 0; i < 9; i++) {
        struct tlink_conf conf = quick(40 + i);

        conf.tuning[0] = presets[i / 3];
        conf.tuning[1] = presets[i % 3];
        conf.dir[0].loss_ppm = conf.dir[1].loss_ppm = 20000;
        both_ways(&conf, 500000);
    }
}

/* ---- zero copy ------------------------------------------------------------------------------ */

static void no_copies(struct tlink_conf conf, bool by_page)
{
    struct tlink_bulk bulk = {.total = {4u << 20, 4u << 20}, .by_page = by_page};
    struct tlink *link;

    vplat_reset(1);
    link = tlink_new(&conf);
    move(link, &bulk);
    for (unsigned e = 0; e < 2; e++) {
        assert_int_equal(link->end[e].tcp.stats.copied_bytes, 0);
        assert_int_equal(link->end[e].pool.stats.copied_bytes, 0);
        assert_int_equal(link->end[e].pool.stats.linearised, 0);
    }
    tlink_pass(link, 300 * NS_PER_S);
    tlink_free(link);
}

static void test_bulk_transfer_copies_nothing(void **state)
{
    (void)state;
    for (unsigned by_page = 0; by_page < 2; by_page++) {
        struct tlink_conf conf = quick(5);

        no_copies(conf, by_page);
        conf.csum = true;
        no_copies(conf, by_page);
        conf.gso_max_bytes = 65535;
        no_copies(conf, by_page);
    }
}

/* ---- lwIP ----------------------------------------------------------------------------------- */

static void test_against_lwip_both_ways(void **state)
{
    (void)state;
    if (!lwip_end_available())
        skip();
    for (unsigned i = 0; i < 8; i++) {
        struct tlink_conf conf = quick(60 + i);

        conf.kind[i % 2] = TLINK_LWIP;
        if (i >= 2)
            conf.dir[0].loss_ppm = conf.dir[1].loss_ppm = 20000;
        if (i >= 4)
            conf.dir[0].reorder_ppm = conf.dir[1].reorder_ppm = 50000;
        if (i >= 6)
            conf.dir[0].duplicate_ppm = conf.dir[1].duplicate_ppm = 50000;
        both_ways(&conf, 400000);
    }
}

/* ---- windows -------------------------------------------------------------------------------- */

static void slow_reader(uint32_t read_max, uint64_t every_ns, uint32_t loss_ppm)
{
    struct tcp_tuning tuning = tcp_tuning_default;
    struct tlink_conf conf = quick(6);
    struct tlink_bulk bulk = {
        .total = {200000, 0}, .read_max = read_max, .read_every_ns = every_ns};
    struct tlink *link;

    tuning.rcvbuf = tuning.rcvbuf_max = 8192;
    conf.tuning[1] = &tuning;
    conf.dir[0].loss_ppm = conf.dir[1].loss_ppm = loss_ppm;
    vplat_reset(1);
    link = tlink_new(&conf);
    move(link, &bulk);
    tlink_pass(link, 300 * NS_PER_S);
    tlink_free(link);
}

/* The window closes again and again: it always opens, also where the news of that is lost. */
static void test_a_closed_window_always_opens_again(void **state)
{
    (void)state;
    slow_reader(8192, 50 * NS_PER_MS, 0);
    slow_reader(8192, 50 * NS_PER_MS, 200000);
    slow_reader(1000, 20 * NS_PER_MS, 0);
    slow_reader(3000, 20 * NS_PER_MS, 50000);
}

/* RFC 9293 3.8.6.2: neither end makes small segments of a window that opens byte by byte. */
static void test_no_silly_windows(void **state)
{
    struct tcp_tuning tuning = tcp_tuning_default;
    struct tlink_conf conf = quick(7);
    struct tlink_bulk bulk = {
        .total = {100000, 0}, .read_max = 10, .read_every_ns = NS_PER_MS / 10};
    struct tcp_info info;
    struct tlink *link;

    (void)state;
    tuning.rcvbuf = tuning.rcvbuf_max = 16384;
    conf.tuning[1] = &tuning;
    vplat_reset(1);
    link = tlink_new(&conf);
    assert_true(tlink_bulk_open(&bulk, link, 80));
    assert_true(tlink_bulk_run(&bulk, plat_now_ns() + DEADLINE));
    assert_int_equal(tcp_info(&link->end[1].tcp, bulk.conn[1], plat_now_ns(), &info), 0);
    assert_true(info.data_segs_in < 250); /* a hundred or so, not thousands */
    tlink_bulk_close(&bulk);
    tlink_pass(link, 300 * NS_PER_S);
    tlink_free(link);
}

/* ---- wraps ---------------------------------------------------------------------------------- */

/* Of the last SYN that was seen. */
static uint32_t last_isn(struct tlink *link)
{
    const char *text = strstr(tcp_trace_list(link->trace), "[S] ");

    for (const char *next = text; next != NULL; next = strstr(next + 1, "[S] "))
        text = next;
    assert_non_null(text);
    return (uint32_t)strtoul(text + 4, NULL, 10);
}

/* The ISN that a connection from this port gets now. */
static uint32_t isn_now(struct tlink *link, uint16_t port)
{
    struct tcp_connect_conf conf = {.src_port = port, .dst = TLINK_ADDR(1), .dst_port = 80};
    tcp_t conn;

    assert_int_equal(tcp_connect(tlink_tcp(link, 0), &conf, plat_now_ns(), &conn), 0);
    tlink_settle(link);
    tcp_abort(tlink_tcp(link, 0), conn, plat_now_ns());
    tlink_pass(link, NS_PER_S);
    return last_isn(link);
}

/* RFC 6528's ISN is a hash and a clock of 4 us: the clock is set so that it is where we want it,
 * 100 kB before the wrap. */
static void test_sequence_numbers_wrap(void **state)
{
    static const uint32_t targets[] = {0xfffffff0u, 0xfffe0000u, 0x7ffffff0u, 0x7fffc000u};

    (void)state;
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        struct tlink_conf conf = quick(80 + i);
        struct tlink_bulk bulk = {.total = {400000, 0}};
        struct tlink *link;
        tcp_t listener;
        struct tcp_connect_conf connect = {.src_port = 4000, .dst = TLINK_ADDR(1), .dst_port = 80};
        uint64_t at;

        conf.dir[0].loss_ppm = 20000;
        conf.dir[0].reorder_ppm = 20000;
        vplat_reset(1);
        link = tlink_new(&conf);
        at = plat_now_ns();
        at += (uint64_t)(targets[i] - isn_now(link, 4000)) * 4000;
        assert_true(at > plat_now_ns());
        tlink_pass(link, at - plat_now_ns());
        listener = tlink_listen(link, 1, 80);
        bulk.link = link;
        assert_int_equal(tcp_connect(tlink_tcp(link, 0), &connect, plat_now_ns(), &bulk.conn[0]),
                         0);
        tlink_pass(link, 10 * NS_PER_S);
        assert_int_equal(tcp_accept(tlink_tcp(link, 1), listener, &bulk.conn[1]), 0);
        assert_true(last_isn(link) - (targets[i] - 1000) < 2000);
        assert_true(tlink_bulk_run(&bulk, plat_now_ns() + DEADLINE));
        assert_int_equal(tcp_close(tlink_tcp(link, 1), listener, plat_now_ns()), 0);
        tlink_bulk_close(&bulk);
        tlink_pass(link, 300 * NS_PER_S);
        tlink_free(link);
    }
}

/* 2^32 milliseconds are 49.7 days: data goes on through each quarter of the timestamps' circle. */
static void test_clocks_wrap(void **state)
{
    struct tlink_conf conf = quick(90);

    struct tlink_bulk bulk = {.keep_open = true};
    struct tlink *link;

    (void)state;
    conf.trace.tx_loses = true; /* neighbours are asked for anew after days */
    vplat_reset(1);
    link = tlink_new(&conf);
    assert_true(tlink_bulk_open(&bulk, link, 80));
    for (unsigned i = 0; i < 10; i++) {
        uint64_t before = bulk.got[1];

        bulk.total[0] += 100000;
        bulk.total[1] += 100000;
        for (unsigned r = 0; r < 100; r++) {
            tlink_bulk_pump(&bulk);
            tlink_pass(link, 10 * NS_PER_MS);
        }
        assert_int_equal(bulk.got[1] - before, 100000);
        tlink_pass(link, UINT64_C(12) * 86400 * NS_PER_S + 12345 * NS_PER_MS);
    }
    bulk.keep_open = false;
    assert_true(tlink_bulk_run(&bulk, plat_now_ns() + DEADLINE));
    tlink_bulk_close(&bulk);
    tlink_pass(link, 300 * NS_PER_S);
    tlink_free(link);
}

/* ---- ports ---------------------------------------------------------------------------------- */

/* RFC 6056: the search for a port ends where all are in use, and says so. */
static void test_the_search_for_a_port_ends(void **state)
{
    struct tlink_conf conf = {.seed = 95, .conns_max = 40000, .no_trace = true};
    struct tcp_connect_conf connect = {.dst = TLINK_ADDR(1), .dst_port = 80};
    struct tlink *link;
    tcp_t conn;
    int err = 0;
    unsigned n = 0;

    (void)state;
    vplat_reset(1);
    link = tlink_new(&conf);
    while ((err = tcp_connect(tlink_tcp(link, 0), &connect, plat_now_ns(), &conn)) == 0)
        n++;
    assert_int_equal(err, -E_ADDRNOTAVAIL);
    assert_int_equal(n, 60999 - 32768 + 1);
    connect.dst_port = 81; /* another destination has its own */
    assert_int_equal(tcp_connect(tlink_tcp(link, 0), &connect, plat_now_ns(), &conn), 0);
    tlink_drop(link);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_clean_link),
        cmocka_unit_test(test_every_kind_of_fault),
        cmocka_unit_test(test_what_is_corrupted_is_found_by_its_checksum),
        cmocka_unit_test(test_half_of_everything_is_lost),
        cmocka_unit_test(test_small_and_large_frames),
        cmocka_unit_test(test_options_that_one_end_lacks),
        cmocka_unit_test(test_presets),
        cmocka_unit_test(test_bulk_transfer_copies_nothing),
        cmocka_unit_test(test_against_lwip_both_ways),
        cmocka_unit_test(test_a_closed_window_always_opens_again),
        cmocka_unit_test(test_no_silly_windows),
        cmocka_unit_test(test_sequence_numbers_wrap),
        cmocka_unit_test(test_clocks_wrap),
        cmocka_unit_test(test_the_search_for_a_port_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
