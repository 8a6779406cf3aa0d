/* SPDX-License-Identifier: ISC */
/* pace.h - when the next packet is due: so many a second, or as fast as they go. */
#ifndef APPS_PKTBENCH_PACE_H
#define APPS_PKTBENCH_PACE_H

#include <morgana/base.h>

struct pace {
    uint32_t rate; /* packets a second; 0: no limit */
    uint64_t begin_ns, done;
};

static inline void pace_begin(struct pace *pace, uint32_t rate, uint64_t now_ns)
{
    *pace = (struct pace){.rate = rate, .begin_ns = now_ns};
}

/* How many may go now. The first is due at once. A sender that fell behind by more than 100 ms
 * (another guest had the processor) does not make up for all of that: it would be a burst that
 * nobody asked for. */
uint32_t pace_due(struct pace *pace, uint64_t now_ns);
/* So many went. */
static inline void pace_sent(struct pace *pace, uint32_t n)
{
    pace->done += n;
}
/* When the next one is due. */
uint64_t pace_at(const struct pace *pace);

#endif
