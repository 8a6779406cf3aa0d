/* SPDX-License-Identifier: ISC */
/* httpd - a web server of static pages over HTTP/1.1: those of the tar archive given as module, or
 * of a FAT file system on a disk.
 *
 * The archive is used where it lies. Its memory is wrapped in pages, and a file's bytes are sent by
 * reference to these: nothing of a body is copied, however often it is asked for. Only the head of
 * a response is written anew each time. A disk's files are read into pages that TCP then sends;
 * nothing of them is copied either (chunk.h).
 *
 * A connection reads a head, sends the answer, and reads the next (pipelined ones wait in TCP's
 * buffer). One that makes no progress for idle= seconds is ended: a head must have come whole by
 * then, and of an answer something must have been taken.
 */
#include <stdlib.h>

#include <morgana/args.h>
#include <morgana/log.h>
#include <morgana/platform.h>

#include "apps/common/net.h"
#include "apps/common/turns.h"

#include "chunk.h"
#include "http.h"
#include "tree.h"

enum { CONNS_DEFAULT = 256, VIEWS = 128, PIECES_A_TURN = 64, REQUESTS_A_TURN = 16 };

enum phase {
    READ, /* a head, after what is left of the body before it */
    HEAD, /* sends the head of the answer */
    BODY,
    DRAIN /* all was sent, and is followed by no more: what comes is dropped until the peer's end */
};

struct client {
    struct turn turn; /* first */
    enum phase phase;
    uint64_t skip; /* READ: bytes of a request's body to drop */
    struct http_reply reply;
    uint64_t wall_s;              /* HEAD: of its Date, so that it is the same when it goes on */
    uint32_t head_sent;           /* HEAD */
    uint64_t body_sent;           /* BODY */
    uint64_t touched;             /* when it last made progress */
    struct client *older, *newer; /* by that; or the free list, by `newer` */
    struct chunk *chunk;          /* BODY, of a file on the disk: on its way, or being sent */
    bool waits;                   /* for room to read the next one: in the list of these */
    bool next;                    /* it was the first of them, and may read now */
    struct client *next_waiting;
};

static struct net net = {.name = "httpd", .conns = CONNS_DEFAULT};
static struct site site;
static struct page_pool site_pages;
static const uint8_t *site_base; /* of the first of these pages */
static struct client *clients_free, *oldest, *newest;
static struct turns turns;
static struct disk disk = {.name = "httpd", .pages = &net.pages};
static struct client *waiting, **waiting_end = &waiting;
static uint64_t idle_ns;
static struct {
    uint64_t requests, refused, timeouts, bytes, disk_errors;
} stats;

/* ---- the files ------------------------------------------------------------------------------- */

/* Served where there is no module. */
static const char welcome[] =
    "<!DOCTYPE html><title>Morgana</title><h1>It works</h1>\n"
    "<p>This page is the program's own. To serve yours: <code>tar --format=ustar -cf site.tar -C "
    "FOLDER .</code>, then <code>module=site.tar</code> (Linux) or <code>ramdisk = "
    "\"site.tar\"</code> (xl).\n";

static int no_memory(void)
{
    LOG_ERROR("httpd: not enough memory");
    return -E_NOMEM;
}

/* Pages over the memory in which the files lie. */
static int wrap(struct cs_ro area)
{
    size_t before = (uintptr_t)area.base % PAGE_BYTES;
    size_t n = (before + area.len + PAGE_BYTES - 1) / PAGE_BYTES;
    struct page *headers = calloc(n, sizeof(*headers));

    if (headers == NULL || n > UINT32_MAX)
        return no_memory();
    site_base = area.base - before;
    page_pool_wrap(&site_pages, headers, site_base, (uint32_t)n);
    return 0;
}

