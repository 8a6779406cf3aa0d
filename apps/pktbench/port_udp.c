/* SPDX-License-Identifier: ISC */
/* port_udp.c - payloads over the stack: a socket for each flow, of which the first listens too. */
#include <morgana/log.h>
#include <morgana/platform.h>

#include "port.h"

enum { ADDRESS_WITHIN_S = 60, QUEUE = 1024 };

static bool udp_poll(struct port *port, uint64_t now)
{
    return net_poll(port->net, now);
}

static unsigned recv_one(struct port *port, struct arrival *out)
{
    for (unsigned i = 0; i < port->conf.flows; i++) {
        struct udp_sock *sock = &port->socks[port->next_sock];

        if (udp_recv(sock, &out->from, &out->pkt) == 0) {
            out->at = 0;
            out->frame_bytes = out->pkt->len + FRAME_HEADERS;
            return 1;
        }
        port->next_sock = (port->next_sock + 1) % port->conf.flows;
    }
    return 0;
}

static unsigned udp_recv_some(struct port *port, struct arrival *out, unsigned n)
{
    unsigned got = 0;

    while (got < n && recv_one(port, &out[got]) != 0)
        got++;
    return got;
}

static int udp_send_to(struct port *port, struct pkt *pkt, unsigned flow, uint64_t now)
{
    struct udp_meta to = {.dst = port->conf.to, .dst_port = port->conf.port};

    return udp_send(&port->socks[flow], &to, pkt, now);
}

/* As apps/udpecho: a broadcast is not answered. */
static int udp_answer(struct port *port, struct arrival *a, uint64_t now)
{
    struct udp_meta to = {.src = a->from.dst, .dst = a->from.src, .dst_port = a->from.src_port};

    if (a->from.link_broadcast || a->from.src_port == 0)
        return -E_INVAL;
    return udp_send(&port->socks[0], &to, a->pkt, now);
}

static bool udp_arm(struct port *port)
{
    return netif_arm(&port->net->nif);
}

static uint64_t udp_poll_at(const struct port *port)
{
    uint64_t at = netif_poll_at(&port->net->nif);

    return port->net->by_dhcp ? u64_min(at, dhcp_client_udp_poll_at(&port->net->dhcp)) : at;
}

static void close_sockets(struct port *port, unsigned n)
{
    while (n > 0)
        udp_close(&port->socks[--n]);
}

static void udp_port_close(struct port *port)
{
    close_sockets(port, port->conf.flows);
    net_close(port->net);
}

static const struct port_ops ops = {.poll = udp_poll,
                                    .recv = udp_recv_some,
                                    .send = udp_send_to,
                                    .answer = udp_answer,
                                    .arm = udp_arm,
                                    .poll_at = udp_poll_at,
                                    .close = udp_port_close};

static int wait_for_address(struct net *net)
{
    uint64_t end = plat_now_ns() + ADDRESS_WITHIN_S * NS_PER_S;

    while (!net_is_up(net) && plat_request() == PLAT_RUN) {
        uint64_t now = plat_now_ns();
        if (now >= end)
            return net_failed(net, "no address by DHCP", -E_TIMEDOUT);
        if (!net_poll(net, now))
            net_wait(net, end);
    }
    return 0;
}

static int open_sockets(struct port *port)
{
    for (unsigned i = 0; i < port->conf.flows; i++) {
        struct udp_conf conf = {.port = (uint16_t)(port->conf.port + i), .queue_max = QUEUE};
        int err = udp_open(&port->socks[i], &port->net->nif, &conf);

        if (err != 0) {
            close_sockets(port, i);
            return net_failed(port->net, "cannot open the port", err);
        }
    }
    return 0;
}

int port_udp_open(struct port *port, const struct port_conf *conf, struct net *net, int argc,
                  char **argv)
{
    int err = net_open(net, argc, argv, plat_now_ns());

    if (err != 0)
        return err;
    *port = (struct port){.ops = &ops, .net = net, .conf = *conf};
    port->dev = net->nif.conf.dev;
    port->pool = &net->pool;
    err = wait_for_address(net);
    if (err == 0)
        err = open_sockets(port);
    if (err != 0) {
        net_close(net);
        *port = (struct port){0}; /* nothing to close */
    }
    return err;
}
