/* SPDX-License-Identifier: ISC */
/* tcp_window.c - the receive window: how much may come, and how that grows.
 *
 * Theory of operation
 *
 *     rcv.limit      bytes that may wait to be read. Grows with what the program takes in a round
 *                    trip (dynamic right-sizing), where it was not set by the program, but not
 *                    beyond what the device's other side keeps, where the path is short
 *     rcv.ssthresh   bytes that are offered at most: grows by two segments with each that comes, so
 *                    that a sender is let loose only as its segments prove to fill their pages
 *     the window     the least of ssthresh, clamp, and what limit has left; its right edge is
 *                    rcv_adv and does not move back for want of room, nor by rounding to its
 *                    scale, but where rounding up has added a quarter of the buffer to it
 *
 * Three promises. The window opens again whatever happened: a queue that is empty offers a
 * segment at least. It opens by useful steps only (silly windows, RFC 9293 section 3.8.6.2.2).
 * And what is offered beyond a connection's first window can be taken: a page may hold one
 * segment only, and windows are counted in the pages they would fill, all connections together,
 * against the budget. First windows are not: there are many of them, and most connections are
 * idle.
 */
#include "tcpip/tcp_priv.h"

/* Windows are made for so many segments at least. */
#define SPACE_SEGMENTS 16u
#define FIRST_SEGMENTS 10u
/* How long a path's pace is measured at least. */
#define PATH_NS (50 * NS_PER_MS)
#define PATH_ROUNDS_MAX 8u

uint8_t tcp_window_scale(const struct tcp_tuning *tuning, uint32_t rcvbuf_max)
{
    uint32_t most = u32_min(tuning->window_scale_max, TCP_WSCALE_MAX);
    uint8_t scale = 0;

    while (scale < most && UINT32_C(65535) << scale < rcvbuf_max)
        scale++;
    return scale;
}

static inline uint32_t round_up(const struct tcp_conn *conn, uint32_t n)
{
    uint32_t unit = UINT32_C(1) << conn->rcv_wscale;

    return (n + unit - 1) & ~(unit - 1);
}

/* ---- pages ---------------------------------------------------------------------------------- */

/* Bytes that a page will hold: small segments are joined. */
static inline uint32_t page_worth(const struct tcp_conn *conn)
{
    return conn->rcv.mss < TCP_MSS_DEFAULT ? TCP_MSS_DEFAULT : u32_min(conn->rcv.mss, PAGE_BYTES);
}

/* Pages that `bytes` would come in. */
static inline uint32_t pages_for(const struct tcp_conn *conn, uint32_t bytes)
{
    uint32_t each = page_worth(conn);

    return (bytes + each - 1) / each;
}

/* Notes that a window of so many bytes is offered. */
static void promise(struct tcp_conn *conn, uint32_t window)
{
    uint32_t first = tcp_conn_tuning(conn)->window_initial;
    uint32_t pages = window > first ? pages_for(conn, window - first) : 0;

    conn->tcp->rcv_promised += pages - conn->rcv.promised;
    conn->rcv.promised = pages;
}

/* May the window be `window`, which is more than is offered? Or how much? */
static uint32_t backed(const struct tcp_conn *conn, uint32_t window, uint32_t offered)
{
    const struct tcp *tcp = conn->tcp;
    uint32_t first = tcp_conn_tuning(conn)->window_initial, taken, room;

    if (UNLIKELY(tcp_mem_level(tcp) == TCP_MEM_FULL)) {
        /* Something, where there is nothing: it must go on. */
        uint32_t least = conn->rcv.bytes == 0 ? 2 * conn->rcv.mss : 0;

        return offered >= least ? offered : u32_min(window, round_up(conn, least));
    }
    if (window <= first)
        return window;
    taken = tcp->used.pages + tcp->rcv_promised - conn->rcv.promised;
    room = tcp->conf.pages_max > taken ? tcp->conf.pages_max - taken : 0;
    if (LIKELY(pages_for(conn, window - first) <= room))
        return window;
    room = round_up(conn, first + room * page_worth(conn));
    return u32_min(window, room > offered ? room : offered);
}

