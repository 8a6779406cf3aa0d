/* SPDX-License-Identifier: ISC */
/* prop_tcp_reass.c - random segments, with any overlap, order and size, against a map of bytes.
 *
 * The model keeps an array of the bytes that came first, as long as the stream, and knows
 * nothing of ranges. Each segment comes with bytes of its own, so that which copy was kept can
 * be seen. After each: rcv_nxt and the ranges are what the map says (or, where memory was short,
 * a part of it); pages are accounted for; the window's edge has not moved back; SACK blocks are
 * ranges. What the program reads is what came first. */
#include <stdlib.h>
#include <string.h>

#include "rxrig.h"

#include <cmocka.h>

enum { STREAM = 1 << 20, ROUNDS = 20, STEPS = 3000, WINDOW = 65536 };

static struct rxrig rig;
static uint64_t seed;
/* Bytes that came first, and whether any did. */
static uint8_t bytes[STREAM], have[STREAM];
static uint32_t next, readp, edge;
static bool short_of_memory;

static uint32_t below(uint32_t n)
{
    return test_random_below(&seed, n);
}

static uint32_t random_len(void)
{
    switch (below(5)) {
    case 0:
        return 1;
    case 1:
        return 1 + below(64);
    case 2:
        return 1 + below(1448);
    case 3:
        return 1448;
    default:
        return 1 + below(9000);
    }
}

/* What the map says after a segment of ours was taken. */
static void note(uint32_t at, uint32_t len, uint8_t salt)
{
    for (uint32_t i = at < next ? next : at; i < at + len && i < edge; i++) {
        if (have[i])
            continue;
        have[i] = 1;
        bytes[i] = rxrig_byte(i) ^ salt;
    }
    while (next < STREAM && have[next])
        next++;
}

static void check_ranges(void)
{
    uint32_t at = next, pages = 0;

    for (const struct seq_node *node = rig.conn->rcv.ooo.first; node != NULL; node = node->next) {
        const struct tcp_ooo *ooo = (const struct tcp_ooo *)node;
        uint32_t start = node->seq - RXRIG_FIRST, end = node->end - RXRIG_FIRST, held = 0;

        assert_true(start > at && end > start);
        for (uint32_t i = at; i < start; i++)
            assert_int_equal(have[i], 0);
        for (uint32_t i = start; i < end; i++)
            assert_int_equal(have[i], 1);
        at = end;
        for (const struct pkt *pkt = ooo->first; pkt != NULL; pkt = pkt->next) {
            assert_true(pkt->next != NULL || pkt == ooo->last);
            held += pkt->len;
            pages += pkt->frag_count;
        }
        assert_int_equal(ooo->first == NULL ? end - start : held, end - start);
        assert_true(ooo->first != NULL || end - start <= TCP_CRUMB_BYTES);
    }
    assert_int_equal(rig.conn->rcv.ooo_pages, pages);
    for (const struct pkt *pkt = rig.conn->rcv.head; pkt != NULL; pkt = pkt->next)
        pages += pkt->frag_count;
    assert_int_equal(pages, rig.tcp->used.pages);
    for (uint32_t i = at; i < edge && i < STREAM; i++)
        assert_int_equal(have[i], 0);
}

/* What is held at `at` on: it came first, or with the last segment [from, to), for which room
 * may have been made by giving up what it repeats. */
static uint32_t learn(const uint8_t *held, size_t n, uint32_t at, uint32_t from, uint32_t to,
                      uint8_t salt)
{
    for (size_t i = 0; i < n; i++, at++) {
        if (held[i] == bytes[at])
            continue;
        if (at < from || at >= to || held[i] != (uint8_t)(rxrig_byte(at) ^ salt))
            fail_msg("byte %u is of no segment", at);
        bytes[at] = held[i];
    }
    return at;
}

static uint32_t learn_list(const struct pkt *pkt, uint32_t at, uint32_t from, uint32_t to,
                           uint8_t salt)
{
    for (; pkt != NULL; pkt = pkt->next)
        for (unsigned f = 0; f < pkt->frag_count; f++)
            at = learn(pkt_frag_view(pkt, f).base, pkt->frag[f].len, at, from, to, salt);
    return at;
}

/* Memory was short: the map forgets what is not there. */
static void forget(uint32_t from, uint32_t to, uint8_t salt)
{
    uint32_t at;

    next = rxrig_next(&rig);
    assert_int_equal(learn_list(rig.conn->rcv.head, readp, from, to, salt), next);
    at = next;
    for (const struct seq_node *node = rig.conn->rcv.ooo.first; node != NULL; node = node->next) {
        const struct tcp_ooo *ooo = (const struct tcp_ooo *)node;
        uint32_t start = node->seq - RXRIG_FIRST;

        memset(have + at, 0, start - at);
        at = node->end - RXRIG_FIRST;
        if (ooo->first == NULL)
            learn(ooo->crumb, at - start, start, from, to, salt);
        else
            learn_list(ooo->first, start, from, to, salt);
    }
    memset(have + at, 0, STREAM - at);
}

