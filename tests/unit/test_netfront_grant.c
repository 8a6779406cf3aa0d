/* SPDX-License-Identifier: ISC */
/* Tests of netfront_grant.c: grants for sending that outlast their requests. */
#include "tests/netfront/tx.h"

/* Takes all that was sent; returns the grants, in order. */
static unsigned take_all(uint32_t *grefs)
{
    struct netfront_tx_req req;
    unsigned n = 0;

    netdev_tx_flush(peer.dev);
    while (peer_tx_take(&req)) {
        grefs[n++] = req.gref;
        assert_non_null(peer_tx_bytes(&req, 60));
        peer_tx_answer(req.id, NETIF_RSP_OKAY);
    }
    peer_tx_push();
    netdev_arm(peer.dev);
    return n;
}

static uint64_t grants_made(void)
{
    return peer.gt.stats.grants;
}

static void test_a_page_keeps_its_grant(void **state)
{
    uint32_t first[200], again[200];
    uint64_t made;

    (void)state;
    for (uint32_t version = 1; version <= 2; version++) {
        start(&(struct peer_conf){.seed = 1, .keep_grants = true, .gnttab_version = version});
        for (unsigned i = 0; i < 200; i++)
            send(peer_packet(60, 1));
        assert_int_equal(take_all(first), 200);
        made = grants_made();
        for (unsigned round = 0; round < 20; round++) {
            for (unsigned i = 0; i < 200; i++)
                send(peer_packet(60, 1));
            assert_int_equal(take_all(again), 200);
        }
        assert_int_equal(grants_made(), made); /* the pool gives the same pages again */
        assert_int_equal(peer.pages.free_count, BASE);
        peer_check_pages();
        peer_stop(0); /* and all have ended */
    }
}

/* A page that is in several frames has one grant, and the backend may answer in any order. */
static void test_a_page_in_several_frames_has_one_grant(void **state)
{
    uint32_t grefs[8];
    struct pkt *pkt;

    (void)state;
    start(&(struct peer_conf){.seed = 1, .keep_grants = true});
    pkt = peer_packet(1000, 1);
    for (unsigned i = 0; i < 8; i++)
        send(pkt_share(pkt, 0, 1000));
    pkt_put(pkt);
    assert_int_equal(take_all(grefs), 8);
    for (unsigned i = 1; i < 8; i++)
        assert_int_equal(grefs[i], grefs[0]);
    assert_int_equal(peer.pages.free_count, BASE);
    peer_stop(0);
}

/* The backend cannot write through them, whatever the page is used for. */
static void test_kept_grants_are_read_only(void **state)
{
    struct netfront_tx_req req;
    int16_t status;

    (void)state;
    start(&(struct peer_conf){.seed = 1, .keep_grants = true});
    send(peer_packet(60, 1));
    req = take();
    answer(req.id);
    assert_non_null(sim_grant_use(req.gref, 0, 60, false, &status));
    assert_null(sim_grant_use(req.gref, 0, 60, true, &status));
    peer_stop(0);
}

/* Half of what is free when the device opens is left to others. */
static void test_kept_grants_leave_some_for_others(void **state)
{
    static struct page *held[4][200];
    uint32_t grefs[200], at_open;

    (void)state;
    start(&(struct peer_conf){.seed = 1, .keep_grants = true, .grants_max = 512, .rx_slots = 32});
    at_open = peer.gt.stats.free_count;
    for (unsigned round = 0; round < 4; round++) {
        for (unsigned i = 0; i < 200; i++) {
            struct pkt *pkt = peer_packet(60, 1);

            held[round][i] = pkt->frag[0].page;
            page_ref(held[round][i]); /* so that the next round has other pages */
            send(pkt);
        }
        assert_int_equal(take_all(grefs), 200);
        assert_in_range(peer.gt.stats.free_count, at_open / 2, at_open);
    }
    assert_int_equal(peer.gt.stats.free_count, at_open / 2);
    for (unsigned i = 0; i < 800; i++)
        page_put(held[i / 200][i % 200]);
    assert_int_equal(peer.gt.stats.empty, 0);
    peer_stop(0);
}

/* `trusted` = 0: the backend is to see nothing but what it is sent. */
static void test_no_grant_is_kept_for_an_untrusted_backend(void **state)
{
    uint32_t grefs[4], before;

    (void)state;
    start(&(struct peer_conf){.seed = 1, .keep_grants = true, .trusted = "0"});
    before = peer.gt.stats.free_count;
    send(peer_packet(60, 1));
    assert_int_equal(take_all(grefs), 1);
    assert_int_equal(peer.gt.stats.free_count, before);
    peer_stop(0);
}

/* Another pool's page has a grant for each frame. */
static void test_pages_of_other_pools_have_grants_of_their_own(void **state)
{
    static _Alignas(4096) uint8_t bytes[4096];
    struct page_pool others;
    struct page page;
    uint32_t grefs[4], before;
    struct pkt *pkt;

    (void)state;
    start(&(struct peer_conf){.seed = 1, .keep_grants = true});
    before = peer.gt.stats.free_count;
    page_pool_init(&others, &page, bytes, 1);
    pkt = pkt_get(&peer.pool);
    assert_int_equal(pkt_append_take(pkt, page_get(&others), 0, 60), 0);
    send(pkt);
    assert_int_equal(take_all(grefs), 1);
    assert_int_equal(peer.gt.stats.free_count, before);
    assert_int_equal(others.free_count, 1);
    peer_stop(0);
}

/* What the backend still maps at the end is not used again, and ends when it lets go. */
static void test_a_grant_that_does_not_end_is_not_used_again(void **state)
{
    struct netfront_tx_req req, next;
    int16_t status;

    (void)state;
    start(&(struct peer_conf){.seed = 1, .keep_grants = true});
    send(peer_packet(60, 1));
    req = take();
    assert_non_null(sim_grant_map(req.gref, false, &status));
    answer(req.id);
    peer_close();
    assert_int_equal(peer_open(), 0);
    send(peer_packet(60, 1)); /* the same page */
    next = take();
    assert_int_not_equal(next.gref, req.gref);
    answer(next.id);
    sim_grant_unmap(req.gref, false);
    peer_close();
    assert_int_equal(peer_open(), 0);
    peer_stop(0);
}

static void test_kept_grants_with_frames_in_flight_at_the_end(void **state)
{
    (void)state;
    start(&(struct peer_conf){.seed = 1, .keep_grants = true});
    for (unsigned i = 0; i < 100; i++)
        send(peer_packet(60, 1));
    netdev_tx_flush(peer.dev);
    peer_close();
    assert_int_equal(peer.pages.free_count, peer.pages.total);
    assert_int_equal(peer_open(), 0);
    peer_stop(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_page_keeps_its_grant),
        cmocka_unit_test(test_a_page_in_several_frames_has_one_grant),
        cmocka_unit_test(test_kept_grants_are_read_only),
        cmocka_unit_test(test_kept_grants_leave_some_for_others),
        cmocka_unit_test(test_no_grant_is_kept_for_an_untrusted_backend),
        cmocka_unit_test(test_pages_of_other_pools_have_grants_of_their_own),
        cmocka_unit_test(test_a_grant_that_does_not_end_is_not_used_again),
        cmocka_unit_test(test_kept_grants_with_frames_in_flight_at_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
