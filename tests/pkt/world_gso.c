/* SPDX-License-Identifier: ISC */
/* world_gso.c - what a device does that completes checksums and cuts super-segments (pkt.h). */
#include <stdlib.h>
#include <string.h>

#include "wire.h"
#include "world_priv.h"

#define ETH_BYTES 14u

static uint16_t fold(const uint8_t *bytes, size_t len, uint32_t sum)
{
    for (size_t i = 0; i < len; i++) {
        sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)~sum;
}

void world_complete(uint8_t *frame, size_t len, uint32_t start, uint32_t off)
{
    uint16_t sum;

    if (start > len || off + 2 > len - start)
        return;                                /* wire_parse will find the checksum wrong */
    sum = fold(frame + start, len - start, 0); /* the field holds the pseudo-header's sum */
    wire_put16(frame + start + off, sum);
}

/* One segment of a frame whose payload is `len` bytes from `off`: the frame's headers, changed. */
static void send_part(struct world *world, const uint8_t *frame, size_t headers, size_t off,
                      size_t len, unsigned index, bool last)
{
    uint8_t part[65536 + ETH_BYTES], *ip = part + ETH_BYTES, *tcp;
    size_t ip_header, total = headers - ETH_BYTES + len;
    uint32_t pseudo;

    memcpy(part, frame, headers);
    memcpy(part + headers, frame + headers + off, len);
    ip_header = (size_t)(ip[0] & 15) * 4;
    tcp = ip + ip_header;
    wire_put16(ip + 2, (uint32_t)total);
    wire_put16(ip + 4, wire_get16(ip + 4) + index);
    wire_put16(ip + 10, 0);
    wire_put16(ip + 10, fold(ip, ip_header, 0));
    wire_put32(tcp + 4, wire_get32(tcp + 4) + (uint32_t)off);
    if (!last)
        tcp[13] &= (uint8_t) ~(TF_FIN | TF_PSH);
    if (index > 0)
        tcp[13] &= (uint8_t)~TF_CWR;
    pseudo = wire_get16(ip + 12) + wire_get16(ip + 14) + wire_get16(ip + 16) + wire_get16(ip + 18);
    pseudo += ip[9] + (uint32_t)(total - ip_header);
    wire_put16(tcp + 16, 0);
    wire_put16(tcp + 16, fold(tcp, total - ip_header, pseudo));
    world_transmit(world, part, headers + len);
}

void world_cut(struct world *world, const uint8_t *frame, size_t len, uint32_t gso_size)
{
    size_t ip_header = (size_t)(frame[ETH_BYTES] & 15) * 4, headers, payload;
    unsigned index = 0;

    headers = ETH_BYTES + ip_header + (size_t)(frame[ETH_BYTES + ip_header + 12] >> 4) * 4;
    if (headers > len) {
        snprintf(world->error, sizeof(world->error), "a super-segment without its headers");
        return;
    }
    payload = len - headers;
    for (size_t off = 0; off < payload; off += gso_size, index++) {
        size_t part = payload - off < gso_size ? payload - off : gso_size;

        send_part(world, frame, headers, off, part, index, off + part == payload);
    }
}
