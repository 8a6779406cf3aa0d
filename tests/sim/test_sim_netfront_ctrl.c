/* SPDX-License-Identifier: ISC */
/* test_sim_netfront_ctrl.c - control ring and multicast control against the simulator's netback,
 * which hashes with the function of Xen's io/netif.h and keeps Linux's limits: flows go where both
 * ends say, and groups arrive when they were joined. */
#include "tests/netfront/life.h"

#include "platform/sim/netback_ctrl.h"
#include "platform/sim/netback.h"
#include "tests/support/restore.h"

enum { QUEUES = 4, FRAME = 80, FLOWS = 64, TCP = 6, UDP = 17 };

#define MAC(n) ((const uint8_t[6]){0x01, 0x00, 0x5e, 0x00, 0x00, (uint8_t)(n)})

static struct sim_queue wire, far;

struct flow {
    uint32_t src, dst;
    uint16_t sport, dport;
    uint8_t protocol;
};

static void turn(void)
{
    netdev_tx_flush(peer.dev);
    peer_run();
    peer_run();
}

/* Nothing is on its way any more. */
static void settle(void)
{
    for (unsigned i = 0; i < 24; i++) {
        struct pkt *none;

        assert_int_equal(netdev_rx(peer.dev, &none, 1), 0);
        netdev_arm(peer.dev);
        turn();
    }
}

static void begin(const struct sim_vif_conf *vif, unsigned queues)
{
    assert_int_equal(sim_queue_init(&wire), 0);
    assert_int_equal(sim_queue_init(&far), 0);
    sim_queue_join(&wire, &far);
    peer_start(&(struct peer_conf){
        .seed = 5, .wire = &wire.wire, .vif = *vif, .rx_slots = 64, .off.queues_max = queues});
    assert_int_equal(peer_open(), 0);
    settle();
}

static void end(void)
{
    peer_stop(0);
    sim_queue_fini(&wire);
    sim_queue_fini(&far);
}

static void make(uint8_t frame[FRAME], const struct flow *flow)
{
    struct cs v = cs_of(frame, FRAME);

    memset(frame, 0, FRAME);
    memcpy(frame, peer.dev->mac, 6);
    cs_set_be16(v, 12, 0x0800);
    cs_set_u8(v, 14, 0x45);
    cs_set_be16(v, 16, FRAME - 14);
    cs_set_u8(v, 23, flow->protocol);
    cs_set_be32(v, 26, flow->src);
    cs_set_be32(v, 30, flow->dst);
    cs_set_be16(v, 34, flow->sport);
    cs_set_be16(v, 36, flow->dport);
    cs_set_u8(v, 46, 0x50);
}

static struct flow random_flow(uint64_t *seed, uint8_t protocol)
{
    return (struct flow){(uint32_t)test_random(seed), (uint32_t)test_random(seed),
                         (uint16_t)test_random(seed), (uint16_t)test_random(seed), protocol};
}

static struct flow answer_of(const struct flow *f)
{
    return (struct flow){f->dst, f->src, f->dport, f->sport, f->protocol};
}

/* Which queue's counter is one more than it was. */
static unsigned queue_of(const uint64_t before[QUEUES], bool rx)
{
    unsigned queue = QUEUES;

    for (unsigned i = 0; i < sim_vif_queues(0); i++) {
        const struct sim_vifq_stats *stats = sim_vifq_stats(0, i);

        if ((rx ? stats->rx_frames : stats->tx_frames) == before[i])
            continue;
        assert_int_equal(queue, QUEUES);
        queue = i;
    }
    assert_true(queue < QUEUES);
    return queue;
}

static void count(uint64_t counts[QUEUES], bool rx)
{
    for (unsigned i = 0; i < sim_vif_queues(0); i++)
        counts[i] = rx ? sim_vifq_stats(0, i)->rx_frames : sim_vifq_stats(0, i)->tx_frames;
}

/* The queue by which netback gives a frame of this flow. */
static unsigned comes_by(const struct flow *flow)
{
    uint64_t before[QUEUES];
    uint8_t frame[FRAME], back[FRAME];
    struct pkt *pkt;

    count(before, true);
    make(frame, flow);
    assert_true(sim_queue_put(&wire, frame, FRAME, &(struct sim_meta){0}));
    turn();
    assert_int_equal(netdev_rx(peer.dev, &pkt, 1), 1);
    assert_int_equal(pkt->len, FRAME);
    assert_true(pkt_read(pkt, 0, cs_of(back, FRAME)));
    assert_memory_equal(back, frame, FRAME);
    pkt_put(pkt);
    netdev_arm(peer.dev);
    return queue_of(before, true);
}

