/* SPDX-License-Identifier: ISC */
/* Tests of netfront_queue.c and what is done to several queues: keys, flows, turns, memory, and an
 * event channel for each direction. The backend is the simulator's netback. */
#include <stdio.h>
#include <string.h>

#include <linux/if_link.h>

#include "simguest.h"
#include "support.h"

#include <cmocka.h>

#include "netfront/netfront_priv.h"

enum { PAGES = 4200, PKTS = 1200 };

#define FRONT "/local/domain/1/device/vif/0/"
#define NONE UINT32_MAX
#define FRAME_BYTES 60u

static _Alignas(PAGE_BYTES) uint8_t memory[PAGES * PAGE_BYTES];
static struct page headers[PAGES];
static struct pkt pkts[PKTS];
static struct page_pool pages;
static struct pkt_pool pool;
static struct netdev *dev;
static struct netfront *nf;
static struct sim_queue back, far; /* the two ends of the cable: netback's, and the test's */
static _Alignas(16) uint8_t storage[NETFRONT_BYTES];

/* The frontend's own words, and how many pages there are. */
struct ours {
    struct netfront_conf conf;
    uint32_t pages;
};

static int open_device(const struct ours *ours)
{
    struct start *s = start_get();
    struct netfront_conf conf = ours->conf;
    int err;

    conf.ev = &s->ev;
    conf.gt = &s->gt;
    conf.xs = &s->xs;
    conf.pool = &pool;
    err = netfront_open(storage, &conf, &dev);
    nf = (struct netfront *)(void *)storage;
    return err;
}

static void boot(struct sim_conf sim, const struct ours *ours)
{
    static char *argv[] = {(char *)(uintptr_t) "test", (char *)(uintptr_t) "log=error", NULL};

    vplat_reset(1);
    assert_int_equal(sim_queue_init(&back), 0);
    assert_int_equal(sim_queue_init(&far), 0);
    sim_queue_join(&back, &far);
    sim.vif_count = 1;
    sim.vif[0].wire = &back.wire;
    simguest_boot(&sim, 2, argv);
    page_pool_init(&pages, headers, memory, ours->pages != 0 ? ours->pages : PAGES);
    pkt_pool_init(&pool, pkts, PKTS, &pages);
}

static void start(struct sim_conf sim, const struct ours *ours)
{
    boot(sim, ours);
    assert_int_equal(open_device(ours), 0);
}

static void finish(void)
{
    simguest_shutdown();
    assert_int_equal(pages.free_count, pages.total);
    assert_int_equal(pool.free_count, PKTS);
    sim_queue_fini(&back);
    sim_queue_fini(&far);
}

static void stop(void)
{
    netfront_close(dev);
    finish();
}

static uint32_t key(const char *name)
{
    char path[128];

    (void)snprintf(path, sizeof(path), "%s%s", FRONT, name);
    return sim_xs_read_u32(path, NONE);
}

static uint32_t queue_key(unsigned queue, const char *name)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "queue-%u/%s", queue, name);
    return key(path);
}

/* A datagram of UDP from this port. */
static void make_frame(uint8_t *frame, uint16_t port)
{
    memset(frame, 0, FRAME_BYTES);
    memset(frame, 2, 12);
    frame[12] = 8;
    frame[14] = 0x45;
    frame[17] = FRAME_BYTES - 14;
    frame[23] = 17;
    frame[29] = 1;
    frame[33] = 2;
    frame[34] = (uint8_t)(port >> 8);
    frame[35] = (uint8_t)port;
    frame[39] = FRAME_BYTES - 34;
}

static int send(uint16_t port)
{
    struct pkt *pkt = pkt_alloc(&pool, PKT_HEADROOM_BYTES, FRAME_BYTES);
    int err;

    make_frame(pkt->frag[0].page->base + PKT_HEADROOM_BYTES, port);
    err = netdev_tx(dev, pkt);
    if (err != 0)
        pkt_put(pkt);
    return err;
}

static struct netfront_queue_stats stats(unsigned queue)
{
    struct netfront_queue_stats s;

