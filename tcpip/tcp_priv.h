/* SPDX-License-Identifier: ISC */
/* tcp_priv.h - what the files of TCP know of each other.
 *
 * A segment's way in:
 *
 *     ip4_input -> tcp_input (tcp_in.c: parse, checksum) -> tcp_lro_input (tcp_lro.c: joins)
 *       -> tcp_segment (tcp_in.c: whose is it?)
 *            nobody's or a listener's -> tcp_listen_input (tcp_listen.c) -> tcp_syn.c, tcp_cookie.c
 *            half open               -> tcp_syn_input (tcp_syn.c)
 *            TIME-WAIT               -> tcp_tw_input (tcp_tw.c)
 *            SYN-SENT                -> tcp_syn_sent_input (tcp_synsent.c)
 *            else                    -> tcp_conn_input (tcp_in.c): RFC 9293 section 3.10.7.4
 *                                       ACK -> tcp_ack_input (tcp_ack.c) -> tcp_sack.c, tcp_rtt.c,
 *                                                   tcp_recovery.c (-> tcp_rack.c), tcp_cc.c
 *                                       text, FIN -> tcp_data_input (tcp_data.c) -> tcp_reass.c,
 *                                                   tcp_rcvbuf.c, tcp_ackgen.c
 *
 * Nothing is sent while a segment comes in: it marks its connection dirty. At the end of
 * netif_poll, tcp_poll (tcp_poll.c) flushes what was being joined, runs timers that are due, and
 * then every dirty connection's output once:
 *
 *     tcp_out_conn (tcp_out.c): lost segments first (tcp_recovery_next), then new data as far as
 *       cwnd, the window and Nagle let it, FIN; an ACK where one is owed and nothing carried it
 *         -> tcp_emit_seg, tcp_emit_bare (tcp_emit.c): headers in a slot, payload by reference
 *         -> ip4_send
 *
 * The sender keeps bytes and segments apart. Bytes: a list of chunks, each a view of a page
 * (tcp_sndbuf.c). Segments: a record for each that was sent and not acknowledged, in a tree by
 * sequence number and a list by time of last transmission (tcp_sack.c, tcp_rack.c). A record
 * points at the chunk its first byte is in.
 *
 * cwnd, ssthresh and flight are counted in segments, as Linux and TCP_INFO do; a super-segment
 * counts as the segments the device will make of it. */
#ifndef TCPIP_TCP_PRIV_H
#define TCPIP_TCP_PRIV_H

#include <morgana/tcp.h>

#include "tcpip/seq_tree.h"
#include "tcpip/tcpip_priv.h"
#include "tcpip/wire/tcp.h"

/* ---- what is found by its two ends ----------------------------------------------------------- */

enum tcp_link_kind { TCP_LINK_CONN, TCP_LINK_SYN, TCP_LINK_TW };

/* The first member of whatever stands in the hash table. */
struct tcp_link {
    struct tcp_link *next; /* of the same bucket */
    struct tcp_key key;
    uint8_t kind; /* enum tcp_link_kind */
};

/* ---- a segment on its way in ----------------------------------------------------------------- */

struct tcp_rx {
    struct pkt *pkt; /* with all its headers; whoever keeps it sets this to NULL, else tcp_segment
                        puts it */
    const struct ip4_rx *ip;
    struct tcp_key key; /* src is ours */
    struct tcp_hdr hdr;
    struct tcp_options opts;
    uint32_t text_off; /* of the payload in pkt */
    uint32_t len;      /* of the payload */
    uint32_t segs;     /* that were joined to this one: 1 and more */
    uint32_t mss;      /* the longest of them: payload bytes */
    uint8_t ecn;       /* of the IPv4 header: 0..3; 3 is CE */
    uint64_t now;
};

/* A segment that waits to be joined by the next one; rx.pkt NULL: none. One in conf.memory, cleared
 * by tcp_init. */
struct tcp_lro {
    struct tcp_rx rx;
    struct ip4_rx ip; /* rx.ip points here */
};

/* SEG.SEQ + SEG.LEN: SYN and FIN count (RFC 9293 section 3.4). */
static inline uint32_t tcp_rx_end(const struct tcp_rx *rx)
{
    return rx->hdr.seq + rx->len + ((rx->hdr.flags & TCP_SYN) != 0) +
           ((rx->hdr.flags & TCP_FIN) != 0);
}

/* ---- what is to be sent, and what was -------------------------------------------------------- */

/* Bytes to send: a view of a page, which it holds a reference to. */
struct tcp_chunk {
    struct tcp_chunk *next;
    struct page *page;
    uint32_t seq;
    uint16_t off, len;
};

enum tcp_seg_flags {
    TCP_SEG_SACKED = 1,
    TCP_SEG_LOST = 2,         /* held for lost and not sent again since */
    TCP_SEG_RETRANS = 4,      /* sent again, and that copy is in flight */
    TCP_SEG_EVER = 8,         /* was sent more than once: no RTT from it (Karn) */
    TCP_SEG_FIN = 16,         /* its last number is the FIN */
    TCP_SEG_APP_LIMITED = 32, /* sent when there was no more data: its rate says little */
    TCP_SEG_PSH = 64,
    TCP_SEG_LISTED = 128, /* stands in the list by time: in flight as far as we know */
};

/* A segment that was sent and not acknowledged; seg.node is its first member. */
struct tcp_seg {
    struct seq_node node;                  /* [seq, end); end counts a FIN */
    struct tcp_seg *sent_prev, *sent_next; /* by time of last transmission, earliest first */
    struct tcp_chunk *chunk;               /* that holds seq; NULL: only a FIN */
    uint64_t sent_ns;                      /* last transmission */
    uint64_t delivered_ns;                 /* conn->delivered_ns when it was sent (rate samples) */
    uint64_t delivered;                    /* conn->delivered then */
    uint64_t flight_ns;                    /* when the flight it belongs to began (rate samples) */
    uint16_t mss;                          /* payload of each of its segments but the last */
    uint16_t segs;                         /* how many the device makes of it */
    uint8_t flags;                         /* enum tcp_seg_flags */
    uint8_t times;                         /* sent, saturating */
};

static inline struct tcp_seg *tcp_seg_of(struct seq_node *node)
{
    return (struct tcp_seg *)node; /* NULL stays NULL */
}

/* A range of data that came before its turn. So many bytes stand in the record itself: a segment of
 * one byte does not keep a page. */
#define TCP_CRUMB_BYTES 64u
struct tcp_ooo {
    struct seq_node node; /* a FIN is not counted */
    struct pkt *first,
        *last;      /* payload only, in order, a list by pkt->next; NULL: it is in crumb */
    uint32_t pages; /* that they hold */
    struct tcp_ooo *recent_prev, *recent_next; /* latest grown first: RFC 2018 section 4 */
    uint8_t crumb[TCP_CRUMB_BYTES];
};

/* ---- parts of a connection ------------------------------------------------------------------- */

/* RFC 6298, and what TCP_INFO wants. tcp_rtt.c's. */
struct tcp_rtt {
    uint64_t srtt_ns, rttvar_ns; /* srtt 0: no sample yet */
    uint64_t rto_ns;             /* without backoff */
    /* rto_variance_floor: what is added to SRTT, never below rto_min; the largest 4*RTTVAR of this
     * round, and where the round ends */
    uint64_t spread_ns, spread_max_ns;
    uint32_t round_end;
    uint8_t backoff; /* doublings */
    uint64_t min_ns; /* least in min_window; UINT64_MAX: none */
    uint64_t min_at;
};

