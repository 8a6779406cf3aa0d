/* SPDX-License-Identifier: ISC */
/* Tests of super-segments over netfront's rings: extra info behind the first slot, both ways, and
 * lies about it. */
#include "tests/netfront/tx.h"

#define HEADERS 54u /* Ethernet, IPv4, TCP */

/* Headers of a TCP packet over IPv4 of `len` bytes, Ethernet's and all; the rest counts up. */
static void tcp_frame(uint8_t *frame, uint32_t len)
{
    memset(frame, 0, HEADERS);
    frame[12] = 8;
    frame[14] = 0x45;
    frame[16] = (uint8_t)((len - 14) >> 8);
    frame[17] = (uint8_t)(len - 14);
    frame[23] = 6;
    frame[46] = 5 << 4;
    for (uint32_t i = HEADERS; i < len; i++)
        frame[i] = (uint8_t)(i * 7);
}

/* A super-segment: headers in one fragment, payload in `pieces` others of `piece` bytes. */
static struct pkt *super(uint32_t count, uint32_t piece)
{
    struct pkt *pkt = pkt_alloc(&peer.pool, PKT_HEADROOM_BYTES, HEADERS);
    uint32_t len = HEADERS + count * piece;

    tcp_frame(pkt->frag[0].page->base + PKT_HEADROOM_BYTES, HEADERS);
    pkt->frag[0].page->base[PKT_HEADROOM_BYTES + 16] = (uint8_t)((len - 14) >> 8);
    pkt->frag[0].page->base[PKT_HEADROOM_BYTES + 17] = (uint8_t)(len - 14);
    for (uint32_t i = 0; i < count; i++) {
        struct page *page = page_get(&peer.pages);

        memset(page->base, (int)i, piece);
        assert_int_equal(pkt_append_take(pkt, page, 0, piece), 0);
    }
    pkt->csum = PKT_CSUM_BLANK;
    pkt->csum_start = 34;
    pkt->csum_off = 16;
    pkt->gso_size = 1448;
    return pkt;
}

/* The same over IPv6 (RFC 8200 section 3): headers, and the rest counts up. */
#define HEADERS6 74u

static void tcp6_frame(uint8_t *frame, uint32_t len)
{
    memset(frame, 0, HEADERS6);
    frame[12] = 0x86;
    frame[13] = 0xdd;
    frame[14] = 0x60;
    frame[18] = (uint8_t)((len - 54) >> 8);
    frame[19] = (uint8_t)(len - 54);
    frame[20] = 6;
    frame[66] = 5 << 4;
    for (uint32_t i = HEADERS6; i < len; i++)
        frame[i] = (uint8_t)(i * 7);
}

/* ---- transmit -------------------------------------------------------------------------------- */

/* io/netif.h: extra info comes second; GSO frames carry csum_blank and data_validated; the first
 * slot's size is the whole frame's. */
static void test_a_super_segment_has_extra_info_behind_its_first_slot(void **state)
{
    struct netif_extra_info extra, want = {.type = XEN_NETIF_EXTRA_TYPE_GSO};
    struct netfront_tx_req req;
    uint16_t ids[18];

    (void)state;
    want.u.gso.size = 1448;
    want.u.gso.type = XEN_NETIF_GSO_TYPE_TCPV4;
    start(&(struct peer_conf){.seed = 1, .gso = true, .index = 0xffffff00});
    assert_int_equal(peer.dev->caps.gso_max_bytes, 65535 - 14);
    for (unsigned round = 0; round < 60; round++) {
        send(super(16, 4060));
        netdev_tx_flush(peer.dev);
        assert_true(peer_tx_take(&req));
        assert_int_equal(req.txf, NETTXF_csum_blank | NETTXF_data_validated | NETTXF_more_data |
                                      NETTXF_extra_info);
        assert_int_equal(req.size, HEADERS + 16 * 4060);
        ids[0] = req.id;
        assert_true(peer_tx_take_extra(&extra));
        assert_memory_equal(&extra, &want, sizeof(extra));
        for (unsigned i = 1; i <= 16; i++) {
            assert_true(peer_tx_take(&req));
            assert_int_equal(req.txf, i < 16 ? NETTXF_more_data : 0);
            assert_int_equal(req.size, 4060);
            assert_int_equal(*peer_tx_bytes(&req, 4060), i - 1);
            ids[i] = req.id;
        }
        assert_false(peer_tx_take(&req));
        peer_tx_answer(ids[0], NETIF_RSP_OKAY);
        peer_tx_answer(0xabcd, NETIF_RSP_NULL); /* extra info has no id, so its answer has none */
        for (unsigned i = 1; i <= 16; i++)
            peer_tx_answer(ids[i], NETIF_RSP_OKAY);
        peer_tx_push();
        netdev_arm(peer.dev);
        assert_int_equal(peer.nf->queue[0].tx.free_count, NETFRONT_RING_SLOTS);
    }
    assert_int_equal(peer.pool.stats.copied_bytes, 0);
    assert_int_equal(peer.dev->stats.tx_errors, 0);
    peer_stop(0);
}

