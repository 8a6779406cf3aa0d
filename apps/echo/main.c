/* SPDX-License-Identifier: ISC */
/* echo - three old services over TCP, each in its shortest form, without a copy:
 *
 *     mode=echo     what comes goes back, in the pages it came in (RFC 862, port 7)
 *     mode=discard  what comes is dropped (RFC 863, port 9)
 *     mode=source   mib=N MiB of a known sequence are sent, then the end (in place of RFC 864, port
 *                   19); what comes is dropped
 *
 * With digest=1 a connection's end is told with the SHA-256 of what came, or was sent by source.
 */
#include <stdlib.h>

#include <morgana/args.h>
#include <morgana/log.h>
#include <morgana/platform.h>

#include "apps/common/net.h"
#include "apps/common/sha256.h"
#include "apps/common/turns.h"

enum { CONNS_DEFAULT = 64, VIEWS = 16, PIECES_A_TURN = 256 };
enum mode { ECHO, DISCARD, SOURCE };

/* A connection. `page` is a piece that was received and could not be sent yet. */
struct client {
    struct turn turn;    /* first */
    struct client *next; /* in the free list */
    struct page *page;
    uint32_t off, len;
    uint64_t in, out; /* bytes */
    bool ended;       /* source: all was sent */
    struct sha256 sha;
};

static struct net net = {.name = "echo", .conns = CONNS_DEFAULT};
static struct client *clients_free;
static struct turns turns;
static enum mode mode;
static bool digest;
static uint64_t source_bytes;

/* ---- connections ----------------------------------------------------------------------------- */

static int clients_init(void)
{
    struct client *clients = calloc(net.conns, sizeof(*clients));

    if (clients == NULL || turns_init(&turns, net.conns) != 0)
        return -E_NOMEM;
    for (uint32_t i = net.conns; i-- > 0;) {
        clients[i].next = clients_free;
        clients_free = &clients[i];
    }
    return 0;
}

static void tell(const struct client *client, int err)
{
    uint8_t sum[SHA256_BYTES];
    struct sha256 sha = client->sha;

    if (!digest)
        return;
    sha256_finish(&sha, sum);
    LOG_INFO("echo: in %llu out %llu sha256 %s%s%s", (unsigned long long)client->in,
             (unsigned long long)client->out, sha256_text(sum).text, err != 0 ? ": " : "",
             err != 0 ? err_name(err) : "");
}

/* Tells of it, and lets go of it: in order, or by a reset where something is wrong. */
static void end(struct client *client, int err, uint64_t now)
{
    tell(client, err);
    if (client->page != NULL)
        page_put(client->page);
    client->page = NULL;
    if (err == 0)
        (void)tcp_close(&net.tcp, client->turn.conn, now);
    else
        (void)tcp_abort(&net.tcp, client->turn.conn, now);
    turns_end(&turns, &client->turn);
    client->next = clients_free;
    clients_free = client;
}

/* ---- the services ---------------------------------------------------------------------------- */

/* Each does what it can, at most PIECES_A_TURN pieces: 1 and there is more to do; -E_AGAIN, and
 * readiness will tell; 0 the connection is done with; or what is wrong. */

static int echo(struct client *client, uint64_t now)
{
    for (unsigned i = 0; i < PIECES_A_TURN; i++) {
        int err;

        if (client->page == NULL) {
            err = tcp_recv_page(&net.tcp, client->turn.conn, &client->page, &client->off,
                                &client->len, now);
            if (err <= 0)
                return err;
            client->in += client->len;
            if (digest)
                sha256_add(&client->sha, cs_ro_of(client->page->base + client->off, client->len));
        }
        err =
            tcp_send_page(&net.tcp, client->turn.conn, client->page, client->off, client->len, now);
        if (err != 0)
            return err;
        client->out += client->len;
        client->page = NULL;
    }
    return 1;
}

static int discard(struct client *client, uint64_t now)
{
    struct cs_ro views[VIEWS];

    for (unsigned i = 0; i < PIECES_A_TURN / VIEWS; i++) {
        int n = tcp_recv_peek(&net.tcp, client->turn.conn, views, VIEWS);
        size_t bytes = 0;

        if (n <= 0)
            return n;
        for (int v = 0; v < n; v++) {
            if (digest && mode == DISCARD)
                sha256_add(&client->sha, views[v]);
            bytes += views[v].len;
        }
        client->in += bytes;
        n = tcp_recv_consume(&net.tcp, client->turn.conn, (uint32_t)bytes, now);
        if (n < 0)
            return n;
    }
    return 1;
}

/* The sequence: 64-bit numbers from 0 on, big end first. */
static void fill(struct cs room, uint64_t at)
{
    size_t i = 0;

    for (; i < room.len && (at + i) % 8 != 0; i++)
        room.base[i] = (uint8_t)((at + i) / 8 >> 8 * (7 - (at + i) % 8));
    for (; i + 8 <= room.len; i += 8)
        cs_set_be64(room, i, (at + i) / 8);
    for (; i < room.len; i++)
        room.base[i] = (uint8_t)((at + i) / 8 >> 8 * (7 - (at + i) % 8));
}

