/* SPDX-License-Identifier: ISC */
/* tcp_trace_check.h - an independent judge of TCP: it watches every frame of a link and fails on
 * what RFC 9293, 7323, 2018, 2883, 3168 or 6928 forbids.
 *
 * It shares no code with the stack: it takes bytes apart by itself. An end is judged by what it
 * sends, in the light of what it has sent before and of what was delivered to it; so the judge is
 * told of a frame where an end transmits it, and again where an end receives it:
 *
 *     tcp_trace_frame(t, 0, bytes, len, now);      end 0 transmits
 *     tcp_trace_delivered(t, 0, bytes, len, now);  end 1 receives what came from end 0
 *
 * What a delivered frame may have done is taken at its best for the end that got it: a stack that
 * drops a good segment breaks no rule here.
 *
 * As a device that stands before another: tcp_trace_dev_open, for any test. For captures:
 * tests/trace/tcp_trace_check.c.
 */
#ifndef TESTS_TCP_TRACE_CHECK_H
#define TESTS_TCP_TRACE_CHECK_H

#include <morgana/netdev.h>

/* What can be found wrong, and how it is told. */
#define TCP_TRACE_RULES(R)                                                                         \
    R(IP_HEADER, "IPv4 header malformed, or its checksum wrong (RFC 791)")                         \
    R(IP_FRAGMENT, "a TCP segment sent in fragments")                                              \
    R(IP_TOO_LONG, "packet longer than the MTU")                                                   \
    R(TCP_HEADER, "TCP header malformed (RFC 9293 3.1)")                                           \
    R(TCP_CHECKSUM, "TCP checksum wrong (RFC 9293 3.1)")                                           \
    R(FLAGS, "flags that do not go together (RFC 9293 3.10)")                                      \
    R(OPTION_MALFORMED, "option malformed (RFC 9293 3.2)")                                         \
    R(OPTION_NOT_SYN, "an option for SYN segments only (RFC 9293 3.2, 7323 2.2, 2018 2)")          \
    R(OPTION_NOT_OFFERED, "an option both SYNs did not carry (RFC 7323 1.3, 2018 2)")              \
    R(WINDOW_SCALE, "window scale greater than 14 (RFC 7323 2.3)")                                 \
    R(MSS_OFFERED, "MSS offered is more than the MTU holds (RFC 9293 3.7.1)")                      \
    R(NO_SYN, "a segment of a connection that its sender has not opened")                          \
    R(SYN_DATA, "data on a SYN")                                                                   \
    R(SYN_CHANGED, "SYN or SYN-ACK sent again with another ISN or other options")                  \
    R(SEQ_OLD, "sequence number before the ISN")                                                   \
    R(SEQ_UNSENT, "sequence number beyond what was sent before")                                   \
    R(SEQ_WINDOW, "data beyond the window offered (RFC 9293 3.8.6)")                               \
    R(MSS, "segment longer than the peer's MSS allows (RFC 9293 3.7.1)")                           \
    R(INITIAL_WINDOW, "more than the initial window before the first ACK (RFC 6928)")              \
    R(BYTES_DIFFER, "a retransmission whose bytes differ")                                         \
    R(FIN_MOVED, "FIN at another sequence number than before")                                     \
    R(BEYOND_FIN, "data beyond FIN")                                                               \
    R(ACK_UNDELIVERED, "ACK of what was never delivered (RFC 9293 3.4)")                           \
    R(ACK_BACK, "ACK went back")                                                                   \
    R(ACK_LATE, "ACK delayed more than 500 ms (RFC 9293 3.8.6.3)")                                 \
    R(WINDOW_SHRUNK, "right edge of the window moved left (RFC 9293 3.8.6)")                       \
    R(TS_MISSING, "no timestamp though both SYNs had one (RFC 7323 3.2)")                          \
    R(TS_BACK, "timestamp went back (RFC 7323 5.4)")                                               \
    R(TSECR, "TSecr that the peer never sent (RFC 7323 3.2)")                                      \
    R(TSECR_BACK, "TSecr went back (RFC 7323 4.3)")                                                \
    R(SACK_EMPTY, "SACK block that is empty or turned round (RFC 2018 3)")                         \
    R(SACK_UNDELIVERED, "SACK of what was never delivered (RFC 2018 4)")                           \
    R(SACK_OVERLAP, "SACK blocks that overlap (RFC 2018 4)")                                       \
    R(SACK_BELOW_ACK, "SACK block at or below the ACK that is no D-SACK (RFC 2018 3, 2883 4)")     \
    R(DSACK, "D-SACK of what came once, or told twice (RFC 2883 4)")                               \
    R(RST_SEQ, "RST whose SEQ or ACK answers nothing (RFC 9293 3.10.7.1)")                         \
    R(AFTER_RST, "a segment after RST")                                                            \
    R(ECN, "ECN codepoint or flag that RFC 3168 forbids here")

