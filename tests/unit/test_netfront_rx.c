/* SPDX-License-Identifier: ISC */
/* Tests of netfront_rx.c: frames received in every shape, lies in responses, wake-ups, refill. */
#include "tests/netfront/peer.c"

#include <cmocka.h>

#define BASE                                                                                       \
    (PEER_PAGES - NETFRONT_RING_SLOTS - 2) /* free pages, but for the rings and what is posted */

static void start(const struct peer_conf *conf)
{
    peer_start(conf);
    assert_int_equal(peer_open(), 0);
}

/* Answers the next request with these words. */
static void answer(uint16_t offset, uint16_t rxf, int16_t status)
{
    struct peer_rx_req req;

    assert_true(peer_rx_take(&req));
    peer_rx_answer(req.id, offset, rxf, status);
    peer_rx_push();
}

static unsigned receive_all(void)
{
    struct pkt *got[32];
    unsigned n, sum = 0;

    while ((n = netdev_rx(peer.dev, got, 32)) != 0) {
        sum += n;
        while (n > 0)
            pkt_put(got[--n]);
    }
    return sum;
}

/* ---- shapes of frames ------------------------------------------------------------------------ */

static void test_frames_of_every_shape(void **state)
{
    static uint8_t want[18 * 4096], back[18 * 4096];
    static const uint32_t pieces[] = {0, 1000, 100};

    (void)state;
    start(&(struct peer_conf){.seed = 1, .index = 0xffffff00});
    for (uint32_t len = 14; len <= 1800; len += len < 120 ? 1 : 97) {
        for (unsigned i = 0; i < ARRAY_SIZE(pieces); i++) {
            struct pkt *pkt;

            peer_pattern(want, len, (uint8_t)len);
            assert_true(peer_rx_frame(want, len, 0, pieces[i]));
            assert_int_equal(netdev_rx(peer.dev, &pkt, 1), 1);
            assert_int_equal(pkt->len, len);
            assert_int_equal(pkt->csum, PKT_CSUM_UNKNOWN);
            assert_true(pkt_read(pkt, 0, cs_of(back, len)));
            assert_memory_equal(back, want, len);
            pkt_put(pkt);
            netdev_arm(peer.dev);
        }
    }
    /* 18 full pages; the ring holds 256. */
    peer_pattern(want, sizeof(want), 9);
    for (unsigned i = 0; i < 40; i++) {
        struct pkt *pkt;

        assert_true(peer_rx_frame(want, sizeof(want), 0, 4096));
        assert_int_equal(netdev_rx(peer.dev, &pkt, 1), 1);
        assert_int_equal(pkt->len, sizeof(want));
        assert_true(pkt_read(pkt, 0, cs_of(back, sizeof(back))));
        assert_memory_equal(back, want, sizeof(want));
        pkt_put(pkt);
        netdev_arm(peer.dev);
    }
    assert_int_equal(peer.pool.stats.copied_bytes, 0);
    assert_int_equal(peer.dev->stats.violations, 0);
    peer_stop(0);
}

/* A chain that comes in several pushes waits, and is not lost, whatever is called meanwhile. */
static void test_chain_in_several_pushes(void **state)
{
    struct pkt *pkt;

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    for (unsigned i = 0; i < 17; i++) {
        answer((uint16_t)i, RXF_MORE_DATA, 100);
        assert_int_equal(netdev_rx(peer.dev, &pkt, 1), 0);
        assert_false(netdev_arm(peer.dev));
    }
    peer.events_to = 0;
    answer(17, 0, 100);
    assert_int_equal(peer.events_to, 1);
    assert_int_equal(netdev_rx(peer.dev, &pkt, 1), 1);
    assert_int_equal(pkt->len, 1800);
    assert_int_equal(pkt->frag_count, 18);
    assert_int_equal(pkt->frag[17].off, 17);
    pkt_put(pkt);
    /* Half a chain at the end of the device's life. */
    answer(0, RXF_MORE_DATA, 100);
    assert_int_equal(netdev_rx(peer.dev, &pkt, 1), 0);
    peer_stop(0);
}