/* Congestion control: the record behind which NewReno and CUBIC stand. tcp_cc.c's; the window is
 * here. */
struct tcp_cc {
    const struct tcp_cc_ops *ops;
    uint32_t cwnd, ssthresh; /* segments */
    uint32_t cwnd_count;     /* acknowledged segments that have not grown cwnd yet */
    uint32_t cwnd_max_used;  /* most in flight since the window was last full */
    uint32_t flight_max;     /* most in flight in this window of data, */
    uint32_t flight_end;     /* which ends there */
    bool limited;            /* the last flight filled cwnd */
    uint64_t full_at;        /* when it last did, or when cwnd was last fitted to what is used */
    union {
        struct {
            uint64_t epoch_ns; /* when this epoch began; 0: none runs */
            uint64_t fitted_ns;
            uint32_t w_max;       /* segments; 0: no loss yet */
            uint32_t origin;      /* W_max of this epoch */
            uint32_t k;           /* 1/1024 s */
            uint32_t w_est;       /* Reno-friendly window, segments, */
            uint32_t est_acked;   /* and what has not grown it yet: 1/17 segments */
            uint32_t per_segment; /* so many acknowledged segments grow cwnd by one, */
            uint32_t fitted_cwnd; /* as was found for this cwnd at fitted_ns */
            uint32_t cwnd_prior;  /* before the last reduction */
            uint32_t undo_w_max;  /* as they were before it: RFC 9438 section 4.9 */
            uint64_t undo_epoch_ns;
            uint32_t undo_origin, undo_k;
        } cubic;
    };
    struct {
        uint32_t round_end;
        uint64_t round_at, last_at;         /* when it began; the last of its train of ACKs */
        uint64_t round_min_ns, last_min_ns; /* least round trip in this round and the last, */
        uint64_t least_ns;                  /* and ever; UINT64_MAX: none */
        uint64_t baseline_ns;               /* RFC 9406's cssBaselineMinRtt */
        uint8_t samples, css_rounds;        /* css_rounds 0: not in conservative slow start */
        uint8_t credit;                     /* acknowledged segments that did not grow cwnd in it */
        bool over;
    } hystart;
    uint32_t prior_cwnd, prior_ssthresh; /* before the last reduction: for undo */
};

struct tcp_conn;
struct tcp_cc_ops {
    const char *name;
    void (*init)(struct tcp_cc *cc);
    /* `acked` segments were newly acknowledged, cwnd was the limit, no recovery. rtt_ns: the
     * path's, without the queues that are our own doing. */
    void (*acked)(struct tcp_cc *cc, uint32_t acked, uint64_t rtt_ns, uint64_t now);
    /* A loss or ECN mark: the new ssthresh, for `flight` segments. */
    uint32_t (*ssthresh)(struct tcp_cc *cc, uint32_t flight, uint64_t now);
    /* The last reduction was a mistake; cwnd and ssthresh are restored already. */
    void (*undo)(struct tcp_cc *cc);
    /* Everything was lost (RTO): forget what was learnt. */
    void (*timeout)(struct tcp_cc *cc);
    /* Sending begins again after `idle_ns` with nothing in flight. */
    void (*restart)(struct tcp_cc *cc, uint64_t idle_ns, uint64_t now);
};
extern const struct tcp_cc_ops tcp_cc_newreno, tcp_cc_cubic;

/* What is in flight, and what to do about loss. */
struct tcp_flight {
    struct seq_tree tree;                   /* of struct tcp_seg */
    struct tcp_seg *sent_first, *sent_last; /* by time of last transmission */
    uint32_t out, sacked, lost, retrans;    /* segments: sent and unacknowledged, and of them */
    uint8_t ca_state;                       /* enum tcp_ca_state */
    uint32_t high_seq;                      /* snd_nxt when recovery began: it ends there */
    bool undo;                              /* it may be undone: */
    uint32_t undo_marker;                   /* snd_una when it began; */
    uint32_t undo_count; /* retransmissions not yet shown needless; UINT32_MAX: none was sent */
    uint32_t retrans_ts; /* of the first retransmission: Eifel (RFC 3522), in ts units; */
    bool retrans_any;    /* there was one */
    bool hold;           /* nothing is sent again before the next ACK or timeout */
    uint32_t lost_ever;  /* segments */
    uint32_t random;     /* of the tree's priorities: no peer chooses what is in this tree */
    uint32_t dup_left;   /* without SACK: duplicate ACKs that recovery believes still */
    uint32_t reordering; /* segments: how late one may be */
    uint32_t reord_seen, dsack_dups;
    uint32_t sacked_end;          /* highest sequence number SACKed */
    struct tcp_seg *retrans_hint; /* no lost segment before this one; NULL: unknown */
    uint32_t resend;              /* segments: lost, and not sent again since */
    uint32_t lost_end;            /* without RACK: all before is SACKed, or was found lost, */
    uint32_t sacked_above;        /* and so many segments after it are SACKed */
    bool reneged; /* SACKs were taken back: they count no more until recovery ends */
    /* PRR (RFC 6937), segments */
    uint32_t prr_delivered, prr_out, prr_prior_cwnd;
    /* RACK (RFC 8985) */
    uint64_t rack_sent_ns, rack_rtt_ns;
    uint32_t rack_end;
    uint8_t rack_reo_mult, rack_reo_persist;
    bool rack_dsack_seen, rack_advanced;
    uint64_t rack_adapted; /* conn->delivered when the window was last widened */
    /* TLP */
    uint32_t tlp_end; /* snd_nxt when the probe went; 0 with tlp_out false */
    bool tlp_out, tlp_is_retrans;
    /* F-RTO (RFC 5682) */
    bool frto;
    bool frto_new; /* new data is to be sent now, whatever Nagle says, and nothing again */
    uint8_t rtos;  /* consecutive */
    /* When new data last set the timers, if nothing has set them since; 0: not. */
    uint64_t armed_at;
    bool ecn_cwr; /* CWR is to be set in the next new data */
    /* delivery rate */
    uint64_t rate_first_ns;     /* when the flight that is acknowledged now began */
    uint64_t app_limited_until; /* conn->delivered until which samples say little; 0: not */
    bool rate_app_limited;      /* the last sample was such a one */
};

/* Bytes to send: tcp_sndbuf.c's. */
struct tcp_sndbuf {
    struct tcp_chunk *head, *tail;
    struct tcp_chunk *next; /* that holds snd_nxt; NULL: all was sent */
    uint32_t end;           /* sequence number after the last byte, FIN not counted */
    uint32_t chunks;
    uint32_t limit; /* bytes: as autotuned or set */
    uint32_t lowat; /* TCP_OPT_NOTSENT_LOWAT; UINT32_MAX: off */
    /* Where reserve gives room: `room`, a chunk that is not in the list yet, or the rest of the
     * tail's page where that is `open` */
    struct tcp_chunk *room;
    bool open;
    uint16_t reserved; /* bytes lent, not committed */
    bool fixed;        /* no autotuning */
    bool was_full;     /* READY_SEND fell: tell when it rises */
    bool uncork;       /* the time is up for the small segment that cork held back */
};

