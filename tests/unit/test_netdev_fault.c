/* SPDX-License-Identifier: ISC */
/* test_netdev_fault.c - the fault device: each fault does what it says, the seed decides,
 * nothing leaks. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/cksum.h>
#include <morgana/fault.h>
#include <morgana/loopback.h>

enum { PAGES = 64, PKTS = 64, ENTRIES = 32 };

static _Alignas(PAGE_BYTES) uint8_t memory[PAGES * PAGE_BYTES];
static struct page headers[PAGES];
static struct pkt pkts[PKTS];
static struct page_pool pages;
static struct pkt_pool pool;
static struct loopback near, far;
static struct netdev *near_dev, *far_dev, *dev;
static struct fault fault;
static struct fault_entry entries[ENTRIES];

/* dev stands before one end of a cable; far_dev is the other end. */
static void start(struct fault_dir tx, struct fault_dir rx)
{
    struct loopback_conf cable = {.csum = true, .mtu_bytes = 9000};
    struct fault_conf conf = {.seed = 42,
                              .now_ns = plat_now_ns,
                              .entries = entries,
                              .entries_max = ENTRIES,
                              .tx = tx,
                              .rx = rx};
    vplat_reset(1);
    page_pool_init(&pages, headers, memory, PAGES);
    pkt_pool_init(&pool, pkts, PKTS, &pages);
    assert_int_equal(loopback_open(&near, &cable, &near_dev), 0);
    assert_int_equal(loopback_open(&far, &cable, &far_dev), 0);
    loopback_join(&near, &far);
    assert_int_equal(fault_open(&fault, &conf, near_dev, &dev), 0);
}

static void stop(void)
{
    fault_close(&fault);
    loopback_close(&near);
    loopback_close(&far);
    assert_int_equal(pages.free_count, PAGES);
    assert_int_equal(pool.free_count, PKTS);
}

static struct pkt *packet(uint32_t len, uint8_t number)
{
    struct pkt *pkt = pkt_alloc(&pool, 0, len);
    memset(pkt->frag[0].page->base, number, len);
    return pkt;
}

static void send(struct netdev *to, uint32_t len, uint8_t number)
{
    assert_int_equal(netdev_tx(to, packet(len, number)), 0);
    netdev_tx_flush(to);
}

/* The first byte of the next frame; -1 where there is none. */
static int next(struct netdev *from, uint32_t *len)
{
    struct pkt *pkt;
    uint8_t byte = 0;
    if (netdev_rx(from, &pkt, 1) == 0)
        return -1;
    pkt_read(pkt, 0, cs_of(&byte, 1));
    if (len != NULL)
        *len = pkt->len;
    pkt_put(pkt);
    return byte;
}

static void test_all_zero_changes_nothing(void **state)
{
    (void)state;
    start((struct fault_dir){0}, (struct fault_dir){0});
    for (uint8_t i = 0; i < 20; i++) {
        send(dev, 100, i);
        assert_int_equal(next(far_dev, NULL), i);
        send(far_dev, 100, i);
        assert_int_equal(next(dev, NULL), i);
    }
    assert_int_equal(next(dev, NULL), -1);
    assert_true(fault_poll_at(&fault) == NS_NEVER);
    assert_int_equal(dev->stats.tx_packets, 20);
    stop();
}

static void test_loss_takes_its_share_by_the_seed(void **state)
{
    (void)state;
    uint64_t first = 0;
    for (int run = 0; run < 2; run++) {
        start((struct fault_dir){.loss_ppm = 300000},
              (struct fault_dir){.loss_ppm = FAULT_MILLION});
        uint32_t came = 0;
        for (uint32_t i = 0; i < 1000; i++) {
            send(dev, 60, 1);
            came += next(far_dev, NULL) == 1;
        }
        assert_in_range(came, 640, 760);
        assert_int_equal(fault.tx_stats.lost, 1000 - came);
        assert_true(run == 0 || first == came); /* the same seed, the same fate */
        first = came;
        send(far_dev, 60, 1);
        assert_int_equal(next(dev, NULL), -1);
        assert_int_equal(fault.rx_stats.lost, 1);
        stop();
    }
}

static void test_duplicates_come_after_the_first(void **state)
{
    (void)state;
    struct fault_dir twice = {.duplicate_ppm = FAULT_MILLION};
    start(twice, twice);
    send(dev, 60, 5);
    assert_int_equal(next(far_dev, NULL), 5);
    assert_int_equal(next(far_dev, NULL), 5);
    assert_int_equal(next(far_dev, NULL), -1);
    send(far_dev, 60, 6);
    assert_int_equal(next(dev, NULL), 6);
    assert_int_equal(next(dev, NULL), 6);
    assert_int_equal(next(dev, NULL), -1);
    assert_int_equal(fault.tx_stats.duplicated + fault.rx_stats.duplicated, 2);
    stop();
}

