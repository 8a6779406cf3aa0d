/* SPDX-License-Identifier: ISC */
/* test_tcp_reass.c - ranges out of order: how they join, what they hold, who goes, what SACK
 * says. */
#include "rxtest.h"

static struct tcp_sack_block block[4];

/* The next ACK, with room for so many blocks, has these. */
struct range {
    uint32_t start, end;
};
#define ASSERT_SACK(room, ...)                                                                     \
    assert_sack(room, (const struct range[]){__VA_ARGS__},                                         \
                sizeof((const struct range[]){__VA_ARGS__}) / sizeof(struct range))
static void assert_sack(unsigned room, const struct range *want, size_t n)
{
    assert_int_equal(rxrig_sack(&rig, block, room), n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(block[i].start, want[i].start);
        assert_int_equal(block[i].end, want[i].end);
    }
}

/* Bytes in the first range. */
static uint32_t held(void)
{
    return rig.conn->rcv.ooo.first->end - rig.conn->rcv.ooo.first->seq;
}

/* ---- joining -------------------------------------------------------------------------------- */

/* Every order of five segments, of every size that is kept in another way. */
static void test_segments_join_in_every_order(void **state)
{
    static const uint32_t sizes[] = {1, 20, 64, 65, 500, 1024, 1448};
    uint32_t base = 0;

    (void)state;
    for (unsigned s = 0; s < ARRAY_SIZE(sizes); s++) {
        uint32_t n = sizes[s];

        for (unsigned order = 0; order < 5 * 5 * 5 * 5; order++) {
            unsigned done = 0;

            for (unsigned i = 0, o = order; i < 5; i++, o /= 5) {
                unsigned which = i < 4 ? o % 5 : 0;

                while ((done & 1u << which) != 0)
                    which = (which + 1) % 5;
                done |= 1u << which;
                rxrig_text(&rig, base + n + which * n, n);
            }
            assert_int_equal(rig.conn->rcv.ooo.count, 1);
            assert_int_equal(held(), 5 * n);
            rxrig_text(&rig, base, n);
            assert_int_equal(rxrig_next(&rig), base + 6 * n);
            assert_int_equal(rxrig_read(&rig, base), 6 * n);
            rxrig_ack(&rig);
            base += 6 * n;
            assert_int_equal(rig.tcp->used.pages, 0);
        }
    }
}

/* A segment over several ranges fills the holes and nothing else. */
static void test_one_segment_fills_many_holes(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 10; i++) {
        rxrig_text(&rig, 100 + i * 300, 100);
        rxrig_text(&rig, 100 + i * 300 + 150, 20);
    }
    assert_int_equal(rig.conn->rcv.ooo.count, 20);
    rig.salt = 0;
    rxrig_text(&rig, 50, 3200);
    assert_int_equal(rig.conn->rcv.ooo.count, 1);
    assert_int_equal(held(), 3200);
    rxrig_text(&rig, 0, 50);
    assert_int_equal(rxrig_read(&rig, 0), 3250);
}

static void test_bytes_that_came_first_stay_in_every_overlap(void **state)
{
    uint32_t base = 0;

    (void)state;
    /* Against [1000, 2000): each start and end, before, at, inside, at the end, behind. */
    for (uint32_t start = 500; start <= 2500; start += 250) {
        for (uint32_t end = start + 250; end <= 3000; end += 250) {
            uint32_t low = u32_min(start, 1000), high = end > 2000 ? end : 2000;

            rxrig_text(&rig, base + 1000, 1000);
            if (start < 1000) /* the part that is new is right, the part that is not is wrong */
                rxrig_text(&rig, base + start, u32_min(end, 1000) - start);
            if (end > 2000 && start < 2000)
                rxrig_text(&rig, base + 2000, end - 2000);
            rig.salt = 0x77;
            rxrig_text(&rig, base + u32_min(start, 1999),
                       u32_min(end, 2000) - u32_min(start, 1999));
            rig.salt = 0;
            if (start >= 2000)
                rxrig_text(&rig, base + start, end - start);
            rxrig_text(&rig, base, low);
            rxrig_text(&rig, base + low, high - low);
            assert_int_equal(rxrig_read(&rig, base), high);
            rxrig_ack(&rig);
            base += high;
            assert_int_equal(rxrig_next(&rig), base);
        }
    }
}

/* ---- what they hold ------------------------------------------------------------------------- */

/* SegmentSmack (CVE-2018-5390): segments of one byte, the last first. */
static void test_bytes_in_descending_order_keep_few_pages(void **state)
{
    const uint32_t n = 20000;

    (void)state;
    for (uint32_t at = n; at-- > 1;) {
        rxrig_text(&rig, at, 1);
        rxrig_ack(&rig);
    }
    assert_int_equal(rig.conn->rcv.ooo.count, 1);
    assert_true(rig.tcp->used.pages <= n / PAGE_BYTES + 2);
    assert_true(rig.tcp->stats.collapsed >= n - 1);
    rxrig_text(&rig, 0, 1);
    assert_int_equal(rxrig_read(&rig, 0), n);
}

