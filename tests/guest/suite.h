/* SPDX-License-Identifier: ISC */
/* suite.h - test cases that run wherever a Morgana program runs: as a guest image on real Xen, and
 * on the simulator under cmocka (tests/sim/test_guest_*.c). One line a case: "ok NAME", "not ok
 * NAME: why", or "skip NAME: why".
 */
#ifndef TESTS_GUEST_SUITE_H
#define TESTS_GUEST_SUITE_H

#include <stdio.h>

#include <morgana/log.h>
#include <morgana/platform.h>
#include <morgana/start.h>

/* What a case returns: NULL is ok. */
extern char suite_why[256];
#define SUITE_SKIP '~' /* the first character of a reason to skip */

#define SUITE_STATE char suite_why[256]

#define FAIL(...) return fmt_buf(suite_why, sizeof(suite_why), __VA_ARGS__), suite_why
#define SKIP(...)                                                                                  \
    return suite_why[0] = SUITE_SKIP, fmt_buf(suite_why + 1, sizeof(suite_why) - 1, __VA_ARGS__),  \
           suite_why
#define CHECK(what)                                                                                \
    do {                                                                                           \
        if (!(what))                                                                               \
            FAIL("line %d: not so: %s", __LINE__, #what);                                          \
    } while (0)
/* Two numbers of at most 64 bits. */
#define CHECK_EQ(is, should)                                                                       \
    do {                                                                                           \
        long long is_ = (long long)(is), should_ = (long long)(should);                            \
        if (is_ != should_)                                                                        \
            FAIL("line %d: %s is %lld, not %lld", __LINE__, #is, is_, should_);                    \
    } while (0)
/* Calls a step that itself returns NULL or a reason. */
#define TRY(step)                                                                                  \
    do {                                                                                           \
        const char *why_ = (step);                                                                 \
        if (why_ != NULL)                                                                          \
            return why_;                                                                           \
    } while (0)

/* A freestanding compiler does not know it. */
int main(int argc, char **argv);

struct suite_case {
    const char *name;
    const char *(*run)(struct start *start);
};

/* Runs them all. 0 where none failed, else 1: a program's exit status. */
static inline int suite_run(struct start *start, const struct suite_case *cases, size_t n)
{
    unsigned failed = 0, skipped = 0;
    for (size_t i = 0; i < n; i++) {
        const char *why = cases[i].run(start);
        if (why == NULL) {
            printf("ok %s\n", cases[i].name);
        } else if (why[0] == SUITE_SKIP) {
            printf("skip %s: %s\n", cases[i].name, why + 1);
            skipped++;
        } else {
            printf("not ok %s: %s\n", cases[i].name, why);
            failed++;
        }
    }
    printf("%u cases, %u failed, %u skipped\n", (unsigned)n, failed, skipped);
    return failed == 0 ? 0 : 1;
}

#endif
