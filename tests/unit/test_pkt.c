/* SPDX-License-Identifier: ISC */
/* test_pkt.c - packets: growing and cutting at both ends, sharing, joining, references. */
#include "pkttest.h"

/* ---- the pool -------------------------------------------------------------------------------- */

static void test_get_gives_an_empty_packet(void **state)
{
    struct pkt *pkt = pkt_get(&pool);

    (void)state;
    pkt->csum = PKT_CSUM_BLANK;
    pkt->csum_start = pkt->csum_off = pkt->gso_size = 9;
    pkt_put(pkt);
    pkt = pkt_get(&pool);
    assert_int_equal(pkt->len, 0);
    assert_int_equal(pkt->frag_count, 0);
    assert_int_equal(pkt->csum, PKT_CSUM_UNKNOWN);
    assert_int_equal(pkt->csum_start, 0);
    assert_int_equal(pkt->csum_off, 0);
    assert_int_equal(pkt->gso_size, 0);
    assert_null(pkt->next);
    pkt_put(pkt);
    pkt_put(NULL);
}

static void test_empty_pool_refuses_and_counts(void **state)
{
    struct pkt *all[PKTS];

    (void)state;
    for (size_t i = 0; i < PKTS; i++)
        all[i] = pkt_get(&pool);
    assert_null(pkt_get(&pool));
    assert_null(pkt_alloc(&pool, 0, 1));
    assert_null(pkt_share(all[0], 0, 0));
    assert_int_equal(pool.empty, 3);
    assert_int_equal(pool.free_min, 0);
    for (size_t i = 0; i < PKTS; i++)
        pkt_put(all[i]);
}

static void test_put_twice_asserts(void **state)
{
    struct pkt *pkt = pkt_get(&pool);

    (void)state;
    pkt_put(pkt);
    expect_assert_failure(pkt_put(pkt));
}

static void test_alloc_leaves_headroom(void **state)
{
    struct pkt *pkt = pkt_alloc(&pool, 100, 50), *whole = pkt_alloc(&pool, 0, PAGE_BYTES);

    (void)state;
    assert_int_equal(pkt->frag[0].off, 100);
    assert_int_equal(pkt->len, 50);
    assert_sound(pkt);
    assert_sound(whole);
    pkt_put(pkt);
    pkt_put(whole);
    expect_assert_failure(pkt_alloc(&pool, 100, PAGE_BYTES - 99));
    expect_assert_failure(pkt_alloc(&pool, UINT32_MAX, 2));
    setup(NULL);
}

static void test_alloc_without_pages_gives_the_packet_back(void **state)
{
    struct page *all[PAGES];

    (void)state;
    for (size_t i = 0; i < PAGES; i++)
        all[i] = page_get(&page_pool);
    assert_null(pkt_alloc(&pool, 0, 1));
    assert_int_equal(pool.free_count, PKTS);
    for (size_t i = 0; i < PAGES; i++)
        page_put(all[i]);
}

/* ---- growing at the end ---------------------------------------------------------------------- */

static void test_append_takes_or_shares_the_reference(void **state)
{
    struct pkt *pkt = pkt_get(&pool);
    struct page *mine = page_get(&page_pool), *given = page_get(&page_pool);

    (void)state;
    assert_int_equal(pkt_append(pkt, mine, 10, 20), 0);
    assert_int_equal(mine->refs, 2);
    assert_int_equal(pkt_append_take(pkt, given, 0, PAGE_BYTES), 0);
    assert_int_equal(given->refs, 1);
    assert_int_equal(pkt->len, 20 + PAGE_BYTES);
    pkt_put(pkt);
    assert_int_equal(given->state, PAGE_FREE);
    page_put(mine);
}