static int open_site(void)
{
    struct cs_ro archive = plat_module();
    struct site_error error;
    struct site_file *files;
    int count;

    if (archive.len == 0) {
        static struct site_file own = {.name = "index.html"};

        own.data = cs_ro_of(welcome, sizeof(welcome) - 1);
        site = (struct site){.files = &own, .count = 1};
        LOG_INFO("httpd: no module, or it is empty: serving a page of its own");
        return wrap(own.data);
    }
    count = site_count(archive, &error);
    if (count < 0) {
        LOG_ERROR("httpd: module, byte %zu: %s", error.offset, error.text);
        return count;
    }
    files = calloc((size_t)count + 1, sizeof(*files));
    if (files == NULL)
        return no_memory();
    site_index(&site, archive, files);
    LOG_INFO("httpd: %u files", site.count);
    return wrap(archive);
}

/* The files of a disk: 1; 0: there is none that will do, and that does not matter. */
static int open_tree(int argc, char **argv)
{
    int err = disk_open(&disk, argc, argv);

    if (err <= 0)
        return err;
    if (disk.kind != DISK_FAT) {
        LOG_ERROR("httpd: disk=%s: it has no FAT file system", disk_called(&disk).text);
        err = -E_INVAL;
    } else {
        err = tree_index(&site, &disk);
    }
    if (err != 0) {
        disk_close(&disk);
        return disk.word.optional ? 0 : err;
    }
    chunks_init(disk.part, &net.pages);
    LOG_INFO("httpd: %u files", site.count);
    return 1;
}

/* ---- connections ----------------------------------------------------------------------------- */

static void age_remove(struct client *client)
{
    *(client->older != NULL ? &client->older->newer : &oldest) = client->newer;
    *(client->newer != NULL ? &client->newer->older : &newest) = client->older;
}

static void age_add(struct client *client, uint64_t now)
{
    client->touched = now;
    client->older = newest;
    client->newer = NULL;
    *(newest != NULL ? &newest->newer : &oldest) = client;
    newest = client;
}

/* It made progress. */
static void touch(struct client *client, uint64_t now)
{
    if (client->touched == now)
        return;
    age_remove(client);
    age_add(client, now);
}

static int clients_init(void)
{
    struct client *clients = calloc(net.conns, sizeof(*clients));

    if (clients == NULL || turns_init(&turns, net.conns) != 0)
        return no_memory();
    for (uint32_t i = net.conns; i-- > 0;) {
        clients[i].newer = clients_free;
        clients_free = &clients[i];
    }
    return 0;
}

static void client_open(tcp_t conn, uint64_t now)
{
    struct client *client = clients_free;

    clients_free = client->newer;
    *client = (struct client){.turn = client->turn};
    turns_begin(&turns, &client->turn, conn);
    age_add(client, now);
    (void)tcp_set(&net.tcp, conn, TCP_OPT_NODELAY, 1, now); /* answers are written whole */
}

/* In the order in which they came. */
static void wait_for_room(struct client *client)
{
    if (client->waits)
        return;
    client->waits = true;
    client->next_waiting = NULL;
    *waiting_end = client;
    waiting_end = &client->next_waiting;
}

static void wait_no_more(struct client *client)
{
    struct client **at = &waiting;

    if (!client->waits)
        return;
    while (*at != client)
        at = &(*at)->next_waiting;
    *at = client->next_waiting;
    if (*at == NULL)
        waiting_end = at;
    client->waits = false;
}

static void client_end(struct client *client, bool in_order, uint64_t now)
{
    wait_no_more(client);
    if (client->chunk != NULL)
        chunk_drop(client->chunk);
    client->chunk = NULL;
    if (in_order)
        (void)tcp_close(&net.tcp, client->turn.conn, now);
    else
        (void)tcp_abort(&net.tcp, client->turn.conn, now);
    turns_end(&turns, &client->turn);
    age_remove(client);
    client->newer = clients_free;
    clients_free = client;
}

/* ---- phases: each goes on where it can ------------------------------------------------------- */

