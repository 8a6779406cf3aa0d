/* SPDX-License-Identifier: ISC */
/* tcp_recovery.c - what a sender does about loss (RFC 5681, 6582, 6675, 6937, 8985).
 *
 *     Open       all is well: tcp_ack.c does not even come here.
 *     Disorder   SACKs or duplicate ACKs came; it may be reordering. Sending goes on as in Open.
 *     CWR        the network marked a packet (RFC 3168): cwnd goes down over a round trip.
 *     Recovery   loss is proved: the same, and what is lost is sent again.
 *     Loss       RTO: all that is not known to be in flight is lost, cwnd is one more than that.
 *
 * The last three end when high_seq, SND.NXT of when they began, is acknowledged. They may have
 * begun in error. Two things tell: an ACK that echoes a timestamp from before the first
 * retransmission (Eifel, RFC 3522), and D-SACKs for all retransmissions. After RTO a third:
 * something that was sent only once is acknowledged (F-RTO, RFC 5682). Then cwnd and ssthresh
 * are what they were before.
 *
 * Which segments are lost is found by tcp_rack.c, or by counting in tcp_sack.c; without SACK, by
 * counting duplicate ACKs, each of which stands for a segment SACKed somewhere above. What is to
 * be sent is decided here, and sent at the end of the poll (tcp_out.c).
 */
#include "tcpip/tcp_flight.h"

enum { RENEGE_WAIT_MS = 10, REORDERING_MAX = 300 };

/* ---- beginnings ------------------------------------------------------------------------------ */

static void undo_begin(struct tcp_conn *conn)
{
    struct tcp_flight *flight = &conn->flight;

    flight->undo = true;
    flight->undo_marker = conn->snd_una;
    /* What flies again already may come back as D-SACK too; a probe as well. */
    flight->undo_count = flight->retrans + (flight->tlp_out && flight->tlp_is_retrans);
    if (flight->undo_count == 0)
        flight->undo_count = UINT32_MAX;
}

void tcp_recovery_enter(struct tcp_conn *conn, bool ece, uint64_t now)
{
    struct tcp_flight *flight = &conn->flight;

    if (!tcp_any_retrans(flight))
        flight->retrans_any = false;
    conn->cc.prior_ssthresh = 0;
    undo_begin(conn);
    if (!tcp_in_reduction(flight)) {
        if (!ece)
            conn->cc.prior_ssthresh = tcp_cc_proved(&conn->cc);
        tcp_reduce_begin(conn, now);
    }
    flight->ca_state = TCP_CA_RECOVERY;
    flight->dup_left = flight->out;
    conn->recoveries++;
    conn->tcp->stats.fast_recoveries++;
}

/* RFC 3168 section 6.1.2. That cannot have been a mistake. */
static void enter_cwr(struct tcp_conn *conn, uint64_t now)
{
    struct tcp_flight *flight = &conn->flight;

    conn->cc.prior_ssthresh = 0;
    if (flight->ca_state >= TCP_CA_CWR)
        return;
    flight->undo = false;
    tcp_reduce_begin(conn, now);
    flight->ca_state = TCP_CA_CWR;
}

/* ---- without SACK ---------------------------------------------------------------------------- */

/* More duplicate ACKs than there are segments above a hole: the order was not what we thought. */
static void reno_limit(struct tcp_conn *conn, uint32_t acked)
{
    struct tcp_flight *flight = &conn->flight;
    uint32_t holes = u32_min(flight->lost > 1 ? flight->lost : 1, flight->out);

    if (flight->sacked + holes <= flight->out)
        return;
    flight->sacked = flight->out - holes;
    flight->reordering = u32_min(flight->out + acked, REORDERING_MAX);
    flight->reord_seen++;
}

