/* SPDX-License-Identifier: ISC */
/* test_xenstore.c - the xenstore client against the simulated xenstored, and against one that
 * breaks the protocol. */
#include <stdio.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/log.h>
#include <morgana/xenstore.h>

#include "simguest.h"
#include "xen/hypercall.h"

#include <xen/io/xs_wire.h>

static struct evtchn ev;
static uint32_t counts[4096];
static struct xs xs;
static char text[8192];

#define TEXT cs_of(text, sizeof(text))

static struct xenstore_domain_interface *ring(void)
{
    return xen_start()->store_ring;
}

static void begin(const struct sim_conf *conf, uint32_t index)
{
    struct evtchn_conf ec = {.force_2l = true, .counts = counts, .ports_max = 4096};
    simguest_init(conf);
    assert_int_equal(evtchn_init(&ev, &ec), 0);
    simguest_ev = &ev;
    assert_int_equal(evtchn_adopt(&ev, xen_start()->store_port), 0);
    ring()->req_prod = ring()->req_cons = index;
    ring()->rsp_prod = ring()->rsp_cons = index;
    struct xs_conf xc = {.ring = ring(), .ev = &ev, .port = xen_start()->store_port};
    assert_int_equal(xs_init(&xs, &xc), 0);
}

/* Indices begin near the wrap of 2^32, in every test. */
static int setup(void **state)
{
    (void)state;
    begin(NULL, UINT32_C(0xffffffe0));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    xs_fini(&xs);
    simguest_fini();
    return 0;
}

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

static void settle(void)
{
    for (unsigned i = 0; i < 10; i++) {
        sim_run_until_idle();
        xs_poll(&xs);
    }
}

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

/* ---- a xenstored that breaks the protocol ---------------------------------------------------- */

/* Answers the request in the ring: called when the client waits. */
static struct {
    struct xsd_sockmsg header; /* type, len: as given; req_id is added to the request's */
    const char *payload;
    size_t payload_len;
    unsigned answers;
} lie;

static void put_bytes(const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ring()->rsp[MASK_XENSTORE_IDX(ring()->rsp_prod + i)] = ((const char *)bytes)[i];
    ring()->rsp_prod += (uint32_t)n;
}

static void lying_step(uint64_t deadline_ns)
{
    struct xsd_sockmsg request;
    if (ring()->req_prod != ring()->req_cons) {
        for (size_t i = 0; i < sizeof(request); i++)
            ((char *)&request)[i] = ring()->req[MASK_XENSTORE_IDX(ring()->req_cons + i)];
        ring()->req_cons = ring()->req_prod;
        struct xsd_sockmsg header = lie.header;
        header.req_id += request.req_id;
        put_bytes(&header, sizeof(header));
        put_bytes(lie.payload, lie.payload_len);
        lie.answers++;
    } else {
        vplat_set_now(deadline_ns);
    }
}

static void begin_lie(uint32_t type, const char *payload, size_t len)
{
    sim_xs_stop(true);
    vplat_step = lying_step;
    lie.header = (struct xsd_sockmsg){.type = type, .len = (uint32_t)len};
    lie.payload = payload;
    lie.payload_len = len;
    lie.answers = 0;
}

static int lied_to(void **state, int (*call)(void), uint32_t type, const char *payload, size_t len)
{
    setup(state);
    begin_lie(type, payload, len);
    int err = call();
    assert_int_equal(xs_broken(&xs), err == -E_PROTO ? -E_PROTO : 0);
    if (err == -E_PROTO) {
        /* Broken: no later call works, and none waits. */
        uint64_t now = plat_now_ns();
        assert_int_equal(xs_read(&xs, XS_TXN_NONE, "data", TEXT), -E_PROTO);
        assert_int_equal(plat_now_ns(), now);
        assert_true(xs.stats.malformed > 0);
    }
    teardown(state);
    return err;
}

static int call_read(void)
{
    return xs_read(&xs, XS_TXN_NONE, "data/x", TEXT);
}

static int call_write(void)
{
    return xs_write(&xs, XS_TXN_NONE, "data/x", cs_of_str("1"));
}

static int call_directory(void)
{
    return xs_directory(&xs, XS_TXN_NONE, "data", TEXT);
}

static int call_txn(void)
{
    xs_txn_t txn;
    return xs_txn_start(&xs, &txn);
}

static int call_path(void)
{
    return xs_get_domain_path(&xs, 1, TEXT);
}

static int call_introduced(void)
{
    return xs_is_domain_introduced(&xs, 1);
}

static int call_perms(void)
{
    return xs_get_perms(&xs, XS_TXN_NONE, "data", TEXT);
}