/* What the next ACK is for: rcv.ack. */
enum tcp_ack_bits {
    TCP_ACK_DUE = 1,     /* something came that must be acknowledged, soon or now */
    TCP_ACK_NOW = 2,     /* now */
    TCP_ACK_PUSHED = 4,  /* a small segment was among it, */
    TCP_ACK_PUSHED2 = 8, /* or several */
};

/* What came: tcp_rcvbuf.c, tcp_window.c, tcp_reass.c, tcp_ackgen.c. */
struct tcp_rcv {
    struct pkt *head, *tail; /* in order, payload only */
    uint32_t bytes;          /* in that queue */
    uint32_t pages;          /* held by it, without ooo's */
    uint32_t limit;          /* bytes: buffer size, as autotuned or set */
    uint32_t clamp;          /* TCP_OPT_WINDOW_CLAMP; UINT32_MAX: none */
    uint32_t ssthresh;       /* the window is let grow to this (slow start of the window) */
    uint32_t promised;       /* pages that the window offered would fill, past the first window */
    bool fixed;              /* no autotuning */
    bool window_known; /* nothing has changed since `window` was offered at rcv_nxt == window_nxt */
    uint32_t window, window_nxt;
    struct seq_tree ooo; /* of struct tcp_ooo */
    uint32_t ooo_bytes, ooo_pages;
    struct tcp_ooo *recent;      /* latest grown first */
    bool fin;                    /* a FIN came, out of order perhaps, */
    uint32_t fin_seq;            /* at this number */
    struct tcp_sack_block dsack; /* to be told with the next ACK; start == end: none */
    uint32_t mss;                /* of the peer's segments, estimated */
    uint32_t mss_seen;           /* length of the last segment that was shorter; 0: it was not */
    /* autotuning (dynamic right-sizing) */
    uint64_t rtt_ns,
        rtt_at;            /* receiver's estimate; without timestamps: of a round that began then */
    uint32_t rtt_seq;      /* and ends there */
    uint32_t rtt_ecr;      /* with them: the last echo that was looked at */
    uint32_t space;        /* bytes the program took in the last round, */
    uint64_t space_at;     /* and when this one began, */
    uint64_t space_copied; /* and what it had taken then */
    uint64_t copied;       /* bytes the program took, ever */
    /* when to acknowledge */
    uint8_t ack;     /* enum tcp_ack_bits */
    uint8_t segs;    /* since the last ACK, saturating */
    uint8_t quick;   /* segments still acknowledged at once */
    bool pingpong;   /* interactive: delay ACKs, they ride on answers */
    uint64_t ato_ns; /* adapted delay; 0: no data came yet */
};

/* A thing that has news for tcp_next_ready: in connections and listeners. */
struct tcp_news {
    struct tcp_news *next;
    tcp_t handle;
    bool queued;
};

enum tcp_timer {
    TCP_TIMER_RETRANSMIT, /* RTO; in SYN-SENT and SYN-RECEIVED: SYN */
    TCP_TIMER_PROBE,      /* TLP */
    TCP_TIMER_REORDER,    /* RACK */
    TCP_TIMER_PERSIST,
    TCP_TIMER_DELACK,
    TCP_TIMER_KEEPALIVE,
    TCP_TIMER_LINGER, /* closed by the program with a time limit */
    TCP_TIMER_CORK,   /* a small segment that was held back goes */
    TCP_TIMER_PACE,   /* try again: the device or a pool had no room */
    TCP_TIMERS
};

/* Why a connection must send something: conn->owed. */
enum tcp_owed {
    TCP_OWE_ACK = 1,       /* now */
    TCP_OWE_CHALLENGE = 2, /* now, and not more than the limit allows; done by tcp_reset.c */
    TCP_OWE_SYN = 4,       /* SYN, or in SYN-RECEIVED (simultaneous open) SYN-ACK */
    TCP_OWE_PROBE = 8,     /* window probe or keepalive */
    TCP_OWE_TLP = 16,
    TCP_OWE_DUPACKS = 32, /* so many as conn->dup_acks_owed, each its own segment */
};

struct tcp_conn {
    struct tcp_link link; /* first: found by its ends */
    struct tcp *tcp;
    struct tcp_conn *next; /* of the free list, or of a listener's accept queue */
    uint32_t generation;   /* with the index it makes the handle */
    uint8_t state;         /* enum tcp_state */
    bool used;
    bool orphan;     /* the program closed it: there is no handle */
    bool fin_wanted; /* shutdown or close: FIN after the data */
    bool fin_sent;   /* and it has a number: sndbuf.end */
    bool cookie;     /* made from a cookie */
    int error;       /* why it is gone, negative; 0: it is not */
    int soft_error;
    struct tcp_listener *listener; /* in whose accept queue it waits; NULL: none */
    struct tcp_news news;

    /* RFC 9293 section 3.3.1 */
    uint32_t iss, snd_una, snd_nxt, snd_wl1, snd_wl2;
    uint32_t snd_wnd;     /* scaled */
    uint32_t snd_wnd_max; /* largest ever */
    uint32_t snd_up;      /* end of urgent data, where urgent_out */
    uint32_t irs, rcv_nxt;
    uint32_t rcv_adv;   /* right edge of the window last offered */
    uint32_t rcv_up;    /* end of urgent data, where urgent_in */
    uint32_t rcv_wup;   /* rcv_nxt when the last ACK went */
    uint32_t small_end; /* Minshall: end of the last small segment sent */
    bool urgent_in, urgent_out;
    uint8_t window_state;  /* tcp_emit.c: in a round of output the window is told once */
    uint16_t window_field; /* as it stood in the round's first segment */

    /* negotiated */
    bool ts_ok, sack_ok, wscale_ok, ecn_ok;
    uint8_t snd_wscale, rcv_wscale; /* to be applied to what comes, to what goes */
    uint32_t peer_mss;              /* as its option said, floored */
    uint32_t mss;       /* payload of a full segment now: options that each has are left out */
    uint32_t mtu;       /* path's, as far as we know */
    uint32_t ts_recent; /* RFC 7323 */
    uint64_t ts_recent_at;
    uint32_t ts_offset;     /* our clock's, of this connection */
    uint32_t last_ack_sent; /* RFC 7323: Last.ACK.sent */
    bool ecn_demand;        /* CE came: ECE until CWR */
    bool ecn_seen;

    /* sending */
    struct ip4_tx ip;     /* filled by route_find; */
    uint32_t route_epoch; /* as of nif->route_epoch then */
    uint8_t owed;         /* enum tcp_owed */
    uint8_t dup_acks_owed;
    bool dirty; /* in tcp->dirty */
    struct tcp_conn *dirty_prev, *dirty_next;
    uint32_t pages;   /* charged to the budget: send and receive buffers */
    uint8_t mem_rank; /* + 1, of tcp->mem_ranks, not lower than pages says; 0: in none */
    struct tcp_conn *mem_prev, *mem_next;
    struct tcp_sndbuf snd;
    struct tcp_flight flight;
    struct tcp_rtt rtt;
    struct tcp_cc cc;

    /* receiving */
    struct tcp_rcv rcv;