static void reno_dup_acks(struct tcp_conn *conn, uint32_t n, bool ece)
{
    struct tcp_flight *flight = &conn->flight;
    uint32_t before = flight->sacked;

    /* RFC 5681 section 3.2: recovery believes no more of them than there were segments to cause
     * them; else whoever makes them up has a segment sent for each. */
    if (flight->ca_state == TCP_CA_RECOVERY) {
        n = u32_min(n, flight->dup_left);
        flight->dup_left -= n;
    }
    if (n == 0)
        return;
    flight->sacked += n;
    reno_limit(conn, 0);
    if (flight->sacked > before) {
        conn->delivered += flight->sacked - before;
        conn->delivered_ce += ece ? flight->sacked - before : 0;
    }
}

/* One of the segments filled the hole, the others had their duplicate ACKs. */
void tcp_recovery_reno_acked(struct tcp_conn *conn, uint32_t acked, bool ece)
{
    struct tcp_flight *flight = &conn->flight;
    uint32_t delivered = acked > flight->sacked + 1 ? acked - flight->sacked : 1;

    if (acked != 0) {
        conn->delivered += delivered;
        conn->delivered_ce += ece ? delivered : 0;
        flight->sacked -= u32_min(acked - 1, flight->sacked);
    }
    reno_limit(conn, acked);
    flight->dup_left = flight->out;
}

/* ---- what is lost ---------------------------------------------------------------------------- */

/* RFC 5681 section 3.2, three duplicate ACKs; RFC 6582 section 3.2 step 3, a partial ACK. */
static void mark_first(struct tcp_conn *conn)
{
    struct tcp_seg *first = tcp_flight_first(&conn->flight);

    if ((first->flags & (TCP_SEG_LOST | TCP_SEG_SACKED)) != 0)
        return;
    if (first->segs > 1 && tcp_seg_len(first) > first->mss &&
        !tcp_flight_split(conn, first, first->mss))
        return;
    tcp_flight_mark_lost(&conn->flight, first);
}

static void find_lost(struct tcp_conn *conn, struct tcp_ack *ack)
{
    struct tcp_flight *flight = &conn->flight;
    uint32_t retrans = flight->retrans;
    bool partial = flight->ca_state == TCP_CA_RECOVERY && (ack->flags & TCP_TOLD_ADVANCED) != 0;

    if (flight->tree.first == NULL)
        return;
    if (!conn->sack_ok) {
        if (partial || (flight->ca_state < TCP_CA_RECOVERY && flight->sacked >= flight->reordering))
            mark_first(conn);
    } else if (conn->tcp->conf.tuning.rack) {
        if (tcp_rack_mark_lost(conn, ack->now))
            ack->flags &= ~(uint32_t)TCP_TOLD_TIMER;
        if (flight->retrans < retrans)
            ack->flags |= TCP_TOLD_LOST_RETRANS;
    } else {
        tcp_sack_mark_lost(conn);
        if (partial)
            mark_first(conn);
    }
}

/* ---- undoing --------------------------------------------------------------------------------- */

/* Eifel: nothing was sent again yet, or this ACK is for something sent before that. */
static bool was_delayed(const struct tcp_conn *conn, const struct tcp_ack *ack)
{
    const struct tcp_flight *flight = &conn->flight;

    if (flight->retrans_any)
        return tcp_ack_echoes_before(ack, flight->retrans_ts);
    return conn->sack_ok || seq_lt(conn->snd_una, flight->high_seq);
}

static bool may_undo(const struct tcp_conn *conn, const struct tcp_ack *ack)
{
    return conn->flight.undo && (conn->flight.undo_count == 0 || was_delayed(conn, ack));
}

/* Every retransmission was reported as a duplicate. */
static bool undo_by_dsack(struct tcp_conn *conn)
{
    struct tcp_flight *flight = &conn->flight;

    if (!flight->undo || flight->undo_count != 0)
        return false;
    if (flight->rack_reo_persist < 16)
        flight->rack_reo_persist++;
    tcp_reduce_undo(conn, false);
    return true;
}

