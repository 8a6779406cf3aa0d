/* SPDX-License-Identifier: ISC */
/* tcp_spoil.h - a device that makes a good stack look bad: one mistake of TCP, put into what it
 * sends, checksums and all. For the test that the trace checker finds every one. */
#ifndef TESTS_TCP_SPOIL_H
#define TESTS_TCP_SPOIL_H

#include <morgana/netdev.h>

enum tcp_spoil_kind {
    SPOIL_NOTHING,
    SPOIL_WINDOW_SHRUNK,  /* half the window, once */
    SPOIL_BYTES,          /* a bit of a retransmission */
    SPOIL_ACK_AHEAD,      /* acknowledges one byte more */
    SPOIL_ACK_BACK,       /* and one less than before */
    SPOIL_TS_BACK,        /* a clock that goes back a second */
    SPOIL_TSECR,          /* an echo of nothing */
    SPOIL_BEYOND_FIN,     /* the ACK after FIN carries a byte */
    SPOIL_FIN_MOVED,      /* FIN again, after FIN */
    SPOIL_SEQ_WINDOW,     /* a megabyte ahead */
    SPOIL_SACK,           /* a block that reaches one byte further */
    SPOIL_SYNACK_ISN,     /* the SYN-ACK again with another ISN */
    SPOIL_SYNACK_OPTIONS, /* the SYN-ACK again without options */
    SPOIL_CHECKSUM,
    SPOIL_ECT,       /* ECT on what is sent again, or on a pure ACK */
    SPOIL_SCALE,     /* window scale 15 */
    SPOIL_AFTER_RST, /* the ACK again after a RST */
    SPOIL_NO_TS,     /* the timestamp becomes padding */
    SPOIL_KINDS
};

struct tcp_spoil {
    struct netdev dev;
    struct netdev *inner;
    enum tcp_spoil_kind kind;
    unsigned struck;   /* how often it did */
    unsigned segments; /* seen after the handshake */
    bool syn_seen, fin_seen, seq_seen;
    uint32_t seq_max, fin_seq, ack_last;
};

/* Gives a device that stands before `inner`, which it Keeps. */
struct netdev *tcp_spoil_open(struct tcp_spoil *spoil, enum tcp_spoil_kind kind,
                              struct netdev *inner);

#endif
