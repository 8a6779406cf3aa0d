/* SPDX-License-Identifier: ISC */
/* main.c - the xenstore client, from inside a domain, against the xenstored there is. `data` is the
 * domain's own (xl makes it so). */
#include <string.h>

#include <morgana/xenbus.h>

#include "tests/guest/suite.h"

SUITE_STATE;

static char text[12288];
#define TEXT cs_of(text, sizeof(text))
#define NONE XS_TXN_NONE

static const char *domain_knows_itself(struct start *start)
{
    struct xs *xs = &start->xs;
    uint64_t domid = 0;
    char path[64];
    CHECK(start->has_xs);
    CHECK_EQ(xs_read_u64(xs, NONE, "domid", 0x7fef, &domid), 0);
    CHECK_EQ(xs_get_domain_path(xs, (uint16_t)domid, TEXT),
             fmt_buf(path, sizeof(path), "/local/domain/%u", (unsigned)domid));
    CHECK(strcmp(text, path) == 0);
    int introduced = xs_is_domain_introduced(xs, (uint16_t)domid);
    CHECK(introduced == 1 || introduced == -E_ACCES); /* Xen 4.17 tells it to domain 0 only */
    introduced = xs_is_domain_introduced(xs, 0x7000);
    CHECK(introduced == 0 || introduced == -E_ACCES);
    return NULL;
}

static const char *value_is_written_and_read(struct start *start)
{
    struct xs *xs = &start->xs;
    uint64_t value = 0;
    CHECK_EQ(xs_printf(xs, NONE, "data/one", "%u-%s", 12u, "x"), 0);
    CHECK_EQ(xs_read(xs, NONE, "data/one", TEXT), 4);
    CHECK(strcmp(text, "12-x") == 0);
    CHECK_EQ(xs_read(xs, NONE, "data/one", cs_of(text, 3)), -E_NOSPC);
    CHECK_EQ(xs_read_u64(xs, NONE, "data/one", 99, &value), -E_INVAL);
    CHECK_EQ(xs_write(xs, NONE, "data/one", cs_of_str("77")), 0);
    CHECK_EQ(xs_read_u64(xs, NONE, "data/one", 99, &value), 0);
    CHECK_EQ(value, 77);
    CHECK_EQ(xs_read_u64(xs, NONE, "data/one", 76, &value), -E_INVAL);
    CHECK_EQ(xs_write(xs, NONE, "data/one", CS_RO_EMPTY), 0);
    CHECK_EQ(xs_read(xs, NONE, "data/one", TEXT), 0);
    CHECK_EQ(xs_rm(xs, NONE, "data/one"), 0);
    CHECK_EQ(xs_read(xs, NONE, "data/one", TEXT), -E_NOENT);
    return NULL;
}

static const char *errors_have_names(struct start *start)
{
    struct xs *xs = &start->xs;
    CHECK_EQ(xs_read(xs, NONE, "data/none", TEXT), -E_NOENT);
    CHECK_EQ(xs_write(xs, NONE, "/local/domain/0/data", cs_of_str("x")), -E_ACCES);
    CHECK_EQ(xs_read(xs, NONE, "data/not a path", TEXT), -E_INVAL);
    CHECK_EQ(xs_read(xs, 123456, "domid", TEXT), -E_NOENT); /* no such transaction */
    CHECK_EQ(xs_read(xs, NONE, "", TEXT), -E_INVAL);
    return NULL;
}

/* Requests and replies that are longer than the rings. */
static const char *long_value_goes_through_a_small_ring(struct start *start)
{
    static uint8_t big[2000];
    struct xs *xs = &start->xs;
    for (unsigned round = 0; round < 5; round++) {
        memset(big, (int)('a' + round), sizeof(big));
        CHECK_EQ(xs_write(xs, NONE, "data/big", cs_ro_of(big, sizeof(big))), 0);
        CHECK_EQ(xs_read(xs, NONE, "data/big", TEXT), sizeof(big));
        CHECK(memcmp(text, big, sizeof(big)) == 0);
    }
    CHECK_EQ(xs_rm(xs, NONE, "data/big"), 0);
    return NULL;
}

static const char *directory_is_listed(struct start *start)
{
    struct xs *xs = &start->xs;
    CHECK_EQ(xs_mkdir(xs, NONE, "data/d"), 0);
    CHECK_EQ(xs_directory(xs, NONE, "data/d", TEXT), 0);
    CHECK_EQ(xs_mkdir(xs, NONE, "data/d/x"), 0);
    CHECK_EQ(xs_directory(xs, NONE, "data/d", TEXT), 2);
    CHECK(strcmp(text, "x") == 0);
    CHECK_EQ(xs_mkdir(xs, NONE, "data/d/y"), 0);
    CHECK_EQ(xs_directory(xs, NONE, "data/d", TEXT), 4);
    CHECK_EQ(xs_rm(xs, NONE, "data/d"), 0);
    CHECK_EQ(xs_directory(xs, NONE, "data/d", TEXT), -E_NOENT);
    return NULL;
}

