/* SPDX-License-Identifier: ISC */
/* tcp_sndbuf.c - bytes to send, and the calls that bring them.
 *
 * A list of chunks, each a view of a page that it holds; each counts as a page of the budget. What
 * a program gives by reference is a chunk of its own. What it writes into room that we lend grows
 * the last chunk, as long as that chunk's page has room left: so many small writes share a page,
 * and bytes that a device may still read are never moved or written again. */
#include "tcpip/tcp_priv.h"

enum {
    CHUNK_BYTES_LEAST = 1024, /* on average: past CHUNKS_FREE, smaller ones count as so long */
    CHUNKS_FREE = 64,
};
#define STARVED_RETRY_NS (10 * NS_PER_MS)

/* ---- room ----------------------------------------------------------------------------------- */

static uint32_t space(const struct tcp_conn *conn)
{
    const struct tcp_sndbuf *snd = &conn->snd;
    uint32_t used = tcp_sndbuf_bytes(conn);

    /* Crumbs cost a page each. */
    if (UNLIKELY(snd->chunks > CHUNKS_FREE && used / CHUNK_BYTES_LEAST < snd->chunks - CHUNKS_FREE))
        used = (snd->chunks - CHUNKS_FREE) * CHUNK_BYTES_LEAST;
    return used < snd->limit ? snd->limit - used : 0;
}

bool tcp_sndbuf_writable(const struct tcp_conn *conn)
{
    return space(conn) >= conn->snd.limit / 3 && tcp_sndbuf_unsent(conn) < conn->snd.lowat;
}

void tcp_sndbuf_wake(struct tcp_conn *conn)
{
    if (!conn->snd.was_full || !tcp_sndbuf_writable(conn))
        return;
    conn->snd.was_full = false;
    if (!conn->orphan)
        tcp_news(conn->tcp, &conn->news);
}

void tcp_sndbuf_tune(struct tcp_conn *conn)
{
    const struct tcp_tuning *tuning = &conn->tcp->conf.tuning;
    uint32_t cwnd = conn->cc.cwnd < tuning->iw_segments ? tuning->iw_segments : conn->cc.cwnd;
    uint64_t want = 2ull * cwnd * conn->mss;

    if (conn->snd.fixed || want <= conn->snd.limit || tcp_mem_level(conn->tcp) != TCP_MEM_LOW)
        return;
    want = u64_min(want, tuning->sndbuf_max);
    if (want > conn->snd.limit)
        conn->snd.limit = (uint32_t)want;
}

/* A pool or the budget is used up: perhaps no ACK of ours will come that tells of room, so look
 * again after a while. */
static COLD int starved(struct tcp_conn *conn)
{
    conn->snd.was_full = true;
    tcp_timer_set(conn, TCP_TIMER_PACE, conn->tcp->now + STARVED_RETRY_NS);
    return -E_AGAIN;
}

static int full(struct tcp_conn *conn)
{
    conn->snd.was_full = true;
    return -E_AGAIN;
}

/* May the program send? */
static int sendable(const struct tcp_conn *conn)
{
    if (conn->error != 0)
        return conn->error;
    if (conn->fin_wanted)
        return -E_PIPE;
    if (conn->state == TCP_SYN_SENT || conn->state == TCP_SYN_RECEIVED)
        return -E_AGAIN;
    return conn->state == TCP_CLOSED ? -E_NOTCONN : 0;
}

/* ---- the list ------------------------------------------------------------------------------- */

/* A chunk with no byte of `page` yet; takes the caller's reference. */
static struct tcp_chunk *get_chunk(struct tcp_conn *conn, struct page *page, uint32_t off)
{
    struct tcp_chunk *chunk;

    if (UNLIKELY(!tcp_mem_charge(conn, 1)))
        return NULL;
    chunk = tcp_chunk_get(conn->tcp);
    if (UNLIKELY(chunk == NULL)) {
        tcp_mem_release(conn, 1);
        return NULL;
    }
    chunk->page = page;
    chunk->off = (uint16_t)off;
    chunk->len = 0;
    return chunk;
}

static void link_chunk(struct tcp_conn *conn, struct tcp_chunk *chunk)
{
    struct tcp_sndbuf *snd = &conn->snd;

    chunk->next = NULL;
    chunk->seq = snd->end;
    if (snd->tail != NULL)
        snd->tail->next = chunk;
    else
        snd->head = chunk;
    snd->tail = chunk;
    snd->chunks++;
}