static void test_delay_is_in_the_callers_time(void **state)
{
    (void)state;
    start((struct fault_dir){.delay_ns = 5000}, (struct fault_dir){.delay_ns = 7000});
    uint64_t now = plat_now_ns();
    send(dev, 60, 1);
    send(far_dev, 60, 2);
    assert_int_equal(next(dev, NULL), -1);
    assert_true(fault_poll_at(&fault) == now + 5000);
    vplat_set_now(now + 4999);
    assert_false(netdev_arm(dev));
    assert_int_equal(next(far_dev, NULL), -1);
    vplat_set_now(now + 5000);
    netdev_tx_flush(dev);
    assert_int_equal(next(far_dev, NULL), 1);
    assert_int_equal(next(dev, NULL), -1);
    vplat_set_now(now + 7000);
    assert_true(netdev_arm(dev));
    assert_int_equal(next(dev, NULL), 2);
    stop();
}

static void test_reordered_frames_are_overtaken(void **state)
{
    (void)state;
    start((struct fault_dir){.reorder_ppm = FAULT_MILLION}, (struct fault_dir){0});
    send(dev, 60, 1);
    fault.conf.tx.reorder_ppm = 0;
    send(dev, 60, 2);
    assert_int_equal(next(far_dev, NULL), 2);
    assert_int_equal(next(far_dev, NULL), -1);
    vplat_advance(NS_PER_MS);
    netdev_tx_flush(dev);
    assert_int_equal(next(far_dev, NULL), 1);
    stop();
}

static unsigned bits_changed(const struct pkt *pkt, uint8_t was)
{
    unsigned bits = 0;
    for (uint32_t i = 0; i < pkt->len; i++) {
        uint8_t byte = 0;
        pkt_read(pkt, i, cs_of(&byte, 1));
        bits += (unsigned)__builtin_popcount((unsigned)(byte ^ was));
    }
    return bits;
}

static void test_corruption_spoils_a_copy_and_can_be_found(void **state)
{
    (void)state;
    start((struct fault_dir){.corrupt_ppm = FAULT_MILLION}, (struct fault_dir){0});
    unsigned harmed = 0;
    for (int i = 0; i < 50; i++) {
        struct pkt *pkt = packet(200, 0x11), *keep = pkt_share(pkt, 0, 200), *got;
        pkt->csum = PKT_CSUM_VALIDATED;
        assert_int_equal(netdev_tx(dev, pkt), 0);
        netdev_tx_flush(dev);
        assert_int_equal(netdev_rx(far_dev, &got, 1), 1);
        assert_int_equal(bits_changed(keep, 0x11), 0); /* the sender's own page is not touched */
        harmed += bits_changed(got, 0x11) != 0;        /* the same bit may be turned twice */
        assert_in_range(bits_changed(got, 0x11), 0, 3);
        assert_int_equal(got->csum, PKT_CSUM_UNKNOWN); /* nobody vouches for it */
        pkt_put(keep);
        pkt_put(got);
    }
    assert_in_range(harmed, 45, 50);
    stop();
}

static void test_mtu_and_trailing_bytes(void **state)
{
    (void)state;
    uint32_t len = 0;
    start((struct fault_dir){.mtu_bytes = 1500},
          (struct fault_dir){.trailing_ppm = FAULT_MILLION, .trailing_bytes = 46});
    send(dev, 1514, 1);
    assert_int_equal(next(far_dev, NULL), 1);
    send(dev, 1515, 1);
    assert_int_equal(next(far_dev, NULL), -1);
    assert_int_equal(fault.tx_stats.too_long, 1);
    send(far_dev, 60, 2);
    assert_int_equal(next(dev, &len), 2);
    assert_in_range(len, 61, 106);
    stop();
}

static void test_what_the_device_refuses_stays_the_callers(void **state)
{
    (void)state;
    start((struct fault_dir){.duplicate_ppm = 500000}, (struct fault_dir){0});
    far.queue_max = 1;
    for (uint8_t i = 0; i < 10; i++) {
        struct pkt *pkt = packet(60, i);
        int err = netdev_tx(dev, pkt);
        assert_int_equal(err, i == 0 ? 0 : -E_AGAIN);
        if (err != 0)
            pkt_put(pkt);
    }
    /* A frame that was refused was not counted, nor doubled. */
    assert_int_equal(fault.tx_stats.passed, 1);
    assert_in_range(fault.tx_stats.duplicated, 0, 1);
    stop();
}

