/* SPDX-License-Identifier: ISC */
/* tcp_synsent.c - SYN-SENT: the answer to our SYN (RFC 9293 section 3.10.7.3), and a SYN that
 * crosses it (section 3.5, figure 7). */
#include "tcpip/tcp_priv.h"

/* ---- our SYN -------------------------------------------------------------------------------- */

/* RFC 6298 section 5; some stacks begin to double only later. */
static uint64_t timeout(const struct tcp_conn *conn)
{
    const struct tcp_tuning *tuning = &conn->tcp->conf.tuning;
    uint64_t ns = tuning->rto_initial_ns;

    for (unsigned i = tuning->syn_linear; i < conn->syn_tries && ns < tuning->rto_max_ns; i++)
        ns *= 2;
    return u64_min(ns + (conn->syn_tries == 0 ? 0 : tuning->rto_slop_ns), tuning->rto_max_ns);
}

void tcp_synsent_send(struct tcp_conn *conn, uint64_t now)
{
    uint64_t at = now + timeout(conn);

    if (conn->connect_timeout_ns != 0 && conn->state == TCP_SYN_SENT)
        at = u64_min(at, conn->syn_at + conn->connect_timeout_ns);
    if (conn->user_timeout_ns != 0)
        at = u64_min(at, conn->syn_at + conn->user_timeout_ns);
    tcp_timer_set(conn, TCP_TIMER_RETRANSMIT, at);
    conn->owed |= TCP_OWE_SYN;
    tcp_poll_mark(conn);
}

void tcp_synsent_expired(struct tcp_conn *conn, uint64_t now)
{
    uint8_t plain = conn->tcp->conf.tuning.syn_plain_after;

    if (tcp_conn_give_up(conn, conn->syn_tries, now))
        return;
    conn->syn_tries++;
    /* From here on nothing is offered: what a SYN-ACK says of it does not count. */
    if (conn->state == TCP_SYN_SENT && plain != 0 && conn->syn_tries >= plain)
        conn->ts_ok = conn->sack_ok = conn->wscale_ok = false;
    conn->total_retrans++;
    conn->tcp->stats.retransmits++;
    tcp_synsent_send(conn, now);
}

/* ---- the answer ------------------------------------------------------------------------------ */

/* First: the ACK, and that the timestamp it echoes is one that we sent since (RFC 7323 section
 * 3.2). False: it is from another connection, and gets a RST. */
static bool is_ack_ours(const struct tcp_conn *conn, const struct tcp_rx *rx)
{
    const struct tcp *tcp = conn->tcp;
    uint32_t first, last;

    if (seq_le(rx->hdr.ack, conn->iss) || seq_gt(rx->hdr.ack, conn->snd_nxt))
        return false;
    if (!conn->ts_ok || (rx->opts.has & TCP_HAS_TS) == 0 || rx->opts.ts_ecr == 0)
        return true;
    first = tcp_ts_now(tcp, conn->ts_offset, conn->syn_at);
    last = tcp_ts_now(tcp, conn->ts_offset, rx->now);
    return rx->opts.ts_ecr - first <= last - first;
}

/* What both SYNs say holds. ECN, where ours asked: a SYN-ACK agrees by ECE without CWR, a crossing
 * SYN asks with both (RFC 3168 section 6.1.1). */
static void take_options(struct tcp_conn *conn, const struct tcp_rx *rx)
{
    const struct tcp_options *opts = &rx->opts;
    uint16_t ecn = rx->hdr.flags & (TCP_ECE | TCP_CWR);

    conn->peer_mss = tcp_syn_peer_mss(conn->tcp, opts);
    conn->wscale_ok = conn->wscale_ok && (opts->has & TCP_HAS_WSCALE) != 0;
    conn->snd_wscale = conn->wscale_ok ? tcp_syn_peer_wscale(opts) : 0;
    if (!conn->wscale_ok)
        conn->rcv_wscale = 0;
    conn->sack_ok = conn->sack_ok && (opts->has & TCP_HAS_SACK_OK) != 0;
    conn->ts_ok = conn->ts_ok && (opts->has & TCP_HAS_TS) != 0;
    if (conn->ts_ok) {
        conn->ts_recent = opts->ts_val;
        conn->ts_recent_at = rx->now;
    }
    conn->ecn_ok =
        conn->ecn_ok && ecn == ((rx->hdr.flags & TCP_ACK) != 0 ? TCP_ECE : TCP_ECE | TCP_CWR);
}

/* Fourth: SYN. Our SYN's window was counted from a number that we did not know yet. */
static void take_syn(struct tcp_conn *conn, struct tcp_rx *rx)
{
    uint32_t offered = tcp_window_offered(conn);

    conn->irs = rx->hdr.seq;
    conn->rcv_nxt = conn->rcv_wup = conn->last_ack_sent = conn->irs + 1;
    conn->rcv_adv = conn->rcv_nxt + offered;
    take_options(conn, rx);
    rx->hdr.flags &= (uint16_t)~TCP_SYN;
    rx->hdr.seq++;
}

static void take_syn_ack(struct tcp_conn *conn, struct tcp_rx *rx)
{
    take_syn(conn, rx);
    /* The window of a SYN is never scaled (RFC 7323 section 2.2). */
    tcp_conn_established(conn, rx, rx->hdr.window);
    tcp_ackgen_now(conn);
    /* Data on a SYN-ACK, and even its FIN: sixth step on. */
    if (rx->len != 0 || (rx->hdr.flags & TCP_FIN) != 0)
        tcp_data_input(conn, rx);
}

/* Simultaneous open: from now on our SYN is a SYN-ACK. */
static void take_crossing_syn(struct tcp_conn *conn, struct tcp_rx *rx)
{
    take_syn(conn, rx);
    tcp_conn_negotiated(conn, rx->now);
    conn->snd_wnd = conn->snd_wnd_max = rx->hdr.window;
    conn->snd_wl1 = rx->hdr.seq;
    conn->state = TCP_SYN_RECEIVED;
    conn->syn_tries = 0;
    conn->syn_at = rx->now;
    tcp_synsent_send(conn, rx->now);
    tcp_data_hold(conn, rx);
}

void tcp_synsent_input(struct tcp_conn *conn, struct tcp_rx *rx)
{
    struct tcp *tcp = conn->tcp;
    bool ack = (rx->hdr.flags & TCP_ACK) != 0;

    if (ack && !is_ack_ours(conn, rx)) {
        tcp->stats.bad_ack++;
        if ((rx->hdr.flags & TCP_RST) == 0)
            tcp_reset_answer(tcp, rx);
        return;
    }
    /* Second: RST, believed only with such an ACK. */
    if ((rx->hdr.flags & TCP_RST) != 0) {
        if (ack) {
            tcp->stats.reset_in++;
            tcp_conn_end(conn, -E_CONNREFUSED);
        } else {
            tcp->stats.out_of_window++;
        }
        return;
    }
    /* Fifth: neither SYN nor RST. */
    if ((rx->hdr.flags & TCP_SYN) == 0)
        tcp->stats.bad_flags++;
    else if (ack)
        take_syn_ack(conn, rx);
    else if ((rx->hdr.flags & TCP_FIN) == 0 || tcp->conf.tuning.syn_fin)
        take_crossing_syn(conn, rx);
    else
        tcp->stats.bad_flags++;
}
