/* SPDX-License-Identifier: ISC */
/* tcp_conn.c - a connection's life: made, established, closed by one side and the other, over.
 *
 * A connection ends once, by tcp_conn_end: timers, segments and what was to be sent are gone
 * then, and its ends are free. What it received stays as long as the program holds its handle,
 * or it waits to be accepted; `orphan` says that the program has let go. */
#include "tcpip/tcp_priv.h"

enum { MSS_MIN = 8 }; /* RFC 1812's smallest MTU with all options leaves more */

/* ---- made ----------------------------------------------------------------------------------- */

void tcp_conn_preset(const struct tcp *tcp, struct tcp_preset *preset)
{
    const struct tcp_tuning *tuning = &tcp->conf.tuning;

    *preset = (struct tcp_preset){
        .keepalive_probes_max = tuning->keepalive_probes,
        .cc_kind = tuning->cc,
        .ecn_mode = tuning->ecn,
        .ttl = tuning->ttl,
        .tos = tuning->tos,
        .mss_max = tuning->mss_max,
        .window_clamp = UINT32_MAX,
        .lowat = UINT32_MAX,
        .keepalive_idle_ns = tuning->keepalive_idle_ns,
        .keepalive_interval_ns = tuning->keepalive_interval_ns,
        .linger_ns = NS_NEVER,
    };
}

static void take_preset(struct tcp_conn *conn, const struct tcp_preset *preset)
{
    const struct tcp_tuning *tuning = &conn->tcp->conf.tuning;

    conn->nodelay = preset->nodelay;
    conn->cork = preset->cork;
    conn->keepalive = preset->keepalive;
    conn->user_timeout_send = preset->user_timeout_send;
    conn->keepalive_probes_max = preset->keepalive_probes_max;
    conn->cc_kind = preset->cc_kind;
    conn->ecn_mode = preset->ecn_mode;
    conn->mss_max = preset->mss_max;
    conn->keepalive_idle_ns = preset->keepalive_idle_ns;
    conn->keepalive_interval_ns = preset->keepalive_interval_ns;
    conn->user_timeout_ns = preset->user_timeout_ns;
    conn->linger_ns = preset->linger_ns;
    conn->connect_timeout_ns = tuning->connect_timeout_ns;
    conn->ip.ttl = preset->ttl;
    conn->ip.tos = preset->tos;
    conn->snd.fixed = preset->sndbuf != 0;
    conn->snd.limit = conn->snd.fixed ? preset->sndbuf : tuning->sndbuf;
    conn->snd.lowat = preset->lowat;
    conn->rcv.fixed = preset->rcvbuf != 0;
    conn->rcv.limit = conn->rcv.fixed ? preset->rcvbuf : tuning->rcvbuf;
    conn->rcv.clamp = preset->window_clamp;
}

void tcp_conn_init(struct tcp_conn *conn, const struct tcp_key *key,
                   const struct tcp_preset *preset, uint64_t now)
{
    const struct tcp *tcp = conn->tcp;

    conn->link.key = *key;
    conn->link.kind = TCP_LINK_CONN;
    conn->ip.src = key->src;
    conn->ip.dst = key->dst;
    conn->ip.protocol = IP4_TCP;
    conn->ip.df = tcp->conf.tuning.pmtu_discovery;
    for (unsigned i = 0; i < TCP_TIMERS; i++)
        conn->timer_at[i] = NS_NEVER;
    conn->heap_at = NS_NEVER;
    take_preset(conn, preset);
    conn->mtu = ip4_path_mtu(tcp->conf.nif, key->dst, now);
    conn->mss = conn->peer_mss = tcp->conf.tuning.mss_floor;
    conn->chrono_at = conn->received_at = conn->ack_at = now;
    tcp_rtt_init(&conn->rtt, &tcp->conf.tuning);
    tcp_flight_init(conn);
    tcp_window_init(conn, now);
}

void tcp_conn_iss_set(struct tcp_conn *conn, uint32_t iss)
{
    conn->iss = conn->snd_una = iss;
    conn->snd_nxt = conn->snd.end = conn->small_end = iss + 1;
    conn->flight.undo_marker = conn->flight.high_seq = conn->flight.sacked_end = iss + 1;
}

