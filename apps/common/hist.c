/* SPDX-License-Identifier: ISC */
/* hist.c - buckets: one for each of the first 64 numbers, then 64 for each power of two. */
#include "hist.h"

enum { STEP_BITS = 6 };
STATIC_ASSERT(1 << STEP_BITS == HIST_STEPS, "steps of a power of two");

static unsigned bucket_of(uint64_t ns)
{
    unsigned power, bucket;

    if (ns < HIST_STEPS)
        return (unsigned)ns;
    power = 63u - (unsigned)__builtin_clzll(ns) - STEP_BITS; /* of a step, in this power of two */
    bucket = (power + 1) * HIST_STEPS + ((unsigned)(ns >> power) - HIST_STEPS);
    return bucket < HIST_BUCKETS ? bucket : HIST_BUCKETS - 1;
}

/* The largest time in it. */
static uint64_t end_of(unsigned bucket)
{
    unsigned power = bucket / HIST_STEPS;

    if (power == 0)
        return bucket;
    return (((uint64_t)(HIST_STEPS + bucket % HIST_STEPS) + 1) << (power - 1)) - 1;
}

void hist_add(struct hist *hist, uint64_t ns)
{
    if (hist->count == 0 || ns < hist->min_ns)
        hist->min_ns = ns;
    hist->count++;
    hist->sum_ns += ns;
    if (ns > hist->max_ns)
        hist->max_ns = ns;
    hist->buckets[bucket_of(ns)]++;
}

uint64_t hist_at(const struct hist *hist, uint32_t ppm)
{
    uint64_t want = hist->count / 1000000 * ppm + hist->count % 1000000 * ppm / 1000000, seen = 0;

    for (unsigned i = 0; i < HIST_BUCKETS; i++) {
        seen += hist->buckets[i];
        if (seen > want || (seen != 0 && seen == hist->count))
            return u64_min(end_of(i), hist->max_ns);
    }
    return 0;
}
