/* SPDX-License-Identifier: ISC */
/* test_sim_xenstore.c - the simulated xenstored, by raw messages on its ring: what each request
 * answers, quotas, permissions, transactions, watches, and requests that break the protocol.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include "platform/sim/sim_priv.h"

static struct xenstore_domain_interface *ring;
static uint32_t next_id;
static struct xsd_sockmsg answer;
static char body[4097];

static void start(struct sim_conf conf)
{
    vplat_reset(1);
    assert_int_equal(sim_init(&conf), 0);
    ring = xen_start()->store_ring;
    next_id = 100;
}

static void notify(void)
{
    struct evtchn_send send = {.port = xen_start()->store_port};
    xen_hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_send, (unsigned long)&send, 0, 0, 0);
    sim_run_until_idle();
}

static void put(const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (ring->req_prod - ring->req_cons == sizeof(ring->req))
            notify();
        ring->req[ring->req_prod++ % sizeof(ring->req)] = ((const char *)bytes)[i];
    }
    notify();
}

static bool get(void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (ring->rsp_prod == ring->rsp_cons)
            notify();
        if (ring->rsp_prod == ring->rsp_cons)
            return false;
        ((char *)bytes)[i] = ring->rsp[ring->rsp_cons++ % sizeof(ring->rsp)];
    }
    return true;
}

/* The next message, in `answer` and `body`. */
static bool message(void)
{
    if (!get(&answer, sizeof(answer)))
        return false;
    assert_in_range(answer.len, 0, 4096);
    assert_true(get(body, answer.len));
    body[answer.len] = '\0';
    return true;
}

/* Sends a request; its reply's type, with watch events skipped. */
static uint32_t ask_in(uint32_t txn, uint32_t type, const void *payload, size_t len)
{
    struct xsd_sockmsg header = {type, ++next_id, txn, (uint32_t)len};
    put(&header, sizeof(header));
    put(payload, len);
    do
        assert_true(message());
    while (answer.type == XS_WATCH_EVENT);
    assert_int_equal(answer.req_id, next_id);
    assert_int_equal(answer.tx_id, txn);
    return answer.type;
}

#define ask(type, text) ask_in(0, type, text, sizeof(text))

static void assert_error(uint32_t type, const char *name)
{
    assert_int_equal(type, XS_ERROR);
    assert_string_equal(body, name);
}

static void test_write_read_rm(void **state)
{
    (void)state;
    start((struct sim_conf){0});
    assert_int_equal(ask_in(0, XS_WRITE, "data/a\0value", 12), XS_WRITE);
    assert_string_equal(body, "OK");
    assert_int_equal(ask(XS_READ, "data/a"), XS_READ);
    assert_int_equal(answer.len, 5); /* without a NUL */
    assert_string_equal(body, "value");
    assert_int_equal(ask(XS_READ, "/local/domain/1/data/a"), XS_READ);
    assert_int_equal(ask(XS_RM, "data/a"), XS_RM);
    assert_error(ask(XS_READ, "data/a"), "ENOENT");
    assert_int_equal(ask(XS_RM, "data/a"), XS_RM); /* gone is done */
    assert_error(ask(XS_RM, "data/x/y"), "ENOENT");
    assert_error(ask(XS_RM, "/"), "EINVAL");
    sim_fini();
}

static void test_paths_are_checked(void **state)
{
    (void)state;
    char path[3100];
    start((struct sim_conf){0});
    assert_error(ask(XS_READ, "data//a"), "EINVAL");
    assert_error(ask(XS_READ, "data/"), "EINVAL");
    assert_error(ask(XS_READ, "data/ a"), "EINVAL");
    assert_error(ask(XS_READ, "@introduceDomain"), "EINVAL");
    assert_error(ask_in(0, XS_READ, "data", 4), "EINVAL"); /* no NUL */
    assert_error(ask_in(0, XS_READ, "", 0), "EINVAL");
    memset(path, 'a', sizeof(path));
    path[2049] = '\0';
    assert_error(ask_in(0, XS_READ, path, 2050), "EINVAL");
    sim_fini();
}

static void test_permissions(void **state)
{
    (void)state;
    start((struct sim_conf){0});
    assert_error(ask_in(0, XS_WRITE, "/local/domain/0/x\0y", 19), "EACCES");
    assert_error(ask(XS_READ, "/local/domain/0/name"), "EACCES");
    assert_error(ask_in(0, XS_WRITE, "memory/target\0001", 15), "EACCES");
    assert_int_equal(ask(XS_READ, "memory/target"), XS_READ);
    assert_int_equal(ask(XS_GET_PERMS, "memory/target"), XS_GET_PERMS);
    assert_memory_equal(body, "n0\0r1", 6);
    assert_int_equal(ask(XS_MKDIR, "data/d"), XS_MKDIR);
    assert_int_equal(ask(XS_SET_PERMS, "data/d\0n1\0r0"), XS_SET_PERMS);
    assert_error(ask(XS_SET_PERMS, "data/d\0n0"), "EPERM"); /* not given away */
    assert_error(ask(XS_SET_PERMS, "data/d\0q1"), "EINVAL");
    sim_fini();
}