    /* timers: absolute, NS_NEVER off */
    uint64_t timer_at[TCP_TIMERS];
    uint64_t heap_at;                      /* its key in the heap: not later than any of timer_at */
    uint32_t heap_index;                   /* + 1; 0: not in it */
    uint8_t syn_tries, probes, keepalives; /* so far without an answer */
    uint64_t syn_at;                       /* the first SYN, or SYN-ACK, went */
    uint8_t persist_backoff;               /* doublings of the probe timer, answered or not */
    uint64_t unanswered_since; /* probes or retransmissions, for the user timeout; 0: not */
    uint64_t invalid_at;       /* tcp_may_answer: when the last was */
    uint64_t challenge_at;     /* RFC 5961: this second's begin, */
    uint32_t challenges;       /* and how many may still go */
    uint8_t hole_tries;        /* black hole detection */
    uint64_t hole_at;          /* a smaller MTU is tried until; 0: not */
    uint32_t hole_mtu;         /* what was believed before */

    /* options */
    bool nodelay, cork, keepalive, user_timeout_send, quickack_set;
    uint8_t keepalive_probes_max, cc_kind, ecn_mode;
    uint16_t mss_max;
    uint64_t keepalive_idle_ns, keepalive_interval_ns, user_timeout_ns, linger_ns;
    uint64_t connect_timeout_ns;

    /* statistics */
    uint64_t delivered, delivered_ns; /* segments ever delivered, and when the last was */
    uint64_t delivered_ce;
    uint64_t rate_bytes, rate_ns; /* last delivery rate sample */
    uint64_t total_retrans, bytes_retrans, bytes_sent, bytes_acked, bytes_received;
    uint64_t segs_in, segs_out, data_segs_in, data_segs_out, rcv_ooo, rtos_total, recoveries;
    uint64_t sent_at, received_at, ack_at; /* last data, last ACK */
    uint64_t busy_ns, rwnd_ns, sndbuf_ns, chrono_at;
    uint8_t chrono; /* enum tcp_chrono_state */
};

/* ---- who listens ----------------------------------------------------------------------------- */

/* Options that accepted connections begin with. */
struct tcp_preset {
    bool nodelay, cork, keepalive, user_timeout_send;
    uint8_t keepalive_probes_max, cc_kind, ecn_mode, ttl, tos;
    uint16_t mss_max;
    uint32_t rcvbuf, sndbuf, window_clamp, lowat; /* rcvbuf, sndbuf 0: autotuned */
    uint64_t keepalive_idle_ns, keepalive_interval_ns, user_timeout_ns, linger_ns;
};

struct tcp_listener {
    struct tcp_news news;
    struct tcp_listener *next; /* of the same bucket */
    uint32_t generation;
    bool used;
    uint32_t addr;
    uint16_t port;
    uint32_t backlog;
    struct tcp_conn *accept_head, *accept_tail; /* by conn->next */
    uint32_t accept_count;
    uint32_t syn_count; /* half open */
    struct tcp_preset preset;
};

/* A half-open connection (RFC 4987 section 3.4). */
struct tcp_syn {
    struct tcp_link link;
    struct tcp_syn *older, *newer; /* of tcp->syn_rounds[tries] */
    struct tcp_listener *listener;
    uint32_t generation; /* of the listener */
    uint32_t iss, irs;
    uint32_t ts_recent, ts_offset;
    uint16_t rcv_wnd; /* as our SYN-ACK says, as long as it is sent: */
    uint8_t rcv_wscale;
    uint16_t mss;   /* peer's */
    uint8_t tries;  /* SYN-ACKs sent again */
    uint8_t wscale; /* peer's */
    bool ts_ok, sack_ok, wscale_ok, ecn_ok;
    uint8_t again;         /* the same, those for a SYN that came again counted too: no RTT then */
    uint64_t sent_ns;      /* the first SYN-ACK: RTT; 0: it was a cookie, we do not know */
    uint64_t at;           /* of the next */
    uint64_t challenge_at; /* next challenge ACK may go */
};

/* A connection in TIME-WAIT, or one whose program has closed and which waits for FIN. */
struct tcp_tw {
    struct tcp_link link;
    struct tcp_tw *older, *newer;
    uint8_t state; /* TCP_TIME_WAIT or TCP_FIN_WAIT_2 */
    bool ts_ok;
    uint8_t rcv_wscale, tos, ttl;
    uint32_t snd_nxt, rcv_nxt, rcv_wnd;
    uint32_t ts_recent, ts_offset;
    uint64_t ts_recent_at;
    uint64_t at;           /* it ends */
    uint64_t challenge_at; /* next ACK of an unacceptable segment may go */
};

/* ---- tcp.c: life, handles, storage ----------------------------------------------------------- */

/* The connection of a handle; NULL: stale, foreign, a listener's or made up. */
struct tcp_conn *tcp_conn_of(const struct tcp *tcp, tcp_t handle);
struct tcp_listener *tcp_listener_of(const struct tcp *tcp, tcp_t handle);
tcp_t tcp_conn_handle(const struct tcp_conn *conn);
tcp_t tcp_listener_handle(const struct tcp *tcp, const struct tcp_listener *listener);
/* Storage: cleared but for its generation; NULL (no_memory counted by the caller): all in use. */
struct tcp_conn *tcp_conn_get(struct tcp *tcp);
void tcp_conn_put(struct tcp *tcp, struct tcp_conn *conn);
struct tcp_seg *tcp_seg_get(struct tcp *tcp);
void tcp_seg_put(struct tcp *tcp, struct tcp_seg *seg);
struct tcp_chunk *tcp_chunk_get(struct tcp *tcp);
/* Puts its page too, and uncharges conn of one: each chunk is charged as one, by who makes it. */
void tcp_chunk_put(struct tcp_conn *conn, struct tcp_chunk *chunk);
struct tcp_ooo *tcp_ooo_get(struct tcp *tcp);
void tcp_ooo_put(struct tcp *tcp, struct tcp_ooo *ooo); /* not its packets */
/* For choices that nobody outside sees, or sees too little of: fast, but no cipher. */
uint32_t tcp_random(struct tcp *tcp);
/* A READY bit of it rose: tcp_next_ready gives news->handle, where that is not 0 and tcp_ready
 * says something then. Whoever gives the program a handle sets news->handle; whoever ends it
 * clears it. */
void tcp_news(struct tcp *tcp, struct tcp_news *news);

/* ---- tcp_mem.c: one budget for all buffers --------------------------------------------------- */

/* May `conn` hold `pages` more? Charged where true. Over budget, the greediest others let go of
 * their out-of-order data first, then the greediest that its program has closed is reset.
 * Nothing of conn's own is touched: who is refused may let go of its own out-of-order data and
 * ask again. */
bool tcp_mem_charge(struct tcp_conn *conn, uint32_t pages);
void tcp_mem_release(struct tcp_conn *conn, uint32_t pages);
void tcp_mem_leave(struct tcp_conn *conn); /* it is being put */
/* No range of out-of-order data is free: one of those that hold more than `asks` lets go of its
 * own. False: none was found. */
bool tcp_mem_range(const struct tcp_conn *asks);
/* Half the budget is in use: buffers grow no more. Nine tenths: new connections are refused,
 * windows shrink to what they offered. */