/* RFC 6582 section 3.2 step 1: without SACK nothing but an ACK above high_seq tells duplicate ACKs
 * of this recovery from those of another loss. */
static bool stays_closed(struct tcp_conn *conn)
{
    if (conn->sack_ok || conn->snd_una != conn->flight.high_seq)
        return false;
    if (!tcp_any_retrans(&conn->flight))
        conn->flight.retrans_any = false;
    return true;
}

/* High_seq was acknowledged. True: the state stays. */
static bool recovered(struct tcp_conn *conn, const struct tcp_ack *ack)
{
    struct tcp_flight *flight = &conn->flight;

    if (may_undo(conn, ack))
        tcp_reduce_undo(conn, false);
    else if (flight->rack_reo_persist != 0)
        flight->rack_reo_persist--;
    if (stays_closed(conn))
        return true;
    flight->ca_state = TCP_CA_OPEN;
    flight->reneged = false;
    return false;
}

static bool undo_loss(struct tcp_conn *conn, const struct tcp_ack *ack, bool frto)
{
    struct tcp_flight *flight = &conn->flight;

    if (!frto && !may_undo(conn, ack))
        return false;
    tcp_reduce_undo(conn, true);
    flight->rtos = 0;
    if (stays_closed(conn))
        return true;
    if (frto || conn->sack_ok) {
        flight->ca_state = TCP_CA_OPEN;
        flight->reneged = false;
    }
    return true;
}

/* ---- states ---------------------------------------------------------------------------------- */

static void keep_open(struct tcp_conn *conn)
{
    struct tcp_flight *flight = &conn->flight;
    bool disorder = flight->sacked + flight->lost != 0 || tcp_any_retrans(flight);
    uint8_t state = disorder ? TCP_CA_DISORDER : TCP_CA_OPEN;

    if (flight->ca_state != state) {
        flight->ca_state = state;
        flight->high_seq = conn->snd_nxt;
    }
}

static void try_open(struct tcp_conn *conn, const struct tcp_ack *ack)
{
    struct tcp_flight *flight = &conn->flight;

    if (!tcp_any_retrans(flight))
        flight->retrans_any = false;
    if ((ack->flags & TCP_TOLD_ECE) != 0)
        enter_cwr(conn, ack->now);
    if (flight->ca_state != TCP_CA_CWR)
        keep_open(conn);
}

static void open_acked(struct tcp_conn *conn, struct tcp_ack *ack)
{
    struct tcp_flight *flight = &conn->flight;
    bool ece = (ack->flags & TCP_TOLD_ECE) != 0;

    if (!conn->sack_ok) {
        if ((ack->flags & TCP_TOLD_ADVANCED) != 0)
            flight->sacked = 0;
        reno_dup_acks(conn, ack->dup_acks, ece);
    }
    if (flight->ca_state <= TCP_CA_DISORDER)
        undo_by_dsack(conn);
    find_lost(conn, ack);
    if (flight->lost == 0) {
        try_open(conn, ack);
        return;
    }
    tcp_recovery_enter(conn, ece, ack->now);
    flight->hold = false;
}

/* A partial ACK that the first transmission caused. True: nothing more is taken for lost now. */
static bool undo_partial(struct tcp_conn *conn, const struct tcp_ack *ack)
{
    struct tcp_flight *flight = &conn->flight;

    if (!flight->undo || !was_delayed(conn, ack))
        return false;
    tcp_sack_reordered(conn, ack->prior_una,
                       flight->sacked != 0 ? flight->sacked_end : conn->snd_una);
    if (flight->retrans != 0)
        return true;
    if (!tcp_any_retrans(flight))
        flight->retrans_any = false;
    tcp_reduce_undo(conn, true);
    keep_open(conn);
    return false;
}