    assert_true(netfront_queue_stats(dev, queue, &s));
    return s;
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* io/netif.h: a frontend with one queue writes the keys of old; one with more must not, but a
 * directory for each. */
static void test_keys_of_one_queue_and_of_several(void **state)
{
    static const struct {
        uint32_t theirs, ours, queues;
        bool no_split, ours_no_split, split;
    } cases[] = {
        {0, 0, 1, true, false, false},  {0, 0, 1, false, false, true},
        {0, 8, 1, true, false, false},  {1, 8, 1, false, false, true},
        {4, 0, 1, false, false, true},  {4, 1, 1, true, false, false},
        {4, 2, 2, false, false, true},  {4, 2, 2, true, false, false},
        {3, 8, 3, false, true, false},  {8, 8, 8, false, false, true},
        {99, 5, 5, true, false, false},
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        uint32_t n = cases[i].queues;
        bool split = cases[i].split;

        start((struct sim_conf){.vif[0] = {.queues_max = cases[i].theirs,
                                           .no_split = cases[i].no_split}},
              &(struct ours){
                  .conf = {.queues_max = cases[i].ours, .no_split = cases[i].ours_no_split}});
        assert_int_equal(nf->queue_count, n);
        assert_int_equal(key("multi-queue-num-queues"), n > 1 ? n : NONE);
        for (unsigned q = 0; q <= n; q++) {
            struct netfront_queue *queue = &nf->queue[q];
            bool there = n > 1 && q < n;

            assert_int_equal(queue_key(q, "tx-ring-ref"), there ? queue->tx.ring_page->gref : NONE);
            assert_int_equal(queue_key(q, "rx-ring-ref"), there ? queue->rx.ring_page->gref : NONE);
            assert_int_equal(queue_key(q, "event-channel"),
                             there && !split ? queue->tx_port : NONE);
            assert_int_equal(queue_key(q, "event-channel-tx"),
                             there && split ? queue->tx_port : NONE);
            assert_int_equal(queue_key(q, "event-channel-rx"),
                             there && split ? queue->rx_port : NONE);
            assert_true(!there || split == (queue->tx_port != queue->rx_port));
        }
        assert_int_equal(key("tx-ring-ref"), n == 1 ? nf->queue[0].tx.ring_page->gref : NONE);
        assert_int_equal(key("event-channel"), n == 1 && !split ? nf->queue[0].tx_port : NONE);
        assert_int_equal(key("event-channel-tx"), n == 1 && split ? nf->queue[0].tx_port : NONE);
        assert_int_equal(key("event-channel-rx"), n == 1 && split ? nf->queue[0].rx_port : NONE);
        stop();
    }
}

/* ---- flows ----------------------------------------------------------------------------------- */

static void test_a_flow_keeps_its_queue_and_flows_spread(void **state)
{
    uint8_t got[FRAME_BYTES], want[FRAME_BYTES];
    uint64_t sent = 0;

    (void)state;
    start((struct sim_conf){.vif[0].queues_max = 4}, &(struct ours){.conf.queues_max = 4});
    for (uint16_t port = 1; port <= 64; port++) {
        uint64_t before[4], more = 0;

        for (unsigned q = 0; q < 4; q++)
            before[q] = stats(q).tx_packets;
        for (unsigned i = 0; i < 3; i++)
            assert_int_equal(send(port), 0);
        for (unsigned q = 0; q < 4; q++) {
            more += stats(q).tx_packets - before[q];
            assert_true(stats(q).tx_packets == before[q] || stats(q).tx_packets == before[q] + 3);
        }
        assert_int_equal(more, 3);
        netdev_tx_flush(dev);
        sim_run_until_idle();
        make_frame(want, port);
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(sim_queue_take(&far, got, sizeof(got), NULL), FRAME_BYTES);
            assert_memory_equal(got, want, FRAME_BYTES);
        }
        netdev_arm(dev);
    }
    for (unsigned q = 0; q < 4; q++) {
        assert_in_range(stats(q).tx_packets, 3 * 4, 3 * 40);
        assert_int_equal(stats(q).tx_bytes, stats(q).tx_packets * FRAME_BYTES);
        assert_true(stats(q).tx_notify > 0);
        sent += stats(q).tx_packets;
    }
    assert_int_equal(sent, dev->stats.tx_packets);
    assert_false(netfront_queue_stats(dev, 4, &(struct netfront_queue_stats){0}));
    stop();
}