/* ---- the window ----------------------------------------------------------------------------- */

uint32_t tcp_window_wanted(const struct tcp_conn *conn)
{
    const struct tcp_rcv *rcv = &conn->rcv;
    uint32_t unit = UINT32_C(1) << conn->rcv_wscale, full = u32_min(rcv->limit, rcv->clamp);
    uint32_t mss = u32_min(rcv->mss, full), last = conn->rcv_adv - conn->rcv_wup;
    uint32_t room = rcv->limit > rcv->bytes ? rcv->limit - rcv->bytes : 0;

    /* An empty queue must not depend on how the buffer's size is rounded. */
    if (UNLIKELY(rcv->bytes == 0 && room < unit + mss))
        return round_up(conn, full < mss ? mss : full);
    /* What Linux rounds down FreeBSD rounds up. */
    if (tcp_conn_tuning(conn)->ack_habit != TCP_HABIT_EVERY_OTHER)
        room &= ~(unit - 1);
    if (room < full >> 4 || room < mss)
        return 0;
    room = u32_min(room, u32_min(rcv->ssthresh, rcv->clamp));
    if (conn->rcv_wscale != 0)
        return round_up(conn, room);
    if (tcp_conn_tuning(conn)->rcvbuf_whole)
        return room;
    /* Without scale the field says all: whole segments, and it changes by no less. */
    if (last > room || last + mss <= room)
        return room > mss ? room - room % mss : room;
    return last;
}

/* To what the field can say: up, or the edge would move back (RFC 7323 section 2.4). With many
 * small segments that adds up, though: once it is a quarter of the buffer, down. */
static inline uint32_t round_window(const struct tcp_conn *conn, uint32_t window)
{
    const struct tcp_rcv *rcv = &conn->rcv;
    uint32_t most = rcv->limit + rcv->limit / 4;

    if (LIKELY(rcv->bytes + window <= most) || rcv->bytes == 0)
        return round_up(conn, window);
    return window & ~((UINT32_C(1) << conn->rcv_wscale) - 1);
}

uint32_t tcp_window_offer(struct tcp_conn *conn)
{
    struct tcp_rcv *rcv = &conn->rcv;
    uint32_t full = u32_min(rcv->limit, rcv->clamp);
    uint32_t offered = tcp_window_offered(conn), wanted = tcp_window_wanted(conn);
    uint32_t window = wanted;

    /* A reader that is late need not hear of every second segment. */
    if (UNLIKELY(rcv->bytes > full / 2))
        rcv->quick = 0;
    if (window > offered) {
        uint32_t step = u32_min(full / 2, rcv->mss);

        /* RFC 9293 section 3.8.6.2.2. While most of the window is open it is none of the silly. */
        if (window - offered < step && offered < u32_min(full, rcv->ssthresh) / 2)
            window = offered;
        else
            window = backed(conn, window, offered);
    } else {
        window = offered;
    }
    window = u32_min(round_window(conn, window), UINT32_C(65535) << conn->rcv_wscale);
    conn->rcv_adv = conn->rcv_nxt + window;
    rcv->window = window;
    rcv->window_nxt = conn->rcv_nxt;
    rcv->window_known = window >= wanted; /* else others may make room for more */
    if (UNLIKELY(window > tcp_conn_tuning(conn)->window_initial || rcv->promised != 0))
        promise(conn, window);
    return window;
}

void tcp_window_end(struct tcp_conn *conn)
{
    promise(conn, 0);
}

uint32_t tcp_window_first(const struct tcp_tuning *tuning, uint32_t rcvbuf, uint32_t mss)
{
    if (tuning->syn_window_whole && rcvbuf > mss)
        rcvbuf -= rcvbuf % mss;
    return u32_min(u32_min(rcvbuf, tuning->window_initial), 65535);
}

