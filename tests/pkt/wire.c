/* SPDX-License-Identifier: ISC */
/* wire.c - IPv4, TCP, UDP and ICMP, to bytes and back. */
#include <string.h>

#include "wire.h"

uint32_t wire_get16(const uint8_t *from)
{
    return (uint32_t)from[0] << 8 | from[1];
}

uint32_t wire_get32(const uint8_t *from)
{
    return wire_get16(from) << 16 | wire_get16(from + 2);
}

void wire_put16(uint8_t *to, uint32_t x)
{
    to[0] = (uint8_t)(x >> 8);
    to[1] = (uint8_t)x;
}

void wire_put32(uint8_t *to, uint32_t x)
{
    wire_put16(to, x >> 16);
    wire_put16(to + 2, x & 0xffff);
}

static uint32_t sum(const uint8_t *bytes, size_t len, uint32_t so_far)
{
    for (size_t i = 0; i < len; i++) {
        so_far += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
        so_far = (so_far & 0xffff) + (so_far >> 16);
    }
    return so_far;
}

static uint32_t pseudo(uint32_t src, uint32_t dst, uint8_t proto, size_t len)
{
    uint32_t s = (src >> 16) + (src & 0xffff) + (dst >> 16) + (dst & 0xffff) + proto;

    return s + (uint32_t)len;
}

/* ---- to bytes -------------------------------------------------------------------------------- */

static bool plain(const struct tcp_option *opt)
{
    return opt->kind == OPT_EOL || opt->kind == OPT_NOP;
}

/* Options as given; what is missing to a multiple of four is end-of-list. 41: too many. */
static size_t build_options(const struct tcp_options *options, uint8_t *out)
{
    size_t n = 0;

    for (unsigned i = 0; i < options->count; i++) {
        const struct tcp_option *opt = &options->opt[i];

        if (n + (plain(opt) ? 1u : 2u + opt->len) > 40)
            return 41;
        out[n++] = opt->kind;
        if (plain(opt))
            continue;
        out[n++] = (uint8_t)(opt->len + 2);
        memcpy(out + n, opt->data, opt->len);
        n += opt->len;
    }
    while (n % 4 != 0)
        out[n++] = OPT_EOL;
    return n;
}

static size_t build_tcp(const struct wire_packet *p, uint8_t *t, size_t room)
{
    uint8_t options[44];
    size_t options_len = build_options(&p->options, options), header = 20 + options_len;

    if (options_len > 40 || p->len > room - header)
        return 0;
    memset(t, 0, 20);
    wire_put16(t, p->src_port);
    wire_put16(t + 2, p->dst_port);
    wire_put32(t + 4, p->seq);
    wire_put32(t + 8, p->ack);
    t[12] = (uint8_t)((header / 4) << 4 | (p->flags >> 8 & 1));
    t[13] = (uint8_t)p->flags;
    wire_put16(t + 14, p->win);
    wire_put16(t + 18, p->urg);
    memcpy(t + 20, options, options_len);
    if (p->len > 0)
        memcpy(t + header, p->payload, p->len);
    wire_put16(t + 16, (uint16_t)~sum(t, header + p->len,
                                      pseudo(p->src, p->dst, PROTO_TCP, header + p->len)));
    return header + p->len;
}

static size_t build_udp(const struct wire_packet *p, uint8_t *t, size_t room)
{
    uint32_t cksum;

    if (p->len > room - 8)
        return 0;
    wire_put16(t, p->src_port);
    wire_put16(t + 2, p->dst_port);
    wire_put16(t + 4, 8 + p->len);
    wire_put16(t + 6, 0);
    if (p->len > 0)
        memcpy(t + 8, p->payload, p->len);
    cksum = (uint16_t)~sum(t, 8 + p->len, pseudo(p->src, p->dst, PROTO_UDP, 8 + p->len));
    wire_put16(t + 6, cksum == 0 ? 0xffff : cksum);
    return 8 + p->len;
}

static void build_ip(uint8_t *h, uint32_t src, uint32_t dst, uint8_t proto, size_t total)
{
    memset(h, 0, 20);
    h[0] = 0x45;
    wire_put16(h + 2, (uint32_t)total);
    wire_put16(h + 6, 0x4000);
    h[8] = 64;
    h[9] = proto;
    wire_put32(h + 12, src);
    wire_put32(h + 16, dst);
}

/* An error message carries the header of what it is about and eight bytes more (RFC 792). */
static size_t build_icmp(const struct wire_packet *p, uint8_t *t, size_t room)
{
    size_t n = 8;

    if (p->len > room - 64)
        return 0;
    memset(t, 0, 64);
    t[0] = p->icmp.type;
    t[1] = p->icmp.code;
    wire_put16(t + 4, p->icmp.id);
    wire_put16(t + 6, p->icmp.mtu);
    if (p->icmp.echoed != 0) {
        uint8_t *inner = t + 8;
        size_t header = p->icmp.echoed == PROTO_TCP ? 20 : 8;

        build_ip(inner, p->icmp.src, p->icmp.dst, p->icmp.echoed, 20 + header + p->icmp.len);
        inner[1] = p->icmp.tos;
        wire_put16(inner + 10, (uint16_t)~sum(inner, 20, 0));
        wire_put16(inner + 20, p->icmp.src_port);
        wire_put16(inner + 22, p->icmp.dst_port);
        if (p->icmp.echoed == PROTO_TCP)
            wire_put32(inner + 24, p->icmp.seq);
        else
            wire_put16(inner + 24, 8 + p->icmp.len);
        n += 28;
    } else if (p->len != 0) {
        memcpy(t + 8, p->payload, p->len);
        n += p->len;
    }
    wire_put16(t + 2, (uint16_t)~sum(t, n, 0));
    return n;
}

