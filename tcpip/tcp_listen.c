/* SPDX-License-Identifier: ISC */
/* tcp_listen.c - listeners, their accept queues, and segments for none of our connections (RFC 9293
 * sections 3.10.1, 3.10.7.1 and 3.10.7.2).
 *
 * A listener keeps no half-open connections itself: those are tcp_syn.c's. A connection enters its
 * accept queue established, and stays there until the program takes it, even if it ends meanwhile:
 * so accept tells of every handshake that was completed, in order. When the queue is full, SYNs are
 * not answered, and neither is the ACK of a handshake that began before: its SYN-ACK is sent
 * again, and the peer's answer finds room perhaps. */
#include "tcpip/tcp_priv.h"

enum { TCP_BACKLOG_DEFAULT = 128, TCP_BACKLOG_MAX = 65535 };

/* ---- the program's side --------------------------------------------------------------------- */

static struct tcp_listener *get_listener(struct tcp *tcp)
{
    for (uint32_t i = 0; i < tcp->conf.listeners_max; i++) {
        struct tcp_listener *listener = &tcp->listeners[i];

        if (listener->used)
            continue;
        /* The first time; its news may be in the list still. */
        if (listener->generation == 0)
            listener->generation = tcp_random(tcp);
        return listener;
    }
    return NULL;
}

static bool is_taken(const struct tcp *tcp, uint32_t addr, uint16_t port)
{
    const struct tcp_listener *listener = tcp_demux_listener(tcp, addr, port);

    return listener != NULL && listener->addr == addr;
}

int tcp_listen(struct tcp *tcp, const struct tcp_listen_conf *conf, tcp_t *handle)
{
    struct tcp_listener *listener, **head;

    if (conf->port == 0 || conf->backlog > TCP_BACKLOG_MAX)
        return -E_INVAL;
    if (conf->addr != IP4_ANY && netif_addr_state(tcp->conf.nif, conf->addr) == NETIF_ADDR_NONE)
        return -E_ADDRNOTAVAIL;
    if (is_taken(tcp, conf->addr, conf->port))
        return -E_ADDRINUSE;
    listener = get_listener(tcp);
    if (listener == NULL)
        return -E_NOMEM;
    listener->used = true;
    listener->addr = conf->addr;
    listener->port = conf->port;
    listener->backlog = conf->backlog != 0 ? conf->backlog : TCP_BACKLOG_DEFAULT;
    listener->accept_head = listener->accept_tail = NULL;
    listener->accept_count = listener->syn_count = 0;
    tcp_conn_preset(tcp, &listener->preset);
    head = tcp_demux_listeners(tcp, conf->port);
    listener->next = *head;
    *head = listener;
    tcp->used.listeners++;
    *handle = listener->news.handle = tcp_listener_handle(tcp, listener);
    return 0;
}

/* The connection that has waited longest; NULL: none does. */
static struct tcp_conn *pop(struct tcp_listener *listener)
{
    struct tcp_conn *conn = listener->accept_head;

    if (conn == NULL)
        return NULL;
    listener->accept_head = conn->next;
    if (conn->next == NULL)
        listener->accept_tail = NULL;
    listener->accept_count--;
    conn->listener = NULL;
    conn->next = NULL;
    return conn;
}

int tcp_accept(struct tcp *tcp, tcp_t handle, tcp_t *accepted)
{
    struct tcp_listener *listener = tcp_listener_of(tcp, handle);
    struct tcp_conn *conn;

    if (listener == NULL)
        return -E_BADF;
    conn = pop(listener);
    if (conn == NULL)
        return -E_AGAIN;
    tcp->stats.accepted++;
    *accepted = conn->news.handle = tcp_conn_handle(conn);
    /* What came before the program had a handle is news to it. */
    tcp_news(tcp, &conn->news);
    /* And whoever takes one at a time is told of the next. */
    if (listener->accept_head != NULL)
        tcp_news(tcp, &listener->news);
    return 0;
}

void tcp_listen_close(struct tcp *tcp, struct tcp_listener *listener, uint64_t now)
{
    struct tcp_listener **at = tcp_demux_listeners(tcp, listener->port);
    struct tcp_conn *conn;

    while (*at != listener) {
        ASSERT(*at != NULL);
        at = &(*at)->next;
    }
    *at = listener->next;
    tcp_syn_drop_listener(tcp, listener);
    while ((conn = pop(listener)) != NULL)
        tcp_conn_discard(conn, now);
    listener->used = false;
    listener->generation++;
    listener->news.handle = 0;
    tcp->used.listeners--;
}

/* ---- the accept queue ----------------------------------------------------------------------- */

bool tcp_listen_full(const struct tcp_listener *listener)
{
    return listener->accept_count >= listener->backlog;
}

void tcp_listen_ready(struct tcp *tcp, struct tcp_listener *listener, struct tcp_conn *conn)
{
    conn->listener = listener;
    conn->next = NULL;
    if (listener->accept_tail != NULL)
        listener->accept_tail->next = conn;
    else
        listener->accept_head = conn;
    listener->accept_tail = conn;
    listener->accept_count++;
    tcp_news(tcp, &listener->news);
}

/* ---- segments for none of our connections ---------------------------------------------------- */

/* An ACK for a listener: of a handshake that we keep no record of, if of any (RFC 4987 section
 * 3.6); else the answer is RST (RFC 9293 section 3.10.7.2, second). */
static void listen_ack(struct tcp *tcp, struct tcp_listener *listener, struct tcp_rx *rx)
{
    struct tcp_syn syn;

    if ((rx->hdr.flags & TCP_SYN) == 0 && rx->now < tcp->cookie_until) {
        if (tcp_cookie_check(tcp, rx, &syn)) {
            syn.listener = listener;
            syn.generation = listener->generation;
            syn.rcv_wnd = tcp_syn_window(tcp, &listener->preset, syn.ts_ok);
            syn.rcv_wscale = tcp_syn_wscale(tcp, &listener->preset);
            syn.ecn_ok = syn.ecn_ok && listener->preset.ecn_mode != TCP_ECN_OFF;
            tcp_syn_establish(tcp, &syn, rx);
            return;
        }
        tcp->stats.bad_cookie++;
    } else {
        tcp->stats.bad_ack++;
    }
    tcp_reset_answer(tcp, rx);
}

/* RFC 9293 section 3.10.7.2. */
static void listen_state(struct tcp *tcp, struct tcp_listener *listener, struct tcp_rx *rx)
{
    uint16_t flags = rx->hdr.flags;

    if ((flags & TCP_RST) != 0) /* first: to be ignored */
        return;
    if ((flags & TCP_ACK) != 0) { /* second */
        listen_ack(tcp, listener, rx);
        return;
    }
    if ((flags & TCP_SYN) != 0 && ((flags & TCP_FIN) == 0 || tcp->conf.tuning.syn_fin)) /* third */
        tcp_syn_begin(tcp, listener, rx, 0);
    else /* fourth: not to be expected; SYN with FIN is a port scanner's */
        tcp->stats.bad_flags++;
}

void tcp_listen_input(struct tcp *tcp, struct tcp_rx *rx)
{
    struct tcp_listener *listener;

    listener = tcp_demux_listener(tcp, rx->key.src, rx->key.src_port);
    if (listener == NULL) { /* RFC 9293 section 3.10.7.1 */
        tcp->stats.no_port++;
        tcp_reset_answer(tcp, rx);
        return;
    }
    listen_state(tcp, listener, rx);
}
