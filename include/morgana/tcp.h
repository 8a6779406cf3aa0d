/* SPDX-License-Identifier: ISC */
/* tcp.h - TCP over IPv4 (RFC 9293). Readiness is polled; payload is never copied.
 *
 *     static struct tcp tcp;
 *     struct tcp_conf conf = {.nif = &nif, .conns_max = 1000, .pages_max = 8192,
 *                             .tuning = tcp_tuning_default};
 *     plat_entropy(cs_of(conf.key, sizeof(conf.key)));
 *     conf.memory_bytes = tcp_memory_bytes(&conf);
 *     conf.memory = aligned_alloc(64, conf.memory_bytes);
 *     tcp_init(&tcp, &conf, plat_now_ns());
 *     tcp_listen(&tcp, &(struct tcp_listen_conf){.port = 7}, &listener);
 *     for (;;) {
 *         busy = netif_poll(&nif, plat_now_ns(), 64);   segments in, timers, segments out
 *         while ((handle = tcp_next_ready(&tcp)) != 0)  whoever has news, each once
 *             serve(handle, tcp_ready(&tcp, handle));   to tcp_accept, where it is the listener
 *         if (!busy && !netif_arm(&nif))
 *             plat_wait(netif_poll_at(&nif));
 *     }
 *
 * What a call asks to be sent leaves at the next netif_poll, which netif_arm asks for: so a loop
 * that writes several times makes whole segments.
 *
 * A connection or listener is named by a handle. A handle whose connection is gone, of another
 * stack, or made up, is -E_BADF everywhere, never a crash. tcp_close and tcp_abort end a handle,
 * and nothing else does: one whose connection was reset or given up must be closed too. What is
 * left to do for the connection, TCP does by itself.
 */
#ifndef MORGANA_TCP_H
#define MORGANA_TCP_H

#include <morgana/netif.h>
#include <morgana/tcp_tuning.h>

struct tcp;

/* A listener or a connection; 0 is never one. */
typedef uint64_t tcp_t;

/* ---- configuration --------------------------------------------------------------------------- */

struct tcp_conf {
    struct netif *nif;   /* Kept. One stack for an interface */
    uint64_t key[2];     /* secret, of ISNs, ports, cookies, hashes: from plat_entropy (RFC 6528) */
    void *memory;        /* aligned to 64; Kept until tcp_fini */
    size_t memory_bytes; /* at least tcp_memory_bytes(conf) */
    uint32_t conns_max;  /* connections, TIME-WAIT not counted: 1..2^20. About 1.5 KiB each */
    uint32_t listeners_max;  /* 1..2^20, 144 bytes each; 0: 16 */
    uint32_t syns_max;       /* half-open ones, 112 bytes each; beyond: cookies. 0: as conns_max */
    uint32_t time_waits_max; /* 96 bytes each; the oldest makes room. 0: as conns_max */
    /* Sent segments not acknowledged yet and pieces of data to send, all connections together; 0: 4
     * for each page. 144 bytes each. A connection has no more of those segments than are left */
    uint32_t segs_max;
    /* Pages that all buffers may hold together; the page pool should have these and what the
     * device posts. 16..2^24; 160 bytes each, for ranges of out-of-order data */
    uint32_t pages_max;
    struct tcp_tuning tuning;
};

/* ---- counters -------------------------------------------------------------------------------- */

/* Why a segment went no further. */
#define TCP_DROPS(S)                                                                               \
    S(malformed) /* shorter than its header, or options that do not add up */                      \
    S(checksum)                                                                                    \
    S(no_memory)   /* no connection, segment record or page */                                     \
    S(no_port)     /* nobody listens: answered by RST */                                           \
    S(not_unicast) /* SYNs to a group (RFC 1122 4.2.3.10) */                                       \
    S(bad_flags)   /* SYN with FIN or RST, none at all */                                          \
    S(out_of_window)                                                                               \
    S(bad_ack)       /* of what was not sent, or too old (RFC 5961 section 5) */                   \
    S(paws)          /* RFC 7323 section 5 */                                                      \
    S(no_timestamp)  /* it was negotiated and is missing (RFC 7323 section 3.2) */                 \
    S(rst_in_window) /* not exactly at rcv_nxt: challenged (RFC 5961 section 3) */                 \
    S(syn_in_window) /* challenged (RFC 5961 section 4) */                                         \
    S(after_close)   /* data that no program will read: answered by RST */                         \
    S(zero_window)   /* data where we had said there is no room */                                 \
    S(ooo_limit)     /* out-of-order data given up for want of budget */                           \
    S(rcvbuf_limit)  /* in-order data likewise */                                                  \
    S(duplicate)     /* all of it was here already */                                              \
    S(backlog_full)  /* handshakes completed or begun with no place in the accept queue */         \
    S(bad_cookie)                                                                                  \
    S(icmp_ignored) /* about a sequence number that is not in flight (RFC 5927) */                 \
    S(time_wait)    /* segments to a connection in TIME-WAIT */

