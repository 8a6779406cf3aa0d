/* SPDX-License-Identifier: ISC */
/* test_xenstore.c - the xenstore client against the simulated xenstored. */
#include "xstest.h"

/* ---- what xenstored does --------------------------------------------------------------------- */

static void test_write_read_rm(void **state)
{
    uint64_t value = 0;
    (void)state;
    assert_int_equal(xs_printf(&xs, XS_TXN_NONE, "data/a", "%s-%u", "x", 17u), 0);
    assert_int_equal(xs_read(&xs, XS_TXN_NONE, "data/a", TEXT), 4);
    assert_string_equal(text, "x-17");
    assert_int_equal(xs_read(&xs, XS_TXN_NONE, "/local/domain/1/data/a", TEXT), 4);
    assert_int_equal(xs_read(&xs, XS_TXN_NONE, "data/a", cs_of(text, 3)), -E_NOSPC);
    assert_int_equal(xs_read(&xs, XS_TXN_NONE, "data/a", cs_of(text, 4)),
                     4); /* no room for a NUL */
    assert_int_equal(xs_write(&xs, XS_TXN_NONE, "data/a", CS_RO_EMPTY), 0);
    assert_int_equal(xs_read(&xs, XS_TXN_NONE, "data/a", TEXT), 0);
    assert_int_equal(xs_rm(&xs, XS_TXN_NONE, "data/a"), 0);
    assert_int_equal(xs_read(&xs, XS_TXN_NONE, "data/a", TEXT), -E_NOENT);
    assert_int_equal(xs_read_u64(&xs, XS_TXN_NONE, "data/a", 9, &value), -E_NOENT);
    assert_int_equal(xs_mkdir(&xs, XS_TXN_NONE, "data/dir"), 0);
    assert_int_equal(xs_read(&xs, XS_TXN_NONE, "data/dir", TEXT), 0);
    assert_int_equal(xs_write(&xs, XS_TXN_NONE, "/vm/x", cs_of_str("x")), -E_ACCES);
    assert_int_equal(xs.stats.requests, xs.stats.replies);
}