static void test_a_full_list_drops_and_counts(void **state)
{
    (void)state;
    start((struct fault_dir){.delay_ns = 1000}, (struct fault_dir){0});
    for (int i = 0; i < ENTRIES + 5; i++)
        send(dev, 60, 1);
    assert_int_equal(fault.tx_stats.no_room, 5);
    stop();
}

/* ---- super-segments -------------------------------------------------------------------------- */

/* Headers of 54 bytes and 2,000 of payload; its first byte is `number`. */
static struct pkt *super_segment(uint8_t number)
{
    struct pkt *pkt = packet(2054, 0);
    pkt->frag[0].page->base[0] = number;
    pkt->frag[0].page->base[12] = 8; /* IPv4 */
    pkt->frag[0].page->base[13] = 0;
    pkt->frag[0].page->base[46] = 5 << 4;
    pkt->csum = PKT_CSUM_BLANK;
    pkt->csum_start = 34;
    pkt->csum_off = 16;
    pkt->gso_size = 1000;
    return pkt;
}

static void start_gso(struct fault_dir rx)
{
    struct loopback_conf cable = {.csum = true, .gso_max_bytes = 65535};
    struct fault_conf conf = {
        .seed = 7, .now_ns = plat_now_ns, .entries = entries, .entries_max = ENTRIES, .rx = rx};
    start((struct fault_dir){0}, (struct fault_dir){0});
    assert_int_equal(loopback_open(&near, &cable, &near_dev), 0);
    assert_int_equal(loopback_open(&far, &cable, &far_dev), 0);
    loopback_join(&near, &far);
    assert_int_equal(fault_open(&fault, &conf, near_dev, &dev), 0);
}

/* Faults strike frames as they are on the wire, so nothing longer is taken. */
static void test_no_super_segment_is_taken_for_sending(void **state)
{
    (void)state;
    start_gso((struct fault_dir){0});
    assert_int_equal(near_dev->caps.gso_max_bytes, 65535);
    assert_int_equal(dev->caps.gso_max_bytes, 0);
    struct pkt *pkt = super_segment(1);
    assert_int_equal(netdev_tx(dev, pkt), -E_INVAL);
    pkt_put(pkt);
    assert_int_equal(next(far_dev, NULL), -1);
    send(dev, 60, 2); /* and stays so, whatever the device behind says */
    assert_int_equal(next(far_dev, NULL), 2);
    assert_int_equal(netdev_rx(dev, &pkt, 1), 0);
    (void)netdev_arm(dev);
    assert_int_equal(dev->caps.gso_max_bytes, 0);
    stop();
}

static void test_a_super_segment_that_comes_is_judged_by_its_segments(void **state)
{
    (void)state;
    struct pkt *got[2];
    start_gso((struct fault_dir){.mtu_bytes = 1040, .duplicate_ppm = FAULT_MILLION});
    assert_true(dev->caps.gso_rx);
    assert_int_equal(netdev_tx(far_dev, super_segment(3)), 0);
    assert_int_equal(netdev_rx(dev, got, 2), 1);
    assert_int_equal(netdev_rx(dev, got + 1, 1), 1); /* the second one is what the first was */
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(got[i]->gso_size, 1000);
        assert_int_equal(got[i]->csum, PKT_CSUM_BLANK);
        pkt_put(got[i]);
    }
    fault.conf.rx = (struct fault_dir){.mtu_bytes = 1039};
    assert_int_equal(netdev_tx(far_dev, super_segment(4)), 0);
    assert_int_equal(next(dev, NULL), -1);
    assert_int_equal(fault.rx_stats.too_long, 1);
    fault.conf.rx = (struct fault_dir){.corrupt_ppm = FAULT_MILLION};
    assert_int_equal(netdev_tx(far_dev, super_segment(5)), 0);
    assert_int_equal(netdev_rx(dev, got, 1), 1);
    assert_int_equal(got[0]->gso_size, 1000);
    assert_int_equal(got[0]->csum, PKT_CSUM_UNKNOWN); /* its checksum will not be right */
    pkt_put(got[0]);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_zero_changes_nothing),
        cmocka_unit_test(test_loss_takes_its_share_by_the_seed),
        cmocka_unit_test(test_duplicates_come_after_the_first),
        cmocka_unit_test(test_delay_is_in_the_callers_time),
        cmocka_unit_test(test_reordered_frames_are_overtaken),
        cmocka_unit_test(test_corruption_spoils_a_copy_and_can_be_found),
        cmocka_unit_test(test_mtu_and_trailing_bytes),
        cmocka_unit_test(test_what_the_device_refuses_stays_the_callers),
        cmocka_unit_test(test_a_full_list_drops_and_counts),
        cmocka_unit_test(test_no_super_segment_is_taken_for_sending),
        cmocka_unit_test(test_a_super_segment_that_comes_is_judged_by_its_segments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
