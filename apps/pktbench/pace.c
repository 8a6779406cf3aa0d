/* SPDX-License-Identifier: ISC */
/* pace.c - see pace.h. */
#include "pace.h"

#define BEHIND_NS (100 * NS_PER_MS)

/* rate * ns / 10^9, in whole seconds and the rest: the product of the rest fits 64 bits. */
static uint64_t packets_in(uint32_t rate, uint64_t ns)
{
    return ns / NS_PER_S * rate + ns % NS_PER_S * rate / NS_PER_S;
}

uint32_t pace_due(struct pace *pace, uint64_t now_ns)
{
    uint64_t due, most;

    if (pace->rate == 0)
        return UINT32_MAX;
    due = packets_in(pace->rate, now_ns - pace->begin_ns) + 1;
    most = packets_in(pace->rate, BEHIND_NS) + 1;
    if (due <= pace->done)
        return 0;
    if (due - pace->done > most)
        pace->done = due - most;
    return (uint32_t)(due - pace->done);
}

uint64_t pace_at(const struct pace *pace)
{
    uint64_t whole, rest;

    if (pace->rate == 0)
        return 0;
    whole = pace->done / pace->rate;
    rest = pace->done % pace->rate;
    return pace->begin_ns + whole * NS_PER_S + (rest * NS_PER_S + pace->rate - 1) / pace->rate;
}
