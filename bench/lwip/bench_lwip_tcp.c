/* SPDX-License-Identifier: ISC */
/* bench_lwip_tcp.c - the same work as bench_tcp.c, by lwIP's raw API. One lwIP with two interfaces:
 * a pcb of each is bound to its own, so that what it sends crosses the cable.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lwip/etharp.h>
#include <lwip/netif.h>
#include <lwip/tcp.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/tcpip.h>
#include <lwip/timeouts.h>
#include <netif/ethernet.h>

enum { PORT = 7, QUEUE = 4096, BLOCK = 4096 };

static struct netif netifs[2];
static struct {
    struct pbuf *p[QUEUE];
    unsigned head, count;
} queues[2]; /* frames on their way to each */
static struct tcp_pcb *client, *server, *listener;
static unsigned long long received[2];
static int connected, closed;
static char block[BLOCK];

/* ---- the cable ------------------------------------------------------------------------------- */

static err_t link_output(struct netif *netif, struct pbuf *p)
{
    unsigned to = netif == &netifs[0];
    struct pbuf *copy;

    if (queues[to].count == QUEUE)
        return ERR_MEM;
    copy = pbuf_alloc(PBUF_RAW, p->tot_len, PBUF_RAM);
    pbuf_copy_partial(p, copy->payload, p->tot_len, 0);
    queues[to].p[(queues[to].head + queues[to].count++) % QUEUE] = copy;
    return ERR_OK;
}

static void turn(void)
{
    static unsigned turns;

    for (unsigned i = 0; i < 2; i++) {
        for (unsigned n = 0; n < 64 && queues[i].count != 0; n++) {
            struct pbuf *p = queues[i].p[queues[i].head];

            queues[i].head = (queues[i].head + 1) % QUEUE;
            queues[i].count--;
            if (netifs[i].input(p, &netifs[i]) != ERR_OK)
                pbuf_free(p);
        }
    }
    /* 10 us a turn: the clock of TCP's timers is 250 ms. Idle cables let time pass. */
    if (++turns % 25000 == 0 || (queues[0].count == 0 && queues[1].count == 0))
        tcp_tmr();
}

static err_t start_netif(struct netif *netif)
{
    u8_t mac[6] = {2, 0, 0, 0, 0, (u8_t)(netif == &netifs[0] ? 1 : 2)};

    netif->output = etharp_output;
    netif->linkoutput = link_output;
    netif->mtu = 1500;
    netif->hwaddr_len = 6;
    memcpy(netif->hwaddr, mac, 6);
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_LINK_UP;
    return ERR_OK;
}

/* ---- both ends ------------------------------------------------------------------------------- */

static err_t on_recv(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
    unsigned end = arg != NULL;

    (void)err;
    if (p == NULL) {
        closed = 1;
        return ERR_OK;
    }
    received[end] += p->tot_len;
    tcp_recved(pcb, p->tot_len);
    pbuf_free(p);
    return ERR_OK;
}

static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t err)
{
    (void)arg;
    (void)err;
    server = pcb;
    tcp_arg(pcb, &server);
    tcp_recv(pcb, on_recv);
    return ERR_OK;
}

static err_t on_connected(void *arg, struct tcp_pcb *pcb, err_t err)
{
    (void)arg;
    (void)pcb;
    (void)err;
    connected = 1;
    return ERR_OK;
}

static struct tcp_pcb *join(void)
{
    struct tcp_pcb *pcb = tcp_new();
    ip_addr_t to;

    IP_ADDR4(&to, 10, 0, 0, 2);
    tcp_bind_netif(pcb, &netifs[0]);
    tcp_arg(pcb, NULL);
    tcp_recv(pcb, on_recv);
    connected = closed = 0;
    server = NULL;
    if (tcp_connect(pcb, &to, PORT, on_connected) != ERR_OK) {
        fprintf(stderr, "tcp_connect\n");
        exit(1);
    }
    while (!connected || server == NULL)
        turn();
    return pcb;
}

/* ---- jobs ------------------------------------------------------------------------------------ */

static void bulk(unsigned long long bytes)
{
    unsigned long long sent = 0;

    client = join();
    while (received[1] < bytes) {
        /* By reference: no copy but checksum's. */
        while (sent < bytes && tcp_sndbuf(client) >= BLOCK &&
               tcp_write(client, block, BLOCK, 0) == ERR_OK)
            sent += BLOCK;
        tcp_output(client);
        turn();
    }
}

static void one_round(void)
{
    unsigned long long want = received[1] + 1, back = received[0] + 1;

    tcp_write(client, block, 1, TCP_WRITE_FLAG_COPY);
    tcp_output(client);
    while (received[1] < want)
        turn();
    tcp_write(server, block, 1, TCP_WRITE_FLAG_COPY);
    tcp_output(server);
    while (received[0] < back)
        turn();
}

static void request_response(unsigned long long count)
{
    client = join();
    for (unsigned long long i = 0; i < count; i++)
        one_round();
}

static void connections(unsigned long long count)
{
    for (unsigned long long i = 0; i < count; i++) {
        client = join();
        one_round();
        tcp_close(client);
        while (!closed)
            turn();
        tcp_close(server);
        turn();
        turn();
    }
}

static void demux(unsigned long long conns, unsigned long long count)
{
    struct tcp_pcb **clients = calloc(conns, sizeof(*clients));

    for (unsigned long long i = 0; i < conns; i++)
        clients[i] = join();
    for (unsigned long long i = 0; i < count; i++) {
        unsigned long long want = received[1] + 100;

        client = clients[i * 7919 % conns];
        tcp_write(client, block, 100, TCP_WRITE_FLAG_COPY);
        tcp_output(client);
        while (received[1] < want)
            turn();
        turn();
    }
}

static unsigned long long real_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (unsigned long long)t.tv_sec * 1000000000 + (unsigned long long)t.tv_nsec;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 2 ? argv[1] : "";
    unsigned long long count = strtoull(argc > 2 ? argv[argc - 1] : "0", NULL, 10), from;
    ip4_addr_t addr, mask, gateway;

    tcpip_init(NULL, NULL);
    LOCK_TCPIP_CORE();
    IP4_ADDR(&mask, 255, 255, 255, 0);
    IP4_ADDR(&gateway, 0, 0, 0, 0);
    for (u8_t i = 0; i < 2; i++) {
        IP4_ADDR(&addr, 10, 0, 0, i + 1);
        netif_add(&netifs[i], &addr, &mask, &gateway, NULL, start_netif, ethernet_input);
        netif_set_up(&netifs[i]);
    }
    listener = tcp_new();
    tcp_bind_netif(listener, &netifs[1]);
    tcp_bind(listener, IP4_ADDR_ANY, PORT);
    listener = tcp_listen(listener);
    tcp_bind_netif(listener, &netifs[1]);
    tcp_accept(listener, on_accept);
    from = real_ns();
    if (strcmp(mode, "bulk") == 0)
        bulk(count);
    else if (strcmp(mode, "rr") == 0)
        request_response(count);
    else if (strcmp(mode, "conn") == 0)
        connections(count);
    else if (strcmp(mode, "demux") == 0 && argc == 4)
        demux(strtoull(argv[2], NULL, 10), count);
    else
        return 2;
    printf("%llu\n", real_ns() - from);
    return 0;
}
