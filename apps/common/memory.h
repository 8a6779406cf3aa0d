/* SPDX-License-Identifier: ISC */
/* memory.h - a program's memory: taken once, at the start, and never given back. */
#ifndef APPS_COMMON_MEMORY_H
#define APPS_COMMON_MEMORY_H

#include <morgana/args.h>
#include <morgana/pkt.h>

/* Gives `bytes` from malloc at a multiple of `align` (1 or more), or NULL; it stays taken. */
void *memory_take(size_t bytes, size_t align);

/* How many pages of 4 KiB a program's pool has. */
struct memory_pool_conf {
    const char *name;     /* of the program: begins what is said; Lent */
    uint32_t pages;       /* where pages= does not say, and memory is there */
    uint32_t min, max;    /* of pages=, and of what is taken where memory is short; min >= 8 */
    uint32_t less;        /* where memory is short: fewer by one in so many, again and again; >= 2.
                           * 2 leaves room for what is taken later */
    uint32_t pkts_a_page; /* packets for each page */
};
/* Fills both pools. Where memory is short they have fewer pages, unless pages= says how many there
 * must be. 0; -E_INVAL: pages= is no such number; -E_NOMEM: both are said in a line. */
int memory_pool(struct page_pool *pages, struct pkt_pool *pool, const struct memory_pool_conf *conf,
                int argc, char **argv);

#endif
