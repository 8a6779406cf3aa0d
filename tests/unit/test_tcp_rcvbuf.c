/* SPDX-License-Identifier: ISC */
/* test_tcp_rcvbuf.c - the receive queue and the doors a program reads through. */
#include <string.h>

#include "rxtest.h"

static void test_peek_lends_and_consume_takes(void **state)
{
    struct cs_ro views[4], again[4];

    (void)state;
    rig.pkt_max = 300;
    rxrig_text(&rig, 0, 800);
    rig.pkt_max = 0;
    rxrig_text(&rig, 800, 200);
    assert_int_equal(tcp_recv_peek(rig.tcp, rig.handle, views, 4), 4);
    assert_int_equal(views[0].len, 300);
    assert_int_equal(views[3].len, 200);
    assert_int_equal(tcp_recv_peek(rig.tcp, rig.handle, again, 2), 2);
    assert_ptr_equal(again[0].base, views[0].base);
    /* The same bytes and what came since. */
    rxrig_text(&rig, 1000, 100);
    assert_int_equal(tcp_recv_peek(rig.tcp, rig.handle, again, 4), 4);
    assert_ptr_equal(again[3].base, views[3].base);
    assert_int_equal(rig.tcp->used.pages, 5);
    assert_int_equal(tcp_recv_consume(rig.tcp, rig.handle, 350, tcprig_now()), 0);
    assert_int_equal(rig.tcp->used.pages, 4);
    assert_int_equal(tcp_recv_peek(rig.tcp, rig.handle, again, 4), 4);
    assert_ptr_equal(again[0].base, views[1].base + 50);
    assert_int_equal(tcp_recv_consume(rig.tcp, rig.handle, 751, tcprig_now()), -E_INVAL);
    assert_int_equal(tcp_recv_consume(rig.tcp, rig.handle, 0, tcprig_now()), 0);
    assert_int_equal(rxrig_read(&rig, 350), 750);
    assert_int_equal(rig.tcp->used.pages, 0);
}

static void test_recv_page_gives_the_page(void **state)
{
    struct page *page;
    uint32_t off, len;

    (void)state;
    rxrig_text(&rig, 0, 1000);
    assert_int_equal(tcp_recv_consume(rig.tcp, rig.handle, 10, tcprig_now()), 0);
    assert_int_equal(tcp_recv_page(rig.tcp, rig.handle, &page, &off, &len, tcprig_now()), 1);
    assert_int_equal(len, 990);
    assert_int_equal(page->refs, 1);
    assert_int_equal(page->base[off], rxrig_byte(10));
    assert_int_equal(rig.tcp->used.pages, 0);
    assert_int_equal(rig.tcp->stats.copied_bytes, 0);
    page_put(page);
    assert_int_equal(tcp_recv_page(rig.tcp, rig.handle, &page, &off, &len, tcprig_now()), -E_AGAIN);
}

static void test_recv_copies_and_counts(void **state)
{
    uint8_t bytes[500];

    (void)state;
    rig.pkt_max = 150;
    rxrig_text(&rig, 0, 200);
    rxrig_text(&rig, 200, 200);
    assert_int_equal(tcp_recv(rig.tcp, rig.handle, cs_of(bytes, 250), tcprig_now()), 250);
    assert_int_equal(tcp_recv(rig.tcp, rig.handle, cs_of(bytes + 250, 250), tcprig_now()), 150);
    for (uint32_t i = 0; i < 400; i++)
        assert_int_equal(bytes[i], rxrig_byte(i));
    assert_int_equal(rig.tcp->stats.copied_bytes, 400);
    assert_int_equal(tcp_recv(rig.tcp, rig.handle, cs_of(bytes, 1), tcprig_now()), -E_AGAIN);
}

static void test_end_comes_after_the_last_byte(void **state)
{
    struct cs_ro view;
    uint8_t byte;

    (void)state;
    rxrig_segment(&rig, 0, 5, TCP_FIN);
    assert_int_equal(tcp_recv_pending(rig.tcp, rig.handle, NULL), 5);
    assert_int_equal(tcp_recv_peek(rig.tcp, rig.handle, &view, 1), 1);
    assert_int_equal(rxrig_read(&rig, 0), 5);
    assert_int_equal(tcp_recv_peek(rig.tcp, rig.handle, &view, 1), 0);
    assert_int_equal(tcp_recv(rig.tcp, rig.handle, cs_of(&byte, 1), tcprig_now()), 0);
}

/* What came before the end of a connection can be read still. */
static void test_error_comes_after_the_last_byte(void **state)
{
    struct cs_ro view;

    (void)state;
    rxrig_text(&rig, 0, 5);
    tcp_conn_end(rig.conn, -E_CONNRESET);
    assert_int_equal(rxrig_read(&rig, 0), 5);
    assert_int_equal(tcp_recv_peek(rig.tcp, rig.handle, &view, 1), -E_CONNRESET);
}

