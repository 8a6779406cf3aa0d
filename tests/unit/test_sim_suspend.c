/* SPDX-License-Identifier: ISC */
/* test_sim_suspend.c - what a restored domain finds (platform/sim/suspend.c), and how event
 * channels, grant table and xenstore's client go on there. */
#include <stdio.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/evtchn.h>
#include <morgana/gnttab.h>
#include <morgana/xen.h>
#include <morgana/xenstore.h>

#include "platform/sim/netback.h"
#include "platform/sim/sim.h"
#include "xen/hypercall.h"

static struct evtchn ev;
static struct gnttab gt;
static struct xs xs;
static uint32_t counts[4096], free_list[2048];
static _Alignas(4096) uint8_t control[4096], array[4][4096], pages[64][4096];

static void wait(uint64_t deadline_ns)
{
    bool any = sim_run_until_idle();

    while (sim_upcall_pending() && evtchn_upcall(&ev) != 0)
        any = true;
    if (!any)
        vplat_set_now(u64_min(deadline_ns, plat_now_ns() + NS_PER_S));
}

static void start(const struct sim_conf *conf, uint32_t gnttab_version, bool force_2l)
{
    const struct xen_start *from;

    vplat_reset(1);
    vplat_step = wait;
    assert_int_equal(sim_init(conf), 0);
    from = xen_start();
    assert_int_equal(evtchn_init(&ev, &(struct evtchn_conf){.force_2l = force_2l,
                                                            .counts = counts,
                                                            .ports_max = ARRAY_SIZE(counts),
                                                            .fifo_control = control,
                                                            .fifo_array = array,
                                                            .fifo_pages = ARRAY_SIZE(array)}),
                     0);
    assert_int_equal(gnttab_init(&gt, &(struct gnttab_conf){.version = gnttab_version,
                                                            .free_list = free_list,
                                                            .entries_max = ARRAY_SIZE(free_list)}),
                     0);
    assert_int_equal(evtchn_adopt(&ev, from->store_port), 0);
    assert_int_equal(
        xs_init(&xs,
                &(struct xs_conf){.ring = from->store_ring, .ev = &ev, .port = from->store_port}),
        0);
}

static void resume(void)
{
    const struct xen_start *from = xen_start();

    assert_int_equal(evtchn_resume(&ev), 0);
    assert_int_equal(gnttab_resume(&gt), 0);
    assert_int_equal(evtchn_adopt(&ev, from->store_port), 0);
    assert_int_equal(xs_resume(&xs, from->store_ring, from->store_port), 0);
}

static void stop(void)
{
    assert_string_equal(sim_fault_text(), "");
    xs_fini(&xs);
    gnttab_fini(&gt);
    evtchn_fini(&ev);
    sim_fini();
}

static uint32_t grants_open;

static void count_grant(void *arg, uint32_t gref, void *page, bool read_only, bool mapped)
{
    (void)arg, (void)gref, (void)page, (void)read_only, (void)mapped, grants_open++;
}

