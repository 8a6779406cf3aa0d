/* SPDX-License-Identifier: ISC */
/* Tests of netfront.c and netfront_xs.c: opening, the keys that are read and written. */
#include "tests/netfront/life.h"

static void test_open_writes_every_key(void **state)
{
    (void)state;
    start(&(struct peer_conf){.seed = 1});
    assert_int_equal(peer_front_state(), XENBUS_CONNECTED);
    assert_int_equal(front_key("tx-ring-ref"), peer.nf->queue[0].tx.ring_page->gref);
    assert_int_equal(front_key("rx-ring-ref"), peer.nf->queue[0].rx.ring_page->gref);
    assert_int_equal(front_key("event-channel"), peer.nf->queue[0].tx_port);
    assert_int_equal(front_key("request-rx-copy"), 1);
    assert_int_equal(front_key("feature-rx-notify"), 1);
    assert_int_equal(front_key("feature-sg"), 1);
    assert_int_equal(front_key("feature-no-csum-offload"), 0);
    assert_int_equal(front_key("feature-ipv6-csum-offload"), 0);
    assert_int_equal(front_key("feature-gso-tcpv4"), 1);
    assert_int_equal(front_key("feature-gso-tcpv6"), 0);
    assert_int_equal(front_key("xdp-headroom"), 0);
    assert_int_equal(front_key("request-multicast-control"), 0);
    assert_true(peer.dev->link_up);
    assert_true(peer.dev->caps.csum_tx);
    assert_true(peer.dev->caps.csum_rx);
    assert_int_equal(peer.dev->caps.mtu_bytes, 1500);
    assert_int_equal(peer.dev->caps.frags_max, 18);
    assert_memory_equal(peer.dev->mac, "\x00\x16\x3e\x0a\xfb\x1c", 6);
    assert_string_equal(peer.dev->ops->name, "netfront");
    assert_traffic();
    peer_stop(0);
}

/* What a boot loader wrote before us must not speak for us. */
static void test_open_removes_stale_keys(void **state)
{
    (void)state;
    peer_start(&(struct peer_conf){.seed = 1});
    sim_xs_write(PEER_FRONT "/multi-queue-num-queues", "4");
    sim_xs_write(PEER_FRONT "/event-channel-tx", "3");
    sim_xs_write(PEER_FRONT "/event-channel-rx", "4");
    sim_xs_write(PEER_FRONT "/feature-ipv6-csum-offload", "1");
    sim_xs_write(PEER_FRONT "/feature-gso-tcpv6", "1");
    sim_xs_write(PEER_FRONT "/xdp-headroom", "256");
    assert_int_equal(peer_open(), 0);
    assert_int_equal(front_key("multi-queue-num-queues"), UINT32_MAX);
    assert_int_equal(front_key("event-channel-tx"), UINT32_MAX);
    assert_int_equal(front_key("event-channel-rx"), UINT32_MAX);
    assert_int_equal(front_key("feature-ipv6-csum-offload"), 0);
    assert_int_equal(front_key("feature-gso-tcpv6"), 0);
    assert_int_equal(front_key("xdp-headroom"), 0);
    peer_stop(0);
}

static void assert_open_fails(const struct peer_conf *conf, int err, const char *says)
{
    peer_start(conf);
    assert_int_equal(peer_open(), err);
    peer.dev = NULL;
    assert_int_equal(logged("error: "), 1);
    if (logged(says) != 1)
        fail_msg("not logged: %s in: %s", says, vplat_console());
    peer_stop(0);
}