void tcp_window_init(struct tcp_conn *conn, uint64_t now)
{
    const struct tcp_tuning *tuning = tcp_conn_tuning(conn);
    struct tcp_rcv *rcv = &conn->rcv;
    uint32_t mss = tcp_conn_mss_offer(conn->tcp, conn->mss_max);

    rcv->ssthresh = tcp_window_first(tuning, u32_min(rcv->limit, rcv->clamp), mss);
    rcv->mss = TCP_MSS_CREDIBLE;
    rcv->rtt_least_ns = UINT64_MAX;
    conn->rcv_wup = conn->rcv_nxt;
    conn->rcv_adv = conn->rcv_nxt + rcv->ssthresh;
    conn->received_at = now;
}

void tcp_window_negotiated(struct tcp_conn *conn, uint64_t now)
{
    struct tcp_rcv *rcv = &conn->rcv;
    uint32_t window = tcp_window_offered(conn);
    /* Better too little than too much: who believes in long segments acknowledges too few. */
    uint32_t mss = u32_min(u32_min(conn->mss, window / 2), TCP_MSS_DEFAULT);

    rcv->mss = mss < TCP_MSS_CREDIBLE ? TCP_MSS_CREDIBLE : mss;
    /* A first window too small to say what fits: then two segments. */
    rcv->ssthresh = window < 2 * conn->mss ? 2 * conn->mss : window;
    if (tcp_conn_tuning(conn)->rcvbuf_whole) {
        uint32_t whole = u32_min(conn->peer_mss, conn->mtu - ip4_SIZE - tcp_SIZE);

        rcv->limit = (rcv->limit + whole - 1) / whole * whole;
        rcv->ssthresh = rcv->limit;
    }
    rcv->space = u32_min(window, FIRST_SEGMENTS * conn->mss);
    rcv->space_at = rcv->path_at = now;
    conn->received_at = now;
}

/* ---- growth --------------------------------------------------------------------------------- */

void tcp_window_grow(struct tcp_conn *conn, uint32_t len)
{
    struct tcp_rcv *rcv = &conn->rcv;
    uint32_t left = rcv->limit > rcv->bytes ? rcv->limit - rcv->bytes : 0;
    uint32_t most = u32_min(rcv->clamp, left), step = 2 * (rcv->mss > len ? rcv->mss : len);

    if (rcv->ssthresh >= most)
        return;
    if (UNLIKELY(tcp_mem_level(conn->tcp) != TCP_MEM_LOW))
        return;
    rcv->ssthresh += u32_min(most - rcv->ssthresh, step);
    rcv->window_known = false;
    if (tcp_conn_tuning(conn)->quickack_segments != 0)
        rcv->quick |= 1; /* the sender hears of it at once */
}

/* The path's least round trip, of the last minutes; UINT64_MAX: nothing is known. */
static uint64_t least_rtt(const struct tcp_conn *conn, uint64_t now)
{
    const struct tcp_rcv *rcv = &conn->rcv;
    uint64_t least_ns = u64_min(rcv->rtt_least_ns, rcv->rtt_ns);

    return now - conn->rtt.min_at > TCP_RTT_LEAST_NS ? least_ns
                                                     : u64_min(least_ns, conn->rtt.min_ns);
}

/* Twice what the path itself holds: the bytes that were read in a least round trip, on the average
 * of a time that is longer than a burst. A time in which little came to be read says nothing. */
static void measure_path(struct tcp_conn *conn, uint64_t now)
{
    struct tcp_rcv *rcv = &conn->rcv;
    uint64_t took_ns = now - rcv->path_at, bytes = rcv->copied - rcv->path_copied;
    uint64_t round_ns = rcv->rtt_ns > PATH_NS ? rcv->rtt_ns : PATH_NS;

    if (took_ns < round_ns)
        return;
    if (took_ns < PATH_ROUNDS_MAX * round_ns)
        rcv->path = 2 * bytes * (least_rtt(conn, now) / NS_PER_US) / (took_ns / NS_PER_US);
    rcv->path_copied = rcv->copied;
    rcv->path_at = now;
}

/* What is on its way and not on the path waits in the device's queue, and beyond that it is lost;
 * a quarter is left to others. */
static uint64_t bound_by_queue(const struct tcp_conn *conn, uint64_t want)
{
    uint32_t queue = conn->tcp->conf.nif->conf.dev->caps.rx_queue_bytes / 4 * 3;
    uint64_t path = conn->rcv.path;

    return queue == 0 ? want : u64_min(want, path > queue ? path : queue);
}