#define TCP_EVENTS(S)                                                                              \
    S(segs_in)                                                                                     \
    S(segs_out)                                                                                    \
    S(merged_in) /* of segs_in, joined to the one before (large receive) */                        \
    S(gso_out)   /* super-segments */                                                              \
    S(opened_active)                                                                               \
    S(opened_passive)                                                                              \
    S(accepted)                                                                                    \
    S(closed) /* both sides in order */                                                            \
    S(reset_in)                                                                                    \
    S(reset_out)                                                                                   \
    S(reset_limited) /* not sent: too many */                                                      \
    S(aborted)                                                                                     \
    S(timed_out)                                                                                   \
    S(evicted)     /* to keep the memory budget */                                                 \
    S(retransmits) /* segments */                                                                  \
    S(rtos)                                                                                        \
    S(tlps)                                                                                        \
    S(fast_recoveries)                                                                             \
    S(undos) /* of recoveries that proved spurious */                                              \
    S(dsacks_in)                                                                                   \
    S(dsacks_out)                                                                                  \
    S(sack_ignored) /* blocks that are malformed or outside what was sent */                       \
    S(ooo_in)                                                                                      \
    S(delayed_acks)                                                                                \
    S(dup_acks_in)                                                                                 \
    S(challenge_acks)                                                                              \
    S(challenge_limited)                                                                           \
    S(syn_cookies_sent)                                                                            \
    S(syn_cookies_ok)                                                                              \
    S(syn_evicted)                                                                                 \
    S(synack_retransmits)                                                                          \
    S(time_waits)                                                                                  \
    S(time_wait_reused)                                                                            \
    S(time_wait_evicted)                                                                           \
    S(window_probes)                                                                               \
    S(keepalives)                                                                                  \
    S(urgent_in)                                                                                   \
    S(ecn_ce_in)                                                                                   \
    S(ecn_ece_in)                                                                                  \
    S(pmtu_changes)                                                                                \
    S(black_holes)                                                                                 \
    S(tx_refused)   /* segments the device had no room for: sent later */                          \
    S(copied_bytes) /* payload: tcp_send, tcp_recv, and small segments joined to save pages */     \
    S(collapsed)    /* received segments so joined */

#define TCP_STAT_FIELD(name) uint64_t name;
struct tcp_stats {
    TCP_DROPS(TCP_STAT_FIELD)
    TCP_EVENTS(TCP_STAT_FIELD)
};

#define TCP_STAT_COUNT (sizeof(struct tcp_stats) / sizeof(uint64_t))
/* Names in the order of struct tcp_stats; the first tcp_drop_count are drops. */
extern const char *const tcp_stat_names[TCP_STAT_COUNT];
extern const unsigned tcp_drop_count;

/* ---- life ------------------------------------------------------------------------------------ */

/* Bytes of memory for conf's limits (conf->memory is not looked at); 0 where one is out of
 * range. */
size_t tcp_memory_bytes(const struct tcp_conf *conf);
/* Starts TCP on an interface. Keeps conf->nif and conf->memory. -E_INVAL: the log names the field;
 * -E_BUSY: the interface has a stack already. */
