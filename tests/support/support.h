/* SPDX-License-Identifier: ISC */
/* support.h - for every test and benchmark: a platform on virtual time (vplat.c), and a random
 * generator with a seed.
 *
 * vplat.c implements platform.h with weak symbols: a test may define its own plat_xxx in place of
 * any. Nothing sleeps: plat_wait calls the hook vplat_step, a simulator's step, or moves the clock
 * to the deadline. A failed ASSERT goes to cmocka, so expect_assert_failure() sees it. */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

/* expect_assert_failure in a loop: the loop's variable is not changed between setjmp and longjmp,
 * which is all that C asks for, but gcc warns all the same; clang does not know the warning. */
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wunknown-warning-option"
#pragma GCC diagnostic ignored "-Wclobbered"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <morgana/base.h>
#include <morgana/platform.h>
#include <morgana/random.h>

/* How far plat_wait moves the clock at most, so that NS_NEVER comes back too. */
#define VPLAT_WAIT_NS_MAX (10 * NS_PER_S)
/* What starts with a test: a clock far from zero, so that a difference taken the wrong way round
 * shows. */
#define VPLAT_START_NS (1000 * NS_PER_S)
#define VPLAT_CONSOLE_BYTES 65536u

/* Back to the start: time, seed, console, request, module, exit, hook. */
void vplat_reset(uint64_t seed);

/* Virtual time. It never goes back. */
void vplat_set_now(uint64_t now_ns);
void vplat_advance(uint64_t ns);
/* What plat_wall_ns adds to plat_now_ns; 0 (the start): the target has no wall clock. */
void vplat_set_wall_offset(uint64_t offset_ns);

/* Called by plat_wait with its deadline, in place of moving the clock; NULL: none. It may call
 * vplat_set_now. */
extern void (*vplat_step)(uint64_t deadline_ns);
/* How often plat_wait was called. */
extern uint64_t vplat_waits;

/* What was written to the console since the reset or vplat_console_clear, NUL-terminated (what is
 * too long is left out); also to stderr where `echo` is set (or MORGANA_TEST_CONSOLE is in the
 * environment). */
const char *vplat_console(void);
void vplat_console_clear(void);
extern bool vplat_console_echo;
/* What plat_console_read gives next. */
void vplat_console_type(const char *text);

/* False: plat_entropy answers -E_NOSYS. */
extern bool vplat_has_entropy;
extern enum plat_request vplat_request;
extern struct cs_ro vplat_module;

/* plat_exit and plat_reboot longjmp, where `vplat_exit_armed` is set, and disarm it; otherwise the
 * process ends.
 *
 *     vplat_exit_armed = true;
 *     if (setjmp(vplat_exit_jmp) == 0)
 *         app_main(argc, argv);
 *     assert_int_equal(vplat_exit_status, 1); */
extern jmp_buf vplat_exit_jmp;
extern bool vplat_exit_armed;
extern int vplat_exit_status; /* -1: plat_reboot */

/* The whole state is one number, so a failure prints it. */
static inline uint64_t test_random(uint64_t *state)
{
    return random_next(state);
}

/* 0 .. below-1; below > 0. */
static inline uint32_t test_random_below(uint64_t *state, uint32_t below)
{
    return (uint32_t)(test_random(state) % below);
}

/* The seed: MORGANA_SEED of the environment, else `seed`. Printed, so that a failure can be
 * repeated. */
uint64_t test_seed(uint64_t seed);

#endif
