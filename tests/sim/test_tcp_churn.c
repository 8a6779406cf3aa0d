/* SPDX-License-Identifier: ISC */
/* test_tcp_churn.c - connections opened, used and ended, a million of them, in every order: and
 * every page, packet, connection and record is back where it came from.
 *
 * Two of our stacks on a cable without faults, then with some. MORGANA_CHURN in the environment
 * sets how many. */
#include "support.h"

#include <stdlib.h>

#include <cmocka.h>

#include "tcp_link.h"

#define BATCH 64u /* connections at once */
#define PORT 80

struct pair {
    tcp_t conn[2];
};

/* How a pair ends: each is asked for once, everything after happens by itself. */
typedef void ending(struct tlink *link, struct pair *pair, unsigned e);

static void shut(struct tlink *link, struct pair *p, unsigned e)
{
    assert_int_equal(tcp_close(tlink_tcp(link, e), p->conn[e], plat_now_ns()), 0);
}

static void drop(struct tlink *link, struct pair *p, unsigned e)
{
    assert_int_equal(tcp_abort(tlink_tcp(link, e), p->conn[e], plat_now_ns()), 0);
}

static void write_some(struct tlink *link, struct pair *p, unsigned e)
{
    static const uint8_t bytes[100];

    tcp_send(tlink_tcp(link, e), p->conn[e], cs_ro_of(bytes, sizeof(bytes)), plat_now_ns());
}

static uint32_t read_all(struct tlink *link, struct pair *p, unsigned e)
{
    uint8_t bytes[512];
    int n = tcp_recv(tlink_tcp(link, e), p->conn[e], cs_of(bytes, sizeof(bytes)), plat_now_ns());

    return n > 0 ? (uint32_t)n : 0;
}

static void one_first(struct tlink *link, struct pair *p, unsigned e)
{
    shut(link, p, e);
    tlink_settle(link);
    shut(link, p, !e);
}

static void together(struct tlink *link, struct pair *p, unsigned e)
{
    shut(link, p, e);
    shut(link, p, !e);
}

static void half_closed(struct tlink *link, struct pair *p, unsigned e)
{
    tcp_shutdown(tlink_tcp(link, e), p->conn[e], plat_now_ns());
    tlink_settle(link);
    assert_true(tcp_ready(tlink_tcp(link, !e), p->conn[!e]) & TCP_READY_EOF);
    write_some(link, p, !e);
    tlink_settle(link);
    assert_int_equal(read_all(link, p, e), 100);
    shut(link, p, !e);
    tlink_settle(link);
    shut(link, p, e);
}

static void aborted(struct tlink *link, struct pair *p, unsigned e)
{
    drop(link, p, e);
    tlink_settle(link);
    assert_int_equal(tcp_error(tlink_tcp(link, !e), p->conn[!e]), -E_CONNRESET);
    shut(link, p, !e);
}

static void both_aborted(struct tlink *link, struct pair *p, unsigned e)
{
    drop(link, p, e);
    drop(link, p, !e);
}

static void unread(struct tlink *link, struct pair *p, unsigned e)
{
    write_some(link, p, !e);
    tlink_settle(link);
    shut(link, p, e); /* RST: RFC 2525 2.17 */
    tlink_settle(link);
    assert_int_equal(tcp_error(tlink_tcp(link, !e), p->conn[!e]), -E_CONNRESET);
    shut(link, p, !e);
}

static void unsent(struct tlink *link, struct pair *p, unsigned e)
{
    write_some(link, p, e); /* not polled yet */
    shut(link, p, e);
    tlink_settle(link);
    assert_int_equal(read_all(link, p, !e), 100);
    shut(link, p, !e);
}

static void late_data(struct tlink *link, struct pair *p, unsigned e)
{
    shut(link, p, e);
    tlink_settle(link);
    write_some(link, p, !e); /* nobody will read it */
    tlink_settle(link);
    shut(link, p, !e);
}

static const struct {
    const char *name;
    ending *end;
} endings[] = {
    {"one closes first", one_first}, {"both at once", together},
    {"half-close", half_closed},     {"abort", aborted},
    {"both abort", both_aborted},    {"data unread", unread},
    {"data unsent", unsent},         {"data after close", late_data},
};

#define ENDINGS (2u * (unsigned)(sizeof(endings) / sizeof(endings[0])))

static void open_one(struct tlink *link, tcp_t listener, struct pair *p)
{
    uint8_t bytes[16] = {1, 2, 3};

    p->conn[0] = tlink_connect(link, 0, PORT);
    tlink_settle(link);
    assert_int_equal(tcp_accept(tlink_tcp(link, 1), listener, &p->conn[1]), 0);
    assert_int_equal(
        tcp_send(tlink_tcp(link, 0), p->conn[0], cs_ro_of(bytes, sizeof(bytes)), plat_now_ns()),
        sizeof(bytes));
    tlink_settle(link);
    assert_int_equal(read_all(link, p, 1), sizeof(bytes));
}

static unsigned wanted(void)
{
    const char *given = getenv("MORGANA_CHURN");

    return given == NULL ? 1000000 : (unsigned)strtoul(given, NULL, 0);
}

/* Time enough for TIME-WAIT to end, and for timers that nobody answers. */
static void let_all_end(struct tlink *link)
{
    struct tcp_usage used[2];

    for (unsigned i = 0; i < 100; i++) {
        tlink_pass(link, 30 * NS_PER_S);
        for (unsigned e = 0; e < 2; e++)
            used[e] = tcp_usage(tlink_tcp(link, e));
        if (used[0].conns + used[1].conns + used[0].time_waits + used[1].time_waits == 0)
            return;
    }
    fail_msg("connections stay: %u, %u", used[0].conns, used[1].conns);
}

