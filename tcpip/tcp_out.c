/* SPDX-License-Identifier: ISC */
/* tcp_out.c - what leaves, and in what order: once for each connection at the end of a poll.
 *
 *   1. SYN, probes and ACKs that are owed as segments of their own
 *   2. what is lost, as tcp_recovery_next tells, while tcp_reduce_quota lets it out
 *   3. new data, within the quota and the peer's window; FIN on the last of it
 *   4. an ACK, where one is owed and nothing of the above carried it
 *
 * Data goes in whole segments. A smaller one is the last, and goes unless Nagle's algorithm or the
 * program (cork) holds it back; it never is what happens to be left of a window, but by the probe
 * timer (tcp_persist.c): RFC 9293 sections 3.7.4 and 3.8.6.2.1. Where the device can cut segments
 * itself, as many whole ones as may leave go to it as one. */
#include "tcpip/tcp_priv.h"

enum {
    OUT_HEADER_LEAST = 68, /* Linux's least mtu, which bounds its segments from below */
    OUT_MSS_LEAST = 8,
    SACK_HEAD = 4, /* nop, nop, kind, length */
    SACK_BLOCK = 8,
};

/* Why no more new data left. */
enum limit { LIMIT_NONE, LIMIT_CWND, LIMIT_WINDOW, LIMIT_HELD, LIMIT_DEVICE };

/* The next piece of new data. */
struct next {
    uint32_t mss, len;
    uint32_t segs; /* that the device takes as one */
    bool fin, push;
    bool force;    /* a probe: one segment, whatever congestion control and Nagle say */
    bool idle;     /* nothing was in flight when this round began */
    uint32_t left; /* segments of the super-segment that this is a part of, where the device takes
                      them one by one: see group */
};

/* ---- how much may leave ---------------------------------------------------------------------- */

/* What the peer's window leaves; negative where it has shrunk. */
static int32_t window_left(const struct tcp_conn *conn)
{
    return (int32_t)(conn->snd_una + conn->snd_wnd - conn->snd_nxt);
}

/* SACK blocks go along and take their room (RFC 6691 section 2), unless they would take all. */
static uint32_t less_sack(const struct tcp_conn *conn, uint32_t mss)
{
    uint32_t most = (TCP_OPTIONS_MAX - tcp_options_len(conn) - SACK_HEAD) / SACK_BLOCK;
    uint32_t bytes = SACK_HEAD + SACK_BLOCK * u32_min(conn->rcv.ooo.count, most);

    return mss >= bytes + OUT_MSS_LEAST ? mss - bytes : mss;
}

/* At most half the peer's largest window, so that one segment is acknowledged while the next goes;
 * of a window that tiny stacks have all of it. */
static uint32_t half_window(const struct tcp_conn *conn, uint32_t mss)
{
    uint32_t most = conn->snd_wnd_max, least = OUT_HEADER_LEAST - tcp_SIZE - tcp_options_len(conn);

    if (most > TCP_MSS_DEFAULT)
        most /= 2;
    if (most == 0)
        return mss;
    return u32_min(mss, most < least ? least : most);
}

static uint32_t mss_now(const struct tcp_conn *conn)
{
    uint32_t mss = conn->mss;

    if (UNLIKELY(conn->sack_ok && conn->rcv.ooo.count != 0))
        mss = less_sack(conn, mss);
    if (conn->tcp->conf.tuning.half_window && UNLIKELY(mss > conn->snd_wnd_max / 2))
        mss = half_window(conn, mss);
    return mss;
}

/* How many segments the device takes as one. */
static uint32_t device_segs(const struct tcp_conn *conn, uint32_t mss)
{
    const struct netdev_caps *caps = &conn->tcp->conf.nif->conf.dev->caps;
    uint32_t headers = ip4_SIZE + tcp_SIZE + tcp_options_len(conn);

    /* Each of a super-segment has the same urgent pointer. */
    if (caps->gso_max_bytes < headers + 2 * mss || caps->frags_max < 2 ||
        UNLIKELY(conn->urgent_out))
        return 1;
    return (u32_min(caps->gso_max_bytes, IP4_TOTAL_MAX) - headers) / mss;
}

/* As many of `len` bytes from `seq` on, which lies in `chunk`, as the device takes views of, in
 * whole segments. */
