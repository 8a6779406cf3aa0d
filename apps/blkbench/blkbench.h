/* SPDX-License-Identifier: ISC */
/* blkbench.h - between the files of blkbench. */
#ifndef APPS_BLKBENCH_BLKBENCH_H
#define APPS_BLKBENCH_BLKBENCH_H

#include <morgana/blkdev.h>

#include "apps/common/hist.h"

/* What is done. */
struct load {
    bool random, reads, writes; /* both: each with even chance */
    uint32_t bs, iodepth;
    uint64_t at, size; /* the stretch of the device */
    uint64_t seed;
    uint64_t ns, ops; /* until so much time has passed, or so many were done; 0: not asked for */
    uint64_t flush_every;
};

/* What came of it. */
struct result {
    uint64_t ops, bytes, ns;
    struct hist lat, flush_lat;
    struct blkdev_stats stats; /* the device's, of this run */
};

/* Runs it (run.c): 0; -E_NOMEM, not enough pages or memory; -E_TIMEDOUT, the device did not answer
 * and has the requests still; the first error of a request. */
int run_load(const struct load *load, struct blkdev *dev, struct page_pool *pages,
             struct result *result);

/* Tells it (report.c). */
void report_text(const struct load *load, const char *rw, const struct result *result);
void report_json(const struct load *load, const char *rw, const struct result *result);

#endif
