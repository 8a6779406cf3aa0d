/* SPDX-License-Identifier: ISC */
/* tcp_trace_syns.c - which of the SYNs that were delivered did an end take for its peer's?
 *
 * Several may come before it tells: copies, changed on their way, of other connections. So all are
 * kept. Its first ACK tells the number of the one it took. Where several have that number but other
 * options, each may be the one until what is sent rules it out; and until then the best of them
 * counts. Nothing that came before a SYN belongs to its connection, and all that came since may.
 */
#include <stdlib.h>
#include <string.h>

#include "tcp_trace_priv.h"

bool tt_is_offered(const struct tt_opts *mine, const struct tt_opts *theirs)
{
    return mine->ws <= theirs->ws && mine->ts <= theirs->ts && mine->sackok <= theirs->sackok;
}

bool tt_is_ecn_offered(const struct tt_seg *s, const struct tt_syn *syn)
{
    return (s->flags & ECE) == 0 ||
           ((s->flags & CWR) == 0 && (syn->flags & (ECE | CWR)) == (ECE | CWR));
}

void tt_half_adopt(struct tt_half *h, const struct tt_syn *syn)
{
    struct tt_syn copy = *syn;
    uint64_t no = copy.no;

    tt_ranges_free(&h->got);
    tt_ranges_free(&h->twice);
    h->twice_count = 0;
    h->got_fin = TT_NONE;
    h->ce = copy.ce;
    h->due_at = 0;
    h->tsval_count = 0;
    h->peer = copy;
    h->irs_set = true;
    tt_ranges_add(&h->got, 0, 1, TT_JOIN);
    if (h->arrived > TT_ARRIVALS && no < h->arrived - TT_ARRIVALS)
        no = h->arrived - TT_ARRIVALS;
    for (; no < h->arrived; no++)
        tt_arrive(h, no, true);
}

/* ---- those that came ------------------------------------------------------------------------ */

/* It may be what this end takes for its peer's: an answer to what was not asked is not. */
static bool is_believed(const struct tt_half *h, const struct tt_syn *syn)
{
    return syn->used && (!syn->has_ack || !h->syn_sent || syn->ack == h->iss + 1);
}

/* The first of its like. */
static const struct tt_syn *keep(struct tt_half *h, const struct tt_syn *syn)
{
    struct tt_syn *at;

    for (unsigned i = 0; i < TT_SYNS; i++) {
        struct tt_syn *old = &h->syns[i];

        if (!old->used || !tt_same_syn(old, syn))
            continue;
        if (h->est && old->irs != h->peer.irs)
            old->no = syn->no; /* for another connection */
        return old;
    }
    at = &h->syns[h->syn_next++ % TT_SYNS];
    *at = *syn;
    return at;
}

void tt_note_syn(struct tt_half *h, const struct tt_seg *seg)
{
    struct tt_syn syn = {.used = true,
                         .has_ack = (seg->flags & ACK) != 0,
                         .ce = seg->ecn == ECT_CE,
                         .irs = seg->seq,
                         .ack = seg->ack,
                         .wnd = seg->wnd,
                         .flags = seg->flags & (SYN | ACK | ECE | CWR),
                         .opts = seg->opts,
                         .no = h->arrived};
    const struct tt_syn *first = keep(h, &syn);

    if (h->est || h->rst_sent || h->synack || !is_believed(h, &syn))
        return;
    if (h->irs_set && h->peer.irs == seg->seq) {
        if (!tt_same_syn(&h->peer, &syn)) { /* simultaneous open: first SYN, then SYN-ACK */
            syn.no = h->peer.no;
            h->peer = syn;
        }
        return;
    }
    tt_half_adopt(h, first);
}

/* A crossing SYN and its SYN-ACK may come in one poll, and either again with other options: the
 * connection is the first's. */
uint64_t tt_begin(const struct tt_half *h, const struct tt_syn *syn)
{
    uint64_t no = syn->no;

    if (h->irs_set && h->peer.irs == syn->irs && h->peer.no < no)
        no = h->peer.no;
    for (unsigned i = 0; i < TT_SYNS; i++)
        if (is_believed(h, &h->syns[i]) && h->syns[i].irs == syn->irs && h->syns[i].no < no)
            no = h->syns[i].no;
    return no;
}

/* A SYN-ACK may answer it, by its options. */
static bool may_answer(const struct tt_seg *s, const struct tt_syn *syn)
{
    return tt_is_offered(&s->opts, &syn->opts) && tt_is_ecn_offered(s, syn);
}

static bool is_echoed(const struct tt_seg *s, const struct tt_syn *syn)
{
    return !s->opts.ts || s->opts.tsecr == syn->opts.tsval;
}

