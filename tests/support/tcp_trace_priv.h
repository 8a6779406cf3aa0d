/* SPDX-License-Identifier: ISC */
/* tcp_trace_priv.h - what the files of the trace checker share.
 *
 * Sequence numbers are unwrapped at once into 64-bit offsets from the ISN of their direction: the
 * SYN is 0, the first byte 1. Everything after is plain arithmetic.
 */
#ifndef TESTS_TCP_TRACE_PRIV_H
#define TESTS_TCP_TRACE_PRIV_H

#include <string.h>

#include "tcp_trace_check.h"

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32, ECE = 64, CWR = 128 };
enum { ECT_NOT, ECT_1, ECT_0, ECT_CE };

struct tt_opts {
    bool mss, ws, sackok, ts, sack;
    uint8_t ws_shift;
    uint16_t mss_bytes;
    uint32_t tsval, tsecr;
    unsigned sack_count;
    uint32_t left[4], right[4];
    bool malformed;
};

/* A frame, taken apart. */
struct tt_seg {
    bool tcp;           /* it is TCP over IPv4, as far as could be seen */
    bool ip_bad;        /* header or checksum */
    bool fragment;      /* of a longer packet */
    bool bad;           /* TCP header */
    bool sum_bad;       /* TCP checksum */
    uint8_t ecn, flags; /* flags: low byte; */
    uint8_t reserved;   /* bits that must be zero */
    uint32_t src, dst, seq, ack, ip_bytes;
    uint16_t sport, dport, wnd, urg;
    uint32_t opt_bytes; /* of IPv4 and TCP options together */
    struct tt_opts opts;
    const uint8_t *payload;
    uint32_t len, gso_size; /* gso_size: what the device is to cut it into; 0: nothing */
};

void tt_parse(struct tt_seg *seg, const uint8_t *frame, size_t len, unsigned flags);

/* ---- ranges, and bytes ---------------------------------------------------------------------- */

struct tt_range {
    int64_t from, to; /* [from, to) */
};

/* Sorted, apart from each other. */
struct tt_ranges {
    struct tt_range *v;
    unsigned count, room;
    bool forgot; /* the lowest were dropped because there were too many */
};

/* When there are too many ranges, the two lowest are joined (JOIN), or the lowest forgotten. */
enum tt_full { TT_JOIN, TT_FORGET };
void tt_ranges_add(struct tt_ranges *r, int64_t from, int64_t to, enum tt_full full);
bool tt_ranges_hold(const struct tt_ranges *r, int64_t from, int64_t to);
bool tt_ranges_touch(const struct tt_ranges *r, int64_t from, int64_t to);
/* The end of the range that begins at or before `from` and holds it; `from` where none does. */
int64_t tt_ranges_end(const struct tt_ranges *r, int64_t from);
void tt_ranges_free(struct tt_ranges *r);

/* The last bytes of a stream, by offset. */
struct tt_bytes {
    uint8_t *buf;
    size_t room; /* a power of two, or 0 */
    int64_t from, to;
    struct tt_ranges known;
};

/* Compares with what is known, and remembers the rest; bytes below `keep` may be forgotten. False:
 * they differ, first at *at. */
bool tt_bytes_put(struct tt_bytes *b, int64_t off, const uint8_t *data, uint32_t len, int64_t keep,
                  int64_t *at);
void tt_bytes_free(struct tt_bytes *b);

/* ---- a connection as one end sees it -------------------------------------------------------- */

#define TT_SYNS 8u
#define TT_ARRIVALS 128u /* more than come in one poll */
#define TT_TSVALS 1024u
#define TT_NONE INT64_MIN

/* A SYN that was delivered. */
struct tt_syn {
    bool used, has_ack, ce;
    bool out; /* what its receiver sent since shows that it did not take this one */
    uint32_t irs, ack;
    uint16_t wnd;
    uint8_t flags;
    struct tt_opts opts;
    uint64_t no; /* which arrival it was */
};

/* A segment that was delivered. */
struct tt_arrival {
    bool ce, ts, sack;
    uint8_t flags;
    uint16_t wnd;
    uint32_t seq, ack, end, len, tsval; /* end: SEQ + length */
    uint64_t at;
};

/* What the peer's SYN had, as far as it is known which SYN that was: of several that this end may
 * have taken for it, the best. */
struct tt_theirs {
    bool ts_may, ts_must, ws_may, ws_must, sackok, ece;
    uint8_t ws_shift;
    uint32_t mss;
};

struct tt_half {
    /* What it sent. Offsets are from iss. */
    bool syn_sent, synack, rst_sent;
    bool syn_left; /* and the device took it */
    bool est;      /* it sent an ACK of the peer's SYN, and was sent one of its own */
    uint32_t iss;
    uint8_t syn_flags, synack_flags;
    uint64_t syn_at, first_at; /* of the last SYN, and the first data */
    struct tt_opts opts;
    int64_t snd_max, fin; /* fin: its offset, or TT_NONE */
    int64_t left_max;     /* without what the device refused */
    struct tt_bytes bytes;
    uint32_t tsval, tsecr;
    bool tsval_set, tsecr_set;
    uint64_t tsval_at, tsecr_at; /* when last told; when last changed */
    uint64_t dsacks;