/* `n` bytes more at the end of the tail. */
static void grown(struct tcp_conn *conn, uint32_t n)
{
    struct tcp_sndbuf *snd = &conn->snd;

    if (snd->next == NULL)
        snd->next = snd->tail;
    snd->end += n;
    tcp_poll_mark(conn);
}

/* The head is needed no more. */
static void drop_head(struct tcp_conn *conn)
{
    struct tcp_sndbuf *snd = &conn->snd;
    struct tcp_chunk *chunk = snd->head;

    snd->head = chunk->next;
    snd->chunks--;
    if (chunk != snd->tail) {
        tcp_chunk_put(conn, chunk);
        return;
    }
    snd->tail = NULL;
    if (UNLIKELY(snd->open && snd->reserved != 0)) {
        /* The program is writing into the rest of its page. */
        chunk->off = (uint16_t)(chunk->off + chunk->len);
        chunk->len = 0;
        snd->room = chunk;
    } else {
        tcp_chunk_put(conn, chunk);
    }
    snd->open = false;
}

void tcp_sndbuf_clear(struct tcp_conn *conn)
{
    struct tcp_sndbuf *snd = &conn->snd;

    while (snd->head != NULL)
        drop_head(conn);
    snd->next = NULL;
    if (snd->reserved == 0)
        tcp_sndbuf_take_back(conn);
}

void tcp_sndbuf_take_back(struct tcp_conn *conn)
{
    struct tcp_sndbuf *snd = &conn->snd;

    if (snd->room != NULL)
        tcp_chunk_put(conn, snd->room);
    snd->room = NULL;
    snd->reserved = 0;
}

void tcp_sndbuf_acked(struct tcp_conn *conn)
{
    struct tcp_sndbuf *snd = &conn->snd;
    struct tcp_chunk *head;

    while ((head = snd->head) != NULL && seq_le(head->seq + head->len, conn->snd_una))
        drop_head(conn);
    if (head == NULL) {
        tcp_chrono_set(conn, TCP_CHRONO_IDLE, conn->ack_at);
    } else if (seq_lt(head->seq, conn->snd_una)) {
        uint32_t n = conn->snd_una - head->seq;

        head->seq += n;
        head->off = (uint16_t)(head->off + n);
        head->len = (uint16_t)(head->len - n);
    }
    if (UNLIKELY(conn->urgent_out) && seq_ge(conn->snd_una, conn->snd_up))
        conn->urgent_out = false;
    if (snd->was_full) {
        tcp_sndbuf_tune(conn);
        tcp_sndbuf_wake(conn);
    }
}

/* ---- room lent ------------------------------------------------------------------------------ */

/* Where the lent bytes begin, and how many follow in the page. */
static uint32_t room_off(const struct tcp_sndbuf *snd, struct page **page)
{
    const struct tcp_chunk *chunk = snd->room != NULL ? snd->room : snd->tail;

    *page = chunk->page;
    return (uint32_t)chunk->off + chunk->len;
}

static bool take_room(struct tcp_conn *conn)
{
    struct page *page = page_get(conn->tcp->conf.nif->conf.pool->pages);

    if (UNLIKELY(page == NULL))
        return false;
    conn->snd.room = get_chunk(conn, page, 0);
    if (UNLIKELY(conn->snd.room == NULL)) {
        page_put(page);
        return false;
    }
    conn->snd.open = false; /* what is lent from here on is not the tail's */
    return true;
}

/* Lends up to `most` bytes, unless some are lent. */
static int lend(struct tcp_conn *conn, uint32_t most, struct cs *room)
{
    struct tcp_sndbuf *snd = &conn->snd;
    struct page *page;
    uint32_t off;

    if (snd->reserved == 0) {
        uint32_t bytes = space(conn);

        if (bytes == 0)
            return full(conn);
        if (snd->room == NULL && !(snd->open && snd->tail->off + snd->tail->len < PAGE_BYTES) &&
            !take_room(conn))
            return starved(conn);
        off = room_off(snd, &page);
        snd->reserved = (uint16_t)u32_min(u32_min(bytes, most), PAGE_BYTES - off);
    }
    off = room_off(snd, &page);
    *room = cs_sub(page_view(page), off, snd->reserved);
    return 0;
}