/* The whole transmit slot is written: no byte of an older request is left in it (XSA-216). */
static void test_extra_info_leaves_no_old_bytes(void **state)
{
    static const uint8_t zeros[4];
    const uint8_t *slot;

    (void)state;
    start(&(struct peer_conf){.seed = 1, .gso = true});
    memset((uint8_t *)peer.tx.shared + RING_SLOTS_AT, 0xee, PAGE_BYTES - RING_SLOTS_AT);
    send(super(3, 1000));
    slot = (const uint8_t *)peer.tx.shared + RING_SLOTS_AT + NETFRONT_TX_SLOT_BYTES;
    assert_int_equal(slot[0], XEN_NETIF_EXTRA_TYPE_GSO);
    assert_int_equal(slot[1], 0);
    assert_int_equal(slot[5] | slot[6] | slot[7], 0);
    assert_memory_equal(slot + 8, zeros, 4);
    peer_stop(0);
}

/* The ring has room for slots, not for ids: what extra info takes up is counted. */
static void test_the_ring_is_full_of_slots_and_extra_info(void **state)
{
    struct netif_extra_info extra;
    struct netfront_tx_req req;
    struct pkt *pkt;
    unsigned n = 0;

    (void)state;
    start(&(struct peer_conf){.seed = 1, .gso = true});
    for (;; n++) {
        pkt = super(1, 2000);
        if (netdev_tx(peer.dev, pkt) != 0)
            break;
    }
    assert_int_equal(n, NETFRONT_RING_SLOTS / 3);
    netdev_tx_flush(peer.dev);
    while (n-- > 0) {
        uint16_t first;

        assert_true(peer_tx_take(&req));
        first = req.id;
        assert_true(peer_tx_take_extra(&extra));
        assert_true(peer_tx_take(&req));
        peer_tx_answer(first, NETIF_RSP_OKAY);
        peer_tx_answer(first, NETIF_RSP_NULL);
        peer_tx_answer(req.id, NETIF_RSP_OKAY);
    }
    peer_tx_push();
    assert_true(netdev_arm(peer.dev)); /* room for the one that was refused */
    send(pkt);
    assert_int_equal(peer.nf->queue[0].tx.free_count, NETFRONT_RING_SLOTS - 3);
    peer_stop(0);
}

static void test_what_is_no_super_segment_is_refused(void **state)
{
    struct pkt *pkt;

    (void)state;
    start(&(struct peer_conf){.seed = 1, .gso = true});
    for (unsigned bad = 0; bad < 4; bad++) {
        pkt = super(2, 2000);
        if (bad == 0)
            pkt->csum = PKT_CSUM_UNKNOWN;
        else if (bad == 1)
            pkt->csum_off = 6; /* UDP's */
        else if (bad == 2)
            pkt->gso_size = 1500 - 40 + 1; /* a segment must fit the MTU */
        else
            pkt->csum_start = 54 - 19; /* TCP's header is not in the first fragment */
        assert_int_equal(netdev_tx(peer.dev, pkt), -E_INVAL);
        pkt_put(pkt);
    }
    assert_int_equal(peer.dev->stats.tx_errors, 4);
    pkt = super(17, 4096); /* longer than a slot can say */
    assert_int_equal(netdev_tx(peer.dev, pkt), -E_INVAL);
    pkt_put(pkt);
    peer_stop(0);
}

