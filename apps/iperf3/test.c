/* SPDX-License-Identifier: ISC */
/* test.c - one test: its streams, its pace, its end. */
#include "apps/iperf3/iperf3.h"

static struct page *pattern;

struct page *test_page(void)
{
    return pattern;
}

int test_init(struct test *test, const struct config *conf, struct net *net)
{
    test->conf = conf;
    test->nif = &net->nif;
    test->tcp = &net->tcp;
    test->pool = &net->pool;
    pattern = page_get(&net->pages);
    if (pattern == NULL)
        return -E_NOMEM;
    for (uint32_t i = 0; i < PAGE_BYTES; i++)
        pattern->base[i] = (uint8_t)('0' + i % 10);
    return 0;
}

void test_begin(struct test *test, const struct params *params)
{
    test->params = *params;
    test->count = 0;
    test->running = test->draining = test->ending = false;
    test->intervals.len = 0;
    test->intervals.full = false;
}

static unsigned wanted(const struct test *test)
{
    return test->params.parallel * (test->params.bidir ? 2u : 1u);
}

struct stream *test_add(struct test *test, bool sender)
{
    struct stream *stream;

    if (test->count == wanted(test) || test->count == STREAMS_MAX)
        return NULL;
    stream = &test->streams[test->count++];
    *stream = (struct stream){.sender = sender, .open = true};
    /* iperf3 numbers its streams 1, 3, 4, 5, ... */
    stream->id = test->count == 1 ? 1 : test->count + 1;
    return stream;
}

bool test_has_all(const struct test *test)
{
    return test->count == wanted(test);
}

static uint64_t retransmits(const struct test *test, const struct stream *stream)
{
    struct tcp_info info;

    if (stream->conn == 0 || tcp_info(test->tcp, stream->conn, 0, &info) != 0)
        return stream->now.retransmits;
    return info.total_retrans;
}

static void take_counts(struct test *test)
{
    for (unsigned i = 0; i < test->count; i++)
        test->streams[i].now.retransmits = retransmits(test, &test->streams[i]);
}

void test_start(struct test *test, uint64_t now)
{
    test->running = true;
    test->omitting = test->params.omit_s != 0;
    test->omit_ns = now + test->params.omit_s * NS_PER_S;
    test->start_ns = test->last_report_ns = now;
    test->end_ns = test->params.time_s == 0
                       ? NS_NEVER
                       : test->omit_ns + (uint64_t)test->params.time_s * NS_PER_S;
    test->report_ns =
        test->conf->interval_s == 0 ? NS_NEVER : now + test->conf->interval_s * NS_PER_S;
    for (unsigned i = 0; i < test->count; i++)
        test->streams[i].ready_ns = now;
}

/* The first seconds are forgotten. */
static void end_omit(struct test *test, uint64_t now)
{
    take_counts(test);
    for (unsigned i = 0; i < test->count; i++) {
        test->streams[i].at_start = test->streams[i].now;
        test->streams[i].at_report = test->streams[i].now;
    }
    test->omitting = false;
    test->start_ns = test->last_report_ns = now;
}

/* ---- pace ------------------------------------------------------------------------------------ */

bool stream_may_send(const struct test *test, const struct stream *stream, uint64_t now)
{
    return test->params.bandwidth == 0 || now >= stream->ready_ns;
}

void stream_sent(const struct test *test, struct stream *stream, uint64_t bytes, uint64_t now)
{
    const uint64_t burst_ns = 20 * NS_PER_MS;

    stream->now.bytes += bytes;
    stream->now.packets += stream->left == 0;
    if (test->params.bandwidth == 0)
        return;
    /* Whoever was late catches up, but not for more than a burst. */
    if (stream->ready_ns + burst_ns < now)
        stream->ready_ns = now - burst_ns;
    stream->ready_ns += bytes * 8 * NS_PER_S / test->params.bandwidth;
}

/* ---- the loop -------------------------------------------------------------------------------- */

static bool limit_reached(const struct test *test)
{
    uint64_t bytes = 0, blocks = 0;

    if (test->params.bytes == 0 && test->params.blocks == 0)
        return false;
    for (unsigned i = 0; i < test->count; i++) {
        bytes += test->streams[i].now.bytes;
        blocks += test->streams[i].now.packets;
    }
    return (test->params.bytes != 0 && bytes >= test->params.bytes) ||
           (test->params.blocks != 0 && blocks >= test->params.blocks);
}

bool test_is_over(const struct test *test, uint64_t now)
{
    return now >= test->end_ns || limit_reached(test);
}

bool test_poll(struct test *test, uint64_t now)
{
    bool busy = false;

    if (!test->running && !test->draining)
        return false;
    if (test->running && test->omitting && now >= test->omit_ns)
        end_omit(test, now);
    if (test->udp_open)
        busy = udp_poll(test, &test->udp, NULL, now);
    for (unsigned i = 0; i < test->count; i++) {
        struct stream *stream = &test->streams[i];

        if (!stream->open)
            continue;
        if (!test->params.udp)
            busy = tcp_stream_poll(test, stream, now) || busy;
        else if (stream->sender)
            busy = (test->running && udp_stream_send(test, stream, now)) || busy;
        if (test->params.udp && stream->sock.nif != NULL)
            busy = udp_poll(test, &stream->sock, stream, now) || busy;
    }
    if (test->running && now >= test->report_ns) {
        take_counts(test);
        report_interval(test, now);
        test->report_ns += test->conf->interval_s * NS_PER_S;
    }
    return busy;
}

uint64_t test_poll_at(const struct test *test)
{
    uint64_t at = NS_NEVER;

    if (!test->running)
        return at;
    at = u64_min(test->end_ns, test->report_ns);
    if (test->omitting)
        at = u64_min(at, test->omit_ns);
    for (unsigned i = 0; i < test->count; i++)
        if (test->streams[i].sender && test->params.bandwidth != 0)
            at = u64_min(at, test->streams[i].ready_ns);
    return at;
}

void test_stop(struct test *test, uint64_t now)
{
    take_counts(test);
    if (test->running && test->report_ns != NS_NEVER && now - test->last_report_ns > NS_PER_S / 10)
        report_interval(test, now);
    test->running = false;
    test->draining = true;
    test->end_ns = now;
}

void test_end(struct test *test, bool in_order, uint64_t now)
{
    for (unsigned i = 0; i < test->count; i++) {
        struct stream *stream = &test->streams[i];

        if (stream->conn != 0)
            (in_order ? tcp_close : tcp_abort)(test->tcp, stream->conn, now);
        if (stream->sock.nif != NULL)
            udp_close(&stream->sock);
        stream->conn = 0;
        stream->open = false;
    }
    if (test->udp_open)
        udp_close(&test->udp);
    test->udp_open = test->running = test->draining = false;
    test->count = 0;
}
