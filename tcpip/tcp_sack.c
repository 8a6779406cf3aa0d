/* SPDX-License-Identifier: ISC */
/* tcp_sack.c - what SACK blocks say of what was sent (RFC 2018, RFC 2883, RFC 6675).
 *
 * A block costs a search of the tree and a step for each record it marks. Records that are SACKed
 * already are passed over, and as neighbours that are SACKed become one record, there are few of
 * them: a peer that repeats its blocks, or sends many small ones, does not get more work out of us
 * than there are segments to mark (CVE-2019-11478).
 *
 * Without RACK a segment is lost when `reordering` segments above it were SACKed. All before
 * `lost_end` was looked at and is SACKed or marked; `sacked_above` segments after it are SACKed. So
 * each record is looked at once, and no record crosses lost_end.
 */
#include "tcpip/tcp_flight.h"

enum { REORDERING_MAX = 300 };

/* ---- reordering ------------------------------------------------------------------------------ */

/* RFC 4737's extent, in segments. */
void tcp_sack_reordered(struct tcp_conn *conn, uint32_t low, uint32_t high)
{
    struct tcp_flight *flight = &conn->flight;
    uint32_t metric = high - low;

    if (!seq_lt(low, high))
        return;
    if (metric > flight->reordering * conn->mss)
        flight->reordering = u32_min((metric + conn->mss - 1) / conn->mss, REORDERING_MAX);
    flight->reord_seen++;
}

/* ---- duplicates ------------------------------------------------------------------------------ */

/* RFC 2883 section 4: is the first block below the ACK, or within the second? */
static bool is_dsack(const struct tcp_rx *rx)
{
    const struct tcp_sack_block *block = rx->opts.sack;

    if (seq_lt(block[0].start, rx->hdr.ack))
        return true;
    return rx->opts.sack_count > 1 && seq_le(block[0].end, block[1].end) &&
           seq_ge(block[0].start, block[1].start);
}

/* How many of our segments came twice, as the first block says; 0: it cannot be our doing. */
static uint32_t dsack_segs(struct tcp_conn *conn, const struct tcp_sack_block *block,
                           struct tcp_ack *ack)
{
    struct tcp_flight *flight = &conn->flight;
    uint32_t len = block->end - block->start, segs = 1;

    if (!seq_lt(block->start, block->end) || len > conn->snd_wnd_max)
        return 0;
    if (len > conn->mss)
        segs = (len + conn->mss - 1) / conn->mss;
    else if (flight->tlp_out && flight->tlp_end == block->end)
        ack->flags |= TCP_TOLD_DSACK_PROBE;
    flight->dsack_dups += segs;
    /* The network may double packets too: no more can be our fault than we sent again. */
    if (flight->dsack_dups > conn->total_retrans)
        return 0;
    /* RFC 8985 section 6.2 step 4; a probe was sent by the clock, not for reordering. */
    if (flight->reord_seen != 0 && (ack->flags & TCP_TOLD_DSACK_PROBE) == 0)
        flight->rack_dsack_seen = true;
    ack->flags |= TCP_TOLD_DSACK;
    conn->delivered += segs;
    return segs;
}

static void undo_counted(struct tcp_flight *flight, uint32_t segs)
{
    if (flight->undo_count != UINT32_MAX)
        flight->undo_count -= u32_min(segs, flight->undo_count);
}

