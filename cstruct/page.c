/* SPDX-License-Identifier: ISC */
/* page.c - the pool, and the rare changes of a page's state; the frequent ones are inline in
 * page.h. */
#include <morgana/page.h>

static const char *const state_names[] = {"FREE", "HELD", "POSTED", "QUARANTINED"};
STATIC_ASSERT(ARRAY_SIZE(state_names) == PAGE_STATES, "a name for each state");

const char *page_state_name(enum page_state state)
{
    return (unsigned)state < PAGE_STATES ? state_names[state] : "?";
}

void page_pool_init(struct page_pool *pool, struct page *pages, void *memory, uint32_t n)
{
    uint8_t *base = memory;

    ASSERT(((uintptr_t)memory & (PAGE_BYTES - 1)) == 0);
    *pool = (struct page_pool){.pages = pages, .total = n, .free_count = n, .free_min = n};
    if (n > 0)
        memset(base, 0, (size_t)n * PAGE_BYTES);
    for (uint32_t i = 0; i < n; i++) {
        pages[i] = (struct page){
            .base = base + (size_t)i * PAGE_BYTES,
            .pool = pool,
            .next = i + 1 < n ? &pages[i + 1] : NULL,
            .state = PAGE_FREE,
        };
    }
    pool->free = n > 0 ? pages : NULL;
}

void page_pool_wrap(struct page_pool *pool, struct page *pages, const void *memory, uint32_t n)
{
    uint8_t *base = (uint8_t *)(uintptr_t)memory;

    ASSERT(((uintptr_t)memory & (PAGE_BYTES - 1)) == 0);
    *pool = (struct page_pool){.pages = pages, .total = n};
    for (uint32_t i = 0; i < n; i++)
        pages[i] = (struct page){
            .base = base + (size_t)i * PAGE_BYTES, .pool = pool, .refs = 1, .state = PAGE_HELD};
}

/* The first of `n` free pages in a row; NULL. */
static struct page *find_row(const struct page_pool *pool, uint32_t n)
{
    uint32_t row = 0;

    for (uint32_t i = 0; i < pool->total; i++) {
        row = pool->pages[i].state == PAGE_FREE ? row + 1 : 0;
        if (row == n)
            return &pool->pages[i + 1 - n];
    }
    return NULL;
}

struct page *page_get_row(struct page_pool *pool, uint32_t n)
{
    struct page *first = find_row(pool, n), **link = &pool->free;

    ASSERT(n > 0);
    if (first == NULL) {
        pool->empty++;
        return NULL;
    }
    while (*link != NULL) {
        struct page *page = *link;

        if (page < first || page >= first + n) {
            link = &page->next;
            continue;
        }
        *link = page->next;
        page->next = NULL;
        page->refs = 1;
        page->state = PAGE_HELD;
    }
    pool->free_count -= n;
    pool->free_min = u32_min(pool->free_min, pool->free_count);
    return first;
}

void page_quarantine(struct page *page)
{
    ASSERT(page->state == PAGE_POSTED || (page->state == PAGE_HELD && page->refs == 1));
    page->refs = 0;
    page->state = PAGE_QUARANTINED;
    page->pool->quarantined++;
}

void page_release(struct page *page)
{
    ASSERT(page->state == PAGE_QUARANTINED);
    page->pool->quarantined--;
    page_to_pool(page);
}