/* 1: on to the next phase; -E_AGAIN: readiness will tell; 0: the peer has ended, there is nothing
 * left to do; or what is wrong. */

/* Drops up to `n` bytes that came: as tcp_recv_peek, but 1 where there were any. */
static int drop(struct client *client, uint64_t n, uint64_t *dropped, uint64_t now)
{
    struct cs_ro views[VIEWS];
    int count = tcp_recv_peek(&net.tcp, client->turn.conn, views, VIEWS);
    uint64_t bytes = 0;

    if (count <= 0)
        return count;
    for (int i = 0; i < count; i++)
        bytes += views[i].len;
    *dropped = u64_min(bytes, n);
    count = tcp_recv_consume(&net.tcp, client->turn.conn, (uint32_t)*dropped, now);
    return count < 0 ? count : 1;
}

/* The bytes that came, as one view: where they lie in pieces, they are joined in `room`. *whole:
 * there are no more than these. */
static struct cs_ro join(const struct cs_ro *views, int count, struct cs room, bool *whole)
{
    size_t len = 0;

    *whole = count < VIEWS;
    if (count == 1)
        return views[0];
    for (int i = 0; i < count && len < room.len; i++) {
        size_t n = size_min(views[i].len, room.len - len);

        cs_blit(room, len, cs_head(views[i], n));
        len += n;
    }
    return cs_as_ro(cs_head(room, len));
}

static int read_head(struct client *client, uint64_t now)
{
    static uint8_t room[HTTP_HEAD_MAX];
    struct http_request request;
    struct cs_ro views[VIEWS], bytes;
    bool whole;
    int n;

    while (client->skip != 0) {
        uint64_t dropped = 0;

        n = drop(client, client->skip, &dropped, now);
        if (n <= 0)
            return n;
        client->skip -= dropped;
    }
    n = tcp_recv_peek(&net.tcp, client->turn.conn, views, VIEWS);
    if (n <= 0)
        return n;
    bytes = join(views, n, cs_of(room, sizeof(room)), &whole);
    n = http_parse(bytes, &request);
    if (n == 0 && whole)
        /* an end in the middle of a head is nothing to answer */
        return tcp_ready(&net.tcp, client->turn.conn) & TCP_READY_EOF ? 0 : -E_AGAIN;
    client->wall_s = plat_wall_ns() / NS_PER_S;
    if (n <= 0) {
        stats.refused++;
        client->reply = http_refusal(n == 0 ? 431 : -n); /* 431: in far too small pieces */
    } else {
        stats.requests++;
        client->reply = http_answer(&request, &site, client->wall_s);
        client->skip = request.body_bytes;
        n = tcp_recv_consume(&net.tcp, client->turn.conn, (uint32_t)n, now);
        if (n < 0)
            return n;
    }
    client->head_sent = 0;
    client->phase = HEAD;
    return 1;
}

static int send_head(struct client *client, uint64_t now)
{
    static char head[HTTP_REPLY_MAX];
    size_t len = http_emit(&client->reply, client->wall_s, head);

    while (client->head_sent < len) {
        struct cs_ro rest = cs_shift(cs_ro_of(head, len), client->head_sent);
        int n = tcp_send(&net.tcp, client->turn.conn, rest, now);

        if (n <= 0)
            return n == 0 ? -E_AGAIN : n;
        client->head_sent += (uint32_t)n;
    }
    client->body_sent = 0;
    client->phase = BODY;
    return 1;
}