static void test_numbers_are_decimal_and_bounded(void **state)
{
    static const struct {
        const char *text;
        uint64_t max;
        int err;
        uint64_t value;
    } cases[] = {
        {"0", 0, 0, 0},
        {"42", 100, 0, 42},
        {"100", 100, 0, 100},
        {"101", 100, -E_INVAL, 0},
        {"007", 9, 0, 7},
        {"18446744073709551615", UINT64_MAX, 0, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, -E_INVAL, 0},
        {"99999999999999999999999", UINT64_MAX, -E_INVAL, 0},
        {"9", 5, -E_INVAL, 0},
        {"", 9, -E_INVAL, 0},
        {"-1", 9, -E_INVAL, 0},
        {" 1", 9, -E_INVAL, 0},
        {"1x", 9, -E_INVAL, 0},
        {"0x1", 9, -E_INVAL, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t value = 777;
        assert_int_equal(xs_write(&xs, XS_TXN_NONE, "data/n", cs_of_str(cases[i].text)), 0);
        assert_int_equal(xs_read_u64(&xs, XS_TXN_NONE, "data/n", cases[i].max, &value),
                         cases[i].err);
        assert_int_equal(value, cases[i].err == 0 ? cases[i].value : 777);
    }
}

static void test_paths_and_payloads_have_a_length(void **state)
{
    static char path[XS_PATH_MAX + 1];
    static uint8_t big[XENSTORE_PAYLOAD_MAX];
    (void)state;
    assert_int_equal(xs_read(&xs, XS_TXN_NONE, "", TEXT), -E_INVAL);
    memset(path, 'p', XS_PATH_MAX);
    assert_int_equal(xs_read(&xs, XS_TXN_NONE, path, TEXT), -E_INVAL);
    path[XS_PATH_MAX - 1] = '\0';
    assert_int_equal(xs_read(&xs, XS_TXN_NONE, path, TEXT), -E_NOENT);
    assert_int_equal(xs_write(&xs, XS_TXN_NONE, "data/b", cs_ro_of(big, sizeof(big) - 6)), -E_2BIG);
    memset(big, 'b', sizeof(big));
    /* The longest request there is: the ring goes round four times, and xenstored says what it
     * thinks of such values. */
    assert_int_equal(xs_write(&xs, XS_TXN_NONE, "data/b", cs_ro_of(big, sizeof(big) - 7)),
                     -E_NOSPC);
    assert_int_equal(xs_write(&xs, XS_TXN_NONE, "data/b", cs_ro_of(big, 2000)), 0);
    assert_int_equal(xs_read(&xs, XS_TXN_NONE, "data/b", TEXT), 2000);
    assert_memory_equal(text, big, 2000);
}

static void test_directory_lists_names(void **state)
{
    (void)state;
    assert_int_equal(xs_mkdir(&xs, XS_TXN_NONE, "data/d"), 0);
    assert_int_equal(xs_directory(&xs, XS_TXN_NONE, "data/d", TEXT), 0);
    assert_int_equal(xs_mkdir(&xs, XS_TXN_NONE, "data/d/one"), 0);
    assert_int_equal(xs_mkdir(&xs, XS_TXN_NONE, "data/d/two"), 0);
    assert_int_equal(xs_directory(&xs, XS_TXN_NONE, "data/d", TEXT), 8);
    assert_memory_equal(text, "one\0two", 8);
    assert_int_equal(xs_directory(&xs, XS_TXN_NONE, "data/d", cs_of(text, 7)), -E_NOSPC);
    assert_int_equal(xs_directory(&xs, XS_TXN_NONE, "data/none", TEXT), -E_NOENT);
}

static void make_long_listing(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        char path[64];
        snprintf(path, sizeof(path), "/local/domain/1/data/long/a-rather-long-name-%03u", i);
        sim_xs_write(path, "x");
    }
}

/* A listing above XENSTORE_PAYLOAD_MAX comes in parts. */
static void test_long_directory_comes_in_parts(void **state)
{
    (void)state;
    make_long_listing(300);
    int n = xs_directory(&xs, XS_TXN_NONE, "data/long", TEXT);
    assert_int_equal(n, 300 * 23);
    unsigned names = 0;
    for (int i = 0; i < n; i += (int)strlen(text + i) + 1) {
        char name[32];
        snprintf(name, sizeof(name), "a-rather-long-name-%03u", names++);
        assert_string_equal(text + i, name);
    }
    assert_int_equal(names, 300);
    assert_int_equal(xs_directory(&xs, XS_TXN_NONE, "data/long", cs_of(text, 300 * 23 - 1)),
                     -E_NOSPC);
}

static void test_long_directory_of_an_old_xenstored_is_2big(void **state)
{
    struct sim_conf old = {.seed = 1, .xs_no_directory_part = true};
    (void)state;
    begin(&old, 0);
    make_long_listing(300);
    assert_int_equal(xs_directory(&xs, XS_TXN_NONE, "data/long", TEXT), -E_2BIG);
    teardown(state);
}

static void test_permissions(void **state)
{
    const char *const perms[] = {"n1", "r0"};
    (void)state;
    assert_int_equal(xs_mkdir(&xs, XS_TXN_NONE, "data/p"), 0);
    assert_int_equal(xs_set_perms(&xs, XS_TXN_NONE, "data/p", perms, 2), 0);
    assert_int_equal(xs_get_perms(&xs, XS_TXN_NONE, "data/p", TEXT), 6);
    assert_memory_equal(text, "n1\0r0", 6);
    assert_int_equal(xs_set_perms(&xs, XS_TXN_NONE, "data/p", perms, 0), -E_INVAL);
    assert_int_equal(xs_set_perms(&xs, XS_TXN_NONE, "data/p", perms, 17), -E_INVAL);
}