static void commit(struct tcp_conn *conn, uint32_t n)
{
    struct tcp_sndbuf *snd = &conn->snd;

    snd->reserved = 0;
    if (n == 0)
        return;
    if (snd->room != NULL) {
        link_chunk(conn, snd->room);
        snd->room = NULL;
        snd->open = true;
    }
    snd->tail->len = (uint16_t)(snd->tail->len + n);
    grown(conn, n);
}

int tcp_send_reserve(struct tcp *tcp, tcp_t handle, struct cs *room)
{
    struct tcp_conn *conn = tcp_conn_of(tcp, handle);
    int err = conn == NULL ? -E_BADF : sendable(conn);

    return err != 0 ? err : lend(conn, PAGE_BYTES, room);
}

int tcp_send_commit(struct tcp *tcp, tcp_t handle, uint32_t n, uint64_t now_ns)
{
    struct tcp_conn *conn = tcp_conn_of(tcp, handle);
    int err = conn == NULL ? -E_BADF : sendable(conn);

    (void)now_ns;
    if (err != 0)
        return err;
    if (n > conn->snd.reserved)
        return -E_INVAL;
    commit(conn, n);
    return 0;
}

int tcp_send(struct tcp *tcp, tcp_t handle, struct cs_ro bytes, uint64_t now_ns)
{
    struct tcp_conn *conn = tcp_conn_of(tcp, handle);
    int err = conn == NULL ? -E_BADF : sendable(conn);
    uint32_t sent = 0;

    (void)now_ns;
    if (err != 0)
        return err;
    if (conn->snd.reserved != 0)
        return -E_BUSY;
    while (bytes.len != 0 && sent <= INT32_MAX - PAGE_BYTES) {
        struct cs room;
        uint32_t most = (uint32_t)size_min(bytes.len, PAGE_BYTES);

        err = lend(conn, most, &room);
        if (err != 0)
            break;
        memcpy(room.base, bytes.base, room.len);
        bytes = cs_shift(bytes, room.len);
        sent += (uint32_t)room.len;
        commit(conn, (uint32_t)room.len);
    }
    tcp->stats.copied_bytes += sent;
    return sent != 0 ? (int)sent : err;
}

/* ---- pages given ---------------------------------------------------------------------------- */

int tcp_send_page(struct tcp *tcp, tcp_t handle, struct page *page, uint32_t off, uint32_t len,
                  uint64_t now_ns)
{
    struct tcp_conn *conn = tcp_conn_of(tcp, handle);
    int err = conn == NULL ? -E_BADF : sendable(conn);
    struct tcp_chunk *chunk;

    (void)now_ns;
    if (err != 0)
        return err;
    if (len == 0 || off > PAGE_BYTES || len > PAGE_BYTES - off)
        return -E_INVAL;
    if (conn->snd.reserved != 0)
        return -E_BUSY;
    /* A page longer than the whole buffer goes alone. */
    if (space(conn) < len && conn->snd.head != NULL)
        return full(conn);
    chunk = get_chunk(conn, page, off);
    if (chunk == NULL)
        return starved(conn);
    chunk->len = (uint16_t)len;
    link_chunk(conn, chunk);
    conn->snd.open = false;
    grown(conn, len);
    return 0;
}

/* ---- the rest of the door ------------------------------------------------------------------- */

int tcp_send_urgent(struct tcp *tcp, tcp_t handle)
{
    struct tcp_conn *conn = tcp_conn_of(tcp, handle);
    int err = conn == NULL ? -E_BADF : sendable(conn);

    if (err != 0)
        return err;
    /* RFC 6093 section 3.1: it points at the byte after the urgent data. */
    conn->snd_up = conn->snd.end;
    conn->urgent_out = seq_gt(conn->snd_up, conn->snd_una);
    tcp_poll_mark(conn);
    return 0;
}

int tcp_send_pending(const struct tcp *tcp, tcp_t handle, uint32_t *unsent)
{
    const struct tcp_conn *conn = tcp_conn_of(tcp, handle);

    if (conn == NULL)
        return -E_BADF;
    if (unsent != NULL)
        *unsent = tcp_sndbuf_unsent(conn);
    return (int)tcp_sndbuf_bytes(conn);
}
