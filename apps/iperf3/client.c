/* SPDX-License-Identifier: ISC */
/* client.c - asks a server for one test. */
#include "apps/iperf3/iperf3.h"

enum { CONTROL_SILENCE_S = 30 };

enum phase { CONNECTING, WAITING, OPENING, RUNNING, RESULTS, OVER };

static struct {
    struct test *test;
    enum phase phase;
    struct peer peer;
    int result;
    uint64_t greet_ns;
    bool sent_results;
} client;

int client_result(void)
{
    return client.phase == OVER ? client.result : -E_AGAIN;
}

/* 36 characters that no other client has. */
static int make_cookie(char *cookie)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    uint8_t random[COOKIE_BYTES - 1];
    int err = plat_entropy(cs_of(random, sizeof(random)));

    for (unsigned i = 0; err == 0 && i < sizeof(random); i++)
        cookie[i] = alphabet[random[i] % 32];
    cookie[COOKIE_BYTES - 1] = '\0';
    return err;
}

static int connect_to_server(struct test *test, uint64_t now, tcp_t *conn)
{
    struct tcp_connect_conf conf = {.dst = test->conf->host, .dst_port = test->conf->port};

    return tcp_connect(test->tcp, &conf, now, conn);
}

int client_start(struct test *test, uint64_t now)
{
    tcp_t conn;
    int err = make_cookie(test->cookie);

    client.test = test;
    if (err == 0)
        err = connect_to_server(test, now, &conn);
    if (err != 0)
        return err;
    peer_open(&client.peer, conn, now);
    peer_bytes(&client.peer, cs_ro_of(test->cookie, COOKIE_BYTES));
    test_begin(test, &test->conf->params);
    if (!test->conf->json)
        report_line("Connecting to host %s, port %u", fmt_ip4(test->conf->host).text,
                    test->conf->port);
    return 0;
}

static void finish(int result, const char *why, uint64_t now)
{
    if (result != 0)
        report_line("iperf3: error - %s%s%s", why, result == -E_PROTO ? "" : ": ",
                    result == -E_PROTO ? "" : err_name(result));
    peer_close(&client.peer, client.test->tcp, now);
    test_end(client.test, result == 0, now);
    client.phase = OVER;
    client.result = result;
}

/* ---- streams --------------------------------------------------------------------------------- */

static int open_stream(struct test *test, struct stream *stream, uint64_t now)
{
    struct udp_conf conf = {.queue_max = 1024};
    int err;

    if (!test->params.udp) {
        err = connect_to_server(test, now, &stream->conn);
        if (err == 0)
            tcp_stream_options(test, stream, now); /* its SYN has not left yet */
        stream->open = false;                      /* until its cookie went */
        return err;
    }
    err = udp_open(&stream->sock, test->nif, &conf);
    stream->peer = test->conf->host;
    stream->peer_port = test->conf->port;
    stream->open = false; /* until it was answered */
    return err;
}

static int open_streams(uint64_t now)
{
    struct test *test = client.test;
    unsigned n = test->params.parallel * (test->params.bidir ? 2u : 1u);
    int err = 0;

    for (unsigned i = 0; i < n && err == 0; i++) {
        bool sender = test->params.bidir ? i < test->params.parallel : !test->params.reverse;
        struct stream *stream = test_add(test, sender);

        err = stream == NULL ? -E_NOSPC : open_stream(test, stream, now);
    }
    client.phase = OPENING;
    return err;
}

/* Streams are opened one after the other: the server numbers them as they come. */
static int greet(uint64_t now)
{
    struct test *test = client.test;

    for (unsigned i = 0; i < test->count; i++) {
        struct stream *stream = &test->streams[i];
        int n;

        if (stream->open)
            continue;
        if (test->params.udp) {
            udp_poll(test, &stream->sock, stream, now);
            if (!stream->open && now >= client.greet_ns) {
                udp_greet(test, stream, UDP_HELLO, now);
                client.greet_ns = now + NS_PER_S;
            }
            if (stream->open)
                client.greet_ns = now;
        } else {
            n = tcp_send(test->tcp, stream->conn, cs_ro_of(test->cookie, COOKIE_BYTES), now);
            if (n < 0 && n != -E_AGAIN)
                return n;
            stream->open = n == COOKIE_BYTES;
        }
        return 0;
    }
    return 0;
}