/* io/netif.h: a guest must be prepared to receive on any queue. */
static void test_frames_of_all_queues_are_received(void **state)
{
    uint8_t frame[FRAME_BYTES];
    unsigned n = 0;

    (void)state;
    start((struct sim_conf){.vif[0].queues_max = 4}, &(struct ours){.conf.queues_max = 4});
    for (unsigned round = 0; round < 20; round++) {
        for (uint16_t port = 1; port <= 64; port++) {
            make_frame(frame, port);
            assert_true(sim_queue_put(&back, frame, sizeof(frame), NULL));
        }
        for (unsigned idle = 0; idle < 3;) {
            struct pkt *got[7];
            unsigned some;

            sim_run_until_idle();
            some = netdev_rx(dev, got, ARRAY_SIZE(got));
            idle = some == 0 && !netdev_arm(dev) ? idle + 1 : 0;
            n += some;
            while (some > 0)
                pkt_put(got[--some]);
        }
        assert_int_equal(n, 64 * (round + 1));
    }
    for (unsigned q = 0; q < 4; q++)
        assert_true(stats(q).rx_packets > 0);
    assert_int_equal(dev->stats.rx_packets, n);
    stop();
}

/* A queue that always has frames does not starve the others. */
static void test_queues_take_turns(void **state)
{
    uint8_t frame[FRAME_BYTES];
    uint64_t least = UINT64_MAX;
    struct pkt *got[4];

    (void)state;
    start((struct sim_conf){.vif[0].queues_max = 3}, &(struct ours){.conf.queues_max = 3});
    for (uint16_t port = 1; port <= 200; port++) {
        make_frame(frame, port);
        assert_true(sim_queue_put(&back, frame, sizeof(frame), NULL));
    }
    sim_run_until_idle();
    for (unsigned i = 0; i < 6; i++) {
        unsigned n = netdev_rx(dev, got, 4);

        assert_int_equal(n, 4);
        while (n > 0)
            pkt_put(got[--n]);
    }
    for (unsigned q = 0; q < 3; q++)
        least = u64_min(least, stats(q).rx_packets);
    assert_int_equal(least, 8);
    stop();
}

/* Each queue's ring is full by itself, and each wakes the program when it has room. */
static void test_a_full_queue_does_not_stop_the_others(void **state)
{
    uint16_t other = 0;

    (void)state;
    start((struct sim_conf){.vif[0].queues_max = 2}, &(struct ours){.conf.queues_max = 2});
    while (send(1) == 0)
        ;
    for (uint16_t port = 2; port < 40 && other == 0; port++)
        if (send(port) == 0)
            other = port;
    assert_int_not_equal(other, 0);
    assert_int_equal(send(1), -E_AGAIN);
    assert_false(netdev_arm(dev)); /* shows the frames, and asks */
    sim_run_until_idle();
    assert_true(netdev_arm(dev));
    assert_int_equal(send(1), 0);
    stop();
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* Several queues have half of the pool, and of the grants, at most posted, and never so few pages
 * each that the longest frame would not fit: then there are fewer queues. */
static void test_a_small_pool_has_shorter_or_fewer_queues(void **state)
{
    static const struct {
        uint32_t pages, frames, queues, slots; /* frames: of grant table; 0: all that it wants */
    } cases[] = {{4200, 0, 8, 256}, {4200, 4, 8, 127}, {1600, 0, 8, 100},
                 {400, 0, 8, 25},   {340, 0, 7, 24},   {100, 0, 2, 25}};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        start((struct sim_conf){.vif[0].queues_max = 8, .gnttab_frames = cases[i].frames},
              &(struct ours){.conf.queues_max = 8, .pages = cases[i].pages});
        assert_int_equal(nf->queue_count, cases[i].queues);
        assert_int_equal(nf->rx_slots, cases[i].slots);
        stop();
    }
}

static void test_without_a_row_of_pages_there_is_one_queue(void **state)
{
    static struct page *taken[PAGES + 1];
    unsigned n = 0;

    (void)state;
    boot((struct sim_conf){.vif[0].queues_max = 4}, &(struct ours){0});
    while ((taken[n] = page_get(&pages)) != NULL)
        n++;
    for (unsigned i = 0; i < n; i += 2) {
        page_put(taken[i]);
        taken[i] = NULL;
    }
    assert_int_equal(open_device(&(struct ours){.conf.queues_max = 4}), 0);
    assert_int_equal(nf->queue_count, 1);
    assert_int_equal(send(1), 0);
    netfront_close(dev);
    for (unsigned i = 0; i < n; i++)
        if (taken[i] != NULL)
            page_put(taken[i]);
    finish();
}

