/* SPDX-License-Identifier: ISC */
/* range.c - ranges of physical memory. */
#include "range.h"

#define PAGE_MASK ((uint64_t)PAGE_BYTES - 1)

bool range_touches(struct range a, struct range b)
{
    return a.start < a.end && b.start < b.end && a.start < b.end && b.start < a.end;
}

struct range range_pages_in(struct range r)
{
    if (r.start > UINT64_MAX - PAGE_MASK)
        return (struct range){0, 0};
    r.start = (r.start + PAGE_MASK) & ~PAGE_MASK;
    r.end &= ~PAGE_MASK;
    return r.end > r.start ? r : (struct range){0, 0};
}

struct range range_pages_of(struct range r)
{
    if (r.end <= r.start)
        return (struct range){0, 0};
    r.start &= ~PAGE_MASK;
    r.end = r.end > UINT64_MAX - PAGE_MASK ? ~PAGE_MASK : (r.end + PAGE_MASK) & ~PAGE_MASK;
    return r;
}

unsigned range_add(struct range *list, unsigned n, unsigned max, struct range r)
{
    unsigned i, kept = 0;

    r = range_pages_in(r);
    if (r.start == r.end)
        return n;
    for (i = 0; i < n; i++) {
        if (list[i].end < r.start || list[i].start > r.end) {
            list[kept++] = list[i];
        } else {
            r.start = u64_min(r.start, list[i].start);
            r.end = list[i].end > r.end ? list[i].end : r.end;
        }
    }
    if (kept == max)
        return kept;
    for (i = kept; i > 0 && list[i - 1].start > r.start; i--)
        list[i] = list[i - 1];
    list[i] = r;
    return kept + 1;
}

bool range_is_in(const struct range *list, unsigned n, struct range r)
{
    for (unsigned i = 0; i < n; i++) {
        if (r.start >= list[i].start && r.end <= list[i].end)
            return r.start <= r.end;
    }
    return false;
}

struct range range_largest_gap(const struct range *ram, unsigned ram_count, uint64_t end,
                               const struct range *taken, unsigned n)
{
    struct range best = {0, 0};

    for (unsigned r = 0; r < ram_count; r++) {
        /* A gap begins where memory begins, or where something taken ends. */
        for (unsigned begin = 0; begin <= n; begin++) {
            struct range gap = {ram[r].start, u64_min(ram[r].end, end)};

            if (begin < n)
                gap.start = range_pages_of(taken[begin]).end;
            if (gap.start < ram[r].start)
                continue;
            for (unsigned i = 0; i < n && gap.start < gap.end; i++) {
                struct range t = range_pages_of(taken[i]);

                if (t.start < t.end && t.end > gap.start)
                    gap.end = u64_min(gap.end, t.start);
            }
            if (gap.start < gap.end && gap.end - gap.start > best.end - best.start)
                best = gap;
        }
    }
    return best;
}