int tcp_init(struct tcp *tcp, const struct tcp_conf *conf, uint64_t now_ns);
/* Forgets every connection without a word to its peer, puts all it holds. Before netif_fini. */
void tcp_fini(struct tcp *tcp);
/* The i-th counter; i < TCP_STAT_COUNT. */
uint64_t tcp_stat(const struct tcp *tcp, unsigned i);
/* Records by kind, and the pages that buffers hold (struct tcp_conf has their limits). */
struct tcp_usage {
    uint32_t conns, listeners, syns, time_waits, segs, chunks, ooo, pages;
};
/* What is in use now: for tests of "every pool is full again", and for monitors. */
struct tcp_usage tcp_usage(const struct tcp *tcp);

/* ---- opening --------------------------------------------------------------------------------- */

struct tcp_listen_conf {
    uint32_t addr;    /* of ours; IP4_ANY: all */
    uint16_t port;    /* 1..65535 */
    uint32_t backlog; /* connections that wait for tcp_accept: 1..65535; 0: 128 */
};
/* -E_ADDRINUSE, -E_ADDRNOTAVAIL, -E_NOMEM (listeners_max), -E_INVAL (port 0). The handle is
 * readable (TCP_READY_ACCEPT) when there is a connection to accept. */
int tcp_listen(struct tcp *tcp, const struct tcp_listen_conf *conf, tcp_t *listener);
/* The oldest established connection that waits. -E_AGAIN: none. -E_BADF. */
int tcp_accept(struct tcp *tcp, tcp_t listener, tcp_t *conn);

struct tcp_connect_conf {
    uint32_t src;      /* IP4_ANY: chosen by the route */
    uint16_t src_port; /* 0: chosen (RFC 6056), unpredictably from 32768..60999 */
    uint32_t dst;
    uint16_t dst_port;
};
/* Begins to connect; TCP_READY_SEND when it is established, TCP_READY_ERROR when it failed
 * (tcp_error says why). -E_HOSTUNREACH, -E_ADDRNOTAVAIL (src, or every port is in use),
 * -E_ADDRINUSE (this very pair of ends exists), -E_NOMEM, -E_INVAL (dst no unicast address, port
 * 0). */
int tcp_connect(struct tcp *tcp, const struct tcp_connect_conf *conf, uint64_t now_ns, tcp_t *conn);

/* ---- readiness ------------------------------------------------------------------------------- */

enum {
    TCP_READY_RECV = 1,   /* tcp_recv_peek has bytes */
    TCP_READY_SEND = 2,   /* tcp_send_reserve has room, at least a third of the buffer */
    TCP_READY_ACCEPT = 4, /* tcp_accept has a connection */
    TCP_READY_EOF = 8,    /* the peer sends no more (all before it was read, or is still to read) */
    TCP_READY_ERROR = 16, /* it is gone: tcp_error says why; what came before can be read still */
    TCP_READY_URGENT = 32, /* the urgent mark lies ahead (RFC 6093: the data is in line) */
    TCP_READY_ACKED = 64,  /* everything sent was acknowledged */
};
/* What the handle is ready for now: bits as above; 0 also for a bad handle. */
unsigned tcp_ready(const struct tcp *tcp, tcp_t handle);
/* A handle with a READY bit to which something happened since it was last given here, each once,
 * the longest waiting first; 0: none. More data is news though RECV was set already; what was left
 * undone is not: go on until -E_AGAIN, or remember whom to come back to. Costs the same however
 * many connections there are. */
tcp_t tcp_next_ready(struct tcp *tcp);
/* Why the connection is gone: -E_CONNRESET, -E_CONNREFUSED, -E_TIMEDOUT, -E_HOSTUNREACH, -E_PROTO,
 * -E_NOMEM (evicted); else a soft error that ICMP told of and that passes, once; 0: none.
 * -E_BADF. */
int tcp_error(struct tcp *tcp, tcp_t conn);

/* ---- receiving ------------------------------------------------------------------------------- */

/* Lends views of what came, oldest first, without taking it: fills up to `n` views; returns how
 * many; 0: the peer has sent all it had, and all was read. The views hold until consume, close or
 * abort; another peek gives the same bytes and what came since. -E_AGAIN nothing yet,
 * -E_BADF, -E_NOTCONN, or what tcp_error would say. */
