/* SPDX-License-Identifier: ISC */
/* playtest.h - for tests of the trace checker: a play at each test's beginning, taken down at its
 * end. Each test program includes it once. */
#ifndef TESTS_PLAYTEST_H
#define TESTS_PLAYTEST_H

#include "support.h"

#include <cmocka.h>

#include "tcp_play.h"

static struct play p;

static int setup(void **state)
{
    (void)state;
    play_setup(&p);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    play_done(&p);
    return 0;
}

/* The play begins anew, with a checker of other limits. */
static UNUSED void again_conf(struct tcp_trace_conf conf)
{
    play_done(&p);
    play_setup_conf(&p, conf);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