/* The queue by which netfront sends one. */
static unsigned goes_by(const struct flow *flow)
{
    struct pkt *pkt = peer_packet(FRAME, 0);
    uint64_t before[QUEUES];
    uint8_t frame[FRAME];

    count(before, false);
    make(frame, flow);
    memcpy(pkt_frag_rw(pkt, 0).base, frame, FRAME);
    assert_int_equal(netdev_tx(peer.dev, pkt), 0);
    turn();
    netdev_arm(peer.dev);
    return queue_of(before, false);
}

/* ---- steering -------------------------------------------------------------------------------- */

static const struct sim_vif_conf hashing = {.queues_max = QUEUES, .ctrl_ring = true};

static void test_a_flow_goes_by_the_queue_it_comes_by(void **state)
{
    uint64_t seed = test_seed(1), used = 0;

    (void)state;
    begin(&hashing, QUEUES);
    assert_true(netfront_ctrl_ready(peer.nf));
    assert_int_equal(sim_vif_ctrl_of(0)->requests, 7);
    assert_int_equal(sim_vif_ctrl_of(0)->failed, 0);
    assert_int_equal(sim_vif_ctrl_of(0)->map_size, 128);
    for (unsigned i = 0; i < FLOWS; i++) {
        struct flow flow = random_flow(&seed, TCP), answer = answer_of(&flow);
        unsigned queue = comes_by(&flow);

        assert_int_equal(goes_by(&answer), queue);
        used |= UINT64_C(1) << queue;
    }
    assert_int_equal(used, (1 << QUEUES) - 1); /* and all of them are used */
    assert_int_equal(peer.dev->stats.rx_hashed, FLOWS);
    end();
}

/* Tables of any size, and none at all: both ends look up alike. */
static void test_any_table_of_the_backends(void **state)
{
    static const uint32_t sizes[] = {0, 1, 3, 7, 100};

    (void)state;
    for (unsigned s = 0; s < ARRAY_SIZE(sizes); s++) {
        struct sim_vif_conf vif = hashing;
        uint64_t seed = test_seed(2 + s);

        vif.no_hash_map = sizes[s] == 0;
        vif.hash_map_max = sizes[s];
        begin(&vif, QUEUES);
        assert_true(netfront_ctrl_ready(peer.nf));
        assert_int_equal(sim_vif_ctrl_of(0)->map_size, sizes[s]);
        for (unsigned i = 0; i < FLOWS / 4; i++) {
            struct flow flow = random_flow(&seed, TCP), answer = answer_of(&flow);

            assert_int_equal(comes_by(&flow), goes_by(&answer));
        }
        end();
    }
}

/* io/netif.h has no hash of UDP's ports: datagrams between two hosts come by one queue. */
static void test_datagrams_come_by_addresses(void **state)
{
    uint64_t seed = test_seed(3);
    struct flow flow = random_flow(&seed, UDP);
    unsigned queue;

    (void)state;
    begin(&hashing, QUEUES);
    queue = comes_by(&flow);
    for (unsigned i = 0; i < FLOWS / 4; i++) {
        flow.sport++;
        assert_int_equal(comes_by(&flow), queue);
    }
    end();
}

static void test_the_program_steers(void **state)
{
    uint64_t seed = test_seed(4);

    (void)state;
    begin(&hashing, QUEUES);
    for (uint8_t queue = 0; queue < QUEUES; queue++) {
        assert_int_equal(netfront_steer(peer.dev, &queue, 1), 0);
        settle();
        for (unsigned i = 0; i < FLOWS / 4; i++) {
            struct flow flow = random_flow(&seed, TCP), answer = answer_of(&flow);

            assert_int_equal(comes_by(&flow), queue);
            assert_int_equal(goes_by(&answer), queue);
        }
    }
    assert_int_equal(sim_vif_ctrl_of(0)->failed, 0);
    end();
}

