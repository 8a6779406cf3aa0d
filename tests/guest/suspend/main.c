/* SPDX-License-Identifier: ISC */
/* main.c - a guest that is saved and restored, migrated, or asked to sleep in vain: after each it
 * checks what it was promised (gnttab.h, evtchn.h, xenstore.h, platform.h) and says so in a line.
 * It ends when it is asked to; with crash=N it breaks after N resumes: its last words must be heard
 * in the new domain.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <morgana/args.h>
#include <morgana/log.h>
#include <morgana/page.h>
#include <morgana/platform.h>
#include <morgana/start.h>
#include <morgana/xen.h>

#define DOMID_SELF 0x7ff0u
#define TICK_NS (10 * NS_PER_MS)
#define SLEEPS 20
#define PATTERN_PAGES 64u

static int failed;

#define CHECK(what)                                                                                \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #what);                              \
            failed = 1;                                                                            \
        }                                                                                          \
    } while (0)

int main(int argc, char **argv);

static struct {
    evtchn_port_t port;
    gref_t gref;
    uint32_t epoch;
} held;
static struct xs_watch watch;
static _Alignas(PAGE_BYTES) uint8_t pages[PATTERN_PAGES][PAGE_BYTES];

static void fill(void)
{
    for (unsigned i = 0; i < PATTERN_PAGES; i++)
        memset(pages[i], (int)(i * 37 + 11), PAGE_BYTES);
}

static bool is_filled(void)
{
    for (unsigned i = 0; i < PATTERN_PAGES; i++) {
        for (unsigned k = 0; k < PAGE_BYTES; k++) {
            if (pages[i][k] != (uint8_t)(i * 37 + 11))
                return false;
        }
    }
    return true;
}

static void check_clock(void)
{
    uint64_t before = plat_now_ns(), woken;

    for (int i = 0; i < SLEEPS; i++) {
        uint64_t until = plat_now_ns() + NS_PER_MS;

        while (plat_now_ns() < until)
            plat_wait(until);
    }
    woken = plat_now_ns();
    CHECK(woken - before >= SLEEPS * NS_PER_MS && woken - before < 20 * NS_PER_S);
    CHECK(plat_wall_ns() > UINT64_C(1500000000) * NS_PER_S);
}

/* A channel with both ends here, and an event through it that ends a sleep. */
static void check_events(struct start *start)
{
    evtchn_port_t near = 0, far = 0;
    uint32_t seen;
    uint64_t end = plat_now_ns() + 10 * NS_PER_S;

    CHECK(evtchn_alloc_unbound(&start->ev, DOMID_SELF, &near) == 0);
    CHECK(evtchn_bind_interdomain(&start->ev, DOMID_SELF, near, &far) == 0);
    seen = evtchn_count(&start->ev, near);
    CHECK(evtchn_send(&start->ev, far) == 0);
    while (evtchn_count(&start->ev, near) == seen && plat_now_ns() < end)
        plat_wait(end);
    CHECK(evtchn_count(&start->ev, near) == seen + 1);
    CHECK(evtchn_close(&start->ev, far) == 0);
    CHECK(evtchn_close(&start->ev, near) == 0);
}

static void check_grants(struct start *start)
{
    gref_t gref[600]; /* more than a frame has */
    uint8_t copy[PAGE_BYTES];
    struct gnttab_copy_end from = {.is_gref = true};
    static _Alignas(PAGE_BYTES) uint8_t to[PAGE_BYTES];
    uint64_t domid = 0; /* another after each restore */

    CHECK(xs_read_u64(&start->xs, XS_TXN_NONE, "domid", 0x7fef, &domid) == 0);
    from.domid = (uint16_t)domid;
    for (unsigned i = 0; i < ARRAY_SIZE(gref); i++)
        CHECK(gnttab_grant(&start->gt, from.domid, virt_to_gfn(pages[i % PATTERN_PAGES]), true,
                           &gref[i]) == 0);
    from.gref = gref[ARRAY_SIZE(gref) - 1];
    memcpy(copy, pages[(ARRAY_SIZE(gref) - 1) % PATTERN_PAGES], sizeof(copy));
    CHECK(gnttab_copy(&start->gt, &from, &(struct gnttab_copy_end){.gfn = virt_to_gfn(to)},
                      PAGE_BYTES) == 0);
    CHECK(memcmp(to, copy, sizeof(copy)) == 0);
    for (unsigned i = 0; i < ARRAY_SIZE(gref); i++)
        CHECK(gnttab_end(&start->gt, gref[i]) == 0);
}

static void check_xenstore(struct start *start, unsigned cycle)
{
    uint64_t value = 0, end = plat_now_ns() + 10 * NS_PER_S;
    uint32_t fired = watch.fired;

    CHECK(xs_printf(&start->xs, XS_TXN_NONE, "data/cycle", "%u", cycle) == 0);
    CHECK(xs_read_u64(&start->xs, XS_TXN_NONE, "data/cycle", 1000000, &value) == 0);
    CHECK(value == cycle);
    while (watch.fired == fired && plat_now_ns() < end) {
        xs_poll(&start->xs);
        plat_wait(plat_now_ns() + TICK_NS);
    }
    CHECK(watch.fired != fired);
}

static void hold(struct start *start)
{
    held.epoch = gnttab_epoch(&start->gt);
    CHECK(evtchn_alloc_unbound(&start->ev, 0, &held.port) == 0);
    CHECK(gnttab_grant(&start->gt, 0, virt_to_gfn(pages[0]), false, &held.gref) == 0);
}

/* In the new domain nobody knows of what is held. */
static void let_go(struct start *start)
{
    bool anew = gnttab_epoch(&start->gt) != held.epoch;

    CHECK(gnttab_end(&start->gt, held.gref) == 0);
    if (!anew)
        CHECK(evtchn_close(&start->ev, held.port) == 0);
}

static void check_all(struct start *start, unsigned cycle)
{
    check_clock();
    check_events(start);
    check_grants(start);
    check_xenstore(start, cycle);
    CHECK(is_filled());
}

int main(int argc, char **argv)
{
    struct start *start = start_get();
    volatile uintptr_t null = 0;
    unsigned cycle = 0, crash_after = 0;
    uint64_t now = plat_now_ns(), wall = plat_wall_ns();

    if (args_get_u32(argc, argv, "crash", 1, 1000, &crash_after) < 0 || !start->has_ctl)
        return 1;
    fill();
    CHECK(xs_watch(&start->xs, &watch, "data/cycle") == 0);
    check_all(start, 0);
    hold(start);
    printf("ready\n");
    while (plat_request() == PLAT_RUN) {
        uint64_t later = plat_now_ns(), later_wall = plat_wall_ns();

        CHECK(later >= now);
        if (gnttab_epoch(&start->gt) != held.epoch) {
            cycle++;
            let_go(start);
            check_all(start, cycle);
            hold(start);
            /* The two clocks went on together, but for what one reading of each takes. */
            printf("cycle %u: %lu ms later, %lu ms by the wall clock: %s\n", cycle,
                   (unsigned long)((later - now) / NS_PER_MS),
                   (unsigned long)((later_wall - wall) / NS_PER_MS), failed ? "failed" : "good");
            if (cycle == crash_after)
                *(volatile int *)null = 1;
        }
        now = plat_now_ns();
        wall = plat_wall_ns();
        plat_wait(now + TICK_NS);
    }
    let_go(start);
    printf("%u cycles\n", cycle);
    return failed;
}
