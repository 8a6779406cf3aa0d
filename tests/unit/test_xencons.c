/* SPDX-License-Identifier: ISC */
/* test_xencons.c - the console ring: partial writes, a reader that stops, input, last words. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/xencons.h>

#include "simguest.h"
#include "xen/hypercall.h"

#include <xen/io/console.h>

static struct xencons cons;
static char out[1 << 16];
static size_t out_len;

static void collect(void *arg, struct cs_ro text)
{
    (void)arg;
    assert_true(out_len + text.len < sizeof(out));
    memcpy(out + out_len, text.base, text.len);
    out_len += text.len;
    out[out_len] = '\0';
}

static struct xencons_interface *ring(void)
{
    return xen_start()->console_ring;
}

/* Indices begin near the wrap of 2^32. */
static int setup(void **state)
{
    struct sim_conf sc = {.seed = 1, .console = collect};
    (void)state;
    simguest_init(&sc);
    out_len = 0;
    out[0] = '\0';
    ring()->out_prod = ring()->out_cons = UINT32_C(0xfffffff8);
    ring()->in_prod = ring()->in_cons = UINT32_C(0xfffffffe);
    struct xencons_conf conf = {.ring = ring(), .port = xen_start()->console_port};
    assert_int_equal(xencons_init(&cons, &conf), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    simguest_fini();
    return 0;
}

static void write_str(const char *s)
{
    xencons_write(&cons, cs_of_str(s));
}

static void test_lf_goes_out_as_cr_lf(void **state)
{
    (void)state;
    write_str("one\ntwo\n\nthree");
    sim_run_until_idle();
    assert_string_equal(out, "one\r\ntwo\r\n\r\nthree");
    assert_int_equal(cons.stats.written, out_len);
    assert_int_equal(cons.stats.dropped, 0);
}

/* Partial writes add up: `written =` in place of `+=` once let a flood of log lines hang guests
 * (Solo5 pull request 538). */
static void test_text_longer_than_the_ring_arrives_whole(void **state)
{
    static char text[20000];
    (void)state;
    for (size_t i = 0; i < sizeof(text) - 1; i++)
        text[i] = i % 61 == 60 ? '\n' : (char)('a' + i % 26);
    write_str(text);
    sim_run_until_idle();
    size_t at = 0;
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        if (text[i] == '\n')
            assert_int_equal(out[at++], '\r');
        assert_int_equal(out[at++], text[i]);
    }
    assert_int_equal(out_len, at);
    assert_int_equal(cons.stats.dropped, 0);
}

static void test_reader_that_stops_costs_one_wait_then_text_is_dropped(void **state)
{
    static char text[3000];
    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    sim_console_stop(true);
    uint64_t yields = sim_hypercalls(__HYPERVISOR_sched_op);
    write_str(text);
    assert_true(sim_hypercalls(__HYPERVISOR_sched_op) - yields <= 10001);
    assert_int_equal(cons.stats.written, sizeof(ring()->out));
    assert_int_equal(cons.stats.dropped, sizeof(text) - 1 - sizeof(ring()->out));
    /* Nobody waits again for a console that was stuck. */
    yields = sim_hypercalls(__HYPERVISOR_sched_op);
    for (unsigned i = 0; i < 1000; i++)
        write_str("more\n");
    assert_int_equal(sim_hypercalls(__HYPERVISOR_sched_op), yields);
    assert_int_equal(cons.stats.dropped, sizeof(text) - 1 - sizeof(ring()->out) + 5000);
    sim_console_stop(false);
    sim_run_until_idle();
    write_str("again");
    sim_run_until_idle();
    assert_string_equal(out + out_len - 5, "again");
    assert_false(cons.stuck);
}

/* A reader that takes one byte at each look at the clock, and lets 10 ms pass. */
static bool drips;
static uint64_t now_ns = VPLAT_START_NS;

uint64_t plat_now_ns(void)
{
    if (drips) {
        ring()->out_cons++;
        now_ns += 10 * NS_PER_MS;
    }
    return now_ns;
}

/* A byte now and then is no reader: waits renewed by each would add up to minutes. */
static void test_reader_that_drips_costs_no_more_waits_than_rings_of_text(void **state)
{
    static char text[3000];
    uint64_t before = now_ns;

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    sim_console_stop(true);
    drips = true;
    write_str(text);
    assert_in_range(now_ns - before, 0, 2 * 100 * NS_PER_MS + 40 * NS_PER_MS);
    assert_true(cons.stats.dropped > 0);
    before = now_ns;
    for (unsigned i = 0; i < 1000; i++) {
        ring()->out_cons += 3;
        write_str("more\n"); /* as much as there is room for, and no wait */
    }
    assert_true(cons.stuck && now_ns == before);
    drips = false;
    ring()->out_cons = ring()->out_prod;
    sim_console_stop(false);
}