/* The same of a file on the disk: what was read, or the next pages are asked for. */
static int send_read(struct client *client, uint64_t now)
{
    const struct http_reply *reply = &client->reply;
    struct chunk *chunk = client->chunk;
    struct page *page;
    uint32_t off, len;
    int err;

    if (chunk == NULL) {
        /* Nobody overtakes those that wait: the fast would leave the slow nothing. */
        err = waiting == NULL || client->next
                  ? chunk_begin(client, reply->file, reply->first + client->body_sent,
                                reply->length - client->body_sent, &client->chunk)
                  : -E_AGAIN;
        client->next = false;
        if (err == -E_AGAIN)
            wait_for_room(client);
        return err < 0 ? err : -E_AGAIN;
    }
    if (!chunk->is_back)
        return -E_AGAIN;
    if (chunk->req.status != 0) {
        stats.disk_errors++;
        return chunk->req.status; /* the head is gone: a reset is all that can tell */
    }
    page = chunk_piece(chunk, &off, &len);
    err = tcp_send_page(&net.tcp, client->turn.conn, page, off, len, now);
    if (err != 0)
        return err;
    client->body_sent += len;
    stats.bytes += len;
    if (chunk_went(chunk, len))
        client->chunk = NULL;
    return 0;
}

/* The body's next bytes, as far as they lie in one page. */
static int send_piece(struct client *client, uint64_t now)
{
    const struct http_reply *reply = &client->reply;
    size_t at =
        (size_t)(reply->file->data.base - site_base) + (size_t)(reply->first + client->body_sent);
    struct page *page = &site_pages.pages[at / PAGE_BYTES];
    uint32_t off = (uint32_t)(at % PAGE_BYTES);
    uint32_t len = (uint32_t)u64_min(PAGE_BYTES - off, reply->length - client->body_sent);
    int err;

    page_ref(page);
    err = tcp_send_page(&net.tcp, client->turn.conn, page, off, len, now);
    if (err != 0) {
        page_put(page);
        return err;
    }
    client->body_sent += len;
    stats.bytes += len;
    return 0;
}

static int send_body(struct client *client, uint64_t now)
{
    uint64_t length = client->reply.head_only ? 0 : client->reply.length;
    int err = 0;

    for (unsigned i = 0; client->body_sent < length; i++) {
        if (i == PIECES_A_TURN)
            return -E_BUSY;
        err =
            client->reply.file->extents != NULL ? send_read(client, now) : send_piece(client, now);
        if (err != 0)
            return err;
        touch(client, now);
    }
    touch(client, now);
    client->phase = READ;
    if (client->reply.close) {
        err = tcp_shutdown(&net.tcp, client->turn.conn, now);
        client->phase = DRAIN; /* RFC 9112 section 9.6: or a reset could overtake the answer */
    }
    return err != 0 ? err : 1;
}

static int drain(struct client *client, uint64_t now)
{
    uint64_t dropped = 0;

    return drop(client, UINT64_MAX, &dropped, now);
}

static void serve(struct turn *turn, uint64_t now)
{
    static int (*const phases[])(struct client *, uint64_t) = {
        [READ] = read_head, [HEAD] = send_head, [BODY] = send_body, [DRAIN] = drain};
    struct client *client = (struct client *)turn;
    int result = 1;

    /* four phases a request: its turn ends after some, others wait */
    for (unsigned i = 0; result == 1 && i < 4 * REQUESTS_A_TURN; i++)
        result = phases[client->phase](client, now);
    if (result == 1 || result == -E_BUSY)
        turns_more(&turns, turn);
    else if (result != -E_AGAIN)
        client_end(client, result == 0, now);
}

/* ---- the loop -------------------------------------------------------------------------------- */

static void accept_all(uint64_t now)
{
    tcp_t conn;

    while (clients_free != NULL && tcp_accept(&net.tcp, turns.listener, &conn) == 0) {
        client_open(conn, now);
        serve(&newest->turn, now);
    }
}

/* Ends those that make no progress. When the next one's time is up. */
static uint64_t expire(uint64_t now)
{
    while (oldest != NULL && now - oldest->touched >= idle_ns) {
        stats.timeouts++;
        /* one that waits for requests is closed in order; a reset frees the rest at once */
        client_end(oldest, oldest->phase == READ, now);
    }
    return oldest != NULL ? oldest->touched + idle_ns : NS_NEVER;
}

