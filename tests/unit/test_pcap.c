/* SPDX-License-Identifier: ISC */
/* test_pcap.c - captures: the bytes of the file, what the device writes, and the simulator's
 * wire that reads them back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/loopback.h>
#include <morgana/pcap.h>

#include "platform/sim/wire.h"

enum { PAGES = 16, PKTS = 16 };

static _Alignas(PAGE_BYTES) uint8_t memory[PAGES * PAGE_BYTES];
static struct page headers[PAGES];
static struct pkt pkts[PKTS];
static struct page_pool pages;
static struct pkt_pool pool;
static struct loopback loop;
static struct pcap pcap;
static struct netdev *inner, *dev;
static uint8_t file[140000];
static size_t file_len, file_max;

static bool write_file(void *arg, struct cs_ro bytes)
{
    assert_ptr_equal(arg, file);
    if (bytes.len > file_max - file_len)
        return false;
    memcpy(file + file_len, bytes.base, bytes.len);
    file_len += bytes.len;
    return true;
}

static uint64_t wall(void)
{
    return 1700000000 * NS_PER_S + 123456789;
}

static void start(bool nanoseconds, uint32_t snap)
{
    struct pcap_conf conf = {.write = write_file,
                             .arg = file,
                             .wall_ns = wall,
                             .nanoseconds = nanoseconds,
                             .snap_bytes = snap};
    file_len = 0;
    file_max = sizeof(file);
    page_pool_init(&pages, headers, memory, PAGES);
    pkt_pool_init(&pool, pkts, PKTS, &pages);
    assert_int_equal(loopback_open(&loop, &(struct loopback_conf){.mtu_bytes = 9000}, &inner), 0);
    assert_int_equal(pcap_open(&pcap, &conf, inner, &dev), 0);
}

static void stop(void)
{
    loopback_close(&loop);
    assert_int_equal(pages.free_count, PAGES);
    assert_int_equal(pool.free_count, PKTS);
}

static struct pkt *packet(uint32_t len, uint8_t byte)
{
    struct pkt *pkt = pkt_alloc(&pool, 0, len);
    memset(pkt->frag[0].page->base, byte, len);
    return pkt;
}

static uint32_t word(size_t at)
{
    return cs_get_he32(cs_ro_of(file, file_len), at);
}

static void test_the_header_and_records_are_pcaps(void **state)
{
    (void)state;
    for (int ns = 0; ns < 2; ns++) {
        start(ns == 1, 0);
        assert_int_equal(file_len, 24);
        assert_int_equal(word(0), ns == 1 ? 0xa1b23c4d : 0xa1b2c3d4);
        assert_int_equal(word(4), 0x00040002); /* version 2.4 */
        assert_int_equal(word(16), PCAP_SNAP_MAX);
        assert_int_equal(word(20), 1); /* Ethernet */
        assert_int_equal(netdev_tx(dev, packet(60, 0xaa)), 0);
        assert_int_equal(file_len, 24 + 16 + 60);
        assert_int_equal(word(24), 1700000000);
        assert_int_equal(word(28), ns == 1 ? 123456789 : 123456);
        assert_int_equal(word(32), 60);
        assert_int_equal(word(36), 60);
        assert_int_equal(file[40], 0xaa);
        assert_int_equal(file[99], 0xaa);
        stop();
    }
}

static void test_what_is_received_is_written_once_more(void **state)
{
    (void)state;
    struct pkt *pkt;
    start(true, 0);
    assert_int_equal(netdev_tx(dev, packet(60, 1)), 0);
    assert_int_equal(netdev_rx(dev, &pkt, 1), 1);
    pkt_put(pkt);
    assert_int_equal(pcap.frames, 2);
    assert_int_equal(file_len, 24 + 2 * 76);
    stop();
}

static void test_a_refused_frame_is_not_written(void **state)
{
    (void)state;
    start(true, 0);
    loop.queue_max = 1;
    assert_int_equal(netdev_tx(dev, packet(60, 1)), 0);
    struct pkt *pkt = packet(60, 2);
    assert_int_equal(netdev_tx(dev, pkt), -E_AGAIN);
    pkt_put(pkt);
    assert_int_equal(pcap.frames, 1);
    stop();
}

static void test_long_frames_are_cut_and_fragments_joined(void **state)
{
    (void)state;
    start(true, 100);
    struct pkt *pkt = packet(60, 1);
    struct page *page = page_get(&pages);
    memset(page->base, 2, 500);
    assert_int_equal(pkt_append_take(pkt, page, 0, 500), 0);
    assert_int_equal(netdev_tx(dev, pkt), 0);
    assert_int_equal(word(32), 100);
    assert_int_equal(word(36), 560);
    assert_int_equal(file_len, 24 + 16 + 100);
    assert_int_equal(file[24 + 16 + 59], 1);
    assert_int_equal(file[24 + 16 + 60], 2);
    stop();
}

