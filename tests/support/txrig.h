/* SPDX-License-Identifier: ISC */
/* txrig.h - one connection of TCP, established, that sends to nobody: segments are noted as sent,
 * and ACKs are made by hand. For what the sender knows: records, SACK, RACK, recovery, timers.
 *
 *     txrig_open(&rig, NULL);
 *     txrig_send(&rig, 10);                       ten segments of TXRIG_MSS bytes
 *     txrig_ack(&rig, 0, 1, SEGS(3, 4));          ACK of nothing, SACK of the fourth
 *     assert_int_equal(txrig_resend(&rig), ...)   what recovery lets out goes again
 *     txrig_close(&rig);
 *
 * Numbers count from our first byte, in the calls below in bytes, by SEGS in segments. After each
 * call the records are checked: they cover what is outstanding, every counter is the sum of what it
 * counts, and the list by time has exactly what is in flight, in order. */
#ifndef TESTS_TXRIG_H
#define TESTS_TXRIG_H

#include "rxrig.h"

#include "tcpip/tcp_flight.h"

#define TXRIG_MSS 1000u
#define SEGS(from, to)                                                                             \
    (struct tcp_sack_block)                                                                        \
    {                                                                                              \
        (from) * TXRIG_MSS, (to)*TXRIG_MSS                                                         \
    }

struct txrig_conf {
    struct tcp_tuning tuning; /* mss_max 0: tcp_tuning_linux */
    bool no_sack, ts;
    uint32_t cwnd;   /* 0: 10 */
    uint64_t rtt_ns; /* 0: 100 ms, one sample */
};

struct txrig {
    struct rxrig rx;
    struct tcp *tcp;
    struct tcp_conn *conn;
    struct tcp_flight *flight;
    uint32_t first;  /* number of our first byte */
    uint32_t ts_ecr; /* of the next ACKs; 0: our clock of now */
    uint16_t flags;  /* of the next ACKs, beside ACK */
    bool unsorted;   /* records were unmarked: the list by time need not be sorted */
};

void txrig_open(struct txrig *rig, const struct txrig_conf *conf);
void txrig_close(struct txrig *rig);

/* Sends `segs` new segments as records of one each; as one record. */
void txrig_send(struct txrig *rig, uint32_t segs);
struct tcp_seg *txrig_send_super(struct txrig *rig, uint32_t segs);
/* An ACK of `bytes` with so many SACK blocks. False: it was refused. */
bool txrig_ack(struct txrig *rig, uint32_t bytes, unsigned blocks, ...);
bool txrig_ack_blocks(struct txrig *rig, uint32_t bytes, const struct tcp_sack_block *block,
                      unsigned n);
/* Sends again what recovery lets out now: how many segments; the first one's number in *at. */
uint32_t txrig_resend(struct txrig *rig, uint32_t *at);
void txrig_pass(struct txrig *rig, uint64_t ns);
/* A timer of the connection runs out so long from now; NS_NEVER: it does not run. */
uint64_t txrig_timer(const struct txrig *rig, enum tcp_timer timer);
/* Time passes until it does, and what is to be done then is done. */
void txrig_expire(struct txrig *rig, enum tcp_timer timer);
void txrig_check(struct txrig *rig);

#endif
