/* SPDX-License-Identifier: ISC */
/* seq.h - what came of a numbered flow: what is missing, what came late, what came twice.
 *
 * Numbers count up by one from 0 and wrap at 2^32. A packet is reordered where one with a higher
 * number came before it (RFC 4737 section 3.3). Duplicates are known of the last SEQ_WINDOW
 * numbers; what is older than these counts as reordered. */
#ifndef APPS_PKTBENCH_SEQ_H
#define APPS_PKTBENCH_SEQ_H

#include <morgana/base.h>

enum { SEQ_WINDOW = 1024 };

/* Cleared: nothing came yet. */
struct seq {
    bool began;
    uint64_t first, next; /* lowest number seen; highest plus one, both counted past the wrap */
    uint64_t received, reordered, duplicates;
    uint64_t seen[SEQ_WINDOW / 64]; /* a bit for each of the SEQ_WINDOW numbers before `next` */
};

/* The packet of this number came. */
void seq_take(struct seq *seq, uint32_t number);
/* How many are missing between the first and the last that came: those before and behind these
 * only the sender knows of. */
uint64_t seq_lost(const struct seq *seq);

#endif
