/* SPDX-License-Identifier: ISC */
/* Tests of netfront.c and netfront_xs.c: opening, the handshake over every pair of states, closing,
 * coming back. */
#include "tests/netfront/peer.c"

#include <cmocka.h>

static void start(const struct peer_conf *conf)
{
    peer_start(conf);
    assert_int_equal(peer_open(), 0);
}

static uint32_t front_key(const char *name)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", PEER_FRONT, name);
    return sim_xs_read_u32(path, UINT32_MAX);
}

/* How often a text stands in the log. */
static unsigned logged(const char *text)
{
    unsigned n = 0;

    for (const char *at = vplat_console(); (at = strstr(at, text)) != NULL; at++)
        n++;
    return n;
}

/* A frame each way. */
static void assert_traffic(void)
{
    uint8_t frame[600], back[600];
    struct netfront_tx_req req;
    struct pkt *pkt;

    peer_pattern(frame, sizeof(frame), 7);
    assert_true(peer_rx_frame(frame, sizeof(frame), 0, 0));
    assert_int_equal(netdev_rx(peer.dev, &pkt, 1), 1);
    assert_int_equal(pkt->len, sizeof(frame));
    assert_true(pkt_read(pkt, 0, cs_of(back, sizeof(back))));
    assert_memory_equal(back, frame, sizeof(frame));
    assert_int_equal(netdev_tx(peer.dev, pkt), 0);
    netdev_tx_flush(peer.dev);
    assert_true(peer_tx_take(&req));
    assert_int_equal(req.size, sizeof(frame));
    assert_memory_equal(peer_tx_bytes(&req, sizeof(frame)), frame, sizeof(frame));
    peer_tx_answer(req.id, NETIF_RSP_OKAY);
    peer_tx_push();
    netdev_arm(peer.dev);
}

/* ---- opening --------------------------------------------------------------------------------- */

