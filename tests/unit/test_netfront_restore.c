/* SPDX-License-Identifier: ISC */
/* test_netfront_restore.c - netfront in a restored domain: from every state that it can be in; and
 * what a liar kept. Under load: tests/sim/test_sim_restore_net.c. */
#include "tests/netfront/life.h"

#include "platform/sim/wire.h"

#include "restore.h"
#include "silence.h"

static struct sim_queue wire;

static void begin(void)
{
    restore_forget();
    assert_int_equal(sim_queue_init(&wire), 0);
    peer_start(&(struct peer_conf){.seed = 1, .wire = &wire.wire});
    assert_int_equal(peer_open(), 0);
}

static void end(void)
{
    restore_check(&peer.ev);
    peer_stop(0);
    sim_queue_fini(&wire);
}

static void restore(void)
{
    restore_domain(&peer.ev, &peer.gt, &peer.xs);
}

/* The program's loop, a few times. */
static void look(void)
{
    struct pkt *pkt;

    for (unsigned i = 0; i < 5; i++) {
        while (netdev_rx(peer.dev, &pkt, 1) != 0)
            pkt_put(pkt);
        (void)netdev_arm(peer.dev);
        peer_run();
    }
}

static void test_it_connects_from_every_pair_of_states(void **state)
{
    (void)state;
    for (unsigned ours = 0; ours < XENBUS_STATES; ours++) {
        for (unsigned theirs = 0; theirs <= XENBUS_INVALID; theirs++) {
            begin();
            peer.nf->front.xb.state = ours;
            peer.nf->front.xb.otherend_state = theirs;
            peer.nf->front.owed = theirs % 2 == 0 ? XENBUS_CLOSING : XENBUS_UNKNOWN;
            peer.nf->front.owed_at_ns = plat_now_ns() + 100 * NS_PER_S;
            restore();
            look();
            if (!peer.dev->link_up)
                fail_msg("ours %s, theirs %s: no link", xenbus_state_name(ours),
                         xenbus_state_name(theirs));
            assert_int_equal(peer_front_state(), XENBUS_CONNECTED);
            assert_int_equal(sim_vif_state(0), XENBUS_CONNECTED);
            end();
        }
    }
}

/* Rings and posted pages are back at once; the address stays, whatever the new keys say; the MTU is
 * the new bridge's. */
static void test_pages_come_back_and_the_address_stays(void **state)
{
    uint8_t mac[6];

    (void)state;
    begin();
    memcpy(mac, peer.dev->mac, sizeof(mac));
    restore();
    sim_xs_write(PEER_FRONT "/mac", "00:16:3e:99:99:99");
    sim_xs_write(PEER_FRONT "/mtu", "9000");
    sim_xs_rm(PEER_FRONT "/backend");
    look();
    assert_false(peer.dev->link_up);
    assert_int_equal(peer.pages.free_count, peer.pages.total);
    assert_int_equal(netdev_tx(peer.dev, NULL), -E_NETDOWN);
    sim_xs_write(PEER_FRONT "/backend", "/local/domain/0/backend/vif/2/0");
    vplat_advance(XENBUS_FRONT_FIND_PAUSE_NS);
    look();
    assert_true(peer.dev->link_up);
    assert_memory_equal(peer.dev->mac, mac, sizeof(mac));
    assert_int_equal(peer.dev->caps.mtu_bytes, 9000);
    end();
}

static void test_what_a_liar_kept_comes_back_and_the_device_stays_closed(void **state)
{
    int16_t status;

    (void)state;
    begin();
    /* Pages posted to a backend that maps one of them without end. */
    assert_non_null(sim_grant_map(peer.nf->queue[0].rx.page[3]->gref, true, &status));
    netfront_violate(peer.nf, NETFRONT_STATE, 9, 0, 0);
    look();
    assert_int_equal(peer.quarantine.count, 1);
    restore();
    look();
    assert_false(peer.dev->link_up);
    assert_int_equal(peer.quarantine.count, 0);
    assert_int_equal(peer.pages.free_count, peer.pages.total);
    peer_close();
    assert_int_equal(peer_open(), 0);
    look();
    assert_true(peer.dev->link_up);
    end();
}

/* The domain is restored where another backend is, the first one's number being 2. */
static void restore_to_page_flipping(void)
{
    restore();
    sim_xs_write("/local/domain/0/backend/vif/2/0/feature-rx-copy", "0");
}

/* A backend that we cannot work with did nothing wrong, and the next one may be another's. */
static void test_a_backend_we_cannot_work_with_is_not_held_against_the_next(void **state)
{
    (void)state;
    begin();
    restore_to_page_flipping();
    look();
    assert_int_equal(logged("no connection: EPROTO"), 1);
    assert_false(peer.dev->link_up);
    restore();
    look();
    assert_true(peer.dev->link_up);
    assert_int_equal(peer_front_state(), XENBUS_CONNECTED);
    end();
}