static void test_errors_drop_the_frame_and_keep_the_pages(void **state)
{
    static const int16_t status[] = {NETIF_RSP_ERROR, NETIF_RSP_DROPPED, 0, -100, INT16_MIN};

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    for (unsigned i = 0; i < ARRAY_SIZE(status); i++) {
        answer(0, 0, status[i]);             /* alone */
        answer(0, RXF_MORE_DATA, status[i]); /* first of three */
        answer(0, RXF_MORE_DATA, 100);
        answer(0, 0, 100);
        answer(0, RXF_MORE_DATA, 100); /* last of two; two errors count once */
        answer(9999, RXF_MORE_DATA, status[i]);
        answer(0, 0, status[i]);
        assert_int_equal(receive_all(), 0);
        assert_int_equal(peer.dev->stats.rx_errors, 3 * (i + 1));
        netdev_arm(peer.dev);
        assert_int_equal(peer.pages.free_count, BASE);
        assert_int_equal(peer.pool.free_count, peer.pool.total);
    }
    assert_int_equal(peer.dev->stats.violations, 0);
    answer(0, 0, 100);
    assert_int_equal(receive_all(), 1);
    peer_stop(0);
}

static void test_frames_shorter_than_a_header_are_dropped(void **state)
{
    (void)state;
    start(&(struct peer_conf){.seed = 1});
    for (int16_t len = 1; len < 14; len++) {
        answer(0, 0, len);
        assert_int_equal(receive_all(), 0);
        assert_int_equal(peer.dev->stats.rx_short, len);
    }
    answer(0, RXF_MORE_DATA, 7); /* 14 in two slots are enough */
    answer(0, 0, 7);
    assert_int_equal(receive_all(), 1);
    peer_stop(0);
}

/* ---- checksum state -------------------------------------------------------------------------- */

static void ip4_frame(uint8_t frame[100], uint8_t protocol, uint16_t fragment)
{
    struct cs v = cs_of(frame, 100);

    peer_pattern(frame, 100, 0);
    cs_set_be16(v, 12, 0x0800);
    cs_set_u8(v, 14, 0x46);
    cs_set_be16(v, 20, fragment);
    cs_set_u8(v, 23, protocol);
}

/* The bits as io/netif.h has them for receive: 1 is validated, 2 is blank. For transmit it is the
 * other way round. */
static void test_checksum_flags(void **state)
{
    static const struct {
        uint8_t protocol;
        uint16_t fragment, flags;
        enum pkt_csum csum;
        uint16_t start, off;
    } cases[] = {
        {17, 0, 0, PKT_CSUM_UNKNOWN, 0, 0},
        {17, 0, NETRXF_data_validated, PKT_CSUM_VALIDATED, 0, 0},
        {17, 0, NETRXF_csum_blank, PKT_CSUM_BLANK, 38, 6},
        {17, 0, NETRXF_csum_blank | NETRXF_data_validated, PKT_CSUM_BLANK, 38, 6},
        {6, 0, NETRXF_csum_blank, PKT_CSUM_BLANK, 38, 16},
        {6, 0x4000, NETRXF_csum_blank, PKT_CSUM_BLANK, 38, 16},
        {1, 0, NETRXF_csum_blank, PKT_CSUM_UNKNOWN, 0, 0}, /* nothing there to be blank */
        {17, 0x2000, NETRXF_csum_blank, PKT_CSUM_UNKNOWN, 0, 0},
        {17, 0x0010, NETRXF_csum_blank, PKT_CSUM_UNKNOWN, 0, 0},
        {17, 0, 0x8020, PKT_CSUM_UNKNOWN, 0, 0}, /* flags of the future say nothing */
    };

    (void)state;
    for (unsigned split = 0; split < 2; split++) {
        start(&(struct peer_conf){.seed = 1});
        for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
            uint8_t frame[100];
            struct pkt *pkt;

            ip4_frame(frame, cases[i].protocol, cases[i].fragment);
            assert_true(peer_rx_frame(frame, sizeof(frame), cases[i].flags, split != 0 ? 60 : 0));
            assert_int_equal(netdev_rx(peer.dev, &pkt, 1), 1);
            assert_int_equal(pkt->csum, cases[i].csum);
            assert_int_equal(pkt->csum_start, cases[i].start);
            assert_int_equal(pkt->csum_off, cases[i].off);
            pkt_put(pkt);
        }
        peer_stop(0);
    }
}