const struct tt_syn *tt_asked_by(const struct tt_half *h, const struct tt_seg *s)
{
    const struct tt_syn *found = h->irs_set && h->peer.irs + 1 == s->ack ? &h->peer : NULL;
    /* Not what was said before: the SYN is another, if there is one. */
    bool other = h->synack && h->iss == s->seq && !tt_same_options(&h->opts, &s->opts);
    const struct tt_syn *likely = found != NULL && !other && may_answer(s, found) ? found : NULL;

    if (likely != NULL && is_echoed(s, likely))
        return likely;
    for (unsigned i = 1; i <= TT_SYNS; i++) {
        const struct tt_syn *syn = &h->syns[(h->syn_next - i) % TT_SYNS];

        if (!syn->used || syn->irs + 1 != s->ack ||
            (other && found == &h->peer && tt_same_syn(syn, &h->peer)))
            continue;
        if (may_answer(s, syn) && is_echoed(s, syn))
            return syn;
        if (likely == NULL && may_answer(s, syn))
            likely = syn;
        if (found == NULL)
            found = syn;
    }
    return likely != NULL ? likely : found;
}

/* ---- the one it took ------------------------------------------------------------------------ */

/* This ACK, and its timestamp or none, fit the connection as it is. */
static bool fits(const struct tt_half *h, const struct tt_seg *s)
{
    int64_t got = tt_got_end(h), ack = tt_unwrap(s->ack, h->peer.irs, got);

    return ack >= 1 && ack <= got && s->opts.ts == (h->opts.ts && h->peer.opts.ts);
}

/* Takes the first that came of those that fit, answers to its SYN or others; false: none does. */
static bool settle(struct tt_half *h, const struct tt_seg *s, bool answer)
{
    for (uint64_t least = 0;;) {
        const struct tt_syn *next = NULL;
        struct tt_syn copy;

        for (unsigned i = 0; i < TT_SYNS; i++) {
            const struct tt_syn *syn = &h->syns[i];

            if (is_believed(h, syn) && syn->has_ack == answer && syn->no >= least &&
                (next == NULL || syn->no < next->no))
                next = syn;
        }
        if (next == NULL)
            return false;
        least = next->no + 1;
        copy = *next;
        copy.no = tt_begin(h, &copy);
        tt_half_adopt(h, &copy);
        if (fits(h, s))
            return true;
    }
}

bool tt_settle(struct tt_half *h, const struct tt_seg *s)
{
    struct tt_syn was = h->peer;

    if (h->est || h->synack)
        return true;
    h->settled = h->arrived;
    /* One without ACK would have been answered by a SYN-ACK. */
    if (settle(h, s, true) || settle(h, s, false))
        return true;
    if (was.used)
        tt_half_adopt(h, &was);
    return was.used && (int32_t)(s->ack - h->peer.irs) > 0;
}

/* It may be what this end took, as far as is known. */
static bool is_possible(const struct tt_half *h, const struct tt_syn *syn)
{
    if (!is_believed(h, syn) || syn->out || syn->irs != h->peer.irs)
        return false;
    if ((h->est || h->synack) && syn->no >= h->settled)
        return false;
    return !h->synack || tt_is_offered(&h->opts, &syn->opts);
}

static void merge(struct tt_theirs *t, const struct tt_syn *syn)
{
    const struct tt_opts *o = &syn->opts;
    uint32_t mss = o->mss ? o->mss_bytes : 536; /* RFC 9293 3.7.1 */

    t->ts_may |= o->ts;
    t->ts_must &= o->ts;
    t->ws_may |= o->ws;
    t->ws_must &= o->ws;
    t->sackok |= o->sackok;
    t->ece |= syn->has_ack && (syn->flags & (ECE | CWR)) == ECE;
    t->ws_shift = o->ws && o->ws_shift > t->ws_shift ? o->ws_shift : t->ws_shift;
    t->mss = mss > t->mss ? mss : t->mss;
}

void tt_theirs(const struct tt_half *h, struct tt_theirs *t)
{
    *t = (struct tt_theirs){.ts_must = true, .ws_must = true};
    merge(t, &h->peer);
    for (unsigned i = 0; i < TT_SYNS; i++)
        if (is_possible(h, &h->syns[i]))
            merge(t, &h->syns[i]);
}

void tt_settle_ts(struct tt_half *h, bool ts)
{
    for (unsigned i = 0; i < TT_SYNS; i++) {
        struct tt_syn *syn = &h->syns[i];

        if (!is_possible(h, syn))
            continue;
        if (syn->opts.ts != ts) {
            syn->out = true;
        } else if (h->peer.opts.ts != ts) {
            uint64_t no = h->peer.no;

            h->peer = *syn;
            h->peer.no = no; /* what came since is what was counted */
        }
    }
}
