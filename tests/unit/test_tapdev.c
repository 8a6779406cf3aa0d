/* SPDX-License-Identifier: ISC */
/* test_tapdev.c - a TAP device as a netdev, against Linux itself: its TCP sends and takes
 * super-segments. In a network namespace of the test's own; skipped where none can be made.
 *
 * The other end of Linux's connection is in this file: it opens by three segments and then only
 * acknowledges.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/cksum.h>

#include "platform/sim/wire.h"
#include "platform/tap/tapdev.h"

#define OURS 0x0a090002u
#define LINUX 0x0a090001u
enum {
    PAGES = 400,
    PKTS = 64,
    HEADERS = 54,
    SYN = 2,
    PSH = 8,
    ACK = 16,
    CWR = 128,
    PORT = 5001,
    MSS = 536 /* where the SYN-ACK names none */
};

static _Alignas(PAGE_BYTES) uint8_t memory[PAGES * PAGE_BYTES];
static struct page headers[PAGES];
static struct pkt pkts[PKTS];
static struct page_pool pages;
static struct pkt_pool pool;
static struct sim_tap tap;
static struct tapdev tapdev;
static struct netdev *dev;
static bool has_namespace;
static int control; /* a socket to configure by */
static uint8_t linux_mac[6];
static size_t seen; /* bytes that the tee saw */

static int enter(void **state)
{
    (void)state;
    has_namespace = unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
    int fd = open("/dev/net/tun", O_RDWR);
    if (fd < 0)
        has_namespace = false;
    else
        close(fd);
    control = socket(AF_INET, SOCK_DGRAM, 0);
    return 0;
}

static void set_flags(short flags)
{
    struct ifreq r = {.ifr_flags = flags};
    strcpy(r.ifr_name, "mtap0");
    assert_int_equal(ioctl(control, SIOCSIFFLAGS, &r), 0);
}

static void see(const struct iovec *iov, unsigned iov_count, size_t len)
{
    assert_true(iov_count >= 1 && iov[0].iov_base != NULL);
    seen += len;
}

/* Linux has 10.9.0.1 on the interface; no ARP: its frames have some address. */
static void open_as(uint32_t page_count, bool plain)
{
    char why[256];
    struct ifreq r = {0};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(LINUX)};
    if (!has_namespace)
        skip();
    if (sim_tap_open(&tap, "mtap0", why, sizeof(why)) < 0)
        fail_msg("%s", why);
    strcpy(r.ifr_name, "mtap0");
    memcpy(&r.ifr_addr, &in, sizeof(in));
    assert_int_equal(ioctl(control, SIOCSIFADDR, &r), 0);
    in.sin_addr.s_addr = htonl(0xffffff00);
    memcpy(&r.ifr_netmask, &in, sizeof(in));
    assert_int_equal(ioctl(control, SIOCSIFNETMASK, &r), 0);
    set_flags(IFF_UP | IFF_NOARP);
    page_pool_init(&pages, headers, memory, page_count);
    pkt_pool_init(&pool, pkts, PKTS, &pages);
    struct tapdev_conf conf = {.fd = tap.fd,
                               .mtu_bytes = 1500,
                               .pool = &pool,
                               .mac = {2, 0, 0, 0, 0, 2},
                               .plain = plain,
                               .tee = see};
    seen = 0;
    assert_int_equal(tapdev_open(&tapdev, &conf, &dev), 0);
}

static void open_with(uint32_t page_count)
{
    open_as(page_count, false);
}

static int stop(void **state)
{
    (void)state;
    if (dev == NULL) /* it was skipped */
        return 0;
    dev = NULL;
    tapdev_close(&tapdev);
    sim_tap_close(&tap);
    assert_int_equal(pages.free_count, pages.total);
    assert_int_equal(pool.free_count, PKTS);
    return 0;
}

/* ---- frames --------------------------------------------------------------------------------- */

static uint8_t byte_at(uint32_t i)
{
    return (uint8_t)(i * 7 + (i >> 8));
}

