/* SPDX-License-Identifier: ISC */
/* tcp_api.c - what a program does with a connection but for sending and receiving: opens, asks,
 * ends. */
#include "tcpip/tcp_priv.h"

/* ---- open ----------------------------------------------------------------------------------- */

/* Fills in what the program left open, and our number for a pair of ends that was free, or in
 * TIME-WAIT and may be used again (RFC 6191). */
static int choose_ends(struct tcp *tcp, struct tcp_key *key, uint32_t *iss, uint64_t now)
{
    struct tcp_link *link;

    if (key->src_port == 0) {
        key->src_port = tcp_port_choose(tcp, key);
        if (key->src_port == 0)
            return -E_ADDRNOTAVAIL;
    }
    *iss = tcp_isn(tcp, key, now);
    link = tcp_demux_find(tcp, key);
    if (link == NULL)
        return 0;
    if (link->kind != TCP_LINK_TW || !tcp_tw_reuse(tcp, (struct tcp_tw *)link, iss, now))
        return -E_ADDRINUSE;
    return 0;
}

/* What our SYN offers; take_options in tcp_synsent.c cuts it to what the peer's says too. */
static void offer_options(struct tcp_conn *conn, const struct tcp_preset *preset)
{
    const struct tcp *tcp = conn->tcp;
    const struct tcp_tuning *tuning = &tcp->conf.tuning;

    conn->ts_ok = tuning->timestamps;
    conn->ts_offset = tcp_ts_offset(tcp, &conn->link.key);
    conn->sack_ok = tuning->sack;
    conn->wscale_ok = tuning->window_scale;
    conn->rcv_wscale = tuning->window_scale ? tcp_syn_wscale(tcp, preset) : 0;
    conn->ecn_ok = conn->ecn_mode == TCP_ECN_ON;
}

static void begin(struct tcp_conn *conn, const struct tcp_preset *preset, uint32_t iss,
                  uint64_t now)
{
    struct tcp *tcp = conn->tcp;

    offer_options(conn, preset);
    tcp_conn_iss_set(conn, iss);
    conn->state = TCP_SYN_SENT;
    conn->syn_at = conn->unanswered_since = now;
    conn->news.handle = tcp_conn_handle(conn);
    tcp_demux_add(tcp, &conn->link);
    tcp->stats.opened_active++;
    tcp_synsent_send(conn, now);
}

int tcp_connect(struct tcp *tcp, const struct tcp_connect_conf *conf, uint64_t now_ns, tcp_t *out)
{
    struct tcp_key key = {conf->src, conf->dst, conf->src_port, conf->dst_port};
    struct ip4_tx ip = {.src = conf->src, .dst = conf->dst};
    struct tcp_preset preset;
    struct tcp_conn *conn;
    uint32_t iss;
    int err;

    if (conf->dst_port == 0 || !ip4_is_unicast(conf->dst))
        return -E_INVAL;
    err = route_find(tcp->conf.nif, &ip);
    if (err != 0)
        return err;
    if (ip.cast != IP4_UNICAST)
        return -E_INVAL;
    key.src = ip.src;
    conn = tcp_mem_level(tcp) == TCP_MEM_FULL ? NULL : tcp_conn_get(tcp);
    if (conn == NULL) {
        tcp->stats.no_memory++;
        return -E_NOMEM;
    }
    err = choose_ends(tcp, &key, &iss, now_ns);
    if (err != 0) {
        tcp_conn_put(tcp, conn);
        return err;
    }
    tcp_conn_preset(tcp, &preset);
    tcp_conn_init(conn, &key, &preset, now_ns);
    conn->ip.next_hop = ip.next_hop;
    conn->ip.cast = ip.cast;
    conn->route_epoch = tcp->conf.nif->route_epoch;
    begin(conn, &preset, iss, now_ns);
    *out = conn->news.handle;
    return 0;
}

/* ---- ask ------------------------------------------------------------------------------------ */

static bool may_send(const struct tcp_conn *conn)
{
    return (conn->state == TCP_ESTABLISHED || conn->state == TCP_CLOSE_WAIT) && !conn->fin_wanted;
}

static unsigned conn_ready(const struct tcp_conn *conn)
{
    unsigned ready = 0;

    if (conn->rcv.bytes != 0)
        ready |= TCP_READY_RECV;
    if (may_send(conn) && tcp_sndbuf_writable(conn))
        ready |= TCP_READY_SEND;
    if (tcp_conn_eof(conn))
        ready |= TCP_READY_EOF;
    if (conn->error != 0)
        ready |= TCP_READY_ERROR;
    if (conn->urgent_in && seq_gt(conn->rcv_up, conn->rcv_nxt - conn->rcv.bytes))
        ready |= TCP_READY_URGENT;
    if (conn->state >= TCP_ESTABLISHED && conn->snd_una == conn->snd_nxt &&
        tcp_sndbuf_unsent(conn) == 0 && conn->fin_sent == conn->fin_wanted)
        ready |= TCP_READY_ACKED;
    return ready;
}