/* The same device again and again, with fewer queues and with more. */
static void test_pages_come_back_from_any_number_of_queues(void **state)
{
    (void)state;
    start((struct sim_conf){.vif[0].queues_max = 8}, &(struct ours){.conf.queues_max = 8});
    for (unsigned i = 0; i < 20; i++) {
        struct ours ours = {.conf.queues_max = 1 + i * 3 % 8};

        netfront_close(dev);
        assert_int_equal(pages.free_count, PAGES);
        assert_int_equal(open_device(&ours), 0);
        assert_int_equal(nf->queue_count, ours.conf.queues_max);
        for (uint16_t port = 1; port <= 64; port++)
            assert_int_equal(send(port), 0);
        netdev_tx_flush(dev);
        if (i % 2 == 0)
            sim_run_until_idle();
    }
    stop();
}

/* The backend had one queue, and returns with several: counters are since the device was opened. */
static void test_counters_outlast_a_connection_with_one_queue(void **state)
{
    (void)state;
    start((struct sim_conf){.vif[0].queues_max = 4}, &(struct ours){.conf.queues_max = 1});
    assert_int_equal(send(1), 0);
    netdev_tx_flush(dev);
    sim_run_until_idle();
    (void)netdev_arm(dev);
    assert_int_equal(stats(0).tx_packets, 1);
    assert_true(netfront_queues_destroy(nf));
    nf->conf.queues_max = 4;
    assert_int_equal(netfront_queues_create(nf, 4, false), 0);
    assert_int_equal(nf->queue_count, 4);
    assert_int_equal(stats(0).tx_packets, 1);
    assert_int_equal(stats(1).tx_packets, 0);
    stop();
}

/* Every counter that the device has too is the sum of its queues'. */
static void assert_queues_add_up(void)
{
    const uint64_t *device = (const uint64_t *)&dev->stats;
    unsigned both = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(netfront_queue_stat_names); i++) {
        uint64_t sum = 0;

        for (unsigned q = 0; q < nf->queue_count; q++) {
            struct netfront_queue_stats s = stats(q);

            sum += ((const uint64_t *)&s)[i];
        }
        for (unsigned k = 0; k < ARRAY_SIZE(netdev_stat_names); k++) {
            if (strcmp(netfront_queue_stat_names[i], netdev_stat_names[k]) == 0) {
                assert_int_equal(sum, device[k]);
                both++;
            }
        }
    }
    assert_int_equal(both, ARRAY_SIZE(netfront_queue_stat_names) - 2); /* all but _gso_packets */
}

/* Frames that no driver takes: super-segments where there are none, and checksums that are nowhere.
 */
static void send_malformed(uint16_t port)
{
    struct pkt *pkt = pkt_alloc(&pool, 0, FRAME_BYTES);

    make_frame(pkt->frag[0].page->base, port);
    if (port % 2 == 0) {
        pkt->gso_size = 10;
    } else {
        pkt->csum = PKT_CSUM_BLANK;
        pkt->csum_start = FRAME_BYTES;
    }
    assert_int_equal(netdev_tx(dev, pkt), -E_INVAL);
    pkt_put(pkt);
}

static void test_the_queues_add_up_to_the_device(void **state)
{
    static struct pkt *taken[PKTS + 1];
    uint8_t frame[FRAME_BYTES];
    unsigned n = 0;

    (void)state;
    start((struct sim_conf){.vif[0].queues_max = 4},
          &(struct ours){.conf = {.queues_max = 4, .no_csum = true}});
    for (uint16_t port = 1; port <= 64; port++) {
        send_malformed(port);
        assert_int_equal(send(port), 0);
    }
    while (send(1) == 0)
        ;
    netdev_tx_flush(dev);
    sim_run_until_idle();
    (void)netdev_arm(dev);
    /* Half of what comes finds no packet. */
    for (unsigned round = 0; round < 2; round++) {
        while (round == 0 && (taken[n] = pkt_get(&pool)) != NULL)
            n++;
        for (uint16_t port = 1; port <= 64; port++) {
            make_frame(frame, port);
            assert_true(sim_queue_put(&back, frame, sizeof(frame), NULL));
        }
        for (unsigned turn = 0; turn < 8; turn++) {
            struct pkt *got[64];
            unsigned some;

            sim_run_until_idle();
            some = netdev_rx(dev, got, ARRAY_SIZE(got));
            while (some > 0)
                pkt_put(got[--some]);
            (void)netdev_arm(dev);
        }
        while (n > 0)
            pkt_put(taken[--n]);
    }
    assert_int_equal(dev->stats.tx_errors, 64);
    assert_int_equal(dev->stats.tx_full, 1);
    assert_int_equal(dev->stats.rx_no_buffer, 64);
    assert_int_equal(dev->stats.rx_packets, 64);
    assert_true(stats(1).tx_errors > 0 && stats(1).rx_no_buffer > 0);
    assert_queues_add_up();
    stop();
}