/* The headers of a TCP segment of `payload` bytes from us to Linux, its sum blank. */
static void emit(struct cs f, uint32_t payload, uint16_t port, uint32_t seq, uint32_t ack,
                 uint8_t flags)
{
    memset(f.base, 0, HEADERS);
    memcpy(f.base, linux_mac, 6); /* TCP takes nothing that was broadcast */
    cs_set_be16(f, 12, 0x0800);
    cs_set_be16(f, 14, 0x4500);
    cs_set_be16(f, 16, (uint16_t)(40 + payload));
    cs_set_be16(f, 22, 0x4006);
    cs_set_be32(f, 26, OURS);
    cs_set_be32(f, 30, LINUX);
    cs_set_be16(f, 24, cksum_finish(cksum_partial(cs_as_ro(cs_sub(f, 14, 20)), 0)));
    cs_set_be16(f, 34, PORT);
    cs_set_be16(f, 36, port);
    cs_set_be32(f, 38, seq);
    cs_set_be32(f, 42, ack);
    cs_set_be16(f, 46, (uint16_t)(0x5000 | flags));
    cs_set_be16(f, 48, 65535);
    uint32_t sum = cksum_pseudo4(OURS, LINUX, 6, (uint16_t)(20 + payload));
    cs_set_be16(f, 50, (uint16_t)~cksum_finish(sum));
}

static struct pkt *segment(uint32_t payload, uint16_t port, uint32_t seq, uint32_t ack,
                           uint8_t flags)
{
    struct pkt *pkt = pkt_alloc(&pool, 128, HEADERS);
    emit(pkt_frag_rw(pkt, 0), payload, port, seq, ack, flags);
    for (uint32_t at = 0, n; at < payload; at += n) {
        struct page *page = page_get(&pages);
        n = u32_min(payload - at, PAGE_BYTES);
        for (uint32_t i = 0; i < n; i++)
            page->base[i] = byte_at(at + i);
        assert_int_equal(pkt_append_take(pkt, page, 0, n), 0);
    }
    pkt->csum = PKT_CSUM_BLANK;
    pkt->csum_start = 34;
    pkt->csum_off = 16;
    return pkt;
}

/* The next TCP packet that Linux sent; other frames are put. */
static struct pkt *receive(struct cs_ro *front)
{
    for (int i = 0; i < 100; i++) {
        struct pkt *pkt;
        struct pollfd fd = {.fd = tap.fd, .events = POLLIN};
        assert_false(netdev_arm(dev));
        poll(&fd, 1, 50);
        if (netdev_rx(dev, &pkt, 1) == 0)
            continue;
        if (pkt_pull_up(pkt, HEADERS, front) && cs_get_be16(*front, 12) == 0x0800 &&
            cs_get_u8(*front, 23) == 6)
            return pkt;
        pkt_put(pkt);
    }
    fail_msg("Linux sent nothing");
    return NULL;
}

/* A connection of Linux's to us: the socket; what we send next and expect. */
struct conn {
    int fd;
    uint16_t port;
    uint32_t seq, ack;
};

static struct conn open_conn(void)
{
    struct conn c = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), .seq = 1000};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    struct cs_ro f;
    int one = 1;
    to.sin_addr.s_addr = htonl(OURS);
    setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    assert_int_equal(connect(c.fd, (struct sockaddr *)&to, sizeof(to)), -1);
    assert_int_equal(errno, EINPROGRESS);
    struct pkt *syn = receive(&f);
    assert_int_equal(cs_get_u8(f, 47), SYN);
    memcpy(linux_mac, f.base + 6, 6);
    c.port = cs_get_be16(f, 34);
    c.ack = cs_get_be32(f, 38) + 1;
    pkt_put(syn);
    assert_int_equal(netdev_tx(dev, segment(0, c.port, c.seq++, c.ack, SYN | ACK)), 0);
    pkt_put(receive(&f));
    return c;
}

/* ---- receiving ------------------------------------------------------------------------------ */