/* Blank, and cut before the field: whoever completes it would write past the end. */
static void test_blank_checksum_of_a_cut_frame(void **state)
{
    (void)state;
    start(&(struct peer_conf){.seed = 1});
    for (uint32_t len = 14; len <= 60; len++) {
        uint8_t frame[100];
        struct pkt *pkt;

        ip4_frame(frame, 6, 0);
        assert_true(peer_rx_frame(frame, len, NETRXF_csum_blank, 0));
        assert_int_equal(netdev_rx(peer.dev, &pkt, 1), 1);
        assert_int_equal(pkt->csum, len >= 38 + 16 + 2 ? PKT_CSUM_BLANK : PKT_CSUM_UNKNOWN);
        pkt_put(pkt);
    }
    peer_stop(0);
}

/* ---- lies ------------------------------------------------------------------------------------ */

static void assert_violation(enum netfront_violation what)
{
    assert_int_equal(receive_all(), 0);
    assert_int_equal(peer.nf->violation, what);
    assert_int_equal(peer.dev->stats.violations, 1);
    assert_false(peer.dev->link_up);
    netdev_arm(peer.dev);
    peer_check_pages();
    peer_stop(0);
}

static void test_offset_and_length_stay_in_the_page(void **state)
{
    static const struct {
        uint16_t offset;
        int16_t status;
        bool good;
    } cases[] = {
        {0, 4096, true},       {4096 - 14, 14, true},      {1, 4096, false},
        {0, 4097, false},      {4095, 2, false},           {4096, 1, false},
        {4097, 1, false},      {0xffff, 1, false},         {0xffff, 2, false},
        {0x8000, 14, false},   {0, INT16_MAX, false},      {0xf000, 4096, false},
        {1, INT16_MAX, false}, {0xffff, INT16_MAX, false},
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        start(&(struct peer_conf){.seed = 1});
        answer(cases[i].offset, 0, cases[i].status);
        if (!cases[i].good) {
            assert_violation(NETFRONT_RX_RANGE);
            continue;
        }
        assert_int_equal(receive_all(), 1);
        peer_stop(0);
    }
}

static void test_chain_of_19_slots(void **state)
{
    (void)state;
    for (unsigned bad = 0; bad < 2; bad++) {
        start(&(struct peer_conf){.seed = 1});
        for (unsigned i = 0; i < 18; i++)
            answer(0, RXF_MORE_DATA, bad != 0 ? -1 : 100);
        answer(0, 0, 100);
        assert_violation(NETFRONT_RX_CHAIN);
    }
    /* One without an end. */
    start(&(struct peer_conf){.seed = 1});
    while (peer_rx_posted() != 0)
        answer(0, RXF_MORE_DATA, 100);
    assert_violation(NETFRONT_RX_CHAIN);
}

static void test_extra_info_that_was_not_negotiated(void **state)
{
    static const uint16_t prefix[] = {NETRXF_gso_prefix, 0xffff};
    static const uint16_t info[] = {NETRXF_extra_info, NETRXF_extra_info | NETRXF_more_data};
    const struct netif_extra_info gso = {.type = XEN_NETIF_EXTRA_TYPE_GSO, .u.gso.size = 1000};
    struct peer_rx_req unused;

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(prefix); i++) {
        start(&(struct peer_conf){.seed = 1, .off.no_gso = true});
        answer(0, prefix[i], 100);
        assert_violation(NETFRONT_RX_EXTRA);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(info); i++) {
        start(&(struct peer_conf){.seed = 1, .off.no_gso = true});
        answer(0, info[i], 100);
        assert_true(peer_rx_take(&unused));
        peer_rx_extra(&gso);
        peer_rx_push();
        assert_violation(NETFRONT_RX_EXTRA);
    }
}