static uint32_t device_len(const struct tcp_conn *conn, const struct tcp_chunk *chunk, uint32_t seq,
                           uint32_t len, uint32_t mss)
{
    uint32_t pieces = u32_min(conn->tcp->conf.nif->conf.dev->caps.frags_max, PKT_FRAGS_MAX) - 1u;
    uint32_t have = chunk->seq + chunk->len - seq;

    while (have < len && --pieces != 0 && pieces < PKT_FRAGS_MAX) {
        chunk = chunk->next;
        have += chunk->len;
    }
    if (have >= len)
        return len;
    /* One segment is gathered in any case. */
    return have < mss ? mss : have - have % mss;
}

/* As Linux sizes super-segments: what goes in a millisecond at twice the pace of cwnd (1.2 times
 * where it is no more in slow start), more where the path is short. */
static COLD uint32_t super_segs(const struct tcp_conn *conn, uint32_t mss)
{
    uint64_t srtt_us = conn->rtt.srtt_ns / NS_PER_US, min_us = conn->rtt.min_ns / NS_PER_US;
    uint64_t bytes = IP4_TOTAL_MAX;
    uint32_t cwnd = conn->cc.cwnd, least = conn->tcp->conf.tuning.super_segs_min, segs;
    uint32_t percent = cwnd < conn->cc.ssthresh / 2 ? 200 : 120;

    if (srtt_us != 0)
        bytes = (uint64_t)mss * (cwnd > conn->flight.out ? cwnd : conn->flight.out) * percent *
                10000 / srtt_us / 1024;
    if (min_us >> 9 < 32)
        bytes += IP4_TOTAL_MAX >> (min_us >> 9);
    segs = (uint32_t)(u64_min(bytes, IP4_TOTAL_MAX) / mss);
    segs = segs < least ? least : segs;
    return u32_min(segs, cwnd < 2 ? 1 : cwnd / 2);
}

/* Bounds `len` bytes, the most that may go now, to one super-segment, or to what is left of one.
 * Where the device takes segments one by one its last one pushes all the same, as cut by the
 * host. */
static COLD uint32_t group(const struct tcp_conn *conn, struct next *next, uint32_t len)
{
    uint32_t segs = (len + next->mss - 1) / next->mss;

    if (next->left == 0) {
        next->left = u32_min(super_segs(conn, next->mss), segs);
        next->push = next->left > 1;
    }
    return u32_min(len, next->left * next->mss);
}

/* Must a segment that is not full wait? RFC 9293 section 3.7.4, and Minshall's change: behind
 * another small one only, so that the end of a long message does not wait for its beginning's
 * ACK. */
static bool held_back(const struct tcp_conn *conn, const struct next *next)
{
    if (next->force || conn->flight.frto_new || conn->urgent_out)
        return false;
    if (conn->cork && !conn->snd.uncork)
        return true;
    if (conn->nodelay)
        return false;
    if (conn->tcp->conf.tuning.minshall)
        return seq_gt(conn->small_end, conn->snd_una) && seq_le(conn->small_end, conn->snd_nxt);
    return !next->idle;
}

/* The peer's window lets out less than all or a full segment: is it worth a segment of its own? At
 * least half the largest window ever (RFC 9293 section 3.8.6.2.1, point 3). Where segments are kept
 * at half that window anyway, a full one would have gone. */
static bool is_window_wide(const struct tcp_conn *conn, uint32_t wnd)
{
    return !conn->tcp->conf.tuning.half_window && wnd != 0 && wnd >= conn->snd_wnd_max / 2;
}

/* More than one segment is there. */
static enum limit plan_many(struct tcp_conn *conn, struct next *next, uint32_t unsent, uint32_t wnd)
{
    uint32_t mss = next->mss, segs = next->force ? 1 : tcp_reduce_quota(conn), len;

    if (segs == 0)
        return LIMIT_CWND;
    if (wnd < mss) {
        next->len = wnd;
        return is_window_wide(conn, wnd) ? LIMIT_NONE : LIMIT_WINDOW;
    }
    len = (uint32_t)u64_min(unsent, (uint64_t)segs * mss);
    if (len > wnd)
        len = wnd - wnd % mss;
    if (conn->tcp->conf.tuning.push_super && !next->force)
        len = group(conn, next, len);
    len = u32_min(len, next->segs * mss);
    if (len > mss)
        len = device_len(conn, conn->snd.next, conn->snd_nxt, len, mss);
    next->fin = len == unsent && conn->fin_wanted && len < wnd;
    if (len % mss != 0 && !next->fin && held_back(conn, next))
        len -= len % mss;
    next->len = len;
    return LIMIT_NONE;
}

