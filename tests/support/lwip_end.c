/* SPDX-License-Identifier: ISC */
/* lwip_end.c - lwIP's raw API behind lwip_end.h. lwIP's headers and ours do not go together, so
 * nothing of ours is included here.
 *
 * Each end is a lwIP interface without ARP of its own: frames get their Ethernet header here, and
 * the other end's ARP requests are answered here. Connections are bound to their interface, so
 * that two ends of one lwIP talk over the link and not through its back door. tcp_tmr is called
 * every 250 ms of the caller's time.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <lwip/init.h>
#include <lwip/netif.h>
#include <lwip/pbuf.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>

#include "lwip_end.h"
#include "pattern.h"

#define TICK_NS (UINT64_C(1000000) * TCP_TMR_INTERVAL)
#define ETH 14u

struct lwip_end {
    struct netif netif; /* first: output() finds the end by it */
    struct lwip_end_conf conf;
    struct tcp_pcb *listener;
};

/* lwIP's functions that are used, found by name. */
static struct {
    __typeof__(lwip_init) *lwip_init;
    __typeof__(netif_add) *netif_add;
    __typeof__(netif_set_up) *netif_set_up;
    __typeof__(netif_set_link_up) *netif_set_link_up;
    __typeof__(netif_remove) *netif_remove;
    __typeof__(ip_input) *ip_input;
    __typeof__(pbuf_alloc) *pbuf_alloc;
    __typeof__(pbuf_free) *pbuf_free;
    __typeof__(pbuf_take) *pbuf_take;
    __typeof__(pbuf_copy_partial) *pbuf_copy_partial;
    __typeof__(tcp_tmr) *tcp_tmr;
    __typeof__(tcp_new) *tcp_new;
    __typeof__(tcp_bind) *tcp_bind;
    __typeof__(tcp_bind_netif) *tcp_bind_netif;
    __typeof__(tcp_listen_with_backlog) *tcp_listen_with_backlog;
    __typeof__(tcp_accept) *tcp_accept;
    __typeof__(tcp_connect) *tcp_connect;
    __typeof__(tcp_arg) *tcp_arg;
    __typeof__(tcp_recv) *tcp_recv;
    __typeof__(tcp_sent) *tcp_sent;
    __typeof__(tcp_err) *tcp_err;
    __typeof__(tcp_recved) *tcp_recved;
    __typeof__(tcp_write) *tcp_write;
    __typeof__(tcp_output) *tcp_output;
    __typeof__(tcp_close) *tcp_close;
    __typeof__(tcp_shutdown) *tcp_shutdown;
    __typeof__(tcp_abort) *tcp_abort;
} lw;

static const struct {
    const char *name;
    void **at;
} names[] = {
#define NAME(f)                                                                                    \
    {                                                                                              \
#f, (void **)&lw.f                                                                         \
    }
    NAME(lwip_init),    NAME(netif_add),    NAME(netif_set_up),
    NAME(netif_remove), NAME(pbuf_alloc),   NAME(netif_set_link_up),
    NAME(ip_input),     NAME(pbuf_free),    NAME(pbuf_take),
    NAME(tcp_tmr),      NAME(tcp_new),      NAME(pbuf_copy_partial),
    NAME(tcp_bind),     NAME(tcp_accept),   NAME(tcp_bind_netif),
    NAME(tcp_connect),  NAME(tcp_arg),      NAME(tcp_listen_with_backlog),
    NAME(tcp_recv),     NAME(tcp_sent),     NAME(tcp_err),
    NAME(tcp_recved),   NAME(tcp_write),    NAME(tcp_output),
    NAME(tcp_close),    NAME(tcp_shutdown), NAME(tcp_abort),
#undef NAME
};

static uint64_t next_tick;

static u32_t net(uint32_t x)
{
    const uint8_t bytes[4] = {(uint8_t)(x >> 24), (uint8_t)(x >> 16), (uint8_t)(x >> 8),
                              (uint8_t)x};
    u32_t out;

    memcpy(&out, bytes, sizeof(out));
    return out;
}

