/* SPDX-License-Identifier: ISC */
/* test_sim_netback.c - the simulated netback: frames both ways through the real netfront, and
 * what it says of a guest that breaks the protocol (written into its rings by hand).
 */
#include <string.h>

#include "simguest.h"
#include "support.h"

#include <cmocka.h>

#include "platform/sim/netback.h"

#include <morgana/cksum.h>
#include <morgana/netfront.h>
#include <morgana/platform.h>

enum { PAGES = 700, PKTS = 700 };

static _Alignas(PAGE_BYTES) uint8_t memory[PAGES * PAGE_BYTES];
static struct page headers[PAGES];
static struct pkt pkts[PKTS];
static struct page_pool pages;
static struct pkt_pool pool;
static struct netdev *dev;
static struct sim_queue back, far; /* the two ends of the cable: netback's, and the test's */
static uint8_t frame[65536], seen[65536];

static _Alignas(16) uint8_t storage[NETFRONT_BYTES];

static int open_device(void)
{
    struct start *s = start_get();
    struct netfront_conf conf = {.ev = &s->ev, .gt = &s->gt, .xs = &s->xs, .pool = &pool};
    return netfront_open(storage, &conf, &dev);
}

static void start(struct sim_conf conf)
{
    static char *argv[] = {(char *)(uintptr_t) "test", (char *)(uintptr_t) "log=error", NULL};
    vplat_reset(1);
    assert_int_equal(sim_queue_init(&back), 0);
    assert_int_equal(sim_queue_init(&far), 0);
    sim_queue_join(&back, &far);
    conf.vif_count = 1;
    conf.vif[0].wire = &back.wire;
    simguest_boot(&conf, 2, argv);
    page_pool_init(&pages, headers, memory, PAGES);
    pkt_pool_init(&pool, pkts, PKTS, &pages);
    assert_int_equal(open_device(), 0);
    for (unsigned i = 0; i < sizeof(frame); i++)
        frame[i] = (uint8_t)(i * 7 + i / 256);
    frame[12] = 0x88; /* no protocol that anybody looks into */
    frame[13] = 0xb5;
}

static void stop(void)
{
    netfront_close(dev);
    simguest_shutdown();
    assert_int_equal(pages.free_count, PAGES);
    assert_int_equal(pool.free_count, PKTS);
    sim_queue_fini(&back);
    sim_queue_fini(&far);
}

static struct pkt *packet(const uint8_t *bytes, uint32_t len)
{
    struct pkt *pkt = pkt_alloc(&pool, 0, len < 2048 ? len : 2048);
    memcpy(pkt->frag[0].page->base + pkt->frag[0].off, bytes, pkt->len);
    while (pkt->len < len) {
        uint32_t n = u32_min(len - pkt->len, 4096);
        struct page *page = page_get(&pages);
        memcpy(page->base, bytes + pkt->len, n);
        assert_int_equal(pkt_append_take(pkt, page, 0, n), 0);
    }
    return pkt;
}

static void send(const uint8_t *bytes, uint32_t len)
{
    assert_int_equal(netdev_tx(dev, packet(bytes, len)), 0);
    netdev_tx_flush(dev);
    sim_run_until_idle();
}

/* The next frame that netback gave the guest. */
static struct pkt *receive(void)
{
    struct pkt *pkt;
    for (int i = 0; i < 3; i++) {
        sim_run_until_idle();
        if (netdev_rx(dev, &pkt, 1) == 1)
            return pkt;
        netdev_arm(dev);
    }
    return NULL;
}

static void assert_received(uint32_t len)
{
    struct pkt *pkt = receive();
    assert_non_null(pkt);
    assert_int_equal(pkt->len, len);
    assert_true(pkt_read(pkt, 0, cs_of(seen, len)));
    assert_memory_equal(seen, frame, len);
    pkt_put(pkt);
}

/* ---- frames --------------------------------------------------------------------------------- */

static void test_frames_of_every_size_pass_both_ways(void **state)
{
    (void)state;
    start((struct sim_conf){.vif[0].mtu_bytes = 65521});
    static const uint32_t sizes[] = {14, 60, 1514, 4095, 4096, 4097, 8192, 9014, 65535};
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        send(frame, sizes[i]);
        assert_int_equal(sim_queue_take(&far, seen, sizeof(seen), NULL), sizes[i]);
        assert_memory_equal(seen, frame, sizes[i]);
        assert_true(sim_queue_put(&back, frame, sizes[i], NULL));
        assert_received(sizes[i]);
    }
    assert_int_equal(sim_vif_stats(0)->tx_frames, ARRAY_SIZE(sizes));
    assert_int_equal(sim_vif_stats(0)->rx_frames, ARRAY_SIZE(sizes));
    stop();
}

