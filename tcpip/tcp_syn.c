/* SPDX-License-Identifier: ISC */
/* tcp_syn.c - half-open connections: SYN-RECEIVED of a passive open, in a small record (RFC 4987
 * section 3.4; RFC 9293 section 3.10.7.4 for that state).
 *
 * A record is all that a SYN costs until its sender has proved that it is where it says. Records
 * whose SYN-ACK was sent equally often wait equally long: each such round is a list, the
 * earliest deadline first, so that timers cost O(1). When all records are in use, SYNs are
 * answered by cookies (tcp_cookie.c), which cost nothing; without cookies the one that was tried
 * most often, and of those the oldest, makes room.
 *
 * A SYN-ACK that is sent again is the first one: same number, same options, but for the clock. */
#include "tcpip/tcp_priv.h"

/* ---- what a SYN-ACK offers ------------------------------------------------------------------ */

uint16_t tcp_syn_window(const struct tcp *tcp, const struct tcp_preset *preset, bool ts_ok)
{
    const struct tcp_tuning *tuning = &tcp->conf.tuning;
    uint32_t rcvbuf = preset->rcvbuf != 0 ? preset->rcvbuf : tuning->rcvbuf;
    uint32_t clamp = preset->window_clamp != 0 ? preset->window_clamp : UINT32_MAX;

    return (uint16_t)tcp_window_first(tuning, u32_min(rcvbuf, clamp),
                                      tcp_conn_mss_offer(tcp, preset->mss_max) -
                                          (ts_ok ? TCP_TS_BYTES : 0));
}

uint8_t tcp_syn_wscale(const struct tcp *tcp, const struct tcp_preset *preset)
{
    uint32_t most = tcp->conf.tuning.rcvbuf_max;

    /* A size that the program has set stays. */
    if (preset->rcvbuf > most || (preset->rcvbuf != 0 && !tcp->conf.tuning.rcvbuf_whole))
        most = preset->rcvbuf;
    if (preset->window_clamp != 0)
        most = u32_min(most, preset->window_clamp);
    return tcp_window_scale(&tcp->conf.tuning, most);
}

/* ---- sending -------------------------------------------------------------------------------- */

/* iss and ts_val: a cookie's, or the record's. */
static void send_synack(struct tcp *tcp, const struct tcp_syn *syn, uint32_t iss, uint32_t ts_val,
                        uint64_t now)
{
    const struct tcp_preset *preset = &syn->listener->preset;
    struct tcp_options options = {.has = TCP_HAS_MSS,
                                  .mss = syn->mss_offered,
                                  .wscale = syn->rcv_wscale,
                                  .ts_val = ts_val,
                                  .ts_ecr = syn->ts_recent};
    struct tcp_bare bare = {.key = syn->link.key,
                            .seq = iss,
                            .ack = syn->irs + 1,
                            .flags = TCP_SYN | TCP_ACK,
                            .window = syn->rcv_wnd,
                            .ttl = preset->ttl,
                            .tos = preset->tos,
                            .options = &options};

    /* RFC 7323 sections 2.2 and 3.2, RFC 2018 section 2: only what the SYN had. */
    if (syn->wscale_ok)
        options.has |= TCP_HAS_WSCALE;
    if (syn->sack_ok)
        options.has |= TCP_HAS_SACK_OK;
    if (syn->ts_ok)
        options.has |= TCP_HAS_TS;
    if (syn->ecn_ok) /* RFC 3168 section 6.1.1 */
        bare.flags |= TCP_ECE;
    tcp_emit_stray(tcp, &bare, now);
}

static void send_record(struct tcp *tcp, const struct tcp_syn *syn, uint64_t now)
{
    send_synack(tcp, syn, syn->iss, tcp_ts_now(tcp, syn->ts_offset, now), now);
}

/* Answers a segment with where we are (RFC 9293 section 3.10.7.4, first): not more often than the
 * record allows. */
static void send_ack(struct tcp *tcp, struct tcp_syn *syn, const struct tcp_rx *rx)
{
    const struct tcp_preset *preset = &syn->listener->preset;
    struct tcp_options options = {.has = syn->ts_ok ? TCP_HAS_TS : 0,
                                  .ts_val = tcp_ts_now(tcp, syn->ts_offset, rx->now),
                                  .ts_ecr = syn->ts_recent};
    struct tcp_bare bare = {.key = syn->link.key,
                            .seq = syn->iss + 1,
                            .ack = syn->irs + 1,
                            .flags = TCP_ACK,
                            .ttl = preset->ttl,
                            .tos = preset->tos,
                            .options = &options};
    uint8_t scale = syn->wscale_ok ? syn->rcv_wscale : 0;

    if (rx->len == 0 && !tcp_reset_may_answer(tcp, &syn->challenge_at, rx->now)) {
        tcp->stats.challenge_limited++;
        return;
    }
    bare.window = (uint16_t)(syn->rcv_wnd >> scale);
    tcp->stats.challenge_acks++;
    tcp_emit_stray(tcp, &bare, rx->now);
}

