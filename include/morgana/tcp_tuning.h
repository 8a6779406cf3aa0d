/* SPDX-License-Identifier: ISC */
/* tcp_tuning.h - how TCP behaves where the RFCs leave a choice: struct tcp_conf's `tuning`.
 *
 *     struct tcp_tuning tuning = tcp_tuning_default;
 *     tuning.cc = TCP_CC_WESTWOOD;
 */
#ifndef MORGANA_TCP_TUNING_H
#define MORGANA_TCP_TUNING_H

#include <morgana/base.h>

/* RFC 9438; RFC 5681 and 6582; Westwood+, for paths that lose without being full (radio). */
enum tcp_cc_kind { TCP_CC_CUBIC, TCP_CC_NEWRENO, TCP_CC_WESTWOOD, TCP_CC_KINDS };

/* In which order a SYN carries its options, and what pads them: stacks differ, and are known by
 * it. */
enum tcp_option_order {
    TCP_ORDER_LINUX,   /* mss, sackOK, TS, nop, wscale; without TS: mss, nop, nop, sackOK, ... */
    TCP_ORDER_FREEBSD, /* mss, nop, wscale, sackOK, TS; padded with eol */
    TCP_ORDERS
};

/* How slow start finds its end before anything is lost. */
enum tcp_hystart_mode {
    TCP_HYSTART_OFF,
    TCP_HYSTART_RFC,   /* HyStart++: a slower growth first, five round trips (RFC 9406) */
    TCP_HYSTART_LINUX, /* at once, by delay or by trains of ACKs; of CUBIC only */
    TCP_HYSTART_MODES
};

/* RFC 3168. */
enum tcp_ecn_mode { TCP_ECN_OFF, TCP_ECN_PASSIVE, TCP_ECN_ON };

/* When an ACK that may wait is sent. */
enum tcp_ack_habit {
    TCP_HABIT_EVERY_OTHER, /* every delack_segments segments, of any size; else after delack_ns */
    TCP_HABIT_ADAPTIVE, /* every delack_segments full ones; the delay follows the peer's pace; in a
                            dialogue it waits for data to ride on */
    TCP_HABIT_LINUX, /* the same, and of two full ones only where the program reads: else the window
                            could not open. A FIN's waits too */
    TCP_HABITS
};

/* ICMP's errors by what they say of a SYN (RFC 1122 section 4.2.3.9). */
enum tcp_icmp_kinds {
    TCP_ICMP_REFUSED = 1,     /* no such port or protocol: hard */
    TCP_ICMP_PROHIBITED = 2,  /* by somebody's policy */
    TCP_ICMP_TTL = 4,         /* time exceeded: soft */
    TCP_ICMP_UNREACHABLE = 8, /* network or host: soft, it may come back. And all other errors */
};

/* PAST_LIMIT: when syns_max are half open. */
enum tcp_cookies { TCP_COOKIES_OFF, TCP_COOKIES_PAST_LIMIT, TCP_COOKIES_ALWAYS };

/* How a stack behaves where the RFCs leave a choice. Start from a preset and change what you
 * want: a field has no hidden default. */
struct tcp_tuning {
    /* What SYNs say. */
    uint8_t option_order;                /* enum tcp_option_order */
    bool window_scale, timestamps, sack; /* offer and accept: RFC 7323, RFC 2018 */
    uint8_t window_scale_max;   /* 0..14; the smallest that can say rcvbuf_max is offered */
    uint8_t ecn;                /* PASSIVE: where the peer asks. ON: ask too */
    uint16_t mss_max;           /* ours: 64..65495; the MTU bounds it too */
    uint16_t mss_floor;         /* a peer's smaller one is taken for this: 48..536 */
    uint32_t window_initial;    /* receive window of a SYN, bytes: 1..65535 */
    bool syn_window_whole;      /* Linux: it is whole segments */
    uint8_t syn_plain_after;    /* so often sent again a SYN has no option but the MSS; 0: never */
    uint8_t syn_ecn_after;      /* so often sent again it asks for ECN no more (RFC 3168 6.1.1.1) */
    uint64_t timestamp_unit_ns; /* 1 ms */

    /* Opening. */
    uint8_t syn_retries, synack_retries; /* retransmissions of SYN, SYN-ACK: 0..15 */
    uint8_t syn_linear;     /* of a SYN's, so many before its timeout begins to double: 0..15 */
    uint64_t synack_rto_ns; /* first SYN-ACK timeout; doubles */
    uint64_t connect_timeout_ns; /* SYN-SENT lasts no longer; 0: as long as syn_retries */
    uint8_t syn_icmp_ends;       /* enum tcp_icmp_kinds: which of ICMP's errors end SYN-SENT */
    uint8_t syn_cookies;         /* enum tcp_cookies (RFC 4987) */
    bool syn_fin;                /* FreeBSD: SYN with FIN is a SYN */
    /* SYN-RECEIVED as RFC 9293 and RFC 5961 have it; false, Linux: the ACK is looked at first, and
     * any RST or SYN in the window ends it */
    bool strict_half_open;

