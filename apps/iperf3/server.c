/* SPDX-License-Identifier: ISC */
/* server.c - serves one test at a time, as iperf3 does; others are told so. */
#include "apps/iperf3/iperf3.h"

enum { CONTROL_SILENCE_S = 30, NEWCOMERS_MAX = 8 };

enum phase { IDLE, COOKIE, PARAMS, STREAMS, RUNNING, RESULTS, DONE };

static struct {
    struct test *test;
    tcp_t listener;
    enum phase phase;
    struct peer peer;
    /* Connections that have not shown their cookie yet. */
    struct newcomer {
        tcp_t conn;
        uint64_t since_ns;
    } newcomers[NEWCOMERS_MAX];
    unsigned tests;
} server;

int server_start(struct test *test)
{
    struct tcp_listen_conf conf = {.port = test->conf->port, .backlog = STREAMS_MAX};

    server.test = test;
    report_line("Server listening on %u", test->conf->port);
    return tcp_listen(test->tcp, &conf, &server.listener);
}

bool server_done(void)
{
    return server.tests != 0 && server.test->conf->one_off;
}

static void finish(const char *why, uint64_t now)
{
    if (why != NULL)
        report_line("iperf3: %s", why);
    peer_close(&server.peer, server.test->tcp, now);
    test_end(server.test, why == NULL, now);
    server.phase = IDLE;
    server.tests++;
}

/* ---- who comes ------------------------------------------------------------------------------- */

static void refuse(tcp_t conn, uint64_t now)
{
    static const uint8_t denied = ACCESS_DENIED;

    tcp_send(server.test->tcp, conn, cs_ro_of(&denied, 1), now);
    tcp_close(server.test->tcp, conn, now);
}

/* A connection with the running test's cookie is one of its streams. */
static void take_stream(tcp_t conn, uint64_t now)
{
    struct test *test = server.test;
    const struct params *params = &test->params;
    bool sender = params->bidir ? test->count >= params->parallel : params->reverse;
    struct stream *stream = server.phase == STREAMS && !params->udp ? test_add(test, sender) : NULL;

    if (stream == NULL) {
        tcp_abort(test->tcp, conn, now);
        return;
    }
    stream->conn = conn;
    tcp_stream_options(test, stream, now);
}

/* Its cookie is here: what is it? */
static void sort(tcp_t conn, const char *cookie, uint64_t now)
{
    if (server.phase == IDLE) {
        memcpy(server.test->cookie, cookie, COOKIE_BYTES);
        peer_open(&server.peer, conn, now);
        peer_state(&server.peer, PARAM_EXCHANGE);
        server.phase = PARAMS;
    } else if (memcmp(server.test->cookie, cookie, COOKIE_BYTES) == 0) {
        take_stream(conn, now);
    } else {
        refuse(conn, now);
    }
}

static void poll_newcomer(struct newcomer *newcomer, uint64_t now)
{
    struct tcp *tcp = server.test->tcp;
    char cookie[COOKIE_BYTES];
    int n = tcp_recv_pending(tcp, newcomer->conn, NULL);

    if (n >= COOKIE_BYTES &&
        tcp_recv(tcp, newcomer->conn, cs_of(cookie, sizeof(cookie)), now) == COOKIE_BYTES) {
        sort(newcomer->conn, cookie, now);
        newcomer->conn = 0;
    } else if (n < 0 || (tcp_ready(tcp, newcomer->conn) & (TCP_READY_EOF | TCP_READY_ERROR)) != 0 ||
               now - newcomer->since_ns > CONTROL_SILENCE_S * NS_PER_S) {
        tcp_abort(tcp, newcomer->conn, now);
        newcomer->conn = 0;
    }
}

static bool poll_newcomers(uint64_t now)
{
    bool room = true, any = false;

    while (room) {
        room = false;
        for (unsigned i = 0; i < NEWCOMERS_MAX; i++) {
            struct newcomer *newcomer = &server.newcomers[i];

            if (newcomer->conn == 0) {
                if (tcp_accept(server.test->tcp, server.listener, &newcomer->conn) != 0) {
                    newcomer->conn = 0;
                    continue;
                }
                newcomer->since_ns = now;
                room = any = true;
            }
            poll_newcomer(newcomer, now);
        }
    }
    return any;
}

/* ---- the control connection ------------------------------------------------------------------ */

