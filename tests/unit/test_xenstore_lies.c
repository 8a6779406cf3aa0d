/* SPDX-License-Identifier: ISC */
/* test_xenstore_lies.c - the xenstore client against a xenstored that breaks the protocol. */
#include "xstest.h"

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
