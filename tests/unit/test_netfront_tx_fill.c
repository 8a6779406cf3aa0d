/* SPDX-License-Identifier: ISC */
/* Tests of netfront_tx.c, fill: slots and grants of frames sent, checksums, what is refused. */
#include "tests/netfront/tx.h"

#include <morgana/cksum.h>

/* ---- slots ----------------------------------------------------------------------------------- */

static void test_one_page_frame(void **state)
{
    struct netfront_tx_req req;
    struct pkt *pkt;
    int16_t status;

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    pkt = pkt_alloc(&peer.pool, 200, 90);
    peer_pattern(pkt->frag[0].page->base + 200, 90, 1);
    send(pkt);
    /* The packet is free at once, the page is not. */
    assert_int_equal(peer.pool.free_count, peer.pool.total);
    assert_int_equal(peer.pages.free_count, BASE - 1);
    req = take();
    assert_int_equal(req.offset, 200);
    assert_int_equal(req.size, 90);
    assert_int_equal(req.txf, 0);
    assert_int_equal(peer_tx_bytes(&req, 90)[89], (uint8_t)(1 + 89));
    assert_null(sim_grant_use(req.gref, 0, 1, true, &status)); /* read-only */
    peer_check_pages();
    answer(req.id);
    assert_int_equal(peer.pages.free_count, BASE);
    assert_null(sim_grant_use(req.gref, 0, 1, false, &status)); /* ended */
    assert_int_equal(peer.pool.stats.copied_bytes, 0);
    peer_stop(0);
}

/* 18 slots: the first says the whole frame's length, later ones their own; all but the last have
 * more_data. */
static void test_gathers_18_pages(void **state)
{
    static uint8_t want[18 * 2000], frame[18 * 2000];
    uint32_t lens[18], len;
    struct netfront_tx_req reqs[18];

    (void)state;
    start(&(struct peer_conf){.seed = 1, .mtu = "65000"});
    for (unsigned n = 1; n <= 18; n++) {
        for (unsigned i = 0; i < n; i++)
            lens[i] = 2000 - i;
        send(pieces(lens, n));
        netdev_tx_flush(peer.dev);
        assert_int_equal(take_frame(frame, &len, reqs), n);
        peer_pattern(want, len, 3);
        assert_memory_equal(frame, want, len);
        for (unsigned i = 0; i < n; i++) {
            assert_int_equal(reqs[i].size, lens[i]);
            assert_int_equal(reqs[i].offset, 4096 - lens[i]);
        }
        answer_frame(reqs, n);
    }
    assert_int_equal(peer.pool.stats.copied_bytes, 0);
    peer_stop(0);
}

/* XSA-423: all protocol headers lie in the first slot. Payload by reference stays where it is. */
static void test_headers_in_first_slot(void **state)
{
    static const struct {
        uint8_t protocol, doff;
        uint32_t first, want_first, pulled;
    } cases[] = {
        {6, 5, 54, 54, 0},  {6, 5, 53, 54, 1},  {6, 5, 34, 54, 1},    {6, 5, 20, 54, 2},
        {6, 5, 1, 54, 3},   {6, 15, 94, 94, 0}, {6, 15, 54, 94, 1},   {17, 0, 42, 42, 0},
        {17, 0, 41, 42, 1}, {1, 0, 34, 34, 0},  {17, 0, 300, 300, 0},
    };
    uint8_t frame[1500], want[1500];
    struct netfront_tx_req reqs[18];
    uint32_t len;

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        uint32_t lens[2] = {cases[i].first, 1400 - cases[i].first};
        struct pkt *pkt;
        struct cs to;

        start(&(struct peer_conf){.seed = 1});
        pkt = pieces(lens, 2);
        peer_pattern(want, 1400, 3);
        want[12] = 8;
        want[13] = 0;
        want[14] = 0x45;
        want[20] = want[21] = 0;
        want[23] = cases[i].protocol;
        want[46] = (uint8_t)(cases[i].doff << 4);
        to = page_view(pkt->frag[0].page);
        cs_blit(to, 4096 - lens[0], cs_ro_of(want, lens[0]));
        to = page_view(pkt->frag[1].page);
        cs_blit(to, 4096 - lens[1], cs_ro_of(want + lens[0], lens[1]));
        send(pkt);
        netdev_tx_flush(peer.dev);
        take_frame(frame, &len, reqs);
        assert_int_equal(len, 1400);
        assert_memory_equal(frame, want, 1400);
        assert_int_equal(reqs[0].size, cases[i].want_first);
        assert_int_equal(peer.pool.stats.pulled_up, cases[i].pulled);
        answer_frame(reqs, 2);
        peer_stop(0);
    }
}