/* ---- records -------------------------------------------------------------------------------- */

/* NULL stays NULL. */
static struct tcp_syn *syn_of(struct tcp_age *age)
{
    return age == NULL ? NULL : (void *)((char *)age - offsetof(struct tcp_syn, age));
}

static void stop_waiting(struct tcp *tcp, struct tcp_syn *syn)
{
    tcp_age_remove(&tcp->syn_rounds[syn->tries], &syn->age);
}

/* For an answer to the SYN-ACK that is being sent: at the end of its round's list. */
static void wait(struct tcp *tcp, struct tcp_syn *syn, uint64_t now)
{
    const struct tcp_tuning *tuning = &tcp->conf.tuning;
    uint64_t ns = u64_min(tuning->synack_rto_ns << syn->tries, tuning->rto_max_ns);

    tcp_age_append(&tcp->syn_rounds[syn->tries], &syn->age, now + ns);
}

static void drop(struct tcp *tcp, struct tcp_syn *syn)
{
    stop_waiting(tcp, syn);
    tcp_demux_remove(tcp, &syn->link);
    syn->listener->syn_count--;
    syn->link.next = tcp->syns_free;
    tcp->syns_free = &syn->link;
    tcp->used.syns--;
}

void tcp_syn_drop_listener(struct tcp *tcp, struct tcp_listener *listener)
{
    for (unsigned i = 0; i < TCP_SYN_ROUNDS && listener->syn_count != 0; i++) {
        struct tcp_syn *syn = syn_of(tcp->syn_rounds[i].oldest), *next;

        for (; syn != NULL; syn = next) {
            next = syn_of(syn->age.newer);
            if (syn->listener == listener)
                drop(tcp, syn);
        }
    }
}

static void evict(struct tcp *tcp)
{
    for (unsigned i = TCP_SYN_ROUNDS; i-- > 0;)
        if (tcp->syn_rounds[i].oldest != NULL) {
            drop(tcp, syn_of(tcp->syn_rounds[i].oldest));
            tcp->stats.syn_evicted++;
            return;
        }
}

/* NULL: all are in use. */
static struct tcp_syn *get(struct tcp *tcp)
{
    struct tcp_syn *syn = (struct tcp_syn *)tcp->syns_free;

    if (syn != NULL)
        tcp->syns_free = syn->link.next;
    else if (tcp->syns_made < tcp->conf.syns_max)
        syn = &tcp->syns[tcp->syns_made++];
    else
        return NULL;
    tcp->used.syns++;
    return syn;
}

/* ---- a SYN ---------------------------------------------------------------------------------- */

uint16_t tcp_syn_peer_mss(const struct tcp *tcp, const struct tcp_options *options)
{
    uint16_t mss = (options->has & TCP_HAS_MSS) != 0 ? options->mss : TCP_MSS_DEFAULT;

    /* One that would make us send crumbs is not believed (CVE-2019-11479). */
    return mss < tcp->conf.tuning.mss_floor ? tcp->conf.tuning.mss_floor : mss;
}

uint8_t tcp_syn_peer_wscale(const struct tcp_options *options)
{
    return options->wscale > TCP_WSCALE_MAX ? TCP_WSCALE_MAX : options->wscale;
}

/* What the SYN asks for and we agree to. */
static struct tcp_syn read_syn(const struct tcp *tcp, struct tcp_listener *listener,
                               const struct tcp_rx *rx)
{
    const struct tcp_tuning *tuning = &tcp->conf.tuning;
    const uint16_t ecn = TCP_ECE | TCP_CWR;
    bool ts_ok = tuning->timestamps && (rx->opts.has & TCP_HAS_TS) != 0;

    return (struct tcp_syn){
        .link = {.key = rx->key, .kind = TCP_LINK_SYN},
        .listener = listener,
        .generation = listener->generation,
        .irs = rx->hdr.seq,
        .ts_recent = rx->opts.ts_val,
        .ts_offset = tcp_ts_offset(tcp, &rx->key),
        .rcv_wnd = tcp_syn_window(tcp, &listener->preset, ts_ok),
        .mss_offered = tcp_conn_mss_offer(tcp, listener->preset.mss_max),
        .rcv_wscale = tcp_syn_wscale(tcp, &listener->preset),
        .mss = tcp_syn_peer_mss(tcp, &rx->opts),
        .wscale = tcp_syn_peer_wscale(&rx->opts),
        .ts_ok = ts_ok,
        .sack_ok = tuning->sack && (rx->opts.has & TCP_HAS_SACK_OK) != 0,
        .wscale_ok = tuning->window_scale && (rx->opts.has & TCP_HAS_WSCALE) != 0,
        /* A SYN is never ECN-capable itself: where it is marked so, somebody on the path plays with
         * these bits (RFC 3168 section 6.1.1). */
        .ecn_ok = listener->preset.ecn_mode != TCP_ECN_OFF && (rx->hdr.flags & ecn) == ecn &&
                  rx->ecn == 0,
        .sent_ns = rx->now,
    };
}

