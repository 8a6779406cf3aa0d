/* SPDX-License-Identifier: ISC */
/* tcp_trace_parse.c - a frame's bytes taken apart for the trace checker: Ethernet, IPv4, TCP and
 * its options, both checksums. Plain byte arithmetic: nothing of the stack's. */
#include <string.h>

#include "tcp_trace_priv.h"

#define ETH_BYTES 14u

static uint32_t get16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
    return get16(p) << 16 | get16(p + 2);
}

static uint32_t sum_of(const uint8_t *p, size_t len, uint32_t sum)
{
    uint64_t wide = sum;
    size_t i = 0;

    for (; len - i >= 8; i += 8) { /* sixteen bits at a time, and four of those at once */
        uint8_t b[8];

        memcpy(b, p + i, sizeof(b));
        wide += (uint64_t)get32(b) + get32(b + 4);
    }
    for (; i + 1 < len; i += 2)
        wide += get16(p + i);
    if (len % 2 != 0)
        wide += (uint32_t)p[len - 1] << 8;
    while (wide >> 16 != 0)
        wide = (wide & 0xffff) + (wide >> 16);
    return (uint32_t)wide;
}

/* An option's length, its kind included, where RFCs fix it; 0: any. */
static uint32_t option_bytes(uint8_t kind)
{
    static const uint8_t bytes[] = {[2] = 4, [3] = 3, [4] = 2, [8] = 10};

    return kind < sizeof(bytes) ? bytes[kind] : 0;
}

static void take_option(struct tt_opts *o, const uint8_t *p, uint32_t n)
{
    switch (p[0]) {
    case 2:
        o->malformed |= o->mss;
        o->mss = true;
        o->mss_bytes = (uint16_t)get16(p + 2);
        break;
    case 3:
        o->malformed |= o->ws;
        o->ws = true;
        o->ws_shift = p[2];
        break;
    case 4:
        o->malformed |= o->sackok;
        o->sackok = true;
        break;
    case 5:
        if (o->sack || n < 10 || n > 34 || n % 8 != 2) {
            o->malformed = true;
            break;
        }
        o->sack = true;
        o->sack_count = (n - 2) / 8;
        for (unsigned i = 0; i < o->sack_count; i++) {
            o->left[i] = get32(p + 2 + 8 * i);
            o->right[i] = get32(p + 6 + 8 * i);
        }
        break;
    case 8:
        o->malformed |= o->ts;
        o->ts = true;
        o->tsval = get32(p + 2);
        o->tsecr = get32(p + 6);
        break;
    default:
        break; /* others' options are their own affair */
    }
}

static void parse_options(struct tt_opts *o, const uint8_t *p, uint32_t n)
{
    while (n != 0 && p[0] != 0) {
        uint32_t fixed;

        if (p[0] == 1) {
            p++;
            n--;
            continue;
        }
        if (n < 2 || p[1] < 2 || p[1] > n) {
            o->malformed = true;
            return;
        }
        fixed = option_bytes(p[0]);
        if (fixed != 0 && p[1] != fixed)
            o->malformed = true;
        else
            take_option(o, p, p[1]);
        n -= p[1];
        p += p[1];
    }
    for (; n != 0; p++, n--)
        o->malformed |= p[0] != 0; /* RFC 9293 3.1: padding is zeros */
}

static void parse_tcp(struct tt_seg *s, const uint8_t *tcp, uint32_t len, unsigned flags)
{
    uint32_t header,
        sum = (s->src >> 16) + (s->src & 0xffff) + (s->dst >> 16) + (s->dst & 0xffff) + 6 + len;

    if (len < 20) {
        s->bad = true;
        return;
    }
    s->sport = (uint16_t)get16(tcp);
    s->dport = (uint16_t)get16(tcp + 2);
    s->seq = get32(tcp + 4);
    s->ack = get32(tcp + 8);
    s->reserved = tcp[12] & 0xe; /* the lowest is AccECN's (RFC 9768) */
    s->flags = tcp[13];
    s->wnd = (uint16_t)get16(tcp + 14);
    s->urg = (uint16_t)get16(tcp + 18);
    header = (uint32_t)(tcp[12] >> 4) * 4;
    if (header < 20 || header > len) {
        s->bad = true;
        return;
    }
    s->opt_bytes += header - 20;
    parse_options(&s->opts, tcp + 20, header - 20);
    s->payload = tcp + header;
    s->len = len - header;
    if ((flags & TCP_TRACE_CSUM_BLANK) != 0)
        s->sum_bad = get16(tcp + 16) != sum_of(NULL, 0, sum);
    else if ((flags & TCP_TRACE_CSUM_OK) == 0)
        s->sum_bad = sum_of(tcp, len, sum) != 0xffff;
}

void tt_parse(struct tt_seg *s, const uint8_t *frame, size_t len, unsigned flags)
{
    const uint8_t *ip = frame + ETH_BYTES;
    uint32_t header;

    memset(s, 0, sizeof(*s));
    if (len < ETH_BYTES + 20 || get16(frame + 12) != 0x0800 || ip[9] != 6)
        return;
    s->tcp = true;
    s->gso_size = flags >> 16;
    header = (ip[0] & 15u) * 4;
    s->ip_bytes = get16(ip + 2);
    s->ecn = ip[1] & 3;
    s->src = get32(ip + 12);
    s->dst = get32(ip + 16);
    if (ip[0] >> 4 != 4 || header < 20 || s->ip_bytes < header || s->ip_bytes > len - ETH_BYTES ||
        sum_of(ip, header, 0) != 0xffff) {
        s->ip_bad = true;
        return;
    }
    s->fragment = (get16(ip + 6) & 0x3fff) != 0;
    s->opt_bytes = header - 20;
    if (!s->fragment)
        parse_tcp(s, ip + header, s->ip_bytes - header, flags);
}