static void test_frames_wait_on_the_wire_for_slots(void **state)
{
    (void)state;
    start((struct sim_conf){.vif[0].mtu_bytes = 65521});
    /* 40 frames of 16 slots: more than the ring has. */
    for (int i = 0; i < 15; i++)
        assert_true(sim_queue_put(&back, frame, 65535, NULL));
    for (int i = 0; i < 15; i++)
        assert_received(65535);
    assert_null(receive());
    assert_int_equal(sim_vif_stats(0)->rx_dropped, 0);
    stop();
}

static void test_order_of_random_steps_and_responses_loses_nothing(void **state)
{
    (void)state;
    uint64_t seed = test_seed(3);
    start((struct sim_conf){.seed = seed, .random = true});
    uint32_t sent = 0, came = 0;
    for (int i = 0; i < 4000; i++) {
        uint32_t len = 60 + (uint32_t)i % 1400;
        struct pkt *pkt = packet(frame, len);
        if (netdev_tx(dev, pkt) == 0)
            sent++;
        else
            pkt_put(pkt);
        netdev_tx_flush(dev);
        sim_queue_put(&back, frame, len, NULL);
        for (uint32_t s = sim_random(4); s != 0; s--)
            sim_step();
        struct pkt *got[8];
        unsigned n = netdev_rx(dev, got, 8);
        for (unsigned k = 0; k < n; k++)
            pkt_put(got[k]);
        came += n;
        if (!netdev_arm(dev))
            sim_run_until_idle();
        while (sim_queue_take(&far, seen, sizeof(seen), NULL) != 0)
            ;
    }
    for (struct pkt *pkt; (pkt = receive()) != NULL; came++)
        pkt_put(pkt);
    assert_int_equal(came, 4000);
    assert_int_equal(sim_vif_stats(0)->tx_frames, sent);
    assert_true(sent > 3000);
    stop();
}

static void test_bulk_needs_few_events(void **state)
{
    (void)state;
    start((struct sim_conf){0});
    uint64_t before = sim_vif_stats(0)->events_from + sim_vif_stats(0)->events_to;
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 64; i++)
            assert_int_equal(netdev_tx(dev, packet(frame, 1514)), 0);
        netdev_tx_flush(dev);
        sim_run_until_idle();
        netdev_arm(dev);
        while (sim_queue_take(&far, seen, sizeof(seen), NULL) != 0)
            ;
    }
    uint64_t events = sim_vif_stats(0)->events_from + sim_vif_stats(0)->events_to - before;
    assert_true(events <= 20 * 64 / 32); /* one in 32 slots */
    stop();
}

static void test_bulk_in_needs_few_events(void **state)
{
    (void)state;
    start((struct sim_conf){0});
    const struct sim_vif_stats *stats = sim_vif_stats(0);
    uint64_t before = stats->events_from + stats->events_to;
    for (int round = 0; round < 20; round++) {
        struct pkt *got[64];
        for (int i = 0; i < 64; i++)
            assert_true(sim_queue_put(&back, frame, 1514, NULL));
        sim_run_until_idle();
        assert_int_equal(netdev_rx(dev, got, 64), 64);
        for (int i = 0; i < 64; i++)
            pkt_put(got[i]);
        netdev_arm(dev);
    }
    assert_true(stats->events_from + stats->events_to - before <= 20 * 64 / 32);
    stop();
}

/* An event for one direction is none for the other: it comes on its own channel. */
static void test_each_direction_has_its_channel(void **state)
{
    (void)state;
    start((struct sim_conf){0});
    assert_int_not_equal(sim_vifs[0].queue[0].tx_port, sim_vifs[0].queue[0].rx_port);
    stop();
    start((struct sim_conf){.vif[0].no_split = true});
    assert_int_equal(sim_vifs[0].queue[0].tx_port, sim_vifs[0].queue[0].rx_port);
    stop();
}

/* ---- checksums ------------------------------------------------------------------------------ */

