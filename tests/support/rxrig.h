/* SPDX-License-Identifier: ISC */
/* rxrig.h - one connection of TCP, established, and a peer that is only segments that come: for
 * what receiving does, without a peer's own ideas.
 *
 *     rxrig_open(&rig, NULL);
 *     rxrig_text(&rig, 0, 1000);               the first 1000 bytes of the pattern
 *     assert_true(rxrig_acked(&rig));          an ACK is owed: it is sent now
 *     rxrig_close(&rig);                       fails where anything was not given back
 *
 * Sequence numbers count from the peer's first byte, and wrap soon after it.
 */
#ifndef TESTS_RXRIG_H
#define TESTS_RXRIG_H

#include "tcprig.h"

#include "tcpip/tcp_priv.h"

/* The number of the peer's first byte. */
#define RXRIG_FIRST 0xfffffff0u

struct rxrig_conf {
    const struct tcp_tuning *tuning; /* NULL: the default */
    bool no_sack, no_scale, ts;
    uint32_t rcvbuf;    /* 0: the tuning's, growing */
    uint32_t pages_max; /* 0: tcprig's */
    uint16_t mss;       /* 0: 1460 */
};

struct rxrig {
    struct tcprig rig;
    struct tcp *tcp;
    struct tcp_conn *conn;
    tcp_t handle;
    struct ip4_rx ip;
    uint8_t ecn;      /* of the next segments */
    uint32_t ts_ecr;  /* likewise */
    uint8_t salt;     /* changes the next segments' bytes */
    uint32_t pkt_max; /* bytes of text in a page; 0: as many as fit */
};

void rxrig_open(struct rxrig *rig, const struct rxrig_conf *conf);
void rxrig_close(struct rxrig *rig);

/* A byte of the pattern. */
uint8_t rxrig_byte(uint32_t at);
/* A segment with `len` bytes of the pattern from `at` on. PSH is not set unless `flags` says. */
void rxrig_segment(struct rxrig *rig, uint32_t at, uint32_t len, uint16_t flags);
static inline void rxrig_text(struct rxrig *rig, uint32_t at, uint32_t len)
{
    rxrig_segment(rig, at, len, 0);
}
/* `segs` segments of `mss` bytes, joined on the way. */
void rxrig_super(struct rxrig *rig, uint32_t at, uint32_t mss, uint32_t segs);

/* Is an ACK owed now? Then it goes, as tcp_out would send it: window and all. */
bool rxrig_acked(struct rxrig *rig);
/* How many ACKs of their own are owed? They go. */
uint32_t rxrig_dup_acks(struct rxrig *rig);
/* Both, whatever is owed. */
void rxrig_ack(struct rxrig *rig);
/* A segment of ours with data, which carries the ACK. */
void rxrig_answer(struct rxrig *rig);
/* When the delayed ACK's timer expires, from now; NS_NEVER: it does not run. */
uint64_t rxrig_delay(const struct rxrig *rig);
void rxrig_wait(struct rxrig *rig, uint64_t ns);

/* rcv_nxt, counted from the first byte. */
uint32_t rxrig_next(const struct rxrig *rig);
/* Reads all there is, which must be the pattern from `at` on: how many bytes. */
uint32_t rxrig_read(struct rxrig *rig, uint32_t at);
/* SACK blocks of the next ACK, counted from the first byte; how many. */
unsigned rxrig_sack(struct rxrig *rig, struct tcp_sack_block *blocks, unsigned room);

#endif
