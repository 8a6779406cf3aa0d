/* SPDX-License-Identifier: ISC */
/* prop_pkt.c - random operations on a few packets that share pages, against flat copies of their
 * bytes. A packet that is pushed to, appended to, joined or cut must never change what another one
 * shows; nothing leaks; and every copied byte is counted. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/cksum.h>
#include <morgana/err.h>
#include <morgana/pkt.h>

#define PAGES 40u
#define PKTS 6u
#define FLAT_MAX (PKT_FRAGS_MAX * PAGE_BYTES)

static _Alignas(PAGE_BYTES) uint8_t memory[PAGES * PAGE_BYTES];
static struct page pages[PAGES];
static struct page_pool page_pool;
static struct pkt storage[PKTS];
static struct pkt_pool pool;

/* A packet, and what it should hold. */
static struct {
    struct pkt *pkt;
    uint8_t flat[FLAT_MAX];
    size_t len;
} slots[PKTS];

static uint64_t seed;
static uint8_t scratch[FLAT_MAX];

static uint32_t below(size_t n)
{
    return test_random_below(&seed, (uint32_t)n);
}

static void random_bytes(uint8_t *to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (uint8_t)test_random(&seed);
}

static void check(size_t s)
{
    const struct pkt *pkt = slots[s].pkt;
    size_t sum = 0;

    if (pkt == NULL)
        return;
    assert_true(pkt->frag_count <= PKT_FRAGS_MAX);
    for (unsigned i = 0; i < pkt->frag_count; i++) {
        assert_true(pkt->frag[i].off + pkt->frag[i].len <= PAGE_BYTES);
        sum += pkt->frag[i].len;
    }
    assert_int_equal(sum, pkt->len);
    assert_int_equal(pkt->len, slots[s].len);
    assert_true(pkt_read(pkt, 0, cs_of(scratch, pkt->len)));
    if (pkt->len > 0)
        assert_memory_equal(scratch, slots[s].flat, pkt->len);
}

/* Each page has as many references as there are fragments on it. */
static void check_references(void)
{
    uint32_t refs[PAGES] = {0}, used = 0;

    for (size_t s = 0; s < PKTS; s++) {
        for (unsigned i = 0; slots[s].pkt != NULL && i < slots[s].pkt->frag_count; i++)
            refs[slots[s].pkt->frag[i].page - pages]++;
    }
    for (size_t i = 0; i < PAGES; i++) {
        assert_int_equal(pages[i].refs, refs[i]);
        used += refs[i] > 0;
    }
    assert_int_equal(page_pool.free_count, PAGES - used);
}

static void op_replace(size_t s)
{
    uint32_t headroom = below(200), len = below(3000);

    pkt_put(slots[s].pkt);
    slots[s].pkt = pkt_alloc(&pool, headroom, len);
    slots[s].len = 0;
    if (slots[s].pkt == NULL)
        return;
    random_bytes(slots[s].flat, len);
    memcpy(slots[s].pkt->frag[0].page->base + headroom, slots[s].flat, len);
    slots[s].len = len;
}

static void op_share(size_t s)
{
    size_t from = below(PKTS);
    uint32_t off, n;

    if (from == s || slots[from].pkt == NULL)
        return;
    off = below(slots[from].len + 1);
    n = below(slots[from].len - off + 1);
    pkt_put(slots[s].pkt);
    slots[s].pkt = pkt_share(slots[from].pkt, off, n);
    assert_non_null(slots[s].pkt);
    slots[s].len = n;
    memcpy(slots[s].flat, slots[from].flat + off, n);
}

static void op_push(size_t s)
{
    uint32_t n = below(100);
    uint64_t copied = pool.stats.copied_bytes;
    struct cs front;

    if (pkt_push(slots[s].pkt, n, &front) != 0)
        return;
    assert_int_equal(front.len, n);
    memmove(slots[s].flat + n, slots[s].flat, slots[s].len);
    random_bytes(slots[s].flat, n);
    cs_blit(front, 0, cs_ro_of(slots[s].flat, n));
    slots[s].len += n;
    assert_int_equal(pool.stats.copied_bytes, copied);
}

static void op_pull(size_t s)
{
    uint32_t n = below(slots[s].len + 1) / (1 + below(10));

    pkt_pull(slots[s].pkt, n);
    slots[s].len -= n;
    memmove(slots[s].flat, slots[s].flat + n, slots[s].len);
}

static void op_trim(size_t s)
{
    slots[s].len -= below(slots[s].len + 1) / (1 + below(10));
    pkt_trim(slots[s].pkt, (uint32_t)slots[s].len);
}

static void op_append(size_t s)
{
    uint32_t n = below(6000);
    uint64_t copied = pool.stats.copied_bytes;

    random_bytes(scratch, n);
    if (pkt_append_copy(slots[s].pkt, cs_ro_of(scratch, n)) != 0) {
        assert_int_equal(pool.stats.copied_bytes, copied);
        return;
    }
    assert_int_equal(pool.stats.copied_bytes, copied + n);
    memcpy(slots[s].flat + slots[s].len, scratch, n);
    slots[s].len += n;
}

static void op_pull_up(size_t s)
{
    uint32_t n = below(150);
    struct cs_ro front;

    if (!pkt_pull_up(slots[s].pkt, n, &front))
        assert_true(n > slots[s].len || page_pool.free_count == 0);
    else
        assert_true(cs_equal(front, cs_ro_of(slots[s].flat, n)));
}

static void op_linearise(size_t s)
{
    int err = pkt_linearise(slots[s].pkt);

    if (err == 0)
        assert_true(slots[s].pkt->frag_count <= 1);
    else
        assert_true(slots[s].len > PAGE_BYTES || page_pool.free_count == 0);
}

static void op_cksum(size_t s)
{
    uint32_t off = below(slots[s].len + 1), n = below(slots[s].len - off + 1);

    assert_int_equal(cksum_finish(pkt_cksum(slots[s].pkt, off, n, 0)),
                     cksum_finish(cksum_partial(cs_ro_of(slots[s].flat + off, n), 0)));
}

static void (*const ops[])(size_t) = {
    op_replace, op_share,  op_share,   op_push,      op_push,  op_pull,
    op_trim,    op_append, op_pull_up, op_linearise, op_cksum,
};

static void test_random_operations_agree_with_flat_copies(void **state)
{
    (void)state;
    seed = test_seed(0x9c7);
    page_pool_init(&page_pool, pages, memory, PAGES);
    pkt_pool_init(&pool, storage, PKTS, &page_pool);
    for (unsigned round = 0; round < 20000; round++) {
        size_t s = below(PKTS), op = below(ARRAY_SIZE(ops));

        ops[slots[s].pkt == NULL ? 0 : op](s);
        for (size_t i = 0; i < PKTS; i++)
            check(i);
        check_references();
    }
    for (size_t s = 0; s < PKTS; s++) {
        pkt_put(slots[s].pkt);
        slots[s].pkt = NULL;
    }
    check_references();
    assert_int_equal(pool.free_count, PKTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_operations_agree_with_flat_copies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