/* A backend that does not hash, and one that does not answer, steer as they like; frames pass. */
static void test_without_hashing_frames_pass_all_the_same(void **state)
{
    struct sim_vif_conf vifs[] = {{.queues_max = QUEUES},
                                  {.queues_max = QUEUES, .ctrl_ring = true, .no_hash = true}};

    (void)state;
    for (unsigned v = 0; v < ARRAY_SIZE(vifs); v++) {
        uint64_t seed = test_seed(5);

        begin(&vifs[v], QUEUES);
        assert_false(netfront_ctrl_ready(peer.nf));
        for (unsigned i = 0; i < FLOWS / 4; i++) {
            struct flow flow = random_flow(&seed, TCP);

            assert_true(comes_by(&flow) < QUEUES);
            assert_true(goes_by(&flow) < QUEUES);
        }
        assert_int_equal(peer.dev->stats.violations, 0);
        end();
    }
}

static void test_one_queue_needs_no_control_ring(void **state)
{
    (void)state;
    begin(&hashing, 1);
    assert_null(sim_vif_ctrl_of(0)->ring);
    assert_int_equal(front_key("ctrl-ring-ref"), UINT32_MAX);
    end();
}

static void restart_backend(void)
{
    sim_vif_disconnect(&sim_vifs[0]);
    sim_back_set_state(&sim_vifs[0].b, XENBUS_CLOSED);
    settle();
    sim_back_set_state(&sim_vifs[0].b, XENBUS_INIT_WAIT);
    settle();
    assert_true(peer.dev->link_up);
}

static void test_a_new_backend_is_configured_too(void **state)
{
    uint64_t seed = test_seed(6);

    (void)state;
    begin(&hashing, QUEUES);
    assert_int_equal(netfront_steer(peer.dev, (const uint8_t *)"\3", 1), 0);
    settle();
    restart_backend();
    assert_true(netfront_ctrl_ready(peer.nf));
    assert_int_equal(sim_vif_ctrl_of(0)->map_size, 1);
    for (unsigned i = 0; i < FLOWS / 4; i++) {
        struct flow flow = random_flow(&seed, TCP);

        assert_int_equal(comes_by(&flow), 3);
    }
    end();
}

/* ---- multicast ------------------------------------------------------------------------------- */

static bool arrives(const uint8_t dst[6])
{
    uint8_t frame[FRAME];
    struct pkt *pkt;

    make(frame, &(struct flow){.protocol = UDP});
    memcpy(frame, dst, 6);
    assert_true(sim_queue_put(&wire, frame, FRAME, &(struct sim_meta){0}));
    turn();
    if (netdev_rx(peer.dev, &pkt, 1) == 0)
        return false;
    pkt_put(pkt);
    return true;
}

static void change(unsigned n, bool join)
{
    assert_int_equal(peer.dev->ops->multicast(peer.dev, MAC(n), join), 0);
    settle();
}

static void test_groups_arrive_when_joined(void **state)
{
    const struct sim_vif_conf vif = {.multicast = true};
    uint64_t filtered;

    (void)state;
    begin(&vif, 1);
    assert_false(arrives(MAC(1)));
    change(1, true);
    assert_true(arrives(MAC(1)));
    assert_false(arrives(MAC(2)));
    assert_true(arrives((const uint8_t *)"\xff\xff\xff\xff\xff\xff"));
    assert_true(arrives(peer.dev->mac));
    change(1, false);
    filtered = sim_vif_stats(0)->rx_filtered;
    assert_false(arrives(MAC(1)));
    assert_int_equal(sim_vif_stats(0)->rx_filtered, filtered + 1);
    change(1, true);
    change(3, true);
    restart_backend();
    assert_true(arrives(MAC(1)));
    assert_true(arrives(MAC(3)));
    assert_false(arrives(MAC(2)));
    assert_int_equal(sim_vif_ctrl_of(0)->mcast_count, 2);
    end();
}

static void test_a_backend_without_a_filter_gives_all(void **state)
{
    (void)state;
    begin(&(struct sim_vif_conf){0}, 1);
    assert_true(arrives(MAC(1)));
    change(1, true);
    change(1, false);
    assert_true(arrives(MAC(1)));
    assert_int_equal(sim_vif_ctrl_of(0)->mcast_adds, 0);
    end();
}