/* No memory but what the SYN-ACK's numbers carry. */
static void answer_by_cookie(struct tcp *tcp, struct tcp_syn *syn, const struct tcp_rx *rx)
{
    uint32_t ts_val, iss = tcp_cookie_make(tcp, syn, rx->now, &ts_val);

    /* Without timestamps there is no place for them. */
    syn->sack_ok = syn->sack_ok && syn->ts_ok;
    syn->wscale_ok = syn->wscale_ok && syn->ts_ok;
    syn->ecn_ok = syn->ecn_ok && syn->ts_ok;
    tcp->stats.syn_cookies_sent++;
    send_synack(tcp, syn, iss, ts_val, rx->now);
}

void tcp_syn_begin(struct tcp *tcp, struct tcp_listener *listener, const struct tcp_rx *rx,
                   uint32_t iss)
{
    uint8_t cookies = tcp->conf.tuning.syn_cookies;
    struct tcp_syn fresh = read_syn(tcp, listener, rx), *syn;

    if (tcp_listen_full(listener)) {
        tcp->stats.backlog_full++;
        return;
    }
    /* Better now than when the peer believes that it is connected. */
    if (tcp->used.conns == tcp->conf.conns_max || tcp_mem_level(tcp) == TCP_MEM_FULL) {
        tcp->stats.no_memory++;
        return;
    }
    syn = cookies == TCP_COOKIES_ALWAYS ? NULL : get(tcp);
    if (UNLIKELY(syn == NULL)) {
        if (cookies != TCP_COOKIES_OFF) {
            answer_by_cookie(tcp, &fresh, rx);
            return;
        }
        evict(tcp);
        syn = get(tcp);
    }
    *syn = fresh;
    syn->iss = iss != 0 ? iss : tcp_isn(tcp, &rx->key, rx->now);
    tcp_demux_add(tcp, &syn->link);
    listener->syn_count++;
    wait(tcp, syn, rx->now);
    send_record(tcp, syn, rx->now);
}

/* ---- a segment for a half-open connection ---------------------------------------------------- */

void tcp_syn_establish(struct tcp *tcp, struct tcp_syn *syn, struct tcp_rx *rx)
{
    struct tcp_listener *listener = syn->listener;
    bool recorded = syn->age.at != 0; /* a cookie's stands in no list */
    struct tcp_conn *conn;

    if (tcp_listen_full(listener)) {
        tcp->stats.backlog_full++;
        return;
    }
    conn = tcp_conn_from_syn(tcp, syn, rx);
    if (conn == NULL)
        return;
    if (recorded)
        drop(tcp, syn);
    else
        tcp->stats.syn_cookies_ok++;
    tcp_listen_ready(tcp, listener, conn);
    /* It may carry text, or FIN. */
    tcp_in_conn(conn, rx);
}

/* RFC 7323 section 5.3, R1. */
static bool is_old(const struct tcp_syn *syn, const struct tcp_rx *rx)
{
    return syn->ts_ok && (rx->opts.has & TCP_HAS_TS) != 0 &&
           seq_lt(rx->opts.ts_val, syn->ts_recent);
}

/* RFC 9293 section 3.10.7.4, first. False: it is not acceptable, and that was answered. */
static bool check_window(struct tcp *tcp, struct tcp_syn *syn, const struct tcp_rx *rx)
{
    bool old = is_old(syn, rx);

    if (!old && seq_acceptable(rx->hdr.seq, tcp_rx_end(rx), syn->irs + 1, syn->rcv_wnd))
        return true;
    if (old)
        tcp->stats.paws++;
    else
        tcp->stats.out_of_window++;
    if ((rx->hdr.flags & TCP_RST) == 0)
        send_ack(tcp, syn, rx);
    return false;
}