/* What Linux's TCP sends at once arrives at once: in whole pages, its sum blank. */
static void test_what_linux_sends_in_one_piece_arrives_so(void **state)
{
    (void)state;
    static uint8_t bytes[5360];
    struct cs_ro f;
    open_with(PAGES);
    assert_true(dev->caps.gso_rx);
    assert_true(dev->caps.csum_rx);
    struct conn c = open_conn();
    for (uint32_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = byte_at(i);
    assert_int_equal(write(c.fd, bytes, sizeof(bytes)), sizeof(bytes));
    uint32_t at = 0, longest = 0;
    while (at < sizeof(bytes)) {
        struct pkt *pkt = receive(&f);
        uint32_t n = pkt->len - HEADERS;
        uint8_t got[5360];
        assert_int_equal(pkt->csum, PKT_CSUM_BLANK);
        assert_int_equal(pkt->csum_start, 34);
        assert_int_equal(pkt->csum_off, 16);
        assert_int_equal(pkt->frag_count, (pkt->len + PAGE_BYTES - 1) / PAGE_BYTES);
        assert_int_equal(cs_get_be16(f, 16), 40 + n);
        assert_int_equal(pkt->gso_size, n > MSS ? MSS : 0);
        if (n > MSS)
            assert_int_equal(pkt_gso_headers(pkt), HEADERS); /* it could be sent on as it is */
        assert_true(n <= sizeof(bytes) - at);
        assert_true(pkt_read(pkt, HEADERS, cs_of(got, n)));
        assert_memory_equal(got, bytes + at, n);
        at += n;
        longest = n > longest ? n : longest;
        pkt_put(pkt);
    }
    assert_true(longest > MSS);
    close(c.fd);
}

static void test_a_short_frame_takes_one_page(void **state)
{
    (void)state;
    struct cs_ro f;
    open_with(PAGES);
    struct conn c = open_conn();
    assert_int_equal(write(c.fd, "hello", 5), 5);
    struct pkt *pkt = receive(&f);
    assert_int_equal(pkt->len, HEADERS + 5);
    assert_int_equal(pkt->gso_size, 0);
    assert_int_equal(pkt->frag_count, 1);
    /* the packet has one; and the device has what it reads into next */
    assert_true(pages.free_count >= PAGES - 1 - TAPDEV_PAGES);
    assert_int_equal(pool.stats.copied_bytes, 0);
    pkt_put(pkt);
    assert_true(seen > HEADERS + 5);
    assert_int_equal(seen, dev->stats.rx_bytes + dev->stats.tx_bytes);
    close(c.fd);
}

/* A handful of super-segments would empty it: Linux is asked to cut them up. */
static void test_a_small_pool_gets_no_super_segments(void **state)
{
    (void)state;
    static uint8_t bytes[1072];
    struct cs_ro f;
    open_with(TAPDEV_GSO_POOL_PAGES - 1);
    assert_false(dev->caps.gso_rx);
    assert_int_equal(dev->caps.gso_max_bytes, 65535); /* sending costs it nothing */
    struct conn c = open_conn();
    assert_int_equal(write(c.fd, bytes, sizeof(bytes)), sizeof(bytes));
    for (int i = 0; i < 2; i++) {
        struct pkt *pkt = receive(&f);
        assert_int_equal(pkt->len, HEADERS + MSS);
        assert_int_equal(pkt->gso_size, 0);
        pkt_put(pkt);
    }
    close(c.fd);
}

/* Asked to do without: Linux cuts and sums what it sends, and nothing may be left to it. */
static void test_a_plain_device_has_no_offloads(void **state)
{
    (void)state;
    static uint8_t bytes[1072];
    struct cs_ro f;
    open_as(PAGES, true);
    assert_false(dev->caps.gso_rx || dev->caps.csum_tx || dev->caps.csum_rx);
    assert_int_equal(dev->caps.gso_max_bytes, 0);
    struct conn c = open_conn();
    assert_int_equal(write(c.fd, bytes, sizeof(bytes)), sizeof(bytes));
    for (int i = 0; i < 2; i++) {
        struct pkt *pkt = receive(&f);
        assert_int_equal(pkt->len, HEADERS + MSS);
        assert_int_equal(pkt->gso_size, 0);
        assert_int_not_equal(pkt->csum, PKT_CSUM_BLANK);
        pkt_put(pkt);
    }
    close(c.fd);
}

/* Without a page nothing is read, nothing is lost, and nobody spins: arm tells of pages. */
static void test_without_pages_frames_wait(void **state)
{
    (void)state;
    struct page *all[PAGES + 1];
    unsigned n = 0;
    struct pkt *pkt;
    struct cs_ro f;
    open_with(PAGES);
    struct conn c = open_conn();
    while (netdev_rx(dev, &pkt, 1) != 0)
        pkt_put(pkt);
    tapdev_close(&tapdev); /* lets go of its own */
    dev->link_up = true;
    while ((all[n] = page_get(&pages)) != NULL)
        n++;
    assert_int_equal(write(c.fd, "hello", 5), 5);
    assert_int_equal(netdev_rx(dev, &pkt, 1), 0);
    assert_true(tapdev.starved);
    assert_int_equal(dev->stats.rx_no_buffer, 1);
    assert_false(netdev_arm(dev));
    for (unsigned i = 0; i < n; i++) {
        page_put(all[i]);
        /* all of what it reads into, or nothing */
        assert_int_equal(netdev_arm(dev), i == TAPDEV_PAGES - 1);
    }
    assert_false(tapdev.starved);
    pkt = receive(&f);
    assert_int_equal(pkt->len, HEADERS + 5);
    pkt_put(pkt);
    close(c.fd);
}

/* Linux may have been told otherwise behind our back, by another program that has the device. */
static void test_a_frame_that_is_too_long_is_dropped(void **state)
{
    (void)state;
    struct pkt *pkt;
    static uint8_t bytes[5360];
    open_with(TAPDEV_GSO_POOL_PAGES - 1);
    struct conn c = open_conn();
    while (netdev_rx(dev, &pkt, 1) != 0)
        pkt_put(pkt);
    assert_int_equal(ioctl(tap.fd, TUNSETOFFLOAD, (unsigned long)(TUN_F_CSUM | TUN_F_TSO4)), 0);
    uint64_t errors = dev->stats.rx_errors;
    assert_int_equal(write(c.fd, bytes, sizeof(bytes)), sizeof(bytes));
    for (int i = 0; i < 100 && dev->stats.rx_errors == errors; i++) {
        struct pollfd fd = {.fd = tap.fd, .events = POLLIN};
        poll(&fd, 1, 50);
        assert_int_equal(netdev_rx(dev, &pkt, 1), 0);
    }
    assert_true(dev->stats.rx_errors > errors);
    close(c.fd);
}

/* ---- sending -------------------------------------------------------------------------------- */

static void assert_linux_reads(struct conn *c, uint32_t n)
{
    static uint8_t got[70000];
    uint32_t have = 0;
    while (have < n) {
        struct pollfd fd = {.fd = c->fd, .events = POLLIN};
        assert_int_equal(poll(&fd, 1, 5000), 1);
        ssize_t r = read(c->fd, got + have, sizeof(got) - have);
        assert_true(r > 0);
        have += (uint32_t)r;
    }
    assert_int_equal(have, n);
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(got[i], byte_at(i));
}

static void test_linux_takes_a_super_segment_whole(void **state)
{
    (void)state;
    static const struct {
        uint32_t payload;
        uint8_t flags;
    } cases[] = {{20000, ACK}, {65535 - 40, ACK | PSH}, {16 * 4096, ACK}, {3000, ACK | CWR}};
    open_with(PAGES);
    struct conn c = open_conn();
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        uint32_t n = u32_min(cases[i].payload, 65535 - 40);
        struct pkt *pkt = segment(n, c.port, c.seq, c.ack, cases[i].flags);
        uint64_t before = dev->stats.tx_bytes;
        pkt->gso_size = 1460;
        assert_int_equal(netdev_tx(dev, pkt), 0);
        netdev_tx_flush(dev);
        assert_int_equal(dev->stats.tx_bytes - before, HEADERS + n);
        assert_int_equal(dev->stats.tx_errors, 0);
        assert_linux_reads(&c, n);
        c.seq += n;
        for (struct pkt *ack; netdev_rx(dev, &ack, 1) != 0;)
            pkt_put(ack);
    }
    assert_int_equal(pool.stats.copied_bytes, 0);
    close(c.fd);
}