static void test_domains(void **state)
{
    (void)state;
    assert_int_equal(xs_get_domain_path(&xs, 7, TEXT), 15);
    assert_string_equal(text, "/local/domain/7");
    assert_int_equal(xs_is_domain_introduced(&xs, 1), 1);
    assert_int_equal(xs_is_domain_introduced(&xs, 999), 0);
}

/* ---- watches --------------------------------------------------------------------------------- */

static void test_watch_fires_once_registered_and_at_changes(void **state)
{
    static struct xs_watch a, b;
    (void)state;
    assert_int_equal(xs_watch(&xs, &a, "data/a"), 0);
    assert_int_equal(xs_watch(&xs, &b, "/local/domain/1/data/b"), 0);
    assert_int_not_equal(a.token, b.token);
    settle();
    assert_int_equal(a.fired, 1);
    assert_int_equal(b.fired, 1);
    sim_xs_write("/local/domain/1/data/a/below", "1");
    settle();
    assert_int_equal(a.fired, 2);
    assert_int_equal(b.fired, 1);
    xs_write(&xs, XS_TXN_NONE, "data/b", cs_of_str("1"));
    settle();
    assert_int_equal(b.fired, 2);
    assert_int_equal(xs_unwatch(&xs, &a), 0);
    sim_xs_write("/local/domain/1/data/a", "2");
    settle();
    assert_int_equal(a.fired, 2);
    assert_int_equal(xs.watch_count, 1);
    assert_int_equal(sim_xs_watches(), 1);
}

/* Watches that stay behind use up the quota of a domain that lives long (QubesOS issue 155). */
static void test_watches_are_removed_at_the_end(void **state)
{
    static struct xs_watch watch[5];
    (void)state;
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(xs_watch(&xs, &watch[i], "data"), 0);
    assert_int_equal(sim_xs_watches(), 5);
    xs_fini(&xs);
    assert_int_equal(sim_xs_watches(), 0);
    assert_null(xs.watches);
    assert_int_equal(xs_read(&xs, XS_TXN_NONE, "data", TEXT), -E_NODEV);
}

static void test_number_of_watches_is_bounded(void **state)
{
    static struct xs_watch watch[XS_WATCHES_MAX + 1];
    (void)state;
    for (unsigned i = 0; i < XS_WATCHES_MAX; i++)
        assert_int_equal(xs_watch(&xs, &watch[i], "data"), 0);
    assert_int_equal(xs_watch(&xs, &watch[XS_WATCHES_MAX], "data"), -E_NOSPC);
    for (unsigned round = 0; round < 1000; round++) {
        assert_int_equal(xs_unwatch(&xs, &watch[round % XS_WATCHES_MAX]), 0);
        assert_int_equal(xs_watch(&xs, &watch[round % XS_WATCHES_MAX], "data"), 0);
    }
    assert_int_equal(sim_xs_watches(), XS_WATCHES_MAX);
}

static void test_watch_that_is_refused_is_not_kept(void **state)
{
    struct sim_conf conf = {.seed = 1, .xs_watches = 1};
    static struct xs_watch a, b;
    (void)state;
    begin(&conf, 0);
    assert_int_equal(xs_watch(&xs, &a, "data"), 0);
    assert_int_equal(xs_watch(&xs, &b, "data"), -E_2BIG);
    assert_int_equal(xs.watch_count, 1);
    assert_ptr_equal(xs.watches, &a);
    teardown(state);
}

/* xenstored does what it was asked for too late: nobody has the watch, and its events would come,
 * and count against the domain's quota, for ever. */