#define LONG_NAMES 160u

/* As long as the quota of a node's size allows: where that is above XENSTORE_PAYLOAD_MAX, it comes
 * in parts. */
static const char *long_directory_is_listed_whole(struct start *start)
{
    struct xs *xs = &start->xs;
    static uint8_t found[LONG_NAMES];
    char path[64];
    unsigned made = 0, names = 0;
    int err = 0;
    memset(found, 0, sizeof(found));
    for (; made < LONG_NAMES && err == 0; made++) {
        fmt_buf(path, sizeof(path), "data/long/a-name-of-thirty-characters-%03u", made);
        err = xs_write(xs, NONE, path, CS_RO_EMPTY);
    }
    CHECK(err == 0 || err == -E_NOSPC);
    made -= err != 0;
    int n = xs_directory(xs, NONE, "data/long", TEXT);
    printf("# %u names, %d bytes\n", made, n);
    CHECK(n > 1500);
    for (int at = 0; at < n; at += (int)strlen(text + at) + 1) {
        const char *digits = text + at + strlen(text + at) - 3;
        unsigned i = (unsigned)((digits[0] - '0') * 100 + (digits[1] - '0') * 10 + digits[2] - '0');
        CHECK(i < made && found[i] == 0);
        found[i] = 1;
        names++;
    }
    CHECK_EQ(names, made);
    CHECK_EQ(xs_directory(xs, NONE, "data/long", cs_of(text, (size_t)n - 1)), -E_NOSPC);
    CHECK_EQ(xs_rm(xs, NONE, "data/long"), 0);
    return NULL;
}

static const char *permissions_are_read_and_set(struct start *start)
{
    struct xs *xs = &start->xs;
    uint64_t domid = 0;
    char owner[16], perms[2][16];
    const char *const both[] = {owner, "r0"};
    CHECK_EQ(xs_read_u64(xs, NONE, "domid", 0x7fef, &domid), 0);
    fmt_buf(owner, sizeof(owner), "n%u", (unsigned)domid);
    CHECK_EQ(xs_mkdir(xs, NONE, "data/p"), 0);
    CHECK_EQ(xs_set_perms(xs, NONE, "data/p", both, 2), 0);
    int n = xs_get_perms(xs, NONE, "data/p", TEXT);
    CHECK(n > 0);
    fmt_buf(perms[0], sizeof(perms[0]), "%s", text);
    fmt_buf(perms[1], sizeof(perms[1]), "%s", text + strlen(text) + 1);
    CHECK(strcmp(perms[0], owner) == 0);
    CHECK(strcmp(perms[1], "r0") == 0);
    CHECK_EQ(xs_rm(xs, NONE, "data/p"), 0);
    return NULL;
}

/* ---- transactions ---------------------------------------------------------------------------- */

static const char *transaction_is_all_or_nothing(struct start *start)
{
    struct xs *xs = &start->xs;
    xs_txn_t txn = 0;
    CHECK_EQ(xs_txn_start(xs, &txn), 0);
    CHECK(txn != XS_TXN_NONE);
    CHECK_EQ(xs_printf(xs, txn, "data/t", "1"), 0);
    CHECK_EQ(xs_read(xs, NONE, "data/t", TEXT), -E_NOENT); /* not yet */
    CHECK_EQ(xs_txn_end(xs, txn, false), 0);
    CHECK_EQ(xs_read(xs, NONE, "data/t", TEXT), -E_NOENT);
    CHECK_EQ(xs_txn_start(xs, &txn), 0);
    CHECK_EQ(xs_printf(xs, txn, "data/t", "2"), 0);
    CHECK_EQ(xs_txn_end(xs, txn, true), 0);
    CHECK_EQ(xs_read(xs, NONE, "data/t", TEXT), 1);
    CHECK(xs_txn_end(xs, txn, true) < 0); /* it is over */
    CHECK_EQ(xs_rm(xs, NONE, "data/t"), 0);
    return NULL;
}

/* Adds one to a counter; the first time round somebody else does so in between. */
static int add_one(struct xs *xs, xs_txn_t txn, void *arg)
{
    unsigned *runs = arg;
    uint64_t value = 0;
    int err = xs_read_u64(xs, txn, "data/count", 1000, &value);
    if (err == 0 && ++*runs == 1)
        err = xs_printf(xs, NONE, "data/count", "%u", 100u);
    if (err == 0)
        err = xs_printf(xs, txn, "data/count", "%u", (unsigned)value + 1);
    return err;
}

