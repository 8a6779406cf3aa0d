/* SPDX-License-Identifier: ISC */
/* udp.c - a UDP data stream: each datagram begins with when it was sent and its number; loss, order
 * and jitter (RFC 1889 section 6.3.1) are told from these. */
#include "apps/iperf3/iperf3.h"

enum { BURST = 32, PKT_ROOM = 128 };

/* A datagram of `len` bytes: a header of its own, then the pattern's page, over and over. */
static struct pkt *make(struct test *test, const struct stream *stream, uint32_t len, uint64_t now)
{
    struct pkt *pkt = pkt_alloc(test->pool, PKT_ROOM, UDP_LEN_MIN);
    struct cs head;

    if (pkt == NULL)
        return NULL;
    head = pkt_frag_rw(pkt, 0);
    cs_set_be32(head, 0, (uint32_t)(now / NS_PER_S));
    cs_set_be32(head, 4, (uint32_t)(now % NS_PER_S / 1000));
    if (test->params.counters64) {
        cs_set_be64(head, 8, stream->sequence);
    } else {
        cs_set_be32(head, 8, (uint32_t)stream->sequence);
        cs_set_be32(head, 12, 0);
    }
    while (pkt->len < len)
        if (pkt_append(pkt, test_page(), 0, u32_min(PAGE_BYTES, len - pkt->len)) != 0) {
            pkt_put(pkt);
            return NULL;
        }
    return pkt;
}

static struct udp_sock *socket_of(struct test *test, struct stream *stream)
{
    return stream->sock.nif != NULL ? &stream->sock : &test->udp;
}

static struct udp_meta to_peer(const struct stream *stream)
{
    return (struct udp_meta){
        .src = stream->local, .dst = stream->peer, .dst_port = stream->peer_port};
}

bool udp_stream_send(struct test *test, struct stream *stream, uint64_t now)
{
    struct udp_meta to = to_peer(stream);

    for (unsigned i = 0; i < BURST; i++) {
        struct pkt *pkt;

        if (!stream_may_send(test, stream, now))
            return false;
        stream->sequence++;
        pkt = make(test, stream, test->params.len, now);
        if (pkt == NULL || udp_send(socket_of(test, stream), &to, pkt, now) != 0) {
            pkt_put(pkt);
            stream->sequence--;
            return false; /* the device is full: its wake-up, or the next turn */
        }
        stream_sent(test, stream, test->params.len, now);
    }
    return true;
}

/* ---- receiving ------------------------------------------------------------------------------- */

static void count(struct stream *stream, uint64_t sequence, uint64_t sent_ns, uint64_t now)
{
    uint64_t transit = now - sent_ns, d;

    if (sequence > stream->sequence) {
        stream->now.errors += sequence - stream->sequence - 1;
        stream->now.packets += sequence - stream->sequence;
        stream->sequence = sequence;
    } else {
        stream->now.out_of_order++;
        if (stream->now.errors > 0)
            stream->now.errors--;
    }
    if (stream->has_transit) {
        /* The clocks differ; only how much later than the one before it came counts. */
        d = transit - stream->transit_ns;
        if ((int64_t)d < 0)
            d = 0 - d;
        stream->now.jitter_ns += d / 16 - stream->now.jitter_ns / 16;
    }
    stream->transit_ns = transit;
    stream->has_transit = true;
}

static void take_data(struct test *test, struct stream *stream, const struct pkt *pkt, uint64_t now)
{
    uint8_t bytes[UDP_LEN_MIN];
    struct cs head = cs_of(bytes, sizeof(bytes));
    uint64_t sequence;

    if (!test->running || stream->sender || !pkt_read(pkt, 0, head))
        return;
    sequence = test->params.counters64 ? cs_get_be64(head, 8) : cs_get_be32(head, 8);
    stream->now.bytes += pkt->len;
    count(stream, sequence, cs_get_be32(head, 0) * NS_PER_S + cs_get_be32(head, 4) * 1000ull, now);
}

static struct stream *find(struct test *test, const struct udp_meta *from)
{
    for (unsigned i = 0; i < test->count; i++)
        if (test->streams[i].peer == from->src && test->streams[i].peer_port == from->src_port)
            return &test->streams[i];
    return NULL;
}

/* Sends four bytes, as they stand in a little-endian word. */
int udp_greet(struct test *test, struct stream *stream, uint32_t word, uint64_t now)
{
    struct udp_meta to = to_peer(stream);
    struct pkt *pkt = pkt_alloc(test->pool, PKT_ROOM, 4);
    int err;

    if (pkt == NULL)
        return -E_NOMEM;
    cs_set_le32(pkt_frag_rw(pkt, 0), 0, word);
    err = udp_send(socket_of(test, stream), &to, pkt, now);
    if (err != 0)
        pkt_put(pkt);
    return err;
}

/* A client's first datagram: it makes a stream. One that comes again had no answer. */
static void greet_back(struct test *test, const struct udp_meta *from, const struct pkt *pkt,
                       uint64_t now)
{
    struct stream *stream = find(test, from);
    uint8_t bytes[4] = {0};
    struct cs word = cs_of(bytes, sizeof(bytes));
    bool sender = test->params.bidir ? test->count >= test->params.parallel : test->params.reverse;

    if (pkt->len != sizeof(bytes) || test->running)
        return;
    pkt_read(pkt, 0, word);
    if (stream == NULL)
        stream = test_add(test, sender);
    if (stream == NULL)
        return;
    stream->peer = from->src;
    stream->peer_port = from->src_port;
    stream->local = from->dst;
    udp_greet(test, stream, cs_get_le32(word, 0) == UDP_HELLO_OLD ? UDP_REPLY_OLD : UDP_REPLY, now);
}

bool udp_poll(struct test *test, struct udp_sock *sock, struct stream *own, uint64_t now)
{
    struct udp_meta from;
    struct pkt *pkt;
    bool any = false;

    while (udp_recv(sock, &from, &pkt) == 0) {
        struct stream *stream = own != NULL ? own : find(test, &from);

        any = true;
        if (own != NULL && pkt->len == 4 && !test->running)
            stream->has_transit = false, stream->open = true;
        else if (stream != NULL && test->running)
            take_data(test, stream, pkt, now);
        else if (own == NULL)
            greet_back(test, &from, pkt, now);
        pkt_put(pkt);
    }
    return any;
}