static void test_bad_handles_are_told(void **state)
{
    tcp_t bad[] = {0, 1, UINT64_MAX, rig.handle ^ 1, rig.handle + (UINT64_C(1) << 32)};
    struct page *page;
    struct cs_ro view;
    uint32_t off, len;
    uint8_t byte;

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(tcp_recv_peek(rig.tcp, bad[i], &view, 1), -E_BADF);
        assert_int_equal(tcp_recv_consume(rig.tcp, bad[i], 0, 0), -E_BADF);
        assert_int_equal(tcp_recv_page(rig.tcp, bad[i], &page, &off, &len, 0), -E_BADF);
        assert_int_equal(tcp_recv(rig.tcp, bad[i], cs_of(&byte, 1), 0), -E_BADF);
        assert_int_equal(tcp_recv_pending(rig.tcp, bad[i], NULL), -E_BADF);
    }
}

static void test_data_is_news(void **state)
{
    (void)state;
    assert_int_equal(tcp_next_ready(rig.tcp), 0);
    rxrig_text(&rig, 100, 10);
    assert_int_equal(tcp_next_ready(rig.tcp), 0);
    rxrig_text(&rig, 0, 100);
    assert_int_equal(tcp_next_ready(rig.tcp), rig.handle);
    assert_int_equal(tcp_ready(rig.tcp, rig.handle) & TCP_READY_RECV, TCP_READY_RECV);
    assert_int_equal(tcp_next_ready(rig.tcp), 0);
    rxrig_read(&rig, 0);
    assert_int_equal(tcp_ready(rig.tcp, rig.handle) & TCP_READY_RECV, 0);
    rxrig_segment(&rig, 110, 0, TCP_FIN);
    assert_int_equal(tcp_next_ready(rig.tcp), rig.handle);
    assert_int_equal(tcp_ready(rig.tcp, rig.handle) & TCP_READY_EOF, TCP_READY_EOF);
}

/* A page for each of a thousand bytes would be the peer's way to spend our memory. */
static void test_small_segments_share_pages(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 10000; i++)
        rxrig_text(&rig, i, 1);
    assert_true(rig.tcp->used.pages <= 4 + 10000 / 1024);
    assert_int_equal(rxrig_read(&rig, 0), 10000);
    assert_true(rig.tcp->stats.collapsed > 9000);
}

static void test_few_small_segments_are_not_copied(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 4; i++)
        rxrig_text(&rig, i * 100, 100);
    for (uint32_t i = 0; i < 20; i++)
        rxrig_text(&rig, 400 + i * 1448, 1448);
    rxrig_text(&rig, 400 + 20 * 1448, 100);
    assert_int_equal(rig.tcp->stats.copied_bytes, 0);
    rxrig_read(&rig, 0);
}

/* Somebody else may read or write the rest of a page that he has a reference to. */
static void test_pages_of_others_are_not_written_to(void **state)
{
    struct page *page;
    uint8_t before;
    uint32_t end;

    (void)state;
    for (uint32_t i = 0; i < 4; i++)
        rxrig_text(&rig, i * 10, 10);
    page = rig.conn->rcv.tail->frag[0].page;
    end = (uint32_t)rig.conn->rcv.tail->frag[0].off + 10;
    page_ref(page);
    before = page->base[end];
    rxrig_text(&rig, 40, 10);
    assert_int_equal(page->base[end], before);
    assert_int_equal(rig.conn->rcv.pages, 5);
    page_put(page);
    assert_int_equal(rxrig_read(&rig, 0), 50);
}

static void test_urgent_mark_is_counted_and_passed(void **state)
{
    uint32_t urgent;

    (void)state;
    rxrig_text(&rig, 0, 100);
    rig.conn->urgent_in = true;
    rig.conn->rcv_up = RXRIG_FIRST + 60;
    assert_int_equal(tcp_recv_pending(rig.tcp, rig.handle, &urgent), 100);
    assert_int_equal(urgent, 60);
    tcp_recv_consume(rig.tcp, rig.handle, 59, tcprig_now());
    tcp_recv_pending(rig.tcp, rig.handle, &urgent);
    assert_int_equal(urgent, 1);
    assert_true(rig.conn->urgent_in);
    tcp_recv_consume(rig.tcp, rig.handle, 1, tcprig_now());
    tcp_recv_pending(rig.tcp, rig.handle, &urgent);
    assert_int_equal(urgent, 0);
    assert_false(rig.conn->urgent_in);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)
    const struct CMUnitTest tests[] = {
        T(test_peek_lends_and_consume_takes),
        T(test_recv_page_gives_the_page),
        T(test_recv_copies_and_counts),
        T(test_end_comes_after_the_last_byte),
        T(test_error_comes_after_the_last_byte),
        T(test_bad_handles_are_told),
        T(test_data_is_news),
        T(test_small_segments_share_pages),
        T(test_few_small_segments_are_not_copied),
        T(test_pages_of_others_are_not_written_to),
        T(test_urgent_mark_is_counted_and_passed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