static void test_the_longest_super_segment_is_one_whole_record(void **state)
{
    (void)state;
    struct loopback_conf conf = {.csum = true, .gso_max_bytes = 65535};
    struct pkt *pkt, *got;
    start(true, 0);
    assert_int_equal(loopback_open(&loop, &conf, &inner), 0);
    assert_int_equal(netdev_rx(dev, &got, 1), 0); /* its caps are the device's again */
    assert_int_equal(dev->caps.gso_max_bytes, 65535);
    pkt = pkt_alloc(&pool, 0, 54);
    memset(pkt->frag[0].page->base, 0, 54);
    pkt->frag[0].page->base[12] = 8; /* IPv4 */
    pkt->frag[0].page->base[46] = 5 << 4;
    struct page *page = page_get(&pages); /* the same one again and again: there are few */
    memset(page->base, 7, PAGE_BYTES);
    for (uint32_t left = 65535 - 40, n; left != 0; left -= n) {
        n = u32_min(left, PAGE_BYTES);
        assert_int_equal(pkt_append(pkt, page, 0, n), 0);
    }
    page_put(page);
    pkt->csum = PKT_CSUM_BLANK;
    pkt->csum_start = 34;
    pkt->csum_off = 16;
    pkt->gso_size = 1460;
    assert_int_equal(netdev_tx(dev, pkt), 0);
    assert_int_equal(word(32), 65549);
    assert_int_equal(word(36), 65549);
    assert_int_equal(file_len, 24 + 16 + 65549);
    assert_int_equal(netdev_rx(dev, &got, 1), 1);
    assert_int_equal(got->gso_size, 1460);
    pkt_put(got);
    assert_int_equal(file_len, 24 + 2 * (16 + 65549));
    stop();
}

static void test_a_full_disk_ends_the_capture_and_nothing_else(void **state)
{
    (void)state;
    start(true, 0);
    file_max = 50;
    assert_int_equal(netdev_tx(dev, packet(60, 1)), 0);
    file_max = sizeof(file);
    assert_int_equal(netdev_tx(dev, packet(60, 2)), 0);
    assert_true(pcap.ended);
    assert_int_equal(loop.queue.count, 2);
    assert_int_equal(file_len, 40);
    stop();
}

static void test_conf_is_checked(void **state)
{
    (void)state;
    assert_int_equal(pcap_init(&pcap, &(struct pcap_conf){0}), -E_INVAL);
    assert_int_equal(
        pcap_init(&pcap, &(struct pcap_conf){.write = write_file, .snap_bytes = PCAP_SNAP_MAX + 1}),
        -E_INVAL);
}

/* ---- the simulator's wire ------------------------------------------------------------------- */

static void test_a_wire_plays_a_capture_in_both_byte_orders(void **state)
{
    (void)state;
    for (int swapped = 0; swapped < 2; swapped++) {
        char path[] = "/tmp/morgana-pcap-XXXXXX";
        uint8_t got[200];
        struct iovec iov = {got, sizeof(got)};
        struct sim_meta csum;
        struct sim_pcap in;
        start(true, 0);
        assert_int_equal(netdev_tx(dev, packet(60, 7)), 0);
        assert_int_equal(netdev_tx(dev, packet(61, 8)), 0);
        for (size_t at = 0; swapped == 1 && at < 176; at += at == 24 + 12 ? 64 : 4)
            cs_set_he32(cs_of(file, sizeof(file)), at, __builtin_bswap32(word(at)));
        int fd = mkstemp(path);
        assert_int_equal(write(fd, file, file_len), (ssize_t)file_len);
        close(fd);
        stop();
        assert_int_equal(sim_pcap_open(&in, path), 0);
        unlink(path);
        assert_int_equal(in.wire.recv(&in.wire, &iov, 1, &csum), 60);
        assert_int_equal(got[59], 7);
        if (swapped == 0) {
            assert_int_equal(in.wire.recv(&in.wire, &iov, 1, &csum), 61);
            assert_int_equal(got[60], 8);
        }
        assert_int_equal(in.wire.recv(&in.wire, &iov, 1, &csum), swapped == 0 ? 0 : 61);
        sim_pcap_close(&in);
    }
    struct sim_pcap in;
    assert_int_equal(sim_pcap_open(&in, "/dev/null"), -E_PROTO);
    assert_int_equal(sim_pcap_open(&in, "/nonexistent"), -E_NOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_header_and_records_are_pcaps),
        cmocka_unit_test(test_what_is_received_is_written_once_more),
        cmocka_unit_test(test_a_refused_frame_is_not_written),
        cmocka_unit_test(test_long_frames_are_cut_and_fragments_joined),
        cmocka_unit_test(test_the_longest_super_segment_is_one_whole_record),
        cmocka_unit_test(test_a_full_disk_ends_the_capture_and_nothing_else),
        cmocka_unit_test(test_conf_is_checked),
        cmocka_unit_test(test_a_wire_plays_a_capture_in_both_byte_orders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
