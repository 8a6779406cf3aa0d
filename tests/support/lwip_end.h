/* SPDX-License-Identifier: ISC */
/* lwip_end.h - Debian's lwIP as the end of a simulated link: the peer of our stack, and of itself.
 *
 * The library is opened at run time (its names are also ours), and lives in the caller's time: its
 * timers run when lwip_end_poll is called. There is one lwIP in a process; it may have several
 * ends. Payload is the pattern of pattern.h.
 */
#ifndef TESTS_LWIP_END_H
#define TESTS_LWIP_END_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lwip_end;

struct lwip_end_conf {
    uint32_t addr, peer; /* host order; in a network of 24 bits */
    uint8_t mac[6], peer_mac[6];
    /* Sends an Ethernet frame. Lends. */
    void (*tx)(void *arg, const uint8_t *frame, size_t len);
    void *arg;
};

/* A connection of an end. */
struct lwip_conn {
    void *pcb;            /* NULL: closed or gone */
    uint64_t total;       /* bytes to send */
    uint64_t sent, acked; /* of them given to lwIP, and acknowledged */
    uint64_t got;         /* bytes received */
    bool open, wrong;     /* established; received bytes differ from the pattern */
    bool close;           /* FIN when all is sent */
    bool eof, failed;     /* the peer's FIN; reset or timed out */
    uint32_t got_phase;   /* where in the pattern what comes begins */
    uint32_t sent_phase;
};

/* False: the library is not here. */
bool lwip_end_available(void);
struct lwip_end *lwip_end_new(const struct lwip_end_conf *conf);
/* Resets what is left of its connections. */
void lwip_end_free(struct lwip_end *end);

/* A frame for it. */
void lwip_end_input(struct lwip_end *end, const uint8_t *frame, size_t len);
/* Runs timers that are due. */
void lwip_end_poll(uint64_t now_ns);
/* When they are due next. */
uint64_t lwip_end_poll_at(void);

/* The first connection to `port` is `conn`; one listener for an end. */
bool lwip_end_listen(struct lwip_end *end, uint16_t port, struct lwip_conn *conn);
bool lwip_end_connect(struct lwip_end *end, uint16_t port, struct lwip_conn *conn);
/* Writes what there is room for. */
void lwip_conn_pump(struct lwip_conn *conn);

#endif
