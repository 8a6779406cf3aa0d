/* SPDX-License-Identifier: ISC */
/* tcp.c - see tcp.h. */
#include <stdio.h>

#include <morgana/platform.h>

#include "apps/common/memory.h"
#include "tcp.h"

enum { CONNS = 4, PAGES = 256, TIMES = 2 };
enum { SOURCE_BYTES = 8 << 20, PIECE = 4096, BUFFER = 64 << 10 };

#define PACE_NS (10 * NS_PER_MS) /* a piece each, while it goes slowly */

enum service { SOURCE, SINK, SERVICES };
static const uint16_t ports[SERVICES] = {[SOURCE] = 19, [SINK] = 9};
static const char *const names[SERVICES] = {[SOURCE] = "source", [SINK] = "sink"};

static struct conn {
    tcp_t handle; /* 0: free */
    enum service service;
    uint32_t bytes; /* given to TCP, or taken from it */
    uint64_t next_at;
    unsigned downs, times; /* of its device, that it saw; that it went on after one */
    bool waits;            /* it saw one, and has not gone on yet */
    uint64_t moved;        /* bytes by then, at both ends */
} conns[CONNS];
static struct tcp tcp;
static tcp_t listeners[SERVICES];

bool plug_tcp_start(struct netif *nif, uint64_t now)
{
    struct tcp_conf conf = {
        .nif = nif, .conns_max = CONNS, .pages_max = PAGES, .tuning = tcp_tuning_default};
    int err = plat_entropy(cs_of(conf.key, sizeof(conf.key)));

    conf.memory_bytes = tcp_memory_bytes(&conf);
    conf.memory = memory_take(conf.memory_bytes, 64);
    if (conf.memory == NULL)
        err = -E_NOMEM;
    if (err == 0)
        err = tcp_init(&tcp, &conf, now);
    for (unsigned i = 0; i < SERVICES && err == 0; i++) {
        err = tcp_listen(&tcp, &(struct tcp_listen_conf){.addr = IP4_ANY, .port = ports[i]},
                         &listeners[i]);
        if (err == 0)
            err = tcp_set(&tcp, listeners[i], i == SOURCE ? TCP_OPT_SNDBUF : TCP_OPT_RCVBUF, BUFFER,
                          now);
    }
    if (err != 0)
        printf("plug: tcp: cannot start: %s\n", err_name(err));
    return err == 0;
}

void plug_tcp_stop(void)
{
    tcp_fini(&tcp);
}

/* ---- the services ---------------------------------------------------------------------------- */

/* The sequence of apps/echo: 64-bit numbers from 0 on, big end first. */
static uint8_t byte_at(uint32_t at)
{
    return at % 8 < 4 ? 0 : (uint8_t)(at / 8 >> 8 * (7 - at % 8));
}

/* Each does at most `n` bytes: 0, the connection is done with; -E_AGAIN, nothing to do now; or
 * what is wrong. */

static int source(struct conn *c, uint32_t n, uint64_t now)
{
    struct cs room;
    int err;

    if (c->bytes == SOURCE_BYTES)
        return 0;
    err = tcp_send_reserve(&tcp, c->handle, &room);
    if (err != 0)
        return err;
    n = u32_min(n, u32_min((uint32_t)room.len, SOURCE_BYTES - c->bytes));
    for (uint32_t i = 0; i < n; i++)
        room.base[i] = byte_at(c->bytes + i);
    c->bytes += n;
    err = tcp_send_commit(&tcp, c->handle, n, now);
    return err != 0 ? err : 1;
}

static int sink(struct conn *c, uint32_t n, uint64_t now)
{
    struct cs_ro view;
    int got = tcp_recv_peek(&tcp, c->handle, &view, 1);

    if (got <= 0)
        return got;
    n = u32_min(n, (uint32_t)view.len);
    for (uint32_t i = 0; i < n; i++, c->bytes++) {
        if (view.base[i] != byte_at(c->bytes))
            return -E_PROTO;
    }
    got = tcp_recv_consume(&tcp, c->handle, n, now);
    return got != 0 ? got : 1;
}

/* ---- connections ----------------------------------------------------------------------------- */

static void accept_all(unsigned downs)
{
    for (unsigned i = 0; i < CONNS; i++) {
        struct conn *c = &conns[i];

        for (unsigned s = 0; s < SERVICES && c->handle == 0; s++) {
            *c = (struct conn){.service = (enum service)s, .downs = downs};
            if (tcp_accept(&tcp, listeners[s], &c->handle) == 0)
                printf("plug: tcp: %s: begins\n", names[s]);
            else
                c->handle = 0;
        }
    }
}

static void end(struct conn *c, int err, uint64_t now)
{
    printf("plug: tcp: %s: %lu bytes: %s\n", names[c->service], (unsigned long)c->bytes,
           err == 0 ? "done" : err_name(err));
    if (err == 0)
        (void)tcp_close(&tcp, c->handle, now);
    else
        (void)tcp_abort(&tcp, c->handle, now);
    c->handle = 0;
}

/* Bytes that came and that the peer says came, beyond those of before its device went down? */
static void look(struct conn *c, unsigned downs, uint64_t now)
{
    struct tcp_info info;
    uint64_t moved;

    if (tcp_info(&tcp, c->handle, now, &info) != 0)
        return;
    moved = info.bytes_acked + info.bytes_received;
    if (c->waits && moved > c->moved) {
        c->waits = false;
        c->times++;
        printf("plug: tcp: %s: goes on, %u\n", names[c->service], c->times);
    }
    if (c->downs != downs) {
        c->waits = true;
        c->moved = moved;
    }
    c->downs = downs;
}

static void serve(struct conn *c, uint64_t now)
{
    const bool slow = c->times < TIMES;
    int result;

    if (slow && now < c->next_at)
        return;
    c->next_at = now + PACE_NS;
    do
        result = c->service == SOURCE ? source(c, PIECE, now) : sink(c, PIECE, now);
    while (result == 1 && !slow);
    if (result <= 0 && result != -E_AGAIN)
        end(c, result, now);
}

uint64_t plug_tcp_turn(unsigned downs, uint64_t now)
{
    uint64_t until = NS_NEVER;

    accept_all(downs);
    for (unsigned i = 0; i < CONNS; i++) {
        struct conn *c = &conns[i];

        if (c->handle == 0)
            continue;
        look(c, downs, now);
        serve(c, now);
        if (c->handle != 0 && c->times < TIMES)
            until = u64_min(until, c->next_at);
    }
    return until;
}