size_t wire_build(const struct wire_packet *p, uint8_t out[WIRE_MAX])
{
    size_t room = WIRE_MAX - 20, n;

    if (p->proto == PROTO_TCP)
        n = build_tcp(p, out + 20, room);
    else if (p->proto == PROTO_UDP)
        n = build_udp(p, out + 20, room);
    else
        n = build_icmp(p, out + 20, room);
    if (n == 0)
        return 0;
    build_ip(out, p->src, p->dst, p->proto, 20 + n);
    out[1] = p->tos;
    out[8] = p->ttl;
    wire_put16(out + 10, (uint16_t)~sum(out, 20, 0));
    return 20 + n;
}

/* ---- and back -------------------------------------------------------------------------------- */

static const char *parse_options(const uint8_t *at, size_t len, struct tcp_options *out)
{
    while (len > 0) {
        struct tcp_option *opt = &out->opt[out->count++];

        opt->kind = at[0];
        if (plain(opt)) {
            at++;
            len--;
            continue;
        }
        if (len < 2 || at[1] < 2 || at[1] > len)
            return "a TCP option runs over the header's end";
        opt->len = (uint8_t)(at[1] - 2);
        memcpy(opt->data, at + 2, opt->len);
        len -= at[1];
        at += at[1];
    }
    return NULL;
}

static const char *parse_tcp(const uint8_t *t, size_t len, struct wire_packet *out)
{
    size_t header;

    if (len < 20)
        return "shorter than a TCP header";
    header = (size_t)(t[12] >> 4) * 4;
    if (header < 20 || header > len)
        return "a bad TCP data offset";
    if (sum(t, len, pseudo(out->src, out->dst, PROTO_TCP, len)) != 0xffff)
        return "a bad TCP checksum";
    if ((t[12] & 0x0e) != 0)
        return "reserved TCP bits are set";
    out->src_port = (uint16_t)wire_get16(t);
    out->dst_port = (uint16_t)wire_get16(t + 2);
    out->seq = wire_get32(t + 4);
    out->ack = wire_get32(t + 8);
    out->flags = (uint16_t)((t[12] & 1) << 8 | t[13]);
    out->win = (uint16_t)wire_get16(t + 14);
    out->urg = (uint16_t)wire_get16(t + 18);
    out->len = (uint32_t)(len - header);
    out->payload = t + header;
    return parse_options(t + 20, header - 20, &out->options);
}

static const char *parse_udp(const uint8_t *t, size_t len, struct wire_packet *out)
{
    if (len < 8 || wire_get16(t + 4) != len)
        return "a bad UDP length";
    if (wire_get16(t + 6) != 0 && sum(t, len, pseudo(out->src, out->dst, PROTO_UDP, len)) != 0xffff)
        return "a bad UDP checksum";
    out->src_port = (uint16_t)wire_get16(t);
    out->dst_port = (uint16_t)wire_get16(t + 2);
    out->len = (uint32_t)(len - 8);
    out->payload = t + 8;
    return NULL;
}

static const char *parse_icmp(const uint8_t *t, size_t len, struct wire_packet *out)
{
    const uint8_t *inner = t + 8;

    if (len < 8)
        return "shorter than an ICMP header";
    if (sum(t, len, 0) != 0xffff)
        return "a bad ICMP checksum";
    out->icmp.type = t[0];
    out->icmp.code = t[1];
    out->icmp.id = (uint16_t)wire_get16(t + 4);
    out->icmp.mtu = (uint16_t)wire_get16(t + 6);
    out->payload = inner;
    out->len = (uint32_t)(len - 8);
    if ((t[0] == 3 || t[0] == 11 || t[0] == 12) && len >= 36) {
        out->icmp.echoed = inner[9];
        out->icmp.src = wire_get32(inner + 12);
        out->icmp.dst = wire_get32(inner + 16);
        out->icmp.src_port = (uint16_t)wire_get16(inner + 20);
        out->icmp.dst_port = (uint16_t)wire_get16(inner + 22);
        out->icmp.seq = wire_get32(inner + 24);
    }
    return NULL;
}

const char *wire_parse(const uint8_t *h, size_t len, struct wire_packet *out)
{
    size_t header, total;

    *out = (struct wire_packet){0};
    if (len < 20 || h[0] >> 4 != 4)
        return "no IPv4 packet";
    header = (size_t)(h[0] & 15) * 4;
    total = wire_get16(h + 2);
    if (header < 20 || total < header || total > len)
        return "bad IPv4 lengths";
    if (sum(h, header, 0) != 0xffff)
        return "a bad IPv4 checksum";
    out->tos = h[1];
    out->df = (h[6] & 0x40) != 0;
    out->ttl = h[8];
    out->proto = h[9];
    out->src = wire_get32(h + 12);
    out->dst = wire_get32(h + 16);
    if ((wire_get16(h + 6) & 0x3fff) != 0)
        return "a fragment";
    if (out->proto == PROTO_TCP)
        return parse_tcp(h + header, total - header, out);
    if (out->proto == PROTO_UDP)
        return parse_udp(h + header, total - header, out);
    if (out->proto == PROTO_ICMP)
        return parse_icmp(h + header, total - header, out);
    return "an unknown protocol";
}
