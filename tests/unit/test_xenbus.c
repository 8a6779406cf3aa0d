/* SPDX-License-Identifier: ISC */
/* test_xenbus.c - the table of all pairs of XenbusStates, cell by cell, and the keys of a
 * device. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/log.h>
#include <morgana/xenbus.h>

#include "simguest.h"
#include "xen/hypercall.h"

#include <xen/io/xenbus.h>

static struct evtchn ev;
static uint32_t counts[4096];
static struct xs xs;
static struct xenbus_dev dev;
static char text[512];

#define TEXT cs_of(text, sizeof(text))
#define FRONTEND "/local/domain/1/device/vif/0"
#define BACKEND "/local/domain/0/backend/vif/1/0"

static int setup(void **state)
{
    struct sim_conf sc = {.seed = 1, .vif_count = 1};
    struct evtchn_conf ec = {.force_2l = true, .counts = counts, .ports_max = 4096};
    (void)state;
    simguest_init(&sc);
    log_init(plat_console_write, LOG_INFO);
    assert_int_equal(evtchn_init(&ev, &ec), 0);
    simguest_ev = &ev;
    assert_int_equal(evtchn_adopt(&ev, xen_start()->store_port), 0);
    struct xs_conf xc = {
        .ring = xen_start()->store_ring, .ev = &ev, .port = xen_start()->store_port};
    assert_int_equal(xs_init(&xs, &xc), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    xs_fini(&xs);
    simguest_fini();
    return 0;
}

/* ---- the table ------------------------------------------------------------------------------- */

static void test_every_pair_of_states_has_its_action(void **state)
{
    /* A letter a cell, spelled out a second time: W wait, P publish, C connect, R run, X close, F
     * finish, O reopen, Z refuse. Columns: Unknown Initialising InitWait Initialised Connected
     * Closing Closed Reconfiguring Reconfigured invalid. */
    static const char *const rows[XENBUS_STATES] = {
        "WWWWWWWWWZ", /* Unknown: nothing said yet */
        "XWPWWWWWWZ", /* Initialising */
        "XWPWWWWWWZ", /* InitWait */
        "XWWWCXXWWZ", /* Initialised */
        "XWWWRXXWWZ", /* Connected */
        "FWWWWFFWWF", /* Closing */
        "WWOWWWWWWW", /* Closed */
        "XWWWWXXWWZ", /* Reconfiguring */
        "XWWWRXXWWZ", /* Reconfigured */
    };
    static const char letters[XENBUS_ACTIONS] = {
        [XENBUS_WAIT] = 'W',  [XENBUS_PUBLISH] = 'P', [XENBUS_CONNECT] = 'C', [XENBUS_RUN] = 'R',
        [XENBUS_CLOSE] = 'X', [XENBUS_FINISH] = 'F',  [XENBUS_REOPEN] = 'O',  [XENBUS_REFUSE] = 'Z',
    };
    (void)state;
    for (unsigned ours = 0; ours < XENBUS_STATES; ours++) {
        for (unsigned theirs = 0; theirs <= XENBUS_STATES; theirs++) {
            char is = letters[xenbus_action(ours, theirs)];
            if (is != rows[ours][theirs])
                fail_msg("[%s][%s] is %c, not %c", xenbus_state_name(ours),
                         xenbus_state_name(theirs), is, rows[ours][theirs]);
        }
    }
}

/* A state that no header names is nonsense of one kind, however large. */
static void test_unknown_values_are_all_alike(void **state)
{
    static const unsigned values[] = {10, 11, 99, 255, 256, 65536, 1u << 31, UINT32_MAX};
    (void)state;
    for (unsigned ours = 0; ours < XENBUS_STATES; ours++) {
        for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
            assert_int_equal(xenbus_action(ours, values[i]), xenbus_action(ours, XENBUS_INVALID));
            assert_string_equal(xenbus_state_name(values[i]), "invalid");
        }
    }
    expect_assert_failure(xenbus_action(XENBUS_STATES, 0));
}

