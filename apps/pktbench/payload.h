/* SPDX-License-Identifier: ISC */
/* payload.h - what pktbench sends: UDP over IPv4 in frames of a given length, of which the payload
 * begins with
 *
 *      0 be32 magic     PAYLOAD_DATA; PAYLOAD_END behind those of a length; PAYLOAD_LAST behind all
 *      4 be32 number    of the packet in its flow, from 0; of END and LAST: how many were sent
 *      8 be64 time      when it was sent, in ns of the sender's clock
 *     16 be16 flow      0 ..
 *
 * and goes on with anything. PAYLOAD_PKTGEN is Linux's pktgen, whose first 8 bytes mean the same
 * (net/core/pktgen.c). */
#ifndef APPS_PKTBENCH_PAYLOAD_H
#define APPS_PKTBENCH_PAYLOAD_H

#include <morgana/pkt.h>

#define PAYLOAD_DATA 0x706b7462u /* "pktb" */
#define PAYLOAD_END 0x706b7465u
#define PAYLOAD_LAST 0x706b746cu
#define PAYLOAD_PKTGEN 0xbe9be955u

enum { PAYLOAD_BYTES = 18, FRAME_HEADERS = 42 }; /* Ethernet 14, IPv4 20, UDP 8 */
/* Lengths of frames: without the checksum that ends them on a wire, which drivers do not see. */
enum { FRAME_MIN = FRAME_HEADERS + PAYLOAD_BYTES, FRAME_MAX = 9014 };

struct payload {
    uint32_t magic, number;
    uint64_t time_ns;
    uint16_t flow;
};

/* Gives a packet that is a payload for a frame of this length, FRAME_MIN..FRAME_MAX, with headroom;
 * NULL where the pool is empty. What does not fit its first page are references to `filler`. */
struct pkt *payload_make(struct pkt_pool *pool, struct page *filler, uint32_t frame_bytes,
                         const struct payload *payload);
/* What stands at `at` of a packet. False: it is none of ours, nor pktgen's. */
bool payload_read(const struct pkt *pkt, uint32_t at, struct payload *payload);

#endif
