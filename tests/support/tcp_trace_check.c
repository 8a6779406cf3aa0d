/* SPDX-License-Identifier: ISC */
/* tcp_trace_check.c - the trace checker's connections: found by addresses and ports, the longest
 * idle forgotten when there are too many; frames in, and what is done with a violation. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tcp_trace_priv.h"

#define RULE_NAME(name, text) #name,
#define RULE_TEXT(name, text) text,
const char *const tcp_trace_rule_names[TCP_TRACE_RULE_COUNT] = {TCP_TRACE_RULES(RULE_NAME)};
const char *const tcp_trace_rule_texts[TCP_TRACE_RULE_COUNT] = {TCP_TRACE_RULES(RULE_TEXT)};

/* ---- connections ---------------------------------------------------------------------------- */

void tt_half_reset(struct tt_half *h)
{
    tt_bytes_free(&h->bytes);
    tt_ranges_free(&h->got);
    tt_ranges_free(&h->twice);
    free(h->tsvals);
    memset(h, 0, sizeof(*h));
    h->fin = h->got_fin = TT_NONE;
}

static uint32_t hash_of(const uint32_t addr[2], const uint16_t port[2])
{
    uint64_t x = ((uint64_t)addr[0] << 32 | addr[1]) * UINT64_C(0x9e3779b97f4a7c15);

    x ^= x >> 29;
    x = (x + ((uint64_t)port[0] << 16 | port[1])) * UINT64_C(0xbf58476d1ce4e5b9);
    return (uint32_t)(x >> 32);
}

static void unlink_age(struct tcp_trace *t, struct tt_conn *conn)
{
    if (conn->newer != NULL)
        conn->newer->older = conn->older;
    else
        t->newest = conn->older;
    if (conn->older != NULL)
        conn->older->newer = conn->newer;
    else
        t->oldest = conn->newer;
}

static void link_newest(struct tcp_trace *t, struct tt_conn *conn)
{
    conn->newer = NULL;
    conn->older = t->newest;
    if (t->newest != NULL)
        t->newest->newer = conn;
    else
        t->oldest = conn;
    t->newest = conn;
}

static struct tt_conn **slot_of(struct tcp_trace *t, const uint32_t addr[2], const uint16_t port[2])
{
    struct tt_conn **slot = &t->buckets[hash_of(addr, port) & t->bucket_mask];

    while (*slot != NULL &&
           (memcmp((*slot)->addr, addr, 8) != 0 || memcmp((*slot)->port, port, 4) != 0))
        slot = &(*slot)->hash_next;
    return slot;
}

static struct tt_conn *forget_oldest(struct tcp_trace *t)
{
    struct tt_conn *conn = t->oldest;

    *slot_of(t, conn->addr, conn->port) = conn->hash_next;
    unlink_age(t, conn);
    tt_half_reset(&conn->half[0]);
    tt_half_reset(&conn->half[1]);
    t->stats.forgotten++;
    return conn;
}

/* The connection of a segment from end `from`. */
static struct tt_conn *conn_of(struct tcp_trace *t, unsigned from, const struct tt_seg *seg)
{
    uint32_t addr[2];
    uint16_t port[2];
    struct tt_conn **slot, *conn;

    addr[from] = seg->src;
    addr[!from] = seg->dst;
    port[from] = seg->sport;
    port[!from] = seg->dport;
    slot = slot_of(t, addr, port);
    conn = *slot;
    if (conn != NULL) {
        unlink_age(t, conn);
    } else {
        conn = t->free;
        if (conn != NULL) {
            t->free = conn->hash_next;
        } else {
            conn = forget_oldest(t);
            slot = slot_of(t, addr, port);
        }
        memset(conn, 0, sizeof(*conn));
        memcpy(conn->addr, addr, sizeof(addr));
        memcpy(conn->port, port, sizeof(port));
        tt_half_reset(&conn->half[0]);
        tt_half_reset(&conn->half[1]);
        /* What was forgotten may be what this belongs to. */
        conn->blind =
            (seg->flags & (SYN | ACK)) != SYN && (t->conf.middle || t->stats.forgotten != 0);
        *slot = conn;
        t->stats.connections++;
    }
    if ((seg->flags & (SYN | ACK)) == SYN)
        conn->blind = false;
    link_newest(t, conn);
    return conn;
}

/* ---- life ----------------------------------------------------------------------------------- */

struct tcp_trace *tcp_trace_new(const struct tcp_trace_conf *conf)
{
    struct tcp_trace *t = calloc(1, sizeof(*t));
    uint32_t buckets = 64;

    t->conf = *conf;
    if (t->conf.watch == 0)
        t->conf.watch = 3;
    if (t->conf.mtu_bytes == 0)
        t->conf.mtu_bytes = 1500;
    if (t->conf.initial_window_segs == 0)
        t->conf.initial_window_segs = 10;
    if (t->conf.ack_delay_max_ns == 0)
        t->conf.ack_delay_max_ns = 500 * NS_PER_MS;
    if (t->conf.conns_max == 0)
        t->conf.conns_max = 4096;
    while (buckets < t->conf.conns_max)
        buckets *= 2;
    t->buckets = calloc(buckets, sizeof(*t->buckets));
    t->bucket_mask = buckets - 1;
    t->conns = calloc(t->conf.conns_max, sizeof(*t->conns));
    for (uint32_t i = t->conf.conns_max; i-- > 0;) {
        t->conns[i].hash_next = t->free;
        t->free = &t->conns[i];
    }
    return t;
}