/* Whatever the backend does: traffic only while both are Connected, and never before it said so. */
static void test_traffic_only_when_both_are_connected(void **state)
{
    (void)state;
    for (unsigned ours = 0; ours < XENBUS_STATES; ours++) {
        for (unsigned theirs = 0; theirs <= XENBUS_STATES; theirs++) {
            enum xenbus_action action = xenbus_action(ours, theirs);
            if (action == XENBUS_RUN || action == XENBUS_CONNECT)
                assert_int_equal(theirs, XENBUS_CONNECTED);
            /* A backend that leaves is answered in every state in which something of ours is
             * shared. */
            bool shared = ours == XENBUS_INITIALISED || ours == XENBUS_CONNECTED ||
                          ours == XENBUS_RECONFIGURING || ours == XENBUS_RECONFIGURED;
            bool leaves =
                theirs == XENBUS_UNKNOWN || theirs == XENBUS_CLOSING || theirs == XENBUS_CLOSED;
            if (shared && leaves)
                assert_int_equal(action, XENBUS_CLOSE);
        }
    }
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(xenbus_state_name(XenbusStateInitWait), "InitWait");
    assert_string_equal(xenbus_state_name(XENBUS_RECONFIGURED), "Reconfigured");
    assert_string_equal(xenbus_action_name(XENBUS_PUBLISH), "publish");
    assert_string_equal(xenbus_action_name(XENBUS_REFUSE), "refuse");
}

/* ---- a device -------------------------------------------------------------------------------- */

static void test_open_finds_the_backend(void **state)
{
    (void)state;
    assert_int_equal(xenbus_open(&dev, &xs, "device/vif/0"), 0);
    assert_string_equal(dev.otherend, BACKEND);
    assert_int_equal(dev.otherend_id, 0);
    assert_int_equal(dev.state, XENBUS_UNKNOWN);
    assert_int_equal(sim_xs_watches(), 1);
    xenbus_close(&dev);
    assert_int_equal(sim_xs_watches(), 0);
}

static void test_open_of_no_device_or_of_nonsense(void **state)
{
    (void)state;
    assert_int_equal(xenbus_open(&dev, &xs, "device/vif/7"), -E_NODEV);
    static const char *const ids[] = {"", "x", "-1", "99999", "32752"};
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        sim_xs_write(FRONTEND "/backend-id", "%s", ids[i]);
        assert_int_equal(xenbus_open(&dev, &xs, "device/vif/0"), -E_PROTO);
    }
    sim_xs_rm(FRONTEND "/backend-id");
    vplat_console_clear();
    assert_int_equal(xenbus_open(&dev, &xs, "device/vif/0"), -E_PROTO);
    assert_non_null(strstr(vplat_console(), "backend-id"));
    sim_xs_write(FRONTEND "/backend", "%s", "");
    assert_int_equal(xenbus_open(&dev, &xs, "device/vif/0"), -E_PROTO);
    assert_int_equal(sim_xs_watches(), 0);
}

static void other(const char *value)
{
    sim_xs_write(BACKEND "/state", "%s", value);
    sim_run_until_idle();
}

static void test_poll_follows_the_backends_state(void **state)
{
    static const struct {
        const char *value;
        unsigned theirs;
    } cases[] = {
        {"4", XENBUS_CONNECTED},    {"6", XENBUS_CLOSED},          {"8", XENBUS_RECONFIGURED},
        {"9", XENBUS_INVALID},      {"0", XENBUS_UNKNOWN},         {"4294967300", XENBUS_INVALID},
        {"1", XENBUS_INITIALISING}, {"Connected", XENBUS_INVALID}, {"5", XENBUS_CLOSING},
        {"", XENBUS_INVALID},
    };
    (void)state;
    assert_int_equal(xenbus_open(&dev, &xs, "device/vif/0"), 0);
    while (xenbus_poll(&dev))
        sim_run_until_idle();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        other(cases[i].value);
        if (!xenbus_poll(&dev))
            fail_msg("\"%s\" made no difference", cases[i].value);
        assert_int_equal(dev.otherend_state, cases[i].theirs);
        assert_false(xenbus_poll(&dev));
    }
    other(cases[9].value); /* written again, but the same */
    assert_false(xenbus_poll(&dev));
    sim_xs_rm(BACKEND);
    assert_int_equal(xenbus_read_otherend(&dev), 0);
    assert_int_equal(dev.otherend_state, XENBUS_UNKNOWN);
    xenbus_close(&dev);
}