/* feature-gso-tcpv6 of the backend's is no leave for anything: super-segments are TCP over IPv4's,
 * and what is none of these never reaches the ring. */
static void test_a_backend_that_takes_tcp_over_ipv6_gets_none(void **state)
{
    struct netfront_tx_req req;
    struct pkt *pkt;

    (void)state;
    for (unsigned gso = 0; gso < 2; gso++) {
        start(&(struct peer_conf){.seed = 1, .gso = gso != 0, .gso6 = true});
        assert_int_equal(peer.dev->caps.gso_max_bytes, gso != 0 ? 65535 - 14 : 0);
        pkt = pkt_alloc(&peer.pool, 0, 2000);
        tcp6_frame(pkt->frag[0].page->base, 2000);
        pkt->csum = PKT_CSUM_BLANK;
        pkt->csum_start = 54;
        pkt->csum_off = 16;
        pkt->gso_size = 1000;
        assert_int_equal(netdev_tx(peer.dev, pkt), -E_INVAL);
        assert_int_equal(peer.dev->stats.tx_errors, 1);
        pkt_put(pkt);
        netdev_tx_flush(peer.dev);
        assert_false(peer_tx_take(&req));
        peer_stop(0);
    }
}

static void test_who_takes_super_segments(void **state)
{
    static const struct {
        struct peer_conf conf;
        uint32_t max;
        bool rx;
    } cases[] = {
        {{.gso = true}, 65521, true},
        {{.gso = false}, 0, true},
        {{.gso = true, .no_sg = true}, 0, true},
        {{.gso = true, .no_csum = true}, 0, true},
        {{.gso = true, .off.no_gso = true}, 0, false},
        {{.gso = true, .off.no_csum = true}, 0, false},
        {{.gso = true, .off.no_sg = true}, 0, true},
        {{.gso = true, .rx_slots = 21}, 65521, false}, /* its longest frame needs 22 at once */
        {{.gso = true, .rx_slots = 22}, 65521, true},
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        start(&cases[i].conf);
        assert_int_equal(peer.dev->caps.gso_max_bytes, cases[i].max);
        assert_int_equal(peer.dev->caps.gso_rx, cases[i].rx);
        assert_int_equal(sim_xs_read_u32(PEER_FRONT "/feature-gso-tcpv4", 9), cases[i].rx);
        peer_stop(0);
    }
}

/* A backend that answers more extra info than there was. */
static void test_one_null_response_too_many(void **state)
{
    struct netif_extra_info extra;
    struct netfront_tx_req req;

    (void)state;
    start(&(struct peer_conf){.seed = 1, .gso = true});
    send(super(1, 2000));
    netdev_tx_flush(peer.dev);
    assert_true(peer_tx_take(&req));
    assert_true(peer_tx_take_extra(&extra));
    peer_tx_answer(0, NETIF_RSP_NULL);
    peer_tx_answer(0, NETIF_RSP_NULL);
    peer_tx_push();
    netdev_arm(peer.dev);
    assert_int_equal(peer.nf->violation, NETFRONT_TX_STATUS);
    peer_stop(0);
}

/* Frames with extra info that the backend never answered are forgotten with the connection. */
static void test_extra_info_in_flight_when_the_device_closes(void **state)
{
    (void)state;
    start(&(struct peer_conf){.seed = 1, .gso = true});
    for (unsigned i = 0; i < 20; i++)
        send(super(1, 2000));
    netdev_tx_flush(peer.dev);
    peer_close();
    assert_int_equal(peer_open(), 0);
    assert_int_equal(peer.nf->queue[0].tx.free_count, NETFRONT_RING_SLOTS);
    assert_int_equal(peer.nf->queue[0].tx.extras, 0);
    peer_stop(0);
}

