/* SPDX-License-Identifier: ISC */
/* tcp_rcvbuf.c - what came in order and was not read yet: packets, as they came, by reference.
 *
 * A packet of a full segment keeps a page for its 1448 bytes; one of a few bytes keeps a page
 * too. A queue that holds more pages than its bytes are worth has small segments copied behind
 * the last bytes it holds, so that however a peer cuts its data, a page stands for a kilobyte or
 * more. A queue of few pages, or of full segments, is never copied.
 */
#include "tcpip/tcp_priv.h"

/* Pages that a queue may hold before their number is compared with its bytes. */
#define FEW_PAGES 4u

bool tcp_rcvbuf_join(struct tcp *tcp, struct pkt *last, const struct pkt *pkt)
{
    struct pkt_frag *frag = &last->frag[last->frag_count - 1];
    uint32_t end = (uint32_t)frag->off + frag->len;

    /* Of a page with another reference we do not know which bytes are whose. */
    if (pkt->len > PAGE_BYTES - end || frag->page->refs != 1)
        return false;
    if (!pkt_read(pkt, 0, cs_of(frag->page->base + end, pkt->len)))
        return false;
    frag->len = (uint16_t)(frag->len + pkt->len);
    last->len += pkt->len;
    tcp->stats.collapsed++;
    tcp->stats.copied_bytes += pkt->len;
    return true;
}

/* ---- in ------------------------------------------------------------------------------------- */

static inline void tell(struct tcp_conn *conn, uint32_t bytes)
{
    conn->rcv.bytes += bytes;
    conn->bytes_received += bytes;
    tcp_news(conn->tcp, &conn->news);
}

void tcp_rcvbuf_push_list(struct tcp_conn *conn, struct pkt *first, struct pkt *last,
                          uint32_t bytes, uint32_t pages)
{
    struct tcp_rcv *rcv = &conn->rcv;

    last->next = NULL;
    if (rcv->tail == NULL)
        rcv->head = first;
    else
        rcv->tail->next = first;
    rcv->tail = last;
    rcv->pages += pages;
    tell(conn, bytes);
}

/* Would the queue hold too many pages for its bytes? */
static bool is_wasteful(const struct tcp_rcv *rcv, const struct pkt *pkt)
{
    return rcv->pages + pkt->frag_count > FEW_PAGES + (rcv->bytes + pkt->len) / (PAGE_BYTES / 4);
}

bool tcp_rcvbuf_push(struct tcp_conn *conn, struct pkt *pkt)
{
    struct tcp_rcv *rcv = &conn->rcv;

    if (UNLIKELY(tcp_rcvbuf_sparse(pkt)) && rcv->tail != NULL && is_wasteful(rcv, pkt) &&
        tcp_rcvbuf_join(conn->tcp, rcv->tail, pkt)) {
        tell(conn, pkt->len);
        pkt_put(pkt);
        return true;
    }
    if (UNLIKELY(!tcp_mem_charge(conn, pkt->frag_count)))
        return false;
    tcp_rcvbuf_push_list(conn, pkt, pkt, pkt->len, pkt->frag_count);
    return true;
}

/* ---- out ------------------------------------------------------------------------------------ */

/* Takes the first `n` bytes off the queue; n is no more than there are. */
static void drop_front(struct tcp_conn *conn, uint32_t n)
{
    struct tcp_rcv *rcv = &conn->rcv;
    uint32_t pages = 0;

    rcv->bytes -= n;
    while (n != 0) {
        struct pkt *pkt = rcv->head;
        uint32_t frags = pkt->frag_count;

        if (n < pkt->len) {
            pkt_pull(pkt, n);
            pages += frags - pkt->frag_count;
            break;
        }
        n -= pkt->len;
        pages += frags;
        rcv->head = pkt->next;
        if (rcv->head == NULL)
            rcv->tail = NULL;
        pkt->next = NULL;
        pkt_put(pkt);
    }
    if (pages != 0) {
        rcv->pages -= pages;
        tcp_mem_release(conn, pages);
    }
}

void tcp_rcvbuf_clear(struct tcp_conn *conn)
{
    drop_front(conn, conn->rcv.bytes);
    tcp_window_end(conn);
}

/* 1: there are bytes; 0: there will be none; negative: see tcp_recv_peek. */
static int readable(const struct tcp_conn *conn)
{
    if (conn == NULL)
        return -E_BADF;
    if (LIKELY(conn->rcv.bytes != 0))
        return 1;
    if (conn->error < 0)
        return conn->error;
    if (tcp_conn_eof(conn))
        return 0;
    return conn->state == TCP_CLOSED ? -E_NOTCONN : -E_AGAIN;
}

int tcp_recv_peek(struct tcp *tcp, tcp_t handle, struct cs_ro *views, unsigned n)
{
    const struct tcp_conn *conn = tcp_conn_of(tcp, handle);
    int state = readable(conn);
    unsigned count = 0;

    if (state <= 0)
        return state;
    for (const struct pkt *pkt = conn->rcv.head; pkt != NULL && count < n; pkt = pkt->next)
        for (unsigned i = 0; i < pkt->frag_count && count < n; i++)
            views[count++] = pkt_frag_view(pkt, i);
    return (int)count;
}

int tcp_recv_consume(struct tcp *tcp, tcp_t handle, uint32_t n, uint64_t now_ns)
{
    struct tcp_conn *conn = tcp_conn_of(tcp, handle);

    if (conn == NULL)
        return -E_BADF;
    if (n > conn->rcv.bytes)
        return -E_INVAL;
    if (n != 0) {
        drop_front(conn, n);
        tcp_window_taken(conn, n, now_ns);
    }
    return 0;
}

int tcp_recv_page(struct tcp *tcp, tcp_t handle, struct page **page, uint32_t *off, uint32_t *len,
                  uint64_t now_ns)
{
    struct tcp_conn *conn = tcp_conn_of(tcp, handle);
    int state = readable(conn);
    const struct pkt_frag *frag;

    if (state <= 0)
        return state;
    frag = &conn->rcv.head->frag[0];
    page_ref(frag->page);
    *page = frag->page;
    *off = frag->off;
    *len = frag->len;
    drop_front(conn, *len);
    tcp_window_taken(conn, *len, now_ns);
    return 1;
}

int tcp_recv(struct tcp *tcp, tcp_t handle, struct cs to, uint64_t now_ns)
{
    struct tcp_conn *conn = tcp_conn_of(tcp, handle);
    int state = readable(conn);
    uint32_t n, done = 0;

    if (state <= 0)
        return state;
    n = (uint32_t)size_min(size_min(to.len, conn->rcv.bytes), INT32_MAX);
    for (const struct pkt *pkt = conn->rcv.head; done < n; pkt = pkt->next) {
        uint32_t part = u32_min(n - done, pkt->len);

        pkt_read(pkt, 0, cs_sub(to, done, part));
        done += part;
    }
    tcp->stats.copied_bytes += n;
    if (n != 0) {
        drop_front(conn, n);
        tcp_window_taken(conn, n, now_ns);
    }
    return (int)n;
}

int tcp_recv_pending(const struct tcp *tcp, tcp_t handle, uint32_t *urgent)
{
    const struct tcp_conn *conn = tcp_conn_of(tcp, handle);
    uint32_t read;

    if (conn == NULL)
        return -E_BADF;
    read = conn->rcv_nxt - conn->rcv.bytes - tcp_conn_eof(conn);
    if (urgent != NULL)
        *urgent = conn->urgent_in && seq_gt(conn->rcv_up, read) ? conn->rcv_up - read : 0;
    return (int)conn->rcv.bytes;
}