#define TCP_TRACE_ENUM(name, text) TCP_TRACE_##name,
enum tcp_trace_rule { TCP_TRACE_RULES(TCP_TRACE_ENUM) TCP_TRACE_RULE_COUNT };
extern const char *const tcp_trace_rule_names[TCP_TRACE_RULE_COUNT];
extern const char *const tcp_trace_rule_texts[TCP_TRACE_RULE_COUNT];

/* What is known of a frame's transport checksum, and what became of it. */
enum {
    TCP_TRACE_CSUM_BLANK = 1, /* the field holds the pseudo-header's sum: RFC 793's, not inverted */
    TCP_TRACE_CSUM_OK = 2,    /* the device vouches for it: not verified */
    /* The device refused the frame: its bytes count as sent, what it told did not leave. */
    TCP_TRACE_REFUSED = 4
};
/* A super-segment: the device cuts it into segments of `size` bytes. */
#define TCP_TRACE_GSO(size) ((unsigned)(size) << 16)

struct tcp_trace_conf {
    unsigned watch;     /* which ends are judged: 1 << end; 0: both */
    uint32_t mtu_bytes; /* 0: 1500 */
    /* a peer's smaller MSS may be taken for this: stacks floor it (CVE-2019-11479) */
    uint32_t mss_floor_bytes;
    uint32_t initial_window_segs; /* 0: 10 (RFC 6928) */
    uint64_t ack_delay_max_ns;    /* 0: 500 ms; NS_NEVER: not judged */
    uint32_t conns_max;           /* remembered at once, the longest idle goes; 0: 4096 */
    bool cookies;    /* SYN-ACKs may come from SYN cookies: another ISN for the same SYN */
    bool middle;     /* connections whose SYNs were not seen are not judged: captures */
    bool tx_loses;   /* frames may be lost before they are seen: gaps are no error */
    bool large_send; /* frames longer than the MSS are cut by the device */
    /* Told of each violation; NULL: it is printed to stderr with the frames before it, and the
     * program aborts. */
    void (*fail)(void *arg, enum tcp_trace_rule rule, const char *text);
    void *arg;
};

struct tcp_trace_stats {
    uint64_t frames, segments, judged, ignored; /* ignored: no TCP, or malformed from elsewhere */
    uint64_t retransmissions, sack_blocks, dsacks, resets, probes;
    uint64_t connections, forgotten;
    uint64_t errors;
};

struct tcp_trace;

struct tcp_trace *tcp_trace_new(const struct tcp_trace_conf *conf);
void tcp_trace_free(struct tcp_trace *trace);
/* As if new: cheaper where much was not used. */
void tcp_trace_reset(struct tcp_trace *trace);

/* A frame that end `from` (0 or 1) transmits; flags as above. */
void tcp_trace_sent(struct tcp_trace *trace, unsigned from, const uint8_t *bytes, size_t len,
                    uint64_t now_ns, unsigned flags);
/* The frame from end `from` that the other end now receives. */
void tcp_trace_received(struct tcp_trace *trace, unsigned from, const uint8_t *bytes, size_t len,
                        uint64_t now_ns, unsigned flags);

static inline void tcp_trace_frame(struct tcp_trace *trace, unsigned from, const uint8_t *bytes,
                                   size_t len, uint64_t now_ns)
{
    tcp_trace_sent(trace, from, bytes, len, now_ns, 0);
}

static inline void tcp_trace_delivered(struct tcp_trace *trace, unsigned from, const uint8_t *bytes,
                                       size_t len, uint64_t now_ns)
{
    tcp_trace_received(trace, from, bytes, len, now_ns, 0);
}

const struct tcp_trace_stats *tcp_trace_stats(const struct tcp_trace *trace);
/* Violations of one rule so far. */
uint64_t tcp_trace_count(const struct tcp_trace *trace, enum tcp_trace_rule rule);
/* What is judged from now on. */
struct tcp_trace_conf *tcp_trace_conf(struct tcp_trace *trace);
/* The last frames, a line each like tcpdump's: NUL-terminated, valid until the next call. */
const char *tcp_trace_list(const struct tcp_trace *trace);

/* ---- as a device ---------------------------------------------------------------------------- */

struct tcp_trace_dev {
    struct netdev dev;
    struct netdev *inner;
    struct tcp_trace *trace;
    unsigned end;
    uint64_t (*now_ns)(void);
};

/* Gives a device in *dev that stands before `inner`, and tells `trace` of what end `end` sends and
 * receives. Keeps both. Put it next to the stack, before devices that spoil. */
void tcp_trace_dev_open(struct tcp_trace_dev *tdev, struct tcp_trace *trace, unsigned end,
                        uint64_t (*now_ns)(void), struct netdev *inner, struct netdev **dev);

#endif