bool lwip_end_available(void)
{
    static int found = -1;
    void *lib;

    if (found >= 0)
        return found;
    found = 0;
    lib = dlopen("liblwip.so.0", RTLD_NOW | RTLD_LOCAL);
    if (lib == NULL)
        return false;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        *names[i].at = dlsym(lib, names[i].name);
        if (*names[i].at == NULL)
            return false;
    }
    srand(1); /* its ISNs and ports */
    lw.lwip_init();
    found = 1;
    return true;
}

/* ---- frames --------------------------------------------------------------------------------- */

static void put_eth(uint8_t *frame, const struct lwip_end *end, uint8_t type)
{
    memcpy(frame, end->conf.peer_mac, 6);
    memcpy(frame + 6, end->conf.mac, 6);
    frame[12] = 8;
    frame[13] = type;
}

static err_t output(struct netif *netif, struct pbuf *p, const ip4_addr_t *to)
{
    struct lwip_end *end = (struct lwip_end *)netif;
    uint8_t frame[ETH + 1500];

    (void)to;
    put_eth(frame, end, 0);
    if (p->tot_len <= 1500) {
        lw.pbuf_copy_partial(p, frame + ETH, p->tot_len, 0);
        end->conf.tx(end->conf.arg, frame, ETH + (size_t)p->tot_len);
    }
    return ERR_OK;
}

static err_t start(struct netif *netif)
{
    netif->output = output;
    netif->mtu = 1500;
    netif->flags = NETIF_FLAG_LINK_UP;
    return ERR_OK;
}

static void answer_arp(struct lwip_end *end, const uint8_t *frame)
{
    uint8_t out[42];

    if (frame[21] != 1 || memcmp(frame + 38, &end->netif.ip_addr.u_addr.ip4.addr, 4) != 0)
        return;
    memcpy(out, frame, sizeof(out));
    put_eth(out, end, 6);
    out[21] = 2;
    memcpy(out + 22, end->conf.mac, 6);
    memcpy(out + 28, frame + 38, 4);
    memcpy(out + 32, frame + 22, 10);
    end->conf.tx(end->conf.arg, out, sizeof(out));
}

void lwip_end_input(struct lwip_end *end, const uint8_t *frame, size_t len)
{
    struct pbuf *p;

    if (len >= 42 && frame[12] == 8 && frame[13] == 6)
        answer_arp(end, frame);
    if (len <= ETH || len > UINT16_MAX || frame[12] != 8 || frame[13] != 0)
        return;
    p = lw.pbuf_alloc(PBUF_RAW, (u16_t)(len - ETH), PBUF_RAM);
    if (p == NULL)
        return;
    lw.pbuf_take(p, frame + ETH, (u16_t)(len - ETH));
    if (end->netif.input(p, &end->netif) != ERR_OK)
        lw.pbuf_free(p);
}

/* ---- life ----------------------------------------------------------------------------------- */

struct lwip_end *lwip_end_new(const struct lwip_end_conf *conf)
{
    struct lwip_end *end = calloc(1, sizeof(*end));
    ip4_addr_t addr, mask, gateway;

    end->conf = *conf;
    addr.addr = net(conf->addr);
    mask.addr = net(0xffffff00u);
    gateway.addr = net(conf->peer);
    lw.netif_add(&end->netif, &addr, &mask, &gateway, NULL, start, lw.ip_input);
    lw.netif_set_up(&end->netif);
    lw.netif_set_link_up(&end->netif);
    return end;
}

void lwip_end_free(struct lwip_end *end)
{
    if (end->listener != NULL)
        lw.tcp_close(end->listener);
    lw.netif_remove(&end->netif); /* aborts what is bound to its address */
    free(end);
}

void lwip_end_poll(uint64_t now_ns)
{
    if (now_ns < next_tick && next_tick - now_ns <= TICK_NS)
        return; /* further ahead: the clock of another test */
    lw.tcp_tmr();
    next_tick = now_ns + TICK_NS;
}

uint64_t lwip_end_poll_at(void)
{
    return next_tick;
}

/* ---- connections ---------------------------------------------------------------------------- */

