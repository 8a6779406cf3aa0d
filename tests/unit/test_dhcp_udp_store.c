/* SPDX-License-Identifier: ISC */
/* test_dhcp_udp_store.c - the edge of the DHCP server with a disk: what a client is told of a lease
 * leaves when the lease is on the disk, and not before. */
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/blk_mem.h>
#include <morgana/dhcp_udp.h>
#include <morgana/log.h>

#include "dhcprig.h"
#include "netrig.h"

#define CONF                                                                                       \
    "authoritative; ping-check off; default-lease-time 600;"                                       \
    "subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.100 10.0.0.199; }"
#define BLOCKS 136u
#define PAGES 16u

static struct rig rig;
static struct netrig *net;
static struct dhcp_udp edge;
static struct dhcp_store store;
static struct blk_mem mem;
static struct blkdev *dev;
static struct page_pool pages;
static struct page headers[PAGES];
static uint8_t disk[BLOCKS * PAGE_BYTES];
static uint8_t memory[PAGES * PAGE_BYTES] __attribute__((aligned(4096)));

static void start(bool optional, uint32_t held_max)
{
    struct blk_mem_conf mc = {.memory = disk, .bytes = sizeof(disk)};
    struct dhcp_store_conf sc = {
        .name = "disk", .server = &rig.server, .leases = &rig.leases, .optional = optional};
    struct dhcp_udp_conf uc = {.server = &rig.server,
                               .leases = &rig.leases,
                               .addr = NETRIG_US,
                               .store = &store,
                               .held_max = held_max};

    vplat_reset(1);
    log_init(plat_console_write, LOG_INFO);
    memset(disk, 0, sizeof(disk));
    rig_init(&rig, CONF, 256);
    net = netrig_new(true);
    uc.nif = &net->nif;
    page_pool_init(&pages, headers, memory, PAGES);
    assert_int_equal(blk_mem_open(&mem, &mc, &dev), 0);
    sc.dev = dev;
    sc.pool = &pages;
    assert_int_equal(dhcp_store_open(&store, &sc, net->now, 0), 0);
    assert_int_equal(dhcp_udp_open(&edge, &uc), 0);
}

static int stop(void **state)
{
    struct blk_req *req;

    (void)state;
    dhcp_udp_close(&edge);
    net->tx_room = NETRIG_SENT_MAX;
    netrig_free(net); /* every page and packet is back */
    blk_mem_power_cut(&mem, 1);
    while (blkdev_reap(dev, &req, 1))
        continue;
    dhcp_store_close(&store);
    assert_int_equal(pages.free_count, PAGES);
    blk_mem_close(&mem);
    rig_fini(&rig);
    return 0;
}

#define TEST(name) cmocka_unit_test_teardown(name, stop)

static void poll_net(void)
{
    netrig_poll(net);
    (void)dhcp_udp_poll(&edge, net->now, 64);
}

/* Until the disk has nothing to do. */
static void poll_all(void)
{
    for (unsigned i = 0; i < 50; i++) {
        poll_net();
        (void)dhcp_store_poll(&store, net->now, 0);
    }
}

/* The message that is being built, as a broadcast of client n. */
static void on_wire(uint32_t n)
{
    static uint8_t frame[2048];
    struct netrig_ip ip = {.eth_src = UINT64_C(0x020000000000) | n,
                           .src_any = true,
                           .dst = IP4_BROADCAST,
                           .eth_dst = NETRIG_BROADCAST_MAC};
    static const uint8_t end = DHCP_OPT_END;

    rig_bytes(&rig, &end, 1);
    netrig_input(net, frame, netrig_udp(frame, &ip, 68, 67, rig.buf, rig.len));
    poll_net();
}

static void discover(uint32_t n)
{
    rig_msg(&rig, DHCPDISCOVER, n);
    on_wire(n);
}

static void request(uint32_t n, uint32_t addr)
{
    rig_msg(&rig, DHCPREQUEST, n);
    rig_u32(&rig, DHCP_OPT_SERVER_ID, NETRIG_US);
    rig_u32(&rig, DHCP_OPT_REQUESTED_ADDR, addr);
    on_wire(n);
}

static unsigned replies(void)
{
    return (unsigned)edge.stats.replies;
}

/* The type of the last reply; its address in rig.reply. */
static enum dhcp_type last(void)
{
    const struct netrig_frame *frame = &net->sent[net->sent_count - 1];