/* All that is left fits in one segment. */
static enum limit plan_last(struct tcp_conn *conn, struct next *next, uint32_t unsent, uint32_t wnd)
{
    if (!next->force && tcp_reduce_quota(conn) == 0 &&
        !(conn->fin_wanted && (unsent == 0 || conn->tcp->conf.tuning.fin_past_cwnd)))
        return LIMIT_CWND;
    next->len = unsent;
    next->fin = conn->fin_wanted && unsent < wnd;
    if (wnd < unsent || (unsent == 0 && !next->fin)) {
        next->len = wnd;
        next->fin = false;
        return unsent != 0 && is_window_wide(conn, wnd) ? LIMIT_NONE : LIMIT_WINDOW;
    }
    if (unsent < next->mss && !conn->fin_wanted && held_back(conn, next))
        return LIMIT_HELD;
    return LIMIT_NONE;
}

static struct next begin_next(const struct tcp_conn *conn)
{
    struct next next = {.mss = mss_now(conn), .idle = conn->flight.out == 0};

    next.segs = device_segs(conn, next.mss);
    return next;
}

static enum limit plan(struct tcp_conn *conn, struct next *next)
{
    uint32_t unsent = tcp_sndbuf_unsent(conn);
    int32_t left = window_left(conn);
    uint32_t wnd = left > 0 ? (uint32_t)left : 0;

    return unsent > next->mss ? plan_many(conn, next, unsent, wnd)
                              : plan_last(conn, next, unsent, wnd);
}

/* ---- new data -------------------------------------------------------------------------------- */

/* PSH for this time only: at a super-segment's end, so that who joins segments again need not wait
 * for more. What is sent again may be cut otherwise. */
static int emit_pushed(struct tcp_conn *conn, struct tcp_seg *seg, uint64_t now)
{
    int err;

    seg->flags |= TCP_SEG_PSH;
    err = tcp_emit_seg(conn, seg, now);
    seg->flags &= (uint8_t)~TCP_SEG_PSH;
    return err;
}

/* Does the super-segment end here? */
static bool ends_group(struct next *next, const struct tcp_seg *seg)
{
    next->left = next->left > seg->segs ? next->left - seg->segs : 0;
    return next->left == 0 && (seg->flags & TCP_SEG_PSH) == 0;
}

/* Makes a record of it and sends it. */
static enum limit send_next(struct tcp_conn *conn, struct next *next, uint64_t now)
{
    struct tcp_seg *seg = tcp_flight_add(conn, next->len, next->fin, now);
    uint32_t end = conn->snd_nxt + next->len;
    int err;

    if (UNLIKELY(seg == NULL)) {
        tcp_emit_no_memory(conn, now);
        return LIMIT_DEVICE;
    }
    seg->mss = (uint16_t)next->mss;
    seg->segs = (uint16_t)(next->len > next->mss ? (next->len + next->mss - 1) / next->mss : 1);
    /* RFC 9293 section 3.9.1.2: the last of what is there (MUST-61). */
    if (next->len != 0 && end == conn->snd.end)
        seg->flags |= TCP_SEG_PSH;
    err = UNLIKELY(next->push) && ends_group(next, seg) ? emit_pushed(conn, seg, now)
                                                        : tcp_emit_seg(conn, seg, now);
    if (UNLIKELY(err == -E_AGAIN)) {
        tcp_flight_cancel(conn, seg);
        return LIMIT_DEVICE;
    }
    if (next->len < (uint32_t)seg->segs * next->mss) {
        conn->small_end = end + next->fin;
        conn->snd.uncork = false;
    }
    tcp_flight_sent(conn, seg, now);
    return LIMIT_NONE;
}

/* Whole segments that may leave one by one, without the last of what is there: all that plan would
 * find out for each. */
static uint32_t plain_segs(const struct tcp_conn *conn, const struct next *next)
{
    uint32_t unsent = tcp_sndbuf_unsent(conn), segs;
    int32_t left = window_left(conn);

    if (next->segs != 1 || conn->tcp->conf.tuning.push_super || unsent <= next->mss ||
        left < (int32_t)next->mss)
        return 0;
    segs = u32_min(unsent - 1, (uint32_t)left) / next->mss;
    return u32_min(segs, tcp_reduce_quota(conn));
}