/* A UDP datagram whose checksum field holds the pseudo-header's sum only. */
static uint32_t blank_udp(void)
{
    uint32_t len = 14 + 20 + 8 + 100;
    struct cs f = cs_of(frame, len);
    cs_fill(f, 0x5a);
    cs_set_be16(f, 12, 0x0800);
    cs_set_be16(f, 14, 0x4500);
    cs_set_be16(f, 16, (uint16_t)(len - 14));
    cs_set_be32(f, 18, 0);
    cs_set_be16(f, 22, 0x4011);
    cs_set_be32(f, 26, 0x0a000001);
    cs_set_be32(f, 30, 0x0a000009);
    cs_set_be16(f, 38, 108);
    uint32_t sum = cksum_pseudo4(0x0a000001, 0x0a000009, 17, 108);
    cs_set_be16(f, 40, (uint16_t)~cksum_finish(sum));
    return len;
}

static struct pkt *blank_packet(uint32_t len)
{
    struct pkt *pkt = packet(frame, len);
    pkt->csum = PKT_CSUM_BLANK;
    pkt->csum_start = 34;
    pkt->csum_off = 6;
    return pkt;
}

static void test_blank_checksums_stay_blank_both_ways(void **state)
{
    (void)state;
    struct sim_meta csum;
    start((struct sim_conf){0});
    uint32_t len = blank_udp();
    assert_int_equal(netdev_tx(dev, blank_packet(len)), 0);
    netdev_tx_flush(dev);
    sim_run_until_idle();
    assert_int_equal(sim_queue_take(&far, seen, sizeof(seen), &csum), len);
    assert_true(csum.blank);
    assert_int_equal(csum.start, 34);
    assert_int_equal(csum.off, 6);
    assert_true(sim_queue_put(&back, frame, len, &csum));
    struct pkt *pkt = receive();
    assert_non_null(pkt);
    assert_int_equal(pkt->csum, PKT_CSUM_BLANK);
    pkt_put(pkt);
    csum = (struct sim_meta){.validated = true};
    assert_true(sim_queue_put(&back, frame, len, &csum));
    pkt = receive();
    assert_int_equal(pkt->csum, PKT_CSUM_VALIDATED);
    pkt_put(pkt);
    stop();
}

static void test_a_wrong_pseudo_header_sum_is_a_fault(void **state)
{
    (void)state;
    start((struct sim_conf){0});
    uint32_t len = blank_udp();
    frame[41] ^= 1;
    assert_int_equal(netdev_tx(dev, blank_packet(len)), 0);
    netdev_tx_flush(dev);
    sim_run_until_idle();
    assert_int_equal(sim_fault_count(), 1);
    sim_fault_clear();
    stop();
}

/* ---- life ----------------------------------------------------------------------------------- */

static void test_close_and_open_again(void **state)
{
    (void)state;
    start((struct sim_conf){0});
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sim_vif_state(0), XenbusStateConnected);
        send(frame, 100);
        assert_int_equal(sim_queue_take(&far, seen, sizeof(seen), NULL), 100);
        netfront_close(dev);
        assert_int_equal(sim_vif_state(0), XenbusStateClosed);
        assert_int_equal(open_device(), 0);
    }
    stop();
}

static void test_detach_takes_the_link_down_and_the_device_away(void **state)
{
    (void)state;
    char text[8];
    start((struct sim_conf){0});
    sim_vif_detach(0);
    for (int i = 0; i < 20 && dev->link_up; i++) {
        netdev_arm(dev);
        plat_wait(plat_now_ns() + NS_PER_MS);
    }
    assert_false(dev->link_up);
    netfront_close(dev);
    sim_run_until_idle();
    assert_int_equal(sim_xs_read("/local/domain/0/backend/vif/1/0/state", text, 8), -E_NOENT);
    simguest_shutdown();
    sim_queue_fini(&back);
    sim_queue_fini(&far);
}

/* ---- guests that break the protocol --------------------------------------------------------- */

static void request(uint32_t gref, uint16_t offset, uint16_t flags, uint16_t id, uint16_t size)
{
    struct netif_tx_sring *ring = sim_vifs[0].queue[0].tx;
    ring->ring[ring->req_prod++ % NETBACK_SLOTS].req =
        (struct netif_tx_request){gref, offset, flags, id, size};
}

static void assert_fault(const char *text)
{
    sim_vifs[0].queue[0].tx_due = true;
    sim_vif_step_tx(0, 256);
    if (sim_fault_count() == 0 || strstr(sim_fault_text(), text) == NULL)
        fail_msg("expected a fault \"%s\", there is \"%s\"", text, sim_fault_text());
    sim_fault_clear();
}