static void test_a_transaction_commits_whole_or_says_eagain(void **state)
{
    (void)state;
    char value[16];
    start((struct sim_conf){.xs_transactions = 2});
    assert_int_equal(ask(XS_TRANSACTION_START, ""), XS_TRANSACTION_START);
    uint32_t txn = (uint32_t)atoi(body);
    assert_int_equal(ask_in(txn, XS_WRITE, "data/t\0one", 10), XS_WRITE);
    assert_error(ask(XS_READ, "data/t"), "ENOENT"); /* not seen outside */
    assert_int_equal(ask_in(txn, XS_READ, "data/t", 7), XS_READ);
    assert_int_equal(ask_in(txn, XS_TRANSACTION_END, "T", 2), XS_TRANSACTION_END);
    assert_int_equal(ask(XS_READ, "data/t"), XS_READ);

    ask(XS_TRANSACTION_START, "");
    txn = (uint32_t)atoi(body);
    assert_int_equal(ask_in(txn, XS_READ, "data/t", 7), XS_READ);
    assert_int_equal(ask_in(txn, XS_WRITE, "data/u\0two", 10), XS_WRITE);
    sim_xs_write("/local/domain/1/data/t", "other");
    assert_error(ask_in(txn, XS_TRANSACTION_END, "T", 2), "EAGAIN");
    assert_int_equal(sim_xs_read("/local/domain/1/data/u", value, sizeof(value)), -E_NOENT);
    assert_error(ask_in(txn, XS_TRANSACTION_END, "T", 2), "ENOENT");

    ask(XS_TRANSACTION_START, "");
    ask(XS_TRANSACTION_START, "");
    assert_error(ask(XS_TRANSACTION_START, ""), "ENOSPC");
    assert_int_equal(sim_xs_transactions(), 2);
    sim_fini();
}

static void test_watches_fire_at_once_below_and_for_what_is_removed(void **state)
{
    (void)state;
    start((struct sim_conf){.xs_watches = 2});
    assert_int_equal(ask(XS_WATCH, "data/w\0tok"), XS_WATCH);
    assert_true(message());
    assert_int_equal(answer.type, XS_WATCH_EVENT);
    assert_memory_equal(body, "data/w\0tok", 11);
    sim_xs_write("/local/domain/1/data/w/x", "1");
    assert_true(message());
    assert_memory_equal(body, "data/w/x\0tok", 13); /* relative, as the watch is */
    sim_xs_rm("/local/domain/1/data");
    assert_true(message());
    assert_memory_equal(body, "data/w\0tok", 11);
    sim_xs_write("/local/domain/0/secret", "1");
    assert_false(message());
    assert_error(ask(XS_WATCH, "data/w\0tok"), "EEXIST");
    assert_int_equal(ask(XS_WATCH, "@releaseDomain\0t"), XS_WATCH);
    assert_error(ask(XS_WATCH, "data/z\0t"), "E2BIG"); /* the quota */
    assert_int_equal(ask(XS_UNWATCH, "data/w\0tok"), XS_UNWATCH);
    assert_error(ask(XS_UNWATCH, "data/w\0tok"), "ENOENT");
    assert_int_equal(ask(XS_RESET_WATCHES, ""), XS_RESET_WATCHES);
    assert_int_equal(sim_xs_watches(), 0);
    sim_fini();
}

/* As in xenstored's watch_permitted(): what survives, the parent, may be closed to the guest. */
static void test_removed_nodes_own_permissions_decide_who_is_told(void **state)
{
    static const char guest_reads[] = "n0\0r1";
    (void)state;
    start((struct sim_conf){0});
    sim_xs_write("/local/domain/0/backend/x/open/state", "4");
    sim_xs_write("/local/domain/0/backend/x/shut/state", "4");
    sim_store_set_perms(0, NULL, "/local/domain/0/backend/x/open/state",
                        cs_ro_of(guest_reads, sizeof(guest_reads)));
    assert_int_equal(ask(XS_WATCH, "/local/domain/0/backend/x/open/state\0t"), XS_WATCH);
    assert_int_equal(ask(XS_WATCH, "/local/domain/0/backend/x/shut/state\0t"), XS_WATCH);
    while (message())
        ; /* both fire once */
    sim_xs_rm("/local/domain/0/backend/x");
    assert_true(message());
    assert_int_equal(answer.type, XS_WATCH_EVENT);
    assert_string_equal(body, "/local/domain/0/backend/x/open/state");
    assert_false(message());
    assert_error(ask(XS_READ, "/local/domain/0/backend/x/open/state"), "EACCES");
    sim_fini();
}

