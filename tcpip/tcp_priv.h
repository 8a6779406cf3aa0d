/* SPDX-License-Identifier: ISC */
/* tcp_priv.h - what the files of TCP ask of each other; the records stand in tcp_conn.h.
 *
 * A segment's way in:
 *
 *     ip4_input -> tcp_input (tcp_in.c: parse, checksum) -> tcp_lro_input (tcp_lro.c: joins)
 *       -> tcp_in_segment (tcp_in.c: whose is it?)
 *            nobody's or a listener's -> tcp_listen_input (tcp_listen.c) -> tcp_syn.c, tcp_cookie.c
 *            half open               -> tcp_syn_input (tcp_syn.c)
 *            TIME-WAIT               -> tcp_tw_input (tcp_tw.c)
 *            SYN-SENT                -> tcp_synsent_input (tcp_synsent.c)
 *            else                    -> tcp_in_conn (tcp_in.c): RFC 9293 section 3.10.7.4
 *                                       ACK -> tcp_ack_input (tcp_ack.c) -> tcp_sack.c, tcp_rtt.c,
 *                                                   tcp_rack.c, tcp_recovery.c (-> tcp_reduce.c),
 *                                                   tcp_rto.c, tcp_cc.c, tcp_sndbuf.c (frees)
 *                                       text, FIN -> tcp_data_input (tcp_data.c) -> tcp_reass.c,
 *                                                   tcp_rcvbuf.c, tcp_ackgen.c
 *
 * A segment that comes in sends nothing for its connection: it marks it dirty. (A few answers that
 * could not wait go at once: those of no connection, RST, and the last ACK before TIME-WAIT.) At
 * the end of netif_poll, tcp_netif_ops.poll (tcp_poll.c) hands on what was being joined, runs
 * timers that are due, and then every dirty connection's output once:
 *
 *     tcp_out_conn (tcp_out.c): lost segments first (tcp_recovery_next), then new data as far as
 *       cwnd, the window and Nagle let it, FIN; an ACK where one is owed and nothing carried it
 *         -> tcp_emit_seg, tcp_emit_bare (tcp_emit.c): headers in a slot, payload by reference
 *         -> ip4_send
 */
#ifndef TCPIP_TCP_PRIV_H
#define TCPIP_TCP_PRIV_H

#include "tcpip/tcp_conn.h"

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
void tcp_timer_stop_all(struct tcp_conn *conn);    /* leaves the heap */
void tcp_timer_run(struct tcp *tcp, uint64_t now); /* runs what is due, by a table of functions */
uint64_t tcp_timer_next(const struct tcp *tcp);

/* ---- tcp_poll.c: the interface's door -------------------------------------------------------- */

extern const struct netif_tcp_ops tcp_netif_ops;
/* Something is to be sent for conn: at the end of this poll, or in the next. */
void tcp_poll_mark(struct tcp_conn *conn);
/* The device refused a packet of conn (-E_AGAIN): it is tried again when the device has room,
 * and netif_poll does not call it work. The others that are dirty are not tried in this poll any
 * more. */
void tcp_poll_mark_blocked(struct tcp_conn *conn);
void tcp_poll_unmark(struct tcp_conn *conn);

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
/* The window of a SYN or SYN-ACK, by preset and the link's MTU. */
uint16_t tcp_syn_window(const struct tcp *tcp, const struct tcp_preset *preset, bool ts_ok);
/* The window scale that it offers. */
uint8_t tcp_syn_wscale(const struct tcp *tcp, const struct tcp_preset *preset);
/* A segment for a half-open connection. */
void tcp_syn_input(struct tcp *tcp, struct tcp_syn *syn, struct tcp_rx *rx);
/* Its handshake is complete: makes the connection, which gets rx too. syn: a record, or a
 * cookie's. */
void tcp_syn_establish(struct tcp *tcp, struct tcp_syn *syn, struct tcp_rx *rx);
/* The peer's MSS by its SYN's options: never below the floor. */
uint16_t tcp_syn_peer_mss(const struct tcp *tcp, const struct tcp_options *options);
/* Its window scale: a greater one than there can be is taken for the greatest (RFC 7323 section
 * 2.3). */
uint8_t tcp_syn_peer_wscale(const struct tcp_options *options);
/* Drops all of one listener. */
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
void tcp_reset_challenge(struct tcp_conn *conn, uint64_t now);
/* May a segment without text that is not acceptable be answered, the last time having been *at
 * (tuning.invalid_ack_ns)? Then *at is now. */