void lwip_conn_pump(struct lwip_conn *conn)
{
    static uint8_t bytes[8192];
    struct tcp_pcb *pcb = conn->pcb;

    if (pcb == NULL || !conn->open)
        return;
    while (conn->sent < conn->total) {
        uint64_t n = conn->total - conn->sent;

        n = n < sizeof(bytes) ? n : sizeof(bytes);
        n = n < tcp_sndbuf(pcb) ? n : tcp_sndbuf(pcb);
        if (n == 0)
            break;
        pattern_fill(bytes, (size_t)n, conn->sent + conn->sent_phase);
        if (lw.tcp_write(pcb, bytes, (u16_t)n, TCP_WRITE_FLAG_COPY) != ERR_OK)
            break;
        conn->sent += n;
    }
    lw.tcp_output(pcb);
    if (conn->close && conn->sent == conn->total && conn->acked == conn->total) {
        conn->close = false;
        lw.tcp_shutdown(pcb, 0, 1);
    }
}

static err_t on_recv(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
    struct lwip_conn *conn = arg;

    (void)err;
    if (conn == NULL)
        return ERR_OK;
    if (p == NULL) {
        conn->eof = true;
        return ERR_OK;
    }
    for (struct pbuf *q = p; q != NULL; q = q->next) {
        conn->wrong |= !pattern_check(q->payload, q->len, conn->got + conn->got_phase);
        conn->got += q->len;
    }
    lw.tcp_recved(pcb, p->tot_len);
    lw.pbuf_free(p);
    return ERR_OK;
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t n)
{
    struct lwip_conn *conn = arg;

    (void)pcb;
    if (conn == NULL)
        return ERR_OK;
    conn->acked += n;
    lwip_conn_pump(conn);
    return ERR_OK;
}

static void on_err(void *arg, err_t err)
{
    struct lwip_conn *conn = arg;

    (void)err;
    if (conn == NULL)
        return;
    conn->pcb = NULL;
    conn->failed = true;
}

static void adopt(struct lwip_conn *conn, struct tcp_pcb *pcb)
{
    conn->pcb = pcb;
    lw.tcp_arg(pcb, conn);
    lw.tcp_recv(pcb, on_recv);
    lw.tcp_sent(pcb, on_sent);
    lw.tcp_err(pcb, on_err);
}

static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t err)
{
    struct lwip_conn *conn = arg;

    if (err != ERR_OK || pcb == NULL || conn->open)
        return ERR_ABRT;
    adopt(conn, pcb);
    conn->open = true;
    lwip_conn_pump(conn);
    return ERR_OK;
}

static err_t on_connected(void *arg, struct tcp_pcb *pcb, err_t err)
{
    struct lwip_conn *conn = arg;

    (void)pcb;
    conn->open = err == ERR_OK;
    lwip_conn_pump(conn);
    return ERR_OK;
}

static struct tcp_pcb *bound(struct lwip_end *end, uint16_t port)
{
    struct tcp_pcb *pcb = lw.tcp_new();

    if (pcb != NULL)
        ip_set_option(pcb, SOF_REUSEADDR); /* past ends' TIME-WAIT */
    if (pcb != NULL && lw.tcp_bind(pcb, &end->netif.ip_addr, port) != ERR_OK) {
        lw.tcp_abort(pcb);
        pcb = NULL;
    }
    if (pcb != NULL)
        lw.tcp_bind_netif(pcb, &end->netif);
    return pcb;
}

bool lwip_end_listen(struct lwip_end *end, uint16_t port, struct lwip_conn *conn)
{
    struct tcp_pcb *pcb = bound(end, port);

    pcb = pcb == NULL ? NULL : lw.tcp_listen_with_backlog(pcb, 4);
    if (pcb == NULL)
        return false;
    end->listener = pcb;
    lw.tcp_arg(pcb, conn);
    lw.tcp_accept(pcb, on_accept);
    return true;
}

bool lwip_end_connect(struct lwip_end *end, uint16_t port, struct lwip_conn *conn)
{
    struct tcp_pcb *pcb = bound(end, 0);
    ip_addr_t to = IPADDR4_INIT(net(end->conf.peer));

    if (pcb == NULL)
        return false;
    adopt(conn, pcb);
    return lw.tcp_connect(pcb, &to, port, on_connected) == ERR_OK;
}