int tcp_recv_peek(struct tcp *tcp, tcp_t conn, struct cs_ro *views, unsigned n);
/* Done with the first `n` bytes; n no more than there are: else -E_INVAL. -E_BADF. */
int tcp_recv_consume(struct tcp *tcp, tcp_t conn, uint32_t n, uint64_t now_ns);
/* Takes the first piece whole: Gives one reference to its page. To be sent on by tcp_send_page, or
 * kept. Errors as tcp_recv_peek; 1 where it gave, 0 at the end. */
int tcp_recv_page(struct tcp *tcp, tcp_t conn, struct page **page, uint32_t *off, uint32_t *len,
                  uint64_t now_ns);
/* The same by a copy (counted): bytes, 0 at the end, or errors as tcp_recv_peek. */
int tcp_recv(struct tcp *tcp, tcp_t conn, struct cs to, uint64_t now_ns);
/* Bytes that can be read now; -E_BADF. urgent: bytes to the urgent mark's end, 0: none. */
int tcp_recv_pending(const struct tcp *tcp, tcp_t conn, uint32_t *urgent);

/* ---- sending --------------------------------------------------------------------------------- */

/* Lends room for at most a page, to be filled and then committed; it stays the same until then.
 * -E_AGAIN no room now, -E_BADF, -E_NOTCONN (not established yet is -E_AGAIN), -E_PIPE after
 * tcp_shutdown, or what tcp_error would say. */
int tcp_send_reserve(struct tcp *tcp, tcp_t conn, struct cs *room);
/* The first `n` bytes of the room are to be sent. -E_INVAL more than was reserved; n 0: nothing. */
int tcp_send_commit(struct tcp *tcp, tcp_t conn, uint32_t n, uint64_t now_ns);
/* Sends `len` bytes of a page. Takes one reference of the caller's on 0; the bytes must not change
 * until the last is put. Errors as reserve; -E_INVAL outside the page or len 0. */
int tcp_send_page(struct tcp *tcp, tcp_t conn, struct page *page, uint32_t off, uint32_t len,
                  uint64_t now_ns);
/* The same by a copy (counted): bytes taken, less than asked where room ends; errors as
 * reserve. Neither goes between a reserve and its commit: -E_BUSY. */
int tcp_send(struct tcp *tcp, tcp_t conn, struct cs_ro bytes, uint64_t now_ns);
/* The next byte after what was sent is where the urgent data ends (RFC 6093: discouraged). Errors
 * as reserve. */
int tcp_send_urgent(struct tcp *tcp, tcp_t conn);
/* Bytes not acknowledged yet, and of them not sent yet; -E_BADF. */
int tcp_send_pending(const struct tcp *tcp, tcp_t conn, uint32_t *unsent);

/* ---- ending ---------------------------------------------------------------------------------- */

/* No more will be sent: FIN after what is there. Receiving goes on. -E_BADF, -E_NOTCONN (not
 * established yet), or what tcp_error would say. */
int tcp_shutdown(struct tcp *tcp, tcp_t conn, uint64_t now_ns);
/* The program has done with it: the handle ends. Sends what is there and FIN; where received data
 * was not read, or comes later, RST instead (RFC 9293 3.6.1, RFC 2525 2.17). A listener: those not
 * accepted are reset. -E_BADF. */
int tcp_close(struct tcp *tcp, tcp_t handle, uint64_t now_ns);
/* RST at once, everything dropped. The handle ends. -E_BADF: also of a listener. */
int tcp_abort(struct tcp *tcp, tcp_t conn, uint64_t now_ns);

/* ---- options and statistics ------------------------------------------------------------------ */

