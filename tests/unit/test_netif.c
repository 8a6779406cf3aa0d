/* SPDX-License-Identifier: ISC */
/* test_netif.c - the interface as a whole: its settings, its loop, its counters, and what it
 * does without memory. */
#include <stdlib.h>
#include <string.h>

#include "netrig.h"

static uint8_t frame[65536], data[65536];

static void test_settings_out_of_range_are_refused(void **state)
{
    struct netrig *rig = netrig_blank();
    struct netif_conf good = rig->conf, conf;

    (void)state;
#define REFUSED(change)                                                                            \
    do {                                                                                           \
        conf = good;                                                                               \
        change;                                                                                    \
        assert_int_equal(netif_init(&rig->nif, &conf, 0), -E_INVAL);                               \
    } while (0)
    REFUSED(conf.dev = NULL);
    REFUSED(conf.pool = NULL);
    REFUSED(conf.arp = NULL);
    REFUSED(conf.arp_max = 3);
    REFUSED(conf.arp_max = 65537);
    REFUSED(conf.frags = NULL);
    REFUSED(conf.frags_max = 257);
    REFUSED(conf.frag_bytes_max = (16 << 20) + 1);
    rig->dev.caps.mtu_bytes = 67;
    REFUSED((void)0);
    rig->dev.caps.mtu_bytes = 68;
    netrig_start(rig);
    netrig_free(rig);
}

static void test_counters_have_names_and_are_read_by_number(void **state)
{
    struct netrig *rig = netrig_new(false);
    unsigned at = UINT32_MAX;

    (void)state;
    for (unsigned i = 0; i < NETIF_STAT_COUNT; i++) {
        assert_non_null(netif_stat_names[i]);
        if (strcmp(netif_stat_names[i], "eth_short") == 0)
            at = i;
    }
    assert_true(at < netif_drop_count);
    netrig_input(rig, frame, 5);
    assert_int_equal(netif_stat(&rig->nif, at), 1);
    assert_string_equal(netif_stat_names[netif_drop_count], "rx_frames");
    netrig_free(rig);
}

/* Hands a frame to the device, for netif_poll to take. */
static void arrive(struct netrig *rig, size_t len)
{
    struct pkt *pkt = pkt_alloc(&rig->pool, 64, (uint32_t)len);

    memcpy(pkt->frag[0].page->base + 64, frame, len);
    pkt_queue_push(&rig->rx, pkt);
}

static void test_a_poll_takes_no_more_than_its_budget(void **state)
{
    struct netrig *rig = netrig_new(true);
    struct netrig_ip ip = {0};
    size_t len = netrig_echo(frame, &ip, 1, 1, data, 8);

    (void)state;
    for (int i = 0; i < 100; i++)
        arrive(rig, len);
    assert_true(netif_poll(&rig->nif, rig->now, 40));
    assert_int_equal(rig->sent_count, 40);
    assert_true(netif_poll(&rig->nif, rig->now, 60));
    assert_false(netif_poll(&rig->nif, rig->now, 60));
    assert_int_equal(rig->sent_count, 100);
    assert_false(netif_arm(&rig->nif));
    netrig_free(rig);
}

static void test_answers_are_given_up_where_the_device_is_full(void **state)
{
    struct netrig *rig = netrig_new(true);
    struct netrig_ip ip = {0};
    size_t len = netrig_echo(frame, &ip, 1, 1, data, 8);

    (void)state;
    rig->tx_room = 2;
    for (int i = 0; i < 10; i++)
        netrig_input(rig, frame, len);
    assert_int_equal(rig->sent_count, 2);
    assert_int_equal(rig->nif.stats.tx_refused, 8);
    netrig_free(rig);
}

/* Everything that allocates, once. */
static void exercise(struct netrig *rig, struct udp_sock *sock)
{
    struct netrig_ip ip = {0};
    struct udp_meta meta = {.dst = NETRIG_PEER, .dst_port = 9}, from;
    struct pkt *pkt;

    netrig_input(rig, frame, netrig_echo(frame, &ip, 1, 1, data, 100));
    netrig_input(rig, frame, netrig_udp(frame, &ip, 1, 9999, data, 100));
    netrig_input(
        rig, frame,
        netrig_arp(frame, 1, NETRIG_PEER_MAC, NETRIG_PEER, 0, NETRIG_US, NETRIG_BROADCAST_MAC));
    netif_probe_start(&rig->nif, IP4_ADDR(10, 0, 0, 9), NS_PER_S, rig->now);
    netif_multicast_join(&rig->nif, IP4_ADDR(239, 1, 1, 1), rig->now);
    for (size_t off = 0; off < 40000; off += 1480) {
        ip.id = 3;
        ip.protocol = 1;
        ip.flags_off = (uint16_t)(off / 8 | 0x2000);
        netrig_input(rig, frame, netrig_ip(frame, &ip, data, 1480));
    }
    ip.flags_off = 41440 / 8;
    netrig_input(rig, frame, netrig_ip(frame, &ip, data, 100));
    while (udp_recv(sock, &from, &pkt) == 0)
        pkt_put(pkt);
    pkt = pkt_alloc(&rig->pool, PKT_HEADROOM_BYTES, 3000);
    if (pkt != NULL && udp_send(sock, &meta, pkt, rig->now) != 0)
        pkt_put(pkt);
    pkt = pkt_alloc(&rig->pool, 0, 3000); /* no headroom: a page more */
    meta.dst = IP4_ADDR(10, 0, 0, 200);
    if (pkt != NULL && udp_send(sock, &meta, pkt, rig->now) != 0)
        pkt_put(pkt);
    netif_multicast_leave(&rig->nif, IP4_ADDR(239, 1, 1, 1), rig->now);
    netrig_pass(rig, 40 * NS_PER_S);
    netrig_clear(rig);
}

