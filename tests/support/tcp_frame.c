/* SPDX-License-Identifier: ISC */
/* tcp_frame.c - TCP frames made by hand, checksums and all. */
#include <string.h>

#include "tcp_frame.h"

static uint8_t *put16(uint8_t *p, uint32_t x)
{
    p[0] = (uint8_t)(x >> 8);
    p[1] = (uint8_t)x;
    return p + 2;
}

static uint8_t *put32(uint8_t *p, uint32_t x)
{
    return put16(put16(p, x >> 16), x & 0xffff);
}

static uint32_t sum_of(const uint8_t *p, size_t len, uint32_t sum)
{
    for (size_t i = 0; i < len; i++) {
        sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (sum & 0xffff) + (sum >> 16);
}

uint8_t tcp_frame_byte(uint32_t index)
{
    uint32_t x = index * 0x9e3779b1u;

    return (uint8_t)(x >> 24 ^ x >> 11);
}

static size_t put_options(uint8_t *out, const struct tcp_frame *f)
{
    uint8_t *p = out;

    if (f->raw != NULL) {
        memcpy(p, f->raw, f->raw_len);
        p += f->raw_len;
    } else {
        if (f->mss != 0)
            p = put16(put16(p, 0x0204), f->mss);
        if (f->sackok)
            p = put32(p, 0x01010402);
        if (f->ts)
            p = put32(put32(put32(p, 0x0101080a), f->tsval), f->tsecr);
        if (f->ws)
            p = put32(p, 0x01030300u | f->ws_shift);
        if (f->sacks != 0)
            p = put32(p, 0x01010500u | (2 + 8 * f->sacks));
        for (unsigned i = 0; i < f->sacks; i++)
            p = put32(put32(p, f->left[i]), f->right[i]);
    }
    while ((p - out) % 4 != 0)
        *p++ = 0;
    return (size_t)(p - out);
}

size_t tcp_frame_make(uint8_t *out, const struct tcp_frame *f)
{
    uint8_t *ip = out + 14, *tcp = ip + 20, *data;
    size_t header = 20 + put_options(tcp + 20, f), len = header + f->len;
    uint32_t sum;

    put32(put16(out, (uint32_t)(f->dst_mac >> 32)), (uint32_t)f->dst_mac);
    put32(put16(out + 6, (uint32_t)(f->src_mac >> 32)), (uint32_t)f->src_mac);
    put16(out + 12, 0x0800);
    ip[0] = 0x45;
    ip[1] = f->ecn;
    put16(ip + 2, (uint32_t)(20 + len));
    put32(ip + 4, 0x00004000);
    ip[8] = 64;
    ip[9] = 6;
    put16(ip + 10, 0);
    put32(ip + 12, f->src);
    put32(ip + 16, f->dst);
    put16(ip + 10, ~sum_of(ip, 20, 0) & 0xffff);
    put16(tcp, f->sport);
    put16(tcp + 2, f->dport);
    put32(tcp + 4, f->seq);
    put32(tcp + 8, f->ack);
    tcp[12] = (uint8_t)(header / 4 << 4);
    tcp[13] = f->flags;
    put16(tcp + 14, f->wnd);
    put16(tcp + 16, 0);
    put16(tcp + 18, f->urg);
    data = tcp + header;
    for (uint32_t i = 0; i < f->len; i++)
        data[i] = f->data != NULL ? f->data[i] : tcp_frame_byte(f->first + i);
    sum = sum_of(ip + 12, 8, (uint32_t)(6 + len));
    put16(tcp + 16, (~sum_of(tcp, len, sum) + f->bad_sum) & 0xffff);
    return 14 + 20 + len;
}