    assert_int_equal(dhcp_parse(cs_ro_of(frame->bytes + 42, frame->len - 42), &rig.reply),
                     DHCP_WIRE_ok);
    return (enum dhcp_type)rig.reply.type;
}

static uint32_t offered(uint32_t n)
{
    discover(n);
    assert_int_equal(last(), DHCPOFFER);
    return rig.reply.yiaddr;
}

static void test_an_ack_leaves_when_its_lease_is_flushed_and_not_before(void **state)
{
    uint64_t flushes;
    uint32_t addr;

    (void)state;
    start(false, 0);
    addr = offered(1); /* an offer waits for nothing */
    assert_int_equal(replies(), 1);
    flushes = dev->stats.flushes;
    request(1, addr);
    while (dev->stats.flushes == flushes) {
        assert_int_equal(replies(), 1);
        (void)dhcp_store_poll(&store, net->now, 0);
        if (dev->stats.flushes == flushes)
            poll_net();
    }
    poll_all();
    assert_int_equal(replies(), 2);
    assert_int_equal(last(), DHCPACK);
    assert_int_equal(rig.reply.yiaddr, addr);
    assert_non_null(strstr(vplat_console(), "leased to 02:00:00:00:00:01"));
}

static void test_what_promises_nothing_passes_by(void **state)
{
    uint32_t addr;

    (void)state;
    start(false, 0);
    addr = offered(1);
    request(1, addr);
    assert_int_equal(edge.held_count, 1);
    (void)offered(2);
    request(3, addr); /* client 1's */
    assert_int_equal(last(), DHCPNAK);
    assert_int_equal(replies(), 3);
    poll_all();
    assert_int_equal(last(), DHCPACK);
    assert_int_equal(replies(), 4);
}

static void test_too_many_waiting_are_dropped_counted_and_promised_nothing(void **state)
{
    uint32_t addr[20];

    (void)state;
    start(false, 8);
    for (uint32_t n = 0; n < 20; n++)
        addr[n] = offered(n);
    for (uint32_t n = 0; n < 20; n++)
        request(n, addr[n]);
    assert_int_equal(edge.stats.held_full, 12);
    assert_int_equal(rig.leases.stats.by_state[DHCP_LEASE_BOUND], 8);
    poll_all();
    assert_int_equal(replies(), 28);
    for (uint32_t n = 8; n < 16; n++) /* they ask again */
        request(n, addr[n]);
    poll_all();
    assert_int_equal(replies(), 36);
    assert_int_equal(rig.leases.stats.by_state[DHCP_LEASE_BOUND], 16);
}

static void test_a_client_that_asks_over_and_over_has_one_reply_waiting(void **state)
{
    uint32_t one, other;

    (void)state;
    start(false, 8);
    one = offered(1);
    other = offered(2);
    for (unsigned i = 0; i < 20; i++)
        request(1, one);
    request(2, other);
    assert_int_equal(edge.held_count, 2);
    assert_int_equal(store.noted, 2);
    assert_int_equal(edge.stats.held_full, 0);
    assert_int_equal(edge.stats.held_again, 19);
    poll_all();
    assert_int_equal(replies(), 4);
    assert_int_equal(last(), DHCPACK);
    assert_int_equal(rig.reply.yiaddr, other);
    request(1, one); /* later, it is told again */
    poll_all();
    assert_int_equal(replies(), 5);
    assert_int_equal(rig.leases.stats.by_state[DHCP_LEASE_BOUND], 2);
}

/* The page of a reply that was dropped was cut to its length: the next may be longer. */
static void test_a_long_reply_after_one_that_was_dropped(void **state)
{
    uint8_t id[200];
    uint32_t one, other;

    (void)state;
    memset(id, 7, sizeof(id));
    for (unsigned why = 0; why < 3; why++) {
        if (why)
            (void)stop(state);
        start(false, 1);
        one = offered(1);
        other = offered(2);
        if (why == 0) {
            blk_mem_power_cut(&mem, 1);
            request(1, one);
            poll_all();
        }
        request(1, one);
        request(why == 1 ? 1 : 2, why == 1 ? one : other);
        assert_int_equal(edge.held_count, why != 0);
        assert_int_equal(edge.stats.not_kept + edge.stats.held_again + edge.stats.held_full,
                         why ? 1 : 3);
        if (why == 0) {
            blk_mem_power_on(&mem);
            for (unsigned i = 0; i < 10; i++) {
                netrig_pass(net, NS_PER_S);
                poll_all();
            }
        }
        rig_msg(&rig, DHCPDISCOVER, 3);
        rig_opt(&rig, DHCP_OPT_CLIENT_ID, id, sizeof(id));
        on_wire(3);
        assert_int_equal(last(), DHCPOFFER);
        assert_true(net->sent[net->sent_count - 1].len > 42 + 240 + sizeof(id));
    }
}

