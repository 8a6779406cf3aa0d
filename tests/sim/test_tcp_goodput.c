/* SPDX-License-Identifier: ISC */
/* test_tcp_goodput.c - goodput against loss, delay, reordering, duplication and buffer size, in
 * virtual time with fixed seeds: compared with the tables of tests/sim/goodput, which say what they
 * were when they were last looked at. MORGANA_GOODPUT=write writes them anew.
 *
 * Each number is the time from the first byte to the last, of several runs with different seeds,
 * taken together. The same work is done by lwIP between two ends of its own. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tcp_link.h"

#define TOLERANCE 0.15 /* of a number in a table: another order of events moves it so far */
#define RUNS 3u
#define BYTES (2u << 20)
#define DEADLINE (1200 * NS_PER_S)

struct path {
    uint32_t loss_ppm, reorder_ppm, duplicate_ppm;
    unsigned rtt_ms;
    uint32_t buffer; /* both ends'; 0: as the tuning has it */
    bool acks_too;   /* loss in both directions */
    enum tcp_cc_kind cc;
    bool no_sack, no_rack;
};

static struct fault_dir direction(const struct path *path, bool data)
{
    bool spoil = data || path->acks_too;

    return (struct fault_dir){
        .loss_ppm = spoil ? path->loss_ppm : 0,
        .reorder_ppm = spoil ? path->reorder_ppm : 0,
        .reorder_ns = path->rtt_ms * NS_PER_MS / 5,
        .duplicate_ppm = spoil ? path->duplicate_ppm : 0,
        .delay_ns = path->rtt_ms * NS_PER_MS / 2,
    };
}

/* kB/s of one transfer; 0: it did not end. */
static double transfer(const struct path *path, enum tlink_kind kind, uint64_t seed)
{
    struct tcp_tuning tuning = tcp_tuning_default;
    struct tlink_conf conf = {.seed = seed,
                              .kind = {kind, kind},
                              .dir = {direction(path, true), direction(path, false)},
                              .tuning = {&tuning, &tuning},
                              .pages = 2048};
    struct tlink_bulk bulk = {.total = {BYTES, 0}};
    struct tlink *link;
    double rate = 0;

    tuning.cc = (uint8_t)path->cc;
    tuning.sack &= !path->no_sack;
    tuning.rack &= !path->no_rack;
    tuning.tlp &= !path->no_rack;
    if (path->buffer != 0)
        tuning.rcvbuf = tuning.rcvbuf_max = tuning.sndbuf = tuning.sndbuf_max = path->buffer;
    vplat_reset(seed);
    link = tlink_new(&conf);
    if (tlink_bulk_open(&bulk, link, 80) && tlink_bulk_run(&bulk, plat_now_ns() + DEADLINE))
        rate = BYTES / ((double)(bulk.done_at[1] - bulk.opened_at) / 1e6);
    tlink_drop(link);
    return rate;
}

/* All runs' bytes over all runs' time. */
static double goodput(const struct path *path, enum tlink_kind kind)
{
    double time = 0;

    for (unsigned i = 0; i < RUNS; i++) {
        double rate = transfer(path, kind, 1000 + i);

        if (rate == 0)
            return 0;
        time += BYTES / rate;
    }
    return RUNS * BYTES / time;
}

/* ---- tables --------------------------------------------------------------------------------- */

struct table {
    const char *name;
    FILE *old, *new;
    unsigned wrong;
};

static void table_open(struct table *t, const char *name, const char *title)
{
    char path[100];

    *t = (struct table){.name = name};
    snprintf(path, sizeof(path), "tests/sim/goodput/%s.txt", name);
    if (getenv("MORGANA_GOODPUT") != NULL && strcmp(getenv("MORGANA_GOODPUT"), "write") == 0) {
        t->new = fopen(path, "w");
        assert_non_null(t->new);
        fprintf(t->new, "%s\n\nkB/s, %u transfers of %u KiB in virtual time; %s\n\n%-44s %9s\n",
                title, RUNS, BYTES >> 10, "made by MORGANA_GOODPUT=write test_tcp_goodput", "path",
                "kB/s");
        return;
    }
    t->old = fopen(path, "r");
    if (t->old == NULL)
        fail_msg("%s is missing: run from the top folder", path);
}

/* The number at the end of the line that begins with `row`; negative: none. */
static double find(FILE *file, const char *row)
{
    char line[200];

    rewind(file);
    while (fgets(line, sizeof(line), file) != NULL)
        if (strncmp(line, row, strlen(row)) == 0 && line[strlen(row)] == ' ')
            return atof(strrchr(line, ' '));
    return -1;
}

static void table_row(struct table *t, const char *row, double now)
{
    double was;

    if (t->new != NULL) {
        fprintf(t->new, "%-44s %9.1f\n", row, now);
        return;
    }
    was = find(t->old, row);
    if (was < 0 || now < was * (1 - TOLERANCE) || now > was * (1 + TOLERANCE)) {
        print_error("%s: %s: %.1f kB/s, the table says %.1f\n", t->name, row, now, was);
        t->wrong++;
    }
}

static void table_close(struct table *t)
{
    if (t->old != NULL)
        fclose(t->old);
    if (t->new != NULL)
        fclose(t->new);
    assert_int_equal(t->wrong, 0);
}

static void describe(char *row, size_t size, const struct path *path, const char *more)
{
    snprintf(row, size, "%4.1f%% loss, %3u ms%s", path->loss_ppm / 1e4, path->rtt_ms, more);
}

static const uint32_t losses[] = {0, 1000, 10000, 30000, 50000};
#define LOSSES (sizeof(losses) / sizeof(losses[0]))