/* The same with holes between them: a range of one byte holds no page at all. */
static void test_every_other_byte_keeps_no_page(void **state)
{
    (void)state;
    for (uint32_t at = 1; at < 1800; at += 2)
        rxrig_text(&rig, at, 1);
    assert_int_equal(rig.conn->rcv.ooo.count, 900);
    assert_int_equal(rig.tcp->used.pages, 0);
    for (uint32_t at = 0; at < 1800; at += 2)
        rxrig_text(&rig, at, 1);
    assert_int_equal(rxrig_read(&rig, 0), 1800);
}

/* Small ranges that become one share pages then. */
static void test_joined_ranges_share_pages(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 50; i++)
        rxrig_text(&rig, 100 + i * 201, 200);
    assert_int_equal(rig.tcp->used.pages, 50);
    for (uint32_t i = 0; i < 49; i++)
        rxrig_text(&rig, 300 + i * 201, 1);
    assert_int_equal(rig.conn->rcv.ooo.count, 1);
    assert_true(rig.tcp->used.pages <= 4);
    rxrig_text(&rig, 0, 100);
    assert_int_equal(rxrig_read(&rig, 0), 100 + 50 * 201 - 1);
}

static void test_ranges_are_bounded(void **state)
{
    (void)state;
    rxrig_close(&rig);
    rxrig_open(&rig, &(struct rxrig_conf){.pages_max = 4096});
    for (uint32_t at = 1; at < 6000; at += 2)
        rxrig_text(&rig, at, 1);
    assert_int_equal(rig.conn->rcv.ooo.count, 1024);
    assert_int_equal(rig.tcp->stats.ooo_limit, 3000 - 1024);
    /* What is needed later than all that is there stays out. */
    assert_int_equal(rig.conn->rcv.ooo.last->seq - RXRIG_FIRST, 1 + 2 * 1023);
    /* What is needed sooner comes in, and the furthest goes. */
    rxrig_text(&rig, 0, 1);
    rxrig_text(&rig, 4, 1);
    assert_int_equal(rig.conn->rcv.ooo.count, 1022);
}

static void test_pages_are_bounded_by_the_buffer(void **state)
{
    uint32_t limit;

    (void)state;
    rxrig_close(&rig);
    rxrig_open(&rig, &(struct rxrig_conf){.pages_max = 4096, .rcvbuf = 65536});
    limit = rig.conn->rcv.limit;
    for (uint32_t at = 100; at < 60000; at += 200)
        rxrig_text(&rig, at, 100);
    assert_true(rig.conn->rcv.ooo_pages <= limit / 1024 + 64);
    assert_int_equal(rig.conn->rcv.ooo_pages, rig.tcp->used.pages);
    assert_true(rig.tcp->stats.ooo_limit > 0);
    /* The first ones are there still. */
    assert_int_equal(rig.conn->rcv.ooo.first->seq - RXRIG_FIRST, 100);
}

static void test_evicted_ranges_come_again(void **state)
{
    (void)state;
    rxrig_text(&rig, 1000, 1000);
    rxrig_text(&rig, 3000, 1000);
    assert_true(tcp_reass_evict(rig.conn, rig.conn->rcv_nxt));
    assert_int_equal(rig.conn->rcv.ooo.count, 1);
    rxrig_text(&rig, 0, 1000);
    rxrig_text(&rig, 2000, 1000);
    assert_int_equal(rxrig_next(&rig), 3000);
    rxrig_text(&rig, 3000, 1000);
    assert_int_equal(rxrig_read(&rig, 0), 4000);
}

/* Another connection wants room: all of it goes, and the connection goes on. */
static void test_clear_lets_go_of_all(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 20; i++)
        rxrig_text(&rig, 1000 + i * 1000, i % 2 == 0 ? 30 : 900);
    tcp_reass_clear(rig.conn);
    assert_int_equal(rig.tcp->used.pages, 0);
    assert_int_equal(rig.tcp->used.ooo, 0);
    assert_int_equal(rxrig_sack(&rig, block, 4), 0);
    rxrig_text(&rig, 0, 1500);
    assert_int_equal(rxrig_read(&rig, 0), 1500);
}

/* A packet of full segments is not copied, in order or not. */
static void test_full_segments_are_not_copied(void **state)
{
    (void)state;
    for (uint32_t i = 30; i-- > 0;)
        rxrig_text(&rig, i * 1448, 1448);
    assert_int_equal(rxrig_read(&rig, 0), 30 * 1448);
    assert_int_equal(rig.tcp->stats.copied_bytes, 0);
}

