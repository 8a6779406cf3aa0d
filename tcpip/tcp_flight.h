/* SPDX-License-Identifier: ISC */
/* tcp_flight.h - what the files of the sender's knowledge know of each other: tcp_ack.c,
 * tcp_flight.c, tcp_sack.c, tcp_rack.c, tcp_recovery.c, tcp_reduce.c, tcp_rto.c, tcp_rtt.c,
 * tcp_hystart.c and tcp_cc*.c. */
#ifndef TCPIP_TCP_FLIGHT_H
#define TCPIP_TCP_FLIGHT_H

#include "tcpip/tcp_priv.h"

/* What one ACK told. */
enum tcp_ack_told {
    TCP_TOLD_ADVANCED = 1,         /* SND.UNA moved */
    TCP_TOLD_DATA = 2,             /* the segment has text or FIN of its own */
    TCP_TOLD_WINDOW = 4,           /* the window was taken over from it */
    TCP_TOLD_ACKED = 8,            /* whole segments were acknowledged */
    TCP_TOLD_RETRANS_ACKED = 16,   /* and one of them was sent more than once */
    TCP_TOLD_ORIGINAL = 32,        /* something below high_seq came that was sent but once */
    TCP_TOLD_SACKED = 64,          /* something was newly SACKed */
    TCP_TOLD_DSACK = 128,          /* it reports a duplicate that we are to blame for */
    TCP_TOLD_DSACK_PROBE = 256,    /* namely the tail loss probe */
    TCP_TOLD_ECE = 512,            /* it bears ECE, and ECN was negotiated */
    TCP_TOLD_RENEGED = 1024,       /* what was SACKed is now the first that is missing */
    TCP_TOLD_TIMER = 2048,         /* RTO or probe timer are to begin anew */
    TCP_TOLD_LOST_RETRANS = 4096,  /* a retransmission was found lost */
    TCP_TOLD_MAYBE_DELAYED = 8192, /* its RTT may be a delayed ACK's */
};

struct tcp_ack {
    uint64_t now;
    uint32_t flags;
    uint32_t prior_una;
    uint32_t prior_sacked_end; /* highest number SACKed before, prior_una where none */
    uint32_t prior_out, prior_lost;
    uint64_t prior_delivered;
    uint32_t dup_acks;
    uint32_t
        reorder; /* lowest number that came later than a higher one, sent once; snd_nxt: none */
    uint32_t ts_ecr;
    bool ts; /* ts_ecr is good */
    /* Of segments that were sent once: when the first and the last of those SACKed was sent. */
    uint64_t sack_first_ns, sack_last_ns; /* UINT64_MAX: none */
    /* Rate sample: of the segment that was sent last of those delivered. */
    uint64_t rate_delivered, rate_at, rate_send_ns, rate_sent_ns;
    bool rate, rate_app_limited;
    uint32_t rate_end;
};

static inline bool tcp_in_reduction(const struct tcp_flight *flight)
{
    return flight->ca_state == TCP_CA_CWR || flight->ca_state == TCP_CA_RECOVERY;
}

/* Did the ACK answer something sent before `ts`? */
static inline bool tcp_ack_echoes_before(const struct tcp_ack *ack, uint32_t ts)
{
    return ack->ts && seq_lt(ack->ts_ecr, ts);
}

/* ---- tcp_ack.c ------------------------------------------------------------------------------- */

/* `seg` was delivered: rate sample. */
void tcp_ack_delivered(struct tcp_conn *conn, struct tcp_ack *ack, const struct tcp_seg *seg);

/* ---- tcp_flight.c: records ------------------------------------------------------------------- */

static inline struct tcp_seg *tcp_flight_first(const struct tcp_flight *flight)
{
    return tcp_seg_of(flight->tree.first);
}

static inline struct tcp_seg *tcp_flight_next(const struct tcp_seg *seg)
{
    return tcp_seg_of(seg->node.next);
}

/* Sent, and neither SACKed nor held for lost. */
static inline bool tcp_seg_in_flight(const struct tcp_seg *seg)
{
    return (seg->flags & TCP_SEG_SACKED) == 0 &&
           (seg->flags & (TCP_SEG_LOST | TCP_SEG_RETRANS)) != TCP_SEG_LOST;
}

void tcp_flight_unlist(struct tcp_flight *flight, struct tcp_seg *seg);
/* Takes a record out of everything and puts it; counters are the caller's. */
void tcp_flight_remove(struct tcp_conn *conn, struct tcp_seg *seg);
/* Its bytes before `una` were acknowledged; how many segments less it is. */
uint32_t tcp_flight_trim(struct tcp_conn *conn, struct tcp_seg *seg, uint32_t una);
void tcp_flight_mark_lost(struct tcp_flight *flight, struct tcp_seg *seg);
void tcp_flight_mark_gone(struct tcp_flight *flight, struct tcp_seg *seg);
/* None is lost after all. */
void tcp_flight_unmark_lost(struct tcp_flight *flight);
/* Short segments after `seg` are joined to it, up to its mss: they go as one. */
void tcp_flight_join(struct tcp_conn *conn, struct tcp_seg *seg);
/* Joins a SACKed record to the one before where nothing is lost by it; the record that stays. */
struct tcp_seg *tcp_flight_merge(struct tcp_conn *conn, struct tcp_seg *seg);
bool tcp_any_retrans(const struct tcp_flight *flight);