/* Of a connection; on a listener: of those it accepts from then on. Times in ns. */
enum tcp_opt {
    TCP_OPT_NODELAY,   /* 1: no Nagle (RFC 9293 3.7.4) */
    TCP_OPT_CORK,      /* 1: only full segments; others wait for RTO, persist_min_ns at least */
    TCP_OPT_QUICKACK,  /* 1: no delayed ACKs; 0: delay from now on */
    TCP_OPT_KEEPALIVE, /* 1: on */
    TCP_OPT_KEEPALIVE_IDLE,
    TCP_OPT_KEEPALIVE_INTERVAL,
    TCP_OPT_KEEPALIVE_PROBES,
    TCP_OPT_USER_TIMEOUT, /* unacknowledged data or unanswered probes for so long end it (RFC 9293
                             3.8.3, RFC 5482 section 3); 0: by retries */
    TCP_OPT_USER_TIMEOUT_SEND, /* 1: tell the peer (RFC 5482) */
    TCP_OPT_LINGER, /* close ends in RST where the peer has not acknowledged all within so many
                          ns; 0: close is abort; NS_NEVER: off, the default */
    TCP_OPT_MSS,    /* 64..65495: ours is at most this; before the handshake */
    TCP_OPT_RCVBUF,
    TCP_OPT_SNDBUF,        /* bytes; fixes the size: no more autotuning */
    TCP_OPT_WINDOW_CLAMP,  /* the window offered is at most this */
    TCP_OPT_NOTSENT_LOWAT, /* READY_SEND only below so many unsent bytes */
    TCP_OPT_CC,            /* enum tcp_cc_kind */
    TCP_OPT_TTL,
    TCP_OPT_TOS,
    TCP_OPT_ECN,             /* enum tcp_ecn_mode; before the handshake */
    TCP_OPT_CONNECT_TIMEOUT, /* SYN-SENT lasts no longer; 0: as many SYNs as there are retries */
    TCP_OPTS
};
/* -E_BADF; -E_INVAL: no such option, none that a listener has, a value out of its range, or too
 * late. */
int tcp_set(struct tcp *tcp, tcp_t handle, enum tcp_opt opt, uint64_t value, uint64_t now_ns);
/* What holds now, in the unit that tcp_set takes; a listener: what those it accepts begin with. TOS
 * is without ECN's two bits (RFC 3168 section 5). -E_BADF; -E_INVAL: no such option, or none that a
 * listener has; *value is untouched then. */
int tcp_get(const struct tcp *tcp, tcp_t handle, enum tcp_opt opt, uint64_t *value);

/* RFC 9293 section 3.3.2. Names by tcp_state_name: "SYN-SENT". */
enum tcp_state {
    TCP_CLOSED,
    TCP_LISTEN,
    TCP_SYN_SENT,
    TCP_SYN_RECEIVED,
    TCP_ESTABLISHED,
    TCP_FIN_WAIT_1,
    TCP_FIN_WAIT_2,
    TCP_CLOSE_WAIT,
    TCP_CLOSING,
    TCP_LAST_ACK,
    TCP_TIME_WAIT,
    TCP_STATES
};
/* As the RFC writes it; "?" for a number that is no state. Never NULL. */
const char *tcp_state_name(enum tcp_state state);

/* What congestion control is doing. */
enum tcp_ca_state { TCP_CA_OPEN, TCP_CA_DISORDER, TCP_CA_CWR, TCP_CA_RECOVERY, TCP_CA_LOSS };

/* A connection's state for people and tests; times in ns, sizes in bytes unless said. */
struct tcp_info {
    uint8_t state, ca_state; /* enum tcp_state, enum tcp_ca_state */
    bool ts_ok, sack_ok, wscale_ok, ecn_ok, ecn_seen;
    uint8_t snd_wscale, rcv_wscale;
    uint32_t src, dst;
    uint16_t src_port, dst_port;
    uint32_t snd_mss, rcv_mss, advmss, pmtu; /* rcv_mss: estimated from what comes */
    uint64_t rto_ns, ato_ns, srtt_ns, rttvar_ns, min_rtt_ns, rcv_rtt_ns;
    uint32_t cwnd, ssthresh; /* segments; ssthresh UINT32_MAX: not set */
    uint32_t packets_out, sacked_out, lost_out, retrans_out; /* segments in flight, and of them */
    uint32_t reordering;                                     /* segments */
    uint32_t snd_wnd, rcv_wnd, rcv_ssthresh, rcvbuf, sndbuf;
    uint32_t unsent;
    uint32_t retransmits, backoff, probes; /* consecutive: of RTOs, doublings, probes */
    uint32_t reord_seen, dsack_dups;
    uint64_t total_retrans, segs_in, segs_out, data_segs_in, data_segs_out, rcv_ooo;
    uint64_t bytes_acked, bytes_received, bytes_sent, bytes_retrans;
    uint64_t delivered, delivered_ce, rtos, recoveries;
    uint64_t delivery_rate; /* bytes a second */
    uint64_t since_data_sent_ns, since_data_recv_ns, since_ack_recv_ns;
    uint64_t busy_ns, rwnd_limited_ns,
        sndbuf_limited_ns; /* time with data in flight, and why not more */
};
/* -E_BADF: also of a listener. */
int tcp_info(const struct tcp *tcp, tcp_t conn, uint64_t now_ns, struct tcp_info *info);