uint16_t tcp_conn_mss_offer(const struct tcp *tcp, uint16_t mss_max)
{
    uint32_t link = ip4_path_mtu_link(tcp->conf.nif) - ip4_SIZE - tcp_SIZE;

    return (uint16_t)u32_min(link, u32_min(mss_max, tcp->conf.tuning.mss_max));
}

void tcp_conn_mss_refresh(struct tcp_conn *conn, uint64_t now)
{
    uint32_t options = tcp_options_len(conn);
    uint32_t mss = conn->mtu - ip4_SIZE - tcp_SIZE;

    (void)now;
    mss = u32_min(u32_min(mss, conn->peer_mss), tcp_conn_mss_offer(conn->tcp, conn->mss_max));
    conn->mss = mss > options + MSS_MIN ? mss - options : MSS_MIN;
}

/* RFC 6928 section 2: ten segments, but of long ones no more than 14,600 bytes, and two at least.
 * RFC 5681 section 3.1: one where the SYN was lost. */
static uint32_t initial_window(const struct tcp_conn *conn)
{
    const struct tcp_tuning *tuning = &conn->tcp->conf.tuning;
    const uint32_t usual = 1460;
    uint32_t segments = tuning->iw_segments;

    if (conn->mss > usual) {
        uint32_t fit = segments * usual / conn->mss;

        segments = u32_min(segments, fit < 2 ? 2 : fit);
    }
    if (conn->syn_tries >= tuning->iw_syn_losses)
        segments = u32_min(segments, tuning->iw_after_syn_loss);
    return segments;
}

void tcp_conn_negotiated(struct tcp_conn *conn, uint64_t now)
{
    tcp_conn_mss_refresh(conn, now);
    tcp_window_negotiated(conn, now);
    tcp_cc_init(&conn->cc, (enum tcp_cc_kind)conn->cc_kind, initial_window(conn));
    tcp_sndbuf_tune(conn);
}

/* The SYN was answered: RTT, unless nobody knows which of several SYNs was (RFC 6298 section 3,
 * by timestamps RFC 7323 section 4.1). Without a sample data's RTO is longer (RFC 6298 section
 * 5.7). */
static void sample_handshake(struct tcp_conn *conn, const struct tcp_rx *rx, uint64_t syn_at)
{
    const struct tcp_tuning *tuning = &conn->tcp->conf.tuning;
    bool echo = conn->ts_ok && (rx->opts.has & TCP_HAS_TS) != 0 && rx->opts.ts_ecr != 0;
    uint32_t ticks = UINT32_MAX;
    uint64_t sample;

    conn->rtt.backoff = 0;
    if (echo && !conn->cookie)
        ticks = tcp_ts_now(conn->tcp, conn->ts_offset, rx->now) - rx->opts.ts_ecr;
    if (conn->syn_tries == 0 && syn_at != 0) {
        sample = rx->now - syn_at;
    } else if (ticks < UINT32_MAX / 2) {
        sample = ticks * tuning->timestamp_unit_ns;
    } else {
        if (syn_at != 0)
            conn->rtt.rto_ns = tuning->rto_after_syn_loss_ns;
        return;
    }
    tcp_rtt_sample(&conn->rtt, tuning, sample, conn->snd_una, conn->snd_nxt, rx->now);
}

static void begin_sending(struct tcp_conn *conn, const struct tcp_rx *rx, uint32_t window)
{
    conn->snd_una = rx->hdr.ack;
    conn->snd_wnd = conn->snd_wnd_max = window;
    conn->snd_wl1 = rx->hdr.seq;
    conn->ack_at = rx->now;
    conn->state = TCP_ESTABLISHED;
    conn->unanswered_since = 0;
    conn->soft_error = 0;
    if (conn->keepalive)
        tcp_keepalive_start(conn, rx->now);
}

void tcp_conn_established(struct tcp_conn *conn, const struct tcp_rx *rx, uint32_t window)
{
    bool crossed = conn->state == TCP_SYN_RECEIVED;

    begin_sending(conn, rx, window);
    tcp_timer_stop(conn, TCP_TIMER_RETRANSMIT);
    conn->owed &= (uint8_t)~TCP_OWE_SYN;
    if (!crossed)
        tcp_conn_negotiated(conn, rx->now);
    sample_handshake(conn, rx, conn->syn_at);
    if (conn->fin_wanted)
        conn->state = TCP_FIN_WAIT_1;
    tcp_news(conn->tcp, &conn->news);
    tcp_poll_mark(conn);
}

