/* SPDX-License-Identifier: ISC */
/* tcp_reduce.c - how the window goes down, how fast, and how a mistake is taken back: proportional
 * rate reduction (RFC 6937) between tcp_recovery.c, which says when, and tcp_cc*.c, which say how
 * far. */
#include "tcpip/tcp_flight.h"

/* RFC 5681 speaks of FlightSize where this takes cwnd: what is not used of cwnd it has not got, as
 * it is validated (tcp_cc.c). */
void tcp_reduce_begin(struct tcp_conn *conn, uint64_t now)
{
    struct tcp_flight *flight = &conn->flight;

    flight->high_seq = conn->snd_nxt;
    flight->tlp_out = false;
    flight->prr_prior_cwnd = conn->cc.cwnd;
    flight->prr_delivered = flight->prr_out = 0;
    tcp_cc_reduce(&conn->cc, conn->cc.cwnd, now);
    flight->ecn_cwr |= conn->ecn_ok;
    if (!conn->tcp->conf.tuning.prr)
        conn->cc.cwnd = u32_min(conn->cc.cwnd, conn->cc.ssthresh);
}

/* cwnd comes to ssthresh, whatever PRR made of it, unless the reduction was undone. */
void tcp_reduce_end(struct tcp_conn *conn)
{
    if (conn->cc.ssthresh != UINT32_MAX &&
        (conn->flight.ca_state == TCP_CA_CWR || conn->flight.undo))
        conn->cc.cwnd = conn->cc.ssthresh;
}

/* RFC 6937: on the way down, ssthresh out of prior_cwnd delivered segments are answered by one
 * sent; below ssthresh one for one, and one more where an ACK moved on and found no further
 * loss. */
void tcp_reduce_acked(struct tcp_conn *conn, uint32_t delivered, uint32_t lost, bool advanced)
{
    struct tcp_flight *flight = &conn->flight;
    uint32_t pipe = tcp_flight_pipe(flight), ssthresh = conn->cc.ssthresh, may = 0;
    uint64_t due;

    if (delivered == 0 || !conn->tcp->conf.tuning.prr)
        return;
    flight->prr_delivered += delivered;
    if (pipe > ssthresh) {
        due = ((uint64_t)ssthresh * flight->prr_delivered + flight->prr_prior_cwnd - 1) /
              flight->prr_prior_cwnd;
        if (due > flight->prr_out)
            may = (uint32_t)due - flight->prr_out;
    } else {
        if (flight->prr_delivered > flight->prr_out)
            may = flight->prr_delivered - flight->prr_out;
        if (may < delivered)
            may = delivered;
        if (advanced && lost == 0 && flight->ca_state == TCP_CA_RECOVERY)
            may++;
        may = u32_min(may, ssthresh - pipe);
    }
    if (flight->prr_out == 0 && may == 0)
        may = 1; /* the first retransmission goes at once */
    conn->cc.cwnd = pipe + may;
}

void tcp_reduce_undo(struct tcp_conn *conn, bool none_lost)
{
    struct tcp_flight *flight = &conn->flight;

    if (none_lost)
        tcp_flight_unmark_lost(flight);
    if (conn->cc.prior_ssthresh != 0 && conn->cc.prior_ssthresh > conn->cc.ssthresh)
        flight->ecn_cwr = false;
    tcp_cc_undo(&conn->cc);
    flight->undo = false;
    flight->rack_advanced = true; /* the reordering window is another now */
    flight->lost_end = conn->snd_una;
    flight->sacked_above = flight->sacked;
    conn->tcp->stats.undos++;
}

uint32_t tcp_reduce_quota(const struct tcp_conn *conn)
{
    const struct tcp_flight *flight = &conn->flight;
    uint32_t pipe = tcp_flight_pipe(flight);

    if (UNLIKELY(flight->sacked != 0)) {
        const struct tcp_tuning *tuning = &conn->tcp->conf.tuning;

        /* RFC 3042: that duplicate ACKs let new segments out. */
        if (!tuning->limited_transmit && flight->ca_state <= TCP_CA_DISORDER)
            pipe += flight->sacked;
        /* RFC 6675 section 5 step 4.3: the first retransmission waits for no room. */
        if (!tuning->prr && flight->ca_state == TCP_CA_RECOVERY && flight->prr_out == 0 &&
            pipe >= conn->cc.cwnd)
            return 1;
    }
    return pipe < conn->cc.cwnd ? conn->cc.cwnd - pipe : 0;
}
