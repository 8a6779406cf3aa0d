/* SPDX-License-Identifier: ISC */
/* balloon.c - the balloon's memory: the end of the heap that malloc has not come to yet. The
 * heap is shorter by what Xen has. */
#include <morgana/log.h>
#include <morgana/platform.h>
#include <morgana/start.h>

#include "boot/common/bare/bare.h"
#include "xenguest.h"

/* Stays with the first heap: a program may yet ask for a little. */
#define KEEP_BYTES ((size_t)1 << 20)

/* Pages behind the heap's end that left. The last heap's leave first, and come back last. */
static size_t away[BARE_HEAPS_MAX];

static size_t free_pages(unsigned i)
{
    size_t kept = bare_heap_used != NULL ? bare_heap_used(i) : 0, len = bare_heap(i).len;

    if (i == 0)
        kept += KEEP_BYTES;
    return kept < len ? (len - kept) / PAGE_BYTES : 0;
}

static unsigned leave(uint64_t *frames, unsigned n)
{
    unsigned left = 0;

    for (unsigned i = BARE_HEAPS_MAX; i-- > 0;) {
        for (size_t room = free_pages(i); room > 0 && left < n; room--) {
            struct cs heap = bare_heap(i);

            heap.len -= PAGE_BYTES;
            frames[left] = frames_leave(heap.base + heap.len);
            if (frames[left] == UINT64_MAX)
                return left;
            bare_heap_resize(i, heap.len);
            away[i]++;
            left++;
        }
    }
    return left;
}

static unsigned gone(uint64_t *frames, unsigned n)
{
    unsigned found = 0;

    for (unsigned i = 0; i < BARE_HEAPS_MAX; i++) {
        const struct cs heap = bare_heap(i);

        for (size_t page = 0; page < away[i] && found < n; page++)
            frames[found++] = frames_number(heap.base + heap.len + page * PAGE_BYTES);
    }
    return found;
}

static unsigned come(const uint64_t *frames, unsigned n)
{
    unsigned back = 0;

    for (unsigned i = 0; i < BARE_HEAPS_MAX; i++) {
        for (; away[i] > 0 && back < n; away[i]--, back++) {
            const struct cs heap = bare_heap(i);

            if (frames_come(heap.base + heap.len, frames[back]) != 0)
                return back;
            bare_heap_resize(i, heap.len + PAGE_BYTES);
        }
    }
    return back;
}

void xenguest_balloon_start(uint64_t ram_bytes)
{
    static const struct balloon_memory memory = {leave, gone, come};
    struct start *start = start_get();
    const struct balloon_conf conf = {
        .xs = &start->xs, .memory = &memory, .ram_kib = ram_bytes >> 10};
    int err = start->has_xs ? balloon_init(&start->balloon, &conf) : -E_NOENT;

    start->has_balloon = err == 0;
    if (err < 0 && err != -E_NOENT)
        LOG_WARN("memory/target cannot be followed: %s", err_name(err));
    while (start->has_balloon && balloon_poll(&start->balloon, plat_now_ns()))
        ;
}