static void take_syn(struct tcp_conn *conn, const struct tcp_syn *syn, const struct tcp_rx *rx)
{
    tcp_conn_iss_set(conn, syn->iss);
    conn->irs = syn->irs;
    conn->rcv_nxt = conn->rcv_wup = conn->last_ack_sent = syn->irs + 1;
    conn->rcv_adv = conn->rcv_nxt + syn->rcv_wnd;
    conn->ts_ok = syn->ts_ok;
    conn->ts_recent = syn->ts_recent;
    conn->ts_recent_at = rx->now;
    conn->ts_offset = syn->ts_offset;
    conn->sack_ok = syn->sack_ok;
    conn->ecn_ok = syn->ecn_ok;
    conn->wscale_ok = syn->wscale_ok;
    if (syn->wscale_ok) {
        conn->snd_wscale = syn->wscale;
        conn->rcv_wscale = syn->rcv_wscale;
    }
    conn->peer_mss = syn->mss;
    conn->syn_tries = syn->again;
}

struct tcp_conn *tcp_conn_from_syn(struct tcp *tcp, const struct tcp_syn *syn,
                                   const struct tcp_rx *rx)
{
    struct tcp_conn *conn = NULL;

    if (tcp_mem_level(tcp) != TCP_MEM_FULL)
        conn = tcp_conn_get(tcp);
    if (conn == NULL) {
        tcp->stats.no_memory++;
        return NULL;
    }
    tcp_conn_init(conn, &syn->link.key, &syn->listener->preset, rx->now);
    if (route_find(tcp->conf.nif, &conn->ip) != 0) {
        tcp_conn_put(tcp, conn);
        return NULL;
    }
    conn->route_epoch = tcp->conf.nif->route_epoch;
    conn->cookie = syn->sent_ns == 0;
    conn->segs_in = rx->segs;
    take_syn(conn, syn, rx);
    begin_sending(conn, rx, (uint32_t)rx->hdr.window << conn->snd_wscale);
    tcp_conn_negotiated(conn, rx->now);
    sample_handshake(conn, rx, syn->sent_ns);
    tcp_demux_add(tcp, &conn->link);
    tcp->stats.opened_passive++;
    return conn;
}

/* ---- over ----------------------------------------------------------------------------------- */

/* The program has no handle and will get none: the storage is free. */
static void put(struct tcp_conn *conn)
{
    struct tcp *tcp = conn->tcp;

    tcp_sndbuf_take_back(conn);
    tcp_rcvbuf_clear(conn);
    tcp->orphans -= conn->orphan;
    tcp_conn_put(tcp, conn);
}

static void count_end(struct tcp *tcp, int error)
{
    if (error == 0)
        tcp->stats.closed++;
    else if (error == -E_TIMEDOUT)
        tcp->stats.timed_out++;
}

void tcp_conn_end(struct tcp_conn *conn, int error)
{
    struct tcp *tcp = conn->tcp;

    ASSERT(conn->used && conn->state != TCP_CLOSED);
    count_end(tcp, error);
    conn->state = TCP_CLOSED;
    conn->error = error;
    conn->owed = 0;
    tcp_demux_remove(tcp, &conn->link);
    tcp_poll_unmark(conn);
    tcp_timer_stop_all(conn);
    tcp_flight_clear(conn);
    tcp_sndbuf_clear(conn);
    tcp_reass_clear(conn);
    tcp_window_end(conn);
    if (conn->orphan)
        put(conn);
    else
        tcp_news(tcp, &conn->news);
}

/* Would the peer go on without a RST? In CLOSING and LAST-ACK only where our FIN has not gone
 * yet. */
static bool peer_cares(const struct tcp_conn *conn)
{
    switch (conn->state) {
    case TCP_SYN_RECEIVED:
    case TCP_ESTABLISHED:
    case TCP_FIN_WAIT_1:
    case TCP_FIN_WAIT_2:
    case TCP_CLOSE_WAIT:
        return true;
    case TCP_CLOSING:
    case TCP_LAST_ACK:
        return !conn->fin_sent;
    default:
        return false;
    }
}