/* ---- receive --------------------------------------------------------------------------------- */

static struct netif_extra_info gso_info(uint16_t size, uint8_t type, uint8_t flags)
{
    struct netif_extra_info extra = {.type = XEN_NETIF_EXTRA_TYPE_GSO, .flags = flags};

    extra.u.gso.size = size;
    extra.u.gso.type = type;
    return extra;
}

/* `len` bytes of a frame in the next page posted. */
static void give(const uint8_t *bytes, uint32_t len, uint16_t rxf)
{
    struct peer_rx_req req;
    int16_t status;
    uint8_t *to;

    assert_true(peer_rx_take(&req));
    to = sim_grant_use(req.gref, 0, PAGE_BYTES, true, &status);
    memcpy(to, bytes, len);
    peer_rx_answer(req.id, 0, rxf, (int16_t)len);
}

static void give_extra(struct netif_extra_info extra)
{
    struct peer_rx_req req;

    assert_true(peer_rx_take(&req));
    peer_rx_extra(&extra);
}

static void test_a_super_segment_is_received_without_a_copy(void **state)
{
    static uint8_t frame[16 * 4096], back[16 * 4096];
    const uint32_t len = 15 * 4096 + 100;
    struct pkt *pkt;

    (void)state;
    tcp_frame(frame, len);
    start(&(struct peer_conf){.seed = 1, .index = 0xffffff00});
    for (unsigned round = 0; round < 60; round++) {
        give(frame, 4096,
             NETRXF_csum_blank | NETRXF_data_validated | NETRXF_more_data | NETRXF_extra_info);
        if (round % 2 != 0) { /* it may come in several pushes */
            peer_rx_push();
            assert_int_equal(netdev_rx(peer.dev, &pkt, 1), 0);
        }
        give_extra(gso_info(1448, XEN_NETIF_GSO_TYPE_TCPV4, 0));
        if (round % 4 > 1) {
            peer_rx_push();
            assert_int_equal(netdev_rx(peer.dev, &pkt, 1), 0);
        }
        for (uint32_t at = 4096; at < len; at += 4096) {
            bool last = len - at < 4096;

            give(frame + at, last ? len - at : 4096, last ? 0 : NETRXF_more_data);
        }
        peer_rx_push();
        assert_int_equal(netdev_rx(peer.dev, &pkt, 1), 1);
        assert_int_equal(pkt->len, len);
        assert_int_equal(pkt->gso_size, 1448);
        assert_int_equal(pkt->csum, PKT_CSUM_BLANK);
        assert_int_equal(pkt->csum_start, 34);
        assert_int_equal(pkt->csum_off, 16);
        assert_int_equal(pkt_gso_headers(pkt), HEADERS); /* it could be sent on as it is */
        assert_true(pkt_read(pkt, 0, cs_of(back, len)));
        assert_memory_equal(back, frame, len);
        pkt_put(pkt);
        netdev_arm(peer.dev);
    }
    assert_int_equal(peer.pool.stats.copied_bytes, 0);
    peer_stop(0);
    assert_int_equal(sim_fault_count(), 0);
}

/* A frame without more data ends with its extra info. */
static void test_extra_info_ends_a_frame_of_one_slot(void **state)
{
    uint8_t frame[2000];
    struct pkt *pkts[4];

    (void)state;
    tcp_frame(frame, sizeof(frame));
    start(&(struct peer_conf){.seed = 1});
    give(frame, 2000, NETRXF_data_validated | NETRXF_extra_info);
    give_extra(gso_info(1000, XEN_NETIF_GSO_TYPE_TCPV4, 0));
    give(frame, 2000, 0);
    peer_rx_push();
    assert_int_equal(netdev_rx(peer.dev, pkts, 4), 2);
    assert_int_equal(pkts[0]->gso_size, 1000);
    assert_int_equal(pkts[0]->csum, PKT_CSUM_VALIDATED);
    assert_int_equal(pkts[1]->gso_size, 0);
    assert_int_equal(pkts[1]->csum, PKT_CSUM_UNKNOWN);
    pkt_put(pkts[0]);
    pkt_put(pkts[1]);
    peer_stop(0);
}

