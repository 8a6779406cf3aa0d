/* SPDX-License-Identifier: ISC */
/* iperf3.h - what the files of iperf3 know of each other.
 *
 *     main.c    words of the command line, the network, the loop
 *     test.c    one test: its streams, from begin to end, and its pace
 *     server.c  control: who asks for a test, and what is answered
 *     client.c  control: asks a server for a test
 *     peer.c    the control connection: state bytes, and JSON behind its length
 *     tcp.c, udp.c   data streams
 *     report.c  lines for people, JSON for programs, and results for the other side
 *     json.c
 *
 * A test's life on the control connection (iperf3's protocol): the client sends a cookie of 37
 * bytes; the server answers PARAM_EXCHANGE, gets parameters, says CREATE_STREAMS; the client
 * opens the data streams, each with the same cookie (TCP) or a greeting datagram (UDP);
 * TEST_START, TEST_RUNNING; the client ends it with TEST_END; EXCHANGE_RESULTS: results go both
 * ways; DISPLAY_RESULTS; the client says IPERF_DONE. */
#ifndef IPERF3_H
#define IPERF3_H

#include <morgana/args.h>
#include <morgana/log.h>
#include <morgana/platform.h>
#include <morgana/tcp.h>
#include <morgana/udp.h>

#include "apps/common/net.h"
#include "apps/iperf3/json.h"

enum {
    STREAMS_MAX = 64,
    COOKIE_BYTES = 37,     /* 36 characters and NUL */
    PEER_TEXT_MAX = 24576, /* JSON one side sends: about 180 bytes a stream */
    PORT_DEFAULT = 5201,
    TCP_LEN_DEFAULT = 131072,
    UDP_LEN_DEFAULT = 1460,
    UDP_LEN_MIN = 16,
    UDP_LEN_MAX = 65507,
    MSS_MAX = 65495,
};

enum test_state {
    TEST_START = 1,
    TEST_RUNNING = 2,
    TEST_END = 4,
    PARAM_EXCHANGE = 9,
    CREATE_STREAMS = 10,
    SERVER_TERMINATE = 11,
    CLIENT_TERMINATE = 12,
    EXCHANGE_RESULTS = 13,
    DISPLAY_RESULTS = 14,
    IPERF_START = 15,
    IPERF_DONE = 16,
    ACCESS_DENIED = 255,
    SERVER_ERROR = 254,
};

/* What is to be measured: the command line's, or the client's parameters. */
struct params {
    bool udp, reverse, bidir, nodelay, counters64;
    uint32_t parallel;      /* streams each way, 1..STREAMS_MAX */
    uint32_t time_s;        /* 0: until `bytes` or `blocks` */
    uint32_t omit_s;        /* first seconds left out of results */
    uint64_t bytes, blocks; /* 0: no limit */
    uint64_t bandwidth;     /* bits a second of each stream; 0: no limit */
    uint32_t len;           /* of a write or datagram */
    uint32_t window, mss;   /* 0: the stack's own */
    uint32_t tos;
};

struct config {
    bool server, json, one_off;
    uint32_t host; /* client: whom */
    uint16_t port;
    uint32_t interval_s; /* between reports; 0: none */
    struct params params;
};

/* What went over a stream, at a moment. */
struct counts {
    uint64_t bytes, packets, errors, out_of_order, retransmits;
    uint64_t jitter_ns;
};

struct stream {
    unsigned id; /* 1, 3, 4, ...: as iperf3 counts */
    bool sender, open;
    tcp_t conn;
    struct udp_sock sock; /* client: its own */
    uint32_t peer;        /* UDP: the other end, and ours */
    uint32_t local;
    uint16_t peer_port;
    struct counts now, at_start, at_report;
    uint64_t ready_ns;   /* paced: nothing is sent before */
    uint64_t transit_ns; /* UDP: of the datagram before */
    bool has_transit;
    uint32_t left;        /* TCP: bytes of the block that was begun */
    bool ended;           /* TCP: so was said, by a FIN */
    uint64_t sequence;    /* UDP: last sent or received */
    struct counts theirs; /* results of the other side */
    bool has_theirs;
};

struct test {
    const struct config *conf;
    struct params params;
    struct netif *nif;
    struct tcp *tcp;
    struct pkt_pool *pool;
    struct stream streams[STREAMS_MAX];
    unsigned count;
    bool running, draining;
    bool ending; /* and what was sent is followed by its end: the server's way */
    uint64_t start_ns, end_ns, omit_ns, report_ns, last_report_ns;
    bool omitting;
    char cookie[COOKIE_BYTES];
    /* client and server with UDP: the server's port for all its streams */
    struct udp_sock udp;
    bool udp_open;
    struct json_out intervals; /* json: one object each */
};

