/* SPDX-License-Identifier: ISC */
/* test_sim_netfront_tcp.c - TCP between two network devices of one guest, whose backends are joined
 * by a cable: the whole way of a segment, with and without super-segments, over one queue and over
 * several, watched by the trace checker.
 */
#include <string.h>

#include "simguest.h"
#include "tcprig.h"

#include <cmocka.h>

#include <morgana/netfront.h>

static struct {
    struct sim_conf sim;
    struct netfront_conf front;
    struct sim_queue queue[2];
    _Alignas(16) uint8_t storage[2][NETFRONT_BYTES];
    struct netdev *dev[2];
} guest;

static void boot(void)
{
    static char *argv[] = {(char *)(uintptr_t) "test", (char *)(uintptr_t) "log=error", NULL};
    assert_int_equal(sim_queue_init(&guest.queue[0]), 0);
    assert_int_equal(sim_queue_init(&guest.queue[1]), 0);
    sim_queue_join(&guest.queue[0], &guest.queue[1]);
    guest.sim.vif_count = 2;
    for (unsigned i = 0; i < 2; i++) {
        guest.queue[i].wire.gso = true;
        guest.sim.vif[i].wire = &guest.queue[i].wire;
    }
    simguest_boot(&guest.sim, 2, argv);
}

static struct netdev *open_dev(unsigned end, struct pkt_pool *pool)
{
    struct start *s = start_get();
    if (end == 0)
        boot();
    struct netfront_conf conf = guest.front;
    conf.ev = &s->ev;
    conf.gt = &s->gt;
    conf.xs = &s->xs;
    conf.pool = pool;
    conf.index = end;
    assert_int_equal(netfront_open(guest.storage[end], &conf, &guest.dev[end]), 0);
    return guest.dev[end];
}

static void close_devs(void)
{
    netfront_close(guest.dev[0]);
    netfront_close(guest.dev[1]);
    assert_int_equal(guest.queue[0].dropped + guest.queue[1].dropped, 0);
    simguest_shutdown();
    sim_queue_fini(&guest.queue[0]);
    sim_queue_fini(&guest.queue[1]);
}

static bool between(void)
{
    static uint64_t before;
    const struct sim_vif_stats *a = sim_vif_stats(0), *b = sim_vif_stats(1);
    sim_run_until_idle();
    uint64_t frames = a->tx_frames + a->rx_frames + b->tx_frames + b->rx_frames;
    bool any = frames != before;
    before = frames;
    return any;
}

static void transfer(uint32_t bytes, unsigned conns)
{
    static struct tcprig rig;
    struct tcprig_conf conf = {.open_dev = open_dev,
                               .close_devs = close_devs,
                               .between = between,
                               .mtu_bytes = 1500,
                               .pages = 8192};
    tcp_t a[8], b[8];
    uint64_t sent[8] = {0}, received[8] = {0}, left = (uint64_t)bytes * conns;

    tcprig_open(&rig, &conf);
    for (unsigned i = 0; i < conns; i++)
        tcprig_connect(&rig, &a[i], &b[i]);
    while (left != 0) {
        for (unsigned i = 0; i < conns; i++) {
            if (sent[i] < bytes)
                sent[i] += tcprig_send(&rig, 0, a[i], sent[i], bytes - (uint32_t)sent[i]);
        }
        tcprig_run(&rig, NS_PER_MS);
        for (unsigned i = 0; i < conns; i++) {
            uint32_t n = tcprig_recv(&rig, 1, b[i], received[i]);
            received[i] += n;
            left -= n;
        }
    }
    tcprig_run(&rig, NS_PER_S);
    const struct sim_vif_stats *out = sim_vif_stats(0), *in = sim_vif_stats(1);
    bool gso = rig.end[0].trace_dev.inner->caps.gso_max_bytes != 0;
    assert_int_equal(out->tx_gso != 0, gso);
    assert_int_equal(in->rx_gso != 0, gso && !guest.sim.vif[1].no_gso);
    if (gso) /* most of the bytes went in long pieces */
        assert_true(out->tx_frames < (uint64_t)bytes * conns / 5000);
    tcprig_close(&rig);
}

static void test_a_transfer_goes_in_super_segments(void **state)
{
    (void)state;
    memset(&guest, 0, sizeof(guest));
    transfer(4 << 20, 1);
}

static void test_a_transfer_goes_without_them(void **state)
{
    (void)state;
    memset(&guest, 0, sizeof(guest));
    guest.sim.vif[0].no_gso = true;
    transfer(1 << 20, 1);
}

/* The receiver's backend cuts what the sender's gave whole, and completes what was blank. */
static void test_a_receiver_without_offloads_gets_segments(void **state)
{
    (void)state;
    memset(&guest, 0, sizeof(guest));
    guest.sim.vif[1].no_gso = true;
    guest.sim.vif[1].no_csum = true;
    transfer(1 << 20, 1);
}

static void test_connections_over_several_queues(void **state)
{
    (void)state;
    memset(&guest, 0, sizeof(guest));
    guest.front.queues_max = 4;
    guest.front.rx_slots = 64; /* grants for two devices of four queues */
    guest.sim.random = true;
    guest.sim.seed = 5;
    guest.sim.vif[0].queues_max = guest.sim.vif[1].queues_max = 4;
    transfer(512 << 10, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_transfer_goes_in_super_segments),
        cmocka_unit_test(test_a_transfer_goes_without_them),
        cmocka_unit_test(test_a_receiver_without_offloads_gets_segments),
        cmocka_unit_test(test_connections_over_several_queues),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