static void test_append_refuses_the_nineteenth_fragment(void **state)
{
    struct pkt *pkt = pkt_get(&pool);
    struct page *page = page_get(&page_pool);
    struct cs front;

    (void)state;
    for (size_t i = 0; i < PKT_FRAGS_MAX; i++)
        assert_int_equal(pkt_append(pkt, page, (uint32_t)i, 1), 0);
    assert_int_equal(pkt_append(pkt, page, 0, 1), -E_NOSPC);
    assert_int_equal(pkt_append_take(pkt, page, 0, 1), -E_NOSPC);
    assert_int_equal(pkt_append_copy(pkt, cs_of_str("x")), -E_NOSPC);
    assert_int_equal(pkt_push(pkt, 1, &front), -E_NOSPC);
    assert_int_equal(pkt->len, PKT_FRAGS_MAX);
    assert_int_equal(page->refs, PKT_FRAGS_MAX + 1);
    pkt_put(pkt);
    page_put(page);
    expect_assert_failure(pkt_append(pkt_get(&pool), page, 1, PAGE_BYTES));
    setup(NULL);
}

static void test_append_copy_fills_the_last_page_then_new_ones(void **state)
{
    static uint8_t bytes[2 * PAGE_BYTES + 100], back[2 * PAGE_BYTES + 100];
    struct pkt *pkt = pkt_alloc(&pool, PAGE_BYTES - 60, 10);

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 7);
    assert_int_equal(pkt_append_copy(pkt, cs_ro_of(bytes, sizeof(bytes))), 0);
    assert_sound(pkt);
    assert_int_equal(pkt->frag_count, 4); /* 60, 4096, 4096, 50 */
    assert_int_equal(pkt->frag[0].len, 60);
    assert_int_equal(pkt->frag[3].len, 50);
    assert_true(pkt_read(pkt, 10, cs_of(back, sizeof(back))));
    assert_memory_equal(back, bytes, sizeof(bytes));
    assert_int_equal(pool.stats.copied_bytes, sizeof(bytes));
    pkt_put(pkt);
}

static void test_append_copy_does_not_write_to_a_shared_page(void **state)
{
    struct pkt *pkt = PKT(0, "abc"), *other = pkt_share(pkt, 0, 3);

    (void)state;
    pkt->frag[0].page->base[3] = '#';
    assert_int_equal(pkt_append_copy(pkt, cs_of_str("def")), 0);
    assert_bytes(pkt, "abcdef");
    assert_int_equal(pkt->frag_count, 2);
    assert_int_equal(other->frag[0].page->base[3], '#');
    pkt_put(pkt);
    pkt_put(other);
}

static void test_append_copy_fails_whole(void **state)
{
    static uint8_t bytes[PKT_FRAGS_MAX * PAGE_BYTES + 1];
    struct pkt *pkt = PKT(0, "abc");
    struct page *held[PAGES];
    size_t n = 0;

    (void)state;
    /* 4093 bytes of room and 17 new pages: one byte too many */
    assert_int_equal(pkt_append_copy(pkt, cs_ro_of(bytes, sizeof(bytes) - 3)), -E_NOSPC);
    assert_bytes(pkt, "abc");
    while (page_pool.free_count > 2)
        held[n++] = page_get(&page_pool);
    assert_int_equal(pkt_append_copy(pkt, cs_ro_of(bytes, 4093 + 2 * PAGE_BYTES + 1)), -E_NOMEM);
    assert_bytes(pkt, "abc");
    assert_int_equal(pool.stats.copied_bytes, 0);
    assert_int_equal(pkt_append_copy(pkt, cs_ro_of(bytes, 4093 + 2 * PAGE_BYTES)), 0);
    assert_sound(pkt);
    pkt_put(pkt);
    while (n > 0)
        page_put(held[--n]);
}

/* ---- the front ------------------------------------------------------------------------------- */

static void test_push_uses_headroom_of_an_unshared_page(void **state)
{
    struct pkt *pkt = PKT(8, "payload");
    struct cs front;

    (void)state;
    assert_int_equal(pkt_push(pkt, 5, &front), 0);
    assert_int_equal(front.len, 5);
    cs_blit(front, 0, cs_of_str("head:"));
    assert_bytes(pkt, "head:payload");
    assert_int_equal(pkt->frag_count, 1);
    assert_int_equal(pool.stats.copied_bytes, 0);
    pkt_put(pkt);
}

/* What is in front of our fragment may be somebody else's bytes: a neighbour packet, a queued
 * retransmission. */
