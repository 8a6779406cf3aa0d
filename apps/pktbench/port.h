/* SPDX-License-Identifier: ISC */
/* port.h - a network device as pktbench has it: payloads go out, payloads come in. Two kinds:
 *
 *     level=udp   over the stack: ARP, IPv4, UDP sockets, checksums   (port_udp.c)
 *     level=eth   straight on the netdev: frames whose headers were made before   (port_eth.c)
 */
#ifndef APPS_PKTBENCH_PORT_H
#define APPS_PKTBENCH_PORT_H

#include "apps/common/net.h"
#include "payload.h"

enum { PORT_FLOWS_MAX = 64, PORT_BATCH = 64 };

/* A payload that came. */
struct arrival {
    struct pkt *pkt;
    uint32_t at; /* of it, where the payload begins */
    uint32_t
        frame_bytes; /* of the Ethernet frame, or of what the fragments of it would have made */
    struct udp_meta from; /* level udp */
};

/* Whom it talks to, of the command line. */
struct port_conf {
    uint32_t flows;  /* 1..PORT_FLOWS_MAX: source ports from `port` on */
    uint16_t port;   /* the one it listens at, and sends to */
    uint32_t to;     /* host order; 0: nobody */
    uint32_t own_ip; /* level eth: in its headers; level udp has it from ip= */
    bool has_mac;    /* level eth */
    uint8_t to_mac[6];
};

struct port;
struct port_ops {
    /* Moves frames and timers. True: there is more. */
    bool (*poll)(struct port *port, uint64_t now_ns);
    /* Gives up to n of what came. */
    unsigned (*recv)(struct port *port, struct arrival *out, unsigned n);
    /* Sends to `to`. Takes pkt on 0; -E_AGAIN: no room now. */
    int (*send)(struct port *port, struct pkt *pkt, unsigned flow, uint64_t now_ns);
    /* Sends back what came. Takes it on 0. */
    int (*answer)(struct port *port, struct arrival *a, uint64_t now_ns);
    /* Asks for the wake-up; true: there is work. And when it must be polled again. */
    bool (*arm)(struct port *port);
    uint64_t (*poll_at)(const struct port *port);
    void (*close)(struct port *port);
};

struct port {
    const struct port_ops *ops;
    struct netdev *dev;
    struct pkt_pool *pool;
    struct port_conf conf;
    /* level udp */
    struct net *net;
    struct udp_sock socks[PORT_FLOWS_MAX];
    unsigned next_sock;
    /* level eth */
    uint8_t headers[FRAME_HEADERS];
};

/* Over the stack: device 0, with an address from the command line; waits until it has one, at most
 * 60 s. Keeps both. 0, or a negative error, said in a line: then port->dev is NULL. */
int port_udp_open(struct port *port, const struct port_conf *conf, struct net *net, int argc,
                  char **argv);
/* On device `index`; `pool` feeds it and is Kept. Likewise. */
int port_eth_open(struct port *port, const struct port_conf *conf, unsigned index,
                  struct pkt_pool *pool);
/* The same on a device that is open: anew, for another peer; and for tests. */
void port_eth_init(struct port *port, const struct port_conf *conf, struct netdev *dev,
                   struct pkt_pool *pool);

/* Sleeps until then, or until something comes to one of them; returns how long, in ns. */
uint64_t ports_wait(struct port *ports, unsigned n, uint64_t deadline_ns);

#endif