/* The guest's own state no longer fits the ring: it is dropped with the machine. */
static void drop(void)
{
    sim_fini();
    sim_queue_fini(&back);
    sim_queue_fini(&far);
    *start_get() = (struct start){0};
}

static void test_what_no_guest_may_do_is_a_fault(void **state)
{
    (void)state;
    static const struct {
        const char *fault;
        struct netif_tx_request r[3];
        unsigned n;
    } cases[] = {
        {"does not allow", {{2000, 0, 0, 1, 60}}, 1},
        {"crosses a page's end", {{9, 4000, 0, 1, 100}}, 1},
        {"crosses a page's end", {{9, 0, NETTXF_more_data, 1, 300}, {9, 4000, 0, 2, 100}}, 2},
        {"slots exceed the frame", {{9, 0, NETTXF_more_data, 1, 50}, {9, 0, 0, 2, 60}}, 2},
        {"in flight already", {{9, 0, NETTXF_more_data, 1, 300}, {9, 0, 0, 1, 100}}, 2},
        {"not all published", {{9, 0, NETTXF_more_data, 1, 300}}, 1},
        {"not all published", {{9, 0, NETTXF_extra_info, 1, 300}}, 1},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        start((struct sim_conf){0});
        for (unsigned k = 0; k < cases[i].n; k++) {
            const struct netif_tx_request *r = &cases[i].r[k];
            request(r->gref, r->offset, r->flags, r->id, r->size);
        }
        assert_fault(cases[i].fault);
        drop();
    }
}

/* Extra info in the next slot of the ring. */
static void request_extra(uint8_t type, uint8_t flags, uint16_t gso_size, uint8_t gso_type)
{
    struct netif_tx_sring *ring = sim_vifs[0].queue[0].tx;
    struct netif_extra_info extra = {
        .type = type, .flags = flags, .u.gso = {.size = gso_size, .type = gso_type}};
    memcpy(&ring->ring[ring->req_prod++ % NETBACK_SLOTS], &extra, sizeof(extra));
}

/* As Linux's xen-netback: types it does not know, chains without end, segments of no size or of an
 * unknown protocol are fatal. */
static void test_extra_info_that_no_guest_may_send_is_a_fault(void **state)
{
    (void)state;
    enum { MORE = XEN_NETIF_EXTRA_FLAG_MORE, GSO = XEN_NETIF_EXTRA_TYPE_GSO };
    static const struct {
        const char *fault;
        uint8_t type, flags;
        uint16_t size;
        uint8_t gso_type;
        unsigned times;
    } cases[] = {
        {"no known type", XEN_NETIF_EXTRA_TYPE_NONE, 0, 0, 0, 1},
        {"no known type", XEN_NETIF_EXTRA_TYPE_MAX, 0, 0, 0, 1},
        {"not all published", GSO, MORE, 1000, 1, 1},
        {"too many slots of extra info", GSO, MORE, 1000, 1, 5},
        {"no size", GSO, 0, 0, 1, 1},
        {"no protocol", GSO, 0, 1000, XEN_NETIF_GSO_TYPE_TCPV6, 1},
        {"no protocol", GSO, 0, 1000, XEN_NETIF_GSO_TYPE_NONE, 1},
        {"no feature allows", XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 0, 0, 0, 1},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        start((struct sim_conf){0});
        uint8_t *page = page_get(&pages)->base;
        gref_t gref;
        assert_int_equal(gnttab_grant(&start_get()->gt, 0, virt_to_gfn(page), true, &gref), 0);
        request(gref, 0, NETTXF_extra_info, 1, 300);
        for (unsigned k = 0; k < cases[i].times; k++)
            request_extra(cases[i].type, cases[i].flags, cases[i].size, cases[i].gso_type);
        assert_fault(cases[i].fault);
        drop();
    }
}

static void test_too_many_slots_and_a_ring_run_ahead_are_faults(void **state)
{
    (void)state;
    start((struct sim_conf){0});
    for (uint16_t i = 0; i < 19; i++)
        request(9, 0, i < 18 ? NETTXF_more_data : 0, (uint16_t)(300 + i), i == 0 ? 60000 : 10);
    assert_fault("too many slots");
    drop();
    start((struct sim_conf){0});
    sim_vifs[0].queue[0].tx->req_prod += NETBACK_SLOTS + 1;
    assert_fault("run ahead");
    drop();
}

