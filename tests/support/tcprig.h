/* SPDX-License-Identifier: ISC */
/* tcprig.h - two TCP stacks joined by a cable, on virtual time, watched by the trace checker.
 *
 *     tcprig_open(&rig, NULL);
 *     tcprig_connect(&rig, &a, &b);            a of end 0 opened, b of end 1 accepted
 *     tcp_send(&rig.end[0].tcp, a, ...);
 *     tcprig_run(&rig, 50 * NS_PER_MS);        timers and all
 *     tcprig_close(&rig);                      fails where anything was not given back
 *
 * End 0 is 10.0.0.1, end 1 is 10.0.0.2.
 */
#ifndef TESTS_TCPRIG_H
#define TESTS_TCPRIG_H

#include <morgana/loopback.h>
#include <morgana/tcp.h>

#include "support.h"
#include "tcp_trace_check.h"

#define TCPRIG_PORT 7

struct tcprig_conf {
    const struct tcp_tuning *tuning[2]; /* NULL: the default */
    uint16_t mtu_bytes;                 /* 0: 1500 */
    uint32_t gso_max_bytes;             /* 0: none */
    bool csum;                          /* checksums are left blank */
    uint32_t conns_max, pages_max;      /* 0: 64, 1024 */
    uint32_t pages;                     /* of each end's pool; 0: 4096 */
    /* Devices in place of the cable: opens an end's, over its pool; closes both; and lets what is
     * between them run, true where anything was done. NULL: the cable. */
    struct netdev *(*open_dev)(unsigned end, struct pkt_pool *pool);
    void (*close_devs)(void);
    bool (*between)(void);
};

struct tcprig_end {
    struct loopback loopback;
    struct tcp_trace_dev trace_dev;
    struct page_pool pages;
    struct pkt_pool pkts;
    struct netif nif;
    struct tcp tcp;
    struct tcp_conf conf;
    struct arp_entry arp[16];
    void *memory[4]; /* what tcprig_close frees */
};

struct tcprig {
    struct tcprig_end end[2];
    bool (*between)(void);
    void (*close_devs)(void);
    struct tcp_trace *trace;
    tcp_t listener; /* of end 1, once tcprig_connect was called */
};

/* conf NULL: all its defaults. The clock is vplat's. */
void tcprig_open(struct tcprig *rig, const struct tcprig_conf *conf);
void tcprig_close(struct tcprig *rig);
uint32_t tcprig_addr(unsigned end);
uint64_t tcprig_now(void);

/* Both ends do all there is to do at this instant. */
void tcprig_poll(struct tcprig *rig);
/* The same for one. True: it has more to do. */
bool tcprig_poll_end(struct tcprig *rig, unsigned end);
/* Polls, and goes on from deadline to deadline until so much time has passed. */
void tcprig_run(struct tcprig *rig, uint64_t ns);

/* End 0 connects to end 1. */
void tcprig_connect(struct tcprig *rig, tcp_t *a, tcp_t *b);

/* Sends bytes from..from+n of an endless pattern, as far as there is room: how many. */
uint32_t tcprig_send(struct tcprig *rig, unsigned end, tcp_t conn, uint64_t from, uint32_t n);
/* Reads all there is, which must continue the pattern at `from`: how many. */
uint32_t tcprig_recv(struct tcprig *rig, unsigned end, tcp_t conn, uint64_t from);

#endif
