/* SPDX-License-Identifier: ISC */
/* tcp_raw.c - a peer that is the test itself. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tcp_raw.h"
#include "tcp_trace_priv.h"

static void take(struct tlink *link, const uint8_t *bytes, size_t len)
{
    struct raw *raw = link->conf.arg;
    struct raw_seg *out;
    struct tt_seg s;

    tt_parse(&s, bytes, len, 0);
    if (!s.tcp || s.ip_bad || s.bad)
        return;
    out = &raw->log[raw->count++ % RAW_LOG];
    raw->bytes += len;
    raw->rsts += (s.flags & RST) != 0;
    *out = (struct raw_seg){.src = s.src,
                            .dst = s.dst,
                            .sport = s.sport,
                            .dport = s.dport,
                            .seq = s.seq,
                            .ack = s.ack,
                            .len = s.len,
                            .flags = s.flags,
                            .wnd = s.wnd,
                            .ts = s.opts.ts,
                            .sackok = s.opts.sackok,
                            .ws = s.opts.ws,
                            .ws_shift = s.opts.ws_shift,
                            .mss = s.opts.mss_bytes,
                            .tsval = s.opts.tsval,
                            .tsecr = s.opts.tsecr,
                            .sacks = s.opts.sack_count,
                            .at = plat_now_ns()};
    memcpy(out->left, s.opts.left, sizeof(out->left));
    memcpy(out->right, s.opts.right, sizeof(out->right));
}

struct raw *raw_new(struct tlink_conf conf)
{
    struct raw *raw = calloc(1, sizeof(*raw));

    conf.kind[0] = TLINK_OURS;
    conf.kind[1] = TLINK_RAW;
    conf.raw = take;
    conf.arg = raw;
    raw->link = tlink_new(&conf);
    raw_clear(raw);
    return raw;
}

void raw_free(struct raw *raw)
{
    tlink_free(raw->link);
    free(raw);
}

void raw_drop(struct raw *raw)
{
    tlink_drop(raw->link);
    free(raw);
}

void raw_clear(struct raw *raw)
{
    raw->count = 0;
    raw->bytes = raw->rsts = 0;
}

const struct raw_seg *raw_at(const struct raw *raw, uint32_t i)
{
    assert_true(i < raw->count && raw->count - i <= RAW_LOG);
    return &raw->log[i % RAW_LOG];
}

const struct raw_seg *raw_last(const struct raw *raw)
{
    assert_true(raw->count != 0);
    return raw_at(raw, raw->count - 1);
}

void raw_queue(struct raw *raw, const struct tcp_frame *frame)
{
    static uint8_t bytes[TCP_FRAME_MAX];
    struct tcp_frame f = *frame;

    f.dst_mac = TLINK_MAC(0);
    f.src_mac = TLINK_MAC(1);
    tlink_raw_send(raw->link, 1, bytes, tcp_frame_make(bytes, &f));
}

void raw_send(struct raw *raw, const struct tcp_frame *frame)
{
    raw_queue(raw, frame);
    tlink_settle(raw->link);
}

struct tcp_frame raw_next(const struct raw_conn *c, uint8_t flags, uint32_t len)
{
    bool rst = (flags & F_RST) != 0;

    return (struct tcp_frame){.src = c->addr,
                              .dst = TLINK_ADDR(0),
                              .sport = c->port,
                              .dport = c->our_port,
                              .seq = c->seq,
                              .ack = (flags & F_ACK) != 0 ? c->ack : 0,
                              .flags = flags,
                              .wnd = c->wnd,
                              .ts = c->ts && !rst,
                              .tsval = c->tsval,
                              .tsecr = (flags & F_ACK) != 0 ? c->tsecr : 0,
                              .len = len,
                              .first = c->seq};
}

void raw_say(struct raw_conn *c, uint8_t flags, uint32_t len)
{
    struct tcp_frame f = raw_next(c, flags, len);

    c->seq += len + ((flags & F_SYN) != 0) + ((flags & F_FIN) != 0);
    c->tsval++;
    raw_send(c->raw, &f);
}

const struct raw_seg *raw_last_of(const struct raw_conn *c)
{
    for (uint32_t i = c->raw->count; i-- > 0 && c->raw->count - i <= RAW_LOG;) {
        const struct raw_seg *s = &c->raw->log[i % RAW_LOG];

        if (s->dst == c->addr && s->dport == c->port && s->sport == c->our_port)
            return s;
    }
    return NULL;
}

void raw_hear(struct raw_conn *c)
{
    const struct raw_seg *s = raw_last_of(c);

    assert_non_null(s);
    c->ack = s->seq + s->len + ((s->flags & F_SYN) != 0) + ((s->flags & F_FIN) != 0);
    c->tsecr = s->tsval;
}

void raw_connect(struct raw *raw, tcp_t listener, struct raw_conn *c)
{
    struct tcp_frame syn;

    c->raw = raw;
    c->iss = c->seq;
    syn = raw_next(c, F_SYN, 0);
    syn.mss = 1460;
    syn.sackok = c->sack;
    syn.ws = c->ws;
    syn.ws_shift = 7;
    raw_send(raw, &syn);
    c->seq++;
    c->tsval++;
    raw_hear(c);
    assert_int_equal(raw_last_of(c)->flags & (F_SYN | F_ACK), F_SYN | F_ACK);
    c->irs = c->ack - 1;
    raw_say(c, F_ACK, 0);
    assert_int_equal(tcp_accept(tlink_tcp(raw->link, 0), listener, &c->conn), 0);
}