static void recovery_acked(struct tcp_conn *conn, struct tcp_ack *ack)
{
    struct tcp_flight *flight = &conn->flight;
    bool ece = (ack->flags & TCP_TOLD_ECE) != 0;

    if ((ack->flags & TCP_TOLD_ADVANCED) == 0) {
        if (!conn->sack_ok)
            reno_dup_acks(conn, ack->dup_acks, ece);
    } else if (undo_partial(conn, ack)) {
        return;
    }
    if (undo_by_dsack(conn))
        try_open(conn, ack);
    find_lost(conn, ack);
    if (flight->ca_state != TCP_CA_RECOVERY) {
        if (flight->lost == 0)
            return;
        tcp_recovery_enter(conn, ece, ack->now); /* undone, and there is loss all the same */
    }
    flight->hold = false;
}

/* Does the window let new data out? */
static bool can_send_new(const struct tcp_conn *conn)
{
    return conn->snd.next != NULL && seq_gt(conn->snd_una + conn->snd_wnd, conn->snd_nxt);
}

/* RFC 5682 section 3.1; true: it was decided what comes next. */
static bool frto_acked(struct tcp_conn *conn, const struct tcp_ack *ack, bool all)
{
    struct tcp_flight *flight = &conn->flight;

    /* Step 3b: something that was sent only once came. */
    if ((ack->flags & TCP_TOLD_ORIGINAL) != 0 && undo_loss(conn, ack, true))
        return true;
    if (seq_gt(conn->snd_nxt, flight->high_seq)) {
        if ((ack->flags & TCP_TOLD_SACKED) != 0 || ack->dup_acks != 0)
            flight->frto = false; /* step 3a: it was loss */
    } else if ((ack->flags & TCP_TOLD_ADVANCED) != 0 && !all) {
        flight->high_seq = conn->snd_nxt;
        /* Step 2b: new data; what they bring back will tell. */
        if (can_send_new(conn)) {
            flight->frto_new = true;
            return true;
        }
        flight->frto = false;
    }
    return false;
}

static void loss_decide(struct tcp_conn *conn, struct tcp_ack *ack)
{
    struct tcp_flight *flight = &conn->flight;
    bool all = seq_ge(conn->snd_una, flight->high_seq);
    bool advanced = (ack->flags & TCP_TOLD_ADVANCED) != 0;

    if (advanced && undo_loss(conn, ack, false))
        return;
    if (flight->frto && frto_acked(conn, ack, all))
        return;
    if (all) {
        recovered(conn, ack);
        return;
    }
    if (!conn->sack_ok) {
        if (seq_gt(conn->snd_nxt, flight->high_seq) && ack->dup_acks != 0)
            reno_dup_acks(conn, ack->dup_acks, (ack->flags & TCP_TOLD_ECE) != 0);
        else if (advanced)
            flight->sacked = 0;
    }
    flight->hold = false;
}

/* The state's exit: high_seq was acknowledged. True: nothing more is to be done. */
static bool exits(struct tcp_conn *conn, const struct tcp_ack *ack)
{
    struct tcp_flight *flight = &conn->flight;

    if (flight->ca_state == TCP_CA_CWR) {
        /* More than high_seq: so that the CWR bit got there as well. */
        if (conn->snd_una != flight->high_seq) {
            tcp_reduce_end(conn);
            flight->ca_state = TCP_CA_OPEN;
        }
    } else if (flight->ca_state == TCP_CA_RECOVERY) {
        if (!conn->sack_ok)
            flight->sacked = 0;
        if (recovered(conn, ack))
            return true;
        tcp_reduce_end(conn);
    }
    return false;
}

/* What was SACKed is missing again. The scoreboard may only be behind: it has a little time, then
 * the timer finds the same and throws it away (RFC 2018 section 8). */
static void wait_for_sanity(struct tcp_conn *conn, struct tcp_ack *ack)
{
    uint64_t ns = conn->rtt.srtt_ns / 2;

    if (ns < RENEGE_WAIT_MS * NS_PER_MS)
        ns = RENEGE_WAIT_MS * NS_PER_MS;
    /* A peer's timestamps may have made the round trip anything. */
    ns = u64_min(ns, tcp_rtt_rto(&conn->rtt, &conn->tcp->conf.tuning));
    tcp_rto_arm(conn, TCP_TIMER_RETRANSMIT, ack->now + ns);
    ack->flags &= ~(uint32_t)TCP_TOLD_TIMER;
}

