/* SPDX-License-Identifier: ISC */
/* frames.h - the frames that bench_udp and lwip/bench_lwip feed: the same bytes to both.
 * 10.0.0.2 sends to 10.0.0.1. */
#ifndef BENCH_FRAMES_H
#define BENCH_FRAMES_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES_HEADERS = 14 + 20 + 8, FRAMES_MAX = 14 + 1500, FRAMES_PORT = 7 };

static inline void frames_put16(uint8_t *to, unsigned x)
{
    to[0] = (uint8_t)(x >> 8);
    to[1] = (uint8_t)x;
}

static inline unsigned frames_checksum(const uint8_t *bytes, size_t n, unsigned sum)
{
    for (size_t i = 0; i < n; i++)
        sum += i % 2 == 0 ? (unsigned)bytes[i] << 8 : bytes[i];
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
}

/* Ethernet, IPv4, and then a UDP datagram to port 7 or an ICMP echo request with `payload`
 * bytes. Returns the frame's length. */
static inline size_t frames_make(uint8_t *f, int icmp, size_t payload)
{
    static const uint8_t head[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0};
    static const uint8_t addrs[] = {10, 0, 0, 2, 10, 0, 0, 1};
    uint8_t *ip = f + 14, *body = f + 34;
    unsigned len = (unsigned)(8 + payload);

    memset(f, 0, FRAMES_HEADERS);
    memcpy(f, head, sizeof(head));
    ip[0] = 0x45;
    frames_put16(ip + 2, 20 + len);
    frames_put16(ip + 6, 0x4000);
    ip[8] = 64;
    ip[9] = icmp ? 1 : 17;
    memcpy(ip + 12, addrs, sizeof(addrs));
    frames_put16(ip + 10, frames_checksum(ip, 20, 0));
    for (size_t i = 0; i < payload; i++)
        body[8 + i] = (uint8_t)(i * 7);
    if (icmp) {
        body[0] = 8;
        frames_put16(body + 4, 1);
        frames_put16(body + 6, 1);
        frames_put16(body + 2, frames_checksum(body, len, 0));
    } else {
        frames_put16(body, 1234);
        frames_put16(body + 2, FRAMES_PORT);
        frames_put16(body + 4, len);
        frames_put16(body + 6, frames_checksum(body, len, 2 * (10 << 8) + 2 + 1 + 17 + len));
    }
    return 34 + len;
}

/* The peer's ARP reply, so that answers find their neighbour. */
static inline size_t frames_arp(uint8_t *f)
{
    static const uint8_t reply[] = {2,  0, 0, 0, 0, 1, 2, 0, 0, 0, 0,  2, 8, 6,
                                    0,  1, 8, 0, 6, 4, 0, 2, 2, 0, 0,  0, 0, 2,
                                    10, 0, 0, 2, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1};

    memcpy(f, reply, sizeof(reply));
    return sizeof(reply);
}

/* What the command line asks: MODE PAYLOAD COUNT with MODE recv, echo, ping, or frag (only
 * bench_udp: PAYLOAD is how many datagrams are in reassembly at once). */
struct frames_job {
    int icmp, answer, frag;
    size_t payload;
    unsigned long count;
};

static inline struct frames_job frames_job(int argc, char **argv)
{
    struct frames_job job = {0};

    if (argc != 4 || strtoul(argv[2], NULL, 10) > 1472) {
        fprintf(stderr, "usage: %s recv|echo|ping|frag PAYLOAD COUNT   (payload 0..1472 bytes)\n",
                argv[0]);
        exit(2);
    }
    job.frag = strcmp(argv[1], "frag") == 0;
    job.icmp = strcmp(argv[1], "ping") == 0;
    job.answer = job.icmp || strcmp(argv[1], "echo") == 0;
    job.payload = strtoul(argv[2], NULL, 10);
    job.count = strtoul(argv[3], NULL, 10);
    return job;
}

/* Ends the program: every frame must have had its effect. */
static inline int frames_verdict(const struct frames_job *job, unsigned long received,
                                 unsigned long sent)
{
    if ((!job->icmp && !job->frag && received != job->count) ||
        (job->answer && sent != job->count)) {
        fprintf(stderr, "received %lu, sent %lu of %lu\n", received, sent, job->count);
        return 1;
    }
    return 0;
}

#endif