static void test_empty_fragments_take_no_slot(void **state)
{
    uint8_t frame[1500];
    struct netfront_tx_req reqs[18];
    const uint32_t lens[5] = {0, 60, 0, 100, 0};
    uint32_t len;

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    send(pieces(lens, 5));
    netdev_tx_flush(peer.dev);
    assert_int_equal(take_frame(frame, &len, reqs), 2);
    assert_int_equal(len, 160);
    answer_frame(reqs, 2);
    peer_stop(0);
}

static void test_joined_for_a_backend_that_cannot_gather(void **state)
{
    static const uint32_t lens[3] = {60, 700, 700}, big[2] = {1000, 3200};
    uint8_t frame[1500], want[1500];
    struct netfront_tx_req reqs[18];
    uint32_t len;
    struct pkt *pkt;

    (void)state;
    start(&(struct peer_conf){.seed = 1, .no_sg = true, .mtu = "9000"});
    send(pieces(lens, 3));
    netdev_tx_flush(peer.dev);
    assert_int_equal(take_frame(frame, &len, reqs), 1);
    peer_pattern(want, 1460, 3);
    assert_int_equal(len, 1460);
    assert_memory_equal(frame, want, 1460);
    assert_int_equal(peer.dev->stats.tx_linearised, 1);
    assert_int_equal(peer.pool.stats.copied_bytes, 1460);
    pkt = pieces(big, 2);
    assert_int_equal(netdev_tx(peer.dev, pkt), -E_MSGSIZE);
    pkt_put(pkt);
    answer_frame(reqs, 1);
    peer_stop(0);
}

/* The backend was not told of any (feature-gso-tcpv4): it would close the device, or drop it. */
static void test_no_super_segment_is_taken(void **state)
{
    struct pkt *pkt;

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    assert_int_equal(peer.dev->caps.gso_max_bytes, 0);
    pkt = pkt_alloc(&peer.pool, 0, 1514); /* even one that is short enough */
    memset(pkt->frag[0].page->base, 0, 1514);
    pkt->csum = PKT_CSUM_BLANK;
    pkt->csum_start = 34;
    pkt->csum_off = 16;
    pkt->gso_size = 1000;
    assert_int_equal(netdev_tx(peer.dev, pkt), -E_INVAL);
    assert_int_equal(peer.dev->stats.tx_errors, 1);
    pkt_put(pkt);
    peer_stop(0);
}

static void test_length_limits(void **state)
{
    static const struct {
        uint32_t len;
        int err;
    } cases[] = {{14, 0},   {13, -E_INVAL},     {0, -E_INVAL},
                 {1514, 0}, {1515, -E_MSGSIZE}, {4096, -E_MSGSIZE}};

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        struct pkt *pkt = pkt_alloc(&peer.pool, 0, cases[i].len);

        assert_int_equal(netdev_tx(peer.dev, pkt), cases[i].err);
        if (cases[i].err != 0)
            pkt_put(pkt);
    }
    assert_int_equal(peer.dev->stats.tx_too_long, 2);
    assert_int_equal(peer.dev->stats.tx_errors, 2);
    netdev_tx_flush(peer.dev);
    peer_tx_all();
    peer_stop(0);
}

/* ---- checksums ------------------------------------------------------------------------------- */

/* A UDP datagram whose checksum field holds the pseudo-header's sum. */
static struct pkt *blank_datagram(void)
{
    struct pkt *pkt = peer_packet(142, 0);
    struct cs v = cs_of(pkt->frag[0].page->base, 142);

