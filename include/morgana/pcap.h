/* SPDX-License-Identifier: ISC */
/* pcap.h - a network device that writes every frame that passes to a capture file (pcap, as
 * Wireshark and tcpdump read it).
 *
 * It stands before another device and does what that one does. Where the bytes go is the
 * caller's: a file on Linux, memory in a test. A super-segment (pkt.h) is one record, and a
 * blank checksum is written as it is: both as on the machine's own side of a card that offloads.
 * The format is written in the machine's byte order, which the magic number tells. */
#ifndef MORGANA_PCAP_H
#define MORGANA_PCAP_H

#include <morgana/netdev.h>

#define PCAP_SNAP_MAX 262144u /* as tcpdump has it */

struct pcap_conf {
    /* Takes the next bytes of the capture; false: no more are wanted, the capture has ended.
     * Lends. Never NULL. */
    bool (*write)(void *arg, struct cs_ro bytes);
    void *arg;
    uint64_t (*wall_ns)(void); /* time stamps: ns since 1970; NULL: all are 0 */
    bool nanoseconds;          /* else microseconds: older readers know only those */
    uint32_t snap_bytes;       /* most bytes kept of a frame: 1..PCAP_SNAP_MAX; 0: PCAP_SNAP_MAX */
};

/* A record's header in the file. */
struct pcap_record {
    uint32_t seconds, fraction; /* since 1970; micro- or nanoseconds */
    uint32_t kept_bytes, frame_bytes;
};

/* State; the caller's storage, treat as opaque. */
struct pcap {
    struct netdev dev;
    struct netdev *inner;
    struct pcap_conf conf;
    bool ended;
    uint64_t frames; /* written */
    uint64_t missed; /* sent, but not written: no packet was left for a second reference */
};

/* Writes the file's header. Keeps conf's functions. -E_INVAL for conf; -E_IO where write
 * refuses. */
int pcap_init(struct pcap *pcap, const struct pcap_conf *conf);

/* The same, and Gives a device in *dev that stands before `inner`, which it Keeps and does not
 * close. */
int pcap_open(struct pcap *pcap, const struct pcap_conf *conf, struct netdev *inner,
              struct netdev **dev);

/* One frame, by itself: for callers that have no device. */
void pcap_frame(struct pcap *pcap, const struct pkt *pkt);
/* A record's header for a frame of `frame_bytes` of which the first `kept_bytes` follow, in
 * nanoseconds. */
void pcap_record(struct pcap_record *record, uint64_t wall_ns, uint32_t kept_bytes,
                 uint32_t frame_bytes);

#endif