void tcp_conn_abort(struct tcp_conn *conn, int error, uint64_t now)
{
    conn->tcp->stats.aborted++;
    if (peer_cares(conn))
        tcp_emit_bare(conn, conn->snd_nxt, TCP_RST | TCP_ACK, now);
    tcp_conn_end(conn, error);
}

/* From here on its handle is no connection's. */
void tcp_conn_orphan(struct tcp_conn *conn)
{
    conn->orphan = true;
    conn->news.handle = 0;
    conn->tcp->orphans++;
}

void tcp_conn_discard(struct tcp_conn *conn, uint64_t now)
{
    tcp_conn_orphan(conn);
    if (conn->state == TCP_CLOSED)
        put(conn);
    else
        tcp_conn_abort(conn, -E_CONNRESET, now);
}

bool tcp_conn_give_up(struct tcp_conn *conn, uint32_t tries, uint64_t now)
{
    const struct tcp_tuning *tuning = &conn->tcp->conf.tuning;
    uint32_t limit = conn->orphan ? tuning->orphan_retries : tuning->data_retries;
    int error = conn->soft_error != 0 ? conn->soft_error : -E_TIMEDOUT;
    bool enough;

    if (conn->state == TCP_SYN_SENT)
        limit = tuning->syn_retries;
    else if (conn->state == TCP_SYN_RECEIVED)
        limit = tuning->synack_retries;
    enough = tries >= limit;
    /* RFC 9293 section 3.8.3: the program's own limit, in time, goes before. */
    if (conn->user_timeout_ns != 0)
        enough =
            conn->unanswered_since != 0 && now - conn->unanswered_since >= conn->user_timeout_ns;
    if (conn->state == TCP_SYN_SENT && conn->connect_timeout_ns != 0 &&
        now - conn->syn_at >= conn->connect_timeout_ns)
        enough = true;
    if (!enough)
        return false;
    conn->tcp->stats.timed_out += error != -E_TIMEDOUT;
    if (tuning->timeout_resets && conn->state != TCP_SYN_SENT)
        tcp_conn_abort(conn, error, now);
    else
        tcp_conn_end(conn, error);
    return true;
}

void tcp_conn_linger_expired(struct tcp_conn *conn, uint64_t now)
{
    tcp_conn_abort(conn, -E_TIMEDOUT, now);
}

/* ---- closing -------------------------------------------------------------------------------- */

void tcp_conn_fin_acked(struct tcp_conn *conn, uint64_t now)
{
    switch (conn->state) {
    case TCP_FIN_WAIT_1:
        /* Where nobody holds it tcp_in_conn makes it small when the segment, which may bring
         * text or FIN, has been looked at whole. */
        conn->state = TCP_FIN_WAIT_2;
        tcp_timer_stop(conn, TCP_TIMER_LINGER);
        break;
    case TCP_CLOSING:
        tcp_tw_begin(conn, TCP_TIME_WAIT, now);
        break;
    case TCP_LAST_ACK:
        tcp_conn_end(conn, 0);
        break;
    default:
        break;
    }
}

void tcp_conn_fin_received(struct tcp_conn *conn, uint64_t now)
{
    switch (conn->state) {
    case TCP_ESTABLISHED:
        conn->state = TCP_CLOSE_WAIT;
        break;
    case TCP_FIN_WAIT_1:
        conn->state = TCP_CLOSING;
        break;
    case TCP_FIN_WAIT_2:
        /* Nothing is left to carry this ACK later; if it is lost the FIN comes again. */
        tcp_emit_bare(conn, conn->snd_nxt, TCP_ACK, now);
        tcp_tw_begin(conn, TCP_TIME_WAIT, now);
        return;
    default:
        return;
    }
    tcp_news(conn->tcp, &conn->news);
}

void tcp_conn_fin_send(struct tcp_conn *conn)
{
    conn->fin_wanted = true;
    if (conn->state == TCP_ESTABLISHED)
        conn->state = TCP_FIN_WAIT_1;
    else if (conn->state == TCP_CLOSE_WAIT)
        conn->state = TCP_LAST_ACK;
    tcp_poll_mark(conn);
}