static void test_honest_answers_of_the_liar(void **state)
{
    assert_int_equal(lied_to(state, call_read, XS_READ, "abc", 3), 3);
    assert_int_equal(lied_to(state, call_write, XS_WRITE, "OK", 3), 0);
    assert_int_equal(lied_to(state, call_txn, XS_TRANSACTION_START, "17", 3), 0);
    assert_int_equal(lied_to(state, call_write, XS_ERROR, "ENOSPC", 7), -E_NOSPC);
    assert_int_equal(lied_to(state, call_write, XS_ERROR, "EQUOTA", 7), -E_NOSPC);
    assert_int_equal(lied_to(state, call_write, XS_ERROR, "EUNHEARDOF", 11), -E_IO);
    assert_int_equal(lied_to(state, call_directory, XS_DIRECTORY, "a\0b", 4), 4);
}

static void test_wrong_short_or_unterminated_replies_are_refused(void **state)
{
    static const struct {
        int (*call)(void);
        uint32_t type;
        const char *payload;
        size_t len;
    } lies[] = {
        {call_read, XS_WRITE, "abc", 3}, /* type */
        {call_read, XS_TYPE_COUNT, "abc", 3},
        {call_read, UINT32_MAX, "abc", 3},
        {call_write, XS_WRITE, "", 0},
        {call_write, XS_WRITE, "OK", 2},
        {call_write, XS_WRITE, "KO", 3},
        {call_write, XS_WRITE, "OK\0more", 7},
        {call_write, XS_ERROR, "", 0},
        {call_write, XS_ERROR, "", 1},
        {call_write, XS_ERROR, "ENOENT", 6},
        {call_write, XS_ERROR, "E\0E", 4},
        {call_directory, XS_DIRECTORY, "abc", 3},
        {call_txn, XS_TRANSACTION_START, "", 0},
        {call_txn, XS_TRANSACTION_START, "17", 2},
        {call_txn, XS_TRANSACTION_START, "0", 2},
        {call_txn, XS_TRANSACTION_START, "4294967296", 11},
        {call_txn, XS_TRANSACTION_START, "x", 2},
        {call_path, XS_GET_DOMAIN_PATH, "", 0},
        {call_path, XS_GET_DOMAIN_PATH, "/a", 2},
        {call_path, XS_GET_DOMAIN_PATH, "/a\0b", 5},
        {call_introduced, XS_IS_DOMAIN_INTRODUCED, "X", 2},
        {call_perms, XS_GET_PERMS, "", 0},
        {call_perms, XS_GET_PERMS, "n0", 2},
    };
    for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
        int err = lied_to(state, lies[i].call, lies[i].type, lies[i].payload, lies[i].len);
        if (err != -E_PROTO)
            fail_msg("lie %zu was believed: %d", i, err);
    }
}

/* Oversize is refused by its header: not one byte of its payload is written anywhere. */
static void test_oversize_reply_is_refused(void **state)
{
    static const uint32_t lens[] = {XENSTORE_PAYLOAD_MAX + 1, XENSTORE_PAYLOAD_MAX + 17, 1u << 31,
                                    UINT32_MAX - 15, UINT32_MAX};
    for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
        setup(state);
        begin_lie(XS_READ, "abc", 3);
        lie.header.len = lens[i];
        assert_int_equal(call_read(), -E_PROTO);
        teardown(state);
    }
}

static void test_reply_with_another_id_is_refused(void **state)
{
    static const uint32_t ids[] = {1, UINT32_MAX, 1000};
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        setup(state);
        begin_lie(XS_READ, "abc", 3);
        lie.header.req_id = ids[i];
        assert_int_equal(call_read(), -E_PROTO);
        teardown(state);
    }
}

static void test_reply_cut_short_times_out(void **state)
{
    (void)state;
    begin_lie(XS_READ, "abc", 3);
    lie.header.len = 10;
    assert_int_equal(call_read(), -E_TIMEDOUT);
    assert_int_equal(lie.answers, 1);
    assert_int_equal(xs_broken(&xs), 0);
}

/* An index of the other side is at most a ring ahead of ours. */
static void test_indices_out_of_range_are_refused(void **state)
{
    static const uint32_t ahead[] = {XENSTORE_RING_SIZE + 1, 1u << 31, UINT32_MAX};
    for (size_t i = 0; i < ARRAY_SIZE(ahead); i++) {
        setup(state);
        sim_xs_stop(true);
        ring()->rsp_prod = ring()->rsp_cons + ahead[i];
        uint32_t cons = ring()->rsp_cons;
        xs_poll(&xs);
        assert_int_equal(xs_broken(&xs), -E_PROTO);
        assert_int_equal(ring()->rsp_cons, cons); /* nothing was taken */
        ring()->rsp_prod = ring()->rsp_cons;
        teardown(state);

        setup(state);
        sim_xs_stop(true);
        ring()->req_cons = ring()->req_prod - ahead[i];
        assert_int_equal(call_read(), -E_PROTO);
        ring()->req_cons = ring()->req_prod;
        teardown(state);
    }
}

