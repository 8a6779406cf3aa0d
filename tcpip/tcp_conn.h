/* SPDX-License-Identifier: ISC */
/* tcp_conn.h - the records of TCP: what a connection is made of, and its small relatives.
 *
 * The sender keeps bytes and segments apart. Bytes: a list of chunks, each a view of a page
 * (tcp_sndbuf.c). Segments: a record for each that was sent and not acknowledged, in a tree by
 * sequence number and a list by time of last transmission (tcp_flight.c). A record points at the
 * chunk its first byte is in.
 *
 * cwnd, ssthresh and flight are counted in segments, as Linux and TCP_INFO do; a super-segment
 * counts as the segments the device will make of it. */
#ifndef TCPIP_TCP_CONN_H
#define TCPIP_TCP_CONN_H

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

/* ---- what waits, all of a list equally long -------------------------------------------------- */

/* A record's place in such a list. */
struct tcp_age {
    struct tcp_age *older, *newer;
    uint64_t at; /* its time is up */
};

static inline void tcp_age_append(struct tcp_age_list *list, struct tcp_age *age, uint64_t at)
{
    age->at = at;
    age->newer = NULL;
    age->older = list->newest;
    *(age->older != NULL ? &age->older->newer : &list->oldest) = age;
    list->newest = age;
}

static inline void tcp_age_remove(struct tcp_age_list *list, const struct tcp_age *age)
{
    *(age->older != NULL ? &age->older->newer : &list->oldest) = age->newer;
    *(age->newer != NULL ? &age->newer->older : &list->newest) = age->older;
}

/* ---- a segment on its way in ----------------------------------------------------------------- */

struct tcp_rx {
    /* With all its headers; whoever keeps it sets this to NULL, else tcp_in_segment puts it. */
    struct pkt *pkt;
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

/* Bytes, the FIN not counted. */
static inline uint32_t tcp_seg_len(const struct tcp_seg *seg)
{
    return seg->node.end - seg->node.seq - ((seg->flags & TCP_SEG_FIN) != 0);
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

/* How long the least round trip is believed to be the path's. */
#define TCP_RTT_LEAST_NS (300 * NS_PER_S)

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
        struct {
            uint64_t rate;      /* 1/8 segments a second; 0: none measured yet */
            uint64_t since_ns;  /* this sample's beginning; 0: none runs */
            uint32_t delivered; /* segments in it */
            uint64_t least_ns;  /* round trip */
        } westwood;
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
    /* Each ACK that delivered something, in recovery too; NULL: of no interest. */
    void (*delivered)(struct tcp_cc *cc, uint32_t delivered, uint64_t rtt_ns, uint64_t now);
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
extern const struct tcp_cc_ops tcp_cc_newreno, tcp_cc_cubic, tcp_cc_westwood;

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
enum tcp_ackgen_bits {
    TCP_ACKGEN_DUE = 1,     /* something came that must be acknowledged, soon or now */
    TCP_ACKGEN_NOW = 2,     /* now */
    TCP_ACKGEN_PUSHED = 4,  /* a small segment was among it, */
    TCP_ACKGEN_PUSHED2 = 8, /* or several */
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
    uint32_t ooo_pages;
    struct tcp_ooo *recent;      /* latest grown first */
    bool fin;                    /* a FIN came, out of order perhaps, */
    uint32_t fin_seq;            /* at this number */
    struct tcp_sack_block dsack; /* to be told with the next ACK; start == end: none */
    uint32_t mss;                /* of the peer's segments, estimated */
    uint32_t mss_seen;           /* length of the last segment that was shorter; 0: it was not */
    /* autotuning (dynamic right-sizing) */
    uint64_t rtt_ns,
        rtt_at;       /* receiver's estimate; without timestamps: of a round that began then */
    uint32_t rtt_seq; /* and ends there */
    uint32_t rtt_ecr; /* with them: the last echo that was looked at */
    /* with timestamps: its least, of TCP_RTT_LEAST_NS, and when; UINT64_MAX: none yet */
    uint64_t rtt_least_ns, rtt_least_at;
    uint32_t space;        /* bytes the program took in the last round, */
    uint64_t space_at;     /* and when this one began, */
    uint64_t space_copied; /* and what it had taken then */
    uint64_t copied;       /* bytes the program took, ever */
    uint64_t path;         /* twice what the path holds without queues, as measured last, */
    uint64_t path_at;      /* and from when on it is measured now, */
    uint64_t path_copied;  /* and what the program had taken then */
    /* when to acknowledge */
    uint8_t ack;     /* enum tcp_ackgen_bits */
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

/* What a peer's full segments hold as long as it has not said so (RFC 9293 section 3.7.1); and the
 * shortest that are believed to be full. */
#define TCP_MSS_DEFAULT 536u
#define TCP_MSS_CREDIBLE 88u

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
    uint32_t iss, snd_una, snd_nxt, snd_wl1;
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
    uint64_t invalid_at;       /* tcp_reset_may_answer: when the last was */
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

static inline const struct tcp_tuning *tcp_conn_tuning(const struct tcp_conn *conn)
{
    return &conn->tcp->conf.tuning;
}

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
    struct tcp_link link; /* a free one's `next` is the next free one */
    struct tcp_age age;   /* in tcp->syn_rounds[tries]; a cookie's: in no list, and all 0 */
    struct tcp_listener *listener;
    uint32_t generation; /* of the listener */
    uint32_t iss, irs;
    uint32_t ts_recent, ts_offset;
    uint16_t rcv_wnd; /* as our SYN-ACK says, as long as it is sent: */
    uint16_t mss_offered;
    uint8_t rcv_wscale;
    uint16_t mss;   /* peer's */
    uint8_t tries;  /* SYN-ACKs sent again */
    uint8_t wscale; /* peer's, 14 at most */
    bool ts_ok, sack_ok, wscale_ok, ecn_ok;
    uint8_t again;         /* the same, those for a SYN that came again counted too: no RTT then */
    uint64_t sent_ns;      /* the first SYN-ACK: RTT; 0: it was a cookie, we do not know */
    uint64_t challenge_at; /* next challenge ACK may go */
};

/* A connection in TIME-WAIT, or one whose program has closed and which waits for FIN. */
struct tcp_tw {
    struct tcp_link link; /* a free one's `next` is the next free one */
    struct tcp_age age;   /* in one of tcp->tw_waits */
    uint8_t state;        /* TCP_TIME_WAIT or TCP_FIN_WAIT_2 */
    bool ts_ok;
    uint8_t rcv_wscale, tos, ttl;
    uint32_t snd_nxt, rcv_nxt, rcv_wnd;
    uint32_t ts_recent, ts_offset;
    uint64_t ts_recent_at;
    uint64_t challenge_at; /* next ACK of an unacceptable segment may go */
};

#endif