/* The control connection. */
struct peer {
    tcp_t conn;
    char in[PEER_TEXT_MAX];
    size_t in_len;
    char out[PEER_TEXT_MAX + 8];
    size_t out_len, out_sent;
    uint64_t heard_ns;
};

/* ---- peer.c */
void peer_open(struct peer *peer, tcp_t conn, uint64_t now);
void peer_close(struct peer *peer, struct tcp *tcp, uint64_t now);
/* Sends what waits, as far as there is room. False: the connection is gone. */
bool peer_flush(struct peer *peer, struct tcp *tcp, uint64_t now);
/* Sends what waits, takes what came. False: the connection is gone. */
bool peer_poll(struct peer *peer, struct tcp *tcp, uint64_t now);
/* Queues to send; asserts room: the protocol never has two texts waiting. */
void peer_state(struct peer *peer, enum test_state state);
void peer_text(struct peer *peer, struct cs_ro text);
void peer_bytes(struct peer *peer, struct cs_ro bytes);
/* The next `n` bytes, once they are all here. */
bool peer_take(struct peer *peer, void *to, size_t n);
/* JSON behind its length: 1 and a view until the next poll; 0: not all here; -E_MSGSIZE. */
int peer_take_text(struct peer *peer, struct cs_ro *text);
void peer_drop_text(struct peer *peer, struct cs_ro text);

/* ---- test.c */
/* Pages with the pattern that every stream sends. 0, -E_NOMEM. */
int test_init(struct test *test, const struct config *conf, struct net *net);
void test_begin(struct test *test, const struct params *params);
/* Adds a stream; NULL: as many as the parameters say are here. */
struct stream *test_add(struct test *test, bool sender);
bool test_has_all(const struct test *test);
void test_start(struct test *test, uint64_t now);
/* Moves data, reports. True: there is more to do at once. */
bool test_poll(struct test *test, uint64_t now);
/* Has the test, as far as this side decides, run its course? */
bool test_is_over(const struct test *test, uint64_t now);
void test_stop(struct test *test, uint64_t now);
/* Closes the streams; not in order: by a reset. */
void test_end(struct test *test, bool in_order, uint64_t now);
/* When it must be polled again though nothing comes. */
uint64_t test_poll_at(const struct test *test);
struct page *test_page(void); /* of the pattern; not a reference */
/* May the stream begin a block now? */
bool stream_may_send(const struct test *test, const struct stream *stream, uint64_t now);
/* Counts `bytes`, against its pace too; and a block, if none was left begun. */
void stream_sent(const struct test *test, struct stream *stream, uint64_t bytes, uint64_t now);

/* ---- tcp.c, udp.c */
bool tcp_stream_poll(struct test *test, struct stream *stream, uint64_t now);
void tcp_stream_options(struct test *test, struct stream *stream, uint64_t now);
bool udp_stream_send(struct test *test, struct stream *stream, uint64_t now);
/* Datagrams of a socket: to the stream they belong to, or a greeting. */
bool udp_poll(struct test *test, struct udp_sock *sock, struct stream *own, uint64_t now);
int udp_greet(struct test *test, struct stream *stream, uint32_t word, uint64_t now);
/* Greetings as little-endian words, and as older versions wrote them. */
enum {
    UDP_HELLO = 0x36373839, /* "9876" */
    UDP_REPLY = 0x39383736, /* "6789" */
    UDP_HELLO_OLD = 123456789,
    UDP_REPLY_OLD = 987654321
};

/* ---- report.c */
void report_line(const char *format, ...) PRINTF_LIKE(1, 2);
void report_interval(struct test *test, uint64_t now);
void report_end(struct test *test);
/* Our side of EXCHANGE_RESULTS, into `out`. */
void report_results(const struct test *test, struct json_out *out);
/* The other side's. */
void report_take(struct test *test, struct cs_ro text);
void report_params(const struct params *params, struct json_out *out);
bool report_take_params(struct cs_ro text, struct params *params);

/* ---- server.c, client.c: true: more to do at once */
int server_start(struct test *test);
bool server_poll(uint64_t now);
uint64_t server_poll_at(void);
bool server_done(void);
int client_start(struct test *test, uint64_t now);
bool client_poll(uint64_t now);
uint64_t client_poll_at(void);
/* -E_AGAIN: it runs; 0 or why it failed. */
int client_result(void);

#endif
