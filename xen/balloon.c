/* SPDX-License-Identifier: ISC */
/* balloon.c - follows memory/target, a step at a time, as far as the program's memory allows. */
#include <morgana/balloon.h>
#include <morgana/log.h>
#include <morgana/platform.h>

#include "hypercall.h"

#define TARGET "memory/target"
#define PAGE_KIB 4u

static unsigned long long kib(uint64_t pages)
{
    return (unsigned long long)pages * PAGE_KIB;
}

/* ---- the target ------------------------------------------------------------------------------ */

static void set_target(struct balloon *b, uint64_t target_kib)
{
    uint64_t less = target_kib < b->base_kib ? b->base_kib - target_kib : 0;

    b->target_kib = target_kib;
    b->wanted = (uint32_t)u64_min(less / PAGE_KIB, UINT32_MAX);
    b->retry_ns = 0;
    b->full = b->refusal_told = false;
    b->busy = b->wanted != b->given;
}

static void read_target(struct balloon *b)
{
    uint64_t target_kib = 0;
    uint32_t fired;
    int err;

    fired = b->watch.fired;
    err = xs_read_u64(b->conf.xs, XS_TXN_NONE, TARGET, BALLOON_KIB_MAX, &target_kib);
    if (xs_no_answer(err)) {
        if (b->look_ns == 0)
            LOG_WARN("balloon: %s: %s: read again", TARGET, err_name(err));
        b->look_ns = plat_now_ns() + XS_RETRY_NS;
        return;
    }
    /* As counted before it was read: a change after the read fires again. */
    b->seen = fired;
    b->look_ns = 0;
    if (err == -E_NOENT)
        return;
    if (err != 0) {
        b->stats.malformed++;
        LOG_WARN("balloon: %s: %s: ignored", TARGET, err_name(err));
        return;
    }
    if (target_kib == b->target_kib)
        return;
    LOG_INFO("balloon: asked for %llu KiB of %llu", (unsigned long long)target_kib,
             (unsigned long long)b->base_kib);
    set_target(b, target_kib);
}

int balloon_init(struct balloon *b, const struct balloon_conf *conf)
{
    uint64_t target_kib = 0;
    int err;

    *b = (struct balloon){.conf = *conf};
    err = xs_read_u64(conf->xs, XS_TXN_NONE, TARGET, BALLOON_KIB_MAX, &target_kib);
    if (err == 0)
        err = xs_watch(conf->xs, &b->watch, TARGET);
    if (err != 0)
        return err;
    /* The map of a PV or an ARM domain has the target's memory, however much it may get later; an
     * HVM domain's lacks the hole for the BIOS. One that has more than the target was promised
     * maxmem= and has the target's only: the rest must not be touched. */
    b->base_kib = target_kib > conf->ram_kib ? target_kib : conf->ram_kib;
    set_target(b, target_kib);
    return 0;
}

void balloon_fini(struct balloon *b)
{
    (void)xs_unwatch(b->conf.xs, &b->watch);
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void refused(struct balloon *b, const char *what, unsigned pages, int result, uint64_t now)
{
    b->stats.refused += pages;
    b->retry_ns = now + BALLOON_RETRY_NS;
    if (b->refusal_told)
        return;
    b->refusal_told = true;
    LOG_WARN("balloon: Xen does not %s %u pages%s%s: again each second", what, pages,
             result < 0 ? ": " : "", result < 0 ? err_name(result) : "");
}

/* Xen's answer, of `n` that were asked for. */
static unsigned done_of(int result, unsigned n)
{
    return result < 0 ? 0 : u32_min((uint32_t)result, n);
}

static void give(struct balloon *b, uint64_t now)
{
    uint64_t frames[BALLOON_STEP];
    unsigned n = b->conf.memory->leave(frames, u32_min(b->wanted - b->given, BALLOON_STEP)), done;
    int result;

    if (n == 0) {
        b->full = true;
        b->stats.limits++;
        LOG_WARN(
            "balloon: %llu KiB cannot be: the program has the rest in use: %llu KiB given back",
            (unsigned long long)b->target_kib, kib(b->given));
        return;
    }
    result = hypercall_memory_decrease_reservation(frames, n);
    done = done_of(result, n);
    b->given += done;
    b->stats.given += done;
    if (done == n)
        return;
    refused(b, "take", n - done, result, now);
    for (unsigned i = done, j = n - 1; i < j; i++, j--) { /* the last to leave comes first */
        uint64_t frame = frames[i];

        frames[i] = frames[j];
        frames[j] = frame;
    }
    (void)b->conf.memory->come(frames + done, n - done);
}

static void take(struct balloon *b, uint64_t now)
{
    uint64_t frames[BALLOON_STEP];
    unsigned n = b->conf.memory->gone(frames, u32_min(b->given - b->wanted, BALLOON_STEP)), done;
    int result = hypercall_memory_populate_physmap(frames, n);

    done = done_of(result, n);
    b->given -= done;
    b->stats.taken += done;
    if (b->conf.memory->come(frames, done) < done)
        LOG_ERROR("balloon: pages that Xen gave cannot be mapped: lost");
    if (done < n)
        refused(b, "give", n - done, result, now);
}

bool balloon_poll(struct balloon *b, uint64_t now_ns)
{
    if (b->seen != b->watch.fired && xs_may_retry(b->conf.xs, b->look_ns, now_ns))
        read_target(b);
    if (b->wanted == b->given || b->full || now_ns < b->retry_ns) {
        b->busy = false;
        return false;
    }
    b->retry_ns = 0;
    if (b->wanted > b->given)
        give(b, now_ns);
    else
        take(b, now_ns);
    b->busy = b->wanted != b->given && !b->full && b->retry_ns == 0;
    if (b->wanted == b->given)
        LOG_INFO("balloon: %llu KiB given back", kib(b->given));
    return b->busy;
}