static void test_watch_that_is_registered_too_late_is_removed(void **state)
{
    static struct xs_watch a, b;
    (void)state;
    assert_int_equal(xs_watch(&xs, &a, "data/a"), 0);
    sim_xs_stop(true);
    assert_int_equal(xs_watch(&xs, &b, "data/b"), -E_TIMEDOUT);
    uint64_t requests = xs.stats.requests;
    for (unsigned i = 0; i < 10; i++)
        xs_poll(&xs);
    assert_int_equal(xs.stats.requests, requests); /* one that is silent is not asked again */
    sim_xs_stop(false);
    settle();
    assert_int_equal(sim_xs_watches(), 1);
    assert_int_equal(xs.stats.requests, requests + 1);
    uint64_t unknown = xs.stats.events_unknown;
    sim_xs_write("/local/domain/1/data/b", "1");
    settle();
    assert_int_equal(xs.stats.events_unknown, unknown);
    assert_int_equal(xs.stats.requests, requests + 1);
    /* The same watch may be asked for again meanwhile: it is another to xenstored. */
    sim_xs_stop(true);
    assert_int_equal(xs_watch(&xs, &b, "data/b"), -E_TIMEDOUT);
    sim_xs_stop(false);
    assert_int_equal(xs_watch(&xs, &b, "data/b"), 0);
    settle();
    assert_int_equal(sim_xs_watches(), 2);
    uint32_t fired = b.fired;
    sim_xs_write("/local/domain/1/data/b", "2");
    settle();
    assert_int_equal(b.fired, fired + 1);
    assert_int_equal(xs_broken(&xs), 0);
}

/* A request that xenstored lost will never be answered: what was given up is not removed by and by,
 * and must not become more and more. */
static void test_watches_that_were_too_late_are_few_though_a_reply_never_comes(void **state)
{
    static struct xs_watch a;
    uint32_t most = 0;
    (void)state;
    sim_xs_stop(true);
    assert_int_equal(xs_read(&xs, XS_TXN_NONE, "data", TEXT), -E_TIMEDOUT);
    ring()->req_cons = ring()->req_prod;
    for (unsigned i = 0; i < 4 * XS_LATE_MAX; i++) {
        sim_xs_stop(true);
        assert_int_equal(xs_watch(&xs, &a, "data/a"), -E_TIMEDOUT);
        sim_xs_stop(false);
        settle();
        if (sim_xs_watches() > most)
            most = sim_xs_watches();
    }
    assert_int_equal(most, XS_LATE_MAX);
    assert_int_equal(xs.late_count, 1);
    /* One that answers in time makes room, and then does what it is asked for. */
    assert_int_equal(xs_watch(&xs, &a, "data/a"), 0);
    assert_true(sim_xs_watches() <= XS_LATE_MAX + 1);
    assert_int_equal(xs_broken(&xs), 0);
    xs_fini(&xs);
    sim_run_until_idle();
    assert_int_equal(sim_xs_watches(), 0);
}

static void test_watch_that_was_too_late_is_removed_at_the_end(void **state)
{
    static struct xs_watch a;
    (void)state;
    sim_xs_stop(true);
    assert_int_equal(xs_watch(&xs, &a, "data/a"), -E_TIMEDOUT);
    sim_xs_stop(false);
    xs_fini(&xs);
    sim_run_until_idle();
    assert_int_equal(sim_xs_watches(), 0);
}

/* ---- transactions ---------------------------------------------------------------------------- */

static int increment(struct xs *store, xs_txn_t txn, void *arg)
{
    uint64_t value = 0;
    ++*(unsigned *)arg;
    int err = xs_read_u64(store, txn, "data/count", 1000, &value);
    return err != 0 ? err : xs_printf(store, txn, "data/count", "%u", (unsigned)value + 1);
}

static void test_transaction_is_run_again_on_eagain(void **state)
{
    unsigned runs = 0;
    (void)state;
    xs_printf(&xs, XS_TXN_NONE, "data/count", "5");
    sim_xs_fail_commits(3);
    assert_int_equal(xs_txn_run(&xs, increment, &runs), 0);
    assert_int_equal(runs, 4);
    assert_int_equal(xs.stats.eagain, 3);
    xs_read(&xs, XS_TXN_NONE, "data/count", TEXT);
    assert_string_equal(text, "6");
}

