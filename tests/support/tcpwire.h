/* SPDX-License-Identifier: ISC */
/* tcpwire.h - one TCP stack on netrig's bench: the test is its peer, segment by segment.
 *
 *     tcpwire_open(&w, &tcp_tuning_default);
 *     tcpwire_in(&w, (struct tcp_frame){.flags = F_SYN, .seq = 100, .sport = 1000, .dport = 7});
 *     seg = tcpwire_out(&w);                 the next segment that the stack sent; fails where none
 *     tcpwire_quiet(&w);                     fails where there is one
 *     tcpwire_close(&w);                     every page and packet is back
 *
 * The peer is 10.0.0.2, we are 10.0.0.1. What the stack sent is read here without its own code.
 */
#ifndef TESTS_TCPWIRE_H
#define TESTS_TCPWIRE_H

#include <morgana/tcp.h>

#include "netrig.h"
#include "support.h"
#include "tcp_frame.h"

#define TCPWIRE_PORT 7
#define TCPWIRE_PEER_PORT 1000

/* A segment that was sent. */
struct tcpwire_seg {
    uint32_t src, dst;
    uint16_t sport, dport;
    uint32_t seq, ack;
    uint8_t flags, ttl, tos;
    uint16_t wnd, mss; /* mss, ws_shift: 0 where the option is not there */
    bool sackok, ts, ws;
    uint8_t ws_shift;
    uint32_t tsval, tsecr;
    unsigned options_len;
    uint8_t options[40];
    uint16_t urg;
    uint16_t gso_size;   /* a super-segment's; 0: it is none */
    const uint8_t *text; /* until tcpwire_skip */
    uint32_t len;        /* of text */
    uint64_t at;
};

struct tcpwire {
    struct netrig *rig;
    struct tcp tcp;
    struct tcp_conf conf;
    void *memory;
    unsigned seen; /* of rig->sent */
};

/* 64 connections, 512 pages; change w->conf between the two calls for others. */
void tcpwire_blank(struct tcpwire *w, const struct tcp_tuning *tuning);
void tcpwire_start(struct tcpwire *w);
void tcpwire_open(struct tcpwire *w, const struct tcp_tuning *tuning);
/* Ends the stack, and checks that all was given back. */
void tcpwire_close(struct tcpwire *w);

/* The peer sends; addresses, MACs and ports that are 0 are filled in. Then the stack is polled. */
void tcpwire_in(struct tcpwire *w, struct tcp_frame f);
/* The same without the poll. */
void tcpwire_in_only(struct tcpwire *w, struct tcp_frame f);
/* The next segment the stack sent. */
struct tcpwire_seg tcpwire_out(struct tcpwire *w);
/* False: there is none. */
bool tcpwire_try_out(struct tcpwire *w, struct tcpwire_seg *seg);
/* It has sent nothing that was not looked at. */
void tcpwire_quiet(struct tcpwire *w);
/* Skips what was sent so far: how many segments. */
unsigned tcpwire_skip(struct tcpwire *w);
void tcpwire_pass(struct tcpwire *w, uint64_t ns);

/* A listener on TCPWIRE_PORT. */
tcp_t tcpwire_listen(struct tcpwire *w, uint32_t backlog);
/* The peer's handshake from `port` with first number `irs`, timestamps and all where `ts`; gives
 * the SYN-ACK. The connection waits to be accepted. */
struct tcpwire_seg tcpwire_handshake(struct tcpwire *w, uint16_t port, uint32_t irs, bool ts);

#endif