static void read_ready(void *owner)
{
    turns_more(&turns, &((struct client *)owner)->turn);
}

/* What is read and only waits for TCP, since it had its turn, is let go of: slow readers do not
 * keep everybody else out. It is read again when TCP has room. The one that made progress longest
 * ago; false: there is none. */
static bool take_back(void)
{
    for (struct client *client = oldest; client != NULL; client = client->newer)
        if (client->chunk != NULL && client->chunk->is_back && !client->turn.more) {
            chunk_drop(client->chunk);
            client->chunk = NULL;
            return true;
        }
    return false;
}

/* What the disk has read goes on; one that waits for room is next. True: something happened. */
static bool disk_turn(void)
{
    bool busy = disk.is_open && chunks_turn(read_ready);
    struct client *client = waiting;

    if (client != NULL && chunks_out())
        busy |= take_back();
    if (client != NULL && chunks_room()) {
        wait_no_more(client);
        client->next = true;
        read_ready(client);
        busy = true;
    }
    return busy;
}

static struct turns turns = {.tcp = &net.tcp, .serve = serve, .accept_all = accept_all};

int main(int argc, char **argv)
{
    static const struct args_key keys[] = {
        {"port", "port=80", "the port it listens at"},
        {"idle", "idle=15", "seconds within which a request, or an answer's next part, goes over"},
        {"backlog", "backlog=1024", "connections that wait"},
        {"disk", "disk=NAME[:N][,optional]", "a FAT file system, in place of the archive"},
        NET_KEYS,
        NET_KEYS_END,
    };
    struct tcp_listen_conf conf = {.addr = IP4_ANY, .backlog = 1024};
    uint32_t port = 80, idle = 15;
    bool by_disk = plat_module().len == 0 && args_last(argc, argv, "disk") != 0;
    int err;

    if (args_help(argc, argv, "a web server of the pages in a tar archive, or on a disk", keys))
        return 0;
    args_check(argc, argv, keys);
    if (args_get_u32(argc, argv, "port", 1, 65535, &port) < 0 ||
        args_get_u32(argc, argv, "idle", 1, 86400, &idle) < 0 ||
        args_get_u32(argc, argv, "backlog", 1, 65535, &conf.backlog) < 0 ||
        (!by_disk && open_site() != 0) || net_start(&net, argc, argv, plat_now_ns()) != 0 ||
        clients_init() != 0)
        return 1;
    if (by_disk && ((err = open_tree(argc, argv)) < 0 || (err == 0 && open_site() != 0)))
        return 1;
    conf.port = (uint16_t)port;
    idle_ns = idle * NS_PER_S;
    if ((err = tcp_listen(&net.tcp, &conf, &turns.listener)) != 0) {
        LOG_ERROR("httpd: cannot listen: %s", err_name(err));
        return 1;
    }
    LOG_INFO("httpd: http://%s:%u/", net_addr_text(&net).text, port);
    while (plat_request() == PLAT_RUN) {
        uint64_t now = plat_now_ns();
        bool busy = net_poll(&net, now);
        bool read = disk_turn();
        bool more = turns_all(&turns, now);
        uint64_t deadline = expire(now);

        if (!busy && !read && !more && !(disk.is_open && chunks_arm()))
            net_wait(&net, deadline);
    }
    LOG_INFO("httpd: %llu requests, %llu refused, %llu timeouts, %llu bytes of files",
             (unsigned long long)stats.requests, (unsigned long long)stats.refused,
             (unsigned long long)stats.timeouts, (unsigned long long)stats.bytes);
    if (stats.disk_errors != 0)
        LOG_WARN("httpd: %llu errors of the disk", (unsigned long long)stats.disk_errors);
    if (disk.is_open)
        chunks_fini();
    disk_close(&disk);
    net_stop(&net);
    if (plat_request() == PLAT_REBOOT)
        plat_reboot();
    return 0;
}