/* Responses to slots of extra info say nothing, and come behind the first slot's. */
static void test_every_slot_is_answered(void **state)
{
    (void)state;
    start((struct sim_conf){0});
    struct netif_tx_sring *ring = sim_vifs[0].queue[0].tx;
    uint32_t at = ring->rsp_prod;
    struct page *page = page_get(&pages);
    gref_t gref;
    assert_int_equal(gnttab_grant(&start_get()->gt, 0, virt_to_gfn(page->base), true, &gref), 0);
    memcpy(page->base, frame, 1000);
    request(gref, 0, NETTXF_extra_info | NETTXF_more_data, 100, 600);
    request_extra(XEN_NETIF_EXTRA_TYPE_HASH, 0, 0, 0);
    request(gref, 0, 0, 101, 100);
    sim_vifs[0].queue[0].tx_due = true;
    sim_vif_step_tx(0, 256);
    assert_int_equal(ring->rsp_prod - at, 3);
    assert_int_equal(ring->ring[at % NETBACK_SLOTS].rsp.id, 100);
    assert_int_equal(ring->ring[at % NETBACK_SLOTS].rsp.status, NETIF_RSP_OKAY);
    assert_int_equal(ring->ring[(at + 1) % NETBACK_SLOTS].rsp.status, NETIF_RSP_NULL);
    assert_int_equal(ring->ring[(at + 2) % NETBACK_SLOTS].rsp.id, 101);
    assert_int_equal(sim_fault_count(), 0);
    drop();
}

/* What a frontend says of its queues and channels, and cannot be used. */
static void test_keys_that_cannot_be_used_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *fault, *key, *value;
    } cases[] = {
        {"multi-queue-num-queues", "multi-queue-num-queues", "0"},
        {"multi-queue-num-queues", "multi-queue-num-queues", "3"},
        {"tx-ring-ref", "tx-ring-ref", "7777"},
        {"rx-ring-ref", "rx-ring-ref", ""},
        {"event-channel", "event-channel-tx", "77"},
        {"request-rx-copy", "request-rx-copy", "0"},
        {"feature-rx-notify", "feature-rx-notify", "0"},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        start((struct sim_conf){.vif[0].queues_max = 2});
        sim_vif_disconnect(&sim_vifs[0]);
        sim_xs_write(sim_vif_front(&sim_vifs[0], cases[i].key), "%s", cases[i].value);
        assert_false(sim_vif_connect(&sim_vifs[0]));
        if (strstr(sim_fault_text(), cases[i].fault) == NULL)
            fail_msg("expected a fault \"%s\", there is \"%s\"", cases[i].fault, sim_fault_text());
        assert_false(sim_vifs[0].b.connected);
        sim_fault_clear();
        drop();
    }
}

/* Without feature-rx-notify no event says that slots were posted: netback looks by itself. */
static void test_a_frontend_that_sends_no_events_is_polled(void **state)
{
    (void)state;
    start((struct sim_conf){.vif[0].rx_poll = true});
    sim_vif_disconnect(&sim_vifs[0]);
    sim_xs_rm(sim_vif_front(&sim_vifs[0], "feature-rx-notify"));
    assert_true(sim_vif_connect(&sim_vifs[0])); /* the same rings, by another end of them */
    assert_true(sim_queue_put(&back, frame, 100, NULL));
    assert_received(100);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_of_every_size_pass_both_ways),
        cmocka_unit_test(test_frames_wait_on_the_wire_for_slots),
        cmocka_unit_test(test_order_of_random_steps_and_responses_loses_nothing),
        cmocka_unit_test(test_bulk_needs_few_events),
        cmocka_unit_test(test_bulk_in_needs_few_events),
        cmocka_unit_test(test_each_direction_has_its_channel),
        cmocka_unit_test(test_blank_checksums_stay_blank_both_ways),
        cmocka_unit_test(test_a_wrong_pseudo_header_sum_is_a_fault),
        cmocka_unit_test(test_close_and_open_again),
        cmocka_unit_test(test_detach_takes_the_link_down_and_the_device_away),
        cmocka_unit_test(test_what_no_guest_may_do_is_a_fault),
        cmocka_unit_test(test_too_many_slots_and_a_ring_run_ahead_are_faults),
        cmocka_unit_test(test_extra_info_that_no_guest_may_send_is_a_fault),
        cmocka_unit_test(test_every_slot_is_answered),
        cmocka_unit_test(test_keys_that_cannot_be_used_are_refused),
        cmocka_unit_test(test_a_frontend_that_sends_no_events_is_polled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
