/* SPDX-License-Identifier: ISC */
/* tcp_trace_opts.c - the trace checker's rules of timestamps (RFC 7323), SACK (RFC 2018, 2883) and
 * ECN (RFC 3168). */
#include <inttypes.h>

#include "tcp_trace_priv.h"

/* After so long without a segment TS.Recent is worth nothing (RFC 7323 5.5). */
#define TS_OLD_NS (24 * 86400 * NS_PER_S)

/* ---- timestamps ----------------------------------------------------------------------------- */

static bool was_told(const struct tt_half *h, uint32_t tsval)
{
    unsigned n = h->tsval_count < TT_TSVALS ? h->tsval_count : TT_TSVALS;

    for (unsigned i = 1; i <= n; i++)
        if (h->tsvals[(h->tsval_count - i) % TT_TSVALS] == tsval)
            return true;
    /* What was before the oldest that is remembered may have been it. */
    return h->tsval_count > TT_TSVALS &&
           (int32_t)(tsval - h->tsvals[h->tsval_count % TT_TSVALS]) < 0;
}

void tt_judge_ts(const struct tt_case *c)
{
    struct tt_half *h = c->me;
    const struct tt_opts *o = &c->seg->opts;
    struct tt_theirs theirs;

    tt_theirs(h, &theirs);
    if ((c->seg->flags & SYN) == 0) {
        if (o->ts && !(h->opts.ts && theirs.ts_may))
            tt_fail(c, TCP_TRACE_OPTION_NOT_OFFERED, "timestamp");
        if (!o->ts && h->opts.ts && theirs.ts_must)
            tt_fail(c, TCP_TRACE_TS_MISSING, "%s", "");
        if (h->opts.ts)
            tt_settle_ts(h, o->ts);
    }
    if (!o->ts)
        return;
    if (h->tsval_set && (int32_t)(o->tsval - h->tsval) < 0 && c->now - h->tsval_at < TS_OLD_NS)
        tt_fail(c, TCP_TRACE_TS_BACK, "%u -> %u", h->tsval, o->tsval);
    h->tsval = o->tsval;
    h->tsval_set = true;
    h->tsval_at = c->now;
    if ((c->seg->flags & ACK) == 0)
        return;
    if (!was_told(h, o->tsecr))
        tt_fail(c, TCP_TRACE_TSECR, "%u", o->tsecr);
    else if (h->tsecr_set && (int32_t)(o->tsecr - h->tsecr) < 0 && c->now - h->tsecr_at < TS_OLD_NS)
        tt_fail(c, TCP_TRACE_TSECR_BACK, "%u -> %u", h->tsecr, o->tsecr);
    if (!h->tsecr_set || h->tsecr != o->tsecr)
        h->tsecr_at = c->now;
    h->tsecr = o->tsecr;
    h->tsecr_set = true;
}

/* ---- SACK ----------------------------------------------------------------------------------- */

struct blocks {
    unsigned count;
    int64_t left[4], right[4];
};

/* RFC 2883 section 4: it reports what came twice, each duplicate once. */
static void judge_dsack(const struct tt_case *c, const struct blocks *b)
{
    struct tt_half *h = c->me;

    c->trace->stats.dsacks++;
    if (!tt_ranges_hold(&h->twice, b->left[0], b->right[0]))
        tt_fail(c, TCP_TRACE_DSACK, "%" PRId64 ":%" PRId64 " came once", b->left[0], b->right[0]);
    else if (++h->dsacks > h->twice_count)
        tt_fail(c, TCP_TRACE_DSACK, "more often than duplicates came");
}

static void judge_block(const struct tt_case *c, const struct blocks *b, unsigned i, int64_t ack)
{
    struct tt_half *h = c->me;
    bool inside = i == 0 && b->count > 1 && b->left[1] <= b->left[0] && b->right[0] <= b->right[1];

    c->trace->stats.sack_blocks++;
    if (b->left[i] >= b->right[i]) {
        tt_fail(c, TCP_TRACE_SACK_EMPTY, "block %u", i);
        return;
    }
    if (i == 0 && (b->right[0] <= ack || inside)) {
        judge_dsack(c, b);
        return;
    }
    if (!tt_ranges_hold(&h->got, b->left[i], b->right[i]))
        tt_fail(c, TCP_TRACE_SACK_UNDELIVERED, "block %u, %" PRId64 ":%" PRId64, i, b->left[i],
                b->right[i]);
    if (b->left[i] <= ack)
        tt_fail(c, TCP_TRACE_SACK_BELOW_ACK, "block %u, %" PRId64 " <= %" PRId64, i, b->left[i],
                ack);
    for (unsigned j = 0; j < i; j++) {
        bool dsack = j == 0 && b->left[j] >= b->left[i] && b->right[j] <= b->right[i];
        if (!dsack && b->left[j] < b->right[i] && b->left[i] < b->right[j])
            tt_fail(c, TCP_TRACE_SACK_OVERLAP, "blocks %u and %u", j, i);
    }
}

void tt_judge_sack(const struct tt_case *c, int64_t ack)
{
    struct tt_half *h = c->me;
    const struct tt_opts *o = &c->seg->opts;
    struct blocks b = {.count = o->sack_count};
    struct tt_theirs theirs;

    if (!o->sack)
        return;
    tt_theirs(h, &theirs);
    if (!theirs.sackok || !h->opts.sackok) {
        tt_fail(c, TCP_TRACE_OPTION_NOT_OFFERED, "SACK");
        return;
    }
    for (unsigned i = 0; i < b.count; i++) {
        b.left[i] = tt_unwrap(o->left[i], h->peer.irs, ack);
        b.right[i] = tt_unwrap(o->right[i], h->peer.irs, ack);
    }
    for (unsigned i = 0; i < b.count; i++)
        judge_block(c, &b, i, ack);
}

/* ---- ECN ------------------------------------------------------------------------------------ */

static bool ecn_on(const struct tt_half *h)
{
    bool asked = (h->syn_flags & (ECE | CWR)) == (ECE | CWR);
    struct tt_theirs theirs;

    /* RFC 3168 6.1.1: who sent a SYN that did not ask, where both opened at once too, marks
     * nothing. */
    if (h->syn_flags != 0 && !asked)
        return false;
    if (h->synack)
        return (h->synack_flags & (ECE | CWR)) == ECE;
    tt_theirs(h, &theirs);
    return asked && theirs.ece;
}

void tt_judge_ecn(const struct tt_case *c, bool again)
{
    struct tt_half *h = c->me;
    const struct tt_seg *s = c->seg;

    if (s->ecn == ECT_CE)
        tt_fail(c, TCP_TRACE_ECN, "CE from a sender");
    if (!ecn_on(h) && (s->ecn != ECT_NOT || (s->flags & (ECE | CWR)) != 0))
        tt_fail(c, TCP_TRACE_ECN, "not negotiated");
    if (s->ecn != ECT_NOT && s->len == 0 && (s->flags & FIN) == 0)
        tt_fail(c, TCP_TRACE_ECN, "ECT on a segment without data (RFC 3168 6.1.4)");
    if (s->ecn != ECT_NOT && again)
        tt_fail(c, TCP_TRACE_ECN, "ECT on a retransmission (RFC 3168 6.1.5)");
    if ((s->flags & ECE) != 0 && !h->ce)
        tt_fail(c, TCP_TRACE_ECN, "ECE though no CE came");
}
