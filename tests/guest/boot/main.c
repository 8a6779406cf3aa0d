/* SPDX-License-Identifier: ISC */
/* main.c - what boot/ promises to a program, checked from inside a guest. With crash=WHAT it
 * breaks a rule on purpose: the domain must end as crashed, with a line that says which.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <morgana/args.h>
#include <morgana/cksum.h>
#include <morgana/log.h>
#include <morgana/platform.h>

static int failed;

#define CHECK(what)                                                                                \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #what);                              \
            failed = 1;                                                                            \
        }                                                                                          \
    } while (0)

int main(int argc, char **argv);

/* ---- crashes --------------------------------------------------------------------------------- */

static int recurse(volatile int *depth)
{
    volatile int here[64];

    here[0] = *depth + 1;
    return here[0] == 0 ? 0 : recurse(here) + here[0]; /* never 0 before the stack ends */
}

static void crash(const char *how)
{
    static const uint8_t code[] = {0xc3}; /* RET, in read-only data */
    static uint8_t writable_code[] = {0xc3};
    volatile uintptr_t null = 0;
    int zero = 0;

    if (strcmp(how, "null") == 0)
        *(volatile int *)null = 1;
    else if (strcmp(how, "stack") == 0)
        recurse(&zero);
    else if (strcmp(how, "text") == 0)
        *(volatile uint8_t *)(uintptr_t)&main = 0xc3;
    else if (strcmp(how, "rodata") == 0)
        *(volatile uint8_t *)(uintptr_t)code = 0xc3;
    else if (strcmp(how, "execute") == 0)
        ((void (*)(void))(uintptr_t)writable_code)();
    else if (strcmp(how, "module") == 0)
        *(volatile uint8_t *)(uintptr_t)plat_module().base = 0;
    else if (strcmp(how, "assert") == 0)
        ASSERT(failed == 7);
    else if (strcmp(how, "abort") == 0)
        abort();
    printf("crash=%s: nothing happened\n", how);
    failed = 1;
}

/* ---- checks ---------------------------------------------------------------------------------- */

#define SLEEPS 200

static void check_clock(void)
{
    uint64_t before = plat_now_ns(), last = before, woken;

    for (int i = 0; i < 1000; i++) {
        uint64_t now = plat_now_ns();

        CHECK(now >= last);
        last = now;
    }
    /* deadlines wake us, not before and not for ever after; an early return is allowed. Many: a
     * timer that fires a little before our clock says so must not leave us asleep. */
    before = plat_now_ns();
    for (int i = 0; i < SLEEPS; i++) {
        uint64_t until = plat_now_ns() + NS_PER_MS;

        while (plat_now_ns() < until)
            plat_wait(until);
    }
    woken = plat_now_ns();
    CHECK(woken - before >= SLEEPS * NS_PER_MS && woken - before < 20 * NS_PER_S);
    CHECK(plat_wall_ns() > UINT64_C(1500000000) * NS_PER_S);
    printf("clock: %lu us, %d sleeps of 1000 us in %lu us, wall %lu s\n",
           (unsigned long)(before / NS_PER_US), (int)SLEEPS,
           (unsigned long)((woken - before) / NS_PER_US),
           (unsigned long)(plat_wall_ns() / NS_PER_S));
}

static void check_library(void)
{
    char text[64];
    size_t total = 0;
    void *block;

    snprintf(text, sizeof(text), "%d %s %lx", -7, "words", 0xabcdefUL);
    CHECK(strcmp(text, "-7 words abcdef") == 0);
    for (size_t n = 1; n < 100000; n *= 3) {
        uint8_t *p = malloc(n);

        CHECK(p != NULL);
        if (p != NULL)
            memset(p, 0xa5, n);
        free(p);
    }
    while ((block = malloc(16384)) !=
           NULL) { /* all there is: it must end by NULL, and be writable */
        memset(block, 0x5a, 16384);
        total += 16384;
    }
    CHECK(total > 0);
    printf("malloc: %lu KiB\n", (unsigned long)(total >> 10));
}