enum tcp_mem_level { TCP_MEM_LOW, TCP_MEM_PRESSURE, TCP_MEM_FULL };
enum tcp_mem_level tcp_mem_level(const struct tcp *tcp);

/* ---- tcp_demux.c ----------------------------------------------------------------------------- */

struct tcp_link *tcp_demux_find(const struct tcp *tcp, const struct tcp_key *key);
void tcp_demux_add(struct tcp *tcp, struct tcp_link *link);
void tcp_demux_remove(struct tcp *tcp, struct tcp_link *link);
/* Listeners of a port, and of others: a list by `next`. */
struct tcp_listener **tcp_demux_listeners(struct tcp *tcp, uint16_t port);
/* Who listens there: one of that address before one of all. */
struct tcp_listener *tcp_demux_listener(const struct tcp *tcp, uint32_t addr, uint16_t port);

/* ---- tcp_isn.c: numbers that nobody may guess ------------------------------------------------ */

uint32_t tcp_isn(const struct tcp *tcp, const struct tcp_key *key, uint64_t now); /* RFC 6528 */
uint32_t tcp_ts_offset(const struct tcp *tcp, const struct tcp_key *key); /* RFC 7323 section 7.1 */
/* A free port of ours for key's other three (RFC 6056 algorithm 4); 0: none. The search ends. */
uint16_t tcp_port_choose(struct tcp *tcp, const struct tcp_key *key);
/* Our timestamp clock. */
static inline uint32_t tcp_ts_now(const struct tcp *tcp, uint32_t offset, uint64_t now)
{
    return (uint32_t)(now / tcp->conf.tuning.timestamp_unit_ns) + offset;
}

/* ---- tcp_timer.c: a heap of connections by earliest deadline --------------------------------- */

/* A later deadline than its old one costs nothing: the heap finds out when the old one comes. */
void tcp_timer_set(struct tcp_conn *conn, enum tcp_timer timer, uint64_t at);
static inline void tcp_timer_stop(struct tcp_conn *conn, enum tcp_timer timer)
{
    conn->timer_at[timer] = NS_NEVER;
}
static inline bool tcp_timer_runs(const struct tcp_conn *conn, enum tcp_timer timer)
{
    return conn->timer_at[timer] != NS_NEVER;
}
void tcp_timer_stop_all(struct tcp_conn *conn); /* leaves the heap */
void tcp_timers(struct tcp *tcp, uint64_t now); /* runs what is due, by a table of functions */
uint64_t tcp_timer_next(const struct tcp *tcp);

/* ---- tcp_poll.c: the interface's door -------------------------------------------------------- */

extern const struct netif_tcp_ops tcp_netif_ops;
/* Something is to be sent for conn: at the end of this poll, or in the next. */
void tcp_mark(struct tcp_conn *conn);
/* The device refused a packet of conn (-E_AGAIN): it is tried again when the device has room,
 * and netif_poll does not call it work. The others that are dirty are not tried in this poll any
 * more. */
void tcp_mark_blocked(struct tcp_conn *conn);
void tcp_unmark(struct tcp_conn *conn);

/* ---- tcp_listen.c, tcp_syn.c, tcp_cookie.c --------------------------------------------------- */

/* A segment for none of our connections: RFC 9293 sections 3.10.7.1 and 3.10.7.2. */
void tcp_listen_input(struct tcp *tcp, struct tcp_rx *rx);
/* `conn` has completed its handshake and waits to be accepted: conn->listener is set so long, and
 * it stays there, gone or not. So tcp_conn_end keeps it as if a handle were held. */
void tcp_listen_ready(struct tcp *tcp, struct tcp_listener *listener, struct tcp_conn *conn);
/* Is there no place in the accept queue? */
bool tcp_listen_full(const struct tcp_listener *listener);
/* tcp_close of a listener: those not accepted are reset. */
void tcp_listen_close(struct tcp *tcp, struct tcp_listener *listener, uint64_t now);
/* A SYN that may open a connection; iss: its first number, 0: one is chosen. */
void tcp_syn_begin(struct tcp *tcp, struct tcp_listener *listener, const struct tcp_rx *rx,
                   uint32_t iss);
/* The window of a SYN or SYN-ACK, and the MSS that it offers: by preset and the link's MTU. */
uint16_t tcp_syn_window(const struct tcp *tcp, const struct tcp_preset *preset, bool ts_ok);
uint16_t tcp_syn_mss(const struct tcp *tcp, const struct tcp_preset *preset);
/* The window scale that it offers. */
uint8_t tcp_syn_wscale(const struct tcp *tcp, const struct tcp_preset *preset);
/* A segment for a half-open connection. */
void tcp_syn_input(struct tcp *tcp, struct tcp_syn *syn, struct tcp_rx *rx);
/* Its handshake is complete: makes the connection, which gets rx too. syn: a record, or a
 * cookie's. */
void tcp_syn_establish(struct tcp *tcp, struct tcp_syn *syn, struct tcp_rx *rx);
/* The peer's MSS by its SYN's options: never below the floor. */
uint16_t tcp_syn_peer_mss(const struct tcp *tcp, const struct tcp_options *options);
void tcp_syn_drop(struct tcp *tcp, struct tcp_syn *syn);
void tcp_syn_drop_listener(struct tcp *tcp, struct tcp_listener *listener);
void tcp_syn_timers(struct tcp *tcp, uint64_t now);
uint64_t tcp_syn_next(const struct tcp *tcp);
/* ICMP said that its peer is gone. */
void tcp_syn_error(struct tcp *tcp, struct tcp_syn *syn, int error);
/* The ISN of a SYN-ACK that needs no memory, and the timestamp that carries its options. */
uint32_t tcp_cookie_make(struct tcp *tcp, const struct tcp_syn *syn, uint64_t now,
                         uint32_t *ts_val);
/* Is this ACK's number one of ours? Fills `syn` as it would have been, but for the listener. */
bool tcp_cookie_check(const struct tcp *tcp, const struct tcp_rx *rx, struct tcp_syn *syn);

/* ---- tcp_tw.c -------------------------------------------------------------------------------- */

/* Moves conn to a small record: fills it, then tcp_conn_end(conn, 0), which takes conn out of the
 * table of ends and puts it where no program holds it, then adds the record. What had to be
 * acknowledged was. state: TCP_TIME_WAIT or TCP_FIN_WAIT_2. */
void tcp_tw_begin(struct tcp_conn *conn, enum tcp_state state, uint64_t now);
void tcp_tw_input(struct tcp *tcp, struct tcp_tw *tw, struct tcp_rx *rx);
/* May a connect from here take over this pair of ends (RFC 6191)? Then it is gone, and iss is a
 * number beyond what it used. */
bool tcp_tw_may_reuse(const struct tcp_tw *tw, uint64_t now);
bool tcp_tw_reuse(struct tcp *tcp, struct tcp_tw *tw, uint32_t *iss, uint64_t now);
void tcp_tw_timers(struct tcp *tcp, uint64_t now);
uint64_t tcp_tw_next(const struct tcp *tcp);

/* ---- tcp_reset.c: RST and challenge ACKs (RFC 9293 section 3.5.2, RFC 5961) ------------------ */