static void test_loss_and_delay(void **state)
{
    static const unsigned rtts[] = {2, 50, 200};
    struct table t;
    char row[100];

    (void)state;
    table_open(&t, "loss", "Goodput against loss of data and round-trip time");
    for (size_t r = 0; r < 3; r++) {
        for (size_t i = 0; i < LOSSES; i++) {
            struct path path = {.loss_ppm = losses[i], .rtt_ms = rtts[r]};

            describe(row, sizeof(row), &path, "");
            table_row(&t, row, goodput(&path, TLINK_OURS));
        }
    }
    table_close(&t);
}

static void test_reordering_and_duplication(void **state)
{
    static const uint32_t ppms[] = {10000, 50000, 200000};
    struct table t;
    char row[100], more[60];

    (void)state;
    table_open(&t, "reorder", "Goodput against reordering and duplication");
    for (size_t i = 0; i < 2 * 3; i++) {
        for (unsigned lossy = 0; lossy < 2; lossy++) {
            uint32_t ppm = ppms[i / 2];
            struct path path = {.rtt_ms = 50, .loss_ppm = lossy != 0 ? 10000 : 0, .acks_too = true};

            if (i % 2 == 0)
                path.reorder_ppm = ppm;
            else
                path.duplicate_ppm = ppm;
            snprintf(more, sizeof(more), ", %u%% %s", ppm / 10000,
                     i % 2 == 0 ? "reordered by RTT/5" : "duplicated");
            describe(row, sizeof(row), &path, more);
            table_row(&t, row, goodput(&path, TLINK_OURS));
        }
    }
    table_close(&t);
}

static void test_buffers(void **state)
{
    static const uint32_t buffers[] = {4096, 16384, 65536, 1u << 20};
    struct table t;
    char row[100], more[40];

    (void)state;
    table_open(&t, "buffers", "Goodput against the size of both ends' buffers");
    for (size_t i = 0; i < 4; i++) {
        for (unsigned lossy = 0; lossy < 2; lossy++) {
            struct path path = {
                .rtt_ms = 50, .loss_ppm = lossy != 0 ? 10000 : 0, .buffer = buffers[i]};

            snprintf(more, sizeof(more), ", buffers of %u KiB", buffers[i] >> 10);
            describe(row, sizeof(row), &path, more);
            table_row(&t, row, goodput(&path, TLINK_OURS));
        }
    }
    table_close(&t);
}

static void test_what_each_part_is_worth(void **state)
{
    static const struct {
        const char *name;
        struct path path;
    } rows[] = {
        {", NewReno", {.cc = TCP_CC_NEWRENO}},
        {", Westwood+", {.cc = TCP_CC_WESTWOOD}},
        {", no RACK", {.no_rack = true}},
        {", no SACK, no RACK", {.no_sack = true, .no_rack = true}},
    };
    struct table t;
    char row[100];

    (void)state;
    table_open(&t, "parts", "Goodput without one part or another");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t l = 2; l < 4; l++) {
            struct path path = rows[i].path;

            path.rtt_ms = 50;
            path.loss_ppm = losses[l];
            describe(row, sizeof(row), &path, rows[i].name);
            table_row(&t, row, goodput(&path, TLINK_OURS));
        }
    }
    table_close(&t);
}

/* B9: 50 ms, 5 % of the frames reordered, loss both ways. */
static struct path b9(uint32_t loss_ppm)
{
    return (struct path){
        .loss_ppm = loss_ppm, .rtt_ms = 50, .reorder_ppm = 50000, .acks_too = true};
}

static void test_against_lwip(void **state)
{
    struct table t;
    char row[100];

    (void)state;
    if (!lwip_end_available())
        skip();
    table_open(&t, "lwip",
               "Goodput of ours and of Debian's lwIP, each between two ends of its own");
    for (size_t i = 0; i < LOSSES; i++) {
        struct path path = b9(losses[i]);
        double ours = goodput(&path, TLINK_OURS), lwip = goodput(&path, TLINK_LWIP), westwood;

        path.cc = TCP_CC_WESTWOOD;
        westwood = goodput(&path, TLINK_OURS);

        describe(row, sizeof(row), &path, ", 5% reordered: ours");
        table_row(&t, row, ours);
        describe(row, sizeof(row), &path, ", 5% reordered: Westwood+");
        table_row(&t, row, westwood);
        describe(row, sizeof(row), &path, ", 5% reordered: lwIP");
        table_row(&t, row, lwip);
        print_message("%4.1f%% loss: %.1f times lwIP's goodput, %.1f with Westwood+\n",
                      losses[i] / 1e4, ours / lwip, westwood / lwip);
        /* At 3 % the model below allows CUBIC 205 kB/s. */
        if (losses[i] == 30000)
            assert_true(westwood > 5 * lwip);
        assert_true(ours > (losses[i] == 30000 ? 2 : 1.5) * lwip);
    }
    table_close(&t);
}

/* RFC 9438 section 4.3: where loss is random and the window small, CUBIC is at least the AIMD of
 * RFC 5681: its average window is sqrt(1.5 / p) segments, 12.25. */
static void test_one_percent_loss_is_what_the_model_says(void **state)
{
    struct path path = {.loss_ppm = 10000, .rtt_ms = 50};
    double model = 12.25 * 1448 / 0.050 / 1e3, ours = goodput(&path, TLINK_OURS);

    (void)state;
    print_message("1%% loss: %.1f kB/s, the model says %.1f\n", ours, model);
    assert_true(ours > 0.8 * model);
    assert_true(ours < 2.5 * model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loss_and_delay),
        cmocka_unit_test(test_reordering_and_duplication),
        cmocka_unit_test(test_buffers),
        cmocka_unit_test(test_what_each_part_is_worth),
        cmocka_unit_test(test_against_lwip),
        cmocka_unit_test(test_one_percent_loss_is_what_the_model_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
