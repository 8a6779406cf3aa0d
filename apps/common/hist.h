/* SPDX-License-Identifier: ISC */
/* hist.h - times, counted by how long they are, so that any share of them can be asked for. A time
 * is known to one part in 64. */
#ifndef APPS_COMMON_HIST_H
#define APPS_COMMON_HIST_H

#include <morgana/base.h>

enum { HIST_STEPS = 64, HIST_POWERS = 36, HIST_BUCKETS = HIST_STEPS * HIST_POWERS };

struct hist {
    uint64_t count, sum_ns, min_ns, max_ns;
    uint64_t buckets[HIST_BUCKETS];
};

/* One more time, in nanoseconds; a cleared `hist` has none. */
void hist_add(struct hist *hist, uint64_t ns);
/* The least time that `ppm` millionths of all are no longer than; 0 where there are none. */
uint64_t hist_at(const struct hist *hist, uint32_t ppm);

#endif