bool tcp_reset_may_answer(const struct tcp *tcp, uint64_t *at, uint64_t now);

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
void tcp_conn_preset(const struct tcp *tcp, struct tcp_preset *preset);
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
void tcp_conn_linger_expired(struct tcp_conn *conn, uint64_t now);
/* FIN was acknowledged, snd_una is past it; FIN came in order, rcv_nxt is past it. Both may end the
 * connection: see conn->used and conn->state. */
void tcp_conn_fin_acked(struct tcp_conn *conn, uint64_t now);
void tcp_conn_fin_received(struct tcp_conn *conn, uint64_t now);
/* The MSS that we offer: what the link carries, at most the tuning's mss_max and the program's. */
uint16_t tcp_conn_mss_offer(const struct tcp *tcp, uint16_t mss_max);
/* Largest payload, from the path's MTU, both sides' MSS and the options every segment carries. */
void tcp_conn_mss_refresh(struct tcp_conn *conn, uint64_t now);
/* Retransmissions or probes went unanswered `tries` times: is it enough? (RFC 9293 section 3.8.3,
 * retries or user timeout). Then it has ended: true. */
bool tcp_conn_give_up(struct tcp_conn *conn, uint32_t tries, uint64_t now);

/* ---- tcp_in.c -------------------------------------------------------------------------------- */

/* A TCP packet of ip4_input. Takes pkt. */
void tcp_input(struct netif *nif, struct pkt *pkt, const struct ip4_rx *rx, uint64_t now);
/* A whole segment, or several joined. Takes rx->pkt. */
void tcp_in_segment(struct tcp *tcp, struct tcp_rx *rx);
void tcp_in_conn(struct tcp_conn *conn, struct tcp_rx *rx);
/* RFC 7323 section 5.5: a timestamp older than this says nothing. */
#define TCP_PAWS_IDLE_NS (UINT64_C(24) * 86400 * NS_PER_S)

/* ---- tcp_lro.c ------------------------------------------------------------------------------- */

/* Joins to what waits, or hands that and then this to tcp_in_segment. Takes rx->pkt. */
void tcp_lro_input(struct tcp *tcp, struct tcp_rx *rx);
void tcp_lro_flush(struct tcp *tcp);

/* ---- tcp_synsent.c --------------------------------------------------------------------------- */

void tcp_synsent_input(struct tcp_conn *conn, struct tcp_rx *rx);
/* Nobody has answered our SYN, or SYN-ACK of SYN-RECEIVED. */
void tcp_synsent_expired(struct tcp_conn *conn, uint64_t now);
/* The SYN goes, and its timer starts. */
void tcp_synsent_send(struct tcp_conn *conn, uint64_t now);

/* ---- tcp_icmp.c, tcp_pmtu.c ------------------------------------------------------------------ */

/* An ICMP error that quotes a segment of ours (RFC 5927). True: it is believed. */
bool tcp_icmp_error(struct netif *nif, const struct tcp_key *key, uint32_t seq, int error,
                    uint32_t mtu, uint64_t now);
/* Black holes (RFC 4821, RFC 8899): a segment was lost `rtos` times; something came through. */
void tcp_pmtu_rto(struct tcp_conn *conn, uint64_t now);
void tcp_pmtu_acked(struct tcp_conn *conn, uint64_t now);
/* The path carries so much: mss; what is in flight and longer is lost. */
void tcp_pmtu_set(struct tcp_conn *conn, uint32_t mtu, uint64_t now);

/* ---- tcp_ack.c: the sender; what its files know of each other is in tcp_flight.h ------------- */

/* RFC 9293 section 3.10.7.4, fifth step, for a segment of a synchronised connection that bears an
 * ACK: window, SACK, RTT, loss, congestion, freeing. False: the segment is to go no further (its
 * ACK was unacceptable: counted, answered). May end the connection: see conn->used. */
bool tcp_ack_input(struct tcp_conn *conn, struct tcp_rx *rx);
/* Can the peer have sent an ACK of `ack`? RFC 5961 section 5.2: not of what was never sent, nor of
 * what is older than the largest window. Our SYN counts. */
static inline bool tcp_ack_may_be(const struct tcp_conn *conn, uint32_t ack)
{
    uint32_t oldest = (uint32_t)u64_min(conn->snd_wnd_max, conn->bytes_acked + 1);

    return ack - (conn->snd_una - oldest) <= conn->snd_nxt - conn->snd_una + oldest;
}

/* ---- tcp_flight.c: records of what was sent -------------------------------------------------- */

/* Nothing sent yet. */
void tcp_flight_init(struct tcp_conn *conn);
/* Forgets all segments. */
void tcp_flight_clear(struct tcp_conn *conn);
/* A new segment record for [snd_nxt, snd_nxt + len) (+1 with fin) at snd.next; snd_nxt is moved by
 * tcp_flight_sent. NULL: none is free, or it has its share. */
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