/* A sum that stands and is wrong: Linux drops it; so a blank one was completed by Linux. */
static void test_only_a_blank_checksum_is_linuxs_to_complete(void **state)
{
    (void)state;
    open_with(PAGES);
    struct conn c = open_conn();
    struct pkt *pkt = segment(100, c.port, c.seq, c.ack, ACK);
    pkt->csum = PKT_CSUM_UNKNOWN;
    assert_int_equal(netdev_tx(dev, pkt), 0);
    struct pollfd fd = {.fd = c.fd, .events = POLLIN};
    assert_int_equal(poll(&fd, 1, 100), 0);
    assert_int_equal(netdev_tx(dev, segment(100, c.port, c.seq, c.ack, ACK)), 0);
    assert_linux_reads(&c, 100);
    close(c.fd);
}

static void assert_refused(struct pkt *pkt, int err)
{
    assert_int_equal(netdev_tx(dev, pkt), err);
    pkt_put(pkt);
}

static void test_what_cannot_be_sent_stays_the_callers(void **state)
{
    (void)state;
    open_with(PAGES);
    struct pkt *pkt = segment(20000, 1, 0, 0, ACK);
    assert_refused(pkt, -E_MSGSIZE); /* without gso_size it is one frame */
    assert_int_equal(dev->stats.tx_too_long, 1);
    pkt = segment(20000, 1, 0, 0, ACK);
    pkt->gso_size = 1461;
    assert_refused(pkt, -E_INVAL);
    pkt = segment(20000, 1, 0, 0, ACK);
    pkt->gso_size = 1460;
    pkt->csum = PKT_CSUM_UNKNOWN;
    assert_refused(pkt, -E_INVAL);
    pkt = segment(0, 1, 0, 0, ACK);
    pkt_trim(pkt, 13);
    pkt->csum = PKT_CSUM_UNKNOWN;
    assert_refused(pkt, -E_INVAL);
    assert_int_equal(dev->stats.tx_errors, 3);
    set_flags(0); /* the interface is down */
    assert_refused(segment(0, 1, 0, 0, ACK), -E_NETDOWN);
    assert_int_equal(dev->stats.tx_link_down, 1);
    assert_true(dev->link_up); /* as a card's is, whatever is behind the switch */
    set_flags(IFF_UP | IFF_NOARP);
    assert_int_equal(netdev_tx(dev, segment(0, 1, 0, 0, ACK)), 0);
    /* What Linux will not take as it is, is lost as on a wire: csum_start outside the frame. */
    pkt = segment(0, 1, 0, 0, ACK);
    pkt->csum_start = 60000;
    assert_int_equal(netdev_tx(dev, pkt), 0);
    assert_int_equal(dev->stats.tx_errors, 4);
}