static enum limit send_new(struct tcp_conn *conn, uint64_t now)
{
    enum limit limit = LIMIT_NONE;
    struct next next;

    if (!tcp_sndbuf_has_new(conn))
        return LIMIT_NONE;
    next = begin_next(conn);
    if (next.idle)
        tcp_cc_idle(conn, now);
    next.len = next.mss;
    for (uint32_t n = plain_segs(conn, &next); n != 0 && limit == LIMIT_NONE; n--)
        limit = send_next(conn, &next, now);
    while (limit == LIMIT_NONE && tcp_sndbuf_has_new(conn)) {
        limit = plan(conn, &next);
        if (limit == LIMIT_NONE)
            limit = send_next(conn, &next, now);
    }
    return limit;
}

/* ---- what was sent before -------------------------------------------------------------------- */

/* How many bytes of a record may leave now as one; 0: none. */
static uint32_t most_again(const struct tcp_conn *conn, const struct tcp_seg *seg, uint32_t quota)
{
    int32_t wnd = (int32_t)(conn->snd_una + conn->snd_wnd - seg->node.seq);
    uint32_t mss = u32_min(seg->mss, conn->mss), bytes = tcp_seg_len(seg), most;

    if (UNLIKELY(wnd <= 0)) {
        /* The window shrank: only its edge is tried (RFC 9293 section 3.8.6). */
        if (seg->node.seq != conn->snd_una)
            return 0;
        wnd = (int32_t)mss;
    }
    most = u32_min(u32_min(seg->segs, quota), device_segs(conn, mss)) * mss;
    if (most > (uint32_t)wnd)
        most = (uint32_t)wnd < mss ? (uint32_t)wnd : (uint32_t)wnd - (uint32_t)wnd % mss;
    most = u32_min(most, bytes);
    return most > mss ? device_len(conn, seg->chunk, seg->node.seq, most, mss) : most;
}

/* Cuts a record that is to be sent again to what may leave now. False: nothing may, or there is
 * no memory. */
static bool fit_again(struct tcp_conn *conn, struct tcp_seg *seg, uint32_t quota)
{
    uint32_t bytes = tcp_seg_len(seg), most;

    if (LIKELY(seg->segs == 1 && bytes <= conn->mss &&
               seq_le(seg->node.seq + bytes, conn->snd_una + conn->snd_wnd)))
        return true;
    /* The path has become narrower: first one of the old length, then one of the new. */
    if (UNLIKELY(seg->mss > conn->mss) && seg->segs > 1 && !tcp_flight_split(conn, seg, seg->mss))
        return false;
    most = most_again(conn, seg, quota);
    if (most == tcp_seg_len(seg))
        return bytes != 0 || seg->node.seq == conn->snd_una;
    /* Less than one of several segments: first it is taken out. */
    if (most == 0 ||
        (seg->segs > 1 && most % seg->mss != 0 && !tcp_flight_split(conn, seg, seg->mss)) ||
        !tcp_flight_split(conn, seg, most))
        return false;
    if (seg->mss > conn->mss)
        seg->mss = (uint16_t)conn->mss;
    return true;
}

/* False: the device has no room. */
static bool send_again(struct tcp_conn *conn, struct tcp_seg *seg, uint64_t now)
{
    bool push =
        seg->segs > 1 && conn->tcp->conf.tuning.push_super && (seg->flags & TCP_SEG_PSH) == 0;
    int err = push ? emit_pushed(conn, seg, now) : tcp_emit_seg(conn, seg, now);

    if (UNLIKELY(err == -E_AGAIN))
        return false;
    tcp_flight_sent(conn, seg, now);
    return true;
}

static bool send_lost(struct tcp_conn *conn, uint64_t now)
{
    struct tcp_seg *seg;
    uint32_t quota;

    while ((quota = tcp_reduce_quota(conn)) != 0 && (seg = tcp_recovery_next(conn, now)) != NULL) {
        if (!fit_again(conn, seg, quota))
            return true;
        if (!send_again(conn, seg, now))
            return false;
    }
    return true;
}

/* A tail loss probe (RFC 8985 section 7.3): new data where there is some and the window allows it,
 * else the last segment again. */