    /* What comes, and what is made of it. */
    bool challenge_acks;      /* RFC 5961 */
    uint32_t challenge_per_s; /* challenge ACKs a second and connection, plus jitter: 1..1000 */
    /* answers to segments without text that are not acceptable, challenge ACKs among them: one in
     * so long for a connection; 0: no limit */
    uint64_t invalid_ack_ns;
    /* RSTs a second to segments of no connection, plus jitter: as large as what they answer, but
     * somebody else's address may stand in that. 0: no limit */
    uint32_t resets_per_s;
    bool reset_at_fin; /* Linux: a RST with the number of the FIN that came is exact too */
    bool rfc1337;      /* RSTs are ignored in TIME-WAIT; false: end it */
    /* ACKs of what was not sent are dropped in ESTABLISHED, not answered */
    bool future_acks_silent;
    bool timestamps_required; /* once agreed upon, what comes without is dropped (RFC 7323 3.2) */
    /* FreeBSD: what the buffer has room for is in the window, offered or not */
    bool window_is_room;
    bool overrun_taken; /* Linux: text past the window's edge is taken whole where nothing waits to
                           be read, else left whole; false: cut off there (RFC 9293 3.10.7.4) */

    /* Acknowledging. */
    uint8_t ack_habit;         /* enum tcp_ack_habit */
    uint8_t delack_segments;   /* full segments until an ACK: 1..2 (RFC 9293 3.8.6.3); 2 */
    uint8_t quickack_segments; /* first so many are acknowledged at once: 0..16 */
    uint64_t delack_ns;        /* delayed ACK: least, */
    uint64_t delack_max_ns;    /* and as adapted to the peer; <= 500 ms */
    bool acks_repeat_fin;      /* FreeBSD: while the FIN is not acknowledged ACKs bear it again */

    /* Buffers. */
    uint32_t rcvbuf, rcvbuf_max; /* receive buffer at first, and as grown: bytes, 2048..2^30 */
    uint32_t sndbuf, sndbuf_max; /* send buffer likewise */
    bool rcvbuf_whole; /* FreeBSD: the receive buffer is whole segments, windows are not */

    /* Sending. */
    uint8_t ttl, tos;    /* of packets; tos without its two ECN bits */
    bool pmtu_discovery; /* DF set (RFC 1191) */
    bool black_holes;    /* smaller segments are tried where only full ones are lost (8899) */
    bool minshall;       /* Nagle holds back only behind a small segment */
    bool half_window;    /* Linux: segments of at most half the peer's largest window */
    bool fin_past_cwnd;  /* the last segment, if it bears FIN, need not fit cwnd */
    bool push_super;     /* Linux: PSH ends a super-segment, of which cwnd holds two */
    /* Linux: a super-segment is what goes in a millisecond, at least so many segments and at most
     * half of cwnd; where push_super */
    uint8_t super_segs_min;
    bool probe_data; /* FreeBSD: a window probe carries a byte (RFC 9293 3.8.6.1) */
    uint64_t persist_min_ns, persist_max_ns; /* zero-window probes */

    /* Congestion control. */
    uint8_t cc;                /* enum tcp_cc_kind, of new connections */
    uint8_t hystart;           /* enum tcp_hystart_mode */
    uint8_t iw_segments;       /* initial window, 1..10 (RFC 6928) */
    uint8_t iw_after_syn_loss; /* after so many lost SYNs (RFC 5681 section 3.1): 1..10 */
    uint8_t iw_syn_losses;     /* ...as this: 1..15 */
    uint8_t abc_limit;     /* segments an ACK may grow cwnd by in slow start (RFC 3465): 1..255 */
    bool cwnd_restart;     /* after an idle RTO (RFC 5681 section 4.1, RFC 7661's spirit) */
    bool cwnd_validation;  /* cwnd grows only while it limits (RFC 7661, RFC 9438 5.8) */
    bool limited_transmit; /* RFC 3042 */

    /* Loss. */
    bool rack;           /* RFC 8985; false: three duplicate ACKs (RFC 5681, RFC 6675) */
    bool tlp;            /* tail loss probes (RFC 8985 section 7); needs rack */
    bool f_rto;          /* RFC 5682 */
    bool prr;            /* RFC 6937; false: RFC 6675's pipe alone */
    uint8_t dupthresh;   /* duplicate ACKs that mean loss: 1..16 */
    uint64_t tlp_min_ns; /* on top of two round trips, for timers' grain */
    /* the same where a super-segment is out: its ACK may wait for a program (decision 27) */
    uint64_t tlp_super_ns;
    uint64_t tlp_delack_ns;    /* allowance for the peer's delayed ACK: WCDelAckT */
    uint64_t reorder_slack_ns; /* on top of RACK's reordering window, for timers' grain */
    uint64_t rto_initial_ns, rto_min_ns, rto_max_ns;
    bool rto_variance_floor;        /* Linux: rto_min bounds 4*RTTVAR, not the sum (RFC 6298) */
    uint64_t rto_slop_ns;           /* on top of each timeout but a SYN's first */
    uint64_t rto_after_syn_loss_ns; /* RFC 6298 section 5.7: 3 s */

    /* Giving up. */
    uint8_t data_retries;     /* retransmissions of data or probes until give up: 1..15 */
    uint8_t orphan_retries;   /* the same where the program has closed: 1..15 */
    bool timeout_resets;      /* RST to a peer that is given up */
    uint8_t keepalive_probes; /* unanswered until the connection is given up: 1..127 */
    uint64_t keepalive_idle_ns, keepalive_interval_ns;
    uint64_t time_wait_ns, fin_wait_2_ns;
};

extern const struct tcp_tuning tcp_tuning_default;
extern const struct tcp_tuning tcp_tuning_linux;   /* Linux 6's habits */
extern const struct tcp_tuning tcp_tuning_freebsd; /* FreeBSD 14's */

#endif