static void test_a_deleted_device_is_a_link_that_is_down(void **state)
{
    (void)state;
    struct pkt *pkt;
    open_with(PAGES);
    assert_int_equal(system("PATH=$PATH:/sbin:/usr/sbin ip link delete mtap0"), 0);
    assert_int_equal(netdev_rx(dev, &pkt, 1), 0);
    assert_true(tapdev.gone);
    assert_false(dev->link_up);
    assert_refused(segment(0, 1, 0, 0, ACK), -E_NETDOWN);
}

static void test_sending_finds_out_too_that_the_device_was_deleted(void **state)
{
    (void)state;
    open_with(PAGES);
    assert_int_equal(system("PATH=$PATH:/sbin:/usr/sbin ip link delete mtap0"), 0);
    assert_int_equal(netdev_tx(dev, segment(0, 1, 0, 0, ACK)), 0); /* lost, as on a wire */
    assert_int_equal(dev->stats.tx_errors, 1);
    assert_true(tapdev.gone);
    assert_false(dev->link_up);
}

static void test_conf_is_checked(void **state)
{
    (void)state;
    struct tapdev_conf conf = {.fd = -1, .mtu_bytes = 1500, .pool = &pool};
    assert_int_equal(tapdev_open(&tapdev, &conf, &dev), -E_INVAL);
    conf.fd = 0;
    conf.mtu_bytes = 67;
    assert_int_equal(tapdev_open(&tapdev, &conf, &dev), -E_INVAL);
    conf.mtu_bytes = 1500;
    conf.pool = NULL;
    assert_int_equal(tapdev_open(&tapdev, &conf, &dev), -E_INVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_what_linux_sends_in_one_piece_arrives_so, stop),
        cmocka_unit_test_teardown(test_a_short_frame_takes_one_page, stop),
        cmocka_unit_test_teardown(test_a_small_pool_gets_no_super_segments, stop),
        cmocka_unit_test_teardown(test_a_plain_device_has_no_offloads, stop),
        cmocka_unit_test_teardown(test_without_pages_frames_wait, stop),
        cmocka_unit_test_teardown(test_a_frame_that_is_too_long_is_dropped, stop),
        cmocka_unit_test_teardown(test_linux_takes_a_super_segment_whole, stop),
        cmocka_unit_test_teardown(test_only_a_blank_checksum_is_linuxs_to_complete, stop),
        cmocka_unit_test_teardown(test_what_cannot_be_sent_stays_the_callers, stop),
        cmocka_unit_test_teardown(test_a_deleted_device_is_a_link_that_is_down, stop),
        cmocka_unit_test_teardown(test_sending_finds_out_too_that_the_device_was_deleted, stop),
        cmocka_unit_test(test_conf_is_checked),
    };
    return cmocka_run_group_tests(tests, enter, NULL);
}