    cs_set_be16(v, 12, 0x0800);
    cs_set_u8(v, 14, 0x45);
    cs_set_be16(v, 16, 128);
    cs_set_be16(v, 20, 0);
    cs_set_u8(v, 23, 17);
    cs_set_be32(v, 26, 0x0a000001);
    cs_set_be32(v, 30, 0x0a000002);
    cs_set_be16(v, 38, 108);
    cs_set_be16(v, 40, (uint16_t)~cksum_finish(cksum_pseudo4(0x0a000001, 0x0a000002, 17, 108)));
    pkt->csum = PKT_CSUM_BLANK;
    pkt->csum_start = 34;
    pkt->csum_off = 6;
    return pkt;
}

static void test_blank_checksum_goes_out_as_blank(void **state)
{
    struct netfront_tx_req req;
    uint16_t pseudo;

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    send(blank_datagram());
    req = take();
    assert_int_equal(req.txf, NETTXF_csum_blank | NETTXF_data_validated);
    pseudo = cs_get_be16(cs_ro_of(peer_tx_bytes(&req, 142), 142), 40);
    assert_int_equal(pseudo,
                     (uint16_t)~cksum_finish(cksum_pseudo4(0x0a000001, 0x0a000002, 17, 108)));
    answer(req.id);
    peer_stop(0);
}

/* The flags of a frame in several slots stand in the first only. */
static void test_checksum_flags_in_first_slot_only(void **state)
{
    const uint32_t lens[2] = {142, 10};
    struct netfront_tx_req reqs[2];
    struct pkt *pkt;

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    pkt = pieces(lens, 2);
    pkt->csum = PKT_CSUM_BLANK;
    pkt->csum_start = 34;
    pkt->csum_off = 6;
    send(pkt);
    reqs[0] = take();
    reqs[1] = take();
    assert_int_equal(reqs[0].txf, NETTXF_csum_blank | NETTXF_data_validated | NETTXF_more_data);
    assert_int_equal(reqs[1].txf, 0);
    answer_frame(reqs, 2);
    peer_stop(0);
}

/* feature-no-csum-offload = 1 says "don't": the checksum is completed before the frame leaves. */
static void test_blank_checksum_completed_for_a_backend_that_cannot(void **state)
{
    struct netfront_tx_req req;
    struct cs_ro frame;
    struct pkt *pkt;

    (void)state;
    start(&(struct peer_conf){.seed = 1, .no_csum = true});
    send(blank_datagram());
    req = take();
    assert_int_equal(req.txf, 0);
    frame = cs_ro_of(peer_tx_bytes(&req, 142), 142);
    assert_int_equal(cksum_finish(cksum_partial(cs_shift(frame, 34),
                                                cksum_pseudo4(0x0a000001, 0x0a000002, 17, 108))),
                     0);
    answer(req.id);
    /* Nonsense about where the field is: not sent. */
    pkt = blank_datagram();
    pkt->csum_start = 142;
    assert_int_equal(netdev_tx(peer.dev, pkt), -E_INVAL);
    pkt_put(pkt);
    peer_stop(0);
}

static void test_other_checksum_states_have_no_flag(void **state)
{
    (void)state;
    start(&(struct peer_conf){.seed = 1});
    for (unsigned csum = PKT_CSUM_UNKNOWN; csum <= PKT_CSUM_VALIDATED; csum++) {
        struct pkt *pkt = peer_packet(100, 0);
        struct netfront_tx_req req;

        pkt->csum = (uint8_t)csum;
        send(pkt);
        req = take();
        assert_int_equal(req.txf, 0);
        answer(req.id);
    }
    peer_stop(0);
}

/* ---- ids and grants -------------------------------------------------------------------------- */

