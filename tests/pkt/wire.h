/* SPDX-License-Identifier: ISC */
/* wire.h - IPv4 packets as bytes and as a struct, for the runner alone: none of tcpip/'s code, so
 * that a mistake there is not made twice. */
#ifndef PKT_WIRE_H
#define PKT_WIRE_H

#include "script.h"

#define WIRE_MAX 65535u

struct wire_packet {
    bool inbound;
    int64_t at_ns; /* since the script began */
    uint32_t src, dst;
    uint8_t proto, tos, ttl;
    bool df;
    uint16_t src_port, dst_port;
    uint16_t flags; /* TF_ */
    uint32_t seq, ack;
    uint16_t win, urg;
    bool win_any; /* of a script's packet: it does not say, so wire_text does not */
    struct tcp_options options;
    uint32_t len;           /* of payload */
    const uint8_t *payload; /* in the bytes it was read from; NULL: none */
    struct {
        uint8_t type, code;
        uint16_t mtu, id;
        uint8_t echoed; /* protocol of the packet inside, 0: none */
        uint32_t src, dst, seq, len;
        uint16_t src_port, dst_port;
        uint8_t tos;
    } icmp;
};

/* Writes an IPv4 packet with right checksums; its length, 0 where options or lengths do not fit. */
size_t wire_build(const struct wire_packet *packet, uint8_t out[WIRE_MAX]);
/* Reads one and checks what can be checked; NULL, or what is wrong with it. */
const char *wire_parse(const uint8_t *bytes, size_t len, struct wire_packet *out);

uint32_t wire_get16(const uint8_t *from);
uint32_t wire_get32(const uint8_t *from);
void wire_put16(uint8_t *to, uint32_t x);
void wire_put32(uint8_t *to, uint32_t x);

/* As tcpdump would say it. Returns `out`. */
const char *wire_text(const struct wire_packet *packet, char *out, size_t room);
/* A TCP option alone. */
size_t wire_option_text(const struct tcp_option *opt, char *out, size_t room);

#endif