    /* What was delivered to it. Offsets are from irs, but una and edge from iss. */
    bool irs_set, rst_delivered, ce, dup_acked;
    struct tt_syn peer;          /* the SYN that irs is from */
    struct tt_syn syns[TT_SYNS]; /* all that came of late */
    unsigned syn_next;
    uint64_t settled; /* how many arrivals there were when it told that it took one of them */
    struct tt_ranges got, twice;
    int64_t got_fin;
    uint64_t twice_count;
    int64_t una, edge; /* highest ACK, and right edge of the window, that it was told */
    struct tt_arrival arrivals[TT_ARRIVALS];
    uint64_t arrived;
    uint32_t *tsvals; /* distinct, in the order they came; TT_TSVALS of them */
    unsigned tsval_count;

    /* What it told of that. Offsets from irs. */
    int64_t ack, window_edge;
    uint64_t due_at; /* since when there is data it has not acknowledged; 0: none */
};

struct tt_conn {
    struct tt_conn *hash_next, *newer, *older;
    uint32_t addr[2];
    uint16_t port[2];
    bool blind; /* seen in the middle, or out of step: not judged */
    struct tt_half half[2];
};

#define TT_LIST 64u

/* A frame for the listing. */
struct tt_line {
    struct tt_seg seg;
    uint64_t at;
    uint8_t from, delivered, refused;
};

struct tcp_trace {
    struct tcp_trace_conf conf;
    struct tcp_trace_stats stats;
    uint64_t counts[TCP_TRACE_RULE_COUNT];
    struct tt_line lines[TT_LIST];
    unsigned line_next, line_count;
    struct tt_conn *conns, *free, *newest, *oldest;
    struct tt_conn **buckets;
    uint32_t bucket_mask;
};

/* A segment under judgement. */
struct tt_case {
    struct tcp_trace *trace;
    struct tt_conn *conn;
    struct tt_half *me;
    const struct tt_seg *seg;
    unsigned from;
    uint64_t now;
};

__attribute__((format(printf, 3, 4))) void tt_fail(const struct tt_case *c,
                                                   enum tcp_trace_rule rule, const char *how, ...);

/* Judges a segment that c->me sends, and remembers it. */
void tt_judge(const struct tt_case *c);
/* Remembers only that it was sent: what it told did not leave. */
void tt_note_refused(const struct tt_case *c);
/* Rules of one part each. */
void tt_judge_header(const struct tt_case *c);
void tt_judge_sack(const struct tt_case *c, int64_t ack);
void tt_judge_ts(const struct tt_case *c);
void tt_judge_ecn(const struct tt_case *c, bool again);
void tt_judge_rst(const struct tt_case *c);
/* SYN and SYN-ACK; false where nothing more can be judged. */
bool tt_judge_syn(const struct tt_case *c);

/* Remembers a segment that was delivered to c->me. */
void tt_deliver(const struct tt_case *c);
/* Counts an arrival for the connection as it is; again: for another SYN than before. */
void tt_arrive(struct tt_half *half, uint64_t no, bool again);
/* Forgets what a connection before this one left. */
void tt_half_reset(struct tt_half *half);

/* ---- which SYN was it? ---------------------------------------------------------------------- */

/* Remembers a SYN that was delivered. */
void tt_note_syn(struct tt_half *half, const struct tt_seg *seg);
/* Makes one of the delivered SYNs the peer's: what came since it did is what came. */
void tt_half_adopt(struct tt_half *half, const struct tt_syn *syn);
/* The delivered SYN that a SYN-ACK answers; NULL: none. */
const struct tt_syn *tt_asked_by(const struct tt_half *half, const struct tt_seg *seg);
/* When the connection of this delivered SYN began: with the first SYN of its number. */
uint64_t tt_begin(const struct tt_half *half, const struct tt_syn *syn);
/* Finds the SYN that this end took for its peer's, by the first segment with ACK that it sends.
 * False: none was delivered. */
bool tt_settle(struct tt_half *half, const struct tt_seg *seg);
void tt_theirs(const struct tt_half *half, struct tt_theirs *theirs);
/* It was one with timestamps, or one without. */
void tt_settle_ts(struct tt_half *half, bool ts);
/* A SYN-ACK has no option that the SYN it answers had not, nor ECN (RFC 3168 6.1.1). */
bool tt_is_offered(const struct tt_opts *mine, const struct tt_opts *theirs);
bool tt_is_ecn_offered(const struct tt_seg *seg, const struct tt_syn *syn);

static inline int64_t tt_unwrap(uint32_t seq, uint32_t base, int64_t near)
{
    return near + (int32_t)(seq - (base + (uint32_t)near));
}

static inline int64_t tt_max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline uint32_t tt_seq_len(const struct tt_seg *seg)
{
    return seg->len + ((seg->flags & SYN) != 0) + ((seg->flags & FIN) != 0);
}

/* A SYN's, but for the clock. */
static inline bool tt_same_options(const struct tt_opts *a, const struct tt_opts *b)
{
    return a->mss == b->mss && a->ws == b->ws && a->sackok == b->sackok && a->ts == b->ts &&
           a->mss_bytes == b->mss_bytes && a->ws_shift == b->ws_shift;
}

static inline bool tt_same_syn(const struct tt_syn *a, const struct tt_syn *b)
{
    return a->irs == b->irs && a->has_ack == b->has_ack && a->ack == b->ack &&
           a->flags == b->flags && tt_same_options(&a->opts, &b->opts);
}

static inline uint32_t tt_shift(uint8_t shift)
{
    return shift > 14 ? 14 : shift;
}

/* How far in order it was sent to: what it may acknowledge. */
static inline int64_t tt_got_end(const struct tt_half *h)
{
    return tt_ranges_end(&h->got, 0);
}

#endif