/* ---- tcp_recovery.c -------------------------------------------------------------------------- */

/* The next segment to send again, within the quota; NULL: none. */
struct tcp_seg *tcp_recovery_next(struct tcp_conn *conn, uint64_t now);
/* The MTU shrank: what is longer is lost, but not for congestion (RFC 1191 section 6.4). */
void tcp_recovery_mtu(struct tcp_conn *conn, uint64_t now);

/* ---- tcp_reduce.c ---------------------------------------------------------------------------- */

/* How many segments congestion control lets out now. */
uint32_t tcp_reduce_quota(const struct tcp_conn *conn);

/* ---- tcp_rto.c ------------------------------------------------------------------------------- */

/* TCP_OWE_TLP: the segment to send again as a probe; NULL: new data is sent instead. */
struct tcp_seg *tcp_rto_tlp_seg(struct tcp_conn *conn);
/* Starts, moves or stops the RTO and the probe timer, after anything was sent or acknowledged. */
void tcp_rto_rearm(struct tcp_conn *conn, uint64_t now);
void tcp_rto_expired(struct tcp_conn *conn, uint64_t now);
void tcp_rto_tlp_expired(struct tcp_conn *conn, uint64_t now);

/* ---- tcp_rack.c ------------------------------------------------------------------------------ */

void tcp_rack_expired(struct tcp_conn *conn, uint64_t now);

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
/* New data is about to be sent: after an idle time cwnd shrinks first (RFC 5681 section 4.1). */
void tcp_cc_idle(struct tcp_conn *conn, uint64_t now);
/* An output round sent something, or had data that cwnd kept back (`limited`): cwnd validation. */
void tcp_cc_sent(struct tcp_conn *conn, bool limited, uint64_t now);

/* ---- tcp_out.c ------------------------------------------------------------------------------- */

/* Sends what conn may and must send. Only tcp_poll calls it. */
void tcp_out_conn(struct tcp_conn *conn, uint64_t now);
/* The small segment that cork held back goes now. */
void tcp_out_cork_expired(struct tcp_conn *conn, uint64_t now);

/* ---- tcp_emit.c ------------------------------------------------------------------------------ */

/* (Re)transmits one record: 0, -E_AGAIN (no room: TCP_TIMER_PACE or the device's wake-up), or
 * another error (as good as lost on the way). */
int tcp_emit_seg(struct tcp_conn *conn, struct tcp_seg *seg, uint64_t now);
/* No page, packet or record is left for it: counted, and tried again in a while. -E_AGAIN. */
int tcp_emit_no_memory(struct tcp_conn *conn, uint64_t now);
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
    return conn->ts_ok ? TCP_TS_BYTES : 0;
}

/* ---- tcp_sndbuf.c ---------------------------------------------------------------------------- */

/* Frees what lies before snd_una. */
void tcp_sndbuf_acked(struct tcp_conn *conn);
/* Frees all but what is lent: the program may be writing into it, until its handle ends. */
void tcp_sndbuf_clear(struct tcp_conn *conn);
/* After that: nobody writes into what was lent any more. */
void tcp_sndbuf_take_back(struct tcp_conn *conn);
static inline uint32_t tcp_sndbuf_bytes(const struct tcp_conn *conn)
{
    return conn->snd.head == NULL ? 0 : conn->snd.end - conn->snd.head->seq;
}
static inline uint32_t tcp_sndbuf_unsent(const struct tcp_conn *conn)
{
    return conn->snd.next == NULL ? 0 : conn->snd.end - conn->snd_nxt;
}
/* Is there data or FIN that was not sent yet? */
static inline bool tcp_sndbuf_has_new(const struct tcp_conn *conn)
{
    return conn->snd.next != NULL || (conn->fin_wanted && !conn->fin_sent);
}
/* READY_SEND: is there room for a third of the buffer, and little unsent? */
bool tcp_sndbuf_writable(const struct tcp_conn *conn);
/* Tells the program where READY_SEND rose. */
void tcp_sndbuf_wake(struct tcp_conn *conn);
/* cwnd grew: may the buffer? */
void tcp_sndbuf_tune(struct tcp_conn *conn);

/* ---- tcp_persist.c --------------------------------------------------------------------------- */

/* An acceptable ACK came, its window noted: probes were answered; goes on or ends to probe. */
void tcp_persist_update(struct tcp_conn *conn, uint64_t now);
/* Something was kept back by a closed window, with nothing in flight: begins to probe, if it does
 * not yet. */