static void test_more_groups_than_it_takes(void **state)
{
    (void)state;
    for (unsigned dynamic = 0; dynamic < 2; dynamic++) {
        const struct sim_vif_conf vif = {
            .multicast = true, .multicast_dynamic = dynamic != 0, .multicast_max = 2};

        begin(&vif, 1);
        change(1, true);
        change(2, true);
        assert_false(arrives(MAC(9)));
        change(3, true);
        assert_true(arrives(MAC(1)));
        assert_int_equal(arrives(MAC(3)), dynamic); /* all or not */
        assert_int_equal(arrives(MAC(9)), dynamic);
        assert_int_equal(peer.dev->stats.multicast_refused, 1);
        end();
    }
}

/* Any order of joins and leaves, between frames, restarts of the backend and full rings: at the
 * end its list is ours. */
static void test_any_joins_and_leaves(void **state)
{
    const struct sim_vif_conf vif = {.multicast = true};
    uint64_t seed = test_seed(7);
    bool joined[NETFRONT_MCAST_MAX] = {false};

    (void)state;
    begin(&vif, 1);
    for (unsigned i = 0; i < 1500; i++) {
        uint32_t n = test_random_below(&seed, NETFRONT_MCAST_MAX);
        struct pkt *none;

        joined[n] = !joined[n];
        assert_int_equal(peer.dev->ops->multicast(peer.dev, MAC(n), joined[n]), 0);
        switch (test_random_below(&seed, 8)) {
        case 0:
            turn();
            break;
        case 1:
            assert_int_equal(netdev_rx(peer.dev, &none, 1), 0);
            break;
        case 2:
            netdev_arm(peer.dev);
            break;
        case 3:
            if (test_random_below(&seed, 20) == 0)
                restart_backend();
            break;
        default:
            break;
        }
    }
    settle();
    for (unsigned n = 0; n < NETFRONT_MCAST_MAX; n++)
        assert_int_equal(arrives(MAC(n)), joined[n]);
    end();
}

/* The domain was saved and restored: another backend, which knows nothing, hears it all again; a
 * key or a group that was on its way, too. */
static void test_a_restored_domain_says_it_all_again(void **state)
{
    const struct sim_vif_conf vif = {.queues_max = QUEUES, .ctrl_ring = true, .multicast = true};
    uint64_t seed = test_seed(8);

    (void)state;
    for (unsigned steps = 0; steps < 12; steps++) {
        restore_forget();
        begin(&vif, QUEUES);
        change(1, true);
        assert_int_equal(netfront_steer(peer.dev, (const uint8_t *)"\2", 1), 0);
        assert_int_equal(peer.dev->ops->multicast(peer.dev, MAC(2), true), 0);
        for (unsigned i = 0; i < steps; i++) {
            struct pkt *none;

            if (i % 2 == 0)
                assert_int_equal(netdev_rx(peer.dev, &none, 1), 0);
            else
                turn();
        }
        restore_domain(&peer.ev, &peer.gt, &peer.xs);
        settle();
        assert_true(peer.dev->link_up);
        assert_true(netfront_ctrl_ready(peer.nf));
        assert_true(arrives(MAC(1)));
        assert_true(arrives(MAC(2)));
        assert_false(arrives(MAC(3)));
        for (unsigned i = 0; i < 4; i++) {
            struct flow flow = random_flow(&seed, TCP), answer = answer_of(&flow);

            assert_int_equal(comes_by(&flow), 2);
            assert_int_equal(goes_by(&answer), 2);
        }
        restore_check(&peer.ev);
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_flow_goes_by_the_queue_it_comes_by),
        cmocka_unit_test(test_any_table_of_the_backends),
        cmocka_unit_test(test_datagrams_come_by_addresses),
        cmocka_unit_test(test_the_program_steers),
        cmocka_unit_test(test_without_hashing_frames_pass_all_the_same),
        cmocka_unit_test(test_one_queue_needs_no_control_ring),
        cmocka_unit_test(test_a_new_backend_is_configured_too),
        cmocka_unit_test(test_groups_arrive_when_joined),
        cmocka_unit_test(test_a_backend_without_a_filter_gives_all),
        cmocka_unit_test(test_more_groups_than_it_takes),
        cmocka_unit_test(test_any_joins_and_leaves),
        cmocka_unit_test(test_a_restored_domain_says_it_all_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