/* A xenstored that is silent for a while hides no change: the state is read again, a pause
 * later. */
static void test_poll_reads_again_what_it_could_not_read(void **state)
{
    uint64_t requests;
    (void)state;
    assert_int_equal(xenbus_open(&dev, &xs, "device/vif/0"), 0);
    while (xenbus_poll(&dev))
        sim_run_until_idle();
    other("4");
    sim_xs_stop(true);
    assert_false(xenbus_poll(&dev));
    sim_xs_stop(false);
    sim_run_until_idle();
    requests = xs.stats.requests;
    for (unsigned i = 0; i < 100; i++)
        assert_false(xenbus_poll(&dev));
    assert_int_equal(xs.stats.requests, requests); /* not before the pause is over */
    vplat_advance(XENBUS_LOOK_PAUSE_NS);
    assert_true(xenbus_poll(&dev));
    assert_int_equal(dev.otherend_state, XENBUS_CONNECTED);
    assert_false(xenbus_poll(&dev));
    xenbus_close(&dev);
}

/* One whose state cannot be read any more is gone, until it shows itself again. */
static void test_poll_gives_up_what_it_cannot_read(void **state)
{
    uint64_t requests;
    (void)state;
    assert_int_equal(xenbus_open(&dev, &xs, "device/vif/0"), 0);
    while (xenbus_poll(&dev))
        sim_run_until_idle();
    other("4");
    assert_true(xenbus_poll(&dev));
    other("5");
    sim_xs_stop(true);
    requests = xs.stats.requests;
    for (unsigned i = 1; i < XENBUS_LOOK_TRIES; i++) {
        assert_false(xenbus_poll(&dev));
        assert_int_equal(dev.otherend_state, XENBUS_CONNECTED);
        vplat_advance(XENBUS_LOOK_PAUSE_NS);
    }
    assert_true(xenbus_poll(&dev));
    assert_int_equal(dev.otherend_state, XENBUS_UNKNOWN);
    for (unsigned i = 0; i < 10; i++) {
        vplat_advance(XENBUS_LOOK_PAUSE_NS);
        assert_false(xenbus_poll(&dev));
    }
    assert_int_equal(xs.stats.requests, requests + XENBUS_LOOK_TRIES);
    sim_xs_stop(false);
    other("4");
    assert_true(xenbus_poll(&dev));
    assert_int_equal(dev.otherend_state, XENBUS_CONNECTED);
    xenbus_close(&dev);
}

static void test_switch_state_writes_once(void **state)
{
    (void)state;
    assert_int_equal(xenbus_open(&dev, &xs, "device/vif/0"), 0);
    assert_int_equal(xenbus_switch_state(&dev, XS_TXN_NONE, XENBUS_CLOSED), 0);
    assert_int_equal(sim_xs_read_u32(FRONTEND "/state", 99), XENBUS_CLOSED);
    uint64_t requests = xs.stats.requests;
    assert_int_equal(xenbus_switch_state(&dev, XS_TXN_NONE, XENBUS_CLOSED), 0);
    assert_int_equal(xs.stats.requests, requests);
    xenbus_close(&dev);
}

static void connect_later(uint64_t deadline_ns)
{
    if (plat_now_ns() > VPLAT_START_NS + NS_PER_S)
        sim_xs_write(BACKEND "/state", "4");
    sim_run_until_idle();
    if (evtchn_upcall(&ev) == 0)
        vplat_set_now(deadline_ns);
}