/* Without a free page or record something is left out, and nothing breaks. */
static void test_want_of_pages_leaves_a_hole(void **state)
{
    struct page_pool *pages = &rig.rig.end[0].pages;
    struct page *held[4096];
    uint32_t n = 0;

    (void)state;
    rxrig_text(&rig, 100, 60);
    rxrig_text(&rig, 200, 60);
    while (pages->free_count > 1)
        held[n++] = page_get(pages);
    /* 60 and 20 do not fit a record, and the only page is the segment's own. */
    rxrig_text(&rig, 160, 40);
    rxrig_text(&rig, 260, 20);
    rxrig_text(&rig, 0, 100);
    while (n > 0)
        page_put(held[--n]);
    rxrig_text(&rig, rxrig_next(&rig), 280 - rxrig_next(&rig));
    assert_int_equal(rxrig_read(&rig, 0), 280);
}

/* ---- SACK ----------------------------------------------------------------------------------- */

/* RFC 2018 section 4: the block with what came last is first, then those reported last. */
static void test_sack_blocks_are_most_recent_first(void **state)
{
    (void)state;
    rxrig_text(&rig, 1000, 500);
    rxrig_text(&rig, 3000, 500);
    rxrig_text(&rig, 5000, 500);
    rxrig_text(&rig, 7000, 500);
    rxrig_text(&rig, 9000, 500);
    ASSERT_SACK(4, {9000, 9500}, {7000, 7500}, {5000, 5500}, {3000, 3500});
    rxrig_text(&rig, 3500, 100);
    ASSERT_SACK(3, {3000, 3600}, {9000, 9500}, {7000, 7500});
    /* Two become one, and it is the latest. */
    rxrig_text(&rig, 5500, 1500);
    ASSERT_SACK(4, {5000, 7500}, {3000, 3600}, {9000, 9500}, {1000, 1500});
}

/* RFC 2018 section 4, its example: segments 5000 to 8500 by 500, the first and all odd ones are
 * lost. */
static void test_sack_of_rfc_2018_case_3(void **state)
{
    (void)state;
    rxrig_text(&rig, 0, 5000);
    rxrig_text(&rig, 5500, 500);
    rxrig_text(&rig, 6500, 500);
    rxrig_text(&rig, 7500, 500);
    ASSERT_SACK(3, {7500, 8000}, {6500, 7000}, {5500, 6000});
    /* The fourth fills between. */
    rxrig_text(&rig, 6000, 500);
    ASSERT_SACK(3, {5500, 7000}, {7500, 8000});
    rxrig_text(&rig, 5000, 500);
    assert_int_equal(rxrig_next(&rig), 7000);
    ASSERT_SACK(3, {7500, 8000});
}

/* RFC 2883 section 4.1.2: a duplicate above the ACK: D-SACK, then the block it lies in. */
static void test_d_sack_of_rfc_2883_is_first_then_its_block(void **state)
{
    (void)state;
    rxrig_text(&rig, 0, 3000);
    rxrig_text(&rig, 3500, 500);
    rxrig_text(&rig, 4500, 1000);
    rxrig_text(&rig, 4500, 500);
    ASSERT_SACK(4, {4500, 5000}, {4500, 5500}, {3500, 4000});
    rxrig_text(&rig, 3500, 500);
    ASSERT_SACK(4, {3500, 4000}, {3500, 4000}, {4500, 5500});
}

/* RFC 2883 section 4.2.2: partly duplicate: the part that is. */
static void test_d_sack_names_the_part_that_is_old(void **state)
{
    (void)state;
    rxrig_text(&rig, 0, 500);
    rxrig_text(&rig, 1500, 500);
    rxrig_text(&rig, 1000, 1000);
    ASSERT_SACK(4, {1500, 2000}, {1000, 2000});
    /* RFC 2883 section 4: of two parts the first. */
    rxrig_text(&rig, 3000, 500);
    rxrig_text(&rig, 4000, 500);
    rxrig_sack(&rig, block, 4);
    rxrig_text(&rig, 2500, 2500);
    ASSERT_SACK(4, {3000, 3500}, {2500, 5000}, {1000, 2000});
}

static void test_no_sack_where_it_was_not_agreed_upon(void **state)
{
    (void)state;
    rig.conn->sack_ok = false;
    rxrig_text(&rig, 0, 500);
    rxrig_text(&rig, 0, 500);
    assert_int_equal(rig.conn->rcv.dsack.start, rig.conn->rcv.dsack.end);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)
    const struct CMUnitTest tests[] = {
        T(test_segments_join_in_every_order),
        T(test_one_segment_fills_many_holes),
        T(test_bytes_that_came_first_stay_in_every_overlap),
        T(test_bytes_in_descending_order_keep_few_pages),
        T(test_every_other_byte_keeps_no_page),
        T(test_joined_ranges_share_pages),
        T(test_ranges_are_bounded),
        T(test_pages_are_bounded_by_the_buffer),
        T(test_evicted_ranges_come_again),
        T(test_clear_lets_go_of_all),
        T(test_full_segments_are_not_copied),
        T(test_want_of_pages_leaves_a_hole),
        T(test_sack_blocks_are_most_recent_first),
        T(test_sack_of_rfc_2018_case_3),
        T(test_d_sack_of_rfc_2883_is_first_then_its_block),
        T(test_d_sack_names_the_part_that_is_old),
        T(test_no_sack_where_it_was_not_agreed_upon),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