unsigned tcp_ready(const struct tcp *tcp, tcp_t handle)
{
    const struct tcp_conn *conn = tcp_conn_of(tcp, handle);
    const struct tcp_listener *listener;

    if (conn != NULL)
        return conn_ready(conn);
    listener = tcp_listener_of(tcp, handle);
    return listener != NULL && listener->accept_head != NULL ? TCP_READY_ACCEPT : 0;
}

int tcp_error(struct tcp *tcp, tcp_t handle)
{
    struct tcp_conn *conn = tcp_conn_of(tcp, handle);
    int error;

    if (conn == NULL)
        return -E_BADF;
    if (conn->error != 0)
        return conn->error;
    error = conn->soft_error;
    conn->soft_error = 0;
    return error;
}

int tcp_ends(const struct tcp *tcp, tcp_t handle, struct tcp_ends *ends)
{
    const struct tcp_conn *conn = tcp_conn_of(tcp, handle);
    const struct tcp_listener *listener;
    const struct tcp_key *key;

    if (conn != NULL) {
        key = &conn->link.key;
        *ends = (struct tcp_ends){key->src, key->dst, key->src_port, key->dst_port};
        return 0;
    }
    listener = tcp_listener_of(tcp, handle);
    if (listener == NULL)
        return -E_BADF;
    *ends = (struct tcp_ends){.src = listener->addr, .src_port = listener->port};
    return 0;
}

/* ---- end ------------------------------------------------------------------------------------ */

int tcp_shutdown(struct tcp *tcp, tcp_t handle, uint64_t now_ns)
{
    struct tcp_conn *conn = tcp_conn_of(tcp, handle);

    (void)now_ns;
    if (conn == NULL)
        return -E_BADF;
    /* RFC 9293 section 3.10.4: in SYN-SENT there is nothing to close yet. */
    if (conn->state < TCP_SYN_RECEIVED)
        return conn->error != 0 ? conn->error : -E_NOTCONN;
    if (!conn->fin_wanted)
        tcp_conn_fin_send(conn);
    return 0;
}

/* Connections whose program is gone hold memory that nobody watches: half of all may, or none
 * where the budget is used up. */
static bool too_many_orphans(const struct tcp *tcp)
{
    const uint32_t few = 8;

    return tcp->orphans > tcp->conf.conns_max / 2 + few || tcp_mem_level(tcp) == TCP_MEM_FULL;
}

/* Closed in order: what is there is sent, then FIN. */
static void close_conn(struct tcp_conn *conn, uint64_t now)
{
    struct tcp *tcp = conn->tcp;

    if (conn->state == TCP_SYN_SENT) {
        tcp_conn_end(conn, -E_CONNRESET);
        return;
    }
    /* RFC 9293 section 3.6.1, RFC 2525 section 2.17: who loses data must know. */
    if (conn->rcv.bytes != 0 || conn->linger_ns == 0 || too_many_orphans(tcp)) {
        tcp_conn_abort(conn, -E_CONNRESET, now);
        return;
    }
    if (!conn->fin_wanted)
        tcp_conn_fin_send(conn);
    if (conn->linger_ns != NS_NEVER)
        tcp_timer_set(conn, TCP_TIMER_LINGER, now + conn->linger_ns);
    if (conn->state != TCP_FIN_WAIT_2)
        return;
    /* Its FIN was acknowledged before: only what was read is still to be acknowledged. */
    if (conn->rcv_wup != conn->rcv_nxt)
        tcp_emit_bare(conn, conn->snd_nxt, TCP_ACK, now);
    tcp_tw_begin(conn, TCP_FIN_WAIT_2, now);
}

int tcp_close(struct tcp *tcp, tcp_t handle, uint64_t now_ns)
{
    struct tcp_conn *conn = tcp_conn_of(tcp, handle);
    struct tcp_listener *listener;

    if (conn == NULL) {
        listener = tcp_listener_of(tcp, handle);
        if (listener == NULL)
            return -E_BADF;
        tcp_listen_close(tcp, listener, now_ns);
        return 0;
    }
    if (conn->state == TCP_CLOSED) {
        tcp_conn_discard(conn, now_ns);
        return 0;
    }
    tcp_conn_orphan(conn);
    close_conn(conn, now_ns);
    return 0;
}

int tcp_abort(struct tcp *tcp, tcp_t handle, uint64_t now_ns)
{
    struct tcp_conn *conn = tcp_conn_of(tcp, handle);

    if (conn == NULL)
        return -E_BADF;
    tcp_conn_discard(conn, now_ns);
    return 0;
}