/* Answers a segment that belongs to nobody. */
void tcp_reset_answer(struct tcp *tcp, const struct tcp_rx *rx);
/* Owes a challenge ACK, within conn's limit. */
void tcp_challenge(struct tcp_conn *conn, uint64_t now);
/* May a segment without text that is not acceptable be answered, the last time having been *at
 * (tuning.invalid_ack_ns)? Then *at is now. */
bool tcp_may_answer(const struct tcp *tcp, uint64_t *at, uint64_t now);

/* ---- tcp_conn.c: a connection's life --------------------------------------------------------- */

/* Sets all that every connection begins with: timers off, tuning, buffers, preset. */
void tcp_conn_init(struct tcp_conn *conn, const struct tcp_key *key,
                   const struct tcp_preset *preset, uint64_t now);
/* Our first sequence number: every variable that counts from it. */
void tcp_conn_iss_set(struct tcp_conn *conn, uint32_t iss);
/* The answer to our SYN came, the SYN (or its ACK) in rx: ESTABLISHED. window: the peer's, in
 * bytes. */
void tcp_conn_established(struct tcp_conn *conn, const struct tcp_rx *rx, uint32_t window);
/* The program sends no more: FIN after the data, and the state that goes with it. */
void tcp_conn_fin_send(struct tcp_conn *conn);
/* What SYNs agreed upon: mss, cc, first window. Called when both are known. */
void tcp_conn_negotiated(struct tcp_conn *conn, uint64_t now);
/* Makes an ESTABLISHED connection of a completed handshake (rx: the ACK, not processed further);
 * NULL: no memory or budget (counted). */
struct tcp_conn *tcp_conn_from_syn(struct tcp *tcp, const struct tcp_syn *syn,
                                   const struct tcp_rx *rx);
/* A connection's preset: TCP_OPT_*'s first values. */
void tcp_preset_init(const struct tcp *tcp, struct tcp_preset *preset);
/* It is over: error 0 (both sides closed), or negative. The program is told, and what was
 * received stays readable, where it holds a handle; else the storage is free. */
void tcp_conn_end(struct tcp_conn *conn, int error);
/* The same after telling the peer by RST. */
void tcp_conn_abort(struct tcp_conn *conn, int error, uint64_t now);
/* The program lets go of it: its handle ends. */
void tcp_conn_orphan(struct tcp_conn *conn);
/* The program will not ask for it any more, without having closed it: RST where it is not over; it
 * is put. For listeners that close. */
void tcp_conn_discard(struct tcp_conn *conn, uint64_t now);
/* Has the peer said that it sends no more, and has all before that come? */
static inline bool tcp_conn_eof(const struct tcp_conn *conn)
{
    return conn->rcv.fin && seq_gt(conn->rcv_nxt, conn->rcv.fin_seq);
}
/* TCP_TIMER_LINGER. */
void tcp_linger_expired(struct tcp_conn *conn, uint64_t now);
/* FIN was acknowledged, snd_una is past it; FIN came in order, rcv_nxt is past it. Both may end the
 * connection: see conn->used and conn->state. */
void tcp_conn_fin_acked(struct tcp_conn *conn, uint64_t now);
void tcp_conn_fin_received(struct tcp_conn *conn, uint64_t now);
/* Largest payload, from the path's MTU, the peer's MSS and the options every segment carries. */
void tcp_conn_mss_refresh(struct tcp_conn *conn, uint64_t now);
/* Retransmissions or probes went unanswered `tries` times: is it enough? (RFC 9293 section 3.8.3,
 * retries or user timeout). Then it has ended: true. */
bool tcp_conn_give_up(struct tcp_conn *conn, uint32_t tries, uint64_t now);

/* ---- tcp_in.c, tcp_synsent.c, tcp_lro.c ------------------------------------------------------ */

/* A TCP packet of ip4_input. Takes pkt. */
void tcp_input(struct netif *nif, struct pkt *pkt, const struct ip4_rx *rx, uint64_t now);
/* A whole segment, or several joined. Takes rx->pkt. */
void tcp_segment(struct tcp *tcp, struct tcp_rx *rx);
void tcp_conn_input(struct tcp_conn *conn, struct tcp_rx *rx);
void tcp_syn_sent_input(struct tcp_conn *conn, struct tcp_rx *rx);
/* Nobody has answered our SYN, or SYN-ACK of SYN-RECEIVED. */
void tcp_syn_expired(struct tcp_conn *conn, uint64_t now);
/* The SYN goes, and its timer starts. */
void tcp_syn_send(struct tcp_conn *conn, uint64_t now);
/* Joins to what waits, or hands that and then this to tcp_segment. Takes rx->pkt. */
void tcp_lro_input(struct tcp *tcp, struct tcp_rx *rx);
void tcp_lro_flush(struct tcp *tcp);

/* ---- tcp_icmp.c, tcp_pmtu.c ------------------------------------------------------------------ */

/* An ICMP error that quotes a segment of ours (RFC 5927). True: it is believed. */
bool tcp_icmp_error(struct netif *nif, const struct tcp_key *key, uint32_t seq, int error,
                    uint32_t mtu, uint64_t now);
/* Black holes (RFC 4821, RFC 8899): a segment was lost `rtos` times; something came through. */
void tcp_pmtu_rto(struct tcp_conn *conn, uint64_t now);
void tcp_pmtu_acked(struct tcp_conn *conn, uint64_t now);
/* The path carries so much: mss; what is in flight and longer is lost. */
void tcp_conn_mtu_set(struct tcp_conn *conn, uint32_t mtu, uint64_t now);

/* ---- the sender's knowledge: tcp_ack.c, tcp_flight.c, tcp_sack.c, tcp_rack.c, tcp_recovery.c,
 * tcp_reduce.c, tcp_rto.c; what they know of each other is in tcp_flight.h */

/* RFC 9293 section 3.10.7.4, fifth step, for a segment with an acceptable ACK of a synchronised
 * connection: window, SACK, RTT, loss, congestion, freeing. False: the segment is to go no further
 * (its ACK was unacceptable: counted, answered). May end the connection: see conn->used. */
bool tcp_ack_input(struct tcp_conn *conn, struct tcp_rx *rx);
/* Nothing sent yet. */
void tcp_flight_init(struct tcp_conn *conn);
/* Forgets all segments. */
/* Can the peer have sent an ACK of `ack`? RFC 5961 section 5.2: not of what was never sent, nor of
 * what is older than the largest window. Our SYN counts. */
static inline bool tcp_ack_may_be(const struct tcp_conn *conn, uint32_t ack)
{
    uint32_t oldest = (uint32_t)u64_min(conn->snd_wnd_max, conn->bytes_acked + 1);

    return ack - (conn->snd_una - oldest) <= conn->snd_nxt - conn->snd_una + oldest;
}
void tcp_flight_clear(struct tcp_conn *conn);
/* A new segment record for [snd_nxt, snd_nxt + len) (+1 with fin) at snd.next; snd_nxt is moved by
 * tcp_flight_sent. NULL: no memory. */
struct tcp_seg *tcp_flight_add(struct tcp_conn *conn, uint32_t len, bool fin, uint64_t now);
/* `seg` was given to the device, for the first time or again: counts, times, timers; for the
 * first time moves snd_nxt and snd.next, notes fin_sent. A probe is told by TCP_OWE_TLP being
 * set still. */
