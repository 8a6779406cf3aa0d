/* SPDX-License-Identifier: ISC */
/* memory.c - a program's memory, and its pool of pages. */
#include <stdlib.h>

#include <morgana/log.h>

#include "memory.h"

void *memory_take(size_t bytes, size_t align)
{
    uint8_t *at = bytes <= SIZE_MAX - align ? malloc(bytes + align - 1) : NULL;

    return at != NULL ? at + (align - (uintptr_t)at % align) % align : NULL;
}

int memory_pool(struct page_pool *pages, struct pkt_pool *pool, const struct memory_pool_conf *conf,
                int argc, char **argv)
{
    uint32_t n = conf->pages;
    int asked = args_get_u32(argc, argv, "pages", conf->min, conf->max, &n);
    struct page *headers;
    struct pkt *pkts;
    uint8_t *memory = NULL;
    size_t each = PAGE_BYTES + sizeof(*headers) + conf->pkts_a_page * sizeof(*pkts);

    if (asked < 0)
        return -E_INVAL;
    while (n > SIZE_MAX / each || (memory = memory_take(n * each, PAGE_BYTES)) == NULL) {
        if (asked > 0 || n <= conf->min) {
            LOG_ERROR("%s: not enough memory for pages=%u", conf->name, n);
            return -E_NOMEM;
        }
        n -= u32_min(n / conf->less, n - conf->min);
    }
    headers = (struct page *)(memory + (size_t)n * PAGE_BYTES);
    pkts = (struct pkt *)(headers + n);
    page_pool_init(pages, headers, memory, n);
    pkt_pool_init(pool, pkts, conf->pkts_a_page * n, pages);
    return 0;
}