static void test_transaction_gives_up_after_a_bound(void **state)
{
    unsigned runs = 0;
    (void)state;
    xs_printf(&xs, XS_TXN_NONE, "data/count", "5");
    sim_xs_fail_commits(1000);
    assert_int_equal(xs_txn_run(&xs, increment, &runs), -E_AGAIN);
    assert_int_equal(runs, XS_TXN_TRIES);
    assert_int_equal(sim_xs_transactions(), 0);
}

static void test_transaction_that_fails_is_aborted(void **state)
{
    unsigned runs = 0;
    (void)state;
    assert_int_equal(xs_txn_run(&xs, increment, &runs), -E_NOENT);
    assert_int_equal(runs, 1);
    assert_int_equal(sim_xs_transactions(), 0);
    xs_txn_t txn;
    assert_int_equal(xs_txn_start(&xs, &txn), 0);
    xs_printf(&xs, txn, "data/x", "1");
    assert_int_equal(xs_txn_end(&xs, txn, false), 0);
    assert_int_equal(xs_read(&xs, XS_TXN_NONE, "data/x", TEXT), -E_NOENT);
}

/* ---- a restore ------------------------------------------------------------------------------- */

static int resume(void)
{
    assert_int_equal(evtchn_resume(&ev), 0);
    assert_int_equal(evtchn_adopt(&ev, xen_start()->store_port), 0);
    return xs_resume(&xs, xen_start()->store_ring, xen_start()->store_port);
}

/* A watch that is lost is a domain that can no longer be shut down. */
static void test_watches_that_a_silent_xenstored_does_not_register_come_later(void **state)
{
    static struct xs_watch watches[8];
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(watches); i++)
        assert_int_equal(xs_watch(&xs, &watches[i], "data"), 0);
    sim_suspend(false);
    sim_xs_stop(true);
    assert_int_equal(resume(), -E_TIMEDOUT);
    uint64_t requests = xs.stats.requests;
    settle();
    assert_int_equal(xs.stats.requests, requests);
    vplat_advance(XS_RETRY_NS);
    xs_poll(&xs);
    assert_int_equal(xs.stats.requests, requests + 1);
    for (unsigned i = 0; i < 10; i++) {
        vplat_advance(XS_RETRY_NS);
        xs_poll(&xs);
    }
    assert_int_equal(xs_broken(&xs), 0);
    sim_xs_stop(false);
    settle();
    vplat_advance(XS_RETRY_NS);
    settle();
    assert_int_equal(sim_xs_watches(), ARRAY_SIZE(watches));
    uint32_t fired[ARRAY_SIZE(watches)];
    for (size_t i = 0; i < ARRAY_SIZE(watches); i++)
        fired[i] = watches[i].fired;
    requests = xs.stats.requests;
    sim_xs_write("/local/domain/1/data", "x");
    vplat_advance(XS_RETRY_NS);
    settle();
    for (size_t i = 0; i < ARRAY_SIZE(watches); i++)
        assert_int_equal(watches[i].fired, fired[i] + 1);
    assert_int_equal(xs.stats.requests, requests);
}

/* The domain sleeps and wakes while a watch is asked for, or given up: xs_resume, which registers
 * all that are linked, must not leave one behind that nobody has. */
static void (*usual_step)(uint64_t deadline_ns);

static void resuming_step(uint64_t deadline_ns)
{
    (void)deadline_ns;
    vplat_step = usual_step;
    sim_suspend(false);
    assert_int_equal(resume(), 0);
}

static void test_watch_in_flight_at_a_restore_is_not_left_behind(void **state)
{
    static struct xs_watch a, b;
    (void)state;
    usual_step = vplat_step;
    assert_int_equal(xs_watch(&xs, &a, "data/a"), 0);
    vplat_step = resuming_step;
    assert_int_equal(xs_watch(&xs, &b, "data/b"), -E_AGAIN);
    settle();
    assert_int_equal(sim_xs_watches(), 1);
    assert_int_equal(xs_watch(&xs, &b, "data/b"), 0);
    vplat_step = resuming_step;
    assert_int_equal(xs_unwatch(&xs, &b), -E_AGAIN);
    settle();
    assert_int_equal(sim_xs_watches(), 1);
    uint32_t fired = a.fired;
    sim_xs_write("/local/domain/1/data/a", "1");
    settle();
    assert_int_equal(a.fired, fired + 1);
}