static void test_without_memory_at_any_allocation_nothing_leaks(void **state)
{
    static struct page *pages[NETRIG_PAGES];
    static struct pkt *pkts[NETRIG_PKTS];

    (void)state;
    /* The input itself takes one page and packet of another rig's kind: see netrig_input, which
     * may fail from here on. */
    for (unsigned limit = 0; limit < 140; limit++) {
        struct netrig *rig = netrig_new(true);
        struct udp_conf conf = {.port = 5000};
        struct udp_sock sock;
        unsigned n_pages = 0, n_pkts = 0;

        assert_int_equal(udp_open(&sock, &rig->nif, &conf), 0);
        rig->may_drop = true;
        if (limit < 70)
            while (rig->pages.free_count > limit)
                pages[n_pages++] = page_get(&rig->pages);
        else
            while (rig->pool.free_count > limit - 70)
                pkts[n_pkts++] = pkt_get(&rig->pool);
        exercise(rig, &sock);
        while (n_pages > 0)
            page_put(pages[--n_pages]);
        while (n_pkts > 0)
            pkt_put(pkts[--n_pkts]);
        /* It works again. */
        rig->may_drop = false;
        netrig_pass(rig, 100 * NS_PER_S);
        netrig_peer_answers(rig, NETRIG_PEER, NETRIG_PEER_MAC);
        exercise(rig, &sock);
        udp_close(&sock);
        netrig_free(rig); /* every pool is full */
    }
}

static void test_fini_puts_what_waits(void **state)
{
    struct netrig *rig = netrig_new(false);
    struct udp_conf conf = {.port = 5000};
    struct udp_meta meta = {.dst = NETRIG_PEER, .dst_port = 9};
    struct netrig_ip ip = {.protocol = 17, .flags_off = 0x2000};
    struct udp_sock sock;

    (void)state;
    assert_int_equal(udp_open(&sock, &rig->nif, &conf), 0);
    assert_int_equal(udp_send(&sock, &meta, pkt_alloc(&rig->pool, 128, 10), rig->now),
                     0); /* for ARP */
    meta.dst = NETRIG_US;
    assert_int_equal(udp_send(&sock, &meta, pkt_alloc(&rig->pool, 128, 10), rig->now),
                     0);                                       /* for ourselves */
    netrig_input(rig, frame, netrig_ip(frame, &ip, data, 80)); /* for the rest */
    netrig_peer_answers(rig, IP4_ADDR(10, 0, 0, 3), NETRIG_PEER_MAC);
    rig->tx_room = 1;
    meta.dst = IP4_ADDR(10, 0, 0, 3);
    assert_int_equal(udp_send(&sock, &meta, pkt_alloc(&rig->pool, 128, 3000), rig->now),
                     0); /* for the device */
    assert_int_not_equal(rig->nif.tx_wait.count, 0);
    udp_close(&sock);
    netrig_free(rig);
}

static void test_time_may_be_anything(void **state)
{
    static const uint64_t starts[] = {0, 1, NS_PER_S, UINT64_C(1) << 62};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
        struct netrig *rig = netrig_blank();

        rig->now = starts[i];
        netrig_start(rig);
        assert_int_equal(netif_addr_add(&rig->nif, NETRIG_US, 24, true, rig->now), 0);
        netrig_pass(rig, 20 * NS_PER_S);
        assert_int_equal(netif_addr_state(&rig->nif, NETRIG_US), NETIF_ADDR_READY);
        netrig_free(rig);
    }
}

static void test_limit_to_the_mtu_is_576_or_more(void **state)
{
    struct netrig *rig = netrig_blank();

    (void)state;
    netrig_start(rig);
    assert_int_equal(netif_mtu_limit(&rig->nif, 575), -E_INVAL);
    assert_int_equal(netif_mtu_limit(&rig->nif, 576), 0);
    assert_int_equal(rig->nif.mtu_limit, 576);
    assert_int_equal(netif_mtu_limit(&rig->nif, 65535), 0);
    assert_int_equal(netif_mtu_limit(&rig->nif, 0), 0);
    netrig_free(rig);
}

static void test_time_to_probe_is_a_millisecond_to_ten_seconds(void **state)
{
    struct netrig *rig = netrig_blank();

    (void)state;
    netrig_start(rig);
    assert_int_equal(netif_addr_add_probed(&rig->nif, NETRIG_US, 24, NS_PER_MS - 1, rig->now),
                     -E_INVAL);
    assert_int_equal(netif_addr_add_probed(&rig->nif, NETRIG_US, 24, 10 * NS_PER_S + 1, rig->now),
                     -E_INVAL);
    assert_int_equal(netif_addr_add_probed(&rig->nif, NETRIG_US, 24, NS_PER_MS, rig->now), 0);
    netrig_pass(rig, 2 * NS_PER_MS);
    assert_int_equal(netif_addr_state(&rig->nif, NETRIG_US), NETIF_ADDR_READY);
    netrig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings_out_of_range_are_refused),
        cmocka_unit_test(test_counters_have_names_and_are_read_by_number),
        cmocka_unit_test(test_a_poll_takes_no_more_than_its_budget),
        cmocka_unit_test(test_answers_are_given_up_where_the_device_is_full),
        cmocka_unit_test(test_without_memory_at_any_allocation_nothing_leaks),
        cmocka_unit_test(test_fini_puts_what_waits),
        cmocka_unit_test(test_time_may_be_anything),
        cmocka_unit_test(test_limit_to_the_mtu_is_576_or_more),
        cmocka_unit_test(test_time_to_probe_is_a_millisecond_to_ten_seconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
