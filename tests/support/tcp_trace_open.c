/* SPDX-License-Identifier: ISC */
/* tcp_trace_open.c - the trace checker's rules of headers, of SYNs, and of RSTs. */
#include <inttypes.h>
#include <stdlib.h>

#include "tcp_trace_priv.h"

#define SYN_LIFE_NS                                                                                \
    (120 * NS_PER_S) /* after so long a half-open connection may have been given up */

static void judge_flags(const struct tt_case *c)
{
    const struct tt_seg *s = c->seg;
    unsigned ctl = s->flags & (SYN | FIN | RST);

    if (s->reserved != 0)
        tt_fail(c, TCP_TRACE_TCP_HEADER, "reserved bits");
    if ((ctl & (ctl - 1)) != 0)
        tt_fail(c, TCP_TRACE_FLAGS, "two of SYN, FIN, RST");
    if ((s->flags & (SYN | RST | ACK)) == 0)
        tt_fail(c, TCP_TRACE_FLAGS, "no ACK");
    if ((s->flags & SYN) == 0 && (s->opts.mss || s->opts.ws || s->opts.sackok))
        tt_fail(c, TCP_TRACE_OPTION_NOT_SYN, "%s", "");
    if ((s->flags & (SYN | RST)) != 0 && s->opts.sack)
        tt_fail(c, TCP_TRACE_OPTION_NOT_OFFERED, "SACK on SYN or RST");
    if (s->opts.ws && s->opts.ws_shift > 14)
        tt_fail(c, TCP_TRACE_WINDOW_SCALE, "%u", s->opts.ws_shift);
    if (s->opts.mss && s->opts.mss_bytes + 40u > c->trace->conf.mtu_bytes)
        tt_fail(c, TCP_TRACE_MSS_OFFERED, "%u", s->opts.mss_bytes);
    if ((s->flags & (SYN | ACK)) == SYN && s->opts.ts && s->opts.tsecr != 0)
        tt_fail(c, TCP_TRACE_TSECR, "TSecr without ACK (RFC 7323 3.2)");
}

void tt_judge_header(const struct tt_case *c)
{
    const struct tt_seg *s = c->seg;

    if (s->ip_bad) {
        tt_fail(c, TCP_TRACE_IP_HEADER, "%s", "");
        return;
    }
    if (s->fragment) {
        tt_fail(c, TCP_TRACE_IP_FRAGMENT, "%s", "");
        return;
    }
    if (s->ip_bytes > c->trace->conf.mtu_bytes && s->gso_size == 0 && !c->trace->conf.large_send)
        tt_fail(c, TCP_TRACE_IP_TOO_LONG, "%u", s->ip_bytes);
    if (s->bad) {
        tt_fail(c, TCP_TRACE_TCP_HEADER, "%s", "");
        return;
    }
    if (s->sum_bad)
        tt_fail(c, TCP_TRACE_TCP_CHECKSUM, "%s", "");
    if (s->opts.malformed)
        tt_fail(c, TCP_TRACE_OPTION_MALFORMED, "%s", "");
    judge_flags(c);
}

/* ---- SYN ------------------------------------------------------------------------------------ */

static void judge_answer(const struct tt_case *c, const struct tt_syn *asked)
{
    if (!tt_is_offered(&c->seg->opts, &asked->opts))
        tt_fail(c, TCP_TRACE_OPTION_NOT_OFFERED, "in the SYN-ACK");
    if (!tt_is_ecn_offered(c->seg, asked))
        tt_fail(c, TCP_TRACE_ECN, "ECE in the SYN-ACK that was not asked for");
}

static void open_anew(struct tt_half *h, const struct tt_seg *s, const struct tt_syn *asked)
{
    struct tt_half was = *h;
    bool keep = asked != NULL;
    struct tt_syn copy;

    /* A SYN that was delivered before ours went: both opened at once. */
    if (!keep && h->irs_set && !h->syn_sent) {
        asked = &h->peer;
        keep = true;
    }
    if (keep) {
        copy = *asked;
        copy.no = tt_begin(h, asked);
    }
    tt_half_reset(h);
    memcpy(h->syns, was.syns, sizeof(h->syns));
    memcpy(h->arrivals, was.arrivals, sizeof(h->arrivals));
    h->syn_next = was.syn_next;
    h->arrived = was.arrived;
    for (unsigned i = 0; i < TT_SYNS; i++)
        h->syns[i].out = false;
    if (keep)
        tt_half_adopt(h, &copy);
    h->syn_sent = true;
    h->iss = s->seq;
    h->opts = s->opts;
    h->snd_max = h->left_max = 1;
}