static const char *take_params(uint64_t now)
{
    struct test *test = server.test;
    struct params params;
    struct cs_ro text;
    int n = peer_take_text(&server.peer, &text);

    if (n == 0)
        return NULL;
    if (n < 0 || !report_take_params(text, &params))
        return "the client's parameters are not understood";
    peer_drop_text(&server.peer, text);
    test_begin(test, &params);
    if (params.udp) {
        struct udp_conf conf = {.port = test->conf->port, .queue_max = 1024};

        if (udp_open(&test->udp, test->nif, &conf) != 0)
            return "cannot open the UDP port";
        test->udp_open = true;
    }
    /* What is agreed upon in SYNs is the listener's. */
    tcp_set(test->tcp, server.listener, TCP_OPT_MSS, params.mss != 0 ? params.mss : MSS_MAX, now);
    peer_state(&server.peer, CREATE_STREAMS);
    server.phase = STREAMS;
    return NULL;
}

static void begin_when_all(uint64_t now)
{
    struct test *test = server.test;

    if (test->udp_open)
        udp_poll(test, &test->udp, NULL, now);
    if (!test_has_all(test))
        return;
    peer_state(&server.peer, TEST_START);
    peer_state(&server.peer, TEST_RUNNING);
    test_start(test, now);
    /* The client says when it is over. */
    test->end_ns = NS_NEVER;
    server.phase = RUNNING;
}

static const char *run(uint64_t now)
{
    uint8_t state;

    if (!peer_take(&server.peer, &state, 1))
        return NULL;
    if (state != TEST_END)
        return state == CLIENT_TERMINATE ? "the client has terminated" : "an unexpected state";
    test_stop(server.test, now);
    /* iperf3's client hears of nothing else until a block, or the end, has come. */
    server.test->ending = true;
    peer_state(&server.peer, EXCHANGE_RESULTS);
    server.phase = RESULTS;
    return NULL;
}

static const char *exchange(void)
{
    static char text[PEER_TEXT_MAX];
    struct json_out out = {text, sizeof(text), 0, false};
    struct cs_ro theirs;
    int n = peer_take_text(&server.peer, &theirs);

    if (n == 0)
        return NULL;
    if (n < 0)
        return "the client's results are too long";
    report_take(server.test, theirs);
    peer_drop_text(&server.peer, theirs);
    report_results(server.test, &out);
    peer_text(&server.peer, cs_ro_of(out.text, out.len));
    peer_state(&server.peer, DISPLAY_RESULTS);
    report_end(server.test);
    server.phase = DONE;
    return NULL;
}

static const char *step(uint64_t now)
{
    uint8_t state;

    switch (server.phase) {
    case PARAMS:
        return take_params(now);
    case STREAMS:
        begin_when_all(now);
        return NULL;
    case RUNNING:
        return run(now);
    case RESULTS:
        return exchange();
    case DONE:
        if (peer_take(&server.peer, &state, 1))
            finish(NULL, now);
        return NULL;
    default:
        return NULL;
    }
}

/* How long may the client be silent? */
static uint64_t patience(void)
{
    uint64_t silence = CONTROL_SILENCE_S * NS_PER_S;

    if (server.phase != RUNNING)
        return silence;
    return server.test->params.time_s == 0
               ? 86400 * NS_PER_S
               : silence + (server.test->params.time_s + server.test->params.omit_s) * NS_PER_S;
}

bool server_poll(uint64_t now)
{
    const char *wrong = NULL;
    bool busy = poll_newcomers(now);
    size_t came;

    if (server.phase == IDLE)
        return busy;
    if (!peer_poll(&server.peer, server.test->tcp, now)) {
        finish(server.phase == DONE ? NULL : "the control connection is gone", now);
        return busy;
    }
    came = server.peer.in_len;
    wrong = step(now);
    if (wrong == NULL && server.phase != IDLE && now - server.peer.heard_ns > patience())
        wrong = "the client is silent";
    if (wrong != NULL) {
        peer_state(&server.peer, SERVER_TERMINATE);
        peer_flush(&server.peer, server.test->tcp, now);
        finish(wrong, now);
    }
    if (server.phase == IDLE)
        return busy;
    peer_flush(&server.peer, server.test->tcp, now);
    return busy || server.peer.in_len != came;
}

uint64_t server_poll_at(void)
{
    uint64_t at = server.phase == IDLE ? NS_NEVER : server.peer.heard_ns + patience();

    for (unsigned i = 0; i < NEWCOMERS_MAX; i++)
        if (server.newcomers[i].conn != 0)
            at = u64_min(at, server.newcomers[i].since_ns + CONTROL_SILENCE_S * NS_PER_S);
    return at;
}
