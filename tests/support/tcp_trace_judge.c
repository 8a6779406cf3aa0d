/* SPDX-License-Identifier: ISC */
/* tcp_trace_judge.c - what RFC 9293 asks of a segment's sequence number, ACK and window.
 *
 * Each check looks at what this end sent before and at what was delivered to it, tells, and goes
 * on; then the segment is remembered. */
#include <inttypes.h>

#include "tcp_trace_priv.h"

/* ---- ACK and window ------------------------------------------------------------------------- */

static void judge_window(const struct tt_case *c, int64_t ack)
{
    struct tt_half *h = c->me;
    bool syn = (c->seg->flags & SYN) != 0;
    uint32_t shift = tt_shift(h->opts.ws_shift);
    struct tt_theirs theirs;
    int64_t least, most;

    tt_theirs(h, &theirs);
    if (!h->opts.ws || !theirs.ws_may)
        shift = 0;
    most = ack + ((int64_t)c->seg->wnd << (syn ? 0 : shift));
    least = theirs.ws_must ? most : ack + c->seg->wnd;
    /* A SYN's window has no scale: the next may be what is left of it after rounding. */
    if (syn)
        least -= (least - ack) & ((INT64_C(1) << shift) - 1);
    /* Nor can it say more (RFC 7323 2.2), where an ACK before it could. */
    if (syn && c->seg->wnd == UINT16_MAX)
        most = tt_max(most, h->window_edge);
    if (most < h->window_edge && (h->got_fin == TT_NONE || ack <= h->got_fin))
        tt_fail(c, TCP_TRACE_WINDOW_SHRUNK, "by %" PRId64, h->window_edge - most);
    h->window_edge = tt_max(h->window_edge, least);
}

/* Gives the ACK's offset; false where it cannot be told. */
static bool judge_ack(const struct tt_case *c, int64_t *out)
{
    struct tt_half *h = c->me;
    int64_t got, ack;

    if (!tt_settle(h, c->seg)) {
        tt_fail(c, TCP_TRACE_ACK_UNDELIVERED, "no SYN it answers");
        return false;
    }
    got = tt_got_end(h);
    ack = tt_unwrap(c->seg->ack, h->peer.irs, got);
    if (ack > got)
        tt_fail(c, TCP_TRACE_ACK_UNDELIVERED, "%" PRId64 " bytes", ack - got);
    if (ack < h->ack || ack < 1)
        tt_fail(c, TCP_TRACE_ACK_BACK, "by %" PRId64, h->ack - ack);
    if (h->due_at != 0 && c->trace->conf.ack_delay_max_ns != NS_NEVER && ack > h->ack &&
        c->now - h->due_at > c->trace->conf.ack_delay_max_ns)
        tt_fail(c, TCP_TRACE_ACK_LATE, "%" PRIu64 " us", (c->now - h->due_at) / 1000);
    if (ack > h->ack || ack >= got)
        h->due_at = ack >= got ? 0 : c->now;
    h->ack = tt_max(h->ack, ack);
    judge_window(c, ack);
    *out = ack;
    return true;
}

/* ---- sequence numbers and data -------------------------------------------------------------- */

static uint32_t mss_of(const struct tt_case *c)
{
    struct tt_theirs theirs;

    tt_theirs(c->me, &theirs);
    return theirs.mss < c->trace->conf.mss_floor_bytes ? c->trace->conf.mss_floor_bytes
                                                       : theirs.mss;
}

static void judge_size(const struct tt_case *c)
{
    const struct tt_seg *s = c->seg;
    uint32_t whole = s->len + s->opt_bytes, mss = mss_of(c);
    uint32_t part = s->gso_size != 0 && s->len > s->gso_size ? s->gso_size + s->opt_bytes : whole;

    if (s->len != 0 && part > mss && !c->trace->conf.large_send)
        tt_fail(c, TCP_TRACE_MSS, "%u with options, MSS %u", part, mss);
}

static uint32_t initial_window(const struct tt_case *c)
{
    uint32_t mss = mss_of(c), segs = c->trace->conf.initial_window_segs * mss;
    uint32_t most = segs > 14600 ? (2 * mss > 14600 ? 2 * mss : 14600) : segs;

    if (c->trace->conf.initial_window_segs > 10)
        most = segs;
    /* Tail loss probes may be new data (RFC 8985 7.3). */
    return c->now == c->me->first_at ? most : most + 2 * mss;
}

/* One byte where the window is closed and all is acknowledged (RFC 9293 3.8.6.1). */
static bool is_probe(const struct tt_half *h, int64_t from, int64_t to)
{
    return to - from == 1 && from == h->edge && h->una >= h->edge;
}