static void test_open_writes_every_key(void **state)
{
    (void)state;
    start(&(struct peer_conf){.seed = 1});
    assert_int_equal(peer_front_state(), XENBUS_CONNECTED);
    assert_int_equal(front_key("tx-ring-ref"), peer.nf->queue[0].tx.ring_page->gref);
    assert_int_equal(front_key("rx-ring-ref"), peer.nf->queue[0].rx.ring_page->gref);
    assert_int_equal(front_key("event-channel"), peer.nf->queue[0].port);
    assert_int_equal(front_key("request-rx-copy"), 1);
    assert_int_equal(front_key("feature-rx-notify"), 1);
    assert_int_equal(front_key("feature-sg"), 1);
    assert_int_equal(front_key("feature-no-csum-offload"), 0);
    assert_int_equal(front_key("feature-ipv6-csum-offload"), 0);
    assert_int_equal(front_key("feature-gso-tcpv4"), 0);
    assert_int_equal(front_key("feature-gso-tcpv6"), 0);
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
    sim_xs_write(PEER_FRONT "/feature-gso-tcpv4", "1");
    assert_int_equal(peer_open(), 0);
    assert_int_equal(front_key("multi-queue-num-queues"), UINT32_MAX);
    assert_int_equal(front_key("event-channel-tx"), UINT32_MAX);
    assert_int_equal(front_key("event-channel-rx"), UINT32_MAX);
    assert_int_equal(front_key("feature-gso-tcpv4"), 0);
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

/* ---- the table, whole ------------------------------------------------------------------------ */

#define UP 0x10 /* link_up */

/* What our state (and link) becomes when the backend's is seen. Rows: ours; columns: theirs, then
 * nonsense. A row that starts with link_up is Connected, where frames flow. */
static const uint8_t outcome[XENBUS_STATES][XENBUS_STATES + 1] = {
    /*                 Unk Ini IWt Ied Con     Cng Csd Rng Red     nonsense */
    /* Unknown */ {0, 0, 0, 0, 0, 0, 0, 0, 0, 6},
    /* Initialising */ {6, 1, 4, 1, 1, 1, 1, 1, 1, 6},
    /* InitWait */ {6, 2, 4, 2, 2, 2, 2, 2, 2, 6},
    /* Initialised */ {6, 3, 3, 3, UP | 4, 6, 6, 3, 3, 6},
    /* Connected */ {6, 5, 5, 5, UP | 4, 6, 6, 4, 4, 6},
    /* Closing */ {6, 5, 5, 5, 5, 6, 6, 5, 5, 6},
    /* Closed */ {6, 6, 4, 6, 6, 6, 6, 6, 6, 6},
    /* Reconfiguring */ {6, 7, 7, 7, 7, 6, 6, 7, 7, 6},
    /* Reconfigured */ {6, 8, 8, 8, UP | 8, 6, 6, 8, 8, 6},
};

static void test_every_pair_of_states(void **state)
{
    (void)state;
    for (unsigned ours = 0; ours < XENBUS_STATES; ours++) {
        for (unsigned theirs = 0; theirs <= XENBUS_STATES; theirs++) {
            bool has_rings = ours >= XENBUS_INITIALISED && ours != XENBUS_CLOSED;

            start(&(struct peer_conf){.seed = 1});
            peer.automatic = false;
            if (!has_rings) {
                peer_disconnect();
                assert_true(netfront_queue_destroy(peer.nf));
            }
            peer.dev->link_up = ours == XENBUS_CONNECTED;
            peer.nf->xb.state = ours;
            if (theirs == XENBUS_UNKNOWN)
                sim_xs_rm(PEER_BACK "/state");
            else if (theirs == XENBUS_STATES)
                sim_xs_write(PEER_BACK "/state", "garbage");
            else
                sim_xs_write(PEER_BACK "/state", "%u", theirs);
            peer_run();
            peer.nf->attention = true;
            netdev_arm(peer.dev);
            if ((peer.nf->xb.state | (peer.dev->link_up ? UP : 0)) != outcome[ours][theirs])
                fail_msg("ours %s, theirs %s: became %s%s", xenbus_state_name(ours),
                         xenbus_state_name(theirs), xenbus_state_name(peer.nf->xb.state),
                         peer.dev->link_up ? ", up" : "");
            /* Nothing moves by itself after that, whatever is called. */
            peer_run();
            netdev_arm(peer.dev);
            assert_int_equal(peer.nf->xb.state | (peer.dev->link_up ? UP : 0),
                             outcome[ours][theirs]);
            peer_disconnect();
            peer_stop(0);
        }
    }
}

/* The first frame waits for the backend's Connected, at first and after coming back. */
static void test_no_frame_before_backend_is_connected(void **state)
{
    struct pkt *pkt;

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    peer.automatic = false;
    peer_set_state(XENBUS_CLOSING);
    peer_run();
    assert_true(netdev_arm(peer.dev)); /* a changed link is work */
    assert_false(netdev_arm(peer.dev));
    assert_int_equal(peer_front_state(), XENBUS_CLOSED);
    peer_disconnect();
    peer_set_state(XENBUS_INIT_WAIT);
    peer_run();
    assert_true(netdev_arm(peer.dev)); /* xenstore was asked */
    assert_int_equal(peer_front_state(), XENBUS_CONNECTED);
    assert_false(peer.dev->link_up);
    pkt = peer_packet(100, 0);
    assert_int_equal(netdev_tx(peer.dev, pkt), -E_NETDOWN);
    assert_int_equal(peer.dev->stats.tx_link_down, 1);
    netdev_tx_flush(peer.dev);
    assert_true(peer_connect());
    assert_int_equal(peer.tx.shared->req_prod, 0);
    peer_set_state(XENBUS_CONNECTED);
    peer_run();
    assert_true(netdev_arm(peer.dev));
    assert_true(peer.dev->link_up);
    assert_int_equal(netdev_tx(peer.dev, pkt), 0);
    netdev_tx_flush(peer.dev);
    assert_int_equal(peer.tx.shared->req_prod, 1);
    assert_int_equal(peer_tx_all(), 1);
    assert_traffic();
    peer.automatic = true;
    peer_stop(0);
}

/* ---- the backend goes, and comes back -------------------------------------------------------- */

static void fill_tx(unsigned n)
{
    while (n-- > 0)
        assert_int_equal(netdev_tx(peer.dev, peer_packet(100, 0)), 0);
    netdev_tx_flush(peer.dev);
}

static void test_backend_leaves_in_mid_traffic_and_returns(void **state)
{
    struct pkt *pkts[4];

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    for (unsigned round = 0; round < 10; round++) {
        fill_tx(50);
        peer_set_state(
            XENBUS_CLOSING); /* the toolstack does that, while the backend still has the rings */
        peer.automatic = false;
        peer_run();
        assert_int_equal(netdev_rx(peer.dev, pkts, 4), 0);
        assert_false(peer.dev->link_up);
        assert_int_equal(netdev_rx(peer.dev, pkts, 4), 0);
        peer.automatic = true;
        peer_run();
        assert_int_equal(peer_front_state(), XENBUS_CLOSED);
        peer_run();
        netdev_arm(peer.dev);
        peer_disconnect();
        peer_set_state(XENBUS_INIT_WAIT);
        for (unsigned i = 0; i < 6; i++) {
            peer_run();
            netdev_arm(peer.dev);
        }
        assert_true(peer.dev->link_up);
        assert_traffic();
    }
    assert_int_equal(peer.dev->stats.violations, 0);
    peer_stop(0);
}

static void test_backend_directory_vanishes(void **state)
{
    (void)state;
    start(&(struct peer_conf){.seed = 1});
    fill_tx(20);
    peer.automatic = false;
    peer_disconnect(); /* its domain died: Xen unmaps */
    sim_xs_rm(PEER_BACK);
    peer_run();
    assert_true(netdev_arm(peer.dev));
    assert_false(peer.dev->link_up);
    assert_int_equal(peer_front_state(), XENBUS_CLOSED);
    assert_int_equal(peer.pages.free_count, peer.pages.total);
    peer_stop(0);
}

/* It starts anew without saying Closing: our rings are unknown to it. */
static void test_backend_restarts_without_a_word(void **state)
{
    (void)state;
    start(&(struct peer_conf){.seed = 1});
    fill_tx(20);
    peer.automatic = false;
    peer_disconnect();
    peer_set_state(XENBUS_INIT_WAIT);
    peer_run();
    assert_true(netdev_arm(peer.dev));
    assert_int_equal(peer_front_state(), XENBUS_CLOSING);
    peer.automatic = true;
    for (unsigned i = 0; i < 6; i++) {
        peer_run();
        netdev_arm(peer.dev);
    }
    /* It closed because we did; a good one waits anew when it is told to. */
    assert_int_equal(peer_front_state(), XENBUS_CLOSED);
    peer_set_state(XENBUS_INIT_WAIT);
    for (unsigned i = 0; i < 6; i++) {
        peer_run();
        netdev_arm(peer.dev);
    }
    assert_traffic();
    peer_stop(0);
}

/* A request of xenstore sleeps, and what wakes it may be another's event: everyone must look once
 * more before the program sleeps. */
static void test_arm_reports_work_after_xenstore_was_asked(void **state)
{
    struct pkt *pkt;

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    while (netdev_arm(peer.dev))
        peer_run();
    for (unsigned by_rx = 0; by_rx < 2; by_rx++) {
        uint64_t asked = peer.xs.stats.requests;

        peer_set_state(XENBUS_CONNECTED); /* the same again: the watch fires all the same */
        peer_run();
        if (by_rx != 0)
            assert_int_equal(netdev_rx(peer.dev, &pkt, 1), 0);
        assert_true(netdev_arm(peer.dev));
        assert_int_not_equal(peer.xs.stats.requests, asked);
        assert_false(netdev_arm(peer.dev));
    }
    peer_stop(0);
}

/* ---- closing --------------------------------------------------------------------------------- */

static uint32_t seen_states[16], seen_count;

static void note_front_state(void)
{
    uint32_t now = peer_front_state();

    if (seen_count == 0 || seen_states[seen_count - 1] != now)
        seen_states[seen_count++ % 16] = now;
}

/* Closing, wait, Closed: a backend of Windows' hangs when Closing is left out. */
static void test_close_goes_through_closing(void **state)
{
    (void)state;
    start(&(struct peer_conf){.seed = 1});
    seen_count = 0;
    peer.on_wait = note_front_state;
    peer_close();
    note_front_state();
    assert_int_equal(seen_count, 2);
    assert_int_equal(seen_states[0], XENBUS_CLOSING);
    assert_int_equal(seen_states[1], XENBUS_CLOSED);
    peer_stop(0);
}

/* A backend that answers nothing more is waited for until the deadline, no longer; what it maps is
 * not used again. */
static void test_close_with_a_dead_backend(void **state)
{
    uint64_t before;

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    fill_tx(20);
    peer.automatic = false;
    before = plat_now_ns();
    peer_close();
    assert_in_range(plat_now_ns() - before, 10 * NS_PER_S, 22 * NS_PER_S);
    assert_int_equal(peer_front_state(), XENBUS_CLOSED);
    assert_int_equal(logged("2 pages stay quarantined"), 1); /* the rings */
    assert_int_equal(peer.pages.free_count, peer.pages.total - 2);
    assert_int_equal(peer.gt.stats.free_count, 4096 - GNTTAB_RESERVED - 2); /* the rings' stand */
    peer_check_pages();
    peer_stop(0);
}

static void test_close_and_open_100_times(void **state)
{
    uint32_t grants, watches, port;

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    port = peer.nf->queue[0].port;
    peer_close();
    grants = peer.gt.stats.free_count;
    watches = sim_xs_watches();
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(peer_open(), 0);
        assert_int_equal(peer.nf->queue[0].port, port); /* closed ports are given again */
        assert_traffic();
        fill_tx(i);
        if (i % 2 == 0)
            peer_tx_all();
        peer_check_pages();
        peer_close();
        assert_int_equal(peer.pages.free_count, peer.pages.total);
        assert_int_equal(peer.pool.free_count, peer.pool.total);
        assert_int_equal(peer.gt.stats.free_count, grants);
        assert_int_equal(sim_xs_watches(), watches);
    }
    peer_stop(0);
}