static void test_ids_and_grants_are_unique_in_flight(void **state)
{
    bool id_seen[NETFRONT_RING_SLOTS] = {false};
    uint32_t grefs[NETFRONT_RING_SLOTS];

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    for (unsigned i = 0; i < NETFRONT_RING_SLOTS; i++)
        send(peer_packet(60, (uint8_t)i));
    for (unsigned i = 0; i < NETFRONT_RING_SLOTS; i++) {
        struct netfront_tx_req req = take();

        assert_true(req.id < NETFRONT_RING_SLOTS);
        assert_false(id_seen[req.id]);
        id_seen[req.id] = true;
        grefs[i] = req.gref;
        for (unsigned j = 0; j < i; j++)
            assert_int_not_equal(grefs[j], req.gref);
    }
    /* Answered in another order: the spec does not promise one. */
    for (unsigned i = 0; i < NETFRONT_RING_SLOTS; i++)
        peer_tx_answer((uint16_t)(i * 37 % NETFRONT_RING_SLOTS), NETIF_RSP_OKAY);
    peer_tx_push();
    netdev_arm(peer.dev);
    assert_int_equal(peer.dev->stats.violations, 0);
    assert_int_equal(peer.pages.free_count, BASE);
    peer_stop(0);
}

/* One page in several frames at once, as a retransmission makes it. */
static void test_page_shared_by_frames(void **state)
{
    struct pkt *pkt, *again;
    struct netfront_tx_req first, second;

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    pkt = peer_packet(200, 0);
    again = pkt_share(pkt, 0, 200);
    send(pkt);
    send(again);
    first = take();
    second = take();
    assert_int_not_equal(first.gref, second.gref);
    answer(first.id);
    assert_int_equal(peer.pages.free_count, BASE - 1);
    assert_non_null(peer_tx_bytes(&second, 200));
    answer(second.id);
    assert_int_equal(peer.pages.free_count, BASE);
    peer_stop(0);
}

static void test_grants_run_out(void **state)
{
    const uint32_t lens[4] = {60, 10, 10, 10};
    struct pkt *pkt;

    (void)state;
    /* 2 rings, 18 pages posted, 3 left */
    start(
        &(struct peer_conf){.seed = 1, .grants_max = GNTTAB_RESERVED + 2 + 18 + 3, .rx_slots = 18});
    pkt = pieces(lens, 4);
    assert_int_equal(netdev_tx(peer.dev, pkt),
                     -E_NOMEM); /* nobody owes us an answer: do not wait for one */
    assert_int_equal(pkt->frag_count, 4);
    send(peer_packet(60, 0));
    assert_int_equal(netdev_tx(peer.dev, pkt), -E_AGAIN);
    assert_false(netdev_arm(peer.dev));
    peer_tx_all();
    assert_int_equal(peer.events_to, 1);
    assert_true(netdev_arm(peer.dev));
    pkt_put(pkt);
    peer_check_pages();
    peer_stop(0);
}

/* What must be copied and cannot be: refused, the packet as it was; with frames on their way it may
 * be tried again when one is answered. */
static void test_no_memory_to_copy_to(void **state)
{
    const uint32_t lens[2] = {20, 100};
    struct page *held[PEER_PAGES];
    struct pkt *pkt;
    unsigned n;

    (void)state;
    for (unsigned untrusted = 0; untrusted < 2; untrusted++) {
        start(&(struct peer_conf){.seed = 1, .trusted = untrusted != 0 ? "0" : NULL});
        pkt = pieces(lens, 2);
        memcpy(pkt->frag[0].page->base + 4096 - 20 + 12, "\x08\x00\x45", 3);
        for (n = 0; (held[n] = page_get(&peer.pages)) != NULL;)
            n++;
        assert_int_equal(netdev_tx(peer.dev, pkt), -E_NOMEM);
        page_put(held[--n]);
        if (untrusted != 0)
            page_put(held[--n]); /* one for the program, one for the copy */
        send(peer_packet(60, 0));
        if (untrusted != 0)
            held[n++] = page_get(&peer.pages);
        assert_int_equal(netdev_tx(peer.dev, pkt), -E_AGAIN);
        assert_int_equal(pkt->len, 120);
        assert_false(netdev_arm(peer.dev));
        peer_tx_all();
        assert_true(netdev_arm(peer.dev));
        send(pkt);
        netdev_tx_flush(peer.dev);
        peer_tx_all();
        while (n > 0)
            page_put(held[--n]);
        peer_stop(0);
    }
    /* No packet for the copy. */
    start(&(struct peer_conf){.seed = 1, .trusted = "0", .pkts = 1});
    pkt = peer_packet(60, 0);
    assert_int_equal(netdev_tx(peer.dev, pkt), -E_NOMEM);
    pkt_put(pkt);
    peer_stop(0);
}