/* Closed by the program before it saw that the domain was restored: nothing is begun anew. */
static void test_a_device_that_is_closed_in_a_new_domain_is_not_opened_there(void **state)
{
    const struct xenbus_front *front;

    (void)state;
    for (unsigned fault = 0; fault < 2; fault++) {
        begin();
        if (fault != 0) {
            restore_to_page_flipping();
            look();
        }
        restore();
        front = &peer.nf->front;
        peer_close();
        assert_true(front->shut && !front->lost);
        assert_int_equal(peer_front_state(), XENBUS_INITIALISING); /* the toolstack's word */
        end();
    }
}

/* ---- no backend ------------------------------------------------------------------------------ */

#define NO_BACKEND "no backend yet"

/* So many seconds of a program that looks once in each. */
static void look_for(unsigned seconds)
{
    while (seconds-- > 0) {
        vplat_advance(NS_PER_S);
        look();
    }
}

static void test_a_backend_that_never_comes_is_looked_for_less_and_less(void **state)
{
    uint64_t requests;

    (void)state;
    begin();
    restore();
    sim_xs_rm(PEER_FRONT "/backend");
    look();
    requests = peer.xs.stats.requests;
    look_for(3600);
    assert_int_equal(logged(NO_BACKEND), 1);
    /* One request each: after 1, 2, ... 11 s, then 2, 4, ... 64 s later, then every 64 s. */
    assert_in_range(peer.xs.stats.requests - requests, 70, 72);
    /* Another reason is said, and so is the first one after it. */
    sim_xs_stop(true);
    look_for(70);
    assert_int_equal(logged(NO_BACKEND), 2);
    assert_int_equal(logged(NO_BACKEND " in the restored domain: ETIMEDOUT"), 1);
    sim_xs_stop(false);
    look_for(70);
    assert_int_equal(logged(NO_BACKEND), 3);
    sim_xs_write(PEER_FRONT "/backend", "/local/domain/0/backend/vif/2/0");
    look_for(65);
    assert_true(peer.dev->link_up);
    end();
}

/* What the last domain had to wait for does not count in the next. */
static void test_each_restored_domain_is_looked_at_at_once(void **state)
{
    (void)state;
    begin();
    for (unsigned i = 1; i <= 2; i++) {
        restore();
        sim_xs_rm(PEER_FRONT "/backend");
        look_for(100);
        assert_int_equal(logged(NO_BACKEND), i);
    }
    restore();
    sim_xs_rm(PEER_FRONT "/backend");
    look();
    sim_xs_write(PEER_FRONT "/backend", "/local/domain/0/backend/vif/4/0");
    vplat_advance(XENBUS_FRONT_FIND_PAUSE_NS);
    look();
    assert_true(peer.dev->link_up);
    end();
}

/* ---- a xenstored that does not answer -------------------------------------------------------- */

/* Of what is asked when the new backend is known. What has no answer is asked again: whether it is
 * trusted (XSA-403) is not guessed. */
static void test_no_answer_does_not_make_the_backend_trusted(void **state)
{
    bool lost = true;
    unsigned n = 5; /* who the backend is was answered */

    (void)state;
    while (lost) {
        begin();
        restore();
        sim_xs_write(PEER_FRONT "/trusted", "0");
        silence_after(&peer.xs, n++);
        peer.on_wait = silence_turn;
        look();
        lost = peer.nf->front.lost;
        assert_true(!lost || !peer.dev->link_up);
        if (lost)
            look_for(10);
        assert_int_equal(logged("taken as"), 0);
        assert_true(!lost || peer.dev->link_up);
        assert_true(peer.nf->untrusted);
        peer.on_wait = NULL;
        silence_end();
        end();
    }
    /* trusted, our state */
    assert_int_equal(n - 1, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_connects_from_every_pair_of_states),
        cmocka_unit_test(test_pages_come_back_and_the_address_stays),
        cmocka_unit_test(test_what_a_liar_kept_comes_back_and_the_device_stays_closed),
        cmocka_unit_test(test_a_backend_we_cannot_work_with_is_not_held_against_the_next),
        cmocka_unit_test(test_a_device_that_is_closed_in_a_new_domain_is_not_opened_there),
        cmocka_unit_test(test_a_backend_that_never_comes_is_looked_for_less_and_less),
        cmocka_unit_test(test_each_restored_domain_is_looked_at_at_once),
        cmocka_unit_test(test_no_answer_does_not_make_the_backend_trusted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