/* Section 3.10.7.4, second and fourth. False: it goes no further. */
static bool check_reset(struct tcp *tcp, struct tcp_syn *syn, const struct tcp_rx *rx)
{
    bool strict = tcp->conf.tuning.strict_half_open;

    if ((rx->hdr.flags & TCP_RST) != 0) {
        if (strict && tcp->conf.tuning.challenge_acks &&
            rx->hdr.seq != syn->irs + 1) { /* RFC 5961 section 3.2 */
            tcp->stats.rst_in_window++;
            send_ack(tcp, syn, rx);
            return false;
        }
        tcp->stats.reset_in++;
        drop(tcp, syn);
        return false;
    }
    if ((rx->hdr.flags & TCP_SYN) != 0 && rx->hdr.seq != syn->irs) {
        /* Back to LISTEN; the peer's next try begins anew. */
        tcp->stats.syn_in_window++;
        if (!strict)
            tcp_reset_answer(tcp, rx);
        drop(tcp, syn);
        return false;
    }
    return true;
}

/* Section 3.10.7.4, fifth: does it acknowledge our SYN, and nothing else? */
static bool check_ack(struct tcp *tcp, const struct tcp_syn *syn, const struct tcp_rx *rx)
{
    if (rx->hdr.ack == syn->iss + 1)
        return true;
    tcp->stats.bad_ack++;
    tcp_reset_answer(tcp, rx);
    return false;
}

/* Our SYN-ACK was lost, or is late: it is sent again, and then waits anew. */
static void duplicate_syn(struct tcp *tcp, struct tcp_syn *syn, const struct tcp_rx *rx)
{
    if (!tcp_reset_may_answer(tcp, &syn->challenge_at, rx->now)) {
        tcp->stats.challenge_limited++;
        return;
    }
    stop_waiting(tcp, syn);
    wait(tcp, syn, rx->now);
    if (syn->again != UINT8_MAX)
        syn->again++;
    tcp->stats.synack_retransmits++;
    send_record(tcp, syn, rx->now);
}

void tcp_syn_input(struct tcp *tcp, struct tcp_syn *syn, struct tcp_rx *rx)
{
    const uint16_t kinds = TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN;
    bool ack = (rx->hdr.flags & TCP_ACK) != 0, strict = tcp->conf.tuning.strict_half_open;

    if ((rx->hdr.flags & kinds) == TCP_SYN && rx->hdr.seq == syn->irs && !is_old(syn, rx)) {
        duplicate_syn(tcp, syn, rx);
        return;
    }
    if (!strict && ack && !check_ack(tcp, syn, rx))
        return;
    if (!check_window(tcp, syn, rx) || !check_reset(tcp, syn, rx))
        return;
    if (!ack) {
        tcp->stats.bad_flags++;
        return;
    }
    if (strict && !check_ack(tcp, syn, rx))
        return;
    if (syn->ts_ok && (rx->opts.has & TCP_HAS_TS) == 0 &&
        tcp->conf.tuning.timestamps_required) { /* RFC 7323 section 3.2 */
        tcp->stats.no_timestamp++;
        return;
    }
    if (syn->ts_ok && (rx->opts.has & TCP_HAS_TS) != 0 && seq_le(rx->hdr.seq, syn->irs + 1))
        syn->ts_recent = rx->opts.ts_val;
    tcp_syn_establish(tcp, syn, rx);
}

void tcp_syn_error(struct tcp *tcp, struct tcp_syn *syn, int error)
{
    if (error != -E_MSGSIZE)
        drop(tcp, syn);
}

/* ---- timers --------------------------------------------------------------------------------- */

void tcp_syn_timers(struct tcp *tcp, uint64_t now)
{
    for (unsigned i = TCP_SYN_ROUNDS; i-- > 0;) {
        struct tcp_syn *syn;

        while ((syn = syn_of(tcp->syn_rounds[i].oldest)) != NULL && syn->age.at <= now) {
            if (syn->tries >= tcp->conf.tuning.synack_retries) {
                tcp->stats.timed_out++;
                drop(tcp, syn);
                continue;
            }
            stop_waiting(tcp, syn);
            syn->tries++;
            if (syn->again != UINT8_MAX)
                syn->again++;
            wait(tcp, syn, now);
            tcp->stats.synack_retransmits++;
            send_record(tcp, syn, now);
        }
    }
}

uint64_t tcp_syn_next(const struct tcp *tcp)
{
    uint64_t at = NS_NEVER;

    if (tcp->used.syns == 0)
        return at;
    for (unsigned i = 0; i < TCP_SYN_ROUNDS; i++)
        if (tcp->syn_rounds[i].oldest != NULL)
            at = u64_min(at, tcp->syn_rounds[i].oldest->at);
    return at;
}
