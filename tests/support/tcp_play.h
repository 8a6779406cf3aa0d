/* SPDX-License-Identifier: ISC */
/* tcp_play.h - two ends of a made-up connection, for tests of the trace checker: what they say is
 * made by hand, and the checker is told. */
#ifndef TESTS_TCP_PLAY_H
#define TESTS_TCP_PLAY_H

#include "tcp_frame.h"
#include "tcp_trace_check.h"

#define ISS0 0xfffffff0u /* both wrap soon */
#define ISS1 0x7ffffff8u
#define WND 8000u

struct play {
    struct tcp_trace *trace;
    uint64_t now;
    uint32_t seq[2], ack[2]; /* of the next segment of each end */
    uint32_t told[2];        /* the timestamp each end was last sent */
    bool ts, ws, sack, ecn;
    unsigned found;
    enum tcp_trace_rule last;
    char text[400];
};

/* Both ends closed; every option is offered; the checker with these limits. */
void play_setup_conf(struct play *p, struct tcp_trace_conf conf);
void play_setup(struct play *p);
/* Another play, of the same limits. */
void play_again(struct play *p);
void play_done(struct play *p);
/* Fails the test where the checker found something. */
void play_must_be_clean(struct play *p);

/* The next segment of an end: a pure one with these flags, an ACK, data, a SYN. */
struct tcp_frame play_next(struct play *p, unsigned from, uint8_t flags);
struct tcp_frame play_ack(struct play *p, unsigned from);
struct tcp_frame play_data(struct play *p, unsigned from, uint32_t len);
struct tcp_frame play_syn(struct play *p, unsigned from, uint8_t flags);
/* TSecr: the other's last. */
void play_echo(struct play *p, unsigned from, struct tcp_frame *f);

/* The checker is told; nothing else. */
void play_sent(struct play *p, unsigned from, const struct tcp_frame *f);
void play_delivered(struct play *p, unsigned from, const struct tcp_frame *f);
/* Sends; it arrives, and both ends go on. */
void play_pass(struct play *p, unsigned from, const struct tcp_frame *f);
/* One is made, and passes; given back for what is made of it. */
struct tcp_frame play_pass_ack(struct play *p, unsigned from);
struct tcp_frame play_pass_data(struct play *p, unsigned from, uint32_t len);
struct tcp_frame play_pass_syn(struct play *p, unsigned from, uint8_t flags);
/* The three segments of a handshake. */
void play_open(struct play *p);
/* Both ends open: their SYNs cross. */
void play_cross(struct play *p);
/* The SYN-ACK of an end whose SYN went already: not sent yet. */
struct tcp_frame play_crossed(struct play *p, unsigned from);

#endif