static COLD void send_tlp(struct tcp_conn *conn, uint64_t now)
{
    struct tcp_seg *seg = tcp_rto_tlp_seg(conn);
    struct next next = begin_next(conn);

    next.force = true;
    if (seg != NULL) {
        if (fit_again(conn, seg, 1))
            send_again(conn, seg, now);
    } else if (tcp_sndbuf_has_new(conn) && plan(conn, &next) == LIMIT_NONE) {
        send_next(conn, &next, now);
    }
    conn->owed &= (uint8_t)~TCP_OWE_TLP;
    tcp_rto_rearm(conn, now);
}

/* ---- segments without data ------------------------------------------------------------------- */

/* The number that an ACK bears: what comes next, but within the peer's window where that has shrunk
 * by more than its scale can say. */
static uint32_t ack_seq(const struct tcp_conn *conn)
{
    int32_t left = window_left(conn);

    if (LIKELY(left >= 0) || (uint32_t)-left < (1u << conn->snd_wscale))
        return conn->snd_nxt;
    return conn->snd_una + conn->snd_wnd;
}

/* False: the device has no room. */
static bool send_ack(struct tcp_conn *conn, uint64_t now)
{
    if (UNLIKELY(conn->tcp->conf.tuning.acks_repeat_fin && conn->fin_sent &&
                 (conn->owed & TCP_OWE_CHALLENGE) == 0 && conn->snd_una != conn->snd_nxt))
        return tcp_emit_bare(conn, conn->snd_nxt - 1, TCP_FIN | TCP_ACK, now) != -E_AGAIN;
    if (UNLIKELY(tcp_emit_bare(conn, ack_seq(conn), TCP_ACK, now) == -E_AGAIN))
        return false;
    conn->owed &= (uint8_t)~TCP_OWE_ACK; /* lost on the way, perhaps */
    return true;
}

/* Each out-of-order segment has its ACK (RFC 5681 section 4.2), and so has what is challenged. */
static COLD bool send_own_acks(struct tcp_conn *conn, uint64_t now)
{
    if ((conn->owed & TCP_OWE_DUPACKS) != 0) {
        for (; conn->dup_acks_owed != 0; conn->dup_acks_owed--)
            if (!send_ack(conn, now))
                return false;
        conn->owed &= (uint8_t)~TCP_OWE_DUPACKS;
    }
    if ((conn->owed & TCP_OWE_CHALLENGE) != 0) {
        if (!send_ack(conn, now))
            return false;
        conn->owed &= (uint8_t)~TCP_OWE_CHALLENGE;
    }
    return true;
}

/* Is the peer there, is its window still shut? */
static COLD void send_probe(struct tcp_conn *conn, uint64_t now)
{
    bool data = conn->tcp->conf.tuning.probe_data;
    struct next next = begin_next(conn);
    int32_t left = window_left(conn);

    next.force = true;
    next.push = !data;
    conn->owed &= (uint8_t)~TCP_OWE_PROBE;
    if (conn->flight.out == 0 && tcp_sndbuf_has_new(conn) && (left > 0 || data)) {
        uint32_t unsent = tcp_sndbuf_unsent(conn), room = left > 0 ? (uint32_t)left : 1;

        next.len = u32_min(u32_min(unsent, room), next.mss);
        next.fin = next.len == unsent && conn->fin_wanted && next.len < room;
        if (next.len != 0 || next.fin) {
            send_next(conn, &next, now);
            return;
        }
    }
    /* The urgent pointer goes along with a number that is new to the peer (RFC 9293 section 3.8.5),
     * then with one that it must answer. */
    if (conn->urgent_out)
        tcp_emit_bare(conn, conn->snd_una, TCP_ACK, now);
    tcp_emit_bare(conn, conn->snd_una - 1, TCP_ACK, now);
}

static COLD void send_syn(struct tcp_conn *conn, uint64_t now)
{
    if ((conn->owed & TCP_OWE_SYN) != 0 && tcp_emit_syn(conn, now) != -E_AGAIN)
        conn->owed &= (uint8_t)~TCP_OWE_SYN;
    if (conn->state == TCP_SYN_RECEIVED && send_own_acks(conn, now) &&
        (conn->owed & TCP_OWE_ACK) != 0)
        send_ack(conn, now);
}

/* ---- a connection's turn --------------------------------------------------------------------- */

