/* SPDX-License-Identifier: ISC */
/* tcp_trace_text.c - the trace checker's last frames as text, a line each, as tcpdump would print
 * them; sequence numbers as they stand in the header. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "tcp_trace_priv.h"

struct text {
    char *out;
    size_t size, len;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *how, ...)
{
    va_list args;
    int n;

    va_start(args, how);
    n = vsnprintf(t->out + t->len, t->size - t->len, how, args);
    va_end(args);
    if (n > 0)
        t->len = t->len + (size_t)n < t->size ? t->len + (size_t)n : t->size - 1;
}

static void add_options(struct text *t, const struct tt_opts *o)
{
    if (o->mss)
        add(t, " mss %u", o->mss_bytes);
    if (o->sackok)
        add(t, " sackOK");
    if (o->ts)
        add(t, " TS %u ecr %u", o->tsval, o->tsecr);
    if (o->ws)
        add(t, " wscale %u", o->ws_shift);
    for (unsigned i = 0; i < o->sack_count; i++)
        add(t, "%s%u:%u", i == 0 ? " sack " : ",", o->left[i], o->right[i]);
    if (o->malformed)
        add(t, " options malformed");
}

static void add_line(struct text *t, const struct tt_line *line)
{
    static const char letters[] = "FSRP.UEW";
    const struct tt_seg *s = &line->seg;
    char flags[9];
    unsigned n = 0;

    for (unsigned i = 0; i < 8; i++)
        if ((s->flags & 1u << i) != 0)
            flags[n++] = letters[i];
    flags[n] = '\0';
    add(t, "%4" PRIu64 ".%06u %s %u.%u > %u.%u [%s]", line->at / NS_PER_S,
        (unsigned)(line->at % NS_PER_S / 1000), line->delivered ? "  got" : "sent", s->src & 0xff,
        s->sport, s->dst & 0xff, s->dport, flags);
    if (tt_seq_len(s) != 0)
        add(t, " %u:%u(%u)", s->seq, s->seq + tt_seq_len(s), s->len);
    else
        add(t, " %u", s->seq);
    if ((s->flags & ACK) != 0)
        add(t, " ack %u", s->ack);
    add(t, " win %u", s->wnd);
    add_options(t, &s->opts);
    if (s->ecn != ECT_NOT)
        add(t, " %s", s->ecn == ECT_CE ? "CE" : s->ecn == ECT_0 ? "ECT(0)" : "ECT(1)");
    add(t, "%s%s%s%s\n", s->ip_bad || s->bad ? " header bad" : "", s->sum_bad ? " sum bad" : "",
        s->fragment ? " fragment" : "", line->refused ? " refused" : "");
}

const char *tcp_trace_list(const struct tcp_trace *trace)
{
    static char out[TT_LIST * 256];
    struct text t = {out, sizeof(out), 0};

    out[0] = '\0';
    for (unsigned i = 0; i < trace->line_count; i++)
        add_line(&t, &trace->lines[(trace->line_next + TT_LIST - trace->line_count + i) % TT_LIST]);
    return out;
}
