/* SPDX-License-Identifier: ISC */
/* range.h - ranges of physical memory: what the machine has, what of it is taken, what is left. */
#ifndef BOOT_RANGE_H
#define BOOT_RANGE_H

#include <morgana/page.h>

/* Bytes start .. end-1; start == end: none. */
struct range {
    uint64_t start, end;
};

/* Have they a byte in common? */
bool range_touches(struct range a, struct range b);

/* The whole pages that lie in it; and those that it touches. */
struct range range_pages_in(struct range r);
struct range range_pages_of(struct range r);

/* Adds the whole pages of `r` to the `n` ranges of `list`, which are ascending and do not reach
 * each other, and stay so: what `r` reaches becomes one with it. How many there are then, at most
 * `max`: a range that no longer finds room is left out. */
unsigned range_add(struct range *list, unsigned n, unsigned max, struct range r);

/* Does one of `list` hold all of `r`? */
bool range_is_in(const struct range *list, unsigned n, struct range r);

/* The largest piece of memory, `ram` below `end`, that none of `taken` touches; start == end where
 * there is none. All of whole pages. */
struct range range_largest_gap(const struct range *ram, unsigned ram_count, uint64_t end,
                               const struct range *taken, unsigned n);

#endif