static uint32_t count_grants(void)
{
    grants_open = 0;
    sim_grants(count_grant, NULL);
    return grants_open;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void test_grants_of_before_are_gone_and_end_without_a_word(void **state)
{
    gref_t old[40], fresh;
    int16_t status;

    (void)state;
    for (uint32_t version = 1; version <= 2; version++) {
        start(&(struct sim_conf){.seed = 1}, version, true);
        for (unsigned i = 0; i < ARRAY_SIZE(old); i++)
            assert_int_equal(gnttab_grant(&gt, 0, virt_to_gfn(pages[i]), i % 2, &old[i]), 0);
        assert_int_equal(count_grants(), ARRAY_SIZE(old));
        /* A backend that never let go: its map is gone with the domain it was in. */
        sim_suspend(false);
        assert_int_equal(count_grants(), 0);
        resume();
        assert_int_equal(gnttab_epoch(&gt), 1);
        for (unsigned i = 0; i < ARRAY_SIZE(old); i++)
            assert_null(sim_grant_use(old[i], 0, 1, false, &status));
        assert_int_equal(gnttab_grant(&gt, 0, virt_to_gfn(pages[50]), false, &fresh), 0);
        for (unsigned i = 0; i < ARRAY_SIZE(old); i++) {
            assert_int_not_equal(fresh, old[i]);
            assert_int_equal(gnttab_end(&gt, old[i]), 0);
        }
        assert_ptr_equal(sim_grant_use(fresh, 0, 1, false, &status), pages[50]);
        assert_int_equal(gnttab_end(&gt, fresh), 0);
        stop();
    }
}

static void test_a_page_that_was_mapped_is_free_again(void **state)
{
    gref_t gref;
    int16_t status;

    (void)state;
    for (uint32_t version = 1; version <= 2; version++) {
        start(&(struct sim_conf){.seed = 1}, version, true);
        assert_int_equal(gnttab_grant(&gt, 0, virt_to_gfn(pages[0]), false, &gref), 0);
        assert_non_null(sim_grant_map(gref, true, &status));
        assert_int_equal(gnttab_end(&gt, gref), -E_BUSY);
        sim_suspend(false);
        resume();
        assert_int_equal(gnttab_end(&gt, gref), 0);
        stop();
    }
}

static void test_ports_of_before_are_dead_and_new_ones_work(void **state)
{
    evtchn_port_t old, virq, port;

    (void)state;
    for (unsigned force_2l = 0; force_2l < 2; force_2l++) {
        start(&(struct sim_conf){.seed = 1}, 1, force_2l != 0);
        assert_int_equal(evtchn_alloc_unbound(&ev, 0, &virq), 0);
        assert_int_equal(evtchn_alloc_unbound(&ev, 0, &old), 0);
        for (unsigned i = 0; i < 3; i++) { /* and again: each domain after the last */
            int dom0 = sim_dom0_bind(old);

            assert_true(dom0 > 0);
            assert_int_equal(sim_dom0_send((uint32_t)dom0), 0);
            sim_suspend(false);
            assert_false(sim_evtchn_raise(0));
            resume();
            assert_int_equal(evtchn_send(&ev, old), 0);
            evtchn_mask(&ev, old);
            assert_int_equal(evtchn_close(&ev, old), 0);
            assert_int_equal(evtchn_bind_virq(&ev, 0, 0, &virq), 0);
            assert_int_equal(evtchn_alloc_unbound(&ev, 0, &port), 0);
            dom0 = sim_dom0_bind(port);
            assert_true(dom0 > 0);
            assert_int_equal(evtchn_count(&ev, port), 0);
            assert_int_equal(sim_dom0_send((uint32_t)dom0), 0);
            wait(plat_now_ns());
            assert_int_equal(evtchn_count(&ev, port), 1);
            assert_true(sim_virq_raise(0));
            wait(plat_now_ns());
            assert_int_equal(evtchn_count(&ev, virq), 1);
            assert_int_equal(evtchn_close(&ev, port), 0);
            assert_int_equal(evtchn_alloc_unbound(&ev, 0, &old), 0);
        }
        stop();
    }
}

static void test_xenstore_goes_on_with_its_watches_under_another_port(void **state)
{
    struct sim_conf conf = {.seed = 1, .vif_count = 1, .vbd_count = 1};
    struct xs_watch watch = {0};
    char text[512];
    uint32_t fired;
    uint32_t port;

    (void)state;
    start(&conf, 1, true);
    assert_int_equal(xs_write(&xs, XS_TXN_NONE, "data/mine", cs_of_str("1")), 0);
    assert_int_equal(xs_watch(&xs, &watch, "device"), 0);
    wait(plat_now_ns());
    xs_poll(&xs);
    fired = watch.fired;
    for (unsigned i = 2; i < 5; i++) {
        port = xen_start()->store_port;
        sim_suspend(false);
        assert_int_not_equal(xen_start()->store_port, port);
        assert_int_equal(sim_xs_watches(), 0);
        resume();
        assert_int_equal(sim_xs_watches(), 1);
        wait(plat_now_ns());
        xs_poll(&xs);
        assert_int_not_equal(watch.fired, fired);
        fired = watch.fired;
        /* A new domain: nothing of ours is there, and the backends are elsewhere. */
        assert_int_equal(xs_read(&xs, XS_TXN_NONE, "data/mine", cs_of(text, sizeof(text))),
                         -E_NOENT);
        assert_true(xs_read(&xs, XS_TXN_NONE, "device/vif/0/backend", cs_of(text, sizeof(text))) >
                    0);
        snprintf(text + 200, 100, "/local/domain/0/backend/vif/%u/0", i);
        assert_string_equal(text, text + 200);
        assert_int_equal(sim_vif_state(0), 2);
        assert_int_equal(sim_vbd_state(0), 2);
        sim_xs_write("/local/domain/1/device/new", "1");
        wait(plat_now_ns());
        xs_poll(&xs);
        assert_int_equal(watch.fired, fired + 1);
        fired = watch.fired;
    }
    xs_unwatch(&xs, &watch);
    stop();
}

static void test_a_transaction_of_before_is_gone(void **state)
{
    xs_txn_t txn;

    (void)state;
    start(&(struct sim_conf){.seed = 1}, 1, true);
    assert_int_equal(xs_txn_start(&xs, &txn), 0);
    assert_int_equal(xs_write(&xs, txn, "data/a", cs_of_str("1")), 0);
    sim_suspend(false);
    assert_int_equal(sim_xs_transactions(), 0);
    resume();
    assert_int_equal(xs_write(&xs, txn, "data/a", cs_of_str("1")), -E_NOENT);
    assert_int_not_equal(xs_txn_end(&xs, txn, true), 0);
    stop();
}

/* The whole world changes between a request and its answer. */
static void suspend_once(uint64_t deadline_ns)
{
    vplat_step = wait;
    (void)deadline_ns;
    sim_suspend(false);
    resume();
}

static void test_a_request_in_flight_ends_with_again(void **state)
{
    char text[32];

    (void)state;
    start(&(struct sim_conf){.seed = 1}, 1, true);
    vplat_step = suspend_once;
    assert_int_equal(xs_read(&xs, XS_TXN_NONE, "name", cs_of(text, sizeof(text))), -E_AGAIN);
    assert_int_equal(xs_read(&xs, XS_TXN_NONE, "name", cs_of(text, sizeof(text))), 5);
    stop();
}

static void test_nothing_happens_where_the_suspend_is_cancelled(void **state)
{
    gref_t gref;
    int16_t status;
    char text[32];
    uint32_t port;

    (void)state;
    start(&(struct sim_conf){.seed = 1, .random = true}, 1, true);
    assert_int_equal(gnttab_grant(&gt, 0, virt_to_gfn(pages[0]), false, &gref), 0);
    port = xen_start()->store_port;
    sim_suspend(true);
    assert_int_equal(xen_start()->store_port, port);
    assert_ptr_equal(sim_grant_use(gref, 0, 1, true, &status), pages[0]);
    assert_int_equal(xs_read(&xs, XS_TXN_NONE, "name", cs_of(text, sizeof(text))), 5);
    assert_int_equal(gnttab_end(&gt, gref), 0);
    stop();
}

/* Each directory of the backend's names the domain, a new one's after a restore. */
static void test_what_a_backend_refuses_stands_beside_its_directory(void **state)
{
    const struct sim_conf conf = {.seed = 1, .vif_count = 1};
    char text[64];

    (void)state;
    start(&conf, 1, true);
    for (unsigned domid = 1; domid <= 2; domid++) {
        char path[96], keys[96];

        snprintf(keys, sizeof(keys), "/local/domain/0/backend/vif/%u/0", domid);
        snprintf(path, sizeof(path), "/local/domain/0/error/backend/vif/%u/0/error", domid);
        assert_string_equal(sim_back_back(&sim_vifs[0].b, ""), keys);
        assert_false(sim_back_refuse(&sim_vifs[0].b, "a-key", "no number"));
        sim_fault_clear();
        assert_int_equal(sim_xs_read(path, text, sizeof(text)), strlen("a-key: no number"));
        assert_string_equal(text, "a-key: no number");
        sim_xs_rm(path);
        sim_suspend(false);
        resume();
    }
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grants_of_before_are_gone_and_end_without_a_word),
        cmocka_unit_test(test_a_page_that_was_mapped_is_free_again),
        cmocka_unit_test(test_ports_of_before_are_dead_and_new_ones_work),
        cmocka_unit_test(test_xenstore_goes_on_with_its_watches_under_another_port),
        cmocka_unit_test(test_a_transaction_of_before_is_gone),
        cmocka_unit_test(test_a_request_in_flight_ends_with_again),
        cmocka_unit_test(test_nothing_happens_where_the_suspend_is_cancelled),
        cmocka_unit_test(test_what_a_backend_refuses_stands_beside_its_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