static void check_sack(void)
{
    struct tcp_sack_block blocks[4];
    /* A D-SACK, then ranges. */
    bool dsack = rig.conn->rcv.dsack.start != rig.conn->rcv.dsack.end;
    unsigned n = rxrig_sack(&rig, blocks, 4), i = dsack ? 1 : 0;

    assert_int_equal(n, u32_min(4, i + rig.conn->rcv.ooo.count));
    for (; i < n; i++) {
        const struct seq_node *node =
            seq_tree_find(&rig.conn->rcv.ooo, blocks[i].start + RXRIG_FIRST);

        assert_non_null(node);
        assert_int_equal(node->seq - RXRIG_FIRST, blocks[i].start);
        assert_int_equal(node->end - RXRIG_FIRST, blocks[i].end);
    }
}

static void read_some(void)
{
    struct cs_ro views[4];
    uint32_t n, done = 0;
    int got = tcp_recv_peek(rig.tcp, rig.handle, views, 4);

    if (got <= 0)
        return;
    for (int v = 0; v < got; v++)
        for (size_t i = 0; i < views[v].len; i++, done++)
            if (views[v].base[i] != bytes[readp + done])
                fail_msg("seed %llu: byte %u differs", (unsigned long long)seed, readp + done);
    n = below(done + 1);
    assert_int_equal(tcp_recv_consume(rig.tcp, rig.handle, n, tcprig_now()), 0);
    readp += n;
}

/* The peer hears of the window; its edge must not move back. */
static void acknowledge(void)
{
    uint32_t adv;

    rxrig_ack(&rig);
    if (below(4) == 0)
        tcp_window_offer(rig.conn);
    adv = rig.conn->rcv_adv - RXRIG_FIRST;
    assert_true(adv >= edge);
    edge = adv;
}

/* Next to no pages, or packets, are left for a step. */
static struct page *held_pages[4096];
static struct pkt *held_pkts[4096];
static uint32_t held_page_count, held_pkt_count;

static void starve(void)
{
    struct pkt_pool *pool = &rig.rig.end[0].pkts;
    uint32_t pages = 1 + below(3), pkts = 1 + below(3);

    while (below(2) == 0 && pool->pages->free_count > pages) {
        while (pool->pages->free_count > pages)
            held_pages[held_page_count++] = page_get(pool->pages);
    }
    while (below(2) == 0 && pool->free_count > pkts) {
        while (pool->free_count > pkts)
            held_pkts[held_pkt_count++] = pkt_get(pool);
    }
}

static void feed(void)
{
    while (held_page_count != 0)
        page_put(held_pages[--held_page_count]);
    while (held_pkt_count != 0)
        pkt_put(held_pkts[--held_pkt_count]);
}

static void step(void)
{
    uint32_t len = random_len(), back = below(3) == 0 ? below(3000) : 0, at;
    uint64_t lost = rig.tcp->stats.ooo_limit + rig.tcp->stats.rcvbuf_limit;

    switch (below(4)) {
    case 0:
        at = next;
        break;
    case 1:
        at = next + below(4000);
        break;
    default:
        at = next + below(edge - next + 2000);
    }
    at = at > back ? at - back : 0;
    if (at + len >= STREAM)
        return;
    /* As tcp_in_conn would: what is not acceptable does not come here. */
    if (at > edge || at + len < next)
        return;
    rig.salt = (uint8_t)test_random(&seed);
    rig.pkt_max = below(8) == 0 ? 1 + below(2000) : 0;
    if (rig.pkt_max != 0 && len / rig.pkt_max > 16)
        rig.pkt_max = 0;
    if (short_of_memory && len < 3000 && rig.pkt_max == 0)
        starve();
    rxrig_text(&rig, at, len);
    feed();
    note(at, len, rig.salt);
    if (rig.tcp->stats.ooo_limit + rig.tcp->stats.rcvbuf_limit != lost) {
        assert_true(short_of_memory);
        forget(at, at + len, rig.salt);
    }
    assert_int_equal(rxrig_next(&rig), next);
}

static void run(const struct rxrig_conf *conf)
{
    rxrig_open(&rig, conf);
    memset(have, 0, sizeof(have));
    next = readp = 0;
    edge = rig.conn->rcv_adv - RXRIG_FIRST;
    for (unsigned i = 0; i < STEPS; i++) {
        step();
        if (i % 8 == 0)
            check_ranges();
        if (below(3) == 0)
            check_sack();
        if (below(3) != 0)
            acknowledge();
        if (below(4) == 0)
            read_some();
    }
    check_ranges();
    rxrig_close(&rig);
}

static void test_any_segments_are_put_together(void **state)
{
    (void)state;
    seed = 1;
    short_of_memory = false;
    for (unsigned round = 0; round < ROUNDS; round++)
        run(&(struct rxrig_conf){.rcvbuf = WINDOW, .pages_max = 4096});
}

static void test_any_segments_within_a_small_budget(void **state)
{
    (void)state;
    seed = 2;
    short_of_memory = true;
    for (unsigned round = 0; round < ROUNDS; round++)
        run(&(struct rxrig_conf){.rcvbuf = WINDOW, .pages_max = 16 + below(40)});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_segments_are_put_together),
        cmocka_unit_test(test_any_segments_within_a_small_budget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
