/* SPDX-License-Identifier: ISC */
/* tcp_play.c - two ends of a made-up connection. */
#include "support.h"

#include <stdio.h>

#include <cmocka.h>

#include "tcp_play.h"

static void on_fail(void *arg, enum tcp_trace_rule rule, const char *text)
{
    struct play *p = arg;

    p->found++;
    p->last = rule;
    snprintf(p->text, sizeof(p->text), "%s", text);
}

static void begin(struct play *p, struct tcp_trace *trace)
{
    *p = (struct play){
        .trace = trace, .now = NS_PER_S, .seq = {ISS0, ISS1}, .ts = true, .ws = true, .sack = true};
}

void play_setup_conf(struct play *p, struct tcp_trace_conf conf)
{
    conf.fail = on_fail;
    conf.arg = p;
    begin(p, tcp_trace_new(&conf));
}

void play_setup(struct play *p)
{
    play_setup_conf(p, (struct tcp_trace_conf){0});
}

void play_again(struct play *p)
{
    tcp_trace_reset(p->trace);
    begin(p, p->trace);
}

struct tcp_frame play_next(struct play *p, unsigned from, uint8_t flags)
{
    p->now += NS_PER_MS;
    return (struct tcp_frame){.src = 0x0a000001 + from,
                              .dst = 0x0a000002 - from,
                              .sport = from == 0 ? 40000 : 80,
                              .dport = from == 0 ? 80 : 40000,
                              .seq = p->seq[from],
                              .ack = (flags & F_ACK) != 0 ? p->ack[from] : 0,
                              .flags = flags,
                              .wnd = WND,
                              .ts = p->ts && (flags & F_RST) == 0,
                              .tsval = (uint32_t)(p->now / NS_PER_MS) + from * 1000000,
                              .first = p->seq[from]};
}

void play_echo(struct play *p, unsigned from, struct tcp_frame *f)
{
    if ((f->flags & F_ACK) != 0)
        f->tsecr = p->told[from];
}

void play_sent(struct play *p, unsigned from, const struct tcp_frame *f)
{
    static uint8_t bytes[TCP_FRAME_MAX];
    size_t len = tcp_frame_make(bytes, f);

    tcp_trace_frame(p->trace, from, bytes, len, p->now);
}

void play_delivered(struct play *p, unsigned from, const struct tcp_frame *f)
{
    static uint8_t bytes[TCP_FRAME_MAX];
    size_t len = tcp_frame_make(bytes, f);

    tcp_trace_delivered(p->trace, from, bytes, len, p->now);
    if (f->ts)
        p->told[!from] = f->tsval;
}

static uint32_t seq_len(const struct tcp_frame *f)
{
    return f->len + ((f->flags & F_SYN) != 0) + ((f->flags & F_FIN) != 0);
}

void play_pass(struct play *p, unsigned from, const struct tcp_frame *f)
{
    play_sent(p, from, f);
    play_delivered(p, from, f);
    p->seq[from] = f->seq + seq_len(f);
    p->ack[!from] = f->seq + seq_len(f);
}

struct tcp_frame play_syn(struct play *p, unsigned from, uint8_t flags)
{
    struct tcp_frame f = play_next(p, from, flags | F_SYN);

    f.mss = 1460;
    f.sackok = p->sack;
    f.ws = p->ws;
    f.ws_shift = p->ws ? 2 : 0;
    play_echo(p, from, &f);
    if (p->ecn)
        f.flags |= (flags & F_ACK) != 0 ? F_ECE : F_ECE | F_CWR;
    return f;
}

struct tcp_frame play_ack(struct play *p, unsigned from)
{
    struct tcp_frame f = play_next(p, from, F_ACK);

    play_echo(p, from, &f);
    return f;
}

struct tcp_frame play_data(struct play *p, unsigned from, uint32_t len)
{
    struct tcp_frame f = play_ack(p, from);

    f.len = len;
    return f;
}

struct tcp_frame play_pass_syn(struct play *p, unsigned from, uint8_t flags)
{
    struct tcp_frame f = play_syn(p, from, flags);

    play_pass(p, from, &f);
    return f;
}

struct tcp_frame play_pass_ack(struct play *p, unsigned from)
{
    struct tcp_frame f = play_ack(p, from);

    play_pass(p, from, &f);
    return f;
}

struct tcp_frame play_pass_data(struct play *p, unsigned from, uint32_t len)
{
    struct tcp_frame f = play_data(p, from, len);

    play_pass(p, from, &f);
    return f;
}

void play_open(struct play *p)
{
    (void)play_pass_syn(p, 0, 0);
    (void)play_pass_syn(p, 1, F_ACK);
    (void)play_pass_ack(p, 0);
}

void play_cross(struct play *p)
{
    struct tcp_frame syns[] = {play_syn(p, 0, 0), play_syn(p, 1, 0)};

    play_pass(p, 0, &syns[0]);
    play_pass(p, 1, &syns[1]);
}

struct tcp_frame play_crossed(struct play *p, unsigned from)
{
    struct tcp_frame f = play_syn(p, from, F_ACK);

    f.seq = from == 0 ? ISS0 : ISS1;
    return f;
}

void play_done(struct play *p)
{
    tcp_trace_free(p->trace);
}

void play_must_be_clean(struct play *p)
{
    if (p->found == 0)
        return;
    fputs(tcp_trace_list(p->trace), stderr);
    fail_msg("%s", p->text);
}
