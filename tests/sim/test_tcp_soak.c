/* SPDX-License-Identifier: ISC */
/* test_tcp_soak.c - what nobody thought of: links, tunings, readers and endings drawn from a
 * seed, with the trace checker on, every byte compared and every pool counted. MORGANA_SEED
 * draws others, MORGANA_SOAK says how many. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tcp_link.h"

static uint64_t rng;

static uint32_t below(uint32_t n)
{
    return test_random_below(&rng, n);
}

static bool one_in(uint32_t n)
{
    return below(n) == 0;
}

static struct fault_dir draw_dir(void)
{
    struct fault_dir dir = {.delay_ns = below(30) * NS_PER_MS};

    if (one_in(2))
        dir.loss_ppm = below(100000);
    if (one_in(3))
        dir.reorder_ppm = below(300000);
    if (one_in(3))
        dir.duplicate_ppm = below(200000);
    if (one_in(4))
        dir.jitter_ns = below(20) * NS_PER_MS;
    if (one_in(6))
        dir.trailing_ppm = dir.trailing_bytes = 20;
    dir.reorder_ns = below(40) * NS_PER_MS;
    return dir;
}

static struct tcp_tuning draw_tuning(void)
{
    static const struct tcp_tuning *const presets[] = {&tcp_tuning_default, &tcp_tuning_linux,
                                                       &tcp_tuning_freebsd};
    struct tcp_tuning t = *presets[below(3)];

    t.cc = (uint8_t)below(TCP_CC_KINDS);
    t.ecn = (uint8_t)below(3);
    t.sack &= !one_in(5);
    t.timestamps &= !one_in(5);
    t.window_scale &= !one_in(8);
    t.rack &= !one_in(4);
    t.tlp &= t.rack && !one_in(4);
    t.f_rto ^= one_in(6);
    t.prr ^= one_in(6);
    t.limited_transmit ^= one_in(6);
    t.minshall ^= one_in(4);
    t.cwnd_restart ^= one_in(4);
    t.cwnd_validation ^= one_in(4);
    t.delack_segments = (uint8_t)(1 + below(2));
    if (one_in(3))
        t.rcvbuf = t.rcvbuf_max = 2048 + below(60000);
    if (one_in(3))
        t.sndbuf = t.sndbuf_max = 2048 + below(60000);
    return t;
}

static void run(unsigned index)
{
    static const uint16_t mtus[] = {0, 0, 576, 1280, 4000, 9000};
    struct tcp_tuning tuning[2] = {draw_tuning(), draw_tuning()};
    struct tlink_conf conf = {.seed = test_random(&rng),
                              .dir = {draw_dir(), draw_dir()},
                              .tuning = {&tuning[0], &tuning[1]},
                              .mtu_bytes = mtus[below(6)],
                              .pages = one_in(4) ? 400 + below(400) : 2048,
                              .csum = one_in(2),
                              .trace = {.tx_loses = true}};
    struct tlink_bulk bulk = {.total = {below(400000), one_in(3) ? 0 : below(400000)},
                              .by_page = one_in(3)};
    bool cut = one_in(4);
    struct tlink *link;

    if (one_in(4)) {
        bulk.read_max = 1 + below(20000);
        bulk.read_every_ns = (1 + below(20)) * NS_PER_MS;
    }
    if (one_in(6)) { /* a device that cuts, and no faults */
        conf.csum = true;
        conf.gso_max_bytes = 65535;
    }
    vplat_reset(conf.seed);
    link = tlink_new(&conf);
    if (!tlink_bulk_open(&bulk, link, 80))
        fail_msg("run %u: did not open", index);
    if (cut)
        tlink_bulk_run(&bulk, plat_now_ns() + below(2000) * NS_PER_MS);
    else if (!tlink_bulk_run(&bulk, plat_now_ns() + 3600 * NS_PER_S))
        fail_msg("run %u: %llu of %llu and %llu of %llu bytes came", index,
                 (unsigned long long)bulk.got[1], (unsigned long long)bulk.total[0],
                 (unsigned long long)bulk.got[0], (unsigned long long)bulk.total[1]);
    if (one_in(5))
        tcp_abort(tlink_tcp(link, 0), bulk.conn[0], plat_now_ns());
    else
        tcp_close(tlink_tcp(link, 0), bulk.conn[0], plat_now_ns());
    tcp_close(tlink_tcp(link, 1), bulk.conn[1], plat_now_ns());
    tlink_pass(link, 4000 * NS_PER_S);
    tlink_free(link);
}

static void test_what_is_drawn_from_a_seed(void **state)
{
    const char *given = getenv("MORGANA_SOAK");
    unsigned runs = given == NULL ? 60 : (unsigned)strtoul(given, NULL, 0);

    (void)state;
    rng = test_seed(1);
    for (unsigned i = 0; i < runs; i++) {
        if (getenv("MORGANA_SOAK") != NULL)
            print_message("run %u: MORGANA_SEED=0x%llx\n", i, (unsigned long long)rng);
        run(i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_drawn_from_a_seed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