static void churn(uint64_t seed, unsigned total, bool judged)
{
    struct tlink_conf conf = {.seed = seed,
                              .pages = 1024,
                              .conns_max = 2 * BATCH,
                              .time_waits_max = 256,
                              .no_trace = !judged,
                              .trace = {.conns_max = 1024}};
    struct tlink *link;
    tcp_t listener;

    vplat_reset(1);
    link = tlink_new(&conf);
    listener = tlink_listen(link, 1, PORT);
    for (unsigned i = 0; i < total; i++) {
        struct pair p;

        open_one(link, listener, &p);
        endings[i % ENDINGS / 2].end(link, &p, i % 2);
        tlink_settle(link);
        if (i % 1024 == 0)
            tlink_pass(link, NS_PER_S);
    }
    assert_int_equal(tcp_close(tlink_tcp(link, 1), listener, plat_now_ns()), 0);
    let_all_end(link);
    tlink_free(link);
}

/* A part of the million under the trace checker's eyes; the rest without, as it costs as much as
 * the stacks. */
static void test_every_pool_is_full_again(void **state)
{
    (void)state;
    churn(test_seed(31), wanted() / 20, true);
    churn(test_seed(34), wanted() - wanted() / 20, false);
}

/* The same on a bad link, many at a time: what gets lost is sent again, and nothing stays. */
static void test_every_pool_is_full_again_after_losses(void **state)
{
    struct tlink_conf conf = {.seed = test_seed(32),
                              .pages = 2048,
                              .conns_max = 4 * BATCH,
                              .time_waits_max = 256,
                              .trace = {.conns_max = 4096, .tx_loses = true}};
    unsigned total = wanted() / 200;
    struct tlink *link;
    tcp_t listener;

    (void)state;
    vplat_reset(1);
    for (unsigned e = 0; e < 2; e++)
        conf.dir[e] = (struct fault_dir){
            .loss_ppm = 50000, .duplicate_ppm = 50000, .reorder_ppm = 50000, .delay_ns = NS_PER_MS};
    link = tlink_new(&conf);
    listener = tlink_listen(link, 1, PORT);
    for (unsigned done = 0; done < total; done += BATCH) {
        struct pair p[BATCH] = {0};
        tcp_t conn;

        for (unsigned i = 0; i < BATCH; i++) {
            p[i].conn[0] = tlink_connect(link, 0, PORT);
            write_some(link, &p[i], 0);
        }
        tlink_pass(link, 20 * NS_PER_S);
        for (unsigned i = 0; i < BATCH; i++)
            write_some(link, &p[i], 0);
        for (unsigned n = 0; tcp_accept(tlink_tcp(link, 1), listener, &conn) == 0; n++) {
            p[n % BATCH].conn[1] = conn;
            if (n % 3 == 0)
                write_some(link, &p[n % BATCH], 1);
            if (n % 5 == 0)
                assert_int_equal(tcp_abort(tlink_tcp(link, 1), conn, plat_now_ns()), 0);
            else
                assert_int_equal(tcp_close(tlink_tcp(link, 1), conn, plat_now_ns()), 0);
        }
        tlink_pass(link, (done % 7) * 30 * NS_PER_MS);
        for (unsigned i = 0; i < BATCH; i++) {
            if (i % 7 == 0)
                assert_int_equal(tcp_abort(tlink_tcp(link, 0), p[i].conn[0], plat_now_ns()), 0);
            else
                shut(link, &p[i], 0);
        }
        let_all_end(link);
    }
    assert_int_equal(tcp_close(tlink_tcp(link, 1), listener, plat_now_ns()), 0);
    let_all_end(link);
    tlink_free(link);
}

/* Handles of connections that ended are refused, also where their place is used again. */
static void test_old_handles_are_refused(void **state)
{
    struct tlink_conf conf = {.seed = 33, .conns_max = 2};
    struct tlink *link;
    tcp_t listener, old[2] = {0, 0};

    (void)state;
    vplat_reset(1);
    link = tlink_new(&conf);
    listener = tlink_listen(link, 1, PORT);
    for (unsigned i = 0; i < 100; i++) {
        struct pair p;
        uint8_t byte = 0;

        open_one(link, listener, &p);
        for (unsigned e = 0; e < 2 && i != 0; e++) {
            struct tcp *tcp = tlink_tcp(link, e);

            assert_int_equal(tcp_close(tcp, old[e], plat_now_ns()), -E_BADF);
            assert_int_equal(tcp_abort(tcp, old[e], plat_now_ns()), -E_BADF);
            assert_int_equal(tcp_recv(tcp, old[e], cs_of(&byte, 1), plat_now_ns()), -E_BADF);
            assert_int_equal(tcp_send(tcp, old[e], cs_ro_of(&byte, 1), plat_now_ns()), -E_BADF);
            assert_int_equal(tcp_ready(tcp, old[e]), 0);
            /* Of another stack, or made up. */
            assert_int_equal(tcp_close(tcp, p.conn[!e], plat_now_ns()), -E_BADF);
            assert_int_equal(tcp_close(tcp, p.conn[e] ^ (tcp_t)1 << i % 64, plat_now_ns()),
                             -E_BADF);
        }
        old[0] = p.conn[0];
        old[1] = p.conn[1];
        both_aborted(link, &p, i % 2);
        tlink_settle(link);
    }
    assert_int_equal(tcp_close(tlink_tcp(link, 1), listener, plat_now_ns()), 0);
    let_all_end(link);
    tlink_free(link);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_pool_is_full_again),
        cmocka_unit_test(test_every_pool_is_full_again_after_losses),
        cmocka_unit_test(test_old_handles_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