/* What stands in shared memory in the place of our indices is for the other side. */
static void test_our_indices_are_private(void **state)
{
    (void)state;
    assert_int_equal(xs_printf(&xs, XS_TXN_NONE, "data/x", "1"), 0);
    uint32_t rsp_cons = ring()->rsp_cons, req_prod = ring()->req_prod;
    sim_xs_stop(true);
    ring()->req_prod += 77;
    ring()->rsp_cons += 77;
    vplat_step = lying_step;
    begin_lie(XS_WRITE, "OK", 3);
    assert_int_equal(call_write(), 0);
    assert_int_equal(ring()->req_prod - req_prod, sizeof(struct xsd_sockmsg) + sizeof("data/x1"));
    assert_int_equal(ring()->rsp_cons - rsp_cons, sizeof(struct xsd_sockmsg) + 3);
}

static void put_event(const char *payload, size_t len)
{
    struct xsd_sockmsg header = {.type = XS_WATCH_EVENT, .len = (uint32_t)len};
    put_bytes(&header, sizeof(header));
    put_bytes(payload, len);
}

static void test_watch_events_that_mean_nothing_are_counted(void **state)
{
    static struct xs_watch watch;
    (void)state;
    assert_int_equal(xs_watch(&xs, &watch, "data"), 0);
    settle();
    uint32_t fired = watch.fired;
    sim_xs_stop(true);
    put_event("data\0"
              "999",
              9);            /* no such token */
    put_event("data\0x", 7); /* not a number */
    put_event("data\0"
              "4294967297",
              16);          /* 2^32 + 1: not our 1 */
    put_event("data\0", 6); /* an empty token is no number: 0 */
    xs_poll(&xs);
    assert_int_equal(xs.stats.events_unknown, 4);
    put_event("", 0);
    put_event("data", 4);
    put_event("data\0"
              "1",
              6); /* no NUL at the end */
    xs_poll(&xs);
    assert_int_equal(xs.stats.malformed, 3);
    assert_int_equal(watch.fired, fired);
    put_event("data\0"
              "1",
              7);
    xs_poll(&xs);
    assert_int_equal(watch.fired, fired + 1);
    assert_int_equal(xs_broken(&xs), 0);
}

static void test_unasked_reply_is_refused(void **state)
{
    struct xsd_sockmsg header = {.type = XS_READ, .req_id = 7};
    (void)state;
    sim_xs_stop(true);
    put_bytes(&header, sizeof(header));
    xs_poll(&xs);
    assert_int_equal(xs_broken(&xs), -E_PROTO);
}

/* A listing that changes while it is read is read anew, but not for ever. */
static unsigned parts_asked;

static void changing_step(uint64_t deadline_ns)
{
    struct xsd_sockmsg request, header;
    char payload[64];
    if (ring()->req_prod == ring()->req_cons) {
        vplat_set_now(deadline_ns);
        return;
    }
    for (size_t i = 0; i < sizeof(request); i++)
        ((char *)&request)[i] = ring()->req[MASK_XENSTORE_IDX(ring()->req_cons + i)];
    ring()->req_cons = ring()->req_prod;
    header = request;
    if (request.type == XS_DIRECTORY) {
        header.type = XS_ERROR;
        header.len = 6;
        memcpy(payload, "E2BIG", 6);
    } else {
        header.len = (uint32_t)snprintf(payload, sizeof(payload), "%u%cname", parts_asked++, 0) + 1;
    }
    put_bytes(&header, sizeof(header));
    put_bytes(payload, header.len);
}

static void test_listing_that_never_stops_changing_is_given_up(void **state)
{
    (void)state;
    sim_xs_stop(true);
    vplat_step = changing_step;
    parts_asked = 0;
    assert_int_equal(call_directory(), -E_AGAIN);
    assert_int_equal(parts_asked, 2 * XS_DIRECTORY_TRIES);
}

static void test_empty_part_of_a_listing_is_refused(void **state)
{
    /* Neither a name nor the end: taken for progress, it would be asked for again without end. */
    assert_int_equal(lied_to(state, call_directory, XS_DIRECTORY_PART, "1", 2), -E_PROTO);
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
        cmocka_unit_test_setup_teardown(test_transaction_is_run_again_on_eagain, setup, teardown),
        cmocka_unit_test_setup_teardown(test_transaction_gives_up_after_a_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(test_transaction_that_fails_is_aborted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dead_xenstored_times_out, setup, teardown),
        cmocka_unit_test_setup_teardown(test_xenstored_that_stays_dead_is_given_up, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_half_a_request_breaks_the_client, setup, teardown),
        cmocka_unit_test(test_honest_answers_of_the_liar),
        cmocka_unit_test(test_wrong_short_or_unterminated_replies_are_refused),
        cmocka_unit_test(test_oversize_reply_is_refused),
        cmocka_unit_test(test_reply_with_another_id_is_refused),
        cmocka_unit_test_setup_teardown(test_reply_cut_short_times_out, setup, teardown),
        cmocka_unit_test(test_indices_out_of_range_are_refused),
        cmocka_unit_test_setup_teardown(test_our_indices_are_private, setup, teardown),
        cmocka_unit_test_setup_teardown(test_watch_events_that_mean_nothing_are_counted, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_unasked_reply_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_listing_that_never_stops_changing_is_given_up, setup,
                                        teardown),
        cmocka_unit_test(test_empty_part_of_a_listing_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
