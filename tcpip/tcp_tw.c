/* SPDX-License-Identifier: ISC */
/* tcp_tw.c - connections that have nothing left to do but to remember: TIME-WAIT, and FIN-WAIT-2
 * whose program has closed (RFC 9293 sections 3.6 and 3.10.7.4).
 *
 * They are small records, so that many fit. All of one kind wait equally long: two lists, the
 * earliest end first. When no record is free, the one that would end first makes room; what
 * comes for it later is answered by RST. */
#include "tcpip/tcp_priv.h"

enum { WAIT_TIME, WAIT_FIN };

/* A new connection's numbers start so far after the old one's: Linux's choice, more than an
 * unscaled window. */
#define REUSE_STEP 65537u

/* ---- records -------------------------------------------------------------------------------- */

/* NULL stays NULL. */
static struct tcp_tw *tw_of(struct tcp_age *age)
{
    return age == NULL ? NULL : (void *)((char *)age - offsetof(struct tcp_tw, age));
}

static struct tcp_age_list *list_of(struct tcp *tcp, const struct tcp_tw *tw)
{
    return &tcp->tw_waits[tw->state == TCP_TIME_WAIT ? WAIT_TIME : WAIT_FIN];
}

static void stop_waiting(struct tcp *tcp, struct tcp_tw *tw)
{
    tcp_age_remove(list_of(tcp, tw), &tw->age);
}

static void wait(struct tcp *tcp, struct tcp_tw *tw, uint64_t now)
{
    const struct tcp_tuning *tuning = &tcp->conf.tuning;
    uint64_t ns = tw->state == TCP_TIME_WAIT ? tuning->time_wait_ns : tuning->fin_wait_2_ns;

    tcp_age_append(list_of(tcp, tw), &tw->age, now + ns);
}

static void drop(struct tcp *tcp, struct tcp_tw *tw)
{
    stop_waiting(tcp, tw);
    tcp_demux_remove(tcp, &tw->link);
    tw->link.next = tcp->tws_free;
    tcp->tws_free = &tw->link;
    tcp->used.time_waits--;
}

static struct tcp_tw *first_to_end(const struct tcp *tcp)
{
    struct tcp_tw *time = tw_of(tcp->tw_waits[WAIT_TIME].oldest);
    struct tcp_tw *fin = tw_of(tcp->tw_waits[WAIT_FIN].oldest);

    if (time == NULL || fin == NULL)
        return time != NULL ? time : fin;
    return time->age.at <= fin->age.at ? time : fin;
}

static struct tcp_tw *get(struct tcp *tcp)
{
    struct tcp_tw *tw;

    if (tcp->tws_free == NULL && tcp->tws_made == tcp->conf.time_waits_max) {
        tcp->stats.time_wait_evicted++;
        drop(tcp, first_to_end(tcp));
    }
    tw = (struct tcp_tw *)tcp->tws_free;
    if (tw != NULL)
        tcp->tws_free = tw->link.next;
    else
        tw = &tcp->tws[tcp->tws_made++];
    tcp->used.time_waits++;
    return tw;
}

void tcp_tw_begin(struct tcp_conn *conn, enum tcp_state state, uint64_t now)
{
    struct tcp *tcp = conn->tcp;
    struct tcp_tw *tw = get(tcp);

    *tw = (struct tcp_tw){.link = {.key = conn->link.key, .kind = TCP_LINK_TW},
                          .state = (uint8_t)state,
                          .ts_ok = conn->ts_ok,
                          .rcv_wscale = conn->rcv_wscale,
                          .tos = (uint8_t)(conn->ip.tos & ~3u), /* without the last ECT */
                          .ttl = conn->ip.ttl,
                          .snd_nxt = conn->snd_nxt,
                          .rcv_nxt = conn->rcv_nxt,
                          .rcv_wnd = tcp_window_offered(conn),
                          .ts_recent = conn->ts_recent,
                          .ts_offset = conn->ts_offset,
                          .ts_recent_at = conn->ts_recent_at};
    tcp->stats.time_waits += state == TCP_TIME_WAIT;
    tcp_conn_end(conn, 0);
    tcp_demux_add(tcp, &tw->link);
    wait(tcp, tw, now);
}