/* ---- violations ------------------------------------------------------------------------------ */

static void test_violation_closes_once_and_program_goes_on(void **state)
{
    struct pkt *pkt, *pkts[4];

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    fill_tx(10);
    peer_tx_answer(77, NETIF_RSP_OKAY);
    peer_tx_push();
    peer_rx_answer(99, 0, 0, 100);
    peer_rx_push();
    assert_int_equal(netdev_rx(peer.dev, pkts, 4), 0);
    assert_false(peer.dev->link_up);
    assert_int_equal(peer.dev->stats.violations, 1);
    assert_int_equal(logged("backend broke the protocol"), 1);
    peer.automatic = false;
    assert_true(netdev_arm(peer.dev));
    assert_false(netdev_arm(peer.dev));
    assert_int_equal(peer_front_state(), XENBUS_CLOSING);
    assert_int_equal(peer.pages.free_count,
                     peer.pages.total - 2); /* all but the rings, before it says a word */
    peer_check_pages();
    peer_auto(); /* it sees Closing, goes Closing itself */
    peer_run();
    netdev_arm(peer.dev);
    assert_int_equal(peer_front_state(), XENBUS_CLOSED);
    peer.automatic = true;
    pkt = peer_packet(100, 0);
    assert_int_equal(netdev_tx(peer.dev, pkt), -E_NETDOWN);
    pkt_put(pkt);
    assert_int_equal(peer.pages.free_count, peer.pages.total);
    /* It does not come back by itself, ... */
    peer_run();
    peer_set_state(XENBUS_INIT_WAIT);
    peer_run();
    netdev_arm(peer.dev);
    assert_int_equal(peer_front_state(), XENBUS_CLOSED);
    /* ... but when the program says so. */
    peer_close();
    assert_int_equal(peer_open(), 0);
    assert_traffic();
    peer_stop(0);
}

