/* SPDX-License-Identifier: ISC */
/* vplat.c - platform.h on virtual time, for tests. All of platform.h is weak
 * here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <morgana/err.h>

#include "support.h"

#define WEAK __attribute__((weak))

void (*vplat_step)(uint64_t deadline_ns);
uint64_t vplat_waits;
bool vplat_console_echo;
bool vplat_has_entropy = true;
enum plat_request vplat_request;
struct cs_ro vplat_module;
jmp_buf vplat_exit_jmp;
bool vplat_exit_armed;
int vplat_exit_status;

static uint64_t now_ns = VPLAT_START_NS, wall_offset_ns, entropy_state = 1;
static char console[VPLAT_CONSOLE_BYTES];
static size_t console_len;
static const char *typed = "";

/* cmocka's; not there in a program that does not link it (a benchmark, a fuzz target). */
WEAK void mock_assert(int result, const char *expr, const char *file, int line);

WEAK _Noreturn void base_assert_failed(const char *expr, const char *file, int line)
{
    if (mock_assert != NULL)
        mock_assert(0, expr, file, line); /* leaves by longjmp where the test expects it */
    fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, expr);
    abort();
}

void vplat_reset(uint64_t seed)
{
    now_ns = VPLAT_START_NS;
    wall_offset_ns = 0;
    entropy_state = seed;
    vplat_step = NULL;
    vplat_waits = 0;
    vplat_has_entropy = true;
    vplat_request = PLAT_RUN;
    vplat_module = CS_RO_EMPTY;
    vplat_exit_armed = false;
    vplat_exit_status = 0;
    typed = "";
    vplat_console_clear();
}

void vplat_set_now(uint64_t now)
{
    if (now > now_ns)
        now_ns = now;
}

void vplat_advance(uint64_t ns)
{
    now_ns += ns;
}

void vplat_set_wall_offset(uint64_t offset_ns)
{
    wall_offset_ns = offset_ns;
}

const char *vplat_console(void)
{
    return console;
}

void vplat_console_clear(void)
{
    console_len = 0;
    console[0] = '\0';
}

void vplat_console_type(const char *text)
{
    typed = text;
}

uint64_t test_seed(uint64_t seed)
{
    const char *given = getenv("MORGANA_SEED");

    if (given != NULL)
        seed = strtoull(given, NULL, 0);
    printf("seed: MORGANA_SEED=0x%llx\n", (unsigned long long)seed);
    fflush(stdout);
    return seed;
}

/* ---- platform.h --------------------------------------------------------------------------- */

WEAK uint64_t plat_now_ns(void)
{
    return now_ns;
}

WEAK uint64_t plat_wall_ns(void)
{
    return wall_offset_ns == 0 ? 0 : now_ns + wall_offset_ns;
}

WEAK int plat_entropy(struct cs out)
{
    if (!vplat_has_entropy)
        return -E_NOSYS;
    for (size_t i = 0; i < out.len; i++)
        out.base[i] = (uint8_t)test_random(&entropy_state);
    return 0;
}

WEAK void plat_console_write(struct cs_ro text)
{
    size_t n = size_min(text.len, sizeof(console) - 1 - console_len);

    if (text.len == 0)
        return;
    if (vplat_console_echo || getenv("MORGANA_TEST_CONSOLE") != NULL)
        fwrite(text.base, 1, text.len, stderr);
    memcpy(console + console_len, text.base, n);
    console_len += n;
    console[console_len] = '\0';
}

WEAK int plat_console_read(void)
{
    return *typed == '\0' ? -E_AGAIN : (unsigned char)*typed++;
}

WEAK void plat_wait(uint64_t deadline_ns)
{
    vplat_waits++;
    if (vplat_step != NULL)
        vplat_step(deadline_ns);
    else
        vplat_set_now(u64_min(deadline_ns, now_ns + VPLAT_WAIT_NS_MAX));
}

static _Noreturn void leave(int status)
{
    vplat_exit_status = status;
    if (vplat_exit_armed) {
        vplat_exit_armed = false;
        longjmp(vplat_exit_jmp, 1);
    }
    exit(status < 0 ? 1 : status);
}

WEAK _Noreturn void plat_exit(int status)
{
    leave(status);
}

WEAK enum plat_request plat_request(void)
{
    return vplat_request;
}

WEAK _Noreturn void plat_reboot(void)
{
    leave(-1);
}

WEAK struct cs_ro plat_module(void)
{
    return vplat_module;
}

WEAK unsigned plat_netdev_count(void)
{
    return 0;
}

WEAK int plat_netdev_open(unsigned index, struct pkt_pool *pool, struct netdev **dev)
{
    (void)index;
    (void)pool;
    (void)dev;
    return -E_NODEV;
}

WEAK void plat_netdev_close(struct netdev *dev)
{
    (void)dev; /* none was opened */
}

WEAK unsigned plat_blkdev_count(void)
{
    return 0;
}

WEAK const char *plat_blkdev_name(unsigned index)
{
    (void)index;
    return NULL;
}

WEAK int plat_blkdev_open(const char *name, struct page_pool *pool, struct blkdev **dev)
{
    (void)name;
    (void)pool;
    (void)dev;
    return -E_NODEV;
}

WEAK void plat_blkdev_close(struct blkdev *dev)
{
    (void)dev; /* none was opened */
}