/* ---- what the server says -------------------------------------------------------------------- */

static void say_params(void)
{
    char text[512];
    struct json_out out = {text, sizeof(text), 0, false};

    report_params(&client.test->params, &out);
    peer_text(&client.peer, cs_ro_of(out.text, out.len));
}

static void say_results(void)
{
    static char text[PEER_TEXT_MAX];
    struct json_out out = {text, sizeof(text), 0, false};

    report_results(client.test, &out);
    peer_text(&client.peer, cs_ro_of(out.text, out.len));
    client.phase = RESULTS;
}

static void refused(uint8_t state, uint64_t now)
{
    if (state == ACCESS_DENIED)
        finish(-E_PROTO, "the server is busy running a test. try again later", now);
    else if (state == SERVER_TERMINATE)
        finish(-E_PROTO, "the server has terminated", now);
    else
        finish(-E_PROTO, "the server had an error", now);
}

static void on_state(uint8_t state, uint64_t now)
{
    int err;

    switch (state) {
    case PARAM_EXCHANGE:
        say_params();
        break;
    case CREATE_STREAMS:
        if ((err = open_streams(now)) != 0)
            finish(err, "cannot open a stream", now);
        break;
    case TEST_START:
        break;
    case TEST_RUNNING:
        test_start(client.test, now);
        client.phase = RUNNING;
        break;
    case EXCHANGE_RESULTS:
        say_results();
        break;
    case DISPLAY_RESULTS:
        report_end(client.test);
        peer_state(&client.peer, IPERF_DONE);
        peer_flush(&client.peer, client.test->tcp, now);
        finish(0, NULL, now);
        break;
    default:
        refused(state, now);
    }
}

/* Results come as text, everything else as a byte. */
static void take(uint64_t now)
{
    struct cs_ro text;
    uint8_t state;
    int n;

    if (client.phase == RESULTS && !client.sent_results) {
        n = peer_take_text(&client.peer, &text);
        if (n < 0)
            finish(-E_PROTO, "the server's results are too long", now);
        if (n <= 0)
            return;
        report_take(client.test, text);
        peer_drop_text(&client.peer, text);
        client.sent_results = true;
    }
    if (peer_take(&client.peer, &state, 1))
        on_state(state, now);
}

static uint64_t patience(void)
{
    return CONTROL_SILENCE_S * NS_PER_S;
}

bool client_poll(uint64_t now)
{
    struct test *test = client.test;
    size_t came;
    int err;

    if (client.phase == OVER)
        return false;
    if (!peer_poll(&client.peer, test->tcp, now)) {
        err = tcp_error(test->tcp, client.peer.conn);
        finish(err != 0 ? err : -E_CONNRESET, "the control connection is gone", now);
        return false;
    }
    came = client.peer.in_len;
    take(now);
    if (client.phase == OPENING && (err = greet(now)) != 0)
        finish(err, "cannot open a stream", now);
    if (client.phase == RUNNING && test->running && test_is_over(test, now)) {
        test_stop(test, now);
        peer_state(&client.peer, TEST_END);
        client.peer.heard_ns = now;
    }
    if (client.phase != OVER && !test->running && now - client.peer.heard_ns > patience())
        finish(-E_TIMEDOUT, "the server is silent", now);
    if (client.phase != OVER)
        peer_flush(&client.peer, test->tcp, now); /* what is left waits for room, which wakes us */
    /* Part of a text is nothing to work on: only what was taken says that there may be more. */
    return client.phase != OVER && client.peer.in_len != came;
}

uint64_t client_poll_at(void)
{
    if (client.phase == OPENING && client.test->params.udp)
        return client.greet_ns;
    return client.test->running ? NS_NEVER : client.peer.heard_ns + patience();
}