/* What Linux counts for an interface is called as there: it would not compile otherwise. (Its
 * netfront and netback show other things by `ethtool -S`, of which we have none: zero-copy, and
 * repaired checksums.) The other names are ours, and programs know them. */
static void test_names_of_the_counters(void **state)
{
#define OURS(name)                                                                                 \
    {                                                                                              \
#name, 0                                                                                   \
    }
#define LINUX(name)                                                                                \
    {                                                                                              \
#name, sizeof(((struct rtnl_link_stats64 *)NULL)->name)                                    \
    }
    static const struct {
        const char *name;
        size_t linux_bytes;
    } want[] = {
        LINUX(tx_packets),    LINUX(tx_bytes),  OURS(tx_gso_packets), OURS(tx_full),
        LINUX(tx_errors),     OURS(tx_notify),  LINUX(rx_packets),    LINUX(rx_bytes),
        OURS(rx_gso_packets), LINUX(rx_errors), OURS(rx_no_buffer),   OURS(rx_notify),
    };

    (void)state;
    assert_int_equal(ARRAY_SIZE(netfront_queue_stat_names), ARRAY_SIZE(want));
    for (unsigned i = 0; i < ARRAY_SIZE(want); i++) {
        const char *name = netfront_queue_stat_names[i];

        assert_string_equal(name, want[i].name);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
        assert_true(want[i].linux_bytes == 0 || want[i].linux_bytes == sizeof(uint64_t));
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(name, netfront_queue_stat_names[j]);
    }
}

/* As a program sees them that does not know the driver. */
static void test_counters_by_queue_of_any_device(void **state)
{
    struct netdev_counters c;

    (void)state;
    start((struct sim_conf){.vif[0].queues_max = 4}, &(struct ours){.conf.queues_max = 4});
    for (unsigned i = 0; i < 64; i++)
        assert_int_equal(send(i % 2 == 0 ? 1 : (uint16_t)i), 0); /* more to one queue */
    for (unsigned q = 0; q < 4; q++) {
        struct netfront_queue_stats want = stats(q);

        assert_true(netdev_queue_counters(dev, q, &c));
        assert_int_equal(c.n, sizeof(want) / sizeof(uint64_t));
        assert_memory_equal(c.counts, &want, sizeof(want));
        for (unsigned i = 0; i < c.n; i++)
            assert_string_equal(c.names[i], netfront_queue_stat_names[i]);
        assert_true(want.tx_packets > 0);
    }
    assert_false(netdev_queue_counters(dev, 4, &c));
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_of_one_queue_and_of_several),
        cmocka_unit_test(test_a_flow_keeps_its_queue_and_flows_spread),
        cmocka_unit_test(test_frames_of_all_queues_are_received),
        cmocka_unit_test(test_queues_take_turns),
        cmocka_unit_test(test_a_full_queue_does_not_stop_the_others),
        cmocka_unit_test(test_a_small_pool_has_shorter_or_fewer_queues),
        cmocka_unit_test(test_without_a_row_of_pages_there_is_one_queue),
        cmocka_unit_test(test_pages_come_back_from_any_number_of_queues),
        cmocka_unit_test(test_counters_outlast_a_connection_with_one_queue),
        cmocka_unit_test(test_the_queues_add_up_to_the_device),
        cmocka_unit_test(test_names_of_the_counters),
        cmocka_unit_test(test_counters_by_queue_of_any_device),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
