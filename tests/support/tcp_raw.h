/* SPDX-License-Identifier: ISC */
/* tcp_raw.h - a peer that is the test itself: end 1 of a simulated link, which sends what segments
 * it likes, from whatever address, and reads what our stack (end 0) answers. */
#ifndef TESTS_TCP_RAW_H
#define TESTS_TCP_RAW_H

#include "tcp_frame.h"
#include "tcp_link.h"

#define RAW_LOG 4096u

/* A TCP segment from our stack. */
struct raw_seg {
    uint32_t src, dst;
    uint16_t sport, dport;
    uint32_t seq, ack, len;
    uint8_t flags;
    uint16_t wnd;
    bool ts, sackok, ws;
    uint8_t ws_shift;
    uint16_t mss;
    uint32_t tsval, tsecr;
    unsigned sacks;
    uint32_t left[4], right[4];
    uint64_t at;
};

/* A link whose end 1 is raw; what came since raw_clear is kept, the last RAW_LOG segments. */
struct raw {
    struct tlink *link;
    struct raw_seg log[RAW_LOG];
    uint32_t count; /* all that came, also what is no longer kept */
    uint64_t bytes; /* of their frames */
    uint64_t rsts;
};

/* conf: kinds and callbacks are set here. */
struct raw *raw_new(struct tlink_conf conf);
/* tlink_free, tlink_drop: whether connections may be there still. */
void raw_free(struct raw *raw);
void raw_drop(struct raw *raw);
void raw_clear(struct raw *raw);
/* The last segment that came; fails the test where none did. */
const struct raw_seg *raw_last(const struct raw *raw);
/* The i-th since raw_clear. */
const struct raw_seg *raw_at(const struct raw *raw, uint32_t i);

/* Sends one frame, MACs filled in, and lets our stack answer. */
void raw_send(struct raw *raw, const struct tcp_frame *frame);
/* The same, but our stack is not polled: for floods. */
void raw_queue(struct raw *raw, const struct tcp_frame *frame);

/* A connection of the raw end. */
struct raw_conn {
    struct raw *raw;
    tcp_t conn; /* our stack's handle */
    uint32_t addr;
    uint16_t port, our_port;
    uint32_t seq, ack; /* next to send; next expected */
    uint16_t wnd;
    bool ts, sack, ws;
    uint32_t tsval, tsecr;
    uint32_t iss, irs;
};

/* Connects to our stack's listener: SYN, SYN-ACK, ACK, and accepts. Options as `c` says; c->addr,
 * c->port, c->our_port, c->wnd must be set. */
void raw_connect(struct raw *raw, tcp_t listener, struct raw_conn *c);
/* The next segment; `len` bytes of the stream where F_ACK data is wanted. Not sent yet. */
struct tcp_frame raw_next(const struct raw_conn *c, uint8_t flags, uint32_t len);
/* Sends it, and counts what it carries. */
void raw_say(struct raw_conn *c, uint8_t flags, uint32_t len);
/* The last that came for it since raw_clear; NULL: none did. */
const struct raw_seg *raw_last_of(const struct raw_conn *c);
/* Takes that segment: ack and timestamp are as it wants them. */
void raw_hear(struct raw_conn *c);

#endif