void tcp_flight_sent(struct tcp_conn *conn, struct tcp_seg *seg, uint64_t now);
/* Forgets a record that tcp_flight_add made and that was not sent. */
void tcp_flight_cancel(struct tcp_conn *conn, struct tcp_seg *seg);
/* Cuts a record in two, the first with `len` bytes, a multiple of its mss where it has several
 * segments. False: no memory. */
bool tcp_flight_split(struct tcp_conn *conn, struct tcp_seg *seg, uint32_t len);
/* Segments in the network, by what we know: RFC 6675's pipe. */
static inline uint32_t tcp_flight_pipe(const struct tcp_flight *flight)
{
    return flight->out - flight->sacked - flight->lost + flight->retrans;
}
/* How many segments congestion control lets out now. */
uint32_t tcp_recovery_quota(const struct tcp_conn *conn);
/* New data is about to be sent: after an idle time cwnd shrinks first (RFC 5681 section 4.1). */
void tcp_recovery_idle(struct tcp_conn *conn, uint64_t now);
/* An output round sent something, or had data that cwnd kept back (`limited`): cwnd validation. */
void tcp_recovery_sent(struct tcp_conn *conn, bool limited, uint64_t now);
/* The next segment to send again, within the quota; NULL: none. */
struct tcp_seg *tcp_recovery_next(struct tcp_conn *conn, uint64_t now);
/* TCP_OWE_TLP: the segment to send again as a probe; NULL: new data is sent instead. */
struct tcp_seg *tcp_tlp_seg(struct tcp_conn *conn);
/* Starts, moves or stops the RTO and the probe timer, after anything was sent or acknowledged. */
void tcp_rto_rearm(struct tcp_conn *conn, uint64_t now);
void tcp_rto_expired(struct tcp_conn *conn, uint64_t now);
void tcp_tlp_expired(struct tcp_conn *conn, uint64_t now);
void tcp_rack_expired(struct tcp_conn *conn, uint64_t now);
/* The MTU shrank: what is longer is lost, but not for congestion (RFC 1191 section 6.4). */
void tcp_recovery_mtu(struct tcp_conn *conn, uint64_t now);

/* ---- tcp_rtt.c ------------------------------------------------------------------------------- */

void tcp_rtt_init(struct tcp_rtt *rtt, const struct tcp_tuning *tuning);
void tcp_rtt_sample(struct tcp_rtt *rtt, const struct tcp_tuning *tuning, uint64_t sample_ns,
                    uint32_t snd_una, uint32_t snd_nxt, uint64_t now);
/* With backoff, within rto_max. */
uint64_t tcp_rtt_rto(const struct tcp_rtt *rtt, const struct tcp_tuning *tuning);

/* ---- tcp_cc.c -------------------------------------------------------------------------------- */

void tcp_cc_init(struct tcp_cc *cc, enum tcp_cc_kind kind, uint32_t cwnd);
/* Another algorithm goes on from the same window. */
void tcp_cc_switch(struct tcp_cc *cc, enum tcp_cc_kind kind);
/* Slow start, then the algorithm's own growth: `acked` segments, no recovery. */
void tcp_cc_acked(struct tcp_cc *cc, const struct tcp_tuning *tuning, uint32_t acked,
                  uint64_t rtt_ns, uint64_t now);
/* Remembers for undo, sets ssthresh. */
void tcp_cc_reduce(struct tcp_cc *cc, uint32_t flight, uint64_t now);
void tcp_cc_undo(struct tcp_cc *cc);
static inline bool tcp_cc_in_slow_start(const struct tcp_cc *cc)
{
    return cc->cwnd < cc->ssthresh;
}
/* Slow start for `acked` segments; returns those left over past ssthresh. */
uint32_t tcp_cc_slow_start(struct tcp_cc *cc, const struct tcp_tuning *tuning, uint32_t acked);

/* ---- tcp_out.c, tcp_emit.c, tcp_sndbuf.c, tcp_persist.c, tcp_keepalive.c, tcp_chrono.c ------- */

/* Sends what conn may and must send. Only tcp_poll calls it. */
void tcp_out_conn(struct tcp_conn *conn, uint64_t now);
/* (Re)transmits one record: 0, -E_AGAIN (no room: TCP_TIMER_PACE or the device's wake-up), or
 * another error (as good as lost on the way). */
int tcp_emit_seg(struct tcp_conn *conn, struct tcp_seg *seg, uint64_t now);
/* Between these two only what conn sends happens. */
void tcp_emit_round(struct tcp_conn *conn, bool begins);
/* A segment without data of conn: ACK, probes (seq may be snd_una - 1), RST (flags). Errors as
 * tcp_emit_seg. */
int tcp_emit_bare(struct tcp_conn *conn, uint32_t seq, uint16_t flags, uint64_t now);
/* SYN of SYN-SENT; SYN-ACK of SYN-RECEIVED. */
int tcp_emit_syn(struct tcp_conn *conn, uint64_t now);
/* A segment of no connection: RST, SYN-ACK of the cache, ACK of TIME-WAIT. Lost where the device is
 * full. hdr's ports and checksum are filled here; options NULL: none. */
struct tcp_bare {
    struct tcp_key key;
    uint32_t seq, ack;
    uint16_t flags, window;
    uint8_t ttl, tos; /* ttl 0: tuning's */
    const struct tcp_options *options;
};
void tcp_emit_stray(struct tcp *tcp, const struct tcp_bare *bare, uint64_t now);
/* Bytes that every data segment's options take now: timestamps. */
static inline uint32_t tcp_options_len(const struct tcp_conn *conn)
{
    return conn->ts_ok ? 12 : 0;
}
/* The MSS that our SYNs offer: what the link carries, at most mss_max. */
uint16_t tcp_mss_offer(const struct tcp *tcp, uint16_t mss_max);
/* The small segment that cork held back goes now. */
void tcp_cork_expired(struct tcp_conn *conn, uint64_t now);
/* How long there was something to send, and how long the peer's window or the send buffer was what
 * limited it: struct tcp_info's. */
void tcp_chrono(const struct tcp_conn *conn, uint64_t now, uint64_t *busy_ns, uint64_t *rwnd_ns,
                uint64_t *sndbuf_ns);
enum tcp_chrono_state { TCP_CHRONO_IDLE, TCP_CHRONO_BUSY, TCP_CHRONO_WINDOW, TCP_CHRONO_SNDBUF };
void tcp_chrono_set(struct tcp_conn *conn, enum tcp_chrono_state state, uint64_t now);
/* An acceptable ACK came, its window noted: probes were answered; goes on or ends to probe. */
void tcp_persist_update(struct tcp_conn *conn, uint64_t now);
/* Something was kept back by a closed window, with nothing in flight: begins to probe, if it does
 * not yet. */
