/* SPDX-License-Identifier: ISC */
/* tcp_spoil.c - one mistake of TCP put into what a stack sends.
 *
 * Each frame is taken apart as bytes; what a mistake changes is put into a copy, whose checksums
 * are made anew. Strikes come after some good segments, so that there is something to
 * contradict. */
#include <stdlib.h>
#include <string.h>

#include "tcp_spoil.h"

#define GOOD 6u /* segments that pass first */

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

struct frame {
    uint8_t *bytes, *ip, *tcp, *opts, *data;
    size_t len, opts_len, data_len; /* len: of all, with room for one byte more */
    uint32_t seq, ack;
    uint8_t flags;
};

static uint32_t get16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
    return get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, uint32_t x)
{
    p[0] = (uint8_t)(x >> 8);
    p[1] = (uint8_t)x;
}

static void put32(uint8_t *p, uint32_t x)
{
    put16(p, x >> 16);
    put16(p + 2, x & 0xffff);
}

static uint32_t sum_of(const uint8_t *p, size_t len, uint32_t sum)
{
    for (size_t i = 0; i < len; i++) {
        sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

static void make_sums(struct frame *f)
{
    uint32_t sum, n = (uint32_t)(f->len - 34);

    put16(f->ip + 2, n + 20);
    put16(f->ip + 10, 0);
    put16(f->ip + 10, ~sum_of(f->ip, 20, 0) & 0xffff);
    put16(f->tcp + 16, 0);
    sum = sum_of(f->ip + 12, 8, 6 + n);
    put16(f->tcp + 16, ~sum_of(f->tcp, n, sum) & 0xffff);
}

/* The option's first byte, or NULL. */
static uint8_t *option(const struct frame *f, uint8_t kind)
{
    for (size_t i = 0; i + 1 < f->opts_len && f->opts[i] != 0;) {
        if (f->opts[i] == kind)
            return f->opts + i;
        i += f->opts[i] == 1 ? 1 : f->opts[i + 1];
    }
    return NULL;
}

/* ---- mistakes; each true where it struck ---------------------------------------------------- */

static bool window_shrunk(struct tcp_spoil *s, struct frame *f)
{
    (void)s;
    put16(f->tcp + 14, get16(f->tcp + 14) / 2);
    return true;
}

static bool is_again(const struct tcp_spoil *s, const struct frame *f)
{
    return f->data_len != 0 && (int32_t)(f->seq + f->data_len - s->seq_max) <= 0;
}

static bool bytes(struct tcp_spoil *s, struct frame *f)
{
    if (!is_again(s, f))
        return false;
    f->data[f->data_len - 1] ^= 1;
    return true;
}

static bool ack_ahead(struct tcp_spoil *s, struct frame *f)
{
    (void)s;
    put32(f->tcp + 8, f->ack + 1);
    return true;
}

static bool ack_back(struct tcp_spoil *s, struct frame *f)
{
    put32(f->tcp + 8, s->ack_last - 1);
    return true;
}

static bool ts_back(struct tcp_spoil *s, struct frame *f)
{
    uint8_t *o = option(f, 8);

    (void)s;
    if (o != NULL)
        put32(o + 2, get32(o + 2) - 1000000);
    return o != NULL;
}

static bool tsecr(struct tcp_spoil *s, struct frame *f)
{
    uint8_t *o = option(f, 8);

    (void)s;
    if (o != NULL)
        put32(o + 6, get32(o + 6) + 77777);
    return o != NULL;
}

static bool beyond_fin(struct tcp_spoil *s, struct frame *f)
{
    if (!s->fin_seen || (f->flags & FIN) != 0 || f->data_len != 0)
        return false;
    f->bytes[f->len++] = 'x';
    return true;
}

static bool fin_moved(struct tcp_spoil *s, struct frame *f)
{
    if (!s->fin_seen || (f->flags & FIN) != 0 || f->data_len != 0)
        return false;
    f->tcp[13] |= FIN; /* again, where the one before ended */
    return true;
}

static bool seq_window(struct tcp_spoil *s, struct frame *f)
{
    (void)s;
    if (f->data_len == 0)
        return false;
    put32(f->tcp + 4, f->seq + (1u << 24));
    return true;
}

static bool sack(struct tcp_spoil *s, struct frame *f)
{
    uint8_t *o = option(f, 5);

    (void)s;
    if (o != NULL)
        put32(o + 6, get32(o + 6) + 1);
    return o != NULL;
}

static bool synack_isn(struct tcp_spoil *s, struct frame *f)
{
    if (!s->syn_seen || (f->flags & (SYN | ACK)) != (SYN | ACK))
        return false;
    put32(f->tcp + 4, f->seq + 1);
    return true;
}

static bool synack_options(struct tcp_spoil *s, struct frame *f)
{
    if (!s->syn_seen || (f->flags & (SYN | ACK)) != (SYN | ACK))
        return false;
    memset(f->opts, 1, f->opts_len);
    return true;
}

static bool checksum(struct tcp_spoil *s, struct frame *f)
{
    (void)s;
    (void)f;
    return true; /* see spoil() */
}

static bool ect(struct tcp_spoil *s, struct frame *f)
{
    if (f->data_len != 0 && !is_again(s, f))
        return false;
    f->ip[1] |= 2;
    return true;
}

static bool scale(struct tcp_spoil *s, struct frame *f)
{
    uint8_t *o = option(f, 3);

    (void)s;
    if (o != NULL)
        o[2] = 15;
    return o != NULL;
}

static bool after_rst(struct tcp_spoil *s, struct frame *f)
{
    if (s->struck == 0) {
        f->tcp[13] = RST; /* the next segment follows it */
        f->len -= f->data_len;
    }
    return s->struck == 0;
}

static bool no_ts(struct tcp_spoil *s, struct frame *f)
{
    uint8_t *o = option(f, 8);

    (void)s;
    if (o != NULL)
        memset(o, 1, 10);
    return o != NULL;
}

static const struct {
    bool (*strike)(struct tcp_spoil *s, struct frame *f);
    bool syn; /* strikes at SYNs too */
} mistakes[SPOIL_KINDS] = {
    [SPOIL_WINDOW_SHRUNK] = {window_shrunk, false},
    [SPOIL_BYTES] = {bytes, false},
    [SPOIL_ACK_AHEAD] = {ack_ahead, false},
    [SPOIL_ACK_BACK] = {ack_back, false},
    [SPOIL_TS_BACK] = {ts_back, false},
    [SPOIL_TSECR] = {tsecr, false},
    [SPOIL_BEYOND_FIN] = {beyond_fin, false},
    [SPOIL_FIN_MOVED] = {fin_moved, false},
    [SPOIL_SEQ_WINDOW] = {seq_window, false},
    [SPOIL_SACK] = {sack, false},
    [SPOIL_SYNACK_ISN] = {synack_isn, true},
    [SPOIL_SYNACK_OPTIONS] = {synack_options, true},
    [SPOIL_CHECKSUM] = {checksum, false},
    [SPOIL_ECT] = {ect, false},
    [SPOIL_SCALE] = {scale, true},
    [SPOIL_AFTER_RST] = {after_rst, false},
    [SPOIL_NO_TS] = {no_ts, false},
};

/* ---- the device ----------------------------------------------------------------------------- */

static bool parse(struct frame *f, struct pkt *pkt)
{
    size_t header;

    *f = (struct frame){.bytes = malloc(pkt->len + 1u), .len = pkt->len};
    pkt_csum_complete(pkt);
    pkt_read(pkt, 0, cs_of(f->bytes, pkt->len));
    f->ip = f->bytes + 14;
    f->tcp = f->ip + 20;
    if (f->len < 54 || get16(f->bytes + 12) != 0x0800 || f->ip[0] != 0x45 || f->ip[9] != 6)
        return false;
    header = (size_t)(f->tcp[12] >> 4) * 4;
    f->opts = f->tcp + 20;
    f->opts_len = header - 20;
    f->data = f->tcp + header;
    f->data_len = f->len - 34 - header;
    f->seq = get32(f->tcp + 4);
    f->ack = get32(f->tcp + 8);
    f->flags = f->tcp[13];
    return true;
}

static void learn(struct tcp_spoil *s, const struct frame *f)
{
    uint32_t end = f->seq + (uint32_t)f->data_len;

    if ((f->flags & RST) != 0)
        return;
    if ((f->flags & SYN) != 0) { /* another connection */
        s->seq_seen = s->fin_seen = false;
        s->segments = 0;
    }
    s->segments += (f->flags & SYN) == 0;
    s->syn_seen |= (f->flags & (SYN | ACK)) == (SYN | ACK);
    if (!s->seq_seen || (int32_t)(end - s->seq_max) > 0)
        s->seq_max = end;
    s->seq_seen = true;
    if ((f->flags & FIN) != 0) {
        s->fin_seen = true;
        s->fin_seq = end;
    }
    s->ack_last = f->ack;
}

/* Sends a changed copy in the packet's place. */
static int spoil(struct tcp_spoil *s, struct frame *f, struct pkt *pkt)
{
    struct pkt *copy = pkt_get(pkt->pool);
    int err;

    make_sums(f);
    if (s->kind == SPOIL_CHECKSUM)
        f->tcp[16] ^= 0x40;
    if (copy == NULL || pkt_append_copy(copy, cs_ro_of(f->bytes, f->len)) < 0) {
        pkt_put(copy);
        return netdev_tx(s->inner, pkt);
    }
    err = netdev_tx(s->inner, copy);
    if (err != 0) {
        pkt_put(copy);
        return err;
    }
    pkt_put(pkt);
    s->struck++;
    return 0;
}

static int dev_tx(struct netdev *dev, struct pkt *pkt)
{
    struct tcp_spoil *s = CONTAINER_OF(dev, struct tcp_spoil, dev);
    struct frame f;
    int err;

    if (parse(&f, pkt) && s->kind != SPOIL_NOTHING && s->struck < 3 &&
        (mistakes[s->kind].syn || (s->segments >= GOOD && (f.flags & (SYN | RST)) == 0))) {
        struct frame old = f;

        if (mistakes[s->kind].strike(s, &f))
            err = spoil(s, &f, pkt);
        else
            err = netdev_tx(s->inner, pkt);
        learn(s, &old);
    } else {
        err = netdev_tx(s->inner, pkt);
        if (f.tcp != NULL && f.data != NULL)
            learn(s, &f);
    }
    free(f.bytes);
    dev->caps = s->inner->caps;
    dev->link_up = s->inner->link_up;
    return err;
}

static void dev_tx_flush(struct netdev *dev)
{
    netdev_tx_flush(CONTAINER_OF(dev, struct tcp_spoil, dev)->inner);
}

static unsigned dev_rx(struct netdev *dev, struct pkt **pkts, unsigned n)
{
    return netdev_rx(CONTAINER_OF(dev, struct tcp_spoil, dev)->inner, pkts, n);
}

static bool dev_arm(struct netdev *dev)
{
    return netdev_arm(CONTAINER_OF(dev, struct tcp_spoil, dev)->inner);
}

static const struct netdev_ops ops = {
    .name = "tcp_spoil", .tx = dev_tx, .tx_flush = dev_tx_flush, .rx = dev_rx, .arm = dev_arm};

struct netdev *tcp_spoil_open(struct tcp_spoil *s, enum tcp_spoil_kind kind, struct netdev *inner)
{
    *s = (struct tcp_spoil){.dev = *inner, .inner = inner, .kind = kind};
    s->dev.ops = &ops;
    return &s->dev;
}
