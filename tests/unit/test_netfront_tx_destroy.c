/* SPDX-License-Identifier: ISC */
/* Tests of netfront_tx.c, destroy: pages that the backend still maps when it should not. */
#include "tests/netfront/tx.h"

/* XSA-396: a page that the backend maps beyond its response is never used again until it lets
 * go. */
static void test_page_still_mapped_is_kept(void **state)
{
    struct netfront_tx_req req;
    struct pkt *none[1];
    int16_t status;

    (void)state;
    for (uint32_t version = 1; version <= 2; version++) {
        start(&(struct peer_conf){.seed = 1, .gnttab_version = version});
        send(peer_packet(60, 0));
        req = take();
        assert_non_null(sim_grant_map(req.gref, false, &status));
        answer(req.id);
        assert_int_equal(netdev_rx(peer.dev, none, 1), 0);
        assert_int_equal(peer.nf->violation, NETFRONT_TX_MAPPED);
        assert_false(peer.dev->link_up);
        peer_check_pages();
        assert_int_equal(peer.pages.free_count, peer.pages.total - 1);
        peer_close();
        assert_int_equal(peer.pages.quarantined, 1);
        assert_int_equal(peer.pages.free_count, peer.pages.total - 1);
        /* Again with the page still out: it works, without it. */
        assert_int_equal(peer_open(), 0);
        peer_check_pages();
        assert_int_equal(peer.pages.quarantined, 1);
        peer_close();
        sim_grant_unmap(req.gref, false);
        assert_int_equal(peer_open(), 0);
        assert_int_equal(peer.pages.quarantined, 0);
        peer_stop(0);
    }
}

/* The backend's next state, and as many turns of both sides as the longest answer takes. */
static void backend_goes(uint32_t state)
{
    peer_set_state(state);
    for (unsigned i = 0; i < 6; i++) {
        peer_run();
        netdev_arm(peer.dev);
    }
}

/* The backend leaves as it should, but lets go of a page later: the id is used again when the
 * device opens again by itself. */
static void test_page_let_go_of_late(void **state)
{
    struct netfront_tx_req req;
    int16_t status;

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    send(peer_packet(60, 0));
    req = take();
    assert_non_null(sim_grant_map(req.gref, false, &status));
    backend_goes(XENBUS_CLOSING);
    assert_int_equal(peer_front_state(), XENBUS_CLOSED);
    assert_int_equal(peer.pages.free_count, peer.pages.total - 1);
    peer_check_pages();
    sim_grant_unmap(req.gref, false);
    backend_goes(XENBUS_INIT_WAIT);
    assert_true(peer.dev->link_up);
    assert_int_equal(peer.nf->queue[0].tx.free_count, NETFRONT_RING_SLOTS);
    peer_stop(0);
}

/* The same, never: the device opens again without that id. */
static void test_page_not_let_go_of(void **state)
{
    struct netfront_tx_req req;
    int16_t status;

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    send(peer_packet(60, 0));
    req = take();
    assert_non_null(sim_grant_map(req.gref, false, &status));
    backend_goes(XENBUS_CLOSING);
    backend_goes(XENBUS_INIT_WAIT);
    assert_true(peer.dev->link_up);
    assert_int_equal(peer.nf->queue[0].tx.free_count, NETFRONT_RING_SLOTS - 1);
    for (unsigned i = 0; i < 1000; i++) {
        struct netfront_tx_req again;

        send(peer_packet(60, 0));
        again = take();
        assert_int_not_equal(again.id, req.id);
        answer(again.id);
    }
    peer_check_pages();
    sim_grant_unmap(req.gref, false);
    peer_stop(0);
}

/* The same page under several grants, all mapped: nobody could tell when the last one ends, so it
 * is lost, not reused. */
static void test_page_mapped_under_several_grants(void **state)
{
    struct netfront_tx_req first, second;
    struct pkt *pkt, *again;
    int16_t status;

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    pkt = peer_packet(200, 0);
    again = pkt_share(pkt, 0, 200);
    send(pkt);
    send(again);
    first = take();
    second = take();
    assert_non_null(sim_grant_map(first.gref, false, &status));
    assert_non_null(sim_grant_map(second.gref, false, &status));
    peer_close();
    assert_int_equal(peer.pages.quarantined, 1);
    peer_check_pages();
    sim_grant_unmap(first.gref, false);
    assert_int_equal(peer_open(), 0);
    peer_check_pages();
    sim_grant_unmap(second.gref, false);
    peer_stop(1);
}

/* A program holds the page as well: it may go on using it. The page is free again when both have
 * let go, if somebody remembers that the backend has to. */
static void test_mapped_page_that_the_program_holds(void **state)
{
    (void)state;
    for (unsigned remembered = 0; remembered < 2; remembered++) {
        struct netfront_tx_req req;
        struct pkt *pkt, *kept;
        int16_t status;

        start(&(struct peer_conf){.seed = 1, .no_quarantine = remembered == 0});
        pkt = peer_packet(200, 0);
        kept = pkt_share(pkt, 0, 200);
        send(pkt);
        req = take();
        assert_non_null(sim_grant_map(req.gref, false, &status));
        peer_close();
        assert_int_equal(kept->frag[0].page->refs, 2);
        pkt_put(kept);
        gnttab_quarantine_poll(&peer.quarantine, &peer.gt, 100);
        assert_int_equal(peer.pages.free_count, peer.pages.total - 1);
        peer_check_pages();
        sim_grant_unmap(req.gref, false);
        assert_int_equal(sim_fault_count(), 0);
        if (remembered == 1)
            peer_stop(0);
        else
            peer_drop();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page_still_mapped_is_kept),
        cmocka_unit_test(test_page_let_go_of_late),
        cmocka_unit_test(test_page_not_let_go_of),
        cmocka_unit_test(test_page_mapped_under_several_grants),
        cmocka_unit_test(test_mapped_page_that_the_program_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