static int source(struct client *client, uint64_t now)
{
    for (unsigned i = 0; !client->ended; i++) {
        uint64_t left = source_bytes - client->out;
        struct cs room;
        int err;

        if (i == PIECES_A_TURN)
            return 1;
        if (left == 0) {
            err = tcp_shutdown(&net.tcp, client->turn.conn, now);
            if (err != 0)
                return err;
            client->ended = true;
            break;
        }
        err = tcp_send_reserve(&net.tcp, client->turn.conn, &room);
        if (err != 0)
            return err;
        room = cs_head(room, (size_t)u64_min(room.len, left));
        fill(room, client->out);
        if (digest)
            sha256_add(&client->sha, cs_as_ro(room));
        err = tcp_send_commit(&net.tcp, client->turn.conn, (uint32_t)room.len, now);
        if (err != 0)
            return err;
        client->out += room.len;
    }
    return -E_AGAIN;
}

/* Source drops what comes all the while, and is done when all was sent and acknowledged, or the
 * peer has no more to say. */
static int serve_source(struct client *client, uint64_t now)
{
    int sent = source(client, now), got = discard(client, now);

    if (sent < 0 && sent != -E_AGAIN)
        return sent;
    if (got < 0 && got != -E_AGAIN)
        return got;
    if (client->ended &&
        (got == 0 || (tcp_ready(&net.tcp, client->turn.conn) & TCP_READY_ACKED) != 0))
        return 0;
    return sent == 1 || got == 1 ? 1 : -E_AGAIN;
}

static void serve(struct turn *turn, uint64_t now)
{
    static int (*const by_mode[])(struct client *, uint64_t) = {
        [ECHO] = echo, [DISCARD] = discard, [SOURCE] = serve_source};
    struct client *client = (struct client *)turn;
    int result = by_mode[mode](client, now);

    if (result == 1)
        turns_more(&turns, turn);
    if (result != 1 && result != -E_AGAIN)
        end(client, result, now);
}

/* ---- the loop -------------------------------------------------------------------------------- */

static void accept_all(uint64_t now)
{
    tcp_t conn;

    while (clients_free != NULL && tcp_accept(&net.tcp, turns.listener, &conn) == 0) {
        struct client *client = clients_free;

        clients_free = client->next;
        *client = (struct client){.turn = client->turn};
        turns_begin(&turns, &client->turn, conn);
        sha256_init(&client->sha);
        (void)tcp_set(&net.tcp, conn, TCP_OPT_KEEPALIVE, 1, now);
        serve(&client->turn, now);
    }
}

static struct turns turns = {.tcp = &net.tcp, .serve = serve, .accept_all = accept_all};

static const struct args_key keys[] = {
    {"mode", "mode=echo", "or discard, or source"},
    {"port", "port=7", "the port it listens at; 7, 9 or 19 by mode"},
    {"mib", "mib=1", "source: MiB that each connection is sent"},
    {"digest", "digest=1", "tells the SHA-256 of each connection"},
    NET_KEYS,
    NET_KEYS_END,
};

static int read_args(int argc, char **argv, struct tcp_listen_conf *conf)
{
    static const char *const modes[] = {
        [ECHO] = "echo", [DISCARD] = "discard", [SOURCE] = "source", NULL};
    static const uint16_t ports[] = {[ECHO] = 7, [DISCARD] = 9, [SOURCE] = 19};
    uint32_t port, wanted = 0, mib = 1;
    unsigned i = ECHO;

    args_check(argc, argv, keys);
    if (args_get_word(argc, argv, "mode", modes, &i) < 0)
        return -E_INVAL;
    mode = (enum mode)i;
    port = ports[mode];
    if (args_get_u32(argc, argv, "port", 1, 65535, &port) < 0 ||
        args_get_u32(argc, argv, "mib", 1, 1 << 20, &mib) < 0 ||
        args_get_u32(argc, argv, "digest", 0, 1, &wanted) < 0)
        return -E_INVAL;
    source_bytes = (uint64_t)mib << 20;
    digest = wanted != 0;
    conf->port = (uint16_t)port;
    return 0;
}

int main(int argc, char **argv)
{
    struct tcp_listen_conf conf = {.addr = IP4_ANY};
    int err;

    if (args_help(argc, argv, "echo, discard and a source of data over TCP", keys))
        return 0;
    if (read_args(argc, argv, &conf) != 0 || net_start(&net, argc, argv, plat_now_ns()) != 0)
        return 1;
    if ((err = clients_init()) != 0 || (err = tcp_listen(&net.tcp, &conf, &turns.listener)) != 0) {
        LOG_ERROR("echo: cannot listen: %s", err_name(err));
        return 1;
    }
    LOG_INFO("echo: %s port %u", net_addr_text(&net).text, conf.port);
    while (plat_request() == PLAT_RUN) {
        uint64_t now = plat_now_ns();
        bool busy = net_poll(&net, now);

        if (!turns_all(&turns, now) && !busy)
            net_wait(&net, NS_NEVER);
    }
    net_stop(&net);
    if (plat_request() == PLAT_REBOOT)
        plat_reboot();
    return 0;
}