static void test_push_leaves_a_shared_page_alone(void **state)
{
    struct pkt *whole = PKT(0, "NEIGHBOURpayload"), *pkt = pkt_share(whole, 9, 7);
    struct cs front;

    (void)state;
    assert_int_equal(pkt_push(pkt, 5, &front), 0);
    cs_blit(front, 0, cs_of_str("head:"));
    assert_bytes(pkt, "head:payload");
    assert_bytes(whole, "NEIGHBOURpayload");
    assert_int_equal(pkt->frag_count, 2);
    /* The next header finds headroom in the new page. */
    assert_int_equal(pkt_push(pkt, 3, &front), 0);
    cs_blit(front, 0, cs_of_str("IP:"));
    assert_bytes(pkt, "IP:head:payload");
    assert_int_equal(pkt->frag_count, 2);
    pkt_put(whole);
    pkt_put(pkt);
}

static void test_push_without_enough_headroom_takes_a_page(void **state)
{
    struct pkt *pkt = PKT(4, "payload"), *empty = pkt_get(&pool);
    struct page *held[PAGES];
    struct cs front;
    size_t n = 0;

    (void)state;
    assert_int_equal(pkt_push(pkt, 5, &front), 0);
    assert_int_equal(pkt->frag_count, 2);
    cs_blit(front, 0, cs_of_str("head:"));
    assert_bytes(pkt, "head:payload");
    assert_int_equal(pkt_push(empty, PAGE_BYTES, &front), 0);
    assert_int_equal(empty->len, PAGE_BYTES);
    while (page_pool.free_count > 0)
        held[n++] = page_get(&page_pool);
    assert_int_equal(pkt_push(empty, 1, &front), -E_NOMEM);
    assert_int_equal(empty->len, PAGE_BYTES);
    pkt_put(pkt);
    pkt_put(empty);
    while (n > 0)
        page_put(held[--n]);
}

static void test_pull_cuts_across_fragments(void **state)
{
    const char *text = "abcdefghij";

    (void)state;
    for (uint32_t n = 0; n <= 10; n++) {
        struct pkt *pkt = PKT(3, "abc", "d", "efghij");

        pkt_pull(pkt, n);
        assert_bytes(pkt, text + n);
        assert_int_equal(pkt->frag_count, n < 3 ? 3 : n < 4 ? 2 : n < 10 ? 1 : 0);
        assert_int_equal(page_pool.free_count, PAGES - pkt->frag_count);
        pkt_put(pkt);
    }
}

static void test_pull_past_the_end_asserts(void **state)
{
    struct pkt *pkt = PKT(3, "abc", "def");

    (void)state;
    expect_assert_failure(pkt_pull(pkt, 7));
    expect_assert_failure(pkt_trim(pkt, 7));
    setup(NULL);
}

static void test_trim_cuts_across_fragments(void **state)
{
    char expected[11];

    (void)state;
    for (uint32_t len = 0; len <= 10; len++) {
        struct pkt *pkt = PKT(3, "abc", "d", "efghij");

        memcpy(expected, "abcdefghij", 10);
        expected[len] = '\0';
        pkt_trim(pkt, len);
        assert_bytes(pkt, expected);
        assert_int_equal(pkt->frag_count, len == 0 ? 0 : len <= 3 ? 1 : len == 4 ? 2 : 3);
        pkt_put(pkt);
    }
}

/* ---- joining --------------------------------------------------------------------------------- */

static void test_pull_up_of_one_fragment_copies_nothing(void **state)
{
    struct pkt *pkt = PKT(3, "abc", "def");
    struct cs_ro front;

    (void)state;
    for (uint32_t n = 0; n <= 3; n++) {
        assert_true(pkt_pull_up(pkt, n, &front));
        assert_ptr_equal(front.base, pkt->frag[0].page->base + 3);
        assert_int_equal(front.len, n);
    }
    assert_int_equal(pool.stats.pulled_up, 0);
    pkt_put(pkt);
}