/* ---- tcp_sack.c ------------------------------------------------------------------------------ */

void tcp_sack_input(struct tcp_conn *conn, const struct tcp_rx *rx, struct tcp_ack *ack);
/* Something sent once and above what came in order now, from `low`, came after what is at
 * sacked_end: how far was it displaced? */
void tcp_sack_reordered(struct tcp_conn *conn, uint32_t low, uint32_t high);
/* RFC 6675's IsLost, for all. */
void tcp_sack_mark_lost(struct tcp_conn *conn);
/* The receiver has thrown away what it SACKed (RFC 2018 section 8). */
void tcp_sack_reneged(struct tcp_conn *conn);

/* ---- tcp_rack.c ------------------------------------------------------------------------------ */

/* A segment was newly acknowledged or SACKed: it was last sent then, and ended there. */
void tcp_rack_delivered(struct tcp_conn *conn, const struct tcp_seg *seg, uint64_t now);
/* RFC 8985 section 6.2 step 4: the reordering window adapts. */
void tcp_rack_adapt(struct tcp_conn *conn, const struct tcp_ack *ack);
/* Step 5: marks what is lost; true: the reordering timer runs for what may yet be. */
bool tcp_rack_mark_lost(struct tcp_conn *conn, uint64_t now);
/* How long after now `seg` is lost unless it is acknowledged; 0: it is lost. */
uint64_t tcp_rack_remaining(const struct tcp_conn *conn, const struct tcp_seg *seg, uint64_t now);

/* ---- tcp_recovery.c -------------------------------------------------------------------------- */

/* An ACK that is unusual, or came in a state other than Open. */
void tcp_recovery_ack(struct tcp_conn *conn, struct tcp_ack *ack);
void tcp_recovery_enter(struct tcp_conn *conn, bool ece, uint64_t now);
/* The retransmission timer expired. */
void tcp_recovery_timeout(struct tcp_conn *conn, uint64_t now);
/* The ACK may say what became of a tail loss probe. */
void tcp_recovery_probe_acked(struct tcp_conn *conn, struct tcp_ack *ack, uint32_t seg_ack);
/* Without SACK: duplicate ACKs stand for SACKs. */
void tcp_recovery_reno_acked(struct tcp_conn *conn, uint32_t acked, bool ece);

/* ---- tcp_reduce.c ---------------------------------------------------------------------------- */

/* cwnd begins to go down to a new ssthresh; it has. */
void tcp_reduce_begin(struct tcp_conn *conn, uint64_t now);
void tcp_reduce_end(struct tcp_conn *conn);
/* PRR: `delivered` segments newly (S)ACKed, `lost` newly found lost. */
void tcp_reduce_acked(struct tcp_conn *conn, uint32_t delivered, uint32_t lost, bool advanced);
/* It was a mistake. none_lost: so was it that anything is lost. */
void tcp_reduce_undo(struct tcp_conn *conn, bool none_lost);

/* ---- tcp_rto.c ------------------------------------------------------------------------------- */

/* New data was acknowledged: the timer begins anew (RFC 6298 section 5.3). */
void tcp_rto_acked(struct tcp_conn *conn, uint64_t now);
void tcp_rto_sent(struct tcp_conn *conn, const struct tcp_seg *seg, bool first, bool was_idle,
                  uint64_t now);
/* RTO as it would come if no other timer had taken its place. */
void tcp_rto_from_head(struct tcp_conn *conn, uint64_t now);
/* One of the three timers of retransmission; the other two stop. */
void tcp_rto_arm(struct tcp_conn *conn, enum tcp_timer timer, uint64_t at);

/* ---- tcp_rtt.c ------------------------------------------------------------------------------- */

void tcp_rtt_smooth(struct tcp_rtt *rtt, const struct tcp_tuning *tuning, uint64_t sample_ns,
                    uint32_t snd_una, uint32_t snd_nxt);
void tcp_rtt_least(struct tcp_rtt *rtt, uint64_t sample_ns, uint64_t now);

/* ---- tcp_cc.c -------------------------------------------------------------------------------- */

/* `acked` segments more: cwnd grows by one for each `per_segment` of them. */
void tcp_cc_grow(struct tcp_cc *cc, uint32_t per_segment, uint32_t acked);
uint32_t tcp_cc_proved(const struct tcp_cc *cc);

/* ---- tcp_hystart.c --------------------------------------------------------------------------- */

/* A round trip's time, in slow start: may it go on? */
void tcp_hystart_sample(struct tcp_conn *conn, uint64_t rtt_ns, uint64_t now);
/* Slow start begins anew. */
void tcp_hystart_reset(struct tcp_cc *cc);

/* ---- tcp_cc_cubic.c -------------------------------------------------------------------------- */

uint32_t tcp_cubic_root(uint64_t x);
uint32_t tcp_cubic_target(const struct tcp_cc *cc, uint64_t ns);

#endif