static void test_wait_for_a_state_has_a_deadline(void **state)
{
    (void)state;
    assert_int_equal(xenbus_open(&dev, &xs, "device/vif/0"), 0);
    other("2");
    uint64_t start = plat_now_ns();
    assert_int_equal(xenbus_wait_otherend(&dev, 1u << XENBUS_INIT_WAIT, start + NS_PER_S), 0);
    assert_int_equal(xenbus_wait_otherend(&dev, 1u << XENBUS_CONNECTED, start + NS_PER_S),
                     -E_TIMEDOUT);
    assert_in_range(plat_now_ns(), start + NS_PER_S, start + 2 * NS_PER_S);
    vplat_step = connect_later;
    unsigned wanted = 1u << XENBUS_CONNECTED | 1u << XENBUS_CLOSED;
    assert_int_equal(xenbus_wait_otherend(&dev, wanted, plat_now_ns() + 5 * NS_PER_S), 0);
    assert_int_equal(dev.otherend_state, XENBUS_CONNECTED);
    xenbus_close(&dev);
}

/* What fails is named. */
static void test_failed_key_is_named(void **state)
{
    (void)state;
    assert_int_equal(xenbus_open(&dev, &xs, "device/vif/0"), 0);
    assert_int_equal(xenbus_printf(&dev, XS_TXN_NONE, "tx-ring-ref", "%u", 8u), 0);
    assert_int_equal(sim_xs_read_u32(FRONTEND "/tx-ring-ref", 0), 8);
    vplat_console_clear();
    assert_int_equal(xenbus_printf(&dev, 12345, "event-channel", "%u", 1u),
                     -E_NOENT); /* no such transaction */
    assert_non_null(
        strstr(vplat_console(), "device/vif/0: writing of event-channel failed: ENOENT"));
    assert_int_equal(xenbus_read(&dev, XS_TXN_NONE, "tx-ring-ref", TEXT), 1);
    assert_int_equal(xenbus_rm(&dev, XS_TXN_NONE, "tx-ring-ref"), 0);
    assert_int_equal(xenbus_rm(&dev, XS_TXN_NONE, "tx-ring-ref"), 0);
    xenbus_close(&dev);
}

static void test_backends_numbers_have_a_default_and_a_bound(void **state)
{
    uint64_t value = 7;
    (void)state;
    assert_int_equal(xenbus_open(&dev, &xs, "device/vif/0"), 0);
    assert_int_equal(xenbus_otherend_u64(&dev, XS_TXN_NONE, "feature-none", 1, 0, &value), 0);
    assert_int_equal(value, 0);
    sim_xs_write(BACKEND "/number", "12");
    assert_int_equal(xenbus_otherend_u64(&dev, XS_TXN_NONE, "number", 12, 0, &value), 0);
    assert_int_equal(value, 12);
    vplat_console_clear();
    assert_int_equal(xenbus_otherend_u64(&dev, XS_TXN_NONE, "number", 11, 0, &value), -E_INVAL);
    assert_int_equal(value, 12);
    assert_non_null(strstr(vplat_console(), "number"));
    assert_int_equal(xenbus_otherend_read(&dev, XS_TXN_NONE, "number", TEXT), 2);
    assert_int_equal(xenbus_otherend_read(&dev, XS_TXN_NONE, "none", TEXT), -E_NOENT);
    xenbus_close(&dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_pair_of_states_has_its_action),
        cmocka_unit_test(test_unknown_values_are_all_alike),
        cmocka_unit_test(test_traffic_only_when_both_are_connected),
        cmocka_unit_test(test_names),
        cmocka_unit_test_setup_teardown(test_open_finds_the_backend, setup, teardown),
        cmocka_unit_test_setup_teardown(test_open_of_no_device_or_of_nonsense, setup, teardown),
        cmocka_unit_test_setup_teardown(test_poll_follows_the_backends_state, setup, teardown),
        cmocka_unit_test_setup_teardown(test_poll_reads_again_what_it_could_not_read, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_poll_gives_up_what_it_cannot_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_switch_state_writes_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wait_for_a_state_has_a_deadline, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failed_key_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(test_backends_numbers_have_a_default_and_a_bound, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