static void test_long_directories_come_in_parts(void **state)
{
    (void)state;
    char path[64], request[64];
    unsigned names = 0;
    start((struct sim_conf){0});
    for (unsigned i = 0; i < 900; i++) {
        snprintf(path, sizeof(path), "/local/domain/1/data/child-%u", i);
        sim_xs_write(path, "x");
    }
    assert_error(ask(XS_DIRECTORY, "data"), "E2BIG");
    for (size_t off = 0, end = 0; end == 0;) {
        int n = snprintf(request, sizeof(request), "data%c%zu", 0, off);
        assert_int_equal(ask_in(0, XS_DIRECTORY_PART, request, (size_t)n + 1), XS_DIRECTORY_PART);
        for (size_t at = strlen(body) + 1; at < answer.len; at += strlen(body + at) + 1) {
            names += body[at] != '\0';
            off += strlen(body + at) + 1;
            end = body[at] == '\0';
        }
    }
    assert_int_equal(names, 900);
    sim_fini();
    start((struct sim_conf){.xs_no_directory_part = true});
    assert_error(ask(XS_DIRECTORY_PART, "data\0000"), "ENOSYS");
    sim_fini();
}

static void test_quotas_of_nodes_and_sizes(void **state)
{
    (void)state;
    static char big[2100] = "data/big";
    start((struct sim_conf){.xs_nodes = 2});
    assert_int_equal(ask(XS_MKDIR, "data/1"), XS_MKDIR);
    assert_int_equal(ask(XS_MKDIR, "data/2"), XS_MKDIR);
    assert_error(ask(XS_MKDIR, "data/3"), "ENOSPC");
    assert_int_equal(ask(XS_RM, "data/1"), XS_RM);
    assert_int_equal(ask(XS_MKDIR, "data/3"), XS_MKDIR);
    assert_error(ask_in(0, XS_WRITE, big, sizeof(big)), "ENOSPC");
    sim_fini();
}

static void test_other_requests(void **state)
{
    (void)state;
    start((struct sim_conf){0});
    assert_int_equal(ask(XS_GET_DOMAIN_PATH, "7"), XS_GET_DOMAIN_PATH);
    assert_string_equal(body, "/local/domain/7");
    assert_int_equal(ask(XS_IS_DOMAIN_INTRODUCED, "1"), XS_IS_DOMAIN_INTRODUCED);
    assert_string_equal(body, "T");
    ask(XS_IS_DOMAIN_INTRODUCED, "9");
    assert_string_equal(body, "F");
    assert_error(ask(XS_INTRODUCE, "1"), "EACCES");
    assert_error(ask(XS_CONTROL, "print"), "EACCES");
    assert_error(ask(77, ""), "ENOSYS");
    assert_error(ask(XS_WATCH_EVENT, "x"), "ENOSYS");
    assert_error(ask_in(12345, XS_READ, "data", 5), "ENOENT");
    sim_fini();
}

static void test_a_request_too_long_ends_the_connection(void **state)
{
    (void)state;
    start((struct sim_conf){0});
    struct xsd_sockmsg header = {XS_READ, 1, 0, XENSTORE_PAYLOAD_MAX + 1};
    put(&header, sizeof(header));
    assert_int_equal(ring->error, XENSTORE_ERROR_PROTO);
    assert_int_equal(sim_fault_count(), 1);
    assert_false(message());
    sim_fini();
    start((struct sim_conf){0});
    ring->req_prod = ring->req_cons + 1025;
    notify();
    assert_int_equal(ring->error, XENSTORE_ERROR_RINGIDX);
    sim_fini();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_read_rm),
        cmocka_unit_test(test_paths_are_checked),
        cmocka_unit_test(test_permissions),
        cmocka_unit_test(test_a_transaction_commits_whole_or_says_eagain),
        cmocka_unit_test(test_watches_fire_at_once_below_and_for_what_is_removed),
        cmocka_unit_test(test_removed_nodes_own_permissions_decide_who_is_told),
        cmocka_unit_test(test_long_directories_come_in_parts),
        cmocka_unit_test(test_quotas_of_nodes_and_sizes),
        cmocka_unit_test(test_other_requests),
        cmocka_unit_test(test_a_request_too_long_ends_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