/* ---- segments ------------------------------------------------------------------------------- */

static void send_ack(struct tcp *tcp, const struct tcp_tw *tw, uint64_t now)
{
    struct tcp_options options = {.has = tw->ts_ok ? TCP_HAS_TS : 0,
                                  .ts_val = tcp_ts_now(tcp, tw->ts_offset, now),
                                  .ts_ecr = tw->ts_recent};
    struct tcp_bare bare = {.key = tw->link.key,
                            .seq = tw->snd_nxt,
                            .ack = tw->rcv_nxt,
                            .flags = TCP_ACK,
                            .window = (uint16_t)u32_min(tw->rcv_wnd >> tw->rcv_wscale, 65535),
                            .ttl = tw->ttl,
                            .tos = tw->tos,
                            .options = &options};

    tcp_emit_stray(tcp, &bare, now);
}

/* Says again where we are. What occupies sequence numbers was not sent because of such an ACK: it
 * cannot be part of a loop of them, and is always answered. */
static void answer(struct tcp *tcp, struct tcp_tw *tw, const struct tcp_rx *rx)
{
    bool bare = tcp_rx_end(rx) == rx->hdr.seq || (rx->hdr.flags & TCP_SYN) != 0;

    if (bare && !tcp_reset_may_answer(tcp, &tw->challenge_at, rx->now)) {
        tcp->stats.challenge_limited++;
        return;
    }
    send_ack(tcp, tw, rx->now);
}

static bool has_ts(const struct tcp_tw *tw, const struct tcp_rx *rx)
{
    return tw->ts_ok && (rx->opts.has & TCP_HAS_TS) != 0;
}

/* RFC 7323 section 5.3, R1. */
static bool is_old(const struct tcp_tw *tw, const struct tcp_rx *rx)
{
    return has_ts(tw, rx) && seq_lt(rx->opts.ts_val, tw->ts_recent) &&
           rx->now - tw->ts_recent_at < TCP_PAWS_IDLE_NS;
}

static void take_ts(struct tcp_tw *tw, const struct tcp_rx *rx)
{
    if (!has_ts(tw, rx))
        return;
    tw->ts_recent = rx->opts.ts_val;
    tw->ts_recent_at = rx->now;
}

/* RFC 6191 section 2, RFC 1122 section 4.2.2.13: may this SYN open the connection anew? Its
 * numbers, or its clock, are beyond all that the old one used. */
static bool may_reopen(const struct tcp_tw *tw, const struct tcp_rx *rx)
{
    const uint16_t kinds = TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN;

    if ((rx->hdr.flags & kinds) != TCP_SYN)
        return false;
    return seq_gt(rx->hdr.seq, tw->rcv_nxt) ||
           (has_ts(tw, rx) && seq_gt(rx->opts.ts_val, tw->ts_recent));
}

/* A first number beyond all that this connection used. */
static uint32_t next_iss(const struct tcp *tcp, const struct tcp_tw *tw, uint64_t now)
{
    uint32_t iss = tcp_isn(tcp, &tw->link.key, now), least = tw->snd_nxt + REUSE_STEP;

    if (seq_lt(iss, least))
        iss = least;
    return iss != 0 ? iss : 1;
}

static void reopen(struct tcp *tcp, struct tcp_tw *tw, struct tcp_listener *listener,
                   const struct tcp_rx *rx)
{
    uint32_t iss = next_iss(tcp, tw, rx->now);

    tcp->stats.time_wait_reused++;
    drop(tcp, tw);
    tcp_syn_begin(tcp, listener, rx, iss);
}