static void test_ids_are_not_trusted(void **state)
{
    static const uint16_t ids[] = {1, 2, 255, 256, 257, 0x7fff, 0x8000, 0xffff};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(ids); i++) {
        start(&(struct peer_conf){.seed = 1});
        peer_rx_answer(ids[i], 0, 0, 100);
        peer_rx_push();
        assert_violation(NETFRONT_RX_ID);
    }
    start(&(struct peer_conf){.seed = 1}); /* the same one twice; the frame before is good */
    peer_rx_answer(0, 0, 0, 100);
    peer_rx_answer(0, 0, 0, 100);
    peer_rx_push();
    assert_int_equal(receive_all(), 1);
    assert_violation(NETFRONT_RX_ID);
}

static void test_response_index_is_not_trusted(void **state)
{
    static const uint32_t ahead[] = {257, 258, 1000, 0x7fffffff, 0x80000000, 0xffffffff};

    (void)state;
    for (unsigned wrap = 0; wrap < 2; wrap++) {
        for (unsigned i = 0; i < ARRAY_SIZE(ahead); i++) {
            start(&(struct peer_conf){.seed = 1, .index = wrap != 0 ? 0xffffff00 : 0});
            peer.rx.shared->rsp_prod += ahead[i];
            assert_true(netdev_arm(peer.dev)); /* a lie is work */
            assert_violation(NETFRONT_RX_RSP_PROD);
        }
    }
    start(&(struct peer_conf){.seed = 1,
                              .rx_slots = 18}); /* more than were posted, fewer than a ring */
    peer.rx.shared->rsp_prod += 19;
    assert_violation(NETFRONT_RX_RSP_PROD);
}

/* XSA-396 */
static void test_page_still_mapped_is_quarantined(void **state)
{
    struct peer_rx_req req;
    int16_t status;

    (void)state;
    for (uint32_t version = 1; version <= 2; version++) {
        start(&(struct peer_conf){.seed = 1, .gnttab_version = version});
        assert_true(peer_rx_take(&req));
        assert_non_null(sim_grant_map(req.gref, true, &status));
        peer_rx_answer(req.id, 0, 0, 100);
        peer_rx_push();
        assert_int_equal(receive_all(), 0);
        assert_int_equal(peer.nf->violation, NETFRONT_RX_MAPPED);
        assert_int_equal(peer.dev->stats.quarantined, 1);
        assert_int_equal(peer.pages.quarantined, 1);
        peer_check_pages();
        peer_close();
        assert_int_equal(peer.pages.quarantined, 1);
        sim_grant_unmap(req.gref, true);
        assert_int_equal(peer_open(), 0);
        assert_int_equal(peer.pages.quarantined, 0);
        peer_stop(0);
    }
}

/* Mapped, and never answered: the page is taken back at the end, or not at all. */
static void test_posted_page_mapped_at_close(void **state)
{
    struct peer_rx_req req[3];
    int16_t status;

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    for (unsigned i = 0; i < 3; i++) {
        assert_true(peer_rx_take(&req[i]));
        assert_non_null(sim_grant_map(req[i].gref, true, &status));
    }
    peer_close();
    assert_int_equal(peer.pages.quarantined, 3);
    peer_check_pages();
    sim_grant_unmap(req[1].gref, true);
    assert_int_equal(peer_open(), 0);
    assert_int_equal(peer.pages.quarantined, 2);
    peer_check_pages();
    sim_grant_unmap(req[0].gref, true);
    sim_grant_unmap(req[2].gref, true);
    peer_stop(0);
}

/* ---- wake-ups -------------------------------------------------------------------------------- */

static void test_no_lost_wakeup(void **state)
{
    uint8_t frame[60];

    (void)state;
    start(&(struct peer_conf){.seed = 1, .index = 0xffffff00});
    peer_pattern(frame, sizeof(frame), 0);
    for (unsigned i = 0; i < 600; i++) {
        /* Before arm: no event is owed, arm sees it. */
        assert_true(peer_rx_frame(frame, sizeof(frame), 0, 0));
        assert_true(netdev_arm(peer.dev));
        assert_int_equal(receive_all(), 1);
        /* After arm: an event. */
        assert_false(netdev_arm(peer.dev));
        peer.events_to = 0;
        assert_true(peer_rx_frame(frame, sizeof(frame), 0, 0));
        assert_int_equal(peer.events_to, 1);
        assert_true(peer_rx_frame(frame, sizeof(frame), 0, 0));
        assert_int_equal(peer.events_to, 1); /* one is enough */
        assert_int_equal(receive_all(), 2);
    }
    peer_stop(0);
}

