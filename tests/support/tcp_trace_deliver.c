/* SPDX-License-Identifier: ISC */
/* tcp_trace_deliver.c - what the trace checker remembers of a segment that an end received.
 *
 * Everything is taken at its best for that end: every SYN that came may be the one it answers,
 * every byte may have been kept, the widest window counts.
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

void tt_half_adopt(struct tt_half *h, const struct tt_syn *syn)
{
    struct tt_syn copy = *syn;

    tt_ranges_free(&h->got);
    tt_ranges_free(&h->twice);
    h->twice_count = 0;
    h->got_fin = TT_NONE;
    h->ce = copy.ce; /* text may come with it */
    h->tsval_count = 0;
    h->peer = copy;
    h->irs_set = true;
    tt_ranges_add(&h->got, 0, 1, TT_JOIN);
    if (copy.opts.ts)
        note_tsval(h, copy.opts.tsval);
}

static void note_syn(struct tt_half *h, const struct tt_seg *seg)
{
    struct tt_syn syn = {.used = true,
                         .has_ack = (seg->flags & ACK) != 0,
                         .ce = seg->ecn == ECT_CE,
                         .irs = seg->seq,
                         .ack = seg->ack,
                         .wnd = seg->wnd,
                         .flags = seg->flags,
                         .opts = seg->opts};

    if (h->irs_set && h->peer.irs == seg->seq && h->peer.has_ack == syn.has_ack &&
        tt_same_options(&h->peer.opts, &syn.opts))
        return; /* the same again */
    if (h->est || h->rst_delivered || h->rst_sent || h->synack) {
        h->syns[h->syn_next++ % TT_SYNS] = syn;
        return;
    }
    /* An answer to what was not asked: not believed. */
    if (h->irs_set && h->syn_sent && syn.has_ack && syn.ack != h->iss + 1)
        return;
    if (h->irs_set)
        h->syns[h->syn_next++ % TT_SYNS] = h->peer;
    if (h->irs_set && h->peer.irs == seg->seq) {
        h->peer = syn; /* simultaneous open: first SYN, then SYN-ACK */
        return;
    }
    tt_half_adopt(h, &syn);
}

static void note_data(const struct tt_case *c)
{
    struct tt_half *h = c->me;
    const struct tt_seg *seg = c->seg;
    int64_t near = tt_got_end(h), from = tt_unwrap(seg->seq, h->peer.irs, near);
    int64_t to = from + tt_seq_len(seg);

    if (from < 0 && to > from) {
        /* From before the SYN: a duplicate of who knows what. */
        h->twice_count++;
        tt_ranges_add(&h->twice, from, to < 1 ? to : 1, TT_JOIN);
        from = 0;
    }
    if (from >= to)
        return;
    if ((seg->flags & FIN) != 0 && h->got_fin == TT_NONE)
        h->got_fin = to - 1;
    if (tt_ranges_touch(&h->got, from, to)) {
        h->twice_count++;
        /* Exactly which: what of it came before. */
        for (unsigned i = 0; i < h->got.count; i++) {
            const struct tt_range *r = &h->got.v[i];
            int64_t left = tt_max(from, r->from), right = to < r->to ? to : r->to;
            tt_ranges_add(&h->twice, left, right, TT_JOIN);
        }
        h->due_at = h->due_at != 0 ? c->now : 0;
    }
    if (from <= near && near < to && h->due_at == 0)
        h->due_at = c->now;
    tt_ranges_add(&h->got, from, to, TT_JOIN);
}

static void note_ack(struct tt_half *h, const struct tt_seg *seg)
{
    int64_t ack, edge;
    uint32_t shift = 0;

    if ((seg->flags & ACK) == 0 || !h->syn_sent)
        return;
    ack = tt_unwrap(seg->ack, h->iss, h->una);
    if (ack < 0 || ack > h->snd_max)
        return;
    if ((seg->flags & SYN) == 0 && tt_ws_on(h))
        shift = tt_shift(h->peer.opts.ws_shift);
    h->dup_acked |= seg->opts.sack || (ack == h->una && seg->len == 0);
    edge = ack + ((int64_t)seg->wnd << shift);
    h->una = tt_max(h->una, ack);
    h->edge = tt_max(h->edge, edge);
}

void tt_deliver(const struct tt_case *c)
{
    struct tt_half *h = c->me;
    const struct tt_seg *seg = c->seg;

    if ((seg->flags & RST) != 0) {
        h->rst_delivered = true;
        return;
    }
    h->replies[h->reply_next++ % TT_REPLIES] =
        (struct tt_reply){true, (seg->flags & ACK) != 0, seg->ack, seg->seq + tt_seq_len(seg)};
    if ((seg->flags & SYN) != 0)
        note_syn(h, seg);
    h->ce |= seg->ecn == ECT_CE;
    if (!h->irs_set)
        return;
    if (seg->opts.ts)
        note_tsval(h, seg->opts.tsval);
    note_data(c);
    note_ack(h, seg);
}