/* A sender that is not held back sends in a round trip twice what it sent in the one before
 * (slow start): so the buffer is made for twice what the program took in the last round trip,
 * and then for the growth seen. */
static void right_size(struct tcp_conn *conn, uint64_t now)
{
    const struct tcp_tuning *tuning = tcp_conn_tuning(conn);
    struct tcp_rcv *rcv = &conn->rcv;
    uint64_t taken = rcv->copied - rcv->space_copied, want;

    if (rcv->rtt_ns == 0 || now - rcv->space_at < rcv->rtt_ns)
        return;
    measure_path(conn, now);
    if (taken > rcv->space && rcv->space != 0) {
        want = 2 * taken + SPACE_SEGMENTS * conn->mss;
        want += 2 * (want * (taken - rcv->space) / rcv->space);
        want = u64_min(want, tuning->rcvbuf_max);
        want = bound_by_queue(conn, want);
        /* No more than half of what there is for all. */
        want =
            u64_min(want, (uint64_t)conn->tcp->conf.pages_max / 2 * u32_min(rcv->mss, PAGE_BYTES));
        if (!rcv->fixed && want > rcv->limit && tcp_mem_level(conn->tcp) == TCP_MEM_LOW)
            rcv->limit = (uint32_t)want;
        rcv->space = (uint32_t)u64_min(taken, UINT32_MAX);
    }
    rcv->space_copied = rcv->copied;
    rcv->space_at = now;
}

/* ---- the program reads ---------------------------------------------------------------------- */

/* Linux: the window became twice as wide; an ACK of what was read whole is due anyway. */
static bool is_news_adaptive(const struct tcp_conn *conn, uint32_t offered)
{
    const struct tcp_rcv *rcv = &conn->rcv;
    uint32_t window;

    if ((rcv->ack & TCP_ACKGEN_DUE) != 0) {
        bool small = (rcv->ack & TCP_ACKGEN_PUSHED2) != 0 ||
                     ((rcv->ack & TCP_ACKGEN_PUSHED) != 0 && !rcv->pingpong);

        if (conn->rcv_nxt - conn->rcv_wup > rcv->mss || (small && rcv->bytes == 0))
            return true;
    }
    if (2 * (uint64_t)offered > u32_min(rcv->limit, rcv->clamp))
        return false;
    window = tcp_window_wanted(conn);
    return window != 0 && window >= 2 * (uint64_t)offered;
}

/* 4.4BSD: by two segments and a share of the buffer, or by half of it. */
static bool is_news_fixed(const struct tcp_conn *conn, uint32_t offered)
{
    const struct tcp_rcv *rcv = &conn->rcv;
    uint32_t window = tcp_window_wanted(conn), more = window > offered ? window - offered : 0;

    if (more >> conn->rcv_wscale == 0)
        return false;
    if (more >= 2 * conn->mss &&
        (more >= rcv->limit / 4 || window <= rcv->limit / 8 || rcv->limit <= 8 * conn->mss))
        return true;
    return 2 * (uint64_t)more >= rcv->limit;
}

void tcp_window_taken(struct tcp_conn *conn, uint32_t n, uint64_t now)
{
    bool eof = tcp_conn_eof(conn);
    uint32_t offered = tcp_window_offered(conn);

    conn->rcv.copied += n;
    conn->rcv.window_known = false;
    if (UNLIKELY(conn->urgent_in) && seq_ge(conn->rcv_nxt - conn->rcv.bytes - eof, conn->rcv_up))
        conn->urgent_in = false;
    /* Where nothing more will come there is nothing to tell. */
    if (conn->state == TCP_CLOSED)
        return;
    right_size(conn, now);
    if (eof) {
        if (conn->rcv_nxt - conn->rcv_wup > conn->rcv.mss)
            tcp_ackgen_now(conn);
    } else if (tcp_conn_tuning(conn)->ack_habit == TCP_HABIT_EVERY_OTHER
                   ? is_news_fixed(conn, offered)
                   : is_news_adaptive(conn, offered)) {
        tcp_ackgen_now(conn);
    }
}