/* Is it in a state that sends data (RFC 9293 section 3.10.2), or only acknowledges? */
static bool may_send(const struct tcp_conn *conn)
{
    return conn->state >= TCP_ESTABLISHED && conn->state != TCP_FIN_WAIT_2 &&
           conn->state != TCP_TIME_WAIT;
}

static void watch_chrono(struct tcp_conn *conn, enum limit limit, uint64_t now)
{
    enum tcp_chrono_state state = TCP_CHRONO_BUSY;

    if (conn->flight.out == 0 && !tcp_sndbuf_has_new(conn))
        state = TCP_CHRONO_IDLE;
    else if (limit == LIMIT_WINDOW)
        state = TCP_CHRONO_WINDOW;
    else if (conn->snd.was_full && conn->snd.next == NULL &&
             tcp_flight_pipe(&conn->flight) < conn->cc.cwnd)
        state = TCP_CHRONO_SNDBUF;
    tcp_chrono_set(conn, state, now);
}

/* As if the window were shut: others let their probe timer end it. */
static uint64_t cork_ns(const struct tcp_conn *conn)
{
    uint64_t least = conn->tcp->conf.tuning.persist_min_ns;

    return conn->rtt.rto_ns > least ? conn->rtt.rto_ns : least;
}

/* Nothing that leaves could bring an ACK that goes on from here: a timer must. */
static void watch_held(struct tcp_conn *conn, enum limit limit, uint64_t now)
{
    if (UNLIKELY(limit == LIMIT_WINDOW) && conn->flight.out == 0)
        tcp_persist_start(conn, now);
    else if (UNLIKELY(tcp_timer_runs(conn, TCP_TIMER_PERSIST)))
        tcp_persist_stop(conn);
    if (UNLIKELY(limit == LIMIT_HELD && conn->cork) && !tcp_timer_runs(conn, TCP_TIMER_CORK))
        tcp_timer_set(conn, TCP_TIMER_CORK, now + cork_ns(conn));
}

/* The link became narrower (netif_mtu_limit), or a router told another connection, or a socket,
 * that the way to this peer is (RFC 1191 section 6.4). */
static COLD void watch_path(struct tcp_conn *conn, uint64_t now)
{
    struct netif *nif = conn->tcp->conf.nif;
    uint32_t mtu = conn->tcp->conf.tuning.pmtu_discovery ? ip4_path_mtu(nif, conn->ip.dst, now)
                                                         : ip4_path_mtu_link(nif);

    if (mtu < conn->mtu) {
        conn->mtu = mtu;
        tcp_conn_mss_refresh(conn, now);
    }
}

static void send_round(struct tcp_conn *conn, uint64_t now)
{
    enum limit limit = LIMIT_NONE;

    if (UNLIKELY((conn->owed & (TCP_OWE_DUPACKS | TCP_OWE_CHALLENGE)) != 0) &&
        !send_own_acks(conn, now))
        return;
    if (UNLIKELY((conn->owed & TCP_OWE_PROBE) != 0))
        send_probe(conn, now);
    if (may_send(conn)) {
        uint64_t segs = conn->segs_out;

        if (UNLIKELY((conn->owed & TCP_OWE_TLP) != 0))
            send_tlp(conn, now);
        if (!send_lost(conn, now))
            return;
        limit = send_new(conn, now);
        watch_held(conn, limit, now);
        if (conn->segs_out != segs || limit == LIMIT_CWND)
            tcp_cc_sent(conn, limit == LIMIT_CWND, now);
    }
    if ((conn->owed & TCP_OWE_ACK) != 0 && limit != LIMIT_DEVICE)
        send_ack(conn, now);
    watch_chrono(conn, limit, now);
}

void tcp_out_conn(struct tcp_conn *conn, uint64_t now)
{
    const struct netif *nif = conn->tcp->conf.nif;

    if (UNLIKELY(conn->state < TCP_ESTABLISHED)) {
        send_syn(conn, now);
        return;
    }
    if (UNLIKELY(nif->path_mtu_count != 0 || conn->mtu > ip4_path_mtu_link(nif)))
        watch_path(conn, now);
    tcp_emit_round(conn, true);
    send_round(conn, now);
    tcp_emit_round(conn, false);
    if (UNLIKELY(conn->snd.was_full))
        tcp_sndbuf_wake(conn);
}

void tcp_out_cork_expired(struct tcp_conn *conn, uint64_t now)
{
    (void)now;
    conn->snd.uncork = true;
    tcp_poll_mark(conn);
}