void tcp_recovery_ack(struct tcp_conn *conn, struct tcp_ack *ack)
{
    struct tcp_flight *flight = &conn->flight;

    flight->hold = true;
    flight->frto_new = false;
    if (flight->out == 0)
        flight->sacked = 0;
    if ((ack->flags & TCP_TOLD_ECE) != 0)
        conn->cc.prior_ssthresh = 0;
    if ((ack->flags & TCP_TOLD_RENEGED) != 0) {
        wait_for_sanity(conn, ack);
        return;
    }
    if (flight->ca_state == TCP_CA_OPEN)
        flight->retrans_any = false;
    else if (seq_ge(conn->snd_una, flight->high_seq) && exits(conn, ack))
        return;
    if (flight->ca_state == TCP_CA_RECOVERY) {
        recovery_acked(conn, ack);
        return;
    }
    if (flight->ca_state == TCP_CA_LOSS) {
        loss_decide(conn, ack);
        find_lost(conn, ack);
        if (flight->ca_state != TCP_CA_OPEN && (ack->flags & TCP_TOLD_LOST_RETRANS) == 0)
            return;
    }
    open_acked(conn, ack);
}

/* ---- the probe's episode (RFC 8985 section 7.4) ---------------------------------------------- */

void tcp_recovery_probe_acked(struct tcp_conn *conn, struct tcp_ack *ack, uint32_t seg_ack)
{
    struct tcp_flight *flight = &conn->flight;
    const uint32_t news =
        TCP_TOLD_ADVANCED | TCP_TOLD_DATA | TCP_TOLD_WINDOW | TCP_TOLD_ACKED | TCP_TOLD_SACKED;

    if (seq_lt(seg_ack, flight->tlp_end))
        return;
    if (!flight->tlp_is_retrans || (ack->flags & TCP_TOLD_DSACK_PROBE) != 0) {
        flight->tlp_out = false; /* new data; or both copies came */
    } else if (seq_gt(seg_ack, flight->tlp_end)) {
        /* The probe repaired a loss that nobody else saw. */
        tcp_reduce_begin(conn, ack->now);
        flight->ca_state = TCP_CA_CWR;
        tcp_reduce_end(conn);
        keep_open(conn);
    } else if ((ack->flags & news) == 0) {
        flight->tlp_out = false; /* a duplicate ACK without SACK: both came */
    }
}

/* ---- timeout --------------------------------------------------------------------------------- */

static void mark_all(struct tcp_conn *conn, uint64_t now)
{
    struct tcp_flight *flight = &conn->flight;
    struct tcp_seg *first = tcp_flight_first(flight), *seg;
    bool reneged = (first->flags & TCP_SEG_SACKED) != 0;

    if (reneged)
        tcp_sack_reneged(conn);
    else if (!conn->sack_ok)
        flight->sacked = 0;
    for (seg = first; seg != NULL; seg = tcp_flight_next(seg)) {
        /* What was sent a moment ago may well be under way still (RFC 8985 section 6.3). */
        if (!reneged && seg != first && conn->sack_ok && conn->tcp->conf.tuning.rack &&
            tcp_rack_remaining(conn, seg, now) != 0)
            continue;
        tcp_flight_mark_gone(flight, seg);
    }
    flight->retrans_hint = NULL;
}

