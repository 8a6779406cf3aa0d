/* SPDX-License-Identifier: ISC */
/* test_app_pktbench.c - the parts of pktbench: numbers that went missing, the pace, the payload,
 * and the words of the command line. */
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/log.h>

#include "apps/pktbench/pace.c"
#include "apps/pktbench/payload.c"
#include "apps/pktbench/seq.c"
#include "apps/pktbench/words.c"

const char *const mode_names[MODES + 1] = {"tx", "rx", "echo", "rtt", "forward", "loop", NULL};

/* ---- numbers --------------------------------------------------------------------------------- */

static struct seq after(const uint32_t *numbers, unsigned n)
{
    struct seq seq = {0};

    for (unsigned i = 0; i < n; i++)
        seq_take(&seq, numbers[i]);
    return seq;
}
#define AFTER(...)                                                                                 \
    after((const uint32_t[]){__VA_ARGS__}, sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static void expect(struct seq seq, uint64_t lost, uint64_t reordered, uint64_t duplicates)
{
    assert_int_equal(seq_lost(&seq), lost);
    assert_int_equal(seq.reordered, reordered);
    assert_int_equal(seq.duplicates, duplicates);
}

static void test_gaps_are_lost_until_the_late_one_comes(void **state)
{
    (void)state;
    expect((struct seq){0}, 0, 0, 0);
    expect(AFTER(0, 1, 2), 0, 0, 0);
    expect(AFTER(0, 3), 2, 0, 0);
    expect(AFTER(0, 3, 2), 1, 1, 0);
    expect(AFTER(0, 3, 2, 1), 0, 2, 0);
    expect(AFTER(5, 4), 0, 1, 0); /* the first one came too early */
    expect(AFTER(7, 9, 9, 7, 8), 0, 1, 2);
    expect(AFTER(0, 0), 0, 0, 1);
}

static void test_numbers_wrap(void **state)
{
    (void)state;
    expect(AFTER(0xfffffffe, 0xffffffff, 0, 1), 0, 0, 0);
    expect(AFTER(0xfffffffe, 1), 2, 0, 0);
    expect(AFTER(0xfffffffe, 1, 0xffffffff, 0), 0, 2, 0);
    expect(AFTER(0, 0xffffffff, 0), 0, 1, 1);
}

static void test_what_is_older_than_the_window_is_reordered(void **state)
{
    (void)state;
    expect(AFTER(0, SEQ_WINDOW, 0), SEQ_WINDOW - 2, 1, 0); /* not known as a duplicate any more */
    expect(AFTER(1, SEQ_WINDOW, 1), SEQ_WINDOW - 2, 0, 1);
    /* A jump over more than the window leaves no bit of before. */
    expect(AFTER(3, 3 + 5 * SEQ_WINDOW, 2 + 5 * SEQ_WINDOW), 5 * SEQ_WINDOW - 2, 1, 0);
}

static void test_any_order_with_copies_is_counted_as_a_table_would(void **state)
{
    enum { N = 600 };
    static uint32_t numbers[2 * N];
    uint64_t seed = 11;

    (void)state;
    for (unsigned round = 0; round < 200; round++) {
        uint32_t base = (uint32_t)test_random(&seed), high = 0;
        bool seen[N] = {false};
        uint64_t came = 0, reordered = 0, duplicates = 0;
        uint32_t first = N;
        unsigned n = 0;

        for (uint32_t i = 0; i < N; i++)
            for (uint64_t copies = test_random_below(&seed, 3); copies > 0; copies--)
                numbers[n++] = i;
        for (unsigned i = 0; i + 1 < n; i++) { /* each moves by 20 at most */
            unsigned k = i + (unsigned)test_random_below(&seed, 1 + (n - i < 20 ? n - i : 20));
            uint32_t x = numbers[i];
            if (k < n) {
                numbers[i] = numbers[k];
                numbers[k] = x;
            }
        }
        struct seq seq = {0};
        for (unsigned i = 0; i < n; i++) {
            uint32_t x = numbers[i];
            seq_take(&seq, base + x);
            if (seen[x])
                duplicates++;
            else if (came != 0 && x < high)
                reordered++;
            came += !seen[x];
            seen[x] = true;
            high = x > high ? x : high;
            first = x < first ? x : first;
        }
        if (n == 0)
            continue;
        assert_int_equal(seq.duplicates, duplicates);
        assert_int_equal(seq.reordered, reordered);
        assert_int_equal(seq_lost(&seq), high - first + 1 - came);
    }
}

/* ---- pace ------------------------------------------------------------------------------------ */

static void test_as_many_are_due_as_the_rate_says(void **state)
{
    static const uint32_t rates[] = {1, 3, 1000, 999999, 14880952, UINT32_MAX};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(rates); i++) {
        uint64_t begin = 123456789, now = begin;
        struct pace pace;

        pace_begin(&pace, rates[i], begin);
        for (unsigned turn = 0; turn < 1000; turn++) {
            uint32_t due = pace_due(&pace, now);
            if (due != 0)
                pace_sent(&pace, 1); /* never ahead of its time */
            else
                assert_true(pace_at(&pace) > now);
            now = pace_at(&pace);
            assert_true(pace_due(&pace, now) >= 1);
        }
        assert_true(now - begin <= 1000 * (NS_PER_S / rates[i] + 1));
    }
}