static void test_pull_up_joins_what_straddles_and_counts_it(void **state)
{
    (void)state;
    for (uint32_t n = 4; n <= 10; n++) {
        struct pkt *pkt;
        struct cs_ro front;
        struct cs pushed;

        setup(NULL); /* counters start at 0 */
        pkt = PKT(3, "abc", "d", "efghij");
        pkt->csum = PKT_CSUM_BLANK;
        pkt->csum_start = 2;
        assert_true(pkt_pull_up(pkt, n, &front));
        assert_true(cs_equal(front, cs_head(cs_of_str("abcdefghij"), n)));
        assert_bytes(pkt, "abcdefghij");
        assert_int_equal(pkt->csum, PKT_CSUM_BLANK);
        assert_int_equal(pkt->csum_start, 2);
        assert_int_equal(pool.stats.pulled_up, 1);
        assert_int_equal(pool.stats.copied_bytes, n);
        /* and there is headroom again */
        assert_int_equal(pkt_push(pkt, PKT_HEADROOM_BYTES, &pushed), 0);
        assert_int_equal(pkt->frag_count, n < 10 ? 2 : 1);
        pkt_put(pkt);
    }
}

static void test_pull_up_of_too_much_is_false(void **state)
{
    struct pkt *pkt = PKT(3, "abc", "def"), *empty = pkt_get(&pool);
    struct page *held[PAGES], *page = page_get(&page_pool);
    struct cs_ro front = CS_RO_EMPTY;
    size_t n = 0;

    (void)state;
    assert_false(pkt_pull_up(pkt, 7, &front));
    assert_false(pkt_pull_up(pkt, UINT32_MAX, &front));
    assert_false(pkt_pull_up(empty, 1, &front));
    assert_true(pkt_pull_up(empty, 0, &front));
    assert_int_equal(pkt_append(empty, page, 0, PAGE_BYTES), 0);
    assert_int_equal(pkt_append_take(empty, page, 0, PAGE_BYTES), 0);
    assert_false(pkt_pull_up(empty, PAGE_BYTES + 1, &front));
    while (page_pool.free_count > 0)
        held[n++] = page_get(&page_pool);
    assert_false(pkt_pull_up(pkt, 4, &front));
    assert_bytes(pkt, "abcdef");
    assert_int_equal(pkt_linearise(pkt), -E_NOMEM);
    assert_bytes(pkt, "abcdef");
    while (n > 0)
        page_put(held[--n]);
    pkt_put(pkt);
    pkt_put(empty);
}

static void test_linearise_joins_and_counts(void **state)
{
    struct pkt *pkt = PKT(3, "abc", "def"), *one = PKT(3, "x"), *big = pkt_get(&pool);
    struct page *page = page_get(&page_pool);

    (void)state;
    assert_int_equal(pkt_linearise(one), 0);
    assert_int_equal(pool.stats.linearised, 0);
    assert_int_equal(pkt_linearise(pkt), 0);
    assert_bytes(pkt, "abcdef");
    assert_int_equal(pkt->frag_count, 1);
    assert_int_equal(pool.stats.linearised, 1);
    assert_int_equal(pool.stats.copied_bytes, 6);
    assert_int_equal(pkt_append(big, page, 0, PAGE_BYTES), 0);
    assert_int_equal(pkt_append_take(big, page, 0, 1), 0);
    assert_int_equal(pkt_linearise(big), -E_MSGSIZE);
    pkt_trim(big, PAGE_BYTES - 1);
    assert_int_equal(pkt_linearise(big), 0);
    pkt_put(pkt);
    pkt_put(one);
    pkt_put(big);
}

static void test_linearise_of_a_whole_page(void **state)
{
    struct pkt *pkt = pkt_get(&pool);
    struct page *page = page_get(&page_pool);

    (void)state;
    assert_int_equal(pkt_append(pkt, page, 0, PAGE_BYTES - 1), 0);
    assert_int_equal(pkt_append_take(pkt, page, 0, 1), 0);
    assert_int_equal(pkt_linearise(pkt), 0);
    assert_int_equal(pkt->frag[0].off, 0);
    assert_int_equal(pkt->len, PAGE_BYTES);
    pkt_put(pkt);
}

/* ---- looking and sharing --------------------------------------------------------------------- */