void tcp_recovery_timeout(struct tcp_conn *conn, uint64_t now)
{
    const struct tcp_tuning *tuning = &conn->tcp->conf.tuning;
    struct tcp_flight *flight = &conn->flight;
    struct tcp_cc *cc = &conn->cc;
    bool fresh = flight->ca_state < TCP_CA_RECOVERY;

    mark_all(conn, now);
    /* Once in a window of data. */
    if (flight->ca_state <= TCP_CA_DISORDER || seq_le(flight->high_seq, conn->snd_una) ||
        (flight->ca_state == TCP_CA_LOSS && flight->rtos == 0)) {
        cc->prior_ssthresh = tcp_in_reduction(flight) ? cc->ssthresh : tcp_cc_proved(cc);
        tcp_cc_reduce(cc, cc->cwnd, now);
        undo_begin(conn);
    }
    cc->cwnd = tcp_flight_pipe(flight) + 1; /* RFC 5681 section 3.1: LW */
    cc->cwnd_count = 0;
    /* So many SACKs, and yet a timeout: reordering was overestimated. */
    if (flight->ca_state <= TCP_CA_DISORDER && flight->sacked >= tuning->dupthresh)
        flight->reordering = u32_min(flight->reordering, tuning->dupthresh);
    flight->ca_state = TCP_CA_LOSS;
    cc->ops->timeout(cc);
    tcp_hystart_reset(cc);
    flight->high_seq = conn->snd_nxt;
    flight->tlp_out = flight->frto_new = flight->hold = false;
    flight->ecn_cwr |= conn->ecn_ok;
    /* RFC 5682 section 3.1 step 1: not amid a recovery, but again for the same segment. */
    flight->frto = tuning->f_rto && (fresh || flight->rtos != 0);
}

/* ---- the path's MTU -------------------------------------------------------------------------- */

void tcp_recovery_mtu(struct tcp_conn *conn, uint64_t now)
{
    struct tcp_flight *flight = &conn->flight;
    struct tcp_seg *seg;

    (void)now;
    for (seg = tcp_flight_first(flight); seg != NULL; seg = tcp_flight_next(seg))
        if ((seg->segs == 1 ? tcp_seg_len(seg) : seg->mss) > conn->mss)
            tcp_flight_mark_lost(flight, seg);
    if (flight->lost == 0)
        return;
    if (!conn->sack_ok)
        reno_limit(conn, 0);
    if (flight->ca_state != TCP_CA_LOSS) {
        flight->high_seq = conn->snd_nxt;
        if (!tcp_in_reduction(flight))
            conn->cc.ssthresh = tcp_cc_proved(&conn->cc);
        conn->cc.prior_ssthresh = 0;
        flight->undo = flight->frto = false;
        flight->ca_state = TCP_CA_LOSS;
    }
    flight->hold = false;
    tcp_poll_mark(conn);
}

/* ---- what may go ----------------------------------------------------------------------------- */

/* F-RTO sends new data now. Where there turns out to be none that may go, what is lost goes. */
static bool frto_waits(struct tcp_conn *conn)
{
    struct tcp_flight *flight = &conn->flight;

    if (seq_gt(conn->snd_nxt, flight->high_seq) || can_send_new(conn))
        return true;
    flight->frto_new = flight->frto = flight->hold = false;
    return false;
}

static bool is_due(const struct tcp_seg *seg)
{
    return (seg->flags & (TCP_SEG_LOST | TCP_SEG_RETRANS | TCP_SEG_SACKED)) == TCP_SEG_LOST;
}

struct tcp_seg *tcp_recovery_next(struct tcp_conn *conn, uint64_t now)
{
    struct tcp_flight *flight = &conn->flight;
    struct tcp_seg *seg;

    (void)now;
    if (LIKELY(flight->resend == 0) || (flight->frto_new && frto_waits(conn)) || flight->hold)
        return NULL;
    seg = flight->retrans_hint != NULL ? flight->retrans_hint : tcp_flight_first(flight);
    while (seg != NULL && !is_due(seg))
        seg = tcp_flight_next(seg);
    ASSERT(seg != NULL);
    flight->retrans_hint = seg;
    tcp_flight_join(conn, seg);
    return seg;
}