/* xenstored is dead too: the data path does not wait for it for longer than one request's time,
 * once. */
static void test_violation_with_dead_xenstored(void **state)
{
    struct pkt *pkts[4];
    uint64_t before;

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    peer_tx_answer(77, NETIF_RSP_OKAY);
    peer.tx.shared->rsp_prod += 5;
    sim_xs_stop(true);
    assert_int_equal(netdev_rx(peer.dev, pkts, 4), 0);
    assert_false(peer.dev->link_up);
    before = plat_now_ns();
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(netdev_rx(peer.dev, pkts, 4), 0);
        netdev_arm(peer.dev);
    }
    assert_true(plat_now_ns() - before < 20 * NS_PER_S);
    sim_xs_stop(false);
    peer_disconnect();
    peer_drop();
}

static void test_statistics_have_names(void **state)
{
    (void)state;
    assert_string_equal(netdev_stat_names[0], "tx_packets");
    assert_string_equal(netdev_stat_names[ARRAY_SIZE(netdev_stat_names) - 1], "quarantined");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_writes_every_key),
        cmocka_unit_test(test_open_removes_stale_keys),
        cmocka_unit_test(test_open_refuses_bad_mac),
        cmocka_unit_test(test_open_takes_configured_mac),
        cmocka_unit_test(test_open_honours_mtu),
        cmocka_unit_test(test_open_reads_features),
        cmocka_unit_test(test_open_refuses_page_flipping),
        cmocka_unit_test(test_open_refuses_bad_configuration),
        cmocka_unit_test(test_open_times_out),
        cmocka_unit_test(test_open_times_out_with_a_backend_that_never_rests),
        cmocka_unit_test(test_open_waits_for_a_backend_that_is_late),
        cmocka_unit_test(test_open_retries_transaction),
        cmocka_unit_test(test_open_without_pages),
        cmocka_unit_test(test_open_without_grants),
        cmocka_unit_test(test_every_pair_of_states),
        cmocka_unit_test(test_no_frame_before_backend_is_connected),
        cmocka_unit_test(test_backend_leaves_in_mid_traffic_and_returns),
        cmocka_unit_test(test_backend_directory_vanishes),
        cmocka_unit_test(test_backend_restarts_without_a_word),
        cmocka_unit_test(test_arm_reports_work_after_xenstore_was_asked),
        cmocka_unit_test(test_close_goes_through_closing),
        cmocka_unit_test(test_close_with_a_dead_backend),
        cmocka_unit_test(test_close_and_open_100_times),
        cmocka_unit_test(test_violation_closes_once_and_program_goes_on),
        cmocka_unit_test(test_violation_with_dead_xenstored),
        cmocka_unit_test(test_statistics_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