void tcp_trace_reset(struct tcp_trace *t)
{
    for (struct tt_conn *conn = t->newest; conn != NULL; conn = conn->older) {
        *slot_of(t, conn->addr, conn->port) = conn->hash_next;
        tt_half_reset(&conn->half[0]);
        tt_half_reset(&conn->half[1]);
        conn->hash_next = t->free;
        t->free = conn;
    }
    t->newest = t->oldest = NULL;
    t->stats = (struct tcp_trace_stats){0};
    memset(t->counts, 0, sizeof(t->counts));
    t->line_next = t->line_count = 0;
}

void tcp_trace_free(struct tcp_trace *t)
{
    if (t == NULL)
        return;
    tcp_trace_reset(t);
    free(t->conns);
    free(t->buckets);
    free(t);
}

const struct tcp_trace_stats *tcp_trace_stats(const struct tcp_trace *t)
{
    return &t->stats;
}

uint64_t tcp_trace_count(const struct tcp_trace *t, enum tcp_trace_rule rule)
{
    return t->counts[rule];
}

struct tcp_trace_conf *tcp_trace_conf(struct tcp_trace *t)
{
    return &t->conf;
}

/* ---- frames --------------------------------------------------------------------------------- */

static void remember_line(struct tcp_trace *t, const struct tt_seg *seg, unsigned from,
                          uint64_t now, bool delivered, unsigned flags)
{
    struct tt_line *line = &t->lines[t->line_next];

    t->line_next = (t->line_next + 1) % TT_LIST;
    t->line_count += t->line_count < TT_LIST;
    *line = (struct tt_line){.seg = *seg,
                             .at = now,
                             .from = (uint8_t)from,
                             .delivered = delivered,
                             .refused = (flags & TCP_TRACE_REFUSED) != 0};
    line->seg.payload = NULL; /* gone by then */
}

void tcp_trace_sent(struct tcp_trace *t, unsigned from, const uint8_t *bytes, size_t len,
                    uint64_t now_ns, unsigned flags)
{
    struct tt_seg seg;
    struct tt_case c = {.trace = t, .seg = &seg, .from = from, .now = now_ns};

    t->stats.frames++;
    tt_parse(&seg, bytes, len, flags);
    if (!seg.tcp) {
        t->stats.ignored++;
        return;
    }
    t->stats.segments++;
    remember_line(t, &seg, from, now_ns, false, flags);
    if ((t->conf.watch & 1u << from) == 0)
        return;
    tt_judge_header(&c);
    if (seg.ip_bad || seg.bad || seg.fragment)
        return;
    c.conn = conn_of(t, from, &seg);
    c.me = &c.conn->half[from];
    if (c.conn->blind)
        return;
    if ((flags & TCP_TRACE_REFUSED) != 0) {
        tt_note_refused(&c);
        return;
    }
    t->stats.judged++;
    tt_judge(&c);
}

void tcp_trace_received(struct tcp_trace *t, unsigned from, const uint8_t *bytes, size_t len,
                        uint64_t now_ns, unsigned flags)
{
    struct tt_seg seg;
    struct tt_case c = {.trace = t, .seg = &seg, .from = from, .now = now_ns};

    t->stats.frames++;
    tt_parse(&seg, bytes, len, flags);
    if (!seg.tcp) {
        t->stats.ignored++;
        return;
    }
    t->stats.segments++;
    remember_line(t, &seg, from, now_ns, true, flags);
    if ((t->conf.watch & 1u << !from) == 0)
        return;
    if (seg.ip_bad || seg.bad || seg.fragment || seg.sum_bad) {
        t->stats.ignored++;
        return;
    }
    c.conn = conn_of(t, from, &seg);
    c.me = &c.conn->half[!from];
    if (!c.conn->blind)
        tt_deliver(&c);
}

/* ---- violations ----------------------------------------------------------------------------- */

void tt_fail(const struct tt_case *c, enum tcp_trace_rule rule, const char *how, ...)
{
    struct tcp_trace *t = c->trace;
    char detail[200], text[400];
    va_list args;

    va_start(args, how);
    vsnprintf(detail, sizeof(detail), how, args);
    va_end(args);
    snprintf(text, sizeof(text), "%s: %s%s%s", tcp_trace_rule_names[rule],
             tcp_trace_rule_texts[rule], detail[0] == '\0' ? "" : ": ", detail);
    t->stats.errors++;
    t->counts[rule]++;
    if (t->conf.fail != NULL) {
        t->conf.fail(t->conf.arg, rule, text);
        return;
    }
    fprintf(stderr, "%strace checker: %s\n", tcp_trace_list(t), text);
    abort();
}
