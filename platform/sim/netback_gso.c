/* SPDX-License-Identifier: ISC */
/* netback_gso.c - super-segments of TCP over IPv4 cut into the segments they stand for, where a
 * wire or a guest takes none; and blank checksums completed.
 *
 * Each segment has the headers of the whole as template: its own length, identification and
 * sequence number counted on, FIN and PSH in the last one only, CWR in the first one only
 * (RFC 3168 section 6.1.2).
 */
#include <string.h>

#include <morgana/cksum.h>

#include "netback.h"

#define ETH 14u
#define TCP_CSUM 16u
enum { FIN = 0x01, PSH = 0x08, CWR = 0x80 };

bool sim_gso_begin(struct sim_gso *g, const uint8_t *frame, uint32_t len,
                   const struct sim_meta *meta)
{
    if (len < ETH + 20 || frame[12] != 0x08 || frame[13] != 0x00 || frame[ETH] >> 4 != 4)
        return false;
    uint32_t tcp = ETH + (frame[ETH] & 15u) * 4;
    bool fragment = (frame[ETH + 6] & 0x3f) != 0 || frame[ETH + 7] != 0;
    if (tcp < ETH + 20 || len < tcp + 20 || fragment || frame[ETH + 9] != 6)
        return false;
    uint32_t headers = tcp + (frame[tcp + 12] >> 4) * 4u;
    if (headers < tcp + 20 || headers >= len || meta->gso_size == 0 || !meta->blank ||
        meta->start != tcp || meta->off != TCP_CSUM)
        return false;
    *g = (struct sim_gso){.frame = frame, .len = len, .headers = headers, .meta = *meta};
    return true;
}

static void fix_headers(const struct sim_gso *g, struct cs out, uint32_t n)
{
    size_t tcp = g->meta.start;
    struct cs_ro ip = cs_ro_of(out.base + ETH, tcp - ETH);
    uint32_t tcp_len = (uint32_t)(g->headers - tcp + n);
    uint8_t flags = out.base[tcp + 13];
    cs_set_be16(out, ETH + 2, (uint16_t)(tcp - ETH + tcp_len));
    cs_set_be16(out, ETH + 4, (uint16_t)(cs_get_be16(ip, 4) + (g->done / g->meta.gso_size)));
    cs_set_be16(out, ETH + 10, 0);
    cs_set_be16(out, ETH + 10, cksum_finish(cksum_partial(ip, 0)));
    cs_set_be32(out, tcp + 4, cs_get_be32(cs_ro_of(out.base, out.len), tcp + 4) + g->done);
    if (g->headers + g->done + n < g->len)
        flags &= (uint8_t) ~(FIN | PSH);
    if (g->done != 0)
        flags &= (uint8_t)~CWR;
    out.base[tcp + 13] = flags;
    uint32_t sum = cksum_pseudo4(cs_get_be32(ip, 12), cs_get_be32(ip, 16), 6, (uint16_t)tcp_len);
    cs_set_be16(out, tcp + TCP_CSUM, (uint16_t)~cksum_finish(sum));
}

uint32_t sim_gso_next(struct sim_gso *g, uint8_t *to, struct sim_meta *meta)
{
    if (g->len <= g->headers + g->done) {
        g->len = 0;
        return 0;
    }
    uint32_t n = u32_min(g->meta.gso_size, g->len - g->headers - g->done);
    memcpy(to, g->frame, g->headers);
    memcpy(to + g->headers, g->frame + g->headers + g->done, n);
    fix_headers(g, cs_of(to, g->headers + n), n);
    g->done += n;
    *meta = g->meta;
    meta->gso_size = 0;
    return g->headers + n;
}

void sim_csum_complete(uint8_t *frame, uint32_t len, struct sim_meta *meta)
{
    if (!cs_in(len, (size_t)meta->start + meta->off, 2))
        return;
    struct cs f = cs_of(frame, len);
    uint16_t field =
        cksum_finish(cksum_partial(cs_ro_of(frame + meta->start, len - meta->start), 0));
    cs_set_be16(f, (size_t)meta->start + meta->off, field == 0 ? 0xffff : field);
    meta->blank = false;
}