/* XSA-391: a million events for nothing do a bounded amount of work each, and lose nothing. */
static void test_event_storm(void **state)
{
    uint8_t frame[60];
    uint64_t requests;

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    peer_pattern(frame, sizeof(frame), 0);
    peer_run();
    requests = peer.xs.stats.requests;
    for (unsigned i = 0; i < 1000000; i++) {
        struct pkt *none[1];

        sim_evtchn_raise(peer.nf->queue[0].tx_port);
        evtchn_upcall(&peer.ev);
        if (netdev_rx(peer.dev, none, 1) != 0 || netdev_arm(peer.dev))
            fail();
    }
    assert_int_equal(peer.xs.stats.requests, requests);
    assert_int_equal(peer.dev->stats.rx_notify + peer.dev->stats.tx_notify, 1);
    assert_true(peer_rx_frame(frame, sizeof(frame), 0, 0));
    assert_int_equal(receive_all(), 1);
    peer_stop(0);
}

/* ---- refill ---------------------------------------------------------------------------------- */

static void test_refill_in_batches(void **state)
{
    uint8_t frame[60];

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    peer_pattern(frame, sizeof(frame), 0);
    for (unsigned i = 0; i < 3200; i++) {
        assert_true(peer_rx_frame(frame, sizeof(frame), 0, 0));
        assert_int_equal(receive_all(), 1);
        assert_true(peer_rx_posted() > NETFRONT_RING_SLOTS - NETFRONT_RX_BATCH);
    }
    assert_true(peer.dev->stats.rx_notify <= 3200 / NETFRONT_RX_BATCH + 1);
    netdev_arm(peer.dev);
    assert_int_equal(peer_rx_posted(), NETFRONT_RING_SLOTS); /* before sleeping, all */
    peer_stop(0);
}

/* A frame of 18 slots comes through a ring of 18. */
static void test_smallest_ring(void **state)
{
    static uint8_t frame[18 * 500];

    (void)state;
    start(&(struct peer_conf){.seed = 1, .rx_slots = 18});
    peer_pattern(frame, sizeof(frame), 0);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(peer_rx_posted(), 18);
        assert_true(peer_rx_frame(frame, sizeof(frame), 0, 500));
        assert_int_equal(receive_all(), 1);
        netdev_arm(peer.dev);
    }
    peer_stop(0);
}

static void test_pool_of_pages_runs_dry(void **state)
{
    uint8_t frame[60];
    struct pkt *held[60];
    unsigned n;

    (void)state;
    start(&(struct peer_conf){.seed = 1, .pages = 62});
    assert_int_equal(peer_rx_posted(), 60);
    assert_int_equal(peer.dev->stats.rx_no_buffer, 1);
    peer_pattern(frame, sizeof(frame), 0);
    for (n = 0; n < 60; n++)
        assert_true(peer_rx_frame(frame, sizeof(frame), 0, 0));
    assert_int_equal(netdev_rx(peer.dev, held, 60), 60);
    assert_false(netdev_arm(peer.dev));
    assert_int_equal(peer_rx_posted(), 0);
    for (n = 0; n < 30; n++)
        pkt_put(held[n]);
    assert_false(netdev_arm(peer.dev));
    assert_int_equal(peer_rx_posted(), 30);
    for (; n < 60; n++)
        pkt_put(held[n]);
    assert_true(peer_rx_frame(frame, sizeof(frame), 0, 0));
    assert_int_equal(receive_all(), 1);
    peer_stop(0);
}