/* Grants run out in mid-frame, and the backend has guessed those there were and uses them: the
 * pages are not the program's to give to anyone else, though it still owns the packet. */
static void test_untaken_slots_still_in_use(void **state)
{
    const uint32_t lens[4] = {60, 10, 10, 10};
    gref_t guessed[2];
    struct pkt *pkt;

    (void)state;
    start(&(struct peer_conf){.seed = 1,
                              .gnttab_version = 2,
                              .grants_max = GNTTAB_RESERVED + 2 + 18 + 3,
                              .rx_slots = 18});
    guessed[0] = peer.gt.free_head;
    guessed[1] = peer_free_list[guessed[0]];
    for (unsigned i = 0; i < 2; i++)
        peer.gt.status[0][guessed[i]] = GTF_reading;
    pkt = pieces(lens, 4);
    assert_int_equal(netdev_tx(peer.dev, pkt), -E_NETDOWN);
    assert_int_equal(peer.nf->violation, NETFRONT_TX_MAPPED);
    assert_int_equal(peer.dev->stats.violations, 1);
    assert_int_equal(pkt->frag_count, 4);
    netdev_arm(peer.dev);
    pkt_put(pkt);
    peer_close();
    assert_int_equal(peer.pages.quarantined, 2);
    for (unsigned i = 0; i < 2; i++)
        peer.gt.status[0][guessed[i]] = 0;
    peer_stop(0);
}

/* XSA-403: a backend that the toolstack calls untrusted sees the frame and zeroes, nothing else of
 * the page. */
static void test_untrusted_backend_sees_only_the_frame(void **state)
{
    const uint32_t lens[3] = {60, 900, 500};
    struct netfront_tx_req req;
    const uint8_t *bytes;
    uint8_t want[1460];
    struct pkt *pkt;

    (void)state;
    start(&(struct peer_conf){.seed = 1, .trusted = "0"});
    for (unsigned i = 0; i < 300; i++) {
        struct page *page = page_get(&peer.pages); /* secrets in every page */

        memset(page->base, 0x5e, 4096);
        page_put(page);
        pkt = pieces(lens, 3);
        for (unsigned j = 0; j < 3; j++)
            memset(pkt->frag[j].page->base, 0x5e, 4096 - lens[j]);
        send(pkt);
        req = take();
        assert_int_equal(req.size, 1460);
        assert_int_equal(req.txf, 0);
        req.offset = 0;
        bytes = peer_tx_bytes(&req, 4096);
        peer_pattern(want, 1460, 3);
        assert_memory_equal(bytes, want, 1460);
        for (unsigned j = 1460; j < 4096; j++)
            assert_int_equal(bytes[j], 0);
        answer(req.id);
    }
    peer_stop(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_page_frame),
        cmocka_unit_test(test_gathers_18_pages),
        cmocka_unit_test(test_headers_in_first_slot),
        cmocka_unit_test(test_empty_fragments_take_no_slot),
        cmocka_unit_test(test_joined_for_a_backend_that_cannot_gather),
        cmocka_unit_test(test_length_limits),
        cmocka_unit_test(test_no_super_segment_is_taken),
        cmocka_unit_test(test_blank_checksum_goes_out_as_blank),
        cmocka_unit_test(test_checksum_flags_in_first_slot_only),
        cmocka_unit_test(test_blank_checksum_completed_for_a_backend_that_cannot),
        cmocka_unit_test(test_other_checksum_states_have_no_flag),
        cmocka_unit_test(test_ids_and_grants_are_unique_in_flight),
        cmocka_unit_test(test_page_shared_by_frames),
        cmocka_unit_test(test_grants_run_out),
        cmocka_unit_test(test_no_memory_to_copy_to),
        cmocka_unit_test(test_untaken_slots_still_in_use),
        cmocka_unit_test(test_untrusted_backend_sees_only_the_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