static void time_wait(struct tcp *tcp, struct tcp_tw *tw, const struct tcp_rx *rx)
{
    bool old = is_old(tw, rx);
    struct tcp_listener *listener;

    if ((rx->hdr.flags & TCP_RST) != 0) {
        /* RFC 1337: an old duplicate would end the wait, and what it guards against happens. */
        if (!tcp->conf.tuning.rfc1337 && !old && rx->hdr.seq == tw->rcv_nxt)
            drop(tcp, tw);
        return;
    }
    if (!old && may_reopen(tw, rx)) {
        listener = tcp_demux_listener(tcp, rx->key.src, rx->key.src_port);
        if (listener != NULL) {
            reopen(tcp, tw, listener, rx);
            return;
        }
    }
    if ((rx->hdr.flags & (TCP_SYN | TCP_ACK)) == 0) { /* section 3.10.7.4, fifth */
        tcp->stats.bad_flags++;
        return;
    }
    if (old)
        tcp->stats.paws++;
    if ((rx->hdr.flags & TCP_FIN) != 0) { /* section 3.10.7.4, eighth: the wait starts anew */
        stop_waiting(tcp, tw);
        wait(tcp, tw, rx->now);
    }
    if (!old && rx->hdr.seq == tw->rcv_nxt && tcp_rx_end(rx) == rx->hdr.seq) {
        take_ts(tw, rx); /* an ACK of our FIN: nothing to say */
        return;
    }
    answer(tcp, tw, rx);
}

/* The program is gone: only the peer's FIN is waited for, and data for nobody is answered by RST
 * (RFC 1122 section 4.2.2.13). */
static void fin_wait_2(struct tcp *tcp, struct tcp_tw *tw, const struct tcp_rx *rx)
{
    uint32_t end = tcp_rx_end(rx);
    bool old = is_old(tw, rx);

    if (old || !seq_acceptable(rx->hdr.seq, end, tw->rcv_nxt, tw->rcv_wnd)) {
        if ((rx->hdr.flags & TCP_RST) == 0)
            answer(tcp, tw, rx);
        return;
    }
    if ((rx->hdr.flags & TCP_RST) != 0) {
        if (rx->hdr.seq == tw->rcv_nxt)
            drop(tcp, tw);
        else /* RFC 5961 section 3.2 */
            answer(tcp, tw, rx);
        return;
    }
    if ((rx->hdr.flags & TCP_SYN) != 0) { /* RFC 5961 section 4.2 */
        answer(tcp, tw, rx);
        return;
    }
    if ((rx->hdr.flags & TCP_ACK) == 0 || !seq_gt(end, tw->rcv_nxt) || end == rx->hdr.seq)
        return; /* nothing new, or an ACK that overtook it */
    if ((rx->hdr.flags & TCP_FIN) == 0 || end != tw->rcv_nxt + 1) {
        tcp->stats.after_close++;
        tcp_reset_answer(tcp, rx);
        drop(tcp, tw);
        return;
    }
    stop_waiting(tcp, tw);
    tw->state = TCP_TIME_WAIT;
    tw->rcv_nxt = end;
    take_ts(tw, rx);
    wait(tcp, tw, rx->now);
    tcp->stats.time_waits++;
    send_ack(tcp, tw, rx->now);
}

void tcp_tw_input(struct tcp *tcp, struct tcp_tw *tw, struct tcp_rx *rx)
{
    if (tw->state == TCP_FIN_WAIT_2) {
        fin_wait_2(tcp, tw, rx);
        return;
    }
    tcp->stats.time_wait++;
    time_wait(tcp, tw, rx);
}

/* A clock that ran on since tells the peer's old segments from new ones (RFC 6191's reason, at the
 * other end). */
bool tcp_tw_may_reuse(const struct tcp_tw *tw, uint64_t now)
{
    return tw->state == TCP_TIME_WAIT && tw->ts_ok && now - tw->ts_recent_at > NS_PER_S;
}

bool tcp_tw_reuse(struct tcp *tcp, struct tcp_tw *tw, uint32_t *iss, uint64_t now)
{
    if (!tcp_tw_may_reuse(tw, now))
        return false;
    *iss = next_iss(tcp, tw, now);
    tcp->stats.time_wait_reused++;
    drop(tcp, tw);
    return true;
}

/* ---- timers --------------------------------------------------------------------------------- */

void tcp_tw_timers(struct tcp *tcp, uint64_t now)
{
    struct tcp_tw *tw;

    while ((tw = first_to_end(tcp)) != NULL && tw->age.at <= now)
        drop(tcp, tw);
}

uint64_t tcp_tw_next(const struct tcp *tcp)
{
    const struct tcp_tw *tw = first_to_end(tcp);

    return tw == NULL ? NS_NEVER : tw->age.at;
}