/* A SYN-ACK with another ISN: of a new connection, or a half-open one's that must not change? */
static bool changed(const struct tt_case *c, const struct tt_syn *asked)
{
    const struct tt_half *h = c->me;

    return h->iss != c->seg->seq && h->synack && !h->est && !h->rst_delivered && !h->rst_sent &&
           asked->irs == h->peer.irs && c->now - h->syn_at < SYN_LIFE_NS && !c->trace->conf.cookies;
}

bool tt_judge_syn(const struct tt_case *c)
{
    struct tt_half *h = c->me;
    const struct tt_seg *s = c->seg;
    bool answer = (s->flags & ACK) != 0;
    const struct tt_syn *asked = answer ? tt_asked_by(h, s) : NULL;

    if (s->len != 0)
        tt_fail(c, TCP_TRACE_SYN_DATA, "%u bytes", s->len);
    if (answer && asked == NULL) {
        tt_fail(c, TCP_TRACE_ACK_UNDELIVERED, "SYN-ACK without a SYN");
        return false;
    }
    /* After a RST, and for another SYN, the clock of ISNs may stand still where it was: the same
     * number, a new life. */
    if (!h->syn_sent || h->iss != s->seq ||
        (answer &&
         (h->rst_sent || h->rst_delivered || (h->synack && !tt_same_syn(asked, &h->peer))))) {
        if (h->syn_sent && answer && changed(c, asked))
            tt_fail(c, TCP_TRACE_SYN_CHANGED, "ISN %u -> %u", h->iss, s->seq);
        open_anew(h, s, asked);
    } else if (h->syn_left && answer == h->synack && !tt_same_options(&h->opts, &s->opts)) {
        tt_fail(c, TCP_TRACE_SYN_CHANGED, "options");
    } else if (answer && asked != &h->peer) { /* both opened at once */
        struct tt_syn copy = *asked;

        copy.no = tt_begin(h, &copy);
        tt_half_adopt(h, &copy);
    }
    h->opts = s->opts;
    h->synack = answer;
    h->settled = h->arrived;
    h->syn_at = c->now;
    if (answer)
        h->synack_flags = s->flags;
    else
        h->syn_flags = s->flags;
    if (s->ecn != ECT_NOT)
        tt_fail(c, TCP_TRACE_ECN, "ECT on a SYN");
    if (answer)
        judge_answer(c, asked);
    return true;
}

/* ---- RST ------------------------------------------------------------------------------------ */

static bool answers(const struct tt_half *h, const struct tt_seg *s)
{
    bool ack = (s->flags & ACK) != 0;
    uint64_t n = h->arrived < TT_ARRIVALS ? h->arrived : TT_ARRIVALS;

    for (uint64_t i = 0; i < n; i++) {
        const struct tt_arrival *a = &h->arrivals[i];

        /* RFC 9293 3.10.7.1: to a segment with ACK <SEQ=SEG.ACK>; to one without
         * <SEQ=0><ACK=SEG.SEQ +SEG.LEN>. With both, which some send, both must be right. */
        if ((a->flags & ACK) != 0 ? s->seq == a->ack && (!ack || s->ack == a->end)
                                  : ack && s->seq == 0 && s->ack == a->end)
            return true;
    }
    return false;
}

void tt_judge_rst(const struct tt_case *c)
{
    struct tt_half *h = c->me;
    const struct tt_seg *s = c->seg;
    int64_t off;

    c->trace->stats.resets++;
    if (h->syn_sent) {
        off = tt_unwrap(s->seq, h->iss, h->snd_max);
        if (off >= h->una && (off <= h->snd_max || (c->trace->conf.tx_loses && off <= h->edge))) {
            bool right =
                (s->flags & ACK) == 0 ||
                (h->irs_set && tt_unwrap(s->ack, h->peer.irs, tt_got_end(h)) <= tt_got_end(h));
            if (!right && !answers(h, s))
                tt_fail(c, TCP_TRACE_RST_SEQ, "ACK of what was never delivered");
            /* In SYN-RECEIVED, and of what came for the connection before, a wrong ACK is answered
             * so, and nothing ends (RFC 9293 3.10.7.4, fifth). */
            h->rst_sent = h->est && h->una >= 1 && (off == h->snd_max || !answers(h, s));
            return;
        }
    }
    if (!answers(h, s))
        tt_fail(c, TCP_TRACE_RST_SEQ, "%s", "");
}