static void test_pool_of_packets_runs_dry(void **state)
{
    uint8_t frame[300];
    struct pkt *held[10];

    (void)state;
    start(&(struct peer_conf){.seed = 1, .pkts = 5});
    peer_pattern(frame, sizeof(frame), 0);
    for (unsigned i = 0; i < 9; i++)
        assert_true(peer_rx_frame(frame, sizeof(frame), 0, 100));
    assert_int_equal(netdev_rx(peer.dev, held, 10), 5);
    assert_int_equal(peer.dev->stats.rx_no_buffer, 4);
    assert_false(netdev_arm(peer.dev)); /* dropped: no loop that waits for packets to come back */
    for (unsigned i = 0; i < 5; i++)
        pkt_put(held[i]);
    netdev_arm(peer.dev);
    assert_int_equal(peer.pages.free_count, BASE);
    assert_true(peer_rx_frame(frame, sizeof(frame), 0, 0));
    assert_int_equal(receive_all(), 1);
    peer_stop(0);
}

/* rx gives n frames at most, oldest first, and what is left stays. */
static void test_budget(void **state)
{
    uint8_t frame[60], first;
    struct pkt *got[3];

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    for (unsigned i = 0; i < 10; i++) {
        peer_pattern(frame, sizeof(frame), (uint8_t)i);
        assert_true(peer_rx_frame(frame, sizeof(frame), 0, 0));
    }
    for (unsigned i = 0; i < 10; i += 3) {
        unsigned n = netdev_rx(peer.dev, got, 3);

        assert_int_equal(n, i == 9 ? 1 : 3);
        for (unsigned j = 0; j < n; j++) {
            assert_true(pkt_read(got[j], 14, cs_of(&first, 1)));
            assert_int_equal(first, 14 + i + j);
            pkt_put(got[j]);
        }
        assert_int_equal(netdev_arm(peer.dev), i != 9);
    }
    assert_int_equal(netdev_rx(peer.dev, got, 0), 0);
    peer_stop(0);
}

/* XSA-403: a page is all zeroes when an untrusted backend gets it, whatever it was used for
 * before. */
static void test_untrusted_backend_gets_zeroed_pages(void **state)
{
    struct peer_rx_req req;
    int16_t status;

    (void)state;
    peer_start(&(struct peer_conf){.seed = 1, .trusted = "0"});
    for (unsigned i = 0; i < PEER_PAGES; i++)
        memset(peer_memory[i], 0x5e, 4096);
    assert_int_equal(peer_open(), 0);
    for (unsigned i = 0; i < 400; i++) {
        const uint8_t *page;

        assert_true(peer_rx_take(&req));
        page = sim_grant_use(req.gref, 0, 4096, true, &status);
        for (unsigned j = 0; j < 4096; j++)
            assert_int_equal(page[j], 0);
        peer_rx_answer(req.id, 0, 0, 100);
        peer_rx_push();
        receive_all();
    }
    peer_stop(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_of_every_shape),
        cmocka_unit_test(test_chain_in_several_pushes),
        cmocka_unit_test(test_errors_drop_the_frame_and_keep_the_pages),
        cmocka_unit_test(test_frames_shorter_than_a_header_are_dropped),
        cmocka_unit_test(test_checksum_flags),
        cmocka_unit_test(test_blank_checksum_of_a_cut_frame),
        cmocka_unit_test(test_offset_and_length_stay_in_the_page),
        cmocka_unit_test(test_chain_of_19_slots),
        cmocka_unit_test(test_extra_info_that_was_not_negotiated),
        cmocka_unit_test(test_ids_are_not_trusted),
        cmocka_unit_test(test_response_index_is_not_trusted),
        cmocka_unit_test(test_page_still_mapped_is_quarantined),
        cmocka_unit_test(test_posted_page_mapped_at_close),
        cmocka_unit_test(test_no_lost_wakeup),
        cmocka_unit_test(test_event_storm),
        cmocka_unit_test(test_refill_in_batches),
        cmocka_unit_test(test_smallest_ring),
        cmocka_unit_test(test_pool_of_pages_runs_dry),
        cmocka_unit_test(test_pool_of_packets_runs_dry),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_untrusted_backend_gets_zeroed_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