/* pkt.h: the driver has seen that a super-segment is TCP over IPv4, and no fragment. What another
 * guest sent through the bridge is no lie of the backend's. */
static void test_a_super_segment_that_is_none_is_dropped(void **state)
{
    static const struct {
        uint8_t at, value;
    } bad[] = {
        {23, 17},   /* UDP */
        {13, 6},    /* ARP */
        {20, 0x20}, /* a fragment */
        {21, 1},    {14, 0x44},
    };
    uint8_t frame[2000];
    struct pkt *pkt;

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    for (unsigned i = 0; i <= ARRAY_SIZE(bad) + 1; i++) {
        tcp_frame(frame, sizeof(frame));
        if (i < ARRAY_SIZE(bad))
            frame[bad[i].at] = bad[i].value;
        give(frame, 2000, NETRXF_csum_blank | NETRXF_data_validated | NETRXF_extra_info);
        /* Then as TCP over IPv6, which we told it we do not take; and with segments of 7 bytes. */
        give_extra(gso_info(
            i <= ARRAY_SIZE(bad) ? 1000 : NETFRONT_GSO_SIZE_MIN - 1,
            i != ARRAY_SIZE(bad) ? XEN_NETIF_GSO_TYPE_TCPV4 : XEN_NETIF_GSO_TYPE_TCPV6, 0));
        peer_rx_push();
        assert_int_equal(netdev_rx(peer.dev, &pkt, 1), 0);
        assert_int_equal(peer.dev->stats.rx_errors, i + 1);
        netdev_arm(peer.dev);
    }
    assert_int_equal(peer.dev->stats.violations, 0);
    peer_stop(0);
}

/* io/netif.h: what we said of feature-gso-tcpv6 holds. A frame that comes all the same is dropped
 * and counted, and those behind it pass. */
static void test_a_super_segment_of_tcp_over_ipv6_is_dropped(void **state)
{
    uint8_t frame[4000];
    struct pkt *pkt;

    (void)state;
    start(&(struct peer_conf){.seed = 1, .gso = true, .gso6 = true});
    assert_int_equal(sim_xs_read_u32(PEER_FRONT "/feature-gso-tcpv6", 9), 0);
    for (unsigned i = 0; i < 3; i++) {
        tcp6_frame(frame, sizeof(frame));
        give(frame, 2000,
             NETRXF_csum_blank | NETRXF_data_validated | NETRXF_more_data | NETRXF_extra_info);
        give_extra(gso_info(1000, XEN_NETIF_GSO_TYPE_TCPV6, 0));
        give(frame + 2000, 2000, 0);
        tcp_frame(frame, 1000);
        give(frame, 1000, 0);
        peer_rx_push();
        assert_int_equal(netdev_rx(peer.dev, &pkt, 1), 1);
        assert_int_equal(pkt->len, 1000);
        pkt_put(pkt);
        assert_int_equal(peer.dev->stats.rx_errors, i + 1);
        assert_int_equal(peer.dev->stats.rx_packets, i + 1);
        netdev_arm(peer.dev);
    }
    assert_int_equal(peer.dev->stats.violations, 0);
    peer_stop(0);
}

static void assert_violation(enum netfront_violation what)
{
    struct pkt *pkt;

    peer_rx_push();
    assert_int_equal(netdev_rx(peer.dev, &pkt, 1), 0);
    assert_int_equal(peer.nf->violation, what);
    assert_int_equal(peer.dev->stats.violations, 1);
    netdev_arm(peer.dev);
    peer_check_pages();
    peer_stop(0);
}