static void test_open_refuses_bad_mac(void **state)
{
    static const char *const bad[] = {
        "",
        "x",
        "00:16:3e:00:00:0",
        "00:16:3e:00:00:000",
        "00:16:3e:00:00:0g",
        "00-16-3e-00-00-01",
        "0:16:3e:00:00:001",
        " 0:16:3e:00:00:01",
        "01:00:5e:00:00:01", /* a group */
        "ff:ff:ff:ff:ff:ff",
        "00:00:00:00:00:00",
        "00:16:3e:00:00:01 and then some more than fits",
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        assert_open_fails(&(struct peer_conf){.seed = 1, .mac = bad[i]}, -E_INVAL,
                          i + 1 < ARRAY_SIZE(bad) ? "device/vif/0/mac: "
                                                  : "device/vif/0: reading of mac");
}

static void test_open_takes_configured_mac(void **state)
{
    static const uint8_t mac[6] = {2, 1, 2, 3, 4, 5};

    (void)state;
    start(&(struct peer_conf){.seed = 1, .mac = "nonsense", .conf_mac = mac});
    assert_memory_equal(peer.dev->mac, mac, 6);
    peer_stop(0);
}

static void test_open_honours_mtu(void **state)
{
    static const struct {
        const char *key;
        bool no_sg;
        uint32_t mtu, warnings;
    } cases[] = {
        {NULL, false, 1500, 0},  {"1500", false, 1500, 0},   {"9000", false, 9000, 0},
        {"68", false, 68, 0},    {"65521", false, 65521, 0}, {"65522", false, 1500, 1},
        {"67", false, 1500, 1},  {"0", false, 1500, 1},      {"-1", false, 1500, 1},
        {"1e3", false, 1500, 1}, {"", false, 1500, 1},       {"9000", true, 1500, 0},
        {"1400", true, 1400, 0},
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        start(&(struct peer_conf){.seed = 1, .mtu = cases[i].key, .no_sg = cases[i].no_sg});
        assert_int_equal(peer.dev->caps.mtu_bytes, cases[i].mtu);
        assert_int_equal(logged("device/vif/0/mtu: "), cases[i].warnings);
        peer_stop(0);
    }
}

static void write_mtu_late(void)
{
    if (peer_front_state() == XENBUS_CONNECTED)
        sim_xs_write(PEER_FRONT "/mtu", "9000");
}

/* The script that puts a plugged-in device on its bridge runs while we shake hands. */
static void test_open_honours_an_mtu_that_comes_late(void **state)
{
    (void)state;
    peer_start(&(struct peer_conf){.seed = 1});
    peer.on_wait = write_mtu_late;
    assert_int_equal(peer_open(), 0);
    assert_int_equal(peer.dev->caps.mtu_bytes, 9000);
    peer.on_wait = NULL;
    peer_stop(0);
}

static void test_open_reads_features(void **state)
{
    (void)state;
    start(&(struct peer_conf){.seed = 1, .no_sg = true, .no_csum = true});
    assert_int_equal(peer.dev->caps.frags_max, 1);
    assert_false(peer.dev->caps.csum_tx); /* feature-no-csum-offload has the inverted sense */
    peer_stop(0);
}

static void test_open_refuses_page_flipping(void **state)
{
    (void)state;
    peer_start(&(struct peer_conf){.seed = 1, .no_rx_copy = true});
    assert_int_equal(peer_open(), -E_PROTO);
    assert_int_equal(logged("feature-rx-copy"), 1);
    peer_stop(0);
}

static void test_open_refuses_bad_configuration(void **state)
{
    _Alignas(16) static uint8_t space[NETFRONT_BYTES];
    struct netfront_conf good, conf;
    struct netdev *dev;

    (void)state;
    peer_start(&(struct peer_conf){.seed = 1});
    good =
        (struct netfront_conf){.ev = &peer.ev, .gt = &peer.gt, .xs = &peer.xs, .pool = &peer.pool};
    conf = good;
    conf.rx_slots = 17;
    assert_int_equal(netfront_open(space, &conf, &dev), -E_INVAL);
    conf.rx_slots = 257;
    assert_int_equal(netfront_open(space, &conf, &dev), -E_INVAL);
    conf = good;
    conf.pool = NULL;
    assert_int_equal(netfront_open(space, &conf, &dev), -E_INVAL);
    conf = good;
    conf.mac = (const uint8_t *)"\x01\x02\x03\x04\x05\x06";
    assert_int_equal(netfront_open(space, &conf, &dev), -E_INVAL);
    conf = good;
    conf.index = 3;
    assert_int_equal(netfront_open(space, &conf, &dev), -E_NODEV);
    peer_stop(0);
}

static void test_open_times_out(void **state)
{
    uint64_t before;

    (void)state;
    peer_start(&(struct peer_conf){.seed = 1});
    peer.automatic = false; /* it stays in InitWait, whatever we do */
    before = plat_now_ns();
    assert_int_equal(peer_open(), -E_TIMEDOUT);
    assert_in_range(plat_now_ns() - before, 10 * NS_PER_S, 31 * NS_PER_S);
    assert_int_equal(logged("no connection in time: the backend is InitWait"), 1);
    assert_int_equal(peer_front_state(), XENBUS_CLOSED);
    peer_stop(0);
}

static uint32_t restless_waits;

static void change_state(void)
{
    assert_in_range(restless_waits++, 0, 100000);
    vplat_advance(10 * NS_PER_MS);
    peer_set_state(restless_waits % 2 != 0 ? XENBUS_INITIALISED : XENBUS_INITIALISING);
}

/* Whose state is another one at each look is not waited for any longer than a silent one. */
static void test_open_times_out_with_a_backend_that_never_rests(void **state)
{
    uint64_t before;

    (void)state;
    peer_start(&(struct peer_conf){.seed = 1});
    peer.automatic = false;
    restless_waits = 0;
    peer.on_wait = change_state;
    before = plat_now_ns();
    assert_int_equal(peer_open(), -E_TIMEDOUT);
    assert_in_range(plat_now_ns() - before, 10 * NS_PER_S, 31 * NS_PER_S);
    assert_int_equal(logged("no connection in time: the backend is Initialis"), 1);
    peer.on_wait = NULL;
    peer_stop(0);
}

static void test_open_waits_for_a_backend_that_is_late(void **state)
{
    (void)state;
    peer_start(&(struct peer_conf){.seed = 1});
    peer_set_state(XENBUS_CLOSED); /* of an earlier life; it answers our Initialising */
    assert_int_equal(peer_open(), 0);
    assert_traffic();
    peer_stop(0);
}

/* A transaction that someone else's change undid is tried again, and not for ever. */
static void test_open_retries_transaction(void **state)
{
    (void)state;
    peer_start(&(struct peer_conf){.seed = 1});
    sim_xs_fail_commits(3);
    assert_int_equal(peer_open(), 0);
    peer_stop(0);

    peer_start(&(struct peer_conf){.seed = 1});
    sim_xs_fail_commits(1000);
    assert_int_equal(peer_open(), -E_AGAIN);
    peer_stop(0);
}

static void test_open_without_pages(void **state)
{
    (void)state;
    for (uint32_t pages = 1; pages <= 2; pages++) {
        struct page *held;

        peer_start(&(struct peer_conf){.seed = 1, .pages = 2});
        held = pages == 1 ? page_get(&peer.pages) : NULL;
        assert_int_equal(peer_open(), pages == 1 ? -E_NOMEM : 0);
        if (held != NULL) {
            peer.dev = NULL;
            page_put(held);
        }
        peer_stop(0);
    }
}

static void test_open_without_grants(void **state)
{
    (void)state;
    peer_start(&(struct peer_conf){.seed = 1, .grants_max = 9}); /* one, above the reserved */
    assert_int_equal(peer_open(), -E_NOMEM);
    peer_stop(0);
    /* Rings, and few pages: it works, with fewer. */
    start(&(struct peer_conf){.seed = 1, .grants_max = 40});
    assert_int_equal(peer_rx_posted(), 30);
    assert_true(peer.dev->stats.rx_no_buffer > 0);
    peer_stop(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_writes_every_key),
        cmocka_unit_test(test_open_removes_stale_keys),
        cmocka_unit_test(test_open_refuses_bad_mac),
        cmocka_unit_test(test_open_takes_configured_mac),
        cmocka_unit_test(test_open_honours_mtu),
        cmocka_unit_test(test_open_honours_an_mtu_that_comes_late),
        cmocka_unit_test(test_open_reads_features),
        cmocka_unit_test(test_open_refuses_page_flipping),
        cmocka_unit_test(test_open_refuses_bad_configuration),
        cmocka_unit_test(test_open_times_out),
        cmocka_unit_test(test_open_times_out_with_a_backend_that_never_rests),
        cmocka_unit_test(test_open_waits_for_a_backend_that_is_late),
        cmocka_unit_test(test_open_retries_transaction),
        cmocka_unit_test(test_open_without_pages),
        cmocka_unit_test(test_open_without_grants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