/* ---- deadlines ------------------------------------------------------------------------------- */

static void test_dead_xenstored_times_out(void **state)
{
    (void)state;
    uint64_t start = plat_now_ns();
    sim_xs_stop(true);
    assert_int_equal(xs_read(&xs, XS_TXN_NONE, "data", TEXT), -E_TIMEDOUT);
    assert_in_range(plat_now_ns() - start, 5 * NS_PER_S, 6 * NS_PER_S);
    assert_int_equal(xs.stats.timeouts, 1);
    /* It comes back, and with it the reply that nobody waits for any more. */
    sim_xs_stop(false);
    assert_int_equal(xs_printf(&xs, XS_TXN_NONE, "data/y", "1"), 0);
    assert_int_equal(xs.stats.late, 1);
    assert_int_equal(xs.late_count, 0);
    assert_int_equal(xs_broken(&xs), 0);
}

static void test_xenstored_that_stays_dead_is_given_up(void **state)
{
    (void)state;
    sim_xs_stop(true);
    for (unsigned i = 0; i < XS_LATE_MAX + 1; i++)
        assert_int_equal(xs_read(&xs, XS_TXN_NONE, "data", TEXT), -E_TIMEDOUT);
    uint64_t start = plat_now_ns();
    assert_int_equal(xs_read(&xs, XS_TXN_NONE, "data", TEXT), -E_TIMEDOUT);
    assert_int_equal(plat_now_ns(), start);
    sim_xs_stop(false);
}

/* A request that went out by half cannot be taken back. */
static void test_half_a_request_breaks_the_client(void **state)
{
    static uint8_t big[3000];
    (void)state;
    sim_xs_stop(true);
    assert_int_equal(xs_write(&xs, XS_TXN_NONE, "data/b", cs_ro_of(big, sizeof(big))), -E_TIMEDOUT);
    assert_int_equal(xs_broken(&xs), -E_TIMEDOUT);
    sim_xs_stop(false);
    assert_int_equal(xs_read(&xs, XS_TXN_NONE, "data", TEXT), -E_TIMEDOUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_write_read_rm, setup, teardown),
        cmocka_unit_test_setup_teardown(test_numbers_are_decimal_and_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_paths_and_payloads_have_a_length, setup, teardown),
        cmocka_unit_test_setup_teardown(test_directory_lists_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_directory_comes_in_parts, setup, teardown),
        cmocka_unit_test(test_long_directory_of_an_old_xenstored_is_2big),
        cmocka_unit_test_setup_teardown(test_permissions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_domains, setup, teardown),
        cmocka_unit_test_setup_teardown(test_watch_fires_once_registered_and_at_changes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_watches_are_removed_at_the_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_number_of_watches_is_bounded, setup, teardown),
        cmocka_unit_test(test_watch_that_is_refused_is_not_kept),
        cmocka_unit_test_setup_teardown(test_watch_that_is_registered_too_late_is_removed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            test_watches_that_were_too_late_are_few_though_a_reply_never_comes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_watch_that_was_too_late_is_removed_at_the_end, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_transaction_is_run_again_on_eagain, setup, teardown),
        cmocka_unit_test_setup_teardown(test_transaction_gives_up_after_a_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(test_transaction_that_fails_is_aborted, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_watches_that_a_silent_xenstored_does_not_register_come_later, setup, teardown),
        cmocka_unit_test_setup_teardown(test_watch_in_flight_at_a_restore_is_not_left_behind, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_dead_xenstored_times_out, setup, teardown),
        cmocka_unit_test_setup_teardown(test_xenstored_that_stays_dead_is_given_up, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_half_a_request_breaks_the_client, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