static void test_release_and_decline_are_kept_too(void **state)
{
    uint32_t addr;
    uint64_t noted;

    (void)state;
    start(false, 0);
    addr = offered(1);
    request(1, addr);
    poll_all();
    noted = store.noted;
    rig_msg(&rig, DHCPDECLINE, 1);
    rig_u32(&rig, DHCP_OPT_SERVER_ID, NETRIG_US);
    rig_u32(&rig, DHCP_OPT_REQUESTED_ADDR, addr);
    on_wire(1);
    assert_int_equal(store.noted, noted + 1);
    addr = offered(1);
    request(1, addr);
    poll_all();
    rig_msg(&rig, DHCPRELEASE, 1);
    rig_set(&rig, ciaddr, addr);
    on_wire(1);
    assert_int_equal(store.noted, noted + 3);
}

static void test_nothing_is_promised_while_the_disk_fails(void **state)
{
    uint32_t addr;

    (void)state;
    start(false, 0);
    addr = offered(1);
    request(1, addr);
    blk_mem_power_cut(&mem, 1);
    poll_all();
    assert_int_equal(replies(), 1);
    assert_int_equal(edge.held_count, 0);
    discover(2);
    request(1, addr);
    assert_int_equal(replies(), 1);
    assert_int_equal(edge.stats.not_kept, 3);
    request(3, addr); /* to refuse promises nothing */
    assert_int_equal(replies(), 2);
    assert_int_equal(last(), DHCPNAK);
    /* It comes back. */
    blk_mem_power_on(&mem);
    for (unsigned i = 0; i < 10; i++) {
        netrig_pass(net, NS_PER_S);
        poll_all();
    }
    request(1, addr);
    poll_all();
    assert_int_equal(last(), DHCPACK);
}

static void test_optional_answers_from_memory_while_the_disk_fails(void **state)
{
    uint32_t addr;

    (void)state;
    start(true, 0);
    addr = offered(1);
    request(1, addr);
    blk_mem_power_cut(&mem, 1);
    poll_all();
    assert_int_equal(last(), DHCPACK); /* what waited */
    addr = offered(2);
    request(2, addr);
    assert_int_equal(last(), DHCPACK); /* at once */
    assert_int_equal(edge.stats.not_kept, 0);
}

static void test_a_reply_that_waited_waits_for_the_device_too_and_is_given_up(void **state)
{
    uint32_t addr;

    (void)state;
    start(false, 0);
    addr = offered(1);
    net->tx_room = 0;
    request(1, addr);
    poll_all();
    assert_true(dhcp_udp_poll_at(&edge) != NS_NEVER);
    net->tx_room = NETRIG_SENT_MAX;
    poll_all();
    assert_int_equal(last(), DHCPACK);
    assert_true(dhcp_udp_poll_at(&edge) == NS_NEVER);
    net->tx_room = 0;
    request(1, addr);
    for (unsigned i = 0; i < 4; i++)
        poll_all();
    assert_int_equal(edge.stats.send_failed, 1);
    assert_int_equal(edge.held_count, 0);
}

static void test_close_puts_what_waits(void **state)
{
    (void)state;
    start(false, 0);
    for (uint32_t n = 0; n < 5; n++)
        request(n, offered(n));
    assert_int_equal(edge.held_count, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_ack_leaves_when_its_lease_is_flushed_and_not_before),
        TEST(test_what_promises_nothing_passes_by),
        TEST(test_too_many_waiting_are_dropped_counted_and_promised_nothing),
        TEST(test_a_client_that_asks_over_and_over_has_one_reply_waiting),
        TEST(test_a_long_reply_after_one_that_was_dropped),
        TEST(test_release_and_decline_are_kept_too),
        TEST(test_nothing_is_promised_while_the_disk_fails),
        TEST(test_optional_answers_from_memory_while_the_disk_fails),
        TEST(test_a_reply_that_waited_waits_for_the_device_too_and_is_given_up),
        TEST(test_close_puts_what_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