void tcp_persist_start(struct tcp_conn *conn, uint64_t now);
void tcp_persist_stop(struct tcp_conn *conn);
void tcp_persist_expired(struct tcp_conn *conn, uint64_t now);
void tcp_keepalive_expired(struct tcp_conn *conn, uint64_t now);
void tcp_keepalive_start(struct tcp_conn *conn, uint64_t now);
/* Frees what lies before snd_una. */
void tcp_sndbuf_acked(struct tcp_conn *conn);
void tcp_sndbuf_clear(struct tcp_conn *conn);
static inline uint32_t tcp_sndbuf_bytes(const struct tcp_conn *conn)
{
    return conn->snd.head == NULL ? 0 : conn->snd.end - conn->snd.head->seq;
}
static inline uint32_t tcp_sndbuf_unsent(const struct tcp_conn *conn)
{
    return conn->snd.next == NULL ? 0 : conn->snd.end - conn->snd_nxt;
}
/* Tells the program where READY_SEND rose. */
void tcp_sndbuf_wake(struct tcp_conn *conn);
/* Frees all but what is lent: the program may be writing into it, until its handle ends. */
/* READY_SEND: is there room for a third of the buffer, and little unsent? */
/* After that: nobody writes into it any more. */
void tcp_sndbuf_take_back(struct tcp_conn *conn);
bool tcp_sndbuf_writable(const struct tcp_conn *conn);
/* cwnd grew: may the buffer? */
void tcp_sndbuf_tune(struct tcp_conn *conn);

/* ---- tcp_data.c, tcp_reass.c, tcp_rcvbuf.c, tcp_window.c, tcp_ackgen.c ----------------------- */

/* Text and FIN of an acceptable segment, its ACK processed (RFC 9293 section 3.10.7.4 steps
 * 6-8). May end the connection: see conn->used. */
void tcp_data_input(struct tcp_conn *conn, struct tcp_rx *rx);
/* Text of a SYN that crossed ours waits until it is ESTABLISHED (section 3.10.7.3); then it is
 * as if it came. A FIN will come again. */
void tcp_data_hold(struct tcp_conn *conn, struct tcp_rx *rx);
void tcp_data_release(struct tcp_conn *conn, uint64_t now);
/* A segment that was not acceptable, or nothing of it was new: D-SACK where its text is old, and
 * an ACK of its own, now. */
void tcp_data_duplicate(struct tcp_conn *conn, const struct tcp_rx *rx);
/* Data that is not next, or next but partly here: rx->pkt is the payload alone, rx->hdr.seq its
 * first number. Takes rx->pkt where it keeps it. */
void tcp_reass_input(struct tcp_conn *conn, struct tcp_rx *rx);
/* In-order data reached rcv_nxt: moves what follows to the queue. */
void tcp_reass_drain(struct tcp_conn *conn);
/* Lets go of all out-of-order data. */
void tcp_reass_clear(struct tcp_conn *conn);
/* Lets go of the range furthest from rcv_nxt; false: none begins after `beyond`. */
bool tcp_reass_evict(struct tcp_conn *conn, uint32_t beyond);
/* [start, end) came twice: to be told with the next ACK (RFC 2883). */
void tcp_reass_dsack(struct tcp_conn *conn, uint32_t start, uint32_t end);
/* SACK blocks for the next ACK, the D-SACK first, which is told once; how many. room: at most. */
unsigned tcp_reass_sack(struct tcp_conn *conn, struct tcp_sack_block *blocks, unsigned room);
/* Payload in order. Takes pkt (payload only); false: over budget, pkt is the caller's still. */
bool tcp_rcvbuf_push(struct tcp_conn *conn, struct pkt *pkt);
/* The same for a list that is charged already. */
void tcp_rcvbuf_push_list(struct tcp_conn *conn, struct pkt *first, struct pkt *last,
                          uint32_t bytes, uint32_t pages);
void tcp_rcvbuf_clear(struct tcp_conn *conn);
/* Does a packet hold too many pages for its bytes? */
static inline bool tcp_pkt_sparse(const struct pkt *pkt)
{
    return pkt->len < pkt->frag_count * (PAGE_BYTES / 4);
}
/* Copies `pkt` behind the last bytes of `last` (counted), where their page is nobody else's and
 * has room. */
bool tcp_pkt_join(struct tcp *tcp, struct pkt *last, const struct pkt *pkt);
/* Offers a window: see tcp_rcv_window. */
uint32_t tcp_rcv_window_offer(struct tcp_conn *conn);
/* The window to offer now, in bytes, a multiple of 2^rcv_wscale; never less than was offered
 * before (RFC 9293 section 3.8.6.2.2: silly windows); notes rcv_adv. */
static inline uint32_t tcp_rcv_window(struct tcp_conn *conn)
{
    if (LIKELY(conn->rcv.window_known && conn->rcv.window_nxt == conn->rcv_nxt))
        return conn->rcv.window;
    return tcp_rcv_window_offer(conn);
}
/* What it would be without regard to what was offered before. */
uint32_t tcp_rcv_window_wanted(const struct tcp_conn *conn);
/* What may still come. */
static inline uint32_t tcp_rcv_offered(const struct tcp_conn *conn)
{
    return (int32_t)(conn->rcv_adv - conn->rcv_nxt) > 0 ? conn->rcv_adv - conn->rcv_nxt : 0;
}
/* The window of a SYN, for a buffer of so many bytes and our segments' payload. */
uint32_t tcp_rcv_first(const struct tcp_tuning *tuning, uint32_t rcvbuf, uint32_t mss);
/* Buffer and window of a SYN: rcv_adv counts from rcv_nxt. rcv.limit, rcv.fixed and rcv.clamp as
 * set before. */
void tcp_rcv_init(struct tcp_conn *conn, uint64_t now);
/* The same once mss is known. */
void tcp_rcv_negotiated(struct tcp_conn *conn, uint64_t now);
/* The window that is offered needs no pages any more: it is over. */
void tcp_rcv_end(struct tcp_conn *conn);
/* The window scale to offer for a buffer that may grow so far. */
uint8_t tcp_rcv_wscale(const struct tcp_tuning *tuning, uint32_t rcvbuf_max);
/* A segment of `len` bytes came: the window's slow start. */
void tcp_rcv_grow(struct tcp_conn *conn, uint32_t len);
/* The program took `n` bytes: grow the buffer? tell the peer of a wider window? */
void tcp_rcv_taken(struct tcp_conn *conn, uint32_t n, uint64_t now);
/* Data came: what it says of the peer's pace, segments, round trip, congestion. */
void tcp_ackgen_data(struct tcp_conn *conn, const struct tcp_rx *rx);
/* CWR and CE of a segment with text (RFC 3168 section 6.1.3). */
void tcp_ackgen_ecn(struct tcp_conn *conn, const struct tcp_rx *rx);
/* All that a segment brought is in its place: acknowledge at once, soon, or not yet. */
void tcp_ackgen_decide(struct tcp_conn *conn, uint64_t now);
/* An ACK at once. */
void tcp_ackgen_now(struct tcp_conn *conn);
/* The same, each its own segment: `n` segments came that the sender should know of. */
void tcp_ackgen_dup(struct tcp_conn *conn, uint32_t n);
/* TCP_OPT_QUICKACK. */
void tcp_ackgen_set_quick(struct tcp_conn *conn, bool on);
/* The next segments are acknowledged at once, `max` of them at most. */
void tcp_ackgen_quick(struct tcp_conn *conn, uint32_t max);
/* A segment with ACK went out (data or not): rcv_wup, last_ack_sent. */
void tcp_ackgen_sent(struct tcp_conn *conn, bool data, uint64_t now);
void tcp_delack_expired(struct tcp_conn *conn, uint64_t now);

#endif