void tcp_persist_start(struct tcp_conn *conn, uint64_t now);
void tcp_persist_stop(struct tcp_conn *conn);
void tcp_persist_expired(struct tcp_conn *conn, uint64_t now);

/* ---- tcp_keepalive.c ------------------------------------------------------------------------- */

void tcp_keepalive_expired(struct tcp_conn *conn, uint64_t now);
void tcp_keepalive_start(struct tcp_conn *conn, uint64_t now);

/* ---- tcp_chrono.c ---------------------------------------------------------------------------- */

/* How long there was something to send, and how long the peer's window or the send buffer was what
 * limited it: struct tcp_info's. */
void tcp_chrono(const struct tcp_conn *conn, uint64_t now, uint64_t *busy_ns, uint64_t *rwnd_ns,
                uint64_t *sndbuf_ns);
enum tcp_chrono_state { TCP_CHRONO_IDLE, TCP_CHRONO_BUSY, TCP_CHRONO_WINDOW, TCP_CHRONO_SNDBUF };
void tcp_chrono_set(struct tcp_conn *conn, enum tcp_chrono_state state, uint64_t now);

/* ---- tcp_data.c: text and FIN ---------------------------------------------------------------- */

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

/* ---- tcp_reass.c: out of order --------------------------------------------------------------- */

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

/* ---- tcp_rcvbuf.c: in order ------------------------------------------------------------------ */

/* Payload in order. Takes pkt (payload only); false: over budget, pkt is the caller's still. */
bool tcp_rcvbuf_push(struct tcp_conn *conn, struct pkt *pkt);
/* The same for a list that is charged already. */
void tcp_rcvbuf_push_list(struct tcp_conn *conn, struct pkt *first, struct pkt *last,
                          uint32_t bytes, uint32_t pages);
void tcp_rcvbuf_clear(struct tcp_conn *conn);
/* Does a packet hold too many pages for its bytes? */
static inline bool tcp_rcvbuf_sparse(const struct pkt *pkt)
{
    return pkt->len < pkt->frag_count * (PAGE_BYTES / 4);
}
/* Copies `pkt` behind the last bytes of `last` (counted), where their page is nobody else's and
 * has room. */
bool tcp_rcvbuf_join(struct tcp *tcp, struct pkt *last, const struct pkt *pkt);

/* ---- tcp_window.c ---------------------------------------------------------------------------- */

/* Offers a window: see tcp_window_now. */
uint32_t tcp_window_offer(struct tcp_conn *conn);
/* The window to offer now, in bytes, a multiple of 2^rcv_wscale; never less than was offered
 * before (RFC 9293 section 3.8.6.2.2: silly windows); notes rcv_adv. */
static inline uint32_t tcp_window_now(struct tcp_conn *conn)
{
    if (LIKELY(conn->rcv.window_known && conn->rcv.window_nxt == conn->rcv_nxt))
        return conn->rcv.window;
    return tcp_window_offer(conn);
}
/* What it would be without regard to what was offered before. */
uint32_t tcp_window_wanted(const struct tcp_conn *conn);
/* What may still come. */
static inline uint32_t tcp_window_offered(const struct tcp_conn *conn)
{
    return (int32_t)(conn->rcv_adv - conn->rcv_nxt) > 0 ? conn->rcv_adv - conn->rcv_nxt : 0;
}
/* The window of a SYN, for a buffer of so many bytes and our segments' payload. */
uint32_t tcp_window_first(const struct tcp_tuning *tuning, uint32_t rcvbuf, uint32_t mss);
/* Buffer and window of a SYN: rcv_adv counts from rcv_nxt. rcv.limit, rcv.fixed and rcv.clamp as
 * set before. */
void tcp_window_init(struct tcp_conn *conn, uint64_t now);
/* The same once mss is known. */
void tcp_window_negotiated(struct tcp_conn *conn, uint64_t now);
/* The window that is offered needs no pages any more: it is over. */
void tcp_window_end(struct tcp_conn *conn);
/* The window scale to offer for a buffer that may grow so far. */
uint8_t tcp_window_scale(const struct tcp_tuning *tuning, uint32_t rcvbuf_max);
/* A segment of `len` bytes came: the window's slow start. */
void tcp_window_grow(struct tcp_conn *conn, uint32_t len);
/* The program took `n` bytes: grow the buffer? tell the peer of a wider window? */
void tcp_window_taken(struct tcp_conn *conn, uint32_t n, uint64_t now);

/* ---- tcp_ackgen.c ---------------------------------------------------------------------------- */

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
void tcp_ackgen_expired(struct tcp_conn *conn, uint64_t now);

#endif