static void test_read_every_range(void **state)
{
    struct pkt *pkt = PKT(3, "abc", "d", "efghij");
    char to[12];

    (void)state;
    for (uint32_t off = 0; off <= 11; off++) {
        for (uint32_t n = 0; n <= 11; n++) {
            memset(to, '#', sizeof(to));
            assert_int_equal(pkt_read(pkt, off, cs_of(to, n)), off + n <= 10);
            if (off + n <= 10)
                assert_memory_equal(to, &"abcdefghij"[off], n);
            else
                assert_int_equal(to[0], '#');
            assert_int_equal(to[n], '#');
        }
    }
    assert_false(pkt_read(pkt, UINT32_MAX, cs_of(to, 2)));
    assert_int_equal(pool.stats.copied_bytes, 0);
    pkt_put(pkt);
}

static void test_share_every_range(void **state)
{
    struct pkt *pkt = PKT(3, "abc", "d", "efghij");

    (void)state;
    pkt->csum = PKT_CSUM_VALIDATED;
    for (uint32_t off = 0; off <= 10; off++) {
        for (uint32_t n = 0; n <= 10 - off; n++) {
            struct pkt *part = pkt_share(pkt, off, n);
            char expected[11];

            memcpy(expected, &"abcdefghij"[off], n);
            expected[n] = '\0';
            assert_bytes(part, expected);
            assert_int_equal(part->csum, PKT_CSUM_UNKNOWN);
            pkt_put(part);
            assert_bytes(pkt, "abcdefghij");
        }
    }
    assert_int_equal(pool.stats.copied_bytes, 0);
    expect_assert_failure(pkt_share(pkt, 5, 6));
    expect_assert_failure(pkt_share(pkt, UINT32_MAX, 2));
    pkt_put(pkt);
}

static void test_shared_pages_live_until_the_last_packet(void **state)
{
    struct pkt *pkt = PKT(3, "abc", "def"), *part = pkt_share(pkt, 2, 2);

    (void)state;
    pkt_put(pkt);
    assert_int_equal(page_pool.free_count, PAGES - 2);
    assert_bytes(part, "cd");
    pkt_put(part);
}

/* ---- queues ---------------------------------------------------------------------------------- */

static void test_queue_is_first_in_first_out(void **state)
{
    struct pkt_queue queue = {0};
    struct pkt *a = pkt_get(&pool), *b = pkt_get(&pool), *c = pkt_get(&pool);

    (void)state;
    assert_null(pkt_queue_pop(&queue));
    pkt_queue_push(&queue, a);
    pkt_queue_push(&queue, b);
    assert_ptr_equal(pkt_queue_pop(&queue), a);
    pkt_queue_push(&queue, c);
    assert_int_equal(queue.count, 2);
    assert_ptr_equal(pkt_queue_pop(&queue), b);
    assert_ptr_equal(pkt_queue_pop(&queue), c);
    assert_null(pkt_queue_pop(&queue));
    assert_int_equal(queue.count, 0);
    pkt_queue_push(&queue, a);
    pkt_queue_push(&queue, b);
    pkt_queue_clear(&queue);
    assert_int_equal(queue.count, 0);
    assert_null(queue.tail);
    pkt_put(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_get_gives_an_empty_packet),
        T(test_empty_pool_refuses_and_counts),
        T(test_put_twice_asserts),
        T(test_alloc_leaves_headroom),
        T(test_alloc_without_pages_gives_the_packet_back),
        T(test_append_takes_or_shares_the_reference),
        T(test_append_refuses_the_nineteenth_fragment),
        T(test_append_copy_fills_the_last_page_then_new_ones),
        T(test_append_copy_does_not_write_to_a_shared_page),
        T(test_append_copy_fails_whole),
        T(test_push_uses_headroom_of_an_unshared_page),
        T(test_push_leaves_a_shared_page_alone),
        T(test_push_without_enough_headroom_takes_a_page),
        T(test_pull_cuts_across_fragments),
        T(test_pull_past_the_end_asserts),
        T(test_trim_cuts_across_fragments),
        T(test_pull_up_of_one_fragment_copies_nothing),
        T(test_pull_up_joins_what_straddles_and_counts_it),
        T(test_pull_up_of_too_much_is_false),
        T(test_linearise_joins_and_counts),
        T(test_linearise_of_a_whole_page),
        T(test_read_every_range),
        T(test_share_every_range),
        T(test_shared_pages_live_until_the_last_packet),
        T(test_queue_is_first_in_first_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
