/* SPDX-License-Identifier: ISC */
/* pkttest.h - a pool of packets, and packets made of texts; each test includes it once. */
#ifndef TESTS_PKTTEST_H
#define TESTS_PKTTEST_H

#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/cksum.h>
#include <morgana/err.h>
#include <morgana/pkt.h>

#define PAGES 24u
#define PKTS 6u

static _Alignas(PAGE_BYTES) uint8_t memory[PAGES * PAGE_BYTES];
static struct page pages[PAGES];
static struct page_pool page_pool;
static struct pkt pkts[PKTS];
static struct pkt_pool pool;

static UNUSED int setup(void **state)
{
    (void)state;
    page_pool_init(&page_pool, pages, memory, PAGES);
    pkt_pool_init(&pool, pkts, PKTS, &page_pool);
    return 0;
}

/* Nothing may leak, whatever a test did. */
static UNUSED int teardown(void **state)
{
    (void)state;
    assert_int_equal(pool.free_count, PKTS);
    assert_int_equal(page_pool.free_count, PAGES);
    return 0;
}

static UNUSED void assert_sound(const struct pkt *pkt)
{
    uint32_t sum = 0;

    for (unsigned i = 0; i < pkt->frag_count; i++) {
        assert_true(pkt->frag[i].off + pkt->frag[i].len <= PAGE_BYTES);
        assert_int_equal(pkt->frag[i].page->state, PAGE_HELD);
        sum += pkt->frag[i].len;
    }
    assert_int_equal(pkt->len, sum);
}

static UNUSED void assert_bytes(const struct pkt *pkt, const char *expected)
{
    char got[256];
    size_t n = strlen(expected);

    assert_sound(pkt);
    assert_int_equal(pkt->len, n);
    assert_true(pkt_read(pkt, 0, cs_of(got, n)));
    assert_memory_equal(got, expected, n);
}

/* A packet of these texts, a page each, each at `off` of its page. */
static UNUSED struct pkt *pkt_of(uint32_t off, const char *const *texts)
{
    struct pkt *pkt = pkt_get(&pool);

    for (; *texts != NULL; texts++) {
        struct page *page = page_get(&page_pool);

        memcpy(page->base + off, *texts, strlen(*texts));
        assert_int_equal(pkt_append_take(pkt, page, off, (uint32_t)strlen(*texts)), 0);
    }
    return pkt;
}
#define PKT(off, ...) pkt_of(off, (const char *const[]){__VA_ARGS__, NULL})

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
