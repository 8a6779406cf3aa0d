/* SPDX-License-Identifier: ISC */
/* page.h - pages: page-aligned, reference-counted memory from a fixed pool, shared with devices.
 *
 * A page is in exactly one state, and every change is asserted:
 *
 *     FREE --get--> HELD --post--> POSTED --unpost--> HELD --last put--> FREE
 *                    |                |
 *                    |                +--quarantine--> QUARANTINED --release--> FREE
 *                    +--quarantine (a transmit page that the backend will not let go)
 *
 * FREE         in the pool
 * HELD         used by our code: refs >= 1. A device may be reading it (a transmit has a reference)
 * POSTED       a device may write it: nobody of ours looks at the bytes
 * QUARANTINED  a backend still maps it after we ended its use: not reused until its grant has ended
 */
#ifndef MORGANA_PAGE_H
#define MORGANA_PAGE_H

#include <morgana/cstruct.h>

#define PAGE_BYTES 4096u

enum page_state { PAGE_FREE, PAGE_HELD, PAGE_POSTED, PAGE_QUARANTINED, PAGE_STATES };

struct page_pool;

struct page {
    uint8_t *base;          /* PAGE_BYTES bytes, page-aligned */
    struct page_pool *pool; /* where the last put returns it */
    struct page *next;      /* the pool's free list, a quarantine's, or that of the only holder */
    uint32_t refs;          /* HELD: at least 1; otherwise 0 */
    uint32_t gref;          /* for the driver that posted or transmits it; 0: none */
    uint8_t state;          /* enum page_state */
};

struct page_pool {
    struct page *pages; /* `total` of them */
    struct page *free;
    uint32_t total, free_count, free_min; /* free_min: fewest ever free */
    uint32_t quarantined;                 /* pages in that state now */
    uint64_t empty;                       /* gets refused because the pool was empty */
};

/* The name of a state: "FREE", ... */
const char *page_state_name(enum page_state state);

/* Makes a pool of `n` pages. Keeps `pages` (n headers) and `memory` (n * PAGE_BYTES bytes,
 * page-aligned, zeroed here so that no old data leaks to a backend: XSA-403). */
void page_pool_init(struct page_pool *pool, struct page *pages, void *memory, uint32_t n);

/* Makes pages of memory that is there already, such as a program's module: all `n` are HELD, with
 * one reference that is never put, and none can be got. They may be sent like others, by further
 * references, and are never written to. Keeps `pages` and `memory` (n * PAGE_BYTES bytes,
 * page-aligned; what else lies in the first and the last page, a device may see too). */
void page_pool_wrap(struct page_pool *pool, struct page *pages, const void *memory, uint32_t n);

/* Gives a page back to the free list. For page.h and page.c only: users put, or release. */
static inline void page_to_pool(struct page *page)
{
    struct page_pool *pool = page->pool;

    page->state = PAGE_FREE;
    page->next = pool->free;
    pool->free = page;
    pool->free_count++;
}

/* Gives a HELD page with one reference, or NULL (counted) when the pool is empty. The bytes are
 * what the last user left. */
static inline struct page *page_get(struct page_pool *pool)
{
    struct page *page = pool->free;

    if (UNLIKELY(page == NULL)) {
        pool->empty++;
        return NULL;
    }
    ASSERT(page->state == PAGE_FREE);
    pool->free = page->next;
    if (--pool->free_count < pool->free_min)
        pool->free_min = pool->free_count;
    page->next = NULL;
    page->refs = 1;
    page->state = PAGE_HELD;
    return page;
}

/* Gives `n` pages that follow each other in memory, and in pool->pages: the first; each HELD with
 * one reference, to be put one by one. NULL: no such row is free. Looks at all of the pool: for
 * what is set up once. n: at least 1. */
struct page *page_get_row(struct page_pool *pool, uint32_t n);

/* One more reference to a HELD page. */
static inline void page_ref(struct page *page)
{
    ASSERT(page->state == PAGE_HELD && page->refs < UINT32_MAX);
    page->refs++;
}

/* Takes one reference; the last returns the page to its pool. */
static inline void page_put(struct page *page)
{
    ASSERT(page->state == PAGE_HELD);
    if (--page->refs == 0)
        page_to_pool(page);
}

/* HELD with exactly one reference -> POSTED: the device owns the bytes. */
static inline void page_post(struct page *page)
{
    ASSERT(page->state == PAGE_HELD && page->refs == 1);
    page->refs = 0;
    page->state = PAGE_POSTED;
}

/* POSTED -> HELD with one reference. */
static inline void page_unpost(struct page *page)
{
    ASSERT(page->state == PAGE_POSTED);
    page->refs = 1;
    page->state = PAGE_HELD;
}

/* POSTED, or HELD (the caller's is the last reference) -> QUARANTINED. Takes it. */
void page_quarantine(struct page *page);
/* QUARANTINED -> FREE, when its grant has really ended. */
void page_release(struct page *page);

/* The whole page as a view. */
static inline struct cs page_view(const struct page *page)
{
    return cs_of(page->base, PAGE_BYTES);
}

#endif
