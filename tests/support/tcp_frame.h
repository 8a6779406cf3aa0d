/* SPDX-License-Identifier: ISC */
/* tcp_frame.h - TCP frames made by hand: for tests that speak to the stack, or to the trace
 * checker, byte by byte. */
#ifndef TESTS_TCP_FRAME_H
#define TESTS_TCP_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TCP_FRAME_MAX (14u + 65535u)

enum {
    F_FIN = 1,
    F_SYN = 2,
    F_RST = 4,
    F_PSH = 8,
    F_ACK = 16,
    F_URG = 32,
    F_ECE = 64,
    F_CWR = 128
};

struct tcp_frame {
    uint64_t dst_mac, src_mac;
    uint32_t src, dst; /* host order */
    uint16_t sport, dport;
    uint32_t seq, ack;
    uint8_t flags, ecn;
    uint16_t wnd, urg;
    /* Options, in this order; 0 or false: not there. */
    uint16_t mss;
    bool sackok, ts, ws;
    uint8_t ws_shift;
    uint32_t tsval, tsecr;
    unsigned sacks; /* blocks: 0..4 */
    uint32_t left[4], right[4];
    const uint8_t *raw; /* in place of all of these, padded to words with zeros */
    uint8_t raw_len;
    const uint8_t *data; /* NULL: byte i of the stream is made of `first` + i */
    uint32_t len, first;
    bool bad_sum; /* the checksum is wrong by one */
};

/* The byte of the stream that tests send where they need no other. */
uint8_t tcp_frame_byte(uint32_t index);

/* Writes a whole frame to `out`; its length, at most TCP_FRAME_MAX. */
size_t tcp_frame_make(uint8_t *out, const struct tcp_frame *f);

#endif