static bool dsack_input(struct tcp_conn *conn, const struct tcp_rx *rx, struct tcp_ack *ack)
{
    struct tcp_flight *flight = &conn->flight;
    const struct tcp_sack_block *block = rx->opts.sack;
    uint32_t segs;

    if (!is_dsack(rx))
        return false;
    conn->tcp->stats.dsacks_in++;
    segs = dsack_segs(conn, block, ack);
    if (segs == 0)
        return false;
    /* Of data we have no record of any more. */
    if (flight->undo && seq_le(block->end, ack->prior_una) &&
        seq_gt(block->end, flight->undo_marker))
        undo_counted(flight, segs);
    return true;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

/* Does the block lie in what is outstanding? A D-SACK may lie below, back to where recovery began.
 * One that begins at SND.UNA is nonsense: the ACK would be higher. */
static bool is_valid(const struct tcp_conn *conn, const struct tcp_sack_block *block, bool dsack)
{
    const struct tcp_flight *flight = &conn->flight;

    if (seq_gt(block->end, conn->snd_nxt) || !seq_lt(block->start, block->end) ||
        !seq_lt(block->start, conn->snd_nxt))
        return false;
    if (seq_gt(block->start, conn->snd_una))
        return true;
    if (!dsack || !flight->undo || seq_gt(block->end, conn->snd_una))
        return false;
    if (seq_ge(block->start, flight->undo_marker))
        return true;
    return seq_gt(block->end, flight->undo_marker) &&
           seq_ge(block->start, block->end - conn->snd_wnd_max);
}

/* What is newly SACKed. */
static void sacked(struct tcp_conn *conn, struct tcp_seg *seg, struct tcp_ack *ack)
{
    struct tcp_flight *flight = &conn->flight;
    uint32_t segs = seg->segs;

    tcp_rack_delivered(conn, seg, ack->now);
    if ((seg->flags & TCP_SEG_EVER) == 0) {
        /* It comes after what is above it, and was not sent again: reordered. */
        if (seq_lt(seg->node.seq, flight->sacked_end) && seq_lt(seg->node.seq, ack->reorder))
            ack->reorder = seg->node.seq;
        if (seq_le(seg->node.end, flight->high_seq))
            ack->flags |= TCP_TOLD_ORIGINAL;
        if (ack->sack_first_ns == UINT64_MAX)
            ack->sack_first_ns = seg->sent_ns;
        ack->sack_last_ns = seg->sent_ns;
    }
    if ((seg->flags & TCP_SEG_LOST) != 0) {
        flight->lost -= segs;
        if ((seg->flags & TCP_SEG_RETRANS) != 0)
            flight->retrans -= segs;
        else
            flight->resend -= segs;
        seg->flags &= (uint8_t) ~(TCP_SEG_LOST | TCP_SEG_RETRANS);
    }
    seg->flags |= TCP_SEG_SACKED;
    flight->sacked += segs;
    if (seq_ge(seg->node.seq, flight->lost_end))
        flight->sacked_above += segs;
    conn->delivered += segs;
    ack->flags |= TCP_TOLD_SACKED;
    tcp_flight_unlist(flight, seg);
    tcp_ack_delivered(conn, ack, seg);
    if (seq_gt(seg->node.end, flight->sacked_end))
        flight->sacked_end = seg->node.end;
}

static void mark(struct tcp_conn *conn, struct tcp_seg *seg, bool dsack, struct tcp_ack *ack)
{
    struct tcp_flight *flight = &conn->flight;

    if (dsack && (seg->flags & TCP_SEG_EVER) != 0) {
        if (flight->undo && seq_gt(seg->node.end, flight->undo_marker))
            undo_counted(flight, seg->segs);
        if ((seg->flags & TCP_SEG_SACKED) != 0 && seq_lt(seg->node.seq, ack->reorder))
            ack->reorder = seg->node.seq;
    }
    if (seq_le(seg->node.end, conn->snd_una))
        return; /* about to be freed */
    if ((seg->flags & TCP_SEG_SACKED) == 0)
        sacked(conn, seg, ack);
    /* Both copies came. */
    if (dsack && (seg->flags & TCP_SEG_RETRANS) != 0) {
        seg->flags &= (uint8_t)~TCP_SEG_RETRANS;
        flight->retrans -= seg->segs;
    }
}

/* A record that the block covers in part is cut where its segments end, so that what is marked came
 * whole; the record that begins within the block, or NULL: none does. */
static struct tcp_seg *fit(struct tcp_conn *conn, struct tcp_seg *seg,
                           const struct tcp_sack_block *block)
{
    uint32_t len;

    if (seq_lt(seg->node.seq, block->start)) {
        len = block->start - seg->node.seq;
        if (len % seg->mss != 0)
            len += seg->mss - len % seg->mss;
        if (seg->segs == 1 || len >= seg->node.end - seg->node.seq ||
            !tcp_flight_split(conn, seg, len))
            return NULL;
        seg = tcp_flight_next(seg);
    }
    if (seq_gt(seg->node.end, block->end)) {
        if (seq_ge(seg->node.seq, block->end) || seg->segs == 1)
            return NULL;
        len = block->end - seg->node.seq;
        len -= len % seg->mss;
        if (len == 0 || !tcp_flight_split(conn, seg, len))
            return NULL;
    }
    return seg;
}

static void block_input(struct tcp_conn *conn, const struct tcp_sack_block *block, bool dsack,
                        struct tcp_ack *ack)
{
    struct tcp_seg *seg = tcp_seg_of(seq_tree_find(&conn->flight.tree, block->start)), *fitting;

    for (; seg != NULL && seq_lt(seg->node.seq, block->end); seg = tcp_flight_next(seg)) {
        if (seg->times == 0)
            return;
        if (!dsack && (seg->flags & TCP_SEG_SACKED) != 0)
            continue;
        fitting = fit(conn, seg, block);
        if (fitting == NULL)
            continue;
        seg = fitting;
        mark(conn, seg, dsack, ack);
        if ((seg->flags & TCP_SEG_SACKED) != 0) {
            seg = tcp_flight_merge(conn, seg);
            if (tcp_flight_next(seg) != NULL)
                (void)tcp_flight_merge(conn, tcp_flight_next(seg));
        }
    }
}

void tcp_sack_input(struct tcp_conn *conn, const struct tcp_rx *rx, struct tcp_ack *ack)
{
    struct tcp_flight *flight = &conn->flight;
    bool dsack;

    if (flight->sacked == 0) {
        flight->sacked_end = flight->lost_end = ack->prior_una;
        flight->sacked_above = 0;
    }
    dsack = dsack_input(conn, rx, ack);
    /* Too old to be of use. */
    if (seq_lt(rx->hdr.ack, ack->prior_una - conn->snd_wnd_max) || flight->out == 0)
        return;
    for (unsigned i = 0; i < rx->opts.sack_count; i++) {
        const struct tcp_sack_block *block = &rx->opts.sack[i];

        if (!is_valid(conn, block, dsack && i == 0)) {
            /* Blocks below SND.UNA come with ACKs that were overtaken. */
            if (rx->hdr.ack == conn->snd_una || seq_gt(block->end, conn->snd_una))
                conn->tcp->stats.sack_ignored++;
            continue;
        }
        if (seq_gt(block->end, ack->prior_una))
            block_input(conn, block, dsack && i == 0, ack);
    }
    if (flight->ca_state != TCP_CA_LOSS || flight->undo)
        tcp_sack_reordered(conn, ack->reorder, flight->sacked_end);
}

/* ---- loss without RACK ----------------------------------------------------------------------- */

void tcp_sack_mark_lost(struct tcp_conn *conn)
{
    struct tcp_flight *flight = &conn->flight;
    struct tcp_seg *seg;

    if (flight->sacked_above < flight->reordering)
        return;
    seg = tcp_seg_of(seq_tree_find(&flight->tree, flight->lost_end));
    for (; seg != NULL && flight->sacked_above >= flight->reordering; seg = tcp_flight_next(seg)) {
        if ((seg->flags & TCP_SEG_SACKED) != 0)
            flight->sacked_above -= seg->segs;
        else if ((seg->flags & TCP_SEG_LOST) == 0)
            tcp_flight_mark_lost(flight, seg);
        flight->lost_end = seg->node.end;
    }
}

/* ---- reneging -------------------------------------------------------------------------------- */

void tcp_sack_reneged(struct tcp_conn *conn)
{
    struct tcp_flight *flight = &conn->flight;
    struct tcp_seg *seg;

    for (seg = tcp_flight_first(flight); seg != NULL; seg = tcp_flight_next(seg))
        seg->flags &= (uint8_t)~TCP_SEG_SACKED;
    flight->sacked = flight->sacked_above = 0;
    flight->lost_end = flight->sacked_end = conn->snd_una;
    flight->reneged = true;
}