static void judge_data(const struct tt_case *c, int64_t from, int64_t to)
{
    struct tt_half *h = c->me;
    bool fin = (c->seg->flags & FIN) != 0;
    int64_t data_end = to - fin;

    if (to > h->edge) {
        if (is_probe(h, from, to))
            c->trace->stats.probes++;
        else
            tt_fail(c, TCP_TRACE_SEQ_WINDOW, "by %" PRId64, to - h->edge);
    }
    judge_size(c);
    if (h->first_at == 0)
        h->first_at = c->now;
    /* The last segment, with FIN, may be one more, as Linux has it. */
    if (!fin && h->una <= 1 && !h->dup_acked && !c->trace->conf.tx_loses &&
        data_end - 1 > (int64_t)initial_window(c))
        tt_fail(c, TCP_TRACE_INITIAL_WINDOW, "%" PRId64 " bytes", data_end - 1);
    if (h->fin != TT_NONE && data_end > h->fin)
        tt_fail(c, TCP_TRACE_BEYOND_FIN, "by %" PRId64, data_end - h->fin);
    if (fin && h->fin != TT_NONE && data_end != h->fin)
        tt_fail(c, TCP_TRACE_FIN_MOVED, "%" PRId64 " -> %" PRId64, h->fin, data_end);
    if (fin && h->fin == TT_NONE) {
        if (data_end < h->snd_max)
            tt_fail(c, TCP_TRACE_FIN_MOVED, "before data that was sent");
        h->fin = data_end;
    }
}

static void judge_bytes(const struct tt_case *c, int64_t from)
{
    int64_t at = 0;

    if (!tt_bytes_put(&c->me->bytes, from, c->seg->payload, c->seg->len, c->me->una, &at))
        tt_fail(c, TCP_TRACE_BYTES_DIFFER, "first at %" PRId64, at);
}

/* True: part of it was sent before. */
static bool judge_seq(const struct tt_case *c)
{
    struct tt_half *h = c->me;
    int64_t from = tt_unwrap(c->seg->seq, h->iss, h->snd_max);
    int64_t to = from + tt_seq_len(c->seg), max = h->snd_max;
    bool again = to > from && from < h->left_max;

    /* A keepalive probe may carry the byte before all (RFC 9293 3.8.4). */
    if (from < 0 || (from == 0 && (to > 1 || (to == 1 && h->una > 1))))
        tt_fail(c, TCP_TRACE_SEQ_OLD, "by %" PRId64, -from);
    if (from > max && !c->trace->conf.tx_loses)
        tt_fail(c, TCP_TRACE_SEQ_UNSENT, "by %" PRId64, from - max);
    if (to == from && h->fin != TT_NONE && from > h->fin + 1)
        tt_fail(c, TCP_TRACE_BEYOND_FIN, "by %" PRId64, from - h->fin - 1);
    if (to == from)
        return false;
    if (again && c->seg->len == 1 && to == from + 1 && from == h->una - 1)
        return true; /* that byte is garbage */
    judge_data(c, from, to);
    if (from >= 1)
        judge_bytes(c, from);
    c->trace->stats.retransmissions += again;
    h->snd_max = tt_max(max, to);
    h->left_max = tt_max(h->left_max, to);
    return again;
}

void tt_note_refused(const struct tt_case *c)
{
    struct tt_half *h = c->me;
    int64_t to;

    if ((c->seg->flags & (SYN | RST)) == SYN)
        tt_judge_syn(c);
    if (!h->syn_sent || (c->seg->flags & (SYN | RST)) != 0)
        return;
    to = tt_unwrap(c->seg->seq, h->iss, h->snd_max) + tt_seq_len(c->seg);
    if ((c->seg->flags & FIN) != 0 && h->fin == TT_NONE)
        h->fin = to - 1;
    h->snd_max = tt_max(h->snd_max, to);
}

/* ---- all of it ------------------------------------------------------------------------------ */

void tt_judge(const struct tt_case *c)
{
    struct tt_half *h = c->me;
    const struct tt_seg *s = c->seg;
    int64_t ack;

    if ((s->flags & RST) != 0) {
        tt_judge_rst(c);
        return;
    }
    if ((s->flags & SYN) != 0) {
        if (!tt_judge_syn(c))
            return;
        h->syn_left = true;
        if ((s->flags & ACK) == 0 || judge_ack(c, &ack))
            tt_judge_ts(c);
        return;
    }
    if (!h->syn_sent) {
        tt_fail(c, TCP_TRACE_NO_SYN, "%s", "");
        return;
    }
    if (h->rst_sent)
        tt_fail(c, TCP_TRACE_AFTER_RST, "%s", "");
    if ((s->flags & ACK) == 0 || !judge_ack(c, &ack))
        return; /* told by tt_judge_header */
    h->est = true;
    tt_judge_ts(c);
    tt_judge_sack(c, ack);
    tt_judge_ecn(c, judge_seq(c));
}