static void test_lies_in_extra_info(void **state)
{
    static const struct {
        uint8_t type, flags;
        uint16_t size;
        enum netfront_violation what;
    } cases[] = {
        {XEN_NETIF_EXTRA_TYPE_NONE, 0, 1000, NETFRONT_RX_EXTRA},
        {XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 0, 1000, NETFRONT_RX_EXTRA},
        {XEN_NETIF_EXTRA_TYPE_MCAST_DEL, 0, 1000, NETFRONT_RX_EXTRA},
        {XEN_NETIF_EXTRA_TYPE_MAX, 0, 1000, NETFRONT_RX_EXTRA},
        {31, 0, 1000, NETFRONT_RX_EXTRA},
        {32, 0, 1000, NETFRONT_RX_EXTRA},
        {33, 0, 1000, NETFRONT_RX_EXTRA},
        {255, 0, 1000, NETFRONT_RX_EXTRA},
        {XEN_NETIF_EXTRA_TYPE_GSO, 0, 0, NETFRONT_RX_GSO},
    };
    uint8_t frame[2000];

    (void)state;
    tcp_frame(frame, sizeof(frame));
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        struct netif_extra_info extra = gso_info(cases[i].size, 1, cases[i].flags);

        extra.type = cases[i].type;
        start(&(struct peer_conf){.seed = 1});
        give(frame, 2000, NETRXF_extra_info);
        give_extra(extra);
        assert_violation(cases[i].what);
    }
}

/* No type comes twice, so a chain of extra info ends. */
static void test_a_chain_of_extra_info_is_bounded(void **state)
{
    uint8_t frame[2000];

    (void)state;
    tcp_frame(frame, sizeof(frame));
    start(&(struct peer_conf){.seed = 1});
    give(frame, 2000, NETRXF_extra_info | NETRXF_more_data);
    while (peer_rx_posted() != 0)
        give_extra(gso_info(1000, XEN_NETIF_GSO_TYPE_TCPV4, XEN_NETIF_EXTRA_FLAG_MORE));
    assert_violation(NETFRONT_RX_EXTRA);
}

static void test_extra_info_behind_a_later_slot(void **state)
{
    uint8_t frame[2000];

    (void)state;
    tcp_frame(frame, sizeof(frame));
    start(&(struct peer_conf){.seed = 1});
    give(frame, 2000, NETRXF_more_data);
    give(frame, 2000, NETRXF_extra_info);
    assert_violation(NETFRONT_RX_EXTRA);
}

static void test_the_device_closes_between_slot_and_extra_info(void **state)
{
    uint8_t frame[2000];
    struct pkt *pkt;

    (void)state;
    tcp_frame(frame, sizeof(frame));
    start(&(struct peer_conf){.seed = 1});
    give(frame, 2000, NETRXF_extra_info | NETRXF_more_data);
    peer_rx_push();
    assert_int_equal(netdev_rx(peer.dev, &pkt, 1), 0);
    peer_close();
    assert_int_equal(peer_open(), 0);
    assert_true(peer_rx_frame(frame, 2000, 0, 0));
    assert_int_equal(netdev_rx(peer.dev, &pkt, 1), 1);
    assert_int_equal(pkt->frag_count, 1);
    pkt_put(pkt);
    peer_stop(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_super_segment_has_extra_info_behind_its_first_slot),
        cmocka_unit_test(test_extra_info_leaves_no_old_bytes),
        cmocka_unit_test(test_the_ring_is_full_of_slots_and_extra_info),
        cmocka_unit_test(test_what_is_no_super_segment_is_refused),
        cmocka_unit_test(test_a_backend_that_takes_tcp_over_ipv6_gets_none),
        cmocka_unit_test(test_who_takes_super_segments),
        cmocka_unit_test(test_one_null_response_too_many),
        cmocka_unit_test(test_extra_info_in_flight_when_the_device_closes),
        cmocka_unit_test(test_a_super_segment_is_received_without_a_copy),
        cmocka_unit_test(test_extra_info_ends_a_frame_of_one_slot),
        cmocka_unit_test(test_a_super_segment_that_is_none_is_dropped),
        cmocka_unit_test(test_a_super_segment_of_tcp_over_ipv6_is_dropped),
        cmocka_unit_test(test_lies_in_extra_info),
        cmocka_unit_test(test_a_chain_of_extra_info_is_bounded),
        cmocka_unit_test(test_extra_info_behind_a_later_slot),
        cmocka_unit_test(test_the_device_closes_between_slot_and_extra_info),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
