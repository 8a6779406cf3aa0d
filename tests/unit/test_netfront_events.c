/* SPDX-License-Identifier: ISC */
/* Tests of when netfront sends an event, and asks for one, with one queue and with several: few in
 * bulk, at once where there is little to do, and none that is lost. The backend is the simulator's
 * netback, on a cable that leads back to itself. */
#include <morgana/random.h>

#include "simguest.h"
#include "support.h"

#include <cmocka.h>

#include "netfront/netfront_priv.h"

enum { PAGES = 8200, PKTS = 4096, BURST = 64, FLOWS = 64 };

#define FRAME_BYTES 60u

static _Alignas(PAGE_BYTES) uint8_t memory[PAGES * PAGE_BYTES];
static struct page headers[PAGES];
static struct pkt pkts[PKTS];
static struct page_pool pages;
static struct pkt_pool pool;
static struct netdev *dev;
static struct netfront *nf;
static struct sim_queue cable;
static _Alignas(16) uint8_t storage[NETFRONT_BYTES];
static uint64_t received;

static void start(unsigned queues)
{
    static char *argv[] = {(char *)(uintptr_t) "test", (char *)(uintptr_t) "log=error", NULL};
    struct start *s = start_get();
    struct netfront_conf conf = {.pool = &pool, .queues_max = queues};
    struct sim_conf sim = {.vif_count = 1, .vif[0] = {.wire = &cable.wire, .queues_max = queues}};

    vplat_reset(1);
    assert_int_equal(sim_queue_init(&cable), 0);
    sim_queue_join(&cable, &cable);
    simguest_boot(&sim, 2, argv);
    page_pool_init(&pages, headers, memory, PAGES);
    pkt_pool_init(&pool, pkts, PKTS, &pages);
    conf.ev = &s->ev;
    conf.gt = &s->gt;
    conf.xs = &s->xs;
    assert_int_equal(netfront_open(storage, &conf, &dev), 0);
    nf = (struct netfront *)(void *)storage;
    assert_int_equal(nf->queue_count, queues);
    (void)netdev_arm(dev);
    sim_run_until_idle();
    received = 0;
}

static void stop(void)
{
    netfront_close(dev);
    simguest_shutdown();
    assert_int_equal(pages.free_count, pages.total);
    assert_int_equal(pool.free_count, PKTS);
    sim_queue_fini(&cable);
}

/* A datagram of UDP from this port. */
static int send(uint16_t port)
{
    struct pkt *pkt = pkt_alloc(&pool, PKT_HEADROOM_BYTES, FRAME_BYTES);
    uint8_t *frame = pkt->frag[0].page->base + PKT_HEADROOM_BYTES;
    int err;

    memset(frame, 0, FRAME_BYTES);
    memset(frame, 2, 12);
    frame[12] = 8;
    frame[14] = 0x45;
    frame[17] = FRAME_BYTES - 14;
    frame[23] = 17;
    frame[34] = (uint8_t)(port >> 8);
    frame[35] = (uint8_t)port;
    frame[39] = FRAME_BYTES - 34;
    err = netdev_tx(dev, pkt);
    if (err != 0)
        pkt_put(pkt);
    return err;
}

/* Takes what there is, once. */
static unsigned receive(void)
{
    struct pkt *got[BURST];
    unsigned n = netdev_rx(dev, got, BURST);

    for (unsigned i = 0; i < n; i++)
        pkt_put(got[i]);
    received += n;
    return n;
}

/* Domain 0's turn. The upcall behind it counts each port's events before the next ones come, so
 * that none of them are counted as one. */
static void run_backend(void)
{
    sim_run_until_idle();
    (void)evtchn_upcall(&start_get()->ev);
}

/* Until nothing comes any more, and nothing is asked for. */
static void settle(void)
{
    uint64_t was;

    do {
        was = received;
        (void)netdev_arm(dev);
        run_backend();
        while (receive() != 0)
            ;
    } while (received != was);
    (void)netdev_arm(dev);
}

/* A port whose flow goes by this queue. */
static uint16_t port_of(unsigned queue)
{
    struct netfront_queue_stats was, is;

    for (uint16_t port = 1;; port++) {
        assert_true(netfront_queue_stats(dev, queue, &was));
        assert_int_equal(send(port), 0);
        assert_true(netfront_queue_stats(dev, queue, &is));
        netdev_tx_flush(dev);
        settle();
        if (is.tx_packets != was.tx_packets)
            return port;
    }
}

static uint64_t told(unsigned queue)
{
    struct netfront_queue_stats s;

    assert_true(netfront_queue_stats(dev, queue, &s));
    return s.tx_notify;
}

/* At most an event for 32 slots, to the backend and from it, in each direction. */
static void assert_few_events(void)
{
    const struct netdev_stats *s = &dev->stats;
    const struct evtchn *ev = &start_get()->ev;
    uint64_t tx = 0, rx = 0;

    for (unsigned q = 0; q < nf->queue_count; q++) {
        assert_int_not_equal(nf->queue[q].tx_port, nf->queue[q].rx_port);
        tx += evtchn_count(ev, nf->queue[q].tx_port);
        rx += evtchn_count(ev, nf->queue[q].rx_port);
    }
    assert_int_equal(tx + rx, sim_vif_stats(0)->events_to); /* each was counted */
    assert_true(s->tx_notify * 32 <= s->tx_packets);
    assert_true(s->rx_notify * 32 <= s->rx_packets);
    assert_true(tx * 32 <= s->tx_packets);
    assert_true(rx * 32 <= s->rx_packets);
}