static void test_who_fell_behind_makes_up_for_a_tenth_of_a_second(void **state)
{
    struct pace pace;

    (void)state;
    pace_begin(&pace, 1000, 0);
    assert_int_equal(pace_due(&pace, 50 * NS_PER_MS), 51);
    assert_int_equal(pace_due(&pace, 10 * NS_PER_S), 101);
    pace_sent(&pace, 101);
    assert_int_equal(pace_due(&pace, 10 * NS_PER_S), 0);
    assert_int_equal(pace_at(&pace), 10 * NS_PER_S + NS_PER_MS);
    pace_begin(&pace, 0, 0);
    assert_int_equal(pace_due(&pace, 1), UINT32_MAX);
}

/* ---- payload --------------------------------------------------------------------------------- */

static void test_a_payload_is_read_as_it_was_made(void **state)
{
    static _Alignas(PAGE_BYTES) uint8_t memory[8 * PAGE_BYTES];
    static struct page headers[8];
    static struct pkt pkts[8];
    static const uint32_t sizes[] = {FRAME_MIN, 1514, PAGE_BYTES, FRAME_MAX};
    struct page_pool pages;
    struct pkt_pool pool;

    (void)state;
    page_pool_init(&pages, headers, memory, 8);
    pkt_pool_init(&pool, pkts, 8, &pages);
    struct page *filler = page_get(&pages);
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct payload out = {PAYLOAD_END, 0x80000001, UINT64_C(0x1122334455667788), 63}, in;
        struct pkt *pkt = payload_make(&pool, filler, sizes[i], &out);

        assert_int_equal(pkt->len, sizes[i] - FRAME_HEADERS);
        assert_true(payload_read(pkt, 0, &in));
        assert_int_equal(in.magic, out.magic);
        assert_int_equal(in.number, out.number);
        assert_true(in.time_ns == out.time_ns);
        assert_int_equal(in.flow, out.flow);
        assert_false(payload_read(pkt, pkt->len - PAYLOAD_BYTES + 1, &in));
        cs_set_be32(pkt_frag_rw(pkt, 0), 0, PAYLOAD_PKTGEN);
        assert_true(payload_read(pkt, 0, &in));
        assert_int_equal(in.flow, 0); /* pktgen has its clock there */
        cs_set_be32(pkt_frag_rw(pkt, 0), 0, PAYLOAD_PKTGEN + 1);
        assert_false(payload_read(pkt, 0, &in));
        pkt_put(pkt);
    }
    page_put(filler);
    assert_int_equal(pages.free_count, 8);
}

/* ---- the command line ------------------------------------------------------------------------ */

static int words(struct load *load, const char *line)
{
    static struct args args;
    char error[128];

    vplat_console_clear();
    log_init(plat_console_write, LOG_INFO);
    assert_int_equal(args_split(&args, "pktbench", cs_of_str(line), error, sizeof(error)), 0);
    return words_read(args.argc, args.argv, load);
}

static void test_what_is_not_said_is_as_it_is_documented(void **state)
{
    struct load load;

    (void)state;
    assert_int_equal(words(&load, "mode=tx to=10.0.0.2"), 0);
    assert_int_equal(load.mode, MODE_TX);
    assert_false(load.eth);
    assert_int_equal(load.size_count, 1);
    assert_int_equal(load.sizes[0], 60);
    assert_true(load.ns == 5 * NS_PER_S);
    assert_int_equal(load.rate, 0);
    assert_int_equal(load.port.port, 9);
    assert_int_equal(load.port.flows, 1);
    assert_int_equal(words(&load, "mode=rx sizes=60,9014,64 flows=64 seconds=0"), 0);
    assert_int_equal(load.size_count, 3);
    assert_int_equal(load.sizes[1], 9014);
    assert_true(load.ns == 0 && load.idle_ns == 3 * NS_PER_S);
    assert_int_equal(words(&load, "mode=loop"), 0);
    assert_true(load.eth);
}

static void test_what_makes_no_sense_is_refused_with_a_line(void **state)
{
    static const char *const rows[] = {
        "",
        "mode=",
        "mode=send",
        "mode=tx",
        "mode=rtt level=eth to=10.0.0.2",
        "mode=rx sizes=59",
        "mode=rx sizes=9015",
        "mode=rx sizes=",
        "mode=rx sizes=60,",
        "mode=rx sizes=60-64",
        "mode=rx sizes=60,60,60,60,60,60,60,60,60,60,60,60,60,60,60,60,60",
        "mode=tx to=10.0.0.2 seconds=0",
        "mode=tx to=10.0.0.2 rate=0",
        "mode=tx to=10.0.0.2 flows=65",
        "mode=tx to=10.0.0.2 port=65535",
        "mode=rtt to=10.0.0.2 window=257",
        "mode=tx level=ip to=10.0.0.2",
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        struct load load;
        assert_int_equal(words(&load, rows[i]), -E_INVAL);
        assert_non_null(strstr(vplat_console(), "error: "));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gaps_are_lost_until_the_late_one_comes),
        cmocka_unit_test(test_numbers_wrap),
        cmocka_unit_test(test_what_is_older_than_the_window_is_reordered),
        cmocka_unit_test(test_any_order_with_copies_is_counted_as_a_table_would),
        cmocka_unit_test(test_as_many_are_due_as_the_rate_says),
        cmocka_unit_test(test_who_fell_behind_makes_up_for_a_tenth_of_a_second),
        cmocka_unit_test(test_a_payload_is_read_as_it_was_made),
        cmocka_unit_test(test_what_is_not_said_is_as_it_is_documented),
        cmocka_unit_test(test_what_makes_no_sense_is_refused_with_a_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