static const char *transaction_runs_again_after_a_conflict(struct start *start)
{
    struct xs *xs = &start->xs;
    unsigned runs = 0;
    uint64_t value = 0;
    CHECK_EQ(xs_printf(xs, NONE, "data/count", "1"), 0);
    CHECK_EQ(xs_txn_run(xs, add_one, &runs), 0);
    CHECK_EQ(runs, 2);
    CHECK_EQ(xs_read_u64(xs, NONE, "data/count", 1000, &value), 0);
    CHECK_EQ(value, 101);
    CHECK(xs->stats.eagain >= 1);
    CHECK_EQ(xs_rm(xs, NONE, "data/count"), 0);
    return NULL;
}

/* ---- watches --------------------------------------------------------------------------------- */

static bool fires(struct xs *xs, const struct xs_watch *watch, uint32_t fired)
{
    uint64_t end = plat_now_ns() + 5 * NS_PER_S;
    while (watch->fired == fired && plat_now_ns() < end) {
        xs_poll(xs);
        if (watch->fired == fired)
            plat_wait(u64_min(end, plat_now_ns() + 20 * NS_PER_MS));
    }
    return watch->fired != fired;
}

static const char *watch_fires_at_once_and_at_changes(struct start *start)
{
    static struct xs_watch watch, other;
    struct xs *xs = &start->xs;
    CHECK_EQ(xs_watch(xs, &watch, "data/w"), 0);
    CHECK_EQ(xs_watch(xs, &other, "data/v"), 0);
    CHECK(fires(xs, &watch, 0));
    CHECK(fires(xs, &other, 0));
    uint32_t fired = watch.fired, other_fired = other.fired;
    CHECK_EQ(xs_printf(xs, NONE, "data/w/below", "1"), 0);
    CHECK(fires(xs, &watch, fired));
    fired = watch.fired;
    CHECK_EQ(xs_rm(xs, NONE, "data/w"), 0);
    CHECK(fires(xs, &watch, fired));
    CHECK_EQ(other.fired, other_fired);
    CHECK_EQ(xs_unwatch(xs, &watch), 0);
    CHECK_EQ(xs_unwatch(xs, &other), 0);
    fired = watch.fired;
    CHECK_EQ(xs_printf(xs, NONE, "data/w", "2"), 0);
    CHECK_EQ(xs_rm(xs, NONE, "data/w"), 0);
    xs_poll(xs);
    CHECK_EQ(watch.fired, fired);
    return NULL;
}

/* More than the quota of 128, one after the other: none stays behind. */
static const char *watches_are_removed(struct start *start)
{
    static struct xs_watch watch;
    for (unsigned i = 0; i < 300; i++) {
        CHECK_EQ(xs_watch(&start->xs, &watch, "data/w"), 0);
        CHECK_EQ(xs_unwatch(&start->xs, &watch), 0);
    }
    return NULL;
}

/* ---- a device -------------------------------------------------------------------------------- */

static const char *backend_of_the_vif_waits(struct start *start)
{
    static struct xenbus_dev dev;
    int err = xenbus_open(&dev, &start->xs, "device/vif/0");
    if (err == -E_NODEV)
        SKIP("the domain has no vif");
    CHECK_EQ(err, 0);
    CHECK_EQ(dev.otherend_id, 0);
    CHECK_EQ(xenbus_wait_otherend(&dev, 1u << XENBUS_INIT_WAIT, plat_now_ns() + 20 * NS_PER_S), 0);
    CHECK(xenbus_read(&dev, NONE, "mac", TEXT) == 17);
    dev.state = XENBUS_INITIALISING; /* as the toolstack wrote it */
    CHECK_EQ(xenbus_next(&dev), XENBUS_PUBLISH);
    xenbus_close(&dev);
    return NULL;
}

static const char *nothing_was_malformed(struct start *start)
{
    CHECK_EQ(start->xs.stats.malformed, 0);
    CHECK_EQ(start->xs.stats.timeouts, 0);
    CHECK_EQ(xs_broken(&start->xs), 0);
    CHECK_EQ(start->xs.stats.requests, start->xs.stats.replies);
    printf("# %u requests\n", (unsigned)start->xs.stats.requests);
    return NULL;
}

static const struct suite_case cases[] = {
    {"domain_knows_itself", domain_knows_itself},
    {"value_is_written_and_read", value_is_written_and_read},
    {"errors_have_names", errors_have_names},
    {"long_value_goes_through_a_small_ring", long_value_goes_through_a_small_ring},
    {"directory_is_listed", directory_is_listed},
    {"long_directory_is_listed_whole", long_directory_is_listed_whole},
    {"permissions_are_read_and_set", permissions_are_read_and_set},
    {"transaction_is_all_or_nothing", transaction_is_all_or_nothing},
    {"transaction_runs_again_after_a_conflict", transaction_runs_again_after_a_conflict},
    {"watch_fires_at_once_and_at_changes", watch_fires_at_once_and_at_changes},
    {"watches_are_removed", watches_are_removed},
    {"backend_of_the_vif_waits", backend_of_the_vif_waits},
    {"nothing_was_malformed", nothing_was_malformed},
};

int main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return suite_run(start_get(), cases, ARRAY_SIZE(cases));
}