/* ---- bulk ------------------------------------------------------------------------------------ */

/* A program that has a burst to send in each turn of its loop, over all queues, and never sleeps:
 * the backend takes all at once, so that it asks for an event each time. */
static void test_few_events_where_bursts_are_shared_by_queues(void **state)
{
    (void)state;
    for (unsigned queues = 1; queues <= NETFRONT_QUEUES_MAX; queues *= 2) {
        uint64_t sent = 0;

        start(queues);
        for (unsigned turn = 0; turn < 500; turn++) {
            for (unsigned i = 0; i < BURST; i++, sent++)
                assert_int_equal(send((uint16_t)(random_at(1, sent) % FLOWS)), 0);
            netdev_tx_flush(dev);
            run_backend();
            while (receive() == BURST)
                ;
        }
        settle();
        assert_int_equal(received, sent);
        assert_few_events();
        stop();
    }
}

/* A program that sends until there is no room, and sleeps until there is. */
static void test_few_events_where_rings_are_full(void **state)
{
    (void)state;
    for (unsigned queues = 1; queues <= NETFRONT_QUEUES_MAX; queues *= 2) {
        uint64_t sent = 0;

        start(queues);
        while (sent < 500 * BURST) {
            while (send((uint16_t)(sent % FLOWS)) == 0)
                sent++;
            netdev_tx_flush(dev);
            while (receive() != 0)
                ;
            if (!netdev_arm(dev))
                run_backend();
        }
        settle();
        assert_int_equal(received, sent);
        assert_few_events();
        stop();
    }
}

/* ---- little to do ---------------------------------------------------------------------------- */

/* Each frame of a program that sends one a turn is announced by the flush behind it. */
static void test_a_lone_frame_is_announced_at_once(void **state)
{
    (void)state;
    for (unsigned queues = 1; queues <= NETFRONT_QUEUES_MAX; queues *= 2) {
        start(queues);
        for (uint16_t i = 0; i < 200; i++) {
            uint64_t was = dev->stats.tx_notify;

            assert_int_equal(send(i), 0);
            netdev_tx_flush(dev);
            assert_int_equal(dev->stats.tx_notify, was + 1);
            run_backend();
            (void)receive();
            if (i % 3 == 0)
                (void)netdev_arm(dev);
        }
        stop();
    }
}

/* A queue that had nothing to send is not put off by the others' load. */
static void test_an_idle_queue_is_announced_at_once_among_busy_ones(void **state)
{
    uint16_t ports[4];

    (void)state;
    start(4);
    for (unsigned q = 0; q < 4; q++)
        ports[q] = port_of(q);
    for (unsigned turn = 0; turn < 100; turn++) {
        uint64_t was = told(3);
        bool idle = turn % 10 == 9;

        for (unsigned i = 0; i < BURST; i++)
            assert_int_equal(send(ports[i % 3]), 0);
        if (idle)
            assert_int_equal(send(ports[3]), 0);
        netdev_tx_flush(dev);
        assert_int_equal(told(3), was + idle);
        run_backend();
        while (receive() == BURST)
            ;
    }
    settle();
    stop();
}

/* ---- none is lost ---------------------------------------------------------------------------- */

/* Sends bursts, four frames a queue in each, until some are shown and not announced: how many. */
static uint32_t put_off(const uint16_t *ports, unsigned queues)
{
    uint32_t owed = 0;

    for (unsigned turn = 0; turn < 3; turn++) {
        for (unsigned i = 0; i < BURST; i++)
            assert_int_equal(send(ports[i % queues]), 0);
        netdev_tx_flush(dev);
        run_backend();
    }
    for (unsigned q = 0; q < queues; q++) {
        const struct ring *ring = &nf->queue[q].tx.ring;

        assert_int_equal(ring->shared->req_prod, ring->req_prod); /* an awake backend takes them */
        owed += ring->shared->req_prod - ring->shared->rsp_prod;
    }
    return owed;
}

/* What was put off is announced before the program sleeps, by its next small flush, within a few
 * calls of rx, and before the device closes. */
static void test_what_was_put_off_is_announced(void **state)
{
    enum { BY_ARM, BY_FLUSH, BY_RX, BY_CLOSE, WAYS };
    uint16_t ports[8];

    (void)state;
    for (unsigned way = 0; way < WAYS; way++) {
        uint64_t sent, events;

        start(8);
        for (unsigned q = 0; q < 8; q++)
            ports[q] = port_of(q);
        sent = dev->stats.tx_packets + 3 * BURST;
        assert_int_equal(put_off(ports, 8), 2 * BURST);
        events = dev->stats.tx_notify;
        if (way == BY_ARM)
            (void)netdev_arm(dev);
        else if (way == BY_FLUSH)
            netdev_tx_flush(dev);
        for (unsigned i = 0; way == BY_RX && i < 2 * 8; i++)
            (void)receive();
        if (way != BY_CLOSE) {
            run_backend();
            assert_int_equal(sim_vif_stats(0)->tx_frames, sent);
        }
        stop();
        assert_int_equal(nf->dev.stats.tx_notify, events + 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few_events_where_bursts_are_shared_by_queues),
        cmocka_unit_test(test_few_events_where_rings_are_full),
        cmocka_unit_test(test_a_lone_frame_is_announced_at_once),
        cmocka_unit_test(test_an_idle_queue_is_announced_at_once_among_busy_ones),
        cmocka_unit_test(test_what_was_put_off_is_announced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
