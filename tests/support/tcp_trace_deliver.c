/* SPDX-License-Identifier: ISC */
/* tcp_trace_deliver.c - what the trace checker remembers of a segment that an end received.
 *
 * Everything is taken at its best for that end: every SYN that came may be the one it took
 * (tcp_trace_syns.c), every byte may have been kept, the widest window counts.
 */
#include <stdlib.h>
#include <string.h>

#include "tcp_trace_priv.h"

static void note_tsval(struct tt_half *h, uint32_t tsval)
{
    if (h->tsval_count != 0 && h->tsvals[(h->tsval_count - 1) % TT_TSVALS] == tsval)
        return;
    if (h->tsvals == NULL)
        h->tsvals = malloc(TT_TSVALS * sizeof(*h->tsvals));
    h->tsvals[h->tsval_count++ % TT_TSVALS] = tsval;
}

static void note_data(struct tt_half *h, const struct tt_arrival *a, bool first)
{
    int64_t near = tt_got_end(h), from = tt_unwrap(a->seq, h->peer.irs, near);
    int64_t to = from + (int32_t)(a->end - a->seq);

    if (first)
        from = 1; /* the SYN itself */
    if (from < 0 && to > from) {
        /* From before the SYN: a duplicate of who knows what. */
        h->twice_count++;
        tt_ranges_add(&h->twice, from, to < 1 ? to : 1, TT_JOIN);
        from = 0;
    }
    if (from >= to)
        return;
    if ((a->flags & FIN) != 0 && h->got_fin == TT_NONE)
        h->got_fin = to - 1;
    if (tt_ranges_touch(&h->got, from, to)) {
        h->twice_count++;
        /* Exactly which: what of it came before. */
        for (unsigned i = 0; i < h->got.count; i++) {
            const struct tt_range *r = &h->got.v[i];
            int64_t left = tt_max(from, r->from), right = to < r->to ? to : r->to;
            tt_ranges_add(&h->twice, left, right, TT_JOIN);
        }
        h->due_at = h->due_at != 0 ? a->at : 0;
    }
    if (from <= near && near < to && h->due_at == 0)
        h->due_at = a->at;
    tt_ranges_add(&h->got, from, to, TT_JOIN);
}

static void note_ack(struct tt_half *h, const struct tt_arrival *a, bool again)
{
    struct tt_theirs theirs;
    int64_t ack, edge;
    uint32_t shift = 0;

    if ((a->flags & ACK) == 0 || !h->syn_sent)
        return;
    ack = tt_unwrap(a->ack, h->iss, h->una);
    if (ack < 0 || ack > h->left_max)
        return;
    tt_theirs(h, &theirs);
    if ((a->flags & SYN) == 0 && h->opts.ws && theirs.ws_may)
        shift = tt_shift(theirs.ws_shift);
    h->dup_acked |= a->sack || (ack == h->una && a->len == 0 && !again);
    edge = ack + ((int64_t)a->wnd << shift);
    h->una = tt_max(h->una, ack);
    h->edge = tt_max(h->edge, edge);
}

void tt_arrive(struct tt_half *h, uint64_t no, bool again)
{
    const struct tt_arrival *a = &h->arrivals[no % TT_ARRIVALS];

    h->ce |= a->ce;
    if (!h->irs_set)
        return;
    if (a->ts)
        note_tsval(h, a->tsval);
    note_data(h, a, no == h->peer.no);
    note_ack(h, a, again);
}

/* In SYN-SENT a RST ends something only where its ACK is of our SYN (RFC 9293 section 3.10.7.3). */
static bool may_end(const struct tt_half *h, const struct tt_seg *seg)
{
    return !h->syn_sent || h->irs_set || ((seg->flags & ACK) != 0 && seg->ack == h->iss + 1);
}

void tt_deliver(const struct tt_case *c)
{
    struct tt_half *h = c->me;
    const struct tt_seg *seg = c->seg;
    uint64_t no = h->arrived;

    if ((seg->flags & RST) != 0) {
        h->rst_delivered |= may_end(h, seg);
        return;
    }
    if ((seg->flags & SYN) != 0)
        tt_note_syn(h, seg);
    h->arrivals[no % TT_ARRIVALS] = (struct tt_arrival){.ce = seg->ecn == ECT_CE,
                                                        .ts = seg->opts.ts,
                                                        .sack = seg->opts.sack,
                                                        .flags = seg->flags,
                                                        .wnd = seg->wnd,
                                                        .seq = seg->seq,
                                                        .ack = seg->ack,
                                                        .end = seg->seq + tt_seq_len(seg),
                                                        .len = seg->len,
                                                        .tsval = seg->opts.tsval,
                                                        .at = c->now};
    h->arrived++;
    tt_arrive(h, no, false);
}