/* memcpy and friends are our own: every length and overlap around their limits. */
static void check_memory_functions(void)
{
    static uint8_t a[1024], b[1024];

    for (size_t n = 0; n <= 300; n++) {
        for (size_t shift = 0; shift < 40; shift += 3) {
            for (size_t i = 0; i < sizeof(a); i++)
                a[i] = b[i] = (uint8_t)(i * 7 + i / 256);
            memmove(a + 100 + shift, a + 100, n);
            for (size_t i = 0; i < sizeof(a); i++) {
                uint8_t want = i >= 100 + shift && i < 100 + shift + n ? b[i - shift] : b[i];

                if (a[i] != want) {
                    printf("memmove up: n %lu, shift %lu\n", (unsigned long)n,
                           (unsigned long)shift);
                    failed = 1;
                    return;
                }
            }
            memcpy(a, b, sizeof(a));
            memmove(a + 100, a + 100 + shift, n);
            for (size_t i = 0; i < sizeof(a); i++) {
                uint8_t want = i >= 100 && i < 100 + n ? b[i + shift] : b[i];

                if (a[i] != want) {
                    printf("memmove down: n %lu, shift %lu\n", (unsigned long)n,
                           (unsigned long)shift);
                    failed = 1;
                    return;
                }
            }
        }
        memset(a, 1, sizeof(a));
        memset(a + 3, 0xc3, n);
        CHECK(a[2] == 1 && a[3 + n] == 1 && (n == 0 || (a[3] == 0xc3 && a[2 + n] == 0xc3)));
        memcpy(a, b, n);
        CHECK(memcmp(a, b, n) == 0);
        if (n > 0) {
            a[n - 1] = (uint8_t)(b[n - 1] + 1);
            CHECK((memcmp(a, b, n) > 0) == (a[n - 1] > b[n - 1]) && memcmp(a, b, n) != 0);
        }
    }
}

/* The vector part of the checksum is this CPU's own: every length and alignment against a sum of
 * pairs of bytes. */
static void check_checksum(void)
{
    static uint8_t bytes[2048];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = i < 700 ? 0xff : (uint8_t)(i * 131 + i / 7);
    for (size_t at = 0; at < 700; at += 37) {
        for (size_t n = 0; n + at <= sizeof(bytes); n += n < 300 ? 1 : 61) {
            uint32_t want = 0;

            for (size_t i = 0; i < n; i++)
                want += (uint32_t)bytes[at + i] << (i % 2 == 0 ? 8 : 0);
            if (cksum_finish(cksum_partial(cs_ro_of(bytes + at, n), 0)) != cksum_finish(want)) {
                printf("checksum: %lu bytes at %lu\n", (unsigned long)n, (unsigned long)at);
                failed = 1;
                return;
            }
        }
    }
}

static void check_entropy(void)
{
    uint8_t a[64] = {0}, b[64] = {0};
    int err = plat_entropy(cs_of(a, sizeof(a)));

    if (err == 0) {
        CHECK(plat_entropy(cs_of(b, sizeof(b))) == 0);
        CHECK(memcmp(a, b, sizeof(a)) != 0);
    } else {
        CHECK(err == -E_NOSYS);
        CHECK(memcmp(a, b, sizeof(a)) == 0);
    }
    printf("entropy: %s\n", err == 0 ? "yes" : "none");
}

int main(int argc, char **argv)
{
    static const struct args_key known[] = {
        {"crash", NULL, NULL}, {"text", NULL, NULL}, {NULL, NULL, NULL}};
    struct cs_ro module = plat_module();
    const char *how = args_get(argc, argv, "crash");

    args_check(argc, argv, known);
    for (int i = 0; i < argc; i++)
        printf("argv[%d] = [%s]\n", i, argv[i]);
    if (how != NULL)
        crash(how);
    printf("module: %lu bytes [%.*s]\n", (unsigned long)module.len, (int)size_min(module.len, 40),
           (const char *)module.base);
    check_clock();
    check_memory_functions();
    check_checksum();
    check_entropy();
    check_library();
    printf("netdevs: %u\n", plat_netdev_count());
    printf("this line ends without a newline, and is flushed");
    return failed;
}