/* A CR is never sent without its LF. */
static void test_cr_lf_is_not_split_by_a_full_ring(void **state)
{
    static char text[2048];
    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    sim_console_stop(true);
    write_str(text); /* room for one byte */
    write_str("\n");
    assert_int_equal(cons.stats.dropped, 1);
    sim_console_stop(false);
    sim_run_until_idle();
    assert_int_equal(out[out_len - 1], 'x');
}

static void test_output_index_that_cannot_be_is_not_believed(void **state)
{
    static const uint32_t ahead[] = {1, 2049, 1u << 31, UINT32_MAX - 2048};
    (void)state;
    sim_console_stop(true);
    uint32_t prod = cons.out_prod;
    for (size_t i = 0; i < ARRAY_SIZE(ahead); i++) {
        ring()->out_cons = prod + ahead[i]; /* more than there was */
        write_str("text");
        assert_int_equal(cons.out_prod, prod);
    }
    assert_int_equal(cons.stats.broken, ARRAY_SIZE(ahead));
    assert_int_equal(cons.stats.dropped, 4 * ARRAY_SIZE(ahead));
    ring()->out_cons = prod;
}

static void test_input(void **state)
{
    static char text[1024];
    (void)state;
    assert_int_equal(xencons_read(&cons), -E_AGAIN);
    assert_int_equal(sim_console_type(cs_of_str("hi\n\xff")), 4);
    assert_int_equal(xencons_read(&cons), 'h');
    assert_int_equal(xencons_read(&cons), 'i');
    assert_int_equal(xencons_read(&cons), '\n');
    assert_int_equal(xencons_read(&cons), 255);
    assert_int_equal(xencons_read(&cons), -E_AGAIN);
    memset(text, 'k', sizeof(text));
    assert_int_equal(sim_console_type(cs_ro_of(text, sizeof(text))), sizeof(text));
    for (size_t i = 0; i < sizeof(text); i++)
        assert_int_equal(xencons_read(&cons), 'k');
    assert_int_equal(xencons_read(&cons), -E_AGAIN);
    assert_int_equal(cons.stats.read, 4 + sizeof(text));
}

static void test_input_index_that_cannot_be_is_thrown_away(void **state)
{
    (void)state;
    ring()->in_prod = cons.in_cons + 1025;
    assert_int_equal(xencons_read(&cons), -E_AGAIN);
    assert_int_equal(cons.stats.broken, 1);
    assert_int_equal(ring()->in_cons, ring()->in_prod);
    assert_int_equal(sim_console_type(cs_of_str("x")), 1);
    assert_int_equal(xencons_read(&cons), 'x');
}

/* With no xencons and no event channels. */
static void test_emergency_needs_nothing(void **state)
{
    static char text[5000];
    (void)state;
    memset(&cons, 0, sizeof(cons));
    /* Xen's own console is stderr here. */
    int saved = dup(2);
    assert_non_null(freopen("/dev/null", "w", stderr));
    xencons_emergency(cs_of_str("oops\n"));
    memset(text, 'e', sizeof(text) - 1);
    xencons_emergency(cs_of_str(text));
    sim_run_until_idle();
    assert_int_equal(out_len, 6 + sizeof(text) - 1);
    assert_memory_equal(out, "oops\r\n", 6);

    sim_console_stop(true); /* nobody reads: it ends all the same */
    xencons_emergency(cs_of_str(text));
    ring()->out_cons = ring()->out_prod + 5;
    xencons_emergency(cs_of_str(text));
    ring()->out_cons = ring()->out_prod;
    fflush(stderr);
    dup2(saved, 2);
    close(saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lf_goes_out_as_cr_lf, setup, teardown),
        cmocka_unit_test_setup_teardown(test_text_longer_than_the_ring_arrives_whole, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_reader_that_stops_costs_one_wait_then_text_is_dropped,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_reader_that_drips_costs_no_more_waits_than_rings_of_text, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cr_lf_is_not_split_by_a_full_ring, setup, teardown),
        cmocka_unit_test_setup_teardown(test_output_index_that_cannot_be_is_not_believed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_input, setup, teardown),
        cmocka_unit_test_setup_teardown(test_input_index_that_cannot_be_is_thrown_away, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_emergency_needs_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