/* Addresses and ports in host order. */
struct tcp_ends {
    uint32_t src, dst;
    uint16_t src_port, dst_port;
};
/* Both ends of a connection, or a listener's own: dst and dst_port are 0. -E_BADF: *ends is
 * untouched. */
int tcp_ends(const struct tcp *tcp, tcp_t handle, struct tcp_ends *ends);

/* ---- storage --------------------------------------------------------------------------------- */

struct tcp_conn;
struct tcp_listener;
struct tcp_syn;
struct tcp_tw;
struct tcp_seg;
struct tcp_chunk;
struct tcp_ooo;
struct tcp_link;
struct tcp_age;
struct tcp_lro;

#define TCP_LISTEN_BUCKETS 32u /* a power of two */
#define TCP_MEM_RANKS 25u      /* pages_max is at most 2^24 */
#define TCP_SYN_ROUNDS 16u     /* synack_retries is at most 15 */
#define TCP_PORT_COUNTS 256u

/* Caller's storage; everything in it is TCP's but `stats`, which may be read. */
struct tcp {
    struct tcp_conf conf;
    struct tcp_stats stats;
    uint32_t salt; /* marks our handles */

    /* Arrays in conf.memory, and their free lists. */
    struct tcp_conn *conns, *conns_free;
    struct tcp_listener *listeners;
    struct tcp_syn *syns;
    struct tcp_tw *tws;
    struct tcp_link *syns_free, *tws_free;
    struct tcp_seg *segs_free;
    struct tcp_chunk *chunks_free;
    struct tcp_ooo *ooo_free;
    struct tcp_usage used;
    uint32_t orphans;                          /* connections that their program has closed */
    uint32_t conns_made, syns_made, tws_made;  /* of the arrays: below these each was used once */
    struct tcp_conn *mem_ranks[TCP_MEM_RANKS]; /* tcp_mem.c: by the logarithm of what they hold */
    uint32_t ooo_look;                         /* tcp_mem.c: of conns, the next to be looked at */

    struct tcp_link **buckets; /* tcp_demux.c */
    uint32_t bucket_mask;
    uint64_t hash_key[4];
    struct tcp_listener *listening[TCP_LISTEN_BUCKETS]; /* by port */
    struct tcp_conn **heap; /* tcp_timer.c: connections by their earliest deadline */
    uint32_t heap_count;
    struct tcp_age_list {
        struct tcp_age *oldest, *newest;
    } syn_rounds[TCP_SYN_ROUNDS], /* tcp_syn.c: by retransmissions so far */
        tw_waits[2];              /* tcp_tw.c: TIME-WAIT, FIN-WAIT-2 */

    struct tcp_conn *dirty_head, *dirty_tail; /* have something to send at the end of this poll */
    uint32_t dirty_count;
    bool dirty_news;               /* there is one that the last poll has not tried */
    bool blocked;                  /* the device refused a packet in this poll */
    void *ready_head, *ready_tail; /* struct tcp_news, for tcp_next_ready */
    struct tcp_lro *lro;           /* tcp_lro.c: segments being joined */
    struct page *headers;          /* tcp_emit.c: the page that header slots are cut from */
    uint32_t headers_off;
    uint32_t rcv_promised; /* tcp_window.c: sum of rcv.promised */
    uint64_t random_state, random_step;
    uint64_t reset_at;                     /* tcp_reset.c: this second's begin, */
    uint32_t resets;                       /* and how many may still go */
    uint64_t cookie_until;                 /* cookies are believed until then */
    uint16_t port_counts[TCP_PORT_COUNTS]; /* tcp_isn.c: RFC 6056's table */
    uint64_t now;                          /* of the poll that is running */
};

#endif
