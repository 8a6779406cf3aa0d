/* SPDX-License-Identifier: ISC */
/* tcp.c - a TCP data stream: the sender sends views of one page again and again, the receiver
 * lets go of what came without looking. No byte is copied. */
#include "apps/iperf3/iperf3.h"

enum { BLOCKS_PER_POLL = 4, VIEWS = 16 };

void tcp_stream_options(struct test *test, struct stream *stream, uint64_t now)
{
    const struct params *params = &test->params;

    if (params->mss != 0)
        tcp_set(test->tcp, stream->conn, TCP_OPT_MSS, params->mss, now);
    if (params->nodelay)
        tcp_set(test->tcp, stream->conn, TCP_OPT_NODELAY, 1, now);
    if (params->tos != 0)
        tcp_set(test->tcp, stream->conn, TCP_OPT_TOS, params->tos & 0xfc, now);
    if (params->window != 0) {
        tcp_set(test->tcp, stream->conn, TCP_OPT_SNDBUF, params->window, now);
        tcp_set(test->tcp, stream->conn, TCP_OPT_RCVBUF, params->window, now);
    }
}

/* One block of params.len bytes, or what is left of one, as much of it as there is room for. A
 * block that was begun is sent whole, also after the test's end: iperf3 reads whole blocks, and
 * hears nothing else until one has come. */
static uint32_t send_block(struct test *test, struct stream *stream, uint64_t now)
{
    struct page *page = test_page();
    uint32_t done = 0;

    if (stream->left == 0)
        stream->left = test->params.len;
    while (stream->left != 0) {
        uint32_t n = u32_min(PAGE_BYTES, stream->left);
        int err;

        page_ref(page);
        err = tcp_send_page(test->tcp, stream->conn, page, 0, n, now);
        if (err != 0) {
            page_put(page);
            if (err != -E_AGAIN)
                stream->open = false;
            break;
        }
        stream->left -= n;
        done += n;
    }
    return done;
}

static bool send_blocks(struct test *test, struct stream *stream, uint64_t now)
{
    for (unsigned i = 0; i < BLOCKS_PER_POLL; i++) {
        uint32_t n;

        if (stream->left == 0 && !stream_may_send(test, stream, now))
            return false;
        n = send_block(test, stream, now);
        stream_sent(test, stream, n, now);
        if (stream->left != 0)
            return false;
    }
    /* More would go: the segments of these have to leave first. */
    return test->params.bandwidth == 0;
}

static bool receive(struct test *test, struct stream *stream, uint64_t now)
{
    struct cs_ro views[VIEWS];
    bool any = false;

    for (;;) {
        uint32_t total = 0;
        int n = tcp_recv_peek(test->tcp, stream->conn, views, VIEWS);

        if (n <= 0) {
            if (n != -E_AGAIN)
                stream->open = false;
            return any;
        }
        for (int i = 0; i < n; i++)
            total += (uint32_t)views[i].len;
        tcp_recv_consume(test->tcp, stream->conn, total, now);
        if (!stream->sender && test->running)
            stream->now.bytes += total;
        any = true;
    }
}

bool tcp_stream_poll(struct test *test, struct stream *stream, uint64_t now)
{
    if (stream->sender && test->running)
        return send_blocks(test, stream, now);
    if (stream->left != 0)
        send_block(test, stream, now);
    else if (stream->sender && test->ending && !stream->ended)
        stream->ended = tcp_shutdown(test->tcp, stream->conn, now) == 0;
    receive(test, stream, now);
    return false;
}
